//! Typed expressions over whole arrays, as the front builds them.
//!
//! An expression is a value of the network IR under construction: the same operations, over
//! leaves that the text names. The constructors here are the only way to make one: they check
//! kinds and shapes and insert the conversions that the language makes implicitly. What a type
//! is follows from kinds, shapes and stages, never from whether a value happens to be known.
//!
//! Where every operand is known, the result's value is computed beside the expression. An
//! expression without params is then just that constant; one with params stays, so that they
//! can change, and whoever decides something by its value asks [`Cx::structural`] for it.
//!
//! [`Cx::structural`]: super::Cx::structural

use snn_ir::data::Dataset;
use snn_ir::network::{Mark, Op, Stage};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::apply;
use snn_ir::tensor::generate::MOST;
use snn_ir::tensor::{Constant, Tensor, ops};
use std::collections::HashMap;
use std::sync::Arc;

/// An expression.
#[derive(Clone, Debug)]
pub struct TExpr {
    /// What its elements are.
    pub kind: Kind,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// How it is computed.
    pub node: Arc<Node>,
    /// When it is known.
    pub stage: Stage,
    /// Its value, where it is known already.
    pub(super) value: Option<Constant>,
    /// The params that it depends on, ascending.
    params: Arc<[u32]>,
    /// Whether it depends on a file that has not been read.
    unread: bool,
    /// What the source says of it as something that makes a spike.
    pub mark: Option<Mark>,
}

/// Something that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leaf {
    /// A param, by its number in the context.
    Param(u32),
    /// A variable of the instance, by position.
    Var(usize),
    /// An in port of the instance, by position: the message received in this step.
    Port(usize),
    /// A `let` of the phase, by position.
    Let(usize),
    /// An out port (second) of another instance (first): the last message it sent.
    Remote(usize, usize),
    /// A value that the run records, by position (in reports).
    Recorded(usize),
}

/// How an expression is computed.
#[derive(Clone, Debug)]
pub enum Node {
    /// Known now.
    Const(Constant),
    /// Known now, but not read.
    File(Arc<Dataset>),
    /// What a name stands for.
    Read(Leaf),
    /// An operation; never [`Op::Const`] or one of the other leaves but time and random numbers.
    Apply(Op, Vec<TExpr>),
}

/// Why an expression cannot be built, for a message at the place where it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// Two shapes that do not broadcast.
    Shapes(Vec<usize>, Vec<usize>),
    /// Two shapes that do not go together in another way, and what of them should be equal.
    Unlike([Vec<usize>; 2], Option<[Vec<usize>; 2]>),
    /// An operator that is not defined for a kind.
    Kind(String),
    /// An operator of integers, and whether each side is a float.
    Floats(&'static str, [bool; 2]),
    /// An array of this shape has more elements than this.
    TooLarge(Vec<usize>, usize),
    /// A sparse array of this shape where a dense one is needed, which would not fit in memory.
    Enormous(Vec<usize>),
}

pub(super) type Built = Result<TExpr, Mismatch>;

impl TExpr {
    /// A constant.
    pub fn constant(tensor: Tensor) -> TExpr {
        let kind = tensor.kind();
        TExpr::literal(kind, Constant::Dense(Arc::new(tensor)))
    }

    /// A constant, dense or sparse, of a kind that its values have.
    pub fn literal(kind: Kind, value: Constant) -> TExpr {
        TExpr {
            kind,
            shape: value.shape().to_vec(),
            node: Arc::new(Node::Const(value.clone())),
            stage: Stage::Once,
            value: Some(value),
            params: Arc::default(),
            unread: false,
            mark: None,
        }
    }

    /// A constant, dense or sparse.
    pub fn known(value: Constant) -> TExpr {
        TExpr::literal(value.kind(), value)
    }

    /// A constant integer.
    pub fn int(value: i64) -> TExpr {
        TExpr::constant(Tensor::scalar_int(value))
    }

    /// A tensor in a file.
    pub fn file(dataset: Arc<Dataset>) -> TExpr {
        let (kind, shape) = (dataset.elem.kind(), dataset.shape.clone());
        let node = Arc::new(Node::File(dataset));
        TExpr { unread: true, ..TExpr::new(kind, shape, node, Stage::Once) }
    }

    pub(super) fn new(kind: Kind, shape: Vec<usize>, node: Arc<Node>, stage: Stage) -> TExpr {
        let (value, params) = (None, Arc::default());
        TExpr { kind, shape, node, stage, value, params, unread: false, mark: None }
    }

    /// What a name stands for when the network runs.
    pub fn read(leaf: Leaf, kind: Kind, shape: Vec<usize>) -> TExpr {
        let node = Arc::new(Node::Read(leaf));
        TExpr::new(kind, shape, node, Stage::Step)
    }

    /// A param, with its value where it is known.
    pub fn param(number: u32, value: &TExpr) -> TExpr {
        let node = Arc::new(Node::Read(Leaf::Param(number)));
        TExpr {
            value: value.value.clone(),
            params: Arc::new([number]),
            unread: value.unread,
            ..TExpr::new(value.kind, value.shape.clone(), node, Stage::Once)
        }
    }

    /// The step counter.
    pub fn time() -> TExpr {
        TExpr::leaf(Op::Time, Kind::Int, Vec::new())
    }

    /// Uniform numbers in [0, 1).
    pub fn random(seed: u64, call: u32, shape: Vec<usize>) -> TExpr {
        let site = snn_ir::network::Site::Call(call);
        TExpr::leaf(Op::Random { seed, site }, Kind::F64, shape)
    }

    fn leaf(op: Op, kind: Kind, shape: Vec<usize>) -> TExpr {
        TExpr::new(kind, shape, Arc::new(Node::Apply(op, Vec::new())), Stage::Step)
    }

    /// Its value, where it is known already; nothing may be decided by it.
    pub fn value(&self) -> Option<&Constant> {
        self.value.as_ref()
    }

    /// The same expression with its value found out: an expression over files that were read.
    pub(super) fn with_value(self, value: Constant) -> TExpr {
        match self.params.is_empty() {
            true => TExpr::literal(self.kind, value),
            false => TExpr { value: Some(value), ..self },
        }
    }

    /// The params that it depends on, ascending.
    pub fn params(&self) -> &[u32] {
        &self.params
    }

    /// Whether it depends on a file that has not been read.
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    /// The constant, where it is one and dense.
    pub fn as_const(&self) -> Option<&Arc<Tensor>> {
        match &*self.node {
            Node::Const(Constant::Dense(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// The value of a constant scalar integer (or boolean, as 0 and 1, or a float that is whole).
    pub fn as_int(&self) -> Option<i64> {
        match &*self.node {
            Node::Const(constant) => constant.as_int(),
            _ => None,
        }
    }

    /// Whether it is a scalar.
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Whether it is the same at every step.
    pub fn is_static(&self) -> bool {
        self.stage == Stage::Once
    }

    /// Whether it depends on nothing but `t` and what is known before the first step.
    pub fn is_function_of_time(&self) -> bool {
        match &*self.node {
            _ if self.is_static() => !self.unread,
            Node::Apply(Op::Random { .. }, _) | Node::Read(_) => false,
            Node::Apply(_, args) => args.iter().all(TExpr::is_function_of_time),
            Node::Const(_) | Node::File(_) => true,
        }
    }

    /// An operation whose result has this kind and shape. `known` computes its value.
    pub(super) fn apply(
        op: Op,
        args: Vec<TExpr>,
        (kind, shape): (Kind, Vec<usize>),
        known: impl FnOnce(&[&Constant]) -> Option<Constant>,
    ) -> TExpr {
        let values: Option<Vec<&Constant>> = args.iter().map(|a| a.value.as_ref()).collect();
        let value = values.filter(|v| !v.is_empty()).and_then(|v| known(&v));
        TExpr::applied(op, args, (kind, shape), value)
    }

    /// An operation whose result has this kind, shape and value.
    fn applied(
        op: Op,
        args: Vec<TExpr>,
        (kind, shape): (Kind, Vec<usize>),
        value: Option<Constant>,
    ) -> TExpr {
        let stage = args.iter().map(|a| a.stage).max().unwrap_or(Stage::Once);
        let params = params_of(&args);
        if let (Some(value), true) = (&value, params.is_empty()) {
            return TExpr::literal(kind, value.clone());
        }
        // Values of operands are found again when they are needed; kept, they would fill memory.
        let args: Vec<TExpr> = args.into_iter().map(TExpr::without_value).collect();
        let unread = args.iter().any(|a: &TExpr| a.unread);
        let node = Arc::new(Node::Apply(op, args));
        TExpr { value, params, unread, ..TExpr::new(kind, shape, node, stage) }
    }

    pub(super) fn without_value(self) -> TExpr {
        match &*self.node {
            Node::Const(_) => self,
            _ => TExpr { value: None, ..self },
        }
    }

    /// A scalar operation on operands whose kinds are those that it needs; they are stretched to
    /// the shape of the result.
    fn scalar(op: scalar::Op, kind: Kind, operands: Vec<TExpr>) -> Built {
        let mut shape: Vec<usize> = Vec::new();
        for operand in operands.iter().filter(|operand| !operand.is_scalar()) {
            shape = ops::broadcast(&shape, &operand.shape)
                .ok_or_else(|| Mismatch::Shapes(shape.clone(), operand.shape.clone()))?;
        }
        let is_sparse = |o: &TExpr| matches!(o.value, Some(Constant::Sparse(_)));
        let forms = operands.iter().map(|o| (o.shape.as_slice(), is_sparse(o)));
        if !apply::stays_sparse(forms) && !operands.iter().any(TExpr::is_enormous) {
            bounded(&shape, operands.iter().all(TExpr::is_static))?;
        }
        let of = operands.last().map_or(kind, |o| o.kind);
        let values: Option<Vec<&Constant>> = operands.iter().map(|o| o.value.as_ref()).collect();
        let value = match values {
            Some(values) => match apply::scalar(op, of, &values) {
                Some(value) => Some(apply::broadcast(&shape, &value).unwrap_or(value)),
                None => return Err(enormous(&operands)),
            },
            None => {
                // What is sparse meets what only a step knows.
                if let Some(operand) = operands.iter().find(|o| o.is_enormous()) {
                    return Err(Mismatch::Enormous(operand.shape.clone()));
                }
                None
            }
        };
        if let Some(value) = &value
            && operands.iter().all(|o| o.params.is_empty())
        {
            return Ok(TExpr::literal(kind, value.clone()));
        }
        let operands = operands.into_iter().map(|o| o.operand(&shape)).collect();
        Ok(TExpr::applied(Op::Scalar(op), operands, (kind, shape), value))
    }

    /// Whether it is a sparse constant that cannot be written out.
    pub(super) fn is_enormous(&self) -> bool {
        match &self.value {
            Some(Constant::Sparse(sparse)) => sparse.len() > MOST,
            _ => false,
        }
    }

    /// As an operand of a scalar operation of this shape: of the shape, or a scalar.
    fn operand(self, shape: &[usize]) -> TExpr {
        if self.shape == shape || self.is_scalar() {
            return self;
        }
        if self.shape.iter().all(|n| *n == 1) {
            return self.reshape(Vec::new());
        }
        self.stretched(shape)
    }

    /// Stretched to `shape`, a broadcast of its own. Constants stay as small as they are.
    pub fn stretched(self, shape: &[usize]) -> TExpr {
        if self.shape == shape {
            return self;
        }
        let (kind, stage, params, unread) =
            (self.kind, self.stage, Arc::clone(&self.params), self.unread);
        let value = self.value.as_ref().filter(|_| !params.is_empty());
        let value = value.and_then(|v| apply::broadcast(shape, v));
        let node = Arc::new(Node::Apply(Op::Broadcast, vec![self.without_value()]));
        TExpr { value, params, unread, ..TExpr::new(kind, shape.to_vec(), node, stage) }
    }

    /// Converted to `kind`; itself where it has that kind.
    pub fn convert(self, kind: Kind) -> TExpr {
        if self.kind == kind {
            return self;
        }
        let shape = self.shape.clone();
        let op = Op::Scalar(scalar::Op::Convert(kind));
        TExpr::apply(op, vec![self], (kind, shape), |v| Some(v.first()?.convert(kind)))
    }

    /// As a condition: numbers count as true where they are not 0.
    pub fn truth(self) -> TExpr {
        self.convert(Kind::Bool)
    }

    /// An operator of one operand.
    pub fn unary(op: scalar::Op, a: TExpr) -> Built {
        let a = match (op, a.kind) {
            (scalar::Op::Not, Kind::Bool) => a,
            (scalar::Op::Not, _) => {
                return Err(Mismatch::Kind("`not` needs a boolean".into()));
            }
            (_, Kind::Bool) => a.convert(Kind::Int),
            _ => a,
        };
        TExpr::scalar(op, a.kind, vec![a])
    }

    /// An operator of two operands, which are converted to a common kind and stretched.
    pub fn binary(op: scalar::Op, a: TExpr, b: TExpr) -> Built {
        let kind = operand_kind(op, &a, &b)?;
        let result = if op.is_comparison() { Kind::Bool } else { kind };
        TExpr::scalar(op, result, vec![a.convert(kind), b.convert(kind)])
    }

    /// Elementwise choice. A constant condition picks a side.
    pub fn select(cond: TExpr, then: TExpr, els: TExpr) -> Built {
        let cond = cond.truth();
        let kind = common_kind(&then, &els);
        let (then, els) = (then.convert(kind), els.convert(kind));
        if let (Some(c), true) = (cond.as_const(), cond.is_scalar()) {
            let holds = **c == Tensor::scalar_bool(true);
            let shape = ops::broadcast(&then.shape, &els.shape)
                .ok_or_else(|| Mismatch::Shapes(then.shape.clone(), els.shape.clone()))?;
            let chosen = if holds { then } else { els };
            if chosen.shape != shape {
                bounded(&shape, chosen.is_static())?;
            }
            let literal = chosen.value.as_ref().filter(|_| chosen.params.is_empty());
            if let Some(value) = literal.and_then(|v| apply::broadcast(&shape, v)) {
                return Ok(TExpr::literal(kind, value));
            }
            return Ok(chosen.stretched(&shape));
        }
        TExpr::scalar(scalar::Op::Select, kind, vec![cond, then, els])
    }

    /// The low `bits` of integers. A float is first truncated toward zero.
    pub fn wrap(self, bits: u8, signed: bool) -> Built {
        let value = self.convert(Kind::Int);
        TExpr::scalar(scalar::Op::Wrap { bits, signed }, Kind::Int, vec![value])
    }

    /// `tz(x·(4096 − d), 12)` of integers.
    pub fn decay(x: TExpr, d: TExpr) -> Built {
        if x.kind.is_float() || d.kind.is_float() {
            let hint = "`decay` is integer arithmetic; for floats write `x * (1 - d)`";
            return Err(Mismatch::Kind(hint.into()));
        }
        let operands = vec![x.convert(Kind::Int), d.convert(Kind::Int)];
        TExpr::scalar(scalar::Op::Decay, Kind::Int, operands)
    }

    /// A function of floats; integers are converted.
    pub fn math(op: scalar::Op, a: TExpr) -> Built {
        let a = if a.kind == Kind::F32 { a } else { a.convert(Kind::F64) };
        TExpr::scalar(op, a.kind, vec![a])
    }

    /// Its operands, in order.
    pub fn children(&self) -> &[TExpr] {
        match &*self.node {
            Node::Apply(_, args) => args,
            _ => &[],
        }
    }

    /// The same operation on other operands of the same kinds and shapes.
    pub fn with_children(&self, args: Vec<TExpr>) -> TExpr {
        let Node::Apply(op, _) = &*self.node else { return self.clone() };
        let known = |v: &[&Constant]| {
            let shapes = (self.kind, self.shape.as_slice());
            snn_ir::network::evaluate::apply(op, shapes, v)
        };
        TExpr::apply(op.clone(), args, (self.kind, self.shape.clone()), known)
    }

    /// The same expression with leaves of steps replaced by others of the same kind and shape.
    pub fn map_reads(&self, f: &mut impl FnMut(Leaf) -> Leaf) -> TExpr {
        match &*self.node {
            _ if self.is_static() => self.clone(),
            Node::Read(leaf) => TExpr::read(f(*leaf), self.kind, self.shape.clone()),
            Node::Apply(_, args) if !args.is_empty() => {
                let args = args.iter().map(|a| a.map_reads(f)).collect();
                TExpr { mark: self.mark, ..self.with_children(args) }
            }
            _ => self.clone(),
        }
    }

    /// The same expression with params replaced by their values.
    pub fn with_params(&self, values: &dyn Fn(u32) -> Option<TExpr>) -> TExpr {
        self.substituted(values, &mut HashMap::new())
    }

    fn substituted(
        &self,
        values: &dyn Fn(u32) -> Option<TExpr>,
        done: &mut HashMap<*const Node, TExpr>,
    ) -> TExpr {
        if self.params.is_empty() {
            return self.clone();
        }
        let key = Arc::as_ptr(&self.node);
        if let Some(known) = done.get(&key) {
            return known.clone();
        }
        let result = match &*self.node {
            Node::Read(Leaf::Param(n)) => values(*n).unwrap_or_else(|| self.clone()),
            Node::Apply(..) => {
                let args = self.children().iter().map(|a| a.substituted(values, done)).collect();
                self.with_children(args)
            }
            _ => self.clone(),
        };
        done.insert(key, result.clone());
        result
    }

    /// Calls `f` on every leaf of a step that is read, in order.
    pub fn for_each_read(&self, f: &mut impl FnMut(Leaf)) {
        if self.is_static() {
            return;
        }
        if let Node::Read(leaf) = &*self.node {
            f(*leaf);
        }
        for child in self.children() {
            child.for_each_read(f);
        }
    }
}

/// The params that expressions depend on, ascending. Mostly only one of them depends on any.
fn params_of(args: &[TExpr]) -> Arc<[u32]> {
    let mut some = args.iter().map(|a| &a.params).filter(|params| !params.is_empty());
    let Some(first) = some.next() else { return Arc::default() };
    if some.all(|params| params == first) {
        return Arc::clone(first);
    }
    let mut all: Vec<u32> = args.iter().flat_map(|a| a.params.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all.into()
}

/// The sparse operand that cannot be written out.
pub(super) fn enormous(operands: &[TExpr]) -> Mismatch {
    let operand = operands.iter().find(|o| o.is_enormous()).or(operands.first());
    Mismatch::Enormous(operand.map(|o| o.shape.clone()).unwrap_or_default())
}

/// The most elements of an array that a program declares, or that a step computes.
pub const LARGEST: usize = (1 << 31) - 1;

/// Requires that an array is not too large: one that is known before the first step is kept whole.
pub(super) fn bounded(shape: &[usize], known: bool) -> Result<(), Mismatch> {
    let most = if known { MOST } else { LARGEST };
    let elements = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
    match elements.is_some_and(|n| n <= most) {
        true => Ok(()),
        false => Err(Mismatch::TooLarge(shape.to_vec(), most)),
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Bool => 0,
        Kind::Int => 1,
        Kind::F32 => 2,
        Kind::F64 => 3,
    }
}

pub(super) fn wider(a: Kind, b: Kind) -> Kind {
    if rank(a) >= rank(b) { a } else { b }
}

/// The kind to which two operands are converted. An integer array and `f32` meet in `f64`, as
/// integers do not fit single precision; a scalar that is known before the first step takes the
/// other side's precision.
fn common_kind(a: &TExpr, b: &TExpr) -> Kind {
    let weak = |e: &TExpr| e.is_scalar() && e.is_static();
    match (a.kind, b.kind) {
        (Kind::F32, Kind::F64 | Kind::Int) if weak(b) => Kind::F32,
        (Kind::F64 | Kind::Int, Kind::F32) if weak(a) => Kind::F32,
        (Kind::F32, Kind::Int) | (Kind::Int, Kind::F32) => Kind::F64,
        (x, y) => wider(x, y),
    }
}

/// The kind of sums of weights times inputs.
pub(super) fn sum_kind(weights: &TExpr, input: &TExpr) -> Kind {
    if weights.kind.is_float() || input.kind.is_float() { Kind::F64 } else { Kind::Int }
}

fn operand_kind(op: scalar::Op, a: &TExpr, b: &TExpr) -> Result<Kind, Mismatch> {
    use scalar::Op;
    let kind = common_kind(a, b);
    let number = if kind == Kind::Bool { Kind::Int } else { kind };
    let sides = [a.kind.is_float(), b.kind.is_float()];
    let bad = |message| Err(Mismatch::Floats(message, sides));
    match op {
        Op::And | Op::Or | Op::Xor if kind.is_float() => {
            bad("bit operators need integers or booleans")
        }
        Op::And | Op::Or | Op::Xor => Ok(kind),
        Op::Shl | Op::Shr | Op::FloorDiv if kind.is_float() => {
            bad("shifts and `div` need integers")
        }
        Op::Div | Op::Pow if !kind.is_float() => Ok(Kind::F64),
        _ => Ok(number),
    }
}
