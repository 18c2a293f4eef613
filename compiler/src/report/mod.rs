//! What a run shows of its results.

pub mod evaluate;
pub mod execution;
pub mod messages;
pub mod pictures;
pub mod plots;
pub mod recording;
pub mod spikes;
