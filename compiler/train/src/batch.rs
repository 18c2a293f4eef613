//! Several samples, one after the other, as one network.
//!
//! Every sample begins anew; what is kept is what is collected over all of them. So a batch is a run
//! like any other, with windows of the length of a sample.

use crate::queues;
use snn_ir::clock::Clock;
use snn_ir::network::adjoint::Builder;
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    Action, Body, ClockId, Flat, InstanceId, Network, Op, Pick, Reset, Stage, Stmt, ValueId,
    VarKind, When,
};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is kept from one sample to the next.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The variables in which gradients are collected.
    pub sums: Vec<u32>,
    /// Those that the last statements pass them on to: the gradients of what is learned.
    pub gradients: Vec<u32>,
    /// Tapes of which every element that is read has been stored in the same sample: what they
    /// hold before does not matter.
    pub written: Vec<u32>,
    /// How many of the last statements of the phase `spk` are executed in the last step only.
    pub last: usize,
}

/// The network that executes samples, one after the other: `one` is the network of a sample, `slot`
/// that of its number, `samples` are the numbers. Records that are kept at the end of a sample are
/// then kept of every sample, but for those of what is kept.
///
/// # Errors
/// Where there are no samples, or too many steps; where it depends on values whether a message is
/// sent.
pub fn batch(one: &Flat, slot: u32, samples: &[i64], kept: &Kept) -> Result<Flat, String> {
    let steps = one.0.run.steps;
    let count = samples.len() as u64;
    let all = steps.checked_mul(count).filter(|n| *n > 0).ok_or("no samples, or too many")?;
    let mut network = Network { bodies: Vec::new(), ..one.0.clone() };
    let mut body = one.body().clone();
    let mut clocks = Clocks { steps, of: HashMap::new() };
    let first = network.clock_id(&Clock::every(steps, 1));
    let end = network.clock_id(&Clock::every(steps, 0));
    let last = network.clock_id(&Clock::between(all, all + 1));
    let left = queues::messaging(&one.0, steps).map_err(|refused| refused.why)?.left;
    let finish = body.phases[0].len().saturating_sub(kept.last);
    for (phase, stmts) in body.phases.iter_mut().enumerate() {
        for (at, stmt) in stmts.iter_mut().enumerate() {
            stmt.clock = match phase == 0 && at >= finish {
                true => last,
                false => clocks.every(&mut network, stmt.clock),
            };
        }
    }
    let of_each: Vec<Reset> = std::mem::take(&mut network.resets);
    let is_kept: BTreeSet<u32> = kept.sums.iter().chain(&kept.gradients).copied().collect();
    let anew = (0..)
        .zip(&body.vars)
        .filter(|(var, of)| !is_kept.contains(var) && !matches!(of.kind, VarKind::Queue { .. }));
    let anew: Vec<Reset> = anew
        .map(|(var, of)| Reset {
            var: (InstanceId(0), var),
            clock: first,
            when: When::Start,
            place: of.place,
        })
        .collect();
    network.resets = anew;
    for reset in of_each {
        let clock = clocks.every(&mut network, reset.clock);
        network.resets.push(Reset { clock, ..reset });
    }
    numbered(&mut network, &mut body, (slot, samples), (steps, first))?;
    drained(&mut body, &left, end);
    network.bodies.push(body);
    for record in &mut network.run.records {
        let of_all = match record.member {
            snn_ir::network::Member::Var(var) => is_kept.contains(&var),
            snn_ir::network::Member::Port(_) => false,
        };
        record.when = if of_all { None } else { record.when.or(Some(end)) };
    }
    network.run.steps = all;
    Ok(Flat(network))
}

/// The clocks of a sample, in every sample.
struct Clocks {
    steps: u64,
    of: HashMap<ClockId, ClockId>,
}

impl Clocks {
    fn every(&mut self, network: &mut Network, of: ClockId) -> ClockId {
        if let Some(known) = self.of.get(&of) {
            return *known;
        }
        let clock = network.clock(of).clone();
        let holds = |t: u64| clock.holds((t - 1) % self.steps + 1);
        let every = network.clock_id(&Clock::from_fn(0, self.steps, holds));
        self.of.insert(of, every);
        every
    }
}

/// Takes what is left in queues at the end of a sample.
fn drained(body: &mut Body, left: &BTreeMap<u32, usize>, end: ClockId) {
    for (queue, count) in left {
        let of = &body.vars[*queue as usize];
        let (kind, shape, place) = (of.ty.kind(), of.shape.clone(), of.place);
        for _ in 0..*count {
            let value = ValueId(body.values.len() as u32);
            body.values.push(snn_ir::network::Value {
                op: Op::Var(*queue),
                args: Vec::new(),
                kind,
                shape: shape.clone(),
                stage: Stage::Step,
                name: None,
                spike: None,
                place,
            });
            let action = Action::Pop(value);
            body.phases[3].push(Stmt { clock: end, guard: None, action, place });
        }
    }
}

/// Makes the number of the sample and the step in it values of a step.
fn numbered(
    network: &mut Network,
    body: &mut Body,
    (slot, samples): (u32, &[i64]),
    (steps, first): (u64, ClockId),
) -> Result<(), String> {
    let place = body.vars.first().map(|var| var.place).ok_or("a network without variables")?;
    let mut tensors = Tensors::of(network);
    let mut b = Builder::new(network, &mut tensors, Vec::new(), place);
    let time = b.leaf(Op::Time, Kind::Int, &[])?;
    let one = b.constant(Kind::Int, Tensor::scalar_int(1))?;
    let before = b.scalar(scalar::Op::Sub, &[time, one])?;
    let steps = b.constant(Kind::Int, Tensor::scalar_int(steps as i64))?;
    let window = b.scalar(scalar::Op::FloorDiv, &[before, steps])?;
    let numbers = Tensor::int(vec![samples.len()], samples.to_vec());
    let numbers = b.constant(Kind::Int, numbers)?;
    let within = b.scalar(scalar::Op::Rem, &[before, steps])?;
    let mut values = b.finish();
    crate::sample::shift(body, values.len() as u32);
    for value in &mut body.values {
        match value.op {
            Op::Time => {
                (value.op, value.args) = (Op::Scalar(scalar::Op::Add), vec![within, one]);
            }
            Op::Param(of) if of == slot => {
                (value.op, value.args) = (Op::Index, vec![numbers, window]);
            }
            _ => {}
        }
    }
    values.append(&mut body.values);
    // What follows from the number was known before the first step, and is not any more.
    for at in 0..values.len() {
        let stage = values[at].args.iter().map(|arg| values[arg.at()].stage).max();
        values[at].stage = values[at].stage.max(stage.unwrap_or(Stage::Once));
    }
    let mut b = Builder::new(network, &mut tensors, values, place);
    let mut beginning = Vec::new();
    for (var, of) in (0..).zip(&mut body.vars) {
        if b.value(of.init)?.stage == Stage::Once {
            continue;
        }
        let region = of.shape.iter().map(|n| Pick::Range(0, *n)).collect();
        let action = Action::Store { var, region, value: of.init, mask: None };
        beginning.push(Stmt { clock: first, guard: None, action, place: of.place });
        of.init = match of.ty.kind() {
            Kind::Bool => b.constant(Kind::Bool, Tensor::bool(Vec::new(), vec![false]))?,
            Kind::Int => b.constant(Kind::Int, Tensor::scalar_int(0))?,
            kind => b.number(kind, 0.0)?,
        };
    }
    body.values = b.finish();
    body.phases[0].splice(0..0, beginning);
    Ok(())
}
