//! Where cores can be: sites of a board, and what a message between them costs.

use super::super::site::Site;
use super::flows::{bits, power_of_two};
use super::{Costs, PlacementError};

/// A board: chips in a grid, each a mesh of routers with cores. Messages travel along x first and
/// then along y, from a chip to its neighbour over the routers that face each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Chips `[columns, rows]`.
    pub chips: [u32; 2],
    /// Routers of one chip `[columns, rows]`.
    pub routers: [u32; 2],
    /// Cores at one router.
    pub slots: u32,
    /// Sites that must stay empty, in any order: broken, or taken by something else.
    pub bad: Vec<Site>,
}

/// More sites than any machine has; a larger board is refused before memory is spent on it.
pub(super) const MOST_SITES: usize = 1 << 24;
/// Costs of the longest way, summed up, stay below two to this: times the flows of
/// [`super::Flows`], 2⁴⁰ units, everything fits an `i64`.
const SPAN_BITS: i32 = 20;
/// Shorter boards than this count as having no length at all.
const FINEST_SPAN: f64 = 1e-9;

impl Grid {
    /// Columns and rows of routers of the whole board.
    pub(super) fn size(&self) -> Result<[usize; 2], PlacementError> {
        let sides = [0, 1].map(|axis| u64::from(self.chips[axis]) * u64::from(self.routers[axis]));
        let sites = sides[0]
            .checked_mul(sides[1])
            .and_then(|routers| routers.checked_mul(u64::from(self.slots.max(1))));
        match sites {
            Some(sites)
                if sites <= MOST_SITES as u64 && sides.iter().all(|&side| side <= 1 << 16) =>
            {
                Ok(sides.map(|side| side as usize))
            }
            _ => Err(PlacementError::GridTooLarge),
        }
    }

    /// Router of a site on the whole board `[x, y]`; `None` where the board has no such router.
    pub(super) fn router(&self, site: Site) -> Option<[u16; 2]> {
        let on_chip = site.router[0] < self.routers[0] && site.router[1] < self.routers[1];
        if !on_chip || u64::from(site.chip) >= u64::from(self.chips[0]) * u64::from(self.chips[1]) {
            return None;
        }
        let chip = [site.chip % self.chips[0], site.chip / self.chips[0]];
        Some([0, 1].map(|axis| (chip[axis] * self.routers[axis] + site.router[axis]) as u16))
    }

    /// The site of a slot at a router of the whole board.
    fn site(&self, router: [usize; 2], slot: u32) -> Site {
        let size = self.routers.map(|side| side as usize);
        let chip = [router[0] / size[0], router[1] / size[1]];
        Site {
            chip: (chip[0] + chip[1] * self.chips[0] as usize) as u32,
            router: [(router[0] % size[0]) as u32, (router[1] % size[1]) as u32],
            slot,
        }
    }
}

/// A board as the algorithms see it: seats with coordinates.
///
/// A coordinate is what messages cost up to that column or row, so that a message between two
/// routers costs `|x − x'| + |y − y'|`, whichever chips they are on.
#[derive(Clone, Debug)]
pub(super) struct Mesh {
    /// Columns and rows of routers of the board.
    pub size: [usize; 2],
    /// Coordinates of the columns, and of the rows; both rise.
    pub coordinates: [Vec<i32>; 2],
    /// Usable sites, sorted.
    pub sites: Vec<Site>,
    /// Router `[x, y]` of each usable site.
    pub routers: Vec<[u16; 2]>,
    /// Weight of one message on the hottest link, in units of the coordinates.
    pub link: i64,
}

impl Mesh {
    pub fn new(grid: &Grid, costs: &Costs) -> Result<Mesh, PlacementError> {
        let size = grid.size()?;
        let mut bad: Vec<Site> = grid.bad.clone();
        bad.sort_unstable();
        let mut sites = Vec::with_capacity(size[0] * size[1] * grid.slots as usize);
        for y in 0..size[1] {
            for x in 0..size[0] {
                for slot in 0..grid.slots {
                    let site = grid.site([x, y], slot);
                    if bad.binary_search(&site).is_err() {
                        sites.push(site);
                    }
                }
            }
        }
        sites.sort_unstable();
        let routers = sites.iter().filter_map(|&site| grid.router(site)).collect();
        let steps = costs.checked()?;
        let lengths = [0, 1].map(|axis| cumulative(grid, size, axis, &steps));
        let span: f64 = lengths.iter().filter_map(|axis| axis.last()).sum();
        let scale = power_of_two(SPAN_BITS - bits(span.max(FINEST_SPAN)));
        Ok(Mesh {
            size,
            coordinates: lengths
                .map(|axis| axis.iter().map(|at| (at * scale).round() as i32).collect()),
            sites,
            routers,
            link: (costs.link * scale).round() as i64,
        })
    }

    /// Coordinates of a router.
    pub fn at(&self, router: [u16; 2]) -> [i32; 2] {
        [self.coordinates[0][usize::from(router[0])], self.coordinates[1][usize::from(router[1])]]
    }
}

/// Costs of the way from column (or row) 0 to each column (or row).
fn cumulative(grid: &Grid, size: [usize; 2], axis: usize, costs: &Costs) -> Vec<f64> {
    let hop = [costs.hop_x, costs.hop_y][axis];
    let mut sum = 0.0;
    (0..size[axis])
        .map(|at| {
            if at > 0 {
                let crossing = at % grid.routers[axis] as usize == 0;
                sum += if crossing { costs.chip_hop } else { hop };
            }
            sum
        })
        .collect()
}
