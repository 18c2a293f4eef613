//! The values of reports and expectations, from what a run recorded.

use snn_data::Files;
use snn_ir::network::evaluate::apply;
use snn_ir::network::{Data, Expectation, Network, Op, Report, ReportKind, ValueId};
use snn_ir::tensor::{Constant, Tensor};
use snn_runtime::execute::RecordSpec;
use snn_runtime::network::ElementType;
use snn_runtime::record::Recording;
use std::sync::Arc;

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

/// The values of all reports that are numbers. `recordings` are those of the records.
pub fn metrics(
    network: &Network,
    files: &dyn Files,
    specs: &[RecordSpec],
    recordings: &[Recording],
) -> Vec<Metric> {
    let values = evaluate(network, files, specs, recordings);
    let numbers = network.run.reports.iter().filter_map(|r: &Report| match r.kind {
        ReportKind::Value(id) => Some((r, id)),
        _ => None,
    });
    numbers
        .map(|(report, id)| Metric {
            text: report.text.clone(),
            name: report.text.split('(').next().unwrap_or(&report.text).trim().to_string(),
            value: number(&values, id),
        })
        .collect()
}

/// Which expectations hold.
pub fn verdicts(
    network: &Network,
    files: &dyn Files,
    specs: &[RecordSpec],
    recordings: &[Recording],
) -> Vec<Verdict> {
    let values = evaluate(network, files, specs, recordings);
    let verdict = |e: &Expectation| Verdict {
        text: e.text.clone(),
        holds: number(&values, e.holds) == Some(1.0),
        sides: e.sides.and_then(|(a, b)| Some((number(&values, a)?, number(&values, b)?))),
    };
    network.run.expectations.iter().map(verdict).collect()
}

/// The values over records; `None` where one was not kept.
fn evaluate(
    network: &Network,
    files: &dyn Files,
    specs: &[RecordSpec],
    recordings: &[Recording],
) -> Vec<Option<Constant>> {
    let mut values: Vec<Option<Constant>> = Vec::new();
    for value in &network.run.values {
        let found = match value.op {
            Op::Const(tensor) => {
                let tensor = &network.tensors[tensor.at()];
                match &tensor.data {
                    Data::File(dataset) => {
                        snn_data::read(files, dataset).ok().map(|t| Constant::Dense(Arc::new(t)))
                    }
                    _ => tensor.constant(),
                }
            }
            Op::Input(record) => recorded(specs, recordings, record as usize),
            _ => {
                let args: Option<Vec<&Constant>> =
                    value.args.iter().map(|a| values[a.at()].as_ref()).collect();
                args.and_then(|args| apply(&value.op, (value.kind, &value.shape), &args))
            }
        };
        values.push(found);
    }
    values
}

/// A value kept at the end.
fn recorded(specs: &[RecordSpec], recordings: &[Recording], record: usize) -> Option<Constant> {
    let (spec, recording) = (specs.get(record)?, recordings.get(record)?);
    let shape = spec.shape.clone();
    let n = shape.iter().product::<usize>();
    let elem = spec.element;
    if recording.rows == 0 {
        return None;
    }
    let bytes = recording.bytes().ok()?;
    let value = |i: usize| super::values::number(elem, &bytes, i);
    let exact = |i: usize| super::values::integer(elem, &bytes, i);
    Some(Constant::Dense(Arc::new(match elem {
        ElementType::Bool => Tensor::bool(shape, (0..n).map(|i| value(i) != 0.0).collect()),
        ElementType::F32 | ElementType::F64 => Tensor::float(shape, (0..n).map(value).collect()),
        _ => Tensor::int(shape, (0..n).map(exact).collect()),
    })))
}

fn number(values: &[Option<Constant>], id: ValueId) -> Option<f64> {
    values[id.at()].as_ref()?.first_number()
}
