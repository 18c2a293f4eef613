//! Tensors of the step IR under construction: constants, data files, and what is given, which
//! follows from params that are not structural.

use super::builder::{Builder, storage};
use snn_ir::data::DataSource;
use snn_ir::network::{self, Param, ValueId};
use snn_ir::step::{self, Elem, Kind, TensorId, TensorValues};
use snn_ir::tensor::{Constant, Tensor};
use std::sync::Arc;

impl<'g> Builder<'g> {
    /// The param of a slot and its tensor, where a value is given.
    pub(super) fn given(&self, value: ValueId) -> Option<(u32, &'g Param)> {
        let network::Op::Param(slot) = self.body.values[value.at()].op else { return None };
        let param = self.network.instances[0].args[slot as usize];
        Some((slot, &self.network.params[param.at()]))
    }

    /// The tensor of a value that is a constant, or given.
    pub(super) fn tensor_of(&self, value: ValueId) -> Option<&'g network::Tensor> {
        let tensor = match self.body.values[value.at()].op {
            network::Op::Const(tensor) => tensor,
            _ => self.given(value)?.1.tensor,
        };
        Some(&self.network.tensors[tensor.at()])
    }

    /// A known tensor that a value is, or is a view of, of values of a kind, stored as narrow as
    /// they allow.
    pub fn tensor(&mut self, of: ValueId, values: &Constant, name: &str, kind: Kind) -> TensorId {
        let elem = storage(kind);
        let narrow = match values {
            Constant::Dense(tensor) => narrow(tensor, elem),
            Constant::Sparse(sparse) => narrow(&sparse.distinct(), elem),
        };
        self.stored(values, name, narrow, self.given(of).map(|(_, param)| param))
    }

    /// A number that is given: that of a param of the folded network, whatever its value. In 32
    /// bits, if it is an integer that they hold.
    pub fn number(&mut self, slot: u32, of: &Param, value: &Tensor, kind: Kind) -> TensorId {
        let next = TensorId(self.tensors.len() as u32);
        let id = *self.numbers.entry(slot).or_insert(next);
        if id == next {
            let one = value.convert(kind).reshape(Vec::new());
            let elem = match narrow(&one, storage(kind)) {
                Elem::I8 | Elem::I16 => Elem::I32,
                elem => elem,
            };
            let (name, values) = (self.given_name(of), TensorValues::Known(Arc::new(one)));
            let (shape, given) = (Vec::new(), Some(of.path.clone()));
            self.tensors.push(step::Tensor { name, elem, shape, given, values });
        }
        id
    }

    /// A known tensor; the same values, bit for bit, are stored once.
    pub(super) fn stored(
        &mut self,
        values: &Constant,
        name: &str,
        elem: Elem,
        given: Option<&Param>,
    ) -> TensorId {
        let id = TensorId(self.tensors.len() as u32);
        let known = *self.known.entry((given.is_some(), elem, values.clone())).or_insert(id);
        if known != id {
            return known;
        }
        let name = self.tensor_name(name);
        self.tensors.push(step::Tensor {
            name,
            elem,
            shape: values.shape().to_vec(),
            given: given.map(|param| param.path.clone()),
            values: match values {
                Constant::Dense(tensor) => TensorValues::Known(Arc::clone(tensor)),
                Constant::Sparse(sparse) => TensorValues::Sparse(Arc::clone(sparse)),
            },
        });
        id
    }

    /// A name for what follows from params: that of the first.
    fn given_name(&mut self, of: &Param) -> String {
        self.tensor_name(of.path.split(", ").next().unwrap_or_default())
    }

    fn tensor_name(&mut self, name: &str) -> String {
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let stem: String = letters.collect();
        self.tensor_names.unique(&stem)
    }

    /// The tensor of a data file, which is read when the network runs: named after the file, or
    /// after the params that `of` follows from.
    pub fn file(&mut self, of: ValueId, dataset: &Arc<snn_ir::data::Dataset>) -> TensorId {
        let given = self.given(of).map(|(_, param)| param);
        let key = (given.is_some(), dataset.source.clone());
        if let Some(id) = self.files.get(&key) {
            return *id;
        }
        let id = TensorId(self.tensors.len() as u32);
        let path = match &dataset.source {
            DataSource::Idx(p) | DataSource::Npy(p) | DataSource::Csv(p) => p.clone(),
            DataSource::Npz(p, member) => p.join(member),
            DataSource::Hdf5(p, member) => p.join(member.trim_start_matches('/')),
        };
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name = match given {
            Some(param) => self.given_name(param),
            None => self.tensor_name(&stem),
        };
        self.tensors.push(step::Tensor {
            name,
            elem: dataset.elem,
            shape: dataset.shape.clone(),
            given: given.map(|param| param.path.clone()),
            values: TensorValues::File(Arc::clone(dataset)),
        });
        self.files.insert(key, id);
        id
    }
}

/// The smallest element type that holds every value of a tensor kept as `elem`.
fn narrow(values: &Tensor, elem: Elem) -> Elem {
    let Some((lo, hi)) = values.int_bounds().filter(|_| elem == Elem::I64) else { return elem };
    [Elem::I8, Elem::I16, Elem::I32]
        .into_iter()
        .find(|e| e.bounds().is_some_and(|(least, most)| least <= lo && hi <= most))
        .unwrap_or(elem)
}
