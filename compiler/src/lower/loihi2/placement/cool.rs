//! Refinement of the hottest link: swaps of those whose messages cross it.

use super::anneal::nearby;
use super::curves::Seats;
use super::random::Random;
use super::score::Loads;
use super::state::{NONE, State};

/// Tries to swap away the load of the hottest link, `tries` times at most; what all messages cost
/// plus the weighted load of the hottest link never rises.
pub(super) fn cool(state: &mut State, seats: &Seats, tries: usize) {
    let weight = state.mesh.link;
    if weight == 0 {
        return;
    }
    let mut random = Random::new(0x6c69_6e6b);
    let mut loads = Loads::new(state.flows, state.mesh.size, &state.router);
    let mut tried = 0;
    'hottest: while let Some(hottest) = loads.hottest() {
        let crossing = crossing(state, &loads, hottest);
        // Moves around one hottest link, until one of them is good for it.
        for _ in 0..32 * crossing.len() {
            if tried >= tries {
                break 'hottest;
            }
            tried += 1;
            let (from, to) = crossing[random.below(crossing.len())];
            let node = if random.bits() & 1 == 0 { from } else { to };
            let other = if node == from { to } else { from };
            let centre = [node, other][random.below(2)];
            let (seat, around) = (state.seat[node as usize], state.router[centre as usize]);
            let Some(goal) = nearby(state.mesh, seats, around, 3, &mut random) else {
                continue;
            };
            if seat == NONE || seat == goal {
                continue;
            }
            let most = loads.units[hottest];
            let delta = state.swap_delta(seat, goal);
            let pair = [state.node[seat as usize], state.node[goal as usize]];
            reroute(state, &mut loads, pair, -1);
            state.swap(seat, goal);
            reroute(state, &mut loads, pair, 1);
            let now = loads.hottest().map_or(0, |link| loads.units[link]);
            if delta + weight * (now - most) < 0 {
                continue 'hottest;
            }
            reroute(state, &mut loads, pair, -1);
            state.swap(seat, goal);
            reroute(state, &mut loads, pair, 1);
        }
        break;
    }
}

/// The flows `(from, to)` that cross a link.
fn crossing(state: &State, loads: &Loads, link: usize) -> Vec<(u32, u32)> {
    let mut list = Vec::new();
    for (node, &from) in (0..).zip(&state.router) {
        for edge in state.flows.sent(node as usize) {
            if loads.crosses(from, state.router[edge.node as usize], link) {
                list.push((node, edge.node));
            }
        }
    }
    list
}

/// Adds (`sign` 1) or takes away (−1) the loads of all that two nodes send and receive.
fn reroute(state: &State, loads: &mut Loads, pair: [u32; 2], sign: i64) {
    for node in pair.into_iter().filter(|&node| node != NONE) {
        let own = state.router[node as usize];
        for edge in state.flows.sent(node as usize) {
            loads.add(own, state.router[edge.node as usize], sign * edge.units);
        }
        for edge in state.flows.received(node as usize) {
            // What the pair exchanges has been counted as sent.
            if !pair.contains(&edge.node) {
                loads.add(state.router[edge.node as usize], own, sign * edge.units);
            }
        }
    }
}
