//! Arithmetic on constant tensors, with the meaning that [`crate::ir::expr`] defines.

use super::{Tensor, Values};
use crate::ir::{BinOp, Kind, MathFn, ReduceOp, UnOp};
use std::borrow::Cow;

/// The shape of an elementwise result: sizes are aligned at the last axis, and a size of 1
/// (or a missing axis) stretches. `None` where two sizes disagree.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |s: &[usize], axis: usize| (axis + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// C-order strides of a shape, in elements.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// For each element of `shape` in C order, the position it has in an array with these
/// strides and offset.
fn positions(shape: &[usize], strides: &[usize], offset: usize) -> Vec<usize> {
    let mut all = vec![offset];
    for (size, stride) in shape.iter().zip(strides) {
        all = all.iter().flat_map(|p| (0..*size).map(move |i| p + i * stride)).collect();
    }
    all
}

impl Tensor {
    /// A scalar integer.
    pub fn scalar_int(value: i64) -> Tensor {
        Tensor::int(Vec::new(), vec![value])
    }

    /// A scalar float.
    pub fn scalar_float(value: f64) -> Tensor {
        Tensor::float(Vec::new(), vec![value])
    }

    /// A scalar boolean.
    pub fn scalar_bool(value: bool) -> Tensor {
        Tensor::bool(Vec::new(), vec![value])
    }

    /// Smallest and largest of integer (or boolean) elements; `None` for floats and no elements.
    pub fn int_bounds(&self) -> Option<(i64, i64)> {
        match &self.values {
            Values::Int(v) => Some((*v.iter().min()?, *v.iter().max()?)),
            Values::Bool(v) => Some((*v.iter().min()? as i64, *v.iter().max()? as i64)),
            Values::Float(_) => None,
        }
    }

    /// Elements picked by position.
    pub(super) fn pick(&self, shape: Vec<usize>, positions: &[usize]) -> Tensor {
        let values = match &self.values {
            Values::Int(v) => Values::Int(positions.iter().map(|p| v[*p]).collect()),
            Values::Float(v) => Values::Float(positions.iter().map(|p| v[*p]).collect()),
            Values::Bool(v) => Values::Bool(positions.iter().map(|p| v[*p]).collect()),
        };
        Tensor { shape, values }
    }

    /// Stretched to `shape`, which must be a broadcast of its own.
    pub fn broadcast_to(&self, shape: &[usize]) -> Tensor {
        if self.shape == shape {
            return self.clone();
        }
        if self.len() == 1 {
            let n = shape.iter().product();
            let values = match &self.values {
                Values::Int(v) => Values::Int(vec![v[0]; n]),
                Values::Float(v) => Values::Float(vec![v[0]; n]),
                Values::Bool(v) => Values::Bool(vec![v[0]; n]),
            };
            return Tensor { shape: shape.to_vec(), values };
        }
        let own = strides(&self.shape);
        let missing = shape.len() - self.shape.len();
        let stretched: Vec<usize> = (0..shape.len())
            .map(|axis| match axis.checked_sub(missing) {
                Some(i) if self.shape[i] != 1 => own[i],
                _ => 0,
            })
            .collect();
        self.pick(shape.to_vec(), &positions(shape, &stretched, 0))
    }

    /// The same elements in C order under another shape of as many elements.
    pub fn reshape(&self, shape: Vec<usize>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), self.len());
        Tensor { shape, values: self.values.clone() }
    }

    /// Axis `k` of the result is axis `axes[k]` of this.
    pub fn transpose(&self, axes: &[usize]) -> Tensor {
        let own = strides(&self.shape);
        let shape: Vec<usize> = axes.iter().map(|a| self.shape[*a]).collect();
        let moved: Vec<usize> = axes.iter().map(|a| own[*a]).collect();
        self.pick(shape.clone(), &positions(&shape, &moved, 0))
    }

    /// The part `ranges` (`lo..hi` per axis), each axis kept.
    pub fn slice(&self, ranges: &[(usize, usize)]) -> Tensor {
        let own = strides(&self.shape);
        let offset = ranges.iter().zip(&own).map(|((lo, _), s)| lo * s).sum();
        let shape: Vec<usize> = ranges.iter().map(|(lo, hi)| hi - lo).collect();
        self.pick(shape.clone(), &positions(&shape, &own, offset))
    }

    /// Converted to another kind of value.
    pub fn convert(&self, kind: Kind) -> Tensor {
        let values = match (&self.values, kind) {
            (Values::Int(v), Kind::Int) => Values::Int(v.clone()),
            (Values::Int(v), Kind::Bool) => Values::Bool(v.iter().map(|x| *x != 0).collect()),
            (Values::Int(v), Kind::F32) => {
                Values::Float(v.iter().map(|x| f64::from(*x as f32)).collect())
            }
            (Values::Int(v), Kind::F64) => Values::Float(v.iter().map(|x| *x as f64).collect()),
            (Values::Float(v), Kind::Int) => Values::Int(v.iter().map(|x| *x as i64).collect()),
            (Values::Float(v), Kind::Bool) => Values::Bool(v.iter().map(|x| *x != 0.0).collect()),
            (Values::Float(v), Kind::F32) => {
                Values::Float(v.iter().map(|x| f64::from(*x as f32)).collect())
            }
            (Values::Float(v), Kind::F64) => Values::Float(v.clone()),
            (Values::Bool(v), Kind::Int) => Values::Int(v.iter().map(|x| i64::from(*x)).collect()),
            (Values::Bool(v), Kind::Bool) => Values::Bool(v.clone()),
            (Values::Bool(v), Kind::F32 | Kind::F64) => {
                Values::Float(v.iter().map(|x| f64::from(u8::from(*x))).collect())
            }
        };
        Tensor { shape: self.shape.clone(), values }
    }
}

/// Applies an operator of one operand.
pub fn unary(op: UnOp, a: &Tensor) -> Tensor {
    let values = match (&a.values, op) {
        (Values::Bool(v), _) => Values::Bool(v.iter().map(|x| !x).collect()),
        (Values::Int(v), UnOp::Neg) => Values::Int(v.iter().map(|x| x.wrapping_neg()).collect()),
        (Values::Int(v), UnOp::Abs) => Values::Int(v.iter().map(|x| x.wrapping_abs()).collect()),
        (Values::Int(v), UnOp::Not) => Values::Int(v.iter().map(|x| !x).collect()),
        (Values::Float(v), UnOp::Neg) => Values::Float(v.iter().map(|x| -x).collect()),
        (Values::Float(v), UnOp::Abs) => Values::Float(v.iter().map(|x| x.abs()).collect()),
        (Values::Float(v), UnOp::Not) => Values::Float(v.clone()),
    };
    Tensor { shape: a.shape.clone(), values }
}

/// Applies an operator of two operands of kind `kind`, broadcasting. `None` where the
/// shapes disagree or the operator is not defined for the kind.
pub fn binary(op: BinOp, kind: Kind, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let (a, b) = (stretched(a, &shape), stretched(b, &shape));
    let values = match (&a.values, &b.values) {
        (Values::Int(x), Values::Int(y)) if op.is_comparison() => {
            Values::Bool(zip(x, y, |x, y| compare(op, &x, &y)))
        }
        (Values::Float(x), Values::Float(y)) if op.is_comparison() => {
            Values::Bool(zip(x, y, |x, y| compare(op, &x, &y)))
        }
        (Values::Bool(x), Values::Bool(y)) => Values::Bool(zip(x, y, |x, y| match op {
            BinOp::And => x & y,
            BinOp::Or => x | y,
            BinOp::Xor => x ^ y,
            other => compare(other, &x, &y),
        })),
        (Values::Int(x), Values::Int(y)) => Values::Int(zip(x, y, |x, y| int(op, x, y))),
        (Values::Float(x), Values::Float(y)) => Values::Float(zip(x, y, |x, y| {
            let result = float(op, x, y);
            if kind == Kind::F32 { f64::from(result as f32) } else { result }
        })),
        _ => return None,
    };
    Some(Tensor { shape, values })
}

/// A tensor of this shape: itself where it has it, without a copy.
fn stretched<'t>(t: &'t Tensor, shape: &[usize]) -> Cow<'t, Tensor> {
    if t.shape == shape { Cow::Borrowed(t) } else { Cow::Owned(t.broadcast_to(shape)) }
}

fn zip<T: Copy, U>(a: &[T], b: &[T], f: impl Fn(T, T) -> U) -> Vec<U> {
    a.iter().zip(b).map(|(x, y)| f(*x, *y)).collect()
}

fn compare<T: PartialOrd>(op: BinOp, a: &T, b: &T) -> bool {
    match op {
        BinOp::Eq => a == b,
        BinOp::Lt => a < b,
        BinOp::Le => a <= b,
        BinOp::Gt => a > b,
        BinOp::Ge => a >= b,
        _ => a != b,
    }
}

/// An integer operator, exact in 64 bits with wrap.
fn int(op: BinOp, a: i64, b: i64) -> i64 {
    match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::Div | BinOp::FloorDiv => {
            if b == 0 {
                0
            } else {
                let q = a.wrapping_div(b);
                if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { q - 1 } else { q }
            }
        }
        BinOp::Rem => {
            if b == 0 {
                0
            } else {
                let r = a.wrapping_rem(b);
                if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
            }
        }
        BinOp::Pow => u32::try_from(b).map_or(0, |b| a.wrapping_pow(b)),
        BinOp::Shl => {
            if (0..64).contains(&b) {
                a << b
            } else {
                0
            }
        }
        BinOp::Shr => match b {
            i64::MIN..0 => 0,
            0..64 => a >> b,
            _ => a >> 63,
        },
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Min => a.min(b),
        BinOp::Max => a.max(b),
        _ => i64::from(compare(op, &a, &b)),
    }
}

fn float(op: BinOp, a: f64, b: f64) -> f64 {
    let nan = a.is_nan() || b.is_nan();
    match op {
        BinOp::Add => a + b,
        BinOp::Sub => a - b,
        BinOp::Mul => a * b,
        BinOp::Div => a / b,
        BinOp::FloorDiv => (a / b).floor(),
        BinOp::Rem => {
            let r = a % b;
            if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
        }
        BinOp::Pow => a.powf(b),
        BinOp::Min => {
            if nan {
                f64::NAN
            } else {
                a.min(b)
            }
        }
        BinOp::Max => {
            if nan {
                f64::NAN
            } else {
                a.max(b)
            }
        }
        _ => f64::from(u8::from(compare(op, &a, &b))),
    }
}

/// Elementwise choice; `then` and `els` are of one kind. `None` where shapes disagree.
pub fn select(cond: &Tensor, then: &Tensor, els: &Tensor) -> Option<Tensor> {
    let shape = broadcast(&broadcast(&cond.shape, &then.shape)?, &els.shape)?;
    let (c, a, b) = (stretched(cond, &shape), stretched(then, &shape), stretched(els, &shape));
    let Values::Bool(c) = &c.values else { return None };
    fn choose<T: Copy>(c: &[bool], a: &[T], b: &[T]) -> Vec<T> {
        c.iter().zip(a.iter().zip(b)).map(|(c, (a, b))| if *c { *a } else { *b }).collect()
    }
    let values = match (&a.values, &b.values) {
        (Values::Int(a), Values::Int(b)) => Values::Int(choose(c, a, b)),
        (Values::Float(a), Values::Float(b)) => Values::Float(choose(c, a, b)),
        (Values::Bool(a), Values::Bool(b)) => Values::Bool(choose(c, a, b)),
        _ => return None,
    };
    Some(Tensor { shape, values })
}

/// The low `bits` of integers.
pub fn wrap(bits: u8, signed: bool, a: &Tensor) -> Tensor {
    match &a.values {
        Values::Int(v) => {
            Tensor::int(a.shape.clone(), v.iter().map(|x| wrap_int(*x, bits, signed)).collect())
        }
        _ => a.clone(),
    }
}

/// The low `bits` (1 to 64) of an integer.
pub fn wrap_int(x: i64, bits: u8, signed: bool) -> i64 {
    let unused = 64 - u32::from(bits);
    if signed { (x << unused) >> unused } else { ((x as u64) << unused >> unused) as i64 }
}

/// `tz(x·(4096 − d), 12)`, broadcasting. `None` where shapes disagree or a kind is not Int.
pub fn decay(x: &Tensor, d: &Tensor) -> Option<Tensor> {
    let shape = broadcast(&x.shape, &d.shape)?;
    let (x, d) = (x.broadcast_to(&shape), d.broadcast_to(&shape));
    let (Values::Int(x), Values::Int(d)) = (&x.values, &d.values) else { return None };
    let decayed = zip(x, d, |x, d| {
        let product = x.wrapping_mul(4096i64.wrapping_sub(d));
        product.wrapping_div(4096)
    });
    Some(Tensor::int(shape, decayed))
}

/// A function of each element of a float tensor.
pub fn math(f: MathFn, kind: Kind, a: &Tensor) -> Tensor {
    let apply = |x: f64| match f {
        MathFn::Exp => x.exp(),
        MathFn::Log => x.ln(),
        MathFn::Sqrt => x.sqrt(),
        MathFn::Sin => x.sin(),
        MathFn::Cos => x.cos(),
        MathFn::Tanh => x.tanh(),
        MathFn::Floor => x.floor(),
        MathFn::Ceil => x.ceil(),
        MathFn::Round => x.round_ties_even(),
    };
    match &a.values {
        Values::Float(v) => {
            let round = |x: f64| if kind == Kind::F32 { f64::from(x as f32) } else { x };
            Tensor::float(a.shape.clone(), v.iter().map(|x| round(apply(*x))).collect())
        }
        _ => a.clone(),
    }
}

/// Joins tensors of one kind along an axis; their other sizes must agree.
pub fn join(parts: &[Tensor], axis: usize) -> Option<Tensor> {
    let first = parts.first()?;
    let inner: usize = first.shape[axis + 1..].iter().product();
    let outer: usize = first.shape[..axis].iter().product();
    let mut shape = first.shape.clone();
    shape[axis] = parts.iter().map(|p| p.shape[axis]).sum();
    fn gather<T: Copy>(rows: &[(&[T], usize)], outer: usize) -> Vec<T> {
        let pick = |i: usize| rows.iter().flat_map(move |(v, n)| v[i * n..(i + 1) * n].iter());
        (0..outer).flat_map(pick).copied().collect()
    }
    let width = |p: &Tensor| p.shape[axis] * inner;
    let mut ints = Vec::new();
    let mut floats = Vec::new();
    let mut bools = Vec::new();
    for part in parts {
        match &part.values {
            Values::Int(v) => ints.push((v.as_slice(), width(part))),
            Values::Float(v) => floats.push((v.as_slice(), width(part))),
            Values::Bool(v) => bools.push((v.as_slice(), width(part))),
        }
    }
    let values = match &first.values {
        Values::Int(_) if ints.len() == parts.len() => Values::Int(gather(&ints, outer)),
        Values::Float(_) if floats.len() == parts.len() => Values::Float(gather(&floats, outer)),
        Values::Bool(_) if bools.len() == parts.len() => Values::Bool(gather(&bools, outer)),
        _ => return None,
    };
    Some(Tensor { shape, values })
}

/// One value from all elements. `None` for the extreme of no elements.
pub fn reduce(op: ReduceOp, a: &Tensor) -> Option<Tensor> {
    fn position<T: PartialOrd>(v: &[T]) -> Option<i64> {
        let mut best = 0;
        for (i, x) in v.iter().enumerate() {
            if *x > *v.get(best)? {
                best = i;
            }
        }
        (!v.is_empty()).then_some(best as i64)
    }
    Some(match (&a.values, op) {
        (Values::Bool(_), ReduceOp::Sum) => return reduce(op, &a.convert(Kind::Int)),
        (Values::Int(v), ReduceOp::Sum) => {
            Tensor::scalar_int(v.iter().fold(0, |s: i64, x| s.wrapping_add(*x)))
        }
        (Values::Float(v), ReduceOp::Sum) => Tensor::scalar_float(v.iter().fold(0.0, |s, x| s + x)),
        (Values::Int(v), ReduceOp::Min) => Tensor::scalar_int(*v.iter().min()?),
        (Values::Int(v), ReduceOp::Max) => Tensor::scalar_int(*v.iter().max()?),
        (Values::Bool(v), ReduceOp::Min) => Tensor::scalar_bool(*v.iter().min()?),
        (Values::Bool(v), ReduceOp::Max) => Tensor::scalar_bool(*v.iter().max()?),
        (Values::Float(v), ReduceOp::Min) => {
            Tensor::scalar_float(v.iter().copied().reduce(|a, b| float(BinOp::Min, a, b))?)
        }
        (Values::Float(v), ReduceOp::Max) => {
            Tensor::scalar_float(v.iter().copied().reduce(|a, b| float(BinOp::Max, a, b))?)
        }
        (Values::Int(v), ReduceOp::ArgMax) => Tensor::scalar_int(position(v)?),
        (Values::Float(v), ReduceOp::ArgMax) => Tensor::scalar_int(position(v)?),
        (Values::Bool(v), ReduceOp::ArgMax) => Tensor::scalar_int(position(v)?),
    })
}

/// `weights[…, n] · x[n]`, both of kind Int or both floats; sums in ascending order.
pub fn matmul(w: &Tensor, x: &Tensor) -> Option<Tensor> {
    let (n, rows) = w.shape.split_last()?;
    if x.shape != [*n] {
        return None;
    }
    Some(match (&w.values, &x.values) {
        (Values::Int(w), Values::Int(x)) => Tensor::int(
            rows.to_vec(),
            w.chunks_exact((*n).max(1))
                .map(|row| {
                    row.iter().zip(x).fold(0i64, |s, (a, b)| s.wrapping_add(a.wrapping_mul(*b)))
                })
                .collect(),
        ),
        (Values::Float(w), Values::Float(x)) => Tensor::float(
            rows.to_vec(),
            w.chunks_exact((*n).max(1))
                .map(|row| row.iter().zip(x).fold(0.0, |s, (a, b)| s + a * b))
                .collect(),
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_from_the_last_axis() {
        assert_eq!(broadcast(&[3, 1], &[4]), Some(vec![3, 4]));
        assert_eq!(broadcast(&[], &[2]), Some(vec![2]));
        assert_eq!(broadcast(&[2], &[3]), None);
        let column = Tensor::int(vec![2, 1], vec![10, 20]);
        let row = Tensor::int(vec![3], vec![1, 2, 3]);
        let sum = binary(BinOp::Add, Kind::Int, &column, &row).unwrap();
        assert_eq!(sum, Tensor::int(vec![2, 3], vec![11, 12, 13, 21, 22, 23]));
    }

    #[test]
    fn division_and_remainder_follow_the_divisor() {
        for (a, b, q, r) in [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (5, 0, 0, 0)] {
            assert_eq!(int(BinOp::FloorDiv, a, b), q, "{a} div {b}");
            assert_eq!(int(BinOp::Rem, a, b), r, "{a} mod {b}");
        }
    }

    #[test]
    fn views_pick_the_right_elements() {
        let a = Tensor::int(vec![2, 3], (0..6).collect());
        assert_eq!(a.transpose(&[1, 0]), Tensor::int(vec![3, 2], vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(a.slice(&[(1, 2), (0, 2)]), Tensor::int(vec![1, 2], vec![3, 4]));
    }

    #[test]
    fn decay_rounds_toward_zero() {
        let x = Tensor::int(vec![2], vec![4097, -4097]);
        let d = Tensor::scalar_int(410);
        assert_eq!(decay(&x, &d), Some(Tensor::int(vec![2], vec![3686, -3686])));
        assert_eq!(wrap_int(40000, 16, true), -25536);
        assert_eq!(wrap_int(-1, 8, false), 255);
    }
}
