//! The gradients of whole programs are right: they agree with central differences of the loss.

use snn_back::schedule::schedule;
use snn_ir::diagnostics::Sink;
use snn_ir::network::adjoint::{Builder, Comparison, hard};
use snn_ir::network::{Flat, VarKind, flatten, fold};
use snn_ir::scalar::Op;
use snn_tests::gradient::{
    by_oracle, flat, loss, param, reversed, slot, var, with_loss, with_param,
};
use snn_tests::programs::engine::{self, Checked, Outcome, divined, executed};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snn_train::Ask;
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
fn exponential(
    b: &mut Builder<'_>,
    of: Comparison,
) -> Result<Option<snn_ir::network::ValueId>, String> {
    let kind = b.value(of.difference)?.kind;
    let width = b.number(kind, -8.0)?;
    let size = b.scalar(Op::Abs, &[of.difference])?;
    let scaled = b.scalar(Op::Div, &[size, width])?;
    Ok(Some(b.scalar(Op::Exp, &[scaled])?))
}

/// What a random program is asked: the sum of a variable that may follow from a param.
fn asked(flat: &Flat, n: u64) -> Option<(Flat, Ask)> {
    let body = flat.body();
    let vars: Vec<u32> = (0..body.vars.len() as u32)
        .filter(|v| !matches!(body.vars[*v as usize].kind, VarKind::Queue { .. }))
        .collect();
    let var = *vars.get((n as usize * 7) % vars.len().max(1))?;
    let params = flat.0.instances[0].args.iter().zip(0..);
    let learned: Vec<u32> = params
        .filter(|(param, _)| {
            let param = &flat.0.params[param.at()];
            !param.structural && flat.0.tensors[param.tensor.at()].constant().is_some()
        })
        .map(|(_, slot)| slot)
        .collect();
    let (flat, loss) = with_loss(flat, var, true);
    let steps = flat.0.run.steps.clamp(1, 12);
    Some((flat, Ask { steps, loss, learned }))
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
        let Ok(_) = snn_train::reverse(&flat, &ask, &mut exponential) else { continue };
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
            assert_eq!(found, expected, "program {n} on {threads} threads\n{}", reversed.flat);
        }
        reached += usize::from(
            reversed.reaches.contains(&true) && matches!(expected, Outcome::Recorded(_)),
        );
    }
    assert!(tried > cases / 2 && reached > cases as usize / 8, "{reached} of {tried} of {cases}");
}
