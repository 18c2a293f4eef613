//! Loops as lists of operations on blocks of elements.
//!
//! The step IR allows all elements of one statement before the next (its invariant 1). So a
//! loop is executed block by block, and within one operation by operation, each a loop over typed
//! elements. `compile` writes these lists.

use super::array::Type;
use snn_ir::scalar::{Op, Scalar};
use snn_ir::step::{BufferId, Source};
use std::collections::BTreeMap;

/// Elements of a block at most: its registers should stay in the nearest cache.
pub const BLOCK: usize = 1024;

/// An array with a value for each element of a block, or for each of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register {
    pub ty: Type,
    pub number: usize,
    /// Whether all elements of a row have the same value, which is there once.
    pub per_row: bool,
}

/// What an operation is applied to.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    Constant(Type, Scalar),
    Register(Register),
    /// The elements of a buffer, where they lie: each the one that is computed.
    Elements(BufferId, Type),
}

/// A loop over a domain of elements: rows along its last axis.
#[derive(Clone, Debug)]
pub struct Code {
    /// The axes of the domain but the last.
    pub outer: Vec<usize>,
    /// Elements of a row.
    pub inner: usize,
    /// What is done with each block.
    pub steps: Vec<Step>,
    /// The value of each element, where the code computes one.
    pub result: Option<Operand>,
}

/// An operation on a block.
#[derive(Clone, Debug)]
pub enum Step {
    /// The step counter.
    Time(Register),
    /// Random numbers.
    Random { to: Register, seed: u64, site: u64 },
    /// Elements of a buffer or tensor.
    Load { to: Register, from: Place },
    /// The same for each element.
    Spread { to: Register, from: Operand },
    /// An operation on as many operands as it has, put in a register or in the elements of a
    /// buffer, which is none of them.
    Apply { to: Operand, op: Op, operands: Vec<Operand> },
    /// Leaves out so many steps where a condition holds for no element.
    Unless { mask: Operand, steps: usize },
    /// An assignment, where a condition holds.
    Store { to: Place, value: Operand, mask: Option<Operand> },
}

/// Where the elements of a block are.
#[derive(Clone, Debug)]
pub struct Place {
    pub source: Source,
    /// Whether each element is the one that is computed.
    pub in_order: bool,
    pub offset: i64,
    /// A stride for each axis but the last.
    pub outer: Vec<i64>,
    /// From one element of a row to the next.
    pub inner: i64,
    /// Indices, which are the same for all elements: their value, stride, extent.
    pub dynamic: Vec<(Operand, i64, usize)>,
    /// Where this holds for no element of a row, its indices are not looked at.
    pub mask: Option<Operand>,
}

impl Operand {
    pub fn ty(&self) -> Type {
        match self {
            Operand::Constant(ty, _) | Operand::Elements(_, ty) => *ty,
            Operand::Register(register) => register.ty,
        }
    }
}

impl Step {
    /// The registers that it reads.
    fn reads(&mut self, f: &mut dyn FnMut(&mut Register)) {
        let mut operand = |operand: &mut Operand| {
            if let Operand::Register(register) = operand {
                f(register);
            }
        };
        let place = |place: &mut Place, operand: &mut dyn FnMut(&mut Operand)| {
            place.dynamic.iter_mut().for_each(|(index, ..)| operand(index));
            place.mask.iter_mut().for_each(&mut *operand);
        };
        match self {
            Step::Time(_) | Step::Random { .. } => {}
            Step::Load { from, .. } => place(from, &mut operand),
            Step::Spread { from, .. } => operand(from),
            Step::Apply { operands, .. } => operands.iter_mut().for_each(operand),
            Step::Unless { mask, .. } => operand(mask),
            Step::Store { to, value, mask } => {
                place(to, &mut operand);
                operand(value);
                mask.iter_mut().for_each(operand);
            }
        }
    }

    /// The register that it writes.
    pub fn writes(&mut self) -> Option<&mut Register> {
        match self {
            Step::Time(to)
            | Step::Random { to, .. }
            | Step::Load { to, .. }
            | Step::Spread { to, .. }
            | Step::Apply { to: Operand::Register(to), .. } => Some(to),
            Step::Apply { .. } | Step::Unless { .. } | Step::Store { .. } => None,
        }
    }
}

impl Code {
    /// Gives registers new numbers, as few as are needed at a time. Every register is written
    /// once, and has a number of its own.
    pub fn reuse_registers(&mut self) {
        let mut last: BTreeMap<Register, usize> = BTreeMap::new();
        for (at, step) in self.steps.iter_mut().enumerate() {
            step.reads(&mut |register| {
                last.insert(*register, at);
            });
        }
        if let Some(Operand::Register(result)) = &self.result {
            last.insert(*result, self.steps.len());
        }
        let mut names: BTreeMap<Register, Register> = BTreeMap::new();
        let mut free: BTreeMap<Type, Vec<usize>> = BTreeMap::new();
        let mut count: BTreeMap<Type, usize> = BTreeMap::new();
        for (at, step) in self.steps.iter_mut().enumerate() {
            let mut read = Vec::new();
            step.reads(&mut |register| {
                read.push(*register);
                *register = names[register];
            });
            // While what it reads is still taken: it writes to none of these.
            if let Some(to) = step.writes() {
                let number = free.entry(to.ty).or_default().pop().unwrap_or_else(|| {
                    let count = count.entry(to.ty).or_default();
                    *count += 1;
                    *count - 1
                });
                let new = Register { number, ..*to };
                names.insert(std::mem::replace(to, new), new);
            }
            read.sort_unstable();
            read.dedup();
            for register in read.into_iter().filter(|register| last[register] == at) {
                free.entry(register.ty).or_default().push(names[&register].number);
            }
        }
        if let Some(Operand::Register(result)) = &mut self.result {
            *result = names[result];
        }
    }
}
