//! Refinement of the hottest link: swaps of those whose messages cross it.

use super::anneal::nearby;
use super::curves::Seats;
use super::random::Random;
use super::score::Loads;
use super::state::{NONE, State};

/// Temperature at the beginning, as a share of what the hottest link costs.
const WARMTH: f64 = 0.001;
/// How far from a core, or from one it exchanges messages with, a seat is looked for, in routers.
const REACH: usize = 3;

/// Tries `tries` swaps of cores whose messages cross the hottest link, and keeps what made all
/// messages and the weighted load of the hottest link together cost least.
pub(super) fn cool(state: &mut State, seats: &Seats, tries: usize) {
    let weight = i128::from(state.mesh.link);
    let mut random = Random::new(0x6c69_6e6b);
    let mut loads = Loads::new(state.flows, state.mesh.size, &state.router);
    let Some(mut hottest) = loads.hottest().filter(|_| weight > 0) else {
        return;
    };
    let mut crossing = crossing(state, &loads, hottest);
    let start = WARMTH * weight as f64 * loads.units[hottest] as f64;
    // Swaps since the beginning, how many of them to keep, and by how much all and these save.
    let mut swaps: Vec<[u32; 2]> = Vec::new();
    let (mut keep, mut change, mut best) = (0, 0, 0);
    for left in (0..tries).rev() {
        let left = left as f64 / tries as f64;
        let Some(pair) = proposal(state, seats, &crossing, &mut random) else {
            continue;
        };
        let delta = i128::from(state.swap_delta(pair[0], pair[1]));
        let most = loads.units[hottest];
        swap(state, &mut loads, pair);
        let now = loads.hottest();
        let load = now.map_or(0, |link| loads.units[link]);
        let delta = delta + weight * i128::from(load - most);
        if delta >= 0 && delta as f64 >= start * left * left * random.exponential() {
            swap(state, &mut loads, pair);
            continue;
        }
        swaps.push(pair);
        change += delta;
        if change < best {
            (keep, best) = (swaps.len(), change);
        }
        let Some(now) = now else {
            break;
        };
        hottest = now;
        crossing = self::crossing(state, &loads, hottest);
    }
    for pair in swaps.drain(keep..).rev() {
        state.swap(pair[0], pair[1]);
    }
}

/// Two seats: that of a core whose messages cross the hottest link, and one near it or near the
/// other end.
fn proposal(
    state: &State,
    seats: &Seats,
    crossing: &[(u32, u32)],
    random: &mut Random,
) -> Option<[u32; 2]> {
    let &(from, to) = crossing.get(random.below(crossing.len()))?;
    let ends = [from, to];
    let seat = state.seat[ends[random.below(2)] as usize];
    let around = state.router[ends[random.below(2)] as usize];
    let goal = nearby(state.mesh, seats, around, REACH, random)?;
    (seat != NONE && seat != goal).then_some([seat, goal])
}

/// Swaps who sits in two seats, and what they load the links with.
fn swap(state: &mut State, loads: &mut Loads, seats: [u32; 2]) {
    let pair = seats.map(|seat| state.node[seat as usize]);
    reroute(state, loads, pair, -1);
    state.swap(seats[0], seats[1]);
    reroute(state, loads, pair, 1);
}

/// The flows `(from, to)` that cross a link, by sender and receiver. Messages travel along x in
/// their sender's row, and along y in their receiver's column, so that only who is there is asked.
fn crossing(state: &State, loads: &Loads, link: usize) -> Vec<(u32, u32)> {
    let [x, y] = loads.router(link);
    let router = |node: u32| state.router[node as usize];
    let crosses = |from: u32, to: u32| loads.crosses(router(from), router(to), link);
    let mut list = Vec::new();
    for (node, at) in (0..).zip(&state.router) {
        if loads.along_x(link) && usize::from(at[1]) == y {
            let sent = state.flows.sent(node as usize).iter().map(|edge| (node, edge.node));
            list.extend(sent.filter(|&(from, to)| crosses(from, to)));
        } else if !loads.along_x(link) && usize::from(at[0]) == x {
            let received = state.flows.received(node as usize).iter();
            let received = received.map(|edge| (edge.node, node));
            list.extend(received.filter(|&(from, to)| crosses(from, to)));
        }
    }
    list.sort_unstable();
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
