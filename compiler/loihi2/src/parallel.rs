//! Work on several threads, with results that do not depend on how many there are.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// Gives every thread of the machine a part of `items`, at least `least` of them, and returns
/// what `work` makes of each part, in order. `work` is told the position of its first item.
///
/// How many parts there are differs from machine to machine: what is made of the results must
/// not tell one division from another.
pub fn chunks<T: Sync, R: Send>(
    items: &[T],
    least: usize,
    work: impl Fn(usize, &[T]) -> R + Sync,
) -> Vec<R> {
    let threads = available_parallelism().map_or(1, NonZero::get);
    let size = items.len().div_ceil(threads).max(least).max(1);
    let mut parts = (0..).step_by(size).zip(items.chunks(size));
    // The first part is this thread's.
    let Some((_, own)) = parts.next() else { return Vec::new() };
    let work = &work;
    scope(|scope| {
        let others: Vec<_> =
            parts.map(|(first, part)| scope.spawn(move || work(first, part))).collect();
        let mut results = vec![work(0, own)];
        for other in others {
            results.push(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        results
    })
}

/// What `work` makes of each item, in order, on every thread of the machine. Each thread has a
/// state of its own, made by `state`, that must make no difference to the results.
pub fn map<T: Sync, S, R: Send>(
    items: &[T],
    least: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let parts = chunks(items, least, |_, part| {
        let mut state = state();
        part.iter().map(|item| work(&mut state, item)).collect::<Vec<R>>()
    });
    parts.into_iter().flatten().collect()
}

/// The results of two pieces of work, done at the same time where there are two threads.
pub fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    scope(|scope| {
        let other = scope.spawn(other);
        (one(), other.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_items() {
        let items: Vec<u32> = (0..1000).collect();
        let squares = map(&items, 1, || (), |(), n| n * n);
        assert_eq!(squares, items.iter().map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(map(&[0_u32; 0], 1, || (), |(), n| *n), Vec::<u32>::new());
    }

    #[test]
    fn both_results_come_back() {
        let numbers = [1, 2, 3];
        assert_eq!(both(|| numbers.len(), || numbers.iter().sum::<i32>()), (3, 6));
    }

    #[test]
    fn parts_know_where_they_begin() {
        let items: Vec<usize> = (0..1000).collect();
        for least in [0, 1, 7, 999, 5000] {
            let parts = chunks(&items, least, |first, part| (first, part.to_vec()));
            assert!(parts.iter().all(|(first, part)| part[0] == *first));
            assert_eq!(parts.into_iter().flat_map(|(_, part)| part).collect::<Vec<_>>(), items);
        }
    }
}
