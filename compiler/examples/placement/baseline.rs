//! The placement that ours is compared with: along the Hilbert curve, then swaps of neighbours by
//! the tension between them, after Jin et al., Mapping very large scale spiking neuron network to
//! neuromorphic hardware, ASPLOS 2023. Written from the description in the paper.

use crate::graphs::Edge;

/// The share of the tense pairs that swap in one iteration.
const SHARE: f64 = 0.3;

/// Places the nodes of a graph on a `side × side` mesh, `side` a power of two. Returns `[x, y]` of
/// each node.
pub fn place(side: usize, nodes: usize, edges: &[Edge]) -> Vec<[i32; 2]> {
    let mut state = State::new(side, nodes, edges);
    loop {
        let mut tense = state.tense();
        if tense.is_empty() {
            return state.at;
        }
        tense.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let count = (tense.len() as f64 * SHARE).ceil() as usize;
        for &(_, [from, to]) in &tense[..count] {
            // Earlier swaps of the iteration may have relieved it.
            if state.tension(from, to) > TINY {
                state.swap(from, to);
            }
        }
    }
}

/// Below it, a tension may be a rounding error and swap for ever.
const TINY: f64 = 1e-9;

struct State {
    side: usize,
    /// Neighbours of each node, both directions.
    neighbours: Vec<Vec<(u32, f64)>>,
    at: Vec<[i32; 2]>,
    /// Node in each cell, row by row.
    cell: Vec<Option<u32>>,
}

impl State {
    fn new(side: usize, nodes: usize, edges: &[Edge]) -> Self {
        let mut neighbours = vec![Vec::new(); nodes];
        for &(from, to, weight) in edges {
            neighbours[from as usize].push((to, weight));
            neighbours[to as usize].push((from, weight));
        }
        let mut cell = vec![None; side * side];
        let mut at = Vec::new();
        for node in 0..nodes {
            let [x, y] = hilbert(side, node);
            cell[y * side + x] = Some(node as u32);
            at.push([x as i32, y as i32]);
        }
        State { side, neighbours, at, cell }
    }

    /// Neighbouring cells whose swap would save, with how much.
    fn tense(&self) -> Vec<(f64, [usize; 2])> {
        let mut pairs = Vec::new();
        for from in 0..self.cell.len() {
            for (to, inside) in [
                (from + 1, from % self.side + 1 < self.side),
                (from + self.side, from / self.side + 1 < self.side),
            ] {
                if inside {
                    let tension = self.tension(from, to);
                    if tension > TINY {
                        pairs.push((tension, [from, to]));
                    }
                }
            }
        }
        pairs
    }

    fn tension(&self, from: usize, to: usize) -> f64 {
        self.pull(from, to) + self.pull(to, from)
    }

    /// What the node in cell `from` would save in `to`.
    fn pull(&self, from: usize, to: usize) -> f64 {
        let Some(node) = self.cell[from] else {
            return 0.0;
        };
        let [a, b] = [from, to].map(|cell| [(cell % self.side) as i32, (cell / self.side) as i32]);
        let distance = |p: [i32; 2], q: [i32; 2]| (p[0] - q[0]).abs() + (p[1] - q[1]).abs();
        self.neighbours[node as usize]
            .iter()
            .filter(|&&(other, _)| Some(other) != self.cell[to])
            .map(|&(other, weight)| {
                let place = self.at[other as usize];
                weight * f64::from(distance(a, place) - distance(b, place))
            })
            .sum()
    }

    fn swap(&mut self, from: usize, to: usize) {
        self.cell.swap(from, to);
        for cell in [from, to] {
            if let Some(node) = self.cell[cell] {
                self.at[node as usize] = [(cell % self.side) as i32, (cell / self.side) as i32];
            }
        }
    }
}

/// The cell a way along the Hilbert curve of a square leads to.
fn hilbert(side: usize, index: usize) -> [usize; 2] {
    let (mut x, mut y) = (0, 0);
    let mut rest = index;
    let mut size = 1;
    while size < side {
        let right = (rest / 2) & 1;
        let low = (rest ^ right) & 1;
        if low == 0 {
            if right == 1 {
                (x, y) = (size - 1 - x, size - 1 - y);
            }
            (x, y) = (y, x);
        }
        x += size * right;
        y += size * low;
        rest /= 4;
        size *= 2;
    }
    [x, y]
}
