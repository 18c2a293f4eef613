//! What every use of a process or network would show to be wrong.
//!
//! What no run instantiates has no arguments and no sizes, and no model was chosen. Here it gets
//! some, in several ways that have nothing in common, and goes through the same checks as what a
//! run instantiates. Only what is wrong in every way is wrong: [`agree`] tells what that is.
//!
//! Parameters without a type may be anything, also what none of the ways is: they stay open, and
//! so does what depends on them.

use super::agree::{Chosen, agree};
use crate::clocks;
use crate::elaborate::{self, Alone, Choices, Declaration, Declared, checked};
use crate::resolve::ItemRef;
use crate::types::{self, Cx, ElemTy, Env, Eval, Stop, TExpr, Val};
use snn_grammar::ast::{
    self, Arg, Expr, ExprKind, ItemKind, NetworkMember, Param, ShapeParam, Subscript,
};
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Severity};
use snn_ir::network;
use snn_ir::scalar::Kind;
use snn_ir::tensor::{Constant, Tensor};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A network with more parts is not instantiated only to be looked at; what is in it is looked
/// at by itself.
const MOST_PARTS: u64 = 4096;

/// The most elements of an array that is made up for a parameter.
const MOST_ELEMENTS: usize = 1 << 20;

/// Of the numbers in a text that sizes are set to, the largest, and how many.
const LARGEST: usize = 64;
const MOST_LITERALS: usize = 8;

/// One way of choosing what is open.
#[derive(Clone)]
struct Choice {
    /// The sizes, one after the other, again and again.
    sizes: Vec<usize>,
    /// The axes that `*s` stands for.
    axes: usize,
    /// Parameters that are integers, floats and booleans.
    int: i64,
    float: f64,
    truth: bool,
    /// Whether parameters with a shape are arrays; a number serves for all elements as well.
    arrays: bool,
}

impl Choice {
    fn new(sizes: &[usize], axes: usize, int: i64, float: f64) -> Choice {
        Choice { sizes: sizes.to_vec(), axes, int, float, truth: int % 2 == 1, arrays: true }
    }

    /// Sizes that differ from each other; sizes that are all the same, among them each number of
    /// the text; and one element everywhere, where what is stretched fits anything.
    fn all(text: &str) -> Vec<Choice> {
        let mut ways = vec![
            Choice::new(&[3, 5, 7, 11, 13], 2, 1, 0.5),
            Choice::new(&[8, 6, 4, 9, 10, 12], 1, 3, 2.0),
            Choice { arrays: false, ..Choice::new(&[1], 0, 0, -1.0) },
            Choice::new(&[4], 3, 2, 1.0),
        ];
        let runs = text.split(|c: char| !c.is_ascii_digit());
        let written: BTreeSet<usize> = runs.filter_map(|run| run.parse().ok()).collect();
        let sizes = written.into_iter().filter(|n| (2..=LARGEST).contains(n)).take(MOST_LITERALS);
        ways.extend(sizes.map(|n| Choice::new(&[n], 1, n as i64, n as f64)));
        ways
    }
}

/// Reports what is wrong in every use of a process, by its default model or that of a tag.
pub fn check_process(cx: &mut Cx<'_>, def: ItemRef, model: ItemRef, tag: Option<(String, Loc)>) {
    let choices = vec![Choices::tagged(tag)];
    check(cx, def, model, &choices, &|cx, alone| {
        let process = alone.process(cx)?;
        types::check_alone(cx, &process)
    });
}

/// Reports what is wrong in every use of a network.
pub fn check_network(cx: &mut Cx<'_>, def: ItemRef, network: &ast::Network) {
    if elaborate::parts(cx, def) > MOST_PARTS {
        return;
    }
    let receives = network.members.iter().any(|m| match m {
        NetworkMember::Port(port) => port.direction == ast::Direction::In,
        _ => false,
    });
    let choices: Vec<Choices> = tags(cx).into_iter().map(Choices::preferred).collect();
    check(cx, def, def, &choices, &|cx, alone| {
        let graph = alone.network(cx)?;
        let typed = types::check(cx, graph)?;
        // When messages come into a network is known where it is used.
        if !receives {
            let network = clocks::check(cx, typed)?.network;
            network::flatten(&network)
                .map_err(|circle| cx.fail(clocks::around(&network, &circle)))?;
        }
        Ok(())
    });
}

/// The tags that models have, the library's first.
fn tags(cx: &Cx<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let library = cx.program.prelude.iter().map(|m| &cx.program.modules[*m as usize]);
    for module in library.chain(&cx.program.modules) {
        for item in &module.file.items {
            if let ItemKind::Model(model) = &item.kind
                && !found.contains(&model.tag.name)
            {
                found.push(model.tag.name.clone());
            }
        }
    }
    found
}

/// Looks at an instance.
type Look<'l> = &'l dyn Fn(&mut Cx<'_>, Alone<'_>) -> Eval<()>;

/// Instantiates an item in every way, and looks at each.
fn check(cx: &mut Cx<'_>, def: ItemRef, model: ItemRef, choices: &[Choices], look: Look<'_>) {
    let tree = cx.program.tree(def);
    let (name, shape) = match &tree.items[def.item as usize].kind {
        ItemKind::Process(p) => (&p.name, &p.shape_params),
        ItemKind::Network(n) => (&n.name, &n.shape_params),
        _ => return,
    };
    let loc = Loc { file: def.file, span: name.span };
    let params = Declared::of(cx, def, model).params;
    let ways: Vec<Choice> = match shape.is_empty() && params.is_empty() {
        true => vec![Choice::new(&[1], 1, 1, 1.0)],
        false => {
            let text = |at: ItemRef| {
                cx.program.sources.line(cx.program.loc(at.file, cx.program.item(at).span))
            };
            Choice::all(&format!("{} {}", text(def), text(model)))
        }
    };
    let rounds = ways.len().max(choices.len());
    let found: Vec<(Chosen, Vec<Diagnostic>)> = (0..rounds)
        .map(|round| {
            let (way, choices) = (&ways[round % ways.len()], &choices[round % choices.len()]);
            let said = cx.sink.count();
            cx.begin_run();
            let chosen = instance(cx, (def, loc), choices, (shape, &params), way, look);
            let mut new = cx.sink.split_off(said);
            // What a use may still say.
            new.retain(|d| d.severity == Severity::Error && d.code != Code::E0206);
            (chosen, new)
        })
        .collect();
    let said = cx.sink.count();
    agree(found).into_iter().for_each(|d| cx.sink.push(d));
    cx.sink.without_repeated(said);
}

fn instance(
    cx: &mut Cx<'_>,
    (def, loc): (ItemRef, Loc),
    choices: &Choices,
    (shape, params): (&[ShapeParam], &[Declaration]),
    way: &Choice,
    look: Look<'_>,
) -> Chosen {
    let mut chosen = Chosen::new();
    let mut around = Env::module(def.file);
    // What declarations are evaluated with: the sizes, and the parameters before.
    let mut inside = Env::module(def.file);
    params.iter().for_each(|p| inside.forget(&p.param.name.name));
    let mut sizes = way.sizes.iter().copied().cycle();
    let mut given = Vec::new();
    for param in shape {
        let axes = if param.spread { way.axes } else { 1 };
        let own: Vec<usize> = sizes.by_ref().take(axes).collect();
        let literal = |n: &usize| Expr { kind: ExprKind::Int(*n as i64), span: param.name.span };
        given.extend(own.iter().map(|n| Subscript::At(literal(n))));
        let values = || own.iter().map(|n| Val::Expr(TExpr::int(*n as i64)));
        let value = match param.spread {
            true => Val::List(values().collect()),
            false => values().next().unwrap_or(Val::List(Vec::new())),
        };
        if !param.spread {
            chosen.push((param.name.name.clone(), own[0] as i64));
        }
        inside.set(&param.name.name, value);
    }
    let mut args = Vec::new();
    for Declaration { param, file, .. } in params {
        let name = &param.name.name;
        inside.file = *file;
        default(cx, param, *file, &inside);
        match argument(cx, param, *file, &inside, way) {
            Some((value, number)) => {
                chosen.extend(number.map(|n| (name.clone(), n)));
                inside.set(name, Val::Expr(value.clone()));
                around.set(name, Val::Expr(value));
            }
            None => around.forget(name),
        }
        let value = Expr { kind: ExprKind::Name(name.clone()), span: param.name.span };
        args.push(Arg { name: Some(param.name.clone()), value });
    }
    // What is wrong is in the sink.
    let _ = look(cx, Alone { def, loc, choices, sizes: &given, args: &args, around });
    chosen
}

/// Looks at the default of a parameter, which the argument hides.
fn default(cx: &mut Cx<'_>, param: &Param, file: u32, env: &Env) {
    let Some(e) = &param.default else { return };
    let value = cx.eval(e, env);
    let value = value.and_then(|v| checked(cx, param, file, v, (e, env)));
    if let (Ok((Val::Expr(value), _)), Some(ty)) = (value, &param.ty)
        && !value.is_scalar()
        && let Ok(declared) = elaborate::dims(cx, &ty.shape, env)
        && declared != value.shape
    {
        let message = format!("the default of `{}` has another shape", param.name.name);
        let loc = Loc { file, span: e.span };
        let what = format!("has shape {:?}", value.shape);
        let d = Diagnostic::new(Code::E0201, message, loc, what).sides(&value.shape, &declared);
        let declared_at = Loc { file, span: ty.span };
        cx.sink.push(d.label(declared_at, format!("has shape {declared:?}")));
    }
}

/// An argument of the type of a parameter, and the number that it is where it is one.
fn argument(
    cx: &mut Cx<'_>,
    param: &Param,
    file: u32,
    env: &Env,
    way: &Choice,
) -> Option<(TExpr, Option<i64>)> {
    let ty = param.ty.as_ref()?;
    let of = ElemTy::of(ty);
    let shape = elaborate::dims(cx, &ty.shape, env).ok()?;
    let shape = if way.arrays { shape } else { Vec::new() };
    let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
    if elements > MOST_ELEMENTS {
        return None;
    }
    let (mut lo, mut hi) = of.bounds().map_or((f64::MIN, f64::MAX), |(a, b)| (a as f64, b as f64));
    if let Some(range) = &param.range {
        let module = Env::module(file);
        let mut bound = |e: &Expr| -> Eval<f64> {
            let bound = cx.constant_expr(e, &module)?;
            bound.value().and_then(Constant::first_number).ok_or(Stop::Open)
        };
        lo = lo.max(bound(&range.lo).ok()?);
        let most = bound(&range.hi).ok()?;
        let below = if of.kind() == Kind::Int { 1.0 } else { f64::EPSILON * most.abs().max(1.0) };
        hi = hi.min(if range.inclusive { most } else { most - below });
        if lo > hi {
            return None;
        }
    }
    let tensor = match of.kind() {
        Kind::Bool => Tensor::bool(shape, vec![way.truth; elements]),
        Kind::Int => {
            let value = (way.int as f64).clamp(lo, hi) as i64;
            let number = shape.is_empty().then_some(value);
            return Some((TExpr::constant(Tensor::int(shape, vec![value; elements])), number));
        }
        _ => Tensor::float(shape, vec![way.float.clamp(lo, hi); elements]),
    };
    Some((TExpr::literal(of.kind(), Constant::Dense(Arc::new(tensor)).convert(of.kind())), None))
}
