//! One run with many values of its constants.

use crate::driver::{Checked, Options, Runs, check};
use crate::execute::{Engine, Executed, Settings};
use crate::report::evaluate::{Metric, metrics};
use snn_data::Files;
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::tensor::Tensor;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A constant and the values that it takes, as they are written in the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The constant of the program's own file.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// The results of all points of a grid, the last axis fastest.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// By point, what was set.
    pub points: Vec<Vec<(String, String)>>,
    /// By record, its key and what all points recorded: the first axis is that of the points,
    /// then come those of a single run.
    pub recordings: Vec<(String, Tensor)>,
    /// By point, the values of its reports.
    pub metrics: Vec<Vec<Metric>>,
}

/// The points of a grid, the last axis fastest.
pub fn points(axes: &[Axis]) -> Vec<Vec<(String, String)>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let with = |point: &Vec<(String, String)>, value: &String| {
            let mut point = point.clone();
            point.push((axis.name.clone(), value.clone()));
            point
        };
        points.iter().flat_map(|p| axis.values.iter().map(move |v| with(p, v))).collect()
    })
}

/// Checks and executes a run at each point of a grid. Points are shared among threads, each of
/// which executes one at a time; the results do not depend on their number.
///
/// ```
/// use snnc::{Disk, Memory, Options, Settings, sweep};
///
/// let mut files = Memory::new();
/// files.insert("pair.snn", *b"
/// const threshold = 10
/// network Pair { cell = LIF[2](vth: threshold, bias_mant: 100) }
/// run r of Pair { models fixed_pt; steps 50; record cell.s_out }
/// ");
/// let axis = sweep::Axis { name: "threshold".into(), values: vec!["5".into(), "500".into()] };
/// let (options, settings) = (Options::default(), Settings::default());
/// let swept = sweep::sweep(&files, "pair.snn".as_ref(), &options, &[axis], &settings)
///     .map_err(|diagnostics| diagnostics[0].message.clone())?;
/// let (key, spikes) = &swept.recordings[0];
/// assert_eq!((key.as_str(), &spikes.shape[..]), ("cell.s_out", &[2, 50, 2][..]));
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// Those of the first point that has any: of its check, or of its execution; E0201 where points
/// record arrays of different shapes.
pub fn sweep(
    files: &dyn Files,
    file: &Path,
    options: &Options,
    axes: &[Axis],
    settings: &Settings<'_>,
) -> Result<Sweep, Vec<Diagnostic>> {
    let points = points(axes);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Done>>> = Mutex::new(points.iter().map(|_| None).collect());
    let one = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(set) = points.get(at) else { break };
            let result = point(files, file, options, set, settings);
            let failed = result.is_err();
            if let Some(place) = done.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
                *place = Some(result);
            }
            if failed {
                // Points after this one make no difference any more.
                next.fetch_max(points.len(), Ordering::Relaxed);
            }
        }
    };
    let threads = settings.workers().min(points.len().max(1));
    if threads == 1 {
        one();
    } else {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one))));
    }
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut results = Vec::new();
    // Where there is none, it comes after one that failed.
    for result in done.into_iter().flatten() {
        results.push(result?);
    }
    stack(points, results).map_err(|d| vec![d])
}

/// What came of one point.
type Done = Result<Point, Vec<Diagnostic>>;

/// The results of one point.
struct Point {
    recordings: Vec<(String, Tensor)>,
    metrics: Vec<Metric>,
}

fn point(
    files: &dyn Files,
    file: &Path,
    options: &Options,
    set: &[(String, String)],
    settings: &Settings<'_>,
) -> Result<Point, Vec<Diagnostic>> {
    let runs = if options.runs == Runs::All { Runs::First } else { options.runs.clone() };
    let set = options.set.iter().chain(set).cloned().collect();
    let checked = check(files, file, &Options { set, runs, ..options.clone() });
    let run = match checked.runs.first() {
        Some(run) if !checked.has_errors() => run,
        _ => return Err(errors(checked)),
    };
    // A program for each point would be compiled longer than it runs.
    let engine = settings.engine.or(Some(Engine::Executor));
    let settings = Settings { engine, threads: Some(NonZero::<usize>::MIN), ..*settings };
    let executed = run.execute(files, &settings).map_err(|d| vec![d])?;
    let metrics = metrics(&run.network, files, &executed.plan.records, &executed.recordings);
    Ok(Point { recordings: arrays(&executed).map_err(|d| vec![d])?, metrics })
}

fn errors(checked: Checked) -> Vec<Diagnostic> {
    match checked.diagnostics.is_empty() {
        true => vec![Diagnostic::without_place(Code::E0409, "the file has no run")],
        false => checked.diagnostics,
    }
}

fn arrays(executed: &Executed) -> Result<Vec<(String, Tensor)>, Diagnostic> {
    let keys = executed.plan.records.iter().map(|spec| spec.key.clone());
    keys.enumerate().map(|(record, key)| Ok((key, executed.array(record)?))).collect()
}

/// The recordings of all points, one array a record.
fn stack(points: Vec<Vec<(String, String)>>, results: Vec<Point>) -> Result<Sweep, Diagnostic> {
    let mut recordings: Vec<(String, Vec<Tensor>)> = Vec::new();
    let mut metrics = Vec::new();
    for (at, point) in results.into_iter().enumerate() {
        metrics.push(point.metrics);
        for (record, (key, array)) in point.recordings.into_iter().enumerate() {
            match recordings.get_mut(record) {
                None => recordings.push((key, vec![array])),
                Some((known, all)) => {
                    if *known != key || all.len() != at || all[0].shape != array.shape {
                        return Err(differs(&key, &all[0].shape, &array.shape, &points[at]));
                    }
                    all.push(array);
                }
            }
        }
    }
    let stacked = recordings.into_iter().map(|(key, all)| Some((key, Tensor::stacked(all)?)));
    let recordings: Option<Vec<_>> = stacked.collect();
    let recordings = recordings.ok_or_else(|| {
        Diagnostic::without_place(Code::E0201, "points of the grid record other things")
    })?;
    Ok(Sweep { points, recordings, metrics })
}

fn differs(key: &str, a: &[usize], b: &[usize], point: &[(String, String)]) -> Diagnostic {
    let set: Vec<String> = point.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let message =
        format!("`{key}` has the shape {a:?} at first, and {b:?} with {}", set.join(", "));
    Diagnostic::without_place(Code::E0201, message)
        .help("sweep constants that change no shapes and no steps, or run the points one by one")
}
