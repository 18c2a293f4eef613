//! From typed statements to the values and statements of the network IR.

use super::body::{Place, Stmt, StmtKind};
use super::expr::{Leaf, Node, TExpr};
use super::{Cx, Pick};
use snn_grammar::ast::Direction;
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{self, Action, ClockId, Network, Op, Phase, Stage, TensorId, Value, ValueId};
use snn_ir::scalar::Kind;
use std::collections::HashMap;
use std::sync::Arc;

/// Values under construction.
pub struct Emitter<'n> {
    /// The network they belong to.
    pub network: &'n mut Network,
    /// Its constants.
    pub tensors: &'n mut Tensors,
    /// The values so far.
    pub values: Vec<Value>,
    /// What is known before the first step, by node.
    once: HashMap<*const Node, ValueId>,
    /// Keeps the nodes of `once` alive, so that no other takes their address.
    kept: Vec<Arc<Node>>,
}

impl<'n> Emitter<'n> {
    /// No values yet.
    pub fn new(network: &'n mut Network, tensors: &'n mut Tensors) -> Emitter<'n> {
        Emitter { network, tensors, values: Vec::new(), once: HashMap::new(), kept: Vec::new() }
    }

    /// A value of its own.
    pub fn push(
        &mut self,
        op: Op,
        args: Vec<ValueId>,
        (kind, shape): (Kind, &[usize]),
        at: Loc,
    ) -> ValueId {
        let leaf = match op {
            Op::Const(_) | Op::Param(_) => Stage::Once,
            Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => Stage::Step,
            _ => Stage::Once,
        };
        let stage = args.iter().map(|a| self.values[a.at()].stage).max().unwrap_or(leaf);
        let shape = shape.to_vec();
        self.values.push(Value {
            op,
            args,
            kind,
            shape,
            stage,
            name: None,
            spike: None,
            place: at,
        });
        ValueId(self.values.len() as u32 - 1)
    }

    /// The value of an expression, whose leaves are what `leaf` says.
    pub fn expr(
        &mut self,
        e: &TExpr,
        at: Loc,
        leaf: &mut dyn FnMut(&mut Self, Leaf) -> ValueId,
    ) -> ValueId {
        let key = Arc::as_ptr(&e.node);
        if e.is_static()
            && let Some(known) = self.once.get(&key)
        {
            return *known;
        }
        let form = (e.kind, e.shape.as_slice());
        let id = match &*e.node {
            Node::Const(_) | Node::File(_) => {
                let tensor = intern(self.tensors, self.network, e);
                self.push(Op::Const(tensor), Vec::new(), form, at)
            }
            Node::Read(name) => leaf(self, *name),
            Node::Apply(op, args) => {
                let args = args.iter().map(|a| self.expr(a, at, leaf)).collect();
                self.push(op.clone(), args, form, at)
            }
        };
        if e.mark.is_some() {
            self.values[id.at()].spike = e.mark;
        }
        if e.is_static() {
            self.once.insert(key, id);
            self.kept.push(Arc::clone(&e.node));
        }
        id
    }
}

/// The tensor of an expression that is a constant or a file.
pub fn intern(tensors: &mut Tensors, network: &mut Network, e: &TExpr) -> TensorId {
    match &*e.node {
        Node::Const(constant) => tensors.constant(network, e.kind, constant),
        Node::File(dataset) => tensors.file(network, e.kind, dataset),
        _ => unreachable!("a param is a constant or a file"),
    }
}

/// What a process does, as it was typed.
pub struct Typed {
    /// Its lets: name and value.
    pub lets: Vec<(String, TExpr)>,
    /// Its statements.
    pub stmts: Vec<Stmt>,
    /// Initial values of its variables.
    pub inits: Vec<TExpr>,
    /// Its constants by name, those of the process and those of the model.
    pub consts: Vec<(String, TExpr)>,
    /// The number of the param of each slot.
    pub slots: Vec<u32>,
}

/// Fills the values and phases of a body whose interface is there already.
///
/// # Errors
/// E0303 where a port is received in two phases; nothing is given then.
pub fn body(
    cx: &mut Cx<'_>,
    network: &mut Network,
    tensors: &mut Tensors,
    mut body: network::Body,
    typed: &Typed,
    place: Loc,
) -> Option<network::Body> {
    let received = received(cx, &body, typed)?;
    let mut emitter = Emitter::new(network, tensors);
    let slots: Vec<ValueId> = (0..typed.slots.len())
        .map(|slot| {
            let (kind, shape) = (body.slots[slot].kind, body.slots[slot].shape.clone());
            emitter.push(Op::Param(slot as u32), Vec::new(), (kind, &shape), place)
        })
        .collect();
    let mut lowering = Lowering {
        emitter,
        slots,
        numbers: &typed.slots,
        lets: vec![None; typed.lets.len()],
        vars: vec![None; body.vars.len()],
        ports: vec![None; body.ports.len()],
        reads: Vec::new(),
    };
    // Constants come first, so that they stand in the order of the text.
    for (name, constant) in &typed.consts {
        let id = lowering.value(&body, constant, place);
        lowering.named(id, name);
    }
    for (i, init) in typed.inits.iter().enumerate() {
        body.vars[i].init = lowering.value(&body, init, body.vars[i].place);
    }
    for (at, phase) in Phase::ALL.into_iter().enumerate() {
        let mut stmts = Vec::new();
        lowering.vars.fill(None);
        lowering.ports.fill(None);
        for stmt in typed.stmts.iter().filter(|s| s.phase == phase) {
            lowering.stmt(&body, typed, stmt, &received, &mut stmts);
        }
        body.phases[at] = stmts;
    }
    body.values = lowering.emitter.values;
    Some(body)
}

/// For each port that is received, its phase and steps.
type Received = Vec<Option<(Phase, Clock, Loc)>>;

fn received(cx: &mut Cx<'_>, body: &network::Body, typed: &Typed) -> Option<Received> {
    let mut found: Received = vec![None; body.ports.len()];
    let mut failed = false;
    for stmt in &typed.stmts {
        let mut ports = Vec::new();
        let mut read = |leaf: Leaf| {
            if let Leaf::Port(i) = leaf
                && body.ports[i].direction == Direction::In
            {
                ports.push(i);
            }
        };
        if let Some(guard) = &stmt.guard {
            guard.for_each_read(&mut read);
        }
        match &stmt.kind {
            StmtKind::Let(id) => typed.lets[*id].1.for_each_read(&mut read),
            StmtKind::Assign { picks, value, mask, .. } => {
                value.for_each_read(&mut read);
                mask.iter().for_each(|m| m.for_each_read(&mut read));
                for pick in picks {
                    if let Pick::Computed(index) = pick {
                        index.for_each_read(&mut read);
                    }
                }
            }
        }
        for i in ports {
            match &mut found[i] {
                None => found[i] = Some((stmt.phase, stmt.clock.clone(), stmt.loc)),
                Some((phase, clock, first)) if *phase == stmt.phase => {
                    match clock.or(&stmt.clock) {
                        Ok(both) => *clock = both,
                        Err(why) => {
                            let name = &body.ports[i].name;
                            let message =
                                format!("when `{name}` is received does not repeat within {why}");
                            let d = Diagnostic::new(Code::E0302, message, stmt.loc, "used here");
                            let d = d.label(*first, "and here");
                            cx.fail(d.help("use it at steps with a common period"));
                            failed = true;
                        }
                    }
                }
                Some((phase, _, first)) => {
                    let message = format!("`{}` belongs to two phases", body.ports[i].name);
                    let d = Diagnostic::new(Code::E0303, message, stmt.loc, stmt.phase.name())
                        .label(*first, phase.name());
                    let hint = "keep the message in a variable for the later phase";
                    cx.fail(d.help(hint));
                    failed = true;
                }
            }
        }
    }
    (!failed).then_some(found)
}

/// The statements of a body under construction.
struct Lowering<'n, 't> {
    emitter: Emitter<'n>,
    /// The values of the slots, and the numbers of their params.
    slots: Vec<ValueId>,
    numbers: &'t [u32],
    /// The values of lets.
    lets: Vec<Option<ValueId>>,
    /// What was last read of each variable, until it is stored.
    vars: Vec<Option<ValueId>>,
    /// What was received.
    ports: Vec<Option<ValueId>>,
    /// Variables and ports that the present statement is the first to need.
    reads: Vec<Action>,
}

impl Lowering<'_, '_> {
    fn value(&mut self, body: &network::Body, e: &TExpr, at: Loc) -> ValueId {
        let Lowering { emitter, slots, numbers, lets, vars, ports, reads } = self;
        emitter.expr(e, at, &mut |emitter, leaf| match leaf {
            Leaf::Param(n) => {
                let slot = numbers.iter().position(|number| *number == n);
                slot.map_or(ValueId(0), |slot| slots[slot])
            }
            Leaf::Let(i) => lets[i].unwrap_or(ValueId(0)),
            Leaf::Var(i) => *vars[i].get_or_insert_with(|| {
                let form = (body.vars[i].ty.kind(), body.vars[i].shape.as_slice());
                let id = emitter.push(Op::Var(i as u32), Vec::new(), form, at);
                reads.push(Action::Read(id));
                id
            }),
            Leaf::Port(i) => *ports[i].get_or_insert_with(|| {
                let form = (body.ports[i].ty.kind(), body.ports[i].shape.as_slice());
                let id = emitter.push(Op::Input(i as u32), Vec::new(), form, at);
                // Of a port of its own that sends, a process sees what it has sent last.
                reads.push(match body.ports[i].direction {
                    Direction::In => Action::Receive(id),
                    Direction::Out => Action::Read(id),
                });
                id
            }),
            Leaf::Remote(..) | Leaf::Recorded(_) => ValueId(0),
        })
    }

    fn stmt(
        &mut self,
        body: &network::Body,
        typed: &Typed,
        stmt: &Stmt,
        received: &Received,
        into: &mut Vec<network::Stmt>,
    ) {
        let at = stmt.loc;
        let guard = stmt.guard.as_ref().map(|g| self.value(body, g, at));
        let (action, guard) = match &stmt.kind {
            StmtKind::Let(id) => {
                let (name, value) = &typed.lets[*id];
                let value = self.value(body, value, at);
                let value = self.own(value, name);
                self.lets[*id] = Some(value);
                (Action::Eval(value), guard)
            }
            StmtKind::Assign { to, picks, value, mask } => {
                let region = picks.iter().map(|pick| match pick {
                    Pick::At(i) => network::Pick::At(*i),
                    Pick::Range(lo, hi) => network::Pick::Range(*lo, *hi),
                    Pick::Computed(index) => {
                        let index = index.clone().convert(Kind::Int);
                        network::Pick::Computed(self.value(body, &index, at))
                    }
                });
                let region: Vec<network::Pick> = region.collect();
                let mask = mask.as_ref().map(|m| self.value(body, m, at));
                let value = self.value(body, value, at);
                let action = match to {
                    Place::Var(v) => Action::Store { var: *v as u32, region, value, mask },
                    Place::Port(p) => Action::Send { port: *p as u32, value },
                };
                (action, guard)
            }
        };
        for action in std::mem::take(&mut self.reads) {
            let clock = match &action {
                Action::Receive(value) => {
                    let Op::Input(port) = self.emitter.values[value.at()].op else { continue };
                    let used = received[port as usize].as_ref();
                    used.map_or(network::ALWAYS, |(_, clock, _)| {
                        self.emitter.network.clock_id(clock)
                    })
                }
                _ => network::ALWAYS,
            };
            into.push(network::Stmt { clock, guard: None, action, place: at });
        }
        match action {
            Action::Store { var, .. } => self.vars[var as usize] = None,
            Action::Send { port, .. } => self.ports[port as usize] = None,
            _ => {}
        }
        let clock: ClockId = self.emitter.network.clock_id(&stmt.clock);
        into.push(network::Stmt { clock, guard, action, place: at });
    }

    /// Names a constant: its value, or one of its own where that has another name.
    fn named(&mut self, value: ValueId, name: &str) {
        let of = &mut self.emitter.values[value.at()];
        match &of.name {
            Some(known) if known == name => {}
            None if !matches!(of.op, Op::Param(_)) => of.name = Some(name.into()),
            _ => {
                let (kind, shape, place) = (of.kind, of.shape.clone(), of.place);
                let id = self.emitter.push(Op::Reshape, vec![value], (kind, &shape), place);
                self.emitter.values[id.at()].name = Some(name.into());
            }
        }
    }

    /// A value that a `let` may fix and name: one that nothing else has fixed or named.
    fn own(&mut self, value: ValueId, name: &str) -> ValueId {
        let of = &mut self.emitter.values[value.at()];
        let taken = of.name.is_some() || matches!(of.op, Op::Var(_) | Op::Input(_) | Op::Const(_));
        if !taken && of.stage == Stage::Step {
            of.name = Some(name.into());
            return value;
        }
        let (kind, shape, place) = (of.kind, of.shape.clone(), of.place);
        let id = self.emitter.push(Op::Reshape, vec![value], (kind, &shape), place);
        self.emitter.values[id.at()].name = Some(name.into());
        id
    }
}
