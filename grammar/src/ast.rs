//! The syntax tree of one `.snn` file.
//!
//! The tree says what was written, nothing about what it means: names are not
//! resolved, shapes and types are not checked, and keywords such as `models` or
//! `target` appear only where the grammar gives them meaning. Every node that a
//! diagnostic may point at carries its [`Span`].

mod run;
mod train;

pub use run::*;
pub use train::*;

/// A range of bytes in one source file: `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A name as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The text of the name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A file: its doc comment (`//!`) and its items in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Lines of the file's doc comment, without `//!` and one leading space.
    pub docs: Vec<String>,
    /// The items, in source order.
    pub items: Vec<Item>,
    /// The acknowledged warnings, in source order.
    pub allows: Vec<Allow>,
}

/// `allow CODE "reason"`: a warning that is accepted in the item, member or statement that
/// follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Allow {
    /// The code of the warning.
    pub code: Ident,
    /// Why it is accepted.
    pub reason: String,
    /// The item, member or statement that follows.
    pub about: Span,
    /// The whole line.
    pub span: Span,
}

/// One top-level item with its doc comment (`///`).
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Lines of the item's doc comment, without `///` and one leading space.
    pub docs: Vec<String>,
    /// What the item declares.
    pub kind: ItemKind,
    /// The whole item, without its doc comment.
    pub span: Span,
}

/// The kinds of top-level items.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `use "other.snn"`, `use "other.snn" as o`, `use "other.snn": A, B`
    Use(Use),
    /// `const NAME = EXPR`
    Const(Binding),
    /// `data NAME = EXPR`
    Data(Binding),
    /// `epoch NAME = every N steps [offset K]`
    Epoch(Epoch),
    /// `process NAME[…](…) { … }`
    Process(Process),
    /// `model TAG of PROCESS [(…)] [on RESOURCE, …] { … }`
    Model(Model),
    /// `network NAME[…](…) { … }`
    Network(Network),
    /// `run NAME of NETWORK { … }`
    Run(Run),
    /// `train NAME of NETWORK { … }`
    Train(Train),
}

impl ItemKind {
    /// The run that an item is, or that it makes to train a network.
    pub fn run(&self) -> Option<&Run> {
        match self {
            ItemKind::Run(run) => Some(run),
            ItemKind::Train(train) => Some(&train.run),
            _ => None,
        }
    }
}

/// `use "path"`: the other file's names, qualified by its stem or `alias`, or listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The path as written, relative to this file.
    pub path: String,
    /// Where the path stands.
    pub path_span: Span,
    /// `as NAME`.
    pub alias: Option<Ident>,
    /// The listed names; empty when the names come in qualified.
    pub names: Vec<Ident>,
}

/// `const NAME [: TYPE] = EXPR`, `data NAME = EXPR`, `let NAME [: TYPE] = EXPR`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The new name.
    pub name: Ident,
    /// The type, where one is written.
    pub ty: Option<Type>,
    /// What it stands for.
    pub value: Expr,
}

/// `epoch NAME = every N steps [offset K]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The clock's name.
    pub name: Ident,
    /// N, the period in steps.
    pub every: Expr,
    /// K, added to the first step (default 0).
    pub offset: Option<Expr>,
}

/// A shape parameter: `m` (one dimension) or `*s` (a whole shape).
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeParam {
    /// Whether it stands for any number of dimensions.
    pub spread: bool,
    /// Its name.
    pub name: Ident,
}

/// A parameter of a process, model or network: `vth: int = 10 in 0..=131071`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type; absent, the argument decides (`Classify(images)` with `(images)`).
    pub ty: Option<Type>,
    /// The value it has when the caller gives none.
    pub default: Option<Expr>,
    /// The range the hardware allows: `in LO..HI` or `in LO..=HI`.
    pub range: Option<ValueRange>,
    /// The whole parameter.
    pub span: Span,
}

/// `LO..HI` (without HI) or `LO..=HI` (with it), for a parameter's allowed values.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRange {
    /// The lowest allowed value.
    pub lo: Expr,
    /// The highest, or the one above it.
    pub hi: Expr,
    /// Whether `hi` itself is allowed.
    pub inclusive: bool,
}

/// `process NAME[shape params](params) { members }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its name.
    pub name: Ident,
    /// Its shape parameters.
    pub shape_params: Vec<ShapeParam>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Ports, state and, where there are any, the phases of its default model.
    pub members: Vec<ProcessMember>,
}

/// `model TAG of PROCESS [(params)] [on RESOURCE, …] { members }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The tag by which a run selects it.
    pub tag: Ident,
    /// The process it implements: a name, or names joined by dots.
    pub of: Path,
    /// Parameters whose type, default or range it redeclares.
    pub params: Vec<Param>,
    /// `cpu`, `embedded`, `neurocore`.
    pub resources: Vec<Ident>,
    /// Redeclared ports and state, constants, phases.
    pub members: Vec<ProcessMember>,
}

/// A dotted name: `lib.LIF`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Its parts; at least one.
    pub parts: Vec<Ident>,
    /// The whole path.
    pub span: Span,
}

/// Which way messages go through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `in`: receives.
    In,
    /// `out`: sends.
    Out,
}

/// `in NAME: TYPE` or `out NAME: TYPE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Lines of its doc comment.
    pub docs: Vec<String>,
    /// In or out.
    pub direction: Direction,
    /// Its name.
    pub name: Ident,
    /// The type of one message.
    pub ty: Type,
    /// The whole declaration.
    pub span: Span,
}

/// `var NAME: TYPE = INIT` or `buffer NAME: TYPE = INIT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Var {
    /// Lines of its doc comment.
    pub docs: Vec<String>,
    /// `buffer`: messages on their way, which a reset of the whole process leaves alone.
    pub in_flight: bool,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// Its initial value (default 0), which a reset restores.
    pub init: Option<Expr>,
    /// The whole declaration.
    pub span: Span,
}

/// What stands in a process or model.
#[derive(Clone, Debug, PartialEq)]
pub enum ProcessMember {
    /// A port.
    Port(Port),
    /// State.
    Var(Var),
    /// `const NAME = EXPR`: derived from the parameters once, before the first step.
    Const(Binding),
    /// What is kept of a parameter or message.
    Keeps(Keeps),
    /// A phase.
    Phase(Phase),
}

/// `keeps NAME as EXPR [, "advice"]`: where the two differ, something is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Keeps {
    /// A parameter or an in port.
    pub name: Ident,
    /// What the process makes of it.
    pub value: Expr,
    /// What to write so that nothing is lost.
    pub advice: Option<String>,
    /// The whole declaration.
    pub span: Span,
}

/// `phase NAME [when GUARD] { statements }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// `spk`, `pre_mgmt`, `lrn`, `post_mgmt`, `host`; the resolver checks it.
    pub name: Ident,
    /// The steps at which it runs.
    pub guard: Option<Expr>,
    /// What it does.
    pub body: Vec<Stmt>,
    /// From `phase` to the closing brace.
    pub span: Span,
}

/// A statement of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// The whole statement.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `target = value [where mask]`, `target += value`, `target[k] = value`.
    Assign {
        /// A name, or an indexed name.
        target: Expr,
        /// `None` for `=`, the operator for `+=` and its like.
        op: Option<BinaryOp>,
        /// The value.
        value: Expr,
        /// Elements for which it holds are assigned, the others kept.
        mask: Option<Expr>,
    },
    /// `if cond { … } [else { … }]`; `else if` nests.
    If {
        /// The condition.
        cond: Expr,
        /// Where it holds.
        then: Vec<Stmt>,
        /// Where it does not.
        els: Vec<Stmt>,
    },
    /// `let NAME [: TYPE] = EXPR`.
    Let(Binding),
}

/// `network NAME[shape params](params) { members }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: Ident,
    /// Its shape parameters.
    pub shape_params: Vec<ShapeParam>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Ports, parts, connections, resets, constants.
    pub members: Vec<NetworkMember>,
}

/// What stands in a network.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkMember {
    /// A port of the network itself.
    Port(Port),
    /// `NAME = PROCESS(args)`: a part.
    Part(Part),
    /// `a -> b -> c`.
    Connection(Connection),
    /// `reset …`.
    Reset(Reset),
    /// `const NAME = EXPR`.
    Const(Binding),
}

/// `NAME = PROCESS[shape](args)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The instance's name.
    pub name: Ident,
    /// A call of a process, network, `netx(…)` or `nir(…)`.
    pub value: Expr,
    /// The whole declaration.
    pub span: Span,
}

/// `a.x -> Dense(w) -> b`: the ends and everything between, at least two.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Ports, instances, processes in place (calls), views of ports (method calls,
    /// slices), `concat(a, b)`.
    pub hops: Vec<Expr>,
    /// The whole chain.
    pub span: Span,
}

/// `reset TARGETS every N [offset K] [stagger S] [in PHASE]` or
/// `reset TARGETS at EPOCH.start [skew none|auto]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reset {
    /// What is reset.
    pub targets: Vec<Pattern>,
    /// When.
    pub when: ResetWhen,
    /// `in PHASE`: `host` means between steps.
    pub phase: Option<Ident>,
    /// The whole statement.
    pub span: Span,
}

/// When a reset happens.
#[derive(Clone, Debug, PartialEq)]
pub enum ResetWhen {
    /// At steps with `t % every == offset % every`, later by `stagger` for each layer.
    Every {
        /// N.
        every: Expr,
        /// K, default 0.
        offset: Option<Expr>,
        /// S, default 0.
        stagger: Option<Expr>,
    },
    /// At an epoch's `start` or `end`.
    At {
        /// `image.start`.
        at: Expr,
        /// `none` or `auto`.
        skew: Option<Ident>,
    },
}

/// A path that may name several things: `net.lif*.{u, v}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Its parts; each a set of globs, any of which may match.
    pub parts: Vec<PatternPart>,
    /// The whole pattern.
    pub span: Span,
}

/// One part of a [`Pattern`].
#[derive(Clone, Debug, PartialEq)]
pub struct PatternPart {
    /// `lif*` is one glob; `{u, v}` are two. `*` stands for any run of characters.
    pub globs: Vec<String>,
    /// The part.
    pub span: Span,
}

/// A type: element, overflow policy, shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// The element type.
    pub elem: ElemType,
    /// `wrap` or `sat`, where written.
    pub overflow: Option<Overflow>,
    /// The dimensions in brackets; none for a scalar.
    pub shape: Vec<Dim>,
    /// The whole type.
    pub span: Span,
}

/// One dimension of a type's shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Dim {
    /// A constant expression over constants, parameters and shape parameters.
    Size(Expr),
    /// `*s`.
    Spread(Ident),
}

/// Element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElemType {
    /// 0 or 1.
    Spike,
    /// True or false.
    Bool,
    /// Any integer: a parameter of whatever width, state of 64 bits.
    Int,
    /// Signed integer of 1 to 32 bits, or 64.
    Signed(u8),
    /// Unsigned integer of 1 to 32 bits, or 64.
    Unsigned(u8),
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

/// What an assignment does with a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Keep the low bits.
    Wrap,
    /// Keep the nearest value that fits.
    Sat,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `42`, `10_000`, `0xff`.
    Int(i64),
    /// `1.5`, `1e-4`.
    Float(f64),
    /// `true`, `false`.
    Bool(bool),
    /// `"text"`.
    Str(String),
    /// A name.
    Name(String),
    /// `a.b`.
    Field(Box<Expr>, Ident),
    /// `f(x, n: y)`, `a.flatten()`, `LIF[64](vth: 1)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The arguments in order.
        args: Vec<Arg>,
    },
    /// `a[i, lo..hi, ..]`.
    Index(Box<Expr>, Vec<Subscript>),
    /// `-x`, `not x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
}

/// An argument: positional, or `name: value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The name, where written.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// What may stand between brackets after an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Subscript {
    /// One position.
    At(Expr),
    /// `lo..hi`; either may be absent.
    Range {
        /// First position, default 0.
        lo: Option<Expr>,
        /// Position after the last, default the size.
        hi: Option<Expr>,
        /// Where it stands.
        span: Span,
    },
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-x`
    Neg,
    /// `not x`, `!x`
    Not,
}

/// Operators of two operands, loosest first:
/// `or`/`||`; `and`/`&&`; (`not`); comparisons (not chained); `|`; `^`; `&`; `<<` `>>`;
/// `+` `-`; `*` `/` `%` `@`; (`-x`, `!x`); `**`, which is the only one to group from the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`, `||`
    Or,
    /// `and`, `&&`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `&`
    BitAnd,
    /// `<<`
    Shl,
    /// `>>`, arithmetic
    Shr,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`, true division
    Div,
    /// `%`, with the sign of the divisor
    Rem,
    /// `@`, weights times a vector
    MatMul,
    /// `**`
    Pow,
}
