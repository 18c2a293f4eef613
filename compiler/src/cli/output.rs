//! Where results and diagnostics go, and what happens when they cannot go there.

use snnc::diagnostics::{Code, Diagnostic, SourceMap, render};
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Prints diagnostics on standard error, in colour where a person reads them.
pub fn report(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    let colour = !plain && io::stderr().is_terminal();
    say(render::render(diagnostics, sources, colour).trim_end_matches('\n'));
}

/// Prints a line on standard error. Where that is not possible there is no one left to tell.
pub fn say(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Prints results on standard output.
///
/// A reader who has seen enough (`snnc … | head`) is no error.
///
/// # Errors
/// E0901 where standard output cannot be written.
pub fn print(text: &str) -> Result<(), Diagnostic> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(cannot_write("standard output", &e)),
        _ => Ok(()),
    }
}

fn cannot_write(what: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::without_place(Code::E0901, format!("{what} cannot be written: {error}"))
}
