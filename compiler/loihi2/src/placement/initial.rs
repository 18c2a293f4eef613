//! Initial placements: along lines, and by halving.

use super::curves::Seats;
use super::flows::Flows;
use super::grid::Mesh;
use super::layers::by_layer;
use super::spread::spread;
use super::state::{NONE, State};

/// Widths of lanes tried, as numbers of lanes side by side.
const LANES: usize = 12;
/// Graphs up to this many nodes are also laid by halving, whatever the lanes cost.
const SMALL: usize = 512;
/// Larger ones only where the lanes cost more than this times a rough bound.
const POOR: f64 = 2.5;

/// A placement of many cores that costs at most this times a rough bound is improved for a
/// shorter time: the grid that layers and their cores form is nearly the best there is, where
/// each only neighbours the next (measured in `spec/placement.md`).
const NEAR: f64 = 1.5;
const FEWER: usize = 8;

/// Of an initial placement that costs more than this times another one nothing better comes.
const HOPELESS: f64 = 1.3;

/// Initial placements worth improving, at least one: the best along a line of the nodes, and the one
/// by halving. `movable` are the nodes to seat, in rising order; `pins` are all
/// others, with their routers; `chip` is how many routers `[x, y]` a chip has.
pub(super) fn initial<'a>(
    flows: &'a Flows,
    mesh: &'a Mesh,
    seats: &Seats,
    chip: [usize; 2],
    movable: &[u32],
    pins: &[(u32, [u16; 2])],
) -> Vec<State<'a>> {
    let mut pinned = vec![false; flows.nodes()];
    for &(port, _) in pins {
        pinned[port as usize] = true;
    }
    let mut order = by_layer(flows);
    order.retain(|&node| !pinned[node as usize]);
    let chips = seats.chips(movable.len(), chip);
    let area = seats.corner(movable.len(), chips);
    let seated = |seat: Vec<u32>| {
        let state = State::new(flows, mesh, seat, pins);
        (state.total(), state)
    };
    let along = |curve: Vec<u32>| {
        let mut seat = vec![NONE; flows.nodes()];
        for (&node, place) in order.iter().zip(curve) {
            seat[node as usize] = place;
        }
        seated(seat)
    };
    // The first of several equally good ones, so that the order here decides, and nothing else.
    let better = |one: (i64, State<'a>), other: (i64, State<'a>)| {
        if other.0 < one.0 { other } else { one }
    };
    let mut line = along(seats.hilbert(area));
    for axis in [0, 1] {
        for lanes in 1..=LANES.min(area.to[1 - axis]) {
            line = better(line, along(seats.lanes(area, lanes, axis)));
        }
    }
    let several = [0, 1].iter().any(|&axis| chips.to[axis] > chip[axis]);
    if !several && movable.len() > SMALL && line.0 as f64 <= POOR * bound(flows, mesh) {
        return vec![line.1];
    }
    let area = if several { chips } else { area };
    let halved = seated(spread(flows, mesh, seats, chip, area, &order, pins));
    let least = line.0.min(halved.0) as f64;
    let mut all = vec![line, halved];
    all.retain(|(total, _)| *total as f64 <= HOPELESS * least);
    all.into_iter().map(|(_, state)| state).collect()
}

/// How often the cores of a placement should look around for better seats, of `visits` times:
/// less where little can be gained.
pub(super) fn visits(state: &State, movable: usize, visits: usize) -> usize {
    let near = || state.total() as f64 <= NEAR * bound(state.flows, state.mesh);
    if movable > SMALL && near() { visits.div_ceil(FEWER) } else { visits }
}

/// About the least that any placement costs: as if every node had its neighbours, all exchanging
/// the same, in the nearest routers around it, one in each. In a mesh that many routers, `d`, are
/// on average `⅔·√(d/2)` hops away.
fn bound(flows: &Flows, mesh: &Mesh) -> f64 {
    let hop = [0, 1]
        .into_iter()
        .filter_map(|axis| mesh.coordinates[axis].get(1))
        .map(|&hop| f64::from(hop))
        .fold(f64::INFINITY, f64::min);
    if !hop.is_finite() {
        return 0.0;
    }
    let twice: f64 = (0..flows.nodes())
        .map(|node| {
            let edges = flows.exchanged(node);
            let units: i64 = edges.iter().map(|edge| edge.units).sum();
            units as f64 * (edges.len() as f64 / 2.0).sqrt() * 2.0 / 3.0
        })
        .sum();
    twice / 2.0 * hop
}
