//! The constants of a network, each stored once.

use super::{Data, Network, Tensor, TensorId};
use crate::data::{DataSource, Dataset};
use crate::scalar::Kind;
use crate::tensor::Constant;
use std::collections::HashMap;
use std::sync::Arc;

/// Which constants a network has already.
#[derive(Default)]
pub struct Tensors {
    known: HashMap<(Kind, Constant), TensorId>,
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
                        tensors.known.entry((tensor.kind, constant)).or_insert(TensorId(id));
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
        let next = TensorId(network.tensors.len() as u32);
        let id = *self.known.entry((kind, constant.clone())).or_insert(next);
        if id == next {
            network.tensors.push(Tensor::of(kind, constant.clone()));
        }
        id
    }
}
