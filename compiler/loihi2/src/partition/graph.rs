//! The neurons of irregular layers with their synapses both ways: a hypergraph whose edges are
//! senders with all neurons that they reach.

use super::tally::Context;
use crate::parallel;
use std::ops::Range;

/// Marks neurons that are no vertices.
pub(super) const NONE: u32 = u32::MAX;

/// Of an edge with more ends, little is saved where two of them are its sender and one target.
const FEW_ENDS: usize = 4;

/// Vertices are the neurons of some layers, in order; edges belong to senders.
pub(super) struct Graph<'a, 'b> {
    pub cx: &'a Context<'b>,
    /// The layers.
    pub layers: Vec<usize>,
    /// The first vertex of each, and the number of all.
    first: Vec<u32>,
    /// By population, its first vertex; [`NONE`] for others.
    vertices_of: Vec<u32>,
    /// By projection, the first of its inputs among all inputs of projections.
    first_input: Vec<usize>,
    /// How many inputs all projections have.
    pub inputs: usize,
    /// By sender, where its targets stand, and where the last one's end.
    starts: Vec<u64>,
    targets: Vec<u32>,
    /// Spikes per step of every sender, where they are the same.
    uniform: Option<f64>,
    /// Synapses into vertices.
    pub synapses: u64,
}

impl<'a, 'b> Graph<'a, 'b> {
    pub fn new(cx: &'a Context<'b>, layers: &[usize]) -> Graph<'a, 'b> {
        let mut first = vec![0];
        let mut vertices_of = vec![NONE; cx.network.populations.len()];
        for layer in layers {
            let at = first[first.len() - 1];
            vertices_of[*layer] = at;
            first.push(at + cx.network.populations[*layer].neurons);
        }
        let mut first_input = vec![0];
        for projection in &cx.network.projections {
            let inputs = match layers.contains(&projection.to) {
                true => projection.synapses.inputs() as usize,
                false => 0,
            };
            first_input.push(first_input[first_input.len() - 1] + inputs);
        }
        let inputs = first_input[first_input.len() - 1];
        let layers = layers.to_vec();
        let uniform = cx.rate.first().copied().filter(|r| cx.rate.iter().all(|rate| rate == r));
        let mut graph = Graph {
            cx,
            layers,
            first,
            vertices_of,
            first_input,
            inputs,
            starts: vec![],
            targets: vec![],
            uniform,
            synapses: 0,
        };
        graph.turn_round();
        graph
    }

    /// Lists the targets of every sender. Each half of the senders has a thread: their targets
    /// stand in one half of the list, and what is looked up is nearer together.
    fn turn_round(&mut self) {
        let senders = self.cx.rate.len();
        let halves = [0..senders / 2, senders / 2..senders];
        let graph = &*self;
        let count = |half: &Range<usize>| {
            let mut counts = vec![0u64; half.len()];
            graph.each(half, |sender, _| counts[sender] += 1);
            counts
        };
        let counts = parallel::both(|| count(&halves[0]), || count(&halves[1]));
        let mut starts = vec![0];
        starts.reserve(senders);
        for count in counts.0.into_iter().chain(counts.1) {
            starts.push(starts[starts.len() - 1] + count);
        }
        let mut targets = vec![0; starts[senders] as usize];
        let (low, high) = targets.split_at_mut(starts[halves[1].start] as usize);
        let fill = |half: &Range<usize>, targets: &mut [u32]| {
            let begin = starts[half.start];
            let mut next: Vec<u64> = starts[half.clone()].iter().map(|at| at - begin).collect();
            graph.each(half, |sender, v| {
                targets[next[sender] as usize] = v;
                next[sender] += 1;
            });
        };
        parallel::both(|| fill(&halves[0], low), || fill(&halves[1], high));
        self.synapses = starts[senders];
        (self.starts, self.targets) = (starts, targets);
    }

    /// Visits the synapses from some senders: the sender's place among them, and the vertex.
    fn each(&self, senders: &Range<usize>, mut visit: impl FnMut(usize, u32)) {
        for v in 0..self.len() {
            self.sources(v, |_, _, sender| {
                if senders.contains(&sender) {
                    visit(sender - senders.start, v);
                }
            });
        }
    }

    /// How many vertices.
    pub fn len(&self) -> u32 {
        self.first[self.first.len() - 1]
    }

    /// The layer and neuron of a vertex.
    pub fn neuron(&self, v: u32) -> (usize, u32) {
        let at = self.first.partition_point(|f| *f <= v) - 1;
        (self.layers[at], v - self.first[at])
    }

    /// The sender that a vertex is.
    pub fn sender(&self, v: u32) -> usize {
        let (layer, neuron) = self.neuron(v);
        self.cx.first[layer] + neuron as usize
    }

    /// Spikes per step of a sender.
    pub fn rate(&self, sender: usize) -> f64 {
        self.uniform.unwrap_or_else(|| self.cx.rate[sender])
    }

    /// The vertices that a sender reaches, ascending, once for each synapse.
    pub fn targets(&self, sender: usize) -> &[u32] {
        &self.targets[self.starts[sender] as usize..self.starts[sender + 1] as usize]
    }

    /// Visits the synapses of a vertex: projection, input among those of all projections, and
    /// sender.
    pub fn sources(&self, v: u32, mut visit: impl FnMut(usize, usize, usize)) {
        let (layer, neuron) = self.neuron(v);
        for q in &self.cx.feeds[layer] {
            let projection = &self.cx.network.projections[*q];
            let (inputs, senders) = (self.first_input[*q], self.cx.first[projection.from]);
            let Some(output) = self.cx.inverses[*q].output(neuron) else { continue };
            if u64::from(output) >= projection.synapses.outputs() {
                continue;
            }
            projection.synapses.for_each_input(output, |input| {
                let source = projection.source(input) as usize;
                visit(*q, inputs + input as usize, senders + source);
            });
        }
    }

    /// The vertex that a sender is.
    pub fn vertex(&self, population: usize, sender: usize) -> u32 {
        match self.vertices_of[population] {
            NONE => NONE,
            first => first + (sender - self.cx.first[population]) as u32,
        }
    }

    /// Lists vertices that `v` would share messages with, each with what it would save of an
    /// edge that were spread evenly over its ends: `samples` of the other targets of each of its
    /// senders, and its own targets and senders where an edge has [`FEW_ENDS`].
    ///
    /// Step by step for all senders, as what is looked up is far apart in memory: so it is asked
    /// for all at once.
    pub fn neighbours(&self, v: u32, samples: usize, found: &mut Neighbours) {
        let Neighbours { vertices, places } = found;
        vertices.clear();
        places.clear();
        let own = self.sender(v);
        let targets = self.targets(own);
        if targets.len() <= FEW_ENDS {
            let weight = self.rate(own) as f32 / targets.len() as f32;
            vertices.extend(targets.iter().map(|t| (*t, weight)));
        }
        self.sources(v, |q, _, sender| {
            let rate = self.rate(sender) as f32;
            let first = self.starts[sender];
            let others = self.starts[sender + 1] - first;
            if others <= FEW_ENDS as u64 {
                let from = self.vertex(self.cx.network.projections[q].from, sender);
                vertices.extend((from != NONE).then_some((from, rate / others as f32)));
            }
            let n = (samples as u64).min(others - 1);
            for i in 0..n {
                let at = (u64::from(v) + i * others / n) % others;
                places.push((first + at, rate / n as f32));
            }
        });
        vertices.extend(places.iter().map(|(at, weight)| (self.targets[*at as usize], *weight)));
    }
}

/// What [`Graph::neighbours`] finds, kept for its memory.
#[derive(Clone, Default)]
pub(super) struct Neighbours {
    /// Vertices, some more than once, with weights.
    pub vertices: Vec<(u32, f32)>,
    /// Where sampled targets stand.
    places: Vec<(u64, f32)>,
}
