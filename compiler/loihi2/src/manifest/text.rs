//! Lists of neurons as one text.

use crate::ranges::Ranges;
use snn_ir::hash::sha256;

/// Lists of sources with more ranges than this stand as their digest: they follow from the
/// weights file.
const MOST_RANGES: usize = 64;

/// Neurons at the end of synapses: their ranges, or where there are very many
/// `9500 of 12..999983, digest 0123456789abcdef`, the [`digest`] of the ranges' ends.
pub fn sources(ranges: &Ranges) -> String {
    match (ranges.as_slice().first(), ranges.as_slice().last()) {
        (Some((first, _)), Some((_, last))) if ranges.as_slice().len() > MOST_RANGES => {
            let digest = digest(ends(ranges));
            format!("{} of {first}..{last}, digest {digest}", ranges.len())
        }
        _ => ranges.to_string(),
    }
}

/// The ends of ranges, one after another.
pub fn ends(ranges: &Ranges) -> impl Iterator<Item = u32> + '_ {
    ranges.as_slice().iter().flat_map(|(first, last)| [*first, *last])
}

/// The first 16 hexadecimal digits of the SHA-256 of numbers, each 32 bits, little-endian.
pub fn digest(numbers: impl Iterator<Item = u32>) -> String {
    let bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    sha256(&bytes).chars().take(16).collect()
}

/// How many neurons a text of [`sources`] names.
pub fn count(text: &str) -> Option<u64> {
    match text.split_once(" of ") {
        Some((count, _)) => count.parse().ok(),
        None => text.parse::<Ranges>().ok().map(|ranges| ranges.len()),
    }
}

/// What the neurons of a text of [`sources`] are among.
pub fn reach(text: &str) -> Option<Ranges> {
    match text.split_once(" of ") {
        Some((_, rest)) => rest.split_once(", digest ")?.0.parse().ok(),
        None => text.parse().ok(),
    }
}

/// Numbers in any order, as runs with equal steps: `0..9, 40, 0..90 by 10`.
pub fn runs(numbers: &[u32]) -> String {
    let mut parts = Vec::new();
    let mut rest = numbers;
    while let [first, tail @ ..] = rest {
        let step = tail.first().and_then(|second| second.checked_sub(*first)).filter(|s| *s > 0);
        let length = step.map_or(1, |step| {
            1 + rest
                .windows(2)
                .take_while(|pair| pair[1].checked_sub(pair[0]) == Some(step))
                .count()
        });
        let last = rest[length - 1];
        // Two numbers that are no neighbours are shorter one by one.
        let length = if length == 2 && step != Some(1) { 1 } else { length };
        parts.push(match step {
            _ if length == 1 => first.to_string(),
            Some(1) | None => format!("{first}..{last}"),
            Some(step) => format!("{first}..{last} by {step}"),
        });
        rest = &rest[length..];
    }
    parts.join(", ")
}

/// The numbers of a text of [`runs`], if it is one and they are `length`.
pub fn of_runs(text: &str, length: u64) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for part in text.split(", ").filter(|_| !text.is_empty()) {
        let (range, step): (&str, u32) = match part.split_once(" by ") {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = range.split_once("..").unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let count = u64::from(last.checked_sub(first)?) / u64::from(step) + 1;
        if numbers.len() as u64 + count > length {
            return None;
        }
        numbers.extend((first..=last).step_by(step as usize));
    }
    (numbers.len() as u64 == length).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_they_are_written() {
        let lists: [(&[u32], &str); 7] = [
            (&[], ""),
            (&[7], "7"),
            (&[0, 1, 2, 3], "0..3"),
            (&[0, 10, 20, 30, 1, 11, 21], "0..30 by 10, 1..21 by 10"),
            (&[5, 4, 3], "5, 4, 3"),
            (&[0, 5, 6, 7, 9, 9], "0, 5..7, 9, 9"),
            (&[u32::MAX], "4294967295"),
        ];
        for (numbers, text) in lists {
            assert_eq!(runs(numbers), text);
            assert_eq!(of_runs(text, numbers.len() as u64).as_deref(), Some(numbers));
        }
    }

    #[test]
    fn what_is_no_list_of_that_length_is_refused() {
        for text in ["", "0..4294967295", "1..0", "a", "0..2 by 0", "0..1, ", "-1", "0..9 by -1"] {
            assert_eq!(of_runs(text, 3), None, "{text}");
        }
    }

    #[test]
    fn very_many_sources_are_counted_and_digested() {
        let odd = |n: u32| Ranges::of_sorted((0..n).map(|i| 2 * i + 1));
        assert_eq!(sources(&odd(2)), "1, 3");
        let many = sources(&odd(100));
        assert!(many.starts_with("100 of 1..199, digest "), "{many}");
        assert_eq!((count(&many), count("0..4, 9")), (Some(100), Some(6)));
        assert_ne!(many, sources(&Ranges::of_sorted((0..100).map(|i| 2 * i + u32::from(i < 99)))));
    }
}
