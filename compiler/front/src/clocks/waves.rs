//! The wave check: do resets and readouts fit the time that messages take?
//!
//! A row that an encoder loads starts a wave; without one, the epoch that a reset names does.
//! Waves of period `P` follow each other, so the messages of one that arrive at a process in the
//! steps `first..=last` come again `P` steps later. A process that clears its state before step
//! `b`, and every `P` steps, keeps waves apart where `last - P < b <= first`. Where `b` is
//! smaller, messages of the wave before come after it was cleared: it is too early. Where it is
//! larger, messages of the wave have come before: it is too late. Where `last - first >= P`,
//! waves overlap, and no step fits.

use super::latency::{Arrival, Arrivals, Sending, Wave, arrivals};
use super::moved::Moves;
use super::passages::Passages;
use crate::resolve::Program;
use snn_grammar::ast::Direction;
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Fix, Help, Loc, Sink};
use snn_ir::network::{
    Action, Body, BodyId, ClockId, Data, InstanceId, Network, Op, Phase, Pick, Stage, Stmt,
    ValueId, VarKind, When,
};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of the table that a warning shows, at most.
const MOST_ROWS: usize = 12;

/// Warns of clearings that come too early or too late. Resets may name an epoch; `passages` is what
/// has been followed already.
pub fn check(
    sink: &mut Sink,
    program: &Program,
    network: &Network,
    epoch: Option<(u64, i64)>,
    mut passages: Passages,
) {
    let clearings = clearings(network);
    if clearings.is_empty() {
        return;
    }
    let Some(wave) = wave(network, epoch) else { return };
    let found = arrivals(network, &wave, &BTreeMap::new(), &mut passages);
    let mut findings: Vec<(&Clearing, Finding)> = Vec::new();
    let mut said = BTreeSet::new();
    for clearing in &clearings {
        let i = clearing.instance.at();
        if let Some(doubt) = found.behind.get(&i) {
            if said.insert((i, None)) {
                sink.push(not_understood(network, *doubt, i, clearing.place));
            }
            continue;
        }
        let Some(arrival) = found.at[i] else { continue };
        let Some(before) = clearing.before(network, &wave, arrival.first) else { continue };
        findings.push((clearing, Finding::new(network, clearing, arrival, before, &wave)));
    }
    let wrong = |finding: &Finding| finding.early() > 0 || finding.late() > 0;
    if !findings.iter().any(|(_, finding)| wrong(finding)) {
        return;
    }
    let table = table(network, &findings);
    let mut moves = Moves::new(network, program, &found, &findings);
    for (clearing, finding) in &findings {
        if wrong(finding) && said.insert((clearing.instance.at(), moves.timing(clearing))) {
            let d = finding.warning(clearing, &mut moves).note(table.as_str());
            let alike = found.alike.get(&clearing.instance.at());
            sink.push(match alike.map(|i| &network.instances[*i].path) {
                Some(path) => d.note(format!(
                    "the neurons of `{path}` are too many to be followed one by one: messages may \
                     arrive for a shorter time than this"
                )),
                None => d,
            });
        }
    }
}

/// Says that the wave check has left out a process.
pub fn not_understood(network: &Network, doubt: usize, i: usize, place: Loc) -> Diagnostic {
    let (from, to) = (&network.instances[doubt].path, &network.instances[i].path);
    let message = format!("when messages arrive at `{to}` is not known");
    let d = Diagnostic::new(Code::W0304, message, place, "whether this fits is not checked");
    let d = match doubt == i {
        true => d,
        false => d.label(
            network.instances[doubt].place,
            format!("how long messages take through `{from}` is not understood"),
        ),
    };
    d.help(
        "indices that follow from `t` and from counters are understood, if they come round within \
         some thousand steps",
    )
}

/// State that a process puts back to a constant at some steps.
pub struct Clearing {
    pub instance: InstanceId,
    pub clock: ClockId,
    /// Whether what arrives in the same step comes afterwards.
    before_dynamics: bool,
    /// Whether it is a `reset`, and not a statement.
    is_reset: bool,
    pub place: Loc,
}

impl Clearing {
    /// The last step not after `step` that a clearing comes before; none where the clearing is not
    /// repeated with the waves.
    fn before(&self, network: &Network, wave: &Wave, step: u64) -> Option<i64> {
        let clock = network.clock(self.clock);
        // From where it is regular.
        let first = clock.next(clock.prefix().max(wave.start) + 1)?;
        if clock.next(first + 1)? != first.checked_add(wave.period)? {
            return None;
        }
        let clear = i64::try_from(first + u64::from(!self.before_dynamics)).ok()?;
        let (step, period) = (i64::try_from(step).ok()?, i64::try_from(wave.period).ok()?);
        Some(step - (step - clear).rem_euclid(period))
    }
}

/// All clearings of processes that receive something: resets, and constants that are assigned to
/// whole variables at some steps.
fn clearings(network: &Network) -> Vec<Clearing> {
    let receives = |body: &Body| body.ports.iter().any(|p| p.direction == Direction::In);
    let mut found = Vec::new();
    for reset in &network.resets {
        let body = network.body(reset.var.0);
        let var = &body.vars[reset.var.1 as usize];
        if var.kind == VarKind::State && receives(body) && !network.clock(reset.clock).is_always() {
            found.push(Clearing {
                instance: reset.var.0,
                clock: reset.clock,
                before_dynamics: reset.when == When::Start,
                is_reset: true,
                place: reset.place,
            });
        }
    }
    let mut of_bodies: BTreeMap<BodyId, Vec<(Phase, &Stmt)>> = BTreeMap::new();
    for (i, instance) in network.instances.iter().enumerate() {
        let body = &network.bodies[instance.body.at()];
        let statements = of_bodies.entry(instance.body).or_insert_with(|| match receives(body) {
            true => body.stmts().filter(|(_, stmt)| clears(network, body, stmt)).collect(),
            false => Vec::new(),
        });
        found.extend(statements.iter().map(|(phase, stmt)| Clearing {
            instance: InstanceId(i as u32),
            clock: stmt.clock,
            before_dynamics: *phase == Phase::Spk,
            is_reset: false,
            place: stmt.place,
        }));
    }
    found
}

/// Whether a statement puts a whole variable to a constant, not at every step.
fn clears(network: &Network, body: &Body, stmt: &Stmt) -> bool {
    let constant = |value: ValueId| {
        let value = &body.values[value.at()];
        value.stage == Stage::Once && matches!(value.op, Op::Const(_))
    };
    let Action::Store { var, region, value, mask: None } = &stmt.action else { return false };
    let of = &body.vars[*var as usize];
    let whole = region.iter().zip(&of.shape).all(|(pick, size)| match pick {
        Pick::Range(lo, hi) => (*lo, *hi) == (0, *size),
        Pick::At(_) => *size == 1,
        Pick::Computed(_) => false,
    });
    stmt.guard.is_none()
        && whole
        && of.kind == VarKind::State
        && constant(*value)
        && !network.clock(stmt.clock).is_always()
}

/// The waves of a network: of the rows that are loaded by a counter; else of the epoch that a
/// reset names; else so that the reset of the process that waves reach first is right. Where
/// several layers are reset at one step, the others cannot be.
fn wave(network: &Network, epoch: Option<(u64, i64)>) -> Option<Wave> {
    let loads = loads(network);
    let clocks: BTreeSet<ClockId> = loads.iter().map(|(_, clock)| *clock).collect();
    if let [only] = clocks.into_iter().collect::<Vec<_>>().as_slice()
        && let Some((every, residue)) = network.clock(*only).as_every()
        && every > 1
    {
        let bodies = loads.into_iter().map(|(body, _)| body).collect();
        let epoch = (every, residue as i64);
        return Some(Wave::of_epoch(network, epoch, Sending::Rows(bodies)));
    }
    let (every, start) = match epoch {
        Some(known) => known,
        None => {
            let latency = |r: &&snn_ir::network::Reset| network.instances[r.var.0.at()].arrival.1;
            let first = network.resets.iter().min_by_key(latency)?;
            let (every, residue) = network.clock(first.clock).as_every()?;
            // A reset between steps takes effect in the next.
            let effective = residue as i64 + i64::from(first.when == When::Host);
            (every, effective - latency(&first) as i64)
        }
    };
    let mut same = network.resets.iter().map(|r| network.clock(r.clock));
    (every > 1 && same.all(|c: &Clock| c.as_every().is_some_and(|(n, _)| n == every)))
        .then(|| Wave::of_epoch(network, (every, start), Sending::Data))
}

/// Statements that load a row of data by a counter: the body, and when.
fn loads(network: &Network) -> BTreeSet<(BodyId, ClockId)> {
    let mut found = BTreeSet::new();
    for (body, id) in network.bodies.iter().zip(0..) {
        for (_, stmt) in body.stmts() {
            let mut loads = false;
            stmt.action.for_each_value(&mut |v| loads |= loads_row(network, body, v));
            if loads {
                found.insert((BodyId(id), stmt.clock));
            }
        }
    }
    found
}

/// Whether a value depends on a row of data that is picked by state.
fn loads_row(network: &Network, body: &Body, value: ValueId) -> bool {
    let reach = |value: ValueId, p: &dyn Fn(ValueId) -> bool| {
        let (mut pending, mut seen) = (vec![value], BTreeSet::new());
        while let Some(next) = pending.pop() {
            if p(next) {
                return true;
            }
            pending.extend(body.values[next.at()].args.iter().copied().filter(|a| seen.insert(*a)));
        }
        false
    };
    let is_state = |v: ValueId| matches!(body.values[v.at()].op, Op::Var(_));
    let is_data = |v: ValueId| {
        let of = &body.values[v.at()];
        let large = of.shape.iter().product::<usize>() > 1;
        let file = matches!(of.op, Op::Const(t)
            if matches!(network.tensors[t.at()].data, Data::File(_)));
        of.stage == Stage::Once && (file || large)
    };
    reach(value, &|v| {
        let of = &body.values[v.at()];
        of.op == Op::Index && is_data(of.args[0]) && reach(of.args[1], &is_state)
    })
}

/// The messages of a wave at a process, and the step before which its state is cleared.
pub struct Finding {
    pub first: i64,
    pub last: i64,
    /// That of the wave's own window, as far as one can tell.
    pub step: i64,
    pub period: i64,
    /// Whether the process only reads out: it sends nothing, and clears by itself.
    readout: bool,
    pub arrival: Arrival,
}

impl Finding {
    /// `before` is the last clearing that comes before all messages of the wave.
    fn new(
        network: &Network,
        of: &Clearing,
        arrival: Arrival,
        before: i64,
        wave: &Wave,
    ) -> Finding {
        let ports = &network.body(of.instance).ports;
        let readout = !of.is_reset && !ports.iter().any(|p| p.direction == Direction::Out);
        let (first, last) = (arrival.first as i64, arrival.last as i64);
        let period = wave.period as i64;
        let finding = Finding { first, last, step: before, period, readout, arrival };
        let next = Finding { step: before + period, ..finding };
        // A result is of the window that it closes; a reset is meant for what is near to it.
        let much = if readout { 2 } else { 1 };
        if much * next.late() < finding.early() { next } else { finding }
    }

    /// Steps in which messages of the wave before still arrive.
    fn early(&self) -> i64 {
        (self.last + 1 - self.period - self.step).max(0)
    }

    /// Steps in which messages of the wave have arrived before.
    fn late(&self) -> i64 {
        (self.step - self.first).max(0)
    }

    /// How many steps later a clearing fits, at least and at most.
    pub fn shifts(&self) -> (i64, i64) {
        (self.last + 1 - self.period - self.step, self.first - self.step)
    }

    /// Whether a clearing so many steps later comes between this wave and the one before.
    pub fn fits(&self, by: i64) -> bool {
        let (lo, hi) = self.shifts();
        (hi - by).rem_euclid(self.period) <= hi - lo
    }

    fn warning(&self, clearing: &Clearing, moves: &mut Moves<'_>) -> Diagnostic {
        let path = &moves.network.instances[clearing.instance.at()].path;
        // The step of the clearing itself, not the first after it.
        let own = |step: i64| phrase(step - i64::from(!clearing.before_dynamics), self.period);
        let (early, late) = (self.early(), self.late());
        let closes = format!("the window closes {}", own(self.step));
        let (code, message, label) = match (self.readout, early > 0) {
            (true, true) => (
                Code::W0303,
                format!("`{path}` closes its window {} before its last data arrives", steps(early)),
                closes,
            ),
            (true, false) => (
                Code::W0303,
                format!("`{path}` closes its window after {} of the next", steps(late)),
                closes,
            ),
            (false, true) => (
                Code::W0301,
                format!("`{path}` is reset while old data still arrives"),
                format!("{} too early", steps(early)),
            ),
            (false, false) => (
                Code::W0302,
                format!("`{path}` is reset after new data has arrived"),
                format!("{} too late", steps(late)),
            ),
        };
        let d = Diagnostic::new(code, message, moves.shown(clearing), label);
        let Some(by) = moves.later(clearing, self) else {
            return self.without_remedy(d, clearing, moves);
        };
        let when = own(self.step + by);
        // What a process does that sends at these steps too cannot be told from its clearing.
        let fix = match self.readout || clearing.is_reset {
            true => moves.moved(clearing, by, None).map(|edit| Fix::proposed(vec![edit])),
            false => None,
        };
        let help = match (self.readout, by > 0) {
            (true, true) => {
                format!("close it {} later, {when}, or end the input earlier", steps(by))
            }
            (true, false) => format!("close it {} earlier, {when}", steps(-by)),
            (false, _) => format!("reset it {when}"),
        };
        let d = d.help(Help { text: help, fix });
        if self.readout {
            return d;
        }
        let text = "`reset … at EPOCH.start skew auto` computes such steps".to_owned();
        let fix = moves.skewed(clearing).map(|edit| Fix::proposed(vec![edit]));
        d.help(Help { text, fix })
    }

    /// No step fits: by which ways the first and the last messages come.
    fn without_remedy(&self, d: Diagnostic, clearing: &Clearing, moves: &Moves<'_>) -> Diagnostic {
        let (network, found) = (moves.network, moves.found);
        let Arrival { took, through, .. } = self.arrival;
        let over = self.last - self.first + 1 - self.period;
        let d = d.note(format!(
            "no step fits: messages of one window arrive for {}, and the next window begins after {}",
            steps(self.last - self.first + 1),
            self.period
        ));
        let ways = [0, 1].map(|end| Some(describe(network, found, through[end]?, end)));
        match ways {
            [Some(short), Some(long)] if short != long => d
                .note(format!(
                    "{short} takes {}\n{long} takes {}",
                    steps(took.0 as i64),
                    steps(took.1 as i64)
                ))
                .help(Help {
                    text: format!(
                        "delay the shorter way by {}: a connection with `delays: {over}` more, \
                         such as `DelayDense(…, delays: {over})` instead of `Dense(…)`",
                        steps(over)
                    ),
                    fix: moves.delayed(clearing, self, over),
                }),
            _ if over < self.period => d.help(format!(
                "send nothing in the last {} of a window, or make the window longer",
                steps(over)
            )),
            _ => d.help(format!("make the window longer by {}", steps(over))),
        }
    }
}

/// `3 steps`.
fn steps(n: i64) -> String {
    if n == 1 { "1 step".into() } else { format!("{n} steps") }
}

/// The way by which messages come, from the first sender on: the first of them (`end` 0), or the
/// last.
fn describe(network: &Network, found: &Arrivals, way: (usize, usize), end: usize) -> String {
    let mut parts = Vec::new();
    let mut next = Some(way);
    // A way through a whole network has no place in a message.
    while let Some((link, sender)) = next.filter(|_| parts.len() < 12) {
        let from = network.links[link].senders[sender].from.0.at();
        parts.push(network.instances[from].path.as_str());
        next = found.at[from].and_then(|a| a.through[end]);
    }
    let to = network.links[way.0].to.0.at();
    parts.reverse();
    parts.push(&network.instances[to].path);
    parts.join(" -> ")
}

/// What arrives when, at processes that clear state.
fn table(network: &Network, findings: &[(&Clearing, Finding)]) -> String {
    let mut rows: BTreeMap<usize, String> = BTreeMap::new();
    for (clearing, finding) in findings {
        let i = clearing.instance.at();
        let Finding { first, last, step, period, .. } = finding;
        // In the steps of a run, which begins with 1.
        let clear = if *step < 1 { step + period } else { *step };
        let path = &network.instances[i].path;
        let text = format!("{path}: data from t = {first} to {last}, clear from t = {clear}");
        rows.entry(i).or_insert(text);
    }
    let more = rows.len().saturating_sub(MOST_ROWS);
    let mut rows: Vec<String> = rows.into_values().take(MOST_ROWS).collect();
    if more > 0 {
        rows.push(format!("… and {more} more"));
    }
    format!("in one window of the run:\n{}", rows.join("\n"))
}

/// `when t % 32 == 2`.
fn phrase(t: i64, period: i64) -> String {
    format!("when t % {period} == {}", t.rem_euclid(period))
}
