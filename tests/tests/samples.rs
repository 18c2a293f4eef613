//! A sample that is cut out of a run has the loss that it has in the run.

use snn_back::executor::{self, Executor};
use snn_back::schedule::schedule;
use snn_data::Memory;
use snn_ir::clock::number::lcm;
use snn_ir::diagnostics::Sink;
use snn_ir::network::Member;
use snn_ir::network::adjoint::hard;
use snn_ir::network::{Flat, flatten, fold, verify};
use snn_ir::scalar::Kind;
use snn_ir::tensor::{Tensor, Values};
use snn_runtime::Network as _;
use snn_tests::gradient::{
    by_oracle, flat, learnable, param, recording, states, var, with_loss, with_param,
};
use snn_tests::programs::compare::differ;
use snn_tests::programs::engine::{self, Checked, Outcome, divined, executed};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snn_train::{Ask, Cut, Given, Reversed, batch, lesson, reverse, sample};
use std::sync::Arc;

/// Two samples at a time are on their way: a label waits in a queue, images come from data.
const PIPED: &str = "
process Input {
    out x: i32[2]
    out label: i32
    var n: i32 = 0
    var now: i32[2] = 0
    phase spk { x = now + t % 4 }
    phase post_mgmt {
        if t % 4 == 1 {
            now = [3 * n, n * n]
            label = n % 3
            n = n + 1
        }
    }
}
process Readout {
    in x: i32[2]
    in label: i32
    var seen: i32 = 0
    var loss: f64 = 0
    phase spk { seen = seen + sum(x) }
    phase post_mgmt {
        if t % 4 == 3 && t > 3 { loss = f64(seen * (label + 1)) }
    }
}
network Net {
    input = Input()
    out = Readout()
    input.x -> Dense[2, 2](weights: [[2, 4], [6, 2]], num_message_bits: 8) -> out.x
    input.label -> out.label
    reset out.seen every 4 offset 3
}
run r of Net { models fixed_pt; steps 40 }
";

#[test]
fn a_pipelined_sample_is_cut_out_whole() {
    let net = flat(PIPED);
    let loss = var(&net, "out.loss");
    // Its loss is computed in step 7 of a sample: in step 3 of the next.
    let cut = Cut { wanted: &[loss], period: 4, steps: 7 };
    let one = sample(&net, cut).unwrap();
    for number in 1..6 {
        let expected = by_oracle(&recording(&net, loss, 4 * number + 7));
        let own = with_param(&one.flat, one.slot, vec![number as f64]);
        assert_eq!(by_oracle(&recording(&own, loss, 7)), expected, "sample {number}");
        assert_ne!(expected, [[0.0]]);
    }
    // Too early, it is that of the sample before.
    let refused = sample(&net, Cut { steps: 6, ..cut }).unwrap_err();
    assert!(refused.why.contains("still depends on samples before"), "{refused:?}");
    let refused = sample(&net, Cut { period: 6, ..cut }).unwrap_err();
    assert_eq!(refused.why, "this repeats every 4 steps, samples every 6");
}

#[test]
fn samples_of_random_programs_have_the_losses_of_the_run() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let (mut tried, mut cut_out, mut told) = (0, 0, 0);
    for n in 0..cases {
        let generated = numbered(20_261_202, n, Features::TODAY);
        let Checked::Accepted(program) = engine::check(&generated.program) else { continue };
        let Ok(net) = flatten(&program.run.network) else { continue };
        let vars = states(&net);
        let period = net.0.clocks.iter().try_fold(1, |all, clock| lcm(all, clock.period()));
        let Some(period) = period.filter(|p| *p <= 24) else { continue };
        let before = net.0.clocks.iter().map(|c| c.prefix().div_ceil(period)).max().unwrap_or(0);
        for (turn, of) in vars.iter().enumerate() {
            let (net, loss) = with_loss(&net, *of, false);
            let steps = period + (n + turn as u64) % (period + 1);
            tried += 1;
            let Ok(one) = sample(&net, Cut { wanted: &[loss], period, steps }) else { continue };
            cut_out += 1;
            let mut seen = Vec::new();
            for number in [before + 1, before + 2] {
                let own = with_param(&one.flat, one.slot, vec![number as f64]);
                let own = divined(&recording(&own, loss, steps));
                let whole = divined(&recording(&net, loss, number * period + steps));
                // Elsewhere in the run an index may be wrong that the loss does not depend on.
                if let Outcome::Recorded(_) = whole {
                    assert_eq!(own, whole, "program {n}, variable {of}, sample {number}");
                    seen.push(whole);
                }
            }
            told += usize::from(seen.windows(2).any(|pair| pair[0] != pair[1]));
        }
    }
    assert!(cut_out > tried / 4 && told > 10, "{told} differ, {cut_out} of {tried} of {cases}");
}

/// The gradients of a batch: the losses of its samples, and sums of their gradients.
fn batched(one: &Reversed, slot: u32, samples: &[i64]) -> Flat {
    let batch = batch(&one.flat, slot, samples, &one.kept).unwrap();
    if let Err(why) = verify::verify(&batch.0) {
        panic!("{why}\n{batch}");
    }
    batch
}

fn bits(of: &[f64]) -> Vec<u64> {
    of.iter().map(|x| if x.is_nan() { f64::NAN } else { *x }.to_bits()).collect()
}

/// The losses and gradients of samples, as a program finds them that steps an executor.
fn in_a_lesson(
    one: &Reversed,
    slot: u32,
    learned: &[u32],
    samples: &[i64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let given: Vec<Given> = learned.iter().map(|slot| Given { slot: *slot, range: None }).collect();
    let lesson = lesson(one, slot, &given).unwrap();
    if let Err(why) = verify::verify(&lesson.flat.0) {
        panic!("{why}\n{}", lesson.flat);
    }
    let ir = schedule(&mut Sink::default(), &fold(&lesson.flat)).unwrap();
    let mut network = executor::load(Arc::new(ir), &Memory::new()).unwrap();
    let named = |network: &Executor, var: u32| {
        let name = &lesson.flat.body().vars[var as usize].name;
        network.named(name).unwrap_or_else(|| panic!("no {name}")).0
    };
    let read = |network: &Executor, var: u32| match network.value(named(network, var)).values {
        Values::Float(x) => x,
        other => panic!("{other:?}"),
    };
    for (slot, var) in learned.iter().zip(&lesson.learned) {
        let of = &one.flat.body().slots[*slot as usize];
        let (values, shape) = (param(&one.flat, *slot), of.shape.clone());
        let value = match of.kind {
            Kind::Bool => Tensor::bool(shape, values.iter().map(|x| *x != 0.0).collect()),
            Kind::Int => Tensor::int(shape, values.iter().map(|x| *x as i64).collect()),
            Kind::F32 | Kind::F64 => Tensor::float(shape, values),
        };
        let place = named(&network, *var);
        assert!(network.set_value(place, &value), "{value:?}");
    }
    let step = |network: &mut Executor, t: u64| {
        network.seek(t);
        network.step(t).unwrap();
    };
    step(&mut network, lesson.derive());
    step(&mut network, lesson.clear());
    let mut losses = Vec::new();
    let loss = match one.flat.0.run.records[0].member {
        Member::Var(var) => var,
        Member::Port(_) => panic!("no variable"),
    };
    for number in samples {
        let place = named(&network, lesson.sample);
        assert!(network.set_value(place, &Tensor::scalar_int(*number)));
        network.seek(1);
        for t in 1..=lesson.steps {
            network.step(t).unwrap();
            network.between(t);
        }
        losses.extend(read(&network, loss));
    }
    step(&mut network, lesson.pass());
    (losses, lesson.gradients.iter().map(|var| read(&network, *var)).collect())
}

#[test]
fn a_batch_sums_the_gradients_of_its_samples() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(14);
    let (mut tried, mut learning) = (0, 0);
    for n in 0..cases {
        let generated = numbered(20_261_204, n, Features::TODAY);
        let Checked::Accepted(program) = engine::check(&generated.program) else { continue };
        let Ok(net) = flatten(&program.run.network) else { continue };
        let period = net.0.clocks.iter().try_fold(1, |all, clock| lcm(all, clock.period()));
        let Some(period) = period.filter(|p| *p <= 12) else { continue };
        let learned = learnable(&net);
        for of in states(&net).into_iter().take(8) {
            let (net, loss) = with_loss(&net, of, false);
            let steps = period + n % period;
            let Ok(one) = sample(&net, Cut { wanted: &[loss], period, steps }) else { continue };
            let ask = Ask { steps, loss, learned: learned.clone() };
            let Ok(found) = reverse(&one.flat, &ask, &mut hard) else { continue };
            if !found.reaches.contains(&true) {
                continue;
            }
            // Numbers that occur twice, and not in order.
            let samples = [5, 3, 5];
            let batch = batched(&found, one.slot, &samples);
            let Outcome::Recorded(_) = divined(&batch.0) else { continue };
            tried += 1;
            let of_batch = by_oracle(&batch.0);
            let alone: Vec<Vec<Vec<f64>>> = samples
                .iter()
                .map(|number| {
                    let own = with_param(&found.flat, one.slot, vec![*number as f64]);
                    by_oracle(&own.0)
                })
                .collect();
            let losses: Vec<u64> = alone.iter().map(|found| found[0][0].to_bits()).collect();
            let own: Vec<u64> = of_batch[0].iter().map(|x| x.to_bits()).collect();
            assert_eq!(own, losses, "program {n}, variable {of}\n{batch}");
            for (k, own) in of_batch.iter().enumerate().skip(1) {
                for (i, own) in own.iter().enumerate() {
                    let parts: Vec<f64> = alone.iter().map(|found| found[k][i]).collect();
                    let size: f64 = parts.iter().map(|x| x.abs()).sum();
                    let sum: f64 = parts.iter().sum();
                    let close = (own - sum).abs() <= 1e-9 * size;
                    assert!(close || !size.is_finite(), "program {n}: {own}, not {sum}\n{batch}");
                    learning += usize::from(size > 1e-9);
                }
            }
            let (losses, gradients) = in_a_lesson(&found, one.slot, &learned, &samples);
            assert_eq!(bits(&of_batch[0]), bits(&losses), "program {n}, variable {of}");
            for (own, expected) in gradients.iter().zip(&of_batch[1..]) {
                assert_eq!(bits(own), bits(expected), "program {n}, variable {of}\n{batch}");
            }
            let ir = Arc::new(schedule(&mut Sink::default(), &fold(&batch)).unwrap());
            for threads in [1, 3] {
                let (own, _) = executed(&ir, threads);
                let wrong = differ(Some(("oracle", &divined(&batch.0))), "executor", &own);
                assert_eq!(wrong, None, "program {n} on {threads} threads\n{batch}");
            }
        }
    }
    assert!(tried > 10 && learning > 20, "{learning} in {tried} of {cases}");
}
