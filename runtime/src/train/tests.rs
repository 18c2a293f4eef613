//! Training of a network whose gradients are known.

use super::*;
use crate::network::{Column, Network};
use crate::training::Moments;

/// The loss of sample `s` is the square of how far `w` is from `(s, 2 s)`, in two steps there and
/// back; the variables are sample, `w`, what is collected, its gradient, loss, and `s` modulo 2
/// beside 0, which are compared.
#[derive(Clone, Default)]
struct Toy {
    sample: f64,
    w: [f64; 2],
    sums: [f64; 2],
    gradient: [f64; 2],
    loss: f64,
    /// Whether the next sample gives no number.
    wild: bool,
}

impl Toy {
    fn off(&self) -> [f64; 2] {
        [self.w[0] - self.sample, self.w[1] - 2.0 * self.sample]
    }
}

impl Network for Toy {
    fn step(&mut self, t: u64) -> Result<(), Fault> {
        let off = self.off();
        match t {
            1 => self.loss = if self.wild { f64::NAN } else { off[0] * off[0] + off[1] * off[1] },
            2 => self.sums.iter_mut().zip(off).for_each(|(sum, off)| *sum += 2.0 * off),
            3 => self.gradient = self.sums,
            4 => {}
            5 => self.sums = [0.0; 2],
            _ => panic!("there is no step {t}"),
        }
        Ok(())
    }

    fn between(&mut self, _: u64) {}

    fn seek(&mut self, _: u64) {}

    fn due(&self, _: usize, _: u64) -> bool {
        false
    }

    fn keep(&self, _: usize, _: &mut Column) {}

    fn collect(&mut self, _: &Self, _: u64, _: u64) {}
}

impl Learn for Toy {
    fn read(&self, variable: usize, to: &mut [f64]) {
        to.copy_from_slice(match variable {
            2 => &self.sums,
            3 => &self.gradient,
            4 => std::slice::from_ref(&self.loss),
            5 => return to.fill(self.sample % 2.0),
            6 => return to.fill(0.0),
            _ => panic!("variable {variable}"),
        });
    }

    fn write(&mut self, variable: usize, from: &[f64]) {
        match variable {
            0 => self.sample = from[0],
            1 => self.w.copy_from_slice(from),
            2 => self.sums.copy_from_slice(from),
            _ => panic!("variable {variable}"),
        }
    }
}

const SGD: Optimizer = Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0 };

fn course(optimizer: Optimizer) -> Course {
    let lesson = Lesson {
        steps: 2,
        forth: 1,
        sample: 0,
        loss: 4,
        compared: Some([5, 6]),
        sums: vec![Place { variable: 2, len: 2 }],
        pass: 3,
        derive: 4,
        clear: 5,
    };
    let param = Param {
        name: "w".into(),
        place: Place { variable: 1, len: 2 },
        gradient: 3,
        range: None,
        step: None,
        rate: None,
        start: vec![8.0, -8.0],
    };
    Course {
        lesson,
        params: vec![param],
        optimizer,
        decay: Decay::Constant,
        clip: None,
        batch: 4,
        epochs: 3,
        shuffle: None,
        samples: 10,
        held_out: 2,
        patience: None,
    }
}

/// Notes all that it is told; stops where it is to.
#[derive(Default)]
struct Told {
    batches: Vec<(u64, u64)>,
    states: Vec<State>,
    stop_after: Option<usize>,
}

impl Watch for Told {
    fn batch(&mut self, epoch: u64, samples: u64, _: f64) -> ControlFlow<()> {
        self.batches.push((epoch, samples));
        match self.stop_after {
            Some(n) if self.batches.len() >= n => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn epoch(&mut self, _: &Epoch, state: &State) -> io::Result<()> {
        self.states.push(state.clone());
        Ok(())
    }
}

fn trained(course: &Course, from: Option<State>) -> (State, Told) {
    let mut told = Told::default();
    let state = train(course, &|| Ok(Toy::default()), 2, from, &mut told).unwrap();
    (state, told)
}

/// `w` after one update, of all four samples 0 to 3: their mean is 1.5.
fn after_one_update(course: &Course) -> [f64; 2] {
    let once = Course { epochs: 1, samples: 4, held_out: 0, ..course.clone() };
    let (state, _) = trained(&once, None);
    [state.params[0][0], state.params[0][1]]
}

#[test]
fn gradient_descent_follows_the_mean_gradient() {
    // 2 (8 - 1.5) = 13 and 2 (-8 - 3) = -22.
    let close = |of: [f64; 2], to: [f64; 2]| {
        assert!(of.iter().zip(to).all(|(a, b)| (a - b).abs() < 1e-9), "{of:?}, not {to:?}");
    };
    close(after_one_update(&course(SGD)), [8.0 - 1.3, -8.0 + 2.2]);
    // A fifth of its norm, which is the root of 653.
    let norm = 653.0_f64.sqrt();
    let clipped = Course { clip: Some(norm / 5.0), ..course(SGD) };
    close(after_one_update(&clipped), [8.0 - 0.26, -8.0 + 0.44]);
    let mut own = course(SGD);
    own.params[0].rate = Some(0.2);
    close(after_one_update(&own), [8.0 - 2.6, -8.0 + 4.4]);
    let decaying = Optimizer::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.5 };
    close(after_one_update(&course(decaying)), [8.0 - 0.1 * 17.0, -8.0 + 0.1 * 26.0]);
    // Two updates of the same four samples.
    let momentum = Optimizer::Sgd { lr: 0.1, momentum: 0.5, weight_decay: 0.0 };
    let twice = Course { epochs: 2, samples: 4, held_out: 0, ..course(momentum) };
    let first = 8.0 - 1.3;
    let second = first - 0.1 * (0.5 * 13.0 + 2.0 * (first - 1.5));
    assert!((trained(&twice, None).0.params[0][0] - second).abs() < 1e-9);
}

#[test]
fn adam_and_its_kind_follow_their_papers() {
    let adam = Moments {
        lr: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        rectified: false,
    };
    let near = |of: Moments, to: [f64; 2]| {
        let found = after_one_update(&course(Optimizer::Adam(of)));
        assert!(found.iter().zip(to).all(|(a, b)| (a - b).abs() < 1e-7), "{found:?}, not {to:?}");
    };
    // The first step is the rate, whatever the gradient.
    near(adam, [7.9, -7.9]);
    near(Moments { weight_decay: 0.5, ..adam }, [7.9, -7.9]);
    near(Moments { weight_decay: 0.5, decoupled: true, ..adam }, [7.5, -7.5]);
    // While the variance is not known, the first moment alone counts.
    near(Moments { rectified: true, ..adam }, [8.0 - 1.3, -8.0 + 2.2]);
}

#[test]
fn rates_decay_over_all_updates() {
    // Samples 0 to 7 in two batches, three epochs: six updates.
    let of = |decay: Decay| {
        let course = Course { decay, ..course(SGD) };
        let factor = |passed: f64, epoch: u64| Update { course: &course, passed, epoch }.factor();
        [factor(0.0, 1), factor(0.5, 2), factor(1.0, 3)]
    };
    assert_eq!(of(Decay::Constant), [1.0, 1.0, 1.0]);
    assert_eq!(of(Decay::Linear), [1.0, 0.5, 0.0]);
    assert_eq!(of(Decay::Steps { every: 1, by: 0.5 }), [1.0, 0.5, 0.25]);
    assert_eq!(of(Decay::Steps { every: 2, by: 0.5 }), [1.0, 1.0, 0.5]);
    let cosine = of(Decay::Cosine);
    assert!((cosine[1] - 0.5).abs() < 1e-12 && cosine[2].abs() < 1e-12, "{cosine:?}");
}

#[test]
fn networks_have_multiples_of_the_step_within_the_range() {
    let mut course = course(SGD);
    (course.params[0].range, course.params[0].step) = (Some((-6.0, 7.0)), Some(2.0));
    let quantised = |x: f64| course.params[0].quantised(x);
    assert_eq!([3.2, 5.0, -5.1, -9.0, 9.0, -0.4].map(quantised), [4.0, 4.0, -6.0, -6.0, 7.0, 0.0]);
    assert!(quantised(-0.4).is_sign_positive());
    let (state, _) = trained(&course, None);
    assert!(state.params[0].iter().all(|x| (-6.0..=7.0).contains(x)), "{:?}", state.params);
    assert!(state.best[0].iter().all(|x| x % 2.0 == 0.0 || *x == 7.0), "{:?}", state.best);
}

#[test]
fn every_sample_is_learned_from_once_an_epoch() {
    let (state, told) = trained(&course(SGD), None);
    let expected: Vec<(u64, u64)> = (1..=3).flat_map(|epoch| [(epoch, 4), (epoch, 8)]).collect();
    assert_eq!(told.batches, expected);
    assert_eq!((state.epoch, state.updates, state.history.len()), (3, 6, 3));
    // Half of the samples, and of those held out, are even.
    assert_eq!((state.history[0].accuracy, state.history[0].held_out_accuracy), (0.5, 0.5));
    let shuffled = Course { shuffle: Some(1), ..course(SGD) };
    let orders = [1, 2].map(|epoch| order(&shuffled, epoch, 8));
    assert_ne!(orders[0], orders[1]);
    for mut order in orders {
        assert_ne!(order, (0..8).collect::<Vec<u64>>());
        order.sort_unstable();
        assert_eq!(order, (0..8).collect::<Vec<u64>>());
    }
}

#[test]
fn it_goes_on_where_it_was_stored() {
    let adam = Moments {
        lr: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.01,
        decoupled: true,
        rectified: true,
    };
    let course = Course { shuffle: Some(3), epochs: 12, ..course(Optimizer::Adam(adam)) };
    let (whole, told) = trained(&course, None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    told.states[4].save(&path, "of a test").unwrap();
    let (stored, comment) = State::load(&path, &course).unwrap();
    assert_eq!((&stored, comment.as_str()), (&told.states[4], "of a test"));
    assert_eq!(trained(&course, Some(stored)).0, whole);
    let mut other = course.clone();
    other.params[0].start.push(0.0);
    assert!(State::load(&path, &other).is_err());
}

#[test]
fn the_best_epoch_stays_and_patience_ends() {
    // With so large a rate each epoch is worse than the one before.
    let wrong = Optimizer::Sgd { lr: 1.5, momentum: 0.0, weight_decay: 0.0 };
    let course = Course { patience: Some(2), epochs: 9, ..course(wrong) };
    let (state, told) = trained(&course, None);
    assert_eq!((state.epoch, state.best().unwrap().number), (3, 1));
    assert_eq!(state.best, told.states[0].params);
}

#[test]
fn what_stops_it_is_said() {
    let mut told = Told { stop_after: Some(3), ..Told::default() };
    let stopped = train(&course(SGD), &|| Ok(Toy::default()), 1, None, &mut told);
    assert!(matches!(stopped, Err(TrainError::Run(RunError::Stopped))), "{stopped:?}");
    let wild = || Ok(Toy { wild: true, ..Toy::default() });
    let diverged = train(&course(SGD), &wild, 1, None, &mut Told::default());
    let expected = matches!(diverged, Err(TrainError::Diverged { epoch: 1, updates: 0 }));
    assert!(expected, "{diverged:?}");
}
