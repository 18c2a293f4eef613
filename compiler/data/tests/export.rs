//! Files that are written for other programs, and read again.

#![allow(clippy::unwrap_used)]

use hdf5::{DType, Group};
use snn_data::h5::File;
use snn_data::net::{NetLayer, NetNeuron, NeuronKind, PerNeuron};
use snn_data::{Disk, npz_members, open, read, write_net, write_npz};
use snn_ir::data::DataSource;
use snn_ir::diagnostics::Code;
use snn_ir::tensor::{Tensor, Values};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mnist_loihi/mnist.net")
}

/// What a file has: of each dataset its path, type, size of an element, shape and values; and the
/// names of attributes.
fn tree(path: &Path) -> String {
    let file = hdf5::File::open(path).unwrap();
    let mut text = String::new();
    walk(&file.root(), "", &mut text);
    text
}

fn walk(group: &Group, path: &str, text: &mut String) {
    let attributes: Vec<String> = group.attrs().unwrap().into_keys().collect();
    writeln!(text, "{path}/ {attributes:?}").unwrap();
    let mut names = group.datasets().unwrap();
    names.sort();
    for name in names {
        let dataset = group.dataset(&name).unwrap();
        let dtype = dataset.dtype().unwrap();
        let values = match dtype {
            DType::VariableLengthString => format!("{:?}", dataset.read_string().unwrap()),
            _ => format!("{:?}", dataset.read_raw().unwrap()),
        };
        let (size, shape) = (dataset.element_size().unwrap(), dataset.shape().unwrap());
        let attributes: Vec<String> = dataset.attrs().unwrap().into_keys().collect();
        writeln!(text, "{path}/{name} {dtype:?} {size} {shape:?} {attributes:?} {values}").unwrap();
        // Which of the kinds of strings, integers and enumerations.
        writeln!(text, "    {:?}", dataset.datatype().unwrap()).unwrap();
    }
    let mut names = group.groups().unwrap();
    names.sort();
    for name in names {
        walk(&group.group(&name).unwrap(), &format!("{path}/{name}"), text);
    }
}

/// The elements of a tensor.
fn numbers(of: &Tensor) -> Vec<f64> {
    match &of.values {
        Values::Int(all) => all.iter().map(|x| *x as f64).collect(),
        Values::Float(all) => all.clone(),
        Values::Bool(all) => all.iter().map(|x| f64::from(u8::from(*x))).collect(),
    }
}

/// The layers of a file that has neither biases nor delays.
fn layers(path: &Path) -> Vec<NetLayer> {
    let file = File::open(&Disk, path).unwrap();
    let names = file.members("/layer").unwrap();
    let layer = |name: &String| {
        let group = format!("/layer/{}", name.trim_end_matches('/'));
        let one = |name: &str| {
            let (_, tensor) = file.read(&format!("{group}/{name}")).unwrap();
            numbers(&tensor)[0] as i64
        };
        let (_, shape) = file.read(&format!("{group}/shape")).unwrap();
        NetLayer {
            shape: numbers(&shape).iter().map(|x| *x as usize).collect(),
            weights: file.read(&format!("{group}/weight")).unwrap().1,
            bias: None,
            delay: None,
            neuron: NetNeuron {
                kind: NeuronKind::Cuba,
                i_decay: PerNeuron::Same(one("neuron/iDecay")),
                v_decay: PerNeuron::Same(one("neuron/vDecay")),
                v_th_mant: PerNeuron::Same(one("neuron/vThMant")),
                ref_delay: one("neuron/refDelay"),
                graded_spike: one("neuron/gradedSpike") != 0,
                weight_exp: None,
            },
        }
    };
    names.iter().map(layer).collect()
}

#[test]
fn a_network_that_is_written_again_is_the_file_that_the_exporter_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("again.net");
    let all = layers(&example());
    assert_eq!(all.len(), 3);
    write_net(&path, &all).unwrap();
    let (found, expected) = (tree(&path), tree(&example()));
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert!(found == expected, "{found:.200}\n{expected:.200}");
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(layers(&path), all);
    // The same bytes each time, and nothing beside the file.
    let first = std::fs::read(&path).unwrap();
    write_net(&path, &all).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

fn small() -> NetLayer {
    NetLayer {
        shape: vec![2],
        weights: Tensor::int(vec![2, 3], vec![2, -4, 6, 8, -10, 12]),
        bias: Some(vec![1.0, -2.0]),
        delay: Some(vec![3.0, 0.0]),
        neuron: NetNeuron {
            kind: NeuronKind::Loihi,
            i_decay: PerNeuron::Each(vec![1, 2]),
            v_decay: PerNeuron::Same(4),
            v_th_mant: PerNeuron::Same(5),
            ref_delay: 1,
            graded_spike: true,
            weight_exp: Some(-1),
        },
    }
}

#[test]
fn all_that_a_layer_may_have() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.net");
    write_net(&path, &[small()]).unwrap();
    let file = File::open(&Disk, &path).unwrap();
    assert_eq!(file.text("/layer/0/type").unwrap(), "dense");
    assert_eq!(file.text("/layer/0/neuron/type").unwrap(), "LOIHI");
    for (name, shape, values) in [
        ("shape", &[1][..], &[2.0][..]),
        ("inFeatures", &[], &[3.0]),
        ("outFeatures", &[], &[2.0]),
        ("weight", &[2, 3], &[2.0, -4.0, 6.0, 8.0, -10.0, 12.0]),
        ("bias", &[2], &[1.0, -2.0]),
        ("delay", &[2], &[3.0, 0.0]),
        ("neuron/iDecay", &[2], &[1.0, 2.0]),
        ("neuron/vDecay", &[], &[4.0]),
        ("neuron/vThMant", &[], &[5.0]),
        ("neuron/refDelay", &[], &[1.0]),
        ("neuron/gradedSpike", &[], &[1.0]),
        ("neuron/weight_exp", &[], &[-1.0]),
    ] {
        let (_, tensor) = file.read(&format!("/layer/0/{name}")).unwrap();
        assert_eq!(tensor.shape, shape, "{name}");
        assert_eq!(numbers(&tensor), values, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.net");
    let wide = |x: f64| Tensor::float(vec![2, 3], vec![x; 6]);
    let each = NetNeuron { i_decay: PerNeuron::Each(vec![1]), ..small().neuron };
    let cases: [(&str, Vec<NetLayer>); 11] = [
        ("at least one", vec![]),
        ("shape [6]", vec![NetLayer { weights: Tensor::int(vec![6], vec![0; 6]), ..small() }]),
        ("2 neurons, not 4", vec![NetLayer { shape: vec![1, 2, 2], ..small() }]),
        ("layer 1 has 3 inputs", vec![small(), small()]),
        ("1 iDecay", vec![NetLayer { neuron: each, ..small() }]),
        ("3 biases", vec![NetLayer { bias: Some(vec![0.0; 3]), ..small() }]),
        ("4 delays", vec![NetLayer { delay: Some(vec![0.0; 4]), ..small() }]),
        ("weight 0.1", vec![NetLayer { weights: wide(0.1), ..small() }]),
        ("weight inf", vec![NetLayer { weights: wide(f64::INFINITY), ..small() }]),
        ("weight NaN", vec![NetLayer { weights: wide(f64::NAN), ..small() }]),
        (
            "weight 16777217",
            vec![NetLayer { weights: Tensor::int(vec![2, 3], vec![(1 << 24) + 1; 6]), ..small() }],
        ),
    ];
    for (part, layers) in cases {
        let error = write_net(&path, &layers).unwrap_err();
        assert_eq!(error.code, Code::E0607);
        assert!(error.message.contains(part), "{error:?}, not {part}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let nowhere = dir.path().join("no/small.net");
    assert_eq!(write_net(&nowhere, &[small()]).unwrap_err().code, Code::E0607);
}

#[test]
fn arrays_of_an_archive_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.npz");
    let arrays = [
        ("net.layer0.synapse.weights", Tensor::int(vec![2, 2], vec![1, -2, i64::MAX, i64::MIN])),
        ("net.layer0.neuron.du", Tensor::float(vec![], vec![0.1])),
        ("masks", Tensor::bool(vec![3], vec![true, false, true])),
        ("empty", Tensor::float(vec![0, 4], vec![])),
    ];
    let named: Vec<(&str, &Tensor)> = arrays.iter().map(|(name, x)| (*name, x)).collect();
    write_npz(&path, &named).unwrap();
    assert_eq!(npz_members(&Disk, &path).unwrap().len(), arrays.len());
    for (name, tensor) in &arrays {
        let dataset = open(&Disk, DataSource::Npz(path.clone(), (*name).to_string())).unwrap();
        assert_eq!(read(&Disk, &dataset).unwrap(), *tensor, "{name}");
    }
    let twice = [named[0], named[0]];
    assert_eq!(write_npz(&path, &twice).unwrap_err().code, Code::E0607);
    // What was there is still there, and nothing beside it.
    assert_eq!(npz_members(&Disk, &path).unwrap().len(), arrays.len());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
