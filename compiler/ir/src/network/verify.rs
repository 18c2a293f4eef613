//! Whether a network is what its documentation says.
//!
//! A network that is verified never panics anything behind it: every index is in range, every
//! kind and shape is that of its operation, arguments come before what they are arguments of,
//! every fixed value is fixed once and before it is used, and what is read is used before it is
//! stored again. The cost is linear in the size of the network.

use super::{
    Action, Body, BodyId, Member, Network, Op, Pick, ReportKind, Stage, Stmt, TensorId, Value,
    ValueId, VarKind, infer,
};
use crate::scalar::Kind;
use snn_grammar::ast::Direction;

/// Checks a network.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn verify(network: &Network) -> Result<(), String> {
    require(network.clocks.first().is_some_and(|c| c.is_always()), || "the first clock".into())?;
    for (tensor, at) in network.tensors.iter().zip(0..) {
        if let Some(constant) = tensor.constant() {
            let kind = if tensor.kind == Kind::F32 { Kind::F64 } else { tensor.kind };
            let fits = constant.shape() == tensor.shape && constant.kind() == kind;
            require(fits, || format!("tensor {at} has another kind or shape"))?;
        }
    }
    for param in &network.params {
        require(param.tensor.at() < network.tensors.len(), || format!("param {}", param.path))?;
    }
    for (body, at) in network.bodies.iter().zip(0..) {
        Checker { network, body }.body().map_err(|why| format!("body {at}: {why}"))?;
    }
    for instance in &network.instances {
        let path = || format!("instance `{}`", instance.path);
        let body = network.bodies.get(instance.body.at());
        let body = body.ok_or_else(|| format!("{} has no body", path()))?;
        require(instance.args.len() == body.slots.len(), || format!("{}: arguments", path()))?;
        for (arg, slot) in instance.args.iter().zip(&body.slots) {
            let param = network.params.get(arg.at()).ok_or_else(path)?;
            let tensor = &network.tensors[param.tensor.at()];
            let fits = tensor.kind == slot.kind && tensor.shape == slot.shape;
            require(fits, || format!("{}: `{}` has another kind or shape", path(), slot.name))?;
        }
    }
    for (at, link) in network.links.iter().enumerate() {
        let what = |why: &str| format!("link {at}: {why}");
        let port = |(instance, port): (super::InstanceId, u32), direction: Direction| {
            let instance = network.instances.get(instance.at())?;
            let port = network.bodies[instance.body.at()].ports.get(port as usize)?;
            (port.direction == direction).then_some(port)
        };
        let to = port(link.to, Direction::In).ok_or_else(|| what("receiver"))?;
        let mut inputs = Vec::new();
        for sender in &link.senders {
            let from = port(sender.from, Direction::Out).ok_or_else(|| what("sender"))?;
            require(sender.queue != Some(0), || what("queue"))?;
            inputs.push((from.ty.kind(), from.shape.as_slice()));
        }
        values(network, &link.values, &inputs).map_err(|why| what(&why))?;
        let result = link.values.get(link.result.at()).ok_or_else(|| what("result"))?;
        require(result.shape == to.shape, || what("its result has another shape"))?;
        let floats = result.kind.is_float() && !to.ty.kind().is_float();
        require(!floats, || what("floats into integers"))?;
    }
    let var = |(instance, var): (super::InstanceId, u32)| {
        let instance = network.instances.get(instance.at())?;
        network.bodies[instance.body.at()].vars.get(var as usize)
    };
    for (at, reset) in network.resets.iter().enumerate() {
        let clock = reset.clock.at() < network.clocks.len();
        require(var(reset.var).is_some() && clock, || format!("reset {at}"))?;
    }
    run(network)?;
    require(network.instances.iter().all(|i| i.body < BodyId(network.bodies.len() as u32)), || {
        "a body that is not there".into()
    })
}

fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn run(network: &Network) -> Result<(), String> {
    let run = &network.run;
    let mut inputs = Vec::new();
    for record in &run.records {
        let what = || format!("record `{}`", record.key);
        let instance = network.instances.get(record.instance.at()).ok_or_else(what)?;
        let body = &network.bodies[instance.body.at()];
        let form = match record.member {
            Member::Var(i) => body.vars.get(i as usize).map(|v| (v.ty.kind(), v.shape.as_slice())),
            Member::Port(i) => {
                body.ports.get(i as usize).map(|p| (p.ty.kind(), p.shape.as_slice()))
            }
        };
        inputs.push(form.ok_or_else(what)?);
        require(record.when.is_none_or(|c| c.at() < network.clocks.len()), what)?;
    }
    values(network, &run.values, &inputs).map_err(|why| format!("run: {why}"))?;
    let scalar = |id: ValueId| run.values.get(id.at()).is_some_and(|v| v.shape.is_empty());
    for report in &run.reports {
        let fits = match report.kind {
            ReportKind::Value(id) => scalar(id),
            ReportKind::Raster(record) | ReportKind::Trace(record) => {
                (record as usize) < run.records.len()
            }
        };
        require(fits, || format!("report `{}`", report.text))?;
    }
    for expectation in &run.expectations {
        let sides = expectation.sides.is_none_or(|(a, b)| scalar(a) && scalar(b));
        require(scalar(expectation.holds) && sides, || format!("expect `{}`", expectation.text))?;
    }
    Ok(())
}

/// Values of a link or a run over inputs of these kinds and shapes.
fn values(network: &Network, values: &[Value], inputs: &[(Kind, &[usize])]) -> Result<(), String> {
    for (at, value) in values.iter().enumerate() {
        let args = arguments(values, at)?;
        leaf(network, value, &|op| match op {
            Op::Input(k) => inputs.get(*k as usize).copied(),
            _ => None,
        })
        .and_then(|()| infer::check(value, &args))
        .map_err(|why| format!("%{at}: {why}"))?;
    }
    Ok(())
}

/// The arguments of a value, which come before it, and its stage, which is the latest of theirs.
fn arguments(values: &[Value], at: usize) -> Result<Vec<&Value>, String> {
    let value = &values[at];
    let before = value.args.iter().all(|a| a.at() < at);
    require(before, || format!("%{at} has an argument that comes later"))?;
    let args: Vec<&Value> = value.args.iter().map(|a| &values[a.at()]).collect();
    let own = match value.op {
        Op::Time | Op::Var(_) | Op::Input(_) | Op::Random { .. } => Stage::Step,
        _ => Stage::Once,
    };
    let stage = args.iter().map(|a| a.stage).max().unwrap_or(own).max(own);
    require(value.stage == stage, || format!("%{at} has another stage"))?;
    Ok(args)
}

/// Kind and shape.
type Form<'v> = (Kind, &'v [usize]);

/// Checks kind and shape of a leaf, which the context knows.
fn leaf<'v>(
    network: &'v Network,
    value: &Value,
    known: &dyn Fn(&Op) -> Option<Form<'v>>,
) -> Result<(), String> {
    let form = match &value.op {
        Op::Const(TensorId(id)) => {
            network.tensors.get(*id as usize).map(|t| (t.kind, t.shape.as_slice()))
        }
        Op::Param(_) | Op::Var(_) | Op::Input(_) => known(&value.op),
        _ => return Ok(()),
    };
    let (kind, shape) = form.ok_or("it names what is not there")?;
    require(value.kind == kind && value.shape == shape, || "it has another kind or shape".into())
}

struct Checker<'n> {
    network: &'n Network,
    body: &'n Body,
}

impl Checker<'_> {
    fn body(&self) -> Result<(), String> {
        let body = self.body;
        for (at, value) in body.values.iter().enumerate() {
            let args = arguments(&body.values, at)?;
            leaf(self.network, value, &|op| match op {
                Op::Param(i) => body.slots.get(*i as usize).map(|s| (s.kind, s.shape.as_slice())),
                Op::Var(i) => body.vars.get(*i as usize).map(|v| (v.ty.kind(), v.shape.as_slice())),
                Op::Input(i) => {
                    body.ports.get(*i as usize).map(|p| (p.ty.kind(), p.shape.as_slice()))
                }
                _ => None,
            })
            .and_then(|()| infer::check(value, &args))
            .map_err(|why| format!("%{at}: {why}"))?;
        }
        for var in &body.vars {
            let what = || format!("variable `{}`", var.name);
            let init = body.values.get(var.init.at()).ok_or_else(what)?;
            let queue = matches!(var.kind, VarKind::Queue { .. });
            let shaped = init.shape.is_empty() || init.shape == var.shape;
            let fits = init.stage == Stage::Once && init.kind == var.ty.kind() && shaped;
            require(fits || queue, what)?;
            require(var.kind != VarKind::Queue { slots: 0 }, what)?;
        }
        for (phase, stmts) in super::Phase::ALL.iter().zip(&body.phases) {
            self.stmts(stmts).map_err(|why| format!("{}: {why}", phase.name()))?;
        }
        Ok(())
    }

    fn stmts(&self, stmts: &[Stmt]) -> Result<(), String> {
        let body = self.body;
        let mut fixed = vec![false; body.values.len()];
        // By variable, how often it has been stored; by read value, how often at its reading.
        let mut stored = vec![0u32; body.vars.len()];
        let mut sent = vec![0u32; body.ports.len()];
        let mut read_at = vec![0u32; body.values.len()];
        for (at, stmt) in stmts.iter().enumerate() {
            let what = |why: &str| format!("statement {at}: {why}");
            require(stmt.clock.at() < self.network.clocks.len(), || what("its clock"))?;
            let mut needed: Vec<ValueId> = stmt.guard.into_iter().collect();
            if let Some(guard) = stmt.guard {
                let guard = body.values.get(guard.at()).ok_or_else(|| what("its guard"))?;
                let fits = guard.kind == Kind::Bool && guard.shape.is_empty();
                require(fits, || what("its guard is no boolean scalar"))?;
            }
            stmt.action.for_each_value(&mut |v| needed.push(v));
            require(needed.iter().all(|v| v.at() < body.values.len()), || what("its values"))?;
            self.usable(&needed, &fixed, &read_at, (&stored, &sent)).map_err(|why| what(&why))?;
            self.form(stmt).map_err(|why| what(&why))?;
            if let Some(value) = stmt.action.fixes() {
                require(value.at() < body.values.len(), || what("its value"))?;
                let again = std::mem::replace(&mut fixed[value.at()], true);
                require(!again, || what("its value is fixed already"))?;
                match body.values[value.at()].op {
                    Op::Var(var) => read_at[value.at()] = stored[var as usize],
                    Op::Input(port) => read_at[value.at()] = sent[port as usize],
                    _ => {}
                }
            }
            match stmt.action {
                Action::Store { var, .. } => stored[var as usize] += 1,
                Action::Send { port, .. } => sent[port as usize] += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether values can be computed: what they are made of is fixed, and has not been stored
    /// since it was read.
    fn usable(
        &self,
        needed: &[ValueId],
        fixed: &[bool],
        read_at: &[u32],
        (stored, sent): (&[u32], &[u32]),
    ) -> Result<(), String> {
        let mut pending = needed.to_vec();
        let mut seen: std::collections::BTreeSet<ValueId> = Default::default();
        while let Some(id) = pending.pop() {
            let value = &self.body.values[id.at()];
            if value.stage == Stage::Once || !seen.insert(id) {
                continue;
            }
            let evaluated = fixed[id.at()] && !matches!(value.op, Op::Var(_) | Op::Input(_));
            match value.op {
                _ if evaluated => {}
                Op::Var(var) => {
                    require(fixed[id.at()], || format!("%{} has not been read", id.0))?;
                    let of = &self.body.vars[var as usize];
                    let own = matches!(of.kind, VarKind::State | VarKind::Flight);
                    let stale = own && read_at[id.at()] != stored[var as usize];
                    require(!stale, || format!("%{} was read before a store", id.0))?;
                }
                Op::Input(port) => {
                    require(fixed[id.at()], || format!("%{} has not been received", id.0))?;
                    let stale = read_at[id.at()] != sent[port as usize];
                    require(!stale, || format!("%{} was read before a send", id.0))?;
                }
                _ => pending.extend(&value.args),
            }
        }
        Ok(())
    }

    /// Whether a statement's values have the kinds and shapes that it needs.
    fn form(&self, stmt: &Stmt) -> Result<(), String> {
        let body = self.body;
        let value = |id: ValueId| &body.values[id.at()];
        let whole = |id: ValueId, kind: Kind, shape: &[usize]| {
            value(id).kind == kind && (value(id).shape.is_empty() || value(id).shape == shape)
        };
        match &stmt.action {
            Action::Read(v) => {
                let of = body.values.get(v.at()).map(|v| &v.op);
                if let Some(Op::Input(port)) = of {
                    let own = body.ports[*port as usize].direction == Direction::Out;
                    return require(own, || "it reads an in port".into());
                }
                let Some(Op::Var(var)) = of else { return Err("it reads no variable".into()) };
                let queue = matches!(body.vars[*var as usize].kind, VarKind::Queue { .. });
                require(!queue, || "it reads a queue".into())
            }
            Action::Receive(v) => {
                let input = body.values.get(v.at()).is_some_and(|v| match v.op {
                    Op::Input(port) => body.ports[port as usize].direction == Direction::In,
                    _ => false,
                });
                require(input, || "it receives from no port".into())
            }
            Action::Eval(_) => Ok(()),
            Action::Pop(v) => {
                let of = body.values.get(v.at()).map(|v| &v.op);
                let Some(Op::Var(var)) = of else { return Err("it pops no queue".into()) };
                let queue = matches!(body.vars[*var as usize].kind, VarKind::Queue { .. });
                require(queue, || "it pops no queue".into())
            }
            Action::Send { port, value } => {
                let port = body.ports.get(*port as usize).ok_or("it sends from no port")?;
                let fits = whole(*value, port.ty.kind(), &port.shape);
                require(port.direction == Direction::Out && fits, || "its message".into())
            }
            Action::Push { var, value } => {
                let var = body.vars.get(*var as usize).ok_or("it pushes to no variable")?;
                let queue = matches!(var.kind, VarKind::Queue { .. });
                require(queue && whole(*value, var.ty.kind(), &var.shape), || "its message".into())
            }
            Action::Store { var, region, value, mask } => {
                let var = body.vars.get(*var as usize).ok_or("it stores to no variable")?;
                let stored = !matches!(var.kind, VarKind::Queue { .. } | VarKind::Given);
                require(stored && region.len() == var.shape.len(), || "its region".into())?;
                let mut shape = Vec::new();
                for (pick, size) in region.iter().zip(&var.shape) {
                    let fits = match pick {
                        Pick::At(i) => i < size,
                        Pick::Range(lo, hi) => {
                            shape.push(hi.saturating_sub(*lo));
                            lo <= hi && hi <= size
                        }
                        Pick::Computed(index) => {
                            let index = &body.values[index.at()];
                            index.kind == Kind::Int && index.shape.is_empty()
                        }
                    };
                    require(fits, || "its region".into())?;
                }
                let masked = mask.is_none_or(|m| whole(m, Kind::Bool, &shape));
                let fits = whole(*value, var.ty.kind(), &shape) && masked;
                require(fits, || "its value or mask has another kind or shape".into())
            }
        }
    }
}
