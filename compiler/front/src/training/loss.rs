//! What is to become small, and how it is measured whether it does.

use super::members::Members;
use super::samples::Samples;
use crate::elaborate::{Places, unmatched};
use crate::requests::read_at;
use crate::types::dotted;
use snn_grammar::ast::{BinaryOp, Expr, ExprKind, TrainMemberKind, UnaryOp};
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{InstanceId, Network, Var};
use snn_ir::scalar::Kind;
use snn_ir::training::{Loss, Validate};

/// The losses, and the step after whose end they are all there.
pub fn losses(
    members: &mut Members<'_, '_>,
    network: &Network,
    period: Option<(u64, Loc)>,
) -> (Vec<Loss>, Option<u64>) {
    let names = Names::of(network);
    let mut losses: Vec<Loss> = Vec::new();
    let mut read: Option<(u64, Loc)> = None;
    let train = members.train;
    for member in &train.members {
        let TrainMemberKind::Loss { value, at } = &member.kind else { continue };
        let loss = names.loss(members, value);
        let step = step(members, at, period);
        let place = members.loc(at.span);
        match (step, read) {
            (Some(step), Some((known, first))) if step != known => {
                let message = "losses are read after the same step of a sample";
                let d = Diagnostic::new(Code::E1007, message, place, format!("after step {step}"));
                let d = d.label(first, format!("after step {known}"));
                members.fail(d.help(
                    "keep what is there earlier in a variable, and read all at the later step",
                ));
            }
            (Some(step), None) => read = Some((step, place)),
            _ => {}
        }
        if let (Some(loss), Some(step)) = (&loss, step) {
            in_time(members, network, loss, (step, place));
        }
        losses.extend(loss);
    }
    (losses, read.map(|(step, _)| step))
}

/// What is measured by the last samples.
pub fn validate(
    members: &mut Members<'_, '_>,
    network: &Network,
    samples: &Samples,
) -> Option<Validate> {
    let ((value, last), place) = members.once("validate", |k| match k {
        TrainMemberKind::Validate { value, last } => Some((value, last)),
        _ => None,
    })?;
    let names = Names::of(network);
    let accuracy = match &value.kind {
        ExprKind::Name(name) if name == "loss" => Some(None),
        _ => names.accuracy(members, value).map(Some),
    };
    let count = members.at_least("the number of samples", last, 1);
    if let (Some(n), Some((all, at))) = (count, samples.count)
        && n >= all
    {
        let message = format!("of {all} samples, the last {n} cannot be left out");
        let place = members.loc(last.span);
        let d = Diagnostic::new(Code::E1004, message, place, "nothing is left to learn from");
        let d = d.label(at, format!("these are {all} samples"));
        members.fail(d.help("learn from most of the samples, and measure with some"));
        return None;
    }
    Some(Validate { accuracy: accuracy?, last: count?, place })
}

/// The step of a sample after which a loss is read: the first that is not before its last.
fn step(members: &mut Members<'_, '_>, at: &Expr, period: Option<(u64, Loc)>) -> Option<u64> {
    let clock = read_at(members.cx, at, members.file, "a loss is read");
    let clock = members.ok(clock)?;
    let (period, sample) = period?;
    let every = clock.as_every().filter(|(every, _)| period % every == 0);
    let step = every.and_then(|_| clock.next(period));
    if step.is_none() {
        let message = "a loss is read in each sample alike";
        let place = members.loc(at.span);
        let d = Diagnostic::new(Code::E1007, message, place, how_often(&clock));
        let d = d.label(sample, format!("a sample is {period} steps long"));
        members.fail(d.help(format!("take an epoch of {period} steps, perhaps with an offset")));
    }
    step
}

/// How often a clock holds, in a few words.
fn how_often(clock: &Clock) -> String {
    match clock.as_every() {
        Some((every, _)) => format!("every {every} steps"),
        None if clock.is_never() => "never".into(),
        None => "not at equal distances".into(),
    }
}

/// Requires that something of a sample reaches a loss before it is read.
fn in_time(
    members: &mut Members<'_, '_>,
    network: &Network,
    loss: &Loss,
    (step, place): (u64, Loc),
) {
    let instance = &network.instances[loss.var.0.at()];
    let first = instance.arrival.0.saturating_add(1);
    if first <= step {
        return;
    }
    let message =
        format!("nothing of a sample has reached `{}` when its loss is read", instance.path);
    let d =
        Diagnostic::new(Code::E1010, message, place, format!("after step {step} of the sample"));
    let d = d.label(instance.place, format!("first reached in step {first}"));
    members.fail(d.help("read it later, at an epoch with an offset, or give a sample more steps"));
}

/// The variables of a network, by path.
struct Names<'n> {
    network: &'n Network,
    places: Places,
}

/// What a dotted path names.
enum Named<'n> {
    Var((InstanceId, u32), &'n Var),
    Port,
    Nothing,
}

impl<'n> Names<'n> {
    fn of(network: &'n Network) -> Names<'n> {
        let places = Places::new(network.instances.iter().map(|i| i.path.as_str()));
        Names { network, places }
    }

    fn named(&self, path: &[&str]) -> Named<'n> {
        let Some((name, instance)) = path.split_last() else { return Named::Nothing };
        let Some(at) = self.places.at(&instance.join(".")) else { return Named::Nothing };
        let id = InstanceId(at as u32);
        let body = self.network.body(id);
        if let Some(i) = body.vars.iter().position(|v| v.name == *name) {
            return Named::Var((id, i as u32), &body.vars[i]);
        }
        match body.ports.iter().any(|p| p.name == *name) {
            true => Named::Port,
            false => Named::Nothing,
        }
    }

    /// The variable of one element that an expression names.
    fn variable(&self, members: &mut Members<'_, '_>, e: &Expr) -> Option<(InstanceId, u32)> {
        let place = members.loc(e.span);
        let path = dotted(e).unwrap_or_default();
        let text = path.join(".");
        match self.named(&path) {
            Named::Var(var, of) if of.shape.iter().product::<usize>() == 1 => Some(var),
            Named::Var(_, of) => {
                let message = format!("`{text}` has more than one element");
                let what = format!("has shape {:?}", of.shape);
                let d = Diagnostic::new(Code::E1006, message, place, what);
                let d = d.label(of.place, "declared here");
                members.fail(d.help("keep its sum, or its mean, in a variable of its own"));
                None
            }
            Named::Port => {
                let message = format!("`{text}` is a port");
                let d = Diagnostic::new(Code::E1006, message, place, "a variable is needed here");
                members.fail(
                    d.help("keep what it sends in a variable, which has its value after the step"),
                );
                None
            }
            Named::Nothing => {
                let instances = &self.network.instances;
                let vars = |i: usize| {
                    let body = self.network.body(InstanceId(i as u32));
                    body.vars.iter().map(move |v| format!("{}.{}", instances[i].path, v.name))
                };
                let all: Vec<String> = (0..instances.len()).flat_map(vars).collect();
                let processes: Vec<&str> = instances.iter().map(|i| i.path.as_str()).collect();
                let all = all.iter().map(String::as_str);
                members.fail(unmatched("variable", &text, place, all, &processes));
                None
            }
        }
    }

    /// `rate.loss`, `0.5 * rate.loss`.
    fn loss(&self, members: &mut Members<'_, '_>, value: &Expr) -> Option<Loss> {
        let (of, factor) = match &value.kind {
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                let (of, factor) = if self.is_path(members, b) { (&**b, a) } else { (&**a, b) };
                (of, Some(&**factor))
            }
            ExprKind::Unary(UnaryOp::Neg, of) => (&**of, None),
            _ => (value, None),
        };
        let place = members.loc(value.span);
        if dotted(of).is_none() {
            let message = "a loss is a variable, perhaps times a number";
            let d = Diagnostic::new(Code::E1006, message, place, "an expression");
            members.fail(d.help(
                "write a line for each, `loss 0.5 * rate.loss at image.end`: several are added; \
                 what is computed otherwise is computed by a process",
            ));
            return None;
        }
        let var = self.variable(members, of);
        let factor = match (factor, &value.kind) {
            (Some(e), _) => {
                let n = members.number(e)?;
                members.within("the factor of a loss", "another number than 0", e, n, n != 0.0)
            }
            (None, ExprKind::Unary(..)) => Some(-1.0),
            (None, _) => Some(1.0),
        };
        let (instance, i) = var?;
        let of_var = &self.network.body(instance).vars[i as usize];
        if !matches!(of_var.ty.kind(), Kind::F32 | Kind::F64) {
            let message = "a loss is a float, which can change a little";
            let what = format!("this is {}", of_var.ty.text());
            let d = Diagnostic::new(Code::E1006, message, members.loc(of.span), what);
            let d = d.label(of_var.place, "declared here");
            members.fail(d.help("declare it as `f64`"));
            return None;
        }
        Some(Loss { var: (instance, i), factor: factor?, place })
    }

    /// Whether an expression is meant as a path into the network.
    fn is_path(&self, members: &Members<'_, '_>, e: &Expr) -> bool {
        let Some(path) = dotted(e) else { return false };
        !matches!(self.named(&path), Named::Nothing)
            || path.first().is_some_and(|f| members.cx.program.lookup(members.file, f).is_none())
    }

    /// `accuracy(predicted, truth)`.
    fn accuracy(
        &self,
        members: &mut Members<'_, '_>,
        value: &Expr,
    ) -> Option<[(InstanceId, u32); 2]> {
        let sides = match &value.kind {
            ExprKind::Call { callee, args } => match (&callee.kind, args.as_slice()) {
                (ExprKind::Name(name), [a, b]) if name == "accuracy" => Some([a, b]),
                _ => None,
            },
            _ => None,
        };
        let known = |arg: &&snn_grammar::ast::Arg, i: usize| {
            let name = arg.name.as_ref().map(|n| n.name.as_str());
            name.is_none_or(|n| n == ["predicted", "truth"][i])
        };
        let sides = sides.filter(|[a, b]| known(a, 0) && known(b, 1));
        let Some([predicted, truth]) = sides else {
            let message = "what is measured is the loss, or an accuracy";
            let d = Diagnostic::new(Code::E1006, message, members.loc(value.span), "");
            members.fail(d.help(
                "write `validate accuracy(out.predicted, out.truth) on last 1_000`, or \
                 `validate loss on last 1_000`",
            ));
            return None;
        };
        let [a, b] = [predicted, truth].map(|side| self.variable(members, &side.value));
        Some([a?, b?])
    }
}
