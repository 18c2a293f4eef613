//! Remedies that are changes of text, and what becomes of a text that they are made in.

use super::{Diagnostic, Loc, SourceFile};
use std::ops::Range;

/// What to write instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Help {
    /// It in words.
    pub text: String,
    /// The change of text that it is, where it is one.
    pub fix: Option<Fix>,
}

impl From<String> for Help {
    fn from(text: String) -> Help {
        Help { text, fix: None }
    }
}

impl From<&str> for Help {
    fn from(text: &str) -> Help {
        Help::from(text.to_owned())
    }
}

/// A change of text that makes a message go away.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// Its parts, which do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it says what was meant, so that it may be made without asking; otherwise it is
    /// one of several ways out.
    pub safe: bool,
}

/// A piece of text in the place of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What goes; empty where something is only put in.
    pub loc: Loc,
    /// What comes.
    pub text: String,
}

impl Fix {
    /// A change that may be made without asking.
    pub fn safe(edits: Vec<Edit>) -> Fix {
        Fix { edits, safe: true }
    }

    /// A change that someone must want.
    pub fn proposed(edits: Vec<Edit>) -> Fix {
        Fix { edits, safe: false }
    }
}

impl Edit {
    /// Another text for what stands at a place.
    pub fn replace(loc: Loc, text: impl Into<String>) -> Edit {
        Edit { loc, text: text.into() }
    }

    /// A text before what stands at a place.
    pub fn before(mut loc: Loc, text: impl Into<String>) -> Edit {
        loc.span.end = loc.span.start;
        Edit::replace(loc, text)
    }

    /// A text after what stands at a place.
    pub fn after(mut loc: Loc, text: impl Into<String>) -> Edit {
        loc.span.start = loc.span.end;
        Edit::replace(loc, text)
    }

    /// Texts on either side of what stands at a place.
    pub fn around(loc: Loc, before: &str, after: &str) -> Vec<Edit> {
        vec![Edit::before(loc, before), Edit::after(loc, after)]
    }
}

/// What became of the changes that messages propose for a file.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// What was changed, in the order of the messages.
    pub made: Vec<Change>,
    /// What was not, and why.
    pub left: Vec<Left>,
    /// Whether the new text cannot be read any more, so that it must not be written.
    pub broken: bool,
}

/// A change that was made.
#[derive(Debug)]
pub struct Change {
    /// Where it begins, in the old text.
    pub at: usize,
    /// The old text.
    pub old: String,
    /// The new text.
    pub new: String,
}

/// A change that was not made.
#[derive(Debug)]
pub struct Left {
    /// The place it is for.
    pub loc: Loc,
    /// Why not.
    pub why: &'static str,
}

/// Makes the safe changes of messages in one of the sources, each once. What is for another
/// source, or overlaps a change made before, is left.
pub fn apply(diagnostics: &[Diagnostic], number: u32, file: &SourceFile) -> Fixed {
    let mut fixed = Fixed::default();
    let mut seen: Vec<&Fix> = Vec::new();
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    for diagnostic in diagnostics {
        // Of several ways out the first is taken.
        let fixes = diagnostic.helps.iter().filter_map(|help| help.fix.as_ref());
        let Some(fix) = fixes.into_iter().find(|fix| fix.safe) else { continue };
        let Some(first) = fix.edits.first() else { continue };
        if seen.contains(&fix) {
            continue;
        }
        seen.push(fix);
        let mut leave = |why| fixed.left.push(Left { loc: first.loc, why });
        if fix.edits.iter().any(|edit| edit.loc.file != number) {
            leave("it stands in another file than the one that is checked");
            continue;
        }
        let new: Vec<(Range<usize>, &str)> =
            fix.edits.iter().map(|e| (file.range(e.loc.span), e.text.as_str())).collect();
        if new.iter().any(|(range, _)| edits.iter().any(|(made, _)| touch(range, made))) {
            leave("it overlaps another change; `--fix` once more makes it");
            continue;
        }
        let (start, end) = new.iter().fold((usize::MAX, 0), |(start, end), (range, _)| {
            (start.min(range.start), end.max(range.end))
        });
        fixed.made.push(Change {
            at: start,
            old: file.text[start..end].into(),
            new: replaced(&file.text, start..end, &new),
        });
        edits.extend(new);
    }
    fixed.text = replaced(&file.text, 0..file.text.len(), &edits);
    fixed.broken = !fixed.made.is_empty() && !snn_grammar::parse(&fixed.text).errors.is_empty();
    fixed
}

/// Whether two changes cannot both be made: they share text, or a place to put text in.
fn touch(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start == b.start || (a.start < b.end && b.start < a.end)
}

/// A part of a text with changes inside it made.
fn replaced(text: &str, part: Range<usize>, edits: &[(Range<usize>, &str)]) -> String {
    let mut sorted: Vec<&(Range<usize>, &str)> = edits.iter().collect();
    sorted.sort_by_key(|(range, _)| (range.start, range.end));
    let mut new = String::new();
    let mut at = part.start;
    for (range, by) in sorted {
        new += &text[at..range.start];
        new += by;
        at = range.end;
    }
    new + &text[at..part.end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;
    use snn_grammar::ast::Span;

    fn source(text: &str) -> SourceFile {
        SourceFile { name: "a.snn".into(), folder: "".into(), text: text.into(), imported_by: None }
    }

    fn at(text: &str, part: &str) -> Loc {
        let start = text.find(part).unwrap() as u32;
        Loc { file: 0, span: Span { start, end: start + part.len() as u32 } }
    }

    fn with(fix: Fix) -> Diagnostic {
        Diagnostic::without_place(Code::E0101, "m").fix("h", fix)
    }

    #[test]
    fn changes_are_made_together_and_each_once() {
        let text = "λ = n / 2 + LiF";
        let quotient = vec![
            Edit::before(at(text, "n / 2"), "div("),
            Edit::replace(at(text, " / "), ", "),
            Edit::after(at(text, "n / 2"), ")"),
        ];
        let name = Fix::safe(vec![Edit::replace(at(text, "LiF"), "LIF")]);
        let all = [with(name.clone()), with(Fix::safe(quotient)), with(name)];
        let fixed = apply(&all, 0, &source(text));
        assert_eq!(fixed.text, "λ = div(n, 2) + LIF");
        let made: Vec<(&str, &str)> =
            fixed.made.iter().map(|c| (c.old.as_str(), c.new.as_str())).collect();
        assert_eq!(made, [("LiF", "LIF"), ("n / 2", "div(n, 2)")]);
        assert!(fixed.left.is_empty());
    }

    #[test]
    fn what_overlaps_or_is_elsewhere_or_a_choice_is_left() {
        let text = "abc def";
        let elsewhere = Loc { file: 1, ..at(text, "abc") };
        let all = [
            with(Fix::safe(vec![Edit::replace(at(text, "abc"), "x")])),
            with(Fix::safe(vec![Edit::replace(at(text, "bc d"), "y")])),
            with(Fix::safe(vec![Edit::replace(elsewhere, "z")])),
            with(Fix::proposed(vec![Edit::replace(at(text, "def"), "w")])),
        ];
        let fixed = apply(&all, 0, &source(text));
        assert_eq!((fixed.text.as_str(), fixed.made.len(), fixed.left.len()), ("x def", 1, 2));
    }

    #[test]
    fn a_text_that_cannot_be_read_any_more_is_broken() {
        let text = "const n = m\n";
        let change = |to: &str| [with(Fix::safe(vec![Edit::replace(at(text, "m"), to)]))];
        assert!(!apply(&change("2"), 0, &source(text)).broken);
        assert!(apply(&change("("), 0, &source(text)).broken);
    }
}
