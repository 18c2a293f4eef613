//! Windows: which steps can be executed apart from those before them.
//!
//! Let every value be unknown at the start of a window, except counters, which have a closed
//! form, and arrays of results, which no step reads. Execute the schedule on "known" and
//! "unknown". If after some windows all is known again, then the state there does not depend on
//! what was before, and windows can be executed apart, each after replaying that horizon.
//!
//! # Why this is sound
//!
//! A thread begins with a network in its initial state, moves counters and the ends of queues to
//! the step at which its replay begins, and executes the replay and then its windows. For each
//! kind of memory, this gives what a run in order gives:
//!
//! - **Counters** have their value at every step, also in the replay: the conditions are at
//!   [`counters::among`]. What saturates or wraps does so in the closed form too; what is
//!   masked, reset, sent, or stored in more than one place is no counter but state. Within a step
//!   a counter is read before or after it counts, as in any step.
//! - **State and ports** are unknown where the replay begins if any op ever writes them, even
//!   one that only happens in a prefix of the run; they become known only where they are
//!   overwritten as a whole and without a mask, or reset, from what is known. What is never written
//!   keeps its initial value. A message that a port holds for several windows stays unknown
//!   until the next is sent.
//! - **Queues** have as many messages as in a run in order, because their ends are set by how
//!   often each has moved; all waiting messages are unknown. As many must be put in as are taken
//!   out in each window, and nothing may reset a queue.
//! - **Resets** are ops like others, also those between steps: a replay executes what is
//!   between its steps, the last one included, and what is between the last step of a thread and
//!   the first of the next is executed in the replay of that one.
//! - **A prefix** of the schedule may be in the replay, where anything may happen; after it there
//!   are as many whole windows as it takes.
//! - **Random numbers** are functions of the step.
//! - **Arrays of results** ([`collected`]) are not known, and need not be: nothing reads them but
//!   records at the end. Afterwards those elements that a thread wrote in its own steps are
//!   taken from it, in the order of time, so that the last write to an element stays, also
//!   where an index has come round. Which elements these are must follow from the step alone:
//!   no mask; one place a store, at a counter; and of the row a contiguous part.
//! - **Records** over time are kept by each thread in its own steps, where all is known.

use super::counters;
use super::simulate::Simulation;
use super::walk;
use snn_ir::clock::lcm;
use snn_ir::clock::number::gcd;
use snn_ir::step::{
    Access, BufferId, BufferKind, Collected, Counter, ExprKind, Op, OpKind, RecordWhen, Source,
    StepIr, Stmt, Windows,
};
use std::collections::{BTreeMap, BTreeSet};

/// Windows that are looked at, at most.
const MOST_WINDOWS: u64 = 16;
/// Ops that are executed on marks, at most.
const MOST_WORK: u64 = 20_000_000;

/// Fills [`StepIr::windows`].
pub fn analyse(ir: &mut StepIr) {
    let period = ir.clocks.iter().try_fold(1, |period, clock| lcm(period, clock.period()));
    let prefix = ir.clocks.iter().map(|c| c.prefix()).max().unwrap_or(0);
    let ops = || ir.program.phases().into_iter().flat_map(|(_, ops)| ops);
    let counters = counters::among(&ir.buffers, &ir.tensors, ops());
    let collected = collected(ir, &counters);
    let exempt: BTreeSet<BufferId> =
        counters.iter().map(|c| c.buffer).chain(collected.iter().map(|c| c.buffer)).collect();
    let most = MOST_WORK / (MOST_WINDOWS * (ops().count() as u64 + 1));
    let mut windows = Windows {
        period: period.unwrap_or(u64::MAX),
        horizon: None,
        counters,
        collected,
        carried: Vec::new(),
    };
    let fits = |period: &u64| *period <= most && prefix <= u64::MAX >> 2;
    let Some(period) = period.filter(fits) else {
        let why = match period {
            Some(period) => format!("the schedule repeats only after {period} steps"),
            None => "the schedule does not repeat within 2^64 steps".into(),
        };
        windows.carried = state(ir).take(1).map(|b| (b, why.clone())).collect();
        ir.windows = windows;
        return;
    };
    if let Some(queue) = unbalanced(ir) {
        windows.carried = vec![(queue, "it does not always hold as many messages".into())];
        ir.windows = windows;
        return;
    }
    let start = prefix.div_ceil(period) * period + 1;
    // What nothing ever writes keeps its initial value.
    let written: BTreeSet<BufferId> = ops().flat_map(walk::writes).collect();
    let mut simulation = Simulation::new(ir, start, |b| written.contains(&b), &exempt);
    let mut carried = Vec::new();
    for window in 1..=MOST_WINDOWS {
        let before = simulation.clone();
        let first = start + (window - 1) * period;
        for t in first..first + period {
            simulation.step(t);
        }
        carried = simulation.carried();
        if carried.is_empty() {
            windows.horizon = Some(window * period + prefix);
            break;
        }
        // The schedule repeats: what has not changed now will not change.
        if simulation.same(&before) {
            break;
        }
    }
    windows.carried = match windows.horizon {
        Some(_) => Vec::new(),
        None => {
            let is_reset: BTreeSet<BufferId> = ops()
                .filter_map(|op| match op.kind {
                    OpKind::Reset { buffer } => Some(buffer),
                    _ => None,
                })
                .collect();
            carried.into_iter().map(|b| (b, reason(ir, b, is_reset.contains(&b)))).collect()
        }
    };
    ir.windows = windows;
}

fn state(ir: &StepIr) -> impl Iterator<Item = BufferId> + '_ {
    let ids = (0..ir.buffers.len() as u32).map(BufferId);
    ids.filter(|b| ir.buffers[b.0 as usize].kind == BufferKind::State)
}

/// A queue that does not hold the same number of messages at the start of each window.
fn unbalanced(ir: &StepIr) -> Option<BufferId> {
    // By queue, how many messages are put in, less how many are taken out, in how many steps.
    let mut moved: BTreeMap<BufferId, Vec<(i128, i128)>> = BTreeMap::new();
    for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
        let clock = &ir.clocks[op.clock.0 as usize];
        let rate = (i128::from(clock.per_period()), i128::from(clock.period()));
        let (queue, moves) = match op.kind {
            OpKind::Push { queue, .. } => (queue, rate),
            OpKind::Pop { queue, .. } => (queue, (-rate.0, rate.1)),
            // A reset leaves no message.
            OpKind::Reset { buffer } => (buffer, (1, 0)),
            _ => continue,
        };
        if ir.buffers[queue.0 as usize].kind == BufferKind::Queue {
            moved.entry(queue).or_default().push(moves);
        }
    }
    let balanced = |moved: &[(i128, i128)]| {
        // As often as the least common period allows.
        let period = moved
            .iter()
            .try_fold(1, |all, (_, n)| lcm(all, u64::try_from(*n).ok().filter(|n| *n > 0)?));
        period.is_some_and(|all| {
            moved.iter().map(|(n, of)| n * (i128::from(all) / of)).sum::<i128>() == 0
        })
    };
    moved.into_iter().find(|(_, moved)| !balanced(moved)).map(|(queue, _)| queue)
}

/// Arrays that steps only write, in rows that a counter picks.
fn collected(ir: &StepIr, counters: &[Counter]) -> Vec<Collected> {
    let recorded_often: BTreeSet<BufferId> =
        ir.records.iter().filter(|r| r.when != RecordWhen::End).map(|r| r.buffer).collect();
    let mut read: BTreeSet<BufferId> = recorded_often;
    let mut written: BTreeMap<BufferId, Vec<&Op>> = BTreeMap::new();
    for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
        read.extend(walk::reads(op));
        for buffer in walk::writes(op).into_iter().collect::<BTreeSet<_>>() {
            written.entry(buffer).or_default().push(op);
        }
    }
    state(ir)
        .filter(|b| !read.contains(b))
        .filter_map(|b| collects(ir, b, written.get(&b)?, counters))
        .collect()
}

/// An array that is only written, without a mask, in contiguous parts of the row at a counter.
fn collects(ir: &StepIr, buffer: BufferId, ops: &[&Op], counters: &[Counter]) -> Option<Collected> {
    let b = &ir.buffers[buffer.0 as usize];
    let row = b.shape[1.min(b.shape.len())..].iter().product::<usize>();
    let mut found: Option<Collected> = None;
    for op in ops {
        let OpKind::Loop(l) = &op.kind else { return None };
        for stmt in &l.body {
            let Stmt::Store { to, mask, .. } = stmt else { continue };
            if to.source != Source::Buffer(buffer) {
                continue;
            }
            let counter = at_counter(to, row, counters).filter(|_| mask.is_none())?;
            let (offset, len) = part_of_row(to, &l.domain, row)?;
            let known = found.get_or_insert(Collected { buffer, counter, unit: row });
            if known.counter != counter {
                return None;
            }
            known.unit =
                [offset, len].into_iter().fold(known.unit as u64, |unit, n| gcd(unit, n as u64))
                    as usize;
        }
    }
    found.filter(|found| found.unit > 0)
}

/// The counter that alone picks the row of a store.
fn at_counter(to: &Access, row: usize, counters: &[Counter]) -> Option<usize> {
    let [dynamic] = to.dynamic.as_slice() else { return None };
    let ExprKind::Load(index) = &dynamic.index.node else { return None };
    let plain = index.offset == 0 && index.dynamic.is_empty() && dynamic.stride == row as i64;
    counters.iter().position(|c| index.source == Source::Buffer(c.buffer)).filter(|_| plain)
}

/// Where in a row a store begins and how many elements it writes, if those follow each other.
fn part_of_row(to: &Access, domain: &[usize], row: usize) -> Option<(usize, usize)> {
    let (offset, len) = (usize::try_from(to.offset).ok()?, domain.iter().product::<usize>());
    let strides = snn_ir::tensor::ops::strides(domain);
    let follow =
        to.strides.iter().zip(strides).zip(domain).all(|((s, c), n)| *n == 1 || *s == c as i64);
    (follow && len > 0 && offset.checked_add(len)? <= row).then_some((offset, len))
}

fn reason(ir: &StepIr, buffer: BufferId, is_reset: bool) -> String {
    let b = &ir.buffers[buffer.0 as usize];
    match b.kind {
        BufferKind::State if is_reset => {
            "it is reset, but what arrives afterwards depends on earlier windows".into()
        }
        BufferKind::State => "it is never reset, so it remembers every step before".into(),
        BufferKind::Port => "it holds a message that depends on earlier windows".into(),
        BufferKind::Queue => "messages from earlier windows wait in it".into(),
        BufferKind::Given => "a program writes it".into(),
        BufferKind::Local => "it depends on earlier windows".into(),
    }
}
