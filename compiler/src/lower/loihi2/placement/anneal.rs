//! Refinement: swaps of two seats, accepted while it is warm even where they cost a little.
//!
//! Source: Kirkpatrick, Gelatt and Vecchi, Optimization by simulated annealing, Science 220, 1983;
//! moves towards the neighbours of a node as in Betz and Rose, VPR, FPL 1997.

use super::curves::Seats;
use super::grid::Mesh;
use super::random::Random;
use super::state::{NONE, State};

/// Temperature at the beginning, as a share of what one node's messages cost on average.
const WARMTH: f64 = 0.1;
/// Times the temperature is lowered.
const ROUNDS: usize = 64;

/// Improves `state` in place: `tries` swaps for each of the `movable` nodes. Returns by how much the
/// total changed.
pub(super) fn anneal(state: &mut State, seats: &Seats, movable: &[u32], tries: usize) -> i64 {
    let mut random = Random::new(0x736e_6e63);
    let steps = tries.saturating_mul(movable.len()).div_ceil(ROUNDS);
    let start = WARMTH * state.total() as f64 / movable.len().max(1) as f64;
    let mut change = 0;
    for round in (1..=ROUNDS).rev() {
        let left = round as f64 / ROUNDS as f64;
        let temperature = start * left * left;
        for _ in 0..steps {
            let node = movable[random.below(movable.len())] as usize;
            let Some((from, to)) = proposal(state, seats, node, &mut random) else {
                continue;
            };
            let delta = state.swap_delta(from, to);
            if delta <= 0 || (delta as f64) < temperature * random.exponential() {
                state.swap(from, to);
                change += delta;
            }
        }
    }
    change
}

/// A seat near the node itself, or near one of those it exchanges messages with.
fn proposal(state: &State, seats: &Seats, node: usize, random: &mut Random) -> Option<(u32, u32)> {
    let from = state.seat[node];
    let edges = state.flows.exchanged(node);
    let bits = random.bits();
    let mut centre = from;
    let mut reach = 1 + (bits >> 8) as usize % 3;
    if bits & 1 == 1 && !edges.is_empty() {
        let seat = state.seat[edges[random.below(edges.len())].node as usize];
        if seat != NONE {
            centre = seat;
            reach = 1 + (bits >> 8) as usize % 2;
        }
    }
    let around = state.mesh.routers[centre as usize].map(usize::from);
    let seat = nearby(state.mesh, seats, around, reach, random)?;
    (seat != from).then_some((from, seat))
}

/// A seat at most `reach` routers away from a router, on each axis.
pub(super) fn nearby(
    mesh: &Mesh,
    seats: &Seats,
    around: [usize; 2],
    reach: usize,
    random: &mut Random,
) -> Option<u32> {
    let [x, y] = [0, 1].map(|axis| {
        let low = around[axis].saturating_sub(reach);
        let high = (around[axis] + reach + 1).min(mesh.size[axis]);
        low + random.below(high - low)
    });
    let there = seats.at(x, y);
    there.get(random.below(there.len())).copied()
}
