//! Arrays of scalars, and the operations on them, one element at a time.

use snn_ir::network::{Op, ReduceOp, Tensor, Value};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::tensor::Values;
use snn_runtime::kernels::Geometry;

/// An array in C order.
#[derive(Clone, Debug)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, all of one kind.
    pub elements: Vec<Scalar>,
    /// Of a sparse array, what the elements are that are not stored.
    pub rest: Option<Scalar>,
}

/// An index that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The index.
    pub index: i64,
    /// It must be in `0..extent`.
    pub extent: usize,
}

/// Zero of a kind.
pub fn zero(kind: Kind) -> Scalar {
    Scalar::Int(0).convert(kind)
}

/// A scalar operation on operands of the kinds that it is defined for.
pub fn eval(op: scalar::Op, operands: &[Scalar]) -> Scalar {
    op.eval(operands).unwrap_or_else(|| panic!("{} of {operands:?}", op.name()))
}

impl Array {
    /// Every element is this.
    pub fn full(shape: &[usize], value: Scalar) -> Array {
        let elements = vec![value; shape.iter().product()];
        Array { shape: shape.to_vec(), elements, rest: None }
    }

    /// A scalar.
    pub fn scalar(value: Scalar) -> Array {
        Array::full(&[], value)
    }

    /// The values of a tensor of a kind.
    pub fn known(kind: Kind, tensor: &snn_ir::tensor::Tensor) -> Array {
        let elements = match &tensor.values {
            Values::Int(v) => v.iter().map(|x| Scalar::Int(*x)).collect(),
            Values::Bool(v) => v.iter().map(|x| Scalar::Bool(*x)).collect(),
            Values::Float(v) if kind == Kind::F32 => {
                v.iter().map(|x| Scalar::F32(*x as f32)).collect()
            }
            Values::Float(v) => v.iter().map(|x| Scalar::F64(*x)).collect(),
        };
        Array { shape: tensor.shape.clone(), elements, rest: None }
    }

    /// The values of a constant; `None` where it is in a file, or too large to be written out.
    pub fn constant(tensor: &Tensor) -> Option<Array> {
        let constant = tensor.constant()?;
        let mut array = Array::known(tensor.kind, &*constant.dense()?);
        if let snn_ir::tensor::Constant::Sparse(sparse) = &constant {
            let palette = Array::known(tensor.kind, sparse.palette());
            array.rest = palette.elements.last().copied();
        }
        Some(array)
    }

    /// The only element.
    pub fn one(&self) -> Scalar {
        self.elements[0]
    }

    /// The only element, an integer.
    pub fn int(&self) -> i64 {
        match self.one() {
            Scalar::Int(value) => value,
            other => panic!("{other:?} is not an integer"),
        }
    }

    /// Whether some element holds.
    pub fn any(&self) -> bool {
        self.elements.contains(&Scalar::Bool(true))
    }

    /// The element at a place; a scalar has the same at every place.
    pub fn at(&self, place: usize) -> Scalar {
        if self.shape.is_empty() { self.one() } else { self.elements[place] }
    }

    /// Stretched to a shape.
    pub fn stretched(&self, shape: &[usize]) -> Array {
        let missing = shape.len() - self.shape.len();
        gathered(self, shape, None, |index| {
            let own = self.shape.iter().zip(&index[missing..]);
            own.map(|(n, i)| if *n == 1 { 0 } else { *i }).collect()
        })
    }
}

/// The places of a shape, in C order.
pub fn places(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let count: usize = shape.iter().product();
    (0..count).map(move |mut at| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = at % shape[axis];
            at /= shape[axis];
        }
        index
    })
}

/// The position in C order.
pub fn position(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |at, (n, i)| at * n + i)
}

/// An array whose elements are those of another at places that follow from their own.
fn gathered(
    of: &Array,
    shape: &[usize],
    rest: Option<Scalar>,
    from: impl Fn(&[usize]) -> Vec<usize>,
) -> Array {
    let elements = places(shape).map(|i| of.elements[position(&of.shape, &from(&i))]).collect();
    Array { shape: shape.to_vec(), elements, rest }
}

/// The result of an operation; none of the leaves.
///
/// # Errors
/// Where an index is out of range.
pub fn apply(value: &Value, args: &[&Array]) -> Result<Array, Outside> {
    let shape = value.shape.as_slice();
    Ok(match &value.op {
        Op::Scalar(op) => elementwise(*op, shape, args),
        Op::Broadcast => args[0].stretched(shape),
        Op::Transpose(axes) => {
            let rest = args[0].rest.filter(|_| *axes == [1, 0]);
            gathered(args[0], shape, rest, |index| {
                let mut from = vec![0; index.len()];
                for (i, axis) in index.iter().zip(axes) {
                    from[*axis] = *i;
                }
                from
            })
        }
        Op::Slice(ranges) => gathered(args[0], shape, args[0].rest, |index| {
            index.iter().zip(ranges).map(|(i, (lo, _))| i + lo).collect()
        }),
        Op::Reshape => Array {
            shape: shape.to_vec(),
            elements: args[0].elements.clone(),
            rest: args[0].rest.filter(|_| shape.len() >= 2),
        },
        Op::Flip(axes) => gathered(args[0], shape, None, |index| {
            let turned = |(axis, i): (usize, &usize)| match axes.contains(&axis) {
                true => shape[axis] - 1 - i,
                false => *i,
            };
            index.iter().enumerate().map(turned).collect()
        }),
        Op::Index => {
            let (index, extent) = (args[1].int(), args[0].shape[0]);
            let at = usize::try_from(index).ok().filter(|i| *i < extent);
            let at = at.ok_or(Outside { index, extent })?;
            gathered(args[0], shape, None, |index| {
                std::iter::once(at).chain(index.to_vec()).collect()
            })
        }
        Op::Concat(axis) => {
            let mut elements = Vec::new();
            for index in places(shape) {
                let mut from = index.clone();
                let part = args.iter().find(|part| {
                    let here = from[*axis] < part.shape[*axis];
                    if !here {
                        from[*axis] -= part.shape[*axis];
                    }
                    here
                });
                if let Some(part) = part {
                    elements.push(part.elements[position(&part.shape, &from)]);
                }
            }
            Array { shape: shape.to_vec(), elements, rest: None }
        }
        Op::MatMul => matmul(value.kind, shape, args[0], args[1]),
        Op::Conv(geometry) => convolution(value.kind, geometry, args[0], args[1]),
        Op::Reduce(op, axes) => reduction(*op, axes, value, args[0]),
        Op::ByDelay => {
            let (weights, delays) = (args[0], args[1].stretched(&args[0].shape));
            let elements = places(shape).map(|index| {
                let at = position(&weights.shape, &[index[0], index[2]]);
                match delays.elements[at] == Scalar::Int(index[1] as i64) {
                    true => weights.elements[at],
                    false => zero(value.kind),
                }
            });
            let rest = weights.rest.filter(|rest| *rest == zero(value.kind));
            Array { shape: shape.to_vec(), elements: elements.collect(), rest }
        }
        Op::Const(_) | Op::Param(_) | Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {
            panic!("{:?} is a leaf", value.op)
        }
    })
}

fn elementwise(op: scalar::Op, shape: &[usize], args: &[&Array]) -> Array {
    let count: usize = shape.iter().product();
    let at = |place: usize| {
        let operands: Vec<Scalar> = args.iter().map(|a| a.at(place)).collect();
        eval(op, &operands)
    };
    // Of sparse arrays and single numbers the result is sparse too.
    let sparse = args.iter().any(|a| a.rest.is_some())
        && args.iter().all(|a| a.rest.is_some() || a.shape.is_empty());
    let rest = sparse.then(|| {
        let operands: Vec<Scalar> =
            args.iter().map(|a| a.rest.unwrap_or_else(|| a.one())).collect();
        eval(op, &operands)
    });
    Array { shape: shape.to_vec(), elements: (0..count).map(at).collect(), rest }
}

fn plus_product(sum: Scalar, a: Scalar, b: Scalar) -> Scalar {
    eval(scalar::Op::Add, &[sum, eval(scalar::Op::Mul, &[a, b])])
}

/// Zeros of the vector are skipped, and those of sparse weights that are 0 where nothing is
/// stored.
fn matmul(kind: Kind, shape: &[usize], weights: &Array, vector: &Array) -> Array {
    let n = vector.elements.len();
    let skips = weights.rest.is_some_and(Scalar::is_zero);
    let row = |row: usize| {
        (0..n).fold(zero(kind), |sum, j| {
            let (w, x) = (weights.elements[row * n + j], vector.elements[j]);
            if x.is_zero() || (skips && w.is_zero()) { sum } else { plus_product(sum, w, x) }
        })
    };
    let elements = (0..shape.iter().product()).map(row).collect();
    Array { shape: shape.to_vec(), elements, rest: None }
}

/// Inputs are added in ascending order; the kernel is mirrored on both axes.
fn convolution(kind: Kind, g: &Geometry, weights: &Array, input: &Array) -> Array {
    let output = g.output();
    let channels = g.input[2] / g.groups;
    let of_group = g.outputs / g.groups;
    let source = |out: usize, tap: usize, axis: usize| {
        let at = (out * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.padding[axis])?;
        (at < g.input[axis]).then_some(at)
    };
    let one = |index: Vec<usize>| {
        let (x, y, o) = (index[0], index[1], index[2]);
        let mut sum = zero(kind);
        for (kx, ky) in (0..g.kernel[0]).flat_map(|kx| (0..g.kernel[1]).map(move |ky| (kx, ky))) {
            let (Some(ix), Some(iy)) = (source(x, kx, 0), source(y, ky, 1)) else { continue };
            for c in 0..channels {
                let from = position(&g.input, &[ix, iy, o / of_group * channels + c]);
                let tap = [o, g.kernel[0] - 1 - kx, g.kernel[1] - 1 - ky, c];
                let weight = weights.elements[position(&g.weights(), &tap)];
                if !input.elements[from].is_zero() {
                    sum = plus_product(sum, weight, input.elements[from]);
                }
            }
        }
        sum
    };
    Array { shape: output.to_vec(), elements: places(&output).map(one).collect(), rest: None }
}

fn reduction(op: ReduceOp, axes: &[usize], value: &Value, of: &Array) -> Array {
    let kept: Vec<usize> = (0..of.shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let reduced: Vec<usize> = axes.iter().map(|axis| of.shape[*axis]).collect();
    let one = |index: Vec<usize>| {
        let parts: Vec<Scalar> = places(&reduced)
            .map(|along| {
                let mut from = vec![0; of.shape.len()];
                kept.iter().zip(&index).for_each(|(axis, i)| from[*axis] = *i);
                axes.iter().zip(&along).for_each(|(axis, i)| from[*axis] = *i);
                of.elements[position(&of.shape, &from)]
            })
            .collect();
        match op {
            ReduceOp::Sum => parts.iter().fold(zero(value.kind), |sum, x| {
                eval(scalar::Op::Add, &[sum, x.convert(value.kind)])
            }),
            ReduceOp::Min => extreme(scalar::Op::Min, &parts, value.kind),
            ReduceOp::Max => extreme(scalar::Op::Max, &parts, value.kind),
            ReduceOp::ArgMax => {
                let holds = |op, a, b| eval(op, &[a, b]) == Scalar::Bool(true);
                let mut best: Option<(usize, Scalar)> = None;
                for (at, x) in parts.iter().enumerate() {
                    let number = holds(scalar::Op::Eq, *x, *x);
                    if number && best.is_none_or(|(_, b)| holds(scalar::Op::Gt, *x, b)) {
                        best = Some((at, *x));
                    }
                }
                Scalar::Int(best.map_or(0, |(at, _)| at as i64))
            }
        }
    };
    let elements = places(&value.shape).map(one).collect();
    Array { shape: value.shape.clone(), elements, rest: None }
}

fn extreme(op: scalar::Op, parts: &[Scalar], kind: Kind) -> Scalar {
    parts.iter().copied().reduce(|a, b| eval(op, &[a, b])).unwrap_or(zero(kind))
}
