//! What no run uses is checked as well: what every use of it would show is an error, and nothing
//! else is.

use snn_grammar::ast::ItemKind;
use snn_ir::diagnostics::{Code, Severity, render};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snnc::driver::{self, Options};
use std::path::Path;

/// The errors of a file: codes, and as they are shown.
fn errors(file: &Path) -> (Vec<Code>, String) {
    let mut checked = driver::check(&snn_data::Disk, file, &Options::default());
    checked.diagnostics.retain(|d| d.severity == Severity::Error);
    let shown = render::render(&checked.diagnostics, &checked.sources, false);
    (checked.diagnostics.iter().map(|d| d.code).collect(), shown)
}

fn errors_of(text: &str) -> (Vec<Code>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.snn");
    std::fs::write(&file, text).unwrap();
    let (codes, shown) = errors(&file);
    (codes, shown.replace(&format!("{}/", folder.path().display()), ""))
}

/// The same text without its runs.
fn without_runs(text: &str) -> String {
    let mut text = text.to_owned();
    let file = snn_grammar::parse(&text).file;
    for item in file.items.iter().rev().filter(|item| matches!(item.kind, ItemKind::Run(_))) {
        text.replace_range(item.span.start as usize..item.span.end as usize, "");
    }
    text
}

/// A program that some run shows to be right is right without it.
#[test]
fn what_a_run_accepts_is_accepted_without_it() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let (cases, seed) = (number("SNNC_CASES").unwrap_or(300), number("SNNC_SEED").unwrap_or(1));
    let mut compared = 0;
    for n in 0..cases {
        let program = numbered(seed, n, Features::TODAY).program;
        let folder = tempfile::tempdir().unwrap();
        let file = program.write(folder.path(), &|text| text).unwrap();
        if !errors(&file).0.is_empty() {
            continue;
        }
        let file = program.write(folder.path(), &|text| without_runs(&text)).unwrap();
        let (codes, shown) = errors(&file);
        assert_eq!(codes, [], "program {n} of seed {seed}:\n{shown}\n{program}");
        compared += 1;
    }
    assert!(compared * 10 > cases * 9, "only {compared} of {cases} were accepted with a run");
}

/// Each with what it gives; several uses of it exist, and all are wrong.
#[test]
fn what_every_use_shows_is_an_error() {
    let process = |head: &str, body: &str| format!("process P{head} {{\n{body}\n}}\n");
    let mut shown = String::new();
    for (text, code) in [
        // Sizes that differ whatever the parameters are.
        (process("[n]", "in a: i32[n, 3]; in b: i32[n, 4]; var v: i64[n, 3]; phase spk { v = a + b }"), Code::E0202),
        (process("[n]", "in a: i32[n, 3]; var v: i32[n, 4]; phase spk { v = a }"), Code::E0201),
        (process("[m, n]", "in a: i32[m, n]; var v: i32[m]; phase spk { v = a[1, 2, 3] }"), Code::E0202),
        (process("[n]", "in a: i32[n]; var v: i32 = 0; phase spk { if a > 0 { v = 1 } }"), Code::E0202),
        (process("[n]", "in a: i32[n]; out y: i32[n]; phase spk { y = ones([2, n + 1]) @ a }"), Code::E0202),
        (process("(w: int[3] = [1, 2])", "in a: i32; var v: i32; phase spk { v = a }"), Code::E0201),
        // Kinds, arguments, phases, ports.
        (process("[*s](gain: int)", "in a: i32[*s]; out y: i32[*s]; phase spk { y = 0.5 * gain * a }"), Code::E0203),
        (process("(k: int = 1.5)", "in a: i32; var v: i32; phase spk { v = a }"), Code::E0203),
        (process("(k: int)", "in a: i32; var v: i32; phase spk { v = decay(a) }"), Code::E0209),
        (process("[n](k: int)", "in a: i32[n]; out y: i32[n]; phase spk { y = a }\nphase lrn { y = k * a }"), Code::E0303),
        (process("(k: int)", "in a: i32; phase spk { a = k }"), Code::E0211),
        (process("(k: int in 2..5)", "in a: i32; var v: i8; phase spk { v = a }"), Code::E0207),
        (process("(k: int in 5..2)", "in a: i32; var v: i32; phase spk { v = a }"), Code::E0703),
        // Networks, with parameters and without, each for whatever models.
        ("network N(m: int = 3) { a = LIF[m](vth: 10); reset a.w every m }\n".into(), Code::E0406),
        ("network N(m: int = 3) { a = LIF[m](vht: 10) }\n".into(), Code::E0209),
        ("network N { a = LIF[4](vth: 10); b = LIF[5](vth: 10); a -> Dense(weights: ones([4, 4])) -> b }\n".into(), Code::E0201),
        ("network N[n] { in x: i32[n]; a = LIF[n](vth: 9); b = LIF[n + 1](vth: 9); a -> Dense(weights: ones([n, n])) -> b; x -> a }\n".into(), Code::E0201),
        ("network N { p = P(); p -> p }\nprocess P { in a: i32; out y: i32; phase spk { y = a } }\n".into(), Code::E0501),
    ] {
        let (codes, message) = errors_of(&text);
        assert_eq!(codes, [code], "{text}{message}");
        shown += &message;
    }
    insta::assert_snapshot!(shown);
}

/// Each is wrong in some use, and right in another.
#[test]
fn what_some_use_makes_right_is_no_error() {
    for text in [
        "process P[m, n](w: int[m, n]) { in a: i32[n]; out y: i32[m]; phase spk { y = w @ a + a } }",
        "process P[n] { in a: i32[n]; var v: i32[4]; phase spk { v = a } }",
        "process P[n] { in a: i32[n]; var v: i32; phase spk { v = a[5] } }",
        "process P[n, k] { in a: i32[n]; var v: i32[3, 4]; phase spk { v = a.reshape([3, k]) } }",
        "process P[*s] { in a: i32[*s]; var v: i32; phase spk { if a > 0 { v = 1 } } }",
        "process P[*s] { in a: i32[*s]; var v: i32[2, 3]; phase spk { v = a } }",
        "process P(k: int) { in a: i32; out y: i32; phase spk when t % k == 0 { y = a } }",
        "process P(k: int) { in a: i32; var v: i8; phase spk { v = k } }",
        "process P(w) { in a: i32[3]; var v: i32[3]; phase spk { v = w @ a } }",
        "process P(w = 1) { in a: i32[3]; var v: i32[3]; phase spk { v = w @ a } }",
        "process P(k: bool) { in a: i32[3]; var v: i32[3]; phase spk { v = where(k, a, 0) } }",
        "network N[n] { in x: i32[n]; a = LIF(vth: 10); x -> Dense(weights: ones([4, 7])) -> a }",
        "network N(w) { in x: i32[3]; a = LIF(vth: 10); x -> Dense(weights: w) -> a }",
        "network N { in x: i32; out y: spike; a = LIF(vth: 10); x -> a -> y }",
        "network N { a = LIF(vth: 10) }",
        "network N { a = P(); b = P(); a -> b }\nprocess P { in a: i32; out y: i32 }\n\
         model one of P { phase spk { y = a } }\nmodel two of P { phase spk { y = 1 } }",
    ] {
        let (codes, message) = errors_of(&format!("{text}\n"));
        assert_eq!(codes, [], "{text}\n{message}");
    }
}
