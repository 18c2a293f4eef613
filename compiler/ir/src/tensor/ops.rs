//! Constant tensors: shapes, and the operations of [`crate::scalar`] element by element.

use super::{Tensor, Values};
use crate::scalar::{Kind, Op, Scalar, Slice, SliceMut};
use crate::step::ReduceOp;
use snn_core::kernels::elementwise::Many;
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

/// The shape of an elementwise result of operands of these shapes.
pub fn broadcast_all<'s>(shapes: impl IntoIterator<Item = &'s [usize]>) -> Option<Vec<usize>> {
    shapes.into_iter().try_fold(Vec::new(), |all, shape| match shape {
        [] => Some(all),
        same if same == all => Some(all),
        other => broadcast(&all, other),
    })
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

    /// One element, in an array of this shape.
    pub fn single(shape: Vec<usize>, element: Scalar) -> Tensor {
        let values = match element {
            Scalar::Bool(x) => Values::Bool(vec![x]),
            Scalar::Int(x) => Values::Int(vec![x]),
            Scalar::F32(x) => Values::Float(vec![x.into()]),
            Scalar::F64(x) => Values::Float(vec![x]),
        };
        Tensor { shape, values }
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

    /// Converted to another kind of value. (The elements of single precision are numbers of
    /// single precision.)
    pub fn convert(&self, kind: Kind) -> Tensor {
        apply(Op::Convert(kind), Kind::F64, &[self]).unwrap_or_else(|| self.clone())
    }

    /// An element; a float is one of kind `float`.
    pub fn element(&self, n: usize, float: Kind) -> Scalar {
        match &self.values {
            Values::Int(v) => Scalar::Int(v[n]),
            Values::Bool(v) => Scalar::Bool(v[n]),
            Values::Float(v) if float == Kind::F32 => Scalar::F32(v[n] as f32),
            Values::Float(v) => Scalar::F64(v[n]),
        }
    }
}

/// Applies an operation element by element, broadcasting; floats are of kind `float`. `None`
/// where the shapes disagree or the operation is not defined for the kinds.
pub fn apply(op: Op, float: Kind, operands: &[&Tensor]) -> Option<Tensor> {
    let shape = broadcast_all(operands.iter().map(|t| t.shape.as_slice()))?;
    apply_to(shape, op, float, operands)
}

/// Applies an operation element by element to operands that can be stretched to a shape.
pub(super) fn apply_to(
    shape: Vec<usize>,
    op: Op,
    float: Kind,
    operands: &[&Tensor],
) -> Option<Tensor> {
    // One element is that of all positions: it needs no stretching.
    if !operands.iter().all(|t| t.len() == 1 || t.shape == shape) {
        let stretched: Vec<Tensor> = operands.iter().map(|t| t.broadcast_to(&shape)).collect();
        return apply_to(shape, op, float, &stretched.iter().collect::<Vec<_>>());
    }
    let n = shape.iter().product();
    // No operation has more operands.
    let mut kinds = [Kind::Bool; 3];
    for (kind, operand) in kinds.iter_mut().zip(operands) {
        *kind = if operand.kind().is_float() { float } else { operand.kind() };
    }
    let kinds = kinds.get(..operands.len())?;
    let kind = op.result(kinds)?;
    // Arrays hold single floats in double precision: each is made one for itself.
    let result = |n: usize| {
        let mut values = [Scalar::Bool(false); 3];
        for (value, operand) in values.iter_mut().zip(operands) {
            *value = operand.element(if operand.len() == 1 { 0 } else { n }, float);
        }
        op.eval(values.get(..operands.len())?)
    };
    // A loop over arrays is more to prepare than one element is to compute.
    if n == 1 {
        return Some(Tensor::single(shape, result(0)?));
    }
    if !kinds.contains(&Kind::F32) && kind != Kind::F32 {
        return Some(Tensor { shape, values: apply_to_many(op, kind, n, operands)? });
    }
    collected(kind, shape, (0..n).map(result))
}

/// The results at `n` positions, of this kind, where nothing is a single float.
fn apply_to_many(op: Op, kind: Kind, n: usize, operands: &[&Tensor]) -> Option<Values> {
    fn each<T: Copy>(values: &[T], n: usize) -> Option<Cow<'_, [T]>> {
        match values.len() == n {
            true => Some(Cow::Borrowed(values)),
            false => Some(Cow::Owned(vec![*values.first()?; n])),
        }
    }
    let stretched = operands.iter().map(|t| match &t.values {
        Values::Bool(values) => each(values, n).map(Stretched::Bool),
        Values::Int(values) => each(values, n).map(Stretched::Int),
        Values::Float(values) => each(values, n).map(Stretched::Float),
    });
    let stretched: Vec<Stretched<'_>> = stretched.collect::<Option<_>>()?;
    let operands: Vec<Slice<'_>> = stretched.iter().map(Stretched::slice).collect();
    match kind {
        Kind::Bool => {
            let mut to = vec![false; n];
            op.many(&operands, SliceMut::Bool(&mut to)).then_some(Values::Bool(to))
        }
        Kind::Int => {
            let mut to = vec![0; n];
            op.many(&operands, SliceMut::Int(&mut to)).then_some(Values::Int(to))
        }
        Kind::F32 | Kind::F64 => {
            let mut to = vec![0.0; n];
            op.many(&operands, SliceMut::F64(&mut to)).then_some(Values::Float(to))
        }
    }
}

/// An operand at all positions: itself, or its one element.
enum Stretched<'t> {
    Bool(Cow<'t, [bool]>),
    Int(Cow<'t, [i64]>),
    Float(Cow<'t, [f64]>),
}

impl Stretched<'_> {
    fn slice(&self) -> Slice<'_> {
        match self {
            Stretched::Bool(values) => Slice::Bool(Many::Each(values)),
            Stretched::Int(values) => Slice::Int(Many::Each(values)),
            Stretched::Float(values) => Slice::F64(Many::Each(values)),
        }
    }
}

/// A tensor of values that are all of one kind.
pub(super) fn collected(
    kind: Kind,
    shape: Vec<usize>,
    values: impl Iterator<Item = Option<Scalar>>,
) -> Option<Tensor> {
    let values = match kind {
        Kind::Bool => Values::Bool(all(values, |x| match x {
            Scalar::Bool(x) => Some(x),
            _ => None,
        })?),
        Kind::Int => Values::Int(all(values, |x| match x {
            Scalar::Int(x) => Some(x),
            _ => None,
        })?),
        Kind::F32 | Kind::F64 => Values::Float(all(values, |x| match x {
            Scalar::F32(x) => Some(x.into()),
            Scalar::F64(x) => Some(x),
            _ => None,
        })?),
    };
    Some(Tensor { shape, values })
}

fn all<T>(
    values: impl Iterator<Item = Option<Scalar>>,
    pick: impl Fn(Scalar) -> Option<T>,
) -> Option<Vec<T>> {
    values.map(|value| value.and_then(&pick)).collect()
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

/// One value from all elements, of which floats are of kind `float`. `None` for the extreme of no
/// elements.
pub fn reduce(op: ReduceOp, float: Kind, a: &Tensor) -> Option<Tensor> {
    let step = match op {
        ReduceOp::Sum => Some(Op::Add),
        ReduceOp::Min => Some(Op::Min),
        ReduceOp::Max => Some(Op::Max),
        ReduceOp::ArgMax => None,
    };
    if let (Values::Int(values), Some(f)) = (&a.values, step.and_then(Op::of_two_ints)) {
        let values = values.iter().copied();
        let result = if op == ReduceOp::Sum { Some(values.fold(0, f)) } else { values.reduce(f) };
        return result.map(Tensor::scalar_int);
    }
    let elements = (0..a.len()).map(|n| a.element(n, float));
    let result = match op {
        ReduceOp::Sum => {
            let kind = if a.kind().is_float() { float } else { Kind::Int };
            let mut sum = Scalar::Int(0).convert(kind);
            for element in elements {
                sum = Op::Add.eval(&[sum, element.convert(kind)])?;
            }
            sum
        }
        ReduceOp::Min | ReduceOp::Max => {
            let op = if op == ReduceOp::Min { Op::Min } else { Op::Max };
            let mut elements = elements;
            let first = elements.next()?;
            elements.try_fold(first, |best, element| op.eval(&[best, element]))?
        }
        ReduceOp::ArgMax => {
            let holds = |op: Op, a, b| op.eval(&[a, b]) == Some(Scalar::Bool(true));
            let mut best: Option<(i64, Scalar)> = None;
            for (n, element) in (0..).zip(elements) {
                // NaN, which is not itself, is never the largest.
                let number = holds(Op::Eq, element, element);
                if number && best.is_none_or(|(_, best)| holds(Op::Gt, element, best)) {
                    best = Some((n, element));
                }
            }
            // Of nothing but NaN it is the first.
            (!a.is_empty()).then_some(Scalar::Int(best.map_or(0, |(n, _)| n)))?
        }
    };
    Some(match result {
        Scalar::Bool(x) => Tensor::scalar_bool(x),
        Scalar::Int(x) => Tensor::scalar_int(x),
        Scalar::F32(x) => Tensor::scalar_float(x.into()),
        Scalar::F64(x) => Tensor::scalar_float(x),
    })
}

/// One value from all elements along `axes`, for each place along the other axes.
pub fn reduce_axes(op: ReduceOp, float: Kind, axes: &[usize], a: &Tensor) -> Option<Tensor> {
    let kept: Vec<usize> = (0..a.shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let shape: Vec<usize> = kept.iter().map(|axis| a.shape[*axis]).collect();
    let reduced: Vec<usize> = axes.iter().map(|axis| a.shape[*axis]).collect();
    let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
    let sorted = a.transpose(&order);
    let (rows, size) = (shape.iter().product::<usize>(), reduced.iter().product::<usize>());
    let flat = sorted.reshape(vec![rows, size]);
    let results: Option<Vec<Tensor>> = (0..rows)
        .map(|row| {
            let one = flat.slice(&[(row, row + 1), (0, size)]);
            Some(reduce(op, float, &one)?.reshape(vec![1]))
        })
        .collect();
    let results = results?;
    match results.is_empty() {
        // Of no rows there is nothing to reduce; what kind of nothing follows from the operands.
        true => {
            let kind = crate::network::infer::reduced_kind(op, a.kind());
            Some(Tensor::int(vec![0], Vec::new()).convert(kind).reshape(shape))
        }
        false => Some(join(&results, 0)?.reshape(shape)),
    }
}

/// `weights[…, n] · x[n]`, both of kind Int or both of kind F64; sums in ascending order, without
/// the products of zeros of `x`.
pub fn matmul(w: &Tensor, x: &Tensor) -> Option<Tensor> {
    let (n, rows) = w.shape.split_last()?;
    if x.shape != [*n] {
        return None;
    }
    let row =
        |row: usize| sum_of_products(x, (0..*n).map(|j| (w.element(row * n + j, Kind::F64), j)));
    collected(x.kind(), rows.to_vec(), (0..rows.iter().product()).map(row))
}

/// The sum from 0 of weights times elements of `x` (each given by its position) that are not 0.
pub(super) fn sum_of_products(
    x: &Tensor,
    weights: impl IntoIterator<Item = (Scalar, usize)>,
) -> Option<Scalar> {
    let zero = Scalar::Int(0).convert(x.kind());
    weights.into_iter().try_fold(zero, |sum, (w, j)| plus_product(sum, w, x.element(j, Kind::F64)))
}

/// A sum with one more product. What is zero adds nothing, not even the NaN of an infinite weight.
pub(super) fn plus_product(sum: Scalar, weight: Scalar, x: Scalar) -> Option<Scalar> {
    match x.convert(Kind::Bool) {
        Scalar::Bool(true) => Op::Add.eval(&[sum, Op::Mul.eval(&[weight, x])?]),
        _ => Some(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests as scalars;

    #[test]
    fn shapes_broadcast_from_the_last_axis() {
        assert_eq!(broadcast(&[3, 1], &[4]), Some(vec![3, 4]));
        assert_eq!(broadcast(&[], &[2]), Some(vec![2]));
        assert_eq!(broadcast(&[2], &[3]), None);
        let column = Tensor::int(vec![2, 1], vec![10, 20]);
        let row = Tensor::int(vec![3], vec![1, 2, 3]);
        let sum = apply(Op::Add, Kind::Int, &[&column, &row]).unwrap();
        assert_eq!(sum, Tensor::int(vec![2, 3], vec![11, 12, 13, 21, 22, 23]));
    }

    #[test]
    fn folding_is_the_operation_of_each_element() {
        let tensor = |x: &Scalar| match *x {
            Scalar::Bool(x) => Tensor::scalar_bool(x),
            Scalar::Int(x) => Tensor::scalar_int(x),
            Scalar::F32(x) => Tensor::scalar_float(x.into()),
            Scalar::F64(x) => Tensor::scalar_float(x),
        };
        for op in scalars::operations() {
            for kinds in scalars::kinds(op.arity()) {
                if op.result(&kinds).is_none() {
                    continue;
                }
                let float = kinds.iter().copied().find(|k| k.is_float()).unwrap_or(Kind::F64);
                for row in scalars::rows(&kinds) {
                    let operands: Vec<Tensor> = row.iter().map(tensor).collect();
                    let folded = apply(op, float, &operands.iter().collect::<Vec<_>>());
                    let value = op.eval(&row);
                    assert_eq!(folded, value.as_ref().map(tensor), "{} of {row:?}", op.name());
                }
            }
        }
    }

    #[test]
    fn reductions_pass_over_nan_only_where_they_ask_for_the_largest() {
        let nan_first = Tensor::float(vec![3], vec![f64::NAN, 1.0, 2.0]);
        let of = |op, t: &Tensor| reduce(op, Kind::F64, t).expect("not empty");
        assert_eq!(of(ReduceOp::ArgMax, &nan_first), Tensor::scalar_int(2));
        let all = Tensor::float(vec![2], vec![f64::NAN; 2]);
        assert_eq!(of(ReduceOp::ArgMax, &all), Tensor::scalar_int(0));
        assert_eq!(of(ReduceOp::Max, &nan_first), Tensor::scalar_float(f64::NAN));
        let zeros = Tensor::float(vec![2], vec![-0.0, 0.0]);
        assert_eq!(of(ReduceOp::Min, &zeros), Tensor::scalar_float(0.0));
        assert_ne!(of(ReduceOp::Min, &zeros), Tensor::scalar_float(-0.0));
        // In single precision the first sum loses the 1 that double precision keeps.
        let large = Tensor::float(vec![3], vec![16_777_216.0, 1.0, 1.0]);
        assert_eq!(
            reduce(ReduceOp::Sum, Kind::F32, &large),
            Some(Tensor::scalar_float(16_777_216.0))
        );
        assert_eq!(of(ReduceOp::Sum, &large), Tensor::scalar_float(16_777_218.0));
    }

    #[test]
    fn zeros_of_a_vector_meet_no_infinite_weight() {
        let w = Tensor::float(vec![1, 2], vec![f64::INFINITY, 3.0]);
        let x = Tensor::float(vec![2], vec![0.0, 2.0]);
        assert_eq!(matmul(&w, &x), Some(Tensor::float(vec![1], vec![6.0])));
    }

    #[test]
    fn views_pick_the_right_elements() {
        let a = Tensor::int(vec![2, 3], (0..6).collect());
        assert_eq!(a.transpose(&[1, 0]), Tensor::int(vec![3, 2], vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(a.slice(&[(1, 2), (0, 2)]), Tensor::int(vec![1, 2], vec![3, 4]));
    }
}
