//! Programs that follow the grammar, and the trees they become.

#![allow(clippy::unwrap_used)]

mod common;

use common::dump;
use snn_grammar::ast::{Item, ItemKind, NetworkMember, ProcessMember, Span};
use snn_grammar::{SyntaxErrorKind, parse, parse_expr};

/// The tree of a program without errors.
fn tree(text: &str) -> String {
    let parsed = parse(text);
    assert_eq!(parsed.errors, [], "in {text:?}");
    dump::file(&parsed.file)
}

fn expr(text: &str) -> String {
    dump::expr(&parse_expr(text).unwrap())
}

#[test]
fn every_program_of_the_corpus_gives_the_reviewed_tree() {
    for (name, text) in common::programs("corpus") {
        insta::assert_snapshot!(name, tree(&text));
    }
}

#[test]
fn precedence_follows_the_table() {
    assert_eq!(expr("a or b and c"), "(a Or (b And c))");
    assert_eq!(expr("a and b < c | d"), "(a And (b Lt (c BitOr d)))");
    assert_eq!(expr("a | b ^ c & d"), "(a BitOr (b BitXor (c BitAnd d)))");
    assert_eq!(expr("a & b << c + d"), "(a BitAnd (b Shl (c Add d)))");
    assert_eq!(expr("a - b - c * d / e"), "((a Sub b) Sub ((c Mul d) Div e))");
    assert_eq!(expr("-a ** -b ** c"), "(Neg (a Pow (Neg (b Pow c))))");
    assert_eq!(expr("-a.b(c)[0] @ d"), "((Neg a.b(c)[0]) MatMul d)");
    assert_eq!(expr("(a + b) * c"), "((a Add b) Mul c)");
}

#[test]
fn the_word_not_binds_as_the_mark_does() {
    for not in ["not ", "!"] {
        let text = |rest: &str| expr(&format!("{not}{rest}"));
        assert_eq!(text("a == b and c"), "(((Not a) Eq b) And c)");
        assert_eq!(text("a <= b"), "((Not a) Le b)");
        assert_eq!(text("a * b"), "((Not a) Mul b)");
        assert_eq!(text("(a == b)"), "(Not (a Eq b))");
        assert_eq!(text("a ** b"), "(Not (a Pow b))");
    }
}

#[test]
fn numbers_and_strings_have_their_values() {
    assert_eq!(
        expr("[10_000, 0xff, 1.5, 1e-4, 2E3, 1_0.2_5]"),
        "[10000, 255, 1.5, 0.0001, 2000.0, 10.25]"
    );
    assert_eq!(expr("9223372036854775807"), "9223372036854775807");
    assert_eq!(expr(r#""a\"\\\n\té""#), r#""a\"\\\n\té""#);
    assert_eq!(expr("[true, not_a_keyword]"), "[true, not_a_keyword]");
}

#[test]
fn an_override_may_be_any_expression() {
    assert_eq!(expr(" 20 * images\n // so many\n"), "(20 Mul images)");
    for bad in ["", "1 2", "a = 1", "(", "a)", "\"", "9223372036854775808", "a < b < c", "f(\\)"] {
        let error = parse_expr(bad).unwrap_err();
        assert_eq!(error.kind, SyntaxErrorKind::Syntax, "{bad:?}");
        assert!(error.span.end as usize <= bad.len(), "{bad:?}: {error:?}");
    }
}

/// How many statements the body of a phase has.
fn statements(body: &str) -> usize {
    let text = format!("process P {{\n    phase spk {{{body}}}\n}}\n");
    let parsed = parse(&text);
    assert_eq!(parsed.errors, [], "in {text}");
    let Some(Item { kind: ItemKind::Process(process), .. }) = parsed.file.items.first() else {
        panic!("no process in {text}")
    };
    match process.members.first() {
        Some(ProcessMember::Phase(phase)) => phase.body.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_statement_ends_with_its_line_or_a_semicolon() {
    assert_eq!(statements(" a = 1; b = 2 "), 2);
    assert_eq!(statements("\n a = 1\n b = 2\n"), 2);
    assert_eq!(statements("\n a = 1;\n\n ; ;b = 2;\n"), 2);
}

#[test]
fn a_line_goes_on_after_an_operator_a_comma_or_an_open_bracket() {
    assert_eq!(statements("\n a = b +\n\n c\n d = e"), 2);
    assert_eq!(statements("\n a =\n b and // why\n not\n c\n"), 1);
    assert_eq!(statements("\n a = f(\n b,\n c\n )\n b = [\n 1\n ]\n"), 2);
}

#[test]
fn a_line_goes_on_with_a_name_that_is_a_keyword_elsewhere() {
    assert_eq!(statements("\n a = b *\n steps where c\n d =\n data and out\n"), 2);
    assert_eq!(tree("epoch e = every 2 *\n steps steps"), "epoch e every (2 Mul steps)\n");
    assert_eq!(tree("use \"x\": in,\n steps"), "use \"x\" in, steps\n");
}

#[test]
fn a_line_goes_on_where_the_next_starts_with_an_operator() {
    assert_eq!(statements("\n a = b\n - c\n"), 1);
    assert_eq!(statements("\n a = b\n // why\n or c\n\n and d"), 1);
    assert_eq!(statements("\n if a { b = 1 }\n else { b = 2 }\n"), 1);
}

#[test]
fn a_line_that_starts_with_a_bracket_or_a_sign_of_nothing_is_a_new_one() {
    let hops = |text: &str| {
        let parsed = parse(&format!("network N {{\n{text}\n}}"));
        assert_eq!(parsed.errors, [], "in {text}");
        let Some(Item { kind: ItemKind::Network(network), .. }) = parsed.file.items.first() else {
            panic!("no network in {text}")
        };
        let hops = |m: &NetworkMember| match m {
            NetworkMember::Connection(c) => c.hops.len(),
            _ => 0,
        };
        network.members.iter().map(hops).collect::<Vec<_>>()
    };
    assert_eq!(hops("a -> b\n(c) -> d"), [2, 2]);
    assert_eq!(hops("a -> b\n  -> c\n  -> d"), [4]);
    assert_eq!(hops("a ->\n  b\n\n  -> c"), [3]);
}

#[test]
fn documentation_belongs_to_what_follows_it() {
    let text =
        "/// of P\nprocess P {\n  /// of a\n  in a: spike /// no\n  out b: spike\n}\n/// of none\n";
    let parsed = parse(text);
    assert_eq!(parsed.errors, []);
    let [item] = parsed.file.items.as_slice() else { panic!("one item: {parsed:?}") };
    assert_eq!(item.docs, ["of P"]);
    let ItemKind::Process(process) = &item.kind else { panic!("{item:?}") };
    let docs = process.members.iter().map(|m| match m {
        ProcessMember::Port(p) => p.docs.clone(),
        other => panic!("{other:?}"),
    });
    let docs: Vec<_> = docs.collect();
    assert_eq!(docs, [vec!["of a".to_owned()], vec![]]);
}

#[test]
fn an_acknowledged_warning_is_about_what_follows_it() {
    let text = "allow W0401 \"a\"\n// why\nallow W0801 \"b\"\nnetwork N {\n    allow W0701 \"c\"\n\n    \
                x -> y\n    z = Z()\n}\nprocess P {\n    allow W0701 \"d\"\n    phase spk {\n        if c {\n            \
                allow W0303 \"e\"\n            x = 0\n        }\n    }\n}\n";
    let parsed = parse(text);
    assert_eq!(parsed.errors, []);
    let about: Vec<(&str, &str)> = parsed
        .file
        .allows
        .iter()
        .map(|a| {
            let about = &text[a.about.start as usize..a.about.end as usize];
            (a.reason.as_str(), about.lines().next().unwrap())
        })
        .collect();
    assert_eq!(
        about,
        [
            ("a", "network N {"),
            ("b", "network N {"),
            ("c", "x -> y"),
            ("d", "phase spk {"),
            ("e", "x = 0")
        ]
    );
}

#[test]
fn an_acknowledged_warning_needs_something_after_it() {
    for text in ["allow W0401 \"a\"\n", "network N {\n    x -> y\n    allow W0401 \"a\"\n}\n"] {
        let messages: Vec<String> = parse(text).errors.into_iter().map(|e| e.message).collect();
        assert_eq!(messages, ["nothing follows this `allow`"]);
    }
    let [error] = &parse("network N {\n    allow W0401\n    x -> y\n}\n").errors[..] else {
        panic!("one error")
    };
    assert!(error.message.contains("a string in double quotes"), "{}", error.message);
}

#[test]
fn spans_are_places_in_the_source() {
    let text = "/* é */ const a = (1 + 2) * b.c // d\n";
    let parsed = parse(text);
    let shown = |span: Span| &text[span.start as usize..span.end as usize];
    let [item] = parsed.file.items.as_slice() else { panic!("one item: {parsed:?}") };
    assert_eq!(shown(item.span), "const a = (1 + 2) * b.c");
    let ItemKind::Const(binding) = &item.kind else { panic!("{item:?}") };
    assert_eq!(shown(binding.name.span), "a");
    assert_eq!(shown(binding.value.span), "(1 + 2) * b.c");
}

#[test]
fn a_byte_order_mark_is_passed_over_at_the_beginning_only() {
    assert_eq!(tree("\u{feff}//! doc\nconst a = 1"), "//! doc\nconst a = 1\n");
    assert_eq!(parse("const a = 1\n\u{feff}const b = 2").errors.len(), 1);
}

#[test]
fn only_blanks_tabs_and_line_ends_are_white_space() {
    assert_eq!(tree("const\ta =\t1\r\n\r\n"), "const a = 1\n");
    for odd in ["\u{b}const a = 1", "const a = 1\u{c}", "const\u{a0}a = 1"] {
        assert_eq!(parse(odd).errors.len(), 1, "{odd:?}");
    }
}
