//! Which convolutional layers share tiles, and which grid each group gets.
//!
//! What a group costs does not depend on how the layers before it are cut: its first layer's
//! inputs come from other cores either way. So the best grid of each group is found by itself,
//! and the best sequence of groups by dynamic programming.

use super::bins::{Bin, Cap};
use super::grid::{Axis, ConvLayer, Grid, messages, tiles};
use super::tally::{Context, Counter};
use super::{Limit, Refusal, RefusalKind};
use std::collections::BTreeMap;

/// Groups have at most this many layers: deeper ones read most of the picture.
const LONGEST: usize = 6;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefer {
    Messages,
    Cores,
}

impl Prefer {
    fn key(self, (messages, cores): (f64, u64)) -> (f64, f64) {
        match self {
            Prefer::Messages => (messages, cores as f64),
            Prefer::Cores => (cores as f64, messages),
        }
    }
}

/// What tiles are looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub cap: Cap,
    pub prefer: Prefer,
    pub cores_per_chip: u64,
}

/// Layers in sequences in which each reads only the one before.
pub(super) fn chains(mut layers: Vec<ConvLayer>) -> Vec<Vec<ConvLayer>> {
    let mut chains: Vec<Vec<ConvLayer>> = vec![];
    let mut end_at: BTreeMap<usize, usize> = BTreeMap::new();
    // Heads first, then whatever reads an end; circles are cut where their first layer stands.
    while !layers.is_empty() {
        let known = |b: usize| layers.iter().all(|l| l.layer != b);
        let next = layers.iter().position(|l| l.before.is_none_or(known)).unwrap_or(0);
        let layer = layers.remove(next);
        let (number, end) = (layer.layer, layer.before.and_then(|b| end_at.remove(&b)));
        let chain = end.unwrap_or(chains.len());
        match chains.get_mut(chain) {
            Some(chain) => chain.push(layer),
            None => chains.push(vec![layer]),
        }
        end_at.insert(number, chain);
    }
    chains
}

/// Tiles of all layers of a chain.
///
/// # Errors
/// The layers that do not fit a chip; none where it is the cap on time that cannot be kept.
pub(super) fn plan(
    cx: &Context,
    counter: &mut Counter,
    chain: &[ConvLayer],
    wanted: Wanted,
) -> Result<Vec<Vec<Bin>>, Vec<Refusal>> {
    type Best = (f64, u64, usize, Grid);
    let mut best: Vec<Option<Best>> = vec![None; chain.len() + 1];
    let mut refusals = vec![];
    for end in 1..=chain.len() {
        for start in (end.saturating_sub(LONGEST)..end).rev() {
            let before = match start {
                0 => (0.0, 0),
                _ => match best[start] {
                    Some((messages, cores, ..)) => (messages, cores),
                    None => continue,
                },
            };
            let Some((messages, grid)) = best_grid(cx, &chain[start..end], wanted) else {
                // What does not fit alone fits with others even less.
                if start + 1 == end {
                    refusals.extend(refusal(cx, &chain[start], wanted));
                }
                break;
            };
            let sum = (before.0 + messages, before.1 + grid.cores());
            let better = |b: &Best| wanted.prefer.key(sum) < wanted.prefer.key((b.0, b.1));
            if best[end].as_ref().is_none_or(better) {
                best[end] = Some((sum.0, sum.1, start, grid));
            }
        }
    }
    let mut groups = vec![];
    let mut end = chain.len();
    while end > 0 {
        let Some((_, _, start, grid)) = best[end] else { return Err(refusals) };
        let cells = tiles(&chain[start..end], grid);
        groups.push(cells.into_iter().map(|c| Bin::new(cx, counter, c)).collect());
        end = start;
    }
    groups.reverse();
    Ok(groups)
}

/// The grid of at most as many cores as a chip has.
fn best_grid(cx: &Context, group: &[ConvLayer], wanted: Wanted) -> Option<(f64, Grid)> {
    let most = wanted.cores_per_chip.min(u64::from(u32::MAX)) as u32;
    let last = &group[group.len() - 1];
    let axes = |axis: usize| -> Vec<Axis> {
        (1..=last.size[axis].min(most)).map(|parts| Axis::new(group, axis, parts)).collect()
    };
    let [xs, ys] = [axes(0), axes(1)];
    let most_blocks = if group.len() == 1 { last.channels } else { 1 };
    let mut best: Option<(f64, Grid)> = None;
    for blocks in sizes(most_blocks).take_while(|b| *b <= most) {
        for (x, i) in xs.iter().zip(1..).take_while(|(_, i)| i * blocks <= most) {
            for (y, k) in ys.iter().zip(1..).take_while(|(_, k)| i * blocks * k <= most) {
                let grid = Grid { tiles: [i, k], blocks };
                let Some(messages) = messages(cx, group, [x, y], grid, wanted.cap) else {
                    continue;
                };
                let key = |m: f64, g: Grid| wanted.prefer.key((m, g.cores()));
                if best.is_none_or(|(m, g)| key(messages, grid) < key(m, g)) {
                    best = Some((messages, grid));
                }
            }
        }
    }
    best
}

/// Numbers of blocks with different largest blocks, ascending.
fn sizes(channels: u32) -> impl Iterator<Item = u32> {
    let differs = move |b: &u32| *b == 1 || channels.div_ceil(*b) < channels.div_ceil(*b - 1);
    (1..=channels.max(1)).filter(differs)
}

/// How many cores the layer would need, where a chip has too few.
fn refusal(cx: &Context, layer: &ConvLayer, wanted: Wanted) -> Option<Refusal> {
    let one = std::slice::from_ref(layer);
    let mut fewest: Option<u64> = None;
    for blocks in sizes(layer.channels) {
        for columns in sizes(layer.size[0]) {
            let x = Axis::new(one, 0, columns);
            let fits = |rows: u32| {
                let grid = Grid { tiles: [columns, rows], blocks };
                messages(cx, one, [&x, &Axis::new(one, 1, rows)], grid, wanted.cap).is_some()
            };
            let (mut rows, mut high) = (1, layer.size[1].max(1));
            if !fits(high) {
                continue;
            }
            while rows < high {
                let middle = rows + (high - rows) / 2;
                if fits(middle) { high = middle } else { rows = middle + 1 }
            }
            let cores = Grid { tiles: [columns, rows], blocks }.cores();
            fewest = Some(fewest.map_or(cores, |f| f.min(cores)));
        }
    }
    let used = match fewest {
        Some(cores) => cores,
        None if wanted.cap.time.is_finite() => return None,
        None => u64::from(layer.size[0]) * u64::from(layer.size[1]) * u64::from(layer.channels),
    };
    Some(Refusal {
        layer: layer.layer,
        limit_of: Limit::Chip,
        used,
        limit: wanted.cores_per_chip,
        why: RefusalKind::ConvolutionOverChips,
    })
}
