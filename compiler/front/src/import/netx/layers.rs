//! What a `.net` file says, layer by layer.

use super::conv::{self, Conv};
use super::options::{NetxOptions, Selection};
use super::values::{Integers, Param, integers, malformed, param};
use super::weights::{self, Quantisation};
use crate::import::Lost;
use snn_data::h5::{Entry, File};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;

/// Weights and delays lie within these bounds, or are certainly wrong: 32 bits with sign.
pub(super) const WORD: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);

/// The longest delay of the reference: longer ones are cut to it.
pub(super) const LONGEST_DELAY: i64 = 62;

/// The highest threshold of the loader: not reached by a membrane of 24 bits, 2^17 · 2^6 = 2^23.
const MOST_THRESHOLD: i64 = 1 << 17;

/// The highest threshold that a chip stores, for layers without neurons: only a membrane that
/// saturates exceeds it. (The loader has [`MOST_THRESHOLD`], which no chip has.)
const CHIP_THRESHOLD: i64 = (1 << 17) - 1;

/// A layer with CUBA neurons.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Its entry in the file, from 0; entries without processes count.
    pub(super) entry: usize,
    /// The shape of its input: `[n]`, or `[width, height, channels]`.
    pub(super) input: Vec<usize>,
    /// The shape of its neurons, likewise.
    pub(super) output: Vec<usize>,
    /// What connects the two.
    pub(super) synapse: Synapse,
    /// The bias of its neurons, in units of 2^6.
    pub(super) bias: Option<Param>,
    /// Their decay and threshold.
    pub(super) neuron: Neuron,
    /// Bits of the messages it receives, 0 for spikes.
    pub(super) message_bits: i64,
}

impl Layer {
    /// What is lost of its weights and delays.
    pub(super) fn losses(&self) -> impl Iterator<Item = &Lost> {
        let (weights, delays) = match &self.synapse {
            Synapse::Dense(d) => (&d.weight.lost, d.delay.as_ref().and_then(|d| d.lost.as_ref())),
            Synapse::Conv(c) => (&c.lost, c.lost_delays.as_ref()),
        };
        weights.iter().chain(delays)
    }
}

/// How a layer's neurons are connected to its input.
#[derive(Clone, Debug)]
pub(super) enum Synapse {
    /// All with all.
    Dense(Dense),
    /// By a convolution.
    Conv(Conv),
}

/// A dense layer's synapses.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    /// Their weights.
    pub(super) weight: Weight,
    /// Their delays.
    pub(super) delay: Option<Delay>,
}

/// Weights `[outputs, inputs]`.
#[derive(Clone, Debug)]
pub(super) struct Weight {
    /// Whether the file has them in one dimension.
    pub(super) flat: bool,
    /// How many are not integers in the file.
    pub(super) cut: usize,
    /// How they are written.
    pub(super) quantisation: Quantisation,
    /// What is lost of them.
    pub(super) lost: Option<Lost>,
}

/// Delays in steps, in addition to the one that every synapse has.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    /// For which synapses the file gives them.
    pub(super) form: DelayForm,
    /// Whether some are above [`LONGEST_DELAY`].
    pub(super) clamp: bool,
    /// How many are not integers in the file.
    pub(super) cut: usize,
    /// What is lost of them.
    pub(super) lost: Option<Lost>,
}

/// For which synapses delays are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DelayForm {
    /// This one for all.
    Same(i64),
    /// One for each neuron.
    Outputs,
    /// One for each input.
    Inputs,
    /// One for each synapse.
    All,
}

/// Parameters of CUBA neurons.
#[derive(Clone, Debug)]
pub(super) struct Neuron {
    /// Decay of the current, in 1/4096.
    pub(super) i_decay: Param,
    /// Decay of the voltage, in 1/4096.
    pub(super) v_decay: Param,
    /// Threshold, in units of 2^6.
    pub(super) threshold: Param,
    /// Whether the file has none, and these are the loader's.
    pub(super) default: bool,
}

/// What kind of layer an entry is.
enum Kind {
    /// Dense with CUBA neurons.
    Dense,
    /// A convolution with CUBA neurons.
    Conv,
    /// Channels, rows and columns become one axis, in this order.
    Flatten,
    /// An input without neurons: the shape of what is fed in.
    Input,
    /// Anything else, in words.
    Other(String),
}

/// Reads the layers that the options keep, at least one.
///
/// # Errors
/// All that are found: E0601 to E0605, E0610, E0611, E0612.
pub(super) fn read(h5: &File, options: &NetxOptions) -> Result<Vec<Layer>, Vec<DataError>> {
    let count = count(h5).map_err(|e| vec![e])?;
    let selection = options.select(h5.path(), count)?;
    let (kinds, message_bits) = survey(h5, selection, options)?;
    let mut layers: Vec<Layer> = Vec::new();
    let mut errors = Vec::new();
    let mut shape = first_shape(h5, selection, options).map_err(|e| vec![e])?;
    let mut flat = false;
    for (entry, kind) in (selection.first..).zip(&kinds) {
        // Binary after the first layer: CUBA neurons send spikes.
        let bits = if layers.is_empty() { message_bits } else { 0 };
        let layer = match kind {
            Kind::Dense => dense(h5, entry, bits),
            Kind::Conv if flat => Err(vec![malformed(
                h5,
                format!("layer {entry} is a convolution of what was flattened"),
                "export it without the flatten",
            )]),
            Kind::Conv => conv::layer(h5, entry, shape.as_deref(), bits),
            Kind::Flatten => {
                flat = true;
                continue;
            }
            Kind::Input if layers.is_empty() => {
                shape = Some(reversed_shape(h5, entry).map_err(|e| vec![e])?);
                continue;
            }
            Kind::Input | Kind::Other(_) => continue,
        };
        match layer {
            Ok(layer) => {
                errors.extend(layers.last().and_then(|before| misfit(h5, before, &layer, flat)));
                (shape, flat) = (Some(layer.output.clone()), false);
                layers.push(layer);
            }
            // What comes after it would only be said not to fit.
            Err(more) if matches!(kind, Kind::Conv) => {
                errors.extend(more);
                return Err(errors);
            }
            Err(more) => errors.extend(more),
        }
    }
    match layers.first() {
        Some(first) => {
            let inputs = first.input.iter().product();
            errors.extend(options.check_input(h5.path(), inputs).err());
        }
        None if errors.is_empty() => errors.push(malformed(
            h5,
            "none of the layers read has neurons",
            "read more layers with `num_layers` and `skip_layers`",
        )),
        None => {}
    }
    if errors.is_empty() { Ok(layers) } else { Err(errors) }
}

/// The shape of what is fed into the first layer kept, where something says it: the option, or
/// the last input or convolution that is skipped.
fn first_shape(
    h5: &File,
    selection: Selection,
    options: &NetxOptions,
) -> Result<Option<Vec<usize>>, DataError> {
    if let Some(given) = &options.input_shape {
        return Ok(given.iter().map(|n| usize::try_from(*n).ok()).collect());
    }
    for entry in (0..selection.first).rev() {
        let ty = h5.text(&format!("{}/type", group(entry)))?;
        if ty == "input" || ty == "conv" {
            return reversed_shape(h5, entry).map(Some);
        }
    }
    Ok(None)
}

/// The shape of an entry, which the file has as channels, height, width.
pub(super) fn reversed_shape(h5: &File, entry: usize) -> Result<Vec<usize>, DataError> {
    let sizes = integers(h5, &format!("{}/shape", group(entry)), 1, WORD.1)?.values;
    Ok(sizes.iter().rev().filter_map(|n| usize::try_from(*n).ok()).collect())
}

/// Why a layer cannot follow the one before.
fn misfit(h5: &File, before: &Layer, layer: &Layer, flat: bool) -> Option<DataError> {
    let (inputs, neurons) = (elements(&layer.input), elements(&before.output));
    if inputs != neurons {
        return Some(malformed(
            h5,
            format!(
                "layer {} has {inputs} inputs, layer {} before it {neurons} neurons",
                layer.entry, before.entry
            ),
            "export the layers of one network",
        ));
    }
    let unsaid = before.output.len() == 3 && layer.input.len() == 1 && !flat;
    unsaid.then(|| {
        malformed(
            h5,
            format!(
                "layer {} is dense, but nothing flattens the layer {} before it",
                layer.entry, before.entry
            ),
            "export the network with its flatten layer",
        )
    })
}

fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// How many entries `/layer` has: groups named `0`, `1`, … without a gap.
fn count(h5: &File) -> Result<usize, DataError> {
    if h5.entry("/layer") != Entry::Group {
        return Err(malformed(
            h5,
            "it has no group `/layer`, so it does not describe a network",
            "name a file that lava-dl exported; tensors of other HDF5 files are read with \
             `hdf5(\"file\", \"/path\")`",
        ));
    }
    let names = h5.members("/layer")?;
    let mut numbers: Vec<usize> =
        names.iter().filter_map(|name| name.strip_suffix('/')?.parse().ok()).collect();
    // Names sort as text, "10" before "9"; layers are in order of their numbers.
    numbers.sort_unstable();
    if numbers.len() != names.len() || numbers.iter().enumerate().any(|(i, &n)| i != n) {
        return Err(malformed(
            h5,
            "the groups in `/layer` are not numbered 0, 1, 2, …",
            format!("they are {}", names.join(" ").escape_debug()),
        ));
    }
    if numbers.is_empty() {
        return Err(malformed(h5, "it has no layers", "export the network again"));
    }
    Ok(numbers.len())
}

/// The kinds of the entries kept, and the bits of the messages into the first of them.
///
/// # Errors
/// E0610, which names every entry kept that cannot be imported; E0611 and what reading gives.
fn survey(
    h5: &File,
    selection: Selection,
    options: &NetxOptions,
) -> Result<(Vec<Kind>, i64), Vec<DataError>> {
    let mut bits = options.input_message_bits.unwrap_or(0);
    let mut kinds = Vec::new();
    let mut errors = Vec::new();
    for entry in 0..selection.end {
        match kind(h5, entry) {
            // A layer that is skipped still says what messages the next one gets.
            Ok(_) if entry < selection.first => match sent_bits(h5, entry, bits) {
                Ok(sent) => bits = sent,
                Err(e) => errors.push(e),
            },
            Ok(kind) => kinds.push(kind),
            Err(e) => errors.push(e),
        }
    }
    let others: Vec<String> = (selection.first..)
        .zip(&kinds)
        .filter_map(|(entry, kind)| match kind {
            Kind::Other(what) => Some(format!("layer {entry} is {what}")),
            _ => None,
        })
        .collect();
    if !others.is_empty() {
        errors.push(DataError::new(
            Code::E0610,
            format!(
                "`{}` has layers that cannot be imported: {}",
                h5.path().display(),
                others.join(", ")
            ),
            "dense layers and convolutions with CUBA or LOIHI neurons can be imported; `num_layers` and \
             `skip_layers` choose a part of the file",
        ));
    }
    if errors.is_empty() { Ok((kinds, bits)) } else { Err(errors) }
}

fn kind(h5: &File, entry: usize) -> Result<Kind, DataError> {
    let group = group(entry);
    let layer = h5.text(&format!("{group}/type"))?;
    let neuron = neuron_type(h5, &group)?;
    let shown = layer.escape_debug();
    Ok(match (layer.as_str(), neuron.as_deref()) {
        ("dense", _) if h5.entry(&format!("{group}/weight")) == Entry::Group => {
            Kind::Other("`dense` with complex weights".to_string())
        }
        ("dense", Some("CUBA" | "LOIHI") | None) => Kind::Dense,
        ("conv", Some("CUBA" | "LOIHI") | None) => Kind::Conv,
        ("flatten", _) => Kind::Flatten,
        ("input", None) => Kind::Input,
        (_, Some(neuron)) => {
            Kind::Other(format!("`{shown}` with `{}` neurons", neuron.escape_debug()))
        }
        (_, None) => Kind::Other(format!("`{shown}`")),
    })
}

/// The bits of the messages that an entry sends, when it receives messages of `received`.
fn sent_bits(h5: &File, entry: usize, received: i64) -> Result<i64, DataError> {
    let group = group(entry);
    Ok(match (neuron_type(h5, &group)?.as_deref(), h5.text(&format!("{group}/type"))?.as_str()) {
        (Some("SDNN"), _) => 16,
        (None, "flatten" | "input") => received,
        _ => 0,
    })
}

fn neuron_type(h5: &File, group: &str) -> Result<Option<String>, DataError> {
    match h5.entry(&format!("{group}/neuron")) {
        Entry::Group => h5.text(&format!("{group}/neuron/type")).map(Some),
        _ => Ok(None),
    }
}

/// The HDF5 group of an entry.
pub(super) fn group(entry: usize) -> String {
    format!("/layer/{entry}")
}

fn dense(h5: &File, entry: usize, message_bits: i64) -> Result<Layer, Vec<DataError>> {
    let group = group(entry);
    let (weight, outputs, inputs) = weight(h5, &group).map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    let delay = delay(h5, &group, outputs, inputs).map_err(|e| errors.push(e)).ok();
    let neurons = neurons(h5, &group, &[outputs], &mut errors);
    match (delay, neurons) {
        (Some(delay), Some((bias, neuron))) => {
            let synapse = Synapse::Dense(Dense { weight, delay });
            let (input, output) = (vec![inputs], vec![outputs]);
            Ok(Layer { entry, input, output, synapse, bias, neuron, message_bits })
        }
        _ => Err(errors),
    }
}

/// The bias and the parameters of the neurons of a layer of this shape.
pub(super) fn neurons(
    h5: &File,
    group: &str,
    shape: &[usize],
    errors: &mut Vec<DataError>,
) -> Option<(Option<Param>, Neuron)> {
    let bias = bias(h5, group, shape).map_err(|e| errors.push(e)).ok();
    let neuron = neuron(h5, group, shape).map_err(|e| errors.push(e)).ok();
    bias.zip(neuron)
}

/// The weights, and how many outputs and inputs they connect.
fn weight(h5: &File, group: &str) -> Result<(Weight, usize, usize), DataError> {
    let path = format!("{group}/weight");
    let Integers { shape: sizes, values: extents, .. } =
        integers(h5, &format!("{group}/shape"), 1, WORD.1)?;
    let neurons = extents.iter().try_fold(1i64, |product, &n| product.checked_mul(n));
    let neurons = neurons.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let all = integers(h5, &path, WORD.0, WORD.1)?;
    let shape = &all.shape;
    let (outputs, inputs) = match *shape.as_slice() {
        [outputs, inputs] => (outputs, inputs),
        [n] if n % neurons == 0 => (neurons, n / neurons),
        _ => {
            let what = format!("`{path}` has the shape {shape:?}");
            return Err(malformed(h5, what, "weights have the shape [neurons, inputs]"));
        }
    };
    if outputs != neurons {
        let shown = if sizes.len() > 1 { format!("{extents:?}") } else { neurons.to_string() };
        return Err(malformed(
            h5,
            format!("`{path}` has the shape {shape:?}, but `{group}/shape` is {shown}"),
            "the first dimension of the weights is the number of neurons",
        ));
    }
    let quantisation = weights::quantised(&all.values);
    let lost = Lost::between(&path, all.given(), quantisation.effects(&all.values));
    let (flat, cut) = (shape.len() == 1, all.fractions.len());
    Ok((Weight { flat, cut, quantisation, lost }, outputs, inputs))
}

fn delay(
    h5: &File,
    group: &str,
    outputs: usize,
    inputs: usize,
) -> Result<Option<Delay>, DataError> {
    let path = format!("{group}/delay");
    if h5.entry(&path) == Entry::Nothing {
        return Ok(None);
    }
    let all = integers(h5, &path, 0, WORD.1)?;
    let (shape, values) = (&all.shape, &all.values);
    let form = match (values.as_slice(), shape.as_slice()) {
        ([only], _) => DelayForm::Same((*only).min(LONGEST_DELAY)),
        // As many neurons as inputs: the reference takes them as the neurons'.
        (_, [n]) if *n == outputs => DelayForm::Outputs,
        (_, [n]) if *n == inputs => DelayForm::Inputs,
        (_, [m, n]) if (*m, *n) == (outputs, inputs) => DelayForm::All,
        _ => {
            return Err(malformed(
                h5,
                format!("`{path}` has the shape {shape:?}"),
                format!("give one delay, {outputs}, {inputs}, or [{outputs}, {inputs}]"),
            ));
        }
    };
    let clamp = values.iter().any(|&d| d > LONGEST_DELAY);
    let kept = values.iter().map(|d| (*d).min(LONGEST_DELAY) as f64);
    let lost = Lost::between(&path, all.given(), kept);
    Ok(Some(Delay { form, clamp, cut: all.fractions.len(), lost }))
}

/// Biases are exported as floats and have 16 bits.
fn bias(h5: &File, group: &str, neurons: &[usize]) -> Result<Option<Param>, DataError> {
    let path = format!("{group}/bias");
    if h5.entry(&path) == Entry::Nothing {
        return Ok(None);
    }
    let bounds = (i64::from(i16::MIN), i64::from(i16::MAX));
    param(h5, group, "bias", neurons, bounds).map(Some)
}

fn neuron(h5: &File, group: &str, neurons: &[usize]) -> Result<Neuron, DataError> {
    if h5.entry(&format!("{group}/neuron")) == Entry::Nothing {
        return Ok(Neuron {
            i_decay: Param::Same(0),
            v_decay: Param::Same(4096),
            threshold: Param::Same(CHIP_THRESHOLD),
            default: true,
        });
    }
    Ok(Neuron {
        i_decay: param(h5, group, "neuron/iDecay", neurons, (0, 4096))?,
        v_decay: param(h5, group, "neuron/vDecay", neurons, (0, 4096))?,
        threshold: param(h5, group, "neuron/vThMant", neurons, (0, MOST_THRESHOLD))?,
        default: false,
    })
}
