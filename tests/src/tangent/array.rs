//! Arrays of numbers with their tangents, and the operations on them.

use snn_ir::network::{ElemTy, Mark, Op, ReduceOp, Value};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::step::Fit;
use snn_ir::tensor::{Constant, Tensor as Known, Values};
use snn_runtime::kernels::Geometry;

/// A number and its tangent.
#[derive(Clone, Copy)]
pub(super) struct Dual {
    pub(super) value: Scalar,
    pub(super) tangent: f64,
}

/// An array in C order.
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) elements: Vec<Dual>,
    /// Of a sparse array, what the elements are that are not stored: products skip zeros.
    pub(super) rest: Option<Scalar>,
}

impl Array {
    /// The elements by their places.
    pub(super) fn of(shape: &[usize], element: impl FnMut(&[usize]) -> Dual) -> Array {
        let mut element = element;
        let elements = places(shape).map(|index| element(&index)).collect();
        Array { shape: shape.to_vec(), elements, rest: None }
    }

    pub(super) fn zeros(kind: Kind, shape: &[usize]) -> Array {
        Array::of(shape, |_| fixed(zero(kind)))
    }

    pub(super) fn constant(tensor: &snn_ir::network::Tensor) -> Result<Array, String> {
        let scalars = |known: &Known| -> Vec<Scalar> {
            let float = |x: &f64| Scalar::F64(*x).convert(tensor.kind);
            match &known.values {
                Values::Int(v) => v.iter().map(|x| Scalar::Int(*x)).collect(),
                Values::Bool(v) => v.iter().map(|x| Scalar::Bool(*x)).collect(),
                Values::Float(v) => v.iter().map(float).collect(),
            }
        };
        let constant = tensor.constant().ok_or("a constant is in a file")?;
        let dense = constant.dense().ok_or("a constant is too large")?;
        let elements = scalars(&dense).into_iter().map(fixed).collect();
        let rest = match &constant {
            Constant::Sparse(sparse) => scalars(sparse.palette()).last().copied(),
            Constant::Dense(_) => None,
        };
        Ok(Array { shape: dense.shape.clone(), elements, rest })
    }

    /// The element at a place; a scalar has the same at every place.
    pub(super) fn at(&self, place: usize) -> Dual {
        self.elements[if self.shape.is_empty() { 0 } else { place }]
    }

    /// The element at an index.
    fn get(&self, index: &[usize]) -> Dual {
        self.elements[position(&self.shape, index)]
    }

    pub(super) fn any(&self) -> bool {
        self.elements.iter().any(|x| x.value == Scalar::Bool(true))
    }

    /// Stretched to a shape.
    pub(super) fn stretched(&self, shape: &[usize]) -> Array {
        let missing = shape.len() - self.shape.len();
        let own = |index: &[usize]| -> Vec<usize> {
            let own = self.shape.iter().zip(&index[missing..]);
            own.map(|(n, i)| if *n == 1 { 0 } else { *i }).collect()
        };
        Array::of(shape, |index| self.get(&own(index)))
    }
}

/// What does not depend on the direction.
pub(super) fn fixed(value: Scalar) -> Dual {
    Dual { value, tangent: 0.0 }
}

fn zero(kind: Kind) -> Scalar {
    Scalar::Int(0).convert(kind)
}

/// A number of any kind as a float.
pub(super) fn float(x: Scalar) -> f64 {
    match x.convert(Kind::F64) {
        Scalar::F64(x) => x,
        other => unreachable!("{other:?} is no float"),
    }
}

/// A product in which 0 times anything is 0.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn eval(op: scalar::Op, operands: &[Scalar]) -> Scalar {
    op.eval(operands).unwrap_or_else(|| panic!("{} of {operands:?}", op.name()))
}

/// The places of a shape, in C order.
pub(super) fn places(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
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
pub(super) fn position(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |at, (n, i)| at * n + i)
}

/// An index, which must be within an extent.
pub(super) fn inside(index: Scalar, extent: usize) -> Result<usize, String> {
    let Scalar::Int(index) = index else { return Err(format!("{index:?} is no index")) };
    let at = usize::try_from(index).ok().filter(|i| *i < extent);
    at.ok_or_else(|| format!("the index {index} is not in 0..{extent}"))
}

/// What a store into a type makes of a value. What does not fit moves as if it did.
pub(super) fn fit(x: Dual, ty: ElemTy) -> Dual {
    let value = match (x.value, ty.fit()) {
        (Scalar::Int(_), Fit::Wrap { bits, signed }) => {
            eval(scalar::Op::Wrap { bits, signed }, &[x.value])
        }
        (Scalar::Int(_), Fit::Sat { bits, signed }) => {
            eval(scalar::Op::Sat { bits, signed }, &[x.value])
        }
        _ => x.value,
    };
    Dual { value, ..x }
}

/// A scalar operation; `spike` says whether it is a comparison that makes a spike, `of_zero` whether
/// its second operand is the constant 0.
fn element(
    op: scalar::Op,
    (spike, of_zero): (Option<Mark>, bool),
    operands: &[Dual],
    slope: &dyn Fn(f64) -> f64,
) -> Result<Dual, String> {
    use scalar::Op::{Convert, Ge, Gt, Le, Lt, Ne, Select};
    let values: Vec<Scalar> = operands.iter().map(|x| x.value).collect();
    let value = eval(op, &values);
    let tangent = match (op, operands) {
        (Select, [holds, yes, no]) => match holds.value {
            Scalar::Bool(true) => yes.tangent,
            _ => no.tangent,
        },
        (Convert(_), [x]) => x.tangent,
        (Ne, [x, _]) if of_zero => x.tangent,
        (Gt | Ge | Lt | Le, [a, b]) if matches!(spike, Some(Mark::Spike | Mark::Soft)) => {
            let at = slope(float(a.value) - float(b.value));
            times(if matches!(op, Gt | Ge) { at } else { -at }, a.tangent - b.tangent)
        }
        _ if op.is_comparison() => 0.0,
        _ => {
            // In double precision, whatever the kind of the operands is.
            let wide: Vec<Scalar> = values.iter().map(|x| x.convert(Kind::F64)).collect();
            let mut sum = 0.0;
            let kind = values.last().map_or(Kind::F64, |x| x.kind());
            for (term, x) in op.derivative(kind).unwrap_or_default().iter().zip(operands) {
                if x.tangent != 0.0 {
                    let partial = term.eval(&wide, value.convert(Kind::F64));
                    let partial = partial.ok_or_else(|| format!("a term of {}", op.name()))?;
                    sum += times(float(partial), x.tangent);
                }
            }
            sum
        }
    };
    Ok(Dual { value, tangent })
}

/// The result of an operation; none of the leaves. `of_zero` says whether its second argument is the
/// constant 0.
pub(super) fn apply(
    of: &Value,
    args: &[&Array],
    of_zero: bool,
    slope: &dyn Fn(f64) -> f64,
) -> Result<Array, String> {
    let shape = of.shape.as_slice();
    let mut result = match &of.op {
        Op::Scalar(op) => {
            let one = |place: usize| {
                let operands: Vec<Dual> = args.iter().map(|a| a.at(place)).collect();
                element(*op, (of.spike, of_zero), &operands, slope)
            };
            let elements: Result<Vec<Dual>, String> =
                (0..shape.iter().product()).map(one).collect();
            Array { shape: shape.to_vec(), elements: elements?, rest: None }
        }
        Op::Broadcast => args[0].stretched(shape),
        Op::Transpose(axes) => Array::of(shape, |index| {
            let mut from = vec![0; index.len()];
            index.iter().zip(axes).for_each(|(i, axis)| from[*axis] = *i);
            args[0].get(&from)
        }),
        Op::Slice(ranges) => Array::of(shape, |index| {
            let from: Vec<usize> = index.iter().zip(ranges).map(|(i, (lo, _))| i + lo).collect();
            args[0].get(&from)
        }),
        Op::Reshape => Array::of(shape, |index| args[0].elements[position(shape, index)]),
        Op::Flip(axes) => Array::of(shape, |index| {
            let mut from = index.to_vec();
            axes.iter().for_each(|axis| from[*axis] = shape[*axis] - 1 - index[*axis]);
            args[0].get(&from)
        }),
        Op::Index => {
            let at = inside(args[1].elements[0].value, args[0].shape[0])?;
            Array::of(shape, |index| args[0].get(&[&[at], index].concat()))
        }
        Op::Concat(axis) => Array::of(shape, |index| {
            let (mut from, mut part) = (index.to_vec(), 0);
            while from[*axis] >= args[part].shape[*axis] {
                from[*axis] -= args[part].shape[*axis];
                part += 1;
            }
            args[part].get(&from)
        }),
        Op::MatMul => {
            let skips = args[0].rest.is_some_and(Scalar::is_zero);
            let n = args[1].elements.len();
            Array::of(shape, |index| {
                let first = position(shape, index) * n;
                let row = args[0].elements[first..first + n].iter().copied();
                products(of.kind, skips, row.zip(args[1].elements.iter().copied()))
            })
        }
        Op::Conv(geometry) => Array::of(shape, |out| {
            products(of.kind, false, taps(geometry, out, args[0], args[1]).into_iter())
        }),
        Op::Reduce(op, axes) => Array::of(shape, |index| reduced(*op, axes, index, of, args[0])),
        Op::ByDelay => {
            let delays = args[1].stretched(&args[0].shape);
            Array::of(shape, |index| {
                let at = [index[0], index[2]];
                let here = delays.get(&at).value == Scalar::Int(index[1] as i64);
                if here { args[0].get(&at) } else { fixed(zero(of.kind)) }
            })
        }
        Op::Const(_) | Op::Param(_) | Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {
            return Err("it is a leaf".into());
        }
    };
    result.rest = rest(of, args);
    Ok(result)
}

/// What the elements that are not stored become, where sparse arrays stay sparse.
fn rest(of: &Value, args: &[&Array]) -> Option<Scalar> {
    let first = args.first()?.rest;
    match &of.op {
        Op::Scalar(op) => {
            let some = args.iter().any(|a| a.rest.is_some());
            let each = args.iter().map(|a| match a.shape.is_empty() {
                true => a.rest.or(Some(a.elements[0].value)),
                false => a.rest,
            });
            each.collect::<Option<Vec<Scalar>>>().filter(|_| some).map(|x| eval(*op, &x))
        }
        Op::Transpose(axes) => first.filter(|_| *axes == [1, 0]),
        Op::Slice(_) => first,
        Op::Reshape => first.filter(|_| of.shape.len() >= 2),
        Op::ByDelay => first.filter(|rest| *rest == zero(of.kind)),
        _ => None,
    }
}

/// A sum of products, first factors weights. Its value skips zeros of the second factors, and
/// where `skips` those of the weights; its tangent is that of all of them.
fn products(kind: Kind, skips: bool, pairs: impl Iterator<Item = (Dual, Dual)>) -> Dual {
    pairs.fold(fixed(zero(kind)), |sum, (w, x)| {
        let tangent = times(w.tangent, float(x.value)) + times(float(w.value), x.tangent);
        let value = match x.value.is_zero() || skips && w.value.is_zero() {
            true => sum.value,
            false => {
                let product = eval(scalar::Op::Mul, &[w.value, x.value]);
                eval(scalar::Op::Add, &[sum.value, product])
            }
        };
        Dual { value, tangent: sum.tangent + tangent }
    })
}

/// The weights and inputs that an output of a convolution sums, in ascending order of the inputs;
/// the kernel is mirrored on both axes.
fn taps(g: &Geometry, out: &[usize], weights: &Array, input: &Array) -> Vec<(Dual, Dual)> {
    let source = |tap: usize, axis: usize| {
        let at = out[axis] * g.stride[axis] + tap * g.dilation[axis];
        at.checked_sub(g.padding[axis]).filter(|at| *at < g.input[axis])
    };
    let group = out[2] / (g.outputs / g.groups);
    let mut found = Vec::new();
    for kernel in places(&g.kernel) {
        let (Some(x), Some(y)) = (source(kernel[0], 0), source(kernel[1], 1)) else { continue };
        for c in 0..g.channels() {
            let tap = [out[2], g.kernel[0] - 1 - kernel[0], g.kernel[1] - 1 - kernel[1], c];
            found.push((weights.get(&tap), input.get(&[x, y, group * g.channels() + c])));
        }
    }
    found
}

/// One element of a reduction. That of an extreme is the tangent of the first that has it.
fn reduced(op: ReduceOp, axes: &[usize], index: &[usize], value: &Value, of: &Array) -> Dual {
    let along: Vec<usize> = axes.iter().map(|axis| of.shape[*axis]).collect();
    let mut from = vec![0; of.shape.len()];
    let kept = (0..of.shape.len()).filter(|axis| !axes.contains(axis));
    kept.zip(index).for_each(|(axis, i)| from[axis] = *i);
    let parts: Vec<Dual> = places(&along)
        .map(|along| {
            axes.iter().zip(&along).for_each(|(axis, i)| from[*axis] = *i);
            of.get(&from)
        })
        .collect();
    let holds = |op, a, b| eval(op, &[a, b]) == Scalar::Bool(true);
    // The first of those that nothing is beyond, NaN left out.
    let first = |beyond: scalar::Op| {
        let numbers = (0..parts.len()).filter(|k| {
            let x = parts[*k].value;
            holds(scalar::Op::Eq, x, x)
        });
        numbers.reduce(|k, n| if holds(beyond, parts[n].value, parts[k].value) { n } else { k })
    };
    let extreme = |op: scalar::Op, beyond: scalar::Op| {
        let values = parts.iter().map(|x| x.value);
        let value = values.reduce(|a, b| eval(op, &[a, b])).unwrap_or(zero(value.kind));
        Dual { value, tangent: first(beyond).map_or(0.0, |k| parts[k].tangent) }
    };
    match op {
        ReduceOp::Sum => parts.iter().fold(fixed(zero(value.kind)), |sum, x| Dual {
            value: eval(scalar::Op::Add, &[sum.value, x.value.convert(value.kind)]),
            tangent: sum.tangent + x.tangent,
        }),
        ReduceOp::Min => extreme(scalar::Op::Min, scalar::Op::Lt),
        ReduceOp::Max => extreme(scalar::Op::Max, scalar::Op::Gt),
        ReduceOp::ArgMax => fixed(Scalar::Int(first(scalar::Op::Gt).unwrap_or(0) as i64)),
    }
}
