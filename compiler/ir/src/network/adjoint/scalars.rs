//! The adjoints of scalar operations: the derivative table, written as values.

use super::builder::{Builder, Built, adjoint_kind};
use super::{Comparison, Slope};
use crate::network::{Mark, Value, ValueId};
use crate::scalar::{Kind, Op, Term};

/// The gradient of an operand from that of the result, of the result's shape. `None` where it
/// is 0 for all operands.
pub(super) fn operand(
    b: &mut Builder<'_>,
    (op, id, of): (Op, ValueId, &Value),
    gradient: ValueId,
    position: usize,
) -> Result<Option<ValueId>, String> {
    let last = of.args.last().ok_or("an operand is missing")?;
    let kind = b.value(*last)?.kind;
    let Some(term) = op.derivative(kind).and_then(|terms| terms.get(position)) else {
        return Ok(None);
    };
    let work = b.value(gradient)?.kind;
    Terms { id, args: &of.args, work }.times(b, gradient, *term)
}

/// The gradient of the difference of a comparison's operands, with the sign that it has for the
/// first. `None` where the comparison is hard, and where the caller gives it no slope.
pub(super) fn difference(
    b: &mut Builder<'_>,
    (op, id, of): (Op, ValueId, &Value),
    gradient: ValueId,
    slope: Slope<'_>,
) -> Result<Option<ValueId>, String> {
    let falls = match op {
        Op::Gt | Op::Ge => false,
        Op::Lt | Op::Le => true,
        _ => return Ok(None),
    };
    let mark = match of.spike {
        Some(mark @ (Mark::Spike | Mark::Soft)) => mark,
        Some(Mark::Hard) | None => return Ok(None),
    };
    let [first, second] = of.args[..] else { return Ok(None) };
    // Integers are subtracted as floats, so that nothing wraps.
    let kind = adjoint_kind(b.value(first)?.kind);
    let (first, second) = (b.convert(first, kind)?, b.convert(second, kind)?);
    let difference = b.scalar(Op::Sub, &[first, second])?;
    let Some(slope) = slope(b, Comparison { id, op, mark, difference })? else { return Ok(None) };
    let slope = b.convert(slope, b.value(gradient)?.kind)?;
    let scaled = b.scalar(Op::Mul, &[gradient, slope])?;
    Ok(Some(if falls { b.scalar(Op::Neg, &[scaled])? } else { scaled }))
}

/// Terms over the operands and the result of a value, computed in the kind of the gradient.
struct Terms<'v> {
    id: ValueId,
    args: &'v [ValueId],
    work: Kind,
}

impl Terms<'_> {
    /// The product of a gradient and a term; `None` where the term is 0. A choice chooses the
    /// gradient itself, so that no product with an infinite one becomes NaN.
    fn times(
        &self,
        b: &mut Builder<'_>,
        gradient: ValueId,
        term: Term,
    ) -> Result<Option<ValueId>, String> {
        match term {
            Term::Constant(0.0) => Ok(None),
            Term::Constant(1.0) => Ok(Some(gradient)),
            Term::Constant(-1.0) => b.scalar(Op::Neg, &[gradient]).map(Some),
            Term::Apply(Op::Neg, [term]) => match self.times(b, gradient, *term)? {
                Some(product) => b.scalar(Op::Neg, &[product]).map(Some),
                None => Ok(None),
            },
            Term::Apply(Op::Select, [holds, yes, no]) => {
                let (yes, no) = (self.times(b, gradient, *yes)?, self.times(b, gradient, *no)?);
                if yes.is_none() && no.is_none() {
                    return Ok(None);
                }
                let holds = self.value(b, *holds, Kind::Bool)?;
                let zero = b.number(self.work, 0.0)?;
                b.scalar(Op::Select, &[holds, yes.unwrap_or(zero), no.unwrap_or(zero)]).map(Some)
            }
            other => {
                let factor = self.value(b, other, self.work)?;
                b.scalar(Op::Mul, &[gradient, factor]).map(Some)
            }
        }
    }

    /// A term as a value of a kind. The terms of the table are a few deep.
    fn value(&self, b: &mut Builder<'_>, term: Term, kind: Kind) -> Built {
        match term {
            Term::Constant(x) => {
                let number = b.number(self.work, x)?;
                b.convert(number, kind)
            }
            Term::Operand(n) => {
                let operand = self.args.get(n).ok_or("an operand is missing")?;
                b.convert(*operand, kind)
            }
            Term::Result => b.convert(self.id, kind),
            Term::Apply(Op::Select, [holds, yes, no]) => {
                let holds = self.value(b, *holds, Kind::Bool)?;
                let (yes, no) = (self.value(b, *yes, kind)?, self.value(b, *no, kind)?);
                b.scalar(Op::Select, &[holds, yes, no])
            }
            Term::Apply(op, terms) => {
                let of = if op.is_comparison() { self.work } else { kind };
                let args: Result<Vec<ValueId>, String> =
                    terms.iter().map(|term| self.value(b, *term, of)).collect();
                b.scalar(op, &args?)
            }
        }
    }
}
