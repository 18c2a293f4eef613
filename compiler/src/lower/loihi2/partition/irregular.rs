//! Layers without a structure to follow: clusters of neurons, cores grown from them, single
//! neurons moved.

use super::bins::{Bin, Cap};
use super::cluster::{Units, coarsen};
use super::graph::Graph;
use super::grow::grow;
use super::refine::refine;
use super::tally::{Cells, Context, Counter, tally};

/// The network's irregular part; what does not depend on the cap is done once.
pub(super) struct Irregular<'a, 'b> {
    graph: Graph<'a, 'b>,
    units: Units,
}

impl<'a, 'b> Irregular<'a, 'b> {
    pub fn new(cx: &'a Context<'b>, layers: &[usize]) -> Irregular<'a, 'b> {
        let graph = Graph::new(cx, layers);
        let units = coarsen(&graph);
        Irregular { graph, units }
    }

    /// Synapses, for how much may be tried.
    pub fn synapses(&self) -> u64 {
        self.graph.synapses
    }

    pub fn bins(&self, counter: &mut Counter, cap: Cap) -> Vec<Bin> {
        let (graph, cx) = (&self.graph, self.graph.cx);
        // Room for neurons to move in.
        let loose = Cap { time: cap.time * 0.95 };
        // How many destinations neurons have is known when there are cores: at first, each of
        // their targets may be on another.
        let (mut core_of, mut cores) = grow(graph, &self.units, loose, 1.0);
        let mut all = tally(cx, &self.cells(&core_of, cores), counter);
        let most: usize = (0..graph.len())
            .map(|v| graph.targets(graph.sender(v)).len())
            .filter(|targets| *targets > 1)
            .sum();
        let used: u64 = all.usage.iter().map(|u| u.axon_mem).sum();
        let spread = used as f64 * 1.05 / most.max(1) as f64;
        if spread < 0.9 {
            (core_of, cores) = grow(graph, &self.units, loose, spread);
            all = tally(cx, &self.cells(&core_of, cores), counter);
        }
        refine(graph, &mut core_of, &mut all.usage, &mut all.load, all.between, cap);
        let cells = self.cells(&core_of, cores);
        cells.into_iter().filter(|c| !c.is_empty()).map(|c| Bin::new(cx, counter, c)).collect()
    }

    fn cells(&self, core_of: &[u32], cores: u32) -> Vec<Cells> {
        let mut cells = vec![Cells::new(); cores as usize];
        for (v, core) in core_of.iter().enumerate() {
            let (layer, neuron) = self.graph.neuron(v as u32);
            cells[*core as usize].entry(layer).or_default().push(neuron);
        }
        cells
    }
}
