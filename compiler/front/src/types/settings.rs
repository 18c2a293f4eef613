//! What a run says about its target, evaluated.

use super::{Cx, Env, Eval, Val, dotted};
use snn_grammar::ast::{self, Expr};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{Setting, SettingValue};

/// What can be said about a target.
pub struct Known {
    /// The target's name.
    pub target: &'static str,
    /// The names of all settings.
    pub names: &'static [&'static str],
    /// Of those whose values are words.
    pub words: &'static [&'static str],
}

/// Evaluates the options of a target that are written in some file.
///
/// # Errors
/// Reported: E0801.
pub fn settings(
    cx: &mut Cx<'_>,
    known: &Known,
    args: &[ast::Arg],
    file: u32,
) -> Eval<Vec<Setting>> {
    let mut named: Vec<(&str, &Expr)> = Vec::new();
    for arg in args {
        let name = arg.name.as_ref().map(|n| n.name.as_str()).unwrap_or_default();
        if !known.names.contains(&name) || named.iter().any(|(given, _)| *given == name) {
            let at = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
            let message = match name {
                "" => "options of a target have names".to_string(),
                _ if known.names.contains(&name) => format!("`{name}` is given twice"),
                _ => format!("the target `{}` has no option `{name}`", known.target),
            };
            let example = if name.is_empty() { "write `board: …`, say; " } else { "" };
            let help = format!("{example}its options are {}", known.names.join(", "));
            let at = Loc { file, span: at };
            let mut d = Diagnostic::new(Code::E0801, message, at, "");
            if !known.names.contains(&name) {
                d = d.meant(name, known.names.iter().copied(), at);
            }
            return Err(cx.fail(d.help(help)));
        }
        named.push((name, &arg.value));
    }
    let mut settings = Vec::new();
    for (name, value) in named {
        let place = Loc { file, span: value.span };
        let value = match known.words.contains(&name) {
            true => SettingValue::Word(word(cx, value, place)?),
            false => numbers(cx, value, place)?,
        };
        settings.push(Setting { name: name.into(), value, place });
    }
    Ok(settings)
}

/// A name, bare or quoted.
fn word(cx: &mut Cx<'_>, e: &Expr, place: Loc) -> Eval<String> {
    if let Some(parts) = dotted(e) {
        return Ok(parts.join("."));
    }
    match cx.eval(e, &Env::module(place.file))? {
        Val::Str(text) => Ok(text),
        _ => {
            let d = Diagnostic::new(Code::E0801, "a name is needed here", place, "");
            Err(cx.fail(d.help("write a word or \"a text\"")))
        }
    }
}

fn numbers(cx: &mut Cx<'_>, e: &Expr, place: Loc) -> Eval<SettingValue> {
    let value = cx.constant_expr(e, &Env::module(place.file))?;
    match value.value().and_then(SettingValue::numbers) {
        Some(numbers) => Ok(numbers),
        None => {
            let d = Diagnostic::new(Code::E0801, "numbers are needed here", place, "");
            Err(cx.fail(d.help("write them out")))
        }
    }
}
