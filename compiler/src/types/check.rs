//! The type check: every process's statements, typed.

use super::ElemTy;
use super::body::Body;
use super::expr::TExpr;
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use crate::clocks::Clock;
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::elaborate::{Connection, Instance, InstanceGraph, Port, Reset};
use crate::ir::Fit;
use crate::resolve::ItemRef;
use crate::types::Pick;
use snn_grammar::ast::{self, ItemKind, ProcessMember};

/// A network whose every statement has types and shapes.
pub struct TypedGraph {
    /// The network's name.
    pub network: String,
    /// Its processes.
    pub processes: Vec<Process>,
    /// Its connections, by receiving port.
    pub connections: Vec<Connection>,
    /// Its resets.
    pub resets: Vec<Reset>,
    /// Ports of networks that pass one process's messages on: path, and the process's port.
    pub aliases: Vec<(String, (usize, usize))>,
}

/// A process instance with what it does.
pub struct Process {
    /// Its dotted path.
    pub path: String,
    /// The process's name.
    pub process: String,
    /// The model's tag; none for a process's own phases.
    pub tag: Option<String>,
    /// Where the instance is declared.
    pub loc: Loc,
    /// The process's item.
    pub definition: ItemRef,
    /// Its model's item; the process's own for its default model.
    pub model: ItemRef,
    /// Parameters, dimensions and constants, evaluated.
    pub env: Env,
    /// Its state.
    pub vars: Vec<Var>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Values of `let`s, by number: name, kind and shape are those of the expression.
    pub lets: Vec<(String, TExpr)>,
    /// What it does, phase by phase.
    pub body: Vec<Stmt>,
}

/// A state variable.
pub struct Var {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub ty: ElemTy,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its initial value, constant, of the variable's kind; a scalar or of its shape.
    pub init: TExpr,
    /// Whether it holds messages in flight.
    pub in_flight: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// The phases in which processes act, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Spikes.
    Spk,
    /// Before learning.
    PreMgmt,
    /// Learning.
    Lrn,
    /// After learning.
    PostMgmt,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 4] = [Phase::Spk, Phase::PreMgmt, Phase::Lrn, Phase::PostMgmt];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Spk => "spk",
            Phase::PreMgmt => "pre_mgmt",
            Phase::Lrn => "lrn",
            Phase::PostMgmt => "post_mgmt",
        }
    }
}

/// A statement with the steps at which it happens.
pub struct Stmt {
    /// Its phase.
    pub phase: Phase,
    /// Its steps.
    pub clock: Clock,
    /// What happens.
    pub kind: StmtKind,
    /// Where it is written.
    pub loc: Loc,
}

/// What a statement does. There are few lets and many assignments, so the size of the latter
/// costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum StmtKind {
    /// Computes [`Process::lets`] of this number.
    Let(usize),
    /// Assigns.
    Assign {
        /// What.
        to: Place,
        /// Which part: one pick an axis.
        picks: Vec<Pick>,
        /// The shape of that part.
        shape: Vec<usize>,
        /// The value, of the place's kind; a scalar or of that shape.
        value: TExpr,
        /// The elements that are assigned; a scalar or of that shape.
        mask: Option<TExpr>,
        /// What happens to integers that do not fit.
        fit: Fit,
    },
}

/// What an assignment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable, by position.
    Var(usize),
    /// An out port, by position: the assignment sends.
    Port(usize),
}

/// Checks all processes.
pub fn check(cx: &mut Cx<'_>, graph: InstanceGraph) -> Eval<TypedGraph> {
    let mut processes = Vec::new();
    let mut failed = false;
    for (i, instance) in graph.instances.iter().enumerate() {
        match process(cx, instance, i, &graph.connections) {
            Ok(process) => processes.push(process),
            Err(_) => failed = true,
        }
    }
    if failed {
        return Err(Stop::Reported);
    }
    Ok(TypedGraph {
        network: graph.network,
        processes,
        connections: graph.connections,
        resets: graph.resets,
        aliases: graph.aliases,
    })
}

fn process(
    cx: &mut Cx<'_>,
    instance: &Instance,
    number: usize,
    connections: &[Connection],
) -> Eval<Process> {
    let vars = variables(cx, instance)?;
    let fan_in = |port: usize| connections.iter().filter(|c| c.to == (number, port)).count();
    let ports = instance
        .ports
        .iter()
        .enumerate()
        .map(|(i, p)| Port {
            name: p.name.clone(),
            direction: p.direction,
            // Several spikes into one port add up to more than one.
            ty: match p.ty.elem {
                ast::ElemType::Spike if p.direction == ast::Direction::In && fan_in(i) > 1 => {
                    ElemTy { elem: ast::ElemType::Signed(32), overflow: None }
                }
                _ => p.ty,
            },
            shape: p.shape.clone(),
            loc: p.loc,
        })
        .collect();
    let (tag, phases) = phases_of(cx, instance);
    let mut body = Body::new(cx, instance, vars, ports);
    for (phase, file) in &phases {
        body.phase(phase, *file);
    }
    let (vars, ports, lets, stmts) = body.finish()?;
    Ok(Process {
        path: instance.path.clone(),
        process: instance.process_name.clone(),
        tag,
        loc: instance.loc,
        definition: instance.process,
        model: instance.model,
        env: instance.env.clone(),
        vars,
        ports,
        lets,
        body: stmts,
    })
}

/// The model's tag and its phases.
fn phases_of(cx: &Cx<'_>, instance: &Instance) -> (Option<String>, Vec<(ast::Phase, u32)>) {
    let file = instance.model.file;
    let (tag, members) = match &cx.program.item(instance.model).kind {
        ItemKind::Model(m) => (Some(m.tag.name.clone()), &m.members),
        ItemKind::Process(p) => (None, &p.members),
        _ => return (None, Vec::new()),
    };
    let phases = members.iter().filter_map(|m| match m {
        ProcessMember::Phase(phase) => Some((phase.clone(), file)),
        _ => None,
    });
    (tag, phases.collect())
}

/// The variables of the process, each as its model redeclares it.
fn variables(cx: &mut Cx<'_>, instance: &Instance) -> Eval<Vec<Var>> {
    let mut declared: Vec<(ast::Var, u32)> = Vec::new();
    for item in [instance.process, instance.model] {
        let members = match &cx.program.item(item).kind {
            ItemKind::Process(p) => &p.members,
            ItemKind::Model(m) => &m.members,
            _ => continue,
        };
        for member in members {
            let ProcessMember::Var(v) = member else { continue };
            match declared.iter_mut().find(|(known, _)| known.name.name == v.name.name) {
                Some((known, file)) if *file == item.file && known.span == v.span => {}
                Some(known) => *known = (v.clone(), item.file),
                None => declared.push((v.clone(), item.file)),
            }
        }
    }
    declared.iter().map(|(v, file)| variable(cx, instance, v, *file)).collect()
}

fn variable(cx: &mut Cx<'_>, instance: &Instance, v: &ast::Var, file: u32) -> Eval<Var> {
    let ty = ElemTy::of(&v.ty);
    let env = Env { file, ..instance.env.clone() };
    let shape = crate::elaborate::dims(cx, &v.ty.shape, &env)?;
    let loc = Loc { file, span: v.span };
    let (value, at) = match (instance.inits.get(&v.name.name), &v.init) {
        (Some((value, at)), _) => (value.clone(), *at),
        (None, Some(e)) => (cx.eval(e, &env)?, Loc { file, span: e.span }),
        (None, None) => (Val::Expr(TExpr::int(0)), loc),
    };
    let value = cx.as_expr(value, at)?;
    let value = cx.constant(value, at)?;
    let whole = value.is_scalar().then(|| value.as_int()).flatten();
    use crate::ir::Kind;
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
    let fits = crate::tensor::ops::broadcast(&value.shape, &shape).is_some_and(|s| s == shape);
    if !fits {
        let message = format!("the initial value of `{name}` has another shape");
        let d = Diagnostic::new(Code::E0201, message, at, format!("has shape {:?}", value.shape));
        return Err(cx.fail(d.label(loc, format!("has shape {shape:?}"))));
    }
    let init = value.convert(ty.kind());
    let bounds = init.as_const().and_then(|c| c.int_bounds());
    if let (Some((lo, hi)), Some((least, most))) = (bounds, ty.bounds())
        && (lo < least || hi > most)
    {
        let message = format!("the initial value of `{name}` does not fit {}", ty.text());
        let bad = if lo < least { lo } else { hi };
        let d =
            Diagnostic::new(Code::E0701, message, at, format!("{bad} is outside {least}..={most}"));
        return Err(cx.fail(d.label(loc, "declared here")));
    }
    let init = if init.is_scalar() { init } else { init.fold_to(&shape) };
    Ok(Var { name: name.clone(), ty, shape, init, in_flight: v.in_flight, loc })
}
