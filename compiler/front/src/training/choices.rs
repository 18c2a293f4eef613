//! Slopes, optimizers and decays: each one of several that have names and settings.

use super::members::Members;
use snn_grammar::ast::{Choice, Expr, TrainMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic};
use snn_ir::training::{Decay, Moments, Optimizer, Slope, SlopeForm};

/// Names with the settings that each has, in order.
type Known = [(&'static str, &'static [&'static str])];

const SLOPES: &Known = &[
    ("exponential", &["width"]),
    ("fast_sigmoid", &["width"]),
    ("triangle", &["width"]),
    ("box", &["width"]),
];
const MOMENTS: &[&str] = &["lr", "beta1", "beta2", "epsilon", "weight_decay"];
const OPTIMIZERS: &Known = &[
    ("sgd", &["lr", "momentum", "weight_decay"]),
    ("adam", MOMENTS),
    ("adamw", MOMENTS),
    ("radam", MOMENTS),
];
const DECAYS: &Known =
    &[("constant", &[]), ("linear", &[]), ("cosine", &[]), ("steps", &["every", "by"])];

/// What a block chooses. What is wrong is absent.
pub struct Choices {
    pub slope: Option<Slope>,
    pub optimizer: Option<Optimizer>,
    pub decay: Option<Decay>,
}

/// Settings that are given, in the order of their names.
struct Given<'c> {
    name: &'static str,
    values: Vec<Option<&'c Expr>>,
}

impl Choices {
    /// The choices of a block.
    pub fn of(members: &mut Members<'_, '_>) -> Choices {
        Choices { slope: slope(members), optimizer: optimizer(members), decay: decay(members) }
    }
}

fn slope(members: &mut Members<'_, '_>) -> Option<Slope> {
    let written = members.once("slope", |k| match k {
        TrainMemberKind::Slope(choice) => Some(choice),
        _ => None,
    });
    let Some((choice, _)) = written else {
        return Some(Slope { form: SlopeForm::Exponential, width: 1.0 });
    };
    let given = given(members, "slope", SLOPES, choice)?;
    let width = match given.values.first().copied().flatten() {
        Some(e) => members.positive("the width of a slope", e)?,
        None => 1.0,
    };
    let form = match given.name {
        "exponential" => SlopeForm::Exponential,
        "fast_sigmoid" => SlopeForm::FastSigmoid,
        "triangle" => SlopeForm::Triangle,
        _ => SlopeForm::Box,
    };
    Some(Slope { form, width })
}

fn optimizer(members: &mut Members<'_, '_>) -> Option<Optimizer> {
    let written = members.once("optimizer", |k| match k {
        TrainMemberKind::Optimizer(choice) => Some(choice),
        _ => None,
    });
    let Some((choice, _)) = written else {
        members.need("optimizer", |_| false, Some("optimizer adam(lr: 0.001)".into()));
        return None;
    };
    let Given { name, values } = given(members, "optimizer", OPTIMIZERS, choice)?;
    let lr = match values.first().copied().flatten() {
        Some(e) => members.positive("a rate", e),
        None => {
            let message = format!("`{name}` needs a rate");
            let place = members.loc(choice.name.span);
            let d = Diagnostic::new(Code::E1001, message, place, "not given here");
            members.fail(d.help(format!("write `{name}(lr: 0.001)`")));
            None
        }
    };
    let share = |members: &mut Members<'_, '_>, i: usize, default: f64| {
        let Some(e) = values.get(i).copied().flatten() else { return Some(default) };
        let n = members.number(e)?;
        let what = ["", "momentum", "`beta2`"].get(i).copied().unwrap_or_default();
        let what = if name != "sgd" && i == 1 { "`beta1`" } else { what };
        members.within(what, "at least 0 and less than 1", e, n, (0.0..1.0).contains(&n))
    };
    let weight_decay = |members: &mut Members<'_, '_>, default: f64| {
        let Some(e) = values.last().copied().flatten() else { return Some(default) };
        let n = members.number(e)?;
        members.within("`weight_decay`", "at least 0", e, n, n >= 0.0)
    };
    if name == "sgd" {
        let momentum = share(members, 1, 0.0);
        let weight_decay = weight_decay(members, 0.0);
        return Some(Optimizer::Sgd { lr: lr?, momentum: momentum?, weight_decay: weight_decay? });
    }
    let decoupled = name == "adamw";
    let (beta1, beta2) = (share(members, 1, 0.9), share(members, 2, 0.999));
    let epsilon = match values.get(3).copied().flatten() {
        Some(e) => members.positive("`epsilon`", e),
        None => Some(1e-8),
    };
    let weight_decay = weight_decay(members, if decoupled { 0.01 } else { 0.0 });
    Some(Optimizer::Adam(Moments {
        lr: lr?,
        beta1: beta1?,
        beta2: beta2?,
        epsilon: epsilon?,
        weight_decay: weight_decay?,
        decoupled,
        rectified: name == "radam",
    }))
}

fn decay(members: &mut Members<'_, '_>) -> Option<Decay> {
    let written = members.once("decay", |k| match k {
        TrainMemberKind::Decay(choice) => Some(choice),
        _ => None,
    });
    let Some((choice, _)) = written else { return Some(Decay::Constant) };
    let Given { name, values } = given(members, "decay", DECAYS, choice)?;
    match name {
        "constant" => return Some(Decay::Constant),
        "linear" => return Some(Decay::Linear),
        "cosine" => return Some(Decay::Cosine),
        _ => {}
    }
    let [Some(every), Some(by)] = values[..] else {
        let message = "`steps` needs `every` and `by`";
        let place = members.loc(choice.name.span);
        let d = Diagnostic::new(Code::E1001, message, place, "not both are given");
        members.fail(d.help("write `decay steps(every: 5, by: 0.5)`: after every 5 epochs, half"));
        return None;
    };
    let every = members.at_least("`every`", every, 1);
    let factor = members.number(by).and_then(|n| {
        let holds = n > 0.0 && n <= 1.0;
        members.within("`by`", "greater than 0, and at most 1", by, n, holds)
    });
    Some(Decay::Steps { every: every?, by: factor? })
}

/// The settings of a choice, by name or in order, whose values are looked at later.
fn given<'c>(
    members: &mut Members<'_, '_>,
    what: &str,
    all: &Known,
    choice: &'c Choice,
) -> Option<Given<'c>> {
    let place = members.loc(choice.name.span);
    let name = choice.name.name.as_str();
    let Some((name, names)) = all.iter().find(|(known, _)| *known == name) else {
        let message = format!("there is no {what} `{name}`");
        let known: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
        let d = Diagnostic::new(Code::E1005, message, place, "not found");
        let d = d.meant(name, known.iter().copied(), place);
        let article = if what == "optimizer" { "an" } else { "a" };
        members.fail(d.help(format!("{article} {what} is {}", known.join(", "))));
        return None;
    };
    let mut values: Vec<Option<&Expr>> = vec![None; names.len()];
    let mut failed = false;
    let mut position = 0;
    for arg in &choice.args {
        let slot = match &arg.name {
            Some(given) => names.iter().position(|known| *known == given.name),
            None => {
                position += 1;
                Some(position - 1)
            }
        };
        if let Some(free @ None) = slot.and_then(|slot| values.get_mut(slot)) {
            *free = Some(&arg.value);
            continue;
        }
        failed = true;
        let at = members.loc(arg.name.as_ref().map_or(arg.value.span, |n| n.span));
        let message = match (&arg.name, slot) {
            (Some(given), Some(_)) => format!("`{}` is given twice", given.name),
            (Some(given), None) => format!("`{name}` has no setting `{}`", given.name),
            (None, _) if names.is_empty() => format!("`{name}` has no settings"),
            (None, _) => format!("`{name}` has no setting of that position"),
        };
        let mut d = Diagnostic::new(Code::E0209, message, at, "");
        if let (Some(given), None) = (&arg.name, slot) {
            d = d.meant(&given.name, names.iter().copied(), at);
        }
        if !names.is_empty() {
            d = d.note(format!("its settings are {}", names.join(", ")));
        }
        members.fail(d);
    }
    (!failed).then_some(Given { name, values })
}
