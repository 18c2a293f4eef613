//! The constants of a network, each stored once.

use super::{Data, Network, Tensor, TensorId};
use crate::data::{DataSource, Dataset};
use crate::scalar::Kind;
use crate::tensor::{Constant, Values};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Which constants a network has already.
#[derive(Default)]
pub struct Tensors {
    known: HashMap<u64, Vec<TensorId>>,
    files: HashMap<(DataSource, Kind), TensorId>,
}

impl Tensors {
    /// Those that a network has.
    pub fn of(network: &Network) -> Tensors {
        let mut tensors = Tensors::default();
        for (tensor, id) in network.tensors.iter().zip(0..) {
            match &tensor.data {
                Data::File(dataset) => {
                    tensors.files.insert((dataset.source.clone(), tensor.kind), TensorId(id));
                }
                _ => {
                    if let Some(constant) = tensor.constant() {
                        let digest = digest(tensor.kind, &constant);
                        tensors.known.entry(digest).or_default().push(TensorId(id));
                    }
                }
            }
        }
        tensors
    }

    /// The tensor of a data file.
    pub fn file(&mut self, network: &mut Network, kind: Kind, file: &Arc<Dataset>) -> TensorId {
        let next = TensorId(network.tensors.len() as u32);
        let id = *self.files.entry((file.source.clone(), kind)).or_insert(next);
        if id == next {
            let (shape, data) = (file.shape.clone(), Data::File(Arc::clone(file)));
            network.tensors.push(Tensor { kind, shape, data });
        }
        id
    }

    /// The tensor of a constant.
    pub fn constant(&mut self, network: &mut Network, kind: Kind, constant: &Constant) -> TensorId {
        let bucket = self.known.entry(digest(kind, constant)).or_default();
        let same = bucket.iter().find(|id| {
            let tensor = &network.tensors[id.at()];
            tensor.kind == kind && tensor.constant().is_some_and(|known| known.same(constant))
        });
        if let Some(id) = same {
            return *id;
        }
        let id = TensorId(network.tensors.len() as u32);
        network.tensors.push(Tensor::of(kind, constant.clone()));
        bucket.push(id);
        id
    }
}

fn digest(kind: Kind, constant: &Constant) -> u64 {
    // Only a first sieve, so that any hash will do.
    let mut hasher = DefaultHasher::new();
    (kind, constant.shape()).hash(&mut hasher);
    match &constant.values().values {
        Values::Int(v) => v.hash(&mut hasher),
        Values::Bool(v) => v.hash(&mut hasher),
        Values::Float(v) => v.iter().for_each(|x| x.to_bits().hash(&mut hasher)),
    }
    hasher.finish()
}
