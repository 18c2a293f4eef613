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
use super::graph::Graph;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Later cores gather fewer targets of a sender than earlier ones.
const MARGIN: f64 = 1.15;
/// How many vertices that do not fit are met before a core is closed.
const MISSES: usize = 3;

/// The core that is being filled.
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
        self.graph.sources(v, |q, input, sender| {
            let projection = &cx.network.projections[q];
            let on_core = u64::from(cx.network.populations[projection.from].on_chip());
            self.here.1 += on_core;
            let n = u64::from(self.counts[input]);
            self.counts[input] += 1;
            self.inputs.push(input);
            self.load.synops[0] += cx.rate[sender];
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
            if !self.met[sender] {
                self.met[sender] = true;
                self.senders.push(sender);
                self.here.0 += on_core;
                self.usage.axon_in += 1;
                self.load.messages_in += cx.rate[sender];
            }
        });
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

    /// Begins the next core.
    fn clear(&mut self) {
        self.axons += self.here.0;
        self.synapses += self.here.1;
        self.here = (0, 0);
        let spread = self.axons as f64 * MARGIN / self.synapses.max(1) as f64;
        self.spread = spread.min(1.0);
        self.inputs.drain(..).for_each(|input| self.counts[input] = 0);
        self.senders.drain(..).for_each(|sender| self.met[sender] = false);
        self.groups.clear();
        (self.usage, self.load, self.axon_mem) = (Usage::default(), Load::default(), 0.0);
    }
}

/// Units by what they share with the core.
struct Frontier {
    gain: Vec<f32>,
    touched: Vec<u32>,
    /// Those whose gain has grown since they were put into the heap.
    changed: Vec<u32>,
    fresh: Vec<bool>,
    /// Gains as bits, which are ordered like the numbers, as these are not negative.
    heap: BinaryHeap<(u32, Reverse<u32>)>,
}

impl Frontier {
    fn new(units: usize) -> Frontier {
        let (gain, fresh) = (vec![0.0; units], vec![false; units]);
        Frontier { gain, touched: vec![], changed: vec![], fresh, heap: BinaryHeap::new() }
    }

    fn raise(&mut self, unit: u32, by: f32) {
        if self.gain[unit as usize] == 0.0 {
            self.touched.push(unit);
        }
        self.gain[unit as usize] += by.max(f32::MIN_POSITIVE);
        if !std::mem::replace(&mut self.fresh[unit as usize], true) {
            self.changed.push(unit);
        }
    }

    /// Puts those whose gain has grown into the heap.
    fn settle(&mut self) {
        for unit in self.changed.drain(..) {
            self.fresh[unit as usize] = false;
            self.heap.push((self.gain[unit as usize].to_bits(), Reverse(unit)));
        }
    }

    /// The best of all, by gains that may have grown since they were put in.
    fn best(&mut self) -> Option<usize> {
        while let Some((bits, Reverse(unit))) = self.heap.pop() {
            if self.gain[unit as usize].to_bits() == bits {
                return Some(unit as usize);
            }
        }
        None
    }

    fn clear(&mut self) {
        self.touched.drain(..).for_each(|unit| self.gain[unit as usize] = 0.0);
        self.heap.clear();
    }
}

/// The core of each vertex, and how many cores.
pub(super) fn grow(graph: &Graph, units: &Units, cap: Cap) -> (Vec<u32>, u32) {
    let mut core_of = vec![u32::MAX; graph.len() as usize];
    let mut core = Core {
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
    };
    let samples = samples(graph);
    let mut frontier = Frontier::new(units.len());
    // How many vertices of each unit are on cores.
    let mut placed = vec![0usize; units.len()];
    let (mut cores, mut seed) = (0u32, 0);
    let mut next = None;
    while seed < units.len() {
        let mut misses = 0;
        let mut rest = None;
        loop {
            let unit = match next.take().or_else(|| frontier.best()) {
                Some(unit) => unit,
                None => {
                    while seed < units.len() && placed[seed] == units.members(seed).len() {
                        seed += 1;
                    }
                    if seed == units.len() {
                        break;
                    }
                    seed
                }
            };
            let members = units.members(unit);
            let first = placed[unit];
            // Neurons of one more configuration say nothing of how full the core is.
            if unit != seed && members.get(first).is_some_and(|v| !core.has_group(*v)) {
                continue;
            }
            while placed[unit] < members.len() && core.add(members[placed[unit]]) {
                core_of[members[placed[unit]] as usize] = cores;
                placed[unit] += 1;
            }
            for v in &members[first..placed[unit]] {
                graph.neighbours(*v, samples, |w, weight| {
                    let unit = units.of[w as usize];
                    if placed[unit as usize] < units.members(unit as usize).len() {
                        frontier.raise(unit, weight);
                    }
                });
            }
            frontier.settle();
            if placed[unit] < members.len() {
                rest.get_or_insert(unit);
                misses += 1;
                if misses == MISSES || unit == seed {
                    break;
                }
            }
        }
        // What was left of a unit that did not fit begins the next core.
        next = rest;
        core.clear();
        frontier.clear();
        cores += 1;
        while seed < units.len() && placed[seed] == units.members(seed).len() {
            seed += 1;
        }
    }
    (core_of, cores)
}
