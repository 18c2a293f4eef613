//! From a checked network to what goes onto the chip.
//!
//! Processes whose model is `on neurocore` go to cores: the standard library's connection
//! processes become synapses, every other process a layer of neurons with a program. The rest
//! stays on the host, with the reason, and connections that cross become adapters.

mod connections;
mod neurons;
mod obstacle;
mod process;
mod resets;
mod roles;
mod synapses;
mod views;
mod weights;

use super::network::ChipNetwork;
use super::options::TargetOptions;
use snn_data::Files;
use snn_ir::diagnostics::{Reported, Sink, SourceMap};
use snn_ir::network::Network;

/// The network of a run as the chip sees it.
///
/// # Errors
/// Reported: E0803 a process that cannot run where it says, E0804 a connection that cores
/// cannot carry, E0805 a reset interval, E0806 a value the chip cannot store, E0810 nothing
/// for the chip to do; data files that cannot be read.
pub fn extract(
    network: &Network,
    files: &dyn Files,
    options: &TargetOptions,
    sources: &SourceMap,
    sink: &mut Sink,
) -> Result<ChipNetwork, Reported> {
    let profile = &options.profile;
    let roles = roles::roles(network, profile, options.loc, sink)?;
    let network = &*process::loaded(network, files, sink)?;
    let mut chip =
        ChipNetwork { name: network.name.clone(), step_latency: 1, ..ChipNetwork::default() };
    let layer_of = neurons::layers(network, &roles, profile, sources, &mut chip, sink);
    let resets = resets::resets(network, &layer_of, profile, sources, &mut chip, sink);
    let connected = connections::connect(network, &roles, &layer_of, profile, &mut chip, sink);
    roles::host(network, &roles, options.chips * profile.figures.embedded_cpus, &mut chip, sink)?;
    if connected.is_err() || resets.is_err() || layer_of.iter().any(Result::is_err) {
        return Err(Reported);
    }
    Ok(chip)
}
