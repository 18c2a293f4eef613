//! What every diagnostic looks like: the failing example of its page with the message it gives,
//! as a user sees it.

use snn_ir::diagnostics::{Code, Diagnostic, render};
use snn_tests::checked::{check, checked, examples, folder_with_data, network, process};
use std::fmt::Write;

/// Codes whose cause is not in a program: a command line, a machine, a run. `compiler/tests`
/// shows these.
const ELSEWHERE: &[&str] = &[
    "E0102", "E0103", "E0104", "E0408", "E0409", "E0607", "E0613", "E0809", "E0811", "E0812",
    "E0813", "E0814", "E0815", "E0901", "E0902", "E0903", "E0904", "E0905", "E0907", "E0908",
    "E0909", "E0910", "E0911", "E1012", "E1013", "E1014", "W0812",
];

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

/// One number where a matrix is needed is reported where it is given, not where it is used.
#[test]
fn one_number_for_a_matrix_is_reported_at_the_argument() {
    let folder = tempfile::tempdir().unwrap();
    let parts = [
        ("Dense(weights: 3) -> LIF[2](vth: 3)", "E0201", "3"),
        ("Sparse(2 + 1) -> LIF[2](vth: 3)", "E0201", "2 + 1"),
        ("DelayDense(weights: 3, delays: 1)", "E0201", "3"),
        // The sizes are not known; why is said as well.
        ("Dense(weights: 3)", "E0206", "Dense(weights: 3)"),
    ];
    for (part, code, place) in parts {
        let text = network(&format!("Source(data: ones([4, 2])) -> {part}"), "");
        let checked = checked(&text, folder.path());
        let shown = render::render(&checked.diagnostics, &checked.sources, false);
        let [d] = checked.diagnostics.as_slice() else { panic!("{shown}") };
        let first = d.labels[0].loc;
        assert_eq!((d.code.name(), first.file), (code, 0), "{shown}");
        assert_eq!(checked.sources.line(first), place, "{shown}");
        assert!(shown.contains("one number"), "{shown}");
    }
    let conv = network("Source(data: ones([4, 8, 8, 1])) -> Conv(weight: 3)", "");
    let (codes, shown) = check(&conv, folder.path());
    assert_eq!(codes, [Code::E0201], "{shown}");
    // Where each element is used by itself, one number is right.
    let delays = "Source(data: ones([4, 2])) -> DelayDense(weights: eye(2), delays: 1)";
    assert_eq!(check(&network(delays, ""), folder.path()).0, []);
}

/// What is wrong in one place hides nothing that is wrong in others.
#[test]
fn every_independent_mistake_is_said_in_one_round() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
process Bad {
    in x: i32
    out y: i32
    var v: i32
    phase spk { v = nothing; y = x }
}
network N {
    a = LIF[4](vth: 10, bias_mant: 1)
    b = LIF[5](vth: 10)
    a -> Dense(weights: ones([5, 5])) -> b
    e = Dense(wieghts: ones([3, 5]))
    f = LIF[3, 3](vht: 10)
    g = Nothing()
    g -> h
    g.v -> f.a_in
    b.s_oot -> e
    reset q every 3
    reset g.v every 0
    k = Bad()
    k.y -> k.x
}
run r of N {
    model c = fixed_pt
    model g = fixed_pt
    record a.vv
    record g.v
    record b.v at ende
    report sum(a.s_outt)
    report raster(f.s_uot)
    expect sum(b.v) > least
}
";
    let expected = [
        ("E0401", 5),
        ("E0201", 10),
        ("E0209", 11),
        ("E0209", 12),
        ("E0401", 13),
        ("E0401", 14),
        ("E0401", 16),
        ("E0406", 17),
        ("E0210", 22),
        ("E0406", 23),
        ("E0406", 25),
        ("E0401", 27),
        ("E0406", 28),
        ("E0406", 29),
        ("E0401", 30),
    ];
    let checked = checked(text, folder.path());
    let shown = render::render(&checked.diagnostics, &checked.sources, false);
    let line = |d: &Diagnostic| {
        let start = d.labels.first().map_or(0, |l| l.loc.span.start as usize);
        1 + text[..start].matches('\n').count()
    };
    let found: Vec<(&str, usize)> =
        checked.diagnostics.iter().map(|d| (d.code.name(), line(d))).collect();
    assert_eq!(found, expected, "{shown}");
}

/// What disagrees with each other is shown at both places, once.
#[test]
fn one_mistake_is_one_error_that_shows_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let programs = [
        // A value a channel, as NumPy would spread it.
        network(
            "    src = Source(data: ones([1, 6, 6, 1]))
    lif = LIF(vth: 10, bias_mant: [1, 2, 3])
    src -> Conv(weight: ones([3, 3, 3, 1])) -> lif
    lif.s_out.flatten() -> Dense(weights: ones([2, 48])) -> LIF(vth: 10)",
            "",
        ),
        // An argument between two connections that agree with each other.
        network(
            "    src = Source(data: ones([9, 6]))
    mid = LIF(vth: 10, bias_mant: ones([7]))
    src -> Dense(weights: ones([5, 6])) -> mid -> Dense(weights: ones([4, 5])) -> LIF(vth: 9)",
            "",
        ),
        // Two arguments of one process.
        network("    lif = LIF(vth: [10, 11], bias_mant: [1, 2, 3])", ""),
        // Sizes that are given.
        network(
            "    a = LIF[3](vth: 9)\n    b = LIF[4](vth: 9)\n    a -> Dense(weights: eye(3)) -> b",
            "",
        ),
    ];
    let mut all = String::new();
    for program in programs {
        let (codes, shown) = check(&program, folder.path());
        assert_eq!(codes.iter().filter(|c| c.name() == "E0201").count(), 1, "{program}{shown}");
        all += &shown;
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_declared_wrong_is_known_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let text = process(
        "    in x: i32[3]
    var a: i8 = 300
    var b: i8 = 400
    phase spk {
        let c = x[7]
        let d = c + 1
        a = d
        b = e
    }",
    );
    let (codes, shown) = check(&text, folder.path());
    let names: Vec<&str> = codes.iter().map(|c| c.name()).collect();
    assert_eq!(names, ["E0701", "E0701", "E0208", "E0401"], "{shown}");
}

#[test]
fn an_index_into_a_port_names_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let text = process("in x: i32[3]\nvar a: int\nphase spk { a = x[t] }");
    let (_, shown) = check(&text, folder.path());
    assert!(shown.contains("`p.x` has 3 entries, and entry 3 is used"), "{shown}");
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
