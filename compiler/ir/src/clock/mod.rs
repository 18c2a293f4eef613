//! Sets of steps: what a guard, a reset or a record allows.

mod intervals;
pub mod number;
mod text;

pub use intervals::{Intervals, Run};
pub use number::lcm;
pub use text::NotAClock;

use number::{common, gcd};
use std::cmp::Ordering;
use std::fmt;

/// The longest period of sets that are combined, in steps.
const LONGEST: u64 = 1 << 62;
/// The most intervals of a combined set, in its prefix and in one period.
const MOST_INTERVALS: u64 = 1 << 18;
/// Intervals that are looked at for one combination, at most.
const MOST_WORK: u64 = 4 * MOST_INTERVALS;

/// A set of steps (the first is 1) that is periodic after a prefix.
///
/// Up to step `prefix` it holds the steps `early`, and later those whose remainder by `period`
/// is in `cycle`. Both are lists of intervals, so that what a clock costs depends on how often it
/// changes and not on how many steps that takes. Prefix and period are the shortest, so equal
/// sets are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    prefix: u64,
    /// Within `1..=prefix`.
    early: Intervals,
    period: u64,
    /// Within `0..period`.
    cycle: Intervals,
}

/// Why sets of steps cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmanageable {
    /// They repeat together only after too many steps.
    Period,
    /// Too many intervals would have to be listed.
    Intervals,
}

impl fmt::Display for Unmanageable {
    /// Continues "does not repeat within …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unmanageable::Period => write!(f, "2^62 steps"),
            Unmanageable::Intervals => write!(f, "{MOST_INTERVALS} changes"),
        }
    }
}

impl Clock {
    /// Every step.
    pub fn always() -> Clock {
        Clock::whole(true)
    }

    /// No step.
    pub fn never() -> Clock {
        Clock::whole(false)
    }

    fn whole(holds: bool) -> Clock {
        let cycle = Intervals::one(0, u64::from(holds));
        Clock { prefix: 0, early: Intervals::empty(), period: 1, cycle }
    }

    /// Steps with `t % every == residue % every`; `every` must not be 0.
    pub fn every(every: u64, residue: i64) -> Clock {
        let residue = i128::from(residue).rem_euclid(i128::from(every)) as u64;
        Clock::within(every, Intervals::one(residue, residue + 1))
    }

    /// Steps whose remainder by `period` (not 0) is in a set of numbers below it.
    pub fn within(period: u64, cycle: Intervals) -> Clock {
        Clock::new(0, Intervals::empty(), period, cycle)
    }

    /// The steps `from..to`.
    pub fn between(from: u64, to: u64) -> Clock {
        let (from, to) = (from.max(1), to.max(1));
        Clock::new(to - 1, Intervals::one(from, to), 1, Intervals::empty())
    }

    /// The set that `early` decides up to step `prefix`, and later `cycle` for `t % period`.
    /// `early` lies within `1..=prefix`, `cycle` within `0..period`, which is not 0.
    pub fn new(prefix: u64, early: Intervals, period: u64, cycle: Intervals) -> Clock {
        let (period, cycle) = shortest(period, cycle);
        Clock { prefix, early, period, cycle }.reduced()
    }

    /// The set that `holds` decides: its first `prefix` steps one by one, and after them
    /// `period` (at least 1) steps that repeat. For short ones: each of the steps is looked at.
    pub fn from_fn(prefix: u64, period: u64, holds: impl Fn(u64) -> bool) -> Clock {
        let period = period.max(1);
        let (mut early, mut cycle) = (Intervals::empty(), Intervals::empty());
        for t in (1..=prefix).filter(|t| holds(*t)) {
            early.push(t, t + 1);
        }
        let first = prefix + 1;
        for r in 0..period {
            if holds(first + (r + period - first % period) % period) {
                cycle.push(r, r + 1);
            }
        }
        Clock::new(prefix, early, period, cycle)
    }

    /// Whether step `t` (at least 1) is in the set.
    pub fn holds(&self, t: u64) -> bool {
        if t <= self.prefix { self.early.holds(t) } else { self.cycle.holds(t % self.period) }
    }

    /// Steps before the periodic part begins.
    pub fn prefix(&self) -> u64 {
        self.prefix
    }

    /// Steps after which the set repeats, beyond the prefix.
    pub fn period(&self) -> u64 {
        self.period
    }

    /// The intervals of steps up to the prefix.
    pub fn early(&self) -> &[Run] {
        self.early.runs()
    }

    /// The intervals of remainders `t % period` beyond the prefix.
    pub fn cycle(&self) -> &[Run] {
        self.cycle.runs()
    }

    /// Whether every step is in the set.
    pub fn is_always(&self) -> bool {
        self.prefix == 0 && self.period == 1 && !self.cycle.is_empty()
    }

    /// Whether no step is in the set.
    pub fn is_never(&self) -> bool {
        self.early.is_empty() && self.cycle.is_empty()
    }

    /// Steps in both sets.
    ///
    /// # Errors
    /// Where what they have in common repeats too late, or changes too often.
    pub fn and(&self, other: &Clock) -> Result<Clock, Unmanageable> {
        if self == other || other.is_always() || self.is_never() {
            return Ok(self.clone());
        }
        if self.is_always() || other.is_never() {
            return Ok(other.clone());
        }
        let prefix = self.prefix.max(other.prefix);
        let early = meet(|t| self.run(t), |t| other.run(t), 1, prefix.saturating_add(1))?;
        let (period, cycle) =
            meet_cycles((self.period, &self.cycle), (other.period, &other.cycle))?;
        Ok(Clock::new(prefix, early, period, cycle))
    }

    /// Steps in either set.
    ///
    /// # Errors
    /// Where their union repeats too late, or changes too often.
    pub fn or(&self, other: &Clock) -> Result<Clock, Unmanageable> {
        Ok(self.not().and(&other.not())?.not())
    }

    /// Steps not in the set.
    pub fn not(&self) -> Clock {
        Clock {
            prefix: self.prefix,
            early: self.early.complement(1, self.prefix.saturating_add(1)),
            period: self.period,
            cycle: self.cycle.complement(0, self.period),
        }
    }

    /// How many of the steps `1..=t` are in the set.
    pub fn count(&self, t: u64) -> u64 {
        if t <= self.prefix {
            return self.early.below(t.saturating_add(1));
        }
        // Of the numbers 0..=t, those with the right remainder.
        let upto = |t: u64| {
            let n = t.saturating_add(1);
            n / self.period * self.cycle.total() + self.cycle.below(n % self.period)
        };
        self.early.total() + upto(t) - upto(self.prefix)
    }

    /// How many steps of one period are in the set, beyond the prefix.
    pub fn per_period(&self) -> u64 {
        self.cycle.total()
    }

    /// Compares how often steps are in two sets in the long run.
    pub fn compare_rates(&self, other: &Clock) -> Ordering {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        product(self.per_period(), other.period).cmp(&product(other.per_period(), self.period))
    }

    /// The first step of the set that is not before `t`.
    pub fn next(&self, t: u64) -> Option<u64> {
        self.run(t.max(1)).map(|(start, _)| start)
    }

    /// The last step of the set that is not after `t`.
    pub fn last(&self, t: u64) -> Option<u64> {
        if t > self.prefix {
            let base = t - t % self.period;
            let found = match self.cycle.run_until(t % self.period) {
                Some(run) => Some(base + (run.end - 1).min(t % self.period)),
                None => {
                    let last = self.cycle.runs().last();
                    last.and_then(|run| Some(base.checked_sub(self.period)? + run.end - 1))
                }
            };
            if let Some(found) = found.filter(|found| *found > self.prefix) {
                return Some(found);
            }
        }
        let t = t.min(self.prefix);
        self.early.run_until(t).map(|run| (run.end - 1).min(t))
    }

    /// The steps of the set, in order.
    pub fn steps(&self) -> impl Iterator<Item = u64> + '_ {
        self.steps_from(1)
    }

    /// The steps of the set that are not before `t`, in order.
    pub fn steps_from(&self, t: u64) -> impl Iterator<Item = u64> + '_ {
        let mut run = self.run(t.max(1));
        std::iter::from_fn(move || {
            let (start, end) = run?;
            run = if start + 1 < end { Some((start + 1, end)) } else { self.run(start + 1) };
            Some(start)
        })
    }

    /// `(every, residue)` where the set is exactly `t % every == residue`.
    pub fn as_every(&self) -> Option<(u64, u64)> {
        match self.cycle.runs() {
            [run] if self.prefix == 0 && run.end - run.start == 1 => Some((self.period, run.start)),
            _ => None,
        }
    }

    /// Steps that follow each other: the first that is not before `t`, and the one after the
    /// last (of its interval).
    fn run(&self, t: u64) -> Option<(u64, u64)> {
        if t <= self.prefix
            && let Some(run) = self.early.run_from(t)
        {
            return Some((run.start.max(t), run.end));
        }
        run_of(self.period, &self.cycle, t.max(self.prefix.checked_add(1)?))
    }

    /// The same set with the shortest prefix.
    fn reduced(mut self) -> Clock {
        // Backwards, as long as both say the same.
        while self.prefix > 0 {
            let at = self.prefix;
            let (early, since) = self.early.stretch(at);
            let base = at - at % self.period;
            let (late, from) = self.cycle.stretch(at % self.period);
            if early != late {
                break;
            }
            let from = if self.period == 1 || self.cycle.is_empty() { 0 } else { base + from };
            self.prefix = since.max(from).max(1) - 1;
        }
        self.early = self.early.clipped(self.prefix.saturating_add(1));
        self
    }
}

/// Numbers in a periodic set that follow each other: the first that is not before `t`, and the
/// one after the last.
fn run_of(period: u64, cycle: &Intervals, t: u64) -> Option<(u64, u64)> {
    let (base, r) = (t - t % period, t % period);
    if period == 1 && !cycle.is_empty() {
        return Some((t, u64::MAX));
    }
    let (base, run) = match cycle.run_from(r) {
        Some(run) => (base, run),
        None => (base.checked_add(period)?, *cycle.runs().first()?),
    };
    Some((base.checked_add(run.start)?.max(t), base.checked_add(run.end)?))
}

/// What two sets have in common among the numbers `from..to`.
fn meet(
    a: impl Fn(u64) -> Option<(u64, u64)>,
    b: impl Fn(u64) -> Option<(u64, u64)>,
    from: u64,
    to: u64,
) -> Result<Intervals, Unmanageable> {
    let mut both = Intervals::empty();
    let mut t = from;
    for _ in 0..MOST_WORK {
        let (Some((start, end)), Some((other_start, other_end))) = (a(t), b(t)) else {
            return Ok(both);
        };
        let (start, end) = (start.max(other_start), end.min(other_end).min(to));
        if start >= to {
            return Ok(both);
        }
        both.push(start, end);
        if both.len() as u64 > MOST_INTERVALS {
            break;
        }
        t = start.max(end);
    }
    Err(Unmanageable::Intervals)
}

/// What two periodic sets have in common, and its period.
fn meet_cycles(
    a: (u64, &Intervals),
    b: (u64, &Intervals),
) -> Result<(u64, Intervals), Unmanageable> {
    let ((p, a), (q, b)) = (a, b);
    let (runs, others) = (a.len() as u64, b.len() as u64);
    if runs == 0 || others == 0 {
        return Ok((1, Intervals::empty()));
    }
    // Not empty, and repeated at each step: everything.
    if p == 1 {
        return Ok((q, b.clone()));
    }
    if q == 1 {
        return Ok((p, a.clone()));
    }
    let period = lcm(p, q).filter(|period| *period <= LONGEST);
    // Where little is repeated, by walking along both.
    if let Some(period) = period {
        let written = (runs + 1).saturating_mul(period / p);
        if written.saturating_add((others + 1).saturating_mul(period / q)) <= MOST_WORK {
            let both = meet(|t| run_of(p, a, t), |t| run_of(q, b, t), 0, period)?;
            return Ok((period, both));
        }
    }
    meet_by_congruences((p, a), (q, b), period)
}

/// What two periodic sets have in common, and its period: `period`, where that is manageable.
fn meet_by_congruences(
    (p, a): (u64, &Intervals),
    (q, b): (u64, &Intervals),
    period: Option<u64>,
) -> Result<(u64, Intervals), Unmanageable> {
    // Each interval of one with each of the other. The numbers start + i and other + j are
    // the same number where they are equal modulo the greatest common divisor: for each
    // such difference i - j they share one interval.
    if (a.len() as u64).saturating_mul(b.len() as u64) > MOST_WORK {
        return Err(Unmanageable::Intervals);
    }
    let g = i128::from(gcd(p, q));
    let pairs = || a.runs().iter().flat_map(|run| b.runs().iter().map(move |other| (run, other)));
    let differences = |run: &Run, other: &Run| {
        let (n, m) = (i128::from(run.end - run.start), i128::from(other.end - other.start));
        let apart = i128::from(other.start) - i128::from(run.start);
        let first = 1 - m + (apart - (1 - m)).rem_euclid(g);
        (first, n, m)
    };
    let count = |(first, n, _): (i128, i128, i128)| ((n - 1 - first).div_euclid(g) + 1).max(0);
    let total: i128 = pairs().map(|(run, other)| count(differences(run, other))).sum();
    if total == 0 {
        return Ok((1, Intervals::empty()));
    }
    let period = period.ok_or(Unmanageable::Period)?;
    if total > i128::from(MOST_INTERVALS) {
        return Err(Unmanageable::Intervals);
    }
    let mut parts = Vec::with_capacity(total as usize);
    for (run, other) in pairs() {
        let (first, n, m) = differences(run, other);
        for k in 0..count((first, n, m)) {
            let apart = first + k * g;
            let (i, j) = (apart.max(0), (-apart).max(0));
            let length = (n - i).min(m - j) as u64;
            let start = common(run.start + i as u64, p, other.start + j as u64, q);
            parts.push((start, start + length));
        }
    }
    Ok((period, Intervals::of(parts)))
}

/// The shortest period of a periodic set, and its remainders.
fn shortest(period: u64, cycle: Intervals) -> (u64, Intervals) {
    if cycle.is_empty() {
        return (1, cycle);
    }
    if cycle.total() == period {
        return (1, Intervals::one(0, 1));
    }
    // Around the circle: an interval may go on at its start.
    let mut around: Vec<(u64, u64)> =
        cycle.runs().iter().map(|run| (run.start, run.end - run.start)).collect();
    if let (Some(&(0, length)), Some(&(start, last))) = (around.first(), around.last())
        && start + last == period
        && around.len() > 1
    {
        around.remove(0);
        if let Some(last) = around.last_mut() {
            last.1 += length;
        }
    }
    // Turned by a part of the circle it is the same, so the intervals are in as many groups.
    let n = around.len();
    let same = |turns: usize| {
        let (by, steps) = (n / turns, period / turns as u64);
        (0..n).all(|i| {
            let (turned, whole) = (around[(i + by) % n], if i + by >= n { period } else { 0 });
            turned.0 + whole == around[i].0 + steps && turned.1 == around[i].1
        })
    };
    let turns = (2..=n)
        .rev()
        .filter(|k| n.is_multiple_of(*k) && period.is_multiple_of(*k as u64))
        .find(|k| same(*k))
        .unwrap_or(1) as u64;
    (period / turns, cycle.clipped(period / turns))
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
