//! Where compiled networks are kept, and under which names.

use super::super::data::{Contents, DataFile, List};
use super::super::write::unwritable;
use snn_ir::data::DataSource;
use snn_ir::diagnostics::Diagnostic;
use snn_ir::hash::Hasher;
use snn_ir::tensor::{Tensor, Values};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// The folder for everything that can be made again: `$SNNC_CACHE`, or else
/// `$XDG_CACHE_HOME/snnc`, or else `~/.cache/snnc`, or else `snnc` among temporary files.
pub fn folder() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let dir = if let Some(dir) = set("SNNC_CACHE") {
        PathBuf::from(dir)
    } else if let Some(dir) = set("XDG_CACHE_HOME") {
        PathBuf::from(dir).join("snnc")
    } else if let Some(home) = env::home_dir().filter(|home| !home.as_os_str().is_empty()) {
        home.join(".cache").join("snnc")
    } else {
        env::temp_dir().join("snnc")
    };
    std::path::absolute(&dir).unwrap_or(dir)
}

/// A name for the given texts: 32 hexadecimal digits. Lengths are part of it, so that moving a
/// character from one text to the next changes it.
pub fn digest<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Hasher::default();
    for text in texts {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finish().chars().take(32).collect()
}

/// Makes a folder by filling another and renaming it, so that a folder that exists is whole,
/// whoever else does the same at the same time.
///
/// # Errors
/// E0903, and those of `fill`.
pub fn folder_once(
    dir: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    if dir.is_dir() {
        return Ok(());
    }
    let temporary = temporary(dir);
    let filled = fs::create_dir_all(&temporary)
        .map_err(|e| unwritable(&temporary, &e))
        .and_then(|()| fill(&temporary))
        .and_then(|()| {
            match fs::rename(&temporary, dir) {
                // Someone else was faster: theirs is the same.
                Err(_) if dir.is_dir() => fs::remove_dir_all(&temporary),
                renamed => renamed,
            }
            .map_err(|e| unwritable(dir, &e))
        });
    if filled.is_err() {
        // Best effort: the folder is not used under this name.
        let _ = fs::remove_dir_all(&temporary);
    }
    filled
}

/// Copies a file under its final name in one step.
///
/// # Errors
/// E0903.
pub fn file_once(from: &Path, to: &Path) -> Result<(), Diagnostic> {
    let temporary = temporary(to);
    let folder = to.parent().unwrap_or(to);
    let copied = fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, &temporary))
        .and_then(|_| fs::rename(&temporary, to));
    copied.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        unwritable(to, &e)
    })
}

/// A neighbour that nobody else uses: no other process, and no other thread of this one.
fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{count}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// A name for the contents of a `data` folder. Known values count by themselves; data files by
/// path, length and time of change, since reading them is what the name is to save.
pub fn data_digest(files: &[DataFile]) -> String {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for file in files {
        parts.push(format!("{} {:?} {:?}", file.name, file.elem, file.shape).into_bytes());
        match &file.contents {
            Contents::Known(tensor, shift) => {
                parts.push(vec![*shift]);
                parts.push(bytes(tensor));
            }
            Contents::Entries(sparse, list) => {
                parts.push(format!("{list:?} {:?}", sparse.shape()).into_bytes());
                // The lists of one matrix are named once.
                if *list == List::Starts {
                    let mut hash = Hasher::default();
                    sparse.for_each_part(&mut |part| hash.update(part));
                    parts.push(hash.finish().into_bytes());
                    parts.push(bytes(sparse.palette()));
                }
            }
            Contents::File(dataset) => {
                let source = &dataset.source;
                let path = match source {
                    DataSource::Idx(path)
                    | DataSource::Npy(path)
                    | DataSource::Npz(path, _)
                    | DataSource::Csv(path)
                    | DataSource::Hdf5(path, _) => path,
                };
                let metadata = fs::metadata(path).ok();
                let length = metadata.as_ref().map(fs::Metadata::len);
                let changed = metadata.and_then(|m| m.modified().ok());
                let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                parts.push(format!("{source:?} {path:?} {length:?} {changed:?}").into_bytes());
            }
        }
    }
    digest(parts.iter().map(Vec::as_slice))
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    match &tensor.values {
        Values::Int(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Values::Float(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Values::Bool(v) => v.iter().map(|v| u8::from(*v)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_depend_on_every_byte_and_on_where_texts_end() {
        let of = |texts: &[&str]| digest(texts.iter().map(|t| t.as_bytes()));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["a", "b"]), of(&["ab", ""]));
        assert_eq!(of(&[]).len(), 32);
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let failed = folder_once(&dir, |inner| {
            fs::write(inner.join("half"), "").unwrap();
            Err(unwritable(inner, &std::io::ErrorKind::StorageFull.into()))
        });
        assert_eq!(failed.unwrap_err().code.name(), "E0903");
        assert!(!dir.exists());
        folder_once(&dir, |inner| {
            fs::write(inner.join("whole"), "").unwrap();
            Ok(())
        })
        .unwrap();
        assert!(dir.join("whole").exists());
        folder_once(&dir, |_| panic!("made again")).unwrap();
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
    }
}
