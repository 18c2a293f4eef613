//! `snnc check`: all errors of a program.

use super::{Status, args, output, program};
use snnc::diagnostics::{Diagnostic, json};
use snnc::driver::Runs;

/// Reports what is wrong with every run of a program.
///
/// # Errors
/// E0901.
pub fn check(
    arguments: &args::Program,
    strictness: &args::Strictness,
    as_json: bool,
) -> Result<Status, Diagnostic> {
    let checked = program::check_strictly(arguments, strictness, Runs::All);
    if as_json {
        output::print(&json::checked(&checked.diagnostics, &checked.sources))?;
    } else {
        output::report(&checked.diagnostics, &checked.sources);
    }
    Ok(if program::has_errors(&checked) { Status::Failed } else { Status::Fine })
}
