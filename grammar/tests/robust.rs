//! No text makes the parser or the formatter panic, run out of stack or take long.

mod common;

use common::dump;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use snn_grammar::{MAX_ERRORS, MAX_SOURCE, SyntaxErrorKind, format, parse};

/// What holds for every text whatsoever.
fn check(text: &str) {
    let parsed = parse(text);
    assert!(parsed.errors.len() <= MAX_ERRORS);
    for error in &parsed.errors {
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert!(text.get(start..end).is_some(), "{error:?} is not a place in {text:?}");
        assert!(!error.message.is_empty());
        if let Some((span, _)) = &error.related {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{error:?}");
        }
    }
    match format(text) {
        Err(errors) => assert_eq!(errors, parsed.errors),
        Ok(formatted) => {
            assert_eq!(parsed.errors, [], "formatted in spite of errors: {text:?}");
            let again = parse(&formatted);
            assert_eq!(again.errors, [], "{text:?}\nbecame\n{formatted}");
            assert_eq!(
                dump::file(&parsed.file),
                dump::file(&again.file),
                "of {text:?}\nas\n{formatted}"
            );
            assert_eq!(comments(text), comments(&formatted), "of {text:?}\nas\n{formatted}");
            assert_eq!(format(&formatted).as_deref(), Ok(formatted.as_str()), "of {text:?}");
        }
    }
}

/// How many comments of the kind that the mutations insert there are.
fn comments(text: &str) -> usize {
    text.matches("~").count()
}

/// What is inserted into, or replaces a part of, a program.
const SNIPPETS: &[&str] = &[
    " ",
    "\n",
    "\n\n\n",
    "\t",
    "\r\n",
    ";",
    ",",
    "// ~\n",
    "/* ~ */",
    "/* ~\n ~ */",
    "/// ~\n",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=",
    "==",
    "+=",
    "->",
    "-",
    "+",
    "*",
    "**",
    "!",
    "not",
    " and ",
    "..",
    "..=",
    ".",
    ":",
    "\"",
    "/*",
    "*/",
    "if",
    "else",
    "phase",
    "reset",
    "record",
    "in",
    "out",
    "every",
    "at",
    "where",
    "true",
    "0x",
    "1.",
    "1e",
    "é",
    "→",
    "\\",
    "\0",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "@",
    "{ a = 1 }",
    "if a { b = 1 }",
    "-> a",
    "else { }",
    "x",
    "9999999999999999999",
    "(((",
    "[[[",
];

/// A change to a text: where, how much is removed, what is inserted.
type Change = (usize, usize, usize);

fn mutate(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for &(at, length, snippet) in changes {
        let boundaries: Vec<usize> =
            text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let start = at % boundaries.len();
        let end = (start + length).min(boundaries.len() - 1);
        text.replace_range(boundaries[start]..boundaries[end], SNIPPETS[snippet % SNIPPETS.len()]);
    }
    text
}

fn config(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0x5eed);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn mutated_programs(
        program in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<usize>(), 0usize..6, any::<usize>()), 1..6),
    ) {
        let programs = common::programs("corpus");
        check(&mutate(&program.get(&programs).1, &changes));
    }

    #[test]
    fn programs_with_other_blanks_and_comments(
        program in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<usize>(), 0usize..12), 1..4),
    ) {
        let programs = common::programs("corpus");
        let changes: Vec<Change> = changes.into_iter().map(|(at, what)| (at, 0, what)).collect();
        check(&mutate(&program.get(&programs).1, &changes));
    }

    #[test]
    fn arbitrary_texts(text in "\\PC*") {
        check(&text);
    }

    #[test]
    fn arbitrary_tokens(tokens in prop::collection::vec(any::<usize>(), 0..60)) {
        let text: String = tokens.iter().map(|t| SNIPPETS[t % SNIPPETS.len()]).collect();
        check(&text);
    }
}

#[test]
fn every_prefix_of_the_reference_programs() {
    for (_, text) in common::programs("corpus").iter().filter(|(n, _)| n.starts_with("mnist")) {
        for (end, _) in text.char_indices().step_by(3) {
            check(&text[..end]);
        }
    }
}

/// Whether a text is refused as too deep, and by nothing else.
fn too_deep(text: &str) -> bool {
    let errors = parse(text).errors;
    errors.iter().any(|e| e.kind == SyntaxErrorKind::TooDeep)
}

#[test]
fn deep_nesting_is_an_error_with_its_own_kind() {
    let repeated = |open: &str, middle: &str, close: &str, n: usize| {
        format!("const a = {}{middle}{}\n", open.repeat(n), close.repeat(n))
    };
    for n in [100, 10_000, 200_000] {
        assert!(too_deep(&repeated("(", "1", ")", n)));
        assert!(too_deep(&repeated("[", "1", "]", n)));
        assert!(too_deep(&repeated("f(1, ", "1", ")", n)));
        assert!(too_deep(&repeated("a[", "1", "]", n)));
        assert!(too_deep(&"{".repeat(n)));
        assert!(too_deep(&format!("process P {{ phase spk {{ {}", "if a { ".repeat(n))));
    }
    for n in [300, 100_000] {
        assert!(too_deep(&repeated("-", "1", "", n)));
        assert!(too_deep(&repeated("!", "1", "", n)));
        assert!(too_deep(&repeated("not ", "1", "", n)));
        assert!(too_deep(&repeated("1 ** ", "1", "", n)));
        assert!(too_deep(&repeated("1 + ", "1", "", n)));
        assert!(too_deep(&repeated("a.", "b", "", n)));
        assert!(too_deep(&repeated("a", "", "()", n)));
        assert!(too_deep(&repeated("a", "", "[0]", n)));
        let chain = "else if b { c = 2 } ".repeat(n);
        assert!(too_deep(&format!("process P {{ phase spk {{ if a {{ b = 1 }} {chain} }} }}")));
    }
}

/// As deep as it goes, in a thread with the stack of the smallest default.
#[test]
fn what_is_not_too_deep_parses_on_a_small_stack() {
    let nested = |open: &str, close: &str, n: usize| {
        format!("const a = {}1{}\n", open.repeat(n), close.repeat(n))
    };
    let elses = "else if b { c = 2 } ".repeat(240);
    let texts = vec![
        nested("(", ")", 64),
        nested("f(g.h[", "])", 32),
        nested("-", "", 250),
        nested("not ", "", 250),
        nested("1 ** ", "", 250),
        nested("1 + ", "", 250),
        nested("(1 + 1 * -", ")", 40),
        format!("process P {{ phase spk {{ if a {{ b = 1 }} {elses} }} }}"),
        format!("process P {{ phase spk {{ {} {} }} }}", "if a { ".repeat(60), "}".repeat(60)),
    ];
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let run = move || texts.iter().for_each(|text| check_parses(text));
    thread.spawn(run).unwrap().join().unwrap();
}

fn check_parses(text: &str) {
    assert_eq!(parse(text).errors, [], "in {text}");
    check(text);
}

#[test]
fn a_source_that_is_too_large_is_refused() {
    let text = " ".repeat(MAX_SOURCE + 1);
    let errors = parse(&text).errors;
    assert_eq!(errors.iter().map(|e| e.kind).collect::<Vec<_>>(), [SyntaxErrorKind::TooLarge]);
    assert_eq!(format(&text), Err(errors));
}

#[test]
fn a_program_of_a_megabyte_parses() {
    let one = "process P {\n    out s: spike[8]\n    var v: i32[8] = 0\n    phase spk when t % 4 == 1 {\n        \
               v = v * (1 - k) + f(x, y: 2)\n    }\n}\n";
    let many = one.repeat((1 << 20) / one.len());
    let parsed = parse(&many);
    assert_eq!(parsed.errors, []);
    assert_eq!(parsed.file.items.len(), many.len() / one.len());
    let statements = "        v = v * (1 - k) + f(x, y: 2)\n".repeat(1 << 15);
    let parsed = parse(&format!("process P {{\n phase spk {{\n{statements} }}\n}}\n"));
    assert_eq!(parsed.errors, []);
}

#[test]
fn a_megabyte_of_comments_is_formatted() {
    let comments = "  // a comment\n".repeat(1 << 16);
    let formatted = format(&comments).unwrap_or_default();
    assert_eq!(formatted.lines().count(), 1 << 16);
}

#[test]
fn a_megabyte_of_mistakes_gives_a_bounded_list() {
    let items = "proces P { }\nconst = 1\n".repeat(40_000);
    assert_eq!(parse(&items).errors.len(), MAX_ERRORS);
    let nested = format!("process P {{ phase spk {{\n{}}} }}", "a == 1\n".repeat(100_000));
    assert_eq!(parse(&nested).errors.len(), MAX_ERRORS);
    let brackets = "const a = (\n)\n)\n".repeat(80_000);
    assert_eq!(parse(&brackets).errors.len(), MAX_ERRORS);
    let closing = "const a = )\n".repeat(300_000);
    assert_eq!(parse(&closing).errors.len(), MAX_ERRORS);
    let one_line = "a=1;".repeat(200_000);
    assert_eq!(parse(&one_line).errors.len(), MAX_ERRORS);
}
