//! Resets of layers: when, and whether the chip can do it then.

use super::super::network::{ChipNetwork, ResetTiming};
use super::super::profile::Profile;
use crate::clocks::{Clock, ClockedGraph};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::types::{Cx, Eval, Place, Process, StmtKind, Stop, TExpr, Var};

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
            if let StmtKind::Assign { to: Place::Var(v), shape, value, mask: None, .. } = &stmt.kind
                && process.vars.get(*v).is_some_and(|var| restores(var, shape, value))
            {
                // What the library says is not what a user can change.
                let library = cx.program.prelude.contains(&stmt.loc.file);
                let loc = if library { process.loc } else { stmt.loc };
                wanted.push((p, stmt.clock.clone(), false, loc));
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
                if let Some(layer) = &mut network.populations[layer].layer
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
    for population in &mut network.populations {
        if let Some(layer) = &mut population.layer {
            layer.resets.sort_unstable();
        }
    }
    for reset in &refused {
        cx.sink.push(reset.diagnostic(&clocked.graph.processes));
    }
    if refused.is_empty() { Ok(()) } else { Err(Stop::Reported) }
}

/// A statement that resets when the chip cannot: once for all its variables and layers.
struct Refused {
    loc: Loc,
    what: String,
    remedy: String,
    /// Processes.
    of: Vec<usize>,
}

impl Refused {
    fn diagnostic(&self, processes: &[Process]) -> Diagnostic {
        let first = self.of.first().and_then(|p| processes.get(*p));
        let first = first.map_or("", |p| p.path.as_str());
        let (others, verb) = match self.of.len() {
            1 => (String::new(), "is"),
            2 => (" and one layer more".to_string(), "are"),
            n => (format!(" and {} layers more", n - 1), "are"),
        };
        let message = format!("`{first}`{others} {verb} reset {}", self.what);
        let mut d = Diagnostic::new(Code::E0805, message, self.loc, "the chip cannot");
        for process in self.of.iter().filter_map(|p| processes.get(*p)) {
            if d.labels.iter().all(|label| label.loc != process.loc) {
                d = d.label(process.loc, "this layer is on neurocores");
            }
        }
        d.help(self.remedy.as_str())
    }
}

/// Whether an assignment gives all of a variable its initial value.
fn restores(var: &Var, shape: &[usize], value: &TExpr) -> bool {
    let of = |e: &TExpr| e.as_const().map(|c| c.convert(var.ty.kind()).broadcast_to(&var.shape));
    shape == var.shape && of(value).is_some_and(|value| Some(value) == of(&var.init))
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
