//! Executes the step IR in this process, without a toolchain.
//!
//! One op after another; loops over blocks of elements, one operation at a time (`block`),
//! integers in 64 bits whatever width the compiler chose. Operations mean what the table of
//! scalars says.
//!
//! Where the IR leaves a choice, it decides as generated code does: both sides of a choice
//! are evaluated, so an index in the side not taken is checked too; the smallest and largest
//! of nothing is 0.

mod array;
mod block;
mod code;
mod network;
mod stepped;
mod synapse;
#[cfg(test)]
mod tests;

pub use array::Array;
use block::Registers;
use code::Code;
use synapse::Weights;

use snn_data::Files;
use snn_ir::clock::Clock;
use snn_ir::data::DataError;
use snn_ir::step::{BufferId, OpKind, RecordWhen, ReduceOp, StepIr, TensorValues};
use snn_ir::tensor::Tensor;
use snn_runtime::execute::{RecordSpec, RunPlan};
use snn_runtime::{Column, Fault};
use std::sync::Arc;

/// A network in the state after some step.
#[derive(Clone)]
pub struct Executor {
    ir: Arc<StepIr>,
    tensors: Arc<[Arc<Tensor>]>,
    /// By phase, what each op needs.
    prepared: Arc<[Vec<Prepared>]>,
    registers: Registers,
    buffers: Vec<Array>,
    /// For each buffer, how many messages were put into it and taken out, if it is a queue.
    messages: Vec<(u64, u64)>,
    /// For each array of results, what was written of it.
    written: Vec<Option<Written>>,
    /// A fault between two steps, which the next step reports.
    fault: Option<Fault>,
}

/// What executing an op needs.
#[derive(Debug)]
enum Prepared {
    /// Of a loop or a reduction.
    Code(Code),
    /// Of a synapse.
    Weights(Weights),
    /// Nothing.
    None,
}

impl Prepared {
    fn of(ir: &StepIr, op: &OpKind, tensors: &[Arc<Tensor>]) -> Prepared {
        match op {
            OpKind::Loop(body) => Prepared::Code(Code::of_loop(ir, body)),
            OpKind::Reduce(reduce) => {
                // A sum is formed in the kind of its place.
                let kind = ir.buffers[reduce.dst.0 as usize].elem.kind();
                let kind = (reduce.op == ReduceOp::Sum).then_some(kind);
                Prepared::Code(Code::of_reduce(ir, reduce, kind))
            }
            OpKind::Synapse(synapse) => Prepared::Weights(Weights::of(ir, synapse, tensors)),
            OpKind::Push { .. } | OpKind::Pop { .. } | OpKind::Reset { .. } => Prepared::None,
        }
    }
}

/// What was written of an array of results.
#[derive(Clone)]
struct Written {
    /// Elements in a group that is always written as a whole.
    unit: usize,
    /// For each group, the step that last wrote it, or 0.
    steps: Vec<u64>,
}

impl Written {
    /// Remembers that an element was written at step `t`.
    fn note(&mut self, at: usize, t: u64) {
        if let Some(step) = self.steps.get_mut(at / self.unit) {
            *step = t;
        }
    }
}

/// The place among the phases of what happens between steps, after all others.
const HOST: usize = 5;

/// Reads the data of a network and puts it in its initial state.
///
/// # Errors
/// Where a data file cannot be read.
pub fn load(ir: Arc<StepIr>, files: &dyn Files) -> Result<Executor, DataError> {
    let tensors = ir.tensors.iter().map(|tensor| match &tensor.values {
        TensorValues::Known(values) => Ok(values.clone()),
        // Only synapses read them, where they are.
        TensorValues::Sparse(_) => Ok(Arc::new(Tensor::int(vec![0], Vec::new()))),
        TensorValues::File(dataset) => snn_data::read(files, dataset).map(Arc::new),
    });
    let tensors: Arc<[Arc<Tensor>]> = tensors.collect::<Result<_, _>>()?;
    let buffers = ir.buffers.iter().map(|b| Array::initial(b, &tensors)).collect();
    let mut written: Vec<Option<Written>> = vec![None; ir.buffers.len()];
    for collected in &ir.windows.collected {
        let b = collected.buffer.0 as usize;
        let unit = collected.unit.max(1);
        let steps = vec![0; ir.buffers[b].len().div_ceil(unit)];
        written[b] = Some(Written { unit, steps });
    }
    let messages = vec![(0, 0); ir.buffers.len()];
    let phases = ir.program.phases();
    let of = |op: &snn_ir::step::Op| Prepared::of(&ir, &op.kind, &tensors);
    let prepared = phases.iter().map(|(_, ops)| ops.iter().map(of).collect::<Vec<_>>());
    let prepared: Arc<[Vec<Prepared>]> = prepared.collect();
    let code = prepared.iter().flatten().filter_map(|prepared| match prepared {
        Prepared::Code(code) => Some(code),
        Prepared::Weights(_) | Prepared::None => None,
    });
    let registers = Registers::for_code(code);
    let fault = None;
    Ok(Executor { ir, tensors, prepared, registers, buffers, messages, written, fault })
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
        &self.buffers[id.0 as usize]
    }

    fn clock(&self, record: usize) -> Option<&Clock> {
        match self.ir.records.get(record)?.when {
            RecordWhen::Clock(clock) => self.ir.clocks.get(clock.0 as usize),
            RecordWhen::End => None,
        }
    }
}

impl snn_runtime::Network for Executor {
    fn step(&mut self, t: u64) -> Result<(), Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        (0..HOST).try_for_each(|phase| self.execute(phase, t))
    }

    fn between(&mut self, t: u64) {
        if let Err(fault) = self.execute(HOST, t) {
            self.fault = Some(fault);
        }
    }

    fn seek(&mut self, t: u64) {
        let ir = self.ir.clone();
        self.seek_counters(&ir, t);
        self.seek_queues(&ir, t);
    }

    fn due(&self, record: usize, t: u64) -> bool {
        self.clock(record).is_some_and(|clock| clock.holds(t))
    }

    fn keep(&self, record: usize, column: &mut Column) {
        let buffer = self.ir.records[record].buffer.0 as usize;
        self.buffers[buffer].write(self.ir.buffers[buffer].elem, &mut column.bytes);
        column.rows += 1;
    }

    fn collect(&mut self, later: &Self, from: u64, to: u64) {
        for (buffer, written) in later.written.iter().enumerate() {
            let Some(Written { unit, steps }) = written else { continue };
            let len = self.buffers[buffer].len();
            for (group, step) in steps.iter().enumerate() {
                if (from..=to).contains(step) {
                    let start = group * unit;
                    let elements = start..(start + unit).min(len);
                    self.buffers[buffer].copy(&later.buffers[buffer], elements);
                    if let Some(written) = &mut self.written[buffer] {
                        written.note(start, *step);
                    }
                }
            }
        }
    }
}
