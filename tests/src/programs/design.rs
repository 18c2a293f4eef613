//! What a network knows of a process.

use super::clocks::{Steps, Use};
use super::tree::{Kind, Shape, Ty};

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// The type of an element.
    pub ty: Ty,
    /// The shape of a message.
    pub shape: Shape,
    /// When it sends or receives.
    pub at: Use,
    /// Whether several may send into it.
    pub adds: bool,
}

/// What a process does under one model.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The model; none for the process's own phases.
    pub tag: Option<&'static str>,
    /// Ports that receive.
    pub ins: Vec<Port>,
    /// Ports that send.
    pub outs: Vec<Port>,
    /// Whether what it sends in a phase depends on nothing that it receives in that phase.
    pub delays: bool,
    /// Its state, and whether it is a buffer.
    pub vars: Vec<(String, bool)>,
    /// State that is only recorded at the end.
    pub results: Vec<String>,
}

/// An argument.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A whole number with bounds.
    Int(&'static str, (i64, i64)),
    /// A float.
    Float(&'static str),
    /// An array of whole numbers, of the shape of the process.
    Array(&'static str),
    /// The initial value of a variable of a kind.
    Init(String, Kind),
}

/// A process that a network may use.
#[derive(Clone, Debug)]
pub struct Design {
    /// As a network names it.
    pub name: String,
    /// What it does, own phases first.
    pub variants: Vec<Variant>,
    /// Whether its shape may be any, or is that one.
    pub uniform: bool,
    /// The shape that its shape parameters mean.
    pub shape: Shape,
    /// Whether it has shape parameters.
    pub open: bool,
    /// Its parameters, in order; each has a default.
    pub arguments: Vec<Argument>,
    /// Whether a reset would forget what is recorded at the end.
    pub keeps: bool,
}

/// Types, without policy and with.
pub const TYPES: [Ty; 24] = [
    int("i32", "", 32, true),
    int("int", "", 64, true),
    float("f64", Kind::F64),
    Ty { name: "spike", policy: "", kind: Kind::Bool, bits: (1, false) },
    int("i24", "sat", 24, true),
    int("i16", "wrap", 16, true),
    float("f32", Kind::F32),
    Ty { name: "bool", policy: "", kind: Kind::Bool, bits: (1, false) },
    int("u8", "sat", 8, false),
    int("i7", "wrap", 7, true),
    int("i64", "", 64, true),
    int("u32", "", 32, false),
    int("u4", "wrap", 4, false),
    int("i8", "sat", 8, true),
    int("i1", "wrap", 1, true),
    int("u1", "sat", 1, false),
    int("i31", "wrap", 31, true),
    int("u31", "sat", 31, false),
    int("i8", "", 8, true),
    int("u16", "", 16, false),
    int("i32", "sat", 32, true),
    int("u32", "sat", 32, false),
    int("u12", "wrap", 12, false),
    int("i64", "sat", 64, true),
];

const fn int(name: &'static str, policy: &'static str, bits: u8, signed: bool) -> Ty {
    Ty { name, policy, kind: Kind::Int, bits: (bits, signed) }
}

const fn float(name: &'static str, kind: Kind) -> Ty {
    Ty { name, policy: "", kind, bits: (64, true) }
}

/// `i32`, `f64` and `spike`.
pub const I32: Ty = TYPES[0];
/// Double precision.
pub const F64: Ty = TYPES[2];
/// One bit.
pub const SPIKE: Ty = TYPES[3];

/// Every step, in `spk`.
pub fn every_step() -> Use {
    Use { phase: 0, steps: Steps::always() }
}
