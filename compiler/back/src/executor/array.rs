//! The elements of a buffer, and one of them.

use snn_ir::scalar::{Op, Scalar};
use snn_ir::step::{Buffer, Elem, Fit, Init, Kind};
use snn_ir::tensor::{Tensor, Values};
use std::ops::Range;
use std::sync::Arc;

/// The elements of a buffer in C order. Integers of any width are held in 64 bits.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Booleans.
    Bool(Vec<bool>),
    /// Integers.
    Int(Vec<i64>),
    /// IEEE single.
    F32(Vec<f32>),
    /// IEEE double.
    F64(Vec<f64>),
}

/// The condition that a value is. Values have the kinds that their expressions say; another is a
/// bug in the compiler.
pub(super) fn condition(value: Scalar) -> bool {
    match value {
        Scalar::Bool(value) => value,
        other => panic!("{other:?} is not a boolean"),
    }
}

/// The integer that a value is.
pub(super) fn integer(value: Scalar) -> i64 {
    match value {
        Scalar::Int(value) => value,
        other => panic!("{other:?} is not an integer"),
    }
}

/// The value of an operation on operands of kinds for which it is defined.
pub(super) fn apply(op: Op, operands: &[Scalar]) -> Scalar {
    op.eval(operands).unwrap_or_else(|| panic!("{} of {operands:?}", op.name()))
}

impl Array {
    /// The initial contents of a buffer.
    pub(super) fn initial(buffer: &Buffer, tensors: &[Arc<Tensor>]) -> Array {
        let n = buffer.len();
        let mut array = match buffer.elem.kind() {
            Kind::Bool => Array::Bool(vec![false; n]),
            Kind::Int => Array::Int(vec![0; n]),
            Kind::F32 => Array::F32(vec![0.0; n]),
            Kind::F64 => Array::F64(vec![0.0; n]),
        };
        array.reset(buffer, tensors);
        array
    }

    /// Puts the initial contents back.
    pub(super) fn reset(&mut self, buffer: &Buffer, tensors: &[Arc<Tensor>]) {
        for n in 0..self.len() {
            let value = match buffer.init {
                Init::Int(value) => Scalar::Int(value),
                Init::Float(value) => Scalar::F64(value),
                Init::Tensor(id) => element(&tensors[id.0 as usize], n),
            };
            self.set(n, buffer.elem, value.convert(buffer.elem.kind()));
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Array::Bool(values) => values.len(),
            Array::Int(values) => values.len(),
            Array::F32(values) => values.len(),
            Array::F64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a value. An integer that does not fit an element of type `elem` is wrapped.
    pub(super) fn set(&mut self, n: usize, elem: Elem, value: Scalar) {
        match (self, value) {
            (Array::Bool(values), Scalar::Bool(value)) => values[n] = value,
            (Array::Int(values), value @ Scalar::Int(_)) => {
                values[n] = integer(fit(value, elem.fit()));
            }
            (Array::F32(values), Scalar::F32(value)) => values[n] = value,
            (Array::F64(values), Scalar::F64(value)) => values[n] = value,
            (_, value) => panic!("{value:?} is stored among {elem:?}"),
        }
    }

    /// Takes over some elements of another array of the same type.
    pub(super) fn copy(&mut self, from: &Array, elements: Range<usize>) {
        let at = elements.start;
        self.move_in(at, from, elements);
    }

    /// Puts `elements` of `from` here, the first of them at `at`.
    pub(super) fn move_in(&mut self, at: usize, from: &Array, elements: Range<usize>) {
        let to = at..at + elements.len();
        match (self, from) {
            (Array::Bool(a), Array::Bool(b)) => a[to].copy_from_slice(&b[elements]),
            (Array::Int(a), Array::Int(b)) => a[to].copy_from_slice(&b[elements]),
            (Array::F32(a), Array::F32(b)) => a[to].copy_from_slice(&b[elements]),
            (Array::F64(a), Array::F64(b)) => a[to].copy_from_slice(&b[elements]),
            _ => panic!("a message of another type"),
        }
    }

    /// Appends all elements as little-endian bytes of type `elem`.
    pub(super) fn write(&self, elem: Elem, to: &mut Vec<u8>) {
        match self {
            Array::Bool(values) => to.extend(values.iter().map(|b| u8::from(*b))),
            Array::Int(values) => {
                let size = match elem {
                    Elem::Bool | Elem::I8 | Elem::U8 => 1,
                    Elem::I16 | Elem::U16 => 2,
                    Elem::I32 | Elem::U32 => 4,
                    _ => 8,
                };
                // The low bytes of a value that fits are the value.
                values.iter().for_each(|v| to.extend_from_slice(&v.to_le_bytes()[..size]));
            }
            Array::F32(values) => values.iter().for_each(|v| to.extend(v.to_le_bytes())),
            Array::F64(values) => values.iter().for_each(|v| to.extend(v.to_le_bytes())),
        }
    }
}

/// An element of a constant tensor.
pub(super) fn element(tensor: &Tensor, n: usize) -> Scalar {
    match &tensor.values {
        Values::Int(values) => Scalar::Int(values[n]),
        Values::Float(values) => Scalar::F64(values[n]),
        Values::Bool(values) => Scalar::Bool(values[n]),
    }
}

/// What is stored of a value.
pub(super) fn fit(value: Scalar, fit: Fit) -> Scalar {
    match (value, fit.op()) {
        (Scalar::Int(_), Some(op)) => apply(op, &[value]),
        _ => value,
    }
}
