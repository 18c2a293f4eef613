//! Single vertices moved to the core that saves most messages, while the core has room.
//!
//! What a move saves is counted exactly: of each sender, which cores its targets are on. What
//! it takes of a core is counted by synapses of all projections together, which is exact but
//! where two of them join the same neurons; the last check counts everything again.

use super::super::mapped::Load;
use super::super::resources::{Resource, Usage, axon_words};
use super::bins::Cap;
use super::graph::{Graph, NONE};

/// Targets looked at in all passes together, which bounds the time.
const VISITS: u64 = 500_000_000;
/// Passes at most.
const PASSES: usize = 12;
/// A pass that saves a smaller share of the messages is the last.
const WORTH: f64 = 2e-3;

/// A table by core that is emptied in the time it took to fill.
struct Sums {
    of: Vec<f64>,
    touched: Vec<u32>,
}

impl Sums {
    fn add(&mut self, core: u32, by: f64) {
        if self.of[core as usize] == 0.0 {
            self.touched.push(core);
        }
        self.of[core as usize] += by.max(f64::MIN_POSITIVE);
    }

    fn clear(&mut self) {
        self.touched.drain(..).for_each(|core| self.of[core as usize] = 0.0);
    }
}

/// Moves vertices. `usage` and `load` are those of the cores, `messages` all between them.
pub(super) fn refine(
    graph: &Graph,
    core_of: &mut [u32],
    usage: &mut [Usage],
    load: &mut [Load],
    messages: f64,
    cap: Cap,
) {
    let mut pass = 0u64;
    for v in 0..graph.len() {
        graph.sources(v, |_, _, sender| pass += graph.targets(sender).len() as u64);
    }
    let passes = (VISITS / pass.max(1)).min(PASSES as u64);
    let sums = || Sums { of: vec![0.0; usage.len()], touched: vec![] };
    let (reached, saved) = (sums(), sums());
    let seen = vec![0; usage.len()];
    let mut mover =
        Mover { graph, core_of, usage, load, cap, seen, net: 0, edges: vec![], reached, saved };
    // After the first pass only those whose surroundings have changed.
    let mut again = vec![true; graph.len() as usize];
    for _ in 0..passes {
        let mut gained = 0.0;
        for v in 0..graph.len() {
            if std::mem::take(&mut again[v as usize]) {
                let gain = mover.improve(v);
                if gain > 0.0 {
                    mover.wake(v, &mut again);
                }
                gained += gain;
            }
        }
        if gained <= messages * WORTH {
            break;
        }
    }
}

struct Mover<'g, 'a, 'b> {
    graph: &'g Graph<'a, 'b>,
    core_of: &'g mut [u32],
    usage: &'g mut [Usage],
    load: &'g mut [Load],
    cap: Cap,
    /// By core, the edge that met it last.
    seen: Vec<u64>,
    net: u64,
    /// Edges that reach a vertex, by sender, with a projection; kept for its memory.
    edges: Vec<(usize, usize)>,
    /// Rates of edges that reach or leave a core.
    reached: Sums,
    saved: Sums,
}

impl Mover<'_, '_, '_> {
    fn core_of_sender(&self, population: usize, sender: usize) -> u32 {
        match self.graph.vertex(population, sender) {
            NONE => NONE,
            vertex => self.core_of[vertex as usize],
        }
    }

    /// Marks all that shares an edge with a vertex.
    fn wake(&self, v: u32, again: &mut [bool]) {
        let graph = self.graph;
        let mut wake = |t: &u32| again[*t as usize] = true;
        graph.targets(graph.sender(v)).iter().for_each(&mut wake);
        graph.sources(v, |q, _, sender| {
            graph.targets(sender).iter().for_each(&mut wake);
            let from = graph.vertex(graph.cx.network.projections[q].from, sender);
            if from != NONE {
                wake(&from);
            }
        });
    }

    /// Moves a vertex if that saves messages: how many per step.
    fn improve(&mut self, v: u32) -> f64 {
        let (cx, graph) = (self.graph.cx, self.graph);
        let home = self.core_of[v as usize];
        let own = graph.sender(v);
        let mut edges = std::mem::take(&mut self.edges);
        edges.clear();
        graph.sources(v, |q, _, sender| edges.push((sender, q)));
        edges.sort_unstable();
        edges.dedup_by_key(|(sender, _)| *sender);
        // What is saved when `v` leaves, whatever it goes to, less what each edge would cost.
        let mut leaving = 0.0;
        for (sender, q) in edges.iter().filter(|(sender, _)| *sender != own) {
            let rate = cx.rate[*sender];
            let from = self.core_of_sender(cx.network.projections[*q].from, *sender);
            self.net += 1;
            let mut stays = from == home;
            if from != NONE {
                self.seen[from as usize] = self.net;
                self.reached.add(from, rate);
            }
            for t in graph.targets(*sender) {
                let core = self.core_of[*t as usize];
                stays |= core == home && *t != v;
                if *t != v && self.seen[core as usize] != self.net {
                    self.seen[core as usize] = self.net;
                    self.reached.add(core, rate);
                }
            }
            leaving += if stays { -rate } else { 0.0 };
        }
        // Its own edge: the core that it is on needs no message.
        self.net += 1;
        for t in graph.targets(own).iter().filter(|t| **t != v) {
            let core = self.core_of[*t as usize];
            if self.seen[core as usize] != self.net {
                self.seen[core as usize] = self.net;
                self.saved.add(core, cx.rate[own]);
            }
        }
        let destinations = self.saved.touched.len() as u64;
        leaving -= self.saved.of[home as usize];
        let mut best = (1e-9, home);
        for core in self.reached.touched.iter().chain(&self.saved.touched) {
            let gain = leaving + self.reached.of[*core as usize] + self.saved.of[*core as usize];
            if gain > best.0 && *core != home {
                best = (gain, *core);
            }
        }
        self.reached.clear();
        self.saved.clear();
        let moved = best.1 != home && self.shift(v, best.1, &edges, destinations);
        self.edges = edges;
        if moved { best.0 } else { 0.0 }
    }

    /// Moves a vertex if there is room.
    fn shift(&mut self, v: u32, to: u32, edges: &[(usize, usize)], destinations: u64) -> bool {
        let (cx, f, graph) = (self.graph.cx, self.graph.cx.figures(), self.graph);
        let home = self.core_of[v as usize];
        let mut there = (self.usage[to as usize], self.load[to as usize]);
        let mut here = (self.usage[home as usize], self.load[home as usize]);
        let (mut longer, mut shorter) = (vec![], vec![]);
        for (sender, q) in edges {
            let (mut before, mut after, mut own) = (0, 0, 0);
            for t in graph.targets(*sender) {
                let core = self.core_of[*t as usize];
                own += u64::from(*t == v);
                before += u64::from(core == home && *t != v);
                after += u64::from(core == to);
            }
            let format = cx.network.projections[*q].format;
            let words = |n| axon_words(f, format, n);
            there.0.syn_words += words(after + own) - words(after);
            let less = words(before + own) - words(before);
            here.0.syn_words = here.0.syn_words.saturating_sub(less);
            let rate = cx.rate[*sender];
            there.1.synops[0] += rate * own as f64;
            here.1.synops[0] -= rate * own as f64;
            let from = match graph.vertex(cx.network.projections[*q].from, *sender) {
                vertex if vertex == v => to,
                NONE => NONE,
                vertex => self.core_of[vertex as usize],
            };
            if after == 0 {
                there.0.axon_in += 1;
                there.1.messages_in += rate;
                longer.push(from);
            }
            if before == 0 {
                here.0.axon_in = here.0.axon_in.saturating_sub(1);
                here.1.messages_in -= rate;
                shorter.push(from);
            }
        }
        let own = graph.sender(v);
        let list = if destinations > 1 { destinations } else { 0 };
        let out = cx.rate[own] * destinations as f64;
        there.0.neurons += 1;
        there.0.axon_map += 1;
        there.0.axon_mem += list;
        there.1.updates += 1.0;
        there.1.spikes += cx.rate[own];
        there.1.messages_out += out;
        here.0.neurons = here.0.neurons.saturating_sub(1);
        here.0.axon_map = here.0.axon_map.saturating_sub(1);
        here.0.axon_mem = here.0.axon_mem.saturating_sub(list);
        here.1.updates -= 1.0;
        here.1.spikes -= cx.rate[own];
        here.1.messages_out -= out;
        if !self.cap.holds(cx, &there.0, &there.1) || here.0.neurons == 0 {
            return false;
        }
        let full = |core: &u32| {
            *core != NONE && *core != to && *core != home && {
                let usage = &self.usage[*core as usize];
                usage.total() + 8 > cx.profile.limit(Resource::Total)
                    || usage.axon_mem + 8 > cx.profile.limit(Resource::AxonMem)
            }
        };
        if longer.iter().any(full) {
            return false;
        }
        (self.usage[to as usize], self.load[to as usize]) = there;
        (self.usage[home as usize], self.load[home as usize]) = here;
        for core in longer.into_iter().filter(|core| *core != NONE) {
            self.usage[core as usize].axon_mem += 1;
        }
        for core in shorter.into_iter().filter(|core| *core != NONE) {
            let memory = &mut self.usage[core as usize].axon_mem;
            *memory = memory.saturating_sub(1);
        }
        self.core_of[v as usize] = to;
        true
    }
}
