//! Functions of elements, applied to whole arrays with the widest registers of the machine.
//!
//! Each element is computed by itself and no float operation is fused with another, so that
//! results do not depend on the width.

use super::widest::{Work, widest};

/// Operands of many applications of a function.
#[derive(Clone, Copy, Debug)]
pub enum Many<'a, T> {
    /// One for each, at least as many as there are results.
    Each(&'a [T]),
    /// The same for all.
    Same(T),
}

impl<T: Copy> Many<'_, T> {
    /// The `n`-th of them.
    #[inline]
    pub fn at(&self, n: usize) -> T {
        match self {
            Many::Each(all) => all[n],
            Many::Same(one) => *one,
        }
    }
}

/// `to[i] = f(a[i])`.
pub fn one<A: Copy, R: Copy>(a: Many<'_, A>, to: &mut [R], f: impl Fn(A) -> R) {
    match a {
        Many::Each(a) => widest(One { a, to, f }),
        Many::Same(a) => to.fill(f(a)),
    }
}

/// `to[i] = f(a[i], b[i])`.
pub fn two<A: Copy, B: Copy, R: Copy>(
    a: Many<'_, A>,
    b: Many<'_, B>,
    to: &mut [R],
    f: impl Fn(A, B) -> R,
) {
    match (a, b) {
        (Many::Each(a), Many::Each(b)) => widest(Two { a, b, to, f }),
        (Many::Each(a), Many::Same(b)) => widest(One { a, to, f: move |a| f(a, b) }),
        (Many::Same(a), Many::Each(b)) => widest(One { a: b, to, f: move |b| f(a, b) }),
        (Many::Same(a), Many::Same(b)) => to.fill(f(a, b)),
    }
}

/// `to[i]` is `a[i]` where `c[i]` holds, else `b[i]`.
pub fn choose<T: Copy>(c: Many<'_, bool>, a: Many<'_, T>, b: Many<'_, T>, to: &mut [T]) {
    match (c, a, b) {
        (Many::Same(true), a, _) => one(a, to, |a| a),
        (Many::Same(false), _, b) => one(b, to, |b| b),
        (c, Many::Each(a), Many::Each(b)) => {
            let Many::Each(c) = c else { return };
            widest(Choose { c, a, b, to });
        }
        (c, Many::Each(a), Many::Same(b)) => {
            two(c, Many::Each(a), to, move |c, a| if c { a } else { b })
        }
        (c, Many::Same(a), b) => two(c, b, to, move |c, b| if c { a } else { b }),
    }
}

/// Puts `from[i]` in the place of `to[i]` where `mask[i]` holds.
pub fn put<T: Copy>(from: Many<'_, T>, mask: &[bool], to: &mut [T]) {
    widest(Put { from, mask, to });
}

/// Whether a condition holds anywhere.
pub fn any(of: &[bool]) -> bool {
    widest(Any { of })
}

struct Any<'a> {
    of: &'a [bool],
}

impl Work for Any<'_> {
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
        // Without a branch for each.
        self.of.chunks(64).any(|block| block.iter().fold(false, |any, holds| any | holds))
    }
}

struct One<'a, A, R, F> {
    a: &'a [A],
    to: &'a mut [R],
    f: F,
}

impl<A: Copy, R, F: Fn(A) -> R> Work for One<'_, A, R, F> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        self.to.iter_mut().zip(self.a).for_each(|(to, a)| *to = (self.f)(*a));
    }
}

struct Two<'a, A, B, R, F> {
    a: &'a [A],
    b: &'a [B],
    to: &'a mut [R],
    f: F,
}

impl<A: Copy, B: Copy, R, F: Fn(A, B) -> R> Work for Two<'_, A, B, R, F> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let operands = self.a.iter().zip(self.b);
        self.to.iter_mut().zip(operands).for_each(|(to, (a, b))| *to = (self.f)(*a, *b));
    }
}

struct Choose<'a, T> {
    c: &'a [bool],
    a: &'a [T],
    b: &'a [T],
    to: &'a mut [T],
}

impl<T: Copy> Work for Choose<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let operands = self.c.iter().zip(self.a.iter().zip(self.b));
        for (to, (c, (a, b))) in self.to.iter_mut().zip(operands) {
            // Both are read, so that the choice is one of values and not of places.
            let (a, b) = (*a, *b);
            *to = if *c { a } else { b };
        }
    }
}

struct Put<'a, T> {
    from: Many<'a, T>,
    mask: &'a [bool],
    to: &'a mut [T],
}

impl<T: Copy> Work for Put<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let places = self.to.iter_mut().zip(self.mask);
        match self.from {
            Many::Each(from) => {
                places.zip(from).for_each(|((to, m), x)| {
                    let (old, new) = (*to, *x);
                    *to = if *m { new } else { old };
                });
            }
            Many::Same(new) => places.for_each(|(to, m)| {
                let old = *to;
                *to = if *m { new } else { old };
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    #[test]
    fn every_way_of_giving_operands_applies_the_function_to_each() {
        for n in [0, 1, 7, 64, 131] {
            let a: Vec<i32> = (0..n).map(|i| i * 37 % 101 - 50).collect();
            let b: Vec<i32> = (0..n).map(|i| i * 53 % 89).collect();
            let f = |a: i32, b: i32| a.wrapping_mul(3) - b;
            let ways = [
                (Many::Each(&a[..]), Many::Each(&b[..])),
                (Many::Each(&a[..]), Many::Same(5)),
                (Many::Same(-4), Many::Each(&b[..])),
                (Many::Same(2), Many::Same(9)),
            ];
            let c: Vec<bool> = a.iter().map(|a| a % 3 == 0).collect();
            for (x, y) in ways {
                let n = n as usize;
                let mut to = vec![0; n];
                two(x, y, &mut to, f);
                assert!((0..n).all(|i| to[i] == f(x.at(i), y.at(i))));
                one(x, &mut to, |x: i32| x >> 1);
                assert!((0..n).all(|i| to[i] == x.at(i) >> 1));
                for c in [Many::Each(&c[..]), Many::Same(true), Many::Same(false)] {
                    choose(c, x, y, &mut to);
                    assert!((0..n).all(|i| to[i] == if c.at(i) { x.at(i) } else { y.at(i) }));
                }
                let before = to.clone();
                assert_eq!(any(&c), c.contains(&true));
                put(x, &c, &mut to);
                assert!((0..n).all(|i| to[i] == if c[i] { x.at(i) } else { before[i] }));
            }
        }
    }
}
