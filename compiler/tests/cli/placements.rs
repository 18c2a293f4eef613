//! Placements on Loihi 2: built, verified, given to another simulator.

use super::programs::{Folder, json};
use super::*;
use std::path::Path;

/// A convolution, a recurrent layer and a readout; the first two spike by themselves.
const MIXED: &str = "\
network Mixed {
    source = Source(data: bernoulli(0.3, shape: [40, 12, 10, 2], seed: 1))
    first = LIF(vth: 12, du: 4095, dv: 200)
    second = LIF[60](vth: 60, du: 4095, dv: 200)
    third = LIF[10](vth: 90, du: 4095, dv: 200)

    source -> Conv(weight: uniform(-4, 9, shape: [6, 3, 3, 2], seed: 2), padding: 1, stride: 2) -> first
    first.s_out.flatten() -> Dense(weights: 2 * uniform(-8, 10, shape: [60, 180], seed: 3)) -> second
    second -> Sparse(weights: 2 * uniform(-8, 8, shape: [60, 60], seed: 4)) -> second
    second -> Dense(weights: 2 * uniform(-8, 10, shape: [10, 60], seed: 5)) -> third
    reset second every 16 offset 3
}
run sim of Mixed {
    models fixed_pt
    steps 40
    report sum(third.s_out)
}
run chip of Mixed {
    models fixed_pt
    target loihi2(profile: \"small.yaml\", board: kapoho_point, optimize: energy)
    steps 40
}
";

/// Cores so small that the network needs many.
const SMALL: &str = "\
profile: small
base: loihi2-n3b
figures:
  neurons: {value: 24, basis: E, source: \"a test\"}
";

fn mixed() -> Folder {
    let folder = Folder::with("mixed.snn", MIXED);
    std::fs::write(folder.path("small.yaml"), SMALL).unwrap();
    folder
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    path.to_string_lossy().into_owned()
}

#[test]
fn the_mnist_example_fits_three_cores() {
    let folder = Folder::with("empty", "");
    let network = example("mnist_loihi/mnist_loihi.snn");
    let output = folder.snnc(&["build", &network, "--run", "l2hw", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("202 neurons on 3 cores of 1 chip"), "{table}");
    for file in ["manifest.yaml", "weights.h5", "placement.txt", "placement.svg"] {
        assert!(folder.path("out").join(file).exists(), "{file}");
    }
    let verified = folder.snnc(&["verify", "out/manifest.yaml"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    assert!(stdout(&verified).contains("every figure and rule holds"));
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    let folder = mixed();
    let build = |to: &str| {
        let output = folder.snnc(&["build", "mixed.snn", "--run", "chip", "-o", to]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    build("one");
    build("two");
    for file in ["manifest.yaml", "weights.h5", "placement.txt", "placement.svg"] {
        let read = |to: &str| std::fs::read(folder.path(to).join(file)).unwrap();
        assert_eq!(read("one"), read("two"), "{file}");
    }
}

#[test]
fn a_tampered_manifest_is_found() {
    let folder = mixed();
    let output = folder.snnc(&["build", "mixed.snn", "--run", "chip", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    let at = text.find("syn_words:").unwrap();
    let digit = at + text[at..].find(|c: char| c.is_ascii_digit()).unwrap();
    let mut tampered = text.clone();
    let other = if &text[digit..=digit] == "9" { "8" } else { "9" };
    tampered.replace_range(digit..=digit, other);
    std::fs::write(folder.path("out/manifest.yaml"), tampered).unwrap();
    let verified = folder.snnc(&["verify", "out/manifest.yaml", "--json"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(json(&verified)["errors"].as_u64().unwrap() > 0);
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let wide = "\
network Wide {
    source = Source(data: full([1, 11_352], 1))
    cells = LIF[1_000](vth: 100)
    source -> Dense(weights: uniform(-100, 100, shape: [1_000, 11_352], seed: 1)) -> cells
}
run chip of Wide {
    models fixed_pt
    target loihi2
    steps 10
}
";
    let folder = Folder::with("wide.snn", wide);
    let output = folder.snnc(&["check", "wide.snn"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for expected in ["error[E0807]", "`cells`", "22 707", "20 000", "11 352", "help: "] {
        assert!(said.contains(expected), "no {expected} in {said}");
    }
}

#[test]
fn rates_come_from_a_run_of_the_same_network() {
    let folder = mixed();
    let arguments =
        ["build", "mixed.snn", "--run", "chip", "--profile-with", "sim", "--interpret", "--json"];
    let output = folder.snnc(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let manifest = std::fs::read_to_string(folder.path("build/chip/manifest.yaml")).unwrap();
    assert!(manifest.contains("counted in 40 steps of run `sim`"), "{manifest}");
    assert!(json(&output)["messages_per_step"].as_f64().unwrap() > 0.0);
    let output = folder.snnc(&["build", "mixed.snn", "--profile-with", "sim"]);
    assert_eq!(output.status.code(), Some(1), "the first run is no placement");
    assert!(stderr(&output).contains("error[E0909]"), "{}", stderr(&output));
}

#[test]
fn a_neuron_of_ones_own_becomes_a_program() {
    let own = "\
/// Integrates, leaks by a shift, fires, and rests for a while.
process Resting[n](rest: int = 3) {
    in  a_in:  i32[n]
    out s_out: spike[n]
    var v:     i24[n] sat = 0
    var left:  u8[n] wrap = 0
}
model fixed_pt of Resting on neurocore {
    phase spk {
        v = where(left > 0, 0, v - (v >> 4) + a_in)
        s_out = v > 100
        left = where(s_out, rest, max(left - 1, 0))
        v = 0 where s_out
    }
}
network N {
    source = Source(data: bernoulli(0.5, shape: [10, 6], seed: 1))
    cells = Resting()
    source -> Dense(weights: 2 * uniform(-9, 30, shape: [12, 6], seed: 2)) -> cells
}
run chip of N {
    models fixed_pt
    target loihi2
    steps 10
}
";
    let folder = Folder::with("own.snn", own);
    let table = verified(&folder, &["build", "own.snn", "-o", "out"]);
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    for expected in ["Resting fixed_pt", "v: 24", "left: 8", "v = 0 where s_out", "rest: 3"] {
        assert!(manifest.contains(expected), "no {expected} in {manifest}");
    }
    assert!(table.contains("`source` stays on cpu"), "{table}");
}

/// The first neurons of a layer are not all of it.
#[test]
fn parts_of_a_layer_are_placed_and_verified() {
    let part = "\
network Part {
    source = Source(data: full([1, 30], 1))
    first = LIF[20](vth: 100)
    second = LIF[8](vth: concat(full([5], 80), full([3], 100)), dv: concat(zeros([4]), ones([4])))
    third = LIF[8](vth: 100)
    ones = Sparse(weights: eye(8))
    source.s_out[0..25] -> Dense(weights: full([20, 25], 2)) -> first
    first.s_out[0..10] -> Dense(weights: full([8, 10], 2)) -> second
    first.s_out[0..8] -> ones -> third
}
run chip of Part {
    models fixed_pt
    target loihi2
    steps 10
}
";
    let folder = Folder::with("part.snn", part);
    verified(&folder, &["build", "part.snn", "-o", "out"]);
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    assert!(manifest.contains("gather: \"0..9\""), "{manifest}");
    // Parameters that are put together are constants like others: three configurations.
    for neurons in ["0..3", "4", "5..7"] {
        assert!(
            manifest.contains(&format!("{{neurons: \"{neurons}\", parameters: ")),
            "{manifest}"
        );
    }
}

#[test]
fn bad_cores_are_left_out_and_several_chips_are_used() {
    // 250 neurons of which a core holds two: 125 cores, more than a chip has.
    let wide = "\
network Wide {
    source = Source(data: full([1, 8_000], 1))
    cells = LIF[250](vth: 100)
    source -> Dense(weights: full([250, 8_000], 2)) -> cells
}
run chip of Wide {
    models fixed_pt
    target loihi2(board: kapoho_point, chips: 2, bad_cores: [0, 5, 130])
    steps 10
}
";
    let folder = Folder::with("wide.snn", wide);
    let output = folder.snnc(&["build", "wide.snn", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("125 cores of 2 chips"), "{}", stdout(&output));
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    for bad in ["  - id: 0\n", "  - id: 5\n", "  - id: 130\n", "  - id: 120\n"] {
        assert!(!manifest.contains(bad), "{bad} is used");
    }
    let verified = folder.snnc(&["verify", "out/manifest.yaml"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    let emitted = folder.snnc(&["build", "wide.snn", "-o", "out", "--emit", "sana-fe"]);
    assert_eq!(emitted.status.code(), Some(1));
    assert!(stderr(&emitted).contains("error[E0815]"), "{}", stderr(&emitted));
}

/// Rows of routers and of chips count from below, so that links meet where chips do.
#[test]
fn the_picture_has_chips_where_the_board_has_them() {
    let folder = Folder::with(
        "tower.yaml",
        "profile: tower\nbase: loihi2-n3b\nboards: {tower: {chips: [1, 2]}}\nfigures: {routers_x: \
         {value: 2}, routers_y: {value: 2}, cores_per_router: {value: 1}, usable_cores: {value: 4}, \
         neurons: {value: 64}}\n",
    );
    let program = "\
network N {
    source = Source(data: full([1, 12], 1))
    cells = LIF[320](vth: 20)
    source -> Dense(weights: full([320, 12], 2)) -> cells
}
run chip of N { models fixed_pt; target loihi2(profile: \"tower.yaml\", board: tower); steps 9 }
";
    std::fs::write(folder.path("tower.snn"), program).unwrap();
    let table = verified(&folder, &["build", "tower.snn", "-o", "out"]);
    assert!(table.contains("5 cores of 2 chips"), "{table}");
    let picture = std::fs::read_to_string(folder.path("out/placement.svg")).unwrap();
    let top = |chip: u32| -> f64 {
        let (before, _) = picture.split_once(&format!("chip {chip}</text>")).unwrap();
        let (_, at) = before.rsplit_once("translate(").unwrap();
        let (at, _) = at.split_once(')').unwrap();
        at.split_once(' ').unwrap().1.parse().unwrap()
    };
    assert!(top(1) < top(0), "{picture}");
}

/// A Python that has the simulator, unless there is none.
fn simulator() -> Option<String> {
    let python = std::env::var("SNNC_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import sanafe"]).output();
    let there = found.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: `{python}` has no sanafe (pip install sanafe==2.2.9; SNNC_PYTHON)");
    }
    there.then_some(python)
}

/// What the simulator counts with the two files in a folder: messages and hops.
fn counted(python: &str, folder: &Path, steps: u64) -> (u64, u64) {
    let script = format!(
        "import sanafe\n\
         arch = sanafe.load_arch('sana-fe-architecture.yaml')\n\
         chip = sanafe.SpikingChip(arch)\n\
         chip.load(sanafe.load_net('sana-fe-network.yaml', arch))\n\
         r = chip.sim({steps}, timing_model='simple', perf_trace=True)\n\
         print('counted', r['packets_sent'], sum(r['perf_trace']['hops']))\n"
    );
    let output = Command::new(python).args(["-c", &script]).current_dir(folder).output().unwrap();
    let text = stdout(&output);
    let line = text.lines().find_map(|l| l.strip_prefix("counted ")).map(str::to_owned);
    let line = line.unwrap_or_else(|| panic!("{text}{}", stderr(&output)));
    let (messages, hops) = line.split_once(' ').unwrap();
    (messages.parse().unwrap(), hops.parse().unwrap())
}

/// Builds a placement in the folder `out`, which `snnc verify` must find right; the table.
#[track_caller]
pub fn verified(folder: &Folder, arguments: &[&str]) -> String {
    let built = folder.snnc(arguments);
    assert_eq!(built.status.code(), Some(0), "{}", stderr(&built));
    let verified = folder.snnc(&["verify", "out/manifest.yaml"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    stdout(&built)
}

/// A neuron of the program's own. Its parameters have names of the library's, and values that
/// those could not have.
const MINE: &str = "\
process Mine[*s](du: int[*s] = 5000, dv: int = 0, bias_mant: int[*s] = 0, reset_offset: int = 7) {
    in a_in: i32[*s]
    out s_out: spike[*s]
    var v: i24 wrap[*s] = 0
}
model fixed_pt of Mine on neurocore {
    const twice = 2 * dv
    const again = dv
    phase spk {
        v = v + a_in + du - dv + twice - again + bias_mant + reset_offset
        s_out = v > 100
    }
}
network N {
    source = Source(data: bernoulli(0.2, shape: [10, 8], seed: 1))
    cells = Mine(du: 5000 + arange(8), bias_mant: 100_000, v: 3)
    source -> Dense(weights: full([8, 8], 2)) -> cells
}
run chip of N {
    models fixed_pt
    target loihi2(board: kapoho_point)
    steps 10
}
";

#[test]
fn what_a_parameter_of_an_own_neuron_is_called_means_nothing() {
    let folder = Folder::with("mine.snn", MINE);
    verified(&folder, &["build", "mine.snn", "-o", "out"]);
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    let shared = "{dv: 0, bias_mant: 100000, reset_offset: 7, twice: 0, again: 0}";
    assert!(manifest.contains(shared), "{manifest}");
    // What differs from neuron to neuron stands with their state.
    assert!(manifest.contains("state: {v: 24, du: 14}"), "{manifest}");
}

#[test]
fn parameters_are_read_from_their_files() {
    let program = "\
network N {
    source = Source(data: bernoulli(0.2, shape: [10, 3], seed: 1))
    cells = LIF(vth: 3, bias_mant: csv(\"biases.csv\"))
    source -> Dense(weights: full([3, 3], 2)) -> cells
}
run chip of N {
    models fixed_pt
    target loihi2
    steps 10
}
";
    let folder = Folder::with("biases.snn", program);
    std::fs::write(folder.path("biases.csv"), "4\n-2\n7\n").unwrap();
    verified(&folder, &["build", "biases.snn", "-o", "out"]);
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    assert!(manifest.contains("bias_mant: [-2, 7]"), "{manifest}");
}

/// Builds a placement with its files for the simulator, which must count what we do.
pub fn compare(folder: &Folder, arguments: &[&str]) {
    let Some(python) = simulator() else { return };
    let output = folder.snnc(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let placed = json(&output);
    let number = |key: &str| placed["sana_fe"][key].as_u64().unwrap();
    let (steps, messages, hops) = (number("steps"), number("messages"), number("hops"));
    assert!(messages > 0);
    assert_eq!(counted(&python, &folder.path("out"), steps), (messages, hops));
    // The manifest's traffic is that of the same spikes.
    let per_step = |key: &str| placed[key].as_f64().unwrap() * steps as f64;
    assert!((per_step("messages_per_step") - messages as f64).abs() <= 1e-6 * messages as f64);
    assert!((per_step("hops_per_step") - hops as f64).abs() <= 1e-6 * hops as f64);
}

#[test]
fn another_simulator_counts_the_same_messages_and_hops_for_mnist() {
    let folder = Folder::with("empty", "");
    let network = example("mnist_loihi/mnist_loihi.snn");
    let arguments = [
        "build",
        &network,
        "--run",
        "l2hw",
        "-o",
        "out",
        "--emit",
        "sana-fe",
        "--json",
        "--profile-with",
        "l2sim",
        "--interpret",
        "--set",
        "images=1",
    ];
    compare(&folder, &arguments);
}

#[test]
fn another_simulator_counts_the_same_messages_and_hops_for_convolutions() {
    let folder = mixed();
    let arguments = [
        "build",
        "mixed.snn",
        "--run",
        "chip",
        "-o",
        "out",
        "--emit",
        "sana-fe",
        "--json",
        "--profile-with",
        "sim",
        "--interpret",
    ];
    compare(&folder, &arguments);
}
