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
fn smooth_programs_are_accepted_and_show_everything() {
    let all: Vec<String> = (0..300).map(|n| smooth::program(2, n).text).collect();
    for text in &all {
        let checked = check_text(&Memory::new(), "program.snn".as_ref(), text, &Options::default());
        assert!(!checked.has_errors(), "{}\n{text}", checked.rendered());
        assert_eq!(checked.runs.len(), 1);
    }
    // Processes, messages, statements, operations.
    #[rustfmt::skip]
    let words = [
        "process Play", "process Drive", "process Delay", "process Some", "p3 = ", ".r\n",
        "source.o -> p1", "back.o -> ", "transpose().flatten()", "concat(source.o", ".o[0..", ".o[1..",
        "epoch ", "reset p*", "reset p0.*", "reset p0\u{20}", "reset p1.v", "reset p0.ring",
        " in spk", " in lrn", " in post_mgmt", " in host", "at round.end", "stagger 1",
        "in pre_mgmt", "phase lrn when", "phase post_mgmt", "phase pre_mgmt", "when round.start",
        "let y", "buffer v", "buffer held", "var held", "const k", " = tanh(0.3 * ", "+= 0.2",
        " *= ", " where arange", " where t % ", " where not", "if t % ", "else", "t % 4 >= 2",
        "ring[t % 3]", "ring[n % 2]", "ring[m]", "[t % ", "[1..", "where(t % ", "random(",
        " @ ", "conv2d(", "stride: 2", "padding: 1", "groups: 2", "outer(", "sum(", "mean(",
        "axis: 0)", "axis: 1)", "transpose(", "reshape(", "flatten(", "concat(", "[.., ", " / ",
        " ** sin", ") ** 3", "(-", "sin(", "cos(", "exp(", "sqrt(", "log(", "total = 0.9",
    ];
    let none: Vec<&str> =
        words.into_iter().filter(|word| !all.iter().any(|text| text.contains(word))).collect();
    assert_eq!(none, Vec::<&str>::new());
    // Most have several parts, and something that goes round.
    let count = |word: &str| all.iter().filter(|text| text.contains(word)).count();
    assert!(count("p2 = ") > 100 && count("back = ") > 100 && count("reset") > 150);
    assert_eq!(smooth::program(2, 7).text, all[7]);
    assert!(all.iter().collect::<std::collections::BTreeSet<_>>().len() == all.len());
}

/// Adds a variable that holds the sum of the elements of another after every step.
fn with_sum(flat: &mut Network, of: usize) -> u32 {
    let body = &mut flat.bodies[0];
    let Var { ty, shape, place, .. } = body.vars[of].clone();
    let mut push = |op: Op, args: &[ValueId], kind: Kind, shape: &[usize]| {
        let stage = if matches!(op, Op::Const(_)) { Stage::Once } else { Stage::Step };
        let (args, shape, name, spike) = (args.to_vec(), shape.to_vec(), None, None);
        body.values.push(Value { op, args, kind, shape, stage, name, spike, place });
        ValueId(body.values.len() as u32 - 1)
    };
    let read = push(Op::Var(of as u32), &[], ty.kind(), &shape);
    let floats = push(Op::Scalar(scalar::Op::Convert(Kind::F64)), &[read], Kind::F64, &shape);
    let axes = (0..shape.len()).collect();
    let sum = push(Op::Reduce(ReduceOp::Sum, axes), &[floats], Kind::F64, &[]);
    let init = push(Op::Const(TensorId(flat.tensors.len() as u32)), &[], Kind::F64, &[]);
    flat.tensors.push(Tensor::of(Kind::F64, Constant::Dense(Arc::new(Known::scalar_float(0.0)))));
    let (name, kind, shape) = ("the sum".into(), VarKind::State, Vec::new());
    let ty = ElemTy { elem: ElemType::F64, overflow: None };
    body.vars.push(Var { name, kind, ty, shape, init, place });
    let var = body.vars.len() as u32 - 1;
    let store = Action::Store { var, region: Vec::<Pick>::new(), value: sum, mask: None };
    for action in [Action::Read(read), store] {
        body.phases[3].push(Stmt { clock: ALWAYS, guard: None, action, place });
    }
    var
}

#[test]
fn values_are_those_of_the_oracle_on_random_programs() {
    let (mut dice, mut moving, mut whole) = (Dice(2), 0, 0);
    for n in 0..80 {
        let made = numbered(5, n, Features::TODAY);
        let Checked::Accepted(compiled) = check(&made.program) else { continue };
        let mut flat = compiled.run.flat.0;
        let vars = flat.bodies[0].vars.iter().enumerate();
        let held = vars.filter(|(_, v)| !matches!(v.kind, VarKind::Queue { .. }));
        let held: Vec<usize> = held.map(|(at, _)| at).collect();
        let slots = flat.bodies[0].slots.iter().zip(0..);
        let along: Vec<(u32, Vec<f64>)> =
            slots.map(|(s, at)| (at, dice.numbers(size(&s.shape)))).collect();
        let slope = |x: f64| 1.0 / (1.0 + x.abs()).powi(2);
        let mut sums = Vec::new();
        for _ in 0..2 {
            let at = (dice.number() + 1.0) / 2.0 * held.len() as f64;
            sums.extend(held.get(at as usize).map(|of| with_sum(&mut flat, *of)));
        }
        verify::verify(&flat).unwrap();
        for loss in sums {
            let found = tangent(&flat, flat.run.steps, loss, &along, &slope);
            match (recorded(&flat, loss), found) {
                (Ok(expected), Ok(found)) => {
                    let same = expected.to_bits() == found.value.to_bits();
                    let nan = expected.is_nan() && found.value.is_nan();
                    assert!(
                        same || nan,
                        "program {n}: {found:?}, not {expected}\n{}",
                        made.program
                    );
                    moving += u64::from(found.derivative != 0.0);
                    whole += u64::from(expected != 0.0);
                    let still = tangent(&flat, flat.run.steps, loss, &[], &slope).unwrap();
                    assert_eq!(still.derivative, 0.0, "program {n}\n{}", made.program);
                }
                (Err(Failure::Index { .. }), Err(why)) if why.contains("index") => {}
                (expected, found) => {
                    panic!("program {n}: {found:?}, not {expected:?}\n{}", made.program)
                }
            }
        }
    }
    assert!(moving > 10 && whole > 80, "{moving} {whole}");
}

#[test]
fn rules_that_are_no_limits_of_differences() {
    // Along x by 1, along y by 1, 2, 3, along k by 1; at t = 2.
    let cases = [
        ("extremes", "", "total = min(y) + 10 * max(y)", 2.0 + 10.0 * 1.0),
        ("positions", "", "total = x + argmax(y) * 2", 1.0),
        ("a comparison", "", "total = where(x > 1.0, y[0], y[1])", 2.0),
        ("a branch", "", "if x > 1.0 { total = y[0] } else { total = x }", 1.0),
        ("a spike", "var v: f64 = x", "total = 3.0 * soft(v > 0.5)", 3.0 * (10.0 + 0.7 - 0.5)),
        (
            "a falling one",
            "var v: f64[3] = y",
            "total = 1.0 * soft(v[1] <= x)",
            -(10.0 - 2.2) * (2.0 - 1.0),
        ),
        (
            "spikes that are counted",
            "var v: f64[3] = y",
            "total = sum(soft(v > 0.0))",
            10.5 + 8.5 * 2.0 + 10.5 * 3.0,
        ),
        ("spikes of integers", "var i: int = k", "total = 1.0 * soft(i >= 3)", 12.0),
        ("a hard one", "var v: f64 = x", "total = 1.0 * hard(v > 0.5)", 0.0),
        ("to an integer", "", "total = x + int(x * 9.0)", 10.0),
        ("to a boolean", "", "total = x + bool(x)", 2.0),
        ("integers", "", "total = k * k + k / 2", 2.0 * 5.0 + 0.5),
        ("what wraps", "var i: i8 wrap = 0", "i = 60 * k; total = i", 60.0),
        ("what saturates", "var i: i8 sat = 0", "i = 60 * k; total = i", 60.0),
        ("single floats", "var f: f32 = 0", "f = f32(x); total = 2 * f", 2.0),
        ("a kink", "", "total = abs(y[1])", -2.0),
        ("a remainder", "", "total = y[1] % x", 2.0 + 3.0 * 1.0),
        ("steps", "", "total = floor(9.0 * x) + ceil(x) + round(x) + x", 12.0),
        ("whether there is one", "", "total = 3.0 * (k != 0) + (0 != k)", 3.0),
        ("shifts", "", "total = (k << 3) + (k >> 1) + div(k, 2)", 8.0 + 0.5 + 0.5),
        ("logic", "", "total = 1.0 * (soft(x > 0.5) and not soft(x > 0.9))", 10.2 - 9.8),
        ("an index", "", "total = y[k * t % 3]", 2.0),
        (
            "a mask",
            "var v: f64[3] = y",
            "v = 5.0 * x where y > 0.0; total = v @ [1.0, 10.0, 100.0]",
            525.0,
        ),
        ("a zero in a product", "", "total = sum([[4.0, 2.0]] @ [x - 0.7, x])", 6.0),
        ("a zero weight", "", "total = sum(outer([x - 0.7], [1.0, 1.0]) @ [2.0, x])", 2.7),
        (
            "a zero in a convolution",
            "",
            "total = sum(conv2d(full([1, 1, 1, 1], 3.0), reshape([x - 0.7, x], [2, 1, 1])))",
            6.0,
        ),
        (
            "delays",
            "const d = by_delay(reshape(y, [1, 3]), [[0, 1, 1]], 2)",
            "total = sum(d[0, 1])",
            5.0,
        ),
        ("a reset before reading", "var v: f64 = x", "total = v; v = 0.0", 1.0),
        ("power of zero", "", "total = (x - 0.7) ** 2 + (x - 0.7) ** 1.0 + 0.0 ** x", 1.0),
    ];
    for (what, member, body, expected) in cases {
        let text = format!(
            "process P(x: f64, y: f64[3], k: int) {{\n    {member}\n    var total: f64 = 0\n    \
             phase spk {{ {body} }}\n}}\nnetwork Main {{\n    \
             p = P(x: 0.7, y: [0.5, -1.5, 0.5], k: 5)\n    reset p every 1 in host\n}}\n\
             run sim of Main {{ steps 2; record p.total }}\n"
        );
        let flat = flat(&text);
        let along = [
            (slot(&flat, "p.x"), vec![1.0]),
            (slot(&flat, "p.y"), vec![1.0, 2.0, 3.0]),
            (slot(&flat, "p.k"), vec![1.0]),
        ];
        let found = tangent(&flat, 2, var(&flat, "p.total"), &along, &|x| 10.0 + x).unwrap();
        let by = (found.derivative - expected).abs();
        assert!(by < 1e-12 * expected.abs().max(1.0), "{what}: {found:?}, not {expected}\n{text}");
    }
}

#[test]
fn a_message_of_spikes_has_the_slope_and_host_resets_come_after_the_loss() {
    let text = "process P(x: f64) { out s: spike; var v: f64 = x; phase spk { v = v * 3; \
                s = v > 2 } }\nprocess Q(w: f64) { in s: spike; var n: f64 = 0; phase spk { \
                n += w * s } }\nnetwork Main { p = P(x: 0.7); q = Q(w: 5.0); p -> q; \
                reset p.v every 1 in host }\nrun sim of Main { steps 2; record q.n }";
    let flat = flat(text);
    let along = [(slot(&flat, "p.x"), vec![1.0]), (slot(&flat, "q.w"), vec![0.5])];
    let of = |steps, path| tangent(&flat, steps, var(&flat, path), &along, &|_| 0.25).unwrap();
    // No reset comes between: 3 · 0.7, not 9 · 0.7 and not 0.7.
    let v = of(2, "p.v");
    assert_eq!(v, Tangent { value: 0.7 * 3.0, derivative: 3.0 });
    // Each step a spike: by w its count, by x the weight times the slope times 3.
    assert_eq!(of(2, "q.n"), Tangent { value: 10.0, derivative: 2.0 * (0.5 + 5.0 * 0.25 * 3.0) });
    assert_eq!(of(0, "p.v"), Tangent { value: 0.7, derivative: 1.0 });
    assert!(tangent(&flat, 1, 99, &along, &|_| 0.0).is_err());
    assert!(tangent(&flat, 1, 0, &[(0, vec![1.0, 2.0])], &|_| 0.0).is_err());
}

#[test]
fn an_index_out_of_range_is_an_error() {
    let text = "process P(y: f64[3]) { var v: f64 = 0; phase spk { v = y[t] } }\n\
                network Main { p = P(y: [1.0, 2.0, 3.0]) }\n\
                run sim of Main { steps 2; record p.v }";
    let flat = flat(text);
    let along = [(slot(&flat, "p.y"), vec![4.0, 5.0, 6.0])];
    let of = |steps| tangent(&flat, steps, var(&flat, "p.v"), &along, &none);
    assert_eq!(of(2), Ok(Tangent { value: 3.0, derivative: 6.0 }));
    assert!(of(3).is_err_and(|why| why.contains("the index 3 is not in 0..3")));
}
