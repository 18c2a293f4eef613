//! Projections, populations of the host, outputs: what connects what.

use super::super::network::{ChipNetwork, Output, Population};
use super::super::profile::Profile;
use super::super::ranges::Ranges;
use super::neurons::LayerOf;
use super::process::Process;
use super::roles::{self, Role};
use super::synapses::{self, Ends};
use super::views::elements;
use snn_ir::diagnostics::{Code, Diagnostic, Reported, Sink};
use snn_ir::network::{InstanceId, Link, Member, Network};
use std::collections::BTreeMap;

/// Adds the projections between layers, the host's populations, and the outputs.
pub fn connect(
    network: &Network,
    roles: &[Role],
    layer_of: &[LayerOf],
    profile: &Profile,
    chip: &mut ChipNetwork,
    sink: &mut Sink,
) -> Result<(), Reported> {
    let ports = BTreeMap::new();
    let mut connector = Connector { network, roles, layer_of, chip, sink, ports, failed: false };
    let mut payloads = Vec::new();
    for link in &network.links {
        connector.direct(link);
    }
    for (i, role) in roles.iter().enumerate() {
        if let Role::Synapses(kind) = role {
            let Some(ends) = connector.ends(i) else { continue };
            let process = Process::of(network, i);
            let populations = &connector.chip.populations;
            let made =
                synapses::projections(&process, *kind, &ends, populations, profile, connector.sink);
            match made {
                Ok(projections) => {
                    payloads.extend(projections.iter().map(
                        |p| match connector.ports.get(&p.from) {
                            Some(sender) if p.graded => {
                                synapses::payload(&process, network, *sender)
                            }
                            _ => 1,
                        },
                    ));
                    connector.chip.projections.extend(projections);
                }
                Err(_) => connector.failed = true,
            }
        }
    }
    let failed = connector.failed;
    super::weights::warn_of_overflow(chip, &payloads, profile, sink);
    if failed { Err(Reported) } else { Ok(()) }
}

/// A port of a process.
type Port = (InstanceId, u32);

struct Connector<'c> {
    network: &'c Network,
    roles: &'c [Role],
    layer_of: &'c [LayerOf],
    chip: &'c mut ChipNetwork,
    sink: &'c mut Sink,
    /// What each population that sends to synapses sends from.
    ports: BTreeMap<usize, Port>,
    failed: bool,
}

impl Connector<'_> {
    fn fail(&mut self, link: &Link, message: String, what: &str, remedy: &str) {
        self.failed = true;
        let d = Diagnostic::new(Code::E0804, message, link.place, what);
        self.sink.push(d.help(remedy));
    }

    fn path(&self, (instance, port): Port) -> String {
        self.network.member_path(instance, Member::Port(port))
    }

    /// Connections without synapses: from a layer to the host, or wrong.
    fn direct(&mut self, link: &Link) {
        let to = link.to.0.at();
        let from_host = link.senders.iter().all(|s| self.roles[s.from.0.at()].is_host());
        if from_host && self.roles[to].is_host() {
            return;
        }
        for sender in link.senders.iter().map(|s| s.from) {
            let (from, into) = (self.path(sender), self.path(link.to));
            match (&self.roles[sender.0.at()], &self.roles[to]) {
                (Role::Neurons, Role::Host { .. }) => self.output(link, sender, into),
                (Role::Neurons, Role::Neurons) => self.fail(
                    link,
                    format!("`{from}` and `{into}` are neurons without synapses between them"),
                    "a spike acts through synapses",
                    "put `Dense(weights: …)` between; `eye(n)` connects one to one. It takes a \
                     step more",
                ),
                (Role::Host { .. }, Role::Neurons) => self.fail(
                    link,
                    format!(
                        "`{from}` on the host gives `{into}` on a neurocore its input directly"
                    ),
                    "what crosses to the chip is spikes into synapses",
                    match roles::synapses(self.network.body(sender.0)) {
                        Some(_) => {
                            "put these synapses on the chip too (a model `on neurocore`, as \
                             `models fixed_pt` chooses), or the neurons on the host"
                        }
                        None => {
                            "put `Dense(weights: …)` between; `eye(n)` connects one to one. With \
                             `num_message_bits: 32` numbers pass, not only spikes"
                        }
                    },
                ),
                (Role::Synapses(_), Role::Synapses(_)) => self.fail(
                    link,
                    format!("`{from}` and `{into}` are synapses without neurons between them"),
                    "sums become spikes in neurons",
                    "put neurons between, or multiply the weights into one `Dense`",
                ),
                (Role::Synapses(_), Role::Host { .. }) => self.fail(
                    link,
                    format!("`{from}` on a neurocore sends sums to `{into}` on the host"),
                    "only neurons send from the chip",
                    "give the host its own connection process, or read a neuron's spikes",
                ),
                _ => {}
            }
        }
    }

    fn output(&mut self, link: &Link, sender: Port, to: String) {
        let Some(elements) = elements(self.network, link) else {
            return self.not_a_view(link);
        };
        let Ok(Some(layer)) = self.layer_of[sender.0.at()] else { return };
        let at = link.senders.iter().position(|s| s.from == sender).map(|s| s as u32);
        let sent = elements.iter().filter(|e| Some(e.0) == at).map(|e| e.1);
        let mut neurons: Vec<u32> = sent.collect();
        neurons.sort_unstable();
        neurons.dedup();
        let neurons = Ranges::of_sorted(neurons);
        self.chip.outputs.push(Output { from: layer, to, neurons });
    }

    fn not_a_view(&mut self, link: &Link) {
        let into = self.path(link.to);
        let message = format!("what `{into}` receives is computed on the way");
        let remedy = "connect ports, or views of them: `.flatten()`, `.transpose(…)`, slices, \
                      `concat`";
        self.fail(link, message, "an axon carries spikes unchanged", remedy);
    }

    fn two_senders(&mut self, link: &Link, input: u32, of: [Port; 2]) {
        self.failed = true;
        let [first, second] = of.map(|sender| self.path(sender));
        let path = self.path(link.to);
        let message = format!("`{first}` and `{second}` add up in element {input} of `{path}`");
        let what = "an axon has one source";
        let mut d = Diagnostic::new(Code::E0804, message, link.place, what);
        for (sender, path) in [(of[0], first), (of[1], second)] {
            let place = self.network.instances[sender.0.at()].place;
            d = d.label(place, format!("`{path}` sends"));
        }
        let remedy =
            "give each sender its own connection process; their sums add up in the neurons";
        self.sink.push(d.help(remedy));
    }

    /// What a connection process receives and where its sums go.
    fn ends(&mut self, process: usize) -> Option<Ends> {
        let network = self.network;
        let process = InstanceId(process as u32);
        let mut ends = Ends::default();
        let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
        let mut senders = Vec::new();
        let mut fine = true;
        for link in &network.links {
            let into = link.to.0 == process;
            let out = link.senders.iter().position(|s| s.from.0 == process);
            if !into && out.is_none() {
                continue;
            }
            let Some(elements) = elements(network, link) else {
                self.not_a_view(link);
                return None;
            };
            if let (false, Some(at)) = (into, out) {
                let Ok(layer) = self.layer_of[link.to.0.at()] else { return None };
                let Some(layer) = layer else { continue };
                let of = elements.iter().enumerate().filter(|(_, e)| e.0 == at as u32);
                let pairs = of.map(|(neuron, e)| (e.1, neuron as u32)).collect();
                ends.outputs.push((layer, pairs));
                continue;
            }
            for (s, sender) in link.senders.iter().map(|s| s.from).enumerate() {
                let population = self.population(sender)?;
                self.ports.insert(population, sender);
                let of = elements.iter().enumerate().filter(|(_, e)| e.0 == s as u32);
                let pairs: Vec<(u32, u32)> = of.map(|(input, e)| (input as u32, e.1)).collect();
                let double = pairs.iter().find(|(input, _)| {
                    *taken.entry(*input).or_insert(ends.inputs.len()) != ends.inputs.len()
                });
                if let Some((input, _)) = double {
                    let first = taken.get(input).and_then(|i| senders.get(*i)).copied();
                    self.two_senders(link, *input, [first.unwrap_or(sender), sender]);
                    fine = false;
                }
                ends.inputs.push((population, pairs));
                senders.push(sender);
            }
        }
        fine.then_some(ends)
    }

    /// The population of a sending port; the host's are added where they are first met.
    fn population(&mut self, (instance, port): Port) -> Option<usize> {
        match &self.roles[instance.at()] {
            Role::Neurons => self.layer_of[instance.at()].ok().flatten(),
            Role::Synapses(_) => None,
            Role::Host { .. } => {
                let name = self.path((instance, port));
                let known = self.chip.populations.iter().position(|p| p.name == name);
                if known.is_some() {
                    return known;
                }
                let shape = self.network.body(instance).ports[port as usize].shape.clone();
                let neurons = u32::try_from(shape.iter().product::<usize>()).ok()?;
                let loc = Some(self.network.instances[instance.at()].place);
                let population = Population { name, shape, neurons, layer: None, loc };
                self.chip.populations.push(population);
                Some(self.chip.populations.len() - 1)
            }
        }
    }
}
