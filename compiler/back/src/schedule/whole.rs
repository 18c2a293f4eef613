//! Values that are computed whole, by ops of their own.

use super::builder::Builder;
use super::views::{Affine, Map, in_order};
use snn_ir::network::{Data, Op, ValueId};
use snn_ir::scalar;
use snn_ir::step::kernels::{choose, live, turned, unread};
use snn_ir::step::{
    self, BufferId, Expr, ExprKind, Fit, Kind, OpKind, Outer, Reduce, Source, Synapse, TensorId,
};
use snn_ir::tensor::{Constant, apply, ops};
use snn_runtime::kernels::Geometry;

impl Builder<'_> {
    /// Emits the ops that compute a value, and gives the buffer that holds it.
    pub(super) fn whole(&mut self, id: ValueId) -> BufferId {
        if let Some(known) = self.hoisted.get(&id) {
            return *known;
        }
        let shared = self.shareable(id);
        if let Some(known) = shared.and_then(|key| self.shared.get(&key)) {
            return *known;
        }
        self.depth += 1;
        let value = &self.body.values[id.at()];
        let buffer = match &value.op {
            Op::MatMul => self.synapse(id, None),
            Op::Conv(geometry) => self.synapse(id, Some(**geometry)),
            Op::Reduce(op, axes) => {
                let domain = self.body.values[value.args[0].at()].shape.clone();
                let of = self.value(value.args[0], &domain);
                let dst = self.local(reduce_name(*op), value.kind, value.shape.clone());
                let (op, axes) = (*op, axes.clone());
                self.push(OpKind::Reduce(Reduce { op, domain, axes, value: of, dst }));
                dst
            }
            Op::Concat(axis) => {
                let buffer = self.local("joined", value.kind, value.shape.clone());
                let strides = ops::strides(&value.shape);
                let mut start = 0;
                for &part in &value.args {
                    let shape = self.body.values[part.at()].shape.clone();
                    let mut position = Affine::zero(shape.len());
                    position.offset = (start * strides[*axis]) as i64;
                    position.strides = strides.iter().map(|s| *s as i64).collect();
                    let of = self.value(part, &shape);
                    let access = position.access(Source::Buffer(buffer));
                    start += shape[*axis];
                    self.store(shape, access, of, None, Fit::Exact);
                }
                buffer
            }
            Op::ByDelay => self.by_delay(id),
            _ => {
                let name = value.name.as_deref().and_then(|name| name.rsplit('.').next());
                let name = name.unwrap_or("value").to_string();
                let buffer = self.local(&name, value.kind, value.shape.clone());
                self.fill(buffer, id, None);
                buffer
            }
        };
        self.depth -= 1;
        self.hoisted.insert(id, buffer);
        if let Some(key) = shared {
            self.shared.insert(key, buffer);
        }
        buffer
    }

    /// Weights of a step spread over their delays: slot by slot, those whose delay it is.
    fn by_delay(&mut self, id: ValueId) -> BufferId {
        let value = &self.body.values[id.at()];
        let (weights, delays) = (value.args[0], value.args[1]);
        let [m, slots, n] = value.shape[..] else { unreachable!("it is [m, slots, n]") };
        let buffer = self.local("spread", value.kind, value.shape.clone());
        let zero = step::Expr {
            kind: value.kind,
            node: if value.kind.is_float() { ExprKind::Float(0.0) } else { ExprKind::Int(0) },
        };
        for slot in 0..slots {
            let domain = vec![m, n];
            let (weight, delay) = (self.value(weights, &domain), self.value(delays, &domain));
            let slot_is = Expr { kind: Kind::Int, node: ExprKind::Int(slot as i64) };
            let here = Expr::apply(scalar::Op::Eq, vec![delay, slot_is]);
            let chosen = Expr::apply(scalar::Op::Select, vec![here, weight, zero.clone()]);
            let mut position = Affine::zero(2);
            position.offset = (slot * n) as i64;
            position.strides = vec![(slots * n) as i64, 1];
            let access = position.access(Source::Buffer(buffer));
            self.store(domain, access, chosen, None, Fit::Exact);
        }
        buffer
    }

    fn synapse(&mut self, id: ValueId, conv: Option<Geometry>) -> BufferId {
        let value = &self.body.values[id.at()];
        let (weights, input) = (value.args[0], value.args[1]);
        let (kind, shape) = (value.kind, value.shape.clone());
        let (src, binary) = self.input(input);
        let source = match self.known_weights(weights, conv.is_some(), &shape) {
            Some((tensor, constant)) => {
                let kernel = choose(&constant, conv.is_some(), binary, (0, 1));
                let dst = self.local("sum", kind, shape);
                let weights = Source::Tensor(tensor);
                self.push(OpKind::Synapse(Synapse { weights, conv, src, binary, dst, kernel }));
                return dst;
            }
            None => self.live_weights(weights),
        };
        let by_source = match conv {
            None => self.turned_weights(weights),
            Some(_) => None,
        };
        let source = match (source, by_source) {
            (Some(source), _) => source,
            (None, Some(buffer)) => Source::Buffer(buffer),
            (None, None) => self.copied_weights(weights),
        };
        let dst = self.local("sum", kind, shape);
        let sums = self.buffers[dst.0 as usize].elem;
        let range = sums.bounds().unwrap_or((0, 0));
        let kernel = match source {
            Source::Buffer(b) if by_source == Some(b) => {
                turned(self.buffers[b.0 as usize].elem, sums, range)
            }
            Source::Buffer(b) => live(self.buffers[b.0 as usize].elem, sums, range),
            Source::Tensor(t) => {
                unread(self.tensors[t.0 as usize].elem, conv.is_some(), sums, range)
            }
        };
        self.push(OpKind::Synapse(Synapse { weights: source, conv, src, binary, dst, kernel }));
        dst
    }

    /// The buffer of what weights are multiplied with, and whether what is not 0 counts as 1.
    fn input(&mut self, input: ValueId) -> (BufferId, bool) {
        let shape = self.body.values[input.at()].shape.clone();
        let mut source = self.value(input, &shape);
        let mut binary = false;
        // Weights times a condition: any spike counts as 1.
        while let ExprKind::Apply(scalar::Op::Convert(_), inner) = &source.node {
            let [inner] = inner.as_slice() else { break };
            if inner.kind != Kind::Bool {
                break;
            }
            binary = true;
            source = inner.clone();
        }
        if binary
            && let ExprKind::Apply(scalar::Op::Ne, operands) = &source.node
            && let [x, zero] = operands.as_slice()
            && zero.node == ExprKind::Int(0)
            && self.contiguous(x, &shape).is_some()
        {
            source = x.clone();
        }
        let src = match self.contiguous(&source, &shape) {
            Some(buffer) => buffer,
            None => {
                let buffer = self.local("spikes", source.kind, shape.clone());
                let access = Affine::identity(&shape).access(Source::Buffer(buffer));
                self.store(shape, access, source, None, Fit::Exact);
                buffer
            }
        };
        binary |= self.buffers[src.0 as usize].elem == step::Elem::Bool;
        (src, binary)
    }

    /// Weights that are known now: their tensor, as a matrix of targets and sources.
    fn known_weights(
        &mut self,
        id: ValueId,
        conv: bool,
        sums: &[usize],
    ) -> Option<(TensorId, Constant)> {
        let value = &self.body.values[id.at()];
        let constant = self.tensor_of(id)?.constant()?;
        let rows = sums.iter().product::<usize>();
        let matrix = match conv {
            true => Constant::Dense(constant.dense()?),
            false => {
                let columns = value.shape.last().copied().unwrap_or(1);
                apply::reshape(&[rows, columns], &constant)?
            }
        };
        let name = format!("{}.weights", self.at.origin);
        let tensor = self.tensor(id, &matrix, &name, value.kind);
        Some((tensor, matrix))
    }

    /// Weights that a step knows, or a file, where they lie as they are.
    fn live_weights(&mut self, id: ValueId) -> Option<Source> {
        let of = self.unconverted(id);
        if let Some(Data::File(dataset)) = self.tensor_of(of).map(|tensor| &tensor.data) {
            return Some(Source::Tensor(self.file(of, dataset)));
        }
        let shape = self.body.values[of.at()].shape.clone();
        let lowered = self.value(of, &shape);
        self.contiguous(&lowered, &shape).map(Source::Buffer)
    }

    /// Weights that lie source by source.
    fn turned_weights(&mut self, id: ValueId) -> Option<BufferId> {
        let of = self.unconverted(id);
        let value = &self.body.values[of.at()];
        if value.op != Op::Transpose(vec![1, 0]) || self.fixed.contains_key(&of) {
            return None;
        }
        let inner = value.args[0];
        let shape = self.body.values[inner.at()].shape.clone();
        let lowered = self.value(inner, &shape);
        self.contiguous(&lowered, &shape)
    }

    /// Weights that lie nowhere: put in a buffer.
    fn copied_weights(&mut self, id: ValueId) -> Source {
        let of = self.unconverted(id);
        let shape = self.body.values[of.at()].shape.clone();
        let lowered = self.value(of, &shape);
        let buffer = self.local("weights", lowered.kind, shape.clone());
        let access = Affine::identity(&shape).access(Source::Buffer(buffer));
        self.store(shape, access, lowered, None, Fit::Exact);
        Source::Buffer(buffer)
    }

    /// What a value is converted from: sums are formed in their own kind, whatever that of weights
    /// is.
    fn unconverted(&self, id: ValueId) -> ValueId {
        let mut of = id;
        while let (Op::Scalar(scalar::Op::Convert(_)), false) =
            (&self.body.values[of.at()].op, self.fixed.contains_key(&of))
        {
            let arg = self.body.values[of.at()].args[0];
            // A fraction is cut off before.
            if self.body.values[arg.at()].kind.is_float()
                && self.body.values[of.at()].kind == Kind::Int
            {
                break;
            }
            of = arg;
        }
        of
    }

    /// Where a variable is to become itself and an outer product of two vectors, `[n]` and `[m]`:
    /// the op that adds them.
    pub(super) fn outer(&mut self, var: u32, value: ValueId) -> Option<Outer> {
        let body = self.body;
        let of = |id: ValueId| &body.values[id.at()];
        let own = |id: ValueId| of(id).op == Op::Var(var);
        let (Op::Scalar(scalar::Op::Add), [sum, product]) = (&of(value).op, &of(value).args[..])
        else {
            return None;
        };
        let [n, m] = of(value).shape[..] else { return None };
        let (Op::Scalar(scalar::Op::Mul), [a, b]) = (&of(*product).op, &of(*product).args[..])
        else {
            return None;
        };
        // Evaluated values are what they were.
        let plain = |id: ValueId| !self.fixed.contains_key(&id);
        if !own(*sum) || !plain(value) || !plain(*product) || n == 0 || m == 0 {
            return None;
        }
        let stretched = |id: ValueId, from: &[usize]| {
            let (Op::Broadcast, [arg]) = (&of(id).op, &of(id).args[..]) else { return None };
            (plain(id) && of(*arg).shape == from).then_some(*arg)
        };
        let column = stretched(*a, &[n, 1])?;
        let (Op::Reshape, [sources]) = (&of(column).op, &of(column).args[..]) else { return None };
        let targets = stretched(*b, &[m])?;
        if of(*sources).shape != [n] || !plain(column) {
            return None;
        }
        let dst = self.vars[var as usize];
        let elem = self.buffers[dst.0 as usize].elem;
        if self.buffers[dst.0 as usize].kind != step::BufferKind::State
            || of(targets).kind != elem.kind()
        {
            return None;
        }
        let (sources, _) = self.input(self.unconverted(*sources));
        let (targets, _) = self.input(targets);
        let distinct = dst != sources && dst != targets;
        (distinct && self.buffers[targets.0 as usize].elem == elem).then_some(Outer {
            dst,
            sources,
            targets,
        })
    }

    /// The buffer, where an expression over `shape` is just all of it in order.
    pub(super) fn contiguous(&self, e: &Expr, shape: &[usize]) -> Option<snn_ir::step::BufferId> {
        let ExprKind::Load(access) = &e.node else { return None };
        let Source::Buffer(buffer) = access.source else { return None };
        let whole = access.offset == 0
            && access.dynamic.is_empty()
            && in_order(&access.strides, shape)
            && self.buffers[buffer.0 as usize].len() == shape.iter().product::<usize>();
        whole.then_some(buffer)
    }

    /// Where a value with a computed index is part of something that is computed whole, although
    /// its statement may not happen: the value, computed only where it does.
    pub(super) fn shielded(&mut self, id: ValueId) -> Option<BufferId> {
        if self.depth == 0 {
            return None;
        }
        if let Some(known) = self.hoisted.get(&id) {
            return Some(*known);
        }
        let condition = self.happens()?;
        let value = &self.body.values[id.at()];
        let (kind, shape) = (value.kind, value.shape.clone());
        let buffer = self.local("chosen", kind, shape.clone());
        let depth = std::mem::take(&mut self.depth);
        let holds = self.load(condition, &Map::Axes(Vec::new()), shape.len(), Kind::Bool);
        self.fill(buffer, id, Some(holds));
        self.depth = depth;
        self.hoisted.insert(id, buffer);
        Some(buffer)
    }
}

fn reduce_name(op: snn_ir::step::ReduceOp) -> &'static str {
    match op {
        snn_ir::step::ReduceOp::Sum => "total",
        snn_ir::step::ReduceOp::Min => "least",
        snn_ir::step::ReduceOp::Max => "most",
        snn_ir::step::ReduceOp::ArgMax => "argmax",
    }
}
