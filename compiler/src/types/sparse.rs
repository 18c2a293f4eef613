//! Sparse constants as operands.
//!
//! An operator of each element applied to sparse constants and scalars is the same operator
//! applied to their palettes; the constructors of [`TExpr`] call [`lift`] first and then know
//! nothing of sparse operands.

use super::expr::{Mismatch, Node, TExpr};
use crate::ir::Kind;
use crate::tensor::{Constant, Sparse, Tensor};
use std::sync::Arc;

/// Operands of an operator of each element.
pub enum Lifted<const N: usize> {
    /// They were sparse, and so is the result.
    Done(TExpr),
    /// They are not sparse (any more).
    Plain([TExpr; N]),
}

/// Applies an operator of each element to palettes, where that gives a sparse result; makes
/// sparse operands dense where it does not.
///
/// # Errors
/// [`Mismatch::Enormous`] for a sparse operand that cannot be dense; those of the operator.
pub fn lift<const N: usize>(
    operands: [TExpr; N],
    apply: impl FnOnce([TExpr; N]) -> Result<TExpr, Mismatch>,
) -> Result<Lifted<N>, Mismatch> {
    let sparse: Vec<Sparse> =
        operands.iter().filter_map(|e| e.as_sparse()).map(|s| (**s).clone()).collect();
    let Some(first) = sparse.first() else { return Ok(Lifted::Plain(operands)) };
    let fits = |e: &TExpr| match (e.as_sparse(), e.as_const()) {
        (Some(s), _) => s.shape() == first.shape(),
        (None, Some(c)) => c.len() == 1 && c.shape.len() <= 1,
        (None, None) => false,
    };
    if !operands.iter().all(fits) {
        return dense(operands).map(Lifted::Plain);
    }
    let aligned = Sparse::aligned(&sparse);
    let mut palettes = aligned.iter().map(Sparse::palette);
    let inputs = operands.clone().map(|e| match e.as_sparse().and_then(|_| palettes.next()) {
        Some(palette) => TExpr::constant_of(e.kind, palette.clone()),
        None => e,
    });
    let result = apply(inputs)?;
    let kind = result.kind;
    let full = aligned.first().map(|s| s.palette().shape.clone()).unwrap_or_default();
    match (result.fold_to(&full).as_const(), aligned.first()) {
        (Some(palette), Some(entries)) => {
            Ok(Lifted::Done(TExpr::sparse_of(kind, entries.with_palette((**palette).clone()))))
        }
        _ => dense(operands).map(Lifted::Plain),
    }
}

/// Operands of which none is sparse.
///
/// # Errors
/// [`Mismatch::Enormous`].
pub fn dense<const N: usize>(operands: [TExpr; N]) -> Result<[TExpr; N], Mismatch> {
    let mut failed = None;
    let operands = operands.map(|e| {
        let shape = e.shape.clone();
        e.dense().unwrap_or_else(|| {
            failed = Some(Mismatch::Enormous(shape));
            TExpr::int(0)
        })
    });
    failed.map_or(Ok(operands), Err)
}

impl TExpr {
    /// A constant, dense or sparse.
    pub fn known(constant: Constant) -> TExpr {
        let (kind, shape) = (constant.kind(), constant.shape().to_vec());
        let node = match constant {
            Constant::Dense(tensor) => Node::Const(tensor),
            Constant::Sparse(sparse) => Node::Sparse(sparse),
        };
        TExpr { kind, shape, node }
    }

    /// A sparse constant of a kind that its palette has.
    pub(super) fn sparse_of(kind: Kind, sparse: Sparse) -> TExpr {
        TExpr { kind, shape: sparse.shape().to_vec(), node: Node::Sparse(Arc::new(sparse)) }
    }

    /// The sparse constant, where it is one.
    pub fn as_sparse(&self) -> Option<&Arc<Sparse>> {
        match &self.node {
            Node::Sparse(sparse) => Some(sparse),
            _ => None,
        }
    }

    /// Itself, or the dense form of a sparse constant; `None` where that is enormous.
    pub fn dense(self) -> Option<TExpr> {
        match self.as_sparse() {
            None => Some(self),
            Some(sparse) => Some(TExpr::constant_of(self.kind, sparse.dense()?)),
        }
    }

    /// Of a constant, dense or sparse, a tensor of every value that occurs.
    pub fn values(&self) -> Option<Arc<Tensor>> {
        match &self.node {
            Node::Const(tensor) => Some(Arc::clone(tensor)),
            Node::Sparse(sparse) => Some(Arc::new(sparse.distinct())),
            _ => None,
        }
    }

    /// Whether a sparse constant stands in it where only a dense one can: anywhere but on the
    /// left of `@`.
    pub fn has_sparse(&self) -> bool {
        self.as_sparse().is_some() || self.children().iter().any(|c| c.has_sparse())
    }
}
