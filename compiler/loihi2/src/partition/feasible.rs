//! Neurons that no core holds: found before anything is searched.

use super::super::network::{Projection, Synapses};
use super::super::resources::{Resource, Usage, axon_words, kernel_words};
use super::tally::{Cells, Context, Counter};
use super::{Limit, Refusal, RefusalKind};

/// A refusal for each layer with a neuron that needs more than a core has when it is alone
/// there: its axons, its words, one neuron, one group, one entry of the axon map.
pub(super) fn check(cx: &Context, counter: &mut Counter) -> Vec<Refusal> {
    let layers = cx.network.populations.iter().enumerate().filter(|(_, p)| p.on_chip());
    layers.filter_map(|(layer, p)| layer_fits(cx, counter, layer, p.neurons)).collect()
}

fn layer_fits(cx: &Context, counter: &mut Counter, layer: usize, neurons: u32) -> Option<Refusal> {
    // Without shared sources and borders of convolutions every neuron needs this much.
    let bound = |neuron: u32| {
        let mut usage = Usage { neuron_groups: 1, neurons: 1, axon_map: 1, ..Usage::default() };
        for q in &cx.feeds[layer] {
            let projection = &cx.network.projections[*q];
            let Some(output) = cx.inverses[*q].output(neuron) else { continue };
            let (axons, words) = most(cx, projection, output);
            usage.axon_in += axons;
            usage.syn_words += words;
        }
        usage
    };
    let mut suspects: Vec<(u64, u32)> = (0..neurons)
        .map(|n| (bound(n), n))
        .filter(|(usage, _)| cx.profile.exceeded(usage).is_some())
        .map(|(usage, n)| (usage.total(), n))
        .collect();
    suspects.sort_by_key(|(total, n)| (std::cmp::Reverse(*total), *n));
    suspects.into_iter().find_map(|(_, neuron)| {
        let alone = Cells::from([(layer, vec![neuron])]);
        let (usage, _) = counter.core(cx, &alone, |_| {});
        let resource = cx.profile.exceeded(&usage)?;
        Some(Refusal {
            layer,
            limit_of: Limit::Core(resource),
            used: usage.of(resource),
            limit: cx.profile.limit(resource),
            why: RefusalKind::Neuron {
                neuron,
                fan_in: usage.axon_in,
                largest_fan_in: largest_fan_in(cx, layer),
                usage,
            },
        })
    })
}

/// At most how many axons and words one neuron has of a projection.
fn most(cx: &Context, projection: &Projection, output: u32) -> (u64, u64) {
    let f = cx.figures();
    if u64::from(output) >= projection.synapses.outputs() {
        return (0, 0);
    }
    let axons = match &projection.synapses {
        Synapses::Dense(dense) => dense.inputs.into(),
        Synapses::Sparse(sparse) => sparse.row(output).len() as u64,
        Synapses::Conv(conv) => {
            let taps = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
            let inputs = u64::from(conv.input[2] / conv.groups.max(1));
            return (taps * inputs, kernel_words(f, projection.format, conv, &[1]));
        }
    };
    (axons, axons * axon_words(f, projection.format, 1))
}

/// The largest fan-in that a neuron of the layer could have, with the words of its most
/// expensive projection for each; none where it has a convolution, whose words do not follow
/// from the fan-in.
fn largest_fan_in(cx: &Context, layer: usize) -> Option<u64> {
    let f = cx.figures();
    let mut words = 1;
    for q in &cx.feeds[layer] {
        let projection = &cx.network.projections[*q];
        if matches!(projection.synapses, Synapses::Conv(_)) {
            return None;
        }
        words = words.max(axon_words(f, projection.format, 1));
    }
    let limit = |r| cx.profile.limit(r);
    let of_total = limit(Resource::Total).saturating_sub(3) / (1 + words);
    Some(limit(Resource::AxonIn).min(limit(Resource::SynWords) / words).min(of_total))
}
