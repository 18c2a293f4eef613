//! Where compiled networks are kept, and under which names.

use super::super::data::{Contents, DataFile, List};
use super::super::write::unwritable;
use snn_data::{Files, input};
use snn_ir::data::{DataError, DataSource};
use snn_ir::diagnostics::Diagnostic;
use snn_ir::hash::Hasher;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where files and folders are made before they are renamed.
pub const WORK: &str = "work";

/// The folder for everything that can be made again: `$SNNC_CACHE`, or else
/// `$XDG_CACHE_HOME/snnc`, or else `~/.cache/snnc`, or else `snnc` among temporary files. Whose
/// it is has yet to be seen.
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

/// Makes a folder of the cache by filling another and renaming it, so that a folder that exists
/// is whole, whoever else does the same at the same time.
///
/// # Errors
/// E0903, and those of `fill`.
pub fn folder_once(
    cache: &Path,
    path: &str,
    fill: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<PathBuf, Diagnostic> {
    let dir = &cache.join(path);
    if dir.is_dir() {
        return Ok(dir.clone());
    }
    let temporary = temporary(cache, dir)?;
    let filled = fs::create_dir_all(dir.parent().unwrap_or(dir))
        .and_then(|()| fs::create_dir(&temporary))
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
    filled.map(|()| dir.clone())
}

/// Copies a file under its final name in one step.
///
/// # Errors
/// E0903.
pub fn file_once(cache: &Path, from: &Path, to: &Path) -> Result<(), Diagnostic> {
    let temporary = temporary(cache, to)?;
    let folder = to.parent().unwrap_or(to);
    let copied = fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, &temporary))
        .and_then(|_| fs::rename(&temporary, to));
    copied.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        unwritable(to, &e)
    })
}

/// A free path in the cache that nobody else uses: no other process, and no other thread of this
/// one. It is named like `path`.
///
/// # Errors
/// E0903.
pub fn temporary(cache: &Path, path: impl AsRef<Path>) -> Result<PathBuf, Diagnostic> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let work = cache.join(WORK);
    fs::create_dir_all(&work).map_err(|e| unwritable(&work, &e))?;
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = path.as_ref().file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}-{count}.tmp", std::process::id()));
        let free = work.join(name);
        // A process of the same number may have been killed.
        if fs::symlink_metadata(&free).is_err() {
            return Ok(free);
        }
    }
}

/// A name for the contents of a `data` folder: by the values that are known, and by all bytes of
/// data files. Nothing else of a file says that it is the same: another can have its path, length
/// and time.
///
/// # Errors
/// E0601, E0603.
pub fn data_digest(contents: &[DataFile], files: &dyn Files) -> Result<String, DataError> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut read: BTreeMap<&Path, String> = BTreeMap::new();
    for file in contents {
        parts.push(format!("{} {:?} {:?}", file.name, file.elem, file.shape).into_bytes());
        match &file.contents {
            Contents::Known(tensor, shift) => {
                parts.push(vec![*shift]);
                parts.push(tensor.bytes());
            }
            Contents::Entries(sparse, list) => {
                parts.push(format!("{list:?} {:?}", sparse.shape()).into_bytes());
                // The lists of one matrix are named once.
                if *list == List::Starts {
                    let mut hash = Hasher::default();
                    sparse.for_each_part(&mut |part| hash.update(part));
                    parts.push(hash.finish().into_bytes());
                    parts.push(sparse.palette().bytes());
                }
            }
            Contents::File(dataset) => {
                let source = &dataset.source;
                let hash = match read.get(source.path()) {
                    Some(hash) => hash.clone(),
                    None => input::digest(files, source.path())?,
                };
                parts.push(hash.clone().into_bytes());
                parts.push(reader(source).into_bytes());
                read.insert(source.path(), hash);
            }
        }
    }
    Ok(digest(parts.iter().map(Vec::as_slice)))
}

/// How a file is read, and what of it.
fn reader(source: &DataSource) -> String {
    match source {
        DataSource::Idx(_) => "idx".into(),
        DataSource::Npy(_) => "npy".into(),
        DataSource::Npz(_, member) => format!("npz {member}"),
        DataSource::Csv(_) => "csv".into(),
        DataSource::Hdf5(_, name) => format!("hdf5 {name}"),
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
        let failed = folder_once(root.path(), "a/b", |inner| {
            fs::write(inner.join("half"), "").unwrap();
            Err(unwritable(inner, &std::io::ErrorKind::StorageFull.into()))
        });
        assert_eq!(failed.unwrap_err().code.name(), "E0903");
        assert!(!dir.exists());
        folder_once(root.path(), "a/b", |inner| {
            fs::write(inner.join("whole"), "").unwrap();
            Ok(())
        })
        .unwrap();
        assert!(dir.join("whole").exists());
        folder_once(root.path(), "a/b", |_| panic!("made again")).unwrap();
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(root.path().join(WORK)).unwrap().count(), 0);
    }
}
