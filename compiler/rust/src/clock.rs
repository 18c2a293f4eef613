//! Clocks as conditions on the step `t`.

use snn_ir::clock::{Clock, Run};

/// A name that says when: `every_32_at_1`, or `clock_3` for the irregular.
pub fn name(clock: &Clock, number: usize) -> String {
    match clock.as_every() {
        Some((every, residue)) => format!("every_{every}_at_{residue}"),
        None => format!("clock_{number}"),
    }
}

/// In words, for documentation.
pub fn words(clock: &Clock) -> String {
    if clock.is_always() {
        return "at every step".into();
    }
    match clock.as_every() {
        Some((every, residue)) => format!("when t % {every} == {residue}"),
        None => format!("when {}", condition(clock)),
    }
}

/// A Rust expression of type `bool` over `t: u64`.
pub fn condition(clock: &Clock) -> String {
    if clock.is_always() || clock.is_never() {
        return clock.is_always().to_string();
    }
    if let Some((every, residue)) = clock.as_every() {
        return format!("t % {every} == {residue}");
    }
    let (prefix, period) = (clock.prefix(), clock.period());
    let late = match clock.cycle() {
        [_] if period == 1 => "true".into(),
        cycle => among(&format!("t % {period}"), cycle),
    };
    let early = among("t", clock.early());
    match (prefix, clock.early(), late.as_str()) {
        (0, ..) => late,
        (_, _, "false") => early,
        (_, [], "true") => format!("t > {prefix}"),
        (_, [], _) => format!("t > {prefix} && {late}"),
        _ => format!("if t <= {prefix} {{ {early} }} else {{ {late} }}"),
    }
}

/// Whether `value` is in one of these intervals.
fn among(value: &str, runs: &[Run]) -> String {
    if runs.is_empty() {
        return "false".into();
    }
    let patterns: Vec<String> = runs
        .iter()
        .map(|run| match (run.start, run.end - 1) {
            (from, to) if from == to => from.to_string(),
            (from, to) => format!("{from}..={to}"),
        })
        .collect();
    format!("matches!({value}, {})", patterns.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_and_irregular_sets_of_steps() {
        assert_eq!(condition(&Clock::every(32, 1)), "t % 32 == 1");
        assert_eq!(condition(&Clock::always()), "true");
        let burst = Clock::from_fn(0, 16, |t| (2..=5).contains(&(t % 16)) || t % 16 == 0);
        assert_eq!(condition(&burst), "matches!(t % 16, 0 | 2..=5)");
        let late = Clock::from_fn(3, 1, |t| t > 3);
        assert_eq!(condition(&late), "t > 3");
        let mixed = Clock::from_fn(4, 3, |t| t == 2 || (t > 4 && t % 3 == 0));
        assert_eq!(condition(&mixed), "if t <= 3 { matches!(t, 2) } else { matches!(t % 3, 0) }");
        let never_at_first = Clock::from_fn(4, 3, |t| t > 4 && t % 3 == 0);
        assert_eq!(condition(&never_at_first), "t > 3 && matches!(t % 3, 0)");
    }

    #[test]
    fn names_say_when() {
        assert_eq!(name(&Clock::every(32, 1), 4), "every_32_at_1");
        assert_eq!(name(&Clock::from_fn(0, 16, |t| t % 16 < 2), 4), "clock_4");
    }
}
