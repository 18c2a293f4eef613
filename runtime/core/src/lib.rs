//! What a step of a network needs, wherever it is executed: arithmetic, weight kernels, arrays,
//! and what a network is to whoever steps it. There is no operating system in it.

#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod arith;
pub mod array;
pub mod kernels;
pub mod network;
pub mod random;
pub mod support;
pub mod training;

pub use array::Array;
pub use network::{Column, Element, Fault, Learn, Network};
