//! Buffers, tensors and clocks of the step IR under construction, and the statements of each
//! process as ops, in the order in which they are written.

use super::views::{Affine, Map};
use crate::clocks::{Clock, ClockedGraph, Link};
use crate::data::DataSource;
use crate::diagnostics::Loc;
use crate::ir::{
    self, Access, Buffer, BufferId, BufferKind, ClockId, DynamicIndex, Elem, Expr, ExprKind, Fit,
    Init, Kind, Loop, Op, OpKind, Source, TensorId, TensorValues,
};
use crate::tensor::{Constant, Tensor, Values, ops};
use crate::types::{Leaf, Phase, Pick, Place, StmtKind, TExpr};
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An op with what ordering and messages need to know of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The op.
    pub op: Op,
    /// Its phase.
    pub phase: Phase,
    /// The process it comes from.
    pub process: usize,
    /// The statement it comes from.
    pub loc: Loc,
}

/// The step IR under construction.
pub struct Builder<'g> {
    /// What is scheduled.
    pub graph: &'g ClockedGraph,
    /// Buffers so far.
    pub buffers: Vec<Buffer>,
    /// Tensors so far.
    pub tensors: Vec<ir::Tensor>,
    /// Clocks so far.
    pub clocks: Vec<Clock>,
    /// Ops so far.
    pub steps: Vec<Step>,
    /// The buffer of each process's variables.
    pub vars: Vec<Vec<BufferId>>,
    /// The buffer of each process's ports: out ports, and in ports that are recorded.
    pub ports: Vec<Vec<Option<BufferId>>>,
    /// In ports that are recorded.
    pub recorded: BTreeSet<(usize, usize)>,
    /// For queued links (connection, sender): the ring and the received message.
    pub queues: BTreeMap<(usize, usize), (BufferId, BufferId)>,
    lets: Vec<Vec<Option<BufferId>>>,
    names: BTreeSet<String>,
    files: BTreeMap<DataSource, TensorId>,
    known: Vec<(Constant, TensorId)>,
    pub(super) at: At,
}

/// Where the statement being lowered stands.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub process: usize,
    pub phase: Phase,
    pub clock: ClockId,
    pub loc: Loc,
}

impl<'g> Builder<'g> {
    /// Allocates the buffers of all variables and out ports.
    pub fn new(graph: &'g ClockedGraph) -> Builder<'g> {
        let first = graph.graph.processes.first();
        let loc = first.map_or(Loc { file: 0, span: Default::default() }, |p| p.loc);
        let at = At { process: 0, phase: Phase::Spk, clock: ir::ALWAYS, loc };
        let mut builder = Builder {
            graph,
            buffers: Vec::new(),
            tensors: Vec::new(),
            clocks: vec![Clock::always()],
            steps: Vec::new(),
            vars: Vec::new(),
            ports: Vec::new(),
            recorded: BTreeSet::new(),
            queues: BTreeMap::new(),
            lets: graph.graph.processes.iter().map(|p| vec![None; p.lets.len()]).collect(),
            names: BTreeSet::new(),
            files: BTreeMap::new(),
            known: Vec::new(),
            at,
        };
        for process in &graph.graph.processes {
            let mut vars = Vec::new();
            for v in &process.vars {
                let name = format!("{}.{}", process.path, v.name);
                let init = builder.init(&v.init, &name, v.ty.storage());
                let (elem, shape) = (v.ty.storage(), v.shape.clone());
                vars.push(builder.buffer(&name, BufferKind::State, elem, shape, init));
            }
            let ports = process.ports.iter().map(|p| {
                let name = format!("{}.{}", process.path, p.name);
                (p.direction == Direction::Out).then(|| builder.port(&name, p))
            });
            let ports = ports.collect();
            builder.vars.push(vars);
            builder.ports.push(ports);
        }
        builder
    }

    fn port(&mut self, name: &str, p: &crate::elaborate::Port) -> BufferId {
        let elem = p.ty.storage();
        self.buffer(name, BufferKind::Port, elem, p.shape.clone(), zero(elem))
    }

    /// Gives a recorded in port a buffer of its own, filled when the port receives.
    fn record_input(&mut self, process: usize, port: usize) {
        let graph = self.graph;
        let p = &graph.graph.processes[process];
        let Some(used) = graph.uses[process][port].as_ref() else { return };
        let name = format!("{}.{}", p.path, p.ports[port].name);
        let buffer = self.port(&name, &p.ports[port]);
        let clock = self.clock(&used.clock);
        self.at = At { process, phase: used.phase, clock, loc: used.loc };
        let message = self.incoming(process, port);
        let shape = p.ports[port].shape.clone();
        let to = Access {
            source: Source::Buffer(buffer),
            offset: 0,
            strides: ops::strides(&shape).iter().map(|s| *s as i64).collect(),
            dynamic: Vec::new(),
        };
        let value = self.value(&message, &shape);
        self.store(shape, to, value, None, p.ports[port].ty.fit());
        // From now on the port itself is read from there.
        self.ports[process][port] = Some(buffer);
    }

    /// A new buffer; its name is made unique.
    pub fn buffer(
        &mut self,
        name: &str,
        kind: BufferKind,
        elem: Elem,
        shape: Vec<usize>,
        init: Init,
    ) -> BufferId {
        let mut unique = name.to_string();
        let mut n = 2;
        while !self.names.insert(unique.clone()) {
            unique = format!("{name}_{n}");
            n += 1;
        }
        let range = elem.bounds().unwrap_or((0, 0));
        self.buffers.push(Buffer { name: unique, kind, elem, shape, init, range });
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// A buffer for a value of this step.
    pub fn local(&mut self, name: &str, kind: Kind, shape: Vec<usize>) -> BufferId {
        let elem = storage(kind);
        let name = format!("{}.{name}", self.graph.graph.processes[self.at.process].path);
        self.buffer(&name, BufferKind::Local, elem, shape, zero(elem))
    }

    fn init(&mut self, value: &TExpr, name: &str, elem: Elem) -> Init {
        let Some(c) = value.as_const() else { return zero(elem) };
        if c.len() != 1 && !uniform(c) {
            let constant = Constant::Dense(Arc::clone(c));
            return Init::Tensor(self.stored(&constant, &format!("{name}_init"), elem));
        }
        match &c.values {
            Values::Int(v) => Init::Int(v.first().copied().unwrap_or(0)),
            Values::Bool(v) => Init::Int(v.first().map_or(0, |b| i64::from(*b))),
            Values::Float(v) => Init::Float(v.first().copied().unwrap_or(0.0)),
        }
    }

    /// A known tensor of values of a kind, stored as narrow as they allow.
    pub fn tensor(&mut self, values: &Constant, name: &str, kind: Kind) -> TensorId {
        let elem = storage(kind);
        let narrow = match values {
            Constant::Dense(tensor) => narrow(tensor, elem),
            Constant::Sparse(sparse) => narrow(&sparse.distinct(), elem),
        };
        self.stored(values, name, narrow)
    }

    /// A known tensor; the same values are stored once.
    fn stored(&mut self, values: &Constant, name: &str, elem: Elem) -> TensorId {
        let same = self
            .known
            .iter()
            .find(|(known, id)| self.tensors[id.0 as usize].elem == elem && known == values);
        if let Some((_, id)) = same {
            return *id;
        }
        let id = TensorId(self.tensors.len() as u32);
        let name = self.tensor_name(name);
        self.tensors.push(ir::Tensor {
            name,
            elem,
            shape: values.shape().to_vec(),
            values: match values {
                Constant::Dense(tensor) => TensorValues::Known(Arc::clone(tensor)),
                Constant::Sparse(sparse) => TensorValues::Sparse(Arc::clone(sparse)),
            },
        });
        self.known.push((values.clone(), id));
        id
    }

    fn tensor_name(&self, name: &str) -> String {
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let stem: String = letters.collect();
        let taken = |n: &str| self.tensors.iter().any(|t| t.name == n);
        let mut unique = stem.clone();
        let mut n = 2;
        while taken(&unique) {
            unique = format!("{stem}_{n}");
            n += 1;
        }
        unique
    }

    /// A tensor that is read when the network runs.
    pub fn file(&mut self, dataset: &Arc<crate::data::Dataset>) -> TensorId {
        if let Some(id) = self.files.get(&dataset.source) {
            return *id;
        }
        let id = TensorId(self.tensors.len() as u32);
        let path = match &dataset.source {
            DataSource::Idx(p) | DataSource::Npy(p) | DataSource::Csv(p) => p.clone(),
            DataSource::Npz(p, member) => p.join(member),
            DataSource::Hdf5(p, member) => p.join(member.trim_start_matches('/')),
        };
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name = self.tensor_name(&stem);
        self.tensors.push(ir::Tensor {
            name,
            elem: dataset.elem,
            shape: dataset.shape.clone(),
            values: TensorValues::File(Arc::clone(dataset)),
        });
        self.files.insert(dataset.source.clone(), id);
        id
    }

    /// The number of a clock.
    pub fn clock(&mut self, clock: &Clock) -> ClockId {
        let known = self.clocks.iter().position(|c| c == clock);
        let id = known.unwrap_or_else(|| {
            self.clocks.push(clock.clone());
            self.clocks.len() - 1
        });
        ClockId(id as u32)
    }

    /// Adds an op of the current statement.
    pub fn push(&mut self, kind: OpKind) {
        let origin = self.graph.graph.processes[self.at.process].path.clone();
        let op = Op { clock: self.at.clock, kind, origin };
        let At { process, phase, loc, .. } = self.at;
        self.steps.push(Step { op, phase, process, loc });
    }

    /// Adds a loop with one store.
    pub fn store(
        &mut self,
        domain: Vec<usize>,
        to: Access,
        value: Expr,
        mask: Option<Expr>,
        fit: Fit,
    ) {
        let body = vec![ir::Stmt::Store { to, value, fit, mask }];
        self.push(OpKind::Loop(Loop { domain, body, locals: 0 }));
    }

    /// Lowers everything a process does.
    pub fn process(&mut self, process: usize) {
        let graph = self.graph;
        for (connection, links) in graph.links.iter().enumerate() {
            let c = &graph.graph.connections[connection];
            for (sender, link) in links.iter().enumerate() {
                if c.to.0 == process && matches!(link, Link::Queue { .. }) {
                    self.receive_queued(connection, sender);
                }
            }
        }
        for port in 0..graph.graph.processes[process].ports.len() {
            if self.recorded.contains(&(process, port)) && self.ports[process][port].is_none() {
                self.record_input(process, port);
            }
        }
        for stmt in &graph.graph.processes[process].body {
            let clock = self.clock(&stmt.clock);
            self.at = At { process, phase: stmt.phase, clock, loc: stmt.loc };
            match &stmt.kind {
                StmtKind::Let(id) => {
                    let (name, value) = &graph.graph.processes[process].lets[*id];
                    let buffer = self.local(name, value.kind, value.shape.clone());
                    self.fill(buffer, value);
                    self.lets[process][*id] = Some(buffer);
                }
                StmtKind::Assign { to, picks, shape, value, mask, fit } => {
                    self.assign(process, *to, picks, shape, value, mask.as_ref(), *fit);
                }
            }
        }
        for (connection, links) in graph.links.iter().enumerate() {
            let c = &graph.graph.connections[connection];
            for (sender, link) in links.iter().enumerate() {
                if c.senders[sender].0 == process && matches!(link, Link::Queue { .. }) {
                    self.send_queued(connection, sender);
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn assign(
        &mut self,
        process: usize,
        to: Place,
        picks: &[Pick],
        shape: &[usize],
        value: &TExpr,
        mask: Option<&TExpr>,
        fit: Fit,
    ) {
        let target = match to {
            Place::Var(i) => Some(self.vars[process][i]),
            Place::Port(i) => self.ports[process][i],
        };
        let Some(target) = target else { return };
        let full = self.buffers[target.0 as usize].shape.clone();
        let mut position = Affine::zero(shape.len());
        let mut axis = 0;
        for ((pick, stride), extent) in picks.iter().zip(ops::strides(&full)).zip(&full) {
            let (stride, extent) = (stride as i64, *extent);
            match pick {
                Pick::At(i) => position.offset += *i as i64 * stride,
                Pick::Range(lo, _) => {
                    position.offset += *lo as i64 * stride;
                    position.strides[axis] += stride;
                    axis += 1;
                }
                Pick::Computed(index) => {
                    let index = self.scalar(index, shape.len());
                    position.dynamic.push(DynamicIndex { index, stride, extent });
                }
            }
        }
        let to = position.access(Source::Buffer(target));
        let mut mask_expr = mask.map(|m| self.value(m, shape));
        if let Some(m) = mask.filter(|_| mask_expr.as_ref().is_some_and(|e| hazard(e, &to))) {
            mask_expr = Some(self.through_local("mask", m, shape));
        }
        let mut expr = self.value(value, shape);
        if hazard(&expr, &to) {
            expr = self.through_local("value", value, shape);
        }
        let fit = if matches!(expr.kind, Kind::Int) { fit } else { Fit::Exact };
        self.store(shape.to_vec(), to, expr, mask_expr, fit);
    }

    /// A value computed before anything is stored.
    fn through_local(&mut self, name: &str, value: &TExpr, shape: &[usize]) -> Expr {
        let buffer = self.local(name, value.kind, value.shape.clone());
        self.fill(buffer, value);
        self.load(buffer, &Map::broadcast(&value.shape, shape), value.kind)
    }

    /// Computes a value into a buffer of its shape.
    pub fn fill(&mut self, buffer: BufferId, value: &TExpr) {
        let shape = value.shape.clone();
        let access = Affine::identity(&shape).access(Source::Buffer(buffer));
        let expr = self.value(value, &shape);
        self.store(shape, access, expr, None, Fit::Exact);
    }

    /// The value of a leaf as a buffer, or as an expression over other leaves.
    pub fn leaf(&mut self, leaf: Leaf) -> Resolved {
        let process = self.at.process;
        match leaf {
            Leaf::Var(i) => Resolved::Buffer(self.vars[process][i]),
            Leaf::Let(i) => match self.lets[process][i] {
                Some(buffer) => Resolved::Buffer(buffer),
                None => Resolved::Nothing,
            },
            Leaf::Remote(i, p) => self.ports[i][p].map_or(Resolved::Nothing, Resolved::Buffer),
            Leaf::Port(i) => match self.ports[process][i] {
                Some(buffer) => Resolved::Buffer(buffer),
                None => Resolved::Expr(self.incoming(process, i)),
            },
            Leaf::Buffer(id) => Resolved::Buffer(BufferId(id)),
            Leaf::Recorded(_) => Resolved::Nothing,
        }
    }

    /// What an in port receives, over out ports: the sum of its connections.
    fn incoming(&self, process: usize, port: usize) -> TExpr {
        let graph = &self.graph.graph;
        let p = &graph.processes[process].ports[port];
        let kind = p.ty.kind();
        let mut sum: Option<TExpr> = None;
        for (number, connection) in graph.connections.iter().enumerate() {
            if connection.to != (process, port) {
                continue;
            }
            let message = self.dequeued(&connection.message, number).convert(kind);
            sum = Some(match sum {
                None => message,
                Some(sum) => TExpr::binary(ir::BinOp::Add, sum.clone(), message).unwrap_or(sum),
            });
        }
        sum.map_or(TExpr::int(0).convert(kind), |s| s.convert(kind))
    }

    /// A connection's message with queued senders replaced by what was taken from the queue.
    fn dequeued(&self, message: &TExpr, connection: usize) -> TExpr {
        let senders = &self.graph.graph.connections[connection].senders;
        message.map_reads(&mut |leaf| match leaf {
            Leaf::Remote(i, p) => {
                let sender = senders.iter().position(|s| *s == (i, p));
                let queue = sender.and_then(|s| self.queues.get(&(connection, s)));
                queue.map_or(leaf, |(_, received)| Leaf::Buffer(received.0))
            }
            other => other,
        })
    }

    /// Makes the queues, before any process is lowered: sender and receiver both use them.
    pub fn queues(&mut self) {
        let graph = self.graph;
        for (connection, links) in graph.links.iter().enumerate() {
            let c = &graph.graph.connections[connection];
            for (sender, link) in links.iter().enumerate() {
                let Link::Queue { slots, .. } = link else { continue };
                let (from, port) = c.senders[sender];
                let Some(source) = self.ports[from][port] else { continue };
                let b = &self.buffers[source.0 as usize];
                let (elem, shape, name) = (b.elem, b.shape.clone(), b.name.clone());
                let to = &graph.graph.processes[c.to.0];
                let ring: Vec<usize> = std::iter::once(*slots).chain(shape.clone()).collect();
                let title = format!("{}.{}_from_{name}", to.path, to.ports[c.to.1].name);
                let queue_name = format!("{title}_queue");
                let queue = self.buffer(&queue_name, BufferKind::Queue, elem, ring, zero(elem));
                let received = self.buffer(&title, BufferKind::Port, elem, shape, zero(elem));
                self.queues.insert((connection, sender), (queue, received));
            }
        }
    }

    /// Adds the op that takes a message from its queue.
    fn receive_queued(&mut self, connection: usize, sender: usize) {
        let graph = self.graph;
        let c = &graph.graph.connections[connection];
        let Some(used) = graph.uses[c.to.0][c.to.1].as_ref() else { return };
        let Some((queue, to)) = self.queues.get(&(connection, sender)).copied() else { return };
        let clock = self.clock(&used.clock);
        self.at = At { process: c.to.0, phase: used.phase, clock, loc: c.loc };
        self.push(OpKind::Pop { queue, to });
    }

    /// Adds the op that puts a sent message into its queue.
    fn send_queued(&mut self, connection: usize, sender: usize) {
        let graph = self.graph;
        let c = &graph.graph.connections[connection];
        let (from, port) = c.senders[sender];
        let Some(used) = graph.uses[from][port].as_ref() else { return };
        let Some(source) = self.ports[from][port] else { return };
        let Some((queue, _)) = self.queues.get(&(connection, sender)).copied() else { return };
        let clock = self.clock(&used.clock);
        self.at = At { process: from, phase: used.phase, clock, loc: c.loc };
        self.push(OpKind::Push { queue, from: source });
    }

    /// A load from a buffer.
    pub fn load(&mut self, buffer: BufferId, map: &Map, kind: Kind) -> Expr {
        let shape = self.buffers[buffer.0 as usize].shape.clone();
        let access = map.position(&shape).access(Source::Buffer(buffer));
        let loaded = self.buffers[buffer.0 as usize].elem.kind();
        let load = Expr { kind: loaded, node: ExprKind::Load(access) };
        super::views::converted(load, kind)
    }
}

/// What a leaf stands for.
pub enum Resolved {
    /// A buffer.
    Buffer(BufferId),
    /// An expression over other leaves.
    Expr(TExpr),
    /// Nothing: it is never computed.
    Nothing,
}

/// How values of a kind are kept for the rest of a step.
pub fn storage(kind: Kind) -> Elem {
    match kind {
        Kind::Bool => Elem::Bool,
        Kind::Int => Elem::I64,
        Kind::F32 => Elem::F32,
        Kind::F64 => Elem::F64,
    }
}

fn zero(elem: Elem) -> Init {
    match elem.kind() {
        Kind::F32 | Kind::F64 => Init::Float(0.0),
        _ => Init::Int(0),
    }
}

/// The smallest element type that holds every value of a tensor kept as `elem`.
fn narrow(values: &Tensor, elem: Elem) -> Elem {
    let Some((lo, hi)) = values.int_bounds().filter(|_| elem == Elem::I64) else { return elem };
    [Elem::I8, Elem::I16, Elem::I32]
        .into_iter()
        .find(|e| e.bounds().is_some_and(|(least, most)| least <= lo && hi <= most))
        .unwrap_or(elem)
}

fn uniform(t: &Tensor) -> bool {
    match &t.values {
        Values::Int(v) => v.windows(2).all(|w| w[0] == w[1]) && !v.is_empty(),
        Values::Bool(v) => v.windows(2).all(|w| w[0] == w[1]) && !v.is_empty(),
        Values::Float(v) => v.windows(2).all(|w| w[0].to_bits() == w[1].to_bits()) && !v.is_empty(),
    }
}

/// Whether an expression reads elements of the stored buffer other than the one being stored.
fn hazard(e: &Expr, to: &Access) -> bool {
    let mut found = false;
    super::walk::loads(e, &mut |access| {
        found |= access.source == to.source && access != to;
    });
    found
}
