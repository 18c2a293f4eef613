//! `snnc train`: what it prints and writes, and that it always writes the same.

use super::{command, says, snnc, stderr, stdout};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Which half of twelve inputs is brighter: two layers, and a train block.
const NET: &str = "
const n_ts = 16
const late = 2
const samples = 400

epoch image = every n_ts steps
epoch answer = every n_ts steps offset late

data patterns = uniform(0.0, 1.0, shape: [samples, 12], seed: 5)

process Coder {
    out spikes: spike[12]
    out label: i32
    var pattern: f64[12] = 0
    var v: f64[12] = 0
    var next: int = 0

    phase spk {
        if image.start { pattern = 0; v = 0 }
        v += pattern
        spikes = v > 1
        v = 0 where spikes
    }
    phase post_mgmt when image.start {
        let now = patterns[min(next, samples - 1)]
        pattern = now
        label = i32(sum(now[0..6]) > sum(now[6..12]))
        v = 0
        next += 1
    }
}

network Net(w1: int[16, 12], w2: int[2, 16]) {
    coder = Coder()
    one = Dense(weights: w1, sign_mode: 1)
    hidden = LIF[16](vth: 64, du: 409, dv: 410)
    two = Dense(weights: w2, sign_mode: 1)
    output = LIF[2](vth: 64, du: 409, dv: 410)
    rate = SpikeRate(period: n_ts, offset: late, yes: 0.6, no: 0.05)
    cls = Classifier(period: n_ts, offset: late, samples: samples)
    coder.spikes -> one -> hidden -> two -> output
    output -> rate.spikes
    output -> cls.spikes
    coder.label -> rate.label
    coder.label -> cls.label
    reset hidden, output at image.start skew auto
}

train fit of Net(w1: zeros([16, 12]), w2: zeros([2, 16])) {
    models fixed_pt
    sample image
    samples samples
    learn {one, two}.weights in -256..=254 step 2 from uniform(-12.0, 12.0) seed 1
    loss rate.loss at answer.end
    slope fast_sigmoid(width: 4.0)
    optimizer adam(lr: 0.5)
    batch 20
    epochs 5
    shuffle seed 1
    validate accuracy(cls.answer, cls.expected) on last 100
    export \"fit.npz\"
    export \"fit.net\"
}
";

/// The trained network, from both files.
const USE: &str = "
use \"net.snn\": Net, Coder, n_ts, samples, late, image

data trained = npz(\"fit.npz\")

run archive of Net(w1: trained.one.weights, w2: trained.two.weights) {
    models fixed_pt
    steps n_ts * samples + late
    report accuracy(cls.predicted[300..400], cls.truth[300..400])
}

network Read {
    coder = Coder()
    net = netx(\"fit.net\")
    cls = Classifier(period: n_ts, offset: late, samples: samples)
    coder.spikes -> net -> cls.spikes
    coder.label -> cls.label
    reset net at image.start skew auto
}

run file of Read {
    models fixed_pt
    steps n_ts * samples + late
    report accuracy(cls.predicted[300..400], cls.truth[300..400])
}
";

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("net.snn"), text).unwrap();
    folder
}

fn file(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// A number that is printed as `name = number`.
fn printed(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
    line.unwrap_or_else(|| panic!("no `{name}` in {text}")).parse().unwrap()
}

#[test]
fn a_network_learns_and_runs_as_it_was_measured() {
    let folder = folder(NET);
    let output = snnc(&["train", &file(folder.path(), "net.snn")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    says(&stderr(&output), &["epoch   loss", "best", "fit.npz", "fit.net", "curves.svg"]);
    let accuracy = printed(&stdout(&output), "held out accuracy");
    assert!(accuracy >= 0.8, "{}", stdout(&output));
    let stats = fs::read_to_string(folder.path().join("stats.csv")).unwrap();
    assert_eq!(stats.lines().count(), 6, "{stats}");
    assert!(fs::read_to_string(folder.path().join("curves.svg")).unwrap().contains("held out"));
    // The best epoch's values, in both formats, give what was measured.
    fs::write(folder.path().join("use.snn"), USE).unwrap();
    for run in ["archive", "file"] {
        let ran = snnc(&["run", &file(folder.path(), "use.snn"), "--run", run]);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        let key = "accuracy(cls.predicted[300..400], cls.truth[300..400])";
        assert_eq!(printed(&stdout(&ran), key), accuracy, "{run}");
    }
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let whole = folder(NET);
    let output = snnc(&["train", &file(whole.path(), "net.snn"), "--threads", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let written = ["fit.npz", "fit.net", "fit.checkpoint.npz", "stats.csv", "curves.svg"];
    let all = |folder: &TempDir| written.map(|name| fs::read(folder.path().join(name)).unwrap());
    let expected = all(&whole);
    let on_three = folder(NET);
    let output = snnc(&["train", &file(on_three.path(), "net.snn"), "--threads", "3", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    for (name, (one, three)) in written.iter().zip(expected.iter().zip(all(&on_three))) {
        assert!(*one == three, "{name} differs between 1 and 3 threads");
    }
    // Killed somewhere behind its first epochs, as often as it takes to come to the end.
    let broken = folder(NET);
    let (program, checkpoint) =
        (file(broken.path(), "net.snn"), broken.path().join("fit.checkpoint.npz"));
    let mut child = command(&["train", &program, "--threads", "1", "--quiet"]).spawn().unwrap();
    let began = Instant::now();
    while !checkpoint.exists() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = snnc(&["train", &program, "--resume", "--threads", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for (name, (one, two)) in written.iter().zip(expected.iter().zip(all(&broken))) {
        assert!(*one == two, "{name} differs after an interruption");
    }
}

#[test]
fn what_cannot_be_gone_on_from_is_said() {
    let folder = folder(NET);
    let program = file(folder.path(), "net.snn");
    let output = snnc(&["train", &program, "--resume"]);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["E1013", "begin anew, without `--resume`"]);
    let output = snnc(&["train", &program, "--epochs", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = snnc(&["train", &program, "--resume", "--set", "n_ts=20", "--epochs", "1"]);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["E1013", "have changed since"]);
}

#[test]
fn what_is_carried_from_sample_to_sample_is_refused() {
    let carried = NET.replace("    reset hidden, output at image.start skew auto\n", "");
    assert_ne!(carried, NET);
    let folder = folder(&carried);
    let output = snnc(&["train", &file(folder.path(), "net.snn")]);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["E1012", "still depends on samples before"]);
    assert!(!folder.path().join("fit.npz").exists());
}

#[test]
fn what_the_loss_does_not_depend_on_is_not_learned() {
    let apart = NET.replace(
        "    coder.spikes -> one",
        "    three = Dense(weights: w2, sign_mode: 1)\n    more = LIF[2]()\n    \
         hidden -> three -> more\n    coder.spikes -> one",
    );
    let apart = apart
        .replace("{one, two}.weights", "{one, three}.weights")
        .replace("reset hidden,", "reset more, hidden,");
    let folder = folder(&apart);
    let output = snnc(&["train", &file(folder.path(), "net.snn")]);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["E1008", "does not depend on `three.weights`"]);
}

#[test]
fn a_training_that_runs_away_is_stopped() {
    let text = NET
        .replace("models fixed_pt", "models floating_pt")
        .replace(" in -256..=254 step 2 from uniform(-12.0, 12.0)", " from uniform(-1.0, 1.0)")
        .replace("loss rate.loss", "loss 1e308 * rate.loss")
        .replace("du: 409, dv: 410", "du: 0.1, dv: 0.1")
        .replace("w1: int[", "w1: f64[")
        .replace("w2: int[", "w2: f64[")
        .replace("zeros([16, 12])", "zeros([16, 12]) * 1.0")
        .replace("zeros([2, 16])", "zeros([2, 16]) * 1.0")
        .replace(", sign_mode: 1", "")
        .replace("    export \"fit.net\"\n", "");
    let folder = folder(&text);
    let output = snnc(&["train", &file(folder.path(), "net.snn")]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    says(&stderr(&output), &["E1014", "take a smaller rate"]);
}

#[test]
fn results_for_machines_are_one_object() {
    let folder = folder(NET);
    let program = file(folder.path(), "net.snn");
    let output = snnc(&["train", &program, "--json", "--epochs", "2", "--train", "fit"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(stdout(&output).lines().count(), 1);
    says(
        &stdout(&output),
        &["\"train\":\"fit\"", "\"epochs\":[{", "\"held_out_accuracy\":", "\"best\":"],
    );
    let output = snnc(&["train", &program, "--json", "--train", "none"]);
    assert_eq!(output.status.code(), Some(1));
    says(&stdout(&output), &["E0409"]);
}
