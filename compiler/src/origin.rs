//! Where a result comes from: what has to be the same for it to come again.

use crate::driver::{Checked, CheckedRun, Options};
use snn_data::{Files, input};
use snn_ir::diagnostics::Diagnostic;
use snn_ir::hash::sha256;
use snn_ir::tensor::Tensor;

/// All that decides what a run gives. Engine and threads make no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Of snnc.
    pub version: &'static str,
    /// The name of the run.
    pub run: String,
    /// The texts of the program with their SHA-256 digests, the program's own first; without the
    /// standard library, which belongs to the version.
    pub sources: Vec<(String, String)>,
    /// The data files that it reads with their SHA-256 digests, by path.
    pub data: Vec<(String, String)>,
    /// The seeds of its random numbers, ascending.
    pub seeds: Vec<u64>,
    /// Constants with other values.
    pub set: Vec<(String, String)>,
    /// Arrays that stand for constants and data, with the SHA-256 digests of their values.
    pub arrays: Vec<(String, String)>,
}

impl Origin {
    /// That of a run of a program that was checked with these options.
    ///
    /// # Errors
    /// E0601, E0603 where a data file can no longer be read.
    pub fn of(
        checked: &Checked,
        run: &CheckedRun,
        files: &dyn Files,
        options: &Options,
    ) -> Result<Origin, Diagnostic> {
        let own = checked.sources.files.iter().filter(|f| !f.name.starts_with("<std/"));
        let sources = own.map(|f| (f.name.clone(), sha256(f.text.as_bytes()))).collect();
        let mut data = Vec::new();
        for path in &checked.data {
            data.push((path.display().to_string(), input::digest(files, path)?));
        }
        let arrays = options.arrays.iter().map(|(name, array)| (name.clone(), digest(array)));
        Ok(Origin {
            version: env!("CARGO_PKG_VERSION"),
            run: run.name.clone(),
            sources,
            data,
            seeds: checked.seeds.clone(),
            set: options.set.clone(),
            arrays: arrays.collect(),
        })
    }
}

/// The digest of an array: its shape and its values.
fn digest(array: &Tensor) -> String {
    sha256(&[format!("{:?}", array.shape).as_bytes(), &array.bytes()].concat())
}
