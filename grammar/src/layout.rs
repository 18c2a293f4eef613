//! Lays a text out for the grammar: blanks comments and the line breaks that end nothing,
//! checks that brackets pair up, and measures nesting before anything recurses over it.
//!
//! Blanking keeps every byte in its place, so positions in the laid-out text are positions
//! in the source.

mod brackets;
mod limits;
mod pieces;

use crate::SyntaxError;
use crate::ast::Span;
use crate::lexer::{BYTE_ORDER_MARK, Token, TokenKind, tokens};
use brackets::Brackets;

/// A text ready for the grammar.
pub(crate) struct Layout {
    /// The source with comments and continuing line breaks blanked, unpaired closing
    /// brackets too; as long as the source.
    pub text: String,
    /// Where closing brackets are missing, in order, one entry for each.
    missing: Vec<usize>,
    /// The doc comments, in order.
    pub docs: Vec<DocLine>,
    /// What is wrong with brackets, strings, comments and nesting, in order of place.
    pub errors: Vec<SyntaxError>,
}

/// One line of a doc comment.
pub(crate) struct DocLine {
    pub span: Span,
    /// `//!` rather than `///`.
    pub inner: bool,
}

/// How brackets are paired.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// By their order alone.
    Exact,
    /// A line that can only begin something new closes what is still open: finds the
    /// opening bracket whose partner is missing, once it is known that one is.
    Guessing {
        /// It is known that there are too many `}`, too: one on a line that is indented
        /// deeper than its block is such a one.
        surplus: bool,
    },
}

/// Lays out a source text.
pub(crate) fn lay_out(source: &str) -> Layout {
    let Passed { layout, unclosed, surplus } = Pass::new(source, Pairing::Exact).run();
    if !unclosed && !surplus {
        return layout;
    }
    Pass::new(source, Pairing::Guessing { surplus }).run().layout
}

/// Whether a line that ends with this mark goes on.
fn continues_after(text: &str) -> bool {
    !matches!(text, ")" | "]" | "}" | "{" | ";" | ":" | "." | ".." | "..=")
}

/// Whether a line that starts with this mark goes on with the one before.
fn continues_before(text: &str) -> bool {
    continues_after(text) && !matches!(text, "(" | "[" | "," | "!")
}

/// Words that begin an item, a member or a statement and are followed by a name there.
const BEGINNERS: &[&str] = &[
    "use",
    "const",
    "data",
    "epoch",
    "process",
    "model",
    "network",
    "run",
    "train",
    "in",
    "out",
    "var",
    "buffer",
    "phase",
    "let",
    "if",
    "reset",
    "models",
    "target",
    "steps",
    "record",
    "report",
    "expect",
    "sample",
    "samples",
    "learn",
    "loss",
    "slope",
    "optimizer",
    "decay",
    "clip",
    "batch",
    "epochs",
    "shuffle",
    "validate",
    "stop",
    "export",
];

/// Whether a mark assigns: `=`, `+=` and its like.
pub(crate) fn assigns(mark: &str) -> bool {
    mark.ends_with('=') && !matches!(mark, "==" | "!=" | "<=" | ">=" | "..=")
}

/// One run over the tokens of a text.
struct Pass<'t> {
    source: &'t str,
    text: Vec<u8>,
    docs: Vec<DocLine>,
    brackets: Brackets<'t>,
    /// Where the current statement begins, in tokens.
    line: Line,
    previous: Option<Token>,
}

/// What a pass finds.
struct Passed {
    layout: Layout,
    unclosed: bool,
    surplus: bool,
}

/// What is known of the statement being read.
#[derive(Clone, Copy, Default)]
struct Line {
    /// It begins with `reset`, `record` or `learn` and a name, and its `every`, `at` or `in` is yet
    /// to come: a `*` in it is part of a name and a brace opens a set of names.
    in_pattern: bool,
}

impl<'t> Pass<'t> {
    fn new(source: &'t str, pairing: Pairing) -> Self {
        Pass {
            source,
            text: source.as_bytes().to_vec(),
            docs: Vec::new(),
            brackets: Brackets::new(source, pairing),
            line: Line::default(),
            previous: None,
        }
    }

    fn run(mut self) -> Passed {
        if self.source.starts_with(BYTE_ORDER_MARK) {
            self.blank(Span { start: 0, end: BYTE_ORDER_MARK.len_utf8() as u32 });
        }
        let all: Vec<Token> = tokens(self.source, 0, self.source.len()).collect();
        let mut at_start = true;
        let mut newlines: Vec<Token> = Vec::new();
        for (index, token) in all.iter().enumerate() {
            if self.brackets.too_deep {
                break;
            }
            match token.kind {
                TokenKind::Newline => {
                    newlines.push(*token);
                    self.brackets.new_line(token.span.end);
                }
                _ if token.is_comment() => self.comment(token),
                _ => {
                    self.brackets.note_indent(token);
                    let ahead = Ahead { tokens: all.get(index..).unwrap_or_default() };
                    if !newlines.is_empty() {
                        at_start |= self.line_break(&newlines, &ahead);
                        newlines.clear();
                    }
                    at_start = self.token(token, &ahead, at_start);
                    // A lone `;` means nothing, so it hides nothing either.
                    self.brackets.first_on_line &= token.text(self.source) == ";";
                }
            }
        }
        if self.brackets.in_parentheses() {
            newlines.iter().for_each(|n| self.blank(n.span));
        }
        self.brackets.finish();
        let (unclosed, surplus) = (self.brackets.unclosed, self.brackets.surplus);
        let mut errors = std::mem::take(&mut self.brackets.errors);
        errors.sort_by_key(|e| e.span);
        // Only whole characters were replaced by spaces, so the text is still valid.
        let text = String::from_utf8(self.text).unwrap_or_default();
        let missing = std::mem::take(&mut self.brackets.missing);
        Passed { layout: Layout { text, missing, docs: self.docs, errors }, unclosed, surplus }
    }

    fn blank(&mut self, span: Span) {
        if let Some(bytes) = self.text.get_mut(span.start as usize..span.end as usize) {
            bytes.fill(b' ');
        }
    }

    fn comment(&mut self, token: &Token) {
        let text = token.text(self.source);
        if token.kind == TokenKind::OpenComment {
            let opener = Span { start: token.span.start, end: token.span.start + 2 };
            self.brackets.report(
                SyntaxError::new(opener, "this comment is not closed")
                    .help("write `*/` where it ends"),
            );
        }
        let inner = text.starts_with("//!");
        // Documentation stands on its own line; a rule of slashes is none.
        let doc = inner || (text.starts_with("///") && !text.starts_with("////"));
        if doc && self.brackets.first_on_line {
            self.docs.push(DocLine { span: token.span, inner });
        }
        self.blank(token.span);
    }

    /// Decides whether line breaks end a statement; blanks them where they do not.
    fn line_break(&mut self, newlines: &[Token], ahead: &Ahead) -> bool {
        self.brackets.line_starts(ahead, self.previous.as_ref());
        let ends = !self.brackets.in_parentheses() && !self.goes_on(ahead);
        if !ends {
            newlines.iter().for_each(|n| self.blank(n.span));
        }
        ends
    }

    fn goes_on(&self, ahead: &Ahead) -> bool {
        let next = ahead.word(self.source, 0);
        let after_brace = self.previous.is_some_and(|p| p.text(self.source) == "}");
        if after_brace && next == "else" && matches!(ahead.word(self.source, 1), "{" | "if") {
            return true;
        }
        let goes_on_before = match ahead.kind(0) {
            Some(TokenKind::Punct) => continues_before(next),
            Some(TokenKind::Word) => matches!(next, "and" | "or"),
            _ => false,
        };
        let goes_on_after = self.previous.is_some_and(|p| match p.kind {
            TokenKind::Punct => continues_after(p.text(self.source)) && !self.is_glob(&p),
            TokenKind::Word => matches!(p.text(self.source), "and" | "or" | "not"),
            _ => false,
        });
        let listed = self.previous.is_some_and(|p| p.text(self.source) == ",");
        // An unfinished line should not swallow the next, which is then reported instead.
        goes_on_before || goes_on_after && (listed || !ahead.begins_statement(self.source))
    }

    /// Whether it ends a name, as the `*` of `record net.lif*`.
    fn is_glob(&self, token: &Token) -> bool {
        self.line.in_pattern && token.text(self.source).starts_with('*')
    }

    /// Takes one token that is no comment or line break; says whether the next begins a
    /// statement.
    fn token(&mut self, token: &Token, ahead: &Ahead, at_start: bool) -> bool {
        let text = token.text(self.source);
        if at_start {
            self.line = Line {
                in_pattern: matches!(text, "reset" | "record" | "learn")
                    && (ahead.kind(1) == Some(TokenKind::Word)
                        || matches!(ahead.word(self.source, 1), "*" | "{")),
            };
            self.brackets.statement_starts(ahead);
        }
        if matches!(text, "every" | "at" | "in" | "step" | "from" | "lr") {
            self.line.in_pattern = false;
        }
        if token.kind == TokenKind::OpenStr {
            self.brackets.report(
                SyntaxError::new(token.span, "this string is not closed")
                    .help("write `\"` where it ends; a string cannot go over several lines"),
            );
        }
        let after_dot = self.previous.is_some_and(|p| p.text(self.source) == ".");
        let is_set = self.line.in_pattern || after_dot;
        if !self.brackets.token(token, is_set) {
            self.blank(token.span);
        }
        self.previous = Some(*token);
        match text {
            "{" => !is_set,
            ";" => !self.brackets.in_parentheses(),
            _ => false,
        }
    }
}

/// The tokens from a place on.
pub(super) struct Ahead<'a> {
    tokens: &'a [Token],
}

impl Ahead<'_> {
    fn nth(&self, n: usize) -> Option<&Token> {
        self.tokens.iter().filter(|t| !t.is_comment()).nth(n)
    }

    /// The kind of the `n`-th token; a line break counts as one.
    fn kind(&self, n: usize) -> Option<TokenKind> {
        self.nth(n).map(|t| t.kind)
    }

    /// Whether what follows can only be the beginning of a statement, member or item, never
    /// the rest of an expression: two words in a row, or an assignment.
    fn begins_statement(&self, source: &str) -> bool {
        let (first, second) = (self.word(source, 0), self.word(source, 1));
        if self.kind(0) != Some(TokenKind::Word) {
            return false;
        }
        match self.kind(1) {
            Some(TokenKind::Word) => {
                // Any of these may be a name, which these may follow in an expression.
                let infix = matches!(
                    second,
                    "and"
                        | "or"
                        | "where"
                        | "in"
                        | "every"
                        | "steps"
                        | "offset"
                        | "stagger"
                        | "step"
                        | "from"
                        | "seed"
                        | "lr"
                        | "on"
                );
                BEGINNERS.contains(&first)
                    && !infix
                    && (!matches!(first, "in" | "out") || self.word(source, 2) == ":")
            }
            Some(TokenKind::Punct) => assigns(second),
            _ => false,
        }
    }

    /// The text of the `n`-th token, empty at the end.
    fn word<'t>(&self, source: &'t str, n: usize) -> &'t str {
        self.nth(n).map(|t| t.text(source)).unwrap_or_default()
    }
}
