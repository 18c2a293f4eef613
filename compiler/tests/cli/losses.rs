//! What is lost of what a program gives is said, can be accepted, and can be denied.

use super::programs::{Folder, json};
use super::*;

fn said(folder: &Folder, program: &str) -> String {
    std::fs::write(folder.path("p.snn"), program).unwrap();
    let output = folder.snnc(&["check", "p.snn"]);
    assert_eq!(output.status.code(), Some(0), "{program}{}", stderr(&output));
    stderr(&output)
}

/// A layer of two neurons behind synapses that are given.
fn layer(synapses: &str) -> String {
    format!(
        "network N {{
    source = Source(data: eye(4))
    cells = LIF[2](vth: 1000)
    source -> {synapses} -> cells
}}
run sim of N {{ models fixed_pt; steps 6; record cells.u }}
run other of N {{ models fixed_pt; steps 2 }}
"
    )
}

/// Every kind of synapses that conditions its weights.
const KINDS: [(&str, &str); 4] = [
    ("Dense", ""),
    ("Sparse", ""),
    ("DelayDense", ", delays: zeros([2, 4])"),
    ("DelaySparse", ", delays: zeros([2, 4])"),
];

#[test]
fn weights_that_are_clipped_or_lose_bits_are_counted_once_for_all_runs() {
    let folder = Folder::with("p.snn", "");
    for (kind, more) in KINDS {
        let weights = "[[1000, 6, -8, 1], [254, -300, 4, -2]]";
        let said = said(&folder, &layer(&format!("{kind}(weights: {weights}{more})")));
        says(
            &said,
            &[
                "warning[W0701]: 3 of 8 elements of",
                "p.snn:4:",
                "the first, [0, 0]: of 1000, 254 is kept",
                "from -300 to 1000, kept from -256 to 254",
                "help: scale or round them",
                "1 warning;",
            ],
        );
    }
}

#[test]
fn weights_that_are_kept_are_not_spoken_of() {
    let folder = Folder::with("p.snn", "");
    for (kind, more) in KINDS {
        for weights in ["[[0, 255, 3, 1], [7, 7, 7, 7]]", "[[254, -256, 2, -2], [0, 0, 0, 4]]"] {
            let program = layer(&format!("{kind}(weights: {weights}{more})"));
            assert_eq!(said(&folder, &program), "", "{program}");
        }
        // What is kept is kept once more.
        let odd = layer(&format!("{kind}(weights: [[3, -3, 1, -1], [1, 1, 1, 1]]{more})"));
        says(&said(&folder, &odd), &["8 of 8 elements"]);
        let even = layer(&format!("{kind}(weights: [[2, -4, 0, -2], [0, 0, 0, 0]]{more})"));
        assert_eq!(said(&folder, &even), "");
    }
}

#[test]
fn delays_beyond_the_longest_are_counted() {
    let folder = Folder::with("p.snn", "");
    for kind in ["DelayDense", "DelaySparse"] {
        let synapses = |longest| {
            let delays = "[[0, 1, 2, 3], [7, 3, 3, 3]]";
            layer(&format!("{kind}(weights: ones([2, 4]), delays: {delays}{longest})"))
        };
        says(
            &said(&folder, &synapses(", max_delay: 3")),
            &["1 of 8 elements of", ".delays` is not kept", "[1, 0]: of 7, 3 is kept"],
        );
        assert_eq!(said(&folder, &synapses("")), "");
    }
}

#[test]
fn biases_that_a_neuron_cannot_hold_are_said_at_the_argument() {
    let folder = Folder::with("p.snn", "");
    for kind in ["LIF[1](vth: 9", "LIFReset[1](vth: 9", "TernaryLIF[1](vth_hi: 9"] {
        let biased = |bias: &str| {
            format!(
                "network N {{\n    a = {kind}, {bias})\n}}\n\
                 run sim of N {{ models fixed_pt; steps 2 }}\n"
            )
        };
        for (bias, what) in [
            ("bias_mant: 40_000", "of 40000, -25536 is kept"),
            ("bias_mant: 1000, bias_exp: 20", "of 1000, 7 is kept"),
            ("bias_mant: 1000, bias_exp: 40", "of 1000, 0 is kept"),
            ("bias_mant: 1001, bias_exp: -3", "of 1001, 1000 is kept"),
        ] {
            let said = said(&folder, &biased(bias));
            says(&said, &["`a.bias_mant` is not kept as it is given", what, "p.snn:2:"]);
        }
        for bias in
            ["bias_mant: -32768", "bias_mant: 1000, bias_exp: 6", "bias_mant: 8, bias_exp: -3"]
        {
            assert_eq!(said(&folder, &biased(bias)), "", "{bias}");
        }
    }
}

/// Data, through synapses and neurons, into binary synapses.
fn chain(data: &str, bits: &str) -> String {
    format!(
        "network N {{
    source = Source(data: {data})
    ternary = TernaryLIF[2](vth_lo: -10, vth_hi: 10)
    cells = LIF[2](vth: 1000)
    source -> Dense(weights: 2 * eye(2), num_message_bits: 8) -> ternary
    ternary -> Dense(weights: 10 * eye(2), num_message_bits: {bits}) -> cells
}}
run sim of N {{ models fixed_pt; steps 6 }}
run floats of N {{ models floating_pt; steps 6 }}
"
    )
}

#[test]
fn messages_that_count_as_one_spike_are_said_at_the_connection() {
    let folder = Folder::with("p.snn", "");
    says(
        &said(&folder, &chain("[[20, -20]]", "0")),
        &[
            "warning[W0702]: `dense2.s_in` does not keep all that `ternary.s_out` sends",
            "p.snn:6:",
            "messages are -1 to 1; of -1, 1 is kept",
            "`num_message_bits: 8`",
            "1 warning;",
        ],
    );
    assert_eq!(said(&folder, &chain("[[20, -20]]", "8")), "");
    let direct = |data: &str| layer("Dense(weights: ones([2, 4]))").replace("eye(4)", data);
    let graded = said(&folder, &direct("[[5, 100, 0, 20]]"));
    says(&graded, &["messages are 0 to 100; of 100, 1 is kept"]);
    assert_eq!(said(&folder, &direct("[[1, 0, 0, 1]]")), "");
}

#[test]
fn instances_that_share_an_argument_share_the_warning() {
    let folder = Folder::with("p.snn", "");
    let program = "network Inner {
    in s_in: spike[2]
    out s_out: spike[2]
    s_in -> Dense(weights: [[3, -3], [2, 2]]) -> LIF(vth: 1) -> s_out
}
network N {
    source = Source(data: eye(2) != 0)
    a = Inner()
    b = Inner()
    c = Inner()
    source.s_out -> Dense(weights: eye(2)) -> LIF(vth: 1) -> a -> b -> c
}
run sim of N { models fixed_pt; steps 2 }
";
    let program = program.replace("eye(2) != 0", "eye(2)");
    says(
        &said(&folder, &program),
        &["2 of 4 elements of `a.dense1.weights`", "of 2 more instances", "1 warning;"],
    );
}

#[test]
fn a_process_of_a_program_says_what_it_keeps() {
    let folder = Folder::with("p.snn", "");
    let program = |gain: &str| {
        format!(
            "process Gain[n](gain: int) {{
    in x: i32[n]
    out y: i32[n]
    keeps gain as clip(gain, 0, 15), \"a gain has 4 bits\"
    phase spk {{ y = clip(gain, 0, 15) * x }}
}}
network N {{
    source = Source(data: eye(2))
    amplifier = Gain(gain: {gain})
    source -> amplifier
}}
run sim of N {{ models fixed_pt; steps 2 }}
"
        )
    };
    says(&said(&folder, &program("16")), &["of 16, 15 is kept", "help: a gain has 4 bits"]);
    assert_eq!(said(&folder, &program("15")), "");
    let unknown = program("1").replace("keeps gain as", "keeps gian as");
    std::fs::write(folder.path("p.snn"), unknown).unwrap();
    says(&stderr(&folder.snnc(&["check", "p.snn"])), &["error[E0401]", "no in port `gian`"]);
}

/// Odd weights of both signs; an isolated neuron, with some text before it.
fn two(before: &str) -> String {
    layer("Dense(weights: [[3, -3, 1, -1], [1, 1, 1, 1]])")
        .replace("    source ->", "    allow W0701 \"as trained\"\n    source ->")
        .replace("    cells =", &format!("{before}    alone = LIF[1](vth: 1)\n    cells ="))
}

#[test]
fn what_is_accepted_is_not_shown_and_what_is_left_can_be_denied() {
    let folder = Folder::with("p.snn", two(""));
    let warned = folder.snnc(&["check", "p.snn", "--json"]);
    assert_eq!(warned.status.code(), Some(0));
    assert_eq!(
        (json(&warned)["warnings"].as_u64(), json(&warned)["errors"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(json(&warned)["diagnostics"][0]["code"], "W0401");
    for command in [&["check"][..], &["run", "--engine", "oracle", "-q"], &["build", "-o", "out"]] {
        let arguments = [command, &["p.snn", "--deny", "warnings"]].concat();
        let denied = folder.snnc(&arguments);
        assert_eq!(denied.status.code(), Some(1), "{arguments:?}");
        says(&stderr(&denied), &["error[W0401]", "1 error;"]);
    }
    assert!(!folder.path("out").exists());
    let denied = json(&folder.snnc(&["check", "p.snn", "--deny", "warnings", "--json"]));
    assert_eq!((denied["errors"].as_u64(), denied["warnings"].as_u64()), (Some(1), Some(0)));
    std::fs::write(folder.path("p.snn"), two("    allow W0401 \"a spare\"\n")).unwrap();
    let fine = folder.snnc(&["check", "p.snn", "--deny", "warnings"]);
    assert_eq!((fine.status.code(), stderr(&fine)), (Some(0), String::new()));
}

#[test]
fn an_acknowledgement_that_nothing_needs_is_a_warning_of_a_whole_check() {
    let before = "    allow W0401 \"a spare\"\n    allow W0301 \"no reset is there\"\n";
    let folder = Folder::with("p.snn", two(before));
    let whole = folder.snnc(&["check", "p.snn"]);
    says(&stderr(&whole), &["warning[W0402]: nothing needs this `allow W0301`", "1 warning;"]);
    let one = folder.snnc(&["check", "p.snn", "--run", "sim"]);
    assert_eq!(stderr(&one), "");
    let accepted = format!("allow W0402 \"kept for later\"\n{}", two(before));
    std::fs::write(folder.path("p.snn"), accepted).unwrap();
    assert_eq!(stderr(&folder.snnc(&["check", "p.snn"])), "");
}

#[test]
fn an_acknowledgement_names_a_warning_and_a_reason() {
    let folder = Folder::with("p.snn", "");
    for (before, expected) in [
        ("allow E0401 \"no\"", "`E0401` is an error, which cannot be accepted"),
        ("allow W0812 \"no\"", "`W0812` is not about a program, but about a manifest"),
        ("allow W9999 \"no\"", "there is no warning `W9999`"),
        ("allow W0401 \" \"", "this `allow W0401` has no reason"),
    ] {
        std::fs::write(folder.path("p.snn"), two(&format!("    {before}\n"))).unwrap();
        let output = folder.snnc(&["check", "p.snn"]);
        assert_eq!(output.status.code(), Some(1));
        says(&stderr(&output), &["error[E0410]", expected]);
    }
}

#[test]
fn warnings_of_runs_and_resets_are_accepted_where_they_point() {
    let program = "epoch beat = every 8 steps
network N {
    in s_in: i32[4]
    cells = LIF[2](vth: 3)
    s_in -> Dense(weights: ones([2, 4])) -> cells
    …reset cells at beat.start
}
network Main {
    source = Source(data: ones([8, 4]))
    net = N()
    source -> net
}
run sim of Main { models fixed_pt; steps 32 }
";
    let folder = Folder::with("p.snn", "");
    let warned = said(&folder, &program.replace('…', ""));
    says(&warned, &["warning[W0301]", "1 warning;"]);
    let accepted = program.replace('…', "allow W0301 \"the first spikes count\"\n    ");
    assert_eq!(said(&folder, &accepted), "");
}

#[test]
fn payloads_count_in_what_a_neuron_can_receive() {
    let folder = Folder::with("p.snn", "");
    let program = |data: &str| {
        format!(
            "network N {{
    source = Source(data: {data})
    cells = LIF[1](vth: 1)
    source -> Dense(weights: [[254]], num_message_bits: 16) -> cells
}}
run chip of N {{ models fixed_pt; target loihi2; steps 3 }}
"
        )
    };
    says(
        &said(&folder, &program("[[32_767]]")),
        &["warning[W0801]", "can receive 532660352 in one step", "send the most they can"],
    );
    assert_eq!(said(&folder, &program("[[-517]]")).matches("W0801").count(), 2);
    assert_eq!(said(&folder, &program("[[-516]]")), "");
}
