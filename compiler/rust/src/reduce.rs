//! Reductions as functions on arrays.

use super::loops::{Lowered, collect, finish};
use super::places::Places;
use super::printer::Code;
use super::typed::{Level, Ty, Typed, fits_32, stored};
use snn_ir::step::{Access, Elem, Kind, Reduce, ReduceOp, Source, StepIr};
use snn_ir::tensor::ops;
use std::collections::BTreeSet;

/// A reduction over at least one element to at least one: the function returns what it is, or
/// stores them all where there are several.
pub fn lower(ir: &StepIr, of: &Reduce, name: &str, doc: &str) -> Lowered {
    let dst = (of.results() > 1).then(|| place_of_result(of));
    let mut accesses = Vec::new();
    collect(&of.value, &mut accesses);
    accesses.extend(&dst);
    let mut places = match dst {
        None => Places::new(ir, &of.domain, &accesses, BTreeSet::new(), 0),
        Some(_) => {
            // Kept axes outside, reduced ones inside.
            let order = [of.kept(), of.axes.clone()].concat();
            Places::ordered(ir, &of.domain, &order, &[position(of)], &accesses, of.dst)
        }
    };
    let elem = places.elem(Source::Buffer(of.dst));
    let mut reduction = Reduction::new(&mut places, of);
    let end = reduction.stored_as(elem);
    reduction.step.splice(0..0, std::mem::take(&mut places.here));
    let inner = |axis: usize| of.axes.contains(&axis);
    let mut one: Vec<Code> = reduction.start.into_iter().map(Code::Line).collect();
    one.extend(places.nest_those(reduction.step, inner));
    let mut body: Vec<Code> = std::mem::take(&mut places.before);
    let returns = match &dst {
        None => {
            one.push(Code::line(if places.faults { format!("Ok({end})") } else { end }));
            body.extend(one);
            Some(stored(elem).to_string())
        }
        Some(dst) => {
            let place = places.place(dst).at(Level::Open);
            one.push(Code::line(format!("{place} = {end};")));
            body.extend(places.nest_those(one, |axis| !inner(axis)));
            if places.faults {
                body.push(Code::line("Ok(())"));
            }
            places.faults.then(|| "()".to_string())
        }
    };
    let returns = match places.faults {
        true => returns.map(|ty| format!("Result<{ty}, snn_runtime::Fault>")),
        false => returns,
    };
    finish(places, name, doc, returns, body)
}

/// Where in `dst` the result of an element of the domain is put.
fn place_of_result(of: &Reduce) -> Access {
    let strides = strides_along(of, &of.kept());
    Access { source: Source::Buffer(of.dst), offset: 0, strides, dynamic: Vec::new() }
}

/// The position along the axes that are reduced, in C order, as strides over the domain.
fn position(of: &Reduce) -> Vec<i64> {
    strides_along(of, &of.axes)
}

/// C order over some axes of the domain, 0 along the others.
fn strides_along(of: &Reduce, axes: &[usize]) -> Vec<i64> {
    let shape: Vec<usize> = axes.iter().map(|axis| of.domain[*axis]).collect();
    let mut strides = vec![0; of.domain.len()];
    for (axis, stride) in axes.iter().zip(ops::strides(&shape)) {
        strides[*axis] = stride as i64;
    }
    strides
}

/// The pieces of the reduction to one element.
struct Reduction {
    /// Definitions before it.
    start: Vec<String>,
    /// What is done with each value.
    step: Vec<Code>,
    /// The result, and its type.
    end: String,
    ty: &'static str,
}

impl Reduction {
    fn new(places: &mut Places<'_>, of: &Reduce) -> Reduction {
        let bounds = places.interval(&of.value);
        let value = places.expr(&of.value);
        let is_float = of.value.kind.is_float();
        let (value, kind) = match of.value.kind {
            Kind::Bool => {
                (Typed::atom(&format!("i64::from({})", value.at(Level::Open)), Ty::I64), "i64")
            }
            Kind::Int => (value.into_int(Ty::I64), "i64"),
            Kind::F32 | Kind::F64 => {
                let kind = value.ty.name();
                (value, kind)
            }
        };
        let text = value.at(Level::Open);
        let lowest = if is_float { format!("{kind}::NEG_INFINITY") } else { "i64::MIN".into() };
        let highest = if is_float { format!("{kind}::INFINITY") } else { "i64::MAX".into() };
        let exact = bounds != (i64::MIN, i64::MAX) && fits_32(bounds);
        let mut reduction = Reduction { start: vec![], step: vec![], end: "0".into(), ty: kind };
        let mut define = |name: &str, ty: &str, value: &str| {
            let name = places.names.unique(name);
            let ty = if ty.is_empty() { String::new() } else { format!(": {ty}") };
            reduction.start.push(format!("let mut {name}{ty} = {value};"));
            name
        };
        match of.op {
            ReduceOp::Sum => {
                let sum = define("sum", kind, if is_float { "0.0" } else { "0" });
                reduction.step.push(Code::line(match is_float || exact {
                    true => format!("{sum} += {text};"),
                    false => format!("{sum} = {sum}.wrapping_add({text});"),
                }));
                reduction.end = sum;
            }
            ReduceOp::Min | ReduceOp::Max => {
                let (extreme, start) = match of.op {
                    ReduceOp::Min => ("min", highest),
                    _ => ("max", lowest),
                };
                let best = define("best", "", &start);
                reduction.step.push(Code::line(match is_float {
                    true => {
                        format!("{best} = snn_runtime::arith::{extreme}_{kind}({best}, {text});")
                    }
                    false => format!("{best} = {best}.{extreme}({text});"),
                }));
                reduction.end = best;
            }
            ReduceOp::ArgMax if of.reduced() == 1 => {
                reduction.step.push(Code::line(format!("let _: {kind} = {text};")));
            }
            ReduceOp::ArgMax => {
                // Of floats any is larger than none, which NaN stands for.
                let best = match is_float {
                    true => define("best", "", &format!("{kind}::NAN")),
                    false => define("best", "", &lowest),
                };
                let at = define("at", "", "0_usize");
                let value = places.names.unique("value");
                reduction.step.push(Code::line(format!("let {value}: {kind} = {text};")));
                let larger = match is_float {
                    true => format!("{value} > {best} || ({best}.is_nan() && !{value}.is_nan())"),
                    false => format!("{value} > {best}"),
                };
                let position = places.along(&position(of)).at(Level::Open);
                reduction.step.push(Code::block(
                    format!("if {larger}"),
                    vec![
                        Code::line(format!("{best} = {value};")),
                        Code::line(format!("{at} = {position};")),
                    ],
                ));
                (reduction.end, reduction.ty) = (at, "usize");
            }
        }
        reduction
    }

    /// The result as an element.
    fn stored_as(&self, elem: Elem) -> String {
        let (end, ty) = (&self.end, stored(elem));
        match elem {
            _ if self.ty == ty || end == "0" => end.clone(),
            Elem::Bool => format!("u8::from({end} != 0)"),
            _ => format!("{end} as {ty}"),
        }
    }
}
