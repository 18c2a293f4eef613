//! Embeds the runtime, so that an installed `snnc` can compile networks anywhere.
//!
//! Collects the sources of `runtime` and of `runtime/core` in it, and turns their manifests, which
//! inherit from the workspace, into manifests that stand alone.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(&var("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = root.join("runtime");
    let mut sources = Vec::new();
    collect(&runtime.join("src"), &mut sources);
    collect(&runtime.join("core/src"), &mut sources);
    sources.sort();
    let mut text = String::from("&[\n");
    for path in &sources {
        let name = path.strip_prefix(&runtime).expect("sources lie in the runtime's folder");
        let name = name.to_str().expect("source names are UTF-8").replace('\\', "/");
        let path = path.canonicalize().expect("a source that was just listed");
        writeln!(text, "({name:?}, include_str!({path:?})),").expect("strings can be written");
    }
    text.push_str("]\n");
    let out = PathBuf::from(var("OUT_DIR"));
    let workspace = read(&root.join("Cargo.toml"));
    let manifest = |path| standalone(&read(&runtime.join(path)), &workspace);
    write(&out.join("runtime_sources.rs"), &text);
    write(&out.join("runtime_manifest.toml"), &manifest("Cargo.toml"));
    write(&out.join("core_manifest.toml"), &manifest("core/Cargo.toml"));
    write(&out.join("runtime_lock.toml"), &read(&root.join("Cargo.lock")));
    for watched in ["runtime/src", "runtime/core", "runtime/Cargo.toml", "Cargo.toml", "Cargo.lock"]
    {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
}

/// The manifest with what it inherits filled in, and only what a dependent needs.
fn standalone(manifest: &str, workspace: &str) -> String {
    let mut out = String::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
            if wanted(section) {
                writeln!(out, "{line}").expect("strings can be written");
            }
        } else if wanted(section) && !line.starts_with('#') {
            let inherited = line.strip_suffix(".workspace = true");
            let line = inherited.map_or_else(
                || with_features(workspace, section, line),
                |name| lookup(workspace, section, name).to_string(),
            );
            // Paths of the workspace begin at its root.
            writeln!(out, "{}", line.replace("\"runtime/", "\"")).expect("strings can be written");
        }
    }
    out
}

/// A line as `name = { workspace = true, … }`: with what the workspace says of it.
fn with_features(workspace: &str, section: &str, line: &str) -> String {
    let Some((name, rest)) = line.split_once(" = { workspace = true, ") else {
        return line.to_string();
    };
    let said = lookup(workspace, section, name);
    let (_, version) = said.split_once(" = ").unwrap_or_else(|| panic!("{said} says no version"));
    let version = match version.strip_prefix("{ ").and_then(|v| v.strip_suffix(" }")) {
        Some(table) => table.to_string(),
        None => format!("version = {version}"),
    };
    format!("{name} = {{ {version}, {rest}")
}

fn wanted(section: &str) -> bool {
    ["[package]", "[dependencies]", "[features]"].contains(&section)
}

fn lookup<'w>(workspace: &'w str, section: &str, name: &str) -> &'w str {
    let heading = section.replace('[', "[workspace.");
    let mut lines = workspace.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .find(|line| line.split([' ', '=']).next() == Some(name))
        .unwrap_or_else(|| panic!("{heading} has no {name}"))
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the runtime's sources lie beside the compiler") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn var(name: &str) -> String {
    std::env::var(name).expect("Cargo sets it for build scripts")
}
