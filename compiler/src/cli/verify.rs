//! `snnc verify`: a placement, checked from its manifest alone.

use super::{Status, output};
use snn_ir::diagnostics::{Diagnostic, Severity, SourceMap};
use snn_loihi2::{manifest, verify};
use snnc::json;
use std::path::Path;

/// Reports what in a manifest does not follow from the rest of it.
///
/// # Errors
/// E0901.
pub fn verify(path: &Path, as_json: bool) -> Result<Status, Diagnostic> {
    let findings: Vec<Diagnostic> =
        verify::verify(path).into_iter().map(Diagnostic::from).collect();
    let failed = findings.iter().any(|d| d.severity == Severity::Error);
    if as_json {
        output::print(&json::checked(&findings, &SourceMap::default()))?;
    } else {
        output::report(&findings, &SourceMap::default());
        if !failed {
            output::print(&format!("{}: every figure and rule holds\n", path.display()))?;
        }
    }
    Ok(if failed { Status::Failed } else { Status::Fine })
}

/// Prints the JSON Schema of manifests.
///
/// # Errors
/// E0901.
pub fn schema() -> Result<Status, Diagnostic> {
    output::print(manifest::JSON_SCHEMA)?;
    Ok(Status::Fine)
}
