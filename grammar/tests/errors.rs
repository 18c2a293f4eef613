//! What people are told about programs that do not follow the grammar.
#![allow(clippy::unwrap_used)]

mod common;

use snn_grammar::ast::Span;
use snn_grammar::{SyntaxError, parse};
use std::fmt::Write;

/// The errors of a program, each under the line that it is about.
fn rendered(text: &str) -> String {
    let mut out = String::new();
    for error in parse(text).errors {
        render(&mut out, text, &error);
    }
    out
}

fn render(out: &mut String, text: &str, error: &SyntaxError) {
    writeln!(out, "error: {}", error.message).unwrap();
    underline(out, text, error.span, '^', "");
    if let Some((span, label)) = &error.related {
        underline(out, text, *span, '-', label);
    }
    if let Some(help) = &error.help {
        writeln!(out, "  = help: {help}").unwrap();
    }
    writeln!(out).unwrap();
}

fn underline(out: &mut String, text: &str, span: Span, mark: char, label: &str) {
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let number = text[..line_start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count();
    let width = text[start..end].lines().next().unwrap_or_default().chars().count().max(1);
    let marks = mark.to_string().repeat(width);
    writeln!(out, "{number:>3} | {line}\n    | {}{marks} {label}", " ".repeat(column)).unwrap();
}

#[test]
fn every_mistake_has_the_reviewed_message() {
    for (name, text) in common::programs("errors") {
        let errors = rendered(&text);
        assert!(!errors.is_empty(), "{name} has no errors");
        insta::assert_snapshot!(name, format!("{text}\n----- ERRORS -----\n{errors}"));
    }
}
