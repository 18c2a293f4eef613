//! The wave check: do resets and readouts fit the time that messages take?
//!
//! A row that an encoder loads starts a wave; without one, the epoch that a reset names does. The schedule is executed on generations (which
//! row does this value come from?), and for each process that clears state it is noted which
//! generations arrive between one clearing and the next. Those of an earlier wave come after
//! the clearing: it is too early. Those of a later one come before the next: it is too late.

use super::simulate::{Mark, Simulation, Subject, covers};
use super::walk;
use crate::clocks::Clock;
use crate::diagnostics::{Code, Diagnostic, Loc, Sink};
use crate::ir::{Access, BufferId, BufferKind, ClockId, Op, OpKind, Source, StepIr, Stmt};
use crate::network::{Action, InstanceId, Network, Op as Operation, Reset, Stage, When};
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Steps that are executed, at most.
const LONGEST: u64 = 200_000;

/// Warns of clearings that come too early or too late.
pub fn check(sink: &mut Sink, network: &Network, ir: &StepIr, epoch: Option<(u64, i64)>) {
    let loaded = wave_clock(ir).map(|id| ir.clocks[id.0 as usize].clone());
    let assumed = if loaded.is_none() { assumed_clock(network, epoch) } else { None };
    let Some(wave) = loaded.or(assumed.clone()) else { return };
    let period = wave.period();
    let windows = 6;
    let steps = period.saturating_mul(windows);
    if steps > LONGEST || steps.saturating_mul(1 + ir.buffers.len() as u64) > 50_000_000 {
        return;
    }
    let mut recorder = Recorder::new(network, ir, assumed);
    let mut simulation = Simulation::new(ir, 1, |_| Generations::default());
    for t in 1..=steps {
        recorder.t = t;
        recorder.loaded = false;
        simulation.step(t, &mut recorder);
    }
    recorder.report(sink, period);
}

/// The clock at which rows are loaded by a counter: the start of waves.
fn wave_clock(ir: &StepIr) -> Option<ClockId> {
    let loads_row = |op: &Op| {
        let OpKind::Loop(l) = &op.kind else { return false };
        l.body.iter().any(|stmt| {
            let (Stmt::Let { value, .. } | Stmt::Store { value, .. }) = stmt;
            let mut found = false;
            walk::loads(value, &mut |a| found |= is_row(ir, a));
            found
        })
    };
    let ops = ir.program.phases().into_iter().flat_map(|(_, ops)| ops);
    let clocks: BTreeSet<ClockId> = ops.filter(|op| loads_row(op)).map(|op| op.clock).collect();
    match clocks.into_iter().collect::<Vec<_>>().as_slice() {
        [only] if ir.clocks[only.0 as usize].as_every().is_some_and(|(n, _)| n > 1) => Some(*only),
        _ => None,
    }
}

/// When waves start where no encoder loads rows: at the epoch that a reset names; else so that
/// the reset of the process that waves reach first is right. Where several layers are reset at
/// one step, the others cannot be.
fn assumed_clock(network: &Network, epoch: Option<(u64, i64)>) -> Option<Clock> {
    let (every, start) = match epoch {
        Some(known) => known,
        None => {
            let latency = |r: &&Reset| network.instances[r.var.0.at()].arrival.1;
            let first = network.resets.iter().min_by_key(latency)?;
            let (every, residue) = network.clock(first.clock).as_every()?;
            // A reset between steps takes effect in the next.
            let effective = residue as i64 + i64::from(first.when == When::Host);
            (every, effective - latency(&first) as i64)
        }
    };
    let same = |r: &Reset| network.clock(r.clock).as_every().is_some_and(|(n, _)| n == every);
    (every > 1 && network.resets.iter().all(same)).then(|| Clock::every(every, start))
}

/// Whether an access picks a row of data by a counter.
fn is_row(ir: &StepIr, access: &Access) -> bool {
    matches!(access.source, Source::Tensor(_))
        && access.dynamic.iter().any(|d| {
            let mut counted = false;
            walk::loads(&d.index, &mut |a| {
                counted |= matches!(a.source, Source::Buffer(b)
                    if ir.buffers[b.0 as usize].kind == BufferKind::State);
            });
            counted
        })
}

/// The first and last wave that a value depends on, by where it was loaded from.
#[derive(Clone, Default)]
struct Generations(BTreeMap<Origin, (u64, u64)>);

/// Where a value was loaded from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A row of data.
    Row,
    /// State or a message of this process (if any), which it stored in this step (or before).
    Process { owner: Option<usize>, fresh: bool },
}

impl Mark for Generations {
    fn none() -> Self {
        Generations::default()
    }

    fn join(&mut self, other: &Self) {
        for (owner, (lo, hi)) in &other.0 {
            let known = self.0.entry(*owner).or_insert((*lo, *hi));
            *known = (known.0.min(*lo), known.1.max(*hi));
        }
    }
}

/// What happens to one buffer: when it is cleared, and which waves arrive at its process.
struct Recorder<'a> {
    network: &'a Network,
    ir: &'a StepIr,
    t: u64,
    loaded: bool,
    generation: u64,
    /// Where no row starts waves: the steps at which sources are taken to start one.
    assumed: Option<Clock>,
    /// The ops at the start of a step and in `spk`.
    early: HashSet<*const Op>,
    /// The process that a buffer belongs to.
    owner: Vec<Option<usize>>,
    /// Buffers that hold state which is cleared, with the steps after which they are clear:
    /// `(step, before the step's dynamics)`.
    cleared: BTreeMap<BufferId, Vec<(u64, bool)>>,
    /// The last step at which each buffer was stored.
    stored: Vec<u64>,
    /// By process, the waves that arrive at each step.
    arrivals: Vec<BTreeMap<u64, (u64, u64)>>,
}

impl<'a> Recorder<'a> {
    fn new(network: &'a Network, ir: &'a StepIr, assumed: Option<Clock>) -> Self {
        let paths: BTreeMap<&str, usize> =
            network.instances.iter().enumerate().map(|(i, p)| (p.path.as_str(), i)).collect();
        let owner = ir.buffers.iter().map(|b| {
            let path = b.name.rsplit_once('.').map(|(path, _)| path)?;
            paths.get(path).copied()
        });
        Recorder {
            network,
            ir,
            t: 0,
            loaded: false,
            generation: 0,
            assumed,
            early: ir.program.start.iter().chain(&ir.program.spk).map(std::ptr::from_ref).collect(),
            owner: owner.collect(),
            cleared: BTreeMap::new(),
            stored: vec![0; ir.buffers.len()],
            arrivals: vec![BTreeMap::new(); network.instances.len()],
        }
    }

    /// One entry per process: its clearing in a window in the steady state.
    fn report(&self, sink: &mut Sink, period: u64) {
        let mut table: BTreeMap<usize, String> = BTreeMap::new();
        let mut findings: Vec<(usize, BufferId, Finding)> = Vec::new();
        for (buffer, times) in &self.cleared {
            let Some(process) = self.owner[buffer.0 as usize] else { continue };
            if !self.has_input(Some(process)) {
                continue;
            }
            let Some(finding) = self.finding(process, times, period) else { continue };
            let row = || finding.row(&self.network.instances[process].path);
            table.entry(process).or_insert_with(row);
            findings.push((process, *buffer, finding));
        }
        let rows: Vec<&str> = table.values().map(String::as_str).collect();
        let table = format!("in one window of the run:\n{}", rows.join("\n"));
        let mut said = BTreeSet::new();
        for (process, buffer, finding) in findings {
            let (early, late) = (finding.early(), finding.late());
            if (early > 0 || late > 0) && said.insert(process) {
                self.warn(sink, process, buffer, &finding, &table);
            }
        }
    }

    /// What arrives between the clearing near the start of the third wave and the next one.
    fn finding(&self, process: usize, times: &[(u64, bool)], period: u64) -> Option<Finding> {
        // The window must repeat, or there is no "next".
        let from = 2 * period;
        let position = times.iter().position(|(t, _)| *t > from)?;
        let [(first, before), (second, next_before)] = times.get(position..position + 2)? else {
            return None;
        };
        if second - first != period {
            return None;
        }
        let start = if *before { *first } else { first + 1 };
        let end = if *next_before { second - 1 } else { *second };
        let arriving: Vec<(u64, (u64, u64))> =
            self.arrivals[process].range(start..=end).map(|(t, g)| (*t, *g)).collect();
        let mut count: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, (_, newest)) in &arriving {
            *count.entry(*newest).or_default() += 1;
        }
        // The wave that the window is for is the one that arrives most of the time.
        let own = count.iter().max_by_key(|(g, n)| (**n, **g)).map(|(g, _)| *g)?;
        let last_old = arriving.iter().filter(|(_, g)| g.0 < own).map(|(t, _)| *t).max();
        let first_later = arriving.iter().find(|(_, g)| g.1 > own).map(|(t, _)| *t);
        let first_own = self.arrivals[process].iter().find(|(_, g)| g.1 == own).map(|(t, _)| *t);
        Some(Finding { start, end, last_old, first_later, first_own, period })
    }

    fn warn(
        &self,
        sink: &mut Sink,
        process: usize,
        buffer: BufferId,
        finding: &Finding,
        table: &str,
    ) {
        let p = &self.network.instances[process];
        let ports = &self.network.bodies[p.body.at()].ports;
        let (loc, is_reset) = self.place(process, buffer);
        let readout = !is_reset && !ports.iter().any(|p| p.direction == Direction::Out);
        let steps = |n: u64| if n == 1 { "1 step".into() } else { format!("{n} steps") };
        let (early, late) = (finding.early(), finding.late());
        let diagnostic = if readout {
            let (code, message) = (
                Code::W0303,
                format!(
                    "`{}` closes its window {} before its last data arrives",
                    p.path,
                    steps(early.max(late))
                ),
            );
            let end = finding.end;
            let label = format!("the window closes at t = {end}, {}", phrase(end, finding.period));
            let d = Diagnostic::new(code, message, loc, label);
            d.help(format!("close it {} later, or end the input earlier", steps(early)))
        } else if early > 0 {
            let message = format!("`{}` is reset while old data still arrives", p.path);
            let label = format!("{} too early", steps(early));
            Diagnostic::new(Code::W0301, message, loc, label).help(format!(
                "reset it when {}; `reset … at EPOCH.start skew auto` computes such steps",
                phrase(finding.start + early, finding.period)
            ))
        } else {
            let message = format!("`{}` is reset after new data has arrived", p.path);
            let label = format!("{} too late", steps(late));
            let right = finding.end + 1 - late;
            Diagnostic::new(Code::W0302, message, loc, label)
                .help(format!("reset it when {}", phrase(right, finding.period)))
        };
        sink.push(diagnostic.note(table));
    }

    /// Where a buffer is cleared in the source: a `reset`, or an assignment.
    fn place(&self, process: usize, buffer: BufferId) -> (Loc, bool) {
        let instance = InstanceId(process as u32);
        let body = self.network.body(instance);
        let name = self.ir.buffers[buffer.0 as usize].name.rsplit('.').next().unwrap_or_default();
        let var = body.vars.iter().position(|v| v.name == name).map(|v| v as u32);
        let reset =
            self.network.resets.iter().find(|r| r.var.0 == instance && Some(r.var.1) == var);
        if let Some(reset) = reset {
            return (reset.place, true);
        }
        let constant = |value: crate::network::ValueId| {
            let value = &body.values[value.at()];
            value.stage == Stage::Once && matches!(value.op, Operation::Const(_))
        };
        let assigned = body.stmts().find(|(_, s)| {
            !self.network.clock(s.clock).is_always()
                && matches!(s.action, Action::Store { var: v, value, .. }
                    if Some(v) == var && constant(value))
        });
        let place = assigned.map_or(self.network.instances[process].place, |(_, s)| s.place);
        (place, false)
    }
}

/// `t % 32 == 2`.
fn phrase(t: u64, period: u64) -> String {
    format!("t % {period} == {}", t % period)
}

/// What arrives in the window of a process, in steps of the run.
struct Finding {
    /// The first step whose arrivals count for the window.
    start: u64,
    /// The last.
    end: u64,
    last_old: Option<u64>,
    first_later: Option<u64>,
    first_own: Option<u64>,
    period: u64,
}

impl Finding {
    /// Steps in which an earlier wave still arrives.
    fn early(&self) -> u64 {
        self.last_old.map_or(0, |t| t + 1 - self.start)
    }

    /// Steps of a later wave that are cleared with the window.
    fn late(&self) -> u64 {
        self.first_later.map_or(0, |t| self.end + 1 - t)
    }

    fn row(&self, path: &str) -> String {
        let own = self.first_own.map_or("never".into(), |t| format!("from t = {t}"));
        let old = match self.last_old {
            Some(t) => format!("old data until t = {t}, "),
            None => String::new(),
        };
        format!("{path}: clear from t = {}, {old}new data {own}", self.start)
    }
}

impl Subject<Generations> for Recorder<'_> {
    fn load(&mut self, access: &Access, mark: Generations) -> Generations {
        if is_row(self.ir, access) {
            if !self.loaded {
                self.loaded = true;
                self.generation += 1;
            }
            let wave = (self.generation, self.generation);
            return Generations(BTreeMap::from([(Origin::Row, wave)]));
        }
        let Source::Buffer(buffer) = access.source else { return mark };
        let all = mark.0.values().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let owner = self.owner[buffer.0 as usize];
        let fresh = self.stored[buffer.0 as usize] == self.t;
        let origin = Origin::Process { owner, fresh };
        Generations(all.map(|g| (origin, g)).into_iter().collect())
    }

    fn store(&mut self, op: &Op, buffer: BufferId, mark: Generations, whole: bool) -> Generations {
        let owner = self.owner[buffer.0 as usize];
        let kind = self.ir.buffers[buffer.0 as usize].kind;
        let clock = &self.ir.clocks[op.clock.0 as usize];
        let constant = match &op.kind {
            OpKind::Reset { .. } => true,
            OpKind::Loop(l) => l.body.iter().any(|s| {
                matches!(s, Stmt::Store { to, value, mask: None, .. }
                    if to.source == Source::Buffer(buffer)
                        && covers(to, &l.domain, &self.ir.buffers[buffer.0 as usize])
                        && matches!(value.node, crate::ir::ExprKind::Int(_) | crate::ir::ExprKind::Float(_)))
            }),
            _ => false,
        };
        if constant && whole && kind == BufferKind::State && !clock.is_always() {
            let before = self.before_dynamics(op);
            let times = self.cleared.entry(buffer).or_default();
            if times.last() != Some(&(self.t, before)) {
                times.push((self.t, before));
            }
        }
        if let Some(process) = owner {
            for (from, (lo, hi)) in &mark.0 {
                if matches!(from, Origin::Process { owner, .. } if *owner != Some(process)) {
                    let known = self.arrivals[process].entry(self.t).or_insert((*lo, *hi));
                    *known = (known.0.min(*lo), known.1.max(*hi));
                }
            }
        }
        // A process passes on what arrives. What it remembers of earlier waves is the finding at
        // its own clearing, and not again one at those of later processes; only a source, which
        // nothing arrives at, sends what it remembers.
        let remembers = !self.has_input(owner);
        let passes_on = |from: &Origin| match from {
            Origin::Process { owner: of, fresh } => *of != owner || *fresh || remembers,
            Origin::Row => true,
        };
        let sent = self.assumed.as_ref().filter(|_| remembers).map(|c| 1 + c.count(self.t));
        let newest =
            mark.0.iter().filter(|(from, _)| passes_on(from)).map(|(_, waves)| waves.1).max();
        let newest = sent.or(newest);
        self.stored[buffer.0 as usize] = self.t;
        let origin = Origin::Process { owner, fresh: true };
        Generations(newest.map(|g| (origin, (g, g))).into_iter().collect())
    }
}

impl Recorder<'_> {
    /// Whether messages arrive at a process.
    fn has_input(&self, process: Option<usize>) -> bool {
        process.is_some_and(|p| {
            let ports = &self.network.body(InstanceId(p as u32)).ports;
            ports.iter().any(|port| port.direction == Direction::In)
        })
    }

    /// Whether an op clears before what arrives in the same step is added: resets at the start,
    /// and assignments in `spk`. Those of later phases and between steps come after.
    fn before_dynamics(&self, op: &Op) -> bool {
        self.early.contains(&std::ptr::from_ref(op))
    }
}
