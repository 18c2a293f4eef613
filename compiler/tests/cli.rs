//! The command as a user sees it: exit status, streams, messages.

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
    fn a_reader_that_stops_reading_is_no_error() {
        let mut child =
            command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    }
}
