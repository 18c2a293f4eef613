//! Sets of neurons, written as ranges.

use std::fmt;
use std::str::FromStr;

/// A set of neuron numbers as disjoint ranges in ascending order, both ends included.
///
/// Written `43..85`, or `0..15, 64..79`; a single neuron as `7`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// All of `0..count`.
    pub fn all(count: u32) -> Ranges {
        Ranges(count.checked_sub(1).map(|last| (0, last)).into_iter().collect())
    }

    /// Of numbers in ascending order.
    pub fn of_sorted(numbers: impl IntoIterator<Item = u32>) -> Ranges {
        let mut ranges = Ranges::default();
        numbers.into_iter().for_each(|n| ranges.push(n));
        ranges
    }

    /// Adds a number that is at least the largest.
    pub(super) fn push(&mut self, n: u32) {
        match self.0.last_mut() {
            Some((_, last)) if *last == n => {}
            Some((_, last)) if last.checked_add(1) == Some(n) => *last = n,
            _ => self.0.push((n, n)),
        }
    }

    /// The ranges, both ends included.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Whether a number is in the set.
    pub fn contains(&self, n: u32) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < n);
        self.0.get(at).is_some_and(|(first, _)| *first <= n)
    }

    /// How many numbers.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number is in both sets.
    pub fn meets(&self, other: &Ranges) -> bool {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.peek(), b.peek()) {
            if a_last < b_first {
                a.next();
            } else if b_last < a_first {
                b.next();
            } else {
                return true;
            }
        }
        false
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|(_, last)| *last)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}..{last}")?,
            }
        }
        Ok(())
    }
}

/// Text that is not ranges in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a list of ranges in ascending order, as in `0..15, 64..79`")]
pub struct NotRanges(String);

impl FromStr for Ranges {
    type Err = NotRanges;

    fn from_str(text: &str) -> Result<Ranges, NotRanges> {
        let wrong = || NotRanges(text.into());
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            let (first, last) = part.split_once("..").unwrap_or((part, part));
            let first: u32 = first.trim().parse().map_err(|_| wrong())?;
            let last: u32 = last.trim().parse().map_err(|_| wrong())?;
            if last < first || ranges.last().is_some_and(|(_, before)| *before >= first) {
                return Err(wrong());
            }
            ranges.push((first, last));
        }
        Ok(Ranges(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_they_are_read() {
        let set = Ranges::of_sorted([0, 1, 2, 5, 7, 8]);
        assert_eq!(set.to_string(), "0..2, 5, 7..8");
        assert_eq!("0..2, 5, 7..8".parse(), Ok(set.clone()));
        assert_eq!((set.len(), set.last()), (6, Some(8)));
        assert_eq!("".parse(), Ok(Ranges::default()));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 2, 5, 7, 8]);
    }

    #[test]
    fn what_is_not_ascending_is_refused() {
        for text in ["3..1", "5, 4", "0..4, 4..6", "a", "1..", "-1", "1,,2", "4294967296"] {
            assert!(text.parse::<Ranges>().is_err(), "{text}");
        }
    }
}
