//! Tensors from files.
//!
//! A dataset is opened by reading its header only: `snnc check` needs shapes and element
//! types, not megabytes. Values are read whole ([`read`]) where the compiler computes
//! with them, and streamed ([`write_npy`]) where only the running network does.
//!
//! Where files are, [`Files`] knows: on a disk, or in memory. One file of this crate per format,
//! each the only one that knows its library. IDX, NPY and NPZ files are streams of elements, CSV
//! and HDF5 give whole tensors. Sizes in a header are promises: none is believed beyond what the
//! file can hold, so that a damaged file costs no memory.

pub mod compare;
mod csv;
mod elements;
mod files;
pub mod h5;
mod idx;
pub mod input;
mod names;
pub mod net;
mod npy;
mod npz;
mod stream;
mod write;

pub use elements::Elements;
pub use files::{Bytes, Disk, Files, Memory, Opened, Overlay};
pub use net::{NetLayer, NetNeuron, NeuronKind, PerNeuron, write_net};

use snn_ir::data::{DataError, DataSource, Dataset};
use snn_ir::diagnostics::Code;
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::network::ElementType;
use snn_runtime::npy::Header;
use snn_runtime::npz::Member;
use std::path::Path;

/// Opens a file and reads its header. (A table has none and is scanned.)
///
/// # Errors
/// E0601 the file cannot be read, E0602 it is damaged, E0603 it is of another format,
/// E0604 it does not have the named dataset, E0605 its elements are not numbers that
/// snnc computes with, E0606 a table is not one of numbers, E0608 it has what its reader does
/// not know.
pub fn open(files: &dyn Files, source: DataSource) -> Result<Dataset, DataError> {
    let (elem, shape) = match &source {
        DataSource::Csv(path) => csv::scan(files, path)?,
        DataSource::Hdf5(path, name) => h5::File::open(files, path)?.header(name)?,
        streamed => {
            let header = stream::header(files, streamed)?;
            (stream::elem(header.dtype), header.shape)
        }
    };
    Ok(Dataset { source, elem, shape })
}

/// Reads all values: integers of up to 64 bits as Int, floats as Float, booleans as Bool.
///
/// # Errors
/// As [`open`]; E0602 too where the file has changed since it was opened,
/// E0605 where an unsigned integer does not fit in 64 bits with sign.
pub fn read(files: &dyn Files, dataset: &Dataset) -> Result<Tensor, DataError> {
    let (elem, tensor) = match &dataset.source {
        DataSource::Csv(path) => csv::read(files, path)?,
        DataSource::Hdf5(path, name) => h5::File::open(files, path)?.read(name)?,
        streamed => stream::read(files, streamed)?,
    };
    unchanged(dataset, elem, &tensor.shape)?;
    Ok(tensor)
}

/// Writes all values to a `.npy` file (C order, little endian, this element type), which
/// appears under its name only when it is whole. IDX, NPY and NPZ values pass through a
/// small buffer (unless stored in Fortran order), CSV and HDF5 are held.
///
/// # Errors
/// As [`read`], and E0607 where the file cannot be written.
pub fn write_npy(files: &dyn Files, dataset: &Dataset, to: &Path) -> Result<(), DataError> {
    write::npy(to, dataset.elem, &dataset.shape, |file| {
        let (elem, shape) = match &dataset.source {
            DataSource::Csv(_) | DataSource::Hdf5(..) => {
                write::values(file, dataset.elem, &read(files, dataset)?)
                    .map_err(|e| write::failed(to, &e))?;
                return Ok(());
            }
            streamed => stream::copy(files, streamed, file, to)?,
        };
        unchanged(dataset, elem, &shape)
    })
}

/// Writes named arrays to a `.npz` archive, which appears under its name only when it is whole.
/// Names, such as dotted paths, are the keys: `net.layer0.synapse.weights`. Integers are written
/// as `i64`, floats as `f64`, booleans as `bool`, in C order.
///
/// # Errors
/// E0607 where the file cannot be written, or two arrays have the same name.
pub fn write_npz(to: &Path, arrays: &[(&str, &Tensor)]) -> Result<(), DataError> {
    let mut all = Vec::with_capacity(arrays.len());
    for (name, tensor) in arrays {
        let elem = match &tensor.values {
            Values::Int(_) => Elem::I64,
            Values::Float(_) => Elem::F64,
            Values::Bool(_) => Elem::Bool,
        };
        let header = Header::new(ElementType::from(elem), &tensor.shape);
        all.push((*name, header, tensor.bytes()));
    }
    let members: Vec<Member<'_>> = all
        .iter()
        .map(|(name, header, bytes)| {
            let (header, bytes) = (header.clone(), snn_runtime::npz::Values::Held(bytes));
            Member { name, header, bytes }
        })
        .collect();
    snn_runtime::npz::write(to, &members, "").map_err(|e| write::failed(to, &e))
}

/// What is read must be what was announced: the program was checked with it.
fn unchanged(dataset: &Dataset, elem: Elem, shape: &[usize]) -> Result<(), DataError> {
    if elem == dataset.elem && shape == dataset.shape {
        return Ok(());
    }
    Err(DataError::new(
        Code::E0602,
        format!("`{}` changed while it was being compiled", dataset.source.path().display()),
        "compile again when nothing writes to the file any more",
    ))
}

/// The names of the members of a `.npz` file, sorted.
///
/// # Errors
/// E0601, E0602, E0603.
pub fn npz_members(files: &dyn Files, path: &Path) -> Result<Vec<String>, DataError> {
    npz::members(files, path)
}
