//! The way back: one statement after the other, in reverse order.

use super::{At, End, Fixed, Reverser};
use snn_ir::network::adjoint::{Built, Slope, adjoint_kind, gradients};
use snn_ir::network::{Action, ClockId, Op, Pick, Stage, ValueId, VarKind, When};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::Tensor;
use std::collections::BTreeMap;

impl Reverser<'_> {
    /// The derivative of the loss by itself is 1.
    pub(super) fn turn(&mut self, loss: u32) -> Result<(), String> {
        let of = &self.body.vars[loss as usize];
        let (place, clock) = (of.place, self.clocks.turn);
        let one = self.b.number(adjoint_kind(of.ty.kind()), 1.0)?;
        let adjoint = self.adjoint(loss)?;
        self.assign(adjoint, one, At { clock, guard: None, place });
        Ok(())
    }

    /// Goes back through the resets at a place of the step, which are in order.
    pub(super) fn resets(&mut self, when: When, slope: Slope<'_>) -> Result<(), String> {
        for reset in self.flat.resets.iter().rev().filter(|reset| reset.when == when) {
            let var = reset.var.1;
            if !self.flow.passes_var(var) {
                continue;
            }
            let clock = match when {
                When::Host => self.clocks.back_between[&reset.clock],
                _ => self.clocks.back[&reset.clock],
            };
            let at = At { clock, guard: None, place: reset.place };
            let adjoint = self.adjoint(var)?;
            let gradient = self.take(adjoint, at)?;
            self.initial(var, gradient, at, slope)?;
        }
        Ok(())
    }

    /// What a variable held before the first step.
    pub(super) fn beginning(&mut self, var: u32, slope: Slope<'_>) -> Result<(), String> {
        let of = &self.body.vars[var as usize];
        let queue = matches!(of.kind, VarKind::Queue { .. });
        if queue || !self.flow.passes_var(var) || !self.flow.passes(of.init) {
            return Ok(());
        }
        let at = At { clock: self.clocks.last, guard: None, place: of.place };
        let adjoint = self.adjoint(var)?;
        let gradient = self.take(adjoint, at)?;
        self.initial(var, gradient, at, slope)
    }

    /// Sends a gradient of a variable to its initial value.
    fn initial(
        &mut self,
        var: u32,
        gradient: ValueId,
        at: At,
        slope: Slope<'_>,
    ) -> Result<(), String> {
        let init = self.body.vars[var as usize].init;
        if !self.flow.passes(init) {
            return Ok(());
        }
        let gradient = self.of_shape(gradient, &self.body.values[init.at()].shape.clone())?;
        self.send(init, gradient, at, slope)
    }

    /// Goes back through a statement.
    pub(super) fn statement(
        &mut self,
        (phase, at): (usize, usize),
        slope: Slope<'_>,
    ) -> Result<(), String> {
        let stmt = &self.body.phases[phase][at];
        let place = stmt.place;
        let when = |reverser: &mut Self, clock: ClockId| {
            let guard = stmt.guard.map(|guard| reverser.past(guard)).transpose()?;
            Ok::<At, String>(At { clock, guard, place })
        };
        let clock = self.clocks.back[&stmt.clock];
        match &stmt.action {
            Action::Read(value) => {
                if self.fixed.get(value) != Some(&Fixed::Apart) || !self.flow.passes(*value) {
                    return Ok(());
                }
                let Op::Var(var) = self.body.values[value.at()].op else { return Ok(()) };
                let at = when(self, clock)?;
                let collected = self.collected(*value)?;
                let gradient = self.take(collected, at)?;
                let adjoint = self.adjoint(var)?;
                self.add(adjoint, gradient, at)
            }
            Action::Eval(value) => {
                if !self.flow.passes(*value) {
                    return Ok(());
                }
                let at = when(self, clock)?;
                let collected = self.collected(*value)?;
                // Where the guard does not hold it was 0, whatever was done with it.
                let gradient = self.take(collected, At { guard: None, ..at })?;
                let again = self.again(*value)?;
                self.through(*value, again, gradient, at, slope)
            }
            Action::Store { var, region, value, mask } => {
                if !self.flow.passes_var(*var) {
                    return Ok(());
                }
                let at = when(self, clock)?;
                self.store((*var, region), *value, *mask, at, slope)
            }
            Action::Push { var, value } => {
                let Some(clock) = self.clocks.met.get(&(phase, at)).copied() else {
                    return Ok(());
                };
                if !self.flow.passes_var(*var) {
                    return Ok(());
                }
                let queue = self.adjoint(*var)?;
                let of = &self.vars[queue as usize];
                let (kind, shape) = (of.ty.kind(), of.shape.clone());
                let gradient = self.b.leaf(Op::Var(queue), kind, &shape)?;
                let at = At { clock, guard: None, place };
                self.emit(Action::Pop(gradient), at);
                let gradient =
                    self.of_shape(gradient, &self.body.values[value.at()].shape.clone())?;
                self.send(*value, gradient, at, slope)
            }
            Action::Pop(value) => {
                let Op::Var(var) = self.body.values[value.at()].op else { return Ok(()) };
                if !self.flow.passes_var(var) {
                    return Ok(());
                }
                let collected = self.collected(*value)?;
                // What was taken where nothing was waiting is no message.
                let gradient = self.take(collected, At { clock, guard: None, place })?;
                let Some(clock) = self.clocks.met.get(&(phase, at)).copied() else {
                    return Ok(());
                };
                let queue = self.adjoint(var)?;
                let push = Action::Push { var: queue, value: gradient };
                self.emit(push, At { clock, guard: None, place });
                Ok(())
            }
            Action::Receive(_) | Action::Send { .. } => Err("it is not in the flat form".into()),
        }
    }

    /// Goes back through a store.
    fn store(
        &mut self,
        (var, region): (u32, &[Pick]),
        value: ValueId,
        mask: Option<ValueId>,
        mut at: At,
        slope: Slope<'_>,
    ) -> Result<(), String> {
        let mask = mask.map(|mask| self.past(mask)).transpose()?;
        let computed = region.iter().any(|pick| matches!(pick, Pick::Computed(_)));
        if let (Some(mask), true) = (mask, computed) {
            // An index is one only where something is stored.
            let some = self.any(mask)?;
            at.guard = Some(match at.guard {
                Some(guard) => self.b.scalar(scalar::Op::And, &[guard, some])?,
                None => some,
            });
        }
        let mut picks = Vec::with_capacity(region.len());
        for pick in region {
            picks.push(match pick {
                Pick::Computed(index) => Pick::Computed(self.past(*index)?),
                other => other.clone(),
            });
        }
        let adjoint = self.adjoint(var)?;
        let present = self.present(adjoint, at)?;
        let mut gradient = self.picked(present, &picks)?;
        if let Some(mask) = mask {
            let kind = self.b.value(gradient)?.kind;
            let zero = self.b.number(kind, 0.0)?;
            gradient = self.b.scalar(scalar::Op::Select, &[mask, gradient, zero])?;
        }
        let mut gradient = self.of_shape(gradient, &self.body.values[value.at()].shape.clone())?;
        if self.flow.passes(value) {
            gradient = self.fix(gradient, at)?;
        }
        let zero = self.zero(self.vars[adjoint as usize].ty.kind())?;
        self.emit(Action::Store { var: adjoint, region: picks, value: zero, mask }, at);
        match self.flow.passes(value) {
            true => self.send(value, gradient, at, slope),
            false => Ok(()),
        }
    }

    /// Whether a mask holds anywhere.
    fn any(&mut self, mask: ValueId) -> Built {
        let axes = self.b.value(mask)?.shape.len();
        if axes == 0 {
            return Ok(mask);
        }
        let count = self.b.convert(mask, Kind::Int)?;
        let count = self.b.sum(count, &(0..axes).collect::<Vec<usize>>())?;
        let zero = self.b.constant(Kind::Int, Tensor::scalar_int(0))?;
        self.b.scalar(scalar::Op::Ne, &[count, zero])
    }

    /// The region of a value that picks say.
    fn picked(&mut self, of: ValueId, picks: &[Pick]) -> Built {
        let (mut of, mut axis) = (of, 0);
        for pick in picks {
            match pick {
                Pick::Range(lo, hi) => {
                    of = self.b.slice(of, axis, (*lo, *hi))?;
                    axis += 1;
                }
                Pick::At(i) => {
                    of = self.b.slice(of, axis, (*i, i + 1))?;
                    let mut shape = self.b.value(of)?.shape.clone();
                    shape.remove(axis);
                    of = self.b.reshape(of, &shape)?;
                }
                Pick::Computed(index) => {
                    let axes = self.b.value(of)?.shape.len();
                    let others = (0..axes).filter(|a| *a != axis);
                    let order: Vec<usize> = [axis].into_iter().chain(others).collect();
                    if axis > 0 {
                        of = self.b.transpose(of, &order)?;
                    }
                    let value = self.b.value(of)?;
                    let (kind, shape) = (value.kind, value.shape[1..].to_vec());
                    of = self.b.push(Op::Index, &[of, *index], kind, &shape)?;
                }
            }
        }
        Ok(of)
    }

    /// Sends a gradient of a value back to what it is computed from.
    fn send(
        &mut self,
        value: ValueId,
        gradient: ValueId,
        at: At,
        slope: Slope<'_>,
    ) -> Result<(), String> {
        let then = self.past(value)?;
        if self.is_leaf(value) {
            return self.arrive(value, gradient, at);
        }
        self.through(value, then, gradient, at, slope)
    }

    /// Whether the gradient of a value is collected in a variable.
    fn is_leaf(&self, value: ValueId) -> bool {
        self.body.values[value.at()].stage == Stage::Once || self.fixed.contains_key(&value)
    }

    /// Adds a gradient that has come to a leaf.
    fn arrive(&mut self, leaf: ValueId, gradient: ValueId, at: At) -> Result<(), String> {
        match (self.body.values[leaf.at()].op.clone(), self.fixed.get(&leaf)) {
            (Op::Var(var), Some(Fixed::Present)) => {
                let adjoint = self.adjoint(var)?;
                self.add(adjoint, gradient, at)
            }
            _ => self.collect(leaf, gradient, at),
        }
    }

    /// Goes back through the operations of a value, which is `then` in the step that is gone back
    /// through, up to the leaves.
    fn through(
        &mut self,
        value: ValueId,
        then: ValueId,
        gradient: ValueId,
        at: At,
        slope: Slope<'_>,
    ) -> Result<(), String> {
        // By value of the body, the sum of what came back; arguments have smaller numbers.
        let mut sums: BTreeMap<ValueId, (ValueId, ValueId)> = BTreeMap::new();
        sums.insert(value, (then, gradient));
        let mut arrived = Vec::new();
        while let Some((of, (then, gradient))) = sums.pop_last() {
            if of != value && self.is_leaf(of) {
                arrived.push((of, gradient));
                continue;
            }
            let args = self.b.value(then)?.args.clone();
            let passing: Vec<ValueId> = args
                .into_iter()
                .filter(|arg| self.flow.passes(self.past.origin.get(arg).copied().unwrap_or(*arg)))
                .collect();
            let needed = |arg: ValueId| passing.contains(&arg);
            let found = gradients(&mut self.b, then, gradient, &needed, slope)?;
            if found.is_empty() && !passing.is_empty() {
                self.end(of);
            }
            for (arg, gradient) in found {
                let of = self.past.origin.get(&arg).copied().unwrap_or(arg);
                let sum = match sums.get(&of) {
                    Some((_, known)) => self.b.scalar(scalar::Op::Add, &[*known, gradient])?,
                    None => gradient,
                };
                sums.insert(of, (arg, sum));
            }
        }
        for (leaf, gradient) in arrived {
            self.arrive(leaf, gradient, at)?;
        }
        Ok(())
    }

    /// Notes where a gradient ends.
    fn end(&mut self, of: ValueId) {
        let value = &self.body.values[of.at()];
        let what = match &value.op {
            Op::Scalar(op) => op.name().to_string(),
            other => format!("{other:?}"),
        };
        let end = End { what, place: value.place };
        if !self.ends.contains(&end) {
            self.ends.push(end);
        }
    }
}
