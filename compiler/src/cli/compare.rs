//! `snnc compare`: whether two recordings are the same.

use super::{Status, output};
use snn_data::Disk;
use snn_data::compare::{self, Comparison, First, Form, How};
use snn_ir::diagnostics::{Diagnostic, SourceMap};
use snnc::json;
use std::path::Path;

/// Compares two archives.
///
/// # Errors
/// E0901 where standard output cannot be written, and where a file cannot be read what that of
/// other data would say.
pub fn compare(a: &Path, b: &Path, as_json: bool) -> Result<Status, Diagnostic> {
    let files = [a.display().to_string(), b.display().to_string()];
    let files = [files[0].as_str(), files[1].as_str()];
    let comparison = match compare::compare(&Disk, a, b).map_err(Diagnostic::from) {
        Ok(comparison) => comparison,
        Err(mut diagnostic) => {
            // What is said of paths in programs is not so here.
            diagnostic.helps.retain(|help| !help.text.contains(".snn"));
            if !as_json {
                return Err(diagnostic);
            }
            output::print(&json::checked(&[diagnostic], &SourceMap::default()))?;
            return Ok(Status::Failed);
        }
    };
    output::print(&match as_json {
        true => json::compared(&comparison, files),
        false => text(&comparison, files),
    })?;
    Ok(if comparison.equal() { Status::Fine } else { Status::Failed })
}

/// In words, the first difference first.
fn text(comparison: &Comparison, files: [&str; 2]) -> String {
    let [a, b] = files;
    let keys = counted(comparison.keys as u64, "key");
    if comparison.equal() {
        return format!("{a} and {b} are the same: {keys}\n");
    }
    let mut lines = format!("{a} and {b} differ\n");
    if let Some(First { key, at }) = &comparison.first {
        let row = at.row.map_or(String::new(), |row| format!(" row {row} of"));
        let element = match at.element.is_empty() {
            true => String::new(),
            false => format!(", element {:?}", at.element),
        };
        lines += &format!("first:{row} {key}{element}: {} and {}\n", at.a, at.b);
    }
    for differing in &comparison.differing {
        let how = match &differing.how {
            How::OnlyFirst => format!("only in {a}"),
            How::OnlySecond => format!("only in {b}"),
            How::Form(x, y) => format!("{} and {}", form(x), form(y)),
            How::Elements(n) => format!("{} differ{}", counted(*n, "element"), verb(*n)),
        };
        lines += &format!("  {}: {how}\n", differing.key);
    }
    let n = comparison.differing.len() as u64;
    lines += &format!("{n} of {keys} differ{}", verb(n));
    match comparison.elements() {
        0 => lines + "\n",
        n => lines + &format!(", in {}\n", counted(n, "element")),
    }
}

fn form(form: &Form) -> String {
    format!("{}{:?}", form.dtype.code(), form.shape)
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn verb(n: u64) -> &'static str {
    if n == 1 { "s" } else { "" }
}
