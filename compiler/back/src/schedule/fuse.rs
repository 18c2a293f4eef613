//! Fuses neighbouring loops, and turns buffers that only one loop uses into its locals.

use super::walk;
use snn_ir::step::{
    Access, Buffer, BufferId, BufferKind, Expr, ExprKind, Fit, Loop, Op, OpKind, Source, Stmt,
};
use std::collections::{BTreeMap, BTreeSet};

/// Statements of a fused loop beyond which nothing is added to it. Each loop becomes a function,
/// and compiling a function takes more than time in proportion to its length; one of this many
/// statements has nothing left to gain from fusion.
const MOST_STATEMENTS: usize = 256;

/// Fuses what stands next to each other.
pub fn fuse(ops: Vec<Op>) -> Vec<Op> {
    let mut fused: Vec<Op> = Vec::new();
    // Of the last op, where that is a loop.
    let mut touched = Touched::default();
    let mut origins: BTreeSet<String> = BTreeSet::new();
    for mut op in ops {
        if let OpKind::Loop(next) = &mut op.kind {
            collapse(next);
            let own = Touched::by(next);
            if let Some(last) = fused.last_mut()
                && last.clock == op.clock
                && let OpKind::Loop(first) = &mut last.kind
                && first.domain == next.domain
                && first.body.len() + next.body.len() <= MOST_STATEMENTS
                && touched.agrees(&own)
            {
                touched.extend(own);
                first.body.append(&mut next.body);
                if !origins.contains(&op.origin) {
                    last.origin.push_str(", ");
                    last.origin.push_str(&op.origin);
                    origins.insert(op.origin);
                }
                continue;
            }
            touched = own;
            origins = BTreeSet::from([op.origin.clone()]);
        }
        fused.push(op);
    }
    fused
}

/// What a loop touches, and where.
#[derive(Default)]
struct Touched {
    /// By source: the first access, and whether all are equal to it.
    all: BTreeMap<Source, (Access, bool)>,
    /// What is stored.
    stored: BTreeSet<Source>,
    /// Whether something that is stored is touched at different elements.
    uneven: bool,
}

impl Touched {
    fn by(l: &Loop) -> Touched {
        let mut touched = Touched::default();
        each_access(l, &mut |access| touched.note(access, true));
        for stmt in &l.body {
            if let Stmt::Store { to, .. } = stmt {
                touched.stored.insert(to.source);
            }
        }
        let same = |source: &Source| touched.all.get(source).is_none_or(|(_, same)| *same);
        touched.uneven = !touched.stored.iter().all(same);
        touched
    }

    fn note(&mut self, access: &Access, same: bool) {
        match self.all.get_mut(&access.source) {
            Some((first, all)) => *all &= same && first == access,
            None => {
                self.all.insert(access.source, (access.clone(), same));
            }
        }
    }

    /// Whether two loops may become one: what either stores, both touch only at the same element.
    /// Costs what the next is long, however long a loop has become.
    fn agrees(&self, next: &Touched) -> bool {
        let same = |source: &Source, b: &Access, b_same: bool| {
            self.all.get(source).is_none_or(|(a, a_same)| *a_same && b_same && a == b)
        };
        let stored = |source: &Source| next.stored.contains(source) || self.stored.contains(source);
        let either = next.all.iter().filter(|(source, _)| stored(source));
        !self.uneven
            && !next.uneven
            && either.into_iter().all(|(s, (b, same_b))| same(s, b, *same_b))
    }

    fn extend(&mut self, next: Touched) {
        next.all.values().for_each(|(access, same)| self.note(access, *same));
        self.stored.extend(next.stored);
    }
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
        if let Stmt::Store { to, .. } = stmt {
            f(to);
        }
        each_load(stmt, f);
    }
}

fn each_load(stmt: &Stmt, f: &mut impl FnMut(&Access)) {
    match stmt {
        Stmt::Let { value, .. } => walk::loads(value, f),
        Stmt::Store { to, value, mask, .. } => {
            walk::indices(to, f);
            walk::loads(value, f);
            if let Some(mask) = mask {
                walk::loads(mask, f);
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

/// Replaces buffers that live within one loop by locals of it. `kept` must stay buffers.
pub fn localise(phases: &mut [Vec<Op>], buffers: &[Buffer], kept: &BTreeSet<BufferId>) {
    // Where each buffer is used, if that is one op.
    let mut used_in: BTreeMap<BufferId, Option<(usize, usize)>> = BTreeMap::new();
    for (p, ops) in phases.iter().enumerate() {
        for (i, op) in ops.iter().enumerate() {
            for buffer in walk::reads(op).into_iter().chain(walk::writes(op)) {
                let only = used_in.entry(buffer).or_insert(Some((p, i)));
                *only = only.filter(|place| *place == (p, i));
            }
        }
    }
    // By op, the buffers that it alone uses.
    let mut own: BTreeMap<(usize, usize), Vec<BufferId>> = BTreeMap::new();
    for (buffer, place) in used_in {
        let known = &buffers[buffer.0 as usize];
        if let Some(place) = place
            && matches!(known.kind, BufferKind::Local | BufferKind::Port)
            && !kept.contains(&buffer)
        {
            own.entry(place).or_default().push(buffer);
        }
    }
    for ((p, i), own) in own {
        let OpKind::Loop(l) = &mut phases[p][i].kind else { continue };
        let touching = touching(l);
        for buffer in own {
            let stmts = touching.get(&Source::Buffer(buffer)).map_or(&[][..], Vec::as_slice);
            localise_one(l, buffer, &buffers[buffer.0 as usize], stmts);
        }
    }
}

/// By source, the statements of a loop that touch it, ascending.
fn touching(l: &Loop) -> BTreeMap<Source, Vec<usize>> {
    let mut touching: BTreeMap<Source, Vec<usize>> = BTreeMap::new();
    for (at, stmt) in l.body.iter().enumerate() {
        let mut note = |access: &Access| {
            let stmts = touching.entry(access.source).or_default();
            if stmts.last() != Some(&at) {
                stmts.push(at);
            }
        };
        if let Stmt::Store { to, .. } = stmt {
            note(to);
        }
        each_load(stmt, &mut note);
    }
    touching
}

/// Makes a local of a buffer that only these statements of a loop touch.
fn localise_one(l: &mut Loop, buffer: BufferId, known: &Buffer, stmts: &[usize]) {
    let source = Source::Buffer(buffer);
    let stores =
        |at: &&usize| matches!(&l.body[**at], Stmt::Store { to, .. } if to.source == source);
    let mut stores = stmts.iter().filter(stores);
    let (Some(at), None) = (stores.next(), stores.next()) else { return };
    let Stmt::Store { to, value, fit, mask: None } = &l.body[*at] else { return };
    // A value read before it is stored is that of an earlier step; one of another element is of
    // another turn of the loop.
    let (mut early, mut same) = (false, true);
    for stmt in stmts {
        each_load(&l.body[*stmt], &mut |access| {
            early |= access.source == source && stmt <= at;
            same &= access.source != source || access == to;
        });
    }
    if early || !same {
        return;
    }
    let kind = value.kind;
    let value = match (*fit, known.elem.bounds()) {
        (Fit::Wrap { bits, signed }, Some(_)) if kind == snn_ir::step::Kind::Int => {
            Expr::apply(snn_ir::scalar::Op::Wrap { bits, signed }, vec![value.clone()])
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
    for stmt in stmts.iter().filter(|stmt| *stmt > at) {
        match &mut l.body[*stmt] {
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
