//! `snnc cache`: what is kept of compiled networks.

use super::{Status, output};
use snn_ir::diagnostics::Diagnostic;
use snn_rust::build;
use snnc::json;

/// Says what is in the cache, or removes it.
///
/// # Errors
/// E0901; E0903 where the cache is in use or cannot be changed.
pub fn cache(clean: bool, as_json: bool) -> Result<Status, Diagnostic> {
    let folder = build::folder().display().to_string();
    let contents = if clean { build::clean()? } else { build::contents()? };
    output::print(&match (as_json, clean) {
        (true, _) => json::cache(&folder, &contents, clean),
        (false, true) => format!("removed {} from {folder}\n", size(contents.all())),
        (false, false) => format!(
            "{folder}\n  programs {:>9}\n  data     {:>9}\n  runtime  {:>9}\n  \
             all      {:>9}, at most {}\n",
            size(contents.programs),
            size(contents.data),
            size(contents.runtime),
            size(contents.all()),
            size(build::LIMIT),
        ),
    })?;
    Ok(Status::Fine)
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let mut rest = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if rest < 1024.0 {
            return format!("{rest:.0} {unit}");
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} GiB")
}
