//! What the tests of this crate share; no test uses all of it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod dump;

use std::path::{Path, PathBuf};

/// The programs of `tests/<folder>` with their names, in order of name.
pub fn programs(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "snn")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no programs in {}", folder.display());
    paths
        .into_iter()
        .map(|p| {
            let name = p.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(p).unwrap())
        })
        .collect()
}
