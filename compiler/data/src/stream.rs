//! IDX, NPY and NPZ files: a header, then elements one after another.
//!
//! All three are described by the runtime's `.npy` [`Header`], so that one reader of values
//! serves them all, and values can pass through without being held.

use super::input::{self, Input};
use super::{Files, idx, npy, npz, write};
use snn_ir::data::{DataError, DataSource};
use snn_ir::step::Elem;
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::network::ElementType;
use snn_runtime::npy::{self as runtime, Dtype, Header};
use std::io::{self, Read, Write};
use std::path::Path;

/// What is done with the header and the values after it.
type Use<'a, T> = &'a mut dyn FnMut(&Header, &mut dyn Read) -> io::Result<T>;

/// Reads the header; of an uncompressed file it checks that its values are all there.
///
/// # Errors
/// E0601, E0602, E0603, E0604, E0605.
pub(super) fn header(files: &dyn Files, source: &DataSource) -> Result<Header, DataError> {
    match source {
        DataSource::Npz(path, name) => npz::header(files, path, name),
        DataSource::Idx(path) => idx::open(files, path).map(|(header, _)| header),
        other => npy::open(files, other.path()).map(|(header, _)| header),
    }
}

/// Reads all values, in C order.
///
/// # Errors
/// As [`header`].
pub(super) fn read(files: &dyn Files, source: &DataSource) -> Result<(Elem, Tensor), DataError> {
    held(files, source.path(), &header(files, source)?)?;
    with_values(files, source, &mut |header, mut from| {
        let values = decoded(header, &mut from)?;
        Ok((elem(header.dtype), Tensor { shape: header.shape.clone(), values }))
    })
}

/// The values that follow a header, in C order.
pub(super) fn decoded(header: &Header, from: &mut impl Read) -> io::Result<Values> {
    Ok(match runtime::read_values(header, from)? {
        runtime::Values::Int(v) => Values::Int(v),
        runtime::Values::Float(v) => Values::Float(v),
        runtime::Values::Bool(v) => Values::Bool(v),
    })
}

/// Copies all values to `to`, little-endian in C order, and returns what they are. `name` is
/// the file being written.
///
/// # Errors
/// As [`header`], and E0607 where `to` fails.
pub(super) fn copy(
    files: &dyn Files,
    source: &DataSource,
    to: &mut dyn Write,
    name: &Path,
) -> Result<(Elem, Vec<usize>), DataError> {
    let announced = header(files, source)?;
    let check = if announced.fortran { input::held } else { input::inflated };
    fits(files, source.path(), &announced, check)?;
    let mut sink = Sink { to, signed: false, failed: None };
    let copied = with_values(files, source, &mut |header, mut from| {
        sink.signed = header.dtype == Dtype::U64;
        runtime::copy_values(header, &mut from, &mut sink)?;
        Ok((elem(header.dtype), header.shape.clone()))
    });
    match sink.failed {
        Some(e) => Err(write::failed(name, &e)),
        None => copied,
    }
}

/// Calls `each` with the header and the values, all of which it must read, and checks that
/// nothing follows.
fn with_values<T>(files: &dyn Files, source: &DataSource, each: Use<T>) -> Result<T, DataError> {
    let (header, mut input) = match source {
        DataSource::Npz(path, name) => return npz::with_values(files, path, name, each),
        DataSource::Idx(path) => idx::open(files, path)?,
        other => npy::open(files, other.path())?,
    };
    let result = each(&header, &mut input).map_err(|e| input::broken(source.path(), &e))?;
    input.end()?;
    Ok(result)
}

/// Checks that `input` can hold the values of `header`, and holds no more.
///
/// # Errors
/// E0602.
pub(super) fn promised(header: &Header, input: &Input, path: &Path) -> Result<(), DataError> {
    let bytes = header.data_len().map_err(|e| DataError::damaged(path, e))?;
    input.promised(bytes as u64)
}

/// Checks that the values of `header` can be held in memory.
///
/// # Errors
/// E0602.
pub(super) fn held(files: &dyn Files, path: &Path, header: &Header) -> Result<(), DataError> {
    fits(files, path, header, input::held)
}

/// Checks the values of `header` by [`input::held`] or [`input::inflated`].
fn fits(
    files: &dyn Files,
    path: &Path,
    header: &Header,
    check: fn(&Path, u64, u64, u64) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let bytes = header.data_len().map_err(|e| DataError::damaged(path, e))?;
    let size = input::open(files, path)?.size;
    check(path, size, (bytes / header.dtype.size()) as u64, bytes as u64)
}

/// The element type that programs see.
pub(super) fn elem(dtype: Dtype) -> Elem {
    match dtype {
        Dtype::Element(ElementType::Bool) => Elem::Bool,
        Dtype::Element(ElementType::I8) => Elem::I8,
        Dtype::Element(ElementType::U8) => Elem::U8,
        Dtype::Element(ElementType::I16) => Elem::I16,
        Dtype::Element(ElementType::U16) => Elem::U16,
        Dtype::Element(ElementType::I32) => Elem::I32,
        Dtype::Element(ElementType::U32) => Elem::U32,
        Dtype::Element(ElementType::I64) | Dtype::U64 => Elem::I64,
        Dtype::Element(ElementType::F32) => Elem::F32,
        Dtype::Element(ElementType::F64) => Elem::F64,
    }
}

/// Where values are copied to: it tells its own failures from those of reading.
struct Sink<'a> {
    to: &'a mut dyn Write,
    /// Whether the elements are unsigned, 64 bits, and must fit signed ones. They come whole.
    signed: bool,
    /// Why `to` failed.
    failed: Option<io::Error>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (elements, _) = bytes.as_chunks::<8>();
        if self.signed && elements.iter().any(|&b| u64::from_le_bytes(b) > i64::MAX as u64) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a value exceeds 2^63 - 1"));
        }
        self.to.write_all(bytes).map_err(|e| {
            let reported = io::Error::from(e.kind());
            self.failed = Some(e);
            reported
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Disk;
    use snn_ir::diagnostics::Code;

    /// A disk without room.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_not_blamed_on_the_file_that_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels");
        std::fs::write(&path, [0, 0, 8, 1, 0, 0, 0, 2, 5, 6]).unwrap();
        let error =
            copy(&Disk, &DataSource::Idx(path), &mut Full, Path::new("copy.npy")).unwrap_err();
        assert_eq!(error.code, Code::E0607);
        assert!(error.message.contains("copy.npy"), "{error}");
    }
}
