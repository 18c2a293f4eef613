//! The ways to execute a program.

use super::tree::Program;
use crate::batch::{Batch, Ran};
use snn_back::executor;
use snn_ir::diagnostics::{Severity, render};
use snn_ir::network::{Data, Network, verify};
use snn_ir::step::StepIr;
use snn_runtime::execute::{self, RunError};
use snn_runtime::network::{ElementType, Fault};
use snn_runtime::record::Recording;
use snnc::driver::{self, CheckedRun, Runs};
use snnc::report::evaluate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An array that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its key.
    pub key: String,
    /// The type of an element.
    pub element: ElementType,
    /// Its shape, time first.
    pub shape: Vec<usize>,
    /// Its elements, little-endian.
    pub bytes: Vec<u8>,
}

/// What an execution gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Recordings.
    Recorded(Vec<Recorded>),
    /// An index out of range: step, index, extent.
    Fault(u64, i64, usize),
    /// A failure that no program may cause.
    Failed(String),
    /// It was not executed.
    Skipped,
}

/// A program that the checker accepted.
pub struct Compiled {
    /// The run.
    pub run: CheckedRun,
    /// Its step IR, shared.
    pub ir: Arc<StepIr>,
    /// The network of the same program with a process of its own for each part, where it has
    /// several of one.
    pub apart: Option<Box<Network>>,
}

/// What the compiler makes of a program.
pub enum Checked {
    /// It is accepted.
    Accepted(Box<Compiled>),
    /// It is refused: the code of the first error, and all messages.
    Rejected(String, String),
    /// The compiler panics.
    Panicked(String),
}

/// Compiles a program in a folder of its own.
pub fn check(program: &Program) -> Checked {
    let checked = check_seen(program, &|text| text);
    let Checked::Accepted(mut compiled) = checked else { return checked };
    match super::apart::apart(program).map(|apart| check_seen(&apart, &|text| text)) {
        None => {}
        Some(Checked::Accepted(apart)) => compiled.apart = Some(Box::new(apart.run.network)),
        Some(Checked::Rejected(code, text)) => {
            return Checked::Rejected(format!("apart, {code}"), text);
        }
        Some(panicked) => return panicked,
    }
    Checked::Accepted(compiled)
}

/// The same of a program whose texts are changed before.
pub fn check_seen(program: &Program, seen: &dyn Fn(String) -> String) -> Checked {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let file = program.write(folder.path(), seen).unwrap_or_else(|e| panic!("{e}"));
    check_file(&file)
}

/// Compiles a program that is written out, and has no other files.
pub fn check_text(text: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let file = folder.path().join("program.snn");
    std::fs::write(&file, text).unwrap_or_else(|e| panic!("{e}"));
    check_file(&file)
}

fn check_file(file: &Path) -> Checked {
    let options = driver::Options { runs: Runs::First, ..driver::Options::default() };
    let checked =
        match catch_unwind(AssertUnwindSafe(|| driver::check(&snn_data::Disk, file, &options))) {
            Ok(checked) => checked,
            Err(payload) => return Checked::Panicked(message(&*payload)),
        };
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|d| d.code.severity() == Severity::Error)
        .cloned()
        .collect();
    if let Some(first) = errors.first() {
        let code = format!("{:?}: {}", first.code, generic(&first.message));
        return Checked::Rejected(code, render::render(&errors, &checked.sources, false));
    }
    let Some(run) = checked.runs.into_iter().next() else {
        return Checked::Panicked("no error, and no run".into());
    };
    let forms = [&run.network, &run.flat.0].map(verify::verify);
    let forms = forms.into_iter().chain([snn_ir::step::verify::check(&run.ir)]);
    if let Err(why) = forms.collect::<Result<(), String>>() {
        return Checked::Panicked(format!("a form is not one: {why}"));
    }
    let mut run = run;
    // Files are gone with their folder.
    for network in [&mut run.network, &mut run.flat.0] {
        for tensor in &mut network.tensors {
            if let Data::File(dataset) = &tensor.data {
                match snn_data::read(&snn_data::Disk, dataset) {
                    Ok(values) => tensor.data = Data::Dense(Arc::new(values)),
                    Err(e) => return Checked::Rejected("file".into(), e.message),
                }
            }
        }
    }
    let mut ir = run.ir.clone();
    for tensor in &mut ir.tensors {
        if let snn_ir::step::TensorValues::File(dataset) = &tensor.values {
            match snn_data::read(&snn_data::Disk, dataset) {
                Ok(values) => tensor.values = snn_ir::step::TensorValues::Known(Arc::new(values)),
                Err(e) => return Checked::Rejected("file".into(), e.message),
            }
        }
    }
    Checked::Accepted(Box::new(Compiled { ir: Arc::new(ir), run, apart: None }))
}

/// A message without its names and numbers.
fn generic(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    let plain: Vec<String> = parts.iter().step_by(2).map(|p| (*p).to_string()).collect();
    plain.join("_").chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A way to execute programs.
pub trait Engine {
    /// In words.
    fn name(&self) -> String;

    /// Executes each program.
    fn run(&self, programs: &[&Compiled]) -> Vec<Outcome>;

    /// How many programs are executed at once with profit.
    fn batch(&self) -> usize {
        1
    }
}

/// The oracle, on one of the two forms of the network IR.
#[derive(Clone, Copy)]
pub enum Oracle {
    /// Processes, with their messages.
    Network,
    /// One process, its statements in order.
    Flat,
    /// Processes of which no two share anything.
    Apart,
}

impl Engine for Oracle {
    fn name(&self) -> String {
        match self {
            Oracle::Network => "oracle, network form".into(),
            Oracle::Flat => "oracle, flat form".into(),
            Oracle::Apart => "oracle, nothing shared".into(),
        }
    }

    fn run(&self, programs: &[&Compiled]) -> Vec<Outcome> {
        let network = |program: &&Compiled| match self {
            Oracle::Network => divined(&program.run.network),
            Oracle::Flat => divined(&program.run.flat.0),
            Oracle::Apart => program.apart.as_deref().map_or(Outcome::Skipped, divined),
        };
        programs.iter().map(network).collect()
    }
}

/// What the oracle records.
pub fn divined(network: &Network) -> Outcome {
    match snn_oracle::run(network, &snn_data::Disk, &mut |_| std::ops::ControlFlow::Continue(())) {
        Ok(outcome) => {
            if let Some(why) = reported(network, &outcome) {
                return Outcome::Failed(why);
            }
            let recorded =
                outcome.records.iter().zip(outcome.columns).map(|(spec, column)| Recorded {
                    key: spec.key.clone(),
                    element: spec.element,
                    shape: snn_runtime::record::shape(spec, column.rows),
                    bytes: column.bytes,
                });
            Outcome::Recorded(recorded.collect())
        }
        Err(snn_oracle::Failure::Index { index, extent, t, .. }) => {
            Outcome::Fault(t, index, extent)
        }
        Err(error) => Outcome::Failed(format!("{error:?}")),
    }
}

/// Where reports and expectations are not what the oracle says that they are.
fn reported(network: &Network, outcome: &snn_oracle::Outcome) -> Option<String> {
    let specs = &outcome.records;
    let recordings: Vec<Recording> = outcome.columns.iter().cloned().map(Recording::from).collect();
    let mut expected = match snn_oracle::shown(network, &snn_data::Disk, outcome) {
        Ok(expected) => expected.into_iter(),
        Err(why) => return Some(format!("{why:?}")),
    };
    let same = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (a, b) => a == b,
    };
    for metric in evaluate::metrics(network, &snn_data::Disk, specs, &recordings) {
        let value = expected.next().flatten();
        if !same(metric.value, value) {
            return Some(format!("`report {}` is {value:?}: {:?}", metric.text, metric.value));
        }
    }
    for verdict in evaluate::verdicts(network, &snn_data::Disk, specs, &recordings) {
        let value = expected.next().flatten();
        if verdict.holds != (value == Some(1.0)) {
            return Some(format!("`expect {}` is {value:?}: {}", verdict.text, verdict.holds));
        }
    }
    None
}

/// The executor of the step IR on some threads.
pub struct Executor(
    /// How many.
    pub usize,
);

impl Engine for Executor {
    fn name(&self) -> String {
        format!("executor, {} threads", self.0)
    }

    fn run(&self, programs: &[&Compiled]) -> Vec<Outcome> {
        programs.iter().map(|program| executed(&program.ir, self.0).0).collect()
    }
}

/// What the executor records, and on how many threads.
pub fn executed(ir: &Arc<StepIr>, threads: usize) -> (Outcome, usize) {
    let plan = executor::plan(ir);
    let options = execute::Execution::quiet(threads);
    let make = || executor::load(Arc::clone(ir), &snn_data::Disk).map_err(std::io::Error::other);
    match execute::run(&plan, &make, &options) {
        Ok(outcome) => {
            let recorded =
                plan.records.iter().zip(outcome.columns).map(|(spec, column)| Recorded {
                    key: spec.key.clone(),
                    element: spec.element,
                    shape: snn_runtime::record::shape(spec, column.rows),
                    bytes: column.bytes,
                });
            (Outcome::Recorded(recorded.collect()), outcome.threads)
        }
        Err(RunError::Fault(Fault::Index { index, extent, t, .. })) => {
            (Outcome::Fault(t, index, extent), 1)
        }
        Err(error) => (Outcome::Failed(error.to_string()), 1),
    }
}

/// Generated code on some threads, compiled in a folder.
pub struct Code {
    /// How many threads.
    pub threads: usize,
    /// Where it is compiled.
    pub folder: PathBuf,
}

impl Engine for Code {
    fn name(&self) -> String {
        format!("generated code, {} threads", self.threads)
    }

    fn run(&self, programs: &[&Compiled]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; programs.len()];
        // Those whose code does not compile are left out, so that the others are judged.
        loop {
            let left: Vec<usize> = (0..programs.len()).filter(|n| outcomes[*n].is_none()).collect();
            let networks: Vec<StepIr> = left.iter().map(|n| (*programs[*n].ir).clone()).collect();
            let error = match Batch::compile(&networks, &self.folder) {
                Ok(batch) => {
                    let chosen: Vec<&Compiled> = left.iter().map(|n| programs[*n]).collect();
                    for (n, outcome) in left.iter().zip(self.of(&batch, &chosen)) {
                        outcomes[*n] = Some(outcome);
                    }
                    break;
                }
                Err(error) => error,
            };
            let bad: Vec<usize> = (0..left.len())
                .filter(|k| error.contains(&format!("src/n{k}.rs:")))
                .map(|k| left[k])
                .collect();
            let bad = if bad.is_empty() { left } else { bad };
            for n in &bad {
                outcomes[*n] = Some(Outcome::Failed(error.clone()));
            }
            if outcomes.iter().all(Option::is_some) {
                break;
            }
        }
        outcomes.into_iter().flatten().collect()
    }

    fn batch(&self) -> usize {
        24
    }
}

impl Code {
    /// What a compiled batch gives.
    pub fn of(&self, batch: &Batch, programs: &[&Compiled]) -> Vec<Outcome> {
        match batch.run(self.threads) {
            Err(e) => programs.iter().map(|_| Outcome::Failed(e.clone())).collect(),
            Ok(ran) => ran.iter().zip(programs).map(|(ran, p)| outcome(ran, &p.ir)).collect(),
        }
    }
}

/// What a network of a batch gave.
pub fn outcome(ran: &Ran, ir: &StepIr) -> Outcome {
    match ran {
        Ran::Fault(line) => {
            let number = |name: &str| {
                let rest = line.split(name).nth(1).unwrap_or_default();
                rest.split_whitespace().next().and_then(|n| n.parse::<i64>().ok()).unwrap_or(-1)
            };
            Outcome::Fault(number(" t=") as u64, number("index="), number("extent=") as usize)
        }
        Ran::Recorded(path) => match archive(path, ir) {
            Ok(recorded) => Outcome::Recorded(recorded),
            Err(e) => Outcome::Failed(format!("{}: {e}", path.display())),
        },
    }
}

fn archive(path: &std::path::Path, ir: &StepIr) -> std::io::Result<Vec<Recorded>> {
    let mut archive = snn_runtime::npz::Archive::open(path)?;
    let specs = executor::plan(ir).records;
    let each = specs.into_iter().map(|spec| {
        let (header, mut from) = archive.array(&spec.key)?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut from, &mut bytes)?;
        let element = match header.dtype {
            snn_runtime::npy::Dtype::Element(element) => element,
            _ => return Err(std::io::Error::other("not an element type of recordings")),
        };
        Ok(Recorded { key: spec.key, element, shape: header.shape.clone(), bytes })
    });
    each.collect()
}
