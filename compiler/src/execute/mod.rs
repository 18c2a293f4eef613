//! Executes a run: compiled, in this process, or by the oracle. All give the same bits.

#[cfg(feature = "compiled")]
mod choice;
#[cfg(feature = "compiled")]
mod compiled;
mod watch;

#[cfg(feature = "compiled")]
pub use compiled::generate;

use snn_back::executor;
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::network::Network;
use snn_ir::step::StepIr;
use snn_ir::tensor::{Tensor, Values};
use snn_oracle::Failure;
use snn_runtime::execute::{self, Execution, Recorder, RunError, RunPlan};
use snn_runtime::folder::Folder;
use snn_runtime::npy;
use snn_runtime::record::Recording;
use snn_runtime::{Column, Fault};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use watch::Watch;

/// What executes a run. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A program that is compiled for it. (Feature `compiled`.)
    Compiled,
    /// The executor, in this process: it needs no Rust toolchain.
    Executor,
    /// The oracle, on the network form: what all others are compared with.
    Oracle,
}

/// How a run is executed.
#[derive(Clone, Copy, Default)]
pub struct Settings<'a> {
    /// By what. Where it is not given: as a program, if it is compiled already; else by the
    /// executor at once, unless that turns out to take longer than compiling does and there is a
    /// Rust toolchain.
    pub engine: Option<Engine>,
    /// Threads at most; all cores where it is not given.
    pub threads: Option<NonZero<usize>>,
    /// The folder in which recordings grow, one `.npy` file each, and stay: it must be empty or
    /// not be there. Without, they are held in memory. (The oracle always holds them.)
    pub record: Option<&'a Path>,
    /// Who is told how it goes, by any thread a few times a second, and may stop the run.
    pub progress: Option<&'a Watcher<'a>>,
}

/// Is told how far a run has come; `Break` stops it.
pub type Watcher<'a> = dyn Fn(Progress<'_>) -> ControlFlow<()> + Sync + 'a;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// What takes its time before the first step.
    Doing(&'a str),
    /// So many steps are done.
    Steps {
        /// That many.
        done: u64,
        /// Of the run.
        of: u64,
    },
}

/// What an execution gave.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The run, with its records in the order of the recordings.
    pub plan: RunPlan,
    /// What was recorded.
    pub recordings: Vec<Recording>,
    /// Wall-clock time of the steps alone; 0 where the machine has no clock.
    pub seconds: f64,
    /// Threads that were used.
    pub threads: usize,
    /// What executed it.
    pub engine: Engine,
}

impl Executed {
    /// What record `record` of the plan has kept, as an array: the first axis is time, but for a
    /// record at the end. What lies in a file is read.
    ///
    /// # Errors
    /// E0601 where the file cannot be read, E0406 where there is no such record.
    pub fn array(&self, record: usize) -> Result<Tensor, Diagnostic> {
        let found = self.plan.records.get(record).zip(self.recordings.get(record));
        let Some((spec, recording)) = found else {
            let message = format!("the run has no record {record}");
            return Err(Diagnostic::without_place(Code::E0406, message));
        };
        let values = recording
            .reader()
            .and_then(|mut bytes| npy::read_values(&recording.header(spec), &mut bytes));
        let values = match values {
            Ok(npy::Values::Int(values)) => Values::Int(values),
            Ok(npy::Values::Float(values)) => Values::Float(values),
            Ok(npy::Values::Bool(values)) => Values::Bool(values),
            Err(error) => {
                let message = format!("what `{}` recorded cannot be read: {error}", spec.key);
                return Err(Diagnostic::without_place(Code::E0601, message));
            }
        };
        Ok(Tensor { shape: recording.header(spec).shape, values })
    }
}

/// Executes a run.
///
/// # Errors
/// E0904 where an index leaves its range, E0911 where it was stopped; the codes of data files
/// that cannot be read; E0901 where recordings cannot be stored; for compiled code also E0902,
/// E0903, E0907, E0908.
pub fn execute(
    network: &Network,
    ir: Arc<StepIr>,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Result<Executed, Diagnostic> {
    match settings.engine {
        Some(Engine::Executor) => in_process(ir, files, settings),
        Some(Engine::Oracle) => divined(network, &ir, files, settings),
        #[cfg(feature = "compiled")]
        Some(Engine::Compiled) => {
            compiled::run(&compiled::Packaged::of(&ir, files)?, &ir, files, settings)
        }
        #[cfg(feature = "compiled")]
        None => choice::execute(ir, files, settings),
        #[cfg(not(feature = "compiled"))]
        Some(Engine::Compiled) => Err(Diagnostic::without_place(
            Code::E0907,
            "this build of snnc executes networks in its own process only",
        )),
        #[cfg(not(feature = "compiled"))]
        None => in_process(ir, files, settings),
    }
}

impl Settings<'_> {
    /// Tells what takes its time. Only while steps are made a run can be stopped.
    #[cfg(feature = "compiled")]
    fn doing(&self, what: &str) {
        if let Some(progress) = self.progress {
            let _ = progress(Progress::Doing(what));
        }
    }

    /// Tells how many steps are done; whether the run is to stop.
    fn steps(&self, done: u64, of: u64) -> ControlFlow<()> {
        self.progress.map_or(ControlFlow::Continue(()), |told| told(Progress::Steps { done, of }))
    }

    /// How many threads may work at the same time.
    pub(crate) fn workers(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.map_or_else(all, NonZero::get)
    }
}

fn in_process(
    ir: Arc<StepIr>,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Result<Executed, Diagnostic> {
    let plan = executor::plan(&ir);
    // Read and prepared once; every thread begins with a copy.
    let loaded = executor::load(ir, files)?;
    let make = || Ok(loaded.clone());
    let watch = Watch::new();
    let progress = |done| match settings.steps(done, plan.steps) {
        ControlFlow::Continue(()) => ControlFlow::Continue(watch.look(done)),
        ControlFlow::Break(()) => ControlFlow::Break(()),
    };
    let folder = settings.record.map(|dir| Folder::create(dir, &plan.records));
    let folder = folder.transpose().map_err(|e| unkept(settings.record, &e))?;
    let recorder = folder.as_ref().map(|folder| folder as &dyn Recorder);
    let options = Execution { threads: settings.workers(), progress: &progress, recorder };
    let outcome = match execute::run(&plan, &make, &options) {
        Ok(outcome) => outcome,
        Err(error) => {
            let kept = folder.as_ref().and_then(|folder| folder.finish(None).ok());
            let kept = kept.is_some_and(|kept| kept.iter().any(|r| r.rows > 0));
            let diagnostic = failed(error, settings.record);
            return Err(match (kept, settings.record) {
                (true, Some(dir)) => kept_until_then(diagnostic, dir),
                _ => diagnostic,
            });
        }
    };
    let seconds = watch.seconds();
    let recordings = match &folder {
        Some(folder) => {
            let finished = folder.finish(Some(&outcome.columns));
            finished.map_err(|e| unkept(settings.record, &e))?
        }
        None => outcome.columns.into_iter().map(Recording::from).collect(),
    };
    let (threads, engine) = (outcome.threads, Engine::Executor);
    Ok(Executed { recordings, seconds, threads, engine, plan })
}

/// Why a run failed, as a diagnostic.
fn failed(error: RunError, record: Option<&Path>) -> Diagnostic {
    match error {
        RunError::Fault(fault) => faulted(&fault),
        RunError::Stopped => stopped(),
        RunError::Record(error) => unkept(record, &error),
        error @ RunError::Thread(_) => Diagnostic::without_place(Code::E0910, error.to_string()),
        // Errors of the compiler, to be reported as such.
        RunError::Panic(message) => panic!("{message}"),
        RunError::Make(error) => panic!("a copy failed: {error}"),
    }
}

/// What ended a step.
pub(crate) fn faulted(fault: &Fault) -> Diagnostic {
    let code = match fault {
        Fault::Index { .. } => Code::E0904,
        Fault::Unread { .. } => Code::E0601,
    };
    Diagnostic::without_place(code, fault.to_string())
}

fn stopped() -> Diagnostic {
    Diagnostic::without_place(Code::E0911, "the run was stopped before its last step")
}

/// Recordings cannot be stored.
fn unkept(dir: Option<&Path>, error: &std::io::Error) -> Diagnostic {
    let place = dir.map(|dir| format!(" in `{}`", dir.display())).unwrap_or_default();
    let d = Diagnostic::without_place(
        Code::E0901,
        format!("what the run records cannot be stored{place}: {error}"),
    );
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            d.help("it has what a run that did not come to its end has recorded: move or delete it")
        }
        _ => d.help("make room, or record less: `record … every N`, or fewer steps"),
    }
}

/// Says where the recordings of a run that failed are.
fn kept_until_then(diagnostic: Diagnostic, dir: &Path) -> Diagnostic {
    let where_ = dir.display();
    diagnostic.note(format!("what was recorded until then is kept in `{where_}`, one `.npy` each"))
}

fn divined(
    network: &Network,
    ir: &StepIr,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Result<Executed, Diagnostic> {
    let watch = Watch::new();
    let steps = network.run.steps;
    watch.look(0);
    let mut next = 0;
    let mut progress = |t: u64| {
        if t < next {
            return ControlFlow::Continue(());
        }
        next = t.saturating_add(watch.look(t));
        settings.steps(t, steps)
    };
    let recordings = |columns: Vec<Column>| columns.into_iter().map(Recording::from).collect();
    match snn_oracle::run(network, files, &mut progress) {
        Ok(outcome) => Ok(Executed {
            plan: executor::plan(ir),
            recordings: recordings(outcome.columns),
            seconds: watch.seconds(),
            threads: 1,
            engine: Engine::Oracle,
        }),
        Err(Failure::Data(error)) => Err(error.into()),
        Err(Failure::Stopped) => Err(stopped()),
        Err(Failure::Index { what, index, extent, t }) => {
            // In the words of the other engines.
            Err(faulted(&Fault::Index { what: what.leak(), index, extent, t }))
        }
        // An error of the compiler, to be reported as such.
        Err(Failure::Broken(why)) => panic!("{why}"),
    }
}
