//! Resets of layers: when, and whether the chip can do it then.

use super::super::network::{ChipNetwork, ResetTiming};
use super::super::profile::Profile;
use super::neurons::LayerOf;
use super::obstacle::is_whole;
use super::process::Process;
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Reported, Sink, SourceMap};
use snn_ir::network::{Action, Instance, Network, Stmt, When};

/// Gives every layer its resets: those of `reset` statements, and those that a neuron's own
/// model performs at some steps (`LIFReset`).
///
/// A `reset … in host` after step `t` is one before the dynamics of `t + 1`.
pub fn resets(
    network: &Network,
    layer_of: &[LayerOf],
    profile: &Profile,
    sources: &SourceMap,
    chip: &mut ChipNetwork,
    sink: &mut Sink,
) -> Result<(), Reported> {
    let mut wanted: Vec<(usize, Clock, bool, Loc)> = Vec::new();
    for reset in &network.resets {
        let between = reset.when != When::Start;
        let clock = network.clock(reset.clock).clone();
        wanted.push((reset.var.0.at(), clock, between, reset.place));
    }
    for process in Process::all(network) {
        for (_, stmt) in process.body.stmts() {
            let clock = network.clock(stmt.clock);
            if !clock.is_always() && restores(&process, stmt) {
                // What the library says is not what a user can change.
                let library = sources.is_library(stmt.place);
                let loc = if library { process.place() } else { stmt.place };
                wanted.push((process.id.at(), clock.clone(), false, loc));
            }
        }
    }
    let mut refused: Vec<Refused> = Vec::new();
    for (process, clock, between, loc) in wanted {
        let Ok(Some(layer)) = layer_of[process] else { continue };
        if clock.is_never() {
            continue;
        }
        match timing(&clock, between, profile) {
            Ok(timing) => {
                if let Some(layer) = &mut chip.populations[layer].layer
                    && !layer.resets.contains(&timing)
                {
                    layer.resets.push(timing);
                }
            }
            Err((what, remedy)) => {
                match refused.iter_mut().find(|r| r.loc == loc && r.what == what) {
                    Some(same) if same.of.contains(&process) => {}
                    Some(same) => same.of.push(process),
                    None => refused.push(Refused { loc, what, remedy, of: vec![process] }),
                }
            }
        }
    }
    for population in &mut chip.populations {
        if let Some(layer) = &mut population.layer {
            layer.resets.sort_unstable();
        }
    }
    for reset in &refused {
        sink.push(reset.diagnostic(&network.instances));
    }
    if refused.is_empty() { Ok(()) } else { Err(Reported) }
}

/// A statement that resets when the chip cannot: once for all its variables and layers.
struct Refused {
    loc: Loc,
    what: String,
    remedy: String,
    /// Instances.
    of: Vec<usize>,
}

impl Refused {
    fn diagnostic(&self, instances: &[Instance]) -> Diagnostic {
        let first = self.of.first().and_then(|i| instances.get(*i));
        let first = first.map_or("", |p| p.path.as_str());
        let (others, verb) = match self.of.len() {
            1 => (String::new(), "is"),
            2 => (" and one layer more".to_string(), "are"),
            n => (format!(" and {} layers more", n - 1), "are"),
        };
        let message = format!("`{first}`{others} {verb} reset {}", self.what);
        let mut d = Diagnostic::new(Code::E0805, message, self.loc, "the chip cannot");
        for instance in self.of.iter().filter_map(|i| instances.get(*i)) {
            if d.labels.iter().all(|label| label.loc != instance.place) {
                d = d.label(instance.place, "this layer is on neurocores");
            }
        }
        d.help(self.remedy.as_str())
    }
}

/// Whether a statement gives all of a variable its initial value.
fn restores(process: &Process<'_>, stmt: &Stmt) -> bool {
    let Action::Store { var, region, value, mask: None } = &stmt.action else { return false };
    let var = &process.body.vars[*var as usize];
    let of = |value| {
        let constant = process.value(value)?.dense()?;
        Some(constant.convert(var.ty.kind()).broadcast_to(&var.shape))
    };
    let whole = stmt.guard.is_none() && is_whole(region, &var.shape);
    whole && of(*value).is_some_and(|value| Some(value) == of(var.init))
}

fn timing(
    clock: &Clock,
    between: bool,
    profile: &Profile,
) -> Result<ResetTiming, (String, String)> {
    let Some((interval, residue)) = clock.as_every() else {
        let what = "at steps that are not one in every interval".to_string();
        return Err((what, "reset `every N`, N a power of two".into()));
    };
    if profile.figures.reset_power_of_two != 0 && !interval.is_power_of_two() {
        let above = interval.checked_next_power_of_two().unwrap_or(interval);
        let remedy = match above / 2 {
            0 | 1 => format!("the nearest interval is {above}"),
            below => format!("the nearest intervals are {below} and {above}"),
        };
        let what = format!("every {interval} steps, which is not a power of two");
        return Err((what, remedy));
    }
    let offset = (residue + u64::from(between)) % interval;
    Ok(ResetTiming { interval, offset })
}
