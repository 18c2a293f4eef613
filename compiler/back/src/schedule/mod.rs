//! Scheduling: what one step does, in order.
//!
//! [`schedule`] turns a folded flat network into the step IR: statements become ops over
//! buffers, views become strides, ops that can be are brought together and fused, kernels are
//! chosen, and the steps are grouped into windows where that is sound.

mod builder;
mod counters;
mod encoders;
mod fuse;
mod indices;
mod kernels;
mod order;
mod simulate;
mod tensors;
mod views;
mod walk;
mod whole;
mod windows;

use builder::{Builder, Step};
pub use encoders::tabulate;
use snn_ir::diagnostics::Sink;
use snn_ir::network::{Flat, Member, Network, Phase, When};
use snn_ir::step::{
    self, BufferId, Op, OpKind, Program, Record, RecordWhen, StepIr, Windows, ranges,
};
use std::collections::BTreeSet;
pub use windows::analyse as find_windows;

/// The step IR of a folded flat network.
///
/// # Errors
/// E0702, reported: an index that follows from `t` and counters leaves its range.
pub fn schedule(sink: &mut Sink, flat: &Flat) -> Option<StepIr> {
    let network = &flat.0;
    let mut builder = Builder::new(flat);
    let mut phases: Vec<Vec<Step>> = Vec::new();
    for stmts in &flat.body().phases {
        let steps = builder.phase(stmts);
        phases.push(order::grouped(steps));
    }
    let counters = counters::find(&builder, network, &phases);
    counters::check_bounds(sink, &builder, &phases, &counters, network.run.steps)?;
    let mut lists: Vec<Vec<Op>> = vec![Vec::new()];
    lists.extend(phases.into_iter().map(|steps| steps.into_iter().map(|s| s.op).collect()));
    lists.push(Vec::new());
    add_resets(&mut builder, network, &mut lists);
    let records = records(&mut builder, network);
    let mut lists: Vec<Vec<Op>> = lists.into_iter().map(fuse::fuse).collect();
    let mut kept: BTreeSet<BufferId> = records.iter().map(|r| r.buffer).collect();
    if network.run.open {
        let ports = builder.buffers.iter().zip(0..);
        let ports = ports.filter(|(b, _)| b.kind == step::BufferKind::Port);
        kept.extend(ports.map(|(_, id)| BufferId(id)));
    }
    fuse::localise(&mut lists, &builder.buffers, &kept);
    let [start, spk, pre_mgmt, lrn, post_mgmt, host] = six(lists);
    let mut ir = StepIr {
        network: network.name.clone(),
        run: network.run.name.clone(),
        steps: network.run.steps,
        open: network.run.open,
        buffers: builder.buffers,
        tensors: builder.tensors,
        clocks: builder.clocks,
        program: Program { start, spk, pre_mgmt, lrn, post_mgmt, host },
        records,
        windows: Windows::default(),
        tabulated: Vec::new(),
    };
    remove_unused(&mut ir);
    let in_circles = ranges::analyse(&mut ir);
    let narrowed = kernels::choose(&mut ir);
    // A type that holds the range changes it only where it follows from itself: it is widened up
    // to the type.
    if narrowed.iter().any(|buffer| in_circles.contains(buffer)) {
        ranges::analyse(&mut ir);
    }
    kernels::store_directly(&mut ir);
    remove_unused(&mut ir);
    ranges::analyse(&mut ir);
    windows::analyse(&mut ir);
    debug_assert_eq!(step::verify::check(&ir), Ok(()));
    Some(ir)
}

fn six(lists: Vec<Vec<Op>>) -> [Vec<Op>; 6] {
    let mut lists = lists.into_iter();
    std::array::from_fn(|_| lists.next().unwrap_or_default())
}

/// Adds the resets: before the dynamics, after a phase, or between steps.
fn add_resets(builder: &mut Builder<'_>, network: &Network, lists: &mut [Vec<Op>]) {
    for reset in &network.resets {
        let clock = builder.clock(reset.clock);
        let buffer = builder.vars[reset.var.1 as usize];
        let name = &builder.buffers[buffer.0 as usize].name;
        let origin = name.rsplit_once('.').map_or("", |(path, _)| path).to_string();
        let list = match reset.when {
            When::Start => 0,
            When::After(phase) => 1 + Phase::ALL.iter().position(|p| *p == phase).unwrap_or(0),
            When::Host => 5,
        };
        lists[list].push(Op { clock, kind: OpKind::Reset { buffer }, origin });
    }
}

fn records(builder: &mut Builder<'_>, network: &Network) -> Vec<Record> {
    let mut found = Vec::new();
    for record in &network.run.records {
        let Member::Var(var) = record.member else { continue };
        let buffer = builder.vars[var as usize];
        let when = match record.when {
            Some(clock) => RecordWhen::Clock(builder.clock(clock)),
            None => RecordWhen::End,
        };
        found.push(Record { key: record.key.clone(), buffer, when, asked: record.asked });
    }
    found
}

/// Drops buffers, tensors and clocks that nothing uses, and ops that only fill such buffers. An
/// op that may end the run because of an index stays, whoever uses its values.
fn remove_unused(ir: &mut StepIr) {
    let ops: Vec<&Op> = ir.program.phases().into_iter().flat_map(|(_, ops)| ops).collect();
    let mut writers: Vec<Vec<usize>> = vec![Vec::new(); ir.buffers.len()];
    let mut used = vec![false; ops.len()];
    let mut waiting: Vec<usize> = Vec::new();
    let local = |b: &BufferId| ir.buffers[b.0 as usize].kind == step::BufferKind::Local;
    for (i, op) in ops.iter().enumerate() {
        let writes = walk::writes(op);
        if writes.is_empty() || !writes.iter().all(local) || may_stop(op, ir) {
            used[i] = true;
            waiting.push(i);
        }
        for buffer in writes {
            writers[buffer.0 as usize].push(i);
        }
    }
    let mut read: Vec<BufferId> = ir.records.iter().map(|r| r.buffer).collect();
    loop {
        for buffer in read.drain(..) {
            for i in std::mem::take(&mut writers[buffer.0 as usize]) {
                if !std::mem::replace(&mut used[i], true) {
                    waiting.push(i);
                }
            }
        }
        let Some(next) = waiting.pop() else { break };
        read = walk::reads(ops[next]);
    }
    let mut used = used.into_iter();
    for ops in ir.program.phases_mut() {
        ops.retain(|_| used.next() != Some(false));
    }
    renumber(ir);
}

/// Whether an index of an op may leave its range.
fn may_stop(op: &Op, ir: &StepIr) -> bool {
    let mut stops = false;
    walk::accesses(op, &mut |access| {
        stops |= access.dynamic.iter().any(|d| {
            let (lo, hi) = ranges::interval(&d.index, ir, &[]);
            lo < 0 || usize::try_from(hi).is_ok_and(|hi| hi >= d.extent)
        });
    });
    stops
}

/// Gives the buffers and tensors that are used consecutive numbers.
fn renumber(ir: &mut StepIr) {
    use snn_ir::step::{ExprKind, Init, Source, Stmt, TensorId};
    let mut buffers = Used::none(ir.buffers.len());
    let mut tensors = Used::none(ir.tensors.len());
    ir.records.iter().for_each(|r| buffers.add(r.buffer.0));
    for ops in ir.program.phases_mut() {
        for op in ops.iter_mut() {
            walk::reads(op).into_iter().chain(walk::writes(op)).for_each(|b| buffers.add(b.0));
            if let OpKind::Synapse(step::Synapse { weights: Source::Tensor(t), .. }) = &op.kind {
                tensors.add(t.0);
            }
            walk::expressions(op, &mut |e| {
                walk::loads(e, &mut |a| {
                    if let Source::Tensor(t) = a.source {
                        tensors.add(t.0);
                    }
                });
            });
        }
    }
    for (b, buffer) in (0..).zip(&ir.buffers) {
        // State stays even where nothing touches it: it can be recorded by another run.
        if matches!(buffer.kind, step::BufferKind::State | step::BufferKind::Given) {
            buffers.add(b);
        }
        if let Init::Tensor(t) = buffer.init
            && buffers.contains(b)
        {
            tensors.add(t.0);
        }
    }
    let (buffer_numbers, tensor_numbers) = (buffers.numbers(), tensors.numbers());
    let new_buffer = |b: BufferId| BufferId(buffer_numbers[b.0 as usize]);
    let new_tensor = |t: TensorId| TensorId(tensor_numbers[t.0 as usize]);
    let source = |s: Source| match s {
        Source::Buffer(b) => Source::Buffer(new_buffer(b)),
        Source::Tensor(t) => Source::Tensor(new_tensor(t)),
    };
    for ops in ir.program.phases_mut() {
        for op in ops.iter_mut() {
            walk::expressions(op, &mut |e| {
                walk::rewrite(e, &mut |e| {
                    if let ExprKind::Load(a) = &mut e.node {
                        a.source = source(a.source);
                    }
                });
            });
            match &mut op.kind {
                OpKind::Loop(l) => {
                    for stmt in &mut l.body {
                        if let Stmt::Store { to, .. } = stmt {
                            to.source = source(to.source);
                        }
                    }
                }
                OpKind::Synapse(s) => {
                    s.weights = source(s.weights);
                    s.src = new_buffer(s.src);
                    s.dst = new_buffer(s.dst);
                }
                OpKind::Outer(o) => {
                    o.dst = new_buffer(o.dst);
                    o.sources = new_buffer(o.sources);
                    o.targets = new_buffer(o.targets);
                }
                OpKind::Reduce(r) => r.dst = new_buffer(r.dst),
                OpKind::Push { queue, from } => {
                    (*queue, *from) = (new_buffer(*queue), new_buffer(*from));
                }
                OpKind::Pop { queue, to } => {
                    (*queue, *to) = (new_buffer(*queue), new_buffer(*to));
                }
                OpKind::Reset { buffer } => *buffer = new_buffer(*buffer),
            }
        }
    }
    for record in &mut ir.records {
        record.buffer = new_buffer(record.buffer);
    }
    buffers.retain(&mut ir.buffers);
    for buffer in &mut ir.buffers {
        if let Init::Tensor(t) = &mut buffer.init {
            *t = new_tensor(*t);
        }
    }
    tensors.retain(&mut ir.tensors);
}

/// Which of numbered things are used.
struct Used(Vec<bool>);

impl Used {
    fn none(n: usize) -> Used {
        Used(vec![false; n])
    }

    fn add(&mut self, at: u32) {
        self.0[at as usize] = true;
    }

    fn contains(&self, at: u32) -> bool {
        self.0[at as usize]
    }

    /// Consecutive numbers for what is used; of the rest, that of the next that is.
    fn numbers(&self) -> Vec<u32> {
        let next = |number: &mut u32, used: &bool| {
            let own = *number;
            *number += u32::from(*used);
            Some(own)
        };
        self.0.iter().scan(0, next).collect()
    }

    fn retain<T>(&self, all: &mut Vec<T>) {
        let mut used = self.0.iter();
        all.retain(|_| used.next() == Some(&true));
    }
}
