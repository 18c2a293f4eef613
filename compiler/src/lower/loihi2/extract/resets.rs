//! Resets of layers: when, and whether the chip can do it then.

use super::super::network::{ChipNetwork, ResetTiming};
use super::super::profile::Profile;
use crate::clocks::{Clock, ClockedGraph};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::types::{Cx, Eval, Place, StmtKind, Stop};

/// Gives every layer its resets: those of `reset` statements, and those that a neuron's own
/// model performs at some steps (`LIFReset`).
///
/// A `reset … in host` after step `t` is one before the dynamics of `t + 1`.
pub fn resets(
    cx: &mut Cx<'_>,
    clocked: &ClockedGraph,
    layer_of: &[Eval<Option<usize>>],
    profile: &Profile,
    network: &mut ChipNetwork,
) -> Eval<()> {
    let mut wanted: Vec<(usize, Clock, bool, Loc)> = Vec::new();
    for reset in &clocked.resets {
        let between = reset.phase != Some(crate::types::Phase::Spk);
        wanted.push((reset.variable.0, reset.clock.clone(), between, reset.loc));
    }
    for (p, process) in clocked.graph.processes.iter().enumerate() {
        for stmt in process.body.iter().filter(|s| !s.clock.is_always()) {
            if let StmtKind::Assign { to: Place::Var(_), value, .. } = &stmt.kind
                && value.as_const().is_some()
            {
                wanted.push((p, stmt.clock.clone(), false, stmt.loc));
            }
        }
    }
    let mut refused: Vec<(usize, Loc)> = Vec::new();
    for (process, clock, between, loc) in wanted {
        let Ok(Some(layer)) = layer_of[process] else { continue };
        if clock.is_never() {
            continue;
        }
        match timing(&clock, between, profile) {
            Ok(timing) => {
                if let Some(layer) = &mut network.populations[layer].layer
                    && !layer.resets.contains(&timing)
                {
                    layer.resets.push(timing);
                }
            }
            // Once for all variables of a statement.
            Err(_) if refused.contains(&(process, loc)) => {}
            Err((what, remedy)) => {
                let of = &clocked.graph.processes[process];
                let message = format!("`{}` is reset {what}", of.path);
                let d = Diagnostic::new(Code::E0805, message, loc, "the chip cannot")
                    .label(of.loc, "this layer is on neurocores");
                cx.sink.push(d.help(remedy));
                refused.push((process, loc));
            }
        }
    }
    for population in &mut network.populations {
        if let Some(layer) = &mut population.layer {
            layer.resets.sort_unstable();
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Stop::Reported) }
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
