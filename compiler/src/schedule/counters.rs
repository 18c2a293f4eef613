//! Counters (`next += 1`) in closed form, and the indices that they give.

use super::builder::{Builder, Step};
use super::walk;
use crate::clocks::Clock;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{
    Access, BinOp, Buffer, BufferId, BufferKind, Counter, DynamicIndex, Expr, ExprKind, Init, Op,
    OpKind, Source, Stmt, TensorValues,
};
use crate::types::{Cx, Eval, Stop};
use std::collections::BTreeMap;

/// Scalars of state whose only change is a constant added at the steps of a clock.
pub fn among<'o>(buffers: &[Buffer], ops: impl Iterator<Item = &'o Op>) -> Vec<Counter> {
    let mut found: BTreeMap<BufferId, Option<Counter>> = BTreeMap::new();
    for op in ops {
        match &op.kind {
            OpKind::Loop(l) => {
                for stmt in &l.body {
                    let Stmt::Store { to, value, mask, .. } = stmt else { continue };
                    let Source::Buffer(buffer) = to.source else { continue };
                    let add = increment(buffer, value).filter(|_| mask.is_none());
                    let counter = add.map(|add| Counter { buffer, add, clock: op.clock });
                    // A second store makes it something else than a counter.
                    found.entry(buffer).and_modify(|c| *c = None).or_insert(counter);
                }
            }
            _ => {
                for buffer in walk::writes(op) {
                    found.insert(buffer, None);
                }
            }
        }
    }
    found
        .into_values()
        .flatten()
        .filter(|c| {
            let b = &buffers[c.buffer.0 as usize];
            b.kind == BufferKind::State && b.shape.is_empty() && matches!(b.init, Init::Int(_))
        })
        .collect()
}

/// The constant that is added to the very scalar that is stored.
fn increment(buffer: BufferId, value: &Expr) -> Option<i64> {
    let ExprKind::Binary(op, a, b) = &value.node else { return None };
    let own = |e: &Expr| {
        matches!(&e.node, ExprKind::Load(a)
            if a.source == Source::Buffer(buffer) && a.offset == 0 && a.dynamic.is_empty())
    };
    match (op, &a.node, &b.node) {
        (BinOp::Add, _, ExprKind::Int(n)) if own(a) => Some(*n),
        (BinOp::Add, ExprKind::Int(n), _) if own(b) => Some(*n),
        (BinOp::Sub, _, ExprKind::Int(n)) if own(a) => n.checked_neg(),
        _ => None,
    }
}

/// The counters among the scheduled statements.
pub fn find(builder: &Builder<'_>, phases: &[Vec<Step>]) -> Vec<Counter> {
    let reset: Vec<BufferId> =
        builder.graph.resets.iter().map(|r| builder.vars[r.variable.0][r.variable.1]).collect();
    let ops = phases.iter().flatten().map(|s| &s.op);
    among(&builder.buffers, ops).into_iter().filter(|c| !reset.contains(&c.buffer)).collect()
}

/// Requires that indices that follow from `t` and counters stay in range for the whole run.
pub fn check_bounds(
    cx: &mut Cx<'_>,
    builder: &Builder<'_>,
    phases: &[Vec<Step>],
    counters: &[Counter],
    steps: u64,
) -> Eval<()> {
    let all: Vec<&Step> = phases.iter().flatten().collect();
    // Where in the step each counter is increased.
    let increased: BTreeMap<BufferId, usize> = counters
        .iter()
        .filter_map(|c| {
            let at = all.iter().position(|s| walk::writes(&s.op).contains(&c.buffer))?;
            Some((c.buffer, at))
        })
        .collect();
    let mut failed = false;
    for (place, step) in all.iter().enumerate() {
        for (access, dynamic) in computed_indices(&step.op) {
            let clock = &builder.clocks[step.op.clock.0 as usize];
            let value = |t: u64| {
                closed_form(&dynamic.index, t, &|buffer, t| {
                    let c = counters.iter().find(|c| c.buffer == buffer)?;
                    let Init::Int(init) = builder.buffers[buffer.0 as usize].init else {
                        return None;
                    };
                    let clock = &builder.clocks[c.clock.0 as usize];
                    let already = increased.get(&buffer).is_some_and(|at| *at < place);
                    let done = clock.count(t - 1) + u64::from(already && clock.holds(t));
                    init.checked_add(c.add.checked_mul(i64::try_from(done).ok()?)?)
                })
            };
            let bad = sampled(clock, steps).find_map(|t| {
                let index = value(t)?;
                let inside = usize::try_from(index).is_ok_and(|i| i < dynamic.extent);
                (!inside).then_some((t, index))
            });
            if let Some((t, index)) = bad {
                failed = true;
                let what = match access.source {
                    Source::Buffer(b) => format!("`{}`", builder.buffers[b.0 as usize].name),
                    // A file has a name; what was computed has none of its own.
                    Source::Tensor(t) => match &builder.tensors[t.0 as usize].values {
                        TensorValues::File(file) => file.source.path().display().to_string(),
                        TensorValues::Known(_) | TensorValues::Sparse(_) => {
                            "the indexed array".into()
                        }
                    },
                };
                let n = dynamic.extent;
                let message = format!("{what} has {n} entries, and entry {index} is used");
                let label = format!("at t = {t} the index is {index}, outside 0..{n}");
                let d = Diagnostic::new(Code::E0702, message, step.loc, label)
                    .note(format!("the run has {steps} steps"));
                let hint =
                    "run fewer steps, give more data, or let the index come round: `[k % n]`";
                cx.sink.push(d.help(hint));
            }
        }
    }
    if failed { Err(Stop::Reported) } else { Ok(()) }
}

/// The steps that are looked at: many from the start, and the last ones.
fn sampled(clock: &Clock, steps: u64) -> impl Iterator<Item = u64> + '_ {
    let last = steps.saturating_sub(2 * clock.period()).max(1);
    let head = clock.steps().take_while(move |t| *t <= steps).take(4096);
    head.chain((last..=steps).filter(|t| clock.holds(*t)))
}

fn computed_indices(op: &Op) -> Vec<(Access, DynamicIndex)> {
    let mut found = Vec::new();
    let mut note = |access: &Access| {
        found.extend(access.dynamic.iter().map(|d| (access.clone(), d.clone())));
    };
    match &op.kind {
        OpKind::Loop(l) => {
            for stmt in &l.body {
                match stmt {
                    Stmt::Let { value, .. } => walk::loads(value, &mut note),
                    // Under a mask an index may be invalid.
                    Stmt::Store { mask: Some(_), .. } => {}
                    Stmt::Store { to, value, .. } => {
                        note(to);
                        walk::loads(value, &mut note);
                    }
                }
            }
        }
        OpKind::Reduce(r) => walk::loads(&r.value, &mut note),
        _ => {}
    }
    found
}

/// The value at step `t` of an integer expression over `t` and counters; `None` for others.
fn closed_form(e: &Expr, t: u64, counter: &impl Fn(BufferId, u64) -> Option<i64>) -> Option<i64> {
    let go = |x: &Expr| closed_form(x, t, counter);
    match &e.node {
        ExprKind::Int(n) => Some(*n),
        ExprKind::Time => i64::try_from(t).ok(),
        ExprKind::Load(a) if a.offset == 0 && a.dynamic.is_empty() => match a.source {
            Source::Buffer(b) => counter(b, t),
            Source::Tensor(_) => None,
        },
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (go(a)?, go(b)?);
            match op {
                BinOp::Add => a.checked_add(b),
                BinOp::Sub => a.checked_sub(b),
                BinOp::Mul => a.checked_mul(b),
                BinOp::FloorDiv if b > 0 => Some(a.div_euclid(b)),
                BinOp::Rem if b > 0 => Some(a.rem_euclid(b)),
                _ => None,
            }
        }
        _ => None,
    }
}
