//! Tensors in files: where they are and what they look like. Who reads them is another matter.

mod error;

pub use error::DataError;

use crate::step::Elem;
use std::path::{Path, PathBuf};

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where.
    pub source: DataSource,
    /// How its elements are stored. 64-bit unsigned integers count as `I64`: reading them
    /// fails where one does not fit.
    pub elem: Elem,
    /// Its shape, in C order whatever the order in the file.
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

impl DataSource {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            DataSource::Idx(p) | DataSource::Npy(p) | DataSource::Csv(p) => p,
            DataSource::Npz(p, _) | DataSource::Hdf5(p, _) => p,
        }
    }
}
