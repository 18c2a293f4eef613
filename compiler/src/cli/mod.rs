//! The commands as a user sees them: arguments in, exit status and messages out.

pub mod args;
mod explain;
mod fmt;
mod import;
mod output;

use args::{Cli, Command};
use snnc::diagnostics::{Code, Diagnostic, SourceMap};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything asked for was done.
    Fine,
    /// The program has errors, or what it expects does not hold.
    Failed,
    /// The command makes no sense.
    Usage,
    /// The compiler itself has an error.
    Internal,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Fine => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            // What the Rust compiler and every panicking Rust program use.
            Status::Internal => 101,
        })
    }
}

/// Does what was asked for. A failure without a place in a program is reported here.
pub fn execute(arguments: Cli) -> Status {
    let done = match arguments.command {
        Command::Fmt { files, check } => fmt::fmt(&files, check),
        Command::Import { file, output, options } => import::import(&file, output, options),
        Command::Explain { subject: None } => explain::all(),
        Command::Explain { subject: Some(subject) } => explain_subject(&subject),
    };
    done.unwrap_or_else(|diagnostic| {
        output::report(&[diagnostic], &SourceMap::default());
        Status::Failed
    })
}

fn explain_subject(subject: &str) -> Result<Status, Diagnostic> {
    if let Some(code) = Code::from_name(subject) {
        return explain::code(code);
    }
    output::say(&format!("error: there is no code `{subject}`; `snnc explain` lists all"));
    Ok(Status::Usage)
}

/// Says that this is not the user's fault.
pub fn internal_error(what: &str) {
    output::say(&format!(
        "error: snnc {} has failed: {what}\n\
         This is an error in snnc, not in your program. Please report it, with the message \
         above and the file that you compiled: {}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
    ));
}
