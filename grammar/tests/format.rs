//! The canonical form of programs.

mod common;

use snn_grammar::format;

fn formatted(text: &str) -> String {
    format(text).unwrap_or_else(|errors| panic!("{errors:#?} in {text}"))
}

#[test]
fn every_program_of_the_corpus_has_the_reviewed_form() {
    for (name, text) in common::programs("corpus") {
        insta::assert_snapshot!(name, formatted(&text));
    }
}

#[test]
fn blanks_indentation_and_empty_lines_are_normalised() {
    let messy =
        "process  P(a:int,b :int=-1){\n\n\n in x:spike\n\n\n\n  phase spk{\n v=a[0]*-b}}\n\n";
    let clean = "process P(a: int, b: int = -1) {\n    in x: spike\n\n    phase spk {\n        \
                 v = a[0] * -b\n    }\n}\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn a_block_on_one_line_stays_there() {
    assert_eq!(
        formatted("process P{phase spk{a=1;b=2;}}"),
        "process P { phase spk { a = 1; b = 2 } }\n"
    );
}

#[test]
fn continued_arrows_are_aligned_below_the_first() {
    let messy = "network N {\n in.x -> Dense(w)\n -> lif\n    // comment\n -> out\n  a ->\n b\n}";
    let clean = "network N {\n    in.x -> Dense(w)\n         -> lif\n         // comment\n         \
                 -> out\n    a ->\n        b\n}\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn comments_of_neighbouring_lines_are_aligned() {
    let messy = "const a = 1 // one\nconst abc = 2 //two\n\nconst d = 3     // three\n";
    let clean = "const a = 1    // one\nconst abc = 2  //two\n\nconst d = 3  // three\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn lists_keep_the_line_breaks_of_their_author() {
    let messy = "data w = uniform(0,1,\nshape:[m,\nn],\n  seed : 1,\n)\n";
    let clean = "data w = uniform(0, 1,\n    shape: [m,\n        n],\n    seed: 1,\n)\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn an_else_stands_below_its_if_where_a_comment_keeps_it_from_the_brace() {
    let messy = "process P {\nphase spk {\nelse = 1\nif a { b = 1 } // one\nelse { b = 2 }\n}\n}\n";
    let clean = "process P {\n    phase spk {\n        else = 1\n        if a { b = 1 }  // one\n        \
                 else { b = 2 }\n    }\n}\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn operators_are_indented_within_what_they_continue() {
    let messy = "const a = (b +\nc)\nconst d = f(\ne\n+ g,\nh,\n)\nconst i =\nj\n";
    let clean =
        "const a = (b +\n    c)\nconst d = f(\n    e\n        + g,\n    h,\n)\nconst i =\n    j\n";
    assert_eq!(formatted(messy), clean);
}

#[test]
fn a_text_with_errors_is_refused() {
    let errors = format("const = 1\nconst b = \n").unwrap_err();
    assert_eq!(errors.len(), 2);
}
