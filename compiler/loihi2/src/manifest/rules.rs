//! The rules of the chip that a manifest must keep.

use super::schema::{Manifest, Population, Resources, Span};
use crate::activity;
use crate::network::Synapses;
use crate::plan::Plan;
use crate::profile::Figures;
use crate::resources::Resource;
use crate::verify::Finding;
use snn_ir::diagnostics::Code;
use std::collections::BTreeSet;

/// Adds an E0814 for every rule that a manifest breaks.
pub fn check(manifest: &Manifest, plan: &Plan, findings: &mut Vec<Finding>) {
    let mut rules = Rules { figures: &plan.target.profile.figures, findings };
    rules.words(manifest);
    rules.host(manifest, plan);
    rules.programs(manifest);
    rules.rates(manifest, plan);
    rules.populations(manifest);
    rules.projections(manifest);
    rules.embedded(manifest, plan);
    rules.convolutions(manifest, plan);
    rules.limits(manifest);
}

struct Rules<'a> {
    figures: &'a Figures,
    findings: &'a mut Vec<Finding>,
}

/// A program computes with at most so many bits.
const WIDEST_STATE: i64 = 32;

/// The library's neurons, whose parameters are those of the chip. What a parameter of another
/// program is called means nothing.
const NEURONS: [&str; 4] = ["LIF", "LIFRefractory", "LIFReset", "TernaryLIF"];

/// The range of a parameter that the chip gives a meaning to.
fn range(parameter: &str, f: &Figures) -> Option<[i64; 2]> {
    let power = |bits: u64| 1i64.checked_shl(bits as u32).filter(|n| *n > 0).unwrap_or(i64::MAX);
    match parameter {
        "du" => Some([-1, f.max_decay as i64 - 1]),
        "dv" => Some([0, f.max_decay as i64]),
        "vth" => Some([0, power(f.threshold_bits) - 1]),
        "vth_lo" | "vth_hi" => Some([1 - power(f.threshold_bits), power(f.threshold_bits) - 1]),
        "bias_exp" => Some([0, f.max_bias_exp as i64]),
        "bias_mant" => Some([-(f.bias_mantissa as i64), f.bias_mantissa as i64]),
        _ => None,
    }
}

impl Rules<'_> {
    fn broken(&mut self, path: String, message: String, help: &str) {
        self.findings.push(Finding::new(Code::E0814, path, message, help));
    }

    fn within(&mut self, path: String, value: i64, [low, high]: [i64; 2]) {
        if !(low..=high).contains(&value) {
            let message = format!("{value} is not from {low} to {high}");
            self.broken(path, message, "scale it to what the chip can hold");
        }
    }

    /// Texts that can only be one of a few.
    fn words(&mut self, manifest: &Manifest) {
        let mut one_of = |path: String, text: &str, words: &[&str]| {
            if !words.contains(&text) {
                let message = format!("`{text}` is none of {}", words.join(", "));
                self.broken(path, message, "write one of them");
            }
        };
        let objectives = ["energy", "latency", "edp"];
        one_of("target.objective".into(), &manifest.target.objective, &objectives);
        for (h, host) in manifest.host.iter().enumerate() {
            let path = format!("host[{h}].resource");
            one_of(path, &host.resource, &["cpu", "embedded"]);
        }
        let digest = &manifest.source.sha256;
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digest.len() != 64 || !digest.bytes().all(digit) {
            let message = format!("`{digest}` is not a SHA-256 digest");
            self.broken("source.sha256".into(), message, "write 64 hexadecimal digits");
        }
    }

    /// Ports belong to processes of the host, each of which is listed once.
    fn host(&mut self, manifest: &Manifest, plan: &Plan) {
        let mut named = BTreeSet::new();
        for (h, host) in manifest.host.iter().enumerate() {
            if !named.insert(host.process.as_str()) {
                let message = format!("`{}` stands twice", host.process);
                self.broken(format!("host[{h}].process"), message, "list each process once");
            }
        }
        let populations = plan.network.populations.iter().enumerate();
        let senders = populations.filter(|(_, p)| !p.on_chip());
        let senders = senders.map(|(p, of)| (format!("populations[{p}].name"), &of.name));
        let outputs = manifest.outputs.iter().enumerate();
        let outputs = outputs.map(|(o, output)| (format!("outputs[{o}].to"), &output.to));
        for (path, port) in senders.chain(outputs) {
            let process = port.rsplit_once('.').map_or("", |(process, _)| process);
            if !named.contains(process) {
                let message = format!("`{port}` is a port of no process of the host");
                self.broken(path, message, "list the process in `host`");
            }
        }
        if manifest.weights.is_none() && !manifest.projections.is_empty() {
            let message = "the weights of the projections stand in no file".to_string();
            self.broken("weights".into(), message, "name the file that was written with it");
        }
    }

    /// What a program assigns is its state, and one axon.
    fn programs(&mut self, manifest: &Manifest) {
        for (p, program) in manifest.programs.iter().enumerate() {
            let path = format!("programs[{p}]");
            let run = |of: &Population| of.program.as_ref() == Some(&program.name);
            if !manifest.populations.iter().any(run) {
                let message = format!("no layer runs `{}`", program.name);
                self.broken(format!("{path}.name"), message, "list the programs of layers");
            }
            for (name, bits) in &program.state {
                let bits = i64::from(*bits);
                self.within(format!("{path}.state.{name}"), bits, [1, WIDEST_STATE]);
            }
            let mut axon = None;
            for (o, operation) in program.operations.iter().enumerate() {
                let Some(name) = assigned(operation) else {
                    let message = format!("`{operation}` assigns nothing");
                    let help = "write what is computed, as in `v = v + a_in`";
                    self.broken(format!("{path}.operations[{o}]"), message, help);
                    continue;
                };
                if name == "let" || program.state.contains_key(name) {
                    continue;
                }
                let before = *axon.get_or_insert(name);
                if before != name {
                    let message = format!("neither `{before}` nor `{name}` is in the state");
                    let help = "a neuron has one axon; give the bits of everything else it assigns";
                    self.broken(format!("{path}.operations[{o}]"), message, help);
                }
            }
        }
    }

    /// Rates are those that their origin comes to.
    fn rates(&mut self, manifest: &Manifest, plan: &Plan) {
        let means: Vec<bool> = manifest.rates.of.iter().map(|rate| rate.mean.is_some()).collect();
        if let Some((p, why)) = activity::contradiction(&plan.network, &plan.rates, &means) {
            let path = format!("rates.of[{p}]");
            let of = &manifest.populations[p].name;
            let message = format!("the rate of `{of}` {why}, as `rates.origin` says");
            self.broken(path, message, "correct the rate, or where it comes from");
        }
    }

    fn populations(&mut self, manifest: &Manifest) {
        for (p, population) in manifest.populations.iter().enumerate() {
            let path = format!("populations[{p}]");
            let process = population.program.as_deref().and_then(|name| name.split(' ').next());
            let standard = process.is_some_and(|process| NEURONS.contains(&process));
            for (c, config) in population.configurations.iter().enumerate() {
                for (name, value) in config.parameters.iter().filter(|_| standard) {
                    if let Some(range) = range(name, self.figures) {
                        let path = format!("{path}.configurations[{c}].parameters.{name}");
                        self.within(path, *value, range);
                    }
                }
            }
            let bias = match population.bias_mant {
                None => vec![],
                Some(Span::One(mantissa)) => vec![mantissa],
                Some(Span::From(ends)) => ends.to_vec(),
            };
            for (mantissa, range) in bias.iter().zip(range("bias_mant", self.figures)) {
                self.within(format!("{path}.bias_mant"), *mantissa, range);
            }
            for (r, reset) in population.resets.iter().enumerate() {
                let path = format!("{path}.resets[{r}]");
                if self.figures.reset_power_of_two != 0 && !reset.interval.is_power_of_two() {
                    let message = format!("{} is not a power of two", reset.interval);
                    let help = "the chip resets at powers of two only";
                    self.broken(format!("{path}.interval"), message, help);
                }
                if reset.offset >= reset.interval {
                    let message = format!("{} is not below {}", reset.offset, reset.interval);
                    let help = "take the remainder by the interval";
                    self.broken(format!("{path}.offset"), message, help);
                }
            }
        }
        if manifest.schedule.step_latency != 1 {
            let message = format!("a message takes 1 step, not {}", manifest.schedule.step_latency);
            self.broken("schedule.step_latency".into(), message, "write 1");
        }
    }

    fn projections(&mut self, manifest: &Manifest) {
        let f = self.figures;
        for (q, projection) in manifest.projections.iter().enumerate() {
            let path = |key: &str| format!("projections[{q}].{key}");
            let exp = f.max_weight_exp as i64;
            let bits = [1, f.max_weight_bits as i64];
            self.within(path("weight_bits"), projection.weight_bits.into(), bits);
            self.within(path("weight_exp"), projection.weight_exp.into(), [-exp, exp]);
            self.within(path("max_delay"), projection.max_delay.into(), [0, f.max_delay as i64]);
            if projection.graded && f.payload_bits == 0 {
                let message = "messages of this chip carry no payload".to_string();
                self.broken(path("graded"), message, "use binary spikes");
            }
        }
    }

    /// Processes on the embedded CPUs of the board's chips.
    fn embedded(&mut self, manifest: &Manifest, plan: &Plan) {
        let [columns, rows] = plan.target.chips.map(u64::from);
        let most = columns * rows * self.figures.embedded_cpus;
        let embedded = manifest.host.iter().enumerate().filter(|(_, h)| h.resource == "embedded");
        if let Some((h, _)) = embedded.clone().nth(usize::try_from(most).unwrap_or(usize::MAX)) {
            let message = format!(
                "{} processes are on embedded CPUs, but the board has {most} of them",
                embedded.count()
            );
            self.broken(format!("host[{h}].resource"), message, "let the others be on `cpu`");
        }
    }

    /// The cores of a convolution's layer share its kernel's chip.
    fn convolutions(&mut self, manifest: &Manifest, plan: &Plan) {
        for (q, projection) in plan.network.projections.iter().enumerate() {
            let Synapses::Conv(_) = &projection.synapses else { continue };
            let cores = &plan.assignment.core_of[projection.to];
            let chip = |core: &u32| plan.sites[*core as usize].chip;
            let first = cores.first().map(chip);
            if let Some(other) = cores.iter().map(chip).find(|c| Some(*c) != first) {
                let layer = &manifest.projections[q].to;
                let message = format!(
                    "the convolution's layer `{layer}` is on chips {} and {other}",
                    first.unwrap_or_default()
                );
                let help = "put all its neurons on cores of one chip";
                self.broken(format!("projections[{q}].conv"), message, help);
            }
        }
    }

    fn limits(&mut self, manifest: &Manifest) {
        for (c, core) in manifest.cores.iter().enumerate() {
            for (resource, (name, [used, limit])) in table(&core.resources) {
                if used > limit {
                    let message = format!("{used} {}, but a core has {limit}", resource.words());
                    let path = format!("cores[{c}].resources.{name}");
                    self.broken(path, message, "put fewer neurons on the core");
                }
            }
        }
    }
}

/// The name that an operation assigns, or `let`.
fn assigned(operation: &str) -> Option<&str> {
    let conditional = operation.starts_with("when ") || operation.starts_with("at some steps");
    let statement = match operation.split_once(": ").filter(|_| conditional) {
        Some((_, statement)) => statement,
        None => operation,
    };
    let end = statement.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = statement.split_at(end);
    (!name.is_empty() && rest.contains('=')).then_some(name)
}

/// The rows of a core's table with their keys.
fn table(r: &Resources) -> [(Resource, (&'static str, [u64; 2])); 7] {
    [
        (Resource::AxonIn, ("axon_in", r.axon_in)),
        (Resource::NeuronGroups, ("neuron_groups", r.neuron_groups)),
        (Resource::Neurons, ("neurons", r.neurons)),
        (Resource::SynWords, ("syn_words", r.syn_words)),
        (Resource::AxonMap, ("axon_map", r.axon_map)),
        (Resource::AxonMem, ("axon_mem", r.axon_mem)),
        (Resource::Total, ("total", r.total)),
    ]
}
