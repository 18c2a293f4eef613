//! Bounds of what a port sends, where they are known whatever happens in the network.

use super::{Action, InstanceId, Network, Op, ReduceOp, Value};
use crate::scalar::{self, Interval, Kind};

impl Network {
    /// The least and the largest value that an out port can send: from constants, params and
    /// comparisons alone. `None` where it depends on state or on messages, on a file that only the
    /// running network reads, and for floats.
    pub fn message_bounds(&self, instance: InstanceId, port: u32) -> Option<Interval> {
        let body = self.body(instance);
        let sent = |action: &Action| match action {
            Action::Send { port: sends, value } if *sends == port => Some(*value),
            _ => None,
        };
        let values: Vec<_> = body.stmts().filter_map(|(_, stmt)| sent(&stmt.action)).collect();
        let last = values.iter().map(|v| v.at()).max()?;
        let mut needed = vec![false; last + 1];
        values.iter().for_each(|v| needed[v.at()] = true);
        for at in (0..=last).rev().filter(|at| !known_by_kind(&body.values[*at])) {
            if needed[at] {
                body.values[at].args.iter().for_each(|arg| needed[arg.at()] = true);
            }
        }
        let mut bounds: Vec<Option<Interval>> = vec![None; last + 1];
        for at in (0..=last).filter(|at| needed[*at]) {
            bounds[at] = self.bounds(instance, &body.values[at], &bounds);
        }
        let all: Option<Vec<Interval>> = values.iter().map(|v| bounds[v.at()]).collect();
        all?.into_iter().reduce(join)
    }

    fn bounds(
        &self,
        instance: InstanceId,
        value: &Value,
        known: &[Option<Interval>],
    ) -> Option<Interval> {
        if known_by_kind(value) {
            return Some((0, 1));
        }
        let tensor = |id: super::TensorId| self.tensors[id.at()].constant()?.values().int_bounds();
        let args: Option<Vec<Interval>> = value.args.iter().map(|a| known[a.at()]).collect();
        match &value.op {
            Op::Const(id) => tensor(*id),
            Op::Param(slot) => {
                tensor(self.params[self.instances[instance.at()].args[*slot as usize].at()].tensor)
            }
            // Whichever it is, by a condition of whatever.
            Op::Scalar(scalar::Op::Select) => match value.args.as_slice() {
                [_, then, els] => Some(join(known[then.at()]?, known[els.at()]?)),
                _ => None,
            },
            Op::Scalar(op) => op.interval(&args?.into_iter().map(Some).collect::<Vec<_>>()),
            Op::Index => known[value.args.first()?.at()],
            Op::Broadcast
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::Reshape
            | Op::Flip(_)
            | Op::Concat(_)
            | Op::Reduce(ReduceOp::Min | ReduceOp::Max, _) => args?.into_iter().reduce(join),
            _ => None,
        }
    }
}

/// Whether nothing but the kind of a value says its bounds.
fn known_by_kind(value: &Value) -> bool {
    value.kind == Kind::Bool
}

fn join(a: Interval, b: Interval) -> Interval {
    (a.0.min(b.0), a.1.max(b.1))
}
