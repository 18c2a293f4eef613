//! How generated code writes an operation.

/// How tightly the outermost operator of a text binds, from loosest to tightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Needs parentheses inside any operator: `if`.
    Open,
    /// `==` and the like, which do not associate.
    Compare,
    /// `|`.
    Or,
    /// `^`.
    Xor,
    /// `&`.
    And,
    /// `<<`, `>>`.
    Shift,
    /// `+`, `-`.
    Sum,
    /// `*`, `/`.
    Product,
    /// `as`.
    Cast,
    /// `-x`, `!x`, `*x`.
    Prefix,
    /// Names, calls, indexing, literals.
    Atom,
}

impl Level {
    /// The level the right operand of a left-associative operator needs.
    pub fn tighter(self) -> Level {
        use Level::*;
        match self {
            Open => Compare,
            Compare => Or,
            Or => Xor,
            Xor => And,
            And => Shift,
            Shift => Sum,
            Sum => Product,
            Product => Cast,
            Cast => Prefix,
            Prefix | Atom => Atom,
        }
    }
}

/// A way to write an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `a sign b`.
    Infix(&'static str, Level),
    /// `sign a`.
    Prefix(char),
    /// `a.name(b)`.
    Method(&'static str),
    /// A function of the runtime's `arith`. That of floats has the kind added to its name; that
    /// of integers takes and gives `i64`.
    Call(&'static str),
    /// `if a { b } else { c }`.
    Choice,
    /// A conversion, which depends on the types of both sides.
    Conversion,
    /// It is not defined for the kind.
    None,
}

/// An operand that makes the result the other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neutral {
    /// There is none.
    None,
    /// On the right only.
    Right(i8),
    /// On either side.
    Both(i8),
}

impl Neutral {
    /// That on the left.
    pub fn left(self) -> Option<i64> {
        match self {
            Neutral::Both(value) => Some(value.into()),
            Neutral::None | Neutral::Right(_) => None,
        }
    }

    /// That on the right.
    pub fn right(self) -> Option<i64> {
        match self {
            Neutral::Both(value) | Neutral::Right(value) => Some(value.into()),
            Neutral::None => None,
        }
    }
}

/// How an operation is written, by the kind of its operands.
#[derive(Clone, Copy, Debug)]
pub struct Rust {
    /// Of booleans.
    pub bool: Form,
    /// Of integers, where the result is known to fit the type.
    pub int: Form,
    /// Of floats.
    pub float: Form,
    /// The method of integers for where it may not fit, and wraps.
    pub wrapping: Option<&'static str>,
    /// Neutral operand of integers.
    pub int_neutral: Neutral,
    /// Neutral operand of floats: for every float, infinities, NaN and both zeros included.
    pub float_neutral: Neutral,
}

impl Rust {
    pub(super) const NONE: Rust = Rust {
        bool: Form::None,
        int: Form::None,
        float: Form::None,
        wrapping: None,
        int_neutral: Neutral::None,
        float_neutral: Neutral::None,
    };

    /// A way for integers only.
    pub(super) const fn int(int: Form) -> Rust {
        Rust { int, ..Rust::NONE }
    }

    /// An operator of integers and floats, and its wrapping method.
    pub(super) const fn number(sign: &'static str, level: Level, wrapping: &'static str) -> Rust {
        let form = Form::Infix(sign, level);
        Rust { int: form, float: form, wrapping: Some(wrapping), ..Rust::NONE }
    }

    /// An operator of integers and booleans.
    pub(super) const fn bits(sign: &'static str, level: Level) -> Rust {
        let form = Form::Infix(sign, level);
        Rust { int: form, bool: form, ..Rust::NONE }
    }
}
