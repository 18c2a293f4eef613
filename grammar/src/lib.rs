//! Grammar, syntax tree, parser and formatter of the `.snn` language.

pub mod ast;
