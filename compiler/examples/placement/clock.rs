//! Processor time, so that a loaded machine does not look like a slow program.

use std::time::Instant;

/// A moment, as processor time of this thread where Linux tells it, and as time of day elsewhere.
pub struct Clock {
    processor: Option<f64>,
    day: Instant,
}

impl Clock {
    /// This moment.
    pub fn now() -> Self {
        Clock { processor: processor(), day: Instant::now() }
    }

    /// Seconds since.
    pub fn seconds(&self) -> f64 {
        match (self.processor, processor()) {
            (Some(start), Some(end)) => end - start,
            _ => self.day.elapsed().as_secs_f64(),
        }
    }
}

/// Seconds that this thread has run.
fn processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
