//! Weights as the chip stores them.

use super::super::network::{ChipNetwork, Conv, Dense, SignMode, Sparse, Synapses, WeightFormat};
use super::super::profile::Profile;
use super::process::Process;
use super::roles::SynapseKind;
use snn_grammar::ast::Direction;
use snn_ir::diagnostics::{Code, Diagnostic, Reported, Sink};
use snn_ir::tensor::sparse::representable;
use snn_ir::tensor::{self, Constant, Tensor, Values, Weights};
use std::sync::Arc;

/// The synapses of a connection process.
pub struct Stored {
    /// Whole, in the process's own numbering.
    pub synapses: Synapses,
    /// How they are stored.
    pub format: WeightFormat,
    /// Bits of the messages' payload; 0 for spikes.
    pub message_bits: i64,
}

/// The weights of a connection process: the constant `stored` of the fixed-point models
/// (conditioned as the reference does it), for `Conv` the parameter `weight`, which the
/// reference takes as it is.
///
/// # Errors
/// E0806.
pub fn stored(
    process: &Process<'_>,
    kind: SynapseKind,
    profile: &Profile,
    sink: &mut Sink,
) -> Result<Stored, Reported> {
    let name = if kind == SynapseKind::Conv { "weight" } else { "stored" };
    let weights = tensor(process, name).ok_or_else(|| {
        let message = format!("the weights of `{}` are not integers known now", process.path());
        let d = Diagnostic::new(Code::E0806, message, process.place(), "");
        sink.fail(d.help("give integer weights, as `models fixed_pt` takes them"))
    })?;
    let declared = match kind {
        // The reference ignores both for convolutions.
        SynapseKind::Conv => Declared { bits: 8, exp: 0, sign: -1 },
        _ => Declared {
            bits: number(process, "num_weight_bits").unwrap_or(8),
            exp: number(process, "weight_exp").unwrap_or(0),
            sign: number(process, "sign_mode").unwrap_or(-1),
        },
    };
    let bounds = weights.bounds();
    let fitted = fit(&weights, &declared, bounds, profile).map_err(|(what, remedy)| {
        let message = format!("the weights of `{}` cannot be stored: {what}", process.path());
        sink.fail(Diagnostic::new(Code::E0806, message, process.place(), "").help(remedy))
    })?;
    let delays = tensor(process, "delays");
    let max_delay = delays.as_ref().map_or(0, |d| d.bounds().1);
    if max_delay > profile.figures.max_delay as i64 {
        let most = profile.figures.max_delay;
        let message =
            format!("`{}` has a delay of {max_delay}, the chip goes to {most}", process.path());
        let d = Diagnostic::new(Code::E0806, message, process.place(), "");
        return Err(sink.fail(d.help("shorten the delay, or put a layer of neurons between")));
    }
    let format = WeightFormat { max_delay: max_delay as u8, ..fitted.format };
    let delays = delays.filter(|_| max_delay > 0);
    let found = match kind {
        // The chip stores as many bits for a synapse either way, and none that is not there.
        SynapseKind::Dense if weights.is_mostly_zero() => {
            sparse(&weights, &fitted, delays.as_ref()).map(Synapses::Sparse)
        }
        SynapseKind::Dense => dense(&weights, &fitted, delays.as_ref()).map(Synapses::Dense),
        SynapseKind::Sparse => sparse(&weights, &fitted, delays.as_ref()).map(Synapses::Sparse),
        SynapseKind::Conv => convolution(process, &weights, &fitted).map(Synapses::Conv),
    };
    let synapses = found.ok_or_else(|| {
        let (message, help) = match kind {
            SynapseKind::Conv => ("has no geometry to go by", "give it an input and a kernel"),
            _ => ("has too many weights", "connect fewer neurons, or with `Sparse`"),
        };
        let message = format!("`{}` {message}", process.path());
        sink.fail(Diagnostic::new(Code::E0806, message, process.place(), "").help(help))
    })?;
    let message_bits = message_bits(process);
    if message_bits > profile.figures.payload_bits as i64 {
        let most = profile.figures.payload_bits;
        let message = format!(
            "`{}` receives payloads of {message_bits} bits, the chip carries {most}",
            process.path()
        );
        let d = Diagnostic::new(Code::E0806, message, process.place(), "");
        return Err(
            sink.fail(d.help("send spikes (`num_message_bits: 0`), or use another profile"))
        );
    }
    Ok(Stored { synapses, format, message_bits })
}

/// A constant matrix of integers.
struct Matrix {
    constant: Constant,
    /// Every value that occurs.
    values: Arc<Tensor>,
}

struct Declared {
    bits: i64,
    exp: i64,
    sign: i64,
}

/// Weights `w` are stored as `w / 2^shift` (times `2^-shift` where it is negative).
struct Fitted {
    shift: i64,
    format: WeightFormat,
}

fn tensor(process: &Process<'_>, name: &str) -> Option<Matrix> {
    let constant = process.named(name)?;
    let values = constant.values();
    matches!(values.values, Values::Int(_)).then_some(Matrix { constant, values })
}

/// The bits of a message; 0 for spikes.
pub fn message_bits(process: &Process<'_>) -> i64 {
    number(process, "num_message_bits").unwrap_or(0)
}

fn number(process: &Process<'_>, name: &str) -> Option<i64> {
    process.named(name)?.as_int()
}

fn pair(process: &Process<'_>, name: &str) -> Option<[u32; 2]> {
    let tensor = process.named(name)?.dense()?;
    let Values::Int(values) = &tensor.values else { return None };
    let of = |i: usize| values.get(i).or(values.first()).and_then(|v| u32::try_from(*v).ok());
    Some([of(0)?, of(1)?])
}

impl Matrix {
    fn bounds(&self) -> (i64, i64) {
        self.values.int_bounds().unwrap_or((0, 0))
    }

    /// Whether fewer than half of the elements are not 0.
    fn is_mostly_zero(&self) -> bool {
        let of = self.constant.shape().iter().product::<usize>();
        self.constant.nonzero().saturating_mul(2) < of
    }

    /// Whether some value that occurs is such.
    fn any(&self, holds: impl Fn(i64) -> bool) -> bool {
        integers(&self.values).iter().any(|v| holds(*v))
    }

    /// All elements under a shape; `None` where there are too many.
    fn dense(&self, shape: &[usize]) -> Option<Arc<Tensor>> {
        match &self.constant {
            Constant::Dense(tensor) if tensor.shape == shape => Some(Arc::clone(tensor)),
            Constant::Dense(tensor) => Some(Arc::new(tensor.broadcast_to(shape))),
            Constant::Sparse(sparse) => sparse.dense().map(Arc::new),
        }
    }

    /// Entries for all elements that are not 0; `None` where there are too many.
    fn nonzero(&self) -> Option<tensor::Sparse> {
        match &self.constant {
            Constant::Sparse(sparse) if sparse.is_zero_elsewhere() => Some((**sparse).clone()),
            _ => tensor::Sparse::of(&*self.dense(self.shape())?),
        }
    }

    /// In sparse form under a shape; `None` where there are too many entries.
    fn sparse(&self, shape: &[usize]) -> Option<tensor::Sparse> {
        match &self.constant {
            Constant::Sparse(sparse) => Some((**sparse).clone()),
            Constant::Dense(one) if one.len() == 1 && representable(shape) => {
                Some(tensor::Sparse::uniform(shape.to_vec(), one))
            }
            Constant::Dense(_) => tensor::Sparse::of(&*self.dense(shape)?),
        }
    }

    fn shape(&self) -> &[usize] {
        self.constant.shape()
    }

    fn sizes(&self) -> (u32, u32) {
        let size = |axis: usize| self.shape().get(axis).copied().unwrap_or(0) as u32;
        (size(0), size(1))
    }
}

fn integers(tensor: &Tensor) -> &[i64] {
    match &tensor.values {
        Values::Int(v) => v,
        _ => &[],
    }
}

fn dense(weights: &Matrix, fitted: &Fitted, delays: Option<&Matrix>) -> Option<Dense> {
    let (outputs, inputs) = weights.sizes();
    let all = weights.dense(weights.shape())?;
    let delays = match delays {
        Some(delays) => {
            let delays = delays.dense(weights.shape())?;
            integers(&delays).iter().map(|d| *d as u8).collect()
        }
        None => Vec::new(),
    };
    Some(Dense {
        outputs,
        inputs,
        weights: Arc::new(integers(&all).iter().map(|w| fitted.store(*w)).collect()),
        delays: Arc::new(delays),
    })
}

fn sparse(weights: &Matrix, fitted: &Fitted, delays: Option<&Matrix>) -> Option<Sparse> {
    let (outputs, inputs) = weights.sizes();
    // Aligned, a code stands for a weight and its delay.
    let mut both = vec![weights.nonzero()?];
    if let Some(delays) = delays {
        both.push(delays.sparse(weights.shape())?);
    }
    let both = tensor::Sparse::aligned(&both);
    let weights = both.first()?;
    let weight_of = integers(weights.palette());
    let delay_of = both.get(1).map(|delays| integers(delays.palette()));
    let (mut starts, mut sources) = (vec![0u64], Vec::new());
    let (mut kept, mut kept_delays) = (Vec::new(), Vec::new());
    for row in 0..weights.rows() {
        for (column, code) in weights.row(row).filter(|(_, code)| weight_of[*code] != 0) {
            sources.push(column as u32);
            kept.push(fitted.store(weight_of[code]));
            kept_delays.extend(delay_of.map(|delays| delays[code] as u8));
        }
        starts.push(sources.len() as u64);
    }
    Some(Sparse {
        outputs,
        inputs,
        starts: Arc::new(starts),
        sources: Arc::new(sources),
        weights: Arc::new(kept),
        delays: Arc::new(kept_delays),
    })
}

impl Fitted {
    fn store(&self, w: i64) -> i16 {
        if self.shift >= 0 { (w >> self.shift) as i16 } else { (w << -self.shift) as i16 }
    }
}

/// The storage of weights: the shift nearest to 0 with which every weight is one that the
/// chip's sign mode has. Mixed weights are stored in steps of 2 (-256..=254), the others in
/// steps of 1 up to 255.
fn fit(
    weights: &Matrix,
    declared: &Declared,
    (low, high): (i64, i64),
    profile: &Profile,
) -> Result<Fitted, (String, String)> {
    let f = &profile.figures;
    let sign = match declared.sign {
        1 => SignMode::Mixed,
        2 | 0 => SignMode::Excitatory,
        3 => SignMode::Inhibitory,
        _ if low >= 0 => SignMode::Excitatory,
        _ if high <= 0 => SignMode::Inhibitory,
        _ => SignMode::Mixed,
    };
    let (least, most, step) = match sign {
        SignMode::Mixed => (-256, 254, 2),
        SignMode::Excitatory => (0, 255, 1),
        SignMode::Inhibitory => (-255, 0, 1),
    };
    let fits = |shift: i64| {
        let in_range = |w: i64| match shift >= 0 {
            true => (least << shift..=most << shift).contains(&w),
            false => (least >> -shift..=most >> -shift).contains(&w),
        };
        let unit = if shift >= 0 { step << shift } else { (step >> -shift).max(1) };
        in_range(low) && in_range(high) && !weights.any(|w| w % unit != 0)
    };
    // The chip's bits at most; of a mantissa's 8, those are the lowest or the highest.
    let most_bits = (f.max_weight_bits as i64).clamp(1, 8);
    let fewer = 1 << (8 - most_bits);
    let (lowest, highest) = match sign {
        SignMode::Mixed => (least / fewer, 256 / fewer - 2),
        SignMode::Excitatory => (0, 256 / fewer - 1),
        SignMode::Inhibitory => (1 - 256 / fewer, 0),
    };
    let held = |shift: i64| {
        let stored = |w: i64| if shift >= 0 { w >> shift } else { w << -shift };
        let small = [low, high].iter().all(|w| (lowest..=highest).contains(&stored(*w)));
        small || !weights.any(|w| stored(w) % (step * fewer) != 0)
    };
    let shifts = [0, -1, 1, 2, 3, 4, 5, 6, 7, 8];
    let Some(shift) = shifts.into_iter().find(|s| fits(*s) && held(*s)) else {
        let odd = weights.any(|w| w % 2 != 0);
        let steps = |n: i64| if n == 1 { String::new() } else { format!(" in steps of {n}") };
        let what = format!(
            "they go from {low} to {high}{}; {} weights of {most_bits} bits are {lowest} to \
             {highest}{}{}",
            if odd { ", some of them odd" } else { "" },
            sign.name(),
            steps(step),
            match fewer {
                1 => String::new(),
                _ => format!(", or {least} to {most}{}", steps(step * fewer)),
            },
        );
        let remedy = "round the weights to that range, or scale weights, bias and threshold";
        return Err((what, remedy.into()));
    };
    let exp = declared.exp + shift;
    let most = f.max_weight_exp as i64;
    if !(-most..=most).contains(&exp) {
        let what = format!("their exponent is {exp}, the chip has {} to {most}", -most);
        return Err((what, "scale weights, bias and threshold together".into()));
    }
    let bits = if shift == 0 { declared.bits.clamp(1, 8) } else { 8 };
    let bits = bits.min(most_bits) as u8;
    Ok(Fitted { shift, format: WeightFormat { bits, exp: exp as i8, sign, max_delay: 0 } })
}

fn convolution(process: &Process<'_>, weights: &Matrix, fitted: &Fitted) -> Option<Conv> {
    let size = |shape: &[usize], axis: usize| shape.get(axis).and_then(|n| u32::try_from(*n).ok());
    let of = |shape: &[usize]| Some([size(shape, 0)?, size(shape, 1)?, size(shape, 2)?]);
    let kernel = weights.shape();
    let all = weights.dense(kernel)?;
    let conv = Conv {
        input: of(&process.port(Direction::In)?.shape)?,
        output: of(&process.port(Direction::Out)?.shape)?,
        kernel: [size(kernel, 1)?, size(kernel, 2)?],
        stride: pair(process, "stride")?,
        padding: pair(process, "padding")?,
        dilation: pair(process, "dilation")?,
        groups: u32::try_from(number(process, "groups")?).ok()?,
        weights: Arc::new(integers(&all).iter().map(|w| fitted.store(*w)).collect()),
    };
    conv.is_sound().then_some(conv)
}

/// Warns where a neuron's synapses could bring more in one step than `u` holds: the bound
/// `Σ|w · payload| · 2^(6 + exp) < 2^23`; `payloads` are the largest of each projection, 1 for
/// spikes.
pub fn warn_of_overflow(
    network: &ChipNetwork,
    payloads: &[u128],
    profile: &Profile,
    sink: &mut Sink,
) {
    let most = 1u128 << (profile.figures.state_bits.clamp(1, 64) - 1);
    for (l, layer) in network.populations.iter().enumerate().filter(|(_, p)| p.on_chip()) {
        let mut sums = vec![0u128; layer.neurons as usize];
        let mut graded = false;
        let projections = network.projections.iter().zip(payloads);
        for (projection, payload) in projections.filter(|(p, _)| p.to == l) {
            graded |= projection.graded;
            let shift = 6 + i32::from(projection.format.exp);
            for (output, sum) in absolute_sums(&projection.synapses).into_iter().enumerate() {
                let sum = sum * payload;
                let sum = if shift >= 0 { sum << shift } else { sum >> -shift };
                if let Some(total) = sums.get_mut(projection.target(output as u32) as usize) {
                    *total += sum;
                }
            }
        }
        let worst = sums.iter().enumerate().max_by_key(|(i, s)| (**s, usize::MAX - *i));
        let (Some((neuron, sum)), Some(loc)) = (worst, layer.loc) else { continue };
        if *sum >= most {
            let message = format!(
                "neuron {neuron} of `{}` can receive {sum} in one step, `u` holds less than {most}",
                layer.name
            );
            let what = match graded {
                true => "if all its sources send the most they can at once, `u` wraps",
                false => "if all its sources spike at once, `u` wraps",
            };
            let d = Diagnostic::new(Code::W0801, message, loc, what);
            sink.push(d.help("scale its weights down, or make sure that they never all do"));
        }
    }
}

/// `Σ|w|` of each output.
fn absolute_sums(synapses: &Synapses) -> Vec<u128> {
    let sum = |w: &[i16]| w.iter().map(|w| u128::from(w.unsigned_abs())).sum::<u128>();
    match synapses {
        Synapses::Dense(d) => d.weights.chunks((d.inputs as usize).max(1)).map(sum).collect(),
        Synapses::Sparse(s) => (0..s.outputs).map(|i| sum(&s.weights[s.row(i)])).collect(),
        Synapses::Conv(c) => {
            // Every position has the same kernels; those at the border have fewer taps.
            let channels = c.output[2] as usize;
            let each = c.weights.len() / channels.max(1);
            let kernels: Vec<u128> = c.weights.chunks(each.max(1)).map(sum).collect();
            let positions = c.output[0] as usize * c.output[1] as usize;
            std::iter::repeat_n(kernels, positions).flatten().collect()
        }
    }
}
