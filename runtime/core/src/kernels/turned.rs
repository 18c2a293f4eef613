//! Weights that change, source by source, and the sums that change them.
//!
//! Training multiplies with weights that are other ones after every update, and adds up products
//! of messages and gradients. Both lie source by source, `[n, m]`: what belongs to one source is
//! one row, and rows of sources that are silent are passed over.

use super::{Active, Number, Payload};

/// Outputs whose sums are held in registers at a time.
const BLOCK: usize = 32;

/// `out[i] = Σ weights[j, i]` over the events `j`: each counts 1.
///
/// # Panics
/// If there are not as many weights as elements of `out` times those of the source.
#[inline(always)]
pub fn turned<W: Payload<T>, T: Number>(weights: &[W], events: Active<'_>, out: &mut [T]) {
    product(weights, events, out, |sum, weight, _| sum.plus(weight));
}

/// `out[i] = Σ weights[j, i] · source[j]` over the events `j`, which are those of `source`.
///
/// # Panics
/// If there are not as many weights as elements of `out` times those of the source.
#[inline(always)]
pub fn turned_graded<W: Payload<T>, S: Payload<T>, T: Number>(
    weights: &[W],
    events: Active<'_>,
    source: &[S],
    out: &mut [T],
) {
    product(weights, events, out, |sum, weight, event| {
        sum.plus(weight.times(source[event].convert()))
    });
}

#[inline(always)]
fn product<W: Payload<T>, T: Number>(
    weights: &[W],
    events: Active<'_>,
    out: &mut [T],
    add: impl Fn(T, T, usize) -> T,
) {
    let outputs = out.len();
    assert_eq!(weights.len(), outputs * events.sources(), "weights have the shape [n, m]");
    let mut first = 0;
    while first < outputs {
        first += match outputs - first {
            64.. => block::<64, W, T>(weights, events, (first, out), &add),
            BLOCK.. => block::<BLOCK, W, T>(weights, events, (first, out), &add),
            8.. => block::<8, W, T>(weights, events, (first, out), &add),
            _ => block::<1, W, T>(weights, events, (first, out), &add),
        };
    }
}

/// The sums of `N` outputs from `first` on; gives `N`.
#[inline(always)]
fn block<const N: usize, W: Payload<T>, T: Number>(
    weights: &[W],
    events: Active<'_>,
    (first, out): (usize, &mut [T]),
    add: &impl Fn(T, T, usize) -> T,
) -> usize {
    let outputs = out.len();
    let mut sums = [T::default(); N];
    for event in events.indices() {
        let event = *event as usize;
        let row = &weights[event * outputs + first..][..N];
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum = add(*sum, weight.convert(), event);
        }
    }
    out[first..first + N].copy_from_slice(&sums);
    N
}

/// `sums[j, i] += source[j] · targets[i]` for all `i` and `j`, in which those `j` are passed over
/// that are no event, of which the source is 0.
///
/// That changes no bit: a product with 0 is 0 where the targets are finite, and a sum that began
/// with 0 is never `-0`. Where they are not, nothing is passed over.
///
/// # Panics
/// If there are not as many sums as sources times targets.
#[inline(always)]
pub fn outer<S: Payload<T>, T: Number + Finite>(
    sums: &mut [T],
    events: Active<'_>,
    source: &[S],
    targets: &[T],
) {
    assert_eq!(sums.len(), source.len() * targets.len(), "sums have the shape [n, m]");
    if targets.is_empty() {
        return;
    }
    let row = |row: &mut [T], payload: T| {
        for (sum, target) in row.iter_mut().zip(targets) {
            *sum = sum.plus(payload.times(*target));
        }
    };
    let width = targets.len();
    if !targets.iter().all(|target| target.finite()) {
        for (sums, payload) in sums.chunks_exact_mut(width).zip(source) {
            row(sums, payload.convert());
        }
        return;
    }
    if targets.iter().all(|target| *target == T::default()) {
        return;
    }
    for event in events.indices() {
        let event = *event as usize;
        row(&mut sums[event * width..(event + 1) * width], source[event].convert());
    }
}

/// A float.
pub trait Finite {
    /// Whether it is a number, and not infinite.
    fn finite(self) -> bool;
}

impl Finite for f32 {
    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
}

impl Finite for f64 {
    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Events, live, live_graded};
    use alloc::{vec, vec::Vec};

    #[test]
    fn products_are_those_of_weights_that_lie_target_by_target() {
        for (m, n) in [(1, 1), (3, 5), (8, 9), (45, 33), (200, 7), (5, 0), (0, 3)] {
            let weights: Vec<f64> = (0..m * n).map(|k| (k * 1013 % 251) as f64 - 0.1).collect();
            let rows: Vec<f64> = (0..n * m).map(|k| weights[k % m * n + k / m]).collect();
            let source: Vec<f64> = (0..n).map(|j| (j % 3) as f64 * (j as f64 - 4.3)).collect();
            let mut events = Events::new(n);
            let events = events.nonzero(&source);
            let (mut expected, mut found) = (vec![7.0; m], vec![9.0; m]);
            live(&weights, events, &mut expected);
            turned(&rows, events, &mut found);
            assert_eq!(found, expected);
            live_graded(&weights, events, &source, &mut expected);
            turned_graded(&rows, events, &source, &mut found);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn outer_products_add_up_and_meet_infinities() {
        let source = [0.0, 2.0, -0.0, 0.5];
        for targets in [[3.0, -1.0], [f64::INFINITY, 1.0], [0.0, -0.0], [f64::NAN, 0.0]] {
            let mut sums = [0.0; 8];
            sums[2] = 1.0;
            let mut expected = sums;
            for (k, sum) in expected.iter_mut().enumerate() {
                *sum += source[k / 2] * targets[k % 2];
            }
            let mut events = Events::new(4);
            outer(&mut sums, events.nonzero(&source), &source, &targets);
            let bits = |of: [f64; 8]| of.map(|x| if x.is_nan() { 0 } else { x.to_bits() });
            assert_eq!(bits(sums), bits(expected), "{targets:?}");
        }
    }
}
