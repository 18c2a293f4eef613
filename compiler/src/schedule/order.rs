//! Orders the ops of each phase so that every message is computed before it is received.

use super::builder::{Builder, Step};
use super::walk;
use crate::circles::components;
use crate::clocks::Link;
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::ir::{BufferId, OpKind};
use crate::types::{Cx, Eval, Phase};
use std::collections::{BTreeMap, BTreeSet};

/// The steps of one phase, ordered.
///
/// # Errors
/// E0501 where messages go round in one step.
pub fn ordered(cx: &mut Cx<'_>, builder: &Builder<'_>, phase: Phase) -> Eval<Vec<Step>> {
    let steps: Vec<&Step> = builder.steps.iter().filter(|s| s.phase == phase).collect();
    let before = dependencies(builder, &steps);
    if let Some(circle) = circle(&before, steps.len()) {
        return Err(cx.fail(instantaneous(builder, &steps, &circle)));
    }
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (a, b) in &before {
        waiting[*b] += 1;
        after[*a].push(*b);
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|i| waiting[*i] == 0).collect();
    let mut result: Vec<Step> = Vec::new();
    while let Some(&first) = ready.first() {
        // A loop over the same domain at the same steps can be fused with the one before.
        let like_last = |i: &usize| match (result.last().map(|s| &s.op), &steps[*i].op) {
            (Some(last), next) => match (&last.kind, &next.kind) {
                (OpKind::Loop(a), OpKind::Loop(b)) => {
                    a.domain == b.domain && last.clock == next.clock
                }
                _ => false,
            },
            _ => false,
        };
        let next = ready.iter().copied().find(like_last).unwrap_or(first);
        ready.remove(&next);
        for b in &after[next] {
            waiting[*b] -= 1;
            if waiting[*b] == 0 {
                ready.insert(*b);
            }
        }
        result.push(steps[next].clone());
    }
    Ok(result)
}

/// Pairs of steps of which the first must come before the second.
fn dependencies(builder: &Builder<'_>, steps: &[&Step]) -> BTreeSet<(usize, usize)> {
    let mut before = BTreeSet::new();
    let accesses: Vec<(Vec<BufferId>, Vec<BufferId>)> =
        steps.iter().map(|s| (walk::reads(&s.op), walk::writes(&s.op))).collect();
    let mut touching: BTreeMap<BufferId, Vec<usize>> = BTreeMap::new();
    for (i, (reads, writes)) in accesses.iter().enumerate() {
        for buffer in reads.iter().chain(writes) {
            let list = touching.entry(*buffer).or_default();
            if list.last() != Some(&i) {
                list.push(i);
            }
        }
    }
    for (buffer, list) in &touching {
        for (k, &i) in list.iter().enumerate() {
            for &j in &list[k + 1..] {
                let (wi, wj) = (accesses[i].1.contains(buffer), accesses[j].1.contains(buffer));
                if !wi && !wj {
                    continue;
                }
                if steps[i].process == steps[j].process {
                    before.insert((i, j));
                } else {
                    before.extend(between(builder, steps, *buffer, (i, wi), (j, wj)));
                }
            }
        }
    }
    before
}

/// The order of two steps of different processes that share a buffer: a port or a queue.
fn between(
    builder: &Builder<'_>,
    steps: &[&Step],
    buffer: BufferId,
    (i, i_writes): (usize, bool),
    (j, j_writes): (usize, bool),
) -> Option<(usize, usize)> {
    let graph = builder.graph;
    if let Some(((connection, sender), _)) =
        builder.queues.iter().find(|(_, (queue, _))| *queue == buffer)
    {
        let Link::Queue { instant, .. } = graph.links[*connection][*sender] else { return None };
        let push = matches!(steps[i].op.kind, OpKind::Push { .. });
        return Some(if push == instant { (i, j) } else { (j, i) });
    }
    let (writer, reader) = match (i_writes, j_writes) {
        (true, false) => (i, j),
        (false, true) => (j, i),
        _ => return None,
    };
    let from = steps[writer].process;
    let port = builder.ports[from].iter().position(|b| *b == Some(buffer))?;
    let to = steps[reader].process;
    let instant = graph.graph.connections.iter().zip(&graph.links).any(|(c, links)| {
        c.to.0 == to
            && c.senders.iter().zip(links).any(|(s, link)| {
                *s == (from, port) && matches!(link, Link::Direct { instant: true })
            })
    });
    // A process may also be sent to itself.
    instant.then_some((writer, reader))
}

fn circle(before: &BTreeSet<(usize, usize)>, n: usize) -> Option<Vec<usize>> {
    components(n, before.iter().copied()).into_iter().filter(|c| c.len() > 1).min()
}

/// The message for a circle: the ports it goes through, in order.
fn instantaneous(builder: &Builder<'_>, steps: &[&Step], circle: &[usize]) -> Diagnostic {
    let graph = &builder.graph.graph;
    let processes: BTreeSet<usize> = circle.iter().map(|i| steps[*i].process).collect();
    let mut hops: Vec<(usize, String, Loc)> = Vec::new();
    let mut current = processes.iter().next().copied().unwrap_or(0);
    let mut visited = BTreeSet::new();
    while visited.insert(current) {
        let next = graph.connections.iter().zip(&builder.graph.links).find_map(|(c, links)| {
            let instant = |k: usize| {
                matches!(
                    links[k],
                    Link::Direct { instant: true } | Link::Queue { instant: true, .. }
                )
            };
            let k = c.senders.iter().position(|s| s.0 == current)?;
            (processes.contains(&c.to.0) && instant(k)).then(|| (c.to, c.senders[k], c.loc))
        });
        let Some((to, from, loc)) = next else { break };
        let name = |(i, p): (usize, usize)| {
            format!("{}.{}", graph.processes[i].path, graph.processes[i].ports[p].name)
        };
        hops.push((current, format!("{} -> {}", name(from), name(to)), loc));
        current = to.0;
    }
    let loc = hops.first().map_or(steps[circle[0]].loc, |h| h.2);
    let message = "messages go round in one step: none can be sent first";
    let mut d = Diagnostic::new(Code::E0501, message, loc, "this connection closes the circle");
    for (_, _, other) in hops.iter().skip(1) {
        if *other != loc {
            d = d.label(*other, "and this");
        }
    }
    let lines: Vec<&str> = hops.iter().map(|h| h.1.as_str()).collect();
    d.note(format!("the circle:\n{}", lines.join("\n")))
        .help("put a connection that takes a step in between, such as `-> Dense(weights) ->`")
}
