//! The value of an expression at one element.

use super::array::{Array, Value, element, wrap};
use crate::ir::{Access, BinOp, Expr, ExprKind, Kind, MathFn, Source, StepIr, UnOp};
use crate::tensor::Tensor;
use snn_runtime::Fault;
use std::sync::Arc;

/// Where in a step an expression is evaluated.
pub(super) struct Place<'a> {
    pub(super) ir: &'a StepIr,
    pub(super) tensors: &'a [Arc<Tensor>],
    pub(super) buffers: &'a [Array],
    pub(super) locals: &'a [Value],
    /// The element of the domain, an index for each axis.
    pub(super) index: &'a [usize],
    /// Its position in C order.
    pub(super) position: u64,
    pub(super) t: u64,
}

/// A fault on the heap: it is rare, and values are returned for every node of every element.
pub(super) type Evaluated<T> = Result<T, Box<Fault>>;

impl Place<'_> {
    pub(super) fn eval(&self, expr: &Expr) -> Evaluated<Value> {
        Ok(match &expr.node {
            ExprKind::Int(value) => Value::Int(*value).convert(expr.kind),
            ExprKind::Float(value) => Value::F64(*value).convert(expr.kind),
            ExprKind::Local(n) => self.locals[*n as usize],
            ExprKind::Load(access) => {
                let at = self.locate(access)?;
                match access.source {
                    Source::Buffer(id) => self.buffers[id.0 as usize].get(at),
                    Source::Tensor(id) => {
                        element(&self.tensors[id.0 as usize], at).convert(expr.kind)
                    }
                }
            }
            ExprKind::Time => Value::Int(self.t as i64),
            ExprKind::Unary(op, a) => unary(*op, self.eval(a)?),
            ExprKind::Binary(op, a, b) => match (self.eval(a)?, self.eval(b)?) {
                (Value::Bool(a), Value::Bool(b)) => booleans(*op, a, b),
                (Value::Int(a), Value::Int(b)) => integers(*op, a, b),
                (Value::F32(a), Value::F32(b)) => f32s(*op, a, b),
                (Value::F64(a), Value::F64(b)) => f64s(*op, a, b),
                (a, b) => panic!("{op:?} of {a:?} and {b:?}"),
            },
            ExprKind::Select(cond, then, other) => {
                let (cond, then, other) = (self.eval(cond)?, self.eval(then)?, self.eval(other)?);
                if cond.bool() { then } else { other }
            }
            ExprKind::Convert(a) => self.eval(a)?.convert(expr.kind),
            ExprKind::Wrap { bits, signed, value } => {
                Value::Int(wrap(self.eval(value)?.int(), *bits, *signed))
            }
            ExprKind::Decay(x, d) => {
                let product =
                    self.eval(x)?.int().wrapping_mul(4096i64.wrapping_sub(self.eval(d)?.int()));
                let magnitude = (product.unsigned_abs() >> 12) as i64;
                Value::Int(magnitude * product.signum())
            }
            ExprKind::Math(function, a) => match self.eval(a)? {
                Value::F32(a) => Value::F32(math_f32(*function, a)),
                Value::F64(a) => Value::F64(math_f64(*function, a)),
                a => panic!("{function:?} of {a:?}"),
            },
            ExprKind::Random { seed, site } => {
                Value::F64(snn_runtime::random::uniform(*seed, *site, self.t, self.position))
            }
        })
    }

    /// The element that an access means, in C order.
    pub(super) fn locate(&self, access: &Access) -> Evaluated<usize> {
        let mut at = access.offset;
        for (stride, index) in access.strides.iter().zip(self.index) {
            at += stride * *index as i64;
        }
        for dynamic in &access.dynamic {
            let index = self.eval(&dynamic.index)?.int();
            if usize::try_from(index).is_ok_and(|index| index < dynamic.extent) {
                at += dynamic.stride * index;
            } else {
                return Err(Box::new(self.outside(access.source, index, dynamic.extent)));
            }
        }
        Ok(usize::try_from(at).unwrap_or(usize::MAX))
    }

    fn outside(&self, source: Source, index: i64, extent: usize) -> Fault {
        let name = match source {
            Source::Buffer(id) => self.ir.buffers[id.0 as usize].name.clone(),
            Source::Tensor(id) => self.ir.tensors[id.0 as usize].name.clone(),
        };
        // In generated code the name is a constant. A run has one fault at most, so that no
        // more than one name is leaked.
        Fault::Index { what: name.leak(), index, extent, t: self.t }
    }
}

fn unary(op: UnOp, a: Value) -> Value {
    match (op, a) {
        (UnOp::Not, Value::Bool(a)) => Value::Bool(!a),
        (UnOp::Neg, Value::Int(a)) => Value::Int(a.wrapping_neg()),
        (UnOp::Neg, Value::F32(a)) => Value::F32(-a),
        (UnOp::Neg, Value::F64(a)) => Value::F64(-a),
        (UnOp::Abs, Value::Int(a)) => Value::Int(a.wrapping_abs()),
        (UnOp::Abs, Value::F32(a)) => Value::F32(a.abs()),
        (UnOp::Abs, Value::F64(a)) => Value::F64(a.abs()),
        (op, a) => panic!("{op:?} of {a:?}"),
    }
}

fn booleans(op: BinOp, a: bool, b: bool) -> Value {
    Value::Bool(match op {
        BinOp::And | BinOp::Min => a && b,
        BinOp::Or | BinOp::Max => a || b,
        BinOp::Xor | BinOp::Ne => a != b,
        BinOp::Eq => a == b,
        BinOp::Lt => !a && b,
        BinOp::Le => !a || b,
        BinOp::Gt => a && !b,
        BinOp::Ge => a || !b,
        op => panic!("{op:?} of booleans"),
    })
}

fn integers(op: BinOp, a: i64, b: i64) -> Value {
    let (wide_a, wide_b) = (i128::from(a), i128::from(b));
    let quotient = || {
        let towards_zero = wide_a / wide_b;
        let inexact = towards_zero * wide_b != wide_a;
        if inexact && (a < 0) != (b < 0) { towards_zero - 1 } else { towards_zero }
    };
    Value::Int(match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::FloorDiv | BinOp::Rem if b == 0 => 0,
        // Only the quotient of the least integer and -1 needs a 65th bit, which is cut off.
        BinOp::FloorDiv => quotient() as i64,
        BinOp::Rem => (wide_a - quotient() * wide_b) as i64,
        BinOp::Shl | BinOp::Shr if b < 0 => 0,
        BinOp::Shl => {
            if b > 63 {
                0
            } else {
                a.wrapping_shl(b as u32)
            }
        }
        BinOp::Shr => {
            if b > 63 {
                -i64::from(a < 0)
            } else {
                a >> b
            }
        }
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Min => a.min(b),
        BinOp::Max => a.max(b),
        BinOp::Eq => return Value::Bool(a == b),
        BinOp::Ne => return Value::Bool(a != b),
        BinOp::Lt => return Value::Bool(a < b),
        BinOp::Le => return Value::Bool(a <= b),
        BinOp::Gt => return Value::Bool(a > b),
        BinOp::Ge => return Value::Bool(a >= b),
        BinOp::Div | BinOp::Pow => panic!("{op:?} of integers"),
    })
}

macro_rules! floats {
    ($binary:ident, $math:ident, $min:ident, $max:ident, $t:ident, $variant:ident) => {
        fn $binary(op: BinOp, a: $t, b: $t) -> Value {
            Value::$variant(match op {
                BinOp::Add => a + b,
                BinOp::Sub => a - b,
                BinOp::Mul => a * b,
                BinOp::Div => a / b,
                BinOp::Pow if b == 2.0 => a * a,
                BinOp::Pow => a.powf(b),
                // The remainder of the division has the dividend's sign; an exact one is a
                // zero of the divisor's.
                BinOp::Rem => match a % b {
                    r if r == 0.0 => r.abs().copysign(b),
                    r if (r < 0.0) != (b < 0.0) => r + b,
                    r => r,
                },
                BinOp::Min => $min(a, b),
                BinOp::Max => $max(a, b),
                BinOp::Eq => return Value::Bool(a == b),
                BinOp::Ne => return Value::Bool(a != b),
                BinOp::Lt => return Value::Bool(a < b),
                BinOp::Le => return Value::Bool(a <= b),
                BinOp::Gt => return Value::Bool(a > b),
                BinOp::Ge => return Value::Bool(a >= b),
                op => panic!("{op:?} of floats"),
            })
        }

        /// The smaller, NaN if either is; of two zeros the second.
        pub(super) fn $min(a: $t, b: $t) -> $t {
            if a.is_nan() || a < b { a } else { b }
        }

        /// The larger, NaN if either is; of two zeros the second.
        pub(super) fn $max(a: $t, b: $t) -> $t {
            if a.is_nan() || a > b { a } else { b }
        }

        fn $math(function: MathFn, a: $t) -> $t {
            match function {
                MathFn::Exp => a.exp(),
                MathFn::Log => a.ln(),
                MathFn::Sqrt => a.sqrt(),
                MathFn::Sin => a.sin(),
                MathFn::Cos => a.cos(),
                MathFn::Tanh => a.tanh(),
                MathFn::Floor => a.floor(),
                MathFn::Ceil => a.ceil(),
                MathFn::Round => a.round_ties_even(),
            }
        }
    };
}

floats!(f32s, math_f32, min_f32, max_f32, f32, F32);
floats!(f64s, math_f64, min_f64, max_f64, f64, F64);

/// The kind of value that a reduction or a synapse starts from.
pub(super) fn zero(kind: Kind) -> Value {
    Value::Int(0).convert(kind)
}
