//! Type check: element types, shapes, widths, ranges.

mod arrays;
mod body;
mod bounds;
pub mod builtins;
pub mod check;
mod computed;
mod conv;
pub mod emit;
pub mod expr;
mod keeps;
mod lower;
mod remedies;
pub mod scope;
pub mod settings;
#[cfg(test)]
mod sparse_tests;

pub use body::no_phase;
pub use check::{Typed, check, check_alone};
pub use expr::{Leaf, Node, TExpr};
pub use lower::{Pick, dotted, operator};
pub use remedies::{DIV, conversion};
pub use scope::{Cx, Env, Eval, ParamValue, Single, Stop, Val, describe};
pub use snn_ir::network::ElemTy;
