//! What is minimised: the one place where assignments are compared.

use super::super::mapped::Load;
use super::super::options::Objective;
use super::super::profile::{Figures, Profile};
use super::super::resources::Resource;
use super::tally::Tally;
use std::cmp::Ordering;

/// An assignment's cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Messages per step on the network: one for each spike and core other than the sender's.
    /// Messages of the host count; those of a core to itself cross no link and do not.
    pub messages: f64,
    /// Cores in use.
    pub cores: u64,
    /// The longest time of a core's step, in ns.
    pub busiest: f64,
    /// The largest share of any resource of any core that is used.
    pub fullest: f64,
    /// Time of a step with its barrier, in ns.
    pub time: f64,
    /// Energy of a step, in pJ: an estimate, before hops are known.
    pub energy: f64,
}

/// The time that a core's work in a step takes, in ns.
pub(super) fn time(f: &Figures, load: &Load) -> f64 {
    load.messages_in * f.time_message_in
        + load.all_synops() * f.time_synop
        + load.updates * f.time_update
        + load.spikes * f.time_spike
        + load.messages_out * f.time_message_out
}

impl Cost {
    pub(super) fn of(profile: &Profile, tally: &Tally, cores_per_chip: u64) -> Cost {
        let f = &profile.figures;
        let cores = tally.usage.len() as u64;
        let most = |of: &dyn Fn(usize) -> f64| (0..cores as usize).map(of).fold(0.0, f64::max);
        let busiest = most(&|c| time(f, &tally.load[c]));
        let fullest = most(&|c| {
            let share = |r| tally.usage[c].of(r) as f64 / (profile.limit(r).max(1)) as f64;
            Resource::ALL.into_iter().map(share).fold(0.0, f64::max)
        });
        let chips = cores.div_ceil(cores_per_chip.max(1)) as f64;
        let routers = cores.div_ceil(f.cores_per_router.max(1)) as f64;
        let time = busiest + f.time_barrier + f.time_barrier_tile * routers;
        let messages = tally.between + tally.from_host;
        // Two points of a square with side k are k / 3 apart on either axis, on average.
        let side = (routers / chips.max(1.0)).sqrt();
        let hops = messages * side / 3.0 * (f.energy_hop_x + f.energy_hop_y);
        let mut energy = (messages + tally.within) * f.energy_message + hops;
        for load in &tally.load {
            let [dense, sparse, conv] = load.synops;
            energy += dense * f.energy_synop_dense
                + sparse * f.energy_synop_sparse
                + conv * f.energy_synop_conv
                + load.updates * f.energy_update
                + load.spikes * f.energy_spike;
        }
        // 1 W for 1 ns is 1000 pJ.
        energy += f.power_static * chips * time * 1000.0;
        Cost { messages, cores, busiest, fullest, time, energy }
    }

    /// Which of two is better (`Less` where this one is).
    pub(super) fn compare(&self, other: &Cost, objective: Objective) -> Ordering {
        let key = |c: &Cost| match objective {
            Objective::Energy => [c.messages, c.cores as f64, c.busiest, c.fullest],
            Objective::Latency => [c.time, c.messages, c.cores as f64, c.fullest],
            Objective::Edp => [c.energy * c.time, c.messages, c.cores as f64, c.fullest],
        };
        let pairs = key(self).into_iter().zip(key(other));
        pairs.map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    }
}
