//! What follows from putting neurons on cores: axons, routes, memory, load.
//!
//! One function computes it all, exactly, for whoever needs it: the partitioner's final
//! check, the manifest, and `snnc verify`, which reads an assignment back from a manifest and
//! computes everything again.

use super::network::{
    Assignment, ChipNetwork, Conv, Projection, Rates, Sparse, Synapses, WeightFormat,
};
use super::profile::Figures;
use super::ranges::Ranges;
use super::resources::{Usage, axon_words, kernel_words};
use super::routes::{Lists, Routes, Row, rows_to};
use crate::parallel;
use std::collections::BTreeMap;

/// A network on cores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// What each core holds.
    pub cores: Vec<CoreUse>,
    /// What the host sends to the cores.
    pub host: Vec<HostAxons>,
}

/// One core.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoreUse {
    /// Its neurons.
    pub groups: Vec<GroupUse>,
    /// Its synapses, by projection.
    pub axons_in: Vec<AxonsIn>,
    /// Where its spikes go.
    pub axons_out: Vec<AxonsOut>,
    /// Its memory.
    pub usage: Usage,
    /// Its work in a step.
    pub load: Load,
}

/// Neurons of one layer and configuration on a core.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupUse {
    /// The layer, by position among the populations.
    pub layer: usize,
    /// The configuration, by position in the layer.
    pub config: u16,
    /// Which neurons.
    pub neurons: Ranges,
}

/// Synapses of one projection on a core.
#[derive(Clone, Debug, PartialEq)]
pub struct AxonsIn {
    /// The projection, by position.
    pub projection: usize,
    /// Source neurons with synapses here.
    pub sources: Ranges,
    /// How many synapses.
    pub synapses: u64,
    /// How many source neurons have how many synapses here, ascending.
    pub fan_out: Vec<(u64, u64)>,
    /// Words of synaptic memory.
    pub words: u64,
}

/// Where a route ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A core, by position.
    Core(u32),
    /// The host.
    Host,
}

/// Spikes of one layer's neurons on a core to one destination: one message a spike.
#[derive(Clone, Debug, PartialEq)]
pub struct AxonsOut {
    /// The layer.
    pub layer: usize,
    /// Where to.
    pub to: End,
    /// Which neurons.
    pub sources: Ranges,
    /// Messages per step.
    pub messages: f64,
}

/// Spikes of a population of the host to a core.
#[derive(Clone, Debug, PartialEq)]
pub struct HostAxons {
    /// The population.
    pub population: usize,
    /// The core.
    pub to: u32,
    /// Which of its elements.
    pub sources: Ranges,
    /// Messages per step.
    pub messages: f64,
}

/// A core's work in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Messages that arrive.
    pub messages_in: f64,
    /// Synaptic events of dense, sparse and convolutional axons.
    pub synops: [f64; 3],
    /// Neurons updated.
    pub updates: f64,
    /// Spikes.
    pub spikes: f64,
    /// Messages that leave.
    pub messages_out: f64,
}

impl Load {
    /// All synaptic events.
    pub fn all_synops(&self) -> f64 {
        self.synops.iter().sum()
    }
}

impl CoreUse {
    /// Sets where its spikes go: rows by layer and destination. Their messages are added up in
    /// that order.
    fn set_axons_out(&mut self, rows: Vec<AxonsOut>) {
        self.load.messages_out = rows.iter().fold(0.0, |sum, row| sum + row.messages);
        self.axons_out = rows;
    }
}

impl Mapped {
    /// The same with other numbers: `order[i]` becomes core `i`. Cores that `order` leaves out
    /// must be empty. What [`map`] says of the assignment with these numbers, in less time.
    pub fn renumbered(mut self, order: &[usize]) -> Mapped {
        let mut number = vec![0; self.cores.len()];
        order.iter().enumerate().for_each(|(new, old)| number[*old] = new as u32);
        let mut cores: Vec<CoreUse> =
            order.iter().map(|old| std::mem::take(&mut self.cores[*old])).collect();
        for core in &mut cores {
            let mut rows = std::mem::take(&mut core.axons_out);
            for row in &mut rows {
                if let End::Core(to) = &mut row.to {
                    *to = number[*to as usize];
                }
            }
            rows.sort_by_key(|row| (row.layer, row.to));
            core.set_axons_out(rows);
        }
        self.host.iter_mut().for_each(|row| row.to = number[row.to as usize]);
        self.host.sort_by_key(|row| (row.population, row.to));
        Mapped { cores, host: self.host }
    }
}

/// What an assignment comes to. `assignment` must give every neuron of every layer a core
/// below `assignment.cores`.
pub fn map(
    network: &ChipNetwork,
    assignment: &Assignment,
    figures: &Figures,
    rates: &Rates,
) -> Mapped {
    let held = held(network, assignment);
    let inverses: Vec<_> = network.projections.iter().map(Inverse::of).collect();
    let mut feeds = vec![vec![]; network.populations.len()];
    for (q, projection) in network.projections.iter().enumerate() {
        feeds[projection.to].push(q);
    }
    let cores = parallel::map(&held, FEW, Scratch::default, |scratch, layers| {
        let mut core = CoreUse::default();
        let mut here: Vec<usize> = layers.keys().flat_map(|l| &feeds[*l]).copied().collect();
        here.sort_unstable();
        for q in here {
            let projection = &network.projections[q];
            scratch.count(projection, &inverses[q], &layers[&projection.to]);
            let load = &mut core.load;
            core.axons_in.extend(scratch.axons(q, projection, figures, rates, load));
        }
        core
    });
    complete(network, assignment, rates, &held, cores)
}

/// What follows from the axons into each core and the synaptic events there, of which nothing
/// else is read.
pub fn of_axons(
    network: &ChipNetwork,
    assignment: &Assignment,
    rates: &Rates,
    cores: Vec<CoreUse>,
) -> Mapped {
    let only = |core: CoreUse| CoreUse {
        axons_in: core.axons_in,
        load: Load { synops: core.load.synops, ..Load::default() },
        ..CoreUse::default()
    };
    let cores = cores.into_iter().map(only).collect();
    complete(network, assignment, rates, &held(network, assignment), cores)
}

fn complete(
    network: &ChipNetwork,
    assignment: &Assignment,
    rates: &Rates,
    held: &[BTreeMap<usize, Vec<u32>>],
    mut cores: Vec<CoreUse>,
) -> Mapped {
    let numbered: Vec<_> = (0..).zip(cores.iter().zip(held)).collect();
    let whole = parallel::map(
        &numbered,
        FEW,
        || (),
        |(), (c, (core, layers))| arrive(network, assignment, rates, End::Core(*c), core, layers),
    );
    let mut routes = Routes::new(assignment.cores);
    for (core, (usage, load, groups, rows)) in cores.iter_mut().zip(whole) {
        (core.usage, core.load, core.groups) = (usage, load, groups);
        routes.add(rows);
    }
    let mut leaving: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for output in &network.outputs {
        leaving.entry(output.from).or_default().extend(output.neurons.iter());
    }
    for (layer, mut neurons) in leaving {
        neurons.sort_unstable();
        routes.add(rows_to(End::Host, assignment, rates, layer, &neurons));
    }
    let (of_core, host) = routes.rows();
    let rows: Vec<_> = held.iter().zip(of_core).collect();
    let words = parallel::map(
        &rows,
        FEW,
        || Lists::new(network),
        |lists, (layers, rows)| lists.words(layers, rows),
    );
    for ((core, (_, rows)), words) in cores.iter_mut().zip(rows).zip(words) {
        core.set_axons_out(rows);
        [core.usage.axon_map, core.usage.axon_mem] = words;
    }
    Mapped { cores, host }
}

/// What a core has but for what it sends, and the rows of those that send to it.
fn arrive(
    network: &ChipNetwork,
    assignment: &Assignment,
    rates: &Rates,
    here: End,
    core: &CoreUse,
    layers: &BTreeMap<usize, Vec<u32>>,
) -> (Usage, Load, Vec<GroupUse>, Vec<Row>) {
    let (mut usage, mut load, mut rows) = (core.usage, core.load, Vec::new());
    // Source neurons by population.
    let mut arriving: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for axons in &core.axons_in {
        let from = network.projections[axons.projection].from;
        arriving.entry(from).or_default().extend(axons.sources.iter());
        usage.syn_words = usage.syn_words.saturating_add(axons.words);
    }
    for (population, mut sources) in arriving {
        // A neuron has one axon into a core, whatever the number of projections that share it.
        sources.sort_unstable();
        sources.dedup();
        usage.axon_in += sources.len() as u64;
        for source in &sources {
            load.messages_in += rates.get(population, *source);
        }
        rows.extend(rows_to(here, assignment, rates, population, &sources));
    }
    let groups = groups(network, layers, rates, &mut load);
    usage.neurons = layers.values().map(|n| n.len() as u64).sum();
    usage.neuron_groups = groups.len() as u64;
    (usage, load, groups, rows)
}

/// So many cores are counted before another thread could have begun.
pub(super) const FEW: usize = 64;

/// Stands for the host among the numbers of cores.
pub(super) const HOST: u32 = u32::MAX;

/// The neurons of each core, by layer, ascending.
fn held(network: &ChipNetwork, assignment: &Assignment) -> Vec<BTreeMap<usize, Vec<u32>>> {
    let mut held = vec![BTreeMap::<usize, Vec<u32>>::new(); assignment.cores as usize];
    for (p, population) in network.populations.iter().enumerate() {
        if population.on_chip() {
            for (neuron, core) in assignment.core_of[p].iter().enumerate() {
                held[*core as usize].entry(p).or_default().push(neuron as u32);
            }
        }
    }
    held
}

fn groups(
    network: &ChipNetwork,
    layers: &BTreeMap<usize, Vec<u32>>,
    rates: &Rates,
    load: &mut Load,
) -> Vec<GroupUse> {
    let mut groups = Vec::new();
    for (layer, neurons) in layers {
        let Some(description) = &network.populations[*layer].layer else { continue };
        let mut by_config: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for neuron in neurons {
            let config = description.config_of.get(*neuron as usize).copied().unwrap_or(0);
            by_config.entry(config).or_default().push(*neuron);
            load.spikes += rates.get(*layer, *neuron);
        }
        load.updates += neurons.len() as f64;
        for (config, neurons) in by_config {
            let neurons = Ranges::of_sorted(neurons);
            groups.push(GroupUse { layer: *layer, config, neurons });
        }
    }
    groups
}

/// Channels that share an entry of the output axon map where they share their destinations:
/// those of a layer that a convolution feeds; else 1.
pub fn channels(network: &ChipNetwork, layer: usize) -> u32 {
    let fed = network.projections.iter().find_map(|p| match &p.synapses {
        Synapses::Conv(conv) if p.to == layer && p.scatter.is_none() => Some(conv.output[2]),
        _ => None,
    });
    fed.unwrap_or(1).max(1)
}

/// Which output of a projection a neuron is.
pub(super) enum Inverse {
    Same,
    Of(Vec<u32>),
}

impl Inverse {
    pub(super) fn of(projection: &Projection) -> Inverse {
        let Some(scatter) = &projection.scatter else { return Inverse::Same };
        let size = scatter.iter().max().map_or(0, |last| *last as usize + 1);
        let mut outputs = vec![u32::MAX; size];
        for (output, neuron) in scatter.iter().enumerate() {
            outputs[*neuron as usize] = output as u32;
        }
        Inverse::Of(outputs)
    }

    pub(super) fn output(&self, neuron: u32) -> Option<u32> {
        match self {
            Inverse::Same => Some(neuron),
            Inverse::Of(outputs) => {
                outputs.get(neuron as usize).copied().filter(|output| *output != u32::MAX)
            }
        }
    }
}

/// Synapses of one projection on one core, counted by input.
#[derive(Default)]
pub(super) struct Scratch {
    /// Inputs (of a convolution positions and groups) with their synapses, each input once.
    counted: Vec<(u32, u32)>,
    /// Counts by input, all 0 between two countings, and those that are not.
    counts: Vec<u32>,
    touched: Vec<u32>,
    /// Inputs, once for each synapse.
    listed: Vec<u32>,
    /// Output channels of each group of a convolution that the core holds.
    channels: Vec<u64>,
    /// Outputs on the core.
    outputs: Vec<u32>,
}

/// With more inputs than these, a table by input is out of the cache's reach, and the few that
/// a core reads are sorted instead.
const TABLE: u32 = 1 << 17;

impl Scratch {
    /// Counts the synapses of `targets`, ascending. [`Scratch::drain`] must follow.
    pub(super) fn count(&mut self, projection: &Projection, inverse: &Inverse, targets: &[u32]) {
        self.count_some(projection, inverse, targets, |_| true);
    }

    /// As [`Scratch::count`], but may leave out inputs that are not to be kept, where that
    /// saves time.
    pub(super) fn count_some(
        &mut self,
        projection: &Projection,
        inverse: &Inverse,
        targets: &[u32],
        keep: impl Fn(u32) -> bool,
    ) {
        self.outputs.clear();
        let known = projection.synapses.outputs();
        let outputs = targets.iter().filter_map(|n| inverse.output(*n));
        self.outputs.extend(outputs.filter(|o| u64::from(*o) < known));
        match &projection.synapses {
            Synapses::Dense(_) => {}
            Synapses::Sparse(sparse) if sparse.inputs > TABLE => self.sort_sparse(sparse, keep),
            Synapses::Sparse(sparse) => self.count_sparse(sparse, keep),
            Synapses::Conv(conv) => self.count_conv(conv),
        }
        let (counted, counts) = (&mut self.counted, &mut self.counts);
        counted.extend(
            self.touched.drain(..).map(|at| (at, std::mem::take(&mut counts[at as usize]))),
        );
    }

    fn add(counts: &mut [u32], touched: &mut Vec<u32>, at: usize, n: u32) {
        if counts[at] == 0 {
            touched.push(at as u32);
        }
        counts[at] += n;
    }

    fn count_sparse(&mut self, sparse: &Sparse, keep: impl Fn(u32) -> bool) {
        self.counts.resize(self.counts.len().max(sparse.inputs as usize), 0);
        for output in &self.outputs {
            let row = sparse.row(*output);
            for source in sparse.sources[row].iter().filter(|source| keep(**source)) {
                Scratch::add(&mut self.counts, &mut self.touched, *source as usize, 1);
            }
        }
    }

    fn sort_sparse(&mut self, sparse: &Sparse, keep: impl Fn(u32) -> bool) {
        self.listed.clear();
        for output in &self.outputs {
            let row = sparse.row(*output);
            self.listed.extend(sparse.sources[row].iter().filter(|source| keep(**source)));
        }
        self.listed.sort_unstable();
        let same = self.listed.chunk_by(|a, b| a == b);
        self.counted.extend(same.map(|same| (same[0], same.len() as u32)));
    }

    fn count_conv(&mut self, conv: &Conv) {
        let groups = conv.groups.max(1);
        let [_, _, channels] = conv.output;
        let of_group = (channels / groups).max(1);
        let positions = conv.input[0] as usize * conv.input[1] as usize;
        self.counts.resize(self.counts.len().max(positions * groups as usize), 0);
        let mut present = vec![false; channels as usize];
        let mut here = vec![0u32; groups as usize];
        let mut at = 0;
        while at < self.outputs.len() {
            let position = self.outputs[at] / channels;
            here.fill(0);
            while at < self.outputs.len() && self.outputs[at] / channels == position {
                let channel = self.outputs[at] % channels;
                present[channel as usize] = true;
                here[(channel / of_group) as usize] += 1;
                at += 1;
            }
            conv.taps(position, |source| {
                for (group, n) in here.iter().enumerate().filter(|(_, n)| **n > 0) {
                    let cell = source as usize * groups as usize + group;
                    Scratch::add(&mut self.counts, &mut self.touched, cell, *n);
                }
            });
        }
        self.channels = vec![0; groups as usize];
        for (channel, _) in present.iter().enumerate().filter(|(_, present)| **present) {
            self.channels[channel / of_group as usize] += 1;
        }
    }

    /// Visits the source neurons that were counted, each with its number of synapses (a
    /// neuron that is gathered twice, twice), and empties the counts.
    pub(super) fn drain(&mut self, projection: &Projection, mut visit: impl FnMut(u32, u64)) {
        let mut axon = |input: u32, n: u64| visit(projection.source(input), n);
        match &projection.synapses {
            Synapses::Dense(dense) => {
                let n = self.outputs.len() as u64;
                (0..dense.inputs).filter(|_| n > 0).for_each(|input| axon(input, n));
            }
            Synapses::Sparse(_) => {
                self.counted.drain(..).for_each(|(input, n)| axon(input, n.into()));
            }
            Synapses::Conv(conv) => {
                let groups = conv.groups.max(1);
                let of_group = conv.input[2] / groups;
                for (cell, n) in self.counted.drain(..) {
                    let first = cell / groups * conv.input[2] + cell % groups * of_group;
                    (first..first + of_group).for_each(|input| axon(input, n.into()));
                }
            }
        }
    }

    /// The words that a convolution counted last takes for its kernels.
    pub(super) fn kernel_words(&self, f: &Figures, format: WeightFormat, conv: &Conv) -> u64 {
        kernel_words(f, format, conv, &self.channels)
    }

    /// The axons that were counted; empties the counts.
    fn axons(
        &mut self,
        q: usize,
        projection: &Projection,
        figures: &Figures,
        rates: &Rates,
        load: &mut Load,
    ) -> Option<AxonsIn> {
        let mut sources = Vec::new();
        let mut fan_out: Vec<(u64, u64)> = Vec::new();
        let mut synapses = 0;
        let mut events = 0.0;
        self.counted.sort_unstable();
        self.drain(projection, |source, n| {
            sources.push(source);
            match fan_out.last_mut() {
                Some((last, axons)) if *last == n => *axons += 1,
                _ => fan_out.push((n, 1)),
            }
            synapses += n;
            events += rates.get(projection.from, source) * n as f64;
        });
        if sources.is_empty() {
            return None;
        }
        let (kind, words) = match &projection.synapses {
            Synapses::Dense(_) => (0, None),
            Synapses::Sparse(_) => (1, None),
            Synapses::Conv(conv) => (2, Some(self.kernel_words(figures, projection.format, conv))),
        };
        load.synops[kind] += events;
        sources.sort_unstable();
        sources.dedup();
        fan_out.sort_unstable();
        fan_out.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        let words = words.unwrap_or_else(|| {
            let axon = |(n, axons): &(u64, u64)| axons * axon_words(figures, projection.format, *n);
            fan_out.iter().map(axon).sum()
        });
        let sources = Ranges::of_sorted(sources);
        Some(AxonsIn { projection: q, sources, synapses, fan_out, words })
    }
}

impl Sparse {
    /// Where the entries of row `output` stand.
    pub fn row(&self, output: u32) -> std::ops::Range<usize> {
        self.starts[output as usize] as usize..self.starts[output as usize + 1] as usize
    }
}

impl Conv {
    /// Visits the input positions that an output position reads.
    pub fn taps(&self, position: u32, mut visit: impl FnMut(u32)) {
        let [width, height] = [i64::from(self.input[0]), i64::from(self.input[1])];
        let [x, y] = [position / self.output[1], position % self.output[1]].map(i64::from);
        let first = |at: i64, axis: usize| {
            at * i64::from(self.stride[axis]) - i64::from(self.padding[axis])
        };
        let (x, y) = (first(x, 0), first(y, 1));
        for kx in 0..i64::from(self.kernel[0]) {
            let x = x + kx * i64::from(self.dilation[0]);
            if !(0..width).contains(&x) {
                continue;
            }
            for ky in 0..i64::from(self.kernel[1]) {
                let y = y + ky * i64::from(self.dilation[1]);
                if (0..height).contains(&y) {
                    visit((x * height + y) as u32);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "mapped_tests.rs"]
mod tests;
