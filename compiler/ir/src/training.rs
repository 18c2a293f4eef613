//! A checked `train` block: what is learned of a network, from what, and how.
//!
//! The front makes one beside the [`Network`](crate::network::Network) that it is about, which
//! is that of a run over all samples. Variables are those of the network form.

use crate::diagnostics::Loc;
use crate::network::{InstanceId, ParamId};
use crate::tensor::Tensor;

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

/// The form of a slope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlopeForm {
    /// `exponential`
    Exponential,
    /// `fast_sigmoid`
    FastSigmoid,
    /// `triangle`
    Triangle,
    /// `box`
    Box,
}

/// How params follow gradients. Rates are in units of the param's declared step (1 without one).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Gradient descent: `v = momentum · v + g`, `w -= lr · v`.
    Sgd {
        /// The rate.
        lr: f64,
        /// How much of the change before goes on, from 0 up to 1.
        momentum: f64,
        /// How much of the param itself is added to its gradient.
        weight_decay: f64,
    },
    /// D. Kingma and J. Ba, *Adam*, 2015; with [`Moments::decoupled`] I. Loshchilov and F. Hutter,
    /// *Decoupled weight decay regularization*, 2019; with [`Moments::rectified`] L. Liu et al.,
    /// *On the variance of the adaptive learning rate and beyond*, 2020.
    Adam(Moments),
}

/// An optimizer that follows the first two moments of a gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The rate.
    pub lr: f64,
    /// How much of the first moment stays at an update.
    pub beta1: f64,
    /// How much of the second moment stays.
    pub beta2: f64,
    /// Is added to the root of the second moment.
    pub epsilon: f64,
    /// How much of the param is added to its gradient, or where `decoupled` taken from itself.
    pub weight_decay: f64,
    /// AdamW: the param decays by itself.
    pub decoupled: bool,
    /// RAdam: steps wait until the variance is known.
    pub rectified: bool,
}

/// How a rate changes with the share `x` of all updates that are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// `constant`: not at all.
    Constant,
    /// `linear`: times `1 - x`.
    Linear,
    /// `cosine`: times `(1 + cos(π x)) / 2`.
    Cosine,
    /// `steps(every: N, by: F)`: times `F` after every `N` epochs.
    Steps {
        /// How many epochs.
        every: u64,
        /// The factor.
        by: f64,
    },
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
