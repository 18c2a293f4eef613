//! Shows on stderr how far a run has come: a bar, or a line now and then where nobody watches a
//! terminal.

use crate::pace::Pace;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two lines where there is no terminal: for people, and for a program that shows
/// them in its own way.
const BETWEEN_LINES: [Duration; 2] = [Duration::from_secs(2), Duration::from_millis(200)];

/// Shows one run.
pub struct Display<'a> {
    name: &'a str,
    total: u64,
    /// Whether nothing is shown.
    quiet: bool,
    between: Duration,
    state: Mutex<State>,
}

struct State {
    /// When the first step began.
    began: Instant,
    pace: Pace,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl<'a> Display<'a> {
    /// For a run of this name and so many steps; `attended` by a program.
    pub fn new(name: &'a str, total: u64, quiet: bool, attended: bool) -> Display<'a> {
        let now = Instant::now();
        let state = State { began: now, pace: Pace::new(now), last_line: now, bar: None };
        let between = BETWEEN_LINES[usize::from(attended)];
        Display { name, total, quiet, between, state: Mutex::new(state) }
    }

    /// What [`Execution::progress`](crate::execute::Execution::progress) asks for: shows that so
    /// many steps are done, and says after how many more to come again.
    pub fn show(&self, done: u64) -> ControlFlow<(), u64> {
        // A thread that panicked while it drew has left nothing that could be wrong.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if done == 0 {
            (state.began, state.pace, state.last_line) = (now, Pace::new(now), now);
        } else if !self.quiet && now - state.began >= PATIENCE {
            self.draw(&mut state, done, now);
        }
        ControlFlow::Continue(state.pace.next(now))
    }

    fn draw(&self, state: &mut State, done: u64, now: Instant) {
        if std::io::stderr().is_terminal() {
            state.bar.get_or_insert_with(|| bar(self.name, self.total)).set_position(done);
        } else if now - state.last_line >= self.between {
            state.last_line = now;
            let percent = done as f64 * 100.0 / self.total.max(1) as f64;
            eprintln!("{}: step {done} of {} ({percent:.0} %)", self.name, self.total);
        }
    }

    /// Takes the bar away. The time since the first step began.
    pub fn finish(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = &state.bar {
            bar.finish_and_clear();
        }
        state.began.elapsed()
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
