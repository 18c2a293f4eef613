//! Train blocks: what the checker makes of them, and what it says of those that are wrong.

#![allow(clippy::unwrap_used)]

use snn_ir::diagnostics::Code;
use snn_ir::network::{InstanceId, Network};
use snn_ir::tensor::Values;
use snn_ir::training::{Decay, Learned, Moments, Optimizer, Slope, SlopeForm, Training, Validate};
use snn_tests::checked::{check, folder_with_data};
use snnc::driver::{self, CheckedTraining, Options, Runs};
use std::path::Path;

/// A network that learns, with a train block of these members.
fn program(block: &str) -> String {
    format!(
        "const n = 8
const images = 2
epoch image = every n steps
epoch answer = every n steps offset 3
data digits = bernoulli(0.5, shape: [images, n, 3], seed: 1)
data labels = ones([images])

process Reader {{
    out s_out: spike[3]
    phase spk {{ s_out = digits[image.index % images, (t - 1) % n] != 0 }}
}}
process Error {{
    in s_in: spike[2]
    out seen: spike[2]
    var loss: f64
    var other: f32
    var counts: i32[2]
    var predicted: i32
    var truth: int
    phase spk {{
        counts += s_in
        let off = counts - [2.0, 6.0]
        loss = sum(off * off)
        predicted = i32(argmax(counts))
        truth = 1
        seen = s_in
    }}
}}
network Net(vth: int = 10) {{
    source = Reader()
    one = Dense(weights: [[8, 4, 2], [2, 4, 8]])
    two = Dense(weights: [[8, 4], [2, 4]])
    lif = LIF(vth: vth)
    last = LIF(vth: 10)
    error = Error()
    source -> one -> lif -> two -> last -> error
}}
train fit of Net {{
{block}
}}
"
    )
}

/// The members that every block has.
const NEEDED: &str = "models fixed_pt; sample image; samples 100; learn one.weights; \
                      loss error.loss at image.end; optimizer adam(lr: 0.001); batch 10; epochs 5";

fn checked(text: &str, options: &Options) -> (Vec<CheckedTraining>, String) {
    let folder = folder_with_data();
    let files = snn_data::Disk;
    let checked = driver::check_text(&files, &folder.path().join("a.snn"), text, options);
    let shown = checked.rendered();
    (checked.trainings, shown)
}

fn one(block: &str) -> CheckedTraining {
    let (mut all, shown) = checked(&program(block), &Options::default());
    assert_eq!(all.len(), 1, "{shown}");
    assert_eq!(shown, "");
    all.remove(0)
}

fn var(network: &Network, path: &str) -> (InstanceId, u32) {
    let (instance, name) = path.rsplit_once('.').unwrap();
    let at = network.instances.iter().position(|i| i.path == instance).unwrap();
    let id = InstanceId(at as u32);
    let var = network.body(id).vars.iter().position(|v| v.name == name).unwrap();
    (id, var as u32)
}

fn paths(training: &Training, network: &Network) -> Vec<String> {
    let path = |l: &Learned| network.params[l.param.at()].path.clone();
    training.learned.iter().map(path).collect()
}

#[test]
fn a_block_with_only_what_it_needs_has_defaults() {
    let CheckedTraining { name, network, flat, training } = one(NEEDED);
    assert_eq!((name.as_str(), training.name.as_str()), ("fit", "fit"));
    assert_eq!((training.period, training.steps, training.samples), (8, 8, 100));
    assert_eq!((network.run.steps, flat.0.run.steps), (800, 800));
    assert_eq!(paths(&training, &network), ["one.weights"]);
    let learned = &training.learned[0];
    assert_eq!((learned.step, learned.start.as_ref(), learned.rate), (Some(1.0), None, None));
    assert_eq!(training.losses.len(), 1);
    assert_eq!(
        (training.losses[0].var, training.losses[0].factor),
        (var(&network, "error.loss"), 1.0)
    );
    assert_eq!(training.slope, Slope { form: SlopeForm::Exponential, width: 1.0 });
    assert_eq!(
        training.optimizer,
        Optimizer::Adam(Moments {
            lr: 0.001,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            rectified: false
        })
    );
    assert_eq!((training.decay, training.clip), (Decay::Constant, None));
    assert_eq!((training.batch, training.epochs, training.shuffle), (10, 5, None));
    assert_eq!((&training.validate, training.patience), (&None, None));
    assert_eq!(training.exports, []);
}

#[test]
fn a_block_may_say_everything() {
    let CheckedTraining { network, training, .. } = one("
    models fixed_pt
    const images = 3
    data labels = ones([3])
    sample image
    samples 1_000
    learn {one, two}.weights in -256..=254 step 2 from normal(0.0, 8.0) seed 1
    learn lif.{du, dv} in 0..4096 lr 0.01
    learn last.du from 7
    loss error.loss at answer.end
    loss 0.5 * error.other at answer.end
    loss -error.other at answer.end
    loss error.loss * 2 at answer.end
    slope triangle(0.5)
    optimizer sgd(0.1, momentum: 0.9)
    decay steps(every: 5, by: 0.5)
    clip 1
    batch 100
    epochs 20
    shuffle seed -1
    validate accuracy(error.predicted, error.truth) on last 100
    stop after 5 without gain
    export \"fit.net\"
    export \"sub/fit.npz\"");
    assert_eq!((training.period, training.steps, training.samples), (8, 11, 1000));
    assert_eq!(network.run.steps, 8003);
    assert_eq!(
        paths(&training, &network),
        ["one.weights", "two.weights", "lif.du", "lif.dv", "last.du"]
    );
    let weights = |l: &Learned| match &l.start.as_ref().unwrap().values {
        Values::Float(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let [one, two, du, _, last] = &training.learned[..] else { panic!() };
    assert_eq!((one.range, one.step), (Some((-256.0, 254.0)), Some(2.0)));
    assert_eq!(one.start.as_ref().unwrap().shape, [2, 3]);
    assert_eq!(two.start.as_ref().unwrap().shape, [2, 2]);
    assert_ne!(weights(one)[..4], weights(two)[..]);
    assert_eq!((du.range, du.step, du.rate), (Some((0.0, 4095.0)), Some(1.0), Some(0.01)));
    assert_eq!(weights(last), [7.0]);
    let factors: Vec<f64> = training.losses.iter().map(|l| l.factor).collect();
    assert_eq!(factors, [1.0, 0.5, -1.0, 2.0]);
    assert_eq!(training.losses[1].var, var(&network, "error.other"));
    assert_eq!(training.slope, Slope { form: SlopeForm::Triangle, width: 0.5 });
    let sgd = Optimizer::Sgd { lr: 0.1, momentum: 0.9, weight_decay: 0.0 };
    assert_eq!(training.optimizer, sgd);
    assert_eq!(training.decay, Decay::Steps { every: 5, by: 0.5 });
    assert_eq!((training.clip, training.shuffle), (Some(1.0), Some(u64::MAX)));
    let Some(Validate { accuracy: Some([a, b]), last: 100, .. }) = training.validate else {
        panic!()
    };
    assert_eq!([a, b], ["error.predicted", "error.truth"].map(|path| var(&network, path)));
    assert_eq!(training.patience, Some(5));
    let files: Vec<&str> = training.exports.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(files, ["fit.net", "sub/fit.npz"]);
}
