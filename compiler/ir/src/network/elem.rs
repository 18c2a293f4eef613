//! Element types: how a declared type is stored and what its stores do.

use crate::diagnostics::Loc;
use crate::scalar::Kind;
use crate::step::{Elem, Fit};
use snn_grammar::ast::{ElemType, Overflow, Type};

/// A declared element type with its overflow policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElemTy {
    /// As declared.
    pub elem: ElemType,
    /// `wrap` or `sat`, where written.
    pub overflow: Option<Overflow>,
}

impl ElemTy {
    /// That of a declared type.
    pub fn of(ty: &Type) -> ElemTy {
        ElemTy { elem: ty.elem, overflow: ty.overflow }
    }

    /// That of all values of a kind.
    pub fn of_kind(kind: Kind) -> ElemTy {
        let elem = match kind {
            Kind::Bool => ElemType::Bool,
            Kind::Int => ElemType::Int,
            Kind::F32 => ElemType::F32,
            Kind::F64 => ElemType::F64,
        };
        ElemTy { elem, overflow: None }
    }

    /// Width and sign of an integer type.
    pub fn integer(self) -> Option<(u8, bool)> {
        match self.elem {
            ElemType::Int => Some((64, true)),
            ElemType::Signed(bits) => Some((bits, true)),
            ElemType::Unsigned(bits) => Some((bits, false)),
            _ => None,
        }
    }

    /// What values of the type are in expressions.
    pub fn kind(self) -> Kind {
        match self.elem {
            ElemType::Spike | ElemType::Bool => Kind::Bool,
            ElemType::F32 => Kind::F32,
            ElemType::F64 => Kind::F64,
            _ => Kind::Int,
        }
    }

    /// How an element is stored: the smallest type that holds every value.
    pub fn storage(self) -> Elem {
        match (self.integer(), self.elem) {
            (Some((1..=8, true)), _) => Elem::I8,
            (Some((1..=8, false)), _) => Elem::U8,
            (Some((9..=16, true)), _) => Elem::I16,
            (Some((9..=16, false)), _) => Elem::U16,
            (Some((17..=32, true)), _) => Elem::I32,
            (Some((17..=32, false)), _) => Elem::U32,
            (Some(_), _) => Elem::I64,
            (None, ElemType::F32) => Elem::F32,
            (None, ElemType::F64) => Elem::F64,
            (None, _) => Elem::Bool,
        }
    }

    /// What a store does with an integer that does not fit. Without a policy, 32 and 64 bits
    /// wrap, as the reference's arrays do; narrower types are checked to need none.
    pub fn fit(self) -> Fit {
        match (self.integer(), self.overflow) {
            (None, _) => Fit::Exact,
            (Some((bits, signed)), Some(Overflow::Sat)) => Fit::Sat { bits, signed },
            (Some((bits, signed)), _) => Fit::Wrap { bits, signed },
        }
    }

    /// The integers it holds; `None` for floats.
    pub fn bounds(self) -> Option<(i64, i64)> {
        match self.integer() {
            Some((64, _)) => Some((i64::MIN, i64::MAX)),
            Some((bits, true)) => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            Some((bits, false)) => Some((0, (1 << bits) - 1)),
            None => self.storage().bounds(),
        }
    }

    /// Whether every value of this type is one of `other`'s.
    pub fn fits_in(self, other: ElemTy) -> bool {
        let mantissa = |e: ElemType| match e {
            ElemType::F32 => Some(1i64 << 24),
            ElemType::F64 => Some(1i64 << 53),
            _ => None,
        };
        match (self.bounds(), other.bounds()) {
            (Some((lo, hi)), Some((least, most))) => least <= lo && hi <= most,
            (Some((lo, hi)), None) => mantissa(other.elem).is_some_and(|m| -m <= lo && hi <= m),
            (None, None) => self.elem == other.elem || other.elem == ElemType::F64,
            (None, Some(_)) => false,
        }
    }

    /// Its place, where a type begins with it.
    pub fn place(self, mut of: Loc) -> Loc {
        of.span.end = of.span.start + self.text().len() as u32;
        of
    }

    /// As it is written.
    pub fn text(self) -> String {
        let elem = match self.elem {
            ElemType::Spike => "spike".into(),
            ElemType::Bool => "bool".into(),
            ElemType::Int => "int".into(),
            ElemType::Signed(bits) => format!("i{bits}"),
            ElemType::Unsigned(bits) => format!("u{bits}"),
            ElemType::F32 => "f32".into(),
            ElemType::F64 => "f64".into(),
        };
        match self.overflow {
            Some(Overflow::Wrap) => elem + " wrap",
            Some(Overflow::Sat) => elem + " sat",
            None => elem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(elem: ElemType) -> ElemTy {
        ElemTy { elem, overflow: None }
    }

    #[test]
    fn conversions_without_loss() {
        let (spike, i24, i32) = (ElemType::Spike, ElemType::Signed(24), ElemType::Signed(32));
        assert!(ty(spike).fits_in(ty(i32)));
        assert!(ty(i24).fits_in(ty(ElemType::F32)));
        assert!(!ty(i32).fits_in(ty(ElemType::F32)));
        assert!(ty(i32).fits_in(ty(ElemType::F64)));
        assert!(!ty(i32).fits_in(ty(i24)));
        assert!(!ty(ElemType::F32).fits_in(ty(i32)));
        assert!(!ty(i32).fits_in(ty(spike)));
    }
}
