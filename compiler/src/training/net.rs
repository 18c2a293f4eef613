//! Trained networks as layers of a `.net` file: a chain of `Dense` and `LIF` of the standard library.
//!
//! What the processes are called and what their params mean is a matter of the file format, the
//! other way round in the importer of `netx("…")`. Nothing else of training knows any process.

use snn_data::{NetLayer, NetNeuron, NeuronKind, PerNeuron};
use snn_ir::network::{Instance, InstanceId, Network};
use snn_ir::tensor::{Tensor, Values};
use std::collections::BTreeMap;

/// The layers of a network, from the first on: `learned` are values of params, by path.
///
/// # Errors
/// Why the format cannot hold it.
pub(super) fn layers(
    network: &Network,
    learned: &BTreeMap<&str, Tensor>,
) -> Result<Vec<NetLayer>, String> {
    let standard = |instance: &Instance, process: &str| {
        let body = &network.bodies[instance.body.at()];
        body.standard && body.process == process
    };
    let ids = || (0..network.instances.len() as u32).map(InstanceId);
    let instance = |id: InstanceId| &network.instances[id.at()];
    // From whom each gets messages, and who gets those of each.
    let mut after: BTreeMap<InstanceId, Vec<InstanceId>> = BTreeMap::new();
    for link in &network.links {
        for sender in &link.senders {
            after.entry(sender.from.0).or_default().push(link.to.0);
        }
    }
    let next = |of: InstanceId, process: &str| {
        let all = after.get(&of).into_iter().flatten();
        let mut of_kind = all.copied().filter(|id| standard(instance(*id), process));
        (of_kind.next(), of_kind.next())
    };
    let mut chain = Vec::new();
    let mut fed = Vec::new();
    for synapse in ids().filter(|id| standard(instance(*id), "Dense")) {
        let path = &instance(synapse).path;
        let (Some(neurons), None) = next(synapse, "LIF") else {
            return Err(format!("`{path}` does not lead to one `LIF`"));
        };
        chain.push((synapse, neurons));
        let (following, another) = next(neurons, "Dense");
        if another.is_some() {
            return Err(format!("`{}` leads to several layers", instance(neurons).path));
        }
        fed.extend(following.map(|following| (neurons, following)));
    }
    let begins = |(synapse, _): &&(InstanceId, InstanceId)| {
        !fed.iter().any(|(_, following)| following == synapse)
    };
    let mut firsts = chain.iter().filter(begins);
    let (Some(first), None) = (firsts.next(), firsts.next()) else {
        return Err("its layers are no chain of `Dense` and `LIF`".into());
    };
    let (mut layers, mut at) = (Vec::new(), Some(*first));
    while let Some((synapse, neurons)) = at.filter(|_| layers.len() < chain.len()) {
        layers.push(layer(&Params { network, learned }, synapse, neurons)?);
        let following = fed.iter().find(|(before, _)| *before == neurons);
        at = following
            .and_then(|(_, synapse)| chain.iter().find(|(own, _)| own == synapse).copied());
    }
    let params = |id: InstanceId| {
        let of = instance(id);
        of.args.iter().map(|param| network.params[param.at()].path.as_str())
    };
    let held: Vec<&str> = chain.iter().flat_map(|(s, n)| params(*s).chain(params(*n))).collect();
    match learned.keys().find(|path| !held.contains(path)) {
        _ if layers.len() < chain.len() => Err("its layers are no chain".into()),
        Some(path) => Err(format!("`{path}` is of no layer")),
        None => Ok(layers),
    }
}

/// The values of all params.
struct Params<'a> {
    network: &'a Network,
    learned: &'a BTreeMap<&'a str, Tensor>,
}

impl Params<'_> {
    fn of(&self, id: InstanceId, name: &str) -> Result<Tensor, String> {
        let instance = &self.network.instances[id.at()];
        let path = format!("{}.{name}", instance.path);
        if let Some(learned) = self.learned.get(path.as_str()) {
            return Ok(learned.clone());
        }
        let mut params = instance.args.iter().map(|param| &self.network.params[param.at()]);
        let known = params.find(|param| param.path == path).and_then(|param| {
            self.network.tensors[param.tensor.at()].constant().and_then(|of| of.dense())
        });
        known.map(|of| (*of).clone()).ok_or_else(|| format!("`{path}` is not known"))
    }

    fn integers(&self, id: InstanceId, name: &str) -> Result<Vec<i64>, String> {
        match self.of(id, name)?.values {
            Values::Int(values) => Ok(values),
            _ => Err(format!(
                "`{}.{name}` is of the floating-point model",
                self.network.instances[id.at()].path
            )),
        }
    }

    /// The only value of a param.
    fn one(&self, id: InstanceId, name: &str) -> Result<i64, String> {
        let values = self.integers(id, name)?;
        let first = values.first().copied().unwrap_or_default();
        match values.iter().all(|value| *value == first) {
            true => Ok(first),
            false => Err(format!(
                "`{}.{name}` differs between neurons",
                self.network.instances[id.at()].path
            )),
        }
    }

    fn each(&self, id: InstanceId, name: &str, more: i64) -> Result<PerNeuron, String> {
        let values: Vec<i64> = self.integers(id, name)?.into_iter().map(|v| v + more).collect();
        let first = values.first().copied().unwrap_or_default();
        Ok(match values.iter().all(|value| *value == first) {
            true => PerNeuron::Same(first),
            false => PerNeuron::Each(values),
        })
    }
}

fn layer(
    params: &Params<'_>,
    synapse: InstanceId,
    neurons: InstanceId,
) -> Result<NetLayer, String> {
    let path = |id: InstanceId| &params.network.instances[id.at()].path;
    for (name, expected) in [("weight_exp", 0), ("num_message_bits", 0)] {
        if params.one(synapse, name)? != expected {
            return Err(format!("`{}.{name}` is not {expected}", path(synapse)));
        }
    }
    let weights = params.of(synapse, "weights")?;
    let exponent = params.one(neurons, "bias_exp")?;
    let bias = params.integers(neurons, "bias_mant")?;
    let biased = bias.iter().any(|b| *b != 0);
    if biased && exponent != 6 {
        return Err(format!("`{}.bias_exp` is not 6", path(neurons)));
    }
    let bias = biased.then(|| bias.into_iter().map(|b| b as f32).collect());
    let shape = vec![weights.shape.first().copied().unwrap_or_default()];
    Ok(NetLayer {
        shape,
        weights,
        bias,
        delay: None,
        neuron: NetNeuron {
            kind: NeuronKind::Cuba,
            i_decay: params.each(neurons, "du", 1)?,
            v_decay: params.each(neurons, "dv", 0)?,
            v_th_mant: params.each(neurons, "vth", 0)?,
            ref_delay: 1,
            graded_spike: false,
            weight_exp: None,
        },
    })
}
