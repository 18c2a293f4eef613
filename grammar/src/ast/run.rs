//! The syntax tree of a run.

use super::{Arg, Expr, Ident, Pattern, Span};

/// `run NAME of NETWORK { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name.
    pub name: Ident,
    /// The network that is run; it may take arguments: `of Mnist(images: 5)`.
    pub network: Expr,
    /// Its settings.
    pub members: Vec<RunMember>,
}

/// One setting of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunMember {
    /// Which.
    pub kind: RunMemberKind,
    /// The whole line.
    pub span: Span,
}

/// The settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunMemberKind {
    /// `models TAG`.
    Models(Ident),
    /// `model PROCESS_OR_INSTANCE = TAG`.
    Model {
        /// A process name or an instance path (globs allowed).
        of: Pattern,
        /// The tag.
        tag: Ident,
    },
    /// `target NAME[(args)]`.
    Target {
        /// `rust` or `loihi2`.
        name: Ident,
        /// Its options.
        args: Vec<Arg>,
    },
    /// `steps EXPR`.
    Steps(Expr),
    /// `record PATH [every N | at EPOCH.start | at EPOCH.end | at end]`.
    Record {
        /// What is kept.
        path: Pattern,
        /// When.
        when: RecordWhen,
    },
    /// `report EXPR`: a metric, `raster(path)`, `trace(path)`.
    Report(Expr),
    /// `expect EXPR`.
    Expect(Expr),
}

/// When a recording keeps a value.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordWhen {
    /// After every step.
    Always,
    /// `every N`: after steps with `t % N == 0`.
    Every(Expr),
    /// `at image.end`: after the epoch's steps.
    At(Expr),
    /// `at end`: after the last step.
    End,
}
