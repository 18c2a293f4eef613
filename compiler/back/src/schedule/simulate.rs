//! Executes the step IR on marks instead of values: what does each buffer depend on?
//!
//! A mark says whether something is true of a value: that it is not known, that it is from before.
//! Then it is true of everything that is computed from it.

use snn_ir::clock::Clock;
use snn_ir::step::{
    Access, Buffer, BufferId, Expr, ExprKind, Loop, Op, OpKind, Source, StepIr, Stmt,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// The marks of all buffers.
#[derive(Clone)]
pub struct Simulation<'a> {
    ir: &'a StepIr,
    /// What the ops do to marks, in order. It is the same in each of many steps.
    ops: Rc<Vec<(&'a Clock, Vec<Effect>)>>,
    /// Per buffer.
    marks: Vec<bool>,
    queues: BTreeMap<BufferId, VecDeque<bool>>,
}

/// What an op, or a statement of a loop, does to marks.
enum Effect {
    /// A local of the loop takes the marks of what it is computed from.
    Local(u32, Reads),
    /// A buffer takes the marks of what is stored, beside its own unless all of it is overwritten.
    Store { to: BufferId, from: Reads, whole: bool },
    /// A message is put into a queue.
    Push { queue: BufferId, from: BufferId },
    /// A message is taken out of a queue.
    Pop { queue: BufferId, to: BufferId },
}

/// What a value is computed from.
#[derive(Default)]
struct Reads {
    buffers: Vec<BufferId>,
    locals: Vec<u32>,
}

impl Reads {
    fn add(&mut self, e: &Expr) {
        match &e.node {
            ExprKind::Local(n) => self.locals.push(*n),
            ExprKind::Load(access) => {
                if let Source::Buffer(buffer) = access.source {
                    self.buffers.push(buffer);
                }
                access.dynamic.iter().for_each(|d| self.add(&d.index));
            }
            ExprKind::Apply(_, operands) => operands.iter().for_each(|e| self.add(e)),
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Time | ExprKind::Random { .. } => {}
        }
    }
}

impl<'a> Simulation<'a> {
    /// Begins before step `first`, every buffer with the mark that `initial` gives it. Those of
    /// `exempt` never have one, whatever is stored in them.
    pub fn new(
        ir: &'a StepIr,
        first: u64,
        initial: impl Fn(BufferId) -> bool,
        exempt: &BTreeSet<BufferId>,
    ) -> Self {
        let initial = |b: BufferId| initial(b) && !exempt.contains(&b);
        let marks: Vec<bool> = (0..ir.buffers.len() as u32).map(|b| initial(BufferId(b))).collect();
        let all = || ir.program.phases().into_iter().flat_map(|(_, ops)| ops);
        let clock = |op: &Op| &ir.clocks[op.clock.0 as usize];
        let mut queues: BTreeMap<BufferId, VecDeque<bool>> = BTreeMap::new();
        // Messages waiting: as many as pushed less those popped, and never more than fit.
        let mut moved: BTreeMap<BufferId, (u64, u64)> = BTreeMap::new();
        for op in all() {
            let count = clock(op).count(first - 1);
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
        let ops = all().map(|op| (clock(op), effects(ir, op, exempt))).collect();
        Simulation { ir, ops: Rc::new(ops), marks, queues }
    }

    /// Whether everything has the marks that it has there.
    pub fn same(&self, other: &Self) -> bool {
        self.marks == other.marks && self.queues == other.queues
    }

    /// What a later step can read that has a mark.
    pub fn carried(&self) -> Vec<BufferId> {
        let ids = (0..self.marks.len() as u32).map(BufferId);
        ids.filter(|b| match self.ir.buffers[b.0 as usize].kind {
            snn_ir::step::BufferKind::Local => false,
            snn_ir::step::BufferKind::Queue => {
                self.queues.get(b).is_some_and(|waiting| waiting.contains(&true))
            }
            _ => self.marks[b.0 as usize],
        })
        .collect()
    }

    /// Executes step `t`.
    pub fn step(&mut self, t: u64) {
        let ops = Rc::clone(&self.ops);
        let mut locals = Vec::new();
        for (clock, effects) in ops.iter() {
            if clock.holds(t) {
                locals.clear();
                effects.iter().for_each(|effect| self.effect(effect, &mut locals));
            }
        }
    }

    /// `locals` are those of the loop that have a mark.
    fn effect(&mut self, effect: &Effect, locals: &mut Vec<u32>) {
        match effect {
            Effect::Local(local, from) => {
                if self.any(from, locals) {
                    locals.push(*local);
                }
            }
            Effect::Store { to, from, whole } => {
                let mark = self.any(from, locals);
                let own = &mut self.marks[to.0 as usize];
                *own = mark || (*own && !whole);
            }
            Effect::Push { queue, from } => {
                let mark = self.marks[from.0 as usize];
                self.queues.entry(*queue).or_default().push_back(mark);
            }
            Effect::Pop { queue, to } => {
                let mark = self.queues.entry(*queue).or_default().pop_front();
                self.marks[to.0 as usize] = mark.unwrap_or(false);
            }
        }
    }

    fn any(&self, from: &Reads, locals: &[u32]) -> bool {
        from.buffers.iter().any(|b| self.marks[b.0 as usize])
            || from.locals.iter().any(|n| locals.contains(n))
    }
}

/// What an op does to marks, where these buffers never have one.
fn effects(ir: &StepIr, op: &Op, exempt: &BTreeSet<BufferId>) -> Vec<Effect> {
    let store = |to: BufferId, from: Reads, whole: bool| match exempt.contains(&to) {
        true => Effect::Store { to, from: Reads::default(), whole },
        false => Effect::Store { to, from, whole },
    };
    let whole = |to: BufferId, from: Reads| vec![store(to, from, true)];
    match &op.kind {
        OpKind::Loop(l) => {
            l.body.iter().filter_map(|stmt| statement(ir, l, stmt, &store)).collect()
        }
        OpKind::Synapse(s) => {
            let mut from = Reads { buffers: vec![s.src], locals: Vec::new() };
            if let Source::Buffer(weights) = s.weights {
                from.buffers.push(weights);
            }
            whole(s.dst, from)
        }
        OpKind::Outer(o) => {
            let mut from = Reads::default();
            from.buffers.extend([o.dst, o.sources, o.targets]);
            whole(o.dst, from)
        }
        OpKind::Reduce(r) => {
            let mut from = Reads::default();
            from.add(&r.value);
            whole(r.dst, from)
        }
        OpKind::Push { queue, from } => vec![Effect::Push { queue: *queue, from: *from }],
        // The message is lost to what never has a mark.
        OpKind::Pop { queue, to } => {
            let mut effects = vec![Effect::Pop { queue: *queue, to: *to }];
            if exempt.contains(to) {
                effects.extend(whole(*to, Reads::default()));
            }
            effects
        }
        OpKind::Reset { buffer } => whole(*buffer, Reads::default()),
    }
}

fn statement(
    ir: &StepIr,
    l: &Loop,
    stmt: &Stmt,
    store: &impl Fn(BufferId, Reads, bool) -> Effect,
) -> Option<Effect> {
    let mut from = Reads::default();
    match stmt {
        Stmt::Let { local, value, .. } => {
            from.add(value);
            Some(Effect::Local(*local, from))
        }
        Stmt::Store { to, value, mask, .. } => {
            let Source::Buffer(buffer) = to.source else { return None };
            let indices = to.dynamic.iter().map(|dynamic| &dynamic.index);
            std::iter::once(value).chain(mask).chain(indices).for_each(|e| from.add(e));
            let whole = mask.is_none() && covers(to, &l.domain, &ir.buffers[buffer.0 as usize]);
            Some(store(buffer, from, whole))
        }
    }
}

/// Whether a store over a domain reaches every element of a buffer.
fn covers(to: &Access, domain: &[usize], buffer: &Buffer) -> bool {
    let count: usize = domain.iter().product();
    let strides = snn_ir::tensor::ops::strides(domain);
    to.offset == 0
        && to.dynamic.is_empty()
        && count == buffer.len()
        && to.strides.iter().zip(strides).zip(domain).all(|((s, c), n)| *n == 1 || *s == c as i64)
}
