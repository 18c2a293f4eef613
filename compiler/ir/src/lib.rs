//! What all stages of the compiler share, and no stage of its own.
//!
//! [`network`] is the contract between front and back, in two forms; [`step`] what a step of a
//! network does once it is scheduled. Both stand on [`scalar`] operations, [`tensor`]s and
//! [`clock`]s. [`diagnostics`] is what a stage has to say.

pub mod circles;
pub mod clock;
pub mod data;
pub mod diagnostics;
pub mod hash;
pub mod markup;
pub mod network;
pub mod scalar;
pub mod step;
pub mod tensor;
pub mod training;
