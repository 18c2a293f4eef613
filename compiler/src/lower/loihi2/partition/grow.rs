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
use super::graph::{Graph, Neighbours};
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

/// Units by what they share with the core.
struct Frontier {
    near: Vec<Near>,
    touched: Vec<u32>,
    /// Those that are raised, kept for its memory.
    open: Vec<(u32, f32)>,
    /// Those whose gain has grown since they were put into the heap.
    changed: Vec<u32>,
    heap: BinaryHeap<(u32, Reverse<u32>)>,
    /// Units that share no more than this are left out as long as the heap has enough.
    floor: u32,
}

/// What is known of a unit, together, as units are met in no order.
#[derive(Clone, Copy, Default)]
struct Near {
    /// What it shares with the core.
    gain: f32,
    /// Whether the gain has grown since the unit was put into the heap.
    changed: bool,
    /// Whether all of it is on cores.
    placed: bool,
}

impl Near {
    /// The gain as bits, which are ordered like the numbers, as these are not negative.
    fn bits(self) -> u32 {
        self.gain.to_bits()
    }
}

/// Units in the heap beyond which the worse half is left out: they come back when their gain
/// grows. A small heap is in the nearest cache.
const WAITING: usize = 2048;

impl Frontier {
    fn new(units: usize) -> Frontier {
        let (near, heap) = (vec![Near::default(); units], BinaryHeap::new());
        Frontier { near, touched: vec![], open: vec![], changed: vec![], heap, floor: 0 }
    }

    /// Raises what units share with the core.
    fn raise(&mut self, units: &[(u32, f32)]) {
        // All are read first, as they are far apart in memory, and so are asked for at once.
        let open = |(unit, _): &&(u32, f32)| !self.near[*unit as usize].placed;
        self.open.clear();
        self.open.extend(units.iter().filter(open));
        for (unit, by) in self.open.drain(..) {
            let near = &mut self.near[unit as usize];
            if near.gain == 0.0 {
                self.touched.push(unit);
            }
            near.gain += by.max(f32::MIN_POSITIVE);
            if !std::mem::replace(&mut near.changed, true) {
                self.changed.push(unit);
            }
        }
    }

    /// Puts those whose gain has grown into the heap.
    fn settle(&mut self) {
        for unit in self.changed.drain(..) {
            let near = &mut self.near[unit as usize];
            near.changed = false;
            if near.bits() > self.floor || self.heap.len() < WAITING / 4 {
                self.heap.push((near.bits(), Reverse(unit)));
            }
        }
        if self.heap.len() > WAITING {
            let mut all = std::mem::take(&mut self.heap).into_vec();
            let half = all.len() / 2;
            let (_, middle, _) = all.select_nth_unstable_by(half, |a, b| b.cmp(a));
            self.floor = middle.0;
            all.truncate(half);
            self.heap = all.into();
        }
    }

    /// The best of all, by gains that may have grown since they were put in.
    fn best(&mut self) -> Option<u32> {
        while let Some((bits, Reverse(unit))) = self.heap.pop() {
            if self.near[unit as usize].bits() == bits {
                return Some(unit);
            }
        }
        None
    }

    fn clear(&mut self) {
        self.touched.drain(..).for_each(|unit| self.near[unit as usize].gain = 0.0);
        self.heap.clear();
        self.floor = 0;
    }
}

/// Cores that have grown.
pub(super) struct Grown {
    /// The core of each vertex.
    pub core_of: Vec<u32>,
    /// What each core uses and does, but for where its spikes go: counted exactly, unless there
    /// are convolutions.
    pub cores: Vec<(Usage, Load)>,
}

/// Puts every vertex on a core.
pub(super) fn grow(graph: &Graph, units: &Units, cap: Cap) -> Grown {
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
        fan_in: vec![],
    };
    let samples = samples(graph);
    let mut found = Neighbours::default();
    let mut frontier = Frontier::new(units.len());
    // How many vertices of each unit are on cores.
    let mut placed = vec![0u32; units.len()];
    let (mut cores, mut seed) = (vec![], 0);
    let mut next = None;
    let first_left = |placed: &[u32], mut seed: u32| {
        while (seed as usize) < placed.len() && placed[seed as usize] == units.size(seed) {
            seed += 1;
        }
        seed
    };
    while (seed as usize) < units.len() {
        let mut misses = 0;
        let mut rest = None;
        loop {
            let unit = match next.take().or_else(|| frontier.best()) {
                Some(unit) => unit,
                None => {
                    seed = first_left(&placed, seed);
                    if seed as usize == units.len() {
                        break;
                    }
                    seed
                }
            };
            let (size, first) = (units.size(unit), placed[unit as usize]);
            // Neurons of one more configuration say nothing of how full the core is.
            if unit != seed && first < size && !core.has_group(units.member(unit, first)) {
                continue;
            }
            let mut at = first;
            while at < size && core.add(units.member(unit, at)) {
                core_of[units.member(unit, at) as usize] = cores.len() as u32;
                at += 1;
            }
            placed[unit as usize] = at;
            frontier.near[unit as usize].placed = at == size;
            for v in (first..at).map(|at| units.member(unit, at)) {
                graph.neighbours(v, samples, &mut found);
                found.vertices.iter_mut().for_each(|(w, _)| *w = units.of(*w));
                frontier.raise(&found.vertices);
            }
            frontier.settle();
            if at < size {
                rest.get_or_insert(unit);
                misses += 1;
                if misses == MISSES || unit == seed {
                    break;
                }
            }
        }
        // What was left of a unit that did not fit begins the next core.
        next = rest;
        cores.push(core.clear());
        frontier.clear();
        seed = first_left(&placed, seed);
    }
    Grown { core_of, cores }
}
