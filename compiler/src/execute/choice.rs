//! Which engine gives the result first.

use super::{Executed, Progress, Settings, compiled, in_process};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::step::StepIr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What compiling a network takes, about. A run that the executor ends sooner is not compiled.
const COMPILING: Duration = Duration::from_secs(10);

/// How long the executor runs before it is judged by its speed.
const JUDGED: Duration = Duration::from_millis(300);

/// Executes a run as a program, if it is compiled already. Else in this process at once, and as a
/// program where that would be quicker in spite of compiling it. All give the same bits.
pub fn execute(
    ir: Arc<StepIr>,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Result<Executed, Diagnostic> {
    let packaged = compiled::Packaged::of(&ir, files)?;
    if packaged.is_kept() {
        return compiled::run(&packaged, &ir, files, settings);
    }
    if let Some(executed) = if_quick(Arc::clone(&ir), files, settings) {
        return executed;
    }
    if let Some(dir) = settings.record {
        // What the run that was given up has recorded, in a folder that it made.
        let _ = std::fs::remove_dir_all(dir);
    }
    match compiled::run(&packaged, &ir, files, settings) {
        Err(missing) if missing.code == Code::E0907 => {
            let what = &missing.message;
            settings.doing(&format!("{what}; it is executed in this process, more slowly"));
            in_process(ir, files, settings)
        }
        done => done,
    }
}

/// Executes a run in this process; `None` where that takes longer than compiling it.
fn if_quick(
    ir: Arc<StepIr>,
    files: &dyn Files,
    settings: &Settings<'_>,
) -> Option<Result<Executed, Diagnostic>> {
    let began = Mutex::new(Instant::now());
    let given_up = AtomicBool::new(false);
    let progress = |progress: Progress<'_>| {
        if let Progress::Steps { done, of } = progress {
            let mut began = began.lock().unwrap_or_else(PoisonError::into_inner);
            if done == 0 {
                *began = Instant::now();
            } else if slow(began.elapsed(), done, of) {
                given_up.store(true, Ordering::Relaxed);
                return ControlFlow::Break(());
            }
        }
        settings.progress.map_or(ControlFlow::Continue(()), |told| told(progress))
    };
    let executed = in_process(ir, files, &Settings { progress: Some(&progress), ..*settings });
    match given_up.load(Ordering::Relaxed) {
        true => None,
        false => Some(executed),
    }
}

/// Whether what is left of a run takes longer than compiling it.
fn slow(elapsed: Duration, done: u64, of: u64) -> bool {
    let left = elapsed.as_secs_f64() * of.saturating_sub(done) as f64 / done as f64;
    elapsed >= JUDGED && left > COMPILING.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_given_up_where_compiling_is_quicker() {
        let seconds = Duration::from_secs_f64;
        assert!(!slow(seconds(0.2), 1, 1_000_000), "it is too early to tell");
        assert!(slow(seconds(0.4), 10, 1000), "40 seconds are left");
        assert!(!slow(seconds(0.4), 100, 1000), "4 seconds are left");
        assert!(!slow(seconds(100.0), 95, 100), "6 seconds are left");
    }
}
