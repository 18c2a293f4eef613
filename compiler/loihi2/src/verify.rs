//! Verification of a manifest from the manifest alone.
//!
//! What it says of the network, the chip and the place of each neuron is taken as given;
//! everything else is computed again and compared, entry by entry, and the rules of the chip
//! are checked. The weights file beside it is needed for what depends on which synapses a
//! sparse projection has, and on rates of single neurons; without it these rows are taken as
//! they are, and what follows from them is computed. Where all of that holds, the digest shows
//! whether what is taken as given is what was written.

use super::manifest::schema::{Encoding, Manifest, SCHEMA};
use super::manifest::{self, build, declared, diff, read, rules};
use super::weights::Weights;
use crate::yaml;
use serde::Deserialize;
use snn_data::Disk;
use snn_data::input;
use snn_ir::data::DataError;
use snn_ir::diagnostics::{Code, Diagnostic, Help, Severity};
use snn_ir::hash;
use std::path::Path;

/// Something that is wrong with a manifest, or could not be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// E0812, E0813 or E0814; E06xx of the weights file; W0812 for what could not be checked.
    pub code: Code,
    /// Where in the document, `cores[3].resources.syn_words[0]`; empty for all of it.
    pub path: String,
    /// What is wrong: both values where there are two.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// A finding at a place in the document.
    pub fn new(
        code: Code,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        Finding { code, path: path.into(), message: message.into(), help: help.into() }
    }

    /// What is wrong with the weights file.
    pub fn data(path: impl Into<String>, error: DataError) -> Finding {
        Finding::new(error.code, path, error.message, error.help.unwrap_or_default())
    }
}

impl From<Finding> for Diagnostic {
    fn from(finding: Finding) -> Diagnostic {
        let message = match finding.path.is_empty() {
            true => finding.message,
            false => format!("{}: {}", finding.path, finding.message),
        };
        let mut diagnostic = Diagnostic::without_place(finding.code, message);
        diagnostic.helps.extend(Some(finding.help).filter(|help| !help.is_empty()).map(Help::from));
        diagnostic
    }
}

/// Verifies the manifest at `path`, with the files beside it. No findings: it holds.
pub fn verify(path: &Path) -> Vec<Finding> {
    let text = match input::text(&Disk, path) {
        Ok(text) => text,
        Err(e) => {
            let help = "name the manifest that `snnc build --target loihi2` wrote";
            return vec![Finding::new(Code::E0812, "", e.message, help)];
        }
    };
    verify_text(&text, path.parent().unwrap_or(Path::new("")))
}

/// Verifies the text of a manifest whose weights and source are in `folder`.
pub fn verify_text(text: &str, folder: &Path) -> Vec<Finding> {
    // The entries as they stand in the text: some are read as what they are not, a number as a
    // text, say.
    let entries = || yaml::parse(text).map_err(no_manifest);
    let (manifest, declared) = match parse(text).and_then(|m| Ok((m, entries()?))) {
        Ok(read) => read,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    source(&manifest, folder, &mut findings);
    let weights = weights(&manifest, folder, &mut findings);
    let complete = weights.is_some() || !needs_weights(&manifest);
    let plan = match read::plan(&manifest, weights.as_ref()) {
        Ok(plan) => plan,
        Err(more) => {
            findings.extend(more);
            return findings;
        }
    };
    rules::check(&manifest, &plan, &mut findings);
    let mut derived = match complete {
        true => build::build(&plan, manifest.weights.clone()),
        false => declared::build(&manifest, plan, &mut findings),
    };
    derived.digest.clone_from(&manifest.digest);
    match yaml::tree(&derived) {
        Ok(derived) => diff::diff(&declared, &derived, &mut findings),
        Err(why) => findings.push(Finding::new(Code::E0812, "", why, "report this")),
    }
    if findings.iter().all(|finding| finding.code.severity() != Severity::Error) {
        digest(&manifest, &mut findings);
    }
    findings
}

/// Compares the digest of everything: what nothing follows from may have been changed too.
fn digest(manifest: &Manifest, findings: &mut Vec<Finding>) {
    match manifest::digest(manifest) {
        Ok(found) if found == manifest.digest => {}
        Ok(found) => {
            let message = format!(
                "the manifest has the digest {found}, not {}: something that is given has \
                 changed since it was written",
                manifest.digest
            );
            let help = "write it again with `snnc build --target loihi2` instead of changing it";
            findings.push(Finding::new(Code::E0813, "digest", message, help));
        }
        Err(why) => findings.push(Finding::data("digest", why)),
    }
}

/// The part that says which version the rest is of.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

fn no_manifest(why: String) -> Finding {
    let help = "write it again with `snnc build --target loihi2`; the format is described in \
                spec/manifest.md";
    Finding::new(Code::E0812, "", format!("this is not a manifest: {why}"), help)
}

fn parse(text: &str) -> Result<Manifest, Finding> {
    let manifest: Result<Manifest, String> = yaml::read(text);
    let schema = match &manifest {
        Ok(manifest) => manifest.schema.clone(),
        Err(_) => yaml::read::<Head>(text).map_err(no_manifest)?.schema,
    };
    if schema != SCHEMA {
        let message = format!("the format is `{schema}`, not `{SCHEMA}`");
        let help = "use the compiler that wrote it, or write it again with this one";
        return Err(Finding::new(Code::E0812, "schema", message, help));
    }
    manifest.map_err(no_manifest)
}

/// Compares the source beside the manifest, if it is there.
fn source(manifest: &Manifest, folder: &Path, findings: &mut Vec<Finding>) {
    let Some(name) = Path::new(&manifest.source.file).file_name() else { return };
    let Ok(bytes) = input::whole(&Disk, &folder.join(name)) else { return };
    let found = hash::sha256(&bytes);
    if found != manifest.source.sha256 {
        let message = format!(
            "`{}` has the digest {found}, not {}",
            manifest.source.file, manifest.source.sha256
        );
        let help = "the source has changed since: write the manifest again";
        findings.push(Finding::new(Code::W0812, "source.sha256", message, help));
    }
}

fn needs_weights(manifest: &Manifest) -> bool {
    manifest.projections.iter().any(|p| p.encoding == Encoding::Sparse)
        || manifest.rates.of.iter().any(|rate| rate.mean.is_some())
}

/// The weights file beside the manifest.
fn weights(manifest: &Manifest, folder: &Path, findings: &mut Vec<Finding>) -> Option<Weights> {
    let described = manifest.weights.as_ref()?;
    if Path::new(&described.file).file_name() != Some(described.file.as_ref()) {
        let message = format!("`{}` is not the name of a file beside the manifest", described.file);
        let help = "give a name without a folder";
        findings.push(Finding::new(Code::E0814, "weights.file", message, help));
        return None;
    }
    let path = folder.join(&described.file);
    let bytes = match input::whole(&Disk, &path) {
        Ok(bytes) => bytes,
        Err(e) => {
            let message = e.message;
            let help = "put it beside the manifest: without it weights are not checked, and \
                        what depends on them is taken as declared";
            findings.push(Finding::new(Code::W0812, "weights.file", message, help));
            return None;
        }
    };
    let found = hash::sha256(&bytes);
    if found != described.sha256 {
        let message =
            format!("`{}` has the digest {found}, not {}", described.file, described.sha256);
        let help = "put the file beside the manifest that was written with it";
        findings.push(Finding::new(Code::E0813, "weights.sha256", message, help));
    }
    let open = || {
        let weights = Weights::open(&path)?;
        let projections: Vec<&str> = manifest.projections.iter().map(|p| p.name.as_str()).collect();
        let populations: Vec<&str> = manifest.populations.iter().map(|p| p.name.as_str()).collect();
        let strangers = weights.strangers(&projections, &populations)?;
        Ok((weights, strangers))
    };
    match open() {
        Ok((weights, strangers)) => {
            for stranger in strangers {
                let message = format!("`{stranger}` in `{}` belongs to nothing", described.file);
                let help = "put the file beside the manifest that was written with it";
                findings.push(Finding::new(Code::E0814, "weights.file", message, help));
            }
            Some(weights)
        }
        Err(why) => {
            findings.push(Finding::data("weights.file", why));
            None
        }
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "verify_changed_tests.rs"]
mod changed_tests;
