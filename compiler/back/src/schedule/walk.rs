//! Walks over the step IR: what an op reads and writes.

use snn_ir::step::{Access, BufferId, Expr, ExprKind, Op, OpKind, Source, Stmt};

/// Calls `f` on every access that an expression loads, indices included.
pub fn loads(e: &Expr, f: &mut impl FnMut(&Access)) {
    match &e.node {
        ExprKind::Load(access) => {
            f(access);
            indices(access, f);
        }
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => {}
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| loads(e, f)),
    }
}

/// Calls `f` on what the computed indices of an access load.
pub fn indices(access: &Access, f: &mut impl FnMut(&Access)) {
    for dynamic in &access.dynamic {
        loads(&dynamic.index, f);
    }
}

/// Calls `f` on every expression node, children first, to replace it.
pub fn rewrite(e: &mut Expr, f: &mut impl FnMut(&mut Expr)) {
    match &mut e.node {
        ExprKind::Load(access) => {
            for dynamic in &mut access.dynamic {
                rewrite(&mut dynamic.index, f);
            }
        }
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => {}
        ExprKind::Apply(_, operands) => operands.iter_mut().for_each(|e| rewrite(e, f)),
    }
    f(e);
}

/// Calls `f` on every expression of an op, to change it.
pub fn expressions(op: &mut Op, f: &mut impl FnMut(&mut Expr)) {
    match &mut op.kind {
        OpKind::Loop(l) => {
            for stmt in &mut l.body {
                match stmt {
                    Stmt::Let { value, .. } => f(value),
                    Stmt::Store { to, value, mask, .. } => {
                        for dynamic in &mut to.dynamic {
                            f(&mut dynamic.index);
                        }
                        if let Some(mask) = mask {
                            f(mask);
                        }
                        f(value);
                    }
                }
            }
        }
        OpKind::Reduce(r) => f(&mut r.value),
        _ => {}
    }
}

/// Calls `f` on every access of the expressions of an op, those that it stores to included.
pub fn accesses(op: &Op, f: &mut impl FnMut(&Access)) {
    match &op.kind {
        OpKind::Loop(l) => {
            for stmt in &l.body {
                match stmt {
                    Stmt::Let { value, .. } => loads(value, f),
                    Stmt::Store { to, value, mask, .. } => {
                        f(to);
                        indices(to, f);
                        loads(value, f);
                        mask.iter().for_each(|mask| loads(mask, f));
                    }
                }
            }
        }
        OpKind::Reduce(r) => loads(&r.value, f),
        _ => {}
    }
}

/// The buffers an op reads.
pub fn reads(op: &Op) -> Vec<BufferId> {
    let mut found = Vec::new();
    let mut note = |access: &Access| {
        if let Source::Buffer(b) = access.source {
            found.push(b);
        }
    };
    match &op.kind {
        OpKind::Loop(l) => {
            for stmt in &l.body {
                match stmt {
                    Stmt::Let { value, .. } => loads(value, &mut note),
                    Stmt::Store { to, value, mask, .. } => {
                        indices(to, &mut note);
                        loads(value, &mut note);
                        if let Some(mask) = mask {
                            loads(mask, &mut note);
                        }
                    }
                }
            }
        }
        OpKind::Synapse(s) => {
            found.push(s.src);
            if let Source::Buffer(weights) = s.weights {
                found.push(weights);
            }
        }
        OpKind::Outer(o) => found.extend([o.dst, o.sources, o.targets]),
        OpKind::Reduce(r) => loads(&r.value, &mut note),
        OpKind::Push { queue, from } => found.extend([*queue, *from]),
        OpKind::Pop { queue, .. } => found.push(*queue),
        OpKind::Reset { .. } => {}
    }
    found
}

/// The buffers an op writes.
pub fn writes(op: &Op) -> Vec<BufferId> {
    match &op.kind {
        OpKind::Loop(l) => l
            .body
            .iter()
            .filter_map(|stmt| match stmt {
                Stmt::Store { to: Access { source: Source::Buffer(b), .. }, .. } => Some(*b),
                _ => None,
            })
            .collect(),
        OpKind::Synapse(s) => vec![s.dst],
        OpKind::Outer(o) => vec![o.dst],
        OpKind::Reduce(r) => vec![r.dst],
        OpKind::Push { queue, .. } => vec![*queue],
        OpKind::Pop { queue, to } => vec![*queue, *to],
        OpKind::Reset { buffer } => vec![*buffer],
    }
}
