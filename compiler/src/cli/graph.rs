//! `snnc graph`: a picture of the network.

use super::{Status, args, output, program};
use snn_ir::diagnostics::Diagnostic;
use snnc::graph::{dot::dot, network::network, svg::svg};
use std::path::PathBuf;

/// Draws the network of a run, as DOT where that is asked for.
///
/// # Errors
/// E0901.
pub fn graph(
    arguments: &args::Program,
    as_dot: bool,
    to: Option<PathBuf>,
) -> Result<Status, Diagnostic> {
    let Some((_, run)) = program::one_run(arguments) else { return Ok(Status::Failed) };
    let graph = network(&run.network);
    let picture = if as_dot { dot(&graph) } else { svg(&graph) };
    match to {
        Some(path) => output::write(&path, picture.as_bytes())?,
        None => output::print(&picture)?,
    }
    Ok(Status::Fine)
}
