//! The flat form: one instance, no links.
//!
//! Variables and values of all instances stand side by side, under their dotted paths. The
//! messages of an out port become a variable that holds the last one, and that receivers read;
//! where messages wait, they become a queue. The statements of a phase are put into an order in
//! which every message is sent before it is received.

use super::needs::{Needs, Node};
use super::order::{Accesses, Order};
use super::tensors::Tensors;
use super::{
    ALWAYS, Action, Body, BodyId, ClockId, Instance, InstanceId, Link, Member, Network, Op, Pick,
    Port, Record, Reset, Run, Site, Slot, Stage, Stmt, Value, ValueId, Var, VarKind,
};
use crate::diagnostics::Loc;
use crate::scalar::{self, Kind};
use crate::step::Fit;
use crate::tensor::{Constant, Tensor};
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A network in the flat form.
#[derive(Clone, Debug)]
pub struct Flat(pub Network);

/// Messages that go round in one step: the links, each with the number of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle(pub Vec<(usize, usize)>);

impl Flat {
    /// Its only body.
    pub fn body(&self) -> &Body {
        &self.0.bodies[0]
    }
}

/// The flat form of a network.
///
/// # Errors
/// Where messages go round in one step.
pub fn flatten(network: &Network) -> Result<Flat, Circle> {
    let mut flattener = Flattener::new(network);
    for at in 0..network.instances.len() {
        flattener.declare(InstanceId(at as u32));
    }
    for at in 0..network.links.len() {
        flattener.queues(at);
    }
    for at in 0..network.instances.len() {
        flattener.statements(InstanceId(at as u32));
    }
    let nodes = std::mem::take(&mut flattener.nodes);
    for (at, nodes) in nodes.into_iter().enumerate() {
        let sorted = flattener.ordered(&nodes)?;
        flattener.body.phases[at] = sorted;
    }
    Ok(flattener.finish())
}

struct Flattener<'n> {
    network: &'n Network,
    flat: Network,
    tensors: Tensors,
    body: Body,
    /// The first variable of each instance.
    vars: Vec<u32>,
    /// The variable of each port that has one.
    ports: HashMap<(InstanceId, u32), u32>,
    /// The port of each variable that has one.
    port_of: HashMap<u32, (InstanceId, u32)>,
    /// The queue of each link and sender that has one.
    queues: HashMap<(usize, usize), u32>,
    /// The link and sender of each queue.
    queue_of: HashMap<u32, (usize, usize)>,
    /// The links into each instance and port.
    into: BTreeMap<(InstanceId, u32), Vec<usize>>,
    /// The links and senders of each instance and port.
    from: BTreeMap<(InstanceId, u32), Vec<(usize, usize)>>,
    /// The values of the present instance's body that have been copied.
    values: Vec<Option<ValueId>>,
    /// Those that are known before the first step, by instance.
    kept: Vec<Vec<Option<ValueId>>>,
    /// Reads of messages by who has sent them.
    own: BTreeSet<ValueId>,
    nodes: [Vec<Node>; 4],
    zeros: HashMap<Kind, ValueId>,
    recorded: BTreeSet<(InstanceId, u32)>,
}

impl<'n> Flattener<'n> {
    fn new(network: &'n Network) -> Flattener<'n> {
        let flat = Network {
            name: network.name.clone(),
            tensors: network.tensors.clone(),
            params: network.params.clone(),
            clocks: network.clocks.clone(),
            bodies: Vec::new(),
            instances: Vec::new(),
            links: Vec::new(),
            resets: Vec::new(),
            run: Run { records: Vec::new(), ..network.run.clone() },
        };
        let body = Body {
            process: String::new(),
            tag: None,
            standard: false,
            resources: Vec::new(),
            slots: Vec::new(),
            vars: Vec::new(),
            ports: Vec::new(),
            values: Vec::new(),
            phases: Default::default(),
        };
        let mut into: BTreeMap<(InstanceId, u32), Vec<usize>> = BTreeMap::new();
        let mut from: BTreeMap<(InstanceId, u32), Vec<(usize, usize)>> = BTreeMap::new();
        for (at, link) in network.links.iter().enumerate() {
            into.entry(link.to).or_default().push(at);
            for (k, sender) in link.senders.iter().enumerate() {
                from.entry(sender.from).or_default().push((at, k));
            }
        }
        let recorded = network.run.records.iter().filter_map(|r| match r.member {
            Member::Port(port) => Some((r.instance, port)),
            Member::Var(_) => None,
        });
        Flattener {
            network,
            tensors: Tensors::of(&flat),
            flat,
            body,
            vars: Vec::new(),
            ports: HashMap::new(),
            port_of: HashMap::new(),
            queues: HashMap::new(),
            queue_of: HashMap::new(),
            into,
            from,
            values: Vec::new(),
            kept: Vec::new(),
            own: BTreeSet::new(),
            nodes: Default::default(),
            zeros: HashMap::new(),
            recorded: recorded.collect(),
        }
    }

    fn push(&mut self, op: Op, args: Vec<ValueId>, form: (Kind, &[usize]), place: Loc) -> ValueId {
        let own = match op {
            Op::Const(_) | Op::Param(_) => Stage::Once,
            Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => Stage::Step,
            _ => Stage::Once,
        };
        let stage = args.iter().map(|a| self.body.values[a.at()].stage).max().unwrap_or(own);
        let (kind, shape) = (form.0, form.1.to_vec());
        let (name, spike) = (None, None);
        self.body.values.push(Value { op, args, kind, shape, stage, name, spike, place });
        ValueId(self.body.values.len() as u32 - 1)
    }

    /// A scalar zero.
    fn zero(&mut self, kind: Kind, place: Loc) -> ValueId {
        if let Some(known) = self.zeros.get(&kind) {
            return *known;
        }
        let zero = Constant::Dense(Arc::new(Tensor::scalar_int(0))).convert(kind);
        let tensor = self.tensors.constant(&mut self.flat, kind, &zero);
        let id = self.push(Op::Const(tensor), Vec::new(), (kind, &[]), place);
        self.zeros.insert(kind, id);
        id
    }

    /// Declares the slots and variables of an instance, those of its ports among them.
    fn declare(&mut self, id: InstanceId) {
        let network = self.network;
        let instance = &network.instances[id.at()];
        let body = network.body(id);
        let first_slot = self.body.slots.len() as u32;
        let path = |name: &str| format!("{}.{name}", instance.path);
        self.body
            .slots
            .extend(body.slots.iter().map(|s| Slot { name: path(&s.name), ..s.clone() }));
        // What is known before the first step can be copied now.
        let mut values: Vec<Option<ValueId>> = vec![None; body.values.len()];
        for (at, value) in body.values.iter().enumerate() {
            if value.stage != Stage::Once {
                continue;
            }
            let args = value.args.iter().filter_map(|a| values[a.at()]).collect();
            let op = match value.op {
                Op::Param(slot) => Op::Param(first_slot + slot),
                _ => value.op.clone(),
            };
            let copied = self.push(op, args, (value.kind, &value.shape), value.place);
            let copy = &mut self.body.values[copied.at()];
            (copy.name, copy.spike) = (value.name.as_deref().map(path), value.spike);
            values[at] = Some(copied);
        }
        self.vars.push(self.body.vars.len() as u32);
        for var in &body.vars {
            let init = values[var.init.at()].unwrap_or(ValueId(0));
            self.body.vars.push(Var { name: path(&var.name), init, ..var.clone() });
        }
        for (port, of) in body.ports.iter().zip(0..) {
            let used = body.uses(of).next().is_some();
            let seen = port.direction == Direction::Out || self.recorded.contains(&(id, of));
            if used && (seen || self.open(id, of)) {
                let var = self.message(path(&port.name), VarKind::Port, port);
                self.ports.insert((id, of), var);
                self.port_of.insert(var, (id, of));
            }
        }
        self.kept.push(values);
    }

    /// Whether what an in port receives is written from outside.
    fn open(&self, id: InstanceId, port: u32) -> bool {
        self.network.run.open && !self.into.contains_key(&(id, port))
    }

    /// Declares a variable for messages of a port.
    fn message(&mut self, name: String, kind: VarKind, port: &Port) -> u32 {
        let init = self.zero(port.ty.kind(), port.place);
        let (ty, shape, place) = (port.ty, port.shape.clone(), port.place);
        self.body.vars.push(Var { name, kind, ty, shape, init, place });
        self.body.vars.len() as u32 - 1
    }

    /// Declares the queues of a link.
    fn queues(&mut self, at: usize) {
        let network = self.network;
        let link = &network.links[at];
        for (k, sender) in link.senders.iter().enumerate() {
            let Some(slots) = sender.queue else { continue };
            let (from, port) = sender.from;
            let name = format!(
                "{}_from_{}_queue",
                network.member_path(link.to.0, Member::Port(link.to.1)),
                network.member_path(from, Member::Port(port))
            );
            let port = &network.body(from).ports[port as usize];
            let queue = self.message(name, VarKind::Queue { slots }, port);
            self.queues.insert((at, k), queue);
            self.queue_of.insert(queue, (at, k));
        }
    }

    /// Copies the statements of an instance.
    fn statements(&mut self, id: InstanceId) {
        let network = self.network;
        let body = network.body(id);
        self.values = std::mem::take(&mut self.kept[id.at()]);
        for (at, phase) in body.phases.iter().enumerate() {
            for stmt in phase {
                self.stmt(id, at, stmt);
            }
        }
    }

    fn node(
        &mut self,
        id: InstanceId,
        phase: usize,
        clock: ClockId,
        guard: Option<ValueId>,
        action: Action,
        place: Loc,
    ) {
        self.nodes[phase].push(Node { stmt: Stmt { clock, guard, action, place }, instance: id });
    }

    fn stmt(&mut self, id: InstanceId, phase: usize, stmt: &Stmt) {
        let network = self.network;
        let guard = stmt.guard.map(|g| self.value(id, g));
        let (clock, place) = (stmt.clock, stmt.place);
        match &stmt.action {
            Action::Read(value) => {
                let read = match network.body(id).values[value.at()].op {
                    // What it has sent last itself.
                    Op::Input(port) => {
                        let Some(&var) = self.ports.get(&(id, port)) else { return };
                        let read = self.read(id, phase, var, place);
                        self.own.insert(read);
                        self.values[value.at()] = Some(read);
                        return;
                    }
                    _ => self.value(id, *value),
                };
                self.node(id, phase, clock, guard, Action::Read(read), place);
            }
            Action::Receive(value) => self.receive(id, phase, *value, clock, place),
            Action::Eval(value) => {
                let value = self.value(id, *value);
                self.node(id, phase, clock, guard, Action::Eval(value), place);
            }
            Action::Store { var, region, value, mask } => {
                let region = region.iter().map(|pick| match pick {
                    Pick::Computed(index) => Pick::Computed(self.value(id, *index)),
                    other => other.clone(),
                });
                let region = region.collect();
                let mask = mask.map(|m| self.value(id, m));
                let value = self.value(id, *value);
                let var = self.vars[id.at()] + var;
                let action = Action::Store { var, region, value, mask };
                self.node(id, phase, clock, guard, action, place);
            }
            Action::Send { port, value } => {
                let value = self.value(id, *value);
                let Some(&var) = self.ports.get(&(id, *port)) else { return };
                self.store_message(id, phase, var, value, clock, place);
                let links = self.from.get(&(id, *port)).cloned().unwrap_or_default();
                for (link, sender) in links {
                    let Some(&queue) = self.queues.get(&(link, sender)) else { continue };
                    let read = self.read(id, phase, var, place);
                    self.own.insert(read);
                    self.node(
                        id,
                        phase,
                        clock,
                        None,
                        Action::Push { var: queue, value: read },
                        place,
                    );
                }
            }
            Action::Push { .. } | Action::Pop(_) => {}
        }
    }

    fn store_message(
        &mut self,
        id: InstanceId,
        phase: usize,
        var: u32,
        value: ValueId,
        clock: ClockId,
        place: Loc,
    ) {
        let region =
            self.body.vars[var as usize].shape.iter().map(|n| Pick::Range(0, *n)).collect();
        let action = Action::Store { var, region, value, mask: None };
        self.node(id, phase, clock, None, action, place);
    }

    /// Reads a variable.
    fn read(&mut self, id: InstanceId, phase: usize, var: u32, place: Loc) -> ValueId {
        let of = &self.body.vars[var as usize];
        let (kind, shape) = (of.ty.kind(), of.shape.clone());
        let value = self.push(Op::Var(var), Vec::new(), (kind, &shape), place);
        self.node(id, phase, ALWAYS, None, Action::Read(value), place);
        value
    }

    /// Receives from a port: reads what was sent last, or takes it from its queue.
    fn receive(
        &mut self,
        id: InstanceId,
        phase: usize,
        value: ValueId,
        clock: ClockId,
        place: Loc,
    ) {
        let network = self.network;
        let received = &network.body(id).values[value.at()];
        let Op::Input(port) = received.op else { return };
        let of = &network.body(id).ports[port as usize];
        if self.open(id, port)
            && let Some(&var) = self.ports.get(&(id, port))
        {
            self.values[value.at()] = Some(self.read(id, phase, var, place));
            return;
        }
        let links = self.into.get(&(id, port)).cloned().unwrap_or_default();
        let mut messages = Vec::new();
        for &at in &links {
            let link = &network.links[at];
            let mut inputs = Vec::new();
            for (k, sender) in link.senders.iter().enumerate() {
                inputs.push(match self.queues.get(&(at, k)) {
                    Some(&queue) => {
                        let var = &self.body.vars[queue as usize];
                        let (kind, shape) = (var.ty.kind(), var.shape.clone());
                        let popped = self.push(Op::Var(queue), Vec::new(), (kind, &shape), place);
                        self.node(id, phase, clock, None, Action::Pop(popped), place);
                        Some(popped)
                    }
                    None => {
                        let var = self.ports.get(&sender.from).copied();
                        var.map(|var| self.read(id, phase, var, place))
                    }
                });
            }
            messages.push(self.view(link, &inputs));
        }
        let message = self.sum(&messages, of, place);
        if messages.is_empty() && !of.shape.is_empty() {
            let path = network.member_path(id, Member::Port(port));
            self.body.values[message.at()].name = Some(path);
        }
        self.values[value.at()] = Some(message);
        if let Some(&var) = self.ports.get(&(id, port)) {
            self.store_message(id, phase, var, message, clock, place);
        }
    }

    /// The message of a link, over the messages of its senders.
    fn view(&mut self, link: &Link, inputs: &[Option<ValueId>]) -> ValueId {
        let mut copied: Vec<ValueId> = Vec::new();
        for value in &link.values {
            let known = match value.op {
                Op::Input(k) => inputs.get(k as usize).copied().flatten(),
                _ => None,
            };
            let id = known.unwrap_or_else(|| {
                let args = value.args.iter().map(|a| copied[a.at()]).collect();
                self.push(value.op.clone(), args, (value.kind, &value.shape), value.place)
            });
            copied.push(id);
        }
        copied[link.result.at()]
    }

    /// What a port receives of several messages, converted to its type.
    fn sum(&mut self, messages: &[ValueId], port: &Port, place: Loc) -> ValueId {
        let (kind, shape) = (port.ty.kind(), port.shape.clone());
        let scalar = |op: scalar::Op| Op::Scalar(op);
        let Some((first, rest)) = messages.split_first() else {
            let zero = self.zero(kind, place);
            let form = (kind, shape.as_slice());
            return if shape.is_empty() {
                zero
            } else {
                self.push(Op::Broadcast, vec![zero], form, place)
            };
        };
        let of = |this: &Self, id: ValueId| this.body.values[id.at()].kind;
        let convert = |this: &mut Self, id: ValueId, to: Kind| match of(this, id) == to {
            true => id,
            false => this.push(scalar(scalar::Op::Convert(to)), vec![id], (to, &shape), place),
        };
        let mut sum = *first;
        if !rest.is_empty() {
            let exact = if kind == Kind::Bool { Kind::Int } else { kind };
            sum = convert(self, sum, exact);
            for message in rest {
                let message = convert(self, *message, exact);
                sum =
                    self.push(scalar(scalar::Op::Add), vec![sum, message], (exact, &shape), place);
            }
        }
        let sum = convert(self, sum, kind);
        let fitted = match port.ty.fit() {
            _ if kind != Kind::Int => return sum,
            Fit::Wrap { bits: 64, signed: true } | Fit::Exact => return sum,
            Fit::Wrap { bits, signed } => scalar::Op::Wrap { bits, signed },
            Fit::Sat { bits, signed } => scalar::Op::Sat { bits, signed },
        };
        // One message of a type that fits is what it is.
        let fits = rest.is_empty() && self.fits(*first, port);
        if fits { sum } else { self.push(scalar(fitted), vec![sum], (Kind::Int, &shape), place) }
    }

    /// Whether a message is one of a narrower type already, looked at in another shape.
    fn fits(&self, message: ValueId, port: &Port) -> bool {
        let mut id = message;
        loop {
            let value = &self.body.values[id.at()];
            match (&value.op, value.args.as_slice()) {
                (Op::Var(var), _) => return self.body.vars[*var as usize].ty.fits_in(port.ty),
                (
                    Op::Transpose(_)
                    | Op::Slice(_)
                    | Op::Reshape
                    | Op::Broadcast
                    | Op::Flip(_)
                    | Op::Scalar(scalar::Op::Convert(_)),
                    [of],
                ) => id = *of,
                _ => return false,
            }
        }
    }

    /// A value of an instance's body, copied with all that it is computed from.
    fn value(&mut self, id: InstanceId, value: ValueId) -> ValueId {
        let network = self.network;
        let body = network.body(id);
        let mut pending = vec![value];
        while let Some(&next) = pending.last() {
            if self.values[next.at()].is_some() {
                pending.pop();
                continue;
            }
            let of = &body.values[next.at()];
            let before = pending.len();
            pending.extend(of.args.iter().filter(|a| self.values[a.at()].is_none()));
            if pending.len() > before {
                continue;
            }
            pending.pop();
            let instance = &network.instances[id.at()];
            let args = of.args.iter().filter_map(|a| self.values[a.at()]).collect();
            let op = match &of.op {
                Op::Var(var) => Op::Var(self.vars[id.at()] + var),
                Op::Random { seed, site: Site::Call(call) } => {
                    let stream = snn_core::random::stream(&instance.path, *call);
                    Op::Random { seed: *seed, site: Site::Stream(stream) }
                }
                other => other.clone(),
            };
            let copied = self.push(op, args, (of.kind, &of.shape), of.place);
            let value = &mut self.body.values[copied.at()];
            value.name = of.name.as_ref().map(|name| format!("{}.{name}", instance.path));
            value.spike = of.spike;
            self.values[next.at()] = Some(copied);
        }
        self.values[value.at()].unwrap_or(value)
    }

    /// The statements of a phase in order; those that read stand before the first that needs
    /// what they read.
    fn ordered(&self, nodes: &[Node]) -> Result<Vec<Stmt>, Circle> {
        let needs = Needs::of(&self.body, nodes, &self.own);
        let mut order = Order::new(nodes.len());
        let mut own: HashMap<u32, Accesses> = HashMap::new();
        // By message variable and queue: who stores (or pushes), and who reads (or pops).
        let mut sent: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let mut taken: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            for fixed in &needs.fixed[at] {
                order.before(*fixed, at);
            }
            for &(var, own_message) in &needs.vars[at] {
                match self.body.vars[var as usize].kind {
                    VarKind::Port if !own_message => {
                        taken.entry(var).or_default().push(at);
                    }
                    VarKind::Queue { .. } => {}
                    _ => own.entry(var).or_default().read(at, &mut order),
                }
            }
            match node.stmt.action {
                Action::Store { var, .. } => {
                    own.entry(var).or_default().store(at, &mut order);
                    if self.body.vars[var as usize].kind == VarKind::Port {
                        sent.entry(var).or_default().push(at);
                    }
                }
                // Messages of one sender are queued in the order in which they are sent.
                Action::Push { var, .. } => {
                    own.entry(var).or_default().store(at, &mut order);
                    sent.entry(var).or_default().push(at);
                }
                Action::Pop(value) => {
                    if let Op::Var(var) = self.body.values[value.at()].op {
                        taken.entry(var).or_default().push(at);
                    }
                }
                _ => {}
            }
        }
        for (var, receivers) in &taken {
            let Some(senders) = sent.get(var) else { continue };
            for &to in receivers {
                let instant = self.instant(*var, nodes[to].instance);
                let queue = matches!(self.body.vars[*var as usize].kind, VarKind::Queue { .. });
                for &from in senders {
                    match (instant, queue) {
                        // What it sends is made of what it thereby receives.
                        (true, _) if from == to => return Err(self.circle(nodes, &[to])),
                        (true, _) => order.before(from, to),
                        (false, true) => order.before(to, from),
                        // Never in one step.
                        (false, false) => {}
                    }
                }
            }
        }
        let sorted = order.sorted().map_err(|circle| self.circle(nodes, &circle))?;
        Ok(needs.with_reads(nodes, sorted))
    }

    /// Whether messages of a port or queue are received in the step and phase in which they are
    /// sent.
    fn instant(&self, var: u32, to: InstanceId) -> bool {
        self.ways(var, to).any(|(link, sender)| self.network.links[link].senders[sender].instant)
    }

    /// The links and senders that a message variable or queue serves, into an instance.
    fn ways(&self, var: u32, to: InstanceId) -> impl Iterator<Item = (usize, usize)> + '_ {
        let queue = self.queue_of.get(&var).copied();
        let port = self.port_of.get(&var).and_then(|port| self.from.get(port));
        let of_port = port.into_iter().flatten().copied().filter(move |_| queue.is_none());
        queue.into_iter().chain(of_port).filter(move |(link, sender)| {
            let link_to = self.network.links[*link].to.0 == to;
            link_to && (queue.is_some() || !self.queues.contains_key(&(*link, *sender)))
        })
    }

    /// The links of a circle of statements.
    fn circle(&self, nodes: &[Node], circle: &[usize]) -> Circle {
        let instances: BTreeSet<InstanceId> = circle.iter().map(|at| nodes[*at].instance).collect();
        let mut hops = Vec::new();
        let mut current = instances.first().copied().unwrap_or(InstanceId(0));
        let mut visited = BTreeSet::new();
        while visited.insert(current) {
            let next = self.network.links.iter().enumerate().find_map(|(at, link)| {
                let k = link.senders.iter().position(|s| s.from.0 == current && s.instant)?;
                instances.contains(&link.to.0).then_some((at, k, link.to.0))
            });
            let Some((link, sender, to)) = next else { break };
            hops.push((link, sender));
            current = to;
        }
        Circle(hops)
    }

    fn finish(mut self) -> Flat {
        let network = self.network;
        let args = network.instances.iter().flat_map(|i| i.args.iter().copied()).collect();
        let place = network
            .instances
            .first()
            .map_or(Loc { file: 0, span: Default::default() }, |i| i.place);
        let vars = &self.vars;
        let resets = network
            .resets
            .iter()
            .map(|r| Reset { var: (InstanceId(0), vars[r.var.0.at()] + r.var.1), ..r.clone() });
        self.flat.resets = resets.collect();
        let records = network.run.records.iter().map(|r| {
            let var = match r.member {
                Member::Var(var) => vars[r.instance.at()] + var,
                Member::Port(port) => self.ports.get(&(r.instance, port)).copied().unwrap_or(0),
            };
            Record { instance: InstanceId(0), member: Member::Var(var), ..r.clone() }
        });
        self.flat.run.records = records.collect();
        let path = String::new();
        let instance = Instance { path, body: BodyId(0), args, arrival: (0, 0), place };
        self.flat.instances.push(instance);
        self.flat.bodies.push(self.body);
        Flat(self.flat)
    }
}
