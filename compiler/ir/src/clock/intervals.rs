//! Sets of numbers as sorted intervals.

/// A set of numbers: half-open intervals in ascending order that neither overlap nor touch, so
/// that equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Intervals {
    runs: Vec<Run>,
}

/// The numbers `start..end`, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
    /// Numbers in all runs before it.
    before: u64,
}

impl Intervals {
    /// No numbers.
    pub fn empty() -> Intervals {
        Intervals::default()
    }

    /// The numbers `start..end`.
    pub fn one(start: u64, end: u64) -> Intervals {
        let mut set = Intervals::empty();
        set.push(start, end);
        set
    }

    /// The union of intervals in any order.
    pub fn of(mut parts: Vec<(u64, u64)>) -> Intervals {
        parts.sort_unstable();
        let mut set = Intervals::empty();
        for (start, end) in parts {
            set.push(start, end);
        }
        set
    }

    /// Adds `start..end`, where no interval starts later.
    pub fn push(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.end >= start => last.end = last.end.max(end),
            _ => {
                let before = self.total();
                self.runs.push(Run { start, end, before });
            }
        }
    }

    /// The intervals, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many intervals there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many numbers there are.
    pub fn total(&self) -> u64 {
        self.runs.last().map_or(0, |last| last.before + (last.end - last.start))
    }

    /// Whether a number is in the set.
    pub fn holds(&self, x: u64) -> bool {
        self.run_from(x).is_some_and(|run| run.start <= x)
    }

    /// How many numbers are below `x`.
    pub fn below(&self, x: u64) -> u64 {
        match self.run_until(x) {
            Some(run) => run.before + (run.end.min(x) - run.start),
            None => 0,
        }
    }

    /// The first interval that is not wholly below `x`.
    pub fn run_from(&self, x: u64) -> Option<Run> {
        let i = self.runs.partition_point(|run| run.end <= x);
        self.runs.get(i).copied()
    }

    /// The last interval that is not wholly above `x`.
    pub fn run_until(&self, x: u64) -> Option<Run> {
        let i = self.runs.partition_point(|run| run.start <= x);
        self.runs[..i].last().copied()
    }

    /// Whether `x` is in the set, and since which number that is so.
    pub fn stretch(&self, x: u64) -> (bool, u64) {
        match self.run_until(x) {
            Some(run) if run.end > x => (true, run.start),
            Some(run) => (false, run.end),
            None => (false, 0),
        }
    }

    /// Those of the numbers `lo..hi` that are not in the set, which has no others.
    pub fn complement(&self, lo: u64, hi: u64) -> Intervals {
        let mut rest = Intervals::empty();
        let mut from = lo;
        for run in &self.runs {
            rest.push(from, run.start);
            from = run.end;
        }
        rest.push(from, hi);
        rest
    }

    /// The numbers below `hi`.
    pub fn clipped(&self, hi: u64) -> Intervals {
        let mut set = Intervals::empty();
        for run in self.runs.iter().take_while(|run| run.start < hi) {
            set.push(run.start, run.end.min(hi));
        }
        set
    }
}
