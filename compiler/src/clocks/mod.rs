//! Clock check: rates, queues, latencies.

mod check;
mod clock;
mod compare;
mod guard;
mod intervals;
mod latency;
pub(crate) mod number;
mod text;

pub use check::{Clocked, PortUse, Way, check, port_use};
pub use clock::{Clock, Unmanageable};
pub use guard::{NoClock, clock_of};
pub use intervals::{Intervals, Run};
pub use latency::{Arrivals, arrivals, transit};
pub use number::lcm;
pub use text::NotAClock;
