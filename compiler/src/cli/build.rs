//! `snnc build`: the generated crate.

use super::{Status, args, output, program};
use snnc::diagnostics::Diagnostic;
use snnc::execute::generate;
use snnc::lower::rust;
use std::path::{Path, PathBuf};

/// Writes the crate of a run to a folder.
///
/// # Errors
/// E0901, E0909; the codes of data files that cannot be read.
pub fn build(arguments: &args::Program, to: Option<PathBuf>) -> Result<Status, Diagnostic> {
    let Some((checked, run)) = program::one_run(arguments) else { return Ok(Status::Failed) };
    let written = program::executable(&run).and_then(|()| {
        let texts = checked.sources.files.iter().map(|f| f.text.as_str());
        let generated = generate(&run.ir, texts)?;
        let folder = to.unwrap_or_else(|| Path::new("build").join(&run.name));
        rust::write(&generated, &folder)?;
        Ok(folder)
    });
    match written {
        Ok(folder) => {
            output::print(&format!("{}\n", folder.display()))?;
            Ok(Status::Fine)
        }
        Err(diagnostic) => {
            output::report(&[diagnostic], &checked.sources);
            Ok(Status::Failed)
        }
    }
}
