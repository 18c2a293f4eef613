//! From a checked `train` block to a network that learns.

use crate::lesson::{Given, Lesson, lesson};
use crate::slope::Surrogate;
use crate::{Ask, Cut, Refused, reverse, sample};
use snn_ir::network::adjoint::Builder;
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    ALWAYS, Action, ElemTy, Flat, InstanceId, Member, Network, Op, ParamId, Stmt, Var, VarKind,
};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::Values;
use snn_ir::training::{Learned, Training};

/// A network that learns, and what of it is looked at.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The network.
    pub lesson: Lesson,
    /// Steps until its loss is there.
    pub forth: u64,
    /// The variable with the loss.
    pub loss: u32,
    /// Variables that are equal where a sample is right.
    pub compared: Option<[u32; 2]>,
    /// What each learned param begins with, in C order.
    pub starts: Vec<Vec<f64>>,
    /// Of each learned param, whether the loss depends on it at all.
    pub reaches: Vec<bool>,
    /// Where gradients end on their way.
    pub ends: Vec<crate::reverse::End>,
}

/// The network that learns what a `train` block says: `network` is the run over all samples, `flat`
/// its flat form.
///
/// # Errors
/// Where a sample depends on those before, where gradients cannot be found, and where what is
/// learned has no values that the compiler knows.
pub fn plan(network: &Network, flat: &Flat, training: &Training) -> Result<Planned, Refused> {
    let var = |(instance, var): (InstanceId, u32)| {
        let path = network.member_path(instance, Member::Var(var));
        let found = flat.body().vars.iter().position(|v| v.name == path);
        found.map(|at| at as u32).ok_or_else(|| refused(training, format!("no variable {path}")))
    };
    let mut losses = Vec::with_capacity(training.losses.len());
    for loss in &training.losses {
        losses.push((var(loss.var)?, loss.factor));
    }
    let compared = match training.validate.as_ref().and_then(|v| v.accuracy) {
        Some([a, b]) => Some([var(a)?, var(b)?]),
        None => None,
    };
    let (flat, loss) = total(flat, &losses).map_err(|why| refused(training, why))?;
    let wanted: Vec<u32> = [loss].into_iter().chain(compared.into_iter().flatten()).collect();
    let cut = Cut { wanted: &wanted, period: training.period, steps: training.steps };
    let one = sample(&flat, cut)?;
    let (mut slots, mut given, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for learned in &training.learned {
        let args = &one.flat.0.instances[0].args;
        let slot = args.iter().position(|param| *param == learned.param);
        let missing = || refused(training, "what is learned is not used".into());
        let slot = slot.ok_or_else(missing)? as u32;
        let integers = one.flat.body().slots[slot as usize].kind == Kind::Int;
        let range = learned.range.filter(|_| integers);
        let range = range.map(|(lo, hi)| (lo.ceil() as i64, hi.floor() as i64));
        slots.push(slot);
        given.push(Given { slot, range });
        starts.push(start(&one.flat.0, learned)?);
    }
    let ask = Ask { steps: training.steps, loss, learned: slots };
    let surrogate = Surrogate { slope: training.slope, scale: 1.0 };
    let reversed = reverse(&one.flat, &ask, &mut |b, of| surrogate.slope(b, of))?;
    let made = lesson(&reversed, one.slot, &given).map_err(|why| refused(training, why))?;
    let (forth, reaches, ends) = (training.steps, reversed.reaches, reversed.ends);
    Ok(Planned { lesson: made, forth, loss, compared, starts, reaches, ends })
}

fn refused(training: &Training, why: String) -> Refused {
    Refused { why, place: training.place }
}

/// What a param begins with.
fn start(network: &Network, learned: &Learned) -> Result<Vec<f64>, Refused> {
    let Learned { param: ParamId(id), start, place, .. } = learned;
    let known = match start {
        Some(start) => Some(start.clone()),
        None => {
            let tensor = network.params[*id as usize].tensor;
            let known = network.tensors[tensor.at()].constant();
            known.and_then(|constant| constant.dense()).map(|dense| (*dense).clone())
        }
    };
    let why = || "its first values are not known to the compiler".to_string();
    let known = known.ok_or_else(|| Refused { why: why(), place: *place })?;
    Ok(match known.values {
        Values::Bool(x) => x.into_iter().map(f64::from).collect(),
        Values::Int(x) => x.into_iter().map(|x| x as f64).collect(),
        Values::Float(x) => x,
    })
}

/// The network with a variable that is the sum of losses, each times a factor, after every step.
fn total(flat: &Flat, losses: &[(u32, f64)]) -> Result<(Flat, u32), String> {
    if let [(only, factor)] = losses
        && *factor == 1.0
        && flat.body().vars[*only as usize].shape.is_empty()
    {
        return Ok((flat.clone(), *only));
    }
    let mut network = flat.0.clone();
    let mut body = network.bodies.pop().ok_or("no body")?;
    let mut tensors = Tensors::of(&network);
    let place = losses.first().map(|(var, _)| body.vars[*var as usize].place).ok_or("no loss")?;
    let values = std::mem::take(&mut body.values);
    let mut b = Builder::new(&mut network, &mut tensors, values, place);
    let mut sum = b.number(Kind::F64, 0.0)?;
    let mut stmts = Vec::new();
    for (var, factor) in losses {
        let of = &body.vars[*var as usize];
        let read = b.leaf(Op::Var(*var), of.ty.kind(), &of.shape)?;
        stmts.push(Action::Read(read));
        let axes: Vec<usize> = (0..of.shape.len()).collect();
        let one = b.convert(read, Kind::F64)?;
        let one = b.sum(one, &axes)?;
        let factor = b.number(Kind::F64, *factor)?;
        let product = b.scalar(scalar::Op::Mul, &[factor, one])?;
        sum = b.scalar(scalar::Op::Add, &[sum, product])?;
    }
    let init = b.number(Kind::F64, 0.0)?;
    body.values = b.finish();
    let total = body.vars.len() as u32;
    let (name, ty) = ("total loss".to_string(), ElemTy::of_kind(Kind::F64));
    body.vars.push(Var { name, kind: VarKind::State, ty, shape: Vec::new(), init, place });
    stmts.push(Action::Store { var: total, region: Vec::new(), value: sum, mask: None });
    let stmts = stmts.into_iter().map(|action| Stmt { clock: ALWAYS, guard: None, action, place });
    body.phases[3].extend(stmts);
    network.bodies.push(body);
    Ok((Flat(network), total))
}
