//! Names that stand for nothing, in what no run uses.

use crate::resolve::{ItemRef, Symbol};
use crate::types::{self, Cx, Env, Val, builtins, dotted};
use snn_grammar::ast::{
    self, Arg, Dim, Expr, ExprKind, Ident, ItemKind, Model, Network, NetworkMember, Param, Process,
    ProcessMember, ResetWhen, ShapeParam, Stmt, StmtKind, Subscript,
};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::Phase;
use std::collections::BTreeMap;

/// Reports those in a process.
pub fn of_process(cx: &mut Cx<'_>, process: &Process) {
    let mut env = Env::module(0);
    known(&mut env, &process.shape_params, &process.params);
    Names { cx }.process(&process.params, &[&process.members], env);
}

/// Reports those in a model of a process.
pub fn of_model(cx: &mut Cx<'_>, model: &Model, process: &Process) {
    let mut env = Env::module(0);
    known(&mut env, &process.shape_params, &process.params);
    known(&mut env, &[], &model.params);
    Names { cx }.process(&model.params, &[&model.members, &process.members], env);
}

/// Reports those in a network.
pub fn of_network(cx: &mut Cx<'_>, network: &Network) {
    Names { cx }.network(network);
}

/// Makes parameters known, of unknown value.
fn known(env: &mut Env, shape: &[ShapeParam], params: &[Param]) {
    let names = shape.iter().map(|p| &p.name).chain(params.iter().map(|p| &p.name));
    names.for_each(|name| env.set(&name.name, unknown()));
}

/// Stands for any value.
fn unknown() -> Val {
    Val::List(Vec::new())
}

/// Looks for names that stand for nothing.
struct Names<'c, 'a> {
    cx: &'c mut Cx<'a>,
}

impl Names<'_, '_> {
    /// The first of `lists` and these params; the names of the others are known to it.
    fn process(&mut self, params: &[Param], lists: &[&[ProcessMember]], mut env: Env) {
        let members = || lists.iter().flat_map(|list| list.iter());
        for member in members() {
            if let ProcessMember::Const(b) = member {
                env.set(&b.name.name, unknown());
            }
        }
        self.params(params, &env);
        let mut inside = env.clone();
        for member in members() {
            match member {
                ProcessMember::Port(p) => inside.set(&p.name.name, unknown()),
                ProcessMember::Var(v) => inside.set(&v.name.name, unknown()),
                _ => {}
            }
        }
        if !inside.names.contains_key("t") {
            inside.set("t", unknown());
        }
        for member in lists.first().into_iter().flat_map(|list| list.iter()) {
            match member {
                ProcessMember::Port(p) => self.dims(&p.ty.shape, &env),
                ProcessMember::Var(v) => {
                    self.dims(&v.ty.shape, &env);
                    v.init.iter().for_each(|e| self.expr(e, &env));
                }
                ProcessMember::Const(b) => self.expr(&b.value, &env),
                ProcessMember::Keeps(keeps) => self.expr(&keeps.value, &inside),
                ProcessMember::Phase(phase) => {
                    if !Phase::ALL.into_iter().any(|p| p.name() == phase.name.name) {
                        let loc = Loc { file: env.file, span: phase.name.span };
                        self.cx.sink.push(types::no_phase(&phase.name.name, loc));
                    }
                    phase.guard.iter().for_each(|e| self.expr(e, &inside));
                    self.block(&phase.body, inside.clone());
                }
            }
        }
    }

    fn params(&mut self, params: &[Param], env: &Env) {
        for param in params {
            if let Some(ty) = &param.ty {
                self.dims(&ty.shape, env);
            }
            param.default.iter().for_each(|e| self.expr(e, env));
            if let Some(range) = &param.range {
                let module = Env::module(env.file);
                self.expr(&range.lo, &module);
                self.expr(&range.hi, &module);
            }
        }
    }

    fn block(&mut self, stmts: &[Stmt], mut env: Env) {
        for stmt in stmts {
            match &stmt.kind {
                StmtKind::Let(b) => {
                    self.expr(&b.value, &env);
                    if let Some(ty) = &b.ty {
                        self.dims(&ty.shape, &env);
                    }
                    env.set(&b.name.name, unknown());
                }
                StmtKind::If { cond, then, els } => {
                    self.expr(cond, &env);
                    self.block(then, env.clone());
                    self.block(els, env.clone());
                }
                StmtKind::Assign { target, value, mask, .. } => {
                    self.target(target, &env);
                    self.expr(value, &env);
                    mask.iter().for_each(|e| self.expr(e, &env));
                }
            }
        }
    }

    /// Names of the file are none that can be assigned.
    fn target(&mut self, e: &Expr, env: &Env) {
        match &e.kind {
            ExprKind::Name(name) if !env.names.contains_key(name) => {
                self.cx.unknown_name(name, e.span, env);
            }
            ExprKind::Index(of, subscripts) => {
                self.target(of, env);
                self.subscripts(subscripts, env);
            }
            _ => {}
        }
    }

    fn dims(&mut self, dims: &[Dim], env: &Env) {
        for dim in dims {
            match dim {
                Dim::Size(e) => self.expr(e, env),
                Dim::Spread(name) => self.name(&name.name, name.span, env),
            }
        }
    }

    fn subscripts(&mut self, subscripts: &[Subscript], env: &Env) {
        for subscript in subscripts {
            match subscript {
                Subscript::At(e) => self.expr(e, env),
                Subscript::Range { lo, hi, .. } => {
                    lo.iter().chain(hi).for_each(|e| self.expr(e, env));
                }
            }
        }
    }

    fn args(&mut self, args: &[Arg], env: &Env) {
        args.iter().for_each(|arg| self.expr(&arg.value, env));
    }

    fn name(&mut self, name: &str, span: ast::Span, env: &Env) {
        let known = env.names.contains_key(name);
        if !known && self.cx.program.lookup(env.file, name).is_none() {
            self.cx.unknown_name(name, span, env);
        }
    }

    fn expr(&mut self, e: &Expr, env: &Env) {
        match &e.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::Name(name) => self.name(name, e.span, env),
            ExprKind::Field(of, _) => match dotted(e) {
                Some(parts) if parts.len() == 2 && self.is_module(parts[0], env) => {
                    if self.cx.program.lookup_path(env.file, &parts).is_none() {
                        self.cx.unknown_name(&parts.join("."), e.span, env);
                    }
                }
                _ => self.expr(of, env),
            },
            ExprKind::Call { callee, args } => {
                self.args(args, env);
                let name = match &callee.kind {
                    ExprKind::Name(name) => name,
                    ExprKind::Field(of, method) => {
                        self.expr(of, env);
                        &method.name
                    }
                    _ => return,
                };
                // What a process is not is told where one is instantiated.
                if !builtins::is_function(name) && self.cx.program.lookup(env.file, name).is_none()
                {
                    let at = Loc { file: env.file, span: callee.span };
                    let _ = builtins::call(self.cx, name, at, Vec::new(), at, env);
                }
            }
            ExprKind::Index(of, subscripts) => {
                self.expr(of, env);
                self.subscripts(subscripts, env);
            }
            ExprKind::Unary(_, a) => self.expr(a, env),
            ExprKind::Binary(_, a, b) => {
                self.expr(a, env);
                self.expr(b, env);
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item, env)),
        }
    }

    fn is_module(&self, name: &str, env: &Env) -> bool {
        let module = self.cx.program.lookup(env.file, name);
        !env.names.contains_key(name) && matches!(module, Some(Symbol::Module(_)))
    }

    fn network(&mut self, network: &Network) {
        let mut env = Env::module(0);
        known(&mut env, &network.shape_params, &network.params);
        for member in &network.members {
            if let NetworkMember::Const(b) = member {
                env.set(&b.name.name, unknown());
            }
        }
        self.params(&network.params, &env);
        // What each part and port is: the ports that can be named after it, where they are known.
        let mut parts: BTreeMap<&str, Option<Vec<String>>> = BTreeMap::new();
        for member in &network.members {
            match member {
                NetworkMember::Part(part) => {
                    let ports = self.part(&part.name, &part.value, &env);
                    parts.insert(&part.name.name, ports);
                }
                NetworkMember::Port(port) => {
                    self.dims(&port.ty.shape, &env);
                    parts.insert(&port.name.name, None);
                }
                NetworkMember::Const(b) => self.expr(&b.value, &env),
                NetworkMember::Connection(_) => {}
                NetworkMember::Reset(reset) => match &reset.when {
                    ResetWhen::Every { every, offset, stagger } => {
                        let times = [Some(every), offset.as_ref(), stagger.as_ref()];
                        times.into_iter().flatten().for_each(|e| self.expr(e, &env));
                    }
                    ResetWhen::At { at, .. } => self.expr(at, &env),
                },
            }
        }
        for member in &network.members {
            if let NetworkMember::Connection(c) = member {
                c.hops.iter().for_each(|hop| self.hop(hop, &parts, &env));
            }
        }
    }

    /// A part: what it is, and the names of its arguments. Its ports, where they are known.
    fn part(&mut self, name: &Ident, e: &Expr, env: &Env) -> Option<Vec<String>> {
        let (callee, args) = match &e.kind {
            ExprKind::Call { callee, args } => (&**callee, args.as_slice()),
            _ => (e, &[][..]),
        };
        let callee = match &callee.kind {
            ExprKind::Index(of, shape) => {
                self.subscripts(shape, env);
                of
            }
            _ => callee,
        };
        self.args(args, env);
        let path = dotted(callee)?;
        if path == ["netx"] || path == ["nir"] {
            return None;
        }
        let loc = Loc { file: env.file, span: callee.span };
        let Some(Symbol::Item(at)) = self.cx.program.lookup_path(env.file, &path) else {
            let wanted = path.join(".");
            let message = format!("there is no process or network `{wanted}`");
            let d = Diagnostic::new(Code::E0401, message, loc, "not found");
            let paths = self.cx.program.paths_in(env.file, &wanted);
            self.cx.sink.push(d.meant(&wanted, paths.iter().map(String::as_str), loc));
            return None;
        };
        let Some((ports, takes)) = self.declared(at) else {
            let message = format!("`{}` must be an instance of a process or network", name.name);
            self.cx.sink.push(Diagnostic::new(Code::E0204, message, loc, ""));
            return None;
        };
        for arg in args {
            let Some(given) = arg.name.as_ref().filter(|n| !takes.contains(&n.name)) else {
                continue;
            };
            let message = format!("`{}` has no parameter `{}`", path.join("."), given.name);
            let loc = Loc { file: env.file, span: given.span };
            let d = Diagnostic::new(Code::E0209, message, loc, "");
            let d = d.meant(&given.name, takes.iter().map(String::as_str), loc);
            self.cx.sink.push(d);
        }
        Some(ports)
    }

    /// The ports of a process or network, and the arguments it takes by name, whatever its model.
    fn declared(&self, at: ItemRef) -> Option<(Vec<String>, Vec<String>)> {
        let program = &self.cx.program;
        let (mut ports, mut takes) = (Vec::new(), Vec::new());
        let mut members = |members: &[ProcessMember], takes: &mut Vec<String>| {
            for member in members {
                match member {
                    ProcessMember::Port(p) => ports.push(p.name.name.clone()),
                    ProcessMember::Var(v) => takes.push(v.name.name.clone()),
                    _ => {}
                }
            }
        };
        match &program.item(at).kind {
            ItemKind::Process(p) => {
                takes.extend(p.params.iter().map(|p| p.name.name.clone()));
                members(&p.members, &mut takes);
                for model in program.models_of(at) {
                    if let ItemKind::Model(m) = &program.item(model).kind {
                        members(&m.members, &mut takes);
                    }
                }
            }
            ItemKind::Network(n) => {
                takes.extend(n.params.iter().map(|p| p.name.name.clone()));
                ports.extend(n.members.iter().filter_map(|m| match m {
                    NetworkMember::Port(p) => Some(p.name.name.clone()),
                    _ => None,
                }));
            }
            _ => return None,
        }
        Some((ports, takes))
    }

    fn hop(&mut self, e: &Expr, parts: &BTreeMap<&str, Option<Vec<String>>>, env: &Env) {
        let loc = Loc { file: env.file, span: e.span };
        if let Some(path) = dotted(e) {
            let not_found = |message| Diagnostic::new(Code::E0401, message, loc, "not found");
            let d = match (parts.get(path[0]), &e.kind) {
                (None, _) => {
                    let message = format!("this network has no part or port `{}`", path[0]);
                    let end = e.span.start + path[0].len() as u32;
                    let at = Loc { span: ast::Span { end, ..e.span }, ..loc };
                    not_found(message).meant(path[0], parts.keys().copied(), at)
                }
                (Some(Some(ports)), ExprKind::Field(_, port))
                    if path.len() == 2 && !ports.contains(&port.name) =>
                {
                    let message = format!("`{}` has no port `{}`", path[0], port.name);
                    let at = Loc { span: port.span, ..loc };
                    not_found(message).meant(&port.name, ports.iter().map(String::as_str), at)
                }
                _ => return,
            };
            self.cx.sink.push(d);
            return;
        }
        match &e.kind {
            ExprKind::Index(of, subscripts) => {
                self.hop(of, parts, env);
                self.subscripts(subscripts, env);
            }
            ExprKind::Call { callee, args } => match &callee.kind {
                ExprKind::Name(name) if name == "concat" => {
                    for arg in args {
                        match arg.name {
                            Some(_) => self.expr(&arg.value, env),
                            None => self.hop(&arg.value, parts, env),
                        }
                    }
                }
                ExprKind::Field(of, _) if !self.names_module(of, env) => {
                    self.hop(of, parts, env);
                    self.args(args, env);
                }
                _ => {
                    let name = Ident { name: "it".into(), span: e.span };
                    self.part(&name, e, env);
                }
            },
            _ => {}
        }
    }

    fn names_module(&self, e: &Expr, env: &Env) -> bool {
        dotted(e).is_some_and(|path| self.is_module(path[0], env))
    }
}
