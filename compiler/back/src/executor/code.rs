//! Loops as lists of operations on registers: each holds one value for every element of a block.
//!
//! The step IR allows all elements of one statement before the next (its invariant 1). So a
//! loop is executed block by block, and within one operation by operation, each a loop over typed
//! elements.

use snn_ir::scalar::{Op, Scalar};
use snn_ir::step::{Access, Buffer, Expr, ExprKind, Fit, Kind, Loop, Reduce, Source, StepIr, Stmt};
use std::collections::BTreeMap;

/// Elements of a block at most: its registers should stay in the nearest cache.
pub const BLOCK: usize = 256;

/// A register: the values of some kind, and which of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    pub kind: Kind,
    pub number: usize,
}

/// A loop over a domain of elements.
#[derive(Clone, Debug)]
pub struct Code {
    /// The axes of the domain but the last; a block is a part of the last one.
    pub outer: Vec<usize>,
    /// Elements along the last axis.
    pub inner: usize,
    /// What registers hold at every block.
    pub constants: Vec<(Register, Scalar)>,
    /// What is done with each block.
    pub steps: Vec<Step>,
    /// The value of each element, where the code computes one.
    pub result: Option<Register>,
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
    /// An operation on as many registers as it has operands.
    Apply { to: Register, op: Op, operands: Vec<Register> },
    /// Leaves out so many steps where a condition holds for no element.
    Unless { mask: Register, steps: usize },
    /// An assignment, where a condition holds.
    Store { to: Place, value: Register, mask: Option<Register> },
}

/// Where the elements of a block are.
#[derive(Clone, Debug)]
pub struct Place {
    pub source: Source,
    pub offset: i64,
    /// A stride for each axis but the last.
    pub outer: Vec<i64>,
    /// From one element of the block to the next.
    pub inner: i64,
    /// Indices, which are the same for all elements: register, stride, extent.
    pub dynamic: Vec<(Register, i64, usize)>,
}

impl Code {
    /// That of a loop.
    pub fn of_loop(ir: &StepIr, body: &Loop) -> Code {
        let mut writer = Writer::new(ir);
        body.body.iter().for_each(|stmt| writer.stmt(stmt));
        writer.code(body.domain.clone(), None)
    }

    /// The values that a reduction is made of, of a kind if one is given.
    pub fn of_reduce(ir: &StepIr, reduce: &Reduce, kind: Option<Kind>) -> Code {
        let mut writer = Writer::new(ir);
        let mut value = writer.value(&reduce.value);
        if let Some(kind) = kind.filter(|kind| *kind != value.kind) {
            value = writer.apply(Op::Convert(kind), kind, vec![value]);
        }
        writer.code(reduce.domain.clone(), Some(value))
    }
}

struct Writer<'i> {
    ir: &'i StepIr,
    locals: BTreeMap<u32, Register>,
    numbers: [usize; 4],
    constants: Vec<(Register, Scalar)>,
    steps: Vec<Step>,
}

impl<'i> Writer<'i> {
    fn new(ir: &'i StepIr) -> Writer<'i> {
        Writer {
            ir,
            locals: BTreeMap::new(),
            numbers: [0; 4],
            constants: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn code(self, mut outer: Vec<usize>, result: Option<Register>) -> Code {
        let inner = outer.pop().unwrap_or(1);
        let Writer { constants, steps, .. } = self;
        let mut code = Code { outer, inner, constants, steps, result };
        reuse(&mut code);
        code
    }

    fn register(&mut self, kind: Kind) -> Register {
        let number = &mut self.numbers[slot(kind)];
        *number += 1;
        Register { kind, number: *number - 1 }
    }

    fn constant(&mut self, value: Scalar) -> Register {
        let known = self.constants.iter().find(|(_, known)| known.same(value));
        if let Some((register, _)) = known {
            return *register;
        }
        let register = self.register(value.kind());
        self.constants.push((register, value));
        register
    }

    fn apply(&mut self, op: Op, kind: Kind, operands: Vec<Register>) -> Register {
        let to = self.register(kind);
        self.steps.push(Step::Apply { to, op, operands });
        to
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Let { local, value, .. } => {
                let value = self.value(value);
                self.locals.insert(*local, value);
            }
            Stmt::Store { to, value, fit, mask } => {
                let mask = mask.as_ref().map(|mask| self.value(mask));
                let begin = self.steps.len();
                let mut value = self.value(value);
                if value.kind == Kind::Int {
                    for op in self.fits(to.source, *fit) {
                        value = self.apply(op, Kind::Int, vec![value]);
                    }
                }
                let to = self.place(to);
                self.steps.push(Step::Store { to, value, mask });
                if let Some(mask) = mask {
                    let steps = self.steps.len() - begin;
                    self.steps.insert(begin, Step::Unless { mask, steps });
                }
            }
        }
    }

    /// What makes an integer fit that is stored: as the statement says, and as the element does.
    fn fits(&self, source: Source, fit: Fit) -> Vec<Op> {
        let Source::Buffer(id) = source else { return Vec::new() };
        let Buffer { elem, .. } = &self.ir.buffers[id.0 as usize];
        let within = match (fit.bounds(), elem.bounds()) {
            (Some((lo, hi)), Some((least, most))) => least <= lo && hi <= most,
            _ => false,
        };
        let own = elem.fit().op().filter(|_| !within);
        fit.op().into_iter().chain(own).collect()
    }

    fn value(&mut self, expr: &Expr) -> Register {
        let number = expr.number(&self.ir.tensors);
        match number.as_ref().unwrap_or(&expr.node) {
            ExprKind::Int(value) => self.constant(Scalar::Int(*value).convert(expr.kind)),
            ExprKind::Float(value) => self.constant(Scalar::F64(*value).convert(expr.kind)),
            ExprKind::Local(n) => self.locals[n],
            ExprKind::Load(access) => {
                let from = self.place(access);
                let to = self.register(expr.kind);
                self.steps.push(Step::Load { to, from });
                to
            }
            ExprKind::Time => {
                let to = self.register(Kind::Int);
                self.steps.push(Step::Time(to));
                to
            }
            ExprKind::Apply(op, operands) => {
                let operands = operands.iter().map(|e| self.value(e)).collect();
                self.apply(*op, expr.kind, operands)
            }
            ExprKind::Random { seed, site } => {
                let to = self.register(Kind::F64);
                self.steps.push(Step::Random { to, seed: *seed, site: *site });
                to
            }
        }
    }

    fn place(&mut self, access: &Access) -> Place {
        let mut strides = access.strides.clone();
        let inner = strides.pop().unwrap_or(0);
        let dynamic = access.dynamic.iter().map(|d| (self.value(&d.index), d.stride, d.extent));
        let dynamic = dynamic.collect();
        Place { source: access.source, offset: access.offset, outer: strides, inner, dynamic }
    }
}

/// The place of a kind among the registers.
pub fn slot(kind: Kind) -> usize {
    match kind {
        Kind::Bool => 0,
        Kind::Int => 1,
        Kind::F32 => 2,
        Kind::F64 => 3,
    }
}

impl Step {
    /// The registers that it reads.
    fn reads(&self, f: &mut dyn FnMut(Register)) {
        let place = |place: &Place, f: &mut dyn FnMut(Register)| {
            place.dynamic.iter().for_each(|(register, ..)| f(*register));
        };
        match self {
            Step::Time(_) | Step::Random { .. } => {}
            Step::Load { from, .. } => place(from, f),
            Step::Apply { operands, .. } => operands.iter().for_each(|r| f(*r)),
            Step::Unless { mask, .. } => f(*mask),
            Step::Store { to, value, mask } => {
                place(to, f);
                f(*value);
                mask.iter().for_each(|mask| f(*mask));
            }
        }
    }

    /// All registers that it names.
    fn registers(&mut self, f: &mut dyn FnMut(&mut Register)) {
        let place = |place: &mut Place, f: &mut dyn FnMut(&mut Register)| {
            place.dynamic.iter_mut().for_each(|(register, ..)| f(register));
        };
        match self {
            Step::Time(to) | Step::Random { to, .. } => f(to),
            Step::Load { to, from } => {
                place(from, f);
                f(to);
            }
            Step::Apply { to, operands, .. } => {
                operands.iter_mut().for_each(&mut *f);
                f(to);
            }
            Step::Unless { mask, .. } => f(mask),
            Step::Store { to, value, mask } => {
                place(to, f);
                f(value);
                mask.iter_mut().for_each(f);
            }
        }
    }
}

/// Gives registers new numbers, as few as are needed at a time. Every register is written once;
/// those of constants keep theirs.
fn reuse(code: &mut Code) {
    let mut last: BTreeMap<Register, usize> = BTreeMap::new();
    for (at, step) in code.steps.iter().enumerate() {
        step.reads(&mut |register| {
            last.insert(register, at);
        });
    }
    let end = code.steps.len();
    last.extend(code.result.map(|result| (result, end)));
    let mut names: BTreeMap<Register, Register> = BTreeMap::new();
    let mut free: [Vec<usize>; 4] = Default::default();
    let mut count = [0; 4];
    let mut take = |kind: Kind, free: &mut [Vec<usize>; 4]| {
        let slot = slot(kind);
        let number = free[slot].pop().unwrap_or_else(|| {
            count[slot] += 1;
            count[slot] - 1
        });
        Register { kind, number }
    };
    for (register, _) in &mut code.constants {
        let new = take(register.kind, &mut free);
        names.insert(*register, new);
        last.insert(*register, end);
        *register = new;
    }
    for (at, step) in code.steps.iter_mut().enumerate() {
        let mut read = Vec::new();
        step.reads(&mut |register| read.push(register));
        step.registers(&mut |register| {
            let old = *register;
            *register = *names.entry(old).or_insert_with(|| take(old.kind, &mut free));
        });
        read.sort_unstable();
        read.dedup();
        for register in read.into_iter().filter(|register| last[register] == at) {
            free[slot(register.kind)].push(names[&register].number);
        }
    }
    if let Some(result) = &mut code.result {
        *result = names[result];
    }
}
