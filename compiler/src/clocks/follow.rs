//! Follows marked messages through a process: when does it send something that depends on them?
//!
//! The process is executed step by step on marks instead of values, element by element where
//! elements differ, so that a message in a delay line, a ring or a queue of its own is where it
//! is and not everywhere. What follows from `t` and from state of known value (counters) is
//! computed, so that an index says which element is meant and a condition whether it holds.
//!
//! What is remembered for good (a membrane) would be sent for ever. So the process is followed
//! twice: first to find which elements keep a mark to the end, then with these marks fading: what
//! such an element stores is *fresh* in the step in which it is stored, and, for others than those
//! that it depends on itself, when it is next read; afterwards it is *held*. A message has
//! arrived where something fresh arrives.

mod values;

use super::marks::{Bits, Marks};
use crate::circles::components;
use crate::network::evaluate::Once;
use crate::network::{
    Action, Body, InstanceId, Network, Op, Phase, Pick, Reset, Stage, Stmt, ValueId, When,
};
use crate::scalar::Scalar;
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet};
use values::{as_index, is_zero};

const FRESH: Bits = 1;
const HELD: Bits = 2;
/// Stored in the step before, by an element of this circle of variables.
fn late(circle: usize) -> Bits {
    4 << (circle % 30)
}

/// What enters a process.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Marked messages: port, first and last step.
    pub feeds: Vec<(u32, u64, u64)>,
    /// A step in which what is loaded from data, by an index that is computed, is marked.
    pub rows: Option<u64>,
    /// The first step that is executed: state has its initial values before it.
    pub from: u64,
    /// Whether nothing depends on the step, so that nothing new comes once nothing changes.
    pub steady: bool,
    /// The last step that is executed.
    pub until: u64,
}

/// What a process sends.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// In which step.
    pub t: u64,
    /// Whether it depends on marked messages that are not only remembered.
    pub fresh: bool,
    /// Whether it depends on marked messages.
    pub marked: bool,
    /// Whether it is zeros, whatever happened.
    pub silent: bool,
}

/// What a process has sent, by port.
#[derive(Debug, Default)]
pub struct Followed {
    /// In order of steps.
    pub sent: BTreeMap<u32, Vec<Sent>>,
    /// Whether an index was not known that decides where a marked message is.
    pub vague: bool,
}

impl Followed {
    /// The first and last step in which a port sends what is marked: what is fresh or, if that
    /// is nothing, the first that is remembered.
    pub fn marked(&self, port: u32) -> Option<(u64, u64)> {
        let sent = self.sent.get(&port)?;
        let fresh = || sent.iter().filter(|s| s.fresh).map(|s| s.t);
        let first = fresh().next().or(sent.iter().find(|s| s.marked).map(|s| s.t))?;
        Some((first, fresh().next_back().unwrap_or(first)))
    }
}

/// Whether what a process does depends on the step: on its guards, on `t`, on indices.
pub fn varies(network: &Network, body: &Body) -> bool {
    let step = |v: &ValueId| body.values[v.at()].stage == Stage::Step;
    let value = |v: &crate::network::Value| match v.op {
        Op::Time => true,
        Op::Index => v.args.get(1).is_some_and(step),
        _ => false,
    };
    body.values.iter().any(value)
        || body.stmts().any(|(_, stmt)| {
            !network.clock(stmt.clock).is_always()
                || matches!(&stmt.action, Action::Store { region, .. }
                    if region.iter().any(|p| matches!(p, Pick::Computed(v) if step(v))))
        })
}

/// The resets of an instance.
#[derive(Clone, Copy, Default)]
pub struct Resets<'n> {
    /// Those whose steps are known.
    pub known: &'n [&'n Reset],
    /// Variables that are reset at steps that are not known yet: no value of theirs is known.
    pub unknown: Option<&'n BTreeSet<u32>>,
}

/// Follows what enters an instance. `None` where that takes more than `work`.
pub fn follow(
    network: &Network,
    instance: InstanceId,
    entry: &Entry,
    resets: Resets<'_>,
    work: u64,
) -> Option<Followed> {
    let mut machine = Machine::new(network, instance, entry, resets);
    let followed = machine.run(work)?;
    let eternal = machine.eternal();
    if eternal.circle.is_empty() {
        return Some(followed);
    }
    let mut machine = Machine::new(network, instance, entry, resets);
    machine.eternal = eternal;
    machine.run(work)
}

/// Elements that keep a mark for good.
#[derive(Default)]
struct Eternal {
    /// By variable, those elements.
    marks: BTreeMap<u32, Marks>,
    /// The circle of variables that each belongs to.
    circle: BTreeMap<u32, usize>,
}

/// Marks and, where it is known and the same for all elements, the value.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    marks: Marks,
    known: Option<Scalar>,
}

struct Machine<'n> {
    network: &'n Network,
    body: &'n Body,
    entry: &'n Entry,
    resets: Resets<'n>,
    once: Once<'n>,
    eternal: Eternal,
    vars: Vec<Cell>,
    /// Variables that were stored in this step.
    fresh: BTreeSet<u32>,
    ports: Vec<Cell>,
    values: Vec<Option<Cell>>,
    t: u64,
    out: Followed,
    work: u64,
}

impl<'n> Machine<'n> {
    fn new(
        network: &'n Network,
        instance: InstanceId,
        entry: &'n Entry,
        resets: Resets<'n>,
    ) -> Machine<'n> {
        let body = network.body(instance);
        let mut machine = Machine {
            network,
            body,
            entry,
            resets,
            once: Once::of(network, instance.at()),
            eternal: Eternal::default(),
            vars: Vec::new(),
            fresh: BTreeSet::new(),
            ports: body.ports.iter().map(|p| Cell::of(p.shape.len(), 0)).collect(),
            values: Vec::new(),
            t: 0,
            out: Followed::default(),
            work: 0,
        };
        machine.vars = (0..body.vars.len() as u32).map(|var| machine.initial(var)).collect();
        machine
    }

    fn initial(&mut self, var: u32) -> Cell {
        let of = &self.body.vars[var as usize];
        let known = (!self.is_unknown(var)).then(|| self.constant(of.init)).flatten();
        Cell { known, ..Cell::of(of.shape.len(), 0) }
    }

    fn is_unknown(&self, var: u32) -> bool {
        self.resets.unknown.is_some_and(|unknown| unknown.contains(&var))
    }

    fn run(&mut self, work: u64) -> Option<Followed> {
        let entered = self.entry.feeds.iter().map(|f| f.2).chain(self.entry.rows).max();
        let entering = entered.is_some();
        let entered = entered.unwrap_or(self.entry.from);
        for t in self.entry.from..=self.entry.until {
            let before = self.entry.steady.then(|| (self.vars.clone(), self.ports.clone()));
            self.step(t);
            if self.work > work {
                return None;
            }
            let same = before.is_some_and(|(vars, ports)| vars == self.vars && ports == self.ports);
            let left = || self.vars.iter().chain(&self.ports).all(|c| c.marks.any() == 0);
            // Where messages were to enter, nothing more happens once all have left.
            let over = entering && left();
            if t > entered && (same || over) {
                break;
            }
        }
        Some(std::mem::take(&mut self.out))
    }

    fn step(&mut self, t: u64) {
        self.t = t;
        self.values = vec![None; self.body.values.len()];
        self.work += 1;
        self.fresh.clear();
        self.reset(When::Start);
        for (phase, stmts) in Phase::ALL.into_iter().zip(&self.body.phases) {
            for stmt in stmts {
                if self.network.clock(stmt.clock).holds(t) {
                    self.stmt(stmt);
                }
            }
            self.reset(When::After(phase));
        }
        self.reset(When::Host);
        self.fade();
    }

    fn reset(&mut self, when: When) {
        for reset in self.resets.known {
            if reset.when == when && self.network.clock(reset.clock).holds(self.t) {
                self.vars[reset.var.1 as usize] = self.initial(reset.var.1);
            }
        }
    }

    /// What was stored in this step is late in the next one, and what was late is held.
    fn fade(&mut self) {
        for (var, circle) in &self.eternal.circle {
            let stored = self.fresh.contains(var);
            let own = late(*circle);
            let fade = |bits: Bits, eternal: Bits| match (eternal, bits) {
                (0, _) | (_, 0) => bits,
                _ if stored && bits & FRESH != 0 => own | HELD,
                _ => HELD,
            };
            let cell = &mut self.vars[*var as usize];
            cell.marks = cell.marks.zip(&self.eternal.marks[var], fade);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        let guard = stmt.guard.map(|g| self.value(g));
        let (mut conditional, mut condition) = (false, 0);
        if let Some(guard) = guard {
            match guard.known {
                Some(holds) if !is_zero(holds) => {}
                Some(_) => return,
                None => (conditional, condition) = (true, guard.marks.any()),
            }
        }
        match &stmt.action {
            Action::Read(v) | Action::Pop(v) => {
                self.values[v.at()] = match self.body.values[v.at()].op {
                    Op::Var(var) => Some(self.vars[var as usize].clone()),
                    Op::Input(port) => Some(self.ports[port as usize].clone()),
                    _ => None,
                };
            }
            Action::Receive(v) => {
                let Op::Input(port) = self.body.values[v.at()].op else { return };
                let rank = self.body.ports[port as usize].shape.len();
                let arrives = self
                    .entry
                    .feeds
                    .iter()
                    .any(|(p, first, last)| *p == port && (*first..=*last).contains(&self.t));
                self.values[v.at()] = Some(Cell::of(rank, if arrives { FRESH } else { 0 }));
            }
            Action::Eval(v) => {
                let mut cell = self.value(*v);
                cell.marks = cell.marks.map(|b| b | condition);
                self.values[v.at()] = Some(cell);
            }
            Action::Send { port, value } => {
                let cell = self.value(*value);
                self.send(*port, cell, conditional, condition);
            }
            Action::Store { var, region, value, mask } => {
                let mut cell = self.value(*value);
                let mut keeps = conditional;
                let mut joined = condition;
                if let Some(mask) = mask {
                    let mask = self.value(*mask);
                    match mask.known {
                        Some(holds) if is_zero(holds) => return,
                        Some(_) => {}
                        None => {
                            keeps = true;
                            joined |= mask.marks.any();
                        }
                    }
                }
                cell.marks = cell.marks.map(|b| b | joined);
                self.store(*var, region, cell, keeps);
            }
            Action::Push { .. } => {}
        }
    }

    fn send(&mut self, port: u32, cell: Cell, conditional: bool, condition: Bits) {
        let marks = cell.marks.map(|b| b | condition);
        let bits = marks.any();
        self.out.sent.entry(port).or_default().push(Sent {
            t: self.t,
            fresh: bits & !HELD != 0,
            marked: bits != 0,
            silent: !conditional && cell.known.is_some_and(is_zero),
        });
        let rank = self.body.ports[port as usize].shape.len();
        let marks = marks.or(&Marks::all(rank, 0));
        let known = cell.known.filter(|_| !conditional);
        let before = &self.ports[port as usize];
        let marks = if conditional { before.marks.or(&marks) } else { marks };
        self.ports[port as usize] = Cell { marks, known };
    }

    fn store(&mut self, var: u32, region: &[Pick], cell: Cell, keeps: bool) {
        let of = &self.body.vars[var as usize];
        let rank = of.shape.len();
        let (mut keeps, mut extra) = (keeps, 0);
        let mut region_of: Vec<(usize, usize)> = Vec::with_capacity(rank);
        // The axes of the variable that the value has.
        let mut axes = Vec::new();
        for (axis, (pick, size)) in region.iter().zip(&of.shape).enumerate() {
            region_of.push(match pick {
                Pick::At(i) => (*i, i + 1),
                Pick::Range(lo, hi) => {
                    axes.push(axis);
                    (*lo, *hi)
                }
                Pick::Computed(index) => {
                    let index = self.value(*index);
                    extra |= index.marks.any();
                    match as_index(index.known, *size) {
                        Some(at) => (at, at + 1),
                        None => {
                            let before = &self.vars[var as usize].marks;
                            let moves = cell.marks.any() != 0 || !before.is_uniform();
                            self.out.vague |= moves && *size > 1;
                            keeps = true;
                            (0, *size)
                        }
                    }
                }
            });
        }
        let circle = self.eternal.circle.get(&var).copied();
        let arriving = |bits: Bits, eternal: bool| match circle.filter(|_| eternal) {
            Some(circle) => {
                let own = late(circle);
                let from_others = bits & !(FRESH | HELD | own) != 0;
                let held = bits & (HELD | own) != 0;
                (bits & FRESH) | u32::from(from_others) | (if held { HELD } else { 0 })
            }
            None => u32::from(bits & !HELD != 0) | bits & HELD,
        };
        let eternal = self.eternal.marks.get(&var).map_or(Marks::all(rank, 0), Clone::clone);
        let own = circle.map_or(0, late);
        // What stays is held where it was late; an element's bits with whether it is eternal.
        let flag = 1 << 31;
        let before = self.vars[var as usize]
            .marks
            .zip(&eternal, |bits, eternal| bits | if eternal != 0 { flag } else { 0 });
        let mut shape = vec![1; rank];
        axes.iter().for_each(|a| shape[*a] = region_of[*a].1 - region_of[*a].0);
        let value = cell.marks.spread(&axes, rank);
        let merged = before.stored(&of.shape, &region_of, &value, |old, new| {
            let is_eternal = old & flag != 0;
            let old = old & !flag;
            let new = arriving(new | extra, is_eternal);
            match keeps {
                true if is_eternal && old & own != 0 => new | (old & !own) | HELD,
                true => new | old,
                false => new,
            }
        });
        self.work += merged.len() as u64;
        let whole = region_of.iter().zip(&of.shape).all(|((lo, hi), n)| (*lo, *hi) == (0, *n));
        let fitted = cell.known.and_then(|known| match (known, of.ty.fit().op()) {
            (Scalar::Int(_), Some(op)) => op.eval(&[known]),
            _ => Some(known),
        });
        let before = self.vars[var as usize].known;
        let known = match (fitted, before) {
            _ if self.is_unknown(var) => None,
            (Some(new), _) if whole && !keeps => Some(new),
            (Some(new), Some(old)) if new.same(old) => Some(new),
            _ => None,
        };
        self.vars[var as usize] = Cell { marks: merged.map(|b| b & !flag), known };
        self.fresh.insert(var);
    }

    /// The elements of state that still have a mark.
    fn eternal(&self) -> Eternal {
        let marked = |(var, cell): (usize, &Cell)| {
            (cell.marks.any() != 0).then(|| (var as u32, cell.marks.map(|b| u32::from(b != 0))))
        };
        let marks: BTreeMap<u32, Marks> = self.vars.iter().enumerate().filter_map(marked).collect();
        let mut edges = Vec::new();
        for (_, stmt) in self.body.stmts() {
            let Action::Store { var, .. } = &stmt.action else { continue };
            let mut read = BTreeSet::new();
            stmt.action.for_each_value(&mut |v| self.reads(v, &mut read));
            stmt.guard.iter().for_each(|g| self.reads(*g, &mut read));
            edges.extend(read.into_iter().map(|from| (from as usize, *var as usize)));
        }
        edges.retain(|(a, b)| [a, b].into_iter().all(|v| marks.contains_key(&(*v as u32))));
        let circles = components(self.body.vars.len(), edges.into_iter());
        let circle = circles
            .iter()
            .enumerate()
            .flat_map(|(at, members)| members.iter().map(move |var| (*var as u32, at)));
        let circle = circle.filter(|(var, _)| marks.contains_key(var)).collect();
        Eternal { marks, circle }
    }

    /// Adds the variables that a value reads.
    fn reads(&self, value: ValueId, found: &mut BTreeSet<u32>) {
        let (mut pending, mut seen) = (vec![value], BTreeSet::new());
        while let Some(next) = pending.pop() {
            let of = &self.body.values[next.at()];
            if let Op::Var(var) = of.op {
                found.insert(var);
            }
            pending.extend(of.args.iter().copied().filter(|a| seen.insert(*a)));
        }
    }
}

/// The out ports of a body.
pub fn out_ports(body: &Body) -> impl Iterator<Item = u32> + '_ {
    let ports = body.ports.iter().zip(0..);
    ports.filter(|(p, _)| p.direction == Direction::Out).map(|(_, at)| at)
}
