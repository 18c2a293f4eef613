//! Elements that stay in their file until they are needed, so that a network can read what no
//! memory holds.

use super::input;
use super::{Bytes, Files, stream};
use snn_ir::data::{DataError, DataSource, Dataset};
use snn_ir::step::Elem;
use snn_ir::tensor::Values;
use snn_runtime::npy::Header;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

/// What is read at once, in bytes.
const BLOCK: u64 = 1 << 16;
/// How many blocks are kept: enough for threads that each go through their own part.
const KEPT: u64 = 64;

/// An array in a file that is not compressed, in C order.
pub struct Elements {
    header: Header,
    elem: Elem,
    /// Where the first element begins, and where the last one ends.
    start: u64,
    end: u64,
    file: Mutex<File>,
}

/// A file with the blocks of it that were read last.
struct File {
    bytes: Box<dyn Bytes>,
    /// Blocks with their numbers, each in the place that its number says.
    blocks: Vec<Option<(u64, Vec<u8>)>>,
}

impl Elements {
    /// Opens an array that was found before; `None` where its elements do not lie in the file as
    /// they are: it is compressed, in Fortran order, or of a format that is read as a whole.
    ///
    /// # Errors
    /// E0601 to E0605; E0602 too where the file has changed since it was found.
    pub fn open(files: &dyn Files, dataset: &Dataset) -> Result<Option<Elements>, DataError> {
        let source = &dataset.source;
        if !matches!(source, DataSource::Idx(_) | DataSource::Npy(_)) {
            return Ok(None);
        }
        let header = stream::header(files, source)?;
        super::unchanged(dataset, stream::elem(header.dtype), &header.shape)?;
        if header.fortran || !input::plain(files, source.path())? {
            return Ok(None);
        }
        let length = header.data_len().map_err(|e| DataError::damaged(source.path(), e))? as u64;
        let unreadable = |e: io::Error| DataError::unreadable(source.path(), &e);
        let super::Opened { bytes, size } = files.open(source.path()).map_err(unreadable)?;
        // That the elements end where the file does was checked with the header.
        let start = size.saturating_sub(length);
        let blocks = (0..KEPT).map(|_| None).collect();
        let file = Mutex::new(File { bytes, blocks });
        Ok(Some(Elements { header, elem: dataset.elem, start, end: size, file }))
    }

    /// Their type.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.header.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `n` elements from the one at `at` on, in C order.
    ///
    /// # Errors
    /// `UnexpectedEof` where there are not so many, or the file has become shorter; `Unsupported`
    /// where an unsigned element of 64 bits exceeds the signed ones; why it cannot be read.
    pub fn read(&self, at: usize, n: usize) -> io::Result<Values> {
        let size = self.header.dtype.size() as u64;
        let mut part = Part {
            file: &mut self.file.lock().unwrap_or_else(PoisonError::into_inner),
            at: self.start.saturating_add((at as u64).saturating_mul(size)),
            end: self.end,
        };
        let header = Header { shape: vec![n], ..self.header.clone() };
        stream::decoded(&header, &mut part)
    }
}

/// A part of a file, read by blocks.
struct Part<'a> {
    file: &'a mut File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let (number, within) = (self.at / BLOCK, (self.at % BLOCK) as usize);
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = to.len().min(left);
        let block = self.file.block(number)?;
        let from = block.get(within..).unwrap_or_default();
        let n = most.min(from.len());
        to[..n].copy_from_slice(&from[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl File {
    fn block(&mut self, number: u64) -> io::Result<&[u8]> {
        let kept = &mut self.blocks[(number % KEPT) as usize];
        if kept.as_ref().is_none_or(|(known, _)| *known != number) {
            *kept = None;
            self.bytes.seek(SeekFrom::Start(number * BLOCK))?;
            let mut block = Vec::with_capacity(BLOCK as usize);
            (&mut self.bytes).take(BLOCK).read_to_end(&mut block)?;
            *kept = Some((number, block));
        }
        Ok(kept.as_ref().map_or(&[], |(_, block)| block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, open};
    use snn_runtime::network::ElementType;
    use snn_runtime::npy::Dtype;

    fn array(name: &str, bytes: Vec<u8>) -> (Memory, Dataset) {
        let mut files = Memory::new();
        files.insert(name, bytes);
        let source = match name.ends_with("npy") {
            true => DataSource::Npy(name.into()),
            false => DataSource::Idx(name.into()),
        };
        let dataset = open(&files, source).unwrap();
        (files, dataset)
    }

    fn npy(header: &Header, values: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend(values);
        bytes
    }

    #[test]
    fn any_part_is_what_stands_there() {
        let all: Vec<i16> = (0..100_000).map(|n: i32| (n * 7919) as i16).collect();
        let bytes: Vec<u8> = all.iter().flat_map(|n| n.to_le_bytes()).collect();
        let header = Header::new(ElementType::I16, &[100_000]);
        let (files, dataset) = array("a.npy", npy(&header, &bytes));
        let elements = Elements::open(&files, &dataset).unwrap().unwrap();
        assert_eq!((elements.len(), elements.elem()), (100_000, Elem::I16));
        let starts = [0, 1, 32_700, 32_703, 32_704, 99_000, 5, 65_000, 65_535];
        for (at, n) in starts.into_iter().zip([1, 40_000, 100, 1, 2, 1000, 99_995, 0, 5]) {
            let expected = all[at..at + n].iter().map(|n| i64::from(*n)).collect();
            assert_eq!(elements.read(at, n).unwrap(), Values::Int(expected), "{n} from {at}");
        }
        let beyond = elements.read(99_999, 2).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn bytes_in_the_other_order_are_read_too() {
        let mut bytes = vec![0, 0, 0x0b, 1, 0, 0, 0, 3];
        bytes.extend([1u8, 2, 0xff, 0xfe, 0, 9]);
        let (files, dataset) = array("a.idx", bytes);
        let elements = Elements::open(&files, &dataset).unwrap().unwrap();
        assert_eq!(elements.read(1, 2).unwrap(), Values::Int(vec![-2, 9]));
    }

    #[test]
    fn what_does_not_lie_in_the_file_as_it_is_is_left() {
        let fortran = Header { fortran: true, ..Header::new(ElementType::U8, &[2, 2]) };
        let (files, dataset) = array("f.npy", npy(&fortran, &[1, 2, 3, 4]));
        assert!(Elements::open(&files, &dataset).unwrap().is_none());
        let header = Header::new(ElementType::U8, &[2]);
        let (_, dataset) = array("a.npy", npy(&header, &[1, 2]));
        let mut changed = Memory::new();
        changed.insert("a.npy", npy(&Header::new(ElementType::I8, &[2]), &[1, 2]));
        assert!(Elements::open(&changed, &dataset).is_err());
        let long = Header { dtype: Dtype::U64, ..Header::new(ElementType::I64, &[1]) };
        let (files, dataset) = array("u.npy", npy(&long, &u64::MAX.to_le_bytes()));
        let elements = Elements::open(&files, &dataset).unwrap().unwrap();
        assert_eq!(elements.read(0, 1).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
