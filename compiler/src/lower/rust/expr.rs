//! Expressions as Rust text.
//!
//! Integer expressions are exact in 64 bits by definition. Where the bounds of an operation's
//! operands and result fit 32 bits it is computed in `i32`, which is the same and lets loops
//! process twice as many elements per instruction. Bounds also decide comparisons, remove
//! clamps that cannot act, and turn values that are always the same into constants.

use super::places::Places;
use super::typed::{Level, Ty, Typed, fits_32, float, literal};
use crate::ir::ranges::interval;
use crate::ir::{Access, BinOp, Expr, ExprKind, Kind, MathFn, UnOp};

/// Every 64-bit integer: what the bounds of a result are where it may wrap.
const ANY: (i64, i64) = (i64::MIN, i64::MAX);

impl Places<'_> {
    /// The text of an expression, and the type it has there.
    pub fn expr(&mut self, e: &Expr) -> Typed {
        if let Some(value) = self.constant(e) {
            return match e.kind {
                Kind::Bool => Typed::atom(if value != 0 { "true" } else { "false" }, Ty::Bool),
                _ => literal(value),
            };
        }
        match &e.node {
            ExprKind::Int(value) if e.kind == Kind::Bool => {
                Typed::atom(if *value != 0 { "true" } else { "false" }, Ty::Bool)
            }
            ExprKind::Int(value) => literal(*value),
            ExprKind::Float(value) => float(*value, e.kind),
            ExprKind::Local(local) => self.local(*local),
            ExprKind::Load(access) => self.load(access, e),
            ExprKind::Time => Typed::new("t as i64", Ty::I64, Level::Cast),
            ExprKind::Unary(op, x) => self.unary(*op, x, e),
            ExprKind::Binary(op, a, b) => match a.kind {
                Kind::Int => self.int_binary(*op, a, b, e),
                Kind::Bool => self.bool_binary(*op, a, b),
                Kind::F32 | Kind::F64 => self.float_binary(*op, a, b),
            },
            ExprKind::Select(cond, yes, no) => self.select(cond, yes, no, e),
            ExprKind::Convert(x) => self.convert(x, e),
            ExprKind::Wrap { bits, signed, value } => self.wrapped(value, *bits, *signed),
            ExprKind::Decay(x, d) => self.decay(x, d),
            ExprKind::Math(function, x) => {
                let x = self.expr(x);
                let ty = x.ty;
                Typed::atom(&format!("{}.{}()", x.receiver(), math(*function)), ty)
            }
            ExprKind::Random { seed, site } => {
                let position = self.position().at(Level::Cast);
                let text =
                    format!("snn_runtime::random::uniform({seed}, {site}, t, {position} as u64)");
                Typed::atom(&text, Ty::F64)
            }
        }
    }

    /// Its proven bounds.
    pub fn interval(&self, e: &Expr) -> (i64, i64) {
        interval(e, self.ir, &self.intervals)
    }

    /// The low bits of an integer.
    pub fn wrapped(&mut self, e: &Expr, bits: u8, signed: bool) -> Typed {
        let (bounds, (low, high)) = (self.interval(e), representable(bits, signed));
        if bounds.0 >= low && bounds.1 <= high {
            return self.expr(e);
        }
        match (bits, signed) {
            (64.., _) => self.expr(e),
            (32, true) => self.low_32(e),
            (16, true) => self.low_32(e).cast("i16", Ty::I64).widened(),
            (8, true) => self.low_32(e).cast("i8", Ty::I64).widened(),
            (1..=31, true) => {
                let unused = literal(32 - i64::from(bits));
                let up = self.low_32(e);
                let up = Typed::binary(up, "<<", unused.clone(), Level::Shift, Ty::I32);
                Typed::binary(up, ">>", unused, Level::Shift, Ty::I32)
            }
            (1..=31, false) => {
                let mask = literal((1 << bits) - 1);
                Typed::binary(self.low_32(e), "&", mask, Level::And, Ty::I32)
            }
            _ => {
                let value = self.expr(e).into_int(Ty::I64).at(Level::Open);
                let text = format!("snn_runtime::arith::wrap({value}, {bits}, {signed})");
                Typed::atom(&text, Ty::I64)
            }
        }
    }

    /// The low 32 bits of an integer, as an `i32`. Operations whose low bits depend only on
    /// those of their operands are computed in 32 bits, whatever their bounds.
    fn low_32(&mut self, e: &Expr) -> Typed {
        if fits_32(self.interval(e)) {
            return self.expr(e).into_int(Ty::I32);
        }
        match &e.node {
            ExprKind::Binary(op @ (BinOp::Add | BinOp::Sub | BinOp::Mul), a, b) => {
                let (a, b) = (self.low_32(a), self.low_32(b));
                wrapping(*op, &a, &b)
            }
            ExprKind::Binary(op @ (BinOp::And | BinOp::Or | BinOp::Xor), a, b) => {
                let (a, b) = (self.low_32(a), self.low_32(b));
                let (sign, level) = operator(*op).unwrap_or(("&", Level::And));
                Typed::binary(a, sign, b, level, Ty::I32)
            }
            ExprKind::Binary(BinOp::Shl, a, by) if matches!(by.node, ExprKind::Int(0..=31)) => {
                let (a, by) = (self.low_32(a), self.expr(by));
                Typed::binary(a, "<<", by, Level::Shift, Ty::I32)
            }
            ExprKind::Unary(UnOp::Neg, x) => {
                let x = self.low_32(x);
                Typed::atom(&format!("{}.wrapping_neg()", x.receiver()), Ty::I32)
            }
            ExprKind::Wrap { bits: 32.., value, .. } => self.low_32(value),
            ExprKind::Select(cond, yes, no) if self.constant(cond).is_none() => {
                let cond = self.expr(cond);
                let (yes, no) = (self.low_32(yes), self.low_32(no));
                Typed::choice(&cond, &yes, &no, Ty::I32)
            }
            _ => self.expr(e).into_int(Ty::I32),
        }
    }

    /// Its value, where it can only have one and computing it cannot fail.
    fn constant(&self, e: &Expr) -> Option<i64> {
        if !matches!(e.kind, Kind::Int | Kind::Bool) {
            return None;
        }
        let (low, high) = self.interval(e);
        (low == high && !may_fault(e)).then_some(low)
    }

    fn load(&mut self, access: &Access, e: &Expr) -> Typed {
        let bounds = self.interval(e);
        let elem = self.elem(access.source);
        let place = self.place(access);
        Typed::loaded(place, elem, bounds)
    }

    fn unary(&mut self, op: UnOp, x: &Expr, e: &Expr) -> Typed {
        let (from, to) = (self.interval(x), self.interval(e));
        let x_is_int = x.kind == Kind::Int;
        let mut x = self.expr(x);
        if x_is_int {
            let ty = if fits_32(from) && fits_32(to) { Ty::I32 } else { Ty::I64 };
            x = x.into_int(ty);
        }
        let ty = x.ty;
        let wraps = x_is_int && ty == Ty::I64 && to == ANY;
        match op {
            UnOp::Not => x.prefixed('!'),
            UnOp::Neg if wraps => Typed::atom(&format!("{}.wrapping_neg()", x.receiver()), ty),
            UnOp::Neg => x.prefixed('-'),
            UnOp::Abs if wraps || x_is_int && from.0 == i64::MIN => {
                Typed::atom(&format!("{}.wrapping_abs()", x.receiver()), ty)
            }
            UnOp::Abs => Typed::atom(&format!("{}.abs()", x.receiver()), ty),
        }
    }

    fn bool_binary(&mut self, op: BinOp, a: &Expr, b: &Expr) -> Typed {
        let (a, b) = (self.expr(a), self.expr(b));
        match operator(op) {
            Some((sign, level)) => Typed::binary(a, sign, b, level, Ty::Bool),
            // The arithmetic of truth values, as far as it stays among them.
            None => match op {
                BinOp::Min | BinOp::Mul => Typed::binary(a, "&", b, Level::And, Ty::Bool),
                _ => Typed::binary(a, "|", b, Level::Or, Ty::Bool),
            },
        }
    }

    fn float_binary(&mut self, op: BinOp, a: &Expr, b: &Expr) -> Typed {
        let one = |e: &Expr| matches!(e.node, ExprKind::Float(1.0));
        match op {
            BinOp::Mul if one(a) => return self.expr(b),
            BinOp::Mul | BinOp::Div if one(b) => return self.expr(a),
            _ => {}
        }
        let (a, b) = (self.expr(a), self.expr(b));
        let ty = a.ty;
        if let Some((sign, level)) = operator(op) {
            let result = if op.is_comparison() { Ty::Bool } else { ty };
            return Typed::binary(a, sign, b, level, result);
        }
        let suffix = if ty == Ty::F32 { "f32" } else { "f64" };
        let call = |name: &str| {
            let (a, b) = (a.at(Level::Open), b.at(Level::Open));
            Typed::atom(&format!("snn_runtime::arith::{name}_{suffix}({a}, {b})"), ty)
        };
        match op {
            BinOp::Min => call("min"),
            BinOp::Max => call("max"),
            BinOp::Rem => call("rem"),
            BinOp::Pow => call("pow"),
            BinOp::Div => Typed::binary(a, "/", b, Level::Product, ty),
            // The IR has no other operators of floats.
            _ => a,
        }
    }

    fn int_binary(&mut self, op: BinOp, left: &Expr, right: &Expr, e: &Expr) -> Typed {
        let (x, y, result) = (self.interval(left), self.interval(right), self.interval(e));
        if let Some(same) = self.int_identity(op, left, right, x, y) {
            return same;
        }
        let (a, b) = (self.expr(left), self.expr(right));
        let narrow = fits_32(x) && fits_32(y) && (op.is_comparison() || fits_32(result));
        let ty = if narrow { Ty::I32 } else { Ty::I64 };
        if matches!(op, BinOp::Shl | BinOp::Shr) {
            return shift(op, a, b, fits_32(x) && fits_32(result));
        }
        if matches!(op, BinOp::FloorDiv | BinOp::Rem) {
            return divide(op, a.into_int(ty), b.into_int(ty), y);
        }
        let (a, b) = (a.into_int(ty), b.into_int(ty));
        match (op, operator(op)) {
            (BinOp::Add | BinOp::Sub | BinOp::Mul, _) if result == ANY => wrapping(op, &a, &b),
            (_, Some((sign, level))) => {
                let result = if op.is_comparison() { Ty::Bool } else { ty };
                Typed::binary(a, sign, b, level, result)
            }
            (BinOp::Min, _) => {
                Typed::atom(&format!("{}.min({})", a.receiver(), b.at(Level::Open)), ty)
            }
            _ => Typed::atom(&format!("{}.max({})", a.receiver(), b.at(Level::Open)), ty),
        }
    }

    /// One of the operands, where the result always equals it.
    fn int_identity(
        &mut self,
        op: BinOp,
        left: &Expr,
        right: &Expr,
        x: (i64, i64),
        y: (i64, i64),
    ) -> Option<Typed> {
        let (zero, one) = ((0, 0), (1, 1));
        let is_left = match op {
            BinOp::Add | BinOp::Sub | BinOp::Shl | BinOp::Shr | BinOp::Or | BinOp::Xor => y == zero,
            BinOp::Mul | BinOp::FloorDiv => y == one,
            BinOp::Min => x.1 <= y.0,
            BinOp::Max => x.0 >= y.1,
            _ => false,
        };
        let is_right = match op {
            BinOp::Add | BinOp::Or | BinOp::Xor => x == zero,
            BinOp::Mul => x == one,
            BinOp::Min => y.1 <= x.0,
            BinOp::Max => y.0 >= x.1,
            _ => false,
        };
        if is_left && !may_fault(right) {
            return Some(self.expr(left));
        }
        (is_right && !may_fault(left)).then(|| self.expr(right))
    }

    fn select(&mut self, cond: &Expr, yes: &Expr, no: &Expr, e: &Expr) -> Typed {
        if !may_fault(e) {
            match self.constant(cond) {
                Some(0) => return self.expr(no),
                Some(_) => return self.expr(yes),
                None => {}
            }
        }
        let bounds = self.interval(e);
        let cond = self.expr(cond);
        let (mut yes, mut no) = (self.expr(yes), self.expr(no));
        if e.kind == Kind::Int {
            let ty = if fits_32(bounds) { Ty::I32 } else { Ty::I64 };
            (yes, no) = (yes.into_int(ty), no.into_int(ty));
        }
        let ty = yes.ty;
        Typed::choice(&cond, &yes, &no, ty)
    }

    fn convert(&mut self, x: &Expr, e: &Expr) -> Typed {
        let bounds = self.interval(e);
        let from = x.kind;
        let x = self.expr(x);
        let inner = x.typed_at(Level::Open);
        match (from, e.kind) {
            (a, b) if a == b => x,
            (Kind::Bool, Kind::Int) => Typed::atom(&format!("i32::from({inner})"), Ty::I32),
            (Kind::Bool, Kind::F32) => Typed::atom(&format!("f32::from({inner})"), Ty::F32),
            (Kind::Bool, _) => Typed::atom(&format!("f64::from({inner})"), Ty::F64),
            (Kind::Int, Kind::Bool) => Typed::binary(x, "!=", literal(0), Level::Compare, Ty::Bool),
            (Kind::F32 | Kind::F64, Kind::Bool) => {
                Typed::binary(x, "!=", float(0.0, from), Level::Compare, Ty::Bool)
            }
            (Kind::Int, Kind::F64) if x.ty == Ty::I32 => {
                Typed::atom(&format!("f64::from({inner})"), Ty::F64)
            }
            (Kind::Int, Kind::F64) => x.cast("f64", Ty::F64),
            (Kind::Int, _) => x.cast("f32", Ty::F32),
            (_, Kind::Int) if fits_32(bounds) => x.cast("i32", Ty::I32),
            (_, Kind::Int) => x.cast("i64", Ty::I64),
            (_, Kind::F32) => x.cast("f32", Ty::F32),
            (_, _) => Typed::atom(&format!("f64::from({inner})"), Ty::F64),
        }
    }

    fn decay(&mut self, x: &Expr, d: &Expr) -> Typed {
        let (bounds, by) = (self.interval(x), self.interval(d));
        if by == (0, 0) && !may_fault(d) {
            return self.expr(x);
        }
        let (x, d) = (self.expr(x), self.expr(d));
        if fits_32(bounds) && by.0 >= 0 && by.1 <= 4096 {
            let x = x.into_int(Ty::I32);
            let keep = match d.constant {
                Some(d) => literal(4096 - d),
                None => Typed::binary(literal(4096), "-", d.into_int(Ty::I32), Level::Sum, Ty::I32),
            };
            let (x, keep) = (x.at(Level::Open), keep.at(Level::Open));
            return Typed::atom(&format!("snn_runtime::arith::decay({x}, {keep})"), Ty::I32);
        }
        let (x, d) = (x.into_int(Ty::I64), d.into_int(Ty::I64));
        let (x, d) = (x.at(Level::Open), d.at(Level::Open));
        Typed::atom(&format!("snn_runtime::arith::decay_wide({x}, {d})"), Ty::I64)
    }
}

/// Whether computing it may fail: it has an index known only when executed.
pub fn may_fault(e: &Expr) -> bool {
    match &e.node {
        ExprKind::Load(access) => !access.dynamic.is_empty(),
        ExprKind::Unary(_, x) | ExprKind::Convert(x) | ExprKind::Math(_, x) => may_fault(x),
        ExprKind::Wrap { value, .. } => may_fault(value),
        ExprKind::Binary(_, a, b) | ExprKind::Decay(a, b) => may_fault(a) || may_fault(b),
        ExprKind::Select(a, b, c) => may_fault(a) || may_fault(b) || may_fault(c),
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => false,
    }
}

/// A sum, difference or product that wraps.
fn wrapping(op: BinOp, a: &Typed, b: &Typed) -> Typed {
    let name = match op {
        BinOp::Add => "wrapping_add",
        BinOp::Sub => "wrapping_sub",
        _ => "wrapping_mul",
    };
    Typed::atom(&format!("{}.{name}({})", a.receiver(), b.at(Level::Open)), a.ty)
}

/// The value of `bits` bits nearest to an integer with the given bounds.
pub fn saturated(value: Typed, bounds: (i64, i64), bits: u8, signed: bool) -> Typed {
    let (low, high) = representable(bits, signed);
    if bounds.0 >= low && bounds.1 <= high {
        return value;
    }
    let ty = if fits_32(bounds) && fits_32((low, high)) { Ty::I32 } else { Ty::I64 };
    let value = value.into_int(ty);
    Typed::atom(&format!("{}.clamp({low}, {high})", value.receiver()), ty)
}

/// The integers of `bits` bits; 64 unsigned bits end at `i64::MAX`.
fn representable(bits: u8, signed: bool) -> (i64, i64) {
    match (bits, signed) {
        (64.., true) => ANY,
        (63.., false) => (0, i64::MAX),
        (0, _) => (0, 0),
        (_, true) => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
        (_, false) => (0, (1 << bits) - 1),
    }
}

fn shift(op: BinOp, a: Typed, b: Typed, narrow: bool) -> Typed {
    let (sign, name) = if op == BinOp::Shl { ("<<", "shl") } else { (">>", "shr") };
    let ty = if narrow { Ty::I32 } else { Ty::I64 };
    match b.constant {
        Some(by) if by < 0 || (by > 63 && op == BinOp::Shl) => literal(0),
        Some(by) => {
            let most = if narrow { 31 } else { 63 };
            Typed::binary(a.into_int(ty), sign, literal(by.min(most)), Level::Shift, ty)
        }
        None => {
            let (a, b) = (a.into_int(Ty::I64).at(Level::Open), b.into_int(Ty::I64).at(Level::Open));
            Typed::atom(&format!("snn_runtime::arith::{name}({a}, {b})"), Ty::I64)
        }
    }
}

fn divide(op: BinOp, a: Typed, b: Typed, by: (i64, i64)) -> Typed {
    let ty = a.ty;
    match b.constant {
        Some(by) if by > 0 && by & (by - 1) == 0 => {
            let (sign, right, level) = match op {
                BinOp::FloorDiv => (">>", i64::from(by.trailing_zeros()), Level::Shift),
                _ => ("&", by - 1, Level::And),
            };
            Typed::binary(a, sign, literal(right), level, ty)
        }
        _ if by.0 > 0 => {
            let name = if op == BinOp::FloorDiv { "div_euclid" } else { "rem_euclid" };
            Typed::atom(&format!("{}.{name}({})", a.receiver(), b.at(Level::Open)), ty)
        }
        _ => {
            let name = if op == BinOp::FloorDiv { "floor_div" } else { "floor_rem" };
            let (a, b) = (a.into_int(Ty::I64).at(Level::Open), b.into_int(Ty::I64).at(Level::Open));
            Typed::atom(&format!("snn_runtime::arith::{name}({a}, {b})"), Ty::I64)
        }
    }
}

/// The Rust operator that means the same, if there is one.
fn operator(op: BinOp) -> Option<(&'static str, Level)> {
    Some(match op {
        BinOp::Add => ("+", Level::Sum),
        BinOp::Sub => ("-", Level::Sum),
        BinOp::Mul => ("*", Level::Product),
        BinOp::And => ("&", Level::And),
        BinOp::Or => ("|", Level::Or),
        BinOp::Xor => ("^", Level::Xor),
        BinOp::Eq => ("==", Level::Compare),
        BinOp::Ne => ("!=", Level::Compare),
        BinOp::Lt => ("<", Level::Compare),
        BinOp::Le => ("<=", Level::Compare),
        BinOp::Gt => (">", Level::Compare),
        BinOp::Ge => (">=", Level::Compare),
        BinOp::Div
        | BinOp::FloorDiv
        | BinOp::Rem
        | BinOp::Pow
        | BinOp::Shl
        | BinOp::Shr
        | BinOp::Min
        | BinOp::Max => return None,
    })
}

fn math(function: MathFn) -> &'static str {
    match function {
        MathFn::Exp => "exp",
        MathFn::Log => "ln",
        MathFn::Sqrt => "sqrt",
        MathFn::Sin => "sin",
        MathFn::Cos => "cos",
        MathFn::Tanh => "tanh",
        MathFn::Floor => "floor",
        MathFn::Ceil => "ceil",
        MathFn::Round => "round_ties_even",
    }
}
