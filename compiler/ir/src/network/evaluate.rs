//! The values of stage `Once`, computed as the compiler computes constants.

use super::{Body, Network, Op, Stage, TensorId, Value, ValueId};
use crate::scalar::Kind;
use crate::tensor::{Constant, apply as constant};

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
    network: &'a Network,
    values: &'a [Value],
    args: Vec<TensorId>,
    found: Vec<Option<Option<Constant>>>,
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
        if let Some(found) = &self.found[value.at()] {
            return found.clone();
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
        self.found[value.at()].clone().flatten()
    }

    fn compute(&self, at: ValueId) -> Option<Constant> {
        let value = &self.values[at.at()];
        if let Some(tensor) = self.tensor(at) {
            return self.network.tensors[tensor.at()].constant();
        }
        let args: Option<Vec<&Constant>> =
            value.args.iter().map(|a| self.found[a.at()].as_ref()?.as_ref()).collect();
        apply(&value.op, (value.kind, &value.shape), &args?)
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
