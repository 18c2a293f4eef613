//! What the integration tests share.

pub mod batch;
pub mod checked;
pub mod gradient;
pub mod mnist;
pub mod program;
pub mod programs;
pub mod random_ir;
pub mod smooth;
pub mod tangent;
pub mod timing;
