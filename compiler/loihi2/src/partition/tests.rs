//! Random networks on small cores, counted again by `map`; and what is known to be best.

use super::*;
use crate::fixtures;
use crate::mapped::map;
use crate::network::{
    Config, Conv, Dense, Layer, Output, Population, Projection, Rate, Sparse, Synapses,
};
use crate::profile::DEFAULT;
use crate::ranges::Ranges;
use std::path::Path;
use std::sync::Arc;

fn profile() -> Profile {
    Profile::load(DEFAULT, Path::new("")).expect("built in")
}

/// A core with a hundredth or so of the memory.
fn small() -> Profile {
    let mut profile = profile();
    let f = &mut profile.figures;
    (f.neurons, f.neuron_groups, f.axon_in, f.syn_words) = (60, 4, 220, 300);
    (f.axon_map, f.axon_mem, f.total_words) = (60, 200, 500);
    profile
}

fn population(shape: &[usize], on_chip: bool) -> Population {
    let configs = vec![Config::default(); 3];
    let layer = || Layer { configs, resets: vec![], ..fixtures::layer() };
    fixtures::population("p", shape, on_chip.then(layer))
}

fn projection(from: usize, to: usize, synapses: Synapses) -> Projection {
    fixtures::projection(&format!("{from}to{to}"), from, to, synapses)
}

fn dense(inputs: u32, outputs: u32) -> Synapses {
    Synapses::Dense(Dense { inputs, outputs, weights: Arc::default(), delays: Arc::default() })
}

fn conv(input: [u32; 3], channels: u32, kernel: u32, stride: u32, padding: u32) -> Conv {
    let size = |n: u32| (n + 2 * padding - kernel) / stride + 1;
    Conv {
        input,
        output: [size(input[0]), size(input[1]), channels],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
        weights: Arc::default(),
    }
}

/// A generator with a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(n.max(1))) as u32
    }

    fn sparse(&mut self, inputs: u32, outputs: u32, most: u32) -> Synapses {
        let (mut starts, mut sources) = (vec![0], vec![]);
        for _ in 0..outputs {
            let mut row: Vec<u32> = (0..self.below(most + 1)).map(|_| self.below(inputs)).collect();
            row.sort_unstable();
            row.dedup();
            sources.extend(row.iter().filter(|_| inputs > 0));
            starts.push(sources.len() as u64);
        }
        Synapses::Sparse(Sparse {
            outputs,
            inputs,
            starts: Arc::new(starts),
            sources: Arc::new(sources),
            weights: Arc::default(),
            delays: Arc::default(),
        })
    }
}

/// The host, then layers of which each reads one of those before in some way; some layers
/// read a second one, some send back, some have several configurations.
fn random_network(seed: u64) -> ChipNetwork {
    let r = &mut Random(seed);
    let side = 6 + r.below(5);
    let mut network = ChipNetwork {
        populations: vec![population(&[side as usize, side as usize, 2], false)],
        ..ChipNetwork::default()
    };
    for to in 1..2 + r.below(5) as usize {
        let from = r.below(to as u32) as usize;
        let (shape, inputs) = {
            let source = &network.populations[from];
            (source.shape.clone(), source.neurons)
        };
        let n = r.below(90);
        let (shape, synapses) = match (r.below(3), &shape[..]) {
            (0, [w, h, c]) if *w > 3 && *h > 3 => {
                let input = [*w as u32, *h as u32, *c as u32];
                let mut conv = conv(input, 2 + 2 * r.below(3), 3, 1 + r.below(2), r.below(2));
                conv.groups = if c % 2 == 0 { 1 + r.below(2) } else { 1 };
                (conv.output.map(|n| n as usize).to_vec(), Synapses::Conv(conv))
            }
            (1, _) => (vec![n as usize], dense(inputs, n)),
            _ => (vec![n as usize], r.sparse(inputs, n, 12)),
        };
        let mut layer = population(&shape, true);
        if let (0, Some(layer)) = (r.below(3), &mut layer.layer) {
            layer.config_of = (0..shape.iter().product()).map(|_| r.below(3) as u16).collect();
        }
        let n = layer.neurons;
        network.populations.push(layer);
        network.projections.push(projection(from, to, synapses));
        match r.below(6) {
            0 => {
                let back = 1 + r.below(to as u32) as usize;
                let outputs = network.populations[back].neurons;
                let synapses = r.sparse(n, outputs, 4);
                network.projections.push(projection(to, back, synapses));
            }
            1 if n > 1 => {
                let mut second = projection(from, to, dense(inputs, n / 2));
                second.scatter = Some(Arc::new((0..n / 2).map(|i| n - 1 - i).collect()));
                network.projections.push(second);
            }
            _ => {}
        }
        if r.below(2) == 0 {
            let neurons = Ranges::all(n);
            network.outputs.push(Output { from: to, to: "out".into(), neurons });
        }
    }
    network
}

fn uniform(network: &ChipNetwork, rate: f64) -> Rates {
    Rates { of: vec![Rate::Uniform(rate); network.populations.len()], origin: "test".into() }
}

fn run(
    network: &ChipNetwork,
    profile: &Profile,
    objective: Objective,
) -> Result<Partition, Vec<Refusal>> {
    let rates = uniform(network, 1.0);
    let (cores, cores_per_chip) = (100_000, 120);
    partition(&Request { network, profile, rates: &rates, objective, cores, cores_per_chip })
}

/// Every neuron on one core, every core in use and within all limits, and the cost as `map`
/// has it.
fn check(network: &ChipNetwork, profile: &Profile, found: &Partition, case: &str) {
    let Assignment { cores, core_of } = &found.assignment;
    let mut used = vec![false; *cores as usize];
    for (p, population) in network.populations.iter().enumerate() {
        let expected = if population.on_chip() { population.neurons } else { 0 };
        assert_eq!(core_of[p].len(), expected as usize, "{case}");
        core_of[p].iter().for_each(|c| used[*c as usize] = true);
    }
    assert!(used.iter().all(|used| *used), "{case}: no core is empty");
    let mapped = map(network, &found.assignment, &profile.figures, &uniform(network, 1.0));
    let mut fullest = 0.0f64;
    let (mut between, mut busiest) = (0.0, 0.0f64);
    for (c, core) in mapped.cores.iter().enumerate() {
        assert_eq!(profile.exceeded(&core.usage), None, "{case}: core {c}: {:?}", core.usage);
        for r in Resource::ALL {
            fullest = fullest.max(core.usage.of(r) as f64 / profile.limit(r) as f64);
        }
        busiest = busiest.max(cost::time(&profile.figures, &core.load));
        let away = |to: &super::super::mapped::End| match to {
            super::super::mapped::End::Core(to) => *to as usize != c,
            super::super::mapped::End::Host => false,
        };
        between += core.axons_out.iter().filter(|o| away(&o.to)).map(|o| o.messages).sum::<f64>();
    }
    let host: f64 = mapped.host.iter().map(|h| h.messages).sum();
    assert_eq!(found.from_host, host, "{case}");
    assert_eq!(found.cost.messages, between + host, "{case}");
    assert_eq!(found.cost.fullest, fullest, "{case}");
    assert!((found.cost.busiest - busiest).abs() <= 1e-9 * busiest, "{case}");
}

#[test]
fn random_networks_stay_within_every_limit() {
    let profile = small();
    let (mut placed, mut split) = (0, 0);
    for seed in 0..150 {
        let network = random_network(seed);
        for objective in [Objective::Energy, Objective::Latency, Objective::Edp] {
            let case = format!("seed {seed}, {objective:?}");
            match run(&network, &profile, objective) {
                Ok(found) => {
                    check(&network, &profile, &found, &case);
                    placed += 1;
                    split += usize::from(found.assignment.cores > 3);
                }
                Err(refusals) => {
                    assert!(!refusals.is_empty(), "{case}: a refusal says why");
                    for r in refusals {
                        assert!(r.used > r.limit, "{case}: {r:?}");
                        assert!(network.populations[r.layer].on_chip(), "{case}: {r:?}");
                    }
                }
            }
        }
    }
    assert!(placed > 300 && split > 150, "{placed} placed, {split} of them on more than 3 cores");
}

#[test]
fn the_same_request_has_the_same_result() {
    let profile = small();
    for seed in 0..20 {
        let network = random_network(seed);
        let found = || run(&network, &profile, Objective::Edp);
        assert_eq!(found(), found(), "seed {seed}");
    }
}

fn chain(host: &[usize], layers: &[(&[usize], Synapses)]) -> ChipNetwork {
    let mut network =
        ChipNetwork { populations: vec![population(host, false)], ..ChipNetwork::default() };
    for (i, (shape, synapses)) in layers.iter().enumerate() {
        network.populations.push(population(shape, true));
        network.projections.push(projection(i, i + 1, synapses.clone()));
    }
    network
}

#[test]
fn three_cores_hold_784_128_64_10() {
    let network = chain(
        &[784],
        &[(&[128], dense(784, 128)), (&[64], dense(128, 64)), (&[10], dense(64, 10))],
    );
    let found = run(&network, &profile(), Objective::Energy).expect("it fits");
    let core_of = &found.assignment.core_of;
    assert_eq!(found.assignment.cores, 3);
    let mut sizes = [0; 3];
    core_of[1].iter().for_each(|c| sizes[*c as usize] += 1);
    assert_eq!(sizes, [43, 43, 42]);
    let beside = core_of[2][0];
    assert!(core_of[2].iter().chain(&core_of[3]).all(|c| *c == beside), "both beside the same");
    assert_eq!((found.from_host, found.cost.messages), (3.0 * 784.0, 3.0 * 784.0 + 85.0));
}

#[test]
fn tiles_follow_the_grid_across_convolutions() {
    let convs = [
        conv([32, 32, 3], 16, 3, 1, 1),
        conv([32, 32, 16], 32, 3, 2, 1),
        conv([16, 16, 32], 64, 3, 2, 1),
    ];
    let mut layers: Vec<(Vec<usize>, Synapses)> = convs
        .into_iter()
        .map(|c| (c.output.map(|n| n as usize).to_vec(), Synapses::Conv(c)))
        .collect();
    layers.push((vec![256], dense(4096, 256)));
    layers.push((vec![10], dense(256, 10)));
    let layers: Vec<(&[usize], Synapses)> =
        layers.iter().map(|(shape, s)| (&shape[..], s.clone())).collect();
    let network = chain(&[32, 32, 3], &layers);
    let mut profile = profile();
    profile.figures.neurons = 1024;
    let found = run(&network, &profile, Objective::Energy).expect("it fits");
    check(&network, &profile, &found, "all limits");
    let f = &mut profile.figures;
    for limit in [&mut f.axon_in, &mut f.syn_words, &mut f.total_words] {
        *limit = 1 << 30;
    }
    let found = run(&network, &profile, Objective::Energy).expect("it fits");
    // 4 x 8 tiles of three layers and a core for the dense ones: a neuron at the end of a tile
    // sends one message more for each tile it borders on.
    let (first, second) =
        (3 * 32 * 16 + 7 * 32 * 16 + 21 * 16, 3 * 16 * 32 + 7 * 16 * 32 + 21 * 32);
    assert_eq!(found.cost.messages - found.from_host, f64::from(first + second + 4096));
    assert_eq!(found.assignment.cores, 33);
}

#[test]
fn a_neuron_with_too_many_inputs_is_refused_before_any_search() {
    let network = chain(&[11_352], &[(&[1000], dense(11_352, 1000))]);
    let refusals = run(&network, &profile(), Objective::Energy).expect_err("it does not fit");
    let [refusal] = &refusals[..] else { panic!("one layer: {refusals:?}") };
    assert_eq!((refusal.layer, refusal.limit_of), (1, Limit::Core(Resource::Total)));
    assert_eq!((refusal.used, refusal.limit), (22_707, 20_000));
    let RefusalKind::Neuron { fan_in, largest_fan_in, .. } = refusal.why else {
        panic!("{refusal:?}")
    };
    assert_eq!((fan_in, largest_fan_in), (11_352, Some(9998)));
    for (inputs, fits) in [(9998, true), (9999, false)] {
        let network = chain(&[inputs], &[(&[2], dense(inputs as u32, 2))]);
        assert_eq!(run(&network, &profile(), Objective::Energy).is_ok(), fits, "{inputs}");
    }
}

#[test]
fn a_convolution_stays_on_one_chip() {
    let layer = conv([64, 64, 2], 8, 3, 1, 1);
    let network = chain(&[64, 64, 2], &[(&[64, 64, 8], Synapses::Conv(layer))]);
    let refusals = run(&network, &small(), Objective::Energy).expect_err("it does not fit");
    assert_eq!((refusals[0].layer, refusals[0].limit_of), (1, Limit::Chip));
    assert_eq!(refusals[0].why, RefusalKind::ConvolutionOverChips);
    let needed = refusals[0].used;
    assert!(needed > 120 && refusals[0].limit == 120, "{refusals:?}");
    // That many do.
    let (profile, rates) = (small(), uniform(&network, 1.0));
    let objective = Objective::Energy;
    let found = partition(&Request {
        network: &network,
        profile: &profile,
        rates: &rates,
        objective,
        cores: needed,
        cores_per_chip: needed,
    });
    assert_eq!(found.map(|f| u64::from(f.assignment.cores)), Ok(needed));
}

#[test]
fn a_network_beyond_the_board_says_which_layers_take_the_cores() {
    let network = chain(&[100], &[(&[300], dense(100, 300)), (&[5], dense(300, 5))]);
    let (mut profile, rates) = (small(), uniform(&network, 1.0));
    profile.figures.axon_in = 400;
    profile.figures.total_words = 700;
    let ask = |cores| {
        let (network, profile, rates) = (&network, &profile, &rates);
        let (objective, cores_per_chip) = (Objective::Energy, 120);
        partition(&Request { network, profile, rates, objective, cores, cores_per_chip })
    };
    let needed = ask(1000).expect("it fits").assignment.cores;
    let refusals = ask(u64::from(needed) - 1).expect_err("a core is missing");
    assert_eq!((refusals[0].layer, refusals[0].limit_of), (1, Limit::Board));
    assert_eq!((refusals[0].used, refusals[0].limit), (needed.into(), u64::from(needed) - 1));
}

#[test]
fn shorter_steps_take_more_cores() {
    let network = chain(&[784], &[(&[128], dense(784, 128)), (&[64], dense(128, 64))]);
    let energy = run(&network, &profile(), Objective::Energy).expect("it fits").cost;
    let latency = run(&network, &profile(), Objective::Latency).expect("it fits").cost;
    let edp = run(&network, &profile(), Objective::Edp).expect("it fits").cost;
    assert!(latency.time < energy.time && latency.messages > energy.messages);
    assert!(edp.energy * edp.time <= energy.energy * energy.time);
    assert!(edp.energy * edp.time <= latency.energy * latency.time);
}

/// Neurons on a ring that read their neighbours, in a scrambled order.
#[test]
fn neighbours_share_cores() {
    let n = 600u32;
    let scrambled = |i: u32| i * 7 % n;
    let mut rows = vec![vec![]; n as usize];
    for i in 0..n {
        let near = [i + 1, i + 2, i + n - 1, i + n - 2].map(|k| scrambled(k % n));
        rows[scrambled(i) as usize] = near.to_vec();
        rows[scrambled(i) as usize].sort_unstable();
    }
    let sparse = Sparse {
        outputs: n,
        inputs: n,
        starts: Arc::new((0..=u64::from(n)).map(|i| 4 * i).collect()),
        sources: Arc::new(rows.concat()),
        weights: Arc::default(),
        delays: Arc::default(),
    };
    let mut network = chain(&[1], &[(&[n as usize], dense(1, 0))]);
    network.projections[0] = projection(1, 1, Synapses::Sparse(sparse));
    let profile = small();
    let found = run(&network, &profile, Objective::Energy).expect("it fits");
    check(&network, &profile, &found, "ring");
    // At best each core sends two neurons' spikes over either end.
    let cores = f64::from(found.assignment.cores);
    assert!(cores <= 14.0 && found.cost.messages <= 4.0 * cores * 1.5, "{:?}", found.cost);
}

/// More synapses than are coarsened, from anywhere: cores grow in two halves.
#[test]
fn neurons_without_neighbours_stay_within_every_limit_too() {
    let n = 40_000;
    let mut network = chain(&[1], &[(&[n as usize], dense(1, 0))]);
    network.projections[0] = projection(1, 1, Random(7).sparse(n, n, 120));
    let profile = profile();
    let found = run(&network, &profile, Objective::Energy).expect("it fits");
    check(&network, &profile, &found, "scattered");
    assert_eq!(found, run(&network, &profile, Objective::Energy).expect("it fits"));
}

#[test]
fn what_is_empty_or_silent_is_no_trouble() {
    let empty = ChipNetwork::default();
    assert_eq!(run(&empty, &profile(), Objective::Edp).map(|f| f.assignment.cores), Ok(0));
    let network = chain(&[0], &[(&[0], dense(0, 0)), (&[1], dense(0, 1)), (&[3], dense(1, 3))]);
    for rate in [0.0, f64::NAN, -1.0, f64::INFINITY] {
        let rates = uniform(&network, rate);
        let request = Request {
            network: &network,
            profile: &profile(),
            rates: &rates,
            objective: Objective::Energy,
            cores: 10,
            cores_per_chip: 10,
        };
        let found = partition(&request).expect("it fits");
        assert_eq!(found.assignment.core_of[1..], [vec![], vec![0], vec![0; 3]], "{rate}");
    }
    let none = Request {
        network: &network,
        profile: &profile(),
        rates: &Rates { of: vec![], origin: "none".into() },
        objective: Objective::Energy,
        cores: 0,
        cores_per_chip: 0,
    };
    let refusals = partition(&none).expect_err("there are no cores");
    assert_eq!((refusals[0].limit_of, refusals[0].used), (Limit::Board, 1));
}
