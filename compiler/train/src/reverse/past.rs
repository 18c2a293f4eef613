//! Values as they were in the step that is gone back through.
//!
//! What a statement has fixed is kept in a tape: a variable whose first axis is the step. All
//! else is computed again.

use super::Reverser;
use snn_ir::network::adjoint::Built;
use snn_ir::network::{
    Action, ClockId, ElemTy, Op, Pick, Stage, Stmt, Value, ValueId, Var, VarKind,
};
use snn_ir::scalar;
use snn_ir::tensor::Tensor;
use std::collections::{BTreeSet, HashMap};

/// A value by step.
pub(super) struct Tape {
    /// What is kept.
    pub of: ValueId,
    /// The variable that it is kept in.
    pub var: u32,
    /// All that the variable holds, as the way back reads it.
    all: ValueId,
    /// That of the step that is gone back through.
    now: ValueId,
}

/// What is known of values on the way back.
#[derive(Default)]
pub(super) struct Past {
    /// By value of the body, the same in the step that is gone back through.
    found: HashMap<ValueId, ValueId>,
    /// By that one, the value of the body.
    pub origin: HashMap<ValueId, ValueId>,
    pub tapes: Vec<Tape>,
    /// The step that is gone back through, and its position in a tape.
    step: Option<(ValueId, ValueId)>,
}

impl Reverser<'_> {
    /// A value as it was in the step that is gone back through.
    pub(super) fn past(&mut self, id: ValueId) -> Built {
        let mut needed = vec![id];
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if self.past.found.contains_key(&id) || self.kept(id) {
                continue;
            }
            for arg in &self.body.values[id.at()].args {
                needed.push(*arg);
                pending.push(*arg);
            }
        }
        // Arguments have smaller numbers.
        needed.sort_unstable();
        needed.dedup();
        for id in needed {
            if !self.past.found.contains_key(&id) {
                let then = self.then(id)?;
                self.past.found.insert(id, then);
                self.past.origin.insert(then, id);
            }
        }
        Ok(self.past.found[&id])
    }

    /// A value that a statement fixes, computed again from what it is made of.
    pub(super) fn again(&mut self, id: ValueId) -> Built {
        let args = self.body.values[id.at()].args.clone();
        for arg in args {
            self.past(arg)?;
        }
        let again = self.computed(id)?;
        self.past.origin.insert(again, id);
        Ok(again)
    }

    /// Whether a value of a step is not computed again: a statement fixes it, or it is drawn.
    fn kept(&self, id: ValueId) -> bool {
        let value = &self.body.values[id.at()];
        value.stage == Stage::Once
            || self.fixed.contains_key(&id)
            || matches!(value.op, Op::Time | Op::Random { .. })
    }

    /// The value of the step that is gone back through; its arguments are found already.
    fn then(&mut self, id: ValueId) -> Built {
        let value = &self.body.values[id.at()];
        match value.op {
            _ if value.stage == Stage::Once => Ok(id),
            Op::Time => Ok(self.step()?.0),
            _ if self.kept(id) => self.tape(id),
            _ => self.computed(id),
        }
    }

    fn computed(&mut self, id: ValueId) -> Built {
        let Value { op, args, kind, shape, spike, place, .. } = self.body.values[id.at()].clone();
        let args: Vec<ValueId> = args.iter().map(|arg| self.past.found[arg]).collect();
        self.b.place = place;
        let then = self.b.push(op, &args, kind, &shape)?;
        if let Some(mark) = spike {
            self.b.mark(then, mark)?;
        }
        Ok(then)
    }

    /// The step that is gone back through, and where a tape has what was fixed in it.
    fn step(&mut self) -> Result<(ValueId, ValueId), String> {
        if let Some(step) = self.past.step {
            return Ok(step);
        }
        let time = self.b.leaf(Op::Time, scalar::Kind::Int, &[])?;
        let last = Tensor::scalar_int(2 * self.steps as i64);
        let last = self.b.constant(scalar::Kind::Int, last)?;
        let place = self.b.scalar(scalar::Op::Sub, &[last, time])?;
        let one = self.b.constant(scalar::Kind::Int, Tensor::scalar_int(1))?;
        let step = self.b.scalar(scalar::Op::Add, &[place, one])?;
        Ok(*self.past.step.insert((step, place)))
    }

    /// A value that is kept, as the way back reads it.
    fn tape(&mut self, id: ValueId) -> Built {
        let value = &self.body.values[id.at()];
        let (kind, place) = (value.kind, value.place);
        let ty = match value.op {
            Op::Var(var) => self.body.vars[var as usize].ty,
            _ => ElemTy::of_kind(kind),
        };
        let shape: Vec<usize> =
            [self.steps as usize].into_iter().chain(value.shape.iter().copied()).collect();
        let own = value.shape.clone();
        let init = self.zero(kind)?;
        let name = format!("tape {}", id.0);
        let var = self.vars.len() as u32;
        let kept = VarKind::State;
        self.vars.push(Var { name, kind: kept, ty, shape: shape.clone(), init, place });
        let all = self.b.leaf(Op::Var(var), kind, &shape)?;
        let (_, at) = self.step()?;
        let now = self.b.push(Op::Index, &[all, at], kind, &own)?;
        self.past.tapes.push(Tape { of: id, var, all, now });
        Ok(now)
    }

    /// Of the tapes, those that the way back reads; each read once in a step.
    pub(super) fn tapes_used(&mut self, back: &[Stmt]) -> Vec<Tape> {
        let mut used = vec![false; self.b.values().len()];
        let mut pending: Vec<ValueId> = back.iter().filter_map(|stmt| stmt.guard).collect();
        back.iter().for_each(|stmt| stmt.action.for_each_value(&mut |v| pending.push(v)));
        while let Some(id) = pending.pop() {
            if !std::mem::replace(&mut used[id.at()], true) {
                pending.extend(&self.b.values()[id.at()].args);
            }
        }
        let tapes = std::mem::take(&mut self.past.tapes);
        tapes.into_iter().filter(|tape| used[tape.now.at()]).collect()
    }

    /// Of tapes, those that are stored in every step of the first half.
    pub(super) fn written(&self, tapes: &[Tape], phases: &[Vec<Stmt>; 4]) -> Vec<u32> {
        let always = |stmt: &&Stmt| stmt.guard.is_none() && stmt.clock == self.clocks.first;
        let stored = phases.iter().flatten().filter(always).filter_map(|stmt| match stmt.action {
            Action::Store { var, .. } => Some(var),
            _ => None,
        });
        let stored: BTreeSet<u32> = stored.collect();
        tapes.iter().map(|tape| tape.var).filter(|var| stored.contains(var)).collect()
    }

    /// The statement that keeps a value, as soon as it is fixed.
    pub(super) fn keep(
        &mut self,
        tape: &Tape,
        clock: ClockId,
        guard: Option<ValueId>,
    ) -> Result<Stmt, String> {
        let at = match self.position {
            Some(at) => at,
            None => {
                let time = self.b.leaf(Op::Time, scalar::Kind::Int, &[])?;
                let one = self.b.constant(scalar::Kind::Int, Tensor::scalar_int(1))?;
                *self.position.insert(self.b.scalar(scalar::Op::Sub, &[time, one])?)
            }
        };
        let value = &self.body.values[tape.of.at()];
        let whole = value.shape.iter().map(|n| Pick::Range(0, *n));
        let region = [Pick::Computed(at)].into_iter().chain(whole).collect();
        let action = Action::Store { var: tape.var, region, value: tape.of, mask: None };
        Ok(Stmt { clock, guard, action, place: value.place })
    }

    /// The statement that reads a tape on the way back.
    pub(super) fn read(&self, tape: &Tape, clock: ClockId) -> Stmt {
        let place = self.body.values[tape.of.at()].place;
        Stmt { clock, guard: None, action: Action::Read(tape.all), place }
    }
}
