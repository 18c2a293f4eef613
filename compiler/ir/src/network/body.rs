//! What a process does: values and statements.

use super::{ClockId, ElemTy, Mark, Phase, TensorId, ValueId};
use crate::diagnostics::Loc;
use crate::scalar::{self, Kind};
use snn_core::kernels::Geometry;
use snn_grammar::ast::Direction;

/// What a process does.
#[derive(Clone, Debug)]
pub struct Body {
    /// The process's name; empty in the flat form.
    pub process: String,
    /// The model's tag; none for a process's own phases.
    pub tag: Option<String>,
    /// Whether the process is of the standard library.
    pub standard: bool,
    /// What the model can run on: `neurocore`, `cpu`, `embedded`.
    pub resources: Vec<String>,
    /// The params that an instance gives, in order.
    pub slots: Vec<Slot>,
    /// State.
    pub vars: Vec<Var>,
    /// Ports.
    pub ports: Vec<Port>,
    /// Values; arguments come before what they are arguments of.
    pub values: Vec<Value>,
    /// Statements, by phase.
    pub phases: [Vec<Stmt>; 4],
}

/// A param as a body sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// What its elements are.
    pub kind: Kind,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A state variable.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name; in the flat form its dotted path.
    pub name: String,
    /// What it is.
    pub kind: VarKind,
    /// Its element type, which says what a store does.
    pub ty: ElemTy,
    /// Its shape; of a queue that of one message.
    pub shape: Vec<usize>,
    /// Its value before the first step and after a reset: of stage `Once`, of the type's kind,
    /// of its shape or a scalar. A queue begins empty.
    pub init: ValueId,
    /// Where it is declared.
    pub place: Loc,
}

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarKind {
    /// Memory of a process.
    State,
    /// Memory of a process that is a message on its way: a reset of the whole process leaves it.
    Flight,
    /// Flat form: what a program writes between steps, and statements only read.
    Given,
    /// Flat form: the last message of a port.
    Port,
    /// Flat form: messages that wait.
    Queue {
        /// How many at most.
        slots: usize,
    },
}

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// In or out.
    pub direction: Direction,
    /// The type of a message's elements.
    pub ty: ElemTy,
    /// The shape of a message.
    pub shape: Vec<usize>,
    /// Where it is declared.
    pub place: Loc,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// How it is computed.
    pub op: Op,
    /// From what.
    pub args: Vec<ValueId>,
    /// What its elements are.
    pub kind: Kind,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// When it is known.
    pub stage: Stage,
    /// The name that the source gives it (`let`, `const`).
    pub name: Option<String>,
    /// Whether it is a comparison that makes a spike.
    pub spike: Option<Mark>,
    /// Where it is written.
    pub place: Loc,
}

/// When a value is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before the first step.
    Once,
    /// In a step.
    Step,
}

/// The operations on arrays.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A constant.
    Const(TensorId),
    /// The param of a slot.
    Param(u32),
    /// The step counter `t`, an integer.
    Time,
    /// The contents of a variable, fixed by `read` (or, of a queue, `pop`).
    Var(u32),
    /// In a body: the message of an in port, fixed by `receive`, or the last message of an out
    /// port, fixed by `read`. In a link: the message of a
    /// sender. In a run: the value of a record.
    Input(u32),
    /// A number in [0, 1) for each element, of kind `F64`: a function of seed, site, step and
    /// position ([`snn_core::random::uniform`]).
    Random {
        /// As given.
        seed: u64,
        /// Which call of `random` it is.
        site: Site,
    },
    /// A scalar operation on each element; arguments have the shape of the result or none.
    Scalar(scalar::Op),
    /// Stretched to another shape: sizes are equal from the last axis on, or 1, or missing.
    Broadcast,
    /// Axis `k` of the result is axis `axes[k]` of the argument.
    Transpose(Vec<usize>),
    /// `lo..hi` of each axis.
    Slice(Vec<(usize, usize)>),
    /// The same elements in C order under another shape.
    Reshape,
    /// The elements in reverse order along these axes.
    Flip(Vec<usize>),
    /// `[of, index]`: element `index` (an integer scalar) along the first axis, which disappears.
    Index,
    /// Joined along an axis.
    Concat(usize),
    /// `[weights, vector]`: `result[…] = Σ_n weights[…, n]·vector[n]`. Zeros of the vector are
    /// skipped, and those of weights that are a sparse array.
    MatMul,
    /// `[weights, input]`: the convolution, weights of shape [`Geometry::weights`], the input
    /// of shape [`Geometry::input`]. Zeros of the input are skipped.
    Conv(Box<Geometry>),
    /// One value from all elements along these axes (ascending), which disappear.
    Reduce(ReduceOp, Vec<usize>),
    /// `[weights, delays]`, both `[m, n]`: weights spread over delay slots, `[m, slots, n]`;
    /// slot `k` has those whose delay is `k`, others are 0.
    ByDelay,
}

/// Which call of `random` a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// The n-th in the text of the model (from 0), drawn by the instance.
    Call(u32),
    /// Flat form: the stream of instance and call, [`snn_core::random::stream`].
    Stream(u64),
}

/// The kinds of reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// Sum from 0; of booleans a number.
    Sum,
    /// Smallest; NaN if any is.
    Min,
    /// Largest; NaN if any is.
    Max,
    /// Position (C order along the reduced axes) of the largest; of several the first. NaN is
    /// never the largest; 0 where there is none.
    ArgMax,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// At which steps.
    pub clock: ClockId,
    /// Only where some element of this holds.
    pub guard: Option<ValueId>,
    /// What happens.
    pub action: Action,
    /// Where it is written.
    pub place: Loc,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Fixes this [`Op::Var`] value, or this [`Op::Input`] value of an out port.
    Read(ValueId),
    /// Receives from a port and fixes this [`Op::Input`] value.
    Receive(ValueId),
    /// Computes this value, and fixes it.
    Eval(ValueId),
    /// Assigns the elements of a region.
    Store {
        /// The variable.
        var: u32,
        /// One pick for each of its axes.
        region: Vec<Pick>,
        /// The value, of the type's kind; of the region's shape or a scalar. It is made to fit
        /// the type of the variable. Computed only where some element is assigned.
        value: ValueId,
        /// The elements that are assigned, of the region's shape or a scalar; all where there
        /// is none.
        mask: Option<ValueId>,
    },
    /// Sends a message.
    Send {
        /// The port.
        port: u32,
        /// The message, of the type's kind and of the port's shape or a scalar; it is made to
        /// fit.
        value: ValueId,
    },
    /// Flat form: appends to a queue.
    Push {
        /// The variable.
        var: u32,
        /// The message.
        value: ValueId,
    },
    /// Flat form: takes the oldest message of a queue, and fixes it as this [`Op::Var`] value.
    Pop(ValueId),
}

/// What a store picks of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// One position; the axis is not one of the region's.
    At(usize),
    /// `lo..hi`.
    Range(usize, usize),
    /// One position that is computed: an integer scalar.
    Computed(ValueId),
}

impl Body {
    /// The statements with their phases, in order.
    pub fn stmts(&self) -> impl Iterator<Item = (Phase, &Stmt)> {
        Phase::ALL
            .into_iter()
            .zip(&self.phases)
            .flat_map(|(p, all)| all.iter().map(move |s| (p, s)))
    }

    /// The statements that use a port: receive from it, or send.
    pub fn uses(&self, port: u32) -> impl Iterator<Item = (Phase, &Stmt)> {
        self.stmts().filter(move |(_, stmt)| match stmt.action {
            Action::Receive(value) => self.values[value.at()].op == Op::Input(port),
            Action::Send { port: sends, .. } => sends == port,
            _ => false,
        })
    }
}

impl Action {
    /// Calls `f` on every value that it needs (those that it fixes are not among them, but for
    /// `eval`).
    pub fn for_each_value(&self, f: &mut impl FnMut(ValueId)) {
        match self {
            Action::Read(_) | Action::Receive(_) | Action::Pop(_) => {}
            Action::Eval(value) | Action::Send { value, .. } | Action::Push { value, .. } => {
                f(*value);
            }
            Action::Store { region, value, mask, .. } => {
                for pick in region {
                    if let Pick::Computed(index) = pick {
                        f(*index);
                    }
                }
                mask.iter().for_each(|m| f(*m));
                f(*value);
            }
        }
    }

    /// Calls `f` on every value that it names, those that it fixes too.
    pub fn for_each_named(&mut self, f: &mut impl FnMut(&mut ValueId)) {
        match self {
            Action::Read(value)
            | Action::Receive(value)
            | Action::Eval(value)
            | Action::Pop(value)
            | Action::Send { value, .. }
            | Action::Push { value, .. } => f(value),
            Action::Store { region, value, mask, .. } => {
                f(value);
                mask.iter_mut().for_each(&mut *f);
                for pick in region {
                    if let Pick::Computed(index) = pick {
                        f(index);
                    }
                }
            }
        }
    }

    /// The value that it fixes.
    pub fn fixes(&self) -> Option<ValueId> {
        match self {
            Action::Read(v) | Action::Receive(v) | Action::Eval(v) | Action::Pop(v) => Some(*v),
            Action::Store { .. } | Action::Send { .. } | Action::Push { .. } => None,
        }
    }
}
