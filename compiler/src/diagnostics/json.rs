//! Diagnostics as JSON for machines.

use super::{Diagnostic, Label, Position, Severity, SourceMap};
use serde_json::{Value, json};

/// An array with one object for each diagnostic, in the given order:
/// `{code, severity, message, labels: [{file, start: {line, column}, end: {…}, text}],
/// notes, helps}`. Lines and columns count from 1, columns in characters; `end` is the
/// position after the last character. The first label is the primary one.
pub fn to_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    diagnostics.iter().map(|d| diagnostic(d, sources)).collect()
}

fn diagnostic(d: &Diagnostic, sources: &SourceMap) -> Value {
    let severity = match d.code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "code": d.code.name(),
        "severity": severity,
        "message": d.message,
        "labels": d.labels.iter().filter_map(|l| label(l, sources)).collect::<Vec<_>>(),
        "notes": d.notes,
        "helps": d.helps,
    })
}

fn label(label: &Label, sources: &SourceMap) -> Option<Value> {
    let file = sources.files.get(label.loc.file as usize)?;
    let range = file.range(label.loc.span);
    Some(json!({
        "file": file.name,
        "start": position(file.position(range.start)),
        "end": position(file.position(range.end)),
        "text": label.text,
    }))
}

fn position(p: Position) -> Value {
    json!({ "line": p.line, "column": p.column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Code, Loc, SourceFile};
    use snn_grammar::ast::Span;

    #[test]
    fn places_are_lines_and_columns_of_characters() {
        let file =
            SourceFile { name: "a.snn".into(), folder: "".into(), text: "one\nzwölf λ\n".into() };
        let start = file.text.find('λ').unwrap() as u32;
        let loc = Loc { file: 0, span: Span { start, end: start + 2 } };
        let d = Diagnostic::new(Code::E0101, "m", loc, "l")
            .help("h")
            .label(Loc { file: 9, span: Span::default() }, "of a file that is not there: left out");
        let shown = to_json(&[d], &SourceMap { files: vec![file] });
        assert_eq!(
            shown,
            json!([{
                "code": "E0101",
                "severity": "error",
                "message": "m",
                "labels": [{
                    "file": "a.snn",
                    "start": { "line": 2, "column": 7 },
                    "end": { "line": 2, "column": 8 },
                    "text": "l",
                }],
                "notes": [],
                "helps": ["h"],
            }])
        );
    }
}
