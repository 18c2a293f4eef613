//! Sets of steps as text.
//!
//! ```text
//! clock  = [ "first" N [ "at" list ] "then" ] late
//! late   = "always" | "never" | "every" N "at" list
//! list   = item { "," item }
//! item   = NUMBER | NUMBER ".." NUMBER
//! ```
//!
//! `every 10 at 1..4,7` are the steps whose remainder by 10 is 1, 2, 3 or 7: the end of a range
//! is not in it. `first 100 at 3..5 then every 10 at 1` are steps 3 and 4, and from step 101 on
//! those whose remainder by 10 is 1. What is written is the shortest form; any is read.

use super::Clock;
use super::intervals::{Intervals, Run};
use std::fmt;
use std::str::FromStr;

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix() > 0 {
            write!(f, "first {} ", self.prefix())?;
            if !self.early().is_empty() {
                write!(f, "at {} ", List(self.early()))?;
            }
            write!(f, "then ")?;
        }
        match self.cycle() {
            [] => write!(f, "never"),
            _ if self.period() == 1 => write!(f, "always"),
            cycle => write!(f, "every {} at {}", self.period(), List(cycle)),
        }
    }
}

struct List<'a>(&'a [Run]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, run) in self.0.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match run.end - run.start {
                1 => write!(f, "{comma}{}", run.start)?,
                _ => write!(f, "{comma}{}..{}", run.start, run.end)?,
            }
        }
        Ok(())
    }
}

/// Why a text is no set of steps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAClock {
    /// A word or number that should be there is not.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A period of no steps.
    #[error("a period is at least one step")]
    NoPeriod,
    /// An item that is outside what it is a part of.
    #[error("{0} is out of range")]
    OutOfRange(String),
    /// Words after the end.
    #[error("`{0}` follows the end")]
    Rest(String),
}

impl FromStr for Clock {
    type Err = NotAClock;

    fn from_str(text: &str) -> Result<Clock, NotAClock> {
        let mut words = text.split_whitespace().peekable();
        let (mut prefix, mut early) = (0, Intervals::empty());
        if words.next_if_eq(&"first").is_some() {
            prefix = number(words.next())?;
            let end = prefix.checked_add(1).ok_or(NotAClock::OutOfRange(prefix.to_string()))?;
            if words.next_if_eq(&"at").is_some() {
                early = list(words.next(), 1, end)?;
            }
            words.next_if_eq(&"then").ok_or(NotAClock::Expected("`then`"))?;
        }
        let (period, cycle) = match words.next() {
            Some("always") => (1, Intervals::one(0, 1)),
            Some("never") => (1, Intervals::empty()),
            Some("every") => {
                let period = number(words.next())?;
                if period == 0 {
                    return Err(NotAClock::NoPeriod);
                }
                words.next_if_eq(&"at").ok_or(NotAClock::Expected("`at`"))?;
                (period, list(words.next(), 0, period)?)
            }
            _ => return Err(NotAClock::Expected("`always`, `never` or `every`")),
        };
        match words.next() {
            Some(rest) => Err(NotAClock::Rest(rest.into())),
            None => Ok(Clock::new(prefix, early, period, cycle)),
        }
    }
}

fn number(word: Option<&str>) -> Result<u64, NotAClock> {
    // A sign is no digit.
    word.filter(|w| w.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|w| w.parse().ok())
        .ok_or(NotAClock::Expected("a number"))
}

/// A list whose numbers lie in `lo..hi`.
fn list(word: Option<&str>, lo: u64, hi: u64) -> Result<Intervals, NotAClock> {
    let word = word.ok_or(NotAClock::Expected("a list of numbers"))?;
    let mut parts = Vec::new();
    for item in word.split(',') {
        let (start, end) = match item.split_once("..") {
            Some((start, end)) => (number(Some(start))?, number(Some(end))?),
            None => {
                let only = number(Some(item))?;
                (only, only.saturating_add(1))
            }
        };
        if start < lo || end > hi || start >= end {
            return Err(NotAClock::OutOfRange(item.into()));
        }
        parts.push((start, end));
    }
    Ok(Intervals::of(parts))
}
