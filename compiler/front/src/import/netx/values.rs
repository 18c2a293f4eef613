//! Numbers of a network file, checked for what they stand for.

use snn_data::h5::File;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::tensor::{Tensor, Values};

/// Integers, as the loader takes them: fractions are cut off toward zero.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    /// Their shape in the file.
    pub(super) shape: Vec<usize>,
    /// The values in C order; at least one.
    pub(super) values: Vec<i64>,
    /// The values that had a fraction, with their positions.
    pub(super) fractions: Vec<(usize, f64)>,
}

impl Integers {
    /// The values as the file has them.
    pub(super) fn given(&self) -> impl Iterator<Item = f64> + '_ {
        let mut fractions = self.fractions.iter().peekable();
        self.values.iter().enumerate().map(move |(i, value)| {
            match fractions.next_if(|(at, _)| *at == i) {
                Some((_, given)) => *given,
                None => *value as f64,
            }
        })
    }
}

/// A parameter of a layer's neurons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Param {
    /// The same for all.
    Same(i64),
    /// One for each, in the dataset with this key.
    Each(&'static str),
}

/// Reads a dataset of integers in `lo..=hi`.
///
/// # Errors
/// E0601 to E0605, E0611 where it is empty or a value is outside or not a number.
pub(super) fn integers(h5: &File, path: &str, lo: i64, hi: i64) -> Result<Integers, DataError> {
    let (_, Tensor { shape, values }) = h5.read(path)?;
    let mut fractions = Vec::new();
    let values = match values {
        Values::Int(v) => v,
        Values::Bool(v) => v.into_iter().map(i64::from).collect(),
        Values::Float(v) => {
            if let Some(x) = v.iter().find(|x| !x.is_finite()) {
                return Err(malformed(
                    h5,
                    format!("`{path}` has the value {x}"),
                    "export it again",
                ));
            }
            let whole = |x: &f64| x.fract() == 0.0;
            fractions = v.iter().copied().enumerate().filter(|(_, x)| !whole(x)).collect();
            v.into_iter().map(|x| x as i64).collect()
        }
    };
    if values.is_empty() {
        return Err(malformed(h5, format!("`{path}` is empty"), "export it again"));
    }
    if let Some(n) = values.iter().find(|n| !(lo..=hi).contains(*n)) {
        return Err(malformed(
            h5,
            format!("`{path}` has the value {n}"),
            format!("values lie from {lo} to {hi} here"),
        ));
    }
    Ok(Integers { shape, values, fractions })
}

/// Reads a parameter of neurons of a shape: a scalar, an array of one, one value for each of the
/// last axis (channels, where there are others), or an array of all.
///
/// # Errors
/// As [`integers`]; E0611 too where it has another length, or a fraction.
pub(super) fn param(
    h5: &File,
    group: &str,
    key: &'static str,
    neurons: &[usize],
    (lo, hi): (i64, i64),
) -> Result<Param, DataError> {
    let path = format!("{group}/{key}");
    let Integers { shape, values, fractions } = integers(h5, &path, lo, hi)?;
    if !fractions.is_empty() {
        let what = format!("`{path}` has a value with a fraction");
        return Err(malformed(h5, what, "export it as the fixed-point integer"));
    }
    match values.as_slice() {
        [only] => Ok(Param::Same(*only)),
        _ if shape == neurons || neurons.last().is_some_and(|n| shape == [*n]) => {
            Ok(Param::Each(key))
        }
        _ => Err(malformed(
            h5,
            format!("`{path}` has the shape {shape:?}, the layer has neurons of shape {neurons:?}"),
            format!("give one value, or {}", neurons.last().copied().unwrap_or(1)),
        )),
    }
}

/// E0611.
pub(super) fn malformed(
    h5: &File,
    what: impl std::fmt::Display,
    help: impl Into<String>,
) -> DataError {
    DataError::new(Code::E0611, format!("`{}`: {what}", h5.path().display()), help)
}
