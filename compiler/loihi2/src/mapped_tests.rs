//! The published rows, and convolutions counted neuron by neuron.

use super::*;
use crate::fixtures;
use crate::network::{Dense, Output, Population, Rate};
use crate::profile::{DEFAULT, Profile};
use crate::resources::{Resource, percent};
use std::path::Path;
use std::sync::Arc;

fn profile() -> Profile {
    Profile::load(DEFAULT, Path::new("")).expect("built in")
}

fn population(name: &str, shape: &[usize], on_chip: bool) -> Population {
    fixtures::population(name, shape, on_chip.then(fixtures::layer))
}

fn projection(from: usize, to: usize, synapses: Synapses) -> Projection {
    fixtures::projection(&format!("{from}to{to}"), from, to, synapses)
}

fn dense(inputs: u32, outputs: u32) -> Synapses {
    Synapses::Dense(Dense { inputs, outputs, weights: Arc::default(), delays: Arc::default() })
}

/// 784-128-64-10, the first layer on cores of these sizes.
fn mnist(first: &[u32], others: [u32; 2]) -> (ChipNetwork, Assignment) {
    let network = ChipNetwork {
        populations: vec![
            population("in", &[784], false),
            population("a", &[128], true),
            population("b", &[64], true),
            population("c", &[10], true),
        ],
        projections: vec![
            projection(0, 1, dense(784, 128)),
            projection(1, 2, dense(128, 64)),
            projection(2, 3, dense(64, 10)),
        ],
        outputs: vec![Output { from: 3, to: "out".into(), neurons: Ranges::all(10) }],
        ..ChipNetwork::default()
    };
    let mut core_of = vec![vec![]; 4];
    for (core, n) in first.iter().enumerate() {
        core_of[1].extend(std::iter::repeat_n(core as u32, *n as usize));
    }
    core_of[2] = vec![others[0]; 64];
    core_of[3] = vec![others[1]; 10];
    let cores = 1 + others[0].max(others[1]).max(first.len() as u32 - 1);
    (network, Assignment { cores, core_of })
}

fn rates(network: &ChipNetwork, rate: f64) -> Rates {
    Rates { of: vec![Rate::Uniform(rate); network.populations.len()], origin: "test".into() }
}

fn row(usage: &Usage) -> Vec<String> {
    let profile = profile();
    Resource::ALL.into_iter().map(|r| percent(usage.of(r), profile.limit(r))).collect()
}

#[test]
fn the_published_rows_come_out_digit_for_digit() {
    let (network, assignment) = mnist(&[50, 50, 28], [3, 4]);
    let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 0.0));
    let rows: Vec<Vec<String>> = mapped.cores.iter().map(|c| row(&c.usage)).collect();
    assert_eq!(rows[4], ["0.40", "12.50", "0.24", "1.60", "0.06", "0.00", "1.71"]);
    assert_eq!(rows[3], ["0.80", "12.50", "1.56", "16.80", "0.40", "0.00", "14.72"]);
    assert_eq!(rows[0], ["4.90", "12.50", "1.22", "78.40", "0.31", "0.00", "67.14"]);
}

#[test]
fn three_cores_hold_what_the_vendors_compiler_puts_on_five() {
    let (network, assignment) = mnist(&[43, 43, 42], [2, 2]);
    let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 0.5));
    let profile = profile();
    assert!(mapped.cores.iter().all(|c| profile.exceeded(&c.usage).is_none()));
    assert_eq!(mapped.cores[0].usage.syn_words, 10976);
    assert_eq!(mapped.cores[0].usage.total(), 11847);
    // A spike is a message to every core of the next layer.
    let sent: f64 = mapped.host.iter().map(|h| h.messages).sum();
    assert_eq!(sent, 784.0 * 0.5 * 3.0);
    assert_eq!(mapped.cores[0].load.synops[0], 784.0 * 0.5 * 43.0);
    assert_eq!(mapped.cores[2].axons_out.len(), 3, "to b, to c (both here) and to the host");
}

/// Every convolution's axons against a count over all synapses.
#[test]
fn axons_of_convolutions_are_those_of_their_synapses() {
    for (groups, stride, padding, dilation) in [(1, 1, 0, 1), (2, 2, 1, 1), (1, 1, 2, 2)] {
        let conv = Conv {
            input: [7, 6, 4],
            output: [0; 3],
            kernel: [3, 2],
            stride: [stride, 1],
            padding: [padding, 1],
            dilation: [1, dilation],
            groups,
            weights: Arc::default(),
        };
        let size = |axis: usize| {
            let reach = conv.dilation[axis] * (conv.kernel[axis] - 1) + 1;
            (conv.input[axis] + 2 * conv.padding[axis] - reach) / conv.stride[axis] + 1
        };
        let conv = Conv { output: [size(0), size(1), 6], ..conv };
        let [w, h, c] = conv.output;
        let network = ChipNetwork {
            populations: vec![
                population("in", &[7, 6, 4], false),
                population("out", &[w as usize, h as usize, c as usize], true),
            ],
            projections: vec![projection(0, 1, Synapses::Conv(conv.clone()))],
            ..ChipNetwork::default()
        };
        let n = w * h * c;
        // Neither positions nor channels stay together.
        let core_of: Vec<u32> = (0..n).map(|i| i * 7 % 11 % 3).collect();
        let assignment = Assignment { cores: 3, core_of: vec![vec![], core_of.clone()] };
        let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 1.0));
        let mut synapses: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for i in 0..n {
            let (ox, oy, co) = (i / (h * c), i / c % h, i % c);
            for (kx, ky) in (0..3).flat_map(|kx| (0..2).map(move |ky| (kx, ky))) {
                let x = i64::from(ox * stride + kx) - i64::from(padding);
                let y = i64::from(oy + ky * dilation) - 1;
                if (0..7).contains(&x) && (0..6).contains(&y) {
                    for ci in (0..4).filter(|ci| ci / (4 / groups) == co / (6 / groups)) {
                        let source = (x as u32 * 6 + y as u32) * 4 + ci;
                        *synapses.entry((core_of[i as usize], source)).or_default() += 1;
                    }
                }
            }
        }
        for (core, used) in mapped.cores.iter().enumerate() {
            let expected: BTreeMap<u32, u64> = synapses
                .iter()
                .filter(|((c, _), _)| *c == core as u32)
                .map(|((_, source), n)| (*source, *n))
                .collect();
            let axons = &used.axons_in[0];
            assert!(axons.sources.iter().eq(expected.keys().copied()), "core {core}");
            assert_eq!(axons.synapses, expected.values().sum::<u64>());
            assert_eq!(used.load.synops[2], axons.synapses as f64);
        }
    }
}

#[test]
fn a_neuron_with_two_projections_into_a_core_has_one_axon_there() {
    let (mut network, mut assignment) = mnist(&[128], [1, 1]);
    network.projections.push(projection(1, 3, dense(128, 10)));
    assignment.cores = 2;
    let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 0.25));
    assert_eq!(mapped.cores[1].usage.axon_in, 128 + 64);
    assert_eq!(mapped.cores[0].load.messages_out, 32.0);
    assert_eq!(mapped.cores[1].axons_in.len(), 3);
}

#[test]
fn destination_lists_are_shared_by_neurons_that_send_to_the_same_cores() {
    let (network, _) = mnist(&[128], [1, 1]);
    let mut core_of = vec![vec![], vec![0; 128], vec![1; 64], vec![2; 10]];
    core_of[2][32..].fill(2);
    let assignment = Assignment { cores: 3, core_of };
    let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 0.0));
    assert_eq!((mapped.cores[0].usage.axon_map, mapped.cores[0].usage.axon_mem), (128, 2));
}

/// Few inputs are counted in a table, many by sorting: a count over all synapses is both.
#[test]
fn axons_of_sparse_synapses_are_counted_whatever_the_number_of_inputs() {
    for inputs in [50, TABLE + 50] {
        let Synapses::Sparse(sparse) = fixtures::sparse(inputs, 300) else { unreachable!() };
        let network = ChipNetwork {
            populations: vec![
                population("in", &[inputs as usize], false),
                population("out", &[300], true),
            ],
            projections: vec![projection(0, 1, Synapses::Sparse(sparse.clone()))],
            ..ChipNetwork::default()
        };
        let core_of: Vec<u32> = (0..300).map(|i| i * 7 % 11 % 3).collect();
        let assignment = Assignment { cores: 3, core_of: vec![vec![], core_of.clone()] };
        let mapped = map(&network, &assignment, &profile().figures, &rates(&network, 1.0));
        for (core, used) in (0..).zip(&mapped.cores) {
            let mut expected: BTreeMap<u32, u64> = BTreeMap::new();
            for output in (0..300).filter(|i| core_of[*i as usize] == core) {
                for source in &sparse.sources[sparse.row(output)] {
                    *expected.entry(*source).or_default() += 1;
                }
            }
            let axons = &used.axons_in[0];
            assert!(axons.sources.iter().eq(expected.keys().copied()), "core {core}");
            let mut fan_out: BTreeMap<u64, u64> = BTreeMap::new();
            expected.values().for_each(|n| *fan_out.entry(*n).or_default() += 1);
            assert!(axons.fan_out.iter().copied().eq(fan_out), "core {core}");
            assert_eq!(axons.synapses, expected.values().sum::<u64>());
            let to_core = mapped.host.iter().find(|row| row.to == core).map(|row| &row.sources);
            assert_eq!(to_core, Some(&axons.sources));
        }
    }
}

#[test]
fn other_numbers_of_cores_change_nothing_else() {
    let plan = fixtures::recurrent();
    let figures = &plan.target.profile.figures;
    let n = plan.assignment.cores;
    let order: Vec<usize> = (0..n as usize).rev().collect();
    let turned = |cores: &Vec<u32>| cores.iter().map(|core| n - 1 - core).collect();
    let assignment =
        Assignment { cores: n, core_of: plan.assignment.core_of.iter().map(turned).collect() };
    let counted = map(&plan.network, &assignment, figures, &plan.rates);
    assert_ne!(plan.mapped, counted);
    assert_eq!(plan.mapped.clone().renumbered(&order), counted);
}
