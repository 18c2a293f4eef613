//! Operations on many elements at once: what they mean for one, in loops that the compiler can
//! make of whole registers.

use super::row::Meaning;
use super::{Kind, Op, Scalar, eval};
use snn_core::arith;
use snn_core::kernels::elementwise::{self, Many};

/// Elements of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Slice<'a> {
    /// Booleans.
    Bool(Many<'a, bool>),
    /// Integers.
    Int(Many<'a, i64>),
    /// Integers that have 32 bits.
    Narrow(Many<'a, i32>),
    /// IEEE single.
    F32(Many<'a, f32>),
    /// IEEE double.
    F64(Many<'a, f64>),
}

impl Slice<'_> {
    /// One of them.
    pub fn at(&self, n: usize) -> Scalar {
        match self {
            Slice::Bool(x) => Scalar::Bool(x.at(n)),
            Slice::Int(x) => Scalar::Int(x.at(n)),
            Slice::Narrow(x) => Scalar::Int(x.at(n).into()),
            Slice::F32(x) => Scalar::F32(x.at(n)),
            Slice::F64(x) => Scalar::F64(x.at(n)),
        }
    }
}

/// Where elements of one kind are put.
#[derive(Debug)]
pub enum SliceMut<'a> {
    /// Booleans.
    Bool(&'a mut [bool]),
    /// Integers.
    Int(&'a mut [i64]),
    /// Integers that have 32 bits.
    Narrow(&'a mut [i32]),
    /// IEEE single.
    F32(&'a mut [f32]),
    /// IEEE double.
    F64(&'a mut [f64]),
}

impl Op {
    /// Puts its values at each place, of operands that have at least as many elements; false
    /// where it is not defined for operands and a result of these kinds.
    ///
    /// Integers of 32 bits may be operands where all integer operands are of 32 bits, and the
    /// result too; the caller knows that it has no more.
    pub fn many(self, operands: &[Slice<'_>], to: SliceMut<'_>) -> bool {
        self.put(operands, to).is_some()
    }

    /// The function of two integers that it is.
    pub fn of_two_ints(self) -> Option<fn(i64, i64) -> i64> {
        match &self.row().meaning {
            Meaning::Two(f) => f.int.map(|f| f.wide.one),
            Meaning::One(_) | Meaning::Test(_) | Meaning::Other { .. } => None,
        }
    }

    fn put(self, operands: &[Slice<'_>], to: SliceMut<'_>) -> Option<()> {
        match operands {
            [a] => self.put_of_one(*a, to),
            [a, b] => self.put_of_two(*a, *b, to),
            [c, a, b] if self == Op::Select => choose(*c, *a, *b, to),
            _ => None,
        }
    }

    fn put_of_one(self, a: Slice<'_>, to: SliceMut<'_>) -> Option<()> {
        use Slice::{Bool, F32, F64, Int, Narrow};
        match (&self.row().meaning, a, to) {
            (Meaning::One(f), Bool(a), SliceMut::Bool(to)) => (f.bool?.many)(a, to),
            (Meaning::One(f), Int(a), SliceMut::Int(to)) => (f.int?.wide.many)(a, to),
            (Meaning::One(f), Narrow(a), SliceMut::Narrow(to)) => (f.int?.narrow)(a, to),
            (Meaning::One(f), F32(a), SliceMut::F32(to)) => (f.f32?.many)(a, to),
            (Meaning::One(f), F64(a), SliceMut::F64(to)) => (f.f64?.many)(a, to),
            (Meaning::Other { .. }, a, to) => self.converted(a, to)?,
            _ => return None,
        }
        Some(())
    }

    fn put_of_two(self, a: Slice<'_>, b: Slice<'_>, to: SliceMut<'_>) -> Option<()> {
        use Slice::{Bool, F32, F64, Int, Narrow};
        match (&self.row().meaning, a, b, to) {
            (Meaning::Two(f), Bool(a), Bool(b), SliceMut::Bool(to)) => (f.bool?.many)(a, b, to),
            (Meaning::Two(f), Int(a), Int(b), SliceMut::Int(to)) => (f.int?.wide.many)(a, b, to),
            (Meaning::Two(f), Narrow(a), Narrow(b), SliceMut::Narrow(to)) => {
                (f.int?.narrow)(a, b, to);
            }
            (Meaning::Two(f), F32(a), F32(b), SliceMut::F32(to)) => (f.f32?.many)(a, b, to),
            (Meaning::Two(f), F64(a), F64(b), SliceMut::F64(to)) => (f.f64?.many)(a, b, to),
            (Meaning::Test(f), Bool(a), Bool(b), SliceMut::Bool(to)) => (f.bool?.many)(a, b, to),
            (Meaning::Test(f), Int(a), Int(b), SliceMut::Bool(to)) => (f.int?.wide.many)(a, b, to),
            (Meaning::Test(f), Narrow(a), Narrow(b), SliceMut::Bool(to)) => {
                (f.int?.narrow)(a, b, to);
            }
            (Meaning::Test(f), F32(a), F32(b), SliceMut::Bool(to)) => (f.f32?.many)(a, b, to),
            (Meaning::Test(f), F64(a), F64(b), SliceMut::Bool(to)) => (f.f64?.many)(a, b, to),
            _ => return None,
        }
        Some(())
    }

    fn converted(self, from: Slice<'_>, to: SliceMut<'_>) -> Option<()> {
        match (self, from, to) {
            (Op::Convert(Kind::Bool), from, SliceMut::Bool(to)) => {
                each(from, to, |x| matches!(x.convert(Kind::Bool), Scalar::Bool(true)));
            }
            (Op::Convert(Kind::Int), from, SliceMut::Int(to)) => each(from, to, integer),
            (Op::Convert(Kind::Int), from, SliceMut::Narrow(to)) => {
                each(from, to, |x| integer(x) as i32);
            }
            (Op::Convert(Kind::F32), from, SliceMut::F32(to)) => {
                each(from, to, |x| match x.convert(Kind::F32) {
                    Scalar::F32(x) => x,
                    _ => 0.0,
                });
            }
            (Op::Convert(Kind::F64), from, SliceMut::F64(to)) => {
                each(from, to, |x| match x.convert(Kind::F64) {
                    Scalar::F64(x) => x,
                    _ => 0.0,
                });
            }
            (op, Slice::Int(from), SliceMut::Int(to)) => {
                let (bits, signed) = eval::width(op)?;
                match op {
                    Op::Sat { .. } => {
                        elementwise::one(from, to, |x| arith::saturate(x, bits.into(), signed));
                    }
                    _ => elementwise::one(from, to, |x| arith::wrap(x, bits.into(), signed)),
                }
            }
            (op, Slice::Narrow(from), SliceMut::Narrow(to)) => {
                let (bits, signed) = eval::width(op)?;
                let fitted = |x: i32, fit: fn(i64, u32, bool) -> i64| {
                    fit(x.into(), bits.into(), signed) as i32
                };
                match op {
                    Op::Sat { .. } => elementwise::one(from, to, |x| fitted(x, arith::saturate)),
                    _ => elementwise::one(from, to, |x| fitted(x, arith::wrap)),
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[inline(always)]
fn integer(x: Scalar) -> i64 {
    match x.convert(Kind::Int) {
        Scalar::Int(x) => x,
        _ => 0,
    }
}

fn choose(c: Slice<'_>, a: Slice<'_>, b: Slice<'_>, to: SliceMut<'_>) -> Option<()> {
    use Slice::{Bool, F32, F64, Int, Narrow};
    let Bool(c) = c else { return None };
    match (a, b, to) {
        (Bool(a), Bool(b), SliceMut::Bool(to)) => elementwise::choose(c, a, b, to),
        (Int(a), Int(b), SliceMut::Int(to)) => elementwise::choose(c, a, b, to),
        (Narrow(a), Narrow(b), SliceMut::Narrow(to)) => elementwise::choose(c, a, b, to),
        (F32(a), F32(b), SliceMut::F32(to)) => elementwise::choose(c, a, b, to),
        (F64(a), F64(b), SliceMut::F64(to)) => elementwise::choose(c, a, b, to),
        _ => return None,
    }
    Some(())
}

/// What the conversion of one makes of each; the kind of `from` is known in each loop.
fn each<R: Copy>(from: Slice<'_>, to: &mut [R], of: impl Fn(Scalar) -> R) {
    match from {
        Slice::Bool(a) => elementwise::one(a, to, |a| of(Scalar::Bool(a))),
        Slice::Int(a) => elementwise::one(a, to, |a| of(Scalar::Int(a))),
        Slice::Narrow(a) => elementwise::one(a, to, |a| of(Scalar::Int(a.into()))),
        Slice::F32(a) => elementwise::one(a, to, |a| of(Scalar::F32(a))),
        Slice::F64(a) => elementwise::one(a, to, |a| of(Scalar::F64(a))),
    }
}
