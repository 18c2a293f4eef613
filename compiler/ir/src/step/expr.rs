//! Expressions of the step IR: the value at one element of a loop's domain.

use super::{Access, Source, Tensor, TensorValues};
pub use crate::scalar::Kind;
use crate::scalar::Op;
use crate::tensor::Values;

/// A value at one element.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its kind.
    pub kind: Kind,
    /// How it is computed.
    pub node: ExprKind,
}

/// How a value is computed.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An integer constant (kind Int), or 0/1 (kind Bool).
    Int(i64),
    /// A float constant, of kind F32 or F64.
    Float(f64),
    /// A local of the loop.
    Local(u32),
    /// An element of a buffer or tensor; its kind is that of the elements.
    Load(Access),
    /// The step counter `t`, an integer.
    Time,
    /// An operation on as many operands as it has, of kinds for which it is defined; this
    /// expression has the kind that [`Op::result`] says. All operands may be evaluated, those of
    /// a choice too.
    Apply(Op, Vec<Expr>),
    /// A number in [0, 1) of kind F64, a pure function of `seed`, `site`, `t` and the
    /// element's position in the domain ([`snn_core::random::uniform`]).
    Random {
        /// From the source.
        seed: u64,
        /// Which use of `random` this is, so that two uses differ.
        site: u64,
    },
}

/// Equal expressions have equal values: zeros of different signs are two constants.
impl PartialEq for ExprKind {
    fn eq(&self, other: &ExprKind) -> bool {
        use ExprKind::*;
        match (self, other) {
            (Int(a), Int(b)) => a == b,
            (Float(a), Float(b)) => a.to_bits() == b.to_bits(),
            (Local(a), Local(b)) => a == b,
            (Load(a), Load(b)) => a == b,
            (Time, Time) => true,
            (Apply(op, a), Apply(other, b)) => op == other && a == b,
            (Random { seed, site }, Random { seed: other, site: place }) => {
                seed == other && site == place
            }
            _ => false,
        }
    }
}

impl Tensor {
    /// Whether it is a single number that is given.
    pub fn is_number(&self) -> bool {
        self.given.is_some()
            && self.shape.is_empty()
            && matches!(self.values, TensorValues::Known(_))
    }
}

impl Expr {
    /// An operation on operands for whose kinds it is defined.
    pub fn apply(op: Op, operands: Vec<Expr>) -> Expr {
        let kinds: Vec<Kind> = operands.iter().map(|e| e.kind).collect();
        let kind = op.result(&kinds);
        debug_assert!(kind.is_some(), "{} of {kinds:?}", op.name());
        Expr { kind: kind.unwrap_or(Kind::Int), node: ExprKind::Apply(op, operands) }
    }

    /// The number that it always is: a literal, or a given number among these tensors.
    pub fn number(&self, tensors: &[Tensor]) -> Option<ExprKind> {
        match &self.node {
            literal @ (ExprKind::Int(_) | ExprKind::Float(_)) => Some(literal.clone()),
            ExprKind::Load(Access { source: Source::Tensor(id), .. }) => {
                let tensor = tensors.get(id.0 as usize).filter(|tensor| tensor.is_number())?;
                let TensorValues::Known(known) = &tensor.values else { return None };
                Some(match &known.values {
                    Values::Int(values) => ExprKind::Int(*values.first()?),
                    Values::Float(values) => ExprKind::Float(*values.first()?),
                    Values::Bool(_) => return None,
                })
            }
            _ => None,
        }
    }
}
