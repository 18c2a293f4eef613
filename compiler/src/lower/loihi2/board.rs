//! The board of a run: which of its cores may be used, and the placement on them.

use super::ChipRun;
use super::mapped::{self, End};
use super::network::{Assignment, Rates};
use super::options::{Objective, TargetOptions};
use super::placement::{Costs, Effort, Flows, Grid, place as place_on};
use super::profile::Figures;
use super::site::Site;
use crate::diagnostics::{Code, Diagnostic};

/// How many cores may be used.
pub fn usable(options: &TargetOptions) -> u64 {
    let f = &options.profile.figures;
    let bad = options.bad_cores.iter().map(|id| Site::of_id(*id, f));
    let bad = bad.filter(|s| u64::from(s.chip) < options.chips && !reserved(s, f)).count();
    (options.chips * f.usable_cores).saturating_sub(bad as u64)
}

/// Whether a core is one of those that programs may not use: the last of a chip.
fn reserved(site: &Site, f: &Figures) -> bool {
    Site { chip: 0, ..*site }.id(f) >= f.usable_cores
}

/// A place for every core of an assignment.
///
/// # Errors
/// E0808 where there are too few.
pub fn place(
    run: &ChipRun,
    assignment: &Assignment,
    rates: &Rates,
) -> Result<Vec<Site>, Diagnostic> {
    let options = &run.options;
    let f = &options.profile.figures;
    let mapped = mapped::map(&run.network, assignment, f, rates);
    let host = assignment.cores;
    let mut edges: Vec<(u32, u32, f64)> =
        mapped.host.iter().map(|axons| (host, axons.to, axons.messages)).collect();
    for (core, used) in mapped.cores.iter().enumerate() {
        edges.extend(used.axons_out.iter().map(|axons| {
            let to = match axons.to {
                End::Core(to) => to,
                End::Host => host,
            };
            (core as u32, to, axons.messages)
        }));
    }
    let flows = Flows::new(assignment.cores as usize + 1, edges);
    let on_chip = f.routers_x * f.routers_y * f.cores_per_router;
    let all = u64::from(options.board.chips[0]) * u64::from(options.board.chips[1]) * on_chip;
    let mut bad: Vec<Site> = (0..all)
        .map(|id| Site::of_id(id, f))
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
    let port = Site { chip: 0, router: [0, 0], slot: 0 };
    let placed =
        flows.and_then(|flows| place_on(&flows, &grid, &[(host, port)], &costs, Effort::default()));
    let mut sites = placed.map_err(|error| {
        Diagnostic::new(Code::E0808, error.to_string(), options.loc, "the board is chosen here")
            .help("name a larger board, or allow more of its chips")
    })?;
    sites.truncate(assignment.cores as usize);
    Ok(sites)
}
