//! Operations of expressions that are not elementwise: views, products, reductions.

use super::expr::{Built, Mismatch, TExpr, bounded, sum_kind, wider};
use snn_core::kernels::Geometry;
use snn_ir::network::{Op, ReduceOp, infer};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::apply;
use snn_ir::tensor::sparse::representable;
use snn_ir::tensor::{Constant, ops};

impl TExpr {
    /// Axis `k` of the result is axis `axes[k]`; `axes` must be a permutation.
    pub fn transpose(self, axes: Vec<usize>) -> TExpr {
        let shape = axes.iter().map(|a| self.shape[*a]).collect();
        let (kind, op) = (self.kind, Op::Transpose(axes.clone()));
        TExpr::apply(op, vec![self], (kind, shape), |v| apply::transpose(&axes, v.first()?))
    }

    /// `lo..hi` of each axis, in bounds.
    pub fn slice(self, ranges: Vec<(usize, usize)>) -> TExpr {
        if ranges.iter().zip(&self.shape).all(|((lo, hi), size)| *lo == 0 && hi == size) {
            return self;
        }
        let shape = ranges.iter().map(|(lo, hi)| hi - lo).collect();
        let (kind, op) = (self.kind, Op::Slice(ranges.clone()));
        TExpr::apply(op, vec![self], (kind, shape), |v| Some(apply::slice(&ranges, v.first()?)))
    }

    /// The same elements under a shape of as many.
    pub fn reshape(self, shape: Vec<usize>) -> TExpr {
        if self.shape == shape {
            return self;
        }
        let (kind, to) = (self.kind, shape.clone());
        TExpr::apply(Op::Reshape, vec![self], (kind, shape), |v| apply::reshape(&to, v.first()?))
    }

    /// The elements in reverse order along these axes.
    pub fn flip(self, axes: Vec<usize>) -> TExpr {
        let (kind, shape, op) = (self.kind, self.shape.clone(), Op::Flip(axes.clone()));
        TExpr::apply(op, vec![self], (kind, shape), |v| apply::flip(&axes, v.first()?))
    }

    /// The element at a computed position along the first axis.
    pub fn index(self, index: TExpr) -> TExpr {
        let shape = self.shape.get(1..).unwrap_or_default().to_vec();
        let (kind, args) = (self.kind, vec![self, index.convert(Kind::Int)]);
        TExpr::apply(Op::Index, args, (kind, shape), |v| {
            apply::index(v.first()?, v.get(1)?.as_int()?)
        })
    }

    /// Joined along `axis`; the other sizes must agree.
    pub fn concat(parts: Vec<TExpr>, axis: usize) -> Built {
        let mut kind = Kind::Bool;
        let mut shape = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if i == 0 {
                (kind, shape) = (part.kind, part.shape.clone());
                continue;
            }
            kind = wider(kind, part.kind);
            let same = part.shape.len() == shape.len()
                && (0..shape.len()).all(|a| a == axis || part.shape[a] == shape[a]);
            if !same {
                let shapes = [shape, part.shape.clone()];
                let besides = shapes.clone().map(|shape| {
                    let others = shape.into_iter().enumerate().filter(|(a, _)| *a != axis);
                    others.map(|(_, n)| n).collect()
                });
                return Err(Mismatch::Unlike(shapes, Some(besides)));
            }
            if let Some(size) = shape.get_mut(axis) {
                *size += part.shape[axis];
            }
        }
        if axis >= shape.len() {
            return Err(Mismatch::Kind("`concat` joins arrays, not scalars".into()));
        }
        if let Some(part) = parts.iter().find(|p| p.is_enormous()) {
            return Err(Mismatch::Enormous(part.shape.clone()));
        }
        bounded(&shape, parts.iter().all(TExpr::is_static))?;
        let parts = parts.into_iter().map(|p| p.convert(kind)).collect();
        Ok(TExpr::apply(Op::Concat(axis), parts, (kind, shape), |v| apply::concat(axis, v)))
    }

    /// `weights · vector`.
    pub fn matmul(weights: TExpr, vector: TExpr) -> Built {
        let Some((n, rows)) = weights.shape.split_last() else {
            return Err(Mismatch::Kind("the left side of `@` must have axes".into()));
        };
        if vector.shape != [*n] {
            let sides = [vec![*n], vector.shape.clone()];
            return Err(Mismatch::Unlike([weights.shape.clone(), vector.shape], Some(sides)));
        }
        let full = match weights.value() {
            Some(Constant::Sparse(s)) if s.is_zero_elsewhere() => None,
            _ => Some(&weights),
        };
        if let Some(e) = full.into_iter().chain([&vector]).find(|e| e.is_enormous()) {
            return Err(Mismatch::Enormous(e.shape.clone()));
        }
        let kind = sum_kind(&weights, &vector);
        let shape = rows.to_vec();
        let args = vec![weights.convert(kind), vector.convert(kind)];
        Ok(TExpr::apply(Op::MatMul, args, (kind, shape), |v| apply::matmul(v.first()?, v.get(1)?)))
    }

    /// `a[i] · b[j]` for each element of the one and of the other.
    pub fn outer(a: TExpr, b: TExpr) -> Built {
        let column = a.shape.iter().copied().chain(b.shape.iter().map(|_| 1)).collect();
        TExpr::binary(scalar::Op::Mul, a.reshape(column), b)
    }

    /// The convolution of `input` with `weights`; both have the shapes that `geometry` says.
    pub fn conv(weights: TExpr, input: TExpr, geometry: Geometry) -> Built {
        if input.shape != geometry.input || weights.shape != geometry.weights() {
            return Err(Mismatch::Unlike([weights.shape, input.shape], None));
        }
        if let Some(e) = [&weights, &input].into_iter().find(|e| e.is_enormous()) {
            return Err(Mismatch::Enormous(e.shape.clone()));
        }
        let kind = sum_kind(&weights, &input);
        let args = vec![weights.convert(kind), input.convert(kind)];
        let shape = geometry.output().to_vec();
        let known = |v: &[&Constant]| apply::conv2d(&geometry, v.first()?, v.get(1)?);
        Ok(TExpr::apply(Op::Conv(Box::new(geometry)), args, (kind, shape), known))
    }

    /// One value from all elements along some axes (ascending).
    pub fn reduce(op: ReduceOp, axes: Vec<usize>, a: TExpr) -> Built {
        if axes.iter().any(|axis| a.shape[*axis] == 0) && op != ReduceOp::Sum {
            return Err(Mismatch::Kind("there is no extreme of no elements".into()));
        }
        let kind = infer::reduced_kind(op, a.kind);
        let a = if op == ReduceOp::Sum { a.convert(kind) } else { a };
        let kept = a.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        let shape = kept.map(|(_, n)| *n).collect();
        let enormous = a.is_enormous().then(|| a.shape.clone());
        let of_kind = a.kind;
        let of = Op::Reduce(op, axes.clone());
        let known = |v: &[&Constant]| apply::reduce(op, of_kind, &axes, v.first()?);
        let reduced = TExpr::apply(of, vec![a], (kind, shape), known);
        match enormous {
            Some(shape) if reduced.value.is_none() => Err(Mismatch::Enormous(shape)),
            _ => Ok(reduced),
        }
    }

    /// Weights `[m, n]` spread over delay slots, `[m, slots, n]`.
    pub fn by_delay(weights: TExpr, delays: TExpr, slots: usize) -> Built {
        let [m, n] = weights.shape[..] else {
            let sides = [weights.shape.clone(), vec![1; 2]];
            return Err(Mismatch::Unlike([weights.shape, delays.shape], Some(sides)));
        };
        if ops::broadcast(&delays.shape, &weights.shape).is_none_or(|s| s != weights.shape) {
            return Err(Mismatch::Shapes(weights.shape, delays.shape));
        }
        let (kind, shape) = (weights.kind, vec![m, slots, n]);
        if !(matches!(weights.value(), Some(Constant::Sparse(_))) && representable(&shape)) {
            bounded(&shape, weights.is_static() && delays.is_static())?;
        }
        let enormous = weights.is_enormous().then(|| weights.shape.clone());
        let args = vec![weights, delays];
        let known = |v: &[&Constant]| apply::by_delay(v.first()?, v.get(1)?, slots);
        let spread = TExpr::apply(Op::ByDelay, args, (kind, shape), known);
        match enormous {
            Some(shape) if spread.value.is_none() => Err(Mismatch::Enormous(shape)),
            _ => Ok(spread),
        }
    }
}
