//! What the integration tests share.

pub mod batch;
pub mod random_ir;
