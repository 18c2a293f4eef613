//! A manifest as a plan: what it says of the network, of the chip and of who is where.
//!
//! Nothing else in it is believed: the rest of the plan is computed again. Every number is
//! checked before something is computed or allocated from it.

use super::schema::{self, Encoding, Manifest, On, Sign, Span};
use super::text;
use crate::network::{
    Assignment, ChipNetwork, Config, Conv, Dense, HostProcess, Layer, Output, Population, Program,
    Projection, Rate, Rates, ResetTiming, SignMode, Sparse, Synapses, WeightFormat,
};
use crate::plan::{ChipTarget, Plan};
use crate::profile::Profile;
use crate::ranges::Ranges;
use crate::site::Site;
use crate::verify::Finding;
use crate::weights::Weights;
use indexmap::IndexMap;
use snn_ir::diagnostics::Code;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A manifest describes at most this many neurons.
const MOST_NEURONS: u64 = 1 << 27;

/// A convolution has at most this many weights, and reads so many positions.
const MOST_WEIGHTS: u64 = 1 << 32;

/// What a manifest places. Without a weights file sparse projections have no synapses.
///
/// # Errors
/// E0814 for each part from which no plan can be made.
pub(crate) fn plan(manifest: &Manifest, weights: Option<&Weights>) -> Result<Plan, Vec<Finding>> {
    let mut reader = Reader { manifest, weights, findings: Vec::new() };
    let plan = reader.plan();
    match (plan, reader.findings.is_empty()) {
        (Some(plan), true) => Ok(plan),
        _ => Err(reader.findings),
    }
}

struct Reader<'a> {
    manifest: &'a Manifest,
    weights: Option<&'a Weights>,
    findings: Vec<Finding>,
}

/// Where names stand in a list.
type Index<'a> = BTreeMap<&'a str, usize>;

impl<'a> Reader<'a> {
    fn wrong(&mut self, path: String, message: impl Into<String>, help: &str) {
        self.findings.push(Finding::new(Code::E0814, path, message, help));
    }

    fn index(
        &mut self,
        list: &str,
        names: impl Iterator<Item = &'a String>,
    ) -> BTreeMap<&'a str, usize> {
        let mut index = BTreeMap::new();
        for (i, name) in names.enumerate() {
            if index.insert(name.as_str(), i).is_some() {
                let message = format!("`{name}` stands twice");
                self.wrong(
                    format!("{list}[{i}].name"),
                    message,
                    "names are references: give each once",
                );
            }
        }
        index
    }

    fn find(&mut self, index: &Index, name: &str, path: String, kind: &str) -> Option<usize> {
        let found = index.get(name).copied();
        if found.is_none() {
            self.wrong(path, format!("there is no {kind} `{name}`"), "name one of the manifest's");
        }
        found
    }

    fn plan(&mut self) -> Option<Plan> {
        let manifest = self.manifest;
        let target = self.target()?;
        let populations = self.index("populations", manifest.populations.iter().map(|p| &p.name));
        let programs = self.index("programs", manifest.programs.iter().map(|p| &p.name));
        self.index("projections", manifest.projections.iter().map(|p| &p.name));
        let network = ChipNetwork {
            name: manifest.network.clone(),
            populations: self.populations(&programs)?,
            step_latency: manifest.schedule.step_latency,
            programs: manifest.programs.iter().map(program).collect(),
            ..ChipNetwork::default()
        };
        let mut network = ChipNetwork {
            projections: self.projections(&network, &populations)?,
            outputs: self.outputs(&network, &populations)?,
            ..network
        };
        network.host = manifest.host.iter().map(|row| host(row, &network)).collect();
        let rates = self.rates(&network)?;
        let sites = self.sites(&target)?;
        let assignment = self.assignment(&network, &populations)?;
        let plan =
            Plan::new(manifest.source.clone(), network, target, rates, &assignment, &sites, None);
        match plan {
            Ok(plan) if plan.sites.len() < manifest.cores.len() => {
                let message = "the groups of a core have no neurons";
                self.wrong("cores".into(), message, "list only cores in use");
                None
            }
            Ok(plan) => Some(Plan { warnings: manifest.warnings.clone(), ..plan }),
            Err(why) => {
                self.wrong("cores".into(), why.to_string(), "a core holds at least one neuron");
                None
            }
        }
    }

    fn target(&mut self) -> Option<ChipTarget> {
        let target = &self.manifest.target;
        // What a profile of the compiler's says is not for the manifest to say.
        let profile = match Profile::names().any(|known| known == target.profile) {
            true => Profile::load(&target.profile, Path::new("")),
            false => Profile::of(
                target.profile.clone(),
                target.about.clone(),
                target.provenance.clone(),
                IndexMap::from([(target.board.clone(), target.layout.clone())]),
            ),
        };
        let profile = match profile {
            Ok(profile) => profile,
            Err(why) => {
                self.wrong("target.provenance".into(), why.message, &why.help);
                return None;
            }
        };
        let chips = match profile.boards.get(&target.board) {
            Some(board) => board.chips,
            None => {
                let names: Vec<&str> = profile.boards.keys().map(String::as_str).collect();
                let message = format!("`{}` has no board `{}`", profile.name, target.board);
                let help = format!("its boards are {}", names.join(", "));
                self.wrong("target.board".into(), message, &help);
                return None;
            }
        };
        if !target.bad_cores.is_sorted_by(|a, b| a < b) {
            let message = "the numbers do not ascend";
            self.wrong("target.bad_cores".into(), message, "list each core once, in order");
        }
        let f = &profile.figures;
        let die = f.cores_on_die();
        let all = u64::from(chips[0]) * u64::from(chips[1]) * die;
        if let Some((b, id)) = target.bad_cores.iter().enumerate().find(|(_, id)| **id >= all) {
            let message = format!("the board has no core {id}");
            let help = format!("its cores are 0 to {}", all - 1);
            self.wrong(format!("target.bad_cores[{b}]"), message, &help);
        }
        Some(ChipTarget {
            profile,
            board: target.board.clone(),
            chips,
            bad_cores: target.bad_cores.clone(),
            objective: target.objective.clone(),
        })
    }

    fn populations(&mut self, programs: &Index) -> Option<Vec<Population>> {
        let mut populations = Vec::new();
        let mut all = 0u64;
        for (p, described) in self.manifest.populations.iter().enumerate() {
            let path = format!("populations[{p}]");
            let neurons = described.shape.iter().try_fold(1u64, |n, side| n.checked_mul(*side));
            let neurons = neurons.filter(|n| *n <= MOST_NEURONS);
            all = all.saturating_add(neurons.unwrap_or(u64::MAX));
            let (Some(neurons), true) = (neurons, all <= MOST_NEURONS) else {
                let message = format!("there are more than {MOST_NEURONS} neurons");
                self.wrong(format!("{path}.shape"), message, "split the network");
                return None;
            };
            let neurons = neurons as u32;
            let layer = match described.runs_on {
                On::Host => None,
                On::Cores => Some(self.layer(described, neurons, programs, &path)?),
            };
            populations.push(Population {
                name: described.name.clone(),
                shape: described.shape.iter().map(|n| *n as usize).collect(),
                neurons,
                layer,
                loc: None,
            });
        }
        Some(populations)
    }

    fn layer(
        &mut self,
        described: &schema::Population,
        neurons: u32,
        programs: &Index,
        path: &str,
    ) -> Option<Layer> {
        let name = described.program.as_deref().unwrap_or_default();
        let program = self.find(programs, name, format!("{path}.program"), "program")?;
        let mut config_of = vec![u16::MAX; neurons as usize];
        for (c, config) in described.configurations.iter().enumerate() {
            let path = format!("{path}.configurations[{c}].neurons");
            let held = self.neurons(&config.neurons, neurons, &path)?;
            for neuron in held.iter() {
                let of = &mut config_of[neuron as usize];
                if *of != u16::MAX || c >= usize::from(u16::MAX) {
                    let message = format!("neuron {neuron} has two configurations");
                    self.wrong(path, message, "give each neuron one");
                    return None;
                }
                *of = c as u16;
            }
        }
        if let Some(neuron) = config_of.iter().position(|c| *c == u16::MAX) {
            let message = format!("neuron {neuron} has no configuration");
            self.wrong(format!("{path}.configurations"), message, "give each neuron one");
            return None;
        }
        if described.configurations.len() == 1 {
            config_of.clear();
        }
        let bias_mant = match (self.weights, &described.bias_mant) {
            (None, None) => Vec::new(),
            (None, Some(Span::One(mantissa))) => vec![*mantissa],
            (None, Some(Span::From(ends))) => ends.to_vec(),
            (Some(weights), _) => match weights.bias(&described.name, neurons) {
                Ok(bias) => bias,
                Err(why) => {
                    self.findings.push(Finding::data(format!("{path}.bias_mant"), why));
                    return None;
                }
            },
        };
        let config = |c: &schema::Configuration| {
            Config(c.parameters.iter().map(|(name, value)| (name.clone(), *value)).collect())
        };
        let reset = |r: &schema::Reset| ResetTiming { interval: r.interval, offset: r.offset };
        Some(Layer {
            program,
            configs: described.configurations.iter().map(config).collect(),
            config_of,
            bias_mant,
            resets: described.resets.iter().map(reset).collect(),
        })
    }

    fn neurons(&mut self, text: &str, neurons: u32, path: &str) -> Option<Ranges> {
        match text.parse::<Ranges>() {
            Ok(ranges) if ranges.last().is_none_or(|last| last < neurons) => return Some(ranges),
            Ok(_) => {
                let message = format!("`{text}` goes beyond the last of {neurons} neurons");
                self.wrong(path.into(), message, "neurons count from 0");
            }
            Err(why) => self.wrong(path.into(), why.to_string(), "both ends are included"),
        }
        None
    }

    fn projections(&mut self, network: &ChipNetwork, names: &Index) -> Option<Vec<Projection>> {
        let mut projections = Vec::new();
        for (q, described) in self.manifest.projections.iter().enumerate() {
            let path = format!("projections[{q}]");
            let from = self.find(names, &described.from, format!("{path}.from"), "population")?;
            let to = self.find(names, &described.to, format!("{path}.to"), "layer")?;
            if !network.populations[to].on_chip() {
                let message = format!("`{}` is not on cores", described.to);
                self.wrong(format!("{path}.to"), message, "synapses lead to layers on cores");
                return None;
            }
            let ends = [(described.inputs, from), (described.outputs, to)];
            let lists = [&described.gather, &described.scatter];
            let mut ways = [None, None];
            for (side, ((size, population), list)) in ends.into_iter().zip(lists).enumerate() {
                let key = [["inputs", "gather"], ["outputs", "scatter"]][side];
                let neurons = network.populations[population].neurons;
                let of = &network.populations[population].name;
                let numbers = match list {
                    None if size == u64::from(neurons) => continue,
                    None => {
                        let message = format!("`{of}` has {neurons} neurons, not {size}");
                        self.wrong(format!("{path}.{}", key[0]), message, "one for each neuron");
                        return None;
                    }
                    Some(list) if size <= MOST_NEURONS => text::of_runs(list, size),
                    Some(_) => None,
                };
                let numbers = numbers.filter(|list| list.iter().all(|n| *n < neurons));
                let distinct = |list: &Vec<u32>| {
                    let mut seen = vec![false; neurons as usize];
                    list.iter().all(|n| !std::mem::replace(&mut seen[*n as usize], true))
                };
                match numbers.filter(|list| side == 0 || distinct(list)) {
                    Some(list) => ways[side] = Some(Arc::new(list)),
                    None => {
                        let message = format!("this is not a list of {size} neurons of `{of}`");
                        let help = "write ranges in the order of inputs or outputs";
                        self.wrong(format!("{path}.{}", key[1]), message, help);
                        return None;
                    }
                }
            }
            for (list, key) in ways.iter().zip(["gather", "scatter"]) {
                match self.weights.map(|w| w.list(&described.name, key)) {
                    Some(Ok(stored)) if stored.as_ref() != list.as_deref() => {
                        let message = "the weights file has another list";
                        let help = "put the file beside the manifest that was written with it";
                        let path = format!("{path}.{key}");
                        self.findings.push(Finding::new(Code::E0813, path, message, help));
                    }
                    Some(Err(why)) => self.findings.push(Finding::data(&path, why)),
                    _ => {}
                }
            }
            let synapses = self.synapses(described, &path)?;
            let [gather, scatter] = ways;
            let projection = Projection {
                name: described.name.clone(),
                from,
                to,
                gather,
                scatter,
                synapses,
                format: WeightFormat {
                    bits: described.weight_bits,
                    exp: described.weight_exp,
                    sign: match described.sign_mode {
                        Sign::Mixed => SignMode::Mixed,
                        Sign::Excitatory => SignMode::Excitatory,
                        Sign::Inhibitory => SignMode::Inhibitory,
                    },
                    max_delay: described.max_delay,
                },
                graded: described.graded,
                loc: None,
            };
            if let Some(Err(why)) = self.weights.map(|w| w.check(&projection)) {
                self.findings.push(Finding::data(&path, why));
            }
            projections.push(projection);
        }
        Some(projections)
    }

    fn synapses(&mut self, described: &schema::Projection, path: &str) -> Option<Synapses> {
        // Both are at most the neurons of a population, or the length of a list.
        let (inputs, outputs) = (described.inputs as u32, described.outputs as u32);
        if described.conv.is_some() != (described.encoding == Encoding::Conv) {
            let message = "a geometry belongs to the encoding `conv`, and to no other";
            self.wrong(format!("{path}.encoding"), message, "correct the encoding or the geometry");
            return None;
        }
        let synapses = match (described.encoding, &described.conv) {
            (Encoding::Sparse, _) => {
                let sparse = match self.weights {
                    Some(weights) => weights.sparse(&described.name, outputs, inputs),
                    None => Ok(Sparse {
                        outputs,
                        inputs,
                        starts: Arc::new(vec![0; outputs as usize + 1]),
                        sources: Arc::default(),
                        weights: Arc::default(),
                        delays: Arc::default(),
                    }),
                };
                match sparse {
                    Ok(sparse) => Synapses::Sparse(sparse),
                    Err(why) => {
                        self.findings.push(Finding::data(path, why));
                        return None;
                    }
                }
            }
            (Encoding::Conv, Some(shape)) => {
                if let Some(why) = unfit(shape, described.inputs, described.outputs) {
                    self.wrong(format!("{path}.conv"), why, "sizes follow from the kernel's");
                    return None;
                }
                Synapses::Conv(Conv {
                    input: shape.input,
                    output: shape.output,
                    kernel: shape.kernel,
                    stride: shape.stride,
                    padding: shape.padding,
                    dilation: shape.dilation,
                    groups: shape.groups,
                    weights: Arc::default(),
                })
            }
            _ => Synapses::Dense(Dense {
                outputs,
                inputs,
                weights: Arc::default(),
                delays: Arc::default(),
            }),
        };
        Some(synapses)
    }

    fn outputs(&mut self, network: &ChipNetwork, names: &Index) -> Option<Vec<Output>> {
        let mut outputs = Vec::new();
        for (o, described) in self.manifest.outputs.iter().enumerate() {
            let path = format!("outputs[{o}]");
            let from = self.find(names, &described.from, format!("{path}.from"), "layer")?;
            let population = &network.populations[from];
            if !population.on_chip() {
                let message = format!("`{}` is not on cores", described.from);
                self.wrong(format!("{path}.from"), message, "outputs are of layers on cores");
                return None;
            }
            let path = format!("{path}.neurons");
            let neurons = self.neurons(&described.neurons, population.neurons, &path)?;
            outputs.push(Output { from, to: described.to.clone(), neurons });
        }
        Some(outputs)
    }

    fn rates(&mut self, network: &ChipNetwork) -> Option<Rates> {
        let described = &self.manifest.rates;
        if described.of.len() != network.populations.len() {
            let (a, b) = (described.of.len(), network.populations.len());
            let message = format!("there are rates of {a} populations, but there are {b}");
            self.wrong("rates.of".into(), message, "give one entry for each, in order");
            return None;
        }
        let mut of = Vec::new();
        for (p, (row, population)) in described.of.iter().zip(&network.populations).enumerate() {
            let path = format!("rates.of[{p}]");
            of.push(match (row.each, row.mean, self.weights) {
                (Some(rate), None, _) if rate.is_finite() && rate >= 0.0 => Rate::Uniform(rate),
                (None, Some(mean), None) if mean.is_finite() && mean >= 0.0 => Rate::Uniform(mean),
                (None, Some(_), Some(weights)) => {
                    match weights.rates(&population.name, population.neurons) {
                        Ok(rates) => Rate::Each(rates),
                        Err(why) => {
                            self.findings.push(Finding::data(path, why));
                            return None;
                        }
                    }
                }
                _ => {
                    let message = "a population has either a rate for `each` or a `mean`";
                    self.wrong(path, message, "write one number of at least 0");
                    return None;
                }
            });
        }
        Some(Rates { of, origin: described.origin.clone() })
    }

    fn sites(&mut self, target: &ChipTarget) -> Option<Vec<Site>> {
        let figures = &target.profile.figures;
        let mut sites = Vec::new();
        let mut whole = true;
        let mut before = None;
        for (c, core) in self.manifest.cores.iter().enumerate() {
            let site = Site { chip: core.chip, router: core.router, slot: core.slot };
            sites.push(site);
            let (message, help) = if !site.is_on(target.chips, figures) {
                ("the board has no such core".to_string(), "see target.layout and target.grid")
            } else if site.id(figures) != core.id {
                let follows = format!("this is core {}, not {}", site.id(figures), core.id);
                (follows, "correct the number, or chip, router and slot")
            } else if site.on_chip(figures) >= figures.usable_cores {
                let message = format!("programs may use {} cores of a chip", figures.usable_cores);
                (message, "place its neurons on another core")
            } else if target.bad_cores.binary_search(&core.id).is_ok() {
                ("the core is in `bad_cores`".into(), "place its neurons on another core")
            } else if before >= Some(core.id) {
                ("cores are not in order of their numbers".into(), "list each once, in order")
            } else {
                before = Some(core.id);
                continue;
            };
            whole = false;
            self.wrong(format!("cores[{c}].id"), message, help);
        }
        whole.then_some(sites)
    }

    /// The core of each neuron, from the groups.
    fn assignment(&mut self, network: &ChipNetwork, names: &Index) -> Option<Assignment> {
        const NOWHERE: u32 = u32::MAX;
        let cells =
            |p: &Population| vec![NOWHERE; if p.on_chip() { p.neurons as usize } else { 0 }];
        let mut core_of: Vec<Vec<u32>> = network.populations.iter().map(cells).collect();
        for (c, core) in self.manifest.cores.iter().enumerate() {
            if core.groups.is_empty() {
                let message = "the core has no neurons";
                self.wrong(format!("cores[{c}].groups"), message, "list only cores in use");
            }
            for (g, group) in core.groups.iter().enumerate() {
                let path = format!("cores[{c}].groups[{g}]");
                let layer = self.find(names, &group.layer, format!("{path}.layer"), "layer")?;
                // For a population of the host none of its neurons can be here.
                let neurons = core_of[layer].len() as u32;
                let path = format!("{path}.neurons");
                let held = self.neurons(&group.neurons, neurons, &path)?;
                for neuron in held.iter() {
                    let of = &mut core_of[layer][neuron as usize];
                    if *of != NOWHERE {
                        let other = self.manifest.cores[*of as usize].id;
                        let message =
                            format!("neuron {neuron} of `{}` is on core {other} too", group.layer);
                        self.wrong(path, message, "put each neuron on one core");
                        return None;
                    }
                    *of = c as u32;
                }
            }
        }
        for (population, cores) in network.populations.iter().zip(&core_of) {
            if let Some(neuron) = cores.iter().position(|c| *c == NOWHERE) {
                let message = format!("neuron {neuron} of `{}` is on no core", population.name);
                self.wrong("cores".into(), message, "put each neuron on one core");
            }
        }
        Some(Assignment { cores: self.manifest.cores.len() as u32, core_of })
    }
}

/// Why a convolution's sizes do not go together.
fn unfit(shape: &schema::ConvShape, inputs: u64, outputs: u64) -> Option<String> {
    let product = |sides: &[u32]| sides.iter().try_fold(1u64, |n, s| n.checked_mul((*s).into()));
    if product(&shape.input) != Some(inputs) {
        return Some(format!("an input of {:?} is not {inputs} neurons", shape.input));
    }
    if product(&shape.output) != Some(outputs) {
        return Some(format!("an output of {:?} is not {outputs} neurons", shape.output));
    }
    let sizes = [shape.kernel, shape.stride, shape.dilation, [shape.groups; 2]];
    if sizes.iter().flatten().any(|n| *n == 0) {
        return Some("a kernel, stride, dilation or number of groups is 0".into());
    }
    for axis in [0, 1] {
        let [input, kernel, stride, padding, dilation] = [
            shape.input[axis],
            shape.kernel[axis],
            shape.stride[axis],
            shape.padding[axis],
            shape.dilation[axis],
        ]
        .map(u64::from);
        // Neither product nor sum exceeds 2^64: the factors have 32 bits.
        let reach = dilation * (kernel - 1) + 1;
        let size = (input + 2 * padding).checked_sub(reach).map_or(0, |free| free / stride + 1);
        if size != u64::from(shape.output[axis]) {
            let name = ["width", "height"][axis];
            return Some(format!(
                "the output's {name} is {}, but {size} follows",
                shape.output[axis]
            ));
        }
    }
    let [input, output] = [shape.input[2], shape.output[2]];
    if input % shape.groups != 0 || output % shape.groups != 0 {
        return Some(format!("{} groups do not divide the channels", shape.groups));
    }
    let weights = [output, shape.kernel[0], shape.kernel[1], input / shape.groups];
    let taps = [shape.output[0], shape.output[1], shape.kernel[0], shape.kernel[1]];
    let fits = |sides| product(sides).is_some_and(|n| n <= MOST_WEIGHTS);
    (!fits(&weights) || !fits(&taps)).then(|| format!("it has more than {MOST_WEIGHTS} weights"))
}

fn program(described: &schema::Program) -> Program {
    Program {
        name: described.name.clone(),
        state: described.state.iter().map(|(name, bits)| (name.clone(), *bits)).collect(),
        operations: described.operations.clone(),
    }
}

fn host(described: &schema::Host, network: &ChipNetwork) -> HostProcess {
    let schema::Host { process, resource, reason, .. } = described.clone();
    let adapters = network.adapters(&process);
    HostProcess { process, resource, reason, adapters }
}
