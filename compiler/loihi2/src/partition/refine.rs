//! Single vertices moved to the core that saves most messages, while the core has room.
//!
//! What a move saves is counted exactly: of each sender, which cores its targets are on. What
//! it takes of a core is counted by synapses of all projections together, which is exact but
//! where two of them join the same neurons; the last check counts everything again.

use super::super::mapped::Load;
use super::super::resources::{Resource, Usage, axon_words};
use super::bins::Cap;
use super::graph::{Graph, NONE};

/// Destinations that a pass may look at, which bounds the time.
const VISITS: u64 = 100_000_000;
/// Destinations that a sender may get beyond those it has at first, which bounds the memory.
const ROOM: usize = 3;
/// Senders, at most, whose spread is looked at to know whether there is time for it.
const SAMPLED: usize = 100_000;
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

/// On which cores the targets of each sender are, and how many.
struct Spread {
    starts: Vec<usize>,
    used: Vec<u32>,
    lists: Vec<(u32, u32)>,
}

impl Spread {
    fn new(graph: &Graph, core_of: &[u32], cores: usize) -> Spread {
        let senders = graph.cx.rate.len();
        let (mut starts, mut used) = (vec![0], vec![]);
        let mut seen = vec![usize::MAX; cores];
        for sender in 0..senders {
            let mut distinct = 0;
            for t in graph.targets(sender) {
                let core = core_of[*t as usize] as usize;
                distinct += u32::from(std::mem::replace(&mut seen[core], sender) != sender);
            }
            let room = (distinct as usize + ROOM).min(graph.targets(sender).len());
            starts.push(starts[sender] + room);
            used.push(distinct);
        }
        let mut spread = Spread { lists: vec![(NONE, 0); starts[senders]], starts, used };
        spread.used.fill(0);
        for sender in 0..senders {
            for t in graph.targets(sender) {
                spread.add(sender, core_of[*t as usize], 1);
            }
        }
        spread
    }

    fn of(&self, sender: usize) -> &[(u32, u32)] {
        let first = self.starts[sender];
        &self.lists[first..first + self.used[sender] as usize]
    }

    fn count(&self, sender: usize, core: u32) -> u64 {
        self.of(sender).iter().find(|(c, _)| *c == core).map_or(0, |(_, n)| u64::from(*n))
    }

    /// Whether a core can be added to a sender's list.
    fn has_room(&self, sender: usize) -> bool {
        self.starts[sender] + (self.used[sender] as usize) < self.starts[sender + 1]
    }

    fn add(&mut self, sender: usize, core: u32, n: u32) {
        let (first, used) = (self.starts[sender], self.used[sender] as usize);
        match self.lists[first..first + used].iter_mut().find(|(c, _)| *c == core) {
            Some((_, count)) => *count += n,
            None => {
                self.lists[first + used] = (core, n);
                self.used[sender] += 1;
            }
        }
    }

    fn remove(&mut self, sender: usize, core: u32, n: u32) {
        let (first, used) = (self.starts[sender], self.used[sender] as usize);
        let list = &mut self.lists[first..first + used];
        if let Some(at) = list.iter().position(|(c, _)| *c == core) {
            list[at].1 -= n.min(list[at].1);
            if list[at].1 == 0 {
                list.swap(at, used - 1);
                self.used[sender] -= 1;
            }
        }
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
    let spread = Spread::new(graph, core_of, usage.len());
    let sums = || Sums { of: vec![0.0; usage.len()], touched: vec![] };
    let (reached, saved) = (sums(), sums());
    let edges = vec![];
    let mut mover = Mover { graph, core_of, usage, load, cap, spread, edges, reached, saved };
    // After the first pass only those whose surroundings have changed.
    let mut again = vec![true; graph.len() as usize];
    for _ in 0..PASSES {
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

/// Whether there is time for it: with many destinations each there is little to gather, and
/// much to look at.
pub(super) fn affordable(graph: &Graph, core_of: &[u32], cores: usize) -> bool {
    graph.synapses * fan(graph, core_of, cores) <= VISITS
}

/// On how many cores the targets of a sender are, rounded up, on average over synapses; of some
/// senders where there are very many.
fn fan(graph: &Graph, core_of: &[u32], cores: usize) -> u64 {
    let mut seen = vec![usize::MAX; cores];
    let (mut all, mut synapses) = (0u64, 0u64);
    let senders = graph.cx.rate.len();
    for sender in (0..senders).step_by(senders.div_ceil(SAMPLED).max(1)) {
        let mut distinct = 0;
        for t in graph.targets(sender) {
            let core = core_of[*t as usize] as usize;
            distinct += u64::from(std::mem::replace(&mut seen[core], sender) != sender);
        }
        let targets = graph.targets(sender).len() as u64;
        synapses += targets;
        all += distinct * targets;
    }
    all.div_ceil(synapses.max(1))
}

/// An edge that reaches a vertex.
#[derive(Clone, Copy)]
struct Edge {
    sender: usize,
    /// A projection that it has.
    q: usize,
    /// Its synapses with the vertex.
    own: u32,
}

struct Mover<'g, 'a, 'b> {
    graph: &'g Graph<'a, 'b>,
    core_of: &'g mut [u32],
    usage: &'g mut [Usage],
    load: &'g mut [Load],
    cap: Cap,
    spread: Spread,
    /// Those of a vertex, by sender; kept for its memory.
    edges: Vec<Edge>,
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
        let own_sender = graph.sender(v);
        let mut edges = std::mem::take(&mut self.edges);
        edges.clear();
        graph.sources(v, |q, _, sender| edges.push(Edge { sender, q, own: 1 }));
        edges.sort_unstable_by_key(|e| (e.sender, e.q));
        edges.dedup_by(|b, a| {
            let same = a.sender == b.sender;
            a.own += if same { b.own } else { 0 };
            same
        });
        // What is saved when `v` leaves, whatever it goes to, less what each edge would cost.
        let mut leaving = 0.0;
        let mut own_synapses = 0;
        for Edge { sender, q, own } in &edges {
            if *sender == own_sender {
                own_synapses = *own;
                continue;
            }
            let rate = cx.rate[*sender];
            let from = self.core_of_sender(cx.network.projections[*q].from, *sender);
            let mut stays = from == home;
            if from != NONE {
                self.reached.add(from, rate);
            }
            for (core, n) in self.spread.of(*sender) {
                let others = *core != home || n > own;
                stays |= *core == home && others;
                if others && *core != from {
                    self.reached.add(*core, rate);
                }
            }
            leaving += if stays { -rate } else { 0.0 };
        }
        // Its own edge: the core that it is on needs no message.
        for (core, n) in self.spread.of(own_sender) {
            if *core != home || *n > own_synapses {
                self.saved.add(*core, cx.rate[own_sender]);
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
    fn shift(&mut self, v: u32, to: u32, edges: &[Edge], destinations: u64) -> bool {
        let (cx, f, graph) = (self.graph.cx, self.graph.cx.figures(), self.graph);
        let home = self.core_of[v as usize];
        let mut there = (self.usage[to as usize], self.load[to as usize]);
        let mut here = (self.usage[home as usize], self.load[home as usize]);
        let (mut longer, mut shorter) = (vec![], vec![]);
        for Edge { sender, q, own } in edges {
            let after = self.spread.count(*sender, to);
            let own = u64::from(*own);
            let before = self.spread.count(*sender, home).saturating_sub(own);
            if after == 0 && before > 0 && !self.spread.has_room(*sender) {
                return false;
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
        for Edge { sender, own, .. } in edges {
            self.spread.remove(*sender, home, *own);
            self.spread.add(*sender, to, *own);
        }
        true
    }
}
