//! `snnc check`: all errors of a program, and with `--fix` the changes that make them go away.

use super::{Status, args, output, program};
use snn_ir::diagnostics::fix::{self, Fixed};
use snn_ir::diagnostics::{Diagnostic, SourceMap};
use snnc::driver::Runs;
use snnc::json;

/// Reports what is wrong with every run of a program; first changes what it may, where asked.
///
/// # Errors
/// E0901.
pub fn check(
    arguments: &args::Program,
    strictness: &args::Strictness,
    fix: bool,
    as_json: bool,
) -> Result<Status, Diagnostic> {
    let mut checked = program::check_strictly(arguments, strictness, Runs::All);
    let mut fixes = json::Fixes::default();
    if let (true, Some(file)) = (fix, checked.sources.files.first()) {
        let fixed = fix::apply(&checked.diagnostics, 0, file);
        let refusal = refusal(&fixed, arguments);
        fixes = said(&fixed, refusal, &checked.sources);
        if !fixes.made.is_empty() {
            output::write(&arguments.file, fixed.text.as_bytes())?;
            checked = program::check_strictly(arguments, strictness, Runs::All);
        }
    }
    match (as_json, fix) {
        (true, true) => {
            output::print(&json::fixed(&checked.diagnostics, &checked.sources, &fixes))?;
        }
        (true, false) => output::print(&json::checked(&checked.diagnostics, &checked.sources))?,
        (false, _) => output::report(&checked.diagnostics, &checked.sources),
    }
    Ok(if checked.has_errors() { Status::Failed } else { Status::Fine })
}

/// Why the file must stay as it is.
fn refusal(fixed: &Fixed, arguments: &args::Program) -> Option<&'static str> {
    let permissions = std::fs::metadata(&arguments.file).map(|file| file.permissions());
    if fixed.broken {
        Some("the file could not be read afterwards")
    } else if permissions.is_ok_and(|p| p.readonly()) {
        Some("the file is read-only")
    } else {
        None
    }
}

/// Says what is changed and what is not.
fn said(fixed: &Fixed, refusal: Option<&str>, sources: &SourceMap) -> json::Fixes {
    let mut fixes = json::Fixes::default();
    let place = |file: u32, byte: usize| {
        let file = &sources.files[file as usize];
        let at = file.position(byte);
        format!("{}:{}:{}", file.name, at.line, at.column)
    };
    for change in &fixed.made {
        let (place, old, new) = (place(0, change.at), &change.old, &change.new);
        match (refusal, old.as_str()) {
            (Some(why), _) => fixes.left.push(format!("{place}: not changed: {why}")),
            (None, "") => fixes.made.push(format!("{place}: added `{new}`")),
            (None, _) => fixes.made.push(format!("{place}: `{old}` is now `{new}`")),
        }
    }
    for left in &fixed.left {
        let place = place(left.loc.file, left.loc.span.start as usize);
        fixes.left.push(format!("{place}: not changed: {}", left.why));
    }
    fixes.made.iter().chain(&fixes.left).for_each(|text| output::say(text));
    fixes
}
