//! Which reads a statement of the flat form needs before it.

use super::{Action, Body, InstanceId, Op, Stage, Stmt, ValueId};
use std::collections::{BTreeSet, HashMap};

/// A statement with what ordering needs to know of it.
pub(super) struct Node {
    pub(super) stmt: Stmt,
    pub(super) instance: InstanceId,
}

/// What each statement of a phase needs.
pub(super) struct Needs {
    /// Statements that fix values that it uses: evals and pops.
    pub(super) fixed: Vec<Vec<usize>>,
    /// Variables that it reads, and whether it reads a message of its own process.
    pub(super) vars: Vec<BTreeSet<(u32, bool)>>,
    /// The reads among the statements that give it what it reads.
    reads: Vec<Vec<usize>>,
}

impl Needs {
    pub(super) fn of(body: &Body, nodes: &[Node], own: &BTreeSet<ValueId>) -> Needs {
        let mut fixes: HashMap<ValueId, usize> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            if let Some(value) = node.stmt.action.fixes() {
                fixes.insert(value, at);
            }
        }
        let n = nodes.len();
        let mut needs = Needs {
            fixed: vec![Vec::new(); n],
            vars: vec![BTreeSet::new(); n],
            reads: vec![Vec::new(); n],
        };
        // Of each value, the last statement that was found to need it.
        let mut seen: Vec<Option<usize>> = vec![None; body.values.len()];
        let mut pending: Vec<ValueId> = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            pending.extend(node.stmt.guard);
            node.stmt.action.for_each_value(&mut |v| pending.push(v));
            while let Some(id) = pending.pop() {
                let known = seen[id.at()].replace(at) == Some(at);
                if known || body.values[id.at()].stage == Stage::Once {
                    continue;
                }
                match fixes.get(&id) {
                    Some(&by) if by != at => match nodes[by].stmt.action {
                        Action::Read(_) => {
                            if let Op::Var(var) = body.values[id.at()].op {
                                needs.vars[at].insert((var, own.contains(&id)));
                            }
                            needs.reads[at].push(by);
                        }
                        _ => needs.fixed[at].push(by),
                    },
                    _ => pending.extend(&body.values[id.at()].args),
                }
            }
        }
        needs
    }

    /// The statements in order, each read before the first that needs it.
    pub(super) fn with_reads(&self, nodes: &[Node], sorted: Vec<usize>) -> Vec<Stmt> {
        let mut done = vec![false; nodes.len()];
        let mut stmts = Vec::new();
        for at in sorted {
            if matches!(nodes[at].stmt.action, Action::Read(_)) {
                continue;
            }
            let mut reads = self.reads[at].clone();
            reads.sort_unstable();
            for read in reads {
                if !std::mem::replace(&mut done[read], true) {
                    stmts.push(nodes[read].stmt.clone());
                }
            }
            stmts.push(nodes[at].stmt.clone());
        }
        stmts
    }
}
