//! Constant arrays of a network, memory-mapped from `.npy` files.
//!
//! A generated program's weights and data lie in files next to it. Mapping them costs nothing
//! until values are used, and threads and programs share the pages.

use crate::network::{Element, ElementType};
use crate::npy::{Dtype, Header};
use memmap2::Mmap;
use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;

/// Values of one `.npy` file in C order: little-endian and uncompressed.
pub struct Table<T> {
    values: Storage<T>,
}

enum Storage<T> {
    Mapped { map: Mmap, start: usize, len: usize, element: PhantomData<T> },
    Read(Vec<T>),
}

/// Element types of a [`Table`]: every pattern of bytes is a value.
pub trait TableElement: Element + sealed::Sealed {
    /// The value that these little-endian bytes (as many as it has) are.
    fn decode(bytes: &[u8]) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl TableElement for $t {
            fn decode(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$t>()];
                own.copy_from_slice(bytes);
                <$t>::from_le_bytes(own)
            }
        }
    )*};
}

elements!(i8, u8, i16, u16, i32, u32, i64, f32, f64);

impl<T: TableElement> Table<T> {
    /// Opens the file at `path`, which must hold exactly an array of `shape` with elements
    /// `T`, little-endian, in C order. (`u8` also opens booleans: bytes 0 and 1.)
    ///
    /// While the table lives, nobody may change the file in place; replacing it by renaming
    /// another file onto it is harmless.
    ///
    /// # Errors
    /// An error that names the file, where it cannot be opened, is not such an array, or is
    /// shorter or longer than its header says.
    pub fn open(path: &Path, shape: &[usize]) -> io::Result<Table<T>> {
        Self::open_file(path, shape)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
    }

    fn open_file(path: &Path, shape: &[usize]) -> io::Result<Table<T>> {
        let mut file = File::open(path)?;
        let header = Header::read(&mut file)?;
        let bool_as_byte =
            T::TYPE == ElementType::U8 && header.dtype == Dtype::Element(ElementType::Bool);
        if header.dtype != Dtype::Element(T::TYPE) && !bool_as_byte {
            let (found, wanted) = (header.dtype.code(), Dtype::Element(T::TYPE).code());
            return Err(invalid(format!("its elements are `{found}`, expected `{wanted}`")));
        }
        if header.shape != shape {
            let found = &header.shape;
            return Err(invalid(format!("its shape is {found:?}, expected {shape:?}")));
        }
        if header.big_endian || header.fortran {
            return Err(invalid("it is not little-endian in C order".into()));
        }
        let length = header.data_len()?;
        let start = io::Seek::stream_position(&mut file)?;
        let expected = start.checked_add(length as u64);
        let found = file.metadata()?.len();
        if expected != Some(found) {
            let problem = if expected > Some(found) { "ends too early" } else { "is too long" };
            return Err(invalid(format!("it {problem}: {found} bytes")));
        }
        let values = Self::map(&file, start as usize, length)?;
        Ok(Table { values: values.map_or_else(|| Self::read(&mut file, length), Ok)? })
    }

    /// The values where they lie in the file, if they can be used there.
    fn map(file: &File, start: usize, length: usize) -> io::Result<Option<Storage<T>>> {
        if cfg!(target_endian = "big") || length == 0 {
            return Ok(None);
        }
        // SAFETY: the bytes must not change while they are mapped. `open` demands that of its
        // callers; generated programs keep their data in a folder that snnc fills once, each
        // file by writing another and renaming it.
        let map = unsafe { Mmap::map(file)? };
        let aligned = map[start..].as_ptr().cast::<T>().is_aligned();
        if !aligned || map.len() < start + length {
            return Ok(None);
        }
        let len = length / size_of::<T>();
        Ok(Some(Storage::Mapped { map, start, len, element: PhantomData }))
    }

    fn read(file: &mut File, length: usize) -> io::Result<Storage<T>> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if bytes.len() != length {
            return Err(invalid("it changed while it was read".into()));
        }
        Ok(Storage::Read(bytes.chunks_exact(size_of::<T>()).map(T::decode).collect()))
    }
}

impl<T> Deref for Table<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.values {
            Storage::Read(values) => values,
            Storage::Mapped { map, start, len, .. } => {
                let bytes = &map[*start..];
                // SAFETY: `open` checked that `len` elements lie within the map from `start`,
                // aligned for T; only `TableElement` types are opened, of which every pattern
                // of bytes is a value; the map lives as long as the borrow.
                unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), *len) }
            }
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(element: ElementType, shape: &[usize], bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        Header::new(element, shape).write(&mut file).unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        file
    }

    fn refusal<T: TableElement>(path: &Path, shape: &[usize]) -> String {
        match Table::<T>::open(path, shape) {
            Ok(_) => "opened".into(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn opens_what_was_written() {
        let values = [1i16, -2, 300, -400, 5, -6];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let file = file(ElementType::I16, &[2, 3], &bytes);
        assert_eq!(*Table::<i16>::open(file.path(), &[2, 3]).unwrap(), values);
    }

    #[test]
    fn opens_empty_arrays_scalars_and_booleans() {
        let empty = file(ElementType::F64, &[0, 4], &[]);
        assert!(Table::<f64>::open(empty.path(), &[0, 4]).unwrap().is_empty());
        let scalar = file(ElementType::F32, &[], &1.5f32.to_le_bytes());
        assert_eq!(*Table::<f32>::open(scalar.path(), &[]).unwrap(), [1.5]);
        let mask = file(ElementType::Bool, &[3], &[1, 0, 1]);
        assert_eq!(*Table::<u8>::open(mask.path(), &[3]).unwrap(), [1, 0, 1]);
    }

    #[test]
    fn reads_values_that_are_not_aligned() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}";
        let length = (10 + text.len()).next_multiple_of(4) + 1 - 10;
        let preamble = [b"\x93NUMPY\x01\x00".as_slice(), &(length as u16).to_le_bytes()].concat();
        io::Write::write_all(&mut file, &preamble).unwrap();
        io::Write::write_all(&mut file, format!("{text:length$}").as_bytes()).unwrap();
        io::Write::write_all(&mut file, &[7, 0, 0, 0, 8, 0, 0, 0]).unwrap();
        assert_eq!(*Table::<i32>::open(file.path(), &[2]).unwrap(), [7, 8]);
    }

    #[test]
    fn refuses_another_array_by_name() {
        let file = file(ElementType::I16, &[2], &[0; 4]);
        let name = file.path().display().to_string();
        let shape = refusal::<i16>(file.path(), &[3]);
        assert_eq!(shape, format!("{name}: its shape is [2], expected [3]"));
        let element = refusal::<i32>(file.path(), &[2]);
        assert_eq!(element, format!("{name}: its elements are `i2`, expected `i4`"));
        assert!(refusal::<i16>(Path::new("/nowhere/w.npy"), &[2]).starts_with("/nowhere/w.npy: "));
    }

    #[test]
    fn refuses_files_of_the_wrong_length() {
        let short = file(ElementType::I16, &[4], &[0; 7]);
        assert!(refusal::<i16>(short.path(), &[4]).contains("ends too early"));
        let long = file(ElementType::I16, &[4], &[0; 9]);
        assert!(refusal::<i16>(long.path(), &[4]).contains("is too long"));
    }
}
