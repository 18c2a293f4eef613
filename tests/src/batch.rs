//! Compiles the code generated for many networks as one crate, and runs them all.
//!
//! A crate of its own for each network would spend minutes in Cargo and the linker.

use snn_ir::step::StepIr;
use snn_rust::Provenance;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The networks' program, compiled.
pub struct Batch {
    program: PathBuf,
    results: PathBuf,
    /// The generated source of each network, for whoever looks into a difference.
    pub sources: Vec<PathBuf>,
}

/// What one network's run gave.
#[derive(Debug, PartialEq)]
pub enum Ran {
    /// All steps; its recordings are in this archive.
    Recorded(PathBuf),
    /// A fault, as the runtime writes it for machines.
    Fault(String),
}

impl Batch {
    /// Generates and compiles, in `dir` (what is there already makes it faster).
    ///
    /// # Errors
    /// What failed, with the compiler's output.
    pub fn compile(networks: &[StepIr], dir: &Path) -> Result<Batch, String> {
        let package = dir.join("batch");
        let (src, results) = (package.join("src"), dir.join("results"));
        fs::create_dir_all(&src).map_err(|e| format!("{}: {e}", src.display()))?;
        let options = Provenance { generator: "test".into(), source_hash: "random".into() };
        // Modules of an earlier batch would only confuse whoever looks for a difference.
        for n in networks.len().. {
            if fs::remove_file(src.join(format!("n{n}.rs"))).is_err() {
                break;
            }
        }
        let mut sources = Vec::new();
        let (mut modules, mut calls) = (String::new(), String::new());
        for (n, ir) in networks.iter().enumerate() {
            let generated = snn_rust::emit(ir, &snn_data::Disk, &options).map_err(|e| e.message)?;
            let data = snn_rust::build::data(&generated, &snn_data::Disk, &dir.join("cache"))
                .map_err(|e| e.message)?;
            let lib = generated.files.iter().find(|(path, _)| path == "src/lib.rs");
            let (_, lib) = lib.ok_or("no src/lib.rs is generated")?;
            let network = lib.split("impl snn_runtime::Network for ").nth(1);
            let network = network.and_then(|rest| rest.split_whitespace().next());
            let network = network.ok_or("no network is generated")?;
            let source = src.join(format!("n{n}.rs"));
            write(&source, lib)?;
            sources.push(source);
            let _ = writeln!(modules, "pub mod n{n};");
            let _ = writeln!(
                calls,
                "    one(&out.join(\"n{n}\"), threads, n{n}::plan(), \
                 n{n}::Data::load(Path::new({data:?})), n{n}::{network}::new);"
            );
        }
        write(&src.join("main.rs"), &MAIN.replace("MODULES", &modules).replace("CALLS", &calls))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let runtime = root.join("runtime");
        write(&package.join("Cargo.toml"), &MANIFEST.replace("RUNTIME", &format!("{runtime:?}")))?;
        // The versions of the workspace, so that nothing needs to be downloaded.
        fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))
            .map_err(|e| format!("Cargo.lock: {e}"))?;
        build(&package, &dir.join("target"))?;
        let program = dir.join("target/release/batch");
        Ok(Batch { program, results, sources })
    }

    /// Runs every network, on at most `threads` threads.
    ///
    /// # Errors
    /// Where the program fails otherwise than by a fault of a network.
    pub fn run(&self, threads: usize) -> Result<Vec<Ran>, String> {
        // What an earlier run left must not pass for a result of this one.
        let _ = fs::remove_dir_all(&self.results);
        fs::create_dir_all(&self.results).map_err(|e| format!("results: {e}"))?;
        let mut command = Command::new(&self.program);
        let output = command.arg(&self.results).arg(threads.to_string()).output();
        let output = output.map_err(|e| format!("{}: {e}", self.program.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        (0..self.sources.len())
            .map(|n| {
                let fault = self.results.join(format!("n{n}.fault"));
                match fs::read_to_string(&fault) {
                    Ok(line) => Ok(Ran::Fault(line)),
                    Err(_) => Ok(Ran::Recorded(self.results.join(format!("n{n}.npz")))),
                }
            })
            .collect()
    }
}

/// Writes a file, and leaves one alone that has this text: then Cargo has nothing to do.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn build(package: &Path, target: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--offline", "--quiet"]).current_dir(package);
    // Settings of the Cargo that runs this test are not meant for the one it starts.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let foreign = name.starts_with("CARGO_") && name != "CARGO_HOME";
        if foreign || name.starts_with("RUSTC") || name == "RUSTFLAGS" {
            command.env_remove(&*name);
        }
    }
    // As modules of a program, networks have public items that nobody uses; random ones also
    // fetch values that cannot matter, and compare with NaN.
    let flags = "-C target-cpu=native -D warnings -A dead_code -A unused_variables \
                 -A invalid_nan_comparisons";
    command.env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", flags);
    let output = command.output().map_err(|e| format!("cargo: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

const MANIFEST: &str = "\
[package]
name = \"batch\"
version = \"0.0.0\"
edition = \"2024\"

[dependencies]
snn-runtime = { path = RUNTIME, features = [\"program\"] }

[profile.release]
# Optimised as users' programs are, in pieces that compile side by side.
opt-level = 3
codegen-units = 16
debug = 0

[workspace]
";

const MAIN: &str = r#"
use snn_runtime::Network;
use snn_runtime::execute::{Execution, RunPlan, RunError, run};
use std::path::{Path, PathBuf};
use std::sync::Arc;

MODULES
fn main() {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().expect("a folder"));
    let threads = arguments.next().and_then(|n| n.parse().ok()).expect("threads");
CALLS}

fn one<D: Send + Sync, N: Network>(
    out: &Path,
    threads: usize,
    plan: RunPlan,
    data: std::io::Result<D>,
    make: fn(Arc<D>) -> N,
) {
    let data = Arc::new(data.expect("data"));
    match run(&plan, &|| Ok(make(data.clone())), &Execution::quiet(threads)) {
        Ok(outcome) => {
            let recordings: Vec<_> =
                outcome.columns.into_iter().map(snn_runtime::record::Recording::from).collect();
            let kept = plan.records.iter().zip(&recordings);
            snn_runtime::record::write(&out.with_extension("npz"), kept, "").expect("recordings");
        }
        Err(RunError::Fault(fault)) => {
            std::fs::write(out.with_extension("fault"), fault.line()).expect("fault");
        }
        Err(error) => panic!("{}: {error}", out.display()),
    }
}
"#;
