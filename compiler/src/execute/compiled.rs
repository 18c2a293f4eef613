//! A run as a program of its own.

use super::{Engine, Executed, Settings, kept_until_then, stopped, unkept};
use snn_back::executor;
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::step::StepIr;
use snn_runtime::Column;
use snn_runtime::execute::RunPlan;
use snn_runtime::folder::Folder;
use snn_runtime::record::Recording;
use snn_rust::{GeneratedCrate, build};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The crate of a run. `sources` are the texts it comes from; generated files say their hash.
///
/// # Errors
/// The codes of data files that cannot be read.
pub fn generate<'a>(
    ir: &StepIr,
    files: &dyn Files,
    sources: impl IntoIterator<Item = &'a str>,
) -> Result<GeneratedCrate, Diagnostic> {
    let hash = build::digest(sources.into_iter().map(str::as_bytes));
    let generator = env!("CARGO_PKG_VERSION").to_owned();
    snn_rust::emit(ir, files, &snn_rust::Provenance { generator, source_hash: hash })
}

/// A run with its crate, and the cache that may have its program.
pub struct Packaged {
    generated: GeneratedCrate,
    cache: build::Cache,
}

impl Packaged {
    /// Nothing is compiled for it.
    pub fn of(ir: &StepIr, files: &dyn Files) -> Result<Packaged, Diagnostic> {
        // No hash of the source: a run that differs only in comments is compiled once.
        Ok(Packaged { generated: generate(ir, files, [])?, cache: build::Cache::open()? })
    }

    /// Whether it is compiled already.
    pub fn is_kept(&self) -> bool {
        build::is_kept(&self.generated, self.cache.dir())
    }
}

/// Compiles a run, or finds it compiled, and executes it.
pub fn run(
    packaged: &Packaged,
    ir: &StepIr,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Result<Executed, Diagnostic> {
    let Packaged { generated, cache } = packaged;
    let mut runtime = false;
    let mut compiling = |package: &str| {
        if package.starts_with(&generated.name) {
            settings.doing(&format!("compiling {}", ir.network));
        } else if !std::mem::replace(&mut runtime, true) {
            settings.doing("compiling the runtime, once for each version of snnc");
        }
    };
    let program = build::compile(generated, cache.dir(), &mut compiling)?;
    let data = build::data(generated, files, cache.dir())?;
    let plan = executor::plan(ir);
    let own = Temporary(cache.work("results")?);
    let dir = settings.record.unwrap_or(&own.0);
    if settings.record.is_some() {
        // As every engine does: the program says it less well.
        Folder::create(dir, &plan.records).map_err(|e| unkept(settings.record, &e))?;
    }
    let mut command = Command::new(&program);
    command.arg("--threads").arg(settings.workers().to_string());
    command.arg("--data").arg(&data).arg("--record").arg(dir).arg("--attended");
    if settings.progress.is_none() {
        command.arg("--quiet");
    }
    of_its_own(&mut command);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (seconds, threads) = match child.spawn() {
        Ok(child) => attend(child, &plan, settings)?,
        Err(error) => {
            let message = format!("`{}` cannot be started: {error}", program.display());
            return Err(Diagnostic::without_place(Code::E0903, message)
                .help("delete the folder of the cache, or set SNNC_CACHE to another"));
        }
    };
    let recordings = read(&plan, dir, settings.record.is_none()).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", dir.display());
        Diagnostic::without_place(Code::E0903, message)
    })?;
    Ok(Executed { plan, recordings, seconds, threads, engine: Engine::Compiled })
}

/// A folder that is removed in the end, whatever happens.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Best effort: it may not exist, and what is left only costs space.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lets Ctrl-C reach this process alone: it stops the program in good order.
fn of_its_own(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

/// See the documentation of `CreateProcess`.
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// Time between two looks at whether a run is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for a program, passing on its progress; gives its seconds and threads.
fn attend(
    mut child: Child,
    plan: &RunPlan,
    settings: &Settings<'_>,
) -> Result<(f64, usize), Diagnostic> {
    // One line on stdout fits any pipe, so stderr can be read to its end first.
    let mut input = child.stdin.take();
    let lines = child.stderr.take().map(lines);
    let (mut said, mut done) = (Vec::new(), 0);
    while let Some(lines) = &lines {
        match lines.recv_timeout(LOOK) {
            // Progress is `NAME: step N of M`; everything from the error on belongs to it.
            Ok(line) => match said.is_empty().then(|| step(&line)).flatten() {
                Some(step) => done = step,
                None => said.push(line),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if settings.steps(done, plan.steps).is_break() {
            // The end of its input tells it to stop.
            drop(input.take());
        }
    }
    drop(input);
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
        _ => Err(failure(&said, settings)),
    }
}

/// The lines of a program's stderr, as they come.
fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        let all = BufReader::new(stderr).lines().map_while(Result::ok);
        // Nobody who listens any more is no reason to go on reading.
        all.map(|line| to.send(line)).all(|sent| sent.is_ok())
    });
    lines
}

/// The step of a line of progress.
fn step(line: &str) -> Option<u64> {
    let (_, rest) = line.rsplit_once(": step ")?;
    rest.split_once(" of ")?.0.parse().ok()
}

/// What a program that failed said, as a diagnostic.
fn failure(said: &[String], settings: &Settings<'_>) -> Diagnostic {
    let fault = said.iter().any(|line| line.starts_with("fault="));
    let error = said.iter().find_map(|line| line.strip_prefix("error: "));
    let diagnostic = match error {
        // A program's data is mapped: its only fault is an index.
        Some(error) if fault => Diagnostic::without_place(Code::E0904, error),
        Some("the run was stopped") => stopped(),
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
    };
    match settings.record {
        Some(dir) if said.iter().any(|line| line.starts_with("kept=")) => {
            kept_until_then(diagnostic, dir)
        }
        _ => diagnostic,
    }
}

/// The recordings that a program has left in a folder, held in memory if the folder goes.
fn read(plan: &RunPlan, dir: &Path, hold: bool) -> io::Result<Vec<Recording>> {
    let recording = |spec| {
        let recording = Recording::open(Folder::file(dir, spec), spec)?;
        if !hold {
            return Ok(recording);
        }
        let (bytes, rows) = (recording.bytes()?.into_owned(), recording.rows);
        Ok(Recording::from(Column { bytes, rows }))
    };
    plan.records.iter().map(recording).collect()
}
