//! A network that a program steps: it looks at variables and ports between steps, and writes them.

use crate::driver::CheckedRun;
use crate::execute::faulted;
use snn_back::executor::{self, Executor};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::tensor::Tensor;
use snn_runtime::Network as _;
use std::sync::Arc;

/// A network at some step.
///
/// ```
/// use snnc::{Memory, Options, Session, Tensor, check_text};
///
/// let text = "
/// network Pair { cell = LIF[2](vth: 10, bias_mant: 100) }
/// run r of Pair { models fixed_pt; steps 1 }
/// ";
/// let options = Options { open: true, ..Options::default() };
/// let checked = check_text(&Memory::new(), "pair.snn".as_ref(), text, &options);
/// let mut session = Session::new(&checked.runs[0], &Memory::new()).map_err(|d| d.message)?;
/// session.step(2).map_err(|d| d.message)?;
/// let before = session.save();
/// session.set("cell.v", &Tensor::int(vec![2], vec![0, 9])).map_err(|d| d.message)?;
/// session.step(1).map_err(|d| d.message)?;
/// let later = session.get("cell.v").map_err(|d| d.message)?;
/// session.restore(&before);
/// assert_eq!(session.t(), 2);
/// assert_ne!(session.get("cell.v").map_err(|d| d.message)?, later);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct Session {
    start: Saved,
    now: Saved,
}

/// A state of a [`Session`], to come back to.
#[derive(Clone)]
pub struct Saved {
    network: Executor,
    /// Steps that have been made.
    t: u64,
    /// Whether what happens after step `t` is still to come: only the next step asks for it, so
    /// that what it would reset can be looked at.
    between: bool,
    /// A step ended early: the state is no state of the network.
    broken: bool,
}

impl Session {
    /// A network before its first step. Its run must have been checked with
    /// [`Options::open`](crate::Options::open): the compiler then relies on nothing that writing
    /// could break.
    ///
    /// # Errors
    /// E0909 where the run is for a chip or was not checked so; the codes of data files that
    /// cannot be read.
    pub fn new(run: &CheckedRun, files: &dyn Files) -> Result<Session, Diagnostic> {
        run.executable()?;
        if !run.ir.open {
            let message = format!("run `{}` is not made to be stepped by a program", run.name);
            return Err(Diagnostic::without_place(Code::E0909, message)
                .help("check it with `Options { open: true, .. }`"));
        }
        let network = executor::load(Arc::new(run.ir.clone()), files)?;
        let start = Saved { network, t: 0, between: false, broken: false };
        Ok(Session { now: start.clone(), start })
    }

    /// How many steps have been made.
    pub fn t(&self) -> u64 {
        self.now.t
    }

    /// Makes `n` steps.
    ///
    /// # Errors
    /// E0904 where an index leaves its range, E0601 where a data file cannot be read any more: the
    /// session can then only be reset or restored.
    pub fn step(&mut self, n: u64) -> Result<(), Diagnostic> {
        let now = &mut self.now;
        for _ in 0..n {
            if now.broken {
                let message = "a step of this session has failed";
                return Err(Diagnostic::without_place(Code::E0904, message)
                    .help("reset it, or restore a state from before"));
            }
            if std::mem::replace(&mut now.between, true) {
                now.network.between(now.t);
            }
            now.t += 1;
            if let Err(fault) = now.network.step(now.t) {
                now.broken = true;
                return Err(faulted(&fault));
            }
        }
        Ok(())
    }

    /// The paths of all variables and ports: `lif.v`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.now.network.names()
    }

    /// The present value of a variable, or the last message of a port.
    ///
    /// # Errors
    /// E0406 where there is none of this path.
    pub fn get(&self, path: &str) -> Result<Tensor, Diagnostic> {
        let (id, _) = self.now.network.named(path).ok_or_else(|| self.missing(path))?;
        Ok(self.now.network.value(id))
    }

    /// Writes a variable, or the message of an in port to which nothing is connected; the next
    /// step finds it.
    ///
    /// # Errors
    /// E0406 where there is none of this path; E0201 where the array has another shape, E0203
    /// where an element is no value of its type.
    pub fn set(&mut self, path: &str, value: &Tensor) -> Result<(), Diagnostic> {
        let Some((id, buffer)) = self.now.network.named(path) else {
            return Err(self.missing(path));
        };
        let (shape, elem) = (buffer.shape.clone(), buffer.elem);
        if value.shape != shape {
            let message = format!("`{path}` has the shape {shape:?}, the array {:?}", value.shape);
            return Err(Diagnostic::without_place(Code::E0201, message));
        }
        match self.now.network.set_value(id, value) {
            true => Ok(()),
            false => {
                let message = format!("`{path}` has elements `{elem:?}`, the array has others");
                Err(Diagnostic::without_place(Code::E0203, message)
                    .help("give values that the type holds"))
            }
        }
    }

    /// Goes back to before the first step.
    pub fn reset(&mut self) {
        self.now.clone_from(&self.start);
    }

    /// The present state.
    pub fn save(&self) -> Saved {
        self.now.clone()
    }

    /// Goes back to a state that was saved in this session.
    pub fn restore(&mut self, saved: &Saved) {
        self.now.clone_from(saved);
    }

    fn missing(&self, path: &str) -> Diagnostic {
        let message = format!("the network has no variable and no port `{path}`");
        Diagnostic::without_place(Code::E0406, message).meant(path, self.names(), None)
    }
}
