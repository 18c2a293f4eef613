//! What a step costs: energy and time.
//!
//! Linear in what happens, with the constants of the profile. They are not measured on
//! Loihi 2, so an estimate compares plans; it does not predict a board.

use super::mapped::Load;
use super::plan::Plan;
use super::profile::Figures;
use super::traffic::{Direction, rounded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Energy and time of a step, each number [`rounded`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Whether the constants were measured on such a chip: no.
    pub calibrated: bool,
    /// In nJ.
    pub energy_nj_per_step: Energy,
    /// In µs: the longer of the busiest core and the hottest link, and the barrier.
    pub time_us_per_step: f64,
    /// What that time is made of.
    pub time_us: Time,
    /// What takes longest.
    pub bottleneck: Bottleneck,
    /// nJ · µs.
    pub energy_delay: f64,
}

/// nJ in a step, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// Synaptic events of dense axons.
    pub synops_dense: f64,
    /// Synaptic events of sparse axons.
    pub synops_sparse: f64,
    /// Synaptic events of convolutions.
    pub synops_conv: f64,
    /// Neurons updated.
    pub updates: f64,
    /// Spikes of neurons on cores.
    pub spikes: f64,
    /// Messages.
    pub messages: f64,
    /// Hops east-west.
    pub hops_x: f64,
    /// Hops north-south.
    pub hops_y: f64,
    /// Borders of chips crossed.
    pub chip_hops: f64,
    /// What the chips in use take whatever happens.
    #[serde(rename = "static")]
    pub idle: f64,
    /// The sum.
    pub total: f64,
}

/// µs in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Of the core with the most to do.
    pub busiest_core: f64,
    /// Of the link with the most messages.
    pub hottest_link: f64,
    /// Until all routers in use agree that the step is over.
    pub barrier: f64,
}

/// A kind of work of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Messages that arrive.
    MessagesIn,
    /// Synaptic events.
    Synops,
    /// Neurons updated.
    Updates,
    /// Spikes.
    Spikes,
    /// Messages that leave.
    MessagesOut,
}

impl Work {
    /// For readers.
    pub fn words(self) -> &'static str {
        match self {
            Work::MessagesIn => "messages that arrive",
            Work::Synops => "synaptic events",
            Work::Updates => "updates of neurons",
            Work::Spikes => "spikes",
            Work::MessagesOut => "messages that leave",
        }
    }
}

/// What takes longest in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bottleneck {
    /// A core.
    Core {
        /// Its number.
        core: u64,
        /// Most of what it does.
        work: Work,
        /// How long that part takes.
        work_us: f64,
    },
    /// A link.
    Link {
        /// The chip.
        chip: u32,
        /// The router.
        router: [u32; 2],
        /// Where to.
        direction: Direction,
    },
    /// The end of the step.
    Barrier,
}

impl Bottleneck {
    /// A core, by position, with most of its work.
    pub fn core(plan: &Plan, core: usize) -> Bottleneck {
        let f = &plan.target.profile.figures;
        let work = largest(work_ns(&plan.mapped.cores[core].load, f).into_iter());
        let (work, ns) = work.unwrap_or((Work::Updates, 0.0));
        Bottleneck::Core { core: plan.sites[core].id(f), work, work_us: rounded(ns / 1e3) }
    }
}

/// How long a core's work takes, in ns, by kind.
pub fn work_ns(load: &Load, f: &Figures) -> [(Work, f64); 5] {
    [
        (Work::MessagesIn, load.messages_in * f.time_message_in),
        (Work::Synops, load.all_synops() * f.time_synop),
        (Work::Updates, load.updates * f.time_update),
        (Work::Spikes, load.spikes * f.time_spike),
        (Work::MessagesOut, load.messages_out * f.time_message_out),
    ]
}

/// How long a core is busy in a step, in ns.
pub fn busy_ns(load: &Load, f: &Figures) -> f64 {
    work_ns(load, f).iter().map(|(_, ns)| ns).sum()
}

/// The first of the largest; none of none.
fn largest<T: Copy>(items: impl Iterator<Item = (T, f64)>) -> Option<(T, f64)> {
    items.fold(None, |best, item| match best {
        Some((_, most)) if item.1 <= most => best,
        _ => Some(item),
    })
}

impl Estimate {
    /// The cost of a plan's step.
    pub fn of(plan: &Plan) -> Estimate {
        let (f, traffic) = (&plan.target.profile.figures, &plan.traffic);
        let cores = &plan.mapped.cores;
        let busiest = largest(cores.iter().map(|c| busy_ns(&c.load, f)).enumerate());
        let hottest = traffic.links.first();
        let tiles: BTreeSet<_> = plan.sites.iter().map(|s| (s.chip, s.router)).collect();
        let us = |ns: f64| rounded(ns / 1e3);
        let time = Time {
            busiest_core: us(busiest.map_or(0.0, |(_, ns)| ns)),
            hottest_link: us(hottest.map_or(0.0, |(_, load)| load * f.time_link)),
            barrier: us(f.time_barrier + f.time_barrier_tile * tiles.len() as f64),
        };
        let working = time.busiest_core.max(time.hottest_link);
        let total = rounded(working + time.barrier);
        let bottleneck = match (busiest, hottest) {
            _ if time.barrier > working => Bottleneck::Barrier,
            (_, Some((link, _))) if time.hottest_link > time.busiest_core => {
                let (chip, router, direction) = (link.chip, link.router, link.direction);
                Bottleneck::Link { chip, router, direction }
            }
            (Some((core, _)), _) => Bottleneck::core(plan, core),
            _ => Bottleneck::Barrier,
        };
        let energy = energy(plan, total);
        Estimate {
            calibrated: false,
            energy_nj_per_step: energy,
            time_us_per_step: total,
            time_us: time,
            bottleneck,
            energy_delay: rounded(energy.total * total),
        }
    }
}

fn energy(plan: &Plan, time_us: f64) -> Energy {
    let (f, traffic) = (&plan.target.profile.figures, &plan.traffic);
    let nj = |pj: f64| rounded(pj / 1e3);
    let sum = |part: fn(&Load) -> f64| -> f64 {
        plan.mapped.cores.iter().map(|core| part(&core.load)).sum()
    };
    let mut energy = Energy {
        synops_dense: nj(sum(|l| l.synops[0]) * f.energy_synop_dense),
        synops_sparse: nj(sum(|l| l.synops[1]) * f.energy_synop_sparse),
        synops_conv: nj(sum(|l| l.synops[2]) * f.energy_synop_conv),
        updates: nj(sum(|l| l.updates) * f.energy_update),
        spikes: nj(sum(|l| l.spikes) * f.energy_spike),
        messages: nj(traffic.messages * f.energy_message),
        hops_x: nj(traffic.hops[0] * f.energy_hop_x),
        hops_y: nj(traffic.hops[1] * f.energy_hop_y),
        chip_hops: nj(traffic.chip_hops * f.energy_chip_hop),
        // W · µs is µJ.
        idle: rounded(f.power_static * traffic.chips.len() as f64 * time_us * 1e3),
        total: 0.0,
    };
    let total = energy.synops_dense
        + energy.synops_sparse
        + energy.synops_conv
        + energy.updates
        + energy.spikes
        + energy.messages
        + energy.hops_x
        + energy.hops_y
        + energy.chip_hops
        + energy.idle;
    energy.total = rounded(total);
    energy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn an_estimate_is_the_sum_of_what_happens() {
        let plan = fixtures::mnist();
        let estimate = Estimate::of(&plan);
        let energy = estimate.energy_nj_per_step;
        // Events: 98 spikes to 128 neurons, 12.8 to 64, 3.2 to 10.
        let events = 98.0 * 128.0 + 12.8 * 64.0 + 3.2 * 10.0;
        assert_eq!(energy.synops_dense, rounded(events * 35.5 / 1e3));
        assert_eq!(energy.updates, rounded(202.0 * 72.8 / 1e3));
        assert_eq!(energy.spikes, rounded((12.8 + 3.2 + 0.2) * 69.3 / 1e3));
        // To three cores; from the first layer's cores to one; within it; to the host.
        let messages = 3.0 * 98.0 + 12.8 + 3.2 + 0.2;
        assert_eq!(energy.messages, rounded(messages * 111.0 / 1e3));
        // Core 5 has the small layers beside 42 neurons of the first.
        let ns = (98.0 + 12.8 + 3.2) * 16.0
            + (98.0 * 42.0 + 12.8 * 64.0 + 3.2 * 10.0) * 0.76
            + 116.0 * 4.85
            + (4.2 + 3.2 + 0.2) * (3.0 + 5.1);
        assert_eq!(estimate.time_us.busiest_core, rounded(ns / 1e3));
        assert_eq!(estimate.time_us.barrier, rounded(0.5 + 3.0 * 0.02));
        assert_eq!(energy.idle, rounded(0.23 * estimate.time_us_per_step * 1e3));
        assert!(matches!(
            estimate.bottleneck,
            Bottleneck::Core { core: 5, work: Work::Synops, .. }
        ));
        assert!(!estimate.calibrated);
    }

    #[test]
    fn the_bottleneck_is_what_takes_longest() {
        let mut plan = fixtures::conv();
        assert_eq!(Estimate::of(&plan).bottleneck, Bottleneck::Barrier);
        plan.target.profile.figures.time_link = 1e3;
        let east = Bottleneck::Link { chip: 0, router: [0, 0], direction: Direction::East };
        assert_eq!(Estimate::of(&plan).bottleneck, east);
    }
}
