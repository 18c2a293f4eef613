//! Reverse mode of whole programs.
//!
//! A network that executes `T` steps becomes one that executes `2 T`: in the first half it does
//! what it did, and keeps what the way back needs; in step `2 T + 1 - s` it goes back through
//! step `s`, one statement after the other in reverse order. Beside every variable that a
//! gradient passes stands its adjoint, the derivative of the loss by what the variable holds at
//! that point. See A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition, 2008,
//! sections 3.2 and 4.3 (with all intermediate states kept).
//!
//! - A *store* takes the adjoint of the region that it has written, and leaves zeros: what was
//!   there before is gone. That a value was made to fit a type (wrapped, saturated) is passed
//!   over. A mask, a guard and an index are taken as they were: no gradient goes to what they
//!   are computed from. So a reset that a spike makes is no way for a gradient.
//! - A value that is *fixed* and used by several statements collects what they send back, and
//!   passes it on where it was fixed.
//! - A *queue* goes back as a queue: the gradients of messages are taken in the order in which
//!   they are put there, as the messages were.
//! - A *reset* leaves zeros, and its gradient goes to the initial value.
//! - What is known before the first step collects gradients over all steps; the last step passes
//!   them on to the params, once.
//!
//! A comparison that makes a spike has the slope that the caller gives it.

mod back;
mod clocks;
mod past;

use crate::flow::Flow;
use crate::{Kept, Refused, bare, queues};
use clocks::Clocks;
use past::{Past, Tape};
use snn_ir::diagnostics::Loc;
use snn_ir::network::adjoint::{self, Builder, Built, Slope, adjoint_kind};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    Action, Body, ClockId, ElemTy, Flat, InstanceId, Member, Network, Op, Phase, Pick, Record, Run,
    Stage, Stmt, Value, ValueId, Var, VarKind, When,
};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is asked of a gradient.
#[derive(Clone, Debug)]
pub struct Ask {
    /// How many steps are executed; at least one.
    pub steps: u64,
    /// The variable whose only element, a float, is the loss: after the last step.
    pub loss: u32,
    /// The slots of the params that are learned.
    pub learned: Vec<u32>,
}

/// A network that finds gradients.
#[derive(Clone, Debug)]
pub struct Reversed {
    /// It has no reports. Its records, kept at the end, are the loss, and the gradient of each
    /// learned param: a float of the param's shape.
    pub flat: Flat,
    /// Whether the loss depends on each learned param at all; the gradient of one on which it
    /// does not is 0.
    pub reaches: Vec<bool>,
    /// What is collected over several samples, where they are executed one after the other.
    pub kept: Kept,
    /// Where a gradient ends on its way: operations that have no derivative, each once.
    pub ends: Vec<End>,
}

/// An operation at which a gradient ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The operation.
    pub what: String,
    /// Where it is written.
    pub place: Loc,
}

/// The network that executes the steps of another, and then finds the gradients of its loss.
///
/// # Errors
/// Where a gradient would have to go through a message of which it depends on values whether it
/// is sent; where the loss is no float of one element; where `slope` fails.
pub fn reverse(flat: &Flat, ask: &Ask, slope: Slope<'_>) -> Result<Reversed, Refused> {
    let body = flat.body();
    let of = &body.vars[ask.loss as usize];
    if of.shape.iter().product::<usize>() != 1 || !of.ty.kind().is_float() {
        let why = format!("`{}` is no float of one element", of.name);
        return Err(Refused { why, place: of.place });
    }
    let met = queues::messaging(&flat.0, ask.steps)?.met;
    let mut network = Network { bodies: Vec::new(), ..flat.0.clone() };
    let clocks = Clocks::new(&mut network, flat, met, ask.steps);
    let mut tensors = Tensors::of(&network);
    let values = body.values.clone();
    let mut reverser = Reverser {
        flow: Flow::of_gradient(body, ask.loss, &ask.learned),
        b: Builder::new(&mut network, &mut tensors, values, of.place),
        flat: &flat.0,
        body,
        steps: ask.steps,
        fixed: fixed(body),
        clocks,
        vars: body.vars.clone(),
        past: Past::default(),
        position: None,
        adjoints: BTreeMap::new(),
        collected: BTreeMap::new(),
        turned: BTreeSet::new(),
        back: Vec::new(),
        ends: Vec::new(),
    };
    let place = of.place;
    let made = reverser.program(ask, slope).map_err(|why| Refused { why, place })?;
    let Made { vars, phases, gradients, reaches, kept } = made;
    let Reverser { clocks, ends, b, .. } = reverser;
    let values = b.finish();
    network.bodies.push(Body { vars, phases, values, ..body.clone() });
    let record = |(key, var): (String, u32)| Record {
        key,
        instance: InstanceId(0),
        member: Member::Var(var),
        when: None,
        asked: true,
    };
    let names = ask.learned.iter().map(|slot| body.slots[*slot as usize].name.clone());
    let all = [("loss".to_string(), ask.loss)].into_iter().chain(names.zip(gradients));
    network.run = Run { records: all.map(record).collect(), ..bare(&flat.0.run, 2 * ask.steps) };
    for reset in &mut network.resets {
        reset.clock = match reset.when {
            When::Host => clocks.between[&reset.clock],
            _ => clocks.forth[&reset.clock],
        };
    }
    Ok(Reversed { flat: Flat(network), reaches, kept, ends })
}

/// What the body of the network that finds gradients is made of.
struct Made {
    vars: Vec<Var>,
    phases: [Vec<Stmt>; 4],
    /// The variable of each learned param's gradient.
    gradients: Vec<u32>,
    reaches: Vec<bool>,
    kept: Kept,
}

/// How a value is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fixed {
    /// It is what a variable holds as long as it is used: its gradient is that of the variable.
    Present,
    /// Its gradient is collected until the statement that fixes it is gone back through.
    Apart,
}

/// The values that statements fix.
fn fixed(body: &Body) -> HashMap<ValueId, Fixed> {
    let mut fixed = HashMap::new();
    for stmts in &body.phases {
        // Whether a variable is stored behind a statement, in the phase.
        let mut stored = vec![false; body.vars.len()];
        for stmt in stmts.iter().rev() {
            match stmt.action {
                Action::Store { var, .. } => stored[var as usize] = true,
                Action::Read(value) => {
                    let Op::Var(var) = body.values[value.at()].op else { continue };
                    let port = body.vars[var as usize].kind == VarKind::Port;
                    let how =
                        if port && stored[var as usize] { Fixed::Apart } else { Fixed::Present };
                    fixed.insert(value, how);
                }
                Action::Eval(value) | Action::Pop(value) => {
                    fixed.insert(value, Fixed::Apart);
                }
                _ => {}
            }
        }
    }
    fixed
}

/// The whole of a variable of a shape.
fn whole(shape: &[usize]) -> Vec<Pick> {
    shape.iter().map(|n| Pick::Range(0, *n)).collect()
}

/// When a statement of the way back is executed.
#[derive(Clone, Copy)]
struct At {
    clock: ClockId,
    guard: Option<ValueId>,
    place: Loc,
}

struct Reverser<'n> {
    b: Builder<'n>,
    flat: &'n Network,
    body: &'n Body,
    steps: u64,
    flow: Flow,
    fixed: HashMap<ValueId, Fixed>,
    clocks: Clocks,
    vars: Vec<Var>,
    past: Past,
    /// Where a tape keeps what is fixed in the present step.
    position: Option<ValueId>,
    /// The adjoint of each variable that a gradient passes, once it is asked for.
    adjoints: BTreeMap<u32, u32>,
    /// Where the gradient of a value is collected.
    collected: BTreeMap<ValueId, u32>,
    /// Of what is known before the first step, what is collected with its axes turned: see
    /// [`Reverser::collect`].
    turned: BTreeSet<ValueId>,
    /// The statements of the way back, in order.
    back: Vec<Stmt>,
    ends: Vec<End>,
}

impl Reverser<'_> {
    fn program(&mut self, ask: &Ask, slope: Slope<'_>) -> Result<Made, String> {
        let body = self.body;
        self.turn(ask.loss)?;
        self.resets(When::Host, slope)?;
        for phase in Phase::ALL.into_iter().rev() {
            self.resets(When::After(phase), slope)?;
            for at in (0..body.phases[phase as usize].len()).rev() {
                self.statement((phase as usize, at), slope)?;
            }
        }
        self.resets(When::Start, slope)?;
        for var in 0..body.vars.len() as u32 {
            self.beginning(var, slope)?;
        }
        let each = self.back.len();
        let (gradients, reaches) = self.params(&ask.learned, slope)?;
        let known = |value: &ValueId| body.values[value.at()].stage == Stage::Once;
        let collected =
            self.collected.iter().filter(|(value, _)| known(value)).map(|(_, var)| *var);
        let sums = collected.collect();
        let last = self.back.len() - each;
        // What the way back reads is known only now.
        let mut back = std::mem::take(&mut self.back);
        let tapes = self.tapes_used(&back);
        let reads: Vec<Stmt> =
            tapes.iter().map(|tape| self.read(tape, self.clocks.second)).collect();
        let by_value: HashMap<ValueId, &Tape> = tapes.iter().map(|t| (t.of, t)).collect();
        let mut phases: [Vec<Stmt>; 4] = Default::default();
        for (all, stmts) in phases.iter_mut().zip(&body.phases) {
            for stmt in stmts {
                let clock = self.clocks.forth[&stmt.clock];
                all.push(Stmt { clock, ..stmt.clone() });
                if let Some(tape) = stmt.action.fixes().and_then(|value| by_value.get(&value)) {
                    // What is evaluated under a guard that does not hold is 0, and that is kept.
                    let guard = match stmt.action {
                        Action::Eval(_) => None,
                        _ => stmt.guard,
                    };
                    all.push(self.keep(tape, clock, guard)?);
                }
            }
        }
        for tape in &tapes {
            if !self.fixed.contains_key(&tape.of) {
                let drawn = self.keep(tape, self.clocks.first, None)?;
                phases[0].push(drawn);
            }
        }
        phases[0].extend(reads);
        phases[0].append(&mut back);
        let written = self.written(&tapes, &phases);
        let kept = Kept { sums, gradients: gradients.clone(), written, last };
        Ok(Made { vars: std::mem::take(&mut self.vars), phases, gradients, reaches, kept })
    }

    /// Passes what was collected on to the params.
    fn params(
        &mut self,
        learned: &[u32],
        slope: Slope<'_>,
    ) -> Result<(Vec<u32>, Vec<bool>), String> {
        let clock = self.clocks.last;
        let mut seeds = Vec::new();
        let collected: Vec<(ValueId, u32)> =
            self.collected.iter().map(|(value, var)| (*value, *var)).collect();
        for (value, var) in collected {
            if self.body.values[value.at()].stage == Stage::Once {
                let place = self.body.values[value.at()].place;
                let mut sum = self.present(var, At { clock, guard: None, place })?;
                if self.turned.contains(&value) {
                    sum = self.b.transpose(sum, &[1, 0])?;
                }
                seeds.push((value, sum));
            }
        }
        let position: HashMap<u32, usize> = learned.iter().copied().zip(0..).collect();
        let values = self.body.values.iter().zip((0..).map(ValueId));
        let leaves: Vec<(usize, ValueId)> = values
            .filter_map(|(value, id)| match value.op {
                Op::Param(slot) => Some((*position.get(&slot)?, id)),
                _ => None,
            })
            .collect();
        let ids: Vec<ValueId> = leaves.iter().map(|(_, leaf)| *leaf).collect();
        let found = adjoint::backward(&mut self.b, &seeds, &ids, slope)?;
        let mut sums: Vec<Option<ValueId>> = vec![None; learned.len()];
        for ((k, _), gradient) in leaves.iter().zip(found) {
            let Some(gradient) = gradient else { continue };
            sums[*k] = Some(match sums[*k] {
                Some(known) => self.b.scalar(scalar::Op::Add, &[known, gradient])?,
                None => gradient,
            });
        }
        let mut gradients = Vec::with_capacity(learned.len());
        for (slot, sum) in learned.iter().zip(&sums) {
            let of = &self.body.slots[*slot as usize];
            let place = self.b.place;
            let (kind, shape) = (adjoint_kind(of.kind), of.shape.clone());
            let var = self.variable(format!("gradient of {}", of.name), kind, shape, place)?;
            if let Some(sum) = sum {
                self.assign(var, *sum, At { clock, guard: None, place });
            }
            gradients.push(var);
        }
        Ok((gradients, sums.iter().map(Option::is_some).collect()))
    }

    /// A gradient as that of a value of this shape: summed where the value is a scalar.
    fn of_shape(&mut self, gradient: ValueId, shape: &[usize]) -> Built {
        let axes = self.b.value(gradient)?.shape.len();
        match shape.is_empty() {
            true => self.b.sum(gradient, &(0..axes).collect::<Vec<usize>>()),
            false => Ok(gradient),
        }
    }

    /// The adjoint of a variable.
    fn adjoint(&mut self, var: u32) -> Result<u32, String> {
        if let Some(known) = self.adjoints.get(&var) {
            return Ok(*known);
        }
        let Var { name, kind, ty, shape, place, .. } = self.body.vars[var as usize].clone();
        let adjoint =
            self.variable(format!("adjoint of {name}"), adjoint_kind(ty.kind()), shape, place)?;
        if let VarKind::Queue { slots } = kind {
            self.vars[adjoint as usize].kind = VarKind::Queue { slots };
        }
        self.adjoints.insert(var, adjoint);
        Ok(adjoint)
    }

    /// Adds a gradient to what is collected of a leaf.
    ///
    /// That of a matrix which messages are multiplied with is a product of sources and targets,
    /// turned. It is collected source by source, before it is turned.
    fn collect(&mut self, leaf: ValueId, gradient: ValueId, at: At) -> Result<(), String> {
        let inner = match self.b.value(gradient)? {
            Value { op: Op::Transpose(axes), args, .. } if *axes == [1, 0] => Some(args[0]),
            _ => None,
        };
        let first = !self.collected.contains_key(&leaf);
        if first && inner.is_some() && self.body.values[leaf.at()].stage == Stage::Once {
            let Value { kind, mut shape, place, .. } = self.body.values[leaf.at()].clone();
            shape.reverse();
            let (name, kind) = (format!("adjoint of %{}", leaf.0), adjoint_kind(kind));
            let var = self.variable(name, kind, shape, place)?;
            self.collected.insert(leaf, var);
            self.turned.insert(leaf);
        }
        let var = self.collected(leaf)?;
        let gradient = match (self.turned.contains(&leaf), inner) {
            (true, Some(inner)) => inner,
            (true, None) => self.b.transpose(gradient, &[1, 0])?,
            (false, _) => gradient,
        };
        self.add(var, gradient, at)
    }

    /// The variable in which the gradient of a value is collected.
    fn collected(&mut self, value: ValueId) -> Result<u32, String> {
        if let Some(known) = self.collected.get(&value) {
            return Ok(*known);
        }
        let Value { kind, shape, place, .. } = self.body.values[value.at()].clone();
        let var =
            self.variable(format!("adjoint of %{}", value.0), adjoint_kind(kind), shape, place)?;
        self.collected.insert(value, var);
        Ok(var)
    }

    /// A variable that begins with zeros.
    fn variable(
        &mut self,
        name: String,
        kind: Kind,
        shape: Vec<usize>,
        place: Loc,
    ) -> Result<u32, String> {
        let init = self.zero(kind)?;
        self.vars.push(Var {
            name,
            kind: VarKind::State,
            ty: ElemTy::of_kind(kind),
            shape,
            init,
            place,
        });
        Ok(self.vars.len() as u32 - 1)
    }

    /// Zero of any kind.
    fn zero(&mut self, kind: Kind) -> Built {
        match kind {
            Kind::Bool => self.b.constant(kind, Tensor::bool(Vec::new(), vec![false])),
            Kind::Int => self.b.constant(kind, Tensor::scalar_int(0)),
            Kind::F32 | Kind::F64 => self.b.number(kind, 0.0),
        }
    }

    /// What a variable holds at this point.
    fn present(&mut self, var: u32, at: At) -> Built {
        let of = &self.vars[var as usize];
        let (kind, shape) = (of.ty.kind(), of.shape.clone());
        let value = self.b.leaf(Op::Var(var), kind, &shape)?;
        self.emit(Action::Read(value), at);
        Ok(value)
    }

    /// Fixes a value, so that it can be used when what it was read from is stored.
    fn fix(&mut self, value: ValueId, at: At) -> Built {
        let Value { op, kind, shape, .. } = self.b.value(value)?.clone();
        let value = match op {
            // What is read is not fixed by computing it: a value of its own is.
            Op::Var(_) => self.b.push(Op::Reshape, &[value], kind, &shape)?,
            _ => value,
        };
        self.emit(Action::Eval(value), at);
        Ok(value)
    }

    /// What a variable holds, which is 0 then.
    fn take(&mut self, var: u32, at: At) -> Built {
        let value = self.present(var, at)?;
        let value = self.fix(value, at)?;
        let zero = self.zero(self.vars[var as usize].ty.kind())?;
        self.assign(var, zero, at);
        Ok(value)
    }

    /// Adds to a variable.
    fn add(&mut self, var: u32, gradient: ValueId, at: At) -> Result<(), String> {
        let present = self.present(var, at)?;
        let sum = self.b.scalar(scalar::Op::Add, &[present, gradient])?;
        self.assign(var, sum, at);
        Ok(())
    }

    fn assign(&mut self, var: u32, value: ValueId, at: At) {
        let region = whole(&self.vars[var as usize].shape);
        self.emit(Action::Store { var, region, value, mask: None }, at);
    }

    fn emit(&mut self, action: Action, at: At) {
        let At { clock, guard, place } = at;
        self.back.push(Stmt { clock, guard, action, place });
    }
}
