//! Folding: what is known before the first step becomes constants.
//!
//! Every value of stage `Once` that a step needs is a constant, a param, or a view of one. What
//! follows from params that are not structural is a param of the folded network, so that another
//! value can take its place in what is made of it; all else is a constant, and so is a condition,
//! by which sides are chosen: a choice by a constant is the side chosen.

use super::evaluate::{Once, apply};
use super::flatten::Flat;
use super::tensors::Tensors;
use super::{
    Action, Body, Instance, Network, Op, Param, ParamId, Pick, Slot, Stage, Stmt, TensorId, Value,
    ValueId, Var,
};
use crate::diagnostics::Loc;
use crate::scalar::{self, Kind};
use crate::tensor::Constant;
use std::collections::HashMap;
use std::rc::Rc;

/// The same network with everything known computed.
pub fn fold(flat: &Flat) -> Flat {
    let network = &flat.0;
    let body = flat.body();
    let mut folder = Folder {
        body,
        once: Once::of(network, 0),
        tensors: Tensors::of(network),
        folded: around(network),
        values: Vec::new(),
        map: vec![None; body.values.len()],
        constants: HashMap::new(),
        before: Vec::new(),
        behind: Vec::new(),
        slots: Vec::new(),
        given: HashMap::new(),
    };
    folder.look_behind();
    let vars = body.vars.iter().map(|v| Var { init: folder.value(v.init), ..v.clone() });
    let vars: Vec<Var> = vars.collect();
    let phases = std::array::from_fn(|phase| {
        let stmts = body.phases[phase].iter().map(|stmt| folder.stmt(stmt.clone()));
        stmts.collect::<Vec<Stmt>>()
    });
    let Folder { mut folded, values, slots, .. } = folder;
    let args: Vec<ParamId> = (0..slots.len() as u32).map(ParamId).collect();
    folded.instances.iter_mut().for_each(|instance| instance.args.clone_from(&args));
    folded.bodies.push(Body {
        process: body.process.clone(),
        tag: body.tag.clone(),
        standard: body.standard,
        resources: body.resources.clone(),
        slots,
        vars,
        ports: body.ports.clone(),
        values,
        phases,
    });
    Flat(folded)
}

/// The same network without its params and its body, which is most of it.
fn around(network: &Network) -> Network {
    let instances = network.instances.iter().map(|i| Instance { args: Vec::new(), ..i.clone() });
    Network {
        name: network.name.clone(),
        tensors: network.tensors.clone(),
        params: Vec::new(),
        clocks: network.clocks.clone(),
        bodies: Vec::new(),
        instances: instances.collect(),
        links: network.links.clone(),
        resets: network.resets.clone(),
        run: network.run.clone(),
    }
}

struct Folder<'n> {
    body: &'n Body,
    once: Once<'n>,
    tensors: Tensors,
    folded: Network,
    values: Vec<Value>,
    map: Vec<Option<ValueId>>,
    constants: HashMap<TensorId, ValueId>,
    /// The params that are not structural from which each value of the body follows, and each of
    /// those folded, where it is of stage `Once`.
    before: Vec<Params>,
    behind: Vec<Params>,
    /// The params of the folded network.
    slots: Vec<Slot>,
    /// By what they follow from and what they are: many instances may be given the same.
    given: HashMap<(Loc, Vec<Loc>, TensorId), (usize, ValueId)>,
}

/// Params, ascending; none, or some.
type Params = Option<Rc<[ParamId]>>;

impl Folder<'_> {
    /// Finds out what each value follows from.
    fn look_behind(&mut self) {
        let network = self.once.network;
        let args = &network.instances[0].args;
        let mut before: Vec<Params> = Vec::with_capacity(self.body.values.len());
        for value in &self.body.values {
            let param = match value.op {
                Op::Param(slot) => args.get(slot as usize).copied(),
                _ => None,
            };
            let free = |param: &ParamId| !network.params[param.at()].structural;
            before.push(match (param.filter(free), value.stage) {
                (Some(param), _) => Some(Rc::from([param])),
                (None, Stage::Once) => all(value.args.iter().map(|a| &before[a.at()])),
                (None, Stage::Step) => None,
            });
        }
        self.before = before;
    }

    fn stmt(&mut self, mut stmt: Stmt) -> Stmt {
        stmt.guard = stmt.guard.map(|g| self.value(g));
        match &mut stmt.action {
            Action::Read(value) | Action::Receive(value) | Action::Pop(value) => {
                *value = self.value(*value);
            }
            // What is fixed must stay a value of its own.
            Action::Eval(value) => *value = self.fixed(*value),
            Action::Send { value, .. } | Action::Push { value, .. } => *value = self.value(*value),
            Action::Store { region, value, mask, .. } => {
                for pick in region {
                    if let Pick::Computed(index) = pick {
                        *index = self.value(*index);
                    }
                }
                *value = self.value(*value);
                *mask = mask.map(|m| self.value(m));
            }
        }
        stmt
    }

    fn fixed(&mut self, value: ValueId) -> ValueId {
        let id = self.value(value);
        let of = &self.body.values[value.at()];
        let new = &self.values[id.at()];
        if new.stage == Stage::Step && new.name == of.name {
            return id;
        }
        // It has become another value, or a constant: a view of that keeps name and place.
        let (kind, shape) = (of.kind, of.shape.clone());
        let fixed = Value {
            op: Op::Reshape,
            args: vec![id],
            kind,
            shape,
            stage: new.stage,
            name: of.name.clone(),
            spike: of.spike,
            place: of.place,
        };
        let own = self.push(fixed);
        self.map[value.at()] = Some(own);
        own
    }

    fn push(&mut self, value: Value) -> ValueId {
        self.behind.push(match value.stage {
            Stage::Once => all(value.args.iter().map(|a| &self.behind[a.at()])),
            Stage::Step => None,
        });
        self.values.push(value);
        ValueId(self.values.len() as u32 - 1)
    }

    /// The folded form of a value.
    fn value(&mut self, value: ValueId) -> ValueId {
        let mut pending = vec![value];
        while let Some(&next) = pending.last() {
            if self.map[next.at()].is_some() {
                pending.pop();
                continue;
            }
            let of = &self.body.values[next.at()];
            if of.stage == Stage::Once
                && let Some(known) = self.constant(next)
            {
                self.map[next.at()] = Some(known);
                continue;
            }
            let before = pending.len();
            pending.extend(of.args.iter().filter(|a| self.map[a.at()].is_none()));
            if pending.len() == before {
                let id = self.rebuilt(of);
                self.map[next.at()] = Some(id);
            }
        }
        self.map[value.at()].unwrap_or(value)
    }

    /// The constant that a value of stage `Once` is. A stretched one stays a view of a smaller.
    fn constant(&mut self, value: ValueId) -> Option<ValueId> {
        let of = &self.body.values[value.at()];
        if of.op == Op::Broadcast {
            return None;
        }
        let tensor = match self.once.tensor(value) {
            Some(tensor) => tensor,
            None => {
                let known = self.once.get(value)?;
                self.tensors.constant(&mut self.folded, of.kind, &known)
            }
        };
        let params = self.before[value.at()].clone();
        Some(self.tensor(tensor, of, params))
    }

    /// A value that is known and follows from these params.
    fn tensor(&mut self, tensor: TensorId, of: &Value, params: Params) -> ValueId {
        let condition = of.kind == Kind::Bool && of.shape.is_empty();
        if let Some(params) = params.filter(|_| !condition) {
            return self.param(tensor, of, params);
        }
        if let Some(known) = self.constants.get(&tensor) {
            return *known;
        }
        let id = self.push(leaf(Op::Const(tensor), of));
        self.constants.insert(tensor, id);
        id
    }

    fn param(&mut self, tensor: TensorId, of: &Value, params: Rc<[ParamId]>) -> ValueId {
        let behind: Vec<&Param> =
            params.iter().map(|p| &self.once.network.params[p.at()]).collect();
        let key = (of.place, behind.iter().map(|p| p.place).collect(), tensor);
        let path = behind.iter().map(|p| p.path.as_str()).collect::<Vec<_>>().join(", ");
        if let Some((slot, known)) = self.given.get(&key) {
            let all = &mut self.folded.params[*slot].path;
            all.push_str(", ");
            all.push_str(&path);
            return *known;
        }
        let slot = Slot { name: path.clone(), kind: of.kind, shape: of.shape.clone() };
        let (range, structural, place) = (None, false, of.place);
        self.folded.params.push(Param { path, range, structural, tensor, place });
        self.slots.push(slot);
        let id = self.push(leaf(Op::Param(self.slots.len() as u32 - 1), of));
        self.behind[id.at()] = Some(params);
        self.given.insert(key, (self.slots.len() - 1, id));
        id
    }

    /// The same operation on folded arguments, or what it comes to.
    fn rebuilt(&mut self, of: &Value) -> ValueId {
        let args: Vec<ValueId> = of.args.iter().filter_map(|a| self.map[a.at()]).collect();
        if of.op == Op::Scalar(scalar::Op::Select)
            && self.values[args[0].at()].shape.is_empty()
            && let Some(holds) = self.known(args[0]).and_then(|c| c.as_int())
        {
            let chosen = if holds != 0 { args[1] } else { args[2] };
            if self.values[chosen.at()].shape == of.shape {
                return chosen;
            }
            let stage = self.values[chosen.at()].stage;
            return self.push(Value { op: Op::Broadcast, ..changed(of, vec![chosen], stage) });
        }
        let known: Option<Vec<Constant>> = args.iter().map(|a| self.known(*a)).collect();
        let stage = match of.stage {
            Stage::Step if !args.is_empty() => {
                args.iter().map(|a| self.values[a.at()].stage).max().unwrap_or(Stage::Step)
            }
            stage => stage,
        };
        if stage == Stage::Once
            && of.op != Op::Broadcast
            && let Some(known) = known.filter(|k| !k.is_empty())
        {
            let known: Vec<&Constant> = known.iter().collect();
            if let Some(value) = apply(&of.op, (of.kind, &of.shape), &known) {
                let tensor = self.tensors.constant(&mut self.folded, of.kind, &value);
                let params = all(args.iter().map(|a| &self.behind[a.at()]));
                return self.tensor(tensor, of, params);
            }
        }
        self.push(changed(of, args, stage))
    }

    fn known(&self, id: ValueId) -> Option<Constant> {
        let tensor = match self.values[id.at()].op {
            Op::Const(tensor) => tensor,
            // As many params as slots, in the same order.
            Op::Param(slot) => self.folded.params[slot as usize].tensor,
            _ => return None,
        };
        self.folded.tensors[tensor.at()].constant()
    }
}

/// All of several sets of params.
fn all<'p>(sets: impl Iterator<Item = &'p Params>) -> Params {
    let mut sets = sets.flatten();
    let first = sets.next()?;
    let mut together = Rc::clone(first);
    for set in sets.filter(|set| *set != first) {
        let mut more = [&together[..], set].concat();
        more.sort_unstable();
        more.dedup();
        together = more.into();
    }
    Some(together)
}

/// A constant or a param of the kind and shape of a value.
fn leaf(op: Op, of: &Value) -> Value {
    let (args, shape, place) = (Vec::new(), of.shape.clone(), of.place);
    let (stage, name, spike) = (Stage::Once, None, None);
    Value { op, args, kind: of.kind, shape, stage, name, spike, place }
}

/// A value with other arguments, known at another time.
fn changed(of: &Value, args: Vec<ValueId>, stage: Stage) -> Value {
    let Value { op, args: _, kind, shape, stage: _, name, spike, place } = of;
    let (op, shape, name) = (op.clone(), shape.clone(), name.clone());
    Value { op, args, kind: *kind, shape, stage, name, spike: *spike, place: *place }
}
