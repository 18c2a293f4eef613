//! Training: samples are executed there and back, and params follow their gradients.
//!
//! The network is one that [learns](Learn), as the compiler makes it (`Lesson` there); this is
//! what drives it, the same for the executor and for generated code. Whatever is added is added in
//! one order: a batch is cut into parts by its size alone, a part is executed sample by sample, and
//! parts are added in their order. So threads change no bit.

mod parts;
pub mod saved;
mod update;

pub use saved::State;

use crate::execute::RunError;
use crate::network::{Fault, Learn};
use crate::random;
use crate::training::{Decay, Optimizer};
use parts::Parts;
use std::io;
use std::ops::ControlFlow;
use update::Update;

/// What is trained, from what and how.
#[derive(Clone, Debug)]
pub struct Course {
    /// How the network is driven.
    pub lesson: Lesson,
    /// What is learned.
    pub params: Vec<Param>,
    /// How params follow gradients.
    pub optimizer: Optimizer,
    /// How its rate changes.
    pub decay: Decay,
    /// The largest norm of all gradients of an update together.
    pub clip: Option<f64>,
    /// Samples of an update.
    pub batch: u64,
    /// How often all samples are passed.
    pub epochs: u64,
    /// The seed of their order; without one they stay in order.
    pub shuffle: Option<u64>,
    /// How many samples there are.
    pub samples: u64,
    /// How many of them, the last, nothing is learned from.
    pub held_out: u64,
    /// After how many epochs without anything better it ends.
    pub patience: Option<u64>,
}

/// How a network is driven: variables are numbered as [`Learn`] does.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Steps of a sample, there and back.
    pub steps: u64,
    /// Steps until its loss is there.
    pub forth: u64,
    /// The number of the sample.
    pub sample: usize,
    /// The loss, one float.
    pub loss: usize,
    /// What is equal where a sample is right: of one element each.
    pub compared: Option<[usize; 2]>,
    /// In which gradients are collected.
    pub sums: Vec<Place>,
    /// The step that passes on what was collected.
    pub pass: u64,
    /// The step that computes what follows from what is learned.
    pub derive: u64,
    /// The step that makes what was collected 0.
    pub clear: u64,
}

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub variable: usize,
    /// Its elements.
    pub len: usize,
}

/// What is learned.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its path.
    pub name: String,
    /// The variable that it is.
    pub place: Place,
    /// The variable with its gradient.
    pub gradient: usize,
    /// The least and the greatest value.
    pub range: Option<(f64, f64)>,
    /// The network has multiples of this.
    pub step: Option<f64>,
    /// A rate of its own.
    pub rate: Option<f64>,
    /// What it begins with, in C order.
    pub start: Vec<f64>,
}

impl Param {
    /// The value that the network has: within the range, a multiple of the step. Halves are
    /// rounded to even.
    pub fn quantised(&self, x: f64) -> f64 {
        let x = match self.step {
            // Not `-0`, which is no integer.
            Some(step) => (x / step).round_ties_even() * step + 0.0,
            None => x,
        };
        match self.range {
            Some((lo, hi)) => x.clamp(lo, hi),
            None => x,
        }
    }
}

/// What an epoch has brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Which: the first is 1.
    pub number: u64,
    /// The mean loss of the samples that were learned from, each before its update.
    pub loss: f64,
    /// The share of them that was right, where that is asked.
    pub accuracy: f64,
    /// The mean loss of those that nothing is learned from, after the epoch; NaN without any.
    pub held_out_loss: f64,
    /// The share of them that is right.
    pub held_out_accuracy: f64,
    /// The share of values that are at a limit of their range.
    pub limited: f64,
    /// Whether it is the best so far.
    pub best: bool,
}

/// Who is told how training goes on.
pub trait Watch {
    /// Samples of this epoch that have been learned from, and their mean loss; asked after each
    /// update. Validation is told with all samples.
    fn batch(&mut self, epoch: u64, samples: u64, loss: f64) -> ControlFlow<()>;

    /// An epoch is over: what it has brought, and all that is needed to go on from here.
    ///
    /// # Errors
    /// Where that cannot be stored.
    fn epoch(&mut self, epoch: &Epoch, state: &State) -> io::Result<()>;
}

/// Why training failed.
#[derive(Debug)]
pub enum TrainError {
    /// As a run fails.
    Run(RunError),
    /// The loss or a gradient is no number after so many updates.
    Diverged {
        /// In which epoch.
        epoch: u64,
        /// How many updates were made in all.
        updates: u64,
    },
    /// What is to be stored cannot be.
    Store(io::Error),
}

impl From<RunError> for TrainError {
    fn from(error: RunError) -> TrainError {
        TrainError::Run(error)
    }
}

/// Trains networks that `make` makes, on so many threads; from a state that was stored, if there is
/// one. Gives the state after the last epoch.
///
/// # Errors
/// See [`TrainError`].
pub fn train<N: Learn>(
    course: &Course,
    make: &(dyn Fn() -> io::Result<N> + Sync),
    threads: usize,
    from: Option<State>,
    watch: &mut dyn Watch,
) -> Result<State, TrainError> {
    let mut state = from.unwrap_or_else(|| State::new(course));
    let mut parts = Parts::new(course, make, threads)?;
    let learned_from = course.samples - course.held_out;
    let updates = learned_from.div_ceil(course.batch);
    let held_out: Vec<u64> = (learned_from..course.samples).collect();
    while state.epoch < course.epochs && !state.is_over(course) {
        let epoch = state.epoch + 1;
        let order = order(course, epoch, learned_from);
        let (mut loss, mut right, mut done) = (0.0, 0, 0);
        for batch in order.chunks(course.batch as usize) {
            let values = state.values(course);
            let found = parts.learn(&values, batch)?;
            loss += found.loss;
            right += found.right;
            done += batch.len() as u64;
            let finite = found.gradients.iter().flatten().all(|g| g.is_finite());
            if !found.loss.is_finite() || !finite {
                return Err(TrainError::Diverged { epoch, updates: state.updates });
            }
            let passed = state.updates as f64 / (updates * course.epochs) as f64;
            Update { course, passed, epoch }.apply(&mut state, found.gradients, batch.len());
            if watch.batch(epoch, done, loss / done as f64).is_break() {
                return Err(RunError::Stopped.into());
            }
        }
        let values = state.values(course);
        let measured = parts.measure(&values, &held_out)?;
        let share = |n: f64, of: usize| if of == 0 { f64::NAN } else { n / of as f64 };
        let epoch = Epoch {
            number: epoch,
            loss: share(loss, order.len()),
            accuracy: share(right as f64, order.len()),
            held_out_loss: share(measured.loss, held_out.len()),
            held_out_accuracy: share(measured.right as f64, held_out.len()),
            limited: limited(course, &values),
            best: false,
        };
        let epoch = state.finish(course, epoch, values);
        watch.epoch(&epoch, &state).map_err(TrainError::Store)?;
    }
    Ok(state)
}

/// The losses of samples, and how many are right, with these values of what is learned.
///
/// # Errors
/// See [`TrainError`].
pub fn measure<N: Learn>(
    course: &Course,
    make: &(dyn Fn() -> io::Result<N> + Sync),
    threads: usize,
    values: &[Vec<f64>],
    samples: &[u64],
) -> Result<(f64, u64), TrainError> {
    let measured = Parts::new(course, make, threads)?.measure(values, samples)?;
    Ok((measured.loss, measured.right))
}

/// The mean loss of some samples and the gradients of all that is learned.
///
/// # Errors
/// See [`TrainError`].
pub fn gradients<N: Learn>(
    course: &Course,
    make: &(dyn Fn() -> io::Result<N> + Sync),
    threads: usize,
    values: &[Vec<f64>],
    samples: &[u64],
) -> Result<(f64, Vec<Vec<f64>>), TrainError> {
    let found = Parts::new(course, make, threads)?.learn(values, samples)?;
    Ok((found.loss, found.gradients))
}

/// The order of samples in an epoch: as they are sorted by numbers that are drawn for them.
fn order(course: &Course, epoch: u64, samples: u64) -> Vec<u64> {
    let mut order: Vec<u64> = (0..samples).collect();
    if let Some(seed) = course.shuffle {
        let stream = random::stream("shuffle", 0);
        let drawn: Vec<f64> =
            order.iter().map(|n| random::uniform(seed, stream, epoch, *n)).collect();
        order.sort_by(|a, b| drawn[*a as usize].total_cmp(&drawn[*b as usize]).then(a.cmp(b)));
    }
    order
}

/// The share of values that are at a limit of their range.
fn limited(course: &Course, values: &[Vec<f64>]) -> f64 {
    let (mut at, mut all) = (0_u64, 0_u64);
    for (param, values) in course.params.iter().zip(values) {
        if let Some((lo, hi)) = param.range {
            at += values.iter().filter(|x| **x <= lo || **x >= hi).count() as u64;
        }
        all += values.len() as u64;
    }
    at as f64 / all.max(1) as f64
}

/// A fault of a sample, in words of a run.
fn failed(fault: Fault) -> TrainError {
    TrainError::Run(RunError::Fault(fault))
}

#[cfg(test)]
mod tests;
