//! Operations on constants, dense or sparse.
//!
//! A scalar operation applied to sparse constants of one shape and to single numbers is the same
//! operation applied to their palettes, so that the result is sparse again. Elsewhere sparse
//! constants are written out in full, where that is not enormous.

use super::generate::MOST;
use super::{Constant, Sparse, Tensor, Values, conv, ops};
use crate::network::ReduceOp;
use crate::scalar::{Kind, Op};
use snn_core::kernels::Geometry;
use std::sync::Arc;

/// Whether a scalar operation on arrays of these shapes, sparse where it says so, is sparse:
/// some are, of one shape, and the others are single numbers.
pub fn stays_sparse<'s>(mut args: impl Iterator<Item = (&'s [usize], bool)> + Clone) -> bool {
    let Some((shape, _)) = args.clone().find(|(_, sparse)| *sparse) else { return false };
    args.all(|(own, sparse)| match sparse {
        true => own == shape,
        false => own.len() <= 1 && own.iter().product::<usize>() == 1,
    })
}

/// A scalar operation on each element, its operands of kind `kind` where there is one kind of
/// them; arguments are stretched as in NumPy. `None` where shapes or kinds do not fit, or where
/// a sparse constant would have to be written out that is enormous.
pub fn scalar(op: Op, kind: Kind, args: &[&Constant]) -> Option<Constant> {
    let forms = args.iter().map(|c| (c.shape(), matches!(c, Constant::Sparse(_))));
    if stays_sparse(forms) {
        let sparse: Vec<Sparse> = args
            .iter()
            .filter_map(|c| match c {
                Constant::Sparse(s) => Some((**s).clone()),
                Constant::Dense(_) => None,
            })
            .collect();
        let aligned = Sparse::aligned(&sparse);
        let mut palettes = aligned.iter().map(Sparse::palette);
        let operands: Option<Vec<&Tensor>> = args
            .iter()
            .map(|c| match c {
                Constant::Sparse(_) => palettes.next(),
                Constant::Dense(tensor) => Some(&**tensor),
            })
            .collect();
        let entries = aligned.first()?;
        let palette =
            ops::apply(op, float(kind), &operands?)?.broadcast_to(&entries.palette().shape);
        return Some(Constant::Sparse(Arc::new(entries.with_palette(palette))));
    }
    let shape = ops::broadcast_all(args.iter().map(|c| c.shape()))?;
    small(&shape)?;
    // Mostly one or two arrays in full, for which no list is needed.
    let applied = match args {
        [Constant::Dense(a)] => ops::apply_to(shape, op, float(kind), &[a])?,
        [Constant::Dense(a), Constant::Dense(b)] => ops::apply_to(shape, op, float(kind), &[a, b])?,
        [Constant::Dense(a), Constant::Dense(b), Constant::Dense(c)] => {
            ops::apply_to(shape, op, float(kind), &[a, b, c])?
        }
        _ => {
            let dense: Option<Vec<Arc<Tensor>>> = args.iter().map(|c| c.dense()).collect();
            let dense = dense?;
            let operands: Vec<&Tensor> = dense.iter().map(|t| &**t).collect();
            ops::apply_to(shape, op, float(kind), &operands)?
        }
    };
    Some(Constant::Dense(Arc::new(applied)))
}

/// An array of this shape may be written out.
fn small(shape: &[usize]) -> Option<()> {
    let elements = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size))?;
    (elements <= MOST).then_some(())
}

/// The kind of float operands where the operands are of kind `kind`.
fn float(kind: Kind) -> Kind {
    if kind == Kind::F32 { Kind::F32 } else { Kind::F64 }
}

/// Axis `k` of the result is axis `axes[k]` of the argument.
pub fn transpose(axes: &[usize], of: &Constant) -> Option<Constant> {
    match of {
        Constant::Sparse(s) if axes == [1, 0] => {
            s.transpose().map(|s| Constant::Sparse(Arc::new(s)))
        }
        _ => Some(Constant::Dense(Arc::new(of.dense()?.transpose(axes)))),
    }
}

/// `lo..hi` of each axis.
pub fn slice(ranges: &[(usize, usize)], of: &Constant) -> Constant {
    match of {
        Constant::Sparse(s) => Constant::Sparse(Arc::new(s.slice(ranges))),
        Constant::Dense(t) => Constant::Dense(Arc::new(t.slice(ranges))),
    }
}

/// The same elements under another shape.
pub fn reshape(shape: &[usize], of: &Constant) -> Option<Constant> {
    if let Constant::Sparse(s) = of
        && let Some(s) = s.reshape(shape.to_vec())
    {
        return Some(Constant::Sparse(Arc::new(s)));
    }
    Some(Constant::Dense(Arc::new(of.dense()?.reshape(shape.to_vec()))))
}

/// Stretched to a shape.
pub fn broadcast(shape: &[usize], of: &Constant) -> Option<Constant> {
    if of.shape() == shape {
        return Some(of.clone());
    }
    small(shape)?;
    Some(Constant::Dense(Arc::new(of.dense()?.broadcast_to(shape))))
}

/// The element at a position along the first axis; `None` where there is none.
pub fn index(of: &Constant, index: i64) -> Option<Constant> {
    let i = usize::try_from(index).ok()?;
    let mut ranges: Vec<_> = of.shape().iter().map(|n| (0, *n)).collect();
    if i >= *of.shape().first()? {
        return None;
    }
    *ranges.first_mut()? = (i, i + 1);
    let rest = of.shape()[1..].to_vec();
    reshape(&rest, &slice(&ranges, of))
}

/// Joined along an axis; all of one kind.
pub fn concat(axis: usize, parts: &[&Constant]) -> Option<Constant> {
    let parts: Option<Vec<Tensor>> =
        parts.iter().map(|p| p.dense().map(|t| Tensor::clone(&t))).collect();
    ops::join(&parts?, axis).map(|t| Constant::Dense(Arc::new(t)))
}

/// `weights[…, n] · vector[n]`, both of one kind.
pub fn matmul(weights: &Constant, vector: &Constant) -> Option<Constant> {
    let vector = vector.dense()?;
    let product = match weights {
        Constant::Sparse(w) if w.is_zero_elsewhere() => w.matmul(&vector),
        _ => ops::matmul(&*weights.dense()?, &vector),
    };
    product.map(|t| Constant::Dense(Arc::new(t)))
}

/// The convolution, both of one kind.
pub fn conv2d(geometry: &Geometry, weights: &Constant, input: &Constant) -> Option<Constant> {
    let sums = conv::conv2d(geometry, &*weights.dense()?, &*input.dense()?)?;
    Some(Constant::Dense(Arc::new(sums)))
}

/// Reduced along axes; floats are of kind `kind`.
pub fn reduce(op: ReduceOp, kind: Kind, axes: &[usize], of: &Constant) -> Option<Constant> {
    let all = axes.len() == of.shape().len();
    if let (Constant::Sparse(s), true) = (of, all)
        && let Some(t) = s.reduce(op, float(kind))
    {
        return Some(Constant::Dense(Arc::new(t)));
    }
    let dense = of.dense()?;
    let reduced = match all {
        true => ops::reduce(op, float(kind), &dense)?,
        false => ops::reduce_axes(op, float(kind), axes, &dense)?,
    };
    Some(Constant::Dense(Arc::new(reduced)))
}

/// In reverse order along axes.
pub fn flip(axes: &[usize], of: &Constant) -> Option<Constant> {
    Some(Constant::Dense(Arc::new(conv::flip(&*of.dense()?, axes))))
}

/// Weights `[m, n]` spread over delay slots, `[m, slots, n]`.
pub fn by_delay(weights: &Constant, delays: &Constant, slots: usize) -> Option<Constant> {
    if let Constant::Sparse(w) = weights {
        let delays = match delays {
            Constant::Sparse(d) => (**d).clone(),
            Constant::Dense(d) if d.len() == 1 => w.with_palette(
                d.broadcast_to(&[1]).reshape(Vec::new()).broadcast_to(&w.palette().shape),
            ),
            Constant::Dense(d) => Sparse::of(d)?,
        };
        if let Some(spread) = w.by_delay(&delays, slots) {
            return Some(Constant::Sparse(Arc::new(spread)));
        }
    }
    let weights = weights.dense()?;
    let [m, n] = weights.shape[..] else { return None };
    small(&[m, slots, n])?;
    let delays = delays.dense()?.broadcast_to(&[m, n]);
    let Values::Int(slot) = &delays.values else { return None };
    let form = (slots, n);
    let values = match &weights.values {
        Values::Int(v) => Values::Int(spread(v, 0, slot, form)),
        Values::Float(v) => Values::Float(spread(v, 0.0, slot, form)),
        Values::Bool(v) => Values::Bool(spread(v, false, slot, form)),
    };
    Some(Constant::Dense(Arc::new(Tensor { shape: vec![m, slots, n], values })))
}

/// Weights of rows of `n`, each at its slot of `slots`; `zero` elsewhere.
fn spread<T: Copy>(weights: &[T], zero: T, slot: &[i64], (slots, n): (usize, usize)) -> Vec<T> {
    let mut all = vec![zero; weights.len() * slots];
    for (at, (weight, slot)) in weights.iter().zip(slot).enumerate() {
        if let Some(slot) = usize::try_from(*slot).ok().filter(|slot| *slot < slots) {
            all[(at / n * slots + slot) * n + at % n] = *weight;
        }
    }
    all
}
