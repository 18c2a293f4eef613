//! Networks that are written as `.net` files are the same when they are imported.

use snn_data::net::{NetLayer, NetNeuron, NeuronKind, PerNeuron};
use snn_data::write_net;
use snn_ir::tensor::Tensor;
use snn_tests::program::{check, executed};
use std::path::Path;

/// The first layer has all that one may have, the second as little as possible.
fn layers() -> [NetLayer; 2] {
    let neuron = NetNeuron {
        kind: NeuronKind::Cuba,
        i_decay: PerNeuron::Each(vec![1000, 410, 2000, 4096]),
        v_decay: PerNeuron::Same(410),
        v_th_mant: PerNeuron::Same(64),
        ref_delay: 1,
        graded_spike: false,
        weight_exp: None,
    };
    let first = NetLayer {
        shape: vec![4],
        weights: Tensor::int(vec![4, 3], vec![40, -20, 60, 64, 32, 2, -8, 90, 20, 120, 100, -6]),
        bias: Some(vec![1.0, 0.0, -2.0, 3.0]),
        delay: Some(vec![0.0, 3.0, 1.0, 0.0]),
        neuron: neuron.clone(),
    };
    let second = NetLayer {
        shape: vec![2],
        weights: Tensor::float(vec![2, 4], vec![60.0, 40.0, 20.0, -30.0, -2.0, 80.0, 6.0, 70.0]),
        bias: None,
        delay: None,
        neuron: NetNeuron {
            kind: NeuronKind::Loihi,
            i_decay: PerNeuron::Same(1024),
            v_decay: PerNeuron::Each(vec![128, 4096]),
            v_th_mant: PerNeuron::Each(vec![1200, 150]),
            ..neuron
        },
    };
    [first, second]
}

/// A run of a network with some noise as input; of it, the spikes of two layers.
fn run(folder: &Path, network: &str, record: [&str; 2]) -> [Vec<f64>; 2] {
    let [first, second] = record;
    let text = format!(
        "network Main {{
    source = Source(data: bernoulli(0.2, shape: [60, 3], seed: 7))
{network}}}
run sim of Main {{
    models fixed_pt
    steps 60
    record {first}.s_out
    record {second}.s_out
}}
"
    );
    let program = folder.join("program.snn");
    std::fs::write(&program, text).unwrap();
    let results = executed(&check(&program, &[]).ir);
    record.map(|path| results[&format!("{path}.s_out")].values.clone())
}

#[test]
fn a_network_that_was_written_spikes_as_the_same_one_in_the_language() {
    let folder = tempfile::tempdir().unwrap();
    write_net(&folder.path().join("small.net"), &layers()).unwrap();
    let imported = run(
        folder.path(),
        "    net = netx(\"small.net\")
    source -> net
",
        ["net.layer0.neuron", "net.layer1.neuron"],
    );
    let written = run(
        folder.path(),
        "    first = DelayDense(
        weights: [[40, -20, 60], [64, 32, 2], [-8, 90, 20], [120, 100, -6]],
        delays: [[0, 0, 0], [3, 3, 3], [1, 1, 1], [0, 0, 0]]
    )
    cells = LIF(vth: 64, du: [999, 409, 1999, 4095], dv: 410, bias_mant: [1, 0, -2, 3], bias_exp: 6)
    second = Dense(weights: [[60, 40, 20, -30], [-2, 80, 6, 70]])
    out = LIF(vth: [1200, 150], du: 1023, dv: [128, 4096])
    source -> first -> cells -> second -> out
",
        ["cells", "out"],
    );
    for (found, expected) in imported.iter().zip(&written) {
        let spikes = expected.iter().filter(|s| **s == 1.0).count();
        assert!(spikes > 10 && spikes < expected.len() * 3 / 4, "{expected:?}");
        assert_eq!(found, expected);
    }
}
