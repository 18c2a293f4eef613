//! The whole compiler in a page: from a file to what is executed.

use crate::execute::{Executed, Settings, execute};
use snn_back::schedule;
use snn_data::{Files, Memory, Overlay};
use snn_front::clocks::{self, Clocked};
use snn_front::elaborate;
use snn_front::requests::requests;
use snn_front::resolve::{self, ItemRef, Program, Symbol};
use snn_front::types::{self, Cx, Eval, Stop, Val};
use snn_front::unused;
use snn_grammar::ast::{self, Direction, ItemKind};
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Severity, Sink, SourceMap, render};
use snn_ir::network::{self, Flat, InstanceId, Member, Network, Record};
use snn_ir::scalar::Kind;
use snn_ir::step::StepIr;
use snn_ir::tensor::Tensor;
#[cfg(feature = "loihi2")]
use snn_loihi2::{ChipRun, options::Objective};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use target::{described, target};

mod allow;
mod target;
mod train;

pub use train::CheckedTraining;

/// What to compile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which runs.
    pub runs: Runs,
    /// These train blocks instead of runs. Without, a check of all runs checks all of them too.
    pub train: Option<Runs>,
    /// `--set NAME=VALUE`: constants of the program's own file with other values.
    pub set: Vec<(String, String)>,
    /// Arrays that stand for constants and data items of the program's own file, by name.
    pub arrays: Vec<(String, Tensor)>,
    /// `--target NAME`: instead of what the runs say.
    pub target: Option<String>,
    /// `--optimize NAME` (feature `loihi2`): what a placement is to be good at, instead of what the runs say.
    #[cfg(feature = "loihi2")]
    pub optimize: Option<Objective>,
    /// Whether the runs become part of a program: see [`network::Run::open`].
    pub open: bool,
    /// Instead of what the runs ask for, keep the messages of these: processes with one out
    /// port, or ports. See [`network::Run::records`].
    pub watch: Option<Vec<String>>,
    /// `--deny warnings`: those that are not acknowledged are errors.
    pub deny_warnings: bool,
}

/// Which runs, or train blocks, of a file are compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// Every one, as a check does.
    #[default]
    All,
    /// The first.
    First,
    /// The one of this name.
    Named(String),
}

/// A compiled file.
pub struct Checked {
    /// The texts that diagnostics point into.
    pub sources: SourceMap,
    /// All messages, in order of place.
    pub diagnostics: Vec<Diagnostic>,
    /// The runs without errors, in order.
    pub runs: Vec<CheckedRun>,
    /// The train blocks without errors, in order.
    pub trainings: Vec<CheckedTraining>,
    /// The data files that were opened, by path.
    pub data: Vec<PathBuf>,
    /// The seeds of its random numbers, ascending.
    pub seeds: Vec<u64>,
}

/// A run that can be executed.
pub struct CheckedRun {
    /// Its name.
    pub name: String,
    /// Its target.
    pub target: Lowered,
    /// Where the target is written, or the run.
    pub target_loc: Loc,
    /// The run, in the network form.
    pub network: Network,
    /// The run in the flat form, with its params.
    pub flat: Flat,
    /// What a step does.
    pub ir: StepIr,
    /// What a window of the schedule is to the user: the epoch with the same period.
    pub epoch: Option<String>,
}

impl Checked {
    /// Whether there are errors: then it has not all of its runs.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// What it has to say, as text for people.
    pub fn rendered(&self) -> String {
        render::render(&self.diagnostics, &self.sources, false)
    }
}

impl CheckedRun {
    /// Executes it; see [`execute`].
    ///
    /// # Errors
    /// E0909 where it is for a chip, and those of [`execute`].
    pub fn execute(
        &self,
        files: &dyn Files,
        settings: &Settings<'_>,
    ) -> Result<Executed, Diagnostic> {
        self.executable()?;
        execute(&self.network, Arc::new(self.ir.clone()), files, settings)
    }

    /// Requires that its target is a Rust program.
    ///
    /// # Errors
    /// E0909.
    pub fn executable(&self) -> Result<(), Diagnostic> {
        if matches!(self.target, Lowered::Rust) {
            return Ok(());
        }
        let message = format!("run `{}` is for Loihi 2", self.name);
        let label = "cannot be executed here";
        Err(Diagnostic::new(Code::E0909, message, self.target_loc, label)
            .help("pick another run with `--run`, or write its placement with `snnc build`"))
    }
}

/// What a run is lowered to.
pub enum Lowered {
    /// A Rust program.
    Rust,
    /// Cores of Loihi 2, here with what goes onto them. (Feature `loihi2`.)
    #[cfg(feature = "loihi2")]
    Loihi2(Box<ChipRun>),
}

/// Compiles a text as if it were the file `name`; other files are found beside that. See [`check`].
pub fn check_text(files: &dyn Files, name: &Path, text: &str, options: &Options) -> Checked {
    let mut own = Memory::new();
    own.insert(name, text.as_bytes());
    check(&Overlay { over: own, under: files }, name, options)
}

/// Compiles a file. Never fails as a whole: what is wrong stands in the diagnostics.
pub fn check(files: &dyn Files, file: &Path, options: &Options) -> Checked {
    let mut sink = Sink::default();
    let mut program = resolve::load(file, files, &mut sink);
    let overrides = overrides(&program, &options.set, &mut sink);
    let arrays = arrays(&program, &options.arrays, &mut sink);
    let (chosen, blocks) = chosen(&program, options, &mut sink);
    let (mut runs, mut trainings) = (Vec::new(), Vec::new());
    let (mut data, mut seeds) = (Vec::new(), Vec::new());
    // With syntax errors half of the names are missing; more messages would only mislead.
    if !sink.has_errors() {
        // One context: what a constant is and what a file holds is found out once.
        let mut cx = Cx::new(&mut program, files, &mut sink, overrides);
        cx.arrays = arrays;
        constants(&mut cx);
        for at in chosen {
            runs.extend(run(&mut cx, at, options));
        }
        for at in blocks {
            trainings.extend(train::train(&mut cx, at));
        }
        data = cx.data();
        seeds = cx.seeds.iter().copied().collect();
        unused::check(&mut cx);
        let as_written =
            options.set.is_empty() && options.arrays.is_empty() && options.target.is_none();
        let all = options.runs == Runs::All && options.train.is_none();
        let whole = all && as_written && !sink.has_errors();
        allow::settle(&program, &mut sink, whole);
        sink.without_foreign_changes(&program.sources);
    }
    if options.deny_warnings {
        sink.deny_warnings();
    }
    let (sources, diagnostics) = (program.sources, sink.into_sorted());
    Checked { sources, diagnostics, runs, trainings, data, seeds }
}

/// Evaluates every constant, data item, epoch and range of a parameter of the program's own file,
/// so that their mistakes show even where no run comes to use them.
fn constants(cx: &mut Cx<'_>) {
    let Some(tree) = cx.program.modules.first().map(|m| Arc::clone(&m.file)) else { return };
    for (i, item) in tree.items.iter().enumerate() {
        if matches!(item.kind, ItemKind::Const(_) | ItemKind::Data(_) | ItemKind::Epoch(_)) {
            let at = ItemRef { file: 0, item: i as u32 };
            // A failure is in the sink.
            let _ = cx.item(at, Loc { file: 0, span: item.span });
        }
        let params = match &item.kind {
            ItemKind::Process(process) => &process.params,
            ItemKind::Model(model) => &model.params,
            ItemKind::Network(network) => &network.params,
            _ => continue,
        };
        for param in params {
            let _ = elaborate::range(cx, param, 0);
        }
    }
}

/// The pipeline: each stage takes what the stage before gives.
fn run(cx: &mut Cx<'_>, at: ItemRef, options: &Options) -> Eval<CheckedRun> {
    cx.begin_run();
    let steps = elaborate::steps(cx, at);
    let Clocked { mut network, aliases, wave, passages } = clocked(cx, at)?;
    let (name, written) = described(cx, at);
    network.run.name.clone_from(&name);
    network.run.steps = steps?;
    network.run.open = options.open;
    match &options.watch {
        Some(names) => watched(cx, &mut network, names)?,
        None => requests(cx, &mut network, &aliases, at)?,
    }
    let named = target(cx, &written, options);
    network.run.target = named.clone().unwrap_or_default();
    let flat = flat(cx, &mut network, wave, passages)?;
    let ir = schedule::schedule(cx.sink, &network::fold(&flat)).ok_or(Stop::Reported)?;
    let ir = schedule::tabulate(ir);
    let epoch = epoch_of(cx, ir.windows.period);
    let target_loc = written.loc;
    let target = match &named? {
        network::Target::Rust => Lowered::Rust,
        #[cfg(not(feature = "loihi2"))]
        network::Target::Chip(..) => return Err(Stop::Reported),
        #[cfg(feature = "loihi2")]
        network::Target::Chip(settings, loc) => {
            let (objective, sources) = (options.optimize, &cx.program.sources);
            let chip = snn_loihi2::check(
                &network,
                cx.files,
                (settings, *loc),
                objective,
                sources,
                cx.sink,
            )?;
            Lowered::Loihi2(Box::new(chip))
        }
    };
    Ok(CheckedRun { name, target, target_loc, network, flat, ir, epoch })
}

/// The network of a run or a train block, without what that asks for.
fn clocked(cx: &mut Cx<'_>, at: ItemRef) -> Eval<Clocked> {
    let instances = elaborate::elaborate(cx, at)?;
    let typed = types::check(cx, instances)?;
    clocks::check(cx, typed)
}

/// The flat form of a network that is complete.
fn flat(
    cx: &mut Cx<'_>,
    network: &mut Network,
    wave: Option<(u64, i64)>,
    passages: clocks::Passages,
) -> Eval<Flat> {
    network.bodies.iter_mut().for_each(network::mark);
    if let Err(why) = network::verify::verify(network) {
        panic!("the front made a network that is none: {why}");
    }
    clocks::check_waves(cx.sink, cx.program, network, wave, passages);
    network::flatten(network).map_err(|circle| cx.fail(clocks::around(network, &circle)))
}

/// The epoch of the program's own file that has this period.
fn epoch_of(cx: &mut Cx<'_>, period: u64) -> Option<String> {
    let tree = Arc::clone(&cx.program.modules.first()?.file);
    tree.items.iter().enumerate().find_map(|(i, item)| {
        let ItemKind::Epoch(epoch) = &item.kind else { return None };
        let at = ItemRef { file: 0, item: i as u32 };
        match cx.item(at, Loc { file: 0, span: item.span }) {
            Ok(Val::Epoch { every, .. }) if u64::try_from(every) == Ok(period) => {
                Some(epoch.name.name.clone())
            }
            _ => None,
        }
    })
}

/// Records all messages of some processes and ports, for as many steps as can be kept.
fn watched(cx: &mut Cx<'_>, network: &mut Network, names: &[String]) -> Eval<()> {
    let mut bytes = 0;
    for name in names {
        let sending = |p: &network::Port| p.direction == Direction::Out;
        let place = network.instances.iter().enumerate().find_map(|(i, instance)| {
            let body = &network.bodies[instance.body.at()];
            let of = |p: &network::Port| {
                *name == instance.path || *name == format!("{}.{}", instance.path, p.name)
            };
            Some((InstanceId(i as u32), body.ports.iter().position(|p| sending(p) && of(p))?))
        });
        let used = match place {
            Some((instance, port)) => {
                let body = network.body(instance);
                let used = clocks::port_use(cx, network, body, port as u32)?;
                used.map(|used| (instance, port, used.clock))
            }
            None => None,
        };
        let Some((instance, port, clock)) = used else {
            let message = format!("run `{}` has no `{name}` that sends", network.run.name);
            let d = Diagnostic::without_place(Code::E0811, message);
            return Err(cx.fail(d.help("take the rates from a run of the same network")));
        };
        let of = &network.body(instance).ports[port];
        let each = if of.ty.kind() == Kind::Bool { 1 } else { 8 };
        bytes += of.shape.iter().product::<usize>() as u64 * each;
        let when = Some(network.clock_id(&clock));
        let member = Member::Port(port as u32);
        let key = name.clone();
        network.run.records.push(Record { key, instance, member, when, asked: true });
    }
    network.run.steps = network.run.steps.min((WATCHED / bytes.max(1)).max(1));
    Ok(())
}

/// Bytes of messages that are kept to learn rates.
const WATCHED: u64 = 512 << 20;

/// The runs and train blocks to compile.
fn chosen(program: &Program, options: &Options, sink: &mut Sink) -> (Vec<ItemRef>, Vec<ItemRef>) {
    let named = |(at, name): (ItemRef, &ast::Ident)| (at, name.name.clone());
    let runs: Vec<_> = program.runs().into_iter().map(|(at, r)| named((at, &r.name))).collect();
    let trains = program.trains().into_iter().map(|(at, t)| named((at, &t.run.name)));
    let trains: Vec<_> = trains.collect();
    match &options.train {
        Some(which) => (Vec::new(), pick(&trains, which, &TRAIN, program, sink)),
        None if options.runs == Runs::All => (
            pick(&runs, &Runs::All, &RUN, program, sink),
            trains.into_iter().map(|t| t.0).collect(),
        ),
        None => (pick(&runs, &options.runs, &RUN, program, sink), Vec::new()),
    }
}

/// What is picked, in words.
struct Picked {
    what: &'static str,
    example: &'static str,
}

const RUN: Picked = Picked { what: "run", example: "run sim of NETWORK { steps 100 }" };
const TRAIN: Picked = Picked {
    what: "train block",
    example: "train fit of NETWORK { sample EPOCH; samples 100; learn PARAMS; loss VARIABLE at \
              EPOCH.end; optimizer adam(lr: 0.001); batch 10; epochs 10 }",
};

/// Those of some items that are asked for.
fn pick(
    all: &[(ItemRef, String)],
    which: &Runs,
    Picked { what, example }: &Picked,
    program: &Program,
    sink: &mut Sink,
) -> Vec<ItemRef> {
    match which {
        Runs::All => all.iter().map(|(at, _)| *at).collect(),
        Runs::First => {
            if all.is_empty() && !program.modules.is_empty() && !sink.has_errors() {
                let message = format!("the file has no {what}");
                let d = Diagnostic::without_place(Code::E0409, message);
                sink.push(d.help(format!("add one: `{example}`")));
            }
            all.iter().take(1).map(|(at, _)| *at).collect()
        }
        Runs::Named(name) => {
            let found: Vec<ItemRef> =
                all.iter().filter(|(_, known)| known == name).map(|(at, _)| *at).collect();
            if found.is_empty() && !sink.has_errors() {
                let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
                let message = format!("there is no {what} `{name}`");
                let mut d = Diagnostic::without_place(Code::E0409, message);
                d = match names.is_empty() {
                    true => d.note(format!("the file has no {what}")),
                    false => d.note(format!("its {what}s are {}", names.join(", "))),
                };
                sink.push(d.meant(name, names, None));
            }
            found
        }
    }
}

/// The arrays that are given, by constant or data item.
fn arrays(
    program: &Program,
    given: &[(String, Tensor)],
    sink: &mut Sink,
) -> BTreeMap<String, Tensor> {
    let named = |kind: &ItemKind| match kind {
        ItemKind::Const(b) | ItemKind::Data(b) => Some(b.name.name.clone()),
        _ => None,
    };
    let module = program.modules.first();
    let known: Vec<String> =
        module.into_iter().flat_map(|m| &m.file.items).filter_map(|i| named(&i.kind)).collect();
    let mut found = BTreeMap::new();
    for (name, array) in given {
        if known.contains(name) {
            found.insert(name.clone(), array.clone());
            continue;
        }
        let message = format!("the program has no constant and no data item `{name}`");
        let mut d = Diagnostic::without_place(Code::E0408, message);
        if !known.is_empty() {
            d = d.note(format!("those that it has are {}", known.join(", ")));
        }
        sink.push(d.meant(name, known.iter().map(String::as_str), None));
    }
    found
}

/// The values given on the command line, by constant.
fn overrides(
    program: &Program,
    set: &[(String, String)],
    sink: &mut Sink,
) -> BTreeMap<String, ast::Expr> {
    let mut found = BTreeMap::new();
    for (name, text) in set {
        let is_const = matches!(program.lookup(0, name), Some(Symbol::Item(at))
            if at.file == 0 && matches!(program.item(at).kind, ItemKind::Const(_)));
        if !is_const {
            let module = program.modules.first();
            let constants: Vec<&str> = module
                .into_iter()
                .flat_map(|m| &m.file.items)
                .filter_map(|i| match &i.kind {
                    ItemKind::Const(b) => Some(b.name.name.as_str()),
                    _ => None,
                })
                .collect();
            let message = format!("`--set {name}={text}`: the program has no constant `{name}`");
            let mut d = Diagnostic::without_place(Code::E0408, message);
            if !constants.is_empty() {
                d = d.note(format!("its constants are {}", constants.join(", ")));
            }
            sink.push(d.meant(name, constants, None));
            continue;
        }
        match snn_grammar::parse_expr(text) {
            Ok(mut e) => {
                // The text has no place in the sources: point at the constant it replaces.
                if let Some(Symbol::Item(at)) = program.lookup(0, name) {
                    e.span = program.item(at).span;
                }
                found.insert(name.clone(), e);
            }
            Err(error) => {
                let message = format!("`--set {name}={text}`: {}", error.message);
                sink.push(Diagnostic::without_place(Code::E0101, message));
            }
        }
    }
    found
}
