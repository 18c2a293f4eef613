//! Batches in parts, on threads.

use super::{Course, Place, TrainError, failed};
use crate::execute::{RunError, each};
use crate::network::Learn;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Into how many parts a batch is cut at most: more threads are of no use. Each is added apart, in
/// order.
const MOST_PARTS: usize = 8;
/// Samples of a part at least, where nothing is learned: there is nothing to add up.
const MEASURED: usize = 64;

/// What samples have brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// The sum of their losses.
    pub loss: f64,
    /// How many are right.
    pub right: u64,
    /// The sums of their gradients.
    pub gradients: Vec<Vec<f64>>,
}

/// A part: its losses in order, how many are right, and what was collected.
#[derive(Default)]
struct Part {
    losses: Vec<f64>,
    right: u64,
    sums: Vec<Vec<f64>>,
}

/// Networks, one a thread.
pub(super) struct Parts<'a, N> {
    course: &'a Course,
    networks: Vec<N>,
}

impl<'a, N: Learn> Parts<'a, N> {
    /// Makes the networks.
    pub fn new(
        course: &'a Course,
        make: &(dyn Fn() -> io::Result<N> + Sync),
        threads: usize,
    ) -> Result<Parts<'a, N>, TrainError> {
        let made = (0..threads.max(1)).map(|_| make().map_err(RunError::Make));
        Ok(Parts { course, networks: made.collect::<Result<_, RunError>>()? })
    }

    /// Executes samples there and back, with these values of what is learned.
    pub fn learn(&mut self, values: &[Vec<f64>], samples: &[u64]) -> Result<Found, TrainError> {
        let size = samples.len().div_ceil(MOST_PARTS).max(1);
        let parts: Vec<&[u64]> = samples.chunks(size).collect();
        let course = self.course;
        let learned =
            self.on_threads(values, &parts, |network, samples| course.learned(network, samples))?;
        let mut sums: Vec<Vec<f64>> = Vec::new();
        let (mut loss, mut right) = (0.0, 0);
        for part in learned {
            loss = part.losses.iter().fold(loss, |sum, loss| sum + loss);
            right += part.right;
            if sums.is_empty() {
                sums = part.sums;
                continue;
            }
            for (sum, part) in sums.iter_mut().flatten().zip(part.sums.iter().flatten()) {
                *sum += part;
            }
        }
        let lesson = &course.lesson;
        let network = &mut self.networks[0];
        for (place, sum) in lesson.sums.iter().zip(&sums) {
            network.write(place.variable, sum);
        }
        network.seek(lesson.pass);
        network.step(lesson.pass).map_err(failed)?;
        let gradient = |param: &super::Param| {
            read(network, Place { variable: param.gradient, len: param.place.len })
        };
        Ok(Found { loss, right, gradients: course.params.iter().map(gradient).collect() })
    }

    /// Executes samples until their loss is there, with these values of what is learned.
    pub fn measure(&mut self, values: &[Vec<f64>], samples: &[u64]) -> Result<Found, TrainError> {
        let parts: Vec<&[u64]> = samples.chunks(MEASURED).collect();
        let course = self.course;
        let measured = self.on_threads(values, &parts, |network, samples| {
            let mut part = Part::default();
            course.samples(network, samples, course.lesson.forth, &mut part)?;
            Ok(part)
        })?;
        let losses = measured.iter().flat_map(|part| &part.losses);
        let loss = losses.fold(0.0, |sum, loss| sum + loss);
        let right = measured.iter().map(|part| part.right).sum();
        Ok(Found { loss, right, gradients: Vec::new() })
    }

    /// Does something with each part on whatever network is free; gives what comes of it in order.
    fn on_threads(
        &mut self,
        values: &[Vec<f64>],
        parts: &[&[u64]],
        make: impl Fn(&mut N, &[u64]) -> Result<Part, TrainError> + Sync,
    ) -> Result<Vec<Part>, TrainError> {
        let course = self.course;
        let next = AtomicUsize::new(0);
        let made: Vec<Mutex<Option<Result<Part, TrainError>>>> =
            parts.iter().map(|_| Mutex::new(None)).collect();
        let threads = self.networks.len().min(parts.len()).max(1);
        let work = self.networks.iter_mut().take(threads).map(|network| {
            let (next, made, make) = (&next, &made, &make);
            move || {
                let mut told = course.tell(network, values).err();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(part) = parts.get(n) else { return Ok(()) };
                    let result = match told.take() {
                        Some(error) => Err(error),
                        None => make(network, part),
                    };
                    // Nobody else writes there, so that nobody can have panicked with it.
                    if let Ok(mut place) = made[n].lock() {
                        *place = Some(result);
                    }
                }
            }
        });
        each(work.collect()).into_iter().collect::<Result<Vec<()>, RunError>>()?;
        let unmade = || TrainError::Run(RunError::Panic("a part was not made".into()));
        made.into_iter()
            .map(|part| part.into_inner().ok().flatten().unwrap_or_else(|| Err(unmade())))
            .collect()
    }
}

impl Course {
    /// Writes what is learned into a network, and lets it compute what follows.
    fn tell(&self, network: &mut impl Learn, values: &[Vec<f64>]) -> Result<(), TrainError> {
        for (param, values) in self.params.iter().zip(values) {
            network.write(param.place.variable, values);
        }
        network.seek(self.lesson.derive);
        network.step(self.lesson.derive).map_err(failed)
    }

    /// A part from which is learned.
    fn learned(&self, network: &mut impl Learn, samples: &[u64]) -> Result<Part, TrainError> {
        network.seek(self.lesson.clear);
        network.step(self.lesson.clear).map_err(failed)?;
        let mut part = Part::default();
        self.samples(network, samples, self.lesson.steps, &mut part)?;
        part.sums = self.lesson.sums.iter().map(|place| read(network, *place)).collect();
        Ok(part)
    }

    /// Executes so many steps of samples, one after the other.
    fn samples(
        &self,
        network: &mut impl Learn,
        samples: &[u64],
        steps: u64,
        part: &mut Part,
    ) -> Result<(), TrainError> {
        let one = |network: &dyn Learn, variable: usize| {
            let mut value = [0.0];
            network.read(variable, &mut value);
            value[0]
        };
        for sample in samples {
            network.write(self.lesson.sample, &[*sample as f64]);
            network.seek(1);
            for t in 1..=steps {
                network.step(t).map_err(failed)?;
                if t == self.lesson.forth {
                    part.losses.push(one(network, self.lesson.loss));
                    if let Some([a, b]) = self.lesson.compared {
                        part.right += u64::from(one(network, a) == one(network, b));
                    }
                }
                network.between(t);
            }
        }
        Ok(())
    }
}

/// All elements of a variable.
fn read(network: &impl Learn, place: Place) -> Vec<f64> {
    let mut values = vec![0.0; place.len];
    network.read(place.variable, &mut values);
    values
}
