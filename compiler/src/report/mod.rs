//! What a run shows of its results.

pub mod evaluate;
pub mod execution;
pub mod messages;
#[cfg(feature = "plots")]
pub mod pictures;
#[cfg(feature = "plots")]
pub mod plots;
#[cfg(feature = "plots")]
pub mod series;
pub mod spikes;
pub mod values;
