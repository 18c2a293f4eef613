//! Every message must meet its receiver.

use super::compare::compare;
use super::latency::{self, Arrivals, Sending, Wave};
use super::passages::Passages;
use crate::elaborate::{Named, Reset, Timing};
use crate::types::{Cx, Eval, Stop, Typed};
use snn_grammar::ast::Direction;
use snn_ir::clock::Clock;
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{self, Body, InstanceId, Network, Phase, When};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A network of which it is known when every message is sent and received.
pub struct Clocked {
    /// The network, with queues, arrivals and resets.
    pub network: Network,
    /// Ports of networks that pass one process's messages on: path, and the process's port.
    pub aliases: Vec<(String, (usize, usize))>,
    /// The period and the residue of the epoch that a reset names, if one does: when waves start.
    pub wave: Option<(u64, i64)>,
    /// What was followed to find when messages arrive.
    pub passages: Passages,
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
    let wave = resets.iter().find_map(|r| match r.timing {
        Timing::Epoch { every, start, .. } => Some((every, start)),
        Timing::Every { .. } => None,
    });
    let targets = resets.iter().flat_map(|r| &r.targets);
    let mut waves = Waves::new(targets.filter_map(|target| variable(&network, target)));
    let period = network.clocks.iter().try_fold(1, |all, c| snn_ir::clock::lcm(all, c.period()));
    let epoch = wave.unwrap_or((period.filter(|p| *p <= MOST_PERIOD).unwrap_or(1), 0));
    let arrivals = waves.of(&network, epoch);
    for (instance, arrival) in network.instances.iter_mut().zip(&arrivals.at) {
        instance.arrival = arrival.map_or((0, 0), |a| a.took);
    }
    if !add_resets(cx, &mut network, &resets, &mut waves, &arrivals) {
        return Err(Stop::Reported);
    }
    Ok(Clocked { network, aliases, wave, passages: waves.passages })
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

/// Common periods of clocks up to this are taken as the epoch of a network without one.
const MOST_PERIOD: u64 = 4096;

/// When the waves of epochs arrive, each followed once.
pub struct Waves {
    /// Variables that are reset at steps that are not known yet.
    unknown: BTreeMap<InstanceId, BTreeSet<u32>>,
    found: BTreeMap<(u64, i64), Rc<Arrivals>>,
    passages: Passages,
}

impl Waves {
    /// For resets of these variables.
    pub fn new(vars: impl Iterator<Item = (InstanceId, u32)>) -> Waves {
        let mut unknown: BTreeMap<InstanceId, BTreeSet<u32>> = BTreeMap::new();
        for (instance, var) in vars {
            unknown.entry(instance).or_default().insert(var);
        }
        Waves { unknown, found: BTreeMap::new(), passages: Passages::default() }
    }

    /// When what the sources send in an epoch arrives.
    pub fn of(&mut self, network: &Network, epoch: (u64, i64)) -> Rc<Arrivals> {
        let found = self.found.entry(epoch).or_insert_with(|| {
            let wave = Wave::of_epoch(network, epoch, Sending::All);
            Rc::new(latency::arrivals(network, &wave, &self.unknown, &mut self.passages))
        });
        Rc::clone(found)
    }
}

/// The variable that a reset names.
fn variable(network: &Network, target: &Named) -> Option<(InstanceId, u32)> {
    let Named::Member(i, name) = target else { return None };
    let instance = InstanceId(*i as u32);
    let var = network.body(instance).vars.iter().position(|v| v.name == *name)?;
    Some((instance, var as u32))
}

/// The steps of every reset. False where one has none.
fn add_resets(
    cx: &mut Cx<'_>,
    network: &mut Network,
    resets: &[Reset],
    waves: &mut Waves,
    arrivals: &Arrivals,
) -> bool {
    let mut fits = true;
    for reset in resets {
        let vars: Vec<(InstanceId, u32)> =
            reset.targets.iter().filter_map(|target| variable(network, target)).collect();
        let layers = match reset.timing {
            Timing::Every { stagger: 0, .. } | Timing::Epoch { .. } => BTreeMap::new(),
            Timing::Every { .. } => {
                arrivals.order.layers(network, vars.iter().map(|(i, _)| i.at()))
            }
        };
        let mut said = BTreeSet::new();
        for var in vars {
            let i = var.0.at();
            let (every, residue) = match reset.timing {
                Timing::Every { every, offset, stagger } => {
                    let layer = layers.get(&i).copied().unwrap_or(0) as i64;
                    (every, offset.wrapping_add(stagger.wrapping_mul(layer)))
                }
                Timing::Epoch { every, start, skew: false } => (every, start),
                Timing::Epoch { every, start, skew: true } => {
                    let arrivals = waves.of(network, (every, start));
                    let later = skew(&arrivals, i);
                    if later >= every as i64 && said.insert(i) {
                        cx.sink.push(too_long(network, reset, i, (every, later)));
                        fits = false;
                    }
                    if let Some(doubt) = arrivals.behind.get(&i)
                        && said.insert(i)
                    {
                        cx.sink.push(super::waves::not_understood(network, *doubt, i, reset.loc));
                    }
                    (every, start + later)
                }
            };
            let when = match Phase::ALL.into_iter().find(|p| p.name() == reset.phase) {
                Some(Phase::Spk) => When::Start,
                Some(phase) => When::After(phase),
                None => When::Host,
            };
            let clock = network.clock_id(&Clock::every(every, residue));
            network.resets.push(network::Reset { var, clock, when, place: reset.loc });
        }
    }
    fits
}

/// How many steps after an epoch's start nothing that was sent before can arrive any more.
pub fn skew(arrivals: &Arrivals, i: usize) -> i64 {
    arrivals.at[i].map_or(0, |a| a.last as i64 - arrivals.sent as i64).max(0)
}

fn too_long(network: &Network, reset: &Reset, i: usize, (every, later): (u64, i64)) -> Diagnostic {
    let path = &network.instances[i].path;
    let message = format!("messages are on their way to `{path}` for longer than the epoch lasts");
    let label = format!("the longest way takes {later} steps, the epoch {every}");
    let help = format!(
        "make the epoch longer than {later} steps, or say the steps: `reset {path} every {every} \
         offset {}`",
        (later % every as i64 + wave_offset(reset)).rem_euclid(every as i64)
    );
    Diagnostic::new(Code::E0308, message, reset.loc, label).help(help)
}

fn wave_offset(reset: &Reset) -> i64 {
    match reset.timing {
        Timing::Epoch { start, .. } => start,
        Timing::Every { offset, .. } => offset,
    }
}
