//! The commands as a user sees them: arguments in, exit status and messages out.

pub mod args;
mod build;
mod cache;
mod check;
mod compare;
mod explain;
mod fmt;
mod graph;
mod import;
mod interrupt;
mod output;
mod place;
mod program;
mod run;
mod train;
mod verify;

use args::{Cli, Command};
use snn_ir::diagnostics::SourceMap;
use snnc::execute::Engine;
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
        Command::Check { program, strictness, fix, json } => {
            check::check(&program, &strictness, fix, json)
        }
        Command::Build { program, output, lowering } => build::build(&program, &lowering, output),
        Command::Verify { schema: true, .. } => verify::schema(),
        Command::Verify { manifest, json, .. } => {
            verify::verify(&manifest.unwrap_or_default(), json)
        }
        Command::Run { program, strictness, engine, interpret, threads, output, quiet, json } => {
            let engine = match engine {
                _ if interpret => Some(Engine::Executor),
                None => None,
                Some(args::Engine::Compiled) => Some(Engine::Compiled),
                Some(args::Engine::Executor) => Some(Engine::Executor),
                Some(args::Engine::Oracle) => Some(Engine::Oracle),
            };
            let invocation = run::Invocation { engine, threads, quiet, output, json };
            run::run(&program, &strictness, invocation)
        }
        Command::Train {
            file,
            train,
            set,
            strictness,
            resume,
            epochs,
            threads,
            output,
            quiet,
            json,
        } => {
            let invocation = train::Invocation { resume, epochs, threads, output, quiet, json };
            train::train(&file, train, set, &strictness, invocation)
        }
        Command::Compare { first, second, json } => compare::compare(&first, &second, json),
        Command::Explain { subject, emit, options } => explain::explain(subject, emit, options),
        Command::Graph { program, svg, dot, output } => {
            let named_dot = output.as_ref().is_some_and(|p| p.extension() == Some("dot".as_ref()));
            graph::graph(&program, dot || (named_dot && !svg), output)
        }
        Command::Cache { clean, json } => cache::cache(clean, json),
        Command::Fmt { files, check } => fmt::fmt(&files, check),
        Command::Import { file, output, options } => import::import(&file, output, options),
    };
    done.unwrap_or_else(|diagnostic| {
        output::report(&[diagnostic], &SourceMap::default());
        Status::Failed
    })
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
