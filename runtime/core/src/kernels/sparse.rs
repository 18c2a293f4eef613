//! Columns of mostly zero weights.

use super::{Active, Number, Payload};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;

/// Weights that are not zero, as lists of (target, weight) by source.
///
/// Its work is one addition per stored weight of an active source.
#[derive(Clone, Debug)]
pub struct SparseColumns<W> {
    /// Source `j` has the entries `starts[j]..starts[j + 1]`.
    starts: Box<[u32]>,
    /// Target and weight side by side: an entry is one memory access.
    entries: Box<[(u32, W)]>,
    outputs: usize,
    shift: u32,
}

impl<W: Number> SparseColumns<W> {
    /// From rows: target `i` has the `sources` and `weights` at `starts[i]..starts[i + 1]`, where
    /// `starts` has one element more than there are targets and `sources` are below `columns`.
    /// Weights mean `weight << shift`.
    ///
    /// # Errors
    /// A description of what is inconsistent: the lists come from a file.
    pub fn new(
        starts: &[u32],
        sources: &[u32],
        weights: &[W],
        columns: usize,
        shift: u32,
    ) -> Result<Self, String> {
        if sources.len() != weights.len() {
            return Err(format!("{} sources but {} weights", sources.len(), weights.len()));
        }
        if starts.first() != Some(&0) || starts.last().map(|s| *s as usize) != Some(sources.len()) {
            return Err(format!("rows do not span the {} entries", sources.len()));
        }
        if !starts.is_sorted() {
            return Err("rows are out of order".into());
        }
        if let Some(source) = sources.iter().find(|s| **s as usize >= columns) {
            return Err(format!("source {source} is outside 0..{columns}"));
        }
        // Sorted by source, counting: first how many each has, then each at its place, so that
        // the targets of a source stay in order.
        let mut begins = vec![0u32; columns + 1];
        sources.iter().for_each(|source| begins[*source as usize + 1] += 1);
        for source in 0..columns {
            begins[source + 1] += begins[source];
        }
        let mut next = begins.clone();
        let mut entries = vec![(0, W::default()); sources.len()];
        for (target, row) in starts.windows(2).enumerate() {
            for at in row[0] as usize..row[1] as usize {
                let place = &mut next[sources[at] as usize];
                entries[*place as usize] = (target as u32, weights[at]);
                *place += 1;
            }
        }
        let outputs = starts.len() - 1;
        Ok(SparseColumns { starts: begins.into(), entries: entries.into(), outputs, shift })
    }

    /// `out[i] = Σ weights[i, j] << shift` over the events `j`: each counts 1.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` does not have as many elements as outputs.
    #[inline]
    pub fn add<T: Number, const M: usize>(&self, events: Active<'_>, out: &mut [T; M])
    where
        W: Payload<T>,
    {
        self.sum(events, out, |_| (), |weight, ()| weight);
    }

    /// `out[i] = Σ (weights[i, j] · source[j]) << shift` over the events `j`.
    ///
    /// # Panics
    /// If the events are those of a source of another size, or `out` does not have as many elements as outputs.
    #[inline]
    pub fn add_graded<S: Payload<T>, T: Number, const M: usize>(
        &self,
        events: Active<'_>,
        source: &[S],
        out: &mut [T; M],
    ) where
        W: Payload<T>,
    {
        self.sum(events, out, |event| source[event].convert(), |weight: T, by| weight.times(by));
    }

    #[inline(always)]
    fn sum<P: Copy, T: Number>(
        &self,
        events: Active<'_>,
        out: &mut [T],
        payload: impl Fn(usize) -> P,
        scale: impl Fn(T, P) -> T,
    ) where
        W: Payload<T>,
    {
        let size = (self.outputs, self.starts.len() - 1);
        assert_eq!(size, (out.len(), events.sources()), "outputs, sources");
        out.fill(T::default());
        for event in events.indices() {
            let event = *event as usize;
            let payload = payload(event);
            let list = self.starts[event] as usize..self.starts[event + 1] as usize;
            for (target, weight) in &self.entries[list] {
                let sum = &mut out[*target as usize];
                *sum = sum.plus(scale(weight.convert(), payload));
            }
        }
        if self.shift > 0 {
            let scale = T::power_of_two(self.shift);
            for sum in out {
                *sum = sum.times(scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Events;

    #[test]
    fn only_listed_weights_are_added() {
        let columns =
            SparseColumns::<i8>::new(&[0, 1, 2, 3, 5], &[0, 2, 2, 0, 2], &[1, 3, 4, -2, 5], 3, 1);
        let columns = columns.unwrap();
        let mut out = [9_i32; 4];
        let mut events = Events::new(3);
        columns.add(events.spikes(&[1, 1, 1]), &mut out);
        assert_eq!(out, [2, 6, 8, 6]);
        let source = [10_i16, 0, -1];
        columns.add_graded(events.nonzero(&source), &source, &mut out);
        assert_eq!(out, [20, -6, -8, -50]);
    }

    #[test]
    fn inconsistent_lists_are_refused() {
        let new = |starts: &[u32], sources: &[u32]| {
            SparseColumns::<i8>::new(starts, sources, &[1, 1], 4, 0).map(|_| ())
        };
        assert_eq!(new(&[0, 2], &[0, 4]), Err("source 4 is outside 0..4".into()));
        assert_eq!(new(&[0, 2], &[0]), Err("1 sources but 2 weights".into()));
        assert!(new(&[0, 3], &[0, 1]).is_err());
        assert!(new(&[0, 2, 1, 2], &[0, 1]).is_err());
        assert!(new(&[], &[0, 1]).is_err());
    }
}
