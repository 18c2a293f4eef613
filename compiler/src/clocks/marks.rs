//! Which elements of an array depend on marked messages.

/// What is said of an element: a set of bits. Bits of what it depends on join.
pub type Bits = u32;

/// Elements that are kept apart, at most; beyond, all of an array are alike.
const MOST: usize = 1 << 16;

/// The bits of every element of an array. Axes along which all elements are alike have size 1,
/// so that a layer costs as little as a neuron.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    shape: Vec<usize>,
    bits: Vec<Bits>,
}

impl Marks {
    /// The same bits for all elements of an array of some rank.
    pub fn all(rank: usize, bits: Bits) -> Marks {
        Marks { shape: vec![1; rank], bits: vec![bits] }
    }

    /// Given position by position along one axis.
    pub fn along(rank: usize, axis: usize, bits: Vec<Bits>) -> Marks {
        if bits.is_empty() {
            return Marks::all(rank, 0);
        }
        let mut shape = vec![1; rank];
        shape[axis] = bits.len();
        Marks { shape, bits }.narrowed()
    }

    /// The bits of any element.
    pub fn any(&self) -> Bits {
        self.bits.iter().fold(0, |a, b| a | b)
    }

    /// How many elements are kept apart.
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether all elements are alike.
    pub fn is_uniform(&self) -> bool {
        self.bits.len() == 1
    }

    /// Each element's bits, changed.
    pub fn map(&self, f: impl Fn(Bits) -> Bits) -> Marks {
        let bits = self.bits.iter().map(|b| f(*b)).collect();
        Marks { shape: self.shape.clone(), bits }.narrowed()
    }

    /// Element by element; arrays may have fewer axes, as in [`crate::network::Op::Broadcast`].
    pub fn zip(&self, other: &Marks, f: impl Fn(Bits, Bits) -> Bits) -> Marks {
        let rank = self.shape.len().max(other.shape.len());
        let size = |m: &Marks, axis: usize| {
            (axis + m.shape.len()).checked_sub(rank).map_or(1, |at| m.shape[at])
        };
        let mut shape = Vec::with_capacity(rank);
        for axis in 0..rank {
            shape.push(size(self, axis).max(size(other, axis)));
        }
        if shape.iter().product::<usize>() > MOST {
            return Marks::all(rank, f(self.any(), other.any()));
        }
        let fits = |m: &Marks| (0..rank).all(|a| [1, shape[a]].contains(&size(m, a)));
        if !fits(self) || !fits(other) {
            return Marks::all(rank, f(self.any(), other.any()));
        }
        let bits = positions(&shape).map(|at| f(self.at(&at), other.at(&at))).collect();
        Marks { shape, bits }.narrowed()
    }

    /// Both.
    pub fn or(&self, other: &Marks) -> Marks {
        if self.is_uniform() && other.is_uniform() {
            let rank = self.shape.len().max(other.shape.len());
            return Marks::all(rank, self.bits[0] | other.bits[0]);
        }
        self.zip(other, |a, b| a | b)
    }

    /// The bits at a position, whose last axes are this array's.
    fn at(&self, position: &[usize]) -> Bits {
        let own = &position[position.len() - self.shape.len()..];
        let index = own
            .iter()
            .zip(&self.shape)
            .fold(0, |index, (at, size)| index * size + if *size == 1 { 0 } else { *at });
        self.bits[index]
    }

    /// As [`crate::network::Op::Transpose`].
    pub fn transposed(&self, axes: &[usize]) -> Marks {
        let shape: Vec<usize> = axes.iter().map(|a| self.shape[*a]).collect();
        let bits = positions(&shape).map(|at| {
            let mut own = vec![0; at.len()];
            axes.iter().zip(&at).for_each(|(axis, at)| own[*axis] = *at);
            self.at(&own)
        });
        Marks { bits: bits.collect(), shape }
    }

    /// As [`crate::network::Op::Slice`].
    pub fn sliced(&self, ranges: &[(usize, usize)]) -> Marks {
        let cut = |(size, (lo, hi)): (&usize, &(usize, usize))| {
            if *size == 1 { (0, 1) } else { (*lo, hi - lo) }
        };
        let cuts: Vec<(usize, usize)> = self.shape.iter().zip(ranges).map(cut).collect();
        let shape: Vec<usize> = cuts.iter().map(|(_, size)| *size).collect();
        if shape.contains(&0) {
            return Marks::all(shape.len(), 0);
        }
        let bits = positions(&shape).map(|at| {
            let own: Vec<usize> = at.iter().zip(&cuts).map(|(at, (lo, _))| lo + at).collect();
            self.at(&own)
        });
        Marks { bits: bits.collect(), shape }.narrowed()
    }

    /// The same elements of an array of shape `from` in one of shape `to`.
    pub fn reshaped(&self, from: &[usize], to: &[usize]) -> Marks {
        let elements = from.iter().product::<usize>();
        if self.is_uniform() || elements > MOST || elements == 0 {
            return Marks::all(to.len(), self.any());
        }
        let bits = positions(from).map(|at| self.at(&at)).collect();
        Marks { shape: to.to_vec(), bits }.narrowed()
    }

    /// As [`crate::network::Op::Flip`].
    pub fn flipped(&self, axes: &[usize]) -> Marks {
        let bits = positions(&self.shape).map(|mut at| {
            for axis in axes {
                at[*axis] = self.shape[*axis] - 1 - at[*axis];
            }
            self.at(&at)
        });
        Marks { bits: bits.collect(), shape: self.shape.clone() }
    }

    /// The element at an index along the first axis; all of them joined where it is not known.
    pub fn indexed(&self, index: Option<usize>) -> Marks {
        let Some((first, rest)) = self.shape.split_first() else { return self.clone() };
        let size = rest.iter().product::<usize>();
        let rows: Vec<usize> = match index {
            _ if *first == 1 => vec![0],
            Some(index) if index < *first => vec![index],
            _ => (0..*first).collect(),
        };
        let join = |k: usize| rows.iter().fold(0, |bits, row| bits | self.bits[row * size + k]);
        Marks { shape: rest.to_vec(), bits: (0..size).map(join).collect() }.narrowed()
    }

    /// Joined along these axes, which disappear.
    pub fn reduced(&self, axes: &[usize]) -> Marks {
        let kept: Vec<usize> = (0..self.shape.len()).filter(|a| !axes.contains(a)).collect();
        let shape: Vec<usize> = kept.iter().map(|a| self.shape[*a]).collect();
        let mut bits = vec![0; shape.iter().product()];
        for (at, found) in positions(&self.shape).zip(&self.bits) {
            let index = kept.iter().fold(0, |index, a| index * self.shape[*a] + at[*a]);
            bits[index] |= found;
        }
        Marks { shape, bits }.narrowed()
    }

    /// Arrays of these sizes along an axis, one after another.
    pub fn joined(parts: &[(Marks, usize)], axis: usize, rank: usize) -> Marks {
        let uniform = parts.windows(2).all(|w| w[0].0.any() == w[1].0.any())
            && parts.iter().all(|(m, _)| m.is_uniform());
        if uniform {
            return Marks::all(rank, parts.first().map_or(0, |(m, _)| m.any()));
        }
        let mut shape = vec![1; rank];
        for (part, _) in parts {
            shape.iter_mut().zip(&part.shape).for_each(|(n, own)| *n = (*n).max(*own));
        }
        shape[axis] = parts.iter().map(|(_, size)| size).sum();
        if shape.iter().product::<usize>() > MOST {
            return Marks::all(rank, parts.iter().fold(0, |bits, (m, _)| bits | m.any()));
        }
        let bits = positions(&shape).map(|mut at| {
            for (part, size) in parts {
                if at[axis] < *size {
                    return part.at(&at);
                }
                at[axis] -= size;
            }
            0
        });
        Marks { bits: bits.collect(), shape }.narrowed()
    }

    /// As an array of more axes, whose `axes` are this array's last ones.
    pub fn spread(&self, axes: &[usize], rank: usize) -> Marks {
        let mut shape = vec![1; rank];
        let last = axes.iter().rev().zip(self.shape.iter().rev());
        last.for_each(|(axis, size)| shape[*axis] = *size);
        Marks { shape, bits: self.bits.clone() }
    }

    /// With a box `lo..hi` of an array of this shape replaced by what `f` makes of old and new
    /// bits; `new` has the box's shape.
    pub fn stored(
        &self,
        shape: &[usize],
        region: &[(usize, usize)],
        new: &Marks,
        f: impl Fn(Bits, Bits) -> Bits,
    ) -> Marks {
        // Only axes of which the box is a part must be kept apart.
        let apart: Vec<usize> = (0..shape.len())
            .map(|a| match region[a] == (0, shape[a]) {
                true => self.shape[a].max(new.shape[a]),
                false => shape[a],
            })
            .collect();
        if apart.iter().product::<usize>() > MOST {
            return Marks::all(shape.len(), self.any() | f(self.any(), new.any()));
        }
        let bits = positions(&apart).map(|at| {
            let old = self.at(&at);
            let inside =
                at.iter().zip(region).zip(&apart).all(|((at, (lo, hi)), size)| {
                    *size == 1 && *hi > *lo || (*lo..*hi).contains(at)
                });
            if !inside {
                return old;
            }
            let own = at.iter().zip(region).map(|(at, (lo, _))| at.saturating_sub(*lo));
            f(old, new.at(&own.collect::<Vec<_>>()))
        });
        Marks { bits: bits.collect(), shape: apart }.narrowed()
    }

    /// With the axes along which all are alike at size 1.
    fn narrowed(mut self) -> Marks {
        for axis in 0..self.shape.len() {
            let (size, inner) =
                (self.shape[axis], self.shape[axis + 1..].iter().product::<usize>());
            if size <= 1 {
                continue;
            }
            let alike = self
                .bits
                .chunks(size * inner)
                .all(|block| block.chunks(inner).all(|row| row == &block[..inner]));
            if alike {
                let blocks = self.bits.chunks(size * inner);
                self.bits = blocks.flat_map(|block| block[..inner].to_vec()).collect();
                self.shape[axis] = 1;
            }
        }
        self
    }
}

/// All positions of an array, in C order.
fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let count = shape.iter().product::<usize>();
    (0..count).map(|mut n| {
        let mut at = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            at[axis] = n % shape[axis];
            n /= shape[axis];
        }
        at
    })
}
