//! Lowering to Loihi 2: a checked network becomes a placement manifest.

pub mod estimate;
#[cfg(test)]
mod fixtures;
pub mod manifest;
pub mod mapped;
pub mod network;
pub mod plan;
pub mod profile;
pub mod ranges;
pub mod resources;
pub mod site;
pub mod traffic;
pub mod verify;
pub mod weights;
