//! The picture of a network of which it is known when its messages flow.

use super::{Edge, Graph, Node, NodeKind};
use crate::clocks::{ClockedGraph, Link, transit};
use crate::report::execution::when;
use crate::types::Process;
use snn_grammar::ast::Direction;

/// A node for each process, an edge for each sender of each connection.
pub fn network(clocked: &ClockedGraph) -> Graph {
    let nodes = clocked.graph.processes.iter().map(node).collect();
    let mut edges = Vec::new();
    for (connection, links) in clocked.graph.connections.iter().zip(&clocked.links) {
        for (&(from, port), link) in connection.senders.iter().zip(links) {
            edges.extend(edge(clocked, from, port, connection.to.0, link));
        }
    }
    Graph { title: clocked.graph.network.clone(), nodes, edges }
}

fn node(process: &Process) -> Node {
    let mut cluster: Vec<String> = process.path.split('.').map(str::to_owned).collect();
    let name = cluster.pop().unwrap_or_default();
    let details = std::iter::once(process.process.clone()).chain(process.tag.clone()).collect();
    Node { cluster, name, details, kind: kind(process) }
}

/// By the shortest way through: none, within a step, or over steps.
fn kind(process: &Process) -> NodeKind {
    let ports = |direction: Direction| {
        let all = process.ports.iter().enumerate();
        all.filter(move |(_, p)| p.direction == direction).map(|(i, _)| i)
    };
    let ways = ports(Direction::In)
        .flat_map(|i| ports(Direction::Out).map(move |o| (i, o)))
        .filter_map(|(i, o)| transit(process, i, o));
    match ways.map(|(first, _)| first).min() {
        None => NodeKind::Process,
        Some(0) => NodeKind::Neuron,
        Some(_) => NodeKind::Connection,
    }
}

fn edge(clocked: &ClockedGraph, from: usize, port: usize, to: usize, link: &Link) -> Option<Edge> {
    let sender = clocked.graph.processes.get(from)?.ports.get(port)?;
    let mut label = format!("{}: {}", sender.name, sender.ty.text());
    if !sender.shape.is_empty() {
        label += &format!("{:?}", sender.shape);
    }
    let used = clocked.uses.get(from)?.get(port)?.as_ref();
    let mut clock = match used {
        Some(used) if !used.clock.is_always() => when(&used.clock),
        _ => String::new(),
    };
    if let Link::Queue { slots, .. } = link {
        let comma = if clock.is_empty() { "" } else { ", " };
        clock += &format!("{comma}queue of {slots}");
    }
    Some(Edge { from, to, label, clock })
}
