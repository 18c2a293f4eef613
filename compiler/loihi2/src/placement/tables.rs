//! What the messages of one node cost from every router of an area, at once.

use super::curves::Area;
use super::state::State;

/// Costs of a node along each axis, from each column and each row of an area: distances along x
/// and y add up, so two short tables say it for every router.
pub(super) struct Tables {
    from: [usize; 2],
    cost: [Vec<i64>; 2],
    /// Units exchanged with each column and each row.
    units: [Vec<i64>; 2],
}

impl Tables {
    pub fn new() -> Self {
        Tables { from: [0; 2], cost: [Vec::new(), Vec::new()], units: [Vec::new(), Vec::new()] }
    }

    /// Fills the tables for a node; the area must not be empty.
    pub fn fill(&mut self, state: &State, node: usize, area: Area) {
        self.from = area.from;
        for axis in [0, 1] {
            self.units[axis].clear();
            self.units[axis].resize(area.to[axis] - area.from[axis], 0);
        }
        let coordinates =
            [0, 1].map(|axis| &state.mesh.coordinates[axis][area.from[axis]..area.to[axis]]);
        let low = area.from.map(|side| side as u16);
        let high = area.to.map(|side| (side - 1) as u16);
        // Neighbours outside count as on the border, and the way from there on beside it.
        let mut beyond = 0;
        for edge in state.flows.exchanged(node) {
            let router = state.router[edge.node as usize];
            let place = state.at[edge.node as usize];
            for axis in [0, 1] {
                let at = usize::from(router[axis].clamp(low[axis], high[axis]) - low[axis]);
                self.units[axis][at] += edge.units;
                beyond += edge.units * i64::from((place[axis] - coordinates[axis][at]).abs());
            }
        }
        for axis in [0, 1] {
            let (units, table) = (&self.units[axis], &mut self.cost[axis]);
            let coordinates = coordinates[axis];
            table.clear();
            let mut passed = 0;
            let mut cost = if axis == 0 { beyond } else { 0 };
            for at in 0..units.len() {
                table.push(cost);
                passed += units[at];
                let step = coordinates.get(at + 1).map_or(0, |&next| next - coordinates[at]);
                cost += passed * i64::from(step);
            }
            (passed, cost) = (0, 0);
            for at in (0..units.len()).rev() {
                table[at] += cost;
                passed += units[at];
                let step = at.checked_sub(1).map_or(0, |next| coordinates[at] - coordinates[next]);
                cost += passed * i64::from(step);
            }
        }
    }

    /// What the messages cost from a router of the area; see [`State::cost_at`].
    pub fn cost(&self, router: [usize; 2]) -> i64 {
        self.cost[0][router[0] - self.from[0]] + self.cost[1][router[1] - self.from[1]]
    }
}
