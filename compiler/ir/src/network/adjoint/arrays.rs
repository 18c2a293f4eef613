//! The adjoints of operations on arrays.

use super::builder::{Builder, Built};
use super::conv;
use crate::network::{Op, ReduceOp, Value, ValueId};
use crate::scalar::{self, Kind};
use crate::tensor::Tensor;

/// The gradient of the argument at a position, from that of the result, `g`, of its shape.
/// `None` where the argument is no quantity.
pub(super) fn argument(
    b: &mut Builder<'_>,
    of: &Value,
    g: ValueId,
    at: usize,
) -> Result<Option<ValueId>, String> {
    let arg = |n: usize| of.args.get(n).copied().ok_or("an argument is missing");
    let own = b.value(arg(at)?)?.shape.clone();
    Ok(Some(match (&of.op, at) {
        (Op::Broadcast, _) => {
            let missing = of.shape.len().saturating_sub(own.len());
            let kept = |axis: usize| axis >= missing && own[axis - missing] == of.shape[axis];
            let axes: Vec<usize> = (0..of.shape.len()).filter(|axis| !kept(*axis)).collect();
            let sum = b.sum(g, &axes)?;
            b.reshape(sum, &own)?
        }
        (Op::Transpose(axes), _) => {
            let mut back = vec![0; axes.len()];
            axes.iter().enumerate().for_each(|(k, axis)| back[*axis] = k);
            b.transpose(g, &back)?
        }
        (Op::Slice(ranges), _) => {
            let mut padded = g;
            for (axis, ((lo, hi), n)) in ranges.iter().zip(&own).enumerate() {
                padded = b.pad(padded, axis, (*lo as i128, (n - hi) as i128))?;
            }
            padded
        }
        (Op::Reshape, _) => b.reshape(g, &own)?,
        (Op::Flip(axes), _) => b.flip(g, axes)?,
        (Op::Index, 0) => {
            let (n, index) = (own.first().copied().unwrap_or(0), arg(1)?);
            let count = b.count(n)?;
            let here = b.scalar(scalar::Op::Eq, &[count, index])?;
            let mut along = vec![1; own.len()];
            along[0] = n;
            let here = stretched(b, here, &along, &own)?;
            let each = b.broadcast(g, &own)?;
            chosen(b, here, each)?
        }
        (Op::MatMul, 0) => {
            let input = b.convert(arg(1)?, Kind::F64)?;
            match own[..] {
                // Source by source, as it is added up best: a silent source adds nothing.
                [m, n] => {
                    let column = stretched(b, input, &[n, 1], &[n, m])?;
                    let rows = b.broadcast(g, &[n, m])?;
                    let product = b.scalar(scalar::Op::Mul, &[column, rows])?;
                    b.transpose(product, &[1, 0])?
                }
                _ => {
                    let mut column = of.shape.clone();
                    column.push(1);
                    let column = stretched(b, g, &column, &own)?;
                    let rows = b.broadcast(input, &own)?;
                    b.scalar(scalar::Op::Mul, &[column, rows])?
                }
            }
        }
        (Op::MatMul, _) => {
            let weights = b.convert(arg(0)?, Kind::F64)?;
            let (m, n) = (of.shape.iter().product(), own.iter().product());
            let matrix = b.reshape(weights, &[m, n])?;
            let turned = b.transpose(matrix, &[1, 0])?;
            let vector = b.reshape(g, &[m])?;
            b.push(Op::MatMul, &[turned, vector], Kind::F64, &[n])?
        }
        (Op::Conv(geometry), 0) => {
            let input = b.convert(arg(1)?, Kind::F64)?;
            conv::weights(b, geometry, input, g)?
        }
        (Op::Conv(geometry), _) => {
            let weights = b.convert(arg(0)?, Kind::F64)?;
            conv::input(b, geometry, weights, g)?
        }
        (Op::Reduce(ReduceOp::Sum, axes), _) => {
            let kept = sizes(&own, |axis| !axes.contains(&axis));
            stretched(b, g, &kept, &own)?
        }
        (Op::Reduce(op @ (ReduceOp::Min | ReduceOp::Max), axes), _) => {
            // The first of several takes it all: by equality each of them would.
            let largest = first(b, *op, axes, arg(0)?, &of.shape)?;
            let along = sizes(&own, |axis| axes.contains(&axis));
            let total = along.iter().try_fold(1usize, |n, m| n.checked_mul(*m));
            let count = b.count(total.ok_or("a size is too large")?)?;
            let count = stretched(b, count, &along, &own)?;
            let kept = sizes(&own, |axis| !axes.contains(&axis));
            let largest = stretched(b, largest, &kept, &own)?;
            let here = b.scalar(scalar::Op::Eq, &[count, largest])?;
            let each = stretched(b, g, &kept, &own)?;
            chosen(b, here, each)?
        }
        (Op::ByDelay, 0) => {
            let &[m, slots, n] = &of.shape[..] else { return Err("its shape".into()) };
            let delays = b.broadcast(arg(1)?, &[m, n])?;
            let delays = stretched(b, delays, &[m, 1, n], &of.shape)?;
            let count = b.count(slots)?;
            let count = stretched(b, count, &[1, slots, 1], &of.shape)?;
            let here = b.scalar(scalar::Op::Eq, &[count, delays])?;
            let chosen = chosen(b, here, g)?;
            b.sum(chosen, &[1])?
        }
        // Positions and delays are no quantities.
        (Op::Index | Op::ByDelay | Op::Reduce(ReduceOp::ArgMax, _), _) => return Ok(None),
        // Leaves, and what is no matter of one argument.
        (
            Op::Const(_)
            | Op::Param(_)
            | Op::Time
            | Op::Var(_)
            | Op::Input(_)
            | Op::Random { .. }
            | Op::Scalar(_)
            | Op::Concat(_),
            _,
        ) => return Ok(None),
    }))
}

/// The sizes of these axes, 1 of all others.
fn sizes(shape: &[usize], these: impl Fn(usize) -> bool) -> Vec<usize> {
    shape.iter().enumerate().map(|(axis, n)| if these(axis) { *n } else { 1 }).collect()
}

/// Under a shape with as many axes as another, and stretched to that.
fn stretched(b: &mut Builder<'_>, of: ValueId, under: &[usize], to: &[usize]) -> Built {
    let of = b.reshape(of, under)?;
    b.broadcast(of, to)
}

/// A gradient where a condition of its shape holds, else 0.
fn chosen(b: &mut Builder<'_>, holds: ValueId, gradient: ValueId) -> Built {
    let zero = b.number(b.value(gradient)?.kind, 0.0)?;
    b.scalar(scalar::Op::Select, &[holds, gradient, zero])
}

/// The position of the first extreme element along axes, as [`ReduceOp::ArgMax`] counts.
fn first(b: &mut Builder<'_>, op: ReduceOp, axes: &[usize], of: ValueId, shape: &[usize]) -> Built {
    let of = match (op, b.value(of)?.kind) {
        (ReduceOp::Min, Kind::Bool) => b.scalar(scalar::Op::Not, &[of])?,
        (ReduceOp::Min, Kind::Int) => {
            // The negative of the least integer would wrap, -1 minus an integer never does.
            let last = b.constant(Kind::Int, Tensor::scalar_int(-1))?;
            b.scalar(scalar::Op::Sub, &[last, of])?
        }
        (ReduceOp::Min, _) => b.scalar(scalar::Op::Neg, &[of])?,
        _ => of,
    };
    b.push(Op::Reduce(ReduceOp::ArgMax, axes.to_vec()), &[of], Kind::Int, shape)
}
