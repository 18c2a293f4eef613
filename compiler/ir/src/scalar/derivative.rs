//! Derivatives, written in the operations themselves.
//!
//! What rounds, truncates or wraps is passed as if it did not ("straight through", Y. Bengio,
//! N. Léonard and A. Courville, *Estimating or propagating gradients through stochastic neurons*,
//! 2013): networks that compute in integers would have no gradient else. Booleans are 0 and 1, and
//! logic is the polynomial that it is of them.

use super::{Kind, Op, Scalar};

/// A float computed from the operands and the result of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Term {
    /// A constant, of the result's kind.
    Constant(f64),
    /// An operand, from 0.
    Operand(usize),
    /// The result.
    Result,
    /// An operation on terms.
    Apply(Op, &'static [Term]),
}

/// Independent of the operand, or constant between the places where it has no derivative.
pub(super) const ZERO: Term = Term::Constant(0.0);
pub(super) const ONE: Term = Term::Constant(1.0);
pub(super) const MINUS_ONE: Term = Term::Constant(-1.0);
pub(super) const A: Term = Term::Operand(0);
pub(super) const B: Term = Term::Operand(1);
/// `1 / b`.
pub(super) const INVERSE_B: Term = Term::Apply(Op::Div, &[ONE, B]);
/// `2^b`.
pub(super) const TWO_TO_B: Term = Term::Apply(Op::Pow, &[Term::Constant(2.0), B]);
/// `1 - a`.
pub(super) const NOT_A: Term = Term::Apply(Op::Sub, &[ONE, A]);
/// `1 - b`.
pub(super) const NOT_B: Term = Term::Apply(Op::Sub, &[ONE, B]);

impl Term {
    /// Its value. `None` where the operands are not those of the operation.
    pub fn eval(self, operands: &[Scalar], result: Scalar) -> Option<Scalar> {
        match self {
            Term::Constant(value) => Some(Scalar::F64(value).convert(match result.kind() {
                Kind::F32 => Kind::F32,
                _ => Kind::F64,
            })),
            Term::Operand(n) => operands.get(n).copied(),
            Term::Result => Some(result),
            Term::Apply(op, terms) => {
                let values = terms.iter().map(|term| term.eval(operands, result));
                op.eval(&values.collect::<Option<Vec<Scalar>>>()?)
            }
        }
    }
}
