//! Executes a run: compiled, in this process, or by the oracle. All give the same bits.

use crate::diagnostics::{Code, Diagnostic};
use crate::executor;
use crate::ir::StepIr;
use crate::lower::rust::{self, GeneratedCrate, build};
use crate::network::Network;
use crate::oracle::{self, Failure};
use snn_runtime::execute::{self, Execution, RunError, RunPlan};
use snn_runtime::network::Column;
use snn_runtime::npz::Archive;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// What executes a run. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A program that is compiled for it.
    Compiled,
    /// The executor, in this process: it needs no Rust toolchain.
    Executor,
    /// The oracle, on the network form: what all others are compared with.
    Oracle,
}

/// How a run is executed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// By what; where it is not given, compiled if there is a Rust toolchain, else by the executor.
    pub engine: Option<Engine>,
    /// Threads at most; all cores where it is not given.
    pub threads: Option<NonZero<usize>>,
    /// Whether to show no progress on standard error.
    pub quiet: bool,
}

/// What an execution gave.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The run, with its records in the order of the columns.
    pub plan: RunPlan,
    /// What was recorded.
    pub columns: Vec<Column>,
    /// Wall-clock time of the steps alone.
    pub seconds: f64,
    /// Threads that were used.
    pub threads: usize,
}

/// Executes a run. `say` is told what takes its time, for a person who waits.
///
/// # Errors
/// E0904 where an index leaves its range; the codes of data files that cannot be read; for
/// compiled code also E0902, E0903, E0907, E0908.
pub fn execute(
    network: &Network,
    ir: Arc<StepIr>,
    settings: &Settings,
    say: &mut dyn FnMut(&str),
) -> Result<Executed, Diagnostic> {
    match settings.engine {
        None => match compiled(&ir, settings, say) {
            Err(missing) if missing.code == Code::E0907 => {
                say(&format!("{}; it is executed in this process, more slowly", missing.message));
                in_process(ir, settings)
            }
            done => done,
        },
        Some(Engine::Compiled) => compiled(&ir, settings, say),
        Some(Engine::Executor) => in_process(ir, settings),
        Some(Engine::Oracle) => divined(network, &ir, settings, say),
    }
}

/// Steps between two lines of progress of the oracle.
const SHOWN: u64 = 1000;

fn divined(
    network: &Network,
    ir: &StepIr,
    settings: &Settings,
    say: &mut dyn FnMut(&str),
) -> Result<Executed, Diagnostic> {
    let begun = Instant::now();
    let steps = network.run.steps;
    let mut progress = |t: u64| {
        if !settings.quiet && t.is_multiple_of(SHOWN) {
            say(&format!("{}: step {t} of {steps}", network.run.name));
        }
    };
    match oracle::run(network, &mut progress) {
        Ok(outcome) => Ok(Executed {
            plan: executor::plan(ir),
            columns: outcome.columns,
            seconds: begun.elapsed().as_secs_f64(),
            threads: 1,
        }),
        Err(Failure::Data(error)) => Err(error.into()),
        Err(Failure::Index { what, index, extent, t }) => {
            // In the words of the other engines.
            let fault = snn_runtime::Fault::Index { what: what.leak(), index, extent, t };
            Err(left_range(&fault.to_string()))
        }
        // An error of the compiler, to be reported as such.
        Err(Failure::Broken(why)) => panic!("{why}"),
    }
}

/// The crate of a run. `sources` are the texts it comes from; generated files say their hash.
///
/// # Errors
/// The codes of data files that cannot be read.
pub fn generate<'a>(
    ir: &StepIr,
    sources: impl IntoIterator<Item = &'a str>,
) -> Result<GeneratedCrate, Diagnostic> {
    let hash = build::digest(sources.into_iter().map(str::as_bytes));
    let generator = env!("CARGO_PKG_VERSION").to_owned();
    rust::emit(ir, &rust::Provenance { generator, source_hash: hash })
}

fn threads(settings: &Settings) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
    settings.threads.map_or_else(all, NonZero::get)
}

fn in_process(ir: Arc<StepIr>, settings: &Settings) -> Result<Executed, Diagnostic> {
    let plan = executor::plan(&ir);
    // Read and prepared once; every thread begins with a copy.
    let loaded = executor::load(ir)?;
    let make = || Ok(loaded.clone());
    let options = Execution { threads: threads(settings), quiet: settings.quiet };
    match execute::run(&plan, &make, &options) {
        Ok(o) => Ok(Executed { plan, columns: o.columns, seconds: o.seconds, threads: o.threads }),
        Err(RunError::Fault(fault)) => Err(left_range(&fault.to_string())),
        Err(error @ RunError::Thread(_)) => {
            Err(Diagnostic::without_place(Code::E0910, error.to_string()))
        }
        // An error of the compiler, to be reported as such.
        Err(RunError::Panic(message)) => panic!("{message}"),
        Err(RunError::Make(error)) => panic!("a copy failed: {error}"),
    }
}

fn left_range(what: &str) -> Diagnostic {
    Diagnostic::without_place(Code::E0904, what)
}

fn compiled(
    ir: &StepIr,
    settings: &Settings,
    say: &mut dyn FnMut(&str),
) -> Result<Executed, Diagnostic> {
    // No hash of the source: a run that differs only in comments is compiled once.
    let generated = generate(ir, [])?;
    let cache = build::Cache::open()?;
    let mut runtime = false;
    let mut compiling = |package: &str| {
        if package.starts_with(&generated.name) {
            say(&format!("compiling {}", ir.network));
        } else if !std::mem::replace(&mut runtime, true) {
            say("compiling the runtime, once for each version of snnc");
        }
    };
    let program = build::compile(&generated, cache.dir(), &mut compiling)?;
    let data = build::data(&generated, cache.dir())?;
    let results = Temporary(cache.work("results")?);
    let mut command = Command::new(&program);
    command.arg("--threads").arg(threads(settings).to_string());
    command.arg("--data").arg(&data).arg("--out").arg(&results.0);
    if settings.quiet {
        command.arg("--quiet");
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (seconds, threads) = match child.spawn() {
        Ok(child) => watch(child, say)?,
        Err(error) => {
            let message = format!("`{}` cannot be started: {error}", program.display());
            return Err(Diagnostic::without_place(Code::E0903, message)
                .help("delete the folder of the cache, or set SNNC_CACHE to another"));
        }
    };
    let plan = executor::plan(ir);
    let columns = read(&plan, &results.0).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", results.0.display());
        Diagnostic::without_place(Code::E0903, message)
    })?;
    Ok(Executed { plan, columns, seconds, threads })
}

/// A file that is removed in the end, whatever happens.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Best effort: it may not exist, and what is left only costs space.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Waits for a program, passing on its progress; gives its seconds and threads.
fn watch(mut child: Child, say: &mut dyn FnMut(&str)) -> Result<(f64, usize), Diagnostic> {
    // One line on stdout fits any pipe, so stderr can be read to its end first.
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        for line in lines {
            // Progress is `NAME: step N of M`; everything from the error on belongs to it.
            if said.is_empty() && !line.starts_with("error: ") && line.contains(": step ") {
                say(&line);
            } else {
                said.push(line);
            }
        }
    }
    let mut last = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        // What cannot be read is missing below.
        let _ = stdout.read_to_string(&mut last);
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let value = |name: &str| {
        let mut words = last.split_whitespace();
        words.find_map(|w| w.strip_prefix(name).and_then(|w| w.strip_prefix('=')))
    };
    let seconds = value("seconds").and_then(|s| s.parse().ok());
    let threads = value("threads").and_then(|s| s.parse().ok());
    match (succeeded, seconds, threads) {
        (true, Some(seconds), Some(threads)) => Ok((seconds, threads)),
        _ => Err(failure(&said)),
    }
}

/// What a program that failed said, as a diagnostic.
fn failure(said: &[String]) -> Diagnostic {
    let fault = said.iter().any(|line| line.starts_with("fault="));
    let error = said.iter().find_map(|line| line.strip_prefix("error: "));
    match error {
        Some(error) if fault => left_range(error),
        Some(error) if error.starts_with("cannot start a thread") => {
            Diagnostic::without_place(Code::E0910, error)
        }
        Some(error) => Diagnostic::without_place(Code::E0903, error)
            .help("make room, or set SNNC_CACHE to a folder on another disk"),
        None => {
            let message = "the compiled network ended without a result";
            let diagnostic = Diagnostic::without_place(Code::E0903, message);
            if said.is_empty() { diagnostic } else { diagnostic.note(said.join("\n")) }
        }
    }
}

/// The columns of a plan from the file that its program wrote.
fn read(plan: &RunPlan, path: &Path) -> io::Result<Vec<Column>> {
    let mut archive = Archive::open(path)?;
    let mut column = |spec: &execute::RecordSpec| {
        let (header, mut values) = archive.array(&spec.key)?;
        let rows = match (spec.at_end, header.shape.first()) {
            (false, Some(rows)) => *rows as u64,
            _ => 1,
        };
        let mut bytes = Vec::with_capacity(header.data_len()?);
        values.read_to_end(&mut bytes)?;
        Ok(Column { bytes, rows })
    };
    plan.records.iter().map(&mut column).collect()
}
