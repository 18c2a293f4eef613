//! Whose the cache is, how large it may become, and what is taken out of it.
//!
//! Whoever uses the cache holds a shared lock on it, which ends with the process however it
//! ends. Who has the lock alone may take out anything: what killed processes left, what Cargo
//! keeps of single networks, and what was not used for the longest time.

use super::super::write::unwritable;
use super::cache::{self, WORK, temporary};
use snn_ir::diagnostics::{Code, Diagnostic};
use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the cache has at most where a run begins, in bytes.
pub const LIMIT: u64 = 4 << 30;

/// Where an empty file says when something was used last.
const USED: &str = "used";
/// Where programs, their crates and their data are.
const KEPT: [&str; 3] = ["bin", "crates", "data"];

/// A cache in use: nobody takes anything out of it meanwhile.
pub struct Cache {
    dir: PathBuf,
    /// Absent where the file system has no locks: then nobody takes anything out.
    _shared: Option<File>,
}

/// What is in a cache, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Programs and their crates.
    pub programs: u64,
    /// Data that programs read.
    pub data: u64,
    /// The runtime, compiled and not.
    pub runtime: u64,
}

impl Contents {
    /// All of it.
    pub fn all(self) -> u64 {
        self.programs + self.data + self.runtime
    }
}

impl Cache {
    /// Makes the cache if there is none, takes out what is too much, and begins to use it.
    ///
    /// # Errors
    /// E0903 where it cannot be written, or others may write there.
    pub fn open() -> Result<Cache, Diagnostic> {
        let dir = cache::folder();
        own(&dir)?;
        if let Ok(Some(_alone)) = alone(&dir) {
            // Best effort: what stays costs only room.
            let _ = clear(&dir.join(WORK));
            if added(&dir) {
                let _ = shrink(&dir, LIMIT);
            }
        }
        let shared = lock_file(&dir).and_then(|file| file.lock_shared().map(|()| file));
        Ok(Cache { dir, _shared: shared.ok() })
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path that nobody else uses; what is there when the process ends is taken out later.
    ///
    /// # Errors
    /// E0903.
    pub fn work(&self, name: &str) -> Result<PathBuf, Diagnostic> {
        temporary(&self.dir, name)
    }
}

/// The contents of the cache, where there is one.
///
/// # Errors
/// E0903.
pub fn contents() -> Result<Contents, Diagnostic> {
    let dir = cache::folder();
    let mut contents = Contents::default();
    for (entry, _) in entries(&dir).map_err(|e| unwritable(&dir, &e))? {
        match entry.kind {
            Kind::Program => contents.programs += entry.bytes,
            Kind::Data => contents.data += entry.bytes,
            Kind::Runtime => contents.runtime += entry.bytes,
        }
    }
    Ok(contents)
}

/// Takes everything out of the cache, and nothing that `snnc` did not put there.
///
/// # Errors
/// E0903 where it is in use, or something cannot be removed.
pub fn clean() -> Result<Contents, Diagnostic> {
    let dir = cache::folder();
    if !dir.is_dir() {
        return Ok(Contents::default());
    }
    own(&dir)?;
    let removed = contents()?;
    let failed = |e: io::Error| {
        Diagnostic::without_place(Code::E0903, format!("cannot clean {}: {e}", dir.display()))
    };
    let Some(_alone) = alone(&dir).map_err(failed)? else {
        let message = format!("{} is in use by another `snnc`", dir.display());
        return Err(Diagnostic::without_place(Code::E0903, message)
            .help("wait until it ends, and clean then"));
    };
    clear(&dir.join(WORK)).and_then(|()| shrink(&dir, 0)).map_err(failed)?;
    Ok(removed)
}

/// Notes that something is used now, by the name of its file or folder.
pub fn used(cache: &Path, name: &str) {
    let stamp = cache.join(USED).join(name);
    // Best effort: what is not noted goes first.
    let _ = fs::create_dir_all(cache.join(USED))
        .and_then(|()| File::options().create(true).append(true).open(stamp))
        .and_then(|file| file.set_modified(SystemTime::now()));
}

/// Makes the folder for its owner alone, or requires that it is one that nobody else fills:
/// what lies there is executed.
fn own(dir: &Path) -> Result<(), Diagnostic> {
    let written = |e: io::Error| unwritable(dir, &e);
    if !dir.is_dir() {
        let mut builder = DirBuilder::new();
        private(&mut builder);
        builder.recursive(true).create(dir).map_err(written)?;
    }
    let probe = temporary(dir, "owner")?;
    let mine = File::create_new(&probe).and_then(|file| file.metadata()).map_err(written)?;
    let _ = fs::remove_file(&probe);
    // A link counts as what it leads to, but somebody else's is none to follow.
    let link = fs::symlink_metadata(dir).map_err(written)?;
    let folder = fs::metadata(dir).map_err(written)?;
    let Some(why) = foreign(&mine, &link).or_else(|| foreign(&mine, &folder)) else {
        return Ok(());
    };
    let message = format!("{} {why}: what it has would be executed", dir.display());
    Err(Diagnostic::without_place(Code::E0903, message)
        .help("set SNNC_CACHE to a folder of your own, or run with `--interpret`"))
}

#[cfg(unix)]
fn private(builder: &mut DirBuilder) {
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
}

/// Elsewhere a new folder has the rights of the one that it is in, and those of temporary files
/// and of caches are their user's.
#[cfg(not(unix))]
fn private(_: &mut DirBuilder) {}

/// Why others may write to what has this metadata; `mine` is of a file made just now.
#[cfg(unix)]
fn foreign(mine: &Metadata, there: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    if there.uid() != mine.uid() {
        return Some("belongs to another user");
    }
    let open = there.is_dir() && there.mode() & 0o002 != 0;
    open.then_some("can be written by everybody")
}

/// Who owns what is not a question of the standard library elsewhere.
#[cfg(not(unix))]
fn foreign(_: &Metadata, _: &Metadata) -> Option<&'static str> {
    None
}

fn lock_file(dir: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(dir.join("lock"))
}

/// The lock on a cache that nobody else uses.
fn alone(dir: &Path) -> io::Result<Option<File>> {
    let file = lock_file(dir)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(e)) => Err(e),
    }
}

/// Whether anything was kept since the cache was last made smaller.
fn added(dir: &Path) -> bool {
    let changed = |path: &str| fs::metadata(dir.join(path)).and_then(|m| m.modified()).ok();
    let last = changed("shrunk");
    KEPT.iter().any(|kept| changed(kept) > last)
}

/// What something in the cache is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Program,
    Data,
    Runtime,
}

/// What is used, and taken out, as one.
struct Entry {
    kind: Kind,
    paths: Vec<PathBuf>,
    bytes: u64,
}

/// Everything in the cache with the time when it was used, in the order of names.
fn entries(dir: &Path) -> io::Result<Vec<(Entry, SystemTime)>> {
    let mut found: BTreeMap<(Kind, String), Vec<PathBuf>> = BTreeMap::new();
    for kept in KEPT {
        let kind = if kept == "data" { Kind::Data } else { Kind::Program };
        for (name, path) in list(&dir.join(kept))? {
            let name = name.strip_suffix(EXE_SUFFIX).unwrap_or(&name).to_owned();
            found.entry((kind, name)).or_default().push(path);
        }
    }
    for (name, path) in list(dir)? {
        let runtime = ["runtime-", "target-"].iter().find_map(|prefix| name.strip_prefix(prefix));
        if let Some(version) = runtime {
            found.entry((Kind::Runtime, version.to_owned())).or_default().push(path);
        }
    }
    // A folder that snnc shares with others may have such names too, but not with our hashes.
    let ours = found.into_iter().filter(|((_, name), _)| hashed(name));
    ours.map(|((kind, name), paths)| {
        let stamp = dir.join(USED).join(&name);
        let used = fs::metadata(&stamp).and_then(|m| m.modified());
        let bytes = paths.iter().map(|path| size(path)).sum::<io::Result<u64>>()?;
        let paths = paths.into_iter().chain([stamp]).collect();
        Ok((Entry { kind, paths, bytes }, used.unwrap_or(SystemTime::UNIX_EPOCH)))
    })
    .collect()
}

/// Whether a name ends with a hash of [`cache::digest`].
fn hashed(name: &str) -> bool {
    let hash = name.rsplit('_').next().unwrap_or(name);
    hash.len() == 32 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Names and paths of what is in a folder, if there is one.
fn list(dir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    let entries = match fs::read_dir(dir) {
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        entries => entries?,
    };
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
        })
        .collect()
}

/// Bytes of a file, or of all files in a folder.
fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    list(path)?.iter().map(|(_, path)| size(path)).sum()
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    removed.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}

/// Removes what processes that were killed left in the folder of unfinished work.
fn clear(work: &Path) -> io::Result<()> {
    let left = list(work)?.into_iter().filter(|(name, _)| name.contains(".tmp"));
    left.map(|(_, path)| path).try_for_each(|path| remove(&path))
}

/// Takes out what was not used for the longest time until the rest has at most `limit` bytes.
fn shrink(dir: &Path, limit: u64) -> io::Result<()> {
    for (name, target) in list(dir)? {
        if name.starts_with("target-") && hashed(name.trim_start_matches("target-")) {
            forget_networks(&target)?;
        }
    }
    let mut entries = entries(dir)?;
    entries.sort_by_key(|(_, used)| *used);
    let mut all: u64 = entries.iter().map(|(entry, _)| entry.bytes).sum();
    for (entry, _) in entries {
        if all <= limit {
            break;
        }
        entry.paths.iter().try_for_each(|path| remove(path))?;
        all -= entry.bytes;
    }
    File::create(dir.join("shrunk")).and_then(|file| file.set_modified(SystemTime::now()))
}

/// Removes what Cargo made of single networks: their programs are kept elsewhere.
fn forget_networks(target: &Path) -> io::Result<()> {
    for (_, host) in list(target)? {
        let release = host.join("release");
        let mut units = Vec::new();
        for (name, path) in list(&release.join(".fingerprint"))? {
            if let Some((package, unit)) = name.rsplit_once('-')
                && hashed(package)
            {
                units.push(unit.to_owned());
                remove(&path)?;
            }
        }
        for (name, path) in list(&release.join("deps"))? {
            if units.iter().any(|unit| name.contains(unit.as_str())) {
                remove(&path)?;
            }
        }
        // Copies of programs and libraries; what begins with a dot is Cargo's own.
        for (name, path) in list(&release)? {
            if path.is_file() && !name.starts_with('.') {
                remove(&path)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A name as the cache has them.
    fn name(digit: char) -> String {
        String::from_iter([digit; 32])
    }

    fn write(path: PathBuf, bytes: usize) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![0; bytes]).unwrap();
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let program = format!("net_{}", name('a'));
        write(dir.join("bin").join(format!("{program}{EXE_SUFFIX}")), 30);
        write(dir.join("crates").join(&program).join("src/lib.rs"), 20);
        for digit in ['b', 'c', 'd'] {
            write(dir.join("data").join(name(digit)).join("a.npy"), 100);
        }
        write(dir.join("data/of others"), 1000);
        // `d` was never noted.
        for (minutes, of) in [(3, name('b')), (2, program.clone()), (1, name('c'))] {
            used(dir, &of);
            let stamp = File::options().append(true).open(dir.join(USED).join(of)).unwrap();
            stamp.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).unwrap();
        }
        let left = |limit| {
            shrink(dir, limit).unwrap();
            let mut names: Vec<String> =
                list(&dir.join("data")).unwrap().into_iter().map(|(name, _)| name).collect();
            names.sort();
            (names, dir.join("crates").join(&program).exists())
        };
        let others = || "of others".to_owned();
        assert_eq!(left(250), (vec![name('b'), name('c'), others()], true));
        assert_eq!(left(249), (vec![name('c'), others()], true));
        assert_eq!(left(149), (vec![name('c'), others()], false));
        assert!(!dir.join("bin").join(format!("{program}{EXE_SUFFIX}")).exists());
        assert_eq!(left(0), (vec![others()], false));
        assert_eq!(list(&dir.join(USED)).unwrap(), []);
    }

    #[test]
    fn what_cargo_keeps_of_networks_goes_and_of_the_runtime_stays() {
        let root = tempfile::tempdir().unwrap();
        let release = root.path().join(format!("target-{}", name('e'))).join("host/release");
        let program = format!("net_{}", name('a'));
        let networks = [
            format!(".fingerprint/{program}-0123/lib-net"),
            "deps/libnet-0123.rlib".into(),
            format!("deps/{program}-0123"),
            "libnet.rlib".into(),
            program.clone(),
        ];
        let runtime = [".fingerprint/snn-runtime-4567/lib", "deps/libsnn_runtime-4567.rlib"];
        for path in networks.iter().map(String::as_str).chain(runtime) {
            write(release.join(path), 1);
        }
        // Cargo has files beside the folders of platforms.
        write(release.join("../../.rustc_info.json"), 1);
        shrink(root.path(), 1000).unwrap();
        assert!(networks.iter().all(|path| !release.join(path).exists()));
        assert!(runtime.iter().all(|path| release.join(path).exists()));
    }

    #[test]
    fn nothing_is_taken_from_who_uses_it() {
        let root = tempfile::tempdir().unwrap();
        let shared = lock_file(root.path()).unwrap();
        shared.lock_shared().unwrap();
        assert!(alone(root.path()).unwrap().is_none());
        drop(shared);
        assert!(alone(root.path()).unwrap().is_some());
    }
}
