//! Ctrl-C. The only file that knows the ctrlc crate.

use snn_ir::diagnostics::{Code, Diagnostic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on Ctrl-C sets this flag, and only where it is set already ends the process.
///
/// # Errors
/// E0910 where the operating system does not allow it.
pub fn stopped() -> Result<Arc<AtomicBool>, Diagnostic> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| {
        Diagnostic::without_place(Code::E0910, format!("Ctrl-C cannot be handled: {error}"))
    })?;
    Ok(stopped)
}

/// The exit status of a process that was interrupted.
const INTERRUPTED: i32 = 130;
