//! Which messages a network exchanges and how long they take, in words: the first part of
//! what `snnc explain FILE` prints.

use super::execution::when;
use crate::clocks::{ClockedGraph, Link, PortUse};
use std::fmt::Write;

/// Every connection with when it is used, and when data reaches each process.
pub fn messages(clocked: &ClockedGraph) -> String {
    let mut out = String::new();
    connections(&mut out, clocked);
    arrivals(&mut out, clocked);
    out
}

fn connections(out: &mut String, clocked: &ClockedGraph) {
    let rows: Vec<[String; 2]> = clocked
        .graph
        .connections
        .iter()
        .zip(&clocked.links)
        .flat_map(|(connection, links)| {
            let to = connection.to;
            let senders = connection.senders.iter().zip(links);
            senders.map(move |(from, link)| {
                let ends = format!("{} -> {}", path(clocked, *from), path(clocked, to));
                let (sent, received) = (used(clocked, *from), used(clocked, to));
                let mut times = match (sent, received) {
                    (Some(a), Some(b)) if same(a, b) => moment(a),
                    (Some(a), Some(b)) => format!("{}, received {}", moment(a), moment(b)),
                    (Some(a), None) => format!("{}, never received", moment(a)),
                    (None, _) => "never sent".to_owned(),
                };
                if let Link::Queue { slots, .. } = link {
                    let plural = if *slots == 1 { "" } else { "s" };
                    let _ = write!(times, ", up to {slots} message{plural} waiting");
                }
                [ends, times]
            })
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("\nMessages\n");
        table(out, &rows);
    }
}

fn same(a: &PortUse, b: &PortUse) -> bool {
    a.phase == b.phase && a.clock == b.clock
}

fn moment(port: &PortUse) -> String {
    format!("in {}, {}", port.phase.name(), when(&port.clock))
}

fn used(clocked: &ClockedGraph, (process, port): (usize, usize)) -> Option<&PortUse> {
    clocked.uses.get(process)?.get(port)?.as_ref()
}

fn path(clocked: &ClockedGraph, (process, port): (usize, usize)) -> String {
    let process = clocked.graph.processes.get(process);
    let name = process.and_then(|p| p.ports.get(port)).map_or("", |p| p.name.as_str());
    format!("{}.{name}", process.map_or("", |p| p.path.as_str()))
}

fn arrivals(out: &mut String, clocked: &ClockedGraph) {
    let arrivals = &clocked.arrivals;
    let rows: Vec<[String; 2]> = arrivals
        .order
        .iter()
        .filter_map(|&process| {
            let (first, last) = (arrivals.first.get(process)?, arrivals.last.get(process)?);
            let steps = match (first, last) {
                (0, 0) => "in the same step".to_owned(),
                (1, 1) => "after 1 step".to_owned(),
                (a, b) if a == b => format!("after {a} steps"),
                (a, b) => format!("after {a} to {b} steps"),
            };
            Some([clocked.graph.processes.get(process)?.path.clone(), steps])
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("\nArrival of what the sources send\n");
        table(out, &rows);
    }
}

fn table(out: &mut String, rows: &[[String; 2]]) {
    let width = rows.iter().map(|[first, _]| first.chars().count()).max().unwrap_or(0);
    for [first, second] in rows {
        let _ = writeln!(out, "  {first:width$}  {second}");
    }
}
