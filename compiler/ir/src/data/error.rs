//! What can be wrong with a data file, in one type.

use crate::diagnostics::Code;
use std::io;
use std::path::Path;

/// Why data cannot be read. Rendered by whoever knows the place in the source.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct DataError {
    /// An E06xx code.
    pub code: Code,
    /// What is wrong, naming the file.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl DataError {
    /// An error with its remedy.
    pub fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> DataError {
        DataError { code, message: message.into(), help: Some(help.into()) }
    }

    /// E0601: the operating system does not let the file be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> DataError {
        let help = match error.kind() {
            io::ErrorKind::NotFound => {
                "relative paths start from the folder of the .snn file that names them"
            }
            io::ErrorKind::PermissionDenied => "give yourself permission to read it",
            io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => "name a file",
            _ => "check that the file can be read with other programs",
        };
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_string(),
            io::ErrorKind::PermissionDenied => "permission denied".to_string(),
            io::ErrorKind::IsADirectory => "it is a folder".to_string(),
            io::ErrorKind::InvalidInput => "it is not a regular file".to_string(),
            _ => error.to_string(),
        };
        DataError::new(Code::E0601, format!("cannot read `{}`: {reason}", path.display()), help)
    }

    /// E0602: the file is of the right format but not whole; `what` completes the sentence.
    pub fn damaged(path: &Path, what: impl std::fmt::Display) -> DataError {
        DataError::new(
            Code::E0602,
            format!("`{}` is damaged: {what}", path.display()),
            "copy or download the file again; if a program wrote it, let it finish and close it",
        )
    }

    /// E0603: the file is of another format.
    pub fn not_a(path: &Path, format: &str, why: impl std::fmt::Display) -> DataError {
        DataError::new(
            Code::E0603,
            format!("`{}` is not {format}: {why}", path.display()),
            "use the reader of the file's own format: idx, npy, npz, csv or hdf5",
        )
    }

    /// E0608: the file is whole, but has what its reader does not know.
    pub fn unread(path: &Path, what: impl std::fmt::Display, help: &str) -> DataError {
        let message = format!("`{}` is not supported: {what}", path.display());
        DataError::new(Code::E0608, message, help)
    }

    /// E0605: elements of a kind that snnc does not compute with.
    pub fn elements(path: &Path, what: impl std::fmt::Display) -> DataError {
        DataError::new(
            Code::E0605,
            format!("the values in `{}` cannot be used: {what}", path.display()),
            "save them as booleans, integers of 8 to 64 bits, or floats of 32 or 64 bits",
        )
    }
}
