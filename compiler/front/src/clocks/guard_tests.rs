//! Guards against looking at each step.

use super::*;
use proptest::prelude::*;

fn t() -> TExpr {
    TExpr::time()
}

fn bin(op: Op, a: TExpr, b: TExpr) -> TExpr {
    TExpr::binary(op, a, b).unwrap()
}

fn with(op: Op, a: TExpr, b: i64) -> TExpr {
    bin(op, a, TExpr::int(b))
}

#[test]
fn remainders_are_periodic() {
    let guard = with(Op::Eq, with(Op::Rem, t(), 32), 1);
    assert_eq!(clock_of(&guard), Ok(Clock::every(32, 1)));
    let guard = with(Op::Eq, with(Op::Rem, with(Op::Sub, t(), 3), 4), 0);
    assert_eq!(clock_of(&guard), Ok(Clock::every(4, 3)));
}

#[test]
fn comparisons_settle() {
    let late = with(Op::Gt, t(), 5);
    assert_eq!(clock_of(&late), Ok(Clock::from_fn(5, 1, |t| t > 5)));
    let both = bin(Op::And, late, with(Op::Eq, with(Op::Rem, t(), 3), 0));
    assert_eq!(clock_of(&both), Ok(Clock::from_fn(5, 3, |t| t > 5 && t % 3 == 0)));
}

#[test]
fn stairs_repeat() {
    let stair = with(Op::FloorDiv, t(), 3);
    let odd = with(Op::Eq, with(Op::Rem, stair, 2), 1);
    assert_eq!(clock_of(&odd), Ok(Clock::from_fn(0, 6, |t| (t / 3) % 2 == 1)));
}

#[test]
fn what_is_not_periodic_is_said_to_be() {
    let guard = bin(Op::Eq, bin(Op::Mul, t(), t()), t());
    assert_eq!(clock_of(&guard), Err(NoClock::NotPeriodic));
}

#[test]
fn long_periods_are_solved() {
    let n = 1 << 40;
    let guard = with(Op::Eq, with(Op::Rem, t(), n), 7);
    assert_eq!(clock_of(&guard), Ok(Clock::every(1 << 40, 7)));
    let guard = with(Op::Lt, with(Op::Rem, t(), n), n / 2);
    let half = clock_of(&guard).unwrap();
    assert_eq!((half.period(), half.per_period()), (1 << 40, 1 << 39));
    let stair = with(Op::Rem, with(Op::FloorDiv, with(Op::Add, t(), 5), 1 << 20), 1 << 20);
    let late = bin(Op::And, with(Op::Eq, stair, 3), with(Op::Ge, t(), n));
    let clock = clock_of(&late).unwrap();
    assert_eq!(clock.next(1), Some((1 << 40) + 3 * (1 << 20) - 5));
    let coprime = |n, r| with(Op::Eq, with(Op::Rem, t(), n), r);
    let both = bin(Op::And, coprime(999_983, 1), coprime(1_000_003, 1));
    assert_eq!(clock_of(&both).unwrap().as_every(), Some((999_983 * 1_000_003, 1)));
    let either = bin(Op::Or, coprime(999_983, 1), coprime(1_000_003, 1));
    assert_eq!(clock_of(&either), Err(NoClock::Unmanageable(Unmanageable::Intervals)));
}

/// An integer expression over `t`, as code for a small stack.
fn integer(ops: &[(u8, i64)]) -> TExpr {
    let mut e = t();
    for (op, c) in ops {
        let nonzero = if *c == 0 { 3 } else { *c };
        e = match op % 8 {
            0 => with(Op::Add, e, *c),
            1 => bin(Op::Sub, TExpr::int(*c), e),
            2 => with(Op::Mul, e, *c),
            3 => with(Op::FloorDiv, e, nonzero.abs()),
            4 | 5 => with(Op::Rem, e, nonzero),
            6 => with(Op::Sub, e, *c),
            _ => TExpr::unary(Op::Neg, e).unwrap(),
        };
    }
    e
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn guards_hold_where_they_are_true(
        a in prop::collection::vec((any::<u8>(), -7..8i64), 0..5),
        b in prop::collection::vec((any::<u8>(), -7..8i64), 0..4),
        compared in (0..6usize, 0..6usize, -9..10i64, -9..10i64),
        joined in 0..4usize,
    ) {
        let comparisons = [Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::Eq, Op::Ne];
        let (first, second, c, d) = compared;
        let x = with(comparisons[first], integer(&a), c);
        let y = bin(comparisons[second], TExpr::int(d), integer(&b));
        let guard = match joined {
            0 => x,
            1 => bin(Op::And, x, y),
            2 => bin(Op::Or, x, TExpr::unary(Op::Not, y).unwrap()),
            _ => bin(Op::Ne, x, y),
        };
        match clock_of(&guard) {
            Ok(clock) => {
                for t in 1..600 {
                    let holds = at(&guard, t).and_then(|v| v.as_int()) == Some(1);
                    prop_assert_eq!(clock.holds(t), holds, "{} at {}", clock, t);
                }
            }
            Err(why) => prop_assert_eq!(why, NoClock::NotPeriodic),
        }
    }
}
