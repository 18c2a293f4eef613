//! Sets of steps: what a guard, a reset or a record allows.

/// A set of steps that is periodic after a prefix. Step `t` (the first is 1) is decided by
/// `prefix[t - 1]` where there is one, and else by `cycle[(t - 1 - prefix.len()) % cycle.len()]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    prefix: Vec<bool>,
    cycle: Vec<bool>,
}

impl Clock {
    /// Every step.
    pub fn always() -> Clock {
        Clock { prefix: Vec::new(), cycle: vec![true] }
    }

    /// No step.
    pub fn never() -> Clock {
        Clock { prefix: Vec::new(), cycle: vec![false] }
    }

    /// Steps with `t % every == residue % every`; `every` must not be 0.
    pub fn every(every: u64, residue: i64) -> Clock {
        let residue = residue.rem_euclid(every as i64) as u64;
        Clock::from_fn(0, every, |t| t % every == residue)
    }

    /// The set that `holds` decides: its first `prefix` steps one by one, and after them
    /// `period` (at least 1) steps that repeat.
    pub fn from_fn(prefix: u64, period: u64, holds: impl Fn(u64) -> bool) -> Clock {
        let bits = |from: u64, n: u64| (from..from + n).map(&holds).collect();
        Clock { prefix: bits(1, prefix), cycle: bits(1 + prefix, period.max(1)) }.reduced()
    }

    /// Whether step `t` (at least 1) is in the set.
    pub fn holds(&self, t: u64) -> bool {
        let i = (t - 1) as usize;
        match self.prefix.get(i) {
            Some(&bit) => bit,
            None => self.cycle[(i - self.prefix.len()) % self.cycle.len()],
        }
    }

    /// Steps before the periodic part begins.
    pub fn prefix(&self) -> u64 {
        self.prefix.len() as u64
    }

    /// Steps after which the set repeats, beyond the prefix.
    pub fn period(&self) -> u64 {
        self.cycle.len() as u64
    }

    /// Whether every step is in the set.
    pub fn is_always(&self) -> bool {
        self.prefix.is_empty() && self.cycle == [true]
    }

    /// Whether no step is in the set.
    pub fn is_never(&self) -> bool {
        self.prefix.iter().chain(&self.cycle).all(|b| !b)
    }

    /// Steps in both sets.
    pub fn and(&self, other: &Clock) -> Clock {
        self.zip(other, |a, b| a && b)
    }

    /// Steps in either set.
    pub fn or(&self, other: &Clock) -> Clock {
        self.zip(other, |a, b| a || b)
    }

    /// Steps not in the set.
    pub fn not(&self) -> Clock {
        Clock {
            prefix: self.prefix.iter().map(|b| !b).collect(),
            cycle: self.cycle.iter().map(|b| !b).collect(),
        }
    }

    /// How many of the steps `1..=t` are in the set.
    pub fn count(&self, t: u64) -> u64 {
        let ones = |bits: &[bool]| bits.iter().filter(|b| **b).count() as u64;
        let t = t as usize;
        if t <= self.prefix.len() {
            return ones(&self.prefix[..t]);
        }
        let rest = t - self.prefix.len();
        let (cycles, tail) = (rest / self.cycle.len(), rest % self.cycle.len());
        ones(&self.prefix) + cycles as u64 * ones(&self.cycle) + ones(&self.cycle[..tail])
    }

    /// How many steps of one period are in the set, beyond the prefix.
    pub fn per_period(&self) -> u64 {
        self.cycle.iter().filter(|b| **b).count() as u64
    }

    /// The steps of the set, in order.
    pub fn steps(&self) -> impl Iterator<Item = u64> + '_ {
        let bounded = if self.per_period() == 0 { self.prefix() } else { u64::MAX };
        (1..=bounded).filter(|t| self.holds(*t))
    }

    /// `(every, residue)` where the set is exactly `t % every == residue`.
    pub fn as_every(&self) -> Option<(u64, u64)> {
        if !self.prefix.is_empty() || self.per_period() != 1 {
            return None;
        }
        let first = self.cycle.iter().position(|b| *b)? as u64 + 1;
        Some((self.period(), first % self.period()))
    }

    fn zip(&self, other: &Clock, f: impl Fn(bool, bool) -> bool) -> Clock {
        let prefix = self.prefix().max(other.prefix());
        let period = lcm(self.period(), other.period());
        Clock::from_fn(prefix, period, |t| f(self.holds(t), other.holds(t)))
    }

    /// The same set with the shortest cycle and prefix, so that equal sets are equal values.
    fn reduced(mut self) -> Clock {
        let n = self.cycle.len();
        let shortest = (1..=n)
            .find(|d| n.is_multiple_of(*d) && self.cycle.iter().skip(*d).eq(&self.cycle[..n - d]))
            .unwrap_or(n);
        self.cycle.truncate(shortest);
        while let (Some(last), Some(end)) = (self.prefix.last(), self.cycle.last()) {
            if last != end {
                break;
            }
            self.prefix.pop();
            self.cycle.rotate_right(1);
        }
        self
    }
}

/// Least common multiple.
pub fn lcm(a: u64, b: u64) -> u64 {
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    a / gcd(a, b) * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_are_equal_values() {
        let start = Clock::every(32, 1);
        assert_eq!(start, Clock::from_fn(7, 64, |t| t % 32 == 1));
        assert_eq!(start.as_every(), Some((32, 1)));
        assert_eq!(Clock::every(1, 5), Clock::always());
        assert!(start.and(&Clock::every(32, 2)).is_never());
        assert!(start.or(&start.not()).is_always());
    }

    #[test]
    fn counting_equals_enumerating() {
        let c = Clock::from_fn(5, 6, |t| t == 2 || t % 3 == 0);
        for t in 0..40 {
            assert_eq!(c.count(t), (1..=t).filter(|s| c.holds(*s)).count() as u64);
        }
        assert_eq!(c.steps().take(4).collect::<Vec<_>>(), [2, 3, 6, 9]);
    }
}
