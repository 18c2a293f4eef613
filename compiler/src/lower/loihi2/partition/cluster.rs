//! Coarsening: vertices that exchange most messages become units, level by level.
//!
//! First-choice clustering, as multilevel partitioners have it (Karypis, Kumar 2000): each unit
//! joins the neighbour that it shares most with, as long as both together are a small part of
//! a core. One pass costs a visit to each synapse and to a few neighbours' synapses.

use super::super::resources::Resource;
use super::graph::Graph;

/// Units are at most one part in this many of a core.
const PARTS: u64 = 12;
/// Levels at most.
const LEVELS: usize = 8;
/// Visits to neighbours in all levels together, which bounds the time.
const VISITS: u64 = 600_000_000;
/// Other targets of a sender that are looked at.
const SAMPLES: u64 = 6;

/// Sets of vertices.
pub(super) struct Units {
    /// The unit of each vertex.
    pub of: Vec<u32>,
    /// Where the vertices of each unit stand.
    pub starts: Vec<u32>,
    /// Vertices, unit by unit.
    pub vertices: Vec<u32>,
}

impl Units {
    fn new(of: Vec<u32>, count: usize) -> Units {
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
        Units { of, starts, vertices }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The vertices of a unit.
    pub fn members(&self, unit: usize) -> &[u32] {
        &self.vertices[self.starts[unit] as usize..self.starts[unit + 1] as usize]
    }
}

/// How many of a sender's targets are looked at in a network of this size.
pub(super) fn samples(graph: &Graph) -> usize {
    (VISITS / 8 / graph.synapses.max(1)).clamp(1, SAMPLES) as usize
}

/// Units of vertices.
pub(super) fn coarsen(graph: &Graph) -> Units {
    let n = graph.len();
    let mut units = Units::new((0..n).collect(), n as usize);
    let samples = samples(graph);
    // A rough measure of what a vertex takes of the shared budget: an axon and a word for
    // each synapse in, and a word of axon memory for each out.
    let mut demand: Vec<u64> = (0..n)
        .map(|v| {
            let mut fan_in = 0;
            graph.sources(v, |_, _, _| fan_in += 1);
            3 + 2 * fan_in + graph.targets(graph.sender(v)).len() as u64
        })
        .collect();
    let profile = graph.cx.profile;
    let most = profile.limit(Resource::Total) / PARTS;
    let most_neurons = (profile.limit(Resource::Neurons) / PARTS) as u32;
    let pass = (2 + samples as u64) * graph.synapses.max(1);
    for _ in 0..LEVELS.min((VISITS / pass) as usize) {
        let before = units.len();
        units = level(graph, units, &mut demand, samples, most, most_neurons);
        if units.len() * 20 > before * 19 {
            break;
        }
    }
    units
}

/// One level; `demand` is that of units.
fn level(
    graph: &Graph,
    units: Units,
    demand: &mut Vec<u64>,
    samples: usize,
    most: u64,
    most_neurons: u32,
) -> Units {
    let count = units.len();
    let mut joined: Vec<u32> = (0..count as u32).collect();
    let mut size: Vec<u32> = (0..count).map(|u| units.members(u).len() as u32).collect();
    let mut grown = vec![false; count];
    let mut rating = vec![0f32; count];
    let mut rated: Vec<u32> = vec![];
    for u in 0..count {
        if grown[u] {
            continue;
        }
        for v in units.members(u) {
            graph.neighbours(*v, samples, |w, weight| {
                let unit = joined[units.of[w as usize] as usize];
                if rating[unit as usize] == 0.0 {
                    rated.push(unit);
                }
                rating[unit as usize] += weight.max(f32::MIN_POSITIVE);
            });
        }
        let mut best: Option<(f32, u32)> = None;
        for unit in rated.drain(..) {
            let other = unit as usize;
            let score = std::mem::take(&mut rating[other]) / size[other] as f32;
            let fits = demand[u] + demand[other] <= most && size[u] + size[other] <= most_neurons;
            let better = best.is_none_or(|(s, b)| score > s || (score == s && unit < b));
            if other != u && fits && better {
                best = Some((score, unit));
            }
        }
        if let Some((_, unit)) = best {
            joined[u] = unit;
            grown[unit as usize] = true;
            size[unit as usize] += size[u];
            demand[unit as usize] += demand[u];
        }
    }
    let mut number = vec![u32::MAX; count];
    let mut of_number = vec![];
    for root in &joined {
        if number[*root as usize] == u32::MAX {
            number[*root as usize] = of_number.len() as u32;
            of_number.push(demand[*root as usize]);
        }
    }
    *demand = of_number;
    let count = demand.len();
    let of = units.of.iter().map(|u| number[joined[*u as usize] as usize]).collect();
    Units::new(of, count)
}
