//! From text to tree.

mod build;
mod expected;
pub(crate) mod grammar;
mod message;
mod recover;
mod starts;

use crate::ast::{Allow, Expr, File, Span};
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::layout::{Layout, lay_out};
use crate::lexer::{TokenKind, tokens};
use build::Builder;
use grammar::Rule;

/// The longest text that is parsed, in bytes. Tensors belong in files of their own.
pub const MAX_SOURCE: usize = 4 << 20;

/// How many errors are reported for one text at most.
pub const MAX_ERRORS: usize = 100;

/// What a text says, as far as it follows the grammar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The items that could be read. With errors, items may be absent, so that nothing
    /// should be concluded from a name that is not there.
    pub file: File,
    /// What is wrong, in order of place; empty for a text that follows the grammar.
    pub errors: Vec<SyntaxError>,
}

/// Parses one `.snn` file.
///
/// Never fails and never panics: items that do not follow the grammar are left out and
/// reported, at most [`MAX_ERRORS`] errors for all, several for one item where its parts
/// are wrong independently. Time is proportional to the length of a text without errors.
pub fn parse(text: &str) -> Parsed {
    if let Some(error) = too_large(text) {
        return Parsed { file: File::default(), errors: vec![error] };
    }
    parse_layout(&lay_out(text), text)
}

/// Parses one expression, such as the value of an override on the command line.
///
/// Line breaks count as blanks.
///
/// # Errors
///
/// The first thing that is wrong; its span counts from the start of `text`.
pub fn parse_expr(text: &str) -> Result<Expr, SyntaxError> {
    if let Some(error) = too_large(text) {
        return Err(error);
    }
    let mut layout = lay_out(text);
    if let Some(error) = layout.errors.into_iter().next() {
        return Err(error);
    }
    layout.text = layout.text.replace('\n', " ");
    let mut builder = Builder::new(&layout.text, 0, &[]);
    let pair = grammar::parse(Rule::expr_only, &layout.text)
        .map_err(|failure| message::explain(&failure, &layout.text, 0..layout.text.len(), None))?;
    let expr = builder.expr(pair);
    builder.errors.into_iter().next().map_or(Ok(expr), Err)
}

fn too_large(text: &str) -> Option<SyntaxError> {
    (text.len() > MAX_SOURCE).then(|| {
        SyntaxError::new(
            Span::default(),
            format!("the file is larger than {} MiB", MAX_SOURCE >> 20),
        )
        .kind(SyntaxErrorKind::TooLarge)
        .help("keep tensors in files of their own and load them with `data`")
    })
}

fn parse_layout(layout: &Layout, source: &str) -> Parsed {
    let deep = |e: &&SyntaxError| e.kind == SyntaxErrorKind::TooDeep;
    if let Some(error) = layout.errors.iter().find(deep) {
        return Parsed { file: File::default(), errors: vec![error.clone()] };
    }
    let pieces = layout.pieces(0..layout.text.len());
    let first = pieces.first().map_or(source.len(), |p| p.start);
    let docs = layout.docs.iter().filter(|d| d.inner && (d.span.start as usize) < first);
    let mut file = File {
        docs: docs.map(|d| build::doc_text(d, source)).collect(),
        items: Vec::with_capacity(pieces.len()),
        allows: Vec::new(),
    };
    let mut errors = Vec::new();
    // About the item that follows.
    let mut waiting: Vec<Allow> = Vec::new();
    for piece in pieces {
        let text = layout.text.get(piece.clone()).unwrap_or_default();
        match grammar::parse(Rule::item_only, text) {
            Ok(pair) => {
                let mut builder = Builder::new(source, piece.start, &layout.docs);
                if pair.as_rule() == Rule::allow {
                    match builder.allow(pair) {
                        Ok(allow) => waiting.push(allow),
                        Err(error) => errors.push(error),
                    }
                    errors.extend(builder.errors);
                    continue;
                }
                match builder.item(pair, &layout.text) {
                    Ok(item) if builder.errors.is_empty() => {
                        let about = item.span;
                        let before = waiting.drain(..).map(|allow| Allow { about, ..allow });
                        file.allows.extend(before.chain(builder.allows));
                        file.items.push(item);
                    }
                    Ok(_) => errors.extend(builder.errors),
                    Err(error) => errors.push(error),
                }
            }
            Err(failure) => recover::item(layout, piece, failure, &mut errors),
        }
        waiting.clear();
        if errors.len() >= MAX_ERRORS {
            break;
        }
    }
    errors.extend(waiting.iter().map(build::about_nothing));
    errors.extend(layout.errors.iter().cloned());
    errors.sort_by_key(|e| (e.span, e.message.len()));
    errors.dedup();
    errors.truncate(MAX_ERRORS);
    Parsed { file, errors }
}

/// The span of the first token of `text` from `at` on, and its text; at the end of a line
/// the line break, at the end of the text nothing.
fn token_at(text: &str, at: usize) -> (Span, &str) {
    match tokens(text, at.min(text.len()), text.len()).next() {
        Some(token) if token.kind != TokenKind::Newline => (token.span, token.text(text)),
        Some(token) => (token.span, "\n"),
        None => {
            let end = text.len() as u32;
            (Span { start: end, end }, "")
        }
    }
}
