//! Cuts laid-out text where its brackets say: into statements, and into blocks.

use super::Layout;
use crate::error::SyntaxError;
use crate::lexer::tokens;
use std::ops::Range;

/// What the grammar passes over; other white space is an error like any odd character.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// What divides a text.
enum Mark {
    Open,
    Close,
    /// `;` or a line break.
    End,
}

impl Layout {
    /// Cuts a part of the text into the pieces between line breaks and `;` that stand in no
    /// bracket of that part.
    pub fn pieces(&self, within: Range<usize>) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut depth = 0usize;
        let mut start = within.start;
        self.marks(&within, |mark, _, at| match mark {
            Mark::Open => depth += 1,
            Mark::Close => depth = depth.saturating_sub(1),
            Mark::End if depth == 0 => {
                pieces.push(start..at.start);
                start = at.end;
            }
            Mark::End => {}
        });
        pieces.push(start..within.end);
        pieces.retain_mut(|piece| {
            let inside = self.text.get(piece.clone()).unwrap_or_default();
            let trimmed = inside.trim_start_matches(BLANKS);
            piece.start += inside.len() - trimmed.len();
            piece.end = piece.start + trimmed.trim_end_matches(BLANKS).len();
            piece.start < piece.end
        });
        pieces
    }

    /// The insides of the outermost braces of a part of the text; the last may lack its end.
    pub fn blocks(&self, within: Range<usize>) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut depth = 0usize;
        let mut block = None;
        self.marks(&within, |mark, text, at| match mark {
            Mark::Open => {
                if depth == 0 && text == "{" {
                    block = Some(at.end);
                }
                depth += 1;
            }
            Mark::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    blocks.extend(block.take().map(|start| start..at.start));
                }
            }
            Mark::End => {}
        });
        blocks.extend(block.map(|start| start..within.end));
        blocks
    }

    /// Whether fault was found there with a bracket, a string or a comment.
    pub fn has_error_in(&self, within: &Range<usize>) -> bool {
        let start = |e: &SyntaxError| e.span.start as usize;
        let next = self.errors.partition_point(|e| start(e) < within.start);
        self.errors.get(next).is_some_and(|e| start(e) < within.end)
    }

    /// Calls `each` for every mark with its text and place; closing brackets that are
    /// missing have neither.
    fn marks(&self, within: &Range<usize>, mut each: impl FnMut(Mark, &str, Range<usize>)) {
        let first = self.missing.partition_point(|m| *m <= within.start);
        let mut missing = self.missing.get(first..).unwrap_or_default().iter().peekable();
        for token in tokens(&self.text, within.start, within.end) {
            let at = token.span.start as usize..token.span.end as usize;
            while let Some(&place) = missing.next_if(|m| **m <= at.start) {
                each(Mark::Close, "", place..place);
            }
            let text = token.text(&self.text);
            match text {
                "(" | "[" | "{" => each(Mark::Open, text, at),
                ")" | "]" | "}" => each(Mark::Close, text, at),
                ";" | "\n" => each(Mark::End, text, at),
                _ => {}
            }
        }
    }
}
