//! A checked `train` block: what is learned of a network, from what, and how.
//!
//! The front makes one beside the [`Network`](crate::network::Network) that it is about, which
//! is that of a run over all samples. Variables are those of the network form.

use crate::diagnostics::Loc;
use crate::network::{InstanceId, ParamId};
use crate::tensor::Tensor;

pub use snn_core::training::{Decay, Moments, Optimizer};

/// What a `train` block says.
#[derive(Clone, Debug)]
pub struct Training {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub place: Loc,
    /// A sample begins every so many steps; the first in step 1. At least 1.
    pub period: u64,
    /// How many steps after the beginning of a sample its loss is there: it is read after that step,
    /// the first that is not before the last of the period. At least 1.
    pub steps: u64,
    /// How many samples there are, numbered from 0. At least 1.
    pub samples: u64,
    /// What is learned, each param once.
    pub learned: Vec<Learned>,
    /// The loss is the sum of these; at least one.
    pub losses: Vec<Loss>,
    /// What a spike passes on of a gradient.
    pub slope: Slope,
    /// How params follow gradients.
    pub optimizer: Optimizer,
    /// How its rate changes over all updates.
    pub decay: Decay,
    /// The largest norm of all gradients of an update together; they are scaled down to it.
    pub clip: Option<f64>,
    /// Samples of an update; at least 1. The last of an epoch may have fewer.
    pub batch: u64,
    /// How often all samples are passed; at least 1.
    pub epochs: u64,
    /// The seed of the order of samples, another in each epoch; without one they stay in order.
    pub shuffle: Option<u64>,
    /// How what was learned is measured.
    pub validate: Option<Validate>,
    /// After how many epochs that bring nothing better it ends. Only with [`Training::validate`].
    pub patience: Option<u64>,
    /// The files that are written in the end, with what was best: relative to the program's folder.
    pub exports: Vec<Export>,
}

/// A param that is learned.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Which.
    pub param: ParamId,
    /// The least and the greatest value that it may have.
    pub range: Option<(f64, f64)>,
    /// It has multiples of this: of a param of integers a positive integer. None for floats that
    /// may have any value.
    pub step: Option<f64>,
    /// What it begins with, of its shape, as floats; without, with the value that the program gives.
    pub start: Option<Tensor>,
    /// The rate of the optimizer for this param alone.
    pub rate: Option<f64>,
    /// Where it is written.
    pub place: Loc,
}

/// A variable that is a loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The instance and its variable: one float.
    pub var: (InstanceId, u32),
    /// What it is multiplied by.
    pub factor: f64,
    /// Where it is written.
    pub place: Loc,
}

/// How a step from 0 to 1 is differentiated: a bell around the threshold, as wide as a number of
/// thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Its form.
    pub form: SlopeForm,
    /// Its width in thresholds, greater than 0.
    pub width: f64,
}

/// The form of a slope, by how far `x` the threshold is, in widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlopeForm {
    /// `exponential`: `exp(-|x|)`. S. B. Shrestha and G. Orchard, *SLAYER*, 2018.
    Exponential,
    /// `fast_sigmoid`: `1 / (1 + |x|)²`. F. Zenke and S. Ganguli, *SuperSpike*, 2018.
    FastSigmoid,
    /// `triangle`: `max(0, 1 - |x|)`. S. K. Esser et al., *Convolutional networks for fast,
    /// energy-efficient neuromorphic computing*, 2016.
    Triangle,
    /// `box`: 1 where `|x| < 1`, else 0.
    Box,
}

/// How what was learned is measured: by samples from which nothing is learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Validate {
    /// The share of samples of which two variables are equal, each of one element, at the step of the
    /// loss; the greater the better. Without, it is the loss, the smaller the better.
    pub accuracy: Option<[(InstanceId, u32); 2]>,
    /// How many: the last samples. Fewer than [`Training::samples`].
    pub last: u64,
    /// Where it is written.
    pub place: Loc,
}

/// A file that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name: ends with `.npz`, or `.net`.
    pub path: String,
    /// Where it is written.
    pub place: Loc,
}
