//! Expressions of the step IR: the value at one element of a loop's domain.

use super::Access;
pub use crate::scalar::Kind;

/// A value at one element.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its kind.
    pub kind: Kind,
    /// How it is computed.
    pub node: ExprKind,
}

/// How a value is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// An integer constant (kind Int), or 0/1 (kind Bool).
    Int(i64),
    /// A float constant, of kind F32 or F64.
    Float(f64),
    /// A local of the loop.
    Local(u32),
    /// An element of a buffer or tensor; its kind is that of the elements.
    Load(Access),
    /// The step counter `t`, an integer.
    Time,
    /// One operand.
    Unary(UnOp, Box<Expr>),
    /// Two operands of the same kind.
    Binary(BinOp, Box<Expr>, Box<Expr>),
    /// `cond ? then : else`; both sides may be evaluated.
    Select(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Conversion to this expression's kind: Bool to Int is 0/1; Int to float rounds to
    /// nearest; float to Int truncates toward zero, saturating at the 64-bit bounds,
    /// NaN to 0; Int or float to Bool is `!= 0`.
    Convert(Box<Expr>),
    /// The low bits of an integer: `i32(x)`.
    Wrap {
        /// 1 to 64.
        bits: u8,
        /// Sign-extended, or not.
        signed: bool,
        /// The integer.
        value: Box<Expr>,
    },
    /// `tz(x·(4096 − d), 12)`: x decayed by d/4096, rounded toward zero. Integers,
    /// `d` in 0..=4096 (others as written: exact in 64 bits).
    Decay(Box<Expr>, Box<Expr>),
    /// A function of floats.
    Math(MathFn, Box<Expr>),
    /// A number in [0, 1) of kind F64, a pure function of `seed`, `site`, `t` and the
    /// element's position in the domain ([`snn_runtime::random::uniform`]).
    Random {
        /// From the source.
        seed: u64,
        /// Which use of `random` this is, so that two uses differ.
        site: u32,
    },
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnOp {
    /// Negation of an integer or float.
    Neg,
    /// Negation of a Bool.
    Not,
    /// Absolute value of an integer or float.
    Abs,
}

/// Operators of two operands of one kind. Comparisons give Bool, the others their
/// operands' kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinOp {
    /// Sum. For Int: wraps at 64 bits, like all arithmetic here.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient of floats. (Integers are divided as floats, or by [`BinOp::FloorDiv`].)
    Div,
    /// Quotient of integers rounded down; by zero it is 0.
    FloorDiv,
    /// Remainder with the divisor's sign; by zero it is 0 for Int, NaN for floats.
    Rem,
    /// Power of floats: `a·a` where `b` is 2, else as the platform's libm has it.
    Pow,
    /// `a << b`: `b` below 0 or above 63 gives 0.
    Shl,
    /// `a >> b`, arithmetic; `b` below 0 gives 0, above 63 the sign.
    Shr,
    /// Bitwise; on Bool: logical.
    And,
    /// Bitwise; on Bool: logical.
    Or,
    /// Bitwise; on Bool: logical.
    Xor,
    /// The smaller. Of floats: NaN if either is.
    Min,
    /// The larger. Of floats: NaN if either is.
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
}

impl BinOp {
    /// Whether the result is a Bool whatever the operands' kind.
    pub fn is_comparison(self) -> bool {
        matches!(self, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge)
    }
}

/// Functions of one float. Those of the platform's libm may differ in the last bit from
/// other platforms; `Sqrt`, `Floor`, `Ceil`, `Round` are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MathFn {
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
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, halves to even.
    Round,
}
