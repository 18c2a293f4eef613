//! Layers: neurons with their program and parameters.

use super::super::network::{ChipNetwork, Config, Layer, Population, Program};
use super::super::profile::Profile;
use super::process::Process;
use super::roles::Role;
use snn_grammar::ast::Direction;
use snn_ir::diagnostics::{Code, Diagnostic, Reported, Sink, SourceMap};
use snn_ir::network::{Action, Network};
use snn_ir::tensor::{Constant, Values};
use std::collections::BTreeMap;

/// The population of a process, where it is one of neurons.
pub type LayerOf = Result<Option<usize>, Reported>;

/// Adds a layer for every process of neurons; gives each process its population.
pub fn layers(
    network: &Network,
    roles: &[Role],
    profile: &Profile,
    sources: &SourceMap,
    chip: &mut ChipNetwork,
    sink: &mut Sink,
) -> Vec<LayerOf> {
    let mut layer_of = Vec::new();
    for (process, role) in Process::all(network).zip(roles) {
        layer_of.push(match role {
            Role::Neurons => layer(&process, profile, sources, chip, sink).map(Some),
            _ => Ok(None),
        });
    }
    layer_of
}

fn layer(
    process: &Process<'_>,
    profile: &Profile,
    sources: &SourceMap,
    chip: &mut ChipNetwork,
    sink: &mut Sink,
) -> Result<usize, Reported> {
    let shape = process.port(Direction::Out);
    let shape = shape.map(|p| p.shape.clone()).unwrap_or_default();
    let neurons = u32::try_from(shape.iter().product::<usize>()).map_err(|_| {
        let message = format!("`{}` has more neurons than can be numbered", process.path());
        sink.fail(
            Diagnostic::new(Code::E0808, message, process.place(), "").help("split the layer"),
        )
    })?;
    let parameters = parameters(process, profile, sources, sink)?;
    let mut layer = Layer {
        program: program(process, &parameters, sources, chip),
        configs: Vec::new(),
        config_of: Vec::new(),
        bias_mant: Vec::new(),
        resets: Vec::new(),
    };
    configure(&mut layer, &parameters, neurons).map_err(|configs| {
        let message = format!("`{}` has {configs} different neuron configurations", process.path());
        let d = Diagnostic::new(
            Code::E0806,
            message,
            process.place(),
            "at most 65535 can be told apart",
        );
        sink.fail(d.help("give neurons the same parameters; biases may differ"))
    })?;
    chip.populations.push(Population {
        name: process.path().into(),
        shape,
        neurons,
        layer: Some(layer),
        loc: Some(process.place()),
    });
    Ok(chip.populations.len() - 1)
}

/// A parameter's values: one, or one for each neuron.
struct Parameter {
    name: String,
    values: Vec<i64>,
    /// Whether each neuron keeps its own value, which needs no configuration of its own.
    own: bool,
    /// Whether it is the bias.
    bias: bool,
}

/// The parameter that is each neuron's bias.
const BIAS: &str = "bias_mant";

/// Parameters that neurons of a group share on the chip; any other that differs from neuron
/// to neuron is kept with each neuron's state.
const SHARED: &[&str] = &["du", "dv", "vth", "vth_lo", "vth_hi", "bias_exp"];

/// Parameters that say when, not what.
const TIMING: &[&str] = &["reset_interval", "reset_offset"];

fn parameters(
    process: &Process<'_>,
    profile: &Profile,
    sources: &SourceMap,
    sink: &mut Sink,
) -> Result<Vec<Parameter>, Reported> {
    let mut found = Vec::new();
    let mut failed = false;
    for name in process.names() {
        // What a parameter of a program's own neuron is called means nothing.
        let meant = if process.body.standard { name } else { "" };
        if TIMING.contains(&meant) {
            continue;
        }
        // Nothing is computed with others on the chip: they only lead to constants.
        let Some(values) = process.named(name).as_ref().and_then(integers) else { continue };
        if let Some((message, remedy)) = unrepresentable(process, (name, meant), &values, profile) {
            failed = true;
            let given = process.given(name).filter(|loc| !sources.is_library(*loc));
            let given = given.unwrap_or(process.place());
            let mut d = Diagnostic::new(Code::E0806, message, given, "given here");
            if given != process.place() {
                d = d.label(process.place(), "to this layer");
            }
            sink.push(d.help(remedy));
        }
        let same = values.windows(2).all(|w| w[0] == w[1]);
        let bias = meant == BIAS;
        let own = bias || (!same && !SHARED.contains(&meant));
        let values = if same { values.into_iter().take(1).collect() } else { values };
        found.push(Parameter { name: name.into(), values, own, bias });
    }
    if failed { Err(Reported) } else { Ok(found) }
}

/// The integers of a constant, in C order.
fn integers(constant: &Constant) -> Option<Vec<i64>> {
    match &constant.dense()?.values {
        Values::Int(v) => Some(v.clone()),
        Values::Bool(v) => Some(v.iter().map(|b| i64::from(*b)).collect()),
        Values::Float(_) => None,
    }
}

/// What is wrong with a parameter of values that the chip cannot store, and the remedy.
fn unrepresentable(
    process: &Process<'_>,
    (name, meant): (&str, &str),
    values: &[i64],
    profile: &Profile,
) -> Option<(String, String)> {
    let f = &profile.figures;
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let threshold = (1i64 << f.threshold_bits.min(62)) - 1;
    let bias = format!(
        "a bias is `bias_mant · 2^bias_exp`, at most {} · 2^{}: write it in that form, rounded, or \
         scale weights, bias and threshold down together",
        f.bias_mantissa, f.max_bias_exp
    );
    let (low, high, remedy) = match meant {
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
    let bad = values.iter().find(|v| !(low..=high).contains(*v))?;
    let message =
        format!("`{name}` of `{}` is {bad}, the chip stores {low} to {high}", process.path());
    Some((message, remedy.into()))
}

/// Sorts neurons into configurations. Fails with their number where there are too many.
fn configure(layer: &mut Layer, parameters: &[Parameter], neurons: u32) -> Result<(), usize> {
    if let Some(bias) = parameters.iter().find(|p| p.bias)
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
    process: &Process<'_>,
    parameters: &[Parameter],
    sources: &SourceMap,
    chip: &mut ChipNetwork,
) -> usize {
    let body = process.body;
    let name = match &body.tag {
        Some(tag) => format!("{} {tag}", body.process),
        None => body.process.clone(),
    };
    let own = parameters.iter().filter(|p| p.own && !p.bias);
    let own = own.map(|p| (p.name.clone(), width(&p.values)));
    let state = body.vars.iter().map(|v| {
        let bits = v.ty.integer().map_or(1, |(bits, _)| bits);
        // The standard neurons keep u and v within 24 bits by their own arithmetic.
        (v.name.clone(), if body.standard { bits.min(24) } else { bits })
    });
    // Reading and receiving are no statements of the text.
    let written = |action: &Action| !matches!(action, Action::Read(_) | Action::Receive(_));
    let statements = body.stmts().map(|(_, stmt)| stmt).filter(|stmt| written(&stmt.action));
    let operations = statements.map(|stmt| {
        let clock = process.network.clock(stmt.clock);
        let when = match clock.as_every() {
            _ if clock.is_always() => String::new(),
            Some((every, residue)) => format!("when t % {every} == {residue}: "),
            None => "at some steps: ".to_string(),
        };
        format!("{when}{}", sources.line(stmt.place))
    });
    let program =
        Program { name, state: state.chain(own).collect(), operations: operations.collect() };
    match chip.programs.iter().position(|p| *p == program) {
        Some(known) => known,
        None => {
            chip.programs.push(program);
            chip.programs.len() - 1
        }
    }
}

/// Bits of the narrowest signed integer that holds all values.
fn width(values: &[i64]) -> u8 {
    let bits = |v: &i64| 65 - (if *v < 0 { !*v } else { *v }).leading_zeros() as u8;
    values.iter().map(bits).max().unwrap_or(1)
}
