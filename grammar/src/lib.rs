//! Grammar, syntax tree, parser and formatter of the `.snn` language.
//!
//! [`parse`] turns a text into a tree of [`ast`] nodes and reports several errors a run;
//! [`format()`] writes a text the canonical way. Both are pure: no input or output, no state.
//!
//! ```text
//! text --lexer--> tokens --layout--> text without comments and continued lines
//!      --snn.pest--> pairs --build--> ast::File
//! ```
//!
//! No text makes them panic or run out of stack: [`MAX_SOURCE`] bounds the length, and
//! nesting is measured before anything recurses over it.

// Of pest without its `std`, which guards the stack at every rule.
extern crate alloc;

pub mod ast;
mod error;
mod format;
mod layout;
mod lexer;
mod parse;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use format::format;
pub use parse::{MAX_ERRORS, MAX_SOURCE, Parsed, parse, parse_expr};
