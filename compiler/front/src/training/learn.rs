//! What is learned: params of the network, the values that these may have, and what they begin with.

use super::members::Members;
use crate::elaborate::{Named, Places, unmatched};
use snn_grammar::ast::{self, ExprKind, Learn, Start, TrainMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{self, Data, InstanceId, Network, ParamId};
use snn_ir::scalar::Kind;
use snn_ir::tensor::generate::{self, GenerateError, Range};
use snn_ir::tensor::{Constant, Tensor, Values, ops};
use snn_ir::training::Learned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is learned, each param once.
pub fn learned(members: &mut Members<'_, '_>, network: &Network) -> Vec<Learned> {
    let places = Places::new(network.instances.iter().map(|i| i.path.as_str()));
    let mut taken: BTreeMap<ParamId, Loc> = BTreeMap::new();
    let mut all = Vec::new();
    let train = members.train;
    for member in &train.members {
        let TrainMemberKind::Learn(learn) = &member.kind else { continue };
        let Some(line) = Line::of(members, learn, members.loc(member.span)) else { continue };
        let matched = params(members, network, &places, learn);
        for (number, param) in matched.into_iter().enumerate() {
            if let Some(first) = taken.get(&param).copied() {
                let path = &network.params[param.at()].path;
                let message = format!("`{path}` is learned twice");
                let place = members.loc(learn.path.span);
                let d = Diagnostic::new(Code::E1002, message, place, "here again");
                let d = d.label(first, "first here");
                members.fail(d.help("name it in one line only"));
                continue;
            }
            taken.insert(param, members.loc(learn.path.span));
            all.extend(line.param(members, network, param, number as u64));
        }
    }
    all
}

/// The params that a line names, in the order of instances.
fn params(
    members: &mut Members<'_, '_>,
    network: &Network,
    places: &Places,
    learn: &Learn,
) -> Vec<ParamId> {
    let body = |i: usize| network.body(InstanceId(i as u32));
    let names = |i: usize| body(i).slots.iter().map(|s| s.name.as_str()).collect::<Vec<_>>();
    let place = members.loc(learn.path.span);
    let text = members.cx.program.sources.line(place);
    let targets = places.targets("", &learn.path, names);
    let mut found = Vec::new();
    let mut whole = Vec::new();
    for target in targets {
        match target {
            Named::Member(i, name) => {
                let slot = body(i).slots.iter().position(|s| s.name == name);
                found.extend(slot.map(|slot| network.instances[i].args[slot]));
            }
            Named::Instance(i) => whole.push(i),
        }
    }
    if let (true, Some(i)) = (found.is_empty(), whole.first()) {
        let message = format!("`{text}` is a process, not a param");
        let d = Diagnostic::new(Code::E0406, message, place, "matches no param");
        let names = names(*i);
        let d = match names.first() {
            Some(name) => d.help(format!("name what is learned of it: `{text}.{name}`")),
            None => d,
        };
        let list = if names.is_empty() { "none".into() } else { names.join(", ") };
        members.fail(d.note(format!("the params of `{}` are {list}", network.instances[*i].path)));
    } else if found.is_empty() {
        let all = network.params.iter().map(|p| p.path.as_str());
        let processes: Vec<&str> = network.instances.iter().map(|i| i.path.as_str()).collect();
        members.fail(unmatched("param", &text, place, all, &processes));
    }
    found
}

/// A line that says what is learned, as far as no param is needed to understand it.
struct Line<'c> {
    learn: &'c Learn,
    range: Option<Bounds>,
    step: Option<(f64, Loc)>,
    rate: Option<f64>,
    place: Loc,
}

/// `LO..=HI`, as it is written.
#[derive(Clone, Copy)]
struct Bounds {
    lo: f64,
    hi: f64,
    inclusive: bool,
    place: Loc,
}

impl<'c> Line<'c> {
    /// None where something is wrong with it, which is reported.
    fn of(members: &mut Members<'_, '_>, learn: &'c Learn, place: Loc) -> Option<Line<'c>> {
        let range = match &learn.range {
            Some(range) => {
                let place = members.loc(range.lo.span.to(range.hi.span));
                let (lo, hi) = (members.number(&range.lo), members.number(&range.hi));
                Some(Bounds { lo: lo?, hi: hi?, inclusive: range.inclusive, place })
            }
            None => None,
        };
        let step = match &learn.step {
            Some(e) => Some((members.positive("a step", e)?, members.loc(e.span))),
            None => None,
        };
        let rate = match &learn.rate {
            Some(e) => Some(members.positive("a rate", e)?),
            None => None,
        };
        Some(Line { learn, range, step, rate, place })
    }

    /// What is learned of a param, the `number`-th of the line.
    fn param(
        &self,
        members: &mut Members<'_, '_>,
        network: &Network,
        param: ParamId,
        number: u64,
    ) -> Option<Learned> {
        let of = &network.params[param.at()];
        let tensor = &network.tensors[of.tensor.at()];
        let path = members.loc(self.learn.path.span);
        if of.structural || tensor.kind == Kind::Bool {
            let message = format!("`{}` cannot be learned", of.path);
            let what = match of.structural {
                true => "with another value it would be another network",
                false => "it is true or false, and cannot change a little",
            };
            let d = Diagnostic::new(Code::E1008, message, path, what);
            let d = d.label(of.place, "its value is given here");
            members.fail(d.help("name those params that numbers are computed with at each step"));
            return None;
        }
        let step = self.step(members, of, tensor.kind)?;
        let range = self.range(members, of, step)?;
        let start = match &self.learn.from {
            Some(start) => Some(self.start(members, (of, tensor), start, number, range, step)?),
            None => {
                self.as_it_is(members, (of, tensor), range, step)?;
                None
            }
        };
        Some(Learned { param, range, step, start, rate: self.rate, place: self.place })
    }

    /// What the values are multiples of.
    fn step(
        &self,
        members: &mut Members<'_, '_>,
        of: &network::Param,
        kind: Kind,
    ) -> Option<Option<f64>> {
        match self.step {
            Some((step, place)) if kind == Kind::Int && step.fract() != 0.0 => {
                let message = format!("`{}` has whole numbers, and so has its step", of.path);
                let d = Diagnostic::new(Code::E1009, message, place, format!("this is {step}"));
                members.fail(d.label(of.place, "its value is given here"));
                None
            }
            Some((step, _)) => Some(Some(step)),
            None => Some((kind == Kind::Int).then_some(1.0)),
        }
    }

    /// The least and the greatest value; without a range in the line, those of the declaration.
    fn range(
        &self,
        members: &mut Members<'_, '_>,
        of: &network::Param,
        step: Option<f64>,
    ) -> Option<Option<(f64, f64)>> {
        let declared = of.range.map(|r| inner(r.lo, r.hi, r.inclusive, step));
        let Some(Bounds { lo, hi, inclusive, place }) = self.range else { return Some(declared) };
        let (least, most) = inner(lo, hi, inclusive, step);
        if least > most {
            let message = format!("there is no value that `{}` may have", of.path);
            let what = match step {
                Some(step) if lo <= hi => format!("no multiple of {step} is in this range"),
                _ => "this range is empty".into(),
            };
            members.fail(Diagnostic::new(Code::E1009, message, place, what));
            return None;
        }
        if let (Some((from, to)), Some(range)) = (declared, of.range)
            && (least < from || most > to)
        {
            let dots = if range.inclusive { "..=" } else { ".." };
            let message = format!("`{}` may not have all of these values", of.path);
            let what = format!("it is declared in {}{dots}{}", range.lo, range.hi);
            let d = Diagnostic::new(Code::E1009, message, place, what);
            let d = d.label(of.place, "its value is given here");
            members.fail(d.help(format!("write `in {}..={}`", least.max(from), most.min(to))));
            return None;
        }
        Some(Some((least, most)))
    }

    /// What a param begins with.
    fn start(
        &self,
        members: &mut Members<'_, '_>,
        (of, tensor): (&network::Param, &network::Tensor),
        start: &Start,
        number: u64,
        range: Option<(f64, f64)>,
        step: Option<f64>,
    ) -> Option<Tensor> {
        let place = members.loc(start.value.span);
        if let Some(drawn) = drawn(&start.value) {
            return self.draw(members, drawn, start, &tensor.shape, number, range);
        }
        if let Some(seed) = &start.seed {
            let message = "only `normal(mean, std)` and `uniform(lo, hi)` have a seed here";
            let seed = members.loc(seed.span);
            let d = Diagnostic::new(Code::E1009, message, seed, "this seed is for nothing");
            members.fail(d.label(place, "this is no such distribution"));
            return None;
        }
        let env = members.env();
        let value = members.cx.constant_expr(&start.value, &env);
        let value = members.ok(value)?;
        let fits = ops::broadcast(&value.shape, &tensor.shape);
        if fits.is_none_or(|shape| shape != tensor.shape) {
            let message = format!("`{}` begins with another shape", of.path);
            let what = format!("has shape {:?}", value.shape);
            let d = Diagnostic::new(Code::E0201, message, place, what);
            let d = d.label(of.place, format!("has shape {:?}", tensor.shape));
            members.fail(d.sides(&value.shape, &tensor.shape));
            return None;
        }
        let Some(dense) = value.value().and_then(Constant::dense) else {
            members.failed = true;
            return None;
        };
        let value = dense.convert(Kind::F64).broadcast_to(&tensor.shape);
        self.allowed(members, of, place, floats(&value), range, step)?;
        Some(value)
    }

    /// Random numbers, those outside of the range at its ends.
    fn draw(
        &self,
        members: &mut Members<'_, '_>,
        (name, args): (&str, &[ast::Arg]),
        start: &Start,
        shape: &[usize],
        number: u64,
        range: Option<(f64, f64)>,
    ) -> Option<Tensor> {
        let place = members.loc(start.value.span);
        let names = if name == "normal" { ["mean", "std"] } else { ["lo", "hi"] };
        let ordered = |(arg, wanted): (&ast::Arg, &str)| {
            arg.name.as_ref().is_none_or(|given| given.name == wanted)
        };
        let [a, b] = args else { return self.not_drawn(members, name, place) };
        if ![(a, names[0]), (b, names[1])].into_iter().all(ordered) {
            return self.not_drawn(members, name, place);
        }
        let Some(seed) = &start.seed else {
            let message = format!("`{name}` needs a seed");
            let d = Diagnostic::new(Code::E1001, message, place, "not given here");
            let text = members.cx.program.sources.line(place);
            members.fail(d.help(format!("write `from {text} seed 1`")));
            return None;
        };
        let (a, b, seed) = (members.number(&a.value), members.number(&b.value), members.seed(seed));
        let seed = generate::seed_of(seed?, number);
        let made: Result<Tensor, GenerateError> = match name {
            "normal" => generate::normal(a?, b?, shape, seed),
            _ => generate::uniform(Range::Float(a?, b?), shape, seed),
        };
        match made {
            Ok(mut tensor) => {
                if let (Values::Float(values), Some((least, most))) = (&mut tensor.values, range) {
                    values.iter_mut().for_each(|x| *x = x.clamp(least, most));
                }
                Some(tensor)
            }
            Err(why) => {
                members.fail(Diagnostic::new(Code::E0209, why.to_string(), place, ""));
                None
            }
        }
    }

    fn not_drawn(&self, members: &mut Members<'_, '_>, name: &str, place: Loc) -> Option<Tensor> {
        let names = if name == "normal" { "mean, std" } else { "lo, hi" };
        let message = format!("`{name}` has two arguments here");
        let d = Diagnostic::new(Code::E0209, message, place, "the shape is that of the param");
        members.fail(d.help(format!("write `from {name}({names}) seed 1`")));
        None
    }

    /// Requires that the program's own value may stay.
    fn as_it_is(
        &self,
        members: &mut Members<'_, '_>,
        (of, tensor): (&network::Param, &network::Tensor),
        range: Option<(f64, f64)>,
        step: Option<f64>,
    ) -> Option<()> {
        let values = match &tensor.data {
            Data::Dense(dense) => Arc::clone(dense),
            Data::Sparse(sparse) => Arc::new(sparse.distinct()),
            Data::File(dataset) => {
                let read = members.cx.read(dataset, of.place);
                members.ok(read)?
            }
        };
        let values = values.convert(Kind::F64);
        self.allowed(members, of, of.place, floats(&values), range, step)
    }

    /// Requires of values to begin with that they are in the range; others than multiples of the
    /// step are rounded, which is worth a warning.
    fn allowed(
        &self,
        members: &mut Members<'_, '_>,
        of: &network::Param,
        place: Loc,
        values: &[f64],
        range: Option<(f64, f64)>,
        step: Option<f64>,
    ) -> Option<()> {
        let own = self.learn.from.is_none();
        let all = values.len();
        let place_of = |d: Diagnostic, members: &Members<'_, '_>| match own {
            true => d.label(members.loc(self.learn.path.span), "learned here"),
            false => d.label(of.place, "in the place of this value"),
        };
        let outside = |x: &&f64| range.is_some_and(|(least, most)| !(least..=most).contains(*x));
        if let (Some(first), Some((least, most))) = (values.iter().find(outside), range) {
            let count = values.iter().filter(outside).count();
            let message = format!("`{}` begins outside of {least}..={most}", of.path);
            let what = format!("{} outside, the first is {first}", share(count, all));
            let d = place_of(Diagnostic::new(Code::E1009, message, place, what), members);
            let hint = match own {
                true => "begin with other values: `from normal(0.0, 8.0) seed 1`, say",
                false => "begin with values in the range",
            };
            members.fail(d.help(hint));
            return None;
        }
        let between = |x: &&f64| step.is_some_and(|step| **x != (**x / step).round() * step);
        if let (Some(first), Some(step)) = (values.iter().find(between), step) {
            let count = values.iter().filter(between).count();
            let message =
                format!("`{}` begins with values that are no multiples of {step}", of.path);
            let what = format!("{} between two, the first is {first}", share(count, all));
            let d = place_of(Diagnostic::new(Code::W1001, message, place, what), members);
            let d = d.help(
                "begin with multiples, or with random numbers: `from normal(0.0, 8.0) seed 1`, say",
            );
            members.cx.sink.push(d);
        }
        Some(())
    }
}

/// `normal(…)` and `uniform(…)` without a shape.
fn drawn(e: &ast::Expr) -> Option<(&str, &[ast::Arg])> {
    let ExprKind::Call { callee, args } = &e.kind else { return None };
    let ExprKind::Name(name) = &callee.kind else { return None };
    let shaped = args.len() > 2
        || args.iter().any(|arg| arg.name.as_ref().is_some_and(|n| n.name == "shape"));
    (matches!(name.as_str(), "normal" | "uniform") && !shaped).then_some((name, args))
}

fn share(count: usize, all: usize) -> String {
    match (count, all) {
        (1, 1) => "it is".into(),
        (1, _) => format!("1 of {all} is"),
        _ => format!("{count} of {all} are"),
    }
}

/// The least and the greatest value of a range, multiples of a step where there is one.
fn inner(lo: f64, hi: f64, inclusive: bool, step: Option<f64>) -> (f64, f64) {
    let Some(step) = step else {
        return (lo, if inclusive { hi } else { hi.next_down() });
    };
    let mut most = (hi / step).floor() * step;
    if !inclusive && most >= hi {
        most -= step;
    }
    ((lo / step).ceil() * step, most)
}

/// The elements of an array of floats.
fn floats(tensor: &Tensor) -> &[f64] {
    match &tensor.values {
        Values::Float(values) => values,
        _ => &[],
    }
}
