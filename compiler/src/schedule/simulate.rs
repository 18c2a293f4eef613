//! Executes the step IR on marks instead of values: what does each buffer depend on?

use super::walk;
use crate::ir::{Access, Buffer, BufferId, Expr, ExprKind, Loop, Op, OpKind, Source, StepIr, Stmt};
use std::collections::{BTreeMap, VecDeque};

/// What a value depends on.
pub trait Mark: Clone {
    /// On nothing.
    fn none() -> Self;
    /// On both.
    fn join(&mut self, other: &Self);
}

/// What a simulation is about.
pub trait Subject<M: Mark> {
    /// What a load gives, beyond the mark of the buffer itself.
    fn load(&mut self, access: &Access, mark: M) -> M;
    /// Sees a store (or reset, with `M::none()`) to a buffer; `whole` where every element is
    /// overwritten. Gives the mark that the buffer takes for what is stored.
    fn store(&mut self, op: &Op, buffer: BufferId, mark: M, whole: bool) -> M;
}

/// The marks of all buffers.
#[derive(Clone)]
pub struct Simulation<'a, M> {
    ir: &'a StepIr,
    /// Per buffer.
    pub marks: Vec<M>,
    queues: BTreeMap<BufferId, VecDeque<M>>,
}

impl<'a, M: Mark> Simulation<'a, M> {
    /// Begins before step `first`, every buffer with the mark that `initial` gives it.
    pub fn new(ir: &'a StepIr, first: u64, initial: impl Fn(BufferId) -> M) -> Self {
        let marks: Vec<M> = (0..ir.buffers.len() as u32).map(|b| initial(BufferId(b))).collect();
        let mut queues: BTreeMap<BufferId, VecDeque<M>> = BTreeMap::new();
        // Messages waiting: as many as pushed less those popped, and never more than fit.
        let mut moved: BTreeMap<BufferId, (u64, u64)> = BTreeMap::new();
        for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
            let count = ir.clocks[op.clock.0 as usize].count(first - 1);
            match op.kind {
                OpKind::Push { queue, .. } => moved.entry(queue).or_default().0 += count,
                OpKind::Pop { queue, .. } => moved.entry(queue).or_default().1 += count,
                _ => {}
            }
        }
        for (queue, (pushed, popped)) in moved {
            let slots = ir.buffers[queue.0 as usize].shape.first().copied().unwrap_or(1);
            let waiting = usize::try_from(pushed.saturating_sub(popped)).unwrap_or(slots);
            queues.insert(queue, vec![initial(queue); waiting.min(slots)].into());
        }
        Simulation { ir, marks, queues }
    }

    /// Whether everything has the marks that it has there.
    pub fn same(&self, other: &Self) -> bool
    where
        M: PartialEq,
    {
        self.marks == other.marks && self.queues == other.queues
    }

    /// Whether anything that a later step can read satisfies `p`.
    pub fn carried(&self, p: impl Fn(&M) -> bool) -> Vec<BufferId> {
        let ids = (0..self.marks.len() as u32).map(BufferId);
        ids.filter(|b| match self.ir.buffers[b.0 as usize].kind {
            crate::ir::BufferKind::Local => false,
            crate::ir::BufferKind::Queue => {
                self.queues.get(b).is_some_and(|waiting| waiting.iter().any(&p))
            }
            _ => p(&self.marks[b.0 as usize]),
        })
        .collect()
    }

    /// Executes step `t`.
    pub fn step(&mut self, t: u64, subject: &mut impl Subject<M>) {
        let ir = self.ir;
        for (_, ops) in ir.program.phases() {
            for op in ops {
                if ir.clocks[op.clock.0 as usize].holds(t) {
                    self.op(op, subject);
                }
            }
        }
    }

    fn op(&mut self, op: &Op, subject: &mut impl Subject<M>) {
        match &op.kind {
            OpKind::Loop(l) => self.loop_(op, l, subject),
            OpKind::Synapse(s) => {
                let mut mark = subject.load(&whole(s.src), self.marks[s.src.0 as usize].clone());
                if let Source::Buffer(weights) = s.weights {
                    let own = self.marks[weights.0 as usize].clone();
                    mark.join(&subject.load(&whole(weights), own));
                }
                self.marks[s.dst.0 as usize] = subject.store(op, s.dst, mark, true);
            }
            OpKind::Reduce(r) => {
                let mark = self.expr(&r.value, &[], subject);
                self.marks[r.dst.0 as usize] = subject.store(op, r.dst, mark, true);
            }
            OpKind::Push { queue, from } => {
                let mark = self.marks[from.0 as usize].clone();
                self.queues.entry(*queue).or_default().push_back(mark);
            }
            OpKind::Pop { queue, to } => {
                let mark = self.queues.entry(*queue).or_default().pop_front();
                self.marks[to.0 as usize] =
                    subject.store(op, *to, mark.unwrap_or_else(M::none), true);
            }
            OpKind::Reset { buffer } => {
                self.marks[buffer.0 as usize] = subject.store(op, *buffer, M::none(), true);
            }
        }
    }

    fn loop_(&mut self, op: &Op, l: &Loop, subject: &mut impl Subject<M>) {
        let mut locals: Vec<M> = vec![M::none(); l.locals as usize];
        for stmt in &l.body {
            match stmt {
                Stmt::Let { local, value, .. } => {
                    locals[*local as usize] = self.expr(value, &locals, subject);
                }
                Stmt::Store { to, value, mask, .. } => {
                    let Source::Buffer(buffer) = to.source else { continue };
                    let mut mark = self.expr(value, &locals, subject);
                    if let Some(mask) = mask {
                        mark.join(&self.expr(mask, &locals, subject));
                    }
                    for dynamic in &to.dynamic {
                        mark.join(&self.expr(&dynamic.index, &locals, subject));
                    }
                    let b = &self.ir.buffers[buffer.0 as usize];
                    let whole = mask.is_none() && covers(to, &l.domain, b);
                    let mut mark = subject.store(op, buffer, mark, whole);
                    if !whole {
                        mark.join(&self.marks[buffer.0 as usize]);
                    }
                    self.marks[buffer.0 as usize] = mark;
                }
            }
        }
    }

    fn expr(&self, e: &Expr, locals: &[M], subject: &mut impl Subject<M>) -> M {
        let mut mark = M::none();
        walk::loads(e, &mut |access| {
            let own = match access.source {
                Source::Buffer(b) => self.marks[b.0 as usize].clone(),
                Source::Tensor(_) => M::none(),
            };
            mark.join(&subject.load(access, own));
        });
        each_local(e, &mut |n| mark.join(&locals[n as usize]));
        mark
    }
}

fn whole(buffer: BufferId) -> Access {
    let source = Source::Buffer(buffer);
    Access { source, offset: 0, strides: vec![1], dynamic: Vec::new() }
}

/// Whether a store over a domain reaches every element of a buffer.
pub fn covers(to: &Access, domain: &[usize], buffer: &Buffer) -> bool {
    let count: usize = domain.iter().product();
    let strides = crate::tensor::ops::strides(domain);
    to.offset == 0
        && to.dynamic.is_empty()
        && count == buffer.len()
        && to.strides.iter().zip(strides).zip(domain).all(|((s, c), n)| *n == 1 || *s == c as i64)
}

fn each_local(e: &Expr, f: &mut impl FnMut(u32)) {
    match &e.node {
        ExprKind::Local(n) => f(*n),
        ExprKind::Load(access) => access.dynamic.iter().for_each(|d| each_local(&d.index, f)),
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| each_local(e, f)),
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Time | ExprKind::Random { .. } => {}
    }
}
