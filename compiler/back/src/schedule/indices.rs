//! Indices that follow from `t` and counters: do they stay in range for a whole run?
//!
//! Where an index goes one way from step to step, its first and last value decide. Where it is
//! the remainder of something that grows evenly, the first value out of range is found by
//! arithmetic. Other indices are looked at in many steps from the start and in the last ones.

use snn_ir::clock::Clock;
use snn_ir::clock::number::first_within;
use snn_ir::scalar::Op;
use snn_ir::step::{BufferId, Counter, Expr, ExprKind, Source};
use std::cmp::Ordering;

/// Steps that are looked at one by one, from the start and from the end.
const SAMPLED: usize = 4096;

/// A counter where an index is computed.
#[derive(Clone, Copy)]
pub struct Count<'a> {
    /// Which.
    pub counter: &'a Counter,
    /// When it counts.
    pub clock: &'a Clock,
    /// From where.
    pub init: i64,
    /// Whether it has already counted in the step.
    pub already: bool,
}

impl Count<'_> {
    fn times(&self, t: u64) -> u64 {
        self.clock.count(t - 1) + u64::from(self.already && self.clock.holds(t))
    }

    fn at(&self, t: u64) -> i64 {
        self.counter.after(self.init, self.times(t))
    }

    /// Whether it has only grown by the constant until then, and not wrapped or saturated.
    fn straight_until(&self, t: u64) -> bool {
        let grown = i128::from(self.counter.add) * i128::from(self.times(t));
        grown + i128::from(self.init) == i128::from(self.at(t))
    }
}

/// An index at the steps of a clock.
pub struct Index<'a> {
    /// The expression.
    pub index: &'a Expr,
    /// When it is computed.
    pub clock: &'a Clock,
    /// The counter that a scalar is, if it is one.
    pub counts: &'a dyn Fn(BufferId) -> Option<Count<'a>>,
}

/// `a·n + b` at the n-th step (from 0) of a clock.
#[derive(Clone, Copy)]
struct Line {
    a: i128,
    b: i128,
}

impl<'a> Index<'a> {
    /// The first of the steps `1..=steps` at which the index is outside `0..extent`, and the
    /// index there, as far as that is known.
    pub fn first_outside(&self, extent: usize, steps: u64) -> Option<(u64, i64)> {
        let (first, last) = (self.clock.next(1)?, self.clock.last(steps)?);
        let outside = |t: u64| {
            let index = self.at(self.index, t)?;
            let inside = usize::try_from(index).is_ok_and(|i| i < extent);
            (!inside).then_some((t, index))
        };
        if self.always_within(self.index, extent) {
            return None;
        }
        if self.direction(self.index, last).is_some() {
            // Out of range at the start, or from some step on.
            return outside(first).or_else(|| {
                outside(last)?;
                let (mut inside, mut beyond) = (first, last);
                loop {
                    let middle = inside + (beyond - inside) / 2;
                    let before = self.clock.last(middle).filter(|t| *t > inside);
                    let after = || self.clock.next(middle + 1).filter(|t| *t < beyond);
                    let Some(t) = before.or_else(after) else { break };
                    if outside(t).is_some() { beyond = t } else { inside = t }
                }
                outside(beyond)
            });
        }
        if let Some((line, m)) = self.remainder_of_line(last) {
            let extent = u64::try_from(extent).ok().filter(|extent| *extent < m)?;
            let n = first_within(line.a, line.b, m, extent, m - 1)?;
            let t = self.nth(n).filter(|t| *t <= steps)?;
            return outside(t);
        }
        let head = self.clock.steps().take_while(|t| *t <= steps).take(SAMPLED);
        let tail = std::iter::successors(Some(last), |t| self.clock.last(t - 1)).take(SAMPLED);
        head.chain(tail.collect::<Vec<_>>().into_iter().rev()).find_map(outside)
    }

    /// The value at step `t` of an integer expression over `t` and counters.
    fn at(&self, e: &Expr, t: u64) -> Option<i64> {
        let go = |x: &Expr| self.at(x, t);
        match &e.node {
            ExprKind::Int(n) => Some(*n),
            ExprKind::Time => i64::try_from(t).ok(),
            ExprKind::Load(_) => Some(self.count(e)?.at(t)),
            ExprKind::Apply(op, operands) => {
                let [a, b] = operands.as_slice() else { return None };
                let (a, b) = (go(a)?, go(b)?);
                match op {
                    Op::Add => a.checked_add(b),
                    Op::Sub => a.checked_sub(b),
                    Op::Mul => a.checked_mul(b),
                    Op::FloorDiv if b > 0 => Some(a.div_euclid(b)),
                    Op::Rem if b > 0 => Some(a.rem_euclid(b)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn count(&self, e: &Expr) -> Option<Count<'a>> {
        match &e.node {
            ExprKind::Load(a) if a.offset == 0 && a.dynamic.is_empty() => match a.source {
                Source::Buffer(b) => (self.counts)(b),
                Source::Tensor(_) => None,
            },
            _ => None,
        }
    }

    /// Whether its form alone keeps an expression in `0..extent`.
    fn always_within(&self, e: &Expr, extent: usize) -> bool {
        let least_most = match &e.node {
            ExprKind::Apply(Op::Rem, operands) => match operands[1].node {
                ExprKind::Int(m) if m > 0 => Some((0, m - 1)),
                _ => None,
            },
            _ => self.count(e).and_then(|count| count.counter.fit.bounds()),
        };
        least_most
            .is_some_and(|(lo, hi)| lo >= 0 && usize::try_from(hi).is_ok_and(|hi| hi < extent))
    }

    /// Whether an expression only grows (or shrinks, or neither) from step to step up to `last`.
    fn direction(&self, e: &Expr, last: u64) -> Option<Ordering> {
        let go = |x: &Expr| self.direction(x, last);
        let joined = |a: Ordering, b: Ordering| match (a, b) {
            (Ordering::Equal, other) | (other, Ordering::Equal) => Some(other),
            (a, b) => (a == b).then_some(a),
        };
        match &e.node {
            ExprKind::Int(_) => Some(Ordering::Equal),
            ExprKind::Time => Some(Ordering::Greater),
            ExprKind::Load(_) => {
                let count = self.count(e).filter(|count| count.straight_until(last))?;
                Some(count.counter.add.cmp(&0))
            }
            ExprKind::Apply(op, operands) if operands.len() == 2 => {
                let (a, b) = (&operands[0], &operands[1]);
                match (op, &a.node, &b.node) {
                    (Op::Add, ..) => joined(go(a)?, go(b)?),
                    (Op::Sub, ..) => joined(go(a)?, go(b)?.reverse()),
                    (Op::Mul, _, ExprKind::Int(n)) => turned(go(a)?, *n),
                    (Op::Mul, ExprKind::Int(n), _) => turned(go(b)?, *n),
                    (Op::FloorDiv, _, ExprKind::Int(n)) if *n > 0 => go(a),
                    (Op::Rem, _, ExprKind::Int(n)) if *n > 0 => {
                        // Where it does not come round before the end.
                        let (first, end) = (self.at(a, self.clock.next(1)?)?, self.at(a, last)?);
                        go(a).filter(|_| first.div_euclid(*n) == end.div_euclid(*n))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The index as the remainder of what grows evenly, where it is one up to step `last`.
    fn remainder_of_line(&self, last: u64) -> Option<(Line, u64)> {
        let ExprKind::Apply(Op::Rem, operands) = &self.index.node else { return None };
        let [x, m] = operands.as_slice() else { return None };
        let ExprKind::Int(m) = m.node else { return None };
        let m = u64::try_from(m).ok().filter(|m| *m > 0)?;
        self.clock.as_every()?;
        self.at(x, last)?;
        Some((self.line(x, last)?, m))
    }

    /// An expression as a line over the steps of the clock.
    fn line(&self, e: &Expr, last: u64) -> Option<Line> {
        match &e.node {
            ExprKind::Int(n) => Some(Line { a: 0, b: (*n).into() }),
            ExprKind::Time => {
                let (every, _) = self.clock.as_every()?;
                Some(Line { a: every.into(), b: self.clock.next(1)?.into() })
            }
            ExprKind::Load(_) => {
                // It counts at the very steps at which the index is computed.
                let count = self.count(e).filter(|count| count.clock == self.clock)?;
                count.straight_until(last).then_some(())?;
                let (a, init) = (i128::from(count.counter.add), i128::from(count.init));
                Some(Line { a, b: init + if count.already { a } else { 0 } })
            }
            ExprKind::Apply(op, operands) => {
                let [x, y] = operands.as_slice() else { return None };
                let (x, y) = (self.line(x, last)?, self.line(y, last)?);
                let scaled = |line: Line, by: i128| {
                    Some(Line { a: line.a.checked_mul(by)?, b: line.b.checked_mul(by)? })
                };
                let sum = |x: Line, y: Line| {
                    Some(Line { a: x.a.checked_add(y.a)?, b: x.b.checked_add(y.b)? })
                };
                match op {
                    Op::Add => sum(x, y),
                    Op::Sub => sum(x, scaled(y, -1)?),
                    Op::Mul if y.a == 0 => scaled(x, y.b),
                    Op::Mul if x.a == 0 => scaled(y, x.b),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The n-th step of the clock, from 0.
    fn nth(&self, n: u64) -> Option<u64> {
        let (every, _) = self.clock.as_every()?;
        every.checked_mul(n)?.checked_add(self.clock.next(1)?)
    }
}

/// The direction of `n` times what goes this way.
fn turned(way: Ordering, n: i64) -> Option<Ordering> {
    Some(match n.cmp(&0) {
        Ordering::Greater => way,
        Ordering::Equal => Ordering::Equal,
        Ordering::Less => way.reverse(),
    })
}
