//! Connections: from the written chain to edges between ports.

use super::shapes::port_elem;
use super::tree::{Builder, Tree};
use crate::types::expr::{Leaf, TExpr};
use crate::types::{Cx, Eval, Stop, Val, builtins, dotted};
use snn_grammar::ast::{self, Direction, ExprKind, NetworkMember};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Help, Loc};
use std::collections::BTreeSet;

/// What a message may be looked at as on its way.
const VIEWS: [&str; 3] = ["flatten", "reshape", "transpose"];

/// A connection into one port.
pub struct Edge {
    /// What is received.
    pub from: Sent,
    /// The receiving port: node and position.
    pub to: (usize, usize),
    /// The hop in the source text.
    pub loc: Loc,
    /// What stands left of its arrow.
    pub sent: Loc,
    /// Whether an error was reported for it.
    pub bad: bool,
}

/// What goes into a connection: a port, or a view of ports.
#[derive(Clone)]
pub enum Sent {
    /// A port: node and position.
    Port(usize, usize),
    /// `of.method(args)`.
    Method {
        /// What is viewed.
        of: Box<Sent>,
        /// `flatten`, `reshape`, `transpose`.
        name: ast::Ident,
        /// Further arguments.
        args: Vec<ast::Arg>,
        /// The network it stands in.
        network: usize,
        /// Where.
        loc: Loc,
    },
    /// `of[…]`.
    Index {
        /// What is viewed.
        of: Box<Sent>,
        /// The subscripts.
        subscripts: Vec<ast::Subscript>,
        /// The network it stands in.
        network: usize,
        /// Where.
        loc: Loc,
    },
    /// `concat(a, b, axis: 1)`.
    Concat {
        /// What is joined.
        parts: Vec<Sent>,
        /// The axis, where written.
        axis: Option<ast::Expr>,
        /// The network it stands in.
        network: usize,
        /// Where.
        loc: Loc,
    },
}

impl Sent {
    /// Adds the nodes whose ports or parameters it looks at.
    pub fn nodes(&self, found: &mut BTreeSet<usize>) {
        match self {
            Sent::Port(node, _) => {
                found.insert(*node);
            }
            Sent::Method { of, network, .. } | Sent::Index { of, network, .. } => {
                found.insert(*network);
                of.nodes(found);
            }
            Sent::Concat { parts, network, .. } => {
                found.insert(*network);
                parts.iter().for_each(|part| part.nodes(found));
            }
        }
    }

    /// The part of which it is a view.
    fn part(&self) -> Option<usize> {
        match self {
            Sent::Port(node, _) => Some(*node),
            Sent::Method { of, .. } | Sent::Index { of, .. } => of.part(),
            Sent::Concat { .. } => None,
        }
    }

    /// It in words, and where its port is declared.
    pub fn described(&self, tree: &Tree) -> (String, Option<Loc>) {
        match self {
            Sent::Port(node, port) => {
                let (node, port) = (&tree.nodes[*node], &tree.nodes[*node].ports[*port]);
                (format!("`{}.{}`", node.shown(), port.name), Some(port.loc))
            }
            Sent::Method { of, .. } | Sent::Index { of, .. } => {
                let (text, loc) = of.described(tree);
                (format!("this view of {text}"), loc)
            }
            Sent::Concat { .. } => ("what is joined here".into(), None),
        }
    }
}

impl Tree {
    /// The source as an expression over out ports, once the shapes it needs are known.
    pub fn source(&self, cx: &mut Cx<'_>, source: &Sent) -> Eval<TExpr> {
        match source {
            Sent::Port(node, port) => {
                let shape = self.nodes[*node].ports[*port].shape.clone().ok_or(Stop::Open)?;
                let kind = port_elem(self, (*node, *port)).kind();
                Ok(TExpr::read(Leaf::Remote(*node, *port), kind, shape))
            }
            Sent::Method { of, name, args, network, loc } => {
                let base = self.source(cx, of)?;
                self.method(cx, base, name, args, *network, *loc)
            }
            Sent::Index { of, subscripts, network, loc } => {
                let base = self.source(cx, of)?;
                let env = self.nodes[*network].env.clone();
                cx.index(base, subscripts, *loc, &env)
            }
            Sent::Concat { parts, axis, network, loc } => {
                let parts = parts.iter().map(|p| self.source(cx, p)).collect::<Eval<Vec<_>>>()?;
                let env = self.nodes[*network].env.clone();
                let axis = axis.as_ref().map_or(Ok(0), |e| cx.size(e, &env))?;
                TExpr::concat(parts, axis).map_err(|m| cx.mismatch(m, *loc, None))
            }
        }
    }

    fn method(
        &self,
        cx: &mut Cx<'_>,
        base: TExpr,
        name: &ast::Ident,
        args: &[ast::Arg],
        network: usize,
        loc: Loc,
    ) -> Eval<TExpr> {
        let env = self.nodes[network].env.clone();
        let at = Loc { file: env.file, span: name.span };
        if !VIEWS.contains(&name.name.as_str()) {
            let message = format!("a connection has no view `{}`", name.name);
            let d = Diagnostic::new(Code::E0405, message, at, "").meant(&name.name, VIEWS, at);
            return Err(cx.fail(
                d.help("views are `.flatten()`, `.reshape([…])`, `.transpose(…)` and slices"),
            ));
        }
        let mut values =
            vec![builtins::Arg { name: None, value: Val::Expr(base), loc, written: None }];
        // `.reshape(28, 28)` and `.transpose(1, 0)` may list their sizes without brackets.
        if args.len() > 1 && args.iter().all(|a| a.name.is_none()) {
            let list = args.iter().map(|a| cx.eval(&a.value, &env)).collect::<Eval<Vec<_>>>()?;
            values.push(builtins::Arg {
                name: None,
                value: Val::List(list),
                loc: at,
                written: None,
            });
        } else {
            for arg in args {
                let value = cx.eval(&arg.value, &env)?;
                let (name, written) = (arg.name.clone(), Some(&arg.value));
                values.push(builtins::Arg { name, value, loc: at, written });
            }
        }
        match builtins::call(cx, &name.name, at, values, loc, &env)? {
            Val::Expr(e) => Ok(e),
            _ => Err(Stop::Reported),
        }
    }
}

/// The ports that a network's connections name, as `part.port`.
pub fn explicit_ports(network: &ast::Network) -> BTreeSet<(String, String)> {
    fn collect(e: &ast::Expr, into: &mut BTreeSet<(String, String)>) {
        if let Some(parts) = dotted(e) {
            if let [part, port] = parts.as_slice() {
                into.insert(((*part).into(), (*port).into()));
            }
            return;
        }
        match &e.kind {
            ExprKind::Call { callee, args } => {
                if let ExprKind::Field(of, _) = &callee.kind {
                    collect(of, into);
                }
                args.iter().for_each(|a| collect(&a.value, into));
            }
            ExprKind::Index(of, _) => collect(of, into),
            _ => {}
        }
    }
    let mut ports = BTreeSet::new();
    for member in &network.members {
        if let NetworkMember::Connection(c) = member {
            c.hops.iter().for_each(|hop| collect(hop, &mut ports));
        }
    }
    ports
}

/// Adds the edges of a chain.
pub fn chain(
    builder: &mut Builder<'_, '_>,
    network: usize,
    connection: &ast::Connection,
    explicit: &BTreeSet<(String, String)>,
) -> Eval<()> {
    let mut chain = Chain { builder, network, explicit, connection };
    chain.turned()?;
    let mut previous: Option<(Sent, &ast::Expr)> = None;
    let last = connection.hops.len().saturating_sub(1);
    for (i, hop) in connection.hops.iter().enumerate() {
        if i == last {
            chain.received_whole(hop)?;
        }
        let base = chain.base(hop)?;
        if let Some((from, start)) = previous.take() {
            let to = chain.receiver(hop, &base)?;
            let (loc, sent) = (chain.loc(start.span.to(hop.span)), chain.loc(start.span));
            chain.builder.tree.edges.push(Edge { from, to, loc, sent, bad: false });
        }
        if i < last {
            previous = Some((chain.sender(hop, &base)?, hop));
        }
    }
    Ok(())
}

/// What a hop names.
enum Base {
    /// A port of the network itself, or a part's.
    Port(usize, usize),
    /// A part, without a port.
    Part(usize),
    /// A view of something.
    View(Sent),
}

struct Chain<'c, 'b, 'a> {
    builder: &'c mut Builder<'b, 'a>,
    network: usize,
    explicit: &'c BTreeSet<(String, String)>,
    connection: &'c ast::Connection,
}

impl Chain<'_, '_, '_> {
    fn file(&self) -> u32 {
        self.builder.tree.nodes[self.network].def.file
    }

    fn loc(&self, span: ast::Span) -> Loc {
        Loc { file: self.file(), span }
    }

    fn fail(&mut self, diagnostic: Diagnostic) -> Stop {
        self.builder.cx.fail(diagnostic)
    }

    fn text(&self, span: ast::Span) -> &str {
        let file = self.builder.cx.program.sources.files.get(self.file() as usize);
        file.map_or("", |file| &file.text[file.range(span)])
    }

    /// A connection of two ports that leads from the one that receives to the one that sends.
    fn turned(&mut self) -> Eval<()> {
        let [left, right] = self.connection.hops.as_slice() else { return Ok(()) };
        if dotted(left).is_none() || dotted(right).is_none() {
            return Ok(());
        }
        let (Base::Port(a, x), Base::Port(b, y)) = (self.base(left)?, self.base(right)?) else {
            return Ok(());
        };
        if self.sends(a, x) || !self.sends(b, y) {
            return Ok(());
        }
        let port = |node: usize, port: usize| &self.builder.tree.nodes[node].ports[port];
        let (x, y) = (port(a, x), port(b, y));
        let message =
            format!("`{}` receives and `{}` sends, not the other way round", x.name, y.name);
        let d = Diagnostic::new(Code::E0405, message, self.loc(self.connection.span), "")
            .label(x.loc, "this receives")
            .label(y.loc, "this sends");
        // There is no other connection of these two.
        let fix = Fix::safe(vec![
            Edit::replace(self.loc(left.span), self.text(right.span)),
            Edit::replace(self.loc(right.span), self.text(left.span)),
        ]);
        Err(self.fail(d.fix("turn the connection round", fix)))
    }

    /// Requires that the end of a chain is not a view: a view is of what is sent.
    fn received_whole(&mut self, e: &ast::Expr) -> Eval<()> {
        let viewed = |e: &ast::Expr| match &e.kind {
            ExprKind::Index(of, _) => Some((**of).clone()),
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Field(of, _) => Some((**of).clone()),
                _ => None,
            },
            _ => None,
        };
        let mut whole = e.clone();
        while !self.builder.is_part(&whole, self.file())
            && let Some(of) = viewed(&whole)
        {
            whole = of;
        }
        if whole.span == e.span {
            return Ok(());
        }
        let d = Diagnostic::new(Code::E0405, "a view cannot receive", self.loc(e.span), "");
        let view = ast::Span { start: whole.span.end, end: e.span.end };
        let before = self.connection.hops.iter().rev().nth(1).map_or(e.span, |hop| hop.span);
        let fix = Fix::proposed(vec![
            Edit::after(self.loc(before), self.text(view)),
            Edit::replace(self.loc(view), ""),
        ]);
        Err(self.fail(d.fix("put the view on the left", fix)))
    }

    fn base(&mut self, e: &ast::Expr) -> Eval<Base> {
        let loc = self.loc(e.span);
        if self.builder.is_part(e, self.file()) {
            let name = self.builder.name_in_place(self.network, e);
            let env = self.builder.tree.nodes[self.network].env.clone();
            return Ok(Base::Part(self.builder.part(Some(self.network), &name, e, &env)?));
        }
        if let Some(parts) = dotted(e) {
            let parts: Vec<String> = parts.into_iter().map(String::from).collect();
            return self.named(&parts, e);
        }
        match &e.kind {
            ExprKind::Index(of, subscripts) => {
                let of = Box::new(self.source_of(of)?);
                let (subscripts, network) = (subscripts.clone(), self.network);
                Ok(Base::View(Sent::Index { of, subscripts, network, loc }))
            }
            ExprKind::Call { callee, args } => match &callee.kind {
                ExprKind::Field(of, method) => {
                    let of = Box::new(self.source_of(of)?);
                    let (name, args, network) = (method.clone(), args.clone(), self.network);
                    Ok(Base::View(Sent::Method { of, name, args, network, loc }))
                }
                ExprKind::Name(name) if name == "concat" => {
                    let mut parts = Vec::new();
                    let mut axis = None;
                    for arg in args {
                        match &arg.name {
                            Some(name) if name.name == "axis" => axis = Some(arg.value.clone()),
                            _ => parts.push(self.source_of(&arg.value)?),
                        }
                    }
                    let network = self.network;
                    Ok(Base::View(Sent::Concat { parts, axis, network, loc }))
                }
                ExprKind::Name(name) => {
                    let message = format!("there is no process `{name}`");
                    let at = self.loc(callee.span);
                    let d = Diagnostic::new(Code::E0401, message, at, "not found");
                    let names = self.builder.cx.program.names_in(self.file());
                    Err(self.fail(d.meant(name, names, at)))
                }
                _ => Err(self.not_connectable(loc)),
            },
            _ => Err(self.not_connectable(loc)),
        }
    }

    fn not_connectable(&mut self, loc: Loc) -> Stop {
        let message = "only ports can be connected";
        self.fail(
            Diagnostic::new(Code::E0405, message, loc, "")
                .help("name a part, a part's port, or a port of this network"),
        )
    }

    /// `part`, `part.port`, or a port of the network.
    fn named(&mut self, parts: &[String], e: &ast::Expr) -> Eval<Base> {
        let loc = self.loc(e.span);
        let node = &self.builder.tree.nodes[self.network];
        let child = node.children.get(&parts[0]).copied();
        if let (Some(child), [_]) = (child, parts) {
            return Ok(Base::Part(child));
        }
        if let (Some(child), [_, port]) = (child, parts) {
            let ports = &self.builder.tree.nodes[child].ports;
            if let Some(position) = ports.iter().position(|p| p.name == *port) {
                return Ok(Base::Port(child, position));
            }
            let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
            let written = match &e.kind {
                ExprKind::Field(_, name) => self.loc(name.span),
                _ => loc,
            };
            let message = format!("`{}` has no port `{port}`", parts[0]);
            let d = Diagnostic::new(Code::E0401, message, loc, "not found")
                .note(format!("its ports are {}", names.join(", ")))
                .meant(port, names, written);
            return Err(self.fail(d));
        }
        if let [port] = parts
            && let Some(position) = node.ports.iter().position(|p| p.name == *port)
        {
            return Ok(Base::Port(self.network, position));
        }
        if self.builder.tree.lost.contains(&(self.network, parts[0].clone())) {
            return Err(Stop::Open);
        }
        let known = node.children.keys().chain(node.ports.iter().map(|p| &p.name));
        let first = ast::Span { end: e.span.start + parts[0].len() as u32, ..e.span };
        let message = format!("this network has no part or port `{}`", parts[0]);
        let d = Diagnostic::new(Code::E0401, message, loc, "not found").meant(
            &parts[0],
            known.map(String::as_str),
            self.loc(first),
        );
        Err(self.fail(match parts.len() > 2 {
            true => d.note("a connection reaches the parts of this network, not their parts"),
            false => d,
        }))
    }

    /// The hop as something that sends.
    fn source_of(&mut self, e: &ast::Expr) -> Eval<Sent> {
        let base = self.base(e)?;
        self.sender(e, &base)
    }

    fn sender(&mut self, e: &ast::Expr, base: &Base) -> Eval<Sent> {
        match base {
            Base::View(source) => Ok(source.clone()),
            Base::Part(node) => {
                let port = self.free_port(*node, Direction::Out, e)?;
                Ok(Sent::Port(*node, port))
            }
            Base::Port(node, port) => {
                self.direction(*node, *port, Direction::Out, e)?;
                Ok(Sent::Port(*node, *port))
            }
        }
    }

    fn receiver(&mut self, e: &ast::Expr, base: &Base) -> Eval<(usize, usize)> {
        match base {
            Base::Part(node) => Ok((*node, self.free_port(*node, Direction::In, e)?)),
            Base::Port(node, port) => {
                self.direction(*node, *port, Direction::In, e)?;
                Ok((*node, *port))
            }
            // In the middle of a chain, a view is of what the part sends.
            Base::View(view) => match view.part() {
                Some(node) if node != self.network => {
                    Ok((node, self.free_port(node, Direction::In, e)?))
                }
                _ => {
                    let message = "what is joined cannot receive";
                    let d = Diagnostic::new(Code::E0405, message, self.loc(e.span), "");
                    Err(self.fail(d.help("connect each part by itself, and begin a chain with it")))
                }
            },
        }
    }

    /// Whether a port can stand left of an arrow. Seen from inside, a network's own `in` port
    /// sends.
    fn sends(&self, node: usize, port: usize) -> bool {
        let inside = node == self.network;
        (self.builder.tree.nodes[node].ports[port].direction == Direction::Out) != inside
    }

    /// Requires that a port can send (`Out`) or receive (`In`) here.
    fn direction(
        &mut self,
        node: usize,
        port: usize,
        wanted: Direction,
        e: &ast::Expr,
    ) -> Eval<()> {
        if self.sends(node, port) == (wanted == Direction::Out) {
            return Ok(());
        }
        let ports = &self.builder.tree.nodes[node].ports;
        let p = &ports[port];
        let mut fitting =
            (0..ports.len()).filter(|p| self.sends(node, *p) != self.sends(node, port));
        let only = fitting.next().filter(|_| fitting.next().is_none());
        let other = match &e.kind {
            ExprKind::Field(_, written) => only.map(|p| (written.span, ports[p].name.clone())),
            _ => None,
        };
        let (name, declared) = (p.name.clone(), p.loc);
        let message = match wanted {
            Direction::Out => format!("`{name}` receives; it cannot stand left of `->`"),
            Direction::In => format!("`{name}` sends; it cannot stand right of `->`"),
        };
        let loc = self.loc(e.span);
        let d = Diagnostic::new(Code::E0405, message, loc, "").label(declared, "declared here");
        let d = d.help(Help {
            text: "turn the connection round, or name another port".into(),
            fix: other.map(|(at, port)| Fix::proposed(vec![Edit::replace(self.loc(at), port)])),
        });
        Err(self.fail(d))
    }

    /// The only port of a direction, or the only one that no connection names.
    fn free_port(&mut self, node: usize, direction: Direction, e: &ast::Expr) -> Eval<usize> {
        let n = &self.builder.tree.nodes[node];
        let all = n.ports_of(direction);
        if let [only] = all.as_slice() {
            return Ok(*only);
        }
        let part = n.parent.and_then(|_| n.path.rsplit('.').next());
        let named = |port: &usize| {
            part.is_some_and(|part| {
                self.explicit.contains(&(part.to_string(), n.ports[*port].name.clone()))
            })
        };
        let free: Vec<usize> = all.iter().copied().filter(|p| !named(p)).collect();
        if let [only] = free.as_slice() {
            return Ok(*only);
        }
        let names: Vec<String> = all.iter().map(|p| n.ports[*p].name.clone()).collect();
        let (shown, declared) = (n.shown().to_string(), n.loc);
        let verb = if direction == Direction::In { "receives on" } else { "sends on" };
        let loc = self.loc(e.span);
        let d = if names.is_empty() {
            let way = if direction == Direction::In { "in" } else { "out" };
            let message = format!("`{shown}` has no `{way}` port");
            Diagnostic::new(Code::E0405, message, loc, "").label(declared, "declared here")
        } else {
            let message = format!("which port of `{shown}`? It {verb} {}", names.join(", "));
            // Inside its network.
            let part = shown.rsplit('.').next().unwrap_or(&shown);
            let hint = format!("name one: `{part}.{}`", names[0]);
            let fix = self.named_port(e, direction, part, &names[0]);
            Diagnostic::new(Code::E0405, message, loc, "").help(Help { text: hint, fix })
        };
        Err(self.fail(d))
    }

    /// Names a port of a hop: at an end of its chain, or where the chain then goes on anew. What is
    /// written in place gets a name first.
    fn named_port(&self, e: &ast::Expr, way: Direction, part: &str, port: &str) -> Option<Fix> {
        let hops = &self.connection.hops;
        let hop = hops.iter().position(|hop| hop.span == e.span)?;
        let name = match &e.kind {
            ExprKind::Name(name) => name,
            _ => part,
        };
        let named = match way {
            Direction::Out if hop == 0 => format!("{name}.{port}"),
            Direction::Out => format!("{name}; {name}.{port}"),
            Direction::In if hop + 1 == hops.len() => format!("{name}.{port}"),
            Direction::In => format!("{name}.{port}; {name}"),
        };
        Some(Fix::proposed(match (&e.kind, hop) {
            (ExprKind::Name(_), _) => vec![Edit::replace(self.loc(e.span), named)],
            (_, 0) => {
                let text = format!("{name} = {}; {named}", self.text(e.span));
                vec![Edit::replace(self.loc(e.span), text)]
            }
            _ => vec![
                Edit::before(
                    self.loc(self.connection.span),
                    format!("{name} = {}; ", self.text(e.span)),
                ),
                Edit::replace(self.loc(e.span), named),
            ],
        }))
    }
}
