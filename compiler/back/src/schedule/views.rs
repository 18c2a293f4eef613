//! Array expressions to expressions at one element: views become strides.

use super::builder::Builder;
use snn_ir::network::{self, Data, Op, Site, ValueId};
use snn_ir::scalar;
use snn_ir::step::{Access, DynamicIndex, Expr, ExprKind, Kind, Source};
use snn_ir::tensor::{Constant, Values, ops};

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

    /// The index from the other end of an axis of `n` elements.
    fn reversed(&self, n: usize) -> Affine {
        let mut turned = Affine::zero(self.strides.len());
        turned.offset = n as i64 - 1;
        turned.plus(self, -1)
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

    /// The position in C order in an array of `shape`, in a loop over `rank` axes: a scalar has
    /// no axes that could tell.
    pub fn position(&self, shape: &[usize], rank: usize) -> Affine {
        match self {
            Map::Linear(position) => position.clone(),
            Map::Axes(axes) => {
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
        _ => Expr::apply(scalar::Op::Convert(kind), vec![e]),
    }
}

impl Builder<'_> {
    /// A value (stretched to it) at an element of `domain`.
    pub fn value(&mut self, id: ValueId, domain: &[usize]) -> Expr {
        let map = Map::broadcast(&self.body.values[id.at()].shape, domain);
        self.lower(id, &map, domain)
    }

    /// A scalar, the same at every element of a domain of this rank.
    pub fn scalar(&mut self, id: ValueId, rank: usize) -> Expr {
        // Only the rank of the domain matters to the strides of scalars.
        let domain = vec![0; rank];
        self.lower(id, &Map::Axes(Vec::new()), &domain)
    }

    fn lower(&mut self, id: ValueId, map: &Map, domain: &[usize]) -> Expr {
        let rank = domain.len();
        let value = &self.body.values[id.at()];
        if let Some(buffer) = self.fixed.get(&id) {
            return self.load(*buffer, map, rank, value.kind);
        }
        let of = |node: ExprKind| Expr { kind: value.kind, node };
        match &value.op {
            Op::Const(_) => self.constant(id, map, rank),
            Op::Param(slot) => self.argument(*slot, id, map, rank),
            Op::Var(var) => self.load(self.vars[*var as usize], map, rank, value.kind),
            Op::Time => of(ExprKind::Time),
            Op::Scalar(op) => {
                let operands = value.args.iter().enumerate();
                let args: Vec<Expr> = operands
                    .map(|(at, a)| {
                        let built_in = is_built_in(*op, value.kind, at);
                        self.spelled(built_in, |b| b.operand(*a, map, domain))
                    })
                    .collect();
                match (op, <[Expr; 1]>::try_from(args)) {
                    (scalar::Op::Convert(kind), Ok([of])) => converted(of, *kind),
                    (op, Ok(one)) => Expr::apply(*op, one.into()),
                    (op, Err(args)) => match <[Expr; 2]>::try_from(args) {
                        Ok([a, b]) => self.simplified(*op, value.kind, a, b),
                        Err(args) => Expr::apply(*op, args),
                    },
                }
            }
            Op::Random { seed, site } => {
                if value.shape == domain && *map == Map::broadcast(&value.shape, domain) {
                    let site = match site {
                        Site::Stream(stream) => *stream,
                        Site::Call(call) => u64::from(*call),
                    };
                    return of(ExprKind::Random { seed: *seed, site });
                }
                self.through_buffer(id, map, rank)
            }
            Op::Broadcast => {
                let arg = value.args[0];
                let shape = &self.body.values[arg.at()].shape;
                match map {
                    _ if shape.is_empty() => self.lower(arg, &Map::Axes(Vec::new()), domain),
                    Map::Axes(own) => {
                        let missing = own.len() - shape.len();
                        let axes = shape.iter().enumerate().map(|(a, size)| {
                            match *size == 1 && value.shape[a + missing] != 1 {
                                true => Affine::zero(rank),
                                false => own[a + missing].clone(),
                            }
                        });
                        self.lower(arg, &Map::Axes(axes.collect()), domain)
                    }
                    // A stretched operand of a reshaped array: stretch it first.
                    Map::Linear(_) => self.through_buffer(id, map, rank),
                }
            }
            Op::Transpose(axes) => match map {
                Map::Axes(own) => {
                    let mut moved = vec![Affine::zero(rank); own.len()];
                    for (k, axis) in axes.iter().enumerate() {
                        moved[*axis] = own[k].clone();
                    }
                    self.lower(value.args[0], &Map::Axes(moved), domain)
                }
                Map::Linear(_) => self.through_buffer(id, map, rank),
            },
            Op::Slice(ranges) => match map {
                Map::Axes(own) => {
                    let shifted = own.iter().zip(ranges).map(|(axis, (lo, _))| {
                        let mut axis = axis.clone();
                        axis.offset += *lo as i64;
                        axis
                    });
                    self.lower(value.args[0], &Map::Axes(shifted.collect()), domain)
                }
                Map::Linear(_) => self.through_buffer(id, map, rank),
            },
            Op::Flip(axes) => match map {
                Map::Axes(own) => {
                    let turned = own.iter().zip(&value.shape).enumerate().map(|(a, (axis, n))| {
                        match axes.contains(&a) {
                            true => axis.reversed(*n),
                            false => axis.clone(),
                        }
                    });
                    self.lower(value.args[0], &Map::Axes(turned.collect()), domain)
                }
                Map::Linear(_) => self.through_buffer(id, map, rank),
            },
            Op::Reshape => {
                let arg = value.args[0];
                let map = reshaped(map, &value.shape, &self.body.values[arg.at()].shape, rank);
                self.lower(arg, &map, domain)
            }
            Op::Index => {
                if let Some(buffer) = self.shielded(id) {
                    return self.load(buffer, map, rank, value.kind);
                }
                let (arg, index) = (value.args[0], value.args[1]);
                let index = self.spelled(true, |b| b.scalar(index, rank));
                let extent = self.body.values[arg.at()].shape.first().copied().unwrap_or(0);
                let mut first = Affine::zero(rank);
                first.dynamic.push(DynamicIndex { index: index.clone(), stride: 1, extent });
                let map = match map {
                    Map::Axes(own) => {
                        Map::Axes(std::iter::once(first).chain(own.iter().cloned()).collect())
                    }
                    Map::Linear(position) => {
                        let row = value.shape.iter().product::<usize>() as i64;
                        Map::Linear(position.clone().plus(&first, row))
                    }
                };
                let element = self.lower(arg, &map, domain);
                match is_checked(&element, &index, extent) {
                    true => element,
                    // Along an axis that is stretched all elements are the same, but there are
                    // only so many.
                    false => self.through_buffer(arg, &map, rank),
                }
            }
            Op::Concat(_) | Op::MatMul | Op::Conv(_) | Op::Reduce(..) | Op::ByDelay => {
                self.through_buffer(id, map, rank)
            }
            // Not in a folded flat network.
            Op::Input(_) => of(ExprKind::Int(0)),
        }
    }

    /// An operand of a scalar operation: of its shape, or a scalar.
    fn operand(&mut self, id: ValueId, map: &Map, domain: &[usize]) -> Expr {
        match self.body.values[id.at()].shape.is_empty() {
            true => self.lower(id, &Map::Axes(Vec::new()), domain),
            false => self.lower(id, map, domain),
        }
    }

    /// An element of what is known or lies in a file.
    fn constant(&mut self, id: ValueId, map: &Map, rank: usize) -> Expr {
        let value = &self.body.values[id.at()];
        let of = |node: ExprKind| Expr { kind: value.kind, node };
        let Some(tensor) = self.tensor_of(id) else { return of(ExprKind::Int(0)) };
        let source = match &tensor.data {
            Data::File(dataset) => self.file(id, dataset),
            _ => {
                // What is enormous has been refused where it is needed in full.
                let Some(all) = tensor.constant().and_then(|c| c.dense()) else {
                    return of(ExprKind::Int(0));
                };
                if all.len() == 1 {
                    return of(literal(value.kind, &all));
                }
                let name = format!("{}.constant", self.at.origin);
                self.tensor(id, &Constant::Dense(all), &name, value.kind)
            }
        };
        let position = map.position(&value.shape, rank);
        let loaded = self.tensors[source.0 as usize].elem.kind();
        let node = ExprKind::Load(position.access(Source::Tensor(source)));
        converted(Expr { kind: loaded, node }, value.kind)
    }

    /// An element of what is given. A number is loaded as any array, whatever its value, but where
    /// it has to be spelled.
    fn argument(&mut self, slot: u32, id: ValueId, map: &Map, rank: usize) -> Expr {
        let value = &self.body.values[id.at()];
        let known = self.tensor_of(id).and_then(network::Tensor::constant);
        let one = known.filter(|c| c.shape().iter().product::<usize>() == 1);
        let (Some(one), Some((_, param)), false) =
            (one.and_then(|c| c.dense()), self.given(id), self.spelled)
        else {
            return self.constant(id, map, rank);
        };
        if value.kind == Kind::Bool {
            return self.constant(id, map, rank);
        }
        let source = Source::Tensor(self.number(slot, param, &one, value.kind));
        let node = ExprKind::Load(Affine::zero(rank).access(source));
        Expr { kind: value.kind, node }
    }

    /// What `lower` makes, with the numbers that are given spelled out if it must.
    pub(super) fn spelled(&mut self, must: bool, lower: impl FnOnce(&mut Self) -> Expr) -> Expr {
        let before = self.spelled;
        self.spelled |= must;
        let lowered = lower(self);
        self.spelled = before;
        lowered
    }

    /// An operator with what is evidently superfluous left out: shifts by 0, sums with 0, products
    /// with 1 of integers, and `spike != 0`.
    fn simplified(&self, op: scalar::Op, kind: Kind, a: Expr, b: Expr) -> Expr {
        let rust = op.rust();
        let is = |e: &Expr, int: Option<i64>, float: Option<i64>| match e.number(&self.tensors) {
            Some(ExprKind::Int(n)) if e.kind == Kind::Int => Some(n) == int,
            // Exact for every float, infinities and NaN included.
            Some(ExprKind::Float(x)) => Some(x) == float.map(|n| n as f64),
            _ => false,
        };
        if is(&b, rust.int_neutral.right(), rust.float_neutral.right()) {
            return a;
        }
        if is(&a, None, rust.float_neutral.left()) {
            return b;
        }
        if op == scalar::Op::Ne
            && b.node == ExprKind::Int(0)
            && let ExprKind::Apply(scalar::Op::Convert(_), inner) = &a.node
            && let [inner] = inner.as_slice()
            && inner.kind == Kind::Bool
        {
            return inner.clone();
        }
        Expr { kind, node: ExprKind::Apply(op, vec![a, b]) }
    }

    /// The value computed whole, by ops of its own, and loaded.
    fn through_buffer(&mut self, id: ValueId, map: &Map, rank: usize) -> Expr {
        let buffer = self.whole(id);
        self.load(buffer, map, rank, self.body.values[id.at()].kind)
    }
}

/// Whether an expression checks that an index is within its extent, if it may not be.
fn is_checked(e: &Expr, index: &Expr, extent: usize) -> bool {
    if let ExprKind::Int(known) = index.node
        && usize::try_from(known).is_ok_and(|known| known < extent)
    {
        return true;
    }
    let mut checked = false;
    super::walk::loads(e, &mut |access| {
        checked |= access.dynamic.iter().any(|d| d.extent == extent && d.index == *index);
    });
    checked
}

/// Whether strides over `shape` walk through elements one after the other.
pub fn in_order(over: &[i64], shape: &[usize]) -> bool {
    let c_order = ops::strides(shape);
    over.iter().zip(c_order).zip(shape).all(|((s, c), n)| *n == 1 || *s == c as i64)
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
        other => Map::Linear(other.position(after, rank)),
    }
}

fn literal(kind: Kind, c: &snn_ir::tensor::Tensor) -> ExprKind {
    let c = c.convert(kind);
    match &c.values {
        Values::Int(v) => ExprKind::Int(v.first().copied().unwrap_or(0)),
        Values::Bool(v) => ExprKind::Int(v.first().map_or(0, |b| i64::from(*b))),
        Values::Float(v) => ExprKind::Float(v.first().copied().unwrap_or(0.0)),
    }
}

/// Whether the value of an operand is part of what is done, where it is known: a shift by it, a
/// division by it.
fn is_built_in(op: scalar::Op, kind: Kind, operand: usize) -> bool {
    match op {
        scalar::Op::Shl | scalar::Op::Shr => operand == 1,
        scalar::Op::FloorDiv | scalar::Op::Rem => operand == 1 && kind == Kind::Int,
        _ => false,
    }
}
