//! Ranges that hold together: what follows from itself grows until it holds, and shrinks as long as
//! it does.

use super::alike::{Found, Likeness};
use super::interval::{self, Interval};
use super::{Analysis, Computed, bounds, join, within};
use crate::circles;
use crate::step::{BufferId, Expr, Op, OpKind, Source, Stmt};
use std::collections::{BTreeSet, HashMap};

/// How often a range may grow by what an op stores before it is widened.
const EXACT_GROWTHS: u32 = 4;
/// How often a range may grow at all before it becomes that of its element type.
const MAX_GROWTHS: u32 = 96;
/// Decreasing passes over what depends on itself, at most.
const TIGHTENINGS: u32 = 16;
/// Passes from one leap to the next: as many as show how fast a range shrinks.
const BETWEEN_LEAPS: usize = 3;
/// How often a leap that went too far for some ranges is tried without these.
const RETREATS: u32 = 3;

/// An op, or a statement of a loop.
pub(super) struct Unit<'a> {
    /// The position of the op.
    pub(super) at: usize,
    op: &'a Op,
    pub(super) statement: Option<&'a Stmt>,
}

impl Unit<'_> {
    /// The buffers and locals that decide what it stores.
    fn reads(&self) -> (Vec<BufferId>, Vec<u32>) {
        let (mut buffers, mut locals) = (Vec::new(), Vec::new());
        let mut reads = |e: &Expr| interval::reads(e, &mut buffers, &mut locals);
        match (&self.op.kind, self.statement) {
            (_, Some(Stmt::Let { value, .. })) => reads(value),
            (_, Some(Stmt::Store { value, mask, .. })) => {
                reads(value);
                mask.iter().for_each(reads);
            }
            (OpKind::Push { from, .. }, None) => buffers.push(*from),
            (OpKind::Pop { queue, .. }, None) => buffers.push(*queue),
            (OpKind::Synapse(synapse), None) => {
                buffers.push(synapse.src);
                if let Source::Buffer(weights) = synapse.weights {
                    buffers.push(weights);
                }
            }
            (OpKind::Reduce(reduce), None) => reads(&reduce.value),
            (OpKind::Reset { .. } | OpKind::Loop(_) | OpKind::Outer(_), None) => {}
        }
        buffers.sort();
        buffers.dedup();
        locals.sort_unstable();
        locals.dedup();
        (buffers, locals)
    }

    /// The buffer or the local that it computes.
    fn writes(&self) -> (Option<BufferId>, Option<u32>) {
        match (&self.op.kind, self.statement) {
            (_, Some(Stmt::Let { local, .. })) => (None, Some(*local)),
            (_, Some(Stmt::Store { to, .. })) => match to.source {
                Source::Buffer(buffer) => (Some(buffer), None),
                Source::Tensor(_) => (None, None),
            },
            (OpKind::Push { queue: to, .. } | OpKind::Pop { to, .. }, None) => (Some(*to), None),
            (OpKind::Synapse(synapse), None) => (Some(synapse.dst), None),
            (OpKind::Reduce(reduce), None) => (Some(reduce.dst), None),
            (OpKind::Reset { .. } | OpKind::Loop(_) | OpKind::Outer(_), None) => (None, None),
        }
    }
}

/// The statements of loops and the other ops, in order.
pub(super) fn units<'a>(ops: &[&'a Op]) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        match &op.kind {
            OpKind::Loop(body) => {
                let each = |statement| Unit { at, op, statement: Some(statement) };
                units.extend(body.body.iter().map(each));
            }
            _ => units.push(Unit { at, op, statement: None }),
        }
    }
    units
}

/// Units that depend on each other, and what they store to.
pub(super) struct Circle {
    pub(super) units: Vec<usize>,
    /// Ascending.
    pub(super) buffers: Vec<BufferId>,
    /// What these buffers hold besides.
    pub(super) base: Vec<Interval>,
}

/// Who reads a buffer, or a local of an op.
struct Readers {
    of_buffer: Vec<Vec<usize>>,
    of_local: HashMap<(usize, u32), Vec<usize>>,
}

impl Readers {
    fn new(units: &[Unit<'_>], buffers: usize) -> Readers {
        let mut readers =
            Readers { of_buffer: vec![Vec::new(); buffers], of_local: HashMap::new() };
        for (n, unit) in units.iter().enumerate() {
            let (buffers, locals) = unit.reads();
            for buffer in buffers {
                if let Some(units) = readers.of_buffer.get_mut(buffer.0 as usize) {
                    units.push(n);
                }
            }
            for local in locals {
                readers.of_local.entry((unit.at, local)).or_default().push(n);
            }
        }
        readers
    }
}

impl Analysis<'_> {
    /// The ranges of all buffers. What a range follows from comes before it, so that each is
    /// looked at once, but for circles; those in circles are given too.
    pub(super) fn solve(mut self) -> (Vec<Interval>, BTreeSet<BufferId>) {
        let mut in_circles = BTreeSet::new();
        let n = self.units.len();
        let readers = Readers::new(&self.units, self.ranges.len());
        let mut edges: Vec<(usize, usize)> = Vec::new();
        for (b, units) in readers.of_buffer.iter().enumerate() {
            edges.extend(units.iter().map(|unit| (n + b, *unit)));
        }
        for (at, unit) in self.units.iter().enumerate() {
            let (buffer, local) = unit.writes();
            edges.extend(buffer.map(|b| (at, n + b.0 as usize)));
            let users = local.and_then(|local| readers.of_local.get(&(unit.at, local)));
            edges.extend(users.into_iter().flatten().map(|user| (at, *user)));
        }
        for component in circles::components(n + self.ranges.len(), edges.into_iter()) {
            let units: Vec<usize> = component.iter().copied().filter(|unit| *unit < n).collect();
            match (units.as_slice(), component.len()) {
                ([], _) => {}
                ([unit], 1) => {
                    if let Some((buffer, stored)) = self.compute(*unit) {
                        let range = &mut self.ranges[buffer.0 as usize];
                        *range = join(*range, stored);
                    }
                }
                _ => in_circles.extend(self.circle(units, &readers)),
            }
        }
        (self.ranges, in_circles)
    }

    /// Computes a unit: the bounds of a local are kept, what is stored is given.
    fn compute(&mut self, unit: usize) -> Option<(BufferId, Interval)> {
        let unit = &self.units[unit];
        let Some(statement) = unit.statement else { return self.stores(unit.op) };
        match self.statement(statement, &self.locals[unit.at]) {
            Computed::Buffer(buffer, stored) => Some((buffer, stored)),
            Computed::Local(local, value) => {
                let known = self.locals[unit.at].get_mut(local as usize)?;
                *known = value;
                None
            }
            Computed::Nothing => None,
        }
    }

    /// Gives the buffers of the circle.
    fn circle(&mut self, units: Vec<usize>, readers: &Readers) -> Vec<BufferId> {
        let stored = units.iter().filter_map(|unit| self.units[*unit].writes().0);
        let buffers: Vec<BufferId> = stored.collect::<BTreeSet<_>>().into_iter().collect();
        let base = buffers.iter().map(|b| self.ranges[b.0 as usize]).collect();
        let circle = Circle { units, buffers, base };
        let likeness = Likeness::of(self, &circle);
        match likeness.as_ref().and_then(|likeness| self.alike.get(likeness).cloned()) {
            Some(found) => self.take(&circle, &found),
            None => {
                self.ascend(&circle, readers);
                self.tighten(&circle);
                let found = self.found(&circle);
                self.alike.extend(likeness.map(|likeness| (likeness, found)));
            }
        }
        circle.buffers
    }

    /// What is known of a circle now.
    fn found(&self, circle: &Circle) -> Found {
        let local = |unit: &usize| {
            let unit = &self.units[*unit];
            self.locals[unit.at].get(unit.writes().1? as usize).copied()
        };
        Found { buffers: self.held(circle), locals: circle.units.iter().map(local).collect() }
    }

    /// Takes over what was found of a circle that is alike.
    fn take(&mut self, circle: &Circle, found: &Found) {
        self.hold(circle, &found.buffers);
        for (unit, known) in circle.units.iter().zip(&found.locals) {
            let unit = &self.units[*unit];
            if let (Some(local), Some(known)) = (unit.writes().1, known)
                && let Some(place) = self.locals[unit.at].get_mut(local as usize)
            {
                *place = *known;
            }
        }
    }

    /// Grows the ranges until every unit stores inside them. What grows is looked at again where
    /// it is read.
    fn ascend(&mut self, circle: &Circle, readers: &Readers) {
        let mut growths: HashMap<BufferId, u32> = HashMap::new();
        let mut pending: BTreeSet<usize> = circle.units.iter().copied().collect();
        let inside = |unit: &&usize| circle.units.binary_search(unit).is_ok();
        while let Some(n) = pending.pop_first() {
            let (at, local) = (self.units[n].at, self.units[n].writes().1);
            let before = local.and_then(|local| self.locals[at].get(local as usize).copied());
            let stored = self.compute(n);
            if let Some(local) = local
                && before != self.locals[at].get(local as usize).copied()
                && let Some(users) = readers.of_local.get(&(at, local))
            {
                pending.extend(users.iter().filter(inside));
            }
            let Some((buffer, stored)) = stored else { continue };
            let range = self.ranges[buffer.0 as usize];
            let grown = join(range, stored);
            if grown == range {
                continue;
            }
            let growths = growths.entry(buffer).or_default();
            *growths += 1;
            let bounds = bounds(self.ir.buffers[buffer.0 as usize].elem);
            self.ranges[buffer.0 as usize] = match *growths {
                n if n <= EXACT_GROWTHS => grown,
                n if n <= MAX_GROWTHS => widen(range, grown, bounds),
                _ => bounds,
            };
            pending.extend(readers.of_buffer[buffer.0 as usize].iter().filter(inside));
        }
    }

    /// Shrinks the ranges of a circle, as long as its units store inside them. Its locals are left
    /// as they are with the ranges that remain.
    fn tighten(&mut self, circle: &Circle) {
        // The ranges before each pass since the last leap; all of them hold.
        let mut trail: Vec<Vec<Interval>> = Vec::new();
        for _ in 0..TIGHTENINGS {
            let tighter = self.pass(circle);
            let now = self.held(circle);
            if tighter == now {
                return;
            }
            if !all_within(&tighter, &now) {
                break;
            }
            trail.push(now);
            self.hold(circle, &tighter);
            if trail.len() == BETWEEN_LEAPS {
                // Where a leap lands, it has been seen to hold.
                let old = if self.leap(circle, &trail) { BETWEEN_LEAPS } else { BETWEEN_LEAPS - 1 };
                trail.drain(..old);
            }
        }
        // What the last pass made must hold as well.
        match trail.pop() {
            Some(_) if all_within(&self.pass(circle), &self.held(circle)) => return,
            Some(wider) => self.hold(circle, &wider),
            None => {}
        }
        self.pass(circle);
    }

    /// Goes most of the way that ranges are still going: a decay approaches its limit by the same
    /// share in each pass, so that the limit follows from three of them. It counts only if the
    /// units store inside it; then it is true.
    fn leap(&mut self, circle: &Circle, trail: &[Vec<Interval>]) -> bool {
        let [.., earlier, before] = trail else { return false };
        let held = self.held(circle);
        let ends = |range: Interval| [range.0, range.1].map(i128::from);
        let leapt = held.iter().zip(earlier).zip(before).map(|((now, earlier), before)| {
            let (first, second, third) = (ends(*earlier), ends(*before), ends(*now));
            let [lo, hi] = [0, 1].map(|end| {
                let last = third[end] - second[end];
                let slower = (second[end] - first[end]).abs() - last.abs();
                // The sum of all further steps; less a part, as these are whole numbers.
                let rest = if slower > 0 { last * last.abs() / slower } else { 0 };
                third[end] + rest - rest / 16
            });
            let fits = third[0] <= lo && lo <= hi && hi <= third[1];
            if fits { (lo as i64, hi as i64) } else { *now }
        });
        let mut leapt: Vec<Interval> = leapt.collect();
        for _ in 0..RETREATS {
            if leapt == held {
                break;
            }
            self.hold(circle, &leapt);
            let stored = self.pass(circle);
            if all_within(&stored, &leapt) {
                return true;
            }
            for ((range, stored), held) in leapt.iter_mut().zip(stored).zip(&held) {
                if !within(stored, *range) {
                    *range = *held;
                }
            }
        }
        self.hold(circle, &held);
        false
    }

    /// What the buffers of a circle hold, and all that its units store, given the present ranges.
    fn pass(&mut self, circle: &Circle) -> Vec<Interval> {
        let mut found = circle.base.clone();
        for unit in &circle.units {
            if let Some((buffer, stored)) = self.compute(*unit)
                && let Ok(at) = circle.buffers.binary_search(&buffer)
            {
                found[at] = join(found[at], stored);
            }
        }
        found
    }

    fn held(&self, circle: &Circle) -> Vec<Interval> {
        circle.buffers.iter().map(|b| self.ranges[b.0 as usize]).collect()
    }

    fn hold(&mut self, circle: &Circle, ranges: &[Interval]) {
        for (buffer, range) in circle.buffers.iter().zip(ranges) {
            self.ranges[buffer.0 as usize] = *range;
        }
    }
}

fn all_within(inner: &[Interval], outer: &[Interval]) -> bool {
    inner.iter().zip(outer).all(|(a, b)| within(*a, *b))
}

/// `grown`, each end that moved beyond `before` carried on to the next power of two.
fn widen(before: Interval, grown: Interval, bounds: Interval) -> Interval {
    let power = |magnitude: u64| magnitude.checked_next_power_of_two();
    let lo = match grown.0 {
        lo if lo == before.0 || lo >= 0 => lo,
        lo => {
            power(lo.unsigned_abs()).and_then(|p| 0i64.checked_sub_unsigned(p)).unwrap_or(i64::MIN)
        }
    };
    let hi = match grown.1 {
        hi if hi == before.1 || hi < 0 => hi,
        hi => power(hi.unsigned_abs() + 1)
            .map_or(i64::MAX, |p| i64::try_from(p - 1).unwrap_or(i64::MAX)),
    };
    (lo.max(bounds.0), hi.min(bounds.1))
}
