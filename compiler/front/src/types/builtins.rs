//! The functions that expressions may call.

use super::conv;
use super::expr::TExpr;
use super::remedies::DIV;
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use snn_grammar::ast::{Expr, Ident};
use snn_ir::data::DataSource;
use snn_ir::diagnostics::{Code, Diagnostic, Fix, Loc};
use snn_ir::network::{Mark, ReduceOp};
use snn_ir::scalar::Op;
use snn_ir::step::Kind;
use snn_ir::tensor::csr::{Order, compressed};
use snn_ir::tensor::generate::{self, Connectivity, GenerateError, Range, Scalar};
use snn_ir::tensor::{Constant, Values};
use std::path::PathBuf;
use std::sync::Arc;

/// An argument of a call.
#[derive(Clone)]
pub struct Arg<'a> {
    /// Its name, where written.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Val,
    /// Where it stands.
    pub loc: Loc,
    /// As it is written; nothing where it is no argument of a call.
    pub written: Option<&'a Expr>,
}

/// Every function: its name and its parameters, in order; `?` marks those that may be left out.
pub const FUNCTIONS: &[(&str, &[&str])] = &[
    ("abs", &["x"]),
    ("accuracy", &["predicted", "truth"]),
    ("all", &["x", "axis?"]),
    ("any", &["x", "axis?"]),
    ("arange", &["n"]),
    ("argmax", &["x", "axis?"]),
    ("bernoulli", &["p", "shape", "seed"]),
    ("bool", &["x"]),
    ("by_delay", &["weights", "delays", "slots"]),
    ("ceil", &["x"]),
    ("clip", &["x", "lo", "hi"]),
    ("concat", &["a", "b", "c?", "d?", "e?", "f?", "g?", "h?", "axis?"]),
    ("conv2d", &["weights", "x", "stride?", "padding?", "dilation?", "groups?"]),
    ("conv2d_shape", &["weights", "shape", "stride?", "padding?", "dilation?", "groups?"]),
    ("cos", &["x"]),
    ("csc", &["data", "indices", "indptr", "shape"]),
    ("csr", &["data", "indices", "indptr", "shape"]),
    ("csv", &["file"]),
    ("decay", &["x", "d"]),
    ("div", &["a", "b"]),
    ("exp", &["x"]),
    ("eye", &["n"]),
    ("f32", &["x"]),
    ("f64", &["x"]),
    ("flatten", &["x"]),
    ("flip", &["x", "axes"]),
    ("floor", &["x"]),
    ("full", &["shape", "value"]),
    ("hard", &["x"]),
    ("hdf5", &["file", "path"]),
    ("idx", &["file"]),
    ("int", &["x"]),
    ("len", &["x"]),
    ("log", &["x"]),
    ("max", &["a", "b?", "axis?"]),
    ("mean", &["x", "axis?"]),
    ("min", &["a", "b?", "axis?"]),
    ("normal", &["mean", "std", "shape", "seed"]),
    ("npy", &["file"]),
    ("npz", &["file"]),
    ("ones", &["shape"]),
    ("outer", &["a", "b"]),
    ("random", &["seed", "shape?"]),
    ("reshape", &["x", "shape"]),
    ("round", &["x"]),
    ("sin", &["x"]),
    ("soft", &["x"]),
    ("sparse", &["shape", "p?", "fan_in?", "lo?", "hi?", "seed"]),
    ("sqrt", &["x"]),
    ("sum", &["x", "axis?"]),
    ("tanh", &["x"]),
    ("transpose", &["x", "axes?"]),
    ("uniform", &["lo", "hi", "shape", "seed"]),
    ("where", &["cond", "a", "b"]),
    ("zeros", &["shape"]),
];

/// Whether there is a function of this name.
pub fn is_function(name: &str) -> bool {
    integer_type(name).is_some() || FUNCTIONS.iter().any(|(n, _)| *n == name)
}

/// Calls function `name`.
pub fn call(
    cx: &mut Cx<'_>,
    name: &str,
    at: Loc,
    args: Vec<Arg<'_>>,
    loc: Loc,
    env: &Env,
) -> Eval<Val> {
    if let Some((bits, signed)) = integer_type(name) {
        let a = Args::bind(cx, name, &["x"], args, (loc, env))?.expr(cx, 0)?;
        let low = a.wrap(bits, signed).map_err(|m| cx.mismatch(m, loc, None))?;
        return Ok(Val::Expr(low));
    }
    let Some((_, params)) = FUNCTIONS.iter().find(|(n, _)| *n == name) else {
        let message = format!("there is no function `{name}`");
        let d = Diagnostic::new(Code::E0401, message, at, "not found");
        return Err(cx.fail(match name {
            "u64" => d.help(
                "integers are computed in 64 bits with a sign: write `i64(x)` or `int(x)` \
                 (or `u32(x)`)",
            ),
            _ => d.meant(name, FUNCTIONS.iter().map(|(n, _)| *n), at),
        }));
    };
    let mut a = Args::bind(cx, name, params, args, (loc, env))?;
    let result = match name {
        "idx" | "npy" | "csv" | "hdf5" | "npz" => return file(cx, name, &mut a, env),
        "zeros" | "ones" | "full" | "eye" | "arange" | "uniform" | "normal" | "bernoulli"
        | "sparse" => generated(cx, name, &mut a, loc)?,
        "csr" | "csc" => {
            let order = if name == "csr" { Order::Rows } else { Order::Columns };
            let [data, indices, indptr] = [0, 1, 2].map(|i| a.constant(cx, i));
            let (data, indices, indptr) = (data?, indices?, indptr?);
            let shape = a.sizes(cx, 3)?;
            let known = (data.as_const(), indices.as_const(), indptr.as_const());
            let (Some(data), Some(indices), Some(indptr)) = known else { return Err(Stop::Open) };
            match compressed(order, data, indices, indptr, &shape) {
                Ok(sparse) => TExpr::known(Constant::Sparse(Arc::new(sparse))),
                Err(wrong) => {
                    let d = Diagnostic::new(Code::E0209, wrong.why, loc, "");
                    return Err(cx.fail(d.help(wrong.help)));
                }
            }
        }
        "random" => {
            let seed = a.seed(cx, 0)?;
            let shape = if a.has(1) { a.shape(cx, 1)? } else { Vec::new() };
            let call = cx.random_call(loc);
            TExpr::random(seed, call, shape)
        }
        "abs" => {
            let x = a.expr(cx, 0)?;
            TExpr::unary(Op::Abs, x).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "exp" | "log" | "sqrt" | "sin" | "cos" | "tanh" | "floor" | "ceil" | "round" => {
            let x = a.expr(cx, 0)?;
            TExpr::math(function(name), x).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "int" => a.expr(cx, 0)?.convert(Kind::Int),
        "bool" => a.expr(cx, 0)?.truth(),
        "f32" => a.expr(cx, 0)?.convert(Kind::F32),
        "f64" => a.expr(cx, 0)?.convert(Kind::F64),
        "decay" => {
            let (x, d) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            TExpr::decay(x, d).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "div" => a.binary(cx, Op::FloorDiv, loc)?,
        "outer" => {
            let (x, y) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            TExpr::outer(x, y).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "soft" | "hard" => {
            let mut x = a.expr(cx, 0)?.truth();
            x.mark = Some(if name == "soft" { Mark::Soft } else { Mark::Hard });
            x
        }
        "min" | "max" if a.has(1) => {
            a.binary(cx, if name == "min" { Op::Min } else { Op::Max }, loc)?
        }
        "min" => a.reduce(cx, ReduceOp::Min, 2, loc)?,
        "max" => a.reduce(cx, ReduceOp::Max, 2, loc)?,
        "sum" => a.reduce(cx, ReduceOp::Sum, 1, loc)?,
        "argmax" => a.reduce(cx, ReduceOp::ArgMax, 1, loc)?,
        "any" | "all" => {
            let truth = a.expr(cx, 0)?.truth();
            let axes = a.axes(cx, 1, truth.shape.len())?;
            let op = if name == "any" { ReduceOp::Max } else { ReduceOp::Min };
            TExpr::reduce(op, axes, truth).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "mean" => {
            let x = a.expr(cx, 0)?;
            let axes = a.axes(cx, 1, x.shape.len())?;
            mean(cx, x, axes, loc)?
        }
        "accuracy" => {
            let (p, t) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            let sides = Some((a.loc(0), a.loc(1)));
            let hits = TExpr::binary(Op::Eq, p, t).map_err(|m| cx.mismatch(m, loc, sides))?;
            let axes = (0..hits.shape.len()).collect();
            mean(cx, hits, axes, loc)?
        }
        "clip" => {
            let (x, lo, hi) = (a.expr(cx, 0)?, a.expr(cx, 1)?, a.expr(cx, 2)?);
            TExpr::binary(Op::Max, x, lo)
                .and_then(|above| TExpr::binary(Op::Min, above, hi))
                .map_err(|m| cx.mismatch(m, loc, None))?
        }
        "where" => {
            let (c, x, y) = (a.expr(cx, 0)?, a.expr(cx, 1)?, a.expr(cx, 2)?);
            TExpr::select(c, x, y).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "len" => {
            let x = a.expr(cx, 0)?;
            TExpr::int(x.shape.first().copied().unwrap_or(1) as i64)
        }
        "flatten" | "reshape" | "transpose" | "concat" => view(cx, name, &mut a, loc)?,
        "conv2d" => conv::conv2d(cx, &mut a, loc)?,
        "conv2d_shape" => conv::shape(cx, &mut a, loc)?,
        "flip" => conv::flip(cx, &mut a)?,
        "by_delay" => {
            let (w, d) = (a.expr(cx, 0)?, a.expr(cx, 1)?.convert(Kind::Int));
            let slots = a.size(cx, 2)?;
            cx.not_single(&w)?;
            TExpr::by_delay(w, d, slots).map_err(|m| cx.mismatch(m, loc, None))?
        }
        other => unreachable!("`{other}` is in the list of functions but has no meaning"),
    };
    Ok(Val::Expr(result))
}

/// `i8`, `u24`, …: the low bits of an integer. Integers have 64 bits with a sign, so that `u64`
/// is none of them.
fn integer_type(name: &str) -> Option<(u8, bool)> {
    let signed = name.starts_with('i');
    let bits: u8 = name.strip_prefix(['i', 'u'])?.parse().ok()?;
    ((1..=32).contains(&bits) || bits == 64 && signed).then_some((bits, signed))
}

fn function(name: &str) -> Op {
    match name {
        "exp" => Op::Exp,
        "log" => Op::Log,
        "sqrt" => Op::Sqrt,
        "sin" => Op::Sin,
        "cos" => Op::Cos,
        "tanh" => Op::Tanh,
        "floor" => Op::Floor,
        "ceil" => Op::Ceil,
        _ => Op::Round,
    }
}

fn file(cx: &mut Cx<'_>, format: &str, a: &mut Args<'_>, env: &Env) -> Eval<Val> {
    let folder = cx.program.sources.files[env.file as usize].folder.clone();
    let path: PathBuf = folder.join(a.text(cx, 0)?);
    let source = match format {
        "npz" => {
            let members = snn_data::npz_members(cx.files, &path);
            members.map_err(|e| cx.data_error(e, a.loc(0)))?;
            return Ok(Val::Archive(path, String::new()));
        }
        "idx" => DataSource::Idx(path),
        "npy" => DataSource::Npy(path),
        "csv" => DataSource::Csv(path),
        _ => DataSource::Hdf5(path, a.text(cx, 1)?),
    };
    Ok(Val::Expr(TExpr::file(cx.dataset(source, a.loc(0))?)))
}

/// An array that is computed, not read.
fn generated(cx: &mut Cx<'_>, name: &str, a: &mut Args<'_>, loc: Loc) -> Eval<TExpr> {
    let tensor = match name {
        "zeros" => return a.constant_array(cx, Scalar::Int(0), loc),
        "ones" => return a.constant_array(cx, Scalar::Int(1), loc),
        "full" => {
            let value = scalar(&a.constant(cx, 1)?);
            return a.constant_array(cx, value, loc);
        }
        "eye" => {
            let eye = generate::eye(a.size(cx, 0)?);
            return built(cx, eye.map(|s| Constant::Sparse(Arc::new(s))), loc);
        }
        "arange" => generate::arange(a.size(cx, 0)?),
        "uniform" => {
            let range = range(&a.constant(cx, 0)?, &a.constant(cx, 1)?);
            generate::uniform(range, &a.shape(cx, 2)?, a.seed(cx, 3)?)
        }
        "normal" => {
            let (mean, std) = (a.number(cx, 0)?, a.number(cx, 1)?);
            generate::normal(mean, std, &a.shape(cx, 2)?, a.seed(cx, 3)?)
        }
        "bernoulli" => {
            let p = a.number(cx, 0)?;
            generate::bernoulli(p, &a.shape(cx, 1)?, a.seed(cx, 2)?)
        }
        _ => {
            let shape = a.sizes(cx, 0)?;
            let connectivity = match (a.has(1), a.has(2)) {
                (true, false) => Connectivity::Probability(a.number(cx, 1)?),
                (false, true) => Connectivity::FanIn(a.size(cx, 2)?),
                _ => {
                    let message = "`sparse` takes either `p` or `fan_in`";
                    return Err(cx.fail(Diagnostic::new(Code::E0209, message, loc, "")));
                }
            };
            let lo = if a.has(3) { a.constant(cx, 3)? } else { TExpr::int(1) };
            let hi = if a.has(4) { a.constant(cx, 4)? } else { TExpr::int(2) };
            let made = generate::sparse(&shape, connectivity, range(&lo, &hi), a.seed(cx, 5)?);
            return built(cx, made.map(|s| Constant::Sparse(Arc::new(s))), loc);
        }
    };
    built(cx, tensor.map(|t| Constant::Dense(Arc::new(t))), loc)
}

fn built(cx: &mut Cx<'_>, made: Result<Constant, GenerateError>, loc: Loc) -> Eval<TExpr> {
    match made {
        Ok(constant) => Ok(TExpr::known(constant)),
        Err(why) => Err(cx.fail(Diagnostic::new(Code::E0209, why.to_string(), loc, ""))),
    }
}

/// The first element of a constant.
fn scalar(e: &TExpr) -> Scalar {
    let first = e.as_const().and_then(|c| match &c.values {
        Values::Float(v) => v.first().map(|x| Scalar::Float(*x)),
        Values::Int(v) => v.first().map(|x| Scalar::Int(*x)),
        Values::Bool(v) => v.first().map(|x| Scalar::Bool(*x)),
    });
    first.unwrap_or(Scalar::Int(0))
}

fn number(e: &TExpr) -> f64 {
    match scalar(e) {
        Scalar::Float(x) => x,
        Scalar::Int(n) => n as f64,
        Scalar::Bool(b) => f64::from(u8::from(b)),
    }
}

/// Integers where both bounds are.
fn range(lo: &TExpr, hi: &TExpr) -> Range {
    match (scalar(lo), scalar(hi)) {
        (Scalar::Int(lo), Scalar::Int(hi)) => Range::Int(lo, hi),
        _ => Range::Float(number(lo), number(hi)),
    }
}

fn mean(cx: &mut Cx<'_>, x: TExpr, axes: Vec<usize>, loc: Loc) -> Eval<TExpr> {
    let n = axes.iter().map(|a| x.shape[*a]).product::<usize>() as i64;
    TExpr::reduce(ReduceOp::Sum, axes, x)
        .and_then(|sum| TExpr::binary(Op::Div, sum, TExpr::int(n)))
        .map_err(|m| cx.mismatch(m, loc, None))
}

fn view(cx: &mut Cx<'_>, name: &str, a: &mut Args<'_>, loc: Loc) -> Eval<TExpr> {
    if name == "concat" {
        let axis = if a.has(8) { a.size(cx, 8)? } else { 0 };
        let count = (0..8).take_while(|i| a.has(*i)).count();
        let parts = (0..count).map(|i| a.expr(cx, i)).collect::<Eval<Vec<_>>>()?;
        return TExpr::concat(parts, axis).map_err(|m| cx.mismatch(m, loc, None));
    }
    let x = a.expr(cx, 0)?;
    let elements: usize = x.shape.iter().product();
    Ok(match name {
        "flatten" => x.reshape(vec![elements]),
        "reshape" => {
            let shape = a.shape(cx, 1)?;
            if shape.iter().product::<usize>() != elements {
                let message = format!(
                    "{} has {elements} elements, {shape:?} has {}",
                    describe(&x),
                    shape.iter().product::<usize>()
                );
                return Err(cx.fail(Diagnostic::new(Code::E0202, message, loc, "")));
            }
            x.reshape(shape)
        }
        _ => {
            let rank = x.shape.len();
            let axes = if a.has(1) {
                let given = a.constant(cx, 1)?;
                permutation(&given, rank)
            } else {
                Some((0..rank).rev().collect())
            };
            match axes {
                Some(axes) => x.transpose(axes),
                None => {
                    let message = format!("the axes must be a permutation of 0..{rank}");
                    return Err(cx.fail(Diagnostic::new(Code::E0202, message, a.loc(1), "")));
                }
            }
        }
    })
}

/// Axes (negative ones count from the end) as a permutation, where they are one.
fn permutation(axes: &TExpr, rank: usize) -> Option<Vec<usize>> {
    let Values::Int(given) = &axes.as_const()?.values else { return None };
    let axes: Vec<usize> = given
        .iter()
        .map(|a| usize::try_from(if *a < 0 { a + rank as i64 } else { *a }).ok())
        .collect::<Option<_>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    sorted.iter().copied().eq(0..rank).then_some(axes)
}

/// Arguments in the order of the parameters.
pub(super) struct Args<'a> {
    values: Vec<Option<Arg<'a>>>,
    call: Loc,
    env: &'a Env,
}

impl<'a> Args<'a> {
    fn bind(
        cx: &mut Cx<'_>,
        function: &str,
        params: &[&str],
        args: Vec<Arg<'a>>,
        (call, env): (Loc, &'a Env),
    ) -> Eval<Args<'a>> {
        let plain = |p: &str| p.trim_end_matches('?').to_string();
        let signature = || {
            format!(
                "{function}({})",
                params.iter().map(|p| plain(p)).collect::<Vec<_>>().join(", ")
            )
        };
        let mut values: Vec<Option<Arg<'a>>> = vec![None; params.len()];
        let mut next = 0;
        for arg in args {
            let slot = match &arg.name {
                Some(name) => params.iter().position(|p| plain(p) == name.name),
                None => {
                    next += 1;
                    Some(next - 1)
                }
            };
            match slot.and_then(|s| values.get_mut(s)) {
                Some(place @ None) => *place = Some(arg),
                _ => {
                    let message = format!("`{function}` does not take this argument");
                    let mut d = Diagnostic::new(Code::E0209, message, arg.loc, "");
                    if let Some(name) = arg.name.filter(|_| slot.is_none()) {
                        let at = Loc { span: name.span, ..arg.loc };
                        d = d.meant(&name.name, params.iter().map(|p| p.trim_end_matches('?')), at);
                    }
                    return Err(cx.fail(d.help(format!("it is `{}`", signature()))));
                }
            }
        }
        let missing = params.iter().zip(&values).find(|(p, v)| !p.ends_with('?') && v.is_none());
        if let Some((param, _)) = missing {
            let message = format!("`{function}` needs `{}`", plain(param));
            return Err(cx.fail(
                Diagnostic::new(Code::E0209, message, call, "")
                    .help(format!("it is `{}`", signature())),
            ));
        }
        Ok(Args { values, call, env })
    }

    pub(super) fn has(&self, i: usize) -> bool {
        self.values.get(i).is_some_and(Option::is_some)
    }

    pub(super) fn loc(&self, i: usize) -> Loc {
        self.values.get(i).and_then(|v| v.as_ref()).map_or(self.call, |arg| arg.loc)
    }

    pub(super) fn value(&self, i: usize) -> Val {
        let value = self.values.get(i).and_then(|v| v.as_ref()).map(|arg| arg.value.clone());
        value.unwrap_or(Val::List(Vec::new()))
    }

    pub(super) fn expr(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<TExpr> {
        let loc = self.loc(i);
        let e = cx.as_expr(self.value(i), loc)?;
        // Files are read where everything is known, and stay files where a step indexes them.
        let others_known = self.values.iter().flatten().all(|arg| match &arg.value {
            Val::Expr(e) => e.is_static(),
            _ => true,
        });
        if others_known { cx.loaded(e, loc) } else { Ok(e) }
    }

    pub(super) fn constant(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<TExpr> {
        let loc = self.loc(i);
        let e = cx.as_expr(self.value(i), loc)?;
        cx.constant(e, loc)
    }

    /// What random numbers begin with; a negative number is the one of 64 bits without sign that
    /// has the same bits.
    fn seed(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<u64> {
        let seed = self.int(cx, i)? as u64;
        cx.seeds.insert(seed);
        Ok(seed)
    }

    pub(super) fn int(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<i64> {
        let e = self.constant(cx, i)?;
        match e.as_int().filter(|_| e.is_scalar()) {
            Some(n) => Ok(n),
            None => {
                let what = format!("this is {}", describe(&e));
                let message = "a whole number is needed here";
                let d = Diagnostic::new(Code::E0204, message, self.loc(i), what);
                let fix = self.quotients(cx, i);
                Err(cx.fail(d.fix_with(DIV, fix)))
            }
        }
    }

    /// The change that makes an argument one of integers, where `/` makes it one of floats.
    fn quotients(&self, cx: &mut Cx<'_>, i: usize) -> Option<Fix> {
        let written = self.values.get(i)?.as_ref()?.written?;
        cx.quotients(written, self.env)
    }

    fn size(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<usize> {
        let n = self.int(cx, i)?;
        usize::try_from(n).map_err(|_| {
            let message = "a size cannot be negative";
            cx.fail(Diagnostic::new(Code::E0204, message, self.loc(i), format!("this is {n}")))
        })
    }

    /// A shape: a list of sizes, or one size. Its product is bounded, so that no program can
    /// ask the compiler for more memory than there is.
    pub(super) fn shape(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<Vec<usize>> {
        const LARGEST: usize = 1 << 31;
        let shape = self.sizes(cx, i)?;
        let count = shape.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
        if count.is_some_and(|n| n <= LARGEST) {
            return Ok(shape);
        }
        let message = format!("an array of shape {shape:?} is too large");
        Err(cx.fail(Diagnostic::new(Code::E0209, message, self.loc(i), "")))
    }

    /// A shape of any size.
    fn sizes(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<Vec<usize>> {
        let e = self.constant(cx, i)?;
        let sizes = match e.as_const().map(|c| &c.values) {
            Some(Values::Int(v)) if e.shape.len() <= 1 => {
                v.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        match sizes {
            Some(shape) => Ok(shape),
            None => {
                let message = "a shape is a list of sizes, as in `[28, 28]`";
                let what = format!("this is {}", describe(&e));
                let d = Diagnostic::new(Code::E0204, message, self.loc(i), what);
                let fix = self.quotients(cx, i);
                Err(cx.fail(d.fix_with(DIV, fix)))
            }
        }
    }

    /// `value` everywhere in the shape that is the first argument.
    fn constant_array(&mut self, cx: &mut Cx<'_>, value: Scalar, loc: Loc) -> Eval<TExpr> {
        let shape = self.sizes(cx, 0)?;
        built(cx, generate::full(&shape, value), loc)
    }

    fn number(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<f64> {
        Ok(number(&self.constant(cx, i)?))
    }

    fn text(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<String> {
        match self.value(i) {
            Val::Str(text) => Ok(text),
            _ => {
                let message = "a text in quotes is needed here";
                Err(cx.fail(Diagnostic::new(Code::E0204, message, self.loc(i), "")))
            }
        }
    }

    fn binary(&mut self, cx: &mut Cx<'_>, op: Op, loc: Loc) -> Eval<TExpr> {
        let (a, b) = (self.expr(cx, 0)?, self.expr(cx, 1)?);
        let sides = Some((self.loc(0), self.loc(1)));
        TExpr::binary(op, a, b).map_err(|m| cx.mismatch(m, loc, sides))
    }

    fn reduce(&mut self, cx: &mut Cx<'_>, op: ReduceOp, axis: usize, loc: Loc) -> Eval<TExpr> {
        let a = self.expr(cx, 0)?;
        let axes = self.axes(cx, axis, a.shape.len())?;
        TExpr::reduce(op, axes, a).map_err(|m| cx.mismatch(m, loc, None))
    }

    /// The axes that are reduced of an array of so many: those of an argument, ascending, or all
    /// where it is not given.
    fn axes(&mut self, cx: &mut Cx<'_>, i: usize, rank: usize) -> Eval<Vec<usize>> {
        if !self.has(i) {
            return Ok((0..rank).collect());
        }
        let given = self.constant(cx, i)?;
        let number = rank as i64;
        let axes = match given.as_const().map(|c| &c.values) {
            Some(Values::Int(axes)) if given.shape.len() <= 1 => axes
                .iter()
                .map(|a| if *a < 0 { a + number } else { *a })
                .map(|a| usize::try_from(a).ok().filter(|a| *a < rank))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let mut axes = axes.unwrap_or(vec![rank; 2]);
        axes.sort_unstable();
        if axes.windows(2).any(|w| w[0] == w[1]) {
            let message = match rank {
                0 => "a scalar has no axes to reduce".to_string(),
                n => format!("the axes are different numbers of 0..{n}"),
            };
            let what = format!("this is {}", describe(&given));
            return Err(cx.fail(Diagnostic::new(Code::E0202, message, self.loc(i), what)));
        }
        Ok(axes)
    }
}
