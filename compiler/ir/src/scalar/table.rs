//! The table: one row for each operation.

use super::derivative::{A, B, INVERSE_B, MINUS_ONE, NOT_A, NOT_B, ONE, TWO_TO_B, ZERO};
use super::row::{ByKind, Meaning, OfInts, OfOne, OfTwo, ROW, Row, comparison, function, one, two};
use super::rust::Neutral::{Both, Right};
use super::rust::{Form, Level, Rust};
use super::{CONVERT, Kind, SAT, Term, WRAP, eval, interval};
use snn_core::arith;
use snn_core::kernels::elementwise;
use std::ops;

/// Makes [`Op`] of the rows.
macro_rules! operations {
    (
        plain { $($(#[$doc:meta])* $op:ident = $row:expr;)* }
        with parameters { $($(#[$pdoc:meta])* $pop:ident $parameters:tt = $prow:expr;)* }
    ) => {
        operations!(@enum [$($(#[$doc])* $op,)*] $($(#[$pdoc])* $pop $parameters)*);

        impl Op {
            /// Those without parameters.
            pub const PLAIN: &[Op] = &[$(Op::$op),*];

            pub(super) fn row(self) -> &'static Row {
                match self {
                    $(Op::$op => const { &$row },)*
                    $(Op::$pop { .. } => const { &$prow },)*
                }
            }
        }
    };
    (@enum [$($plain:tt)*] $($(#[$doc:meta])* $op:ident $parameters:tt)*) => {
        /// A scalar operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Op {
            $($plain)*
            $($(#[$doc])* $op $parameters,)*
        }
    };
}

/// A term where a condition on the operands holds, else `0`.
macro_rules! within {
    ($test:ident, $a:expr, $b:expr, $term:expr) => {
        Term::Apply(Op::Select, &[Term::Apply(Op::$test, &[$a, $b]), $term, ZERO])
    };
}

/// `1` where a condition on the operands holds, else `0`.
macro_rules! indicator {
    ($test:ident, $a:expr, $b:expr) => {
        within!($test, $a, $b, ONE)
    };
}

/// A function of one operand: of one element, and of many.
macro_rules! one {
    ($of:expr) => {
        OfOne { one: $of, many: |a, to| elementwise::one(a, to, $of) }
    };
}

/// A function of two operands: of one element each, and of many.
macro_rules! two {
    ($of:expr) => {
        OfTwo { one: $of, many: |a, b, to| elementwise::two(a, b, to, $of) }
    };
}

/// A function of one integer, also of many that have 32 bits.
macro_rules! one_int {
    ($of:expr) => {
        OfInts {
            wide: one!($of),
            narrow: |a, to| elementwise::one(a, to, |a: i32| ($of)(i64::from(a)) as i32),
        }
    };
}

/// A function of two integers, also of many that have 32 bits.
macro_rules! two_ints {
    ($of:expr) => {
        OfInts {
            wide: two!($of),
            narrow: |a, b, to| {
                let of = |a: i32, b: i32| ($of)(i64::from(a), i64::from(b)) as i32;
                elementwise::two(a, b, to, of);
            },
        }
    };
}

/// The comparison that an operator of Rust is for every kind.
macro_rules! test {
    ($sign:tt) => {
        ByKind {
            bool: Some(two!(|a, b| a $sign b)),
            int: Some(OfInts {
                wide: two!(|a, b| a $sign b),
                narrow: |a, b, to| elementwise::two(a, b, to, |a: i32, b: i32| a $sign b),
            }),
            f32: Some(two!(|a, b| a $sign b)),
            f64: Some(two!(|a, b| a $sign b)),
        }
    };
}

operations! {
    plain {
        /// Negation of an integer or float.
        Neg = Row {
            name: "neg",
            meaning: one(None, Some(one_int!(i64::wrapping_neg)), Some(one!(ops::Neg::neg)), Some(one!(ops::Neg::neg))),
            interval: interval::neg,
            derivative: Some(&[MINUS_ONE]),
            modular: true,
            rust: Rust {
                int: Form::Prefix('-'),
                float: Form::Prefix('-'),
                wrapping: Some("wrapping_neg"),
                ..Rust::NONE
            },
        };
        /// Negation of a boolean.
        Not = Row {
            name: "not",
            meaning: one(Some(one!(ops::Not::not)), None, None, None),
            interval: interval::not,
            derivative: Some(&[MINUS_ONE]),
            rust: Rust { bool: Form::Prefix('!'), ..Rust::NONE },
            ..ROW
        };
        /// Absolute value; that of the least integer is itself.
        Abs = Row {
            name: "abs",
            meaning: one(None, Some(one_int!(i64::wrapping_abs)), Some(one!(f32::abs)), Some(one!(f64::abs))),
            interval: interval::abs,
            derivative: Some(&[Term::Apply(
                Op::Sub,
                &[indicator!(Gt, A, ZERO), indicator!(Lt, A, ZERO)],
            )]),
            rust: Rust {
                int: Form::Method("abs"),
                float: Form::Method("abs"),
                wrapping: Some("wrapping_abs"),
                ..Rust::NONE
            },
            ..ROW
        };
        /// Sum; of integers it wraps at 64 bits, as all arithmetic here.
        Add = Row {
            name: "add",
            meaning: two(None, Some(two_ints!(i64::wrapping_add)), Some(two!(ops::Add::add)), Some(two!(ops::Add::add))),
            interval: interval::add,
            derivative: Some(&[ONE, ONE]),
            modular: true,
            rust: Rust {
                int_neutral: Both(0),
                ..Rust::number("+", Level::Sum, "wrapping_add")
            },
        };
        /// Difference.
        Sub = Row {
            name: "sub",
            meaning: two(None, Some(two_ints!(i64::wrapping_sub)), Some(two!(ops::Sub::sub)), Some(two!(ops::Sub::sub))),
            interval: interval::sub,
            derivative: Some(&[ONE, MINUS_ONE]),
            modular: true,
            rust: Rust {
                int_neutral: Right(0),
                ..Rust::number("-", Level::Sum, "wrapping_sub")
            },
        };
        /// Product.
        Mul = Row {
            name: "mul",
            meaning: two(None, Some(two_ints!(i64::wrapping_mul)), Some(two!(ops::Mul::mul)), Some(two!(ops::Mul::mul))),
            interval: interval::mul,
            derivative: Some(&[B, A]),
            modular: true,
            rust: Rust {
                int_neutral: Both(1),
                float_neutral: Both(1),
                ..Rust::number("*", Level::Product, "wrapping_mul")
            },
        };
        /// Quotient of floats.
        Div = Row {
            name: "div",
            meaning: two(None, None, Some(two!(ops::Div::div)), Some(two!(ops::Div::div))),
            derivative: Some(&[
                INVERSE_B,
                Term::Apply(Op::Neg, &[Term::Apply(Op::Div, &[Term::Result, B])]),
            ]),
            rust: Rust {
                float: Form::Infix("/", Level::Product),
                float_neutral: Right(1),
                ..Rust::NONE
            },
            ..ROW
        };
        /// Quotient of integers rounded down; by 0 it is 0.
        FloorDiv = Row {
            name: "floor_div",
            meaning: two(None, Some(two_ints!(arith::floor_div)), None, None),
            interval: interval::floor_div,
            derivative: Some(&[
                within!(Ne, B, ZERO, INVERSE_B),
                within!(Ne, B, ZERO, Term::Apply(
                    Op::Neg,
                    &[Term::Apply(Op::Div, &[A, Term::Apply(Op::Mul, &[B, B])])],
                )),
            ]),
            rust: Rust { int_neutral: Right(1), ..Rust::int(Form::Call("floor_div")) },
            ..ROW
        };
        /// Remainder with the divisor's sign, also where it is a zero; by zero it is 0 for
        /// integers, NaN for floats.
        Rem = Row {
            name: "rem",
            meaning: two(
                None,
                Some(two_ints!(arith::floor_rem)),
                Some(two!(arith::rem_f32)),
                Some(two!(arith::rem_f64)),
            ),
            interval: interval::rem,
            derivative: Some(&[
                ONE,
                Term::Apply(
                    Op::Neg,
                    &[Term::Apply(Op::Floor, &[Term::Apply(Op::Div, &[A, B])])],
                ),
            ]),
            rust: Rust {
                int: Form::Call("floor_rem"),
                float: Form::Call("rem"),
                ..Rust::NONE
            },
            ..ROW
        };
        /// Power of floats; `a·a` where `b` is 2.
        Pow = Row {
            name: "pow",
            meaning: two(None, None, Some(two!(arith::pow_f32)), Some(two!(arith::pow_f64))),
            derivative: Some(&[
                Term::Apply(
                    Op::Mul,
                    &[B, Term::Apply(Op::Pow, &[A, Term::Apply(Op::Sub, &[B, ONE])])],
                ),
                // The power of 0 is 0 for every exponent around a positive one.
                Term::Apply(
                    Op::Select,
                    &[
                        Term::Apply(Op::Eq, &[A, ZERO]),
                        ZERO,
                        Term::Apply(Op::Mul, &[Term::Result, Term::Apply(Op::Log, &[A])]),
                    ],
                ),
            ]),
            rust: Rust { float: Form::Call("pow"), ..Rust::NONE },
            ..ROW
        };
        /// `a << b`; 0 for `b` below 0 or above 63.
        Shl = Row {
            name: "shl",
            meaning: two(None, Some(two_ints!(arith::shl)), None, None),
            interval: interval::shl,
            derivative: Some(&[
                within!(Ge, B, ZERO, within!(Lt, B, Term::Constant(64.0), TWO_TO_B)),
                ZERO,
            ]),
            modular: true,
            rust: Rust { int_neutral: Right(0), ..Rust::int(Form::Call("shl")) },
        };
        /// `a >> b`, arithmetic; 0 for `b` below 0, the sign for `b` above 63.
        Shr = Row {
            name: "shr",
            meaning: two(None, Some(two_ints!(arith::shr)), None, None),
            interval: interval::shr,
            derivative: Some(&[
                within!(Ge, B, ZERO, within!(Lt, B, Term::Constant(64.0), Term::Apply(Op::Div, &[ONE, TWO_TO_B]))),
                ZERO,
            ]),
            rust: Rust { int_neutral: Right(0), ..Rust::int(Form::Call("shr")) },
            ..ROW
        };
        /// Bitwise of integers, logical of booleans.
        And = Row {
            name: "and",
            meaning: two(Some(two!(ops::BitAnd::bitand)), Some(two_ints!(ops::BitAnd::bitand)), None, None),
            interval: interval::bitwise,
            derivative: Some(&[B, A]),
            modular: true,
            rust: Rust { int_neutral: Both(-1), ..Rust::bits("&", Level::And) },
        };
        /// Bitwise of integers, logical of booleans.
        Or = Row {
            name: "or",
            meaning: two(Some(two!(ops::BitOr::bitor)), Some(two_ints!(ops::BitOr::bitor)), None, None),
            interval: interval::bitwise,
            derivative: Some(&[NOT_B, NOT_A]),
            modular: true,
            rust: Rust { int_neutral: Both(0), ..Rust::bits("|", Level::Or) },
        };
        /// Bitwise of integers, logical of booleans.
        Xor = Row {
            name: "xor",
            meaning: two(Some(two!(ops::BitXor::bitxor)), Some(two_ints!(ops::BitXor::bitxor)), None, None),
            interval: interval::bitwise,
            derivative: Some(&[
                Term::Apply(Op::Sub, &[NOT_B, B]),
                Term::Apply(Op::Sub, &[NOT_A, A]),
            ]),
            modular: true,
            rust: Rust { int_neutral: Both(0), ..Rust::bits("^", Level::Xor) },
        };
        /// The smaller. Of floats: NaN if either is; of two zeros the second.
        Min = Row {
            name: "min",
            meaning: two(
                Some(two!(|a, b| a & b)),
                Some(two_ints!(i64::min)),
                Some(two!(arith::min_f32)),
                Some(two!(arith::min_f64)),
            ),
            interval: interval::min,
            derivative: Some(&[indicator!(Lt, A, B), indicator!(Le, B, A)]),
            rust: Rust {
                bool: Form::Infix("&", Level::And),
                int: Form::Method("min"),
                float: Form::Call("min"),
                ..Rust::NONE
            },
            ..ROW
        };
        /// The larger. Of floats: NaN if either is; of two zeros the second.
        Max = Row {
            name: "max",
            meaning: two(
                Some(two!(|a, b| a | b)),
                Some(two_ints!(i64::max)),
                Some(two!(arith::max_f32)),
                Some(two!(arith::max_f64)),
            ),
            interval: interval::max,
            derivative: Some(&[indicator!(Gt, A, B), indicator!(Ge, B, A)]),
            rust: Rust {
                bool: Form::Infix("|", Level::Or),
                int: Form::Method("max"),
                float: Form::Call("max"),
                ..Rust::NONE
            },
            ..ROW
        };
        /// Equal.
        Eq = comparison("eq", "==", test!(==), interval::eq);
        /// Not equal.
        Ne = comparison("ne", "!=", test!(!=), interval::ne);
        /// Less.
        Lt = comparison("lt", "<", test!(<), interval::lt);
        /// Less or equal.
        Le = comparison("le", "<=", test!(<=), interval::le);
        /// Greater.
        Gt = comparison("gt", ">", test!(>), interval::gt);
        /// Greater or equal.
        Ge = comparison("ge", ">=", test!(>=), interval::ge);
        /// `cond ? a : b`; both are computed.
        Select = Row {
            name: "select",
            meaning: Meaning::Other { arity: 3, result: eval::select_kind, eval: eval::select },
            interval: interval::select,
            derivative: Some(&[
                ZERO,
                Term::Apply(Op::Select, &[A, ONE, ZERO]),
                Term::Apply(Op::Select, &[A, ZERO, ONE]),
            ]),
            rust: Rust { bool: Form::Choice, int: Form::Choice, float: Form::Choice, ..Rust::NONE },
            ..ROW
        };
        /// `tz(x·(4096 − d), 12)`: `x` decayed by `d/4096`, rounded toward zero. The product
        /// wraps at 64 bits.
        Decay = Row {
            name: "decay",
            meaning: two(None, Some(two_ints!(arith::decay_wide)), None, None),
            interval: interval::decay,
            derivative: Some(&[
                Term::Apply(
                    Op::Div,
                    &[Term::Apply(Op::Sub, &[Term::Constant(4096.0), B]), Term::Constant(4096.0)],
                ),
                Term::Apply(Op::Div, &[A, Term::Constant(-4096.0)]),
            ]),
            rust: Rust::int(Form::Call("decay_wide")),
            ..ROW
        };
        /// e to the power.
        Exp = function("exp", one!(arith::exp_f32), one!(arith::exp_f64), &[Term::Result], Form::Call("exp"));
        /// Natural logarithm.
        Log = function("log", one!(arith::log_f32), one!(arith::log_f64),
            &[Term::Apply(Op::Div, &[ONE, A])],
            Form::Call("log"),
        );
        /// Square root.
        Sqrt = function("sqrt", one!(f32::sqrt), one!(f64::sqrt),
            &[Term::Apply(Op::Div, &[Term::Constant(0.5), Term::Result])],
            Form::Method("sqrt"),
        );
        /// Sine.
        Sin = function("sin", one!(arith::sin_f32), one!(arith::sin_f64),
            &[Term::Apply(Op::Cos, &[A])],
            Form::Call("sin"),
        );
        /// Cosine.
        Cos = function("cos", one!(arith::cos_f32), one!(arith::cos_f64),
            &[Term::Apply(Op::Neg, &[Term::Apply(Op::Sin, &[A])])],
            Form::Call("cos"),
        );
        /// Hyperbolic tangent.
        Tanh = function("tanh", one!(arith::tanh_f32), one!(arith::tanh_f64),
            &[Term::Apply(Op::Sub, &[ONE, Term::Apply(Op::Mul, &[Term::Result, Term::Result])])],
            Form::Call("tanh"),
        );
        /// Largest whole number not above.
        Floor = function("floor", one!(f32::floor), one!(f64::floor), &[ONE], Form::Method("floor"));
        /// Smallest whole number not below.
        Ceil = function("ceil", one!(f32::ceil), one!(f64::ceil), &[ONE], Form::Method("ceil"));
        /// Nearest whole number, halves to even.
        Round = function("round", one!(f32::round_ties_even), one!(f64::round_ties_even),
            &[ONE],
            Form::Method("round_ties_even"),
        );
    }
    with parameters {
        /// Conversion to a kind: a boolean is 0 or 1; an integer becomes the nearest float; a
        /// float becomes an integer by truncation toward zero, at most that of 64 bits, and 0
        /// for NaN; what is not 0 is true.
        Convert(
            /// Which.
            Kind
        ) = Row {
            name: CONVERT,
            meaning: Meaning::Other { arity: 1, result: eval::convert_kind, eval: eval::convert },
            interval: interval::convert,
            derivative: Some(&[ONE]),
            rust: CONVERSION,
            ..ROW
        };
        /// The low bits of an integer.
        Wrap {
            /// 1 to 64.
            bits: u8,
            /// Sign-extended, or not. 64 unsigned bits are taken as they are.
            signed: bool,
        } = Row {
            name: WRAP,
            meaning: Meaning::Other { arity: 1, result: eval::fit_kind, eval: eval::fit },
            interval: interval::wrap,
            derivative: Some(&[ONE]),
            rust: CONVERSION,
            ..ROW
        };
        /// The nearest integer of so many bits.
        Sat {
            /// 1 to 64.
            bits: u8,
            /// Two's complement, or unsigned: then at most `i64::MAX`.
            signed: bool,
        } = Row {
            name: SAT,
            meaning: Meaning::Other { arity: 1, result: eval::fit_kind, eval: eval::fit },
            interval: interval::sat,
            derivative: Some(&[ONE]),
            rust: CONVERSION,
            ..ROW
        };
    }
}

const CONVERSION: Rust =
    Rust { bool: Form::Conversion, int: Form::Conversion, float: Form::Conversion, ..Rust::NONE };
