//! The standard library against golden data of the reference implementation: every state of
//! every step, in the executor and in generated code.

use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use snn_tests::program::{self, Array};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The fields of one case of `processes.npz`.
type Case = BTreeMap<String, Array>;

fn cases() -> Option<BTreeMap<String, Case>> {
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (name, array) in program::arrays(&program::shared("golden/processes.npz")?) {
        let (case, field) = name.split_once('/').unwrap();
        cases.entry(case.into()).or_default().insert(field.into(), array);
    }
    Some(cases)
}

/// Writes an array for a program to read; integers where all values are whole.
fn write_npy(path: &Path, array: &Array) {
    let whole = array.values.iter().all(|x| x.fract() == 0.0);
    let element = if whole { ElementType::I64 } else { ElementType::F64 };
    let mut bytes = Vec::new();
    Header::new(element, &array.shape).write(&mut bytes).unwrap();
    for x in &array.values {
        let value = if whole { (*x as i64).to_le_bytes() } else { x.to_le_bytes() };
        bytes.extend(value);
    }
    fs::write(path, bytes).unwrap();
}

/// Writes a matrix in compressed sparse rows, and gives the expression that reads it.
fn write_csr(folder: &Path, id: &str, matrix: &Array) -> String {
    let columns = matrix.shape[1];
    let (mut data, mut indices, mut indptr) = (Vec::new(), Vec::new(), vec![0.0]);
    for row in matrix.values.chunks(columns) {
        for (column, value) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            data.push(*value);
            indices.push(column as f64);
        }
        indptr.push(data.len() as f64);
    }
    let lists = [("data", data), ("indices", indices), ("indptr", indptr)].map(|(list, values)| {
        let name = format!("{id}_{list}.npy");
        write_npy(&folder.join(&name), &Array { shape: vec![values.len()], values });
        format!("npy(\"{name}\")")
    });
    format!("csr({}, {:?})", lists.join(", "), matrix.shape)
}

/// The process of a case, by its name.
fn process(case: &str) -> Option<&'static str> {
    let known = [
        ("conv_", "Conv"),
        ("dense_", "Dense"),
        ("delaydense", "DelayDense"),
        ("sparse_", "Sparse"),
        ("delaysparse", "DelaySparse"),
        ("lifreset", "LIFReset"),
        ("lifrefractory", "LIFRefractory"),
        ("lif_", "LIF"),
        ("ternarylif", "TernaryLIF"),
    ];
    known.iter().find(|(prefix, _)| case.starts_with(prefix)).map(|(_, p)| *p)
}

/// The reset parameters are in the names of these cases.
fn reset_of(case: &str) -> Option<(i64, i64)> {
    Some(match case {
        "lifreset_i5_o2" => (5, 2),
        "lifreset_i5_o7" => (5, 7),
        "lifreset_i1" => (1, 0),
        "lifreset_float" => (6, 1),
        _ => return None,
    })
}

/// One program that runs every case as a part of one network.
struct Suite {
    text: String,
    network: String,
    run: String,
    /// Key in the results, the expected values, the time axis and whether it is exact.
    expected: Vec<(String, Array, usize)>,
}

impl Suite {
    fn add(&mut self, folder: &Path, name: &str, case: &Case) {
        let Some(process) = process(name) else { return };
        let id = name.replace('-', "m");
        let float = name.ends_with("_float") || name == "dense_float";
        let input = case.get("x").or_else(|| case.get("a_in")).unwrap();
        write_npy(&folder.join(format!("{id}_input.npy")), input);
        let states = ["u", "v", "refractory_period_end"];
        let mut args = Vec::new();
        for (field, array) in case {
            let is_input = field == "x" || field == "a_in" || field == "out";
            if is_input || states.contains(&field.as_str()) {
                continue;
            }
            if field == "weights" && process.ends_with("Sparse") {
                args.push(format!("{field}: {}", write_csr(folder, &id, array)));
            } else if array.shape.is_empty() {
                args.push(format!("{field}: {:?}", array.values[0]).replace(".0", ""));
            } else {
                write_npy(&folder.join(format!("{id}_{field}.npy")), array);
                args.push(format!("{field}: npy(\"{id}_{field}.npy\")"));
            }
        }
        if let Some((interval, offset)) = reset_of(name) {
            args.retain(|a| !a.starts_with("reset_"));
            args.push(format!("reset_interval: {interval}, reset_offset: {offset}"));
        }
        if name == "lif_init_uv" {
            args.push(INITIAL_UV.into());
        }
        let (n, args) = (&mut self.network, args.join(", "));
        // Time is the last axis there, the first one here.
        let rank = input.shape.len();
        let axes: Vec<usize> = [rank - 1].into_iter().chain(0..rank - 1).collect();
        writeln!(n, "    {id}_source = Source(transpose(npy(\"{id}_input.npy\"), {axes:?}))")
            .unwrap();
        writeln!(n, "    {id} = {process}({args})").unwrap();
        writeln!(n, "    {id}_source -> {id}").unwrap();
        let out = if process.contains("LIF") { "s_out" } else { "a_out" };
        self.record(&format!("{id}.{out}"), &case["out"], case["out"].shape.len() - 1);
        for state in states {
            if let Some(values) = case.get(state) {
                self.record(&format!("{id}.{state}"), values, 0);
            }
        }
        if float {
            writeln!(self.run, "    model {id} = floating_pt").unwrap();
            writeln!(self.run, "    model {id}_source = floating_pt").unwrap();
        }
    }

    fn record(&mut self, key: &str, values: &Array, time_axis: usize) {
        writeln!(self.run, "    record {key}").unwrap();
        self.expected.push((key.into(), values.clone(), time_axis));
    }

    fn program(&self) -> String {
        let Suite { text, network, run, .. } = self;
        format!(
            "{text}network Cases {{\n{network}}}\n\
             run all of Cases {{\n    models fixed_pt\n    steps 24\n{run}}}\n"
        )
    }
}

/// `processes.npz` holds states after each step, not what they were before the first.
const INITIAL_UV: &str = "u: npy(\"initial_u.npy\"), v: npy(\"initial_v.npy\")";

/// The elements of a recorded array (time first) in the order of an expected one.
fn matching(recorded: &Array, expected: &Array, time_axis: usize) -> Vec<f64> {
    let steps = expected.shape[time_axis];
    let width: usize = recorded.shape[1..].iter().product();
    match time_axis {
        0 => recorded.values[..steps * width].to_vec(),
        _ => (0..width)
            .flat_map(|n| (0..steps).map(move |t| (t, n)))
            .map(|(t, n)| recorded.values[t * width + n])
            .collect(),
    }
}

#[test]
fn every_process_equals_the_reference() {
    let Some(cases) = cases() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Suite {
        text: String::new(),
        network: String::new(),
        run: String::new(),
        expected: Vec::new(),
    };
    initial_states(folder.path(), &cases["lif_init_uv"]);
    for (name, case) in &cases {
        suite.add(folder.path(), name, case);
    }
    recurrent(&mut suite, folder.path(), &cases["recurrent"]);
    let file = folder.path().join("cases.snn");
    fs::write(&file, suite.program()).unwrap();
    let run = program::check(&file, &[]);
    let executed = program::executed(&run.ir);
    let generated = program::generated(&run.ir, 1);
    assert!(suite.expected.len() > 80, "only {} comparisons", suite.expected.len());
    let mut wrong = Vec::new();
    for (key, expected, time_axis) in &suite.expected {
        for (how, results) in [("executed", &executed), ("generated", &generated)] {
            let got = matching(&results[key], expected, *time_axis);
            // Sums of floats in another order than the reference's may differ in the last bit.
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
            let equal = if key.contains("float") {
                got.iter().zip(&expected.values).all(close)
            } else {
                got == expected.values
            };
            if !equal {
                wrong.push(format!("{how} {key}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these differ from the reference: {wrong:#?}");
    assert_eq!(executed, generated);
}

/// A layer with feedback: a spike at `t` reaches the layer itself at `t + 1`.
fn recurrent(suite: &mut Suite, folder: &Path, case: &Case) {
    for field in ["x", "W_in", "W_rec"] {
        write_npy(&folder.join(format!("rec_{field}.npy")), &case[field]);
    }
    suite.network += "    \
    rec = LIF(du: 1000, dv: 300, vth: 120)
    Source(transpose(npy(\"rec_x.npy\"))) -> Dense(npy(\"rec_W_in.npy\")) -> rec
    rec -> Dense(npy(\"rec_W_rec.npy\")) -> rec
";
    suite.record("rec.s_out", &case["out"], 1);
    suite.record("rec.u", &case["u"], 0);
    suite.record("rec.v", &case["v"], 0);
}

/// Initial states of case `lif_init_uv` that lead to its states after the first step.
fn initial_states(folder: &Path, case: &Case) {
    let tz = |x: i64| x / 4096;
    let (du, dv) = (case["du"].values[0] as i64, case["dv"].values[0] as i64);
    let n = case["u"].shape[1];
    let steps = case["a_in"].shape[1];
    let (mut us, mut vs) = (Vec::new(), Vec::new());
    for i in 0..n {
        let a = case["a_in"].values[i * steps] as i64;
        let (u1, v1) = (case["u"].values[i] as i64, case["v"].values[i] as i64);
        let spiked = case["out"].values[i * steps] != 0.0;
        let range = -2_000_000..2_000_000i64;
        let u0 = range.clone().find(|u| tz(u * (4096 - du - 1)) + (a << 6) == u1).unwrap();
        let threshold = (case["vth"].values[0] as i64) << 6;
        let fits = |v: &i64| {
            let y = tz(v * (4096 - dv)) + u1;
            if spiked { y > threshold } else { y == v1 && y <= threshold }
        };
        us.push(u0 as f64);
        vs.push(range.clone().find(fits).unwrap() as f64);
    }
    write_npy(&folder.join("initial_u.npy"), &Array { shape: vec![n], values: us });
    write_npy(&folder.join("initial_v.npy"), &Array { shape: vec![n], values: vs });
}

/// Copies what a program needs from the shared data into a folder.
fn copy(folder: &Path, files: &[&str]) -> Option<()> {
    for file in files {
        let from = program::shared(file)?;
        fs::copy(&from, folder.join(from.file_name().unwrap())).unwrap();
    }
    Some(())
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn mnist_lava_equals_the_reference_in_every_recorded_state() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "mnist/train-images-idx3-ubyte.gz",
        "mnist/train-labels-idx1-ubyte.gz",
        "mnist_lava/mnist_params.npz",
    ];
    let Some(golden) = program::shared("golden/mnist_lava.npz") else { return };
    if copy(folder.path(), &files).is_none() {
        return;
    }
    let golden = program::arrays(&golden);
    let mut text = example("mnist_lava/mnist_lava.snn");
    let mut records =
        String::from("    record out.predicted at end\n    record out.truth at end\n");
    for layer in ["lif1", "lif2", "lif3"] {
        for state in ["u", "v"] {
            writeln!(records, "    record net.{layer}.{state} every steps").unwrap();
        }
    }
    let report = text.find("    report").unwrap();
    text.insert_str(report, &records);
    let file = folder.path().join("mnist_lava.snn");
    fs::write(&file, text).unwrap();
    let run = program::check(&file, &[]);
    for results in [program::executed(&run.ir), program::generated(&run.ir, 2)] {
        assert_eq!(results["out.predicted"].values, golden["pred"].values);
        assert_eq!(results["out.truth"].values, golden["labels"].values);
        for layer in ["lif1", "lif2", "lif3"] {
            for state in ["u", "v"] {
                let recorded = &results[&format!("net.{layer}.{state}")];
                assert_eq!(recorded, &golden[&format!("{layer}_{state}")], "{layer}.{state}");
            }
        }
    }
}

/// The second reference program, which reads three steps early, with the reference's own network.
fn mnist_loihi(folder: &Path, records: &str) -> Option<std::path::PathBuf> {
    let files = [
        "mnist/t10k-images-idx3-ubyte.gz",
        "mnist/t10k-labels-idx1-ubyte.gz",
        "netx/mnist_cuba.net",
    ];
    copy(folder, &files)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("files/mnist_reference.snn");
    let mut text = fs::read_to_string(path).unwrap();
    let report = text.find("    report").unwrap();
    text.insert_str(report, records);
    let file = folder.join("mnist_reference.snn");
    fs::write(&file, text).unwrap();
    Some(file)
}

#[test]
fn mnist_loihi_counts_the_reference_spikes_of_all_images_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let records = "    record cls.predicted at end\n    record cls.counts at end\n";
    let Some(file) = mnist_loihi(folder.path(), records) else { return };
    let Some(golden) = program::shared("golden/mnist_n32.npz") else { return };
    let golden = program::arrays(&golden);
    let run = program::check(&file, &[]);
    for threads in [1, 3] {
        let results = program::generated(&run.ir, threads);
        assert_eq!(results["cls.predicted"].values, golden["pred"].values);
        assert_eq!(results["cls.counts"], golden["counts"]);
    }
}

#[test]
fn mnist_loihi_equals_the_reference_in_every_state_of_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = String::from("    record enc.spikes\n");
    for layer in 0..3 {
        for state in ["neuron.a_in", "neuron.u", "neuron.v", "neuron.s_out"] {
            writeln!(records, "    record net.layer{layer}.{state}").unwrap();
        }
    }
    let Some(file) = mnist_loihi(folder.path(), &records) else { return };
    let Some(golden) = program::shared("golden/mnist_trace5_n32.npz") else { return };
    let golden = program::arrays(&golden);
    let run = program::check(&file, &[("images", "5")]);
    for results in [program::executed(&run.ir), program::generated(&run.ir, 2)] {
        assert_eq!(results["enc.spikes"].values, golden["input_spikes"].values);
        for layer in 0..3 {
            for (state, key) in [("a_in", "a"), ("u", "u"), ("v", "v"), ("s_out", "s")] {
                let recorded = &results[&format!("net.layer{layer}.neuron.{state}")];
                assert_eq!(
                    recorded.values,
                    golden[&format!("L{layer}_{key}")].values,
                    "{layer} {state}"
                );
            }
        }
    }
}

#[test]
fn oxford_equals_the_reference_in_every_state_of_every_step() {
    oxford("netx(\"oxford.net\")");
}

#[test]
fn oxford_with_sparse_synapses_equals_the_reference_too() {
    oxford("netx(\"oxford.net\", sparse_fc_layer: true)");
}

/// Runs the reference network, imported as `network` says.
fn oxford(network: &str) {
    let Some(golden) = program::shared("golden/oxford.npz") else { return };
    let folder = tempfile::tempdir().unwrap();
    if copy(folder.path(), &["netx/oxford.net"]).is_none() {
        return;
    }
    let golden = program::arrays(&golden);
    write_npy(&folder.path().join("input.npy"), &golden["input"]);
    let mut text = format!(
        "network Oxford {{
    net = {network}
    Source(transpose(npy(\"input.npy\"))) -> net
}}
run sim of Oxford {{
    models fixed_pt
    steps 2000
",
    );
    for layer in 0..2 {
        for state in ["a_in", "u", "v", "s_out"] {
            writeln!(text, "    record net.layer{layer}.neuron.{state}").unwrap();
        }
    }
    text += "}\n";
    let file = folder.path().join("oxford.snn");
    fs::write(&file, text).unwrap();
    let run = program::check(&file, &[]);
    let results = program::generated(&run.ir, 1);
    for layer in 0..2 {
        for state in ["a_in", "u", "v", "s_out"] {
            let recorded = &results[&format!("net.layer{layer}.neuron.{state}")];
            assert_eq!(recorded, &golden[&format!("L{layer}_{state}")], "{layer} {state}");
        }
    }
}
