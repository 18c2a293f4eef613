//! What travels over the mesh in a step: messages, hops, the load of every link.
//!
//! A spike is one message to each core that has synapses of it, and one to the host where an
//! output sends it there. Messages go along the row first and then along the column (X-Y
//! routing, basis P), on a board as if the routers of all its chips were one mesh. Those of
//! the host enter and leave at chip 0, router `[0, 0]` (basis E).

use super::mapped::{End, Mapped};
use super::profile::Figures;
use super::site::Site;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most routers of a mesh: more than three times the largest board has.
pub const MOST_ROUTERS: u64 = 1 << 17;

/// A number with the 12 digits that are known of it: sums over thousands of neurons are not
/// better than that.
pub fn rounded(x: f64) -> f64 {
    format!("{x:.11e}").parse().unwrap_or(x)
}

/// Messages and hops per step, each [`rounded`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// All messages.
    pub messages: f64,
    /// Those that stay on their core.
    pub same_core: f64,
    /// Those that the host sends.
    pub from_host: f64,
    /// Those that go to the host.
    pub to_host: f64,
    /// Messages times hops, east-west and north-south.
    pub hops: [f64; 2],
    /// Messages times borders of chips that they cross.
    pub chip_hops: f64,
    /// Messages whose ends are on different chips.
    pub interchip: f64,
    /// Links in use, the hottest first.
    pub links: Vec<(Link, f64)>,
    /// Chips in use, ascending.
    pub chips: Vec<ChipTraffic>,
}

/// A way out of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The chip, row by row over the board.
    pub chip: u32,
    /// Column and row of the router on it.
    pub router: [u32; 2],
    /// Where to.
    pub direction: Direction,
}

/// The next column or row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Column + 1.
    East,
    /// Column - 1.
    West,
    /// Row + 1.
    North,
    /// Row - 1.
    South,
}

/// The messages of one chip, the host's included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipTraffic {
    /// Its number.
    pub chip: u32,
    /// Cores in use.
    pub cores: u64,
    /// Routers with cores in use.
    pub routers: u64,
    /// Messages per step between its cores.
    pub within: f64,
    /// Messages per step that come from elsewhere.
    pub received: f64,
    /// Messages per step that go elsewhere.
    pub sent: f64,
}

/// A place in the mesh of all chips.
type At = [u64; 2];

struct Mesh<'a> {
    figures: &'a Figures,
    /// Columns of chips.
    columns: u64,
    /// Columns of routers, over all chips.
    width: u64,
    /// Messages over the four links of each router, row by row.
    loads: Vec<[f64; 4]>,
}

/// Where the host's messages enter and leave.
const HOST: At = [0, 0];

fn place(site: &Site, columns: u64, f: &Figures) -> At {
    let chip = u64::from(site.chip);
    [
        chip % columns * f.routers_x + u64::from(site.router[0]),
        chip / columns * f.routers_y + u64::from(site.router[1]),
    ]
}

/// How many routers the mesh from the host's to the farthest of these places has; none where
/// the number is too large to count.
pub fn routers(sites: &[Site], chips: [u32; 2], f: &Figures) -> Option<u64> {
    let columns = u64::from(chips[0]).max(1);
    let most = |axis: usize| sites.iter().map(|s| place(s, columns, f)[axis] + 1).max();
    most(0).unwrap_or(1).checked_mul(most(1).unwrap_or(1))
}

impl Traffic {
    /// The traffic between cores at these places, on a board with `chips` columns and rows.
    /// The mesh must have no more than [`MOST_ROUTERS`].
    pub fn of(mapped: &Mapped, sites: &[Site], chips: [u32; 2], f: &Figures) -> Traffic {
        let columns = u64::from(chips[0]).max(1);
        let at: Vec<At> = sites.iter().map(|site| place(site, columns, f)).collect();
        let width = at.iter().map(|at| at[0] + 1).max().unwrap_or(1);
        let height = at.iter().map(|at| at[1] + 1).max().unwrap_or(1);
        let loads = vec![[0.0; 4]; (width * height) as usize];
        let mut mesh = Mesh { figures: f, columns, width, loads };
        let mut traffic = Traffic::default();
        let mut by_chip: BTreeMap<u32, ChipTraffic> = BTreeMap::new();
        let mut tiles = BTreeSet::new();
        for site in sites {
            let chip = by_chip.entry(site.chip).or_default();
            chip.cores += 1;
            chip.routers += u64::from(tiles.insert((site.chip, site.router)));
        }
        let mut send = |from: Option<usize>, to: Option<usize>, messages: f64| {
            let place = |core: Option<usize>| core.map_or(HOST, |c| at[c]);
            traffic.messages += messages;
            match (from, to) {
                (None, _) => traffic.from_host += messages,
                (_, None) => traffic.to_host += messages,
                (a, b) if a == b => traffic.same_core += messages,
                _ => {}
            }
            traffic.add_path(&mut mesh, place(from), place(to), messages);
            let chip = |core: Option<usize>| core.map(|c| sites[c].chip);
            match (chip(from), chip(to)) {
                (Some(a), Some(b)) if a == b => {
                    by_chip.entry(a).or_default().within += messages;
                }
                (a, b) => {
                    if a.is_some() && b.is_some() {
                        traffic.interchip += messages;
                    }
                    a.into_iter().for_each(|a| by_chip.entry(a).or_default().sent += messages);
                    b.into_iter().for_each(|b| by_chip.entry(b).or_default().received += messages);
                }
            }
        };
        for route in &mapped.host {
            send(None, Some(route.to as usize), route.messages);
        }
        for (core, used) in mapped.cores.iter().enumerate() {
            for route in &used.axons_out {
                let to = match route.to {
                    End::Core(to) => Some(to as usize),
                    End::Host => None,
                };
                send(Some(core), to, route.messages);
            }
        }
        for x in [
            &mut traffic.messages,
            &mut traffic.same_core,
            &mut traffic.from_host,
            &mut traffic.to_host,
            &mut traffic.chip_hops,
            &mut traffic.interchip,
        ] {
            *x = rounded(*x);
        }
        traffic.hops = traffic.hops.map(rounded);
        traffic.links = mesh.links();
        let chip = |(chip, of): (u32, ChipTraffic)| ChipTraffic {
            chip,
            within: rounded(of.within),
            received: rounded(of.received),
            sent: rounded(of.sent),
            ..of
        };
        traffic.chips = by_chip.into_iter().map(chip).collect();
        traffic
    }

    /// All hops.
    pub fn all_hops(&self) -> f64 {
        rounded(self.hops[0] + self.hops[1])
    }

    fn add_path(&mut self, mesh: &mut Mesh, from: At, to: At, messages: f64) {
        let mut at = from;
        for axis in [0, 1] {
            let forward = to[axis] > at[axis];
            let size = [mesh.figures.routers_x, mesh.figures.routers_y][axis];
            self.hops[axis] += messages * to[axis].abs_diff(at[axis]) as f64;
            let borders = (to[axis] / size).abs_diff(at[axis] / size);
            self.chip_hops += messages * borders as f64;
            while at[axis] != to[axis] {
                let link = 2 * axis + usize::from(!forward);
                mesh.loads[(at[1] * mesh.width + at[0]) as usize][link] += messages;
                at[axis] = if forward { at[axis] + 1 } else { at[axis] - 1 };
            }
        }
    }
}

impl Mesh<'_> {
    fn links(&self) -> Vec<(Link, f64)> {
        let directions = [Direction::East, Direction::West, Direction::North, Direction::South];
        let [rx, ry] = [self.figures.routers_x, self.figures.routers_y];
        let mut links = Vec::new();
        for (tile, loads) in self.loads.iter().enumerate() {
            let [x, y] = [tile as u64 % self.width, tile as u64 / self.width];
            let chip = (y / ry * self.columns + x / rx) as u32;
            let router = [(x % rx) as u32, (y % ry) as u32];
            for (direction, load) in directions.into_iter().zip(loads) {
                if *load > 0.0 {
                    links.push((Link { chip, router, direction }, rounded(*load)));
                }
            }
        }
        links.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn messages_go_along_the_row_and_then_along_the_column() {
        let plan = fixtures::conv();
        let traffic = &plan.traffic;
        // Core 2 is at [0, 0] and core 40 at [2, 2] of chip 0, core 205 at [4, 3] of chip 1. The
        // host sends 7 messages to the first and 14.5 to the second; they send 3.5 and 5.5 to the
        // third, which sends 4 neurons' 0.5 to the host.
        assert_eq!(traffic.messages, 7.0 + 14.5 + 3.5 + 5.5 + 0.5);
        assert_eq!((traffic.from_host, traffic.to_host, traffic.same_core), (21.5, 0.5, 0.0));
        assert_eq!(traffic.hops[0], 14.5 * 2.0 + 3.5 * 12.0 + 5.5 * 10.0 + 0.5 * 12.0);
        assert_eq!(traffic.hops[1], 14.5 * 2.0 + 3.5 * 3.0 + 5.5 * 1.0 + 0.5 * 3.0);
        assert_eq!((traffic.chip_hops, traffic.interchip), (3.5 + 5.5 + 0.5, 3.5 + 5.5));
        let load = |chip, router, direction| {
            let link = Link { chip, router, direction };
            traffic.links.iter().find(|(l, _)| *l == link).map(|(_, load)| *load)
        };
        assert_eq!(load(0, [0, 0], Direction::East), Some(14.5 + 3.5));
        assert_eq!(load(0, [7, 2], Direction::East), Some(5.5));
        assert_eq!(load(1, [0, 0], Direction::West), None, "to the host along row 3");
        assert_eq!(load(1, [0, 3], Direction::West), Some(0.5));
        assert_eq!(load(1, [4, 2], Direction::North), Some(3.5 + 5.5));
        assert_eq!(traffic.links[0].1, 18.0);
        let on_links: f64 = traffic.links.iter().map(|(_, load)| load).sum();
        assert_eq!(on_links, traffic.all_hops());
        let chip = |chip, cores, routers, within, received, sent| ChipTraffic {
            chip,
            cores,
            routers,
            within,
            received,
            sent,
        };
        assert_eq!(traffic.chips, [chip(0, 2, 2, 0.0, 21.5, 9.0), chip(1, 1, 1, 0.0, 9.0, 0.5)]);
    }

    #[test]
    fn numbers_keep_twelve_digits() {
        assert_eq!(rounded(0.1 + 0.2), 0.3);
        assert_eq!(rounded(1.0 / 3.0), 0.333333333333);
        assert_eq!((rounded(0.0), rounded(-1e300)), (0.0, -1e300));
    }
}
