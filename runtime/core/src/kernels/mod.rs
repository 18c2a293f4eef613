//! Weights times spikes.
//!
//! A synapse computes `out[i] = Σ_j weights[i, j] · source[j]` for a weight matrix of shape
//! `[m, n]`: `m` targets (outputs), `n` sources. Few sources are active in a step, so weights
//! are stored by column (by source), [`Events`] lists the active sources, and a kernel adds
//! their columns. Its work is proportional to the number of events, not to `m · n`.
//!
//! | kernel | weights | sums |
//! |---|---|---|
//! | [`PackedColumns`] | 8 bits, of spikes that count 1 | 16 bits, or 32 in batches |
//! | [`Columns`] | 8, 16, 32 bits or `f64`, spikes or payloads | 16, 32, 64 bits or `f64` |
//! | [`SparseColumns`] | (target, weight) lists, for mostly zero matrices | as `Columns` |
//! | [`Conv`] | the kernel of a convolution, which is never spread out to a matrix | 16, 32, 64 bits or `f64` |
//! | [`live`], [`live_conv`] | of any type, in an array that changes from step to step | the type of the result |
//! | [`turned`], [`turned_graded`] | the same, source by source | the type of the result |
//!
//! [`outer`] adds what such weights are to be changed by.
//!
//! Integer kernels give exact sums as long as the chosen accumulator holds every partial sum;
//! they wrap otherwise. As addition that wraps is associative, their results do not depend on
//! the width of the machine's registers. Float kernels add in ascending order of the source.
//!
//! Generated programs are compiled for the machine that they run on; the executor, which is
//! compiled for all, calls kernels by [`widest`], and so are functions of elements applied to
//! arrays ([`elementwise`]).

mod columns;
mod conv;
pub mod elementwise;
mod events;
mod lanes;
mod live;
mod number;
mod packed;
mod sparse;
mod turned;
mod widest;

pub use columns::Columns;
pub use conv::{Conv, Geometry};
pub use events::{Active, Events};
pub use live::{live, live_conv, live_conv_graded, live_graded};
pub use number::{Number, Payload};
pub use packed::PackedColumns;
pub use sparse::SparseColumns;
pub use turned::{Finite, outer, turned, turned_graded};
pub use widest::{Work, widest};
