//! Which messages a network exchanges and how long they take, in words: the first part of
//! what `snnc explain FILE` prints.

use super::execution::when;
use snn_front::clocks::{self};
use snn_ir::clock::Clock;
use snn_ir::network::{InstanceId, Link, Member, Network, Phase, Sender};
use std::fmt::Write;

/// Every connection with when it is used, and when data reaches each process.
pub fn messages(network: &Network) -> String {
    let mut out = String::new();
    connections(&mut out, network);
    arrivals(&mut out, network);
    out
}

fn connections(out: &mut String, network: &Network) {
    let rows: Vec<[String; 2]> = network
        .links
        .iter()
        .flat_map(|link| link.senders.iter().map(|sender| row(network, link, sender)))
        .collect();
    if !rows.is_empty() {
        out.push_str("\nMessages\n");
        table(out, &rows);
    }
}

fn row(network: &Network, link: &Link, sender: &Sender) -> [String; 2] {
    let path =
        |(instance, port): (InstanceId, u32)| network.member_path(instance, Member::Port(port));
    let ends = format!("{} -> {}", path(sender.from), path(link.to));
    let mut times = match (network.port_use(sender.from), network.port_use(link.to)) {
        (Some(a), Some(b)) if a == b => moment(&a),
        (Some(a), Some(b)) => format!("{}, received {}", moment(&a), moment(&b)),
        (Some(a), None) => format!("{}, never received", moment(&a)),
        (None, _) => "never sent".to_owned(),
    };
    if let Some(slots) = sender.queue {
        let plural = if slots == 1 { "" } else { "s" };
        let _ = write!(times, ", up to {slots} message{plural} waiting");
    }
    [ends, times]
}

fn moment((phase, clock): &(Phase, Clock)) -> String {
    format!("in {}, {}", phase.name(), when(clock))
}

fn arrivals(out: &mut String, network: &Network) {
    let order = clocks::Order::of(network);
    let rows: Vec<[String; 2]> = order
        .instances
        .into_iter()
        .map(|at| &network.instances[at])
        .map(|instance| {
            let steps = match instance.arrival {
                (0, 0) => "in the same step".to_owned(),
                (1, 1) => "after 1 step".to_owned(),
                (a, b) if a == b => format!("after {a} steps"),
                (a, b) => format!("after {a} to {b} steps"),
            };
            [instance.path.clone(), steps]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("\nArrival of what the sources send\n");
        table(out, &rows);
    }
}

pub(super) fn table(out: &mut String, rows: &[[String; 2]]) {
    let width = rows.iter().map(|[first, _]| first.chars().count()).max().unwrap_or(0);
    for [first, second] in rows {
        let _ = writeln!(out, "  {first:width$}  {second}");
    }
}
