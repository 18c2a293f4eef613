//! Constant arrays that have one value at almost every place.
//!
//! A [`Sparse`] array stores *entries* row by row (compressed sparse rows; all axes but the last
//! count rows) and a *fill*, the value of every other place. An entry holds no value but a code:
//! the position of its value in a *palette* of the values that occur. So what is computed element
//! by element is computed on the palette, once a value instead of once an entry, and all that is
//! derived from the same weights shares their entries: 5 bytes each for weights of 8 bits.

use super::generate::MOST;
use super::{Tensor, Values, ops};
use crate::scalar::{Kind, Op, Scalar};
use crate::step::ReduceOp;
use std::ops::Range;
use std::sync::Arc;

/// Palettes of more values than this are not worth a code: each entry has its own.
const PALETTE: usize = 1 << 16;

/// A constant array of at least two axes, mostly of one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sparse {
    shape: Vec<usize>,
    entries: Arc<Entries>,
    /// One axis: the values that codes stand for, and last the fill.
    palette: Tensor,
}

/// Which places are stored, and the code of each.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Entries {
    /// Row `i` has the entries `starts[i]..starts[i + 1]`.
    starts: Vec<u32>,
    /// Positions along the last axis, ascending within a row.
    columns: Vec<u32>,
    codes: Codes,
}

/// As narrow as the palette allows.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Codes {
    /// The code of an entry is its position.
    Own,
    Byte(Vec<u8>),
    Short(Vec<u16>),
}

/// Places of a sparse array: `starts` has one element more than there are rows, and row `i` has
/// the `columns` `starts[i]..starts[i + 1]`, ascending.
pub struct Places {
    /// Where rows begin, and the number of entries.
    pub starts: Vec<u32>,
    /// Positions along the last axis.
    pub columns: Vec<u32>,
}

/// Whether an array of this shape can be sparse: two axes or more, rows and columns that can be
/// counted, and a number of elements that an integer holds.
pub fn representable(shape: &[usize]) -> bool {
    let Some((columns, rows)) = shape.split_last() else { return false };
    let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
    shape.len() >= 2
        && u32::try_from(*columns).is_ok()
        && product(rows).is_some_and(|n| n <= MOST)
        && product(shape).is_some_and(|n| i64::try_from(n).is_ok())
}

impl Sparse {
    /// Integers at `places` of a [`representable`] shape, all within `bounds`, and 0 elsewhere.
    /// `value` gives that of an entry from its number and its position in C order.
    pub fn ints(
        shape: Vec<usize>,
        places: Places,
        value: impl Fn(usize, usize) -> i64,
        bounds: (i64, i64),
    ) -> Sparse {
        let values = places.positions(&shape).enumerate().map(|(at, p)| value(at, p));
        let span = usize::try_from(i128::from(bounds.1) - i128::from(bounds.0)).ok();
        let (codes, mut palette) = match span.filter(|span| *span < PALETTE) {
            Some(span) => {
                let (codes, used) = coded(values.map(|v| (v - bounds.0) as usize), span + 1);
                (codes, used.into_iter().map(|code| bounds.0 + code as i64).collect())
            }
            None => (Codes::Own, values.collect::<Vec<_>>()),
        };
        palette.push(0);
        let Places { starts, columns } = places;
        let entries = Arc::new(Entries { starts, columns, codes });
        Sparse { shape, entries, palette: Tensor::int(vec![palette.len()], palette) }
    }

    /// Floats at `places` of a [`representable`] shape, and 0.0 elsewhere; `value` as for
    /// [`Sparse::ints`].
    pub fn floats(
        shape: Vec<usize>,
        places: Places,
        value: impl Fn(usize, usize) -> f64,
    ) -> Sparse {
        let positions = places.positions(&shape).enumerate();
        let mut palette: Vec<f64> = positions.map(|(at, p)| value(at, p)).collect();
        palette.push(0.0);
        let Places { starts, columns } = places;
        let entries = Arc::new(Entries { starts, columns, codes: Codes::Own });
        Sparse { shape, entries, palette: Tensor::float(vec![palette.len()], palette) }
    }

    /// The same value, a scalar tensor, everywhere in a [`representable`] shape.
    pub fn uniform(shape: Vec<usize>, value: &Tensor) -> Sparse {
        let starts = vec![0; rows(&shape) + 1];
        let entries = Entries { starts, columns: Vec::new(), codes: Codes::Byte(Vec::new()) };
        Sparse { shape, entries: Arc::new(entries), palette: value.reshape(vec![1]) }
    }

    /// The elements of a tensor that are not 0; `None` where its shape is not [`representable`].
    pub fn of(dense: &Tensor) -> Option<Sparse> {
        if !representable(&dense.shape) {
            return None;
        }
        let columns = dense.shape.last().copied().unwrap_or(0);
        let kept: Vec<usize> = match &dense.values {
            Values::Int(v) => (0..v.len()).filter(|i| v[*i] != 0).collect(),
            Values::Float(v) => (0..v.len()).filter(|i| v[*i] != 0.0).collect(),
            Values::Bool(v) => (0..v.len()).filter(|i| v[*i]).collect(),
        };
        let mut places = Places::for_rows(rows(&dense.shape));
        for at in &kept {
            places.push(at / columns, (at % columns) as u32);
        }
        let places = places.done();
        let shape = dense.shape.clone();
        Some(match &dense.values {
            Values::Float(v) => Sparse::floats(shape, places, |_, position| v[position]),
            Values::Int(v) => {
                let bounds = dense.int_bounds().unwrap_or((0, 0));
                Sparse::ints(shape, places, |_, position| v[position], bounds)
            }
            Values::Bool(_) => {
                let ones = Sparse::ints(shape, places, |_, _| 1, (1, 1));
                ones.with_palette(ones.palette.convert(Kind::Bool))
            }
        })
    }

    /// Its shape, of two axes or more.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements, stored or not.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows: the product of all axes but the last.
    pub fn rows(&self) -> usize {
        rows(&self.shape)
    }

    /// Size of the last axis.
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(0)
    }

    /// Number of entries.
    pub fn stored(&self) -> usize {
        self.entries.columns.len()
    }

    /// The values that codes stand for, on one axis, and last the fill.
    pub fn palette(&self) -> &Tensor {
        &self.palette
    }

    /// The entries of a row: column and code, in ascending order of the column.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.entries.of(row).map(|at| (self.entries.columns[at] as usize, self.entries.code(at)))
    }

    /// Of each code, whether its value is not 0.
    pub fn nonzero_codes(&self) -> Vec<bool> {
        match self.palette.convert(Kind::Bool).values {
            Values::Bool(nonzero) => nonzero,
            Values::Int(_) | Values::Float(_) => Vec::new(),
        }
    }

    /// Every value that occurs, on one axis; several times perhaps.
    pub fn distinct(&self) -> Tensor {
        match self.stored() == self.len() {
            true => self.palette.slice(&[(0, self.palette.len() - 1)]),
            false => self.palette.clone(),
        }
    }

    /// Whether the fill is 0.
    pub fn is_zero_elsewhere(&self) -> bool {
        match &self.palette.values {
            Values::Int(v) => v.last() == Some(&0),
            Values::Float(v) => v.last() == Some(&0.0),
            Values::Bool(v) => v.last() == Some(&false),
        }
    }

    /// The array whose values are `palette` instead: what a function of each element gives is
    /// this array with the function of its palette.
    pub fn with_palette(&self, palette: Tensor) -> Sparse {
        debug_assert_eq!(palette.shape, self.palette.shape);
        Sparse { shape: self.shape.clone(), entries: Arc::clone(&self.entries), palette }
    }

    /// All elements; `None` where there are more than [`MOST`].
    pub fn dense(&self) -> Option<Tensor> {
        fn spread<T: Copy>(of: &Sparse, palette: &[T], n: usize) -> Vec<T> {
            let mut all = vec![palette[palette.len() - 1]; n];
            for row in 0..of.rows() {
                for (column, code) in of.row(row) {
                    all[row * of.columns() + column] = palette[code];
                }
            }
            all
        }
        let n = self.len();
        if n > MOST {
            return None;
        }
        let values = match &self.palette.values {
            Values::Int(v) => Values::Int(spread(self, v, n)),
            Values::Float(v) => Values::Float(spread(self, v, n)),
            Values::Bool(v) => Values::Bool(spread(self, v, n)),
        };
        Some(Tensor { shape: self.shape.clone(), values })
    }

    /// One value from all elements, a scalar; `None` where that needs them one by one.
    /// Floats are of kind `float`.
    pub fn reduce(&self, op: ReduceOp, float: Kind) -> Option<Tensor> {
        match op {
            ReduceOp::Min | ReduceOp::Max => {
                // Which of two zeros it is depends on their order.
                let extreme = ops::reduce(op, float, &self.distinct())?;
                let is_zero = matches!(&extreme.values, Values::Float(v) if v.contains(&0.0));
                (!is_zero || self.has_one_zero()).then_some(extreme)
            }
            ReduceOp::Sum => {
                let kind = if self.palette.kind().is_float() { float } else { Kind::Int };
                let zero = Scalar::Int(0).convert(kind);
                let value = |code| self.palette.element(code, float).convert(kind);
                // Zeros in between change no sum from 0.0.
                let start = match kind {
                    Kind::Int => {
                        let others = Scalar::Int((self.len() - self.stored()) as i64);
                        let fill = value(self.palette.len().checked_sub(1)?);
                        Op::Mul.eval(&[fill, others])?
                    }
                    _ if self.is_zero_elsewhere() => zero,
                    _ => return None,
                };
                let mut codes = (0..self.stored()).map(|at| self.entries.code(at));
                let sum = codes.try_fold(start, |sum, code| Op::Add.eval(&[sum, value(code)]))?;
                match sum {
                    Scalar::Int(x) => Some(Tensor::scalar_int(x)),
                    Scalar::F32(x) => Some(Tensor::scalar_float(x.into())),
                    Scalar::F64(x) => Some(Tensor::scalar_float(x)),
                    Scalar::Bool(_) => None,
                }
            }
            ReduceOp::ArgMax => None,
        }
    }

    /// `self[…, n] · x[n]` of zeros and entries of the kind of `x`; sums in ascending order,
    /// without products of zeros.
    pub fn matmul(&self, x: &Tensor) -> Option<Tensor> {
        if !self.is_zero_elsewhere() || x.shape != [self.columns()] {
            return None;
        }
        let shape = self.shape[..self.shape.len() - 1].to_vec();
        let nonzero = self.nonzero_codes();
        let sums = (0..self.rows()).map(|row| {
            let entries = self.row(row).filter(|(_, code)| nonzero[*code]);
            ops::sum_of_products(
                x,
                entries.map(|(j, code)| (self.palette.element(code, Kind::F64), j)),
            )
        });
        ops::collected(x.kind(), shape, sums)
    }

    /// Whether a float zero in it is always of the same sign.
    fn has_one_zero(&self) -> bool {
        let Values::Float(values) = &self.palette.values else { return true };
        let zeros = |negative| values.iter().any(|x| *x == 0.0 && x.is_sign_negative() == negative);
        !(zeros(true) && zeros(false))
    }

    /// Arrays of the same values that share their entries, so that their palettes have the same
    /// order. All have the same shape.
    pub fn aligned(parts: &[Sparse]) -> Vec<Sparse> {
        let mut shared: Vec<Sparse> = Vec::new();
        for part in parts {
            let Some(first) = shared.first().filter(|s| !Arc::ptr_eq(&s.entries, &part.entries))
            else {
                shared.push(part.clone());
                continue;
            };
            let (entries, ours, theirs) = union(first, part);
            let entries = Arc::new(entries);
            let moved = |s: &Sparse, from: &[usize]| Sparse {
                shape: s.shape.clone(),
                entries: Arc::clone(&entries),
                palette: s.palette.pick(vec![from.len()], from),
            };
            shared = shared.iter().map(|s| moved(s, &ours)).collect();
            shared.push(moved(part, &theirs));
        }
        shared
    }

    /// The same elements in C order under another shape of as many; `None` where that shape is
    /// not [`representable`].
    pub fn reshape(&self, shape: Vec<usize>) -> Option<Sparse> {
        if !representable(&shape) {
            return None;
        }
        if shape.last() == self.shape.last() {
            return Some(Sparse { shape, ..self.clone() });
        }
        let (before, after) = (self.columns(), shape.last().copied().unwrap_or(0));
        let moved = self.all().map(|(row, column, at)| {
            let position = row * before + column;
            (position / after, position % after, at)
        });
        Some(self.picked(shape, moved))
    }

    /// Rows become columns and columns rows; `None` where there are more than two axes.
    pub fn transpose(&self) -> Option<Sparse> {
        let &[m, n] = self.shape.as_slice() else { return None };
        if !representable(&[n, m]) {
            return None;
        }
        let mut next = vec![0usize; n + 1];
        for (_, column, _) in self.all() {
            next[column + 1] += 1;
        }
        for column in 0..n {
            next[column + 1] += next[column];
        }
        let mut order = vec![(0, 0, 0); self.stored()];
        for (row, column, at) in self.all() {
            order[next[column]] = (column, row, at);
            next[column] += 1;
        }
        Some(self.picked(vec![n, m], order.into_iter()))
    }

    /// The part `ranges` (`lo..hi` per axis), each axis kept.
    pub fn slice(&self, ranges: &[(usize, usize)]) -> Sparse {
        let shape: Vec<usize> = ranges.iter().map(|(lo, hi)| hi - lo).collect();
        let (leading, last) = ranges.split_at(ranges.len() - 1);
        let (lo, hi) = last[0];
        // The row of the part that a row becomes.
        let inside = |row: usize| {
            let (mut rest, mut stride, mut to) = (row, 1, 0);
            for (axis, (lo, hi)) in leading.iter().enumerate().rev() {
                let at = rest % self.shape[axis];
                rest /= self.shape[axis];
                if !(*lo..*hi).contains(&at) {
                    return None;
                }
                to += (at - lo) * stride;
                stride *= hi - lo;
            }
            Some(to)
        };
        let kept = (0..self.rows()).filter_map(|row| Some((row, inside(row)?)));
        let moved = kept.flat_map(|(row, to)| {
            let entries = self.entries.of(row).map(|at| (self.entries.columns[at] as usize, at));
            entries
                .filter(move |(column, _)| (lo..hi).contains(column))
                .map(move |(column, at)| (to, column - lo, at))
        });
        self.picked(shape, moved)
    }

    /// `[m, n]` spread over slots, `[m, slots, n]`: slot `k` has those elements whose delay, an
    /// integer of `delays` (of this shape), is `k`, and 0 elsewhere. `None` where other elements
    /// than the entries are not 0, or the shape is not [`representable`].
    pub fn by_delay(&self, delays: &Sparse, slots: usize) -> Option<Sparse> {
        let &[m, n] = self.shape.as_slice() else { return None };
        let shape = vec![m, slots, n];
        if !self.is_zero_elsewhere() || delays.shape != self.shape || !representable(&shape) {
            return None;
        }
        let both = Sparse::aligned(&[self.clone(), delays.clone()]);
        let [weights, delays] = both.as_slice() else { return None };
        let Values::Int(delay) = &delays.palette.values else { return None };
        let moved = (0..m).flat_map(|row| {
            let mut list: Vec<(usize, usize, usize)> = weights
                .entries
                .of(row)
                .filter_map(|at| {
                    let slot = usize::try_from(delay[weights.entries.code(at)]).ok()?;
                    let column = weights.entries.columns[at] as usize;
                    (slot < slots).then_some((row * slots + slot, column, at))
                })
                .collect();
            list.sort_unstable();
            list
        });
        Some(weights.picked(shape, moved))
    }

    /// A name for everything that distinguishes it, in pieces.
    pub fn for_each_part(&self, f: &mut dyn FnMut(&[u8])) {
        let ints = |v: &[u32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        const PIECE: usize = 1 << 16;
        self.entries.starts.chunks(PIECE).for_each(|v| f(&ints(v)));
        self.entries.columns.chunks(PIECE).for_each(|v| f(&ints(v)));
        match &self.entries.codes {
            Codes::Own => {}
            Codes::Byte(codes) => codes.chunks(PIECE).for_each(f),
            Codes::Short(codes) => codes.chunks(PIECE).for_each(|v| {
                f(&v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
            }),
        }
    }

    /// Every entry: row, column, position.
    fn all(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        (0..self.rows()).flat_map(|row| {
            let entries = &self.entries;
            entries.of(row).map(move |at| (row, entries.columns[at] as usize, at))
        })
    }

    /// Another shape with entries of this array: row and column there, in C order, and position
    /// here.
    fn picked(
        &self,
        shape: Vec<usize>,
        moved: impl Iterator<Item = (usize, usize, usize)>,
    ) -> Sparse {
        let mut places = Places::for_rows(rows(&shape));
        let mut origins: Vec<u32> = Vec::new();
        for (row, column, at) in moved {
            places.push(row, column as u32);
            origins.push(at as u32);
        }
        let fill = self.palette.len() - 1;
        let codes = origins.iter().map(|at| self.entries.code(*at as usize));
        let (codes, mut used) = match self.entries.codes {
            Codes::Own => (Codes::Own, codes.collect()),
            Codes::Byte(_) | Codes::Short(_) => coded(codes, fill),
        };
        used.push(fill);
        let Places { starts, columns } = places.done();
        let entries = Arc::new(Entries { starts, columns, codes });
        Sparse { shape, entries, palette: self.palette.pick(vec![used.len()], &used) }
    }
}

impl Entries {
    fn of(&self, row: usize) -> Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    fn code(&self, at: usize) -> usize {
        match &self.codes {
            Codes::Own => at,
            Codes::Byte(codes) => codes[at].into(),
            Codes::Short(codes) => codes[at].into(),
        }
    }
}

impl Places {
    /// None yet.
    pub fn for_rows(rows: usize) -> Places {
        Places { starts: vec![0; rows + 1], columns: Vec::new() }
    }

    /// One more place, behind all others in C order.
    pub fn push(&mut self, row: usize, column: u32) {
        self.starts[row + 1] += 1;
        self.columns.push(column);
    }

    /// The position of each in C order of an array of this shape.
    fn positions(&self, shape: &[usize]) -> impl Iterator<Item = usize> + '_ {
        let columns = shape.last().copied().unwrap_or(0);
        self.starts.windows(2).enumerate().flat_map(move |(row, ends)| {
            let entries = &self.columns[ends[0] as usize..ends[1] as usize];
            entries.iter().map(move |column| row * columns + *column as usize)
        })
    }

    /// All that were pushed.
    pub fn done(mut self) -> Places {
        for row in 1..self.starts.len() {
            self.starts[row] += self.starts[row - 1];
        }
        self
    }
}

fn rows(shape: &[usize]) -> usize {
    shape.iter().take(shape.len().saturating_sub(1)).product()
}

/// Codes as narrow as they can be for numbers in `0..kinds`, and which of these each code is.
fn coded(values: impl Iterator<Item = usize>, kinds: usize) -> (Codes, Vec<usize>) {
    let mut used = vec![false; kinds];
    let values = values.inspect(|v| used[*v] = true);
    let codes = match kinds <= 1 << 8 {
        true => Codes::Byte(values.map(|v| v as u8).collect()),
        false => Codes::Short(values.map(|v| v as u16).collect()),
    };
    let kept: Vec<usize> = (0..kinds).filter(|v| used[*v]).collect();
    if kept.len() == kinds {
        return (codes, kept);
    }
    let mut rank = vec![0u16; kinds];
    for (i, v) in kept.iter().enumerate() {
        rank[*v] = i as u16;
    }
    let narrow = kept.len() <= 1 << 8;
    let codes = match codes {
        Codes::Byte(v) => Codes::Byte(v.iter().map(|v| rank[usize::from(*v)] as u8).collect()),
        Codes::Short(v) if narrow => {
            Codes::Byte(v.iter().map(|v| rank[usize::from(*v)] as u8).collect())
        }
        Codes::Short(v) => Codes::Short(v.iter().map(|v| rank[usize::from(*v)]).collect()),
        Codes::Own => Codes::Own,
    };
    (codes, kept)
}

/// The places of either array, and for each of its codes the code it was in one and the other.
fn union(a: &Sparse, b: &Sparse) -> (Entries, Vec<usize>, Vec<usize>) {
    let (fill_a, fill_b) = (a.palette.len() - 1, b.palette.len() - 1);
    let mut places = Places::for_rows(a.rows());
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for row in 0..a.rows() {
        let (mut left, mut right) = (a.row(row).peekable(), b.row(row).peekable());
        loop {
            let column = match (left.peek(), right.peek()) {
                (Some(l), Some(r)) => l.0.min(r.0),
                (Some(l), None) => l.0,
                (None, Some(r)) => r.0,
                (None, None) => break,
            };
            let ours = left.next_if(|(at, _)| *at == column).map_or(fill_a, |(_, code)| code);
            let theirs = right.next_if(|(at, _)| *at == column).map_or(fill_b, |(_, code)| code);
            places.push(row, column as u32);
            pairs.push((ours as u32, theirs as u32));
        }
    }
    let kinds = (fill_a + 1).checked_mul(fill_b + 1).filter(|kinds| *kinds <= PALETTE);
    let (codes, mut from_a, mut from_b): (_, Vec<usize>, Vec<usize>) = match kinds {
        Some(kinds) => {
            let width = fill_b + 1;
            let numbers = pairs.iter().map(|(a, b)| *a as usize * width + *b as usize);
            let (codes, kept) = coded(numbers, kinds);
            let (ours, theirs) = kept.iter().map(|pair| (pair / width, pair % width)).unzip();
            (codes, ours, theirs)
        }
        None => {
            let (ours, theirs) = pairs.iter().map(|(a, b)| (*a as usize, *b as usize)).unzip();
            (Codes::Own, ours, theirs)
        }
    };
    from_a.push(fill_a);
    from_b.push(fill_b);
    let Places { starts, columns } = places.done();
    (Entries { starts, columns, codes }, from_a, from_b)
}
