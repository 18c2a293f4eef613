//! Proven bounds of every integer a network computes.

use super::{Expr, ExprKind, Kind, Source, StepIr};

/// Fills [`super::Buffer::range`] of every buffer.
pub fn analyse(ir: &mut StepIr) {
    for buffer in &mut ir.buffers {
        buffer.range = buffer.elem.bounds().unwrap_or_default();
    }
}

/// Bounds of an integer expression.
pub fn interval(expr: &Expr, ir: &StepIr, locals: &[(i64, i64)]) -> (i64, i64) {
    let full = if expr.kind == Kind::Bool { (0, 1) } else { (i64::MIN, i64::MAX) };
    match &expr.node {
        ExprKind::Int(value) => (*value, *value),
        ExprKind::Local(local) => locals.get(*local as usize).copied().unwrap_or(full),
        ExprKind::Load(access) => match access.source {
            Source::Buffer(id) => ir.buffers.get(id.0 as usize).map_or(full, |b| b.range),
            Source::Tensor(_) => full,
        },
        _ => full,
    }
}
