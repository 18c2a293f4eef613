//! The network IR: a checked run, before anything is decided about how it is executed.
//!
//! This is the contract between the front of the compiler (text, names, types, clocks) and all
//! that stands behind it: the oracle (crate `snn-oracle`), the scheduler, the chip target,
//! pictures and explanations. What is behind takes a [`Network`] and nothing else of the front.
//!
//! # Two normal forms
//!
//! In the **network form** every process is an [`Instance`] of a [`Body`], and messages go over
//! [`Link`]s. Equal instances share a body. In the **flat form** ([`flatten()`]) the same types
//! have one instance, whose path is empty, and no links: statements are in an order in which
//! they can be executed one after the other, messages are variables of kind [`VarKind::Port`],
//! messages that wait are variables of kind [`VarKind::Queue`]. Both forms mean the same, bit
//! for bit.
//!
//! # What a network says
//!
//! - **Tensors** are constants: known, sparse, or in a data file that is read when it runs.
//! - **Params** are the arguments of instances, each with its tensor. A param is *structural*
//!   where the front decided something by its value (a shape, a branch, a clock, an index):
//!   then another value is another network. The tensor of any other param may be replaced by
//!   one of the same kind and shape, and the network is then that of the new value.
//! - **Bodies** hold values and statements. Values are numbered; the arguments of a value have
//!   smaller numbers. A value has a [`Stage`]: `Once`, where it depends on constants and params
//!   alone, so that it is known before the first step; else `Step`.
//! - **Statements** stand in four lists, one a phase. See [`Action`].
//! - **Links** say which message an in port receives: a value over the messages of its senders.
//! - **Resets** put a variable back to its initial value at the steps of a clock.
//! - The **run** says how long, what is recorded, what is reported and expected.
//!
//! # A step
//!
//! Step `t` (the first is 1): the resets with [`When::Start`] that are due, in order; then the
//! phases `spk`, `pre_mgmt`, `lrn`, `post_mgmt`, each followed by its resets
//! ([`When::After`]); then records are kept; then the resets with [`When::Host`].
//!
//! In a phase every statement whose clock holds is executed once. Within an instance, a
//! statement comes before another that stands later if one of them stores a variable that the
//! other reads or stores, or if the other needs a value of it ([`Action::Read`],
//! [`Action::Receive`], [`Action::Eval`]). A message that is received in the phase and step in
//! which it is sent is sent first. Any order that keeps to this gives the same result; that
//! there is one has been checked.
//!
//! # Statements
//!
//! A statement with a guard (a boolean scalar) that does not hold does nothing, but that an
//! `eval` fixes zeros. A statement first reads all that it needs, indices and masks included,
//! and stores then. The value of a store whose mask holds nowhere is not computed, and neither
//! are the indices of its region.
//!
//! - `read` fixes the present contents of a variable as the value [`Op::Var`], or what the
//!   instance has last sent from an out port (zeros before it has) as [`Op::Input`].
//! - `receive` takes the oldest message of every link into a port (zeros where there is none),
//!   adds them, and fixes the sum as the value [`Op::Input`]. With one link the message is
//!   converted to the port's type; with several each is converted to `int` (`f32`, `f64` for
//!   ports of floats), they are added in the order of links, and the sum is converted to the
//!   port's type. To convert to the port's type is what a store into a variable of that type
//!   does: an integer that does not fit wraps (or saturates, where the type says so), and a
//!   boolean is whether the number is not 0.
//! - `eval` computes a value: later uses of it mean what it was here.
//! - `store` assigns the elements of a region whose mask holds, see [`Action::Store`].
//! - `send` appends a message to the queue of every link from a port.
//! - `push` and `pop` (flat form) put a value at the end of a queue and take the oldest one.
//!
//! A value that is not fixed by a statement is a pure function of its arguments and of `t`; it
//! is computed by the statement that needs it. A `read` value is used only by statements
//! before the next store to its variable, unless through an `eval`.
//!
//! An index that is not within its extent ends the run with a fault, at the statement that
//! computes it.
//!
//! # Values
//!
//! Arrays are in C order. Integers are exact in 64 bits (two's complement, wrapping), floats
//! IEEE 754, each operation rounding once; what scalar operations mean says
//! [`crate::scalar`]. Nothing broadcasts by itself but scalars: an argument of
//! [`Op::Scalar`] has the shape of the result, or none. Float sums add from 0.0 in ascending
//! order.
//!
//! # Closed under differentiation
//!
//! The adjoint of a value, the derivative of a number by each of its elements, is made of the
//! same operations: training needs no other. Adjoints are floats, of integers too. With `g` the
//! adjoint of the result, [`adjoint`] writes that of an argument as
//!
//! | Operation | Adjoint of its argument |
//! |---|---|
//! | `Const`, `Param`, `Time`, `Var`, `Input`, `Random` | has none; what is done with its own is the caller's |
//! | `Scalar` | `g` times the derivative of the table ([`crate::scalar::Op::derivative`]), which passes over rounding and wrapping; summed for a scalar |
//! | a comparison | none, or `g` times the slope that the caller gives to one that is marked `spike` or `soft`; of `x != 0` it is `g` |
//! | `Broadcast` | the sum along the stretched axes |
//! | `Transpose`, `Reshape`, `Flip` | the same, back |
//! | `Slice` | `Concat` with zeros |
//! | `Concat` | `Slice` |
//! | `Index` | `Select` of `g` where the position is the index, else 0; nothing to the index |
//! | `MatMul` | vector: transposed weights times `g`; weights: outer product of `g` and the vector |
//! | `Conv` | two convolutions, see `adjoint/conv.rs` |
//! | `Reduce` `Sum` | `Broadcast` |
//! | `Reduce` `Min`, `Max` | `Select` of `g` at the first extreme element (by `ArgMax`), else 0 |
//! | `Reduce` `ArgMax` | none |
//! | `ByDelay` | the sum over slots of `g` where the slot is the delay; nothing to the delays |
//!
//! State that the way back needs is kept in a *tape*: a variable of shape `[steps, …]`, which is
//! stored at a computed index and read with `Index`.
//!
//! # Kept by every pass
//!
//! [`verify`](verify::verify) checks all that is said here about the form of a network, in
//! time linear in its size. It is run on what the front makes, on every text that is parsed,
//! and in tests after every pass; nothing behind it panics on a network that it accepts.

pub mod adjoint;
mod body;
pub mod elem;
pub mod evaluate;
pub mod flatten;
pub mod fold;
pub mod infer;
mod marks;
mod messages;
mod needs;
mod order;
pub mod parse;
pub mod print;
mod run;
pub mod target;
pub mod tensors;
mod unprompted;
mod uses;
pub mod verify;
mod words;

pub use body::{
    Action, Body, Op, Pick, Port, ReduceOp, Site, Slot, Stage, Stmt, Value, Var, VarKind,
};
pub use elem::ElemTy;
pub use flatten::{Circle, Flat, flatten};
pub use fold::fold;
pub use marks::{Mark, mark};
pub use run::{Expectation, Member, Record, Report, ReportKind, Run};
pub use target::{Setting, SettingValue, Target};
pub use unprompted::sends_unprompted;

use crate::clock::Clock;
use crate::data::Dataset;
use crate::diagnostics::Loc;
use crate::scalar::Kind;
use crate::tensor::{Constant, Sparse, Tensor as Known};
use indexmap::IndexSet;
use std::sync::Arc;

/// Clocks in the order of their numbers, each once.
pub type Clocks = IndexSet<Clock>;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index.
            pub fn at(self) -> usize {
                self.0 as usize
            }
        }
    )* };
}

ids! {
    /// Index into [`Network::params`].
    ParamId
    /// Index into [`Network::tensors`].
    TensorId
    /// Index into [`Network::bodies`].
    BodyId
    /// Index into [`Network::instances`].
    InstanceId
    /// Index into [`Network::clocks`].
    ClockId
    /// Index into the values of a body, a link or a run.
    ValueId
}

/// The clock that holds at every step is the first of every network.
pub const ALWAYS: ClockId = ClockId(0);

/// A checked run of a network.
#[derive(Clone, Debug)]
pub struct Network {
    /// The network's name, as declared.
    pub name: String,
    /// Constants.
    pub tensors: Vec<Tensor>,
    /// Arguments of instances.
    pub params: Vec<Param>,
    /// The clocks that statements, resets and records refer to; the first always holds.
    pub clocks: Clocks,
    /// What processes do.
    pub bodies: Vec<Body>,
    /// The processes.
    pub instances: Vec<Instance>,
    /// The connections, by receiving port; of one port in the order of declaration.
    pub links: Vec<Link>,
    /// Resets, in the order in which they happen.
    pub resets: Vec<Reset>,
    /// What the run asks for.
    pub run: Run,
}

/// A constant array.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// What its elements are. `F32` values are held exactly in double precision.
    pub kind: Kind,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Where its values are.
    pub data: Data,
}

/// Where the values of a constant array are.
#[derive(Clone, Debug)]
pub enum Data {
    /// Here.
    Dense(Arc<Known>),
    /// Here, those that differ from most.
    Sparse(Arc<Sparse>),
    /// In a data file, which is read when the network runs.
    File(Arc<Dataset>),
}

/// An argument of an instance.
#[derive(Clone, Debug)]
pub struct Param {
    /// `net.lif1.vth`.
    pub path: String,
    /// The values that are allowed, where the declaration says.
    pub range: Option<Range>,
    /// Whether something of the network's form follows from its value.
    pub structural: bool,
    /// Its value.
    pub tensor: TensorId,
    /// Where the value is given, or the default is declared.
    pub place: Loc,
}

/// The range of a param.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least value.
    pub lo: f64,
    /// The largest, or the first beyond.
    pub hi: f64,
    /// Whether `hi` is allowed.
    pub inclusive: bool,
}

/// A process of the network.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its dotted path; empty in the flat form.
    pub path: String,
    /// What it does.
    pub body: BodyId,
    /// Its params, one a slot.
    pub args: Vec<ParamId>,
    /// When what the sources send reaches it: the first and the last step, counted from the
    /// step in which it is sent.
    pub arrival: (u64, u64),
    /// Where it is declared.
    pub place: Loc,
}

/// What one connection brings to an in port.
#[derive(Clone, Debug)]
pub struct Link {
    /// The receiving instance and port.
    pub to: (InstanceId, u32),
    /// Whose messages it needs.
    pub senders: Vec<Sender>,
    /// Values over the senders' messages ([`Op::Input`]).
    pub values: Vec<Value>,
    /// The message, of the receiving port's shape.
    pub result: ValueId,
    /// The connection in the source text.
    pub place: Loc,
}

/// A sender of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The instance and port.
    pub from: (InstanceId, u32),
    /// How many messages wait at most; none where the receiver always gets the last one sent.
    pub queue: Option<usize>,
    /// Whether some message is received in the phase and step in which it is sent.
    pub instant: bool,
}

/// A reset of one variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Reset {
    /// The instance and variable.
    pub var: (InstanceId, u32),
    /// At which steps.
    pub clock: ClockId,
    /// When in the step.
    pub when: When,
    /// The statement.
    pub place: Loc,
}

/// When in a step a reset happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Before the dynamics.
    Start,
    /// After a phase.
    After(Phase),
    /// After recording, between the step and the next.
    Host,
}

/// The phases of a step, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Spikes.
    Spk,
    /// Before learning.
    PreMgmt,
    /// Learning.
    Lrn,
    /// After learning.
    PostMgmt,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 4] = [Phase::Spk, Phase::PreMgmt, Phase::Lrn, Phase::PostMgmt];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Spk => "spk",
            Phase::PreMgmt => "pre_mgmt",
            Phase::Lrn => "lrn",
            Phase::PostMgmt => "post_mgmt",
        }
    }
}

impl Tensor {
    /// A constant in its form.
    pub fn of(kind: Kind, constant: Constant) -> Tensor {
        let shape = constant.shape().to_vec();
        let data = match constant {
            Constant::Dense(tensor) => Data::Dense(tensor),
            Constant::Sparse(sparse) => Data::Sparse(sparse),
        };
        Tensor { kind, shape, data }
    }

    /// The values, where they are here.
    pub fn constant(&self) -> Option<Constant> {
        match &self.data {
            Data::Dense(tensor) => Some(Constant::Dense(Arc::clone(tensor))),
            Data::Sparse(sparse) => Some(Constant::Sparse(Arc::clone(sparse))),
            Data::File(_) => None,
        }
    }
}

impl Network {
    /// What an instance does.
    pub fn body(&self, instance: InstanceId) -> &Body {
        &self.bodies[self.instances[instance.at()].body.at()]
    }

    /// A clock.
    pub fn clock(&self, id: ClockId) -> &Clock {
        &self.clocks[id.at()]
    }

    /// The number of a clock, which is added where it is new.
    pub fn clock_id(&mut self, clock: &Clock) -> ClockId {
        let known = self.clocks.get_index_of(clock);
        ClockId(known.unwrap_or_else(|| self.clocks.insert_full(clock.clone()).0) as u32)
    }

    /// `net.lif1.v`.
    pub fn member_path(&self, instance: InstanceId, member: Member) -> String {
        let body = self.body(instance);
        let name = match member {
            Member::Var(i) => &body.vars[i as usize].name,
            Member::Port(i) => &body.ports[i as usize].name,
        };
        format!("{}.{name}", self.instances[instance.at()].path)
    }
}
