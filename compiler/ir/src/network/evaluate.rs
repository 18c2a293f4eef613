//! The values of stage `Once`, computed as the compiler computes constants.

use super::{Body, Network, Op, Stage, TensorId, Value, ValueId};
use crate::scalar::{Kind, Scalar};
use crate::tensor::{Constant, Tensor, apply as constant};
use std::sync::Arc;

/// The value of an operation on constants, of this kind and shape. `None` for leaves, for what
/// cannot be computed (an index out of range) and for what would be enormous.
pub fn apply(op: &Op, (kind, shape): (Kind, &[usize]), args: &[&Constant]) -> Option<Constant> {
    let first = args.first()?;
    let second = || args.get(1).copied();
    match op {
        Op::Scalar(crate::scalar::Op::Convert(to)) => Some(first.convert(*to)),
        Op::Scalar(op) => {
            // The kind in which floats are rounded: that of the operands, the last of which is
            // never the condition of a choice.
            let of = if kind == Kind::Bool { args.last()?.kind() } else { kind };
            let result = constant::scalar(*op, of, args)?;
            constant::broadcast(shape, &result).or(Some(result))
        }
        Op::Broadcast => constant::broadcast(shape, first),
        Op::Transpose(axes) => constant::transpose(axes, first),
        Op::Slice(ranges) => Some(constant::slice(ranges, first)),
        Op::Reshape => constant::reshape(shape, first),
        Op::Flip(axes) => constant::flip(axes, first),
        Op::Index => constant::index(first, second()?.as_int()?),
        Op::Concat(axis) => constant::concat(*axis, args),
        Op::MatMul => constant::matmul(first, second()?),
        Op::Conv(geometry) => constant::conv2d(geometry, first, second()?),
        Op::Reduce(op, axes) => constant::reduce(*op, kind, axes, first),
        Op::ByDelay => constant::by_delay(first, second()?, *shape.get(1)?),
        Op::Const(_) | Op::Param(_) | Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {
            None
        }
    }
}

/// The values of stage `Once` of a body, as an instance with these arguments has them: found
/// when they are asked for, and then kept.
pub struct Once<'a> {
    pub(super) network: &'a Network,
    values: &'a [Value],
    args: Vec<TensorId>,
    found: Vec<Option<Found>>,
}

/// What was found of a value.
#[derive(Clone)]
enum Found {
    /// A number; a single float in double precision, as in arrays.
    Number(Scalar),
    /// An array.
    Array(Constant),
    /// It depends on a file that is not read.
    Unknown,
}

impl Found {
    /// What a constant is, if it is known.
    fn of(constant: Option<Constant>) -> Found {
        match constant {
            Some(Constant::Dense(one)) if one.shape.is_empty() => {
                Found::Number(one.element(0, Kind::F64))
            }
            Some(array) => Found::Array(array),
            None => Found::Unknown,
        }
    }

    fn constant(&self) -> Option<Constant> {
        match self {
            Found::Number(x) => Some(Constant::Dense(Arc::new(Tensor::single(Vec::new(), *x)))),
            Found::Array(array) => Some(array.clone()),
            Found::Unknown => None,
        }
    }
}

impl<'a> Once<'a> {
    /// Those of a body whose slots have these tensors.
    pub fn new(network: &'a Network, values: &'a [Value], args: Vec<TensorId>) -> Once<'a> {
        Once { network, values, args, found: vec![None; values.len()] }
    }

    /// Those of an instance.
    pub fn of(network: &'a Network, instance: usize) -> Once<'a> {
        let instance = &network.instances[instance];
        let args = instance.args.iter().map(|p| network.params[p.at()].tensor).collect();
        Once::new(network, &network.bodies[instance.body.at()].values, args)
    }

    /// The tensor that a value is, where it is a constant or a param.
    pub fn tensor(&self, value: ValueId) -> Option<TensorId> {
        match self.values[value.at()].op {
            Op::Const(tensor) => Some(tensor),
            Op::Param(slot) => self.args.get(slot as usize).copied(),
            _ => None,
        }
    }

    /// A value; `None` where it is not of stage `Once`, or depends on a file that is not read.
    pub fn get(&mut self, value: ValueId) -> Option<Constant> {
        if self.values[value.at()].stage != Stage::Once {
            return None;
        }
        // Arguments come before what they are arguments of: no recursion, however deep.
        let mut pending = vec![value];
        while let Some(&next) = pending.last() {
            if self.found[next.at()].is_some() {
                pending.pop();
                continue;
            }
            let missing =
                self.values[next.at()].args.iter().filter(|a| self.found[a.at()].is_none());
            let before = pending.len();
            pending.extend(missing.copied());
            if pending.len() == before {
                let found = self.compute(next);
                self.found[next.at()] = Some(found);
                pending.pop();
            }
        }
        self.found[value.at()].as_ref()?.constant()
    }

    fn compute(&self, at: ValueId) -> Found {
        let value = &self.values[at.at()];
        if let Some(tensor) = self.tensor(at) {
            return Found::of(self.network.tensors[tensor.at()].constant());
        }
        if let Some(number) = self.number(value) {
            return Found::Number(number);
        }
        let arg = |a: &ValueId| self.found[a.at()].as_ref()?.constant();
        let args: Option<Vec<Constant>> = value.args.iter().map(arg).collect();
        let apply = |args: Vec<Constant>| {
            apply(&value.op, (value.kind, &value.shape), &args.iter().collect::<Vec<_>>())
        };
        Found::of(args.and_then(apply))
    }

    /// An operation on numbers, but for single floats: most values are no arrays, and need no
    /// memory.
    fn number(&self, value: &Value) -> Option<Scalar> {
        let Op::Scalar(op) = value.op else { return None };
        // No operation has more.
        let mut numbers = [Scalar::Bool(false); 3];
        for (number, arg) in numbers.iter_mut().zip(&value.args) {
            let (Kind::Bool | Kind::Int | Kind::F64) = self.values[arg.at()].kind else {
                return None;
            };
            let Some(Found::Number(known)) = self.found[arg.at()] else { return None };
            *number = known;
        }
        let plain = value.kind != Kind::F32 && value.shape.is_empty();
        op.eval(numbers.get(..value.args.len())?).filter(|_| plain)
    }
}

impl Body {
    /// The value of stage `Once` that the source gives this name: a constant, or a param.
    pub fn named(&self, name: &str) -> Option<ValueId> {
        let at = self.values.iter().rposition(|v| {
            v.stage == Stage::Once
                && match v.op {
                    Op::Param(slot) => self.slots[slot as usize].name == name,
                    _ => v.name.as_deref() == Some(name),
                }
        })?;
        Some(ValueId(at as u32))
    }
}
