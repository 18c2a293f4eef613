//! Checks the invariants of the step IR, as far as they show in the IR itself.
//!
//! [`check`] is linear in the size of the IR and finds the first place that violates one. The
//! scheduler calls it in debug builds; tests call it on whatever they make.

mod loops;
#[cfg(test)]
mod tests;

use super::{
    Buffer, BufferId, BufferKind, ClockId, Elem, Init, KernelKind, Kind, Op, OpKind, Outer,
    RecordWhen, Reduce, ReduceOp, Source, StepIr, Synapse, Tensor, TensorValues,
};

/// What is wrong, in words.
type Checked<T = ()> = Result<T, String>;

/// Whether `ir` keeps its invariants.
///
/// # Errors
/// The first one that it violates, and where.
pub fn check(ir: &StepIr) -> Result<(), String> {
    Checker { ir }.all()
}

struct Checker<'a> {
    ir: &'a StepIr,
}

/// An error unless `holds`.
fn ensure(holds: bool, message: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(message()) }
}

impl<'a> Checker<'a> {
    fn all(&self) -> Checked {
        let always = self.ir.clocks.first().is_some_and(|clock| clock.is_always());
        ensure(always, || "the first clock does not always hold".into())?;
        for tensor in &self.ir.tensors {
            self.tensor(tensor)?;
        }
        for buffer in &self.ir.buffers {
            self.initial(buffer)?;
        }
        for (phase, ops) in self.ir.program.phases() {
            for (n, op) in ops.iter().enumerate() {
                let origin = &op.origin;
                self.op(op).map_err(|e| format!("op {n} of {phase} ({origin}): {e}"))?;
            }
        }
        for record in &self.ir.records {
            self.buffer(record.buffer)?;
            if let RecordWhen::Clock(clock) = record.when {
                self.clock(clock)?;
            }
        }
        let windows = &self.ir.windows;
        for counter in &windows.counters {
            self.clock(counter.clock)?;
            let b = self.buffer(counter.buffer)?;
            let scalar = b.len() == 1 && b.elem.kind() == Kind::Int;
            ensure(scalar, || format!("counter `{}` is not one integer", b.name))?;
        }
        for collected in &windows.collected {
            let b = self.buffer(collected.buffer)?;
            let known = collected.counter < windows.counters.len() && !b.shape.is_empty();
            ensure(known, || format!("`{}` is collected by no counter", b.name))?;
        }
        windows.carried.iter().try_for_each(|(b, _)| self.buffer(*b).map(|_| ()))
    }

    fn buffer(&self, id: BufferId) -> Checked<&'a Buffer> {
        let found = self.ir.buffers.get(id.0 as usize);
        found.ok_or_else(|| format!("there is no buffer {}", id.0))
    }

    fn clock(&self, id: ClockId) -> Checked {
        let known = (id.0 as usize) < self.ir.clocks.len();
        ensure(known, || format!("there is no clock {}", id.0))
    }

    /// The name, element type and size of what is accessed.
    fn source(&self, source: Source) -> Checked<(&'a str, Elem, usize)> {
        match source {
            Source::Buffer(id) => self.buffer(id).map(|b| (b.name.as_str(), b.elem, b.len())),
            Source::Tensor(id) => {
                let found = self.ir.tensors.get(id.0 as usize);
                let t = found.ok_or_else(|| format!("there is no tensor {}", id.0))?;
                Ok((t.name.as_str(), t.elem, t.shape.iter().product()))
            }
        }
    }

    fn is_sparse(&self, source: Source) -> bool {
        let Source::Tensor(id) = source else { return false };
        let tensor = self.ir.tensors.get(id.0 as usize);
        tensor.is_some_and(|t| matches!(t.values, TensorValues::Sparse(_)))
    }

    fn tensor(&self, tensor: &Tensor) -> Checked {
        let len: usize = tensor.shape.iter().product();
        let found = match &tensor.values {
            TensorValues::Known(known) => known.len(),
            TensorValues::Sparse(sparse) => sparse.shape().iter().product(),
            TensorValues::File(dataset) => dataset.shape.iter().product(),
        };
        ensure(len == found, || {
            format!("tensor `{}` has {found} values for shape {:?}", tensor.name, tensor.shape)
        })
    }

    fn initial(&self, buffer: &Buffer) -> Checked {
        let Init::Tensor(id) = buffer.init else { return Ok(()) };
        let (name, elem, len) = self.source(Source::Tensor(id))?;
        let dense = !self.is_sparse(Source::Tensor(id));
        ensure(dense && (elem, len) == (buffer.elem, buffer.len()), || {
            format!("`{}` cannot begin as `{name}`", buffer.name)
        })
    }

    fn op(&self, op: &Op) -> Checked {
        self.clock(op.clock)?;
        match &op.kind {
            OpKind::Loop(body) => self.elementwise(body),
            OpKind::Synapse(synapse) => self.synapse(synapse),
            OpKind::Outer(outer) => self.outer(outer),
            OpKind::Reduce(reduce) => self.reduce(reduce),
            OpKind::Push { queue, from } => self.message(*queue, *from),
            OpKind::Pop { queue, to } => self.message(*queue, *to),
            OpKind::Reset { buffer } => self.buffer(*buffer).map(|_| ()),
        }
    }

    fn synapse(&self, s: &Synapse) -> Checked {
        let (name, weight, weights) = self.source(s.weights)?;
        let (src, dst) = (self.buffer(s.src)?, self.buffer(s.dst)?);
        let expected = match &s.conv {
            None => (dst.len() * src.len(), src.len(), dst.len()),
            Some(g) => (
                g.weights().iter().product(),
                g.input.iter().product(),
                g.output().iter().product(),
            ),
        };
        ensure((weights, src.len(), dst.len()) == expected, || {
            let [src, dst] = [src, dst].map(|b| format!("`{}`, {:?}", b.name, b.shape));
            format!("{weights} weights `{name}` do not lead from {src} to {dst}")
        })?;
        let stored = Source::Buffer(s.dst);
        ensure(s.src != s.dst && s.weights != stored, || {
            format!("`{}` is the sum of what it is itself part of", dst.name)
        })?;
        let kinds = [weight.kind(), src.elem.kind()];
        let holds = match dst.elem.kind() {
            Kind::Bool => false,
            Kind::Int => !kinds.iter().any(|kind| kind.is_float()),
            Kind::F32 | Kind::F64 => true,
        };
        ensure(holds, || format!("`{}`, {:?}, cannot hold the sums", dst.name, dst.elem))?;
        let kind = match (s.weights, s.conv.is_some()) {
            (Source::Buffer(_), conv) => {
                s.kernel.kind == KernelKind::Live || s.kernel.kind == KernelKind::Turned && !conv
            }
            (Source::Tensor(_), true) => {
                s.kernel.kind == KernelKind::Conv && !self.is_sparse(s.weights)
            }
            (Source::Tensor(_), false) => {
                matches!(s.kernel.kind, KernelKind::Columns | KernelKind::SparseColumns)
            }
        };
        ensure(kind, || format!("weights `{name}` have kernel {:?}", s.kernel.kind))
    }

    fn outer(&self, o: &Outer) -> Checked {
        let (dst, sources, targets) =
            (self.buffer(o.dst)?, self.buffer(o.sources)?, self.buffer(o.targets)?);
        let float = dst.elem.kind().is_float() && dst.elem == targets.elem;
        ensure(float && dst.len() == sources.len() * targets.len(), || {
            let [a, b, c] = [dst, sources, targets].map(|b| format!("`{}`, {:?}", b.name, b.shape));
            format!("{a} is no sum of products of {b} and {c}")
        })?;
        ensure(o.dst != o.sources && o.dst != o.targets, || {
            format!("`{}` is added to what it is itself part of", dst.name)
        })
    }

    fn reduce(&self, r: &Reduce) -> Checked {
        let ascending = r.axes.windows(2).all(|pair| pair[0] < pair[1]);
        let within = r.axes.last().is_none_or(|axis| *axis < r.domain.len());
        ensure(ascending && within, || {
            format!("{:?} are not axes of {:?} in order", r.axes, r.domain)
        })?;
        let dst = self.buffer(r.dst)?;
        ensure(dst.len() == r.results(), || {
            format!("`{}`, {:?}, does not hold {} results", dst.name, dst.shape, r.results())
        })?;
        let holds = match (r.op, r.value.kind) {
            (ReduceOp::ArgMax, _) => dst.elem.kind() == Kind::Int,
            (ReduceOp::Sum, Kind::Bool | Kind::Int) => dst.elem == Elem::I64,
            (_, kind) => dst.elem.kind() == kind,
        };
        ensure(holds, || format!("`{}`, {:?}, is not what {:?} gives", dst.name, dst.elem, r.op))?;
        self.reduced_value(r)
    }

    fn message(&self, queue: BufferId, message: BufferId) -> Checked {
        let (queue, message) = (self.buffer(queue)?, self.buffer(message)?);
        let ring = queue.kind == BufferKind::Queue && queue.elem == message.elem;
        let slot = queue.shape.split_first().is_some_and(|(_, slot)| slot == message.shape);
        ensure(ring && slot, || {
            format!("`{}` is no queue of messages like `{}`", queue.name, message.name)
        })
    }
}
