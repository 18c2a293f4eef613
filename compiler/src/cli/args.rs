//! The command line. The only file that knows `clap`.

use clap::{Args, Parser, Subcommand};
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
    /// Explain an error code
    #[command(after_help = "Examples:\n  \
        snnc explain              all codes, one line each\n  \
        snnc explain E0312        what this error means, with an example")]
    Explain {
        /// An error code such as E0312
        #[arg(value_name = "CODE")]
        subject: Option<String>,
    },
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
}
