//! Cores that are being filled.

use super::super::mapped::Load;
use super::super::resources::{Resource, Usage};
use super::cost;
use super::tally::{Cells, Context, Counter};

/// How full a core may get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cap {
    /// The time of its step, in ns.
    pub time: f64,
}

impl Cap {
    /// Whether a core may hold this.
    pub fn holds(&self, cx: &Context, usage: &Usage, load: &Load) -> bool {
        cx.profile.exceeded(usage).is_none() && cost::time(cx.figures(), load) <= self.time
    }
}

/// A core's content, before where its spikes go is known.
#[derive(Clone, Debug)]
pub(super) struct Bin {
    pub cells: Cells,
    /// All but axon memory.
    pub usage: Usage,
    /// All but the messages that leave.
    pub load: Load,
    /// Convolutions that share cores, which must be on one chip, have the same number.
    pub chain: Option<usize>,
}

impl Bin {
    pub fn new(cx: &Context, counter: &mut Counter, cells: Cells) -> Bin {
        let (usage, load) = counter.core(cx, &cells, |_| {});
        Bin { cells, usage, load, chain: None }
    }

    /// The largest share of a resource, or of the time, that is used.
    pub fn fullness(&self, cx: &Context, cap: Cap) -> f64 {
        let share = |r| self.usage.of(r) as f64 / cx.profile.limit(r).max(1) as f64;
        let time = cost::time(cx.figures(), &self.load) / cap.time;
        Resource::ALL.into_iter().map(share).fold(time, f64::max)
    }
}

/// The neurons of both.
pub(super) fn union(a: &Cells, b: &Cells) -> Cells {
    let mut cells = a.clone();
    for (layer, neurons) in b {
        let here = cells.entry(*layer).or_default();
        here.extend(neurons);
        here.sort_unstable();
    }
    cells
}
