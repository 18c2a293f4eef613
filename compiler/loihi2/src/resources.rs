//! What of a core's memory is used, counted as Intel's tools count it.
//!
//! The formulas are derived: they reproduce every published row of those tables (basis D in
//! the profile), digit for digit.

use super::network::{Conv, Synapses, WeightFormat};
use super::profile::Figures;

/// What a core can run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Input axons.
    AxonIn,
    /// Distinct neuron configurations.
    NeuronGroups,
    /// Neurons.
    Neurons,
    /// Words of synaptic memory.
    SynWords,
    /// Words of the output axon map.
    AxonMap,
    /// Words of output axon memory.
    AxonMem,
    /// The sum of the six, which share a budget.
    Total,
}

impl Resource {
    /// In the order of the tables.
    pub const ALL: [Resource; 7] = [
        Resource::AxonIn,
        Resource::NeuronGroups,
        Resource::Neurons,
        Resource::SynWords,
        Resource::AxonMap,
        Resource::AxonMem,
        Resource::Total,
    ];

    /// As the tables head the column.
    pub fn heading(self) -> &'static str {
        match self {
            Resource::AxonIn => "AxonIn",
            Resource::NeuronGroups => "NeuronGr",
            Resource::Neurons => "Neurons",
            Resource::SynWords => "SynWords",
            Resource::AxonMap => "AxonMap",
            Resource::AxonMem => "AxonMem",
            Resource::Total => "Total",
        }
    }

    /// For messages.
    pub fn words(self) -> &'static str {
        match self {
            Resource::AxonIn => "input axons",
            Resource::NeuronGroups => "neuron groups",
            Resource::Neurons => "neurons",
            Resource::SynWords => "words of synaptic memory",
            Resource::AxonMap => "words of output axon map",
            Resource::AxonMem => "words of output axon memory",
            Resource::Total => "words of the shared budget",
        }
    }
}

/// What a core uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input axons: distinct source neurons with synapses on the core.
    pub axon_in: u64,
    /// Distinct (layer, configuration) pairs.
    pub neuron_groups: u64,
    /// Neurons.
    pub neurons: u64,
    /// Words of synaptic memory.
    pub syn_words: u64,
    /// Words of the output axon map.
    pub axon_map: u64,
    /// Words of output axon memory.
    pub axon_mem: u64,
}

impl Usage {
    /// How much of a resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::AxonIn => self.axon_in,
            Resource::NeuronGroups => self.neuron_groups,
            Resource::Neurons => self.neurons,
            Resource::SynWords => self.syn_words,
            Resource::AxonMap => self.axon_map,
            Resource::AxonMem => self.axon_mem,
            Resource::Total => self.total(),
        }
    }

    /// The sum of all six.
    pub fn total(&self) -> u64 {
        self.axon_in
            + self.neuron_groups
            + self.neurons
            + self.syn_words
            + self.axon_map
            + self.axon_mem
    }
}

/// A share in percent with two digits, as the tables print it.
pub fn percent(used: u64, limit: u64) -> String {
    match limit {
        0 => "-".into(),
        _ => format!("{:.2}", used as f64 * 100.0 / limit as f64),
    }
}

/// Words of an axon with `n` synapses: `ceil((n · (index + weight bits [+ delay bits]) +
/// header) / word)`, 0 for none.
pub fn axon_words(f: &Figures, format: WeightFormat, n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let delay = if format.max_delay > 0 { f.synapse_delay_bits } else { 0 };
    let synapse = f.synapse_index_bits + u64::from(format.bits) + delay;
    (n * synapse + f.axon_header_bits).div_ceil(f.word_bits)
}

/// Words of a convolution's kernel on a core that holds `channels` output channels of each
/// group: one row for each kernel position and input channel.
pub fn kernel_words(f: &Figures, format: WeightFormat, conv: &Conv, channels: &[u64]) -> u64 {
    let positions = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
    let inputs_of_group = u64::from(conv.input[2]) / u64::from(conv.groups.max(1));
    let rows = positions * inputs_of_group;
    let row = |c: u64| (c * u64::from(format.bits) + f.conv_header_bits).div_ceil(f.word_bits);
    channels.iter().filter(|c| **c > 0).map(|c| rows * row(*c)).sum()
}

/// The energy of one synaptic event, in pJ.
pub fn synop_energy(f: &Figures, synapses: &Synapses) -> f64 {
    match synapses {
        Synapses::Dense(_) => f.energy_synop_dense,
        Synapses::Sparse(_) => f.energy_synop_sparse,
        Synapses::Conv(_) => f.energy_synop_conv,
    }
}
