//! Random expressions.

use super::Builder;
use snn_ir::scalar::Op;
use snn_ir::step::{
    Access, BufferId, BufferKind, DynamicIndex, Elem, Expr, ExprKind, Kind, Source, TensorId,
    TensorValues,
};

/// Where an expression stands.
pub(super) struct Scope<'a> {
    /// The loop's domain.
    pub(super) domain: &'a [usize],
    /// Kinds of the locals defined so far.
    pub(super) locals: Vec<Kind>,
    /// Buffers that the loop stores, each with the only access by which it may be loaded.
    pub(super) stored: Vec<(BufferId, Access)>,
}

/// Widths that the emitter writes in different ways.
const WIDTHS: [u8; 7] = [32, 24, 16, 8, 1, 63, 64];

/// Every operation that gives `kind`, with the kinds of operands for which it does.
fn operations(kind: Kind) -> Vec<(Op, Vec<Kind>)> {
    let widths = WIDTHS.iter().flat_map(|bits| [(*bits, true), (*bits, false)]);
    let fits =
        widths.flat_map(|(bits, signed)| [Op::Wrap { bits, signed }, Op::Sat { bits, signed }]);
    let plain = Op::PLAIN.iter().copied().chain(Kind::ALL.into_iter().map(Op::Convert));
    plain
        .chain(fits)
        .flat_map(|op| {
            let alike = Kind::ALL.into_iter().map(move |kind| vec![kind; op.arity()]);
            let choice = vec![Kind::Bool, kind, kind];
            let candidates = alike.chain((kind != Kind::Bool).then_some(choice));
            candidates.filter(move |kinds| op.result(kinds) == Some(kind)).map(move |k| (op, k))
        })
        .collect()
}

fn expr(kind: Kind, node: ExprKind) -> Expr {
    Expr { kind, node }
}

impl Builder<'_> {
    /// An expression of `kind`, at most `depth` operators deep.
    pub(super) fn expr(&mut self, scope: &Scope, kind: Kind, depth: usize) -> Expr {
        if depth == 0 || self.choices.one_in(4) {
            return self.leaf(scope, kind);
        }
        let (op, kinds) = self.choices.pick(&operations(kind));
        let operands = (0..).zip(kinds).map(|(n, of)| match (op, n) {
            (Op::Shl | Op::Shr, 1) if self.choices.below(5) > 0 => {
                expr(of, ExprKind::Int(self.choices.below(10) as i64))
            }
            (Op::Pow, 1) if self.choices.below(3) > 0 => {
                expr(of, ExprKind::Float(self.choices.pick(&[2.0, 0.5, 3.0, -1.0])))
            }
            (Op::Decay, 1) if self.choices.below(4) > 0 => {
                expr(of, ExprKind::Int(self.choices.pick(&[410, 0, 4096, 1, 4095])))
            }
            _ => self.expr(scope, of, depth - 1),
        });
        let operands = operands.collect();
        Expr::apply(op, operands)
    }

    fn leaf(&mut self, scope: &Scope, kind: Kind) -> Expr {
        let locals: Vec<u32> =
            (0u32..).zip(&scope.locals).filter(|(_, of)| **of == kind).map(|(n, _)| n).collect();
        match self.choices.below(8) {
            0..4 => {
                if let Some(load) = self.load(scope, kind) {
                    return load;
                }
            }
            4 | 5 if !locals.is_empty() => {
                return expr(kind, ExprKind::Local(self.choices.pick(&locals)));
            }
            6 if kind == Kind::Int => return expr(kind, ExprKind::Time),
            6 if kind == Kind::F64 => {
                self.sites += 1;
                return expr(kind, ExprKind::Random { seed: 7, site: self.sites.into() });
            }
            _ => {}
        }
        let node = match kind {
            Kind::Bool => ExprKind::Int(self.choices.below(2) as i64),
            Kind::Int => ExprKind::Int(self.choices.int()),
            Kind::F32 => ExprKind::Float((self.choices.float() as f32).into()),
            Kind::F64 => ExprKind::Float(self.choices.float()),
        };
        expr(kind, node)
    }

    /// An element of some buffer or tensor of `kind`.
    fn load(&mut self, scope: &Scope, kind: Kind) -> Option<Expr> {
        let own: Vec<Access> = (scope.stored.iter())
            .filter(|(id, _)| self.ir.buffers[id.0 as usize].elem.kind() == kind)
            .map(|(_, access)| access.clone())
            .collect();
        let access = match self.choices.below(4) {
            // What it is about to change: that is what dynamics are made of.
            0 if !own.is_empty() => self.choices.pick(&own),
            1 => {
                let tensors: Vec<u32> = (0u32..)
                    .zip(&self.ir.tensors)
                    .filter(|(_, t)| t.elem.kind() == kind)
                    .filter(|(_, t)| !matches!(t.values, TensorValues::Sparse(_)))
                    .map(|(n, _)| n)
                    .collect();
                let tensor = (!tensors.is_empty()).then(|| self.choices.pick(&tensors))?;
                self.access(scope, Source::Tensor(TensorId(tensor)))?
            }
            _ => {
                let buffer = self.find(|b| b.elem.kind() == kind)?;
                match scope.stored.iter().find(|(id, _)| *id == buffer) {
                    Some((_, access)) => access.clone(),
                    None => self.access(scope, Source::Buffer(buffer))?,
                }
            }
        };
        Some(expr(kind, ExprKind::Load(access)))
    }

    fn shape(&self, source: Source) -> Vec<usize> {
        match source {
            Source::Buffer(id) => self.ir.buffers[id.0 as usize].shape.clone(),
            Source::Tensor(id) => self.ir.tensors[id.0 as usize].shape.clone(),
        }
    }

    /// Some way of loading from `source` in a loop: each axis of it follows an axis of the
    /// domain (straight or backwards), or stays at one place, known or computed.
    fn access(&mut self, scope: &Scope, source: Source) -> Option<Access> {
        let shape = self.shape(source);
        let mut access =
            Access { source, offset: 0, strides: vec![0; scope.domain.len()], dynamic: Vec::new() };
        if shape == scope.domain && self.choices.below(3) > 0 {
            access.strides = c_strides(&shape);
            return Some(access);
        }
        for (extent, stride) in shape.iter().zip(c_strides(&shape)) {
            let following: Vec<usize> = (0..scope.domain.len())
                .filter(|axis| scope.domain[*axis] <= *extent && access.strides[*axis] == 0)
                .collect();
            match self.choices.below(5) {
                0..3 if !following.is_empty() => {
                    let axis = self.choices.pick(&following);
                    let room = extent - scope.domain[axis];
                    access.offset += stride * self.choices.below(room + 1) as i64;
                    if self.choices.one_in(4) {
                        // Backwards.
                        access.offset += stride * (scope.domain[axis] as i64 - 1);
                        access.strides[axis] = -stride;
                    } else {
                        access.strides[axis] = stride;
                    }
                }
                3 => access.dynamic.push(self.index(scope, *extent, stride)),
                _ => access.offset += stride * self.choices.below(*extent) as i64,
            }
        }
        Some(access)
    }

    /// An index computed from scalars; mostly inside, rarely not.
    pub(super) fn index(&mut self, scope: &Scope, extent: usize, stride: i64) -> DynamicIndex {
        let int = |node| expr(Kind::Int, node);
        let scalar = self.find(|b| {
            b.shape.is_empty() && b.elem.kind() == Kind::Int && b.kind == BufferKind::State
        });
        // A scalar that the loop stores may be loaded only where the loop is one over nothing.
        let scalar = scalar.filter(|id| {
            scope.domain.is_empty() || scope.stored.iter().all(|(stored, _)| stored != id)
        });
        let value = match scalar {
            Some(id) if self.choices.below(3) > 0 => {
                let source = Source::Buffer(id);
                let strides = vec![0; scope.domain.len()];
                int(ExprKind::Load(Access { source, offset: 0, strides, dynamic: Vec::new() }))
            }
            _ => int(ExprKind::Time),
        };
        let n = int(ExprKind::Int(extent as i64));
        let op = if self.choices.one_in(40) { Op::FloorDiv } else { Op::Rem };
        DynamicIndex { index: Expr::apply(op, vec![value, n]), stride, extent }
    }
}

/// Elements between neighbours along each axis of an array in C order.
pub(super) fn c_strides(shape: &[usize]) -> Vec<i64> {
    let after = |axis: usize| shape[axis + 1..].iter().product::<usize>() as i64;
    (0..shape.len()).map(after).collect()
}

/// Element types that can hold a value of this kind.
pub(super) fn elem_of(kind: Kind) -> Elem {
    match kind {
        Kind::Bool => Elem::Bool,
        Kind::Int => Elem::I64,
        Kind::F32 => Elem::F32,
        Kind::F64 => Elem::F64,
    }
}
