//! A manifest whose weights file is missing.
//!
//! Only that file says which synapses a sparse projection has and how often single neurons
//! spike. Without it the rows that tell of them are taken from the manifest; everything else is
//! computed, from these rows where it follows from them.

use super::build;
use super::diff::same;
use super::schema::{self, Manifest};
use super::text;
use crate::estimate::{Bottleneck, busy_ns};
use crate::mapped::{self, AxonsIn, AxonsOut, CoreUse, End, HostAxons};
use crate::network::{Rate, Synapses};
use crate::plan::Plan;
use crate::ranges::Ranges;
use crate::resources::axon_words;
use crate::traffic::{ChipTraffic, Link, Traffic, rounded};
use crate::verify::Finding;
use snn_ir::diagnostics::Code;
use std::collections::{BTreeMap, BTreeSet};

/// No axon has more synapses than there are neurons.
const MOST_SYNAPSES: u64 = 1 << 27;

/// No core has nearly as many synapses, nor words for them; their sums do not overflow.
const MOST_WORDS: u64 = 1 << 40;

/// What follows from a plan that was read without weights, and from the rows of the manifest
/// that only the weights file could show to be right. Adds an E0813 where they contradict each
/// other.
pub fn build(manifest: &Manifest, mut plan: Plan, findings: &mut Vec<Finding>) -> Manifest {
    let mut rows = Rows::new(manifest, &plan);
    let cores = rows.axons(&plan, findings);
    plan.mapped = mapped::of_axons(&plan.network, &plan.assignment, &plan.rates, cores);
    rows.routes(&mut plan);
    rows.arrivals(&plan, findings);
    rows.loads(&mut plan, findings);
    plan.traffic = rows.traffic(&plan);
    let mut derived = build::build(&plan, manifest.weights.clone());
    for (row, declared) in derived.rates.of.iter_mut().zip(&manifest.rates.of) {
        (row.each, row.mean) = (declared.each, declared.mean);
    }
    rows.sources(&plan, &mut derived);
    rows.order(&plan, &mut derived);
    rows.energy(&plan, &mut derived, findings);
    derived
}

fn differs(
    path: String,
    declared: impl std::fmt::Display,
    follows: impl std::fmt::Display,
) -> Finding {
    let message = format!("`{follows}` follows, not `{declared}`");
    Finding::new(Code::E0813, path, message, "correct it, or what it follows from")
}

struct Rows<'a> {
    manifest: &'a Manifest,
    /// The position of each core by its number.
    position: BTreeMap<u64, usize>,
    populations: BTreeMap<&'a str, usize>,
    /// Whether the weights file has a rate for each neuron of a population.
    each: Vec<bool>,
    /// Core and population where it is not known which neurons have axons.
    hidden: BTreeSet<(usize, usize)>,
    /// The populations of `hidden`.
    partly: Vec<bool>,
    /// The sources of all routes to a core.
    sources: BTreeMap<(&'a str, u64), Vec<&'a str>>,
    /// Populations of which some routes stand in one row, with no number of messages for each.
    merged: BTreeSet<usize>,
    /// Whether some core has synapses of several kinds and one sum of their events.
    mixed: bool,
}

impl<'a> Rows<'a> {
    fn new(manifest: &'a Manifest, plan: &Plan) -> Rows<'a> {
        let mut sources: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for row in manifest.cores.iter().flat_map(|core| &core.axons_out) {
            if let Some(to) = row.to_core {
                sources.entry((row.layer.as_str(), to)).or_default().push(&row.src);
            }
        }
        for row in &manifest.host_axons {
            sources.entry((row.from.as_str(), row.to_core)).or_default().push(&row.src);
        }
        let ids = manifest.cores.iter().enumerate();
        let names = manifest.populations.iter().enumerate();
        Rows {
            manifest,
            position: ids.map(|(c, core)| (core.id, c)).collect(),
            populations: names.map(|(p, population)| (population.name.as_str(), p)).collect(),
            each: manifest
                .rates
                .of
                .iter()
                .take(plan.network.populations.len())
                .map(|rate| rate.mean.is_some())
                .collect(),
            hidden: BTreeSet::new(),
            partly: vec![false; plan.network.populations.len()],
            sources,
            merged: BTreeSet::new(),
            mixed: false,
        }
    }

    fn name(&self, population: usize) -> &'a str {
        &self.manifest.populations[population].name
    }

    /// The one row of a layer's routes from a core, where it is not known what it stands for.
    fn merged_row(&self, core: &'a schema::Core, layer: usize) -> Option<&'a schema::AxonsOut> {
        let unknown = self.each[layer] || self.partly[layer];
        let mut rows = core.axons_out.iter();
        rows.find(|row| unknown && row.to_cores.is_some() && row.layer == self.name(layer))
    }

    /// The axons into each core: those of sparse projections as they are declared.
    fn axons(&mut self, plan: &Plan, findings: &mut Vec<Finding>) -> Vec<CoreUse> {
        let mut cores = Vec::new();
        let manifest = self.manifest;
        for (c, (core, used)) in manifest.cores.iter().zip(&plan.mapped.cores).enumerate() {
            let mut used =
                CoreUse { axons_in: used.axons_in.clone(), load: used.load, ..CoreUse::default() };
            for (a, row) in core.axons_in.iter().enumerate() {
                let named = manifest.projections.iter().position(|p| p.name == row.projection);
                let Some(q) = named else { continue };
                let projection = &plan.network.projections[q];
                let here = || {
                    core.groups
                        .iter()
                        .any(|g| self.populations.get(g.layer.as_str()) == Some(&projection.to))
                };
                let twice = used.axons_in.iter().any(|axons| axons.projection == q);
                if !matches!(projection.synapses, Synapses::Sparse(_)) || twice || !here() {
                    continue;
                }
                let path = format!("cores[{c}].axons_in[{a}]");
                let axons = self.sparse(plan, (c, q), row, &path, findings);
                if let Rate::Uniform(rate) = plan.rates.of[projection.from] {
                    used.load.synops[1] += rate * axons.synapses as f64;
                }
                used.axons_in.push(axons);
            }
            used.axons_in.sort_by_key(|axons| axons.projection);
            cores.push(used);
        }
        cores
    }

    /// A row of a sparse projection. Its sources may be known from the routes to the core only.
    fn sparse(
        &mut self,
        plan: &Plan,
        (c, q): (usize, usize),
        row: &schema::AxonsIn,
        path: &str,
        findings: &mut Vec<Finding>,
    ) -> AxonsIn {
        let projection = &plan.network.projections[q];
        let neurons = plan.network.populations[projection.from].neurons;
        let declared = text::count(&row.src).unwrap_or(0);
        let reach = text::reach(&row.src).filter(|reach| declared <= reach.len());
        if reach.and_then(|reach| reach.last()).is_none_or(|last| last >= neurons) {
            let of = self.name(projection.from);
            let message = format!("`{}` are no neurons of `{of}`, which has {neurons}", row.src);
            let help = "neurons count from 0";
            findings.push(Finding::new(Code::E0813, format!("{path}.src"), message, help));
        }
        let within = |ranges: &Ranges| ranges.last().is_some_and(|last| last < neurons);
        let read = row.src.parse::<Ranges>().ok().filter(within);
        let sources = read.or_else(|| self.routed(c, &row.src, projection.from).filter(within));
        let sources = sources.unwrap_or_else(|| {
            self.hidden.insert((c, projection.from));
            self.partly[projection.from] = true;
            Ranges::default()
        });
        let fan_out: Vec<(u64, u64)> =
            row.fan_out.iter().map(|row| (row.synapses, row.axons)).collect();
        let [mut axons, mut synapses, mut words] = [0u64; 3];
        for (n, times) in &fan_out {
            let n = (*n).min(MOST_SYNAPSES);
            let of_axon = axon_words(&plan.target.profile.figures, projection.format, n);
            axons = axons.saturating_add(*times);
            synapses = synapses.saturating_add(n.saturating_mul(*times));
            words = words.saturating_add(of_axon.saturating_mul(*times));
        }
        // A neuron that is several inputs has one axon, but counts for each.
        let fits = if projection.gather.is_some() { axons >= declared } else { axons == declared };
        if !fits {
            findings.push(differs(format!("{path}.fan_out"), axons, declared));
        }
        let [synapses, words] = [synapses, words].map(|n| n.min(MOST_WORDS));
        AxonsIn { projection: q, sources, synapses, fan_out, words }
    }

    /// The neurons of a population that have routes to a core, if they are those of a text.
    fn routed(&self, c: usize, text: &str, population: usize) -> Option<Ranges> {
        let core = &self.manifest.cores[c];
        let name = self.name(population);
        let mut all = Vec::new();
        for text in self.sources.get(&(name, core.id))? {
            let ranges: Ranges = text.parse().ok()?;
            // What is longer than the population is none of it.
            let neurons = &self.manifest.populations[population].shape;
            let neurons = neurons.iter().fold(1u64, |n, side| n.saturating_mul(*side));
            if all.len() as u64 + ranges.len() > neurons {
                return None;
            }
            all.extend(ranges.iter());
        }
        all.sort_unstable();
        let ranges = Ranges::of_sorted(all);
        (text::sources(&ranges) == text).then_some(ranges)
    }

    /// Puts declared routes for those of which it is not known which there are, and declared
    /// messages on those of which it is not known how many they carry.
    fn routes(&mut self, plan: &mut Plan) {
        let (manifest, rates) = (self.manifest, &plan.rates);
        let messages = |p: usize, src: &str, each: bool, declared: f64| match &rates.of[p] {
            Rate::Uniform(rate) if !each => rate * text::count(src).unwrap_or(0) as f64,
            _ => declared,
        };
        // All neurons together have the mean's messages.
        let neurons = |p: usize| u64::from(plan.network.populations[p].neurons);
        for (core, used) in manifest.cores.iter().zip(&mut plan.mapped.cores) {
            let mut declared: BTreeMap<(usize, Option<usize>), &schema::AxonsOut> = BTreeMap::new();
            for row in &core.axons_out {
                let Some(p) = self.populations.get(row.layer.as_str()).copied() else { continue };
                let to = row.to_core.and_then(|id| self.position.get(&id).copied());
                if row.to_cores.is_none() && to.is_some() == row.to_core.is_some() {
                    declared.insert((p, to), row);
                }
            }
            let layers: BTreeSet<usize> = used.groups.iter().map(|group| group.layer).collect();
            for p in layers {
                let merged = self.merged_row(core, p);
                let of_layer = |row: &AxonsOut| row.layer == p && row.to != End::Host;
                if let Some(merged) = merged {
                    self.merged.insert(p);
                    if self.partly[p] {
                        used.axons_out.retain(|row| !of_layer(row));
                    }
                    // It does not matter which of them carries the sum.
                    let rows = used.axons_out.iter_mut().filter(|row| of_layer(row));
                    rows.enumerate().for_each(|(i, row)| {
                        row.messages = if i == 0 { merged.messages } else { 0.0 };
                    });
                }
                let hidden = |to: usize| merged.is_none() && self.hidden.contains(&(to, p));
                used.axons_out.retain(|row| match row.to {
                    End::Core(to) => row.layer != p || !hidden(to as usize),
                    End::Host => true,
                });
                for ((_, to), row) in declared.range((p, None)..(p + 1, None)) {
                    if let Some(to) = to.filter(|to| hidden(*to)) {
                        let to = End::Core(to as u32);
                        let sources = row.src.parse().unwrap_or_default();
                        let messages = messages(p, &row.src, self.each[p], row.messages);
                        used.axons_out.push(AxonsOut { layer: p, to, sources, messages });
                    }
                }
                for row in used.axons_out.iter_mut().filter(|row| row.layer == p && self.each[p]) {
                    let to = match row.to {
                        End::Core(to) => Some(to as usize),
                        End::Host => None,
                    };
                    if let (Some(known), true) =
                        (declared.get(&(p, to)), row.sources.len() != neurons(p))
                    {
                        row.messages = known.messages;
                    }
                }
            }
            used.axons_out.sort_by_key(|row| (row.layer, row.to));
        }
        let host = &mut plan.mapped.host;
        host.retain(|row| !self.hidden.contains(&(row.to as usize, row.population)));
        let mut declared: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for row in &manifest.host_axons {
            let p = self.populations.get(row.from.as_str()).copied();
            let to = self.position.get(&row.to_core).copied();
            let (Some(population), Some(to)) = (p, to) else { continue };
            declared.insert((population, to), row.messages);
            if self.hidden.contains(&(to, population)) {
                let sources = row.src.parse().unwrap_or_default();
                let messages = messages(population, &row.src, self.each[population], row.messages);
                host.push(HostAxons { population, to: to as u32, sources, messages });
            }
        }
        host.sort_by_key(|row| (row.population, row.to));
        for row in host.iter_mut().filter(|row| self.each[row.population]) {
            let known = declared.get(&(row.population, row.to as usize));
            if let (Some(known), true) = (known, row.sources.len() != neurons(row.population)) {
                row.messages = *known;
            }
        }
    }

    /// Where a core's sources are a digest, at least as many must have routes to it.
    fn arrivals(&self, plan: &Plan, findings: &mut Vec<Finding>) {
        for (c, p) in &self.hidden {
            let core = &self.manifest.cores[*c];
            let rows = core.axons_in.iter().enumerate();
            let mut rows = rows.filter(|(_, row)| row.from == self.name(*p));
            let (Some((a, row)), None) = (rows.next(), rows.next()) else { continue };
            if self.merged.contains(p) {
                continue;
            }
            let routes = self.sources.get(&(self.name(*p), core.id)).into_iter().flatten();
            let count = |text: &&str| text::count(text).unwrap_or(0);
            let sum = routes.map(count).fold(0u64, u64::saturating_add);
            let axons = text::count(&row.src).unwrap_or(0);
            if sum != axons || axons > u64::from(plan.network.populations[*p].neurons) {
                findings.push(differs(format!("cores[{c}].axons_in[{a}].src"), axons, sum));
            }
        }
    }

    /// Work of cores: declared where it depends on rates of single neurons and is no sum.
    fn loads(&mut self, plan: &mut Plan, findings: &mut Vec<Finding>) {
        let manifest = self.manifest;
        let mut arriving = vec![0.0; plan.mapped.cores.len()];
        plan.mapped.host.iter().for_each(|row| arriving[row.to as usize] += row.messages);
        for row in plan.mapped.cores.iter().flat_map(|core| &core.axons_out) {
            if let End::Core(to) = row.to {
                arriving[to as usize] += row.messages;
            }
        }
        let mut spikes = [0.0; 2];
        for (c, (core, used)) in manifest.cores.iter().zip(&mut plan.mapped.cores).enumerate() {
            let layers: BTreeSet<usize> = used.groups.iter().map(|group| group.layer).collect();
            let merged = layers.iter().filter(|p| self.partly[**p]);
            let merged = merged.filter_map(|p| self.merged_row(core, *p)).map(|row| row.messages);
            let each = used.axons_out.iter().map(|row| row.messages);
            used.load.messages_out = each.chain(merged).fold(0.0, |sum, messages| sum + messages);
            let from = |axons: &AxonsIn| plan.network.projections[axons.projection].from;
            let uncertain = used
                .axons_in
                .iter()
                .any(|axons| self.each[from(axons)] || self.hidden.contains(&(c, from(axons))));
            if used.axons_in.iter().any(|axons| self.merged.contains(&from(axons))) {
                used.load.messages_in = core.load.messages_in;
            } else if uncertain {
                used.load.messages_in = arriving[c];
            }
            if used.groups.iter().any(|group| self.each[group.layer]) {
                for group in &used.groups {
                    if let Rate::Uniform(mean) = plan.rates.of[group.layer] {
                        spikes[1] += mean * group.neurons.len() as f64;
                    }
                }
                used.load.spikes = core.load.spikes;
                spikes[0] += core.load.spikes;
            }
            if used.axons_in.iter().any(|axons| self.each[from(axons)]) {
                let kind =
                    |axons: &AxonsIn| match plan.network.projections[axons.projection].synapses {
                        Synapses::Dense(_) => 0,
                        Synapses::Sparse(_) => 1,
                        Synapses::Conv(_) => 2,
                    };
                let kinds: BTreeSet<usize> = used.axons_in.iter().map(kind).collect();
                self.mixed |= kinds.len() > 1;
                used.load.synops = [0.0; 3];
                let first = kinds.first().copied().unwrap_or(0);
                used.load.synops[first] = core.load.synops_per_step;
            }
        }
        if !same(spikes[0], spikes[1]) {
            let path = "rates.of".to_string();
            findings.push(differs(path, rounded(spikes[1]), rounded(spikes[0])));
        }
        // Where routes stand in one row: all that leaves for cores arrives.
        let cores = plan.mapped.cores.iter();
        let [arrived, left] = cores.fold([0.0; 2], |[arrived, left], core| {
            let to_host = core.axons_out.iter().filter(|row| row.to == End::Host);
            let to_host: f64 = to_host.map(|row| row.messages).sum();
            [arrived + core.load.messages_in, left + core.load.messages_out - to_host]
        });
        let left = left + plan.mapped.host.iter().map(|row| row.messages).sum::<f64>();
        if !self.merged.is_empty() && !same(arrived, left) {
            let path = "cores[].load.messages_in".to_string();
            findings.push(differs(path, rounded(arrived), rounded(left)));
        }
    }

    /// The traffic of the routes; where not all are known, the declared one with the sums of
    /// the rows.
    fn traffic(&self, plan: &Plan) -> Traffic {
        let figures = &plan.target.profile.figures;
        let of_routes = Traffic::of(&plan.mapped, &plan.sites, plan.target.chips, figures);
        if self.merged.is_empty() {
            return of_routes;
        }
        let declared = &self.manifest.traffic;
        let link = |row: &schema::LinkLoad| {
            let (chip, router, direction) = (row.chip, row.router, row.direction);
            (Link { chip, router, direction }, row.messages)
        };
        let sent: f64 = plan.mapped.cores.iter().map(|core| core.load.messages_out).sum();
        Traffic {
            messages: rounded(of_routes.from_host + sent),
            same_core: declared.same_core,
            hops: [declared.hops_x, declared.hops_y],
            chip_hops: declared.chip_hops,
            interchip: declared.interchip,
            links: declared.hottest_links.iter().map(link).collect(),
            chips: of_routes
                .chips
                .iter()
                .zip(&declared.chips)
                .map(|(chip, declared)| {
                    let (cores, routers) = (chip.cores, chip.routers);
                    ChipTraffic { chip: chip.chip, cores, routers, ..declared.clone() }
                })
                .collect(),
            ..of_routes
        }
    }

    /// Puts the texts of sources that are not known, and what depends on them.
    fn sources(&self, plan: &Plan, derived: &mut Manifest) {
        let rows = derived.cores.iter_mut().zip(&self.manifest.cores).zip(&plan.mapped.cores);
        for ((core, declared), used) in rows {
            let mut arriving: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
            let mut unknown = false;
            for (row, axons) in core.axons_in.iter_mut().zip(&used.axons_in) {
                let known = declared.axons_in.iter().find(|d| d.projection == row.projection);
                if let (Some(known), true) = (known, axons.sources.is_empty()) {
                    row.src.clone_from(&known.src);
                    row.axons = text::count(&known.src).unwrap_or(0);
                    unknown = true;
                }
                arriving
                    .entry(self.name(plan.network.projections[axons.projection].from))
                    .or_default()
                    .push(row.axons);
            }
            if unknown {
                let once = arriving.values().all(|rows| rows.len() == 1);
                let sum = arriving.values().flatten().fold(0u64, |sum, n| sum.saturating_add(*n));
                core.resources.axon_in[0] = if once { sum } else { declared.resources.axon_in[0] };
            }
            let layers: BTreeSet<usize> = used.groups.iter().map(|group| group.layer).collect();
            for p in layers.into_iter().filter(|p| self.partly[*p]) {
                core.resources.axon_map[0] = declared.resources.axon_map[0];
                core.resources.axon_mem[0] = declared.resources.axon_mem[0];
                let of_layer =
                    |row: &schema::AxonsOut| row.layer == self.name(p) && row.to_host.is_empty();
                if let Some(merged) = self.merged_row(declared, p) {
                    core.axons_out.retain(|row| !of_layer(row));
                    let before = |row: &schema::AxonsOut| {
                        self.populations.get(row.layer.as_str()) < Some(&p)
                    };
                    let at = core.axons_out.iter().take_while(|row| before(row)).count();
                    core.axons_out.insert(at, merged.clone());
                    continue;
                }
                for row in core.axons_out.iter_mut().filter(|row| of_layer(row)) {
                    let to = row.to_core.and_then(|id| self.position.get(&id).copied());
                    if to.is_some_and(|to| self.hidden.contains(&(to, p))) {
                        let mut rows = declared.axons_out.iter();
                        let known = rows.find(|d| d.to_core == row.to_core && d.layer == row.layer);
                        row.src = known.map(|known| known.src.clone()).unwrap_or_default();
                    }
                }
            }
            let r = &mut core.resources;
            let six = [r.axon_in, r.neuron_groups, r.neurons, r.syn_words, r.axon_map, r.axon_mem];
            r.total[0] = six.iter().fold(0u64, |sum, [used, _]| sum.saturating_add(*used));
        }
        let declared: BTreeMap<(&str, u64), &str> = self
            .manifest
            .host_axons
            .iter()
            .map(|row| ((row.from.as_str(), row.to_core), row.src.as_str()))
            .collect();
        for row in &mut derived.host_axons {
            let p = self.populations.get(row.from.as_str()).copied();
            let to = self.position.get(&row.to_core).copied();
            let hidden = p.zip(to).is_some_and(|(p, to)| self.hidden.contains(&(to, p)));
            if let (Some(src), true) = (declared.get(&(row.from.as_str(), row.to_core)), hidden) {
                row.src = (*src).to_string();
            }
        }
    }

    /// Keeps the declared order of what is equally hot: the sums that decided it had more digits
    /// than the rows.
    fn order(&self, plan: &Plan, derived: &mut Manifest) {
        let (declared, follows) = (&self.manifest.traffic, &mut derived.traffic);
        let links: BTreeMap<Link, f64> = plan.traffic.links.iter().copied().collect();
        let link = |row: &schema::LinkLoad| {
            let (chip, router, direction) = (row.chip, row.router, row.direction);
            links.get(&Link { chip, router, direction }).copied()
        };
        settle(&declared.hottest_links, &mut follows.hottest_links, |row| row.messages, link);
        follows.max_link = follows.hottest_links.first().cloned();
        if !self.merged.is_empty() {
            follows.links = declared.links;
        }
        let core = |row: &schema::CoreMessages| {
            let load = plan.mapped.cores[*self.position.get(&row.core)?].load;
            Some(rounded(load.messages_in + load.messages_out))
        };
        settle(&declared.hottest_cores, &mut follows.hottest_cores, |row| row.messages, core);
        let declared = &self.manifest.estimate.bottleneck;
        if let (Bottleneck::Core { core: a, .. }, Bottleneck::Core { core: b, .. }) =
            (declared, &derived.estimate.bottleneck)
        {
            let figures = &plan.target.profile.figures;
            let busy = |c: usize| busy_ns(&plan.mapped.cores[c].load, figures);
            if let (Some(a), Some(b)) = (self.position.get(a), self.position.get(b))
                && same(busy(*a), busy(*b))
            {
                derived.estimate.bottleneck = Bottleneck::core(plan, *a);
            }
        }
    }

    /// Where cores have synapses of several kinds, only the sum of their events is known.
    fn energy(&self, plan: &Plan, derived: &mut Manifest, findings: &mut Vec<Finding>) {
        if !self.mixed {
            return;
        }
        let f = &plan.target.profile.figures;
        let declared = &self.manifest.estimate.energy_nj_per_step;
        let energy = &mut derived.estimate.energy_nj_per_step;
        let (mut follows, mut known) = (0.0, 0.0);
        let pj = [f.energy_synop_dense, f.energy_synop_sparse, f.energy_synop_conv];
        for (pj, (of, declared)) in pj.into_iter().zip([
            (&mut energy.synops_dense, declared.synops_dense),
            (&mut energy.synops_sparse, declared.synops_sparse),
            (&mut energy.synops_conv, declared.synops_conv),
        ]) {
            energy.total += declared - *of;
            *of = declared;
            follows += if pj > 0.0 { declared * 1e3 / pj } else { 0.0 };
        }
        energy.total = rounded(energy.total);
        derived.estimate.energy_delay = rounded(energy.total * derived.estimate.time_us_per_step);
        plan.mapped.cores.iter().for_each(|core| known += core.load.all_synops());
        if pj.iter().all(|pj| *pj > 0.0) && !same(follows, known) {
            let path = "estimate.energy_nj_per_step".to_string();
            findings.push(differs(path, rounded(follows), rounded(known)));
        }
    }
}

/// Takes over the declared order of rows whose numbers are equal.
fn settle<T: Clone + PartialEq>(
    declared: &[T],
    follows: &mut Vec<T>,
    number: impl Fn(&T) -> f64,
    of: impl Fn(&T) -> Option<f64>,
) {
    // Of those that come out alike to the last digit the first counts.
    let holds = |(i, (row, other)): (usize, (&T, &T))| {
        row == other
            || (same(number(row), number(other))
                && of(row).is_some_and(|n| same(n, number(row)) && n != number(other))
                && !declared[..i].contains(row))
    };
    if declared.len() == follows.len() && declared.iter().zip(follows.iter()).enumerate().all(holds)
    {
        *follows = declared.to_vec();
    }
}
