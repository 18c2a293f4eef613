//! From the tree of networks to a flat graph of processes.

use super::params::{ParamState, Role};
use super::paths::{self, Named, Places};
use super::shapes::port_elem;
use super::tree::Tree;
use crate::resolve::{ItemRef, Piece, Program};
use crate::types::expr::{Leaf, Node, TExpr};
use crate::types::{Cx, ElemTy, Env, Eval, Stop, Val};
use snn_grammar::ast::{self, Direction, ItemKind, NetworkMember, ProcessMember, ResetWhen, Span};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Help, Loc};
use snn_ir::network::{Op, Range};
use snn_ir::scalar;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A run's network: processes and the connections between them.
pub struct InstanceGraph {
    /// The network's name.
    pub network: String,
    /// The processes, in order of declaration, depth first.
    pub instances: Vec<Instance>,
    /// The connections, by receiving port.
    pub connections: Vec<Connection>,
    /// The resets.
    pub resets: Vec<Reset>,
    /// Ports of networks that pass one process's messages on unchanged: path, and the
    /// process's port.
    pub aliases: Vec<(String, (usize, usize))>,
}

/// A process of the network.
#[derive(Clone)]
pub struct Instance {
    /// Its dotted path.
    pub path: String,
    /// Where the part is declared.
    pub loc: Loc,
    /// The process.
    pub process: ItemRef,
    /// Its name.
    pub process_name: String,
    /// Its model; the process itself for its default model.
    pub model: ItemRef,
    /// Parameters, dimensions, constants.
    pub env: Env,
    /// Its params: those of its parameters, and initial values given as arguments.
    pub params: Vec<InstanceParam>,
    /// Initial values given as arguments, by variable.
    pub inits: BTreeMap<String, (TExpr, Loc)>,
    /// Its ports.
    pub ports: Vec<Port>,
}

/// A param of an instance.
#[derive(Clone)]
pub struct InstanceParam {
    /// Its name.
    pub name: String,
    /// Its number in the context.
    pub number: u32,
    /// The values that are allowed, where the declaration says.
    pub range: Option<Range>,
    /// Where its value is given.
    pub loc: Loc,
}

/// A port of a process.
#[derive(Clone)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// In or out.
    pub direction: Direction,
    /// The type of a message's elements.
    pub ty: ElemTy,
    /// Where that is written.
    pub elem: Loc,
    /// The shape of a message.
    pub shape: Vec<usize>,
    /// Where it is declared.
    pub loc: Loc,
}

/// What one connection brings to an in port. Several into one port add.
pub struct Connection {
    /// The receiving instance and port.
    pub to: (usize, usize),
    /// The message, over [`Leaf::Remote`]; of the receiving port's shape.
    pub message: TExpr,
    /// The sending instances and ports.
    pub senders: Vec<(usize, usize)>,
    /// The connection in the source text.
    pub loc: Loc,
}

/// A reset.
pub struct Reset {
    /// What goes back to its initial value, without duplicates.
    pub targets: Vec<Named>,
    /// When.
    pub timing: Timing,
    /// In which phase (`spk`: before the dynamics of the step; `host`: between steps).
    pub phase: String,
    /// The statement.
    pub loc: Loc,
}

/// When a reset happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At steps with `t % every == offset % every`, `stagger` later for each layer.
    Every {
        /// The interval.
        every: u64,
        /// The residue for the first layer.
        offset: i64,
        /// Steps from layer to layer.
        stagger: i64,
    },
    /// At an epoch's start (or end), later by each layer's latency.
    Epoch {
        /// The epoch's period.
        every: u64,
        /// The residue.
        start: i64,
        /// Whether latencies are added.
        skew: bool,
    },
}

/// Flattens the tree.
pub fn flatten(cx: &mut Cx<'_>, tree: &Tree) -> Eval<InstanceGraph> {
    let leaves: Vec<usize> =
        (0..tree.nodes.len()).filter(|n| tree.nodes[*n].model.is_some()).collect();
    let number: BTreeMap<usize, usize> = leaves.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    let mut failed = check_edge_types(cx, tree);
    let instances: Vec<Instance> = leaves.iter().map(|n| instance(tree, *n)).collect();
    let mut arriving: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (at, edge) in tree.edges.iter().enumerate() {
        arriving.entry(edge.to).or_default().push(at);
    }
    let walk = |cx: &mut Cx<'_>, port| {
        Walk { cx, tree, number: &number, arriving: &arriving, trail: Vec::new() }.messages(port)
    };
    let mut connections = Vec::new();
    for (i, node) in leaves.iter().enumerate() {
        for port in tree.nodes[*node].ports_of(Direction::In) {
            match walk(cx, (*node, port)) {
                Ok(messages) => connections.extend(
                    messages.into_iter().map(|(message, loc)| connection((i, port), message, loc)),
                ),
                Err(_) => failed = true,
            }
        }
    }
    let mut aliases = Vec::new();
    for (id, node) in tree.nodes.iter().enumerate().filter(|(_, n)| n.model.is_none()) {
        for (port, state) in node.ports.iter().enumerate() {
            let Ok(messages) = walk(cx, (id, port)) else { continue };
            if let [(message, _)] = messages.as_slice()
                && let Node::Read(Leaf::Remote(i, p)) = &*message.node
            {
                let path = format!("{}.{}", node.path, state.name);
                aliases.push((path.trim_start_matches('.').to_string(), (*i, *p)));
            }
        }
    }
    let resets = resets(cx, tree, &instances);
    if failed {
        return Err(Stop::Reported);
    }
    let resets = resets?;
    let network = tree.nodes.first().map(|n| n.def_name.clone()).unwrap_or_default();
    Ok(InstanceGraph { network, instances, connections, resets, aliases })
}

/// Looks at what can be wrong in a tree of which not all shapes are known.
pub fn check_open(cx: &mut Cx<'_>, tree: &Tree) {
    let leaves = (0..tree.nodes.len()).filter(|n| tree.nodes[*n].model.is_some());
    let instances: Vec<Instance> = leaves.map(|n| instance(tree, n)).collect();
    // What is wrong is in the sink.
    check_edge_types(cx, tree);
    let _ = resets(cx, tree, &instances);
}

fn resets(cx: &mut Cx<'_>, tree: &Tree, instances: &[Instance]) -> Eval<Vec<Reset>> {
    let state = State::of(cx, instances);
    let lowered = tree.resets.iter().map(|(of, reset)| lower_reset(cx, tree, *of, reset, &state));
    let all: Vec<Eval<Reset>> = lowered.collect();
    all.into_iter().collect()
}

/// A process of the tree. Ports of which the shape is not known are open names.
pub fn instance(tree: &Tree, id: usize) -> Instance {
    let node = &tree.nodes[id];
    let mut env = node.env.clone();
    let mut ports = Vec::new();
    for p in &node.ports {
        match &p.shape {
            Some(shape) => ports.push(Port {
                name: p.name.clone(),
                direction: p.direction,
                ty: ElemTy::of(&p.ty),
                elem: ElemTy::of(&p.ty).place(Loc { file: p.file, span: p.ty.span }),
                shape: shape.clone(),
                loc: p.loc,
            }),
            None => env.forget(&p.name),
        }
    }
    let known = |p: &ParamState| match &p.known {
        Some(Val::Expr(e)) => Some(e.clone()),
        _ => None,
    };
    let place = |p: &ParamState| Loc { file: p.file, span: p.value.span };
    let inits = node.params.iter().filter(|p| matches!(p.role, Role::Init));
    let inits = inits.filter_map(|p| Some((p.name.clone(), (known(p)?, place(p)))));
    // A constant that is a param under another name is no param of its own.
    let params = node.params.iter().filter(|p| !matches!(p.role, Role::Const));
    let params = params.filter_map(|p| {
        let number = match &*known(p)?.node {
            Node::Read(Leaf::Param(number)) => *number,
            _ => return None,
        };
        Some(InstanceParam { name: p.name.clone(), number, range: p.range, loc: place(p) })
    });
    Instance {
        path: node.path.clone(),
        loc: node.loc,
        process: node.def,
        process_name: node.def_name.clone(),
        model: node.model.unwrap_or(node.def),
        env,
        params: params.collect(),
        inits: inits.collect(),
        ports,
    }
}

fn connection(to: (usize, usize), message: TExpr, loc: Loc) -> Connection {
    let mut senders = Vec::new();
    message.for_each_read(&mut |leaf| {
        if let Leaf::Remote(node, port) = leaf
            && !senders.contains(&(node, port))
        {
            senders.push((node, port));
        }
    });
    Connection { to, message, senders, loc }
}

/// Every connection must convert its elements without loss. True where one does not.
fn check_edge_types(cx: &mut Cx<'_>, tree: &Tree) -> bool {
    let mut failed = false;
    let mut seen: BTreeMap<[(usize, usize); 2], Loc> = BTreeMap::new();
    for edge in &tree.edges {
        let Ok(source) = tree.source(cx, &edge.from) else { continue };
        let to = port_elem(tree, edge.to);
        let mut senders = Vec::new();
        source.for_each_read(&mut |leaf| {
            if let Leaf::Remote(node, port) = leaf {
                senders.push((node, port));
            }
        });
        if let (super::connect::Sent::Port(node, port), [_]) = (&edge.from, senders.as_slice())
            && let Some(first) = seen.insert([(*node, *port), edge.to], edge.loc)
        {
            let d = Diagnostic::new(Code::E0502, "these two are connected twice", edge.loc, "")
                .label(first, "connected first here");
            let text = "remove one; to weigh a message twice, double the weights";
            let fix = without(cx.program, edge.loc).map(|edit| Fix::proposed(vec![edit]));
            cx.sink.push(d.help(Help { text: text.into(), fix }));
            failed = true;
        }
        for (node, port) in senders {
            let from = port_elem(tree, (node, port));
            if from.fits_in(to) {
                continue;
            }
            let (sender, receiver) = (&tree.nodes[node], &tree.nodes[edge.to.0]);
            let (out, into) = (&sender.ports[port], &receiver.ports[edge.to.1]);
            let message = format!("{} does not convert to {} without loss", from.text(), to.text());
            let d = Diagnostic::new(Code::E0203, message, edge.loc, "")
                .label(out.loc, format!("`{}.{}` sends {}", sender.shown(), out.name, from.text()))
                .label(
                    into.loc,
                    format!("`{}.{}` takes {}", receiver.shown(), into.name, to.text()),
                )
                .help("declare both ports with one type, or convert before sending");
            cx.sink.push(d);
            failed = true;
        }
    }
    failed
}

/// The text without a connection: its chain ends before it, begins with it or is two chains; one
/// that is nothing else goes with its line.
fn without(program: &Program, loc: Loc) -> Option<Edit> {
    let around = program.around(loc);
    let Some(Piece::Network(NetworkMember::Connection(chain))) = around.last() else { return None };
    let hop = chain.hops.iter().position(|hop| hop.span.end == loc.span.end)?;
    let (from, to) = (chain.hops.get(hop.checked_sub(1)?)?.span, chain.hops[hop].span);
    let part = |start, end| Loc { span: Span { start, end }, ..loc };
    Some(match (hop == 1, hop + 1 == chain.hops.len()) {
        (true, true) => {
            let file = program.sources.files.get(loc.file as usize)?;
            let whole = file.range(loc.span);
            let line = file.lines(whole.clone());
            let alone = file.text[line.clone()].trim() == &file.text[whole];
            let line = part(line.start as u32, line.end as u32 + 1);
            Edit::replace(if alone { line } else { loc }, "")
        }
        (true, false) => Edit::replace(part(from.start, to.start), ""),
        (false, true) => Edit::replace(part(from.end, to.end), ""),
        (false, false) => Edit::replace(part(from.end, to.start), "; "),
    })
}

/// Follows connections through the ports of networks back to processes.
struct Walk<'w, 'a> {
    cx: &'w mut Cx<'a>,
    tree: &'w Tree,
    number: &'w BTreeMap<usize, usize>,
    /// The edges into each port.
    arriving: &'w BTreeMap<(usize, usize), Vec<usize>>,
    trail: Vec<(usize, usize)>,
}

impl Walk<'_, '_> {
    /// What arrives at a port, one entry a sender (or group of joined senders).
    fn messages(&mut self, port: (usize, usize)) -> Eval<Vec<(TExpr, Loc)>> {
        if self.trail.contains(&port) {
            let node = &self.tree.nodes[port.0];
            let name = &node.ports[port.1].name;
            let message = format!("`{}.{name}` is connected to itself", node.shown());
            let d = Diagnostic::new(Code::E0501, message, node.loc, "");
            return Err(self.cx.fail(d.help("a circle of network ports carries no message")));
        }
        self.trail.push(port);
        let mut found = Vec::new();
        let tree = self.tree;
        for at in self.arriving.get(&port).into_iter().flatten() {
            let edge = &tree.edges[*at];
            let source = tree.source(self.cx, &edge.from)?;
            found.extend(self.resolved(source)?.into_iter().map(|e| (e, edge.loc)));
        }
        self.trail.pop();
        Ok(found)
    }

    /// The alternatives of a source once network ports are replaced by what arrives there. A
    /// port of a network converts nothing: the receiving process does.
    fn resolved(&mut self, e: TExpr) -> Eval<Vec<TExpr>> {
        match &*e.node {
            Node::Read(Leaf::Remote(node, port)) => match self.number.get(node) {
                Some(i) => Ok(vec![TExpr::read(Leaf::Remote(*i, *port), e.kind, e.shape)]),
                None => {
                    let arriving = self.messages((*node, *port))?;
                    Ok(arriving.into_iter().map(|(m, _)| m).collect())
                }
            },
            Node::Apply(op, args) => match (op, args.as_slice()) {
                (Op::Transpose(axes), [of]) => self.each(of, |x| x.transpose(axes.clone())),
                (Op::Slice(ranges), [of]) => self.each(of, |x| x.slice(ranges.clone())),
                (Op::Reshape, [of]) => self.each(of, |x| x.reshape(e.shape.clone())),
                (Op::Scalar(scalar::Op::Convert(_)), [of]) => self.resolved(of.clone()),
                (Op::Concat(axis), parts) => {
                    let parts = parts.iter().map(|p| self.sum(p)).collect::<Eval<Vec<_>>>()?;
                    TExpr::concat(parts, *axis)
                        .map(|joined| vec![joined])
                        .map_err(|_| Stop::Reported)
                }
                _ => Ok(vec![e]),
            },
            _ => Ok(vec![e]),
        }
    }

    fn each(&mut self, of: &TExpr, view: impl Fn(TExpr) -> TExpr) -> Eval<Vec<TExpr>> {
        Ok(self.resolved(of.clone())?.into_iter().map(view).collect())
    }

    /// All alternatives added; zeros where there is none.
    fn sum(&mut self, e: &TExpr) -> Eval<TExpr> {
        let mut all = self.resolved(e.clone())?.into_iter();
        let Some(first) = all.next() else {
            return Ok(TExpr::int(0).convert(e.kind).stretched(&e.shape));
        };
        all.try_fold(first, |a, b| TExpr::binary(scalar::Op::Add, a, b)).map_err(|_| Stop::Reported)
    }
}

/// The variables of an instance: name, and whether it holds messages in flight.
pub fn variables(cx: &Cx<'_>, process: ItemRef, model: ItemRef) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut take = |members: &[ProcessMember]| {
        for member in members {
            if let ProcessMember::Var(v) = member {
                match found.iter_mut().find(|(name, _)| *name == v.name.name) {
                    Some(known) => known.1 = v.in_flight,
                    None => found.push((v.name.name.clone(), v.in_flight)),
                }
            }
        }
    };
    if let ItemKind::Process(p) = &cx.program.item(process).kind {
        take(&p.members);
    }
    if let ItemKind::Model(m) = &cx.program.item(model).kind {
        take(&m.members);
    }
    found
}

/// Variables by name, and whether each holds messages in flight.
type Variables = Rc<[(String, bool)]>;

/// What resets can name: instances, and their variables.
struct State {
    places: Places,
    /// By instance.
    variables: Vec<Variables>,
}

impl State {
    fn of(cx: &Cx<'_>, instances: &[Instance]) -> State {
        let mut known: BTreeMap<(ItemRef, ItemRef), Variables> = BTreeMap::new();
        let variables = instances.iter().map(|i| {
            let of_model = known.entry((i.process, i.model));
            Rc::clone(of_model.or_insert_with(|| variables(cx, i.process, i.model).into()))
        });
        let variables = variables.collect();
        State { places: Places::new(instances.iter().map(|i| i.path.as_str())), variables }
    }
}

/// Where in a step resets can be.
const PHASES: [&str; 5] = ["spk", "pre_mgmt", "lrn", "post_mgmt", "host"];

fn lower_reset(
    cx: &mut Cx<'_>,
    tree: &Tree,
    network: usize,
    reset: &ast::Reset,
    state: &State,
) -> Eval<Reset> {
    let node = &tree.nodes[network];
    let env = &node.env;
    let file = node.def.file;
    let loc = Loc { file, span: reset.span };
    let names = |i: usize| state.variables[i].iter().map(|(name, _)| name.as_str()).collect();
    let mut targets = Vec::new();
    for pattern in &reset.targets {
        let found = state.places.targets(&node.path, pattern, names);
        if found.is_empty() {
            let lost = |part: &String| paths::may_be_within(pattern, part);
            if tree.lost.iter().any(|(of, part)| *of == network && lost(part)) {
                return Err(Stop::Open);
            }
            let message = "this names no state of the network";
            let at = Loc { file, span: pattern.span };
            let parts: Vec<&str> = node.children.keys().map(String::as_str).collect();
            let d = Diagnostic::new(Code::E0406, message, at, "matches nothing")
                .note(format!("its parts are {}", parts.join(", ")));
            let paths = state.places.paths(&node.path, names);
            let nearby = parts.iter().copied().chain(paths.iter().map(String::as_str));
            return Err(cx.fail(match paths::plain(pattern) {
                Some(path) => d.meant(&path, nearby, at),
                None => d,
            }));
        }
        // A whole instance stands for its memory, not for messages on their way.
        for target in found {
            match target {
                Named::Instance(i) => {
                    let memory = state.variables[i].iter().filter(|(_, in_flight)| !in_flight);
                    targets.extend(memory.map(|(name, _)| Named::Member(i, name.clone())));
                }
                member => targets.push(member),
            }
        }
    }
    targets.sort();
    targets.dedup();
    let timing = match &reset.when {
        ResetWhen::Every { every, offset, stagger } => {
            let n = cx.int(every, env)?;
            let offset = offset.as_ref().map_or(Ok(0), |e| cx.int(e, env))?;
            let stagger_given = stagger.as_ref();
            let stagger = stagger_given.map_or(Ok(0), |e| cx.int(e, env))?;
            let Some(every) = u64::try_from(n).ok().filter(|n| *n > 0) else {
                let at = Loc { file, span: every.span };
                let message = "a reset interval is at least one step";
                return Err(cx.fail(Diagnostic::new(
                    Code::E0204,
                    message,
                    at,
                    format!("this is {n}"),
                )));
            };
            if stagger < 0 {
                let at = Loc { file, span: stagger_given.map_or(reset.span, |e| e.span) };
                let message = "a reset is staggered by no step or more";
                let d = Diagnostic::new(Code::E0204, message, at, format!("this is {stagger}"));
                return Err(cx.fail(d.help("say with `offset` when the first target is reset")));
            }
            Timing::Every { every, offset, stagger }
        }
        ResetWhen::At { at, skew } => epoch_timing(cx, at, skew.as_ref(), env)?,
    };
    let phase = reset.phase.as_ref().map_or("spk", |p| p.name.as_str()).to_string();
    if !PHASES.contains(&phase.as_str()) {
        let at = Loc { file, span: reset.phase.as_ref().map_or(reset.span, |p| p.span) };
        let d = Diagnostic::new(Code::E0305, format!("there is no phase `{phase}`"), at, "")
            .meant(&phase, PHASES, at);
        return Err(cx.fail(d.help("a reset is in `spk` (the default), a later phase, or `host`")));
    }
    Ok(Reset { targets, timing, phase, loc })
}

fn epoch_timing(
    cx: &mut Cx<'_>,
    at: &ast::Expr,
    skew: Option<&ast::Ident>,
    env: &Env,
) -> Eval<Timing> {
    let loc = Loc { file: env.file, span: at.span };
    let ast::ExprKind::Field(of, moment) = &at.kind else {
        let message = "a reset is at an epoch's start, as in `at image.start`";
        return Err(cx.fail(Diagnostic::new(Code::E0204, message, loc, "")));
    };
    let (Val::Epoch { every, start }, "start" | "end") = (cx.eval(of, env)?, &*moment.name) else {
        let message = "a reset is at an epoch's `.start` or `.end`";
        let moment_at = Loc { file: env.file, span: moment.span };
        let d = Diagnostic::new(Code::E0204, message, loc, "");
        return Err(cx.fail(d.meant(&moment.name, ["start", "end"], moment_at)));
    };
    let start = if moment.name == "end" { start - 1 } else { start };
    let skew = match skew.map(|s| s.name.as_str()) {
        None | Some("none") => false,
        Some("auto") => true,
        Some(other) => {
            let span = skew.map_or(at.span, |s| s.span);
            let message = "`skew` is `none` or `auto`";
            let loc = Loc { file: env.file, span };
            let d = Diagnostic::new(Code::E0204, message, loc, "");
            return Err(cx.fail(d.meant(other, ["none", "auto"], loc)));
        }
    };
    Ok(Timing::Epoch { every: every as u64, start, skew })
}
