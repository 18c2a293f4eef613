//! Training: what a network learns from.
//!
//! A network is differentiated as a whole, as a program: [`reverse()`] makes of a network in the
//! flat form another one in the same form, which executes a sample and then goes back through
//! its steps. Whatever executes networks executes that one too, bit for bit alike.

pub mod reverse;

pub use reverse::{Ask, Refused, Reversed, reverse};
