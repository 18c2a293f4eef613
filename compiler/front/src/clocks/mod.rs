//! Clock check: rates, queues, latencies.

mod around;
mod check;
mod compare;
mod follow;
mod grid;
mod guard;
mod latency;
mod moved;
mod order;
mod passages;
mod times;
mod waves;

pub use around::around;
pub use check::{Clocked, PortUse, Way, check, port_use};
pub use guard::{NoClock, clock_of};
pub use latency::{Arrivals, Sending, Wave, arrivals, shortest_way};
pub use order::Order;
pub use passages::Passages;
pub use waves::check as check_waves;
