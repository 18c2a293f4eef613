//! Refinement: swaps of two seats, accepted while it is warm even where they cost a little.
//!
//! Source: Kirkpatrick, Gelatt and Vecchi, Optimization by simulated annealing, Science 220, 1983.

use super::curves::{Area, Seats};
use super::grid::Mesh;
use super::random::Random;
use super::state::State;
use super::tables::Tables;

/// Temperature at the beginning, as a share of what one node's messages cost on average.
const WARMTH: f64 = 0.15;

/// How far from the middle of a window seats are looked at, in routers.
const REACH: usize = 2;
/// Seats of a window tried in earnest.
const TRIED: usize = 4;

/// Improves `state` in place: each of the `movable` nodes looks `visits` times for a better seat.
pub(super) fn anneal(state: &mut State, seats: &Seats, movable: &[u32], visits: usize) {
    let mut random = Random::new(0x736e_6e63);
    let mut tables = Tables::new();
    let start = WARMTH * state.total() as f64 / movable.len().max(1) as f64;
    for visit in (1..=visits).rev() {
        let left = visit as f64 / visits as f64;
        let temperature = start * left * left;
        for &node in movable {
            look(state, seats, node, temperature, &mut tables, &mut random);
        }
    }
}

/// Lets a node swap with the seat that it likes best of those around itself, or around one of those
/// it exchanges messages with, if both together save.
fn look(
    state: &mut State,
    seats: &Seats,
    node: u32,
    temperature: f64,
    tables: &mut Tables,
    random: &mut Random,
) {
    let edges = state.flows.exchanged(node as usize);
    let own = state.router[node as usize];
    let from = state.at[node as usize];
    let mut centre = own;
    if random.bits() & 1 == 1 && !edges.is_empty() {
        centre = state.router[edges[random.below(edges.len())].node as usize];
    }
    let size = state.mesh.size;
    let centre = centre.map(usize::from);
    let area = Area {
        from: centre.map(|at| at.saturating_sub(REACH)),
        to: [0, 1].map(|axis| (centre[axis] + REACH + 1).min(size[axis])),
    };
    tables.fill(state, node as usize, area);
    let now = state.cost_at(node as usize, from);
    let mut best = [(f64::INFINITY, 0, 0); TRIED];
    for y in area.from[1]..area.to[1] {
        for x in area.from[0]..area.to[0] {
            if [x, y] == own.map(usize::from) {
                continue;
            }
            let delta = tables.cost([x, y]) - now;
            for &seat in seats.at(x, y) {
                let value = delta as f64 + temperature * random.exponential();
                let mut entry = (value, delta, seat);
                for place in &mut best {
                    if entry.0 < place.0 {
                        std::mem::swap(place, &mut entry);
                    }
                }
            }
        }
    }
    for (value, delta, seat) in best {
        if value == f64::INFINITY {
            return;
        }
        let to = state.mesh.at(state.mesh.routers[seat as usize]);
        let other = state.node[seat as usize];
        let delta = delta + state.answer(other, to, from, node);
        if delta < 0 || (delta as f64) < temperature * random.exponential() {
            state.swap(state.seat[node as usize], seat);
            return;
        }
    }
}

/// A seat at most `reach` routers away from a router, on each axis.
pub(super) fn nearby(
    mesh: &Mesh,
    seats: &Seats,
    around: [u16; 2],
    reach: usize,
    random: &mut Random,
) -> Option<u32> {
    let [x, y] = [0, 1].map(|axis| {
        let at = usize::from(around[axis]);
        let low = at.saturating_sub(reach);
        let high = (at + reach + 1).min(mesh.size[axis]);
        low + random.below(high - low)
    });
    let there = seats.at(x, y);
    there.get(random.below(there.len())).copied()
}
