//! The ops of a step.

use super::array::{Array, apply, condition, element, integer};
use super::block::{Executed, Machine};
use super::code::Code;
use super::synapse::Product;
use super::{Executor, Prepared};
use snn_ir::scalar::{Op, Scalar};
use snn_ir::step::{self, BufferId, BufferKind, Init, Kind, OpKind, Reduce, ReduceOp, StepIr};
use snn_runtime::Fault;

impl Executor {
    /// Executes those ops of a phase whose clock holds at `t`.
    pub(super) fn execute(&mut self, phase: usize, t: u64) -> Result<(), Fault> {
        let (ir, prepared) = (self.ir.clone(), self.prepared.clone());
        let (_, ops) = ir.program.phases()[phase];
        for (op, prepared) in ops.iter().zip(&prepared[phase]) {
            if ir.clocks[op.clock.0 as usize].holds(t) {
                self.op(&ir, op, prepared, t).map_err(|fault| *fault)?;
            }
        }
        Ok(())
    }

    fn op(&mut self, ir: &StepIr, op: &step::Op, prepared: &Prepared, t: u64) -> Executed<()> {
        match (&op.kind, prepared) {
            (OpKind::Reduce(reduce), Prepared::Code(code)) => self.reduce(ir, reduce, code, t)?,
            (_, Prepared::Code(code)) => self.machine(ir, t).execute(code, |_, _, _, _| ())?,
            (OpKind::Synapse(synapse), Prepared::Weights(weights)) => {
                let (tensors, buffers) = (&self.tensors, &mut self.buffers);
                Product { ir, tensors, buffers }.put(synapse, weights);
            }
            (OpKind::Push { queue, from }, _) => self.push(*queue, *from),
            (OpKind::Pop { queue, to }, _) => self.pop(*queue, *to),
            (OpKind::Reset { buffer }, _) => {
                let b = buffer.0 as usize;
                self.buffers[b].reset(&ir.buffers[b], &self.tensors);
                if ir.buffers[b].kind == BufferKind::Queue {
                    self.messages[b] = (0, 0);
                }
            }
            (OpKind::Loop(_) | OpKind::Reduce(_) | OpKind::Synapse(_), _) => {}
        }
        Ok(())
    }

    /// What code is executed on.
    fn machine<'m>(&'m mut self, ir: &'m StepIr, t: u64) -> Machine<'m> {
        Machine {
            ir,
            tensors: &self.tensors,
            buffers: &mut self.buffers,
            written: &mut self.written,
            registers: &mut self.registers,
            t,
        }
    }

    fn reduce(&mut self, ir: &StepIr, reduce: &Reduce, code: &Code, t: u64) -> Executed<()> {
        let dst = reduce.dst.0 as usize;
        let elem = ir.buffers[dst].elem;
        let zero = Scalar::Int(0).convert(elem.kind());
        let kept = reduce.kept();
        let at = |axes: &[usize], index: &[usize]| {
            axes.iter().fold(0, |at, axis| at * reduce.domain[*axis] + index[*axis])
        };
        let mut best: Vec<Option<(Scalar, usize)>> = vec![None; reduce.results()];
        let mut sums = vec![zero; reduce.results()];
        let Some(result) = code.result else { return Ok(()) };
        let mut index = vec![0; reduce.domain.len()];
        self.machine(ir, t).execute(code, |registers, outer, first, n| {
            let values = registers.get(result, n);
            for k in 0..n {
                index[..outer.len()].copy_from_slice(outer);
                if let Some(last) = index.last_mut() {
                    *last = first + k;
                }
                let value = values.at(k);
                let (result, position) = (at(&kept, &index), at(&reduce.axes, &index));
                let (sum, best) = (&mut sums[result], &mut best[result]);
                match reduce.op {
                    ReduceOp::Sum => *sum = apply(Op::Add, &[*sum, value]),
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
        })?;
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

fn extreme(op: Op, best: Option<(Scalar, usize)>, value: Scalar) -> Scalar {
    best.map_or(value, |(best, _)| apply(op, &[best, value]))
}

fn holds(op: Op, a: Scalar, b: Scalar) -> bool {
    condition(apply(op, &[a, b]))
}
