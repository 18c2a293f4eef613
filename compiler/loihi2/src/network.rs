//! What goes onto the chip: layers of neurons and the synapses between them.
//!
//! This is the contract between the front (extraction from a checked network, or the reading
//! of a manifest) and everything behind it: resources, partition, placement, verification.

use super::ranges::Ranges;
use snn_ir::diagnostics::Loc;
use std::sync::Arc;

/// A network as the chip sees it.
#[derive(Clone, Debug, Default)]
pub struct ChipNetwork {
    /// The network's name.
    pub name: String,
    /// Layers on the chip and populations on the host that send to them.
    pub populations: Vec<Population>,
    /// Synapses: each from one population to one layer.
    pub projections: Vec<Projection>,
    /// Layers whose spikes leave the chip.
    pub outputs: Vec<Output>,
    /// What runs beside the cores.
    pub host: Vec<HostProcess>,
    /// What the neurons compute.
    pub programs: Vec<Program>,
    /// How many steps a message from a layer takes to the next: 1, the synapses' own.
    pub step_latency: u32,
}

/// Neurons that share a description, or a port of the host.
#[derive(Clone, Debug)]
pub struct Population {
    /// Dotted path of the process; for the host, of its port.
    pub name: String,
    /// Shape, C order; neuron numbers count in that order. After a convolution `[W, H, C]`.
    pub shape: Vec<usize>,
    /// The product of the shape.
    pub neurons: u32,
    /// Its configuration on the chip; none on the host.
    pub layer: Option<Layer>,
    /// Where it is declared.
    pub loc: Option<Loc>,
}

/// What a layer is on the chip.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The neurons' program, by position.
    pub program: usize,
    /// Distinct neuron configurations.
    pub configs: Vec<Config>,
    /// Each neuron's configuration; empty where all have the first.
    pub config_of: Vec<u16>,
    /// Each neuron's bias mantissa (-4095..=4095); empty where there is none, one where all
    /// have the same.
    pub bias_mant: Vec<i64>,
    /// Steps at which the layer's state goes back to its start.
    pub resets: Vec<ResetTiming>,
}

/// Parameters that a neuron group shares: name and value, in order of declaration
/// (du, dv in 1/4096, vth as a mantissa of `2^6`, bias_exp, …).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Config(pub Vec<(String, i64)>);

/// A reset at steps with `t % interval == offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResetTiming {
    /// Steps between resets, a power of two.
    pub interval: u64,
    /// `0..interval`.
    pub offset: u64,
}

/// Synapses from one population to one layer.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Dotted path of the process that describes the synapses.
    pub name: String,
    /// The population that sends, by position.
    pub from: usize,
    /// The layer that receives, by position.
    pub to: usize,
    /// Which neuron of `from` is input `j`; none where the inputs are its neurons in order.
    pub gather: Option<Arc<Vec<u32>>>,
    /// Which neuron of `to` is output `i`; none where the outputs are its neurons in order.
    pub scatter: Option<Arc<Vec<u32>>>,
    /// The weights.
    pub synapses: Synapses,
    /// How they are stored.
    pub format: WeightFormat,
    /// Whether messages carry a payload that multiplies the weight.
    pub graded: bool,
    /// Where the process is declared.
    pub loc: Option<Loc>,
}

/// How weights are stored: the effective weight is `mantissa · 2^exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightFormat {
    /// Bits of a mantissa, 1 to 8.
    pub bits: u8,
    /// Exponent, -7..=7.
    pub exp: i8,
    /// The range of mantissas.
    pub sign: SignMode,
    /// The longest delay, in steps beyond the ordinary one; 0 without delays.
    pub max_delay: u8,
}

/// Which signs the weights of a projection have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignMode {
    /// -256..=254, even.
    Mixed,
    /// 0..=255.
    Excitatory,
    /// -255..=0.
    Inhibitory,
}

impl SignMode {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            SignMode::Mixed => "mixed",
            SignMode::Excitatory => "excitatory",
            SignMode::Inhibitory => "inhibitory",
        }
    }
}

/// Weights as the chip stores them (before the exponent), with their geometry.
///
/// A network read from a manifest has no weights: then the vectors of values are empty, and
/// only [`Sparse`] needs its weights file to know which synapses there are.
#[derive(Clone, Debug)]
pub enum Synapses {
    /// Every input to every output, zeros included.
    Dense(Dense),
    /// Listed synapses.
    Sparse(Sparse),
    /// A kernel moved over two axes.
    Conv(Conv),
}

/// A full matrix.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Rows: targets.
    pub outputs: u32,
    /// Columns: sources.
    pub inputs: u32,
    /// `[outputs, inputs]`, C order.
    pub weights: Arc<Vec<i16>>,
    /// Delays of the same shape; empty where all are 0.
    pub delays: Arc<Vec<u8>>,
}

/// A matrix by rows (targets).
#[derive(Clone, Debug)]
pub struct Sparse {
    /// Rows.
    pub outputs: u32,
    /// Columns.
    pub inputs: u32,
    /// Row `i` has the entries `starts[i]..starts[i + 1]`.
    pub starts: Arc<Vec<u64>>,
    /// Sources, ascending in each row.
    pub sources: Arc<Vec<u32>>,
    /// Weights, none 0.
    pub weights: Arc<Vec<i16>>,
    /// Delays; empty where all are 0.
    pub delays: Arc<Vec<u8>>,
}

/// A two-dimensional convolution (semantics 3.5). Positions are `x · height + y`, neurons
/// `(x · height + y) · channels + c`.
#[derive(Clone, Debug)]
pub struct Conv {
    /// Input `[W, H, C]`.
    pub input: [u32; 3],
    /// Output `[W, H, C]`.
    pub output: [u32; 3],
    /// Kernel `[W, H]`.
    pub kernel: [u32; 2],
    /// Steps between positions, `[x, y]`.
    pub stride: [u32; 2],
    /// Zeros around the input, `[x, y]`.
    pub padding: [u32; 2],
    /// Distance of kernel taps, `[x, y]`.
    pub dilation: [u32; 2],
    /// Blocks of channels that connect only to each other.
    pub groups: u32,
    /// `[C_out, kernel W, kernel H, C_in / groups]`, C order, flipped as in a convolution:
    /// tap `k` of an output at `x` reads the input at `x · stride - padding + k · dilation`
    /// with weight `[.., K - 1 - k, ..]`.
    pub weights: Arc<Vec<i16>>,
}

/// A layer whose spikes go to the host.
#[derive(Clone, Debug)]
pub struct Output {
    /// The layer, by position.
    pub from: usize,
    /// The host's port.
    pub to: String,
    /// Which neurons are sent.
    pub neurons: Ranges,
}

/// A process beside the cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProcess {
    /// Dotted path.
    pub process: String,
    /// `cpu` or `embedded`.
    pub resource: String,
    /// What keeps it off the cores.
    pub reason: String,
    /// Adapters between it and the cores, `enc.spikes -> net.layer0`.
    pub adapters: Vec<String>,
}

/// What the neurons of a layer compute in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The process's name and model, `LIF fixed_pt`.
    pub name: String,
    /// State variables with their widths in bits.
    pub state: Vec<(String, u8)>,
    /// Operations in order, one a line: `u = decay(u, du) + (a_in << 6)`.
    pub operations: Vec<String>,
}

impl ChipNetwork {
    /// The adapters of a process of the host: a row for each projection of its ports and for each
    /// output that it receives.
    pub fn adapters(&self, process: &str) -> Vec<String> {
        let of = |port: &str| port.strip_prefix(process).is_some_and(|rest| rest.starts_with('.'));
        let from = |p: usize| &self.populations[p];
        let sent = self.projections.iter().filter(|q| !from(q.from).on_chip());
        let sent = sent.filter(|q| of(&from(q.from).name));
        let received = self.outputs.iter().filter(|output| of(&output.to));
        let sent = sent.map(|q| format!("{} -> {}", from(q.from).name, q.name));
        sent.chain(received.map(|o| format!("{} -> {}", from(o.from).name, o.to))).collect()
    }
}

impl Population {
    /// Whether it is a layer on the chip.
    pub fn on_chip(&self) -> bool {
        self.layer.is_some()
    }
}

impl Synapses {
    /// Number of inputs.
    pub fn inputs(&self) -> u64 {
        match self {
            Synapses::Dense(d) => d.inputs.into(),
            Synapses::Sparse(s) => s.inputs.into(),
            Synapses::Conv(c) => c.input.iter().map(|n| u64::from(*n)).product(),
        }
    }

    /// Number of outputs.
    pub fn outputs(&self) -> u64 {
        match self {
            Synapses::Dense(d) => d.outputs.into(),
            Synapses::Sparse(s) => s.outputs.into(),
            Synapses::Conv(c) => c.output.iter().map(|n| u64::from(*n)).product(),
        }
    }

    /// How many synapses there are, at most (a convolution's border has fewer).
    pub fn count(&self) -> u64 {
        match self {
            Synapses::Dense(d) => u64::from(d.inputs) * u64::from(d.outputs),
            Synapses::Sparse(s) => s.sources.len() as u64,
            Synapses::Conv(c) => {
                let taps = u64::from(c.kernel[0]) * u64::from(c.kernel[1]);
                self.outputs() * taps * u64::from(c.input[2] / c.groups.max(1))
            }
        }
    }

    /// Visits the input of every synapse of an output, which must be one of [`Synapses::outputs`].
    pub fn for_each_input(&self, output: u32, mut visit: impl FnMut(u32)) {
        match self {
            Synapses::Dense(dense) => (0..dense.inputs).for_each(visit),
            Synapses::Sparse(sparse) => {
                sparse.sources[sparse.row(output)].iter().for_each(|input| visit(*input));
            }
            Synapses::Conv(conv) => {
                let groups = conv.groups.max(1);
                let [inputs, outputs] = [conv.input[2], conv.output[2]].map(|c| c / groups);
                let group = output % conv.output[2] / outputs.max(1);
                conv.taps(output / conv.output[2], |position| {
                    let first = position * conv.input[2] + group * inputs;
                    (first..first + inputs).for_each(&mut visit);
                });
            }
        }
    }

    /// As the manifest calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Synapses::Dense(_) => "dense",
            Synapses::Sparse(_) => "sparse",
            Synapses::Conv(_) => "conv",
        }
    }
}

impl Projection {
    /// The neuron of the sending population that is input `j`.
    pub fn source(&self, input: u32) -> u32 {
        self.gather.as_ref().and_then(|g| g.get(input as usize).copied()).unwrap_or(input)
    }

    /// The neuron of the receiving layer that is output `i`.
    pub fn target(&self, output: u32) -> u32 {
        self.scatter.as_ref().and_then(|s| s.get(output as usize).copied()).unwrap_or(output)
    }
}

/// Spikes per step of each neuron, by population.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// What is known of each population.
    pub of: Vec<Rate>,
    /// Where the rates come from, for the manifest.
    pub origin: String,
}

/// Spikes per step of a population's neurons.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// The same for all.
    Uniform(f64),
    /// Each neuron's own.
    Each(Vec<f64>),
}

impl Rates {
    /// Spikes per step of neuron `i` of population `p`.
    pub fn get(&self, p: usize, i: u32) -> f64 {
        match &self.of[p] {
            Rate::Uniform(rate) => *rate,
            Rate::Each(rates) => rates[i as usize],
        }
    }
}

/// Which core holds each neuron.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// How many cores are used.
    pub cores: u32,
    /// By population, the core of each neuron (`0..cores`); empty for the host's.
    pub core_of: Vec<Vec<u32>>,
}
