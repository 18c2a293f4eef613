//! Array expressions to expressions at one element: views become strides.

use super::builder::{Builder, Resolved};
use crate::ir::{
    Access, BinOp, DynamicIndex, Expr, ExprKind, Kind, OpKind, Reduce, Source, Synapse,
};
use crate::tensor::{Constant, Values, ops};
use crate::types::{Node, TExpr};
use snn_runtime::kernels::Geometry;
use std::sync::Arc;

/// A position as a function of the loop's indices: `offset + Σ strides·i + Σ stride·computed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// Where the first element is.
    pub offset: i64,
    /// Per axis of the loop's domain.
    pub strides: Vec<i64>,
    /// Computed indices.
    pub dynamic: Vec<DynamicIndex>,
}

impl Affine {
    /// Position 0, whatever the loop does.
    pub fn zero(rank: usize) -> Affine {
        Affine { offset: 0, strides: vec![0; rank], dynamic: Vec::new() }
    }

    /// The index along one axis of the domain.
    fn axis(rank: usize, axis: usize) -> Affine {
        let mut index = Affine::zero(rank);
        index.strides[axis] = 1;
        index
    }

    /// C order over the whole domain.
    pub fn identity(domain: &[usize]) -> Affine {
        let strides = ops::strides(domain).iter().map(|s| *s as i64).collect();
        Affine { offset: 0, strides, dynamic: Vec::new() }
    }

    fn plus(mut self, other: &Affine, times: i64) -> Affine {
        self.offset += other.offset * times;
        for (s, o) in self.strides.iter_mut().zip(&other.strides) {
            *s += o * times;
        }
        self.dynamic.extend(
            other.dynamic.iter().map(|d| DynamicIndex { stride: d.stride * times, ..d.clone() }),
        );
        self
    }

    /// The element there.
    pub fn access(self, source: Source) -> Access {
        Access { source, offset: self.offset, strides: self.strides, dynamic: self.dynamic }
    }
}

/// Which element of an array a loop's indices mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Map {
    /// The index along each axis of the array.
    Axes(Vec<Affine>),
    /// The position in C order.
    Linear(Affine),
}

impl Map {
    /// An array of `shape` stretched over `domain`.
    pub fn broadcast(shape: &[usize], domain: &[usize]) -> Map {
        let missing = domain.len() - shape.len();
        let axes = shape.iter().enumerate().map(|(a, size)| {
            if *size == 1 && domain[a + missing] != 1 {
                Affine::zero(domain.len())
            } else {
                Affine::axis(domain.len(), a + missing)
            }
        });
        Map::Axes(axes.collect())
    }

    /// The position in C order in an array of `shape`.
    pub fn position(&self, shape: &[usize]) -> Affine {
        match self {
            Map::Linear(position) => position.clone(),
            Map::Axes(axes) => {
                let rank = axes.first().map_or(0, |a| a.strides.len());
                let strides = ops::strides(shape);
                axes.iter()
                    .zip(strides)
                    .fold(Affine::zero(rank), |sum, (axis, stride)| sum.plus(axis, stride as i64))
            }
        }
    }
}

/// An expression converted to another kind.
pub fn converted(e: Expr, kind: Kind) -> Expr {
    match (&e.node, kind) {
        _ if e.kind == kind => e,
        (ExprKind::Int(n), Kind::Int) => Expr { kind, node: ExprKind::Int(*n) },
        _ => Expr { kind, node: ExprKind::Convert(Box::new(e)) },
    }
}

impl Builder<'_> {
    /// The value of `e` (stretched to it) at an element of `domain`.
    pub fn value(&mut self, e: &TExpr, domain: &[usize]) -> Expr {
        let map = Map::broadcast(&e.shape, domain);
        self.lower(e, &map, domain)
    }

    /// A scalar, the same at every element of a domain of this rank.
    pub fn scalar(&mut self, e: &TExpr, rank: usize) -> Expr {
        // Only the rank of the domain matters to the strides of scalars.
        let domain = vec![0; rank];
        self.lower(e, &Map::Axes(Vec::new()), &domain)
    }

    fn lower(&mut self, e: &TExpr, map: &Map, domain: &[usize]) -> Expr {
        let rank = domain.len();
        let of = |node: ExprKind| Expr { kind: e.kind, node };
        match &e.node {
            Node::Const(c) if c.len() == 1 => of(constant(e.kind, c)),
            Node::Const(c) => {
                let name = format!("{}.constant", self.graph.graph.processes[self.at.process].path);
                let id = self.tensor(&Constant::Dense(Arc::clone(c)), &name, e.kind);
                self.tensor_load(Source::Tensor(id), e, map, rank)
            }
            Node::Sparse(_) => {
                unreachable!("the type check leaves sparse arrays on the left of `@`")
            }
            Node::File(dataset) => {
                let id = self.file(dataset);
                self.tensor_load(Source::Tensor(id), e, map, rank)
            }
            Node::Read(leaf) => match self.leaf(*leaf) {
                Resolved::Buffer(buffer) => {
                    let map = self.ranked(map, rank);
                    self.load(buffer, &map, e.kind)
                }
                Resolved::Expr(message) => {
                    let value = self.lower_child(&message, e, map, domain);
                    converted(value, e.kind)
                }
                Resolved::Nothing => of(constant(e.kind, &crate::tensor::Tensor::scalar_int(0))),
            },
            Node::Time => of(ExprKind::Time),
            Node::Unary(op, a) => {
                let a = self.lower_child(a, e, map, domain);
                of(ExprKind::Unary(*op, Box::new(a)))
            }
            Node::Binary(op, a, b) => {
                let a = self.lower_child(a, e, map, domain);
                let b = self.lower_child(b, e, map, domain);
                simplified(*op, e.kind, a, b)
            }
            Node::Select(c, a, b) => {
                let c = self.lower_child(c, e, map, domain);
                let a = self.lower_child(a, e, map, domain);
                let b = self.lower_child(b, e, map, domain);
                of(ExprKind::Select(Box::new(c), Box::new(a), Box::new(b)))
            }
            Node::Convert(a) => converted(self.lower_child(a, e, map, domain), e.kind),
            Node::Wrap { bits, signed, value } => {
                let value = Box::new(self.lower_child(value, e, map, domain));
                of(ExprKind::Wrap { bits: *bits, signed: *signed, value })
            }
            Node::Decay(x, d) => {
                let x = self.lower_child(x, e, map, domain);
                let d = self.lower_child(d, e, map, domain);
                of(ExprKind::Decay(Box::new(x), Box::new(d)))
            }
            Node::Math(f, a) => {
                let a = self.lower_child(a, e, map, domain);
                of(ExprKind::Math(*f, Box::new(a)))
            }
            Node::Random { seed, site } => {
                if e.shape == domain && *map == Map::broadcast(&e.shape, domain) {
                    return of(ExprKind::Random { seed: *seed, site: *site });
                }
                self.through_buffer(e, map, rank)
            }
            Node::Transpose(axes, a) => match map {
                Map::Axes(own) => {
                    let mut moved = vec![Affine::zero(rank); own.len()];
                    for (k, axis) in axes.iter().enumerate() {
                        moved[*axis] = own[k].clone();
                    }
                    self.lower(a, &Map::Axes(moved), domain)
                }
                Map::Linear(_) => self.through_buffer(e, map, rank),
            },
            Node::Slice(ranges, a) => match map {
                Map::Axes(own) => {
                    let shifted = own.iter().zip(ranges).map(|(axis, (lo, _))| {
                        let mut axis = axis.clone();
                        axis.offset += *lo as i64;
                        axis
                    });
                    self.lower(a, &Map::Axes(shifted.collect()), domain)
                }
                Map::Linear(_) => self.through_buffer(e, map, rank),
            },
            Node::Reshape(a) => {
                let map = reshaped(map, &e.shape, &a.shape, rank);
                self.lower(a, &map, domain)
            }
            Node::Index { index, of: a } => {
                let index = self.scalar(index, rank);
                let extent = a.shape.first().copied().unwrap_or(0);
                let mut first = Affine::zero(rank);
                first.dynamic.push(DynamicIndex { index, stride: 1, extent });
                match map {
                    Map::Axes(own) => {
                        let axes = std::iter::once(first).chain(own.iter().cloned()).collect();
                        self.lower(a, &Map::Axes(axes), domain)
                    }
                    Map::Linear(position) => {
                        let row = e.shape.iter().product::<usize>() as i64;
                        let position = position.clone().plus(&first, row);
                        self.lower(a, &Map::Linear(position), domain)
                    }
                }
            }
            Node::Concat(..) | Node::MatMul { .. } | Node::Conv { .. } | Node::Reduce(..) => {
                self.through_buffer(e, map, rank)
            }
        }
    }

    /// An operand of an elementwise node: it may be stretched.
    fn lower_child(&mut self, child: &TExpr, parent: &TExpr, map: &Map, domain: &[usize]) -> Expr {
        let rank = domain.len();
        match map {
            _ if child.is_scalar() => self.lower(child, &Map::Axes(Vec::new()), domain),
            _ if child.shape == parent.shape => self.lower(child, map, domain),
            Map::Axes(own) => {
                let missing = own.len() - child.shape.len();
                let axes = child.shape.iter().enumerate().map(|(a, size)| {
                    if *size == 1 && parent.shape[a + missing] != 1 {
                        Affine::zero(rank)
                    } else {
                        own[a + missing].clone()
                    }
                });
                self.lower(child, &Map::Axes(axes.collect()), domain)
            }
            // A stretched operand of a reshaped array: stretch it first.
            Map::Linear(_) => {
                let full = parent.shape.clone();
                let buffer = self.local("stretched", child.kind, full.clone());
                let access = Affine::identity(&full).access(Source::Buffer(buffer));
                let value = self.value(child, &full);
                self.store(full, access, value, None, crate::ir::Fit::Exact);
                let map = self.ranked(map, rank);
                self.load(buffer, &map, child.kind)
            }
        }
    }

    /// Scalars have no axes to tell the rank of the domain.
    fn ranked(&self, map: &Map, rank: usize) -> Map {
        match map {
            Map::Axes(axes) if axes.is_empty() => Map::Linear(Affine::zero(rank)),
            other => other.clone(),
        }
    }

    fn tensor_load(&mut self, source: Source, e: &TExpr, map: &Map, rank: usize) -> Expr {
        let position = self.ranked(map, rank).position(&e.shape);
        Expr { kind: e.kind, node: ExprKind::Load(position.access(source)) }
    }

    /// The value computed whole, by ops of its own, and loaded.
    fn through_buffer(&mut self, e: &TExpr, map: &Map, rank: usize) -> Expr {
        let buffer = self.whole(e);
        let map = self.ranked(map, rank);
        self.load(buffer, &map, e.kind)
    }

    /// Emits the ops that compute `e`, and gives the buffer that holds it.
    fn whole(&mut self, e: &TExpr) -> crate::ir::BufferId {
        match &e.node {
            Node::MatMul { weights, vector } => {
                let shape = vec![e.shape.iter().product(), vector.shape.iter().product()];
                let matrix = match weights {
                    Constant::Dense(w) => Constant::Dense(Arc::new(w.reshape(shape))),
                    Constant::Sparse(w) => {
                        Constant::Sparse(w.reshape(shape).map_or(Arc::clone(w), Arc::new))
                    }
                };
                self.synapse(e, &matrix, vector, None)
            }
            Node::Conv { weights, input, geometry } => {
                let kernel = Constant::Dense(Arc::clone(weights));
                self.synapse(e, &kernel, input, Some(*geometry))
            }
            Node::Reduce(op, a) => {
                let value = self.value(a, &a.shape);
                let dst = self.local(reduce_name(*op), e.kind, Vec::new());
                let (op, domain) = (*op, a.shape.clone());
                self.push(OpKind::Reduce(Reduce { op, domain, value, dst }));
                dst
            }
            Node::Concat(axis, parts) => {
                let buffer = self.local("joined", e.kind, e.shape.clone());
                let strides = ops::strides(&e.shape);
                let mut start = 0;
                for part in parts {
                    let mut position = Affine::zero(part.shape.len());
                    position.offset = (start * strides[*axis]) as i64;
                    position.strides = strides.iter().map(|s| *s as i64).collect();
                    let value = self.value(part, &part.shape);
                    let access = position.access(Source::Buffer(buffer));
                    self.store(part.shape.clone(), access, value, None, crate::ir::Fit::Exact);
                    start += part.shape[*axis];
                }
                buffer
            }
            _ => {
                let buffer = self.local("value", e.kind, e.shape.clone());
                self.fill(buffer, e);
                buffer
            }
        }
    }

    fn synapse(
        &mut self,
        e: &TExpr,
        known: &Constant,
        input: &TExpr,
        conv: Option<Geometry>,
    ) -> crate::ir::BufferId {
        let shape = input.shape.clone();
        let mut source = self.value(input, &shape);
        let mut binary = false;
        // Weights times a condition: any spike counts as 1.
        while let ExprKind::Convert(inner) = &source.node {
            if inner.kind != Kind::Bool {
                break;
            }
            binary = true;
            source = (**inner).clone();
        }
        if binary
            && let ExprKind::Binary(BinOp::Ne, x, zero) = &source.node
            && zero.node == ExprKind::Int(0)
            && self.contiguous(x, &shape).is_some()
        {
            source = (**x).clone();
        }
        let src = match self.contiguous(&source, &shape) {
            Some(buffer) => buffer,
            None => {
                let buffer = self.local("spikes", source.kind, shape.clone());
                let access = Affine::identity(&shape).access(Source::Buffer(buffer));
                self.store(shape, access, source, None, crate::ir::Fit::Exact);
                buffer
            }
        };
        binary |= self.buffers[src.0 as usize].elem == crate::ir::Elem::Bool;
        let path = self.graph.graph.processes[self.at.process].path.clone();
        let weights = self.tensor(known, &format!("{path}.weights"), e.kind);
        let dst = self.local("sum", e.kind, e.shape.clone());
        let kernel = crate::lower::kernels::choose(known, conv.is_some(), binary, (0, 1));
        self.push(OpKind::Synapse(Synapse { weights, conv, src, binary, dst, kernel }));
        dst
    }

    /// The buffer, where an expression over `shape` is just all of it in order.
    fn contiguous(&self, e: &Expr, shape: &[usize]) -> Option<crate::ir::BufferId> {
        let ExprKind::Load(access) = &e.node else { return None };
        let Source::Buffer(buffer) = access.source else { return None };
        let whole = access.offset == 0
            && access.dynamic.is_empty()
            && in_order(&access.strides, shape)
            && self.buffers[buffer.0 as usize].len() == shape.iter().product::<usize>();
        whole.then_some(buffer)
    }
}

/// Whether strides over `shape` walk through elements one after the other.
pub fn in_order(over: &[i64], shape: &[usize]) -> bool {
    let c_order = ops::strides(shape);
    over.iter().zip(c_order).zip(shape).all(|((s, c), n)| *n == 1 || *s == c as i64)
}

fn reduce_name(op: crate::ir::ReduceOp) -> &'static str {
    match op {
        crate::ir::ReduceOp::Sum => "total",
        crate::ir::ReduceOp::Min => "least",
        crate::ir::ReduceOp::Max => "most",
        crate::ir::ReduceOp::ArgMax => "argmax",
    }
}

/// The map of the array before a reshape. Sizes of 1 come and go freely; else the position in
/// C order is what stays.
fn reshaped(map: &Map, after: &[usize], before: &[usize], rank: usize) -> Map {
    let real = |s: &[usize]| s.iter().copied().filter(|n| *n != 1).collect::<Vec<_>>();
    match map {
        Map::Axes(own) if real(after) == real(before) => {
            let mut kept = own.iter().zip(after).filter(|(_, n)| **n != 1).map(|(axis, _)| axis);
            let axes = before.iter().map(|n| match n {
                1 => Affine::zero(rank),
                _ => kept.next().cloned().unwrap_or(Affine::zero(rank)),
            });
            Map::Axes(axes.collect())
        }
        Map::Axes(own) if own.is_empty() => Map::Linear(Affine::zero(rank)),
        other => Map::Linear(other.position(after)),
    }
}

fn constant(kind: Kind, c: &crate::tensor::Tensor) -> ExprKind {
    let c = c.convert(kind);
    match &c.values {
        Values::Int(v) => ExprKind::Int(v.first().copied().unwrap_or(0)),
        Values::Bool(v) => ExprKind::Int(v.first().map_or(0, |b| i64::from(*b))),
        Values::Float(v) => ExprKind::Float(v.first().copied().unwrap_or(0.0)),
    }
}

/// An operator with what is evidently superfluous left out: shifts by 0, sums with 0, products
/// with 1 of integers, and `spike != 0`.
fn simplified(op: BinOp, kind: Kind, a: Expr, b: Expr) -> Expr {
    let neutral = match (op, &b.node) {
        (BinOp::Shl | BinOp::Shr | BinOp::Add | BinOp::Sub, ExprKind::Int(0)) => {
            b.kind == Kind::Int
        }
        (BinOp::Mul | BinOp::FloorDiv, ExprKind::Int(1)) => b.kind == Kind::Int,
        // Exact for every float, infinities and NaN included.
        (BinOp::Mul | BinOp::Div, ExprKind::Float(one)) => *one == 1.0,
        _ => false,
    };
    if neutral {
        return a;
    }
    if op == BinOp::Mul && matches!(a.node, ExprKind::Float(one) if one == 1.0) {
        return b;
    }
    if op == BinOp::Ne
        && b.node == ExprKind::Int(0)
        && let ExprKind::Convert(inner) = &a.node
        && inner.kind == Kind::Bool
    {
        return (**inner).clone();
    }
    Expr { kind, node: ExprKind::Binary(op, Box::new(a), Box::new(b)) }
}
