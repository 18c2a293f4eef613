//! The functions that expressions may call.

use super::conv;
use super::expr::TExpr;
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use crate::data::DataSource;
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::ir::{BinOp, Kind, MathFn, ReduceOp, UnOp};
use crate::resolve::nearest;
use crate::tensor::csr::csr;
use crate::tensor::generate::{self, Connectivity, GenerateError, Range, Scalar};
use crate::tensor::{Constant, Sparse, Tensor};
use snn_grammar::ast::Ident;
use std::path::PathBuf;
use std::sync::Arc;

/// An argument of a call.
pub struct Arg {
    /// Its name, where written.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Val,
    /// Where it stands.
    pub loc: Loc,
}

/// Every function: its name and its parameters, in order; `?` marks those that may be left out.
pub const FUNCTIONS: &[(&str, &[&str])] = &[
    ("abs", &["x"]),
    ("accuracy", &["predicted", "truth"]),
    ("all", &["x"]),
    ("any", &["x"]),
    ("arange", &["n"]),
    ("argmax", &["x"]),
    ("bernoulli", &["p", "shape", "seed"]),
    ("bool", &["x"]),
    ("by_delay", &["weights", "delays", "slots"]),
    ("ceil", &["x"]),
    ("clip", &["x", "lo", "hi"]),
    ("concat", &["a", "b", "c?", "d?", "e?", "f?", "g?", "h?", "axis?"]),
    ("conv2d", &["weights", "x", "stride?", "padding?", "dilation?", "groups?"]),
    ("conv2d_shape", &["weights", "shape", "stride?", "padding?", "dilation?", "groups?"]),
    ("cos", &["x"]),
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
    ("hdf5", &["file", "path"]),
    ("idx", &["file"]),
    ("int", &["x"]),
    ("len", &["x"]),
    ("log", &["x"]),
    ("max", &["a", "b?"]),
    ("mean", &["x"]),
    ("min", &["a", "b?"]),
    ("normal", &["mean", "std", "shape", "seed"]),
    ("npy", &["file"]),
    ("npz", &["file"]),
    ("ones", &["shape"]),
    ("random", &["seed", "shape?"]),
    ("reshape", &["x", "shape"]),
    ("round", &["x"]),
    ("sin", &["x"]),
    ("sparse", &["shape", "p?", "fan_in?", "lo?", "hi?", "seed"]),
    ("sqrt", &["x"]),
    ("sum", &["x"]),
    ("tanh", &["x"]),
    ("transpose", &["x", "axes?"]),
    ("uniform", &["lo", "hi", "shape", "seed"]),
    ("where", &["cond", "a", "b"]),
    ("zeros", &["shape"]),
];

/// Calls function `name`.
pub fn call(
    cx: &mut Cx<'_>,
    name: &str,
    at: Loc,
    args: Vec<Arg>,
    loc: Loc,
    env: &Env,
) -> Eval<Val> {
    if let Some((bits, signed)) = integer_type(name) {
        let a = Args::bind(cx, name, &["x"], args, loc)?.expr(cx, 0)?;
        return Ok(Val::Expr(a.wrap(bits, signed)));
    }
    let Some((_, params)) = FUNCTIONS.iter().find(|(n, _)| *n == name) else {
        let near = nearest(name, FUNCTIONS.iter().map(|(n, _)| *n));
        let message = format!("there is no function `{name}`");
        let d = Diagnostic::new(Code::E0401, message, at, "not found");
        return Err(cx.fail(match near {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        }));
    };
    let mut a = Args::bind(cx, name, params, args, loc)?;
    let result = match name {
        "idx" | "npy" | "csv" | "hdf5" | "npz" => return file(cx, name, &mut a, env),
        "zeros" | "ones" | "full" | "eye" | "arange" | "uniform" | "normal" | "bernoulli"
        | "sparse" => generated(cx, name, &mut a, loc)?,
        "csr" => {
            let [data, indices, indptr] = [0, 1, 2].map(|i| a.constant(cx, i));
            let (data, indices, indptr) = (data?, indices?, indptr?);
            let shape = a.sizes(cx, 3)?;
            let known = (data.as_const(), indices.as_const(), indptr.as_const());
            let (Some(data), Some(indices), Some(indptr)) = known else { return Err(Stop::Open) };
            match csr(data, indices, indptr, &shape) {
                Ok(sparse) => TExpr::known(Constant::Sparse(Arc::new(sparse))),
                Err(why) => return Err(cx.fail(Diagnostic::new(Code::E0209, why, loc, ""))),
            }
        }
        "random" => {
            let seed = a.int(cx, 0)? as u64;
            let shape = if a.has(1) { a.shape(cx, 1)? } else { Vec::new() };
            cx.random_sites += 1;
            TExpr::random(seed, cx.random_sites - 1, shape)
        }
        "abs" => {
            let x = a.expr(cx, 0)?;
            TExpr::unary(UnOp::Abs, x).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "exp" | "log" | "sqrt" | "sin" | "cos" | "tanh" | "floor" | "ceil" | "round" => {
            TExpr::math(math_fn(name), a.expr(cx, 0)?)
        }
        "int" => a.expr(cx, 0)?.convert(Kind::Int),
        "bool" => a.expr(cx, 0)?.truth(),
        "f32" => a.expr(cx, 0)?.convert(Kind::F32),
        "f64" => a.expr(cx, 0)?.convert(Kind::F64),
        "decay" => {
            let (x, d) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            TExpr::decay(x, d).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "div" => a.binary(cx, BinOp::FloorDiv, loc)?,
        "min" | "max" if a.has(1) => {
            a.binary(cx, if name == "min" { BinOp::Min } else { BinOp::Max }, loc)?
        }
        "min" => a.reduce(cx, ReduceOp::Min, loc)?,
        "max" => a.reduce(cx, ReduceOp::Max, loc)?,
        "sum" => a.reduce(cx, ReduceOp::Sum, loc)?,
        "argmax" => a.reduce(cx, ReduceOp::ArgMax, loc)?,
        "any" | "all" => {
            let truth = a.expr(cx, 0)?.truth();
            let op = if name == "any" { ReduceOp::Max } else { ReduceOp::Min };
            TExpr::reduce(op, truth).map_err(|m| cx.mismatch(m, loc, None))?
        }
        "mean" => {
            let x = a.expr(cx, 0)?;
            mean(cx, x, loc)?
        }
        "accuracy" => {
            let (p, t) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            let sides = Some((a.loc(0), a.loc(1)));
            let hits = TExpr::binary(BinOp::Eq, p, t).map_err(|m| cx.mismatch(m, loc, sides))?;
            mean(cx, hits, loc)?
        }
        "clip" => {
            let (x, lo, hi) = (a.expr(cx, 0)?, a.expr(cx, 1)?, a.expr(cx, 2)?);
            TExpr::binary(BinOp::Max, x, lo)
                .and_then(|above| TExpr::binary(BinOp::Min, above, hi))
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
            let (w, d) = (a.expr(cx, 0)?, a.expr(cx, 1)?);
            let slots = a.size(cx, 2)?;
            by_delay(cx, &w, &d, slots, loc)?
        }
        other => unreachable!("`{other}` is in the list of functions but has no meaning"),
    };
    Ok(Val::Expr(result))
}

/// `i8`, `u24`, …: the low bits of an integer.
fn integer_type(name: &str) -> Option<(u8, bool)> {
    let signed = name.starts_with('i');
    let bits: u8 = name.strip_prefix(['i', 'u'])?.parse().ok()?;
    ((1..=32).contains(&bits) || bits == 64).then_some((bits, signed))
}

fn math_fn(name: &str) -> MathFn {
    match name {
        "exp" => MathFn::Exp,
        "log" => MathFn::Log,
        "sqrt" => MathFn::Sqrt,
        "sin" => MathFn::Sin,
        "cos" => MathFn::Cos,
        "tanh" => MathFn::Tanh,
        "floor" => MathFn::Floor,
        "ceil" => MathFn::Ceil,
        _ => MathFn::Round,
    }
}

fn file(cx: &mut Cx<'_>, format: &str, a: &mut Args, env: &Env) -> Eval<Val> {
    let folder = cx.program.sources.files[env.file as usize].folder.clone();
    let path: PathBuf = folder.join(a.text(cx, 0)?);
    let source = match format {
        "npz" => {
            let members = crate::data::npz_members(&path);
            members.map_err(|e| cx.data_error(e, a.loc(0)))?;
            return Ok(Val::Archive(path));
        }
        "idx" => DataSource::Idx(path),
        "npy" => DataSource::Npy(path),
        "csv" => DataSource::Csv(path),
        _ => DataSource::Hdf5(path, a.text(cx, 1)?),
    };
    Ok(Val::Expr(TExpr::file(cx.dataset(source, a.loc(0))?)))
}

/// An array that is computed, not read.
fn generated(cx: &mut Cx<'_>, name: &str, a: &mut Args, loc: Loc) -> Eval<TExpr> {
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
            generate::uniform(range, &a.shape(cx, 2)?, a.int(cx, 3)? as u64)
        }
        "normal" => {
            let (mean, std) = (a.number(cx, 0)?, a.number(cx, 1)?);
            generate::normal(mean, std, &a.shape(cx, 2)?, a.int(cx, 3)? as u64)
        }
        "bernoulli" => {
            let p = a.number(cx, 0)?;
            generate::bernoulli(p, &a.shape(cx, 1)?, a.int(cx, 2)? as u64)
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
            let made =
                generate::sparse(&shape, connectivity, range(&lo, &hi), a.int(cx, 5)? as u64);
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
    use crate::tensor::Values;
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

fn mean(cx: &mut Cx<'_>, x: TExpr, loc: Loc) -> Eval<TExpr> {
    let n = x.shape.iter().product::<usize>() as i64;
    TExpr::reduce(ReduceOp::Sum, x)
        .and_then(|sum| TExpr::binary(BinOp::Div, sum, TExpr::int(n)))
        .map_err(|m| cx.mismatch(m, loc, None))
}

fn view(cx: &mut Cx<'_>, name: &str, a: &mut Args, loc: Loc) -> Eval<TExpr> {
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
    let crate::tensor::Values::Int(given) = &axes.as_const()?.values else { return None };
    let axes: Vec<usize> = given
        .iter()
        .map(|a| usize::try_from(if *a < 0 { a + rank as i64 } else { *a }).ok())
        .collect::<Option<_>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    sorted.iter().copied().eq(0..rank).then_some(axes)
}

/// Weights `[m, n]` spread over delay slots: `[m, slots, n]`, where slot `k` has those weights
/// whose delay is `k`.
fn by_delay(cx: &mut Cx<'_>, w: &TExpr, d: &TExpr, slots: usize, loc: Loc) -> Eval<TExpr> {
    if let Some(spread) = by_delay_sparse(w, d, slots) {
        return Ok(spread);
    }
    let (w, d) = (&cx.constant(w.clone(), loc)?, &cx.constant(d.clone(), loc)?);
    let delays = d.clone().fold_to(&w.shape);
    let ([m, n], true) = (w.shape.as_slice(), delays.shape == w.shape) else {
        let m = super::expr::Mismatch::Shapes(w.shape.clone(), d.shape.clone());
        return Err(cx.mismatch(m, loc, None));
    };
    let slot = Tensor::int(vec![1, slots, 1], (0..slots as i64).collect());
    let slot = TExpr::constant(slot);
    let spread = |e: TExpr| e.reshape(vec![*m, 1, *n]);
    let weights = spread(w.clone());
    TExpr::binary(BinOp::Eq, spread(delays), slot)
        .and_then(|here| TExpr::select(here, weights, TExpr::int(0)))
        .map_err(|m| cx.mismatch(m, loc, None))
}

/// The same of sparse weights with delays that are one number, or sparse, or as many.
fn by_delay_sparse(w: &TExpr, d: &TExpr, slots: usize) -> Option<TExpr> {
    let weights = w.as_sparse()?;
    let delays = match (d.as_sparse(), d.as_int().filter(|_| d.is_scalar())) {
        (Some(delays), _) => (**delays).clone(),
        (None, Some(delay)) => {
            let palette = weights.palette().shape.clone();
            weights.with_palette(Tensor::scalar_int(delay).broadcast_to(&palette))
        }
        (None, None) => Sparse::of(d.as_const()?)?,
    };
    let spread = weights.by_delay(&delays, slots)?;
    Some(TExpr::known(Constant::Sparse(Arc::new(spread))).convert(w.kind))
}

/// Arguments in the order of the parameters.
pub(super) struct Args {
    values: Vec<Option<(Val, Loc)>>,
    call: Loc,
}

impl Args {
    fn bind(
        cx: &mut Cx<'_>,
        function: &str,
        params: &[&str],
        args: Vec<Arg>,
        call: Loc,
    ) -> Eval<Args> {
        let plain = |p: &str| p.trim_end_matches('?').to_string();
        let signature = || {
            format!(
                "{function}({})",
                params.iter().map(|p| plain(p)).collect::<Vec<_>>().join(", ")
            )
        };
        let mut values: Vec<Option<(Val, Loc)>> = vec![None; params.len()];
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
                Some(place @ None) => *place = Some((arg.value, arg.loc)),
                _ => {
                    let message = format!("`{function}` does not take this argument");
                    return Err(cx.fail(
                        Diagnostic::new(Code::E0209, message, arg.loc, "")
                            .help(format!("it is `{}`", signature())),
                    ));
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
        Ok(Args { values, call })
    }

    pub(super) fn has(&self, i: usize) -> bool {
        self.values.get(i).is_some_and(Option::is_some)
    }

    pub(super) fn loc(&self, i: usize) -> Loc {
        self.values.get(i).and_then(|v| v.as_ref()).map_or(self.call, |(_, loc)| *loc)
    }

    pub(super) fn value(&self, i: usize) -> Val {
        let value = self.values.get(i).and_then(|v| v.as_ref()).map(|(v, _)| v.clone());
        value.unwrap_or(Val::List(Vec::new()))
    }

    pub(super) fn expr(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<TExpr> {
        let loc = self.loc(i);
        let e = cx.as_expr(self.value(i), loc)?;
        // Files are read where everything is known, and stay files where a step indexes them.
        let others_known = self.values.iter().flatten().all(|(v, _)| match v {
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

    pub(super) fn int(&mut self, cx: &mut Cx<'_>, i: usize) -> Eval<i64> {
        let e = self.constant(cx, i)?;
        match e.as_int().filter(|_| e.is_scalar()) {
            Some(n) => Ok(n),
            None => {
                let what = format!("this is {}", describe(&e));
                let message = "a whole number is needed here";
                Err(cx.fail(Diagnostic::new(Code::E0204, message, self.loc(i), what)))
            }
        }
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
        use crate::tensor::Values;
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
                Err(cx.fail(Diagnostic::new(Code::E0204, message, self.loc(i), what)))
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

    fn binary(&mut self, cx: &mut Cx<'_>, op: BinOp, loc: Loc) -> Eval<TExpr> {
        let (a, b) = (self.expr(cx, 0)?, self.expr(cx, 1)?);
        let sides = Some((self.loc(0), self.loc(1)));
        TExpr::binary(op, a, b).map_err(|m| cx.mismatch(m, loc, sides))
    }

    fn reduce(&mut self, cx: &mut Cx<'_>, op: ReduceOp, loc: Loc) -> Eval<TExpr> {
        let a = self.expr(cx, 0)?;
        TExpr::reduce(op, a).map_err(|m| cx.mismatch(m, loc, None))
    }
}
