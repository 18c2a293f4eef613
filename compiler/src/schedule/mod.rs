//! Scheduling: what one step does, in order.
//!
//! [`schedule`] turns a clocked graph into the step IR: statements become ops over buffers,
//! views become strides, ops are ordered by what they need from each other, neighbouring loops
//! are fused, kernels are chosen, and the steps are grouped into windows where that is sound.

mod builder;
mod counters;
mod encoders;
mod fuse;
mod kernels;
mod order;
mod simulate;
mod views;
mod walk;
mod waves;
mod windows;

use crate::clocks::{Clock, ClockedGraph};
use crate::ir::{self, BufferId, Op, OpKind, Program, Record, RecordWhen, StepIr, Windows, ranges};
use crate::types::{Cx, Eval, Phase, Stop};
use builder::{Builder, Step};
pub use encoders::{Tabulated, tabulate};
use std::collections::BTreeSet;

/// What is scheduled besides the network.
pub struct Request {
    /// The run's name.
    pub run: String,
    /// How many steps it has.
    pub steps: u64,
    /// What is kept.
    pub records: Vec<RecordRequest>,
}

/// Something a run keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRequest {
    /// Its key in the results.
    pub key: String,
    /// The process.
    pub process: usize,
    /// Its variable, or its port.
    pub member: Member,
    /// When; `None` at the end.
    pub when: Option<Clock>,
    /// Whether a `record` asks for it.
    pub asked: bool,
}

/// A variable or port of a process, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A variable.
    Var(usize),
    /// A port.
    Port(usize),
}

/// Schedules a network.
pub fn schedule(cx: &mut Cx<'_>, graph: &ClockedGraph, request: &Request) -> Eval<StepIr> {
    let mut builder = Builder::new(graph);
    for record in &request.records {
        if let Member::Port(port) = record.member {
            builder.recorded.insert((record.process, port));
        }
    }
    builder.queues();
    for process in 0..graph.graph.processes.len() {
        builder.process(process);
    }
    let mut phases: Vec<Vec<Step>> = Vec::new();
    let mut failed = false;
    for phase in Phase::ALL {
        match order::ordered(cx, &builder, phase) {
            Ok(steps) => phases.push(steps),
            Err(_) => failed = true,
        }
    }
    if failed {
        return Err(Stop::Reported);
    }
    let counters = counters::find(&builder, &phases);
    counters::check_bounds(cx, &builder, &phases, &counters, request.steps)?;
    let mut lists: Vec<Vec<Op>> = vec![Vec::new()];
    lists.extend(phases.into_iter().map(|steps| steps.into_iter().map(|s| s.op).collect()));
    lists.push(Vec::new());
    add_resets(&mut builder, &mut lists);
    let records = records(&mut builder, request);
    let mut lists: Vec<Vec<Op>> = lists.into_iter().map(fuse::fuse).collect();
    let kept: BTreeSet<BufferId> = records.iter().map(|r| r.buffer).collect();
    fuse::localise(&mut lists, &builder.buffers, &kept);
    let [start, spk, pre_mgmt, lrn, post_mgmt, host] = six(lists);
    let mut ir = StepIr {
        network: graph.graph.network.clone(),
        run: request.run.clone(),
        steps: request.steps,
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
    };
    remove_unused(&mut ir);
    ranges::analyse(&mut ir);
    kernels::choose(&mut ir);
    ranges::analyse(&mut ir);
    kernels::store_directly(&mut ir);
    remove_unused(&mut ir);
    ranges::analyse(&mut ir);
    windows::analyse(&mut ir);
    waves::check(cx, graph, &ir);
    Ok(ir)
}

fn six(lists: Vec<Vec<Op>>) -> [Vec<Op>; 6] {
    let mut lists = lists.into_iter();
    std::array::from_fn(|_| lists.next().unwrap_or_default())
}

/// Adds the resets: before the dynamics (`spk`), after a later phase, or between steps.
fn add_resets(builder: &mut Builder<'_>, lists: &mut [Vec<Op>]) {
    for reset in &builder.graph.resets {
        let (process, var) = reset.variable;
        let clock = builder.clock(&reset.clock);
        let buffer = builder.vars[process][var];
        let origin = builder.graph.graph.processes[process].path.clone();
        let list = match reset.phase {
            Some(Phase::Spk) => 0,
            Some(phase) => 1 + Phase::ALL.iter().position(|p| *p == phase).unwrap_or(0),
            None => 5,
        };
        lists[list].push(Op { clock, kind: OpKind::Reset { buffer }, origin });
    }
}

fn records(builder: &mut Builder<'_>, request: &Request) -> Vec<Record> {
    let mut found = Vec::new();
    for record in &request.records {
        let buffer = match record.member {
            Member::Var(i) => Some(builder.vars[record.process][i]),
            Member::Port(i) => builder.ports[record.process][i],
        };
        let Some(buffer) = buffer else { continue };
        let when = match &record.when {
            Some(clock) => RecordWhen::Clock(builder.clock(clock)),
            None => RecordWhen::End,
        };
        found.push(Record { key: record.key.clone(), buffer, when, asked: record.asked });
    }
    found
}

/// Drops buffers, tensors and clocks that nothing uses, and ops that only fill such buffers.
fn remove_unused(ir: &mut StepIr) {
    loop {
        let mut read: BTreeSet<BufferId> = ir.records.iter().map(|r| r.buffer).collect();
        for (_, ops) in ir.program.phases() {
            for op in ops {
                read.extend(walk::reads(op));
            }
        }
        let dead = |b: &BufferId, ir: &[ir::Buffer]| {
            !read.contains(b) && ir[b.0 as usize].kind == ir::BufferKind::Local
        };
        let mut changed = false;
        let buffers = std::mem::take(&mut ir.buffers);
        for ops in ir.program.phases_mut() {
            ops.retain(|op| {
                let writes = walk::writes(op);
                let useless = !writes.is_empty() && writes.iter().all(|b| dead(b, &buffers));
                changed |= useless;
                !useless
            });
        }
        ir.buffers = buffers;
        if !changed {
            break;
        }
    }
    renumber(ir);
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
            if let OpKind::Synapse(s) = &op.kind {
                tensors.insert(s.weights);
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
    let new_buffer = |b: BufferId| BufferId(buffers.range(..b).count() as u32);
    let new_tensor = |t: TensorId| TensorId(tensors.range(..t).count() as u32);
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
                    s.weights = new_tensor(s.weights);
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
