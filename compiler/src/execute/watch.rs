//! Time, where the machine has a clock.

#[cfg(not(target_family = "wasm"))]
use snn_runtime::pace::Pace;
#[cfg(not(target_family = "wasm"))]
use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(not(target_family = "wasm"))]
use std::time::Instant;

/// Knows when the first step began, and how often to look at a run.
#[cfg(not(target_family = "wasm"))]
pub struct Watch {
    state: Mutex<(Instant, Pace)>,
}

#[cfg(not(target_family = "wasm"))]
impl Watch {
    /// The first step has not begun.
    pub fn new() -> Watch {
        let now = Instant::now();
        Watch { state: Mutex::new((now, Pace::new(now))) }
    }

    /// So many steps are done, 0 when the first begins; how many to make until the next look.
    pub fn look(&self, done: u64) -> u64 {
        let now = Instant::now();
        let mut state = self.lock();
        if done == 0 {
            *state = (now, Pace::new(now));
        }
        state.1.next(now)
    }

    /// Since the first step began.
    pub fn seconds(&self) -> f64 {
        self.lock().0.elapsed().as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, (Instant, Pace)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where there is no clock.
#[cfg(target_family = "wasm")]
pub struct Watch;

#[cfg(target_family = "wasm")]
impl Watch {
    /// Nothing to know.
    pub fn new() -> Watch {
        Watch
    }

    /// Looks at regular steps.
    pub fn look(&self, _: u64) -> u64 {
        1 << 10
    }

    /// Not known.
    pub fn seconds(&self) -> f64 {
        0.0
    }
}
