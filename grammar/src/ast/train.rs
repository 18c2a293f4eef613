//! The syntax tree of a `train` block.

use super::{Arg, Binding, Expr, Ident, Path, Pattern, Run, Span, ValueRange};

/// `train NAME of NETWORK { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// What it shares with runs: its name, the network, and which models are taken.
    pub run: Run,
    /// Its other settings.
    pub members: Vec<TrainMember>,
}

/// One setting of a train block that no run has.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainMember {
    /// Which.
    pub kind: TrainMemberKind,
    /// The whole line.
    pub span: Span,
}

/// The settings of a train block that no run has.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainMemberKind {
    /// `data NAME = EXPR`: what a data item of the program is in training.
    Data(Binding),
    /// `const NAME = EXPR`: what a constant of the program is in training.
    Const(Binding),
    /// `sample EPOCH`.
    Sample(Path),
    /// `samples EXPR`.
    Samples(Expr),
    /// `learn …`.
    Learn(Box<Learn>),
    /// `loss …`.
    Loss {
        /// A variable, perhaps with a factor.
        value: Expr,
        /// `image.end`.
        at: Expr,
    },
    /// `slope NAME[(args)]`.
    Slope(Choice),
    /// `optimizer NAME[(args)]`.
    Optimizer(Choice),
    /// `decay NAME[(args)]`.
    Decay(Choice),
    /// `clip EXPR`.
    Clip(Expr),
    /// `batch EXPR`.
    Batch(Expr),
    /// `epochs EXPR`.
    Epochs(Expr),
    /// `shuffle seed EXPR`.
    Shuffle(Expr),
    /// `validate VALUE on last EXPR`.
    Validate {
        /// `accuracy(…)`, or `loss`.
        value: Expr,
        /// How many samples.
        last: Expr,
    },
    /// `stop after EXPR without gain`.
    Stop(Expr),
    /// `export "FILE"`.
    Export {
        /// The file's name.
        path: String,
        /// Where that stands.
        span: Span,
    },
}

/// `learn PARAMS [in RANGE] [step EXPR] [from EXPR [seed EXPR]] [lr EXPR]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Learn {
    /// The params.
    pub path: Pattern,
    /// The values that they may have.
    pub range: Option<ValueRange>,
    /// What these are multiples of.
    pub step: Option<Expr>,
    /// What they begin with.
    pub from: Option<Start>,
    /// A rate of their own.
    pub rate: Option<Expr>,
}

/// `from EXPR [seed EXPR]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// A value, or a distribution.
    pub value: Expr,
    /// The seed of a distribution.
    pub seed: Option<Expr>,
}

/// One of several that are known by name: `adam(lr: 0.001)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its name.
    pub name: Ident,
    /// Its settings.
    pub args: Vec<Arg>,
}
