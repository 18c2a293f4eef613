//! The ops of a step.

use super::Interpreter;
use super::array::{Array, Value, element, fit};
use super::eval::{Evaluated, Place, max_f32, max_f64, min_f32, min_f64, zero};
use crate::ir::{
    BufferId, BufferKind, Init, Kind, Loop, Op, OpKind, Reduce, ReduceOp, Source, StepIr, Stmt,
    Synapse, TensorValues,
};
use crate::tensor::conv;
use snn_runtime::Fault;

impl Interpreter {
    /// Executes those of `ops` whose clock holds at `t`.
    pub(super) fn execute(&mut self, ir: &StepIr, ops: &[Op], t: u64) -> Result<(), Fault> {
        for op in ops {
            if ir.clocks[op.clock.0 as usize].holds(t) {
                self.op(ir, op, t).map_err(|fault| *fault)?;
            }
        }
        Ok(())
    }

    fn op(&mut self, ir: &StepIr, op: &Op, t: u64) -> Evaluated<()> {
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
        let mut locals = vec![Value::Int(0); body.locals as usize];
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
                            && !place.eval(mask)?.bool()
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

    fn store(&mut self, ir: &StepIr, buffer: usize, at: usize, value: Value, t: u64) {
        self.buffers[buffer].set(at, ir.buffers[buffer].elem, value);
        if let Some(rows) = &self.written[buffer] {
            let width = self.buffers[buffer].len() / rows.len().max(1);
            self.note_row(buffer, at / width.max(1), t);
        }
    }

    /// Remembers that a row of an array of results was written at step `t`.
    pub(super) fn note_row(&mut self, buffer: usize, row: usize, t: u64) {
        if let Some(step) = self.written[buffer].as_mut().and_then(|rows| rows.get_mut(row)) {
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
            value.convert(Kind::Bool).bool().then(|| {
                let value = if synapse.binary { Value::Bool(true) } else { value };
                value.convert(kind)
            })
        };
        // Most source elements are zero and add nothing.
        let payloads: Vec<Option<Value>> = (0..columns).map(payload).collect();
        let add = |sum, weights, at, source: usize| match payloads[source] {
            Some(payload) => plus_product(sum, element(weights, at).convert(kind), payload),
            None => sum,
        };
        let weights = &*self.tensors[synapse.weights.0 as usize];
        let sums: Vec<Value> = match (&synapse.conv, &ir.tensors[synapse.weights.0 as usize].values)
        {
            (Some(geometry), _) => conv::sums(
                geometry,
                || zero(kind),
                |sum, weight, input| add(sum, weights, weight, input),
            ),
            (None, TensorValues::Sparse(weights)) => {
                // What is 0 is not stored, or as if it were not: it meets no infinity.
                let nonzero = weights.nonzero_codes();
                let entry = |sum, (column, code)| add(sum, weights.palette(), code, column);
                let entries = |row| weights.row(row).filter(|(_, code)| nonzero[*code]);
                (0..rows).map(|row| entries(row).fold(zero(kind), entry)).collect()
            }
            (None, _) => {
                let active: Vec<usize> = (0..columns).filter(|c| payloads[*c].is_some()).collect();
                let sum = |row| {
                    let product = |sum, c: &usize| add(sum, weights, row * columns + c, *c);
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
        let mut best: Option<(Value, u64)> = None;
        let mut sum = zero(elem.kind());
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
            match reduce.op {
                ReduceOp::Sum => sum = add(sum, value.convert(elem.kind())),
                ReduceOp::Min => best = Some((best.map_or(value, |(b, _)| min(b, value)), 0)),
                ReduceOp::Max => best = Some((best.map_or(value, |(b, _)| max(b, value)), 0)),
                ReduceOp::ArgMax => {
                    // NaN is never the largest.
                    if !is_nan(value) && best.is_none_or(|(b, _)| larger(value, b)) {
                        best = Some((value, position));
                    }
                }
            }
        }
        let result = match (reduce.op, best) {
            (ReduceOp::Sum, _) => sum,
            (ReduceOp::ArgMax, best) => Value::Int(best.map_or(0, |(_, position)| position as i64)),
            (_, best) => best.map_or(zero(elem.kind()), |(value, _)| value),
        };
        self.buffers[dst].set(0, elem, result);
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
        let mut values: Vec<(usize, i64)> = Vec::new();
        for counter in &ir.windows.counters {
            let b = counter.buffer.0 as usize;
            let steps = ir.clocks[counter.clock.0 as usize].count(t.saturating_sub(1));
            let grown = counter.add.wrapping_mul(steps as i64);
            match values.iter_mut().find(|(buffer, _)| *buffer == b) {
                Some((_, value)) => *value = value.wrapping_add(grown),
                None => {
                    let init = match ir.buffers[b].init {
                        Init::Int(value) => value,
                        Init::Float(value) => value as i64,
                        Init::Tensor(id) => {
                            element(&self.tensors[id.0 as usize], 0).convert(Kind::Int).int()
                        }
                    };
                    values.push((b, init.wrapping_add(grown)));
                }
            }
        }
        for (b, value) in values {
            self.buffers[b].set(0, ir.buffers[b].elem, Value::Int(value));
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

fn plus_product(sum: Value, weight: Value, value: Value) -> Value {
    match (sum, weight, value) {
        (Value::Int(sum), Value::Int(w), Value::Int(s)) => {
            Value::Int(sum.wrapping_add(w.wrapping_mul(s)))
        }
        (Value::F32(sum), Value::F32(w), Value::F32(s)) => Value::F32(sum + w * s),
        (Value::F64(sum), Value::F64(w), Value::F64(s)) => Value::F64(sum + w * s),
        (sum, ..) => panic!("{sum:?} as a sum of weights"),
    }
}

fn add(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_add(b)),
        (Value::F32(a), Value::F32(b)) => Value::F32(a + b),
        (Value::F64(a), Value::F64(b)) => Value::F64(a + b),
        (a, b) => panic!("the sum of {a:?} and {b:?}"),
    }
}

fn min(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Value::Bool(a && b),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.min(b)),
        (Value::F32(a), Value::F32(b)) => Value::F32(min_f32(a, b)),
        (Value::F64(a), Value::F64(b)) => Value::F64(min_f64(a, b)),
        (a, b) => panic!("the smaller of {a:?} and {b:?}"),
    }
}

fn max(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Value::Bool(a || b),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.max(b)),
        (Value::F32(a), Value::F32(b)) => Value::F32(max_f32(a, b)),
        (Value::F64(a), Value::F64(b)) => Value::F64(max_f64(a, b)),
        (a, b) => panic!("the larger of {a:?} and {b:?}"),
    }
}

fn is_nan(value: Value) -> bool {
    match value {
        Value::F32(value) => value.is_nan(),
        Value::F64(value) => value.is_nan(),
        Value::Bool(_) | Value::Int(_) => false,
    }
}

fn larger(a: Value, than: Value) -> bool {
    match (a, than) {
        (Value::Bool(a), Value::Bool(b)) => a && !b,
        (Value::Int(a), Value::Int(b)) => a > b,
        (Value::F32(a), Value::F32(b)) => a > b,
        (Value::F64(a), Value::F64(b)) => a > b,
        (a, b) => panic!("{a:?} is compared with {b:?}"),
    }
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
