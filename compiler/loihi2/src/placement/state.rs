//! A placement while it is being improved: who sits where, and what a change would cost.

use super::flows::Flows;
use super::grid::Mesh;

/// In place of a node: nobody; in place of a seat: none (a port).
pub(super) const NONE: u32 = u32::MAX;

/// Nodes in seats. Costs are in flow units times coordinates of [`Mesh`], exact.
#[derive(Clone)]
pub(super) struct State<'a> {
    pub flows: &'a Flows,
    pub mesh: &'a Mesh,
    /// Seat of each node; [`NONE`] for ports.
    pub seat: Vec<u32>,
    /// Node in each seat, or [`NONE`].
    pub node: Vec<u32>,
    /// Router `[x, y]` of each node, on the whole board.
    pub router: Vec<[u16; 2]>,
    /// Coordinates `[x, y]` of each node.
    pub at: Vec<[i32; 2]>,
}

impl<'a> State<'a> {
    /// Everybody in the seat given; ports, which have none, at their routers.
    pub fn new(
        flows: &'a Flows,
        mesh: &'a Mesh,
        seat: Vec<u32>,
        ports: &[(u32, [u16; 2])],
    ) -> Self {
        let mut router = vec![[0; 2]; seat.len()];
        for &(port, place) in ports {
            router[port as usize] = place;
        }
        let mut node = vec![NONE; mesh.sites.len()];
        for (who, &place) in seat.iter().enumerate().filter(|(_, place)| **place != NONE) {
            node[place as usize] = who as u32;
            router[who] = mesh.routers[place as usize];
        }
        State {
            flows,
            mesh,
            at: router.iter().map(|&router| mesh.at(router)).collect(),
            seat,
            node,
            router,
        }
    }

    /// What all messages cost, without the hottest link.
    pub fn total(&self) -> i64 {
        let twice: i64 = (0..self.seat.len()).map(|node| self.cost_at(node, self.at[node])).sum();
        twice / 2
    }

    /// What the messages of `node` would cost if it sat at `place` and nobody else moved.
    pub fn cost_at(&self, node: usize, place: [i32; 2]) -> i64 {
        let [x, y] = place;
        self.flows
            .exchanged(node)
            .iter()
            .map(|edge| {
                let [u, v] = self.at[edge.node as usize];
                edge.units * i64::from((x - u).abs() + (y - v).abs())
            })
            .sum()
    }

    /// By how much the total changes if whoever sits in `a` and in `b` change places.
    pub fn swap_delta(&self, a: u32, b: u32) -> i64 {
        let places = [a, b].map(|seat| self.mesh.at(self.mesh.routers[seat as usize]));
        let (from, to) = (places[0], places[1]);
        let (one, other) = (self.node[a as usize], self.node[b as usize]);
        self.move_delta(one, from, to, other) + self.move_delta(other, to, from, one)
    }

    /// By how much the messages of `node` to all but `partner`, who moves the other way, change.
    fn move_delta(&self, node: u32, from: [i32; 2], to: [i32; 2], partner: u32) -> i64 {
        if node == NONE {
            return 0;
        }
        // The distance to the partner stays what it is.
        self.change(
            node,
            from,
            to,
            |edge_to, change, _| if edge_to == partner { 0 } else { change },
        )
    }

    /// By how much what the messages of `node` cost changes if it goes `from` its place `to` that
    /// of `partner`, given that the partner's own change was counted as if `node` stayed.
    pub fn answer(&self, node: u32, from: [i32; 2], to: [i32; 2], partner: u32) -> i64 {
        if node == NONE {
            return 0;
        }
        // The two do not come nearer, though the partner counted on it: they change places.
        let counted = |edge_to, change, before| if edge_to == partner { before } else { change };
        self.change(node, from, to, counted)
    }

    /// The sum over the messages of `node` of what `counted` makes of each: of the node at its
    /// other end, by how much the distance changes, and what it was.
    fn change(
        &self,
        node: u32,
        from: [i32; 2],
        to: [i32; 2],
        counted: impl Fn(u32, i32, i32) -> i32,
    ) -> i64 {
        let mut delta = 0;
        for edge in self.flows.exchanged(node as usize) {
            let [u, v] = self.at[edge.node as usize];
            let before = (from[0] - u).abs() + (from[1] - v).abs();
            let after = (to[0] - u).abs() + (to[1] - v).abs();
            delta += edge.units * i64::from(counted(edge.node, after - before, before));
        }
        delta
    }

    /// Lets whoever sits in `a` and in `b` change places.
    pub fn swap(&mut self, a: u32, b: u32) {
        let (one, other) = (self.node[a as usize], self.node[b as usize]);
        self.put(a, other);
        self.put(b, one);
    }

    /// Puts `node` into `seat`, or empties it; the caller finds a seat for whoever sat there.
    pub fn put(&mut self, seat: u32, node: u32) {
        self.node[seat as usize] = node;
        if node != NONE {
            let router = self.mesh.routers[seat as usize];
            self.seat[node as usize] = seat;
            self.router[node as usize] = router;
            self.at[node as usize] = self.mesh.at(router);
        }
    }
}
