//! The network IR: its text form, its passes, and what may be changed in it.

use snn_back::schedule;
use snn_ir::diagnostics::{Sink, render};
use snn_ir::network::{self, Data, Network, parse, print, verify};
use snn_tests::program;
use snn_tests::programs::engine::{Checked, Compiled, Outcome, check, divined, executed};
use snn_tests::programs::features::Features;
use snn_tests::programs::numbered;
use snnc::driver::{self, CheckedRun, Options};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Random programs that the checker accepts.
fn programs(count: u64) -> impl Iterator<Item = Box<Compiled>> {
    (0..count).filter_map(|n| match check(&numbered(11, n, Features::TODAY).program) {
        Checked::Accepted(compiled) => Some(compiled),
        Checked::Rejected(..) | Checked::Panicked(_) => None,
    })
}

fn example_files() -> [PathBuf; 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    ["mnist_loihi/mnist_loihi.snn", "mnist_lava/mnist_lava.snn", "pilotnet/pilotnet.snn"]
        .map(|file| root.join(file))
}

fn examples() -> Vec<CheckedRun> {
    example_files().iter().map(|file| program::check(file, &[])).collect()
}

#[test]
fn examples_give_no_warning() {
    for file in example_files() {
        let checked = driver::check(&snn_data::Disk, &file, &Options::default());
        let shown = render::render(&checked.diagnostics, &checked.sources, false);
        assert_eq!(shown, "", "{}", file.display());
    }
}

/// The answer to an image is made of all spikes that it causes: those from the step after it has
/// come through all layers on, up to the step in which the next has.
#[test]
fn the_readout_of_mnist_counts_all_spikes_of_each_image() {
    let folder = tempfile::tempdir().unwrap();
    let [file, ..] = example_files();
    let from = file.parent().unwrap();
    for name in ["mnist.net", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let records = "    record net.layer2.neuron.s_out\n    record cls.counts at end\n    report";
    let text = std::fs::read_to_string(&file).unwrap().replace("    report", records);
    let file = folder.path().join("mnist.snn");
    std::fs::write(&file, text).unwrap();
    let run = program::check(&file, &[("images", "6")]);
    let results = program::executed(&run.ir);
    let (spikes, counts) = (&results["net.layer2.neuron.s_out"], &results["cls.counts"]);
    assert_eq!((spikes.shape.as_slice(), counts.shape.as_slice()), (&[195, 10][..], &[6, 10][..]));
    for (image, counted) in counts.values.chunks(10).enumerate() {
        // Rows are steps from 1 on.
        let rows = spikes.values.chunks(10).skip(32 * image + 3).take(32);
        let mut sums = vec![0.0; 10];
        rows.for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, spike)| *sum += spike));
        assert_eq!(counted, sums, "image {image}");
        assert!(sums.iter().sum::<f64>() > 0.0);
    }
}

/// The network that the text form of another means.
fn reread(network: &Network) -> Network {
    let text = network.to_string();
    let again = parse::parse(&text, &print::store(network));
    let again = again.unwrap_or_else(|why| {
        let line = text.lines().nth(why.line.saturating_sub(1)).unwrap_or_default();
        panic!("line {}: {}: {line}", why.line, why.why)
    });
    assert_eq!(again.to_string(), text);
    again
}

#[test]
fn both_forms_of_every_example_survive_their_text() {
    for run in examples() {
        reread(&run.network);
        reread(&run.flat.0);
    }
}

#[test]
fn both_forms_of_random_programs_survive_their_text() {
    for compiled in programs(60) {
        for network in [&compiled.run.network, &compiled.run.flat.0] {
            assert!(divined(&reread(network)) == divined(network), "{network}");
        }
    }
}

#[test]
fn every_pass_keeps_networks_sound_and_their_meaning() {
    for compiled in programs(60) {
        let flat = network::flatten(&compiled.run.network).unwrap();
        let folded = network::fold(&flat);
        for network in [&flat.0, &folded.0] {
            assert_eq!(verify::verify(network), Ok(()));
        }
        assert!(divined(&folded.0) == divined(&compiled.run.network), "{}", compiled.run.network);
    }
}

/// Changed texts never panic the reader: they are read, or refused with a line.
#[test]
fn changed_texts_are_read_or_refused() {
    let mut refused = 0;
    for (n, compiled) in programs(12).enumerate() {
        let network = &compiled.run.network;
        let (text, store) = (network.to_string(), print::store(network));
        let lines: Vec<&str> = text.lines().collect();
        let mut state = n as u64 + 1;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for _ in 0..60 {
            let mut changed: Vec<String> = lines.iter().map(|l| (*l).to_string()).collect();
            let at = next(changed.len());
            match next(4) {
                0 => drop(changed.remove(at)),
                1 => changed.swap(at, lines.len() - 1),
                2 => changed[at] = changed[at].replacen(char::is_numeric, "7", 1 + next(3)),
                _ => {
                    let line = changed[at].clone();
                    let keep = next(line.len().max(1));
                    let kept = line.char_indices().take_while(|(i, _)| *i < keep);
                    changed[at] = kept.map(|(_, c)| c).collect();
                }
            }
            if let Err(why) = parse::parse(&changed.join("\n"), &store) {
                assert!(why.line <= lines.len() && !why.why.is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "only {refused} were refused");
}

/// A program around one process of the standard library: what it is called with, what drives it,
/// and the model.
struct Standard {
    process: &'static str,
    /// Arguments that are always given.
    given: &'static str,
    /// Parameters that may be changed without compiling, each with two values.
    params: &'static [(&'static str, &'static str, &'static str)],
    /// What is connected to its in port, `[8]`, or of a convolution `[4, 2, 1]`.
    input: &'static str,
}

const SPIKES: &str = "Source(data: bernoulli(0.4, shape: [30, 8], seed: 5))";
const GRADED: &str = "Source(data: uniform(-20, 90, shape: [30, 8], seed: 5))";
const IMAGE: &str = "Source(data: bernoulli(0.4, shape: [30, 4, 2, 1], seed: 5))";

const FIXED: &[Standard] = &[
    Standard {
        process: "LIF[8]",
        given: "",
        params: &[
            ("du", "400", "900"),
            ("dv", "300", "[1, 2, 3, 4, 5, 6, 7, 8]"),
            ("vth", "700", "300"),
            ("bias_mant", "30", "100"),
            ("bias_exp", "0", "2"),
            ("u", "0", "99"),
            ("v", "0", "640"),
        ],
        input: GRADED,
    },
    Standard {
        process: "LIFReset[8]",
        given: "reset_interval: 8",
        params: &[
            ("du", "400", "900"),
            ("dv", "300", "0"),
            ("vth", "700", "300"),
            ("bias_mant", "0", "50"),
        ],
        input: GRADED,
    },
    Standard {
        process: "TernaryLIF[8]",
        given: "",
        params: &[
            ("du", "400", "900"),
            ("dv", "300", "0"),
            ("vth_hi", "700", "300"),
            ("vth_lo", "-30", "-3"),
            ("bias_mant", "0", "-9"),
        ],
        input: GRADED,
    },
    Standard {
        process: "Dense",
        given: "",
        params: &[
            (
                "weights",
                "uniform(-100, 100, shape: [5, 8], seed: 1)",
                "uniform(-7, 250, shape: [5, 8], seed: 2)",
            ),
            ("weight_exp", "0", "-2"),
            ("num_weight_bits", "8", "5"),
            ("sign_mode", "-1", "2"),
        ],
        input: SPIKES,
    },
    Standard {
        process: "Dense",
        given: "num_message_bits: 8",
        params: &[
            (
                "weights",
                "uniform(0, 100, shape: [5, 8], seed: 1)",
                "uniform(-90, 1, shape: [5, 8], seed: 2)",
            ),
            ("weight_exp", "1", "-3"),
        ],
        input: GRADED,
    },
    Standard {
        process: "DelayDense",
        given: "max_delay: 4, delays: uniform(0, 4, shape: [5, 8], seed: 3)",
        params: &[
            (
                "weights",
                "uniform(-100, 100, shape: [5, 8], seed: 1)",
                "uniform(-7, 90, shape: [5, 8], seed: 2)",
            ),
            ("weight_exp", "0", "-1"),
        ],
        input: SPIKES,
    },
    Standard {
        process: "Sparse",
        given: "",
        params: &[
            (
                "weights",
                "sparse([5, 8], fan_in: 3, lo: -90, hi: 90, seed: 1)",
                "sparse([5, 8], fan_in: 4, lo: 1, hi: 200, seed: 2)",
            ),
            ("weight_exp", "0", "-2"),
        ],
        input: SPIKES,
    },
    Standard {
        process: "DelaySparse",
        given: "max_delay: 4, delays: 2",
        params: &[(
            "weights",
            "sparse([5, 8], fan_in: 3, lo: -90, hi: 90, seed: 1)",
            "sparse([5, 8], fan_in: 4, lo: 1, hi: 200, seed: 2)",
        )],
        input: SPIKES,
    },
    Standard {
        process: "Conv",
        given: "",
        params: &[(
            "weight",
            "uniform(-9, 10, shape: [3, 2, 2, 1], seed: 1)",
            "uniform(-9, 10, shape: [3, 2, 2, 1], seed: 2)",
        )],
        input: IMAGE,
    },
];

const FLOATING: &[Standard] = &[
    Standard {
        process: "LIF[8]",
        given: "",
        params: &[
            ("du", "0.1", "0.3"),
            ("dv", "0.2", "0.0"),
            ("vth", "700.0", "300.5"),
            ("bias_mant", "0.0", "1.25"),
            ("v", "0.0", "3.5"),
        ],
        input: GRADED,
    },
    Standard {
        process: "LIFRefractory[8]",
        given: "",
        params: &[("du", "0.1", "0.3"), ("vth", "700.0", "300.5"), ("refractory_period", "2", "3")],
        input: GRADED,
    },
    Standard {
        process: "Dense",
        given: "",
        params: &[(
            "weights",
            "normal(0.0, 1.0, shape: [5, 8], seed: 1)",
            "normal(0.5, 2.0, shape: [5, 8], seed: 2)",
        )],
        input: SPIKES,
    },
    Standard {
        process: "Sparse",
        given: "num_message_bits: 8",
        params: &[(
            "weights",
            "f64(sparse([5, 8], fan_in: 3, lo: -90, hi: 90, seed: 1))",
            "f64(sparse([5, 8], fan_in: 2, lo: 1, hi: 200, seed: 2))",
        )],
        input: GRADED,
    },
    Standard {
        process: "Conv",
        given: "",
        params: &[(
            "weight",
            "normal(0.0, 1.0, shape: [3, 2, 2, 1], seed: 1)",
            "normal(0.0, 2.0, shape: [3, 2, 2, 1], seed: 2)",
        )],
        input: IMAGE,
    },
];

/// The run of a process with one argument of its own.
fn with_argument(of: &Standard, models: &str, changed: &str, value: &str) -> CheckedRun {
    let mut arguments: Vec<String> = Vec::new();
    let given = of.given.split_inclusive(", ").filter(|a| !a.starts_with(&format!("{changed}:")));
    let given = given.collect::<String>();
    if !given.is_empty() {
        arguments.push(given.trim_end_matches(", ").to_string());
    }
    for (name, first, _) in of.params {
        let value = if *name == changed { value } else { first };
        arguments.push(format!("{name}: {value}"));
    }
    let (process, input) = (of.process, of.input);
    let text = format!(
        "network N {{\n    source = {input}\n    p = {process}({})\n    source -> p\n}}\n\
         run r of N {{\n    models {models}\n    steps 30\n    record *\n}}\n",
        arguments.join(", ")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("standard.snn");
    std::fs::write(&file, text).unwrap();
    program::check(&file, &[])
}

/// What a network gives, by the oracle on both forms and by the executor.
fn outcomes(network: &Network) -> [Outcome; 3] {
    let flat = network::flatten(network).unwrap();
    let mut sink = Sink::default();
    let ir = schedule::schedule(&mut sink, &network::fold(&flat)).unwrap();
    [divined(network), divined(&flat.0), executed(&Arc::new(ir), 1).0]
}

#[test]
fn a_param_changed_in_the_ir_is_the_param_compiled() {
    let mut changed = 0;
    for (models, all) in [("fixed_pt", FIXED), ("floating_pt", FLOATING)] {
        for of in all {
            for (name, first, second) in of.params {
                let what = format!("{name} of {} {models}", of.process);
                let before = with_argument(of, models, name, first);
                let after = with_argument(of, models, name, second);
                let path = format!("p.{name}");
                let place = |n: &Network| n.params.iter().position(|p| p.path == path);
                let (at, from) = (place(&before.network), place(&after.network));
                let at = at.unwrap_or_else(|| panic!("{what} is no param"));
                let from = from.unwrap_or_else(|| panic!("{what} is no param"));
                assert!(!before.network.params[at].structural, "{what} is structural");
                let mut network = before.network.clone();
                let tensor = after.network.params[from].tensor.at();
                network.tensors.push(after.network.tensors[tensor].clone());
                let new = network::TensorId(network.tensors.len() as u32 - 1);
                let old = network.tensors[network.params[at].tensor.at()].shape.clone();
                if network.tensors[new.at()].shape != old {
                    // Of another shape it is another network.
                    continue;
                }
                network.params[at].tensor = new;
                let expected = outcomes(&after.network);
                assert!(outcomes(&network) == expected, "{what}");
                assert!(outcomes(&before.network)[0] != expected[0], "{what} has no effect");
                changed += 1;
            }
        }
    }
    assert!(changed > 30, "only {changed} params were changed");
}

#[test]
fn equal_processes_share_what_they_do() {
    let text = "network N {\n    source = Source(data: bernoulli(0.5, shape: [4, 3], seed: 1))\n    \
                a = LIF[3](vth: 3)\n    b = LIF[3](vth: 4)\n    c = LIF[3](vth: 4)\n    \
                w = Dense(weights: eye(3))\n    x = Dense(weights: eye(3), num_message_bits: 8)\n    \
                source -> w -> a -> x -> b\n    x -> c\n}\n\
                run r of N {\n    models fixed_pt\n    steps 4\n}\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shared.snn");
    std::fs::write(&file, text).unwrap();
    let network = program::check(&file, &[]).network;
    let body = |path: &str| network.instances.iter().find(|i| i.path == path).unwrap().body;
    assert!(body("a") == body("b") && body("b") == body("c"), "a threshold decides nothing");
    assert_ne!(body("w"), body("x"), "whether messages have payloads decides a branch");
}

#[test]
fn data_files_stay_files() {
    let run = examples().swap_remove(0);
    let files = run.network.tensors.iter().filter(|t| matches!(t.data, Data::File(_)));
    assert!(files.count() >= 1, "the images of the example are not read by the compiler");
}
