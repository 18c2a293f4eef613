//! Random ops.

use super::expr::{Scope, c_strides, elem_of};
use super::{Builder, SHAPES};
use snn_runtime::kernels::Geometry;
use snnc::clocks::Clock;
use snnc::ir::{
    Access, Buffer, BufferId, BufferKind, ClockId, Elem, Expr, Fit, Init, KernelKind, Kind, Loop,
    Op, OpKind, Reduce, ReduceOp, Source, Stmt, Synapse, TensorValues, ranges,
};
use snnc::lower::kernels;
use snnc::tensor::{Sparse, Tensor as Known};
use std::sync::Arc;

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
            5 | 6 => self.synapse(clock),
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

    fn add(&mut self, clock: ClockId, kind: OpKind) {
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
            if let snnc::ir::ExprKind::Binary(_, a, _) = &dynamic.index.node {
                loads |= matches!(a.node, snnc::ir::ExprKind::Load(_));
            }
        }
        !loads
    }

    fn store(&mut self, scope: &Scope) -> Stmt {
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

    fn synapse(&mut self, clock: ClockId) {
        let float = self.choices.one_in(3);
        let src = match float {
            true => self.find(|b| !b.shape.is_empty()),
            // Every sum is exact in 64 bits, whatever the source holds.
            false => self.find(|b| {
                let integer = matches!(b.elem.kind(), Kind::Bool | Kind::Int);
                integer && b.elem != Elem::I64 && !b.shape.is_empty()
            }),
        };
        let Some(src) = src else { return };
        let n = self.ir.buffers[src.0 as usize].len();
        // Below, at and beyond what kernels work on at once.
        let few = 1 + self.choices.below(40);
        let m = self.choices.pick(&[few, few, 64, 130, 257]);
        let conv = self.choices.one_in(3).then(|| self.geometry(n));
        // The weights of a target, or of all targets of an output channel; and the targets.
        let weights_shape = conv.map_or(vec![m, n], |g| g.weights().to_vec());
        let targets = conv.map_or(vec![m], |g| g.output().to_vec());
        let density = self.choices.pick(&[2, 10]);
        let Buffer { elem, range, .. } = self.ir.buffers[src.0 as usize].clone();
        let binary = elem == Elem::Bool || self.choices.one_in(2);
        let scale = self.choices.pick(&[1, 4]);
        let choices = &mut *self.choices;
        let int = (0..weights_shape.iter().product()).map(|_| match choices.below(density) {
            1 => (choices.below(255) as i64 - 127) * scale,
            _ => 0,
        });
        let int: Vec<i64> = int.collect();
        let (weights, weight_elem) = match float {
            true => {
                let values = int.iter().map(|w| *w as f64 / 96.0).collect();
                (Known::float(weights_shape, values), Elem::F64)
            }
            false => (Known::int(weights_shape, int), Elem::I16),
        };
        let mut kernel = kernels::choose(&weights, conv.is_some(), binary, range);
        if conv.is_none() && self.choices.one_in(4) {
            // Not the kernel that would be fastest, but one that must do the same.
            kernel.kind = KernelKind::SparseColumns;
        }
        let elem = match (float, kernel.accumulator) {
            (true, _) => Elem::F64,
            // The shift back may need a few bits more than the sums.
            (false, Elem::I16) => self.choices.pick(&[Elem::I32, Elem::I64]),
            (false, _) => Elem::I64,
        };
        let lists = conv.is_none() && self.choices.one_in(3);
        let sparse = Sparse::of(&weights).filter(|_| lists);
        let weights = self.known(weight_elem, weights);
        if let (Some(sparse), Some(tensor)) = (sparse, self.ir.tensors.last_mut()) {
            tensor.values = TensorValues::Sparse(Arc::new(sparse));
        }
        let init = if float { Init::Float(0.0) } else { Init::Int(0) };
        let dst = self.buffer_with(elem, &targets, BufferKind::State, init);
        self.add(clock, OpKind::Synapse(Synapse { weights, conv, src, binary, dst, kernel }));
    }

    /// A convolution of a source of `n` elements.
    fn geometry(&mut self, n: usize) -> Geometry {
        let mut divisor = |n: usize| {
            let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
            self.choices.pick(&divisors)
        };
        let channels = divisor(n);
        let height = divisor(n / channels);
        let groups = divisor(channels);
        let mut both = |least: usize, below: usize| {
            [least + self.choices.below(below), least + self.choices.below(below)]
        };
        let (stride, padding) = (both(1, 3), both(0, 3));
        let input = [n / channels / height, height, channels];
        let mut axis = |axis: usize| {
            let room = input[axis] + 2 * padding[axis];
            let kernel = 1 + self.choices.below(room.min(4));
            let most = if kernel > 1 { (room - 1) / (kernel - 1) } else { 3 };
            (kernel, 1 + self.choices.below(most.min(3)))
        };
        let ((x, dilation_x), (y, dilation_y)) = (axis(0), axis(1));
        let outputs = groups * (1 + self.choices.below(5));
        let (kernel, dilation) = ([x, y], [dilation_x, dilation_y]);
        Geometry { input, outputs, kernel, stride, padding, dilation, groups }
    }

    fn reduce(&mut self, clock: ClockId) {
        let domain = self.choices.pick(&SHAPES);
        let scope = Scope { domain, locals: Vec::new(), stored: Vec::new() };
        let op =
            self.choices.pick(&[ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min, ReduceOp::ArgMax]);
        let kind = self.choices.pick(&[Kind::Int, Kind::Bool, Kind::F64, Kind::F32]);
        let value = self.expr(&scope, kind, 3);
        let elem = match (op, kind) {
            (ReduceOp::ArgMax, _) | (ReduceOp::Sum, Kind::Bool) => Elem::I64,
            _ => elem_of(kind),
        };
        let dst = self.buffer(elem, &[]);
        let domain = domain.to_vec();
        self.add(clock, OpKind::Reduce(Reduce { op, domain, value, dst }));
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
