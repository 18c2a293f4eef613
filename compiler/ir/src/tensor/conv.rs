//! Convolutions of constant tensors, and the mirrored kernels of other definitions.

use super::{Tensor, Values, ops};
use crate::scalar::{Kind, Scalar};
use snn_core::kernels::Geometry;

/// The sums of a convolution, in C order of its output: each begins with `zero` and takes, in
/// ascending order of the input, the products that `add(sum, weight, input)` adds, where
/// `weight` and `input` are positions in C order in the weights (of shape
/// [`Geometry::weights`]) and in the input. Products with padding are left out.
pub fn sums<T>(g: &Geometry, zero: impl Fn() -> T, add: impl Fn(T, usize, usize) -> T) -> Vec<T> {
    let ([width, height, channels], [out_width, out_height, outputs]) = (g.input, g.output());
    let [kernel_width, kernel_height] = g.kernel;
    let inside = |axis: usize, output: usize, k: usize| {
        let padded = output * g.stride[axis] + k * g.dilation[axis];
        padded.checked_sub(g.padding[axis]).filter(|p| *p < [width, height][axis])
    };
    let mut all = Vec::with_capacity(out_width * out_height * outputs);
    for x in 0..out_width {
        for y in 0..out_height {
            for o in 0..outputs {
                let first = o / (outputs / g.groups) * g.channels();
                let mut sum = zero();
                for i in 0..kernel_width {
                    let Some(x) = inside(0, x, i) else { continue };
                    for j in 0..kernel_height {
                        let Some(y) = inside(1, y, j) else { continue };
                        // The kernel is mirrored: its last weight meets the first input.
                        let row = o * kernel_width + kernel_width - 1 - i;
                        let weight = (row * kernel_height + kernel_height - 1 - j) * g.channels();
                        let input = (x * height + y) * channels + first;
                        for c in 0..g.channels() {
                            sum = add(sum, weight + c, input + c);
                        }
                    }
                }
                all.push(sum);
            }
        }
    }
    all
}

/// The convolution of constants of one kind; `None` where they are not both integers or both
/// floats, or not of the sizes that `g` says.
pub fn conv2d(g: &Geometry, weights: &Tensor, input: &Tensor) -> Option<Tensor> {
    if weights.shape != g.weights() || input.shape != g.input {
        return None;
    }
    let kind = input.kind();
    let zero = Some(Scalar::Int(0).convert(kind));
    let add = |sum: Option<Scalar>, k: usize, i: usize| {
        ops::plus_product(sum?, weights.element(k, Kind::F64), input.element(i, Kind::F64))
    };
    ops::collected(kind, g.output().to_vec(), sums(g, || zero, add).into_iter())
}

/// A tensor with the order of its elements along some axes turned round.
pub fn flip(tensor: &Tensor, axes: &[usize]) -> Tensor {
    fn picked<T: Copy>(from: &[T], positions: &[usize]) -> Vec<T> {
        positions.iter().map(|p| from[*p]).collect()
    }
    let mut positions = vec![0];
    for (axis, (size, stride)) in tensor.shape.iter().zip(ops::strides(&tensor.shape)).enumerate() {
        let at = |i: usize| if axes.contains(&axis) { size - 1 - i } else { i };
        positions =
            positions.iter().flat_map(|p| (0..*size).map(move |i| p + at(i) * stride)).collect();
    }
    let values = match &tensor.values {
        Values::Int(v) => Values::Int(picked(v, &positions)),
        Values::Float(v) => Values::Float(picked(v, &positions)),
        Values::Bool(v) => Values::Bool(picked(v, &positions)),
    };
    Tensor { shape: tensor.shape.clone(), values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_mirrored_and_the_border_is_zero() {
        let g = Geometry {
            input: [1, 3, 1],
            outputs: 1,
            kernel: [1, 3],
            stride: [1, 1],
            padding: [0, 1],
            dilation: [1, 1],
            groups: 1,
        };
        let weights = Tensor::int(vec![1, 1, 3, 1], vec![1, 2, 3]);
        let input = Tensor::int(vec![1, 3, 1], vec![10, 0, 100]);
        let out = conv2d(&g, &weights, &input).unwrap();
        assert_eq!(out, Tensor::int(vec![1, 3, 1], vec![20, 130, 200]));
        assert_eq!(conv2d(&g, &input, &input), None);
    }

    #[test]
    fn flipped_axes_are_read_backward() {
        let t = Tensor::int(vec![2, 3], vec![0, 1, 2, 3, 4, 5]);
        assert_eq!(flip(&t, &[1]).values, Values::Int(vec![2, 1, 0, 5, 4, 3]));
        assert_eq!(flip(&t, &[0, 1]).values, Values::Int(vec![5, 4, 3, 2, 1, 0]));
        assert_eq!(flip(&t, &[]), t);
    }
}
