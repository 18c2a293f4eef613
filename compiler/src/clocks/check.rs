//! Every message must meet its receiver.

use super::Clock;
use super::latency::{self, Arrivals};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::elaborate::{Connection, Target, Timing};
use crate::types::{Cx, Eval, Leaf, Phase, Place, StmtKind, Stop, TypedGraph};
use snn_grammar::ast::Direction;

/// A network of which it is known when every message is sent and received.
pub struct ClockedGraph {
    /// The processes and connections.
    pub graph: TypedGraph,
    /// For each process and port, when it is used; none where it never is.
    pub uses: Vec<Vec<Option<PortUse>>>,
    /// For each connection and each of its senders, what lies between send and receive.
    pub links: Vec<Vec<Link>>,
    /// For each process, when a wave that starts at step 1 arrives.
    pub arrivals: Arrivals,
    /// The resets, with their steps.
    pub resets: Vec<ResetAt>,
}

/// When a port sends or receives.
#[derive(Clone, Debug)]
pub struct PortUse {
    /// In which phase.
    pub phase: Phase,
    /// At which steps.
    pub clock: Clock,
    /// A statement that uses it.
    pub loc: Loc,
}

/// What lies between a send and its receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The receiver reads the last message sent; the port holds it. `instant` where some
    /// message is received in the very phase in which it is sent.
    Direct {
        /// Whether the sender must run before the receiver.
        instant: bool,
    },
    /// Messages wait in a queue of this many slots.
    Queue {
        /// Most messages that wait.
        slots: usize,
        /// Whether the sender must run before the receiver.
        instant: bool,
    },
}

/// One variable's reset.
#[derive(Clone, Debug)]
pub struct ResetAt {
    /// Process and variable.
    pub variable: (usize, usize),
    /// At which steps.
    pub clock: Clock,
    /// In which phase: `None` is between steps; `spk` is before the step's dynamics.
    pub phase: Option<Phase>,
    /// The statement.
    pub loc: Loc,
}

/// Checks all connections and resolves all resets.
pub fn check(cx: &mut Cx<'_>, graph: TypedGraph) -> Eval<ClockedGraph> {
    let mut failed = false;
    let mut uses = Vec::new();
    for process in &graph.processes {
        match port_uses(cx, process) {
            Ok(of_process) => uses.push(of_process),
            Err(_) => {
                failed = true;
                uses.push(vec![None; process.ports.len()]);
            }
        }
    }
    if failed {
        return Err(Stop::Reported);
    }
    unconnected(cx, &graph, &uses);
    let mut links = Vec::new();
    for connection in &graph.connections {
        let mut of_connection = Vec::new();
        for sender in &connection.senders {
            match link(cx, &graph, &uses, connection, *sender) {
                Ok(link) => of_connection.push(link),
                Err(_) => failed = true,
            }
        }
        links.push(of_connection);
    }
    if failed {
        return Err(Stop::Reported);
    }
    let arrivals = latency::arrivals(&graph);
    let resets = resets(&graph, &arrivals);
    Ok(ClockedGraph { graph, uses, links, arrivals, resets })
}

/// When each port of a process is used.
fn port_uses(cx: &mut Cx<'_>, process: &crate::types::Process) -> Eval<Vec<Option<PortUse>>> {
    let mut uses: Vec<Option<PortUse>> = vec![None; process.ports.len()];
    let mut failed = None;
    for stmt in &process.body {
        let mut ports = Vec::new();
        let mut read = |leaf: Leaf| {
            if let Leaf::Port(i) = leaf
                && process.ports[i].direction == Direction::In
            {
                ports.push(i);
            }
        };
        match &stmt.kind {
            StmtKind::Let(id) => process.lets[*id].1.for_each_read(&mut read),
            StmtKind::Assign { picks, value, mask, .. } => {
                value.for_each_read(&mut read);
                if let Some(mask) = mask {
                    mask.for_each_read(&mut read);
                }
                for pick in picks {
                    if let crate::types::Pick::Computed(index) = pick {
                        index.for_each_read(&mut read);
                    }
                }
            }
        }
        if let StmtKind::Assign { to: Place::Port(i), .. } = stmt.kind {
            ports.push(i);
        }
        for i in ports {
            match &mut uses[i] {
                None => {
                    let (phase, clock) = (stmt.phase, stmt.clock.clone());
                    uses[i] = Some(PortUse { phase, clock, loc: stmt.loc });
                }
                Some(known) if known.phase == stmt.phase => {
                    known.clock = known.clock.or(&stmt.clock);
                }
                Some(known) => {
                    let name = &process.ports[i].name;
                    let message = format!("`{name}` belongs to two phases");
                    let d = Diagnostic::new(Code::E0303, message, stmt.loc, stmt.phase.name())
                        .label(known.loc, known.phase.name());
                    let hint = "keep the message in a variable for the later phase";
                    failed = Some(cx.fail(d.help(hint)));
                }
            }
        }
    }
    failed.map_or(Ok(uses), Err)
}

/// Warns of in ports that receive nothing.
fn unconnected(cx: &mut Cx<'_>, graph: &TypedGraph, uses: &[Vec<Option<PortUse>>]) {
    for (i, process) in graph.processes.iter().enumerate() {
        for (p, port) in process.ports.iter().enumerate() {
            let connected = graph.connections.iter().any(|c| c.to == (i, p));
            if port.direction == Direction::In && !connected && uses[i][p].is_some() {
                let message = format!("nothing is connected to `{}.{}`", process.path, port.name);
                let d = Diagnostic::new(Code::W0401, message, process.loc, "receives zeros");
                cx.sink.push(d.label(port.loc, "declared here"));
            }
        }
    }
}

/// Compares when messages are sent with when they are received.
fn link(
    cx: &mut Cx<'_>,
    graph: &TypedGraph,
    uses: &[Vec<Option<PortUse>>],
    connection: &Connection,
    sender: (usize, usize),
) -> Eval<Link> {
    let path = |(i, p): (usize, usize)| {
        let process = &graph.processes[i];
        format!("{}.{}", process.path, process.ports[p].name)
    };
    let (from, to) = (path(sender), path(connection.to));
    let (send, receive) = match (&uses[sender.0][sender.1], &uses[connection.to.0][connection.to.1])
    {
        (Some(send), Some(receive)) => (send, receive),
        (send, _) => {
            let (message, what) = match send {
                Some(_) => (format!("`{to}` is never received"), "sent for nobody"),
                None => (format!("`{from}` is never sent"), "would wait forever"),
            };
            let d = Diagnostic::new(Code::E0304, message, connection.loc, what);
            let ((s, sp), (r, rp)) = (sender, connection.to);
            let d = d
                .label(graph.processes[s].ports[sp].loc, "sender")
                .label(graph.processes[r].ports[rp].loc, "receiver");
            return Err(cx.fail(d.help("use the port in a phase, or remove the connection")));
        }
    };
    match compare(send, receive) {
        Ok(link) => Ok(link),
        Err(conflict) => {
            let name = &graph.processes[connection.to.0].ports[connection.to.1].name;
            Err(cx.fail(conflict.diagnostic(name, connection.loc, send, receive)))
        }
    }
}

/// A disagreement of two clocks.
struct Conflict {
    code: Code,
    /// The step at which a receiver would wait, and the step (if any) of the message.
    waits: Option<(u64, u64, Option<u64>)>,
}

impl Conflict {
    fn diagnostic(&self, name: &str, loc: Loc, send: &PortUse, receive: &PortUse) -> Diagnostic {
        let message = match (self.code, self.waits) {
            (Code::E0311, _) => format!("`{name}` is sent more often than it is received"),
            (_, Some((_, _, Some(_))))
                if send.clock.per_period() * receive.clock.period()
                    == receive.clock.per_period() * send.clock.period() =>
            {
                format!("`{name}` is received before it is sent")
            }
            _ => format!("`{name}` is received more often than it is sent"),
        };
        let label = format!("sent in {}\nreceived in {}", describe(send), describe(receive));
        let d = Diagnostic::new(self.code, message, loc, label)
            .label(send.loc, "sent here")
            .label(receive.loc, "received here");
        let d = match self.waits {
            Some((n, at, Some(sent))) => d.note(format!(
                "the {} receive, at t = {at}, would wait for a message sent at t = {sent}{}",
                ordinal(n),
                if sent == at { " in a later phase" } else { "" },
            )),
            Some((n, at, None)) => d.note(format!(
                "the {} receive, at t = {at}, would wait for a message that is never sent",
                ordinal(n)
            )),
            None => d.note("the queue between them would grow without end"),
        };
        d.help(self.remedy(send, receive))
    }

    /// What to write instead.
    fn remedy(&self, send: &PortUse, receive: &PortUse) -> String {
        let when = |clock: &Clock, later: u64| match clock.as_every() {
            _ if clock.is_always() => "at every step".to_string(),
            Some((every, residue)) => {
                format!("when `t % {every} == {}`", (residue + later) % every)
            }
            None => "with the same guard".to_string(),
        };
        if self.code == Code::E0311 {
            let (send, receive) = (when(&receive.clock, 0), when(&send.clock, 0));
            return format!("send {send}, or receive {receive}");
        }
        // The latest of the receiver's own steps that fits, once for each message.
        if let Some((every, _)) = send.clock.as_every().filter(|_| !receive.clock.is_always()) {
            let fits = |t: &u64| {
                let clock = Clock::every(every, *t as i64);
                compare(send, &PortUse { clock, ..receive.clone() }).is_ok()
            };
            let own = receive.clock.steps().take_while(|t| *t <= every).filter(fits).last();
            if let Some(t) = own {
                return format!("receive {}", when(&Clock::every(every, t as i64), 0));
            }
        }
        // A message sent in a later phase can be received in the next step at the earliest.
        let later = u64::from(send.phase > receive.phase);
        match (send.clock.is_always(), later) {
            (true, 1) => format!("receive in `{}` or a later phase", send.phase.name()),
            _ => format!("receive {}", when(&send.clock, later)),
        }
    }
}

fn compare(send: &PortUse, receive: &PortUse) -> Result<Link, Conflict> {
    if send.clock == receive.clock {
        // One message a step at the same steps: only the order of phases matters.
        if send.phase <= receive.phase {
            return Ok(Link::Direct { instant: send.phase == receive.phase });
        }
        let first = receive.clock.steps().next().unwrap_or(1);
        let waits = Some((1, first, Some(first)));
        return Err(Conflict { code: Code::E0312, waits });
    }
    let both = send.clock.or(&receive.clock);
    let (prefix, period) = (
        both.prefix().max(send.clock.prefix()).max(receive.clock.prefix()),
        super::lcm(send.clock.period(), receive.clock.period()),
    );
    let sends = send.clock.per_period() * (period / send.clock.period());
    let receives = receive.clock.per_period() * (period / receive.clock.period());
    let (mut sent, mut received, mut slots) = (0u64, 0u64, 0u64);
    let (mut direct, mut instant) = (true, false);
    for t in 1..=prefix + 2 * period {
        let sends_now = send.clock.holds(t);
        let receives_now = receive.clock.holds(t);
        if sends_now && send.phase <= receive.phase {
            sent += 1;
            slots = slots.max(sent - received);
        }
        if receives_now {
            received += 1;
            if received > sent {
                let nth = send.clock.steps().nth(received as usize - 1);
                let waits = Some((received, t, nth));
                return Err(Conflict { code: Code::E0312, waits });
            }
            direct &= received == sent;
            instant |= sends_now && received == sent && send.phase == receive.phase;
        }
        if sends_now && send.phase > receive.phase {
            sent += 1;
            slots = slots.max(sent - received);
        }
    }
    if sends > receives {
        return Err(Conflict { code: Code::E0311, waits: None });
    }
    if sends < receives {
        let waits = Some((sent + 1, receive.clock.steps().nth(sent as usize).unwrap_or(0), None));
        return Err(Conflict { code: Code::E0312, waits });
    }
    Ok(match direct {
        true => Link::Direct { instant },
        false => Link::Queue { slots: slots as usize, instant },
    })
}

/// `post_mgmt when t % 32 == 1   (t = 1, 33, 65, …)`.
fn describe(port: &PortUse) -> String {
    if port.clock.is_always() {
        return format!("{} at every step", port.phase.name());
    }
    let steps: Vec<String> = port.clock.steps().take(4).map(|t| t.to_string()).collect();
    let listed = match steps.len() {
        4 => format!("{}, …", steps[..3].join(", ")),
        _ => steps.join(", "),
    };
    let guard = match port.clock.as_every() {
        Some((every, residue)) => format!(" when t % {every} == {residue}"),
        None => String::new(),
    };
    format!("{}{guard}   (t = {listed})", port.phase.name())
}

fn ordinal(n: u64) -> String {
    let words = ["first", "second", "third", "fourth", "fifth"];
    words.get(n as usize - 1).map_or_else(|| format!("{n}th"), |w| (*w).into())
}

/// The steps of every reset.
fn resets(graph: &TypedGraph, arrivals: &Arrivals) -> Vec<ResetAt> {
    let mut found = Vec::new();
    for reset in &graph.resets {
        let members: Vec<(usize, &str)> = reset
            .targets
            .iter()
            .filter_map(|t| match t {
                Target::Member(i, name) => Some((*i, name.as_str())),
                Target::Instance(_) => None,
            })
            .collect();
        let layers = latency::layers(graph, arrivals, members.iter().map(|(i, _)| *i));
        for (i, name) in members {
            let Some(var) = graph.processes[i].vars.iter().position(|v| v.name == name) else {
                continue;
            };
            let (every, residue) = match reset.timing {
                Timing::Every { every, offset, stagger } => {
                    let layer = layers.get(&i).copied().unwrap_or(0) as i64;
                    (every, offset + stagger * layer)
                }
                Timing::Epoch { every, start, skew: false } => (every, start),
                Timing::Epoch { every, start, skew: true } => {
                    (every, start + arrivals.last[i] as i64)
                }
            };
            let phase = Phase::ALL.into_iter().find(|p| p.name() == reset.phase);
            let clock = Clock::every(every, residue);
            found.push(ResetAt { variable: (i, var), clock, phase, loc: reset.loc });
        }
    }
    found
}
