//! Layers of a flow graph, read from the graph itself.

use super::flows::Flows;
use std::collections::VecDeque;

/// Nodes in the order of their layers, and by number inside a layer.
///
/// A node's layer is the length of the longest way to it. Where flows run in circles, a circle is
/// entered at the node that was reached first, and flows back to it count for nothing.
pub(super) fn by_layer(flows: &Flows) -> Vec<u32> {
    let nodes = flows.nodes();
    let mut waiting = vec![0_usize; nodes];
    for node in 0..nodes {
        for edge in flows.sent(node) {
            waiting[edge.node as usize] += 1;
        }
    }
    let mut layer = vec![0_u32; nodes];
    let mut done = vec![false; nodes];
    let mut ready: VecDeque<usize> = (0..nodes).filter(|&node| waiting[node] == 0).collect();
    let mut reached: VecDeque<usize> = VecDeque::new();
    let mut seen = vec![false; nodes];
    let mut untouched = 0;
    let mut order = Vec::with_capacity(nodes);
    while order.len() < nodes {
        let node = match ready.pop_front().or_else(|| reached.pop_front()) {
            Some(node) => node,
            None => {
                untouched += 1;
                untouched - 1
            }
        };
        if done[node] {
            continue;
        }
        done[node] = true;
        order.push(node as u32);
        for edge in flows.sent(node) {
            let to = edge.node as usize;
            if done[to] {
                continue;
            }
            layer[to] = layer[to].max(layer[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push_back(to);
            } else if !seen[to] {
                seen[to] = true;
                reached.push_back(to);
            }
        }
    }
    order.sort_unstable_by_key(|&node| (layer[node as usize], node));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(nodes: usize, edges: &[(u32, u32)]) -> Vec<u32> {
        by_layer(&Flows::new(nodes, edges.iter().map(|&(from, to)| (from, to, 1.0))).unwrap())
    }

    #[test]
    fn layers_are_longest_ways() {
        assert_eq!(order(4, &[(3, 1), (1, 0), (3, 0), (0, 2)]), [3, 1, 0, 2]);
    }

    #[test]
    fn circles_are_entered_where_messages_arrive_first() {
        assert_eq!(order(4, &[(3, 2), (2, 1), (1, 0), (0, 2)]), [3, 2, 1, 0]);
        assert_eq!(order(3, &[(0, 1), (1, 2), (2, 0)]), [0, 1, 2]);
        assert_eq!(order(0, &[]), Vec::<u32>::new());
    }
}
