//! What a placement costs, counted from scratch.

use super::super::site::Site;
use super::flows::Flows;
use super::grid::Grid;
use super::{Costs, PlacementError};

/// Where a link of the mesh leads. X runs east, Y runs south.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the router with the next x.
    East,
    /// To the router with the previous x.
    West,
    /// To the router with the next y.
    South,
    /// To the router with the previous y.
    North,
}

/// One direction of the connection between two neighbouring routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Router `[x, y]` that sends, counted over the whole board.
    pub router: [u32; 2],
    /// Where it sends.
    pub direction: Direction,
}

/// What a placement costs. All figures are per step.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Messages between cores (and ports), wherever they are.
    pub messages: f64,
    /// Messages times the links each travels along x, inside chips.
    pub hops_x: f64,
    /// Messages times the links each travels along y, inside chips.
    pub hops_y: f64,
    /// Messages times the crossings between neighbouring chips.
    pub chip_hops: f64,
    /// Messages between different chips.
    pub interchip: f64,
    /// `hop_x·hops_x + hop_y·hops_y + chip_hop·chip_hops`, without the hottest link.
    pub cost: f64,
    /// Messages on the hottest link.
    pub max_link: f64,
    /// The hottest link; the first in order of [`links`] where several are.
    pub hottest: Option<Link>,
}

/// Counts what `places` (a site for every node) cost.
///
/// Hops and link loads are exact sums of the fixed-point flows.
///
/// # Errors
///
/// [`PlacementError::NoSuchSite`] where a node has no site or its site is not on the board, and the
/// errors of [`super::place`] about the board and the costs.
pub fn score(
    flows: &Flows,
    grid: &Grid,
    places: &[Site],
    costs: &Costs,
) -> Result<Score, PlacementError> {
    let costs = costs.checked()?;
    let routers = locate(flows, grid, places)?;
    let loads = Loads::new(flows, grid.size()?, &routers);
    let unit = flows.unit();
    let (mut messages, mut interchip) = (0_i64, 0_i64);
    let mut hops = [0_i64; 2];
    let mut crossings = 0_i64;
    for node in 0..flows.nodes() {
        for edge in flows.sent(node) {
            let (from, to) = (routers[node], routers[edge.node as usize]);
            messages += edge.units;
            let mut crossed = 0;
            for axis in [0, 1] {
                let side = grid.routers[axis] as usize;
                let (from, to) = (usize::from(from[axis]), usize::from(to[axis]));
                let chips = (from / side).abs_diff(to / side);
                crossed += chips;
                hops[axis] += edge.units * (from.abs_diff(to) - chips) as i64;
            }
            crossings += edge.units * crossed as i64;
            if crossed > 0 {
                interchip += edge.units;
            }
        }
    }
    let [hops_x, hops_y] = hops.map(|units| units as f64 * unit);
    let chip_hops = crossings as f64 * unit;
    let hottest = loads.hottest();
    Ok(Score {
        messages: messages as f64 * unit,
        hops_x,
        hops_y,
        chip_hops,
        interchip: interchip as f64 * unit,
        cost: costs.hop_x * hops_x + costs.hop_y * hops_y + costs.chip_hop * chip_hops,
        max_link: hottest.map_or(0.0, |link| loads.units[link] as f64 * unit),
        hottest: hottest.map(|link| loads.link(link)),
    })
}

/// Messages per step on every link that carries any, in order: router by router, row by row, each
/// east, west, south, north.
///
/// # Errors
///
/// As [`score`].
pub fn links(
    flows: &Flows,
    grid: &Grid,
    places: &[Site],
) -> Result<Vec<(Link, f64)>, PlacementError> {
    let routers = locate(flows, grid, places)?;
    let loads = Loads::new(flows, grid.size()?, &routers);
    Ok((0..loads.units.len())
        .filter(|&link| loads.units[link] > 0)
        .map(|link| (loads.link(link), loads.units[link] as f64 * flows.unit()))
        .collect())
}

fn locate(flows: &Flows, grid: &Grid, places: &[Site]) -> Result<Vec<[u16; 2]>, PlacementError> {
    (0..flows.nodes())
        .map(|node| {
            places
                .get(node)
                .and_then(|&site| grid.router(site))
                .ok_or(PlacementError::NoSuchSite { node: node as u32 })
        })
        .collect()
}

/// Units on every link.
#[derive(Clone, Debug)]
pub(super) struct Loads {
    columns: usize,
    /// Four links a router: east, west, south, north.
    pub units: Vec<i64>,
}

impl Loads {
    pub fn new(flows: &Flows, size: [usize; 2], routers: &[[u16; 2]]) -> Loads {
        let mut loads = Loads { columns: size[0], units: vec![0; 4 * size[0] * size[1]] };
        for (node, &from) in routers.iter().enumerate() {
            for edge in flows.sent(node) {
                loads.add(from, routers[edge.node as usize], edge.units);
            }
        }
        loads
    }

    /// Adds `units` (or takes them away, where negative) along the way from one router to another.
    pub fn add(&mut self, from: [u16; 2], to: [u16; 2], units: i64) {
        self.visit(from, to, |load| *load += units);
    }

    /// Calls `act` on the load of each link on the way: x first, then y.
    fn visit(&mut self, from: [u16; 2], to: [u16; 2], mut act: impl FnMut(&mut i64)) {
        let (from, to) = (from.map(usize::from), to.map(usize::from));
        let row = from[1] * self.columns;
        for x in from[0]..to[0] {
            act(&mut self.units[4 * (row + x)]);
        }
        for x in to[0]..from[0] {
            act(&mut self.units[4 * (row + x + 1) + 1]);
        }
        for y in from[1]..to[1] {
            act(&mut self.units[4 * (y * self.columns + to[0]) + 2]);
        }
        for y in to[1]..from[1] {
            act(&mut self.units[4 * ((y + 1) * self.columns + to[0]) + 3]);
        }
    }

    /// Whether the way from one router to another crosses a link.
    pub fn crosses(&self, from: [u16; 2], to: [u16; 2], link: usize) -> bool {
        let [x, y] = self.router(link);
        let (from, to) = (from.map(usize::from), to.map(usize::from));
        match link % 4 {
            0 => y == from[1] && from[0] <= x && x < to[0],
            1 => y == from[1] && to[0] < x && x <= from[0],
            2 => x == to[0] && from[1] <= y && y < to[1],
            _ => x == to[0] && to[1] < y && y <= from[1],
        }
    }

    /// The link with the largest load, the first of several; `None` where no link has any.
    pub fn hottest(&self) -> Option<usize> {
        let most = self.units.iter().copied().max().filter(|&most| most > 0)?;
        self.units.iter().position(|&load| load == most)
    }

    /// The router `[x, y]` that sends over a link.
    pub fn router(&self, link: usize) -> [usize; 2] {
        [link / 4 % self.columns, link / 4 / self.columns]
    }

    /// Whether a link leads east or west.
    pub fn along_x(&self, link: usize) -> bool {
        link % 4 < 2
    }

    fn link(&self, link: usize) -> Link {
        Link {
            router: self.router(link).map(|at| at as u32),
            direction: [Direction::East, Direction::West, Direction::South, Direction::North]
                [link % 4],
        }
    }
}
