//! Columns of 8-bit weights, two to a 16-bit lane.

use super::lanes::{Lanes, Line};
use super::{Number, Payload};

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
    sources: u32,
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
        let sources = u32::try_from(sources).unwrap_or(u32::MAX);
        PackedColumns { lines: lines.into(), lines_per_column, outputs, sources, shift, narrow }
    }

    /// `out[i] = Σ weights[i, j] << shift` over the events `j`.
    ///
    /// The result is exact where `out`'s type holds it, and wraps otherwise.
    ///
    /// # Panics
    /// If an event is not a source, or `out` has fewer than `outputs` elements.
    #[inline]
    pub fn add<T: Number>(&self, events: &[u32], out: &mut [T])
    where
        i16: Payload<T>,
    {
        let out = &mut out[..self.outputs];
        let largest = events.iter().fold(0, |largest, event| largest.max(*event));
        assert!(events.is_empty() || largest < self.sources, "an event is not a source");
        match self.lines_per_column {
            0 => {}
            1 => self.block::<1, 1, T>(1, 0, events, out),
            2 => self.block::<2, 2, T>(2, 0, events, out),
            3 => self.block::<3, 3, T>(3, 0, events, out),
            4 => self.block::<4, 4, T>(4, 0, events, out),
            lines => {
                let mut first = 0;
                while first + 4 <= lines {
                    self.block::<4, 0, T>(lines, first, events, out);
                    first += 4;
                }
                while first < lines {
                    self.block::<1, 0, T>(lines, first, events, out);
                    first += 1;
                }
            }
        }
    }

    /// The outputs of `N` lines of each column, from `first`. Columns have `stride` lines;
    /// where the compiler may know how many, `STRIDE` is that number, and else 0.
    ///
    /// Every event must be a source, and a column must have the lines.
    #[inline(always)]
    fn block<const N: usize, const STRIDE: usize, T: Number>(
        &self,
        stride: usize,
        first: usize,
        events: &[u32],
        out: &mut [T],
    ) where
        i16: Payload<T>,
    {
        let stride = if STRIDE > 0 { STRIDE } else { stride };
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
            // SAFETY: the caller has checked that the event is a source, of which each has
            // `stride` lines, `N` of them from `first`.
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
        let halves = sums.into_iter().flat_map(|(whole, upper)| {
            let (mut lower, upper) = (whole.numbers(), upper.numbers());
            for (lower, upper) in lower.iter_mut().zip(upper) {
                *lower = lower.wrapping_sub(upper << 8).wrapping_sub(offset);
            }
            [lower, upper]
        });
        for (out, half) in out.chunks_mut(HALF).zip(halves) {
            let value = |sum: u16| (sum as i16).convert().shifted(self.shift);
            // Where all lanes are wanted, their number is known: the loop vectorises.
            if let Ok(out) = <&mut [T; HALF]>::try_from(&mut *out) {
                for (out, sum) in out.iter_mut().zip(half) {
                    *out = put(*out, value(sum));
                }
            } else {
                for (out, sum) in out.iter_mut().zip(half) {
                    *out = put(*out, value(sum));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_equal_the_plain_product() {
        for (outputs, sources) in [(1, 1), (10, 64), (64, 5), (128, 784), (300, 70), (577, 600)] {
            let weight = |i: usize, j: usize| ((i * 31 + j * 17) % 256) as u8 as i8;
            let weights: Vec<i8> =
                (0..outputs * sources).map(|k| weight(k / sources, k % sources)).collect();
            let narrow = PackedColumns::new(&weights, outputs, sources, 1, true);
            let wide = PackedColumns::new(&weights, outputs, sources, 0, false);
            for keep in [1, 2, 7, 1000] {
                let events: Vec<u32> = (0..sources as u32).filter(|j| j % keep == 0).collect();
                let exact = |i: usize| -> i32 {
                    events.iter().map(|j| i32::from(weight(i, *j as usize))).sum()
                };
                let mut out = vec![-1_i32; outputs];
                wide.add(&events, &mut out);
                for (i, value) in out.iter().enumerate() {
                    assert_eq!(*value, exact(i), "output {i} of [{outputs}, {sources}]");
                }
                if events.len() <= BATCH {
                    narrow.add(&events, &mut out);
                    assert!(out.iter().enumerate().all(|(i, value)| *value == 2 * exact(i)));
                }
            }
        }
    }

    #[test]
    fn extreme_weights_do_not_disturb_their_neighbours() {
        let weights: Vec<i8> =
            (0..64 * 255).map(|k| if k / 255 % 2 == 0 { -128 } else { 127 }).collect();
        let columns = PackedColumns::new(&weights, 64, 255, 0, true);
        let events: Vec<u32> = (0..255).collect();
        let mut out = [0_i16; 64];
        columns.add(&events, &mut out);
        for (i, value) in out.iter().enumerate() {
            assert_eq!(*value, if i % 2 == 0 { -128 * 255 } else { 127 * 255 });
        }
        columns.add(&[], &mut out);
        assert_eq!(out, [0; 64]);
    }
}
