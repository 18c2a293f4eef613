//! Columns of 8-bit weights, two to a 16-bit lane.

use super::lanes::{Lanes, Line};
use super::{Active, Number, Payload};
use alloc::boxed::Box;
use alloc::vec;

/// Outputs per line: two per 16-bit lane.
const OUTPUTS: usize = 64;

/// Outputs that share a line's lower or upper bytes.
const HALF: usize = OUTPUTS / 2;

/// As many columns as sum to at most 16 bits whatever the weights: 255 · 128 < 2¹⁵.
const BATCH: usize = 255;

/// Weights of 8 bits, stored by column (by source), for spikes that count 1.
///
/// # How it adds
/// A 16-bit lane holds the weights of two outputs, `a` in the upper byte and `b + 128` in the
/// lower. For each spike the lane is added to one sum, its upper byte, sign-extended, to
/// another: the second is `Σa`; the first is `256·Σa + Σb + 128·k` after `k` spikes, from which
/// `Σb` follows, all modulo 2¹⁶. That takes three instructions for 64 weights (on AVX-512),
/// where widening each weight takes four, and no shuffles.
#[derive(Clone, Debug)]
pub struct PackedColumns {
    /// Source-major: `lines_per_column` lines for source 0, then for source 1, …
    lines: Box<[Line]>,
    lines_per_column: usize,
    outputs: usize,
    sources: usize,
    shift: u32,
    narrow: bool,
}

impl PackedColumns {
    /// From `weights` of shape `[outputs, sources]` in C order, each meaning `weight << shift`.
    ///
    /// `narrow` says that the sum of any set of (unshifted) weights of one output fits 16 bits;
    /// otherwise sums are carried to the output type every 255 spikes.
    ///
    /// # Panics
    /// If there are not `outputs · sources` weights.
    pub fn new(weights: &[i8], outputs: usize, sources: usize, shift: u32, narrow: bool) -> Self {
        assert_eq!(weights.len(), outputs * sources, "weights have the shape [outputs, sources]");
        let lines_per_column = outputs.div_ceil(OUTPUTS);
        let mut lines = vec![Line([0; 32]); lines_per_column * sources];
        let weight = |output: usize, source: usize| {
            if output < outputs { weights[output * sources + source] } else { 0 }
        };
        for (i, line) in lines.iter_mut().enumerate() {
            let (source, first) = (i / lines_per_column, i % lines_per_column * OUTPUTS);
            for (lane, packed) in line.0.iter_mut().enumerate() {
                let lower = weight(first + lane, source) as u8 ^ 0x80;
                let upper = weight(first + lane + 32, source) as u8;
                *packed = u16::from_le_bytes([lower, upper]);
            }
        }
        PackedColumns { lines: lines.into(), lines_per_column, outputs, sources, shift, narrow }
    }

    /// `out[i] = Σ weights[i, j] << shift` over the events `j`.
    ///
    /// The result is exact where `out`'s type holds it, and wraps otherwise.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` does not have as many elements as outputs.
    #[inline]
    pub fn add<T: Number, const M: usize>(&self, events: Active<'_>, out: &mut [T; M])
    where
        i16: Payload<T>,
    {
        assert_eq!(self.outputs, M, "outputs");
        assert_eq!(self.sources, events.sources(), "sources");
        let events = events.indices();
        // How many lines a column has is known when this is compiled: one branch remains.
        match M.div_ceil(OUTPUTS) {
            0 => {}
            1 => self.block::<1, T>(1, 0, events, out),
            2 => self.block::<2, T>(2, 0, events, out),
            3 => self.block::<3, T>(3, 0, events, out),
            4 => self.block::<4, T>(4, 0, events, out),
            lines => {
                let whole = lines / 4 * 4;
                for first in (0..whole).step_by(4) {
                    self.block::<4, T>(lines, first, events, out);
                }
                for first in whole..lines {
                    self.block::<1, T>(lines, first, events, out);
                }
            }
        }
    }

    /// The outputs of `N` lines of each column, from `first`. Columns have `stride` lines.
    ///
    /// Every event must be a source, and a column must have the lines.
    #[inline(always)]
    fn block<const N: usize, T: Number>(
        &self,
        stride: usize,
        first: usize,
        events: &[u32],
        out: &mut [T],
    ) where
        i16: Payload<T>,
    {
        let from = first * OUTPUTS;
        let to = out.len().min(from + N * OUTPUTS);
        let out = &mut out[from..to];
        if self.narrow {
            let sums = self.sums::<N>(stride, first, events);
            self.store(sums, events.len(), out, |_, new| new);
            return;
        }
        out.fill(T::default());
        for batch in events.chunks(BATCH) {
            let sums = self.sums::<N>(stride, first, batch);
            self.store(sums, batch.len(), out, |old, new| old.plus(new));
        }
    }

    /// The sums of lanes and of their upper bytes.
    #[inline(always)]
    fn sums<const N: usize>(
        &self,
        stride: usize,
        first: usize,
        events: &[u32],
    ) -> [(Lanes, Lanes); N] {
        debug_assert!(stride == self.lines_per_column && first + N <= stride);
        let mut sums = [(Lanes::zero(), Lanes::zero()); N];
        for event in events {
            let start = *event as usize * stride + first;
            // SAFETY: events are below the number of sources, of which each has `stride` lines,
            // at least `N` of them from `first`.
            let column = unsafe { self.lines.get_unchecked(start..start + N) };
            for (sum, line) in sums.iter_mut().zip(column) {
                let lanes = Lanes::load(line);
                *sum = (sum.0.plus(lanes), sum.1.plus(lanes.upper()));
            }
        }
        sums
    }

    /// Separates the outputs that share a lane.
    #[inline(always)]
    fn store<const N: usize, T: Number>(
        &self,
        sums: [(Lanes, Lanes); N],
        count: usize,
        out: &mut [T],
        put: impl Fn(T, T) -> T,
    ) where
        i16: Payload<T>,
    {
        let offset = (count as u16).wrapping_mul(128);
        let scale = T::power_of_two(self.shift);
        for (n, (whole, upper)) in sums.into_iter().enumerate() {
            let (mut lower, upper) = (whole.numbers(), upper.numbers());
            for (lower, upper) in lower.iter_mut().zip(upper) {
                *lower = lower.wrapping_sub(upper << 8).wrapping_sub(offset);
            }
            for (half, start) in [(lower, n * OUTPUTS), (upper, n * OUTPUTS + HALF)] {
                let Some(rest) = out.get_mut(start..) else { return };
                let value = |i: usize| (half[i] as i16).convert().times(scale);
                // Where all lanes are wanted, the loop's length is fixed: it vectorises.
                if let Some(out) = rest.first_chunk_mut::<HALF>() {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = put(*out, value(i));
                    }
                } else {
                    for (i, out) in rest.iter_mut().enumerate() {
                        *out = put(*out, value(i));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Events;
    use alloc::vec::Vec;

    fn weight(i: usize, j: usize) -> i8 {
        ((i * 31 + j * 17) % 256) as u8 as i8
    }

    /// Compares with the plain product, for every source, and every second, seventh, ….
    fn check<const M: usize>(sources: usize) {
        let weights: Vec<i8> = (0..M * sources).map(|k| weight(k / sources, k % sources)).collect();
        let narrow = PackedColumns::new(&weights, M, sources, 1, true);
        let wide = PackedColumns::new(&weights, M, sources, 0, false);
        for keep in [1, 2, 7, 1000] {
            let source: Vec<u8> = (0..sources).map(|j| u8::from(j % keep == 0)).collect();
            let mut events = Events::new(sources);
            let events = events.spikes(&source);
            let exact: [i32; M] = core::array::from_fn(|i| {
                events.indices().iter().map(|j| i32::from(weight(i, *j as usize))).sum()
            });
            let mut out = [-1_i32; M];
            wide.add(events, &mut out);
            assert!(out == exact, "[{M}, {sources}], every {keep}");
            if events.indices().len() <= BATCH {
                narrow.add(events, &mut out);
                assert!(out == exact.map(|sum| 2 * sum), "[{M}, {sources}], every {keep}");
            }
        }
    }

    #[test]
    fn sums_equal_the_plain_product() {
        check::<1>(1);
        check::<10>(64);
        check::<64>(5);
        check::<128>(784);
        check::<300>(70);
        check::<577>(600);
    }

    #[test]
    fn extreme_weights_do_not_disturb_their_neighbours() {
        let weights: Vec<i8> =
            (0..64 * 255).map(|k| if k / 255 % 2 == 0 { -128 } else { 127 }).collect();
        let columns = PackedColumns::new(&weights, 64, 255, 0, true);
        let mut events = Events::new(255);
        let mut out = [0_i16; 64];
        columns.add(events.spikes(&[1; 255]), &mut out);
        for (i, value) in out.iter().enumerate() {
            assert_eq!(*value, if i % 2 == 0 { -128 * 255 } else { 127 * 255 });
        }
        columns.add(events.spikes(&[0; 255]), &mut out);
        assert_eq!(out, [0; 64]);
    }
}
