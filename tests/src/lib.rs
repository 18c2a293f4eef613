//! What the integration tests share.

pub mod mnist;
pub mod random_ir;
