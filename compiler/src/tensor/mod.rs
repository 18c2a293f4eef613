//! Constant arrays that the compiler computes with.

pub mod conv;
pub mod generate;
pub mod ops;

/// The values of a constant array, in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Values,
}

/// Elements of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Integers.
    Int(Vec<i64>),
    /// Floats (f32 values are held exactly).
    Float(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
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

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Int(v) => v.len(),
            Values::Float(v) => v.len(),
            Values::Bool(v) => v.len(),
        }
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
