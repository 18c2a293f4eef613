//! The command as a user sees it: exit status, streams, messages.

#![allow(clippy::unwrap_used)]

mod compare;
mod engines;
mod fixes;
mod hostile;
mod learning;
mod losses;
mod placements;
mod programs;
mod recordings;
mod refusals;
mod values;
mod words;

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn snnc(arguments: &[&str]) -> Output {
    command(arguments).output().expect("snnc starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snnc"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Requires that each of these stands in what was said.
#[track_caller]
fn says(said: &str, expected: &[&str]) {
    for expected in expected {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
}

#[test]
fn without_a_command_the_help_is_shown() {
    let output = snnc(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Usage: snnc <COMMAND>"), "{}", stderr(&output));
}

#[test]
fn a_wrong_option_is_wrong_usage() {
    let output = snnc(&["explain", "--frobnicate"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--frobnicate"));
    assert_eq!(stdout(&output), "");
}

#[test]
fn a_code_is_explained_whatever_its_case() {
    let output = snnc(&["explain", "e0101"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("# The text is not a .snn program"));
    assert_eq!(stderr(&output), "");
}

#[test]
fn an_unknown_code_is_wrong_usage() {
    let output = snnc(&["explain", "E9999"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no code `E9999`"));
}

#[test]
fn all_codes_are_listed_with_their_summaries() {
    let output = snnc(&["explain"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("E0101  The text is not a .snn program\n"));
}

const UNFORMATTED: &str = "const a=1\n\n\n\nconst b = 2   // two\n";
const FORMATTED: &str = "const a = 1\n\nconst b = 2  // two\n";

#[test]
fn files_are_formatted_in_place_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snn");
    std::fs::write(&path, UNFORMATTED).unwrap();
    let file = path.to_string_lossy();

    let check = snnc(&["fmt", "--check", &file]);
    assert_eq!((check.status.code(), stdout(&check)), (Some(1), format!("{file}\n")));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), UNFORMATTED, "checking changes nothing");

    let output = snnc(&["fmt", &file]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), FORMATTED);
    assert_eq!(snnc(&["fmt", "--check", &file]).status.code(), Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn what_is_wrong_is_left_alone_and_the_rest_is_formatted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let broken = write("broken.snn", b"process {\n");
    let binary = write("binary.snn", b"\xff\xfe");
    let good = write("good.snn", UNFORMATTED.as_bytes());
    let files = [&broken, &binary, &good].map(|p| p.to_string_lossy());
    let missing = folder.path().join("missing.snn");
    let output = snnc(&["fmt", &files[0], &files[1], &missing.to_string_lossy(), &files[2]]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for expected in ["error[E0101]", "broken.snn:1:9", "error[E0104]", "error[E0105]", "3 errors; "]
    {
        assert!(said.contains(expected), "no {expected} in {said}");
    }
    assert_eq!(std::fs::read(&broken).unwrap(), b"process {\n");
    assert_eq!(std::fs::read_to_string(&good).unwrap(), FORMATTED);
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let mut child = command(&["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(UNFORMATTED.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), FORMATTED);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

/// A trained network of the reference data, unless that is not there.
fn trained_network() -> Option<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/mnist_snn/mnist.net");
    if !path.exists() {
        eprintln!("skipped: there is no {}", path.display());
    }
    path.exists().then_some(path)
}

#[test]
fn an_import_is_a_program_whose_paths_start_where_it_is_written() {
    let Some(network) = trained_network() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(network, folder.path().join("mnist.net")).unwrap();
    let output = command(&["import", "mnist.net", "-o", "out/net.snn"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "the folder does not exist yet");
    assert!(stderr(&output).contains("error[E0901]: `out/net.snn` cannot be written"));

    std::fs::create_dir(folder.path().join("out")).unwrap();
    let output = command(&["import", "mnist.net", "--reset-interval=32", "-o", "out/net.snn"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let text = std::fs::read_to_string(folder.path().join("out/net.snn")).unwrap();
    assert!(text.contains("hdf5(\"../mnist.net\"") || text.contains("\"../mnist.net\""), "{text}");
    assert_eq!(snn_grammar::parse(&text).errors, []);
}

#[test]
fn what_cannot_be_imported_is_a_coded_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.net"), b"\x89HDF\r\n\x1a\nrest").unwrap();
    for (file, code) in
        [("missing.net", "E0601"), ("broken.net", "E060"), ("a.onnx", "E0613"), (".", "E06")]
    {
        let output = command(&["import", file]).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).starts_with(&format!("error[{code}")), "{}", stderr(&output));
    }
}

#[cfg(target_os = "linux")]
mod output_streams {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_full_disk_is_a_coded_error() {
        let full = File::create("/dev/full").unwrap();
        let output = command(&["explain", "E0101"]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("error[E0901]: standard output cannot be written"), "{said}");
    }

    #[test]
    fn devices_are_written_not_replaced() {
        let Some(network) = trained_network() else { return };
        let output = snnc(&["import", &network.to_string_lossy(), "-o", "/dev/full"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("error[E0901]: `/dev/full` cannot be written"));
        let null = snnc(&["import", &network.to_string_lossy(), "-o", "/dev/null"]);
        assert_eq!(null.status.code(), Some(0));
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_reader_that_stops_reading_is_no_error() {
        let mut child =
            command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    }
}
