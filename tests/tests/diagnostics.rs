//! What every diagnostic looks like: the failing example of its page with the message it gives,
//! as a user sees it.

use snnc::diagnostics::{Code, Diagnostic, Fix, Help, Severity, fix, render};
use snnc::driver::{self, Checked, Options};
use std::collections::BTreeMap;
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

fn checked(text: &str, folder: &Path) -> Checked {
    std::fs::write(folder.join("example.snn"), text).unwrap();
    driver::check(&folder.join("example.snn"), &Options::default())
}

fn check(text: &str, folder: &Path) -> (Vec<Code>, String) {
    let checked = checked(text, folder);
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
fn follow(text: &str, folder: &Path, wrong: &mut String) -> usize {
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

#[test]
fn what_messages_say_to_change_makes_them_go_away() {
    let folder = folder_with_data();
    let mut wrong = String::new();
    let mut seen = 0;
    for code in Code::ALL {
        for example in examples(code.explanation()) {
            seen += follow(example, folder.path(), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen >= 8, "only {seen} changes were found");
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

/// A program of one process with this body, all of whose mistakes are in it.
fn process(body: &str) -> String {
    format!("process P {{\n{body}\n}}\nnetwork N {{ p = P() }}\nrun r of N {{ steps 3 }}\n")
}

/// A program of one network and one run with these members.
fn network(network: &str, run: &str) -> String {
    let settings = "models fixed_pt; steps 4";
    format!("network N {{\n{network}\n}}\nrun r of N {{ {settings}; {run} }}\n")
}

/// Each kind of name that can be misspelt, and what is not quite what is needed.
#[test]
fn every_kind_of_slip_has_a_change_that_mends_it() {
    let folder = folder_with_data();
    let file = "process Cell { out y: i32; phase spk { y = t } }\n";
    std::fs::write(folder.path().join("cells.snn"), file).unwrap();
    let phase = |stmts: &str| process(&format!("var aaa: int = 0; phase spk {{ {stmts} }}"));
    let cells = "cells = LIF[4](vth: 10)\n";
    let all = [
        // Names of items, of other files, and of what is in them.
        network("cells = LiF[4](vth: 10)", ""),
        format!("use \"cells.snn\"\n{}", network("c = cells.Cel()", "")),
        format!("use \"cells.snn\": Cel\n{}", network("c = Cell()", "")),
        format!("model fixed_pt of LIFF {{ }}\n{}", network(cells, "")),
        format!("const many = 4\n{}", network("cells = LIF[manny](vth: 10)", "")),
        // Parts, ports, parameters, shapes' sizes.
        network(&format!("{cells} cels.s_out -> Dense(weights: eye(4)) -> cells"), ""),
        network(&format!("{cells} cells.s_ot -> Dense(weights: eye(4)) -> cells"), ""),
        network("cells = LIF[4](vht: 10)", ""),
        network(&format!("{cells} cells.s_out.flaten() -> Dense(weights: eye(4)) -> cells"), ""),
        // Variables, functions and their parameters, phases, fields.
        phase("aab = 1"),
        phase("aaa = aab + 1"),
        phase("aaa = abss(aaa)"),
        phase("aaa = sum([aaa], axs: 0)"),
        process("var aaa: int = 0; phase skp { aaa = 1 }"),
        format!("epoch beat = every 3 steps\n{}", phase("if beat.strat { aaa = 1 }")),
        // Resets.
        network(&format!("{cells} reset cels every 10"), ""),
        network(&format!("{cells} reset cells.vv every 10"), ""),
        network(&format!("{cells} reset cells every 10 in post_mgmnt"), ""),
        format!(
            "epoch beat = every 3 steps\n{}",
            network(&format!("{cells} reset cells at beat.strt"), "")
        ),
        format!(
            "epoch beat = every 3 steps\n{}",
            network(&format!("{cells} reset cells at beat.start skew atuo"), "")
        ),
        // What a run says.
        network(cells, "record cells.s_oout"),
        network(cells, "report sum(cells.s_oout)"),
        network(cells, "report raster(cells.s_oout)"),
        network(cells, "model cels = fixed_pt"),
        network(cells, "model LIF = fixd_pt"),
        network(cells, "target rusty"),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(bord: oheo_gulch)",
        ),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(board: oheo_gluch)",
        ),
        network(
            "b = LIF[4](vth: 10)\n a = Dense(weights: 2 * eye(4))\n a -> b",
            "target loihi2(optimize: enrgy)",
        ),
        // Integers, booleans and floats.
        network("cells = LIF[9 / 2](vth: 10)", ""),
        network("cells = LIF[4](vth: 21 / 2)", ""),
        network("cells = LIF[4](vth: 10.5)", ""),
        network("cells = LIF(vth: 10, bias_mant: ones([9 / 2, 3]))", ""),
        phase("aaa = (aaa + 1) / 2 + 1"),
        phase("aaa /= 2"),
        phase("aaa = 0.5 * aaa"),
        phase("let b: i32 = aaa / 2; aaa = b"),
        phase("if not aaa { aaa = 1 }"),
        phase("aaa = int(2.5 * aaa) << 1.5"),
        process("var a: bool; var b: int; phase spk { a = b }"),
        process("var a: f32; var b: f64; phase spk { a = b }"),
        process("var a: i8; phase spk { a += 1 }"),
        // Runs and messages.
        "network N { }\nrun r of N { models fixed_pt }\n".into(),
        "network N { }\nrun r of N { }\n".into(),
        "network N { }\nrun r of N {\n    models fixed_pt\n}\n".into(),
        process("out y: i32[4]; phase spk { y = t where arange(4) == t % 4 }")
            .replace("p = P()", "p = P(); lif = LIF[4](vth: 9); p -> lif"),
        // Weights.
        process("var v: int[3]; var w: int[4]; phase spk { w = ones([3, 4]) @ v }"),
        process("var v: int[3]; var w: int[4]; phase spk { w = v @ ones([4, 3]) }"),
        process("var v: int[3]; var w: int[4]; phase spk { w = v @ ones([3, 4]) }"),
        process("var v: int[2, 2]; var w: int[3]; phase spk { w = ones([3, 4]) @ v }"),
        process("var v: int[3]; phase spk { v = 2 @ v }"),
        // Shapes of arguments and connections.
        network(
            "src = Source(data: ones([1, 6, 6, 1]))\n lif = LIF(vth: 10, bias_mant: [1, 2, 3])\n src -> Conv(weight: ones([3, 3, 3, 1])) -> lif",
            "",
        ),
        network(
            "src = Source(data: ones([1, 2, 3]))\n lif = LIF(vth: 10, bias_mant: ones([6]))\n src -> Dense(weights: ones([6, 6])) -> lif",
            "",
        ),
        network(
            "a = LIF[4](vth: 9)\n b = LIF(vth: 9, bias_mant: ones([2, 2]))\n a -> Dense(weights: eye(4)) -> b",
            "",
        ),
        process("out x: i32[1]; out y: i32[1]; phase spk { x = 1; y = 2 }")
            .replace("p = P()", "p = P(); lif = LIF[1](vth: 9); p -> lif"),
    ];
    let mut wrong = String::new();
    for text in &all {
        if follow(text, folder.path(), &mut wrong) == 0 {
            let (_, shown) = check(text, folder.path());
            writeln!(wrong, "no change is proposed:\n{text}{shown}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Requires that what messages propose for each of these programs mends it.
fn mended(all: &[String]) {
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

#[test]
fn connections_that_are_none_have_a_change_that_mends_them() {
    let two = "process Two {
    in p: spike[4]; in q: spike[4]; out a: spike[4]; out b: spike[4]
    phase spk { a = p; b = q }
}
process Join { in p: spike[4]; in q: spike[4]; out a: spike[4]; phase spk { a = p and q } }
process Split { in p: spike[4]; out a: spike[4]; out b: spike[4]; phase spk { a = p; b = p } }
";
    let parts = "x = LIF[4](vth: 3)\n y = Dense(weights: 2 * eye(4))\n";
    let all = [
        // Which port: of a part or of what has no name, at the ends of a chain and in the middle.
        "Two() -> y",
        "x -> Two()",
        "x -> Join() -> y",
        "x -> Split() -> y",
        "j = Join()\n x -> j -> y",
        "s = Split()\n x -> s -> y",
        // The wrong way round, and the wrong one of two ports.
        "x.a_in -> y.a_out",
        "y.a_out -> x.s_out",
        "x.a_in -> y",
        // A view is of what is sent.
        "s = Source(data: ones([4, 2, 2]))\n s -> y.flatten()",
        "s = Source(data: ones([4, 2, 2]))\n s -> y.reshape([2, 2]).flatten()",
        // Twice: a line, the beginning, the end and the middle of a chain.
        "x -> y\n    x -> y",
        "x -> y; x -> y",
        "x -> y -> x\n x -> y",
        "x -> y\n x -> y -> x",
        "y -> x\n x -> y -> x",
        "z = LIF[4](vth: 3)\n w = Dense(weights: 2 * eye(4))\n y -> z\n x -> y -> z -> w",
    ];
    mended(
        &all.map(|connections| two.to_owned() + &network(&format!("{parts} {connections}"), "")),
    );
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

/// The range of a parameter holds for arguments of every type, and has values.
#[test]
fn ranges_of_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let program = |params: &str, arg: &str| {
        format!(
            "const top = 5\nprocess P({params}) {{ var x: f64; phase spk {{ x = a }} }}\n{}",
            network(&format!("p = P({arg})"), "")
        )
    };
    let said = |params: &str, arg: &str| check(&program(params, arg), folder.path()).0;
    assert_eq!(said("a = 3 in 0..=top", "a: 6"), [Code::E0701]);
    assert_eq!(said("a = 3 in 0..=top", "a: [5, 6]"), [Code::E0701]);
    assert_eq!(said("a = 3 in 0..=top", "a: 5"), []);
    mended(&[
        program("a: int = 3 in top..2", ""),
        program("a: f64 = 5 in top..top", ""),
        program("a = 3 in 5.0..=0.5", ""),
        // Of what no run uses.
        "network N(n: int in 3..3) { }".into(),
    ]);
}

/// Layers of which some are reset at other steps than messages allow.
const LAYERS: &str = "epoch sample = every 20 steps
process Input { out s: spike[4]; phase spk { s = [true, false, true, true] } }
network Net {
    input = Input()
    one = LIF[4](vth: 1, du: 4095, dv: 4096)
    two = LIF[4](vth: 1, du: 4095, dv: 4096)
    input -> Dense(weights: 2 * eye(4)) -> one -> Dense(weights: 2 * eye(4)) -> two
    RESET
}
run sim of Net { models fixed_pt; steps 100 }
";

/// A readout that closes at some steps.
const READOUT: &str = "epoch image = every 8 steps
process Show {
    out s: spike[4]
    out label: i32
    phase spk { s = [true, true, false, true] }
    phase post_mgmt when image.start { label = image.index }
}
process Vote {
    in s: spike[3]
    in label: i32
    var count: i32[3] = 0
    var result: i32[3] = 0
    var truth: i32 = 0
    phase spk { count += s }
    phase post_mgmt CLOSE
}
network Net {
    show = Show()
    cells = LIF(vth: 3, du: 4095, dv: 4096)
    vote = Vote()
    show.s -> Dense(weights: full([3, 4], 2)) -> cells -> vote.s
    show.label -> vote.label
    reset cells at image.start skew auto
}
run sim of Net { models fixed_pt; steps 80 }
";

#[test]
fn steps_that_do_not_fit_have_a_change_that_mends_them() {
    let layers = [
        "reset one.{u, v} at sample.start\n reset two at sample.start skew auto",
        "reset {one, two} at sample.start skew none",
        "reset one at sample.start skew auto\n reset two every 20 offset 9",
        "reset one at sample.start skew auto\n reset two every 10 + 10 in post_mgmt",
        "reset one every 20 offset 2 in host\n reset two at sample.start in host",
        "reset one.u every 20\n reset one.v every 20\n reset two at sample.start skew auto",
        // Two ways of different length, and a reset that fits when they are equal or does not.
        "input -> Dense(weights: 2 * eye(4)) -> two\n reset {one, two}.v at sample.start skew auto",
        "s = Sparse[4, 4](2 * eye(4), num_weight_bits: 8)\n input -> s -> two
    reset one at sample.start skew auto\n reset two every 20 offset 12",
    ];
    let readouts = [
        "when image.end { result = count; truth = label; count = 0 }",
        "{ if t % 8 == 0 { result = count; truth = label; count = 0 } }",
        "when t % 8 == 0 and t > 16 { result = count; count = 0 }",
        "when t % 8 == 3 and t > 8 { result = count; count = 0 }",
    ];
    let layers = layers.map(|reset| LAYERS.replace("RESET", reset));
    let readouts = readouts.map(|close| {
        let text = READOUT.replace("CLOSE", close);
        // A label that nobody reads is not sent.
        if close.contains("label") {
            return text;
        }
        text.replace("    show.label -> vote.label\n", "").replace("    in label: i32\n", "")
    });
    mended(&layers);
    mended(&readouts);
}

/// A loss that is meant: what accepts it stands before the statement and its documentation.
#[test]
fn losses_are_accepted_where_the_message_says() {
    let weights = "Dense(weights: [[3, -3, 1, -1]])";
    mended(&[
        network(&format!("s = Source(data: eye(4))\n    s -> {weights} -> LIF(vth: 10)"), ""),
        network(&format!("s = Source(data: eye(4)); d = {weights}; s -> d -> LIF(vth: 10)"), ""),
        "/// Weights that are cut.\n/// On purpose.\nnetwork N(w: int = 3) {
    Source(data: eye(4)) -> Dense(weights: full([1, 4], w)) -> LIF(vth: 10)
}
run r of N { models fixed_pt; steps 4 }
"
        .replace("full([1, 4], w)", "w * [[1, -1, 1, 1]]"),
    ]);
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
