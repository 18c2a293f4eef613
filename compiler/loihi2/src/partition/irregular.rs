//! Layers without a structure to follow: clusters of neurons, cores grown from them, single
//! neurons moved.

use super::super::mapped::FEW;
use super::bins::{Bin, Cap};
use super::cluster::{Units, coarsen};
use super::graph::Graph;
use super::grow::{Grown, grow};
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
        let Grown { mut core_of, cores } = grow(graph, &self.units, loose);
        let refined = refine::affordable(graph, &core_of, cores.len());
        if refined {
            let mut all = tally(cx, &self.cells(&core_of, cores.len()));
            refine(graph, &mut core_of, &mut all.usage, &mut all.load, all.between, cap);
        }
        let cells = self.cells(&core_of, cores.len()).into_iter().zip(cores);
        let cells: Vec<_> = cells.filter(|(cells, _)| !cells.is_empty()).collect();
        if refined || graph.layers.iter().any(|layer| cx.convolution(*layer)) {
            return parallel::map(&cells, FEW, Counter::default, |counter, (cells, _)| {
                Bin::new(cx, counter, cells.clone())
            });
        }
        let bin = |(cells, (usage, load))| Bin { cells, usage, load, chain: None };
        cells.into_iter().map(bin).collect()
    }

    fn cells(&self, core_of: &[u32], cores: usize) -> Vec<Cells> {
        let mut cells = vec![Cells::new(); cores];
        for (v, core) in core_of.iter().enumerate() {
            let (layer, neuron) = self.graph.neuron(v as u32);
            cells[*core as usize].entry(layer).or_default().push(neuron);
        }
        cells
    }
}
