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
//! | step a network, look at it and write to it | [`Session`] |
//! | place it on a chip | [`place`] |
//!
//! ```
//! use snnc::{Memory, Options, Progress, Settings, check_text};
//! use std::ops::ControlFlow;
//!
//! let text = "
//! const threshold = 10
//! network Pair { cell = LIF[2](vth: threshold, bias_mant: 3) }
//! run r of Pair { models fixed_pt; steps 100; record cell.s_out }
//! ";
//! // Other files that a program names would lie in memory, too; `Disk` has those of the machine.
//! let files = Memory::new();
//! let options = Options { set: vec![("threshold".into(), "20".into())], ..Options::default() };
//! let checked = check_text(&files, "pair.snn".as_ref(), text, &options);
//! assert!(!checked.has_errors(), "{}", checked.rendered());
//!
//! // Told by any thread a few times a second; `Break` stops the run.
//! let progress = |progress: Progress<'_>| match progress {
//!     Progress::Steps { done, of } if done > of => ControlFlow::Break(()),
//!     _ => ControlFlow::Continue(()),
//! };
//! let settings = Settings {
//!     engine: Some(snnc::Engine::Executor),
//!     progress: Some(&progress),
//!     ..Settings::default()
//! };
//! let executed = checked.runs[0].execute(&files, &settings).map_err(|d| d.message)?;
//! let spikes = executed.array(0).map_err(|d| d.message)?;
//! assert_eq!(spikes.shape, [100, 2]);
//! # Ok::<(), String>(())
//! ```
//!
//! # Features
//!
//! `command` (on by default) is all that the command needs: `compiled` runs networks as programs
//! that Cargo compiles, `loihi2` places them, `plots` draws what was recorded. Without features
//! the library needs no operating system and runs in a browser.

pub mod driver;
pub mod execute;
pub mod graph;
pub mod json;
pub mod origin;
pub mod report;
pub mod session;
pub mod sweep;

pub use driver::{Checked, CheckedRun, Options, Runs, check, check_text};
pub use execute::{Engine, Executed, Progress, Settings};
pub use session::Session;
pub use snn_data::{Disk, Files, Memory};
pub use snn_ir::diagnostics::{Code, Diagnostic, Severity};
pub use snn_ir::tensor::{Tensor, Values};
#[cfg(feature = "loihi2")]
pub use snn_loihi2 as place;
