//! Expressions of the step IR: the value at one element of a loop's domain.

use super::Access;
pub use crate::scalar::Kind;
use crate::scalar::Op;

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

impl Expr {
    /// An operation on operands for whose kinds it is defined.
    pub fn apply(op: Op, operands: Vec<Expr>) -> Expr {
        let kinds: Vec<Kind> = operands.iter().map(|e| e.kind).collect();
        let kind = op.result(&kinds);
        debug_assert!(kind.is_some(), "{} of {kinds:?}", op.name());
        Expr { kind: kind.unwrap_or(Kind::Int), node: ExprKind::Apply(op, operands) }
    }
}
