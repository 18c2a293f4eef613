//! Weights that change from step to step: they are read where they lie.
//!
//! Nothing is prepared, as that would cost as much as the product itself: a matrix is `[m, n]` in
//! C order, the kernel of a convolution `[outputs, width, height, channels]`. Only weights of
//! active sources are read. Sums are formed in the type of the result: integers wrap there, so
//! that they are exact where the result holds them; floats are added in ascending order of the
//! source, from 0.

use super::{Active, Geometry, Number, Payload};

/// Rows whose sums are formed at a time: they do not wait for each other.
const ROWS: usize = 8;

/// `out[i] = Σ weights[i, j]` over the events `j`: each counts 1.
///
/// # Panics
/// If there are not as many weights as elements of `out` times those of the source.
#[inline]
pub fn live<W: Payload<T>, T: Number>(weights: &[W], events: Active<'_>, out: &mut [T]) {
    product(weights, events, out, |_| (), |weight, ()| weight);
}

/// `out[i] = Σ weights[i, j] · source[j]` over the events `j`, which are those of `source`.
///
/// # Panics
/// If there are not as many weights as elements of `out` times those of the source.
#[inline]
pub fn live_graded<W: Payload<T>, S: Payload<T>, T: Number>(
    weights: &[W],
    events: Active<'_>,
    source: &[S],
    out: &mut [T],
) {
    product(weights, events, out, |event| source[event].convert(), T::times);
}

/// The convolution of spikes: each event counts 1.
///
/// # Panics
/// If weights, source or `out` have other sizes than `geometry` says.
#[inline]
pub fn live_conv<W: Payload<T>, T: Number>(
    weights: &[W],
    geometry: &Geometry,
    events: Active<'_>,
    out: &mut [T],
) {
    convolution(weights, geometry, events, out, |_| (), |weight, ()| weight);
}

/// The convolution of `source`, of which the events are what is not zero.
///
/// # Panics
/// If weights, source or `out` have other sizes than `geometry` says.
#[inline]
pub fn live_conv_graded<W: Payload<T>, S: Payload<T>, T: Number>(
    weights: &[W],
    geometry: &Geometry,
    events: Active<'_>,
    source: &[S],
    out: &mut [T],
) {
    convolution(weights, geometry, events, out, |event| source[event].convert(), T::times);
}

#[inline(always)]
fn product<W: Payload<T>, T: Number, P: Copy>(
    weights: &[W],
    events: Active<'_>,
    out: &mut [T],
    payload: impl Fn(usize) -> P,
    scale: impl Fn(T, P) -> T,
) {
    let sources = events.sources();
    assert_eq!(weights.len(), out.len() * sources, "weights have the shape [outputs, sources]");
    if sources == 0 {
        return out.fill(T::default());
    }
    for (rows, out) in weights.chunks(ROWS * sources).zip(out.chunks_mut(ROWS)) {
        let Some(out) = <&mut [T; ROWS]>::try_from(&mut *out).ok() else {
            for (row, out) in rows.chunks(sources).zip(out) {
                *out = sums([row], events, &payload, &scale)[0];
            }
            continue;
        };
        let rows = core::array::from_fn(|r| &rows[r * sources..(r + 1) * sources]);
        *out = sums::<_, _, _, ROWS>(rows, events, &payload, &scale);
    }
}

#[inline(always)]
fn sums<W: Payload<T>, T: Number, P: Copy, const N: usize>(
    rows: [&[W]; N],
    events: Active<'_>,
    payload: impl Fn(usize) -> P,
    scale: impl Fn(T, P) -> T,
) -> [T; N] {
    let mut sums = [T::default(); N];
    for event in events.indices() {
        let event = *event as usize;
        let payload = payload(event);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = sum.plus(scale(row[event].convert(), payload));
        }
    }
    sums
}

#[inline(always)]
fn convolution<W: Payload<T>, T: Number, P: Copy>(
    weights: &[W],
    geometry: &Geometry,
    events: Active<'_>,
    out: &mut [T],
    payload: impl Fn(usize) -> P,
    scale: impl Fn(T, P) -> T,
) {
    let Geometry { input: [_, height, channels], outputs, kernel, groups, .. } = *geometry;
    let [_, out_height, _] = geometry.output();
    let sizes = (geometry.output().iter().product(), geometry.input.iter().product());
    assert_eq!(sizes, (out.len(), events.sources()), "outputs, inputs");
    assert_eq!(geometry.weights().iter().product::<usize>(), weights.len(), "weights");
    let (group_outputs, group_channels) = (outputs / groups, geometry.channels());
    // From the weights of one output channel to those of the next.
    let stride = kernel[0] * kernel[1] * group_channels;
    out.fill(T::default());
    for event in events.indices() {
        let event = *event as usize;
        let payload = payload(event);
        let (position, channel) = (event / channels, event % channels);
        let (group, channel) = (channel / group_channels, channel % group_channels);
        for (i, x) in reached(geometry, 0, position / height) {
            for (j, y) in reached(geometry, 1, position % height) {
                let first = (x * out_height + y) * outputs + group * group_outputs;
                let sums = &mut out[first..first + group_outputs];
                let from = (i * kernel[1] + j) * group_channels + channel;
                let weights = &weights[group * group_outputs * stride + from..];
                for (sum, weight) in sums.iter_mut().zip(weights.iter().step_by(stride)) {
                    *sum = sum.plus(scale(weight.convert(), payload));
                }
            }
        }
    }
}

/// The weights that an input position of an axis is given, each with the output it is for.
#[inline(always)]
fn reached(
    geometry: &Geometry,
    axis: usize,
    position: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let (kernel, stride) = (geometry.kernel[axis], geometry.stride[axis]);
    let (dilation, outputs) = (geometry.dilation[axis], geometry.output()[axis]);
    let padded = position + geometry.padding[axis];
    // A convolution mirrors its kernel: the last weight meets the first input.
    (0..kernel).filter_map(move |k| {
        let first = padded.checked_sub(dilation * (kernel - 1 - k))?;
        (first % stride == 0 && first / stride < outputs).then_some((k, first / stride))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Conv, Events};
    use alloc::{vec, vec::Vec};

    #[test]
    fn products_of_all_sizes_equal_the_definition() {
        for (m, n) in [(1, 1), (3, 5), (8, 9), (17, 33), (5, 0)] {
            let weights: Vec<i16> = (0..m * n).map(|k| (k * 1013 % 251) as i16 - 125).collect();
            let source: Vec<i32> = (0..n).map(|j| (j % 3) as i32 * (j as i32 - 4)).collect();
            let mut events = Events::new(n);
            let events = events.nonzero(&source);
            let (mut spikes, mut graded) = (vec![7_i64; m], vec![7_i32; m]);
            live(&weights, events, &mut spikes);
            live_graded(&weights, events, &source, &mut graded);
            for i in 0..m {
                let row = weights[i * n..(i + 1) * n].iter().zip(&source);
                let active = row.clone().filter(|(_, s)| **s != 0);
                assert_eq!(spikes[i], active.map(|(w, _)| i64::from(*w)).sum::<i64>());
                assert_eq!(graded[i], row.map(|(w, s)| i32::from(*w) * s).sum::<i32>());
            }
        }
    }

    #[test]
    fn zeros_of_the_source_meet_no_infinity_and_sums_wrap() {
        let weights = [f64::INFINITY, 2.0, f64::NAN, 0.5];
        let mut out = [0.0];
        let source = [0.0, 3.0, -0.0, 1.0];
        live_graded(&weights, Events::new(4).nonzero(&source), &source, &mut out);
        assert_eq!(out, [6.5]);
        let mut out = [0_i64];
        let source = [2_i64, 1];
        live_graded(&[i64::MAX, 3], Events::new(2).nonzero(&source), &source, &mut out);
        assert_eq!(out, [1]);
    }

    #[test]
    fn convolutions_are_those_of_prepared_weights() {
        let geometry = Geometry {
            input: [6, 5, 4],
            outputs: 6,
            kernel: [3, 2],
            stride: [2, 1],
            padding: [1, 2],
            dilation: [1, 3],
            groups: 2,
        };
        let weights: Vec<i8> =
            (0..geometry.weights().iter().product()).map(|k: usize| (k % 201) as i8).collect();
        let prepared = Conv::<i8, 3>::new(&weights, geometry, 0);
        assert_eq!(geometry.output(), [3, 6, 6]);
        let source: Vec<i16> = (0..120).map(|k| k % 7 * (k - 50)).collect();
        let mut events = Events::new(120);
        let events = events.nonzero(&source);
        let (mut expected, mut found) = ([0_i64; 108], [7_i64; 108]);
        prepared.add(events, &mut expected);
        live_conv(&weights, &geometry, events, &mut found);
        assert_eq!(found, expected);
        prepared.add_graded(events, &source, &mut expected);
        live_conv_graded(&weights, &geometry, events, &source, &mut found);
        assert_eq!(found, expected);
    }
}
