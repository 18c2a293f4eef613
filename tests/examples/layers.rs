//! Prints a program of many layers: `cargo run -p snn-tests --example layers -- chain 1000`.
//!
//! `chain`: one after the other, each reset by itself and recorded, every fourth behind delays.
//! `beside`: next to each other, each with a source, a process of its own, delays, a queue and a
//! reset at an epoch.
//!
//! `tests/cost.sh` counts what it costs to check them.

use std::fmt::Write;

fn chain(n: usize) -> String {
    let mut parts =
        String::from("    source = Source(data: bernoulli(0.1, shape: [100, 8], seed: 1))\n");
    let (mut resets, mut records) = (String::new(), String::new());
    let mut from = "source".to_owned();
    let mut at = 0;
    for i in 0..n {
        let weights = format!("weights: uniform(0, 8, shape: [8, 8], seed: {i})");
        let (synapses, steps) = match i % 4 {
            1 => (format!("DelayDense({weights}, delays: 2)"), 3),
            _ => (format!("Dense({weights})"), 1),
        };
        at += steps;
        let _ = writeln!(parts, "    l{i} = LIF[8](vth: 10, du: 1024, dv: 512)");
        let _ = writeln!(parts, "    {from} -> {synapses} -> l{i}");
        let _ = writeln!(resets, "    reset l{i} every 20 offset {}", at % 20);
        let _ = writeln!(records, "    record l{i}.v at end");
        from = format!("l{i}");
    }
    format!(
        "epoch sample = every 20 steps\nnetwork Chain {{\n{parts}{resets}}}\n\
         run r of Chain {{\n    models fixed_pt\n    steps 100\n{records}}}\n"
    )
}

fn beside(n: usize) -> String {
    let (mut parts, mut records) = (String::new(), String::new());
    for i in 0..n {
        let _ = writeln!(
            parts,
            "    s{i} = Source(data: bernoulli(0.1, shape: [100, 8], seed: {i}))\n\
             \x20   q{i} = Integrate()\n    s{i} -> q{i}.x\n\
             \x20   l{i} = LIF[8](vth: 10, du: 1024, dv: 512)\n\
             \x20   q{i}.y -> DelayDense(weights: uniform(0, 8, shape: [8, 8], seed: {i}), delays: {}) -> l{i}\n\
             \x20   c{i} = Sample()\n    q{i}.late -> c{i}\n\
             \x20   reset l{i} at sample.start skew auto",
            1 + i % 3
        );
        let _ = writeln!(records, "    record l{i}.v at end");
    }
    format!(
        "epoch sample = every 20 steps\n\
         process Integrate {{\n    in x: i32[8]\n    out y: spike[8]\n    out late: i32[8]\n\
         \x20   var k: i32[8] = 0\n    phase spk {{\n        k += x\n        y = k > 3\n\
         \x20       k = 0 where y\n    }}\n    phase post_mgmt when sample.start {{ late = k }}\n}}\n\
         process Sample {{\n    in x: i32[8]\n    var last: i32[8] = 0\n\
         \x20   phase post_mgmt when t % 20 == 5 and t > 20 {{ last = x }}\n}}\n\
         network Beside {{\n{parts}}}\n\
         run r of Beside {{\n    models fixed_pt\n    steps 100\n{records}}}\n"
    )
}

fn main() {
    // The first is the name of the program.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let program = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [kind, n] => n.parse().ok().and_then(|n| match *kind {
            "chain" => Some(chain(n)),
            "beside" => Some(beside(n)),
            _ => None,
        }),
        _ => None,
    };
    match program {
        Some(program) => print!("{program}"),
        None => {
            eprintln!("usage: layers chain|beside N");
            std::process::exit(2);
        }
    }
}
