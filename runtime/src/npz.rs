//! `.npz` archives: zip files whose members are `.npy` files.
//!
//! Archives are written without compression and with a fixed date, so that equal arrays give
//! equal bytes. Compressed ones are read under the feature `deflate`.

use crate::npy::{Header, NotRead};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// One named array of an archive.
pub struct Member<'a> {
    /// Its key, without `.npy`.
    pub name: &'a str,
    /// Element type and shape; little-endian, C order.
    pub header: Header,
    /// Its values: as many bytes as the header says.
    pub bytes: Values<'a>,
}

/// The bytes of an array's values.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// In memory.
    Held(&'a [u8]),
    /// In a file, behind its header: they pass through a small buffer.
    Behind(&'a Path),
}

impl Values<'_> {
    /// Their number, as far as it is known.
    fn known(&self) -> Option<usize> {
        match self {
            Values::Held(bytes) => Some(bytes.len()),
            Values::Behind(_) => None,
        }
    }

    fn write(&self, header: &Header, to: &mut impl Write) -> io::Result<()> {
        let path = match self {
            Values::Held(bytes) => return to.write_all(bytes),
            Values::Behind(path) => path,
        };
        let mut from = BufReader::new(File::open(path)?);
        if Header::read(&mut from)? != *header {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file has been changed"));
        }
        let length = header.data_len()? as u64;
        match io::copy(&mut from.take(length), to)? {
            copied if copied == length => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Writes an archive to `path`, with a comment (at most 64 KiB) that readers of arrays ignore,
/// replacing what is there only once all of it is written.
///
/// # Errors
/// Those of the file system (a full disk leaves no half file behind); `InvalidInput` where a
/// member's bytes do not fit its header.
pub fn write(path: &Path, members: &[Member], comment: &str) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = Path::new(&partial);
    let written = File::create(partial)
        .and_then(|file| write_to(BufWriter::new(file), members, comment))
        .and_then(|()| std::fs::rename(partial, path));
    if written.is_err() {
        // The first error is the one to report; what is left behind is only litter.
        let _ = std::fs::remove_file(partial);
    }
    written
}

/// Writes an archive; see [`write()`].
///
/// # Errors
/// Those of the writer; `InvalidInput` where a member's bytes do not fit its header.
pub fn write_to(to: impl Write + Seek, members: &[Member], comment: &str) -> io::Result<()> {
    let mut archive = ZipWriter::new(UntilFailed { to, failed: false });
    archive.set_comment(comment)?;
    for member in members {
        let length = member.header.data_len()?;
        if member.bytes.known().is_some_and(|known| known != length) {
            let message = format!("`{}`: its values do not fit its shape", member.name);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(member.header.data_len()? >= 1 << 31);
        archive.start_file(format!("{}.npy", member.name), options)?;
        member.header.write(&mut archive)?;
        member.bytes.write(&member.header, &mut archive)?;
    }
    archive.finish()?.flush()
}

/// Fails once, and does nothing from then on: a `ZipWriter` that is dropped tries to finish the
/// archive, and prints on standard error why it cannot.
struct UntilFailed<W> {
    to: W,
    failed: bool,
}

impl<W> UntilFailed<W> {
    fn unless_failed<T>(
        &mut self,
        nothing: T,
        act: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failed {
            return Ok(nothing);
        }
        let done = act(&mut self.to);
        self.failed = done.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for UntilFailed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_failed(bytes.len(), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed((), Write::flush)
    }
}

impl<W: Seek> Seek for UntilFailed<W> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.unless_failed(0, |file| file.seek(to))
    }
}

/// An archive open for reading.
pub struct Archive<R = BufReader<File>> {
    zip: ZipArchive<R>,
}

impl Archive {
    /// Opens the archive at `path` and reads its table of contents.
    ///
    /// # Errors
    /// Where the file cannot be read or is not a zip archive.
    pub fn open(path: &Path) -> io::Result<Archive> {
        Archive::new(BufReader::new(File::open(path)?))
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the table of contents of an archive, wherever it comes from.
    ///
    /// # Errors
    /// Where it cannot be read or is not a zip archive.
    pub fn new(from: R) -> io::Result<Archive<R>> {
        Ok(Archive { zip: ZipArchive::new(from)? })
    }

    /// What was written as its comment.
    pub fn comment(&self) -> &[u8] {
        self.zip.comment()
    }

    /// The keys of its arrays, sorted. Members that are not `.npy` files have none.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.names_in_order();
        names.sort();
        names
    }

    /// The same in the order of the archive, which is that of writing.
    pub fn names_in_order(&self) -> Vec<String> {
        (self.zip.file_names())
            .filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_string()))
            .collect()
    }

    /// The array `name`: its header, and a reader of its values (see
    /// [`crate::npy::read_values`]).
    ///
    /// # Errors
    /// `NotFound` where there is none of this name; those of [`Header::read`]; `Unsupported` with
    /// the cause [`NotRead`] where it is compressed in a way this build does not read. Damage to
    /// the values is found while reading them.
    pub fn array(&mut self, name: &str) -> io::Result<(Header, impl Read + '_)> {
        let mut member = self.zip.by_name(&format!("{name}.npy"))?;
        let method = member.compression();
        if !zip::SUPPORTED_COMPRESSION_METHODS.contains(&method) {
            let way = NotRead(format!("it is compressed as {method:?}"));
            return Err(io::Error::new(io::ErrorKind::Unsupported, way));
        }
        let header = Header::read(&mut member)?;
        Ok((header, member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ElementType;
    use crate::npy::{Values as Npy, read_values};

    fn members() -> [Member<'static>; 2] {
        [
            Member {
                name: "net.lif1.u",
                header: Header::new(ElementType::I16, &[2, 1]),
                bytes: Values::Held(&[1, 0, 0xff, 0xff]),
            },
            Member {
                name: "label",
                header: Header::new(ElementType::U8, &[]),
                bytes: Values::Held(&[7]),
            },
        ]
    }

    /// A disk without room, that counts how often it is asked.
    struct Full<'a>(&'a std::cell::Cell<usize>);

    impl Write for Full<'_> {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + 1);
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Full<'_> {
        fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }

    #[test]
    fn after_a_failure_nothing_more_is_tried() {
        let asked = std::cell::Cell::new(0);
        let error = write_to(Full(&asked), &members(), "").unwrap_err();
        assert_eq!((error.kind(), asked.get()), (io::ErrorKind::StorageFull, 1));
    }

    #[test]
    fn an_archive_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.npz");
        write(&path, &members(), "").unwrap();
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.names(), ["label", "net.lif1.u"]);
        assert_eq!(archive.names_in_order(), ["net.lif1.u", "label"]);
        let (header, mut from) = archive.array("net.lif1.u").unwrap();
        assert_eq!(header.shape, [2, 1]);
        assert_eq!(read_values(&header, &mut from).unwrap(), Npy::Int(vec![1, -1]));
        drop(from);
        assert_eq!(archive.array("u").err().unwrap().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_comment_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.npz");
        write(&path, &members(), "{\"version\":\"1\"}").unwrap();
        assert_eq!(Archive::open(&path).unwrap().comment(), b"{\"version\":\"1\"}");
    }

    #[test]
    fn equal_arrays_give_equal_bytes_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.npz"), dir.path().join("b.npz"));
        write(&a, &members(), "").unwrap();
        write(&b, &members(), "").unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn damage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.npz");
        write(&path, &members(), "").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for n in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..n]).unwrap();
            assert!(Archive::open(&path).is_err(), "cut at {n}");
        }
        let mut flipped = whole.clone();
        let last_value = whole.windows(4).position(|w| w == [1, 0, 0xff, 0xff]).unwrap() + 3;
        flipped[last_value] ^= 4;
        std::fs::write(&path, &flipped).unwrap();
        let mut archive = Archive::open(&path).unwrap();
        let (_, mut from) = archive.array("net.lif1.u").unwrap();
        assert!(from.read_to_end(&mut Vec::new()).is_err(), "the checksum is verified");
    }

    #[test]
    fn flipped_bits_are_survived() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.npz");
        write(&path, &members(), "").unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut read = 0;
        for bit in (0..whole.len() * 8).step_by(7) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            let Ok(mut archive) = Archive::open(&path) else { continue };
            for name in archive.names() {
                let Ok((header, mut from)) = archive.array(&name) else { continue };
                read += usize::from(read_values(&header, &mut from).is_ok());
            }
        }
        // Most of an archive is dates, padding and the other member.
        assert!(read > whole.len() / 7);
    }
}
