//! How long messages take from the sources of a network to each of its processes.

use super::follow::constants::Constants;
use super::follow::{self, Apart, Entry, Followed, Most, Resets, follow, out_ports};
use super::grid::Join;
use super::order::Order;
use super::passages::{Passage, Passages, Passed};
use super::times::{Stretch, Times};
use snn_grammar::ast::Direction;
use snn_ir::clock::Clock;
use snn_ir::network::{
    Action, Body, BodyId, InstanceId, Link, Network, Op, Phase, Pick, Reset, Sender, TensorId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What following one process may take, where its neurons are not told apart.
const MOST: Most = Most { values: 1 << 18, apart: 1 << 18 };
/// Elements that following one process may tell apart.
const MOST_APART: u64 = 1 << 24;
/// The same in a whole network.
const MOST_APART_ALL: u64 = 1 << 26;
/// Steps that one process is followed, at most.
const LONGEST: u64 = 1 << 20;
/// Messages of a queue whose waiting is looked at one by one.
const MOST_MESSAGES: usize = 4096;

/// What the sources send in `period` steps from `start` on, again and again.
#[derive(Clone, Debug)]
pub struct Wave {
    /// The first step.
    pub start: u64,
    /// How many steps.
    pub period: u64,
    /// What counts as sent.
    pub of: Sending,
}

/// What counts as sent by sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Every message.
    All,
    /// Every message but those that are zeros, whatever the data is.
    Data,
    /// What follows from the row that these processes load at the start of the wave.
    Rows(BTreeSet<BodyId>),
}

impl Wave {
    /// The first wave of an epoch that begins when every clock of the network has become
    /// regular.
    pub fn of_epoch(network: &Network, (period, residue): (u64, i64), of: Sending) -> Wave {
        let regular = 1 + network.clocks.iter().map(Clock::prefix).max().unwrap_or(0);
        let residue = residue.rem_euclid(i64::try_from(period).unwrap_or(i64::MAX)) as u64;
        let after = (regular + period - residue % period) % period;
        let start = regular + if after == 0 { 0 } else { period - after };
        Wave { start: start.max(1), period, of }
    }

    /// The step at which processes of a body load the wave's row, if they do.
    fn rows(&self, body: BodyId) -> Option<u64> {
        let loads = matches!(&self.of, Sending::Rows(bodies) if bodies.contains(&body));
        loads.then_some(self.start)
    }

    fn last(&self) -> u64 {
        self.start.saturating_add(self.period - 1)
    }
}

/// Messages of a wave, where they are sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The step of the first.
    pub first: u64,
    /// The step of the last.
    pub last: u64,
    /// How many steps they have taken, at least and at most.
    pub took: (u64, u64),
    /// The link and sender through which the first and the last have come.
    pub through: [Option<(usize, usize)>; 2],
}

/// When a wave arrives at each process.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// By process; none where nothing of the wave arrives.
    pub at: Vec<Option<Arrival>>,
    /// The last step in which the wave is sent.
    pub sent: u64,
    /// Processes that were not understood: what they send, and when, is not known.
    pub vague: BTreeSet<usize>,
    /// Processes that what was not understood may reach, with the first on the way.
    pub behind: BTreeMap<usize, usize>,
    /// Processes that are reached from one whose neurons count as one, because they are too many to
    /// be told apart, with the first on the way.
    pub alike: BTreeMap<usize, usize>,
    /// The order in which waves reach the processes.
    pub order: Order,
}

/// Follows a wave from the sources. In a circle of processes, the connection that closes it (to
/// one declared earlier) is not followed. `unknown` are variables that are reset at steps that
/// are not known yet; `passages` is what other waves of the network have shown.
pub fn arrivals(
    network: &Network,
    wave: &Wave,
    unknown: &BTreeMap<InstanceId, BTreeSet<u32>>,
    passages: &mut Passages,
) -> Arrivals {
    // As long as all neurons of each layer are alike, it is not needed which weights are zero.
    let mut follower = Follower::new(network, wave, unknown, passages);
    if !follower.run() {
        follower.tell_apart();
        follower.run();
    }
    follower.found
}

/// What a body does with marked messages, as far as all its instances share it.
#[derive(Clone)]
struct Nature {
    /// It depends on the step.
    varies: bool,
    /// The params that decide about it: which weights are zero, which conditions hold.
    decisive: Rc<[u32]>,
}

struct Follower<'n> {
    network: &'n Network,
    wave: &'n Wave,
    unknown: &'n BTreeMap<InstanceId, BTreeSet<u32>>,
    resets: BTreeMap<InstanceId, Vec<&'n Reset>>,
    uses: BTreeMap<(BodyId, u32), Option<(Phase, Clock)>>,
    passages: &'n mut Passages,
    natures: BTreeMap<BodyId, Nature>,
    /// What ports send of the wave.
    departures: BTreeMap<(InstanceId, u32), Times>,
    /// How far neurons are told apart.
    apart: Apart,
    /// What telling neurons apart may still take.
    left: u64,
    found: Arrivals,
}

impl<'n> Follower<'n> {
    fn new(
        network: &'n Network,
        wave: &'n Wave,
        unknown: &'n BTreeMap<InstanceId, BTreeSet<u32>>,
        passages: &'n mut Passages,
    ) -> Follower<'n> {
        let n = network.instances.len();
        let order = Order::of(network);
        let mut resets: BTreeMap<InstanceId, Vec<&Reset>> = BTreeMap::new();
        network.resets.iter().for_each(|r| resets.entry(r.var.0).or_default().push(r));
        let found = Arrivals { at: vec![None; n], sent: wave.last(), order, ..Arrivals::default() };
        Follower {
            network,
            wave,
            unknown,
            resets,
            uses: BTreeMap::new(),
            passages,
            natures: BTreeMap::new(),
            departures: BTreeMap::new(),
            apart: Apart::ByDelay,
            left: MOST_APART_ALL,
            found,
        }
    }

    /// Begins again, and tells neurons apart as far as all weights say.
    fn tell_apart(&mut self) {
        self.apart = Apart::ByWeights;
        self.left = MOST_APART_ALL;
        self.natures.clear();
        self.departures.clear();
        let found = std::mem::take(&mut self.found);
        let at = vec![None; found.at.len()];
        self.found = Arrivals { at, sent: found.sent, order: found.order, ..Arrivals::default() };
    }

    /// Follows the wave to all processes. Ends, with false, where neurons must be told apart.
    fn run(&mut self) -> bool {
        for at in 0..self.found.order.instances.len() {
            let i = self.found.order.instances[at];
            self.process(i);
            let id = InstanceId(i as u32);
            let mut sent = self.departures.range((id, 0)..=(id, u32::MAX));
            if self.apart != Apart::ByWeights && !sent.all(|(_, times)| times.is_uniform()) {
                return false;
            }
        }
        true
    }

    fn process(&mut self, i: usize) {
        let network = self.network;
        let id = InstanceId(i as u32);
        let mut ports: BTreeMap<u32, Times> = BTreeMap::new();
        for at in self.found.order.into[i].clone() {
            let link = &network.links[at];
            for sender in &link.senders {
                for known in [&mut self.found.behind, &mut self.found.alike] {
                    if let Some(first) = known.get(&sender.from.0.at()).copied() {
                        known.entry(i).or_insert(first);
                    }
                }
            }
            let sent: Vec<Times> = link.senders.iter().map(|s| self.received(link, s)).collect();
            let times = message(link, &sent);
            let Some(arrival) = Arrival::of(&times, at, &sent) else { continue };
            self.found.at[i] = Some(self.found.at[i].map_or(arrival, |a| a.joined(&arrival)));
            let known = ports.entry(link.to.1);
            known.and_modify(|known| *known = known.or(&times)).or_insert(times);
        }
        let body = network.body(id);
        let outs: Vec<u32> = out_ports(body).collect();
        if outs.is_empty() {
            return;
        }
        let fed = !self.found.order.into[i].is_empty();
        let departed = match fed {
            // What a circle feeds before anything reached it starts no wave of its own.
            true if ports.is_empty() => return,
            true => self.through(i, ports),
            false => self.source(i),
        };
        match departed {
            Some(departed) => {
                let sends = departed.into_iter().map(|(port, times)| ((id, port), times));
                self.departures.extend(sends);
            }
            None => {
                self.found.vague.insert(i);
                self.found.behind.insert(i, i);
            }
        }
        if fed && !self.found.vague.contains(&i) {
            // What does not depend on anything that arrives is sent as a source sends it.
            for port in outs {
                if !self.departures.contains_key(&(id, port))
                    && self.wave.of == Sending::All
                    && let Some(sent) = self.sent_always(id, port)
                {
                    self.departures.insert((id, port), sent);
                }
            }
        }
    }

    /// When a port is used.
    fn used(&mut self, (instance, port): (InstanceId, u32)) -> Option<(Phase, Clock)> {
        let body = self.network.instances[instance.at()].body;
        let used = self.uses.entry((body, port));
        used.or_insert_with(|| self.network.port_use((instance, port))).clone()
    }

    /// When what a sender of a link sends is received.
    fn received(&mut self, link: &Link, sender: &Sender) -> Times {
        let (from, port) = sender.from;
        let none = Times::none(self.rank(from.at(), port));
        let (Some((_, sends)), Some((_, receives))) = (self.used(sender.from), self.used(link.to))
        else {
            return none;
        };
        let Some(sent) = self.departures.get(&sender.from) else { return none };
        if sends == receives {
            return sent.clone();
        }
        let mut known: BTreeMap<(i64, i64), Option<Stretch>> = BTreeMap::new();
        sent.map(|sent| {
            let steps = (sent.first, sent.last);
            let waits = known.entry(steps).or_insert_with(|| waiting(&sends, &receives, steps));
            waits.map_or(Stretch::NONE, |waits| sent.over(waits))
        })
    }

    fn nature(&mut self, id: BodyId) -> Nature {
        let network = self.network;
        let apart = self.apart;
        let body = &network.bodies[id.at()];
        let nature = self.natures.entry(id).or_insert_with(|| Nature {
            varies: follow::varies(network, body),
            decisive: follow::decisive(body, apart).into_iter().collect(),
        });
        nature.clone()
    }

    /// What a process sends of what arrives; none where that was not understood.
    fn through(&mut self, i: usize, ports: BTreeMap<u32, Times>) -> Option<BTreeMap<u32, Times>> {
        let instance = &self.network.instances[i];
        let nature = self.nature(instance.body);
        if nature.varies {
            return self.varying(i, ports);
        }
        let mut sent: BTreeMap<u32, Times> = BTreeMap::new();
        for (port, arrived) in ports {
            // What all elements send at once takes the same ways whenever that is.
            let all = arrived.is_uniform().then(|| arrived.any());
            let entering = match all {
                Some(_) => Times::all(self.rank(i, port), Stretch::sent(0, 0)),
                None => arrived,
            };
            let entry = Entry {
                feeds: vec![(port, entering)],
                steady: true,
                apart: self.apart,
                until: LONGEST,
                ..Entry::default()
            };
            let followed = self.follow(i, entry)?;
            for (out, ways) in marked(self.network.body(InstanceId(i as u32)), &followed) {
                let passed = match all {
                    Some(arrived) => ways.map(|way| arrived.over(way)),
                    None => ways,
                };
                let known = sent.entry(out);
                known.and_modify(|known| *known = known.or(&passed)).or_insert(passed);
            }
        }
        Some(sent)
    }

    fn rank(&self, i: usize, port: u32) -> usize {
        self.network.body(InstanceId(i as u32)).ports[port as usize].shape.len()
    }

    /// What a process whose doings depend on the step sends of what arrives.
    fn varying(&mut self, i: usize, ports: BTreeMap<u32, Times>) -> Option<BTreeMap<u32, Times>> {
        let body = self.network.body(InstanceId(i as u32));
        let rows = self.wave.rows(self.network.instances[i].body);
        let last = ports.values().map(|times| times.any().last).max()?;
        let until = u64::try_from(last).ok()?.max(rows.map_or(0, |_| self.wave.last()));
        let feeds = ports.into_iter().collect();
        let entry = Entry { feeds, rows, steady: false, apart: self.apart, until };
        let followed = self.followed(i, entry)?;
        Some(marked(body, &followed))
    }

    /// Follows a process whose doings depend on the step, until what has entered by `until` has
    /// left it.
    fn followed(&mut self, i: usize, entry: Entry) -> Option<Rc<Followed>> {
        let network = self.network;
        let body = network.body(InstanceId(i as u32));
        let until = entry.until.checked_add(lasts(network, body)?)?;
        if until > LONGEST {
            return None;
        }
        self.follow(i, Entry { until, ..entry })
    }

    /// Follows what enters a process; none where that is not understood. Once for all processes
    /// that do the same.
    fn follow(&mut self, i: usize, entry: Entry) -> Option<Rc<Followed>> {
        let id = InstanceId(i as u32);
        let instance = &self.network.instances[i];
        let tensor = |slot: &u32| self.network.params[instance.args[*slot as usize].at()].tensor;
        let args: Vec<TensorId> = self.nature(instance.body).decisive.iter().map(tensor).collect();
        let known = self.resets.get(&id).map_or(&[][..], Vec::as_slice);
        let resets = known.iter().map(|r| (r.var.1, r.clock, r.when)).collect();
        let unknown = self.unknown.get(&id).cloned().unwrap_or_default();
        let passage = (instance.body, entry, resets, unknown);
        let passed = match self.passages.same(&passage, &args) {
            Some(known) => known.clone(),
            None => self.pass(id, passage, args),
        };
        if passed.1 {
            self.found.alike.entry(i).or_insert(i);
        }
        passed.0
    }

    /// Follows what enters a process with arguments that no other had.
    fn pass(&mut self, id: InstanceId, passage: Passage, args: Vec<TensorId>) -> Passed {
        let mut constants = Constants::of(self.network, id);
        if let Some(known) = self.passages.alike(&passage, &args, &mut constants) {
            return known;
        }
        let passed = self.follow_anew(&mut constants, id, &passage.1);
        self.passages.add(passage, args, &mut constants, passed.clone());
        passed
    }

    fn follow_anew(
        &mut self,
        constants: &mut Constants<'_>,
        id: InstanceId,
        entry: &Entry,
    ) -> Passed {
        let known = self.resets.get(&id).map_or(&[][..], Vec::as_slice);
        let resets = Resets { known, unknown: self.unknown.get(&id) };
        let understood = |followed: Followed| (!followed.vague).then(|| Rc::new(followed));
        let apart = MOST_APART.min(self.left);
        let most = Most { apart, ..MOST };
        let followed = follow(self.network, (id, constants), entry, resets, most);
        self.left -= followed.as_ref().map_or(apart, |f| f.apart.min(apart));
        if let Some(followed) = followed {
            return (understood(followed), false);
        }
        let joined = |(port, times): &(u32, Times)| {
            (*port, Times::all(self.rank(id.at(), *port), times.any()))
        };
        let feeds = entry.feeds.iter().map(joined).collect();
        let entry = Entry { feeds, apart: Apart::Never, ..entry.clone() };
        let followed = follow(self.network, (id, constants), &entry, resets, MOST);
        (followed.and_then(understood), true)
    }

    /// What a process that receives nothing sends of the wave.
    fn source(&mut self, i: usize) -> Option<BTreeMap<u32, Times>> {
        let (network, wave) = (self.network, self.wave);
        let id = InstanceId(i as u32);
        let instance = &network.instances[i];
        let ports: Vec<u32> = out_ports(network.body(id)).collect();
        let always = |this: &mut Self| {
            let all = ports.iter().filter_map(|p| Some((*p, this.sent_always(id, *p)?)));
            Some(all.collect())
        };
        let rows = wave.rows(instance.body);
        let until = match &wave.of {
            Sending::All => return always(self),
            Sending::Rows(_) if rows.is_none() => return Some(BTreeMap::new()),
            Sending::Rows(_) => wave.start.checked_add(wave.period.checked_mul(2)?)?,
            Sending::Data if self.nature(instance.body).varies => wave.last(),
            Sending::Data => return always(self),
        };
        let entry = Entry { rows, apart: self.apart, until, ..Entry::default() };
        if rows.is_some() {
            let followed = self.followed(i, entry)?;
            return Some(marked(network.body(id), &followed));
        }
        // Every message counts, where it cannot be known which are silent.
        if until > LONGEST {
            return always(self);
        }
        let Some(followed) = self.follow(i, entry) else { return always(self) };
        let within = wave.start..=wave.last();
        let steps = |port: u32| -> Option<Times> {
            let sent = followed.sent.get(&port)?.steps.iter();
            let mut loud = sent.filter(|(t, silent)| within.contains(t) && !silent).map(|s| s.0);
            let first = loud.next()?;
            let last = loud.next_back().unwrap_or(first);
            Some(Times::all(self.rank(i, port), Stretch::sent(first, last)))
        };
        Some(ports.iter().filter_map(|port| Some((*port, steps(*port)?))).collect())
    }

    /// Every message of a port in the steps of the wave.
    fn sent_always(&mut self, id: InstanceId, port: u32) -> Option<Times> {
        let (_, clock) = self.used((id, port))?;
        let first = clock.next(self.wave.start)?;
        let last = clock.last(self.wave.last())?;
        let rank = self.rank(id.at(), port);
        (first <= last).then(|| Times::all(rank, Stretch::sent(first, last)))
    }
}

/// What a process that was followed sends of the wave, by port.
fn marked(body: &Body, followed: &Followed) -> BTreeMap<u32, Times> {
    out_ports(body).filter_map(|port| Some((port, followed.marked(port)?))).collect()
}

/// The message of a link, whose senders send at these times.
fn message(link: &Link, sent: &[Times]) -> Times {
    let mut values: Vec<Times> = Vec::with_capacity(link.values.len());
    for value in &link.values {
        let args: Vec<Times> = value.args.iter().map(|a| values[a.at()].clone()).collect();
        let of = value.args.iter().map(|a| link.values[a.at()].shape.as_slice());
        let shapes: Vec<&[usize]> = of.chain([value.shape.as_slice()]).collect();
        let rank = value.shape.len();
        let all = || args.iter().fold(Times::none(rank), |all, arg| all.or(arg));
        values.push(match value.op {
            Op::Input(sender) => sent[sender as usize].clone(),
            _ => Times::moved(&value.op, &args, &shapes).unwrap_or_else(all),
        });
    }
    values[link.result.at()].clone()
}

/// How long messages that are sent in a stretch of steps wait until they are received: the first
/// and the last, and any of them at least and at most.
fn waiting(sends: &Clock, receives: &Clock, (first, last): (i64, i64)) -> Option<Stretch> {
    let step = |t: i64| u64::try_from(t).ok();
    // The n-th message is what the n-th receive gets.
    let received = |s: u64| nth(receives, sends.count(s), s);
    let (from, to) = (step(first)?, step(last)?);
    let (first, last) = (sends.next(from)?, sends.last(to)?);
    if first > last {
        return None;
    }
    let wait = |s: u64| Some(received(s)? as i64 - s as i64);
    let some = sends.steps_from(first).take_while(|s| *s <= last).take(MOST_MESSAGES);
    let waits = some.filter_map(wait).chain([wait(first)?, wait(last)?]);
    let (least, most) = waits.fold((i64::MAX, 0), |(a, b), w| (a.min(w), b.max(w)));
    let begin = received(first)? as i64 - from as i64;
    Some(Stretch { first: begin, last: received(last)? as i64 - to as i64, least, most })
}

impl Arrival {
    /// That of any element of the message of a link, whose senders send at these times.
    fn of(times: &Times, link: usize, sent: &[Times]) -> Option<Arrival> {
        let Stretch { first, last, least, most } = times.any();
        let step = |t: i64| u64::try_from(t).unwrap_or(0);
        let took = if least > most { (0, 0) } else { (step(least), step(most)) };
        let sender = |is_it: &dyn Fn(Stretch) -> bool| {
            Some((link, sent.iter().position(|s| is_it(s.any())).unwrap_or(0)))
        };
        let through = [sender(&|s| s.first == first), sender(&|s| s.last == last)];
        (first <= last).then(|| Arrival { first: step(first), last: step(last), took, through })
    }

    /// Both.
    fn joined(&self, other: &Arrival) -> Arrival {
        let [early, late] = [self, other].map(|a| a.through);
        Arrival {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            took: (self.took.0.min(other.took.0), self.took.1.max(other.took.1)),
            through: [
                if self.first <= other.first { early[0] } else { late[0] },
                if self.last >= other.last { early[1] } else { late[1] },
            ],
        }
    }
}

/// Steps from a message that a process receives to the first that depends on it; none where none
/// does, or where that is not understood.
pub fn shortest_way(network: &Network, instance: InstanceId) -> Option<u64> {
    let body = network.body(instance);
    let steady = !follow::varies(network, body);
    let ins = body.ports.iter().zip(0..).filter(|(p, _)| p.direction == Direction::In);
    let ways = ins.filter_map(|(_, port)| {
        let (_, clock) = network.port_use((instance, port))?;
        let t = clock.next(1)?;
        let until = if steady { LONGEST } else { t.checked_add(lasts(network, body)?)? };
        let rank = body.ports[port as usize].shape.len();
        let feeds = vec![(port, Times::all(rank, Stretch::sent(t, t)))];
        let until = until.min(LONGEST);
        let entry = Entry { feeds, steady, until, ..Entry::default() };
        let known: Vec<&Reset> = network.resets.iter().filter(|r| r.var.0 == instance).collect();
        let resets = Resets { known: &known, unknown: None };
        let mut constants = Constants::of(network, instance);
        let followed = follow(network, (instance, &mut constants), &entry, resets, MOST)?;
        let sent = out_ports(body).filter_map(|out| followed.marked(out));
        sent.map(|times| times.any().least).min().and_then(|least| u64::try_from(least).ok())
    });
    ways.min()
}

/// How many steps what has entered a process may stay in it, as long as it is not remembered for
/// good: all positions of a line, each for as long as its slowest clock takes, and once more
/// for what comes round.
fn lasts(network: &Network, body: &Body) -> Option<u64> {
    let mut positions = 1;
    for (_, stmt) in body.stmts() {
        if let Action::Store { var, region, .. } = &stmt.action {
            let sizes = region.iter().zip(&body.vars[*var as usize].shape);
            let parts = sizes.filter(|(pick, n)| !matches!(pick, Pick::Range(0, hi) if hi == *n));
            positions = parts.map(|(_, n)| *n).max().unwrap_or(1).max(positions);
        }
    }
    let slowest = body.stmts().map(|(_, s)| network.clock(s.clock).period()).max();
    (positions as u64 + 1).checked_mul(slowest.unwrap_or(1))?.checked_mul(2)
}

/// The n-th step of a clock, looked for from `near` on.
fn nth(clock: &Clock, n: u64, near: u64) -> Option<u64> {
    let (mut lo, mut hi) = (0, near.max(1));
    while clock.count(hi) < n {
        lo = hi;
        hi = hi.checked_mul(2)?;
    }
    // `count(lo) < n <= count(hi)`.
    while hi - lo > 1 {
        let middle = lo + (hi - lo) / 2;
        if clock.count(middle) < n { lo = middle } else { hi = middle }
    }
    Some(hi)
}
