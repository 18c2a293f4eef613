//! Runs a network: step after step, or windows of steps in parallel.
//!
//! # Windows
//! Where the compiler has proven that the state at the start of a window is the same whatever
//! it was `horizon` steps earlier ([`RunPlan::horizon`]), a run is cut at window starts into one
//! chunk of consecutive windows a thread. The thread of a later chunk makes a fresh network,
//! [`seek`](Network::seek)s to `horizon` steps before its chunk (or begins at step 1), replays
//! those without recording, and executes its own steps. Then the columns of the chunks are
//! joined in order of time, and the network of the last chunk, which stands where a sequential
//! run would, takes over the arrays of results from all earlier ones. Results are those of a
//! sequential run, bit for bit, for any number of threads.
//!
//! A network may execute several steps at once ([`leap`](Network::leap)).
//!
//! A replay starts from a state that no real run has, so an index may be out of range there
//! that never is in truth. If that happens the run is repeated sequentially.

use crate::network::{Column, ElementType, Fault, Network};
use std::any::Any;
use std::fmt;
use std::io;
use std::ops::{ControlFlow, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    /// The run's name, for progress.
    pub name: String,
    /// How many steps; the first is step 1.
    pub steps: u64,
    /// Steps in a window; at least 1.
    pub period: u64,
    /// Steps to replay before a window so that its state is exact; `None` where windows
    /// depend on each other.
    pub horizon: Option<u64>,
    /// What is kept, in the order of the network's records.
    pub records: Vec<RecordSpec>,
}

/// One record of a [`RunPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSpec {
    /// Its key in the results: a dotted path.
    pub key: String,
    /// The type of an element.
    pub element: ElementType,
    /// The shape of one value, without the time axis.
    pub shape: Vec<usize>,
    /// Kept once, after the last step (and before what happens between steps), instead of
    /// whenever the network says it is [`due`](Network::due).
    pub at_end: bool,
}

/// How to run a plan.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// Threads to use at most; 0 counts as 1.
    pub threads: usize,
    /// Who is told how far the run has come.
    pub progress: &'a Progress<'a>,
    /// Where recordings go as they grow; without, they stay in memory.
    pub recorder: Option<&'a dyn Recorder>,
}

/// Is told how many steps are done, by any thread: first 0, when the first step begins. Answers
/// how many steps a thread makes until it tells again, or that the run is to stop.
pub type Progress<'a> = dyn Fn(u64) -> ControlFlow<(), u64> + Sync + 'a;

impl Execution<'static> {
    /// With nobody who is told, and recordings in memory.
    pub fn quiet(threads: usize) -> Execution<'static> {
        Execution { threads, progress: &|_| ControlFlow::Continue(1 << 10), recorder: None }
    }
}

/// Takes recordings as they grow.
///
/// A run may be executed in chunks, consecutive parts in order of time, at the same time.
pub trait Recorder: Sync {
    /// A run of so many chunks begins, perhaps for the second time: what came before is void.
    ///
    /// # Errors
    /// Where there is no room for it.
    fn begin(&self, chunks: usize) -> io::Result<()>;

    /// Takes what chunk `chunk` kept of record `record` after what it gave before: whole values.
    ///
    /// # Errors
    /// Where they cannot be stored.
    fn write(&self, chunk: usize, record: usize, bytes: &[u8]) -> io::Result<()>;

    /// Chunk `chunk` has come to its end and given all.
    fn done(&self, chunk: usize);
}

/// Bytes of a record that are held before they go to a [`Recorder`].
const HELD: usize = 1 << 16;

/// What a run gives.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The values kept, one column a record, in the plan's order. With a [`Recorder`], it has the
    /// bytes of all but those kept at the end; rows are counted all the same.
    pub columns: Vec<Column>,
    /// Threads that were used.
    pub threads: usize,
}

/// Why a run failed.
#[derive(Debug)]
pub enum RunError {
    /// The network could not be made: mostly missing or wrong data files.
    Make(io::Error),
    /// A step could not be completed; of several faults, the one of the earliest step.
    Fault(Fault),
    /// A thread could not be started.
    Thread(io::Error),
    /// A recording could not be stored.
    Record(io::Error),
    /// [`Execution::progress`] asked for it.
    Stopped,
    /// The network panicked, which is a bug in this program. The message.
    Panic(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Make(e) => write!(f, "cannot load the network's data: {e}"),
            RunError::Fault(fault) => fault.fmt(f),
            RunError::Thread(e) => write!(f, "cannot start a thread: {e}; try `--threads 1`"),
            RunError::Record(e) => write!(f, "cannot store a recording: {e}"),
            RunError::Stopped => f.write_str("the run was stopped"),
            RunError::Panic(message) => write!(f, "internal error: {message}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs `plan` on networks that `make` makes, each in its initial state.
///
/// # Errors
/// See [`RunError`]. Nothing of a failed run is kept.
pub fn run<N: Network>(
    plan: &RunPlan,
    make: &(dyn Fn() -> io::Result<N> + Sync),
    options: &Execution<'_>,
) -> Result<Outcome, RunError> {
    let chunks = chunks(plan, options.threads);
    match run_chunks(plan, make, options, &chunks) {
        Err(Failure::Replay) => {
            let whole = [Chunk { replay: None, steps: 1..=plan.steps }];
            run_chunks(plan, make, options, &whole).map_err(Failure::into_error)
        }
        result => result.map_err(Failure::into_error),
    }
}

/// Consecutive windows that one thread executes.
#[derive(Debug, PartialEq)]
struct Chunk {
    /// The step before which execution begins, where that is earlier than `steps`.
    replay: Option<u64>,
    /// The steps whose values are recorded.
    steps: RangeInclusive<u64>,
}

/// Below this many windows a thread does not pay.
const MIN_WINDOWS: u64 = 2;
/// At most one step in so many may be a replayed one.
const MIN_STEPS_PER_REPLAYED: u64 = 4;

/// Cuts a run into as many chunks as it is worth using threads for.
fn chunks(plan: &RunPlan, threads: usize) -> Vec<Chunk> {
    let period = plan.period.max(1);
    let windows = plan.steps.div_ceil(period);
    let count = plan.horizon.map_or(1, |horizon| {
        let by_replay = plan.steps / horizon.saturating_mul(MIN_STEPS_PER_REPLAYED).max(1);
        (threads as u64).min(windows / MIN_WINDOWS).min(by_replay).max(1)
    });
    let start = |k: u64| {
        // Windows are dealt out evenly: the first `windows % count` chunks have one more.
        let window = (windows / count) * k + (windows % count).min(k);
        window * period + 1
    };
    (0..count)
        .map(|k| {
            let last = if k + 1 == count { plan.steps } else { start(k + 1) - 1 };
            let horizon = plan.horizon.unwrap_or(0);
            let replay = (k > 0).then(|| start(k).saturating_sub(horizon).max(1));
            Chunk { replay, steps: start(k)..=last }
        })
        .collect()
}

/// Why a chunk failed.
enum Failure {
    /// A fault while replaying, which says nothing about the run.
    Replay,
    /// An earlier chunk failed, so this one stopped.
    Stopped,
    Error(RunError),
}

impl Failure {
    fn into_error(self) -> RunError {
        match self {
            Failure::Error(error) => error,
            Failure::Replay | Failure::Stopped => {
                RunError::Panic("a run stopped without a reason".into())
            }
        }
    }
}

/// A chunk's network after its last step, and what it recorded.
struct Done<N> {
    network: N,
    columns: Vec<Column>,
}

fn run_chunks<N: Network>(
    plan: &RunPlan,
    make: &(dyn Fn() -> io::Result<N> + Sync),
    options: &Execution<'_>,
    chunks: &[Chunk],
) -> Result<Outcome, Failure> {
    let made = each(chunks.iter().map(|_| move || make().map_err(RunError::Make)).collect());
    let networks: Vec<N> =
        made.into_iter().collect::<Result<_, RunError>>().map_err(Failure::Error)?;

    let shared =
        Shared { plan, options, steps: AtomicU64::new(0), failed: AtomicUsize::new(usize::MAX) };
    if let Some(recorder) = options.recorder {
        let begun = recorder.begin(chunks.len());
        begun.map_err(|e| Failure::Error(RunError::Record(e)))?;
    }
    if (options.progress)(0).is_break() {
        return Err(Failure::Error(RunError::Stopped));
    }
    let work = networks.into_iter().zip(chunks).enumerate();
    let shared = &shared;
    let done = each(
        work.map(|(k, (network, chunk))| {
            move || {
                let result = shared.run_chunk(network, (k, chunk));
                if result.is_err() {
                    shared.failed.fetch_min(k, Ordering::Relaxed);
                }
                Ok(result)
            }
        })
        .collect(),
    );
    // The earliest chunk that failed has the earliest fault; those after it may have stopped.
    let done: Vec<Done<N>> = done
        .into_iter()
        .map(|result| result.unwrap_or_else(|panic| Err(Failure::Error(panic))))
        .collect::<Result<_, Failure>>()?;
    Ok(Outcome { columns: join(plan, chunks, done), threads: chunks.len() })
}

/// Executes every piece of work, each on a thread of its own (the only one on this thread),
/// and gives the results in the order of `work`. A panic becomes an error.
pub(crate) fn each<R: Send, F: FnOnce() -> Result<R, RunError> + Send>(
    work: Vec<F>,
) -> Vec<Result<R, RunError>> {
    let guarded = |f: F| {
        // A network that panicked is dropped and never looked at again.
        catch_unwind(AssertUnwindSafe(f))
            .unwrap_or_else(|payload| Err(RunError::Panic(message(&*payload))))
    };
    if work.len() == 1 {
        return work.into_iter().map(guarded).collect();
    }
    std::thread::scope(|scope| {
        let start = |f| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, move || guarded(f)).map_err(RunError::Thread)
        };
        let threads: Vec<_> = work.into_iter().map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|payload| Err(RunError::Panic(message(&*payload))))
        };
        threads.into_iter().map(|thread| thread.and_then(join)).collect()
    })
}

/// Stack of a thread, in bytes: room for the executor in deep expressions.
const STACK: usize = 16 << 20;

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

/// What the threads of a run have in common.
struct Shared<'a> {
    plan: &'a RunPlan,
    options: &'a Execution<'a>,
    /// How many steps have been told to be done.
    steps: AtomicU64,
    /// The first chunk that failed.
    failed: AtomicUsize,
}

impl Shared<'_> {
    fn run_chunk<N: Network>(
        &self,
        mut network: N,
        (k, chunk): (usize, &Chunk),
    ) -> Result<Done<N>, Failure> {
        let (first, last) = (*chunk.steps.start(), *chunk.steps.end());
        if let Some(from) = chunk.replay {
            network.seek(from);
            for t in from..first {
                network.step(t).map_err(|_| Failure::Replay)?;
                network.between(t);
            }
        }
        let mut columns: Vec<Column> =
            self.plan.records.iter().map(|_| Column::default()).collect();
        let stepped = self.steps(&mut network, &mut columns, (k, first, last));
        // What was kept before a failure is stored too; the failure is what counts.
        let stored = self.store(k, &mut columns, 0);
        stepped.and(stored)?;
        if let Some(recorder) = self.options.recorder {
            recorder.done(k);
        }
        Ok(Done { network, columns })
    }

    fn steps<N: Network>(
        &self,
        network: &mut N,
        columns: &mut [Column],
        (k, first, last): (usize, u64, u64),
    ) -> Result<(), Failure> {
        let (mut untold, mut until) = (0, 1);
        let mut t = first;
        while t <= last {
            let next = network.leap(t, last, columns).max(t);
            let made = if next > t {
                next - t
            } else {
                self.step(network, columns, (t, last))?;
                1
            };
            if columns.iter().any(|column| column.bytes.len() >= HELD) {
                self.store(k, columns, HELD)?;
            }
            t += made;
            untold += made;
            if untold >= until {
                let done = self.steps.fetch_add(untold, Ordering::Relaxed) + untold;
                untold = 0;
                until = match (self.options.progress)(done) {
                    ControlFlow::Continue(steps) => steps,
                    ControlFlow::Break(()) => return Err(Failure::Error(RunError::Stopped)),
                };
                if self.failed.load(Ordering::Relaxed) < k {
                    return Err(Failure::Stopped);
                }
            }
        }
        Ok(())
    }

    /// Step `t`, what is kept of it, and what comes before the next.
    fn step<N: Network>(
        &self,
        network: &mut N,
        columns: &mut [Column],
        (t, last): (u64, u64),
    ) -> Result<(), Failure> {
        network.step(t).map_err(|fault| Failure::Error(RunError::Fault(fault)))?;
        for (record, (column, spec)) in columns.iter_mut().zip(&self.plan.records).enumerate() {
            if !spec.at_end && network.due(record, t) {
                network.keep(record, column);
            }
        }
        // After the last step, the records at the end are still to be kept.
        if t < last {
            network.between(t);
        }
        Ok(())
    }

    /// Gives the recorder the columns that have at least so many bytes.
    fn store(&self, k: usize, columns: &mut [Column], least: usize) -> Result<(), Failure> {
        let Some(recorder) = self.options.recorder else { return Ok(()) };
        for (record, column) in columns.iter_mut().enumerate() {
            if !column.bytes.is_empty() && column.bytes.len() >= least {
                let stored = recorder.write(k, record, &column.bytes);
                stored.map_err(|e| Failure::Error(RunError::Record(e)))?;
                column.bytes.clear();
            }
        }
        Ok(())
    }
}

/// Joins what the chunks recorded, in order of time.
fn join<N: Network>(plan: &RunPlan, chunks: &[Chunk], done: Vec<Done<N>>) -> Vec<Column> {
    let mut columns: Vec<Column> = plan.records.iter().map(|_| Column::default()).collect();
    let mut earlier: Option<N> = None;
    for (k, (Done { mut network, columns: later }, chunk)) in
        done.into_iter().zip(chunks).enumerate()
    {
        for (column, later) in columns.iter_mut().zip(later) {
            if column.rows == 0 {
                *column = later;
            } else {
                column.bytes.extend_from_slice(&later.bytes);
                column.rows += later.rows;
            }
        }
        // The first network gathers results in order of time, so that of two writes to the
        // same place the later one stays; the last one then takes over all of them.
        let (first, last) = (*chunk.steps.start(), *chunk.steps.end());
        if let Some(all) = &mut earlier {
            all.collect(&network, first, last);
            if k + 1 == chunks.len() {
                network.collect(all, 1, last);
            }
        }
        if k + 1 == chunks.len() {
            for (record, (column, spec)) in columns.iter_mut().zip(&plan.records).enumerate() {
                if spec.at_end {
                    network.keep(record, column);
                }
            }
        }
        earlier.get_or_insert(network);
    }
    columns
}

#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
