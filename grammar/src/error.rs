//! What can be wrong with a text.

use crate::ast::Span;

/// The kinds of [`SyntaxError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// The text is longer than [`MAX_SOURCE`](crate::MAX_SOURCE), or too long to be parsed
    /// with bounded effort.
    TooLarge,
    /// Brackets or operators are nested deeper than the compiler may recurse.
    TooDeep,
}

/// One thing that is wrong with a text, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What kind of thing.
    pub kind: SyntaxErrorKind,
    /// Where; not empty unless the text ends there.
    pub span: Span,
    /// One sentence without a full stop: ``expected a type after `:`, found `=` ``.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Another place that takes part, with what to say there.
    pub related: Option<(Span, String)>,
}

impl SyntaxError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        let kind = SyntaxErrorKind::Syntax;
        SyntaxError { kind, span, message: message.into(), help: None, related: None }
    }

    pub(crate) fn kind(mut self, kind: SyntaxErrorKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related = Some((span, text.into()));
        self
    }
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}
