//! From the text of `.snn` files to a checked [network](snn_ir::network), stage by stage.

pub mod clocks;
pub mod elaborate;
pub mod import;
pub mod requests;
pub mod resolve;
pub mod training;
pub mod types;
pub mod unused;
