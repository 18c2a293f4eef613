//! The last word on limits: what does not fit after everything is counted is split.

use super::super::profile::Profile;
use super::tally::{Cells, Context, Counter, Tally, tally};
use super::{Limit, Refusal, RefusalKind};
use std::collections::BTreeMap;

/// Splits cores beyond a limit in halves until there are none.
///
/// # Errors
/// A neuron that has too many destinations for a core of its own.
pub(super) fn repair(
    cx: &Context,
    counter: &mut Counter,
    mut cores: Vec<Cells>,
    most: u64,
) -> Result<(Vec<Cells>, Tally), Vec<Refusal>> {
    loop {
        let all = tally(cx, &cores, counter);
        let beyond = |c: usize| cx.profile.exceeded(&all.usage[c]).is_some();
        let wrong: Vec<usize> = (0..cores.len()).filter(|c| beyond(*c)).collect();
        if wrong.is_empty() || cores.len() as u64 > most {
            return Ok((cores, all));
        }
        let mut refusals = vec![];
        for c in wrong {
            match halves(&cores[c]) {
                Some((a, b)) => {
                    cores[c] = a;
                    cores.push(b);
                }
                None => refusals.extend(too_many_destinations(cx.profile, &cores[c], &all, c)),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
    }
}

/// Two halves in the order of layers and neurons; none of a single neuron.
fn halves(cells: &Cells) -> Option<(Cells, Cells)> {
    let count: usize = cells.values().map(Vec::len).sum();
    let (mut a, mut b) = (Cells::new(), Cells::new());
    let mut left = count / 2;
    for (layer, neurons) in cells {
        let (first, second) = neurons.split_at(left.min(neurons.len()));
        left -= first.len();
        for (half, part) in [(&mut a, first), (&mut b, second)] {
            if !part.is_empty() {
                half.insert(*layer, part.to_vec());
            }
        }
    }
    (count > 1).then_some((a, b))
}

fn too_many_destinations(
    profile: &Profile,
    cells: &Cells,
    all: &Tally,
    core: usize,
) -> Option<Refusal> {
    let (layer, neurons) = cells.iter().next()?;
    let usage = all.usage[core];
    let resource = profile.exceeded(&usage)?;
    Some(Refusal {
        layer: *layer,
        limit_of: Limit::Core(resource),
        used: usage.of(resource),
        limit: profile.limit(resource),
        why: RefusalKind::Destinations {
            neuron: *neurons.first()?,
            destinations: usage.axon_mem,
            usage,
        },
    })
}

/// How many cores hold neurons of each layer.
pub(super) fn cores_of_layers(cores: &[Cells]) -> BTreeMap<usize, u64> {
    let mut count = BTreeMap::new();
    for layer in cores.iter().flat_map(|cells| cells.keys()) {
        *count.entry(*layer).or_default() += 1;
    }
    count
}

/// Refusals for convolutions that share cores and together need more than a chip has: they
/// may not be split over chips.
pub(super) fn convolutions(cx: &Context, cores: &[Cells], cores_per_chip: u64) -> Vec<Refusal> {
    // Of each layer, the first of those it must be on a chip with.
    let mut group: BTreeMap<usize, usize> = BTreeMap::new();
    for cells in cores {
        let here: Vec<usize> = cells.keys().copied().filter(|l| cx.convolution(*l)).collect();
        let of = |group: &BTreeMap<usize, usize>, l: usize| group.get(&l).copied().unwrap_or(l);
        let Some(least) = here.iter().map(|l| of(&group, *l)).min() else { continue };
        for layer in here {
            let old = of(&group, layer);
            group.insert(layer, least);
            group.values_mut().filter(|g| **g == old).for_each(|g| *g = least);
        }
    }
    let mut used: BTreeMap<usize, u64> = BTreeMap::new();
    for cells in cores {
        if let Some(group) = cells.keys().find_map(|l| group.get(l)) {
            *used.entry(*group).or_default() += 1;
        }
    }
    let beyond = used.into_iter().filter(|(_, cores)| *cores > cores_per_chip);
    let refuse = |(layer, used)| Refusal {
        layer,
        limit_of: Limit::Chip,
        used,
        limit: cores_per_chip,
        why: RefusalKind::ConvolutionOverChips,
    };
    beyond.map(refuse).collect()
}
