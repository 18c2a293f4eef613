//! Cores of an irregular network, filled one after another.
//!
//! A core takes the unit that shares most with what it holds already, until the next vertex
//! does not fit: axons, words and groups are counted exactly as it grows. Only how many
//! destinations a neuron will have is not known yet.

use super::super::mapped::Load;
use super::super::network::Synapses;
use super::super::resources::{Usage, axon_words, kernel_words};
use super::bins::Cap;
use super::cluster::{Units, samples};
use super::frontier::Frontier;
use super::graph::{Graph, Neighbours};
use crate::parallel;

/// Later cores gather fewer targets of a sender than earlier ones.
const MARGIN: f64 = 1.15;
/// How many vertices that do not fit are met before a core is closed.
const MISSES: usize = 3;

/// The core that is being filled.
#[derive(Clone)]
struct Core<'g, 'a, 'b> {
    graph: &'g Graph<'a, 'b>,
    cap: Cap,
    /// Destinations that a neuron has for each of its targets, as on the cores that are full:
    /// there, an axon is a destination and a synapse a target.
    spread: f64,
    axons: u64,
    synapses: u64,
    /// Axons and synapses of this core whose senders are on cores.
    here: (u64, u64),
    usage: Usage,
    load: Load,
    axon_mem: f64,
    groups: Vec<(usize, u16)>,
    /// Synapses by input of a projection, and the inputs in use.
    counts: Vec<u32>,
    inputs: Vec<usize>,
    /// Senders with an axon here.
    met: Vec<bool>,
    senders: Vec<usize>,
    /// The synapses of the vertex that is added: projection, input and sender. Kept for its
    /// memory.
    fan_in: Vec<(usize, usize, usize)>,
}

impl Core<'_, '_, '_> {
    /// Whether a vertex is of a configuration that is here, or another may come.
    fn has_group(&self, v: u32) -> bool {
        let (layer, neuron) = self.graph.neuron(v);
        let (cx, here) = (self.graph.cx, &self.groups);
        (here.len() as u64) < cx.figures().neuron_groups
            || here.contains(&(layer, cx.config(layer, neuron)))
    }

    /// Adds a vertex if it fits, or if there is no other.
    fn add(&mut self, v: u32) -> bool {
        let (cx, f) = (self.graph.cx, self.graph.cx.figures());
        let before = (self.usage, self.load, self.axon_mem, self.here);
        let marks = (self.inputs.len(), self.senders.len(), self.groups.len());
        let (layer, neuron) = self.graph.neuron(v);
        let own = self.graph.sender(v);
        let group = (layer, cx.config(layer, neuron));
        if !self.groups.contains(&group) {
            self.groups.push(group);
            self.usage.neuron_groups += 1;
        }
        self.usage.neurons += 1;
        self.usage.axon_map += 1;
        self.load.updates += 1.0;
        self.load.spikes += cx.rate[own];
        let destinations = self.graph.targets(own).len() as f64 * self.spread;
        self.axon_mem += if destinations > 1.0 { destinations } else { 0.0 };
        self.load.messages_out += cx.rate[own] * destinations;
        let mut fan_in = std::mem::take(&mut self.fan_in);
        fan_in.clear();
        self.graph.sources(v, |q, input, sender| fan_in.push((q, input, sender)));
        // One loop after the other: what each looks up is far apart in memory, and is asked for
        // all at once.
        for (q, input, _) in &fan_in {
            let projection = &cx.network.projections[*q];
            let n = u64::from(self.counts[*input]);
            self.counts[*input] += 1;
            self.inputs.push(*input);
            match &projection.synapses {
                // A kernel is stored once; all of its rows and channels, to be safe.
                Synapses::Conv(conv) => {
                    let channels = u64::from(conv.output[2] / conv.groups.max(1));
                    let words = kernel_words(f, projection.format, conv, &[channels]);
                    self.usage.syn_words = self.usage.syn_words.max(words);
                }
                _ => {
                    let format = projection.format;
                    self.usage.syn_words += axon_words(f, format, n + 1) - axon_words(f, format, n);
                }
            }
        }
        for (q, _, sender) in &fan_in {
            let from = cx.network.projections[*q].from;
            let on_core = u64::from(cx.network.populations[from].on_chip());
            let rate = self.graph.rate(*sender);
            self.here.1 += on_core;
            self.load.synops[0] += rate;
            if !std::mem::replace(&mut self.met[*sender], true) {
                self.senders.push(*sender);
                self.here.0 += on_core;
                self.usage.axon_in += 1;
                self.load.messages_in += rate;
            }
        }
        self.fan_in = fan_in;
        self.usage.axon_mem = self.axon_mem.ceil() as u64;
        if self.usage.neurons > 1 && !self.cap.holds(cx, &self.usage, &self.load) {
            (self.usage, self.load, self.axon_mem, self.here) = before;
            self.inputs.drain(marks.0..).for_each(|input| self.counts[input] -= 1);
            self.senders.drain(marks.1..).for_each(|sender| self.met[sender] = false);
            self.groups.truncate(marks.2);
            return false;
        }
        true
    }

    /// Begins the next core; what this one came to.
    fn clear(&mut self) -> (Usage, Load) {
        self.axons += self.here.0;
        self.synapses += self.here.1;
        self.here = (0, 0);
        let spread = self.axons as f64 * MARGIN / self.synapses.max(1) as f64;
        self.spread = spread.min(1.0);
        self.inputs.drain(..).for_each(|input| self.counts[input] = 0);
        self.senders.drain(..).for_each(|sender| self.met[sender] = false);
        self.groups.clear();
        self.axon_mem = 0.0;
        let (usage, load) = (std::mem::take(&mut self.usage), std::mem::take(&mut self.load));
        (Usage { axon_mem: 0, ..usage }, Load { messages_out: 0.0, ..load })
    }
}

/// Cores that have grown.
#[derive(Clone)]
pub(super) struct Grown {
    /// The core of each vertex.
    pub core_of: Vec<u32>,
    /// What each core uses and does, but for where its spikes go: counted exactly, unless there
    /// are convolutions.
    pub cores: Vec<(Usage, Load)>,
}

/// Puts every vertex on a core.
pub(super) fn grow(graph: &Graph, units: &Units, cap: Cap) -> Grown {
    let mut growth = Growth::new(graph, units, cap);
    while growth.grown.cores.len() < PROBED && growth.find_seed() {
        growth.fill();
    }
    if growth.scattered() {
        return growth.in_halves();
    }
    growth.run();
    growth.grown
}

/// Cores after which it is known whether neurons have neighbours.
const PROBED: usize = 16;
/// They have none where cores have more axons than this share of their synapses.
const SCATTERED: f64 = 0.7;

/// Cores that are growing.
#[derive(Clone)]
struct Growth<'g, 'a, 'b> {
    graph: &'g Graph<'a, 'b>,
    units: &'g Units,
    samples: usize,
    core: Core<'g, 'a, 'b>,
    frontier: Frontier,
    found: Neighbours,
    /// How many vertices of each unit are on cores.
    placed: Vec<u32>,
    /// All units before this are on cores.
    seed: u32,
    /// The unit of which a part did not fit the core before.
    next: Option<u32>,
    grown: Grown,
}

impl<'g, 'a, 'b> Growth<'g, 'a, 'b> {
    fn new(graph: &'g Graph<'a, 'b>, units: &'g Units, cap: Cap) -> Growth<'g, 'a, 'b> {
        let core_of = vec![u32::MAX; graph.len() as usize];
        let core = Core {
            graph,
            cap,
            spread: 1.0,
            axons: 0,
            synapses: 0,
            here: (0, 0),
            usage: Usage::default(),
            load: Load::default(),
            axon_mem: 0.0,
            groups: vec![],
            counts: vec![0; graph.inputs],
            inputs: vec![],
            met: vec![false; graph.cx.rate.len()],
            senders: vec![],
            fan_in: vec![],
        };
        Growth {
            graph,
            units,
            samples: samples(graph),
            core,
            frontier: Frontier::new(units.len()),
            found: Neighbours::default(),
            placed: vec![0; units.len()],
            seed: 0,
            next: None,
            grown: Grown { core_of, cores: vec![] },
        }
    }

    /// Goes to the first unit that is not all on cores; whether there is one.
    fn find_seed(&mut self) -> bool {
        let whole = |seed: u32| self.placed[seed as usize] == self.units.size(seed);
        while (self.seed as usize) < self.units.len() && whole(self.seed) {
            self.seed += 1;
        }
        (self.seed as usize) < self.units.len()
    }

    /// Fills a core.
    fn fill(&mut self) {
        let mut misses = 0;
        let mut rest = None;
        loop {
            let unit = match self.next.take().or_else(|| self.frontier.best()) {
                Some(unit) => unit,
                None if self.find_seed() => self.seed,
                None => break,
            };
            let (size, first) = (self.units.size(unit), self.placed[unit as usize]);
            let group = |core: &Core, units: &Units| core.has_group(units.member(unit, first));
            // Neurons of one more configuration say nothing of how full the core is.
            if unit != self.seed && first < size && !group(&self.core, self.units) {
                continue;
            }
            if !self.add(unit) {
                rest.get_or_insert(unit);
                misses += 1;
                if misses == MISSES || unit == self.seed {
                    break;
                }
            }
        }
        // What was left of a unit that did not fit begins the next core.
        self.next = rest;
        self.grown.cores.push(self.core.clear());
        self.frontier.clear();
    }

    /// Adds as much of a unit as fits; whether that is all.
    fn add(&mut self, unit: u32) -> bool {
        let (units, size) = (self.units, self.units.size(unit));
        let first = self.placed[unit as usize];
        let here = self.grown.cores.len() as u32;
        let mut at = first;
        while at < size && self.core.add(units.member(unit, at)) {
            self.grown.core_of[units.member(unit, at) as usize] = here;
            at += 1;
        }
        self.placed[unit as usize] = at;
        self.frontier.place(unit, at == size);
        for v in (first..at).map(|at| units.member(unit, at)) {
            self.graph.neighbours(v, self.samples, &mut self.found);
            self.found.vertices.iter_mut().for_each(|(w, _)| *w = units.of(*w));
            self.frontier.raise(&self.found.vertices);
        }
        self.frontier.settle();
        at == size
    }

    /// Whether neurons have no neighbours to speak of, so that it makes little difference which
    /// of them a core can take.
    fn scattered(&self) -> bool {
        let single = matches!(self.units, Units::Single(_));
        single && self.core.axons as f64 > SCATTERED * self.core.synapses as f64
    }

    /// Two halves of what is left, each on cores of its own: at the same time.
    fn in_halves(mut self) -> Grown {
        let left: Vec<u32> = (self.seed..self.units.len() as u32)
            .filter(|unit| self.placed[*unit as usize] < self.units.size(*unit))
            .collect();
        let mut other = self.clone();
        other.grown.core_of.fill(u32::MAX);
        other.grown.cores.clear();
        let (low, high) = left.split_at(left.len() / 2);
        for (half, foreign) in [(&mut self, high), (&mut other, low)] {
            half.next = None;
            for unit in foreign {
                half.placed[*unit as usize] = half.units.size(*unit);
                half.frontier.place(*unit, true);
            }
        }
        parallel::both(|| self.run(), || other.run());
        let before = self.grown.cores.len() as u32;
        for (core, core_of_other) in self.grown.core_of.iter_mut().zip(other.grown.core_of) {
            if core_of_other != u32::MAX {
                *core = before + core_of_other;
            }
        }
        self.grown.cores.extend(other.grown.cores);
        self.grown
    }

    /// Fills cores until nothing is left.
    fn run(&mut self) {
        while self.find_seed() {
            self.fill();
        }
    }
}
