//! How often a run that goes at an unknown speed is looked at.

use std::time::{Duration, Instant};

/// Time between two looks that is worth while: neither many nor few.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// Finds how many steps to make between two looks.
#[derive(Debug)]
pub struct Pace {
    last: Instant,
    interval: u64,
}

impl Pace {
    /// Every step is looked at until it is known how long they take.
    pub fn new(now: Instant) -> Pace {
        Pace { last: now, interval: 1 }
    }

    /// After a look: how many steps to make until the next.
    pub fn next(&mut self, now: Instant) -> u64 {
        let passed = now - self.last;
        self.last = now;
        if passed < LOOKS.0 {
            self.interval = self.interval.saturating_mul(2);
        } else if passed > LOOKS.1 {
            self.interval = (self.interval / 2).max(1);
        }
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_where_steps_are_quick_and_come_back_where_they_are_not() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut after = |time| {
            now += time;
            pace.next(now)
        };
        let quick: Vec<u64> = (0..10).map(|_| after(LOOKS.0 / 2)).collect();
        assert_eq!(quick, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]);
        assert_eq!(after((LOOKS.0 + LOOKS.1) / 2), 1024);
        let slow: Vec<u64> = (0..12).map(|_| after(2 * LOOKS.1)).collect();
        assert_eq!(slow, [512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1, 1]);
    }
}
