//! What a run records and reports: names that stand for nothing are found whatever else is wrong
//! with the network, as far as it could be made.

use super::flatten::variables;
use super::paths::{self, Places};
use super::tree::Tree;
use crate::resolve::ItemRef;
use crate::types::{Cx, Env, dotted};
use snn_grammar::ast::{self, Expr, ExprKind, Pattern, PatternPart, RecordWhen, RunMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Reports the paths of a run that name nothing in its network.
pub fn check(cx: &mut Cx<'_>, tree: &Tree, run: &ast::Run, file: u32) {
    let requested = Requested::of(cx, tree);
    for member in &run.members {
        match &member.kind {
            RunMemberKind::Record { path, when } => {
                requested.path(cx, path, file);
                if let RecordWhen::Every(e) | RecordWhen::At(e) = when {
                    // What is wrong is in the sink.
                    let _ = cx.expr(e, &Env::module(file));
                }
            }
            RunMemberKind::Report(e) | RunMemberKind::Expect(e) => requested.expr(cx, e, file),
            _ => {}
        }
    }
}

/// For a path that names no such thing of a network, which has these paths and processes.
pub fn unmatched<'a>(
    what: &str,
    path: &str,
    loc: Loc,
    paths: impl IntoIterator<Item = &'a str>,
    processes: &[&str],
) -> Diagnostic {
    let message = format!("`{path}` names no {what} of the network");
    let d = Diagnostic::new(Code::E0406, message, loc, "matches nothing");
    d.meant(path, paths, loc).note(format!("its processes are {}", processes.join(", ")))
}

/// What a run can name.
struct Requested {
    processes: Vec<String>,
    places: Places,
    /// Variables and ports of each process; those of one model are shared.
    members: Vec<Rc<[String]>>,
    /// Ports of networks.
    ports: Vec<String>,
    /// Parts that could not be made.
    lost: Vec<String>,
}

impl Requested {
    fn of(cx: &Cx<'_>, tree: &Tree) -> Requested {
        let processes = || tree.nodes.iter().filter(|n| n.model.is_some());
        let mut known: BTreeMap<(ItemRef, ItemRef), Rc<[String]>> = BTreeMap::new();
        let members = processes().map(|node| {
            let model = node.model.unwrap_or(node.def);
            let of_model = known.entry((node.def, model)).or_insert_with(|| {
                let vars = variables(cx, node.def, model).into_iter().map(|(name, _)| name);
                vars.chain(node.ports.iter().map(|p| p.name.clone())).collect()
            });
            Rc::clone(of_model)
        });
        let networks = tree.nodes.iter().filter(|n| n.model.is_none());
        Requested {
            processes: processes().map(|n| n.path.clone()).collect(),
            places: Places::new(processes().map(|n| n.path.as_str())),
            members: members.collect(),
            ports: networks.flat_map(|n| n.ports.iter().map(|p| n.within(&p.name))).collect(),
            lost: tree.lost_paths().collect(),
        }
    }

    fn path(&self, cx: &mut Cx<'_>, path: &Pattern, file: u32) {
        let members = |i: usize| self.members[i].iter().map(String::as_str).collect();
        let found = !self.places.targets("", path, members).is_empty()
            || self.ports.iter().any(|port| paths::matches_whole(path, port))
            || self.lost.iter().any(|lost| paths::may_be_within(path, lost));
        if !found {
            let loc = Loc { file, span: path.span };
            let text = cx.program.sources.line(loc);
            let mut all = self.places.paths("", members);
            all.extend(self.ports.iter().cloned());
            let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
            let processes: Vec<&str> = self.processes.iter().map(String::as_str).collect();
            cx.sink.push(unmatched("variable or port", &text, loc, all, &processes));
        }
    }

    /// The paths and names in an expression.
    fn expr(&self, cx: &mut Cx<'_>, e: &Expr, file: u32) {
        if let (Some(parts), ExprKind::Field(..)) = (dotted(e), &e.kind) {
            if cx.program.lookup(file, parts[0]).is_none() {
                let part =
                    |name: &&str| PatternPart { globs: vec![(*name).to_owned()], span: e.span };
                let path = Pattern { parts: parts.iter().map(part).collect(), span: e.span };
                self.path(cx, &path, file);
            }
            return;
        }
        match &e.kind {
            ExprKind::Name(name)
                if cx.program.lookup(file, name).is_none() && !self.ports.contains(name) =>
            {
                cx.unknown_name(name, e.span, &Env::module(file));
            }
            ExprKind::Field(of, _) | ExprKind::Index(of, _) | ExprKind::Unary(_, of) => {
                self.expr(cx, of, file);
            }
            ExprKind::Call { callee, args } => {
                if let ExprKind::Field(of, _) = &callee.kind {
                    self.expr(cx, of, file);
                }
                args.iter().for_each(|arg| self.expr(cx, &arg.value, file));
            }
            ExprKind::Binary(_, a, b) => [a, b].into_iter().for_each(|e| self.expr(cx, e, file)),
            ExprKind::List(items) => items.iter().for_each(|e| self.expr(cx, e, file)),
            _ => {}
        }
    }
}
