//! From pairs of the grammar to the syntax tree.

mod expr;
mod item;
mod member;
mod stmt;
mod train;
mod types;

use super::grammar::{Pair, Pairs, Rule};
use crate::ast::{Allow, Ident, Path, Span};
use crate::error::SyntaxError;
use crate::layout::DocLine;

/// A part of the tree, or what the grammar let through although it means nothing.
type Built<T> = Result<T, SyntaxError>;

/// Builds the tree of one piece of a file.
pub(crate) struct Builder<'a> {
    /// The whole source, for the text of doc comments.
    source: &'a str,
    /// Where the piece begins.
    base: usize,
    docs: &'a [DocLine],
    /// What is wrong although it matches the grammar; the tree holds a stand-in there.
    pub errors: Vec<SyntaxError>,
    /// The acknowledged warnings.
    pub allows: Vec<Allow>,
}

impl<'a> Builder<'a> {
    pub fn new(source: &'a str, base: usize, docs: &'a [DocLine]) -> Self {
        Builder { source, base, docs, errors: Vec::new(), allows: Vec::new() }
    }

    /// Where a pair stands, without the blanks that the grammar lets it end with.
    fn span(&self, pair: &Pair) -> Span {
        let (text, span) = (pair.as_str(), pair.as_span());
        let start = self.base + span.start();
        let length = text.trim_end_matches([' ', '\t', '\r', '\n']).len();
        Span { start: start as u32, end: (start + length) as u32 }
    }

    fn kids<'t>(&self, pair: Pair<'t>) -> Kids<'t> {
        Kids { parent: self.span(&pair), pairs: pair.into_inner() }
    }

    fn ident(&self, pair: &Pair) -> Ident {
        Ident { name: pair.as_str().to_owned(), span: self.span(pair) }
    }

    fn need_ident(&self, kids: &mut Kids) -> Built<Ident> {
        Ok(self.ident(&kids.need(Rule::ident)?))
    }

    /// The names that are left.
    fn idents(&self, kids: &mut Kids) -> Vec<Ident> {
        std::iter::from_fn(|| kids.opt(Rule::ident)).map(|p| self.ident(&p)).collect()
    }

    /// Builds an `allow`, about nothing yet.
    pub fn allow(&mut self, pair: Pair) -> Built<Allow> {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let code = self.need_ident(&mut kids)?;
        let reason = kids.need(Rule::string)?;
        let at = self.span(&reason);
        Ok(Allow { code, reason: self.string(reason.as_str(), at), about: span, span })
    }

    /// The members of a body, or its statements; acknowledged warnings are about the one that
    /// follows them.
    fn members<T>(
        &mut self,
        body: Pair,
        mut build: impl FnMut(&mut Self, Pair) -> Built<T>,
    ) -> Built<Vec<T>> {
        let mut members = Vec::new();
        let mut waiting = Vec::new();
        for pair in self.kids(body) {
            if pair.as_rule() == Rule::allow {
                waiting.push(self.allow(pair)?);
                continue;
            }
            let about = self.span(&pair);
            self.allows.extend(waiting.drain(..).map(|allow| Allow { about, ..allow }));
            members.push(build(self, pair)?);
        }
        self.errors.extend(waiting.iter().map(about_nothing));
        Ok(members)
    }

    fn path(&self, pair: Pair) -> Path {
        let span = self.span(&pair);
        Path { parts: self.idents(&mut self.kids(pair)), span }
    }

    /// The doc comment right before `start`: only blanks, lone `;` and other comments in
    /// between, which `laid_out` shows as blanks.
    fn docs_before(&self, start: u32, laid_out: &str) -> Vec<String> {
        let mut next = start;
        let mut index = self.docs.partition_point(|d| d.span.start < start);
        let mut lines = Vec::new();
        while let Some(doc) = index.checked_sub(1).and_then(|i| self.docs.get(i)) {
            let between = laid_out.get(doc.span.end as usize..next as usize);
            let nothing = |c: char| c.is_whitespace() || c == ';';
            if doc.inner || !between.is_some_and(|b| b.chars().all(nothing)) {
                break;
            }
            lines.push(doc_text(doc, self.source));
            next = doc.span.start;
            index -= 1;
        }
        lines.reverse();
        lines
    }
}

/// For an acknowledged warning that nothing follows.
pub(super) fn about_nothing(allow: &Allow) -> SyntaxError {
    SyntaxError::new(allow.span, "nothing follows this `allow`")
        .help("it stands on the line before what it is about")
}

/// A line of a doc comment without its mark and one blank.
pub(super) fn doc_text(doc: &DocLine, source: &str) -> String {
    let line = source.get(doc.span.start as usize + 3..doc.span.end as usize).unwrap_or_default();
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}

/// The pairs inside a pair, without keywords and marks.
struct Kids<'t> {
    parent: Span,
    pairs: Pairs<'t>,
}

impl<'t> Kids<'t> {
    fn skip_marks(&mut self) {
        while self.pairs.peek().is_some_and(|p| is_mark(p.as_rule())) {
            self.pairs.next();
        }
    }

    /// The next pair, if it is of that rule.
    fn opt(&mut self, rule: Rule) -> Option<Pair<'t>> {
        self.skip_marks();
        self.pairs.peek().filter(|p| p.as_rule() == rule)?;
        self.pairs.next()
    }

    /// The next pair, which the grammar promises to be of that rule.
    fn need(&mut self, rule: Rule) -> Built<Pair<'t>> {
        let parent = self.parent;
        self.opt(rule).ok_or_else(|| broken_promise(parent))
    }
}

impl<'t> Iterator for Kids<'t> {
    type Item = Pair<'t>;

    fn next(&mut self) -> Option<Pair<'t>> {
        self.skip_marks();
        self.pairs.next()
    }
}

/// Grammar and builder disagree: a fault of this crate, told rather than panicked about.
fn broken_promise(span: Span) -> SyntaxError {
    SyntaxError::new(span, "the parser failed on this; please report it")
}

/// Keywords and marks: what only the grammar and its error messages need.
fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        open_brace
            | close_brace
            | open_bracket
            | close_bracket
            | open_paren
            | close_paren
            | comma
            | colon
            | dot
            | arrow
            | assign
            | end
            | EOI
            | kw_use
            | kw_as
            | kw_const
            | kw_data
            | kw_epoch
            | kw_every
            | kw_steps
            | kw_offset
            | kw_process
            | kw_model
            | kw_of
            | kw_on
            | kw_network
            | kw_run
            | kw_in
            | kw_phase
            | kw_when
            | kw_let
            | kw_if
            | kw_else
            | kw_where
            | kw_reset
            | kw_at
            | kw_stagger
            | kw_skew
            | kw_models
            | kw_target
            | kw_record
            | kw_report
            | kw_expect
            | kw_keeps
            | kw_allow
            | kw_train
            | kw_sample
            | kw_samples
            | kw_learn
            | kw_step
            | kw_from
            | kw_seed
            | kw_lr
            | kw_loss
            | kw_slope
            | kw_optimizer
            | kw_decay
            | kw_clip
            | kw_batch
            | kw_epochs
            | kw_shuffle
            | kw_validate
            | kw_last
            | kw_stop
            | kw_after
            | kw_without
            | kw_gain
            | kw_export
    )
}
