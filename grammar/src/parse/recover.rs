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
            Context::Train => Rule::train_member_only,
            Context::Phase => Rule::statement_only,
        };
        let pair = match grammar::parse(rule, text) {
            Ok(pair) => pair,
            Err(failure) => return self.failed(piece, context, &failure),
        };
        let mut builder = Builder::new(&self.layout.text, piece.start, &[]);
        let laid_out = &self.layout.text;
        let built = match context {
            _ if pair.as_rule() == Rule::allow => builder.allow(pair).map(drop),
            Context::File => builder.item(pair, laid_out).map(drop),
            Context::Process => builder.process_member(pair, laid_out).map(drop),
            Context::Network => builder.network_member(pair, laid_out).map(drop),
            Context::Run => builder.run_member(pair).map(drop),
            Context::Train => builder.train_part(pair).map(drop),
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
        let in_header = blocks.first().is_none_or(|block| at < block.start);
        let first = tokens(text, piece.start, piece.end).next();
        let inside = first.and_then(|t| Context::inside(t.text(text)));
        let explain = || message::explain(failure, text, piece.clone(), Some(context));

        let own = starts::explain(text, piece.clone(), context);
        let own = own.or_else(|| in_header.then(explain));
        let mut reported = self.layout.has_error_in(&piece);
        if let Some(error) = own.filter(|_| !reported) {
            self.errors.push(error);
            reported = true;
        }
        let before = self.errors.len();
        for block in blocks {
            let Some(inside) = inside else { break };
            for part in self.layout.pieces(block) {
                self.piece(part, inside);
            }
        }
        // The parts are fine; what is wrong is how they stand together.
        if !reported && self.errors.len() == before {
            self.errors.push(explain());
        }
    }
}
