//! Programs as a user writes them, compiled and executed both ways.

use snn_back::executor;
use snn_ir::diagnostics::{Severity, render};
use snn_ir::step::StepIr;
use snn_runtime::execute;
use snn_runtime::npy::{Values, read_values};
use snn_runtime::npz::Archive;
use snnc::driver::{self, CheckedRun, Runs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// An array: shape and values in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values; integers of up to 53 bits are exact.
    pub values: Vec<f64>,
}

/// A file of the shared reference data, where it is present; says so where it is not.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

/// The same, without a word where it is not.
pub fn shared_quietly(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    path.exists().then_some(path)
}

/// Where generated programs are kept between tests.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-cache")
}

/// All arrays of a `.npz` file.
pub fn arrays(path: &Path) -> BTreeMap<String, Array> {
    let mut archive = Archive::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let names = archive.names();
    names.into_iter().map(|name| (name.clone(), array(&mut archive, &name))).collect()
}

fn array(archive: &mut Archive, name: &str) -> Array {
    let (header, mut from) = archive.array(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let values = match read_values(&header, &mut from).unwrap_or_else(|e| panic!("{name}: {e}")) {
        Values::Bool(v) => v.into_iter().map(|b| f64::from(u8::from(b))).collect(),
        Values::Int(v) => v.into_iter().map(|x| x as f64).collect(),
        Values::Float(v) => v,
    };
    Array { shape: header.shape.clone(), values }
}

/// Compiles a program; its only (or first) run must have no errors.
pub fn check(file: &Path, set: &[(&str, &str)]) -> CheckedRun {
    let set = set.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
    let options = driver::Options { runs: Runs::First, set, ..driver::Options::default() };
    let checked = driver::check(&snn_data::Disk, file, &options);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|d| d.code.severity() == Severity::Error)
        .cloned()
        .collect();
    assert!(errors.is_empty(), "{}", render::render(&errors, &checked.sources, false));
    checked.runs.into_iter().next().unwrap_or_else(|| panic!("no run in {}", file.display()))
}

/// What the executor records.
pub fn executed(ir: &StepIr) -> BTreeMap<String, Array> {
    let ir = Arc::new(ir.clone());
    let plan = executor::plan(&ir);
    let options = execute::Execution::quiet(1);
    let make = || executor::load(Arc::clone(&ir), &snn_data::Disk).map_err(std::io::Error::other);
    let outcome = execute::run(&plan, &make, &options).unwrap_or_else(|e| panic!("{e:?}"));
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let path = folder.path().join("results.npz");
    let recordings: Vec<_> =
        outcome.columns.into_iter().map(snn_runtime::record::Recording::from).collect();
    snn_runtime::record::write(&path, plan.records.iter().zip(&recordings), "")
        .unwrap_or_else(|e| panic!("{e}"));
    arrays(&path)
}

/// What the generated program records.
pub fn generated(ir: &StepIr, threads: usize) -> BTreeMap<String, Array> {
    let options = snn_rust::Provenance { generator: "test".into(), source_hash: "test".into() };
    let generated =
        snn_rust::emit(ir, &snn_data::Disk, &options).unwrap_or_else(|e| panic!("{e:?}"));
    let program = snn_rust::build::compile(&generated, &cache(), &mut |_| {})
        .unwrap_or_else(|e| panic!("{e:?}"));
    let data = snn_rust::build::data(&generated, &snn_data::Disk, &cache())
        .unwrap_or_else(|e| panic!("{e:?}"));
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let out = folder.path().join("results.npz");
    let output = Command::new(program)
        .args(["--quiet", "--threads", &threads.to_string()])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    arrays(&out)
}
