//! Arrays of what is said of each element, at the price of those elements that differ.

use snn_ir::network::Op;
use std::cmp::Ordering;
use std::rc::Rc;

/// What can be said of several elements together.
pub trait Join: Copy + PartialEq {
    /// What is said where there is nothing to say; joined with anything it changes nothing.
    const NONE: Self;

    /// Of both.
    fn or(self, other: Self) -> Self;
}

/// Elements that are kept apart, at most; beyond, all of an array are alike.
pub const MOST: usize = 1 << 17;

/// What is said of every element of an array. Axes along which all elements are alike have size
/// 1, so that a layer costs as little as a neuron. Copies share their elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grid<T> {
    shape: Rc<[usize]>,
    each: Rc<Vec<T>>,
}

impl<T: Join> Grid<T> {
    /// The same for all elements of an array of some rank.
    pub fn all(rank: usize, each: T) -> Grid<T> {
        Grid { shape: vec![1; rank].into(), each: vec![each].into() }
    }

    /// Nothing, of any element.
    pub fn none(rank: usize) -> Grid<T> {
        Grid::all(rank, T::NONE)
    }

    /// Given element by element, in C order.
    pub fn of(shape: &[usize], each: Vec<T>) -> Grid<T> {
        match each.is_empty() {
            true => Grid::none(shape.len()),
            false => Grid::narrowed(shape.to_vec(), each),
        }
    }

    /// Of any element.
    pub fn any(&self) -> T {
        self.each.iter().fold(T::NONE, |a, b| a.or(*b))
    }

    /// How many elements are kept apart.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether all elements are alike.
    pub fn is_uniform(&self) -> bool {
        self.each.len() == 1
    }

    /// Whether all elements along an axis are alike.
    pub fn is_uniform_along(&self, axis: usize) -> bool {
        self.shape.get(axis).is_none_or(|size| *size == 1)
    }

    /// What is said of each element, in C order of an array of this shape.
    pub fn each(&self, shape: &[usize]) -> impl Iterator<Item = T> + '_ {
        Walk::new(shape, &self.strides(shape.len()), 0).map(|k| self.each[k])
    }

    /// Each element's, changed.
    pub fn map<U: Join>(&self, mut f: impl FnMut(T) -> U) -> Grid<U> {
        if self.is_uniform() {
            return Grid { shape: self.shape.clone(), each: vec![f(self.each[0])].into() };
        }
        Grid::narrowed(self.shape.to_vec(), self.each.iter().map(|b| f(*b)).collect())
    }

    /// Element by element; arrays may have fewer axes, as in [`Op::Broadcast`].
    pub fn zip<U: Join>(&self, other: &Grid<U>, f: impl Fn(T, U) -> T) -> Grid<T> {
        if other.is_uniform() && other.shape.len() <= self.shape.len() {
            return self.map(|own| f(own, other.each[0]));
        }
        if self.shape == other.shape {
            let each = self.each.iter().zip(other.each.iter()).map(|(a, b)| f(*a, *b)).collect();
            return Grid::narrowed(self.shape.to_vec(), each);
        }
        fn size<T>(m: &Grid<T>, rank: usize, axis: usize) -> usize {
            (axis + m.shape.len()).checked_sub(rank).map_or(1, |at| m.shape[at])
        }
        let rank = self.shape.len().max(other.shape.len());
        let sizes = |axis: usize| (size(self, rank, axis), size(other, rank, axis));
        let shape: Vec<usize> = (0..rank).map(sizes).map(|(a, b)| a.max(b)).collect();
        let fits = (0..rank).all(|axis| {
            let (a, b) = sizes(axis);
            a == b || a == 1 || b == 1
        });
        if !fits || shape.iter().product::<usize>() > MOST {
            return Grid::all(rank, f(self.any(), other.any()));
        }
        let each = self.each(&shape).zip(other.each(&shape)).map(|(a, b)| f(a, b)).collect();
        Grid::narrowed(shape, each)
    }

    /// Both.
    pub fn or(&self, other: &Grid<T>) -> Grid<T> {
        let is_nothing = |m: &Grid<T>| m.is_uniform() && m.each[0] == T::NONE;
        match self.shape.len().cmp(&other.shape.len()) {
            Ordering::Greater | Ordering::Equal if is_nothing(other) => self.clone(),
            Ordering::Less | Ordering::Equal if is_nothing(self) => other.clone(),
            _ => self.zip(other, T::or),
        }
    }

    /// Each element and this.
    pub fn or_all(&self, every: T) -> Grid<T> {
        if every == T::NONE { self.clone() } else { self.map(|own| own.or(every)) }
    }

    /// From each position along an axis to the next, in an array of this many axes, whose last
    /// ones are this array's: 0 where all are alike.
    fn strides(&self, rank: usize) -> Vec<isize> {
        let own = strides(&self.shape);
        let mut all = vec![0; rank - own.len()];
        all.extend(own);
        all
    }

    /// The elements of an array of this shape, found in these steps.
    fn picked(&self, shape: Vec<usize>, strides: &[isize], start: isize) -> Grid<T> {
        let each = Walk::new(&shape, strides, start).map(|k| self.each[k]).collect();
        Grid::narrowed(shape, each)
    }

    /// What an operation that only moves or joins elements makes of these arguments; none where it
    /// is another. `shapes` are those of the arrays, and last that of the result.
    pub fn moved(op: &Op, args: &[Grid<T>], shapes: &[&[usize]]) -> Option<Grid<T>> {
        let (first, rank) = (args.first()?, shapes.last()?.len());
        Some(match op {
            Op::Broadcast => first.or(&Grid::none(rank)),
            Op::Transpose(axes) => first.transposed(axes),
            Op::Slice(ranges) => first.sliced(ranges),
            Op::Reshape => first.reshaped(shapes[0], shapes[1]),
            Op::Flip(axes) => first.flipped(axes),
            Op::Concat(axis) => {
                let sizes = shapes.iter().map(|shape| shape[*axis]);
                let parts: Vec<(Grid<T>, usize)> = args.iter().cloned().zip(sizes).collect();
                Grid::joined(&parts, *axis, rank)
            }
            Op::Reduce(_, axes) => first.reduced(axes),
            _ => return None,
        })
    }

    /// As [`Op::Transpose`].
    fn transposed(&self, axes: &[usize]) -> Grid<T> {
        let strides = self.strides(axes.len());
        let strides: Vec<isize> = axes.iter().map(|a| strides[*a]).collect();
        self.picked(axes.iter().map(|a| self.shape[*a]).collect(), &strides, 0)
    }

    /// As [`Op::Slice`].
    fn sliced(&self, ranges: &[(usize, usize)]) -> Grid<T> {
        let cut = |(size, (lo, hi)): (&usize, &(usize, usize))| match size {
            1 => 1,
            _ => hi - lo,
        };
        let shape: Vec<usize> = self.shape.iter().zip(ranges).map(cut).collect();
        if shape.contains(&0) {
            return Grid::none(shape.len());
        }
        let strides = self.strides(shape.len());
        let start = strides.iter().zip(ranges).map(|(stride, (lo, _))| stride * *lo as isize).sum();
        self.picked(shape, &strides, start)
    }

    /// The same elements of an array of shape `from` in one of shape `to`.
    fn reshaped(&self, from: &[usize], to: &[usize]) -> Grid<T> {
        let elements = from.iter().product::<usize>();
        if self.is_uniform() || elements > MOST || elements == 0 {
            return Grid::all(to.len(), self.any());
        }
        Grid::of(to, self.each(from).collect())
    }

    /// As [`Op::Flip`].
    fn flipped(&self, axes: &[usize]) -> Grid<T> {
        let mut strides = self.strides(self.shape.len());
        let mut start = 0;
        for axis in axes {
            start += strides[*axis] * (self.shape[*axis] as isize - 1);
            strides[*axis] = -strides[*axis];
        }
        self.picked(self.shape.to_vec(), &strides, start)
    }

    /// The element at an index along the first axis; all of them joined where it is not known.
    pub fn indexed(&self, index: Option<usize>) -> Grid<T> {
        let Some((first, rest)) = self.shape.split_first() else { return self.clone() };
        let size = rest.iter().product::<usize>();
        let rows: Vec<usize> = match index {
            _ if *first == 1 => vec![0],
            Some(index) if index < *first => vec![index],
            _ => (0..*first).collect(),
        };
        let join =
            |k: usize| rows.iter().fold(T::NONE, |all, row| all.or(self.each[row * size + k]));
        Grid::narrowed(rest.to_vec(), (0..size).map(join).collect())
    }

    /// Joined along these axes, which disappear.
    pub fn reduced(&self, axes: &[usize]) -> Grid<T> {
        let kept: Vec<usize> = (0..self.shape.len()).filter(|a| !axes.contains(a)).collect();
        let shape: Vec<usize> = kept.iter().map(|a| self.shape[*a]).collect();
        let mut each = vec![T::NONE; shape.iter().product()];
        // Where the sum of each element is.
        let mut strides = vec![0; self.shape.len()];
        let mut stride = 1;
        for axis in kept.iter().rev() {
            strides[*axis] = stride;
            stride *= self.shape[*axis] as isize;
        }
        for (sum, found) in Walk::new(&self.shape, &strides, 0).zip(self.each.iter()) {
            each[sum] = each[sum].or(*found);
        }
        Grid::narrowed(shape, each)
    }

    /// Arrays of these sizes along an axis, one after another.
    fn joined(parts: &[(Grid<T>, usize)], axis: usize, rank: usize) -> Grid<T> {
        let uniform = parts.windows(2).all(|w| w[0].0.any() == w[1].0.any())
            && parts.iter().all(|(m, _)| m.is_uniform());
        if uniform {
            return Grid::all(rank, parts.first().map_or(T::NONE, |(m, _)| m.any()));
        }
        let mut shape = vec![1; rank];
        for (part, _) in parts {
            shape.iter_mut().zip(part.shape.iter()).for_each(|(n, own)| *n = (*n).max(*own));
        }
        shape[axis] = parts.iter().map(|(_, size)| size).sum();
        if shape.iter().product::<usize>() > MOST {
            return Grid::all(rank, parts.iter().fold(T::NONE, |all, (m, _)| all.or(m.any())));
        }
        let mut all = vec![T::NONE; shape.iter().product()];
        let mut begin = 0;
        for (part, size) in parts {
            let mut region: Vec<(usize, usize)> = shape.iter().map(|n| (0, *n)).collect();
            region[axis] = (begin, begin + size);
            begin += size;
            put(&mut all, &shape, &region, part, |_, new| new);
        }
        Grid::narrowed(shape, all)
    }

    /// As an array of more axes, whose `axes` are this array's last ones.
    pub fn spread(&self, axes: &[usize], rank: usize) -> Grid<T> {
        let mut shape = vec![1; rank];
        let last = axes.iter().rev().zip(self.shape.iter().rev());
        last.for_each(|(axis, size)| shape[*axis] = *size);
        Grid { shape: shape.into(), each: self.each.clone() }
    }

    /// With a box `lo..hi` of an array of this shape replaced by what `f` makes of old and new;
    /// `new` has the box's shape.
    pub fn stored(
        &self,
        shape: &[usize],
        region: &[(usize, usize)],
        new: &Grid<T>,
        f: impl Fn(T, T) -> T,
    ) -> Grid<T> {
        // Only axes of which the box is a part must be kept apart.
        let apart: Vec<usize> = (0..shape.len())
            .map(|a| match region[a] == (0, shape[a]) {
                true => self.shape[a].max(new.shape[a]),
                false => shape[a],
            })
            .collect();
        if apart.iter().product::<usize>() > MOST {
            return Grid::all(shape.len(), self.any().or(f(self.any(), new.any())));
        }
        let within = |((lo, hi), size): (&(usize, usize), &usize)| match (size, lo < hi) {
            (1, true) => (0, 1),
            _ => (*lo, *hi),
        };
        let region: Vec<(usize, usize)> = region.iter().zip(&apart).map(within).collect();
        let mut all: Vec<T> = self.each(&apart).collect();
        put(&mut all, &apart, &region, new, f);
        Grid::narrowed(apart, all)
    }

    /// These elements, with the axes along which all are alike at size 1.
    fn narrowed(mut shape: Vec<usize>, mut each: Vec<T>) -> Grid<T> {
        for axis in 0..shape.len() {
            let (size, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
            if size <= 1 {
                continue;
            }
            let mut blocks = each.chunks(size * inner);
            if blocks.all(|block| block.chunks(inner).all(|row| row == &block[..inner])) {
                let blocks = each.chunks(size * inner);
                each = blocks.flat_map(|block| block[..inner].iter().copied()).collect();
                shape[axis] = 1;
            }
        }
        Grid { shape: shape.into(), each: each.into() }
    }
}

/// From each position along an axis of an array to the next: 0 where there is only one.
fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for (at, size) in strides.iter_mut().rev().zip(shape.iter().rev()) {
        *at = if *size == 1 { 0 } else { stride };
        stride *= *size as isize;
    }
    strides
}

/// Replaces a box `lo..hi` of the elements of an array.
fn put<T: Join>(
    all: &mut [T],
    shape: &[usize],
    region: &[(usize, usize)],
    new: &Grid<T>,
    f: impl Fn(T, T) -> T,
) {
    let strides = strides(shape);
    let start = strides.iter().zip(region).map(|(stride, (lo, _))| stride * *lo as isize).sum();
    let sizes: Vec<usize> = region.iter().map(|(lo, hi)| hi - lo).collect();
    for (at, new) in Walk::new(&sizes, &strides, start).zip(new.each(&sizes)) {
        all[at] = f(all[at], new);
    }
}

/// The places of elements of an array, in C order.
struct Walk {
    shape: Vec<usize>,
    strides: Vec<isize>,
    /// The position, and where it is.
    at: Vec<usize>,
    place: isize,
    left: usize,
}

impl Walk {
    /// Begins at a place, and goes on by these steps along each axis.
    fn new(shape: &[usize], strides: &[isize], start: isize) -> Walk {
        Walk {
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            at: vec![0; shape.len()],
            place: start,
            left: shape.iter().product(),
        }
    }
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let place = self.place;
        for axis in (0..self.shape.len()).rev() {
            self.at[axis] += 1;
            self.place += self.strides[axis];
            if self.at[axis] < self.shape[axis] {
                break;
            }
            self.place -= self.strides[axis] * self.shape[axis] as isize;
            self.at[axis] = 0;
        }
        usize::try_from(place).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
