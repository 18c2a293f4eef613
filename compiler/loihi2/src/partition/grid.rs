//! Convolutional layers cut into tiles, several layers by the same grid.
//!
//! A tile of the last layer of a group is pulled back through the convolutions: every layer
//! before it is cut where the overlap of the regions that two neighbouring tiles read begins
//! or ends, so that only what both read is sent twice. What a grid costs is a product of sums
//! over its columns and over its rows.

use super::super::mapped::Load;
use super::super::network::{Conv, Synapses, WeightFormat};
use super::super::resources::{Usage, axon_words, kernel_words};
use super::bins::Cap;
use super::tally::{Cells, Context};
use std::collections::BTreeSet;

/// A convolutional layer: all that reaches it are convolutions of its shape and full matrices.
pub(super) struct ConvLayer<'a> {
    pub layer: usize,
    /// `[W, H]`
    pub size: [u32; 2],
    pub channels: u32,
    feeds: Vec<Feed<'a>>,
    /// Spikes per step of a neuron, on average.
    rate: f64,
    /// Configurations by channel; one where all have the same.
    configs: Vec<BTreeSet<u16>>,
    /// The layer before, where the only convolution reads exactly that.
    pub before: Option<usize>,
}

struct Feed<'a> {
    synapses: &'a Synapses,
    format: WeightFormat,
    /// Spikes per step of an input, on average.
    rate: f64,
}

/// How a layer, or several with the same positions, are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Columns and rows of tiles.
    pub tiles: [u32; 2],
    /// Blocks of channels; 1 where there are several layers.
    pub blocks: u32,
}

impl Grid {
    pub fn cores(&self) -> u64 {
        self.tiles.iter().map(|n| u64::from(*n)).product::<u64>() * u64::from(self.blocks)
    }
}

/// Bounds of part `i` of `n` in `parts` parts of nearly equal size.
fn even(n: u32, parts: u32, i: u32) -> u32 {
    (u64::from(n) * u64::from(i) / u64::from(parts.max(1))) as u32
}

/// The inputs `from..to` that outputs `from..to` read on an axis.
fn reads(conv: &Conv, axis: usize, [from, to]: [u32; 2]) -> [u32; 2] {
    if to <= from {
        return [0, 0];
    }
    let at = |x: u32| i64::from(x) * i64::from(conv.stride[axis]) - i64::from(conv.padding[axis]);
    let reach = (i64::from(conv.kernel[axis]) - 1) * i64::from(conv.dilation[axis]) + 1;
    let clip = |x: i64| x.clamp(0, conv.input[axis].into()) as u32;
    [clip(at(from)), clip(at(to - 1) + reach)]
}

impl<'a> ConvLayer<'a> {
    /// None where the layer has another structure.
    pub fn of(cx: &Context<'a>, layer: usize) -> Option<ConvLayer<'a>> {
        let population = &cx.network.populations[layer];
        let projections = cx.feeds[layer].iter().map(|q| &cx.network.projections[*q]);
        let mut output = None;
        let mut feeds = vec![];
        let mean = |p: usize| {
            let all = &cx.rate[cx.first[p]..cx.first[p + 1]];
            all.iter().sum::<f64>() / all.len().max(1) as f64
        };
        let mut sources = vec![];
        for projection in projections {
            if projection.scatter.is_some() {
                return None;
            }
            match &projection.synapses {
                Synapses::Conv(conv) if output.is_none_or(|o| o == conv.output) => {
                    output = Some(conv.output);
                    sources.push((projection.from, projection.gather.is_none(), conv.input));
                }
                Synapses::Dense(_) => {}
                _ => return None,
            }
            let (synapses, format) = (&projection.synapses, projection.format);
            feeds.push(Feed { synapses, format, rate: mean(projection.from) });
        }
        let [w, h, channels] = output?;
        if u64::from(w) * u64::from(h) * u64::from(channels) != u64::from(population.neurons) {
            return None;
        }
        let mut configs = vec![BTreeSet::new(); channels as usize];
        if population.layer.as_ref().is_some_and(|l| !l.config_of.is_empty()) {
            for n in 0..population.neurons {
                configs[(n % channels) as usize].insert(cx.config(layer, n));
            }
        } else {
            configs.iter_mut().for_each(|c| c.extend([0]));
        }
        if configs.iter().any(|c| c.len() as u64 > cx.figures().neuron_groups) {
            return None;
        }
        let before = match (&sources[..], feeds.len()) {
            ([(from, true, input)], 1) if *from != layer => {
                let inputs: u64 = input.iter().map(|n| u64::from(*n)).product();
                let source = &cx.network.populations[*from];
                (source.on_chip() && inputs == u64::from(source.neurons)).then_some(*from)
            }
            _ => None,
        };
        let (size, rate) = ([w, h], mean(layer));
        Some(ConvLayer { layer, size, channels, feeds, rate, configs, before })
    }

    /// The convolution from the layer before.
    fn link(&self) -> Option<&Conv> {
        self.feeds.iter().find_map(|feed| match feed.synapses {
            Synapses::Conv(conv) => Some(conv),
            _ => None,
        })
    }

    fn block(&self, blocks: u32, i: u32) -> std::ops::Range<u32> {
        even(self.channels, blocks, i)..even(self.channels, blocks, i + 1)
    }
}

/// One axis of a grid over a group of layers.
pub(super) struct Axis {
    /// Of each layer, where its tiles begin, and its end.
    cuts: Vec<Vec<u32>>,
    /// Of each layer, the longest tile.
    longest: Vec<u64>,
    /// Of each layer and each convolution that reaches it: how many inputs the tiles read in
    /// all; how many one reads at most; how many in all belong to the same tile.
    reads: Vec<Vec<[u64; 3]>>,
}

impl Axis {
    /// `parts` tiles over the axis of `group`, whose layers follow each other.
    pub fn new(group: &[ConvLayer], axis: usize, parts: u32) -> Axis {
        let mut cuts: Vec<Vec<u32>> = vec![vec![]; group.len()];
        for (j, layer) in group.iter().enumerate().rev() {
            let size = layer.size[axis];
            let next = group.get(j + 1).and_then(|next| next.link().map(|conv| (conv, j + 1)));
            cuts[j] = match next {
                None => (0..=parts).map(|i| even(size, parts, i)).collect(),
                Some((conv, next)) => {
                    let at = |x: u32| {
                        let stride = i64::from(conv.stride[axis]);
                        let reach =
                            (i64::from(conv.kernel[axis]) - 1) * i64::from(conv.dilation[axis]) + 1;
                        // Half of the overlap goes to either side.
                        let first = i64::from(x) * stride - i64::from(conv.padding[axis]);
                        let half = (reach - stride + 1).max(0) / 2;
                        (first + half).clamp(0, size.into()) as u32
                    };
                    let mut all: Vec<u32> = cuts[next].iter().map(|x| at(*x)).collect();
                    (all[0], all[parts as usize]) = (0, size);
                    all
                }
            };
        }
        let longest = cuts.iter().map(|c| c.windows(2).map(|t| t[1] - t[0]).max().unwrap_or(0));
        let longest = longest.map(u64::from).collect();
        let mut all = vec![];
        for (j, layer) in group.iter().enumerate() {
            let of = |feed: &Feed| {
                let Synapses::Conv(conv) = feed.synapses else { return [0; 3] };
                let mut sums = [0; 3];
                for i in 0..parts as usize {
                    let [from, to] = reads(conv, axis, [cuts[j][i], cuts[j][i + 1]]);
                    let read = u64::from(to - from);
                    let own = match j {
                        0 => 0,
                        _ => {
                            let (first, end) = (cuts[j - 1][i], cuts[j - 1][i + 1]);
                            u64::from(to.min(end).saturating_sub(from.max(first)))
                        }
                    };
                    sums = [sums[0] + read, sums[1].max(read), sums[2] + own];
                }
                sums
            };
            all.push(layer.feeds.iter().map(of).collect());
        }
        Axis { cuts, longest, reads: all }
    }
}

/// Messages per step into the tiles from elsewhere; none where the largest tile does not fit.
pub(super) fn messages(
    cx: &Context,
    group: &[ConvLayer],
    [x, y]: [&Axis; 2],
    grid: Grid,
    cap: Cap,
) -> Option<f64> {
    let f = cx.figures();
    let (mut usage, mut load, mut messages) = (Usage::default(), Load::default(), 0.0);
    for (j, layer) in group.iter().enumerate() {
        let positions = x.longest[j] * y.longest[j];
        let blocks = || (0..grid.blocks).map(|b| layer.block(grid.blocks, b));
        let channels = blocks().map(|b| b.len() as u64).max().unwrap_or(0);
        let neurons = positions * channels;
        usage.neurons += neurons;
        usage.axon_map += positions;
        let configs = blocks().map(|b| {
            let all = &layer.configs[b.start as usize..b.end as usize];
            all.iter().flatten().collect::<BTreeSet<_>>().len()
        });
        usage.neuron_groups += configs.max().unwrap_or(0) as u64;
        load.updates += neurons as f64;
        load.spikes += neurons as f64 * layer.rate;
        load.messages_out += neurons as f64 * layer.rate;
        for (k, feed) in layer.feeds.iter().enumerate() {
            match feed.synapses {
                Synapses::Conv(conv) => {
                    let of_group = (conv.output[2] / conv.groups.max(1)).max(1);
                    let inputs = u64::from(conv.input[2] / conv.groups.max(1));
                    let ([xs, xm, xo], [ys, ym, yo]) = (x.reads[j][k], y.reads[j][k]);
                    let (mut most, mut all, mut words) = (0, 0, 0);
                    for block in blocks().filter(|b| !b.is_empty()) {
                        let mut held = vec![0u64; conv.groups.max(1) as usize];
                        block.for_each(|c| held[(c / of_group) as usize] += 1);
                        let met = held.iter().filter(|n| **n > 0).count() as u64 * inputs;
                        (most, all) = (met.max(most), all + met);
                        words = words.max(kernel_words(f, feed.format, conv, &held));
                    }
                    usage.syn_words += words;
                    usage.axon_in += xm * ym * most;
                    load.messages_in += (xm * ym * most) as f64 * feed.rate;
                    messages += ((xs * ys - xo * yo) * all) as f64 * feed.rate;
                    let taps = u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]);
                    load.synops[2] += (neurons * taps * inputs) as f64 * feed.rate;
                }
                other => {
                    let inputs = other.inputs();
                    usage.axon_in += inputs;
                    usage.syn_words += inputs * axon_words(f, feed.format, neurons);
                    load.messages_in += inputs as f64 * feed.rate;
                    load.synops[0] += (inputs * neurons) as f64 * feed.rate;
                    messages += (inputs * grid.cores()) as f64 * feed.rate;
                }
            }
        }
    }
    cap.holds(cx, &usage, &load).then_some(messages)
}

/// The neurons of each tile.
pub(super) fn tiles(group: &[ConvLayer], grid: Grid) -> Vec<Cells> {
    let [x, y] = [0, 1].map(|axis| Axis::new(group, axis, grid.tiles[axis]));
    let mut all = vec![];
    for i in 0..grid.tiles[0] as usize {
        for k in 0..grid.tiles[1] as usize {
            for b in 0..grid.blocks {
                let mut cells = Cells::new();
                for (j, layer) in group.iter().enumerate() {
                    let mut neurons = vec![];
                    for px in x.cuts[j][i]..x.cuts[j][i + 1] {
                        for py in y.cuts[j][k]..y.cuts[j][k + 1] {
                            let first = (px * layer.size[1] + py) * layer.channels;
                            neurons.extend(layer.block(grid.blocks, b).map(|c| first + c));
                        }
                    }
                    if !neurons.is_empty() {
                        cells.insert(layer.layer, neurons);
                    }
                }
                if !cells.is_empty() {
                    all.push(cells);
                }
            }
        }
    }
    all
}
