//! What the commands that read a program have in common.

use super::args::{Program, Strictness};
use super::output;
use snn_data::Disk;
use snn_ir::diagnostics::{Code, Diagnostic, Severity};
use snnc::driver::{self, Checked, CheckedRun, Lowered, Options, Runs};

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

/// Whether a program has errors.
pub fn has_errors(checked: &Checked) -> bool {
    checked.diagnostics.iter().any(|d| d.severity == Severity::Error)
}

/// The one run of a program that is executed or drawn; its diagnostics are reported. `None`
/// where it has errors.
pub fn one_run(program: &Program) -> Option<(Checked, CheckedRun)> {
    let mut checked = check(program, Runs::First);
    output::report(&checked.diagnostics, &checked.sources);
    if has_errors(&checked) || checked.runs.is_empty() {
        return None;
    }
    let run = checked.runs.swap_remove(0);
    Some((checked, run))
}

/// Requires that a run's target is a Rust program.
///
/// # Errors
/// E0909.
pub fn executable(run: &CheckedRun) -> Result<(), Diagnostic> {
    if matches!(run.target, Lowered::Rust) {
        return Ok(());
    }
    let message = format!("run `{}` is for Loihi 2", run.name);
    let label = "cannot be executed here";
    Err(Diagnostic::new(Code::E0909, message, run.target_loc, label)
        .help("pick another run with `--run`, or write its placement with `snnc build`"))
}
