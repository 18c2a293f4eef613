//! The command line. The only file that knows `clap`.

use clap::{Parser, Subcommand};

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
