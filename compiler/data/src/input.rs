//! Bytes of a file, through gzip where the file is compressed. The only file that knows flate2.

use super::{Bytes, Files};
use flate2::read::MultiGzDecoder;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::hash::Hasher;
use snn_ir::tensor::generate::MOST;
use snn_runtime::npy::NotRead;
use std::fmt::Display;
use std::io::{self, BufReader, Read, Seek, Take};
use std::path::{Path, PathBuf};

/// The best that deflate can do is 258 bytes for two bits: 1032 to 1.
const DEFLATE_RATIO: u64 = 1032;

/// The most that is inflated from a gzip file whose format does not say its size beforehand
/// (CSV, HDF5), in bytes: what such a file becomes is held in memory.
const INFLATED_LIMIT: u64 = 256 << 20;

/// The largest file that is held in memory as it is, in bytes.
const HELD_LIMIT: u64 = 4 << 30;

/// The most elements of an array, however it is stored.
const LARGEST: u64 = (1 << 31) - 1;

/// The longest text that is read, in bytes.
const TEXT_LIMIT: u64 = 64 << 20;

/// Where the text of every Git LFS pointer begins.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A regular file, open at its beginning.
pub struct Opened {
    /// To be read, no further than to its end: of a file that grows, or that the system makes as
    /// it is read and says to be empty, nobody knows when it ends.
    pub bytes: Take<Box<dyn Bytes>>,
    /// How many bytes it has.
    pub size: u64,
    /// The first of them.
    start: Vec<u8>,
}

/// Opens what is a file: of a pipe or a device nobody knows when it begins and ends.
///
/// # Errors
/// E0601 where it cannot be opened, or is a folder, a pipe or a device; E0603 where it only
/// points to the file that is meant.
pub fn open(files: &dyn Files, path: &Path) -> Result<Opened, DataError> {
    let unreadable = |e: io::Error| DataError::unreadable(path, &e);
    let super::Opened { mut bytes, size } = files.open(path).map_err(unreadable)?;
    let mut start = Vec::new();
    let longest = size.min(LFS_POINTER.len() as u64);
    (&mut bytes).take(longest).read_to_end(&mut start).map_err(unreadable)?;
    if start == LFS_POINTER {
        return Err(DataError::new(
            Code::E0603,
            format!("`{}` is a Git LFS pointer, not the file that it points to", path.display()),
            "fetch the file itself: `git lfs pull`",
        ));
    }
    bytes.rewind().map_err(unreadable)?;
    Ok(Opened { bytes: bytes.take(size), size, start })
}

/// Whether a file is not compressed with gzip.
///
/// # Errors
/// As [`open`].
pub(super) fn plain(files: &dyn Files, path: &Path) -> Result<bool, DataError> {
    Ok(!is_gzip(&open(files, path)?.start))
}

/// Told by the first two bytes, whatever the name.
fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// All bytes of a file, as they stand in it.
///
/// # Errors
/// As [`open`]; E0601 too where the memory cannot hold them.
pub fn whole(files: &dyn Files, path: &Path) -> Result<Vec<u8>, DataError> {
    let Opened { bytes: mut file, size, .. } = open(files, path)?;
    let mut bytes = room(path, size)?;
    file.read_to_end(&mut bytes).map_err(|e| DataError::unreadable(path, &e))?;
    Ok(bytes)
}

/// The SHA-256 digest of a file, as 64 hexadecimal digits. It is not held in memory.
///
/// # Errors
/// As [`open`].
pub fn digest(files: &dyn Files, path: &Path) -> Result<String, DataError> {
    let mut bytes = open(files, path)?.bytes;
    let mut hash = Hasher::default();
    let mut part = vec![0; 1 << 16];
    loop {
        match bytes.read(&mut part).map_err(|e| DataError::unreadable(path, &e))? {
            0 => return Ok(hash.finish()),
            n => hash.update(part.get(..n).unwrap_or_default()),
        }
    }
}

/// The text of a file of at most 64 MiB.
///
/// # Errors
/// As [`whole`]; E0602 where it is longer, E0603 where it is no text.
pub fn text(files: &dyn Files, path: &Path) -> Result<String, DataError> {
    let size = open(files, path)?.size;
    if size > TEXT_LIMIT {
        return Err(DataError::new(
            Code::E0602,
            format!("`{}` is too large: it has {size} bytes", path.display()),
            format!("a text has at most {} MiB", TEXT_LIMIT >> 20),
        ));
    }
    String::from_utf8(whole(files, path)?).map_err(|e| {
        DataError::new(
            Code::E0603,
            format!("`{}` is not text: {}", path.display(), e.utf8_error()),
            "save the file as UTF-8",
        )
    })
}

/// Room for `size` bytes of a file. (A file can say to be larger than the disk: what nobody has
/// written of it takes no place there, but does in memory.)
fn room(path: &Path, size: u64) -> Result<Vec<u8>, DataError> {
    if size > HELD_LIMIT {
        return Err(DataError::new(
            Code::E0602,
            format!("`{}` is too large: it has {size} bytes", path.display()),
            format!(
                "a file of this format is held in memory and has at most {} GiB: save large arrays \
                 as .npy files",
                HELD_LIMIT >> 30
            ),
        ));
    }
    let mut bytes = Vec::new();
    match usize::try_from(size).map(|size| bytes.try_reserve_exact(size)) {
        Ok(Ok(())) => Ok(bytes),
        _ => Err(DataError::new(
            Code::E0601,
            format!("cannot read `{}`: the memory does not hold {size} bytes", path.display()),
            "split it into smaller files",
        )),
    }
}

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
    /// Opens a file, plain or gzip.
    ///
    /// # Errors
    /// As [`open`].
    pub(super) fn open(files: &dyn Files, path: &Path) -> Result<Input, DataError> {
        let Opened { bytes: file, size, start } = open(files, path)?;
        let plain = !is_gzip(&start);
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
        let path = self.path.clone();
        let mut bytes = room(&path, if self.plain { self.left } else { 0 })?;
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
        io::ErrorKind::Unsupported => refused(path, error, error),
        io::ErrorKind::FileTooLarge => DataError::new(
            Code::E0602,
            format!("`{}` is too large: {error}", path.display()),
            "decompress the file: a gzip file of this format is held in memory",
        ),
        _ => DataError::unreadable(path, error),
    }
}

/// Checks that an array can be held in memory. `size` is that of the file, `bytes` are those of
/// all elements.
///
/// # Errors
/// E0602.
pub(super) fn held(path: &Path, size: u64, elements: u64, bytes: u64) -> Result<(), DataError> {
    inflated(path, size, elements, bytes)?;
    if elements <= LARGEST {
        return Ok(());
    }
    Err(DataError::new(
        Code::E0602,
        format!("`{}` is too large: it has {elements} elements", path.display()),
        "an array that the compiler computes with, or that is held to run without compiling, has less \
         than 2^31 elements: save it as a .npy file in C order",
    ))
}

/// Checks that a small file does not become a very large array, in memory or on the disk.
///
/// # Errors
/// E0602.
pub(super) fn inflated(path: &Path, size: u64, elements: u64, bytes: u64) -> Result<(), DataError> {
    if bytes <= size || elements <= MOST as u64 {
        return Ok(());
    }
    Err(DataError::new(
        Code::E0602,
        format!("`{}` is too large: it inflates to {elements} elements", path.display()),
        format!("decompress the file: an array that is compressed has at most {MOST} elements"),
    ))
}

/// What an error of kind `Unsupported` means, of which `shown` says more: what is not read of the
/// format, or of its elements.
pub(super) fn refused(path: &Path, error: &io::Error, shown: impl Display) -> DataError {
    if error.get_ref().is_some_and(|cause| cause.is::<NotRead>()) {
        let help = "save it with NumPy: `numpy.save`, `numpy.savez` or `numpy.savez_compressed`";
        return DataError::unread(path, shown, help);
    }
    DataError::elements(path, shown)
}

fn trailing(path: &Path, bytes: u64) -> DataError {
    let some = if bytes == 1 { "bytes".to_string() } else { format!("{bytes} bytes") };
    DataError::damaged(path, format!("{some} follow the last element its header announces"))
}
