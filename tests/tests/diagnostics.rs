//! What every diagnostic looks like: the failing example of its page with the message it gives,
//! as a user sees it.

use snnc::diagnostics::{Code, render};
use snnc::driver::{self, Options};
use std::fmt::Write;
use std::path::Path;

/// Codes whose cause is not in a program: a command line, a machine, a run. `compiler/tests`
/// shows these.
const ELSEWHERE: &[&str] = &[
    "E0102", "E0103", "E0104", "E0408", "E0409", "E0607", "E0613", "E0812", "E0813", "E0814",
    "E0901", "E0902", "E0903", "E0904", "E0905", "E0907", "E0908", "E0909", "E0910", "W0812",
];

/// The failing examples of a page.
fn examples(page: &str) -> Vec<&str> {
    page.split("```snn,fails\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(example, _)| example))
        .collect()
}

fn check(text: &str, folder: &Path) -> (Vec<Code>, String) {
    std::fs::write(folder.join("example.snn"), text).unwrap();
    let checked = driver::check(&folder.join("example.snn"), &Options::default());
    let shown = render::render(&checked.diagnostics, &checked.sources, false);
    // The folder is another one at each run.
    let shown = shown.replace(&format!("{}/", folder.display()), "");
    (checked.diagnostics.iter().map(|d| d.code).collect(), shown)
}

/// The files that examples about data name.
fn folder_with_data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
    for entry in std::fs::read_dir(files).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn every_code_has_an_example_that_gives_it() {
    let folder = folder_with_data();
    let mut wrong = String::new();
    for code in Code::ALL {
        let examples = examples(code.explanation());
        if examples.is_empty() && !ELSEWHERE.contains(&code.name()) {
            writeln!(wrong, "{}: no example", code.name()).unwrap();
        }
        for example in examples {
            let (codes, shown) = check(example, folder.path());
            if !codes.contains(code) {
                writeln!(wrong, "{}: gives {codes:?}\n{example}{shown}", code.name()).unwrap();
            }
            let snapshot = format!("{}\n----- gives\n\n{shown}", example.trim_end());
            insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(code.name(), snapshot);
            });
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_pages_say_to_write_instead_has_no_errors() {
    let folder = folder_with_data();
    for code in Code::ALL {
        for rest in code.explanation().split("```snn\n").skip(1) {
            let Some((example, _)) = rest.split_once("```") else { continue };
            let (codes, shown) = check(example, folder.path());
            let errors = codes.iter().any(|c| c.name().starts_with('E'));
            assert!(!errors, "{}: {example}{shown}", code.name());
        }
    }
}

#[test]
fn one_check_shows_several_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "const n = m + 1
process P {
    var a: i8 = 0
    var f: f64 = 0
    phase spk {
        a += 1
        b = 2
        a = f
    }
}
network N { p = P() }
run r of N { steps 3 }
";
    let (codes, shown) = check(text, folder.path());
    let names: Vec<&str> = codes.iter().map(|c| c.name()).collect();
    assert_eq!(names, ["E0401", "E0207", "E0401", "E0203"], "{shown}");
}
