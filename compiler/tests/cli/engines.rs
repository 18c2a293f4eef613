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

/// A command that finds no Rust toolchain.
fn without_toolchain(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    for name in ["PATH", "HOME", "CARGO_HOME"] {
        command.env(name, folder.path("nowhere"));
    }
    command.env("SNNC_CACHE", folder.path("cache")).current_dir(folder.path(""));
    command
}

#[test]
fn a_short_run_is_executed_at_once_and_says_so() {
    let folder = Folder::with("net.snn", PROGRAM);
    let run = |arguments: &[&str]| {
        let arguments = [&["run", "net.snn"], arguments].concat();
        without_toolchain(&folder, &arguments).output().unwrap()
    };
    let ran = run(&["-o", "without.npz"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(stderr(&ran).contains("on 1 thread, executed in this process"), "{ran:?}");
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
fn what_is_compiled_already_is_run_as_a_program() {
    let folder = Folder::with("net.snn", PROGRAM);
    let engine = |arguments: &[&str]| {
        let ran = folder.snnc(&[&["run", "net.snn", "--json"], arguments].concat());
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        super::programs::json(&ran)["engine"].as_str().unwrap().to_owned()
    };
    assert_eq!(engine(&["--engine", "compiled"]), "compiled");
    assert_eq!(engine(&[]), "compiled");
    assert_eq!(engine(&["--engine", "executor"]), "executor");
}

/// Takes too long for this process, and there is nothing else: it says so, and goes on.
#[cfg(unix)]
#[test]
fn without_a_toolchain_a_long_run_is_executed_in_process_and_says_so() {
    use std::io::{BufRead, BufReader};
    let text = "process P { var n: i32 = 0; phase spk { n = (n + 1) % 7 } }\n\
        network N { p = P() }\nrun r of N { steps 4_000_000_000; record p.n }\n";
    let folder = Folder::with("long.snn", text);
    let mut command = without_toolchain(&folder, &["run", "long.snn", "-o", "long.npz"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = String::new();
    for line in lines {
        said += &line;
        if line.contains("it is executed in this process, more slowly") {
            Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    says(&said, &["more slowly", "error[E0911]"]);
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
