//! A plan as a manifest.

use super::schema::{
    AxonsIn, AxonsOut, Configuration, ConvShape, Core, CoreLoad, CoreMessages, Encoding, FanOut,
    Group, Host, HostAxons, LayerReset, LinkLoad, Manifest, On, Output, Population, PopulationRate,
    Precision, Program, Projection, Rates, Reset, Resources, SCHEMA, Schedule, Sign, Span, Target,
    Traffic, Weights,
};
use super::text;
use crate::estimate::{Estimate, busy_ns};
use crate::mapped::{self, CoreUse, End};
use crate::network::{self, ChipNetwork, Conv, Rate, SignMode, Synapses};
use crate::parallel;
use crate::plan::Plan;
use crate::profile::{Basis, Board};
use crate::ranges::Ranges;
use crate::resources::Resource;
use crate::traffic::{Link, rounded};
use crate::weights::{Names, distinct};
use indexmap::IndexMap;

/// The hottest links and cores are listed up to this many.
const HOTTEST: usize = 8;

/// A layer's routes from a core to other cores are listed up to this many: in a network whose
/// neurons reach anywhere they would be as many as pairs of cores.
const MOST_ROUTES: usize = 64;

/// The manifest of a plan, with the file that its weights were written to; it has no digest yet.
pub fn build(plan: &Plan, weights: Option<Weights>) -> Manifest {
    let names = Names::of(&plan.network);
    let programs = distinct(plan.network.programs.iter().map(|p| p.name.as_str()));
    let build = Build { plan, names: &names, programs: &programs };
    let cores: Vec<usize> = (0..plan.sites.len()).collect();
    Manifest {
        schema: SCHEMA.into(),
        source: plan.source.clone(),
        target: build.target(),
        precision: build.precision(),
        schedule: build.schedule(),
        host: plan.network.host.iter().map(host).collect(),
        network: plan.network.name.clone(),
        populations: build.populations(),
        projections: build.projections(),
        outputs: build.outputs(),
        programs: build.programs(),
        rates: build.rates(),
        weights,
        cores: parallel::map(&cores, mapped::FEW, || (), |(), core| build.core(*core)),
        host_axons: build.host_axons(),
        traffic: build.traffic(),
        estimate: Estimate::of(plan),
        warnings: plan.warnings.clone(),
        digest: String::new(),
    }
}

struct Build<'a> {
    plan: &'a Plan,
    names: &'a Names,
    programs: &'a [String],
}

fn host(process: &network::HostProcess) -> Host {
    let network::HostProcess { process, resource, reason, adapters } = process.clone();
    Host { process, resource, reason, adapters }
}

impl Build<'_> {
    fn network(&self) -> &ChipNetwork {
        &self.plan.network
    }

    fn population(&self, p: usize) -> String {
        self.names.populations[p].clone()
    }

    fn projection(&self, q: usize) -> String {
        self.names.projections[q].clone()
    }

    fn id(&self, core: usize) -> u64 {
        self.plan.sites[core].id(&self.plan.target.profile.figures)
    }

    fn target(&self) -> Target {
        let target = &self.plan.target;
        let (profile, figures) = (&target.profile, &target.profile.figures);
        let given = Board { chips: target.chips, basis: Basis::U, source: String::new() };
        let known = profile.boards.get(&target.board).filter(|b| b.chips == target.chips);
        Target {
            profile: profile.name.clone(),
            about: profile.about.clone(),
            board: target.board.clone(),
            layout: known.cloned().unwrap_or(given),
            chips: self.plan.traffic.chips.len() as u64,
            grid: [figures.routers_x, figures.routers_y],
            cores_per_router: figures.cores_per_router,
            usable_cores: figures.usable_cores,
            bad_cores: target.bad_cores.clone(),
            objective: target.objective.clone(),
            provenance: profile.provenance.clone(),
        }
    }

    fn layers(&self) -> impl Iterator<Item = (usize, &network::Layer)> {
        let layers = self.network().populations.iter().enumerate();
        layers.filter_map(|(p, population)| Some((p, population.layer.as_ref()?)))
    }

    fn precision(&self) -> Vec<Precision> {
        let mut rows = Vec::new();
        for (p, layer) in self.layers() {
            let mut parameters = IndexMap::new();
            let first = layer.configs.first().map_or(&[][..], |c| &c.0);
            for (name, _) in first.iter().filter(|(n, _)| !Precision::KEYS.contains(&n.as_str())) {
                let of = |c: &network::Config| c.0.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
                let values = layer.configs.iter().filter_map(of);
                parameters.extend(span(values).map(|span| (name.clone(), span)));
            }
            let row = Precision {
                layer: self.population(p),
                projection: None,
                weight_bits: None,
                weight_exp: None,
                sign_mode: None,
                max_delay: None,
                parameters,
            };
            let to_layer = self.network().projections.iter().enumerate().filter(|(_, q)| q.to == p);
            let before = rows.len();
            rows.extend(to_layer.map(|(q, projection)| Precision {
                projection: Some(self.projection(q)),
                weight_bits: Some(projection.format.bits),
                weight_exp: Some(projection.format.exp),
                sign_mode: Some(sign(projection.format.sign)),
                max_delay: Some(projection.format.max_delay),
                ..row.clone()
            }));
            if rows.len() == before {
                rows.push(row);
            }
        }
        rows
    }

    fn schedule(&self) -> Schedule {
        let mut resets = Vec::new();
        for (p, layer) in self.layers() {
            resets.extend(layer.resets.iter().map(|reset| LayerReset {
                layer: self.population(p),
                interval: reset.interval,
                offset: reset.offset,
            }));
        }
        Schedule { step_latency: self.network().step_latency, resets }
    }

    fn populations(&self) -> Vec<Population> {
        let row = |(p, population): (usize, &network::Population)| {
            let layer = population.layer.as_ref();
            let reset = |r: &network::ResetTiming| Reset { interval: r.interval, offset: r.offset };
            Population {
                name: self.population(p),
                runs_on: if layer.is_some() { On::Cores } else { On::Host },
                shape: population.shape.iter().map(|n| *n as u64).collect(),
                program: layer.and_then(|l| self.programs.get(l.program).cloned()),
                configurations: layer
                    .map(|l| configurations(l, population.neurons))
                    .unwrap_or_default(),
                bias_mant: layer.and_then(|l| span(l.bias_mant.iter().copied())),
                resets: layer.map(|l| l.resets.iter().map(reset).collect()).unwrap_or_default(),
            }
        };
        self.network().populations.iter().enumerate().map(row).collect()
    }

    fn projections(&self) -> Vec<Projection> {
        let mut synapses = vec![0; self.network().projections.len()];
        for axons in self.plan.mapped.cores.iter().flat_map(|core| &core.axons_in) {
            synapses[axons.projection] += axons.synapses;
        }
        let row = |(q, projection): (usize, &network::Projection)| Projection {
            name: self.projection(q),
            from: self.population(projection.from),
            to: self.population(projection.to),
            encoding: encoding(&projection.synapses),
            inputs: projection.synapses.inputs(),
            outputs: projection.synapses.outputs(),
            weight_bits: projection.format.bits,
            weight_exp: projection.format.exp,
            sign_mode: sign(projection.format.sign),
            max_delay: projection.format.max_delay,
            graded: projection.graded,
            conv: match &projection.synapses {
                Synapses::Conv(conv) => Some(conv_shape(conv)),
                _ => None,
            },
            gather: projection.gather.as_ref().map(|list| text::runs(list)),
            scatter: projection.scatter.as_ref().map(|list| text::runs(list)),
            synapses: synapses[q],
        };
        self.network().projections.iter().enumerate().map(row).collect()
    }

    fn outputs(&self) -> Vec<Output> {
        let row = |output: &network::Output| Output {
            from: self.population(output.from),
            to: output.to.clone(),
            neurons: output.neurons.to_string(),
        };
        self.network().outputs.iter().map(row).collect()
    }

    fn programs(&self) -> Vec<Program> {
        let row = |(program, name): (&network::Program, &String)| Program {
            name: name.clone(),
            state: program.state.iter().cloned().collect(),
            operations: program.operations.clone(),
        };
        self.network().programs.iter().zip(self.programs).map(row).collect()
    }

    fn rates(&self) -> Rates {
        let row = |(p, rate): (usize, &Rate)| {
            let (each, mean) = match rate {
                Rate::Uniform(rate) => (Some(*rate), None),
                Rate::Each(rates) => {
                    (None, Some(rates.iter().sum::<f64>() / rates.len().max(1) as f64))
                }
            };
            PopulationRate { population: self.population(p), each, mean }
        };
        let of = self.plan.rates.of.iter().enumerate().map(row).collect();
        Rates { origin: self.plan.rates.origin.clone(), of }
    }

    fn core(&self, core: usize) -> Core {
        let (site, used) = (&self.plan.sites[core], &self.plan.mapped.cores[core]);
        let group = |group: &mapped::GroupUse| Group {
            layer: self.population(group.layer),
            neurons: group.neurons.to_string(),
            group: group.config.into(),
        };
        Core {
            id: self.id(core),
            chip: site.chip,
            router: site.router,
            slot: site.slot,
            groups: used.groups.iter().map(group).collect(),
            axons_in: used.axons_in.iter().map(|axons| self.axons_in(axons)).collect(),
            axons_out: self.axons_out(&used.axons_out),
            resources: self.resources(used),
            load: self.load(used),
        }
    }

    /// A row for each route; for a layer's routes to very many cores one row.
    fn axons_out(&self, routes: &[mapped::AxonsOut]) -> Vec<AxonsOut> {
        let mut rows = Vec::new();
        for routes in routes.chunk_by(|a, b| a.layer == b.layer) {
            // A route to the host comes last: the ends are in order.
            let to_cores = routes.partition_point(|route| route.to != End::Host);
            let (many, each) = match to_cores > MOST_ROUTES {
                true => routes.split_at(to_cores),
                false => (&[][..], routes),
            };
            rows.extend(self.routes_at_once(many));
            rows.extend(each.iter().map(|route| {
                let (to_core, to_host) = match route.to {
                    End::Core(to) => (Some(self.id(to as usize)), Vec::new()),
                    End::Host => (None, self.ports(route.layer, &route.sources)),
                };
                let src = text::sources(&route.sources);
                self.axons_out_row(route, to_core, to_host, src, route.messages)
            }));
        }
        rows
    }

    fn axons_out_row(
        &self,
        route: &mapped::AxonsOut,
        to_core: Option<u64>,
        to_host: Vec<String>,
        src: String,
        messages: f64,
    ) -> AxonsOut {
        AxonsOut {
            layer: self.population(route.layer),
            to_core,
            to_cores: None,
            digest: None,
            to_host,
            src,
            messages: rounded(messages),
        }
    }

    /// Routes of one layer to cores as one row, if there are any. The digest is over each
    /// route's core, number of ranges and their ends.
    fn routes_at_once(&self, routes: &[mapped::AxonsOut]) -> Option<AxonsOut> {
        let mut neurons = Vec::new();
        let (mut cores, mut numbers) = (Vec::new(), Vec::new());
        for route in routes {
            let End::Core(to) = route.to else { continue };
            neurons.extend(route.sources.iter());
            // A mesh has at most 2^17 routers with at most 2^10 cores.
            let core = self.id(to as usize) as u32;
            cores.push(core);
            numbers.extend([core, route.sources.as_slice().len() as u32]);
            numbers.extend(text::ends(&route.sources));
        }
        neurons.sort_unstable();
        let src = text::sources(&Ranges::of_sorted(neurons));
        let messages = routes.iter().map(|route| route.messages).sum();
        let row = self.axons_out_row(routes.first()?, None, Vec::new(), src, messages);
        Some(AxonsOut {
            to_cores: Some(text::sources(&Ranges::of_sorted(cores))),
            digest: Some(text::digest(numbers.into_iter())),
            ..row
        })
    }

    /// The ports that some of these neurons are sent to.
    fn ports(&self, layer: usize, neurons: &Ranges) -> Vec<String> {
        let outputs = self.network().outputs.iter();
        let sent = outputs.filter(|o| o.from == layer && o.neurons.meets(neurons));
        sent.map(|output| output.to.clone()).collect()
    }

    fn axons_in(&self, axons: &mapped::AxonsIn) -> AxonsIn {
        let projection = &self.network().projections[axons.projection];
        let sparse = matches!(projection.synapses, Synapses::Sparse(_));
        let fan_out = axons.fan_out.iter().filter(|_| sparse);
        AxonsIn {
            from: self.population(projection.from),
            src: text::sources(&axons.sources),
            layer: self.population(projection.to),
            projection: self.projection(axons.projection),
            encoding: encoding(&projection.synapses),
            weight_bits: projection.format.bits,
            axons: axons.sources.len(),
            synapses: axons.synapses,
            words: axons.words,
            fan_out: fan_out
                .map(|(synapses, axons)| FanOut { synapses: *synapses, axons: *axons })
                .collect(),
        }
    }

    fn resources(&self, used: &CoreUse) -> Resources {
        let row = |r: Resource| [used.usage.of(r), self.plan.target.profile.limit(r)];
        Resources {
            axon_in: row(Resource::AxonIn),
            neuron_groups: row(Resource::NeuronGroups),
            neurons: row(Resource::Neurons),
            syn_words: row(Resource::SynWords),
            axon_map: row(Resource::AxonMap),
            axon_mem: row(Resource::AxonMem),
            total: row(Resource::Total),
        }
    }

    fn load(&self, used: &CoreUse) -> CoreLoad {
        CoreLoad {
            messages_in: rounded(used.load.messages_in),
            synops_per_step: rounded(used.load.all_synops()),
            updates: rounded(used.load.updates),
            spikes: rounded(used.load.spikes),
            messages_out: rounded(used.load.messages_out),
            time_us: rounded(busy_ns(&used.load, &self.plan.target.profile.figures) / 1e3),
        }
    }

    fn host_axons(&self) -> Vec<HostAxons> {
        let row = |axons: &mapped::HostAxons| HostAxons {
            from: self.population(axons.population),
            to_core: self.id(axons.to as usize),
            src: text::sources(&axons.sources),
            messages: rounded(axons.messages),
        };
        self.plan.mapped.host.iter().map(row).collect()
    }

    fn traffic(&self) -> Traffic {
        let traffic = &self.plan.traffic;
        let link = |(link, messages): &(Link, f64)| LinkLoad {
            chip: link.chip,
            router: link.router,
            direction: link.direction,
            messages: *messages,
        };
        let cores = self.plan.mapped.cores.iter().enumerate();
        let mut hottest_cores: Vec<CoreMessages> = cores
            .map(|(core, used)| CoreMessages {
                core: self.id(core),
                messages: rounded(used.load.messages_in + used.load.messages_out),
            })
            .collect();
        hottest_cores.sort_by(|a, b| b.messages.total_cmp(&a.messages));
        hottest_cores.truncate(HOTTEST);
        Traffic {
            messages_per_step: traffic.messages,
            same_core: traffic.same_core,
            from_host: traffic.from_host,
            to_host: traffic.to_host,
            hops: traffic.all_hops(),
            hops_x: traffic.hops[0],
            hops_y: traffic.hops[1],
            max_link: traffic.links.first().map(link),
            interchip: traffic.interchip,
            chip_hops: traffic.chip_hops,
            links: traffic.links.len() as u64,
            hottest_links: traffic.links.iter().take(HOTTEST).map(link).collect(),
            hottest_cores,
            chips: traffic.chips.clone(),
        }
    }
}

fn span(values: impl Iterator<Item = i64> + Clone) -> Option<Span> {
    let (low, high) = (values.clone().min()?, values.max()?);
    Some(if low == high { Span::One(low) } else { Span::From([low, high]) })
}

fn configurations(layer: &network::Layer, neurons: u32) -> Vec<Configuration> {
    let mut of: Vec<Vec<u32>> = vec![Vec::new(); layer.configs.len()];
    for (neuron, config) in layer.config_of.iter().enumerate() {
        if let Some(of) = of.get_mut(usize::from(*config)) {
            of.push(neuron as u32);
        }
    }
    let row = |(i, config): (usize, &network::Config)| {
        let held = match layer.config_of.is_empty() && i == 0 {
            true => Ranges::all(neurons),
            false => Ranges::of_sorted(of[i].iter().copied()),
        };
        let parameters = config.0.iter().cloned().collect();
        Configuration { neurons: held.to_string(), parameters }
    };
    layer.configs.iter().enumerate().map(row).collect()
}

fn conv_shape(conv: &Conv) -> ConvShape {
    ConvShape {
        input: conv.input,
        output: conv.output,
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.padding,
        dilation: conv.dilation,
        groups: conv.groups,
    }
}

fn encoding(synapses: &Synapses) -> Encoding {
    match synapses {
        Synapses::Dense(_) => Encoding::Dense,
        Synapses::Sparse(_) => Encoding::Sparse,
        Synapses::Conv(_) => Encoding::Conv,
    }
}

fn sign(sign: SignMode) -> Sign {
    match sign {
        SignMode::Mixed => Sign::Mixed,
        SignMode::Excitatory => Sign::Excitatory,
        SignMode::Inhibitory => Sign::Inhibitory,
    }
}
