//! How params follow gradients: what the compiler says and the program does.

/// How params follow gradients. Rates are in the units of the param.
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
    /// D. Kingma and J. Ba, *Adam: a method for stochastic optimization*, 2015; where
    /// [`Moments::decoupled`] I. Loshchilov and F. Hutter, *Decoupled weight decay
    /// regularization*, 2019; where [`Moments::rectified`] L. Liu et al., *On the variance of the
    /// adaptive learning rate and beyond*, 2020.
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
