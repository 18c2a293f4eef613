//! Refinement: cores that do not talk to each other trade all their seats at once, in the best way.
//!
//! What such a core's messages cost depends on its own seat only, so the best way is an assignment
//! problem. Source: the cell matching of Chen, Jiang, Hsu, Chen and Chang, NTUplace3,
//! IEEE Trans. CAD 27, 2008.

use super::assign::Assignment;
use super::curves::{Area, Seats};
use super::state::{NONE, State};
use super::tables::Tables;

/// Cores in a group.
const GROUP: usize = 64;
/// Seats looked at to fill a group.
const WINDOW: usize = 3 * GROUP;

/// Columns or rows in a lane along which groups are gathered.
const LANE: usize = 12;

/// Gathers groups and lets them trade, and keeps its memory in between.
pub(super) struct Groups {
    /// Orders of seats along which groups are gathered.
    curves: Vec<Vec<u32>>,
    assignment: Assignment,
    tables: Tables,
    /// Group in which each node last neighboured a member.
    stamp: Vec<u64>,
    round: u64,
    /// The group.
    nodes: Vec<u32>,
    seats: Vec<u32>,
    /// `[nodes, seats]`.
    cost: Vec<i64>,
}

impl Groups {
    pub fn new(seats: &Seats) -> Self {
        let size = seats.mesh.size;
        let board = Area { from: [0; 2], to: size };
        Groups {
            curves: vec![
                seats.hilbert(board),
                seats.lanes(board, size[0].div_ceil(LANE), 1),
                seats.lanes(board, size[1].div_ceil(LANE), 0),
            ],
            assignment: Assignment::default(),
            tables: Tables::new(),
            stamp: Vec::new(),
            round: 0,
            nodes: Vec::new(),
            seats: Vec::new(),
            cost: Vec::new(),
        }
    }

    /// Lets every core trade seats in one group along each curve.
    pub fn trade(&mut self, state: &mut State) {
        self.stamp.resize(state.seat.len(), 0);
        for curve in std::mem::take(&mut self.curves) {
            self.along(state, &curve);
            self.curves.push(curve);
        }
    }

    fn along(&mut self, state: &mut State, curve: &[u32]) {
        let mut done = vec![false; curve.len()];
        let mut begin = 0;
        while begin < curve.len() {
            self.gather(state, curve, begin, &mut done);
            while done.get(begin) == Some(&true) {
                begin += 1;
            }
            self.assign(state);
        }
    }

    /// Fills a group with seats from `begin` on that were in none yet: empty ones, and those of
    /// cores that do not talk to the cores of the group.
    fn gather(&mut self, state: &State, curve: &[u32], begin: usize, done: &mut [bool]) {
        self.round += 1;
        self.seats.clear();
        self.nodes.clear();
        for place in begin..curve.len().min(begin + WINDOW) {
            let node = state.node[curve[place] as usize];
            if done[place] || node != NONE && self.stamp[node as usize] == self.round {
                continue;
            }
            if self.seats.len() == GROUP {
                return;
            }
            done[place] = true;
            self.seats.push(curve[place]);
            if node != NONE {
                self.nodes.push(node);
                for edge in state.flows.exchanged(node as usize) {
                    self.stamp[edge.node as usize] = self.round;
                }
            }
        }
    }

    fn assign(&mut self, state: &mut State) {
        if self.nodes.is_empty() || self.seats.len() < 2 {
            return;
        }
        let mesh = state.mesh;
        let routers = self.seats.iter().map(|&seat| mesh.routers[seat as usize].map(usize::from));
        let mut area = Area { from: mesh.size, to: [0; 2] };
        for router in routers {
            for axis in [0, 1] {
                area.from[axis] = area.from[axis].min(router[axis]);
                area.to[axis] = area.to[axis].max(router[axis] + 1);
            }
        }
        self.cost.clear();
        for &node in &self.nodes {
            self.tables.fill(state, node as usize, area);
            for &seat in &self.seats {
                let router = mesh.routers[seat as usize].map(usize::from);
                self.cost.push(self.tables.cost(router));
            }
        }
        let columns = self.assignment.solve(&self.cost, self.nodes.len(), self.seats.len());
        for &seat in &self.seats {
            state.node[seat as usize] = NONE;
        }
        for (&node, &column) in self.nodes.iter().zip(columns) {
            state.put(self.seats[column], node);
        }
    }
}
