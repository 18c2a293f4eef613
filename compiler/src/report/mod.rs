//! What a run shows of its results.

pub mod execution;
pub mod plots;
pub mod recording;
