//! Where files come from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files by their paths.
pub trait Files: Send + Sync {
    /// Opens what is a file: of a pipe or a device nobody knows when it begins and ends.
    ///
    /// # Errors
    /// Why it cannot be opened; `IsADirectory`, or `InvalidInput` for what is neither a file nor
    /// a folder.
    fn open(&self, path: &Path) -> io::Result<Opened>;

    /// One name for one file, however a path leads to it.
    fn real(&self, path: &Path) -> PathBuf;
}

/// A file, open at its beginning.
pub struct Opened {
    /// To be read.
    pub bytes: Box<dyn Bytes>,
    /// How many bytes it has.
    pub size: u64,
}

/// What a file is read by.
pub trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            let folder = metadata.is_dir();
            let kind =
                if folder { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
            return Err(io::Error::from(kind));
        }
        Ok(Opened { bytes: Box::new(File::open(path)?), size: metadata.len() })
    }

    fn real(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
    }
}

/// Files that are held in memory, and no others.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Arc<[u8]>>,
}

impl Memory {
    /// No files.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Puts a file at a path, instead of what is there.
    pub fn insert(&mut self, path: impl AsRef<Path>, bytes: impl Into<Arc<[u8]>>) {
        self.files.insert(plain(path.as_ref()), bytes.into());
    }
}

impl Files for Memory {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let bytes = self.files.get(&plain(path)).ok_or(io::ErrorKind::NotFound)?;
        let size = bytes.len() as u64;
        Ok(Opened { bytes: Box::new(Cursor::new(Arc::clone(bytes))), size })
    }

    fn real(&self, path: &Path) -> PathBuf {
        plain(path)
    }
}

/// Files that are held in memory, and where there is none of a name, others.
pub struct Overlay<'a> {
    /// These first.
    pub over: Memory,
    /// Then these.
    pub under: &'a dyn Files,
}

impl Files for Overlay<'_> {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        match self.over.open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.under.open(path),
            opened => opened,
        }
    }

    fn real(&self, path: &Path) -> PathBuf {
        match self.over.open(path) {
            Ok(_) => self.over.real(path),
            Err(_) => self.under.real(path),
        }
    }
}

/// A path without `.`, and without `..` where something stands before it.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_memory_are_found_by_any_path_that_leads_to_them() {
        let mut files = Memory::new();
        files.insert("data/../a.csv", *b"1,2");
        let mut text = String::new();
        files.open(Path::new("./a.csv")).unwrap().bytes.read_to_string(&mut text).unwrap();
        assert_eq!(text, "1,2");
        assert_eq!(files.real(Path::new("b/./../a.csv")), files.real(Path::new("a.csv")));
        let missing = files.open(Path::new("../a.csv")).err().unwrap();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
