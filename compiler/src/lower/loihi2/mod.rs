//! Lowering to Loihi 2: a checked network becomes a placement manifest.
//!
//! [`extract`](extract::extract) takes from the checked graph what goes onto the chip, the
//! partition puts its neurons on cores, the placement puts the cores on the board, and the
//! manifest says all of it. [`mapped::map`] is the one place that counts what an assignment of
//! neurons to cores comes to.

pub mod activity;
pub mod extract;
pub mod mapped;
pub mod network;
pub mod options;
pub mod profile;
pub mod ranges;
pub mod resources;
pub mod site;

use crate::clocks::ClockedGraph;
use crate::diagnostics::Loc;
use crate::types::{Cx, Eval};
use network::ChipNetwork;
use options::{Objective, TargetOptions};
use snn_grammar::ast::Arg;

/// A run for the chip, checked.
pub struct ChipRun {
    /// What goes onto the chip.
    pub network: ChipNetwork,
    /// Which chip.
    pub options: TargetOptions,
}

/// Checks a run's network for the chip that its target describes.
///
/// # Errors
/// Reported: E0801 to E0810.
pub fn check(
    cx: &mut Cx<'_>,
    graph: &ClockedGraph,
    args: &[Arg],
    loc: Loc,
    objective: Option<Objective>,
) -> Eval<ChipRun> {
    let options = options::read(cx, args, loc, objective)?;
    let network = extract::extract(cx, graph, &options.profile, options.chips)?;
    Ok(ChipRun { network, options })
}
