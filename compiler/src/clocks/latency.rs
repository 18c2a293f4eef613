//! How long messages take: through a process, and from the sources of a network to each of its
//! processes.

use crate::circles::components;
use crate::types::{Leaf, Node, Pick, Place, Process, StmtKind, TExpr, TypedGraph};
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
}

/// How long a message takes from an in port to an out port of a process: the first step at
/// which the output depends on it, and the last (the first, where it is remembered for good:
/// what follows is the process's own doing). `None` where it never shows.
pub fn transit(process: &Process, input: usize, output: usize) -> Option<(u64, u64)> {
    let mut state: Vec<Taint> = process.vars.iter().map(|_| Taint::all(false)).collect();
    let mut seen: Vec<u64> = Vec::new();
    for step in 0..LONGEST {
        let mut ports = vec![false; process.ports.len()];
        let mut lets: Vec<Taint> = process.lets.iter().map(|_| Taint::all(false)).collect();
        ports[input] = step == 0;
        for stmt in &process.body {
            let view = View { state: &state, ports: &ports, lets: &lets };
            match &stmt.kind {
                StmtKind::Let(id) => lets[*id] = view.of(&process.lets[*id].1),
                StmtKind::Assign { to, picks, value, mask, .. } => {
                    let mut taint = view.of(value);
                    if let Some(mask) = mask {
                        taint = taint.or(&view.of(mask));
                    }
                    let keeps = mask.is_some() || !stmt.clock.is_always();
                    match *to {
                        Place::Port(p) if p == output && taint.any() => {
                            ports[p] = true;
                            seen.push(step);
                        }
                        Place::Port(p) => ports[p] = taint.any() || (keeps && ports[p]),
                        Place::Var(v) => {
                            let shape = &process.vars[v].shape;
                            state[v] = state[v].stored(shape, picks, &taint, keeps);
                        }
                    }
                }
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
    state: &'v [Taint],
    ports: &'v [bool],
    lets: &'v [Taint],
}

impl View<'_> {
    fn of(&self, e: &TExpr) -> Taint {
        match &e.node {
            Node::Read(Leaf::Var(i)) => self.state[*i].clone(),
            Node::Read(Leaf::Port(i)) => Taint::All(self.ports[*i]),
            Node::Read(Leaf::Let(i)) => self.lets[*i].clone(),
            Node::Slice(ranges, of) => match (self.of(of), ranges.last()) {
                (Taint::Last(v), Some((lo, hi))) if v.len() >= *hi => {
                    Taint::Last(v[*lo..*hi].to_vec())
                }
                (taint, _) => taint,
            },
            Node::Transpose(..)
            | Node::Reshape(_)
            | Node::MatMul { .. }
            | Node::Conv { .. }
            | Node::Reduce(..)
            | Node::Index { .. }
            | Node::Concat(..) => Taint::All(e.children().iter().any(|c| self.of(c).any())),
            _ => e.children().iter().fold(Taint::All(false), |t, c| t.or(&self.of(c))),
        }
    }
}

/// Follows waves from the sources. In a circle of processes, the connection that closes it (to
/// one declared earlier) is not followed.
pub fn arrivals(graph: &TypedGraph) -> Arrivals {
    let order = order(graph);
    let n = graph.processes.len();
    let mut found = Arrivals { first: vec![0; n], last: vec![0; n], order: order.clone() };
    // Departure from each out port: first and last step after the wave's start.
    let mut departures: BTreeMap<(usize, usize), (u64, u64)> = BTreeMap::new();
    for &i in &order {
        let process = &graph.processes[i];
        let mut at_port: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for connection in graph.connections.iter().filter(|c| c.to.0 == i) {
            for sender in &connection.senders {
                let Some((first, last)) = departures.get(sender) else { continue };
                let known = at_port.entry(connection.to.1).or_insert((*first, *last));
                *known = (known.0.min(*first), known.1.max(*last));
            }
        }
        found.first[i] = at_port.values().map(|a| a.0).min().unwrap_or(0);
        found.last[i] = at_port.values().map(|a| a.1).max().unwrap_or(0);
        let fed = graph.connections.iter().any(|c| c.to.0 == i);
        for (p, port) in process.ports.iter().enumerate() {
            // What a circle feeds before anything reached it starts no wave of its own.
            if port.direction != Direction::Out || (fed && at_port.is_empty()) {
                continue;
            }
            let ways = at_port.iter().filter_map(|(input, (first, last))| {
                let (min, max) = transit(process, *input, p)?;
                Some((first + min, last + max))
            });
            let departure = ways.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0));
            departures.insert((i, p), departure);
        }
    }
    found
}

/// Processes in an order in which senders come before receivers, circles by declaration.
fn order(graph: &TypedGraph) -> Vec<usize> {
    let edges = graph.connections.iter().flat_map(|c| c.senders.iter().map(|s| (s.0, c.to.0)));
    let mut order = Vec::new();
    for circle in components(graph.processes.len(), edges) {
        let mut rest: BTreeSet<usize> = circle.into_iter().collect();
        while let Some(&declared_first) = rest.first() {
            let reached = |i: usize| {
                let into = graph.connections.iter().filter(|c| c.to.0 == i);
                into.flat_map(|c| &c.senders).any(|(s, _)| order.contains(s))
            };
            let next = rest.iter().copied().find(|i| reached(*i)).unwrap_or(declared_first);
            rest.remove(&next);
            order.push(next);
        }
    }
    order
}

/// The layer of each of these processes: how many of them a wave passes before.
pub fn layers(
    graph: &TypedGraph,
    arrivals: &Arrivals,
    members: impl Iterator<Item = usize>,
) -> BTreeMap<usize, usize> {
    let members: BTreeSet<usize> = members.collect();
    let mut depth: Vec<usize> = vec![0; graph.processes.len()];
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut layers = BTreeMap::new();
    for &i in &arrivals.order {
        let senders = graph.connections.iter().filter(|c| c.to.0 == i).flat_map(|c| &c.senders);
        let before = senders
            .filter(|(s, _)| done.contains(s))
            .map(|(s, _)| depth[*s] + usize::from(members.contains(s)))
            .max();
        depth[i] = before.unwrap_or(0);
        done.insert(i);
        if members.contains(&i) {
            layers.insert(i, depth[i]);
        }
    }
    layers
}
