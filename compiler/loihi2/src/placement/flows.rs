//! What is placed: cores, and the messages between them.

use super::grid::MOST_SITES;
use super::{MOST, PlacementError};

/// One neighbour of a node: who, and how many flow units are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub node: u32,
    pub units: i64,
}

/// Rows of edges, each sorted by neighbour and without duplicates.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Where each row begins; one more than there are rows.
    first: Vec<usize>,
    edges: Vec<Edge>,
}

impl Rows {
    fn row(&self, node: usize) -> &[Edge] {
        match (self.first.get(node), self.first.get(node + 1)) {
            (Some(&from), Some(&to)) => &self.edges[from..to],
            _ => &[],
        }
    }
}

/// Flows between nodes `0..nodes`, in messages per step.
///
/// They are held as whole multiples of a unit, a power of two, so that sums do not depend on their
/// order. The unit is 2⁻²⁰ messages where all flows together stay below 2²⁰ messages per step, and
/// larger by powers of two where they do not: the sum of all units never exceeds 2⁴⁰ by more than
/// one unit an edge. A flow that is not zero is at least one unit.
#[derive(Clone, Debug)]
pub struct Flows {
    nodes: usize,
    /// Messages per unit.
    unit: f64,
    /// What each node sends.
    out: Rows,
    /// What each node receives.
    received: Rows,
    /// What each node exchanges, both directions added up.
    both: Rows,
}

/// The largest number of units that all flows together have.
const TOTAL_BITS: i32 = 40;
/// The finest unit is 2 to minus this.
const FINEST: i32 = 20;

impl Flows {
    /// Takes flows `(from, to, messages per step)`; flows between the same nodes are added up, and
    /// flows from a node to itself cost nothing and are left out.
    ///
    /// # Errors
    ///
    /// [`PlacementError::NoSuchNode`] where an end is not below `nodes`, and
    /// [`PlacementError::NotAFlow`] where the messages are not a number from 0 to 10¹²;
    /// [`PlacementError::TooMany`] where no board has a site for every node.
    pub fn new(
        nodes: usize,
        edges: impl IntoIterator<Item = (u32, u32, f64)>,
    ) -> Result<Flows, PlacementError> {
        if nodes > MOST_SITES {
            return Err(PlacementError::TooMany { nodes, sites: MOST_SITES });
        }
        let mut list: Vec<(u32, u32, f64)> = Vec::new();
        for (from, to, messages) in edges {
            if from as usize >= nodes || to as usize >= nodes {
                return Err(PlacementError::NoSuchNode { node: from.max(to), nodes });
            }
            if !(0.0..=MOST).contains(&messages) {
                return Err(PlacementError::NotAFlow { from, to });
            }
            if from != to && messages > 0.0 {
                list.push((from, to, messages));
            }
        }
        // Stable, so that flows between the same nodes are added in the order given.
        if !list.is_sorted_by_key(|&(from, to, _)| (from, to)) {
            list.sort_by_key(|&(from, to, _)| (from, to));
        }
        let total: f64 = list.iter().map(|edge| edge.2).sum();
        let unit = power_of_two((bits(total) - TOTAL_BITS).max(-FINEST));
        let mut out = Rows { first: vec![0; nodes + 1], edges: Vec::with_capacity(list.len()) };
        let mut last = None;
        for (from, to, messages) in list {
            let units = ((messages / unit).round() as i64).max(1);
            match out.edges.last_mut() {
                Some(edge) if last == Some((from, to)) => edge.units += units,
                _ => {
                    out.edges.push(Edge { node: to, units });
                    out.first[from as usize + 1] += 1;
                }
            }
            last = Some((from, to));
        }
        sum_up(&mut out.first);
        let received = reversed(nodes, &out);
        let both = both_ways(nodes, &out, &received);
        Ok(Flows { nodes, unit, out, received, both })
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Messages per step in one unit.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// What `node` sends to others.
    pub(super) fn sent(&self, node: usize) -> &[Edge] {
        self.out.row(node)
    }

    /// What `node` receives from others.
    pub(super) fn received(&self, node: usize) -> &[Edge] {
        self.received.row(node)
    }

    /// What `node` exchanges with others, in both directions together.
    pub(super) fn exchanged(&self, node: usize) -> &[Edge] {
        self.both.row(node)
    }
}

/// The smallest `n` with `value < 2ⁿ`, of a positive normal number. Read from the number itself,
/// because logarithms differ between platforms.
pub(super) fn bits(value: f64) -> i32 {
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1022
}

/// 2 to an exponent that a normal number has.
pub(super) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}

/// Turns lengths of rows, each one place late, into where the rows begin.
fn sum_up(first: &mut [usize]) {
    let mut sum = 0;
    for place in first {
        sum += *place;
        *place = sum;
    }
}

fn reversed(nodes: usize, out: &Rows) -> Rows {
    let mut first = vec![0; nodes + 1];
    for edge in &out.edges {
        first[edge.node as usize + 1] += 1;
    }
    sum_up(&mut first);
    // Sources are visited in order, so every row of received flows comes out sorted.
    let mut next = first.clone();
    let mut received = vec![Edge { node: 0, units: 0 }; out.edges.len()];
    for from in 0..nodes {
        for edge in out.row(from) {
            let place = &mut next[edge.node as usize];
            received[*place] = Edge { node: from as u32, units: edge.units };
            *place += 1;
        }
    }
    Rows { first, edges: received }
}

fn both_ways(nodes: usize, out: &Rows, received: &Rows) -> Rows {
    let mut both = Rows { first: vec![0], edges: Vec::with_capacity(2 * out.edges.len()) };
    for node in 0..nodes {
        let (mut a, mut b) = (out.row(node), received.row(node));
        while let (Some(x), Some(y)) = (a.first(), b.first()) {
            let mut edge = if x.node <= y.node { *x } else { *y };
            if x.node == y.node {
                edge.units += y.units;
            }
            if x.node <= edge.node {
                a = &a[1..];
            }
            if y.node <= edge.node {
                b = &b[1..];
            }
            both.edges.push(edge);
        }
        both.edges.extend_from_slice(a);
        both.edges.extend_from_slice(b);
        both.first.push(both.edges.len());
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_added_and_self_flows_left_out() {
        let flows =
            Flows::new(3, [(2, 0, 1.0), (0, 1, 0.5), (0, 0, 9.0), (0, 1, 0.25), (1, 0, 2.0)])
                .unwrap();
        let unit = flows.unit();
        assert_eq!(unit, 2.0_f64.powi(-20));
        assert_eq!(flows.sent(0).len(), 1);
        assert_eq!(flows.sent(0)[0].units as f64 * unit, 0.75);
        let both: Vec<_> =
            flows.exchanged(0).iter().map(|edge| (edge.node, edge.units as f64 * unit)).collect();
        assert_eq!(both, [(1, 2.75), (2, 1.0)]);
    }

    #[test]
    fn what_is_no_flow_is_refused() {
        for messages in [f64::NAN, f64::INFINITY, 1e13, -1.0] {
            assert_eq!(
                Flows::new(2, [(0, 1, messages)]).unwrap_err(),
                PlacementError::NotAFlow { from: 0, to: 1 }
            );
        }
        assert!(matches!(
            Flows::new(2, [(0, 2, 1.0)]),
            Err(PlacementError::NoSuchNode { node: 2, nodes: 2 })
        ));
    }

    #[test]
    fn huge_flows_make_the_unit_coarser() {
        let flows = Flows::new(3, [(0, 1, 1e12), (1, 2, 1e12), (2, 0, 1e-300)]).unwrap();
        let total: i64 = (0..3).flat_map(|node| flows.sent(node)).map(|edge| edge.units).sum();
        assert!(total <= (1 << TOTAL_BITS) + 3, "{total}");
        assert_eq!(flows.sent(2)[0].units, 1);
    }
}
