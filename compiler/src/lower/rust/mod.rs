//! Step IR to a Rust crate.
