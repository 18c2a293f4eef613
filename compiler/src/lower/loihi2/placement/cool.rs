//! Refinement of the hottest link: swaps of those whose messages cross it.

use super::anneal::nearby;
use super::curves::Seats;
use super::flows::Flows;
use super::random::Random;
use super::score::Loads;
use super::state::{NONE, State};

/// Tries to swap away the load of the hottest link, `tries` times at most; what all messages cost
/// plus the weighted load of the hottest link never rises.
///
/// `routers` are the routers of all nodes, ports included; those of nodes that move are updated.
pub(super) fn cool(state: &mut State, seats: &Seats, routers: &mut [[usize; 2]], tries: usize) {
    let weight = state.mesh.link;
    if weight == 0 {
        return;
    }
    let mut random = Random::new(0x6c69_6e6b);
    let mut loads = Loads::new(state.flows, state.mesh.size, routers);
    let mut tried = 0;
    'hottest: while let Some(hottest) = loads.hottest() {
        let crossing = crossing(state.flows, &loads, routers, hottest);
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
            let (seat, around) = (state.seat[node as usize], routers[centre as usize]);
            let Some(goal) = nearby(state.mesh, seats, around, 3, &mut random) else {
                continue;
            };
            if seat == NONE || seat == goal {
                continue;
            }
            let most = loads.units[hottest];
            let delta = state.swap_delta(seat, goal);
            let pair = [state.node[seat as usize], state.node[goal as usize]];
            reroute(state.flows, &mut loads, routers, pair, -1);
            state.swap(seat, goal);
            locate(state, routers, pair);
            reroute(state.flows, &mut loads, routers, pair, 1);
            let now = loads.hottest().map_or(0, |link| loads.units[link]);
            if delta + weight * (now - most) < 0 {
                continue 'hottest;
            }
            reroute(state.flows, &mut loads, routers, pair, -1);
            state.swap(seat, goal);
            locate(state, routers, pair);
            reroute(state.flows, &mut loads, routers, pair, 1);
        }
        break;
    }
}

/// The flows `(from, to)` that cross a link.
fn crossing(flows: &Flows, loads: &Loads, routers: &[[usize; 2]], link: usize) -> Vec<(u32, u32)> {
    let mut list = Vec::new();
    for (node, &from) in routers.iter().enumerate() {
        for edge in flows.sent(node) {
            if loads.crosses(from, routers[edge.node as usize], link) {
                list.push((node as u32, edge.node));
            }
        }
    }
    list
}

/// Adds (`sign` 1) or takes away (−1) the loads of all that two nodes send and receive.
fn reroute(flows: &Flows, loads: &mut Loads, routers: &[[usize; 2]], pair: [u32; 2], sign: i64) {
    for node in pair.into_iter().filter(|&node| node != NONE) {
        let own = routers[node as usize];
        for edge in flows.sent(node as usize) {
            loads.add(own, routers[edge.node as usize], sign * edge.units);
        }
        for edge in flows.received(node as usize) {
            // What the pair exchanges has been counted as sent.
            if !pair.contains(&edge.node) {
                loads.add(routers[edge.node as usize], own, sign * edge.units);
            }
        }
    }
}

fn locate(state: &State, routers: &mut [[usize; 2]], pair: [u32; 2]) {
    for node in pair.into_iter().filter(|&node| node != NONE) {
        let seat = state.seat[node as usize] as usize;
        routers[node as usize] = state.mesh.routers[seat].map(usize::from);
    }
}
