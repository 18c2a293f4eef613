//! The manifest's types, in the order in which it is written.
//!
//! Every field is described in `spec/manifest.md`; unknown ones are refused. Lists of neurons
//! are texts: ranges with both ends included.

use crate::estimate::Estimate;
use crate::plan::PlanOrigin;
use crate::profile::{Board, Figure};
use crate::traffic::{ChipTraffic, Direction};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const SCHEMA: &str = "snnc.loihi2-placement/1";

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_meta])* pub $field: $kind),* })*
    };
}

rows! {
    /// A placement.
    Manifest {
        /// [`SCHEMA`].
        schema: String,
        /// Where it comes from.
        source: PlanOrigin,
        /// Chip and board.
        target: Target,
        /// Formats of parameters and weights.
        precision: Vec<Precision>,
        /// Latencies and resets.
        schedule: Schedule,
        /// What runs beside the cores.
        host: Vec<Host>,
        /// The network's name.
        network: String,
        /// Layers, and ports of the host that send.
        populations: Vec<Population>,
        /// Synapses.
        projections: Vec<Projection>,
        /// Layers whose spikes go to the host.
        outputs: Vec<Output>,
        /// What neurons compute.
        programs: Vec<Program>,
        /// Spikes per step.
        rates: Rates,
        /// The file of weights beside the manifest.
        weights: Option<Weights>,
        /// Cores in use, by number.
        cores: Vec<Core>,
        /// What the host sends.
        host_axons: Vec<HostAxons>,
        /// What travels in a step.
        traffic: Traffic,
        /// What a step costs.
        estimate: Estimate,
        /// Messages for the reader.
        warnings: Vec<String>,
        /// SHA-256 of the manifest with nothing in this place, 64 hexadecimal digits.
        digest: String,
    }

    /// Chip and board.
    Target {
        /// The profile's name.
        profile: String,
        /// What it describes.
        about: String,
        /// The board's name.
        board: String,
        /// Columns and rows of chips on it.
        layout: Board,
        /// Chips in use.
        chips: u64,
        /// Columns and rows of routers on a chip.
        grid: [u64; 2],
        /// Cores at a router.
        cores_per_router: u64,
        /// Cores of a chip that programs may use.
        usable_cores: u64,
        /// Cores that were not to be used, ascending.
        bad_cores: Vec<u64>,
        /// What was optimised.
        objective: String,
        /// Every figure with its basis.
        provenance: IndexMap<String, Figure>,
    }

    /// Latencies and resets.
    Schedule {
        /// Steps from a spike to its effect on the next layer.
        step_latency: u32,
        /// Resets of layers.
        resets: Vec<LayerReset>,
    }

    /// A reset of a layer at steps with `t % interval == offset`.
    LayerReset {
        /// The layer.
        layer: String,
        /// Steps between resets, a power of two.
        interval: u64,
        /// `0..interval`.
        offset: u64,
    }

    /// A process beside the cores.
    Host {
        /// Its path.
        process: String,
        /// `cpu` or `embedded`.
        resource: String,
        /// What keeps it off the cores.
        reason: String,
        /// Adapters between it and the cores.
        adapters: Vec<String>,
    }

    /// Neurons of a layer, or of a port of the host.
    Population {
        /// Its name.
        name: String,
        /// Where it is.
        runs_on: On,
        /// Its shape, C order.
        shape: Vec<u64>,
        /// The program of a layer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<String>,
        /// Distinct neuron configurations of a layer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        configurations: Vec<Configuration>,
        /// Bias mantissa: the same for all, or lowest and highest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias_mant: Option<Span>,
        /// Resets of a layer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resets: Vec<Reset>,
    }

    /// A neuron configuration.
    Configuration {
        /// Which neurons have it.
        neurons: String,
        /// Parameters by name.
        parameters: IndexMap<String, i64>,
    }

    /// A reset at steps with `t % interval == offset`.
    Reset {
        /// Steps between resets, a power of two.
        interval: u64,
        /// `0..interval`.
        offset: u64,
    }

    /// Synapses from one population to one layer.
    Projection {
        /// Its name.
        name: String,
        /// The population that sends.
        from: String,
        /// The layer that receives.
        to: String,
        /// How synapses are stored.
        encoding: Encoding,
        /// Number of inputs.
        inputs: u64,
        /// Number of outputs.
        outputs: u64,
        /// Bits of a weight.
        weight_bits: u8,
        /// Exponent of the weights.
        weight_exp: i8,
        /// Signs of the weights.
        sign_mode: Sign,
        /// Longest delay in steps.
        max_delay: u8,
        /// Whether messages carry a payload.
        graded: bool,
        /// Geometry of a convolution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conv: Option<ConvShape>,
        /// Neurons of `from` that are inputs, in order; none where all are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gather: Option<String>,
        /// Neurons of `to` that are outputs, in order; none where all are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scatter: Option<String>,
        /// Number of synapses on all cores.
        synapses: u64,
    }

    /// Geometry of a convolution; pairs are `[x, y]`, triples `[W, H, C]`.
    ConvShape {
        /// Input.
        input: [u32; 3],
        /// Output.
        output: [u32; 3],
        /// Kernel.
        kernel: [u32; 2],
        /// Steps between positions.
        stride: [u32; 2],
        /// Zeros around the input.
        padding: [u32; 2],
        /// Distance of kernel taps.
        dilation: [u32; 2],
        /// Blocks of channels that connect only to each other.
        groups: u32,
    }

    /// A layer whose spikes go to the host.
    Output {
        /// The layer.
        from: String,
        /// The port.
        to: String,
        /// Which neurons.
        neurons: String,
    }

    /// What neurons compute in a step.
    Program {
        /// Its name.
        name: String,
        /// Bits of each state variable.
        state: IndexMap<String, u8>,
        /// Operations in order.
        operations: Vec<String>,
    }

    /// Spikes per step.
    Rates {
        /// Where they come from.
        origin: String,
        /// Of each population, in order.
        of: Vec<PopulationRate>,
    }

    /// Spikes per step of a population's neurons.
    PopulationRate {
        /// The population.
        population: String,
        /// The rate of every neuron; none where the weights file has each one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        each: Option<f64>,
        /// The mean of the rates in the weights file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean: Option<f64>,
    }

    /// The file beside the manifest.
    Weights {
        /// Its name, without a folder.
        file: String,
        /// Its SHA-256, 64 hexadecimal digits.
        sha256: String,
    }

    /// A core.
    Core {
        /// Its number on the board.
        id: u64,
        /// Its chip.
        chip: u32,
        /// Column and row of its router.
        router: [u32; 2],
        /// Which of the router's cores.
        slot: u32,
        /// Its neurons.
        groups: Vec<Group>,
        /// What it receives.
        axons_in: Vec<AxonsIn>,
        /// What it sends.
        axons_out: Vec<AxonsOut>,
        /// Used and limit.
        resources: Resources,
        /// Its work.
        load: CoreLoad,
    }

    /// Neurons of one layer and configuration.
    Group {
        /// The layer.
        layer: String,
        /// Which neurons.
        neurons: String,
        /// The configuration, by position in the layer's.
        group: u64,
    }

    /// Synapses of one projection on a core.
    AxonsIn {
        /// The population that sends.
        from: String,
        /// Which of its neurons have synapses here.
        src: String,
        /// The layer that receives.
        layer: String,
        /// The projection.
        projection: String,
        /// How they are stored.
        encoding: Encoding,
        /// Bits of a weight.
        weight_bits: u8,
        /// Number of axons.
        axons: u64,
        /// Number of synapses.
        synapses: u64,
        /// Words of synaptic memory.
        words: u64,
        /// How many axons have how many synapses; of sparse projections.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fan_out: Vec<FanOut>,
    }

    /// Axons with equally many synapses.
    FanOut {
        /// Synapses of each.
        synapses: u64,
        /// How many axons.
        axons: u64,
    }

    /// Where the spikes of a layer's neurons go: to a core, to ports of the host, or to very many
    /// cores.
    AxonsOut {
        /// The layer.
        layer: String,
        /// The core's number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_core: Option<u64>,
        /// The numbers of very many cores, as neurons are written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_cores: Option<String>,
        /// The digest of which neurons go to which of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        /// The host's ports.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to_host: Vec<String>,
        /// Which neurons.
        src: String,
        /// Messages per step.
        messages: f64,
    }

    /// What the host sends to a core.
    HostAxons {
        /// The population.
        from: String,
        /// The core's number.
        to_core: u64,
        /// Which of its elements.
        src: String,
        /// Messages per step.
        messages: f64,
    }

    /// Used and limit of each resource of a core.
    Resources {
        /// Input axons.
        axon_in: [u64; 2],
        /// Neuron groups.
        neuron_groups: [u64; 2],
        /// Neurons.
        neurons: [u64; 2],
        /// Words of synaptic memory.
        syn_words: [u64; 2],
        /// Words of the output axon map.
        axon_map: [u64; 2],
        /// Words of output axon memory.
        axon_mem: [u64; 2],
        /// Words of all six.
        total: [u64; 2],
    }

    /// A core's work in a step.
    CoreLoad {
        /// Messages that arrive.
        messages_in: f64,
        /// Synaptic events.
        synops_per_step: f64,
        /// Neurons updated.
        updates: f64,
        /// Spikes.
        spikes: f64,
        /// Messages that leave.
        messages_out: f64,
        /// How long all of it takes, in µs.
        time_us: f64,
    }

    /// What travels in a step.
    Traffic {
        /// All messages.
        messages_per_step: f64,
        /// Those that stay on their core.
        same_core: f64,
        /// Those that the host sends.
        from_host: f64,
        /// Those that go to the host.
        to_host: f64,
        /// Messages times hops.
        hops: f64,
        /// East-west ones.
        hops_x: f64,
        /// North-south ones.
        hops_y: f64,
        /// The link with the most messages.
        max_link: Option<LinkLoad>,
        /// Messages between chips.
        interchip: f64,
        /// Messages times borders of chips that they cross.
        chip_hops: f64,
        /// Number of links in use.
        links: u64,
        /// Those with the most messages.
        hottest_links: Vec<LinkLoad>,
        /// Cores with the most messages, both ways.
        hottest_cores: Vec<CoreMessages>,
        /// Chips in use.
        chips: Vec<ChipTraffic>,
    }

    /// A link.
    LinkLoad {
        /// The chip.
        chip: u32,
        /// Column and row of the router.
        router: [u32; 2],
        /// Where to.
        direction: Direction,
        /// Messages per step.
        messages: f64,
    }

    /// A core's messages.
    CoreMessages {
        /// Its number.
        core: u64,
        /// Messages per step.
        messages: f64,
    }
}

/// Formats of a layer's parameters and of the weights that reach it: a row for each
/// projection to the layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// The layer.
    pub layer: String,
    /// The projection; none where nothing projects to the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// Bits of a weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_bits: Option<u8>,
    /// Exponent of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_exp: Option<i8>,
    /// Signs of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_mode: Option<Sign>,
    /// Parameters of the neurons by name.
    #[serde(flatten)]
    pub parameters: IndexMap<String, Span>,
    /// Longest delay in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<u8>,
}

impl Precision {
    /// The keys that no parameter can have.
    pub const KEYS: [&str; 6] =
        ["layer", "projection", "weight_bits", "weight_exp", "sign_mode", "max_delay"];
}

/// One number, or the lowest and the highest of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// The same everywhere.
    One(i64),
    /// Lowest and highest.
    From([i64; 2]),
}

/// Where neurons are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// On cores.
    Cores,
    /// On the host.
    Host,
}

/// How synapses are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Every input to every output.
    Dense,
    /// Listed.
    Sparse,
    /// A kernel.
    Conv,
}

/// Which signs weights have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Both: even, -256..=254.
    Mixed,
    /// 0..=255.
    Excitatory,
    /// -255..=0.
    Inhibitory,
}
