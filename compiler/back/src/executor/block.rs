//! Executes the code of a loop, block by block, for all windows that are executed side by side.

use super::array::{Array, Type, both, condition, integer};
use super::code::{BLOCK, Code, Operand, Place, Register, Step};
use super::state::{ForResults, Program, State, Stepped};
use snn_ir::scalar::{Scalar, Slice};
use snn_ir::step::Source;
use snn_runtime::kernels::elementwise::{self, Many};

/// The registers of all types, each of [`BLOCK`] elements.
#[derive(Clone, Debug, Default)]
pub struct Registers([Vec<Array>; 5]);

impl Registers {
    /// Enough for some code.
    pub fn for_code<'c>(codes: impl Iterator<Item = &'c mut Code>) -> Registers {
        let mut registers = Registers::default();
        for step in codes.flat_map(|code| &mut code.steps) {
            if let Some(register) = step.writes() {
                let of_type = &mut registers.0[register.ty as usize];
                while of_type.len() <= register.number {
                    of_type.push(Array::zeros(register.ty, BLOCK));
                }
            }
        }
        registers
    }

    fn place(&mut self, register: Register) -> &mut Array {
        &mut self.0[register.ty as usize][register.number]
    }

    /// Takes the array of a register out, to be written and put back.
    fn take(&mut self, register: Register) -> Array {
        std::mem::replace(self.place(register), Array::Bool(Vec::new()))
    }
}

/// Some rows of a domain, or a part of one. The windows are the first axis of it.
pub struct Block {
    /// The first row.
    pub row: usize,
    pub rows: usize,
    /// The first element of each row.
    pub first: usize,
    /// How many elements of each row.
    pub per_row: usize,
}

impl Block {
    fn len(&self) -> usize {
        self.rows * self.per_row
    }

    /// Values of a register.
    fn values(&self, register: Register) -> usize {
        if register.per_row { self.rows } else { self.len() }
    }

    /// Where the values of an operand are in its array.
    fn range(&self, operand: &Operand, inner: usize) -> std::ops::Range<usize> {
        match operand {
            Operand::Register(register) => 0..self.values(*register),
            _ => self.elements(inner),
        }
    }

    /// The elements of a buffer that are computed, if a row has `inner`.
    fn elements(&self, inner: usize) -> std::ops::Range<usize> {
        let start = self.row * inner + self.first;
        start..start + self.len()
    }
}

impl Code {
    /// Rows of one window.
    fn rows(&self) -> usize {
        self.outer.iter().product()
    }

    /// The window that a row is of, and the position of its first element in the domain.
    pub fn row(&self, row: usize) -> (usize, usize) {
        (row / self.rows(), row % self.rows() * self.inner)
    }
}

impl State {
    /// Executes code for all elements of its domain in C order. `each` is called after every
    /// block.
    pub(super) fn execute(
        &mut self,
        program: &Program,
        code: &Code,
        mut each: impl FnMut(&State, &Block),
    ) -> Stepped<()> {
        let rows = code.rows() * self.times.len();
        if rows == 0 || code.inner == 0 {
            return Ok(());
        }
        let at_a_time = (BLOCK / code.inner).max(1);
        for row in (0..rows).step_by(at_a_time) {
            for first in (0..code.inner).step_by(BLOCK) {
                let per_row = BLOCK.min(code.inner - first);
                let block = Block { row, rows: at_a_time.min(rows - row), first, per_row };
                self.block(program, code, &block)?;
                each(self, &block);
            }
        }
        Ok(())
    }

    fn block(&mut self, program: &Program, code: &Code, block: &Block) -> Stepped<()> {
        let mut at = 0;
        while let Some(step) = code.steps.get(at) {
            at += 1;
            match step {
                Step::Time(to) => {
                    let mut values = self.registers.take(*to);
                    if let Array::Int(values) = &mut values {
                        for (n, value) in values.iter_mut().take(block.values(*to)).enumerate() {
                            let row = if to.per_row { n } else { n / block.per_row };
                            *value = self.times[code.row(block.row + row).0] as i64;
                        }
                    }
                    *self.registers.place(*to) = values;
                }
                Step::Random { to, seed, site } => {
                    let mut values = self.registers.take(*to);
                    if let Array::F64(values) = &mut values {
                        self.random(code, block, (*seed, *site), values);
                    }
                    *self.registers.place(*to) = values;
                }
                Step::Load { to, from } => {
                    let mut values = self.registers.take(*to);
                    self.load(program, code, block, from, to.per_row, &mut values)?;
                    *self.registers.place(*to) = values;
                }
                Step::Spread { to, from } => {
                    let mut values = self.registers.take(*to);
                    self.spread(code, block, from, &mut values);
                    *self.registers.place(*to) = values;
                }
                Step::Apply { to, op, operands } => {
                    let mut values = self.take(to);
                    let result = values.part_mut(block.range(to, code.inner));
                    let of = |operand: &Operand| self.operand(code, block, operand);
                    let done = match &operands[..] {
                        [a] => op.many(&[of(a)], result),
                        [a, b] => op.many(&[of(a), of(b)], result),
                        [a, b, c] => op.many(&[of(a), of(b), of(c)], result),
                        _ => false,
                    };
                    assert!(done, "{} of {operands:?}", op.name());
                    *self.place(to) = values;
                }
                Step::Unless { mask, steps } => {
                    if !any(self.operand(code, block, mask)) {
                        at += steps;
                    }
                }
                Step::Store { to, value, mask } => {
                    self.store(program, code, block, to, value, mask.as_ref())?;
                }
            }
        }
        Ok(())
    }

    /// The array of a register or buffer.
    fn place(&mut self, operand: &Operand) -> &mut Array {
        match operand {
            Operand::Register(register) => self.registers.place(*register),
            Operand::Elements(buffer, _) => &mut self.buffers[buffer.0 as usize],
            Operand::Constant(..) => panic!("{operand:?} has no place"),
        }
    }

    /// Takes the array of a register or buffer out, to be written and put back.
    fn take(&mut self, operand: &Operand) -> Array {
        std::mem::replace(self.place(operand), Array::Bool(Vec::new()))
    }

    /// The values of an operand.
    pub(super) fn operand(&self, code: &Code, block: &Block, operand: &Operand) -> Slice<'_> {
        match operand {
            Operand::Constant(ty, value) => same(*ty, *value),
            Operand::Register(register) => {
                let values = &self.registers.0[register.ty as usize][register.number];
                values.slice(0..block.values(*register))
            }
            Operand::Elements(buffer, _) => {
                self.buffers[buffer.0 as usize].slice(block.elements(code.inner))
            }
        }
    }

    fn random(&self, code: &Code, block: &Block, (seed, site): (u64, u64), to: &mut [f64]) {
        for (row, to) in to.chunks_mut(block.per_row).take(block.rows).enumerate() {
            let (window, position) = code.row(block.row + row);
            for (x, position) in to.iter_mut().zip((position + block.first) as u64..) {
                *x = snn_runtime::random::uniform(seed, site, self.times[window], position);
            }
        }
    }

    /// Where the first element of each row of a block is, or nothing where it is not looked at.
    fn locate(
        &self,
        program: &Program,
        code: &Code,
        block: &Block,
        place: &Place,
        row: usize,
    ) -> Stepped<Option<i64>> {
        let (window, _) = code.row(block.row + row);
        let elements = row * block.per_row..(row + 1) * block.per_row;
        if let Some(mask) = &place.mask {
            let mask = self.operand(code, block, mask);
            if !elements.clone().any(|n| condition(mask.at(n))) {
                return Ok(None);
            }
        }
        let mut at = place.offset + place.inner * block.first as i64;
        if let Source::Buffer(id) = place.source
            && !program.collected[id.0 as usize]
        {
            at += (window * program.ir.buffers[id.0 as usize].len()) as i64;
        }
        let mut rest = (block.row + row) % code.rows();
        for (stride, size) in place.outer.iter().zip(&code.outer).rev() {
            at += stride * (rest % size) as i64;
            rest /= size;
        }
        for (index, stride, extent) in &place.dynamic {
            let one = matches!(index, Operand::Register(register) if register.per_row);
            let values = self.operand(code, block, index);
            let index = integer(values.at(if one { row } else { elements.start }));
            if usize::try_from(index).is_ok_and(|index| index < *extent) {
                at += stride * index;
            } else {
                let t = self.times[window];
                return Err(Box::new(program.outside(place.source, index, *extent, t)));
            }
        }
        Ok(Some(at))
    }

    fn load(
        &self,
        program: &Program,
        code: &Code,
        block: &Block,
        from: &Place,
        per_row: bool,
        to: &mut Array,
    ) -> Stepped<()> {
        let constants = &program.constants;
        let held = match from.source {
            Source::Buffer(id) => Ok(&self.buffers[id.0 as usize]),
            Source::Tensor(id) => constants.array(id.0).ok_or(id.0),
        };
        let n = if per_row { 1 } else { block.per_row };
        for row in 0..block.rows {
            let Some(at) = self.locate(program, code, block, from, row)? else { continue };
            let range = row * n..(row + 1) * n;
            match held {
                Ok(source) => both!(source, &mut *to, (source, to) => {
                    gather(source, at, from.inner, &mut to[range]);
                }),
                Err(tensor) => {
                    let (window, _) = code.row(block.row + row);
                    let t = self.times[window];
                    let unread = |e| Box::new(program.unread(tensor, &e, t));
                    constants.fetch(tensor, (at, from.inner), to, range).map_err(unread)?;
                }
            }
        }
        Ok(())
    }

    /// The values of an operand, one for each element.
    fn spread(&self, code: &Code, block: &Block, from: &Operand, to: &mut Array) {
        match from {
            Operand::Register(register) if register.per_row => {
                let values = &self.registers.0[register.ty as usize][register.number];
                both!(values, to, (values, to) => {
                    for (to, value) in to.chunks_mut(block.per_row).zip(&values[..block.rows]) {
                        to.fill(*value);
                    }
                });
            }
            Operand::Elements(buffer, _) => {
                let elements = block.elements(code.inner);
                to.copy(0..block.len(), &self.buffers[buffer.0 as usize], elements.start);
            }
            other => panic!("{other:?} has a value for each element"),
        }
    }

    fn store(
        &mut self,
        program: &Program,
        code: &Code,
        block: &Block,
        to: &Place,
        value: &Operand,
        mask: Option<&Operand>,
    ) -> Stepped<()> {
        let Source::Buffer(id) = to.source else { panic!("a tensor is stored to") };
        let b = id.0 as usize;
        if program.collected[b] {
            return self.store_result(program, code, block, to, value);
        }
        // Neither value nor mask are read where they are stored.
        let mut target = std::mem::replace(&mut self.buffers[b], Array::Bool(Vec::new()));
        let done = self.store_in(program, code, block, to, value, mask, &mut target);
        self.buffers[b] = target;
        done
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a store, and where it happens")]
    fn store_in(
        &self,
        program: &Program,
        code: &Code,
        block: &Block,
        to: &Place,
        value: &Operand,
        mask: Option<&Operand>,
        target: &mut Array,
    ) -> Stepped<()> {
        let value = self.operand(code, block, value);
        let mask = mask.map(|mask| match self.operand(code, block, mask) {
            Slice::Bool(mask) => mask,
            other => panic!("{other:?} is a mask"),
        });
        if to.in_order {
            let elements = block.elements(code.inner);
            with(target, value, InOrder { elements, mask });
            return Ok(());
        }
        for row in 0..block.rows {
            let Some(at) = self.locate(program, code, block, to, row)? else { continue };
            let elements = row * block.per_row..(row + 1) * block.per_row;
            with(target, value, Strided { at, step: to.inner, elements, mask });
        }
        Ok(())
    }

    /// Stores to an array of results.
    fn store_result(
        &mut self,
        program: &Program,
        code: &Code,
        block: &Block,
        to: &Place,
        value: &Operand,
    ) -> Stepped<()> {
        let Source::Buffer(id) = to.source else { return Ok(()) };
        let buffer = id.0 as usize;
        for row in 0..block.rows {
            let Some(at) = self.locate(program, code, block, to, row)? else { continue };
            let t = self.times[code.row(block.row + row).0];
            for k in 0..block.per_row {
                let element = place(at, to.inner, k);
                let value = self.operand(code, block, value).at(row * block.per_row + k);
                let stored = ForResults { buffer, element, t, value };
                match &mut self.results {
                    Some(later) => later.push(stored),
                    None => self.result(program, stored),
                }
            }
        }
        Ok(())
    }
}

/// Whether a condition holds anywhere.
fn any(mask: Slice<'_>) -> bool {
    match mask {
        Slice::Bool(Many::Each(mask)) => elementwise::any(mask),
        Slice::Bool(Many::Same(mask)) => mask,
        other => panic!("{other:?} is a mask"),
    }
}

/// A constant for every element.
fn same(ty: Type, value: Scalar) -> Slice<'static> {
    match (value, ty) {
        (Scalar::Bool(value), _) => Slice::Bool(Many::Same(value)),
        // The type was chosen so that it fits, or only low bits matter.
        (Scalar::Int(value), Type::Narrow) => Slice::Narrow(Many::Same(value as i32)),
        (Scalar::Int(value), _) => Slice::Int(Many::Same(value)),
        (Scalar::F32(value), _) => Slice::F32(Many::Same(value)),
        (Scalar::F64(value), _) => Slice::F64(Many::Same(value)),
    }
}

/// A way to store values.
trait Store {
    fn store<T: Copy>(self, to: &mut [T], value: Many<'_, T>);
}

fn with(to: &mut Array, value: Slice<'_>, store: impl Store) {
    match (to, value) {
        (Array::Bool(to), Slice::Bool(value)) => store.store(to, value),
        (Array::Narrow(to), Slice::Narrow(value)) => store.store(to, value),
        (Array::Int(to), Slice::Int(value)) => store.store(to, value),
        (Array::F32(to), Slice::F32(value)) => store.store(to, value),
        (Array::F64(to), Slice::F64(value)) => store.store(to, value),
        (to, value) => panic!("{value:?} is stored in {to:?}"),
    }
}

/// Each value at the next element.
struct InOrder<'m> {
    elements: std::ops::Range<usize>,
    mask: Option<Many<'m, bool>>,
}

impl Store for InOrder<'_> {
    fn store<T: Copy>(self, to: &mut [T], value: Many<'_, T>) {
        let to = &mut to[self.elements];
        match (self.mask, value) {
            (Some(Many::Same(false)), _) => {}
            (Some(Many::Each(mask)), value) => elementwise::put(value, mask, to),
            (_, Many::Each(value)) => to.copy_from_slice(value),
            (_, Many::Same(value)) => to.fill(value),
        }
    }
}

/// Values of some elements of a block in steps.
struct Strided<'m> {
    at: i64,
    step: i64,
    elements: std::ops::Range<usize>,
    mask: Option<Many<'m, bool>>,
}

impl Store for Strided<'_> {
    fn store<T: Copy>(self, to: &mut [T], value: Many<'_, T>) {
        for (k, n) in self.elements.enumerate() {
            if self.mask.is_none_or(|mask| mask.at(n)) {
                to[place(self.at, self.step, k)] = value.at(n);
            }
        }
    }
}

/// The place of an element of a row that begins at one, in steps.
fn place(at: i64, step: i64, k: usize) -> usize {
    usize::try_from(at + step * k as i64).unwrap_or(usize::MAX)
}

fn gather<T: Copy>(from: &[T], at: i64, step: i64, to: &mut [T]) {
    match step {
        1 => to.copy_from_slice(&from[place(at, 1, 0)..][..to.len()]),
        0 => to.fill(from[place(at, 0, 0)]),
        _ => {
            let elements = to.iter_mut().enumerate();
            elements.for_each(|(k, to)| *to = from[place(at, step, k)]);
        }
    }
}
