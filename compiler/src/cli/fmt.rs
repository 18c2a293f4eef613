//! `snnc fmt`: canonical formatting.

use super::{Status, output};
use snn_data::Disk;
use snn_front::resolve::source;
use snn_ir::diagnostics::{Diagnostic, SourceFile, SourceMap};
use std::path::{Path, PathBuf};

/// Formats files in place, or with `check` only names those that would change. `-` is standard
/// input, whose formatted text goes to standard output.
///
/// A file that cannot be formatted is reported and left alone; the others are still formatted.
///
/// # Errors
/// E0901.
pub fn fmt(files: &[PathBuf], check: bool) -> Result<Status, Diagnostic> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Vec::new();
    let mut changed = false;
    for path in files {
        let stdin = path == Path::new("-");
        let text = match if stdin { source::read_stdin() } else { source::read(&Disk, path) } {
            Ok(text) => text,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        match snn_grammar::format(&text) {
            Ok(formatted) if check => {
                if formatted != text {
                    changed = true;
                    output::print(&format!("{}\n", path.display()))?;
                }
            }
            Ok(formatted) if stdin => output::print(&formatted)?,
            Ok(formatted) if formatted == text => {}
            Ok(formatted) => output::write(path, formatted.as_bytes())?,
            Err(errors) => {
                let file = sources.files.len() as u32;
                diagnostics.extend(errors.iter().map(|e| source::syntax(file, e)));
                let name = path.display().to_string();
                let folder = PathBuf::new();
                sources.files.push(SourceFile { name, folder, text, imported_by: None });
            }
        }
    }
    output::report(&diagnostics, &sources);
    Ok(if changed || !diagnostics.is_empty() { Status::Failed } else { Status::Fine })
}
