//! Pairs brackets while the tokens go by.

use super::limits::{Depth, MAX_DEPTH, MAX_NESTING};
use super::{Ahead, Pairing};
use crate::ast::Span;
use crate::lexer::{Token, TokenKind};
use crate::{MAX_ERRORS, SyntaxError, SyntaxErrorKind};

/// An opening bracket that waits for its partner.
#[derive(Clone, Copy)]
struct Open<'t> {
    /// `(`, `[`, `{` of a block, or `{` of a set of names.
    mark: &'t str,
    span: Span,
    /// Whether it is the brace of a block, within which line breaks count.
    block: bool,
    /// The first word of the statement that the bracket belongs to.
    owner: &'t str,
    /// How far that statement is indented, in bytes.
    indent: u32,
    /// Where the line with the bracket begins.
    line_start: u32,
}

/// Brackets that are open, and what was wrong with those that went by.
pub(super) struct Brackets<'t> {
    source: &'t str,
    pairing: Pairing,
    open: Vec<Open<'t>>,
    depth: Depth,
    pub errors: Vec<SyntaxError>,
    /// Whether an opening bracket lacks its partner.
    pub unclosed: bool,
    /// Whether a `}` does.
    pub surplus: bool,
    /// Whether the limits of nesting were exceeded, so that nothing else matters.
    pub too_deep: bool,
    /// First word of the statement being read, and how far it is indented.
    owner: &'t str,
    indent: u32,
    /// Where the line being read begins, and how far its first token is indented.
    line_start: u32,
    line_indent: u32,
    /// Whether the token being read is the first of its line.
    pub first_on_line: bool,
    /// Where the last token ends.
    last_end: usize,
    /// Where closing brackets were taken to be missing.
    pub missing: Vec<usize>,
    /// Opening braces closed by a brace that is indented otherwise: when one is missing
    /// further on, it is that of the first.
    suspects: Vec<Open<'t>>,
}

impl<'t> Brackets<'t> {
    pub fn new(source: &'t str, pairing: Pairing) -> Self {
        Brackets {
            source,
            pairing,
            open: Vec::new(),
            depth: Depth::default(),
            errors: Vec::new(),
            unclosed: false,
            surplus: false,
            too_deep: false,
            owner: "",
            indent: 0,
            line_start: 0,
            line_indent: 0,
            first_on_line: true,
            last_end: 0,
            missing: Vec::new(),
            suspects: Vec::new(),
        }
    }

    /// Whether line breaks mean nothing here.
    pub fn in_parentheses(&self) -> bool {
        self.open.last().is_some_and(|o| !o.block)
    }

    /// Notes a line break that ends at `end`.
    pub fn new_line(&mut self, end: u32) {
        self.line_start = end;
        self.first_on_line = true;
    }

    /// Notes how far a line is indented, if the token is the first on it.
    pub fn note_indent(&mut self, token: &Token) {
        if self.first_on_line {
            self.line_indent = token.span.start - self.line_start;
        }
    }

    /// Notes the first token of a statement.
    pub fn statement_starts(&mut self, ahead: &Ahead) {
        if self.pairing != Pairing::Exact {
            self.close_blocks_before(ahead);
        }
        self.owner = ahead.word(self.source, 0);
        self.indent = self.line_indent;
        self.depth.separator();
    }

    /// At the first token of a line inside parentheses: when it can only begin a new
    /// statement, the parenthesis was forgotten.
    pub fn line_starts(&mut self, ahead: &Ahead, previous: Option<&Token>) {
        if self.pairing == Pairing::Exact || !self.in_parentheses() {
            return;
        }
        // After `f(` or `f(a,` it is more likely an argument written with `=`.
        let unfinished = previous.is_some_and(|p| {
            p.kind == TokenKind::Punct && !matches!(p.text(self.source), ")" | "]")
        });
        let argument = unfinished && ahead.kind(1) == Some(TokenKind::Punct);
        let begins = ahead.begins_statement(self.source) && !argument;
        if begins || ahead.word(self.source, 0) == "}" {
            self.close_parentheses();
        }
    }

    /// Takes one token; false where it is a closing bracket without a partner.
    pub fn token(&mut self, token: &Token, is_set: bool) -> bool {
        let mark = token.text(self.source);
        let mut paired = true;
        match mark {
            "(" | "[" | "{" => self.opens(token, mark, is_set),
            ")" | "]" | "}" => paired = self.closes(token, mark),
            ";" => {
                if self.pairing != Pairing::Exact {
                    self.close_parentheses();
                }
                self.depth.separator();
            }
            "," | "->" => self.depth.separator(),
            "else" => self.depth.else_if(),
            _ if token.kind == TokenKind::Punct => self.depth.operator(),
            _ if matches!(mark, "and" | "or" | "not") => self.depth.operator(),
            _ => {}
        }
        if self.depth.current() > MAX_DEPTH {
            self.report_depth(token.span);
        }
        self.last_end = token.span.end as usize;
        paired
    }

    /// Adds an error, unless there are more than anybody reads.
    pub fn report(&mut self, error: SyntaxError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    /// At the end of the text.
    pub fn finish(&mut self) {
        while let Some(open) = self.open.last().copied() {
            self.give_up(open);
        }
    }

    fn opens(&mut self, token: &Token, mark: &'t str, is_set: bool) {
        let block = mark == "{" && !is_set;
        if block && self.in_parentheses() {
            self.close_parentheses();
        }
        self.depth.open();
        let open = Open {
            mark,
            span: token.span,
            block,
            owner: self.owner,
            indent: self.indent,
            line_start: self.line_start,
        };
        self.open.push(open);
        if self.open.len() > MAX_NESTING {
            self.report_depth(token.span);
        }
    }

    fn closes(&mut self, token: &Token, mark: &str) -> bool {
        if mark == "}" && self.open.last().is_some_and(|o| o.mark != "{") {
            self.close_parentheses();
        }
        let partner =
            |open: &Open| matches!((open.mark, mark), ("(", ")") | ("[", "]") | ("{", "}"));
        match self.open.last().copied() {
            Some(open) if partner(&open) && !self.is_surplus(&open) => {
                self.pop();
                if self.open.is_empty() {
                    self.suspects.clear();
                } else if open.block && self.first_on_line && self.line_indent != open.indent {
                    self.suspects.push(open);
                }
                true
            }
            Some(open) if open.mark != "{" && mark != "}" => {
                let message = format!("`{}` is closed by `{mark}`", open.mark);
                self.report(
                    SyntaxError::new(token.span, message)
                        .related(open.span, format!("this `{}`", open.mark)),
                );
                self.pop();
                true
            }
            _ => {
                self.surplus |= mark == "}";
                let message = format!("this `{mark}` closes nothing");
                self.report(SyntaxError::new(token.span, message).help("remove it"));
                false
            }
        }
    }

    fn is_surplus(&self, open: &Open) -> bool {
        self.pairing == Pairing::Guessing { surplus: true }
            && open.block
            && open.line_start != self.line_start
            && self.line_indent > open.indent
    }

    fn pop(&mut self) {
        if let Some(open) = self.open.pop() {
            (self.owner, self.indent) = (open.owner, open.indent);
        }
        self.depth.close();
    }

    /// Gives up on parentheses and sets up to the innermost block.
    fn close_parentheses(&mut self) {
        while let Some(open) = self.open.last().copied().filter(|o| !o.block) {
            self.give_up(open);
        }
    }

    /// Gives up on the blocks that the statement ahead cannot stand in.
    fn close_blocks_before(&mut self, ahead: &Ahead) {
        if ahead.kind(1) != Some(TokenKind::Word) {
            return;
        }
        let ends = |open: &Open| match ahead.word(self.source, 0) {
            "process" | "network" | "run" | "train" | "epoch" => true,
            // These also begin members; what a file holds is not indented.
            "const" | "model" | "data" => self.line_indent == 0,
            "phase" => matches!(open.owner, "phase" | "if"),
            _ => false,
        };
        let keep = self.open.iter().position(ends).unwrap_or(self.open.len());
        while self.open.len() > keep {
            let Some(open) = self.open.last().copied() else { break };
            self.give_up(open);
        }
    }

    /// Goes on as if the innermost bracket were closed after the last token.
    fn give_up(&mut self, open: Open<'t>) {
        self.pop();
        self.missing.push(self.last_end);
        self.unclosed = true;
        // A brace that is indented otherwise closed an inner block in this one's stead.
        let inner = self.suspects.iter().position(|s| s.span.start > open.span.start);
        let open = match inner {
            Some(first) if open.block => self.suspects.swap_remove(first),
            _ => open,
        };
        let partner = match open.mark {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        let help = match open.owner {
            owner if open.block && !owner.is_empty() => {
                format!("write `{partner}` where this `{owner}` ends")
            }
            _ => format!("write `{partner}` where it ends"),
        };
        let message = format!("this `{}` is not closed", open.mark);
        self.report(SyntaxError::new(open.span, message).help(help));
    }

    fn report_depth(&mut self, span: Span) {
        if !self.too_deep {
            self.too_deep = true;
            self.errors.push(
                SyntaxError::new(span, "this is nested too deeply")
                    .kind(SyntaxErrorKind::TooDeep)
                    .help(format!(
                        "at most {MAX_NESTING} brackets may be open at once, and an expression \
                         may be {MAX_DEPTH} operators deep; name parts of it with `let` or `const`"
                    )),
            );
        }
    }
}
