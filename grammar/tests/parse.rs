//! Programs that follow the grammar, and the trees they become.

mod common;

use snn_grammar::parse;

#[test]
fn every_program_of_the_corpus_parses() {
    for (name, text) in common::programs("corpus") {
        let errors = parse(&text).errors;
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}
