//! Clocks against lists of booleans.

use super::*;
use proptest::prelude::*;

/// Steps that are compared: more than any prefix here and several common periods.
const COMPARED: u64 = 400;

/// A prefix and a period as booleans.
fn bits() -> impl Strategy<Value = (Vec<bool>, Vec<bool>)> {
    let early = prop::collection::vec(any::<bool>(), 0..12);
    let sparse = prop::collection::vec(prop::bool::weighted(0.15), 1..13);
    let dense = prop::collection::vec(any::<bool>(), 1..13);
    (early, prop_oneof![sparse, dense])
}

fn model((early, cycle): &(Vec<bool>, Vec<bool>), t: u64) -> bool {
    let t = t as usize - 1;
    match early.get(t) {
        Some(bit) => *bit,
        None => cycle[(t - early.len()) % cycle.len()],
    }
}

fn clock(bits: &(Vec<bool>, Vec<bool>)) -> Clock {
    Clock::from_fn(bits.0.len() as u64, bits.1.len() as u64, |t| model(bits, t))
}

/// The least prefix and period that give these booleans.
fn least(holds: &dyn Fn(u64) -> bool) -> (u64, u64) {
    let last = COMPARED;
    for period in 1..=160 {
        let differs = |t: &u64| holds(*t) != holds(t + period);
        // After the last step that differs from the one a period later, it repeats.
        let prefix = (1..=last - period).rev().find(differs).unwrap_or(0);
        if prefix <= 12 {
            return (prefix, period);
        }
    }
    panic!("neither prefix nor period is short");
}

fn same(clock: &Clock, holds: &dyn Fn(u64) -> bool) -> Result<(), TestCaseError> {
    for t in 1..=COMPARED {
        prop_assert_eq!(clock.holds(t), holds(t), "{} at {}", clock, t);
    }
    prop_assert_eq!((clock.prefix(), clock.period()), least(holds), "{}", clock);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_clock_is_its_steps(a in bits()) {
        let c = clock(&a);
        same(&c, &|t| model(&a, t))?;
        let steps: Vec<u64> = (1..=COMPARED).filter(|t| model(&a, *t)).collect();
        let listed: Vec<u64> = c.steps().take_while(|t| *t <= COMPARED).collect();
        prop_assert_eq!(&listed, &steps);
        for t in 0..=100u64 {
            prop_assert_eq!(c.count(t), steps.iter().filter(|s| **s <= t).count() as u64);
            let next = steps.iter().copied().find(|s| *s >= t);
            prop_assert_eq!(c.next(t), next);
            prop_assert_eq!(c.last(t), steps.iter().copied().rfind(|s| *s <= t));
        }
        let every = (1..=13).find_map(|n| {
            (0..n).find(|r| (1..=COMPARED).all(|t| model(&a, t) == (t % n == *r))).map(|r| (n, r))
        });
        prop_assert_eq!(c.as_every(), every);
        prop_assert_eq!(c.is_always(), steps.len() as u64 == COMPARED);
        prop_assert_eq!(c.is_never(), steps.is_empty());
        let (from, period) = (c.prefix(), c.period());
        let in_period = (from + 1..=from + period).filter(|t| model(&a, *t)).count();
        prop_assert_eq!(c.per_period(), in_period as u64);
    }

    #[test]
    fn combining_is_combining_booleans(a in bits(), b in bits()) {
        let (c, d) = (clock(&a), clock(&b));
        same(&c.and(&d).unwrap(), &|t| model(&a, t) && model(&b, t))?;
        same(&c.or(&d).unwrap(), &|t| model(&a, t) || model(&b, t))?;
        same(&c.not(), &|t| !model(&a, t))?;
        prop_assert_eq!(c.not().not(), c.clone());
        let equal = (1..=COMPARED).all(|t| model(&a, t) == model(&b, t));
        prop_assert_eq!(c == d, equal);
    }

    #[test]
    fn remainders_meet_alike_by_walking_and_by_congruences(
        a in prop::collection::vec(any::<bool>(), 1..40),
        b in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let set = |bits: &[bool]| {
            let held = (0..).zip(bits).filter(|(_, bit)| **bit);
            Intervals::of(held.map(|(r, _)| (r, r + 1)).collect())
        };
        let ((p, a), (q, b)) = ((a.len() as u64, set(&a)), (b.len() as u64, set(&b)));
        let period = lcm(p, q).unwrap();
        let walked = meet(|t| run_of(p, &a, t), |t| run_of(q, &b, t), 0, period);
        let solved = meet_by_congruences((p, &a), (q, &b), Some(period)).map(|found| {
            let again = found.0 == period || found.1.is_empty();
            again.then_some(found.1)
        });
        prop_assert_eq!(walked.map(Some), solved);
    }

    #[test]
    fn text_goes_round(a in bits()) {
        let c = clock(&a);
        prop_assert_eq!(c.to_string().parse(), Ok(c));
    }
}

#[test]
fn equal_sets_are_equal_values() {
    let start = Clock::every(32, 1);
    assert_eq!(start, Clock::from_fn(7, 64, |t| t % 32 == 1));
    assert_eq!(start.as_every(), Some((32, 1)));
    assert_eq!(Clock::every(1, 5), Clock::always());
    assert!(start.and(&Clock::every(32, 2)).unwrap().is_never());
    assert!(start.or(&start.not()).unwrap().is_always());
}

#[test]
fn long_periods_cost_nothing() {
    let far = Clock::every(20_000_000_000, 7);
    assert_eq!(far.count(60_000_000_007), 4);
    assert_eq!(far.steps().nth(2), Some(40_000_000_007));
    assert_eq!(far.next(8), Some(20_000_000_007));
    assert_eq!(far.last(20_000_000_006), Some(7));
    let late = Clock::between(1, 1 << 50).not();
    assert_eq!((late.prefix(), late.period()), ((1 << 50) - 1, 1));
    let both = late.and(&far).unwrap();
    assert_eq!(both.next(1), Some((1u64 << 50).next_multiple_of(20_000_000_000) + 7));
    assert_eq!(Clock::every(1 << 62, -1).next(1), Some((1 << 62) - 1));
}

#[test]
fn sparse_sets_meet_in_one_remainder() {
    let (a, b) = (Clock::every(999_983, 1), Clock::every(1_000_003, 1));
    let both = a.and(&b).unwrap();
    assert_eq!(both.as_every(), Some((999_983 * 1_000_003, 1)));
    let other = a.and(&Clock::every(1_000_003, 5)).unwrap();
    let t = other.next(1).unwrap();
    assert_eq!((t % 999_983, t % 1_000_003), (1, 5));
    // Never together, whatever their common period is.
    let even = Clock::every((1 << 61) + 2, 0);
    assert!(even.and(&Clock::every(1 << 60, 1)).unwrap().is_never());
}

#[test]
fn what_is_unmanageable_is_said_to_be() {
    let (a, b) = (Clock::every(999_983, 1), Clock::every(1_000_003, 1));
    assert_eq!(a.or(&b), Err(Unmanageable::Intervals));
    let (a, b) = (Clock::every((1 << 40) - 1, 1), Clock::every(1 << 40, 1));
    assert_eq!(a.and(&b), Err(Unmanageable::Period));
    let odd = Clock::every(2, 1);
    assert_eq!(odd.and(&Clock::between(1, 1 << 40)), Err(Unmanageable::Intervals));
}

#[test]
fn texts_are_readable() {
    let cases = [
        (Clock::always(), "always"),
        (Clock::never(), "never"),
        (Clock::every(32, 1), "every 32 at 1"),
        (Clock::from_fn(0, 10, |t| [1, 2, 3, 7].contains(&(t % 10))), "every 10 at 1..4,7"),
        (
            Clock::between(101, u64::MAX).and(&Clock::between(1, 200)).unwrap(),
            "first 199 at 101..200 then never",
        ),
        (Clock::between(1, 101).not(), "first 100 then always"),
        (
            Clock::from_fn(100, 10, |t| if t <= 100 { t == 3 || t == 4 } else { t % 10 == 1 }),
            "first 91 at 3..5 then every 10 at 1",
        ),
    ];
    for (clock, text) in cases {
        assert_eq!(clock.to_string(), text);
        assert_eq!(text.parse(), Ok(clock));
    }
    assert_eq!("every 4 at 1,3".parse(), Ok(Clock::every(2, 1)));
    for wrong in [
        "",
        "every",
        "every 0 at 0",
        "every 4 at 4",
        "every 4 at 2..2",
        "every 4 at -1",
        "first 3 at 0 then never",
        "first 3 at 1",
        "always now",
        "every 4 at 1,",
    ] {
        assert!(wrong.parse::<Clock>().is_err(), "{wrong}");
    }
}
