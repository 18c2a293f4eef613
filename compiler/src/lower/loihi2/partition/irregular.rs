//! Layers without a structure to follow: clusters of neurons, cores grown from them, single
//! neurons moved.

use super::super::mapped::FEW;
use super::bins::{Bin, Cap};
use super::cluster::{Units, coarsen};
use super::graph::Graph;
use super::grow::grow;
use super::refine::{self, refine};
use super::tally::{Cells, Context, Counter, tally};
use crate::parallel;

/// Synapses up to which vertices are coarsened before cores grow. Beyond them the time is
/// better spent on growing from single vertices, which finds as good cores where neurons have
/// neighbours (measured, see `spec/partition.md`).
const COARSENED: u64 = 2_000_000;

/// The network's irregular part; what does not depend on the cap is done once.
pub(super) struct Irregular<'a, 'b> {
    graph: Graph<'a, 'b>,
    units: Units,
}

impl<'a, 'b> Irregular<'a, 'b> {
    pub fn new(cx: &'a Context<'b>, layers: &[usize]) -> Irregular<'a, 'b> {
        let graph = Graph::new(cx, layers);
        let units = match graph.synapses > COARSENED {
            true => Units::Single(graph.len()),
            false => coarsen(&graph),
        };
        Irregular { graph, units }
    }

    /// Synapses, for how much may be tried.
    pub fn synapses(&self) -> u64 {
        self.graph.synapses
    }

    pub fn bins(&self, cap: Cap) -> Vec<Bin> {
        let (graph, cx) = (&self.graph, self.graph.cx);
        // Room for neurons to move in.
        let loose = Cap { time: cap.time * 0.95 };
        let (mut core_of, cores) = grow(graph, &self.units, loose);
        if refine::affordable(graph, &core_of, cores as usize) {
            let mut all = tally(cx, &self.cells(&core_of, cores));
            refine(graph, &mut core_of, &mut all.usage, &mut all.load, all.between, cap);
        }
        let mut cells = self.cells(&core_of, cores);
        cells.retain(|cells| !cells.is_empty());
        parallel::map(&cells, FEW, Counter::default, |counter, cells| {
            Bin::new(cx, counter, cells.clone())
        })
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
