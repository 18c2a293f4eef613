//! `snnc train`: learn, show how it goes, keep what was best.

use super::{Status, args, interrupt, output};
use snn_data::Disk;
use snn_ir::diagnostics::{Code, Diagnostic, SourceMap};
use snn_ir::hash::sha256;
use snn_runtime::execute::RunError;
use snn_runtime::train::{Epoch, State, TrainError, Watch};
use snnc::driver::{Checked, Options, Runs, check};
use snnc::json;
use snnc::report::plots;
use snnc::training::{Trainer, export};
use std::io;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How the command was given.
pub struct Invocation {
    /// Whether to go on from a checkpoint.
    pub resume: bool,
    /// So many epochs, whatever the block says.
    pub epochs: Option<NonZero<u64>>,
    /// Threads at most.
    pub threads: Option<NonZero<usize>>,
    /// The folder to write.
    pub output: Option<PathBuf>,
    /// Whether to show no progress.
    pub quiet: bool,
    /// Whether results are JSON.
    pub json: bool,
}

/// Trains what a train block says.
///
/// # Errors
/// E0901 where standard output cannot be written.
pub fn train(
    file: &Path,
    block: Option<String>,
    set: Vec<(String, String)>,
    strictness: &args::Strictness,
    options: Invocation,
) -> Result<Status, Diagnostic> {
    let which = block.map_or(Runs::First, Runs::Named);
    let deny_warnings = strictness.deny.is_some();
    let asked = Options { train: Some(which), set, deny_warnings, ..Options::default() };
    let checked = check(&Disk, file, &asked);
    if !options.json {
        output::report(&checked.diagnostics, &checked.sources);
    }
    let done = match checked.has_errors() || checked.trainings.is_empty() {
        true => return finish(&checked, Vec::new(), None, &options),
        false => learn(&checked, file, &asked, &options),
    };
    match done {
        Ok(trained) => finish(&checked, Vec::new(), Some(trained), &options),
        Err(diagnostic) => finish(&checked, vec![diagnostic], None, &options),
    }
}

/// What a training has brought, and where it is.
struct Trained {
    name: String,
    state: State,
    seconds: f64,
    files: Vec<String>,
}

fn learn(
    checked: &Checked,
    file: &Path,
    asked: &Options,
    options: &Invocation,
) -> Result<Trained, Diagnostic> {
    let Some(of) = checked.trainings.first() else {
        return Err(Diagnostic::without_place(Code::E0409, "the file has no train block"));
    };
    let folder = match (&options.output, file.parent()) {
        (Some(folder), _) => folder.clone(),
        (None, Some(parent)) => parent.to_owned(),
        (None, None) => PathBuf::new(),
    };
    let mut training = of.training.clone();
    training.epochs = options.epochs.map_or(training.epochs, NonZero::get);
    let checkpoint = folder.join(format!("{}.checkpoint.npz", of.name));
    output::require_place(&checkpoint)?;
    let trainer = Trainer::new(&of.network, &of.flat, &training, &Disk)?;
    let about = about(checked, asked, &trainer);
    let from = match options.resume {
        true => Some(resumed(&checkpoint, &trainer, &about)?),
        false => None,
    };
    let mut shown = Shown {
        began: Instant::now(),
        told: Instant::now(),
        line: output::Progress::new(options.quiet),
        stopped: interrupt::stopped()?,
        name: &of.name,
        samples: training.samples - trainer.course.held_out,
        epochs: training.epochs,
        checkpoint: &checkpoint,
        about: &about,
        table: !options.json && !options.quiet,
        compared: trainer.course.lesson.compared.is_some(),
    };
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZero::get);
    let began = Instant::now();
    let state = trainer.train(threads, from, &mut shown);
    let seconds = began.elapsed().as_secs_f64();
    drop(shown);
    let state = state.map_err(|error| failed(&of.name, &checkpoint, error))?;
    let mut files = Vec::new();
    for wanted in &training.exports {
        let path = folder.join(&wanted.path);
        export(&path, &of.network, &training, &state.best, wanted.place)?;
        files.push(path.display().to_string());
    }
    let curves = folder.join("curves.svg");
    output::write(&curves, picture(&of.name, &state, &trainer)?.as_bytes())?;
    let stats = folder.join("stats.csv");
    output::write(&stats, table(&state).as_bytes())?;
    files.extend([curves, stats].map(|path| path.display().to_string()));
    Ok(Trained { name: of.name.clone(), state, seconds, files })
}

/// What a checkpoint is about: from another it would not go on to the same end. How many epochs
/// there are decides too, as rates follow from it.
fn about(checked: &Checked, asked: &Options, trainer: &Trainer) -> String {
    let own = checked.sources.files.iter().filter(|f| !f.name.starts_with("<std/"));
    let texts: Vec<String> = own.map(|f| sha256(f.text.as_bytes())).collect();
    let course = &trainer.course;
    let said = format!("{texts:?} {:?} {} {}", asked.set, course.epochs, course.samples);
    format!("snnc {} {}", env!("CARGO_PKG_VERSION"), sha256(said.as_bytes()))
}

/// Where a training was interrupted.
fn resumed(checkpoint: &Path, trainer: &Trainer, about: &str) -> Result<State, Diagnostic> {
    let refused = |why: String| {
        let message = format!("`{}` is nothing to go on from: {why}", checkpoint.display());
        Diagnostic::without_place(Code::E1013, message).help("begin anew, without `--resume`")
    };
    let (state, of) =
        State::load(checkpoint, &trainer.course).map_err(|e| refused(e.to_string()))?;
    match of == about {
        true => Ok(state),
        false => Err(refused("the program, its constants or snnc have changed since".into())),
    }
}

fn failed(name: &str, checkpoint: &Path, error: TrainError) -> Diagnostic {
    let kept = checkpoint.is_file().then(|| {
        format!("what was learned until the last epoch is kept in `{}`", checkpoint.display())
    });
    let message = match &error {
        TrainError::Run(RunError::Stopped) => format!("training `{name}` was stopped"),
        TrainError::Run(error) => format!("training `{name}` failed: {error}"),
        TrainError::Diverged { epoch, updates } => format!(
            "training `{name}` ran away: in epoch {epoch}, after {updates} updates, its loss or a \
             gradient is no number"
        ),
        TrainError::Store(error) => {
            format!("`{}` cannot be written: {error}", checkpoint.display())
        }
    };
    let code = match error {
        TrainError::Run(RunError::Stopped) => Code::E0910,
        TrainError::Run(_) => Code::E0904,
        TrainError::Diverged { .. } => Code::E1014,
        TrainError::Store(_) => Code::E0901,
    };
    let mut d = Diagnostic::without_place(code, message);
    if let (TrainError::Run(RunError::Stopped), Some(kept)) = (&error, kept) {
        d = d.note(kept).help("go on with `--resume`");
    } else if matches!(error, TrainError::Diverged { .. }) {
        d = d.help("take a smaller rate, or bound gradients: `clip 1.0`");
    }
    d
}

/// Shows how training goes, and keeps what has been learned.
struct Shown<'a> {
    began: Instant,
    told: Instant,
    line: output::Progress,
    stopped: Arc<AtomicBool>,
    name: &'a str,
    samples: u64,
    epochs: u64,
    checkpoint: &'a Path,
    about: &'a str,
    table: bool,
    compared: bool,
}

impl Watch for Shown<'_> {
    fn batch(&mut self, epoch: u64, samples: u64, loss: f64) -> ControlFlow<()> {
        if self.told.elapsed().as_millis() >= 200 {
            self.told = Instant::now();
            let done = (epoch - 1) * self.samples + samples;
            let seconds = self.began.elapsed().as_secs_f64();
            let rate = done as f64 / seconds.max(1e-9);
            let left = (self.epochs * self.samples - done) as f64 / rate.max(1e-9);
            self.line.say(&format!(
                "{}: epoch {epoch} of {}, {samples} of {} samples, loss {loss:.4}, \
                 {rate:.0} samples/s, {left:.0} s left",
                self.name, self.epochs, self.samples
            ));
        }
        match self.stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn epoch(&mut self, epoch: &Epoch, state: &State) -> io::Result<()> {
        if self.table {
            if epoch.number == 1 || state.history.len() == 1 {
                self.line.over(HEAD);
            }
            self.line.over(&row(epoch, self.compared));
        }
        state.save(self.checkpoint, self.about)
    }
}

const HEAD: &str = "epoch   loss      right      held out: loss   right     at a limit";

/// A line of the table of epochs.
fn row(of: &Epoch, compared: bool) -> String {
    let share = |x: f64| match compared && !x.is_nan() {
        true => format!("{:.2} %", 100.0 * x),
        false => "-".to_owned(),
    };
    let number = |x: f64| if x.is_nan() { "-".to_owned() } else { format!("{x:.4}") };
    format!(
        "{:<7} {:<9} {:<10} {:<16} {:<9} {:<10}{}",
        of.number,
        number(of.loss),
        share(of.accuracy),
        number(of.held_out_loss),
        share(of.held_out_accuracy),
        format!("{:.1} %", 100.0 * of.limited),
        if of.best { " best" } else { "" },
    )
}

/// `stats.csv`.
fn table(state: &State) -> String {
    let mut text =
        "epoch,loss,accuracy,held_out_loss,held_out_accuracy,at_a_limit,best\n".to_owned();
    for of in &state.history {
        text += &format!(
            "{},{},{},{},{},{},{}\n",
            of.number,
            of.loss,
            of.accuracy,
            of.held_out_loss,
            of.held_out_accuracy,
            of.limited,
            u8::from(of.best),
        );
    }
    text
}

/// `curves.svg`: what share is wrong, or the loss where nothing is compared.
fn picture(name: &str, state: &State, trainer: &Trainer) -> Result<String, Diagnostic> {
    let of = |value: &dyn Fn(&Epoch) -> f64| state.history.iter().map(value).collect();
    let compared = trainer.course.lesson.compared.is_some();
    let (quantity, learned, held_out): (_, Vec<f64>, Vec<f64>) = match compared {
        true => (
            "wrong in %",
            of(&|e| 100.0 * (1.0 - e.accuracy)),
            of(&|e| 100.0 * (1.0 - e.held_out_accuracy)),
        ),
        false => ("loss", of(&|e| e.loss), of(&|e| e.held_out_loss)),
    };
    let subtitle = state.best().map(|best| format!("the best epoch is {}", best.number));
    let mut lines = vec![("learned", learned)];
    if trainer.course.held_out > 0 {
        lines.push(("held out", held_out));
    }
    plots::curves(name, &subtitle.unwrap_or_default(), quantity, &lines)
        .map_err(|e| Diagnostic::without_place(Code::E0901, e.to_string()))
}

/// Shows results and new diagnostics.
fn finish(
    checked: &Checked,
    new: Vec<Diagnostic>,
    trained: Option<Trained>,
    options: &Invocation,
) -> Result<Status, Diagnostic> {
    let status = if trained.is_none() { Status::Failed } else { Status::Fine };
    if options.json {
        let all: Vec<Diagnostic> = checked.diagnostics.iter().cloned().chain(new).collect();
        let trained = trained.as_ref().map(|t| json::Trained {
            name: &t.name,
            history: &t.state.history,
            seconds: t.seconds,
            files: &t.files,
        });
        output::print(&json::trained(&all, &checked.sources, trained.as_ref()))?;
        return Ok(status);
    }
    if let Some(trained) = &trained {
        let mut lines = String::new();
        if let Some(best) = trained.state.best() {
            lines += &format!("best epoch = {}\n", best.number);
            let known = [
                ("loss", best.loss),
                ("accuracy", best.accuracy),
                ("held out loss", best.held_out_loss),
                ("held out accuracy", best.held_out_accuracy),
            ];
            for (name, value) in known.into_iter().filter(|(_, value)| !value.is_nan()) {
                lines += &format!("{name} = {value}\n");
            }
        }
        output::print(&lines)?;
        if !options.quiet {
            trained.files.iter().for_each(|file| output::say(&format!("wrote {file}")));
            output::say(&format!("trained in {:.1} s", trained.seconds));
        }
    }
    output::report(&new, &SourceMap::clone(&checked.sources));
    Ok(status)
}
