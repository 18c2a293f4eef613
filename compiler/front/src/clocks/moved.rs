//! Changes of text that make a clearing and the messages of a wave fit: the steps of the clearing
//! are written otherwise, or a connection holds messages back.

use super::check::{Waves, skew};
use super::latency::Arrivals;
use super::waves::{Clearing, Finding};
use crate::resolve::{Piece, Program, Symbol};
use snn_grammar::ast::{self, ExprKind, NetworkMember, ProcessMember, ResetWhen, Span, StmtKind};
use snn_ir::diagnostics::{Edit, Fix, Loc};
use snn_ir::network::{InstanceId, Network};
use std::collections::BTreeMap;

/// Where the steps of a clearing are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timing {
    /// In a `reset`: what follows its targets, and the phase.
    Reset(Loc, String),
    /// As the only condition around a statement.
    Condition(Loc),
}

impl Timing {
    /// Of the statement at a place; none where its steps follow from several texts.
    pub fn of(program: &Program, place: Loc) -> Option<Timing> {
        let at = |span| Loc { span, ..place };
        let around = program.around(place);
        if let Some(Piece::Network(NetworkMember::Reset(reset))) = around.last() {
            let start = reset.targets.last()?.span.end;
            let phase = reset.phase.as_ref().map(|p| format!(" in {}", p.name));
            let span = Span { start, end: reset.span.end };
            return Some(Timing::Reset(at(span), phase.unwrap_or_default()));
        }
        let mut conditions = Vec::new();
        for piece in around {
            match piece {
                Piece::Process(ProcessMember::Phase(phase)) => conditions.extend(&phase.guard),
                Piece::Stmt(stmt) => match &stmt.kind {
                    StmtKind::If { els, .. } if els.iter().any(|s| holds(s.span, place)) => {
                        return None;
                    }
                    StmtKind::If { cond, .. } => conditions.push(cond),
                    _ => {}
                },
                _ => {}
            }
        }
        let [only] = conditions.as_slice() else { return None };
        Some(Timing::Condition(at(only.span)))
    }
}

fn holds(span: Span, place: Loc) -> bool {
    span.start <= place.span.start && place.span.end <= span.end
}

/// What is known of all clearings when one of them is to be changed.
pub struct Moves<'m> {
    pub network: &'m Network,
    pub found: &'m Arrivals,
    program: &'m Program,
    findings: &'m [(&'m Clearing, Finding)],
    /// By the place of a statement.
    timings: BTreeMap<Loc, Option<Timing>>,
    /// The findings that are written at one place.
    alike: BTreeMap<Timing, Vec<usize>>,
    waves: Waves,
}

impl<'m> Moves<'m> {
    pub fn new(
        network: &'m Network,
        program: &'m Program,
        found: &'m Arrivals,
        findings: &'m [(&'m Clearing, Finding)],
    ) -> Moves<'m> {
        let (mut timings, mut alike) = (BTreeMap::new(), BTreeMap::new());
        for (i, (clearing, _)) in findings.iter().enumerate() {
            let place = clearing.place;
            let timing = timings.entry(place).or_insert_with(|| Timing::of(program, place));
            if let Some(timing) = timing {
                alike.entry(timing.clone()).or_insert_with(Vec::new).push(i);
            }
        }
        let waves = Waves::new(network.resets.iter().map(|reset| reset.var));
        Moves { network, found, program, findings, timings, alike, waves }
    }

    /// Where the steps of a clearing are written, if that is one place.
    pub fn timing(&self, of: &Clearing) -> Option<Timing> {
        self.timings.get(&of.place).cloned().flatten()
    }

    /// Where a clearing is shown: where its process is used, if that is one of the library.
    pub fn shown(&self, of: &Clearing) -> Loc {
        match self.program.sources.is_library(of.place) {
            true => self.network.instances[of.instance.at()].place,
            false => of.place,
        }
    }

    /// The clearings that are written at the same place.
    fn alike(&self, of: &Clearing) -> impl Iterator<Item = &(&'m Clearing, Finding)> {
        let all = self.timing(of).and_then(|timing| self.alike.get(&timing));
        all.into_iter().flatten().map(|i| &self.findings[*i])
    }

    /// How many steps later a clearing fits that does not yet: the least change, if possible one
    /// with which all fit that are written with it. None where it never fits.
    pub fn later(&self, of: &Clearing, finding: &Finding) -> Option<i64> {
        let own = finding.shifts();
        let all = self.alike(of).map(|(_, other)| other.shifts());
        let both = all.fold(own, |(a, b), (lo, hi)| (a.max(lo), b.min(hi)));
        let mut least = [both, own].into_iter().filter(|(lo, hi)| lo <= hi);
        least.next().map(|(lo, hi)| 0.clamp(lo, hi))
    }

    /// Other steps for a clearing, so many later, where that fits all that are written with it
    /// (but those of one process).
    pub fn moved(&self, of: &Clearing, by: i64, but: Option<InstanceId>) -> Option<Edit> {
        let clock = self.network.clock(of.clock);
        let period = i64::try_from(clock.period()).ok()?;
        let alike = self.alike(of).all(|(c, f)| (c.clock, f.period) == (of.clock, period));
        let fits = self.alike(of).all(|(c, f)| Some(c.instance) == but || f.fits(by));
        if !alike || !fits {
            return None;
        }
        let first = i64::try_from(clock.next(1)?).ok()? + by;
        let step = first.rem_euclid(period);
        Some(match self.timing(of)? {
            Timing::Reset(loc, phase) => {
                Edit::replace(loc, format!(" every {period} offset {step}{phase}"))
            }
            Timing::Condition(loc) => {
                let condition = format!("t % {period} == {step}");
                // What has closed no window before must not begin to.
                Edit::replace(
                    loc,
                    match first > period {
                        true => format!("{condition} and t > {}", first - period),
                        false => condition,
                    },
                )
            }
        })
    }

    /// Lets the compiler compute the steps of a reset that names an epoch, where those that it
    /// computes fit.
    pub fn skewed(&mut self, of: &Clearing) -> Option<Edit> {
        let Some(Timing::Reset(loc, phase)) = self.timing(of) else { return None };
        let around = self.program.around(of.place);
        let Some(Piece::Network(NetworkMember::Reset(reset))) = around.last() else { return None };
        let ResetWhen::At { at, skew: written } = &reset.when else { return None };
        if written.as_ref().is_some_and(|skew| skew.name == "auto") {
            return None;
        }
        let (every, start) = self.network.clock(of.clock).as_every()?;
        let arrivals = self.waves.of(self.network, (every, i64::try_from(start).ok()?));
        let later = |instance: InstanceId| skew(&arrivals, instance.at());
        if !self.alike(of).all(|(c, finding)| finding.fits(later(c.instance))) {
            return None;
        }
        let file = self.program.sources.files.get(loc.file as usize)?;
        let epoch = &file.text[file.range(at.span)];
        Some(Edit::replace(loc, format!(" at {epoch} skew auto{phase}")))
    }

    /// Holds the messages of the shorter of two ways back, where that is a connection of the
    /// standard library and leads nowhere else.
    pub fn delayed(&self, of: &Clearing, finding: &Finding, over: i64) -> Option<Fix> {
        let [(link, sender), long] = match finding.arrival.through {
            [Some(short), Some(long)] if short != long => [short, long],
            _ => return None,
        };
        let links = &self.network.links;
        let into = links.iter().filter(|l| l.to.0 == of.instance).flat_map(|l| &l.senders).count();
        let holder = links[link].senders[sender].from.0;
        let out = links.iter().flat_map(|l| &l.senders).filter(|s| s.from.0 == holder).count();
        let arrived = self.found.at[holder.at()]?;
        let last = arrived.last as i64 + finding.first - arrived.first as i64 + over;
        if links[long.0].senders[long.1].from.0 == holder
            || (into, out) != (2, 1)
            || last > finding.last
        {
            return None;
        }
        let mut edits = self.with_delay(self.network.instances[holder.at()].place, over)?;
        // One step is left that fits.
        let mut moved: BTreeMap<Loc, Edit> = BTreeMap::new();
        for (clearing, known) in self.findings {
            let by = finding.first + over - known.step;
            if clearing.instance == of.instance && by.rem_euclid(known.period) != 0 {
                let edit = self.moved(clearing, by, Some(of.instance))?;
                moved.insert(edit.loc, edit);
            }
        }
        edits.extend(moved.into_values());
        Some(Fix::proposed(edits))
    }

    /// `DelayDense(weights: w, delays: n)` for `Dense(weights: w)`.
    fn with_delay(&self, place: Loc, steps: i64) -> Option<Vec<Edit>> {
        let around = self.program.around(place);
        let part = match around.last()? {
            Piece::Network(NetworkMember::Part(part)) => &part.value,
            Piece::Network(NetworkMember::Connection(c)) => {
                c.hops.iter().find(|hop| hop.span == place.span)?
            }
            _ => return None,
        };
        let ExprKind::Call { callee, args } = &part.kind else { return None };
        let named = match &callee.kind {
            ExprKind::Index(named, _) => named,
            _ => callee,
        };
        let ExprKind::Name(name) = &named.kind else { return None };
        let at = |e: &ast::Expr| Loc { span: e.span, ..place };
        let in_library = |name: &str| match self.program.lookup(place.file, name) {
            Some(Symbol::Item(item)) => self.program.prelude.contains(&item.file),
            _ => false,
        };
        let (first, rest) = args.split_first()?;
        let known = ["Dense", "Sparse"].contains(&name.as_str())
            && in_library(name)
            && in_library(&format!("Delay{name}"))
            && rest.iter().all(|arg| arg.name.is_some());
        known.then(|| {
            let delays = format!(", delays: {steps}");
            vec![Edit::before(at(named), "Delay"), Edit::after(at(&first.value), delays)]
        })
    }
}
