//! Proven bounds of every integer a network computes.
//!
//! [`analyse`] finds, for each buffer, an interval that holds all its elements at every
//! moment of every run, however long. It starts from the initial contents and lets each op
//! add what it can store, given what is known so far. What follows from itself goes on until
//! nothing grows any more: a buffer that keeps growing is widened to the next power of two, so
//! that it either reaches bounds that hold (a membrane that decays) or those of its element type
//! (a counter). The result is an inductive invariant: initial contents are inside, and no op
//! leads out of it. Decreasing passes then tighten it, as long as it stays one.
//!
//! Of a network that a program steps, state and last messages may be written between steps: they
//! have the bounds of their element type, whatever the network itself does with them.
//!
//! [`interval`] bounds one expression, given the buffers' ranges.

mod alike;
mod interval;
mod solve;
#[cfg(test)]
mod tests;

use super::{
    Buffer, BufferId, BufferKind, Elem, Fit, Init, Op, OpKind, Reduce, ReduceOp, Source, StepIr,
    Stmt, Synapse, TensorId,
};
use crate::clock::Clock;
use crate::tensor::{Tensor as Known, Values, Weights};
use alike::{Found, Likeness};
use interval::{Evaluator, Interval};
use solve::{Unit, units};
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

pub use interval::interval;

/// Fills [`Buffer::range`] of every buffer, and gives those whose ranges follow from themselves.
pub fn analyse(ir: &mut StepIr) -> BTreeSet<BufferId> {
    let (ranges, in_circles) = Analysis::new(ir).solve();
    for (buffer, range) in ir.buffers.iter_mut().zip(ranges) {
        buffer.range = range;
    }
    in_circles
}

/// Sums of the positive and of the negative weights of one target.
type RowSums = (i128, i128);

/// What a unit computes.
enum Computed {
    Buffer(BufferId, Interval),
    Local(u32, Interval),
    /// Nothing, or a float.
    Nothing,
}

struct Analysis<'a> {
    ir: &'a StepIr,
    /// What is computed, in order.
    units: Vec<Unit<'a>>,
    /// Of each buffer.
    ranges: Vec<Interval>,
    /// Of the locals of each op.
    locals: Vec<Vec<Interval>>,
    tensors: TensorRanges<'a>,
    rows: HashMap<TensorId, Vec<RowSums>>,
    /// Circles that were solved.
    alike: HashMap<Likeness, Found>,
}

impl<'a> Analysis<'a> {
    fn new(ir: &'a StepIr) -> Analysis<'a> {
        let happens = |op: &&Op| !ir.clocks.get(op.clock.0 as usize).is_some_and(Clock::is_never);
        let ops = ir.program.phases().into_iter().flat_map(|(_, ops)| ops);
        let ops: Vec<&Op> = ops.filter(happens).collect();
        let tensors = TensorRanges::kept(ir);
        let mut rows = HashMap::new();
        for op in &ops {
            if let OpKind::Synapse(Synapse { weights: Source::Tensor(id), .. }) = &op.kind
                && let Some(sums) = row_sums(ir, *id)
            {
                rows.entry(*id).or_insert(sums);
            }
        }
        let ranges = ir.buffers.iter().map(|buffer| initial(buffer, &tensors)).collect();
        let locals = ops.iter().map(|op| unknown(op)).collect();
        let (units, alike) = (units(&ops), HashMap::new());
        Analysis { ir, units, ranges, locals, tensors, rows, alike }
    }

    /// What an op that is no loop may store, and where. Float buffers are left out.
    fn stores(&self, op: &Op) -> Option<(BufferId, Interval)> {
        let range = |buffer: BufferId| self.ranges[buffer.0 as usize];
        match &op.kind {
            OpKind::Push { queue, from } => Some((*queue, range(*from))),
            OpKind::Pop { queue, to } => Some((*to, range(*queue))),
            OpKind::Reset { .. } | OpKind::Loop(_) | OpKind::Outer(_) => None,
            OpKind::Synapse(synapse) => self.stored(synapse.dst, Fit::Exact, self.sum(synapse)),
            OpKind::Reduce(reduce) => self.stored(reduce.dst, Fit::Exact, self.reduced(reduce)),
        }
    }

    /// What a statement may store, and where, given the bounds of the loop's locals; or nothing,
    /// and the bounds of the local that it defines.
    fn statement(&self, statement: &Stmt, locals: &[Interval]) -> Computed {
        let evaluator = self.evaluator(locals);
        match statement {
            Stmt::Let { local, value, .. } => match evaluator.bound(value, None) {
                Some(value) => Computed::Local(*local, value),
                None => Computed::Nothing,
            },
            Stmt::Store { to, value, fit, mask } => match to.source {
                Source::Buffer(buffer) => {
                    let value = evaluator.bound(value, mask.as_ref());
                    match self.stored(buffer, *fit, value) {
                        Some((buffer, stored)) => Computed::Buffer(buffer, stored),
                        None => Computed::Nothing,
                    }
                }
                Source::Tensor(_) => Computed::Nothing,
            },
        }
    }

    fn evaluator<'b>(&'b self, locals: &'b [Interval]) -> Evaluator<'b> {
        Evaluator { ranges: Some(&self.ranges), tensors: &self.tensors, locals }
    }

    /// `value` after `fit`, in `buffer`; nothing where it is never stored or a float.
    fn stored(
        &self,
        buffer: BufferId,
        fit: Fit,
        value: Option<Interval>,
    ) -> Option<(BufferId, Interval)> {
        let (value, bounds) = value.zip(self.ir.buffers[buffer.0 as usize].elem.bounds())?;
        let fitted = fitted(value, fit);
        // Whatever does not fit the element is wrapped.
        Some((buffer, if within(fitted, bounds) { fitted } else { bounds }))
    }

    fn sum(&self, synapse: &Synapse) -> Option<Interval> {
        let src = self.ir.buffers[synapse.src.0 as usize].elem;
        src.bounds()?;
        let graded = self.ranges[synapse.src.0 as usize];
        let (lo, hi) = if synapse.binary { (0, 1) } else { graded };
        let (mut lo, mut hi) = (i128::from(lo), i128::from(hi));
        if synapse.conv.is_some() {
            // At the border a target has fewer sources: the others are padding, which is 0.
            (lo, hi) = (lo.min(0), hi.max(0));
        }
        let known = match synapse.weights {
            Source::Tensor(id) => self.rows.get(&id),
            Source::Buffer(_) => None,
        };
        let all = match known {
            Some(rows) => {
                let bounds = rows.iter().map(|(up, down)| {
                    (
                        up.saturating_mul(lo).saturating_add(down.saturating_mul(hi)),
                        up.saturating_mul(hi).saturating_add(down.saturating_mul(lo)),
                    )
                });
                bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?
            }
            None => {
                let (least, most) = self.weights(synapse.weights)?;
                // No product of 64-bit integers is out of bounds here.
                let products = [least * lo, least * hi, most * lo, most * hi];
                let sources = match &synapse.conv {
                    Some(geometry) => geometry.weights()[1..].iter().product(),
                    None => self.ir.buffers[synapse.src.0 as usize].len(),
                };
                let times = |product: i128| product.saturating_mul(sources as i128);
                let (low, high) = (products.iter().min()?, products.iter().max()?);
                (times(*low), times(*high))
            }
        };
        Some(crate::scalar::narrow(all))
    }

    /// All weights that are not known to the compiler one by one.
    fn weights(&self, weights: Source) -> Option<(i128, i128)> {
        let (elem, (lo, hi)) = match weights {
            Source::Buffer(id) => (self.ir.buffers[id.0 as usize].elem, self.ranges[id.0 as usize]),
            Source::Tensor(id) => (self.ir.tensors[id.0 as usize].elem, self.tensors.all(id)),
        };
        elem.bounds()?;
        Some((lo.into(), hi.into()))
    }

    fn reduced(&self, reduce: &Reduce) -> Option<Interval> {
        let sizes = reduce.axes.iter().filter_map(|axis| reduce.domain.get(*axis));
        let elements =
            sizes.map(|d| i64::try_from(*d).ok()).try_fold(1i64, |n, d| n.checked_mul(d?));
        if reduce.op == ReduceOp::ArgMax {
            return Some((0, elements.map_or(i64::MAX, |n| (n - 1).max(0))));
        }
        let (lo, hi) = self.evaluator(&[]).bound(&reduce.value, None)?;
        Some(match reduce.op {
            ReduceOp::Sum => elements.map_or(interval::FULL, |n| {
                crate::scalar::narrow((
                    i128::from(lo) * i128::from(n),
                    i128::from(hi) * i128::from(n),
                ))
            }),
            // Of nothing it is 0.
            _ if elements == Some(0) => (0, 0),
            _ => (lo, hi),
        })
    }
}

/// Ranges of the constant tensors.
struct TensorRanges<'a> {
    ir: &'a StepIr,
    /// Those found so far, by number; empty where they are not kept.
    found: Vec<OnceCell<Interval>>,
}

impl<'a> TensorRanges<'a> {
    /// Ranges that are found once, when first asked for.
    fn kept(ir: &'a StepIr) -> TensorRanges<'a> {
        TensorRanges { ir, found: vec![OnceCell::new(); ir.tensors.len()] }
    }

    /// Ranges that are found each time they are asked for.
    fn fresh(ir: &'a StepIr) -> TensorRanges<'a> {
        TensorRanges { ir, found: Vec::new() }
    }

    /// All elements of a tensor of integers or booleans.
    fn all(&self, id: TensorId) -> Interval {
        match self.found.get(id.0 as usize) {
            Some(cell) => *cell.get_or_init(|| self.find(id)),
            None => self.find(id),
        }
    }

    fn find(&self, id: TensorId) -> Interval {
        let Some(tensor) = self.ir.tensors.get(id.0 as usize) else { return interval::FULL };
        let range = known(tensor).and_then(|known| match &known.values {
            Values::Int(values) => {
                values.iter().map(|v| (*v, *v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            }
            Values::Bool(_) => Some((0, 1)),
            Values::Float(_) => None,
        });
        range.unwrap_or_else(|| bounds(tensor.elem))
    }

    /// The element at `index`.
    fn one(&self, id: TensorId, index: i64) -> Interval {
        let element = self.known(id).and_then(|known| {
            let index = usize::try_from(index).ok()?;
            match &known.values {
                Values::Int(values) => values.get(index).copied(),
                Values::Bool(values) => values.get(index).map(|b| i64::from(*b)),
                Values::Float(_) => None,
            }
        });
        element.map_or_else(|| self.all(id), |v| (v, v))
    }

    fn known(&self, id: TensorId) -> Option<&'a Known> {
        self.ir.tensors.get(id.0 as usize).and_then(known)
    }
}

fn known(tensor: &super::Tensor) -> Option<&Known> {
    match &tensor.values {
        super::TensorValues::Known(known) => Some(known),
        super::TensorValues::Sparse(_) | super::TensorValues::File(_) => None,
    }
}

/// The sums of each row of weights that the compiler knows.
fn row_sums(ir: &StepIr, id: TensorId) -> Option<Vec<RowSums>> {
    let weights: &dyn Weights = match &ir.tensors.get(id.0 as usize)?.values {
        super::TensorValues::Known(known) => &**known,
        super::TensorValues::Sparse(sparse) => &**sparse,
        super::TensorValues::File(_) => return None,
    };
    if weights.float() {
        return None;
    }
    let mut sums = Vec::new();
    weights.for_each_row(&mut |row| {
        let sum = row.iter().fold((0, 0), |(up, down), w| {
            let w = i128::from(*w);
            (up + w.max(0), down + w.min(0))
        });
        sums.push(sum);
    });
    if sums.is_empty() {
        sums.push((0, 0));
    }
    Some(corners(sums))
}

/// The corners of the convex hull of points: a linear function, such as the bound of a target's
/// sum is of its row sums, has its extremes there, whatever its coefficients.
///
/// A. M. Andrew, "Another efficient algorithm for convex hulls in two dimensions", 1979.
fn corners(mut points: Vec<RowSums>) -> Vec<RowSums> {
    points.sort_unstable();
    points.dedup();
    // Products of differences must be exact.
    let limit = 1_i128 << 61;
    if points.len() < 3 || points.iter().any(|(x, y)| x.abs() > limit || y.abs() > limit) {
        return points;
    }
    let turns = |a: RowSums, b: RowSums, c: RowSums| {
        (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0) > 0
    };
    let half = |points: &mut dyn Iterator<Item = RowSums>| {
        let mut chain: Vec<RowSums> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if turns(a, b, point) {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain
    };
    let mut all = half(&mut points.iter().copied());
    all.extend(half(&mut points.iter().rev().copied()));
    all
}

/// What is known of the locals of an op before its first statement.
fn unknown(op: &Op) -> Vec<Interval> {
    match &op.kind {
        OpKind::Loop(body) => vec![interval::FULL; body.locals as usize],
        _ => Vec::new(),
    }
}

fn initial(buffer: &Buffer, tensors: &TensorRanges) -> Interval {
    let bounds = bounds(buffer.elem);
    let written = matches!(buffer.kind, BufferKind::State | BufferKind::Port);
    let range = match buffer.init {
        _ if buffer.kind == BufferKind::Given => bounds,
        _ if tensors.ir.open && written => bounds,
        Init::Int(value) => (value, value),
        Init::Float(_) => bounds,
        Init::Tensor(id) => tensors.all(id),
    };
    if within(range, bounds) { range } else { bounds }
}

fn fitted(value: Interval, fit: Fit) -> Interval {
    fit.op().and_then(|op| op.interval(&[Some(value)])).unwrap_or(value)
}

/// The values an element can hold; everything for floats, whose ranges nobody uses.
fn bounds(elem: Elem) -> Interval {
    elem.bounds().unwrap_or(interval::FULL)
}

fn within(inner: Interval, outer: Interval) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

fn join(a: Interval, b: Interval) -> Interval {
    (a.0.min(b.0), a.1.max(b.1))
}
