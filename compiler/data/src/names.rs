//! The names a file does have, for messages about one it does not have. The only file that
//! knows strsim.

use std::fmt::Write;

/// How many names a message lists.
const LISTED: usize = 8;

/// `names` in words, those most like `wanted` first: "`a`, `b` and 3 more".
pub(super) fn nearest_first(wanted: &str, names: &[String]) -> String {
    let mut sorted: Vec<(usize, &str)> = names
        .iter()
        .map(|name| (strsim::osa_distance(wanted, name.trim_end_matches('/')), name.as_str()))
        .collect();
    sorted.sort();
    let mut words = String::new();
    for (i, (_, name)) in sorted.iter().take(LISTED).enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(words, "{separator}`{}`", name.escape_debug());
    }
    if let Some(more) = sorted.len().checked_sub(LISTED).filter(|&n| n > 0) {
        let _ = write!(words, " and {more} more");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_names_come_first_and_the_rest_is_counted() {
        let names: Vec<String> = (0..20).map(|i| format!("layer{i}")).collect();
        let words = nearest_first("layr12", &names);
        assert!(words.starts_with("`layer12`, "), "{words}");
        assert!(words.ends_with(" and 12 more"), "{words}");
    }
}
