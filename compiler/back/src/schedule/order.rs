//! Brings together ops that can be fused.
//!
//! The statements come in an order that is right. Ops that do not touch what the other stores may
//! change places: of all that can come next, a loop over the same domain at the same steps as the
//! last one is taken first.

use super::builder::Step;
use super::walk;
use snn_ir::step::{BufferId, OpKind};
use std::collections::{BTreeMap, BTreeSet};

/// The same steps, with loops that can be fused next to each other.
pub fn grouped(steps: Vec<Step>) -> Vec<Step> {
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (a, b) in dependencies(&steps) {
        waiting[b] += 1;
        after[a].push(b);
    }
    let mut ready = Ready::default();
    for i in (0..steps.len()).filter(|i| waiting[*i] == 0) {
        ready.insert(i, &steps[i]);
    }
    let mut order = Vec::with_capacity(steps.len());
    let mut last = None;
    while let Some(next) = ready.take(last.map(|i: usize| &steps[i])) {
        for b in &after[next] {
            waiting[*b] -= 1;
            if waiting[*b] == 0 {
                ready.insert(*b, &steps[*b]);
            }
        }
        order.push(next);
        last = Some(next);
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| steps[i].take()).collect()
}

/// What loops must have in common to be fused.
type Likeness = (Vec<usize>, u32);

fn likeness(step: &Step) -> Option<Likeness> {
    match &step.op.kind {
        OpKind::Loop(l) => Some((l.domain.clone(), step.op.clock.0)),
        _ => None,
    }
}

/// Steps that can come next.
#[derive(Default)]
struct Ready {
    all: BTreeSet<usize>,
    alike: BTreeMap<Likeness, BTreeSet<usize>>,
    likeness: BTreeMap<usize, Likeness>,
}

impl Ready {
    fn insert(&mut self, at: usize, step: &Step) {
        self.all.insert(at);
        if let Some(likeness) = likeness(step) {
            self.alike.entry(likeness.clone()).or_default().insert(at);
            self.likeness.insert(at, likeness);
        }
    }

    /// The first that is like the last one, else the first.
    fn take(&mut self, last: Option<&Step>) -> Option<usize> {
        let alike = last.and_then(likeness).and_then(|l| self.alike.get(&l)?.first().copied());
        let next = alike.or(self.all.first().copied())?;
        self.all.remove(&next);
        if let Some(likeness) = self.likeness.remove(&next)
            && let Some(alike) = self.alike.get_mut(&likeness)
        {
            alike.remove(&next);
        }
        Some(next)
    }
}

/// Pairs of steps of which the first must come before the second: for each buffer, who stores
/// after who read or stored, and who reads after who stored.
fn dependencies(steps: &[Step]) -> Vec<(usize, usize)> {
    let mut before = Vec::new();
    let mut stored: BTreeMap<BufferId, usize> = BTreeMap::new();
    let mut read: BTreeMap<BufferId, Vec<usize>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        for buffer in walk::reads(&step.op) {
            if let Some(by) = stored.get(&buffer) {
                before.push((*by, at));
            }
            read.entry(buffer).or_default().push(at);
        }
        for buffer in walk::writes(&step.op) {
            let readers = read.remove(&buffer).unwrap_or_default();
            before.extend(readers.into_iter().filter(|r| *r != at).map(|r| (r, at)));
            if let Some(by) = stored.insert(buffer, at)
                && by != at
            {
                before.push((by, at));
            }
        }
    }
    before.sort_unstable();
    before.dedup();
    before
}
