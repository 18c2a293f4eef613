//! Programs on which engines have disagreed or the compiler has failed: each with the numbers
//! that are right, on every engine, or with the codes of its refusal.

use snn_data::compare::{Form, Nans, Tally};
use snn_ir::diagnostics::Code;
use snn_tests::batch::Batch;
use snn_tests::program::{cache, check};
use snn_tests::programs::engine::{Code as Generated, Compiled, Outcome, Recorded};
use snn_tests::programs::engine::{divined, executed};
use snnc::driver::{self, Options};
use std::path::PathBuf;
use std::sync::Arc;

/// A program whose parts are a process `Cell` and a process `Sink` that receives what it sends.
fn pair(cell: &str, sink: &str, run: &str) -> String {
    format!(
        "process Cell {{\n{cell}\n}}\nprocess Sink {{\n{sink}\n}}\n\
         network Net {{\n    cell = Cell()\n    sink = Sink()\n    cell -> sink\n}}\n\
         run sim of Net {{\n{run}\n}}\n"
    )
}

/// One process; what it sends is received and forgotten.
fn alone(cell: &str, run: &str) -> String {
    let sent = "    out beat: spike\n    phase post_mgmt { beat = true }\n";
    let sink = "    in beat: spike\n    var got: int = 0\n    phase post_mgmt { got += beat }";
    pair(&format!("{sent}{cell}"), sink, run)
}

/// A program and what it records: of each key all values, in C order.
struct Case {
    name: &'static str,
    text: String,
    records: Vec<(&'static str, Vec<f64>)>,
}

fn case(name: &'static str, text: String, records: &[(&'static str, &[f64])]) -> Case {
    let records = records.iter().map(|(key, values)| (*key, values.to_vec())).collect();
    Case { name, text, records }
}

fn cases() -> Vec<Case> {
    const INF: f64 = f64::INFINITY;
    vec![
        case(
            "nan is no maximum",
            alone(
                "    var x: f64[4] = [0, 3, 9, 5]\n    var none: f64 = 0\n    var best: i64 = 0\n\
                 \x20   phase spk {\n        x[2] = none / none\n        best = argmax(x)\n    }",
                "    steps 2\n    record cell.best",
            ),
            &[("cell.best", &[3.0, 3.0])],
        ),
        case(
            "sizes of parts that a network's parameters and constants tell",
            "process Count[n] {\n    out y: i32[n]\n    var k: i32[n] = 0\n    phase spk {\n\
             \x20       k += 1\n        y = k\n    }\n}\n\
             network Two[n](size: int, twice: int = 2 * size) {\n    in x: i32[n]\n\
             \x20   out y: i32[n]\n    const more = size + n\n    a = Count[size]()\n\
             \x20   b = Count[twice]()\n    c = Count[more]()\n    c[0..n] -> y\n}\n\
             network Net {\n    first = Count[width]()\n    two = Two(size: 2)\n    first -> two\n}\n\
             const width = 3\n\
             run sim of Net {\n    steps 1\n    record two.a.k\n    record two.b.k\n\
             \x20   record two.c.k\n}\n"
                .into(),
            &[("two.a.k", &[1.0; 2]), ("two.b.k", &[1.0; 4]), ("two.c.k", &[1.0; 5])],
        ),
        case(
            "a masked index reads what stood there before",
            alone(
                "    var x: i32[3] = [5, 7, 9]\n    var at: int = 0\n    phase spk {\n\
                 \x20       x[0] = x[at] where at < 3\n        at = at + 1 + 0 * x[0]\n    }",
                "    steps 5\n    record cell.x",
            ),
            &[(
                "cell.x",
                &[5.0, 7.0, 9.0, 7.0, 7.0, 9.0, 9.0, 7.0, 9.0, 9.0, 7.0, 9.0, 9.0, 7.0, 9.0],
            )],
        ),
        case(
            "an index within a condition",
            alone(
                "    const squares = [0, 1, 4, 9]\n    var at: int = 0\n    var seen: i32 = 0\n\
                 \x20   var sum: i32 = 0\n    phase spk {\n        if at < 4 {\n\
                 \x20           let square = squares[at]\n            seen = i32(square)\n        }\n\
                 \x20       at += 1\n        sum += seen\n    }",
                "    steps 10\n    record cell.sum at end",
            ),
            // 0 + 1 + 4 + 7 * 9
            &[("cell.sum", &[68.0])],
        ),
        case(
            "a vector times a matrix becomes the vector",
            alone(
                "    var x: int[2] = [3, 1]\n    phase spk { x = [[2, -1], [1, 0]] @ x }",
                "    steps 3\n    record cell.x",
            ),
            &[("cell.x", &[5.0, 3.0, 7.0, 5.0, 9.0, 7.0])],
        ),
        case(
            "the sign of zero in constants",
            alone(
                "    const plus = [0.0, 4.0]\n    const minus = [-0.0, 4.0]\n    var two: f64[2] = 2\n\
                 \x20   var x: f64[2] = 0\n    var y: f64[2] = 0\n    phase spk {\n\
                 \x20       x = two / plus\n        y = two / minus\n    }",
                "    steps 1\n    record cell.x\n    record cell.y",
            ),
            &[("cell.x", &[INF, 0.5]), ("cell.y", &[-INF, 0.5])],
        ),
        case(
            "what is folded is what is computed",
            alone(
                "    const folded = 3 / (-6.0 % 3.0)\n    const quarter = 4 ** -1\n\
                 \x20   var six: f64 = 6\n    var four: i32 = 4\n    var a: f64 = 0\n\
                 \x20   var b: f64 = 0\n    var c: f64 = 0\n    var d: f64 = 0\n    phase spk {\n\
                 \x20       a = folded\n        b = 3 / (-six % 3.0)\n        c = quarter\n\
                 \x20       d = four ** -1\n    }",
                "    steps 1\n    record cell.{a, b, c, d}",
            ),
            &[("cell.a", &[INF]), ("cell.b", &[INF]), ("cell.c", &[0.25]), ("cell.d", &[0.25])],
        ),
        case(
            "rows that any step has marked stay marked",
            pair(
                "    out hit: spike[8]\n    phase spk { hit = (t * 6) % 90 == arange(8) }",
                "    in hit: spike[8]\n    var seen: i32[3, 8] = 0\n    var row: int = 0\n\
                 \x20   phase spk {\n        seen[row] = 1 where hit\n\
                 \x20       if t == 1 { row += 1 }\n    }",
                "    steps 400\n    record sink.seen at end",
            ),
            &[(
                "sink.seen",
                &[
                    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                    [0.0; 8],
                ]
                .concat(),
            )],
        ),
        case(
            "a counter that saturates",
            pair(
                "    out level: i32[2]\n    var k: i8 sat = 120\n\
                 \x20   phase spk {\n        k += 2\n        level = [1, -1] * k\n    }",
                "    in level: i32[2]\n    var last: i32[2] = 0\n    phase spk { last = level }",
                "    steps 600\n    record sink.last",
            ),
            &[(
                "sink.last",
                &(1..=600)
                    .flat_map(|t| {
                        let k = f64::from(127.min(120 + 2 * t));
                        [k, -k]
                    })
                    .collect::<Vec<_>>(),
            )],
        ),
        case(
            "a constant condition does not change a shape",
            format!(
                "const always = true\n{}",
                alone(
                    "    var x: i32 = 7\n    var n: i32 = 0\n    var m: i32 = 0\n    phase spk {\n\
                     \x20       n = i32(sum(where(always, x, zeros([4]))))\n\
                     \x20       m = i32(sum(where(x > 0, x, zeros([4]))))\n    }",
                    "    steps 1\n    record cell.{n, m}",
                )
            ),
            &[("cell.n", &[28.0]), ("cell.m", &[28.0])],
        ),
        case(
            "a ring whose index wraps",
            pair(
                "    out x: i32\n    var n: i32 = 0\n    phase spk {\n        n += 3\n        x = n\n    }",
                "    in x: i32\n    var ring: i32[4] = -1\n    var at: u2 wrap = 0\n    var old: i32 = 0\n\
                 \x20   phase spk {\n        old = ring[at]\n        ring[at] = x\n        at += 1\n    }",
                "    steps 7\n    record sink.old",
            ),
            &[("sink.old", &[-1.0, -1.0, -1.0, -1.0, 3.0, 6.0, 9.0])],
        ),
        case(
            "a table whose index wraps",
            alone(
                "    const table = arange(8)\n    var at: u3 wrap = 0\n    var sum: i32 = 0\n\
                 \x20   phase spk {\n        sum += table[at]\n        at += 1\n    }",
                "    steps 20\n    record cell.sum at end",
            ),
            // 28 + 28 + 0 + 1 + 2 + 3
            &[("cell.sum", &[62.0])],
        ),
        case(
            "spikes of two senders in turn",
            "process Bell {\n    out ring: spike[2]\n    phase spk { ring = [t % 2 == 0, false] }\n}\n\
             process Horn {\n    out blow: spike[2]\n    phase spk { blow = [t % 2 == 0, t % 4 == 0] }\n}\n\
             process Ear {\n    in heard: spike[2]\n    var yes: i32[2] = 0\n    var no: i32[2] = 0\n\
             \x20   phase spk {\n        yes += 1 where heard\n        no += 1 where not heard\n    }\n}\n\
             network Town {\n    bell = Bell()\n    horn = Horn()\n    ear = Ear()\n\
             \x20   bell -> ear\n    horn -> ear\n}\n\
             run sim of Town {\n    steps 4\n    record ear.yes at end\n    record ear.no at end\n}\n"
                .into(),
            &[("ear.yes", &[2.0, 1.0]), ("ear.no", &[2.0, 3.0])],
        ),
        case("with a network between", between(true), &[("ear.n", &[3.0, 0.0, 3.0, 0.0])]),
        case("without a network between", between(false), &[("ear.n", &[3.0, 0.0, 3.0, 0.0])]),
        case(
            "booleans of two senders",
            two("bool[2]", "[true, false]", "i32[2]", "    record ear.n at end"),
            &[("ear.n", &[2.0, 0.0])],
        ),
        case(
            "a sum in 32 bits",
            two("i32", "1_500_000_000", "i64", "    record ear.n"),
            &[("ear.n", &[-1_294_967_296.0, -2_589_934_592.0])],
        ),
        case(
            "a sum in 32 bits that is watched",
            two("i32", "1_500_000_000", "i64", "    record ear.n\n    record ear.heard"),
            &[
                ("ear.n", &[-1_294_967_296.0, -2_589_934_592.0]),
                ("ear.heard", &[-1_294_967_296.0, -1_294_967_296.0]),
            ],
        ),
        case("random numbers in company", dice(true), &[("watch.n", &RANDOM)]),
        case("random numbers alone", dice(false), &[("watch.n", &RANDOM)]),
        case(
            "an element becomes the array",
            alone(
                "    var x: i32[2, 2] = [[1, 2], [3, 4]]\n    var y: i32[2, 2] = [[1, 2], [3, 4]]\n\
                 \x20   var k: u1 wrap = 0\n\
                 \x20   phase spk {\n        x = x[1, 0] where x > 1\n        y = y[k, 1]\n        k += 1\n    }",
                "    steps 1\n    record cell.{x, y}",
            ),
            &[("cell.x", &[1.0, 3.0, 3.0, 3.0]), ("cell.y", &[2.0; 4])],
        ),
        case(
            "an index that its own store changes",
            alone(
                "    var x: i32[2, 2] = [[0, 7], [7, 7]]\n    var y: i32[2, 2] = [[0, 7], [7, 7]]\n\
                 \x20   phase spk {\n        x[0..2, x[0, 0] % 2] = 1\n        y[0..2, y[0, 0] % 2] += 1\n    }",
                "    steps 1\n    record cell.{x, y}",
            ),
            &[("cell.x", &[1.0, 7.0, 1.0, 7.0]), ("cell.y", &[1.0, 7.0, 8.0, 7.0])],
        ),
        case(
            "the word not and the mark bind alike",
            alone(
                "    var a: bool = false\n    var b: i32 = 5\n    var c: bool = true\n    var n: i32[2] = 0\n    var m: bool[2] = false\n\
                 \x20   phase spk {\n        n[0] = not a * b\n        n[1] = !a * b\n\
                 \x20       m[0] = not c <= c\n        m[1] = !c <= c\n    }",
                "    steps 1\n    record cell.{n, m}",
            ),
            &[("cell.n", &[5.0, 5.0]), ("cell.m", &[1.0, 1.0])],
        ),
        case(
            "a reset that is far away",
            pair(
                "    out x: i32\n    phase spk { x = 2 }",
                "    in x: i32\n    var n: i32 = 0\n    phase spk { n += x }",
                "    steps 10\n    record sink.n at end",
            )
            .replace("    cell -> sink", "    cell -> sink\n    reset sink.n every 30_000_000_000"),
            &[("sink.n", &[20.0])],
        ),
    ]
}

const RANDOM: [f64; 2] = [0.2951532910785539, 0.4762038930287599];

/// Three senders, two of them into one half of a port, perhaps through a network.
fn between(network: bool) -> String {
    let (inside, through) = match network {
        true => (
            "network Hall {\n    in a: spike[2]\n    in b: spike[2]\n    out s: spike[4]\n\
             \x20   wall = Wall()\n    concat(a, b) -> wall\n    wall -> s\n}\n",
            "    hall = Hall()\n    one -> hall.a\n    two -> hall.a\n    three -> hall.b\n    hall -> ear\n",
        ),
        false => (
            "",
            "    wall = Wall()\n    concat(one, three) -> wall\n    concat(two, none) -> wall\n\
             \x20   wall -> ear\n    none = Mute()\n",
        ),
    };
    format!(
        "process Bell {{\n    out ring: spike[2]\n    phase spk {{ ring = [true, false] }}\n}}\n\
         process Mute {{\n    out ring: spike[2]\n    phase spk {{ ring = [false, false] }}\n}}\n\
         process Wall {{\n    in i: spike[4]\n    out o: spike[4]\n    phase spk {{ o = i }}\n}}\n\
         process Ear {{\n    in heard: spike[4]\n    var n: i32[4] = 0\n    phase spk {{ n += heard }}\n}}\n\
         {inside}network Town {{\n    one = Bell()\n    two = Bell()\n    three = Bell()\n    ear = Ear()\n\
         {through}}}\nrun sim of Town {{\n    steps 3\n    record ear.n at end\n}}\n"
    )
}

/// Two senders of the same into one port.
fn two(ty: &str, value: &str, sum: &str, records: &str) -> String {
    format!(
        "process Bell {{\n    out ring: {ty}\n    phase spk {{ ring = {value} }}\n}}\n\
         process Ear {{\n    in heard: {ty}\n    var n: {sum} = 0\n    phase spk {{ n += heard }}\n}}\n\
         network Town {{\n    one = Bell()\n    two = Bell()\n    ear = Ear()\n\
         \x20   one -> ear\n    two -> ear\n}}\n\
         run sim of Town {{\n    steps 2\n{records}\n}}\n"
    )
}

/// A process that draws numbers, perhaps after another that does.
fn dice(company: bool) -> String {
    let more = match company {
        true => "    other = Die()\n    idle = Watch()\n    other -> idle\n",
        false => "",
    };
    format!(
        "process Die {{\n    out x: f64\n    phase spk {{ x = random(seed: 11) }}\n}}\n\
         process Watch {{\n    in x: f64\n    var n: f64 = 0\n    phase spk {{ n = x }}\n}}\n\
         network Table {{\n{more}    die = Die()\n    watch = Watch()\n    die -> watch\n}}\n\
         run sim of Table {{\n    steps 2\n    record watch.n\n}}\n"
    )
}

fn compiled(text: &str) -> Compiled {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.snn");
    std::fs::write(&file, text).unwrap();
    let run = check(&file, &[]);
    Compiled { ir: Arc::new(run.ir.clone()), run, apart: None }
}

/// Requires that an outcome has these values, in the element types that it has.
#[track_caller]
fn expect(case: &Case, engine: &str, outcome: &Outcome) {
    let what = format!("{}, {engine}", case.name);
    let Outcome::Recorded(all) = outcome else { panic!("{what}: {outcome:?}\n{}", case.text) };
    let keys: Vec<&str> = all.iter().map(|r| r.key.as_str()).collect();
    let expected: Vec<&str> = case.records.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, expected, "{what}");
    for (recorded, (key, values)) in all.iter().zip(&case.records) {
        assert_eq!(numbers(recorded), *values, "{what}, {key}\n{}", case.text);
    }
}

fn numbers(recorded: &Recorded) -> Vec<f64> {
    use snn_runtime::network::ElementType::*;
    let each = recorded.bytes.chunks(recorded.element.size());
    each.map(|bytes| {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let (unsigned, shift) = (u64::from_le_bytes(wide), 64 - 8 * bytes.len() as u32);
        match recorded.element {
            F32 => f64::from(f32::from_bits(unsigned as u32)),
            F64 => f64::from_bits(unsigned),
            I8 | I16 | I32 | I64 => ((unsigned << shift) as i64 >> shift) as f64,
            Bool | U8 | U16 | U32 => unsigned as f64,
        }
    })
    .collect()
}

#[test]
fn every_engine_gives_the_numbers_that_are_right() {
    let cases = cases();
    let programs: Vec<Compiled> = cases.iter().map(|case| compiled(&case.text)).collect();
    for (case, program) in cases.iter().zip(&programs) {
        expect(case, "oracle, network form", &divined(&program.run.network));
        expect(case, "oracle, flat form", &divined(&program.run.flat.0));
        for threads in [1, 3] {
            let outcome = executed(&program.ir, threads).0;
            expect(case, &format!("executor, {threads} threads"), &outcome);
        }
    }
    let irs: Vec<_> = programs.iter().map(|p| (*p.ir).clone()).collect();
    let folder = generated_in("cases");
    let batch = Batch::compile(&irs, &folder).unwrap_or_else(|e| panic!("{e}"));
    let all: Vec<&Compiled> = programs.iter().collect();
    for threads in [1, 3] {
        let outcomes = Generated { threads, folder: folder.clone() }.of(&batch, &all);
        for (case, outcome) in cases.iter().zip(&outcomes) {
            expect(case, &format!("generated code, {threads} threads"), outcome);
        }
    }
}

fn generated_in(name: &str) -> PathBuf {
    cache().join(name)
}

/// An encoder that mixes a row of bytes with the one before has no table of trains.
#[test]
fn an_encoder_that_remembers_a_row_is_no_table() {
    let text = "epoch image = every 4 steps\n\
        const rows = uniform(0, 256, shape: [20, 16], seed: 5)\n\
        process Eye {\n    out s: spike[16]\n    var now: i32[16] = 0\n    var old: i32[16] = 0\n\
        \x20   var k: int = 0\n    phase spk {\n        if image.start {\n            old = now\n\
        \x20           now = rows[k]\n            k += 1\n        }\n        s = now + old > 260\n\
        \x20       old = 0\n    }\n}\n\
        network Net {\n    eye = Eye()\n    cells = LIF(vth: 100, du: 4095, dv: 0)\n\
        \x20   eye -> Dense(weights: uniform(-8, 8, shape: [6, 16], seed: 3)) -> cells\n}\n\
        run sim of Net {\n    models fixed_pt\n    steps 80\n    record eye.s\n    record cells.v\n}\n";
    let program = compiled(text);
    let recorded = |outcome: Outcome| match outcome {
        Outcome::Recorded(all) => all,
        other => panic!("{other:?}"),
    };
    let right = recorded(divined(&program.run.network));
    // One row alone does not reach the threshold; two may, in the step in which they meet.
    let spikes = numbers(&right[0]);
    assert!(spikes[..16].iter().all(|s| *s == 0.0));
    assert!(spikes[4 * 16..5 * 16].contains(&1.0));
    assert!(spikes[5 * 16..8 * 16].iter().all(|s| *s == 0.0));
    let mut others = vec![recorded(divined(&program.run.flat.0))];
    others.extend([1, 3].map(|threads| recorded(executed(&program.ir, threads).0)));
    let folder = generated_in("cases-encoder");
    let batch = Batch::compile(&[(*program.ir).clone()], &folder).unwrap_or_else(|e| panic!("{e}"));
    for threads in [1, 3] {
        let engine = Generated { threads, folder: folder.clone() };
        others.push(recorded(engine.of(&batch, &[&program]).swap_remove(0)));
    }
    for (n, other) in others.iter().enumerate() {
        for (a, b) in right.iter().zip(other) {
            let dtype = snn_runtime::npy::Dtype::Element(a.element);
            let form = Form { dtype, shape: a.shape.clone() };
            let mut tally = Tally::new(&form, Nans::SameBits);
            tally.compare(&a.bytes, &b.bytes);
            assert_eq!(tally.first, None, "engine {n}, {}", a.key);
        }
    }
}

/// The messages of a check, which must be quick: codes, and lines from 1.
#[track_caller]
fn refused(text: &str) -> Vec<(Code, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.snn");
    std::fs::write(&file, text).unwrap();
    let checked = driver::check(&snn_data::Disk, &file, &Options::default());
    let line = |d: &snn_ir::diagnostics::Diagnostic| {
        d.labels.first().map_or(0, |label| {
            let file = &checked.sources.files[label.loc.file as usize];
            file.position(label.loc.span.start as usize).line
        })
    };
    checked.diagnostics.iter().map(|d| (d.code, line(d))).collect()
}

#[test]
fn sizes_without_bound_are_refused_at_their_place() {
    for size in
        ["2147483648", "9223372036854775807", "4294967296, 4294967296, 2", "65536, 0, 65536"]
    {
        let state = alone(&format!("    var x: i32[{size}] = 0"), "    steps 2");
        assert_eq!(refused(&state), [(Code::E0213, 4)], "{state}");
        let port = pair(
            &format!("    out o: i32[{size}]\n    phase spk {{ o = 1 }}"),
            &format!("    in i: i32[{size}]\n    var n: i32 = 0\n    phase spk {{ n = sum(i) }}"),
            "    steps 2",
        );
        assert_eq!(refused(&port), [(Code::E0213, 2), (Code::E0213, 6)], "{port}");
    }
    // Small arrays make large ones: known ones are kept whole, others exist in each step.
    for large in [
        "ones([65536, 1]) + ones([1, 65536])",
        "outer(ones([65536]), arange(65536))",
        "where(ones([65536, 1]) > 0, arange(65536), 3)",
        "where(true, ones([65536, 1]), ones([65536]))",
        "by_delay(eye(4), 3 * eye(4), 1_000_000_000)",
        "by_delay(ones([1000, 1000]), 3, 1_000_000)",
        "concat(random(1, [32768, 1]) + arange(32768), random(2, [32768, 1]) + arange(32768), axis: 0)",
        "random(1, [65536, 1]) + random(2, [65536])",
    ] {
        let text = alone(
            &format!("    var x: i32 = 0\n    phase spk {{ x = int(max({large})) }}"),
            "    steps 2",
        );
        assert_eq!(refused(&text), [(Code::E0213, 5)], "{text}");
    }
}

#[test]
fn networks_that_double_are_counted_before_they_are_made() {
    let mut text =
        String::from("process Beat {\n    out o: spike\n    phase spk { o = true }\n}\n");
    text += "network Net0 { a = Beat() }\n";
    for n in 1..=45 {
        let of = n - 1;
        text += &format!("network Net{n} {{\n    a = Net{of}()\n    b = Net{of}()\n}}\n");
    }
    text += "run sim of Net45 { steps 1 }\n";
    assert_eq!(refused(&text), [(Code::E0506, 5 + 4 * 45 + 1)]);
    let circle = "network A { b = B() }\nnetwork B { a = A() }\nrun sim of A { steps 1 }\n";
    assert!(refused(circle).iter().all(|(code, _)| *code == Code::E0504));
}

#[test]
fn rates_and_circles_are_refused_and_rare_steps_are_not() {
    let rates = pair(
        "    out o: i32\n    phase spk when t % 1_000_003 == 1 { o = 1 }",
        "    in i: i32\n    var n: i32 = 0\n    phase spk when t % 1_000_033 == 1 { n += i }",
        "    steps 5\n    record sink.n at end",
    );
    assert_eq!(refused(&rates).iter().map(|d| d.0).collect::<Vec<_>>(), [Code::E0311]);
    let circle = "process Echo {\n    in i: i32\n    out o: i32\n    phase spk { o = i + 1 }\n}\n\
                  network Net {\n    echo = Echo()\n    echo.o -> echo.i\n}\nrun sim of Net { steps 5 }\n";
    assert_eq!(refused(circle), [(Code::E0501, 8)]);
    let rare = pair(
        "    out o: i32\n    const table = arange(8)\n    var k: int = 0\n\
         \x20   phase spk when t % 3_000_000 == 2 {\n        o = table[k % 8]\n        k += 1\n    }",
        "    in i: i32\n    var n: i32 = 0\n    phase spk when t % 3_000_000 == 2 { n += i }",
        "    steps 200_000_000_000\n    record sink.n at end",
    );
    assert_eq!(refused(&rare), []);
}

#[test]
fn unsigned_integers_of_64_bits_are_no_type() {
    let wide = alone("    var x: u64 = 0\n    phase spk { x = x - 1 }", "    steps 2");
    assert_eq!(refused(&wide), [(Code::E0101, 4)]);
}

#[test]
fn names_of_parameters_mean_nothing_to_a_chip() {
    let text = "process Own[*s](dv: int = 9, bias: int = 4000, vth: int = 1) {\n    in a_in: i32[*s]\n\
        \x20   out s_out: spike[*s]\n    var v: i24 wrap[*s] = 0\n}\n\
        model fixed_pt of Own on neurocore {\n    phase spk {\n        v = v + a_in + bias - dv\n\
        \x20       s_out = v > 90 * vth\n    }\n}\n\
        network Net {\n    source = Source(data: bernoulli(0.2, shape: [10, 8], seed: 1))\n    own = Own()\n\
        \x20   source -> Dense(weights: full([8, 8], 2)) -> own\n}\n\
        run chip of Net {\n    models fixed_pt\n    target loihi2(board: kapoho_point)\n    steps 10\n}\n";
    assert_eq!(refused(text), []);
}

#[test]
fn every_mistake_is_found_without_a_run() {
    let text = "process Cell {\n    in i: i32[4]\n    var x: i32 = 0\n    phase spk {\n\
        \x20       x = nothing + \"text\"\n        nowhere = 3\n    }\n    phase sleep {}\n}\n\
        model other of Cell { phase spk { absent = 1 } }\n\
        network Net {\n    a = Lost()\n    b = Cell(odd: 3)\n    a -> b.none\n}\n";
    let found = refused(text);
    let expected = [
        (Code::E0401, 5),
        (Code::E0204, 5),
        (Code::E0401, 6),
        (Code::E0305, 8),
        (Code::E0401, 10),
        (Code::E0401, 12),
        (Code::E0209, 13),
        (Code::E0401, 14),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_mistake_is_found_in_what_nothing_uses() {
    let used = pair(
        "    out o: i32\n    phase spk { o = 1 }",
        "    in i: i32\n    var n: i32 = 0\n    phase spk { n = i }",
        "    steps 2",
    );
    let unused = |text: &str| {
        let before = used.lines().count();
        let found = refused(&format!("{used}{text}"));
        found.into_iter().map(|(code, line)| (code, line - before)).collect::<Vec<_>>()
    };
    // Names, whatever the parameters; types where there are none.
    let names = "process Spare[n](gain: int) {\n    out o: i32[n]\n\
                 \x20   phase spk { o = gain * missing + absent(gain) }\n}\n";
    assert_eq!(unused(names), [(Code::E0401, 3), (Code::E0401, 3)]);
    let types = "process Spare {\n    out o: i32\n    var x: f64 = 0\n    phase spk { o = x }\n}\n";
    assert_eq!(unused(types), [(Code::E0203, 4)]);
    // What other arguments make right is nobody's mistake.
    let right = "process Spare[n, *s](gain: int, file: int = 1, w = [1, 2]) {\n    in i: i32[n]\n\
                 \x20   out o: i32[*s]\n    const rows = w.shape_free\n    phase spk { o = i[gain] + w[9] }\n}\n"
        .replace("    const rows = w.shape_free\n", "    const rows = w[7]\n");
    assert_eq!(unused(&right), []);
    let network = "network Part[n](gain: int, w: int[n]) {\n    in i: i32[n]\n    out o: i32[n]\n\
                   \x20   const twice = 2 * gain\n    syn = Dense(weights: w)\n    cells = LIF(vth: twice)\n\
                   \x20   i -> syn -> cells -> o\n    reset cells.{u, v} every twice\n}\n";
    assert_eq!(unused(network), []);
}
