//! The picture of a network of which it is known when its messages flow.

use super::{Edge, Graph, Node, NodeKind};
use crate::report::execution::when;
use snn_front::clocks::shortest_way;
use snn_ir::network::{BodyId, InstanceId, Link, Network, Sender};
use std::collections::BTreeMap;

/// A node for each process, an edge for each sender of each connection.
pub fn network(network: &Network) -> Graph {
    let mut kinds = BTreeMap::new();
    let nodes = (0..network.instances.len()).map(|i| node(network, i, &mut kinds)).collect();
    let edges = network
        .links
        .iter()
        .flat_map(|link| link.senders.iter().map(|sender| edge(network, link, sender)))
        .collect();
    Graph { title: network.name.clone(), nodes, edges }
}

fn node(network: &Network, i: usize, kinds: &mut BTreeMap<BodyId, NodeKind>) -> Node {
    let instance = &network.instances[i];
    let body = &network.bodies[instance.body.at()];
    let mut cluster: Vec<String> = instance.path.split('.').map(str::to_owned).collect();
    let name = cluster.pop().unwrap_or_default();
    let details = std::iter::once(body.process.clone()).chain(body.tag.clone()).collect();
    let kind = *kinds.entry(instance.body).or_insert_with(|| kind(network, i));
    Node { cluster, name, details, kind }
}

/// By the shortest way through: none, within a step, or over steps.
fn kind(network: &Network, i: usize) -> NodeKind {
    match shortest_way(network, InstanceId(i as u32)) {
        None => NodeKind::Process,
        Some(0) => NodeKind::Neuron,
        Some(_) => NodeKind::Connection,
    }
}

fn edge(network: &Network, link: &Link, sender: &Sender) -> Edge {
    let (from, port) = sender.from;
    let sends = &network.body(from).ports[port as usize];
    let mut label = format!("{}: {}", sends.name, sends.ty.text());
    if !sends.shape.is_empty() {
        label += &format!("{:?}", sends.shape);
    }
    let mut clock = match network.port_use(sender.from) {
        Some((_, clock)) if !clock.is_always() => when(&clock),
        _ => String::new(),
    };
    if let Some(slots) = sender.queue {
        let comma = if clock.is_empty() { "" } else { ", " };
        clock += &format!("{comma}queue of {slots}");
    }
    Edge { from: from.at(), to: link.to.0.at(), label, clock }
}
