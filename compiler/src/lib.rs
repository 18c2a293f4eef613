//! The compiler for spiking neural networks described in `.snn` files.
//!
//! One folder a stage; [`driver`] shows the whole in a page.

pub mod driver;
pub mod execute;
pub mod graph;
pub mod json;
pub mod report;
