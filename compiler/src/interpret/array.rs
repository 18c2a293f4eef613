//! The elements of a buffer, and one of them.

use crate::ir::{Buffer, Elem, Fit, Init, Kind};
use crate::tensor::{Tensor, Values};
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

/// One value. It has the kind that its expression says; a value of another kind is a bug in
/// the compiler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    F32(f32),
    F64(f64),
}

impl Value {
    pub(super) fn bool(self) -> bool {
        match self {
            Value::Bool(value) => value,
            other => panic!("{other:?} is not a boolean"),
        }
    }

    pub(super) fn int(self) -> i64 {
        match self {
            Value::Int(value) => value,
            other => panic!("{other:?} is not an integer"),
        }
    }

    /// As [`crate::ir::ExprKind::Convert`] says.
    pub(super) fn convert(self, kind: Kind) -> Value {
        match kind {
            Kind::Bool => Value::Bool(match self {
                Value::Bool(value) => value,
                Value::Int(value) => value != 0,
                Value::F32(value) => value != 0.0,
                Value::F64(value) => value != 0.0,
            }),
            Kind::Int => Value::Int(match self {
                Value::Bool(value) => value.into(),
                Value::Int(value) => value,
                Value::F32(value) => value as i64,
                Value::F64(value) => value as i64,
            }),
            Kind::F32 => Value::F32(match self {
                Value::Bool(value) => value.into(),
                Value::Int(value) => value as f32,
                Value::F32(value) => value,
                Value::F64(value) => value as f32,
            }),
            Kind::F64 => Value::F64(match self {
                Value::Bool(value) => value.into(),
                Value::Int(value) => value as f64,
                Value::F32(value) => value.into(),
                Value::F64(value) => value,
            }),
        }
    }
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
                Init::Int(value) => Value::Int(value),
                Init::Float(value) => Value::F64(value),
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

    pub(super) fn get(&self, n: usize) -> Value {
        match self {
            Array::Bool(values) => Value::Bool(values[n]),
            Array::Int(values) => Value::Int(values[n]),
            Array::F32(values) => Value::F32(values[n]),
            Array::F64(values) => Value::F64(values[n]),
        }
    }

    /// Stores a value. An integer that does not fit an element of type `elem` is wrapped.
    pub(super) fn set(&mut self, n: usize, elem: Elem, value: Value) {
        match (self, value) {
            (Array::Bool(values), Value::Bool(value)) => values[n] = value,
            (Array::Int(values), Value::Int(value)) => {
                values[n] = match elem {
                    Elem::I8 => i64::from(value as i8),
                    Elem::U8 => i64::from(value as u8),
                    Elem::I16 => i64::from(value as i16),
                    Elem::U16 => i64::from(value as u16),
                    Elem::I32 => i64::from(value as i32),
                    Elem::U32 => i64::from(value as u32),
                    _ => value,
                }
            }
            (Array::F32(values), Value::F32(value)) => values[n] = value,
            (Array::F64(values), Value::F64(value)) => values[n] = value,
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
pub(super) fn element(tensor: &Tensor, n: usize) -> Value {
    match &tensor.values {
        Values::Int(values) => Value::Int(values[n]),
        Values::Float(values) => Value::F64(values[n]),
        Values::Bool(values) => Value::Bool(values[n]),
    }
}

/// What is stored of a value.
pub(super) fn fit(value: Value, fit: Fit) -> Value {
    match (value, fit) {
        (Value::Int(value), Fit::Wrap { bits, signed }) => Value::Int(wrap(value, bits, signed)),
        (Value::Int(value), Fit::Sat { bits, signed }) => {
            let (lo, hi): (i128, i128) = match signed {
                true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
                false => (0, (1 << bits) - 1),
            };
            let nearest = i128::from(value).clamp(lo, hi);
            // Between the bounds and a 64-bit value there is always a 64-bit value.
            Value::Int(nearest as i64)
        }
        (value, _) => value,
    }
}

/// The low bits of a value.
pub(super) fn wrap(value: i64, bits: u8, signed: bool) -> i64 {
    let modulus = 1i128 << bits;
    let low = i128::from(value).rem_euclid(modulus);
    let negative = signed && low >= modulus / 2;
    (if negative { low - modulus } else { low }) as i64
}
