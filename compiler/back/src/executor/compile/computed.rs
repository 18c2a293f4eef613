//! What a loop has computed already: the way back of a training computes the same several times.

use super::{Operand, Register, Type};
use snn_ir::scalar::{Op, Scalar};
use snn_ir::step::BufferId;
use std::collections::HashMap;

/// Operations with their operands, in the order in which they were added.
#[derive(Default)]
pub struct Computed {
    found: HashMap<Key, Register>,
    order: Vec<Key>,
}

/// So many are looked through at each store.
const MOST: usize = 256;

/// An operation with its operands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Op, Type, Vec<Part>);

/// An operand; floats by their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Constant(Type, u64),
    Register(Register),
    Elements(BufferId, Type),
}

impl Key {
    fn of(op: Op, ty: Type, operands: &[Operand]) -> Key {
        let part = |operand: &Operand| match *operand {
            Operand::Constant(ty, value) => Part::Constant(
                ty,
                match value {
                    Scalar::Bool(value) => value.into(),
                    Scalar::Int(value) => value as u64,
                    Scalar::F32(value) => value.to_bits().into(),
                    Scalar::F64(value) => value.to_bits(),
                },
            ),
            Operand::Register(register) => Part::Register(register),
            Operand::Elements(buffer, ty) => Part::Elements(buffer, ty),
        };
        Key(op, ty, operands.iter().map(part).collect())
    }
}

impl Computed {
    /// The register that has the result of an operation.
    pub fn find(&self, op: Op, ty: Type, operands: &[Operand]) -> Option<Register> {
        self.found.get(&Key::of(op, ty, operands)).copied()
    }

    /// Notes that a register has the result of an operation.
    pub fn add(&mut self, op: Op, ty: Type, operands: &[Operand], to: Register) {
        let key = Key::of(op, ty, operands);
        self.order.push(key.clone());
        self.found.insert(key, to);
    }

    /// Forgets all where there are too many to look through at each store, so that a long loop takes
    /// no longer a statement than a short one.
    pub fn bound(&mut self) {
        if self.order.len() > MOST {
            self.order.clear();
            self.found.clear();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Forgets all but the first ones: the others may not have been executed.
    pub fn truncate(&mut self, len: usize) {
        for key in self.order.drain(len.min(self.order.len())..) {
            self.found.remove(&key);
        }
    }

    /// Forgets what was computed of a buffer, which has other elements now.
    pub fn stored(&mut self, buffer: BufferId) {
        self.forget(|key, _| {
            key.2.iter().any(|part| matches!(part, Part::Elements(of, _) if *of == buffer))
        });
    }

    /// Forgets what a register has: it was put elsewhere.
    pub fn moved(&mut self, register: Register) {
        self.forget(|_, to| *to == register);
    }

    fn forget(&mut self, old: impl Fn(&Key, &Register) -> bool) {
        let found = &mut self.found;
        self.order.retain(|key| {
            let forgotten = found.get(key).is_none_or(|to| old(key, to));
            if forgotten {
                found.remove(key);
            }
            !forgotten
        });
    }
}
