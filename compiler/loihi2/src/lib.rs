//! Lowering to Loihi 2: a checked network becomes a placement manifest.
//!
//! [`extract`](extract::extract) takes from the checked network what goes onto the chip, the
//! [`partition`] puts its neurons on cores, the [`placement`] puts the cores on the board, and
//! the [`manifest`] says all of it. [`mapped::map`] is the one place that counts what an
//! assignment of neurons to cores comes to.

pub mod activity;
mod board;
pub mod estimate;
pub mod extract;
#[cfg(test)]
mod fixtures;
pub mod manifest;
pub mod mapped;
pub mod network;
pub mod options;
mod parallel;
pub mod partition;
pub mod picture;
pub mod placement;
pub mod plan;
pub mod profile;
pub mod ranges;
mod refusals;
pub mod resources;
mod routes;
pub mod sanafe;
pub mod site;
pub mod table;
pub mod traffic;
pub mod verify;
pub mod weights;
mod yaml;

use activity::{ASSUMED, Activity};
use network::{Assignment, ChipNetwork, Rates};
use options::{Objective, TargetOptions};
use plan::{Plan, PlanOrigin};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Reported, Sink, SourceMap};
use snn_ir::network::{Network, Setting};

/// The SHA-256 of a source text, as manifests have it.
pub fn digest(text: &[u8]) -> String {
    snn_ir::hash::sha256(text)
}

/// A run for the chip, checked.
pub struct ChipRun {
    /// What goes onto the chip.
    pub network: ChipNetwork,
    /// Which chip.
    pub options: TargetOptions,
    /// The core of each neuron at assumed rates.
    assumed: Assignment,
}

/// Checks a network for the chip that the settings, written at `loc`, describe: what can go onto
/// cores, whether they can store it, and whether it fits.
///
/// # Errors
/// Reported: E0801 to E0810.
pub fn check(
    network: &Network,
    files: &dyn Files,
    (settings, loc): (&[Setting], Loc),
    objective: Option<Objective>,
    sources: &SourceMap,
    sink: &mut Sink,
) -> Result<ChipRun, Reported> {
    let options = options::read(settings, loc, objective, sources, sink)?;
    let network = extract::extract(network, files, &options, sources, sink)?;
    let mut run = ChipRun { network, options, assumed: Assignment::default() };
    match assign(&run, &run.assumed_rates()) {
        Ok(assignment) => run.assumed = assignment,
        Err(refused) => {
            refused.into_iter().for_each(|d| sink.push(d));
            return Err(Reported);
        }
    }
    Ok(run)
}

impl ChipRun {
    /// The activity that is assumed where none is known.
    pub fn assumed_activity(&self) -> Activity {
        Activity::assumed(&self.network, self.options.rate.unwrap_or(ASSUMED))
    }

    fn assumed_rates(&self) -> Rates {
        Activity::assumed_rates(&self.network, self.options.rate.unwrap_or(ASSUMED))
    }
}

/// Puts neurons on cores.
fn assign(run: &ChipRun, rates: &Rates) -> Result<Assignment, Vec<Diagnostic>> {
    let ChipRun { network, options, .. } = run;
    let per_chip = options.profile.figures.usable_cores;
    let request = partition::Request {
        network,
        profile: &options.profile,
        rates,
        objective: options.objective,
        cores: board::usable(options),
        cores_per_chip: per_chip,
    };
    match partition::partition(&request) {
        Ok(partition) => Ok(partition.assignment),
        Err(refusals) => {
            Err(refusals.iter().map(|refusal| refusals::diagnostic(refusal, run)).collect())
        }
    }
}

/// Places a run: with the spike rates of `activity`, or those assumed where there is none,
/// neurons on cores and cores on the board.
///
/// # Errors
/// E0807 to E0809 where it does not fit.
pub fn plan(
    run: &ChipRun,
    activity: Option<&Activity>,
    source: PlanOrigin,
) -> Result<Plan, Vec<Diagnostic>> {
    let (rates, assignment) = match activity {
        Some(activity) => {
            let rates = activity.rates();
            let assignment = assign(run, &rates)?;
            (rates, assignment)
        }
        None => (run.assumed_rates(), run.assumed.clone()),
    };
    let mapped = mapped::map(&run.network, &assignment, &run.options.profile.figures, &rates);
    let sites = board::place(run, &assignment, &mapped).map_err(|d| vec![d])?;
    let target = plan::ChipTarget {
        profile: run.options.profile.clone(),
        board: run.options.board_name.clone(),
        chips: run.options.board.chips,
        bad_cores: run.options.bad_cores.clone(),
        objective: run.options.objective.name().into(),
    };
    let network = run.network.clone();
    let plan = Plan::new(source, network, target, rates, &assignment, &sites, Some(mapped));
    plan.map_err(|error| {
        let d = Diagnostic::new(Code::E0808, error.to_string(), run.options.loc, "");
        vec![d.help("choose a smaller board, or fewer of its chips")]
    })
}
