//! Train blocks: what the checker makes of them, and what it says of those that are wrong.

#![allow(clippy::unwrap_used)]

use snn_ir::network::{InstanceId, Network};
use snn_ir::tensor::Values;
use snn_ir::training::{Decay, Learned, Moments, Optimizer, Slope, SlopeForm, Training, Validate};
use snn_tests::checked::{check, folder_with_data, follow, mended};
use snnc::driver::{self, CheckedTraining, Options, Runs};
use std::fmt::Write;

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

/// The members that every block has, some replaced by others that begin with the same word.
fn with(members: &str) -> String {
    let word = |member: &str| member.trim().split(' ').next().unwrap().to_owned();
    let others: Vec<&str> = members.split(';').map(str::trim).filter(|m| !m.is_empty()).collect();
    let kept = NEEDED.split(';').filter(|m| !others.iter().any(|o| word(o) == word(m)));
    let kept: Vec<&str> = kept.map(str::trim).collect();
    kept.into_iter().chain(others).map(|m| format!("    {m}")).collect::<Vec<_>>().join("\n")
}

/// Wrong members, and the codes that they give.
const MISTAKES: &[(&str, &[&str])] = &[
    ("sample images", &["E0204"]),
    ("sample imag", &["E0401"]),
    ("sample answer", &["E1003"]),
    ("sample lib.image", &["E0401"]),
    ("samples 0", &["E1004"]),
    ("samples 2.5", &["E0204"]),
    ("samples 4_000_000_000_000_000_000", &["E1004"]),
    ("data digit = ones([images, n, 3])", &["E0401"]),
    ("data images = ones([3])", &["E0401"]),
    ("const digits = 3", &["E0401"]),
    ("const images = images * 2", &["E0404"]),
    ("data digits = ones([3])", &["E0202"]),
    ("data digits = ones([5, 5, 5]); data digits = ones([5, 5, 5])", &["E0201", "E1002"]),
    ("data labels = idx(\"nothing\")", &["E0601"]),
    ("learn one.weight", &["E0406"]),
    ("learn one", &["E0406"]),
    ("learn net.*.weights", &["E0406"]),
    ("learn one.num_message_bits", &["E1008"]),
    ("learn one.weights; learn *.weights", &["E1002"]),
    ("learn one.weights in 4..=2", &["E1009"]),
    ("learn one.weights in 5..=7 step 4", &["E1009"]),
    ("learn one.weights in 2..8", &["E1009"]),
    ("learn one.weights step 0", &["E1004"]),
    ("learn one.weights step 0.5", &["E1009"]),
    ("learn one.weights step 3", &["W1001"]),
    ("learn one.weights from 3.5", &["W1001"]),
    ("learn one.weights in -8..=8 from 9", &["E1009"]),
    ("learn one.weights from ones([3, 3])", &["E0201"]),
    ("learn one.weights from ones([3])", &[]),
    ("learn one.weights from ones([3]) seed 1", &["E1009"]),
    ("learn one.weights from normal(0, 1)", &["E1001"]),
    ("learn one.weights from normal(0) seed 1", &["E0209"]),
    ("learn one.weights from normal(0, -1) seed 1", &["E0209"]),
    ("learn one.weights from uniform(lo: -3, hi: 3) seed 1", &[]),
    ("learn one.weights from normal(0.0, 1.0, shape: [2, 3], seed: 1) step 2", &["E0101"]),
    ("learn one.weights lr 0", &["E1004"]),
    ("learn lif.{du, dv} in -1..=4096", &["E1009", "E1009"]),
    ("loss error.los at image.end", &["E0406"]),
    ("loss loss at image.end", &["E0406"]),
    ("loss error.predicted at image.end", &["E1006"]),
    ("loss error.counts at image.end", &["E1006"]),
    ("loss error.seen at image.end", &["E1006"]),
    ("loss error.loss + error.other at image.end", &["E1006"]),
    ("loss n * error.loss at image.end", &[]),
    ("loss 0 * error.loss at image.end", &["E1004"]),
    ("loss error.loss * digits at image.end", &["E0204"]),
    ("loss error.loss at image", &["E0204"]),
    ("loss error.loss at image.ende", &["E0401"]),
    ("loss error.loss at image.index", &["E1007"]),
    ("loss error.loss at image.end; loss error.other at answer.end", &["E1007"]),
    ("slope exponental", &["E1005"]),
    ("slope box(width: 0)", &["E1004"]),
    ("slope box(size: 1)", &["E0209"]),
    ("optimizer adam", &["E1001"]),
    ("optimizer adam(lr: -1)", &["E1004"]),
    ("optimizer adam(0.1, 1, 0.9, 0, -1)", &["E1004", "E1004", "E1004"]),
    ("optimizer adam(lr: 0.1, lr: 0.2)", &["E0209"]),
    ("optimizer sgd(0.1, 0.9, 0, 1)", &["E0209"]),
    ("optimizer sgd(lr: 0.1, momentum: 1)", &["E1004"]),
    ("decay exponential", &["E1005"]),
    ("decay linear(3)", &["E0209"]),
    ("decay steps(5)", &["E1001"]),
    ("decay steps(every: 0, by: 2)", &["E1004", "E1004"]),
    ("clip 0", &["E1004"]),
    ("batch 0", &["E1004"]),
    ("epochs -1", &["E1004"]),
    ("shuffle seed 0.5", &["E0204"]),
    ("validate accuracy(error.predicted, error.counts) on last 5", &["E1006"]),
    ("validate accuracy(error.predicted) on last 5", &["E1006"]),
    ("validate error.loss on last 5", &["E1006"]),
    ("validate loss on last 0", &["E1004"]),
    ("validate loss on last 100", &["E1004"]),
    ("stop after 3 without gain", &["E1001"]),
    ("validate loss on last 5; stop after 0 without gain", &["E1004"]),
    (
        "export \"a.pt\"; export \".net\"; export \"b.net\"; export \"b.net\"",
        &["E1002", "E1011", "E1011"],
    ),
    ("models fixed_pt; models floating_pt", &["E1002"]),
    ("batch 3; batch 4; clip 1; clip 1; samples 3; samples 4", &["E1002", "E1002", "E1002"]),
];

#[test]
fn every_mistake_is_said_where_it_is() {
    let folder = folder_with_data();
    let (mut wrong, mut all) = (String::new(), String::new());
    for (members, codes) in MISTAKES {
        let (mut given, shown) = check(&program(&with(members)), folder.path());
        given.sort_unstable();
        let given: Vec<&str> = given.iter().map(|c| c.name()).collect();
        if given != *codes {
            writeln!(wrong, "{members}: {given:?}\n{shown}").unwrap();
        }
        writeln!(all, "===== {members}\n\n{shown}").unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
    insta::assert_snapshot!(all);
}

#[test]
fn all_that_is_missing_is_said_with_a_line_to_add() {
    let folder = folder_with_data();
    let (codes, shown) = check(&program(""), folder.path());
    assert_eq!(codes.len(), 7, "{shown}");
    insta::assert_snapshot!(shown);
    let needed: Vec<&str> = NEEDED.split("; ").collect();
    let without = |word: &str| {
        let kept: Vec<&str> = needed.iter().copied().filter(|m| !m.starts_with(word)).collect();
        program(&kept.join("\n"))
    };
    mended(&["sample ", "optimizer", "batch", "epochs"].map(without));
    let mut wrong = String::new();
    for (members, _) in MISTAKES {
        follow(&program(&with(members)), folder.path(), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn samples_are_those_of_the_data_that_is_given() {
    let block = |members: &str| {
        let all = with(members);
        all.lines().filter(|m| !m.contains("samples ")).collect::<Vec<_>>().join("\n")
    };
    let five = "data digits = ones([5, n, 3]); const images = 5";
    let checked = one(&block(five));
    assert_eq!((checked.training.samples, checked.network.run.steps), (5, 40));
    let folder = folder_with_data();
    let both = block(&format!("{five}; data labels = ones([4])"));
    let (codes, shown) = check(&program(&both), folder.path());
    assert_eq!(codes.iter().map(|c| c.name()).collect::<Vec<_>>(), ["E1003"], "{shown}");
    insta::assert_snapshot!(shown);
}

/// What a block gives holds for it alone, and less than what the command line gives.
#[test]
fn constants_and_data_of_a_block_hold_for_it_alone() {
    let text = "const n = 8
epoch e = every n steps
data x = ones([n, 2])
process Error { in s_in: i32[2]; var loss: f64; phase spk { loss = sum(s_in) / n } }
process Spikes { out o: spike[2]; phase spk { o = x[(t - 1) % n] != 0 } }
network Net {
    source = Spikes()
    dense = Dense(weights: [[1, 2], [3, 4]])
    error = Error()
    source -> dense -> error
}
run before of Net { models fixed_pt; steps n }
train four of Net {
    const n = 4
    models fixed_pt; sample e; samples 3; learn dense.weights; loss error.loss at e.end
    optimizer sgd(lr: 1); batch 1; epochs 1
}
train eight of Net {
    models fixed_pt; sample e; samples 3; learn dense.weights; loss error.loss at e.end
    optimizer sgd(lr: 1); batch 1; epochs 1
}
run after of Net { models fixed_pt; steps n }
";
    let folder = folder_with_data();
    let file = folder.path().join("a.snn");
    let check = |options: &Options| {
        let checked = driver::check_text(&snn_data::Disk, &file, text, options);
        assert_eq!(checked.rendered(), "");
        checked
    };
    let all = check(&Options::default());
    let steps: Vec<u64> = all.runs.iter().map(|r| r.network.run.steps).collect();
    assert_eq!(steps, [8, 8]);
    let periods: Vec<u64> = all.trainings.iter().map(|t| t.training.period).collect();
    assert_eq!(periods, [4, 8]);
    let set = vec![("n".to_owned(), "6".to_owned())];
    let periods = |options: &Options| {
        let checked = check(options);
        assert_eq!(checked.runs.len(), 0);
        checked.trainings.iter().map(|t| t.training.period).collect::<Vec<_>>()
    };
    assert_eq!(periods(&Options { set, train: Some(Runs::All), ..Options::default() }), [6, 6]);
    assert_eq!(periods(&Options { train: Some(Runs::First), ..Options::default() }), [4]);
    let named =
        |name: &str| Options { train: Some(Runs::Named(name.into())), ..Options::default() };
    assert_eq!(periods(&named("eight")), [8]);
    let (none, shown) = checked(text, &named("eigth"));
    assert!(none.is_empty() && shown.contains("there is no train block `eigth`"), "{shown}");
    assert!(shown.contains("did you mean `eight`?"), "{shown}");
    // A run is compiled without them.
    let runs = check(&Options { runs: Runs::First, ..Options::default() });
    assert_eq!((runs.runs.len(), runs.trainings.len()), (1, 0));
}

#[test]
fn nothing_else_needs_to_be_in_a_file() {
    let block = format!("allow W1001 \"rounded\"\n{NEEDED}");
    let (trainings, shown) = checked(&program(&block), &Options::default());
    assert_eq!(trainings.len(), 1, "{shown}");
    // Nothing needs the `allow`, which is said as of a run.
    assert!(shown.contains("W0402"), "{shown}");
    let (_, shown) =
        checked(&program(NEEDED), &Options { runs: Runs::First, ..Options::default() });
    assert!(shown.contains("the file has no run"), "{shown}");
}

/// Only the command line names a train block.
#[test]
fn a_block_may_have_the_name_of_its_data() {
    let text = program(NEEDED).replace("train fit", "train digits");
    let (trainings, shown) = checked(&text, &Options::default());
    assert_eq!((trainings.len(), shown.as_str()), (1, ""));
    let block = &text[text.find("train digits").unwrap()..];
    let (_, shown) = checked(&format!("{text}{block}"), &Options::default());
    assert!(shown.contains("`digits` is declared twice"), "{shown}");
}
