//! The placement as the two files of SANA-FE, an independent simulator of a mesh of cores.
//!
//! Every neuron replays its spikes, so that the simulator's counts of messages and hops can be
//! compared with ours to the last digit; it works out by itself where messages go. How it
//! counts, and the formats: `spec/sana-fe.md`.

use super::activity::Activity;
use super::mapped;
use super::network::{Assignment, ChipNetwork, Rate, Rates};
use super::profile::{Figures, Profile};
use super::site::Site;
use super::traffic::Traffic;
use snn_ir::diagnostics::{Code, Diagnostic};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The files, and what the simulator must count with them.
#[derive(Clone, Debug, PartialEq)]
pub struct SanaFe {
    /// The architecture file.
    pub architecture: String,
    /// The network file.
    pub network: String,
    /// Steps that are replayed.
    pub steps: u64,
    /// Messages in all steps: one for each spike and destination core, its own included.
    pub messages: u64,
    /// Hops of all messages.
    pub hops: u64,
}

/// Synapses that are all listed; of more, only one for each source and destination core is.
const LISTED: u64 = 1_000_000;

/// Spike entries that are written at most: the simulator needs some 240 bytes for each.
const ENTRIES: u64 = 6_000_000;

/// What stands for the host: additional cores at router (0, 0), one that sends and one for each
/// output, as a spike to two ports of the host is two messages.
const HOST: &str = "host";

/// Writes the files of a placement.
///
/// # Errors
/// E0815 where it uses more than one chip.
pub fn emit(
    network: &ChipNetwork,
    assignment: &Assignment,
    sites: &[Site],
    activity: &Activity,
    profile: &Profile,
) -> Result<SanaFe, Diagnostic> {
    if let Some(beyond) = sites.iter().find(|s| s.chip != 0) {
        let message = format!("the placement uses chip {}, SANA-FE simulates one", beyond.chip);
        return Err(Diagnostic::without_place(Code::E0815, message)
            .help("place on one chip: `target loihi2(board: oheo_gulch)`, or `chips: 1`"));
    }
    let steps = steps(activity);
    let figures = &profile.figures;
    let counts = counts(activity, steps);
    let mapped = mapped::map(network, assignment, figures, &counts);
    let traffic = Traffic::of(&mapped, sites, [1, 1], figures);
    let (messages, hops) = (traffic.messages as u64, traffic.all_hops() as u64);
    let units = units(network, assignment);
    let text = Text { network, assignment, sites, activity, figures, units: &units, steps };
    Ok(SanaFe {
        architecture: text.architecture(),
        network: text.network(messages, hops),
        steps,
        messages,
        hops,
    })
}

/// How many steps are replayed: as many as there are, where their entries are not too many. A
/// neuron has entries up to its last spike.
fn steps(activity: &Activity) -> u64 {
    let trains = || activity.spikes.iter().flatten();
    let entries: u64 = trains().filter_map(|s| s.last()).map(|last| u64::from(*last)).sum();
    let fewer = (ENTRIES / (trains().count() as u64).max(1)).max(1);
    if entries <= ENTRIES { activity.replayed } else { activity.replayed.min(fewer) }
}

/// Spikes in the first steps, as rates of one long step.
fn counts(activity: &Activity, steps: u64) -> Rates {
    let count = |spikes: &Vec<u32>| spikes.iter().filter(|t| u64::from(**t) <= steps).count();
    let of = activity.spikes.iter();
    Rates {
        of: of.map(|p| Rate::Each(p.iter().map(|s| count(s) as f64).collect())).collect(),
        origin: activity.origin.clone(),
    }
}

/// Each neuron's unit on its core, by population: a unit holds one spike train.
fn units(network: &ChipNetwork, assignment: &Assignment) -> Vec<Vec<u32>> {
    let mut next = vec![0u32; assignment.cores as usize + 1];
    let mut units = Vec::new();
    for (p, population) in network.populations.iter().enumerate() {
        let of_neuron = |i: u32| {
            let core = match population.on_chip() {
                true => assignment.core_of[p][i as usize] as usize,
                false => assignment.cores as usize,
            };
            next[core] += 1;
            next[core] - 1
        };
        units.push((0..population.neurons).map(of_neuron).collect());
    }
    units
}

struct Text<'a> {
    network: &'a ChipNetwork,
    assignment: &'a Assignment,
    sites: &'a [Site],
    activity: &'a Activity,
    figures: &'a Figures,
    units: &'a [Vec<u32>],
    steps: u64,
}

impl Text<'_> {
    fn tile(&self, site: &Site) -> u64 {
        u64::from(site.router[0]) * self.figures.routers_y + u64::from(site.router[1])
    }

    /// The slot of the host's sending core at router (0, 0), behind the neurocores.
    fn sending_slot(&self) -> u64 {
        self.figures.cores_per_router
    }

    /// The slots of the cores that receive outputs, behind that.
    fn receiving_slots(&self) -> impl Iterator<Item = u64> {
        let first = self.sending_slot() + 1;
        first..first + self.network.outputs.len() as u64
    }

    fn architecture(&self) -> String {
        let f = self.figures;
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "# Loihi 2 for SANA-FE, written by snnc {}.\narchitecture:\n  name: loihi2\n  \
             attributes: {{topology: mesh, width: {}, height: {}, link_buffer_size: 16}}\n  tile:",
            env!("CARGO_PKG_VERSION"),
            f.routers_x,
            f.routers_y
        );
        let mut neurons = vec![0u64; self.assignment.cores as usize + 1];
        for (p, units) in self.units.iter().enumerate() {
            for i in 0..units.len() {
                let core = match self.network.populations[p].on_chip() {
                    true => self.assignment.core_of[p][i] as usize,
                    false => self.assignment.cores as usize,
                };
                neurons[core] += 1;
            }
        }
        let mut used: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (core, site) in self.sites.iter().enumerate() {
            used.insert((self.tile(site), site.slot.into()), neurons[core]);
        }
        used.insert((0, self.sending_slot()), neurons[self.assignment.cores as usize]);
        used.extend(self.receiving_slots().map(|slot| ((0, slot), 1)));
        let last = used.keys().map(|(tile, _)| *tile).max().unwrap_or(0);
        for tile in 0..=last {
            let _ = write!(out, "    - name: \"tile[{tile}]\"\n      attributes: {{");
            for (i, (way, energy)) in [
                ("north", f.energy_hop_y),
                ("east", f.energy_hop_x),
                ("south", f.energy_hop_y),
                ("west", f.energy_hop_x),
            ]
            .into_iter()
            .enumerate()
            {
                let comma = if i > 0 { ", " } else { "" };
                let (energy, time) = (energy * 1e-12, f.time_link * 1e-9);
                let _ =
                    write!(out, "{comma}energy_{way}_hop: {energy:e}, latency_{way}_hop: {time:e}");
            }
            let of_tile: Vec<(u64, u64)> = used
                .range((tile, 0)..(tile + 1, 0))
                .map(|((_, slot), neurons)| (*slot, *neurons))
                .collect();
            let Some((last, _)) = of_tile.last() else {
                out += "}\n      core: []\n";
                continue;
            };
            out += "}\n      core:\n";
            for slot in 0..=*last {
                let units = of_tile.iter().find(|(s, _)| *s == slot).map_or(0, |(_, n)| *n);
                self.core(&mut out, slot, units);
            }
        }
        out
    }

    fn core(&self, out: &mut String, slot: u64, units: u64) {
        let f = self.figures;
        let (pj, ns) = (|x: f64| x * 1e-12, |x: f64| x * 1e-9);
        let most = units.max(f.neurons).max(1);
        let last = units.max(1) - 1;
        let soma = if last == 0 { "n[0]".to_string() } else { format!("n[0..{last}]") };
        let _ = write!(
            out,
            "        - name: \"core[{slot}]\"\n          \
             attributes: {{buffer_position: soma, max_neurons_supported: {most}}}\n          \
             axon_in: [{{name: in, attributes: {{energy_message_in: 0, latency_message_in: {:e}}}}}]\n          \
             synapse: [{{name: syn, attributes: {{model: current_based, energy_process_spike: {:e}, latency_process_spike: {:e}}}}}]\n          \
             dendrite: [{{name: den, attributes: {{model: taps, energy_update: 0, latency_update: 0}}}}]\n          \
             soma: [{{name: \"{soma}\", attributes: {{model: input, energy_access_neuron: {:e}, latency_access_neuron: {:e}, energy_update_neuron: 0, latency_update_neuron: 0, energy_spike_out: {:e}, latency_spike_out: {:e}}}}}]\n          \
             axon_out: [{{name: out, attributes: {{energy_message_out: {:e}, latency_message_out: {:e}}}}}]\n",
            ns(f.time_message_in),
            pj(f.energy_synop_dense),
            ns(f.time_synop),
            pj(f.energy_update),
            ns(f.time_update),
            pj(f.energy_spike),
            ns(f.time_spike),
            pj(f.energy_message),
            ns(f.time_message_out),
        );
    }

    fn network(&self, messages: u64, hops: u64) -> String {
        let mut out = String::new();
        let synapses: u64 = self.network.projections.iter().map(|p| p.synapses.count()).sum();
        let _ = writeln!(
            out,
            "# `{}` for SANA-FE, written by snnc {}. Rates: {}.\n\
             # In {} steps it must count {messages} messages (packets_sent) and {hops} hops.",
            self.network.name,
            env!("CARGO_PKG_VERSION"),
            self.activity.origin,
            self.steps
        );
        if synapses > LISTED {
            out += "# One synapse is listed for each source and destination core, not every one.\n";
        }
        let _ = writeln!(out, "network:\n  name: \"{}\"\n  groups:", name(&self.network.name));
        for (p, population) in self.network.populations.iter().enumerate() {
            let _ = writeln!(out, "    - name: \"{}\"\n      neurons:", name(&population.name));
            for (i, spikes) in self.activity.spikes[p].iter().enumerate() {
                let unit = self.units[p][i];
                let _ = write!(out, "        - {i}: {{soma_hw_name: \"n[{unit}]\"");
                let train = train(spikes, self.steps);
                if !train.is_empty() {
                    let _ = write!(out, ", spikes: [{train}]");
                }
                out += "}\n";
            }
        }
        if !self.network.outputs.is_empty() {
            let _ = writeln!(out, "    - name: \"{HOST}\"\n      neurons:");
            for output in 0..self.network.outputs.len() {
                let _ = writeln!(out, "        - {output}: {{soma_hw_name: \"n[0]\"}}");
            }
        }
        self.edges(&mut out, synapses > LISTED);
        self.mappings(&mut out);
        out
    }

    fn edges(&self, out: &mut String, reduced: bool) {
        let population = |p: usize| name(&self.network.populations[p].name);
        *out += "  edges:\n";
        let none = self.network.projections.is_empty() && self.network.outputs.is_empty();
        if none {
            *out += "    []\n";
        }
        for projection in &self.network.projections {
            let core_of = &self.assignment.core_of[projection.to];
            let core = |output: &u32| core_of[projection.target(*output) as usize];
            let mut outputs: Vec<u32> = (0..projection.synapses.outputs() as u32).collect();
            outputs.sort_by_key(|output| (core(output), *output));
            let mut pairs = String::new();
            let mut count = 0u64;
            // The core to which a source was last listed.
            let sources = self.network.populations[projection.from].neurons;
            let mut listed = vec![u32::MAX; sources as usize];
            for output in &outputs {
                let (to, target) = (core(output), projection.target(*output));
                projection.synapses.for_each_input(*output, |input| {
                    let source = projection.source(input);
                    let last = &mut listed[source as usize];
                    if !reduced || *last != to {
                        let comma = if count > 0 { ", " } else { "" };
                        let _ = write!(pairs, "{comma}[{source}, {target}]");
                        count += 1;
                    }
                    *last = to;
                });
            }
            let (from, to) = (population(projection.from), population(projection.to));
            edge(out, &from, &to, &pairs, count);
        }
        for (o, output) in self.network.outputs.iter().enumerate() {
            let pairs: Vec<String> = output.neurons.iter().map(|n| format!("[{n}, {o}]")).collect();
            let count = pairs.len() as u64;
            edge(out, &population(output.from), HOST, &pairs.join(", "), count);
        }
    }

    fn mappings(&self, out: &mut String) {
        *out += "mappings:\n";
        let host = format!("0.{}", self.sending_slot());
        for (p, population) in self.network.populations.iter().enumerate() {
            let group = name(&population.name);
            let place = |i: usize| match population.on_chip() {
                true => {
                    let site = &self.sites[self.assignment.core_of[p][i] as usize];
                    format!("{}.{}", self.tile(site), site.slot)
                }
                false => host.clone(),
            };
            let all: Vec<usize> = (0..population.neurons as usize).collect();
            let core = |i: &usize| self.assignment.core_of[p].get(*i);
            for run in all.chunk_by(|a, b| core(a) == core(b)) {
                let (first, last) = (run[0], run[run.len() - 1]);
                let neurons =
                    if first == last { first.to_string() } else { format!("{first}..{last}") };
                let _ = writeln!(out, "  - \"{group}.{neurons}\": {{core: {}}}", place(first));
            }
        }
        for (output, slot) in self.receiving_slots().enumerate() {
            let _ = writeln!(out, "  - \"{HOST}.{output}\": {{core: 0.{slot}}}");
        }
    }
}

fn edge(out: &mut String, from: &str, to: &str, pairs: &str, count: u64) {
    let zeros = vec!["0"; count as usize].join(", ");
    let _ = writeln!(
        out,
        "    - \"{from} -> {to}\": {{type: sparse, source_target_pairs: [{pairs}], weight: [{zeros}]}}"
    );
}

/// A group's name: dots separate neurons there.
fn name(path: &str) -> String {
    path.replace('.', "/")
}

/// `0, 1, 0` up to the last spike.
fn train(spikes: &[u32], steps: u64) -> String {
    let mut entries = Vec::new();
    for t in spikes.iter().filter(|t| u64::from(**t) <= steps) {
        entries.resize((*t as usize).saturating_sub(1).max(entries.len()), "0");
        entries.push("1");
    }
    entries.join(", ")
}
