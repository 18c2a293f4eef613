//! The network of a sample as a program executes it: again and again, with other params.
//!
//! What is learned and the number of the sample are variables here that the program writes
//! ([`VarKind::Given`]). A sample is steps `1..=steps`; where only the loss is wanted, the first
//! half of them. Three steps more do what need not be done for every sample:
//!
//! - [`Lesson::derive`]: what only follows from what is learned (stored weights, a threshold) is
//!   computed and kept. It is made once after each change of what is learned.
//! - [`Lesson::pass`]: what samples have collected is passed on to the gradients.
//! - [`Lesson::clear`]: what was collected is 0 again.
//!
//! So the order in which gradients are added is that of the samples, on any engine.

use crate::Reversed;
use crate::sample::shift;
use snn_grammar::ast::ElemType;
use snn_ir::clock::Clock;
use snn_ir::network::adjoint::Builder;
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    ALWAYS, Action, Body, ClockId, ElemTy, Flat, InstanceId, Network, Op, Pick, Reset, Stage, Stmt,
    Value, ValueId, Var, VarKind, When,
};
use snn_ir::scalar::Kind;
use snn_ir::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

/// A param that a program gives other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its slot.
    pub slot: u32,
    /// Of integers, the least and the greatest value that it is given.
    pub range: Option<(i64, i64)>,
}

/// A network that learns when a program steps it.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The network. It has no records.
    pub flat: Flat,
    /// Steps of a sample, there and back.
    pub steps: u64,
    /// The variable that is the number of the sample.
    pub sample: u32,
    /// The variables that are learned, in the order in which they were given.
    pub learned: Vec<u32>,
    /// The variables in which gradients are collected.
    pub sums: Vec<u32>,
    /// The gradient of each of [`Lesson::learned`], of its shape.
    pub gradients: Vec<u32>,
}

impl Lesson {
    /// The step that passes on what was collected.
    pub fn pass(&self) -> u64 {
        self.steps + 1
    }

    /// The step that computes what follows from what is learned.
    pub fn derive(&self) -> u64 {
        self.steps + 2
    }

    /// The step that makes what was collected 0.
    pub fn clear(&self) -> u64 {
        self.steps + 3
    }
}

/// The network of a sample that is executed again and again: `slot` is that of its number, `given`
/// what is learned, in the order of [`crate::Ask::learned`].
///
/// # Errors
/// Where a variable that begins with what is learned is reset `in host`.
pub fn lesson(of: &Reversed, slot: u32, given: &[Given]) -> Result<Lesson, String> {
    let steps = of.flat.0.run.steps;
    let mut network = Network { bodies: Vec::new(), ..of.flat.0.clone() };
    let mut body = of.flat.body().clone();
    let on = |network: &mut Network, t: u64| network.clock_id(&Clock::between(t, t + 1));
    let clocks = Clocks {
        first: on(&mut network, 1),
        pass: on(&mut network, steps + 1),
        derive: on(&mut network, steps + 2),
        clear: on(&mut network, steps + 3),
    };
    let zeros = zeros(&mut network, &mut body)?;
    let anew = anew(&body, of);
    let last = body.phases[0].len().saturating_sub(of.kept.last);
    for stmt in &mut body.phases[0][last..] {
        stmt.clock = clocks.pass;
    }
    let mut variables = Vec::with_capacity(given.len());
    for given in given {
        variables.push((given.slot, add(&mut body, given, zeros)));
    }
    let sample = add(&mut body, &Given { slot, range: Some((0, i64::from(i32::MAX))) }, zeros);
    let depends = depends(&body, slot, &variables);
    let kept = kept(&body, &depends, last);
    let mut made = Made { body, depends, zeros, derived: Vec::new(), leaves: Vec::new() };
    made.keep(&kept);
    made.replace(last, &kept);
    made.leave(slot, sample, &variables);
    made.begin(&mut network, &clocks)?;
    made.order(&clocks);
    let body = made.body;
    let of_each = std::mem::take(&mut network.resets);
    let reset = |clock: ClockId| {
        let body = &body;
        move |var: u32| {
            let place = body.vars[var as usize].place;
            Reset { var: (InstanceId(0), var), clock, when: When::Start, place }
        }
    };
    network.resets.extend(anew.into_iter().map(reset(clocks.first)));
    network.resets.extend(of.kept.sums.iter().copied().map(reset(clocks.clear)));
    network.resets.extend(of_each);
    network.run.records.clear();
    network.run.steps = steps + 3;
    network.bodies.push(body);
    let learned = variables.into_iter().map(|(_, var)| var).collect();
    let (sums, gradients) = (of.kept.sums.clone(), of.kept.gradients.clone());
    Ok(Lesson { flat: Flat(network), steps, sample, learned, sums, gradients })
}

/// When what is done beside the steps of a sample.
struct Clocks {
    first: ClockId,
    pass: ClockId,
    derive: ClockId,
    clear: ClockId,
}

/// Zero of each kind.
#[derive(Clone, Copy)]
struct Zeros([ValueId; 4]);

impl Zeros {
    fn of(&self, kind: Kind) -> ValueId {
        self.0[match kind {
            Kind::Bool => 0,
            Kind::Int => 1,
            Kind::F32 => 2,
            Kind::F64 => 3,
        }]
    }
}

/// Puts zeros in front of all values.
fn zeros(network: &mut Network, body: &mut Body) -> Result<Zeros, String> {
    let place = body.vars.first().map(|var| var.place).ok_or("a network without variables")?;
    let mut tensors = Tensors::of(network);
    let mut b = Builder::new(network, &mut tensors, Vec::new(), place);
    let zeros = Zeros([
        b.constant(Kind::Bool, Tensor::bool(Vec::new(), vec![false]))?,
        b.constant(Kind::Int, Tensor::scalar_int(0))?,
        b.number(Kind::F32, 0.0)?,
        b.number(Kind::F64, 0.0)?,
    ]);
    let mut values = b.finish();
    shift(body, values.len() as u32);
    values.append(&mut body.values);
    body.values = values;
    Ok(zeros)
}

/// The variables that begin anew with each sample.
fn anew(body: &Body, of: &Reversed) -> Vec<u32> {
    let kept = [&of.kept.sums, &of.kept.gradients, &of.kept.written];
    let stay: BTreeSet<u32> = kept.into_iter().flatten().copied().collect();
    let state = |var: &Var| !matches!(var.kind, VarKind::Queue { .. });
    let all = (0..).zip(&body.vars);
    all.filter(|(var, of)| !stay.contains(var) && state(of)).map(|(var, _)| var).collect()
}

/// Adds the variable that a param becomes.
fn add(body: &mut Body, given: &Given, zeros: Zeros) -> u32 {
    let slot = &body.slots[given.slot as usize];
    let ty = match (slot.kind, given.range) {
        (Kind::Int, Some((lo, hi))) => {
            let bits =
                65 - (lo ^ (lo >> 63)).leading_zeros().min((hi ^ (hi >> 63)).leading_zeros());
            ElemTy { elem: ElemType::Signed(bits.clamp(2, 64) as u8), overflow: None }
        }
        (kind, _) => ElemTy::of_kind(kind),
    };
    // No path of a program has a space in it.
    let name = format!("given {}", slot.name);
    let (shape, init) = (slot.shape.clone(), zeros.of(slot.kind));
    let place = body.vars[0].place;
    body.vars.push(Var { name, kind: VarKind::Given, ty, shape, init, place });
    body.vars.len() as u32 - 1
}

/// What a value that was known before the first step follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// From nothing that is given, or it is one of a step.
    Not,
    /// From what is learned alone: it is kept.
    Learned,
    /// From the number of the sample too.
    Sample,
}

fn depends(body: &Body, slot: u32, learned: &[(u32, u32)]) -> Vec<Follows> {
    let mut found: Vec<Follows> = Vec::with_capacity(body.values.len());
    for value in &body.values {
        let own = match value.op {
            _ if value.stage == Stage::Step => Follows::Not,
            Op::Param(of) if of == slot => Follows::Sample,
            Op::Param(of) if learned.iter().any(|(slot, _)| *slot == of) => Follows::Learned,
            _ => {
                let all = value.args.iter().map(|arg| found[arg.at()]);
                all.fold(Follows::Not, |a, b| match (a, b) {
                    (Follows::Sample, _) | (_, Follows::Sample) => Follows::Sample,
                    (Follows::Learned, _) | (_, Follows::Learned) => Follows::Learned,
                    _ => Follows::Not,
                })
            }
        };
        found.push(own);
    }
    found
}

/// What is kept of values that follow from what is learned, each as it is or turned: a matrix
/// that messages are multiplied with is kept source by source, so that those of a source that is
/// silent are passed over, and those of another lie side by side.
type Kept = BTreeMap<(ValueId, bool), usize>;

/// What has to be kept: whatever others are computed from, but by the last statements alone.
fn kept(body: &Body, depends: &[Follows], last: usize) -> Kept {
    let mut kept = Kept::new();
    let mut add = |key: (ValueId, bool)| {
        if depends[key.0.at()] == Follows::Learned {
            let next = kept.len();
            kept.entry(key).or_insert(next);
        }
    };
    let used = used(body, last);
    for (at, value) in body.values.iter().enumerate() {
        let in_steps = value.stage == Stage::Step && used[at];
        if in_steps || depends[at] == Follows::Sample {
            for (n, arg) in value.args.iter().enumerate() {
                add((*arg, turned(body, value, n)));
            }
        }
    }
    for (phase, stmts) in body.phases.iter().enumerate() {
        for (at, stmt) in stmts.iter().enumerate() {
            if phase > 0 || at < last {
                stmt.guard.iter().for_each(|guard| add((*guard, false)));
                if stmt.action.fixes().is_none() {
                    stmt.action.for_each_value(&mut |value| add((value, false)));
                }
            }
        }
    }
    body.vars.iter().for_each(|var| add((var.init, false)));
    kept
}

/// Whether an argument of a value is kept turned: it is a matrix, and messages are multiplied
/// with it.
fn turned(body: &Body, value: &Value, arg: usize) -> bool {
    value.op == Op::MatMul && arg == 0 && body.values[value.args[0].at()].shape.len() == 2
}

/// The values that statements of the phases need, without the last ones of the first phase.
fn used(body: &Body, last: usize) -> Vec<bool> {
    let mut used = vec![false; body.values.len()];
    let mut pending = Vec::new();
    for (phase, stmts) in body.phases.iter().enumerate() {
        let stmts = if phase == 0 { &stmts[..last] } else { &stmts[..] };
        for stmt in stmts {
            pending.extend(stmt.guard);
            stmt.action.for_each_value(&mut |value| pending.push(value));
        }
    }
    while let Some(id) = pending.pop() {
        if !std::mem::replace(&mut used[id.at()], true) {
            pending.extend(&body.values[id.at()].args);
        }
    }
    used
}

/// The body of a lesson as it is made.
struct Made {
    body: Body,
    depends: Vec<Follows>,
    zeros: Zeros,
    /// Variables that are kept, with what they are.
    derived: Vec<(u32, ValueId)>,
    /// What is read at the beginning of a phase.
    leaves: Vec<ValueId>,
}

impl Made {
    /// Adds a variable for all that is kept, and what is read of it in front of all values.
    fn keep(&mut self, kept: &Kept) {
        let mut all: Vec<(ValueId, bool)> = vec![(ValueId(0), false); kept.len()];
        kept.iter().for_each(|(key, n)| all[*n] = *key);
        let ahead = 2 * all.len() as u32;
        let mut values = Vec::new();
        for (of, turned) in &all {
            let value = self.body.values[of.at()].clone();
            let Value { kind, place, .. } = value;
            let name = match &value.name {
                Some(name) => format!("{name} derived {}", of.0),
                None => format!("derived {}", of.0),
            };
            let mut shape = value.shape.clone();
            if *turned {
                shape.reverse();
            }
            let var = self.body.vars.len() as u32;
            let (ty, init) = (ElemTy::of_kind(kind), self.zeros.of(kind));
            let of_var = Var { name, kind: VarKind::State, ty, shape: shape.clone(), init, place };
            self.body.vars.push(of_var);
            self.derived.push((var, *of));
            let leaf = ValueId(values.len() as u32);
            self.leaves.push(leaf);
            let made = |op: Op, args: Vec<ValueId>, shape: Vec<usize>| {
                let (stage, name, spike) = (Stage::Step, None, None);
                Value { op, args, kind, shape, stage, name, spike, place }
            };
            values.push(made(Op::Var(var), Vec::new(), shape));
            let back = match turned {
                true => Op::Transpose(vec![1, 0]),
                false => Op::Reshape,
            };
            values.push(made(back, vec![leaf], value.shape));
        }
        shift(&mut self.body, ahead);
        self.zeros.0.iter_mut().for_each(|zero| zero.0 += ahead);
        self.derived.iter_mut().for_each(|(_, of)| of.0 += ahead);
        values.append(&mut self.body.values);
        self.body.values = values;
        let ahead = vec![Follows::Not; ahead as usize];
        self.depends.splice(0..0, ahead);
        for ((_, of), (_, turned)) in self.derived.iter_mut().zip(all) {
            if turned {
                let mut value = self.body.values[of.at()].clone();
                value.shape.reverse();
                (value.op, value.args) = (Op::Transpose(vec![1, 0]), vec![*of]);
                (value.name, value.spike) = (None, None);
                *of = ValueId(self.body.values.len() as u32);
                self.body.values.push(value);
                self.depends.push(Follows::Learned);
            }
        }
    }

    /// Lets all that is computed in a step use what is kept.
    fn replace(&mut self, last: usize, kept: &Kept) {
        let ahead = 2 * kept.len() as u32;
        let new = |of: ValueId, turned: bool| {
            let n = kept.get(&(ValueId(of.0.checked_sub(ahead)?), turned))?;
            Some(ValueId(2 * *n as u32 + u32::from(turned)))
        };
        let used = used(&self.body, last);
        // What stands ahead is what is read of what is kept: it is made of itself alone.
        for (at, used) in used.into_iter().enumerate().skip(ahead as usize) {
            let in_steps = self.body.values[at].stage == Stage::Step && used;
            if !in_steps && self.depends[at] != Follows::Sample {
                continue;
            }
            for n in 0..self.body.values[at].args.len() {
                let value = &self.body.values[at];
                let arg = value.args[n];
                if self.depends[arg.at()] == Follows::Learned
                    && let Some(new) = new(arg, turned(&self.body, value, n))
                {
                    self.body.values[at].args[n] = new;
                }
            }
        }
        let depends = &self.depends;
        let leaf = |value: &mut ValueId| {
            if depends[value.at()] == Follows::Learned
                && let Some(new) = new(*value, false)
            {
                *value = new;
            }
        };
        for (phase, stmts) in self.body.phases.iter_mut().enumerate() {
            let upto = if phase == 0 { last } else { stmts.len() };
            for stmt in &mut stmts[..upto] {
                stmt.guard.iter_mut().for_each(leaf);
                if stmt.action.fixes().is_none() {
                    stmt.action.for_each_named(&mut |value| leaf(value));
                }
            }
        }
        self.body.vars.iter_mut().for_each(|var| leaf(&mut var.init));
    }

    /// Makes params variables, and what follows from them values of a step.
    fn leave(&mut self, slot: u32, sample: u32, learned: &[(u32, u32)]) {
        for at in 0..self.body.values.len() {
            if self.depends[at] == Follows::Not {
                continue;
            }
            let value = &mut self.body.values[at];
            value.stage = Stage::Step;
            if let Op::Param(of) = value.op {
                let known = learned.iter().find(|(slot, _)| *slot == of).map(|(_, var)| *var);
                let Some(var) = known.or((of == slot).then_some(sample)) else { continue };
                value.op = Op::Var(var);
                self.leaves.push(ValueId(at as u32));
            }
        }
    }

    /// Stores what variables begin with, where it is given.
    fn begin(&mut self, network: &mut Network, clocks: &Clocks) -> Result<(), String> {
        let mut beginning = Vec::new();
        let mut stores: BTreeMap<u32, Action> = BTreeMap::new();
        for (var, of) in (0..).zip(&mut self.body.vars) {
            if self.body.values[of.init.at()].stage == Stage::Once {
                continue;
            }
            let region = of.shape.iter().map(|n| Pick::Range(0, *n)).collect();
            let action = Action::Store { var, region, value: of.init, mask: None };
            of.init = self.zeros.of(of.ty.kind());
            stores.insert(var, action.clone());
            let (clock, place) = (clocks.first, of.place);
            beginning.push(Stmt { clock, guard: None, action, place });
        }
        // A reset puts back what is learned, which is no initial value here.
        for reset in std::mem::take(&mut network.resets) {
            let Some(action) = stores.get(&reset.var.1) else {
                network.resets.push(reset);
                continue;
            };
            let Reset { clock, place, .. } = reset;
            let stmt = Stmt { clock, guard: None, action: action.clone(), place };
            match reset.when {
                When::Start => beginning.push(stmt),
                When::After(phase) => self.body.phases[phase as usize].push(stmt),
                When::Host => {
                    let name = &self.body.vars[reset.var.1 as usize].name;
                    return Err(format!("`{name}` begins with what is learned: reset it earlier"));
                }
            }
        }
        self.body.phases[0].splice(0..0, beginning);
        Ok(())
    }

    /// Puts in order what is read, done and kept.
    fn order(&mut self, clocks: &Clocks) {
        let place = self.body.vars[0].place;
        let read = |value: &ValueId| Stmt {
            clock: ALWAYS,
            guard: None,
            action: Action::Read(*value),
            place,
        };
        let reads: Vec<Stmt> = self.leaves.iter().map(read).collect();
        for stmts in &mut self.body.phases {
            stmts.splice(0..0, reads.iter().cloned());
        }
        for (var, value) in &self.derived {
            let of = &self.body.vars[*var as usize];
            let region = of.shape.iter().map(|n| Pick::Range(0, *n)).collect();
            let action = Action::Store { var: *var, region, value: *value, mask: None };
            let (clock, place) = (clocks.derive, of.place);
            self.body.phases[3].push(Stmt { clock, guard: None, action, place });
        }
    }
}
