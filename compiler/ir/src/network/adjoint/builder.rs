//! Appends values to those of a body.

use crate::diagnostics::Loc;
use crate::network::tensors::Tensors;
use crate::network::{Mark, Network, Op, ReduceOp, Stage, TensorId, Value, ValueId, infer};
use crate::scalar::{self, Kind};
use crate::tensor::{Constant, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// A value that has been appended, or why it cannot be.
pub type Built = Result<ValueId, String>;

/// As many numbers as a constant that counts them may have.
const COUNTED: usize = 1 << 28;

/// The kind of the adjoint of a value: that of the value where it is a float, else `F64`.
pub fn adjoint_kind(kind: Kind) -> Kind {
    match kind {
        Kind::F32 => Kind::F32,
        Kind::Bool | Kind::Int | Kind::F64 => Kind::F64,
    }
}

/// Appends values to those of a body, a link or a run. Each is checked as it is appended, so
/// that what [`verify`](crate::network::verify::verify) asks of values always holds.
pub struct Builder<'n> {
    network: &'n mut Network,
    tensors: &'n mut Tensors,
    values: Vec<Value>,
    constants: HashMap<TensorId, ValueId>,
    /// Where the values that follow are said to be written.
    pub place: Loc,
}

impl<'n> Builder<'n> {
    /// Appends to these values; constants become tensors of the network.
    pub fn new(
        network: &'n mut Network,
        tensors: &'n mut Tensors,
        values: Vec<Value>,
        place: Loc,
    ) -> Builder<'n> {
        Builder { network, tensors, values, constants: HashMap::new(), place }
    }

    /// The values, with those that have been appended.
    pub fn finish(self) -> Vec<Value> {
        self.values
    }

    /// All values so far.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// A value.
    ///
    /// # Errors
    /// Where there is none of this number.
    pub fn value(&self, id: ValueId) -> Result<&Value, String> {
        self.values.get(id.at()).ok_or_else(|| format!("%{} is not there", id.0))
    }

    fn shape(&self, id: ValueId) -> Result<Vec<usize>, String> {
        Ok(self.value(id)?.shape.clone())
    }

    /// An operation on values; for leaves there are [`Builder::constant`] and [`Builder::leaf`].
    ///
    /// # Errors
    /// Where kind and shape are not those of the operation.
    pub fn push(&mut self, op: Op, args: &[ValueId], kind: Kind, shape: &[usize]) -> Built {
        let of: Result<Vec<&Value>, String> = args.iter().map(|a| self.value(*a)).collect();
        let of = of?;
        let stage = of.iter().map(|a| a.stage).max().unwrap_or(Stage::Once);
        let (args, shape) = (args.to_vec(), shape.to_vec());
        let place = self.place;
        let value = Value { op, args, kind, shape, stage, name: None, spike: None, place };
        infer::check(&value, &of).map_err(|why| format!("{:?}: {why}", value.op))?;
        let id = u32::try_from(self.values.len()).map_err(|_| "too many values".to_string())?;
        self.values.push(value);
        Ok(ValueId(id))
    }

    /// What is known in a step only: a variable that a statement will read, or the step counter.
    ///
    /// # Errors
    /// Where there are too many values.
    pub fn leaf(&mut self, op: Op, kind: Kind, shape: &[usize]) -> Built {
        let id = self.push(op, &[], kind, shape)?;
        self.values[id.at()].stage = Stage::Step;
        Ok(id)
    }

    /// Says of a comparison whether it makes a spike.
    ///
    /// # Errors
    /// Where there is no value of this number.
    pub fn mark(&mut self, id: ValueId, mark: Mark) -> Built {
        let value = self.values.get_mut(id.at());
        value.ok_or_else(|| format!("%{} is not there", id.0))?.spike = Some(mark);
        Ok(id)
    }

    /// A constant of the network, each once.
    ///
    /// # Errors
    /// Where there are too many values.
    pub fn constant(&mut self, kind: Kind, tensor: Tensor) -> Built {
        let shape = tensor.shape.clone();
        let constant = Constant::Dense(Arc::new(tensor));
        let tensor = self.tensors.constant(self.network, kind, &constant);
        if let Some(known) = self.constants.get(&tensor) {
            return Ok(*known);
        }
        let id = self.push(Op::Const(tensor), &[], kind, &shape)?;
        self.constants.insert(tensor, id);
        Ok(id)
    }

    /// A scalar constant of a float kind.
    ///
    /// # Errors
    /// Where there are too many values.
    pub fn number(&mut self, kind: Kind, x: f64) -> Built {
        let x = if kind == Kind::F32 { f64::from(x as f32) } else { x };
        self.constant(kind, Tensor::scalar_float(x))
    }

    /// Whether a value is the constant 0.
    ///
    /// # Errors
    /// Where the value is not there.
    pub fn is_zero(&self, id: ValueId) -> Result<bool, String> {
        let Op::Const(tensor) = self.value(id)?.op else { return Ok(false) };
        let constant = self.network.tensors.get(tensor.at()).and_then(|t| t.constant());
        Ok(constant.and_then(|c| c.first_number()) == Some(0.0) && self.value(id)?.shape.is_empty())
    }

    /// The integers `0..n`, `[n]`.
    ///
    /// # Errors
    /// Where `n` is enormous.
    pub fn count(&mut self, n: usize) -> Built {
        if n > COUNTED {
            return Err(format!("{n} positions are too many"));
        }
        self.constant(Kind::Int, Tensor::int(vec![n], (0..n as i64).collect()))
    }

    /// Zeros of a float kind: a stretched scalar, which takes no memory.
    ///
    /// # Errors
    /// Where there are too many values.
    pub fn zeros(&mut self, kind: Kind, shape: &[usize]) -> Built {
        let zero = self.number(kind, 0.0)?;
        self.broadcast(zero, shape)
    }

    /// A scalar operation. Operands have one shape, or none.
    ///
    /// # Errors
    /// Where the operation is not defined for the operands.
    pub fn scalar(&mut self, op: scalar::Op, args: &[ValueId]) -> Built {
        let of: Result<Vec<&Value>, String> = args.iter().map(|a| self.value(*a)).collect();
        let of = of?;
        let kinds: Vec<Kind> = of.iter().map(|a| a.kind).collect();
        let shape = of.iter().map(|a| &a.shape).find(|s| !s.is_empty()).cloned();
        let kind = op.result(&kinds).ok_or_else(|| format!("{} of {kinds:?}", op.name()))?;
        self.push(Op::Scalar(op), args, kind, &shape.unwrap_or_default())
    }

    /// Converted to a kind, where it is of another.
    ///
    /// # Errors
    /// Where the value is not there.
    pub fn convert(&mut self, of: ValueId, kind: Kind) -> Built {
        if self.value(of)?.kind == kind {
            return Ok(of);
        }
        self.scalar(scalar::Op::Convert(kind), &[of])
    }

    /// Under another shape, where it has another.
    ///
    /// # Errors
    /// Where the number of elements is another.
    pub fn reshape(&mut self, of: ValueId, shape: &[usize]) -> Built {
        self.shaped(Op::Reshape, of, shape)
    }

    /// Stretched to a shape, where it has another.
    ///
    /// # Errors
    /// Where it cannot be stretched to that shape.
    pub fn broadcast(&mut self, of: ValueId, shape: &[usize]) -> Built {
        self.shaped(Op::Broadcast, of, shape)
    }

    fn shaped(&mut self, op: Op, of: ValueId, shape: &[usize]) -> Built {
        let value = self.value(of)?;
        if value.shape == shape {
            return Ok(of);
        }
        let kind = value.kind;
        self.push(op, &[of], kind, shape)
    }

    /// Axis `k` of the result is axis `axes[k]` of the argument.
    ///
    /// # Errors
    /// Where the axes are not those of the value.
    pub fn transpose(&mut self, of: ValueId, axes: &[usize]) -> Built {
        let value = self.value(of)?;
        let kind = value.kind;
        let shape = axes.iter().map(|a| value.shape.get(*a).copied().ok_or("an axis is missing"));
        let shape: Result<Vec<usize>, &str> = shape.collect();
        self.push(Op::Transpose(axes.to_vec()), &[of], kind, &shape?)
    }

    /// The elements in reverse order along these axes.
    ///
    /// # Errors
    /// Where the axes are not those of the value.
    pub fn flip(&mut self, of: ValueId, axes: &[usize]) -> Built {
        let (kind, shape) = (self.value(of)?.kind, self.shape(of)?);
        self.push(Op::Flip(axes.to_vec()), &[of], kind, &shape)
    }

    /// `lo..hi` of one axis.
    ///
    /// # Errors
    /// Where that is not within the axis.
    pub fn slice(&mut self, of: ValueId, axis: usize, (lo, hi): (usize, usize)) -> Built {
        let (kind, mut shape) = (self.value(of)?.kind, self.shape(of)?);
        let mut ranges: Vec<(usize, usize)> = shape.iter().map(|n| (0, *n)).collect();
        let range = ranges.get_mut(axis).ok_or("an axis is missing")?;
        if *range == (lo, hi) {
            return Ok(of);
        }
        *range = (lo, hi);
        shape[axis] = hi.saturating_sub(lo);
        self.push(Op::Slice(ranges), &[of], kind, &shape)
    }

    /// So many zeros before and after the elements of an axis; of a negative number as many
    /// elements are taken away instead, once the zeros of the other side are there.
    ///
    /// # Errors
    /// Where more is taken away than there is.
    pub fn pad(&mut self, of: ValueId, axis: usize, by: (i128, i128)) -> Built {
        let (kind, mut shape) = (self.value(of)?.kind, self.shape(of)?);
        let size = *shape.get(axis).ok_or("an axis is missing")?;
        let whole = |n: i128| usize::try_from(n).map_err(|_| format!("{n} is no size"));
        let mut parts = Vec::new();
        let mut padded = size;
        for (zeros, at) in [(whole(by.0.max(0))?, 0), (whole(by.1.max(0))?, 1)] {
            if zeros > 0 {
                shape[axis] = zeros;
                parts.push((self.zeros(kind, &shape)?, at));
                padded = padded.checked_add(zeros).ok_or("a size is too large")?;
            }
        }
        let mut joined = of;
        if !parts.is_empty() {
            let before = parts.iter().filter(|p| p.1 == 0).map(|p| p.0);
            let after = parts.iter().filter(|p| p.1 == 1).map(|p| p.0);
            let all: Vec<ValueId> = before.chain([of]).chain(after).collect();
            shape[axis] = padded;
            joined = self.push(Op::Concat(axis), &all, kind, &shape)?;
        }
        let hi = whole(padded as i128 + by.1.min(0))?;
        self.slice(joined, axis, (whole(-by.0.min(0))?, hi))
    }

    /// The sum along these axes (ascending), which disappear.
    ///
    /// # Errors
    /// Where the axes are not those of the value.
    pub fn sum(&mut self, of: ValueId, axes: &[usize]) -> Built {
        if axes.is_empty() {
            return Ok(of);
        }
        let value = self.value(of)?;
        let kept = value.shape.iter().enumerate().filter(|(i, _)| !axes.contains(i));
        let (kind, kept) = (value.kind, kept.map(|(_, n)| *n).collect::<Vec<usize>>());
        self.push(Op::Reduce(ReduceOp::Sum, axes.to_vec()), &[of], kind, &kept)
    }
}
