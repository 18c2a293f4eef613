//! The board of a run: which of its cores may be used, and the placement on them.

use super::ChipRun;
use super::mapped::{End, Mapped};
use super::network::{Assignment, Synapses};
use super::options::{Objective, TargetOptions};
use super::placement::{Costs, Effort, Flows, Grid, place as place_on};
use super::profile::Figures;
use super::site::Site;
use snn_ir::diagnostics::{Code, Diagnostic};
use std::collections::{BTreeMap, BTreeSet};

/// How many cores may be used.
pub fn usable(options: &TargetOptions) -> u64 {
    let f = &options.profile.figures;
    let bad = options.bad_cores.iter().map(|id| Site::of_id(*id, f));
    let bad = bad.filter(|s| u64::from(s.chip) < options.chips && !reserved(s, f)).count();
    (options.chips * f.usable_cores).saturating_sub(bad as u64)
}

/// Whether a core is one of those that programs may not use: the last of a chip.
fn reserved(site: &Site, f: &Figures) -> bool {
    site.on_chip(f) >= f.usable_cores
}

/// Every core of a board, usable or not.
fn sites(chips: [u32; 2], f: &Figures) -> impl Iterator<Item = Site> + '_ {
    let cores = u64::from(chips[0]) * u64::from(chips[1]) * f.cores_on_die();
    (0..cores).map(|id| Site::of_id(id, f))
}

/// A place for every core of an assignment, which comes to `mapped`.
///
/// # Errors
/// E0808 where there are too few, E0809 where convolutions cannot each stay on one chip.
pub fn place(
    run: &ChipRun,
    assignment: &Assignment,
    mapped: &Mapped,
) -> Result<Vec<Site>, Diagnostic> {
    let board = Board::new(run, assignment.cores, mapped);
    let all: Vec<u32> = (0..assignment.cores).collect();
    let sites = board.place(&all, &[], None)?;
    let together = together(run, assignment);
    let split = |group: &Vec<u32>| {
        let mut chips = group.iter().map(|core| sites[*core as usize].chip);
        let first = chips.next();
        chips.any(|chip| Some(chip) != first)
    };
    if together.iter().any(split) { board.chip_by_chip(together) } else { Ok(sites) }
}

/// How much is tried: less where every core sends to very many others, as then there is little
/// to gain and each try takes long. A visit looks at all edges a few times; a swap that cools a
/// link follows each edge of two cores over some ten links.
fn effort(cores: u32, edges: usize) -> Effort {
    const VISITED: usize = 10_000_000;
    const FOLLOWED: usize = 250_000;
    let Effort { visits, link_swaps } = Effort::default();
    let of_core = edges / (cores as usize).max(1);
    Effort {
        visits: visits.min(VISITED / edges.max(1)).max(1),
        link_swaps: link_swaps.min(FOLLOWED / of_core.max(1)).max(1),
    }
}

/// Cores that must be on one chip: those of a convolution's layer, and of others that share
/// one of these; every other core by itself. In order of their first core.
fn together(run: &ChipRun, assignment: &Assignment) -> Vec<Vec<u32>> {
    let mut group: Vec<u32> = (0..assignment.cores).collect();
    for projection in &run.network.projections {
        if matches!(projection.synapses, Synapses::Conv(_)) {
            let cores: BTreeSet<u32> = assignment.core_of[projection.to].iter().copied().collect();
            let merged: BTreeSet<u32> = cores.iter().map(|c| group[*c as usize]).collect();
            if let Some(first) = merged.first().copied() {
                group.iter_mut().filter(|g| merged.contains(g)).for_each(|g| *g = first);
            }
        }
    }
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (core, first) in group.iter().enumerate() {
        groups.entry(*first).or_default().push(core as u32);
    }
    groups.into_values().collect()
}

/// The board with what cores send each other.
struct Board<'a> {
    run: &'a ChipRun,
    /// Which cores send to which, with messages per step; the host is the number behind them.
    edges: Vec<(u32, u32, f64)>,
    host: u32,
    grid: Grid,
    costs: Costs,
}

impl Board<'_> {
    fn new<'a>(run: &'a ChipRun, cores: u32, mapped: &Mapped) -> Board<'a> {
        let options = &run.options;
        let f = &options.profile.figures;
        let host = cores;
        let from_host = mapped.host.iter().map(|axons| (host, axons.to, axons.messages));
        let mut edges: Vec<(u32, u32, f64)> = from_host.collect();
        for (core, used) in mapped.cores.iter().enumerate() {
            edges.extend(used.axons_out.iter().map(|axons| {
                let to = match axons.to {
                    End::Core(to) => to,
                    End::Host => host,
                };
                (core as u32, to, axons.messages)
            }));
        }
        let mut bad: Vec<Site> = sites(options.board.chips, f)
            .filter(|s| reserved(s, f) || u64::from(s.chip) >= options.chips)
            .collect();
        bad.extend(options.bad_cores.iter().map(|id| Site::of_id(*id, f)));
        let grid = Grid {
            chips: options.board.chips,
            routers: [f.routers_x as u32, f.routers_y as u32],
            slots: f.cores_per_router as u32,
            bad,
        };
        // Energy counts every hop; a shorter step needs a cooler hottest link.
        let link = match options.objective {
            Objective::Energy => 1.0,
            Objective::Edp => 10.0,
            Objective::Latency => 100.0,
        };
        let costs = Costs {
            hop_x: f.energy_hop_x,
            hop_y: f.energy_hop_y,
            chip_hop: f.energy_chip_hop,
            link: link * f.energy_hop_x,
        };
        Board { run, edges, host, grid, costs }
    }

    /// Places some cores, on one chip or anywhere; others have their places already.
    fn place(
        &self,
        cores: &[u32],
        placed: &[(u32, Site)],
        chip: Option<u32>,
    ) -> Result<Vec<Site>, Diagnostic> {
        let mut number: BTreeMap<u32, u32> = BTreeMap::new();
        let known = cores.iter().copied().chain(placed.iter().map(|p| p.0)).chain([self.host]);
        for core in known {
            let next = number.len() as u32;
            number.insert(core, next);
        }
        let edges = self.edges.iter().filter_map(|(from, to, messages)| {
            Some((*number.get(from)?, *number.get(to)?, *messages))
        });
        let port = Site { chip: 0, router: [0, 0], slot: 0 };
        let mut ports = vec![(number[&self.host], port)];
        ports.extend(placed.iter().map(|(core, site)| (number[core], *site)));
        let mut grid = self.grid.clone();
        if let Some(chip) = chip {
            let f = &self.run.options.profile.figures;
            grid.bad.extend(sites(grid.chips, f).filter(|s| s.chip != chip));
        }
        let effort = effort(self.host, self.edges.len());
        let found = Flows::new(number.len(), edges)
            .and_then(|flows| place_on(&flows, &grid, &ports, &self.costs, effort));
        let mut sites = found.map_err(|error| {
            let loc = self.run.options.loc;
            Diagnostic::new(Code::E0808, error.to_string(), loc, "the board is chosen here")
                .help("name a larger board, or allow more of its chips")
        })?;
        sites.truncate(cores.len());
        Ok(sites)
    }

    /// Fills chip after chip with groups that stay together, each with those it hears most
    /// from, and places the cores of each chip.
    fn chip_by_chip(&self, groups: Vec<Vec<u32>>) -> Result<Vec<Site>, Diagnostic> {
        let mut sites = vec![Site::default(); self.host as usize];
        let mut placed: Vec<(u32, Site)> = Vec::new();
        let mut left: Vec<Option<Vec<u32>>> = groups.into_iter().map(Some).collect();
        for chip in 0..self.run.options.chips as u32 {
            if left.iter().all(Option::is_none) {
                break;
            }
            let mut free = self.free(chip);
            let mut here: Vec<u32> = Vec::new();
            while let Some(next) = self.next(&left, &here, free) {
                let group = left[next].take().unwrap_or_default();
                free -= group.len();
                here.extend(group);
            }
            let found = self.place(&here, &placed, Some(chip))?;
            for (core, site) in here.into_iter().zip(found) {
                sites[core as usize] = site;
                placed.push((core, site));
            }
        }
        let Some(rest) = left.into_iter().flatten().next() else { return Ok(sites) };
        let options = &self.run.options;
        let message = format!("convolutions do not fit whole on {} chips", options.chips);
        let what = format!("{} cores that must be on one chip are left", rest.len());
        let d = Diagnostic::new(Code::E0809, message, options.loc, what);
        Err(d.help("use a larger board, or fewer channels in the largest convolutions"))
    }

    /// Usable cores of a chip.
    fn free(&self, chip: u32) -> usize {
        let f = &self.run.options.profile.figures;
        let bad: BTreeSet<Site> =
            self.grid.bad.iter().copied().filter(|s| s.chip == chip).collect();
        f.cores_on_die() as usize - bad.len()
    }

    /// The group that fits and exchanges most messages with the cores here; the first one
    /// where none does.
    fn next(&self, left: &[Option<Vec<u32>>], here: &[u32], free: usize) -> Option<usize> {
        let mut of_core: BTreeMap<u32, usize> = BTreeMap::new();
        for (g, group) in left.iter().enumerate() {
            if let Some(cores) = group.as_ref().filter(|cores| cores.len() <= free) {
                cores.iter().for_each(|core| {
                    of_core.insert(*core, g);
                });
            }
        }
        let here: BTreeSet<u32> = here.iter().copied().collect();
        let mut heard: BTreeMap<usize, f64> = BTreeMap::new();
        for (from, to, messages) in &self.edges {
            for (inside, outside) in [(from, to), (to, from)] {
                if let (true, Some(group)) = (here.contains(inside), of_core.get(outside)) {
                    *heard.entry(*group).or_default() += messages;
                }
            }
        }
        let loudest = heard.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a });
        loudest.map(|(group, _)| group).or_else(|| of_core.values().copied().min())
    }
}
