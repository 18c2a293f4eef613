//! Small plans for tests.

use super::network::{
    Assignment, ChipNetwork, Config, Conv, Dense, HostProcess, Layer, Output, Population, Program,
    Projection, Rate, Rates, ResetTiming, SignMode, Sparse, Synapses, WeightFormat,
};
use super::plan::{ChipTarget, Plan, PlanOrigin};
use super::profile::{DEFAULT, Profile};
use super::ranges::Ranges;
use super::site::Site;
use std::path::Path;
use std::sync::Arc;

fn format(sign: SignMode) -> WeightFormat {
    WeightFormat { bits: 8, exp: 0, sign, max_delay: 0 }
}

fn config(vth: i64) -> Config {
    let values = [("du", 409), ("dv", 410), ("vth", vth), ("bias_exp", 6)];
    Config(values.map(|(name, value)| (name.to_string(), value)).into())
}

pub fn population(name: &str, shape: &[usize], layer: Option<Layer>) -> Population {
    let neurons = shape.iter().product::<usize>() as u32;
    Population { name: name.into(), shape: shape.to_vec(), neurons, layer, loc: None }
}

pub fn layer() -> Layer {
    Layer {
        program: 0,
        configs: vec![config(64)],
        config_of: vec![],
        bias_mant: vec![],
        resets: vec![ResetTiming { interval: 32, offset: 2 }],
    }
}

pub fn projection(name: &str, from: usize, to: usize, synapses: Synapses) -> Projection {
    Projection {
        name: name.into(),
        from,
        to,
        gather: None,
        scatter: None,
        synapses,
        format: format(SignMode::Mixed),
        graded: false,
        loc: None,
    }
}

/// Even weights, one after another.
fn weights(n: usize) -> Arc<Vec<i16>> {
    Arc::new((0..n).map(|i| (i * 7 % 256) as i16 * 2 - 256).collect())
}

pub fn dense(inputs: u32, outputs: u32) -> Synapses {
    let weights = weights((inputs * outputs) as usize);
    Synapses::Dense(Dense { inputs, outputs, weights, delays: Arc::default() })
}

/// Output `i` has the inputs `i · 5 + k · k · 3` modulo the inputs, `i % 4 + 1` of them.
pub fn sparse(inputs: u32, outputs: u32) -> Synapses {
    let (mut starts, mut sources) = (vec![0], Vec::new());
    for i in 0..outputs {
        let mut row: Vec<u32> = (0..=i % 4).map(|k| (i * 5 + k * k * 3) % inputs).collect();
        row.sort_unstable();
        row.dedup();
        sources.extend(row);
        starts.push(sources.len() as u64);
    }
    let weights = Arc::new(vec![3; sources.len()]);
    let delays = Arc::new(vec![1; sources.len()]);
    let (starts, sources) = (Arc::new(starts), Arc::new(sources));
    Synapses::Sparse(Sparse { inputs, outputs, starts, sources, weights, delays })
}

fn network(populations: Vec<Population>, projections: Vec<Projection>) -> ChipNetwork {
    let last = populations.len() - 1;
    let neurons = Ranges::all(populations[last].neurons);
    let mut network = ChipNetwork {
        name: "Net".into(),
        populations,
        projections,
        outputs: vec![Output { from: last, to: "out.spikes".into(), neurons }],
        host: vec![],
        programs: vec![Program {
            name: "LIF fixed_pt".into(),
            state: vec![("u".into(), 24), ("v".into(), 24)],
            operations: vec!["u = decay(u, du) + (a_in << 6)".into(), "s_out = v > vth".into()],
        }],
        step_latency: 1,
    };
    for process in ["enc", "out"] {
        network.host.push(HostProcess {
            process: process.into(),
            resource: "cpu".into(),
            reason: "it computes with floats".into(),
            adapters: network.adapters(process),
        });
    }
    network
}

fn plan(network: ChipNetwork, rates: Vec<Rate>, core_of: Vec<Vec<u32>>, ids: &[u64]) -> Plan {
    plan_on("kapoho_point", network, rates, core_of, ids)
}

fn plan_on(
    board: &str,
    network: ChipNetwork,
    rates: Vec<Rate>,
    core_of: Vec<Vec<u32>>,
    ids: &[u64],
) -> Plan {
    let profile = Profile::load(DEFAULT, Path::new("")).expect("built in");
    let sites: Vec<Site> = ids.iter().map(|id| Site::of_id(*id, &profile.figures)).collect();
    let source = PlanOrigin {
        file: "net.snn".into(),
        sha256: "0123456789abcdef".repeat(4),
        compiler: "snnc 0.1.0".into(),
        seed: 0,
        run: "sim".into(),
        steps: 32,
    };
    let board = board.to_string();
    let chips = profile.boards[&board].chips;
    let target =
        ChipTarget { profile, board, chips, bad_cores: vec![7], objective: "energy".into() };
    let rates = Rates { of: rates, origin: "given".into() };
    let assignment = Assignment { cores: ids.len() as u32, core_of };
    Plan::new(source, network, target, rates, &assignment, &sites, None).expect("a plan")
}

/// The cores of neurons in blocks of these sizes.
fn blocks(sizes: &[(u32, usize)]) -> Vec<u32> {
    sizes.iter().flat_map(|(core, n)| std::iter::repeat_n(*core, *n)).collect()
}

/// 784-128-64-10 on three cores.
pub fn mnist() -> Plan {
    let populations = vec![
        population("enc.spikes", &[784], None),
        population("a", &[128], Some(layer())),
        population("b", &[64], Some(layer())),
        population("c", &[10], Some(Layer { bias_mant: vec![5], ..layer() })),
    ];
    let projections = vec![
        projection("dense1", 0, 1, dense(784, 128)),
        projection("dense2", 1, 2, dense(128, 64)),
        projection("dense3", 2, 3, dense(64, 10)),
    ];
    let core_of = vec![vec![], blocks(&[(0, 43), (1, 43), (2, 42)]), vec![2; 64], vec![2; 10]];
    let rates =
        vec![Rate::Uniform(0.125), Rate::Uniform(0.1), Rate::Uniform(0.05), Rate::Uniform(0.02)];
    plan(network(populations, projections), rates, core_of, &[3, 9, 5])
}

/// A convolution and a dense layer that sees every second of its neurons, on two chips.
pub fn conv() -> Plan {
    let synapses = Conv {
        input: [6, 6, 2],
        output: [3, 3, 4],
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 2,
        weights: weights(4 * 9),
    };
    let two = Layer {
        configs: vec![config(64), config(80)],
        config_of: (0..36).map(|i| u16::from(i % 4 == 1)).collect(),
        bias_mant: (0..36).map(|i| i - 9).collect(),
        ..layer()
    };
    let populations = vec![
        population("enc.spikes", &[6, 6, 2], None),
        population("conv", &[3, 3, 4], Some(two)),
        population("d", &[10], Some(layer())),
    ];
    let half = Projection {
        gather: Some(Arc::new((0..18).map(|i| 2 * i).collect())),
        scatter: Some(Arc::new((0..10).rev().collect())),
        format: format(SignMode::Inhibitory),
        ..projection("dense", 1, 2, {
            let weights = Arc::new((0..180).map(|i| -(i % 256)).collect());
            Synapses::Dense(Dense { inputs: 18, outputs: 10, weights, delays: Arc::default() })
        })
    };
    let projections = vec![projection("conv.w", 0, 1, Synapses::Conv(synapses)), half];
    let mut network = network(populations, projections);
    network.outputs[0].neurons = Ranges::of_sorted([0, 1, 2, 5]);
    let rates = vec![Rate::Uniform(0.25), Rate::Uniform(0.5), Rate::Uniform(0.125)];
    let core_of = vec![vec![], blocks(&[(0, 14), (2, 22)]), blocks(&[(1, 10)])];
    plan(network, rates, core_of, &[2, 128 + 77, 40])
}

/// A sparse recurrent network with rates of single neurons, on three chips.
pub fn recurrent() -> Plan {
    let populations =
        vec![population("enc.inputs", &[40], None), population("r", &[300], Some(layer()))];
    let excitatory = |q: Projection| Projection {
        format: WeightFormat { max_delay: 2, ..format(SignMode::Excitatory) },
        ..q
    };
    let projections = vec![
        excitatory(projection("in", 0, 1, sparse(40, 300))),
        excitatory(projection("loop", 1, 1, sparse(300, 300))),
    ];
    let rates =
        vec![Rate::Uniform(0.25), Rate::Each((0..300).map(|i| f64::from(i % 9) / 16.0).collect())];
    let core_of: Vec<u32> = (0..300).map(|i| (i * 7 % 30) / 6).collect();
    let network = network(populations, projections);
    plan(network, rates, vec![vec![], core_of], &[0, 1, 130, 131, 512 + 3])
}

/// A recurrent network of `neurons`, each with `fan_in` synapses: nine of ten from the next 500
/// neurons, the others from anywhere. A core has a block of neurons with 10 000 synapses.
pub fn small_world(neurons: u32, fan_in: u32) -> Plan {
    let mut state = 1u64;
    let mut random = |below: u32| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % u64::from(below)) as u32
    };
    let (mut starts, mut sources) = (vec![0], Vec::new());
    for i in 0..neurons {
        let source = |_| match random(10) {
            0 => random(neurons),
            _ => (i + 1 + random(500)) % neurons,
        };
        let mut row: Vec<u32> = (0..fan_in).map(source).collect();
        row.sort_unstable();
        row.dedup();
        sources.extend(row);
        starts.push(sources.len() as u64);
    }
    let weights = Arc::new(vec![2; sources.len()]);
    let (starts, sources) = (Arc::new(starts), Arc::new(sources));
    let (inputs, outputs, delays) = (neurons, neurons, Arc::default());
    let synapses = Synapses::Sparse(Sparse { inputs, outputs, starts, sources, weights, delays });
    let population = population("r", &[neurons as usize], Some(layer()));
    let network = network(vec![population], vec![projection("loop", 0, 0, synapses)]);
    let block = 10_000 / fan_in;
    let core_of = (0..neurons).map(|i| i / block).collect();
    let on_chip = |core: u64| core / 100 * 128 + 8 + core % 100;
    let ids: Vec<u64> = (0..u64::from(neurons.div_ceil(block))).map(on_chip).collect();
    plan_on("hala_point", network, vec![Rate::Uniform(0.01)], vec![core_of], &ids)
}
