//! What depends on what: which values and variables a gradient passes.

use snn_ir::network::{Action, Network, Op, ValueId};
use std::collections::BTreeSet;

/// Values and variables of a body by whether a gradient passes them: they follow from something
/// that is learned, and the loss follows from them. A mask, a guard or an index is no way for a
/// gradient, whatever it is computed from.
pub(super) struct Flow {
    values: Vec<bool>,
    vars: Vec<bool>,
}

impl Flow {
    /// That of the body of a network in the flat form, to the loss, a variable, from the params
    /// of these slots.
    pub(super) fn of(flat: &Network, loss: u32, learned: &[u32]) -> Flow {
        let body = &flat.bodies[0];
        let count = body.values.len();
        // Values first, then variables.
        let var = |var: u32| count + var as usize;
        let mut to: Vec<Vec<usize>> = vec![Vec::new(); count + body.vars.len()];
        let mut from = to.clone();
        let mut edge = |a: usize, b: usize| {
            to[a].push(b);
            from[b].push(a);
        };
        for (at, value) in body.values.iter().enumerate() {
            value.args.iter().for_each(|arg| edge(arg.at(), at));
            if let Op::Var(of) = value.op {
                edge(var(of), at);
            }
        }
        for (_, stmt) in body.stmts() {
            if let Action::Store { var: of, value, .. } | Action::Push { var: of, value } =
                stmt.action
            {
                edge(value.at(), var(of));
            }
        }
        for (at, of) in body.vars.iter().enumerate() {
            edge(of.init.at(), count + at);
        }
        let learned: BTreeSet<u32> = learned.iter().copied().collect();
        let params = body.values.iter().enumerate().filter_map(|(at, value)| match value.op {
            Op::Param(slot) if learned.contains(&slot) => Some(at),
            _ => None,
        });
        let active = reached(&to, params.collect());
        let useful = reached(&from, vec![var(loss)]);
        let both: Vec<bool> = active.iter().zip(&useful).map(|(a, b)| *a && *b).collect();
        Flow { values: both[..count].to_vec(), vars: both[count..].to_vec() }
    }

    /// Whether a gradient passes a value.
    pub(super) fn passes(&self, value: ValueId) -> bool {
        self.values.get(value.at()).copied().unwrap_or(false)
    }

    /// Whether a gradient passes a variable.
    pub(super) fn passes_var(&self, var: u32) -> bool {
        self.vars.get(var as usize).copied().unwrap_or(false)
    }
}

/// What can be reached along edges.
fn reached(edges: &[Vec<usize>], mut pending: Vec<usize>) -> Vec<bool> {
    let mut found = vec![false; edges.len()];
    while let Some(node) = pending.pop() {
        if !std::mem::replace(&mut found[node], true) {
            pending.extend(&edges[node]);
        }
    }
    found
}
