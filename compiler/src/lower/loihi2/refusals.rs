//! Why a network does not fit, for people: layer, resource, used and limit, and what to do.

use super::ChipRun;
use super::network::Synapses;
use super::partition::{Limit, Refusal, RefusalKind};
use super::resources::{Resource, Usage};
use crate::diagnostics::{Code, Diagnostic};

/// A refusal as a diagnostic at the layer.
pub fn diagnostic(refusal: &Refusal, run: &ChipRun) -> Diagnostic {
    let layer = &run.network.populations[refusal.layer];
    let loc = layer.loc.unwrap_or(run.options.loc);
    let (used, limit) = (number(refusal.used), number(refusal.limit));
    match (&refusal.why, refusal.limit_of) {
        (RefusalKind::Neuron { neuron, fan_in, largest_fan_in, usage }, of) => {
            let what = match of {
                Limit::Core(resource) => resource.words(),
                _ => "cores",
            };
            let message =
                format!("one neuron of `{}` needs {used} {what}, a core has {limit}", layer.name);
            let label = format!("neuron {neuron} alone: {}", sum(usage, *fan_in));
            let d = Diagnostic::new(Code::E0807, message, loc, label);
            let d = d.note("a neuron's inputs cannot be split over cores");
            d.help(fan_in_remedy(run, refusal.layer, *largest_fan_in))
        }
        (RefusalKind::Destinations { neuron, destinations, usage }, _) => {
            let message = format!(
                "neuron {neuron} of `{}` sends to {destinations} cores, its own core can list {limit}",
                layer.name
            );
            let label = format!("needs {} words of axon memory", number(usage.axon_mem));
            let d = Diagnostic::new(Code::E0807, message, loc, label);
            d.help("let it reach fewer neurons, or fewer layers")
        }
        (RefusalKind::ConvolutionOverChips, _) => {
            let message = format!(
                "the convolution into `{}` needs {used} cores, a chip has {limit}",
                layer.name
            );
            let what = "the cores of a convolution must be on one chip";
            let d = Diagnostic::new(Code::E0809, message, loc, what);
            d.help("use fewer channels or a larger stride, or split it into several `Conv`")
        }
        (RefusalKind::TooManyCores { layers }, _) => {
            let options = &run.options;
            let message = format!(
                "`{}` needs {used} cores, {} of `{}` {} {limit} to use",
                run.network.name,
                chips(options.chips),
                options.board_name,
                if options.chips == 1 { "has" } else { "have" },
            );
            let mut d =
                Diagnostic::new(Code::E0808, message, options.loc, "the board is chosen here");
            for (l, cores) in layers.iter().take(3) {
                let of = &run.network.populations[*l];
                if let Some(loc) = of.loc {
                    d = d.label(loc, format!("`{}` is on {cores} cores", of.name));
                }
            }
            d.help(board_remedy(run, refusal.used))
        }
    }
}

/// `11 352 input axons + 11 352 words of synaptic memory + 3 others`.
fn sum(usage: &Usage, fan_in: u64) -> String {
    let others = usage.total() - usage.axon_in - usage.syn_words;
    format!(
        "fan-in {}: {} {} + {} {} + {others} for group, neuron and output",
        number(fan_in),
        number(usage.axon_in),
        Resource::AxonIn.words(),
        number(usage.syn_words),
        Resource::SynWords.words(),
    )
}

fn fan_in_remedy(run: &ChipRun, layer: usize, largest: Option<u64>) -> String {
    let into: Vec<&Synapses> =
        run.network.projections.iter().filter(|p| p.to == layer).map(|p| &p.synapses).collect();
    let dense = into.iter().any(|s| matches!(s, Synapses::Dense(_)));
    let how = match dense {
        true => "leave out weights near 0 and use `Sparse`, or put a smaller layer between",
        false => "let each neuron read fewer sources, or put a smaller layer between",
    };
    match largest {
        Some(largest) => {
            format!("a fan-in of at most {} fits with such synapses: {how}", number(largest))
        }
        None => format!("use a smaller kernel or fewer input channels; or {how}"),
    }
}

/// The smallest board of the profile that would do.
fn board_remedy(run: &ChipRun, cores: u64) -> String {
    let options = &run.options;
    let per_chip = options.profile.figures.usable_cores.max(1);
    let needed = cores.div_ceil(per_chip);
    let on_board = u64::from(options.board.chips[0]) * u64::from(options.board.chips[1]);
    if needed <= on_board && options.chips < on_board {
        return format!("allow {needed} of its chips: `chips: {needed}`");
    }
    let size = |chips: [u32; 2]| u64::from(chips[0]) * u64::from(chips[1]);
    let fitting = options.profile.boards.iter().filter(|(_, b)| size(b.chips) >= needed);
    match fitting.min_by_key(|(_, b)| size(b.chips)) {
        Some((name, board)) => {
            format!("`board: {name}` has {} chips; {needed} would do", size(board.chips))
        }
        None => format!("no board of the profile has {needed} chips: make the network smaller"),
    }
}

fn chips(n: u64) -> String {
    if n == 1 { "1 chip".into() } else { format!("{n} chips") }
}

/// A number with its digits in groups of three.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
