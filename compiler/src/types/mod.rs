//! Type check: element types, shapes, widths, ranges.

mod body;
mod bounds;
pub mod builtins;
pub mod check;
mod conv;
mod elem;
pub mod expr;
mod lower;
pub mod scope;
mod sparse;

pub use check::{Phase, Place, Process, Stmt, StmtKind, TypedGraph, Var, check};
pub use elem::ElemTy;
pub use expr::{Leaf, Node, TExpr};
pub use lower::{Pick, dotted, operator};
pub use scope::{Cx, Env, Eval, Stop, Val, describe};
