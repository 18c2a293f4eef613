//! A syntax tree in a form that people can read in a snapshot: without spans, expressions
//! fully parenthesised.

use snn_grammar::ast::*;
use std::fmt::Write;

/// The whole file, one line for each item, member and statement.
pub fn file(file: &File) -> String {
    let mut out = String::new();
    for doc in &file.docs {
        line(&mut out, 0, &format!("//! {doc}"));
    }
    file.items.iter().for_each(|i| item(&mut out, i));
    for allow in &file.allows {
        line(&mut out, 0, &format!("allow {} {:?}", allow.code.name, allow.reason));
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    writeln!(out, "{}{}", "  ".repeat(depth), text.trim_end()).unwrap();
}

fn docs(out: &mut String, depth: usize, docs: &[String]) {
    docs.iter().for_each(|d| line(out, depth, &format!("/// {d}")));
}

fn item(out: &mut String, item: &Item) {
    docs(out, 0, &item.docs);
    match &item.kind {
        ItemKind::Use(u) => {
            let alias = opt(" as ", u.alias.as_ref().map(|a| a.name.clone()));
            line(out, 0, &format!("use {:?}{alias} {}", u.path, names(&u.names)));
        }
        ItemKind::Const(b) => line(out, 0, &format!("const {}", binding(b))),
        ItemKind::Data(b) => line(out, 0, &format!("data {}", binding(b))),
        ItemKind::Epoch(e) => {
            let offset = opt(" offset ", e.offset.as_ref().map(expr));
            line(out, 0, &format!("epoch {} every {}{offset}", e.name.name, expr(&e.every)));
        }
        ItemKind::Process(p) => {
            let head = head(&p.name, &p.shape_params, &p.params);
            line(out, 0, &format!("process {head}"));
            p.members.iter().for_each(|m| process_member(out, m));
        }
        ItemKind::Model(m) => {
            let of: Vec<_> = m.of.parts.iter().map(|p| p.name.as_str()).collect();
            let (of, on) = (of.join("."), names(&m.resources));
            line(out, 0, &format!("model {} of {of} {} on {on}", m.tag.name, params(&m.params)));
            m.members.iter().for_each(|m| process_member(out, m));
        }
        ItemKind::Network(n) => {
            let head = head(&n.name, &n.shape_params, &n.params);
            line(out, 0, &format!("network {head}"));
            n.members.iter().for_each(|m| network_member(out, m));
        }
        ItemKind::Run(r) => {
            line(out, 0, &format!("run {} of {}", r.name.name, expr(&r.network)));
            r.members.iter().for_each(|m| line(out, 1, &run_member(m)));
        }
        ItemKind::Train(t) => {
            line(out, 0, &format!("train {} of {}", t.run.name.name, expr(&t.run.network)));
            t.run.members.iter().for_each(|m| line(out, 1, &run_member(m)));
            t.members.iter().for_each(|m| line(out, 1, &train_member(m)));
        }
    }
}

fn process_member(out: &mut String, member: &ProcessMember) {
    match member {
        ProcessMember::Port(p) => port(out, p),
        ProcessMember::Var(v) => {
            docs(out, 1, &v.docs);
            let kind = if v.in_flight { "buffer" } else { "var" };
            let init = opt(" = ", v.init.as_ref().map(expr));
            line(out, 1, &format!("{kind} {}: {}{init}", v.name.name, ty(&v.ty)));
        }
        ProcessMember::Const(b) => line(out, 1, &format!("const {}", binding(b))),
        ProcessMember::Keeps(k) => {
            let advice = opt(", ", k.advice.as_ref().map(|a| format!("{a:?}")));
            line(out, 1, &format!("keeps {} as {}{advice}", k.name.name, expr(&k.value)));
        }
        ProcessMember::Phase(p) => {
            let guard = opt(" when ", p.guard.as_ref().map(expr));
            line(out, 1, &format!("phase {}{guard}", p.name.name));
            p.body.iter().for_each(|s| stmt(out, 2, s));
        }
    }
}

fn network_member(out: &mut String, member: &NetworkMember) {
    let text = match member {
        NetworkMember::Port(p) => return port(out, p),
        NetworkMember::Part(p) => format!("{} = {}", p.name.name, expr(&p.value)),
        NetworkMember::Const(b) => format!("const {}", binding(b)),
        NetworkMember::Connection(c) => c.hops.iter().map(expr).collect::<Vec<_>>().join("  ->  "),
        NetworkMember::Reset(r) => {
            let targets: Vec<_> = r.targets.iter().map(pattern).collect();
            let when = match &r.when {
                ResetWhen::Every { every, offset, stagger } => format!(
                    "every {}{}{}",
                    expr(every),
                    opt(" offset ", offset.as_ref().map(expr)),
                    opt(" stagger ", stagger.as_ref().map(expr))
                ),
                ResetWhen::At { at, skew } => {
                    format!(
                        "at {}{}",
                        expr(at),
                        opt(" skew ", skew.as_ref().map(|s| s.name.clone()))
                    )
                }
            };
            let phase = opt(" in ", r.phase.as_ref().map(|p| p.name.clone()));
            format!("reset {} {when}{phase}", targets.join(", "))
        }
    };
    line(out, 1, &text);
}

fn port(out: &mut String, port: &Port) {
    docs(out, 1, &port.docs);
    let direction = if port.direction == Direction::In { "in" } else { "out" };
    line(out, 1, &format!("{direction} {}: {}", port.name.name, ty(&port.ty)));
}

fn train_member(member: &TrainMember) -> String {
    let choice = |c: &Choice| format!("{}{}", c.name.name, args(&c.args));
    match &member.kind {
        TrainMemberKind::Data(b) => format!("data {}", binding(b)),
        TrainMemberKind::Const(b) => format!("const {}", binding(b)),
        TrainMemberKind::Sample(p) => {
            let parts: Vec<_> = p.parts.iter().map(|p| p.name.as_str()).collect();
            format!("sample {}", parts.join("."))
        }
        TrainMemberKind::Samples(e) => format!("samples {}", expr(e)),
        TrainMemberKind::Learn(l) => {
            let range = l.range.as_ref().map(|r| {
                let dots = if r.inclusive { "..=" } else { ".." };
                format!("{}{dots}{}", expr(&r.lo), expr(&r.hi))
            });
            let from = l
                .from
                .as_ref()
                .map(|f| format!("{}{}", expr(&f.value), opt(" seed ", f.seed.as_ref().map(expr))));
            format!(
                "learn {}{}{}{}{}",
                pattern(&l.path),
                opt(" in ", range),
                opt(" step ", l.step.as_ref().map(expr)),
                opt(" from ", from),
                opt(" lr ", l.rate.as_ref().map(expr))
            )
        }
        TrainMemberKind::Loss { value, at } => format!("loss {} at {}", expr(value), expr(at)),
        TrainMemberKind::Slope(c) => format!("slope {}", choice(c)),
        TrainMemberKind::Optimizer(c) => format!("optimizer {}", choice(c)),
        TrainMemberKind::Decay(c) => format!("decay {}", choice(c)),
        TrainMemberKind::Clip(e) => format!("clip {}", expr(e)),
        TrainMemberKind::Batch(e) => format!("batch {}", expr(e)),
        TrainMemberKind::Epochs(e) => format!("epochs {}", expr(e)),
        TrainMemberKind::Shuffle(e) => format!("shuffle seed {}", expr(e)),
        TrainMemberKind::Validate { value, last } => {
            format!("validate {} on last {}", expr(value), expr(last))
        }
        TrainMemberKind::Stop(e) => format!("stop after {} without gain", expr(e)),
        TrainMemberKind::Export { path, .. } => format!("export {path:?}"),
    }
}

fn run_member(member: &RunMember) -> String {
    match &member.kind {
        RunMemberKind::Models(tag) => format!("models {}", tag.name),
        RunMemberKind::Model { of, tag } => format!("model {} = {}", pattern(of), tag.name),
        RunMemberKind::Target { name, args: a } => format!("target {}{}", name.name, args(a)),
        RunMemberKind::Steps(e) => format!("steps {}", expr(e)),
        RunMemberKind::Record { path, when } => {
            let when = match when {
                RecordWhen::Always => "always".to_owned(),
                RecordWhen::Every(e) => format!("every {}", expr(e)),
                RecordWhen::At(e) => format!("at {}", expr(e)),
                RecordWhen::End => "at the end".to_owned(),
            };
            format!("record {} {when}", pattern(path))
        }
        RunMemberKind::Report(e) => format!("report {}", expr(e)),
        RunMemberKind::Expect(e) => format!("expect {}", expr(e)),
    }
}

fn stmt(out: &mut String, depth: usize, stmt_: &Stmt) {
    match &stmt_.kind {
        StmtKind::Let(b) => line(out, depth, &format!("let {}", binding(b))),
        StmtKind::Assign { target, op, value, mask } => {
            let op = op.map(|op| format!("{op:?}")).unwrap_or_default();
            let mask = opt(" where ", mask.as_ref().map(expr));
            line(out, depth, &format!("{} {op}= {}{mask}", expr(target), expr(value)));
        }
        StmtKind::If { cond, then, els } => {
            line(out, depth, &format!("if {}", expr(cond)));
            then.iter().for_each(|s| stmt(out, depth + 1, s));
            if !els.is_empty() {
                line(out, depth, "else");
                els.iter().for_each(|s| stmt(out, depth + 1, s));
            }
        }
    }
}

fn head(name: &Ident, shape: &[ShapeParam], list: &[Param]) -> String {
    let shape = list_of(shape, |s| format!("{}{}", if s.spread { "*" } else { "" }, s.name.name));
    format!("{} [{shape}] {}", name.name, params(list))
}

fn params(list: &[Param]) -> String {
    let param = |p: &Param| {
        let range = p.range.as_ref().map(|r| {
            format!("{} {} {}", expr(&r.lo), if r.inclusive { "to" } else { "below" }, expr(&r.hi))
        });
        format!(
            "{}{}{}{}",
            p.name.name,
            opt(": ", p.ty.as_ref().map(ty)),
            opt(" = ", p.default.as_ref().map(expr)),
            opt(" in ", range)
        )
    };
    format!("({})", list_of(list, param))
}

fn binding(b: &Binding) -> String {
    format!("{}{} = {}", b.name.name, opt(": ", b.ty.as_ref().map(ty)), expr(&b.value))
}

fn ty(t: &Type) -> String {
    let dim = |d: &Dim| match d {
        Dim::Size(e) => expr(e),
        Dim::Spread(name) => format!("*{}", name.name),
    };
    let policy = opt(" ", t.overflow.map(|o| format!("{o:?}")));
    format!("{:?}{policy} [{}]", t.elem, list_of(&t.shape, dim))
}

fn pattern(p: &Pattern) -> String {
    p.parts.iter().map(|p| p.globs.join("|")).collect::<Vec<_>>().join(" . ")
}

fn args(list: &[Arg]) -> String {
    let arg = |a: &Arg| match &a.name {
        Some(name) => format!("{}: {}", name.name, expr(&a.value)),
        None => expr(&a.value),
    };
    format!("({})", list_of(list, arg))
}

/// An expression, fully parenthesised.
pub fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Int(v) => v.to_string(),
        ExprKind::Float(v) => format!("{v:?}"),
        ExprKind::Bool(v) => v.to_string(),
        ExprKind::Str(v) => format!("{v:?}"),
        ExprKind::Name(v) => v.clone(),
        ExprKind::Field(of, name) => format!("{}.{}", expr(of), name.name),
        ExprKind::Call { callee, args: a } => format!("{}{}", expr(callee), args(a)),
        ExprKind::Index(of, subscripts) => {
            let subscript = |s: &Subscript| match s {
                Subscript::At(e) => expr(e),
                Subscript::Range { lo, hi, .. } => format!(
                    "{}..{}",
                    lo.as_ref().map(expr).unwrap_or_default(),
                    hi.as_ref().map(expr).unwrap_or_default()
                ),
            };
            format!("{}[{}]", expr(of), list_of(subscripts, subscript))
        }
        ExprKind::Unary(op, inner) => format!("({op:?} {})", expr(inner)),
        ExprKind::Binary(op, left, right) => format!("({} {op:?} {})", expr(left), expr(right)),
        ExprKind::List(items) => format!("[{}]", list_of(items, expr)),
    }
}

fn names(list: &[Ident]) -> String {
    list_of(list, |n| n.name.clone())
}

fn list_of<T>(list: &[T], show: impl Fn(&T) -> String) -> String {
    list.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn opt(prefix: &str, text: Option<String>) -> String {
    text.map(|t| format!("{prefix}{t}")).unwrap_or_default()
}
