//! Tabulated encoders: the same results as the encoders they replace.

use snn_tests::program;
use snn_tests::programs::engine::{divined, executed};
use std::sync::Arc;

/// A program with an encoder that does `spk` at every step and `take` when a row comes.
fn program(state: &str, spk: &str, take: &str) -> String {
    format!(
        "data rows = uniform(0, 256, shape: [12, 80], seed: 1)
epoch win = every 9 steps
process Enc(rows: u8[k, 80]) {{
    out s: spike[80]
    var x: {state}[80] = 0
    var v: {state}[80] = 0
    var next: int = 0
    phase spk {{ {spk} }}
    phase post_mgmt when win.start {{ {take}; next += 1 }}
}}
process Sum {{
    in s: spike[7]
    var n: i32[7] = 0
    phase spk {{ n += s }}
}}
network Net {{
    enc = Enc(npy(\"rows.npy\"))
    lif = LIF(vth: 40, dv: 100, du: 4000)
    sum = Sum()
    enc -> Dense(uniform(-5, 10, shape: [7, 80], seed: 2)) -> lif -> sum
    enc -> Dense(uniform(-9, 10, shape: [7, 80], seed: 3), weight_exp: -1) -> lif
}}
run all of Net {{
    models fixed_pt
    steps 100
    record lif.*
    record sum.n
}}
"
    )
    .replace("rows: u8[k, 80]", "rows")
    .replace("data rows = uniform(0, 256, shape: [12, 80], seed: 1)\n", "")
}

/// Writes rows of bytes, among them every value.
fn write_rows(folder: &std::path::Path) {
    use snn_runtime::network::ElementType;
    use snn_runtime::npy::Header;
    let mut file = Vec::new();
    Header::new(ElementType::U8, &[12, 80]).write(&mut file).unwrap();
    file.extend((0..12 * 80u32).map(|i| (i * 37 % 256) as u8));
    std::fs::write(folder.join("rows.npy"), file).unwrap();
}

fn check(text: &str, tabulated: bool) {
    let folder = tempfile::tempdir().unwrap();
    write_rows(folder.path());
    let file = folder.path().join("encoder.snn");
    std::fs::write(&file, text).unwrap();
    let run = program::check(&file, &[]);
    assert_eq!(!run.ir.tabulated.is_empty(), tabulated, "{text}");
    let runs = run.ir.buffers.iter().any(|b| b.name == "enc.v");
    assert_eq!(runs, !tabulated, "the encoder runs, or does not:\n{text}");
    let sums = &program::executed(&run.ir)["sum.n"];
    assert!(sums.values.iter().any(|n| *n > 0.0), "nothing spikes:\n{text}");
    let expected = divined(&run.network);
    assert_eq!(executed(&Arc::new(run.ir), 1).0, expected, "{text}");
}

#[test]
fn rate_codes_of_floats_and_integers_are_tabulated() {
    let spk = "if win.start { x = 0; v = 0 }; v += x; s = v > 1; v = 0 where s";
    check(&program("f64", spk, "x = rows[next] / 255; v = 0"), true);
    let spk = "v += x; s = v > 200; v -= 200 where s";
    check(&program("i32", spk, "x = rows[next] - 127; v = 0"), true);
}

#[test]
fn what_is_remembered_from_row_to_row_is_not_tabulated() {
    let spk = "v += x; s = v > 200; v = 0 where s";
    check(&program("i32", spk, "x = rows[next]"), false);
}

#[test]
fn what_depends_on_more_than_the_byte_is_not_tabulated() {
    let spk = "v += x; s = v + t > 300; v = 0 where s";
    check(&program("i32", spk, "x = rows[next]; v = 0"), false);
    let spk = "v += x; s = v > 200 + sum(x) % 7; v = 0 where s";
    check(&program("i32", spk, "x = rows[next]; v = 0"), false);
}

#[test]
fn bytes_with_equal_trains_must_be_neighbours() {
    let spk = "v += x; s = v > 3; v = 0 where s";
    check(&program("i32", spk, "x = rows[next] % 2 * 3; v = 0"), false);
}

#[test]
fn a_recorded_encoder_runs() {
    let spk = "v += x; s = v > 200; v = 0 where s";
    let text = program("i32", spk, "x = rows[next]; v = 0");
    check(&text, true);
    check(&text.replace("record sum.n", "record sum.n\n    record enc.v"), false);
}
