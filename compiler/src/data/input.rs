//! Bytes of a file, through gzip where the file is compressed. The only file that knows flate2.

use super::DataError;
use crate::diagnostics::Code;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// The best that deflate can do is 258 bytes for two bits: 1032 to 1.
const DEFLATE_RATIO: u64 = 1032;

/// The most that is inflated from a gzip file whose format does not say its size beforehand
/// (CSV, HDF5), in bytes: what such a file becomes is held in memory.
const INFLATED_LIMIT: u64 = 256 << 20;

/// A file being read.
pub(super) struct Input {
    path: PathBuf,
    reader: Box<dyn Read>,
    /// Bytes that may still come.
    left: u64,
    /// Whether it is known that so many come: the file is not compressed.
    plain: bool,
}

impl Input {
    /// Opens a file, plain or gzip (told apart by the first two bytes, whatever the name).
    ///
    /// # Errors
    /// E0601 where it cannot be opened, or is a folder, a pipe or a device.
    pub(super) fn open(path: &Path) -> Result<Input, DataError> {
        let unreadable = |e: io::Error| DataError::unreadable(path, &e);
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "a folder" } else { "not a regular file" };
            return Err(DataError::new(
                Code::E0601,
                format!("cannot read `{}`: it is {kind}", path.display()),
                "name a file",
            ));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = Vec::with_capacity(2);
        (&mut file).take(2).read_to_end(&mut magic).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let (plain, size) = (magic != [0x1f, 0x8b], metadata.len());
        let reader: Box<dyn Read> = if plain {
            Box::new(BufReader::new(file))
        } else {
            Box::new(MultiGzDecoder::new(BufReader::new(file)))
        };
        let left = if plain { size } else { size.saturating_mul(DEFLATE_RATIO) };
        Ok(Input { path: path.to_path_buf(), reader, left, plain })
    }

    /// Checks that the file can hold `bytes` more, and, if it is not compressed, no more.
    ///
    /// # Errors
    /// E0602.
    pub(super) fn promised(&self, bytes: u64) -> Result<(), DataError> {
        if bytes > self.left {
            let most = if self.plain { "has only" } else { "can hold at most" };
            return Err(DataError::damaged(
                &self.path,
                format!("its header promises {bytes} bytes, it {most} {}", self.left),
            ));
        }
        if self.plain && bytes < self.left {
            return Err(trailing(&self.path, self.left - bytes));
        }
        Ok(())
    }

    /// Checks that nothing follows. Of a gzip file this verifies the checksum too.
    ///
    /// # Errors
    /// E0602.
    pub(super) fn end(&mut self) -> Result<(), DataError> {
        let mut more = Vec::new();
        match (&mut self.reader).take(1).read_to_end(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(trailing(&self.path, 1)),
            Err(e) => Err(broken(&self.path, &e)),
        }
    }

    /// All bytes, for formats that need them at once.
    ///
    /// # Errors
    /// E0601, E0602, the latter too where a gzip file inflates beyond 256 MiB.
    pub(super) fn bytes(self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::with_capacity(if self.plain { self.left as usize } else { 0 });
        let path = self.path.clone();
        self.limited().read_to_end(&mut bytes).map_err(|e| broken(&path, &e))?;
        Ok(bytes)
    }

    /// A reader of all bytes that fails where a gzip file inflates beyond 256 MiB.
    pub(super) fn limited(self) -> Limited {
        let left = if self.plain { u64::MAX } else { INFLATED_LIMIT };
        Limited { reader: self.reader, left }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// See [`Input::limited`].
pub(super) struct Limited {
    reader: Box<dyn Read>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("it inflates to more than {} MiB", INFLATED_LIMIT >> 20),
                ));
            }
        }
        Ok(n)
    }
}

/// What an I/O error means: a fault of the contents, or of the machine.
pub(super) fn broken(path: &Path, error: &io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::damaged(path, "it ends too early"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::damaged(path, error),
        io::ErrorKind::Unsupported => DataError::elements(path, error),
        io::ErrorKind::FileTooLarge => DataError::new(
            Code::E0602,
            format!("`{}` is too large: {error}", path.display()),
            "decompress the file: a gzip file of this format is held in memory",
        ),
        _ => DataError::unreadable(path, error),
    }
}

fn trailing(path: &Path, bytes: u64) -> DataError {
    let some = if bytes == 1 { "bytes".to_string() } else { format!("{bytes} bytes") };
    DataError::damaged(path, format!("{some} follow the last element its header announces"))
}
