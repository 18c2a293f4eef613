//! Partitions networks of several kinds and prints what comes out.
//!
//! `cargo run --release -p snnc --example partition -- [--write FOLDER] [NAME...]` takes the
//! networks named, or all but the largest; `--write` also writes each as a hypergraph in the
//! format of hMETIS, for `tests/compare/partition.py`.
#![allow(clippy::print_stdout)]

use snn_loihi2::mapped::map;
use snn_loihi2::network::{
    ChipNetwork, Config, Conv, Dense, Layer, Output, Population, Projection, Rate, Rates, SignMode,
    Sparse, Synapses, WeightFormat,
};
use snn_loihi2::options::Objective;
use snn_loihi2::partition::{Partition, Request, partition};
use snn_loihi2::profile::{DEFAULT, Profile};
use snn_loihi2::ranges::Ranges;
use snn_loihi2::resources::Resource;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// A network with the profile it is put on.
struct Case {
    name: &'static str,
    network: ChipNetwork,
    profile: Profile,
}

fn main() -> std::io::Result<()> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let mut folder = None;
    if let Some(at) = names.iter().position(|n| n == "--write") {
        folder = names.drain(at..(at + 2).min(names.len())).nth(1).map(PathBuf::from);
    }
    println!(
        "{:<18}{:<9}{:>9}{:>7}{:>13}{:>12}{:>9}{:>9}",
        "network", "for", "neurons", "cores", "messages", "of host", "fullest", "s"
    );
    for (name, build) in CASES {
        let named = names.iter().any(|n| n == name);
        if !(named || names.is_empty() && !name.starts_with("million")) {
            continue;
        }
        let case = build(name);
        let objectives = match name.starts_with("million") {
            true => &[("energy", Objective::Energy)][..],
            false => &[
                ("energy", Objective::Energy),
                ("latency", Objective::Latency),
                ("edp", Objective::Edp),
            ],
        };
        for (i, (word, objective)) in objectives.iter().enumerate() {
            let found = line(&case, word, *objective);
            if let (0, Some(found), Some(folder)) = (i, found, &folder) {
                std::fs::create_dir_all(folder)?;
                std::fs::write(folder.join(format!("{name}.hgr")), hypergraph(&case, &found))?;
            }
        }
    }
    Ok(())
}

type Build = fn(&'static str) -> Case;

const CASES: &[(&str, Build)] = &[
    ("mnist", |name| case(name, mnist(), &[])),
    ("conv", |name| case(name, conv_net(), &[("neurons", 1024)])),
    ("conv-neurons-only", |name| case(name, conv_net(), ONLY_NEURONS)),
    ("pilotnet", |name| case(name, pilotnet(), &[])),
    ("random", |name| case(name, recurrent(20_000, |r, n, _| r.below(n), 40), &[])),
    ("small-world", |name| case(name, recurrent(50_000, small_world, 20), &[])),
    ("sheet", |name| case(name, recurrent(40_000, sheet, 20), &[])),
    ("million-10", |name| case(name, recurrent(1_000_000, sheet, 10), &[])),
    ("million-100", |name| case(name, recurrent(1_000_000, sheet, 100), &[])),
    ("million-random", |name| case(name, recurrent(1_000_000, |r, n, _| r.below(n), 10), &[])),
];

/// Memory without bounds, to compare with partitioners that know only neurons.
const ONLY_NEURONS: &[(&str, u64)] = &[
    ("neurons", 1024),
    ("axon_in", 1 << 30),
    ("syn_words", 1 << 30),
    ("axon_map", 1 << 30),
    ("axon_mem", 1 << 30),
    ("total_words", 1 << 30),
];

fn case(name: &'static str, network: ChipNetwork, limits: &[(&str, u64)]) -> Case {
    let mut profile = Profile::load(DEFAULT, Path::new("")).expect("it is built in");
    let f = &mut profile.figures;
    for (figure, value) in limits {
        match *figure {
            "neurons" => f.neurons = *value,
            "axon_in" => f.axon_in = *value,
            "syn_words" => f.syn_words = *value,
            "axon_map" => f.axon_map = *value,
            "axon_mem" => f.axon_mem = *value,
            _ => f.total_words = *value,
        }
    }
    Case { name, network, profile }
}

fn rates(network: &ChipNetwork) -> Rates {
    Rates { of: vec![Rate::Uniform(1.0); network.populations.len()], origin: "all spike".into() }
}

/// Partitions and prints a line of the table.
fn line(case: &Case, word: &str, objective: Objective) -> Option<Partition> {
    let rates = rates(&case.network);
    let request = Request {
        network: &case.network,
        profile: &case.profile,
        rates: &rates,
        objective,
        cores: 120 * 1152,
        cores_per_chip: 120,
    };
    let start = Instant::now();
    let result = partition(&request);
    let seconds = start.elapsed().as_secs_f64();
    let on_chip = case.network.populations.iter().filter(|p| p.on_chip());
    let neurons: u64 = on_chip.map(|p| u64::from(p.neurons)).sum();
    print!("{:<18}{word:<9}{neurons:>9}", case.name);
    match result {
        Err(refusals) => {
            println!(" refused: {refusals:?}");
            None
        }
        Ok(found) => {
            let cost = found.cost;
            println!(
                "{:>7}{:>13.0}{:>12.0}{:>8.1}%{seconds:>9.3}",
                cost.cores,
                cost.messages - found.from_host,
                found.from_host,
                cost.fullest * 100.0
            );
            if neurons < 100_000 {
                check(case, &found, &rates);
            }
            Some(found)
        }
    }
}

/// Counts again, by what manifests are made of.
fn check(case: &Case, found: &Partition, rates: &Rates) {
    let mapped = map(&case.network, &found.assignment, &case.profile.figures, rates);
    for (c, core) in mapped.cores.iter().enumerate() {
        if let Some(resource) = case.profile.exceeded(&core.usage) {
            let used = core.usage.of(resource);
            println!("  core {c} has {used} {}", resource.words());
        }
    }
    let fullest = mapped.cores.iter().map(|c| c.usage.of(Resource::Total)).max();
    assert!(fullest.is_some(), "a network has cores");
}

/// One edge for each neuron that sends: it and its targets. The comment says how many cores
/// were used and how many neurons the largest has.
fn hypergraph(case: &Case, found: &Partition) -> String {
    let network = &case.network;
    let mut first = vec![0usize];
    for p in &network.populations {
        let neurons = if p.on_chip() { p.neurons as usize } else { 0 };
        first.push(first[first.len() - 1] + neurons);
    }
    let count = first[first.len() - 1];
    let mut targets: Vec<Vec<usize>> = vec![vec![]; count];
    for p in network.projections.iter().filter(|p| network.populations[p.from].on_chip()) {
        let (from, to) = (first[p.from], first[p.to]);
        match &p.synapses {
            Synapses::Dense(d) => {
                for j in 0..d.inputs as usize {
                    targets[from + j].extend(to..to + d.outputs as usize);
                }
            }
            Synapses::Sparse(s) => {
                for i in 0..s.outputs {
                    s.sources[s.row(i)].iter().for_each(|j| {
                        targets[from + *j as usize].push(to + i as usize);
                    });
                }
            }
            Synapses::Conv(c) => {
                let [inputs, outputs] = [c.input[2], c.output[2]].map(|n| n as usize);
                for position in 0..c.output[0] * c.output[1] {
                    c.taps(position, |source| {
                        for channel in 0..inputs {
                            let first = to + position as usize * outputs;
                            let sender = from + source as usize * inputs + channel;
                            targets[sender].extend(first..first + outputs);
                        }
                    });
                }
            }
        }
    }
    let mut neurons = vec![0u32; found.assignment.cores as usize];
    found.assignment.core_of.iter().flatten().for_each(|c| neurons[*c as usize] += 1);
    let most = neurons.iter().max().copied().unwrap_or(0);
    let messages = found.cost.messages - found.from_host;
    let mut text = format!("% cores {} neurons {most} messages {messages}\n", neurons.len());
    let edges = targets.iter().filter(|t| !t.is_empty()).count();
    let _ = writeln!(text, "{edges} {count}");
    for (v, of) in targets.iter_mut().enumerate().filter(|(_, t)| !t.is_empty()) {
        of.push(v);
        of.sort_unstable();
        of.dedup();
        let line: Vec<String> = of.iter().map(|n| (n + 1).to_string()).collect();
        let _ = writeln!(text, "{}", line.join(" "));
    }
    text
}

// Networks.

/// Adds layers one after another.
#[derive(Default)]
struct Builder(ChipNetwork);

impl Builder {
    fn population(&mut self, shape: &[usize], on_chip: bool) -> usize {
        let layer = Layer {
            program: 0,
            configs: vec![Config::default()],
            config_of: vec![],
            bias_mant: vec![],
            resets: vec![],
        };
        self.0.populations.push(Population {
            name: format!("p{}", self.0.populations.len()),
            shape: shape.to_vec(),
            neurons: shape.iter().product::<usize>() as u32,
            layer: on_chip.then_some(layer),
            loc: None,
        });
        self.0.populations.len() - 1
    }

    fn connect(&mut self, from: usize, to: usize, synapses: Synapses) {
        let format = WeightFormat { bits: 8, exp: 0, sign: SignMode::Mixed, max_delay: 0 };
        self.0.projections.push(Projection {
            name: format!("{from}to{to}"),
            from,
            to,
            gather: None,
            scatter: None,
            synapses,
            format,
            graded: false,
            loc: None,
        });
    }

    fn dense(&mut self, outputs: usize) -> &mut Builder {
        let from = self.0.populations.len() - 1;
        let inputs = self.0.populations[from].neurons;
        let to = self.population(&[outputs], true);
        let (weights, delays) = (Arc::default(), Arc::default());
        let dense = Dense { outputs: outputs as u32, inputs, weights, delays };
        self.connect(from, to, Synapses::Dense(dense));
        self
    }

    fn conv(&mut self, channels: u32, kernel: u32, stride: u32, padding: u32) -> &mut Builder {
        let from = self.0.populations.len() - 1;
        let shape = &self.0.populations[from].shape;
        let input = [shape[0] as u32, shape[1] as u32, shape[2] as u32];
        let size = |n: u32| (n + 2 * padding - kernel) / stride + 1;
        let output = [size(input[0]), size(input[1]), channels];
        let to = self.population(&output.map(|n| n as usize), true);
        let conv = Conv {
            input,
            output,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
            weights: Arc::default(),
        };
        self.connect(from, to, Synapses::Conv(conv));
        self
    }

    fn output(&mut self) -> ChipNetwork {
        let from = self.0.populations.len() - 1;
        let neurons = Ranges::all(self.0.populations[from].neurons);
        self.0.outputs.push(Output { from, to: "out".into(), neurons });
        std::mem::take(&mut self.0)
    }
}

fn from_host(shape: &[usize]) -> Builder {
    let mut builder = Builder::default();
    builder.population(shape, false);
    builder
}

fn mnist() -> ChipNetwork {
    from_host(&[784]).dense(128).dense(64).dense(10).output()
}

fn conv_net() -> ChipNetwork {
    let mut builder = from_host(&[32, 32, 3]);
    builder.conv(16, 3, 1, 1).conv(32, 3, 2, 1).conv(64, 3, 2, 1);
    builder.dense(256).dense(10).output()
}

fn pilotnet() -> ChipNetwork {
    let mut builder = from_host(&[200, 66, 3]);
    builder.conv(24, 5, 2, 0).conv(36, 5, 2, 0).conv(48, 5, 2, 0).conv(64, 3, 1, 0);
    builder.conv(64, 3, 1, 0).dense(100).dense(50).dense(10).dense(1).output()
}

/// A generator with a fixed seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }
}

/// A neighbour on a ring, one time in ten any neuron.
fn small_world(random: &mut Random, n: u32, target: u32) -> u32 {
    match random.below(10) {
        0 => random.below(n),
        _ => (target + n + random.below(21) - 10) % n,
    }
}

/// A neighbour on a square sheet whose ends meet, one time in twenty any neuron.
fn sheet(random: &mut Random, n: u32, target: u32) -> u32 {
    let side = f64::from(n).sqrt() as u32;
    if random.below(20) == 0 {
        return random.below(n);
    }
    let mut near = |at: u32| (at + side + random.below(15) - 7) % side;
    let (x, y) = (near(target / side), near(target % side));
    (x * side + y).min(n - 1)
}

/// One layer, in which every neuron reads up to `fan_in` that `source` draws.
fn recurrent(n: u32, source: fn(&mut Random, u32, u32) -> u32, fan_in: u32) -> ChipNetwork {
    let mut builder = Builder::default();
    let layer = builder.population(&[n as usize], true);
    let mut random = Random(7);
    let (mut starts, mut sources) = (vec![0], vec![]);
    for target in 0..n {
        let mut row: Vec<u32> = (0..fan_in).map(|_| source(&mut random, n, target)).collect();
        row.sort_unstable();
        row.dedup();
        sources.extend(row);
        starts.push(sources.len() as u64);
    }
    let sparse = Sparse {
        outputs: n,
        inputs: n,
        starts: Arc::new(starts),
        sources: Arc::new(sources),
        weights: Arc::default(),
        delays: Arc::default(),
    };
    builder.connect(layer, layer, Synapses::Sparse(sparse));
    builder.output()
}
