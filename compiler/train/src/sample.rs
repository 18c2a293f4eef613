//! One sample of a run as a network of its own.
//!
//! A run goes through its samples one after the other, a period of some epoch each, and a sample
//! is still on its way when the next begins. [`sample()`] cuts one out: a network of as many
//! steps as it takes until its loss is there, which begins anew. It has one param more, the
//! number of the sample, and of that follow the step counter and whatever only counts.
//!
//! Where the loss would depend on what samples before have left behind, that is no sample, and is
//! refused: what is learned from it would not be what the run does.

use crate::flow::Flow;
use crate::{Refused, bare, queues};
use snn_ir::clock::Clock;
use snn_ir::network::adjoint::Builder;
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    ALWAYS, Action, Body, ClockId, Flat, Network, Op, Param, ParamId, Phase, Pick, Slot, Stage,
    Stmt, Tensor as Constant, TensorId, Value, ValueId, VarKind, When,
};
use snn_ir::scalar::{self, Kind};
use snn_ir::step::Fit;
use snn_ir::tensor::{Constant as Known, Tensor};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The most steps that are looked at one by one: until all clocks repeat, and of a sample.
const MOST: u64 = 1 << 20;

/// What is cut out.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'v> {
    /// The variables that are wanted: first of all the loss.
    pub wanted: &'v [u32],
    /// A sample begins every so many steps: the first in step 1.
    pub period: u64,
    /// How many steps after that its loss is there.
    pub steps: u64,
}

impl Cut<'_> {
    fn loss(&self) -> u32 {
        self.wanted.first().copied().unwrap_or_default()
    }
}

/// One sample of a run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The network. It has only what its loss depends on.
    pub flat: Flat,
    /// The slot of the param that is the number of the sample, from 0.
    pub slot: u32,
}

/// The network that executes one sample of a run: its loss after [`Cut::steps`] steps is that of
/// the run after step `number * period + steps`, with clocks as they are once they repeat.
///
/// # Errors
/// Where the loss depends on samples before, or the network draws numbers while it runs; where
/// clocks do not repeat with the period; where whether a message is sent depends on values.
pub fn sample(flat: &Flat, cut: Cut<'_>) -> Result<Sample, Refused> {
    let body = flat.body();
    let place = body.vars[cut.loss() as usize].place;
    let refused = |why: String| Refused { why, place };
    if cut.period == 0 || cut.steps == 0 || cut.steps > MOST || cut.wanted.is_empty() {
        return Err(refused(format!("a sample of {} steps", cut.steps)));
    }
    let needed = Flow::into(body, cut.wanted);
    let part = part(flat, &needed);
    let before = repeated(&part, cut)?;
    let own = own(&part, before, cut);
    let counters = counters(&part, cut, before);
    let waiting = queues::messaging(&part, before)?.left;
    carried(&part, cut, (&own, &counters, &waiting))?;
    built(&part, cut, (own, counters, waiting)).map_err(refused)
}

/// The part of a network that some variables and values are.
fn part(flat: &Flat, needed: &Flow) -> Network {
    let mut part = flat.0.clone();
    let body = &flat.0.bodies[0];
    for stmts in &mut part.bodies[0].phases {
        stmts.retain(|stmt| needed.passes_stmt(body, stmt));
    }
    part.resets.retain(|reset| needed.passes_var(reset.var.1));
    part
}

/// The clocks that are used.
fn clocks(part: &Network) -> BTreeSet<ClockId> {
    let stmts = part.bodies[0].stmts().map(|(_, stmt)| stmt.clock);
    stmts.chain(part.resets.iter().map(|reset| reset.clock)).collect()
}

/// After how many steps, whole periods, all clocks repeat with the period.
fn repeated(part: &Network, cut: Cut<'_>) -> Result<u64, Refused> {
    let mut before = 0;
    for id in clocks(part) {
        let clock = part.clock(id);
        let using = part.bodies[0].stmts().find(|(_, stmt)| stmt.clock == id);
        let place = using.map(|(_, stmt)| stmt.place);
        let place = place.or(part.resets.iter().find(|r| r.clock == id).map(|r| r.place));
        let place = place.unwrap_or(part.bodies[0].vars[cut.loss() as usize].place);
        if !cut.period.is_multiple_of(clock.period()) {
            let (own, period) = (clock.period(), cut.period);
            let why = format!("this repeats every {own} steps, samples every {period}");
            return Err(Refused { why, place });
        }
        before = before.max(clock.prefix().div_ceil(cut.period).saturating_mul(cut.period));
        if before > MOST {
            let why = format!("this repeats only after step {}", clock.prefix());
            return Err(Refused { why, place });
        }
    }
    Ok(before)
}

/// By clock, the steps of a sample.
fn own(part: &Network, before: u64, cut: Cut<'_>) -> HashMap<ClockId, Clock> {
    let own = |id: ClockId| {
        let clock = part.clock(id);
        let holds = |t: u64| t <= cut.steps && clock.holds(before + t);
        (id, Clock::from_fn(cut.steps, 1, holds))
    };
    clocks(part).into_iter().chain([ALWAYS]).map(own).collect()
}

/// A variable that only counts: what it holds before a sample is a multiple of its number and a
/// number.
#[derive(Clone, Copy, Debug)]
struct Counter {
    var: u32,
    each: i64,
    first: i64,
    fit: Fit,
}

fn counters(part: &Network, cut: Cut<'_>, before: u64) -> Vec<Counter> {
    let body = &part.bodies[0];
    let mut stores: Vec<Vec<&Stmt>> = vec![Vec::new(); body.vars.len()];
    for (_, stmt) in body.stmts() {
        if let Action::Store { var, .. } = stmt.action {
            stores[var as usize].push(stmt);
        }
    }
    let reset: BTreeSet<u32> = part.resets.iter().map(|reset| reset.var.1).collect();
    let counter = |(var, stores): (u32, &Vec<&Stmt>)| {
        let &[stmt] = &stores[..] else { return None };
        let of = &body.vars[var as usize];
        let Action::Store { value, mask: None, .. } = stmt.action else { return None };
        let plain = of.kind == VarKind::State && of.shape.is_empty() && stmt.guard.is_none();
        let fit = of.ty.fit();
        if !plain || reset.contains(&var) || matches!(fit, Fit::Sat { .. }) {
            return None;
        }
        let by = increment(part, var, value)?;
        let init = known(part, of.init)?;
        let clock = part.clock(stmt.clock);
        let per_period = i64::try_from(clock.count(before + cut.period) - clock.count(before));
        let each = by.checked_mul(per_period.ok()?)?;
        let counted = by.checked_mul(i64::try_from(clock.count(before)).ok()?)?;
        let skipped = each.checked_mul(i64::try_from(before / cut.period).ok()?)?;
        let first = init.checked_add(counted)?.checked_sub(skipped)?;
        Some(Counter { var, each, first, fit })
    };
    (0..).zip(&stores).filter_map(counter).collect()
}

/// By how much a value is more than what a variable holds.
fn increment(part: &Network, var: u32, value: ValueId) -> Option<i64> {
    let values = &part.bodies[0].values;
    let Value { op: Op::Scalar(op), args, .. } = &values[value.at()] else { return None };
    let is_var = |id: ValueId| values[id.at()].op == Op::Var(var);
    match (op, &args[..]) {
        (scalar::Op::Add, [a, b]) if is_var(*a) => known(part, *b),
        (scalar::Op::Add, [a, b]) if is_var(*b) => known(part, *a),
        (scalar::Op::Sub, [a, b]) if is_var(*a) => known(part, *b)?.checked_neg(),
        _ => None,
    }
}

/// The integer that a constant is.
fn known(part: &Network, id: ValueId) -> Option<i64> {
    match part.bodies[0].values[id.at()].op {
        Op::Const(tensor) => part.tensors[tensor.at()].constant()?.as_int(),
        _ => None,
    }
}

/// How a sample begins and when it does what.
type Beginning<'a> = (&'a HashMap<ClockId, Clock>, &'a [Counter], &'a BTreeMap<u32, usize>);

/// Whether the loss depends on what a sample finds when it begins.
///
/// # Errors
/// Where it does. Variables are looked at as a whole: one that is
/// written in parts counts as carried until it is reset or written as a whole.
fn carried(
    part: &Network,
    cut: Cut<'_>,
    (own, counters, waiting): Beginning,
) -> Result<(), Refused> {
    let body = &part.bodies[0];
    let mut old = vec![true; body.vars.len()];
    counters.iter().for_each(|counter| old[counter.var as usize] = false);
    let mut queues: HashMap<u32, VecDeque<bool>> = HashMap::new();
    for (queue, count) in waiting {
        queues.insert(*queue, vec![true; *count].into());
    }
    let leaves: Vec<Vec<Vec<ValueId>>> =
        body.phases.iter().map(|stmts| stmts.iter().map(|s| leaves(body, s)).collect()).collect();
    let mut fixed: HashMap<ValueId, bool> = HashMap::new();
    let reset = |old: &mut Vec<bool>, when: When, t: u64| {
        for reset in part.resets.iter().filter(|r| r.when == when && own[&r.clock].holds(t)) {
            old[reset.var.1 as usize] = false;
        }
    };
    for t in 1..=cut.steps {
        reset(&mut old, When::Start, t);
        for phase in Phase::ALL {
            let stmts = body.phases[phase as usize].iter().zip(&leaves[phase as usize]);
            for (stmt, leaves) in stmts.filter(|(stmt, _)| own[&stmt.clock].holds(t)) {
                let depends = leaves.iter().any(|v| fixed.get(v).copied().unwrap_or(false));
                match &stmt.action {
                    Action::Read(value) => {
                        let Op::Var(var) = body.values[value.at()].op else { continue };
                        fixed.insert(*value, depends || old[var as usize]);
                    }
                    Action::Eval(value) => {
                        fixed.insert(*value, depends);
                    }
                    Action::Store { var, region, mask, .. } => {
                        let shape = &body.vars[*var as usize].shape;
                        let whole = region.iter().zip(shape).all(|(p, n)| *p == Pick::Range(0, *n));
                        let over = whole && mask.is_none() && stmt.guard.is_none();
                        let before = old[*var as usize] && !over;
                        old[*var as usize] = depends || before;
                    }
                    Action::Push { var, .. } => {
                        queues.entry(*var).or_default().push_back(depends);
                    }
                    Action::Pop(value) => {
                        let Op::Var(var) = body.values[value.at()].op else { continue };
                        let message = queues.entry(var).or_default().pop_front();
                        fixed.insert(*value, depends || message.unwrap_or(false));
                    }
                    Action::Receive(_) | Action::Send { .. } => {}
                }
            }
            reset(&mut old, When::After(phase), t);
        }
        if t < cut.steps {
            reset(&mut old, When::Host, t);
        }
    }
    for var in cut.wanted {
        if old[*var as usize] {
            let of = &body.vars[*var as usize];
            let (steps, name) = (cut.steps, &of.name);
            let why =
                format!("after {steps} steps of a sample `{name}` still depends on samples before");
            return Err(Refused { why, place: of.place });
        }
    }
    Ok(())
}

/// The fixed values that a statement depends on, but for the one that it fixes.
fn leaves(body: &Body, stmt: &Stmt) -> Vec<ValueId> {
    let mut pending: Vec<ValueId> = stmt.guard.into_iter().collect();
    match stmt.action {
        Action::Eval(value) => pending.extend(&body.values[value.at()].args),
        _ => stmt.action.for_each_value(&mut |value| pending.push(value)),
    }
    let mut seen = BTreeSet::new();
    while let Some(id) = pending.pop() {
        if body.values[id.at()].stage == Stage::Step && seen.insert(id) {
            pending.extend(&body.values[id.at()].args);
        }
    }
    seen.into_iter().collect()
}

/// How many values stand before those of the network: number, period, their product, step.
const NEW: u32 = 4;

fn built(
    part: &Network,
    cut: Cut<'_>,
    (own, counters, waiting): (HashMap<ClockId, Clock>, Vec<Counter>, BTreeMap<u32, usize>),
) -> Result<Sample, String> {
    let mut network = Network { bodies: Vec::new(), ..part.clone() };
    let mut body = part.bodies[0].clone();
    let place = body.vars[cut.loss() as usize].place;
    for (_, stmt) in body.stmts() {
        let mut drawn = false;
        for leaf in leaves(&body, stmt) {
            drawn |= matches!(body.values[leaf.at()].op, Op::Random { .. });
        }
        if drawn {
            return Err("it draws numbers while it runs".into());
        }
    }
    // The number of the sample is a param more.
    let slot = body.slots.len() as u32;
    body.slots.push(Slot { name: "sample".into(), kind: Kind::Int, shape: Vec::new() });
    let tensor = TensorId(network.tensors.len() as u32);
    let zero = Known::Dense(Arc::new(Tensor::scalar_int(0)));
    network.tensors.push(Constant::of(Kind::Int, zero));
    let param = ParamId(network.params.len() as u32);
    let path = "sample".to_string();
    network.params.push(Param { path, range: None, structural: false, tensor, place });
    network.instances[0].args.push(param);
    // What `t` is: the arguments of a value come before it, so these come first.
    shift(&mut body, NEW);
    let mut tensors = Tensors::of(&network);
    let mut b = Builder::new(&mut network, &mut tensors, Vec::new(), place);
    let number = b.push(Op::Param(slot), &[], Kind::Int, &[])?;
    let period = i64::try_from(cut.period).map_err(|_| "its period is too long")?;
    let period = b.constant(Kind::Int, Tensor::scalar_int(period))?;
    let start = b.scalar(scalar::Op::Mul, &[number, period])?;
    let time = b.leaf(Op::Time, Kind::Int, &[])?;
    let mut values = b.finish();
    for value in &mut body.values {
        if value.op == Op::Time {
            (value.op, value.args) = (Op::Scalar(scalar::Op::Add), vec![start, time]);
        }
    }
    values.append(&mut body.values);
    let mut b = Builder::new(&mut network, &mut tensors, values, place);
    for Counter { var, each, first, fit } in counters {
        let each = b.constant(Kind::Int, Tensor::scalar_int(each))?;
        let first = b.constant(Kind::Int, Tensor::scalar_int(first))?;
        let product = b.scalar(scalar::Op::Mul, &[number, each])?;
        let mut init = b.scalar(scalar::Op::Add, &[product, first])?;
        if let Fit::Wrap { bits, signed } = fit {
            init = b.scalar(scalar::Op::Wrap { bits, signed }, &[init])?;
        }
        body.vars[var as usize].init = init;
    }
    // What samples before have sent is not looked at, but it is in the way.
    let mut beginning = Vec::new();
    for (var, count) in waiting {
        let kind = body.vars[var as usize].ty.kind();
        let nothing = match kind {
            Kind::Bool => b.constant(kind, Tensor::bool(Vec::new(), vec![false]))?,
            Kind::Int => b.constant(kind, Tensor::scalar_int(0))?,
            Kind::F32 | Kind::F64 => b.number(kind, 0.0)?,
        };
        let action = Action::Push { var, value: nothing };
        beginning.extend(std::iter::repeat_n(action, count));
    }
    body.values = b.finish();
    let ids: HashMap<ClockId, ClockId> =
        own.iter().map(|(id, clock)| (*id, network.clock_id(clock))).collect();
    for stmt in body.phases.iter_mut().flatten() {
        stmt.clock = ids[&stmt.clock];
    }
    for reset in &mut network.resets {
        reset.clock = ids[&reset.clock];
    }
    let first = network.clock_id(&Clock::between(1, 2));
    let beginning =
        beginning.into_iter().map(|action| Stmt { clock: first, guard: None, action, place });
    body.phases[0].splice(0..0, beginning);
    network.bodies.push(body);
    network.run = bare(&network.run, cut.steps);
    Ok(Sample { flat: Flat(network), slot })
}

/// Gives every value a number that is larger by so much.
pub(crate) fn shift(body: &mut Body, by: u32) {
    let mut more = |id: &mut ValueId| id.0 += by;
    for value in &mut body.values {
        value.args.iter_mut().for_each(more);
    }
    body.vars.iter_mut().for_each(|var| more(&mut var.init));
    for stmt in body.phases.iter_mut().flatten() {
        stmt.guard.iter_mut().for_each(more);
        stmt.action.for_each_named(&mut more);
    }
}
