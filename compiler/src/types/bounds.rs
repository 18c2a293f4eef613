//! Bounds of integer expressions, from the types of what they read.

use super::expr::{Leaf, Node, TExpr};
use crate::ir::{BinOp, Kind, ReduceOp, UnOp};

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

/// The values an integer (or boolean) expression can have; everything where it is not bounded.
pub fn int_bounds(e: &TExpr, leaf: &impl Fn(Leaf) -> Option<(i64, i64)>) -> (i64, i64) {
    let of = |x: &TExpr| int_bounds(x, leaf);
    if e.kind == Kind::Bool {
        return (0, 1);
    }
    match &e.node {
        Node::Const(c) => c.int_bounds().unwrap_or(ALL),
        Node::Sparse(s) => s.distinct().int_bounds().unwrap_or(ALL),
        Node::File(d) => d.elem.bounds().unwrap_or(ALL),
        Node::Read(l) => leaf(*l).unwrap_or(ALL),
        Node::Convert(x) if x.kind == Kind::Bool => (0, 1),
        Node::Wrap { bits: 64, .. } => ALL,
        Node::Wrap { bits, signed: true, .. } => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        Node::Wrap { bits, signed: false, .. } => (0, (1 << bits) - 1),
        Node::Unary(UnOp::Neg, x) => {
            let (lo, hi) = of(x);
            bounded(|| Some((hi.checked_neg()?, lo.checked_neg()?)))
        }
        Node::Unary(UnOp::Abs, x) => {
            let (lo, hi) = of(x);
            bounded(|| {
                let most = lo.checked_neg()?.max(hi);
                Some((lo.max(hi.checked_neg()?).max(0), most))
            })
        }
        Node::Binary(op, x, y) => {
            let (a, b) = (of(x), of(y));
            match op {
                BinOp::Add => bounded(|| Some((a.0.checked_add(b.0)?, a.1.checked_add(b.1)?))),
                BinOp::Sub => bounded(|| Some((a.0.checked_sub(b.1)?, a.1.checked_sub(b.0)?))),
                BinOp::Mul => bounded(|| {
                    let all = [
                        a.0.checked_mul(b.0)?,
                        a.0.checked_mul(b.1)?,
                        a.1.checked_mul(b.0)?,
                        a.1.checked_mul(b.1)?,
                    ];
                    Some((*all.iter().min()?, *all.iter().max()?))
                }),
                BinOp::Min => (a.0.min(b.0), a.1.min(b.1)),
                BinOp::Max => (a.0.max(b.0), a.1.max(b.1)),
                BinOp::Rem if b.0 > 0 => (0, b.1 - 1),
                BinOp::Shr if b.0 >= 0 && b.1 < 64 => {
                    ((a.0 >> b.0).min(a.0 >> b.1), (a.1 >> b.0).max(a.1 >> b.1))
                }
                BinOp::And if a.0 >= 0 && b.0 >= 0 => (0, a.1.min(b.1)),
                _ => ALL,
            }
        }
        Node::Select(_, x, y) => {
            let (a, b) = (of(x), of(y));
            (a.0.min(b.0), a.1.max(b.1))
        }
        Node::Transpose(_, x)
        | Node::Slice(_, x)
        | Node::Reshape(x)
        | Node::Index { of: x, .. }
        | Node::Reduce(ReduceOp::Min | ReduceOp::Max, x) => of(x),
        Node::Concat(_, parts) => {
            parts.iter().map(of).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0))
        }
        _ => ALL,
    }
}

fn bounded(f: impl FnOnce() -> Option<(i64, i64)>) -> (i64, i64) {
    f().unwrap_or(ALL)
}
