//! What the compiler has to say: coded, located, with a remedy.
//!
//! A [`Diagnostic`] is data. [`render`](render::render) makes it text for people,
//! the command an object for machines. Passes push diagnostics into a [`Sink`] and
//! go on, so that one run shows many.

pub mod codes;
pub mod fix;
pub mod render;
mod suggest;

use crate::data::DataError;
pub use codes::Code;
pub use fix::{Edit, Fix, Help};
use snn_grammar::ast::Span;
use std::ops::Range;
use std::path::PathBuf;
pub use suggest::nearest;

/// A place in the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Loc {
    /// Index into [`SourceMap::files`].
    pub file: u32,
    /// The bytes there.
    pub span: Span,
}

/// The texts that diagnostics point into.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    /// In order of loading; the first is the file named on the command line.
    pub files: Vec<SourceFile>,
}

/// One source text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As it is shown: the path as the user wrote it, or `<std/LIF.snn>`.
    pub name: String,
    /// The folder that relative paths inside it start from.
    pub folder: PathBuf,
    /// Its text.
    pub text: String,
    /// For the text of an imported network: the place that imports it, the first of several.
    pub imported_by: Option<Loc>,
}

/// A position in a text as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters (Unicode scalar values).
    pub column: usize,
}

impl SourceMap {
    /// The text at a place, on one line.
    pub fn line(&self, loc: Loc) -> String {
        let file = self.files.get(loc.file as usize);
        let text = file.map_or("", |file| &file.text[file.range(loc.span)]);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether a place is in the standard library.
    pub fn is_library(&self, loc: Loc) -> bool {
        self.files.get(loc.file as usize).is_some_and(|file| file.name.starts_with("<std/"))
    }
}

impl SourceFile {
    /// The bytes of a span, moved inside the text and outward to whole characters, so that
    /// the text can be sliced with it.
    pub fn range(&self, span: Span) -> Range<usize> {
        let mut start = (span.start as usize).min(self.text.len());
        let mut end = (span.end as usize).clamp(start, self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// The bytes of all lines that a range has a part in, without the last line break.
    pub fn lines(&self, range: Range<usize>) -> Range<usize> {
        let start = self.text[..range.start].rfind('\n').map_or(0, |i| i + 1);
        let end = self.text[range.end..].find('\n').map_or(self.text.len(), |i| range.end + i);
        start..end
    }

    /// The position of the character at a byte of the text.
    pub fn position(&self, byte: usize) -> Position {
        let at = self.range(Span { start: byte as u32, end: byte as u32 }).start;
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program means something, perhaps not what was wanted.
    Warning,
    /// The program is not accepted.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Its registered code.
    pub code: Code,
    /// As its code says, unless warnings are denied.
    pub severity: Severity,
    /// One sentence, without a full stop.
    pub message: String,
    /// Where; the first is primary. Empty only where there is no source (a missing file).
    pub labels: Vec<Label>,
    /// Facts that help to understand it: `= note` lines, each possibly of several lines.
    pub notes: Vec<String>,
    /// What to write instead.
    pub helps: Vec<Help>,
    /// The two shapes that disagree, where that is what is wrong.
    pub sides: Option<Box<[Vec<usize>; 2]>>,
}

/// A place with what is to be said there.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub loc: Loc,
    /// What; may be empty, may have several lines.
    pub text: String,
}

impl Diagnostic {
    /// A message at a place.
    pub fn new(code: Code, message: impl Into<String>, loc: Loc, label: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: vec![Label { loc, text: label.into() }],
            notes: Vec::new(),
            helps: Vec::new(),
            sides: None,
        }
    }

    /// A message without a place in a source.
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
            sides: None,
        }
    }

    /// Adds another place, usually the other side of a disagreement.
    pub fn label(mut self, loc: Loc, text: impl Into<String>) -> Self {
        self.labels.push(Label { loc, text: text.into() });
        self
    }

    /// Says which shapes disagree.
    pub fn sides(mut self, one: &[usize], other: &[usize]) -> Self {
        self.sides = Some(Box::new([one.to_vec(), other.to_vec()]));
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a remedy.
    pub fn help(mut self, help: impl Into<Help>) -> Self {
        self.helps.push(help.into());
        self
    }

    /// Adds a remedy that is a change of text.
    pub fn fix(self, text: impl Into<String>, fix: Fix) -> Self {
        self.help(Help { text: text.into(), fix: Some(fix) })
    }

    /// Adds a remedy that is a change of text, where there is one.
    pub fn fix_with(self, text: impl Into<String>, fix: Option<Fix>) -> Self {
        match fix {
            Some(fix) => self.fix(text, fix),
            None => self,
        }
    }
}

impl From<DataError> for Diagnostic {
    /// Without a place: for data that is read when no source names it any more.
    fn from(error: DataError) -> Diagnostic {
        let mut diagnostic = Diagnostic::without_place(error.code, error.message);
        diagnostic.helps.extend(error.help.map(Help::from));
        diagnostic
    }
}

/// A message in the sink says why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported;

/// Where passes put what they have to say.
#[derive(Clone, Debug, Default)]
pub struct Sink {
    diagnostics: Vec<Diagnostic>,
}

impl Sink {
    /// Adds a message, unless the very same was said before.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports an error; for `return Err(sink.fail(…))`.
    pub fn fail(&mut self, diagnostic: Diagnostic) -> Reported {
        self.push(diagnostic);
        Reported
    }

    /// How many messages there are.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Takes out all messages after the first `count`.
    pub fn split_off(&mut self, count: usize) -> Vec<Diagnostic> {
        self.diagnostics.split_off(count.min(self.diagnostics.len()))
    }

    /// Takes back those messages after the first `count` that say at a place what was said there.
    pub fn without_repeated(&mut self, count: usize) {
        let new = self.split_off(count);
        for d in new {
            let place = |d: &Diagnostic| (d.code, d.labels.first().map(|l| l.loc));
            if !self.diagnostics.iter().any(|known| place(known) == place(&d)) {
                self.diagnostics.push(d);
            }
        }
    }

    /// Makes `loc` the first place of the messages after the first `count` that are about
    /// another file: what is wrong in a library shows where the program uses it.
    pub fn lead_with(&mut self, count: usize, loc: Loc) {
        for diagnostic in self.diagnostics.iter_mut().skip(count) {
            if diagnostic.labels.first().is_some_and(|first| first.loc.file != loc.file) {
                diagnostic.labels.insert(0, Label { loc, text: String::new() });
            }
        }
    }

    /// Makes the place that imports a network the first of the messages about its text.
    pub fn lead_with_imports(&mut self, sources: &SourceMap) {
        let importer = |loc: Loc| sources.files.get(loc.file as usize)?.imported_by;
        for diagnostic in &mut self.diagnostics {
            if let Some(loc) = diagnostic.labels.first().and_then(|first| importer(first.loc)) {
                diagnostic.labels.insert(0, Label { loc, text: String::new() });
            }
        }
    }

    /// Leaves out the changes of texts that nobody has written: those of the standard library
    /// and of imported networks.
    pub fn without_foreign_changes(&mut self, sources: &SourceMap) {
        let imported = |loc: Loc| {
            sources.files.get(loc.file as usize).is_some_and(|f| f.imported_by.is_some())
        };
        let foreign = |fix: &Fix| {
            fix.edits.iter().any(|edit| sources.is_library(edit.loc) || imported(edit.loc))
        };
        for help in self.diagnostics.iter_mut().flat_map(|d| &mut d.helps) {
            help.fix.take_if(|fix| foreign(fix));
        }
    }

    /// Calls `f` on every message.
    pub fn for_each(&mut self, f: impl FnMut(&mut Diagnostic)) {
        self.diagnostics.iter_mut().for_each(f);
    }

    /// Keeps only some of the messages.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.diagnostics.retain(keep);
    }

    /// Makes errors of all warnings.
    pub fn deny_warnings(&mut self) {
        self.for_each(|d| d.severity = Severity::Error);
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// All messages, in order of place, those without a place first.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| (d.labels.first().map(|l| l.loc), d.code));
        self.diagnostics
    }
}
