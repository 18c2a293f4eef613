//! Where spikes go: the rows of each core and of the host, and the memory that they take.

use super::mapped::{AxonsOut, End, HOST, HostAxons, channels};
use super::network::{Assignment, ChipNetwork, Rates};
use super::ranges::Ranges;
use std::collections::BTreeMap;

/// What goes to a destination from a core, or from the host ([`HOST`]).
pub(super) type Row = (u32, AxonsOut);

/// All that goes from a population to a destination, from ascending neurons: those of a layer
/// that two outputs send stand twice, and are two messages.
pub(super) fn rows_to(
    to: End,
    assignment: &Assignment,
    rates: &Rates,
    population: usize,
    sources: &[u32],
) -> Vec<Row> {
    let cores = &assignment.core_of[population];
    let from = |source: u32| if cores.is_empty() { HOST } else { cores[source as usize] };
    let mut placed: Vec<(u32, u32)> = sources.iter().map(|n| (from(*n), *n)).collect();
    placed.sort_unstable();
    let row = |same: &[(u32, u32)]| {
        let sources = Ranges::of_sorted(same.iter().map(|(_, source)| *source));
        let messages = same.iter().map(|(_, source)| rates.get(population, *source));
        let messages = messages.fold(0.0, |sum, rate| sum + rate);
        (same[0].0, AxonsOut { layer: population, to, sources, messages })
    };
    placed.chunk_by(|a, b| a.0 == b.0).map(row).collect()
}

/// Rows by what they come from.
pub(super) struct Routes {
    of_core: Vec<Vec<AxonsOut>>,
    of_host: Vec<HostAxons>,
}

impl Routes {
    pub(super) fn new(cores: u32) -> Routes {
        Routes { of_core: vec![Vec::new(); cores as usize], of_host: Vec::new() }
    }

    pub(super) fn add(&mut self, rows: Vec<Row>) {
        for (from, row) in rows {
            match (from, row) {
                (HOST, AxonsOut { layer: population, to: End::Core(to), sources, messages }) => {
                    self.of_host.push(HostAxons { population, to, sources, messages });
                }
                // The host's own to the host cross nothing.
                (HOST, _) => {}
                (core, row) => self.of_core[core as usize].push(row),
            }
        }
    }

    /// The rows of each core and of the host, by population and destination.
    pub(super) fn rows(mut self) -> (Vec<Vec<AxonsOut>>, Vec<HostAxons>) {
        self.of_core.iter_mut().for_each(|rows| rows.sort_by_key(|row| (row.layer, row.to)));
        self.of_host.sort_by_key(|row| (row.population, row.to));
        (self.of_core, self.of_host)
    }
}

/// Which neurons of a core have equal lists of destinations, and share them.
pub(super) struct Lists<'a> {
    network: &'a ChipNetwork,
    /// Of each population, channels that share an entry of the map.
    channels: Vec<u32>,
    /// Each neuron's list, by population; list 0 is empty.
    list_of: Vec<Vec<u32>>,
    /// Length of each list, the destination that was added to it last, and the list that made.
    /// One is enough: destinations are added one after another.
    lists: Vec<(u32, End, u32)>,
}

impl Lists<'_> {
    pub(super) fn new(network: &ChipNetwork) -> Lists<'_> {
        let neurons = network.populations.iter().map(|p| if p.on_chip() { p.neurons } else { 0 });
        Lists {
            network,
            channels: (0..network.populations.len())
                .map(|layer| channels(network, layer))
                .collect(),
            list_of: neurons.map(|n| vec![0; n as usize]).collect(),
            lists: Vec::new(),
        }
    }

    fn add(&mut self, layer: usize, neuron: u32, destination: End) {
        let list = &mut self.list_of[layer][neuron as usize];
        let next = self.lists.len() as u32;
        let (length, last, longer) = &mut self.lists[*list as usize];
        // No list becomes list 0 by an addition.
        if *last != destination || *longer == 0 {
            (*last, *longer) = (destination, next);
            let grown = (*length + 1, destination, 0);
            *list = next;
            self.lists.push(grown);
        } else {
            *list = *longer;
        }
    }

    /// How many outputs send a neuron.
    fn ports(&self, layer: usize, neuron: u32) -> usize {
        let outputs = self.network.outputs.iter();
        outputs.filter(|o| o.from == layer && o.neurons.contains(neuron)).count()
    }

    /// Words of the output axon map and memory of a core with these neurons and rows. A map
    /// entry holds one destination or points to a list of several (basis E: the published rows
    /// have one destination or none).
    pub(super) fn words(
        &mut self,
        layers: &BTreeMap<usize, Vec<u32>>,
        rows: &[AxonsOut],
    ) -> [u64; 2] {
        let [mut map, mut memory] = [0; 2];
        let mut rows = rows;
        for (layer, neurons) in layers {
            let (here, rest) = rows.split_at(rows.partition_point(|row| row.layer <= *layer));
            rows = rest;
            self.lists.clear();
            self.lists.push((0, End::Host, 0));
            for row in here {
                for neuron in row.sources.iter() {
                    let times = if row.to == End::Host { self.ports(*layer, neuron) } else { 1 };
                    (0..times).for_each(|_| self.add(*layer, neuron, row.to));
                }
            }
            let list = |n: &u32| self.list_of[*layer][*n as usize];
            let channels = self.channels[*layer];
            for position in neurons.chunk_by(|a, b| a / channels == b / channels) {
                let same = position.iter().all(|n| list(n) == list(&position[0]));
                map += if same { 1 } else { position.len() as u64 };
            }
            let mut used: Vec<u32> = neurons.iter().map(list).collect();
            used.sort_unstable();
            used.dedup();
            let lengths = used.iter().map(|l| u64::from(self.lists[*l as usize].0));
            memory += lengths.filter(|n| *n > 1).sum::<u64>();
        }
        [map, memory]
    }
}
