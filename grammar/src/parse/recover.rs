//! Several errors from one item: its parts are parsed on their own, so that each is
//! reported with its own mistake.

use super::build::Builder;
use super::grammar::{self, Failure, Rule};
use super::starts::{self, Context};
use super::{MAX_ERRORS, message};
use crate::error::SyntaxError;
use crate::layout::Layout;
use crate::lexer::tokens;
use std::ops::Range;

/// Reports what is wrong with an item that failed to parse.
pub(super) fn item(
    layout: &Layout,
    piece: Range<usize>,
    failure: Failure,
    errors: &mut Vec<SyntaxError>,
) {
    Recovery { layout, errors }.failed(piece, Context::File, &failure);
}

struct Recovery<'a> {
    layout: &'a Layout,
    errors: &'a mut Vec<SyntaxError>,
}

impl Recovery<'_> {
    /// Reports what is wrong with a piece, if anything is.
    fn piece(&mut self, piece: Range<usize>, context: Context) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let text = self.layout.text.get(piece.clone()).unwrap_or_default();
        let rule = match context {
            Context::File => Rule::item_only,
            Context::Process => Rule::process_member_only,
            Context::Network => Rule::network_member_only,
            Context::Run => Rule::run_member_only,
            Context::Phase => Rule::statement_only,
        };
        let pair = match grammar::parse(rule, text) {
            Ok(pair) => pair,
            Err(failure) => return self.failed(piece, context, &failure),
        };
        let mut builder = Builder::new(&self.layout.text, piece.start, &[]);
        let laid_out = &self.layout.text;
        let built = match context {
            Context::File => builder.item(pair, laid_out).map(drop),
            Context::Process => builder.process_member(pair, laid_out).map(drop),
            Context::Network => builder.network_member(pair, laid_out).map(drop),
            Context::Run => builder.run_member(pair).map(drop),
            Context::Phase => builder.stmt(pair).map(drop),
        };
        self.errors.extend(builder.errors);
        self.errors.extend(built.err());
    }

    /// Reports what is wrong with a piece that failed to parse.
    fn failed(&mut self, piece: Range<usize>, context: Context, failure: &Failure) {
        let text = self.layout.text.as_str();
        let blocks = self.layout.blocks(piece.clone());
        let at = piece.start + failure.at;
        let in_header = blocks.first().is_none_or(|b| at < b.start);
        let mut reported = self.bracket_error_in(&piece);
        // Of an `else` that has lost its `if`, the blocks may still be read.
        let known = starts::explain(text, piece.clone(), context);
        let first = tokens(text, piece.start, piece.end).next();
        let inside = first.and_then(|t| Context::inside(t.text(text)));
        if let Some(error) = known {
            self.report(error, &mut reported);
        } else if in_header {
            self.report(
                message::explain(failure, text, piece.clone(), Some(context)),
                &mut reported,
            );
        }
        let before = self.errors.len();
        if let Some(inside) = inside {
            for block in blocks {
                for part in self.layout.pieces(block) {
                    self.piece(part, inside);
                }
            }
        }
        reported |= self.errors.len() > before;
        self.report_unless(reported, || {
            message::explain(failure, text, piece.clone(), Some(context))
        });
    }

    fn report(&mut self, error: SyntaxError, reported: &mut bool) {
        if !*reported {
            self.errors.push(error);
        }
        *reported = true;
    }

    fn report_unless(&mut self, reported: bool, error: impl FnOnce() -> SyntaxError) {
        if !reported {
            self.errors.push(error());
        }
    }

    /// Whether the layout has already found fault with a bracket or string there.
    fn bracket_error_in(&self, piece: &Range<usize>) -> bool {
        let inside = |e: &SyntaxError| piece.contains(&(e.span.start as usize));
        self.layout.errors.iter().any(inside)
    }
}
