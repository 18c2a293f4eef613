//! Projections, populations of the host, outputs: what connects what.

use super::super::network::{ChipNetwork, Output, Population};
use super::super::profile::Profile;
use super::super::ranges::Ranges;
use super::roles::Role;
use super::synapses::{self, Ends};
use super::views::elements;
use crate::diagnostics::{Code, Diagnostic};
use crate::elaborate::Connection;
use crate::types::{Cx, Eval, Stop, TypedGraph};
use std::collections::BTreeMap;

/// Adds the projections between layers, the host's populations, and the outputs.
pub fn connect(
    cx: &mut Cx<'_>,
    graph: &TypedGraph,
    roles: &[Role],
    layer_of: &[Eval<Option<usize>>],
    profile: &Profile,
    network: &mut ChipNetwork,
) -> Eval<()> {
    let mut connector = Connector { cx, graph, roles, layer_of, network, failed: false };
    for connection in &graph.connections {
        connector.direct(connection);
    }
    for (i, role) in roles.iter().enumerate() {
        if let Role::Synapses(kind) = role {
            let Some(ends) = connector.ends(i) else { continue };
            let process = &graph.processes[i];
            let populations = &connector.network.populations;
            let made =
                synapses::projections(connector.cx, process, *kind, &ends, profile, populations);
            match made {
                Ok(projections) => connector.network.projections.extend(projections),
                Err(_) => connector.failed = true,
            }
        }
    }
    let failed = connector.failed;
    super::weights::warn_of_overflow(cx, network, profile);
    if failed { Err(Stop::Reported) } else { Ok(()) }
}

struct Connector<'c, 'a> {
    cx: &'c mut Cx<'a>,
    graph: &'c TypedGraph,
    roles: &'c [Role],
    layer_of: &'c [Eval<Option<usize>>],
    network: &'c mut ChipNetwork,
    failed: bool,
}

impl Connector<'_, '_> {
    fn fail(&mut self, connection: &Connection, message: String, what: &str, remedy: &str) {
        self.failed = true;
        let d = Diagnostic::new(Code::E0804, message, connection.loc, what);
        self.cx.sink.push(d.help(remedy));
    }

    fn path(&self, (process, port): (usize, usize)) -> String {
        let of = &self.graph.processes[process];
        format!("{}.{}", of.path, of.ports[port].name)
    }

    /// Connections without synapses: from a layer to the host, or wrong.
    fn direct(&mut self, connection: &Connection) {
        let (to, _) = connection.to;
        if connection.senders.iter().all(|(s, _)| self.roles[*s].is_host())
            && self.roles[to].is_host()
        {
            return;
        }
        for (s, sp) in &connection.senders {
            let (from, into) = (self.path((*s, *sp)), self.path(connection.to));
            match (&self.roles[*s], &self.roles[to]) {
                (Role::Neurons, Role::Host { .. }) => self.output(connection, (*s, *sp), into),
                (Role::Neurons, Role::Neurons) => self.fail(
                    connection,
                    format!("`{from}` and `{into}` are neurons without synapses between them"),
                    "a spike acts through synapses",
                    "put `Dense(weights: …)` between; `eye(n)` connects one to one. It takes a \
                     step more",
                ),
                (Role::Host { .. }, Role::Neurons) => self.fail(
                    connection,
                    format!(
                        "`{from}` on the host gives `{into}` on a neurocore its input directly"
                    ),
                    "what crosses to the chip is spikes into synapses",
                    "put the connection process on the chip too (a model `on neurocore`, as \
                     `models fixed_pt` chooses), or this neuron on the host",
                ),
                (Role::Synapses(_), Role::Synapses(_)) => self.fail(
                    connection,
                    format!("`{from}` and `{into}` are synapses without neurons between them"),
                    "sums become spikes in neurons",
                    "put neurons between, or multiply the weights into one `Dense`",
                ),
                (Role::Synapses(_), Role::Host { .. }) => self.fail(
                    connection,
                    format!("`{from}` on a neurocore sends sums to `{into}` on the host"),
                    "only neurons send from the chip",
                    "give the host its own connection process, or read a neuron's spikes",
                ),
                _ => {}
            }
        }
    }

    fn output(&mut self, connection: &Connection, sender: (usize, usize), to: String) {
        let Some(elements) = elements(self.graph, connection) else {
            return self.not_a_view(connection);
        };
        let Ok(Some(layer)) = self.layer_of[sender.0] else { return };
        let at = connection.senders.iter().position(|s| *s == sender).map(|s| s as u32);
        let sent = elements.iter().filter(|e| Some(e.0) == at).map(|e| e.1);
        let mut neurons: Vec<u32> = sent.collect();
        neurons.sort_unstable();
        neurons.dedup();
        let neurons = Ranges::of_sorted(neurons);
        self.network.outputs.push(Output { from: layer, to, neurons });
    }

    fn not_a_view(&mut self, connection: &Connection) {
        let into = self.path(connection.to);
        let message = format!("what `{into}` receives is computed on the way");
        let remedy = "connect ports, or views of them: `.flatten()`, `.transpose(…)`, slices, \
                      `concat`";
        self.fail(connection, message, "an axon carries spikes unchanged", remedy);
    }

    /// What a connection process receives and where its sums go.
    fn ends(&mut self, process: usize) -> Option<Ends> {
        let graph = self.graph;
        let mut ends = Ends::default();
        let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
        let mut fine = true;
        for connection in &graph.connections {
            let into = connection.to.0 == process;
            let out = connection.senders.iter().position(|s| s.0 == process);
            if !into && out.is_none() {
                continue;
            }
            let Some(elements) = elements(graph, connection) else {
                self.not_a_view(connection);
                return None;
            };
            if let (false, Some(at)) = (into, out) {
                let Ok(layer) = self.layer_of[connection.to.0] else { return None };
                let Some(layer) = layer else { continue };
                let of = elements.iter().enumerate().filter(|(_, e)| e.0 == at as u32);
                let pairs = of.map(|(neuron, e)| (e.1, neuron as u32)).collect();
                ends.outputs.push((layer, pairs));
                continue;
            }
            for (s, sender) in connection.senders.iter().enumerate() {
                let population = self.population(*sender)?;
                let of = elements.iter().enumerate().filter(|(_, e)| e.0 == s as u32);
                let pairs: Vec<(u32, u32)> = of.map(|(input, e)| (input as u32, e.1)).collect();
                let double = pairs.iter().find(|(input, _)| {
                    *taken.entry(*input).or_insert(ends.inputs.len()) != ends.inputs.len()
                });
                if let Some((input, _)) = double {
                    let path = self.path(connection.to);
                    let message = format!("two senders add up in element {input} of `{path}`");
                    let remedy = "give each sender its own connection process; their sums add up \
                                  in the neurons";
                    self.fail(connection, message, "an axon has one source", remedy);
                    fine = false;
                }
                ends.inputs.push((population, pairs));
            }
        }
        fine.then_some(ends)
    }

    /// The population of a sending port; the host's are added where they are first met.
    fn population(&mut self, (process, port): (usize, usize)) -> Option<usize> {
        match &self.roles[process] {
            Role::Neurons => self.layer_of[process].ok().flatten(),
            Role::Synapses(_) => None,
            Role::Host { .. } => {
                let name = self.path((process, port));
                let known = self.network.populations.iter().position(|p| p.name == name);
                if known.is_some() {
                    return known;
                }
                let of = &self.graph.processes[process];
                let shape = of.ports[port].shape.clone();
                let neurons = u32::try_from(shape.iter().product::<usize>()).ok()?;
                let loc = Some(of.loc);
                self.network.populations.push(Population {
                    name,
                    shape,
                    neurons,
                    layer: None,
                    loc,
                });
                Some(self.network.populations.len() - 1)
            }
        }
    }
}
