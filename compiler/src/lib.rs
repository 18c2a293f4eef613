//! The compiler for spiking neural networks described in `.snn` files.
//!
//! One folder a stage; [`driver`] shows the whole in a page.

mod circles;
pub mod clocks;
pub mod data;
pub mod diagnostics;
pub mod driver;
pub mod elaborate;
pub mod execute;
pub mod executor;
pub mod graph;
pub mod import;
pub mod ir;
pub mod lower;
pub mod network;
pub mod oracle;
mod parallel;
pub mod report;
pub mod resolve;
pub mod scalar;
pub mod schedule;

pub mod tensor;
pub mod types;
mod unused;
