//! What a run asks for: recordings, reports, expectations.

use crate::clocks::{NoClock, clock_of, port_use};
use crate::elaborate::{Named, Places, matches_whole, unmatched};
use crate::resolve::ItemRef;
use crate::types::emit::Emitter;
use crate::types::{Cx, Env, Eval, Leaf, Stop, TExpr, Val, dotted};
use snn_grammar::ast::{self, ExprKind, ItemKind, RecordWhen, RunMemberKind};
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{self, InstanceId, Member, Network, Op, Record, ReportKind, ValueId};
use snn_ir::scalar::Kind;
use std::collections::HashMap;

/// Ports of networks that pass one process's messages on: path, and the process's port.
pub type Aliases = [(String, (usize, usize))];

/// Adds to a network what its run asks for.
pub fn requests(
    cx: &mut Cx<'_>,
    network: &mut Network,
    aliases: &Aliases,
    run: ItemRef,
) -> Eval<()> {
    let tree = cx.program.tree(run);
    let ItemKind::Run(item) = &tree.items[run.item as usize].kind else {
        return Err(Stop::Reported);
    };
    let (reports, expectations) = (Vec::new(), Vec::new());
    let places = Places::new(network.instances.iter().map(|i| i.path.as_str()));
    let mut collector = Collector {
        cx,
        network,
        aliases,
        places,
        kept: HashMap::new(),
        file: run.file,
        reports,
        expectations,
    };
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
    if failed {
        return Err(Stop::Reported);
    }
    let Collector { reports, expectations, .. } = collector;
    emit(network, reports, expectations);
    Ok(())
}

/// The steps of an epoch's `.start` or `.end`, or of another condition on time, at which `what`.
pub fn read_at(cx: &mut Cx<'_>, e: &ast::Expr, file: u32, what: &str) -> Eval<Clock> {
    let loc = Loc { file, span: e.span };
    let holds = cx.expr(e, &Env::module(file))?.truth();
    clock_of(&holds).map_err(|why| {
        let message = match why {
            NoClock::Unmanageable(within) => {
                format!("when {what} does not repeat within {within}")
            }
            NoClock::Dynamic | NoClock::NotPeriodic => {
                format!("{what} at an epoch's `.start` or `.end`")
            }
        };
        cx.fail(Diagnostic::new(Code::E0302, message, loc, ""))
    })
}

/// A report as it was typed.
enum Shown {
    Value(TExpr),
    Picture(ReportKind),
}

/// An expectation as it was typed.
struct Expected {
    text: String,
    holds: TExpr,
    sides: Option<(TExpr, TExpr)>,
    loc: Loc,
}

/// Turns reports and expectations into values over records.
fn emit(network: &mut Network, reports: Vec<(String, Shown, Loc)>, expected: Vec<Expected>) {
    let forms: Vec<(Kind, Vec<usize>)> =
        network.run.records.iter().map(|r| form(network, r.instance, r.member)).collect();
    let mut tensors = Tensors::default();
    let mut emitter = Emitter::new(network, &mut tensors);
    let mut value = |e: &TExpr, at: Loc| {
        emitter.expr(e, at, &mut |emitter, leaf| {
            let Leaf::Recorded(record) = leaf else { return ValueId(0) };
            let (kind, shape) = &forms[record];
            emitter.push(Op::Input(record as u32), Vec::new(), (*kind, shape), at)
        })
    };
    let reports = reports.into_iter().map(|(text, shown, place)| {
        let kind = match shown {
            Shown::Value(e) => ReportKind::Value(value(&e, place)),
            Shown::Picture(kind) => kind,
        };
        network::Report { text, kind, place }
    });
    let reports: Vec<network::Report> = reports.collect();
    let expectations = expected.into_iter().map(|e| network::Expectation {
        text: e.text,
        holds: value(&e.holds, e.loc),
        sides: e.sides.map(|(a, b)| (value(&a, e.loc), value(&b, e.loc))),
        place: e.loc,
    });
    let expectations: Vec<network::Expectation> = expectations.collect();
    let values = emitter.values;
    network.run.values = values;
    network.run.reports = reports;
    network.run.expectations = expectations;
}

fn form(network: &Network, instance: InstanceId, member: Member) -> (Kind, Vec<usize>) {
    let body = network.body(instance);
    match member {
        Member::Var(i) => {
            let var = &body.vars[i as usize];
            (var.ty.kind(), var.shape.clone())
        }
        Member::Port(i) => {
            let port = &body.ports[i as usize];
            (port.ty.kind(), port.shape.clone())
        }
    }
}

struct Collector<'c, 'a> {
    cx: &'c mut Cx<'a>,
    network: &'c mut Network,
    aliases: &'c Aliases,
    places: Places,
    /// The records of each member.
    kept: HashMap<(InstanceId, Member), Vec<usize>>,
    file: u32,
    reports: Vec<(String, Shown, Loc)>,
    expectations: Vec<Expected>,
}

impl Collector<'_, '_> {
    fn text(&self, span: ast::Span) -> String {
        let source = &self.cx.program.sources.files[self.file as usize].text;
        source.get(span.start as usize..span.end as usize).unwrap_or_default().to_string()
    }

    fn members(&self, instance: usize) -> Vec<(&str, Member)> {
        let body = self.network.body(InstanceId(instance as u32));
        let vars = body.vars.iter().zip(0..).map(|(v, i)| (v.name.as_str(), Member::Var(i)));
        let ports = body.ports.iter().zip(0..).map(|(p, i)| (p.name.as_str(), Member::Port(i)));
        vars.chain(ports).collect()
    }

    fn record(&mut self, path: &ast::Pattern, when: &RecordWhen, loc: Loc) -> Eval<()> {
        let when = self.when(when)?;
        let names = |i: usize| self.members(i).into_iter().map(|m| m.0).collect();
        let matched = self.places.targets("", path, names);
        if matched.is_empty() {
            let alias = self.aliases.iter().find(|(alias, _)| matches_whole(path, alias));
            if let Some((alias, (i, port))) = alias.cloned() {
                let name = self.network.body(InstanceId(i as u32)).ports[port].name.clone();
                let record = self.add(i, &name, when, true, loc)?;
                self.network.run.records[record].key = alias;
                return Ok(());
            }
            let at = Loc { file: self.file, span: path.span };
            return Err(self.no_match(&self.text(path.span), at));
        }
        for target in matched {
            match target {
                Named::Member(i, name) => self.add(i, &name, when.clone(), true, loc)?,
                Named::Instance(i) => {
                    let vars = &self.network.body(InstanceId(i as u32)).vars;
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
        let instances = &self.network.instances;
        let names = |i: usize| self.members(i).into_iter().map(|m| m.0).collect();
        let mut all = self.places.paths("", names);
        all.extend(self.aliases.iter().map(|(alias, _)| alias.clone()));
        let paths: Vec<&str> = instances.iter().map(|p| p.path.as_str()).collect();
        let d = unmatched("variable or port", path, loc, all.iter().map(String::as_str), &paths);
        self.cx.fail(d)
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
            RecordWhen::At(e) => read_at(self.cx, e, self.file, "a record is kept")?,
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
        let instance = InstanceId(process as u32);
        let path = self.network.member_path(instance, member);
        let unused = match member {
            Member::Port(p) => {
                port_use(self.cx, self.network, self.network.body(instance), p)?.is_none()
            }
            Member::Var(_) => false,
        };
        if unused {
            let message = format!("`{path}` is a port that never sends or receives");
            let d = Diagnostic::new(Code::E0304, message, loc, "nothing to record");
            return Err(self.cx.fail(d));
        }
        let when = when.map(|clock| self.network.clock_id(&clock));
        let records = &mut self.network.run.records;
        let kept = self.kept.entry((instance, member)).or_default();
        if let Some(known) = kept.iter().find(|at| records[**at].when == when).copied() {
            let record = &mut records[known];
            if asked && !record.asked {
                (record.asked, record.key) = (true, path);
            }
            return Ok(known);
        }
        if asked && kept.iter().any(|at| records[*at].asked) {
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
        kept.push(records.len());
        records.push(Record { key, instance, member, when, asked });
        Ok(records.len() - 1)
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
                "raster" => ReportKind::Raster(record as u32),
                _ => ReportKind::Trace(record as u32),
            };
            self.reports.push((text, Shown::Picture(kind), loc));
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
        self.reports.push((text, Shown::Value(value), loc));
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
        self.expectations.push(Expected { text, holds, sides, loc });
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
            let record_of = &self.network.run.records[record];
            let (kind, shape) = form(self.network, record_of.instance, record_of.member);
            // No name of a program has a space in it.
            let name = format!("record {record}");
            let read = TExpr::read(Leaf::Recorded(record), kind, shape);
            env.set(&name, Val::Expr(read));
            e.kind = ExprKind::Name(name);
            return Ok(e);
        }
        if let (Some(parts), ExprKind::Field(..)) = (dotted(&e), &e.kind)
            && self.cx.program.lookup(self.file, parts[0]).is_none()
        {
            let loc = Loc { file: self.file, span: e.span };
            return Err(self.no_match(&parts.join("."), loc));
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
        if let Some((_, (i, p))) = self.aliases.iter().find(|(a, _)| *a == whole) {
            return Some((*i, self.network.body(InstanceId(*i as u32)).ports[*p].name.clone()));
        }
        let (member, path) = parts.split_last()?;
        let path = path.join(".");
        let process = self.places.at(&path)?;
        let known = self.members(process).iter().any(|(name, _)| name == member);
        known.then(|| (process, (*member).to_string()))
    }
}
