//! Columns of weights of any width.

use super::{Active, Number, Payload};
use alloc::boxed::Box;
use alloc::vec;

/// Outputs whose sums are held in registers at a time.
const BLOCK: usize = 32;

/// Weights stored by column (by source), of type `W`: `i8`, `i16`, `i32` or `f64`.
///
/// Sums are formed in type `A`, given by the caller, who must know that it holds every partial
/// sum; integers wrap otherwise. Columns are added in the order of the events: for floats this
/// is the order of summation.
#[derive(Clone, Debug)]
pub struct Columns<W> {
    /// Source-major, each column padded with zeros to a multiple of [`BLOCK`].
    weights: Box<[[W; BLOCK]]>,
    outputs: usize,
    sources: usize,
    shift: u32,
}

impl<W: Number> Columns<W> {
    /// From `weights` of shape `[outputs, sources]` in C order, each meaning `weight << shift`.
    ///
    /// # Panics
    /// If there are not `outputs · sources` weights.
    pub fn new(weights: &[W], outputs: usize, sources: usize, shift: u32) -> Self {
        assert_eq!(weights.len(), outputs * sources, "weights have the shape [outputs, sources]");
        let blocks_per_column = outputs.div_ceil(BLOCK);
        let mut stored = vec![[W::default(); BLOCK]; blocks_per_column * sources];
        for (output, row) in weights.chunks(sources.max(1)).enumerate() {
            for (source, weight) in row.iter().enumerate() {
                stored[source * blocks_per_column + output / BLOCK][output % BLOCK] = *weight;
            }
        }
        Columns { weights: stored.into(), outputs, sources, shift }
    }

    /// `out[i] = Σ weights[i, j] << shift` over the events `j`: each counts 1.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` does not have as many elements as outputs.
    #[inline]
    pub fn add<A, T, const M: usize>(&self, events: Active<'_>, out: &mut [T; M])
    where
        W: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        self.add_to(events, out);
    }

    /// [`Columns::add`] to as many outputs as only the caller knows.
    ///
    /// # Panics
    /// As [`Columns::add`] does.
    #[inline(always)]
    pub fn add_to<A, T>(&self, events: Active<'_>, out: &mut [T])
    where
        W: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        self.sum(events, out, |sum: A, weight, _| sum.plus(weight));
    }

    /// `out[i] = Σ (weights[i, j] · source[j]) << shift` over the events `j`.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` does not have as many elements as outputs.
    #[inline]
    pub fn add_graded<A, S, T, const M: usize>(
        &self,
        events: Active<'_>,
        source: &[S],
        out: &mut [T; M],
    ) where
        W: Payload<A>,
        S: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        self.add_graded_to(events, source, out);
    }

    /// [`Columns::add_graded`] to as many outputs as only the caller knows.
    ///
    /// # Panics
    /// As [`Columns::add_graded`] does.
    #[inline(always)]
    pub fn add_graded_to<A, S, T>(&self, events: Active<'_>, source: &[S], out: &mut [T])
    where
        W: Payload<A>,
        S: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        self.sum(events, out, |sum: A, weight, event| {
            sum.plus(weight.times(source[event].convert()))
        });
    }

    #[inline(always)]
    fn sum<A, T>(&self, events: Active<'_>, out: &mut [T], add: impl Fn(A, A, usize) -> A)
    where
        W: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        let sizes = (out.len(), events.sources());
        assert_eq!((self.outputs, self.sources), sizes, "outputs, sources");
        // As many blocks at a time as have their sums in registers, of 256 bytes together.
        let most = 256 / (BLOCK * size_of::<A>());
        let blocks = out.len().div_ceil(BLOCK);
        let mut first = 0;
        while first < blocks {
            first += match most.min(blocks - first) {
                4.. => self.blocks::<4, A, T>(first, events, out, &add),
                2.. => self.blocks::<2, A, T>(first, events, out, &add),
                _ => self.blocks::<1, A, T>(first, events, out, &add),
            };
        }
    }

    /// The sums of `N` blocks of outputs from `first` on; gives `N`.
    #[inline(always)]
    fn blocks<const N: usize, A, T>(
        &self,
        first: usize,
        events: Active<'_>,
        out: &mut [T],
        add: &impl Fn(A, A, usize) -> A,
    ) -> usize
    where
        W: Payload<A>,
        A: Payload<T>,
        T: Number,
    {
        let stride = out.len().div_ceil(BLOCK);
        let mut sums = [[A::default(); BLOCK]; N];
        for event in events.indices() {
            let event = *event as usize;
            let column = &self.weights[event * stride + first..][..N];
            for (sums, weights) in sums.iter_mut().zip(column) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = add(*sum, weight.convert(), event);
                }
            }
        }
        let scale = T::power_of_two(self.shift);
        for (out, sums) in out[first * BLOCK..].chunks_mut(BLOCK).zip(sums) {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = sum.convert().times(scale);
            }
        }
        N
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Events;
    use alloc::vec::Vec;

    const OUTPUTS: usize = 45;
    const SOURCES: usize = 9;

    fn weight(i: usize, j: usize) -> i32 {
        (i * 7 + j * 1013) as i32 % 501 - 250
    }

    fn rows() -> impl Iterator<Item = i32> {
        (0..OUTPUTS * SOURCES).map(|k| weight(k / SOURCES, k % SOURCES))
    }

    #[test]
    fn integer_sums_equal_the_plain_product() {
        let weights: Vec<i16> = rows().map(|w| w as i16).collect();
        let columns = Columns::new(&weights, OUTPUTS, SOURCES, 2);
        let mut out = [0_i32; OUTPUTS];
        let mut events = Events::new(SOURCES);
        columns.add::<i16, _, _>(events.spikes(&[0, 1, 0, 0, 1, 0, 0, 0, 1]), &mut out);
        for (i, value) in out.iter().enumerate() {
            assert_eq!(*value, 4 * (weight(i, 1) + weight(i, 4) + weight(i, 8)));
        }
        let payload = [0_i16, 3, 0, 0, -70, 0, 0, 0, 1000];
        let mut out = [0_i64; OUTPUTS];
        columns.add_graded::<i64, _, _, _>(events.nonzero(&payload), &payload, &mut out);
        for (i, value) in out.iter().enumerate() {
            let sum = 3 * weight(i, 1) - 70 * weight(i, 4) + 1000 * weight(i, 8);
            assert_eq!(*value, i64::from(4 * sum));
        }
    }

    #[test]
    fn floats_are_added_in_ascending_order() {
        let weights: Vec<f64> = rows().map(|w| 0.1 * f64::from(w)).collect();
        let columns = Columns::new(&weights, OUTPUTS, SOURCES, 0);
        let source: [f64; SOURCES] = core::array::from_fn(|j| 0.3 * j as f64);
        let mut events = Events::new(SOURCES);
        let events = events.nonzero(&source);
        let (mut spikes, mut graded) = ([0.0; OUTPUTS], [0.0; OUTPUTS]);
        columns.add::<f64, _, _>(events, &mut spikes);
        columns.add_graded::<f64, _, _, _>(events, &source, &mut graded);
        for i in 0..OUTPUTS {
            let (mut a, mut b) = (0.0, 0.0);
            for (j, x) in source.iter().enumerate().skip(1) {
                a += 0.1 * f64::from(weight(i, j));
                b += 0.1 * f64::from(weight(i, j)) * x;
            }
            assert_eq!((spikes[i], graded[i]), (a, b));
        }
    }
}
