//! How long messages take: through a process, and from the sources of a network to each of its
//! processes.

use crate::circles::components;
use crate::network::{Action, Body, BodyId, InstanceId, Link, Network, Op, Pick, Stage, ValueId};
use snn_grammar::ast::Direction;
use std::collections::{BTreeMap, BTreeSet};

/// Steps that the way through a process is followed.
const LONGEST: u64 = 256;

/// When a wave that starts at the sources arrives at each process.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// Steps to the first arrival.
    pub first: Vec<u64>,
    /// Steps to the last arrival of what was sent at once: the longest way, circles not counted.
    pub last: Vec<u64>,
    /// The processes in the order in which waves reach them.
    pub order: Vec<usize>,
    /// The place of each process in that order.
    place: Vec<usize>,
    /// The links into each process.
    into: Vec<Vec<usize>>,
}

/// How long a message takes from an in port to an out port of a process: the first step at
/// which the output depends on it, and the last (the first, where it is remembered for good:
/// what follows is the process's own doing). `None` where it never shows.
pub fn transit(network: &Network, body: &Body, input: u32, output: u32) -> Option<(u64, u64)> {
    let mut state: Vec<Taint> = vec![Taint::all(false); body.vars.len()];
    let mut seen: Vec<u64> = Vec::new();
    for step in 0..LONGEST {
        let mut view = View { body, known: vec![None; body.values.len()] };
        let mut sent: Vec<Taint> = vec![Taint::all(false); body.ports.len()];
        for (_, stmt) in body.stmts() {
            let guard = stmt.guard.map_or(Taint::All(false), |g| view.of(g));
            match &stmt.action {
                Action::Read(v) | Action::Pop(v) => {
                    view.known[v.at()] = match body.values[v.at()].op {
                        Op::Var(var) => Some(state[var as usize].clone()),
                        Op::Input(port) => Some(sent[port as usize].clone()),
                        _ => None,
                    };
                }
                Action::Receive(v) => {
                    let arrives = step == 0 && body.values[v.at()].op == Op::Input(input);
                    view.known[v.at()] = Some(Taint::All(arrives));
                }
                Action::Eval(v) => {
                    let taint = view.of(*v).or(&guard);
                    view.known[v.at()] = Some(taint);
                }
                Action::Send { port, value } => {
                    let taint = view.of(*value).or(&guard);
                    if *port == output && taint.any() {
                        seen.push(step);
                    }
                    sent[*port as usize] = taint;
                }
                Action::Store { var, region, value, mask } => {
                    let mut taint = view.of(*value).or(&guard);
                    if let Some(mask) = mask {
                        taint = taint.or(&view.of(*mask));
                    }
                    let always = network.clock(stmt.clock).is_always();
                    let keeps = mask.is_some() || stmt.guard.is_some() || !always;
                    let shape = &body.vars[*var as usize].shape;
                    let before = &state[*var as usize];
                    state[*var as usize] = before.stored(shape, region, &taint, keeps);
                }
                Action::Push { .. } => {}
            }
        }
        if state.iter().all(|t| !t.any()) {
            break;
        }
    }
    let (first, last) = (*seen.first()?, *seen.last()?);
    Some((first, if last + 1 >= LONGEST { first } else { last }))
}

/// Which elements depend on the message, by position along the last axis.
#[derive(Clone, Debug, PartialEq)]
enum Taint {
    All(bool),
    Last(Vec<bool>),
}

impl Taint {
    fn all(tainted: bool) -> Taint {
        Taint::All(tainted)
    }

    fn any(&self) -> bool {
        match self {
            Taint::All(t) => *t,
            Taint::Last(v) => v.iter().any(|t| *t),
        }
    }

    fn or(&self, other: &Taint) -> Taint {
        match (self, other) {
            (Taint::All(false), x) | (x, Taint::All(false)) => x.clone(),
            (Taint::Last(a), Taint::Last(b)) if a.len() == b.len() => {
                Taint::Last(a.iter().zip(b).map(|(x, y)| *x || *y).collect())
            }
            _ => Taint::All(self.any() || other.any()),
        }
    }

    /// After a store of `value` to the picked part.
    fn stored(&self, shape: &[usize], picks: &[Pick], value: &Taint, keeps: bool) -> Taint {
        let whole = |pick: &Pick, size: usize| matches!(pick, Pick::Range(0, hi) if *hi == size);
        let Some((last, size)) = picks.last().zip(shape.last()) else {
            return if keeps { self.or(value) } else { value.clone() };
        };
        let n = picks.len() - 1;
        let others_whole = picks[..n].iter().zip(shape).all(|(p, s)| whole(p, *s));
        let (lo, hi) = match last {
            Pick::At(i) => (*i, i + 1),
            Pick::Range(lo, hi) => (*lo, *hi),
            Pick::Computed(_) => return Taint::All(self.any() || value.any()),
        };
        let kept = |flag: bool| flag && (keeps || !others_whole);
        if let (Taint::All(before), Taint::All(new), true) = (self, value, (lo, hi) == (0, *size)) {
            return Taint::All(*new || kept(*before));
        }
        let mut flags = match self {
            Taint::All(t) => vec![*t; *size],
            Taint::Last(v) => v.clone(),
        };
        for (k, flag) in flags[lo..hi].iter_mut().enumerate() {
            let new = match value {
                Taint::Last(v) if v.len() == hi - lo => v[k],
                other => other.any(),
            };
            *flag = new || kept(*flag);
        }
        // One flag for all of them is as good, and takes no time to follow.
        match flags.first() {
            Some(first) if flags.iter().any(|flag| flag != first) => Taint::Last(flags),
            first => Taint::All(first.is_some_and(|first| *first)),
        }
    }
}

struct View<'v> {
    body: &'v Body,
    known: Vec<Option<Taint>>,
}

impl View<'_> {
    fn of(&mut self, id: ValueId) -> Taint {
        if let Some(known) = &self.known[id.at()] {
            return known.clone();
        }
        let body = self.body;
        let value = &body.values[id.at()];
        let taint = match &value.op {
            _ if value.stage == Stage::Once => Taint::All(false),
            Op::Slice(ranges) => match (self.of(value.args[0]), ranges.last()) {
                (Taint::Last(v), Some((lo, hi))) if v.len() >= *hi => {
                    Taint::Last(v[*lo..*hi].to_vec())
                }
                (taint, _) => taint,
            },
            Op::Scalar(_) | Op::Broadcast => {
                value.args.iter().fold(Taint::All(false), |t, a| t.or(&self.of(*a)))
            }
            _ => Taint::All(value.args.iter().any(|a| self.of(*a).any())),
        };
        self.known[id.at()] = Some(taint.clone());
        taint
    }
}

/// Follows waves from the sources. In a circle of processes, the connection that closes it (to
/// one declared earlier) is not followed.
pub fn arrivals(network: &Network) -> Arrivals {
    let n = network.instances.len();
    // The links into each instance.
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (at, link) in network.links.iter().enumerate() {
        into[link.to.0.at()].push(at);
    }
    let order = order(network, &into);
    let mut place = vec![0; n];
    order.iter().enumerate().for_each(|(at, i)| place[*i] = at);
    let (mut firsts, mut lasts) = (vec![0; n], vec![0; n]);
    // Departure from each out port: first and last step after the wave's start.
    let mut departures: BTreeMap<(InstanceId, u32), (u64, u64)> = BTreeMap::new();
    let mut transits: BTreeMap<(BodyId, u32, u32), Option<(u64, u64)>> = BTreeMap::new();
    for &i in &order {
        let mut at_port: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for link in into[i].iter().map(|at| &network.links[*at]) {
            for sender in &link.senders {
                let Some((first, last)) = departures.get(&sender.from) else { continue };
                let known = at_port.entry(link.to.1).or_insert((*first, *last));
                *known = (known.0.min(*first), known.1.max(*last));
            }
        }
        firsts[i] = at_port.values().map(|a| a.0).min().unwrap_or(0);
        lasts[i] = at_port.values().map(|a| a.1).max().unwrap_or(0);
        let fed = !into[i].is_empty();
        let id = network.instances[i].body;
        let body = &network.bodies[id.at()];
        for (p, port) in body.ports.iter().enumerate() {
            // What a circle feeds before anything reached it starts no wave of its own.
            if port.direction != Direction::Out || (fed && at_port.is_empty()) {
                continue;
            }
            let p = p as u32;
            let ways = at_port.iter().filter_map(|(input, (first, last))| {
                let key = (id, *input, p);
                let way = transits.entry(key).or_insert_with(|| transit(network, body, *input, p));
                let (min, max) = (*way)?;
                Some((first + min, last + max))
            });
            let departure = ways.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0));
            departures.insert((InstanceId(i as u32), p), departure);
        }
    }
    Arrivals { first: firsts, last: lasts, order, place, into }
}

/// The instances that send on a link.
fn senders(link: &Link) -> impl Iterator<Item = usize> + '_ {
    link.senders.iter().map(|s| s.from.0.at())
}

/// Instances in an order in which senders come before receivers, circles by declaration.
fn order(network: &Network, into: &[Vec<usize>]) -> Vec<usize> {
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
