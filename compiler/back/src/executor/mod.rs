//! Executes the step IR in this process, without a toolchain.
//!
//! One op after another; loops over blocks of elements, one operation at a time (`block`),
//! integers in 32 bits where ranges allow it (`compile`). Operations mean what the table of
//! scalars says. Windows that are independent of each other are executed side by side, so that
//! a block of a small layer has the elements of many windows (`windows`).
//!
//! Where the IR leaves a choice, it decides as generated code does: both sides of a choice
//! are evaluated, so an index in the side not taken is checked too; the smallest and largest
//! of nothing is 0. It relies on the ranges of buffers.

mod array;
mod block;
mod code;
mod compile;
mod constants;
mod network;
mod state;
mod stepped;
mod synapse;
#[cfg(test)]
mod tests;
mod windows;

pub use array::Array;
use block::Registers;
use code::Code;
use constants::Constants;
use state::{Prepared, Program, State, Written};
use synapse::Weights;

use snn_data::Files;
use snn_ir::clock::Clock;
use snn_ir::data::DataError;
use snn_ir::step::{BufferId, Op, OpKind, RecordWhen, ReduceOp, StepIr};
use snn_ir::tensor::Tensor;
use snn_runtime::execute::{RecordSpec, RunPlan};
use snn_runtime::kernels::Events;
use snn_runtime::{Column, Fault};
use std::sync::Arc;

/// A network in the state after some step.
#[derive(Clone)]
pub struct Executor {
    program: Arc<Program>,
    state: State,
    /// Those that are executed side by side, once there are some.
    windows: Option<Box<State>>,
    /// Whether windows are executed side by side; not after one of them has failed.
    side_by_side: bool,
    /// A fault between two steps, which the next step reports.
    fault: Option<Fault>,
}

impl Prepared {
    fn of(ir: &StepIr, op: &OpKind, tensors: &[Arc<Tensor>], constants: &Constants) -> Prepared {
        match op {
            OpKind::Loop(body) => Prepared::Code(Code::of_loop(ir, constants, body)),
            OpKind::Reduce(reduce) => {
                // A sum is formed in the kind of its place.
                let kind = ir.buffers[reduce.dst.0 as usize].elem.kind();
                let kind = (reduce.op == ReduceOp::Sum).then_some(kind);
                Prepared::Code(Code::of_reduce(ir, constants, reduce, kind))
            }
            OpKind::Synapse(synapse) => Prepared::Weights(Weights::of(ir, synapse, tensors)),
            OpKind::Outer(_) | OpKind::Push { .. } | OpKind::Pop { .. } | OpKind::Reset { .. } => {
                Prepared::None
            }
        }
    }
}

/// Reads the data of a network and puts it in its initial state.
///
/// # Errors
/// Where a data file cannot be read.
pub fn load(ir: Arc<StepIr>, files: &dyn Files) -> Result<Executor, DataError> {
    let (tensors, constants) = constants::load(&ir, files)?;
    let phases = ir.program.phases();
    let of = |op: &Op| Prepared::of(&ir, &op.kind, &tensors, &constants);
    let mut prepared: Vec<Vec<Prepared>> =
        phases.iter().map(|(_, ops)| ops.iter().map(of).collect()).collect();
    let code = prepared.iter_mut().flatten().filter_map(|prepared| match prepared {
        Prepared::Code(code) => Some(code),
        Prepared::Weights(_) | Prepared::None => None,
    });
    let registers = Registers::for_code(code);
    let initial = ir
        .buffers
        .iter()
        .zip(0..)
        .map(|(buffer, id)| Array::initial(compile::held(&ir, BufferId(id)), buffer, &tensors));
    let initial: Vec<Array> = initial.collect();
    let mut written: Vec<Option<Written>> = vec![None; ir.buffers.len()];
    for collected in &ir.windows.collected {
        let b = collected.buffer.0 as usize;
        let unit = collected.unit.max(1);
        let steps = vec![0; ir.buffers[b].len().div_ceil(unit)];
        written[b] = Some(Written { unit, steps });
    }
    let state = State {
        buffers: initial.clone(),
        results: None,
        times: vec![0],
        messages: vec![vec![(0, 0); ir.buffers.len()]],
        registers,
        events: Events::default(),
        written,
    };
    let collected = state.written.iter().map(Option::is_some).collect();
    let program = Arc::new(Program { ir, constants, initial, collected, prepared });
    Ok(Executor { program, state, windows: None, side_by_side: true, fault: None })
}

/// What the runner needs to know to run a network: its records are those of the IR.
pub fn plan(ir: &StepIr) -> RunPlan {
    let records = ir.records.iter().map(|record| {
        let buffer = &ir.buffers[record.buffer.0 as usize];
        RecordSpec {
            key: record.key.clone(),
            element: buffer.elem.into(),
            shape: buffer.shape.clone(),
            at_end: record.when == RecordWhen::End,
        }
    });
    RunPlan {
        name: ir.run.clone(),
        steps: ir.steps,
        period: ir.windows.period,
        horizon: ir.windows.horizon,
        records: records.collect(),
    }
}

impl Executor {
    /// The present elements of a buffer, in C order.
    pub fn buffer(&self, id: BufferId) -> &Array {
        &self.state.buffers[id.0 as usize]
    }

    fn clock(&self, record: usize) -> Option<&Clock> {
        match self.program.ir.records.get(record)?.when {
            RecordWhen::Clock(clock) => self.program.ir.clocks.get(clock.0 as usize),
            RecordWhen::End => None,
        }
    }
}

impl snn_runtime::Network for Executor {
    fn step(&mut self, t: u64) -> Result<(), Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.state.times[0] = t;
        self.state.step(&self.program).map_err(|fault| *fault)
    }

    fn between(&mut self, t: u64) {
        self.state.times[0] = t;
        self.fault = self.state.between(&self.program).err().map(|fault| *fault);
    }

    fn seek(&mut self, t: u64) {
        self.state.seek(&self.program, vec![t]);
    }

    fn due(&self, record: usize, t: u64) -> bool {
        self.clock(record).is_some_and(|clock| clock.holds(t))
    }

    fn keep(&self, record: usize, column: &mut Column) {
        self.state.keep(&self.program, record, 0, column);
    }

    fn collect(&mut self, later: &Self, from: u64, to: u64) {
        for (buffer, written) in later.state.written.iter().enumerate() {
            let Some(Written { unit, steps }) = written else { continue };
            let len = self.program.len(buffer);
            for (group, step) in steps.iter().enumerate() {
                if (from..=to).contains(step) {
                    let start = group * unit;
                    let elements = start..(start + unit).min(len);
                    let state = &mut self.state;
                    state.buffers[buffer].copy(elements, &later.state.buffers[buffer], start);
                    if let Some(written) = &mut state.written[buffer] {
                        written.note(start, *step);
                    }
                }
            }
        }
    }

    fn leap(&mut self, t: u64, last: u64, columns: &mut [Column]) -> u64 {
        self.leap_over_windows(t, last, columns)
    }
}
