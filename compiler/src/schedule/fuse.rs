//! Fuses neighbouring loops, and turns buffers that only one loop uses into its locals.

use super::walk;
use crate::ir::{
    Access, Buffer, BufferId, BufferKind, Expr, ExprKind, Fit, Loop, Op, OpKind, Source, Stmt,
};
use std::collections::{BTreeMap, BTreeSet};

/// Fuses what stands next to each other.
pub fn fuse(ops: Vec<Op>) -> Vec<Op> {
    let mut fused: Vec<Op> = Vec::new();
    for mut op in ops {
        if let OpKind::Loop(next) = &mut op.kind {
            collapse(next);
            if let Some(last) = fused.last_mut()
                && last.clock == op.clock
                && let OpKind::Loop(first) = &mut last.kind
                && first.domain == next.domain
                && compatible(first, next)
            {
                first.body.append(&mut next.body);
                if !last.origin.split(", ").any(|o| o == op.origin) {
                    last.origin = format!("{}, {}", last.origin, op.origin);
                }
                continue;
            }
        }
        fused.push(op);
    }
    fused
}

/// Makes one axis of neighbouring axes that every access passes through in C order.
fn collapse(l: &mut Loop) {
    let mut axis = 0;
    while axis + 1 < l.domain.len() {
        let size = l.domain[axis + 1] as i64;
        let mut joint = true;
        each_access(l, &mut |a| joint &= a.strides[axis] == a.strides[axis + 1] * size);
        if !joint {
            axis += 1;
            continue;
        }
        l.domain[axis] *= l.domain[axis + 1];
        l.domain.remove(axis + 1);
        each_access_mut(l, &mut |a| {
            a.strides.remove(axis);
        });
    }
}

fn each_access(l: &Loop, f: &mut impl FnMut(&Access)) {
    for stmt in &l.body {
        match stmt {
            Stmt::Let { value, .. } => walk::loads(value, f),
            Stmt::Store { to, value, mask, .. } => {
                f(to);
                walk::indices(to, f);
                walk::loads(value, f);
                if let Some(mask) = mask {
                    walk::loads(mask, f);
                }
            }
        }
    }
}

fn each_access_mut(l: &mut Loop, f: &mut impl FnMut(&mut Access)) {
    let mut in_expr = |e: &mut Expr| {
        walk::rewrite(e, &mut |e| {
            if let ExprKind::Load(access) = &mut e.node {
                f(access);
            }
        });
    };
    for stmt in &mut l.body {
        match stmt {
            Stmt::Let { value, .. } => in_expr(value),
            Stmt::Store { to, value, mask, .. } => {
                for dynamic in &mut to.dynamic {
                    in_expr(&mut dynamic.index);
                }
                in_expr(value);
                if let Some(mask) = mask {
                    in_expr(mask);
                }
            }
        }
    }
    for stmt in &mut l.body {
        if let Stmt::Store { to, .. } = stmt {
            f(to);
        }
    }
}

/// Whether two loops may become one: what either stores, both touch only at the same element.
fn compatible(a: &Loop, b: &Loop) -> bool {
    let mut stored: BTreeMap<Source, Access> = BTreeMap::new();
    let mut agree = true;
    for stmt in a.body.iter().chain(&b.body) {
        if let Stmt::Store { to, .. } = stmt {
            let known = stored.entry(to.source).or_insert_with(|| to.clone());
            agree &= known == to;
        }
    }
    for l in [a, b] {
        each_access(l, &mut |access| {
            if let Some(known) = stored.get(&access.source) {
                agree &= known == access;
            }
        });
    }
    agree
}

/// Replaces buffers that live within one loop by locals of it. `kept` must stay buffers.
pub fn localise(phases: &mut [Vec<Op>], buffers: &[Buffer], kept: &BTreeSet<BufferId>) {
    let mut used_in: BTreeMap<BufferId, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (p, ops) in phases.iter().enumerate() {
        for (i, op) in ops.iter().enumerate() {
            for buffer in walk::reads(op).into_iter().chain(walk::writes(op)) {
                used_in.entry(buffer).or_default().insert((p, i));
            }
        }
    }
    for (p, ops) in phases.iter_mut().enumerate() {
        for (i, op) in ops.iter_mut().enumerate() {
            let OpKind::Loop(l) = &mut op.kind else { continue };
            let candidates: BTreeSet<BufferId> = used_in
                .iter()
                .filter(|(b, places)| {
                    let kind = buffers[b.0 as usize].kind;
                    matches!(kind, BufferKind::Local | BufferKind::Port)
                        && places.len() == 1
                        && places.contains(&(p, i))
                        && !kept.contains(b)
                })
                .map(|(b, _)| *b)
                .collect();
            for buffer in candidates {
                localise_one(l, buffer, &buffers[buffer.0 as usize]);
            }
        }
    }
}

fn localise_one(l: &mut Loop, buffer: BufferId, known: &Buffer) {
    let source = Source::Buffer(buffer);
    let stores: Vec<usize> = l
        .body
        .iter()
        .enumerate()
        .filter(|(_, s)| matches!(s, Stmt::Store { to, .. } if to.source == source))
        .map(|(i, _)| i)
        .collect();
    let [at] = stores.as_slice() else { return };
    let Some(Stmt::Store { to, value, fit, mask: None }) = l.body.get(*at) else { return };
    // A value read before it is stored is that of an earlier step.
    let mut early = false;
    for stmt in &l.body[..=*at] {
        let mut look = |access: &Access| early |= access.source == source;
        match stmt {
            Stmt::Let { value, .. } => walk::loads(value, &mut look),
            Stmt::Store { to, value, mask, .. } => {
                walk::indices(to, &mut look);
                walk::loads(value, &mut look);
                if let Some(mask) = mask {
                    walk::loads(mask, &mut look);
                }
            }
        }
    }
    let to = to.clone();
    let mut same = true;
    each_access(l, &mut |access| same &= access.source != source || *access == to);
    if early || !same {
        return;
    }
    let kind = value.kind;
    let value = match (*fit, known.elem.bounds()) {
        (Fit::Wrap { bits, signed }, Some(_)) if kind == crate::ir::Kind::Int => {
            Expr::apply(crate::scalar::Op::Wrap { bits, signed }, vec![value.clone()])
        }
        (Fit::Sat { .. }, _) => return,
        _ => value.clone(),
    };
    let local = l.locals;
    l.locals += 1;
    let name = known.name.rsplit('.').next().unwrap_or("value").to_string();
    l.body[*at] = Stmt::Let { local, name, value };
    let replace = &mut |e: &mut Expr| {
        if matches!(&e.node, ExprKind::Load(access) if access.source == source) {
            e.node = ExprKind::Local(local);
        }
    };
    for stmt in &mut l.body[at + 1..] {
        match stmt {
            Stmt::Let { value, .. } => walk::rewrite(value, replace),
            Stmt::Store { to, value, mask, .. } => {
                for dynamic in &mut to.dynamic {
                    walk::rewrite(&mut dynamic.index, replace);
                }
                walk::rewrite(value, replace);
                if let Some(mask) = mask {
                    walk::rewrite(mask, replace);
                }
            }
        }
    }
}
