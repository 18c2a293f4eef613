//! Acknowledged warnings: `allow CODE "reason"`.

use snn_front::resolve::{Piece, Program};
use snn_grammar::ast::{Allow, NetworkMember, ProcessMember, Span};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Help, Loc, Severity, Sink};

/// An acknowledgement that makes sense.
struct Known<'p> {
    file: u32,
    allow: &'p Allow,
    code: Code,
    used: bool,
}

/// Takes acknowledged warnings out of the sink, and says which acknowledgements are wrong; where
/// the `whole` program was checked, also which of its own file nothing needs. (Another file may
/// be used by programs that do need them.)
pub fn settle(program: &Program, sink: &mut Sink, whole: bool) {
    let mut known = Vec::new();
    for (file, module) in program.modules.iter().enumerate() {
        for allow in &module.file.allows {
            match understood(allow, file as u32) {
                Ok(code) => known.push(Known { file: file as u32, allow, code, used: false }),
                Err(diagnostic) => sink.push(*diagnostic),
            }
        }
    }
    // The text of an imported network may accept what is said of it, and then who imports it.
    sink.retain(|d| !accepted(d, &mut known));
    sink.lead_with_imports(&program.sources);
    sink.retain(|d| !accepted(d, &mut known));
    sink.for_each(|d| propose(program, d));
    if !whole {
        return;
    }
    // One that accepts that another is not needed is looked at last: it may be needed for that.
    for last in [false, true] {
        let needless: Vec<Diagnostic> = known
            .iter()
            .filter(|k| k.file == 0 && !k.used && (k.code == Code::W0402) == last)
            .map(needless)
            .collect();
        needless.into_iter().filter(|d| !accepted(d, &mut known)).for_each(|d| sink.push(d));
    }
}

/// Says how a warning of a loss is accepted: nothing but who wrote the program can tell whether it
/// is meant.
fn propose(program: &Program, diagnostic: &mut Diagnostic) {
    let (Code::W0701 | Code::W0702, Some(first)) = (diagnostic.code, diagnostic.labels.first())
    else {
        return;
    };
    let allow = format!("allow {} \"…\"", diagnostic.code.name());
    let text = format!("where it is meant, say why on the line before: `{allow}`");
    let fix = line_before(program, first.loc, &allow).map(|edit| Fix::proposed(vec![edit]));
    diagnostic.helps.push(Help { text, fix });
}

/// Puts a line before the item, member or statement that a place is in, and before its
/// documentation.
fn line_before(program: &Program, place: Loc, line: &str) -> Option<Edit> {
    let piece = program.around(place).pop()?;
    // Its span begins with its name.
    if let Piece::Process(ProcessMember::Const(_)) | Piece::Network(NetworkMember::Const(_)) = piece
    {
        return None;
    }
    let text = &program.sources.files.get(place.file as usize)?.text;
    let mut start = piece.span().start as usize;
    let mut before = text.get(..start)?;
    while let Some((rest, last)) = before.trim_end().rsplit_once('\n')
        && last.trim_start().starts_with("///")
    {
        before = rest;
        start = rest.len() + 1 + (last.len() - last.trim_start().len());
    }
    let written = text.get(..start)?.rsplit('\n').next()?;
    let indent = &written[..written.len() - written.trim_start().len()];
    let at = Span { start: start as u32, end: start as u32 };
    Some(Edit::replace(Loc { span: at, ..place }, format!("{line}\n{indent}")))
}

/// Whether a warning is acknowledged, by the innermost that is about its place.
fn accepted(diagnostic: &Diagnostic, known: &mut [Known<'_>]) -> bool {
    let Some(first) = diagnostic.labels.first() else { return false };
    let (loc, at) = (first.loc, first.loc.span);
    let about = |k: &&mut Known<'_>| {
        let about = k.allow.about;
        let inside = about.start <= at.start && at.end <= about.end;
        k.code == diagnostic.code && k.file == loc.file && inside
    };
    let innermost = known.iter_mut().filter(about).min_by_key(|k| {
        let about = k.allow.about;
        about.end - about.start
    });
    innermost.map(|k| k.used = true).is_some()
}

/// The code that an acknowledgement names, with a reason.
fn understood(allow: &Allow, file: u32) -> Result<Code, Box<Diagnostic>> {
    let at = |span| Loc { file, span };
    let name = &allow.code.name;
    let wrong = |message: String, help: &str| {
        Box::new(Diagnostic::new(Code::E0410, message, at(allow.code.span), "").help(help))
    };
    let code = match Code::from_name(name) {
        Some(Code::W0812) => {
            return Err(wrong(
                format!("`{name}` is not about a program, but about a manifest"),
                "put the files that were written together into one folder; remove this `allow`",
            ));
        }
        Some(code) if code.severity() == Severity::Warning => code,
        Some(_) => {
            return Err(wrong(
                format!("`{name}` is an error, which cannot be accepted"),
                "mend what it is about, and remove this `allow`",
            ));
        }
        None => {
            return Err(wrong(
                format!("there is no warning `{name}`"),
                "a warning says its code in brackets; `snnc explain` lists all",
            ));
        }
    };
    if allow.reason.trim().is_empty() {
        let message = format!("this `allow {name}` has no reason");
        let d = Diagnostic::new(Code::E0410, message, at(allow.span), "the text is empty");
        return Err(Box::new(d.help("say why the warning is accepted")));
    }
    Ok(code)
}

/// For an acknowledgement that nothing needs.
fn needless(known: &Known<'_>) -> Diagnostic {
    let message = format!("nothing needs this `allow {}`", known.code.name());
    let at = |span| Loc { file: known.file, span };
    Diagnostic::new(Code::W0402, message, at(known.allow.span), "no such warning is given here")
        .help("remove it, or move it to the line before what the warning points at")
}
