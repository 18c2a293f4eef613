//! Random programs over the whole language: every engine gives the same bits, on one thread and
//! on several.
//!
//! `SNNC_CASES` and `SNNC_SEED` make longer runs and other ones. A program on which engines
//! differ is printed as small as it can be made.

use snn_ir::step::print;
use snn_tests::programs::compare::{Verdict, judge_all};
use snn_tests::programs::engine::{
    Checked, Code, Engine, Executor, Oracle, check, check_seen, executed,
};
use snn_tests::programs::features::{Covered, Features};
use snn_tests::programs::{Generated, numbered, shrink};
use std::collections::BTreeMap;
use std::path::Path;

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn seed() -> u64 {
    number("SNNC_SEED").unwrap_or(1)
}

/// The engines that are quick: all but generated code, which must be compiled first.
fn quick() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Oracle::Network),
        Box::new(Oracle::Apart),
        Box::new(Oracle::Flat),
        Box::new(Executor(1)),
        Box::new(Executor(3)),
    ]
}

/// The oracle and generated code.
fn compiled() -> Vec<Box<dyn Engine>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    let code = |threads| Box::new(Code { threads, folder: folder.clone() });
    vec![Box::new(Oracle::Network), code(1), code(3)]
}

/// Judges programs, `at_once` at a time. The first that is wrong is printed, and fails the test.
fn run(cases: u64, engines: &[Box<dyn Engine>], at_once: usize, attempts: usize) {
    let engines: Vec<&dyn Engine> = engines.iter().map(|e| &**e).collect();
    let (mut covered, mut parallel, mut tabulated) = (Covered::default(), 0, 0);
    let mut rejected: BTreeMap<String, usize> = BTreeMap::new();
    let numbers: Vec<u64> = (0..cases).collect();
    for numbers in numbers.chunks(at_once) {
        let made: Vec<Generated> =
            numbers.iter().map(|n| numbered(seed(), *n, Features::TODAY)).collect();
        let programs: Vec<_> = made.iter().map(|made| &made.program).collect();
        let verdicts = judge_all(&programs, &engines);
        for ((n, made), verdict) in numbers.iter().zip(&made).zip(verdicts) {
            match verdict {
                Verdict::Agree(compiled) => {
                    covered.add(&made.marks);
                    parallel += u64::from(cases > 100 && executed(&compiled.ir, 3).1 > 1);
                    tabulated += compiled.ir.tabulated.len() as u64;
                }
                Verdict::Rejected(code, _) => *rejected.entry(code).or_insert(0) += 1,
                Verdict::Wrong(wrong) => {
                    let small = shrink::shrink(&made.program, &wrong.kind, &engines, attempts);
                    let again = judge_all(&[&small], &engines).swap_remove(0);
                    let detail = match again {
                        Verdict::Wrong(again) => again.detail,
                        _ => wrong.detail,
                    };
                    panic!("program {n} of seed {}: {}\n{detail}\n{small}", seed(), wrong.kind);
                }
            }
        }
    }
    let refused: usize = rejected.values().sum();
    assert!(refused as u64 * 20 <= cases.max(20), "{refused} programs are refused: {rejected:#?}");
    assert_eq!(covered.unlisted(), Vec::<&str>::new());
    if cases >= 300 {
        let counts = format!("{refused} refused, {parallel} in parallel, {tabulated} tabulated");
        println!("{}{counts}", covered.table());
        let missing = covered.missing();
        assert!(missing.is_empty(), "no program has {missing:?}");
        assert!(parallel * 10 >= cases, "only {parallel} programs are executed in parallel");
        assert!(tabulated > 0, "no encoder becomes a table");
    }
}

#[test]
fn oracle_and_executor_agree_on_random_programs() {
    run(number("SNNC_CASES").unwrap_or(400), &quick(), 1, 3000);
}

#[test]
fn generated_code_equals_the_oracle_on_random_programs() {
    run(number("SNNC_CASES").unwrap_or(24), &compiled(), 48, 240);
}

#[test]
fn formatting_keeps_what_random_programs_mean() {
    for n in 0..number("SNNC_CASES").unwrap_or(60) {
        let program = numbered(seed(), n, Features::TODAY).program;
        let Checked::Accepted(plain) = check(&program) else { continue };
        let format = |text: String| {
            let formatted = snn_grammar::format(&text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
            assert_eq!(snn_grammar::format(&formatted).as_ref(), Ok(&formatted));
            formatted
        };
        match check_seen(&program, &format) {
            Checked::Accepted(formatted) => {
                assert_eq!(print::print(&plain.ir), print::print(&formatted.ir), "{program}");
            }
            Checked::Rejected(_, text) => panic!("{text}\n{program}"),
            Checked::Panicked(why) => panic!("{why}\n{program}"),
        }
    }
}

#[test]
fn a_seed_names_a_program_for_ever() {
    let text = |n| numbered(3, n, Features::TODAY).program.to_string();
    assert_eq!(text(5), text(5));
    assert_ne!(text(5), text(6));
}
