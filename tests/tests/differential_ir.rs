//! Random step IR: what the analyses prove, and what generated code computes, against what the
//! interpreter does.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use snn_runtime::Network;
use snn_tests::random_ir::{Choices, network};
use snnc::interpret::{Array, load};
use snnc::ir::{BufferId, StepIr, print, ranges};
use std::sync::Arc;

/// Cases and seed: those given, or those of the environment (`SNNC_CASES`, `SNNC_SEED`).
fn config(cases: u32) -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    ProptestConfig {
        cases: number("SNNC_CASES").map_or(cases, |n| n as u32),
        rng_seed: RngSeed::Fixed(number("SNNC_SEED").unwrap_or(1)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Enough numbers to decide the largest network.
fn choices() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 0..4000)
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn every_value_lies_in_the_proven_range(stream in choices()) {
        let mut ir = network(&mut Choices::new(stream));
        ranges::analyse(&mut ir);
        check_ranges(ir)?;
    }
}

fn check_ranges(ir: StepIr) -> Result<(), TestCaseError> {
    let text = print::print(&ir);
    let ir = Arc::new(ir);
    let mut interpreter = load(ir.clone()).map_err(|e| TestCaseError::fail(e.message))?;
    for t in 0..=ir.steps {
        if t > 0 && interpreter.step(t).is_err() {
            break;
        }
        for (n, buffer) in (0u32..).zip(&ir.buffers) {
            let (lo, hi) = buffer.range;
            let outside = match interpreter.buffer(BufferId(n)) {
                Array::Int(values) => values.iter().copied().find(|v| *v < lo || *v > hi),
                Array::Bool(values) => {
                    values.iter().map(|b| i64::from(*b)).find(|v| *v < lo || *v > hi)
                }
                Array::F32(_) | Array::F64(_) => None,
            };
            prop_assert_eq!(outside, None, "{} at step {}:\n{}", buffer.name, t, text);
        }
        if t > 0 {
            interpreter.between(t);
        }
    }
    Ok(())
}
