//! What judges differentiation is right itself: tangents agree with the oracle, with differences,
//! and with derivatives that were found by hand; smooth programs are accepted, and show all that
//! they are said to.

use snn_data::Memory;
use snn_grammar::ast::ElemType;
use snn_ir::network::{
    ALWAYS, Action, ElemTy, InstanceId, Member, Network, Op, Pick, Record, ReduceOp, Stage, Stmt,
    Tensor, TensorId, Value, ValueId, Var, VarKind, verify,
};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::tensor::{Constant, Tensor as Known};
use snn_oracle::Failure;
use snn_tests::programs::engine::{Checked, check};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snn_tests::smooth::{self, Smooth};
use snn_tests::tangent::{Tangent, tangent};
use snnc::{Options, check_text};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Numbers in a fixed order, in [-1, 1).
struct Dice(u64);

impl Dice {
    fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn numbers(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.number()).collect()
    }
}

/// No comparison makes a spike.
fn none(_: f64) -> f64 {
    panic!("a comparison makes a spike")
}

/// The flat form of a program that must be accepted.
fn flat(text: &str) -> Network {
    let checked = check_text(&Memory::new(), "program.snn".as_ref(), text, &Options::default());
    assert!(!checked.has_errors(), "{}\n{text}", checked.rendered());
    snn_ir::network::flatten(&checked.runs[0].network).unwrap().0
}

fn var(flat: &Network, path: &str) -> u32 {
    let at = flat.bodies[0].vars.iter().position(|v| v.name == path);
    at.unwrap_or_else(|| panic!("there is no `{path}`")) as u32
}

fn slot(flat: &Network, path: &str) -> u32 {
    let at = flat.bodies[0].slots.iter().position(|s| s.name == path);
    at.unwrap_or_else(|| panic!("there is no param `{path}`")) as u32
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// What the oracle records of a variable after the last step.
fn recorded(flat: &Network, var: u32) -> Result<f64, Failure> {
    let mut flat = flat.clone();
    let (key, instance) = ("seen".into(), InstanceId(0));
    let member = Member::Var(var);
    flat.run.records = vec![Record { key, instance, member, when: None, asked: true }];
    (flat.run.values, flat.run.reports, flat.run.expectations) = Default::default();
    let outcome = snn_oracle::run(&flat, &Memory::new(), &mut |_| ControlFlow::Continue(()))?;
    Ok(f64::from_le_bytes(outcome.columns[0].bytes[..].try_into().unwrap()))
}

/// The loss where every learned param is moved along its direction.
fn moved(flat: &Network, loss: u32, directions: &[(u32, Vec<f64>)], by: f64) -> f64 {
    let mut flat = flat.clone();
    for (slot, direction) in directions {
        let param = flat.instances[0].args[*slot as usize].at();
        assert!(!flat.params[param].structural, "{}", flat.params[param].path);
        let tensor = &flat.tensors[flat.params[param].tensor.at()];
        let dense = tensor.constant().unwrap().dense().unwrap();
        let each = direction.iter().enumerate().map(|(k, d)| match dense.element(k, Kind::F64) {
            Scalar::F64(x) => x + by * d,
            other => panic!("{other:?}"),
        });
        let known = Known::float(tensor.shape.clone(), each.collect());
        flat.params[param].tensor = TensorId(flat.tensors.len() as u32);
        flat.tensors.push(Tensor::of(Kind::F64, Constant::Dense(Arc::new(known))));
    }
    recorded(&flat, loss).unwrap()
}

/// A direction for every learned param.
fn directions(flat: &Network, learned: &[String], dice: &mut Dice) -> Vec<(u32, Vec<f64>)> {
    let each = learned.iter().map(|path| {
        let at = slot(flat, path);
        assert_eq!(flat.bodies[0].slots[at as usize].kind, Kind::F64);
        (at, dice.numbers(size(&flat.bodies[0].slots[at as usize].shape)))
    });
    each.collect()
}

#[test]
fn derivatives_of_smooth_programs_agree_with_differences() {
    let (mut dice, mut moving, mut largest) = (Dice(1), 0, 0.0f64);
    for n in 0..300 {
        let Smooth { text, loss, learned, steps } = smooth::program(1, n);
        let flat = flat(&text);
        assert_eq!((verify::verify(&flat), flat.run.steps), (Ok(()), steps));
        let loss = var(&flat, &loss);
        let along = directions(&flat, &learned, &mut dice);
        let of = |directions: &[(u32, Vec<f64>)]| {
            tangent(&flat, steps, loss, directions, &none).unwrap_or_else(|e| panic!("{e}\n{text}"))
        };
        let found = of(&along);
        assert_eq!(found.value.to_bits(), moved(&flat, loss, &along, 0.0).to_bits());
        assert_eq!(of(&[]), Tangent { derivative: 0.0, ..found });
        largest = largest.max(found.value.abs());
        // Of fourth order, so that neither what is cut off nor what is rounded is seen.
        let h = 5e-5;
        let central = |h: f64| moved(&flat, loss, &along, h) - moved(&flat, loss, &along, -h);
        let expected = (8.0 * central(h) - central(2.0 * h)) / (12.0 * h);
        let close = 1e-6 * expected.abs() + 1e-9 * found.value.abs().max(1e-3);
        let by = (found.derivative - expected).abs();
        assert!(by <= close, "program {n}: {found:?}, not {expected} (by {by})\n{text}");
        moving += u64::from(expected.abs() > 1e-3);
    }
    // Most programs hang on what is learned, and none grows.
    assert!(moving > 290, "only {moving} losses depend on their params");
    assert!(largest < 1e4, "a loss is {largest}");
}

#[test]
fn tmp_all() {
    let mut seen = std::collections::BTreeMap::new();
    for n in 0..300 {
        let text = smooth::program(1, n).text;
        let checked = check_text(&Memory::new(), "program.snn".as_ref(), &text, &Options::default());
        if checked.has_errors() {
            let r = checked.rendered();
            let at = r.find("error").unwrap();
            let e: String = r[at..].lines().take(8).collect::<Vec<_>>().join("\n");
            let key: String = e.lines().next().unwrap().chars().take(25).collect();
            let x = seen.entry(key).or_insert((0, Vec::new())); x.0 += 1; if x.1.len() < 5 { x.1.push(format!("{n}: {e}")); }
        }
    }
    for (k, (n, v)) in seen { println!("=== {k} {n}"); for v in v { println!("{v}"); } }
}
