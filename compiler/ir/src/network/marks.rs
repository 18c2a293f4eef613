//! Which comparisons make spikes.
//!
//! A spike is where a comparison becomes a message. The derivative of such a comparison is 0
//! almost everywhere; training puts a slope in its place, and so has to know which they are.

use super::{Action, Body, Op, Value, ValueId};
use crate::scalar::Kind;

/// What is known of a value as one that makes a spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is a comparison that becomes a message.
    Spike,
    /// The source says that it is one: `soft(x > y)`.
    Soft,
    /// The source says that it is none: `hard(x > y)`.
    Hard,
}

impl Mark {
    /// As the text form writes it.
    pub fn name(self) -> &'static str {
        match self {
            Mark::Spike => "spike",
            Mark::Soft => "soft",
            Mark::Hard => "hard",
        }
    }
}

/// Marks the comparisons of a body that become messages: those that a boolean message is
/// computed from by logic alone, up to what the source says is hard.
pub fn mark(body: &mut Body) {
    let mut pending: Vec<ValueId> = body
        .stmts()
        .filter_map(|(_, stmt)| match stmt.action {
            Action::Send { value, .. } => Some(value),
            _ => None,
        })
        .collect();
    let mut seen = vec![false; body.values.len()];
    while let Some(id) = pending.pop() {
        if std::mem::replace(&mut seen[id.at()], true) || body.values[id.at()].kind != Kind::Bool {
            continue;
        }
        if body.values[id.at()].spike == Some(Mark::Hard) {
            continue;
        }
        if compares(body, &body.values[id.at()]) {
            body.values[id.at()].spike.get_or_insert(Mark::Spike);
        } else {
            pending.extend(body.values[id.at()].args.iter().copied());
        }
    }
}

/// Whether a value compares numbers of a step.
fn compares(body: &Body, value: &Value) -> bool {
    let Op::Scalar(op) = value.op else { return false };
    op.is_comparison()
        && value.stage == super::Stage::Step
        && value.args.iter().all(|a| body.values[a.at()].kind != Kind::Bool)
}
