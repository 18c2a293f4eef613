//! Where spikes go: the rows of each core and of the host, and the memory that they take.

use super::mapped::{AxonsOut, End, HostAxons, channels};
use super::network::{Assignment, ChipNetwork, Rates};
use super::ranges::Ranges;
use std::collections::BTreeMap;

/// Rows, destination by destination.
pub(super) struct Routes<'a> {
    rates: &'a Rates,
    assignment: &'a Assignment,
    of_core: Vec<Vec<AxonsOut>>,
    of_host: Vec<HostAxons>,
    /// By core, the call of [`Routes::add`] that added its last row.
    added: Vec<u32>,
    calls: u32,
}

impl<'a> Routes<'a> {
    pub(super) fn new(assignment: &'a Assignment, rates: &'a Rates) -> Routes<'a> {
        let cores = assignment.cores as usize;
        Routes {
            rates,
            assignment,
            of_core: vec![Vec::new(); cores],
            of_host: Vec::new(),
            added: vec![0; cores],
            calls: 0,
        }
    }

    /// Adds all that goes from a population to a destination, from ascending neurons: those
    /// of a layer that two outputs send stand twice, and are two messages.
    pub(super) fn add(&mut self, population: usize, sources: &[u32], to: End) {
        self.calls += 1;
        let cores = &self.assignment.core_of[population];
        if let (true, End::Core(to)) = (cores.is_empty(), to) {
            let messages = sources.iter().map(|n| self.rates.get(population, *n));
            let messages = messages.fold(0.0, |sum, rate| sum + rate);
            let sources = Ranges::of_sorted(sources.iter().copied());
            self.of_host.push(HostAxons { population, to, sources, messages });
            return;
        }
        for source in sources {
            let from = cores[*source as usize] as usize;
            let rows = &mut self.of_core[from];
            if std::mem::replace(&mut self.added[from], self.calls) != self.calls {
                let sources = Ranges::default();
                rows.push(AxonsOut { layer: population, to, sources, messages: 0.0 });
            }
            if let Some(row) = rows.last_mut() {
                row.sources.push(*source);
                row.messages += self.rates.get(population, *source);
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
