//! Trained networks as lava-dl exports them: `.net` files, in HDF5.
//!
//! A file is a group `layer` of groups `0`, `1`, …, one a layer. Types, shapes and names are those
//! that `export_hdf5` of lava-dl's blocks writes (`slayer/block/base.py`, `slayer/neuron/cuba.py`), so
//! that its loader reads the file, and [`snn-front`'s](crate) own does.

use super::h5::{Column, Writer, WrittenGroup};
use super::write;
use snn_ir::data::DataError;
use snn_ir::diagnostics::Code;
use snn_ir::tensor::{Tensor, Values};
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

/// The bytes that the type of a layer has in a file.
const TYPE_BYTES: u32 = 10;

/// A dense layer with spiking neurons: `m` neurons, each with a synapse from all `n` inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct NetLayer {
    /// The shape of its neurons, in the exporter's order: `[m]`, or channels, height, width. There
    /// are `m` of them in all.
    pub shape: Vec<usize>,
    /// `[m, n]`: targets, sources. Written as `f32`, which must hold them; the loader expects
    /// integers, those of mixed sign even and from -256 to 254.
    pub weights: Tensor,
    /// What each neuron gets in every step, in units of 2^6 of its voltage: one, or `m`.
    pub bias: Option<Vec<f32>>,
    /// Steps that spikes take besides the one that they always do, 0 to 62: one for all, one for each
    /// neuron, or one for each input.
    pub delay: Option<Vec<f32>>,
    /// Its neurons.
    pub neuron: NetNeuron,
}

/// The neurons of a layer, in the chip's units.
#[derive(Clone, Debug, PartialEq)]
pub struct NetNeuron {
    /// What they are called in the file.
    pub kind: NeuronKind,
    /// Decay of the current in a step, in 1/4096: 0 to 4096.
    pub i_decay: PerNeuron,
    /// Decay of the voltage in a step, in 1/4096: 0 to 4096.
    pub v_decay: PerNeuron,
    /// Threshold of the voltage, in units of 2^6: 0 to 131072.
    pub v_th_mant: PerNeuron,
    /// Steps after a spike in which there is none; 1 is no such step.
    pub ref_delay: i64,
    /// Whether spikes carry a number.
    pub graded_spike: bool,
    /// Weights are times two to this. lava-dl writes it for layers with a norm; `netx("…")` does not
    /// read it. Where it is none, the file has none.
    pub weight_exp: Option<i64>,
}

/// The two names of the same neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeuronKind {
    /// `CUBA`.
    Cuba,
    /// `LOIHI`.
    Loihi,
}

/// An integer for all neurons of a layer, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PerNeuron {
    /// The same for all; a scalar in the file.
    Same(i64),
    /// One for each, `m` of them.
    Each(Vec<i64>),
}

/// Writes a `.net` file at `to`, which appears under its name only when it is whole. The same layers
/// give the same bytes.
///
/// # Errors
/// E0607 where the file cannot be written, sizes do not fit each other, or a weight is no number that
/// 32 bits hold; which layer is named.
pub fn write_net(to: &Path, layers: &[NetLayer]) -> Result<(), DataError> {
    if layers.is_empty() {
        return Err(unfit(to, 0, "is missing: a network has at least one"));
    }
    let mut file = Writer::default();
    for (k, layer) in layers.iter().enumerate() {
        let inputs = layers[..k].last().map(|before| before.shape.iter().product());
        let group = layer.group(k, inputs).map_err(|why| unfit(to, k, &why))?;
        file.add("layer", group);
    }
    let bytes = file.finish(to)?;
    write::whole(to, |file| file.write_all(&bytes).map_err(|e| write::failed(to, &e)))
}

fn unfit(to: &Path, layer: usize, why: &str) -> DataError {
    DataError::new(
        Code::E0607,
        format!("cannot write `{}`: layer {layer} {why}", to.display()),
        "give the layers of one network, with weights of the shape [neurons, inputs]",
    )
}

impl NetLayer {
    /// Its group, of the number `k`; `inputs` is how many neurons the layer before has.
    fn group(&self, k: usize, inputs: Option<usize>) -> Result<WrittenGroup<'_>, String> {
        let [m, n] = self.weights.shape[..] else {
            return Err(format!("has weights of shape {:?}", self.weights.shape));
        };
        let neurons: usize = self.shape.iter().product();
        if neurons != m {
            return Err(format!("has weights for {m} neurons, not {neurons}"));
        }
        if inputs.is_some_and(|before| before != n) {
            return Err(format!("has {n} inputs, unlike the layer before it"));
        }
        let one = |values: usize, may: &[usize], what: &str| match may.contains(&values) {
            true => Ok(()),
            false => Err(format!("has {values} {what}, but {m} neurons and {n} inputs")),
        };
        let integer = |x: usize| Column::I64(Cow::Owned(vec![x as i64]));
        let sizes: Vec<i64> = self.shape.iter().map(|size| *size as i64).collect();
        let mut datasets = vec![
            ("type", vec![1], Column::Padded("dense", TYPE_BYTES)),
            ("shape", vec![sizes.len() as u64], Column::I64(sizes.into())),
            ("inFeatures", vec![], integer(n)),
            ("outFeatures", vec![], integer(m)),
            ("weight", vec![m as u64, n as u64], Column::F32(singles(&self.weights)?.into())),
        ];
        if let Some(bias) = &self.bias {
            one(bias.len(), &[1, m], "biases")?;
            datasets.push(("bias", vec![bias.len() as u64], Column::F32(bias.into())));
        }
        if let Some(delay) = &self.delay {
            one(delay.len(), &[1, m, n], "delays")?;
            datasets.push(("delay", vec![delay.len() as u64], Column::F32(delay.into())));
        }
        let neuron = &self.neuron;
        let kind = match neuron.kind {
            NeuronKind::Cuba => "CUBA",
            NeuronKind::Loihi => "LOIHI",
        };
        let mut of_neuron = vec![("type", vec![], Column::Text(kind))];
        for (name, values) in [
            ("iDecay", &neuron.i_decay),
            ("vDecay", &neuron.v_decay),
            ("vThMant", &neuron.v_th_mant),
        ] {
            of_neuron.push(match values {
                PerNeuron::Same(value) => (name, vec![], Column::I64(vec![*value].into())),
                PerNeuron::Each(values) => {
                    one(values.len(), &[m], name)?;
                    (name, vec![m as u64], Column::I64(values.into()))
                }
            });
        }
        of_neuron.push(("refDelay", vec![], Column::I64(vec![neuron.ref_delay].into())));
        of_neuron.push(("gradedSpike", vec![], Column::Bool(neuron.graded_spike)));
        if let Some(exp) = neuron.weight_exp {
            of_neuron.push(("weight_exp", vec![], Column::I64(vec![exp].into())));
        }
        let (groups, attributes) = (vec![], vec![]);
        let name = "neuron".to_string();
        let neuron = WrittenGroup { name, datasets: of_neuron, groups, attributes };
        let (groups, attributes) = (vec![neuron], vec![]);
        Ok(WrittenGroup { name: k.to_string(), datasets, groups, attributes })
    }
}

/// Weights as floats of 32 bits, which must hold each of them exactly.
fn singles(weights: &Tensor) -> Result<Vec<f32>, String> {
    let not_held =
        |x: &dyn std::fmt::Display| format!("has the weight {x}, which `f32` cannot hold");
    match &weights.values {
        Values::Int(all) => {
            let one = |x: &i64| match x.unsigned_abs() <= 1 << f32::MANTISSA_DIGITS {
                true => Ok(*x as f32),
                false => Err(not_held(x)),
            };
            all.iter().map(one).collect()
        }
        Values::Float(all) => {
            let one = |x: &f64| match f64::from(*x as f32) == *x && x.is_finite() {
                true => Ok(*x as f32),
                false => Err(not_held(x)),
            };
            all.iter().map(one).collect()
        }
        Values::Bool(all) => Ok(all.iter().map(|x| f32::from(u8::from(*x))).collect()),
    }
}
