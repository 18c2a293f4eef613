//! Circles that are the same but for the numbers of what they are made of, as those of neurons
//! with equal parameters are: the ranges of one are those of the other.

use super::solve::{Circle, Unit};
use super::{Analysis, Interval, interval};
use crate::step::{Access, BufferId, Expr, ExprKind, Source, Stmt};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// The ranges of a circle: of its buffers, and of the locals that its units define, in order.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) buffers: Vec<Interval>,
    pub(super) locals: Vec<Option<Interval>>,
}

/// All that the ranges of a circle follow from, written out: its statements, with buffers and
/// locals numbered as they occur, and what is known of each before.
#[derive(Default, PartialEq, Eq, Hash)]
pub(super) struct Likeness(Vec<u8>);

/// What is hashed is kept as it is: equal if and only if that was.
impl Hasher for Likeness {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

struct Writer<'a> {
    analysis: &'a Analysis<'a>,
    circle: &'a Circle,
    text: Likeness,
    buffers: HashMap<BufferId, usize>,
    locals: HashMap<(usize, u32), usize>,
}

impl Likeness {
    /// That of a circle of statements; none where it has other ops.
    pub(super) fn of(analysis: &Analysis<'_>, circle: &Circle) -> Option<Likeness> {
        let (buffers, locals) = (HashMap::new(), HashMap::new());
        let mut writer = Writer { analysis, circle, text: Likeness::default(), buffers, locals };
        for unit in &circle.units {
            writer.unit(&analysis.units[*unit])?;
        }
        Some(writer.text)
    }
}

impl Writer<'_> {
    fn unit(&mut self, unit: &Unit<'_>) -> Option<()> {
        match unit.statement? {
            Stmt::Let { local, name: _, value } => {
                self.local(unit.at, *local);
                self.expr(unit.at, value);
                false.hash(&mut self.text);
            }
            Stmt::Store { to, value, fit, mask } => {
                self.source(to.source);
                fit.hash(&mut self.text);
                self.expr(unit.at, value);
                mask.is_some().hash(&mut self.text);
                mask.iter().for_each(|mask| self.expr(unit.at, mask));
            }
        }
        Some(())
    }

    fn expr(&mut self, at: usize, e: &Expr) {
        // Numbers that are given are alike where they are the same.
        let number = e.number(&self.analysis.ir.tensors);
        let node = number.as_ref().unwrap_or(&e.node);
        e.kind.hash(&mut self.text);
        std::mem::discriminant(node).hash(&mut self.text);
        match node {
            ExprKind::Int(value) => value.hash(&mut self.text),
            ExprKind::Float(value) => value.to_bits().hash(&mut self.text),
            ExprKind::Local(local) => self.local(at, *local),
            ExprKind::Load(access) => self.access(at, access),
            ExprKind::Time => {}
            ExprKind::Apply(op, operands) => {
                op.hash(&mut self.text);
                operands.len().hash(&mut self.text);
                operands.iter().for_each(|operand| self.expr(at, operand));
            }
            ExprKind::Random { seed, site } => (seed, site).hash(&mut self.text),
        }
    }

    fn access(&mut self, at: usize, Access { source, offset, strides, dynamic }: &Access) {
        self.source(*source);
        (offset, strides, dynamic.len()).hash(&mut self.text);
        for index in dynamic {
            (index.stride, index.extent).hash(&mut self.text);
            self.expr(at, &index.index);
        }
    }

    fn source(&mut self, source: Source) {
        std::mem::discriminant(&source).hash(&mut self.text);
        match source {
            Source::Buffer(buffer) => self.buffer(buffer),
            Source::Tensor(tensor) => tensor.hash(&mut self.text),
        }
    }

    fn buffer(&mut self, buffer: BufferId) {
        let new = self.buffers.len();
        let number = *self.buffers.entry(buffer).or_insert(new);
        number.hash(&mut self.text);
        if number == new {
            let elem = self.analysis.ir.buffers[buffer.0 as usize].elem;
            let place = self.circle.buffers.binary_search(&buffer).ok();
            let range = self.analysis.ranges[buffer.0 as usize];
            (elem, place, range).hash(&mut self.text);
        }
    }

    fn local(&mut self, at: usize, local: u32) {
        let new = self.locals.len();
        let number = *self.locals.entry((at, local)).or_insert(new);
        number.hash(&mut self.text);
        if number == new {
            let known = self.analysis.locals[at].get(local as usize).copied();
            known.unwrap_or(interval::FULL).hash(&mut self.text);
        }
    }
}
