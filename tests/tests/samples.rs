//! A sample that is cut out of a run has the loss that it has in the run.

use snn_ir::clock::number::lcm;
use snn_ir::network::{VarKind, flatten};
use snn_tests::gradient::{by_oracle, flat, recording, var, with_loss, with_param};
use snn_tests::programs::engine::{self, Checked, Outcome, divined};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snn_train::{Cut, sample};

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
    let cut = Cut { loss, period: 4, steps: 7 };
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
        let vars: Vec<u32> = (0..net.body().vars.len() as u32)
            .filter(|v| !matches!(net.body().vars[*v as usize].kind, VarKind::Queue { .. }))
            .collect();
        let period = net.0.clocks.iter().try_fold(1, |all, clock| lcm(all, clock.period()));
        let Some(period) = period.filter(|p| *p <= 24) else { continue };
        let before = net.0.clocks.iter().map(|c| c.prefix().div_ceil(period)).max().unwrap_or(0);
        for (turn, of) in vars.iter().enumerate() {
            let (net, loss) = with_loss(&net, *of, false);
            let steps = period + (n + turn as u64) % (period + 1);
            tried += 1;
            let Ok(one) = sample(&net, Cut { loss, period, steps }) else { continue };
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
