//! Clock check: rates, queues, latencies.

mod check;
mod clock;
mod guard;
mod latency;

pub use check::{ClockedGraph, Link, PortUse, ResetAt, check};
pub use clock::{Clock, lcm};
pub use guard::{NoClock, clock_of};
pub use latency::{Arrivals, transit};
