//! The last word on limits: what does not fit after everything is counted is split.

use super::super::profile::Profile;
use super::super::resources::Resource;
use super::tally::{Cells, Context, Counter, Routes, Tally};
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
    let mut routes = Routes::new(cx, &cores);
    loop {
        let all = routes.tally(cx, &cores);
        let beyond = |c: usize| cx.profile.exceeded(&all.usage[c]).is_some();
        let wrong: Vec<usize> = (0..cores.len()).filter(|c| beyond(*c)).collect();
        if wrong.is_empty() || cores.len() as u64 > most {
            return Ok((cores, all));
        }
        let mut refusals = vec![];
        // Of many cores that are a little beyond, the ends share new ones.
        let loose = |c: &usize| !cores[*c].keys().any(|layer| cx.convolution(*layer));
        let (many, few): (Vec<usize>, Vec<usize>) = match wrong.len() > SEVERAL {
            true => wrong.into_iter().partition(loose),
            false => (vec![], wrong),
        };
        let mut parts: Vec<(usize, Cells)> = vec![];
        let mut ends: Vec<(usize, u32)> = vec![];
        let mut fewest = usize::MAX;
        for c in many {
            let mut kept = cores[c].clone();
            let before = count(&kept);
            let room = before as f64 * KEPT / excess(cx.profile, &all, c);
            let keep = (room as usize).clamp(1, before.saturating_sub(1).max(1));
            while count(&kept) > keep {
                if let Some(end) = pop(&mut kept) {
                    ends.push(end);
                }
            }
            if keep == before {
                refusals.extend(too_many_destinations(cx.profile, &cores[c], &all, c));
            }
            fewest = fewest.min(keep);
            parts.push((c, kept));
        }
        for c in few {
            match halves(&cores[c]) {
                Some((a, b)) => {
                    parts.push((c, a));
                    parts.push((
                        cores.len() + parts.iter().filter(|p| p.0 >= cores.len()).count(),
                        b,
                    ));
                }
                None => refusals.extend(too_many_destinations(cx.profile, &cores[c], &all, c)),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        ends.sort_unstable();
        for chunk in ends.chunks(fewest) {
            let next = cores.len() + parts.iter().filter(|p| p.0 >= cores.len()).count();
            let mut cells = Cells::new();
            for (layer, neuron) in chunk {
                cells.entry(*layer).or_default().push(*neuron);
            }
            parts.push((next, cells));
        }
        for (c, _) in parts.iter().filter(|p| p.0 < cores.len()) {
            routes.remove(cx, *c, &cores[*c], counter);
        }
        parts.sort_by_key(|p| p.0);
        for (c, cells) in &parts {
            routes.settle(cx, *c, cells);
        }
        for (c, cells) in parts {
            routes.add(cx, c, &cells, counter);
            if c == cores.len() {
                cores.push(cells);
            } else {
                cores[c] = cells;
            }
        }
    }
}

/// Of how many cores beyond a limit the ends are put together.
const SEVERAL: usize = 8;
/// The part of a core's room that is used when its end is taken off.
const KEPT: f64 = 0.98;

fn count(cells: &Cells) -> usize {
    cells.values().map(Vec::len).sum()
}

/// Takes the last neuron of the last layer.
fn pop(cells: &mut Cells) -> Option<(usize, u32)> {
    let mut last = cells.last_entry()?;
    let layer = *last.key();
    let neuron = last.get_mut().pop()?;
    if last.get().is_empty() {
        last.remove();
    }
    Some((layer, neuron))
}

/// How many times a core's content exceeds the limit that it exceeds most.
fn excess(profile: &Profile, all: &Tally, core: usize) -> f64 {
    let share = |r| all.usage[core].of(r) as f64 / profile.limit(r).max(1) as f64;
    Resource::ALL.into_iter().map(share).fold(1.0, f64::max)
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
