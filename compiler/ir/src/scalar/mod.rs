//! The scalar operations: what every one of them is called, takes and gives.
//!
//! An array operation of the language that works element by element is one of these, applied to
//! each element. The network IR and the step IR ([`crate::step`]) name them by [`Op`]; nobody else
//! says what they mean. The constant folder and the executor call [`Op::eval`], the analyses
//! of ranges [`Op::interval`], training [`Op::derivative`]; generated code is printed from
//! [`Op::rust`].
//!
//! A new operation is one row of `table.rs`. What generated code calls for it, where Rust has no
//! operator or method that means the same, is a function of [`snn_core::arith`], and then that
//! function is the definition: the row names it, and evaluates by it.

mod derivative;
mod eval;
mod interval;
mod many;
mod row;
mod rust;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use derivative::Term;
pub use interval::{FULL, Interval, narrow, of_bits};
pub use many::{Slice, SliceMut};
pub use rust::{Form, Level, Rust};
pub use table::Op;

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
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Bool, Kind::Int, Kind::F32, Kind::F64];

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

impl Scalar {
    /// What it is.
    pub fn kind(self) -> Kind {
        match self {
            Scalar::Bool(_) => Kind::Bool,
            Scalar::Int(_) => Kind::Int,
            Scalar::F32(_) => Kind::F32,
            Scalar::F64(_) => Kind::F64,
        }
    }

    /// Whether both are the same value of the same kind, bit for bit: zeros of different signs
    /// are two, a NaN is itself.
    pub fn same(self, other: Scalar) -> bool {
        self.kind() == other.kind() && self.bits() == other.bits()
    }

    /// Whether it is zero, of whatever sign, or false.
    pub fn is_zero(self) -> bool {
        self.convert(Kind::Bool) == Scalar::Bool(false)
    }

    /// Its bits.
    pub fn bits(self) -> u64 {
        match self {
            Scalar::Bool(x) => x.into(),
            Scalar::Int(x) => x as u64,
            Scalar::F32(x) => x.to_bits().into(),
            Scalar::F64(x) => x.to_bits(),
        }
    }
}

/// What an operation with parameters is called before they are added.
const CONVERT: &str = "convert";
const WRAP: &str = "wrap";
const SAT: &str = "sat";

impl Op {
    /// Its name in the text forms: `add`, `convert_int`, `wrap24s`, `sat8u`.
    pub fn name(self) -> String {
        let width = |name, bits, signed| format!("{name}{bits}{}", if signed { 's' } else { 'u' });
        match self {
            Op::Convert(kind) => format!("{CONVERT}_{}", kind.name()),
            Op::Wrap { bits, signed } => width(WRAP, bits, signed),
            Op::Sat { bits, signed } => width(SAT, bits, signed),
            plain => plain.row().name.into(),
        }
    }

    /// The operation of a name.
    pub fn parse(name: &str) -> Option<Op> {
        if let Some(op) = Op::PLAIN.iter().find(|op| op.row().name == name) {
            return Some(*op);
        }
        if let Some(kind) = name.strip_prefix(CONVERT).and_then(|rest| rest.strip_prefix('_')) {
            return Kind::ALL.into_iter().find(|k| k.name() == kind).map(Op::Convert);
        }
        let width = |rest: &str| {
            let (digits, signed) = match rest.strip_suffix('s') {
                Some(digits) => (digits, true),
                None => (rest.strip_suffix('u')?, false),
            };
            let bits: u8 = digits.parse().ok().filter(|bits: &u8| bits.to_string() == digits)?;
            (1..=64).contains(&bits).then_some((bits, signed))
        };
        if let Some(rest) = name.strip_prefix(WRAP) {
            return width(rest).map(|(bits, signed)| Op::Wrap { bits, signed });
        }
        let (bits, signed) = width(name.strip_prefix(SAT)?)?;
        Some(Op::Sat { bits, signed })
    }

    /// How many operands it has.
    pub fn arity(self) -> usize {
        self.row().meaning.arity()
    }

    /// Whether it compares its two operands.
    pub fn is_comparison(self) -> bool {
        matches!(self.row().meaning, row::Meaning::Test(_))
    }

    /// Whether the low bits of its result depend only on as many low bits of its operands
    /// (those of a shift to the left: of its first).
    pub fn is_modular(self) -> bool {
        self.row().modular
    }

    /// How generated code writes it.
    pub fn rust(self) -> &'static Rust {
        &self.row().rust
    }

    /// The derivatives by each operand, of operands of a kind (but for the condition of a choice);
    /// `None` where it has none: comparisons, and logic on the bits of integers.
    pub fn derivative(self, kind: Kind) -> Option<&'static [Term]> {
        let bits = matches!(self, Op::And | Op::Or | Op::Xor) && kind == Kind::Int;
        self.row().derivative.filter(|_| !bits)
    }
}
