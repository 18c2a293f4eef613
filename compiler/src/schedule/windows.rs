//! Windows: which steps can be executed apart from those before them.
//!
//! Let every value be unknown at the start of a window, except counters, which have a closed
//! form, and arrays of results, which no step reads. Execute the schedule on "known" and
//! "unknown". If after some windows all is known again, then the state there does not depend on
//! what was before, and windows can be executed apart, each after replaying that horizon.

use super::counters;
use super::simulate::{Mark, Simulation, Subject};
use super::walk;
use crate::clocks::lcm;
use crate::ir::{
    Access, BufferId, BufferKind, Collected, ExprKind, Op, OpKind, RecordWhen, Source, StepIr,
    Stmt, Windows,
};
use std::collections::BTreeSet;

/// Windows that are looked at, at most.
const MOST_WINDOWS: u64 = 16;
/// Ops that are executed on marks, at most.
const MOST_WORK: u64 = 20_000_000;

/// Fills [`StepIr::windows`].
pub fn analyse(ir: &mut StepIr) {
    let period = ir.clocks.iter().fold(1, |p, c| lcm(p, c.period()).min(u64::MAX >> 8));
    let prefix = ir.clocks.iter().map(|c| c.prefix()).max().unwrap_or(0);
    let ops = || ir.program.phases().into_iter().flat_map(|(_, ops)| ops);
    let counters = counters::among(&ir.buffers, ops());
    let collected = collected(ir, &counters);
    let exempt: BTreeSet<BufferId> =
        counters.iter().map(|c| c.buffer).chain(collected.iter().map(|c| c.buffer)).collect();
    let mut windows = Windows { period, horizon: None, counters, collected, carried: Vec::new() };
    let work = period.saturating_mul(ops().count() as u64 + 1).saturating_mul(MOST_WINDOWS);
    if work > MOST_WORK {
        let why = format!("the schedule repeats only after {period} steps");
        windows.carried = state(ir).take(1).map(|b| (b, why.clone())).collect();
        ir.windows = windows;
        return;
    }
    let start = prefix.div_ceil(period) * period + 1;
    // What nothing ever writes keeps its initial value.
    let written: BTreeSet<BufferId> = ops().flat_map(walk::writes).collect();
    let unknown = |b: BufferId| Unknown(written.contains(&b) && !exempt.contains(&b));
    let mut simulation = Simulation::new(ir, start, unknown);
    let mut subject = Exempt(&exempt);
    let mut carried = Vec::new();
    for window in 1..=MOST_WINDOWS {
        let first = start + (window - 1) * period;
        for t in first..first + period {
            simulation.step(t, &mut subject);
        }
        carried = simulation.carried(|mark| mark.0);
        if carried.is_empty() {
            windows.horizon = Some(window * period + prefix);
            break;
        }
    }
    windows.carried = match windows.horizon {
        Some(_) => Vec::new(),
        None => carried.into_iter().map(|b| (b, reason(ir, b))).collect(),
    };
    ir.windows = windows;
}

fn state(ir: &StepIr) -> impl Iterator<Item = BufferId> + '_ {
    let ids = (0..ir.buffers.len() as u32).map(BufferId);
    ids.filter(|b| ir.buffers[b.0 as usize].kind == BufferKind::State)
}

/// Arrays that steps only write, row by row at a counter.
fn collected(ir: &StepIr, counters: &[crate::ir::Counter]) -> Vec<Collected> {
    let recorded_often: BTreeSet<BufferId> =
        ir.records.iter().filter(|r| r.when != RecordWhen::End).map(|r| r.buffer).collect();
    let mut found: Vec<Collected> = Vec::new();
    for buffer in state(ir) {
        if recorded_often.contains(&buffer) {
            continue;
        }
        let b = &ir.buffers[buffer.0 as usize];
        let Some(rows) = b.shape.first() else { continue };
        let row = (b.len() / (*rows).max(1)) as i64;
        let mut index = None;
        let mut only_collected = true;
        for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
            only_collected &= !walk::reads(op).contains(&buffer);
            if !walk::writes(op).contains(&buffer) {
                continue;
            }
            let OpKind::Loop(l) = &op.kind else {
                only_collected = false;
                continue;
            };
            for stmt in &l.body {
                let Stmt::Store { to, .. } = stmt else { continue };
                if to.source != Source::Buffer(buffer) {
                    continue;
                }
                let counter = at_counter(to, row, counters);
                only_collected &= counter.is_some() && (index.is_none() || index == counter);
                index = counter;
            }
        }
        if let (true, Some(counter)) = (only_collected, index) {
            found.push(Collected { buffer, counter });
        }
    }
    found
}

/// The counter that alone picks the row of a store.
fn at_counter(to: &Access, row: i64, counters: &[crate::ir::Counter]) -> Option<usize> {
    let [dynamic] = to.dynamic.as_slice() else { return None };
    let ExprKind::Load(index) = &dynamic.index.node else { return None };
    let plain = index.offset == 0 && index.dynamic.is_empty() && dynamic.stride == row;
    let within = to.offset < row.max(1);
    counters
        .iter()
        .position(|c| index.source == Source::Buffer(c.buffer))
        .filter(|_| plain && within)
}

/// Whether a value is unknown.
#[derive(Clone)]
struct Unknown(bool);

impl Mark for Unknown {
    fn none() -> Unknown {
        Unknown(false)
    }

    fn join(&mut self, other: &Unknown) {
        self.0 |= other.0;
    }
}

/// Counters and results never count as unknown.
struct Exempt<'a>(&'a BTreeSet<BufferId>);

impl Subject<Unknown> for Exempt<'_> {
    fn load(&mut self, _: &Access, mark: Unknown) -> Unknown {
        mark
    }

    fn store(&mut self, _: &Op, buffer: BufferId, mark: Unknown, _: bool) -> Unknown {
        Unknown(mark.0 && !self.0.contains(&buffer))
    }
}

fn reason(ir: &StepIr, buffer: BufferId) -> String {
    let b = &ir.buffers[buffer.0 as usize];
    match b.kind {
        BufferKind::State => {
            let is_reset =
                ir.program.phases().into_iter().flat_map(|(_, ops)| ops).any(
                    |op| matches!(op.kind, OpKind::Reset { buffer: reset } if reset == buffer),
                );
            match is_reset {
                true => {
                    "it is reset, but what arrives afterwards depends on earlier windows".into()
                }
                false => "it is never reset, so it remembers every step before".into(),
            }
        }
        BufferKind::Port => "it holds a message that depends on earlier windows".into(),
        BufferKind::Queue => "messages from earlier windows wait in it".into(),
        BufferKind::Local => "it depends on earlier windows".into(),
    }
}
