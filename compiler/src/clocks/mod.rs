//! Clock check: rates, queues, latencies.

mod around;
mod check;
mod clock;
mod compare;
mod follow;
mod grid;
mod guard;
mod intervals;
mod latency;
mod moved;
pub(crate) mod number;
mod order;
mod passages;
mod text;
mod times;
mod waves;

pub use around::around;
pub use check::{Clocked, PortUse, Way, check, port_use};
pub use clock::{Clock, Unmanageable};
pub use guard::{NoClock, clock_of};
pub use intervals::{Intervals, Run};
pub use latency::{Arrivals, Sending, Wave, arrivals, shortest_way};
pub use number::lcm;
pub use order::Order;
pub use passages::Passages;
pub use text::NotAClock;
pub use waves::check as check_waves;
