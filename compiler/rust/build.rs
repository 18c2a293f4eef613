//! Embeds the runtime, so that an installed `snnc` can compile networks anywhere.
//!
//! Collects `../runtime/src` and turns `../runtime/Cargo.toml`, which inherits from the
//! workspace, into a manifest that stands alone.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(&var("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = root.join("runtime");
    let mut sources = Vec::new();
    collect(&runtime.join("src"), &mut sources);
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
    let manifest = standalone(&read(&runtime.join("Cargo.toml")), &read(&root.join("Cargo.toml")));
    write(&out.join("runtime_sources.rs"), &text);
    write(&out.join("runtime_manifest.toml"), &manifest);
    write(&out.join("runtime_lock.toml"), &read(&root.join("Cargo.lock")));
    for watched in ["runtime/src", "runtime/Cargo.toml", "Cargo.toml", "Cargo.lock"] {
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
            let line = inherited.map_or(line, |name| lookup(workspace, section, name));
            writeln!(out, "{line}").expect("strings can be written");
        }
    }
    out
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
