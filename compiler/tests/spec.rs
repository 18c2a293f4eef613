//! The pages under `spec/`, the error pages and the README say what is true.

#![allow(clippy::unwrap_used)]

use snn_ir::diagnostics::Code;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The Markdown files of a folder, sorted.
fn pages(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "md"));
    paths.sort();
    paths
}

/// A fenced block of a page.
struct Snippet {
    /// `README.md:12`.
    place: String,
    /// What follows the fence: `snn`, `snn,fails`, …
    kind: String,
    text: String,
}

fn snippets(path: &Path) -> Vec<Snippet> {
    let mut found: Vec<Snippet> = Vec::new();
    let mut open = false;
    for (number, line) in read(path).lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(kind), false) => {
                open = true;
                let place = format!("{}:{}", path.display(), number + 1);
                found.push(Snippet { place, kind: kind.to_owned(), text: String::new() });
            }
            (None, true) => {
                if let Some(snippet) = found.last_mut() {
                    snippet.text += line;
                    snippet.text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    found
}

#[test]
fn snippets_of_the_specification_follow_the_grammar() {
    let mut all = pages("spec");
    all.push(root().join("README.md"));
    let mut seen = 0;
    for snippet in all.iter().flat_map(|page| snippets(page)).filter(|s| s.kind == "snn") {
        let parsed = snn_grammar::parse(&snippet.text);
        assert!(parsed.errors.is_empty(), "{}: {:#?}", snippet.place, parsed.errors);
        let formatted = snn_grammar::format(&snippet.text);
        assert_eq!(formatted.as_ref(), Ok(&snippet.text), "{}: snnc fmt", snippet.place);
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} snippets were found");
}

/// The codes that a program gives, in order of place.
fn codes(text: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snippet.snn");
    std::fs::write(&path, text).unwrap();
    let checked = snnc::driver::check(&snn_data::Disk, &path, &snnc::driver::Options::default());
    checked.diagnostics.iter().map(|d| d.code.name()).collect()
}

#[test]
fn programs_of_the_specification_are_accepted() {
    let mut all = pages("spec");
    all.push(root().join("README.md"));
    let mut wrong = Vec::new();
    for snippet in all.iter().flat_map(|page| snippets(page)).filter(|s| s.kind == "snn") {
        let executed = |line: &str| line.starts_with("run ") || line.starts_with("train ");
        if snippet.text.lines().any(executed) {
            let codes = codes(&snippet.text);
            if !codes.is_empty() {
                wrong.push(format!("{}: {codes:?}", snippet.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut all = pages("spec");
    all.push(root().join("README.md"));
    for page in all {
        // Every second piece is code.
        let text: String = read(&page).split('`').step_by(2).collect();
        for (_, rest) in text.match_indices("](").map(|(i, _)| text.split_at(i + 2)) {
            let target = rest.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let path = page.with_file_name(file);
            assert!(path.exists(), "{} links to {target}", page.display());
        }
    }
}

#[test]
fn every_page_of_a_code_begins_with_its_summary() {
    for code in Code::ALL {
        let page = code.explanation();
        assert!(page.starts_with("# "), "{}: no heading", code.name());
        assert!(!code.summary().ends_with('.'), "{}: the summary has a full stop", code.name());
        assert!(page.lines().count() > 2, "{}: a summary alone explains nothing", code.name());
        assert!(page.ends_with('\n'), "{}: no line break at the end", code.name());
    }
}

/// The groups of codes, as `diagnostics/codes.rs` has them.
const GROUPS: &[(&str, &str)] = &[
    ("01", "Source text"),
    ("02", "Types and shapes"),
    ("03", "Clocks and timing"),
    ("04", "Names"),
    ("05", "Graph"),
    ("06", "Data and import"),
    ("07", "Ranges and bits"),
    ("08", "Placement"),
    ("09", "Execution"),
    ("10", "Training"),
];

fn error_index() -> String {
    let mut page = String::from(
        "# Errors and warnings\n\n\
         Generated from the register of codes. `snnc explain CODE` prints the page of one.\n\
         Errors begin with E, warnings with W. Numbers are never reused.\n",
    );
    for (number, title) in GROUPS {
        let codes: Vec<&Code> =
            Code::ALL.iter().filter(|c| c.name().get(1..3) == Some(number)).collect();
        if codes.is_empty() {
            continue;
        }
        page += &format!("\n## {title}\n\n| code | meaning |\n|---|---|\n");
        for code in codes {
            let (name, summary) = (code.name(), code.summary());
            let link = format!("../compiler/ir/src/diagnostics/explain/{name}.md");
            page += &format!("| [{name}]({link}) | {} |\n", summary.replace('|', "\\|"));
        }
    }
    page
}

#[test]
fn the_error_index_is_fresh() {
    let path = root().join("spec/errors.md");
    let index = error_index();
    for code in Code::ALL {
        assert!(index.contains(code.name()), "{} is in no group of codes", code.name());
    }
    if std::env::var_os("SNNC_UPDATE_SPEC").is_some() {
        std::fs::write(&path, index).unwrap();
        return;
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|old| old == index),
        "spec/errors.md is stale: SNNC_UPDATE_SPEC=1 cargo test -p snnc --test spec"
    );
}
