//! What a row of the table says.

use super::{FULL, Form, Interval, Kind, Op, Rust, Scalar, Term};
use snn_core::kernels::elementwise::Many;

/// All that there is to know about an operation.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
    /// Bounds of an integer or boolean result from those of integer or boolean operands.
    pub(super) interval: fn(Op, &[Interval]) -> Interval,
    pub(super) derivative: Option<&'static [Term]>,
    /// See [`Op::is_modular`].
    pub(super) modular: bool,
    pub(super) rust: Rust,
}

/// Something for each kind for which an operation is defined.
pub(super) struct ByKind<B, I, S, D> {
    pub(super) bool: Option<B>,
    pub(super) int: Option<I>,
    pub(super) f32: Option<S>,
    pub(super) f64: Option<D>,
}

impl<B, I, S, D> ByKind<B, I, S, D> {
    pub(super) fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Bool => self.bool.is_some(),
            Kind::Int => self.int.is_some(),
            Kind::F32 => self.f32.is_some(),
            Kind::F64 => self.f64.is_some(),
        }
    }
}

/// A function of one operand, of one element and of many: the same, written once.
#[derive(Clone, Copy)]
pub struct OfOne<T, R> {
    pub(super) one: fn(T) -> R,
    pub(super) many: fn(Many<'_, T>, &mut [R]),
}

/// A function of two operands.
#[derive(Clone, Copy)]
pub struct OfTwo<T, R> {
    pub(super) one: fn(T, T) -> R,
    pub(super) many: fn(Many<'_, T>, Many<'_, T>, &mut [R]),
}

/// A function of integers: of any, and the same of those that have 32 bits, as its result has
/// if it is an integer.
#[derive(Clone, Copy)]
pub struct OfInts<W, N> {
    pub(super) wide: W,
    pub(super) narrow: N,
}

type OneNarrow = fn(Many<'_, i32>, &mut [i32]);
type TwoNarrow<R> = fn(Many<'_, i32>, Many<'_, i32>, &mut [R]);
/// See [`OfInts`].
pub(super) type OfOneInt = OfInts<OfOne<i64, i64>, OneNarrow>;
/// See [`OfInts`].
pub(super) type OfTwoInts = OfInts<OfTwo<i64, i64>, TwoNarrow<i32>>;

/// One operand, and a result of its kind.
pub(super) type One = ByKind<OfOne<bool, bool>, OfOneInt, OfOne<f32, f32>, OfOne<f64, f64>>;

/// Two operands of a kind, and a result of it.
pub(super) type Two = ByKind<OfTwo<bool, bool>, OfTwoInts, OfTwo<f32, f32>, OfTwo<f64, f64>>;

/// Two operands of a kind, and a boolean.
pub(super) type Test = ByKind<
    OfTwo<bool, bool>,
    OfInts<OfTwo<i64, bool>, TwoNarrow<bool>>,
    OfTwo<f32, bool>,
    OfTwo<f64, bool>,
>;

/// What an operation takes and gives.
pub(super) enum Meaning {
    One(One),
    Two(Two),
    Test(Test),
    /// Anything else.
    Other {
        arity: usize,
        result: fn(Op, &[Kind]) -> Option<Kind>,
        /// Of operands for which there is a result.
        eval: fn(Op, &[Scalar]) -> Option<Scalar>,
    },
}

impl Meaning {
    pub(super) fn arity(&self) -> usize {
        match self {
            Meaning::One(_) => 1,
            Meaning::Two(_) | Meaning::Test(_) => 2,
            Meaning::Other { arity, .. } => *arity,
        }
    }
}

/// What most rows have in common.
pub(super) const ROW: Row = Row {
    name: "",
    meaning: Meaning::One(ByKind { bool: None, int: None, f32: None, f64: None }),
    interval: |_, _| FULL,
    derivative: None,
    modular: false,
    rust: Rust::NONE,
};

pub(super) const fn one(
    bool: Option<OfOne<bool, bool>>,
    int: Option<OfOneInt>,
    f32: Option<OfOne<f32, f32>>,
    f64: Option<OfOne<f64, f64>>,
) -> Meaning {
    Meaning::One(ByKind { bool, int, f32, f64 })
}

pub(super) const fn two(
    bool: Option<OfTwo<bool, bool>>,
    int: Option<OfTwoInts>,
    f32: Option<OfTwo<f32, f32>>,
    f64: Option<OfTwo<f64, f64>>,
) -> Meaning {
    Meaning::Two(ByKind { bool, int, f32, f64 })
}

/// A comparison, which Rust's operator `sign` is for every kind.
pub(super) const fn comparison(
    name: &'static str,
    sign: &'static str,
    test: Test,
    interval: fn(Op, &[Interval]) -> Interval,
) -> Row {
    let form = Form::Infix(sign, super::Level::Compare);
    let rust = Rust { bool: form, int: form, float: form, ..Rust::NONE };
    Row { name, meaning: Meaning::Test(test), interval, rust, ..ROW }
}

/// A function of one float.
pub(super) const fn function(
    name: &'static str,
    f32: OfOne<f32, f32>,
    f64: OfOne<f64, f64>,
    derivative: &'static [Term],
    float: Form,
) -> Row {
    let meaning = one(None, None, Some(f32), Some(f64));
    Row { name, meaning, derivative: Some(derivative), rust: Rust { float, ..Rust::NONE }, ..ROW }
}
