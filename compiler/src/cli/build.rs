//! `snnc build`: the generated crate, or the placement.

use super::{Status, args, output, place, program};
use snn_data::Disk;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_loihi2::options::Objective;
use snnc::driver::{self, Checked, CheckedRun, Options, Runs};
use snnc::execute::generate;
use snnc::json;
use std::path::{Path, PathBuf};

/// Writes what a run is compiled to into a folder.
///
/// # Errors
/// E0901; the codes of data files that cannot be read, and of placements that cannot be made.
pub fn build(
    arguments: &args::Program,
    lowering: &args::Lowering,
    to: Option<PathBuf>,
) -> Result<Status, Diagnostic> {
    let options = Options {
        target: lowering.target.clone(),
        open: true,
        optimize: lowering.optimize.as_deref().and_then(Objective::named),
        deny_warnings: lowering.strictness.deny.is_some(),
        ..program::options(arguments, Runs::First)
    };
    let checked = driver::check(&Disk, &arguments.file, &options);
    let run = checked.runs.first().filter(|_| !checked.has_errors());
    if !lowering.json || run.is_none() {
        match lowering.json {
            true => output::print(&json::checked(&checked.diagnostics, &checked.sources))?,
            false => output::report(&checked.diagnostics, &checked.sources),
        }
    }
    let Some(run) = run else { return Ok(Status::Failed) };
    let built = match place::chip(run) {
        Some(chip) => place::place(arguments, lowering, (&checked, run, chip), to),
        None => generated(lowering, (&checked, run), to),
    };
    built.or_else(|diagnostic| output::refused(&checked, &[diagnostic], lowering.json))
}

/// Writes the generated crate.
fn generated(
    lowering: &args::Lowering,
    (checked, run): (&Checked, &CheckedRun),
    to: Option<PathBuf>,
) -> Result<Status, Diagnostic> {
    only_for_chips(lowering, run)?;
    let texts = checked.sources.files.iter().map(|f| f.text.as_str());
    let generated = generate(&run.ir, &Disk, texts)?;
    let folder = to.unwrap_or_else(|| Path::new("build").join(&run.name));
    output::claim(&folder)?;
    snn_rust::write(&generated, &Disk, &folder)?;
    let folder = folder.display().to_string();
    output::print(&match lowering.json {
        true => json::built(&checked.diagnostics, &checked.sources, &run.ir, &folder),
        false => format!("{folder}\n"),
    })?;
    Ok(Status::Fine)
}

/// Requires that nothing is asked for that only placements have.
fn only_for_chips(lowering: &args::Lowering, run: &CheckedRun) -> Result<(), Diagnostic> {
    let given = [
        ("--optimize", lowering.optimize.is_some()),
        ("--profile-with", lowering.profile_with.is_some()),
        ("--emit", lowering.emit.is_some()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!("`{option}` is for placements, run `{}` has the target `rust`", run.name);
    Err(Diagnostic::new(Code::E0909, message, run.target_loc, "")
        .help("pick a run with `target loihi2(…)` by `--run`, or add `--target loihi2`"))
}
