//! `snnc explain`: what a code means, how a network will execute.

use super::{Status, args, output, program};
use snn_ir::diagnostics::{Code, Diagnostic, nearest};
use snn_ir::step;
use snnc::driver::{CheckedRun, Runs};
use snnc::report::{
    execution::{execution, values},
    messages::messages,
    spikes::spikes,
};
use std::path::PathBuf;

/// Explains a code or a file; lists all codes where nothing is named.
///
/// # Errors
/// E0901.
pub fn explain(
    subject: Option<PathBuf>,
    emit: Option<args::Form>,
    options: args::RunChoice,
) -> Result<Status, Diagnostic> {
    let Some(file) = subject else {
        let lines = Code::ALL.iter().map(|c| format!("{}  {}\n", c.name(), c.summary()));
        output::print(&lines.collect::<String>())?;
        return Ok(Status::Fine);
    };
    let word = file.to_string_lossy();
    if let Some(code) = Code::from_name(&word) {
        output::print(code.explanation())?;
        return Ok(Status::Fine);
    }
    if looks_like_code(&word) && !file.exists() {
        let near = nearest(&word, Code::ALL.iter().map(|c| c.name()));
        let near = near.map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
        output::say(&format!("error: there is no code `{word}`; {near}`snnc explain` lists all"));
        return Ok(Status::Usage);
    }
    let checked = program::check(&args::Program { file, options }, Runs::All);
    output::report(&checked.diagnostics, &checked.sources);
    let runs: Vec<String> = checked
        .runs
        .iter()
        .map(|CheckedRun { ir, network, flat, .. }| {
            match emit {
                Some(args::Form::Network) => return network.to_string(),
                Some(args::Form::Flat) => return flat.to_string(),
                Some(args::Form::Step) => return step::print::print(ir),
                None => {}
            }
            let headline = format!("run {} of {}: {} steps\n", ir.run, ir.network, ir.steps);
            let spikes = spikes(network, &checked.sources);
            headline + &messages(network) + &spikes + &execution(ir) + &values(network, ir)
        })
        .collect();
    output::print(&runs.join("\n"))?;
    Ok(if checked.has_errors() { Status::Failed } else { Status::Fine })
}

/// Whether a word is meant as a code: a letter and about four digits.
fn looks_like_code(word: &str) -> bool {
    let mut chars = word.chars();
    (3..=6).contains(&word.len())
        && chars.next().is_some_and(|c| "EWew".contains(c))
        && chars.all(|c| c.is_ascii_digit() || "Oo".contains(c))
}
