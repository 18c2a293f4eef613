//! The command line of a generated program.
//!
//! ```text
//! PROGRAM [--threads N] [--out FILE.npz] [--data DIR] [--quiet]
//! ```
//!
//! The last line on stdout is `steps=320000 seconds=0.104512 threads=2`. A failure is one
//! line on stderr that begins with `error: `, and exit status 1 (2 for a wrong option). A
//! fault is followed by a line for machines: see [`crate::Fault::line`].

use crate::execute::{self, Execution, RunError, RunPlan};
use crate::network::Network;
use crate::record;
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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
    let options = Execution { threads: arguments.threads, quiet: arguments.quiet };
    let outcome = execute::run(plan, &|| Ok(make(data.clone())), &options).map_err(report)?;
    if let Some(out) = &arguments.out {
        record::write(out, &plan.records, &outcome.columns)
            .map_err(|e| format!("cannot write {}: {e}", out.display()))?;
    }
    let (seconds, threads) = (outcome.seconds, outcome.threads);
    writeln!(io::stdout(), "steps={} seconds={seconds:.6} threads={threads}", plan.steps)
        .map_err(|e| format!("cannot write to stdout: {e}"))
}

/// A failed run in words; a fault also in its form for machines, on a line of its own.
fn report(error: RunError) -> String {
    match &error {
        RunError::Fault(fault) => format!("{error}\n{}", fault.line()),
        _ => error.to_string(),
    }
}

const USAGE: &str = "\
usage: PROGRAM [--threads N] [--out FILE.npz] [--data DIR] [--quiet]
  --threads N     threads to use at most (default: all cores)
  --out FILE.npz  write the recordings there
  --data DIR      the folder with the network's data (default: data)
  --quiet         show no progress";

#[derive(Debug, PartialEq)]
struct Arguments {
    threads: usize,
    out: Option<PathBuf>,
    data: PathBuf,
    quiet: bool,
    help: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            out: None,
            data: PathBuf::from("data"),
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
        assert_eq!(arguments, Arguments { threads: 3, out, data, quiet: true, help: false });
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
