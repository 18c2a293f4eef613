//! Clock check: rates, queues, causality, latencies.

mod clock;
mod guard;

pub use clock::{Clock, lcm};
pub use guard::{NoClock, clock_of};
