//! What messages propose to change: made, it mends what they are about.

use snn_ir::diagnostics::Code;
use snn_tests::checked::{check, examples, folder_with_data, follow, mended, network, process};
use snn_tests::timing::{LAYERS, READOUT};
use std::fmt::Write;

#[test]
fn what_messages_say_to_change_makes_them_go_away() {
    let folder = folder_with_data();
    let mut wrong = String::new();
    let mut seen = 0;
    for code in Code::ALL {
        for example in examples(code.explanation()) {
            seen += follow(example, folder.path(), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen >= 8, "only {seen} changes were found");
}

/// Each kind of name that can be misspelt, and what is not quite what is needed.
#[test]
fn every_kind_of_slip_has_a_change_that_mends_it() {
    let folder = folder_with_data();
    let file = "process Cell { out y: i32; phase spk { y = t } }\n";
    std::fs::write(folder.path().join("cells.snn"), file).unwrap();
    let phase = |stmts: &str| process(&format!("var aaa: int = 0; phase spk {{ {stmts} }}"));
    let cells = "cells = LIF[4](vth: 10)\n";
    let all = [
        // Names of items, of other files, and of what is in them.
        network("cells = LiF[4](vth: 10)", ""),
        format!("use \"cells.snn\"\n{}", network("c = cells.Cel()", "")),
        format!("use \"cells.snn\": Cel\n{}", network("c = Cell()", "")),
        format!("model fixed_pt of LIFF {{ }}\n{}", network(cells, "")),
        format!("const many = 4\n{}", network("cells = LIF[manny](vth: 10)", "")),
        // Parts, ports, parameters, shapes' sizes.
        network(&format!("{cells} cels.s_out -> Dense(weights: eye(4)) -> cells"), ""),
        network(&format!("{cells} cells.s_ot -> Dense(weights: eye(4)) -> cells"), ""),
        network("cells = LIF[4](vht: 10)", ""),
        network(&format!("{cells} cells.s_out.flaten() -> Dense(weights: eye(4)) -> cells"), ""),
        // Variables, functions and their parameters, phases, fields.
        phase("aab = 1"),
        phase("aaa = aab + 1"),
        phase("aaa = abss(aaa)"),
        phase("aaa = sum([aaa], axs: 0)"),
        process("var aaa: int = 0; phase skp { aaa = 1 }"),
        format!("epoch beat = every 3 steps\n{}", phase("if beat.strat { aaa = 1 }")),
        // Resets.
        network(&format!("{cells} reset cels every 10"), ""),
        network(&format!("{cells} reset cells.vv every 10"), ""),
        network(&format!("{cells} reset cells every 10 in post_mgmnt"), ""),
        format!(
            "epoch beat = every 3 steps\n{}",
            network(&format!("{cells} reset cells at beat.strt"), "")
        ),
        format!(
            "epoch beat = every 3 steps\n{}",
            network(&format!("{cells} reset cells at beat.start skew atuo"), "")
        ),
        // What a run says.
        network(cells, "record cells.s_oout"),
        network(cells, "report sum(cells.s_oout)"),
        network(cells, "report raster(cells.s_oout)"),
        network(cells, "model cels = fixed_pt"),
        network(cells, "model LIF = fixd_pt"),
        network(cells, "target rusty"),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(bord: oheo_gulch)",
        ),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(board: oheo_gluch)",
        ),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(optimize: enrgy)",
        ),
        // Integers, booleans and floats.
        network("cells = LIF[9 / 2](vth: 10)", ""),
        network("cells = LIF[4](vth: 21 / 2)", ""),
        network("cells = LIF[4](vth: 10.5)", ""),
        network("cells = LIF(vth: 10, bias_mant: ones([9 / 2, 3]))", ""),
        phase("aaa = (aaa + 1) / 2 + 1"),
        phase("aaa /= 2"),
        phase("aaa = 0.5 * aaa"),
        phase("let b: i32 = aaa / 2; aaa = b"),
        phase("if not aaa { aaa = 1 }"),
        phase("aaa = int(2.5 * aaa) << 1.5"),
        process("var a: bool; var b: int; phase spk { a = b }"),
        process("var a: f32; var b: f64; phase spk { a = b }"),
        process("var a: i8; phase spk { a += 1 }"),
        // Runs and messages.
        "network N { }\nrun r of N { models fixed_pt }\n".into(),
        "network N { }\nrun r of N { }\n".into(),
        "network N { }\nrun r of N {\n    models fixed_pt\n}\n".into(),
        process("out y: i32[4]; phase spk { y = t where arange(4) == t % 4 }")
            .replace("p = P()", "p = P(); lif = LIF[4](vth: 9); p -> lif"),
        // Weights.
        process("var v: int[3]; var w: int[4]; phase spk { w = ones([3, 4]) @ v }"),
        process("var v: int[3]; var w: int[4]; phase spk { w = v @ ones([4, 3]) }"),
        process("var v: int[3]; var w: int[4]; phase spk { w = v @ ones([3, 4]) }"),
        process("var v: int[2, 2]; var w: int[3]; phase spk { w = ones([3, 4]) @ v }"),
        process("var v: int[3]; phase spk { v = 2 @ v }"),
        // Shapes of arguments and connections.
        network(
            "src = Source(data: ones([1, 6, 6, 1]))\n lif = LIF(vth: 10, bias_mant: [1, 2, 3])\n src -> Conv(weight: ones([3, 3, 3, 1])) -> lif",
            "",
        ),
        network(
            "src = Source(data: ones([1, 2, 3]))\n lif = LIF(vth: 10, bias_mant: ones([6]))\n src -> Dense(weights: ones([6, 6])) -> lif",
            "",
        ),
        network(
            "a = LIF[4](vth: 9)\n b = LIF(vth: 9, bias_mant: ones([2, 2]))\n a -> Dense(weights: eye(4)) -> b",
            "",
        ),
        process("out x: i32[1]; out y: i32[1]; phase spk { x = 1; y = 2 }")
            .replace("p = P()", "p = P(); lif = LIF[1](vth: 9); p -> lif"),
    ];
    let mut wrong = String::new();
    for text in &all {
        if follow(text, folder.path(), &mut wrong) == 0 {
            let (_, shown) = check(text, folder.path());
            writeln!(wrong, "no change is proposed:\n{text}{shown}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn connections_that_are_none_have_a_change_that_mends_them() {
    let two = "process Two {
    in p: spike[4]; in q: spike[4]; out a: spike[4]; out b: spike[4]
    phase spk { a = p; b = q }
}
process Join { in p: spike[4]; in q: spike[4]; out a: spike[4]; phase spk { a = p and q } }
process Split { in p: spike[4]; out a: spike[4]; out b: spike[4]; phase spk { a = p; b = p } }
";
    let parts = "x = LIF[4](vth: 3)\n y = Dense(weights: 2 * eye(4))\n";
    let all = [
        // Which port: of a part or of what has no name, at the ends of a chain and in the middle.
        "Two() -> y",
        "x -> Two()",
        "x -> Join() -> y",
        "x -> Split() -> y",
        "j = Join()\n x -> j -> y",
        "s = Split()\n x -> s -> y",
        // The wrong way round, and the wrong one of two ports.
        "x.a_in -> y.a_out",
        "y.a_out -> x.s_out",
        "x.a_in -> y",
        // A view is of what is sent.
        "s = Source(data: ones([4, 2, 2]))\n s -> y.flatten()",
        "s = Source(data: ones([4, 2, 2]))\n s -> y.reshape([2, 2]).flatten()",
        // Twice: a line, the beginning, the end and the middle of a chain.
        "x -> y\n    x -> y",
        "x -> y; x -> y",
        "x -> y -> x\n x -> y",
        "x -> y\n x -> y -> x",
        "y -> x\n x -> y -> x",
        "z = LIF[4](vth: 3)\n w = Dense(weights: 2 * eye(4))\n y -> z\n x -> y -> z -> w",
    ];
    mended(
        &all.map(|connections| two.to_owned() + &network(&format!("{parts} {connections}"), "")),
    );
}

/// The range of a parameter holds for arguments of every type, and has values.
#[test]
fn ranges_of_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let program = |params: &str, arg: &str| {
        format!(
            "const top = 5\nprocess P({params}) {{ var x: f64; phase spk {{ x = a }} }}\n{}",
            network(&format!("p = P({arg})"), "")
        )
    };
    let said = |params: &str, arg: &str| check(&program(params, arg), folder.path()).0;
    assert_eq!(said("a = 3 in 0..=top", "a: 6"), [Code::E0701]);
    assert_eq!(said("a = 3 in 0..=top", "a: [5, 6]"), [Code::E0701]);
    assert_eq!(said("a = 3 in 0..=top", "a: 5"), []);
    mended(&[
        program("a: int = 3 in top..2", ""),
        program("a: f64 = 5 in top..top", ""),
        program("a = 3 in 5.0..=0.5", ""),
        // Of what no run uses.
        "network N(n: int in 3..3) { }".into(),
    ]);
}

#[test]
fn steps_that_do_not_fit_have_a_change_that_mends_them() {
    let layers = [
        "reset one.{u, v} at sample.start\n reset two at sample.start skew auto",
        "reset {one, two} at sample.start skew none",
        "reset one at sample.start skew auto\n reset two every 20 offset 9",
        "reset one at sample.start skew auto\n reset two every 10 + 10 in post_mgmt",
        "reset one every 20 offset 2 in host\n reset two at sample.start in host",
        "reset one.u every 20\n reset one.v every 20\n reset two at sample.start skew auto",
        // Two ways of different length, and a reset that fits when they are equal or does not.
        "input -> Dense(weights: 2 * eye(4)) -> two\n reset {one, two}.v at sample.start skew auto",
        "s = Sparse[4, 4](2 * eye(4), num_weight_bits: 8)\n input -> s -> two
    reset one at sample.start skew auto\n reset two every 20 offset 12",
    ];
    let readouts = [
        "when image.end { result = count; truth = label; count = 0 }",
        "{ if t % 8 == 0 { result = count; truth = label; count = 0 } }",
        "when t % 8 == 0 and t > 16 { result = count; count = 0 }",
        "when t % 8 == 3 and t > 8 { result = count; count = 0 }",
    ];
    let layers = layers.map(|reset| LAYERS.replace("MEMBERS", reset));
    let readouts = readouts.map(|close| {
        let text = READOUT.replace("SILENT", "").replace("CLOSE", close);
        // A label that nobody reads is not sent.
        if close.contains("label") {
            return text;
        }
        text.replace("    show.label -> vote.label\n", "").replace("    in label: i32\n", "")
    });
    mended(&layers);
    mended(&readouts);
}

/// A loss that is meant: what accepts it stands before the statement and its documentation.
#[test]
fn losses_are_accepted_where_the_message_says() {
    let weights = "Dense(weights: [[3, -3, 1, -1]])";
    mended(&[
        network(&format!("s = Source(data: eye(4))\n    s -> {weights} -> LIF(vth: 10)"), ""),
        network(&format!("s = Source(data: eye(4)); d = {weights}; s -> d -> LIF(vth: 10)"), ""),
        "/// Weights that are cut.\n/// On purpose.\nnetwork N(w: int = 3) {
    Source(data: eye(4)) -> Dense(weights: full([1, 4], w)) -> LIF(vth: 10)
}
run r of N { models fixed_pt; steps 4 }
"
        .replace("full([1, 4], w)", "w * [[1, -1, 1, 1]]"),
    ]);
}
