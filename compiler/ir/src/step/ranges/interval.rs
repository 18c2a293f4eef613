//! Bounds of one expression.

use super::TensorRanges;
use crate::scalar::Op;
pub(super) use crate::scalar::{FULL, Interval};
use crate::step::{Access, BufferId, Expr, ExprKind, Kind, Source, StepIr};

/// Bounds of an integer (or boolean, 0 or 1) expression, given the ranges of the buffers of
/// `ir` and of the loop's locals (those beyond `locals` may be anything). Where the 64-bit
/// arithmetic may wrap, and for floats, it is the whole of `i64`.
pub fn interval(expr: &Expr, ir: &StepIr, locals: &[(i64, i64)]) -> (i64, i64) {
    let tensors = TensorRanges::fresh(ir);
    Evaluator { ranges: None, tensors: &tensors, locals }.bound(expr, None).unwrap_or(FULL)
}

/// The buffers and the locals that an expression reads.
pub(super) fn reads(expr: &Expr, buffers: &mut Vec<BufferId>, locals: &mut Vec<u32>) {
    match &expr.node {
        ExprKind::Load(access) => {
            if let Source::Buffer(buffer) = access.source {
                buffers.push(buffer);
            }
            access.dynamic.iter().for_each(|d| reads(&d.index, buffers, locals));
        }
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| reads(e, buffers, locals)),
        ExprKind::Local(local) => locals.push(*local),
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Time | ExprKind::Random { .. } => {}
    }
}

/// That an expression's value lies in an interval, where a condition holds.
type Fact<'e> = (&'e Expr, Interval);

/// A condition: its own bounds (`None`: it is never evaluated), and what follows from it and
/// from its opposite.
struct Condition<'e> {
    value: Option<Interval>,
    holds: Facts<'e>,
    fails: Facts<'e>,
}

/// What follows. Mostly it is what one comparison says of its two sides, which needs no memory
/// of its own.
#[derive(Default)]
struct Facts<'e> {
    comparison: Option<[Fact<'e>; 2]>,
    others: Vec<Fact<'e>>,
}

impl<'e> Facts<'e> {
    fn of(comparison: [Fact<'e>; 2]) -> Facts<'e> {
        Facts { comparison: Some(comparison), others: Vec::new() }
    }

    fn and(mut self, more: Facts<'e>) -> Facts<'e> {
        more.add_to(&mut self.others);
        self
    }

    fn add_to(self, all: &mut Vec<Fact<'e>>) {
        all.extend(self.comparison.into_iter().flatten());
        all.extend(self.others);
    }
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
            condition.holds.add_to(&mut facts);
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
            ExprKind::Float(_) | ExprKind::Random { .. } => FULL,
            ExprKind::Local(n) => self.locals.get(*n as usize).copied().unwrap_or(FULL),
            ExprKind::Load(access) => self.load(access),
            ExprKind::Time => (1, i64::MAX),
            ExprKind::Apply(Op::Select, operands) => {
                let [cond, then, other] = operands.as_slice() else { return Some(FULL) };
                let condition = self.condition(cond, facts);
                let (may_fail, may_hold) = condition.value.map(|(lo, hi)| (lo == 0, hi == 1))?;
                let a = self.under(then, facts, may_hold, condition.holds);
                let b = self.under(other, facts, may_fail, condition.fails);
                match (a, b) {
                    (Some(a), Some(b)) => super::join(a, b),
                    (a, b) => a.or(b)?,
                }
            }
            ExprKind::Apply(op, operands) => {
                // No operation has more.
                let mut bounds = [None; 3];
                for (bound, operand) in bounds.iter_mut().zip(operands) {
                    // Nothing is known of floats, not even that they are ever computed.
                    if !operand.kind.is_float() {
                        *bound = Some(self.eval(operand, facts)?);
                    }
                }
                op.interval(bounds.get(..operands.len()).unwrap_or(&[])).unwrap_or(FULL)
            }
        })
    }

    /// Bounds of one side of a choice.
    fn under<'e>(
        &self,
        expr: &'e Expr,
        facts: &mut Vec<Fact<'e>>,
        reached: bool,
        also: Facts<'e>,
    ) -> Option<Interval> {
        let before = facts.len();
        also.add_to(facts);
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
        let plain = |value| Condition { value, holds: Facts::default(), fails: Facts::default() };
        match &expr.node {
            ExprKind::Apply(op @ Op::Not, operands) => {
                let [a] = operands.as_slice() else { return plain(None) };
                let inner = self.condition(a, facts);
                let value = inner.value.and_then(|inner| op.interval(&[Some(inner)]));
                Condition { value, holds: inner.fails, fails: inner.holds }
            }
            ExprKind::Apply(op @ (Op::And | Op::Or), operands) if expr.kind == Kind::Bool => {
                let [a, b] = operands.as_slice() else { return plain(None) };
                let (a, b) = (self.condition(a, facts), self.condition(b, facts));
                let value =
                    a.value.zip(b.value).and_then(|(x, y)| op.interval(&[Some(x), Some(y)]));
                // Both follow from `and`, neither from its opposite; `or` the other way round.
                if *op == Op::And {
                    Condition { value, holds: a.holds.and(b.holds), fails: Facts::default() }
                } else {
                    Condition { value, holds: Facts::default(), fails: a.fails.and(b.fails) }
                }
            }
            ExprKind::Apply(op, operands) if op.is_comparison() => {
                let [a, b] = operands.as_slice() else { return plain(None) };
                if a.kind != Kind::Int {
                    return plain(self.eval(expr, facts));
                }
                let (Some(x), Some(y)) = (self.eval(a, facts), self.eval(b, facts)) else {
                    return plain(None);
                };
                let (holds, fails) = (compared(*op, x, y), compared(opposite(*op), x, y));
                let facts = |(of_a, of_b)| Facts::of([(a, of_a), (b, of_b)]);
                let value = op.interval(&[Some(x), Some(y)]);
                Condition { value, holds: facts(holds), fails: facts(fails) }
            }
            _ => plain(self.eval(expr, facts)),
        }
    }
}

fn opposite(op: Op) -> Op {
    match op {
        Op::Eq => Op::Ne,
        Op::Ne => Op::Eq,
        Op::Lt => Op::Ge,
        Op::Ge => Op::Lt,
        Op::Gt => Op::Le,
        Op::Le => Op::Gt,
        other => other,
    }
}

/// What `a op b` says about `a` in `x` and `b` in `y`. An interval that ends before it begins
/// says that it cannot be.
fn compared(op: Op, x: Interval, y: Interval) -> (Interval, Interval) {
    let above = |v: i64| v.saturating_add(1);
    let below = |v: i64| v.saturating_sub(1);
    match op {
        Op::Eq => {
            let both = (x.0.max(y.0), x.1.min(y.1));
            (both, both)
        }
        Op::Ne => (without(x, y), without(y, x)),
        Op::Lt => ((x.0, x.1.min(below(y.1))), (y.0.max(above(x.0)), y.1)),
        Op::Le => ((x.0, x.1.min(y.1)), (y.0.max(x.0), y.1)),
        Op::Gt => ((x.0.max(above(y.0)), x.1), (y.0, y.1.min(below(x.1)))),
        Op::Ge => ((x.0.max(y.0), x.1), (y.0, y.1.min(x.1))),
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
