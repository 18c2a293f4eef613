//! Programs that are checked, and what their messages say to change.

use snn_ir::diagnostics::{Code, Diagnostic, Fix, Help, Severity, fix, render};
use snnc::driver::{self, Checked, Options};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The failing examples of a page.
pub fn examples(page: &str) -> Vec<&str> {
    page.split("```snn,fails\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(example, _)| example))
        .collect()
}

/// A text in a folder, checked.
pub fn checked(text: &str, folder: &Path) -> Checked {
    std::fs::write(folder.join("example.snn"), text).unwrap();
    driver::check(&snn_data::Disk, &folder.join("example.snn"), &Options::default())
}

/// The codes that a text gives, and what is shown.
pub fn check(text: &str, folder: &Path) -> (Vec<Code>, String) {
    let checked = checked(text, folder);
    let shown = render::render(&checked.diagnostics, &checked.sources, false);
    // The folder is another one at each run.
    let shown = shown.replace(&format!("{}/", folder.display()), "");
    (checked.diagnostics.iter().map(|d| d.code).collect(), shown)
}

/// The files that examples about data name.
pub fn folder_with_data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
    for entry in std::fs::read_dir(files).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// How often each message is given.
fn messages(checked: &Checked) -> BTreeMap<(Code, String), usize> {
    let mut counts = BTreeMap::new();
    for d in &checked.diagnostics {
        *counts.entry((d.code, d.message.clone())).or_default() += 1;
    }
    counts
}

/// The text with one change of many made.
fn with_change(checked: &Checked, change: &Fix) -> String {
    let help = Help { text: String::new(), fix: Some(Fix { safe: true, ..change.clone() }) };
    let only = Diagnostic::without_place(Code::E0101, "").help(help);
    let fixed = fix::apply(&[only], 0, &checked.sources.files[0]);
    assert!(!fixed.broken && fixed.left.is_empty(), "{}", fixed.text);
    fixed.text
}

/// Makes every change that messages about a text propose, one at a time, and says of which the
/// message does not go away, or another comes. Gives how many there are.
pub fn follow(text: &str, folder: &Path, wrong: &mut String) -> usize {
    let before = checked(text, folder);
    let counts = messages(&before);
    let mut seen = 0;
    for d in &before.diagnostics {
        for help in &d.helps {
            let Some(change) = &help.fix else { continue };
            seen += 1;
            let changed = with_change(&before, change);
            let after = checked(&changed, folder);
            let new = messages(&after);
            let key = (d.code, d.message.clone());
            let gone = new.get(&key).copied().unwrap_or(0) < counts[&key];
            // With an error gone, later stages have warnings of their own.
            let mut counted = new.iter().filter(|((code, _), _)| {
                d.severity == Severity::Warning || code.severity() == Severity::Error
            });
            let more =
                |(key, n): (&(Code, String), &usize)| *n > counts.get(key).copied().unwrap_or(0);
            if !gone || counted.any(more) {
                let shown = render::render(&after.diagnostics, &after.sources, false);
                writeln!(wrong, "{}: {}\n{changed}{shown}", d.code.name(), help.text).unwrap();
            }
        }
    }
    seen
}

/// Requires that what messages propose for each of these programs mends it.
pub fn mended(all: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = String::new();
    for text in all {
        if follow(text, folder.path(), &mut wrong) == 0 {
            let (_, shown) = check(text, folder.path());
            writeln!(wrong, "no change is proposed:\n{text}{shown}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A program of one process with this body, all of whose mistakes are in it.
pub fn process(body: &str) -> String {
    format!("process P {{\n{body}\n}}\nnetwork N {{ p = P() }}\nrun r of N {{ steps 3 }}\n")
}

/// A program of one network and one run with these members.
pub fn network(network: &str, run: &str) -> String {
    let settings = "models fixed_pt; steps 4";
    format!("network N {{\n{network}\n}}\nrun r of N {{ {settings}; {run} }}\n")
}
