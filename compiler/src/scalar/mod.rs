//! The scalar operations: what every one of them is called, takes and gives.
//!
//! An array operation of the language that works element by element is one of these, applied to
//! each element. The network IR and the step IR ([`crate::ir`]) name them
//! by [`Op`]; nobody else says what they mean.

/// What the elements of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// True or false.
    Bool,
    /// Integer, exact in 64 bits.
    Int,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

impl Kind {
    /// As the text forms write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
        }
    }

    /// Whether it is one of the two float kinds.
    pub fn is_float(self) -> bool {
        matches!(self, Kind::F32 | Kind::F64)
    }
}

/// A scalar operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Negation of an integer or float.
    Neg,
    /// Negation of a boolean.
    Not,
    /// Absolute value.
    Abs,
    /// Sum; of integers it wraps at 64 bits, as all arithmetic here.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient of floats.
    Div,
    /// Quotient of integers rounded down; 0 by 0.
    FloorDiv,
    /// Remainder with the divisor's sign; by zero it is 0 for integers, NaN for floats.
    Rem,
    /// Power of floats.
    Pow,
    /// `a << b`; 0 for `b` below 0 or above 63.
    Shl,
    /// `a >> b`, arithmetic; 0 for `b` below 0, the sign for `b` above 63.
    Shr,
    /// Bitwise of integers, logical of booleans.
    And,
    /// Bitwise of integers, logical of booleans.
    Or,
    /// Bitwise of integers, logical of booleans.
    Xor,
    /// The smaller.
    Min,
    /// The larger.
    Max,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// `cond ? a : b`; both are computed.
    Select,
    /// Conversion to a kind.
    Convert(Kind),
    /// The low bits of an integer.
    Wrap {
        /// 1 to 64.
        bits: u8,
        /// Sign-extended, or not.
        signed: bool,
    },
    /// The nearest integer of so many bits.
    Sat {
        /// 1 to 64.
        bits: u8,
        /// Two's complement, or unsigned.
        signed: bool,
    },
    /// `tz(x·(4096 − d), 12)`: `x` decayed by `d/4096`, rounded toward zero.
    Decay,
    /// e to the power.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Hyperbolic tangent.
    Tanh,
    /// Largest whole number not above.
    Floor,
    /// Smallest whole number not below.
    Ceil,
    /// Nearest whole number, halves to even.
    Round,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Single precision.
    F32(f32),
    /// Double precision.
    F64(f64),
}
