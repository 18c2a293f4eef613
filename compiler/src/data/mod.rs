//! Tensors from files.
//!
//! A [`Dataset`] is opened by reading its header only: `snnc check` needs shapes and element
//! types, not megabytes. Values are read whole ([`Dataset::read`]) where the compiler computes
//! with them, and streamed ([`Dataset::write_npy`]) where only the running network does.
//!
//! One file per format, each the only one that knows its crate. IDX, NPY and NPZ files
//! are streams of elements, CSV and HDF5 give whole tensors. Sizes in a header are promises: none is
//! believed beyond what the file can hold, so that a damaged file costs no memory.

pub mod compare;
mod csv;
mod error;
pub(crate) mod h5;
pub(crate) mod hash;
mod idx;
pub(crate) mod input;
mod names;
mod npy;
mod npz;
mod stream;
mod write;
pub(crate) mod yaml;

pub use error::DataError;

use crate::diagnostics::Code;
use crate::ir::Elem;
use crate::tensor::Tensor;
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

impl Dataset {
    /// Opens a file and reads its header. (A table has none and is scanned.)
    ///
    /// # Errors
    /// E0601 the file cannot be read, E0602 it is damaged, E0603 it is of another format,
    /// E0604 it does not have the named dataset, E0605 its elements are not numbers that
    /// snnc computes with, E0606 a table is not one of numbers, E0608 it has what its reader does
    /// not know.
    pub fn open(source: DataSource) -> Result<Dataset, DataError> {
        let (elem, shape) = match &source {
            DataSource::Csv(path) => csv::scan(path)?,
            DataSource::Hdf5(path, name) => h5::File::open(path)?.header(name)?,
            streamed => {
                let header = stream::header(streamed)?;
                (stream::elem(header.dtype), header.shape)
            }
        };
        Ok(Dataset { source, elem, shape })
    }

    /// Reads all values: integers of up to 64 bits as Int, floats as Float, booleans as Bool.
    ///
    /// # Errors
    /// As [`open`](Dataset::open); E0602 too where the file has changed since it was opened,
    /// E0605 where an unsigned integer does not fit in 64 bits with sign.
    pub fn read(&self) -> Result<Tensor, DataError> {
        let (elem, tensor) = match &self.source {
            DataSource::Csv(path) => csv::read(path)?,
            DataSource::Hdf5(path, name) => h5::File::open(path)?.read(name)?,
            streamed => stream::read(streamed)?,
        };
        self.unchanged(elem, &tensor.shape)?;
        Ok(tensor)
    }

    /// Writes all values to a `.npy` file (C order, little endian, this element type), which
    /// appears under its name only when it is whole. IDX, NPY and NPZ values pass through a
    /// small buffer (unless stored in Fortran order), CSV and HDF5 are held.
    ///
    /// # Errors
    /// As [`read`](Dataset::read), and E0607 where the file cannot be written.
    pub fn write_npy(&self, to: &Path) -> Result<(), DataError> {
        write::npy(to, self.elem, &self.shape, |file| {
            let (elem, shape) = match &self.source {
                DataSource::Csv(_) | DataSource::Hdf5(..) => {
                    write::values(file, self.elem, &self.read()?)
                        .map_err(|e| write::failed(to, &e))?;
                    return Ok(());
                }
                streamed => stream::copy(streamed, file, to)?,
            };
            self.unchanged(elem, &shape)
        })
    }

    /// What is read must be what was announced: the program was checked with it.
    fn unchanged(&self, elem: Elem, shape: &[usize]) -> Result<(), DataError> {
        if elem == self.elem && shape == self.shape {
            return Ok(());
        }
        Err(DataError::new(
            Code::E0602,
            format!("`{}` changed while it was being compiled", self.source.path().display()),
            "compile again when nothing writes to the file any more",
        ))
    }
}

/// The names of the members of a `.npz` file, sorted.
///
/// # Errors
/// E0601, E0602, E0603.
pub fn npz_members(path: &Path) -> Result<Vec<String>, DataError> {
    npz::members(path)
}
