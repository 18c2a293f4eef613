//! What a network becomes on Loihi 2.

pub mod placement;
