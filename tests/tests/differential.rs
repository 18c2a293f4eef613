//! Random well-typed programs: generated code against the interpreter, in every state of every
//! step, on one thread and on several.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use snn_tests::batch::{Batch, Ran};
use snn_tests::program;
use snn_tests::random_ir::Choices;
use snn_tests::random_program;
use snnc::ir::{KernelKind, OpKind, StepIr};
use std::path::Path;

/// Programs and seed: those given, or those of the environment (`SNNC_CASES`, `SNNC_SEED`).
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The texts of random programs with what they compile to.
fn programs() -> Vec<(String, StepIr)> {
    let seed = RngSeed::Fixed(number("SNNC_SEED", 1));
    let mut runner = TestRunner::new(Config { rng_seed: seed, ..Config::default() });
    let stream = proptest::collection::vec(proptest::num::u32::ANY, 50..400);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("random.snn");
    (0..number("SNNC_CASES", 24))
        .map(|_| {
            let choices = stream.new_tree(&mut runner).unwrap().current();
            let text = random_program::program(&mut Choices::new(choices));
            std::fs::write(&file, &text).unwrap();
            let run = program::check(&file, &[]);
            (text, run.ir)
        })
        .collect()
}

#[test]
fn generated_code_equals_the_interpreter_on_random_programs() {
    let programs = programs();
    let networks: Vec<StepIr> = programs.iter().map(|(_, ir)| ir.clone()).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    let lists = |ir: &StepIr| {
        ir.program.spk.iter().any(|op| match &op.kind {
            OpKind::Synapse(s) => s.kernel.kind == KernelKind::SparseColumns,
            _ => false,
        })
    };
    assert!(networks.len() < 24 || networks.iter().any(lists), "no sparse kernel is tested");
    let batch = Batch::compile(&networks, &dir).unwrap_or_else(|e| panic!("{e}"));
    let mut compared = 0;
    for threads in [1, 3] {
        let ran = batch.run(threads).unwrap_or_else(|e| panic!("{e}"));
        for ((text, ir), ran) in programs.iter().zip(&ran) {
            let Ran::Recorded(path) = ran else { panic!("{ran:?} of\n{text}") };
            let expected = program::interpreted(ir);
            let got = program::arrays(path);
            assert_eq!(got.len(), expected.len());
            for (key, expected) in &expected {
                assert!(
                    same(&got[key].values, &expected.values),
                    "{key}, {threads} threads:\n{text}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} arrays were compared");
}

/// Equal, bit for bit; one NaN is as good as another.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
}

#[test]
fn formatting_keeps_what_random_programs_mean() {
    for (text, _) in programs() {
        let formatted = snn_grammar::format(&text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        assert_eq!(snn_grammar::format(&formatted).as_ref(), Ok(&formatted));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("formatted.snn");
        std::fs::write(&file, &formatted).unwrap();
        program::check(&file, &[]);
    }
}
