//! Lowering to Loihi 2: a checked network becomes a placement manifest.

pub mod mapped;
pub mod network;
pub mod partition;
pub mod profile;
pub mod ranges;
pub mod resources;
pub mod site;
