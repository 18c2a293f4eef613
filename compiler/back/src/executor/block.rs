//! Executes the code of a loop, block by block.

use super::array::Array;
use super::code::{BLOCK, Code, Place, Register, Step, slot};
use super::{Fault, Written};
use snn_ir::scalar::{Op, Scalar, Slice, SliceMut};
use snn_ir::step::{Kind, Source, StepIr};
use snn_ir::tensor::{Tensor, Values};
use std::sync::Arc;

/// A fault on the heap: it is rare.
pub(super) type Executed<T> = Result<T, Box<Fault>>;

/// The registers of all kinds, each of [`BLOCK`] elements.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    bool: Vec<Vec<bool>>,
    int: Vec<Vec<i64>>,
    f32: Vec<Vec<f32>>,
    f64: Vec<Vec<f64>>,
}

impl Registers {
    /// Enough for some code.
    pub fn for_code<'c>(codes: impl Iterator<Item = &'c Code>) -> Registers {
        let mut most = [0; 4];
        let mut note = |r: &Register| most[slot(r.kind)] = most[slot(r.kind)].max(r.number + 1);
        for code in codes {
            code.constants.iter().for_each(|(register, _)| note(register));
            for step in &code.steps {
                if let Step::Time(to)
                | Step::Random { to, .. }
                | Step::Load { to, .. }
                | Step::Apply { to, .. } = step
                {
                    note(to);
                }
            }
        }
        Registers {
            bool: vec![vec![false; BLOCK]; most[0]],
            int: vec![vec![0; BLOCK]; most[1]],
            f32: vec![vec![0.0; BLOCK]; most[2]],
            f64: vec![vec![0.0; BLOCK]; most[3]],
        }
    }

    /// The first `n` elements of a register.
    pub fn get(&self, register: Register, n: usize) -> Slice<'_> {
        match register.kind {
            Kind::Bool => Slice::Bool(&self.bool[register.number][..n]),
            Kind::Int => Slice::Int(&self.int[register.number][..n]),
            Kind::F32 => Slice::F32(&self.f32[register.number][..n]),
            Kind::F64 => Slice::F64(&self.f64[register.number][..n]),
        }
    }

    fn fill(&mut self, register: Register, value: Scalar, n: usize) {
        let at = register.number;
        match value {
            Scalar::Bool(value) => self.bool[at][..n].fill(value),
            Scalar::Int(value) => self.int[at][..n].fill(value),
            Scalar::F32(value) => self.f32[at][..n].fill(value),
            Scalar::F64(value) => self.f64[at][..n].fill(value),
        }
    }

    fn apply(&mut self, to: Register, op: Op, operands: &[Register], n: usize) {
        let at = to.number;
        // The result is none of the operands.
        let done = match to.kind {
            Kind::Bool => {
                let mut taken = std::mem::take(&mut self.bool[at]);
                let done = self.put(op, operands, SliceMut::Bool(&mut taken[..n]), n);
                self.bool[at] = taken;
                done
            }
            Kind::Int => {
                let mut taken = std::mem::take(&mut self.int[at]);
                let done = self.put(op, operands, SliceMut::Int(&mut taken[..n]), n);
                self.int[at] = taken;
                done
            }
            Kind::F32 => {
                let mut taken = std::mem::take(&mut self.f32[at]);
                let done = self.put(op, operands, SliceMut::F32(&mut taken[..n]), n);
                self.f32[at] = taken;
                done
            }
            Kind::F64 => {
                let mut taken = std::mem::take(&mut self.f64[at]);
                let done = self.put(op, operands, SliceMut::F64(&mut taken[..n]), n);
                self.f64[at] = taken;
                done
            }
        };
        assert!(done, "{} of {operands:?}", op.name());
    }

    fn put(&self, op: Op, operands: &[Register], to: SliceMut<'_>, n: usize) -> bool {
        match *operands {
            [a] => op.many(&[self.get(a, n)], to),
            [a, b] => op.many(&[self.get(a, n), self.get(b, n)], to),
            [a, b, c] => op.many(&[self.get(a, n), self.get(b, n), self.get(c, n)], to),
            _ => false,
        }
    }
}

/// What code is executed on.
pub(super) struct Machine<'m> {
    pub(super) ir: &'m StepIr,
    pub(super) tensors: &'m [Arc<Tensor>],
    pub(super) buffers: &'m mut [Array],
    pub(super) written: &'m mut [Option<Written>],
    pub(super) registers: &'m mut Registers,
    pub(super) t: u64,
}

/// The elements of a block.
struct Block<'b> {
    /// The position along each axis but the last.
    outer: &'b [usize],
    /// The first along the last.
    first: usize,
    /// The position of the first in C order.
    position: u64,
    n: usize,
}

impl Machine<'_> {
    /// Executes code for all elements of its domain in C order. `each` is called after every
    /// block with the position along the outer axes and the first along the last.
    pub(super) fn execute(
        &mut self,
        code: &Code,
        mut each: impl FnMut(&Registers, &[usize], usize, usize),
    ) -> Executed<()> {
        for (register, value) in &code.constants {
            self.registers.fill(*register, *value, BLOCK.min(code.inner));
        }
        let mut outer = vec![0; code.outer.len()];
        let rows = code.outer.iter().product::<usize>();
        for row in 0..rows {
            for first in (0..code.inner).step_by(BLOCK) {
                let n = BLOCK.min(code.inner - first);
                let position = (row * code.inner + first) as u64;
                self.block(code, &Block { outer: &outer, first, position, n })?;
                each(self.registers, &outer, first, n);
            }
            for (at, size) in outer.iter_mut().zip(&code.outer).rev() {
                *at += 1;
                if *at < *size {
                    break;
                }
                *at = 0;
            }
        }
        Ok(())
    }

    fn block(&mut self, code: &Code, block: &Block<'_>) -> Executed<()> {
        let n = block.n;
        let mut at = 0;
        while let Some(step) = code.steps.get(at) {
            at += 1;
            match step {
                Step::Time(to) => self.registers.int[to.number][..n].fill(self.t as i64),
                Step::Random { to, seed, site } => {
                    let to = &mut self.registers.f64[to.number][..n];
                    for (x, position) in to.iter_mut().zip(block.position..) {
                        *x = snn_runtime::random::uniform(*seed, *site, self.t, position);
                    }
                }
                Step::Load { to, from } => self.load(*to, from, block)?,
                Step::Apply { to, op, operands } => self.registers.apply(*to, *op, operands, n),
                Step::Unless { mask, steps } => {
                    if !self.registers.bool[mask.number][..n].contains(&true) {
                        at += steps;
                    }
                }
                Step::Store { to, value, mask } => self.store(to, *value, *mask, block)?,
            }
        }
        Ok(())
    }

    /// Where the first element of a block is.
    fn locate(&self, place: &Place, block: &Block<'_>) -> Executed<i64> {
        let mut at = place.offset + place.inner * block.first as i64;
        for (stride, index) in place.outer.iter().zip(block.outer) {
            at += stride * *index as i64;
        }
        for (register, stride, extent) in &place.dynamic {
            let index = self.registers.int[register.number][0];
            if usize::try_from(index).is_ok_and(|index| index < *extent) {
                at += stride * index;
            } else {
                return Err(Box::new(self.outside(place.source, index, *extent)));
            }
        }
        Ok(at)
    }

    fn outside(&self, source: Source, index: i64, extent: usize) -> Fault {
        let name = match source {
            Source::Buffer(id) => self.ir.buffers[id.0 as usize].name.clone(),
            Source::Tensor(id) => self.ir.tensors[id.0 as usize].name.clone(),
        };
        // In generated code the name is a constant. A run has one fault at most, so that no
        // more than one name is leaked.
        Fault::Index { what: name.leak(), index, extent, t: self.t }
    }

    fn load(&mut self, to: Register, from: &Place, block: &Block<'_>) -> Executed<()> {
        let at = self.locate(from, block)?;
        let (number, step, n) = (to.number, from.inner, block.n);
        let registers = &mut *self.registers;
        match from.source {
            Source::Buffer(id) => match &self.buffers[id.0 as usize] {
                Array::Bool(a) => gather(a, at, step, &mut registers.bool[number][..n], |x| x),
                Array::Int(a) => gather(a, at, step, &mut registers.int[number][..n], |x| x),
                Array::F32(a) => gather(a, at, step, &mut registers.f32[number][..n], |x| x),
                Array::F64(a) => gather(a, at, step, &mut registers.f64[number][..n], |x| x),
            },
            Source::Tensor(id) => match (&self.tensors[id.0 as usize].values, to.kind) {
                (Values::Bool(a), Kind::Bool) => {
                    gather(a, at, step, &mut registers.bool[number][..n], |x| x);
                }
                (Values::Int(a), Kind::Int) => {
                    gather(a, at, step, &mut registers.int[number][..n], |x| x);
                }
                (Values::Float(a), Kind::F64) => {
                    gather(a, at, step, &mut registers.f64[number][..n], |x| x);
                }
                (Values::Float(a), Kind::F32) => {
                    gather(a, at, step, &mut registers.f32[number][..n], |x| x as f32);
                }
                (values, kind) => panic!("{kind:?} is loaded from {values:?}"),
            },
        }
        Ok(())
    }

    fn store(
        &mut self,
        to: &Place,
        value: Register,
        mask: Option<Register>,
        block: &Block<'_>,
    ) -> Executed<()> {
        let at = self.locate(to, block)?;
        let (number, step, n) = (value.number, to.inner, block.n);
        let Source::Buffer(id) = to.source else { panic!("a tensor is stored to") };
        let registers = &*self.registers;
        let mask = mask.map(|mask| &registers.bool[mask.number][..n]);
        match &mut self.buffers[id.0 as usize] {
            Array::Bool(a) => scatter(a, at, step, &registers.bool[number][..n], mask),
            Array::Int(a) => scatter(a, at, step, &registers.int[number][..n], mask),
            Array::F32(a) => scatter(a, at, step, &registers.f32[number][..n], mask),
            Array::F64(a) => scatter(a, at, step, &registers.f64[number][..n], mask),
        }
        if let Some(written) = &mut self.written[id.0 as usize] {
            for k in (0..n).filter(|k| mask.is_none_or(|mask| mask[*k])) {
                written.note(place(at, step, k), self.t);
            }
        }
        Ok(())
    }
}

/// The place of an element of a block that begins at one, in steps.
fn place(at: i64, step: i64, k: usize) -> usize {
    usize::try_from(at + step * k as i64).unwrap_or(usize::MAX)
}

fn gather<T: Copy, R>(from: &[T], at: i64, step: i64, to: &mut [R], of: impl Fn(T) -> R) {
    match step {
        1 => {
            let from = &from[place(at, 1, 0)..][..to.len()];
            to.iter_mut().zip(from).for_each(|(to, x)| *to = of(*x));
        }
        _ => {
            let elements = to.iter_mut().enumerate();
            elements.for_each(|(k, to)| *to = of(from[place(at, step, k)]));
        }
    }
}

fn scatter<T: Copy>(to: &mut [T], at: i64, step: i64, from: &[T], mask: Option<&[bool]>) {
    match (step, mask) {
        (1, None) => to[place(at, 1, 0)..][..from.len()].copy_from_slice(from),
        (1, Some(mask)) => {
            let to = &mut to[place(at, 1, 0)..][..from.len()];
            for (to, (x, holds)) in to.iter_mut().zip(from.iter().zip(mask)) {
                *to = if *holds { *x } else { *to };
            }
        }
        (_, mask) => {
            for (k, x) in from.iter().enumerate().filter(|(k, _)| mask.is_none_or(|m| m[*k])) {
                to[place(at, step, k)] = *x;
            }
        }
    }
}
