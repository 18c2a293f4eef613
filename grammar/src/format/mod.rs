//! Writes a text the canonical way.
//!
//! The formatter works on tokens, comments included, and so cannot lose one. It decides
//! about blanks and indentation; where lines break is the author's choice, except that a
//! block is either on one line or has its braces at line ends. What a mark is for (a sign or a
//! subtraction, a call or a group) it asks the grammar.

mod lines;
mod marks;
mod spacing;

use crate::error::SyntaxError;
use crate::layout::lay_out;
use crate::lexer::TokenKind;
use lines::Lines;
use marks::{Mark, Piece};

/// Columns of one level.
const INDENT: usize = 4;
/// Arrows are aligned up to this column, so that a long first hop does not push them away.
const LAST_ARROW_COLUMN: usize = 40;

/// Formats a `.snn` file: indents by four blanks, puts one blank between tokens that need
/// one, keeps at most one empty line, aligns the `->` that begin continued lines below the
/// first one and comments at the ends of neighbouring lines.
///
/// Keeps every comment. Formatting the result changes nothing, and its syntax tree is that
/// of `text` but for the spans.
///
/// # Errors
///
/// The errors of [`parse`](crate::parse): what does not follow the grammar is not touched.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    let parsed = crate::parse(text);
    if !parsed.errors.is_empty() {
        return Err(parsed.errors);
    }
    let layout = lay_out(text);
    let mut pieces = marks::pieces(text, &layout);
    drop_needless_commas(&mut pieces);
    drop_needless_semicolons(&mut pieces);
    break_blocks(&mut pieces);
    limit_breaks(&mut pieces);
    Ok(Writer::default().write(&pieces))
}

/// Removes each `,` right before the bracket that closes its list on the same line.
fn drop_needless_commas(pieces: &mut Vec<Piece>) {
    let mut before_close = false;
    pieces.reverse();
    pieces.retain(|piece| {
        let needless = before_close && piece.text == "," && piece.kind == TokenKind::Punct;
        before_close = piece.mark == Mark::Close && piece.breaks == 0;
        !needless
    });
    pieces.reverse();
}

/// Removes each `;` that a line break, a brace or another `;` makes superfluous.
fn drop_needless_semicolons(pieces: &mut Vec<Piece>) {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut breaks = 0;
    let mut rest = std::mem::take(pieces).into_iter().peekable();
    let mut after_statement = false;
    let mut pending: Option<Piece> = None;
    while let Some(mut piece) = rest.next() {
        piece.breaks += std::mem::take(&mut breaks);
        if piece.text == ";" && piece.kind == TokenKind::Punct {
            breaks = piece.breaks;
            if after_statement && piece.breaks == 0 && pending.is_none() {
                pending = Some(piece);
            }
            continue;
        }
        let code = !piece.is_comment();
        if let Some(semicolon) = pending.take() {
            // Between statements of one line it is needed, before a comment it may wait.
            let ends_line = piece.breaks > 0 || piece.mark == Mark::CloseBlock;
            if code && !ends_line {
                kept.push(semicolon);
            } else if !code && !ends_line {
                pending = Some(semicolon).filter(|_| piece.kind != TokenKind::LineComment);
            }
        }
        if code {
            after_statement = piece.mark != Mark::OpenBlock;
        }
        kept.push(piece);
    }
    *pieces = kept;
}

/// Gives the braces of every block that spans lines their line ends.
fn break_blocks(pieces: &mut [Piece]) {
    let mut open: Vec<usize> = Vec::new();
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece.mark {
            Mark::OpenBlock => open.push(index),
            Mark::CloseBlock => blocks.extend(open.pop().map(|start| (start, index))),
            _ => {}
        }
    }
    for (start, end) in blocks {
        let Some(inside) = pieces.get_mut(start + 1..=end) else { continue };
        if inside.iter().all(|p| p.breaks == 0) {
            continue;
        }
        if let Some(last) = inside.last_mut() {
            last.breaks = last.breaks.max(1);
        }
        // A comment at the end of the line of the opening brace stays there.
        let first = inside.iter_mut().find(|p| !p.is_comment() || p.breaks > 0);
        if let Some(first) = first {
            first.breaks = first.breaks.max(1);
        }
    }
    for index in 1..pieces.len() {
        let Some([before, piece]) = pieces.get_mut(index - 1..=index) else { continue };
        if piece.text == "else" && before.mark == Mark::CloseBlock {
            piece.breaks = 0;
        }
    }
}

/// Keeps at most one empty line, and none where it separates nothing.
fn limit_breaks(pieces: &mut [Piece]) {
    let mut depth = 0usize;
    let mut after_open = true;
    for piece in pieces {
        let closes = matches!(piece.mark, Mark::CloseBlock | Mark::Close);
        if closes {
            depth = depth.saturating_sub(usize::from(piece.mark == Mark::Close));
        }
        let continued = !piece.is_comment() && !piece.starts_statement && depth == 0;
        let most = if after_open || closes || continued { 1 } else { 2 };
        piece.breaks = piece.breaks.min(most);
        depth += usize::from(matches!(piece.mark, Mark::Open | Mark::OpenTight));
        after_open = matches!(piece.mark, Mark::OpenBlock | Mark::Open | Mark::OpenTight);
    }
}

/// A bracket that is open.
struct Frame {
    block: bool,
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
        let mut previous: Option<&Piece> = None;
        // The last piece that is no comment: what a line goes on from.
        let mut significant: Option<&Piece> = None;
        for (index, piece) in pieces.iter().enumerate() {
            if piece.breaks > 0 || previous.is_none() {
                let rest = pieces.get(index..).unwrap_or_default();
                self.start_line(piece, rest, significant, previous.is_some());
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
            self.piece(piece);
            previous = Some(piece);
            significant = if piece.is_comment() { significant } else { previous };
        }
        self.lines.finish()
    }

    fn in_parentheses(&self) -> bool {
        self.frames.last().is_some_and(|f| !f.block)
    }

    fn start_line(&mut self, piece: &Piece, rest: &[Piece], before: Option<&Piece>, breaks: bool) {
        // A comment is indented as the code below it.
        let code = rest.iter().find(|p| !p.is_comment());
        let closes = |p: &Piece| matches!(p.mark, Mark::Close | Mark::CloseBlock);
        let (inner, outer) = self.frames.last().map_or((0, 0), |f| (f.inner, f.outer));
        let starts = code.is_none_or(|c| c.starts_statement);
        self.indent = match code {
            _ if closes(piece) => outer,
            Some(code) if closes(code) => inner,
            _ if self.in_parentheses() => {
                let listed = before.is_none_or(|b| {
                    matches!(b.text.as_str(), "," | ";")
                        || matches!(b.mark, Mark::Open | Mark::OpenTight)
                });
                if listed { inner } else { inner + INDENT }
            }
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

    fn piece(&mut self, piece: &Piece) {
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
                self.frames.push(Frame { block: true, outer, inner: outer + INDENT });
            }
            Mark::Open | Mark::OpenTight => {
                let outer = self.indent;
                self.frames.push(Frame { block: false, outer, inner: outer + INDENT });
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
