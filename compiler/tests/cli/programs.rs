//! Commands that read a program: check, build, run, explain, graph.

use super::*;
use std::path::{Path, PathBuf};

/// Eight neurons under random spikes; ten steps, or as many as `--set n=…` says.
const NOISE: &str = "\
const n = 10
network Noise {
    source = Source(data: bernoulli(0.5, shape: [50, 8], seed: 1))
    cells = LIF(vth: 2, du: 1024, dv: 512)
    source -> Dense(weights: uniform(1, 8, shape: [8, 8], seed: 2)) -> cells
}
run sim of Noise {
    models fixed_pt
    steps n
    record cells.v
    record cells.s_out at end
    report sum(cells.s_out)
    report raster(cells.s_out)
    expect max(cells.v) < 10_000_000
}
run strict of Noise {
    models fixed_pt
    steps n
    expect max(cells.v) < -5
}
run chip of Noise {
    models fixed_pt
    target loihi2
    steps n
}
";

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn with(name: &str, text: impl AsRef<[u8]>) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        Folder(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn snnc(&self, arguments: &[&str]) -> Output {
        command(arguments).current_dir(self.0.path()).output().unwrap()
    }
}

pub fn json(output: &Output) -> serde_json::Value {
    let text = stdout(output);
    assert_eq!(text.lines().count(), 1, "one object on one line: {text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_program_without_errors_is_checked_in_silence() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["check", "noise.snn"]);
    assert_eq!(
        (output.status.code(), stdout(&output), stderr(&output)),
        (Some(0), String::new(), String::new())
    );
}

#[test]
fn errors_point_into_the_file_and_are_summed_up() {
    let text = NOISE.replace("LIF(vth: 2", "LIF(vht: 2").replace("max(cells.v)", "max(cell.v)");
    let folder = Folder::with("noise.snn", text);
    let output = folder.snnc(&["check", "noise.snn"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    let said = stderr(&output);
    assert!(said.contains("noise.snn:4:"), "{said}");
    assert!(said.contains("`snnc explain E"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colour where no terminal is");
}

#[test]
fn a_check_for_machines_is_one_object() {
    let folder = Folder::with("noise.snn", NOISE.replace("cells.v", "cellz.v"));
    let output = folder.snnc(&["check", "noise.snn", "--json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), String::new()));
    let object = json(&output);
    let first = &object["diagnostics"][0];
    assert_eq!(first["severity"], "error");
    assert_eq!(first["labels"][0]["file"], "noise.snn");
    assert!(first["labels"][0]["start"]["line"].as_u64() > Some(1));
    assert_eq!(object["errors"], object["diagnostics"].as_array().unwrap().len());
}

#[test]
fn files_that_cannot_be_read_are_coded_errors() {
    let folder = Folder::with("binary.snn", [0xff, 0xfe, 0x00]);
    for (file, code) in [("missing.snn", "E0105"), (".", "E0105"), ("binary.snn", "E0104")] {
        for command in ["check", "run", "explain", "graph", "build"] {
            let output = folder.snnc(&[command, file]);
            assert_eq!(output.status.code(), Some(1), "{command} {file}: {}", stderr(&output));
            assert!(stderr(&output).starts_with(&format!("error[{code}]")), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_run_and_its_constants_are_chosen_by_name() {
    let folder = Folder::with("noise.snn", NOISE);
    let ran = |set: &str| {
        let output = folder.snnc(&["run", "noise.snn", "--interpret", "--json", "--set", set]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        json(&output)["steps"].as_u64()
    };
    assert_eq!((ran("n=7"), ran("n = 2 * 6")), (Some(7), Some(12)));
    for (option, value, expected) in
        [("--set", "m=1", "E0408"), ("--set", "n=)", "E0101"), ("--run", "sym", "E0409")]
    {
        let output = folder.snnc(&["run", "noise.snn", "--interpret", option, value]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(&format!("error[{expected}]")), "{}", stderr(&output));
    }
    assert_eq!(folder.snnc(&["run", "noise.snn", "--set", "n"]).status.code(), Some(2));
    assert_eq!(folder.snnc(&["run", "noise.snn", "--threads", "0"]).status.code(), Some(2));
}

#[test]
fn a_run_prints_its_reports_and_keeps_what_it_records() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["run", "noise.snn", "--interpret", "-o", "kept.npz"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("sum(cells.s_out) = "), "{}", stdout(&output));
    assert_eq!(stdout(&output).lines().count(), 1);
    assert!(stderr(&output).contains("wrote kept.npz\n"));
    let picture = std::fs::read_to_string(folder.path("kept.cells.s_out.raster.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("cells.s_out"));
    let mut archive = snn_runtime::npz::Archive::open(&folder.path("kept.npz")).unwrap();
    assert_eq!(archive.names(), ["cells.s_out", "cells.v"]);
    assert_eq!(archive.array("cells.v").unwrap().0.shape, [10, 8]);
    assert_eq!(archive.array("cells.s_out").unwrap().0.shape, [8]);
}

#[test]
fn a_quiet_run_says_nothing_but_its_results() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["run", "noise.snn", "--interpret", "--quiet"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert!(folder.path("sim.cells.s_out.raster.svg").exists());
}

#[test]
fn an_expectation_that_does_not_hold_fails_the_run() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["run", "noise.snn", "--run", "strict", "--interpret"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("error[E0905]") && said.contains("noise.snn:19:5"), "{said}");
    let output = folder.snnc(&["run", "noise.snn", "--run", "strict", "--interpret", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let object = json(&output);
    assert_eq!(object["expectations"][0]["holds"], false);
    assert_eq!(object["expectations"][0]["right"], -5.0);
    assert_eq!(object["diagnostics"][0]["code"], "E0905");
}

const WALK: &str = "\
data table = arange(3)
process Walk {
    in a: i32
    var x: i64 = 0
    phase spk { x = table[a] }
}
network N {
    source = Source(data: [0, 2, 1, 5, 0])
    walk = Walk()
    source -> walk.a
}
run sim of N { models fixed_pt; steps 10 }
";

#[test]
fn an_index_that_leaves_its_range_stops_the_run_with_the_step() {
    let folder = Folder::with("walk.snn", WALK);
    let output = folder.snnc(&["run", "walk.snn", "--interpret"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("error[E0904]: at step 4"), "{}", stderr(&output));
}

#[test]
fn another_target_is_not_executed() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["run", "noise.snn", "--run", "chip"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("error[E0909]"), "{}", stderr(&output));
    assert!(stderr(&output).contains("snnc build"), "{}", stderr(&output));
}

#[test]
fn results_that_cannot_be_written_are_coded_errors() {
    let folder = Folder::with("noise.snn", NOISE);
    std::fs::write(folder.path("file"), "not a folder").unwrap();
    for arguments in [
        &["run", "noise.snn", "--interpret", "-o", "nowhere/kept.npz"][..],
        &["run", "noise.snn", "--interpret", "-o", "."],
        &["graph", "noise.snn", "-o", "nowhere/net.svg"],
        &["build", "noise.snn", "-o", "file/crate"],
    ] {
        let output = folder.snnc(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains("error[E0901]"), "{}", stderr(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn recordings_go_to_devices_without_replacing_them() {
    let folder = Folder::with("noise.snn", NOISE);
    let full = folder.snnc(&["run", "noise.snn", "--interpret", "-o", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1));
    assert!(stderr(&full).contains("error[E0901]: `/dev/full` cannot be written"));
    assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
}

#[test]
fn a_network_is_drawn_as_svg_or_dot() {
    let folder = Folder::with("noise.snn", NOISE);
    let svg = folder.snnc(&["graph", "noise.snn"]);
    assert_eq!((svg.status.code(), stderr(&svg)), (Some(0), String::new()));
    assert!(stdout(&svg).starts_with("<svg") && stdout(&svg).contains("LIF"));
    // The legend ends within the picture, at 0.6 of the font's size a letter.
    let picture = stdout(&svg);
    let number = |text: &str| text.split('"').next().unwrap().parse::<f64>().unwrap();
    let width = number(picture.split_once("width=\"").unwrap().1);
    let (before, after) = picture.split_once(">source or sink<").unwrap();
    let begin = number(before.rsplit_once(" x=\"").unwrap().1);
    assert!(begin + 14.0 * 11.0 * 0.6 <= width && !after.is_empty(), "{picture}");
    let dot = folder.snnc(&["graph", "noise.snn", "--dot"]);
    assert!(stdout(&dot).starts_with("digraph \"Noise\" {"));
    assert_eq!(folder.snnc(&["graph", "noise.snn", "-o", "net.dot"]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(folder.path("net.dot")).unwrap(), stdout(&dot));
}

#[test]
fn an_explanation_of_a_file_says_how_its_runs_execute() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["explain", "noise.snn", "--run", "sim"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let text = stdout(&output);
    for part in ["run sim of Noise: 10 steps", "Messages", "Windows", "cells.v: every step"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(!text.contains("run strict"));
    assert!(stdout(&folder.snnc(&["explain", "noise.snn"])).contains("run strict"));
}

/// A run that cannot be placed does not hide the others.
#[test]
fn runs_are_explained_beside_one_that_cannot_be_placed() {
    let text = NOISE.to_string()
        + "network High { cells = LIF[4](vth: 131072, bias_mant: 1) }
run high of High { models fixed_pt; target loihi2; steps 5 }
";
    let folder = Folder::with("runs.snn", &text);
    let output = folder.snnc(&["explain", "runs.snn"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("error[E0806]"), "{}", stderr(&output));
    let shown = stdout(&output);
    assert!(shown.contains("run sim of Noise") && shown.contains("run chip of Noise"), "{shown}");
    assert!(!shown.contains("run high"), "{shown}");
}

#[test]
fn a_built_crate_stands_alone_and_says_where_it_is() {
    let folder = Folder::with("noise.snn", NOISE);
    let output = folder.snnc(&["build", "noise.snn"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let written = Path::new("build").join("sim");
    assert_eq!(stdout(&output), format!("{}\n", written.display()));
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "src/main.rs", "runtime/Cargo.toml"] {
        assert!(folder.path("build/sim").join(file).exists(), "no {file}");
    }
}

/// Runs with a cache that the tests of this folder share: a minute the first time.
fn compiled(folder: &Folder, arguments: &[&str]) -> Output {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let mut command = command(arguments);
    command.current_dir(folder.path("")).env("SNNC_CACHE", cache).output().unwrap()
}

#[test]
fn a_compiled_run_stops_with_the_same_message() {
    let folder = Folder::with("walk.snn", WALK);
    let compiled = compiled(&folder, &["run", "walk.snn", "--quiet"]);
    let executed = folder.snnc(&["run", "walk.snn", "--quiet", "--interpret"]);
    assert_eq!(compiled.status.code(), Some(1));
    assert_eq!(stderr(&compiled), stderr(&executed));
}

#[test]
fn compiled_and_interpreted_runs_give_the_same_bytes() {
    let folder = Folder::with("noise.snn", NOISE);
    let run = ["run", "noise.snn", "--set", "n=200", "-o", "compiled.npz"];
    let compiled = compiled(&folder, &run);
    assert_eq!(compiled.status.code(), Some(0), "{}", stderr(&compiled));
    let interpret = ["run", "noise.snn", "--set", "n=200", "--interpret", "-o", "executed.npz"];
    let executed = folder.snnc(&interpret);
    assert_eq!(stdout(&compiled), stdout(&executed));
    let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(bytes("compiled.npz") == bytes("executed.npz"));
    let raster = ["compiled", "executed"].map(|n| bytes(&format!("{n}.cells.s_out.raster.svg")));
    assert!(raster[0] == raster[1]);
}
