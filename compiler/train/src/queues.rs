//! Messages that wait: which is taken when, and how many are left.

use crate::Refused;
use crate::flow::changes;
use snn_ir::network::{Action, Network, Stmt, VarKind};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// A statement: phase and position.
pub(crate) type Place = (usize, usize);

/// Who has sent the messages in a queue, and when.
type Messages = VecDeque<(Place, u64)>;

/// What happens to the messages of all queues in some steps.
pub(crate) struct Messaging {
    /// By statement that puts a message into a queue that is taken later, or takes one that has
    /// been put there, the steps at which it does.
    pub met: HashMap<Place, BTreeSet<u64>>,
    /// By queue, how many messages are left.
    pub left: BTreeMap<u32, usize>,
}

/// Follows the messages of all queues of a network in the flat form over so many steps.
///
/// # Errors
/// Where it depends on values whether a message is sent.
pub(crate) fn messaging(flat: &Network, steps: u64) -> Result<Messaging, Refused> {
    let body = &flat.bodies[0];
    let mut all: Vec<(Place, &Stmt, u32)> = Vec::new();
    for (phase, stmts) in body.phases.iter().enumerate() {
        for (at, stmt) in stmts.iter().enumerate() {
            let Some(var) = changes(body, stmt) else { continue };
            if !matches!(body.vars[var as usize].kind, VarKind::Queue { .. }) {
                continue;
            }
            if stmt.guard.is_some() {
                let why = "whether a message waits here depends on values".into();
                return Err(Refused { place: stmt.place, why });
            }
            all.push(((phase, at), stmt, var));
        }
    }
    let mut met: HashMap<Place, BTreeSet<u64>> = HashMap::new();
    let mut waiting: BTreeMap<u32, Messages> = BTreeMap::new();
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
    let left = waiting.into_iter().map(|(queue, messages)| (queue, messages.len())).collect();
    Ok(Messaging { met, left })
}
