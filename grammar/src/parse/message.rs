//! Words for the place where the grammar stopped.

use super::expected::{may_end, one_of, wordings};
use super::grammar::{Failure, Rule};
use super::starts::{Context, shorten};
use super::token_at;
use crate::ast::Span;
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::layout::assigns;
use crate::lexer::{Token, TokenKind, tokens};
use std::ops::Range;

/// What is known about the place of a failure.
struct Place<'t> {
    text: &'t str,
    expected: &'t [Rule],
    /// The first word of the piece.
    first: &'t str,
    /// The two tokens before the place.
    before: [Option<Token>; 2],
    /// The innermost bracket that is open there.
    open: Option<&'t str>,
    found: &'t str,
    found_span: Span,
    /// The token after the one that was found.
    next: &'t str,
}

/// Says what is wrong with `text[piece]`, which failed to parse.
pub(super) fn explain(
    failure: &Failure,
    text: &str,
    piece: Range<usize>,
    context: Option<Context>,
) -> SyntaxError {
    if failure.gave_up {
        let span = Span { start: piece.start as u32, end: piece.end as u32 };
        return SyntaxError::new(span, "this is too long to be parsed")
            .kind(SyntaxErrorKind::TooLarge)
            .help("split it, or keep tensors in files of their own");
    }
    let place = Place::new(failure, text, piece);
    if let Some(error) = odd_character(&place).or_else(|| special(&place)) {
        return error;
    }
    let after = match place.before[0].map(|t| t.text(text)).filter(|t| *t != "\n") {
        Some(token) if token.chars().count() <= 24 => format!(" after `{token}`"),
        _ => String::new(),
    };
    let found = match place.found {
        "" | "\n" => "the end of the line".to_owned(),
        found => format!("`{}`", shorten(found)),
    };
    let mut words = wordings(place.expected);
    // After `let`, `if` and `reset` the keyword is meant, not a name that is written alike.
    if place.previous(0) == place.first && context.is_some_and(|c| c.begins_with(place.first)) {
        words.retain(|w| !matches!(w.as_str(), "`=`" | "`->`"));
    }
    let header = matches!(place.first, "process" | "model" | "network");
    let colon = place.expects(Rule::colon) && (header || !place.expects(Rule::comma));
    if colon && place.found_kind() == Some(TokenKind::Word) {
        words = vec!["`:`".to_owned()];
    }
    if place.found.is_empty() || place.found == "\n" {
        words.retain(|w| w != "the end of the line");
    }
    let message = format!("expected {}{after}, found {found}", one_of(&words));
    let mut error = SyntaxError::new(place.found_span, message);
    error.help = help(&place, context).map(str::to_owned);
    error
}

impl<'t> Place<'t> {
    fn new(failure: &'t Failure, text: &'t str, piece: Range<usize>) -> Self {
        let at = piece.start + failure.at;
        let mut before = [None, None];
        let mut open = Vec::new();
        let mut first = "";
        for token in tokens(text, piece.start, at) {
            let mark = token.text(text);
            match mark {
                "(" | "[" | "{" => open.push(mark),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
            if before[0].is_none() {
                first = mark;
            }
            before = [Some(token), before[0]];
        }
        let inside = text.get(..piece.end).unwrap_or(text);
        let (mut found_span, found) = token_at(inside, at);
        if found.is_empty() || found == "\n" {
            // Shown right after what is there, not after blanks and comments.
            let start = before[0].map_or(found_span.start, |t| t.span.end);
            found_span = Span { start, end: (start + 1).min(text.len() as u32).max(start) };
        }
        let next = token_at(inside, found_span.end as usize).1;
        let open = open.last().copied();
        Place { text, expected: &failure.expected, first, before, open, found, found_span, next }
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    fn may_end(&self) -> bool {
        may_end(self.expected)
    }

    fn previous(&self, n: usize) -> &'t str {
        self.before.get(n).copied().flatten().map_or("", |t| t.text(self.text))
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.found_span, message)
    }

    fn found_kind(&self) -> Option<TokenKind> {
        tokens(self.found, 0, self.found.len()).next().map(|t| t.kind)
    }
}

/// Characters that no program contains outside strings and comments.
fn odd_character(place: &Place) -> Option<SyntaxError> {
    if place.found_kind() != Some(TokenKind::Other) {
        return None;
    }
    let c = place.found.chars().next()?;
    let help = match c {
        '\'' | '“' | '”' | '‘' | '’' => "strings stand in double quotes: `\"…\"`",
        '#' => "comments begin with `//`",
        '→' => "write `->`",
        '≤' => "write `<=`",
        '≥' => "write `>=`",
        '≠' => "write `!=`",
        '×' | '·' => "write `*`",
        '−' | '–' => "write `-`",
        _ if c.is_alphabetic() => "names consist of ASCII letters, digits and `_`",
        _ => return Some(place.error(format!("`{}` means nothing here", c.escape_debug()))),
    };
    Some(place.error(format!("`{c}` means nothing here")).help(help))
}

/// Mistakes with a message of their own.
fn special(place: &Place) -> Option<SyntaxError> {
    let found = place.found;
    let value = place.expects(Rule::expr) || place.expects(Rule::postfix_expr);
    if value && place.found_kind() == Some(TokenKind::Number) {
        let help =
            "numbers are written `10_000`, `0xff`, `1.5` or `1e-4`; names begin with a letter";
        return Some(place.error(format!("`{found}` is not a number")).help(help));
    }
    let reserved = matches!(found, "true" | "false" | "and" | "or" | "not");
    if reserved && place.expects(Rule::ident) {
        return Some(place.error(format!("`{found}` is reserved and cannot be a name")));
    }
    if matches!(found, "" | "\n") && place.expects(Rule::open_brace) {
        let rest = place.text.get(place.found_span.start as usize..).unwrap_or_default();
        if rest.trim_start().starts_with('{') {
            let start = (place.text.len() - rest.trim_start().len()) as u32;
            return Some(brace_on_its_own(Span { start, end: start + 1 }));
        }
    }
    let ends = place.may_end() && place.open != Some("(") && place.open != Some("[");
    let begins = place.found_kind() == Some(TokenKind::Word)
        && (assigns(place.next)
            || matches!(place.next, "[" | "." | "->")
            || matches!(found, "let" | "if" | "phase" | "in" | "out" | "var" | "reset" | "record"));
    if ends && begins && found != "else" {
        let message = "two statements on one line need a `;` between them";
        return Some(place.error(message).help(format!("write `; {}`", shorten(found))));
    }
    if found == "else" && ends {
        return Some(place.error("this `else` belongs to no `if`"));
    }
    None
}

/// For a `{` that begins a line.
pub(super) fn brace_on_its_own(span: Span) -> SyntaxError {
    SyntaxError::new(span, "a `{` does not begin a line")
        .help("write it at the end of the line before")
}

/// What to write instead, where it is clear enough to say.
fn help(place: &Place, context: Option<Context>) -> Option<&'static str> {
    let compares = matches!(place.first, "if" | "phase" | "expect" | "report");
    let header = matches!(place.first, "process" | "model" | "network");
    if place.found == "=" && place.open == Some("(") && !header {
        return Some("a named argument is written `name: value`");
    }
    if place.found == "=" && compares {
        return Some("`=` assigns; write `==` to compare");
    }
    if place.found == "==" && (place.expects(Rule::assign_op) || place.expects(Rule::assign)) {
        return Some("`==` compares; write `=` to assign");
    }
    if place.previous(0) == "phase" || (place.previous(1) == "phase" && place.previous(0) == "when")
    {
        return Some("a phase has a name: `spk`, `pre_mgmt`, `lrn`, `post_mgmt` or `host`");
    }
    if place.found == ":" && context == Some(Context::Phase) {
        return Some(
            "write `let` before a new name; state is declared with `var`, outside the phase",
        );
    }
    if place.previous(0) == "." && place.previous(1).starts_with(|c: char| c.is_ascii_digit()) {
        return Some("a number with a point has a digit after it: `1.0`");
    }
    if place.found == "-" && place.next == ">" {
        return Some("`->` is written without a blank");
    }
    if place.found == "->" && context == Some(Context::Phase) {
        return Some("connections stand in a network");
    }
    if place.expects(Rule::assign_op) && place.previous(0) != "if" {
        return Some("a statement assigns to a name: `v = …`, `v += …`");
    }
    if context == Some(Context::Network) && place.found == "->" && place.may_end() {
        return Some("name the part on a line of its own, then connect it by its name");
    }
    if context == Some(Context::Network) && place.first != "reset" && place.may_end() {
        return Some("a part is `name = Process(…)`, with nothing after it");
    }
    if place.first == "reset" && place.previous(0) == "reset" {
        return Some("a reset is `reset net.lif every 32` or `reset net at image.start`");
    }
    if place.expects(Rule::arrow) {
        return Some(match place.found {
            "+" | "-" | "*" => "several connections into one port add up: write one for each",
            _ => "a connection is written `a.out -> b.in`, a part `name = Process(…)`",
        });
    }
    if place.expects(Rule::kw_of) {
        return Some(match place.first {
            "train" => "a train block is `train NAME of NETWORK { … }`",
            _ => "a run is `run NAME of NETWORK { … }`, a model `model TAG of PROCESS { … }`",
        });
    }
    if place.found == "=" && place.expects(Rule::kw_where) {
        return Some("assignments do not chain: write one statement for each");
    }
    if place.found == "," && place.expects(Rule::overflow) {
        return Some("each port and variable has a line of its own");
    }
    if place.first == "reset" && matches!(place.found, "offset" | "stagger" | "skew") {
        return Some("the order is `every N offset K stagger S`, or `at EPOCH.start skew auto`");
    }
    if place.first == "reset" && place.expects(Rule::kw_every) {
        return Some("write when: `reset net every 32` or `reset net at image.start`");
    }
    if place.first == "epoch" && (place.expects(Rule::kw_every) || place.expects(Rule::kw_steps)) {
        return Some("an epoch is `epoch image = every N steps`");
    }
    train_help(place)
}

/// The same, of members of a train block.
fn train_help(place: &Place) -> Option<&'static str> {
    Some(match place.first {
        "learn" if matches!(place.found, "in" | "step" | "from" | "lr") => {
            "the order is `learn NAME in LO..=HI step S from VALUE lr RATE`"
        }
        "learn" if place.previous(0) == "learn" => {
            "name params of the network: `learn net.*.weights in -256..=254 step 2`"
        }
        "loss" if place.expects(Rule::kw_at) => {
            "say when it is read: `loss rate.loss at image.end`"
        }
        "shuffle" => "write `shuffle seed 1`",
        "validate" if place.expects(Rule::kw_on) || place.expects(Rule::kw_last) => {
            "write `validate accuracy(out.predicted, out.truth) on last 5_000`, or \
             `validate loss on last 5_000`"
        }
        "stop" => "write `stop after 5 without gain`",
        "export" => "write a file: `export \"trained.net\"`",
        _ => return None,
    })
}
