//! What the parts of a file begin with, and what to say of a line that begins otherwise.

use crate::ast::Span;
use crate::error::SyntaxError;
use crate::lexer::{Token, TokenKind, tokens};
use std::ops::Range;

/// Where a piece of text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// At the top of a file.
    File,
    /// In a process or model.
    Process,
    /// In a network.
    Network,
    /// In a run.
    Run,
    /// In a train block.
    Train,
    /// In a phase.
    Phase,
}

const ITEMS: &[&str] =
    &["use", "const", "data", "epoch", "process", "model", "network", "run", "train", "allow"];
const PROCESS_MEMBERS: &[&str] =
    &["in", "out", "var", "buffer", "const", "keeps", "phase", "allow"];
const NETWORK_MEMBERS: &[&str] = &["in", "out", "const", "reset", "allow"];
const RUN_MEMBERS: &[&str] =
    &["models", "model", "target", "steps", "record", "report", "expect", "allow"];
const TRAIN_MEMBERS: &[&str] = &[
    "models",
    "model",
    "data",
    "const",
    "sample",
    "samples",
    "learn",
    "loss",
    "slope",
    "optimizer",
    "decay",
    "clip",
    "batch",
    "epochs",
    "shuffle",
    "validate",
    "stop",
    "export",
    "allow",
];
const STATEMENTS: &[&str] = &["let", "if", "allow"];

impl Context {
    /// The context inside the braces of something that begins with `word`.
    pub fn inside(word: &str) -> Option<Context> {
        match word {
            "process" | "model" => Some(Context::Process),
            "network" => Some(Context::Network),
            "run" => Some(Context::Run),
            "train" => Some(Context::Train),
            "phase" | "if" | "else" => Some(Context::Phase),
            _ => None,
        }
    }

    /// The words that something here may begin with.
    fn beginnings(self) -> &'static [&'static str] {
        match self {
            Context::File => ITEMS,
            Context::Process => PROCESS_MEMBERS,
            Context::Network => NETWORK_MEMBERS,
            Context::Run => RUN_MEMBERS,
            Context::Train => TRAIN_MEMBERS,
            Context::Phase => STATEMENTS,
        }
    }

    /// Whether something here may begin with that keyword.
    pub fn begins_with(self, word: &str) -> bool {
        self.beginnings().contains(&word)
    }

    /// Whether something may begin with a name of the user's choice.
    fn begins_with_names(self) -> bool {
        matches!(self, Context::Network | Context::Phase)
    }
}

/// What is wrong with the first word of a piece, where it is that word which is wrong.
pub(super) fn explain(text: &str, piece: Range<usize>, context: Context) -> Option<SyntaxError> {
    let mut ahead = tokens(text, piece.start, piece.end);
    let first = ahead.next()?;
    let second = ahead.next();
    let word = first.text(text);
    if context.begins_with(word) {
        return None;
    }
    if word == "{" {
        return Some(super::message::brace_on_its_own(first.span));
    }
    let names = second.is_some_and(|s| s.kind == TokenKind::Word);
    if context.begins_with_names() && (first.kind != TokenKind::Word || !names) {
        return match word {
            "else" if context == Context::Phase => Some(lonely_else(first.span)),
            _ => None,
        };
    }
    let connects = tokens(text, piece.start, piece.end).any(|t| t.text(text) == "->");
    let meant = meant(word, context.beginnings()).map(|m| format!("did you mean `{m}`?"));
    let elsewhere = belongs(text, &first, second.as_ref(), context, connects);
    let known = [ITEMS, PROCESS_MEMBERS, RUN_MEMBERS, TRAIN_MEMBERS]
        .iter()
        .any(|words| words.contains(&word));
    let (likely, less) = if known { (elsewhere, meant) } else { (meant, elsewhere) };
    let help = likely.or(less).unwrap_or_else(|| consists(context).to_owned());
    if context.begins_with_names() && connects {
        return None;
    }
    let what = match context {
        Context::File => "an item",
        Context::Process => "a port, a variable or a phase",
        Context::Network => "a port, a part, a connection or a reset",
        Context::Run => "a setting of the run",
        Context::Train => "a setting of the train block",
        Context::Phase => "a statement",
    };
    let message = format!("expected {what}, found `{}`", shorten(word));
    Some(SyntaxError::new(first.span, message).help(help))
}

fn lonely_else(span: Span) -> SyntaxError {
    SyntaxError::new(span, "this `else` belongs to no `if`")
        .help("write it after the `}` of the `if`")
}

/// Where a line stands that is fine elsewhere.
fn belongs(
    text: &str,
    first: &Token,
    second: Option<&Token>,
    context: Context,
    connects: bool,
) -> Option<String> {
    let word = first.text(text);
    let next = second.map(|s| s.text(text)).unwrap_or_default();
    let assigns = next.ends_with('=') && !matches!(next, "==" | "!=" | "<=" | ">=" | "..=");
    let place = match word {
        "for" | "while" | "loop" if context == Context::Phase => {
            return Some(
                "there are no loops: expressions work on whole tensors, and a phase runs at \
                 every step"
                    .to_owned(),
            );
        }
        "let" | "if" if context == Context::Process => "in a phase",
        "phase" | "var" | "buffer" | "keeps" | "in" | "out" if context == Context::Phase => {
            "in the process, outside the phase"
        }
        "phase" | "var" | "buffer" | "keeps" => "in a process or model",
        "in" | "out" => "in a process, model or network",
        "reset" => "in a network",
        "models" | "target" | "steps" | "record" | "report" | "expect" => "in a run",
        "sample" | "samples" | "learn" | "loss" | "slope" | "optimizer" | "decay" | "clip"
        | "batch" | "epochs" | "shuffle" | "validate" | "stop" | "export" => "in a `train` block",
        "process" | "network" | "run" | "train" | "use" | "epoch" | "data" => {
            "at the top of the file"
        }
        _ if connects => return Some("connections stand in a network".to_owned()),
        _ if context == Context::Process && (assigns || next == "[") => {
            return Some(
                "statements stand in a phase: `phase spk { … }`; state is declared with `var`"
                    .to_owned(),
            );
        }
        _ if context == Context::File && assigns => {
            return Some("a constant is declared with `const`, a tensor with `data`".to_owned());
        }
        _ => return None,
    };
    Some(format!("`{word}` stands {place}"))
}

fn consists(context: Context) -> &'static str {
    match context {
        Context::File => {
            "a file consists of `use`, `const`, `data`, `epoch`, `process`, `model`, `network`, \
             `run` and `train`"
        }
        Context::Process => {
            "a process consists of `in`, `out`, `var`, `buffer`, `const`, `keeps` and `phase`"
        }
        Context::Network => {
            "a network consists of ports (`in`, `out`), parts (`name = Process(…)`), connections \
             (`a -> b`), `reset` and `const`"
        }
        Context::Run => {
            "a run consists of `models`, `model`, `target`, `steps`, `record`, `report` and \
             `expect`"
        }
        Context::Train => {
            "a train block consists of `models`, `model`, `data`, `const`, `sample`, `samples`, \
             `learn`, `loss`, `slope`, `optimizer`, `decay`, `clip`, `batch`, `epochs`, `shuffle`, \
             `validate`, `stop` and `export`"
        }
        Context::Phase => "a statement is an assignment, `let` or `if`",
    }
}

/// The word that was probably meant.
fn meant<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let allowed = if word.len() < 5 { 1 } else { 2 };
    known
        .iter()
        .map(|k| (strsim::osa_distance(word, k), *k))
        .filter(|(distance, known)| *distance <= allowed && *distance < known.len())
        .min()
        .map(|(_, known)| known)
}

/// A text short enough for a message.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
