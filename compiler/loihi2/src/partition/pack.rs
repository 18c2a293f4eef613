//! Cores that are mostly empty are filled up with each other: first-fit decreasing, beside
//! those they exchange most messages with.

use super::super::mapped::FEW;
use super::bins::{Bin, Cap, union};
use super::tally::{Cells, Context, Counter};
use crate::parallel;
use std::collections::BTreeMap;

/// A bin this full takes others in, but does not move.
const SMALL: f64 = 0.5;
/// How many partners are counted before a bin stays alone.
const TRIES: usize = 64;

/// Messages per step between bins, both ways, where one of them is small.
type Traffic = Vec<BTreeMap<usize, f64>>;

/// Fewer bins, none beyond `cap`.
pub(super) fn pack(
    cx: &Context,
    counter: &mut Counter,
    bins: Vec<Bin>,
    cap: Cap,
    cores_per_chip: u64,
) -> Vec<Bin> {
    let mut small: Vec<bool> = bins.iter().map(|b| b.fullness(cx, cap) <= SMALL).collect();
    let mut traffic = traffic(cx, &bins, &small);
    let mut bins: Vec<Option<Bin>> = bins.into_iter().map(Some).collect();
    loop {
        let fullness = |i: usize| bins[i].as_ref().map_or(0.0, |b| b.fullness(cx, cap));
        // The fullest first; ties in order.
        let next = (0..bins.len())
            .filter(|i| small[*i])
            .map(|i| (fullness(i), i))
            .max_by(|(a, i), (b, k)| a.total_cmp(b).then(k.cmp(i)));
        let Some((_, moved)) = next else { break };
        small[moved] = false;
        let Some(bin) = bins[moved].take() else { continue };
        match partner(cx, counter, &bins, &bin, &traffic[moved], cap, cores_per_chip) {
            None => bins[moved] = Some(bin),
            Some((to, merged)) => {
                if let (Some(a), Some(b)) = (merged.chain, bin.chain) {
                    let old = if a == b { None } else { Some(b) };
                    for other in bins.iter_mut().flatten().filter(|o| o.chain == old) {
                        other.chain = other.chain.and(Some(a));
                    }
                }
                small[to] |= merged.fullness(cx, cap) <= SMALL;
                bins[to] = Some(merged);
                for (other, messages) in std::mem::take(&mut traffic[moved]) {
                    traffic[other].remove(&moved);
                    if other != to {
                        *traffic[to].entry(other).or_default() += messages;
                        *traffic[other].entry(to).or_default() += messages;
                    }
                }
            }
        }
    }
    bins.into_iter().flatten().collect()
}

fn traffic(cx: &Context, bins: &[Bin], small: &[bool]) -> Traffic {
    let mut traffic: Traffic = vec![BTreeMap::new(); bins.len()];
    if !small.contains(&true) {
        return traffic;
    }
    let mut bin_of = vec![u32::MAX; cx.rate.len()];
    for (i, bin) in bins.iter().enumerate() {
        each(&bin.cells, |layer, n| bin_of[cx.first[layer] + n as usize] = i as u32);
    }
    let found = parallel::chunks(bins, FEW, |first, part| {
        let mut counter = Counter::default();
        let mut found = vec![];
        for (i, bin) in (first..).zip(part) {
            let keep = |sender: usize| {
                let from = bin_of[sender] as usize;
                from < small.len() && from != i && (small[i] || small[from])
            };
            counter.heard(cx, &bin.cells, keep, |sender| {
                found.push((bin_of[sender] as usize, i, cx.rate[sender]));
            });
        }
        found
    });
    for (from, to, rate) in found.into_iter().flatten() {
        *traffic[to].entry(from).or_default() += rate;
        *traffic[from].entry(to).or_default() += rate;
    }
    traffic
}

fn each(cells: &Cells, mut visit: impl FnMut(usize, u32)) {
    for (layer, neurons) in cells {
        neurons.iter().for_each(|n| visit(*layer, *n));
    }
}

/// The bin that saves most messages, with what both are together.
fn partner(
    cx: &Context,
    counter: &mut Counter,
    bins: &[Option<Bin>],
    bin: &Bin,
    traffic: &BTreeMap<usize, f64>,
    cap: Cap,
    cores_per_chip: u64,
) -> Option<(usize, Bin)> {
    let saved = |i: usize| traffic.get(&i).copied().unwrap_or(0.0);
    let f = cx.figures();
    let mut candidates: Vec<usize> = (0..bins.len())
        .filter(|i| {
            // What only grows.
            bins[*i].as_ref().is_some_and(|other| {
                other.usage.neurons + bin.usage.neurons <= f.neurons
                    && other.usage.axon_map + bin.usage.axon_map <= f.axon_map
                    && other.usage.axon_in.max(bin.usage.axon_in) <= f.axon_in
            })
        })
        .collect();
    candidates.sort_by(|a, b| saved(*b).total_cmp(&saved(*a)).then(a.cmp(b)));
    candidates.into_iter().take(TRIES).find_map(|i| {
        let other = bins[i].as_ref()?;
        if let (Some(a), Some(b)) = (other.chain, bin.chain) {
            let cores = |c| bins.iter().flatten().filter(|o| o.chain == Some(c)).count() as u64;
            if a != b && cores(a) + cores(b) > cores_per_chip {
                return None;
            }
        }
        let mut merged = Bin::new(cx, counter, union(&other.cells, &bin.cells));
        merged.chain = other.chain.or(bin.chain);
        cap.holds(cx, &merged.usage, &merged.load).then_some((i, merged))
    })
}
