//! The type check: every process's statements, typed, as a network of the network IR.

use super::ElemTy;
use super::body::{Body, Parts};
use super::emit::{self, Emitter};
use super::expr::{Leaf, Node, TExpr};
use super::keeps::Losses;
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use crate::elaborate::{Connection, Instance, InstanceGraph, Reset};
use crate::resolve::ItemRef;
use snn_grammar::ast::{self, ItemKind, ProcessMember};
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    self, BodyId, Clocks, Data, InstanceId, Link, Network, Op, Param, ParamId, Run, Sender, Slot,
    TensorId, ValueId, VarKind,
};
use std::collections::{BTreeMap, HashMap};

/// A network whose every statement has types and shapes, and what the clock check resolves.
pub struct Typed {
    /// The network, without queues, resets and records.
    pub network: Network,
    /// Its resets, as they are written.
    pub resets: Vec<Reset>,
    /// Ports of networks that pass one process's messages on: path, and the process's port.
    pub aliases: Vec<(String, (usize, usize))>,
}

/// A state variable.
pub struct Var {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub ty: ElemTy,
    /// Where that is written.
    pub elem: Loc,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its initial value, known before the first step, of the variable's kind; a scalar or of
    /// its shape.
    pub init: TExpr,
    /// Whether it holds messages in flight.
    pub in_flight: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// Checks all processes.
pub fn check(cx: &mut Cx<'_>, graph: InstanceGraph) -> Eval<Typed> {
    let mut checker = Checker {
        network: empty(graph.network),
        tensors: Tensors::default(),
        bodies: BTreeMap::new(),
        losses: Losses::default(),
    };
    let mut failed = false;
    for instance in &graph.instances {
        failed |= checker.instance(cx, instance).is_err();
    }
    for connection in &graph.connections {
        failed |= checker.link(cx, connection).is_err();
    }
    if failed {
        return Err(Stop::Reported);
    }
    for connection in &graph.connections {
        let (losses, network) = (&mut checker.losses, &checker.network);
        failed |= losses.of_messages(cx, &graph.instances, connection, network).is_err();
    }
    std::mem::take(&mut checker.losses).report(cx);
    if failed {
        return Err(Stop::Reported);
    }
    checker.share_structure();
    Ok(Typed { network: checker.network, resets: graph.resets, aliases: graph.aliases })
}

/// Checks one process, with no network around it.
pub fn check_alone(cx: &mut Cx<'_>, instance: &Instance) -> Eval<()> {
    let (tensors, bodies) = (Tensors::default(), BTreeMap::new());
    let losses = Losses::default();
    Checker { network: empty(String::new()), tensors, bodies, losses }.instance(cx, instance)
}

fn empty(name: String) -> Network {
    Network {
        name,
        tensors: Vec::new(),
        params: Vec::new(),
        clocks: Clocks::from([Clock::always()]),
        bodies: Vec::new(),
        instances: Vec::new(),
        links: Vec::new(),
        resets: Vec::new(),
        run: Run {
            name: String::new(),
            target: network::Target::Rust,
            steps: 0,
            open: false,
            records: Vec::new(),
            values: Vec::new(),
            reports: Vec::new(),
            expectations: Vec::new(),
        },
    }
}

struct Checker {
    network: Network,
    tensors: Tensors,
    /// The bodies of each process and model, with an instance of each.
    bodies: BTreeMap<(ItemRef, ItemRef), Vec<(BodyId, usize)>>,
    /// What is lost of what instances are given.
    losses: Losses,
}

impl Checker {
    fn instance(&mut self, cx: &mut Cx<'_>, instance: &Instance) -> Eval<()> {
        cx.met.insert(instance.model);
        let (vars, wrong) = variables(cx, instance);
        if !wrong.is_empty() {
            let mut instance = instance.clone();
            wrong.iter().for_each(|name| instance.env.forget(name));
            // The phases are looked at all the same: what is wrong there is said too.
            let (_, _, phases) = model_of(cx, &instance);
            let _ = typed(cx, &instance, &vars, &phases);
            return Err(Stop::Reported);
        }
        let at = self.network.instances.len();
        let mut args = Vec::new();
        let mut slots = Vec::new();
        for param in &instance.params {
            let value = cx.params[param.number as usize].value.clone();
            let tensor = emit::intern(&mut self.tensors, &mut self.network, &value);
            args.push(ParamId(self.network.params.len() as u32));
            self.network.params.push(Param {
                path: format!("{}.{}", instance.path, param.name),
                range: param.range,
                structural: cx.params[param.number as usize].structural,
                tensor,
                place: param.loc,
            });
            let (name, kind, shape) = (param.name.clone(), value.kind, value.shape.clone());
            slots.push(Slot { name, kind, shape });
        }
        let tensors: Vec<TensorId> =
            args.iter().map(|a| self.network.params[a.at()].tensor).collect();
        self.losses.of_params(cx, instance, &tensors)?;
        let shared = self.shared(instance, &vars, &slots, &args);
        let body = match shared {
            Some(body) => body,
            None => {
                let body = self.body(cx, instance, vars, slots)?;
                for (param, arg) in instance.params.iter().zip(&args) {
                    let known = &cx.params[param.number as usize];
                    self.network.params[arg.at()].structural = known.structural;
                    // A file that was read to decide something, or to be computed with.
                    if known.value.value().is_some() {
                        let value = known.value.clone();
                        let tensor = emit::intern(&mut self.tensors, &mut self.network, &value);
                        self.network.params[arg.at()].tensor = tensor;
                    }
                }
                let key = (instance.process, instance.model);
                self.bodies.entry(key).or_default().push((body, at));
                body
            }
        };
        self.network.instances.push(network::Instance {
            path: instance.path.clone(),
            body,
            args,
            arrival: (0, 0),
            place: instance.loc,
        });
        Ok(())
    }

    /// The body of an instance that does the same, whatever the params are that nothing was
    /// decided by.
    fn shared(
        &self,
        instance: &Instance,
        vars: &[Var],
        slots: &[Slot],
        args: &[ParamId],
    ) -> Option<BodyId> {
        let candidates = self.bodies.get(&(instance.process, instance.model))?;
        let found = candidates.iter().find(|(body, of)| {
            let body = &self.network.bodies[body.at()];
            let ports = body.ports.len() == instance.ports.len()
                && body.ports.iter().zip(&instance.ports).all(|(a, b)| a.shape == b.shape);
            let state = body.vars.iter().zip(vars).all(|(a, b)| {
                let literal = b.init.params().is_empty();
                a.shape == b.shape && (!literal || self.same_init(body, a.init, &b.init))
            });
            let known = &self.network.instances[*of].args;
            let decided = known.iter().zip(args).all(|(a, b)| {
                let (a, b) = (&self.network.params[a.at()], &self.network.params[b.at()]);
                let file = |t: TensorId| matches!(self.network.tensors[t.at()].data, Data::File(_));
                let free = !a.structural && !b.structural && file(a.tensor) == file(b.tensor);
                free || a.tensor == b.tensor
            });
            ports && state && body.slots == slots && decided && same_names(&body.slots, slots)
        });
        found.map(|(body, _)| *body)
    }

    /// Whether a variable's initial value in a body is this constant.
    fn same_init(&self, body: &network::Body, known: ValueId, init: &TExpr) -> bool {
        let (Op::Const(tensor), Node::Const(constant)) = (&body.values[known.at()].op, &*init.node)
        else {
            return false;
        };
        let tensor = &self.network.tensors[tensor.at()];
        tensor.kind == init.kind && tensor.constant().is_some_and(|known| known == *constant)
    }

    fn body(
        &mut self,
        cx: &mut Cx<'_>,
        instance: &Instance,
        vars: Vec<Var>,
        slots: Vec<Slot>,
    ) -> Eval<BodyId> {
        let (tag, resources, phases) = model_of(cx, instance);
        let (lets, stmts) = typed(cx, instance, &vars, &phases)?;
        let inits = vars.iter().map(|v| v.init.clone()).collect();
        let body = network::Body {
            process: instance.process_name.clone(),
            tag,
            standard: cx.program.prelude.contains(&instance.process.file),
            resources,
            slots,
            vars: vars
                .into_iter()
                .map(|v| network::Var {
                    name: v.name,
                    kind: if v.in_flight { VarKind::Flight } else { VarKind::State },
                    ty: v.ty,
                    shape: v.shape,
                    init: ValueId(0),
                    place: v.loc,
                })
                .collect(),
            ports: instance
                .ports
                .iter()
                .map(|p| network::Port {
                    name: p.name.clone(),
                    direction: p.direction,
                    ty: p.ty,
                    shape: p.shape.clone(),
                    place: p.loc,
                })
                .collect(),
            values: Vec::new(),
            phases: Default::default(),
        };
        let typed = emit::Typed {
            lets,
            stmts,
            inits,
            consts: constants(cx, instance),
            slots: instance.params.iter().map(|p| p.number).collect(),
        };
        let body = emit::body(cx, &mut self.network, &mut self.tensors, body, &typed, instance.loc);
        self.network.bodies.push(body.ok_or(Stop::Reported)?);
        Ok(BodyId(self.network.bodies.len() as u32 - 1))
    }

    fn link(&mut self, cx: &mut Cx<'_>, connection: &Connection) -> Eval<()> {
        let message = cx.dense(connection.message.clone(), connection.loc)?;
        let senders: Vec<Sender> = connection
            .senders
            .iter()
            .map(|(i, p)| Sender {
                from: (InstanceId(*i as u32), *p as u32),
                queue: None,
                instant: false,
            })
            .collect();
        let at = connection.loc;
        let mut emitter = Emitter::new(&mut self.network, &mut self.tensors);
        let mut inputs: HashMap<usize, ValueId> = HashMap::new();
        let mut types: HashMap<usize, (snn_ir::scalar::Kind, Vec<usize>)> = HashMap::new();
        forms(&message, &connection.senders, &mut types);
        let result = emitter.expr(&message, at, &mut |emitter, leaf| {
            let Leaf::Remote(i, p) = leaf else { return ValueId(0) };
            let sender = connection.senders.iter().position(|s| *s == (i, p)).unwrap_or(0);
            *inputs.entry(sender).or_insert_with(|| {
                let (kind, shape) =
                    types.get(&sender).cloned().unwrap_or((snn_ir::scalar::Kind::Int, Vec::new()));
                emitter.push(Op::Input(sender as u32), Vec::new(), (kind, &shape), at)
            })
        });
        let values = emitter.values;
        let to = (InstanceId(connection.to.0 as u32), connection.to.1 as u32);
        self.network.links.push(Link { to, senders, values, result, place: at });
        Ok(())
    }

    /// What is structural for one instance of a body is structural for all.
    fn share_structure(&mut self) {
        let mut structural: Vec<Vec<bool>> =
            self.network.bodies.iter().map(|b| vec![false; b.slots.len()]).collect();
        for instance in &self.network.instances {
            for (slot, arg) in structural[instance.body.at()].iter_mut().zip(&instance.args) {
                *slot |= self.network.params[arg.at()].structural;
            }
        }
        for instance in &self.network.instances {
            for (slot, arg) in structural[instance.body.at()].iter().zip(&instance.args) {
                self.network.params[arg.at()].structural = *slot;
            }
        }
    }
}

/// The phases of a process, typed.
fn typed(
    cx: &mut Cx<'_>,
    instance: &Instance,
    vars: &[Var],
    phases: &[(ast::Phase, u32)],
) -> Eval<Parts> {
    let mut typing = Body::new(cx, instance, vars, &instance.ports);
    for (phase, file) in phases {
        typing.phase(phase, *file);
    }
    typing.finish()
}

fn same_names(a: &[Slot], b: &[Slot]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.name == b.name)
}

/// The kinds and shapes of what senders send, as a message reads them.
fn forms(
    e: &TExpr,
    senders: &[(usize, usize)],
    into: &mut HashMap<usize, (snn_ir::scalar::Kind, Vec<usize>)>,
) {
    if let Node::Read(Leaf::Remote(i, p)) = &*e.node
        && let Some(sender) = senders.iter().position(|s| s == &(*i, *p))
    {
        into.insert(sender, (e.kind, e.shape.clone()));
    }
    for child in e.children() {
        forms(child, senders, into);
    }
}

/// The model's tag, what it runs on, and its phases.
fn model_of(
    cx: &Cx<'_>,
    instance: &Instance,
) -> (Option<String>, Vec<String>, Vec<(ast::Phase, u32)>) {
    let file = instance.model.file;
    let (tag, resources, members) = match &cx.program.item(instance.model).kind {
        ItemKind::Model(m) => {
            let resources = m.resources.iter().map(|r| r.name.clone()).collect();
            (Some(m.tag.name.clone()), resources, &m.members)
        }
        ItemKind::Process(p) => (None, Vec::new(), &p.members),
        _ => return (None, Vec::new(), Vec::new()),
    };
    let phases = members.iter().filter_map(|m| match m {
        ProcessMember::Phase(phase) => Some((phase.clone(), file)),
        _ => None,
    });
    (tag, resources, phases.collect())
}

/// The constants of the process and its model that are numbers or arrays, by name.
fn constants(cx: &Cx<'_>, instance: &Instance) -> Vec<(String, TExpr)> {
    let mut found: Vec<(String, TExpr)> = Vec::new();
    for item in [instance.process, instance.model] {
        let members = match &cx.program.item(item).kind {
            ItemKind::Process(p) => &p.members,
            ItemKind::Model(m) => &m.members,
            _ => continue,
        };
        for member in members {
            if let ProcessMember::Const(constant) = member
                && let Some(Val::Expr(e)) = instance.env.names.get(&constant.name.name)
                && e.is_static()
                && found.iter().all(|(known, _)| *known != constant.name.name)
            {
                found.push((constant.name.name.clone(), e.clone()));
            }
        }
    }
    found
}

/// The variables of the process, each as its model redeclares it; and the names of those that
/// are declared wrong.
fn variables(cx: &mut Cx<'_>, instance: &Instance) -> (Vec<Var>, Vec<String>) {
    let mut declared: Vec<(&ast::Var, u32)> = Vec::new();
    let trees = [instance.process, instance.model].map(|item| (item, cx.program.tree(item)));
    for (item, tree) in &trees {
        let members = match &tree.items[item.item as usize].kind {
            ItemKind::Process(p) => &p.members,
            ItemKind::Model(m) => &m.members,
            _ => continue,
        };
        for member in members {
            let ProcessMember::Var(v) = member else { continue };
            match declared.iter_mut().find(|(known, _)| known.name.name == v.name.name) {
                Some((known, file)) if *file == item.file && known.span == v.span => {}
                Some(known) => *known = (v, item.file),
                None => declared.push((v, item.file)),
            }
        }
    }
    let (mut vars, mut wrong) = (Vec::new(), Vec::new());
    for (v, file) in &declared {
        match variable(cx, instance, v, *file) {
            Ok(var) => vars.push(var),
            Err(_) => wrong.push(v.name.name.clone()),
        }
    }
    (vars, wrong)
}

fn variable(cx: &mut Cx<'_>, instance: &Instance, v: &ast::Var, file: u32) -> Eval<Var> {
    let ty = ElemTy::of(&v.ty);
    let env = Env { file, ..instance.env.clone() };
    let shape = crate::elaborate::dims(cx, &v.ty.shape, &env)?;
    let loc = Loc { file, span: v.span };
    let (value, at) = match (instance.inits.get(&v.name.name), &v.init) {
        (Some((value, at)), _) => (value.clone(), *at),
        (None, Some(e)) => (cx.expr(e, &env)?, Loc { file, span: e.span }),
        (None, None) => (TExpr::int(0), loc),
    };
    let value = cx.loaded(value, at)?;
    let value = if value.value().is_some() { value } else { cx.structural(value, at)? };
    let value = cx.dense(value, at)?;
    use snn_ir::scalar::Kind;
    // Whether a number is whole decides whether it may stand here.
    let decides =
        matches!((value.kind, ty.kind()), (Kind::F64, Kind::Int) | (Kind::Int, Kind::Bool));
    let value = if decides { cx.structural(value, at)? } else { value };
    let whole = value.is_scalar().then(|| value.as_int()).flatten();
    let converts = match (value.kind, ty.kind()) {
        (a, b) if a == b => true,
        (Kind::Int | Kind::Bool, Kind::F32 | Kind::F64) | (Kind::Bool, Kind::Int) => true,
        (Kind::F32, Kind::F64) | (Kind::F64, Kind::F32) => true,
        (Kind::F64, Kind::Int) => whole.is_some(),
        (Kind::Int, Kind::Bool) => matches!(whole, Some(0 | 1)),
        _ => false,
    };
    let name = &v.name.name;
    if !converts {
        let message = format!("`{name}` is {}", ty.text());
        let d = Diagnostic::new(Code::E0203, message, at, format!("this is {}", describe(&value)));
        return Err(cx.fail(d.label(loc, "declared here")));
    }
    let fits = snn_ir::tensor::ops::broadcast(&value.shape, &shape).is_some_and(|s| s == shape);
    if !fits {
        let message = format!("the initial value of `{name}` has another shape");
        let d = Diagnostic::new(Code::E0201, message, at, format!("has shape {:?}", value.shape));
        let d = d.label(loc, format!("has shape {shape:?}"));
        let last = &shape[shape.len().saturating_sub(value.shape.len())..];
        return Err(cx.fail(d.sides(&value.shape, last)));
    }
    let init = value.convert(ty.kind());
    let bounds = init.value().and_then(|c| c.values().int_bounds());
    if let (Some((lo, hi)), Some((least, most))) = (bounds, ty.bounds())
        && (lo < least || hi > most)
    {
        let message = format!("the initial value of `{name}` does not fit {}", ty.text());
        let bad = if lo < least { lo } else { hi };
        let d =
            Diagnostic::new(Code::E0701, message, at, format!("{bad} is outside {least}..={most}"));
        return Err(cx.fail(d.label(loc, "declared here")));
    }
    let init = if init.is_scalar() { init } else { init.stretched(&shape) };
    let elem = ty.place(Loc { file, span: v.ty.span });
    Ok(Var { name: name.clone(), ty, elem, shape, init, in_flight: v.in_flight, loc })
}
