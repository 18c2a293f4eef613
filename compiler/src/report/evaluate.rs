//! The values of reports and expectations, from what a run recorded.

use super::requests::{Expectation, Report, ReportKind, Requests};
use crate::ir::StepIr;
use crate::tensor::{Constant, Tensor, Values, ops};
use crate::types::{Leaf, Node, TExpr};
use snn_runtime::network::{Column, ElementType};

/// A number that a report shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The report as written.
    pub text: String,
    /// The function's name where the report is a call (`accuracy`), else the text.
    pub name: String,
    /// Its value; `None` where it cannot be computed.
    pub value: Option<f64>,
}

/// Whether an expectation holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The expectation as written.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// The values of its two sides, where it is a comparison.
    pub sides: Option<(f64, f64)>,
}

/// The values of all reports that are numbers. `columns` are those of the step IR's records.
pub fn metrics(requests: &Requests, ir: &StepIr, columns: &[Column]) -> Vec<Metric> {
    let numbers = requests.reports.iter().filter_map(|r: &Report| match &r.kind {
        ReportKind::Value(e) => Some((r, e)),
        _ => None,
    });
    numbers
        .map(|(report, e)| Metric {
            text: report.text.clone(),
            name: report.text.split('(').next().unwrap_or(&report.text).trim().to_string(),
            value: evaluate(e, ir, columns).as_ref().and_then(number),
        })
        .collect()
}

/// Which expectations hold.
pub fn verdicts(requests: &Requests, ir: &StepIr, columns: &[Column]) -> Vec<Verdict> {
    let value = |e: &TExpr| evaluate(e, ir, columns).as_ref().and_then(number);
    let verdict = |e: &Expectation| Verdict {
        text: e.text.clone(),
        holds: value(&e.holds) == Some(1.0),
        sides: e.sides.as_ref().and_then(|(a, b)| Some((value(a)?, value(b)?))),
    };
    requests.expectations.iter().map(verdict).collect()
}

/// The value of an expression over records; `None` where one was not kept.
fn evaluate(e: &TExpr, ir: &StepIr, columns: &[Column]) -> Option<Tensor> {
    let go = |x: &TExpr| evaluate(x, ir, columns);
    Some(match &e.node {
        Node::Const(c) => (**c).clone(),
        Node::Sparse(s) => s.dense()?,
        Node::File(dataset) => dataset.read().ok()?,
        Node::Read(Leaf::Recorded(i)) => recorded(ir, columns, *i)?,
        Node::Unary(op, a) => ops::unary(*op, &go(a)?),
        Node::Binary(op, a, b) => ops::binary(*op, a.kind, &go(a)?, &go(b)?)?,
        Node::Select(c, a, b) => ops::select(&go(c)?, &go(a)?, &go(b)?)?,
        Node::Convert(a) => go(a)?.convert(e.kind),
        Node::Wrap { bits, signed, value } => ops::wrap(*bits, *signed, &go(value)?),
        Node::Decay(x, d) => ops::decay(&go(x)?, &go(d)?)?,
        Node::Math(f, a) => ops::math(*f, e.kind, &go(a)?),
        Node::Transpose(axes, a) => go(a)?.transpose(axes),
        Node::Slice(ranges, a) => go(a)?.slice(ranges),
        Node::Reshape(a) => go(a)?.reshape(e.shape.clone()),
        Node::Index { index, of } => {
            let (of, index) = (go(of)?, number(&go(index)?)?);
            let i = index as usize;
            let mut ranges: Vec<_> = of.shape.iter().map(|n| (0, *n)).collect();
            *ranges.first_mut()? = (i, i + 1);
            if index < 0.0 || i >= *of.shape.first()? {
                return None;
            }
            of.slice(&ranges).reshape(e.shape.clone())
        }
        Node::Concat(axis, parts) => {
            let parts = parts.iter().map(|p| Some(go(p)?.convert(e.kind)));
            ops::join(&parts.collect::<Option<Vec<_>>>()?, *axis)?
        }
        Node::MatMul { weights, vector } => match weights {
            Constant::Dense(weights) => ops::matmul(weights, &go(vector)?)?,
            Constant::Sparse(weights) => weights.matmul(&go(vector)?)?,
        },
        Node::Conv { weights, input, geometry } => {
            crate::tensor::conv::conv2d(geometry, weights, &go(input)?)?
        }
        Node::Reduce(op, a) => ops::reduce(*op, &go(a)?)?,
        Node::Read(_) | Node::Time | Node::Random { .. } => return None,
    })
}

/// A value kept at the end.
fn recorded(ir: &StepIr, columns: &[Column], record: usize) -> Option<Tensor> {
    let buffer = &ir.buffers[ir.records.get(record)?.buffer.0 as usize];
    let column = columns.get(record)?;
    let n = buffer.len();
    let elem = ElementType::from(buffer.elem);
    let value = |i: usize| super::recording::number(elem, &column.bytes, i);
    let floats: Vec<f64> = (0..n).map(value).collect();
    if column.rows == 0 {
        return None;
    }
    let shape = buffer.shape.clone();
    Some(match buffer.elem.kind() {
        crate::ir::Kind::Bool => Tensor::bool(shape, floats.iter().map(|x| *x != 0.0).collect()),
        crate::ir::Kind::Int => {
            let exact = |i: usize| super::recording::integer(elem, &column.bytes, i);
            Tensor::int(shape, (0..n).map(exact).collect())
        }
        _ => Tensor::float(shape, floats),
    })
}

fn number(t: &Tensor) -> Option<f64> {
    match &t.values {
        Values::Int(v) => v.first().map(|x| *x as f64),
        Values::Float(v) => v.first().copied(),
        Values::Bool(v) => v.first().map(|b| f64::from(u8::from(*b))),
    }
}
