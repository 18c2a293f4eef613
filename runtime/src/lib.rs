//! What executes networks: those that the compiler holds, and the Rust code that it generates.
//! It knows nothing about the language.
//!
//! What a single step needs is [`snn_core`], which is passed on here; this crate adds files,
//! threads, recordings, and the command line of generated programs (feature `program`).

pub mod execute;
pub mod folder;
pub mod npy;
pub mod npz;
pub mod pace;
#[cfg(feature = "program")]
pub mod program;
#[cfg(feature = "program")]
pub mod progress;
pub mod record;
#[cfg(feature = "program")]
pub mod table;
pub mod train;

pub use snn_core::{Array, Column, Element, Fault, Learn, Network};
pub use snn_core::{arith, array, kernels, network, random, support, training};
