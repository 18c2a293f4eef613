//! Where results and diagnostics go, and what happens when they cannot go there.

use super::Status;
use snn_ir::diagnostics::{Code, Diagnostic, SourceMap, render};
use snn_runtime::execute::RecordSpec;
use snn_runtime::record::{self, Recording};
use snnc::driver::Checked;
use snnc::execute;
use snnc::json;
use snnc::origin::Origin;
use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Prints diagnostics on standard error, in colour where a person reads them.
pub fn report(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    let colour = !plain && io::stderr().is_terminal();
    say(render::render(diagnostics, sources, colour).trim_end_matches('\n'));
}

/// Reports why a checked program could not be lowered; as JSON together with what the check has
/// said, which stands on standard error otherwise.
///
/// # Errors
/// E0901.
pub fn refused(
    checked: &Checked,
    refusals: &[Diagnostic],
    as_json: bool,
) -> Result<Status, Diagnostic> {
    match as_json {
        true => {
            let all = [&checked.diagnostics[..], refusals].concat();
            print(&json::checked(&all, &checked.sources))?;
        }
        false => report(refusals, &checked.sources),
    }
    Ok(Status::Failed)
}

/// Prints a line on standard error. Where that is not possible there is no one left to tell.
pub fn say(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Tells a person who waits what takes its time: on a terminal each line replaces the one
/// before, elsewhere they follow each other, rarely.
pub struct Progress {
    quiet: bool,
    terminal: bool,
    shown: Mutex<Shown>,
}

struct Shown {
    /// When the first step began.
    began: Instant,
    /// When a step was shown last.
    last: Instant,
    /// Whether a line of a terminal is to be taken away.
    line: bool,
}

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

impl Progress {
    /// Nothing shown yet; with `quiet` nothing ever is.
    pub fn new(quiet: bool) -> Progress {
        let now = Instant::now();
        let shown = Mutex::new(Shown { began: now, last: now, line: false });
        Progress { quiet, terminal: io::stderr().is_terminal(), shown }
    }

    /// Shows how far the run `name` has come.
    pub fn show(&self, name: &str, progress: execute::Progress<'_>) {
        if self.quiet {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match progress {
            execute::Progress::Doing(what) => self.line(&mut shown, what),
            execute::Progress::Steps { done: 0, .. } => (shown.began, shown.last) = (now, now),
            execute::Progress::Steps { done, of } => {
                let between = if self.terminal { Duration::ZERO } else { BETWEEN_LINES };
                if now - shown.began >= PATIENCE && now - shown.last >= between {
                    shown.last = now;
                    let percent = done as f64 * 100.0 / of.max(1) as f64;
                    let line = format!("{name}: step {done} of {of} ({percent:.0} %)");
                    self.line(&mut shown, &line);
                }
            }
        }
    }

    /// Shows a line that another will replace.
    pub fn say(&self, text: &str) {
        if self.quiet {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let between = if self.terminal { Duration::ZERO } else { BETWEEN_LINES };
        if now - shown.last >= between {
            shown.last = now;
            self.line(&mut shown, text);
        }
    }

    /// Shows a line that stays.
    pub fn over(&self, text: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut shown.line) {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
        say(text);
    }

    fn line(&self, shown: &mut Shown, text: &str) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
            shown.line = true;
        } else {
            say(text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.lock().unwrap_or_else(PoisonError::into_inner).line {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Prints results on standard output.
///
/// A reader who has seen enough (`snnc … | head`) is no error.
///
/// # Errors
/// E0901 where standard output cannot be written.
pub fn print(text: &str) -> Result<(), Diagnostic> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(cannot_write("standard output", &e)),
        _ => Ok(()),
    }
}

/// Writes a file. One that is there stays whole until the new one is.
///
/// # Errors
/// E0901 where the file cannot be written.
pub fn write(path: &Path, contents: &[u8]) -> Result<(), Diagnostic> {
    let written = match is_file_or_free(path) {
        true => write_beside(path, contents),
        false => std::fs::write(path, contents),
    };
    written.map_err(|e| cannot_write(&format!("`{}`", path.display()), &e))
}

/// Writes recordings as an `.npz` archive.
///
/// # Errors
/// E0901 where the file cannot be written.
pub fn write_recordings(
    path: &Path,
    kept: &[(&RecordSpec, &Recording)],
    origin: &Origin,
) -> Result<(), Diagnostic> {
    let comment = json::origin(origin);
    let written = if is_file_or_free(path) {
        record::write(path, kept.iter().copied(), &comment)
    } else {
        // The archive's writer replaces what is there by renaming.
        record::bytes(kept.iter().copied(), &comment).and_then(|bytes| std::fs::write(path, bytes))
    };
    written.map_err(|e| cannot_write(&format!("`{}`", path.display()), &e))
}

/// Where recordings grow before they become the archive at `path`; none for what is no file.
pub fn growing(path: &Path) -> Option<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".recording");
    is_file_or_free(path).then(|| name.into())
}

/// Requires that a file can lie at a path, before anything long is done for it.
///
/// # Errors
/// E0901.
pub fn require_place(path: &Path) -> Result<(), Diagnostic> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::metadata(folder)
        .and_then(|m| match (m.is_dir(), path.is_dir()) {
            (false, _) => Err(ErrorKind::NotADirectory.into()),
            (true, true) => Err(ErrorKind::IsADirectory.into()),
            (true, false) => Ok(()),
        })
        .map_err(|e| cannot_write(&format!("`{}`", path.display()), &e))
}

/// The file that says of a folder that its files may be replaced.
const MARK: &str = ".snnc";

/// Makes the folder of a build, or takes one that is empty or was made by an earlier build: the
/// files of others are not replaced, and nothing is written through a link to them.
///
/// # Errors
/// E0901.
pub fn claim(folder: &Path) -> Result<(), Diagnostic> {
    let shown = format!("`{}`", folder.display());
    let refused = |message: String, help: &str| {
        Err(Diagnostic::without_place(Code::E0901, message).help(help.to_owned()))
    };
    let failed = |e: io::Error| cannot_write(&shown, &e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mark = folder.join(MARK);
    let empty = std::fs::read_dir(folder).map_err(failed)?.next().is_none();
    if !empty && !std::fs::symlink_metadata(&mark).is_ok_and(|m| m.is_file()) {
        return refused(
            format!("{shown} has files that no `snnc build` has written"),
            "name a folder that is new or empty with `-o`",
        );
    }
    if let Some(link) = link_within(folder, true).map_err(failed)? {
        return refused(
            format!("`{}` is a link: what it leads to would be replaced", link.display()),
            "remove the link, or name another folder with `-o`",
        );
    }
    let text = "`snnc build` has made this folder, and replaces its files.\n";
    std::fs::write(&mark, text).map_err(failed)
}

/// A link among what a build may replace: all but the folder in which Cargo works.
fn link_within(folder: &Path, top: bool) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if top && entry.file_name() == "target" {
            continue;
        }
        if kind.is_symlink() {
            return Ok(Some(entry.path()));
        }
        if kind.is_dir()
            && let Some(link) = link_within(&entry.path(), false)?
        {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Whether a path may be replaced by a file: a device or a pipe must not.
fn is_file_or_free(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |m| m.is_file())
}

fn write_beside(path: &Path, contents: &[u8]) -> io::Result<()> {
    // What a symbolic link points to is rewritten, not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let permissions = std::fs::metadata(path).map(|m| m.permissions());
    let written = std::fs::write(&beside, contents)
        .and_then(|()| permissions.map_or(Ok(()), |p| std::fs::set_permissions(&beside, p)))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn cannot_write(what: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::without_place(Code::E0901, format!("{what} cannot be written: {error}"))
}
