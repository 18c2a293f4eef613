//! The compiler for spiking neural networks described in `.snn` files, for programs.
//!
//! The command `snnc` is a thin user of this library, and so are all other places where networks
//! are compiled and run.
//!
//! | to | use |
//! |---|---|
//! | compile a file, or a text | [`check`], [`check_text`] |
//! | see what is wrong | [`Checked::diagnostics`], values with codes, places and changes that mend; [`Checked::rendered`], [`json`] |
//! | replace constants and data | [`Options::set`], [`Options::arrays`] |
//! | keep files in memory | [`Memory`], [`Overlay`](snn_data::Overlay), any [`Files`] |
//! | execute a run | [`CheckedRun::execute`] with [`Settings`]: engine, threads, progress, stopping |
//! | use what it recorded | [`Executed::array`], [`report::evaluate`]; where it comes from: [`origin`] |
//! | run a grid of values | [`sweep`] |
//! | check what a network learns, and from what | [`Options::train`], [`CheckedTraining`] |
//! | step a network, look at it and write to it | [`Session`] |
//! | place it on a chip | [`place`] |
//!
//! [`embedding`] shows each of them at work.
//!
//! # Features
//!
//! `command` (on by default) is all that the command needs: `compiled` runs networks as programs
//! that Cargo compiles, `loihi2` places them, `plots` draws what was recorded. Without features
//! the library needs no operating system and runs in a browser.

pub mod driver;
#[doc = include_str!("../../spec/embedding.md")]
pub mod embedding {}
pub mod execute;
pub mod graph;
pub mod json;
pub mod origin;
pub mod report;
pub mod session;
pub mod sweep;
pub mod training;

pub use driver::{Checked, CheckedRun, CheckedTraining, Options, Runs, check, check_text};
pub use execute::{Engine, Executed, Progress, Settings};
pub use session::Session;
pub use snn_data::{Disk, Files, Memory};
pub use snn_ir::diagnostics::{Code, Diagnostic, Severity};
pub use snn_ir::tensor::{Tensor, Values};
#[cfg(feature = "loihi2")]
pub use snn_loihi2 as place;
