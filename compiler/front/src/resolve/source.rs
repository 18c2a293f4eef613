//! Source texts from disk, and what is wrong with them.

use snn_data::{Files, input};
use snn_grammar::{SyntaxError, SyntaxErrorKind};
use snn_ir::data::DataError;
use snn_ir::diagnostics::{Code, Diagnostic, Help, Loc};
use std::io::Read;
use std::path::Path;

/// The largest source that is read, in bytes; the parser has its own, smaller limit.
const LARGEST: u64 = 64 << 20;

/// Reads a source text from a file.
///
/// # Errors
/// E0102, E0104, E0105.
pub fn read(files: &dyn Files, path: &Path) -> Result<String, Diagnostic> {
    let refused = |e: DataError| Diagnostic::without_place(Code::E0105, e.message);
    let mut bytes = Vec::new();
    let file = input::open(files, path).map_err(refused)?.bytes;
    let all = file.take(LARGEST + 1).read_to_end(&mut bytes);
    text(bytes, all, &path.display().to_string())
}

/// Reads a source text from standard input.
///
/// # Errors
/// As [`read`].
pub fn read_stdin() -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    let all = std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
    text(bytes, all, "standard input")
}

fn text(bytes: Vec<u8>, all: std::io::Result<usize>, name: &str) -> Result<String, Diagnostic> {
    if let Err(e) = all {
        let message = format!("`{name}` cannot be read: {e}");
        return Err(Diagnostic::without_place(Code::E0105, message));
    }
    if bytes.len() as u64 > LARGEST {
        let message = format!("`{name}` is larger than {} MiB", LARGEST >> 20);
        return Err(Diagnostic::without_place(Code::E0102, message)
            .help("put large tensors into data files (npy, npz, hdf5)"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes().iter().take(at).filter(|b| **b == b'\n').count();
        let message = format!("`{name}` is not UTF-8 text (line {line}, byte {at})");
        Diagnostic::without_place(Code::E0104, message).help("save the file as UTF-8")
    })
}

/// What the parser found wrong in file `file`.
pub fn syntax(file: u32, error: &SyntaxError) -> Diagnostic {
    let code = match error.kind {
        SyntaxErrorKind::Syntax => Code::E0101,
        SyntaxErrorKind::TooLarge => Code::E0102,
        SyntaxErrorKind::TooDeep => Code::E0103,
    };
    let loc = |span| Loc { file, span };
    let mut diagnostic = Diagnostic::new(code, error.message.clone(), loc(error.span), "");
    if let Some((span, text)) = &error.related {
        diagnostic = diagnostic.label(loc(*span), text.clone());
    }
    diagnostic.helps.extend(error.help.clone().map(Help::from));
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_data::Disk;

    #[test]
    fn what_is_not_text_is_a_coded_error() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("binary.snn");
        std::fs::write(&binary, b"const a = 1\n\xff\xfe").unwrap();
        let error = read(&Disk, &binary).unwrap_err();
        assert_eq!(error.code, Code::E0104);
        assert!(error.message.contains("line 2, byte 12"), "{}", error.message);
        assert_eq!(read(&Disk, folder.path()).unwrap_err().code, Code::E0105);
        assert_eq!(read(&Disk, &folder.path().join("missing")).unwrap_err().code, Code::E0105);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_source_without_end_is_not_read_for_ever() {
        let error = read(&Disk, Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.code, Code::E0105);
        assert!(error.message.contains("not a regular file"), "{}", error.message);
    }

    #[test]
    fn both_places_of_a_syntax_error_are_shown() {
        let errors = snn_grammar::parse("const a = 1 < 2 < 3\n").errors;
        let diagnostic = errors.iter().map(|e| syntax(3, e)).find(|d| d.labels.len() > 1);
        let labels = diagnostic.expect("the first comparison is named").labels;
        assert!(labels.iter().all(|l| l.loc.file == 3));
    }
}
