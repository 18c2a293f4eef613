//! How long messages take from the sources of a network to each of its processes.

use super::Clock;
use super::follow::{self, Entry, Followed, Resets, follow, out_ports};
use crate::circles::components;
use crate::network::{
    Action, Body, BodyId, InstanceId, Link, Network, Op, Phase, Pick, Reset, Sender, Stage,
    TensorId,
};
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet};

/// What following one process may take, in values computed.
const MOST_WORK: u64 = 1 << 18;
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
    /// The processes in the order in which waves reach them.
    pub order: Vec<usize>,
    /// The place of each process in that order.
    place: Vec<usize>,
    /// The links into each process.
    into: Vec<Vec<usize>>,
}

/// Follows a wave from the sources. In a circle of processes, the connection that closes it (to
/// one declared earlier) is not followed. `unknown` are variables that are reset at steps that
/// are not known yet.
pub fn arrivals(
    network: &Network,
    wave: &Wave,
    unknown: &BTreeMap<InstanceId, BTreeSet<u32>>,
) -> Arrivals {
    let n = network.instances.len();
    let into = links_into(network);
    let order = ordered(network, &into);
    let mut place = vec![0; n];
    order.iter().enumerate().for_each(|(at, i)| place[*i] = at);
    let at = vec![None; n];
    let (vague, behind) = (BTreeSet::new(), BTreeMap::new());
    let mut resets: BTreeMap<InstanceId, Vec<&Reset>> = BTreeMap::new();
    network.resets.iter().for_each(|r| resets.entry(r.var.0).or_default().push(r));
    let mut follower = Follower {
        network,
        wave,
        unknown,
        resets,
        uses: BTreeMap::new(),
        transits: BTreeMap::new(),
        natures: BTreeMap::new(),
        departures: BTreeMap::new(),
        found: Arrivals { at, sent: wave.last(), vague, behind, order, place, into },
    };
    for at in 0..n {
        let i = follower.found.order[at];
        follower.process(i);
    }
    follower.found
}

/// What a body does with marked messages, as far as all its instances share it.
#[derive(Clone, Copy)]
struct Nature {
    /// It depends on the step.
    varies: bool,
    /// It spreads weights over delays, which depends on the arguments.
    delays: bool,
}

/// By out port, the first and last step after the arrival in which it sends what arrived.
type Ways = BTreeMap<u32, (u64, u64)>;

/// From which port of which body (with which arguments, where they matter) to which.
type Passage = (BodyId, Vec<TensorId>, u32);

struct Follower<'n> {
    network: &'n Network,
    wave: &'n Wave,
    unknown: &'n BTreeMap<InstanceId, BTreeSet<u32>>,
    resets: BTreeMap<InstanceId, Vec<&'n Reset>>,
    uses: BTreeMap<(BodyId, u32), Option<(Phase, Clock)>>,
    /// None where a way was not understood.
    transits: BTreeMap<Passage, Option<Ways>>,
    natures: BTreeMap<BodyId, Nature>,
    departures: BTreeMap<(InstanceId, u32), Arrival>,
    found: Arrivals,
}

impl Follower<'_> {
    fn process(&mut self, i: usize) {
        let network = self.network;
        let id = InstanceId(i as u32);
        let mut ports: BTreeMap<u32, Arrival> = BTreeMap::new();
        for at in self.found.into[i].clone() {
            let link = &network.links[at];
            for (k, sender) in link.senders.iter().enumerate() {
                if let Some(doubt) = self.found.behind.get(&sender.from.0.at()).copied() {
                    self.found.behind.entry(i).or_insert(doubt);
                }
                let Some(sent) = self.departures.get(&sender.from).copied() else { continue };
                let Some(received) = self.received(link, sender, sent) else { continue };
                let through = [Some((at, k)); 2];
                let received = Arrival { through, ..received };
                let known = ports.entry(link.to.1).or_insert(received);
                *known = known.joined(&received);
            }
        }
        self.found.at[i] = ports.values().copied().reduce(|a, b| a.joined(&b));
        let body = network.body(id);
        let outs: Vec<u32> = out_ports(body).collect();
        if outs.is_empty() {
            return;
        }
        let fed = !self.found.into[i].is_empty();
        let departed = match fed {
            // What a circle feeds before anything reached it starts no wave of its own.
            true if ports.is_empty() => return,
            true => self.through(i, &ports),
            false => self.source(i),
        };
        match departed {
            Some(departed) => {
                let sends = departed.into_iter().map(|(port, sent)| ((id, port), sent));
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

    /// When what is sent in a stretch of steps is received.
    fn received(&mut self, link: &Link, sender: &Sender, sent: Arrival) -> Option<Arrival> {
        let (_, sends) = self.used(sender.from)?;
        let (_, receives) = self.used(link.to)?;
        if sends == receives {
            return Some(sent);
        }
        // The n-th message is what the n-th receive gets.
        let received = |s: u64| nth(&receives, sends.count(s), s);
        let (first, last) = (sends.next(sent.first)?, sends.last(sent.last)?);
        if first > last {
            return None;
        }
        let (begin, end) = (received(first)?, received(last)?);
        let some = sends.steps_from(first).take_while(|s| *s <= last).take(MOST_MESSAGES);
        let waits = some.filter_map(|s| Some(received(s)?.saturating_sub(s)));
        let waits = waits.chain([begin - first.min(begin), end - last.min(end)]);
        let (least, most) = waits.fold((u64::MAX, 0), |(a, b), w| (a.min(w), b.max(w)));
        let took = (sent.took.0.saturating_add(least), sent.took.1.saturating_add(most));
        Some(Arrival { first: begin, last: end, took, ..sent })
    }

    fn nature(&mut self, id: BodyId) -> Nature {
        let network = self.network;
        let body = &network.bodies[id.at()];
        *self.natures.entry(id).or_insert_with(|| Nature {
            varies: follow::varies(network, body),
            delays: body.values.iter().any(|v| v.op == Op::ByDelay && v.stage == Stage::Once),
        })
    }

    /// What a process sends of what arrives; none where that was not understood.
    fn through(
        &mut self,
        i: usize,
        ports: &BTreeMap<u32, Arrival>,
    ) -> Option<BTreeMap<u32, Arrival>> {
        let network = self.network;
        let instance = &network.instances[i];
        let nature = self.nature(instance.body);
        let mut sent: BTreeMap<u32, Arrival> = BTreeMap::new();
        if !nature.varies {
            for (port, arrived) in ports {
                let args = instance.args.iter().map(|p| network.params[p.at()].tensor);
                let args: Vec<TensorId> = if nature.delays { args.collect() } else { Vec::new() };
                let way = (instance.body, args, *port);
                if !self.transits.contains_key(&way) {
                    let found = self.pulse(i, *port);
                    self.transits.insert(way.clone(), found);
                }
                let Some(Some(ways)) = self.transits.get(&way) else { return None };
                for (out, (least, most)) in ways {
                    let passed = Arrival {
                        first: arrived.first.saturating_add(*least),
                        last: arrived.last.saturating_add(*most),
                        took: (arrived.took.0 + least, arrived.took.1 + most),
                        through: arrived.through,
                    };
                    let known = sent.entry(*out).or_insert(passed);
                    *known = known.joined(&passed);
                }
            }
            return Some(sent);
        }
        let all = ports.values().copied().reduce(|a, b| a.joined(&b))?;
        let feeds = ports.iter().map(|(port, a)| (*port, a.first, a.last)).collect();
        let rows = self.wave.rows(instance.body);
        let until = all.last.max(rows.map_or(0, |_| self.wave.last()));
        let entry = Entry { feeds, rows, from: 1, steady: false, until };
        let followed = self.followed(i, entry)?;
        for port in out_ports(network.body(InstanceId(i as u32))) {
            let Some((first, last)) = followed.marked(port) else { continue };
            let least = first.saturating_sub(all.first);
            let most = last.saturating_sub(all.last);
            let took = (all.took.0 + least.min(most), all.took.1 + most.max(least));
            sent.insert(port, Arrival { first, last, took, through: all.through });
        }
        Some(sent)
    }

    /// One marked message through a process that does the same in every step.
    fn pulse(&mut self, i: usize, port: u32) -> Option<Ways> {
        let feeds = vec![(port, 1, 1)];
        let entry = Entry { feeds, rows: None, from: 1, steady: true, until: LONGEST };
        let followed = self.follow(i, &entry)?;
        let body = self.network.body(InstanceId(i as u32));
        let sent = out_ports(body).filter_map(|out| {
            let (first, last) = followed.marked(out)?;
            Some((out, (first - 1, last - 1)))
        });
        Some(sent.collect())
    }

    /// Follows a process whose doings depend on the step, until what has entered by `until` has
    /// left it.
    fn followed(&mut self, i: usize, entry: Entry) -> Option<Followed> {
        let network = self.network;
        let body = network.body(InstanceId(i as u32));
        let until = entry.until.checked_add(lasts(network, body)?)?;
        if until > LONGEST {
            return None;
        }
        self.follow(i, &Entry { until, ..entry })
    }

    fn follow(&mut self, i: usize, entry: &Entry) -> Option<Followed> {
        let id = InstanceId(i as u32);
        let known = self.resets.get(&id).map_or(&[][..], Vec::as_slice);
        let resets = Resets { known, unknown: self.unknown.get(&id) };
        follow(self.network, id, entry, resets, MOST_WORK).filter(|f| !f.vague)
    }

    /// What a process that receives nothing sends of the wave.
    fn source(&mut self, i: usize) -> Option<BTreeMap<u32, Arrival>> {
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
        let entry = Entry { feeds: Vec::new(), rows, from: 1, steady: false, until };
        let followed = match rows {
            Some(_) => self.followed(i, entry)?,
            // Every message counts, where it cannot be known which are silent.
            None if until > LONGEST => return always(self),
            None => match self.follow(i, &entry) {
                Some(followed) => followed,
                None => return always(self),
            },
        };
        let steps = |port: &u32| -> Option<(u64, u64)> {
            if rows.is_some() {
                return followed.marked(*port);
            }
            let within = wave.start..=wave.last();
            let sent = followed.sent.get(port)?.iter();
            let mut loud = sent.filter(|s| within.contains(&s.t) && !s.silent).map(|s| s.t);
            let first = loud.next()?;
            Some((first, loud.next_back().unwrap_or(first)))
        };
        let all = ports.iter().filter_map(|port| Some((*port, Arrival::sent(steps(port)?))));
        Some(all.collect())
    }

    /// Every message of a port in the steps of the wave.
    fn sent_always(&mut self, id: InstanceId, port: u32) -> Option<Arrival> {
        let (_, clock) = self.used((id, port))?;
        let first = clock.next(self.wave.start)?;
        let last = clock.last(self.wave.last())?;
        (first <= last).then(|| Arrival::sent((first, last)))
    }
}

impl Arrival {
    /// What is sent in a stretch of steps.
    fn sent((first, last): (u64, u64)) -> Arrival {
        Arrival { first, last, took: (0, 0), through: [None; 2] }
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
        let feeds = vec![(port, t, t)];
        let entry = Entry { feeds, rows: None, from: 1, steady, until: until.min(LONGEST) };
        let known: Vec<&Reset> = network.resets.iter().filter(|r| r.var.0 == instance).collect();
        let resets = Resets { known: &known, unknown: None };
        let followed = follow(network, instance, &entry, resets, MOST_WORK)?;
        let first = out_ports(body).filter_map(|out| Some(followed.marked(out)?.0)).min()?;
        Some(first - t)
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

/// The instances that send on a link.
fn senders(link: &Link) -> impl Iterator<Item = usize> + '_ {
    link.senders.iter().map(|s| s.from.0.at())
}

/// The links into each instance.
fn links_into(network: &Network) -> Vec<Vec<usize>> {
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); network.instances.len()];
    for (at, link) in network.links.iter().enumerate() {
        into[link.to.0.at()].push(at);
    }
    into
}

/// Instances in an order in which senders come before receivers, circles by declaration.
pub fn order(network: &Network) -> Vec<usize> {
    ordered(network, &links_into(network))
}

fn ordered(network: &Network, into: &[Vec<usize>]) -> Vec<usize> {
    let ends = |link: &Link| -> Vec<(usize, usize)> {
        senders(link).map(|from| (from, link.to.0.at())).collect()
    };
    let edges = network.links.iter().flat_map(ends);
    let mut receivers: Vec<Vec<usize>> = vec![Vec::new(); network.instances.len()];
    edges.clone().for_each(|(from, to)| receivers[from].push(to));
    let mut order = Vec::new();
    let mut placed = vec![false; network.instances.len()];
    for circle in components(network.instances.len(), edges) {
        let mut rest: BTreeSet<usize> = circle.into_iter().collect();
        let fed =
            |i: &usize| into[*i].iter().any(|at| senders(&network.links[*at]).any(|s| placed[s]));
        let mut reached: BTreeSet<usize> = rest.iter().copied().filter(fed).collect();
        while let Some(next) = reached.pop_first().or(rest.first().copied()) {
            rest.remove(&next);
            placed[next] = true;
            reached.extend(receivers[next].iter().filter(|i| rest.contains(i)));
            order.push(next);
        }
    }
    order
}

/// The layer of each of these instances: how many of them a wave passes before.
pub fn layers(
    network: &Network,
    arrivals: &Arrivals,
    members: impl Iterator<Item = usize>,
) -> BTreeMap<usize, usize> {
    let members: BTreeSet<usize> = members.collect();
    let places = members.iter().map(|i| arrivals.place[*i]);
    let (Some(first), Some(last)) = (places.clone().min(), places.max()) else {
        return BTreeMap::new();
    };
    let mut depth: BTreeMap<usize, usize> = BTreeMap::new();
    let mut layers = BTreeMap::new();
    for &i in &arrivals.order[first..=last] {
        let passed = |s: usize| Some(depth.get(&s)? + usize::from(members.contains(&s)));
        let senders = arrivals.into[i].iter().flat_map(|at| senders(&network.links[*at]));
        let before = senders.filter_map(passed).max().unwrap_or(0);
        depth.insert(i, before);
        if members.contains(&i) {
            layers.insert(i, before);
        }
    }
    layers
}
