//! Convolutions of a `.net` file.

use super::layers::{self, Layer, Synapse, WORD};
use super::values::{Integers, integers, malformed};
use crate::import::Lost;
use snn_core::kernels::Geometry;
use snn_data::h5::{Entry, File};
use snn_ir::data::DataError;

/// Strides, paddings and dilations of the language are at most this.
const MOST: i64 = 65_535;

/// The synapses of a convolution. The file has its axes as `[output channels, input channels of
/// a group, height, width]` and does not mirror the kernel.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    /// Its sizes.
    pub(super) geometry: Geometry,
    /// Whether the weights have a fifth axis, of size 1.
    pub(super) time_axis: bool,
    /// How many weights are not integers in the file.
    pub(super) cut: usize,
    /// Whether the file has delays, which have no effect.
    pub(super) delays: bool,
    /// What is lost of the weights.
    pub(super) lost: Option<Lost>,
    /// The delays that are not 0.
    pub(super) lost_delays: Option<Lost>,
}

/// Reads a convolution of an input of a shape, where it is known.
///
/// # Errors
/// As [`integers`]; E0611 where sizes do not fit each other.
pub(super) fn layer(
    h5: &File,
    entry: usize,
    input: Option<&[usize]>,
    message_bits: i64,
) -> Result<Layer, Vec<DataError>> {
    let group = layers::group(entry);
    let conv = conv(h5, entry, &group, input).map_err(|e| vec![e])?;
    let (input, output) = (conv.geometry.input.to_vec(), conv.geometry.output().to_vec());
    let mut errors = Vec::new();
    match layers::neurons(h5, &group, &output, &mut errors) {
        Some((bias, neuron)) => {
            let synapse = Synapse::Conv(conv);
            Ok(Layer { entry, input, output, synapse, bias, neuron, message_bits })
        }
        None => Err(errors),
    }
}

fn conv(h5: &File, entry: usize, group: &str, input: Option<&[usize]>) -> Result<Conv, DataError> {
    let Some(&[width, height, channels]) = input else {
        let what = match input {
            None => format!("nothing says the shape of the input of layer {entry}"),
            Some(shape) => format!("the input of layer {entry}, a convolution, is {shape:?}"),
        };
        return Err(malformed(h5, what, "give `input_shape: [width, height, channels]`"));
    };
    let path = format!("{group}/weight");
    let weights = integers(h5, &path, WORD.0, WORD.1)?;
    let shape = &weights.shape;
    let (outputs, per_group, kernel) = match *shape.as_slice() {
        [outputs, per_group, h, w] | [outputs, per_group, h, w, 1] => (outputs, per_group, [w, h]),
        _ => {
            return Err(malformed(
                h5,
                format!("`{path}` has the shape {shape:?}"),
                "weights of a convolution have the shape [outputs, inputs, height, width]",
            ));
        }
    };
    let groups = pair(h5, &format!("{group}/groups"), 1)?[0];
    let geometry = Geometry {
        input: [width, height, channels],
        outputs,
        kernel,
        stride: pair(h5, &format!("{group}/stride"), 1)?,
        padding: pair(h5, &format!("{group}/padding"), 0)?,
        dilation: pair(h5, &format!("{group}/dilation"), 1)?,
        groups,
    };
    if channels != per_group * groups || !outputs.is_multiple_of(groups) {
        return Err(malformed(
            h5,
            format!(
                "`{path}` has the shape {shape:?} in {groups} groups, the input {channels} channels"
            ),
            "the second dimension is the number of input channels divided by `groups`, which \
             divides the first",
        ));
    }
    let output = geometry.output();
    let declared = layers::reversed_shape(h5, entry)?;
    if declared != output || output.contains(&0) {
        return Err(malformed(
            h5,
            format!(
                "layer {entry} has the shape {declared:?}, but an input of {width} by {height} \
                 gives {output:?} (width, height, channels)"
            ),
            "export the layers of one network, or give its `input_shape: [width, height, channels]`",
        ));
    }
    let delay = format!("{group}/delay");
    let delays = h5.entry(&delay) != Entry::Nothing;
    // They are not needed, whatever they are.
    let lost_delays = integers(h5, &delay, WORD.0, WORD.1).ok().filter(|_| delays);
    let lost_delays =
        lost_delays.and_then(|d| Lost::between(&delay, d.given(), std::iter::repeat(0.0)));
    let kept = weights.values.iter().map(|w| *w as f64);
    let lost = Lost::between(&path, weights.given(), kept);
    let (time_axis, cut) = (shape.len() == 5, weights.fractions.len());
    Ok(Conv { geometry, time_axis, cut, delays, lost, lost_delays })
}

/// One number for both axes, or `[height, width]`; turned round.
fn pair(h5: &File, path: &str, least: i64) -> Result<[usize; 2], DataError> {
    let Integers { shape, values, .. } = integers(h5, path, least, MOST)?;
    let size = |n: i64| usize::try_from(n).unwrap_or(0);
    match *values.as_slice() {
        [both] => Ok([size(both); 2]),
        [y, x] => Ok([size(x), size(y)]),
        _ => {
            let what = format!("`{path}` has the shape {shape:?}");
            Err(malformed(h5, what, "give one number, or two: for height and width"))
        }
    }
}
