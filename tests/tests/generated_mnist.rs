//! Generated code against the reference implementation, on the MNIST network.

use snn_back::schedule::tabulate;
use snn_ir::data::DataSource;
use snn_ir::step::{ALWAYS, BufferId, Record, RecordWhen, StepIr, TensorValues, ranges};
use snn_ir::tensor::Tensor;
use snn_runtime::npy::{Values, read_values};
use snn_runtime::npz::Archive;
use snn_rust::{Provenance, build, emit};
use snn_tests::mnist;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn options() -> Provenance {
    Provenance { generator: "0.0.0".into(), source_hash: "0123456789abcdef".into() }
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("snnc-cache")
}

fn reference_network(images: usize) -> Option<StepIr> {
    let weights = mnist::weights(&shared("netx/mnist_cuba.net")?).unwrap();
    let idx = |path: &str| {
        let dataset = snn_data::open(&snn_data::Disk, DataSource::Idx(shared(path)?)).unwrap();
        Some(TensorValues::File(Arc::new(dataset)))
    };
    let digits = idx("mnist/t10k-images-idx3-ubyte.gz")?;
    let labels = idx("mnist/t10k-labels-idx1-ubyte.gz")?;
    Some(tabulate(mnist::network(&weights, digits, labels, 10_000, images)))
}

/// Compiles and runs a network; returns its recordings.
fn run(ir: &StepIr, threads: usize) -> Archive {
    let generated = emit(ir, &snn_data::Disk, &options()).unwrap();
    let program =
        build::compile(&generated, &cache(), &mut |_| {}).unwrap_or_else(|e| panic!("{e:?}"));
    let data = build::data(&generated, &snn_data::Disk, &cache()).unwrap();
    let out = cache().join(format!("{}-{threads}.npz", ir.steps));
    let output = Command::new(program)
        .args(["--quiet", "--threads", &threads.to_string()])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Archive::open(&out).unwrap()
}

fn integers(archive: &mut Archive, key: &str) -> Vec<i64> {
    let (header, mut from) = archive.array(key).unwrap();
    match read_values(&header, &mut from).unwrap() {
        Values::Int(values) => values,
        Values::Bool(values) => values.into_iter().map(i64::from).collect(),
        Values::Float(values) => values.into_iter().map(|v| v as i64).collect(),
    }
}

#[test]
fn all_test_images_are_classified_as_by_the_reference() {
    let (Some(ir), Some(golden)) = (reference_network(10_000), shared("golden/mnist_n32.npz"))
    else {
        return;
    };
    let mut golden = Archive::open(&golden).unwrap();
    let expected = integers(&mut golden, "pred");
    for threads in [1, 2] {
        let mut results = run(&ir, threads);
        let predicted = integers(&mut results, "cls.predicted");
        let wrong = predicted.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!((wrong, predicted.len()), (0, 10_000), "on {threads} threads");
        assert_eq!(integers(&mut results, "cls.truth"), integers(&mut golden, "labels"));
    }
}

#[test]
fn every_state_of_every_step_is_that_of_the_reference() {
    let (Some(mut ir), Some(golden)) =
        (reference_network(5), shared("golden/mnist_trace5_n32.npz"))
    else {
        return;
    };
    let layers = (0..3).flat_map(|k| {
        [("a_in", "a"), ("u", "u"), ("v", "v"), ("s_out", "s")]
            .map(|(ours, theirs)| (format!("net.layer{k}.neuron.{ours}"), format!("L{k}_{theirs}")))
    });
    let input = ("enc.spikes".to_string(), "input_spikes".to_string());
    let traced: Vec<(String, String)> = [input].into_iter().chain(layers).collect();
    let record = |path: &String| Record {
        buffer: BufferId(ir.buffers.iter().position(|b| b.name == *path).unwrap() as u32),
        key: path.clone(),
        when: RecordWhen::Clock(ALWAYS),
        asked: true,
    };
    ir.records = traced.iter().map(|(path, _)| record(path)).collect();
    ranges::analyse(&mut ir);
    let mut results = run(&ir, 1);
    let mut golden = Archive::open(&golden).unwrap();
    for (path, key) in &traced {
        assert!(integers(&mut results, path) == integers(&mut golden, key), "{path} differs");
    }
}

#[test]
fn generated_code_is_readable_and_stays_as_it_is() {
    let weights = |m: usize, n: usize| {
        let values = (0..m * n).map(|k| 2 * ((k * 37 % 201) as i64 - 100)).collect();
        Tensor::int(vec![m, n], values)
    };
    let weights = [weights(20, 784), weights(5, 20), weights(10, 5)];
    let known = |shape: &[usize]| {
        let len: usize = shape.iter().product();
        TensorValues::Known(Arc::new(Tensor::int(shape.to_vec(), vec![7; len])))
    };
    let ir = tabulate(mnist::network(&weights, known(&[3, 28, 28]), known(&[3]), 3, 3));
    let generated = emit(&ir, &snn_data::Disk, &options()).unwrap();
    for (path, text) in &generated.files {
        if path.ends_with(".rs") {
            syn::parse_file(text).unwrap_or_else(|e| panic!("{path}: {e}"));
        }
    }
    let text = |name: &str| &generated.files.iter().find(|(path, _)| path == name).unwrap().1;
    insta::assert_snapshot!("mnist_lib", text("src/lib.rs"));
    insta::assert_snapshot!("mnist_main", text("src/main.rs"));
    insta::assert_snapshot!("mnist_manifest", generated.manifest("mnist", "../runtime"));
    let files: Vec<String> =
        generated.data.iter().map(|f| format!("{} {:?} {:?}", f.name, f.elem, f.shape)).collect();
    insta::assert_snapshot!("mnist_data", files.join("\n"));
}

#[test]
fn a_cache_that_cannot_be_written_is_an_error_with_a_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("not-a-folder");
    std::fs::write(&file, "").unwrap();
    let weights =
        [[1, 784], [1, 1], [10, 1]].map(|s| Tensor::int(s.to_vec(), vec![1; s[0] * s[1]]));
    let one = |shape: &[usize]| {
        let len: usize = shape.iter().product();
        TensorValues::Known(Arc::new(Tensor::int(shape.to_vec(), vec![7; len])))
    };
    let ir = mnist::network(&weights, one(&[1, 28, 28]), one(&[1]), 1, 1);
    let generated = emit(&ir, &snn_data::Disk, &options()).unwrap();
    let error = build::compile(&generated, &file, &mut |_| {}).unwrap_err();
    assert_eq!(error.code.name(), "E0903");
    assert!(error.message.contains("not-a-folder"), "{}", error.message);
    assert_eq!(build::data(&generated, &snn_data::Disk, &file).unwrap_err().code.name(), "E0903");
}
