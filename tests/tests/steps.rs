//! Sets of steps that are large or far apart cost nothing, and threads change no result.

use snn_back::executor;
use snn_ir::diagnostics::Code;
use snn_ir::step::StepIr;
use snn_runtime::execute;
use snn_tests::batch::{Batch, Ran};
use snn_tests::program::{arrays, check};
use snnc::driver::{self, CheckedRun, Options};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A sender and a receiver with these guards, and a run of so many steps.
fn pair(send: &str, receive: &str, steps: &str) -> String {
    format!(
        "process Bell {{\n\
         \x20   out ring: i32\n\
         \x20   const tones = arange(8)\n\
         \x20   var next: int = 0\n\
         \x20   phase spk when {send} {{\n\
         \x20       ring = tones[next % 8]\n\
         \x20       next += 1\n\
         \x20   }}\n\
         }}\n\
         process Ear {{\n\
         \x20   in heard: i32\n\
         \x20   var sum: i64 = 0\n\
         \x20   phase spk when {receive} {{ sum += heard }}\n\
         }}\n\
         network Tower {{\n\
         \x20   bell = Bell()\n\
         \x20   ear = Ear()\n\
         \x20   bell -> ear\n\
         }}\n\
         run sim of Tower {{\n\
         \x20   steps {steps}\n\
         \x20   record ear.sum at end\n\
         }}\n"
    )
}

/// The codes of a check, which must be quick.
fn codes(text: &str) -> Vec<Code> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.snn");
    std::fs::write(&file, text).unwrap();
    let start = Instant::now();
    let checked = driver::check(&snn_data::Disk, &file, &Options::default());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?} for\n{text}", start.elapsed());
    checked.diagnostics.iter().map(|d| d.code).collect()
}

#[test]
fn rates_are_compared_without_counting_steps() {
    let often = pair("t % 1_000_003 == 4", "t % 1_000_033 == 4", "7");
    assert_eq!(codes(&often), [Code::E0311]);
    let rarely = pair("t % 1_000_033 == 4", "t % 1_000_003 == 4", "7");
    assert_eq!(codes(&rarely), [Code::E0312]);
    // As many, but nobody can wait so long.
    let queue = pair("true", "t > 1_000_000_000_000", "7");
    assert_eq!(codes(&queue), [Code::E0302]);
    let late = pair("t > 1_000_000_000_000", "t > 1_000_000_000_003", "7");
    assert_eq!(codes(&late), []);
}

#[test]
fn guards_that_seldom_hold_are_checked_at_once() {
    for guard in [
        "t % 5_000_000 == 2",
        "t % 1_000_000_000_000 == 2",
        "t % 1_000_000_000_000 >= 600_000_000_000",
        "t % 1_000_003 == 2 and t % 1_000_033 == 2",
        "div(t, 1_000_000_000) % 3 == 1",
        "t > 1_000_000_000_000 and t % 7 == 3",
    ] {
        assert_eq!(codes(&pair(guard, guard, "1_000_000_000_000")), [], "{guard}");
    }
    let both = "t % 1_000_003 == 2 or t % 1_000_033 == 2";
    assert_eq!(codes(&pair(both, both, "7")), [Code::E0302, Code::E0302]);
}

#[test]
fn an_index_is_followed_to_the_end_of_a_long_run() {
    let direct = |steps| pair("t % 4096 == 1", "t % 4096 == 1", steps).replace("next % 8", "next");
    assert_eq!(codes(&direct("32_768")), []);
    assert_eq!(codes(&direct("1_000_000_000_000")), [Code::E0702]);
    // One index in 24001 is behind the end: the 24001st, far from both ends of the run.
    let round = pair("t % 4096 == 1", "t % 4096 == 1", "150_000_000")
        .replace("arange(8)", "arange(24_000)")
        .replace("next % 8", "next % 24_001");
    assert_eq!(codes(&round), [Code::E0702]);
}

#[test]
fn resets_after_the_end_are_no_work() {
    let text = pair("true", "true", "9")
        .replace("    bell -> ear\n", "    bell -> ear\n    reset ear.sum every 30_000_000_000\n");
    assert_eq!(codes(&text), []);
}

/// What is remembered in ways that a window must not forget.
const REMEMBERING: [&str; 3] = [
    // A row keeps what any step marked in it, and only the first step leaves its row.
    "process Rain {
        out drops: spike[6]
        phase spk { drops = random(3, [6]) < 0.02 }
    }
    process Ground {
        in drops: spike[6]
        var wet: i32[3, 6] = 0
        var row: int = 0
        phase spk {
            wet[row] = 1 where drops
            if t == 1 { row += 1 }
        }
    }
    network Weather {
        rain = Rain()
        ground = Ground()
        rain -> ground
    }
    run sim of Weather {
        steps 300
        record ground.wet at end
    }",
    // One that stays at its end, one that comes round, one that passes its end twice.
    "process Clockwork {
        out hands: i32[3]
        var up: i8 sat = 0
        var round: u4 wrap = 3
        var down: i8 wrap = 0
        phase spk {
            up += 1
            hands = [1, 0, 0] * up + [0, 1, 0] * round + [0, 0, 1] * down
            round += 1
            down -= 3
        }
    }
    process Face {
        in hands: i32[3]
        var shown: i32[3] = 0
        phase spk { shown = hands }
    }
    network Tower {
        work = Clockwork()
        face = Face()
        work -> face
    }
    run sim of Tower {
        steps 900
        record work.hands
        record face.shown at end
    }",
    // Rows written in two parts at different steps, at an index that comes round.
    "process Log {
        var lines: i64[16, 2] = -1
        var line: u4 wrap = 0
        phase spk when t % 6 == 1 { lines[line, 0] = t }
        phase lrn when t % 6 == 4 { lines[line, 1] = t }
        phase post_mgmt when t % 6 == 2 { line += 1 }
    }
    network Diary { log = Log() }
    run sim of Diary {
        steps 600
        record log.lines at end
    }",
];

fn remembering() -> Vec<CheckedRun> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.snn");
    let checked = REMEMBERING.iter().map(|text| {
        std::fs::write(&file, text).unwrap();
        check(&file, &[])
    });
    checked.collect()
}

fn columns(run: &CheckedRun, threads: usize) -> (usize, Vec<Vec<u8>>) {
    let ir = Arc::new(run.ir.clone());
    let make = || executor::load(Arc::clone(&ir), &snn_data::Disk).map_err(std::io::Error::other);
    let options = execute::Execution::quiet(threads);
    let outcome = execute::run(&executor::plan(&ir), &make, &options).unwrap();
    (outcome.threads, outcome.columns.into_iter().map(|column| column.bytes).collect())
}

#[test]
fn threads_change_nothing() {
    let runs = remembering();
    for (run, text) in runs.iter().zip(REMEMBERING) {
        let expected = columns(run, 1).1;
        for threads in [2, 3, 4] {
            assert_eq!(columns(run, threads).1, expected, "{threads} threads:\n{text}");
        }
    }
    // The first carries its rows from window to window; the others need not run in order.
    let used: Vec<usize> = runs.iter().map(|run| columns(run, 4).0).collect();
    assert_eq!(used[0], 1);
    assert!(used[1] > 1 && used[2] > 1, "{used:?}");
}

#[test]
fn threads_change_nothing_in_generated_code() {
    let runs = remembering();
    // A batch calls all its networks so.
    let named = |run: &CheckedRun| StepIr { network: "Random".into(), ..run.ir.clone() };
    let networks: Vec<_> = runs.iter().map(named).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("steps");
    let batch = Batch::compile(&networks, &dir).unwrap_or_else(|e| panic!("{e}"));
    let results = |threads| -> Vec<_> {
        let ran = batch.run(threads).unwrap_or_else(|e| panic!("{e}"));
        ran.iter()
            .map(|ran| match ran {
                Ran::Recorded(archive) => arrays(archive),
                Ran::Fault(line) => panic!("{line}"),
            })
            .collect()
    };
    let expected = results(1);
    for threads in [2, 4] {
        assert_eq!(results(threads), expected, "{threads} threads");
    }
    for (run, arrays) in runs.iter().zip(&expected) {
        assert_eq!(&snn_tests::program::executed(&run.ir), arrays);
    }
}
