//! Trained networks from files of other tools, as text in the language.
//!
//! An import *is* a `.snn` text: `snnc import` prints it, and `netx("…")` in a program means
//! what that text means. There is one description of an imported network, and it can be read,
//! copied and changed.

pub mod netx;

pub use netx::NetxOptions;
use snn_data::Files;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use std::path::Path;

/// An imported network.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// A `.snn` text that declares it.
    pub text: String,
    /// The name of the network in it.
    pub network: String,
    /// What the network does not keep of the file, in its order.
    pub losses: Vec<Lost>,
}

/// Values of a file that act as others.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// The dataset: `/layer/0/weight`.
    pub dataset: String,
    /// How many values.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The first such value in the file.
    pub from: f64,
    /// What it acts as.
    pub to: f64,
}

impl Lost {
    /// Compares values of a dataset with what they act as.
    pub fn between(
        dataset: &str,
        given: impl Iterator<Item = f64>,
        kept: impl Iterator<Item = f64>,
    ) -> Option<Lost> {
        let mut of = 0;
        let mut lost: Option<Lost> = None;
        for (from, to) in given.zip(kept) {
            of += 1;
            if from != to {
                let dataset = dataset.to_string();
                lost.get_or_insert(Lost { dataset, count: 0, of, from, to }).count += 1;
            }
        }
        lost.map(|lost| Lost { of, ..lost })
    }
}

/// Describes the network in a file, of a format told by the ending of its name.
///
/// # Errors
/// E0613 where there is no importer for it; those of the importer.
pub fn import(
    files: &dyn Files,
    file: &Path,
    options: &NetxOptions,
) -> Result<Imported, Vec<DataError>> {
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "net" => netx::import(files, file, options),
        "nir" => Err(vec![DataError::new(
            Code::E0613,
            format!("`{}`: NIR files cannot be imported yet", file.display()),
            "write the network in the language and load its weights with \
             `hdf5(\"file.nir\", \"/node/nodes/NAME/weight\")`",
        )]),
        _ => Err(vec![DataError::new(
            Code::E0613,
            format!("`{}`: there is no importer for files of this kind", file.display()),
            "networks are imported from `.net` files (HDF5, as lava-dl exports them)",
        )]),
    }
}
