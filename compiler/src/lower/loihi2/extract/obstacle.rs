//! What a neurocore cannot do.
//!
//! A neurocore's program works on each neuron alone, in the spike phase, with integers of at
//! most 32 bits: sums, products, shifts, comparisons, choices, decays. It sees no other neuron
//! except through synapses, no step counter except through guards, no data files.

use super::super::profile::Profile;
use crate::diagnostics::Loc;
use crate::ir::{BinOp, Kind};
use crate::types::{Node, Phase, Place, Process, StmtKind, TExpr};
use snn_grammar::ast::Direction;

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
pub fn find(process: &Process, profile: &Profile) -> Option<Obstacle> {
    ports(process, profile).or_else(|| state(process)).or_else(|| statements(process))
}

fn obstacle(loc: Loc, what: impl Into<String>, remedy: impl Into<String>) -> Option<Obstacle> {
    Some(Obstacle { loc, what: what.into(), remedy: remedy.into() })
}

fn ports(process: &Process, profile: &Profile) -> Option<Obstacle> {
    let of = |direction: Direction| {
        process.ports.iter().filter(move |p| p.direction == direction).collect::<Vec<_>>()
    };
    let (ins, outs) = (of(Direction::In), of(Direction::Out));
    if let Some(second) = ins.get(1) {
        let what = format!("`{}` is a second dendrite", second.name);
        return obstacle(second.loc, what, "a neuron on a neurocore has one in port; add up in it");
    }
    let Some(out) = outs.first() else {
        let remedy = "a neuron on a neurocore has one out port, its axon";
        return obstacle(process.loc, "it has no out port", remedy);
    };
    if let Some(second) = outs.get(1) {
        let what = format!("`{}` is a second axon", second.name);
        return obstacle(second.loc, what, "a neuron on a neurocore has one out port; split it");
    }
    for port in &process.ports {
        let bits = port.ty.integer().map(|(bits, _)| bits);
        if matches!(port.ty.kind(), Kind::F32 | Kind::F64) || bits.is_some_and(|b| b > WIDEST) {
            let what = format!("`{}` carries {}", port.name, port.ty.text());
            return obstacle(port.loc, what, "send spikes, or integers of at most 32 bits");
        }
        if port.shape != out.shape {
            let what = format!(
                "`{}` has shape {:?}, `{}` {:?}",
                port.name, port.shape, out.name, out.shape
            );
            let remedy = "the ports of a layer of neurons have its shape; use synapses between";
            return obstacle(port.loc, what, remedy);
        }
    }
    let payload = out.ty.kind() != Kind::Bool && profile.figures.payload_bits == 0;
    if payload {
        let what = format!("`{}` carries {}, not spikes", out.name, out.ty.text());
        let remedy = format!("profile `{}` has no graded spikes: send `spike`", profile.name);
        return obstacle(out.loc, what, remedy);
    }
    None
}

fn state(process: &Process) -> Option<Obstacle> {
    let shape = process.ports.iter().find(|p| p.direction == Direction::Out).map(|p| &p.shape);
    for var in &process.vars {
        let bits = var.ty.integer().map(|(bits, _)| bits);
        if matches!(var.ty.kind(), Kind::F32 | Kind::F64) {
            let what = format!("`{}` is {}", var.name, var.ty.text());
            return obstacle(var.loc, what, "use fixed point, as `fixed_pt` models do");
        }
        if bits.is_some_and(|b| b > WIDEST) {
            let what = format!("`{}` is {}, 64 bits", var.name, var.ty.text());
            return obstacle(var.loc, what, "declare at most 32 bits: `i24 wrap`, say");
        }
        if Some(&var.shape) != shape {
            let what = format!("`{}` has shape {:?}, not the layer's", var.name, var.shape);
            let remedy = "a neuron's state is one value for each neuron; keep the rest on the host";
            return obstacle(var.loc, what, remedy);
        }
    }
    None
}

fn statements(process: &Process) -> Option<Obstacle> {
    for stmt in &process.body {
        if stmt.phase != Phase::Spk {
            let what = format!("it acts in phase `{}`", stmt.phase.name());
            let remedy = "neurons on neurocores act in `spk`; leave the rest to a process on `cpu`";
            return obstacle(stmt.loc, what, remedy);
        }
        let whole = operation;
        let found = match &stmt.kind {
            StmtKind::Let(i) => process.lets.get(*i).and_then(|(_, e)| whole(e)),
            StmtKind::Assign { to, shape, value, mask, .. } => {
                let of = match to {
                    Place::Var(v) => process.vars.get(*v).map(|v| &v.shape),
                    Place::Port(p) => process.ports.get(*p).map(|p| &p.shape),
                };
                let part = (of != Some(shape)).then(|| "it assigns a part of an array".to_string());
                part.or_else(|| whole(value)).or_else(|| mask.as_ref().and_then(whole))
            }
        };
        if let Some(what) = found {
            let remedy = "a neurocore has sums, products, shifts, comparisons, `where` and `decay` \
                          of integers, each neuron for itself";
            return obstacle(stmt.loc, what, remedy);
        }
    }
    None
}

/// What of an expression a neurocore cannot compute.
fn operation(e: &TExpr) -> Option<String> {
    if e.as_const().is_none() && matches!(e.kind, Kind::F32 | Kind::F64) {
        return Some("it computes with floats".into());
    }
    let here = match &e.node {
        Node::Binary(BinOp::Div | BinOp::FloorDiv | BinOp::Rem | BinOp::Pow, ..) => {
            "it divides or takes powers"
        }
        Node::Time => "it computes with the step counter",
        Node::File(_) => "it reads data",
        Node::Random { .. } => "it draws random numbers",
        Node::Math(..) => "it needs a function of floats",
        Node::MatMul { .. } => "it has weights of its own; put them into `Dense` before it",
        Node::Reduce(..) => "it reduces over neurons",
        Node::Transpose(..) | Node::Slice(..) | Node::Index { .. } | Node::Concat(..) => {
            "it moves values between neurons"
        }
        _ => return e.children().into_iter().find_map(operation),
    };
    Some(here.into())
}
