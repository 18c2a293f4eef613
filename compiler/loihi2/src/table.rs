//! A placement as a table for people: per core and per layer in the terms that Intel's
//! compiler prints, then what is hot.

use super::estimate::{Bottleneck, Estimate, busy_ns};
use super::mapped::CoreUse;
use super::plan::Plan;
use super::ranges::Ranges;
use super::resources::{Resource, percent};
use super::traffic::Direction;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Hot cores and links that are listed.
const HOTTEST: usize = 5;

/// The table. Of more cores than `most`, only the fullest are listed.
pub fn table(plan: &Plan, estimate: &Estimate, most: usize) -> String {
    let mut out = String::new();
    let target = &plan.target;
    let neurons: u64 = plan.mapped.cores.iter().map(|c| c.usage.neurons).sum();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{} on {} ({}): {neurons} {} on {} {} of {} {}\n",
        plan.network.name,
        target.board,
        target.profile.name,
        plural(neurons as usize, "neuron"),
        plan.sites.len(),
        plural(plan.sites.len(), "core"),
        plan.traffic.chips.len(),
        plural(plan.traffic.chips.len(), "chip"),
    );
    cores(&mut out, plan, most);
    layers(&mut out, plan);
    hot(&mut out, plan);
    chips(&mut out, plan);
    totals(&mut out, plan, estimate);
    out
}

fn plural(n: usize, one: &str) -> String {
    if n == 1 { one.to_string() } else { format!("{one}s") }
}

fn cores(out: &mut String, plan: &Plan, most: usize) {
    let profile = &plan.target.profile;
    let mut shown: Vec<usize> = (0..plan.sites.len()).collect();
    if shown.len() > most {
        shown.sort_by_key(|c| (std::cmp::Reverse(plan.mapped.cores[*c].usage.total()), *c));
        shown.truncate(most);
        shown.sort_unstable();
    }
    *out += "  core  chip  router  ";
    for resource in Resource::ALL {
        let _ = write!(out, "{:>9}", resource.heading());
    }
    *out += "  holds        (% of what a core has)\n";
    for core in &shown {
        let (site, used) = (&plan.sites[*core], &plan.mapped.cores[*core]);
        let router = format!("{},{}", site.router[0], site.router[1]);
        let _ = write!(out, "{:>6}{:>6}{router:>8}  ", site.id(&profile.figures), site.chip);
        for resource in Resource::ALL {
            let share = percent(used.usage.of(resource), profile.limit(resource));
            let _ = write!(out, "{share:>9}");
        }
        let _ = writeln!(out, "  {}", held(plan, used));
    }
    if shown.len() < plan.sites.len() {
        let _ = writeln!(out, "  … the fullest {} of {} cores", shown.len(), plan.sites.len());
    }
    out.push('\n');
}

/// `first 0..42 + second 7 + third 90 neurons`: the layers of a core, whatever their groups.
fn held(plan: &Plan, core: &CoreUse) -> String {
    let mut layers: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for group in &core.groups {
        layers.entry(group.layer).or_default().extend(group.neurons.iter());
    }
    let layers = layers.into_iter().map(|(layer, mut neurons)| {
        neurons.sort_unstable();
        let name = &plan.network.populations[layer].name;
        let neurons = Ranges::of_sorted(neurons);
        match neurons.as_slice().len() {
            1 => format!("{name} {neurons}"),
            _ => format!("{name} {} neurons", neurons.len()),
        }
    });
    layers.collect::<Vec<_>>().join(" + ")
}

fn layers(out: &mut String, plan: &Plan) {
    let names = plan.network.populations.iter().map(|p| p.name.chars().count());
    let width = names.max().unwrap_or(0).max(5);
    let _ = writeln!(
        out,
        "  {:<width$}{:>10}{:>7}{:>12}{:>14}{:>12}{:>14}",
        "layer", "neurons", "cores", "SynWords", "spikes/step", "synops/step", "messages/step"
    );
    for (p, population) in plan.network.populations.iter().enumerate() {
        let on: Vec<&CoreUse> =
            plan.mapped.cores.iter().filter(|c| c.groups.iter().any(|g| g.layer == p)).collect();
        let into = |q: usize| plan.network.projections[q].to == p;
        let axons = on.iter().flat_map(|c| &c.axons_in).filter(|a| into(a.projection));
        let words: u64 = axons.map(|a| a.words).sum();
        let spikes: f64 = (0..population.neurons).map(|i| plan.rates.get(p, i)).sum();
        let sent = on.iter().flat_map(|c| &c.axons_out).filter(|a| a.layer == p);
        let from_host = plan.mapped.host.iter().filter(|h| h.population == p);
        let messages: f64 = 0.0
            + sent.map(|a| a.messages).sum::<f64>()
            + from_host.map(|h| h.messages).sum::<f64>();
        let cores = if population.on_chip() { on.len().to_string() } else { "host".into() };
        let _ = writeln!(
            out,
            "  {:<width$}{:>10}{cores:>7}{words:>12}{spikes:>14.2}{:>12.0}{messages:>14.2}",
            population.name,
            population.neurons,
            synops(plan, p),
        );
    }
    out.push('\n');
}

/// Synaptic events per step of the synapses that end in a layer.
fn synops(plan: &Plan, layer: usize) -> f64 {
    let mut events = 0.0;
    for core in &plan.mapped.cores {
        let of: Vec<_> = core
            .axons_in
            .iter()
            .filter(|a| plan.network.projections[a.projection].to == layer)
            .collect();
        let (mine, all): (u64, u64) =
            (of.iter().map(|a| a.synapses).sum(), core.axons_in.iter().map(|a| a.synapses).sum());
        // A core's events are known as a whole; shares follow the synapses.
        events += core.load.all_synops() * mine as f64 / all.max(1) as f64;
    }
    events
}

fn hot(out: &mut String, plan: &Plan) {
    let figures = &plan.target.profile.figures;
    let mut busy: Vec<(usize, f64)> =
        plan.mapped.cores.iter().map(|c| busy_ns(&c.load, figures)).enumerate().collect();
    busy.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    *out += "  hot cores:";
    for (core, ns) in busy.iter().take(HOTTEST) {
        let _ = write!(out, "  {} ({:.2} us)", plan.sites[*core].id(figures), ns / 1000.0);
    }
    *out += "\n  hot links:";
    for (link, messages) in plan.traffic.links.iter().take(HOTTEST) {
        let [x, y] = link.router;
        let chip = if plan.traffic.chips.len() > 1 {
            format!("chip {} ", link.chip)
        } else {
            String::new()
        };
        let _ = write!(out, "  {chip}{x},{y} {} ({messages:.1})", way(link.direction));
    }
    if plan.traffic.links.is_empty() {
        *out += "  none in use";
    }
    out.push('\n');
}

/// A direction in words.
pub fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::East => "east",
        Direction::West => "west",
        Direction::North => "north",
        Direction::South => "south",
    }
}

fn chips(out: &mut String, plan: &Plan) {
    if plan.traffic.chips.len() < 2 {
        return;
    }
    *out += "\n  chip   cores      within    received        sent   (messages/step)\n";
    for chip in &plan.traffic.chips {
        let _ = writeln!(
            out,
            "{:>6}{:>8}{:>12.1}{:>12.1}{:>12.1}",
            chip.chip, chip.cores, chip.within, chip.received, chip.sent
        );
    }
}

fn totals(out: &mut String, plan: &Plan, estimate: &Estimate) {
    let traffic = &plan.traffic;
    let energy = estimate.energy_nj_per_step.total;
    let _ = writeln!(
        out,
        "\n  per step: {:.1} messages, {:.1} hops{}; rates {}",
        traffic.messages,
        traffic.all_hops(),
        if traffic.interchip > 0.0 {
            format!(", {:.1} between chips", traffic.interchip)
        } else {
            String::new()
        },
        plan.rates.origin,
    );
    let _ = writeln!(
        out,
        "  estimate (not calibrated): {energy:.1} nJ and {:.2} us a step; the bottleneck is {}",
        estimate.time_us_per_step,
        bottleneck(estimate),
    );
    for process in &plan.network.host {
        let adapters = match process.adapters.is_empty() {
            true => String::new(),
            false => format!("; adapters {}", process.adapters.join(", ")),
        };
        let _ = writeln!(
            out,
            "  `{}` stays on {}: {}{adapters}",
            process.process, process.resource, process.reason
        );
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "  warning: {warning}");
    }
}

/// What takes longest, in words.
pub fn bottleneck(estimate: &Estimate) -> String {
    match &estimate.bottleneck {
        Bottleneck::Core { core, work, work_us } => {
            format!("core {core}, mostly {} ({work_us:.2} us)", work.words())
        }
        Bottleneck::Link { chip, router, direction } => {
            format!(
                "the link {} of router {},{} on chip {chip}",
                way(*direction),
                router[0],
                router[1]
            )
        }
        Bottleneck::Barrier => "the barrier at the end of the step".to_string(),
    }
}
