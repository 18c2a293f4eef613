//! From a [network](snn_ir::network) to [what a step does](snn_ir::step), and its execution in this
//! process.

pub mod executor;
pub mod schedule;
