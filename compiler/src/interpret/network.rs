//! The ops of a step.

use super::Interpreter;
use super::array::{Array, apply, condition, element, fit, integer};
use super::eval::{Evaluated, Place, zero};
use crate::ir::{
    self, BufferId, BufferKind, Init, Kind, Loop, OpKind, Reduce, ReduceOp, Source, StepIr, Stmt,
    Synapse, TensorValues,
};
use crate::scalar::{Op, Scalar};
use crate::tensor::conv;
use snn_runtime::Fault;

impl Interpreter {
    /// Executes those of `ops` whose clock holds at `t`.
    pub(super) fn execute(&mut self, ir: &StepIr, ops: &[ir::Op], t: u64) -> Result<(), Fault> {
        for op in ops {
            if ir.clocks[op.clock.0 as usize].holds(t) {
                self.op(ir, op, t).map_err(|fault| *fault)?;
            }
        }
        Ok(())
    }

    fn op(&mut self, ir: &StepIr, op: &ir::Op, t: u64) -> Evaluated<()> {
        match &op.kind {
            OpKind::Loop(body) => self.elementwise(ir, body, t),
            OpKind::Synapse(synapse) => {
                self.synapse(ir, synapse);
                Ok(())
            }
            OpKind::Reduce(reduce) => self.reduce(ir, reduce, t),
            OpKind::Push { queue, from } => {
                self.push(*queue, *from);
                Ok(())
            }
            OpKind::Pop { queue, to } => {
                self.pop(*queue, *to);
                Ok(())
            }
            OpKind::Reset { buffer } => {
                let b = buffer.0 as usize;
                self.buffers[b].reset(&ir.buffers[b], &self.tensors);
                if ir.buffers[b].kind == BufferKind::Queue {
                    self.messages[b] = (0, 0);
                }
                Ok(())
            }
        }
    }

    fn elementwise(&mut self, ir: &StepIr, body: &Loop, t: u64) -> Evaluated<()> {
        let mut locals = vec![Scalar::Int(0); body.locals as usize];
        let mut elements = Elements::of(&body.domain);
        while let Some((index, position)) = elements.next() {
            for statement in &body.body {
                let place = Place {
                    ir,
                    tensors: &self.tensors,
                    buffers: &self.buffers,
                    locals: &locals,
                    index,
                    position,
                    t,
                };
                match statement {
                    Stmt::Let { local, value, .. } => {
                        let value = place.eval(value)?;
                        locals[*local as usize] = value;
                    }
                    Stmt::Store { to, value, fit: policy, mask } => {
                        if let Some(mask) = mask
                            && !condition(place.eval(mask)?)
                        {
                            continue;
                        }
                        let value = fit(place.eval(value)?, *policy);
                        let at = place.locate(to)?;
                        let Source::Buffer(BufferId(buffer)) = to.source else {
                            panic!("a tensor is stored to")
                        };
                        self.store(ir, buffer as usize, at, value, t);
                    }
                }
            }
        }
        Ok(())
    }

    fn store(&mut self, ir: &StepIr, buffer: usize, at: usize, value: Scalar, t: u64) {
        self.buffers[buffer].set(at, ir.buffers[buffer].elem, value);
        self.note_written(buffer, at, t);
    }

    /// Remembers that an element of an array of results was written at step `t`.
    pub(super) fn note_written(&mut self, buffer: usize, at: usize, t: u64) {
        if let Some(written) = &mut self.written[buffer]
            && let Some(step) = written.steps.get_mut(at / written.unit)
        {
            *step = t;
        }
    }

    fn synapse(&mut self, ir: &StepIr, synapse: &Synapse) {
        let (src, dst) = (synapse.src.0 as usize, synapse.dst.0 as usize);
        let elem = ir.buffers[dst].elem;
        let kind = elem.kind();
        let (rows, columns) = (self.buffers[dst].len(), self.buffers[src].len());
        let payload = |column: usize| {
            let value = self.buffers[src].get(column);
            condition(value.convert(Kind::Bool)).then(|| {
                let value = if synapse.binary { Scalar::Bool(true) } else { value };
                value.convert(kind)
            })
        };
        // Most source elements are zero and add nothing.
        let payloads: Vec<Option<Scalar>> = (0..columns).map(payload).collect();
        let add = |sum, weight: &dyn Fn() -> Scalar, source: usize| match payloads[source] {
            Some(payload) => plus_product(sum, weight().convert(kind), payload),
            None => sum,
        };
        let weight = |at: usize| match synapse.weights {
            Source::Tensor(id) => element(&self.tensors[id.0 as usize], at),
            Source::Buffer(id) => self.buffers[id.0 as usize].get(at),
        };
        let sparse = match synapse.weights {
            Source::Tensor(id) => match &ir.tensors[id.0 as usize].values {
                TensorValues::Sparse(sparse) => Some(sparse),
                TensorValues::Known(_) | TensorValues::File(_) => None,
            },
            Source::Buffer(_) => None,
        };
        let sums: Vec<Scalar> = match (&synapse.conv, sparse) {
            (Some(geometry), _) => conv::sums(
                geometry,
                || zero(kind),
                |sum, at, input| add(sum, &|| weight(at), input),
            ),
            (None, Some(weights)) => {
                // What is 0 is not stored, or as if it were not: it meets no infinity.
                let nonzero = weights.nonzero_codes();
                let entry =
                    |sum, (column, code)| add(sum, &|| element(weights.palette(), code), column);
                let entries = |row| weights.row(row).filter(|(_, code)| nonzero[*code]);
                (0..rows).map(|row| entries(row).fold(zero(kind), entry)).collect()
            }
            (None, None) => {
                let active: Vec<usize> = (0..columns).filter(|c| payloads[*c].is_some()).collect();
                let sum = |row| {
                    let product = |sum, c: &usize| add(sum, &|| weight(row * columns + c), *c);
                    active.iter().fold(zero(kind), product)
                };
                (0..rows).map(sum).collect()
            }
        };
        for (row, sum) in sums.into_iter().enumerate() {
            self.buffers[dst].set(row, elem, sum);
        }
    }

    fn reduce(&mut self, ir: &StepIr, reduce: &Reduce, t: u64) -> Evaluated<()> {
        let dst = reduce.dst.0 as usize;
        let elem = ir.buffers[dst].elem;
        let zero = zero(elem.kind());
        let kept = reduce.kept();
        let at = |axes: &[usize], index: &[usize]| {
            axes.iter().fold(0, |at, axis| at * reduce.domain[*axis] + index[*axis])
        };
        let mut best: Vec<Option<(Scalar, usize)>> = vec![None; reduce.results()];
        let mut sums = vec![zero; reduce.results()];
        let mut elements = Elements::of(&reduce.domain);
        while let Some((index, position)) = elements.next() {
            let place = Place {
                ir,
                tensors: &self.tensors,
                buffers: &self.buffers,
                locals: &[],
                index,
                position,
                t,
            };
            let value = place.eval(&reduce.value)?;
            let (result, position) = (at(&kept, index), at(&reduce.axes, index));
            let (sum, best) = (&mut sums[result], &mut best[result]);
            match reduce.op {
                ReduceOp::Sum => *sum = apply(Op::Add, &[*sum, value.convert(elem.kind())]),
                ReduceOp::Min => *best = Some((extreme(Op::Min, *best, value), 0)),
                ReduceOp::Max => *best = Some((extreme(Op::Max, *best, value), 0)),
                ReduceOp::ArgMax => {
                    // NaN, which is not itself, is never the largest.
                    let number = holds(Op::Eq, value, value);
                    if number && best.is_none_or(|(b, _)| holds(Op::Gt, value, b)) {
                        *best = Some((value, position));
                    }
                }
            }
        }
        for (n, (sum, best)) in sums.into_iter().zip(best).enumerate() {
            let result = match reduce.op {
                ReduceOp::Sum => sum,
                ReduceOp::ArgMax => Scalar::Int(best.map_or(0, |(_, position)| position as i64)),
                ReduceOp::Min | ReduceOp::Max => best.map_or(zero, |(value, _)| value),
            };
            self.buffers[dst].set(n, elem, result);
        }
        Ok(())
    }

    fn push(&mut self, queue: BufferId, from: BufferId) {
        let (q, f) = (queue.0 as usize, from.0 as usize);
        let width = self.buffers[f].len();
        let at = slot(self.messages[q].0, self.buffers[q].len(), width);
        let message = self.buffers[f].clone();
        self.buffers[q].move_in(at, &message, 0..width);
        self.messages[q].0 += 1;
    }

    fn pop(&mut self, queue: BufferId, to: BufferId) {
        let (q, t) = (queue.0 as usize, to.0 as usize);
        let width = self.buffers[t].len();
        let at = slot(self.messages[q].1, self.buffers[q].len(), width);
        let ring = std::mem::replace(&mut self.buffers[q], Array::Bool(Vec::new()));
        self.buffers[t].move_in(0, &ring, at..at + width);
        self.buffers[q] = ring;
        self.messages[q].1 += 1;
    }

    /// Gives counters the values they have before step `t`.
    pub(super) fn seek_counters(&mut self, ir: &StepIr, t: u64) {
        for counter in &ir.windows.counters {
            let b = counter.buffer.0 as usize;
            let times = ir.clocks[counter.clock.0 as usize].count(t.saturating_sub(1));
            let init = match ir.buffers[b].init {
                Init::Int(value) => value,
                Init::Float(value) => value as i64,
                Init::Tensor(id) => {
                    integer(element(&self.tensors[id.0 as usize], 0).convert(Kind::Int))
                }
            };
            let value = Scalar::Int(counter.after(init, times));
            self.buffers[b].set(0, ir.buffers[b].elem, value);
        }
    }

    /// Gives queues the number of messages that were put in and taken out before step `t`.
    pub(super) fn seek_queues(&mut self, ir: &StepIr, t: u64) {
        self.messages.fill((0, 0));
        for (_, ops) in ir.program.phases() {
            for op in ops {
                let times = ir.clocks[op.clock.0 as usize].count(t.saturating_sub(1));
                match op.kind {
                    OpKind::Push { queue, .. } => self.messages[queue.0 as usize].0 += times,
                    OpKind::Pop { queue, .. } => self.messages[queue.0 as usize].1 += times,
                    _ => {}
                }
            }
        }
    }
}

/// Where in a ring of `len` elements the `n`-th message of `width` elements begins.
fn slot(n: u64, len: usize, width: usize) -> usize {
    let slots = (len / width.max(1)).max(1);
    (n % slots as u64) as usize * width
}

fn plus_product(sum: Scalar, weight: Scalar, value: Scalar) -> Scalar {
    apply(Op::Add, &[sum, apply(Op::Mul, &[weight, value])])
}

fn extreme(op: Op, best: Option<(Scalar, usize)>, value: Scalar) -> Scalar {
    best.map_or(value, |(best, _)| apply(op, &[best, value]))
}

fn holds(op: Op, a: Scalar, b: Scalar) -> bool {
    condition(apply(op, &[a, b]))
}

/// The elements of a domain in C order.
struct Elements<'a> {
    domain: &'a [usize],
    index: Vec<usize>,
    next: u64,
    count: u64,
}

impl<'a> Elements<'a> {
    fn of(domain: &'a [usize]) -> Elements<'a> {
        let count = domain.iter().map(|d| *d as u64).product();
        Elements { domain, index: vec![0; domain.len()], next: 0, count }
    }

    /// The next element: its index, and its position.
    fn next(&mut self) -> Option<(&[usize], u64)> {
        if self.next == self.count {
            return None;
        }
        if self.next > 0 {
            for (index, extent) in self.index.iter_mut().zip(self.domain).rev() {
                *index += 1;
                if *index < *extent {
                    break;
                }
                *index = 0;
            }
        }
        self.next += 1;
        Some((&self.index, self.next - 1))
    }
}
