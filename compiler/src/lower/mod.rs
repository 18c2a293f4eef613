//! What a checked network is turned into.

pub mod kernels;
pub mod loihi2;
pub mod rust;
