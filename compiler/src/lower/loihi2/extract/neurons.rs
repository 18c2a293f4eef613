//! Layers: neurons with their program and parameters.

use super::super::network::{ChipNetwork, Config, Layer, Population, Program};
use super::super::profile::Profile;
use super::roles::Role;
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::tensor::{Tensor, Values};
use crate::types::{Cx, Eval, Process, Stop, TExpr, TypedGraph, Val};
use snn_grammar::ast::{Direction, ItemKind, ProcessMember};
use std::collections::BTreeMap;

/// Adds a layer for every process of neurons; gives each process its population.
pub fn layers(
    cx: &mut Cx<'_>,
    graph: &TypedGraph,
    roles: &[Role],
    profile: &Profile,
    network: &mut ChipNetwork,
) -> Vec<Eval<Option<usize>>> {
    let mut layer_of = Vec::new();
    for (process, role) in graph.processes.iter().zip(roles) {
        layer_of.push(match role {
            Role::Neurons => layer(cx, process, profile, network).map(Some),
            _ => Ok(None),
        });
    }
    layer_of
}

fn layer(
    cx: &mut Cx<'_>,
    process: &Process,
    profile: &Profile,
    network: &mut ChipNetwork,
) -> Eval<usize> {
    let shape = process.ports.iter().find(|p| p.direction == Direction::Out);
    let shape = shape.map(|p| p.shape.clone()).unwrap_or_default();
    let neurons = u32::try_from(shape.iter().product::<usize>()).map_err(|_| {
        let message = format!("`{}` has more neurons than can be numbered", process.path);
        cx.fail(Diagnostic::new(Code::E0808, message, process.loc, "").help("split the layer"))
    })?;
    let parameters = parameters(cx, process, profile)?;
    let mut layer = Layer {
        program: program(cx, process, &parameters, network),
        configs: Vec::new(),
        config_of: Vec::new(),
        bias_mant: Vec::new(),
        resets: Vec::new(),
    };
    configure(&mut layer, &parameters, neurons).map_err(|configs| {
        let message = format!("`{}` has {configs} different neuron configurations", process.path);
        let d =
            Diagnostic::new(Code::E0806, message, process.loc, "at most 65535 can be told apart");
        cx.fail(d.help("give neurons the same parameters; biases may differ"))
    })?;
    network.populations.push(Population {
        name: process.path.clone(),
        shape,
        neurons,
        layer: Some(layer),
        loc: Some(process.loc),
    });
    Ok(network.populations.len() - 1)
}

/// A parameter's values: one, or one for each neuron.
struct Parameter {
    name: String,
    values: Vec<i64>,
    /// Whether each neuron keeps its own value, which needs no configuration of its own.
    own: bool,
}

/// Parameters that neurons of a group share on the chip; any other that differs from neuron
/// to neuron is kept with each neuron's state.
const SHARED: &[&str] = &["du", "dv", "vth", "vth_lo", "vth_hi", "bias_exp"];

/// Parameters that say when, not what.
const TIMING: &[&str] = &["reset_interval", "reset_offset"];

fn parameters(cx: &mut Cx<'_>, process: &Process, profile: &Profile) -> Eval<Vec<Parameter>> {
    let mut found = Vec::new();
    let mut failed = false;
    for name in named(cx, process).into_iter().filter(|n| !TIMING.contains(&n.as_str())) {
        let Some(Val::Expr(value)) = process.env.names.get(&name) else { continue };
        // Nothing is computed with others on the chip: they only lead to constants.
        let Some(values) = integers(value) else { continue };
        failed |= unrepresentable(cx, process, &name, &values, profile);
        let same = values.windows(2).all(|w| w[0] == w[1]);
        let own = name == "bias_mant" || (!same && !SHARED.contains(&name.as_str()));
        let values = if same { values.into_iter().take(1).collect() } else { values };
        found.push(Parameter { name, values, own });
    }
    if failed { Err(Stop::Reported) } else { Ok(found) }
}

/// The names of a process's parameters, and of a program's own process its constants, which
/// its operations name; the library's follow from the parameters.
fn named(cx: &Cx<'_>, process: &Process) -> Vec<String> {
    let (params, members) = match &cx.program.item(process.definition).kind {
        ItemKind::Process(p) => (&p.params[..], &p.members[..]),
        _ => Default::default(),
    };
    let of_model = match &cx.program.item(process.model).kind {
        ItemKind::Model(m) => &m.members[..],
        _ => Default::default(),
    };
    let standard = cx.program.prelude.contains(&process.definition.file);
    let constants = members.iter().chain(of_model).filter_map(|member| match member {
        ProcessMember::Const(constant) if !standard => Some(&constant.name.name),
        _ => None,
    });
    let mut names: Vec<String> = Vec::new();
    for name in params.iter().map(|p| &p.name.name).chain(constants) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The integers of a constant, in C order.
fn integers(value: &TExpr) -> Option<Vec<i64>> {
    match value.as_const().map(|t: &std::sync::Arc<Tensor>| &t.values) {
        Some(Values::Int(v)) => Some(v.clone()),
        Some(Values::Bool(v)) => Some(v.iter().map(|b| i64::from(*b)).collect()),
        _ => None,
    }
}

/// Reports a parameter with values that the chip cannot store.
fn unrepresentable(
    cx: &mut Cx<'_>,
    process: &Process,
    name: &str,
    values: &[i64],
    profile: &Profile,
) -> bool {
    let f = &profile.figures;
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let threshold = (1i64 << f.threshold_bits.min(62)) - 1;
    let bias = format!(
        "a bias is `bias_mant · 2^bias_exp`, at most {} · 2^{}: write it in that form, rounded, or \
         scale weights, bias and threshold down together",
        f.bias_mantissa, f.max_bias_exp
    );
    let (low, high, remedy) = match name {
        "du" => (-1, whole(f.max_decay) - 1, "decays are fractions of 4096 a step"),
        "dv" => (0, whole(f.max_decay), "decays are fractions of 4096 a step"),
        "vth" => (0, threshold, "scale weights and threshold down together"),
        "vth_lo" | "vth_hi" => (-threshold, threshold, "scale weights and threshold down together"),
        "bias_mant" => {
            let most = whole(f.bias_mantissa);
            (-most, most, bias.as_str())
        }
        "bias_exp" => (0, whole(f.max_bias_exp), bias.as_str()),
        _ => (i64::from(i32::MIN), i64::from(i32::MAX), "a neuron's program has 32 bits"),
    };
    let Some(bad) = values.iter().find(|v| !(low..=high).contains(*v)) else { return false };
    let message =
        format!("`{name}` of `{}` is {bad}, the chip stores {low} to {high}", process.path);
    let d = Diagnostic::new(Code::E0806, message, process.loc, "given here");
    cx.sink.push(d.help(remedy));
    true
}

/// Sorts neurons into configurations. Fails with their number where there are too many.
fn configure(layer: &mut Layer, parameters: &[Parameter], neurons: u32) -> Result<(), usize> {
    if let Some(bias) = parameters.iter().find(|p| p.name == "bias_mant")
        && bias.values != [0]
    {
        layer.bias_mant = bias.values.clone();
    }
    let shared: Vec<&Parameter> = parameters.iter().filter(|p| !p.own).collect();
    let config = |i: usize| {
        let at = |p: &&Parameter| {
            let value = p.values.get(i).or(p.values.first()).copied().unwrap_or_default();
            (p.name.clone(), value)
        };
        Config(shared.iter().map(at).collect())
    };
    if shared.iter().all(|p| p.values.len() <= 1) {
        layer.configs = vec![config(0)];
        return Ok(());
    }
    let mut numbers: BTreeMap<Config, u16> = BTreeMap::new();
    for i in 0..neurons as usize {
        let config = config(i);
        let next = layer.configs.len();
        let number = match numbers.get(&config) {
            Some(known) => *known,
            None => {
                let number = u16::try_from(next).map_err(|_| next)?;
                numbers.insert(config.clone(), number);
                layer.configs.push(config);
                number
            }
        };
        layer.config_of.push(number);
    }
    Ok(())
}

/// The program of a process's neurons; processes with the same one share it.
fn program(
    cx: &Cx<'_>,
    process: &Process,
    parameters: &[Parameter],
    network: &mut ChipNetwork,
) -> usize {
    let name = match &process.tag {
        Some(tag) => format!("{} {tag}", process.process),
        None => process.process.clone(),
    };
    let own = parameters.iter().filter(|p| p.own && p.name != "bias_mant");
    let own = own.map(|p| (p.name.clone(), width(&p.values)));
    let standard = cx.program.prelude.contains(&process.definition.file);
    let state = process.vars.iter().map(|v| {
        let bits = v.ty.integer().map_or(1, |(bits, _)| bits);
        // The standard neurons keep u and v within 24 bits by their own arithmetic.
        (v.name.clone(), if standard { bits.min(24) } else { bits })
    });
    let operations = process.body.iter().map(|stmt| {
        let when = match stmt.clock.as_every() {
            _ if stmt.clock.is_always() => String::new(),
            Some((every, residue)) => format!("when t % {every} == {residue}: "),
            None => "at some steps: ".to_string(),
        };
        format!("{when}{}", text(cx, stmt.loc))
    });
    let program =
        Program { name, state: state.chain(own).collect(), operations: operations.collect() };
    match network.programs.iter().position(|p| *p == program) {
        Some(known) => known,
        None => {
            network.programs.push(program);
            network.programs.len() - 1
        }
    }
}

/// Bits of the narrowest signed integer that holds all values.
fn width(values: &[i64]) -> u8 {
    let bits = |v: &i64| 65 - (if *v < 0 { !*v } else { *v }).leading_zeros() as u8;
    values.iter().map(bits).max().unwrap_or(1)
}

/// A place's source text on one line.
fn text(cx: &Cx<'_>, loc: Loc) -> String {
    let file = &cx.program.sources.files[loc.file as usize];
    let text = &file.text[file.range(loc.span)];
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
