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

mod carried;
pub mod constants;
mod values;

use super::grid::{Grid, Join};
use super::times::{Stretch, Times};
use carried::{Carried, late};
use constants::Constants;
use snn_grammar::ast::Direction;
use snn_ir::circles::components;
use snn_ir::network::{
    Action, Body, InstanceId, Network, Op, Phase, Pick, Reset, Stage, Stmt, ValueId, When,
};
use snn_ir::scalar::{self, Scalar};
use std::collections::{BTreeMap, BTreeSet};
use values::as_index;

/// How far the elements of an array are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Apart {
    /// What a sum of inputs carries, all sums of the same delay carry.
    #[default]
    Never,
    /// As far as weights say that are spread over delays, or inputs that differ.
    ByDelay,
    /// As far as all weights say.
    ByWeights,
}

/// What following a process may take.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Values computed.
    pub values: u64,
    /// Elements of them that differ from the first.
    pub apart: u64,
}

/// What enters a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Marked messages: the port, and when those of each element have been sent. They enter in
    /// these steps, or all in the first where nothing depends on the step.
    pub feeds: Vec<(u32, Times)>,
    /// A step in which what is loaded from data, by an index that is computed, is marked.
    pub rows: Option<u64>,
    /// Whether nothing depends on the step, so that nothing new comes once nothing changes.
    pub steady: bool,
    /// How far elements are told apart.
    pub apart: Apart,
    /// The last step that is executed: state has its initial values before the first.
    pub until: u64,
}

/// What a port sends.
#[derive(Debug, Default)]
pub struct Sent {
    /// In which steps, and whether it is zeros, whatever happened.
    pub steps: Vec<(u64, bool)>,
    /// When elements send what depends on marked messages that are not only remembered.
    moving: Option<Times>,
    /// The first that depends on what is remembered.
    remembered: Option<Times>,
}

/// What a process has sent, by port.
#[derive(Debug, Default)]
pub struct Followed {
    /// By port.
    pub sent: BTreeMap<u32, Sent>,
    /// Whether an index was not known that decides where a marked message is.
    pub vague: bool,
    /// Elements of values that were told apart from the first.
    pub apart: u64,
}

impl Followed {
    /// When a port sends what is marked: what is fresh or, if that is nothing, the first that is
    /// remembered. Where nothing depends on the step, less the one in which all entered.
    pub fn marked(&self, port: u32) -> Option<Times> {
        let sent = self.sent.get(&port)?;
        sent.moving.clone().or_else(|| sent.remembered.clone())
    }
}

/// Whether what a process does depends on the step: on its guards, on `t`, on indices.
pub fn varies(network: &Network, body: &Body) -> bool {
    let step = |v: &ValueId| body.values[v.at()].stage == Stage::Step;
    let value = |v: &snn_ir::network::Value| match v.op {
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

/// The params of a body that decide how messages pass, whatever they are: conditions and numbers
/// that may be zero.
pub fn decisive(body: &Body, apart: Apart) -> BTreeSet<u32> {
    let once = |v: &ValueId| body.values[v.at()].stage == Stage::Once;
    let rank = |v: &ValueId| body.values[v.at()].shape.len();
    let is_scalar = |v: &ValueId| body.values[v.at()].shape.iter().product::<usize>() == 1;
    let mut pending: Vec<ValueId> =
        body.vars.iter().map(|var| var.init).filter(is_scalar).collect();
    for value in body.values.iter().filter(|v| v.stage == Stage::Step) {
        let weights = match value.op {
            Op::MatMul => apart == Apart::ByWeights || rank(&value.args[0]) > 2,
            Op::Conv(_) => apart == Apart::ByWeights,
            Op::Scalar(scalar::Op::Mul | scalar::Op::And | scalar::Op::Select) => true,
            _ => false,
        };
        pending.extend(value.args.iter().copied().filter(|v| once(v) && (weights || is_scalar(v))));
    }
    for (_, stmt) in body.stmts() {
        pending.extend(stmt.guard);
        stmt.action.for_each_value(&mut |v| pending.push(v));
    }
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    while let Some(next) = pending.pop() {
        let of = &body.values[next.at()];
        if of.stage != Stage::Once || !seen.insert(next) {
            continue;
        }
        if let Op::Param(slot) = of.op {
            found.insert(slot);
        }
        pending.extend(of.args.iter().copied());
    }
    found
}

/// The resets of an instance.
#[derive(Clone, Copy, Default)]
pub struct Resets<'n> {
    /// Those whose steps are known.
    pub known: &'n [&'n Reset],
    /// Variables that are reset at steps that are not known yet: no value of theirs is known.
    pub unknown: Option<&'n BTreeSet<u32>>,
}

/// Follows what enters an instance with these constants. `None` where that takes more than `most`.
pub fn follow(
    network: &Network,
    (instance, constants): (InstanceId, &mut Constants<'_>),
    entry: &Entry,
    resets: Resets<'_>,
    most: Most,
) -> Option<Followed> {
    let body = network.body(instance);
    let mut machine = Machine::new((network, body), constants, entry, resets);
    let followed = machine.run(most)?;
    let eternal = machine.eternal();
    if eternal.circle.is_empty() {
        return Some(followed);
    }
    let mut machine = Machine::new((network, body), constants, entry, resets);
    machine.eternal = eternal;
    machine.run(most)
}

/// Elements that keep a mark for good.
#[derive(Default)]
struct Eternal {
    /// By variable, those elements.
    elements: BTreeMap<u32, Grid<bool>>,
    /// The circle of variables that each belongs to.
    circle: BTreeMap<u32, usize>,
}

/// What each element carries and, where it is known and the same for all elements, the value.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    carried: Grid<Carried>,
    known: Option<Scalar>,
}

struct Machine<'m, 'n> {
    network: &'m Network,
    body: &'m Body,
    entry: &'m Entry,
    resets: Resets<'m>,
    /// All that two instances of the body may differ in.
    constants: &'m mut Constants<'n>,
    eternal: Eternal,
    vars: Vec<Cell>,
    /// Variables that were stored in this step.
    fresh: BTreeSet<u32>,
    ports: Vec<Cell>,
    values: Vec<Option<Cell>>,
    /// Values that are the same in every step.
    lasting: Vec<bool>,
    t: u64,
    out: Followed,
    /// Values computed.
    work: u64,
}

impl<'m, 'n> Machine<'m, 'n> {
    fn new(
        (network, body): (&'m Network, &'m Body),
        constants: &'m mut Constants<'n>,
        entry: &'m Entry,
        resets: Resets<'m>,
    ) -> Machine<'m, 'n> {
        // What a statement fixes may depend on its guard, even if it is a constant.
        let mut lasting: Vec<bool> = body.values.iter().map(|v| v.stage == Stage::Once).collect();
        for (_, stmt) in body.stmts() {
            stmt.action.fixes().into_iter().for_each(|v| lasting[v.at()] = false);
        }
        let mut machine = Machine {
            network,
            body,
            entry,
            resets,
            constants,
            eternal: Eternal::default(),
            vars: Vec::new(),
            fresh: BTreeSet::new(),
            ports: body.ports.iter().map(|p| Cell::empty(p.shape.len())).collect(),
            values: vec![None; body.values.len()],
            lasting,
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
        Cell { known, ..Cell::empty(of.shape.len()) }
    }

    fn is_unknown(&self, var: u32) -> bool {
        self.resets.unknown.is_some_and(|unknown| unknown.contains(&var))
    }

    fn run(&mut self, most: Most) -> Option<Followed> {
        let last = |(_, times): &(u32, Times)| match self.entry.steady {
            true => 1,
            false => u64::try_from(times.any().last).unwrap_or(0),
        };
        let entered = self.entry.feeds.iter().map(last).chain(self.entry.rows).max();
        for t in 1..=self.entry.until {
            let before = self.entry.steady.then(|| (self.vars.clone(), self.ports.clone()));
            self.step(t);
            if self.work > most.values || self.out.apart > most.apart {
                return None;
            }
            let same = before.is_some_and(|(vars, ports)| vars == self.vars && ports == self.ports);
            let left = || self.vars.iter().chain(&self.ports).all(|c| c.carried.any().is_none());
            // Where messages were to enter, nothing more happens once all have left.
            let over = entered.is_some() && left();
            if t > entered.unwrap_or(1) && (same || over) {
                break;
            }
        }
        Some(std::mem::take(&mut self.out))
    }

    /// Counts what a value takes.
    fn count<T: Join>(&mut self, of: &Grid<T>) {
        self.work += 1;
        self.out.apart += of.len() as u64 - 1;
    }

    fn step(&mut self, t: u64) {
        self.t = t;
        for (value, lasts) in self.values.iter_mut().zip(&self.lasting) {
            *value = value.take().filter(|_| *lasts);
        }
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
            let (own, stored) = (late(*circle), self.fresh.contains(var));
            let fade = |carried: Carried, eternal: bool| match eternal {
                true => carried.faded(own, stored),
                false => carried,
            };
            let cell = &mut self.vars[*var as usize];
            cell.carried = cell.carried.zip(&self.eternal.elements[var], fade);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        let guard = stmt.guard.map(|g| self.value(g));
        let (mut conditional, mut condition) = (false, Carried::NONE);
        if let Some(guard) = guard {
            match guard.known {
                Some(holds) if !holds.is_zero() => {}
                Some(_) => return,
                None => (conditional, condition) = (true, guard.carried.any()),
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
                self.values[v.at()] = Some(self.receive(port));
            }
            Action::Eval(v) => {
                let mut cell = self.value(*v);
                cell.carried = cell.carried.or_all(condition);
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
                        Some(holds) if holds.is_zero() => return,
                        Some(_) => {}
                        None => {
                            keeps = true;
                            joined = joined.or(mask.carried.any());
                        }
                    }
                }
                cell.carried = cell.carried.or_all(joined);
                self.store(*var, region, cell, keeps);
            }
            Action::Push { .. } => {}
        }
    }

    /// What arrives at a port in this step.
    fn receive(&self, port: u32) -> Cell {
        let rank = self.body.ports[port as usize].shape.len();
        let t = self.t as i64;
        let entering = |times: Stretch| match self.entry.steady {
            true if t == 1 => Carried::fresh(times.later(-t)),
            false if (times.first..=times.last).contains(&t) => {
                Carried::fresh(Stretch { first: t, last: t, ..times }.later(-t))
            }
            _ => Carried::NONE,
        };
        let fed = self.entry.feeds.iter().filter(|(p, _)| *p == port);
        let carried = fed.map(|(_, times)| times.map(entering));
        let carried = carried.fold(Grid::none(rank), |all, more| all.or(&more));
        Cell { carried, known: None }
    }

    fn send(&mut self, port: u32, cell: Cell, conditional: bool, condition: Carried) {
        let carried = cell.carried.or_all(condition);
        let sent = self.out.sent.entry(port).or_default();
        sent.steps.push((self.t, !conditional && cell.known.is_some_and(Scalar::is_zero)));
        let t = self.t as i64;
        let moving = carried.map(|c| c.moving().later(t));
        if !moving.any().is_none() {
            sent.moving = Some(sent.moving.take().map_or(moving.clone(), |m| m.or(&moving)));
        } else if !carried.any().is_none() && sent.remembered.is_none() {
            sent.remembered = Some(carried.map(|c| c.all().later(t)));
        }
        let rank = self.body.ports[port as usize].shape.len();
        let carried = carried.or(&Grid::none(rank));
        let known = cell.known.filter(|_| !conditional);
        let before = &self.ports[port as usize];
        let carried = if conditional { before.carried.or(&carried) } else { carried };
        self.ports[port as usize] = Cell { carried, known };
    }

    fn store(&mut self, var: u32, region: &[Pick], cell: Cell, keeps: bool) {
        let of = &self.body.vars[var as usize];
        let rank = of.shape.len();
        let (mut keeps, mut extra) = (keeps, Carried::NONE);
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
                    extra = extra.or(index.carried.any());
                    match as_index(index.known, *size) {
                        Some(at) => (at, at + 1),
                        None => {
                            let before = &self.vars[var as usize].carried;
                            let moves =
                                !cell.carried.any().is_none() || !before.is_uniform_along(axis);
                            self.out.vague |= moves && *size > 1;
                            keeps = true;
                            (0, *size)
                        }
                    }
                }
            });
        }
        let circle = self.eternal.circle.get(&var).copied();
        let own = circle.map_or(0, late);
        let eternal = self.eternal.elements.get(&var).cloned();
        // An element with whether it is eternal, as one more bit.
        let flag = 1 << 31;
        let flagged = |c: Carried, eternal: bool| match eternal {
            true => c.with(c.bits | flag),
            false => c,
        };
        let before = &self.vars[var as usize].carried;
        let before =
            eternal.as_ref().map_or(before.clone(), |eternal| before.zip(eternal, flagged));
        let value = cell.carried.spread(&axes, rank);
        let merged = before.stored(&of.shape, &region_of, &value, |old, new| {
            let is_eternal = old.bits & flag != 0;
            let old = old.with(old.bits & !flag);
            let new = new.or(extra);
            let new = if is_eternal { new.kept(own) } else { new.arrived() };
            match keeps {
                true if is_eternal => new.or(old.stayed(own)),
                true => new.or(old),
                false => new,
            }
        });
        self.count(&merged);
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
        let carried = match eternal {
            Some(_) => merged.map(|c| c.with(c.bits & !flag)),
            None => merged,
        };
        self.vars[var as usize] = Cell { carried, known };
        self.fresh.insert(var);
    }

    /// The elements of state that still have a mark.
    fn eternal(&self) -> Eternal {
        let marked = |(var, cell): (usize, &Cell)| {
            let carries = cell.carried.map(|c| !c.is_none());
            carries.any().then_some((var as u32, carries))
        };
        let elements: BTreeMap<u32, Grid<bool>> =
            self.vars.iter().enumerate().filter_map(marked).collect();
        let mut edges = Vec::new();
        for (_, stmt) in self.body.stmts() {
            let Action::Store { var, .. } = &stmt.action else { continue };
            let mut read = BTreeSet::new();
            stmt.action.for_each_value(&mut |v| self.reads(v, &mut read));
            stmt.guard.iter().for_each(|g| self.reads(*g, &mut read));
            edges.extend(read.into_iter().map(|from| (from as usize, *var as usize)));
        }
        edges.retain(|(a, b)| [a, b].into_iter().all(|v| elements.contains_key(&(*v as u32))));
        let circles = components(self.body.vars.len(), edges.into_iter());
        let circle = circles
            .iter()
            .enumerate()
            .flat_map(|(at, members)| members.iter().map(move |var| (*var as u32, at)));
        let circle = circle.filter(|(var, _)| elements.contains_key(var)).collect();
        Eternal { elements, circle }
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
