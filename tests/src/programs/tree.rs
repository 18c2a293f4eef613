//! A program as data: what the generator makes, the shrinker cuts and `text.rs` writes.

/// What the elements of an expression are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bool` and `spike`.
    Bool,
    /// Integers.
    Int,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

/// Sizes, outermost first; none for a scalar.
pub type Shape = Vec<usize>;

/// An expression: text with smaller expressions in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What its elements are.
    pub kind: Kind,
    /// Its shape.
    pub shape: Shape,
    /// Its text, in order.
    pub pieces: Vec<Piece>,
}

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text.
    Text(String),
    /// An operand.
    Part(Expr),
}

impl From<&str> for Piece {
    fn from(text: &str) -> Piece {
        Piece::Text(text.into())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Piece {
        Piece::Text(text)
    }
}

impl From<Expr> for Piece {
    fn from(part: Expr) -> Piece {
        Piece::Part(part)
    }
}

/// An expression of a kind and shape, from its pieces.
macro_rules! form {
    ($kind:expr, $shape:expr; $($piece:expr),+ $(,)?) => {
        $crate::programs::tree::Expr {
            kind: $kind,
            shape: $shape.to_vec(),
            pieces: vec![$($crate::programs::tree::Piece::from($piece)),+],
        }
    };
}
pub(crate) use form;

/// A declared element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ty {
    /// As it is written, without policy and shape: `i24`.
    pub name: &'static str,
    /// `wrap`, `sat`, or nothing.
    pub policy: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Width and sign of integers.
    pub bits: (u8, bool),
}

impl Ty {
    /// The integers that it holds.
    pub fn bounds(self) -> (i64, i64) {
        match (self.kind, self.bits) {
            (Kind::Bool, _) => (0, 1),
            (_, (64, _)) => (i64::MIN, i64::MAX),
            (_, (n, true)) => (-(1 << (n - 1)), (1 << (n - 1)) - 1),
            (_, (n, false)) => (0, (1 << n) - 1),
        }
    }

    /// Whether all its values are values of `other`.
    pub fn fits_in(self, other: Ty) -> bool {
        let ((a, b), (lo, hi)) = (self.bounds(), other.bounds());
        match (self.kind, other.kind) {
            (Kind::Bool | Kind::Int, Kind::Bool | Kind::Int) => lo <= a && b <= hi,
            (Kind::Bool | Kind::Int, Kind::F32) => a >= -(1 << 24) && b <= 1 << 24,
            (Kind::Bool | Kind::Int, Kind::F64) => a >= -(1 << 53) && b <= 1 << 53,
            (Kind::F32, Kind::F32 | Kind::F64) | (Kind::F64, Kind::F64) => true,
            _ => false,
        }
    }
}

/// A statement of a phase.
#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    /// `target op value where mask`.
    Assign {
        /// What is assigned, with its subscripts. Its shape is that of what is picked.
        target: Expr,
        /// `=`, `+=`, …
        op: &'static str,
        /// The value.
        value: Expr,
        /// The elements that are stored.
        mask: Option<Expr>,
    },
    /// `if cond { … } else { … }`.
    If {
        /// A scalar condition.
        cond: Expr,
        /// Where it holds.
        then: Vec<Stmt>,
        /// Where it does not.
        els: Vec<Stmt>,
    },
    /// `let name: ty = value`.
    Let {
        /// The name.
        name: String,
        /// The type, where it is written.
        ty: Option<String>,
        /// The value.
        value: Expr,
    },
}

/// A phase of a process or model.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// `spk`, …
    pub name: &'static str,
    /// The guard, where there is one.
    pub guard: Option<String>,
    /// What happens.
    pub body: Vec<Stmt>,
}

/// A line of declarations: a port, variable, constant, part, connection, reset, record.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Before its value.
    pub text: String,
    /// Its value, where it has one that may be cut down.
    pub value: Option<Expr>,
    /// Whatever comes after the value.
    pub tail: String,
}

impl Line {
    /// A line without a value.
    pub fn of(text: impl Into<String>) -> Line {
        Line { text: text.into(), value: None, tail: String::new() }
    }

    /// A line that ends with a value.
    pub fn with(text: impl Into<String>, value: Expr) -> Line {
        Line { text: text.into(), value: Some(value), tail: String::new() }
    }
}

/// A process, or a model of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// `process NAME[…](…)` or `model TAG of NAME(…)`.
    pub head: String,
    /// The name that a network uses.
    pub name: String,
    /// Ports, state and constants.
    pub members: Vec<Line>,
    /// What it does.
    pub phases: Vec<Phase>,
    /// Whether it stands in the file that the program uses.
    pub elsewhere: bool,
}

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its parameters, as they are written.
    pub params: String,
    /// Its ports.
    pub ports: Vec<String>,
    /// Its parts: name and process with arguments.
    pub parts: Vec<(String, String)>,
    /// Its connections.
    pub links: Vec<String>,
    /// Its resets.
    pub resets: Vec<String>,
}

/// A file of data beside the program.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Constants, data and epochs.
    pub items: Vec<Line>,
    /// Processes and their models.
    pub processes: Vec<Process>,
    /// Networks; the last is run.
    pub networks: Vec<Network>,
    /// Arguments of the run's network.
    pub arguments: String,
    /// `models TAG` and exceptions.
    pub models: Vec<String>,
    /// How many steps.
    pub steps: u64,
    /// What is recorded and reported.
    pub requests: Vec<String>,
    /// Data files.
    pub files: Vec<File>,
}
