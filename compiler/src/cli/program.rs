//! What the commands that read a program have in common.

use super::args::{Program, Strictness};
use super::output;
use snn_data::Disk;
use snnc::driver::{self, Checked, CheckedRun, Options, Runs};

/// How the arguments want a program to be read. Without `--run`, these `runs` are looked at.
pub fn options(program: &Program, runs: Runs) -> Options {
    let runs = program.options.run.clone().map_or(runs, Runs::Named);
    Options { runs, set: program.options.set.clone(), ..Options::default() }
}

/// Checks a program. Without `--run`, these `runs` are looked at.
pub fn check(program: &Program, runs: Runs) -> Checked {
    driver::check(&Disk, &program.file, &options(program, runs))
}

/// Checks a program as strictly as is asked for.
pub fn check_strictly(program: &Program, strictness: &Strictness, runs: Runs) -> Checked {
    let deny_warnings = strictness.deny.is_some();
    driver::check(&Disk, &program.file, &Options { deny_warnings, ..options(program, runs) })
}

/// The one run of a program that is executed or drawn; its diagnostics are reported. `None`
/// where it has errors.
pub fn one_run(program: &Program) -> Option<(Checked, CheckedRun)> {
    let mut checked = check(program, Runs::First);
    output::report(&checked.diagnostics, &checked.sources);
    if checked.has_errors() || checked.runs.is_empty() {
        return None;
    }
    let run = checked.runs.swap_remove(0);
    Some((checked, run))
}
