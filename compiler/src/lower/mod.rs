//! What a checked network is turned into.

pub mod rust;
