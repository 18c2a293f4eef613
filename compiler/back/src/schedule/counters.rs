//! Counters (`next += 1`) in closed form, and the indices that they give.

use super::builder::{Builder, Step};
use super::indices::{Count, Index};
use super::walk;
use snn_ir::diagnostics::{Code, Diagnostic, Sink};
use snn_ir::network::Network;
use snn_ir::scalar;
use snn_ir::step::{
    Access, Buffer, BufferId, BufferKind, Counter, DynamicIndex, Expr, ExprKind, Fit, Init, Kind,
    Op, OpKind, Source, Stmt, Tensor, TensorValues,
};
use std::collections::{BTreeMap, BTreeSet};

/// Scalars of state whose only change is a constant added at the steps of a clock.
///
/// Their value before step `t` is then [`Counter::after`] as many additions as the clock has
/// steps before `t`, under these conditions, which are checked here:
/// - one statement stores it, in any phase, without a mask, and is executed once a step at which
///   its op happens (a loop over several elements would add as often);
/// - nothing else writes it: no reset, message or sum;
/// - it starts from an integer that its type holds;
/// - an addition that does not fit wraps, or saturates without leaving 64 bits before.
pub fn among<'o>(
    buffers: &[Buffer],
    tensors: &[Tensor],
    ops: impl Iterator<Item = &'o Op>,
) -> Vec<Counter> {
    let mut found: BTreeMap<BufferId, Option<Counter>> = BTreeMap::new();
    for op in ops {
        match &op.kind {
            OpKind::Loop(l) => {
                let once = l.domain.iter().product::<usize>() == 1;
                for stmt in &l.body {
                    let Stmt::Store { to, value, mask, fit } = stmt else { continue };
                    let Source::Buffer(buffer) = to.source else { continue };
                    let add = increment(buffer, tensors, value).filter(|_| mask.is_none() && once);
                    let counter =
                        add.map(|add| Counter { buffer, add, clock: op.clock, fit: *fit });
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
            b.kind == BufferKind::State && b.shape.is_empty() && b.elem.kind() == Kind::Int
        })
        .filter(|c| {
            let b = &buffers[c.buffer.0 as usize];
            let Init::Int(init) = b.init else { return false };
            let within = |(lo, hi): (i64, i64)| (lo..=hi).contains(&init);
            let inside = |(lo, hi): (i64, i64)| {
                b.elem.bounds().is_some_and(|(least, most)| least <= lo && hi <= most)
            };
            match (c.fit, c.fit.bounds()) {
                (Fit::Exact | Fit::Wrap { .. }, None) => true,
                (Fit::Wrap { .. }, Some(bounds)) => within(bounds) && inside(bounds),
                (Fit::Sat { .. }, Some((lo, hi))) => {
                    let exact = [lo, hi].iter().all(|x| x.checked_add(c.add).is_some());
                    exact && within((lo, hi)) && inside((lo, hi))
                }
                // 64 bits overflow before they saturate.
                (Fit::Sat { .. }, None) | (Fit::Exact, Some(_)) => false,
            }
        })
        .collect()
}

/// The constant that is added to the very scalar that is stored.
fn increment(buffer: BufferId, tensors: &[Tensor], value: &Expr) -> Option<i64> {
    let ExprKind::Apply(op, operands) = &value.node else { return None };
    let [a, b] = operands.as_slice() else { return None };
    let own = |e: &Expr| {
        matches!(&e.node, ExprKind::Load(a)
            if a.source == Source::Buffer(buffer) && a.offset == 0 && a.dynamic.is_empty())
    };
    match (op, a.number(tensors), b.number(tensors)) {
        (scalar::Op::Add, _, Some(ExprKind::Int(n))) if own(a) => Some(n),
        (scalar::Op::Add, Some(ExprKind::Int(n)), _) if own(b) => Some(n),
        (scalar::Op::Sub, _, Some(ExprKind::Int(n))) if own(a) => n.checked_neg(),
        _ => None,
    }
}

/// The counters among the scheduled statements.
pub fn find(builder: &Builder<'_>, network: &Network, phases: &[Vec<Step>]) -> Vec<Counter> {
    let reset: BTreeSet<BufferId> =
        network.resets.iter().map(|r| builder.vars[r.var.1 as usize]).collect();
    let ops = phases.iter().flatten().map(|s| &s.op);
    among(&builder.buffers, &builder.tensors, ops)
        .into_iter()
        .filter(|c| !reset.contains(&c.buffer))
        .collect()
}

/// Requires that indices that follow from `t` and counters stay in range for the whole run.
pub fn check_bounds(
    sink: &mut Sink,
    builder: &Builder<'_>,
    phases: &[Vec<Step>],
    counters: &[Counter],
    steps: u64,
) -> Option<()> {
    let all: Vec<&Step> = phases.iter().flatten().collect();
    // Where in the step each counter is increased.
    let mut increased: BTreeMap<BufferId, usize> = BTreeMap::new();
    for (place, step) in all.iter().enumerate() {
        for buffer in walk::writes(&step.op) {
            increased.entry(buffer).or_insert(place);
        }
    }
    let counters: BTreeMap<BufferId, &Counter> = counters.iter().map(|c| (c.buffer, c)).collect();
    let mut failed = false;
    for (place, step) in all.iter().enumerate() {
        for (access, dynamic) in computed_indices(&step.op) {
            let clock = &builder.clocks[step.op.clock.0 as usize];
            let counts = |buffer: BufferId| {
                let counter = *counters.get(&buffer)?;
                let Init::Int(init) = builder.buffers[buffer.0 as usize].init else {
                    return None;
                };
                let clock = &builder.clocks[counter.clock.0 as usize];
                let already = increased.get(&buffer).is_some_and(|at| *at < place);
                Some(Count { counter, clock, init, already })
            };
            let index = Index { index: &dynamic.index, clock, counts: &counts };
            let bad = index.first_outside(dynamic.extent, steps);
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
                sink.push(d.help(hint));
            }
        }
    }
    if failed { None } else { Some(()) }
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
