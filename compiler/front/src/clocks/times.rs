//! When something is sent or arrives, and how long it took.

use super::grid::{Grid, Join};

/// The times of messages: steps, or those since something else, counted in `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// The first step.
    pub first: i64,
    /// The last step.
    pub last: i64,
    /// How many steps they have taken, at least.
    pub least: i64,
    /// How many steps they have taken, at most.
    pub most: i64,
}

/// The times of each element of an array.
pub type Times = Grid<Stretch>;

impl Stretch {
    /// Messages that have just been sent in these steps.
    pub fn sent(first: u64, last: u64) -> Stretch {
        let step = |t: u64| i64::try_from(t).unwrap_or(i64::MAX / 2);
        Stretch { first: step(first), last: step(last), least: 0, most: 0 }
    }

    /// Whether there are no messages.
    pub fn is_none(&self) -> bool {
        self.first > self.last
    }

    /// All times some steps later, and as many steps longer on their way.
    pub fn later(self, steps: i64) -> Stretch {
        self.over(Stretch { first: steps, last: steps, least: steps, most: steps })
    }

    /// By a way that takes these times.
    pub fn over(self, way: Stretch) -> Stretch {
        // What is not there stays so.
        let sum = |a: i64, b: i64, none: i64| match a == none || b == none {
            true => none,
            false => a.saturating_add(b),
        };
        Stretch {
            first: sum(self.first, way.first, Stretch::NONE.first),
            last: sum(self.last, way.last, Stretch::NONE.last),
            least: sum(self.least, way.least, Stretch::NONE.least),
            most: sum(self.most, way.most, Stretch::NONE.most),
        }
    }
}

impl Join for Stretch {
    const NONE: Stretch =
        Stretch { first: i64::MAX, last: i64::MIN, least: i64::MAX, most: i64::MIN };

    fn or(self, other: Stretch) -> Stretch {
        Stretch {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}
