//! What an operation gives for operands of some kinds and shapes.

use super::{Op, ReduceOp, Value};
use crate::scalar::Kind;
use crate::tensor::ops;
use snn_core::kernels::Geometry;

/// The kind of a reduction.
pub fn reduced_kind(op: ReduceOp, kind: Kind) -> Kind {
    match (op, kind) {
        (ReduceOp::ArgMax, _) | (ReduceOp::Sum, Kind::Bool) => Kind::Int,
        (_, kind) => kind,
    }
}

/// Checks that the kind and shape of a value are those of its operation. Says nothing of leaves
/// (constants, params, variables, inputs), which the context decides.
///
/// # Errors
/// What is wrong, in words.
pub fn check(value: &Value, args: &[&Value]) -> Result<(), String> {
    let shape = value.shape.as_slice();
    let count = |n: usize| match args.len() == n {
        true => Ok(()),
        false => Err(format!("it has {} arguments, not {n}", args.len())),
    };
    let expect = |what: &str, holds: bool| match holds {
        true => Ok(()),
        false => Err(format!("{what} does not fit")),
    };
    let same_kind = args.iter().all(|a| a.kind == value.kind);
    let elements = |s: &[usize]| s.iter().product::<usize>();
    match &value.op {
        Op::Const(_) | Op::Param(_) | Op::Var(_) | Op::Input(_) => count(0),
        Op::Time => {
            count(0)?;
            expect("its type", value.kind == Kind::Int && shape.is_empty())
        }
        Op::Random { .. } => {
            count(0)?;
            expect("its kind", value.kind == Kind::F64)
        }
        Op::Scalar(op) => {
            let kinds: Vec<Kind> = args.iter().map(|a| a.kind).collect();
            expect("its kind", op.result(&kinds) == Some(value.kind))?;
            let fits = |a: &&Value| a.shape == shape || a.shape.is_empty();
            expect("its shape", args.iter().all(fits))?;
            let some = shape.is_empty() || args.iter().any(|a| a.shape == shape);
            expect("its shape", some)
        }
        Op::Broadcast => {
            count(1)?;
            let fits = ops::broadcast(&args[0].shape, shape).is_some_and(|s| s == shape);
            expect("its shape", same_kind && fits)
        }
        Op::Transpose(axes) => {
            count(1)?;
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            let of = &args[0].shape;
            expect("its order of axes", sorted.iter().copied().eq(0..of.len()))?;
            let moved = axes.iter().map(|a| of[*a]).eq(shape.iter().copied());
            expect("its shape", same_kind && moved)
        }
        Op::Slice(ranges) => {
            count(1)?;
            let of = &args[0].shape;
            expect("its number of axes", ranges.len() == of.len() && shape.len() == of.len())?;
            let within = ranges.iter().zip(of).all(|((lo, hi), n)| lo <= hi && hi <= n);
            let sized = ranges.iter().zip(shape).all(|((lo, hi), n)| hi - lo.min(hi) == *n);
            expect("its ranges", same_kind && within && sized)
        }
        Op::Reshape => {
            count(1)?;
            expect("its shape", same_kind && elements(&args[0].shape) == elements(shape))
        }
        Op::Flip(axes) => {
            count(1)?;
            let of = &args[0].shape;
            expect("its axes", axes.iter().all(|a| *a < of.len()))?;
            expect("its shape", same_kind && of == shape)
        }
        Op::Index => {
            count(2)?;
            let index = args[1].kind == Kind::Int && args[1].shape.is_empty();
            expect("its index", index)?;
            let of = args[0].shape.split_first();
            let fits = args[0].kind == value.kind && of.is_some_and(|(_, rest)| rest == shape);
            expect("its shape", fits)
        }
        Op::Concat(axis) => {
            let fits = |a: &&Value| {
                a.shape.len() == shape.len()
                    && a.shape.iter().zip(shape).enumerate().all(|(i, (x, y))| i == *axis || x == y)
            };
            expect("its axis", *axis < shape.len() && !args.is_empty())?;
            expect("its parts", same_kind && args.iter().all(fits))?;
            let sum: usize = args.iter().map(|a| a.shape[*axis]).sum();
            expect("its shape", sum == shape[*axis])
        }
        Op::MatMul => {
            count(2)?;
            let Some((n, rows)) = args[0].shape.split_last() else {
                return Err("its weights have no axes".into());
            };
            let fits = args[1].shape == [*n] && rows == shape;
            expect("its shape", same_kind && fits && is_sum(value.kind))
        }
        Op::Conv(geometry) => {
            count(2)?;
            expect("its sizes", is_sound(geometry))?;
            let fits = args[0].shape == geometry.weights()
                && args[1].shape == geometry.input
                && shape == geometry.output();
            expect("its shape", same_kind && fits && is_sum(value.kind))
        }
        Op::Reduce(op, axes) => {
            count(1)?;
            let of = &args[0].shape;
            let ascending = axes.windows(2).all(|w| w[0] < w[1]);
            expect("its axes", ascending && axes.iter().all(|a| *a < of.len()))?;
            let kept = of.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, n)| n);
            expect("its shape", kept.eq(shape))?;
            let sums = *op != ReduceOp::Sum || args[0].kind != Kind::Bool;
            expect("its kind", sums && reduced_kind(*op, args[0].kind) == value.kind)
        }
        Op::ByDelay => {
            count(2)?;
            let ([m, n], [p, _, q]) = (&args[0].shape[..], shape) else {
                return Err("its shape does not fit".into());
            };
            let delays = ops::broadcast(&args[1].shape, &args[0].shape);
            let delays = delays.is_some_and(|s| s == args[0].shape) && args[1].kind == Kind::Int;
            expect("its shape", args[0].kind == value.kind && m == p && n == q && delays)
        }
    }
}

/// Weights times inputs are summed as integers or in double precision.
fn is_sum(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::F64)
}

/// Whether these are sizes of a convolution: none is beyond 2^24, what divides is not 0, and
/// the groups divide the channels.
pub fn is_sound(g: &Geometry) -> bool {
    let sizes = [g.input.as_slice(), &[g.outputs], &g.kernel, &g.stride, &g.padding, &g.dilation];
    let divides = |n: usize| n > 0 && g.outputs.is_multiple_of(n) && g.input[2].is_multiple_of(n);
    sizes.concat().iter().all(|n| *n < 1 << 24)
        && g.stride.iter().chain(&g.dilation).chain(&g.kernel).all(|n| *n > 0)
        && divides(g.groups)
}
