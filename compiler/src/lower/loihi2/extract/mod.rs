//! From a checked network to what goes onto the chip.
//!
//! Processes whose model is `on neurocore` go to cores: the standard library's connection
//! processes become synapses, every other process a layer of neurons with a program. The rest
//! stays on the host, with the reason, and connections that cross become adapters.

mod connections;
mod neurons;
mod obstacle;
mod resets;
mod roles;
mod synapses;
mod views;
mod weights;

use super::network::ChipNetwork;
use super::options::TargetOptions;
use crate::clocks::ClockedGraph;
use crate::types::{Cx, Eval, Stop};

/// The network of a run as the chip sees it.
///
/// # Errors
/// Reported: E0803 a process that cannot run where it says, E0804 a connection that cores
/// cannot carry, E0805 a reset interval, E0806 a value the chip cannot store, E0810 nothing
/// for the chip to do.
pub fn extract(
    cx: &mut Cx<'_>,
    clocked: &ClockedGraph,
    options: &TargetOptions,
) -> Eval<ChipNetwork> {
    let (graph, profile) = (&clocked.graph, &options.profile);
    let roles = roles::roles(cx, graph, profile, options.loc)?;
    let mut network =
        ChipNetwork { name: graph.network.clone(), step_latency: 1, ..ChipNetwork::default() };
    let layer_of = neurons::layers(cx, graph, &roles, profile, &mut network);
    let resets = resets::resets(cx, clocked, &layer_of, profile, &mut network);
    let connected = connections::connect(cx, graph, &roles, &layer_of, profile, &mut network);
    roles::host(cx, graph, &roles, options.chips * profile.figures.embedded_cpus, &mut network)?;
    if connected.is_err() || resets.is_err() || layer_of.iter().any(Result::is_err) {
        return Err(Stop::Reported);
    }
    Ok(network)
}
