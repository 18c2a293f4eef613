//! The losses of the standard library and its classifier: their values are those of their
//! definitions, and their gradients are right.

use snn_back::schedule::schedule;
use snn_data::Memory;
use snn_ir::diagnostics::Sink;
use snn_ir::network::{flatten, fold};
use snn_tests::gradient::{
    along, by_oracle, decaying, directions, flat, recording, reversed, slot, var, with_param,
};
use snn_tests::programs::compare::differ;
use snn_tests::programs::engine::{Outcome, divined, executed};
use snn_tests::tangent::tangent;
use snn_train::{Ask, Cut, sample};
use snnc::{Options, check_text};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Steps of a sample, its way to the output, classes, and samples.
const PERIOD: usize = 5;
const OFFSET: usize = 2;
const CLASSES: usize = 3;
const SAMPLES: usize = 4;
const STEPS: usize = SAMPLES * PERIOD + OFFSET;

type Row = [f64; CLASSES];

/// The spikes of step `t`; no sample has those of another.
fn spikes(t: usize) -> Row {
    [0, 1, 2].map(|c| f64::from(u8::from((t * t + 3 * c * t / 2 + 5 * c) % 4 < 2)))
}

/// Wanted spikes, by the step in which they are sent.
fn wanted(t: usize) -> Row {
    [0, 1, 2].map(|c| f64::from(u8::from((2 * t + c).is_multiple_of(3))))
}

fn label(sample: usize) -> usize {
    (2 * sample + 1) % CLASSES
}

/// The steps of a sample at the output.
fn window(sample: usize) -> impl Iterator<Item = usize> + Clone {
    OFFSET + sample * PERIOD + 1..=OFFSET + (sample + 1) * PERIOD
}

/// How often each class has spiked in the last `length` steps up to `t`, in a sample.
fn counted(sample: usize, t: usize, length: usize) -> Row {
    let steps = window(sample).filter(|s| *s <= t && s + length > t);
    steps.fold([0.0; CLASSES], |sum, s| [0, 1, 2].map(|c| sum[c] + spikes(s)[c]))
}

/// Rates in a sample: one row, or with a moving window one for each step.
fn rates(sample: usize, moving: Option<usize>) -> Vec<Row> {
    let end = OFFSET + (sample + 1) * PERIOD;
    let scaled = |row: Row, by: usize| row.map(|x| x / by as f64);
    match moving {
        None => vec![scaled(counted(sample, end, PERIOD), PERIOD)],
        Some(w) => window(sample).map(|t| scaled(counted(sample, t, w), w)).collect(),
    }
}

fn spike_rate(sample: usize, moving: Option<usize>, yes: f64, no: f64) -> f64 {
    let wanted = |c| if c == label(sample) { yes } else { no };
    let row = |row: Row| (0..CLASSES).map(|c| (row[c] - wanted(c)).powi(2)).sum::<f64>();
    rates(sample, moving).into_iter().map(row).sum()
}

fn spike_max(sample: usize, moving: Option<usize>, scale: f64) -> f64 {
    let row = |row: Row| {
        let all: f64 = row.iter().map(|r| (scale * r).exp()).sum();
        -((scale * row[label(sample)]).exp() / all).ln()
    };
    rates(sample, moving).into_iter().map(row).sum()
}

fn spike_moid(sample: usize, moving: Option<usize>, alpha: f64, theta: f64) -> f64 {
    let one = |c: usize, r: f64| {
        let p = 1.0 / (1.0 + (-(r - theta) / alpha).exp());
        if c == label(sample) { -p.ln() } else { -(1.0 - p).ln() }
    };
    let row = |row: Row| (0..CLASSES).map(|c| one(c, row[c])).sum::<f64>();
    rates(sample, moving).into_iter().map(row).sum()
}

fn spike_time(sample: usize, time_constant: f64) -> f64 {
    let filtered = |c: usize, t: usize| -> f64 {
        let steps = window(sample).filter(|s| *s <= t);
        let apart = |s: usize| spikes(s)[c] - wanted(s - OFFSET)[c];
        steps.map(|s| apart(s) * (-((t - s) as f64) / time_constant).exp()).sum()
    };
    window(sample).map(|t| (0..CLASSES).map(|c| filtered(c, t).powi(2)).sum::<f64>()).sum()
}

/// Of values that are a quarter of the step times the spikes.
fn mse(sample: usize) -> f64 {
    let apart = |t: usize, c: usize| 0.25 * t as f64 * spikes(t)[c] - wanted(t - OFFSET)[c];
    let squares = window(sample).flat_map(|t| (0..CLASSES).map(move |c| apart(t, c).powi(2)));
    squares.sum::<f64>() / (PERIOD * CLASSES) as f64
}

fn sparsity(sample: usize, max_rate: f64, lam: f64) -> f64 {
    let rate = rates(sample, None)[0].iter().sum::<f64>() / CLASSES as f64;
    lam * (rate - max_rate).max(0.0).powi(2)
}

/// A loss as it is declared, the port of its target, and its values by sample.
type Declared = (&'static str, &'static str, Box<dyn Fn(usize) -> f64>);

/// Each loss, with several params.
fn losses() -> Vec<Declared> {
    vec![
        ("SpikeRate(", "label", Box::new(|k| spike_rate(k, None, 0.9, 0.01))),
        ("SpikeRate(yes: 0.7, no: 0.2, ", "label", Box::new(|k| spike_rate(k, None, 0.7, 0.2))),
        ("SpikeRate(window: 1, ", "label", Box::new(|k| spike_rate(k, Some(1), 0.9, 0.01))),
        ("SpikeRate(window: 3, ", "label", Box::new(|k| spike_rate(k, Some(3), 0.9, 0.01))),
        ("SpikeRate(window: 9, ", "label", Box::new(|k| spike_rate(k, Some(9), 0.9, 0.01))),
        ("SpikeMax(", "label", Box::new(|k| spike_max(k, None, 1.0))),
        ("SpikeMax(scale: 5, ", "label", Box::new(|k| spike_max(k, None, 5.0))),
        ("SpikeMax(scale: 2, window: 2, ", "label", Box::new(|k| spike_max(k, Some(2), 2.0))),
        ("SpikeMoid(", "target", Box::new(|k| spike_moid(k, None, 1.0, 0.0))),
        (
            "SpikeMoid(alpha: 0.125, theta: 0.3, window: 2, ",
            "target",
            Box::new(|k| spike_moid(k, Some(2), 0.125, 0.3)),
        ),
        ("SpikeTime(", "train", Box::new(|k| spike_time(k, 5.0))),
        ("SpikeTime(time_constant: 1.5, ", "train", Box::new(|k| spike_time(k, 1.5))),
        ("MSE(", "values", Box::new(mse)),
        ("SparsityEnforcer(", "", Box::new(|k| sparsity(k, 0.01, 1.0))),
        ("SparsityEnforcer(max_rate: 0.5, lam: 3, ", "", Box::new(|k| sparsity(k, 0.5, 3.0))),
    ]
}

/// Parts that are losses, and connections to them from what is named.
fn parts(
    declared: &[(&str, &str)],
    [period, offset]: [usize; 2],
    [spikes, values]: [&str; 2],
) -> String {
    let mut text = String::new();
    for (i, (start, port)) in declared.iter().enumerate() {
        let _ = writeln!(text, "    loss{i} = {start}period: {period}, offset: {offset})");
        let (to, from) = match *port {
            "values" => ("values", values),
            _ => ("spikes", spikes),
        };
        let _ = writeln!(text, "    {from} -> loss{i}.{to}");
        let _ = match *port {
            "" => Ok(()),
            "train" | "values" => writeln!(text, "    given.train -> loss{i}.target"),
            port => writeln!(text, "    given.{port} -> loss{i}.{port}"),
        };
    }
    text
}

/// A run in which spikes are given.
fn played() -> String {
    let rows = |of: fn(usize) -> Row| {
        let row = |t| format!("[{}]", of(t).map(|x| x.to_string()).join(", "));
        (1..=STEPS).map(row).collect::<Vec<_>>().join(", ")
    };
    let labels: Vec<String> = (0..=SAMPLES).map(|k| label(k).to_string()).collect();
    let all = losses();
    let declared: Vec<(&str, &str)> = all.iter().map(|(start, port, _)| (*start, *port)).collect();
    let parts = parts(&declared, [PERIOD, OFFSET], ["given.spikes", "given.values"]);
    format!(
        "
const labels = [{labels}]
process Given(spiking: int[{STEPS}, 3], wanted: int[{STEPS}, 3]) {{
    out spikes: spike[3]
    out values: f64[3]
    out train: spike[3]
    out label: i32
    out target: f64[3]
    var k: int = 0
    phase spk {{
        spikes = spiking[t - 1] != 0
        values = 0.25 * t * spiking[t - 1]
        train = wanted[t - 1] != 0
    }}
    phase post_mgmt when t % {PERIOD} == 1 {{
        label = labels[k]
        target = arange(3) == labels[k]
        k += 1
    }}
}}
network Net {{
    given = Given(spiking: [{spiking}], wanted: [{wanted}])
{parts}    cls = Classifier(period: {PERIOD}, offset: {OFFSET}, samples: {SAMPLES})
    given.spikes -> cls.spikes
    given.label -> cls.label
}}
run r of Net {{
    steps {STEPS}
    record *.loss
    record cls.{{counts, predicted, truth, right}} at end
    report sum(cls.right)
    report accuracy(cls.predicted, cls.truth)
}}
",
        labels = labels.join(", "),
        spiking = rows(spikes),
        wanted = rows(wanted),
    )
}

#[test]
fn values_are_those_of_the_definitions() {
    let found = by_oracle(&flat(&played()).0);
    let all = losses();
    for ((start, _, of), found) in all.iter().zip(&found) {
        let mut seen = 0.0;
        for (t, found) in (1..).zip(found) {
            if t > OFFSET && t % PERIOD == OFFSET {
                seen = of((t - OFFSET) / PERIOD - 1);
            }
            // Before a window closes, the loss is that of the last one.
            assert!((found - seen).abs() <= 1e-12 * seen.max(1.0), "{start} {t}: {found}, {seen}");
        }
        let different: Vec<f64> = (0..SAMPLES).map(of).collect();
        assert!(different.windows(2).any(|two| two[0] != two[1]), "{start}: {different:?}");
    }
    let [counts, predicted, truth, right] = &found[all.len()..] else { panic!("{found:?}") };
    let mut share = Vec::new();
    for k in 0..SAMPLES {
        let count = counted(k, OFFSET + (k + 1) * PERIOD, PERIOD);
        assert_eq!(counts[CLASSES * k..CLASSES * (k + 1)], count);
        // Of equal ones the first.
        let most = (0..CLASSES).rev().max_by(|a, b| count[*a].total_cmp(&count[*b])).unwrap();
        assert_eq!(predicted[k], most as f64);
        assert_eq!(truth[k], label(k) as f64);
        share.push(f64::from(u8::from(most == label(k))));
    }
    assert_eq!(*right, share);
    assert!(share.contains(&0.0) && share.contains(&1.0), "{share:?}");
}

#[test]
fn every_engine_finds_the_same_losses() {
    let net = flat(&played());
    let expected = divined(&net.0);
    assert!(matches!(expected, Outcome::Recorded(_)), "{expected:?}");
    let ir = Arc::new(schedule(&mut Sink::default(), &fold(&net)).unwrap());
    for threads in [1, 3] {
        let (found, _) = executed(&ir, threads);
        assert_eq!(differ(Some(("oracle", &expected)), "executor", &found), None);
    }
}

/// Images that spikes are made of, as they are in an example that has two layers, with some losses.
fn trained(model: &str, declared: &[(&str, &str)]) -> String {
    let (vth, decays, first, second) = match model {
        "fixed_pt" => ("60", "du: 1600, dv: 1200", "2 * uniform(-10, 40", "2 * uniform(-20, 40"),
        _ => ("0.8", "du: 0.4, dv: 0.3", "normal(0.3, 0.4", "normal(0.3, 0.4"),
    };
    let parts = parts(declared, [8, 2], ["out.s_out", "second.a_out"]);
    format!(
        "
epoch image = every 8 steps
const images = uniform(0.1, 1.0, shape: [7, 5], seed: 3)
process Given {{
    out spikes: spike[5]
    out train: spike[3]
    out label: i32
    out target: f64[3]
    var pixels: f64[5] = 0
    var v: f64[5] = 0
    var next: int = 0
    phase spk {{
        if image.start {{ pixels = 0; v = 0 }}
        v += pixels
        spikes = v > 1
        v = 0 where spikes
        train = t % 3 == arange(3)
    }}
    phase post_mgmt when image.start {{
        pixels = images[next % 7] * (1 + next % 3) / 3
        v = 0
        label = next % 3
        target = arange(3) == next % 3
        next += 1
    }}
}}
network Net {{
    given = Given()
    hidden = LIF(vth: {vth}, {decays})
    out = LIF(vth: {vth}, {decays})
    first = Dense(weights: {first}, shape: [6, 5], seed: 1))
    second = Dense(weights: {second}, shape: [3, 6], seed: 5))
    given.spikes -> first -> hidden -> second -> out
{parts}    cls = Classifier(period: 8, offset: 2, samples: 5)
    out -> cls.spikes
    given.label -> cls.label
    reset hidden at image.start skew auto
    reset out at image.start skew auto
}}
run r of Net {{ models {model}; steps 42; record cls.predicted at end }}
"
    )
}

#[test]
fn gradients_of_samples_are_those_of_every_loss() {
    let mut all = losses();
    // Neurons of this network have other rates.
    all.retain(|(start, ..)| !start.contains("max_rate"));
    all.push(("SparsityEnforcer(max_rate: 0.05, lam: 3, ", "", Box::new(|_| 0.0)));
    for (model, width) in [("fixed_pt", 2000.0), ("floating_pt", 0.5)] {
        for (start, port, _) in &all {
            let text = trained(model, &[(start, port)]);
            let checked =
                check_text(&Memory::new(), Path::new("net.snn"), &text, &Options::default());
            assert!(checked.diagnostics.is_empty(), "{}", checked.rendered());
            let net = flatten(&checked.runs[0].network).unwrap();
            let loss = var(&net, "loss0.loss");
            let steps = 10;
            let one = sample(&net, Cut { wanted: &[loss], period: 8, steps });
            let one = one.unwrap_or_else(|why| panic!("{start}: {why:?}"));
            let mut seen = Vec::new();
            for number in 1..4u64 {
                let own = with_param(&one.flat, one.slot, vec![number as f64]);
                let of_run = by_oracle(&recording(&net, loss, 8 * number + steps))[0][0];
                let found = by_oracle(&recording(&own, loss, steps))[0][0];
                assert_eq!(found.to_bits(), of_run.to_bits(), "{start}, sample {number}");
                seen.push(found);

                let learned = vec![slot(&own, "first.weights"), slot(&own, "second.weights")];
                let ask = Ask { steps, loss, learned };
                let reversed = reversed(&own, &ask, &mut |b, of| decaying(b, of, width));
                assert_eq!(reversed.reaches, [true; 2], "{start}: {:?}", reversed.ends);
                let found = by_oracle(&reversed.flat.0);
                assert_eq!(found[0][0].to_bits(), of_run.to_bits());
                for turn in 0..3 {
                    let directions = directions(&own, &ask.learned, turn);
                    let (along, size) = along(&found[1..], &directions);
                    let slope = |d: f64| (-d.abs() / width).exp();
                    let tangent = tangent(&own.0, steps, loss, &directions, &slope).unwrap();
                    let close = (along - tangent.derivative).abs() <= 1e-9 * size;
                    assert!(close && size > 1e-9, "{model} {start}: {along}, {tangent:?}, {size}");
                }
            }
            assert!(seen.windows(2).any(|two| two[0] != two[1]), "{model} {start}: {seen:?}");
        }
    }
}

#[test]
fn a_window_that_cuts_spikes_is_warned_of_where_it_is_declared() {
    let late = "SpikeRate(period: 8, offset: 2)";
    let text = trained("fixed_pt", &[("SpikeRate(", "label")]);
    assert!(text.contains(late));
    let text = text.replace(late, "SpikeRate(period: 8, offset: 1)");
    let checked = check_text(&Memory::new(), Path::new("net.snn"), &text, &Options::default());
    let said = checked.rendered();
    assert_eq!(checked.diagnostics.len(), 1, "{said}");
    for part in ["W0303", "loss0 = SpikeRate(period: 8, offset: 1)", "close it 1 step later"] {
        assert!(said.contains(part), "{said}");
    }
}
