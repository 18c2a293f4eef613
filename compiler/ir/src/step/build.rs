//! Short ways to write IR by hand, for tests.

use super::*;
use crate::scalar;

/// An integer.
pub fn int(value: i64) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Int(value) }
}

/// The value that statement `n` of a loop gives.
pub fn local(n: u32) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Local(n) }
}

/// The element of a buffer that is computed, of a loop over one axis.
pub fn at(buffer: u32) -> Access {
    let source = Source::Buffer(BufferId(buffer));
    Access { source, offset: 0, strides: vec![1], dynamic: Vec::new() }
}

/// What stands there.
pub fn element(buffer: u32) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Load(at(buffer)) }
}

/// An operation on two values.
pub fn binary(op: scalar::Op, a: Expr, b: Expr) -> Expr {
    Expr::apply(op, vec![a, b])
}

/// `then` where `cond` holds, else `other`.
pub fn select(cond: Expr, then: Expr, other: Expr) -> Expr {
    Expr::apply(scalar::Op::Select, vec![cond, then, other])
}

/// A value that decays by `d` of 4096, rounded towards zero.
pub fn decay(value: Expr, d: i64) -> Expr {
    binary(scalar::Op::Decay, value, int(d))
}

/// A value as 32 bits with sign.
pub fn wrap32(value: Expr) -> Expr {
    Expr::apply(scalar::Op::Wrap { bits: 32, signed: true }, vec![value])
}

/// A statement that stores.
pub fn store(to: u32, value: Expr, fit: Fit, mask: Option<Expr>) -> Stmt {
    Stmt::Store { to: at(to), value, fit, mask }
}

/// A loop over 4 elements.
pub fn op(body: Vec<Stmt>, locals: u32) -> Op {
    plain(OpKind::Loop(Loop { domain: vec![4], body, locals }))
}

/// An op at every step.
pub fn plain(kind: OpKind) -> Op {
    Op { clock: ALWAYS, kind, origin: String::new() }
}

/// Integers known to the compiler.
pub fn tensor(name: &str, elem: Elem, shape: &[usize], values: Vec<i64>) -> Tensor {
    let values = TensorValues::Known(std::sync::Arc::new(crate::tensor::Tensor::int(
        shape.to_vec(),
        values,
    )));
    Tensor { name: name.into(), elem, shape: shape.to_vec(), given: None, values }
}

/// State of 4 elements.
pub fn buffer(name: &str, elem: Elem, init: i64) -> Buffer {
    let (kind, init) = (BufferKind::State, Init::Int(init));
    Buffer { name: name.into(), kind, elem, shape: vec![4], init, range: (0, 0) }
}

/// Ten steps of ops in phase `spk`.
pub fn network(buffers: Vec<Buffer>, ops: Vec<Op>) -> StepIr {
    StepIr {
        network: "N".into(),
        run: "r".into(),
        steps: 10,
        open: false,
        buffers,
        tensors: Vec::new(),
        clocks: vec![Clock::always()],
        program: Program { spk: ops, ..Program::default() },
        records: Vec::new(),
        windows: Windows::default(),
        tabulated: Vec::new(),
    }
}
