//! Brings together ops that can be fused.
//!
//! The statements come in an order that is right. Ops that do not touch what the other stores may
//! change places: of all that can come next, a loop over the same domain at the same steps as the
//! last one is taken first.

use super::builder::Step;
use super::walk;
use snn_ir::step::{BufferId, ClockId, OpKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The same steps, with loops that can be fused next to each other.
pub fn grouped(steps: Vec<Step>) -> Vec<Step> {
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (a, b) in dependencies(&steps) {
        waiting[b] += 1;
        after[a].push(b);
    }
    let mut ready = Ready::of(&steps);
    (0..steps.len()).filter(|i| waiting[*i] == 0).for_each(|i| ready.insert(i));
    let mut order = Vec::with_capacity(steps.len());
    let mut last = None;
    while let Some(next) = ready.take(last) {
        for b in &after[next] {
            waiting[*b] -= 1;
            if waiting[*b] == 0 {
                ready.insert(*b);
            }
        }
        order.push(next);
        last = Some(next);
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| steps[i].take()).collect()
}

/// Steps that can come next.
struct Ready {
    all: BTreeSet<usize>,
    /// Of each step, what it could be fused with: which loops have its domain and its clock.
    likeness: Vec<Option<usize>>,
    /// The loops among them, by likeness.
    alike: Vec<BTreeSet<usize>>,
}

impl Ready {
    /// None of these steps.
    fn of(steps: &[Step]) -> Ready {
        let mut numbers: HashMap<(&[usize], ClockId), usize> = HashMap::new();
        let likeness = steps.iter().map(|step| match &step.op.kind {
            OpKind::Loop(l) => {
                let new = numbers.len();
                Some(*numbers.entry((&l.domain, step.op.clock)).or_insert(new))
            }
            _ => None,
        });
        let likeness = likeness.collect();
        Ready { all: BTreeSet::new(), likeness, alike: vec![BTreeSet::new(); numbers.len()] }
    }

    fn insert(&mut self, at: usize) {
        self.all.insert(at);
        self.likeness[at].into_iter().for_each(|likeness| _ = self.alike[likeness].insert(at));
    }

    /// The first that is like the last one, else the first.
    fn take(&mut self, last: Option<usize>) -> Option<usize> {
        let likeness = last.and_then(|last| self.likeness[last]);
        let alike = likeness.and_then(|likeness| self.alike[likeness].first().copied());
        let next = alike.or(self.all.first().copied())?;
        self.all.remove(&next);
        self.likeness[next].into_iter().for_each(|likeness| _ = self.alike[likeness].remove(&next));
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
