//! Instances, their state and their messages.

use super::Failure;
use super::array::{self, Array, Outside, eval, position, zero};
use snn_data::Files;
use snn_ir::network::{
    Action, Body, Data, ElemTy, InstanceId, Member, Network, Op, Phase, Pick, Site, Stage, Stmt,
    Value, ValueId, VarKind, When,
};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::step::Fit;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A network in the state after some step.
pub struct Machine<'n> {
    network: &'n Network,
    tensors: Vec<Option<Array>>,
    instances: Vec<Instance>,
    /// By link and sender, the messages that have been sent and not received.
    queues: Vec<Vec<VecDeque<Array>>>,
    /// The links into each instance and port.
    into: HashMap<(InstanceId, u32), Vec<usize>>,
    /// The links and senders of each instance and port.
    from: HashMap<(InstanceId, u32), Vec<(usize, usize)>>,
    /// What each statement needs, by body and phase.
    needs: Vec<[Vec<Needs>; 4]>,
    t: u64,
}

struct Instance {
    vars: Vec<Array>,
    /// Of variables that are queues, the messages.
    waiting: Vec<VecDeque<Array>>,
    /// The last message of each port.
    ports: Vec<Array>,
    /// Values of stage `Once`.
    once: HashMap<ValueId, Array>,
    /// What has been computed in the present phase.
    known: HashMap<ValueId, Array>,
}

/// What a statement touches.
struct Needs {
    /// Values that other statements fix.
    fixed: BTreeSet<ValueId>,
    reads: Option<Touched>,
    stores: Option<Touched>,
}

/// Something that statements of an instance share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touched {
    Var(u32),
    Port(u32),
}

impl<'n> Machine<'n> {
    /// Reads the data of a network and puts it in its initial state.
    pub fn new(network: &'n Network, files: &dyn Files) -> Result<Machine<'n>, Failure> {
        let mut tensors = Vec::new();
        for tensor in &network.tensors {
            tensors.push(match &tensor.data {
                Data::File(dataset) => {
                    let known = snn_data::read(files, dataset).map_err(Failure::Data)?;
                    Some(Array::known(tensor.kind, &known))
                }
                _ => Array::constant(tensor),
            });
        }
        for param in &network.params {
            let (Some(range), Some(array)) = (param.range, &tensors[param.tensor.at()]) else {
                continue;
            };
            for element in &array.elements {
                let Scalar::F64(x) = element.convert(Kind::F64) else { continue };
                let below = if range.inclusive { x <= range.hi } else { x < range.hi };
                if x < range.lo || !below && !x.is_nan() {
                    return Err(Failure::Broken(format!("`{}` is out of range", param.path)));
                }
            }
        }
        let mut into: HashMap<(InstanceId, u32), Vec<usize>> = HashMap::new();
        let mut from: HashMap<(InstanceId, u32), Vec<(usize, usize)>> = HashMap::new();
        for (at, link) in network.links.iter().enumerate() {
            into.entry(link.to).or_default().push(at);
            for (k, sender) in link.senders.iter().enumerate() {
                from.entry(sender.from).or_default().push((at, k));
            }
        }
        let queues = network.links.iter().map(|l| vec![VecDeque::new(); l.senders.len()]);
        let needs = network.bodies.iter().map(|body| {
            std::array::from_fn(|phase| {
                let stmts: &[Stmt] = &body.phases[phase];
                let fixed: BTreeSet<ValueId> =
                    stmts.iter().filter_map(|s| s.action.fixes()).collect();
                stmts.iter().map(|stmt| needs(body, stmt, &fixed)).collect()
            })
        });
        let mut machine = Machine {
            network,
            tensors,
            instances: Vec::new(),
            queues: queues.collect(),
            into,
            from,
            needs: needs.collect(),
            t: 0,
        };
        for at in 0..network.instances.len() {
            machine.begin(at)?;
        }
        Ok(machine)
    }

    fn begin(&mut self, at: usize) -> Result<(), Failure> {
        let body = self.network.body(InstanceId(at as u32));
        let ports = body.ports.iter().map(|p| Array::full(&p.shape, zero(p.ty.kind()))).collect();
        self.instances.push(Instance {
            vars: Vec::new(),
            waiting: vec![VecDeque::new(); body.vars.len()],
            ports,
            once: HashMap::new(),
            known: HashMap::new(),
        });
        for var in &body.vars {
            let init = match var.kind {
                VarKind::Queue { .. } => Array::full(&var.shape, zero(var.ty.kind())),
                _ => self.value(at, var.init)?.stretched(&var.shape),
            };
            self.instances[at].vars.push(init);
        }
        Ok(())
    }

    /// A variable or the last message of a port.
    pub fn member(&self, instance: InstanceId, member: Member) -> &Array {
        let instance = &self.instances[instance.at()];
        match member {
            Member::Var(i) => &instance.vars[i as usize],
            Member::Port(i) => &instance.ports[i as usize],
        }
    }

    /// Executes step `t`, up to recording.
    pub fn step(&mut self, t: u64) -> Result<(), Failure> {
        self.t = t;
        self.resets(t, When::Start)?;
        for (at, phase) in Phase::ALL.into_iter().enumerate() {
            self.phase(at)?;
            self.resets(t, When::After(phase))?;
        }
        Ok(())
    }

    /// What happens between step `t` and the next.
    pub fn between(&mut self, t: u64) {
        // Initial values have been computed before.
        let _ = self.resets(t, When::Host);
    }

    fn resets(&mut self, t: u64, when: When) -> Result<(), Failure> {
        let network = self.network;
        for reset in network.resets.iter().filter(|r| r.when == when) {
            if network.clock(reset.clock).holds(t) {
                let (instance, var) = reset.var;
                let of = &network.body(instance).vars[var as usize];
                let init = self.value(instance.at(), of.init)?.stretched(&of.shape);
                self.instances[instance.at()].vars[var as usize] = init;
            }
        }
        Ok(())
    }

    /// Executes the statements of a phase: each as soon as what it needs is there, and no
    /// earlier statement of its instance is left that it must come after.
    fn phase(&mut self, phase: usize) -> Result<(), Failure> {
        let network = self.network;
        let mut pending: Vec<Vec<usize>> = Vec::new();
        for instance in &network.instances {
            let stmts = &network.bodies[instance.body.at()].phases[phase];
            let due =
                stmts.iter().enumerate().filter(|(_, s)| network.clock(s.clock).holds(self.t));
            pending.push(due.map(|(at, _)| at).collect());
        }
        for instance in &mut self.instances {
            instance.known.clear();
        }
        loop {
            let mut progress = false;
            for (instance, stmts) in pending.iter_mut().enumerate() {
                let mut left: Vec<usize> = Vec::new();
                for at in std::mem::take(stmts) {
                    if self.can_execute(instance, phase, at, &left) {
                        self.execute(instance, phase, at)?;
                        progress = true;
                    } else {
                        left.push(at);
                    }
                }
                *stmts = left;
            }
            if pending.iter().all(Vec::is_empty) {
                return Ok(());
            }
            if !progress {
                let stuck = pending.iter().position(|left| !left.is_empty()).unwrap_or(0);
                let path = &network.instances[stuck].path;
                let why = format!("`{path}` waits for a message at t = {}", self.t);
                return Err(Failure::Broken(why));
            }
        }
    }

    fn can_execute(&self, instance: usize, phase: usize, at: usize, left: &[usize]) -> bool {
        let network = self.network;
        let id = network.instances[instance].body.at();
        let (body, needs) = (&network.bodies[id], &self.needs[id][phase]);
        let own = &needs[at];
        let blocked = left.iter().any(|earlier| {
            let other = &needs[*earlier];
            let fixes = body.phases[phase][*earlier].action.fixes();
            fixes.is_some_and(|v| own.fixed.contains(&v))
                || other.stores.is_some()
                    && (other.stores == own.stores || other.stores == own.reads)
                || own.stores.is_some() && own.stores == other.reads
        });
        let received = match body.phases[phase][at].action {
            Action::Receive(value) => match body.values[value.at()].op {
                Op::Input(port) => self.into.get(&(InstanceId(instance as u32), port)),
                _ => None,
            },
            _ => None,
        };
        let there = received.is_none_or(|links| {
            links.iter().all(|link| self.queues[*link].iter().all(|queue| !queue.is_empty()))
        });
        !blocked && there
    }

    fn execute(&mut self, instance: usize, phase: usize, at: usize) -> Result<(), Failure> {
        let network = self.network;
        let body = network.body(InstanceId(instance as u32));
        let stmt = &body.phases[phase][at];
        let happens = match stmt.guard {
            Some(guard) => self.value(instance, guard)?.any(),
            None => true,
        };
        match &stmt.action {
            Action::Read(value) => {
                let own = &mut self.instances[instance];
                let content = match body.values[value.at()].op {
                    Op::Var(var) => own.vars[var as usize].clone(),
                    Op::Input(port) => own.ports[port as usize].clone(),
                    _ => return Ok(()),
                };
                own.known.insert(*value, content);
            }
            Action::Receive(value) => self.receive(instance, body, *value)?,
            Action::Eval(value) if happens => {
                self.value(instance, *value)?;
            }
            Action::Eval(value) => {
                let of = &body.values[value.at()];
                let nothing = Array::full(&of.shape, zero(of.kind));
                self.instances[instance].known.insert(*value, nothing);
            }
            _ if !happens => {}
            Action::Store { var, region, value, mask } => {
                self.store(instance, body, *var, region, *value, *mask)?;
            }
            Action::Send { port, value } => {
                let of = &body.ports[*port as usize];
                let message = self.fitted(instance, *value, of.ty, &of.shape)?;
                let id = InstanceId(instance as u32);
                for (link, sender) in self.from.get(&(id, *port)).cloned().unwrap_or_default() {
                    let queue = &mut self.queues[link][sender];
                    queue.push_back(message.clone());
                    let most = network.links[link].senders[sender].queue.unwrap_or(1);
                    // A message that is received in the step in which it is sent, or in the
                    // next, is not counted as waiting.
                    if queue.len() > most {
                        let path = &network.instances[instance].path;
                        let why = format!("a queue of `{path}` overflows at t = {}", self.t);
                        return Err(Failure::Broken(why));
                    }
                }
                self.instances[instance].ports[*port as usize] = message;
            }
            Action::Push { var, value } => {
                let of = &body.vars[*var as usize];
                let message = self.fitted(instance, *value, of.ty, &of.shape)?;
                let queue = &mut self.instances[instance].waiting[*var as usize];
                queue.push_back(message);
                if let VarKind::Queue { slots } = of.kind
                    && queue.len() > slots
                {
                    let why = format!("`{}` overflows at t = {}", of.name, self.t);
                    return Err(Failure::Broken(why));
                }
            }
            Action::Pop(value) => {
                let Op::Var(var) = body.values[value.at()].op else { return Ok(()) };
                let message = self.instances[instance].waiting[var as usize].pop_front();
                let message = message.ok_or_else(|| {
                    let name = &body.vars[var as usize].name;
                    Failure::Broken(format!("`{name}` is empty at t = {}", self.t))
                })?;
                self.instances[instance].known.insert(*value, message);
            }
        }
        Ok(())
    }

    /// Adds up what arrives at a port.
    fn receive(&mut self, instance: usize, body: &Body, value: ValueId) -> Result<(), Failure> {
        let network = self.network;
        let Op::Input(port) = body.values[value.at()].op else { return Ok(()) };
        let of = &body.ports[port as usize];
        let kind = of.ty.kind();
        let key = (InstanceId(instance as u32), port);
        let mut messages = Vec::new();
        for at in self.into.get(&key).cloned().unwrap_or_default() {
            let link = &network.links[at];
            let mut inputs = Vec::new();
            for queue in &mut self.queues[at] {
                inputs.extend(queue.pop_front());
            }
            let mut known: Vec<Array> = Vec::new();
            for value in &link.values {
                let args: Vec<&Array> = value.args.iter().map(|a| &known[a.at()]).collect();
                let found = match value.op {
                    Op::Input(k) => inputs[k as usize].clone(),
                    Op::Const(tensor) => self.tensor(tensor.at())?,
                    _ => array::apply(value, &args).map_err(|o| self.outside("a message", o))?,
                };
                known.push(found);
            }
            messages.push(known[link.result.at()].clone());
        }
        let several = messages.len() > 1;
        let exact = if kind == Kind::Bool && several { Kind::Int } else { kind };
        let sum = (0..of.shape.iter().product()).map(|place| {
            let mut parts = messages.iter().map(|m| m.at(place).convert(exact));
            let first = parts.next().unwrap_or(zero(kind));
            let sum = parts.fold(first, |sum, x| eval(scalar::Op::Add, &[sum, x]));
            fit(sum.convert(kind), of.ty)
        });
        let message = Array { shape: of.shape.clone(), elements: sum.collect(), rest: None };
        self.instances[instance].ports[port as usize] = message.clone();
        self.instances[instance].known.insert(value, message);
        Ok(())
    }

    fn store(
        &mut self,
        instance: usize,
        body: &Body,
        var: u32,
        region: &[Pick],
        value: ValueId,
        mask: Option<ValueId>,
    ) -> Result<(), Failure> {
        let of = &body.vars[var as usize];
        let sizes = region.iter().filter_map(|pick| match pick {
            Pick::Range(lo, hi) => Some(hi - lo),
            _ => None,
        });
        let shape: Vec<usize> = sizes.collect();
        let mask = match mask {
            Some(mask) => self.value(instance, mask)?,
            None => Array::scalar(Scalar::Bool(true)),
        };
        if !mask.any() || shape.contains(&0) {
            return Ok(());
        }
        let value = self.value(instance, value)?;
        let mut at: Vec<Option<usize>> = Vec::new();
        for (pick, extent) in region.iter().zip(&of.shape) {
            at.push(match pick {
                Pick::At(i) => Some(*i),
                Pick::Range(..) => None,
                Pick::Computed(index) => {
                    let (index, extent) = (self.value(instance, *index)?.int(), *extent);
                    let inside = usize::try_from(index).ok().filter(|i| *i < extent);
                    Some(inside.ok_or_else(|| self.outside(&of.name, Outside { index, extent }))?)
                }
            });
        }
        let target = &mut self.instances[instance].vars[var as usize];
        for (place, index) in array::places(&shape).enumerate() {
            if mask.at(place) != Scalar::Bool(true) {
                continue;
            }
            let mut along = index.iter();
            let to: Vec<usize> = region
                .iter()
                .zip(&at)
                .map(|(pick, fixed)| match pick {
                    Pick::Range(lo, _) => lo + along.next().copied().unwrap_or(0),
                    _ => fixed.unwrap_or(0),
                })
                .collect();
            target.elements[position(&of.shape, &to)] = fit(value.at(place), of.ty);
        }
        Ok(())
    }

    /// A value, stretched to a shape and made to fit a type.
    fn fitted(
        &mut self,
        instance: usize,
        value: ValueId,
        ty: ElemTy,
        shape: &[usize],
    ) -> Result<Array, Failure> {
        let value = self.value(instance, value)?;
        let elements = (0..shape.iter().product()).map(|place| fit(value.at(place), ty));
        Ok(Array { shape: shape.to_vec(), elements: elements.collect(), rest: None })
    }

    fn tensor(&self, at: usize) -> Result<Array, Failure> {
        let found = self.tensors[at].clone();
        found.ok_or_else(|| Failure::Broken("a sparse constant is too large for the oracle".into()))
    }

    /// A value of the run over what was kept and the values before it.
    pub fn over_records(
        &self,
        value: &Value,
        inputs: &[Option<Array>],
        known: &[Option<Array>],
    ) -> Result<Option<Array>, Failure> {
        match value.op {
            Op::Input(record) => Ok(inputs[record as usize].clone()),
            Op::Const(tensor) => self.tensor(tensor.at()).map(Some),
            _ => {
                let args: Option<Vec<&Array>> =
                    value.args.iter().map(|a| known[a.at()].as_ref()).collect();
                Ok(args.and_then(|args| array::apply(value, &args).ok()))
            }
        }
    }

    fn outside(&self, what: &str, outside: Outside) -> Failure {
        let Outside { index, extent } = outside;
        Failure::Index { what: what.into(), index, extent, t: self.t }
    }

    /// A value of an instance; what no statement fixes is computed.
    fn value(&mut self, instance: usize, id: ValueId) -> Result<Array, Failure> {
        let network = self.network;
        let values = &network.body(InstanceId(instance as u32)).values;
        let mut pending = vec![id];
        while let Some(&next) = pending.last() {
            if self.found(instance, &values[next.at()], next).is_some() {
                pending.pop();
                continue;
            }
            let of = &values[next.at()];
            let before = pending.len();
            for arg in &of.args {
                if self.found(instance, &values[arg.at()], *arg).is_none() {
                    pending.push(*arg);
                }
            }
            if pending.len() > before {
                continue;
            }
            let computed = self.compute(instance, values, of)?;
            let instance = &mut self.instances[instance];
            match of.stage {
                Stage::Once => instance.once.insert(next, computed),
                Stage::Step => instance.known.insert(next, computed),
            };
        }
        let found = self.found(instance, &values[id.at()], id).cloned();
        found.ok_or_else(|| Failure::Broken(format!("%{} is not known", id.0)))
    }

    fn found(&self, instance: usize, value: &Value, id: ValueId) -> Option<&Array> {
        let instance = &self.instances[instance];
        match value.stage {
            Stage::Once => instance.once.get(&id),
            Stage::Step => instance.known.get(&id),
        }
    }

    fn compute(&self, at: usize, values: &[Value], value: &Value) -> Result<Array, Failure> {
        let instance = &self.network.instances[at];
        match &value.op {
            Op::Const(tensor) => self.tensor(tensor.at()),
            Op::Param(slot) => {
                let param = instance.args[*slot as usize];
                self.tensor(self.network.params[param.at()].tensor.at())
            }
            Op::Time => Ok(Array::scalar(Scalar::Int(self.t as i64))),
            Op::Random { seed, site } => {
                let stream = match site {
                    Site::Call(call) => snn_runtime::random::stream(&instance.path, *call),
                    Site::Stream(stream) => *stream,
                };
                let draw = |place: usize| {
                    let x = snn_runtime::random::uniform(*seed, stream, self.t, place as u64);
                    Scalar::F64(x)
                };
                let elements = (0..value.shape.iter().product()).map(draw).collect();
                Ok(Array { shape: value.shape.clone(), elements, rest: None })
            }
            Op::Var(_) | Op::Input(_) => {
                Err(Failure::Broken(format!("{:?} has not been fixed", value.op)))
            }
            _ => {
                let args = value.args.iter();
                let args: Option<Vec<&Array>> =
                    args.map(|a| self.found(at, &values[a.at()], *a)).collect();
                let args = args.ok_or_else(|| Failure::Broken("an argument is missing".into()))?;
                array::apply(value, &args).map_err(|o| self.outside("the indexed array", o))
            }
        }
    }
}

/// What a store into a type does with a value.
fn fit(value: Scalar, ty: ElemTy) -> Scalar {
    match (value, ty.fit()) {
        (Scalar::Int(_), Fit::Wrap { bits, signed }) => {
            eval(scalar::Op::Wrap { bits, signed }, &[value])
        }
        (Scalar::Int(_), Fit::Sat { bits, signed }) => {
            eval(scalar::Op::Sat { bits, signed }, &[value])
        }
        _ => value,
    }
}

fn needs(body: &Body, stmt: &Stmt, fixed: &BTreeSet<ValueId>) -> Needs {
    let mut needs = Needs { fixed: BTreeSet::new(), reads: None, stores: None };
    let mut pending: Vec<ValueId> = stmt.guard.into_iter().collect();
    stmt.action.for_each_value(&mut |v| pending.push(v));
    let own = stmt.action.fixes();
    let mut seen: BTreeSet<ValueId> = BTreeSet::new();
    while let Some(id) = pending.pop() {
        let value = &body.values[id.at()];
        if value.stage == Stage::Once || !seen.insert(id) {
            continue;
        }
        if fixed.contains(&id) && own != Some(id) {
            needs.fixed.insert(id);
        } else {
            pending.extend(&value.args);
        }
    }
    let var = |value: ValueId| match body.values[value.at()].op {
        Op::Var(var) => Some(Touched::Var(var)),
        Op::Input(port) => Some(Touched::Port(port)),
        _ => None,
    };
    match &stmt.action {
        Action::Read(value) => needs.reads = var(*value),
        Action::Pop(value) => needs.stores = var(*value),
        Action::Store { var, .. } | Action::Push { var, .. } => {
            needs.stores = Some(Touched::Var(*var));
        }
        Action::Send { port, .. } => needs.stores = Some(Touched::Port(*port)),
        _ => {}
    }
    needs
}
