//! The manifest: what goes where on the chips, why it fits, and what it is estimated to cost.

pub mod build;
pub(crate) mod declared;
pub(crate) mod diff;
pub(crate) mod read;
pub(crate) mod rules;
pub mod schema;
pub mod text;

use super::plan::Plan;
use super::weights;
use crate::parallel;
use crate::yaml;
use schema::Manifest;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::hash;
use std::path::Path;

/// The JSON Schema (draft 2020-12) of the format.
pub const JSON_SCHEMA: &str = include_str!("../../../../spec/manifest.schema.json");

/// A manifest as YAML: the same bytes for the same manifest.
///
/// # Errors
/// E0607: a number that YAML cannot hold.
pub fn text(manifest: &Manifest) -> Result<String, DataError> {
    yaml::write(manifest).map_err(|why| {
        DataError::new(Code::E0607, format!("cannot write the manifest: {why}"), "report this")
    })
}

/// The digest that a manifest should have: the SHA-256 of its text with nothing in that place.
/// Other formatting of the same entries does not change it.
///
/// # Errors
/// As [`text()`].
pub fn digest(manifest: &Manifest) -> Result<String, DataError> {
    let without = Manifest { digest: String::new(), ..manifest.clone() };
    Ok(hash::sha256(text(&without)?.as_bytes()))
}

/// Writes a plan's manifest to `path`, and its weights beside it to `weights_file`.
///
/// # Errors
/// E0605: weights that their format cannot hold. E0607: files that cannot be written.
pub fn write(plan: &Plan, path: &Path, weights_file: &str) -> Result<Manifest, DataError> {
    let beside = path.with_file_name(weights_file);
    let (mut manifest, sha256) = parallel::both(
        || build::build(plan, None),
        || weights::write(&beside, &plan.network, &plan.rates),
    );
    manifest.weights = Some(schema::Weights { file: weights_file.into(), sha256: sha256? });
    manifest.digest = digest(&manifest)?;
    std::fs::write(path, text(&manifest)?).map_err(|e| {
        DataError::new(
            Code::E0607,
            format!("cannot write `{}`: {e}", path.display()),
            "check that the folder exists, may be written to and has room",
        )
    })?;
    Ok(manifest)
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
