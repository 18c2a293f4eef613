//! Coarsening: vertices that exchange most messages become units, level by level.
//!
//! First-choice clustering, as multilevel partitioners have it (Karypis, Kumar 2000): each unit
//! joins the neighbour that it shares most with, as long as both together are a small part of
//! a core. The level of vertices costs two visits to each synapse and to some of its sender's
//! others; those above know only the heaviest links of their units.

use super::super::resources::Resource;
use super::graph::{Graph, Neighbours};

/// Units are at most one part in this many of a core.
const PARTS: u64 = 12;
/// Levels at most.
const LEVELS: usize = 12;
/// Links of a unit that the next level knows, which bounds memory and time.
const LINKS: usize = 24;
/// Visits to other targets of a sender in the first level, which bounds the time.
const VISITS: u64 = 12_000_000;
/// Other targets of a sender that are looked at.
const SAMPLES: u64 = 4;

/// Sets of vertices.
pub(super) enum Units {
    /// Each vertex by itself; how many.
    Single(u32),
    /// Vertices that were joined.
    Joined(Joined),
}

impl Units {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Units::Single(count) => *count as usize,
            Units::Joined(joined) => joined.starts.len() - 1,
        }
    }

    /// The unit of a vertex.
    pub fn of(&self, vertex: u32) -> u32 {
        match self {
            Units::Single(_) => vertex,
            Units::Joined(joined) => joined.of[vertex as usize],
        }
    }

    /// How many vertices a unit has.
    pub fn size(&self, unit: u32) -> u32 {
        match self {
            Units::Single(_) => 1,
            Units::Joined(joined) => joined.members(unit as usize).len() as u32,
        }
    }

    /// A vertex of a unit, below its size.
    pub fn member(&self, unit: u32, at: u32) -> u32 {
        match self {
            Units::Single(_) => unit,
            Units::Joined(joined) => joined.members(unit as usize)[at as usize],
        }
    }
}

/// Vertices by unit, both ways.
pub(super) struct Joined {
    /// The unit of each vertex.
    of: Vec<u32>,
    /// Where the vertices of each unit stand.
    starts: Vec<u32>,
    /// Vertices, unit by unit.
    vertices: Vec<u32>,
}

impl Joined {
    fn new(of: Vec<u32>, count: usize) -> Joined {
        let mut starts = vec![0u32; count + 2];
        of.iter().for_each(|u| starts[*u as usize + 2] += 1);
        (2..starts.len()).for_each(|i| starts[i] += starts[i - 1]);
        let mut vertices = vec![0; of.len()];
        for (v, u) in of.iter().enumerate() {
            let at = &mut starts[*u as usize + 1];
            vertices[*at as usize] = v as u32;
            *at += 1;
        }
        starts.pop();
        Joined { of, starts, vertices }
    }

    fn members(&self, unit: usize) -> &[u32] {
        &self.vertices[self.starts[unit] as usize..self.starts[unit + 1] as usize]
    }
}

/// How many of a sender's targets are looked at in a network of this size.
pub(super) fn samples(graph: &Graph) -> usize {
    (VISITS / graph.synapses.max(1)).clamp(1, SAMPLES) as usize
}

/// What a unit may be at most.
struct Most {
    demand: u64,
    neurons: u32,
}

/// A level: what its units are, and which others each shares messages with.
struct Level {
    demand: Vec<u64>,
    neurons: Vec<u32>,
    /// Where the links of each unit stand; empty on the level of vertices, whose links are not
    /// listed.
    starts: Vec<usize>,
    links: Vec<(u32, f32)>,
}

/// Units of vertices.
pub(super) fn coarsen(graph: &Graph) -> Units {
    let n = graph.len();
    // A rough measure of what a vertex takes of the shared budget: an axon and a word for
    // each synapse in, and a word of axon memory for each out.
    let demand = |v: u32| {
        let mut fan_in = 0;
        graph.sources(v, |_, _, _| fan_in += 1);
        3 + 2 * fan_in + graph.targets(graph.sender(v)).len() as u64
    };
    let profile = graph.cx.profile;
    let most = Most {
        demand: profile.limit(Resource::Total) / PARTS,
        neurons: (profile.limit(Resource::Neurons) / PARTS) as u32,
    };
    let mut level = Level {
        demand: (0..n).map(demand).collect(),
        neurons: vec![1; n as usize],
        starts: vec![],
        links: vec![],
    };
    let mut of: Vec<u32> = (0..n).collect();
    for _ in 0..LEVELS {
        let root = level.join(graph, &most);
        let next = level.contract(graph, root, &mut of);
        let slow = next.demand.len() * 10 > level.demand.len() * 9;
        level = next;
        if slow {
            break;
        }
    }
    Units::Joined(Joined::new(of, level.demand.len()))
}

impl Level {
    fn links<'l>(
        &'l self,
        graph: &Graph,
        unit: usize,
        found: &'l mut Neighbours,
    ) -> &'l [(u32, f32)] {
        match self.starts.get(unit..unit + 2) {
            Some(at) => &self.links[at[0]..at[1]],
            None => {
                graph.neighbours(unit as u32, samples(graph), found);
                &found.vertices
            }
        }
    }

    /// Which unit each joins, itself where it does not or where others have joined it.
    fn join(&mut self, graph: &Graph, most: &Most) -> Vec<u32> {
        let count = self.demand.len();
        let mut root: Vec<u32> = (0..count as u32).collect();
        let mut grown = vec![false; count];
        let mut sums = Sums::new(count);
        let mut found = Neighbours::default();
        for u in 0..count {
            if grown[u] {
                continue;
            }
            for (other, weight) in self.links(graph, u, &mut found) {
                sums.add(root[*other as usize], *weight);
            }
            let mut best: Option<(f32, u32)> = None;
            sums.drain(|unit, sum| {
                let other = unit as usize;
                let score = sum / self.neurons[other] as f32;
                let fits = self.demand[u] + self.demand[other] <= most.demand
                    && self.neurons[u] + self.neurons[other] <= most.neurons;
                let better = best.is_none_or(|(s, b)| score > s || (score == s && unit < b));
                if other != u && fits && better {
                    best = Some((score, unit));
                }
            });
            if let Some((_, unit)) = best {
                root[u] = unit;
                grown[unit as usize] = true;
                self.neurons[unit as usize] += self.neurons[u];
                self.demand[unit as usize] += self.demand[u];
            }
        }
        root
    }

    /// The level of what was joined, with the heaviest links of each unit; `of` goes from
    /// vertices to units.
    fn contract(&self, graph: &Graph, mut root: Vec<u32>, of: &mut [u32]) -> Level {
        let mut number = vec![u32::MAX; root.len()];
        let (mut demand, mut neurons) = (vec![], vec![]);
        for root in &mut root {
            let unit = *root as usize;
            if number[unit] == u32::MAX {
                number[unit] = demand.len() as u32;
                demand.push(self.demand[unit]);
                neurons.push(self.neurons[unit]);
            }
            *root = number[unit];
        }
        of.iter_mut().for_each(|u| *u = root[*u as usize]);
        let count = demand.len();
        let joined = Joined::new(root, count);
        let (mut starts, mut links) = (vec![0], vec![]);
        let mut sums = Sums::new(count);
        let mut found = Neighbours::default();
        let mut here = vec![];
        for unit in 0..count {
            for u in joined.members(unit) {
                for (other, weight) in self.links(graph, *u as usize, &mut found) {
                    sums.add(joined.of[*other as usize], *weight);
                }
            }
            sums.drain(|other, weight| {
                here.extend((other as usize != unit).then_some((other, weight)))
            });
            here.sort_by(|a: &(u32, f32), b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            links.extend(here.drain(..).take(LINKS));
            starts.push(links.len());
        }
        Level { demand, neurons, starts, links }
    }
}

/// A table by unit that is emptied in the time it took to fill.
struct Sums {
    of: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(units: usize) -> Sums {
        Sums { of: vec![0.0; units], touched: vec![] }
    }

    fn add(&mut self, unit: u32, by: f32) {
        let sum = &mut self.of[unit as usize];
        if *sum == 0.0 {
            self.touched.push(unit);
        }
        *sum += by.max(f32::MIN_POSITIVE);
    }

    fn drain(&mut self, mut visit: impl FnMut(u32, f32)) {
        for unit in self.touched.drain(..) {
            visit(unit, std::mem::take(&mut self.of[unit as usize]));
        }
    }
}
