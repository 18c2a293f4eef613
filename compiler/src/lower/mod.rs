//! What a checked network is turned into.

pub mod kernels;
pub mod rust;
