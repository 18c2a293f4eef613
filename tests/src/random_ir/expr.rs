//! Random expressions.

use super::Builder;
use snnc::ir::{
    Access, BinOp, BufferId, BufferKind, DynamicIndex, Elem, Expr, ExprKind, Kind, MathFn, Source,
    TensorId, TensorValues, UnOp,
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

const KINDS: [Kind; 4] = [Kind::Int, Kind::Bool, Kind::F64, Kind::F32];

fn expr(kind: Kind, node: ExprKind) -> Expr {
    Expr { kind, node }
}

impl Builder<'_> {
    /// An expression of `kind`, at most `depth` operators deep.
    pub(super) fn expr(&mut self, scope: &Scope, kind: Kind, depth: usize) -> Expr {
        if depth == 0 || self.choices.one_in(4) {
            return self.leaf(scope, kind);
        }
        match (self.choices.below(8), kind) {
            (0, _) => {
                let cond = self.expr(scope, Kind::Bool, depth - 1);
                let then = self.expr(scope, kind, depth - 1);
                let other = self.expr(scope, kind, depth - 1);
                let node = ExprKind::Select(Box::new(cond), Box::new(then), Box::new(other));
                expr(kind, node)
            }
            (1, _) => {
                let from = self.choices.pick(&KINDS);
                let inner = self.expr(scope, from, depth - 1);
                expr(kind, ExprKind::Convert(Box::new(inner)))
            }
            (2, Kind::Int) => {
                let value = Box::new(self.expr(scope, Kind::Int, depth - 1));
                let bits = self.choices.pick(&[32, 24, 16, 8, 1, 63, 64]);
                let signed = !self.choices.one_in(3);
                expr(kind, ExprKind::Wrap { bits, signed, value })
            }
            (3, Kind::Int) => {
                let value = Box::new(self.expr(scope, Kind::Int, depth - 1));
                let d = match self.choices.below(4) {
                    0 => self.expr(scope, Kind::Int, 1),
                    _ => expr(kind, ExprKind::Int(self.choices.pick(&[410, 0, 4096, 1, 4095]))),
                };
                expr(kind, ExprKind::Decay(value, Box::new(d)))
            }
            (2, Kind::F32 | Kind::F64) => {
                use MathFn::*;
                let function =
                    self.choices.pick(&[Floor, Exp, Log, Sqrt, Sin, Cos, Tanh, Ceil, Round]);
                let inner = self.expr(scope, kind, depth - 1);
                expr(kind, ExprKind::Math(function, Box::new(inner)))
            }
            (4, _) => self.unary(scope, kind, depth),
            _ => self.binary(scope, kind, depth),
        }
    }

    fn unary(&mut self, scope: &Scope, kind: Kind, depth: usize) -> Expr {
        let op = match kind {
            Kind::Bool => UnOp::Not,
            _ => self.choices.pick(&[UnOp::Neg, UnOp::Abs]),
        };
        let inner = self.expr(scope, kind, depth - 1);
        expr(kind, ExprKind::Unary(op, Box::new(inner)))
    }

    fn binary(&mut self, scope: &Scope, kind: Kind, depth: usize) -> Expr {
        use BinOp::*;
        let comparison = kind == Kind::Bool && self.choices.below(3) > 0;
        let (op, operands) = match kind {
            Kind::Bool if comparison => {
                (self.choices.pick(&[Gt, Lt, Eq, Ne, Le, Ge]), self.choices.pick(&KINDS))
            }
            Kind::Bool => (self.choices.pick(&[And, Or, Xor]), kind),
            Kind::Int => {
                let ops = [Add, Sub, Mul, FloorDiv, Rem, Shl, Shr, And, Or, Xor, Min, Max];
                (self.choices.pick(&ops), kind)
            }
            Kind::F32 | Kind::F64 => {
                (self.choices.pick(&[Add, Sub, Mul, Div, Rem, Min, Max, Pow]), kind)
            }
        };
        let a = self.expr(scope, operands, depth - 1);
        let b = match op {
            Shl | Shr if self.choices.below(5) > 0 => {
                expr(kind, ExprKind::Int(self.choices.below(10) as i64))
            }
            Pow if self.choices.below(3) > 0 => {
                expr(kind, ExprKind::Float(self.choices.pick(&[2.0, 0.5, 3.0, -1.0])))
            }
            _ => self.expr(scope, operands, depth - 1),
        };
        expr(kind, ExprKind::Binary(op, Box::new(a), Box::new(b)))
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
                return expr(kind, ExprKind::Random { seed: 7, site: self.sites });
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
        let n = Box::new(int(ExprKind::Int(extent as i64)));
        let op = if self.choices.one_in(40) { BinOp::FloorDiv } else { BinOp::Rem };
        DynamicIndex { index: int(ExprKind::Binary(op, Box::new(value), n)), stride, extent }
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
