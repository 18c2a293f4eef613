//! Decides which marks and line breaks stay, before anything is written.

use super::marks::{Mark, Piece};
use crate::lexer::TokenKind;

/// Does all that this file is for.
pub(super) fn tidy(pieces: &mut Vec<Piece>) {
    drop_needless_commas(pieces);
    drop_needless_semicolons(pieces);
    break_blocks(pieces);
    limit_breaks(pieces);
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
    let mut after_statement = false;
    let mut pending: Option<Piece> = None;
    for mut piece in std::mem::take(pieces) {
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
