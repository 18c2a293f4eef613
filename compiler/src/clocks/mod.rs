//! Clock check: rates, queues, causality, latencies.

mod clock;

pub use clock::{Clock, lcm};
