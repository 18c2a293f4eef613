//! A network with a place for every neuron: what manifests are written from.

use super::mapped::{Mapped, map};
use super::network::{Assignment, ChipNetwork, Rate, Rates};
use super::profile::Profile;
use super::site::Site;
use super::traffic::{MOST_ROUTERS, Traffic, routers};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where a plan comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOrigin {
    /// The `.snn` file, as the user named it.
    pub file: String,
    /// SHA-256 of that file, 64 hexadecimal digits.
    pub sha256: String,
    /// Name and version of the compiler.
    pub compiler: String,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// The run.
    pub run: String,
    /// Its steps.
    pub steps: u64,
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq)]
pub struct ChipTarget {
    /// The chip.
    pub profile: Profile,
    /// The board, one of the profile's.
    pub board: String,
    /// Columns and rows of chips on the board.
    pub chips: [u32; 2],
    /// Numbers of cores that must not be used, ascending.
    pub bad_cores: Vec<u64>,
    /// What was optimised: `energy`, `latency` or `edp`.
    pub objective: String,
}

/// A placed network. Cores stand in ascending order of their numbers, and none is empty.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it comes from.
    pub source: PlanOrigin,
    /// What is placed.
    pub network: ChipNetwork,
    /// Where it is placed.
    pub target: ChipTarget,
    /// Spikes per step.
    pub rates: Rates,
    /// The core of each neuron.
    pub assignment: Assignment,
    /// What follows for the cores.
    pub mapped: Mapped,
    /// The place of each core of the assignment.
    pub sites: Vec<Site>,
    /// What follows for the mesh.
    pub traffic: Traffic,
    /// Messages for whoever reads the manifest.
    pub warnings: Vec<String>,
}

/// Parts that do not make a plan: an assignment or sites that are not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAPlan(String);

impl Plan {
    /// Puts cores in order of their numbers and computes what follows. `sites` has the place
    /// of each core of `assignment`, `mapped` what [`map`] has counted for it, if it has.
    ///
    /// # Errors
    /// Neurons without a core, cores without a place or two on one, lists of rates of another
    /// length than their population, a mesh of more than [`MOST_ROUTERS`] routers, numbers of
    /// cores beyond 2^32.
    pub fn new(
        source: PlanOrigin,
        network: ChipNetwork,
        target: ChipTarget,
        rates: Rates,
        assignment: &Assignment,
        sites: &[Site],
        mapped: Option<Mapped>,
    ) -> Result<Plan, NotAPlan> {
        let figures = &target.profile.figures;
        let order = order(&network, &target, &rates, assignment, sites)?;
        let mapped = mapped.unwrap_or_else(|| map(&network, assignment, figures, &rates));
        let mapped = mapped.renumbered(&order);
        let mut position = vec![0; sites.len()];
        order.iter().enumerate().for_each(|(new, old)| position[*old] = new as u32);
        let core_of = |cores: &Vec<u32>| cores.iter().map(|c| position[*c as usize]).collect();
        let assignment = Assignment {
            cores: order.len() as u32,
            core_of: assignment.core_of.iter().map(core_of).collect(),
        };
        let sites: Vec<Site> = order.iter().map(|c| sites[*c]).collect();
        let traffic = Traffic::of(&mapped, &sites, target.chips, figures);
        let warnings = Vec::new();
        Ok(Plan { source, network, target, rates, assignment, mapped, sites, traffic, warnings })
    }
}

/// Cores that hold neurons, in the order of their numbers on the board.
fn order(
    network: &ChipNetwork,
    target: &ChipTarget,
    rates: &Rates,
    assignment: &Assignment,
    sites: &[Site],
) -> Result<Vec<usize>, NotAPlan> {
    let wrong = |what: String| Err(NotAPlan(what));
    if sites.len() != assignment.cores as usize {
        return wrong(format!("{} cores have {} places", assignment.cores, sites.len()));
    }
    if assignment.core_of.len() != network.populations.len()
        || rates.of.len() != network.populations.len()
    {
        return wrong("an assignment or rates of another network".into());
    }
    let mut used = vec![false; sites.len()];
    for ((population, cores), rate) in
        network.populations.iter().zip(&assignment.core_of).zip(&rates.of)
    {
        let expected = if population.on_chip() { population.neurons as usize } else { 0 };
        if cores.len() != expected {
            let n = cores.len();
            return wrong(format!("`{}` has {n} neurons on cores", population.name));
        }
        if matches!(rate, Rate::Each(each) if each.len() != population.neurons as usize) {
            return wrong(format!("`{}` has rates for other neurons", population.name));
        }
        for core in cores {
            match used.get_mut(*core as usize) {
                Some(used) => *used = true,
                None => return wrong(format!("there is no core {core}")),
            }
        }
    }
    let figures = &target.profile.figures;
    if let Some(site) = sites.iter().find(|site| !site.is_on(target.chips, figures)) {
        return wrong(format!("there is no {site:?} on the board"));
    }
    if sites.iter().copied().collect::<BTreeSet<Site>>().len() != sites.len() {
        return wrong("two cores have one place".into());
    }
    if sites.iter().any(|site| site.id(figures) > u64::from(u32::MAX)) {
        return wrong("a core has a number beyond 2^32".into());
    }
    if routers(sites, target.chips, figures).is_none_or(|n| n > MOST_ROUTERS) {
        return wrong(format!("the mesh has more than {MOST_ROUTERS} routers"));
    }
    let mut order: Vec<usize> = (0..sites.len()).filter(|c| used[*c]).collect();
    order.sort_by_key(|c| sites[*c].id(figures));
    Ok(order)
}
