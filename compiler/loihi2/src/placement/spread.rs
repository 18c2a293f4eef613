//! An initial placement by halving: the board in two, the nodes in two so that few messages cross,
//! and so on with both halves. Chips are told apart before anything else.
//!
//! Source: Breuer, A class of min-cut placement algorithms, DAC 1977, with what lies outside a part
//! pulling at it as in Dunlop and Kernighan, A procedure for placement of standard-cell VLSI
//! circuits, IEEE Trans. CAD 4, 1985.

use super::bisect::{Graph, halve};
use super::curves::{Area, Seats};
use super::flows::Flows;
use super::grid::Mesh;
use super::state::NONE;
use std::collections::VecDeque;

/// Attempts at a division between chips, of which the best is taken; fewer where the nodes or edges
/// of all attempts would be more than these.
const ATTEMPTS: usize = 16;
const NODES: usize = 32_768;
const EDGES: usize = 2_000_000;

/// Seats of `order`'s nodes inside `area`, which has at least as many; [`NONE`] for all others.
/// `pins` are nodes that stay where they are.
pub(super) fn spread(
    flows: &Flows,
    mesh: &Mesh,
    seats: &Seats,
    chip: [usize; 2],
    area: Area,
    order: &[u32],
    pins: &[(u32, [u16; 2])],
) -> Vec<u32> {
    let mut seat = vec![NONE; flows.nodes()];
    let mut at = vec![centre(mesh, area); flows.nodes()];
    for &(node, place) in pins {
        at[node as usize] = mesh.at(place);
    }
    let mut local = vec![NONE; flows.nodes()];
    // Part after part of the same size, so that all of a part's surroundings are known equally well.
    let mut parts = VecDeque::from([(area, order.to_vec())]);
    while let Some((area, nodes)) = parts.pop_front() {
        let Some(areas) = cut(mesh, chip, area).filter(|_| !nodes.is_empty()) else {
            let free = seats.inside(area);
            for (&node, place) in nodes.iter().zip(free) {
                seat[node as usize] = place;
            }
            continue;
        };
        let room = areas.map(|area| seats.inside(area).count());
        let centres = areas.map(|area| centre(mesh, area));
        let graph = part(flows, &at, &nodes, centres, &mut local);
        let spare = (room[0] + room[1]).saturating_sub(nodes.len());
        let even = nodes.len() * room[0] / (room[0] + room[1]).max(1);
        let play = (spare / 4).min(nodes.len() / 8);
        let least = even.saturating_sub(play).max(nodes.len().saturating_sub(room[1]));
        let most = (even + play).min(room[0]).max(least);
        let line: Vec<u32> = (0..nodes.len() as u32).collect();
        // Divisions between chips cost most, and there are few of them.
        let between = borders(chip, area) != [0, 0];
        let room_for = (NODES / nodes.len()).min(EDGES / graph.edges.len().max(1));
        let attempts = if between { room_for.clamp(1, ATTEMPTS) } else { 1 };
        let second = halve(&graph, &line, least as u64, most as u64, attempts);
        let mut halves = [Vec::new(), Vec::new()];
        for (&node, &second) in nodes.iter().zip(&second) {
            // Room is what counts in the end, whatever the division says.
            let half = usize::from(second);
            let half = if halves[half].len() < room[half] { half } else { 1 - half };
            halves[half].push(node);
            at[node as usize] = centres[half];
        }
        parts.extend(areas.into_iter().zip(halves));
    }
    seat
}

/// The graph of a part, with what is outside as pulls towards one of two centres.
fn part(
    flows: &Flows,
    at: &[[i32; 2]],
    nodes: &[u32],
    centres: [[i32; 2]; 2],
    local: &mut [u32],
) -> Graph {
    for (index, &node) in nodes.iter().enumerate() {
        local[node as usize] = index as u32;
    }
    let distance = |a: [i32; 2], b: [i32; 2]| i64::from((a[0] - b[0]).abs() + (a[1] - b[1]).abs());
    let apart = distance(centres[0], centres[1]).max(1);
    let mut graph = Graph { first: vec![0], size: vec![1; nodes.len()], ..Graph::default() };
    for &node in nodes {
        let mut pull = 0;
        for edge in flows.exchanged(node as usize) {
            let to = local[edge.node as usize];
            if to == NONE {
                let place = at[edge.node as usize];
                let further = distance(place, centres[1]) - distance(place, centres[0]);
                pull += edge.units * further / apart;
            } else {
                graph.edges.push((to, edge.units));
            }
        }
        graph.pull.push(pull);
        graph.first.push(graph.edges.len());
    }
    for &node in nodes {
        local[node as usize] = NONE;
    }
    graph
}

/// An area in two: between chips where it has several, along its longer side otherwise. `None` for
/// a single router.
fn cut(mesh: &Mesh, chip: [usize; 2], area: Area) -> Option<[Area; 2]> {
    let chips = borders(chip, area);
    let length = [0, 1].map(|axis| {
        let coordinates = &mesh.coordinates[axis];
        coordinates[area.to[axis] - 1] - coordinates[area.from[axis]]
    });
    let side = [0, 1].map(|axis| area.to[axis] - area.from[axis]);
    let (axis, at) = if chips != [0, 0] {
        let axis = usize::from(chips[1] > chips[0]);
        let first = area.from[axis] / chip[axis];
        (axis, (first + chips[axis].div_ceil(2)) * chip[axis])
    } else if side != [1, 1] {
        let axis = usize::from(side[0] == 1 || side[1] > 1 && length[1] > length[0]);
        (axis, area.from[axis] + side[axis] / 2)
    } else {
        return None;
    };
    let (mut low, mut high) = (area, area);
    low.to[axis] = at;
    high.from[axis] = at;
    Some([low, high])
}

/// How many borders between chips run through an area, along each axis.
fn borders(chip: [usize; 2], area: Area) -> [usize; 2] {
    [0, 1].map(|axis| {
        let side = chip[axis].max(1);
        (area.to[axis].max(1) - 1) / side - area.from[axis] / side
    })
}

fn centre(mesh: &Mesh, area: Area) -> [i32; 2] {
    [0, 1].map(|axis| {
        let coordinates = &mesh.coordinates[axis];
        match (coordinates.get(area.from[axis]), coordinates.get(area.to[axis].max(1) - 1)) {
            (Some(&low), Some(&high)) => low.midpoint(high),
            _ => 0,
        }
    })
}
