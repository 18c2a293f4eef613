//! Which processes send without being sent anything: neurons that a bias drives, sources.
//!
//! What a step does is computed on constants, from zeros received and from the initial state. A
//! variable that a step may change is unknown from then on, and so is what depends on the step
//! or on chance; what is not known may be anything.

use super::evaluate::{Once, apply};
use super::{Action, Body, Network, Op, Stage, ValueId, Var};
use crate::tensor::{Constant, Values, generate};
use snn_grammar::ast::Direction;

/// Whether an instance may ever send something that is not zero, when nothing comes in.
pub fn sends_unprompted(network: &Network, instance: usize) -> bool {
    let body = &network.bodies[network.instances[instance].body.at()];
    let mut quiet = Quiet {
        body,
        once: Once::of(network, instance),
        changed: vec![false; body.vars.len()],
        sent: vec![false; body.ports.len()],
        found: Vec::new(),
    };
    // What changes makes more change, one variable at a time.
    while quiet.step() {}
    quiet.sent.contains(&true)
}

/// A process that is sent nothing.
struct Quiet<'n> {
    body: &'n Body,
    once: Once<'n>,
    /// The variables that do not keep their initial value.
    changed: Vec<bool>,
    /// The out ports that send something else than zeros.
    sent: Vec<bool>,
    /// The values found: unknown ones are `None`.
    found: Vec<Option<Option<Constant>>>,
}

impl Quiet<'_> {
    /// Looks at all statements; whether more changes than was known.
    fn step(&mut self) -> bool {
        self.found = vec![None; self.body.values.len()];
        let body = self.body;
        let mut more = false;
        for (_, stmt) in body.stmts() {
            if stmt.guard.is_some_and(|guard| self.zero(guard)) {
                continue;
            }
            match &stmt.action {
                Action::Store { var, value, mask, .. } if !self.changed[*var as usize] => {
                    let kept = mask.is_some_and(|mask| self.zero(mask))
                        || self.keeps(&body.vars[*var as usize], *value);
                    self.changed[*var as usize] = !kept;
                    more |= !kept;
                }
                Action::Send { port, value } if !self.sent[*port as usize] => {
                    let sends = !self.zero(*value);
                    self.sent[*port as usize] = sends;
                    more |= sends;
                }
                _ => {}
            }
        }
        more
    }

    /// Whether a value is zero everywhere.
    fn zero(&mut self, value: ValueId) -> bool {
        self.get(value).is_some_and(|known| uniform(&known) == Some(0.0))
    }

    /// Whether a variable with its initial value keeps it when it is assigned this one, in part or
    /// as a whole.
    fn keeps(&mut self, var: &Var, value: ValueId) -> bool {
        let kind = var.ty.kind();
        let (Some(value), Some(init)) = (self.get(value), self.once.get(var.init)) else {
            return false;
        };
        let (value, init) = (value.convert(kind), init.convert(kind));
        value == init || uniform(&value).is_some_and(|x| uniform(&init) == Some(x))
    }

    /// A value, if it is known.
    fn get(&mut self, value: ValueId) -> Option<Constant> {
        // Arguments come before what they are arguments of: no recursion, however deep.
        let mut pending = vec![value];
        while let Some(&next) = pending.last() {
            let before = pending.len();
            if self.found[next.at()].is_none() {
                let args = needed(&self.body.values[next.at()]);
                pending.extend(args.iter().filter(|arg| self.found[arg.at()].is_none()));
            }
            if pending.len() == before {
                if self.found[next.at()].is_none() {
                    self.found[next.at()] = Some(self.compute(next));
                }
                pending.pop();
            }
        }
        self.found[value.at()].clone().flatten()
    }

    fn compute(&mut self, at: ValueId) -> Option<Constant> {
        let value = &self.body.values[at.at()];
        if value.stage == Stage::Once {
            return self.once.get(at);
        }
        let zeros = || generate::zeros(&value.shape).ok().map(|zeros| zeros.convert(value.kind));
        match value.op {
            Op::Var(var) if !self.changed[var as usize] => {
                let init = self.once.get(self.body.vars[var as usize].init)?;
                apply(&Op::Broadcast, (value.kind, &value.shape), &[&init])
            }
            Op::Input(port) => {
                let received = self.body.ports[port as usize].direction == Direction::In;
                if received || !self.sent[port as usize] { zeros() } else { None }
            }
            // Of nothing they make nothing, whatever the weights: these may be large.
            Op::MatMul | Op::Conv(_) => match self.zero(*value.args.get(1)?) {
                true => zeros(),
                false => None,
            },
            _ => {
                let args: Option<Vec<&Constant>> =
                    value.args.iter().map(|a| self.found[a.at()].as_ref()?.as_ref()).collect();
                apply(&value.op, (value.kind, &value.shape), &args?)
            }
        }
    }
}

/// The arguments that must be known for a value to be.
fn needed(value: &super::Value) -> &[ValueId] {
    match value.op {
        _ if value.stage == Stage::Once => &[],
        Op::MatMul | Op::Conv(_) => value.args.get(1..).unwrap_or_default(),
        _ => &value.args,
    }
}

/// The one value that all elements have.
fn uniform(constant: &Constant) -> Option<f64> {
    fn same<T: Copy + PartialEq>(values: &[T]) -> Option<T> {
        values.first().copied().filter(|first| values.iter().all(|x| x == first))
    }
    match &constant.values().values {
        Values::Int(v) => same(v).map(|n| n as f64),
        Values::Float(v) => same(v),
        Values::Bool(v) => same(v).map(|b| f64::from(u8::from(b))),
    }
}
