//! The adjoints of a convolution, which are convolutions.
//!
//! For one axis of `n` inputs, a kernel of `k` weights `d` apart, stride `s`, padding `p` and
//! `m` outputs, the convolution of this language is
//!
//! ```text
//! y[i] = Σ_j w[k-1-j] · x[i·s + j·d - p]        x is 0 outside 0..n
//! ```
//!
//! and `n + 2p - d(k-1) - 1 = (m-1)·s + r` with a remainder `0 <= r < s`. With `g` the gradient
//! of `y`, and `G` the same with `s-1` zeros between its elements,
//!
//! ```text
//! dx[i] = Σ_j w[j] · G[i + j·d - (d(k-1) - p)]
//! dw[k-1-j] = Σ_i g[i] · x[j·d + i·s - p]
//! ```
//!
//! The first is a convolution of stride 1, dilation `d` and padding `d(k-1) - p` with the
//! mirrored kernel; the padding after the last element is `r` more, and what is negative is cut
//! off. The second is one with the mirrored `g` as kernel, where stride and dilation change
//! places; it has `r/d` results too many. See V. Dumoulin and F. Visin, *A guide to convolution
//! arithmetic for deep learning*, 2016, sections 4.5 and 4.6.

use super::builder::{Builder, Built};
use crate::network::{Op, ValueId};
use snn_core::kernels::Geometry;

/// What both need: sizes of output and input channels of one group, and of the output.
struct Sizes {
    groups: usize,
    of_group: usize,
    channels: usize,
    out: [usize; 3],
}

fn sizes(g: &Geometry) -> Result<Sizes, String> {
    let counts = [g.input[2], g.outputs, g.groups];
    if counts.iter().chain(&g.kernel).chain(&g.stride).chain(&g.dilation).any(|n| *n == 0) {
        return Err("a size of the convolution is 0".into());
    }
    if !g.input[2].is_multiple_of(g.groups) || !g.outputs.is_multiple_of(g.groups) {
        return Err("the groups of the convolution do not divide its channels".into());
    }
    let (of_group, channels) = (g.outputs / g.groups, g.input[2] / g.groups);
    Ok(Sizes { groups: g.groups, of_group, channels, out: g.output() })
}

/// How much larger the padded input is than what the kernel reaches, along an axis.
fn remainder(g: &Geometry, axis: usize) -> i128 {
    let spread = g.dilation[axis] as i128 * (g.kernel[axis] as i128 - 1);
    let room = g.input[axis] as i128 + 2 * g.padding[axis] as i128 - spread - 1;
    room.rem_euclid(g.stride[axis] as i128)
}

/// The gradient of the input, [`Geometry::input`], from weights and gradient `f64`.
pub(super) fn input(b: &mut Builder<'_>, g: &Geometry, weights: ValueId, of: ValueId) -> Built {
    let Sizes { groups, of_group, channels, out } = sizes(g)?;
    let kind = b.value(of)?.kind;
    if out.contains(&0) {
        return b.zeros(kind, &g.input);
    }
    let mut stuffed = of;
    let mut padding = [0; 2];
    for axis in 0..2 {
        let stride = g.stride[axis];
        let mut shape = b.value(stuffed)?.shape.clone();
        // A row of zeros behind each element, also the last.
        let size = shape[axis];
        shape.insert(axis + 1, 1);
        stuffed = b.reshape(stuffed, &shape)?;
        stuffed = b.pad(stuffed, axis + 1, (0, stride as i128 - 1))?;
        shape.remove(axis + 1);
        shape[axis] = size.checked_mul(stride).ok_or("a size is too large")?;
        stuffed = b.reshape(stuffed, &shape)?;
        let wanted =
            g.dilation[axis] as i128 * (g.kernel[axis] as i128 - 1) - g.padding[axis] as i128;
        let both = wanted.max(0);
        let after = wanted - both + remainder(g, axis) - (stride as i128 - 1);
        stuffed = b.pad(stuffed, axis, (wanted - both, after))?;
        padding[axis] = usize::try_from(both).map_err(|_| "a size is too large")?;
    }
    // The channels change sides within each group.
    let [kx, ky] = g.kernel;
    let apart = b.reshape(weights, &[groups, of_group, kx, ky, channels])?;
    let turned = b.transpose(apart, &[0, 4, 2, 3, 1])?;
    let turned = b.reshape(turned, &[g.input[2], kx, ky, of_group])?;
    let mirrored = b.flip(turned, &[1, 2])?;
    let shape = &b.value(stuffed)?.shape;
    let back = Geometry {
        input: [shape[0], shape[1], g.outputs],
        outputs: g.input[2],
        kernel: g.kernel,
        stride: [1, 1],
        padding,
        dilation: g.dilation,
        groups,
    };
    b.push(Op::Conv(Box::new(back)), &[mirrored, stuffed], kind, &g.input)
}

/// The gradient of the weights, [`Geometry::weights`], from input and gradient `f64`.
pub(super) fn weights(b: &mut Builder<'_>, g: &Geometry, input: ValueId, of: ValueId) -> Built {
    let Sizes { groups, of_group, channels, out } = sizes(g)?;
    let kind = b.value(of)?.kind;
    if out.contains(&0) {
        return b.zeros(kind, &g.weights());
    }
    // Every channel of the input is a group of its own, since nothing is summed over channels.
    let [x, y, _] = out;
    let first = b.transpose(of, &[2, 0, 1])?;
    let apart = b.reshape(first, &[groups, 1, of_group, x, y])?;
    let each = b.broadcast(apart, &[groups, channels, of_group, x, y])?;
    let outputs = g.input[2].checked_mul(of_group).ok_or("a size is too large")?;
    let kernel = b.reshape(each, &[outputs, x, y, 1])?;
    let kernel = b.flip(kernel, &[1, 2])?;
    let back = Geometry {
        input: g.input,
        outputs,
        kernel: [x, y],
        stride: g.dilation,
        padding: g.padding,
        dilation: g.stride,
        groups: g.input[2],
    };
    let mut taps = b.push(Op::Conv(Box::new(back)), &[kernel, input], kind, &back.output())?;
    for axis in 0..2 {
        taps = b.slice(taps, axis, (0, g.kernel[axis]))?;
    }
    let [kx, ky] = g.kernel;
    let apart = b.reshape(taps, &[kx, ky, groups, channels, of_group])?;
    let turned = b.transpose(apart, &[2, 4, 0, 1, 3])?;
    let turned = b.reshape(turned, &g.weights())?;
    b.flip(turned, &[1, 2])
}
