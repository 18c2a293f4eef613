//! `.npy` files, plain or gzip.

use super::input::{self, Input};
use super::{Files, stream};
use snn_ir::data::DataError;
use snn_runtime::npy::Header;
use std::io;
use std::path::Path;

/// Reads the header; the values follow.
///
/// # Errors
/// E0601, E0602, E0603, E0605.
pub(super) fn open(files: &dyn Files, path: &Path) -> Result<(Header, Input), DataError> {
    let mut input = Input::open(files, path)?;
    let header = Header::read(&mut input).map_err(|e| refused(path, &e))?;
    stream::promised(&header, &input, path)?;
    Ok((header, input))
}

/// What it means that a header is refused.
fn refused(path: &Path, error: &io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::InvalidData => DataError::not_a(path, "a NumPy array", error),
        _ => input::broken(path, error),
    }
}
