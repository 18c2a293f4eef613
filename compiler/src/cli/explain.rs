//! `snnc explain`: what a code means.

use super::{Status, output};
use snnc::diagnostics::{Code, Diagnostic};

/// The page of a code.
pub fn code(code: Code) -> Result<Status, Diagnostic> {
    output::print(code.explanation())?;
    Ok(Status::Fine)
}

/// Every code with its summary.
pub fn all() -> Result<Status, Diagnostic> {
    let lines = Code::ALL.iter().map(|c| format!("{}  {}\n", c.name(), c.summary()));
    output::print(&lines.collect::<String>())?;
    Ok(Status::Fine)
}
