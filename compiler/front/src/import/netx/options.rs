//! The options of the loader, and what they may be.

use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use std::path::{Path, PathBuf};

/// How a `.net` file is loaded; the names and meanings are the original loader's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetxOptions {
    /// The folder from which paths in the text start; empty for the current one.
    pub folder: PathBuf,
    /// Neurons reset every so many steps (1 to 1 000 000): layer k, counted from 0 among those
    /// kept, at steps `t % interval == (offset + 1 + k) % interval`.
    pub reset_interval: Option<i64>,
    /// See `reset_interval`; 0 (the default) to 1 000 000.
    pub reset_offset: Option<i64>,
    /// Only this many entries of the file, counted from its first.
    pub num_layers: Option<i64>,
    /// Without this many entries of the file at its start.
    pub skip_layers: Option<i64>,
    /// The shape of the input; it must have as many elements as the first layer has inputs.
    pub input_shape: Option<Vec<i64>>,
    /// Bits of the messages into the first layer, 0 (the default) for spikes.
    pub input_message_bits: Option<i64>,
    /// The fixed-point exponent of sigma-delta layers.
    pub spike_exp: Option<i64>,
    /// Whether synapses are stored sparsely (`Sparse` instead of `Dense`; the same numbers).
    pub sparse_fc_layer: bool,
}

/// Which entries of a file are read, checked against how many it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    /// The first entry kept.
    pub(super) first: usize,
    /// The entry after the last.
    pub(super) end: usize,
}

impl NetxOptions {
    /// The entries to read of `count` in `file`.
    ///
    /// # Errors
    /// E0612 for each option that is out of range.
    pub(super) fn select(&self, file: &Path, count: usize) -> Result<Selection, Vec<DataError>> {
        let mut errors = Vec::new();
        let mut bounded = |name: &str, value: Option<i64>, default: usize, lo: i64, hi: i64| {
            let value = value.unwrap_or(default as i64);
            if value < lo || value > hi {
                errors.push(inapplicable(
                    file,
                    format!("`{name}` is {value}, but the file has {count} layers"),
                    format!("give a value from {lo} to {hi}"),
                ));
            }
            usize::try_from(value).unwrap_or(default)
        };
        let layers = count as i64;
        let end = bounded("num_layers", self.num_layers, count, 1, layers);
        let first = bounded("skip_layers", self.skip_layers, 0, 0, (end as i64).min(layers) - 1);
        let mut between = |name: &str, value: Option<i64>, lo: i64, hi: i64| {
            if let Some(value) = value.filter(|v| *v < lo || *v > hi) {
                errors.push(inapplicable(
                    file,
                    format!("`{name}` is {value}"),
                    format!("give a value from {lo} to {hi}"),
                ));
            }
        };
        // What LIFReset takes; the offset stays far from the end of 64 bits when layers add to it.
        between("reset_interval", self.reset_interval, 1, 1_000_000);
        between("reset_offset", self.reset_offset, 0, 1_000_000);
        between("input_message_bits", self.input_message_bits, 0, 32);
        if self.reset_offset.is_some() && self.reset_interval.is_none() {
            errors.push(inapplicable(
                file,
                "`reset_offset` is given without `reset_interval`".to_string(),
                "give `reset_interval` too".to_string(),
            ));
        }
        if self.spike_exp.is_some() {
            errors.push(inapplicable(
                file,
                "`spike_exp` is given, but no layer that can be imported is sigma-delta"
                    .to_string(),
                "leave it out".to_string(),
            ));
        }
        if errors.is_empty() { Ok(Selection { first, end }) } else { Err(errors) }
    }

    /// Checks `input_shape` against the number of inputs of the first layer.
    ///
    /// # Errors
    /// E0612.
    pub(super) fn check_input(&self, file: &Path, inputs: usize) -> Result<(), DataError> {
        let Some(shape) = &self.input_shape else { return Ok(()) };
        let elements = shape.iter().try_fold(1i64, |product, &n| product.checked_mul(n));
        if elements == i64::try_from(inputs).ok() {
            return Ok(());
        }
        Err(inapplicable(
            file,
            format!("`input_shape` is {shape:?}, but the first layer has {inputs} inputs"),
            format!("give a shape of {inputs} elements, or leave it out"),
        ))
    }
}

fn inapplicable(file: &Path, what: String, help: String) -> DataError {
    DataError::new(Code::E0612, format!("`{}`: {what}", file.display()), help)
}
