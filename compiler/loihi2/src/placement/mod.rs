//! Places cores on the mesh of routers of one chip or several, so that their messages travel short
//! ways and the hottest link stays cool.

mod anneal;
mod assign;
mod bisect;
mod cool;
mod curves;
mod flows;
mod grid;
mod initial;
mod layers;
mod random;
mod regroup;
mod score;
mod spread;
mod state;
mod tables;

pub use super::site::Site;
pub use flows::Flows;
pub use grid::Grid;
pub use score::{Direction, Link, Score, links, score};

use curves::Seats;
use grid::Mesh;
use regroup::Groups;
use state::{NONE, State};

/// More messages a step than any machine sends, and more than any of them costs: up to here, nothing
/// overflows.
const MOST: f64 = 1e12;

/// What messages cost, in any unit of energy or time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A message over one link along x.
    pub hop_x: f64,
    /// A message over one link along y.
    pub hop_y: f64,
    /// A message from a chip to the next.
    pub chip_hop: f64,
    /// Every message on the hottest link, beside what it costs there as a hop.
    pub link: f64,
}

impl Costs {
    fn checked(&self) -> Result<Costs, PlacementError> {
        let all = [self.hop_x, self.hop_y, self.chip_hop, self.link];
        if all.iter().all(|cost| (0.0..=MOST).contains(cost)) {
            Ok(*self)
        } else {
            Err(PlacementError::NotACost)
        }
    }
}

/// How much work a placement may be: numbers of tries, never a clock, so that the same flows always
/// get the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Times each core looks around for a better seat.
    pub visits: usize,
    /// Swaps tried in all to cool the hottest link; none where [`Costs::link`] is 0.
    pub link_swaps: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { visits: 40, link_swaps: 5_000 }
    }
}

/// Why nodes could not be placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// More nodes than usable sites.
    #[error("{nodes} cores do not fit {sites} usable sites")]
    TooMany {
        /// Cores to place, without ports.
        nodes: usize,
        /// Usable sites.
        sites: usize,
    },
    /// A board with more sites than any machine has.
    #[error("the board has too many sites")]
    GridTooLarge,
    /// A flow or a port that names a node that there is not.
    #[error("node {node} is named, but there are {nodes} nodes")]
    NoSuchNode {
        /// The node named.
        node: u32,
        /// How many nodes there are.
        nodes: usize,
    },
    /// Messages per step that are negative, not a number, or above 10¹².
    #[error("the messages per step from node {from} to node {to} are not from 0 to 10^12")]
    NotAFlow {
        /// Sending node.
        from: u32,
        /// Receiving node.
        to: u32,
    },
    /// A cost that is negative, not a number, or above 10¹².
    #[error("a cost is not from 0 to 10^12")]
    NotACost,
    /// A node without a site on the board.
    #[error("node {node} has no site on the board")]
    NoSuchSite {
        /// The node.
        node: u32,
    },
}

/// Places every node of `flows` on a site of `grid`, so that `Costs` are low, and returns the site of
/// each node.
///
/// `ports` are nodes that are no cores, such as the host: they sit where they are said to, in
/// nobody's way. All other nodes get usable sites of their own.
///
/// # Errors
///
/// [`PlacementError::TooMany`] where there are more cores than usable sites;
/// [`PlacementError::NoSuchSite`] for a port outside the board, and
/// [`PlacementError::NoSuchNode`] for one that is no node;
/// [`PlacementError::GridTooLarge`] and [`PlacementError::NotACost`].
pub fn place(
    flows: &Flows,
    grid: &Grid,
    ports: &[(u32, Site)],
    costs: &Costs,
    effort: Effort,
) -> Result<Vec<Site>, PlacementError> {
    let mesh = Mesh::new(grid, costs)?;
    let mut fixed: Vec<Option<Site>> = vec![None; flows.nodes()];
    for &(node, site) in ports {
        let port = fixed
            .get_mut(node as usize)
            .ok_or(PlacementError::NoSuchNode { node, nodes: flows.nodes() })?;
        *port = Some(site);
    }
    let mut pins = Vec::new();
    let mut movable = Vec::new();
    for (node, port) in (0..).zip(&fixed) {
        let Some(site) = *port else {
            movable.push(node);
            continue;
        };
        let router = grid.router(site).ok_or(PlacementError::NoSuchSite { node })?;
        pins.push((node, router));
    }
    if movable.len() > mesh.sites.len() {
        return Err(PlacementError::TooMany { nodes: movable.len(), sites: mesh.sites.len() });
    }
    if movable.is_empty() {
        return Ok(fixed.into_iter().flatten().collect());
    }
    let seats = Seats::new(&mesh);
    let chip = grid.routers.map(|side| side as usize);
    let mut groups = Groups::new(&seats);
    let mut states = initial::initial(flows, &mesh, &seats, chip, &movable, &pins);
    let several = states.len() > 1;
    for state in &mut states {
        groups.trade(state);
        if several {
            anneal::anneal(state, &seats, &movable, effort.visits / 4);
        }
    }
    // The first of several equally good ones; there is always one.
    let Some(mut state) = states.into_iter().min_by_key(State::total) else {
        return Ok(Vec::new());
    };
    let visits = initial::visits(&state, movable.len(), effort.visits);
    anneal::anneal(&mut state, &seats, &movable, visits);
    groups.trade(&mut state);
    cool::cool(&mut state, &seats, effort.link_swaps);
    Ok(sites(&state, &seats, &fixed))
}

/// The sites of a placement. Which core of a router a node gets makes no difference, so they go in
/// order: the first usable core to the lowest node.
fn sites(state: &State, seats: &Seats, fixed: &[Option<Site>]) -> Vec<Site> {
    let none = Site { chip: 0, router: [0; 2], slot: 0 };
    let mut places: Vec<Site> = fixed.iter().map(|port| port.unwrap_or(none)).collect();
    for router in seats.routers() {
        let mut nodes: Vec<u32> = router
            .iter()
            .map(|&seat| state.node[seat as usize])
            .filter(|&node| node != NONE)
            .collect();
        nodes.sort_unstable();
        for (node, &seat) in nodes.into_iter().zip(router) {
            places[node as usize] = state.mesh.sites[seat as usize];
        }
    }
    places
}

#[cfg(test)]
mod tests;
