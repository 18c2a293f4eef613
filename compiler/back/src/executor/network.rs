//! The ops of a step.

use super::array::{Array, apply, condition};
use super::code::Code;
use super::state::{Prepared, Program, State, Stepped};
use snn_ir::scalar::{Op, Scalar, Slice};
use snn_ir::step::{self, BufferId, BufferKind, OpKind, Reduce, ReduceOp};
use snn_runtime::kernels::elementwise::Many;

/// The place among the phases of what happens between steps, after all others.
const HOST: usize = 5;

impl State {
    /// Executes a step.
    pub fn step(&mut self, program: &Program) -> Stepped<()> {
        (0..HOST).try_for_each(|phase| self.phase(program, phase))
    }

    /// Executes what happens between a step and the next.
    pub fn between(&mut self, program: &Program) -> Stepped<()> {
        self.phase(program, HOST)
    }

    /// Executes those ops of a phase whose clock holds.
    fn phase(&mut self, program: &Program, phase: usize) -> Stepped<()> {
        let (_, ops) = program.ir.program.phases()[phase];
        for (op, prepared) in ops.iter().zip(&program.prepared[phase]) {
            if program.ir.clocks[op.clock.0 as usize].holds(self.times[0]) {
                self.op(program, op, prepared)?;
            }
        }
        Ok(())
    }

    fn op(&mut self, program: &Program, op: &step::Op, prepared: &Prepared) -> Stepped<()> {
        match (&op.kind, prepared) {
            (OpKind::Reduce(reduce), Prepared::Code(code)) => self.reduce(program, reduce, code)?,
            (_, Prepared::Code(code)) => self.execute(program, code, |_, _| ())?,
            (OpKind::Synapse(synapse), Prepared::Weights(weights)) => {
                self.product(program, synapse, weights);
            }
            (OpKind::Outer(outer), _) => self.outer(program, outer),
            (OpKind::Push { queue, from }, _) => self.push(program, *queue, *from),
            (OpKind::Pop { queue, to }, _) => self.pop(program, *queue, *to),
            (OpKind::Reset { buffer }, _) => {
                let b = buffer.0 as usize;
                program.reset(b, &mut self.buffers[b], self.times.len());
                if program.ir.buffers[b].kind == BufferKind::Queue {
                    self.messages.iter_mut().for_each(|messages| messages[b] = (0, 0));
                }
            }
            (OpKind::Loop(_) | OpKind::Reduce(_) | OpKind::Synapse(_), _) => {}
        }
        Ok(())
    }

    fn reduce(&mut self, program: &Program, reduce: &Reduce, code: &Code) -> Stepped<()> {
        let dst = reduce.dst.0 as usize;
        let elem = program.ir.buffers[dst].elem;
        let zero = Scalar::Int(0).convert(elem.kind());
        let kept = reduce.kept();
        let results = reduce.results();
        let mut best: Vec<Option<(Scalar, usize)>> = vec![None; results * self.times.len()];
        let mut sums = vec![zero; best.len()];
        let Some(operand) = &code.result else { return Ok(()) };
        self.execute(program, code, |state, block| {
            let values = state.operand(code, block, operand);
            if kept.is_empty()
                && state.times.len() == 1
                && let Some(found) = extreme_of(reduce.op, values)
            {
                let op = if reduce.op == ReduceOp::Min { Op::Min } else { Op::Max };
                best[0] = Some((extreme(op, best[0], found), 0));
                return;
            }
            for n in 0..block.rows * block.per_row {
                let (window, row) = code.row(block.row + n / block.per_row);
                let element = row + block.first + n % block.per_row;
                let (result, position) = match kept.is_empty() {
                    true => (0, element),
                    false => (
                        along(&reduce.domain, &kept, element),
                        along(&reduce.domain, &reduce.axes, element),
                    ),
                };
                let result = window * results + result;
                let (sum, best, value) = (&mut sums[result], &mut best[result], values.at(n));
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

    fn push(&mut self, program: &Program, queue: BufferId, from: BufferId) {
        let (q, f) = (queue.0 as usize, from.0 as usize);
        let (len, width) = (program.len(q), program.len(f));
        let mut ring = std::mem::replace(&mut self.buffers[q], Array::Bool(Vec::new()));
        for (window, messages) in self.messages.iter_mut().enumerate().take(self.times.len()) {
            let at = window * len + slot(messages[q].0, len, width);
            ring.copy(at..at + width, &self.buffers[f], window * width);
            messages[q].0 += 1;
        }
        self.buffers[q] = ring;
    }

    fn pop(&mut self, program: &Program, queue: BufferId, to: BufferId) {
        let (q, t) = (queue.0 as usize, to.0 as usize);
        let (len, width) = (program.len(q), program.len(t));
        let ring = std::mem::replace(&mut self.buffers[q], Array::Bool(Vec::new()));
        for (window, messages) in self.messages.iter_mut().enumerate().take(self.times.len()) {
            let at = window * len + slot(messages[q].1, len, width);
            self.buffers[t].copy(window * width..(window + 1) * width, &ring, at);
            messages[q].1 += 1;
        }
        self.buffers[q] = ring;
    }

    /// Moves each window to a step: gives counters the values that they have before it, and
    /// queues the number of messages that were put in and taken out before it.
    pub fn seek(&mut self, program: &Program, times: Vec<u64>) {
        self.times = times;
        let ir = &program.ir;
        let times_before =
            |clock: step::ClockId, t: u64| ir.clocks[clock.0 as usize].count(t.saturating_sub(1));
        for counter in &ir.windows.counters {
            let b = counter.buffer.0 as usize;
            let init = match program.initial[b].slice(0..1).at(0) {
                Scalar::Int(init) => init,
                other => panic!("{other:?} counts"),
            };
            for (window, t) in self.times.iter().enumerate() {
                let value = Scalar::Int(counter.after(init, times_before(counter.clock, *t)));
                self.buffers[b].set(window, ir.buffers[b].elem, value);
            }
        }
        for (messages, t) in self.messages.iter_mut().zip(&self.times) {
            messages.fill((0, 0));
            for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
                let times = times_before(op.clock, *t);
                match op.kind {
                    OpKind::Push { queue, .. } => messages[queue.0 as usize].0 += times,
                    OpKind::Pop { queue, .. } => messages[queue.0 as usize].1 += times,
                    _ => {}
                }
            }
        }
    }
}

/// The position, in C order along some axes of a domain, of an element of it.
fn along(domain: &[usize], axes: &[usize], element: usize) -> usize {
    let (mut rest, mut position, mut size) = (element, 0, 1);
    for (axis, extent) in domain.iter().enumerate().rev() {
        if axes.contains(&axis) {
            position += rest % extent * size;
            size *= extent;
        }
        rest /= extent;
    }
    position
}

/// Where in a ring of `len` elements the `n`-th message of `width` elements begins.
fn slot(n: u64, len: usize, width: usize) -> usize {
    let slots = (len / width.max(1)).max(1);
    (n % slots as u64) as usize * width
}

/// The least or the largest of many integers at once.
fn extreme_of(op: ReduceOp, values: Slice<'_>) -> Option<Scalar> {
    fn of<T: Copy + Ord>(op: ReduceOp, values: &[T]) -> Option<T> {
        let all = values.iter().copied();
        match op {
            ReduceOp::Min => all.reduce(|a, b| if b < a { b } else { a }),
            ReduceOp::Max => all.reduce(|a, b| if b > a { b } else { a }),
            ReduceOp::Sum | ReduceOp::ArgMax => None,
        }
    }
    match values {
        Slice::Bool(Many::Each(x)) => of(op, x).map(Scalar::Bool),
        Slice::Narrow(Many::Each(x)) => of(op, x).map(|x| Scalar::Int(x.into())),
        Slice::Int(Many::Each(x)) => of(op, x).map(Scalar::Int),
        _ => None,
    }
}

fn extreme(op: Op, best: Option<(Scalar, usize)>, value: Scalar) -> Scalar {
    best.map_or(value, |(best, _)| apply(op, &[best, value]))
}

fn holds(op: Op, a: Scalar, b: Scalar) -> bool {
    condition(apply(op, &[a, b]))
}
