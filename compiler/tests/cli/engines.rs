//! What executes a run, and the forms of a network that are printed.

use super::programs::Folder;
use super::*;

const PROGRAM: &str = "\
network Net {
    source = Source(data: bernoulli(0.5, shape: [50, 8], seed: 1))
    cells = LIF(vth: 200, du: 1024, dv: 512)
    source -> Dense(weights: uniform(1, 80, shape: [8, 8], seed: 2)) -> cells
}
run sim of Net {
    models fixed_pt
    steps 12
    record cells.*
}
";

#[test]
fn every_engine_records_the_same_bytes() {
    let folder = Folder::with("net.snn", PROGRAM);
    let recorded = ["oracle", "executor", "compiled"].map(|engine| {
        let file = format!("{engine}.npz");
        let ran = folder.snnc(&["run", "net.snn", "--engine", engine, "-o", &file]);
        assert_eq!(ran.status.code(), Some(0), "{engine}: {}", stderr(&ran));
        std::fs::read(folder.path(&file)).unwrap()
    });
    assert!(recorded[0] == recorded[1] && recorded[0] == recorded[2]);
    let ran = folder.snnc(&["run", "net.snn", "--engine", "wasm"]);
    assert_eq!(ran.status.code(), Some(2));
}

#[test]
fn without_a_toolchain_a_run_is_executed_in_process_and_says_so() {
    let folder = Folder::with("net.snn", PROGRAM);
    let nowhere = folder.path("nowhere");
    let run = |arguments: &[&str]| {
        let mut command = command(&[&["run", "net.snn"], arguments].concat());
        for name in ["PATH", "HOME", "CARGO_HOME"] {
            command.env(name, &nowhere);
        }
        command.env("SNNC_CACHE", folder.path("cache")).current_dir(folder.path(""));
        command.output().unwrap()
    };
    let ran = run(&["-o", "without.npz"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(stderr(&ran).contains("it is executed in this process, more slowly"), "{ran:?}");
    let with = folder.snnc(&["run", "net.snn", "--engine", "oracle", "-o", "with.npz"]);
    assert_eq!(with.status.code(), Some(0), "{}", stderr(&with));
    let bytes = |file| std::fs::read(folder.path(file)).unwrap();
    assert!(bytes("without.npz") == bytes("with.npz"));
    // Who asks for compiled code is told what is missing.
    let refused = run(&["--engine", "compiled"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("error[E0907]"), "{}", stderr(&refused));
}

#[test]
fn each_form_of_a_network_is_printed() {
    let folder = Folder::with("net.snn", PROGRAM);
    let form = |form| {
        let printed = folder.snnc(&["explain", "net.snn", "--emit", form]);
        assert_eq!(printed.status.code(), Some(0), "{}", stderr(&printed));
        stdout(&printed)
    };
    let (network, flat, step) = (form("network"), form("flat"), form("step"));
    // Processes and their parameters, which the flat form has no longer apart.
    assert!(network.contains("param ") && network.contains("\"cells.vth\""), "{network}");
    assert_eq!(network.lines().filter(|l| l.starts_with("instance ")).count(), 3);
    assert_eq!(flat.lines().filter(|l| l.starts_with("instance ")).count(), 1);
    assert!(step.contains("\nbuffers\n"), "{step}");
}

#[test]
fn explain_lists_the_comparisons_that_make_spikes() {
    let process = "process P {\n    in a: i32\n    out s: spike\n    var v: i32 = 0\n    \
                   phase spk {\n        v += a\n        let near = soft(v > 3)\n        \
                   v = 0 where near\n        s = v > 7 and hard(v != 9)\n    }\n}\n";
    let text = format!(
        "{process}{}",
        PROGRAM.replace(
            "cells = LIF(vth: 200, du: 1024, dv: 512)",
            "cells = LIF(vth: 200)\n    p = P()\n    source.s_out.sum() -> p"
        )
    );
    let text = text.replace("source.s_out.sum() -> p", "source.s_out[0] -> p");
    let folder = Folder::with("net.snn", text);
    let explained = folder.snnc(&["explain", "net.snn"]);
    assert_eq!(explained.status.code(), Some(0), "{}", stderr(&explained));
    let (_, listed) = stdout(&explained)
        .split_once("\nComparisons\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let listed = listed.split("\n\n").next().unwrap();
    let lines: Vec<&str> = listed.lines().map(str::trim).collect();
    for expected in [
        "makes a spike: ",
        "makes a spike, as the source says: ",
        "makes none, as the source says: ",
    ] {
        assert!(lines.iter().any(|l| l.contains(expected)), "{expected} in {listed}");
    }
}
