//! Bounds of results from bounds of operands.

use super::{Kind, Op, eval};
use snn_core::arith;

/// Lowest and highest value, both included. Booleans are 0 and 1.
pub type Interval = (i64, i64);

/// Any integer.
pub const FULL: Interval = (i64::MIN, i64::MAX);

impl Op {
    /// Bounds of its result, given those of its operands; `None` stands for a float. Where
    /// the 64-bit arithmetic may wrap they are [`FULL`].
    pub fn interval(self, operands: &[Option<Interval>]) -> Option<Interval> {
        // No operation has more.
        let mut known = [FULL; 3];
        let mut of = known.iter_mut().zip(operands);
        let whole = of.all(|(known, bound)| bound.map(|bound| *known = bound).is_some());
        match (self, known.get(..operands.len()).filter(|_| whole)) {
            (Op::Convert(Kind::F32 | Kind::F64), _) => None,
            (_, Some(known)) if known.len() == self.arity() => {
                Some((self.row().interval)(self, known))
            }
            (Op::Convert(Kind::Int), None) => Some(FULL),
            (Op::Convert(Kind::Bool), None) => Some((0, 1)),
            (_, None) if self.is_comparison() => Some((0, 1)),
            _ => None,
        }
    }
}

/// The integers of that many bits, as far as they are 64-bit integers.
pub fn of_bits(bits: u8, signed: bool) -> Interval {
    match (bits, signed) {
        (64.., true) => FULL,
        (63.., false) => (0, i64::MAX),
        (_, true) => {
            let half = 1i64 << (bits.max(1) - 1);
            (-half, half - 1)
        }
        (_, false) => (0, (1i64 << bits) - 1),
    }
}

/// The 64-bit integers that the exact bounds allow: all of them where one may have wrapped.
pub fn narrow((lo, hi): (i128, i128)) -> Interval {
    match (i64::try_from(lo), i64::try_from(hi)) {
        (Ok(lo), Ok(hi)) => (lo, hi),
        _ => FULL,
    }
}

fn wide((lo, hi): Interval) -> (i128, i128) {
    (lo.into(), hi.into())
}

fn join(a: Interval, b: Interval) -> Interval {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Bounds of an operation that is monotone in either operand.
fn corners(x: (i128, i128), y: (i128, i128), f: impl Fn(i128, i128) -> i128) -> (i128, i128) {
    let all = [f(x.0, y.0), f(x.0, y.1), f(x.1, y.0), f(x.1, y.1)];
    all.into_iter().fold((all[0], all[0]), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

/// A rule of one operand.
macro_rules! one {
    ($name:ident($x:ident) = $bounds:expr) => {
        pub(super) fn $name(_: Op, operands: &[Interval]) -> Interval {
            let [$x] = *operands else { return FULL };
            $bounds
        }
    };
}

/// A rule of two operands.
macro_rules! two {
    ($name:ident($x:ident, $y:ident) = $bounds:expr) => {
        pub(super) fn $name(_: Op, operands: &[Interval]) -> Interval {
            let [$x, $y] = *operands else { return FULL };
            $bounds
        }
    };
}

one!(neg(x) = narrow((-i128::from(x.1), -i128::from(x.0))));
one!(not(x) = (1 - x.1.clamp(0, 1), 1 - x.0.clamp(0, 1)));
one!(
    abs(x) = {
        let (lo, hi) = wide(x);
        match (lo >= 0, hi <= 0) {
            (true, _) => x,
            (_, true) => narrow((-hi, -lo)),
            _ => narrow((0, hi.max(-lo))),
        }
    }
);
two!(add(x, y) = narrow((i128::from(x.0) + i128::from(y.0), i128::from(x.1) + i128::from(y.1))));
two!(sub(x, y) = narrow((i128::from(x.0) - i128::from(y.1), i128::from(x.1) - i128::from(y.0))));
two!(mul(x, y) = narrow(corners(wide(x), wide(y), |a, b| a.saturating_mul(b))));
two!(min(x, y) = (x.0.min(y.0), x.1.min(y.1)));
two!(max(x, y) = (x.0.max(y.0), x.1.max(y.1)));

/// Bounds of a condition that always holds, or never.
fn decided(always: bool, never: bool) -> Interval {
    (always.into(), (!never).into())
}

two!(eq(x, y) = decided(x == y && x.0 == x.1, x.1 < y.0 || y.1 < x.0));
two!(ne(x, y) = decided(x.1 < y.0 || y.1 < x.0, x == y && x.0 == x.1));
two!(lt(x, y) = decided(x.1 < y.0, x.0 >= y.1));
two!(le(x, y) = decided(x.1 <= y.0, x.0 > y.1));
two!(gt(x, y) = decided(x.0 > y.1, x.1 <= y.0));
two!(ge(x, y) = decided(x.0 >= y.1, x.1 < y.0));

two!(
    decay(x, d) = {
        let factor = (4096 - i128::from(d.1), 4096 - i128::from(d.0));
        let product = corners(wide(x), factor, |a, b| a.saturating_mul(b));
        match (i64::try_from(product.0), i64::try_from(product.1)) {
            // Division rounds toward zero, as the shift of the magnitude does.
            (Ok(lo), Ok(hi)) => (lo / 4096, hi / 4096),
            _ => (i64::MIN / 4096, i64::MAX / 4096),
        }
    }
);

/// Shifts by an amount outside 0..=63 are 0.
fn shift(x: Interval, by: Interval, f: impl Fn(i128, i128) -> i128) -> Interval {
    let amounts = (by.0.max(0), by.1.min(63));
    if amounts.0 > amounts.1 {
        return (0, 0);
    }
    let shifted = narrow(corners(wide(x), wide(amounts), f));
    if amounts == by { shifted } else { join(shifted, (0, 0)) }
}

two!(shl(x, by) = shift(x, by, |a, b| a << b));
// A shift to the right by more than 63 leaves the sign, as one by 63 does.
two!(shr(x, by) = shift(x, (by.0.min(63), by.1.min(63)), |a, b| a >> b));

/// The negative and the positive part of a divisor's interval.
fn signs(y: Interval) -> impl Iterator<Item = Interval> {
    [(y.0, y.1.min(-1)), (y.0.max(1), y.1)].into_iter().filter(|(lo, hi)| lo <= hi)
}

/// Division by zero gives 0.
fn by_zero(y: Interval) -> Option<Interval> {
    (y.0 <= 0 && y.1 >= 0).then_some((0, 0))
}

two!(
    floor_div(x, y) = {
        if x.0 == i64::MIN && y.0 <= -1 && y.1 >= -1 {
            // The one quotient that wraps.
            return FULL;
        }
        let divide = |a: i128, b: i128| arith::floor_div(a as i64, b as i64).into();
        let quotients = signs(y).map(|y| narrow(corners(wide(x), wide(y), divide)));
        quotients.chain(by_zero(y)).reduce(join).unwrap_or(FULL)
    }
);

two!(
    rem(x, y) = {
        if x.0 == x.1 && y.0 == y.1 {
            let value = arith::floor_rem(x.0, y.0);
            return (value, value);
        }
        let remainders = signs(y).map(|y| {
            if y.0 > 0 {
                match x.0 >= 0 {
                    true if x.1 < y.0 => x,
                    true => (0, x.1.min(y.1 - 1)),
                    false => (0, y.1 - 1),
                }
            } else {
                match x.1 <= 0 {
                    true if x.0 > y.1 => x,
                    true => (x.0.max(y.0 + 1), 0),
                    false => (y.0 + 1, 0),
                }
            }
        });
        remainders.chain(by_zero(y)).reduce(join).unwrap_or(FULL)
    }
);

/// Of integers; booleans, as 0 and 1, have the same.
pub(super) fn bitwise(op: Op, operands: &[Interval]) -> Interval {
    let [x, y] = *operands else { return FULL };
    if x.0 == x.1 && y.0 == y.1 {
        let value = match op {
            Op::And => x.0 & y.0,
            Op::Or => x.0 | y.0,
            _ => x.0 ^ y.0,
        };
        return (value, value);
    }
    // All bits that a value of either operand may differ from its sign in.
    let magnitude = |v: i64| if v < 0 { !v } else { v };
    let ends = [x.0, x.1, y.0, y.1];
    let bits = ends.into_iter().map(magnitude).fold(0, |a, b| a | b);
    let ones = if bits == 0 { 0 } else { i64::MAX >> (bits.leading_zeros() - 1) };
    match (op, x.0 >= 0, y.0 >= 0) {
        (Op::And, true, true) => (0, x.1.min(y.1)),
        (Op::And, true, false) => (0, x.1),
        (Op::And, false, true) => (0, y.1),
        (Op::Or, true, true) => (x.0.max(y.0), ones),
        (Op::Xor, true, true) => (0, ones),
        _ => (-ones - 1, ones),
    }
}

pub(super) fn select(_: Op, operands: &[Interval]) -> Interval {
    match *operands {
        [(1, _), then, _] => then,
        [(_, 0), _, other] => other,
        [_, then, other] => join(then, other),
        _ => FULL,
    }
}

pub(super) fn convert(op: Op, operands: &[Interval]) -> Interval {
    let [x] = *operands else { return FULL };
    match op {
        Op::Convert(Kind::Bool) => (i64::from(x.0 > 0 || x.1 < 0), i64::from(x != (0, 0))),
        _ => x,
    }
}

pub(super) fn wrap(op: Op, operands: &[Interval]) -> Interval {
    let ([x], Some((bits, signed))) = (operands, eval::width(op)) else { return FULL };
    let bounds = of_bits(bits, signed);
    // All 64 bits are the value itself, also where it is called unsigned.
    if bits >= 64 || (bounds.0 <= x.0 && x.1 <= bounds.1) { *x } else { bounds }
}

pub(super) fn sat(op: Op, operands: &[Interval]) -> Interval {
    let ([x], Some((bits, signed))) = (operands, eval::width(op)) else { return FULL };
    let (lo, hi) = of_bits(bits, signed);
    (x.0.clamp(lo, hi), x.1.clamp(lo, hi))
}
