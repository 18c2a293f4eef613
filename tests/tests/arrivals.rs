//! When messages arrive: random networks of delays, rings, shift registers, queues and ways of
//! different length are executed twice by the oracle, the second time with other messages in one
//! epoch. The steps in which the difference first and last arrives are those that the checker
//! computes.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use snn_front::clocks::{Passages, Sending, Wave, arrivals};
use snn_ir::diagnostics::render;
use snn_ir::network::Network;
use snn_tests::program::check;
use snn_tests::programs::engine::{Outcome, divined};
use snn_tests::random_ir::Choices;
use snn_tests::timing::{LAYERS, READOUT};
use std::collections::BTreeMap;

/// Stages of messages `i32[3]`, in the language: `D` stands for a number.
const PROCESSES: &str = "
process Shift(d: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[d, 3] = 0
    phase spk { y = line[d - 1]; line[1..d] = line[0..d - 1]; line[0] = a }
}
process Ring(d: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[d, 3] = 0
    phase spk { y = line[t % d]; line[t % d] = a }
}
process Columns(d: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[3, d] = 0
    var k: int = 0
    phase spk { y = line[.., k]; line[.., k] = a; k = (k + 1) % d }
}
process Later(d: int, n: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[n, 3] = 0
    phase spk { line[(t + d) % n] += a; y = line[t % n]; line[t % n] = 0 }
}
process Twice(d: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[d, 3] = 0
    phase spk { y = line[d - 1] + line[1]; line[1..d] = line[0..d - 1]; line[0] = a }
}
process Sample(q: int, r: int) {
    in a: i32[3]; out y: i32[3]
    var last: i32[3] = 0
    phase spk { last = a }
    phase post_mgmt when t % q == r { y = last }
}
process Hold(q: int, r: int) {
    in a: i32[3]; out y: i32[3]
    var last: i32[3] = 0
    phase post_mgmt when t % q == r { last = a }
    phase spk { y = last }
}
process Cell {
    in a: i32[3]; out y: i32[3]
    var v: i32[3] = 0
    phase spk { v = div(v, 2) + a; y = a }
}
process Turn {
    in a: i32[3]; out y: i32[3]
    phase spk { y = concat(a[1..3], a[0..1]) }
}
process Some(d: int) {
    in a: i32[3]; out y: i32[3]
    const slow = [true, false, true]
    buffer line: i32[d, 3] = 0
    phase spk {
        y = where(slow, line[d - 1], line[0] * [1, 1, 0])
        line[1..d] = line[0..d - 1]
        line[0] = a
    }
}
process Spread(d: int, w: i32[3, d, 3]) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[3, d] = 0
    phase spk {
        line[.., 0..d - 1] = line[.., 1..d]
        line[.., d - 1] = 0
        line += w @ a
        y = line[.., 0]
    }
}
process Total(d: int) {
    in a: i32[3]; out y: i32[3]
    buffer line: i32[d] = 0
    phase spk { y = a + line[d - 1] * [0, 1, 0]; line[1..d] = line[0..d - 1]; line[0] = sum(a) }
}
process Early(q: int) {
    in a: i32[3]; out y: i32[3]
    var last: i32[3] = 0
    phase spk { if t % q == 1 { y = last } else { y = a * [0, 1, 1] }; last = a }
}
process Sink {
    in a: i32[3]
    var seen: i32[3] = 0
    phase spk { seen = a }
}
";

/// The text of a network, with `MARKED` where the marked messages are said.
fn program(choices: &mut Choices) -> (String, u64, i64) {
    let period = 6 + choices.below(20) as u64;
    let start = 1 + choices.below(period as usize) as i64;
    let (mut parts, mut links) = (vec!["src = Src()".to_string()], Vec::new());
    let mut ends = vec!["src.y".to_string()];
    for n in 0..1 + choices.below(4) {
        let from = ends[choices.below(ends.len())].clone();
        let d = 2 + choices.below(6);
        let seed = choices.below(99);
        let weights = format!("uniform(1, 4, shape: [3, 3], seed: {seed})");
        let kind = choices.below(17);
        let stage = match kind {
            0 => format!("Dense(weights: {weights}, num_message_bits: 24)"),
            1 => format!("DelayDense(weights: {weights}, delays: {d}, num_message_bits: 24)"),
            2 => format!(
                "DelayDense(weights: uniform(0, 2, shape: [3, 3], seed: {seed}), delays: \
                 uniform(0, 9, shape: [3, 3], seed: {seed}), max_delay: 12, num_message_bits: 24)"
            ),
            3 => format!("Shift({d})"),
            4 => format!("Ring({d})"),
            5 => format!("Columns({d})"),
            6 => format!("Later({d}, {})", d + 1 + choices.below(4)),
            7 => format!("Twice({})", d + 1),
            8 => "Cell()".to_string(),
            9 => format!(
                "DelaySparse(weights: sparse([3, 3], p: 0.9, lo: 1, hi: 3, seed: {seed}), delays: \
                 {d}, num_message_bits: 24)"
            ),
            10 => format!(
                "Dense(weights: uniform(0, 3, shape: [3, 3], seed: {seed}), num_message_bits: 24)"
            ),
            11 => "Turn()".to_string(),
            12 => format!("Some({d})"),
            13 => format!("Spread({d}, w: uniform(-1, 2, shape: [3, {d}, 3], seed: {seed}) > 0)"),
            14 => format!("Total({d})"),
            15 => format!("Early({d})"),
            _ => {
                // A message waits in a queue, or in the port.
                let q = 2 + choices.below(5);
                let (r, later) = (choices.below(q), choices.below(q));
                parts.push(format!("low{n} = Sample({q}, {r})"));
                links.push(format!("{from} -> low{n}.a"));
                let guard = (r + later) % q;
                parts.push(format!("p{n} = Hold({q}, {guard})"));
                links.push(format!("low{n}.y -> p{n}.a"));
                ends.push(format!("p{n}.y"));
                continue;
            }
        };
        parts.push(format!("p{n} = {stage}"));
        // The whole message, its elements in another order, or elements of two.
        let other = &ends[choices.below(ends.len())];
        links.push(match choices.below(4) {
            0 => format!("concat({}[1..3], {}[0..1]) -> p{n}", from, other),
            1 => format!("concat({}[2..3], {}[0..2]) -> p{n}", from, from),
            _ => format!("{from} -> p{n}"),
        });
        let port = if stage.contains("weights") { "a_out" } else { "y" };
        ends.push(format!("p{n}.{port}"));
    }
    parts.push("sink = Sink()".to_string());
    links.push(format!("{} -> sink.a", ends[ends.len() - 1]));
    if choices.below(2) == 0 {
        let other = &ends[choices.below(ends.len())];
        if *other != ends[ends.len() - 1] {
            links.push(format!("{other} -> sink.a"));
        }
    }
    let text = format!(
        "epoch sample = every {period} steps offset {start}\n\
         process Src {{ out y: i32[3]; phase spk {{ y = MARKED * [1, 1, 1] }} }}\n{PROCESSES}\n\
         network Net {{\n    {}\n    {}\n}}\n\
         run sim of Net {{ models fixed_pt; steps STEPS; record sink.seen }}\n",
        parts.join("\n    "),
        links.join("\n    ")
    );
    (text, period, start)
}

/// What arrives at the sink, step by step.
fn seen(text: &str) -> Option<(Vec<Vec<u8>>, Network)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arrivals.snn");
    std::fs::write(&file, text).unwrap();
    let options = snnc::driver::Options::default();
    let checked = snnc::driver::check(&snn_data::Disk, &file, &options);
    // Not every queue is possible.
    if checked.runs.is_empty() {
        let codes: Vec<&str> = checked.diagnostics.iter().map(|d| d.code.name()).collect();
        assert!(codes.contains(&"E0312"), "{codes:?}\n{text}");
        return None;
    }
    let run = check(&file, &[]);
    let all = match divined(&run.network) {
        Outcome::Recorded(all) => all,
        other => panic!("{other:?}\n{text}"),
    };
    let steps = all[0].bytes.chunks(3 * all[0].element.size()).map(<[u8]>::to_vec);
    Some((steps.collect(), run.network))
}

#[test]
fn messages_arrive_when_the_checker_says() {
    let cases = std::env::var("SNNC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let mut runner = TestRunner::new(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let (mut compared, mut apart) = (0, 0);
    for _ in 0..cases {
        let stream = prop::collection::vec(any::<u32>(), 200).new_tree(&mut runner).unwrap();
        let (text, period, start) = program(&mut Choices::new(stream.current()));
        let begin = {
            let text = text.replace("MARKED", "1").replace("STEPS", "1");
            let Some((_, network)) = seen(&text) else { continue };
            Wave::of_epoch(&network, (period, start), Sending::All).start
        };
        let end = begin + period - 1;
        let text = text.replace("STEPS", &(end + 300).to_string());
        let Some((plain, network)) = seen(&text.replace("MARKED", "1")) else { continue };
        let marked = format!("where(t >= {begin} and t <= {end}, 2, 1)");
        let Some((marked, _)) = seen(&text.replace("MARKED", &marked)) else { continue };
        let differ = plain.iter().zip(&marked).enumerate().filter(|(_, (a, b))| a != b);
        let steps: Vec<u64> = differ.map(|(n, _)| n as u64 + 1).collect();
        let wave = Wave::of_epoch(&network, (period, start), Sending::All);
        let found = arrivals(&network, &wave, &BTreeMap::new(), &mut Passages::default());
        assert!(found.vague.is_empty(), "{:?} are not understood:\n{text}", found.vague);
        let sink = network.instances.iter().position(|i| i.path == "sink").unwrap();
        let computed = found.at[sink].map(|a| (a.first, a.last));
        let seen = steps.first().map(|first| (*first, steps[steps.len() - 1]));
        assert_eq!(computed, seen, "messages of t = {begin}..={end}:\n{text}");
        compared += 1;
        apart += usize::from(found.at[sink].is_some_and(|a| a.took.0 != a.took.1));
    }
    assert!(compared * 2 > cases, "only {compared} of {cases} networks could be compared");
    assert!(apart * 10 > cases, "only {apart} networks have ways of different length");
}

/// The codes of what is said about a program, and the first step of each reset.
fn said(text: &str) -> (Vec<String>, Vec<u64>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arrivals.snn");
    std::fs::write(&file, text).unwrap();
    let checked = snnc::driver::check(&snn_data::Disk, &file, &snnc::driver::Options::default());
    let codes = checked.diagnostics.iter().map(|d| d.code.name().to_string()).collect();
    let resets = checked.runs.iter().flat_map(|run| {
        let network = &run.network;
        network.resets.iter().map(|r| network.clock(r.clock).next(1).unwrap())
    });
    let resets = resets.collect();
    (codes, resets, render::render(&checked.diagnostics, &checked.sources, false))
}

/// Two layers that are reset when their messages allow it, with one more connection.
fn layers(connection: &str) -> String {
    let reset = "reset {one, two}.v at sample.start skew auto";
    LAYERS.replace("MEMBERS", &format!("{connection}\n    {reset}"))
}

#[test]
fn delays_count_that_occur_and_not_the_room_for_more() {
    let short = "input -> DelayDense(weights: 2 * eye(4), delays: 1, max_delay: 62) -> two";
    let (codes, resets, text) = said(&layers(short));
    assert_eq!((codes, resets), (vec![], vec![2, 3]), "{text}");
    let late = "input -> DelayDense(weights: 2 * eye(4), delays: 9, max_delay: 62) -> one";
    let (_, resets, text) = said(&layers(late));
    assert_eq!(resets, [11, 12], "{text}");
}

#[test]
fn where_no_step_fits_both_ways_are_named_and_what_balances_them_works() {
    let (codes, _, text) = said(&layers("input -> Dense(weights: 2 * eye(4)) -> two"));
    assert_eq!(codes, ["W0302"], "{text}");
    assert!(text.contains("input -> dense3 -> two takes 1 step"), "{text}");
    assert!(text.contains("input -> dense1 -> one -> dense2 -> two takes 2 steps"), "{text}");
    assert!(text.contains("`DelayDense(…, delays: 1)` instead of `Dense(…)`"), "{text}");
    let balanced = "input -> DelayDense(weights: 2 * eye(4), delays: 1) -> two";
    assert_eq!(said(&layers(balanced)).0, Vec::<String>::new());
}

#[test]
fn readouts_may_close_when_their_last_data_has_arrived() {
    let program = |silent: &str, close: &str| {
        let close = format!("when {close} {{ result = count; truth = label; count = 0 }}");
        said(&READOUT.replace("SILENT", silent).replace("CLOSE", &close))
    };
    let (codes, _, text) = program("", "image.end");
    assert_eq!(codes, ["W0303"], "{text}");
    assert!(text.contains("close it 1 step later, when t % 8 == 1"), "{text}");
    // As the text says; the label waits for it in a queue.
    assert_eq!(program("", "t % 8 == 1 and t > 1").0, Vec::<String>::new());
    // Or the input ends earlier.
    assert_eq!(program("and (t - 1) % 8 < 7", "image.end").0, Vec::<String>::new());
}
