//! The state of a network, or of several that are executed side by side, and its program.

use super::array::Array;
use super::block::Registers;
use super::code::Code;
use super::constants::Constants;
use super::synapse::Weights;
use snn_ir::scalar::Scalar;
use snn_ir::step::{Source, StepIr};
use snn_runtime::kernels::Events;
use snn_runtime::{Column, Fault};
use std::io;
use std::sync::Arc;

/// A fault on the heap: it is rare.
pub(super) type Stepped<T> = Result<T, Box<Fault>>;

/// What all copies of a network have in common.
pub struct Program {
    pub ir: Arc<StepIr>,
    pub constants: Constants,
    /// The initial contents of each buffer.
    pub initial: Vec<Array>,
    /// Whether each buffer is an array of results.
    pub collected: Vec<bool>,
    /// By phase, what each op needs.
    pub prepared: Vec<Vec<Prepared>>,
}

/// What executing an op needs.
pub enum Prepared {
    /// Of a loop or a reduction.
    Code(Code),
    /// Of a synapse.
    Weights(Weights),
    /// Nothing.
    None,
}

/// The state before or after some step, of windows that are executed side by side: the elements
/// of one after those of another in each buffer.
#[derive(Clone)]
pub struct State {
    pub buffers: Vec<Array>,
    /// What was written of each array of results.
    pub written: Vec<Option<Written>>,
    /// Of windows side by side: what they put into arrays of results, which are elsewhere.
    pub results: Option<Vec<ForResults>>,
    /// The step, by window. Any clock holds for all or for none.
    pub times: Vec<u64>,
    /// By window and buffer, how many messages were put into it and taken out, if it is a queue.
    pub messages: Vec<Vec<(u64, u64)>>,
    pub registers: Registers,
    pub events: Events,
}

/// A value for an array of results.
#[derive(Clone)]
pub struct ForResults {
    pub buffer: usize,
    pub element: usize,
    pub t: u64,
    pub value: Scalar,
}

/// What was written of an array of results.
#[derive(Clone)]
pub struct Written {
    /// Elements in a group that is always written as a whole.
    pub unit: usize,
    /// For each group, the step that last wrote it, or 0.
    pub steps: Vec<u64>,
}

impl Written {
    /// Remembers that an element is written at step `t`, unless a later one wrote it already.
    pub fn note(&mut self, at: usize, t: u64) -> bool {
        match self.steps.get_mut(at / self.unit) {
            Some(step) if *step <= t => {
                *step = t;
                true
            }
            _ => false,
        }
    }
}

impl State {
    /// Appends the present value of a record, in some window.
    pub fn keep(&self, program: &Program, record: usize, window: usize, column: &mut Column) {
        let buffer = program.ir.records[record].buffer.0 as usize;
        let (elem, n) = (program.ir.buffers[buffer].elem, program.len(buffer));
        self.buffers[buffer].write(elem, window * n..(window + 1) * n, &mut column.bytes);
        column.rows += 1;
    }

    /// Stores a value in an array of results, unless one of a later step is there.
    pub fn result(&mut self, program: &Program, of: ForResults) {
        let elem = program.ir.buffers[of.buffer].elem;
        let Some(written) = &mut self.written[of.buffer] else { return };
        if written.note(of.element, of.t) {
            self.buffers[of.buffer].set(of.element, elem, of.value);
        }
    }
}

impl Program {
    /// The fault that an index outside an array is.
    pub fn outside(&self, source: Source, index: i64, extent: usize, t: u64) -> Fault {
        let name = match source {
            Source::Buffer(id) => self.ir.buffers[id.0 as usize].name.clone(),
            Source::Tensor(id) => self.ir.tensors[id.0 as usize].name.clone(),
        };
        // In generated code the name is a constant. A run has one fault at most, and few before
        // that make it begin anew, so that no more than a few names are leaked.
        Fault::Index { what: name.leak(), index, extent, t }
    }

    /// The fault that a tensor is whose file cannot be read any more.
    pub fn unread(&self, tensor: u32, error: &io::Error, t: u64) -> Fault {
        let what = self.ir.tensors[tensor as usize].name.clone().leak();
        Fault::Unread { what, why: error.to_string().leak(), t }
    }

    /// The elements of a buffer of one window.
    pub fn len(&self, buffer: usize) -> usize {
        self.ir.buffers[buffer].len()
    }

    /// Puts the initial contents of a buffer into the place of so many windows.
    pub fn reset(&self, buffer: usize, array: &mut Array, windows: usize) {
        let initial = &self.initial[buffer];
        for window in 0..windows {
            let at = window * initial.len();
            array.copy(at..at + initial.len(), initial, 0);
        }
    }
}
