//! Which message of a queue is taken when.

use crate::Refused;
use snn_ir::network::{Action, Network, Op, Stmt};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A statement: phase and position.
pub(super) type Place = (usize, usize);

/// The steps at which a statement puts a message into a queue that is taken later, or takes one
/// that has been put there.
pub(super) type Met = HashMap<Place, BTreeSet<u64>>;

/// Follows the messages of all queues over so many steps.
///
/// # Errors
/// Where it depends on values whether a message is sent.
pub(super) fn met(flat: &Network, steps: u64) -> Result<Met, Refused> {
    let body = &flat.bodies[0];
    let mut all = Vec::new();
    for (phase, stmts) in body.phases.iter().enumerate() {
        for (at, stmt) in stmts.iter().enumerate() {
            let Some(queue) = queue(flat, stmt) else { continue };
            if stmt.guard.is_some() {
                let why = "whether a message waits here depends on values".into();
                return Err(Refused { place: stmt.place, why });
            }
            all.push(((phase, at), stmt, queue));
        }
    }
    let mut met = Met::new();
    // By queue, who has sent the messages in it, and when.
    let mut waiting: HashMap<u32, VecDeque<(Place, u64)>> = HashMap::new();
    for t in 1..=steps {
        for (place, stmt, queue) in &all {
            if !flat.clock(stmt.clock).holds(t) {
                continue;
            }
            let queue = waiting.entry(*queue).or_default();
            if matches!(stmt.action, Action::Push { .. }) {
                queue.push_back((*place, t));
            } else if let Some((sender, sent)) = queue.pop_front() {
                met.entry(sender).or_default().insert(sent);
                met.entry(*place).or_default().insert(t);
            }
        }
    }
    Ok(met)
}

/// The queue that a statement puts a message into, or takes one from.
pub(super) fn queue(flat: &Network, stmt: &Stmt) -> Option<u32> {
    match stmt.action {
        Action::Push { var, .. } => Some(var),
        Action::Pop(value) => match flat.bodies[0].values[value.at()].op {
            Op::Var(var) => Some(var),
            _ => None,
        },
        _ => None,
    }
}
