//! Looks for programs on which engines differ.
//!
//! `explore SEED FIRST COUNT [show] [fast] [stop] [code]`: programs `FIRST` to `FIRST + COUNT - 1`
//! of a seed, on the oracle and the executor. `show` prints them all, `fast` does not make
//! what differs small, `stop` ends at the first that differs, `code` also compiles them, 48 at a
//! time.

use snn_tests::programs::compare::{Verdict, judge_all};
use snn_tests::programs::engine::{Code, Engine, Executor, Oracle, Outcome, executed};
use snn_tests::programs::features::{Covered, Features};
use snn_tests::programs::{Generated, numbered, shrink};
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| args.get(i).and_then(|a| a.parse::<u64>().ok()).unwrap_or(1);
    let has = |word: &str| args.iter().any(|a| a == word);
    let (seed, first, count) = (number(0), number(1), number(2));
    if !has("show") {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let folder = std::path::absolute("target/tmp/differential").unwrap_or_default();
    let code = |threads| Code { threads, folder: folder.clone() };
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(Oracle::Network),
        Box::new(Oracle::Apart),
        Box::new(Oracle::Flat),
        Box::new(Executor(1)),
        Box::new(Executor(3)),
    ];
    if has("code") {
        engines.push(Box::new(code(1)));
        engines.push(Box::new(code(3)));
    }
    let engines: Vec<&dyn Engine> = engines.iter().map(|e| &**e).collect();
    let at_once = if has("code") { 48 } else { 1 };
    let mut covered = Covered::default();
    let mut rejected: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    let mut wrong: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    let (mut parallel, mut tabulated, mut faults) = (0, 0, 0);
    let began = std::time::Instant::now();
    let numbers: Vec<u64> = (first..first + count).collect();
    'all: for numbers in numbers.chunks(at_once) {
        let made: Vec<Generated> =
            numbers.iter().map(|n| numbered(seed, *n, Features::TODAY)).collect();
        if has("show") {
            made.iter().for_each(|made| println!("{}", made.program));
        }
        let programs: Vec<_> = made.iter().map(|made| &made.program).collect();
        let verdicts = judge_all(&programs, &engines);
        for ((n, made), verdict) in numbers.iter().zip(&made).zip(verdicts) {
            covered.add(&made.marks);
            match verdict {
                Verdict::Agree(compiled) => {
                    let (outcome, threads) = executed(&compiled.ir, 3);
                    parallel += u64::from(threads > 1);
                    tabulated += compiled.ir.tabulated.len();
                    faults += u64::from(matches!(outcome, Outcome::Fault(..)));
                }
                Verdict::Rejected(code, text) => {
                    if has("show") {
                        println!("{text}");
                    }
                    rejected.entry(code).or_insert((0, *n)).0 += 1;
                }
                Verdict::Wrong(found) => {
                    if has("stop") {
                        println!("program {n}: {}", found.kind);
                        return ExitCode::FAILURE;
                    }
                    if !wrong.contains_key(&found.kind) && !has("fast") {
                        let small = shrink::shrink(&made.program, &found.kind, &engines, 1500);
                        println!("--- program {n}: {}\n{}\n{small}", found.kind, found.detail);
                    }
                    wrong.entry(found.kind).or_insert((0, *n)).0 += 1;
                    if wrong.len() > 20 {
                        break 'all;
                    }
                }
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    if !has("stop") {
        println!("{}rejected: {rejected:#?}\nwrong: {wrong:#?}", covered.table());
        println!("missing: {:?}\nunlisted: {:?}", covered.missing(), covered.unlisted());
    }
    println!(
        "{count} programs, {} rejected, {parallel} parallel, {tabulated} encoders \
         tabulated, {faults} faults, {seconds:.1} s",
        rejected.values().map(|r| r.0).sum::<usize>()
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
