//! The gradients of whole programs are right: they agree with central differences of the loss.

use snn_back::schedule::schedule;
use snn_ir::diagnostics::Sink;
use snn_ir::network::adjoint::{Builder, Comparison, hard};
use snn_ir::network::parse::{Store, parse};
use snn_ir::network::{Flat, ValueId, flatten, fold};
use snn_ir::step::StepIr;
use snn_ir::training::{Slope as Form, SlopeForm};
use snn_tests::batch::Batch;
use snn_tests::gradient::{
    along, by_oracle, decaying, directions, flat, learnable, loss, param, reversed, slot, states,
    var, with_loss, with_param,
};
use snn_tests::programs::compare::differ;
use snn_tests::programs::engine::{self, Checked, Outcome, divined, executed, outcome};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snn_tests::smooth;
use snn_tests::tangent::tangent;
use snn_train::Ask;
use snn_train::slope::Surrogate;
use std::path::Path;
use std::sync::Arc;

/// Compares the gradients of a program, along some directions, with central differences.
fn agrees(text: &str, steps: u64, loss_of: &str, learned: &[&str]) {
    let flat = flat(text);
    let slots: Vec<u32> = learned.iter().map(|path| slot(&flat, path)).collect();
    let ask = Ask { steps, loss: var(&flat, loss_of), learned: slots.clone() };
    let reversed = reversed(&flat, &ask, &mut hard);
    let found = by_oracle(&reversed.flat.0);
    assert_eq!(found[0][0].to_bits(), loss(&flat, &ask).to_bits(), "the loss is that of a run");
    let all: Vec<f64> = found[1..].iter().flatten().map(|g| g.abs()).collect();
    let largest = all.iter().copied().fold(1e-3, f64::max);
    for ((slot, path), gradient) in slots.iter().zip(learned).zip(&found[1..]) {
        let values = param(&flat, *slot);
        assert_eq!(values.len(), gradient.len());
        for turn in 0..3u64 {
            let along = |i: usize| ((i as u64 * 7 + turn * 3) % 5) as f64 * 0.5 - 0.9;
            let moved = |h: f64| {
                let values = values.iter().enumerate().map(|(i, x)| x + h * along(i));
                loss(&with_param(&flat, *slot, values.collect()), &ask)
            };
            let h = 1e-4;
            // Four points: the error is of order h^4.
            let difference =
                (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            let own: f64 = gradient.iter().enumerate().map(|(i, g)| g * along(i)).sum();
            let n = values.len().max(1) as f64;
            assert!(
                (own - difference).abs() <= 1e-6 * largest * n,
                "{path}: {own}, by differences {difference}\n{text}"
            );
        }
    }
}

#[test]
fn state_resets_and_messages_that_wait() {
    agrees(
        "
process Cell[n](w: f64[n], leak: f64) {
    in a_in: f64[n]
    out y: f64[n]
    const keep = 1.0 - leak * leak
    var v: f64[n] = 0.1 * w
    phase spk {
        v = keep * v + tanh(a_in * w)
        y = sin(v)
    }
}
process Drive[n](gain: f64) {
    out y: f64[n]
    phase spk { y = gain * cos(0.3 * t) }
}
process Loss[n] {
    in x: f64[n]
    var total: f64 = 0
    var seen: f64[4, n]
    phase spk {
        seen[t % 4] = x * x
        if t % 3 == 1 { total = total + sum(seen) * 0.25 }
    }
}
network Net {
    drive = Drive[3](gain: 0.7)
    cell = Cell(w: [0.5, -0.8, 1.1], leak: 0.3)
    loss = Loss[3]()
    drive -> cell -> loss
    reset cell.v every 4
    reset loss.total every 9 in host
}
run r of Net {
    models floating_pt
    steps 9
}
",
        9,
        "loss.total",
        &["cell.w", "cell.leak", "drive.gain"],
    );
}

/// `exp(-|x| / 8)`.
fn exponential(b: &mut Builder<'_>, of: Comparison) -> Result<Option<ValueId>, String> {
    decaying(b, of, 8.0)
}

#[test]
fn slopes_are_bells_around_the_threshold() {
    // By x, how far the membrane is from the threshold in widths.
    type At = fn(f64) -> f64;
    let bells: [(SlopeForm, At); 4] = [
        (SlopeForm::Exponential, |x| (-x).exp()),
        (SlopeForm::FastSigmoid, |x| 1.0 / (1.0 + x).powi(2)),
        (SlopeForm::Triangle, |x| (1.0 - x).max(0.0)),
        (SlopeForm::Box, |x| f64::from(u8::from(x < 1.0))),
    ];
    for (bell, of) in bells {
        for (v, threshold) in [(0.3, 1.0), (1.2, 1.0), (9.0, 4.0), (-0.5, -2.0), (0.4, 0.0)] {
            for (op, sign) in [(">", 1.0), ("<=", -1.0)] {
                let text = format!(
                    "process P(v: f64, threshold: f64) {{
    var x: f64 = v
    var total: f64 = 0
    phase spk {{ total = 3.0 * soft(x {op} threshold) }}
}}
network Net {{ p = P(v: {v}, threshold: {threshold}) }}
run r of Net {{ steps 1; record p.total }}
"
                );
                let flat = flat(&text);
                let learned = vec![slot(&flat, "p.v"), slot(&flat, "p.threshold")];
                let ask = Ask { steps: 1, loss: var(&flat, "p.total"), learned };
                let surrogate = Surrogate { slope: Form { form: bell, width: 0.5 }, scale: 2.0 };
                let reversed = reversed(&flat, &ask, &mut |b, of| surrogate.slope(b, of));
                let found = by_oracle(&reversed.flat.0);
                let size = if threshold == 0.0 { 1.0 } else { f64::abs(threshold) };
                let expected = sign * 3.0 * 2.0 * of((v - threshold).abs() / (0.5 * size)) / size;
                for (found, expected) in found[1..].iter().zip([expected, -expected]) {
                    let close = (found[0] - expected).abs() <= 1e-12 * expected.abs().max(1e-3);
                    assert!(close, "{bell:?}: {found:?}, not {expected}\n{text}");
                }
            }
        }
    }
}

/// What a random program is asked: the sum of a variable that follows from a param, if there is
/// one. None where a message is sent or not by its values.
fn asked(flat: &Flat, n: u64) -> Option<(Flat, Ask)> {
    let mut vars = states(flat);
    let first = (n as usize * 7) % vars.len().max(1);
    vars.rotate_left(first);
    let learned = learnable(flat);
    // The one with the most spikes on its way.
    let (mut found, mut most) = (None, None);
    for var in vars.into_iter().take(8) {
        let (flat, loss) = with_loss(flat, var, true);
        let steps = flat.0.run.steps.clamp(1, 12);
        let ask = Ask { steps, loss, learned: learned.clone() };
        let mut slopes = 0;
        let mut counted = |b: &mut Builder<'_>, of: Comparison| {
            slopes += 1;
            exponential(b, of)
        };
        let reversed = snn_train::reverse(&flat, &ask, &mut counted).ok()?;
        let here = Some((slopes, reversed.reaches.contains(&true)));
        if here > most {
            (found, most) = (Some((flat, ask)), here);
        }
    }
    found
}

/// Networks whose statements no program of the language becomes in this order, as the form allows
/// them: the rest of a network of one param, two variables and a loss, and its derivative.
#[test]
fn gradients_of_statements_in_any_order() {
    let net = |statements: &str| {
        format!(
            "network \"N\"
run \"r\" steps 4
clock 0 always
tensor 0 f64 [] = (0.5)
tensor 1 f64 [] = (0.0)
tensor 2 int [] = (2)
param 0 \"w\" = tensor 0 @0:0-0
body 0 \"\"
  slot \"w\" f64 []
  var \"loss\" state f64 [] init %1 @0:0-0
  var \"port\" port f64 [] init %1 @0:0-0
  %0 = param<0>() : f64 [] @0:0-0
  %1 = const<1>() : f64 [] @0:0-0
  %2 = const<2>() : int [] @0:0-0
  %3 = time() : int [] @0:0-0
  %4 = le(%3, %2) : bool [] @0:0-0
  %5 = convert_f64(%3) : f64 [] @0:0-0
  %6 = mul(%0, %5) : f64 [] @0:0-0
  %7 = var<0>() : f64 [] @0:0-0
  %8 = var<1>() : f64 [] @0:0-0
  %9 = add(%7, %6) : f64 [] @0:0-0
  %10 = add(%7, %8) : f64 [] @0:0-0
  phase spk
{statements}instance 0 \"\" body 0 (0) after 0..0 @0:0-0
"
        )
    };
    let cases = [
        // What is evaluated under a guard that does not hold is 0: of `w·t` steps 1 and 2 are left.
        ("    eval %6 if %4 @0:0-0\n    read %7 @0:0-0\n    store 0[] = %9 @0:0-0\n", 1.0 + 2.0),
        // The message that is there before the next one is sent: of `w·t` those of steps 1 to 3.
        (
            "    read %8 @0:0-0\n    store 1[] = %6 @0:0-0\n    read %7 @0:0-0\n    \
             store 0[] = %10 @0:0-0\n",
            1.0 + 2.0 + 3.0,
        ),
    ];
    for (statements, expected) in cases {
        let network = parse(&net(statements), &Store::default()).unwrap();
        let ask = Ask { steps: 4, loss: 0, learned: vec![0] };
        let tangent = tangent(&network, 4, 0, &[(0, vec![1.0])], &|_| 0.0).unwrap();
        assert_eq!(tangent.derivative, expected);
        let found = by_oracle(&reversed(&Flat(network), &ask, &mut hard).flat.0);
        assert_eq!(found, [vec![0.5 * expected], vec![expected]]);
    }
}

#[test]
fn gradients_of_smooth_programs_are_their_derivatives() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let mut sizeable = 0;
    for n in 0..cases {
        let program = smooth::program(20_261_201, n);
        let flat = flat(&program.text);
        let learned: Vec<u32> = program.learned.iter().map(|path| slot(&flat, path)).collect();
        let ask = Ask { steps: program.steps, loss: var(&flat, &program.loss), learned };
        let found = by_oracle(&reversed(&flat, &ask, &mut hard).flat.0);
        let largest = found[1..].iter().flatten().fold(0.0, |m: f64, g| m.max(g.abs()));
        for turn in 0..3 {
            let directions = directions(&flat, &ask.learned, 3 * n + turn);
            let (own, size) = along(&found[1..], &directions);
            let tangent = tangent(&flat.0, ask.steps, ask.loss, &directions, &|_| 0.0).unwrap();
            let close = (own - tangent.derivative).abs() <= 1e-10 * size.max(largest);
            assert!(close, "program {n}: {own}, forward {tangent:?}\n{}", program.text);
            sizeable += usize::from(own.abs() > 1e-6);
        }
    }
    assert!(sizeable > 2 * cases as usize, "{sizeable} of {}", 3 * cases);
}

#[test]
fn gradients_of_spiking_programs_are_their_derivatives_with_slopes() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let (mut tried, mut sizeable, mut sloped) = (0, 0, 0);
    for n in 0..cases {
        let generated = numbered(20_261_203, n, Features::TODAY);
        let Checked::Accepted(program) = engine::check(&generated.program) else { continue };
        let Ok(flat) = flatten(&program.run.network) else { continue };
        let Some((flat, ask)) = asked(&flat, n) else { continue };
        let mut slopes = 0;
        let found = reversed(&flat, &ask, &mut |b, of| {
            slopes += 1;
            exponential(b, of)
        });
        let Outcome::Recorded(_) = divined(&found.flat.0) else { continue };
        let found = by_oracle(&found.flat.0);
        let directions = directions(&flat, &ask.learned, n);
        let (own, size) = along(&found[1..], &directions);
        let slope = |d: f64| (-d.abs() / 8.0).exp();
        let tangent = tangent(&flat.0, ask.steps, ask.loss, &directions, &slope).unwrap();
        // What overflows says nothing.
        if !size.is_finite() || !tangent.derivative.is_finite() {
            continue;
        }
        tried += 1;
        let close = (own - tangent.derivative).abs() <= 1e-5 * size.max(1e-9);
        assert!(close, "program {n}: {own}, forward {tangent:?}\n{}\n{flat}", generated.program);
        sizeable += usize::from(own.abs() > 1e-6);
        sloped += usize::from(slopes > 0 && own.abs() > 1e-6);
    }
    assert!(
        tried > cases as usize / 2 && sizeable > cases as usize / 4 && sloped > 10,
        "{sloped} with slopes, {sizeable} of {tried} of {cases}"
    );
}

/// A recurrent network of the library's processes: its neurons, the synapses before the hidden
/// ones up to their weights, and weights up to their shape.
fn library(model: &str, hidden: &str, out: &str, first: &str, weights: &str) -> String {
    format!(
        "
process Loss {{
    in s: spike[3]
    var total: f64 = 0
    phase post_mgmt {{ total = total + sum(f64(s)) * t }}
}}
network Net {{
    source = Source(data: bernoulli(0.4, shape: [20, 5], seed: 3))
    hidden = {hidden}
    out = {out}
    first = {first}weights: {weights}, shape: [6, 5], seed: 1))
    back = Dense(weights: {weights}, shape: [6, 6], seed: 4))
    second = Dense(weights: {weights}, shape: [3, 6], seed: 5))
    loss = Loss()
    source -> first -> hidden -> back -> hidden
    hidden -> second -> out -> loss
    reset hidden.{{u, v}} every 7
}}
run r of Net {{ models {model}; steps 20 }}
"
    )
}

#[test]
fn gradients_of_the_librarys_networks_are_their_derivatives() {
    let delays = "delays: uniform(0, 4, shape: [6, 5], seed: 9), ";
    let fixed = ["LIF", "LIFReset", "TernaryLIF"].map(|process| ("fixed_pt", process));
    let floating = ["LIF", "LIFReset", "LIFRefractory", "TernaryLIF"].map(|p| ("floating_pt", p));
    for (model, process) in fixed.into_iter().chain(floating) {
        let (decays, vth, weights) = match model {
            "fixed_pt" => ("du: 1600, dv: 1200", "20", "2 * uniform(-20, 50"),
            _ => ("du: 0.4, dv: 0.3", "0.5", "normal(0.1, 0.4"),
        };
        let hidden = match process {
            "LIFReset" => format!("LIFReset(vth: {vth}, {decays}, reset_interval: 5)"),
            "LIFRefractory" => format!("LIFRefractory(vth: {vth}, {decays}, refractory_period: 2)"),
            "TernaryLIF" => format!("TernaryLIF(vth_hi: {vth}, vth_lo: -{vth}, {decays})"),
            _ => format!("LIF(vth: {vth}, {decays})"),
        };
        let out = format!("LIF(vth: {vth}, {decays})");
        for first in ["Dense(".to_string(), format!("DelayDense({delays}")] {
            let text = library(model, &hidden, &out, &first, weights);
            let flat = flat(&text);
            let learned = ["first.weights", "back.weights", "second.weights"];
            let learned: Vec<u32> = learned.iter().map(|path| slot(&flat, path)).collect();
            let ask = Ask { steps: 20, loss: var(&flat, "loss.total"), learned };
            // As wide as the membranes move.
            let width = if model == "fixed_pt" { 2000.0 } else { 0.5 };
            let reversed = reversed(&flat, &ask, &mut |b, of| decaying(b, of, width));
            assert_eq!(reversed.reaches, [true; 3], "{:?}", reversed.ends);
            let found = by_oracle(&reversed.flat.0);
            for turn in 0..4 {
                let directions = directions(&flat, &ask.learned, turn);
                let (own, size) = along(&found[1..], &directions);
                let slope = |d: f64| (-d.abs() / width).exp();
                let tangent = tangent(&flat.0, 20, ask.loss, &directions, &slope).unwrap();
                let close = (own - tangent.derivative).abs() <= 1e-9 * size;
                assert!(close && size > 1e-3, "{own}, forward {tangent:?}\n{text}");
            }
        }
    }
}

#[test]
fn every_engine_finds_the_same_gradients_of_random_programs() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(120);
    let (mut tried, mut reached) = (0, 0);
    for n in 0..cases {
        let generated = numbered(20_261_201, n, Features::TODAY);
        let Checked::Accepted(program) = engine::check(&generated.program) else { continue };
        let Ok(flat) = flatten(&program.run.network) else { continue };
        let Some((flat, ask)) = asked(&flat, n) else { continue };
        let reversed = reversed(&flat, &ask, &mut exponential);
        let expected = divined(&reversed.flat.0);
        let mut sink = Sink::default();
        let Some(ir) = schedule(&mut sink, &fold(&reversed.flat)) else {
            panic!("program {n} is not scheduled: {:?}", sink.into_sorted());
        };
        let ir = Arc::new(ir);
        tried += 1;
        for threads in [1, 3] {
            let (found, _) = executed(&ir, threads);
            let wrong = differ(Some(("oracle", &expected)), "executor", &found);
            assert_eq!(wrong, None, "program {n} on {threads} threads\n{}", reversed.flat);
        }
        reached += usize::from(
            reversed.reaches.contains(&true) && matches!(expected, Outcome::Recorded(_)),
        );
    }
    assert!(tried > cases / 2 && reached > cases as usize / 8, "{reached} of {tried} of {cases}");
}

#[test]
fn generated_code_finds_the_same_gradients() {
    let mut networks = Vec::new();
    for (model, neuron) in [
        ("fixed_pt", "LIF(vth: 20, du: 1600, dv: 1200)"),
        ("floating_pt", "LIF(vth: 0.5, du: 0.4, dv: 0.3)"),
    ] {
        let weights = if model == "fixed_pt" { "2 * uniform(-20, 50" } else { "normal(0.1, 0.4" };
        let flat = flat(&library(model, neuron, neuron, "Dense(", weights));
        let learned = vec![slot(&flat, "first.weights"), slot(&flat, "back.weights")];
        let ask = Ask { steps: 20, loss: var(&flat, "loss.total"), learned };
        networks.push(reversed(&flat, &ask, &mut exponential).flat);
    }
    for n in 0.. {
        if networks.len() == 8 {
            break;
        }
        let generated = numbered(20_261_205, n, Features::TODAY);
        let Checked::Accepted(program) = engine::check(&generated.program) else { continue };
        let Ok(flat) = flatten(&program.run.network) else { continue };
        let Some((flat, ask)) = asked(&flat, n) else { continue };
        networks.push(reversed(&flat, &ask, &mut exponential).flat);
    }
    let irs: Vec<StepIr> =
        networks.iter().map(|flat| schedule(&mut Sink::default(), &fold(flat)).unwrap()).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gradients");
    let batch = Batch::compile(&irs, &folder).unwrap();
    for threads in [1, 3] {
        for ((ran, ir), flat) in batch.run(threads).unwrap().iter().zip(&irs).zip(&networks) {
            let wrong = differ(Some(("oracle", &divined(&flat.0))), "code", &outcome(ran, ir));
            assert_eq!(wrong, None, "on {threads} threads\n{flat}");
        }
    }
}
