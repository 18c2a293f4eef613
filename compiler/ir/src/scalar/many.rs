//! Operations on many elements at once: what they mean for one, in loops that the compiler can
//! make of whole registers.

use super::row::Meaning;
use super::{Kind, Op, Scalar, eval};
use snn_core::arith;

/// Elements of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Slice<'a> {
    /// Booleans.
    Bool(&'a [bool]),
    /// Integers.
    Int(&'a [i64]),
    /// IEEE single.
    F32(&'a [f32]),
    /// IEEE double.
    F64(&'a [f64]),
}

impl Slice<'_> {
    /// One of them.
    pub fn at(&self, n: usize) -> Scalar {
        match self {
            Slice::Bool(x) => Scalar::Bool(x[n]),
            Slice::Int(x) => Scalar::Int(x[n]),
            Slice::F32(x) => Scalar::F32(x[n]),
            Slice::F64(x) => Scalar::F64(x[n]),
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
    /// IEEE single.
    F32(&'a mut [f32]),
    /// IEEE double.
    F64(&'a mut [f64]),
}

impl Op {
    /// Puts its values at each place, of operands that have as many elements; false where it is
    /// not defined for operands and a result of these kinds.
    pub fn many(self, operands: &[Slice<'_>], to: SliceMut<'_>) -> bool {
        self.put(operands, to).is_some()
    }

    /// The function of two integers that it is.
    pub fn of_two_ints(self) -> Option<fn(i64, i64) -> i64> {
        match &self.row().meaning {
            Meaning::Two(f) => f.int.map(|f| f.one),
            Meaning::One(_) | Meaning::Test(_) | Meaning::Other { .. } => None,
        }
    }

    fn put(self, operands: &[Slice<'_>], to: SliceMut<'_>) -> Option<()> {
        use Slice::{Bool, F32, F64, Int};
        match (&self.row().meaning, operands, to) {
            (Meaning::One(f), [Bool(a)], SliceMut::Bool(to)) => (f.bool?.many)(a, to),
            (Meaning::One(f), [Int(a)], SliceMut::Int(to)) => (f.int?.many)(a, to),
            (Meaning::One(f), [F32(a)], SliceMut::F32(to)) => (f.f32?.many)(a, to),
            (Meaning::One(f), [F64(a)], SliceMut::F64(to)) => (f.f64?.many)(a, to),
            (Meaning::Two(f), [Bool(a), Bool(b)], SliceMut::Bool(to)) => (f.bool?.many)(a, b, to),
            (Meaning::Two(f), [Int(a), Int(b)], SliceMut::Int(to)) => (f.int?.many)(a, b, to),
            (Meaning::Two(f), [F32(a), F32(b)], SliceMut::F32(to)) => (f.f32?.many)(a, b, to),
            (Meaning::Two(f), [F64(a), F64(b)], SliceMut::F64(to)) => (f.f64?.many)(a, b, to),
            (Meaning::Test(f), [Bool(a), Bool(b)], SliceMut::Bool(to)) => (f.bool?.many)(a, b, to),
            (Meaning::Test(f), [Int(a), Int(b)], SliceMut::Bool(to)) => (f.int?.many)(a, b, to),
            (Meaning::Test(f), [F32(a), F32(b)], SliceMut::Bool(to)) => (f.f32?.many)(a, b, to),
            (Meaning::Test(f), [F64(a), F64(b)], SliceMut::Bool(to)) => (f.f64?.many)(a, b, to),
            (Meaning::Other { .. }, [Bool(c), Bool(a), Bool(b)], SliceMut::Bool(to)) => {
                choose(self, c, a, b, to)?;
            }
            (Meaning::Other { .. }, [Bool(c), Int(a), Int(b)], SliceMut::Int(to)) => {
                choose(self, c, a, b, to)?;
            }
            (Meaning::Other { .. }, [Bool(c), F32(a), F32(b)], SliceMut::F32(to)) => {
                choose(self, c, a, b, to)?;
            }
            (Meaning::Other { .. }, [Bool(c), F64(a), F64(b)], SliceMut::F64(to)) => {
                choose(self, c, a, b, to)?;
            }
            (Meaning::Other { .. }, [a], to) => self.convert_many(*a, to)?,
            _ => return None,
        }
        Some(())
    }

    fn convert_many(self, from: Slice<'_>, to: SliceMut<'_>) -> Option<()> {
        match (self, from, to) {
            (Op::Convert(Kind::Bool), from, SliceMut::Bool(to)) => {
                converted(from, to, |x| matches!(x.convert(Kind::Bool), Scalar::Bool(true)));
            }
            (Op::Convert(Kind::Int), from, SliceMut::Int(to)) => {
                converted(from, to, |x| match x.convert(Kind::Int) {
                    Scalar::Int(x) => x,
                    _ => 0,
                });
            }
            (Op::Convert(Kind::F32), from, SliceMut::F32(to)) => {
                converted(from, to, |x| match x.convert(Kind::F32) {
                    Scalar::F32(x) => x,
                    _ => 0.0,
                });
            }
            (Op::Convert(Kind::F64), from, SliceMut::F64(to)) => {
                converted(from, to, |x| match x.convert(Kind::F64) {
                    Scalar::F64(x) => x,
                    _ => 0.0,
                });
            }
            (_, Slice::Int(from), SliceMut::Int(to)) => {
                let (bits, signed) = eval::width(self)?;
                let bits = u32::from(bits);
                let each = to.iter_mut().zip(from);
                match self {
                    Op::Sat { .. } => {
                        each.for_each(|(to, x)| *to = arith::saturate(*x, bits, signed));
                    }
                    _ => each.for_each(|(to, x)| *to = arith::wrap(*x, bits, signed)),
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn choose<T: Copy>(op: Op, c: &[bool], a: &[T], b: &[T], to: &mut [T]) -> Option<()> {
    if op != Op::Select {
        return None;
    }
    for (to, (c, (a, b))) in to.iter_mut().zip(c.iter().zip(a.iter().zip(b))) {
        *to = if *c { *a } else { *b };
    }
    Some(())
}

/// What the conversion of one makes of each; the kind of `from` is known in each loop.
fn converted<R>(from: Slice<'_>, to: &mut [R], of: impl Fn(Scalar) -> R) {
    match from {
        Slice::Bool(a) => to.iter_mut().zip(a).for_each(|(to, a)| *to = of(Scalar::Bool(*a))),
        Slice::Int(a) => to.iter_mut().zip(a).for_each(|(to, a)| *to = of(Scalar::Int(*a))),
        Slice::F32(a) => to.iter_mut().zip(a).for_each(|(to, a)| *to = of(Scalar::F32(*a))),
        Slice::F64(a) => to.iter_mut().zip(a).for_each(|(to, a)| *to = of(Scalar::F64(*a))),
    }
}
