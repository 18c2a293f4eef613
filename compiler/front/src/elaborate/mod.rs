//! Elaboration: a run's network as a flat graph of process instances.
//!
//! [`elaborate`] instantiates networks in networks, expands imported ones, picks a model for
//! every process, evaluates arguments, and infers shapes by passing what is known along
//! arguments and connections until nothing new follows.

mod connect;
mod disagree;
mod flatten;
mod params;
mod paths;
mod requested;
mod select;
mod shapes;
mod tree;

pub use flatten::{Connection, Instance, InstanceGraph, InstanceParam, Port, Reset, Timing};
pub use params::{Declaration, Declared, checked, range};
pub use paths::{Named, Places, matches_whole};
pub use requested::unmatched;
pub use select::Choices;
pub use shapes::dims;

use crate::resolve::ItemRef;
use crate::types::{Cx, Env, Eval, Stop};
use snn_grammar::ast::{self, RunMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Help, Loc};
use tree::Tree;

/// Elaborates the network of a run, or of a train block.
pub fn elaborate(cx: &mut Cx<'_>, run: ItemRef) -> Eval<InstanceGraph> {
    let tree = cx.program.tree(run);
    let run_item = tree.items[run.item as usize].kind.run().ok_or(Stop::Reported)?;
    let choices = Choices::of(run_item, run.file);
    let env = Env::module(run.file);
    let mut graph = Tree::build(cx, &run_item.network, &env, &choices)?;
    choices.report_unused(cx, &graph);
    requested::check(cx, &graph, run_item, run.file);
    flat(cx, &mut graph)
}

/// Infers all shapes of a tree, and flattens it.
fn flat(cx: &mut Cx<'_>, tree: &mut Tree) -> Eval<InstanceGraph> {
    match shapes::infer(cx, tree) {
        Ok(()) => flatten::flatten(cx, tree),
        Err(stop) => {
            flatten::check_open(cx, tree);
            Err(stop)
        }
    }
}

/// A process or network without a network around it.
pub struct Alone<'a> {
    /// The process or network.
    pub def: ItemRef,
    /// Where it stands.
    pub loc: Loc,
    /// Which models are taken.
    pub choices: &'a Choices,
    /// The sizes it is given.
    pub sizes: &'a [ast::Subscript],
    /// The arguments it is given.
    pub args: &'a [ast::Arg],
    /// The names that these are made of.
    pub around: Env,
}

impl Alone<'_> {
    /// The only instance of a process. What is not known of it is open.
    pub fn process(self, cx: &mut Cx<'_>) -> Eval<Instance> {
        let mut tree = self.tree(cx)?;
        // What is wrong is in the sink.
        let _ = shapes::infer(cx, &mut tree);
        Ok(flatten::instance(&tree, 0))
    }

    /// A network as a graph.
    pub fn network(self, cx: &mut Cx<'_>) -> Eval<InstanceGraph> {
        let mut tree = self.tree(cx)?;
        flat(cx, &mut tree)
    }

    fn tree(self, cx: &mut Cx<'_>) -> Eval<Tree> {
        let Alone { def, loc, choices, sizes, args, around } = self;
        Tree::alone(cx, def, choices, (Some(sizes), args), loc, around)
    }
}

/// How many processes and networks a network is made of.
pub fn parts(cx: &Cx<'_>, network: ItemRef) -> u64 {
    Tree::parts(cx, network)
}

/// How many steps a run has.
pub fn steps(cx: &mut Cx<'_>, run: ItemRef) -> Eval<u64> {
    let tree = cx.program.tree(run);
    let ast::ItemKind::Run(run_item) = &tree.items[run.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let env = Env::module(run.file);
    let written = run_item.members.iter().find_map(|m| match &m.kind {
        RunMemberKind::Steps(e) => Some(e),
        _ => None,
    });
    let Some(e) = written else {
        let loc = Loc { file: run.file, span: run_item.name.span };
        let message = format!("run `{}` does not say how long it lasts", run_item.name.name);
        let d = Diagnostic::new(Code::E0210, message, loc, "");
        let add =
            with_line(cx, run_item, run.file, "steps 1000").map(|edit| Fix::proposed(vec![edit]));
        return Err(cx.fail(d.help(Help { text: "add a line like `steps 1000`".into(), fix: add })));
    };
    let n = cx.int(e, &env)?;
    u64::try_from(n).map_err(|_| {
        let loc = Loc { file: run.file, span: e.span };
        let what = format!("this is {n}");
        cx.fail(Diagnostic::new(Code::E0210, "a run cannot have less than 0 steps", loc, what))
    })
}

/// Puts a setting at the beginning of a run.
pub fn with_line(cx: &Cx<'_>, run: &ast::Run, file: u32, line: &str) -> Option<Edit> {
    let text = &cx.program.sources.files.get(file as usize)?.text;
    let from = run.network.span.end as usize;
    let brace = from + text.get(from..)?.find('{')? + 1;
    let body = text.get(brace..)?.trim_start_matches([' ', '\t', '\r']);
    let steps = match body.chars().next()? {
        '\n' => format!("\n    {line}"),
        '}' if text[brace..].starts_with('}') => format!(" {line} "),
        '}' => format!(" {line}"),
        _ => format!(" {line};"),
    };
    let span = ast::Span { start: brace as u32, end: brace as u32 };
    Some(Edit::replace(Loc { file, span }, steps))
}
