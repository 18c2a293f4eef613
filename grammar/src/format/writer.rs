//! Puts pieces into lines and indents these.

use super::lines::Lines;
use super::marks::{Mark, Piece};
use super::spacing;
use crate::lexer::TokenKind;

/// Columns of one level.
const INDENT: usize = 4;
/// Arrows are aligned up to this column, so that a long first hop does not push them away.
const LAST_ARROW_COLUMN: usize = 40;

/// The text that consists of these pieces.
pub(super) fn write(pieces: &[Piece]) -> String {
    Writer::default().write(pieces)
}

/// A bracket that is open.
struct Frame {
    block: bool,
    /// Nothing follows the bracket on its line.
    hangs: bool,
    /// Indentation of the line that closes it.
    outer: usize,
    /// Indentation of lines inside.
    inner: usize,
}

/// Puts pieces into lines.
#[derive(Default)]
struct Writer {
    lines: Lines,
    frames: Vec<Frame>,
    /// Indentation of the line being written, and of the first line of its statement.
    indent: usize,
    statement_indent: usize,
    /// Column of the first arrow of the statement, if it is on its first line.
    arrow: Option<usize>,
    on_first_line: bool,
}

impl Writer {
    fn write(mut self, pieces: &[Piece]) -> String {
        let code = next_code(pieces);
        let mut previous: Option<&Piece> = None;
        // The last piece that is no comment: what a line goes on from.
        let mut significant: Option<&Piece> = None;
        for (index, piece) in pieces.iter().enumerate() {
            if piece.breaks > 0 || previous.is_none() {
                let code = code.get(index).copied().flatten();
                self.start_line(piece, code, significant, previous.is_some());
            } else if let Some(previous) = previous {
                if piece.starts_statement && !self.in_parentheses() {
                    self.arrow = None;
                    self.on_first_line = true;
                }
                if piece.kind == TokenKind::LineComment {
                    self.lines.comment(&piece.text);
                } else if spacing::blank_between(previous, piece) {
                    self.lines.push(" ");
                }
            }
            self.piece(piece, pieces.get(index + 1));
            previous = Some(piece);
            significant = if piece.is_comment() { significant } else { previous };
        }
        self.lines.finish()
    }

    fn in_parentheses(&self) -> bool {
        self.frames.last().is_some_and(|f| !f.block)
    }

    /// Whether what is in the innermost bracket begins on a line of its own.
    fn hangs(&self) -> bool {
        self.frames.last().is_some_and(|f| f.hangs)
    }

    /// Breaks the line before `piece`, unless it is the first, and indents the next one.
    /// `code` is the next piece that is no comment, because a comment is indented as the
    /// code below it; `before` is the last.
    fn start_line(
        &mut self,
        piece: &Piece,
        code: Option<&Piece>,
        before: Option<&Piece>,
        breaks: bool,
    ) {
        let closes = |p: &Piece| matches!(p.mark, Mark::Close | Mark::CloseBlock);
        let (inner, outer) = self.frames.last().map_or((0, 0), |f| (f.inner, f.outer));
        let starts = code.is_none_or(|c| c.starts_statement);
        self.indent = match code {
            _ if closes(piece) => outer,
            Some(code) if closes(code) => inner,
            _ if self.in_parentheses() => {
                let listed = before.is_none_or(|b| {
                    matches!(&*b.text, "," | ";") || matches!(b.mark, Mark::Open | Mark::OpenTight)
                });
                if listed || !self.hangs() { inner } else { inner + INDENT }
            }
            Some(code) if code.text == "else" && !starts => self.statement_indent,
            _ if starts => inner,
            Some(code) if code.text == "->" => self.arrow.unwrap_or(self.statement_indent + INDENT),
            _ => self.statement_indent + INDENT,
        };
        if !self.in_parentheses() && !piece.is_comment() {
            self.on_first_line = starts;
            if starts {
                self.statement_indent = self.indent;
                self.arrow = None;
            }
        }
        if breaks {
            self.lines.break_line(piece.breaks > 1);
        }
        self.lines.push(&" ".repeat(self.indent));
        if piece.kind == TokenKind::LineComment {
            self.lines.push(&piece.text);
        }
    }

    fn piece(&mut self, piece: &Piece, next: Option<&Piece>) {
        if piece.text == "->" && self.on_first_line && self.arrow.is_none() {
            let column = self.lines.column();
            self.arrow = Some(column).filter(|c| *c <= LAST_ARROW_COLUMN);
            // Only the first arrow counts.
            self.on_first_line = self.arrow.is_some();
        }
        if piece.kind != TokenKind::LineComment {
            self.lines.push(&piece.text);
        }
        match piece.mark {
            Mark::OpenBlock => {
                let outer = self.statement_indent;
                self.frames.push(Frame { block: true, hangs: true, outer, inner: outer + INDENT });
            }
            Mark::Open | Mark::OpenTight => {
                let outer = self.indent;
                let hangs = next.is_none_or(|n| n.breaks > 0);
                self.frames.push(Frame { block: false, hangs, outer, inner: outer + INDENT });
            }
            Mark::Close | Mark::CloseBlock => {
                if let Some(frame) = self.frames.pop()
                    && frame.block
                {
                    self.statement_indent = frame.outer;
                }
            }
            _ => {}
        }
    }
}

/// For each piece, the first from there on that is no comment.
fn next_code<'a, 't>(pieces: &'a [Piece<'t>]) -> Vec<Option<&'a Piece<'t>>> {
    let mut next = None;
    let mut code: Vec<_> = pieces
        .iter()
        .rev()
        .map(|piece| {
            next = if piece.is_comment() { next } else { Some(piece) };
            next
        })
        .collect();
    code.reverse();
    code
}
