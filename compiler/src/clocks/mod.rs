//! Clock check: rates, queues, latencies.

mod around;
mod check;
mod clock;
mod compare;
mod follow;
mod guard;
mod intervals;
mod latency;
mod marks;
pub(crate) mod number;
mod text;
mod waves;

pub use around::around;
pub use check::{Clocked, PortUse, Way, check, port_use};
pub use clock::{Clock, Unmanageable};
pub use guard::{NoClock, clock_of};
pub use intervals::{Intervals, Run};
pub use latency::{Arrivals, Sending, Wave, arrivals, order, shortest_way};
pub use number::lcm;
pub use text::NotAClock;
pub use waves::check as check_waves;
