//! Diagnostics as text for people. The only file that knows `annotate-snippets`.

use super::{Diagnostic, Fix, Label, Severity, SourceFile, SourceMap};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use std::fmt::Write;
use std::ops::Range;

/// Diagnostics that are shown in full; the summary says how many there are.
const SHOWN: usize = 100;

/// Longer labels and messages (a generated name, an enormous literal) are cut: a line that
/// fills the screen hides the others.
const LONGEST_LINE: usize = 2000;

/// All of them in the given order, a blank line after each, and a summary line; empty where
/// there are none. `colour`: with ANSI escapes.
///
/// Places outside the sources are moved to the nearest place inside: a wrong span may
/// mislead, but must not cost the user the message.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        out.push_str(&renderer.render(&groups(diagnostic, sources)));
        out.push_str("\n\n");
    }
    if let Some(hidden) = diagnostics.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let _ = writeln!(out, "and {hidden} more, not shown\n");
    }
    if let Some(summary) = summary(diagnostics) {
        out.push_str(&summary);
        out.push('\n');
    }
    out
}

/// `2 errors, 1 warning; …` with the command that explains the first of them; `None` where
/// there is nothing to sum up.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let of = |severity| diagnostics.iter().filter(move |d| d.severity == severity);
    let count = |severity, word: &str| match of(severity).count() {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let counts: Vec<String> =
        [count(Severity::Error, "error"), count(Severity::Warning, "warning")]
            .into_iter()
            .flatten()
            .collect();
    let first = of(Severity::Error).chain(of(Severity::Warning)).next()?;
    Some(format!("{}; `snnc explain {}` says more", counts.join(", "), first.code.name()))
}

/// The message, and a group for each remedy that is a change of text: the lines as they would be.
fn groups<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Group<'a>> {
    let mut groups = vec![message(diagnostic, sources)];
    for help in &diagnostic.helps {
        if let Some(fix) = &help.fix
            && let Some(changed) = changed(fix, sources)
        {
            groups.push(Level::HELP.secondary_title(cut(&help.text)).element(changed));
        }
    }
    groups
}

/// The lines that a change is for, with the change.
fn changed<'a>(fix: &'a Fix, sources: &'a SourceMap) -> Option<Snippet<'a, Patch<'a>>> {
    let source = sources.files.get(fix.edits.first()?.loc.file as usize)?;
    let ranges = || fix.edits.iter().map(|edit| source.range(edit.loc.span));
    let lines = source.lines(ranges().map(|r| r.start).min()?..ranges().map(|r| r.end).max()?);
    let patches = ranges().zip(&fix.edits).map(|(range, edit)| {
        Patch::new(range.start - lines.start..range.end - lines.start, edit.text.as_str())
    });
    let snippet = Snippet::source(&source.text[lines.clone()])
        .path(source.name.as_str())
        .line_start(source.position(lines.start).line);
    Some(snippet.patches(patches))
}

fn message<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(cut(&diagnostic.message)).id(diagnostic.code.name());
    let mut group = Group::with_title(title);
    for file in files_in_order(diagnostic) {
        if let Some(source) = sources.files.get(file as usize) {
            group = group.element(snippet(diagnostic, file, source));
        }
    }
    let notes = diagnostic.notes.iter().map(|n| Level::NOTE.no_name().message(cut(n)));
    let helps = diagnostic.helps.iter().filter(|h| h.fix.is_none());
    let helps = helps.map(|h| Level::HELP.message(cut(&h.text)));
    group.elements(notes).elements(helps)
}

/// The files of the labels, each once: first the one of the primary label.
fn files_in_order(diagnostic: &Diagnostic) -> Vec<u32> {
    let mut files: Vec<u32> = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.loc.file) {
            files.push(label.loc.file);
        }
    }
    files
}

/// The labels of one file on the lines they need. The renderer is given those lines only: it
/// splits whatever it gets into lines, and the source may be large.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: u32,
    source: &'a SourceFile,
) -> Snippet<'a, Annotation<'a>> {
    let labels: Vec<(usize, &Label)> =
        diagnostic.labels.iter().enumerate().filter(|(_, l)| l.loc.file == file).collect();
    let spans = || labels.iter().map(|(_, l)| source.range(l.loc.span));
    let first = spans().map(|r| r.start).min().unwrap_or(0);
    let last = spans().map(|r| r.end).max().unwrap_or(0);
    let Range { start, end } = source.lines(first..last);

    let annotations = labels.iter().flat_map(|&(index, label)| {
        let range = source.range(label.loc.span);
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        lines_of(&label.text)
            .map(move |line| kind.span(range.start - start..range.end - start).label(line))
    });
    Snippet::source(&source.text[start..end])
        .path(source.name.as_str())
        .line_start(source.position(start).line)
        .annotations(annotations)
}

/// The lines of a label, each as an annotation of its own (the renderer stacks those that
/// share a span); one without text where the label has none.
fn lines_of(text: &str) -> impl Iterator<Item = Option<String>> {
    let lines: Vec<Option<String>> = match text {
        "" => vec![None],
        text => text.lines().map(|line| Some(cut(line))).collect(),
    };
    lines.into_iter()
}

/// Without what is beyond [`LONGEST_LINE`] characters of each line.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST_LINE {
        return text.to_owned();
    }
    let shortened = text.lines().map(|line| match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    });
    shortened.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Code, Loc};
    use snn_grammar::ast::Span;

    fn sources(texts: &[(&str, &str)]) -> SourceMap {
        let file = |(name, text): &(&str, &str)| SourceFile {
            name: name.to_string(),
            folder: "".into(),
            text: text.to_string(),
            imported_by: None,
        };
        SourceMap { files: texts.iter().map(file).collect() }
    }

    /// The place of the first occurrence of `part` in a file.
    fn at(sources: &SourceMap, file: usize, part: &str) -> Loc {
        let start = sources.files[file].text.find(part).unwrap();
        loc(file as u32, start, start + part.len())
    }

    fn loc(file: u32, start: usize, end: usize) -> Loc {
        Loc { file, span: Span { start: start as u32, end: end as u32 } }
    }

    fn text(sources: &SourceMap, diagnostic: Diagnostic) -> String {
        render(&[diagnostic], sources, false)
    }

    #[test]
    fn a_label_of_several_lines_stands_under_its_place() {
        let s = sources(&[("mnist.snn", "network N {\n    input.label -> out.label\n}\n")]);
        let d = Diagnostic::new(
            Code::E0101,
            "`label` is received more often than it is sent",
            at(&s, 0, "input.label -> out.label"),
            "sent in post_mgmt when t % 32 == 1   (t = 1, 33, 65, …)\n\
             received in post_mgmt when t % 16 == 0   (t = 16, 32, 48, …)",
        )
        .note("the second receive, at t = 32, would wait for a message sent at t = 33")
        .help("receive when `t % 32 == 0`");
        insta::assert_snapshot!(text(&s, d));
    }

    #[test]
    fn both_sides_of_a_disagreement_are_shown_each_in_its_file() {
        let s = sources(&[
            ("net.snn", "const n = 4\nconst m = 5\n\nuse \"lif.snn\"\n\n\n\na -> b\n"),
            ("lib/lif.snn", "process LIF {\n    in a_in: i32[5]\n}\n"),
        ]);
        let d = Diagnostic::new(Code::E0101, "shapes differ", at(&s, 0, "a -> b"), "sends i32[4]")
            .label(at(&s, 1, "i32[5]"), "receives i32[5]")
            .label(at(&s, 0, "n = 4"), "4 comes from here");
        insta::assert_snapshot!(text(&s, d));
    }

    #[test]
    fn odd_places_are_shown_as_near_as_they_can_be() {
        let d = |l| Diagnostic::new(Code::E0101, "expected an item", l, "here");
        let empty = sources(&[("empty.snn", "")]);
        let unicode = sources(&[("ünï.snn", "const a = 1\n\tgröße = \"日本語\" + λ\nlast")]);
        let shown = [
            text(&empty, d(loc(0, 0, 0))),
            text(&unicode, d(at(&unicode, 0, "λ"))),
            text(&unicode, d(at(&unicode, 0, "a = 1\n\tgröße"))),
            // Inside `ö`, at the end, beyond the end, backward, in a file that is not there.
            text(&unicode, d(loc(0, 16, 16))),
            text(&unicode, d(loc(0, unicode.files[0].text.len(), unicode.files[0].text.len()))),
            text(&unicode, d(loc(0, 4000, 5000))),
            text(&unicode, d(loc(0, 9, 3))),
            text(&unicode, d(loc(7, 0, 1))),
        ];
        insta::assert_snapshot!(shown.concat());
    }

    #[test]
    fn a_line_of_a_megabyte_is_shown_around_the_place() {
        let line = format!("const w = [{} oops]\n", "1, ".repeat(400_000));
        let s = sources(&[("wide.snn", &line)]);
        let shown =
            text(&s, Diagnostic::new(Code::E0101, "what is this", at(&s, 0, "oops"), "this"));
        assert!(shown.contains("oops]"), "{shown}");
        assert!(shown.len() < 2000, "{} characters", shown.len());
    }

    #[test]
    fn lines_far_apart_are_shown_without_those_between() {
        let text_of = |n: usize| format!("first {{\n{}last }}\n", "line\n".repeat(n));
        let s = sources(&[("long.snn", &text_of(50_000))]);
        let whole = loc(0, 0, s.files[0].text.len() - 1);
        let d = Diagnostic::new(Code::E0101, "unclosed", whole, "all of this")
            .label(at(&s, 0, "last"), "the end");
        insta::assert_snapshot!(text(&s, d));
    }

    #[test]
    fn the_summary_counts_and_names_the_first_error() {
        let d = Diagnostic::without_place(Code::E0101, "no such file");
        insta::assert_snapshot!(render(&[d.clone(), d], &SourceMap::default(), false));
        assert_eq!(render(&[], &SourceMap::default(), false), "");
    }

    #[test]
    fn only_colour_brings_escapes() {
        let s = sources(&[("a.snn", "x")]);
        let d = [Diagnostic::new(Code::E0101, "m", loc(0, 0, 1), "l")];
        assert!(render(&d, &s, true).contains("\u{1b}["));
        assert!(!render(&d, &s, false).contains('\u{1b}'));
    }
}
