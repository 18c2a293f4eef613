//! Bounds of integer expressions, from the types of what they read.

use super::expr::{Leaf, Node, TExpr};
use snn_ir::network::{Op, ReduceOp};
use snn_ir::scalar::Kind;

type Interval = (i64, i64);

const ALL: Interval = (i64::MIN, i64::MAX);

/// The values an integer (or boolean) expression can have; everything where it is not bounded.
/// `leaf` bounds what it reads, params included.
pub fn int_bounds(e: &TExpr, leaf: &impl Fn(Leaf) -> Option<Interval>) -> Interval {
    if e.kind == Kind::Bool {
        return (0, 1);
    }
    let of = |x: &TExpr| (!x.kind.is_float()).then(|| int_bounds(x, leaf));
    let joined = |parts: &[TExpr]| {
        parts.iter().filter_map(of).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or(ALL)
    };
    match &*e.node {
        Node::Const(c) => c.values().int_bounds().unwrap_or(ALL),
        Node::File(d) => d.elem.bounds().unwrap_or(ALL),
        Node::Read(l) => leaf(*l).unwrap_or(ALL),
        Node::Apply(op, args) => match op {
            Op::Scalar(op) => {
                let operands: Vec<Option<Interval>> = args.iter().map(of).collect();
                op.interval(&operands).unwrap_or(ALL)
            }
            Op::Broadcast | Op::Transpose(_) | Op::Slice(_) | Op::Reshape | Op::Flip(_) => {
                joined(args)
            }
            Op::Reduce(ReduceOp::Min | ReduceOp::Max, _) | Op::Concat(_) => joined(args),
            Op::Index => joined(&args[..1]),
            _ => ALL,
        },
    }
}
