//! IDX, the format of the MNIST files, plain or gzip.
//!
//! Two zero bytes, a type code, the number of dimensions, each dimension as a 32-bit integer,
//! then the elements in C order; most significant byte first throughout.
//! Source: Y. LeCun, C. Cortes, C. Burges, the MNIST database, "File formats".

use super::input::{self, Input};
use super::{Files, stream};
use snn_ir::data::DataError;
use snn_runtime::network::ElementType;
use snn_runtime::npy::{Dtype, Header};
use std::io::Read;
use std::path::Path;

/// Reads the header; the values follow.
///
/// # Errors
/// E0601, E0602, E0603.
pub(super) fn open(files: &dyn Files, path: &Path) -> Result<(Header, Input), DataError> {
    let mut input = Input::open(files, path)?;
    let broken = |e| input::broken(path, &e);
    let mut magic = [0; 4];
    input.read_exact(&mut magic).map_err(broken)?;
    let [0, 0, code, dimensions] = magic else {
        return Err(DataError::not_a(path, "an IDX file", "it does not begin with two zero bytes"));
    };
    let element = match code {
        0x08 => ElementType::U8,
        0x09 => ElementType::I8,
        0x0b => ElementType::I16,
        0x0c => ElementType::I32,
        0x0d => ElementType::F32,
        0x0e => ElementType::F64,
        _ => {
            let why = format!("the format has no element type {code:#04x}");
            return Err(DataError::not_a(path, "an IDX file", why));
        }
    };
    let mut shape = Vec::with_capacity(dimensions.into());
    for _ in 0..dimensions {
        let mut size = [0; 4];
        input.read_exact(&mut size).map_err(broken)?;
        shape.push(u32::from_be_bytes(size) as usize);
    }
    let dtype = Dtype::Element(element);
    let header = Header { dtype, big_endian: true, fortran: false, shape };
    stream::promised(&header, &input, path)?;
    Ok((header, input))
}
