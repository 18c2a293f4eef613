//! The values of a process that is followed: what elements carry, and numbers where they are known.

use super::carried::Carried;
use super::constants::{Answer, Question};
use super::{Apart, Cell, Machine};
use crate::clocks::grid::{self, Grid, Join};
use crate::clocks::times::Stretch;
use snn_core::kernels::Geometry;
use snn_ir::network::{Op, Stage, ValueId};
use snn_ir::scalar::{self, Kind, Scalar};
use snn_ir::tensor::{Constant, Values, conv};

impl Machine<'_, '_> {
    /// A value in this step.
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
                    true => Cell { known: self.constant(next), ..Cell::empty(of.shape.len()) },
                    false => self.compute(next),
                };
                self.count(&cell.carried);
                self.values[next.at()] = Some(cell);
                pending.pop();
            }
        }
        self.values[value.at()].clone().unwrap_or(Cell::empty(0))
    }

    /// A value of stage `Once` of one element.
    pub(super) fn constant(&mut self, value: ValueId) -> Option<Scalar> {
        let of = &self.body.values[value.at()];
        if of.stage != Stage::Once || of.shape.iter().product::<usize>() != 1 {
            return None;
        }
        let found = self.known(value)?;
        Some(match of.kind {
            Kind::Int => Scalar::Int(found.as_int()?),
            Kind::Bool => Scalar::Bool(found.first_number()? != 0.0),
            Kind::F32 => Scalar::F32(found.first_number()? as f32),
            Kind::F64 => Scalar::F64(found.first_number()?),
        })
    }

    /// A value of stage `Once`, where it is known.
    fn known(&mut self, value: ValueId) -> Option<Constant> {
        match self.constants.ask(Question::Value(value)) {
            Answer::Value(known) => known,
            _ => None,
        }
    }

    fn compute(&mut self, at: ValueId) -> Cell {
        let body = self.body;
        let value = &body.values[at.at()];
        let rank = value.shape.len();
        let arg = |k: usize| self.values[value.args[k].at()].clone().unwrap_or(Cell::empty(0));
        let plain = |carried: Grid<Carried>| Cell { carried, known: None };
        match &value.op {
            Op::Time => Cell { known: Some(Scalar::Int(self.t as i64)), ..Cell::empty(rank) },
            Op::Scalar(op) => {
                let args: Vec<Cell> = (0..value.args.len()).map(arg).collect();
                match self.masked(*op, &value.args, &args) {
                    Some(carried) => plain(carried.or(&Grid::none(rank))),
                    None => applied(*op, &args, rank),
                }
            }
            Op::Broadcast
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::Reshape
            | Op::Flip(_)
            | Op::Concat(_)
            | Op::Reduce(..) => {
                let args: Vec<Cell> = (0..value.args.len()).map(arg).collect();
                let known = match value.op {
                    Op::Concat(_) | Op::Reduce(..) => None,
                    _ => args.first().and_then(|of| of.known),
                };
                let carried: Vec<Grid<Carried>> = args.into_iter().map(|a| a.carried).collect();
                let of = value.args.iter().map(|a| body.values[a.at()].shape.as_slice());
                let shapes: Vec<&[usize]> = of.chain([value.shape.as_slice()]).collect();
                let carried = Grid::moved(&value.op, &carried, &shapes);
                Cell { carried: carried.unwrap_or(Grid::none(rank)), known }
            }
            Op::Index => {
                let (of, index) = (arg(0), arg(1));
                let size = body.values[value.args[0].at()].shape.first().copied().unwrap_or(1);
                let position = as_index(index.known, size);
                self.out.vague |= position.is_none() && !of.carried.is_uniform_along(0);
                let mut every = index.carried.any();
                if self.entry.rows == Some(self.t) && self.is_data(value.args[0]) {
                    // Rows leave as a source sends them, and have not been on their way.
                    let now = Stretch { first: 0, last: 0, ..Stretch::NONE };
                    every = every.or(Carried::fresh(now));
                }
                let known = of.known;
                Cell { carried: of.carried.indexed(position).or_all(every), known }
            }
            Op::MatMul => {
                let (weights, input) = (arg(0).carried.any(), arg(1).carried);
                plain(self.matmul(value.args[0], &value.shape, weights, &input))
            }
            Op::Conv(geometry) => {
                let (weights, input) = (arg(0).carried.any(), arg(1).carried);
                plain(self.conv(geometry, value.args[0], weights, &input))
            }
            Op::ByDelay => plain(Grid::all(rank, arg(0).carried.any().or(arg(1).carried.any()))),
            Op::Const(_) | Op::Param(_) | Op::Var(_) | Op::Input(_) | Op::Random { .. } => {
                Cell::empty(rank)
            }
        }
    }

    /// Sums of inputs that are marked. Weights that are zero are looked at where inputs differ, where
    /// they are spread over delays, and where it must be exact: else all neurons of a layer
    /// count as one, and need not be told apart.
    fn matmul(
        &mut self,
        at: ValueId,
        shape: &[usize],
        weights: Carried,
        input: &Grid<Carried>,
    ) -> Grid<Carried> {
        let every = weights.or(input.any());
        let alike = Grid::all(shape.len(), every);
        let rows = shape.iter().product::<usize>();
        let of = &self.body.values[at.at()].shape;
        let (sources, delays) = (of.last().copied().unwrap_or(0), of.len() > 2);
        let apart = delays || self.entry.apart == Apart::ByWeights || !input.is_uniform();
        if every.is_none() || !apart || rows > grid::MOST || sources > grid::MOST {
            return alike;
        }
        let Some(sums) = self.sums(at, shape, input) else { return alike };
        match self.entry.apart {
            Apart::Never => {
                sums.reduced(&[0]).spread(&(1..shape.len()).collect::<Vec<_>>(), shape.len())
            }
            Apart::ByDelay | Apart::ByWeights => sums,
        }
    }

    /// What each sum carries; none where the weights are not known.
    fn sums(
        &mut self,
        at: ValueId,
        shape: &[usize],
        input: &Grid<Carried>,
    ) -> Option<Grid<Carried>> {
        let every = input.any();
        if input.is_uniform() {
            let Answer::Summed(summed) = self.constants.ask(Question::Summed(at)) else {
                return None;
            };
            let (some, looked_at) = summed?;
            self.out.apart += looked_at as u64 / 64;
            let sum = |some: bool| if some { every } else { Carried::NONE };
            return Some(Grid::of(shape, some.each(shape).map(sum).collect()));
        }
        let known = self.known(at)?;
        let rows = 0..shape.iter().product::<usize>();
        let sources = self.body.values[at.at()].shape.last().copied().unwrap_or(0);
        let each: Vec<Carried> = input.each(&[sources]).collect();
        let sums = match &known {
            Constant::Dense(all) => {
                let some = |k: usize| match &all.values {
                    Values::Int(v) => v[k] != 0,
                    Values::Bool(v) => v[k],
                    Values::Float(v) => v[k] != 0.0,
                };
                self.out.apart += all.len() as u64 / 64;
                let sum = |row: usize| {
                    let used = (0..sources).filter(|n| some(row * sources + n));
                    used.fold(Carried::NONE, |sum, n| sum.or(each[n]))
                };
                rows.map(sum).collect()
            }
            Constant::Sparse(all) => {
                let some = all.nonzero_codes();
                self.out.apart += all.stored() as u64 / 64;
                let sum = |row: usize| match all.is_zero_elsewhere() {
                    true => {
                        let used = all.row(row).filter(|(_, code)| some.get(*code) == Some(&true));
                        used.fold(Carried::NONE, |sum, (n, _)| sum.or(each[n]))
                    }
                    false => every,
                };
                rows.map(sum).collect()
            }
        };
        Some(Grid::of(shape, sums))
    }

    /// The sums of a convolution, as those of [`Machine::matmul`].
    fn conv(
        &mut self,
        geometry: &Geometry,
        at: ValueId,
        weights: Carried,
        input: &Grid<Carried>,
    ) -> Grid<Carried> {
        let every = weights.or(input.any());
        let alike = Grid::all(3, every);
        let output = geometry.output();
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let few = [size(&output), size(&geometry.input)].iter().all(|n| *n <= grid::MOST);
        if every.is_none() || !few || self.entry.apart != Apart::ByWeights && input.is_uniform() {
            return alike;
        }
        let Some(some) = self.nonzero(at) else { return alike };
        let some: Vec<bool> = some.each(&geometry.weights()).collect();
        let each: Vec<Carried> = input.each(&geometry.input).collect();
        let add = |sum: Carried, k: usize, n: usize| if some[k] { sum.or(each[n]) } else { sum };
        self.out.apart += (size(&output) * size(&geometry.weights()[1..])) as u64 / 16;
        Grid::of(&output, conv::sums(geometry, || Carried::NONE, add))
    }

    /// Which elements of a constant are not 0; none where it is not known, or too large.
    fn nonzero(&mut self, at: ValueId) -> Option<Grid<bool>> {
        match self.constants.ask(Question::Used(at)) {
            Answer::Used(known) => known,
            _ => None,
        }
    }

    /// What elements carry that are chosen, or multiplied by 0, by a constant array.
    fn masked(
        &mut self,
        op: scalar::Op,
        values: &[ValueId],
        args: &[Cell],
    ) -> Option<Grid<Carried>> {
        let body = self.body;
        let is_array = |v: &ValueId| {
            let of = &body.values[v.at()];
            of.stage == Stage::Once && of.shape.iter().product::<usize>() > 1
        };
        if args.iter().all(|a| a.carried.any().is_none()) {
            return None;
        }
        match (op, args) {
            (scalar::Op::Mul | scalar::Op::And, [a, b]) => {
                let (array, other) = match values {
                    [array, _] if is_array(array) => (*array, b),
                    [_, array] if is_array(array) => (*array, a),
                    _ => return None,
                };
                let some = self.nonzero(array)?;
                let used = |c: Carried, used: bool| if used { c } else { Carried::NONE };
                Some(other.carried.zip(&some, used))
            }
            (scalar::Op::Select, [_, then, other]) if is_array(&values[0]) => {
                let chosen = self.nonzero(values[0])?;
                let then =
                    then.carried.zip(&chosen, |c, used| if used { c } else { Carried::NONE });
                let other =
                    other.carried.zip(&chosen, |c, used| if used { Carried::NONE } else { c });
                Some(then.or(&other))
            }
            _ => None,
        }
    }

    /// Whether a value is data: of a file, or a constant array.
    fn is_data(&mut self, value: ValueId) -> bool {
        let of = &self.body.values[value.at()];
        of.stage == Stage::Once
            && (of.shape.iter().product::<usize>() > 1
                || self.constants.ask(Question::Read(value)) == Answer::Read(true))
    }
}

impl Cell {
    /// Of this rank, with nothing that is followed or known.
    pub(super) fn empty(rank: usize) -> Cell {
        Cell { carried: Grid::none(rank), known: None }
    }
}

/// A scalar operation on each element.
fn applied(op: scalar::Op, args: &[Cell], rank: usize) -> Cell {
    let known: Option<Vec<Scalar>> = args.iter().map(|a| a.known).collect();
    if let Some(known) = known.and_then(|known| op.eval(&known)) {
        return Cell { known: Some(known), ..Cell::empty(rank) };
    }
    let deciding = |zero: bool| {
        let decides = |a: &&Cell| a.known.is_some_and(|k| k.is_zero() == zero);
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
        return Cell { known: Some(known), ..Cell::empty(rank) };
    }
    if let (scalar::Op::Select, [condition, then, other]) = (op, args)
        && let Some(holds) = condition.known
    {
        let chosen = if holds.is_zero() { other } else { then };
        return Cell { carried: chosen.carried.or(&Grid::none(rank)), known: chosen.known };
    }
    let carried = args.iter().fold(Grid::none(rank), |all, a| all.or(&a.carried));
    Cell { carried, known: None }
}

pub(super) fn as_index(value: Option<Scalar>, size: usize) -> Option<usize> {
    match value? {
        Scalar::Int(n) => usize::try_from(n).ok().filter(|n| *n < size),
        _ => None,
    }
}
