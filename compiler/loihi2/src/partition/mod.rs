//! Which core holds which neuron.
//!
//! Layers with a structure are cut along it: full matrices into ranges of neurons, sequences of
//! convolutions into tiles that follow the same grid. Other layers are clustered by the
//! messages that their neurons exchange. Then cores that are mostly empty are filled up, every
//! core is counted exactly, and what is beyond a limit is split. Several candidates are made
//! that way; `cost` says which is best.
//!
//! The result is a function of the request: nothing depends on time, threads or chance.

mod bins;
mod chain;
mod cluster;
mod cost;
mod dense;
mod feasible;
mod frontier;
mod graph;
mod grid;
mod grow;
mod irregular;
mod pack;
mod refine;
mod repair;
mod tally;

pub use cost::Cost;

use super::network::{Assignment, ChipNetwork, Rates};
use super::options::Objective;
use super::profile::Profile;
use super::resources::{Resource, Usage};
use bins::{Bin, Cap};
use chain::{Prefer, Wanted, chains, plan};
use grid::ConvLayer;
use irregular::Irregular;
use std::cmp::Reverse;
use tally::{Cells, Context, Counter, assignment};

/// What is to be partitioned.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The network.
    pub network: &'a ChipNetwork,
    /// Limits and costs of a core.
    pub profile: &'a Profile,
    /// Spikes per step; where all are 0, every neuron counts the same.
    pub rates: &'a Rates,
    /// What is minimised.
    pub objective: Objective,
    /// Cores that may be used in all.
    pub cores: u64,
    /// Cores that may be used of each chip; a convolution's must fit one.
    pub cores_per_chip: u64,
}

/// Which limit does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A core's.
    Core(Resource),
    /// Cores of a chip.
    Chip,
    /// Cores of the board.
    Board,
}

/// Why a network does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The layer, by position among the populations.
    pub layer: usize,
    /// The limit.
    pub limit_of: Limit,
    /// How much is needed.
    pub used: u64,
    /// How much there is.
    pub limit: u64,
    /// What needs it.
    pub why: RefusalKind,
}

/// What needs more than there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// A neuron that does not fit a core of its own.
    Neuron {
        /// The neuron.
        neuron: u32,
        /// Distinct senders that it reads.
        fan_in: u64,
        /// How many it could read; none where it reads a convolution.
        largest_fan_in: Option<u64>,
        /// What it needs.
        usage: Usage,
    },
    /// A neuron that reaches more cores than its core can list.
    Destinations {
        /// The neuron.
        neuron: u32,
        /// How many destinations.
        destinations: u64,
        /// What it needs.
        usage: Usage,
    },
    /// A convolution, with the layers that share its cores, needs more cores than a chip has.
    ConvolutionOverChips,
    /// The network needs more cores than the board has.
    TooManyCores {
        /// Layers and how many cores hold some of each, most first.
        layers: Vec<(usize, u64)>,
    },
}

/// An assignment and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// The core of each neuron.
    pub assignment: Assignment,
    /// Its cost.
    pub cost: Cost,
    /// Of its messages, those from the host.
    pub from_host: f64,
}

/// Puts neurons on cores, each of which stays within all limits of the profile.
///
/// # Errors
/// What does not fit: neurons that no core holds, convolutions that no chip holds, or more
/// cores than there are.
pub fn partition(request: &Request) -> Result<Partition, Vec<Refusal>> {
    let cx = Context::new(request.network, request.profile, request.rates);
    let mut counter = Counter::default();
    let refusals = feasible::check(&cx, &mut counter);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut search = Search::new(&cx, request, counter);
    let free = Cap { time: f64::INFINITY };
    search.candidate(free, Prefer::Messages);
    // Fewer cores than the fewest messages take, where there are convolutions to cut otherwise.
    if !search.chains.is_empty() {
        search.candidate(free, Prefer::Cores);
    }
    if request.objective != Objective::Energy {
        search.shorten();
    }
    search.best.map(|(best, _)| best).ok_or(search.refusals)
}

/// To which part of the first candidate's the time of a core's step is shortened.
const SHORTEST: f64 = 0.03;
/// Shortenings at most, and how many may fail one after another.
const SHORTENINGS: u64 = 16;
const FAILURES: usize = 3;
/// Synapses of irregular layers that are looked at in all shortenings together.
const SYNAPSES: u64 = 6_000_000;

struct Search<'a, 'b> {
    cx: &'a Context<'b>,
    request: &'a Request<'b>,
    counter: Counter,
    dense: Vec<usize>,
    chains: Vec<Vec<ConvLayer<'b>>>,
    irregular: Option<Irregular<'a, 'b>>,
    /// The best so far, with the time of its busiest core.
    best: Option<(Partition, f64)>,
    /// Why the first candidate is none.
    refusals: Vec<Refusal>,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(cx: &'a Context<'b>, request: &'a Request<'b>, counter: Counter) -> Search<'a, 'b> {
        let (mut dense, mut conv, mut others) = (vec![], vec![], vec![]);
        for (layer, population) in cx.network.populations.iter().enumerate() {
            if !population.on_chip() || population.neurons == 0 {
                continue;
            }
            match ConvLayer::of(cx, layer) {
                Some(layer) => conv.push(layer),
                None if cx.all_dense(layer) => dense.push(layer),
                None => others.push(layer),
            }
        }
        let irregular = (!others.is_empty()).then(|| Irregular::new(cx, &others));
        let chains = chains(conv);
        let refusals = vec![];
        Search { cx, request, counter, dense, chains, irregular, best: None, refusals }
    }

    /// Makes an assignment and keeps it if it is the best; the time of its busiest core.
    fn candidate(&mut self, cap: Cap, prefer: Prefer) -> Option<f64> {
        match self.assign(cap, prefer) {
            Ok(new) => {
                let busiest = new.cost.busiest;
                let best = self.best.as_ref();
                let objective = self.request.objective;
                if best.is_none_or(|(best, _)| new.cost.compare(&best.cost, objective).is_lt()) {
                    self.best = Some((new, busiest));
                }
                Some(busiest)
            }
            Err(refusals) => {
                if self.refusals.is_empty() {
                    self.refusals = refusals;
                }
                None
            }
        }
    }

    fn assign(&mut self, cap: Cap, prefer: Prefer) -> Result<Partition, Vec<Refusal>> {
        let (cx, counter, request) = (self.cx, &mut self.counter, self.request);
        let cores_per_chip = request.cores_per_chip;
        let mut bins: Vec<Bin> = vec![];
        let (mut refusals, mut planned) = (vec![], true);
        let mut chain_count = 0;
        for chain in &self.chains {
            match plan(cx, counter, chain, Wanted { cap, prefer, cores_per_chip }) {
                Ok(groups) => {
                    for mut group in groups {
                        group.iter_mut().for_each(|bin| bin.chain = Some(chain_count));
                        chain_count += 1;
                        bins.append(&mut group);
                    }
                }
                Err(why) => {
                    planned = false;
                    refusals.extend(why);
                }
            }
        }
        if !planned {
            return Err(refusals);
        }
        for layer in &self.dense {
            bins.extend(dense::split(cx, counter, *layer, cap));
        }
        if let Some(irregular) = &self.irregular {
            bins.extend(irregular.bins(cap));
        }
        let bins = pack::pack(cx, counter, bins, cap, cores_per_chip);
        let cores = bins.into_iter().map(|bin| bin.cells).collect();
        let (cores, all) = repair::repair(cx, counter, cores, request.cores)?;
        if cores.len() as u64 > request.cores {
            return Err(vec![too_many_cores(&cores, request.cores)]);
        }
        let split = repair::convolutions(cx, &cores, cores_per_chip);
        if !split.is_empty() {
            return Err(split);
        }
        Ok(Partition {
            assignment: assignment(cx, &cores),
            cost: Cost::of(request.profile, &all, cores_per_chip),
            from_host: all.from_host,
        })
    }

    /// Candidates whose busiest core takes ever less time, on ever more cores.
    fn shorten(&mut self) {
        let synapses = self.irregular.as_ref().map_or(0, Irregular::synapses);
        let tries = (SYNAPSES / synapses.max(1)).clamp(1, SHORTENINGS);
        let Some((_, mut time)) = self.best else { return };
        let step = SHORTEST.powf(1.0 / tries as f64);
        let mut failures = 0;
        for _ in 0..tries {
            time *= step;
            let before = self.best.as_ref().map(|(best, _)| best.cost);
            self.candidate(Cap { time }, Prefer::Messages);
            failures = match self.best.as_ref().map(|(best, _)| best.cost) == before {
                true => failures + 1,
                false => 0,
            };
            if failures == FAILURES {
                break;
            }
        }
    }
}

fn too_many_cores(cores: &[Cells], limit: u64) -> Refusal {
    let mut layers: Vec<(usize, u64)> = repair::cores_of_layers(cores).into_iter().collect();
    layers.sort_by_key(|(layer, cores)| (Reverse(*cores), *layer));
    Refusal {
        layer: layers.first().map_or(0, |(layer, _)| *layer),
        limit_of: Limit::Board,
        used: cores.len() as u64,
        limit,
        why: RefusalKind::TooManyCores { layers },
    }
}

#[cfg(test)]
mod tests;
