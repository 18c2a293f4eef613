//! What cores use and send: the sums of [`map`](super::super::mapped::map), without the lists
//! of neurons that a manifest needs, so that many assignments can be compared.

use super::super::mapped::{FEW, HOST, Inverse, Load, Scratch, channels};
use super::super::network::{Assignment, ChipNetwork, Rate, Rates, Synapses};
use super::super::profile::{Figures, Profile};
use super::super::resources::{Usage, axon_words};
use crate::parallel;
use std::collections::BTreeMap;

/// Neurons of a core by layer, ascending.
pub(super) type Cells = BTreeMap<usize, Vec<u32>>;

/// A network with what every part of the search looks up.
pub(super) struct Context<'a> {
    pub network: &'a ChipNetwork,
    pub profile: &'a Profile,
    /// The number of a population's first neuron among all senders; one more at the end.
    pub first: Vec<usize>,
    /// Spikes per step of each sender: finite, at least 0.
    pub rate: Vec<f64>,
    /// The projections that each population receives.
    pub feeds: Vec<Vec<usize>>,
    /// Which output of each projection a neuron is.
    pub inverses: Vec<Inverse>,
    /// Channels of each layer that may share an entry of the axon map.
    pub channels: Vec<u32>,
}

impl<'a> Context<'a> {
    pub fn new(network: &'a ChipNetwork, profile: &'a Profile, rates: &Rates) -> Context<'a> {
        let mut first = vec![0];
        let mut feeds = vec![vec![]; network.populations.len()];
        for population in &network.populations {
            first.push(first[first.len() - 1] + population.neurons as usize);
        }
        for (q, projection) in network.projections.iter().enumerate() {
            feeds[projection.to].push(q);
        }
        let mut rate = vec![0.0; first[first.len() - 1]];
        for (p, of) in rates.of.iter().enumerate().take(network.populations.len()) {
            let here = &mut rate[first[p]..first[p + 1]];
            match of {
                Rate::Uniform(r) => here.fill(*r),
                Rate::Each(each) => here.iter_mut().zip(each).for_each(|(r, e)| *r = *e),
            }
        }
        for r in &mut rate {
            *r = if r.is_finite() { r.max(0.0) } else { 0.0 };
        }
        // Where nothing is known to spike, messages are counted by their routes.
        if rate.iter().all(|r| *r == 0.0) {
            rate.fill(1.0);
        }
        let channels = (0..network.populations.len()).map(|p| channels(network, p)).collect();
        let inverses = network.projections.iter().map(Inverse::of).collect();
        Context { network, profile, first, rate, feeds, inverses, channels }
    }

    pub fn figures(&self) -> &Figures {
        &self.profile.figures
    }

    /// Whether a layer is fed by a convolution.
    pub fn convolution(&self, layer: usize) -> bool {
        let conv = |q: &usize| matches!(self.network.projections[*q].synapses, Synapses::Conv(_));
        self.feeds[layer].iter().any(conv)
    }

    /// Whether full matrices are all that a layer is fed by.
    pub fn all_dense(&self, layer: usize) -> bool {
        let dense = |q: &usize| matches!(self.network.projections[*q].synapses, Synapses::Dense(_));
        self.feeds[layer].iter().all(dense)
    }

    /// The configuration of a layer's neuron.
    pub fn config(&self, layer: usize, neuron: u32) -> u16 {
        let layer = self.network.populations[layer].layer.as_ref();
        layer.and_then(|l| l.config_of.get(neuron as usize).copied()).unwrap_or(0)
    }
}

/// Counts what cores hold; its tables are used again for the next.
#[derive(Default)]
pub(super) struct Counter {
    scratch: Scratch,
    /// By sender, the count that met it last.
    met: Vec<u32>,
    counts: u32,
}

impl Counter {
    /// Everything that depends on this core alone: all but axon memory and the messages that
    /// leave; the axon map is that of neurons with equal destinations. Visits each sender that
    /// has an axon here.
    pub fn core(
        &mut self,
        cx: &Context,
        cells: &Cells,
        mut visit: impl FnMut(usize),
    ) -> (Usage, Load) {
        let (mut usage, mut load) = (Usage::default(), Load::default());
        let f = cx.figures();
        self.met.resize(cx.rate.len(), 0);
        self.counts += 1;
        for (layer, neurons) in cells {
            for q in &cx.feeds[*layer] {
                let projection = &cx.network.projections[*q];
                let from = cx.first[projection.from];
                // Two projections may share axons, and two inputs of one that gathers.
                let shared = projection.gather.is_some() || {
                    let others = cells.keys().flat_map(|layer| &cx.feeds[*layer]);
                    others.filter(|r| cx.network.projections[**r].from == projection.from).count()
                        > 1
                };
                self.scratch.count(projection, &cx.inverses[*q], neurons);
                let kind = match &projection.synapses {
                    Synapses::Dense(_) => 0,
                    Synapses::Sparse(_) => 1,
                    Synapses::Conv(_) => 2,
                };
                // Most axons of a core have as many synapses as the one before.
                let (mut last, mut words) = (0, 0);
                let (mut any, mut events) = (false, 0.0);
                let (met, now) = (&mut self.met, self.counts);
                self.scratch.drain(projection, |source, n| {
                    let sender = from + source as usize;
                    let rate = cx.rate[sender];
                    any = true;
                    events += rate * n as f64;
                    if n != last {
                        (last, words) = (n, axon_words(f, projection.format, n));
                    }
                    usage.syn_words += if kind == 2 { 0 } else { words };
                    if !shared || std::mem::replace(&mut met[sender], now) != now {
                        usage.axon_in += 1;
                        load.messages_in += rate;
                        visit(sender);
                    }
                });
                load.synops[kind] += events;
                if let (true, Synapses::Conv(conv)) = (any, &projection.synapses) {
                    usage.syn_words += self.scratch.kernel_words(f, projection.format, conv);
                }
            }
            let channels = cx.channels[*layer];
            let mut configs: Vec<u16> = vec![];
            for n in neurons {
                let config = cx.config(*layer, *n);
                if configs.last() != Some(&config) {
                    configs.push(config);
                }
                load.spikes += cx.rate[cx.first[*layer] + *n as usize];
            }
            configs.sort_unstable();
            configs.dedup();
            usage.neuron_groups += configs.len() as u64;
            usage.neurons += neurons.len() as u64;
            usage.axon_map += neurons.chunk_by(|a, b| a / channels == b / channels).count() as u64;
        }
        load.updates = usage.neurons as f64;
        (usage, load)
    }

    /// Visits the senders that are to be kept and have an axon on a core.
    pub fn heard(
        &mut self,
        cx: &Context,
        cells: &Cells,
        keep: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize),
    ) {
        self.met.resize(cx.rate.len(), 0);
        self.counts += 1;
        for (layer, neurons) in cells {
            for q in &cx.feeds[*layer] {
                let projection = &cx.network.projections[*q];
                let sender = |source: u32| cx.first[projection.from] + source as usize;
                let wanted = |input| keep(sender(projection.source(input)));
                self.scratch.count_some(projection, &cx.inverses[*q], neurons, wanted);
                self.scratch.drain(projection, |source, _| {
                    let sender = sender(source);
                    if keep(sender)
                        && std::mem::replace(&mut self.met[sender], self.counts) != self.counts
                    {
                        visit(sender);
                    }
                });
            }
        }
    }
}

/// What an assignment comes to.
pub(super) struct Tally {
    /// Of each core.
    pub usage: Vec<Usage>,
    /// Of each core.
    pub load: Vec<Load>,
    /// Messages per step from a core to another.
    pub between: f64,
    /// Messages per step from a core to itself.
    pub within: f64,
    /// Messages per step from the host to a core.
    pub from_host: f64,
}

/// Stands for a core in the sums that stand for sets of cores: 128 bits, so that two
/// different sets do not have the same sum (splitmix64, twice).
fn mark(core: u64) -> u128 {
    let mix = |seed: u64| {
        let mut z = core.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(mix(1)) << 64 | u128::from(mix(1 << 40))
}

/// Counts every core exactly.
pub(super) fn tally(cx: &Context, cores: &[Cells]) -> Tally {
    Routes::new(cx, cores).tally(cx, cores)
}

/// Where every sender's messages go, as long as cores are split.
pub(super) struct Routes {
    senders: Vec<Sender>,
    /// Of each core, what depends on it alone.
    alone: Vec<(Usage, Load)>,
}

/// What is known of a sender, together, as senders are met in no order.
#[derive(Clone, Copy)]
struct Sender {
    /// The sum of its destinations' marks.
    marks: u128,
    /// How many destinations.
    count: u32,
    /// Its core, or [`HOST`].
    core: u32,
    /// Whether its own core is a destination.
    own: bool,
}

impl Routes {
    pub fn new(cx: &Context, cores: &[Cells]) -> Routes {
        let sender = Sender { marks: 0, count: 0, core: HOST, own: false };
        let mut routes = Routes { senders: vec![sender; cx.rate.len()], alone: vec![] };
        for (c, cells) in cores.iter().enumerate() {
            routes.settle(cx, c, cells);
        }
        // Each thread adds the axons of its cores for itself.
        let parts = parallel::chunks(cores, FEW, |first, part| {
            let mut counter = Counter::default();
            let mut routes = Routes { senders: routes.senders.clone(), alone: vec![] };
            for (c, cells) in (first..).zip(part) {
                let alone = routes.count(cx, c, cells, &mut counter);
                routes.alone.push(alone);
            }
            routes
        });
        for part in parts {
            for (sender, more) in routes.senders.iter_mut().zip(part.senders) {
                sender.count += more.count;
                sender.marks = sender.marks.wrapping_add(more.marks);
                sender.own |= more.own;
            }
            routes.alone.extend(part.alone);
        }
        for output in &cx.network.outputs {
            for neuron in output.neurons.iter() {
                let sender = &mut routes.senders[cx.first[output.from] + neuron as usize];
                if sender.core != HOST {
                    sender.count += 1;
                    sender.marks = sender.marks.wrapping_add(mark(u64::from(HOST)));
                }
            }
        }
        routes
    }

    /// Says where neurons are.
    pub fn settle(&mut self, cx: &Context, core: usize, cells: &Cells) {
        for (layer, neurons) in cells {
            for n in neurons {
                self.senders[cx.first[*layer] + *n as usize].core = core as u32;
            }
        }
    }

    /// Adds the axons of a core whose neurons are settled.
    pub fn add(&mut self, cx: &Context, core: usize, cells: &Cells, counter: &mut Counter) {
        let alone = self.count(cx, core, cells, counter);
        if core == self.alone.len() {
            self.alone.push(alone);
        } else {
            self.alone[core] = alone;
        }
    }

    /// Adds the axons of a core to their senders; what depends on this core alone.
    fn count(
        &mut self,
        cx: &Context,
        core: usize,
        cells: &Cells,
        counter: &mut Counter,
    ) -> (Usage, Load) {
        let here = mark(core as u64);
        let senders = &mut self.senders;
        counter.core(cx, cells, |sender| {
            let sender = &mut senders[sender];
            sender.count += 1;
            sender.marks = sender.marks.wrapping_add(here);
            sender.own |= sender.core == core as u32;
        })
    }

    /// Takes the axons of a core back.
    pub fn remove(&mut self, cx: &Context, core: usize, cells: &Cells, counter: &mut Counter) {
        let here = mark(core as u64);
        counter.core(cx, cells, |sender| {
            let sender = &mut self.senders[sender];
            sender.count -= 1;
            sender.marks = sender.marks.wrapping_sub(here);
            sender.own &= sender.core != core as u32;
        });
    }

    /// What all of it comes to.
    pub fn tally(&self, cx: &Context, cores: &[Cells]) -> Tally {
        let mut tally = Tally {
            usage: Vec::with_capacity(cores.len()),
            load: Vec::with_capacity(cores.len()),
            between: 0.0,
            within: 0.0,
            from_host: 0.0,
        };
        for (sender, rate) in self.senders.iter().zip(&cx.rate) {
            let n = f64::from(sender.count);
            if sender.core == HOST {
                tally.from_host += n * rate;
                continue;
            }
            let own = if sender.own { 1.0 } else { 0.0 };
            tally.within += own * rate;
            tally.between += (n - own) * rate;
        }
        // What goes to the host is between no cores.
        for output in &cx.network.outputs {
            for neuron in output.neurons.iter() {
                let sender = cx.first[output.from] + neuron as usize;
                if self.senders[sender].core != HOST {
                    tally.between -= cx.rate[sender];
                }
            }
        }
        for (cells, (usage, load)) in cores.iter().zip(&self.alone) {
            let (mut usage, mut load) = (*usage, *load);
            (usage.axon_map, usage.axon_mem) = (0, 0);
            let mut lists = vec![];
            for (layer, neurons) in cells {
                let (first, channels) = (cx.first[*layer], cx.channels[*layer]);
                let at = |n: &u32| &self.senders[first + *n as usize];
                let list = |n: &u32| (at(n).marks, at(n).count);
                for position in neurons.chunk_by(|a, b| a / channels == b / channels) {
                    let same = position.iter().all(|n| list(n) == list(&position[0]));
                    usage.axon_map += if same { 1 } else { position.len() as u64 };
                }
                lists.clear();
                lists.extend(neurons.iter().map(list).filter(|l| l.1 > 1));
                lists.sort_unstable();
                lists.dedup();
                usage.axon_mem += lists.iter().map(|l| u64::from(l.1)).sum::<u64>();
                load.messages_out += neurons
                    .iter()
                    .map(|n| cx.rate[first + *n as usize] * f64::from(at(n).count))
                    .sum::<f64>();
            }
            tally.usage.push(usage);
            tally.load.push(load);
        }
        tally
    }
}

/// The cores as an assignment.
pub(super) fn assignment(cx: &Context, cores: &[Cells]) -> Assignment {
    let of = |p: &super::super::network::Population| match p.on_chip() {
        true => vec![0; p.neurons as usize],
        false => vec![],
    };
    let mut core_of: Vec<Vec<u32>> = cx.network.populations.iter().map(of).collect();
    for (c, cells) in cores.iter().enumerate() {
        for (layer, neurons) in cells {
            neurons.iter().for_each(|n| core_of[*layer][*n as usize] = c as u32);
        }
    }
    Assignment { cores: cores.len() as u32, core_of }
}
