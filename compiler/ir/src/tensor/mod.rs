//! Constant arrays that the compiler computes with.

pub mod apply;
pub mod conv;
pub mod csr;
pub mod generate;
pub mod ops;
pub mod sparse;

pub use sparse::Sparse;

use crate::step::Kind;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A constant array in the form that suits it.
///
/// Equal where form, shape and every bit are: 0.0 is not -0.0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// Every element.
    Dense(Arc<Tensor>),
    /// The elements that differ from most.
    Sparse(Arc<Sparse>),
}

/// Weights of `m` targets, `[m, n]`, or of the output channels of a convolution, whatever their
/// form.
pub trait Weights {
    /// Number of elements.
    fn elements(&self) -> usize;

    /// How many of them are not 0.
    fn nonzero(&self) -> usize;

    /// Whether they are floats.
    fn float(&self) -> bool;

    /// Whether zeros are not there: 0 times infinity is nothing, not NaN.
    fn skips_zeros(&self) -> bool;

    /// Calls `f` with the integers of each row (all axes but the first) that are stored, in
    /// order; all others are 0.
    /// Booleans count as 0 and 1, floats are left out.
    fn for_each_row(&self, f: &mut dyn FnMut(&[i64]));
}

impl Weights for Tensor {
    fn elements(&self) -> usize {
        self.len()
    }

    fn nonzero(&self) -> usize {
        match &self.values {
            Values::Int(v) => v.iter().filter(|w| **w != 0).count(),
            Values::Float(v) => v.iter().filter(|w| **w != 0.0).count(),
            Values::Bool(v) => v.iter().filter(|w| **w).count(),
        }
    }

    fn float(&self) -> bool {
        matches!(self.values, Values::Float(_))
    }

    fn skips_zeros(&self) -> bool {
        false
    }

    fn for_each_row(&self, f: &mut dyn FnMut(&[i64])) {
        let columns = self.shape.iter().skip(1).product::<usize>().max(1);
        match &self.values {
            Values::Int(v) => v.chunks(columns).for_each(f),
            Values::Bool(_) => self.convert(Kind::Int).for_each_row(f),
            Values::Float(_) => {}
        }
    }
}

impl Weights for Sparse {
    fn elements(&self) -> usize {
        self.len()
    }

    fn nonzero(&self) -> usize {
        let nonzero = self.nonzero_codes();
        (0..self.rows()).map(|row| self.row(row).filter(|(_, c)| nonzero[*c]).count()).sum()
    }

    fn float(&self) -> bool {
        self.palette().float()
    }

    fn skips_zeros(&self) -> bool {
        true
    }

    fn for_each_row(&self, f: &mut dyn FnMut(&[i64])) {
        let weights = self.palette().convert(Kind::Int);
        let Values::Int(palette) = &weights.values else { return };
        if self.float() {
            return;
        }
        let mut values = Vec::new();
        for row in 0..self.rows() {
            values.clear();
            values.extend(self.row(row).map(|(_, code)| palette[code]));
            f(&values);
        }
    }
}

impl Weights for Constant {
    fn elements(&self) -> usize {
        self.weights().elements()
    }

    fn nonzero(&self) -> usize {
        self.weights().nonzero()
    }

    fn float(&self) -> bool {
        self.weights().float()
    }

    fn skips_zeros(&self) -> bool {
        self.weights().skips_zeros()
    }

    fn for_each_row(&self, f: &mut dyn FnMut(&[i64])) {
        self.weights().for_each_row(f);
    }
}

impl Constant {
    fn weights(&self) -> &dyn Weights {
        match self {
            Constant::Dense(tensor) => &**tensor,
            Constant::Sparse(sparse) => &**sparse,
        }
    }

    /// Every element; `None` where there are too many to write out.
    pub fn dense(&self) -> Option<Arc<Tensor>> {
        match self {
            Constant::Dense(tensor) => Some(Arc::clone(tensor)),
            Constant::Sparse(sparse) => sparse.dense().map(Arc::new),
        }
    }

    /// Converted to a kind.
    pub fn convert(&self, kind: Kind) -> Constant {
        match self {
            Constant::Dense(tensor) => Constant::Dense(Arc::new(tensor.convert(kind))),
            Constant::Sparse(sparse) => {
                let palette = sparse.palette().convert(kind);
                Constant::Sparse(Arc::new(sparse.with_palette(palette)))
            }
        }
    }

    /// The value of a scalar integer (or boolean, as 0 and 1, or a float that is whole).
    pub fn as_int(&self) -> Option<i64> {
        let Constant::Dense(tensor) = self else { return None };
        if tensor.len() != 1 {
            return None;
        }
        match &tensor.values {
            Values::Int(v) => v.first().copied(),
            Values::Bool(v) => v.first().map(|b| i64::from(*b)),
            Values::Float(v) => {
                v.first().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| *x as i64)
            }
        }
    }

    /// The first element as a float.
    pub fn first_number(&self) -> Option<f64> {
        match &self.values().values {
            Values::Float(v) => v.first().copied(),
            Values::Int(v) => v.first().map(|n| *n as f64),
            Values::Bool(v) => v.first().map(|b| f64::from(u8::from(*b))),
        }
    }

    /// A tensor of every value that occurs.
    pub fn values(&self) -> Arc<Tensor> {
        match self {
            Constant::Dense(tensor) => Arc::clone(tensor),
            Constant::Sparse(sparse) => Arc::new(sparse.distinct()),
        }
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            Constant::Dense(tensor) => &tensor.shape,
            Constant::Sparse(sparse) => sparse.shape(),
        }
    }

    /// What its elements are; f32 values count as f64.
    pub fn kind(&self) -> Kind {
        match self {
            Constant::Dense(tensor) => tensor.kind(),
            Constant::Sparse(sparse) => sparse.palette().kind(),
        }
    }
}

/// The values of a constant array, in C order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tensor {
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Values,
}

/// Elements of a [`Tensor`].
#[derive(Clone, Debug)]
pub enum Values {
    /// Integers.
    Int(Vec<i64>),
    /// Floats (f32 values are held exactly).
    Float(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
}

/// Bit for bit: zeros of different signs are two constants, and a NaN is one.
impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        match (self, other) {
            (Values::Int(a), Values::Int(b)) => a == b,
            (Values::Bool(a), Values::Bool(b)) => a == b,
            (Values::Float(a), Values::Float(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            _ => false,
        }
    }
}

impl Eq for Values {}

impl Hash for Values {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Values::Int(v) => v.hash(state),
            Values::Bool(v) => v.hash(state),
            Values::Float(v) => v.iter().for_each(|x| x.to_bits().hash(state)),
        }
    }
}

impl Tensor {
    /// A tensor of integers; `shape` must have as many elements as `values`.
    pub fn int(shape: Vec<usize>, values: Vec<i64>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor { shape, values: Values::Int(values) }
    }

    /// A tensor of floats; `shape` must have as many elements as `values`.
    pub fn float(shape: Vec<usize>, values: Vec<f64>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor { shape, values: Values::Float(values) }
    }

    /// A tensor of booleans; `shape` must have as many elements as `values`.
    pub fn bool(shape: Vec<usize>, values: Vec<bool>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor { shape, values: Values::Bool(values) }
    }

    /// What its elements are; f32 values count as f64.
    pub fn kind(&self) -> Kind {
        match self.values {
            Values::Int(_) => Kind::Int,
            Values::Float(_) => Kind::F64,
            Values::Bool(_) => Kind::Bool,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Int(v) => v.len(),
            Values::Float(v) => v.len(),
            Values::Bool(v) => v.len(),
        }
    }

    /// Its elements in 64 bits each, little-endian; booleans in a byte.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::Int(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Float(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Bool(v) => v.iter().map(|v| u8::from(*v)).collect(),
        }
    }

    /// Arrays of one shape and kind as one array, whose first axis is theirs; `None` of none, or
    /// of arrays that differ in that.
    pub fn stacked(all: Vec<Tensor>) -> Option<Tensor> {
        let count = all.len();
        let mut all = all.into_iter();
        let Tensor { shape, mut values } = all.next()?;
        for next in all {
            match (&mut values, next.values) {
                _ if next.shape != shape => return None,
                (Values::Int(values), Values::Int(more)) => values.extend(more),
                (Values::Float(values), Values::Float(more)) => values.extend(more),
                (Values::Bool(values), Values::Bool(more)) => values.extend(more),
                _ => return None,
            }
        }
        Some(Tensor { shape: std::iter::once(count).chain(shape).collect(), values })
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
