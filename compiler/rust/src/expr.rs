//! Expressions as Rust text.
//!
//! Integer expressions are exact in 64 bits by definition. Where the bounds of an operation's
//! operands and result fit 32 bits it is computed in `i32`, which is the same and lets loops
//! process twice as many elements per instruction. Bounds also decide comparisons, remove
//! clamps that cannot act, and turn values that are always the same into constants.

use super::places::Places;
use super::typed::{Level, Ty, Typed, fits_32, float, literal};
use snn_ir::scalar::{FULL as ANY, Form, Op, Rust, of_bits};
use snn_ir::step::ranges::interval;
use snn_ir::step::{Access, Expr, ExprKind, Kind};

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
            ExprKind::Apply(op, operands) => self.apply(*op, operands, e),
            ExprKind::Random { seed, site } => {
                let position = self.position().at(Level::Cast);
                let text =
                    format!("snn_runtime::random::uniform({seed}, {site}, t, {position} as u64)");
                Typed::atom(&text, Ty::F64)
            }
        }
    }

    /// The value `e` of an operation.
    fn apply(&mut self, op: Op, operands: &[Expr], e: &Expr) -> Typed {
        match (op, operands) {
            (Op::Select, [cond, yes, no]) => self.select(cond, yes, no, e),
            (Op::Convert(_), [x]) => self.convert(x, e),
            (Op::Wrap { bits, signed }, [x]) => self.wrapped(x, bits, signed),
            (Op::Sat { bits, signed }, [x]) => {
                let bounds = self.interval(x);
                saturated(self.expr(x), bounds, bits, signed)
            }
            (Op::Decay, [x, d]) => self.decay(x, d),
            (_, [x]) => self.unary(op, x, e),
            (_, [a, b]) => match a.kind {
                Kind::Int => self.int_binary(op, a, b, e),
                Kind::Bool => self.bool_binary(op, a, b),
                Kind::F32 | Kind::F64 => self.float_binary(op, a, b),
            },
            _ => unreachable!("{} of {} operands", op.name(), operands.len()),
        }
    }

    /// Its proven bounds.
    pub fn interval(&self, e: &Expr) -> (i64, i64) {
        interval(e, self.ir, &self.intervals)
    }

    /// The low bits of an integer.
    pub fn wrapped(&mut self, e: &Expr, bits: u8, signed: bool) -> Typed {
        let (bounds, (low, high)) = (self.interval(e), of_bits(bits, signed));
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
        let ExprKind::Apply(op, operands) = &e.node else {
            return self.expr(e).into_int(Ty::I32);
        };
        match (*op, operands.as_slice()) {
            (Op::Shl, [a, by]) if matches!(by.node, ExprKind::Int(0..=31)) => {
                let (a, by) = (self.low_32(a), self.expr(by));
                Typed::binary(a, "<<", by, Level::Shift, Ty::I32)
            }
            (Op::Wrap { bits: 32.., .. }, [value]) => self.low_32(value),
            (Op::Select, [cond, yes, no]) if self.constant(cond).is_none() => {
                let cond = self.expr(cond);
                let (yes, no) = (self.low_32(yes), self.low_32(no));
                Typed::choice(&cond, &yes, &no, Ty::I32)
            }
            (Op::Shl, _) => self.expr(e).into_int(Ty::I32),
            (op, operands) if op.is_modular() => {
                let operands: Vec<Typed> = operands.iter().map(|x| self.low_32(x)).collect();
                let form = op.rust().wrapping.map_or(op.rust().int, Form::Method);
                written(form, &operands, Ty::I32)
            }
            _ => self.expr(e).into_int(Ty::I32),
        }
    }

    /// Its value, where it can only have one, is not given, and computing it cannot fail.
    fn constant(&self, e: &Expr) -> Option<i64> {
        let literal = matches!(e.node, ExprKind::Int(_));
        if !matches!(e.kind, Kind::Int | Kind::Bool)
            || (!literal && e.number(&self.ir.tensors).is_some())
        {
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

    fn unary(&mut self, op: Op, x: &Expr, e: &Expr) -> Typed {
        let rust = op.rust();
        if x.kind != Kind::Int {
            let form = if x.kind == Kind::Bool { rust.bool } else { rust.float };
            let x = self.expr(x);
            let ty = x.ty;
            return written(form, &[x], ty);
        }
        let (from, to) = (self.interval(x), self.interval(e));
        let ty = if fits_32(from) && fits_32(to) { Ty::I32 } else { Ty::I64 };
        let x = self.expr(x).into_int(ty);
        written(int_form(rust, ty == Ty::I64 && to == ANY), &[x], ty)
    }

    fn bool_binary(&mut self, op: Op, a: &Expr, b: &Expr) -> Typed {
        let operands = [self.expr(a), self.expr(b)];
        written(op.rust().bool, &operands, Ty::Bool)
    }

    fn float_binary(&mut self, op: Op, a: &Expr, b: &Expr) -> Typed {
        let rust = op.rust();
        let is = |e: &Expr, neutral: Option<i64>| match e.node {
            ExprKind::Float(x) => neutral.is_some_and(|n| n as f64 == x),
            _ => false,
        };
        if is(a, rust.float_neutral.left()) {
            return self.expr(b);
        }
        if is(b, rust.float_neutral.right()) {
            return self.expr(a);
        }
        let operands = [self.expr(a), self.expr(b)];
        let ty = if op.is_comparison() { Ty::Bool } else { operands[0].ty };
        written(rust.float, &operands, ty)
    }

    fn int_binary(&mut self, op: Op, left: &Expr, right: &Expr, e: &Expr) -> Typed {
        let (x, y, result) = (self.interval(left), self.interval(right), self.interval(e));
        if let Some(same) = self.int_identity(op, left, right, x, y) {
            return same;
        }
        let (a, b) = (self.expr(left), self.expr(right));
        let narrow = fits_32(x) && fits_32(y) && (op.is_comparison() || fits_32(result));
        let ty = if narrow { Ty::I32 } else { Ty::I64 };
        match op {
            Op::Shl | Op::Shr => return shift(op, a, b, fits_32(x) && fits_32(result)),
            Op::FloorDiv | Op::Rem => return divide(op, a.into_int(ty), b.into_int(ty), y),
            _ => {}
        }
        let form = int_form(op.rust(), result == ANY);
        // The runtime's functions of integers take 64 bits.
        let ty = if matches!(form, Form::Call(_)) { Ty::I64 } else { ty };
        let operands = [a.into_int(ty), b.into_int(ty)];
        written(form, &operands, if op.is_comparison() { Ty::Bool } else { ty })
    }

    /// One of the operands, where the result always equals it.
    fn int_identity(
        &mut self,
        op: Op,
        left: &Expr,
        right: &Expr,
        x: (i64, i64),
        y: (i64, i64),
    ) -> Option<Typed> {
        let is =
            |bounds: (i64, i64), neutral: Option<i64>| neutral.is_some_and(|n| bounds == (n, n));
        let neutral = op.rust().int_neutral;
        let is_left = match op {
            Op::Min => x.1 <= y.0,
            Op::Max => x.0 >= y.1,
            _ => is(y, neutral.right()),
        };
        let is_right = match op {
            Op::Min => y.1 <= x.0,
            Op::Max => y.0 >= x.1,
            _ => is(x, neutral.left()),
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
        // Beyond these bounds even that product wraps.
        let exact = bounds.0 >= -1 << 51 && bounds.1 < 1 << 51;
        if by == (0, 0) && exact && !may_fault(d) {
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
        written(Op::Decay.rust().int, &[x.into_int(Ty::I64), d.into_int(Ty::I64)], Ty::I64)
    }
}

/// Whether computing it may fail: it has an index known only when executed.
pub fn may_fault(e: &Expr) -> bool {
    match &e.node {
        ExprKind::Load(access) => !access.dynamic.is_empty(),
        ExprKind::Apply(_, operands) => operands.iter().any(may_fault),
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => false,
    }
}

/// The form of an operation on integers, whose result may wrap.
fn int_form(rust: &Rust, wraps: bool) -> Form {
    rust.wrapping.filter(|_| wraps).map_or(rust.int, Form::Method)
}

/// An operation in the form that the table says, on operands of the types it needs.
fn written(form: Form, operands: &[Typed], ty: Ty) -> Typed {
    let others = |from: usize| {
        let rest = operands.get(from..).unwrap_or_default();
        rest.iter().map(|x| x.at(Level::Open)).collect::<Vec<_>>().join(", ")
    };
    match (form, operands) {
        (Form::Infix(sign, level), [a, b]) => Typed::binary(a.clone(), sign, b.clone(), level, ty),
        (Form::Prefix(sign), [a]) => a.prefixed(sign),
        (Form::Method(name), [a, ..]) => {
            Typed::atom(&format!("{}.{name}({})", a.receiver(), others(1)), ty)
        }
        (Form::Call(name), _) => {
            let suffix = match ty {
                Ty::F32 => "_f32",
                Ty::F64 => "_f64",
                Ty::Bool | Ty::I32 | Ty::I64 => "",
            };
            Typed::atom(&format!("snn_runtime::arith::{name}{suffix}({})", others(0)), ty)
        }
        _ => unreachable!("{form:?} of {} operands", operands.len()),
    }
}

/// The value of `bits` bits nearest to an integer with the given bounds.
pub fn saturated(value: Typed, bounds: (i64, i64), bits: u8, signed: bool) -> Typed {
    let (low, high) = of_bits(bits, signed);
    if bounds.0 >= low && bounds.1 <= high {
        return value;
    }
    let ty = if fits_32(bounds) && fits_32((low, high)) { Ty::I32 } else { Ty::I64 };
    let value = value.into_int(ty);
    Typed::atom(&format!("{}.clamp({low}, {high})", value.receiver()), ty)
}

fn shift(op: Op, a: Typed, b: Typed, narrow: bool) -> Typed {
    let sign = if op == Op::Shl { "<<" } else { ">>" };
    let ty = if narrow { Ty::I32 } else { Ty::I64 };
    match b.constant {
        Some(by) if by < 0 || (by > 63 && op == Op::Shl) => literal(0),
        Some(by) => {
            let most = if narrow { 31 } else { 63 };
            Typed::binary(a.into_int(ty), sign, literal(by.min(most)), Level::Shift, ty)
        }
        None => written(op.rust().int, &[a.into_int(Ty::I64), b.into_int(Ty::I64)], Ty::I64),
    }
}

fn divide(op: Op, a: Typed, b: Typed, by: (i64, i64)) -> Typed {
    let ty = a.ty;
    match b.constant {
        Some(by) if by > 0 && by & (by - 1) == 0 => {
            let (sign, right, level) = match op {
                Op::FloorDiv => (">>", i64::from(by.trailing_zeros()), Level::Shift),
                _ => ("&", by - 1, Level::And),
            };
            Typed::binary(a, sign, literal(right), level, ty)
        }
        _ if by.0 > 0 => {
            let name = if op == Op::FloorDiv { "div_euclid" } else { "rem_euclid" };
            Typed::atom(&format!("{}.{name}({})", a.receiver(), b.at(Level::Open)), ty)
        }
        _ => written(op.rust().int, &[a.into_int(Ty::I64), b.into_int(Ty::I64)], Ty::I64),
    }
}
