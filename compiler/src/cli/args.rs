//! The command line. The only file that knows `clap`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZero;
use std::path::PathBuf;

/// What the user asked for.
#[derive(Parser, Debug)]
#[command(
    name = "snnc",
    version,
    about = "Compiler for spiking neural networks described in .snn files",
    long_about = "Compiler for spiking neural networks.\n\n\
        A .snn file declares processes with typed ports and state, how they connect, when \
        state is reset and how the network is run. snnc checks all of it before anything \
        runs, and then executes it as compiled Rust code.",
    after_help = "Exit status: 0 fine; 1 the program has errors, or what it expects does not \
        hold; 2 wrong usage; 101 an error in snnc itself.\n\
        Diagnostics go to standard error, results to standard output.",
    after_long_help = "Examples:\n  \
        snnc check net.snn                    find all errors, run nothing\n  \
        snnc run net.snn --set images=100     execute, with a constant changed\n  \
        snnc run net.snn -o results.npz       and keep what the run records\n  \
        snnc compare a.npz b.npz              whether two recordings are the same\n  \
        snnc explain E0312                    what an error means and how to fix it\n  \
        snnc explain net.snn                  latencies, clocks, queues, kernels, and why\n  \
        snnc graph net.snn -o net.svg         a picture of the network\n\n\
        Exit status: 0 fine; 1 the program has errors, or what it expects does not hold; \
        2 wrong usage; 101 an error in snnc itself. Diagnostics go to standard error, results \
        to standard output. Colour is used on terminals unless NO_COLOR is set.",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check a network: names, types, shapes, clocks, latencies, targets
    #[command(after_help = "Examples:\n  \
        snnc check net.snn --set n_ts=20\n  \
        snnc check net.snn --deny warnings    for scripts: status 1 unless all is said to be fine\n  \
        snnc check net.snn --fix            change what has only one remedy: a misspelt name, say")]
    Check {
        /// What is checked
        #[command(flatten)]
        program: Program,
        /// What else is an error
        #[command(flatten)]
        strictness: Strictness,
        /// Change the file where a message says what was surely meant, and check it again
        #[arg(long)]
        fix: bool,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
    },
    /// Compile a network: write the generated Rust crate, or the placement on Loihi 2
    #[command(after_help = "Examples:\n  \
        snnc build net.snn -o generated && cargo run --release --manifest-path generated/Cargo.toml\n  \
        snnc build net.snn --run l2hw                          a placement, by the run's target\n  \
        snnc build net.snn --run l2hw --profile-with l2sim     with the spike rates of a simulation\n\n\
        A placement is a folder with manifest.yaml, weights.h5, placement.txt and placement.svg.")]
    Build {
        /// What is compiled
        #[command(flatten)]
        program: Program,
        /// The folder to write [default: build/RUN]
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// What it is compiled to
        #[command(flatten)]
        lowering: Lowering,
    },
    /// Check a placement from its manifest alone: every figure and rule is derived again
    #[command(after_help = "Example: snnc verify build/l2hw/manifest.yaml\n\n\
        The file of weights, and the program if it is there, are looked for beside the manifest; \
        without weights only what depends on them is taken as it stands.")]
    Verify {
        /// The manifest
        #[arg(value_name = "MANIFEST", required_unless_present = "schema")]
        manifest: Option<PathBuf>,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
        /// Print the JSON Schema of manifests and end
        #[arg(long, exclusive = true)]
        schema: bool,
    },
    /// Execute a network: report metrics, keep recordings, check expectations
    #[command(after_help = "Examples:\n  \
        snnc run net.snn\n  \
        snnc run net.snn --run sim --set images=100 --threads 4 -o results.npz\n  \
        snnc run net.snn --interpret        without compiling; slower\n  \
        snnc run net.snn --engine oracle    as the specification says; slower")]
    Run {
        /// What is executed
        #[command(flatten)]
        program: Program,
        /// What else is an error
        #[command(flatten)]
        strictness: Strictness,
        /// What executes it: all give the same bits [default: compiled where that is done already
        /// or quicker in spite of compiling, else executor]
        #[arg(long, value_enum, value_name = "ENGINE")]
        engine: Option<Engine>,
        /// The same as `--engine executor`
        #[arg(long, conflicts_with = "engine")]
        interpret: bool,
        /// Threads to use at most [default: all cores]
        #[arg(long, value_name = "N")]
        threads: Option<NonZero<usize>>,
        /// Write what the run records to an .npz file; plots go next to it [default: no file,
        /// plots in the current folder]
        #[arg(short, long, value_name = "FILE.npz")]
        output: Option<PathBuf>,
        /// Show no progress
        #[arg(short, long)]
        quiet: bool,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
    },
    /// Train a network: what a `train` block of the file says, with the network's own arithmetic
    #[command(after_help = "Examples:\n  \
        snnc train digits.snn\n  \
        snnc train digits.snn --train fine --set hidden=256 --epochs 5\n  \
        snnc train digits.snn --resume      go on after an interruption: the same bytes in the end\n\n\
        Beside what the block exports, curves.svg, stats.csv and NAME.checkpoint.npz are written.")]
    Train {
        /// The .snn file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Which train block of the file [default: the first]
        #[arg(long, value_name = "NAME")]
        train: Option<String>,
        /// Give a constant of the file another value; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
        set: Vec<(String, String)>,
        /// What else is an error
        #[command(flatten)]
        strictness: Strictness,
        /// Go on from the checkpoint of a training that was interrupted
        #[arg(long)]
        resume: bool,
        /// So many epochs, whatever the block says
        #[arg(long, value_name = "N")]
        epochs: Option<NonZero<u64>>,
        /// Threads to use at most: they change no bit [default: all cores]
        #[arg(long, value_name = "N")]
        threads: Option<NonZero<usize>>,
        /// The folder to write [default: that of the file]
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Show no progress
        #[arg(short, long)]
        quiet: bool,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
    },
    /// Compare two recordings bit for bit: whether they are the same, and where they first differ
    #[command(after_help = "Examples:\n  \
        snnc compare before.npz after.npz\n  \
        snnc compare a.npz b.npz --json | jq .first\n\n\
        Named are the first row (of what is recorded in every step, row 0 is step 1), key and \
        element that differ, with both values, and then all keys that do. Rows and elements \
        count from 0. NaN is the same as NaN only with the same bits.\n\
        Exit status: 0 they are the same; 1 they differ, or one cannot be read; 2 wrong usage.")]
    Compare {
        /// An .npz file, compressed or not
        #[arg(value_name = "A.npz")]
        first: PathBuf,
        /// Another
        #[arg(value_name = "B.npz")]
        second: PathBuf,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
    },
    /// Explain an error code, or how a network will execute
    #[command(after_help = "Examples:\n  \
        snnc explain              all codes, one line each\n  \
        snnc explain E0312        what this error means, with an example\n  \
        snnc explain net.snn      latencies, clocks, queues, windows, kernels, and why\n  \
        snnc explain net.snn --emit network    processes, values, messages as the compiler has them")]
    Explain {
        /// An error code such as E0312, or a .snn file
        #[arg(value_name = "CODE|FILE")]
        subject: Option<PathBuf>,
        /// Print a form of the file's runs instead
        #[arg(long, value_enum, value_name = "FORM")]
        emit: Option<Form>,
        /// How a file is read
        #[command(flatten)]
        options: RunChoice,
    },
    /// Draw the network: processes, connections, shapes and clocks
    #[command(after_help = "Examples:\n  \
        snnc graph net.snn -o net.svg\n  \
        snnc graph net.snn --dot | dot -Tpdf > net.pdf")]
    Graph {
        /// What is drawn
        #[command(flatten)]
        program: Program,
        /// Write SVG [default, unless the output ends in .dot]
        #[arg(long, conflicts_with = "dot")]
        svg: bool,
        /// Write DOT, the language of Graphviz
        #[arg(long)]
        dot: bool,
        /// The file to write [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Describe a trained network from a file of another tool in a .snn file
    #[command(after_help = "Examples:\n  \
        snnc import mnist.net -o mnist.snn\n  \
        snnc import mnist.net --reset-interval 32 --reset-offset 1")]
    Import {
        /// The file: .net (HDF5, as lava-dl exports networks)
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The .snn file to write [default: standard output]
        #[arg(short, long, value_name = "FILE.snn")]
        output: Option<PathBuf>,
        /// How it is read
        #[command(flatten)]
        options: Loader,
    },
    /// Say where compiled programs and their data are kept, and how much that is
    #[command(after_help = "Examples:\n  \
        snnc cache\n  \
        snnc cache --clean      remove all of it; what is needed again is made again\n\n\
        The folder is SNNC_CACHE, or else the user's own for caches. It is bounded: what was not \
        used for the longest time goes first.")]
    Cache {
        /// Remove everything
        #[arg(long)]
        clean: bool,
        /// Print one JSON object on standard output instead of text
        #[arg(long)]
        json: bool,
    },
    /// Rewrite files in canonical formatting
    #[command(after_help = "Examples:\n  \
        snnc fmt net.snn lib/*.snn\n  \
        snnc fmt --check net.snn      change nothing, exit status 1 if it would")]
    Fmt {
        /// The files; `-` formats standard input to standard output
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Name the files that are not in canonical formatting, change none
        #[arg(long)]
        check: bool,
    },
}

/// What executes a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A program that is compiled for it; needs a Rust toolchain
    Compiled,
    /// In this process, without compiling: a few times slower
    #[value(alias = "interpreter")]
    Executor,
    /// What the specification says, message by message; slower still
    Oracle,
}

/// A form of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Processes, with their messages
    Network,
    /// One process, its statements in order
    Flat,
    /// What a step does to buffers, as it is executed
    Step,
}

/// A program and how it is read.
#[derive(Args, Debug)]
pub struct Program {
    /// The .snn file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is read
    #[command(flatten)]
    pub options: RunChoice,
}

/// How a program is read.
#[derive(Args, Debug, Clone)]
pub struct RunChoice {
    /// Which run of the file [default: the first; to check and explain: all]
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Give a constant of the file another value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

/// What else is an error.
#[derive(Args, Debug, Clone)]
pub struct Strictness {
    /// Make errors of all warnings that no `allow` accepts
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    pub deny: Option<String>,
}

/// What a program is compiled to.
#[derive(Args, Debug, Clone)]
pub struct Lowering {
    /// The target, whatever the run says
    #[arg(long, value_name = "TARGET", value_parser = ["rust", "loihi2"])]
    pub target: Option<String>,
    /// What a placement is to be good at [default: what the run says, or energy]
    #[arg(long, value_name = "WHAT", value_parser = ["energy", "latency", "edp"])]
    pub optimize: Option<String>,
    /// Execute this run of the same network and take the spike rates from it
    #[arg(long, value_name = "RUN")]
    pub profile_with: Option<String>,
    /// Write the placement also for another simulator
    #[arg(long, value_name = "FORMAT", value_parser = ["sana-fe"])]
    pub emit: Option<String>,
    /// Execute in this process, which needs no Rust toolchain
    #[arg(long, requires = "profile_with")]
    pub interpret: bool,
    /// What else is an error
    #[command(flatten)]
    pub strictness: Strictness,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
    /// Print one JSON object on standard output instead of text
    #[arg(long)]
    pub json: bool,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("must be NAME=VALUE, such as images=100".to_owned()),
    }
}

/// The options of the original loader, with their meanings there.
#[derive(Args, Debug)]
pub struct Loader {
    /// Reset neurons every N steps, each layer a step after the one before
    #[arg(long, value_name = "N")]
    pub reset_interval: Option<i64>,
    /// The step before the one at which the first layer is reset [default: 0]
    #[arg(long, value_name = "K", requires = "reset_interval")]
    pub reset_offset: Option<i64>,
    /// Read only the first N layers
    #[arg(long, value_name = "N")]
    pub num_layers: Option<i64>,
    /// Leave out the first N layers
    #[arg(long, value_name = "N")]
    pub skip_layers: Option<i64>,
    /// The shape of the input, such as 28,28
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub input_shape: Option<Vec<i64>>,
    /// Bits of the messages into the first layer; 0 for spikes [default: 0]
    #[arg(long, value_name = "BITS")]
    pub input_message_bits: Option<i64>,
    /// The fixed-point exponent of sigma-delta layers
    #[arg(long, value_name = "E")]
    pub spike_exp: Option<i64>,
    /// Store synapses sparsely; the numbers are the same
    #[arg(long)]
    pub sparse_fc_layer: bool,
}

/// Reads the command line; ends the process with a message and status 2 where it is wrong,
/// and with status 0 after `--help` and `--version`.
pub fn parse() -> Cli {
    Cli::parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_are_names_and_values() {
        let parsed = Cli::try_parse_from(["snnc", "check", "a.snn", "--set", "n = 1=2"]).unwrap();
        let Command::Check { program, .. } = parsed.command else { panic!("another command") };
        assert_eq!(program.options.set, [("n".to_owned(), "1=2".to_owned())]);
        for wrong in ["n", "=1", "n="] {
            assert!(Cli::try_parse_from(["snnc", "check", "a.snn", "--set", wrong]).is_err());
        }
    }
}
