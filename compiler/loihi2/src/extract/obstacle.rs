//! What a neurocore cannot do.
//!
//! A neurocore's program works on each neuron alone, in the spike phase, with integers of at
//! most 32 bits: sums, products, shifts, comparisons, choices, decays. It sees no other neuron
//! except through synapses, no step counter except through guards, no data files.

use super::super::profile::Profile;
use super::process::Process;
use snn_grammar::ast::Direction;
use snn_ir::diagnostics::Loc;
use snn_ir::network::{Action, Body, Data, Network, Op, Phase, Pick, Port, Stage, Value, ValueId};
use snn_ir::scalar::{self, Kind};

/// Something in a process that a neurocore cannot do.
pub struct Obstacle {
    /// Where.
    pub loc: Loc,
    /// What.
    pub what: String,
    /// What to write instead.
    pub remedy: String,
}

/// The bits of a state variable at most.
const WIDEST: u8 = 32;

/// The first obstacle in a process, in order of declaration.
pub fn find(process: &Process<'_>, profile: &Profile) -> Option<Obstacle> {
    ports(process, profile).or_else(|| state(process)).or_else(|| statements(process))
}

fn obstacle(loc: Loc, what: impl Into<String>, remedy: impl Into<String>) -> Option<Obstacle> {
    Some(Obstacle { loc, what: what.into(), remedy: remedy.into() })
}

fn ports(process: &Process<'_>, profile: &Profile) -> Option<Obstacle> {
    let ports = &process.body.ports;
    let of = |direction: Direction| -> Vec<&Port> {
        ports.iter().filter(move |p| p.direction == direction).collect()
    };
    let (ins, outs) = (of(Direction::In), of(Direction::Out));
    if let Some(second) = ins.get(1) {
        let what = format!("`{}` is a second dendrite", second.name);
        let remedy = "a neuron on a neurocore has one in port; add up in it";
        return obstacle(second.place, what, remedy);
    }
    let Some(out) = outs.first() else {
        let remedy = "a neuron on a neurocore has one out port, its axon";
        return obstacle(process.place(), "it has no out port", remedy);
    };
    if let Some(second) = outs.get(1) {
        let what = format!("`{}` is a second axon", second.name);
        return obstacle(second.place, what, "a neuron on a neurocore has one out port; split it");
    }
    for port in ports {
        let bits = port.ty.integer().map(|(bits, _)| bits);
        if port.ty.kind().is_float() || bits.is_some_and(|b| b > WIDEST) {
            let what = format!("`{}` carries {}", port.name, port.ty.text());
            return obstacle(port.place, what, "send spikes, or integers of at most 32 bits");
        }
        if port.shape != out.shape {
            let what = format!(
                "`{}` has shape {:?}, `{}` {:?}",
                port.name, port.shape, out.name, out.shape
            );
            let remedy = "the ports of a layer of neurons have its shape; use synapses between";
            return obstacle(port.place, what, remedy);
        }
    }
    let payload = out.ty.kind() != Kind::Bool && profile.figures.payload_bits == 0;
    if payload {
        let what = format!("`{}` carries {}, not spikes", out.name, out.ty.text());
        let remedy = format!("profile `{}` has no graded spikes: send `spike`", profile.name);
        return obstacle(out.place, what, remedy);
    }
    None
}

fn state(process: &Process<'_>) -> Option<Obstacle> {
    let shape = process.port(Direction::Out).map(|p| &p.shape);
    for var in &process.body.vars {
        let bits = var.ty.integer().map(|(bits, _)| bits);
        if var.ty.kind().is_float() {
            let what = format!("`{}` is {}", var.name, var.ty.text());
            return obstacle(var.place, what, "use fixed point, as `fixed_pt` models do");
        }
        if bits.is_some_and(|b| b > WIDEST) {
            let what = format!("`{}` is {}, 64 bits", var.name, var.ty.text());
            return obstacle(var.place, what, "declare at most 32 bits: `i24 wrap`, say");
        }
        if Some(&var.shape) != shape {
            let what = format!("`{}` has shape {:?}, not the layer's", var.name, var.shape);
            let remedy = "a neuron's state is one value for each neuron; keep the rest on the host";
            return obstacle(var.place, what, remedy);
        }
    }
    None
}

fn statements(process: &Process<'_>) -> Option<Obstacle> {
    let body = process.body;
    let mut operations = Operations::of(process.network, body);
    for (phase, stmt) in body.stmts() {
        if phase != Phase::Spk {
            let what = format!("it acts in phase `{}`", phase.name());
            let remedy = "neurons on neurocores act in `spk`; leave the rest to a process on `cpu`";
            return obstacle(stmt.place, what, remedy);
        }
        let found = match &stmt.action {
            Action::Eval(value) | Action::Send { value, .. } => operations.find(*value),
            Action::Store { var, region, value, mask } => {
                let whole = is_whole(region, &body.vars[*var as usize].shape);
                let part = (!whole).then_some("it assigns a part of an array");
                let needed = [Some(*value), *mask, stmt.guard];
                part.or_else(|| needed.into_iter().flatten().find_map(|v| operations.find(v)))
            }
            _ => None,
        };
        if let Some(what) = found {
            let remedy = "a neurocore has sums, products, shifts, comparisons, `where` and `decay` \
                          of integers, each neuron for itself";
            return obstacle(stmt.place, what, remedy);
        }
    }
    None
}

/// Whether a region is all of a variable.
pub fn is_whole(region: &[Pick], shape: &[usize]) -> bool {
    region.iter().zip(shape).all(|(pick, size)| matches!(pick, Pick::Range(0, hi) if hi == size))
}

/// Operations that a neurocore cannot compute.
struct Operations<'b> {
    network: &'b Network,
    body: &'b Body,
    /// Values in which there is none.
    fine: Vec<bool>,
}

impl<'b> Operations<'b> {
    fn of(network: &'b Network, body: &'b Body) -> Operations<'b> {
        Operations { network, body, fine: vec![false; body.values.len()] }
    }

    /// The first in what a value is computed from, outermost first.
    fn find(&mut self, value: ValueId) -> Option<&'static str> {
        let mut pending = vec![value];
        while let Some(id) = pending.pop() {
            if std::mem::replace(&mut self.fine[id.at()], true) {
                continue;
            }
            let value = &self.body.values[id.at()];
            if let Some(what) = self.here(value) {
                self.fine[id.at()] = false;
                return Some(what);
            }
            pending.extend(value.args.iter().rev().copied());
        }
        None
    }

    fn here(&self, value: &Value) -> Option<&'static str> {
        use scalar::Op::{
            Ceil, Cos, Div, Exp, Floor, FloorDiv, Log, Pow, Rem, Round, Sin, Sqrt, Tanh,
        };
        if let Op::Const(tensor) = value.op {
            let unread = matches!(self.network.tensors[tensor.at()].data, Data::File(_));
            return unread.then_some("it reads data");
        }
        // What is known before the first step is computed before it.
        if value.stage == Stage::Once {
            return None;
        }
        if value.kind.is_float() {
            return Some("it computes with floats");
        }
        Some(match &value.op {
            Op::Scalar(Div | FloorDiv | Rem | Pow) => "it divides or takes powers",
            Op::Time => "it computes with the step counter",
            Op::Random { .. } => "it draws random numbers",
            Op::Scalar(Exp | Log | Sqrt | Sin | Cos | Tanh | Floor | Ceil | Round) => {
                "it needs a function of floats"
            }
            Op::MatMul | Op::Conv(_) | Op::ByDelay => {
                "it has weights of its own; put them into `Dense` before it"
            }
            Op::Reduce(..) => "it reduces over neurons",
            Op::Transpose(_) | Op::Slice(_) | Op::Flip(_) | Op::Index | Op::Concat(_) => {
                "it moves values between neurons"
            }
            _ => return None,
        })
    }
}
