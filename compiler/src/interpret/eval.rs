//! The value of an expression at one element.

use super::array::{Array, apply, element, integer};
use crate::ir::{Access, Expr, ExprKind, Kind, Source, StepIr};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use snn_runtime::Fault;
use std::sync::Arc;

/// Where in a step an expression is evaluated.
pub(super) struct Place<'a> {
    pub(super) ir: &'a StepIr,
    pub(super) tensors: &'a [Arc<Tensor>],
    pub(super) buffers: &'a [Array],
    pub(super) locals: &'a [Scalar],
    /// The element of the domain, an index for each axis.
    pub(super) index: &'a [usize],
    /// Its position in C order.
    pub(super) position: u64,
    pub(super) t: u64,
}

/// A fault on the heap: it is rare, and values are returned for every node of every element.
pub(super) type Evaluated<T> = Result<T, Box<Fault>>;

impl Place<'_> {
    pub(super) fn eval(&self, expr: &Expr) -> Evaluated<Scalar> {
        Ok(match &expr.node {
            ExprKind::Int(value) => Scalar::Int(*value).convert(expr.kind),
            ExprKind::Float(value) => Scalar::F64(*value).convert(expr.kind),
            ExprKind::Local(n) => self.locals[*n as usize],
            ExprKind::Load(access) => {
                let at = self.locate(access)?;
                match access.source {
                    Source::Buffer(id) => self.buffers[id.0 as usize].get(at),
                    Source::Tensor(id) => {
                        element(&self.tensors[id.0 as usize], at).convert(expr.kind)
                    }
                }
            }
            ExprKind::Time => Scalar::Int(self.t as i64),
            ExprKind::Apply(op, operands) => {
                let mut values = [Scalar::Bool(false); 3];
                for (value, operand) in values.iter_mut().zip(operands) {
                    *value = self.eval(operand)?;
                }
                apply(*op, values.get(..operands.len()).unwrap_or_default())
            }
            ExprKind::Random { seed, site } => {
                Scalar::F64(snn_runtime::random::uniform(*seed, *site, self.t, self.position))
            }
        })
    }

    /// The element that an access means, in C order.
    pub(super) fn locate(&self, access: &Access) -> Evaluated<usize> {
        let mut at = access.offset;
        for (stride, index) in access.strides.iter().zip(self.index) {
            at += stride * *index as i64;
        }
        for dynamic in &access.dynamic {
            let index = integer(self.eval(&dynamic.index)?);
            if usize::try_from(index).is_ok_and(|index| index < dynamic.extent) {
                at += dynamic.stride * index;
            } else {
                return Err(Box::new(self.outside(access.source, index, dynamic.extent)));
            }
        }
        Ok(usize::try_from(at).unwrap_or(usize::MAX))
    }

    fn outside(&self, source: Source, index: i64, extent: usize) -> Fault {
        let name = match source {
            Source::Buffer(id) => self.ir.buffers[id.0 as usize].name.clone(),
            Source::Tensor(id) => self.ir.tensors[id.0 as usize].name.clone(),
        };
        // In generated code the name is a constant. A run has one fault at most, so that no
        // more than one name is leaked.
        Fault::Index { what: name.leak(), index, extent, t: self.t }
    }
}

/// What a reduction or a synapse starts from.
pub(super) fn zero(kind: Kind) -> Scalar {
    Scalar::Int(0).convert(kind)
}
