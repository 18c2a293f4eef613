//! The order in which waves reach the processes of a network.

use snn_ir::circles::components;
use snn_ir::network::{Link, Network};
use std::collections::{BTreeMap, BTreeSet};

/// The instances that send on a link.
fn senders(link: &Link) -> impl Iterator<Item = usize> + '_ {
    link.senders.iter().map(|s| s.from.0.at())
}

/// The instances of a network in the order in which waves reach them.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Senders before receivers, circles by declaration.
    pub instances: Vec<usize>,
    /// The links into each instance.
    pub into: Vec<Vec<usize>>,
    /// The place of each instance in that order.
    place: Vec<usize>,
}

impl Order {
    /// That of a network.
    pub fn of(network: &Network) -> Order {
        let mut into: Vec<Vec<usize>> = vec![Vec::new(); network.instances.len()];
        for (at, link) in network.links.iter().enumerate() {
            into[link.to.0.at()].push(at);
        }
        let instances = ordered(network, &into);
        let mut place = vec![0; instances.len()];
        instances.iter().enumerate().for_each(|(at, i)| place[*i] = at);
        Order { instances, into, place }
    }

    /// The layer of each of these instances: how many of them a wave passes before.
    pub fn layers(
        &self,
        network: &Network,
        members: impl Iterator<Item = usize>,
    ) -> BTreeMap<usize, usize> {
        let members: BTreeSet<usize> = members.collect();
        let places = members.iter().map(|i| self.place[*i]);
        let (Some(first), Some(last)) = (places.clone().min(), places.max()) else {
            return BTreeMap::new();
        };
        let mut depth: BTreeMap<usize, usize> = BTreeMap::new();
        let mut layers = BTreeMap::new();
        for &i in &self.instances[first..=last] {
            let passed = |s: usize| Some(depth.get(&s)? + usize::from(members.contains(&s)));
            let senders = self.into[i].iter().flat_map(|at| senders(&network.links[*at]));
            let before = senders.filter_map(passed).max().unwrap_or(0);
            depth.insert(i, before);
            if members.contains(&i) {
                layers.insert(i, before);
            }
        }
        layers
    }
}

fn ordered(network: &Network, into: &[Vec<usize>]) -> Vec<usize> {
    let ends = |link: &Link| -> Vec<(usize, usize)> {
        senders(link).map(|from| (from, link.to.0.at())).collect()
    };
    let edges = network.links.iter().flat_map(ends);
    let mut receivers: Vec<Vec<usize>> = vec![Vec::new(); network.instances.len()];
    edges.clone().for_each(|(from, to)| receivers[from].push(to));
    let mut order = Vec::new();
    let mut placed = vec![false; network.instances.len()];
    for circle in components(network.instances.len(), edges) {
        let mut rest: BTreeSet<usize> = circle.into_iter().collect();
        let fed =
            |i: &usize| into[*i].iter().any(|at| senders(&network.links[*at]).any(|s| placed[s]));
        let mut reached: BTreeSet<usize> = rest.iter().copied().filter(fed).collect();
        while let Some(next) = reached.pop_first().or(rest.first().copied()) {
            rest.remove(&next);
            placed[next] = true;
            reached.extend(receivers[next].iter().filter(|i| rest.contains(i)));
            order.push(next);
        }
    }
    order
}
