//! From a guard, a boolean expression over `t`, to the set of steps it allows.

use super::{Clock, lcm};
use crate::ir::{BinOp, Kind, UnOp};
use crate::tensor::{Tensor, Values, ops};
use crate::types::{Node, TExpr};

/// The longest prefix or period that is enumerated, in steps.
const LONGEST: u64 = 1 << 22;

/// Why a guard has no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClock {
    /// It depends on more than `t` and constants.
    Dynamic,
    /// It repeats, if at all, after more steps than are looked at.
    NotPeriodic,
}

/// The steps at which a scalar condition holds.
pub fn clock_of(e: &TExpr) -> Result<Clock, NoClock> {
    if !e.is_function_of_time() || !e.is_scalar() {
        return Err(NoClock::Dynamic);
    }
    let Shape::Periodic { prefix, period } = shape_of(e).ok_or(NoClock::NotPeriodic)?.settled()
    else {
        return Err(NoClock::NotPeriodic);
    };
    if prefix.saturating_add(period) > LONGEST {
        return Err(NoClock::NotPeriodic);
    }
    Ok(Clock::from_fn(prefix, period, |t| at(e, t).is_some_and(|v| truth(&v))))
}

/// How a function of `t` behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Periodic after a prefix; a constant has period 1.
    Periodic { prefix: u64, period: u64 },
    /// `floor((a·t + b) / d)` with d > 0.
    Ramp { a: i64, b: i64, d: i64 },
}

impl Shape {
    fn constant() -> Shape {
        Shape::Periodic { prefix: 0, period: 1 }
    }

    /// A ramp without slope is a constant.
    fn settled(self) -> Shape {
        match self {
            Shape::Ramp { a: 0, .. } => Shape::constant(),
            other => other,
        }
    }
}

fn constant(e: &TExpr) -> Option<i64> {
    e.as_int()
}

fn shape_of(e: &TExpr) -> Option<Shape> {
    let both = |a: &TExpr, b: &TExpr| -> Option<Shape> {
        match (shape_of(a)?.settled(), shape_of(b)?.settled()) {
            (
                Shape::Periodic { prefix: p, period: n },
                Shape::Periodic { prefix: q, period: m },
            ) if n <= LONGEST && m <= LONGEST => {
                Some(Shape::Periodic { prefix: p.max(q), period: lcm(n, m) })
            }
            _ => None,
        }
    };
    Some(match &e.node {
        Node::Const(_) => Shape::constant(),
        Node::Time => Shape::Ramp { a: 1, b: 0, d: 1 },
        Node::Unary(UnOp::Neg, x) => match shape_of(x)? {
            Shape::Ramp { a, b, d: 1 } => Shape::Ramp { a: -a, b: -b, d: 1 },
            Shape::Ramp { .. } => return None,
            periodic => periodic,
        },
        Node::Unary(_, x) | Node::Convert(x) | Node::Reshape(x) => match shape_of(x)?.settled() {
            ramp @ Shape::Ramp { .. } if e.kind == Kind::Int => ramp,
            Shape::Ramp { .. } => return None,
            periodic => periodic,
        },
        Node::Binary(op, x, y) => match (op, shape_of(x)?, shape_of(y)?) {
            (BinOp::Add | BinOp::Sub, Shape::Ramp { a, b, d: 1 }, other) => {
                let sign = if *op == BinOp::Sub { -1 } else { 1 };
                match (other, constant(y)) {
                    (Shape::Ramp { a: a2, b: b2, d: 1 }, _) => Shape::Ramp {
                        a: a.checked_add(sign * a2)?,
                        b: b.checked_add(sign * b2)?,
                        d: 1,
                    },
                    (_, Some(c)) => {
                        Shape::Ramp { a, b: b.checked_add(sign.checked_mul(c)?)?, d: 1 }
                    }
                    _ => return None,
                }
            }
            (BinOp::Add | BinOp::Sub, _, Shape::Ramp { a, b, d: 1 }) => {
                let sign = if *op == BinOp::Sub { -1 } else { 1 };
                Shape::Ramp { a: sign * a, b: constant(x)?.checked_add(sign * b)?, d: 1 }
            }
            (BinOp::Mul, Shape::Ramp { a, b, d: 1 }, _) => {
                let c = constant(y)?;
                Shape::Ramp { a: a.checked_mul(c)?, b: b.checked_mul(c)?, d: 1 }
            }
            (BinOp::Mul, _, Shape::Ramp { a, b, d: 1 }) => {
                let c = constant(x)?;
                Shape::Ramp { a: a.checked_mul(c)?, b: b.checked_mul(c)?, d: 1 }
            }
            (BinOp::FloorDiv, Shape::Ramp { a, b, d }, _) => {
                let c = constant(y).filter(|c| *c > 0)?;
                Shape::Ramp { a, b, d: d.checked_mul(c)? }
            }
            // floor((a·t + b) / d) mod m repeats with a·t mod (d·m).
            (BinOp::Rem, Shape::Ramp { d, .. }, _) => {
                let m = constant(y).filter(|m| *m != 0)?;
                let period = d.checked_mul(m)?.unsigned_abs();
                Shape::Periodic { prefix: 0, period }
            }
            (
                BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge | BinOp::Eq | BinOp::Ne,
                Shape::Ramp { a, b, d },
                _,
            ) if a != 0 && constant(y).is_some() => settles(a, b, d, constant(y)?)?,
            (
                BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge | BinOp::Eq | BinOp::Ne,
                _,
                Shape::Ramp { a, b, d },
            ) if a != 0 && constant(x).is_some() => settles(a, b, d, constant(x)?)?,
            _ => both(x, y)?,
        },
        Node::Select(c, x, y) => {
            let (
                Shape::Periodic { prefix: p, period: n },
                Shape::Periodic { prefix: q, period: m },
            ) = (shape_of(c)?.settled(), both(x, y)?)
            else {
                return None;
            };
            Shape::Periodic { prefix: p.max(q), period: lcm(n, m) }
        }
        _ => return None,
    })
}

/// A comparison of a ramp with a constant is constant once the ramp has passed it.
fn settles(a: i64, b: i64, d: i64, c: i64) -> Option<Shape> {
    let target = c.checked_add(1)?.checked_mul(d)?.checked_sub(b)?;
    let crossing = target.checked_div(a)?.max(0) as u64;
    Some(Shape::Periodic { prefix: crossing + 2, period: 1 })
}

/// The value of a scalar function of time at step `t`.
pub fn at(e: &TExpr, t: u64) -> Option<Tensor> {
    let go = |x: &TExpr| at(x, t);
    match &e.node {
        Node::Const(c) => Some((**c).clone()),
        Node::Time => Some(Tensor::scalar_int(t as i64)),
        Node::Unary(op, x) => Some(ops::unary(*op, &go(x)?)),
        Node::Binary(op, x, y) => ops::binary(*op, x.kind, &go(x)?, &go(y)?),
        Node::Select(c, x, y) => ops::select(&go(c)?, &go(x)?, &go(y)?),
        Node::Convert(x) => Some(go(x)?.convert(e.kind)),
        Node::Reshape(x) => Some(go(x)?.reshape(e.shape.clone())),
        Node::Wrap { bits, signed, value } => Some(ops::wrap(*bits, *signed, &go(value)?)),
        Node::Math(f, x) => Some(ops::math(*f, e.kind, &go(x)?)),
        Node::Decay(x, d) => ops::decay(&go(x)?, &go(d)?),
        _ => None,
    }
}

fn truth(value: &Tensor) -> bool {
    matches!(&value.values, Values::Bool(v) if v.first() == Some(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t() -> TExpr {
        TExpr::time()
    }

    fn bin(op: BinOp, a: TExpr, b: TExpr) -> TExpr {
        TExpr::binary(op, a, b).unwrap()
    }

    #[test]
    fn remainders_are_periodic() {
        let guard = bin(BinOp::Eq, bin(BinOp::Rem, t(), TExpr::int(32)), TExpr::int(1));
        assert_eq!(clock_of(&guard), Ok(Clock::every(32, 1)));
        let shifted = bin(BinOp::Sub, t(), TExpr::int(3));
        let guard = bin(BinOp::Eq, bin(BinOp::Rem, shifted, TExpr::int(4)), TExpr::int(0));
        assert_eq!(clock_of(&guard), Ok(Clock::every(4, 3)));
    }

    #[test]
    fn comparisons_settle() {
        let late = bin(BinOp::Gt, t(), TExpr::int(5));
        assert_eq!(clock_of(&late), Ok(Clock::from_fn(5, 1, |t| t > 5)));
        let both = TExpr::binary(
            BinOp::And,
            late,
            bin(BinOp::Eq, bin(BinOp::Rem, t(), TExpr::int(3)), TExpr::int(0)),
        );
        assert_eq!(clock_of(&both.unwrap()), Ok(Clock::from_fn(5, 3, |t| t > 5 && t % 3 == 0)));
    }

    #[test]
    fn stairs_repeat() {
        let stair = bin(BinOp::FloorDiv, t(), TExpr::int(3));
        let odd = bin(BinOp::Eq, bin(BinOp::Rem, stair, TExpr::int(2)), TExpr::int(1));
        assert_eq!(clock_of(&odd), Ok(Clock::from_fn(0, 6, |t| (t / 3) % 2 == 1)));
    }

    #[test]
    fn what_is_not_periodic_is_said_to_be() {
        let square = bin(BinOp::Mul, t(), t());
        let guard = bin(BinOp::Eq, square, t());
        assert_eq!(clock_of(&guard), Err(NoClock::NotPeriodic));
    }
}
