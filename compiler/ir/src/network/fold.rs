//! Folding: what is known before the first step becomes constants.
//!
//! A flat network without params: every value of stage `Once` that a step needs is a constant,
//! or a view of one. A choice by a constant is the side chosen.

use super::evaluate::{Once, apply};
use super::flatten::Flat;
use super::tensors::Tensors;
use super::{Action, Body, Data, Instance, Network, Op, Pick, Stage, Stmt, Value, ValueId, Var};
use crate::scalar;
use crate::tensor::Constant;
use std::collections::HashMap;

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
    };
    let vars = body.vars.iter().map(|v| Var { init: folder.value(v.init), ..v.clone() });
    let vars: Vec<Var> = vars.collect();
    let phases = std::array::from_fn(|phase| {
        let stmts = body.phases[phase].iter().map(|stmt| folder.stmt(stmt.clone()));
        stmts.collect::<Vec<Stmt>>()
    });
    let Folder { mut folded, values, .. } = folder;
    folded.bodies.push(Body {
        process: body.process.clone(),
        tag: body.tag.clone(),
        standard: body.standard,
        resources: body.resources.clone(),
        slots: Vec::new(),
        vars,
        ports: body.ports.clone(),
        values,
        phases,
    });
    Flat(folded)
}

/// The same network without params and without its body, which is most of it.
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
    constants: HashMap<super::TensorId, ValueId>,
}

impl Folder<'_> {
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
        Some(self.tensor(tensor, of))
    }

    fn tensor(&mut self, tensor: super::TensorId, of: &Value) -> ValueId {
        if let Some(known) = self.constants.get(&tensor) {
            return *known;
        }
        let id = self.push(Value {
            op: Op::Const(tensor),
            args: Vec::new(),
            kind: of.kind,
            shape: of.shape.clone(),
            stage: Stage::Once,
            name: None,
            spike: None,
            place: of.place,
        });
        self.constants.insert(tensor, id);
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
                return self.tensor(tensor, of);
            }
        }
        self.push(changed(of, args, stage))
    }

    fn known(&self, id: ValueId) -> Option<Constant> {
        match self.values[id.at()].op {
            Op::Const(tensor) => {
                let tensor = &self.folded.tensors[tensor.at()];
                match tensor.data {
                    Data::File(_) => None,
                    _ => tensor.constant(),
                }
            }
            _ => None,
        }
    }
}

/// A value with other arguments, known at another time.
fn changed(of: &Value, args: Vec<ValueId>, stage: Stage) -> Value {
    let Value { op, args: _, kind, shape, stage: _, name, spike, place } = of;
    let (op, shape, name) = (op.clone(), shape.clone(), name.clone());
    Value { op, args, kind: *kind, shape, stage, name, spike: *spike, place: *place }
}
