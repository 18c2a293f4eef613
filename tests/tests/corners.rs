//! Corners of arithmetic: what is known before the first step, what the executor computes and
//! what generated code does are the same bits.

use snn_tests::program;
use std::fmt::Write;

/// An expression of `a` and `b`, their type and values, the type of the result, and the result.
struct Case {
    text: &'static str,
    operands: (&'static str, &'static str, &'static str),
    result: &'static str,
    value: f64,
}

const fn case(
    text: &'static str,
    operands: (&'static str, &'static str, &'static str),
    result: &'static str,
    value: f64,
) -> Case {
    Case { text, operands, result, value }
}

const INF: f64 = f64::INFINITY;
const LEAST: &str = "-9223372036854775807 - 1";
const NAN_FIRST: &str = "[0.0 / 0.0, 1.0, 2.0]";
const ALL_NAN: &str = "[0.0 / 0.0, 0.0 / 0.0, 0.0 / 0.0]";

const CASES: [Case; 26] = [
    case("a ** b", ("int", "2", "-1"), "f64", 0.5),
    case("a ** b", ("int", "-3", "3"), "f64", -27.0),
    case("a ** b", ("f64", "3.0", "2.0"), "f64", 9.0),
    case("1.0 / (a % b)", ("f64", "-4.0", "2.0"), "f64", INF),
    case("1.0 / (a % b)", ("f64", "4.0", "-2.0"), "f64", -INF),
    case("a % b", ("f64", "-7.0", "3.0"), "f64", 2.0),
    case("a % b", ("f64", "-3.0", "1.0 / 0.0"), "f64", INF),
    case("a % b", ("f64", "3.0", "1.0 / 0.0"), "f64", 3.0),
    case("argmax(a)", ("f64[3]", NAN_FIRST, "0.0"), "int", 2.0),
    case("argmax(a)", ("f64[3]", ALL_NAN, "0.0"), "int", 0.0),
    case("argmax(a)", ("f64[3]", "[-1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0]", "0.0"), "int", 0.0),
    case("max(a)", ("f64[3]", NAN_FIRST, "0.0"), "f64", f64::NAN),
    case("min(a, b)", ("f64", "1.0", "0.0 / 0.0"), "f64", f64::NAN),
    case("1.0 / min(a, b)", ("f64", "0.0", "-0.0"), "f64", -INF),
    case("1.0 / min(a, b)", ("f64", "-0.0", "0.0"), "f64", INF),
    case("1.0 / max(a, b)", ("f64", "0.0", "-0.0"), "f64", -INF),
    case("div(a, b)", ("int", LEAST, "-1"), "int", i64::MIN as f64),
    case("a % b", ("int", "-7", "0"), "int", 0.0),
    case("a << b", ("int", "3", "64"), "int", 0.0),
    case("a >> b", ("int", "-3", "99"), "int", -1.0),
    case("a >> b", ("int", "-3", "-1"), "int", 0.0),
    case("decay(a, b)", ("int", "2251799813685248", "0"), "int", -2251799813685248.0),
    case("round(a)", ("f64", "2.5", "0.0"), "f64", 2.0),
    case("int(a)", ("f64", "0.0 / 0.0", "0.0"), "int", 0.0),
    // In double precision these would be other numbers.
    case("a ** b", ("f32", "f32(1.1)", "f32(7.3)"), "f32", 0.0),
    case("exp(a) + sin(b)", ("f32", "f32(1.7)", "f32(0.3)"), "f32", 0.0),
];

#[test]
fn corners_are_the_same_wherever_they_are_computed() {
    let mut text = String::from("process P {\n");
    let mut spk = String::new();
    for (n, Case { text: case, operands: (ty, a, b), result, .. }) in CASES.iter().enumerate() {
        let scalar = ty.split('[').next().unwrap();
        writeln!(text, "    var a{n}: {ty} = {a}\n    var b{n}: {scalar} = {b}").unwrap();
        writeln!(text, "    var known{n}: {result} = 7\n    var found{n}: {result} = 8").unwrap();
        let with = |a: &str, b: &str| {
            let replaced = |c| match c {
                'a' => a.to_string(),
                'b' => b.to_string(),
                other => String::from(other),
            };
            // Names of functions have letters before or after.
            let letters: Vec<char> = case.chars().collect();
            let alone = |i: usize| {
                let letter = |i: usize| letters.get(i).is_some_and(|c| c.is_alphabetic());
                !letter(i + 1) && (i == 0 || !letter(i - 1))
            };
            let pieces = letters.iter().enumerate();
            pieces.map(|(i, c)| if alone(i) { replaced(*c) } else { c.to_string() }).collect()
        };
        let known: String = with(&format!("({a})"), &format!("({b})"));
        let found: String = with(&format!("a{n}"), &format!("b{n}"));
        writeln!(spk, "        known{n} = {known}\n        found{n} = {found}").unwrap();
    }
    writeln!(text, "    phase spk {{\n{spk}    }}\n}}\nnetwork Net {{ p = P() }}").unwrap();
    writeln!(text, "run all of Net {{\n    models fixed_pt\n    steps 1\n    record p.*\n}}")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("corners.snn");
    std::fs::write(&file, text).unwrap();
    let run = program::check(&file, &[]);
    let executed = program::executed(&run.ir);
    let generated = program::generated(&run.ir, 1);
    for (n, case) in CASES.iter().enumerate() {
        let (what, operands) = (case.text, case.operands);
        let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        let value = |of: &program::Array| of.values.last().copied().unwrap();
        let known = value(&executed[&format!("p.known{n}")]);
        if case.result != "f32" {
            assert_eq!(bits(known), bits(case.value), "{what} of {operands:?} is {known}");
        }
        for found in [
            value(&executed[&format!("p.found{n}")]),
            value(&generated[&format!("p.known{n}")]),
            value(&generated[&format!("p.found{n}")]),
        ] {
            assert_eq!(bits(found), bits(known), "{what} of {operands:?}: {found}, not {known}");
        }
    }
}

/// `[0, 1]` and `[-0, 1]` are two constants.
#[test]
fn constants_with_zeros_of_different_signs_are_kept_apart() {
    let text = "process P {
    var x: f64[2] = [0.0, 1.0]
    var y: f64[2] = [-0.0, 1.0]
    var u: f64[2] = 0
    var v: f64[2] = 0
    phase spk { u = 1.0 / x; v = 1.0 / y }
}
network Net { p = P() }
run all of Net {
    models fixed_pt
    steps 1
    record p.u
    record p.v
}
";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeros.snn");
    std::fs::write(&file, text).unwrap();
    let run = program::check(&file, &[]);
    for found in [program::executed(&run.ir), program::generated(&run.ir, 1)] {
        assert_eq!(found["p.u"].values, [INF, 1.0]);
        assert_eq!(found["p.v"].values, [-INF, 1.0]);
    }
}

/// No value has 64 bits without a sign.
#[test]
fn unsigned_64_bits_are_refused_with_advice() {
    for declared in ["var x: u64 = 0", "var x: int = u64(3)"] {
        let text = format!(
            "process P {{\n    {declared}\n    phase spk {{ x = 1 }}\n}}\nnetwork Net {{ p = P() }}\n\
             run all of Net {{\n    models fixed_pt\n    steps 1\n    record p.x\n}}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wide.snn");
        std::fs::write(&file, text).unwrap();
        let checked =
            snnc::driver::check(&snn_data::Disk, &file, &snnc::driver::Options::default());
        let said =
            snn_ir::diagnostics::render::render(&checked.diagnostics, &checked.sources, false);
        assert!(said.contains("error") && said.contains("write `i64"), "{declared}:\n{said}");
    }
}
