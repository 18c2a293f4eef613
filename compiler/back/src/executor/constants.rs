//! Constant arrays: held, or left in their files where they are large.

use super::array::{Array, Type};
use super::compile;
use snn_data::{Elements, Files};
use snn_ir::data::DataError;
use snn_ir::scalar::{FULL, Interval};
use snn_ir::step::{Init, OpKind, Source, StepIr, Synapse, TensorId, TensorValues};
use snn_ir::tensor::{Tensor, Values};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// An array of a file with more elements than this stays there, if only loops load it.
const HELD: usize = 1 << 24;

/// The tensors that loops load.
pub struct Constants(Vec<Constant>);

struct Constant {
    values: Place,
    ty: Type,
    /// The bounds of its elements.
    range: Interval,
}

enum Place {
    Held(Array),
    File(Elements),
}

/// How a network uses a tensor.
#[derive(Clone, Copy, Default)]
struct Use {
    /// Element by element.
    loaded: bool,
    /// As a whole: weights, the initial state of a buffer.
    whole: bool,
}

/// The tensors of a network, and those of them that loops load. What stays in its file is no
/// tensor, nor are sparse weights, which only synapses read.
///
/// # Errors
/// Where a data file cannot be read.
pub fn load(ir: &StepIr, files: &dyn Files) -> Result<(Vec<Arc<Tensor>>, Constants), DataError> {
    let none = || Arc::new(Tensor::int(vec![0], Vec::new()));
    let (mut tensors, mut constants) = (Vec::new(), Vec::new());
    for (tensor, used) in ir.tensors.iter().zip(uses(ir)) {
        let kind = tensor.elem.kind();
        let values = match &tensor.values {
            TensorValues::Known(values) => values.clone(),
            TensorValues::Sparse(_) => none(),
            TensorValues::File(dataset) => {
                let large = dataset.shape.iter().product::<usize>() > HELD && !used.whole;
                let stays = large.then(|| Elements::open(files, dataset)).transpose()?.flatten();
                if let Some(elements) = stays {
                    let range = elements.elem().bounds().unwrap_or(FULL);
                    let ty = Type::of(kind, range);
                    constants.push(Constant { values: Place::File(elements), ty, range });
                    tensors.push(none());
                    continue;
                }
                Arc::new(snn_data::read(files, dataset)?)
            }
        };
        let array = match used.loaded {
            true => Array::constant(kind, &values),
            false => Array::Bool(Vec::new()),
        };
        let (ty, range) = (array.ty(), bounds(&array));
        constants.push(Constant { values: Place::Held(array), ty, range });
        tensors.push(values);
    }
    Ok((tensors, Constants(constants)))
}

/// How each tensor is used.
fn uses(ir: &StepIr) -> Vec<Use> {
    let mut uses = vec![Use::default(); ir.tensors.len()];
    let mut load = |source: Source| {
        if let Source::Tensor(id) = source {
            uses[id.0 as usize].loaded = true;
        }
    };
    let mut whole = Vec::new();
    for op in ir.program.phases().into_iter().flat_map(|(_, ops)| ops) {
        match &op.kind {
            OpKind::Synapse(Synapse { weights, conv, .. }) => {
                if conv.is_some() {
                    load(*weights);
                }
                whole.push(*weights);
            }
            OpKind::Loop(body) => compile::accesses(body).iter().for_each(|a| load(a.source)),
            OpKind::Reduce(reduce) => compile::loads(&reduce.value, &mut |a| load(a.source)),
            OpKind::Outer(_) | OpKind::Push { .. } | OpKind::Pop { .. } | OpKind::Reset { .. } => {}
        }
    }
    whole.extend(ir.buffers.iter().filter_map(|buffer| match buffer.init {
        Init::Tensor(id) => Some(Source::Tensor(id)),
        Init::Int(_) | Init::Float(_) => None,
    }));
    for source in whole {
        if let Source::Tensor(TensorId(id)) = source {
            uses[id as usize].whole = true;
        }
    }
    uses
}

impl Constants {
    /// What the elements of a tensor are held as, and their bounds.
    pub fn held(&self, n: u32) -> (Type, Interval) {
        let constant = &self.0[n as usize];
        (constant.ty, constant.range)
    }

    /// A tensor; `None` where it stays in its file.
    pub fn array(&self, n: u32) -> Option<&Array> {
        match &self.0[n as usize].values {
            Place::Held(array) => Some(array),
            Place::File(_) => None,
        }
    }

    /// Loads elements of a tensor that stays in its file, from the one at `at` on in steps.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn fetch(
        &self,
        n: u32,
        (at, step): (i64, i64),
        to: &mut Array,
        range: Range<usize>,
    ) -> io::Result<()> {
        let Constant { values: Place::File(elements), ty, .. } = &self.0[n as usize] else {
            panic!("constant {n} is held");
        };
        let place = |k: usize| usize::try_from(at + step * k as i64).unwrap_or(usize::MAX);
        if step == 1 {
            let all = of_type(elements.read(place(0), range.len())?, *ty);
            to.copy(range, &all, 0);
            return Ok(());
        }
        for (k, n) in range.enumerate() {
            to.copy(n..n + 1, &of_type(elements.read(place(k), 1)?, *ty), 0);
        }
        Ok(())
    }
}

/// Elements as they are held. Those of a file are as wide as their type is.
fn of_type(values: Values, ty: Type) -> Array {
    match (values, ty) {
        (Values::Bool(values), _) => Array::Bool(values),
        (Values::Int(values), Type::Narrow) => {
            Array::Narrow(values.into_iter().map(|x| x as i32).collect())
        }
        (Values::Int(values), _) => Array::Int(values),
        (Values::Float(values), Type::F32) => {
            Array::F32(values.into_iter().map(|x| x as f32).collect())
        }
        (Values::Float(values), _) => Array::F64(values),
    }
}

/// The bounds of integers and booleans.
fn bounds(array: &Array) -> Interval {
    fn of(values: impl Iterator<Item = i64>) -> Interval {
        values.map(|x| (x, x)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0))
    }
    match array {
        Array::Bool(_) => (0, 1),
        Array::Narrow(x) => of(x.iter().map(|x| i64::from(*x))),
        Array::Int(x) => of(x.iter().copied()),
        Array::F32(_) | Array::F64(_) => FULL,
    }
}
