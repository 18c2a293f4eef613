//! The command line of a generated program.
//!
//! ```text
//! PROGRAM [--threads N] [--out FILE.npz] [--record DIR] [--data DIR] [--attended] [--quiet]
//! ```
//!
//! The last line on stdout is `steps=320000 seconds=0.104512 threads=2`. A failure is one
//! line on stderr that begins with `error: `, and exit status 1 (2 for a wrong option). A
//! fault is followed by a line for machines: see [`crate::Fault::line`]; where recordings until
//! then are kept, a line `kept=DIR` says so.

use crate::execute::{self, Execution, Recorder, RunError, RunPlan};
use crate::folder::Folder;
use crate::network::Network;
use crate::progress::Display;
use crate::record;
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `plan` as the command line says: `load` reads the network's data from a folder,
/// `make` makes a network in its initial state from it.
pub fn main<D: Send + Sync, N: Network>(
    plan: RunPlan,
    load: fn(&Path) -> io::Result<Arc<D>>,
    make: fn(Arc<D>) -> N,
) -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("error: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match execute(&plan, load, make, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn execute<D: Send + Sync, N: Network>(
    plan: &RunPlan,
    load: fn(&Path) -> io::Result<Arc<D>>,
    make: fn(Arc<D>) -> N,
    arguments: &Arguments,
) -> Result<(), String> {
    let data = load(&arguments.data).map_err(|e| RunError::Make(e).to_string())?;
    let grows = arguments.out.as_deref().map(beside);
    let dir = arguments.record.as_ref().or(grows.as_ref());
    let folder = dir.map(|dir| {
        let made = Folder::create(dir, &plan.records);
        made.map_err(|e| format!("recordings cannot be kept in {}: {e}", dir.display()))
    });
    let folder = folder.transpose()?;
    let stopped = Arc::new(AtomicBool::new(false));
    if arguments.attended {
        watch_input(Arc::clone(&stopped));
    }
    let display = Display::new(&plan.name, plan.steps, arguments.quiet, arguments.attended);
    let progress = |done| match stopped.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => display.show(done),
    };
    let recorder: &dyn Recorder = folder.as_ref().map_or(&Nowhere, |folder| folder);
    let options =
        Execution { threads: arguments.threads, progress: &progress, recorder: Some(recorder) };
    let outcome = execute::run(plan, &|| Ok(make(data.clone())), &options);
    let seconds = display.finish().as_secs_f64();
    let unkept = |e: io::Error| format!("a recording cannot be kept: {e}");
    let outcome = outcome.map_err(|error| {
        let kept = folder.as_ref().map(|folder| folder.finish(None));
        let kept = kept.and_then(Result::ok).is_some_and(|kept| kept.iter().any(|r| r.rows > 0));
        match (kept, dir) {
            (true, Some(dir)) => {
                format!("{}\nkept={}", report(error), dir.display())
            }
            _ => report(error),
        }
    })?;
    let recordings = folder.map(|folder| folder.finish(Some(&outcome.columns)).map_err(unkept));
    if let (Some(recordings), Some(out)) = (recordings.transpose()?, &arguments.out) {
        record::write(out, plan.records.iter().zip(&recordings), "")
            .map_err(|e| format!("cannot write {}: {e}", out.display()))?;
    }
    if let (Some(grows), None) = (&grows, &arguments.record) {
        // Best effort: all of it stands in the archive.
        let _ = std::fs::remove_dir_all(grows);
    }
    let threads = outcome.threads;
    writeln!(io::stdout(), "steps={} seconds={seconds:.6} threads={threads}", plan.steps)
        .map_err(|e| format!("cannot write to stdout: {e}"))
}

/// Where recordings grow before they become an archive.
fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".recording");
    name.into()
}

/// Sets a flag when standard input ends: whoever started the program wants no more of it.
fn watch_input(stopped: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        // An input that fails has ended, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stopped.store(true, Ordering::Relaxed);
    });
}

/// Takes recordings that nobody asks for.
struct Nowhere;

impl Recorder for Nowhere {
    fn begin(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, _: usize, _: usize, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn done(&self, _: usize) {}
}

/// A failed run in words; a fault also in its form for machines, on a line of its own.
fn report(error: RunError) -> String {
    match &error {
        RunError::Fault(fault) => format!("{error}\n{}", fault.line()),
        _ => error.to_string(),
    }
}

const USAGE: &str = "\
usage: PROGRAM [--threads N] [--out FILE.npz] [--record DIR] [--data DIR] [--attended] [--quiet]
  --threads N     threads to use at most (default: all cores)
  --out FILE.npz  write the recordings there; they grow in FILE.npz.recording until then, and
                  stay there if the run fails
  --record DIR    let the recordings grow there, and leave them: one .npy file each
  --data DIR      the folder with the network's data (default: data)
  --attended      stop when standard input ends
  --quiet         show no progress";

#[derive(Debug, PartialEq)]
struct Arguments {
    threads: usize,
    out: Option<PathBuf>,
    record: Option<PathBuf>,
    data: PathBuf,
    attended: bool,
    quiet: bool,
    help: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            out: None,
            record: None,
            data: PathBuf::from("data"),
            attended: false,
            quiet: false,
            help: false,
        };
        while let Some(word) = words.next() {
            let word = word.to_string_lossy();
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match &*word {
                "--threads" => {
                    let value = value()?;
                    let number = value.to_str().and_then(|v| v.parse().ok()).filter(|n| *n > 0);
                    arguments.threads = number.ok_or_else(|| {
                        format!("--threads needs a positive number, not `{}`", value.display())
                    })?;
                }
                "--out" => arguments.out = Some(value()?.into()),
                "--record" => arguments.record = Some(value()?.into()),
                "--attended" => arguments.attended = true,
                "--data" => arguments.data = value()?.into(),
                "--quiet" => arguments.quiet = true,
                "--help" | "-h" => arguments.help = true,
                other => return Err(format!("unknown option `{other}`")),
            }
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Fault;

    fn parse(words: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn options_in_any_order() {
        let arguments =
            parse(&["--quiet", "--data", "d", "--threads", "3", "--out", "r.npz"]).unwrap();
        let out = Some(PathBuf::from("r.npz"));
        let data = PathBuf::from("d");
        let expected = Arguments {
            threads: 3,
            out,
            record: None,
            data,
            attended: false,
            quiet: true,
            help: false,
        };
        assert_eq!(arguments, expected);
    }

    #[test]
    fn wrong_options_are_named() {
        assert_eq!(parse(&["--out"]).unwrap_err(), "--out needs a value");
        assert_eq!(parse(&["--fast"]).unwrap_err(), "unknown option `--fast`");
        let zero = parse(&["--threads", "0"]).unwrap_err();
        assert_eq!(zero, "--threads needs a positive number, not `0`");
    }

    #[test]
    fn a_fault_is_reported_for_people_and_for_machines() {
        let fault = Fault::Index { what: "test images", index: -1, extent: 5, t: 9 };
        assert_eq!(
            report(RunError::Fault(fault)),
            "at step 9, `test images` is indexed with -1, outside 0..5\n\
             fault=index t=9 index=-1 extent=5 what=test images"
        );
    }
}
