//! The step IR: what one step of a network does, in order.
//!
//! This is the contract between the front of the compiler and everything that
//! executes or prints a network. The scheduler builds it; the executor
//! (crate `snn-back`) executes it in this process; the Rust back end
//! (crate `snn-rust`) prints it as a crate; [`ranges`] bounds its values.
//!
//! # What it says
//!
//! A network is a set of [`Buffer`]s (state, messages, temporaries), a set of
//! constant [`Tensor`]s (weights, parameters, data) and six lists of [`Op`]s, one for
//! the resets at the start of a step, one for each phase, one for what happens
//! between steps. Step `t` (the first is 1) executes `start`, `spk`, `pre_mgmt`,
//! `lrn`, `post_mgmt`; then values are recorded; then `host` runs. An op whose
//! [`Clock`] does not hold at `t` is skipped.
//!
//! # Invariants (what a consumer may rely on)
//!
//! 1. Ops stand in an order that respects every dependency; executing them one by one,
//!    each loop from its first statement to its last for element 0, 1, 2, … in C order,
//!    gives the right result. Within a [`Loop`] no store is seen but at its own element:
//!    every store to a buffer `b` has one and the same [`Access`], which leads different
//!    elements of the domain to different elements of `b`; and every load from `b` (in a
//!    value, in a mask, inside an index, inside an index of that very access) has that
//!    access too. So a loop may also be executed all elements of one statement at a time, or
//!    vectorised, and indices that load nothing stored may be evaluated before it. A
//!    statement evaluates its mask, its value, then the indices of its target, then stores.
//! 2. Integer expressions are exact in 64 bits (two's complement wrap where even that is
//!    exceeded). A narrower execution is allowed where [`ranges`] proves it equal.
//! 3. A store converts: see [`Fit`]. Between two stores there is no implicit rounding.
//! 4. Every static part of an [`Access`] is in bounds; every dynamic index is checked
//!    when executed, and one outside `0..extent` is a fault, not a panic.
//! 5. Where a statement has a mask, its value is evaluated only for elements where the
//!    mask holds (so an index in it may be invalid elsewhere).
//! 6. Float sums (reductions, synapses) add in ascending element order from 0.0.
//! 7. Ops other than loops read all they read before they store anything: what they store to
//!    is none of what they read.
//!
//! [`verify`] checks what of this can be seen in the IR itself.

pub mod build;
pub mod expr;
pub mod kernels;
pub mod print;
pub mod ranges;
pub mod verify;

pub use crate::network::ReduceOp;
pub use expr::{Expr, ExprKind, Kind};

use crate::clock::Clock;
use crate::data::Dataset;
use crate::tensor::{Sparse, Tensor as Values};
use snn_core::kernels::Geometry;
use snn_core::network::ElementType;
use std::sync::Arc;

/// Index of a [`Buffer`] in [`StepIr::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Index of a [`Tensor`] in [`StepIr::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

/// Index of a [`Clock`] in [`StepIr::clocks`]; [`ALWAYS`] is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockId(pub u32);

/// The clock that holds at every step.
pub const ALWAYS: ClockId = ClockId(0);

/// A network, ready to execute.
#[derive(Clone, Debug)]
pub struct StepIr {
    /// The network's name, as in the source (`MnistOnLoihi`).
    pub network: String,
    /// The run's name (`l2sim`).
    pub run: String,
    /// How many steps the run has.
    pub steps: u64,
    /// Whether a program steps it, and may write state and last messages between steps.
    pub open: bool,
    /// State, messages, temporaries.
    pub buffers: Vec<Buffer>,
    /// Weights, parameters, data.
    pub tensors: Vec<Tensor>,
    /// The clocks that ops, records and counters refer to; the first always holds.
    pub clocks: Vec<Clock>,
    /// What a step does.
    pub program: Program,
    /// What is kept of a run.
    pub records: Vec<Record>,
    /// How steps group into windows that can run in parallel.
    pub windows: Windows,
    /// Encoders that a table has replaced, which do not run.
    pub tabulated: Vec<Tabulated>,
}

/// An encoder of bytes whose spike trains are known beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tabulated {
    /// The path of its port.
    pub port: String,
    /// How many different spike trains there are, the silent one not counted.
    pub trains: usize,
}

/// The ops of one step, by phase.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Resets that happen before the step's dynamics.
    pub start: Vec<Op>,
    /// Phase `spk`.
    pub spk: Vec<Op>,
    /// Phase `pre_mgmt`.
    pub pre_mgmt: Vec<Op>,
    /// Phase `lrn`.
    pub lrn: Vec<Op>,
    /// Phase `post_mgmt`.
    pub post_mgmt: Vec<Op>,
    /// Between this step and the next, after recording: resets `in host`.
    pub host: Vec<Op>,
}

impl Program {
    /// The lists with their names, in order of execution.
    pub fn phases(&self) -> [(&'static str, &[Op]); 6] {
        [
            ("start", &self.start),
            ("spk", &self.spk),
            ("pre_mgmt", &self.pre_mgmt),
            ("lrn", &self.lrn),
            ("post_mgmt", &self.post_mgmt),
            ("host", &self.host),
        ]
    }

    /// The same lists, mutable.
    pub fn phases_mut(&mut self) -> [&mut Vec<Op>; 6] {
        [
            &mut self.start,
            &mut self.spk,
            &mut self.pre_mgmt,
            &mut self.lrn,
            &mut self.post_mgmt,
            &mut self.host,
        ]
    }
}

/// How the elements of a buffer or tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elem {
    /// 0 or 1 in one byte: spikes and masks.
    Bool,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 64 bits.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
}

impl Elem {
    /// What expressions see when they load one.
    pub fn kind(self) -> Kind {
        match self {
            Elem::Bool => Kind::Bool,
            Elem::F32 => Kind::F32,
            Elem::F64 => Kind::F64,
            _ => Kind::Int,
        }
    }

    /// The values an integer (or boolean) element can hold; `None` for floats.
    pub fn bounds(self) -> Option<(i64, i64)> {
        Some(match self {
            Elem::Bool => (0, 1),
            Elem::I8 => (i8::MIN.into(), i8::MAX.into()),
            Elem::U8 => (0, u8::MAX.into()),
            Elem::I16 => (i16::MIN.into(), i16::MAX.into()),
            Elem::U16 => (0, u16::MAX.into()),
            Elem::I32 => (i32::MIN.into(), i32::MAX.into()),
            Elem::U32 => (0, u32::MAX.into()),
            Elem::I64 => (i64::MIN, i64::MAX),
            Elem::F32 | Elem::F64 => return None,
        })
    }

    /// What is stored of an integer that an integer element cannot hold: its low bits.
    pub fn fit(self) -> Fit {
        let (bits, signed) = match self {
            Elem::I8 => (8, true),
            Elem::U8 => (8, false),
            Elem::I16 => (16, true),
            Elem::U16 => (16, false),
            Elem::I32 => (32, true),
            Elem::U32 => (32, false),
            Elem::I64 | Elem::Bool | Elem::F32 | Elem::F64 => return Fit::Exact,
        };
        Fit::Wrap { bits, signed }
    }
}

impl From<Elem> for ElementType {
    /// The runtime's name for it.
    fn from(elem: Elem) -> ElementType {
        match elem {
            Elem::Bool => ElementType::Bool,
            Elem::I8 => ElementType::I8,
            Elem::U8 => ElementType::U8,
            Elem::I16 => ElementType::I16,
            Elem::U16 => ElementType::U16,
            Elem::I32 => ElementType::I32,
            Elem::U32 => ElementType::U32,
            Elem::I64 => ElementType::I64,
            Elem::F32 => ElementType::F32,
            Elem::F64 => ElementType::F64,
        }
    }
}

/// Why a buffer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// A declared variable of a process.
    State,
    /// What a program writes between steps: any value of its type. No op writes it.
    Given,
    /// The last message of a port. It stands until the next one is sent.
    Port,
    /// A ring of messages: its first axis is the slot.
    Queue,
    /// A value that no later step reads.
    Local,
}

/// An array that lives as long as the network.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// The dotted path of the variable or port (`net.layer0.neuron.u`); unique.
    pub name: String,
    /// Why it exists.
    pub kind: BufferKind,
    /// How elements are stored.
    pub elem: Elem,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// What it holds before step 1, and after a reset.
    pub init: Init,
    /// Proven bounds of its integer elements at every moment; [`ranges::analyse`] fills it.
    /// Unused for floats.
    pub range: (i64, i64),
}

impl Buffer {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Initial contents of a buffer, of the kind of its elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every element is this integer (0 or 1 for `Bool`).
    Int(i64),
    /// Every element is this float.
    Float(f64),
    /// A tensor of the same shape and element type.
    Tensor(TensorId),
}

/// A constant array.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// A name for files and fields: an identifier, unique (`net_layer0_synapse_w`).
    pub name: String,
    /// How elements are stored.
    pub elem: Elem,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it follows from params that are not structural, their paths, with commas between
    /// them: what is made of the network reads it as data, and only what is proven of its values
    /// shows in the text.
    pub given: Option<String>,
    /// Where its values are.
    pub values: TensorValues,
}

/// Where a constant tensor's values are.
#[derive(Clone, Debug)]
pub enum TensorValues {
    /// Known to the compiler.
    Known(Arc<Values>),
    /// Known to the compiler, of shape `[m, n]`, mostly zero, and 0 where nothing is stored.
    /// Only the weights of synapses are.
    Sparse(Arc<Sparse>),
    /// In a data file, read when the network runs.
    File(Arc<Dataset>),
}

/// One thing a step does.
#[derive(Clone, Debug)]
pub struct Op {
    /// When.
    pub clock: ClockId,
    /// What.
    pub kind: OpKind,
    /// The instances it comes from (`net.lif1`), for readers of the output.
    pub origin: String,
}

/// The kinds of ops.
#[derive(Clone, Debug)]
pub enum OpKind {
    /// Elementwise statements.
    Loop(Loop),
    /// Weights times spikes.
    Synapse(Synapse),
    /// Products of spikes and gradients, added up.
    Outer(Outer),
    /// One value from many, or several.
    Reduce(Reduce),
    /// `queue` takes a copy of `from` at its tail.
    Push {
        /// A buffer of kind `Queue`, shape `[slots, …]`.
        queue: BufferId,
        /// The message, shape `[…]`, same element type.
        from: BufferId,
    },
    /// `to` becomes a copy of the message at the head of `queue`, which leaves it.
    /// The clock check has proven that there is one.
    Pop {
        /// A buffer of kind `Queue`.
        queue: BufferId,
        /// Where the message goes.
        to: BufferId,
    },
    /// `buffer` gets its initial contents.
    Reset {
        /// Which.
        buffer: BufferId,
    },
}

/// Elementwise statements over one domain, fused.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The shape that is iterated; empty: once.
    pub domain: Vec<usize>,
    /// What happens at each element, in order.
    pub body: Vec<Stmt>,
    /// How many locals the body has.
    pub locals: u32,
}

/// A statement at one element of a loop's domain.
#[derive(Clone, Debug)]
pub enum Stmt {
    /// A value that later statements at the same element use.
    Let {
        /// Its number, below [`Loop::locals`]; defined once.
        local: u32,
        /// A name for the output, an identifier, not unique.
        name: String,
        /// The value.
        value: Expr,
    },
    /// An assignment.
    Store {
        /// Where to; always a buffer.
        to: Access,
        /// The value, of the kind of the buffer's elements.
        value: Expr,
        /// What happens to an integer that does not fit.
        fit: Fit,
        /// Assigned only where this (a Bool) holds.
        mask: Option<Expr>,
    },
}

/// How an integer is made to fit `bits` bits at a store. Not used for floats and booleans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// The value is stored as it is: proven to fit, or of kind float or bool.
    Exact,
    /// The low `bits` bits, sign-extended where `signed`.
    Wrap {
        /// 1 to 64.
        bits: u8,
        /// Two's complement, or unsigned.
        signed: bool,
    },
    /// The nearest value of `bits` bits.
    Sat {
        /// 1 to 64.
        bits: u8,
        /// Two's complement, or unsigned.
        signed: bool,
    },
}

impl Fit {
    /// The operation on an integer that it is.
    pub fn op(self) -> Option<crate::scalar::Op> {
        match self {
            Fit::Exact => None,
            Fit::Wrap { bits, signed } => Some(crate::scalar::Op::Wrap { bits, signed }),
            Fit::Sat { bits, signed } => Some(crate::scalar::Op::Sat { bits, signed }),
        }
    }

    /// The least and the greatest value that is stored, where there is a limit within 64 bits.
    pub fn bounds(self) -> Option<(i64, i64)> {
        match self {
            Fit::Wrap { bits, signed } | Fit::Sat { bits, signed } if (1..64).contains(&bits) => {
                Some(if signed {
                    (-1 << (bits - 1), (1 << (bits - 1)) - 1)
                } else {
                    (0, ((1u64 << bits) - 1) as i64)
                })
            }
            Fit::Exact | Fit::Wrap { .. } | Fit::Sat { .. } => None,
        }
    }
}

/// Where an element is found: `offset + Σ strides[a]·i[a] + Σ stride·index`, in elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// What is accessed.
    pub source: Source,
    /// Elements from the start.
    pub offset: i64,
    /// One stride per axis of the domain; 0 where the value does not depend on it.
    pub strides: Vec<i64>,
    /// Indices known only when executed.
    pub dynamic: Vec<DynamicIndex>,
}

/// A buffer or a constant tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Of this network.
    Buffer(BufferId),
    /// Constant.
    Tensor(TensorId),
}

/// An index computed when executed: a scalar expression, the same for all elements.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicIndex {
    /// The index, an integer. It loads only scalars (all strides 0).
    pub index: Expr,
    /// Elements per unit of it.
    pub stride: i64,
    /// It must be in `0..extent`.
    pub extent: usize,
}

/// `dst = weights · src`: one column of weights added for each source element that is not zero.
///
/// `dst[i] = Σ_j weights[i, j] · src[j]`, in the kind of `dst`: integers exact in 64 bits
/// (wrapping), floats from 0.0 in ascending `j`, of which those where `src[j]` is zero are left
/// out: a weight that is infinite or NaN meets no zero source.
#[derive(Clone, Debug)]
pub struct Synapse {
    /// `m · n` elements that mean a matrix of shape `[m, n]` in C order, `n` the source's size
    /// (where the kernel is [`KernelKind::Turned`] of shape `[n, m]`);
    /// of a convolution the kernel, of shape [`Geometry::weights`]. Constant (a tensor), or live
    /// (a buffer, whatever its kind, other than `dst`), read as they stand when the op begins.
    pub weights: Source,
    /// The sizes of a convolution; `src` then has `n` elements of shape `input`, `dst` `m` of
    /// shape [`Geometry::output`]. `None` where every target has a weight for every source.
    pub conv: Option<Geometry>,
    /// `n` elements in C order: Bool, or integers (graded), or floats.
    pub src: BufferId,
    /// Whether a non-zero source element counts as 1.
    pub binary: bool,
    /// `m` elements in C order, of a kind that can hold the sums: Int only where neither weights
    /// nor source are floats. Integer results are exact in its element type (the scheduler chose
    /// it wide enough). Neither the source nor the weights.
    pub dst: BufferId,
    /// How it is executed.
    pub kernel: Kernel,
}

/// The kernel chosen for a [`Synapse`], with the reason for `snnc explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Which.
    pub kind: KernelKind,
    /// Element type of the stored weights.
    pub weight: Elem,
    /// Weights are stored shifted right by this, the sum is shifted left: all are divisible.
    pub shift: u8,
    /// Element type that holds every partial sum (proven by the weights).
    pub accumulator: Elem,
    /// Why, in words.
    pub reason: String,
}

/// The kinds of synapse kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelKind {
    /// Stored by column; a column is added for each source element that is not zero.
    Columns,
    /// Stored as lists of (target, weight) by column, for mostly zero weights.
    SparseColumns,
    /// The kernel of a convolution: for each source element that is not zero, its weights are
    /// added at the outputs that it reaches.
    Conv,
    /// Weights in a buffer, as they lie there, of a matrix or of a convolution. Only these are
    /// executed so, and all of them.
    Live,
    /// Weights of a matrix in a buffer that lie source by source: of shape `[n, m]`.
    Turned,
}

/// `dst[j, i] += sources[j] · targets[i]`: sums of what weights that lie source by source are to be
/// changed by. All are floats of one kind but the sources, which may be of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// `n · m` elements in C order; neither the sources nor the targets. It holds no `-0`.
    pub dst: BufferId,
    /// `n` elements.
    pub sources: BufferId,
    /// `m` elements.
    pub targets: BufferId,
}

/// `dst` from an expression, of which some axes are reduced to one value.
///
/// Each element of `dst` is made of those of `value` at its place along the axes that are kept,
/// taken in ascending C order of the axes that are reduced. Of none it is 0.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// How.
    pub op: ReduceOp,
    /// The shape of `value`.
    pub domain: Vec<usize>,
    /// The axes of the domain that are reduced, ascending. All of them: `dst` is one value.
    pub axes: Vec<usize>,
    /// The values. It does not load `dst`.
    pub value: Expr,
    /// As many elements as the axes that are kept have, in C order. Sum: I64 (64-bit wrap) or
    /// the float kind; Min, Max: the kind of the value; ArgMax: an integer.
    pub dst: BufferId,
}

impl Reduce {
    /// All elements to one value.
    pub fn all(op: ReduceOp, domain: Vec<usize>, value: Expr, dst: BufferId) -> Reduce {
        let axes = (0..domain.len()).collect();
        Reduce { op, domain, axes, value, dst }
    }

    /// The axes that are kept, ascending.
    pub fn kept(&self) -> Vec<usize> {
        (0..self.domain.len()).filter(|axis| !self.axes.contains(axis)).collect()
    }

    /// Elements of `value` that one element of `dst` is made of.
    pub fn reduced(&self) -> usize {
        self.axes.iter().filter_map(|axis| self.domain.get(*axis)).product()
    }

    /// Elements of `dst`.
    pub fn results(&self) -> usize {
        self.kept().iter().filter_map(|axis| self.domain.get(*axis)).product()
    }
}

/// Something a run keeps. A value is kept as it stands after the last phase of the step.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its key in the results: the dotted path.
    pub key: String,
    /// What is kept.
    pub buffer: BufferId,
    /// When.
    pub when: RecordWhen,
    /// Whether the user asked for it with `record`; otherwise only a report needs it.
    pub asked: bool,
}

/// When a record keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordWhen {
    /// After each step at which the clock holds; the first axis is time.
    Clock(ClockId),
    /// After the last step; no time axis.
    End,
}

/// How steps group into windows. A window is `period` steps from `t = k·period + 1`.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Steps per window: the least common multiple of all clocks' periods.
    pub period: u64,
    /// Where known: the state at the start of a window is the same whatever it was
    /// `horizon` steps earlier (counters set by their closed form), so that windows can be
    /// executed apart, each run of windows after replaying that many steps.
    pub horizon: Option<u64>,
    /// Counters, solved in closed form.
    pub counters: Vec<Counter>,
    /// Arrays of results that steps only write, at an index given by a counter.
    pub collected: Vec<Collected>,
    /// State that carries over from window to window, with the reason; empty if `horizon`.
    pub carried: Vec<(BufferId, String)>,
}

/// Every step is a window, and nothing is known of them.
impl Default for Windows {
    fn default() -> Windows {
        let (counters, collected, carried) = (Vec::new(), Vec::new(), Vec::new());
        Windows { period: 1, horizon: None, counters, collected, carried }
    }
}

/// A scalar that only ever grows by a constant: `next += 1`.
#[derive(Clone, Debug)]
pub struct Counter {
    /// The scalar, an integer.
    pub buffer: BufferId,
    /// What each step at which `clock` holds adds.
    pub add: i64,
    /// When.
    pub clock: ClockId,
    /// What happens to a sum that does not fit.
    pub fit: Fit,
}

impl Counter {
    /// Its value after so many additions to `init`, which fits.
    pub fn after(&self, init: i64, times: u64) -> i64 {
        let grown = i128::from(self.add) * i128::from(times) + i128::from(init);
        match (self.fit, self.fit.bounds()) {
            (Fit::Sat { .. }, Some((lo, hi))) => grown.clamp(lo.into(), hi.into()) as i64,
            (Fit::Wrap { bits, signed: true }, _) if bits < 64 => {
                ((grown as i64) << (64 - bits)) >> (64 - bits)
            }
            (Fit::Wrap { bits, signed: false }, _) if bits < 64 => grown as i64 & ((1 << bits) - 1),
            _ => grown as i64,
        }
    }
}

/// An array written at `counter` (along its first axis) and never read by a step.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The array.
    pub buffer: BufferId,
    /// The counter that is its index: an element of [`Windows::counters`].
    pub counter: usize,
    /// Stores overwrite whole groups of so many elements; each row is some of these groups.
    pub unit: usize,
}
