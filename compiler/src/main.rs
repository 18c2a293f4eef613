//! The `snnc` command.

mod cli;

use mimalloc::MiMalloc;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Room for walks over deeply nested programs, wherever the command is started from.
const STACK: usize = 256 << 20;

/// A network is made of very many small things, most of which live for one stage: a third of the
/// work of a check was to find room for them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let panic = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&panic);
    std::panic::set_hook(Box::new(move |info| {
        seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(describe(info));
    }));
    let command = std::thread::Builder::new().stack_size(STACK);
    match command.spawn(move || cli::execute(cli::args::parse())).map(|thread| thread.join()) {
        Ok(Ok(status)) => status.into(),
        Ok(Err(_)) => {
            let what = panic.lock().unwrap_or_else(PoisonError::into_inner).take();
            cli::internal_error(&what.unwrap_or_default());
            cli::Status::Internal.into()
        }
        Err(error) => {
            cli::internal_error(&format!("no thread could be started: {error}"));
            cli::Status::Internal.into()
        }
    }
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message.unwrap_or("no message");
    match info.location() {
        Some(at) => format!("{message} ({}:{})", at.file(), at.line()),
        None => message.to_owned(),
    }
}
