//! Convolutions.

use super::{Active, Number, Payload};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// The sizes of a convolution over two axes, `x` (width) and `y` (height).
///
/// Arrays of two hold what belongs to `x`, then what belongs to `y`. Every size but the
/// padding is at least 1, and [`Geometry::groups`] divides the channels on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Geometry {
    /// Width, height and channels of the input.
    pub input: [usize; 3],
    /// Channels of the output.
    pub outputs: usize,
    /// Width and height of the kernel.
    pub kernel: [usize; 2],
    /// Positions from one output to the next.
    pub stride: [usize; 2],
    /// Zeros on either side of the input.
    pub padding: [usize; 2],
    /// Positions from one weight of the kernel to the next.
    pub dilation: [usize; 2],
    /// Groups of channels: those of one output group come from one input group.
    pub groups: usize,
}

impl Geometry {
    /// Width, height and channels of the output; 0 where the kernel, spread by its dilation, is
    /// larger than the padded input. Per axis `(n + 2·padding − dilation·(k − 1) − 1) / stride + 1`.
    pub fn output(&self) -> [usize; 3] {
        let size = |axis: usize| {
            let padded = self.input[axis] + 2 * self.padding[axis];
            let spread = self.dilation[axis] * (self.kernel[axis].max(1) - 1) + 1;
            padded.checked_sub(spread).map_or(0, |room| room / self.stride[axis].max(1) + 1)
        };
        [size(0), size(1), self.outputs]
    }

    /// Channels of the input that an output channel sees.
    pub fn channels(&self) -> usize {
        self.input[2] / self.groups.max(1)
    }

    /// Shape of the weights: `[outputs, width, height, channels]`.
    pub fn weights(&self) -> [usize; 4] {
        [self.outputs, self.kernel[0], self.kernel[1], self.channels()]
    }
}

/// The kernel of a convolution, with weights of type `W`: `i8`, `i16`, `i32`, `i64` or `f64`, and `ROW`
/// output channels a group.
///
/// Input and output are `[width, height, channels]` in C order, so that the output channels of
/// a position lie side by side: for each event and each weight position of the kernel, a row of
/// weights is added to a row of sums. The work is proportional to the number of events.
#[derive(Clone, Debug)]
pub struct Conv<W, const ROW: usize> {
    geometry: Geometry,
    /// By input channel, `x` and `y` of the kernel.
    rows: Box<[[W; ROW]]>,
    taps: [Taps; 2],
    shift: u32,
}

/// For each input position of an axis, the outputs it reaches and the weights it is given there.
#[derive(Clone, Debug)]
struct Taps {
    /// Position `i` has the taps `starts[i]..starts[i + 1]`.
    starts: Box<[usize]>,
    taps: Box<[Tap]>,
}

#[derive(Clone, Copy, Debug)]
struct Tap {
    /// What this axis adds to the number of a row of weights.
    kernel: usize,
    /// What it adds to the number of a row of sums.
    output: usize,
}

impl Taps {
    fn new(geometry: &Geometry, axis: usize) -> Taps {
        let outputs = geometry.output()[axis];
        let (kernel, stride) = (geometry.kernel[axis], geometry.stride[axis]);
        let (row, row_sums) = match axis {
            0 => (geometry.kernel[1], geometry.output()[1] * geometry.groups),
            _ => (1, geometry.groups),
        };
        let mut starts = vec![0];
        let mut taps = Vec::new();
        for position in 0..geometry.input[axis] {
            let padded = position + geometry.padding[axis];
            // A convolution mirrors its kernel: the last weight meets the first input.
            for k in (0..kernel).rev() {
                let Some(first) = padded.checked_sub(geometry.dilation[axis] * (kernel - 1 - k))
                else {
                    continue;
                };
                if first % stride == 0 && first / stride < outputs {
                    taps.push(Tap { kernel: k * row, output: first / stride * row_sums });
                }
            }
            starts.push(taps.len());
        }
        Taps { starts: starts.into(), taps: taps.into() }
    }

    #[inline(always)]
    fn at(&self, position: usize) -> &[Tap] {
        &self.taps[self.starts[position]..self.starts[position + 1]]
    }
}

impl<W: Number, const ROW: usize> Conv<W, ROW> {
    /// From `weights` of shape [`Geometry::weights`] in C order, each meaning `weight << shift`.
    ///
    /// # Panics
    /// If there are not as many weights, or not `ROW` output channels in each group.
    pub fn new(weights: &[W], geometry: Geometry, shift: u32) -> Self {
        let [outputs, width, height, channels] = geometry.weights();
        assert_eq!(weights.len(), outputs * width * height * channels, "weights");
        assert_eq!(outputs, ROW * geometry.groups, "output channels");
        let positions = width * height;
        let mut rows = vec![[W::default(); ROW]; geometry.input[2] * positions];
        for (i, weight) in weights.iter().enumerate() {
            let (output, rest) = (i / (positions * channels), i % (positions * channels));
            let (position, channel) = (rest / channels, rest % channels);
            let source = output / ROW * channels + channel;
            rows[source * positions + position][output % ROW] = *weight;
        }
        let taps = [Taps::new(&geometry, 0), Taps::new(&geometry, 1)];
        Conv { geometry, rows: rows.into(), taps, shift }
    }

    /// The convolution of spikes: each event counts 1. Sums are formed in `T` and wrap there.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` has another size than the output.
    #[inline]
    pub fn add<T: Number, const M: usize>(&self, events: Active<'_>, out: &mut [T; M])
    where
        W: Payload<T>,
    {
        self.sum(events, out, |_| (), |weight, ()| weight);
    }

    /// The convolution of `source`, of which the events are what is not zero.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` has another size than the output.
    #[inline]
    pub fn add_graded<S: Payload<T>, T: Number, const M: usize>(
        &self,
        events: Active<'_>,
        source: &[S],
        out: &mut [T; M],
    ) where
        W: Payload<T>,
    {
        self.sum(events, out, |event| source[event].convert(), |weight: T, by| weight.times(by));
    }

    #[inline(always)]
    fn sum<P: Copy, T: Number>(
        &self,
        events: Active<'_>,
        out: &mut [T],
        payload: impl Fn(usize) -> P,
        scale: impl Fn(T, P) -> T,
    ) where
        W: Payload<T>,
    {
        let Geometry { input: [_, height, channels], kernel, groups, .. } = self.geometry;
        let outputs = self.geometry.output();
        let size = (outputs.iter().product(), self.geometry.input.iter().product());
        assert_eq!(size, (out.len(), events.sources()), "outputs, inputs");
        out.fill(T::default());
        let (sums, _) = out.as_chunks_mut::<ROW>();
        let positions = kernel[0] * kernel[1];
        for event in events.indices() {
            let event = *event as usize;
            let payload = payload(event);
            let (position, channel) = (event / channels, event % channels);
            let group = channel / (channels / groups);
            let rows = &self.rows[channel * positions..(channel + 1) * positions];
            for x in self.taps[0].at(position / height) {
                for y in self.taps[1].at(position % height) {
                    let row = &rows[x.kernel + y.kernel];
                    let sums = &mut sums[x.output + y.output + group];
                    add_row(sums, row, |weight| scale(weight, payload));
                }
            }
        }
        if self.shift > 0 {
            let scale = T::power_of_two(self.shift);
            for sum in out {
                *sum = sum.times(scale);
            }
        }
    }
}

/// Adds a row of weights to a row of sums.
#[inline(always)]
fn add_row<W: Payload<T>, T: Number, const ROW: usize>(
    sums: &mut [T; ROW],
    row: &[W; ROW],
    scale: impl Fn(T) -> T,
) {
    let (sums, row) = add_chunks::<8, _, _>(sums, row, &scale);
    let (sums, row) = add_chunks::<4, _, _>(sums, row, &scale);
    add_chunks::<1, _, _>(sums, row, &scale);
}

/// Adds as many chunks of `N` weights as there are, and gives back the rest.
#[inline(always)]
fn add_chunks<'s, 'w, const N: usize, W: Payload<T>, T: Number>(
    sums: &'s mut [T],
    row: &'w [W],
    scale: impl Fn(T) -> T,
) -> (&'s mut [T], &'w [W]) {
    let (sums, sums_left) = sums.as_chunks_mut::<N>();
    let (row, row_left) = row.as_chunks::<N>();
    for (sums, row) in sums.iter_mut().zip(row) {
        // All are loaded before one is stored, so that they can be added at once.
        *sums = core::array::from_fn(|i| sums[i].plus(scale(row[i].convert())));
    }
    (sums_left, row_left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Events;
    use alloc::vec::Vec;

    /// As the definition says: a window of the padded input times the mirrored kernel.
    fn naive(g: &Geometry, weights: &[i64], source: &[i64]) -> Vec<i64> {
        let ([width, height, channels], [ow, oh, outputs]) = (g.input, g.output());
        let at = |x: usize, y: usize, c: usize| {
            let (x, y) = (x.checked_sub(g.padding[0])?, y.checked_sub(g.padding[1])?);
            (x < width && y < height).then(|| source[(x * height + y) * channels + c])
        };
        let mut out = Vec::new();
        for (x, y, o) in
            (0..ow).flat_map(|x| (0..oh).flat_map(move |y| (0..outputs).map(move |o| (x, y, o))))
        {
            let first = o / (outputs / g.groups) * g.channels();
            let mut sum = 0;
            for i in 0..g.kernel[0] {
                for j in 0..g.kernel[1] {
                    for c in 0..g.channels() {
                        let (mirrored_i, mirrored_j) = (g.kernel[0] - 1 - i, g.kernel[1] - 1 - j);
                        let weight = weights[((o * g.kernel[0] + mirrored_i) * g.kernel[1]
                            + mirrored_j)
                            * g.channels()
                            + c];
                        let x = x * g.stride[0] + i * g.dilation[0];
                        let y = y * g.stride[1] + j * g.dilation[1];
                        sum += weight * at(x, y, first + c).unwrap_or(0);
                    }
                }
            }
            out.push(sum);
        }
        out
    }

    fn check<const ROW: usize, const M: usize>(g: Geometry) {
        assert_eq!(g.output().iter().product::<usize>(), M, "{g:?}");
        let weights: Vec<i64> = (0..g.weights().iter().product::<usize>())
            .map(|k| (k * 1013 % 251) as i64 - 125)
            .collect();
        let narrow: Vec<i8> = weights.iter().map(|w| *w as i8).collect();
        let conv = Conv::<i8, ROW>::new(&narrow, g, 0);
        let n = g.input.iter().product::<usize>();
        let mut events = Events::new(n);
        for pattern in [1, 2, 7] {
            let spikes: Vec<u8> = (0..n).map(|i| u8::from(i % pattern == 0)).collect();
            let mut out = [7_i32; M];
            conv.add(events.spikes(&spikes), &mut out);
            let ones: Vec<i64> = spikes.iter().map(|s| i64::from(*s)).collect();
            assert!(out.iter().map(|x| i64::from(*x)).eq(naive(&g, &weights, &ones)), "{g:?}");
            let graded: Vec<i16> =
                (0..n).map(|i| (i % pattern) as i16 * 37 - 5 * (i % 3) as i16).collect();
            let wide: Vec<i64> = graded.iter().map(|x| i64::from(*x)).collect();
            let shifted = Conv::<i8, ROW>::new(&narrow, g, 3);
            let mut out = [7_i64; M];
            shifted.add_graded(events.nonzero(&graded), &graded, &mut out);
            assert!(out.into_iter().eq(naive(&g, &weights, &wide).iter().map(|x| 8 * x)), "{g:?}");
        }
    }

    const PLAIN: Geometry = Geometry {
        input: [6, 5, 2],
        outputs: 3,
        kernel: [3, 2],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };

    #[test]
    fn sums_equal_the_definition() {
        check::<3, 48>(PLAIN);
        check::<3, 27>(Geometry { stride: [3, 2], padding: [2, 1], ..PLAIN });
        check::<3, 72>(Geometry { padding: [2, 1], dilation: [2, 3], ..PLAIN });
        check::<2, 64>(Geometry { outputs: 4, groups: 2, ..PLAIN });
        check::<1, 32>(Geometry { outputs: 2, groups: 2, ..PLAIN });
        check::<33, 528>(Geometry { outputs: 33, ..PLAIN });
    }

    #[test]
    fn edges() {
        // As large as the input, as small as can be, beyond it on all sides, and strides that
        // leave inputs out.
        check::<3, 3>(Geometry { kernel: [6, 5], ..PLAIN });
        check::<3, 90>(Geometry { kernel: [1, 1], ..PLAIN });
        check::<3, 12>(Geometry { kernel: [1, 1], stride: [4, 3], ..PLAIN });
        check::<3, 6>(Geometry { stride: [9, 3], ..PLAIN });
        check::<3, 660>(Geometry { kernel: [1, 2], padding: [8, 3], ..PLAIN });
        check::<1, 1>(Geometry { input: [1, 1, 1], outputs: 1, kernel: [1, 1], ..PLAIN });
        check::<1, 4>(Geometry {
            input: [1, 1, 1],
            outputs: 1,
            kernel: [2, 2],
            padding: [1, 1],
            ..PLAIN
        });
        assert_eq!(Geometry { kernel: [7, 2], ..PLAIN }.output(), [0, 4, 3]);
    }

    #[test]
    fn floats_are_added_in_ascending_order() {
        let weights: Vec<f64> = (0..PLAIN.weights().iter().product::<usize>())
            .map(|k| 0.1 * (k as f64 - 17.0))
            .collect();
        let conv = Conv::<f64, 3>::new(&weights, PLAIN, 0);
        let source: Vec<f64> = (0..60).map(|i| 0.3 * f64::from(i % 4)).collect();
        let mut events = Events::new(60);
        let mut out = [0.0; 48];
        conv.add_graded(events.nonzero(&source), &source, &mut out);
        for x in 0..4 {
            for y in 0..4 {
                for o in 0..3 {
                    let mut sum = 0.0;
                    for i in 0..3 {
                        for j in 0..2 {
                            for c in 0..2 {
                                let weight = weights[((o * 3 + 2 - i) * 2 + 1 - j) * 2 + c];
                                let value = source[((x + i) * 5 + y + j) * 2 + c];
                                sum += if value == 0.0 { 0.0 } else { weight * value };
                            }
                        }
                    }
                    assert_eq!(out[(x * 4 + y) * 3 + o], sum);
                }
            }
        }
    }
}
