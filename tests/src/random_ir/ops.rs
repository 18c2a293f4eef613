//! Random ops.

use super::expr::{Scope, c_strides};
use super::{Builder, SHAPES};
use snn_ir::clock::Clock;
use snn_ir::step::{
    Access, Buffer, BufferId, BufferKind, ClockId, Elem, Expr, Fit, Init, Kind, Loop, Op, OpKind,
    Source, Stmt, ranges,
};

impl Builder<'_> {
    /// One more op (or a pair that belongs together) in some phase.
    pub(super) fn op(&mut self) {
        let clock = self.some_clock();
        match self.choices.below(10) {
            0..5 => {
                if let Some(body) = self.elementwise() {
                    self.add(clock, OpKind::Loop(body));
                }
            }
            5 | 6 => match self.choices.below(4) {
                2 => self.live(clock),
                3 => self.outer(clock),
                _ => self.synapse(clock),
            },
            7 => self.reduce(clock),
            8 => self.queue(),
            _ => {
                if let Some(buffer) = self.find(|_| true) {
                    let reset = OpKind::Reset { buffer };
                    let op = Op { clock, kind: reset, origin: "reset".into() };
                    match self.choices.below(2) {
                        0 => self.ir.program.start.push(op),
                        _ => self.ir.program.host.push(op),
                    }
                }
            }
        }
    }

    pub(super) fn add(&mut self, clock: ClockId, kind: OpKind) {
        let program = &mut self.ir.program;
        let phase = match self.choices.below(6) {
            0..3 => &mut program.spk,
            3 => &mut program.pre_mgmt,
            4 => &mut program.lrn,
            _ => &mut program.post_mgmt,
        };
        let origin = format!("op{}", phase.len());
        phase.push(Op { clock, kind, origin });
    }

    fn elementwise(&mut self) -> Option<Loop> {
        let domain = self.choices.pick(&SHAPES);
        let mut scope = Scope { domain, locals: Vec::new(), stored: Vec::new() };
        for _ in 0..1 + self.choices.below(2) {
            let target = self.target(&scope);
            scope.stored.extend(target);
        }
        if scope.stored.is_empty() {
            return None;
        }
        let mut body = Vec::new();
        for statement in (0..1 + self.choices.below(5)).rev() {
            // The last statement is a store, so that every loop does something.
            if statement > 0 && self.choices.one_in(3) {
                let kind = self.choices.pick(&[Kind::Int, Kind::Bool, Kind::F64, Kind::F32]);
                let value = self.expr(&scope, kind, 3);
                let local = scope.locals.len() as u32;
                scope.locals.push(kind);
                body.push(Stmt::Let { local, name: format!("x{}", local % 2), value });
            } else {
                let store = self.store(&scope);
                body.push(store);
            }
        }
        Some(Loop { domain: domain.to_vec(), body, locals: scope.locals.len() as u32 })
    }

    /// A buffer that a loop may store, each element of the domain at a place of its own, and
    /// that the loop does not store already.
    fn target(&mut self, scope: &Scope) -> Option<(BufferId, Access)> {
        let taken = |b: BufferId| scope.stored.iter().any(|(id, _)| *id == b);
        let domain = scope.domain;
        // Indices of the loop's stores must not depend on what it stores.
        let rows = |shape: &[usize]| shape.len() == domain.len() + 1 && shape[1..] == *domain;
        let buffer = self.find(|b| b.shape == domain || rows(&b.shape))?;
        if taken(buffer) {
            return None;
        }
        let source = Source::Buffer(buffer);
        let shape = self.ir.buffers[buffer.0 as usize].shape.clone();
        let strides = c_strides(&shape);
        let mut access =
            Access { source, offset: 0, strides: strides.clone(), dynamic: Vec::new() };
        if shape.len() > domain.len() {
            access.strides.remove(0);
            if self.choices.below(3) > 0 {
                access.dynamic.push(self.index(scope, shape[0], strides[0]));
                // Later stores must not change what this index reads: take no more targets
                // that are scalars. (Only a loop over nothing could.)
                if domain.is_empty() && !self.is_time(&access) {
                    return None;
                }
            } else {
                access.offset = strides[0] * self.choices.below(shape[0]) as i64;
            }
        } else if shape.len() == 1 && self.choices.one_in(4) {
            access.offset = shape[0] as i64 - 1;
            access.strides = vec![-1];
        }
        Some((buffer, access))
    }

    /// Whether an access's indices depend on nothing but the step.
    fn is_time(&self, access: &Access) -> bool {
        let mut loads = false;
        for dynamic in &access.dynamic {
            if let snn_ir::step::ExprKind::Apply(_, operands) = &dynamic.index.node {
                loads |= operands.iter().any(|e| matches!(e.node, snn_ir::step::ExprKind::Load(_)));
            }
        }
        !loads
    }

    pub(super) fn store(&mut self, scope: &Scope) -> Stmt {
        let (buffer, to) = self.choices.pick(&scope.stored);
        let elem = self.ir.buffers[buffer.0 as usize].elem;
        let value = self.expr(scope, elem.kind(), 4);
        let mask = match self.choices.one_in(3) {
            true => Some(self.expr(scope, Kind::Bool, 2)),
            false => None,
        };
        let fit = self.fit(elem, &value);
        Stmt::Store { to, value, fit, mask }
    }

    /// How a value is made to fit an element.
    fn fit(&mut self, elem: Elem, value: &Expr) -> Fit {
        let (lo, hi) = match elem.bounds() {
            Some(bounds) if elem != Elem::Bool => bounds,
            _ => return Fit::Exact,
        };
        let locals = [(i64::MIN, i64::MAX); 8];
        let (from, to) = ranges::interval(value, &self.ir, &locals);
        if lo <= from && to <= hi && self.choices.below(4) > 0 {
            return Fit::Exact;
        }
        let signed = lo < 0;
        let whole = if signed { 65 - hi.leading_zeros() } else { 64 - hi.leading_zeros() } as u8;
        let bits = match self.choices.below(3) {
            0 => whole,
            1 => 1 + self.choices.below(whole.into()) as u8,
            _ => whole.min(24),
        };
        match self.choices.below(2) {
            0 => Fit::Wrap { bits, signed },
            _ => Fit::Sat { bits, signed },
        }
    }

    /// A queue with a sender and a receiver some steps later.
    fn queue(&mut self) {
        let Some(from) = self.find(|_| true) else { return };
        let Buffer { elem, shape, .. } = self.ir.buffers[from.0 as usize].clone();
        let (every, residue) = (1 + self.choices.below(4) as u64, self.choices.below(4) as i64);
        let later = self.choices.below(7) as u64;
        let sent = Clock::every(every, residue);
        let received = Clock::from_fn(later, every, |t| t > later && sent.holds(t - later));
        let slots = later.div_ceil(every) as usize + 1;
        let ring: Vec<usize> = std::iter::once(slots).chain(shape.iter().copied()).collect();
        let zero = match elem {
            Elem::F32 | Elem::F64 => Init::Float(0.0),
            _ => Init::Int(0),
        };
        let queue = self.buffer_with(elem, &ring, BufferKind::Queue, zero);
        let to = self.buffer_with(elem, &shape, BufferKind::State, zero);
        let (sent, received) = (self.clock(sent), self.clock(received));
        let op = |clock, kind| Op { clock, kind, origin: "queue".into() };
        // In one phase, the sender first: a message may be received in the step it is sent.
        self.ir.program.spk.push(op(sent, OpKind::Push { queue, from }));
        self.ir.program.spk.push(op(received, OpKind::Pop { queue, to }));
    }
}
