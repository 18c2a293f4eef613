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
mod select;
mod shapes;
mod tree;
mod unused;

pub use flatten::{Connection, Instance, InstanceGraph, InstanceParam, Port, Reset, Timing};
pub use paths::{Places, Target, matches_whole};
pub use shapes::dims;
pub use unused::check_unused;

use crate::diagnostics::Loc;
use crate::resolve::ItemRef;
use crate::types::{Cx, Env, Eval, Stop};
use snn_grammar::ast::{self, RunMemberKind};
use tree::Tree;

/// Elaborates the network of a run.
pub fn elaborate(cx: &mut Cx<'_>, run: ItemRef) -> Eval<InstanceGraph> {
    let tree = cx.program.tree(run);
    let ast::ItemKind::Run(run_item) = &tree.items[run.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let choices = select::Choices::of(run_item, run.file);
    let env = Env::module(run.file);
    let mut graph = Tree::build(cx, &run_item.network, &env, &choices)?;
    choices.report_unused(cx, &graph);
    shapes::infer(cx, &mut graph)?;
    flatten::flatten(cx, &graph)
}

/// How many steps a run has.
pub fn steps(cx: &mut Cx<'_>, run: ItemRef) -> Eval<u64> {
    use crate::diagnostics::{Code, Diagnostic};
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
        return Err(cx.fail(d.help("add a line like `steps 1000`")));
    };
    let n = cx.int(e, &env)?;
    u64::try_from(n).map_err(|_| {
        let loc = Loc { file: run.file, span: e.span };
        let what = format!("this is {n}");
        cx.fail(Diagnostic::new(Code::E0210, "a run cannot have less than 0 steps", loc, what))
    })
}
