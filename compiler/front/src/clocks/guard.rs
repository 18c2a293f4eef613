//! From a guard, a boolean expression over `t`, to the set of steps it allows.
//!
//! Comparisons of `floor((a·t + b) / d)` and of its remainders with constants are solved, so that
//! periods may be long; other functions of `t` that repeat soon are looked at step by step.

use crate::types::{Node, TExpr};
use snn_ir::clock::Intervals;
use snn_ir::clock::number::{gcd, inverse, lcm};
use snn_ir::clock::{Clock, Unmanageable};
use snn_ir::network::{Op as Operation, evaluate};
use snn_ir::scalar::{Kind, Op};
use snn_ir::tensor::{Constant, Tensor};
use std::sync::Arc;

/// The most steps that are looked at one by one.
const LONGEST: u64 = 1 << 20;
/// The most remainders that are solved for one by one.
const MOST_REMAINDERS: u64 = 1 << 17;

/// Why a guard has no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClock {
    /// It depends on more than `t` and constants.
    Dynamic,
    /// It is not known to repeat.
    NotPeriodic,
    /// Its steps repeat too late, or change too often.
    Unmanageable(Unmanageable),
}

impl From<Unmanageable> for NoClock {
    fn from(why: Unmanageable) -> NoClock {
        NoClock::Unmanageable(why)
    }
}

/// The steps at which a scalar condition holds.
///
/// # Errors
/// Where it depends on more than `t`, or does not repeat soon enough.
pub fn clock_of(e: &TExpr) -> Result<Clock, NoClock> {
    if !e.is_function_of_time() || !e.is_scalar() {
        return Err(NoClock::Dynamic);
    }
    steps(e)
}

/// An expression over `t` as this file sees it.
enum View<'e> {
    Const,
    Time,
    Unary(Op, &'e TExpr),
    Binary(Op, &'e TExpr, &'e TExpr),
    Select(&'e TExpr, &'e TExpr, &'e TExpr),
    /// Of another kind.
    Convert(&'e TExpr),
    Same(&'e TExpr),
    /// Some function of this.
    Of(&'e TExpr),
    Other,
}

fn view(e: &TExpr) -> View<'_> {
    match &*e.node {
        Node::Const(_) => View::Const,
        Node::Apply(Operation::Time, _) => View::Time,
        Node::Apply(Operation::Scalar(op), args) => match (op, args.as_slice()) {
            (Op::Convert(_), [x]) => View::Convert(x),
            (Op::Neg | Op::Not | Op::Abs, [x]) => View::Unary(*op, x),
            (_, [x]) => View::Of(x),
            (_, [x, y]) => View::Binary(*op, x, y),
            (Op::Select, [c, x, y]) => View::Select(c, x, y),
            _ => View::Other,
        },
        Node::Apply(Operation::Reshape, args) => args.first().map_or(View::Other, View::Same),
        _ => View::Other,
    }
}

/// The value of a scalar function of time at step `t`.
pub fn at(e: &TExpr, t: u64) -> Option<Constant> {
    match &*e.node {
        Node::Const(c) => Some(c.clone()),
        Node::Apply(Operation::Time, _) => {
            Some(Constant::Dense(Arc::new(Tensor::scalar_int(i64::try_from(t).ok()?))))
        }
        Node::Apply(op, args) => {
            let args: Option<Vec<Constant>> = args.iter().map(|a| at(a, t)).collect();
            let args = args?;
            let args: Vec<&Constant> = args.iter().collect();
            evaluate::apply(op, (e.kind, &e.shape), &args)
        }
        Node::File(_) | Node::Read(_) => None,
    }
}

/// The steps at which a boolean holds.
fn steps(e: &TExpr) -> Result<Clock, NoClock> {
    solution(e).unwrap_or_else(|| enumerated(e))
}

/// The steps at which a boolean holds; `None` where it is not of a form that is solved.
fn solution(e: &TExpr) -> Option<Result<Clock, NoClock>> {
    match view(e) {
        View::Const if constant(e) == Some(1) => Some(Ok(Clock::always())),
        View::Const => Some(Ok(Clock::never())),
        View::Unary(Op::Not, x) => Some(steps(x).map(|x| x.not())),
        View::Same(x) => Some(steps(x)),
        View::Binary(op, x, y) if x.kind == Kind::Bool => combined(op, x, y).transpose(),
        View::Select(c, x, y) => Some(chosen(c, x, y)),
        View::Convert(x) if x.kind == Kind::Int => compared(Op::Ne, x, 0),
        View::Binary(op, x, y) if op.is_comparison() && x.kind == Kind::Int => {
            match (constant(x), constant(y)) {
                (_, Some(c)) => compared(op, x, c),
                (Some(c), _) => compared(mirrored(op), y, c),
                _ => solved(op, difference(x, y)?, 0),
            }
        }
        _ => None,
    }
}

fn combined(op: Op, x: &TExpr, y: &TExpr) -> Result<Option<Clock>, NoClock> {
    let differ = |x: &Clock, y: &Clock| x.and(&y.not())?.or(&y.and(&x.not())?);
    Ok(Some(match op {
        Op::And => steps(x)?.and(&steps(y)?)?,
        Op::Or => steps(x)?.or(&steps(y)?)?,
        Op::Xor | Op::Ne => differ(&steps(x)?, &steps(y)?)?,
        Op::Eq => differ(&steps(x)?, &steps(y)?)?.not(),
        _ => return Ok(None),
    }))
}

fn chosen(c: &TExpr, x: &TExpr, y: &TExpr) -> Result<Clock, NoClock> {
    let c = steps(c)?;
    Ok(c.and(&steps(x)?)?.or(&c.not().and(&steps(y)?)?)?)
}

/// The steps of a function that repeats soon.
fn enumerated(e: &TExpr) -> Result<Clock, NoClock> {
    let Shape::Periodic { prefix, period } = shape_of_parts(e).ok_or(NoClock::NotPeriodic)? else {
        return Err(NoClock::NotPeriodic);
    };
    if prefix.saturating_add(period) > LONGEST {
        return Err(Unmanageable::Intervals.into());
    }
    Ok(Clock::from_fn(prefix, period, |t| at(e, t).and_then(|v| v.as_int()) == Some(1)))
}

fn constant(e: &TExpr) -> Option<i64> {
    e.as_int()
}

fn mirrored(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        other => other,
    }
}

fn compare(op: Op, a: i128, b: i128) -> bool {
    match op {
        Op::Lt => a < b,
        Op::Le => a <= b,
        Op::Gt => a > b,
        Op::Ge => a >= b,
        Op::Eq => a == b,
        _ => a != b,
    }
}

/// The steps at which an integer compares with a constant so; `None` where it is not of a form
/// that is solved.
fn compared(op: Op, x: &TExpr, c: i64) -> Option<Result<Clock, NoClock>> {
    if let View::Convert(bool) = view(x)
        && bool.kind == Kind::Bool
    {
        let [one, zero] = [1, 0].map(|value| compare(op, value, c.into()));
        return Some(steps(bool).map(|holds| match (one, zero) {
            (true, false) => holds,
            (false, true) => holds.not(),
            (both, _) => {
                if both {
                    Clock::always()
                } else {
                    Clock::never()
                }
            }
        }));
    }
    solved(op, form(x)?, c)
}

/// An integer function of `t`.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// `floor((a·t + b) / d)`, with d > 0. A constant has `a == 0`.
    Ramp { a: i64, b: i64, d: i64 },
    /// `floor((a·t + b) / d) mod m`, scaled and moved: `by·(…) + plus`; d > 0, m and `by` not 0.
    Saw { a: i64, b: i64, d: i64, m: i64, by: i64, plus: i64 },
}

fn form(e: &TExpr) -> Option<Form> {
    if e.kind != Kind::Int {
        return None;
    }
    if let Some(c) = constant(e) {
        return Some(Form::Ramp { a: 0, b: c, d: 1 });
    }
    match view(e) {
        View::Time => Some(Form::Ramp { a: 1, b: 0, d: 1 }),
        View::Same(x) => form(x),
        View::Unary(Op::Neg, x) => scaled(form(x)?, -1),
        View::Binary(Op::Add, x, y) => match (constant(x), constant(y)) {
            (_, Some(c)) => moved(form(x)?, c),
            (Some(c), _) => moved(form(y)?, c),
            _ => sum(form(x)?, form(y)?),
        },
        View::Binary(Op::Sub, x, y) => match (constant(x), constant(y)) {
            (_, Some(c)) => moved(form(x)?, c.checked_neg()?),
            (Some(c), _) => moved(scaled(form(y)?, -1)?, c),
            _ => difference(x, y),
        },
        View::Binary(Op::Mul, x, y) => match (constant(x), constant(y)) {
            (_, Some(c)) => scaled(form(x)?, c),
            (Some(c), _) => scaled(form(y)?, c),
            _ => None,
        },
        View::Binary(Op::FloorDiv, x, y) => divided(form(x)?, constant(y).filter(|c| *c > 0)?),
        View::Binary(Op::Rem, x, y) => remainder(form(x)?, constant(y).filter(|c| *c != 0)?),
        _ => None,
    }
}

fn sum(x: Form, y: Form) -> Option<Form> {
    let (Form::Ramp { a, b, d: 1 }, Form::Ramp { a: a2, b: b2, d: 1 }) = (x, y) else {
        return None;
    };
    Some(Form::Ramp { a: a.checked_add(a2)?, b: b.checked_add(b2)?, d: 1 })
}

fn difference(x: &TExpr, y: &TExpr) -> Option<Form> {
    sum(form(x)?, scaled(form(y)?, -1)?)
}

fn moved(x: Form, c: i64) -> Option<Form> {
    Some(match x {
        Form::Ramp { a, b, d } => Form::Ramp { a, b: b.checked_add(c.checked_mul(d)?)?, d },
        Form::Saw { a, b, d, m, by, plus } => {
            Form::Saw { a, b, d, m, by, plus: plus.checked_add(c)? }
        }
    })
}

fn scaled(x: Form, c: i64) -> Option<Form> {
    Some(match x {
        Form::Ramp { .. } | Form::Saw { .. } if c == 0 => Form::Ramp { a: 0, b: 0, d: 1 },
        Form::Ramp { a, b, d: 1 } => {
            Form::Ramp { a: a.checked_mul(c)?, b: b.checked_mul(c)?, d: 1 }
        }
        Form::Ramp { .. } => return None,
        Form::Saw { a, b, d, m, by, plus } => {
            Form::Saw { a, b, d, m, by: by.checked_mul(c)?, plus: plus.checked_mul(c)? }
        }
    })
}

fn divided(x: Form, c: i64) -> Option<Form> {
    Some(match x {
        Form::Ramp { a, b, d } => Form::Ramp { a, b, d: d.checked_mul(c)? },
        // floor((s mod m) / c) is floor(s / c) mod (m / c).
        Form::Saw { a, b, d, m, by: 1, plus: 0 } if m > 0 && m % c == 0 => {
            Form::Saw { a, b, d: d.checked_mul(c)?, m: m / c, by: 1, plus: 0 }
        }
        Form::Saw { .. } => return None,
    })
}

fn remainder(x: Form, c: i64) -> Option<Form> {
    Some(match x {
        Form::Ramp { a, b, d } => Form::Saw { a, b, d, m: c, by: 1, plus: 0 },
        // (s mod m + plus) mod c is (s + plus) mod c.
        Form::Saw { a, b, d, m, by: 1, plus } if m % c == 0 => {
            let b = b.checked_add(plus.checked_mul(d)?)?;
            Form::Saw { a, b, d, m: c, by: 1, plus: 0 }
        }
        Form::Saw { .. } => return None,
    })
}

/// The steps at which a form compares with a constant so; `None` where the numbers are too large.
fn solved(op: Op, x: Form, c: i64) -> Option<Result<Clock, NoClock>> {
    match x {
        Form::Ramp { a, b, d } => {
            let [a, b, d, c] = [a, b, d, c].map(i128::from);
            // floor(y / d) < c exactly where y < c·d.
            let below = |c: i128| below(a, b, c.checked_mul(d)?);
            Some(Ok(match op {
                Op::Lt => below(c)?,
                Op::Le => below(c + 1)?,
                Op::Gt => below(c + 1)?.not(),
                Op::Ge => below(c)?.not(),
                _ => {
                    let equal = match below(c + 1)?.and(&below(c)?.not()) {
                        Ok(equal) => equal,
                        Err(why) => return Some(Err(why.into())),
                    };
                    if op == Op::Eq { equal } else { equal.not() }
                }
            }))
        }
        Form::Saw { a, b, d, m, by, plus } => {
            let n = m.unsigned_abs();
            let size = i128::from(n);
            // The remainders r in 0..n whose value compares so: of `by·v + plus`, which goes one
            // way, those up to a point, from a point, or one.
            let value = |r: i128| {
                let v = if m < 0 && r > 0 { r - size } else { r };
                i128::from(by) * v + i128::from(plus)
            };
            let holds = |r: i128| compare(op, value(r), c.into());
            let mut remainders: Vec<(u64, u64)> = Vec::new();
            // Where m < 0, remainder 0 is the largest value, 1 the smallest.
            let monotone = if m < 0 { vec![(0, 1), (1, size)] } else { vec![(0, size)] };
            for (from, to) in monotone.into_iter().filter(|(from, to)| from < to) {
                let target = i128::from(c) - i128::from(plus);
                // Around this remainder the comparison changes.
                let v = target.div_euclid(by.into()) + if m < 0 && from > 0 { size } else { 0 };
                let mut cuts: Vec<i128> = [from, to].into();
                cuts.extend((v - 1..=v + 2).filter(|r| (from..to).contains(r)));
                cuts.sort_unstable();
                for pair in cuts.windows(2).filter(|pair| pair[0] < pair[1] && holds(pair[0])) {
                    remainders.push((pair[0] as u64, pair[1] as u64));
                }
            }
            remainder_in(a, b, d, n, &Intervals::of(remainders))
        }
    }
}

/// The steps with `a·t + b < y`.
fn below(a: i128, b: i128, y: i128) -> Option<Clock> {
    let y = y.checked_sub(b)?;
    let step = |t: i128| t.clamp(1, i128::from(i64::MAX)) as u64;
    Some(match a {
        0 if y > 0 => Clock::always(),
        0 => Clock::never(),
        // Up to the last t with a·t <= y - 1.
        1.. => Clock::between(1, step((y - 1).div_euclid(a) + 1)),
        // From the first t with -a·t >= 1 - y.
        _ => Clock::between(1, step(-(y - 1).div_euclid(-a))).not(),
    })
}

/// The steps at which `floor((a·t + b) / d) mod m` is in a set of numbers below `m`.
fn remainder_in(a: i64, b: i64, d: i64, m: u64, set: &Intervals) -> Option<Result<Clock, NoClock>> {
    // (a·t + b) mod (d·m) is in the set times d.
    let d = d.unsigned_abs();
    let whole = d.checked_mul(m).filter(|n| i64::try_from(*n).is_ok())?;
    let wide = i128::from(whole);
    let parts = set.runs().iter().flat_map(|run| {
        // Less b, around the circle.
        let start = (i128::from(run.start) * i128::from(d) - i128::from(b)).rem_euclid(wide);
        let (start, length) = (start as u64, (run.end - run.start) * d);
        let over = (start + length).saturating_sub(whole);
        [(start, start + length - over), (0, over)]
    });
    let of_product = Intervals::of(parts.collect());
    // a·t mod d·m is among those: where g divides all three, t·(a/g) mod (d·m/g).
    let a = i128::from(a).rem_euclid(wide) as u64;
    if a == 0 {
        let always = of_product.holds(0);
        return Some(Ok(if always { Clock::always() } else { Clock::never() }));
    }
    let g = gcd(a, whole);
    let (a, period) = (a / g, whole / g);
    let mut of_multiple = Intervals::empty();
    for run in of_product.runs() {
        of_multiple.push(run.start.div_ceil(g), run.end.div_ceil(g));
    }
    if a == 1 || of_multiple.total() == period {
        return Some(Ok(Clock::within(period, of_multiple)));
    }
    if a + 1 == period {
        let parts = of_multiple.runs().iter().flat_map(|run| {
            // -t for t in the run; 0 stays.
            let zero = (0, u64::from(run.start == 0));
            [zero, (period - run.end + 1, period - run.start.max(1) + 1)]
        });
        return Some(Ok(Clock::within(period, Intervals::of(parts.collect()))));
    }
    // One remainder of t for each of a·t; of those that are fewer.
    let few = of_multiple.total().min(period - of_multiple.total());
    if few > MOST_REMAINDERS {
        return Some(Err(Unmanageable::Intervals.into()));
    }
    let inside = of_multiple.total() == few;
    let listed = if inside { of_multiple } else { of_multiple.complement(0, period) };
    let back = u128::from(inverse(a, period));
    let remainders = listed.runs().iter().flat_map(|run| run.start..run.end).map(|r| {
        let t = (u128::from(r) * back % u128::from(period)) as u64;
        (t, t + 1)
    });
    let clock = Clock::within(period, Intervals::of(remainders.collect()));
    Some(Ok(if inside { clock } else { clock.not() }))
}

/// How a function of `t` behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Periodic after a prefix; a constant has period 1.
    Periodic { prefix: u64, period: u64 },
    /// Goes one way for ever: `floor((a·t + b) / d)`.
    Ramp,
}

/// After which steps a function repeats.
fn shape_of(e: &TExpr) -> Option<Shape> {
    if e.kind == Kind::Bool
        && let Some(Ok(clock)) = solution(e)
    {
        return Some(Shape::Periodic { prefix: clock.prefix(), period: clock.period() });
    }
    shape_of_parts(e)
}

/// After which steps a function repeats, from when its operands do.
fn shape_of_parts(e: &TExpr) -> Option<Shape> {
    match form(e) {
        Some(Form::Ramp { a: 0, .. }) => return Some(Shape::Periodic { prefix: 0, period: 1 }),
        Some(Form::Ramp { .. }) => return Some(Shape::Ramp),
        Some(Form::Saw { d, m, .. }) => {
            let period = d.checked_mul(m)?.unsigned_abs();
            return Some(Shape::Periodic { prefix: 0, period });
        }
        None => {}
    }
    let all = |parts: &[&TExpr]| {
        parts.iter().try_fold(Shape::Periodic { prefix: 0, period: 1 }, |known, part| {
            match (known, shape_of(part)?) {
                (
                    Shape::Periodic { prefix, period },
                    Shape::Periodic { prefix: later, period: other },
                ) => {
                    Some(Shape::Periodic { prefix: prefix.max(later), period: lcm(period, other)? })
                }
                _ => None,
            }
        })
    };
    match view(e) {
        View::Const => Some(Shape::Periodic { prefix: 0, period: 1 }),
        View::Unary(_, x) | View::Convert(x) | View::Same(x) | View::Of(x) => all(&[x]),
        View::Binary(_, x, y) => all(&[x, y]),
        View::Select(c, x, y) => all(&[c, x, y]),
        View::Time | View::Other => None,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
