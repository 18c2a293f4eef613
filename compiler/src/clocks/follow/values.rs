//! The values of a process that is followed: which elements have a mark, and numbers where they are
//! known.

use super::{Cell, FRESH, Machine};
use crate::clocks::marks::{Bits, Marks};
use crate::network::{Data, Op, Stage, ValueId};
use crate::scalar::{self, Kind, Scalar};
use crate::tensor::{Constant, Values};

impl Machine<'_> {
    /// The marks of a value in this step.
    pub(super) fn value(&mut self, value: ValueId) -> Cell {
        // Arguments come before what they are arguments of: no recursion, however deep.
        let mut pending = vec![value];
        while let Some(&next) = pending.last() {
            if self.values[next.at()].is_some() {
                pending.pop();
                continue;
            }
            let of = &self.body.values[next.at()];
            let once = of.stage == Stage::Once;
            let missing = of.args.iter().filter(|a| !once && self.values[a.at()].is_none());
            let before = pending.len();
            pending.extend(missing.copied());
            if pending.len() == before {
                let cell = match once {
                    true => Cell { known: self.constant(next), ..Cell::of(of.shape.len(), 0) },
                    false => self.compute(next),
                };
                self.work += cell.marks.len() as u64;
                self.values[next.at()] = Some(cell);
                pending.pop();
            }
        }
        self.values[value.at()].clone().unwrap_or(Cell::of(0, 0))
    }

    /// A value of stage `Once` of one element.
    pub(super) fn constant(&mut self, value: ValueId) -> Option<Scalar> {
        let of = &self.body.values[value.at()];
        if of.stage != Stage::Once || of.shape.iter().product::<usize>() != 1 {
            return None;
        }
        let found = self.once.get(value)?;
        Some(match of.kind {
            Kind::Int => Scalar::Int(found.as_int()?),
            Kind::Bool => Scalar::Bool(found.first_number()? != 0.0),
            Kind::F32 => Scalar::F32(found.first_number()? as f32),
            Kind::F64 => Scalar::F64(found.first_number()?),
        })
    }

    fn compute(&mut self, at: ValueId) -> Cell {
        let body = self.body;
        let value = &body.values[at.at()];
        let rank = value.shape.len();
        let arg = |k: usize| self.values[value.args[k].at()].clone().unwrap_or(Cell::of(0, 0));
        let plain = |marks: Marks| Cell { marks, known: None };
        match &value.op {
            Op::Time => Cell { known: Some(Scalar::Int(self.t as i64)), ..Cell::of(rank, 0) },
            Op::Scalar(op) => {
                let args: Vec<Cell> = (0..value.args.len()).map(arg).collect();
                applied(*op, &args, rank)
            }
            Op::Broadcast => {
                let of = arg(0);
                Cell { marks: of.marks.or(&Marks::all(rank, 0)), known: of.known }
            }
            Op::Transpose(axes) => {
                let of = arg(0);
                Cell { marks: of.marks.transposed(axes), known: of.known }
            }
            Op::Slice(ranges) => {
                let of = arg(0);
                Cell { marks: of.marks.sliced(ranges), known: of.known }
            }
            Op::Reshape => {
                let (of, from) = (arg(0), &body.values[value.args[0].at()].shape);
                Cell { marks: of.marks.reshaped(from, &value.shape), known: of.known }
            }
            Op::Flip(axes) => {
                let of = arg(0);
                Cell { marks: of.marks.flipped(axes), known: of.known }
            }
            Op::Index => {
                let (of, index) = (arg(0), arg(1));
                let size = body.values[value.args[0].at()].shape.first().copied().unwrap_or(1);
                let position = as_index(index.known, size);
                self.out.vague |= position.is_none() && !of.marks.is_uniform();
                let mut bits = index.marks.any();
                if self.entry.rows == Some(self.t) && self.is_data(value.args[0]) {
                    bits |= FRESH;
                }
                let known = of.known;
                Cell { marks: of.marks.indexed(position).map(|b| b | bits), known }
            }
            Op::Concat(axis) => {
                let parts: Vec<(Marks, usize)> = (0..value.args.len())
                    .map(|k| (arg(k).marks, body.values[value.args[k].at()].shape[*axis]))
                    .collect();
                plain(Marks::joined(&parts, *axis, rank))
            }
            Op::MatMul => {
                let bits = arg(0).marks.any() | arg(1).marks.any();
                plain(self.matmul(value.args[0], &value.shape, bits))
            }
            Op::Conv(_) => plain(Marks::all(rank, arg(0).marks.any() | arg(1).marks.any())),
            Op::Reduce(_, axes) => plain(arg(0).marks.reduced(axes)),
            Op::ByDelay => plain(Marks::all(rank, arg(0).marks.any() | arg(1).marks.any())),
            Op::Const(_) | Op::Param(_) | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {
                Cell::of(rank, 0)
            }
        }
    }

    /// Sums of marked inputs: where weights are spread over delays, only at delays that occur.
    fn matmul(&mut self, weights: ValueId, shape: &[usize], bits: Bits) -> Marks {
        let rank = shape.len();
        if bits == 0 || self.body.values[weights.at()].shape.len() != 3 {
            return Marks::all(rank, bits);
        }
        let Some(known) = self.once.get(weights) else { return Marks::all(rank, bits) };
        let (slots, sources) = (shape[1], known.shape()[2]);
        let mut occurs = vec![false; slots];
        match &known {
            Constant::Dense(all) => {
                let some = |k: usize| match &all.values {
                    Values::Int(v) => v[k] != 0,
                    Values::Bool(v) => v[k],
                    Values::Float(v) => v[k] != 0.0,
                };
                for row in 0..shape[0] * slots {
                    let slot = &mut occurs[row % slots];
                    *slot = *slot || (row * sources..(row + 1) * sources).any(some);
                }
                self.work += all.len() as u64 / 64;
            }
            Constant::Sparse(all) => {
                let some = all.nonzero_codes();
                for row in 0..all.rows() {
                    let slot = &mut occurs[row % slots];
                    let entry = |(_, code): (usize, usize)| some.get(code) == Some(&true);
                    *slot = *slot || !all.is_zero_elsewhere() || all.row(row).any(entry);
                }
                self.work += all.stored() as u64 / 64;
            }
        }
        Marks::along(rank, 1, occurs.into_iter().map(|o| if o { bits } else { 0 }).collect())
    }

    /// Whether a value is data: of a file, or a constant array.
    fn is_data(&self, value: ValueId) -> bool {
        let of = &self.body.values[value.at()];
        let tensor = self.once.tensor(value);
        of.stage == Stage::Once
            && tensor.is_none_or(|t| {
                let data = &self.network.tensors[t.at()].data;
                matches!(data, Data::File(_)) || of.shape.iter().product::<usize>() > 1
            })
    }
}

impl Cell {
    pub(super) fn of(rank: usize, bits: Bits) -> Cell {
        Cell { marks: Marks::all(rank, bits), known: None }
    }
}

/// A scalar operation on each element.
fn applied(op: scalar::Op, args: &[Cell], rank: usize) -> Cell {
    let known: Option<Vec<Scalar>> = args.iter().map(|a| a.known).collect();
    if let Some(known) = known.and_then(|known| op.eval(&known)) {
        return Cell { known: Some(known), ..Cell::of(rank, 0) };
    }
    let deciding = |zero: bool| {
        let decides = |a: &&Cell| a.known.is_some_and(|k| is_zero(k) == zero);
        args.iter().find(decides).and_then(|a| a.known)
    };
    let decided = match op {
        scalar::Op::And => deciding(true),
        scalar::Op::Or => deciding(false),
        // A float of 0 times infinity is no 0.
        scalar::Op::Mul => deciding(true).filter(|k| !k.kind().is_float()),
        _ => None,
    };
    if let Some(known) = decided.filter(|k| k.kind() == Kind::Bool || op == scalar::Op::Mul) {
        return Cell { known: Some(known), ..Cell::of(rank, 0) };
    }
    if let (scalar::Op::Select, [condition, then, other]) = (op, args)
        && let Some(holds) = condition.known
    {
        let chosen = if is_zero(holds) { other } else { then };
        return Cell { marks: chosen.marks.or(&Marks::all(rank, 0)), known: chosen.known };
    }
    let marks = args.iter().fold(Marks::all(rank, 0), |all, a| all.or(&a.marks));
    Cell { marks, known: None }
}

pub(super) fn is_zero(value: Scalar) -> bool {
    match value {
        Scalar::Bool(b) => !b,
        Scalar::Int(n) => n == 0,
        Scalar::F32(x) => x == 0.0,
        Scalar::F64(x) => x == 0.0,
    }
}

pub(super) fn as_index(value: Option<Scalar>, size: usize) -> Option<usize> {
    match value? {
        Scalar::Int(n) => usize::try_from(n).ok().filter(|n| *n < size),
        _ => None,
    }
}
