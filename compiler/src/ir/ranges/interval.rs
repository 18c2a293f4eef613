//! Bounds of one expression.

use super::TensorRanges;
use crate::ir::{Access, BinOp, BufferId, Expr, ExprKind, Kind, Source, StepIr, UnOp};

/// Lowest and highest value, both included. Booleans are 0 and 1.
pub(super) type Interval = (i64, i64);

/// Any integer.
pub(super) const FULL: Interval = (i64::MIN, i64::MAX);

/// Bounds of an integer (or boolean, 0 or 1) expression, given the ranges of the buffers of
/// `ir` and of the loop's locals (those beyond `locals` may be anything). Where the 64-bit
/// arithmetic may wrap, and for floats, it is the whole of `i64`.
pub fn interval(expr: &Expr, ir: &StepIr, locals: &[(i64, i64)]) -> (i64, i64) {
    let tensors = TensorRanges::fresh(ir);
    Evaluator { ranges: None, tensors: &tensors, locals }.bound(expr, None).unwrap_or(FULL)
}

/// The 64-bit integers that the exact bounds allow: all of them where one may have wrapped.
pub(super) fn narrow((lo, hi): (i128, i128)) -> Interval {
    match (i64::try_from(lo), i64::try_from(hi)) {
        (Ok(lo), Ok(hi)) => (lo, hi),
        _ => FULL,
    }
}

/// The integers of that many bits, as far as they are 64-bit integers.
pub(super) fn of_bits(bits: u8, signed: bool) -> Interval {
    match (bits, signed) {
        (64.., true) => FULL,
        (63.., false) => (0, i64::MAX),
        (_, true) => {
            let half = 1i64 << (bits.max(1) - 1);
            (-half, half - 1)
        }
        (_, false) => (0, (1i64 << bits) - 1),
    }
}

/// The low bits of a value.
pub(super) fn wrapped(value: Interval, bits: u8, signed: bool) -> Interval {
    let bounds = of_bits(bits, signed);
    // All 64 bits are the value itself, also where it is called unsigned.
    if bits >= 64 || super::within(value, bounds) { value } else { bounds }
}

/// Every buffer that an expression loads, in order, with repetition.
pub(super) fn loads(expr: &Expr, into: &mut Vec<BufferId>) {
    match &expr.node {
        ExprKind::Load(access) => {
            if let Source::Buffer(buffer) = access.source {
                into.push(buffer);
            }
            access.dynamic.iter().for_each(|d| loads(&d.index, into));
        }
        ExprKind::Unary(_, a)
        | ExprKind::Convert(a)
        | ExprKind::Math(_, a)
        | ExprKind::Wrap { value: a, .. } => loads(a, into),
        ExprKind::Binary(_, a, b) | ExprKind::Decay(a, b) => {
            loads(a, into);
            loads(b, into);
        }
        ExprKind::Select(a, b, c) => [a, b, c].into_iter().for_each(|e| loads(e, into)),
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => {}
    }
}

/// That an expression's value lies in an interval, where a condition holds.
type Fact<'e> = (&'e Expr, Interval);

/// A condition: its own bounds (`None`: it is never evaluated), and what follows from it and
/// from its opposite.
struct Condition<'e> {
    value: Option<Interval>,
    holds: Vec<Fact<'e>>,
    fails: Vec<Fact<'e>>,
}

/// What is known where an expression stands.
pub(super) struct Evaluator<'a> {
    /// Those of the buffers as far as an analysis has come; `None`: as it left them in the IR.
    pub(super) ranges: Option<&'a [Interval]>,
    pub(super) tensors: &'a TensorRanges<'a>,
    pub(super) locals: &'a [Interval],
}

impl Evaluator<'_> {
    /// Bounds of `expr` where `mask` holds; `None` where that is never.
    pub(super) fn bound(&self, expr: &Expr, mask: Option<&Expr>) -> Option<Interval> {
        let mut facts = Vec::new();
        if let Some(mask) = mask {
            let condition = self.condition(mask, &mut facts);
            if condition.value?.1 == 0 {
                return None;
            }
            facts.extend(condition.holds);
        }
        self.eval(expr, &mut facts)
    }

    /// Bounds of `expr` given `facts`; `None` where they exclude each other, so that it is
    /// never used. `facts` is a stack: it is as before on return.
    fn eval<'e>(&self, expr: &'e Expr, facts: &mut Vec<Fact<'e>>) -> Option<Interval> {
        let (mut lo, mut hi) = self.value(expr, facts)?;
        if expr.kind == Kind::Bool {
            (lo, hi) = (lo.max(0), hi.min(1));
        }
        for (known, (at_least, at_most)) in facts.iter() {
            if *known == expr {
                lo = lo.max(*at_least);
                hi = hi.min(*at_most);
            }
        }
        (lo <= hi).then_some((lo, hi))
    }

    fn value<'e>(&self, expr: &'e Expr, facts: &mut Vec<Fact<'e>>) -> Option<Interval> {
        if matches!(expr.kind, Kind::F32 | Kind::F64) {
            return Some(FULL);
        }
        Some(match &expr.node {
            ExprKind::Int(value) => (*value, *value),
            ExprKind::Float(_) | ExprKind::Math(..) | ExprKind::Random { .. } => FULL,
            ExprKind::Local(n) => self.locals.get(*n as usize).copied().unwrap_or(FULL),
            ExprKind::Load(access) => self.load(access),
            ExprKind::Time => (1, i64::MAX),
            ExprKind::Unary(op, a) => unary(*op, self.eval(a, facts)?),
            ExprKind::Binary(op, a, b) => {
                if matches!(a.kind, Kind::F32 | Kind::F64) {
                    return Some((0, 1));
                }
                let (x, y) = (self.eval(a, facts)?, self.eval(b, facts)?);
                binary(*op, x, y)
            }
            ExprKind::Select(cond, then, other) => {
                let condition = self.condition(cond, facts);
                let (may_fail, may_hold) = condition.value.map(|(lo, hi)| (lo == 0, hi == 1))?;
                let a = self.under(then, facts, may_hold, condition.holds);
                let b = self.under(other, facts, may_fail, condition.fails);
                match (a, b) {
                    (Some(a), Some(b)) => super::join(a, b),
                    (a, b) => a.or(b)?,
                }
            }
            ExprKind::Convert(a) => match (a.kind, expr.kind) {
                (Kind::Bool | Kind::Int, Kind::Bool) => truth(self.eval(a, facts)?),
                (Kind::Bool | Kind::Int, _) => self.eval(a, facts)?,
                (_, Kind::Bool) => (0, 1),
                _ => FULL,
            },
            ExprKind::Wrap { bits, signed, value } => {
                wrapped(self.eval(value, facts)?, *bits, *signed)
            }
            ExprKind::Decay(x, d) => decay(self.eval(x, facts)?, self.eval(d, facts)?),
        })
    }

    /// Bounds of one side of a choice.
    fn under<'e>(
        &self,
        expr: &'e Expr,
        facts: &mut Vec<Fact<'e>>,
        reached: bool,
        also: Vec<Fact<'e>>,
    ) -> Option<Interval> {
        let before = facts.len();
        facts.extend(also);
        let result = if reached { self.eval(expr, facts) } else { None };
        facts.truncate(before);
        result
    }

    fn load(&self, access: &Access) -> Interval {
        match access.source {
            Source::Buffer(BufferId(n)) => match self.ranges {
                Some(ranges) => ranges.get(n as usize).copied().unwrap_or(FULL),
                None => self.tensors.ir.buffers.get(n as usize).map_or(FULL, |b| b.range),
            },
            Source::Tensor(tensor) => {
                let fixed = access.dynamic.is_empty() && access.strides.iter().all(|s| *s == 0);
                if fixed {
                    self.tensors.one(tensor, access.offset)
                } else {
                    self.tensors.all(tensor)
                }
            }
        }
    }

    /// A boolean expression with what follows from it. Each part of it is looked at once, so
    /// that conditions within conditions cost no more than they are long.
    fn condition<'e>(&self, expr: &'e Expr, facts: &mut Vec<Fact<'e>>) -> Condition<'e> {
        let plain = |value| Condition { value, holds: Vec::new(), fails: Vec::new() };
        match &expr.node {
            ExprKind::Unary(UnOp::Not, a) => {
                let inner = self.condition(a, facts);
                let value = inner.value.map(|(lo, hi)| (1 - hi, 1 - lo));
                Condition { value, holds: inner.fails, fails: inner.holds }
            }
            ExprKind::Binary(op @ (BinOp::And | BinOp::Or), a, b) if expr.kind == Kind::Bool => {
                let (mut a, b) = (self.condition(a, facts), self.condition(b, facts));
                let value = a.value.zip(b.value).map(|(x, y)| binary(*op, x, y));
                // Both follow from `and`, neither from its opposite; `or` the other way round.
                if *op == BinOp::And {
                    a.holds.extend(b.holds);
                    Condition { value, holds: a.holds, fails: Vec::new() }
                } else {
                    a.fails.extend(b.fails);
                    Condition { value, holds: Vec::new(), fails: a.fails }
                }
            }
            ExprKind::Binary(op, a, b) if op.is_comparison() && a.kind == Kind::Int => {
                let (Some(x), Some(y)) = (self.eval(a, facts), self.eval(b, facts)) else {
                    return plain(None);
                };
                let (holds, fails) = (compared(*op, x, y), compared(opposite(*op), x, y));
                let facts = |(of_a, of_b)| vec![(&**a, of_a), (&**b, of_b)];
                let value = Some(binary(*op, x, y));
                Condition { value, holds: facts(holds), fails: facts(fails) }
            }
            _ => plain(self.eval(expr, facts)),
        }
    }
}

fn opposite(op: BinOp) -> BinOp {
    match op {
        BinOp::Eq => BinOp::Ne,
        BinOp::Ne => BinOp::Eq,
        BinOp::Lt => BinOp::Ge,
        BinOp::Ge => BinOp::Lt,
        BinOp::Gt => BinOp::Le,
        BinOp::Le => BinOp::Gt,
        other => other,
    }
}

/// What `a op b` says about `a` in `x` and `b` in `y`. An interval that ends before it begins
/// says that it cannot be.
fn compared(op: BinOp, x: Interval, y: Interval) -> (Interval, Interval) {
    let above = |v: i64| v.saturating_add(1);
    let below = |v: i64| v.saturating_sub(1);
    match op {
        BinOp::Eq => {
            let both = (x.0.max(y.0), x.1.min(y.1));
            (both, both)
        }
        BinOp::Ne => (without(x, y), without(y, x)),
        BinOp::Lt => ((x.0, x.1.min(below(y.1))), (y.0.max(above(x.0)), y.1)),
        BinOp::Le => ((x.0, x.1.min(y.1)), (y.0.max(x.0), y.1)),
        BinOp::Gt => ((x.0.max(above(y.0)), x.1), (y.0, y.1.min(below(x.1)))),
        BinOp::Ge => ((x.0.max(y.0), x.1), (y.0, y.1.min(x.1))),
        _ => (x, y),
    }
}

/// `x` without the value of `y`, if that is one and at an end of `x`.
fn without(x: Interval, y: Interval) -> Interval {
    match y.0 == y.1 {
        true if x.0 == y.0 => (x.0.saturating_add(1), x.1),
        true if x.1 == y.0 => (x.0, x.1.saturating_sub(1)),
        _ => x,
    }
}

fn truth(x: Interval) -> Interval {
    (i64::from(x.0 > 0 || x.1 < 0), i64::from(x != (0, 0)))
}

fn wide((lo, hi): Interval) -> (i128, i128) {
    (lo.into(), hi.into())
}

fn unary(op: UnOp, x: Interval) -> Interval {
    let (lo, hi) = wide(x);
    match op {
        UnOp::Neg => narrow((-hi, -lo)),
        UnOp::Not => (1 - x.1, 1 - x.0),
        UnOp::Abs if lo >= 0 => x,
        UnOp::Abs if hi <= 0 => narrow((-hi, -lo)),
        UnOp::Abs => narrow((0, hi.max(-lo))),
    }
}

fn decay(x: Interval, d: Interval) -> Interval {
    let factor = (4096 - i128::from(d.1), 4096 - i128::from(d.0));
    let product = corners(wide(x), factor, |a, b| a.saturating_mul(b));
    match narrow(product) {
        FULL => FULL,
        // Division rounds toward zero, as the shift of the magnitude does.
        (lo, hi) => (lo / 4096, hi / 4096),
    }
}

/// Bounds of an operation that is monotone in either operand.
fn corners(x: (i128, i128), y: (i128, i128), f: impl Fn(i128, i128) -> i128) -> (i128, i128) {
    let all = [f(x.0, y.0), f(x.0, y.1), f(x.1, y.0), f(x.1, y.1)];
    all.into_iter().fold((all[0], all[0]), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

fn binary(op: BinOp, x: Interval, y: Interval) -> Interval {
    let (a, b) = (wide(x), wide(y));
    let decided = |always: bool, never: bool| (i64::from(always), i64::from(!never));
    match op {
        BinOp::Add => narrow((a.0 + b.0, a.1 + b.1)),
        BinOp::Sub => narrow((a.0 - b.1, a.1 - b.0)),
        BinOp::Mul => narrow(corners(a, b, |p, q| p.saturating_mul(q))),
        BinOp::FloorDiv => floor_div(x, y),
        BinOp::Rem => rem(x, y),
        BinOp::Shl => shift(x, y, |p, q| p << q),
        BinOp::Shr => shift_right(x, y),
        BinOp::And | BinOp::Or | BinOp::Xor => bitwise(op, x, y),
        BinOp::Min => (x.0.min(y.0), x.1.min(y.1)),
        BinOp::Max => (x.0.max(y.0), x.1.max(y.1)),
        BinOp::Eq => decided(x == y && x.0 == x.1, x.1 < y.0 || y.1 < x.0),
        BinOp::Ne => decided(x.1 < y.0 || y.1 < x.0, x == y && x.0 == x.1),
        BinOp::Lt => decided(x.1 < y.0, x.0 >= y.1),
        BinOp::Le => decided(x.1 <= y.0, x.0 > y.1),
        BinOp::Gt => decided(x.0 > y.1, x.1 <= y.0),
        BinOp::Ge => decided(x.0 >= y.1, x.1 < y.0),
        // Of floats only.
        BinOp::Div | BinOp::Pow => FULL,
    }
}

/// Shifts by an amount outside 0..=63 are 0.
fn shift(x: Interval, by: Interval, f: impl Fn(i128, i128) -> i128) -> Interval {
    let amounts = (by.0.max(0), by.1.min(63));
    if amounts.0 > amounts.1 {
        return (0, 0);
    }
    let shifted = narrow(corners(wide(x), wide(amounts), f));
    if amounts == by { shifted } else { super::join(shifted, (0, 0)) }
}

/// A shift to the right by more than 63 leaves the sign, as one by 63 does.
fn shift_right(x: Interval, by: Interval) -> Interval {
    shift(x, (by.0.min(63), by.1.min(63)), |a, b| a >> b)
}

/// The negative and the positive part of a divisor's interval.
fn signs(y: Interval) -> impl Iterator<Item = Interval> {
    [(y.0, y.1.min(-1)), (y.0.max(1), y.1)].into_iter().filter(|(lo, hi)| lo <= hi)
}

/// Division by zero gives 0.
fn by_zero(y: Interval) -> Option<Interval> {
    (y.0 <= 0 && y.1 >= 0).then_some((0, 0))
}

fn floor_div(x: Interval, y: Interval) -> Interval {
    let divide = |a: i128, b: i128| {
        let towards_zero = a / b;
        if a % b != 0 && (a < 0) != (b < 0) { towards_zero - 1 } else { towards_zero }
    };
    let quotients = signs(y).map(|y| narrow(corners(wide(x), wide(y), divide)));
    quotients.chain(by_zero(y)).reduce(super::join).unwrap_or(FULL)
}

fn rem(x: Interval, y: Interval) -> Interval {
    if x.0 == x.1 && y.0 == y.1 && y.0 != 0 {
        let (a, b) = (i128::from(x.0), i128::from(y.0));
        return narrow((((a % b) + b) % b, ((a % b) + b) % b));
    }
    let remainders = signs(y).map(|y| {
        if y.0 > 0 {
            match x.0 >= 0 {
                true if x.1 < y.0 => x,
                true => (0, x.1.min(y.1 - 1)),
                false => (0, y.1 - 1),
            }
        } else {
            match x.1 <= 0 {
                true if x.0 > y.1 => x,
                true => (x.0.max(y.0 + 1), 0),
                false => (y.0 + 1, 0),
            }
        }
    });
    remainders.chain(by_zero(y)).reduce(super::join).unwrap_or(FULL)
}

fn bitwise(op: BinOp, x: Interval, y: Interval) -> Interval {
    if x.0 == x.1 && y.0 == y.1 {
        let value = match op {
            BinOp::And => x.0 & y.0,
            BinOp::Or => x.0 | y.0,
            _ => x.0 ^ y.0,
        };
        return (value, value);
    }
    // All bits that a value of either operand may differ from its sign in.
    let magnitude = |v: i64| if v < 0 { !v } else { v };
    let ends = [x.0, x.1, y.0, y.1];
    let bits = ends.into_iter().map(magnitude).fold(0, |a, b| a | b);
    let ones = if bits == 0 { 0 } else { i64::MAX >> (bits.leading_zeros() - 1) };
    match (op, x.0 >= 0, y.0 >= 0) {
        (BinOp::And, true, true) => (0, x.1.min(y.1)),
        (BinOp::And, true, false) => (0, x.1),
        (BinOp::And, false, true) => (0, y.1),
        (BinOp::Or, true, true) => (x.0.max(y.0), ones),
        (BinOp::Xor, true, true) => (0, ones),
        _ => (-ones - 1, ones),
    }
}
