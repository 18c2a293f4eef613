//! What every diagnostic looks like: the failing example of its page with the message it gives,
//! as a user sees it.

use snnc::diagnostics::{Code, render};
use snnc::driver::{self, Options};
use std::fmt::Write;
use std::path::Path;

/// Codes whose cause is not in a program: a command line, a machine, a run. `compiler/tests`
/// shows these.
const ELSEWHERE: &[&str] = &[
    "E0102", "E0103", "E0104", "E0408", "E0409", "E0607", "E0613", "E0809", "E0811", "E0812",
    "E0813", "E0814", "E0815", "E0901", "E0902", "E0903", "E0904", "E0905", "E0907", "E0908",
    "E0909", "E0910", "W0812",
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

/// What is wrong in a library shows where the program causes it.
#[test]
fn geometry_of_convolutions() {
    let folder = tempfile::tempdir().unwrap();
    let parts = [
        "large = Conv(weight: ones([6, 5, 2, 4]))",
        "split = Conv(weight: ones([6, 3, 2, 2]), groups: 3)",
        "deep = Conv(weight: ones([6, 3, 2, 2]))",
        "still = Conv(weight: ones([6, 3, 2, 4]), stride: [1, 0])",
        "flat = Conv(weight: ones([6, 3, 2]))",
    ];
    let mut all = String::new();
    for part in parts {
        let name = part.split_once(' ').unwrap().0;
        let text = format!(
            "network N {{\n    {part}\n    Source(ones([9, 3, 8, 4])) -> {name}\n}}\n\
             run sim of N {{ steps 9 }}\n"
        );
        let (_, shown) = check(&text, folder.path());
        all += &shown;
    }
    insta::assert_snapshot!(all);
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

/// A port is left open on purpose where the process sends without it, and nowhere else.
#[test]
fn open_ports_of_what_sends_by_itself_are_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let processes = "
process Noise { in a_in: i32[4]; out s_out: spike[4]; phase spk { s_out = random(1, [4]) < 0.5 } }
process Late { in a_in: i32; out s_out: spike; phase spk { s_out = a_in != 0 or t == 9 } }
process Slow { in a_in: i32; out s_out: spike; var a: i32 = 0; var b: i32 = 0
    phase spk { s_out = b != 0; b = a + a_in; a = 1 } }
process Votes { in s_in: spike; out o: i32; var n: i32[9] = 0; var k: i32 = 0
    phase spk { n[k % 9] = s_in; k += 1; o = n[0] } }
process Two { in a: i32; in b: i32; out o: i32; phase spk { o = a + b + 1 } }
";
    let warned = |parts: &str| {
        let text = format!(
            "{processes}network N {{\n{parts}\n}}\nrun r of N {{ models fixed_pt; steps 9 }}"
        );
        let (codes, shown) = check(&text, folder.path());
        assert!(codes.iter().all(|code| *code == Code::W0401), "{shown}");
        codes.len()
    };
    for (parts, times) in [
        ("x = LIF[3](bias_mant: 1)", 0),
        ("x = LIF[3](bias_mant: [0, 0, 2])", 0),
        ("x = LIF[3]()", 1),
        ("x = LIF[3](bias_mant: 0, vth: [5, 6, 7])", 1),
        ("x = LIFReset[3](bias_mant: 1, reset_interval: 5)", 0),
        ("x = LIFReset[3](reset_interval: 5)", 1),
        ("x = TernaryLIF[3](bias_mant: -1)", 0),
        ("x = TernaryLIF[3]()", 1),
        ("x = Dense(weights: [[1, 2]])", 1),
        ("x = DelayDense(weights: [[1, 2]], delays: [[1, 3]])", 1),
        ("x = Conv[5, 5, 1, 1, 2, 2, 1](weight: ones([1, 2, 2, 1]))", 1),
        ("x = Noise()", 0),
        ("x = Late()", 0),
        ("x = Slow()", 0),
        ("x = Votes()", 1),
        ("x = Two()", 0),
        // One of its inputs is connected, so that the other may have been forgotten.
        ("x = Two()\n y = Two()\n y.o -> x.a", 1),
    ] {
        assert_eq!(warned(parts), times, "{parts}");
    }
    let float =
        "network N { x = LIF[3](bias_mant: 0.5) }\nrun r of N { models floating_pt; steps 9 }";
    assert_eq!(check(float, folder.path()).0, []);
    assert_eq!(check(&float.replace("0.5", "0.0"), folder.path()).0, [Code::W0401]);
}
