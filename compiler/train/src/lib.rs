//! Training: what a network learns from.
//!
//! A network is differentiated as a whole, as a program: [`reverse()`] makes of a network in the
//! flat form another one in the same form, which executes a sample and then goes back through
//! its steps. Whatever executes networks executes that one too, bit for bit alike.

pub mod batch;
mod flow;
pub mod lesson;
pub mod plan;
mod queues;
pub mod reverse;
pub mod sample;
pub mod slope;

pub use batch::{Kept, batch};
pub use lesson::{Given, Lesson, lesson};
pub use plan::{Planned, plan};
pub use reverse::{Ask, Reversed, reverse};
pub use sample::{Cut, Sample, sample};

use snn_ir::diagnostics::Loc;
use snn_ir::network::Run;

/// Why a network cannot be trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: String,
    /// Where.
    pub place: Loc,
}

/// A run of so many steps that nothing is asked of.
fn bare(run: &Run, steps: u64) -> Run {
    let (records, values, reports, expectations) = Default::default();
    Run { steps, records, values, reports, expectations, ..run.clone() }
}
