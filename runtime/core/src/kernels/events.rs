//! Which sources are active.

use super::Number;
use super::widest::{Work, widest};
use alloc::vec;
use alloc::vec::Vec;

/// Room written beyond the last index, so that a block of indices can be stored whole.
const SLACK: usize = 64;

/// The positions of the non-zero elements of a source, in ascending order.
///
/// It is a scratch buffer: one serves all synapses of a network, whatever their sizes.
#[derive(Clone, Debug, Default)]
pub struct Events {
    indices: Vec<u32>,
}

/// Positions of events in a source of known size: ascending, each below [`Active::sources`].
///
/// Only [`Events`] makes them, so that kernels need not check every position.
#[derive(Clone, Copy, Debug)]
pub struct Active<'a> {
    indices: &'a [u32],
    sources: usize,
}

impl<'a> Active<'a> {
    /// The positions.
    #[inline(always)]
    pub fn indices(self) -> &'a [u32] {
        self.indices
    }

    /// The size of the source.
    #[inline(always)]
    pub fn sources(self) -> usize {
        self.sources
    }
}

impl Events {
    /// Room for sources of up to `sources` elements; collecting from larger ones allocates.
    pub fn new(sources: usize) -> Events {
        Events { indices: vec![0; sources + SLACK] }
    }

    /// The positions of spikes: elements that are 1. All others must be 0.
    ///
    /// The source has at most 2³² elements; later ones are not looked at.
    #[inline]
    pub fn spikes(&mut self, source: &[u8]) -> Active<'_> {
        debug_assert!(source.iter().all(|s| *s <= 1));
        self.reserve(source.len());
        let n = spikes(source, &mut self.indices);
        Active { indices: &self.indices[..n], sources: source.len() }
    }

    /// The positions of conditions that hold.
    #[inline]
    pub fn holding(&mut self, source: &[bool]) -> Active<'_> {
        self.reserve(source.len());
        let n = widest(Holding { source, out: &mut self.indices });
        Active { indices: &self.indices[..n], sources: source.len() }
    }

    /// The positions of elements that are not zero (a NaN is not).
    #[inline]
    pub fn nonzero<T: Number>(&mut self, source: &[T]) -> Active<'_> {
        self.reserve(source.len());
        let mut n = 0;
        for (i, value) in source.iter().enumerate() {
            // Written always, counted where it holds: no branch to mispredict.
            self.indices[n] = i as u32;
            n += usize::from(*value != T::default());
        }
        Active { indices: &self.indices[..n], sources: source.len() }
    }

    #[inline(always)]
    fn reserve(&mut self, sources: usize) {
        if self.indices.len() < sources + SLACK {
            self.indices.resize(sources + SLACK, 0);
        }
    }
}

/// Writes the positions of spikes to `out`, which has [`SLACK`] elements more than `source`;
/// returns how many there are.
#[cfg(all(target_arch = "x86_64", target_feature = "avx512vbmi2", target_feature = "avx512bw"))]
fn spikes(source: &[u8], out: &mut [u32]) -> usize {
    use core::arch::x86_64::*;
    assert!(out.len() >= source.len() + SLACK);
    let mut n = 0;
    // SAFETY: the features are enabled for the whole program (cfg above). Loads are masked to
    // the bytes inside `source`. At most one index per byte read is counted, so before a block
    // `n` is at most the block's start, which is below `source.len()`; what is stored for it
    // ends at most 64 elements after `n`, within `out`, as asserted.
    unsafe {
        let numbers: [u8; 64] = core::array::from_fn(|i| i as u8);
        let numbers = _mm512_loadu_si512(numbers.as_ptr().cast());
        for start in (0..source.len()).step_by(64) {
            let rest = source.len() - start;
            let inside = if rest >= 64 { !0 } else { (1_u64 << rest) - 1 };
            let block = _mm512_maskz_loadu_epi8(inside, source.as_ptr().add(start).cast());
            let active = _mm512_test_epi8_mask(block, block);
            let count = active.count_ones() as usize;
            let base = _mm512_set1_epi32(start as i32);
            let found = _mm512_maskz_compress_epi8(active, numbers);
            // Places for 32 are written whatever the count: mispredicting it costs more.
            let indices = |part| _mm512_add_epi32(_mm512_cvtepu8_epi32(part), base);
            let at = out.as_mut_ptr().add(n);
            let first = indices(_mm512_castsi512_si128(found));
            let second = indices(_mm512_extracti32x4_epi32::<1>(found));
            _mm512_storeu_si512(at.cast(), first);
            _mm512_storeu_si512(at.add(16).cast(), second);
            if count > 32 {
                let third = indices(_mm512_extracti32x4_epi32::<2>(found));
                let fourth = indices(_mm512_extracti32x4_epi32::<3>(found));
                _mm512_storeu_si512(at.add(32).cast(), third);
                _mm512_storeu_si512(at.add(48).cast(), fourth);
            }
            n += count;
        }
    }
    n
}

/// Writes the positions of spikes to `out`, which has [`SLACK`] elements more than `source`;
/// returns how many there are.
#[cfg(not(all(
    target_arch = "x86_64",
    target_feature = "avx512vbmi2",
    target_feature = "avx512bw"
)))]
fn spikes(source: &[u8], out: &mut [u32]) -> usize {
    portable(source, out)
}

/// Writes the positions of conditions that hold to `out`, which has [`SLACK`] elements more than
/// `source`; gives how many there are.
struct Holding<'a> {
    source: &'a [bool],
    out: &'a mut [u32],
}

impl Work for Holding<'_> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let mut n = 0;
        let (blocks, rest) = self.source.as_chunks::<64>();
        for (i, block) in blocks.iter().enumerate() {
            // Most blocks have none.
            if block.iter().fold(false, |any, holds| any | holds) {
                let (words, _) = block.as_chunks::<8>();
                let bits = words.iter().rev().fold(0, |bits, word| bits << 8 | bits_of(*word));
                n += positions(bits, 64 * i as u32, &mut self.out[n..]);
            }
        }
        let (words, rest_of_word) = rest.as_chunks::<8>();
        let mut last = [false; 8];
        last[..rest_of_word.len()].copy_from_slice(rest_of_word);
        let first = bits_of(last);
        let bits = words.iter().rev().fold(first, |bits, word| bits << 8 | bits_of(*word));
        n + positions(bits, 64 * blocks.len() as u32, &mut self.out[n..])
    }
}

/// Eight conditions as bits, the first the lowest.
#[inline(always)]
fn bits_of(conditions: [bool; 8]) -> u64 {
    // The product moves the lowest bit of each byte to a place of its own in the highest byte.
    u64::from_le_bytes(conditions.map(u8::from)).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Writes the positions of bits that are set, which begin at `first`; gives how many there are.
#[inline(always)]
fn positions(mut bits: u64, first: u32, out: &mut [u32]) -> usize {
    let mut n = 0;
    while bits != 0 {
        out[n] = first + bits.trailing_zeros();
        n += 1;
        bits &= bits - 1;
    }
    n
}

/// Eight spikes at a time, skipping words without any.
#[cfg(any(
    test,
    not(all(target_arch = "x86_64", target_feature = "avx512vbmi2", target_feature = "avx512bw"))
))]
fn portable(source: &[u8], out: &mut [u32]) -> usize {
    let mut n = 0;
    let (words, rest) = source.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let mut active = u64::from_le_bytes(*word);
        while active != 0 {
            out[n] = 8 * i as u32 + active.trailing_zeros() / 8;
            n += 1;
            active &= active - 1;
        }
    }
    for (i, spike) in rest.iter().enumerate() {
        out[n] = (8 * words.len() + i) as u32;
        n += usize::from(*spike);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    /// Every third, none, all, and sizes around the block length.
    fn patterns() -> impl Iterator<Item = Vec<u8>> {
        [0, 1, 7, 8, 63, 64, 65, 127, 128, 200, 784].into_iter().flat_map(|n: usize| {
            [
                vec![0; n],
                vec![1; n],
                (0..n).map(|i| u8::from(i % 3 == 0)).collect(),
                (0..n).map(|i| u8::from(i % 64 == 63 || i % 17 == 2)).collect(),
            ]
        })
    }

    #[test]
    fn every_spike_is_found_once_in_order() {
        let mut events = Events::default();
        for source in patterns() {
            let expected: Vec<u32> =
                (0..source.len()).filter(|i| source[*i] == 1).map(|i| i as u32).collect();
            assert_eq!(events.spikes(&source).indices(), expected);
            assert_eq!(events.nonzero(&source).indices(), expected);
            let holds: Vec<bool> = source.iter().map(|s| *s == 1).collect();
            assert_eq!(events.holding(&holds).indices(), expected);
            let mut out = vec![0; source.len() + SLACK];
            let n = portable(&source, &mut out);
            assert_eq!(&out[..n], expected);
        }
    }

    #[test]
    fn any_number_but_zero_is_an_event() {
        let mut events = Events::new(4);
        assert_eq!(events.nonzero(&[0, -1, 0, 300]).indices(), [1, 3]);
        assert_eq!(events.nonzero(&[0.0, -0.0, f64::NAN, 0.5]).indices(), [2, 3]);
    }
}
