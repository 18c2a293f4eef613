//! What is said where a network does not go onto the chip: the place, and what to write instead.

use super::placements::{compare, verified};
use super::programs::{Folder, json};
use super::*;

/// A network of twelve inputs and thirty neurons, with some text in place of `…`.
fn layer(cells: &str, weights: &str, target: &str) -> String {
    format!(
        "network N {{
    source = Source(data: bernoulli(0.3, shape: [20, 12], seed: 1))
    cells = {cells}
    source -> {weights} -> cells
}}
run chip of N {{
    models fixed_pt
    target {target}
    steps 20
}}
"
    )
}

const CELLS: &str = "LIF[30](vth: 20)";
const WEIGHTS: &str = "Dense(weights: 2 * uniform(-20, 30, shape: [30, 12], seed: 1))";

/// The message with which `snnc check` refuses a program.
fn refused(folder: &Folder, program: &str) -> String {
    std::fs::write(folder.path("refused.snn"), program).unwrap();
    let output = folder.snnc(&["check", "refused.snn"]);
    assert_eq!(output.status.code(), Some(1), "{program}{}", stderr(&output));
    stderr(&output)
}

#[test]
fn a_network_without_processes_is_refused_with_a_message() {
    let folder = Folder::with("empty", "");
    let program = "network N { }\nrun chip of N { target loihi2; steps 2 }\n";
    says(&refused(&folder, program), &["error[E0810]", "no neurons to place", "help: "]);
}

#[test]
fn where_cores_are_bad_the_remedy_counts_without_them() {
    let folder = Folder::with("empty", "");
    let bad = |count: u32, board: &str| {
        layer(
            "LIF[9_000](vth: 20)",
            "Dense(weights: full([9_000, 12], 2))",
            &format!("loihi2(bad_cores: arange({count}), board: {board}, chips: 1)"),
        )
    };
    let said = refused(&folder, &bad(119, "oheo_gulch"));
    says(
        &said,
        &["1 to use, without `bad_cores`", "`board: kapoho_point` has 8 chips; 2 would do"],
    );
    let said = refused(&folder, &bad(128 + 120, "kapoho_point"));
    says(&said, &["0 to use", "help: allow 3 of its chips: `chips: 3`"]);
}

#[test]
fn options_say_what_is_wrong_with_them() {
    let folder = Folder::with("empty", "");
    let target = |target: &str| refused(&folder, &layer(CELLS, WEIGHTS, target));
    says(&target("loihi2(bad_cores: [1.5])"), &["whole numbers are needed", "bad_cores: [3, 17]"]);
    says(&target("loihi2(kapoho_point)"), &["options of a target have names", "`board: …`"]);
    let profile = |figures: &str| {
        let text = format!("profile: p\nbase: loihi2-n3b\nfigures: {{{figures}}}\n");
        std::fs::write(folder.path("p.yaml"), text).unwrap();
        target("loihi2(profile: \"p.yaml\")")
    };
    says(&profile("neurons: 12"), &["error[E0802]", "a figure is `neurons: {value: 512}`"]);
    says(&profile("neurons: {value: 0}"), &["0 is not from 1", "as `neurons: {value: …}`"]);
}

#[test]
fn weights_have_the_bits_of_the_profile() {
    let four = "profile: four\nbase: loihi2-n3b\nfigures: {max_weight_bits: {value: 4}}\n";
    let folder = Folder::with("four.yaml", four);
    let target = "loihi2(profile: \"four.yaml\")";
    let said = refused(&folder, &layer(CELLS, WEIGHTS, target));
    says(&said, &["error[E0806]", "-16 to 14 in steps of 2, or -256 to 254 in steps of 32"]);
    for weights in ["uniform(-16, 15, shape", "32 * uniform(-8, 8, shape", "-uniform(0, 16, shape"]
    {
        let weights = format!("Dense(weights: {weights}: [30, 12], seed: 1))");
        std::fs::write(folder.path("fits.snn"), layer(CELLS, &weights, target)).unwrap();
        verified(&folder, &["build", "fits.snn", "-o", "out"]);
    }
}

#[test]
fn numbers_from_the_host_need_synapses() {
    let folder = Folder::with("empty", "");
    let program = |between: &str| {
        format!(
            "network N {{
    source = Source(data: uniform(0, 9, shape: [20, 6], seed: 1))
    cells = LIF[6](vth: 20)
    source -> {between} cells
}}
run chip of N {{ models fixed_pt; target loihi2; steps 20 }}
"
        )
    };
    let said = refused(&folder, &program(""));
    says(&said, &["error[E0804]", "put `Dense(weights: …)` between", "`num_message_bits: 32`"]);
    let between = "Dense(weights: eye(6), num_message_bits: 32) ->";
    std::fs::write(folder.path("fits.snn"), program(between)).unwrap();
    verified(&folder, &["build", "fits.snn", "-o", "out"]);
}

#[test]
fn resets_of_models_are_refused_at_the_users_text() {
    let folder = Folder::with("empty", "");
    let cells = "LIFReset[30](vth: 20, reset_interval: 24)";
    let said = refused(&folder, &layer(cells, WEIGHTS, "loihi2"));
    says(&said, &["refused.snn:3:13", "1 error", "nearest intervals are 16 and 32"]);
    assert!(!said.contains("std/"), "{said}");
}

/// One message for a statement, whatever it resets.
#[test]
fn a_reset_of_several_layers_is_refused_once() {
    let program = layer(CELLS, WEIGHTS, "loihi2").replacen(
        '}',
        "    other = LIF[30](vth: 9)
    cells -> Dense(weights: eye(30)) -> other
    reset * every 12
}",
        1,
    );
    let said = refused(&Folder::with("empty", ""), &program);
    says(&said, &["`cells` and one layer more are reset every 12 steps", "1 error, "]);
    assert_eq!(said.matches("this layer is on neurocores").count(), 2, "{said}");
}

/// Both senders are named where their connections meet inside a network.
#[test]
fn senders_that_meet_in_a_network_are_named() {
    let program = "network Inner {
    in x: i32[8]
    out y: spike[8]
    cells = LIF[8](vth: 3)
    x -> Dense(weights: full([8, 8], 30)) -> cells -> y
}
network N {
    source = Source(data: bernoulli(0.2, shape: [10, 8], seed: 1))
    inner = Inner()
    source -> inner -> inner
}
run chip of N { models fixed_pt; target loihi2; steps 10 }
";
    let said = refused(&Folder::with("empty", ""), program);
    let both = "`source.s_out` and `inner.cells.s_out` add up in element 0 of `inner.dense1.s_in`";
    says(&said, &[both, "`source.s_out` sends", "`inner.cells.s_out` sends"]);
}

#[test]
fn convolutions_of_several_senders_say_how_to_part_them() {
    let program = |connections: &str| {
        format!(
            "network N {{
    one = Source(data: bernoulli(0.2, shape: [4, 8, 8, 2], seed: 1))
    two = Source(data: bernoulli(0.2, shape: [4, 8, 8, 1], seed: 2))
    cells = LIF(vth: 20)
    {connections}
}}
run chip of N {{ models fixed_pt; target loihi2; steps 10 }}
"
        )
    };
    let folder = Folder::with("empty", "");
    let joined =
        "concat(one.s_out, two.s_out, axis: 2) -> Conv(weight: ones([4, 3, 3, 3])) -> cells";
    says(&refused(&folder, &program(joined)), &["error[E0804]", "its own `Conv`"]);
    let parted = "one -> Conv(weight: ones([4, 3, 3, 2])) -> cells
    two -> Conv(weight: ones([4, 3, 3, 1])) -> cells";
    std::fs::write(folder.path("fits.snn"), program(parted)).unwrap();
    verified(&folder, &["build", "fits.snn", "-o", "out"]);
}

/// With `--json` there is one object on standard output, and no text, whatever becomes of it.
#[test]
fn json_is_one_object_in_every_case() {
    let folder = Folder::with("n.snn", layer(CELLS, WEIGHTS, "loihi2"));
    std::fs::write(folder.path("file"), "").unwrap();
    let build = |arguments: &[&str], status: i32, errors: u64| {
        let output = folder.snnc(&[&["build", "n.snn", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(status), "{arguments:?} {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{arguments:?}");
        let object = json(&output);
        assert_eq!(object["errors"].as_u64(), Some(errors), "{object}");
        object
    };
    build(&["-o", "file"], 1, 1);
    build(&["--target", "rust", "--optimize", "edp"], 1, 1);
    let crate_at = build(&["--target", "rust", "-o", "crate"], 0, 0);
    assert_eq!(crate_at["files"][0], "crate");
    let placed = build(&["-o", "out"], 0, 0);
    assert_eq!(placed["neurons"], 30);
}

#[test]
fn rates_need_steps() {
    let program =
        format!("{}run sim of N {{ models fixed_pt; steps 0 }}\n", layer(CELLS, WEIGHTS, "loihi2"));
    let folder = Folder::with("n.snn", &program);
    let output = folder.snnc(&["build", "n.snn", "--profile-with", "sim", "--interpret"]);
    assert_eq!(output.status.code(), Some(1));
    says(&stderr(&output), &["error[E0811]", "has no steps"]);
}

#[test]
fn low_rates_are_not_none() {
    let folder = Folder::with("n.snn", layer(CELLS, WEIGHTS, "loihi2(rate: 0.003)"));
    verified(&folder, &["build", "n.snn", "-o", "out"]);
    let output = folder.snnc(&["build", "n.snn", "--json"]);
    let messages = json(&output)["messages_per_step"].as_f64().unwrap();
    assert!((messages - 12.0 * 0.003).abs() < 1e-4, "{messages}");
}

/// Nothing but constants may come from a float; a statement at some steps is a reset only where
/// it restores.
#[test]
fn neurons_of_ones_own_may_have_constants_of_floats() {
    let own = "\
process Own[n](tau: f64 = 20.0) {
    in a_in: i32[n]
    out s_out: spike[n]
    var v: i24[n] sat = 0
    var phase: i8[n] sat = 0
}
model fixed_pt of Own on neurocore {
    const decay_v = int(4096 / tau)
    phase spk {
        v = decay(v, decay_v) + a_in
        if t % 3 == 0 { phase = 4 }
        s_out = v > phase
    }
}
";
    let program = own.to_string() + &layer("Own[30](tau: 30.5)", WEIGHTS, "loihi2");
    let folder = Folder::with("own.snn", &program);
    verified(&folder, &["build", "own.snn", "-o", "out"]);
    let manifest = std::fs::read_to_string(folder.path("out/manifest.yaml")).unwrap();
    says(&manifest, &["parameters: {decay_v: 134}", "when t % 3 == 0: phase = 4"]);
    let resets = own.replace("phase = 4", "phase = 0") + &layer("Own[30]()", WEIGHTS, "loihi2");
    says(&refused(&folder, &resets), &["error[E0805]", "refused.snn:11:25", "2 and 4"]);
}

/// One source of one value, one neuron; the first neurons of layers through `concat`; a spike to
/// two ports of the host.
#[test]
fn parts_of_layers_and_single_neurons_are_placed() {
    let one = "\
network N {
    source = Source(data: [[1]])
    cells = LIF[1](vth: 1)
    source -> Dense(weights: [[2]]) -> cells
}
run chip of N { models fixed_pt; target loihi2; steps 9 }
";
    let folder = Folder::with("one.snn", one);
    let table = verified(&folder, &["build", "one.snn", "-o", "out"]);
    assert!(table.contains(": 1 neuron on 1 core of 1 chip"), "{table}");

    let parts = "\
process Sink[n] { in s_in: spike[n]; var x: i32[n] = 0; phase spk { x += s_in } }
network N {
    source = Source(data: bernoulli(0.3, shape: [20, 6], seed: 1))
    first = LIF[24](vth: 20, dv: 100)
    second = LIF[10](vth: 20)
    third = LIF[3, 4](vth: 9)
    source -> Dense(weights: 2 * uniform(-20, 30, shape: [24, 6], seed: 1)) -> first
    first.s_out[0..9] -> Dense(weights: 2 * uniform(-20, 30, shape: [10, 9], seed: 1)) -> second
    concat(first.s_out[0..2], second.s_out) -> joined
    joined = Dense(weights: 2 * uniform(-20, 30, shape: [12, 12], seed: 1))
    joined.a_out.reshape([3, 4]) -> third
    all = Sink()
    some = Sink()
    first -> all
    first.s_out[3..9] -> some
}
run sim of N { models fixed_pt; steps 20 }
run chip of N { models fixed_pt; target loihi2; steps 20 }
";
    std::fs::write(folder.path("parts.snn"), parts).unwrap();
    let arguments = ["build", "parts.snn", "--run", "chip", "-o", "out"];
    verified(&folder, &arguments);
    let others = ["--emit", "sana-fe", "--json", "--profile-with", "sim", "--interpret"];
    compare(&folder, &[&arguments[..], &others[..]].concat());
}

#[test]
fn neurons_of_many_configurations_are_listed_as_one_layer() {
    let cells = "LIF[30](vth: 20, dv: arange(30))";
    let folder = Folder::with("n.snn", layer(cells, WEIGHTS, "loihi2"));
    let table = verified(&folder, &["build", "n.snn", "-o", "out"]);
    assert!(table.contains("  cells 0..7\n"), "{table}");
}
