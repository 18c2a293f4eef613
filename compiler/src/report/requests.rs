//! What a run asks for: recordings, reports, expectations.

use crate::clocks::{Clock, ClockedGraph, NoClock, clock_of};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::elaborate::{Target, matches_whole, targets};
use crate::ir::Kind;
use crate::resolve::{ItemRef, nearest};
use crate::schedule::{Member, RecordRequest};
use crate::types::{Cx, Env, Eval, Leaf, Stop, TExpr, Val, dotted};
use snn_grammar::ast::{self, ExprKind, ItemKind, RecordWhen, RunMemberKind};

/// What a run asks for.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// What must be recorded, for the user and for the reports; reports name these by position.
    pub records: Vec<RecordRequest>,
    /// What is shown after the run.
    pub reports: Vec<Report>,
    /// What must hold after the run.
    pub expectations: Vec<Expectation>,
}

/// A `report`.
#[derive(Clone, Debug)]
pub struct Report {
    /// As written: `accuracy(out.predicted, out.truth)`.
    pub text: String,
    /// What it shows.
    pub kind: ReportKind,
    /// Where it is written.
    pub loc: Loc,
}

/// The kinds of reports.
#[derive(Clone, Debug)]
pub enum ReportKind {
    /// A number, over values recorded at the end ([`Leaf::Recorded`]).
    Value(TExpr),
    /// `raster(path)`: spikes over time, of the record at this position.
    Raster(usize),
    /// `trace(path)`: values over time, of the record at this position.
    Trace(usize),
}

/// An `expect`.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// A scalar boolean over values recorded at the end.
    pub holds: TExpr,
    /// The two sides, where it is a comparison.
    pub sides: Option<(TExpr, TExpr)>,
    /// Where it is written.
    pub loc: Loc,
}

/// Collects what a run asks for.
pub fn requests(cx: &mut Cx<'_>, graph: &ClockedGraph, run: ItemRef) -> Eval<Requests> {
    let tree = cx.program.tree(run);
    let ItemKind::Run(item) = &tree.items[run.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let mut collector = Collector { cx, graph, file: run.file, found: Requests::default() };
    let mut failed = false;
    for member in &item.members {
        let loc = Loc { file: run.file, span: member.span };
        let done = match &member.kind {
            RunMemberKind::Record { path, when } => collector.record(path, when, loc),
            RunMemberKind::Report(e) => collector.report(e, loc),
            RunMemberKind::Expect(e) => collector.expect(e, loc),
            _ => Ok(()),
        };
        failed |= done.is_err();
    }
    if failed { Err(Stop::Reported) } else { Ok(collector.found) }
}

struct Collector<'c, 'a> {
    cx: &'c mut Cx<'a>,
    graph: &'c ClockedGraph,
    file: u32,
    found: Requests,
}

impl Collector<'_, '_> {
    fn text(&self, span: ast::Span) -> String {
        let source = &self.cx.program.sources.files[self.file as usize].text;
        source.get(span.start as usize..span.end as usize).unwrap_or_default().to_string()
    }

    fn members(&self, process: usize) -> Vec<(&str, Member)> {
        let p = &self.graph.graph.processes[process];
        let vars = p.vars.iter().enumerate().map(|(i, v)| (v.name.as_str(), Member::Var(i)));
        let ports = p.ports.iter().enumerate().map(|(i, p)| (p.name.as_str(), Member::Port(i)));
        vars.chain(ports).collect()
    }

    fn record(&mut self, path: &ast::Pattern, when: &RecordWhen, loc: Loc) -> Eval<()> {
        let when = self.when(when)?;
        let processes = &self.graph.graph.processes;
        let candidates = processes.iter().enumerate().map(|(i, p)| {
            (i, Some(p.path.as_str()), self.members(i).into_iter().map(|m| m.0).collect())
        });
        let matched = targets(path, candidates);
        if matched.is_empty() {
            let aliases = self.graph.graph.aliases.clone();
            if let Some((alias, (i, port))) =
                aliases.into_iter().find(|(alias, _)| matches_whole(path, alias))
            {
                let name = self.graph.graph.processes[i].ports[port].name.clone();
                let record = self.add(i, &name, when, true, loc)?;
                self.found.records[record].key = alias;
                return Ok(());
            }
            let at = Loc { file: self.file, span: path.span };
            return Err(self.no_match(&self.text(path.span), at));
        }
        for target in matched {
            match target {
                Target::Member(i, name) => self.add(i, &name, when.clone(), true, loc)?,
                Target::Instance(i) => {
                    let vars = &self.graph.graph.processes[i].vars;
                    let names: Vec<String> = vars.iter().map(|v| v.name.clone()).collect();
                    for name in names {
                        self.add(i, &name, when.clone(), true, loc)?;
                    }
                    0
                }
            };
        }
        Ok(())
    }

    fn no_match(&mut self, path: &str, loc: Loc) -> Stop {
        let all: Vec<String> = (0..self.graph.graph.processes.len())
            .flat_map(|i| {
                let path = &self.graph.graph.processes[i].path;
                self.members(i).into_iter().map(move |(m, _)| format!("{path}.{m}"))
            })
            .collect();
        let near = nearest(path, all.iter().map(String::as_str)).map(String::from);
        let message = format!("`{path}` names no variable or port of the network");
        let mut d = Diagnostic::new(Code::E0406, message, loc, "matches nothing");
        if let Some(near) = near {
            d = d.help(format!("did you mean `{near}`?"));
        }
        let paths: Vec<&str> = self.graph.graph.processes.iter().map(|p| p.path.as_str()).collect();
        self.cx.fail(d.note(format!("its processes are {}", paths.join(", "))))
    }

    fn when(&mut self, when: &RecordWhen) -> Eval<Option<Clock>> {
        let env = Env::module(self.file);
        Ok(Some(match when {
            RecordWhen::Always => Clock::always(),
            RecordWhen::End => return Ok(None),
            RecordWhen::Every(e) => {
                let n = self.cx.int(e, &env)?;
                match u64::try_from(n) {
                    Ok(n) if n > 0 => Clock::every(n, 0),
                    _ => {
                        let loc = Loc { file: self.file, span: e.span };
                        let message = "an interval is at least one step";
                        let what = format!("this is {n}");
                        let d = Diagnostic::new(Code::E0204, message, loc, what);
                        return Err(self.cx.fail(d));
                    }
                }
            }
            RecordWhen::At(e) => {
                let loc = Loc { file: self.file, span: e.span };
                let holds = self.cx.expr(e, &env)?.truth();
                match clock_of(&holds) {
                    Ok(clock) => clock,
                    Err(NoClock::Dynamic | NoClock::NotPeriodic) => {
                        let message = "a record is kept at an epoch's `.start` or `.end`";
                        let d = Diagnostic::new(Code::E0302, message, loc, "");
                        return Err(self.cx.fail(d));
                    }
                }
            }
        }))
    }

    /// The position of a record, added where it is new.
    fn add(
        &mut self,
        process: usize,
        name: &str,
        when: Option<Clock>,
        asked: bool,
        loc: Loc,
    ) -> Eval<usize> {
        let Some((_, member)) = self.members(process).into_iter().find(|m| m.0 == name) else {
            return Err(Stop::Reported);
        };
        let path = format!("{}.{name}", self.graph.graph.processes[process].path);
        let unused = match member {
            Member::Port(p) => self.graph.uses[process][p].is_none(),
            Member::Var(_) => false,
        };
        if unused {
            let message = format!("`{path}` is a port that never sends or receives");
            let d = Diagnostic::new(Code::E0304, message, loc, "nothing to record");
            return Err(self.cx.fail(d));
        }
        let same = |r: &RecordRequest| r.process == process && r.member == member;
        let known = self.found.records.iter().position(|r| same(r) && r.when == when);
        if let Some(known) = known {
            let record = &mut self.found.records[known];
            if asked && !record.asked {
                (record.asked, record.key) = (true, path);
            }
            return Ok(known);
        }
        if asked && self.found.records.iter().any(|r| same(r) && r.asked) {
            let message = format!("`{path}` is recorded twice, at different steps");
            let d = Diagnostic::new(Code::E0402, message, loc, "recorded again here");
            return Err(self.cx.fail(d.help("both would have the same key; keep one")));
        }
        // What only reports need has a key that no path can have.
        let key = match (asked, &when) {
            (true, _) => path,
            (false, None) => format!("{path} at end"),
            (false, Some(_)) => format!("{path} at steps"),
        };
        self.found.records.push(RecordRequest { key, process, member, when, asked });
        Ok(self.found.records.len() - 1)
    }

    fn report(&mut self, e: &ast::Expr, loc: Loc) -> Eval<()> {
        let text = self.text(e.span);
        if let ExprKind::Call { callee, args } = &e.kind
            && let ExprKind::Name(name) = &callee.kind
            && let "raster" | "trace" = name.as_str()
        {
            let [arg] = args.as_slice() else {
                let message = format!("`{name}` takes one path, as in `{name}(net.lif1.s_out)`");
                return Err(self.cx.fail(Diagnostic::new(Code::E0906, message, loc, "")));
            };
            let at = Loc { file: self.file, span: arg.value.span };
            let path = self.text(arg.value.span);
            let Some((process, member)) = self.path(&arg.value) else {
                return Err(self.no_match(&path, at));
            };
            let record = self.add(process, &member, Some(Clock::always()), false, at)?;
            let kind = match name.as_str() {
                "raster" => ReportKind::Raster(record),
                _ => ReportKind::Trace(record),
            };
            self.found.reports.push(Report { text, kind, loc });
            return Ok(());
        }
        let value = self.value(e)?;
        if !value.is_scalar() {
            let message = "a report is one number, a `raster(…)` or a `trace(…)`";
            let what = format!("this is {}", crate::types::describe(&value));
            let d = Diagnostic::new(Code::E0906, message, loc, what);
            let hint = "take its `mean`, `sum`, `max`, …, or `record` it";
            return Err(self.cx.fail(d.help(hint)));
        }
        self.found.reports.push(Report { text, kind: ReportKind::Value(value), loc });
        Ok(())
    }

    fn expect(&mut self, e: &ast::Expr, loc: Loc) -> Eval<()> {
        let text = self.text(e.span);
        let holds = self.value(e)?;
        if !holds.is_scalar() || holds.kind != Kind::Bool {
            let message = "an expectation is one condition, such as `accuracy(…) >= 0.9`";
            let what = format!("this is {}", crate::types::describe(&holds));
            return Err(self.cx.fail(Diagnostic::new(Code::E0906, message, loc, what)));
        }
        let sides = match &e.kind {
            ExprKind::Binary(_, a, b) => Some((self.value(a)?, self.value(b)?)),
            _ => None,
        };
        let sides = sides.filter(|(a, b)| a.is_scalar() && b.is_scalar());
        self.found.expectations.push(Expectation { text, holds, sides, loc });
        Ok(())
    }

    /// An expression over constants and values that are recorded at the end.
    fn value(&mut self, e: &ast::Expr) -> Eval<TExpr> {
        let mut env = Env::module(self.file);
        let e = self.with_recorded(e, &mut env)?;
        self.cx.expr(&e, &env)
    }

    /// The expression with every path into the network replaced by a name of `env`.
    fn with_recorded(&mut self, e: &ast::Expr, env: &mut Env) -> Eval<ast::Expr> {
        let mut e = e.clone();
        if let Some((process, member)) = self.path(&e) {
            let loc = Loc { file: self.file, span: e.span };
            let record = self.add(process, &member, None, false, loc)?;
            let p = &self.graph.graph.processes[process];
            let (ty, shape) = match self.found.records[record].member {
                Member::Var(i) => (p.vars[i].ty, p.vars[i].shape.clone()),
                Member::Port(i) => (p.ports[i].ty, p.ports[i].shape.clone()),
            };
            // No name of a program has a space in it.
            let name = format!("record {record}");
            let read = TExpr::read(Leaf::Recorded(record), ty.kind(), shape);
            env.set(&name, Val::Expr(read));
            e.kind = ExprKind::Name(name);
            return Ok(e);
        }
        let mut go = |x: &mut Box<ast::Expr>| -> Eval<()> {
            **x = self.with_recorded(x, env)?;
            Ok(())
        };
        match &mut e.kind {
            ExprKind::Field(of, _) => go(of)?,
            ExprKind::Call { callee, args } => {
                if let ExprKind::Field(of, _) = &mut callee.kind {
                    go(of)?;
                }
                for arg in args {
                    arg.value = self.with_recorded(&arg.value, env)?;
                }
            }
            ExprKind::Index(of, _) => go(of)?,
            ExprKind::Unary(_, a) => go(a)?,
            ExprKind::Binary(_, a, b) => {
                go(a)?;
                go(b)?;
            }
            ExprKind::List(items) => {
                for item in items {
                    *item = self.with_recorded(item, env)?;
                }
            }
            _ => {}
        }
        Ok(e)
    }

    /// The process and member that an expression names by a dotted path.
    fn path(&self, e: &ast::Expr) -> Option<(usize, String)> {
        let parts = dotted(e)?;
        let whole = parts.join(".");
        if let Some((_, (i, p))) = self.graph.graph.aliases.iter().find(|(a, _)| *a == whole) {
            return Some((*i, self.graph.graph.processes[*i].ports[*p].name.clone()));
        }
        let (member, path) = parts.split_last()?;
        let path = path.join(".");
        let process = self.graph.graph.processes.iter().position(|p| p.path == path)?;
        let known = self.members(process).iter().any(|(name, _)| name == member);
        known.then(|| (process, (*member).to_string()))
    }
}
