//! Shows how far a run has come.
//!
//! The runner only stores a number now and then; a thread of its own looks at it a few
//! times a second and draws a bar, or writes a line where nobody watches a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How many steps one thread has executed; on a cache line of its own, so that threads do not
/// slow each other down.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Says that `steps` are done.
    pub(crate) fn set(&self, steps: u64) {
        self.0.store(steps, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time between two looks at the counters.
const LOOK: Duration = Duration::from_millis(100);
/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

/// Executes `work` while showing on stderr how the sum of `counters` approaches `total` steps.
pub(crate) fn watch<R>(
    name: &str,
    total: u64,
    counters: &[Counter],
    quiet: bool,
    work: impl FnOnce() -> R,
) -> R {
    if quiet {
        return work();
    }
    std::thread::scope(|scope| {
        let (finished, wait) = channel::<()>();
        scope.spawn(move || {
            let mut display = Display::new(name, total);
            while wait.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                display.show(counters.iter().map(Counter::get).sum());
            }
            display.finish();
        });
        let result = work();
        drop(finished);
        result
    })
}

struct Display<'a> {
    name: &'a str,
    total: u64,
    began: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl<'a> Display<'a> {
    fn new(name: &'a str, total: u64) -> Display<'a> {
        let now = Instant::now();
        Display { name, total, began: now, last_line: now, bar: None }
    }

    fn show(&mut self, done: u64) {
        if self.began.elapsed() < PATIENCE {
            return;
        }
        if std::io::stderr().is_terminal() {
            self.bar.get_or_insert_with(|| bar(self.name, self.total)).set_position(done);
        } else if self.last_line.elapsed() >= BETWEEN_LINES {
            self.last_line = Instant::now();
            let percent = done as f64 * 100.0 / self.total.max(1) as f64;
            eprintln!("{}: step {done} of {} ({percent:.0} %)", self.name, self.total);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(name: &str, total: u64) -> ProgressBar {
    let template = "{prefix} {wide_bar} {human_pos}/{human_len} steps, {eta} left";
    let bar = ProgressBar::new(total).with_prefix(name.to_string());
    // The template is a constant; were it wrong, the plain bar would still do.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_does_not_change_the_result() {
        let counters = [Counter::default(), Counter::default()];
        let work = || {
            counters[1].set(7);
            counters.iter().map(Counter::get).sum::<u64>()
        };
        assert_eq!(watch("run", 10, &counters, false, work), 7);
        assert_eq!(watch("run", 10, &counters, true, || 3), 3);
    }
}
