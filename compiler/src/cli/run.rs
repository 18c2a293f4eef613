//! `snnc run`: execute, report, keep, check expectations.

use super::{Status, args, interrupt, output, program};
use snn_data::Disk;
use snn_ir::diagnostics::{Code, Diagnostic};
use snnc::driver::{Checked, CheckedRun};
use snnc::execute::{Engine, Executed, Progress, Settings};
use snnc::json;
use snnc::origin::Origin;
use snnc::report::evaluate::{Metric, Verdict, metrics, verdicts};
use snnc::report::pictures::pictures;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// How the command was given.
pub struct Invocation {
    /// By what the run is executed; see [`Settings::engine`].
    pub engine: Option<Engine>,
    /// Threads at most.
    pub threads: Option<NonZero<usize>>,
    /// Whether to show no progress.
    pub quiet: bool,
    /// Where its records go.
    pub output: Option<PathBuf>,
    /// Whether results are JSON.
    pub json: bool,
}

/// Executes a run of a program.
///
/// # Errors
/// E0901 where standard output cannot be written.
pub fn run(
    arguments: &args::Program,
    strictness: &args::Strictness,
    options: Invocation,
) -> Result<Status, Diagnostic> {
    let checked = program::check_strictly(arguments, strictness, snnc::driver::Runs::First);
    if !options.json {
        output::report(&checked.diagnostics, &checked.sources);
    }
    let run = match checked.runs.first() {
        Some(run) if !checked.has_errors() => run,
        _ => return finish(&checked, Vec::new(), None, &options),
    };
    let checked_with = program::options(arguments, snnc::driver::Runs::First);
    let origin = Origin::of(&checked, run, &Disk, &checked_with);
    match origin.and_then(|origin| execute_and_keep(run, origin, &options)) {
        Ok(results) => {
            let failed = unmet(run, &results.verdicts);
            finish(&checked, failed, Some((run, results)), &options)
        }
        Err(diagnostic) => finish(&checked, vec![diagnostic], None, &options),
    }
}

/// What a run gave and where it is.
struct Results {
    seconds: f64,
    threads: usize,
    metrics: Vec<Metric>,
    verdicts: Vec<Verdict>,
    files: Vec<String>,
    engine: Engine,
    origin: Origin,
}

fn execute_and_keep(
    run: &CheckedRun,
    origin: Origin,
    options: &Invocation,
) -> Result<Results, Diagnostic> {
    run.executable()?;
    options.output.as_deref().map_or(Ok(()), output::require_place)?;
    let shown = output::Progress::new(options.quiet);
    let stopped = interrupt::stopped()?;
    let progress = |progress: Progress<'_>| {
        shown.show(&run.name, progress);
        match stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let growing = options.output.as_deref().and_then(output::growing);
    let settings = Settings {
        engine: options.engine,
        threads: options.threads,
        record: growing.as_deref(),
        progress: Some(&progress),
    };
    let executed = run.execute(&Disk, &settings)?;
    drop(shown);
    let Executed { plan, recordings, seconds, threads, engine } = executed;
    let metrics = metrics(&run.network, &Disk, &plan.records, &recordings);
    let verdicts = verdicts(&run.network, &Disk, &plan.records, &recordings);
    let drawn = pictures(&run.network, &plan.records, &recordings)
        .map_err(|e| Diagnostic::without_place(Code::E0901, e.to_string()))?;
    let mut files = Vec::new();
    if let Some(path) = &options.output {
        // Only what the program asks for; the other records serve its reports.
        let all = plan.records.iter().zip(&recordings).zip(&run.ir.records);
        let kept: Vec<_> = all.filter(|(_, record)| record.asked).map(|(kept, _)| kept).collect();
        output::write_recordings(path, &kept, &origin)?;
        files.push(path.display().to_string());
    }
    for picture in drawn {
        let path = beside(options.output.as_deref(), &run.name, &picture.name);
        output::write(&path, picture.svg.as_bytes())?;
        files.push(path.display().to_string());
    }
    if let Some(growing) = growing {
        // Best effort: all of it stands in the archive.
        let _ = std::fs::remove_dir_all(growing);
    }
    Ok(Results { seconds, threads, engine, metrics, verdicts, files, origin })
}

/// The path of a picture: next to the recordings, named after them.
fn beside(recordings: Option<&Path>, run: &str, picture: &str) -> PathBuf {
    let folder = recordings.and_then(Path::parent).unwrap_or(Path::new(""));
    let stem = recordings.and_then(Path::file_stem).map(|s| s.to_string_lossy().into_owned());
    folder.join(format!("{}.{picture}.svg", stem.as_deref().unwrap_or(run)))
}

/// An error for each expectation that does not hold.
fn unmet(run: &CheckedRun, verdicts: &[Verdict]) -> Vec<Diagnostic> {
    let expectations = run.network.run.expectations.iter().zip(verdicts);
    expectations
        .filter(|(_, verdict)| !verdict.holds)
        .map(|(expectation, verdict)| {
            let label = match verdict.sides {
                Some((left, right)) => format!("the sides are {left} and {right}"),
                None => "does not hold".to_owned(),
            };
            let message = format!("run `{}` does not do what is expected of it", run.name);
            Diagnostic::new(Code::E0905, message, expectation.place, label)
        })
        .collect()
}

/// Shows results and new diagnostics.
fn finish(
    checked: &Checked,
    new: Vec<Diagnostic>,
    results: Option<(&CheckedRun, Results)>,
    options: &Invocation,
) -> Result<Status, Diagnostic> {
    let failed = results.is_none() || !new.is_empty();
    if options.json {
        let ran = results.as_ref().map(|(run, r)| json::Ran {
            ir: &run.ir,
            seconds: r.seconds,
            threads: r.threads,
            metrics: &r.metrics,
            verdicts: &r.verdicts,
            files: &r.files,
            engine: r.engine,
            origin: &r.origin,
        });
        let all: Vec<Diagnostic> = checked.diagnostics.iter().cloned().chain(new).collect();
        output::print(&json::ran(&all, &checked.sources, ran.as_ref()))?;
    } else {
        if let Some((run, results)) = &results {
            show(run, results, options.quiet)?;
        }
        output::report(&new, &checked.sources);
    }
    Ok(if failed { Status::Failed } else { Status::Fine })
}

fn show(run: &CheckedRun, results: &Results, quiet: bool) -> Result<(), Diagnostic> {
    let mut lines = String::new();
    for metric in &results.metrics {
        let value = metric.value.map_or("cannot be computed".to_owned(), |v| v.to_string());
        lines += &format!("{} = {value}\n", metric.text);
    }
    output::print(&lines)?;
    if !quiet {
        for file in &results.files {
            output::say(&format!("wrote {file}"));
        }
        let threads = match results.threads {
            1 => "1 thread".to_owned(),
            n => format!("{n} threads"),
        };
        let (steps, seconds) = (run.ir.steps, results.seconds);
        let by = match results.engine {
            Engine::Compiled => "",
            Engine::Executor => ", executed in this process",
            Engine::Oracle => ", by the oracle",
        };
        let rate = rate(run, seconds);
        output::say(&format!("{steps} steps in {seconds:.3} s on {threads}{by}{rate}"));
    }
    Ok(())
}

/// `: 10000 images, 95238 images/s`, by the epoch that the schedule repeats with.
fn rate(run: &CheckedRun, seconds: f64) -> String {
    let period = run.ir.windows.period;
    let windows = run.ir.steps / period;
    if period == 1 || windows == 0 || seconds <= 0.0 {
        return format!(": {:.0} steps/s", run.ir.steps as f64 / seconds.max(1e-9));
    }
    let per_second = windows as f64 / seconds;
    match &run.epoch {
        Some(epoch) => format!(": {windows} {epoch}s, {per_second:.0} {epoch}s/s"),
        None => format!(": {windows} windows of {period} steps, {per_second:.0} windows/s"),
    }
}
