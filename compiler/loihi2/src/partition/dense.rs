//! Layers whose neurons all read the same: ranges of neurons, as few and as equal as possible.
//!
//! Each core that holds a part costs a message for every spike of every input, so the fewest
//! cores are the fewest messages. What fits is counted, not estimated: the words of an axon
//! grow in steps with the neurons it reaches, and the range goes up to the last step.

use super::bins::{Bin, Cap};
use super::tally::{Cells, Context, Counter};

/// Splits a layer; a single neuron gets a core even where `cap` would not have it.
pub(super) fn split(cx: &Context, counter: &mut Counter, layer: usize, cap: Cap) -> Vec<Bin> {
    let mut order: Vec<u32> = (0..cx.network.populations[layer].neurons).collect();
    // Cores hold few configurations.
    order.sort_by_key(|n| cx.config(layer, *n));
    let mut fill = Fill { cx, counter, layer, cap, order: &order };
    let filled = fill.greedy();
    let parts = filled.len().max(1);
    let even = |i: usize| {
        let (size, more) = (order.len() / parts, order.len() % parts);
        i * size + i.min(more)
    };
    let balanced: Option<Vec<Bin>> =
        (0..filled.len()).map(|i| fill.bin(even(i), even(i + 1))).collect();
    balanced.unwrap_or(filled)
}

struct Fill<'a, 'b> {
    cx: &'a Context<'b>,
    counter: &'a mut Counter,
    layer: usize,
    cap: Cap,
    order: &'a [u32],
}

impl Fill<'_, '_> {
    fn cut(&mut self, from: usize, to: usize) -> Bin {
        let mut neurons = self.order[from..to].to_vec();
        neurons.sort_unstable();
        Bin::new(self.cx, self.counter, Cells::from([(self.layer, neurons)]))
    }

    /// The bin of a range, where it fits.
    fn bin(&mut self, from: usize, to: usize) -> Option<Bin> {
        let bin = self.cut(from, to);
        self.cap.holds(self.cx, &bin.usage, &bin.load).then_some(bin)
    }

    /// One core after another, each as full as it gets.
    fn greedy(&mut self) -> Vec<Bin> {
        let mut bins = vec![];
        let (mut at, mut guess) = (0, 1);
        while at < self.order.len() {
            let left = self.order.len() - at;
            // What fits in one core mostly fits in the next; else double, then halve.
            let mut size = guess.min(left);
            let mut best = self.bin(at, at + size);
            let mut too_many = left + 1;
            while best.is_some() && size < left {
                let step = if size == guess && guess > 1 { 1 } else { size };
                let more = (size + step).min(left);
                match self.bin(at, at + more) {
                    Some(bin) => (size, best) = (more, Some(bin)),
                    None => {
                        too_many = more;
                        break;
                    }
                }
            }
            if best.is_none() {
                (too_many, size) = (size, 0);
            }
            while too_many - size > 1 && size < left {
                let middle = size + (too_many - size) / 2;
                match self.bin(at, at + middle) {
                    Some(bin) => (size, best) = (middle, Some(bin)),
                    None => too_many = middle,
                }
            }
            let size = size.max(1);
            bins.push(best.unwrap_or_else(|| self.cut(at, at + 1)));
            (at, guess) = (at + size, size);
        }
        bins
    }
}
