//! The whole compiler in a page: from a file to what is executed.

use crate::clocks::{self, ClockedGraph};
use crate::diagnostics::{Code, Diagnostic, Loc, Sink, SourceMap};
use crate::elaborate::{self, Port};
use crate::ir::{Kind, StepIr};
use crate::lower::loihi2::options::Objective;
use crate::lower::loihi2::{self, ChipRun};
use crate::report::requests::{Requests, requests};
use crate::resolve::{self, ItemRef, Program, Symbol, nearest};
use crate::schedule::{self, Member, RecordRequest, Request};
use crate::types::{self, Cx, Eval, Val};
use snn_grammar::ast::{self, Direction, ItemKind, RunMemberKind};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What to compile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which runs.
    pub runs: Runs,
    /// `--set NAME=VALUE`: constants of the program's own file with other values.
    pub set: Vec<(String, String)>,
    /// `--target NAME`: instead of what the runs say.
    pub target: Option<String>,
    /// `--optimize NAME`: what a placement is to be good at, instead of what the runs say.
    pub optimize: Option<Objective>,
    /// Instead of what the runs ask for, keep the messages of these: processes with one out
    /// port, or ports. See [`CheckedRun::requests`].
    pub watch: Option<Vec<String>>,
}

/// Which runs of a file are compiled.
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
}

/// A run that can be executed.
pub struct CheckedRun {
    /// Its name.
    pub name: String,
    /// Its target.
    pub target: Target,
    /// Where the target is written, or the run.
    pub target_loc: Loc,
    /// The network with its clocks.
    pub graph: ClockedGraph,
    /// What a step does.
    pub ir: StepIr,
    /// What is recorded, reported and expected.
    pub requests: Requests,
    /// What a window of the schedule is to the user: the epoch with the same period.
    pub epoch: Option<String>,
}

/// What a run is lowered to.
pub enum Target {
    /// A Rust program.
    Rust,
    /// Cores of Loihi 2, here with what goes onto them.
    Loihi2(Box<ChipRun>),
}

/// Compiles a file. Never fails as a whole: what is wrong stands in the diagnostics.
pub fn check(file: &Path, options: &Options) -> Checked {
    let mut sink = Sink::default();
    let mut program = resolve::load(file, &mut sink);
    let overrides = overrides(&program, &options.set, &mut sink);
    let chosen = chosen(&program, &options.runs, &mut sink);
    let mut runs = Vec::new();
    // With syntax errors half of the names are missing; more messages would only mislead.
    if !sink.has_errors() {
        // One context: what a constant is and what a file holds is found out once.
        let mut cx = Cx::new(&mut program, &mut sink, overrides);
        constants(&mut cx);
        for at in chosen {
            runs.extend(run(&mut cx, at, options));
        }
    }
    Checked { sources: program.sources, diagnostics: sink.into_sorted(), runs }
}

/// Evaluates every constant, data item and epoch of the program's own file, so that their
/// mistakes show even where no run comes to use them.
fn constants(cx: &mut Cx<'_>) {
    let Some(tree) = cx.program.modules.first().map(|m| Arc::clone(&m.file)) else { return };
    for (i, item) in tree.items.iter().enumerate() {
        if matches!(item.kind, ItemKind::Const(_) | ItemKind::Data(_) | ItemKind::Epoch(_)) {
            let at = ItemRef { file: 0, item: i as u32 };
            // A failure is in the sink.
            let _ = cx.item(at, Loc { file: 0, span: item.span });
        }
    }
}

/// The pipeline: each stage takes what the stage before gives.
fn run(cx: &mut Cx<'_>, at: ItemRef, options: &Options) -> Eval<CheckedRun> {
    cx.begin_run();
    let instances = elaborate::elaborate(cx, at)?;
    let typed = types::check(cx, instances)?;
    let graph = clocks::check(cx, typed)?;
    let requests = match &options.watch {
        Some(names) => watched(cx, &graph, names, at)?,
        None => requests(cx, &graph, at)?,
    };
    let steps = elaborate::steps(cx, at)?;
    let steps = options.watch.as_ref().map_or(steps, |_| bounded(&graph, &requests, steps));
    let (name, written) = described(cx, at);
    let request = Request { run: name.clone(), steps, records: requests.records.clone() };
    let ir = schedule::schedule(cx, &graph, &request)?;
    let epoch = epoch_of(cx, ir.windows.period);
    let target_loc = written.loc;
    let target = target(cx, &graph, &written, options)?;
    Ok(CheckedRun { name, target, target_loc, graph, ir, requests, epoch })
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

/// Records of all messages of some processes and ports.
fn watched(cx: &mut Cx<'_>, graph: &ClockedGraph, names: &[String], at: ItemRef) -> Eval<Requests> {
    let mut found = Requests::default();
    for name in names {
        let sending = |p: &Port| p.direction == Direction::Out;
        let place = graph.graph.processes.iter().enumerate().find_map(|(i, process)| {
            let of =
                |p: &Port| *name == process.path || *name == format!("{}.{}", process.path, p.name);
            Some((i, process.ports.iter().position(|p| sending(p) && of(p))?))
        });
        let used = place.and_then(|(i, p)| Some((i, p, graph.uses[i][p].as_ref()?)));
        let Some((process, port, used)) = used else {
            let run = described(cx, at).0;
            let message = format!("run `{run}` has no `{name}` that sends");
            let d = Diagnostic::without_place(Code::E0811, message);
            return Err(cx.fail(d.help("take the rates from a run of the same network")));
        };
        found.records.push(RecordRequest {
            key: name.clone(),
            process,
            member: Member::Port(port),
            when: Some(used.clock.clone()),
            asked: true,
        });
    }
    Ok(found)
}

/// Bytes of messages that are kept to learn rates.
const WATCHED: u64 = 512 << 20;

/// As many of the steps as can be watched.
fn bounded(graph: &ClockedGraph, requests: &Requests, steps: u64) -> u64 {
    let bytes = requests.records.iter().map(|r| {
        let Member::Port(p) = r.member else { return 0 };
        let port = &graph.graph.processes[r.process].ports[p];
        let each = if port.ty.kind() == Kind::Bool { 1 } else { 8 };
        port.shape.iter().product::<usize>() as u64 * each
    });
    steps.min((WATCHED / bytes.sum::<u64>().max(1)).max(1))
}

/// A target as it is written.
struct Written {
    name: String,
    args: Vec<ast::Arg>,
    loc: Loc,
}

/// A run's name and target.
fn described(cx: &Cx<'_>, at: ItemRef) -> (String, Written) {
    let rust =
        |span| Written { name: RUST.into(), args: Vec::new(), loc: cx.program.loc(at.file, span) };
    let ItemKind::Run(run) = &cx.program.item(at).kind else {
        return (String::new(), rust(Default::default()));
    };
    let written = run.members.iter().find_map(|m| match &m.kind {
        RunMemberKind::Target { name, args } => Some(Written {
            name: name.name.clone(),
            args: args.clone(),
            loc: cx.program.loc(at.file, m.span),
        }),
        _ => None,
    });
    (run.name.name.clone(), written.unwrap_or_else(|| rust(run.name.span)))
}

/// The names of the targets.
const RUST: &str = "rust";
const LOIHI2: &str = "loihi2";

/// Checks a run for its target.
fn target(
    cx: &mut Cx<'_>,
    graph: &ClockedGraph,
    written: &Written,
    options: &Options,
) -> Eval<Target> {
    let name = options.target.as_deref().unwrap_or(&written.name);
    match name {
        RUST if written.name != RUST || written.args.is_empty() => Ok(Target::Rust),
        LOIHI2 => {
            // Options of another target say nothing about this one.
            let args = if written.name == LOIHI2 { written.args.as_slice() } else { &[] };
            let run = loihi2::check(cx, graph, args, written.loc, options.optimize)?;
            Ok(Target::Loihi2(Box::new(run)))
        }
        _ => {
            let (message, help) = match name {
                RUST => {
                    ("the target `rust` has no options".to_string(), "write `target rust`".into())
                }
                _ => {
                    let near =
                        nearest(name, [RUST, LOIHI2]).map(|n| format!("did you mean `{n}`? "));
                    let help = format!(
                        "{}the targets are `{RUST}` and `{LOIHI2}`",
                        near.unwrap_or_default()
                    );
                    (format!("there is no target `{name}`"), help)
                }
            };
            Err(cx.fail(Diagnostic::new(Code::E0801, message, written.loc, "").help(help)))
        }
    }
}

/// The runs to compile.
fn chosen(program: &Program, runs: &Runs, sink: &mut Sink) -> Vec<ItemRef> {
    let all = program.runs();
    match runs {
        Runs::All => all.into_iter().map(|(at, _)| at).collect(),
        Runs::First => {
            if all.is_empty() && !program.modules.is_empty() && !sink.has_errors() {
                let d = Diagnostic::without_place(Code::E0409, "the file has no run");
                sink.push(d.help("add one: `run sim of NETWORK { steps 100 }`"));
            }
            all.into_iter().take(1).map(|(at, _)| at).collect()
        }
        Runs::Named(name) => {
            let found: Vec<ItemRef> =
                all.iter().filter(|(_, r)| r.name.name == *name).map(|(at, _)| *at).collect();
            if found.is_empty() && !sink.has_errors() {
                let names: Vec<&str> = all.iter().map(|(_, r)| r.name.name.as_str()).collect();
                let message = format!("there is no run `{name}`");
                let mut d = Diagnostic::without_place(Code::E0409, message);
                d = match names.is_empty() {
                    true => d.note("the file has no run"),
                    false => d.note(format!("its runs are {}", names.join(", "))),
                };
                if let Some(near) = nearest(name, names) {
                    d = d.help(format!("did you mean `{near}`?"));
                }
                sink.push(d);
            }
            found
        }
    }
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
            if let Some(near) = nearest(name, constants) {
                d = d.help(format!("did you mean `{near}`?"));
            }
            sink.push(d);
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
