//! The elements of a buffer, and one of them.

use snn_ir::scalar::{Interval, Op, Scalar, Slice, SliceMut};
use snn_ir::step::{Buffer, Elem, Fit, Init, Kind};
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::kernels::elementwise::Many;
use std::ops::Range;
use std::sync::Arc;

/// Elements in C order.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Booleans.
    Bool(Vec<bool>),
    /// Integers that are proven to fit 32 bits.
    Narrow(Vec<i32>),
    /// Other integers.
    Int(Vec<i64>),
    /// IEEE single.
    F32(Vec<f32>),
    /// IEEE double.
    F64(Vec<f64>),
}

/// What elements are held as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    Bool,
    Narrow,
    Int,
    F32,
    F64,
}

impl Type {
    /// That of values of a kind within bounds, if they are integers.
    pub fn of(kind: Kind, (lo, hi): Interval) -> Type {
        match kind {
            Kind::Bool => Type::Bool,
            Kind::Int if i32::try_from(lo).is_ok() && i32::try_from(hi).is_ok() => Type::Narrow,
            Kind::Int => Type::Int,
            Kind::F32 => Type::F32,
            Kind::F64 => Type::F64,
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Type::Bool => Kind::Bool,
            Type::Narrow | Type::Int => Kind::Int,
            Type::F32 => Kind::F32,
            Type::F64 => Kind::F64,
        }
    }
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

/// Does the same with the elements of two arrays of the same type.
macro_rules! both {
    ($a:expr, $b:expr, ($x:ident, $y:ident) => $does:expr) => {
        match ($a, $b) {
            (Array::Bool($x), Array::Bool($y)) => $does,
            (Array::Narrow($x), Array::Narrow($y)) => $does,
            (Array::Int($x), Array::Int($y)) => $does,
            (Array::F32($x), Array::F32($y)) => $does,
            (Array::F64($x), Array::F64($y)) => $does,
            (a, b) => panic!("{a:?} meets {b:?}"),
        }
    };
}
pub(super) use both;

impl Array {
    /// Zeros.
    pub(super) fn zeros(ty: Type, n: usize) -> Array {
        match ty {
            Type::Bool => Array::Bool(vec![false; n]),
            Type::Narrow => Array::Narrow(vec![0; n]),
            Type::Int => Array::Int(vec![0; n]),
            Type::F32 => Array::F32(vec![0.0; n]),
            Type::F64 => Array::F64(vec![0.0; n]),
        }
    }

    /// The initial contents of a buffer.
    pub(super) fn initial(ty: Type, buffer: &Buffer, tensors: &[Arc<Tensor>]) -> Array {
        let mut array = Array::zeros(ty, buffer.len());
        for n in 0..buffer.len() {
            let value = match buffer.init {
                Init::Int(value) => Scalar::Int(value),
                Init::Float(value) => Scalar::F64(value),
                Init::Tensor(id) => element(&tensors[id.0 as usize], n),
            };
            array.set(n, buffer.elem, value.convert(buffer.elem.kind()));
        }
        array
    }

    /// The elements of a constant. Floats are rounded to `kind`.
    pub(super) fn constant(kind: Kind, of: &Tensor) -> Array {
        match (&of.values, kind) {
            (Values::Bool(x), _) => Array::Bool(x.clone()),
            (Values::Int(x), _) => {
                let all: Result<Vec<i32>, _> = x.iter().map(|x| i32::try_from(*x)).collect();
                all.map_or_else(|_| Array::Int(x.clone()), Array::Narrow)
            }
            (Values::Float(x), Kind::F32) => Array::F32(x.iter().map(|x| *x as f32).collect()),
            (Values::Float(x), _) => Array::F64(x.clone()),
        }
    }

    /// What the elements are held as.
    pub(super) fn ty(&self) -> Type {
        match self {
            Array::Bool(_) => Type::Bool,
            Array::Narrow(_) => Type::Narrow,
            Array::Int(_) => Type::Int,
            Array::F32(_) => Type::F32,
            Array::F64(_) => Type::F64,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Array::Bool(values) => values.len(),
            Array::Narrow(values) => values.len(),
            Array::Int(values) => values.len(),
            Array::F32(values) => values.len(),
            Array::F64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of the elements.
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> Slice<'_> {
        match self {
            Array::Bool(x) => Slice::Bool(Many::Each(&x[range])),
            Array::Narrow(x) => Slice::Narrow(Many::Each(&x[range])),
            Array::Int(x) => Slice::Int(Many::Each(&x[range])),
            Array::F32(x) => Slice::F32(Many::Each(&x[range])),
            Array::F64(x) => Slice::F64(Many::Each(&x[range])),
        }
    }

    /// Some of the elements, to be written.
    #[inline]
    pub(super) fn part_mut(&mut self, range: Range<usize>) -> SliceMut<'_> {
        match self {
            Array::Bool(x) => SliceMut::Bool(&mut x[range]),
            Array::Narrow(x) => SliceMut::Narrow(&mut x[range]),
            Array::Int(x) => SliceMut::Int(&mut x[range]),
            Array::F32(x) => SliceMut::F32(&mut x[range]),
            Array::F64(x) => SliceMut::F64(&mut x[range]),
        }
    }

    /// Stores a value. An integer that does not fit an element of type `elem` is wrapped.
    pub(super) fn set(&mut self, n: usize, elem: Elem, value: Scalar) {
        match (self, value) {
            (Array::Bool(values), Scalar::Bool(value)) => values[n] = value,
            (Array::Narrow(values), value @ Scalar::Int(_)) => {
                values[n] = integer(fit(value, elem.fit())) as i32;
            }
            (Array::Int(values), value @ Scalar::Int(_)) => {
                values[n] = integer(fit(value, elem.fit()));
            }
            (Array::F32(values), Scalar::F32(value)) => values[n] = value,
            (Array::F64(values), Scalar::F64(value)) => values[n] = value,
            (_, value) => panic!("{value:?} is stored among {elem:?}"),
        }
    }

    /// Takes over elements of another array of the same kind, from `from` on, to `to`.
    pub(super) fn copy(&mut self, to: Range<usize>, of: &Array, from: usize) {
        let from = from..from + to.len();
        match (self, of) {
            (Array::Narrow(a), Array::Int(b)) => {
                a[to].iter_mut().zip(&b[from]).for_each(|(a, b)| *a = *b as i32);
            }
            (Array::Int(a), Array::Narrow(b)) => {
                a[to].iter_mut().zip(&b[from]).for_each(|(a, b)| *a = i64::from(*b));
            }
            (a, b) => both!(a, b, (a, b) => a[to].copy_from_slice(&b[from])),
        }
    }

    /// Appends all elements of an array of the same type.
    pub(super) fn append(&mut self, of: &Array) {
        both!(self, of, (a, b) => a.extend_from_slice(b));
    }

    /// Appends elements as little-endian bytes of type `elem`.
    pub(super) fn write(&self, elem: Elem, range: Range<usize>, to: &mut Vec<u8>) {
        let size = snn_runtime::network::ElementType::from(elem).size();
        match self {
            Array::Bool(values) => to.extend(values[range].iter().map(|b| u8::from(*b))),
            // The low bytes of a value that fits are the value.
            Array::Narrow(values) => values[range]
                .iter()
                .for_each(|v| to.extend_from_slice(&i64::from(*v).to_le_bytes()[..size])),
            Array::Int(values) => {
                values[range].iter().for_each(|v| to.extend_from_slice(&v.to_le_bytes()[..size]));
            }
            Array::F32(values) => values[range].iter().for_each(|v| to.extend(v.to_le_bytes())),
            Array::F64(values) => values[range].iter().for_each(|v| to.extend(v.to_le_bytes())),
        }
    }
}

/// An element of a constant tensor.
fn element(tensor: &Tensor, n: usize) -> Scalar {
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
