//! The tokens of a text with what the formatter must know of each.

use crate::layout::Layout;
use crate::lexer::{Token, TokenKind, tokens};
use crate::parse::grammar::{self, Rule};
use std::borrow::Cow;
use std::collections::HashMap;

/// What a mark is for, where its text does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing special.
    Plain,
    /// A sign, `!`, or the `*` of a whole shape: belongs to what follows.
    Prefix,
    /// A bracket that opens a group, a list, or a set of names.
    Open,
    /// A bracket that belongs to what is before it: a call, a subscript, a shape.
    OpenTight,
    /// A bracket that closes one of these.
    Close,
    /// The `{` of a block.
    OpenBlock,
    /// The `}` of a block.
    CloseBlock,
}

/// A token.
#[derive(Clone, Debug)]
pub(super) struct Piece<'t> {
    pub kind: TokenKind,
    pub text: Cow<'t, str>,
    pub mark: Mark,
    /// Line breaks before it.
    pub breaks: usize,
    /// Whether it is the first token of a statement, member or item.
    pub starts_statement: bool,
    /// Which pattern (`net.lif*.{u, v}`) it belongs to.
    pub pattern: Option<usize>,
}

impl Piece<'_> {
    /// Whether it is a comment.
    pub fn is_comment(&self) -> bool {
        matches!(self.kind, TokenKind::LineComment | TokenKind::BlockComment)
    }
}

/// The tokens of `source`, which follows the grammar.
pub(super) fn pieces<'t>(source: &'t str, layout: &Layout) -> Vec<Piece<'t>> {
    let roles = Roles::of(layout);
    let laid_out = layout.text.as_str();
    let mut pieces = Pieces { source, laid_out, roles: &roles, out: Vec::new(), breaks: 0, end: 0 };
    let mut at = 0;
    for (number, (start, end)) in roles.patterns.iter().copied().enumerate() {
        pieces.add(at, start, None);
        pieces.add(start, end, Some(number));
        at = end;
    }
    pieces.add(at, source.len(), None);
    pieces.out
}

/// What the grammar knows of places in the text.
struct Roles {
    marks: HashMap<usize, Mark>,
    /// Start and end of each pattern, in order.
    patterns: Vec<(usize, usize)>,
}

impl Roles {
    fn of(layout: &Layout) -> Roles {
        let mut roles = Roles { marks: HashMap::new(), patterns: Vec::new() };
        for piece in layout.pieces(0..layout.text.len()) {
            let text = layout.text.get(piece.clone()).unwrap_or_default();
            let Ok(pair) = grammar::parse(Rule::item_only, text) else { continue };
            for pair in pair.into_inner().flatten() {
                let (start, end) = (pair.as_span().start(), pair.as_span().end());
                let (start, end) = (piece.start + start, piece.start + end);
                match pair.as_rule() {
                    Rule::op_neg | Rule::op_bang | Rule::star => {
                        roles.marks.insert(start, Mark::Prefix);
                    }
                    Rule::args | Rule::index | Rule::shape | Rule::shape_params | Rule::params => {
                        roles.marks.insert(start, Mark::OpenTight);
                    }
                    Rule::pattern => roles.patterns.push((start, end)),
                    _ => {}
                }
            }
        }
        roles
    }
}

/// Collects pieces.
struct Pieces<'t, 'l> {
    source: &'t str,
    laid_out: &'l str,
    roles: &'l Roles,
    out: Vec<Piece<'t>>,
    /// Line breaks since the last token.
    breaks: usize,
    /// Where the last token that is no comment ends.
    end: usize,
}

impl Pieces<'_, '_> {
    fn add(&mut self, start: usize, end: usize, pattern: Option<usize>) {
        for token in tokens(self.source, start, end) {
            match token.kind {
                TokenKind::Newline => self.breaks += 1,
                _ => self.token(&token, pattern),
            }
        }
    }

    fn token(&mut self, token: &Token, pattern: Option<usize>) {
        let text = token.text(self.source);
        let start = token.span.start as usize;
        let starts_statement = !token.is_comment() && self.starts_statement(start);
        let mark = self.roles.marks.get(&start).copied().unwrap_or(match text {
            "{" if pattern.is_none() => Mark::OpenBlock,
            "}" if pattern.is_none() => Mark::CloseBlock,
            "(" | "[" | "{" => Mark::Open,
            ")" | "]" | "}" => Mark::Close,
            _ => Mark::Plain,
        });
        if !token.is_comment() {
            self.end = token.span.end as usize;
        }
        let breaks = std::mem::take(&mut self.breaks);
        let kind = token.kind;
        let text = match kind {
            TokenKind::LineComment => Cow::Borrowed(text.trim_end()),
            TokenKind::BlockComment => Cow::Owned(trim_lines(text)),
            _ => Cow::Borrowed(text),
        };
        self.out.push(Piece { kind, text, mark, breaks, starts_statement, pattern });
    }

    fn starts_statement(&self, start: usize) -> bool {
        let before = self.out.iter().rev().find(|p| !p.is_comment());
        let gap = self.laid_out.get(self.end..start).unwrap_or_default();
        before.is_none_or(|b| b.text == ";" || b.mark == Mark::OpenBlock) || gap.contains('\n')
    }
}

/// Line ends inside a comment are normalised as outside.
fn trim_lines(comment: &str) -> String {
    comment.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n")
}
