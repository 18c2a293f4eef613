//! Circles in directed graphs: of processes that send to each other, of ops that need each other.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

/// The strongly connected components of a graph with nodes `0..n`, each in ascending order; a
/// component comes after those that lead to it.
pub fn components(n: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<_> = (0..n).map(|_| graph.add_node(())).collect();
    for (from, to) in edges {
        graph.add_edge(nodes[from], nodes[to], ());
    }
    let found = kosaraju_scc(&graph).into_iter().rev();
    found
        .map(|component| {
            let mut members: Vec<usize> = component.into_iter().map(|n| n.index()).collect();
            members.sort_unstable();
            members
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn circles_are_together_and_in_order() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3)];
        assert_eq!(components(4, edges.into_iter()), [vec![0], vec![1, 2], vec![3]]);
    }
}
