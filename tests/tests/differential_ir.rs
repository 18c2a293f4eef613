//! Random step IR: what the analyses prove, and what generated code computes, against what the
//! executor does.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use snn_back::executor::{Array, load, plan};
use snn_ir::scalar;
use snn_ir::step::{
    Access, Buffer, BufferId, Elem, Expr, ExprKind, Fit, Kind, OpKind, Source, StepIr, Stmt, print,
    ranges, verify,
};
use snn_runtime::Network;
use snn_runtime::execute::{Execution, Outcome, RunError, run};
use snn_runtime::network::{ElementType, Fault};
use snn_runtime::record;
use snn_tests::batch::{Batch, Ran};
use snn_tests::random_ir::{Choices, network, remembering, windowed};
use std::path::Path;
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
        prop_assert_eq!(verify::check(&ir), Ok(()), "{}", print::print(&ir));
        check_ranges(ir)?;
    }
}

fn check_ranges(ir: StepIr) -> Result<(), TestCaseError> {
    let mut executor = load(Arc::new(watched(&ir)), &snn_data::Disk)
        .map_err(|e| TestCaseError::fail(e.message))?;
    for t in 0..=ir.steps {
        if t > 0 && executor.step(t).is_err() {
            break;
        }
        for (n, buffer) in (0u32..).zip(&ir.buffers) {
            let (lo, hi) = buffer.range;
            for id in [BufferId(n), watcher(&ir, n, 0), watcher(&ir, n, 1)] {
                let outside = match executor.buffer(id) {
                    Array::Int(values) => values.iter().copied().find(|v| *v < lo || *v > hi),
                    Array::Bool(_) | Array::Narrow(_) | Array::F32(_) | Array::F64(_) => None,
                };
                let (name, text) = (&buffer.name, || print::print(&ir));
                prop_assert_eq!(outside, None, "{} at step {}:\n{}", name, t, text());
            }
        }
        if t > 0 {
            executor.between(t);
        }
    }
    Ok(())
}

/// Which buffer of a watched network holds the smallest (0) or largest (1) values of buffer `n`.
fn watcher(ir: &StepIr, n: u32, end: u32) -> BufferId {
    BufferId(ir.buffers.len() as u32 + 2 * n + end)
}

/// The same network, which also keeps the extremes of all that its loops store: a later
/// statement of the same step may hide a value. Nothing is known of the ranges, so that values
/// outside are what they are.
fn watched(ir: &StepIr) -> StepIr {
    let mut watched = ir.clone();
    for buffer in &ir.buffers {
        for end in ["smallest", "largest"] {
            let name = format!("{}.{end}", buffer.name);
            watched.buffers.push(Buffer { name, elem: Elem::I64, ..buffer.clone() });
        }
    }
    for buffer in &mut watched.buffers {
        buffer.range = (i64::MIN, i64::MAX);
    }
    for op in watched.program.phases_mut().into_iter().flatten() {
        let OpKind::Loop(body) = &mut op.kind else { continue };
        let statements = std::mem::take(&mut body.body);
        for statement in statements {
            let stored = match &statement {
                Stmt::Store { to, .. } => Some(to.clone()),
                Stmt::Let { .. } => None,
            };
            body.body.push(statement);
            let Some(Access { source: Source::Buffer(BufferId(n)), .. }) = stored else { continue };
            let Some(to) = stored.filter(|_| ir.buffers[n as usize].elem.kind() == Kind::Int)
            else {
                continue;
            };
            for (end, op) in [(0, scalar::Op::Min), (1, scalar::Op::Max)] {
                let extreme = Access { source: Source::Buffer(watcher(ir, n, end)), ..to.clone() };
                let load = |access: &Access| Expr {
                    kind: Kind::Int,
                    node: ExprKind::Load(access.clone()),
                };
                let value = Expr::apply(op, vec![load(&extreme), load(&to)]);
                body.body.push(Stmt::Store { to: extreme, value, fit: Fit::Exact, mask: None });
            }
        }
    }
    watched
}

#[test]
fn generated_code_computes_what_the_executor_does() {
    // Two in eight have windows that can be executed in parallel.
    let networks = networks(32, |n, choices| match n % 8 {
        7 => windowed(choices),
        3 => remembering(choices),
        _ => network(choices),
    });
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential_ir");
    let batch = Batch::compile(&networks, &dir).unwrap_or_else(|e| panic!("{e}"));
    for threads in [1, 3] {
        let ran = batch.run(threads).unwrap_or_else(|e| panic!("{e}"));
        let cases = networks.iter().zip(&ran).zip(&batch.sources);
        let differences: Vec<String> = cases
            .filter_map(|((ir, ran), source)| {
                let difference = compare(ir, ran)?;
                let (text, source) = (print::print(ir), source.display());
                Some(format!("{difference}\nin {source}, generated from\n{text}"))
            })
            .collect();
        let (count, first) = (differences.len(), differences.first().map_or("", |d| d));
        assert!(count == 0, "{count} differ with {threads} threads; the first: {first}");
    }
}

#[test]
fn windows_in_parallel_give_what_steps_in_order_give() {
    for ir in networks(60, |_, choices| windowed(choices)) {
        let expected = executed(&in_order(&ir), 1).unwrap_or_else(|e| panic!("{e}"));
        for threads in [1, 3] {
            let apart = executed(&ir, threads).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(apart.threads > 1, threads > 1);
            for (n, (a, b)) in expected.columns.iter().zip(&apart.columns).enumerate() {
                assert_eq!(a.bytes, b.bytes, "kept{n} of\n{}", print::print(&ir));
            }
        }
    }
}

#[test]
fn what_is_remembered_is_the_same_in_windows() {
    let (mut split, mut all) = (0, 0);
    for ir in networks(800, |_, choices| remembering(choices)) {
        let expected = executed(&in_order(&ir), 1).unwrap_or_else(|e| panic!("{e}"));
        all += 1;
        for threads in [1, 3] {
            let apart = executed(&ir, threads).unwrap_or_else(|e| panic!("{e}"));
            split += usize::from(apart.threads > 1);
            for (n, (a, b)) in expected.columns.iter().zip(&apart.columns).enumerate() {
                assert_eq!(a.bytes, b.bytes, "{} of\n{}", ir.records[n].key, print::print(&ir));
            }
        }
    }
    assert!(split * 4 > all, "only {split} of {all} networks have windows");
}

/// A network whose windows nobody knows to be independent: its steps are executed one by one.
fn in_order(ir: &StepIr) -> StepIr {
    let mut ir = ir.clone();
    ir.windows.horizon = None;
    ir
}

/// Random networks with their ranges.
fn networks(cases: u32, make: impl Fn(u32, &mut Choices) -> StepIr) -> Vec<StepIr> {
    let mut runner = TestRunner::new(config(cases));
    (0..runner.config().cases)
        .map(|n| {
            let stream = choices().new_tree(&mut runner).expect("vectors are never rejected");
            let mut ir = make(n, &mut Choices::new(stream.current()));
            ranges::analyse(&mut ir);
            assert_eq!(verify::check(&ir), Ok(()), "{}", print::print(&ir));
            ir
        })
        .collect()
}

fn executed(ir: &StepIr, threads: usize) -> Result<Outcome, RunError> {
    let executor =
        load(Arc::new(ir.clone()), &snn_data::Disk).unwrap_or_else(|e| panic!("{}", e.message));
    run(&plan(ir), &|| Ok(executor.clone()), &Execution::quiet(threads))
}

/// Where generated code and executor differ first, in words.
fn compare(ir: &StepIr, ran: &Ran) -> Option<String> {
    let plan = plan(ir);
    let expected = executed(ir, 1);
    let (columns, archive) = match (expected, ran) {
        (Ok(outcome), Ran::Recorded(archive)) => (outcome.columns, archive),
        (Err(RunError::Fault(Fault::Index { t, .. })), Ran::Fault(line)) => {
            // Which of several faults of one step comes first is left open.
            let same = line.starts_with(&format!("fault=index t={t} "));
            return (!same).then(|| format!("fault at step {t}, generated: {line}"));
        }
        (Err(error), ran) => return Some(format!("executed: {error}; generated: {ran:?}")),
        (Ok(_), ran) => return Some(format!("executed without a fault; generated: {ran:?}")),
    };
    let mut archive = snn_runtime::npz::Archive::open(archive).unwrap_or_else(|e| panic!("{e}"));
    for (spec, column) in plan.records.iter().zip(&columns) {
        let (header, mut from) = archive.array(&spec.key).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(header.shape, record::shape(spec, column.rows), "{}", spec.key);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut from, &mut bytes).unwrap_or_else(|e| panic!("{e}"));
        let size = spec.element.size();
        let elements = column.bytes.chunks(size).zip(bytes.chunks(size));
        let different = elements.enumerate().find(|(_, (a, b))| !same(spec.element, a, b));
        if let Some((n, (a, b))) = different {
            let width: usize = spec.shape.iter().product();
            let (step, at) = (n / width + 1, n % width);
            let key = &spec.key;
            return Some(format!("{key}, element {at}, step {step}: {a:?}, generated {b:?}"));
        }
    }
    None
}

/// Whether two elements are the same: bit for bit, except that one NaN is as good as another.
fn same(element: ElementType, a: &[u8], b: &[u8]) -> bool {
    let nan = |bytes: &[u8]| match element {
        ElementType::F32 => bytes.try_into().is_ok_and(|b| f32::from_le_bytes(b).is_nan()),
        ElementType::F64 => bytes.try_into().is_ok_and(|b| f64::from_le_bytes(b).is_nan()),
        _ => false,
    };
    a == b || nan(a) && nan(b)
}
