//! Why a network does not fit, for people: layer, resource, used and limit, and what to do.

use super::ChipRun;
use super::board;
use super::network::Synapses;
use super::partition::{Limit, Refusal, RefusalKind};
use super::resources::{Resource, Usage};
use snn_ir::diagnostics::{Code, Diagnostic};

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
            d.help("use fewer channels or a larger stride, or several layers of fewer channels, each with its \
                    `Conv`")
        }
        (RefusalKind::TooManyCores { layers }, _) => {
            let options = &run.options;
            let message = format!(
                "`{}` needs {used} cores, {} of `{}` {} {limit} to use{}",
                run.network.name,
                chips(options.chips),
                options.board_name,
                if options.chips == 1 { "has" } else { "have" },
                if options.bad_cores.is_empty() { "" } else { ", without `bad_cores`" },
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

/// How many chips would do, on this board or the smallest of the profile that has them.
fn board_remedy(run: &ChipRun, cores: u64) -> String {
    let options = &run.options;
    let mut with = options.clone();
    let mut enough = |chips: u64| {
        with.chips = chips;
        board::usable(&with) >= cores
    };
    let size = |chips: [u32; 2]| u64::from(chips[0]) * u64::from(chips[1]);
    let on_board = size(options.board.chips);
    if let Some(chips) = (options.chips + 1..=on_board).find(|n| enough(*n)) {
        return format!("allow {chips} of its chips: `chips: {chips}`");
    }
    let boards = options.profile.boards.iter().map(|(name, board)| (size(board.chips), name));
    let fitting = boards.filter(|(all, _)| *all > on_board && enough(*all)).min();
    match fitting {
        Some((all, name)) => {
            let needed = (1..=all).find(|n| enough(*n)).unwrap_or(all);
            format!("`board: {name}` has {}; {needed} would do", chips(all))
        }
        None => "no board of the profile has as many: make the network smaller".into(),
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
