//! Step IR to a Rust crate.
//!
//! The crate is readable and deterministic: a structure with an array per buffer, a method per
//! phase, a function per loop, no `unsafe`. It calls [`snn_runtime`] for what is not elementwise.
//! Constants lie in `.npy` files beside it, and so does all that is given, numbers of one type in
//! one file: its text follows from the network and from what is proven of values, not from them.
//!
//! | file | what it knows |
//! |---|---|
//! | `printer` | the `codegen` crate: how Rust is laid out |
//! | `names` | identifiers |
//! | `typed` | pieces of text with a type and a precedence |
//! | `expr` | expressions, and in what width they are computed |
//! | `places` | axes, indices, parameters of a loop |
//! | `loops` | elementwise statements and reductions as functions |
//! | `clock` | clocks as conditions |
//! | `network` | the structure, its phases and ops |
//! | `contract` | how the runner moves it through time |
//! | `data` | constants and their files |
//! | `package` | manifest, program, read-me |
//! | `write` | the crate on disk |
//! | `build` | compiling it, and what is kept for the next time |

pub mod build;
mod clock;
mod contract;
mod data;
mod expr;
mod loops;
mod names;
mod network;
mod package;
mod places;
mod printer;
mod reduce;
mod synapses;
mod typed;
mod write;

pub use data::{Contents, DataFile};
pub use write::write;

use printer::Item;
use snn_data::Files;
use snn_ir::diagnostics::Diagnostic;
use snn_ir::step::StepIr;

/// What the generated files say about their origin.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The generator's version.
    pub generator: String,
    /// A hash of the network's source.
    pub source_hash: String,
}

/// A crate, not yet on disk.
#[derive(Clone, Debug)]
pub struct GeneratedCrate {
    /// The name of the package and of its library: an identifier.
    pub name: String,
    /// Paths (with `/`) and texts, without `Cargo.toml`.
    pub files: Vec<(String, String)>,
    /// The files of the `data` folder.
    pub data: Vec<DataFile>,
}

impl GeneratedCrate {
    /// The text of `Cargo.toml`, for a package name and the path of the runtime.
    pub fn manifest(&self, package: &str, runtime: &str) -> String {
        package::manifest(package, &self.name, runtime)
    }
}

/// The crate that executes `ir`, whose ranges must have been analysed
/// ([`snn_ir::step::ranges::analyse`]).
///
/// # Errors
/// Where weights lie in a data file that cannot be read.
pub fn emit(
    ir: &StepIr,
    files: &dyn Files,
    provenance: &Provenance,
) -> Result<GeneratedCrate, Diagnostic> {
    let library = package::library(&ir.network);
    let network = names::camel(&ir.network);
    let mut tables = data::Tables::new();
    let network_items = network::Emitter::new(ir, &network, &mut tables).items();
    let (mut items, data) = tables.items(ir, files)?;
    items.push(Item::Function(package::plan(ir)));
    items.extend(network_items);
    let lib = printer::print(&package::header(ir, provenance, &library, &network), &items);
    let texts = vec![
        (".cargo/config.toml".into(), package::cargo_config()),
        (".gitignore".into(), "/target\n".into()),
        ("README.md".into(), package::read_me(ir, provenance, &library, &network)),
        ("src/lib.rs".into(), lib),
        ("src/main.rs".into(), package::program(provenance, &library, &network)),
    ];
    Ok(GeneratedCrate { name: library, files: texts, data })
}
