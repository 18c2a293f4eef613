//! Halving a graph so that few messages cross: multilevel, with local moves on every level.
//!
//! Source: coarsening by heavy edges as in Karypis and Kumar, A fast and high quality multilevel
//! scheme for partitioning irregular graphs, SIAM J. Sci. Comput. 20, 1998; moves as in Fiduccia
//! and Mattheyses, A linear-time heuristic for improving network partitions, DAC 1982.

use super::random::Random;
use std::collections::BinaryHeap;

/// A graph to halve. Flows between vertices are listed at both ends.
#[derive(Default)]
pub(super) struct Graph {
    /// Where each vertex begins in `edges`; one more than there are vertices.
    pub first: Vec<usize>,
    /// Neighbour and flow.
    pub edges: Vec<(u32, i64)>,
    /// How many nodes each vertex stands for.
    pub size: Vec<u32>,
    /// What it costs a vertex more to be in the second half than in the first, whatever the others
    /// do; negative where it costs less.
    pub pull: Vec<i64>,
}

/// Vertices below which a graph is halved directly.
const SMALL: usize = 48;
/// Moves without a new best after which a pass of local moves ends.
const PATIENCE: usize = 200;
const PASSES: usize = 6;
/// Lines grown from single vertices to halve a small graph.
const GROWN: usize = 8;

impl Graph {
    fn len(&self) -> usize {
        self.size.len()
    }

    fn row(&self, vertex: usize) -> &[(u32, i64)] {
        &self.edges[self.first[vertex]..self.first[vertex + 1]]
    }

    /// What a division costs: flows cut, and pulls of the second half.
    fn cost(&self, second: &[bool]) -> i64 {
        let mut twice = 0;
        let mut pulls = 0;
        for vertex in 0..self.len() {
            for &(to, units) in self.row(vertex) {
                if second[to as usize] != second[vertex] {
                    twice += units;
                }
            }
            pulls += if second[vertex] { self.pull[vertex] } else { 0 };
        }
        twice / 2 + pulls
    }
}

/// Which vertices of `graph` are in the second half, so that the sizes of the first half add up to
/// something in `least..=most`; the best of several `attempts`. `order` is a line of the vertices
/// where neighbours are near.
///
/// Vertices of size 1 always allow a division inside the limits; others may miss them narrowly.
pub(super) fn halve(
    graph: &Graph,
    order: &[u32],
    least: u64,
    most: u64,
    attempts: usize,
) -> Vec<bool> {
    let mut random = Random::new(0x6861_6c66);
    let mut best = attempt(graph, order, least, most, None);
    let mut cost = graph.cost(&best);
    for _ in 1..attempts {
        let second = attempt(graph, order, least, most, Some(&mut random));
        let now = graph.cost(&second);
        if now < cost {
            (best, cost) = (second, now);
        }
    }
    best
}

/// One division: vertices are joined until few are left, those are halved, and on the way back every
/// level is improved. With `random`, vertices are joined in a random order.
fn attempt(
    graph: &Graph,
    order: &[u32],
    least: u64,
    most: u64,
    mut random: Option<&mut Random>,
) -> Vec<bool> {
    let mut levels: Vec<(Graph, Vec<u32>)> = Vec::new();
    let total: u64 = graph.size.iter().map(|&size| u64::from(size)).sum();
    let heaviest = (total / SMALL as u64 * 3 / 2).max(1);
    let mut line: Vec<u32> = order.to_vec();
    loop {
        let last = levels.last().map_or(graph, |level| &level.0);
        if last.len() <= SMALL {
            break;
        }
        let mut turn: Vec<u32> = (0..last.len() as u32).collect();
        match &mut random {
            Some(random) => random.shuffle(&mut turn),
            // Vertices with few neighbours first: they have the least choice.
            None => turn.sort_by_key(|&vertex| last.row(vertex as usize).len()),
        }
        let (coarse, parent) = coarsen(last, &turn, heaviest);
        if coarse.len() * 20 > last.len() * 19 {
            break;
        }
        let mut seen = vec![false; coarse.len()];
        line = line
            .iter()
            .map(|&vertex| parent[vertex as usize])
            .filter(|&vertex| !std::mem::replace(&mut seen[vertex as usize], true))
            .collect();
        levels.push((coarse, parent));
    }
    let top = levels.last().map_or(graph, |level| &level.0);
    let mut second = start(top, &line, least, most);
    while let Some((_, parent)) = levels.pop() {
        second = parent.iter().map(|&vertex| second[vertex as usize]).collect();
        let fine = levels.last().map_or(graph, |level| &level.0);
        improve(fine, &mut second, least, most);
    }
    second
}

/// The best of what local moves make of several lines of the vertices, each cut once: the line
/// given, from either end, and lines that grow from single vertices.
fn start(graph: &Graph, line: &[u32], least: u64, most: u64) -> Vec<bool> {
    let total: u64 = graph.size.iter().map(|&size| u64::from(size)).sum();
    let middle = least.midpoint(most);
    let mut best: Option<(i64, Vec<bool>)> = None;
    let mut consider = |line: &[u32], mirrored: bool| {
        let goal = if mirrored { total - middle.min(total) } else { middle };
        let mut second = vec![!mirrored; graph.len()];
        let mut filled = 0;
        for &vertex in line {
            filled += u64::from(graph.size[vertex as usize]);
            if filled > goal {
                break;
            }
            second[vertex as usize] = mirrored;
        }
        improve(graph, &mut second, least, most);
        let cost = graph.cost(&second);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, second));
        }
    };
    consider(line, false);
    consider(line, true);
    // Large only where nothing could be joined; growing would then take long.
    if graph.len() <= 4 * SMALL {
        for seed in 0..GROWN.min(graph.len()) {
            let from = line[seed * graph.len() / GROWN.min(graph.len())];
            consider(&grow(graph, from), seed % 2 == 1);
        }
    }
    best.map_or_else(Vec::new, |(_, second)| second)
}

/// The vertices in the order in which they join: always the one that exchanges most with those
/// that have joined.
fn grow(graph: &Graph, from: u32) -> Vec<u32> {
    let mut exchanged = vec![0_i64; graph.len()];
    let mut line = vec![from];
    let mut joined = vec![false; graph.len()];
    joined[from as usize] = true;
    while line.len() < graph.len() {
        for &(to, units) in line.last().map_or(&[][..], |&last| graph.row(last as usize)) {
            exchanged[to as usize] += units;
        }
        let next = (0..graph.len())
            .filter(|&vertex| !joined[vertex])
            .max_by_key(|&vertex| (exchanged[vertex], std::cmp::Reverse(vertex)));
        let Some(next) = next else {
            break;
        };
        joined[next] = true;
        line.push(next as u32);
    }
    line
}

/// Joins vertices in pairs along their heaviest flows, in turn, none to more than `heaviest` nodes.
/// Also returns which coarse vertex each vertex became.
fn coarsen(graph: &Graph, turn: &[u32], heaviest: u64) -> (Graph, Vec<u32>) {
    const FREE: u32 = u32::MAX;
    let mut parent = vec![FREE; graph.len()];
    let mut members: Vec<[u32; 2]> = Vec::new();
    for &vertex in turn {
        if parent[vertex as usize] != FREE {
            continue;
        }
        let size = u64::from(graph.size[vertex as usize]);
        let partner = graph
            .row(vertex as usize)
            .iter()
            .filter(|&&(to, _)| {
                let allowed = size + u64::from(graph.size[to as usize]) <= heaviest;
                to != vertex && parent[to as usize] == FREE && allowed
            })
            .max_by_key(|&&(to, units)| {
                (units / i64::from(graph.size[to as usize]), std::cmp::Reverse(to))
            })
            .map_or(vertex, |&(to, _)| to);
        for member in [vertex, partner] {
            parent[member as usize] = members.len() as u32;
        }
        members.push([vertex, partner]);
    }
    let mut coarse = Graph { first: vec![0], ..Graph::default() };
    let mut place = vec![usize::MAX; members.len()];
    for (at, pair) in members.iter().enumerate() {
        let begin = coarse.edges.len();
        let (mut size, mut pull) = (0, 0);
        for &vertex in &pair[..if pair[0] == pair[1] { 1 } else { 2 }] {
            size += graph.size[vertex as usize];
            pull += graph.pull[vertex as usize];
            for &(to, units) in graph.row(vertex as usize) {
                let to = parent[to as usize];
                if to as usize == at {
                    continue;
                }
                let known = &mut place[to as usize];
                if *known == usize::MAX || *known < begin {
                    *known = coarse.edges.len();
                    coarse.edges.push((to, units));
                } else {
                    coarse.edges[*known].1 += units;
                }
            }
        }
        coarse.size.push(size);
        coarse.pull.push(pull);
        coarse.first.push(coarse.edges.len());
    }
    (coarse, parent)
}

/// Finds the vertex of each half with the largest gain; of several, the last one.
enum Best {
    /// Gains that were, and some that are; for graphs in which a move changes few gains.
    Heaps([BinaryHeap<(i64, u32)>; 2]),
    /// Among this many vertices, one by one: where a move changes most gains.
    Scan(usize),
}

impl Best {
    /// Vertices looked at take so much less time than gains put into a heap.
    const FASTER: usize = 8;

    fn new(graph: &Graph) -> Best {
        let vertices = graph.len();
        match graph.edges.len() * Best::FASTER > vertices * vertices {
            true => Best::Scan(vertices),
            false => Best::Heaps([BinaryHeap::new(), BinaryHeap::new()]),
        }
    }

    /// Notes a gain.
    fn push(&mut self, half: bool, gain: i64, vertex: usize) {
        if let Best::Heaps(heaps) = self {
            heaps[usize::from(half)].push((gain, vertex as u32));
        }
    }

    /// The best of a half; `gain` says which vertices can be moved from it, and theirs.
    fn peek(&mut self, half: bool, gain: impl Fn(usize) -> Option<i64>) -> Option<(i64, u32)> {
        match self {
            Best::Scan(vertices) => {
                (0..*vertices).filter_map(|v| gain(v).map(|gain| (gain, v as u32))).max()
            }
            Best::Heaps(heaps) => {
                let heap = &mut heaps[usize::from(half)];
                while let Some(&(value, vertex)) = heap.peek() {
                    if gain(vertex as usize) == Some(value) {
                        return Some((value, vertex));
                    }
                    heap.pop();
                }
                None
            }
        }
    }
}

/// Local moves, in passes: the best move of all even where it costs, each vertex at most once,
/// then back to the best division seen.
fn improve(graph: &Graph, second: &mut [bool], least: u64, most: u64) {
    let mut filled: u64 = (0..graph.len())
        .filter(|&vertex| !second[vertex])
        .map(|vertex| u64::from(graph.size[vertex]))
        .sum();
    let excess = |filled: u64| least.saturating_sub(filled) + filled.saturating_sub(most);
    // A swap goes through a division that misses the limits by one vertex.
    let slack = graph.size.iter().copied().max().map_or(0, u64::from);
    let mut gain = vec![0_i64; graph.len()];
    for _ in 0..PASSES {
        let mut best_of = Best::new(graph);
        for vertex in 0..graph.len() {
            let mut sum = 0;
            for &(to, units) in graph.row(vertex) {
                sum += if second[to as usize] == second[vertex] { -units } else { units };
            }
            let pull = graph.pull[vertex];
            gain[vertex] = sum + if second[vertex] { pull } else { -pull };
            best_of.push(second[vertex], gain[vertex], vertex);
        }
        let mut moved = vec![false; graph.len()];
        let mut moves: Vec<u32> = Vec::new();
        let (mut sum, mut best, mut keep) = (0, (excess(filled), 0), 0);
        while moves.len() < keep + PATIENCE {
            // The best of the best allowed moves of each half.
            let mut choice: Option<(i64, u32)> = None;
            for half in [false, true] {
                let best = best_of.peek(half, |vertex| {
                    (!moved[vertex] && second[vertex] == half).then(|| gain[vertex])
                });
                let Some((value, vertex)) = best else { continue };
                let at = vertex as usize;
                let size = u64::from(graph.size[at]);
                let after = if second[at] { filled + size } else { filled - size };
                let allowed = excess(after) <= slack || excess(after) < excess(filled);
                if allowed && choice.is_none_or(|(most, _)| value > most) {
                    choice = Some((value, vertex));
                }
            }
            let Some((value, vertex)) = choice else {
                break;
            };
            let at = vertex as usize;
            let size = u64::from(graph.size[at]);
            filled = if second[at] { filled + size } else { filled - size };
            second[at] = !second[at];
            moved[at] = true;
            moves.push(vertex);
            sum += value;
            for &(to, units) in graph.row(at) {
                let to = to as usize;
                if moved[to] {
                    continue;
                }
                gain[to] += if second[to] == second[at] { -2 * units } else { 2 * units };
                best_of.push(second[to], gain[to], to);
            }
            let now = (excess(filled), -sum);
            if now < best {
                best = now;
                keep = moves.len();
            }
        }
        for &vertex in &moves[keep..] {
            let at = vertex as usize;
            let size = u64::from(graph.size[at]);
            filled = if second[at] { filled + size } else { filled - size };
            second[at] = !second[at];
        }
        if keep == 0 {
            break;
        }
    }
}
