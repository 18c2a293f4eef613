//! Tensors from files and generators.
//!
//! A [`Dataset`] is opened by reading its header only: `snnc check` needs shapes and element
//! types, not megabytes. Values are read whole ([`Dataset::read`]) where the compiler computes
//! with them, and streamed ([`Dataset::write_npy`]) where only the running network does.

use crate::ir::Elem;
use crate::tensor::Tensor;
use std::path::{Path, PathBuf};

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where.
    pub source: DataSource,
    /// How its elements are stored in the file.
    pub elem: Elem,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// Where a tensor is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataSource {
    /// An IDX file, plain or gzip.
    Idx(PathBuf),
    /// A NumPy file, plain or gzip.
    Npy(PathBuf),
    /// A member of a NumPy archive, stored or deflated.
    Npz(PathBuf, String),
    /// A table of numbers, plain or gzip; a header line is skipped.
    Csv(PathBuf),
    /// A dataset of an HDF5 file (or a gzip of one).
    Hdf5(PathBuf, String),
}

/// Why data cannot be read. Rendered by whoever knows the place in the source.
#[derive(Clone, Debug, PartialEq)]
pub struct DataError {
    /// An E06xx code.
    pub code: crate::diagnostics::Code,
    /// What is wrong, naming the file.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Dataset {
    /// Opens a file and reads its header.
    pub fn open(_source: DataSource) -> Result<Dataset, DataError> {
        unimplemented!()
    }

    /// Reads all values: integers of up to 64 bits as Int, floats as Float, booleans as Bool.
    pub fn read(&self) -> Result<Tensor, DataError> {
        unimplemented!()
    }

    /// Writes all values to a `.npy` file (C order, little endian, this element type),
    /// without holding them all in memory where the format allows. Overwrites atomically.
    pub fn write_npy(&self, _to: &Path) -> Result<(), DataError> {
        unimplemented!()
    }
}

/// The names of the members of a `.npz` file, sorted.
pub fn npz_members(_path: &Path) -> Result<Vec<String>, DataError> {
    unimplemented!()
}
