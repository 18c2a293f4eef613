//! The name that was probably meant.

use super::{Diagnostic, Edit, Fix, Loc};

/// The candidate nearest to `name`, if one is near enough to be a likely slip.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(name, candidates).first().copied()
}

/// The candidates that are near enough to `name` to be what was meant, the nearest first.
fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // One letter off is a slip in a long name, and another name where there are one or two letters:
    // these have a letter in the other case, or are swapped.
    let letters = name.chars().count();
    let limit = (letters / 3).max(1);
    let slip = |d: usize, c: &str| letters > 2 || d == 0 || sorted(name) == sorted(c);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|c| (distance(name, c), c))
        .filter(|(d, c)| *d <= limit && *c != name && slip(*d, c))
        .collect();
    near.sort_unstable();
    near.dedup();
    // With two that are as near, a short name says too little.
    if letters <= 2 && near.len() > 1 {
        near.clear();
    }
    near.into_iter().map(|(_, c)| c).collect()
}

impl Diagnostic {
    /// Asks whether the nearest of the candidates was meant by a name, where one is near; `at`
    /// is where the name is written, if it is. The only near one is safe to take.
    pub fn meant<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
        at: impl Into<Option<Loc>>,
    ) -> Diagnostic {
        let near = near(name, candidates);
        let Some(nearest) = near.first() else { return self };
        let text = format!("did you mean `{nearest}`?");
        match at.into().map(|at| vec![Edit::replace(at, *nearest)]) {
            None => self.help(text),
            Some(edits) => self.fix(text, Fix { edits, safe: near.len() == 1 }),
        }
    }
}

/// Edit distance, ignoring case: letters put in, left out, replaced, or swapped with the next.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(x != y);
            let mut least = replaced.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

/// The letters of a name, whatever their order and case.
fn sorted(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("weigths", ["weights", "vth"]), Some("weights"));
        assert_eq!(nearest("Lif", ["LIF", "Dense"]), Some("LIF"));
        assert_eq!(nearest("vht", ["vth", "du"]), Some("vth"));
        assert_eq!(nearest("x", ["weights", "vth"]), None);
    }

    #[test]
    fn of_short_names_only_those_that_differ_by_case_or_order_are_suggested() {
        assert_eq!(nearest("V", ["v", "u", "w", "dv"]), Some("v"));
        assert_eq!(nearest("ud", ["du", "dv", "u"]), Some("du"));
        assert_eq!(nearest("Du", ["du", "dv"]), Some("du"));
        assert_eq!(nearest("u", ["v", "w", "du"]), None);
        assert_eq!(nearest("du", ["dv", "dud"]), None);
        // Which one?
        assert_eq!(nearest("Dv", ["dv", "DV"]), None);
        assert_eq!(nearest("ab", ["ba", "AB"]), None);
    }
}
