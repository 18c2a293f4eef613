//! What the integration tests share.

pub mod batch;
pub mod mnist;
pub mod random_ir;
pub mod program;
