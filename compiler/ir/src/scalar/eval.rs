//! Values of operations.

use super::row::Meaning;
use super::{Kind, Op, Scalar};
use snn_core::arith;

impl Scalar {
    /// The nearest value of a kind: a boolean is 0 or 1; a float becomes an integer by
    /// truncation toward zero, the nearest of 64 bits, and 0 for NaN; what is not 0 is true.
    #[inline(always)]
    pub fn convert(self, kind: Kind) -> Scalar {
        match kind {
            Kind::Bool => Scalar::Bool(match self {
                Scalar::Bool(value) => value,
                Scalar::Int(value) => value != 0,
                Scalar::F32(value) => value != 0.0,
                Scalar::F64(value) => value != 0.0,
            }),
            Kind::Int => Scalar::Int(match self {
                Scalar::Bool(value) => value.into(),
                Scalar::Int(value) => value,
                Scalar::F32(value) => value as i64,
                Scalar::F64(value) => value as i64,
            }),
            Kind::F32 => Scalar::F32(match self {
                Scalar::Bool(value) => value.into(),
                Scalar::Int(value) => value as f32,
                Scalar::F32(value) => value,
                Scalar::F64(value) => value as f32,
            }),
            Kind::F64 => Scalar::F64(match self {
                Scalar::Bool(value) => value.into(),
                Scalar::Int(value) => value as f64,
                Scalar::F32(value) => value.into(),
                Scalar::F64(value) => value,
            }),
        }
    }
}

impl Op {
    /// The kind of its result; `None` where it is not defined for operands of these kinds.
    pub fn result(self, operands: &[Kind]) -> Option<Kind> {
        let of = |defined: bool, kind: Kind| defined.then_some(kind);
        match (&self.row().meaning, operands) {
            (Meaning::One(f), [a]) => of(f.has(*a), *a),
            (Meaning::Two(f), [a, b]) => of(a == b && f.has(*a), *a),
            (Meaning::Test(f), [a, b]) => of(a == b && f.has(*a), Kind::Bool),
            (Meaning::Other { arity, result, .. }, _) if *arity == operands.len() => {
                result(self, operands)
            }
            _ => None,
        }
    }

    /// Its exact value; `None` where it is not defined for operands of these kinds.
    pub fn eval(self, operands: &[Scalar]) -> Option<Scalar> {
        use Scalar::{Bool, F32, F64, Int};
        match (&self.row().meaning, operands) {
            (Meaning::One(f), [a]) => Some(match *a {
                Bool(a) => Bool((f.bool?.one)(a)),
                Int(a) => Int((f.int?.wide.one)(a)),
                F32(a) => F32((f.f32?.one)(a)),
                F64(a) => F64((f.f64?.one)(a)),
            }),
            (Meaning::Two(f), [a, b]) => Some(match (*a, *b) {
                (Bool(a), Bool(b)) => Bool((f.bool?.one)(a, b)),
                (Int(a), Int(b)) => Int((f.int?.wide.one)(a, b)),
                (F32(a), F32(b)) => F32((f.f32?.one)(a, b)),
                (F64(a), F64(b)) => F64((f.f64?.one)(a, b)),
                _ => return None,
            }),
            (Meaning::Test(f), [a, b]) => Some(Bool(match (a, b) {
                (Bool(a), Bool(b)) => (f.bool?.one)(*a, *b),
                (Int(a), Int(b)) => (f.int?.wide.one)(*a, *b),
                (F32(a), F32(b)) => (f.f32?.one)(*a, *b),
                (F64(a), F64(b)) => (f.f64?.one)(*a, *b),
                _ => return None,
            })),
            (Meaning::Other { arity, eval, .. }, _) if *arity == operands.len() => {
                eval(self, operands)
            }
            _ => None,
        }
    }
}

pub(super) fn select_kind(_: Op, operands: &[Kind]) -> Option<Kind> {
    match operands {
        [Kind::Bool, a, b] if a == b => Some(*a),
        _ => None,
    }
}

pub(super) fn select(_: Op, operands: &[Scalar]) -> Option<Scalar> {
    match operands {
        [Scalar::Bool(cond), a, b] if a.kind() == b.kind() => Some(if *cond { *a } else { *b }),
        _ => None,
    }
}

pub(super) fn convert_kind(op: Op, _: &[Kind]) -> Option<Kind> {
    match op {
        Op::Convert(kind) => Some(kind),
        _ => None,
    }
}

pub(super) fn convert(op: Op, operands: &[Scalar]) -> Option<Scalar> {
    let kind = convert_kind(op, &[])?;
    operands.first().map(|x| x.convert(kind))
}

/// Width and sign of an operation that makes an integer fit.
pub(super) fn width(op: Op) -> Option<(u8, bool)> {
    match op {
        Op::Wrap { bits, signed } | Op::Sat { bits, signed } => {
            (1..=64).contains(&bits).then_some((bits, signed))
        }
        _ => None,
    }
}

pub(super) fn fit_kind(op: Op, operands: &[Kind]) -> Option<Kind> {
    width(op).and_then(|_| (operands == [Kind::Int]).then_some(Kind::Int))
}

pub(super) fn fit(op: Op, operands: &[Scalar]) -> Option<Scalar> {
    let (bits, signed) = width(op)?;
    let [Scalar::Int(x)] = *operands else { return None };
    let fit = if matches!(op, Op::Sat { .. }) { arith::saturate } else { arith::wrap };
    Some(Scalar::Int(fit(x, bits.into(), signed)))
}
