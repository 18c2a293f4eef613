//! Gradients of whole programs, as the oracle finds them.

use snn_data::{Disk, Memory};
use snn_ir::network::adjoint::{Builder, Comparison, Slope};
use snn_ir::network::tensors::Tensors;
use snn_ir::network::{
    ALWAYS, Action, ElemTy, Flat, InstanceId, Member, Network, Op, Record, Stmt,
    Tensor as Constant, TensorId, ValueId, Var, VarKind, flatten, verify,
};
use snn_ir::scalar::{self, Kind};
use snn_ir::tensor::{Constant as Known, Tensor, Values};
use snn_train::{Ask, Reversed, reverse};
use snnc::{Options, check_text};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The flat form of the first run of a program.
///
/// # Panics
/// Where the program has errors.
pub fn flat(text: &str) -> Flat {
    let checked = check_text(&Memory::new(), Path::new("net.snn"), text, &Options::default());
    assert!(!checked.has_errors(), "{}\n{text}", checked.rendered());
    flatten(&checked.runs[0].network).expect("no circle")
}

/// The variable of this path.
///
/// # Panics
/// Where there is none.
pub fn var(flat: &Flat, path: &str) -> u32 {
    let found = flat.body().vars.iter().position(|v| v.name == path);
    found.unwrap_or_else(|| panic!("no variable {path}")) as u32
}

/// The slot of the param of this path.
///
/// # Panics
/// Where there is none.
pub fn slot(flat: &Flat, path: &str) -> u32 {
    let found = flat.body().slots.iter().position(|s| s.name == path);
    found.unwrap_or_else(|| panic!("no param {path}")) as u32
}

/// The variables that hold one value: those that are no queues.
pub fn states(flat: &Flat) -> Vec<u32> {
    let queue = |v: &Var| matches!(v.kind, VarKind::Queue { .. });
    (0..).zip(&flat.body().vars).filter(|(_, v)| !queue(v)).map(|(at, _)| at).collect()
}

/// The slots of the params that may have other values, and whose values are in memory.
pub fn learnable(flat: &Flat) -> Vec<u32> {
    let params = (0..).zip(&flat.0.instances[0].args);
    let may = params.filter(|(_, param)| {
        let param = &flat.0.params[param.at()];
        !param.structural && flat.0.tensors[param.tensor.at()].constant().is_some()
    });
    may.map(|(slot, _)| slot).collect()
}

/// All that the oracle keeps of a run, by record, as floats.
///
/// # Panics
/// Where a step fails.
pub fn by_oracle(network: &Network) -> Vec<Vec<f64>> {
    let outcome = snn_oracle::run(network, &Disk, &mut |_| ControlFlow::Continue(()));
    let outcome = outcome.unwrap_or_else(|why| panic!("{why:?}"));
    let records = outcome.records.iter().zip(&outcome.columns);
    records
        .map(|(record, column)| {
            let n = column.rows as usize * record.shape.iter().product::<usize>();
            let number = |i| snnc::report::values::number(record.element, &column.bytes, i);
            (0..n).map(number).collect()
        })
        .collect()
}

/// The loss of a network after so many steps.
pub fn loss(flat: &Flat, ask: &Ask) -> f64 {
    by_oracle(&recording(flat, ask.loss, ask.steps))[0][0]
}

/// A network that executes so many steps, and keeps a variable at the end.
pub fn recording(flat: &Flat, var: u32, steps: u64) -> Network {
    let mut network = flat.0.clone();
    let (key, instance, member) = ("loss".into(), InstanceId(0), Member::Var(var));
    network.run.records = vec![Record { key, instance, member, when: None, asked: true }];
    network.run.values.clear();
    network.run.reports.clear();
    network.run.expectations.clear();
    network.run.steps = steps;
    network
}

/// A verified network that finds gradients.
///
/// # Panics
/// Where it cannot be made.
pub fn reversed(flat: &Flat, ask: &Ask, slope: Slope<'_>) -> Reversed {
    let reversed = reverse(flat, ask, slope).unwrap_or_else(|why| panic!("{why:?}"));
    if let Err(why) = verify::verify(&reversed.flat.0) {
        panic!("{why}\n{}", reversed.flat);
    }
    reversed
}

/// The network with a loss: the sum of all elements of a variable after a step, or after all
/// steps.
///
/// # Panics
/// Where the variable is a queue.
pub fn with_loss(flat: &Flat, var: u32, all: bool) -> (Flat, u32) {
    let mut network = flat.0.clone();
    let Some(mut body) = network.bodies.pop() else { panic!("no body") };
    let mut tensors = Tensors::of(&network);
    let values = std::mem::take(&mut body.values);
    let of = body.vars[var as usize].clone();
    let mut b = Builder::new(&mut network, &mut tensors, values, of.place);
    let made = (|| {
        let read = b.leaf(Op::Var(var), of.ty.kind(), &of.shape)?;
        let float = b.convert(read, Kind::F64)?;
        let axes: Vec<usize> = (0..of.shape.len()).collect();
        let sum = b.sum(float, &axes)?;
        let loss = body.vars.len() as u32;
        let before = b.leaf(Op::Var(loss), Kind::F64, &[])?;
        let after = if all { b.scalar(scalar::Op::Add, &[before, sum])? } else { sum };
        Ok::<_, String>((read, loss, before, after, b.number(Kind::F64, 0.0)?))
    })();
    let (read, loss, before, after, init) = made.unwrap_or_else(|why| panic!("{why}"));
    body.values = b.finish();
    let ty = ElemTy::of_kind(Kind::F64);
    let (name, place, shape) = ("loss".to_string(), of.place, Vec::new());
    body.vars.push(Var { name, kind: VarKind::State, ty, shape, init, place });
    for action in [
        Action::Read(read),
        Action::Read(before),
        Action::Store { var: loss, region: Vec::new(), value: after, mask: None },
    ] {
        body.phases[3].push(Stmt { clock: ALWAYS, guard: None, action, place });
    }
    network.bodies.push(body);
    (Flat(network), loss)
}

/// The elements of a param.
///
/// # Panics
/// Where they are in a file.
pub fn param(flat: &Flat, slot: u32) -> Vec<f64> {
    let param = flat.0.instances[0].args[slot as usize];
    let tensor = &flat.0.tensors[flat.0.params[param.at()].tensor.at()];
    let known = tensor.constant().expect("known").dense().expect("small");
    match &known.values {
        Values::Int(x) => x.iter().map(|x| *x as f64).collect(),
        Values::Bool(x) => x.iter().map(|x| f64::from(*x)).collect(),
        Values::Float(x) => x.clone(),
    }
}

/// The network with other elements of a param.
///
/// # Panics
/// Where the param is no number.
pub fn with_param(flat: &Flat, slot: u32, values: Vec<f64>) -> Flat {
    let mut flat = flat.clone();
    let param = flat.0.instances[0].args[slot as usize];
    let of = &flat.0.bodies[0].slots[slot as usize];
    let (kind, shape) = (of.kind, of.shape.clone());
    let tensor = match kind {
        Kind::Int => Tensor::int(shape, values.iter().map(|x| *x as i64).collect()),
        Kind::F32 | Kind::F64 => Tensor::float(shape, values),
        Kind::Bool => panic!("it is no number"),
    };
    let tensor = Known::Dense(Arc::new(tensor));
    let id = TensorId(flat.0.tensors.len() as u32);
    flat.0.tensors.push(Constant::of(kind, tensor));
    flat.0.params[param.at()].tensor = id;
    flat
}

/// The slope `exp(-|x| / width)` of a comparison, by the difference `x` of its operands.
///
/// # Errors
/// Where there are too many values.
pub fn decaying(
    b: &mut Builder<'_>,
    of: Comparison,
    width: f64,
) -> Result<Option<ValueId>, String> {
    let kind = b.value(of.difference)?.kind;
    let width = b.number(kind, -width)?;
    let size = b.scalar(scalar::Op::Abs, &[of.difference])?;
    let scaled = b.scalar(scalar::Op::Div, &[size, width])?;
    Ok(Some(b.scalar(scalar::Op::Exp, &[scaled])?))
}

/// The gradient of a program along a direction, and the sum of the sizes of its parts.
///
/// # Panics
/// Where the two are of other params.
pub fn along(found: &[Vec<f64>], directions: &[(u32, Vec<f64>)]) -> (f64, f64) {
    let products = found.iter().zip(directions).flat_map(|(gradient, (_, direction))| {
        assert_eq!(gradient.len(), direction.len());
        gradient.iter().zip(direction).map(|(g, d)| g * d)
    });
    products.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()))
}

/// Numbers between -1 and 1 for each element of some params.
pub fn directions(flat: &Flat, learned: &[u32], seed: u64) -> Vec<(u32, Vec<f64>)> {
    let mut at = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut number = || {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (at >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let slots = &flat.body().slots;
    let size = |slot: &u32| slots[*slot as usize].shape.iter().product();
    learned.iter().map(|slot| (*slot, (0..size(slot)).map(|_| number()).collect())).collect()
}
