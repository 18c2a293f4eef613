//! Writes a text the canonical way.
//!
//! The formatter works on tokens, comments included, and so cannot lose one. It decides
//! about blanks and indentation; where lines break is the author's choice, except that a
//! block is either on one line or has its braces at line ends. What a mark is for (a sign or a
//! subtraction, a call or a group) it asks the grammar.

mod lines;
mod marks;
mod spacing;
mod tidy;
mod writer;

use crate::error::SyntaxError;
use crate::layout::lay_out;

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
    tidy::tidy(&mut pieces);
    Ok(writer::write(&pieces))
}
