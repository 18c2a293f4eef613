//! Blanks between the tokens of a line.

use super::marks::{Mark, Piece};
use crate::lexer::TokenKind;

/// Whether a blank stands between two neighbours of a line.
pub(super) fn blank_between(before: &Piece, after: &Piece) -> bool {
    let (left, right) = (&*before.text, &*after.text);
    let opened = matches!(before.mark, Mark::Open | Mark::OpenTight);
    if opened || (before.mark == Mark::OpenBlock && after.mark == Mark::CloseBlock) {
        return false;
    }
    if before.pattern.is_some() && before.pattern == after.pattern {
        return left == "," || before.is_comment() || after.is_comment();
    }
    if after.mark == Mark::Close || (is_mark(after) && matches!(right, "," | ";" | ":")) {
        return false;
    }
    if before.is_comment() || after.is_comment() || matches!(left, "," | ";" | ":") {
        return true;
    }
    let joins = |piece: &Piece| is_mark(piece) && matches!(&*piece.text, "." | ".." | "..=");
    !(joins(before) || joins(after) || before.mark == Mark::Prefix || after.mark == Mark::OpenTight)
}

fn is_mark(piece: &Piece) -> bool {
    piece.kind == TokenKind::Punct
}
