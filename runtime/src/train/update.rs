//! One update of what is learned.

use super::{Course, State};
use crate::arith;
use crate::training::{Decay, Moments, Optimizer};

/// An update.
pub(super) struct Update<'a> {
    pub course: &'a Course,
    /// The share of all updates that is made.
    pub passed: f64,
    /// The epoch that it is in.
    pub epoch: u64,
}

impl Update<'_> {
    /// Lets all params follow the sum of the gradients of so many samples.
    pub fn apply(&self, state: &mut State, mut gradients: Vec<Vec<f64>>, samples: usize) {
        let mean = 1.0 / samples as f64;
        gradients.iter_mut().flatten().for_each(|g| *g *= mean);
        if let Some(most) = self.course.clip {
            let norm = gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
            if norm > most {
                gradients.iter_mut().flatten().for_each(|g| *g *= most / norm);
            }
        }
        state.updates += 1;
        if let Optimizer::Adam(of) = self.course.optimizer {
            state.powers[0] *= of.beta1;
            state.powers[1] *= of.beta2;
        }
        for (k, (param, gradient)) in self.course.params.iter().zip(&gradients).enumerate() {
            let (own, first, second) =
                (&mut state.params[k], &mut state.first[k], &mut state.second[k]);
            let all = own.iter_mut().zip(gradient).zip(first.iter_mut().zip(second));
            match self.course.optimizer {
                Optimizer::Sgd { lr, momentum, weight_decay } => {
                    let rate = param.rate.unwrap_or(lr) * self.factor();
                    for ((own, g), (first, _)) in all {
                        *first = momentum * *first + (g + weight_decay * *own);
                        *own -= rate * *first;
                    }
                }
                Optimizer::Adam(of) => {
                    let rate = param.rate.unwrap_or(of.lr) * self.factor();
                    let scale = Scale::of(&of, state.powers, state.updates);
                    for ((own, g), (first, second)) in all {
                        let g = if of.decoupled { *g } else { g + of.weight_decay * *own };
                        *first = of.beta1 * *first + (1.0 - of.beta1) * g;
                        *second = of.beta2 * *second + (1.0 - of.beta2) * (g * g);
                        if of.decoupled {
                            *own -= rate * of.weight_decay * *own;
                        }
                        let step = match scale.second {
                            Some(root) => {
                                scale.first * *first / (second.sqrt() * root + of.epsilon)
                            }
                            None => scale.first * *first,
                        };
                        *own -= rate * step;
                    }
                }
            }
            if let Some((lo, hi)) = param.range {
                own.iter_mut().for_each(|x| *x = x.clamp(lo, hi));
            }
        }
    }

    /// What the rate is multiplied by.
    pub(super) fn factor(&self) -> f64 {
        match self.course.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - self.passed,
            Decay::Cosine => 0.5 * (1.0 + arith::cos_f64(std::f64::consts::PI * self.passed)),
            Decay::Steps { every, by } => {
                (0..(self.epoch - 1) / every.max(1)).fold(1.0, |factor, _| factor * by)
            }
        }
    }
}

/// How the moments are scaled.
struct Scale {
    first: f64,
    /// By what the root of the second is; none where it is not known well enough.
    second: Option<f64>,
}

impl Scale {
    fn of(of: &Moments, [power1, power2]: [f64; 2], updates: u64) -> Scale {
        let unbiased = 1.0 / (1.0 - power1);
        let root = (1.0 / (1.0 - power2)).sqrt();
        if !of.rectified {
            return Scale { first: unbiased, second: Some(root) };
        }
        // L. Liu et al., section 4: the length of the approximated simple moving average.
        let longest = 2.0 / (1.0 - of.beta2) - 1.0;
        let length = longest - 2.0 * updates as f64 * power2 / (1.0 - power2);
        if length <= 5.0 {
            return Scale { first: unbiased, second: None };
        }
        let rectified = ((length - 4.0) * (length - 2.0) * longest
            / ((longest - 4.0) * (longest - 2.0) * length))
            .sqrt();
        Scale { first: unbiased * rectified, second: Some(root) }
    }
}
