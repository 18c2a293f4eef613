//! Members of `.npz` archives.

use super::input::{self, Input};
use super::{Bytes, Files, names};
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_runtime::npy::Header;
use snn_runtime::npz::Archive;
use std::io::{self, BufReader, Read, Take};
use std::path::Path;

/// The names of the members that are arrays, sorted.
///
/// # Errors
/// E0601, E0602, E0603.
pub(super) fn members(files: &dyn Files, path: &Path) -> Result<Vec<String>, DataError> {
    Ok(open(files, path)?.names())
}

/// Reads the header of a member.
///
/// # Errors
/// E0601, E0602, E0603, E0604, E0605.
pub(super) fn header(files: &dyn Files, path: &Path, name: &str) -> Result<Header, DataError> {
    let mut archive = open(files, path)?;
    let names = archive.names();
    match archive.array(name) {
        Ok((header, _)) => Ok(header),
        Err(e) => Err(refused(path, name, &names, &e)),
    }
}

/// Calls `each` with the header and the values of a member, all of which it must read, and
/// checks that nothing follows.
///
/// # Errors
/// As [`header`].
pub(super) fn with_values<T>(
    files: &dyn Files,
    path: &Path,
    name: &str,
    each: &mut dyn FnMut(&Header, &mut dyn Read) -> io::Result<T>,
) -> Result<T, DataError> {
    let mut archive = open(files, path)?;
    let names = archive.names();
    let (header, mut from) = archive.array(name).map_err(|e| refused(path, name, &names, &e))?;
    let result = each(&header, &mut from).map_err(|e| damaged(path, name, &e))?;
    end(path, name, from)?;
    Ok(result)
}

/// Checks that nothing follows the last value of a member. Reading to the end verifies the
/// checksum too.
pub(super) fn end(path: &Path, name: &str, from: impl Read) -> Result<(), DataError> {
    match from.take(1).read_to_end(&mut Vec::new()) {
        Ok(0) => Ok(()),
        Ok(_) => Err(DataError::damaged(
            path,
            format!("bytes follow the last element of `{}`", name.escape_debug()),
        )),
        Err(e) => Err(damaged(path, name, &e)),
    }
}

/// An archive, read from wherever its bytes are.
pub(super) type Opened = Archive<BufReader<Take<Box<dyn Bytes>>>>;

pub(super) fn open(files: &dyn Files, path: &Path) -> Result<Opened, DataError> {
    let mut start = Vec::new();
    let input = Input::open(files, path)?;
    input.take(2).read_to_end(&mut start).map_err(|e| input::broken(path, &e))?;
    if start != *b"PK" {
        let why = "it does not begin as a zip archive does";
        return Err(DataError::not_a(path, "a NumPy archive", why));
    }
    let bytes = input::open(files, path)?.bytes;
    Archive::new(BufReader::new(bytes)).map_err(|e| DataError::damaged(path, e))
}

pub(super) fn refused(path: &Path, name: &str, names: &[String], error: &io::Error) -> DataError {
    let shown = name.escape_debug();
    if !names.iter().any(|n| n == name) {
        let help = if names.is_empty() {
            "it has no arrays".to_string()
        } else {
            format!("it has {}", names::nearest_first(name, names))
        };
        let message = format!("`{}` has no array `{shown}`", path.display());
        return DataError::new(Code::E0604, message, help);
    }
    damaged(path, name, error)
}

pub(super) fn damaged(path: &Path, name: &str, error: &io::Error) -> DataError {
    let what = format!("`{}`: {error}", name.escape_debug());
    match error.kind() {
        io::ErrorKind::Unsupported => input::refused(path, error, what),
        _ => DataError::damaged(path, what),
    }
}
