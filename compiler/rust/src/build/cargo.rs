//! Calling Cargo, so that nothing but the crate decides what it makes.
//!
//! Cargo and rustup look for settings in the folder where they are started and in all above it;
//! they are started in the topmost, which is nobody's. What a user has set for all builds
//! (`config.toml` in Cargo's own folder) stays as far as it says how to reach the registry;
//! what it says about the code, the command line says too, which counts more.

use super::super::package::RUSTFLAGS;
use super::super::write::unwritable;
use snn_ir::diagnostics::{Code, Diagnostic};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What decides about the code, as Cargo has it by itself but for what the crate's manifest says.
const PROFILE: &[&str] = &[
    "opt-level=3",
    "debug=0",
    "debug-assertions=false",
    "overflow-checks=false",
    "lto=false",
    "panic=\"unwind\"",
    "codegen-units=1",
    "incremental=false",
];

/// How many lines of a failed compilation are shown.
const TAIL: usize = 30;

/// Why Cargo did not succeed.
enum Failure {
    /// It is not there, or its compiler is not.
    Missing,
    /// It ran and failed, having said this.
    Failed(Vec<String>),
}

/// Builds the crate in `dir` into `target`, telling `progress` what is being compiled, and gives
/// the path of `program`.
///
/// First without the network, as a machine that built snnc has what is needed, then with it.
///
/// # Errors
/// E0907 without Cargo or rustc, E0903 where the disk is full, E0908 where the runtime's
/// dependencies cannot be had, E0902 where the compiler rejects the generated code.
pub fn build(
    dir: &Path,
    target: &Path,
    program: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, Diagnostic> {
    let output = match attempt(dir, target, true, progress) {
        Ok(()) => return built(target, program),
        Err(Failure::Failed(output)) if !compiler_failed(&output) => {
            match attempt(dir, target, false, progress) {
                Ok(()) => return built(target, program),
                Err(Failure::Failed(output)) => output,
                Err(Failure::Missing) => return Err(missing()),
            }
        }
        Err(Failure::Failed(output)) => output,
        Err(Failure::Missing) => return Err(missing()),
    };
    Err(explain(dir, &output))
}

/// Where Cargo has put a program: below the folder of the platform, whose name is rustc's.
fn built(target: &Path, program: &str) -> Result<PathBuf, Diagnostic> {
    let folders = fs::read_dir(target).map_err(|e| unwritable(target, &e))?;
    let paths = folders.filter_map(|f| Some(f.ok()?.path().join("release").join(program)));
    let there = paths.filter(|path| path.is_file()).min();
    there.ok_or_else(|| unwritable(&target.join(program), &ErrorKind::NotFound.into()))
}

fn attempt(
    dir: &Path,
    target: &Path,
    offline: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let mut last = Failure::Missing;
    for program in programs() {
        let mut command = Command::new(program);
        command.args(["build", "--release", "--color", "never", "--target", "host-tuple"]);
        command.arg("--target-dir").arg(target);
        command.arg("--manifest-path").arg(dir.join("Cargo.toml"));
        for setting in PROFILE {
            command.arg("--config").arg(format!("profile.release.{setting}"));
        }
        if offline {
            command.arg("--offline");
        }
        for (name, _) in env::vars_os().filter(|(name, _)| belongs_to_an_outer_build(name)) {
            command.env_remove(name);
        }
        // Empty is none, whatever a configuration says.
        command.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        command.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
        command.current_dir(dir.ancestors().last().unwrap_or(dir));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(_) => continue,
        };
        let mut output = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Some(Ok(line)) = lines.next() {
                let line = String::from_utf8_lossy(&line).trim_end().to_string();
                if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
                    progress(package.split(" (").next().unwrap_or(package));
                }
                output.push(line);
            }
        }
        match child.wait() {
            Ok(status) if status.success() => return Ok(()),
            _ if output.iter().any(|line| line.contains("could not execute process `rustc")) => {
                last = Failure::Missing;
            }
            _ => return Err(Failure::Failed(output)),
        }
    }
    Err(last)
}

/// Where Cargo may be.
fn programs() -> Vec<PathBuf> {
    let installed =
        |home: PathBuf| home.join("bin").join(format!("cargo{}", env::consts::EXE_SUFFIX));
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let default = env::home_dir().map(|home| home.join(".cargo"));
    [Some("cargo".into()), home.map(installed), default.map(installed)]
        .into_iter()
        .flatten()
        .collect()
}

/// Variables by which a build under way (`cargo run`, `cargo test`, a wrapper) would change
/// this one. How to reach the registry stays.
fn belongs_to_an_outer_build(name: &OsString) -> bool {
    let Some(name) = name.to_str() else { return false };
    let stays = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];
    let flags = ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
    flags.contains(&name)
        || name == "CARGO"
        || (name.starts_with("CARGO_") && !stays.iter().any(|kept| name.starts_with(kept)))
}

fn compiler_failed(output: &[String]) -> bool {
    output.iter().any(|line| line.contains("could not compile"))
}

fn missing() -> Diagnostic {
    Diagnostic::without_place(
        Code::E0907,
        "compiling a network needs Rust, and `cargo` is not there",
    )
    .help("install Rust from https://rustup.rs, or run with `--interpret`, which needs none")
}

fn explain(dir: &Path, output: &[String]) -> Diagnostic {
    let said = |text: &str| output.iter().any(|line| line.contains(text));
    let tail = output.iter().skip(output.len().saturating_sub(TAIL));
    let tail = tail.map(String::as_str).collect::<Vec<_>>().join("\n");
    let message = |code, text: &str| Diagnostic::without_place(code, text).note(tail);
    if said("No space left on device") || said("os error 28") {
        message(Code::E0903, "the disk is full")
            .help("free some space, or set SNNC_CACHE to a folder on another disk")
    } else if compiler_failed(output) {
        message(Code::E0902, "the generated code does not compile: this is a fault of snnc")
            .note(format!("the generated crate is in {}", dir.display()))
            .help("please report it with this output; `--interpret` runs the network meanwhile")
    } else {
        message(Code::E0908, "the runtime's dependencies cannot be fetched").help(
            "connect to the network once, or run with `--interpret`, which needs none of them",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_string).collect()
    }

    #[test]
    fn an_outer_build_does_not_leak_in() {
        for name in ["RUSTFLAGS", "CARGO", "CARGO_TARGET_DIR", "CARGO_ENCODED_RUSTFLAGS"] {
            assert!(belongs_to_an_outer_build(&name.into()), "{name}");
        }
        for name in ["PATH", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X", "RUSTUP_HOME"]
        {
            assert!(!belongs_to_an_outer_build(&name.into()), "{name}");
        }
    }

    #[test]
    fn failures_are_told_apart() {
        let code = |text: &str| explain(Path::new("crate"), &lines(text)).code.name();
        assert_eq!(code("error[E0308]: mismatched types\nerror: could not compile `x`"), "E0902");
        assert_eq!(code("error: No space left on device\nerror: could not compile `x`"), "E0903");
        assert_eq!(code("error: no matching package named `zip` found"), "E0908");
    }

    #[test]
    fn only_the_end_of_a_long_output_is_shown() {
        let text: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let diagnostic = explain(Path::new("crate"), &lines(&(text + "could not compile")));
        assert!(diagnostic.notes[0].starts_with("line 71\n"), "{:?}", diagnostic.notes);
        assert_eq!(diagnostic.notes[1], "the generated crate is in crate");
    }
}
