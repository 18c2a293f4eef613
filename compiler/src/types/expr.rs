//! Typed expressions over whole arrays.
//!
//! Every node has a kind and a shape. The constructors here are the only way to make one:
//! they check kinds and shapes, insert the conversions that the language makes implicitly,
//! and fold what is constant, so that "evaluate" and "type-check" are the same act.

use super::sparse::{Lifted, dense, lift};
use crate::data::Dataset;
use crate::ir::{BinOp, Kind, MathFn, ReduceOp, UnOp};
use crate::tensor::{Constant, Sparse, Tensor, Values, conv, ops};
use snn_runtime::kernels::Geometry;
use std::sync::Arc;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct TExpr {
    /// What its elements are.
    pub kind: Kind,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// How it is computed.
    pub node: Node,
}

/// Something whose value is known only when the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leaf {
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
    /// A buffer of the step IR, by number (in schedules).
    Buffer(u32),
}

/// How an expression is computed. Operands have the kind and (after broadcasting) the shape
/// that the operator needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Known now.
    Const(Arc<Tensor>),
    /// Known now, and mostly of one value. In what runs it stands on the left of `@` only.
    Sparse(Arc<Sparse>),
    /// Known now, but not read.
    File(Arc<Dataset>),
    /// Known when it runs.
    Read(Leaf),
    /// The step counter.
    Time,
    /// One operand.
    Unary(UnOp, Box<TExpr>),
    /// Two operands of one kind; shapes broadcast.
    Binary(BinOp, Box<TExpr>, Box<TExpr>),
    /// Elementwise choice.
    Select(Box<TExpr>, Box<TExpr>, Box<TExpr>),
    /// Conversion to this node's kind.
    Convert(Box<TExpr>),
    /// The low bits of integers.
    Wrap {
        /// How many.
        bits: u8,
        /// Sign-extended, or not.
        signed: bool,
        /// Of what.
        value: Box<TExpr>,
    },
    /// `tz(x·(4096 − d), 12)`.
    Decay(Box<TExpr>, Box<TExpr>),
    /// A function of floats.
    Math(MathFn, Box<TExpr>),
    /// Uniform numbers in [0, 1).
    Random {
        /// From the source.
        seed: u64,
        /// Which use of `random` this is.
        site: u32,
    },
    /// Axis `k` is axis `axes[k]` of the operand.
    Transpose(Vec<usize>, Box<TExpr>),
    /// `lo..hi` of each axis.
    Slice(Vec<(usize, usize)>, Box<TExpr>),
    /// The same elements in C order under this node's shape.
    Reshape(Box<TExpr>),
    /// Element `index` (a scalar) along the first axis, which disappears.
    Index {
        /// Which.
        index: Box<TExpr>,
        /// Of what.
        of: Box<TExpr>,
    },
    /// Joined along an axis.
    Concat(usize, Vec<TExpr>),
    /// `weights[…, n] · vector[n]`.
    MatMul {
        /// Known now, of this node's kind.
        weights: Constant,
        /// Of this node's kind.
        vector: Box<TExpr>,
    },
    /// The convolution of an input of shape `geometry.input`.
    Conv {
        /// Known now, of shape `geometry.weights()` and this node's kind.
        weights: Arc<Tensor>,
        /// Of this node's kind.
        input: Box<TExpr>,
        /// Its sizes.
        geometry: Geometry,
    },
    /// One value from all elements.
    Reduce(ReduceOp, Box<TExpr>),
}

/// Why an expression cannot be built, for a message at the place where it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// Two shapes that do not broadcast.
    Shapes(Vec<usize>, Vec<usize>),
    /// An operator that is not defined for a kind.
    Kind(String),
    /// A sparse array of this shape where a dense one is needed, which would not fit in memory.
    Enormous(Vec<usize>),
}

type Built = Result<TExpr, Mismatch>;

impl TExpr {
    /// A constant.
    pub fn constant(tensor: Tensor) -> TExpr {
        TExpr::constant_of(tensor.kind(), tensor)
    }

    pub(super) fn constant_of(kind: Kind, tensor: Tensor) -> TExpr {
        TExpr { kind, shape: tensor.shape.clone(), node: Node::Const(Arc::new(tensor)) }
    }

    /// A constant integer.
    pub fn int(value: i64) -> TExpr {
        TExpr::constant(Tensor::scalar_int(value))
    }

    /// A tensor in a file.
    pub fn file(dataset: Arc<Dataset>) -> TExpr {
        TExpr { kind: dataset.elem.kind(), shape: dataset.shape.clone(), node: Node::File(dataset) }
    }

    /// A value known when the network runs.
    pub fn read(leaf: Leaf, kind: Kind, shape: Vec<usize>) -> TExpr {
        TExpr { kind, shape, node: Node::Read(leaf) }
    }

    /// The step counter.
    pub fn time() -> TExpr {
        TExpr { kind: Kind::Int, shape: Vec::new(), node: Node::Time }
    }

    /// The constant, where it is one and has been read.
    pub fn as_const(&self) -> Option<&Arc<Tensor>> {
        match &self.node {
            Node::Const(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The value of a constant scalar integer (or boolean, as 0 and 1, or a float that is whole).
    pub fn as_int(&self) -> Option<i64> {
        let tensor = self.as_const().filter(|t| t.len() == 1)?;
        match &tensor.values {
            Values::Int(v) => v.first().copied(),
            Values::Bool(v) => v.first().map(|b| i64::from(*b)),
            Values::Float(v) => {
                v.first().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| *x as i64)
            }
        }
    }

    /// Whether it is a scalar.
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Converted to `kind`; itself where it has that kind.
    pub fn convert(self, kind: Kind) -> TExpr {
        if self.kind == kind {
            return self;
        }
        if let Some(c) = self.as_const() {
            return TExpr::constant_of(kind, c.convert(kind));
        }
        if let Some(s) = self.as_sparse() {
            return TExpr::sparse_of(kind, s.with_palette(s.palette().convert(kind)));
        }
        TExpr { kind, shape: self.shape.clone(), node: Node::Convert(Box::new(self)) }
    }

    /// Stretched to `shape`; itself where it has it. Scalars stay scalars inside operators;
    /// this is for values that must have their full shape.
    pub fn fold_to(self, shape: &[usize]) -> TExpr {
        match self.as_const() {
            Some(c) if c.shape != shape => TExpr::constant_of(self.kind, c.broadcast_to(shape)),
            _ => self,
        }
    }

    /// An operator of one operand.
    pub fn unary(op: UnOp, a: TExpr) -> Built {
        let a = match (op, a.kind) {
            (UnOp::Not, Kind::Bool) => a,
            (UnOp::Not, _) => {
                return Err(Mismatch::Kind("`not` needs a boolean; write `x == 0`".into()));
            }
            (_, Kind::Bool) => a.convert(Kind::Int),
            _ => a,
        };
        if let Some(c) = a.as_const() {
            return Ok(TExpr::constant_of(a.kind, ops::unary(op, c)));
        }
        if let Some(s) = a.as_sparse() {
            return Ok(TExpr::sparse_of(a.kind, s.with_palette(ops::unary(op, s.palette()))));
        }
        Ok(TExpr { kind: a.kind, shape: a.shape.clone(), node: Node::Unary(op, Box::new(a)) })
    }

    /// An operator of two operands, which are converted to a common kind and broadcast.
    pub fn binary(op: BinOp, a: TExpr, b: TExpr) -> Built {
        let [a, b] = match lift([a, b], |[a, b]| TExpr::binary(op, a, b))? {
            Lifted::Done(result) => return Ok(result),
            Lifted::Plain(operands) => operands,
        };
        let kind = operand_kind(op, &a, &b)?;
        let (a, b) = (a.convert(kind), b.convert(kind));
        let shape = ops::broadcast(&a.shape, &b.shape)
            .ok_or_else(|| Mismatch::Shapes(a.shape.clone(), b.shape.clone()))?;
        let result = if op.is_comparison() { Kind::Bool } else { kind };
        if let (Some(x), Some(y)) = (a.as_const(), b.as_const()) {
            let folded = ops::binary(op, kind, x, y)
                .ok_or_else(|| Mismatch::Kind(format!("{op:?} is not defined for {kind:?}")))?;
            return Ok(TExpr::constant_of(result, folded));
        }
        Ok(TExpr { kind: result, shape, node: Node::Binary(op, Box::new(a), Box::new(b)) })
    }

    /// Elementwise choice. A condition known now picks a side whole, so that the other one may
    /// be nonsense (a negative shift, say).
    pub fn select(cond: TExpr, then: TExpr, els: TExpr) -> Built {
        let [cond, then, els] =
            match lift([cond, then, els], |[cond, then, els]| TExpr::select(cond, then, els))? {
                Lifted::Done(result) => return Ok(result),
                Lifted::Plain(operands) => operands,
            };
        let cond = cond.truth();
        let kind = common_kind(&then, &els);
        let (then, els) = (then.convert(kind), els.convert(kind));
        let of = |a: &[usize], b: &[usize]| {
            ops::broadcast(a, b).ok_or_else(|| Mismatch::Shapes(a.to_vec(), b.to_vec()))
        };
        let shape = of(&of(&then.shape, &els.shape)?, &cond.shape)?;
        if let (Some(c), true) = (cond.as_const(), cond.is_scalar()) {
            let chosen = if **c == Tensor::scalar_bool(true) { then } else { els };
            return Ok(if chosen.shape == shape { chosen } else { chosen.fold_to(&shape) });
        }
        if let (Some(c), Some(x), Some(y)) = (cond.as_const(), then.as_const(), els.as_const())
            && let Some(folded) = ops::select(c, x, y)
        {
            return Ok(TExpr::constant_of(kind, folded));
        }
        let node = Node::Select(Box::new(cond), Box::new(then), Box::new(els));
        Ok(TExpr { kind, shape, node })
    }

    /// As a condition: numbers count as true where they are not 0.
    pub fn truth(self) -> TExpr {
        self.convert(Kind::Bool)
    }

    /// The low `bits` of integers. A float is first truncated toward zero.
    pub fn wrap(self, bits: u8, signed: bool) -> TExpr {
        let value = self.convert(Kind::Int);
        if let Some(c) = value.as_const() {
            return TExpr::constant_of(Kind::Int, ops::wrap(bits, signed, c));
        }
        if let Some(s) = value.as_sparse() {
            let low = ops::wrap(bits, signed, s.palette());
            return TExpr::sparse_of(Kind::Int, s.with_palette(low));
        }
        let shape = value.shape.clone();
        TExpr { kind: Kind::Int, shape, node: Node::Wrap { bits, signed, value: Box::new(value) } }
    }

    /// `tz(x·(4096 − d), 12)` of integers.
    pub fn decay(x: TExpr, d: TExpr) -> Built {
        let [x, d] = match lift([x, d], |[x, d]| TExpr::decay(x, d))? {
            Lifted::Done(result) => return Ok(result),
            Lifted::Plain(operands) => operands,
        };
        if !matches!((x.kind, d.kind), (Kind::Int | Kind::Bool, Kind::Int | Kind::Bool)) {
            let hint = "`decay` is integer arithmetic; for floats write `x * (1 - d)`";
            return Err(Mismatch::Kind(hint.into()));
        }
        let (x, d) = (x.convert(Kind::Int), d.convert(Kind::Int));
        let shape = ops::broadcast(&x.shape, &d.shape)
            .ok_or_else(|| Mismatch::Shapes(x.shape.clone(), d.shape.clone()))?;
        if let (Some(a), Some(b)) = (x.as_const(), d.as_const())
            && let Some(folded) = ops::decay(a, b)
        {
            return Ok(TExpr::constant_of(Kind::Int, folded));
        }
        Ok(TExpr { kind: Kind::Int, shape, node: Node::Decay(Box::new(x), Box::new(d)) })
    }

    /// A function of floats; integers are converted.
    pub fn math(f: MathFn, a: TExpr) -> TExpr {
        let a = if a.kind == Kind::F32 { a } else { a.convert(Kind::F64) };
        if let Some(c) = a.as_const() {
            return TExpr::constant_of(a.kind, ops::math(f, a.kind, c));
        }
        if let Some(s) = a.as_sparse() {
            return TExpr::sparse_of(a.kind, s.with_palette(ops::math(f, a.kind, s.palette())));
        }
        TExpr { kind: a.kind, shape: a.shape.clone(), node: Node::Math(f, Box::new(a)) }
    }

    /// Uniform numbers in [0, 1).
    pub fn random(seed: u64, site: u32, shape: Vec<usize>) -> TExpr {
        TExpr { kind: Kind::F64, shape, node: Node::Random { seed, site } }
    }

    /// Axis `k` of the result is axis `axes[k]`; `axes` must be a permutation.
    pub fn transpose(self, axes: Vec<usize>) -> TExpr {
        if let Some(c) = self.as_const() {
            return TExpr::constant_of(self.kind, c.transpose(&axes));
        }
        if let Some(s) = self.as_sparse().filter(|_| axes == [1, 0]).and_then(|s| s.transpose()) {
            return TExpr::sparse_of(self.kind, s);
        }
        let shape = axes.iter().map(|a| self.shape[*a]).collect();
        TExpr { kind: self.kind, shape, node: Node::Transpose(axes, Box::new(self)) }
    }

    /// `lo..hi` of each axis, in bounds.
    pub fn slice(self, ranges: Vec<(usize, usize)>) -> TExpr {
        if ranges.iter().zip(&self.shape).all(|((lo, hi), size)| *lo == 0 && hi == size) {
            return self;
        }
        if let Some(c) = self.as_const() {
            return TExpr::constant_of(self.kind, c.slice(&ranges));
        }
        if let Some(s) = self.as_sparse() {
            return TExpr::sparse_of(self.kind, s.slice(&ranges));
        }
        let shape = ranges.iter().map(|(lo, hi)| hi - lo).collect();
        TExpr { kind: self.kind, shape, node: Node::Slice(ranges, Box::new(self)) }
    }

    /// The same elements under a shape of as many.
    pub fn reshape(self, shape: Vec<usize>) -> TExpr {
        if self.shape == shape {
            return self;
        }
        if let Some(c) = self.as_const() {
            return TExpr::constant_of(self.kind, c.reshape(shape));
        }
        if let Some(s) = self.as_sparse() {
            if let Some(s) = s.reshape(shape.clone()) {
                return TExpr::sparse_of(self.kind, s);
            }
            if let Some(all) = s.dense() {
                return TExpr::constant_of(self.kind, all.reshape(shape));
            }
        }
        TExpr { kind: self.kind, shape, node: Node::Reshape(Box::new(self)) }
    }

    /// The element at a computed position along the first axis.
    pub fn index(self, index: TExpr) -> TExpr {
        let shape = self.shape.get(1..).unwrap_or_default().to_vec();
        let node =
            Node::Index { index: Box::new(index.convert(Kind::Int)), of: Box::new(self.clone()) };
        TExpr { kind: self.kind, shape, node }
    }

    /// Joined along `axis`; the other sizes must agree.
    pub fn concat(parts: Vec<TExpr>, axis: usize) -> Built {
        let mut kind = Kind::Bool;
        let mut shape = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if i == 0 {
                (kind, shape) = (part.kind, part.shape.clone());
                continue;
            }
            kind = wider(kind, part.kind);
            let same = part.shape.len() == shape.len()
                && (0..shape.len()).all(|a| a == axis || part.shape[a] == shape[a]);
            if !same {
                return Err(Mismatch::Shapes(shape, part.shape.clone()));
            }
            shape[axis] += part.shape[axis];
        }
        if axis >= shape.len() {
            return Err(Mismatch::Kind("`concat` joins arrays, not scalars".into()));
        }
        let parts = parts.into_iter().map(|p| dense([p]).map(|[p]| p.convert(kind)));
        let parts: Vec<TExpr> = parts.collect::<Result<_, _>>()?;
        let known = parts.iter().map(|p| p.as_const().map(|c| Tensor::clone(c)));
        if let Some(known) = known.collect::<Option<Vec<Tensor>>>()
            && let Some(joined) = ops::join(&known, axis)
        {
            return Ok(TExpr::constant_of(kind, joined));
        }
        Ok(TExpr { kind, shape, node: Node::Concat(axis, parts) })
    }

    /// `weights · vector`.
    pub fn matmul(weights: TExpr, vector: TExpr) -> Built {
        let [vector] = dense([vector])?;
        let [weights] = match weights.as_sparse() {
            Some(s) if s.is_zero_elsewhere() => [weights],
            _ => dense([weights])?,
        };
        if weights.as_const().is_none() && weights.as_sparse().is_none() {
            return Err(Mismatch::Kind(
                "the left side of `@` must be known before the first step".into(),
            ));
        }
        let Some((n, rows)) = weights.shape.split_last() else {
            return Err(Mismatch::Kind("the left side of `@` must have axes".into()));
        };
        if vector.shape != [*n] {
            return Err(Mismatch::Shapes(weights.shape.clone(), vector.shape.clone()));
        }
        let kind = sum_kind(&weights, &vector);
        let shape = rows.to_vec();
        let vector = vector.convert(kind);
        let weights = match weights.convert(kind).node {
            Node::Sparse(w) => Constant::Sparse(w),
            Node::Const(w) => Constant::Dense(w),
            _ => return Err(Mismatch::Kind("the left side of `@` is not known".into())),
        };
        let folded = vector.as_const().and_then(|v| match &weights {
            Constant::Dense(w) => ops::matmul(w, v),
            Constant::Sparse(w) => w.matmul(v),
        });
        if let Some(folded) = folded {
            return Ok(TExpr::constant_of(kind, folded));
        }
        let node = Node::MatMul { weights, vector: Box::new(vector) };
        Ok(TExpr { kind, shape, node })
    }

    /// The convolution of `input` with `weights`, which are known now; both have the shapes
    /// that `geometry` says.
    pub fn conv(weights: &TExpr, input: TExpr, geometry: Geometry) -> Built {
        let [input] = dense([input])?;
        let (true, Some(w)) = (input.shape == geometry.input, weights.as_const()) else {
            return Err(Mismatch::Shapes(weights.shape.clone(), input.shape.clone()));
        };
        if w.shape != geometry.weights() {
            return Err(Mismatch::Shapes(weights.shape.clone(), input.shape.clone()));
        }
        let kind = sum_kind(weights, &input);
        let (w, input) = (w.convert(kind), input.convert(kind));
        if let Some(folded) = input.as_const().and_then(|x| conv::conv2d(&geometry, &w, x)) {
            return Ok(TExpr::constant_of(kind, folded));
        }
        let node = Node::Conv { weights: Arc::new(w), input: Box::new(input), geometry };
        Ok(TExpr { kind, shape: geometry.output().to_vec(), node })
    }

    /// One value from all elements.
    pub fn reduce(op: ReduceOp, a: TExpr) -> Built {
        if a.shape.iter().product::<usize>() == 0 && op != ReduceOp::Sum {
            return Err(Mismatch::Kind("there is no extreme of no elements".into()));
        }
        let kind = match (op, a.kind) {
            (ReduceOp::ArgMax, _) | (ReduceOp::Sum, Kind::Bool) => Kind::Int,
            (_, kind) => kind,
        };
        if let Some(folded) = a.as_sparse().and_then(|s| s.reduce(op)) {
            return Ok(TExpr::constant_of(kind, folded));
        }
        let [a] = dense([a])?;
        if let Some(folded) = a.as_const().and_then(|c| ops::reduce(op, c)) {
            return Ok(TExpr::constant_of(kind, folded));
        }
        Ok(TExpr { kind, shape: Vec::new(), node: Node::Reduce(op, Box::new(a)) })
    }

    /// Its operands, in order.
    pub fn children(&self) -> Vec<&TExpr> {
        match &self.node {
            Node::Const(_)
            | Node::Sparse(_)
            | Node::File(_)
            | Node::Read(_)
            | Node::Time
            | Node::Random { .. } => Vec::new(),
            Node::Unary(_, a)
            | Node::Convert(a)
            | Node::Wrap { value: a, .. }
            | Node::Math(_, a)
            | Node::Transpose(_, a)
            | Node::Slice(_, a)
            | Node::Reshape(a)
            | Node::Reduce(_, a)
            | Node::MatMul { vector: a, .. }
            | Node::Conv { input: a, .. } => vec![a],
            Node::Binary(_, a, b) | Node::Decay(a, b) | Node::Index { index: a, of: b } => {
                vec![a, b]
            }
            Node::Select(a, b, c) => vec![a, b, c],
            Node::Concat(_, parts) => parts.iter().collect(),
        }
    }

    /// The same expression with every leaf that is read replaced.
    pub fn map_reads(&self, f: &mut impl FnMut(Leaf) -> Leaf) -> TExpr {
        let mut go = |x: &TExpr| Box::new(x.map_reads(f));
        let node = match &self.node {
            Node::Const(_) | Node::Sparse(_) | Node::File(_) | Node::Time | Node::Random { .. } => {
                self.node.clone()
            }
            Node::Read(leaf) => Node::Read(f(*leaf)),
            Node::Unary(op, a) => Node::Unary(*op, go(a)),
            Node::Binary(op, a, b) => Node::Binary(*op, go(a), go(b)),
            Node::Select(a, b, c) => Node::Select(go(a), go(b), go(c)),
            Node::Convert(a) => Node::Convert(go(a)),
            Node::Wrap { bits, signed, value } => {
                Node::Wrap { bits: *bits, signed: *signed, value: go(value) }
            }
            Node::Decay(a, b) => Node::Decay(go(a), go(b)),
            Node::Math(m, a) => Node::Math(*m, go(a)),
            Node::Transpose(axes, a) => Node::Transpose(axes.clone(), go(a)),
            Node::Slice(ranges, a) => Node::Slice(ranges.clone(), go(a)),
            Node::Reshape(a) => Node::Reshape(go(a)),
            Node::Index { index, of } => Node::Index { index: go(index), of: go(of) },
            Node::Concat(axis, parts) => {
                Node::Concat(*axis, parts.iter().map(|p| p.map_reads(f)).collect())
            }
            Node::MatMul { weights, vector } => {
                Node::MatMul { weights: weights.clone(), vector: go(vector) }
            }
            Node::Conv { weights, input, geometry } => {
                Node::Conv { weights: Arc::clone(weights), input: go(input), geometry: *geometry }
            }
            Node::Reduce(op, a) => Node::Reduce(*op, go(a)),
        };
        TExpr { kind: self.kind, shape: self.shape.clone(), node }
    }

    /// Calls `f` on every leaf that is read, in order.
    pub fn for_each_read(&self, f: &mut impl FnMut(Leaf)) {
        if let Node::Read(leaf) = &self.node {
            f(*leaf);
        }
        for child in self.children() {
            child.for_each_read(f);
        }
    }

    /// Whether it is the same at every step: it reads nothing and does not depend on `t`.
    pub fn is_static(&self) -> bool {
        !matches!(self.node, Node::Read(_) | Node::Time | Node::Random { .. })
            && self.children().iter().all(|c| c.is_static())
    }

    /// Whether it depends on nothing but `t`.
    pub fn is_function_of_time(&self) -> bool {
        !matches!(self.node, Node::Read(_) | Node::Random { .. } | Node::File(_))
            && self.children().iter().all(|c| c.is_function_of_time())
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

fn wider(a: Kind, b: Kind) -> Kind {
    if rank(a) >= rank(b) { a } else { b }
}

/// The kind to which two operands are converted. An integer array and `f32` meet in `f64`, as
/// integers do not fit single precision; a constant scalar takes the other side's precision.
fn common_kind(a: &TExpr, b: &TExpr) -> Kind {
    let weak = |e: &TExpr| e.is_scalar() && e.as_const().is_some();
    match (a.kind, b.kind) {
        (Kind::F32, Kind::F64 | Kind::Int) if weak(b) => Kind::F32,
        (Kind::F64 | Kind::Int, Kind::F32) if weak(a) => Kind::F32,
        (Kind::F32, Kind::Int) | (Kind::Int, Kind::F32) => Kind::F64,
        (x, y) => wider(x, y),
    }
}

/// The kind of sums of weights times inputs.
fn sum_kind(weights: &TExpr, input: &TExpr) -> Kind {
    let float = [weights.kind, input.kind].iter().any(|k| matches!(k, Kind::F32 | Kind::F64));
    if float { Kind::F64 } else { Kind::Int }
}

fn operand_kind(op: BinOp, a: &TExpr, b: &TExpr) -> Result<Kind, Mismatch> {
    let kind = common_kind(a, b);
    let float = matches!(kind, Kind::F32 | Kind::F64);
    let bad = |hint: &str| Err(Mismatch::Kind(hint.into()));
    match op {
        BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => {
            Ok(if kind == Kind::Bool { Kind::Int } else { kind })
        }
        BinOp::And | BinOp::Or | BinOp::Xor if float => {
            bad("bit operators need integers or booleans")
        }
        BinOp::And | BinOp::Or | BinOp::Xor => Ok(kind),
        BinOp::Shl | BinOp::Shr | BinOp::FloorDiv if float => {
            bad("shifts and `div` need integers; convert with `int(x)`")
        }
        BinOp::Div | BinOp::Pow if !float && op == BinOp::Div => Ok(Kind::F64),
        _ => Ok(if kind == Kind::Bool { Kind::Int } else { kind }),
    }
}
