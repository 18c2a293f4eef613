//! What a run shows of its results.

pub mod plots;
pub mod recording;
