//! What depends on what.

use snn_ir::network::{Action, Body, Op, Pick, Stmt, ValueId};

/// Some of the values and variables of a body.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    values: Vec<bool>,
    vars: Vec<bool>,
}

/// Which ways there are from one value or variable to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// Those of a gradient: a mask, a guard or an index is none, whatever it is computed from.
    Gradient,
    /// All.
    All,
}

impl Flow {
    /// What a gradient passes: what follows from the params of these slots, and is followed by a
    /// variable, the loss.
    pub(crate) fn of_gradient(body: &Body, loss: u32, learned: &[u32]) -> Flow {
        let graph = Graph::of(body, Ways::Gradient);
        let mut is_learned = vec![false; body.slots.len()];
        learned.iter().for_each(|slot| is_learned[*slot as usize] = true);
        let params = body.values.iter().enumerate().filter_map(|(at, value)| match value.op {
            Op::Param(slot) if is_learned[slot as usize] => Some(at),
            _ => None,
        });
        let active = reached(&graph.to, params.collect());
        let useful = reached(&graph.from, vec![graph.var(loss)]);
        graph.flow(&active.iter().zip(&useful).map(|(a, b)| *a && *b).collect::<Vec<bool>>())
    }

    /// All that some variables depend on.
    pub(crate) fn into(body: &Body, vars: &[u32]) -> Flow {
        let graph = Graph::of(body, Ways::All);
        graph.flow(&reached(&graph.from, vars.iter().map(|var| graph.var(*var)).collect()))
    }

    /// Whether a value is one of these.
    pub(crate) fn passes(&self, value: ValueId) -> bool {
        self.values.get(value.at()).copied().unwrap_or(false)
    }

    /// Whether a variable is one of these.
    pub(crate) fn passes_var(&self, var: u32) -> bool {
        self.vars.get(var as usize).copied().unwrap_or(false)
    }

    /// Whether a statement fixes a value or changes a variable that is one of these.
    pub(crate) fn passes_stmt(&self, body: &Body, stmt: &Stmt) -> bool {
        let fixes = stmt.action.fixes().is_some_and(|value| self.passes(value));
        fixes || changes(body, stmt).is_some_and(|var| self.passes_var(var))
    }
}

/// The variable that a statement changes.
pub(crate) fn changes(body: &Body, stmt: &Stmt) -> Option<u32> {
    match stmt.action {
        Action::Store { var, .. } | Action::Push { var, .. } => Some(var),
        Action::Pop(value) => match body.values[value.at()].op {
            Op::Var(var) => Some(var),
            _ => None,
        },
        _ => None,
    }
}

/// Values and variables, and the ways from one to another.
struct Graph {
    values: usize,
    to: Vec<Vec<usize>>,
    from: Vec<Vec<usize>>,
}

impl Graph {
    fn of(body: &Body, ways: Ways) -> Graph {
        let values = body.values.len();
        let none = vec![Vec::new(); values + body.vars.len()];
        let mut graph = Graph { values, to: none.clone(), from: none };
        for (at, value) in body.values.iter().enumerate() {
            value.args.iter().for_each(|arg| graph.way(arg.at(), at));
            if let Op::Var(var) = value.op {
                graph.way(graph.var(var), at);
            }
        }
        for (var, of) in (0..).zip(&body.vars) {
            graph.way(of.init.at(), graph.var(var));
        }
        for (_, stmt) in body.stmts() {
            let mut needed = Vec::new();
            match (&stmt.action, ways) {
                (Action::Store { value, .. } | Action::Push { value, .. }, Ways::Gradient) => {
                    needed.push(*value);
                }
                (Action::Store { value, mask, region, .. }, Ways::All) => {
                    needed.push(*value);
                    needed.extend(mask);
                    needed.extend(region.iter().filter_map(|pick| match pick {
                        Pick::Computed(index) => Some(*index),
                        Pick::At(_) | Pick::Range(..) => None,
                    }));
                }
                (Action::Push { value, .. }, Ways::All) => needed.push(*value),
                _ => {}
            }
            if ways == Ways::All {
                needed.extend(stmt.guard);
            }
            let changed = changes(body, stmt).map(|var| graph.var(var));
            // What a value is that is fixed depends on whether it is.
            let fixed = stmt.action.fixes().filter(|_| ways == Ways::All).map(ValueId::at);
            for to in changed.into_iter().chain(fixed) {
                needed.iter().for_each(|value| graph.way(value.at(), to));
            }
        }
        graph
    }

    /// The node of a variable.
    fn var(&self, var: u32) -> usize {
        self.values + var as usize
    }

    fn way(&mut self, from: usize, to: usize) {
        self.to[from].push(to);
        self.from[to].push(from);
    }

    fn flow(&self, found: &[bool]) -> Flow {
        let (values, vars) = found.split_at(self.values);
        Flow { values: values.to_vec(), vars: vars.to_vec() }
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
