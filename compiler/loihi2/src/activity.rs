//! When neurons spike: from an execution of the same network, or assumed.

use super::network::{ChipNetwork, Rate, Rates};
use snn_core::network::Column;
use snn_ir::clock::Clock;

/// Spikes of every population over some steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Steps that were observed.
    pub steps: u64,
    /// By population and neuron, the number of spikes.
    pub counts: Vec<Vec<u64>>,
    /// By population and neuron, the steps (the first is 1) at which it spiked, up to
    /// [`Activity::replayed`].
    pub spikes: Vec<Vec<Vec<u32>>>,
    /// Steps whose spikes are kept one by one.
    pub replayed: u64,
    /// Where it comes from, for the manifest.
    pub origin: String,
}

/// Spikes that are kept one by one at most; beyond them only counts are.
const KEPT: usize = 1 << 22;

/// The rate that is assumed where nothing is known: the sparse activity that such chips are
/// built for.
pub const ASSUMED: f64 = 0.05;

/// Steps over which assumed spikes are spread: at least, and where a rate is not very low, at
/// most.
const SPREAD: [u64; 2] = [32, 1000];

/// No rate is so low that its spikes are spread over more steps.
const LONGEST: f64 = 1e6;

/// Spikes of a neuron in how many steps: the fewest with which the rate (0 to 1) is met to a
/// thousandth.
fn spikes_of(rate: f64) -> (u64, u64) {
    let whole = |steps: u64| (rate * steps as f64).round() as u64;
    let near = |steps: &u64| {
        (whole(*steps) as f64 / *steps as f64 - rate).abs() <= rate / SPREAD[1] as f64
    };
    let rare = (1.0 / rate).clamp(SPREAD[0] as f64, LONGEST).round() as u64;
    let steps = (SPREAD[0]..=SPREAD[1]).find(near).unwrap_or(rare);
    (whole(steps), steps)
}

fn assumed_origin((each, steps): (u64, u64)) -> String {
    format!("assumed: {each} spikes of every neuron in {steps} steps")
}

/// Where rates come from that are counted.
pub fn counted_origin(steps: u64, run: &str) -> String {
    format!("counted in {steps} steps of run `{run}`")
}

/// The first population whose rate cannot be what the origin says, and what it is not. Of other
/// origins than those above nothing is known. `means` are the populations of whose rates only the
/// mean is known.
pub fn contradiction(
    network: &ChipNetwork,
    rates: &Rates,
    means: &[bool],
) -> Option<(usize, String)> {
    let mut numbers = rates.origin.split(' ').filter_map(|word| word.parse::<u64>().ok());
    let (first, second) = (numbers.next(), numbers.next());
    let of = rates.of.iter().zip(&network.populations).enumerate();
    let mut of = of.filter(|(_, (_, population))| population.neurons > 0);
    if rates.origin.starts_with("assumed: ") {
        let (each, steps) = (first?, second?);
        let follows = Rate::Uniform(each as f64 / steps as f64);
        let found = match rates.origin == assumed_origin((each, steps)) {
            true => of.find(|(_, (rate, _))| **rate != follows),
            false => of.next(),
        };
        return found.map(|(p, _)| (p, format!("is not {each}/{steps}")));
    }
    let steps = first.filter(|_| rates.origin.starts_with("counted in "))?;
    let whole = |rate: f64, neurons: f64| {
        let spikes = rate * neurons * steps as f64;
        (spikes - spikes.round()).abs() <= 1e-9 * spikes.max(1.0) && rate <= 1.0
    };
    let found = of.find(|(p, (rate, population))| match rate {
        Rate::Uniform(mean) if means.get(*p) == Some(&true) => {
            !whole(*mean, population.neurons.into())
        }
        Rate::Uniform(rate) => !whole(*rate, 1.0),
        Rate::Each(rates) => !rates.iter().all(|rate| whole(*rate, 1.0)),
    });
    found.map(|(p, _)| (p, format!("is no count of spikes in {steps} steps")))
}

impl Activity {
    /// The activity of an execution: for each population its recorded messages (every element
    /// that is not 0 counts as a spike) and the steps at which they were sent.
    pub fn recorded(messages: &[(&Column, Clock, usize)], steps: u64, origin: String) -> Activity {
        let mut activity =
            Activity { steps, counts: Vec::new(), spikes: Vec::new(), replayed: steps, origin };
        for (column, clock, neurons) in messages {
            let mut counts = vec![0u64; *neurons];
            let mut spikes = vec![Vec::new(); *neurons];
            let row = column.bytes.len() / (column.rows.max(1) as usize);
            let size = (row / (*neurons).max(1)).max(1);
            for (message, t) in column.bytes.chunks(row.max(1)).zip(clock.steps()) {
                for (i, element) in message.chunks(size).enumerate().take(*neurons) {
                    if element.iter().any(|b| *b != 0) {
                        counts[i] += 1;
                        spikes[i].push(t as u32);
                    }
                }
            }
            activity.counts.push(counts);
            activity.spikes.push(spikes);
        }
        activity.forget();
        activity
    }

    /// The rates of [`Activity::assumed`].
    pub fn assumed_rates(network: &ChipNetwork, rate: f64) -> Rates {
        let (each, steps) = spikes_of(rate);
        let rate = each as f64 / steps as f64;
        let of = network.populations.iter().map(|p| if p.neurons > 0 { rate } else { 0.0 });
        Rates { of: of.map(Rate::Uniform).collect(), origin: assumed_origin((each, steps)) }
    }

    /// Every neuron spikes with the same rate, at steps that differ from neuron to neuron.
    pub fn assumed(network: &ChipNetwork, rate: f64) -> Activity {
        let (each, steps) = spikes_of(rate);
        // Of the numbers `t · each + i · 7`, those that pass a multiple of `steps`.
        let of_neuron = |i: u64| -> Vec<u32> {
            let ahead = i * 7 % steps;
            let due = |n: u64| (n * steps - ahead).div_ceil(each) as u32;
            (1..=each).map(due).collect()
        };
        let spikes: Vec<Vec<Vec<u32>>> = network
            .populations
            .iter()
            .map(|p| (0..u64::from(p.neurons)).map(of_neuron).collect())
            .collect();
        let counts =
            spikes.iter().map(|p| p.iter().map(|s: &Vec<u32>| s.len() as u64).collect()).collect();
        let origin = assumed_origin((each, steps));
        Activity { steps, counts, spikes, replayed: steps, origin }
    }

    /// Drops the last steps' single spikes until few enough are kept.
    fn forget(&mut self) {
        let mut at = vec![0usize; self.steps as usize + 2];
        for t in self.spikes.iter().flatten().flatten() {
            at[*t as usize] += 1;
        }
        let mut kept = 0;
        let last = (1..=self.steps).take_while(|t| {
            kept += at[*t as usize];
            kept <= KEPT
        });
        self.replayed = last.last().unwrap_or(0);
        for spikes in self.spikes.iter_mut().flatten() {
            spikes.retain(|t| u64::from(*t) <= self.replayed);
        }
    }

    /// Spikes per step.
    pub fn rates(&self) -> Rates {
        let steps = self.steps.max(1) as f64;
        let of = self.counts.iter().map(|counts| match counts.first() {
            Some(first) if counts.iter().all(|n| n == first) => {
                Rate::Uniform(*first as f64 / steps)
            }
            None => Rate::Uniform(0.0),
            _ => Rate::Each(counts.iter().map(|n| *n as f64 / steps).collect()),
        });
        Rates { of: of.collect(), origin: self.origin.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assumed_rates_are_those_of_assumed_spikes() {
        let network = crate::fixtures::mnist().network;
        for rate in [0.0, 1e-30, 1e-5, 0.003, 0.05, 0.3, 0.999, 1.0] {
            let rates = Activity::assumed_rates(&network, rate);
            let activity = Activity::assumed(&network, rate);
            assert_eq!(rates, activity.rates());
            let inside = |t: &u32| (1..=activity.steps).contains(&u64::from(*t));
            let trains = || activity.spikes.iter().flatten();
            assert!(trains().all(|train| train.is_sorted_by(|a, b| a < b)), "{rate}");
            assert!(trains().flatten().all(inside), "{rate}");
            let met = match &rates.of[0] {
                Rate::Uniform(rate) => *rate,
                Rate::Each(_) => f64::NAN,
            };
            assert!((met - rate).abs() <= (rate / 999.0).max(1e-6), "{met} for {rate}");
        }
    }

    #[test]
    fn messages_are_counted_where_they_are_not_0() {
        let column = Column { bytes: vec![1, 0, 1, 1, 0, 0], rows: 3 };
        let sent = Clock::every(2, 1);
        let activity = Activity::recorded(&[(&column, sent, 2)], 6, "test".into());
        assert_eq!(activity.counts, [[2, 1]]);
        assert_eq!(activity.spikes, [[vec![1, 3], vec![3]]]);
        assert_eq!(activity.rates().of, [Rate::Each(vec![2.0 / 6.0, 1.0 / 6.0])]);
    }
}
