//! The oracle: executes a network as its specification says, and as slowly.
//!
//! It takes either form of the network IR. Messages wait in real queues, statements are executed
//! when what they need is there, one element at a time; nothing is folded, fused, narrowed,
//! aliased or cut into windows, and nothing is shared with the engines but the table of scalar
//! operations ([`snn_ir::scalar`]) and the definition of random numbers. What the IR claims is
//! asserted: that queues are as long as they need to be and no longer, that a receiver finds its
//! message, that params are in their ranges.

mod array;
mod machine;

use array::Array;
use machine::Machine;
use snn_data::Files;
use snn_ir::data::DataError;
use snn_ir::network::{ElemTy, Member, Network, ReportKind};
use snn_ir::step::Elem;
use snn_runtime::execute::RecordSpec;
use snn_runtime::network::{Column, ElementType};
use std::ops::ControlFlow;

/// What an execution kept.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the columns are.
    pub records: Vec<RecordSpec>,
    /// One a record of the run.
    pub columns: Vec<Column>,
}

/// Why an execution ended early.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A data file cannot be read.
    Data(DataError),
    /// An index left its range.
    Index {
        /// The array.
        what: String,
        /// The index.
        index: i64,
        /// It must be in `0..extent`.
        extent: usize,
        /// The step.
        t: u64,
    },
    /// `progress` asked for it.
    Stopped,
    /// The network claims something that is not so, which is an error of the compiler.
    Broken(String),
}

/// Executes a verified network. `progress` is told each step that has been done, and may stop it.
///
/// # Errors
/// See [`Failure`].
pub fn run(
    network: &Network,
    files: &dyn Files,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Outcome, Failure> {
    let mut machine = Machine::new(network, files)?;
    let records: Vec<RecordSpec> = network.run.records.iter().map(|r| spec(network, r)).collect();
    let mut columns = vec![Column { bytes: Vec::new(), rows: 0 }; records.len()];
    for t in 1..=network.run.steps {
        machine.step(t)?;
        for (record, column) in network.run.records.iter().zip(&mut columns) {
            let due = match record.when {
                Some(clock) => network.clock(clock).holds(t),
                None => t == network.run.steps,
            };
            if due {
                let ty = type_of(network, record).0;
                write(machine.member(record.instance, record.member), ty.storage(), column);
            }
        }
        machine.between(t);
        if progress(t).is_break() {
            return Err(Failure::Stopped);
        }
    }
    if network.run.steps == 0 {
        for (record, column) in network.run.records.iter().zip(&mut columns) {
            if record.when.is_none() {
                let ty = type_of(network, record).0;
                write(machine.member(record.instance, record.member), ty.storage(), column);
            }
        }
    }
    Ok(Outcome { records, columns })
}

/// The values of reports, then those of expectations, over what was kept; `None` where a value
/// cannot be computed, or is a picture.
///
/// # Errors
/// See [`Failure`].
pub fn shown(
    network: &Network,
    files: &dyn Files,
    outcome: &Outcome,
) -> Result<Vec<Option<f64>>, Failure> {
    let machine = Machine::new(network, files)?;
    let inputs: Vec<Option<Array>> =
        outcome.records.iter().zip(&outcome.columns).map(|(s, c)| last(s, c)).collect();
    let mut known: Vec<Option<Array>> = Vec::new();
    for value in &network.run.values {
        known.push(machine.over_records(value, &inputs, &known)?);
    }
    let number = |id: snn_ir::network::ValueId| {
        let scalar = known[id.at()].as_ref().map(Array::one)?;
        match scalar.convert(snn_ir::scalar::Kind::F64) {
            snn_ir::scalar::Scalar::F64(x) => Some(x),
            _ => None,
        }
    };
    let reports = network.run.reports.iter().map(|r| match r.kind {
        ReportKind::Value(id) => number(id),
        _ => None,
    });
    let expected = network.run.expectations.iter().map(|e| number(e.holds));
    Ok(reports.chain(expected).collect())
}

/// What was kept last, where anything was.
fn last(spec: &RecordSpec, column: &Column) -> Option<Array> {
    use snn_ir::scalar::Scalar;
    let size = spec.element.size();
    let count: usize = spec.shape.iter().product();
    let start = column.bytes.len().checked_sub(count * size).filter(|_| column.rows > 0)?;
    let wide = |bytes: &[u8]| {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(wide)
    };
    let unused = 64 - 8 * size as u32;
    let element = |bytes: &[u8]| match spec.element {
        ElementType::Bool => Scalar::Bool(bytes[0] != 0),
        ElementType::F32 => Scalar::F32(f32::from_bits(wide(bytes) as u32)),
        ElementType::F64 => Scalar::F64(f64::from_bits(wide(bytes))),
        ElementType::U8 | ElementType::U16 | ElementType::U32 => Scalar::Int(wide(bytes) as i64),
        _ => Scalar::Int((wide(bytes) << unused) as i64 >> unused),
    };
    let elements = column.bytes[start..].chunks(size).map(element).collect();
    Some(Array { shape: spec.shape.clone(), elements, rest: None })
}

fn type_of<'n>(network: &'n Network, record: &snn_ir::network::Record) -> (ElemTy, &'n [usize]) {
    let body = network.body(record.instance);
    match record.member {
        Member::Var(i) => (body.vars[i as usize].ty, &body.vars[i as usize].shape),
        Member::Port(i) => (body.ports[i as usize].ty, &body.ports[i as usize].shape),
    }
}

fn spec(network: &Network, record: &snn_ir::network::Record) -> RecordSpec {
    let (ty, shape) = type_of(network, record);
    RecordSpec {
        key: record.key.clone(),
        element: ty.storage().into(),
        shape: shape.to_vec(),
        at_end: record.when.is_none(),
    }
}

/// Appends all elements as little-endian bytes.
fn write(array: &Array, elem: Elem, column: &mut Column) {
    use snn_ir::scalar::Scalar;
    let size = match elem {
        Elem::Bool | Elem::I8 | Elem::U8 => 1,
        Elem::I16 | Elem::U16 => 2,
        Elem::I32 | Elem::U32 | Elem::F32 => 4,
        Elem::I64 | Elem::F64 => 8,
    };
    for element in &array.elements {
        match element {
            Scalar::Bool(x) => column.bytes.push(u8::from(*x)),
            Scalar::Int(x) => column.bytes.extend_from_slice(&x.to_le_bytes()[..size]),
            Scalar::F32(x) => column.bytes.extend(x.to_le_bytes()),
            Scalar::F64(x) => column.bytes.extend(x.to_le_bytes()),
        }
    }
    column.rows += 1;
}
