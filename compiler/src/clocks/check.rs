//! Every message must meet its receiver.

use super::Clock;
use super::compare::compare;
use super::latency::{self, Arrivals};
use crate::diagnostics::{Code, Diagnostic, Loc};
use crate::elaborate::{Reset, Target, Timing};
use crate::network::{self, Body, InstanceId, Network, Phase, When};
use crate::types::{Cx, Eval, Stop, Typed};
use snn_grammar::ast::Direction;

/// A network of which it is known when every message is sent and received.
pub struct Clocked {
    /// The network, with queues, arrivals and resets.
    pub network: Network,
    /// Ports of networks that pass one process's messages on: path, and the process's port.
    pub aliases: Vec<(String, (usize, usize))>,
    /// The period and the residue of the epoch that a reset names, if one does: when waves start.
    pub wave: Option<(u64, i64)>,
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
pub enum Way {
    /// The receiver reads the last message sent. `instant` where some message is received in
    /// the very phase in which it is sent.
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

/// Checks all connections and resolves all resets.
pub fn check(cx: &mut Cx<'_>, typed: Typed) -> Eval<Clocked> {
    let Typed { mut network, resets, aliases } = typed;
    let mut failed = false;
    let mut uses: Vec<Vec<Option<PortUse>>> = Vec::new();
    for body in &network.bodies {
        match (0..body.ports.len()).map(|p| port_use(cx, &network, body, p as u32)).collect() {
            Ok(of_body) => uses.push(of_body),
            Err(_) => return Err(Stop::Reported),
        }
    }
    unconnected(cx, &network, &uses);
    for at in 0..network.links.len() {
        for sender in 0..network.links[at].senders.len() {
            match way(cx, &network, &uses, at, sender) {
                Ok(way) => {
                    let sender = &mut network.links[at].senders[sender];
                    (sender.queue, sender.instant) = match way {
                        Way::Direct { instant } => (None, instant),
                        Way::Queue { slots, instant } => (Some(slots), instant),
                    };
                }
                Err(_) => failed = true,
            }
        }
    }
    if failed {
        return Err(Stop::Reported);
    }
    let arrivals = latency::arrivals(&network);
    for (i, instance) in network.instances.iter_mut().enumerate() {
        instance.arrival = (arrivals.first[i], arrivals.last[i]);
    }
    add_resets(&mut network, &resets, &arrivals);
    let wave = resets.iter().find_map(|r| match r.timing {
        Timing::Epoch { every, start, .. } => Some((every, start)),
        Timing::Every { .. } => None,
    });
    Ok(Clocked { network, aliases, wave })
}

/// When a port of a body is used; none where it never is.
pub fn port_use(
    cx: &mut Cx<'_>,
    network: &Network,
    body: &Body,
    port: u32,
) -> Eval<Option<PortUse>> {
    let mut found: Option<PortUse> = None;
    for (phase, stmt) in body.uses(port) {
        let clock = network.clock(stmt.clock);
        match &mut found {
            None => found = Some(PortUse { phase, clock: clock.clone(), loc: stmt.place }),
            Some(known) => match known.clock.or(clock) {
                Ok(both) => known.clock = both,
                Err(why) => {
                    let name = &body.ports[port as usize].name;
                    let message = format!("when `{name}` is used does not repeat within {why}");
                    let d = Diagnostic::new(Code::E0302, message, stmt.place, "used here");
                    let d = d.label(known.loc, "and here");
                    return Err(cx.fail(d.help("use it at steps with a common period")));
                }
            },
        }
    }
    Ok(found)
}

/// Warns of in ports that receive nothing, but for processes that none is needed by: to drive
/// neurons by a bias is to leave their input open.
fn unconnected(cx: &mut Cx<'_>, network: &Network, uses: &[Vec<Option<PortUse>>]) {
    let mut connected: Vec<Vec<bool>> = network
        .instances
        .iter()
        .map(|i| vec![false; network.bodies[i.body.at()].ports.len()])
        .collect();
    for link in &network.links {
        connected[link.to.0.at()][link.to.1 as usize] = true;
    }
    for (at, (instance, connected)) in network.instances.iter().zip(&connected).enumerate() {
        let body = &network.bodies[instance.body.at()];
        let of_body = &uses[instance.body.at()];
        let open: Vec<usize> = (0..body.ports.len())
            .filter(|&p| body.ports[p].direction == Direction::In)
            .filter(|&p| !connected[p] && of_body[p].is_some())
            .collect();
        let alone = !connected.contains(&true);
        if !open.is_empty() && alone && network::sends_unprompted(network, at) {
            continue;
        }
        for port in open.into_iter().map(|p| &body.ports[p]) {
            let message = format!("nothing is connected to `{}.{}`", instance.path, port.name);
            let d = Diagnostic::new(Code::W0401, message, instance.place, "receives zeros");
            cx.sink.push(d.label(port.place, "declared here"));
        }
    }
}

/// Compares when messages are sent with when they are received.
fn way(
    cx: &mut Cx<'_>,
    network: &Network,
    uses: &[Vec<Option<PortUse>>],
    link: usize,
    sender: usize,
) -> Eval<Way> {
    let link = &network.links[link];
    let from = link.senders[sender].from;
    let port = |(i, p): (InstanceId, u32)| &network.body(i).ports[p as usize];
    let used =
        |(i, p): (InstanceId, u32)| uses[network.instances[i.at()].body.at()][p as usize].as_ref();
    let path = |(i, p): (InstanceId, u32)| network.member_path(i, network::Member::Port(p));
    let (send, receive) = match (used(from), used(link.to)) {
        (Some(send), Some(receive)) => (send, receive),
        (send, _) => {
            let (message, what) = match send {
                Some(_) => (format!("`{}` is never received", path(link.to)), "sent for nobody"),
                None => (format!("`{}` is never sent", path(from)), "would wait forever"),
            };
            let d = Diagnostic::new(Code::E0304, message, link.place, what)
                .label(port(from).place, "sender")
                .label(port(link.to).place, "receiver");
            return Err(cx.fail(d.help("use the port in a phase, or remove the connection")));
        }
    };
    compare(send, receive).map_err(|conflict| {
        cx.fail(conflict.diagnostic(&port(link.to).name, link.place, send, receive))
    })
}

/// The steps of every reset.
fn add_resets(network: &mut Network, resets: &[Reset], arrivals: &Arrivals) {
    for reset in resets {
        let members: Vec<(usize, &str)> = reset
            .targets
            .iter()
            .filter_map(|t| match t {
                Target::Member(i, name) => Some((*i, name.as_str())),
                Target::Instance(_) => None,
            })
            .collect();
        let layers = latency::layers(network, arrivals, members.iter().map(|(i, _)| *i));
        for (i, name) in members {
            let instance = InstanceId(i as u32);
            let vars = &network.body(instance).vars;
            let Some(var) = vars.iter().position(|v| v.name == name) else { continue };
            let (every, residue) = match reset.timing {
                Timing::Every { every, offset, stagger } => {
                    let layer = layers.get(&i).copied().unwrap_or(0) as i64;
                    (every, offset.wrapping_add(stagger.wrapping_mul(layer)))
                }
                Timing::Epoch { every, start, skew: false } => (every, start),
                Timing::Epoch { every, start, skew: true } => {
                    (every, start + arrivals.last[i] as i64)
                }
            };
            let when = match Phase::ALL.into_iter().find(|p| p.name() == reset.phase) {
                Some(Phase::Spk) => When::Start,
                Some(phase) => When::After(phase),
                None => When::Host,
            };
            let clock = network.clock_id(&Clock::every(every, residue));
            let var = (instance, var as u32);
            network.resets.push(network::Reset { var, clock, when, place: reset.loc });
        }
    }
}
