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
mod views;
mod walk;
mod whole;
mod windows;

use crate::diagnostics::Sink;
use crate::ir::{self, BufferId, Op, OpKind, Program, Record, RecordWhen, StepIr, Windows, ranges};
use crate::network::{Flat, Member, Network, Phase, When};
use builder::{Builder, Step};
pub use encoders::tabulate;
use std::collections::{BTreeMap, BTreeSet};
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
        let ports = ports.filter(|(b, _)| b.kind == ir::BufferKind::Port);
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
        windows: Windows {
            period: 1,
            horizon: None,
            counters: Vec::new(),
            collected: Vec::new(),
            carried: Vec::new(),
        },
        tabulated: Vec::new(),
    };
    remove_unused(&mut ir);
    ranges::analyse(&mut ir);
    kernels::choose(&mut ir);
    ranges::analyse(&mut ir);
    kernels::store_directly(&mut ir);
    remove_unused(&mut ir);
    ranges::analyse(&mut ir);
    windows::analyse(&mut ir);
    debug_assert_eq!(ir::verify::check(&ir), Ok(()));
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
    let mut writers: BTreeMap<BufferId, Vec<usize>> = BTreeMap::new();
    let mut used = vec![false; ops.len()];
    let mut waiting: Vec<usize> = Vec::new();
    let local = |b: &BufferId| ir.buffers[b.0 as usize].kind == ir::BufferKind::Local;
    for (i, op) in ops.iter().enumerate() {
        let writes = walk::writes(op);
        if writes.is_empty() || !writes.iter().all(local) || may_stop(op, ir) {
            used[i] = true;
            waiting.push(i);
        }
        for buffer in writes {
            writers.entry(buffer).or_default().push(i);
        }
    }
    let mut read: Vec<BufferId> = ir.records.iter().map(|r| r.buffer).collect();
    loop {
        for buffer in read.drain(..) {
            for i in writers.remove(&buffer).unwrap_or_default() {
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
    use crate::ir::{ExprKind, Init, Source, Stmt, TensorId};
    let mut buffers: BTreeSet<BufferId> = ir.records.iter().map(|r| r.buffer).collect();
    let mut tensors: BTreeSet<TensorId> = BTreeSet::new();
    for ops in ir.program.phases_mut() {
        for op in ops.iter_mut() {
            buffers.extend(walk::reads(op));
            buffers.extend(walk::writes(op));
            if let OpKind::Synapse(ir::Synapse { weights: Source::Tensor(t), .. }) = &op.kind {
                tensors.insert(*t);
            }
            walk::expressions(op, &mut |e| {
                walk::loads(e, &mut |a| {
                    if let Source::Tensor(t) = a.source {
                        tensors.insert(t);
                    }
                });
            });
        }
    }
    // State stays even where nothing touches it: it can be recorded by another run.
    buffers.extend(
        (0..ir.buffers.len() as u32)
            .map(BufferId)
            .filter(|b| ir.buffers[b.0 as usize].kind == ir::BufferKind::State),
    );
    for b in &buffers {
        if let Init::Tensor(t) = ir.buffers[b.0 as usize].init {
            tensors.insert(t);
        }
    }
    let buffer_numbers: BTreeMap<BufferId, u32> = buffers.iter().copied().zip(0..).collect();
    let tensor_numbers: BTreeMap<TensorId, u32> = tensors.iter().copied().zip(0..).collect();
    let new_buffer = |b: BufferId| BufferId(buffer_numbers[&b]);
    let new_tensor = |t: TensorId| TensorId(tensor_numbers[&t]);
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
    let old = std::mem::take(&mut ir.buffers);
    ir.buffers = buffers.iter().map(|b| old[b.0 as usize].clone()).collect();
    for buffer in &mut ir.buffers {
        if let Init::Tensor(t) = &mut buffer.init {
            *t = new_tensor(*t);
        }
    }
    let old = std::mem::take(&mut ir.tensors);
    ir.tensors = tensors.iter().map(|t| old[t.0 as usize].clone()).collect();
}
