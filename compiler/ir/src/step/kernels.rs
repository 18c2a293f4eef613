//! Which kernel executes a synapse, and why.

use crate::step::{Elem, Kernel, KernelKind};
use crate::tensor::Weights;
use crate::tensor::generate::MOST;

/// Lists are faster than columns where at most one weight in so many is not zero: a list costs
/// about a nanosecond per entry, a column a few hundredths of one per output.
const SPARSE: usize = 16;

/// The kernel for `weights` of shape `[m, n]` and a source of `n` elements, which count 1 each
/// (`src_binary`) or as much as they are, within `src_range`; or for those of a convolution
/// (`conv`), of shape `[m, width, height, channels]`.
///
/// The accumulator is proven by the weights: no set of events can sum to more than
/// `Σ_j |weights[i, j]| · max|src|` for any output `i`.
pub fn choose(
    weights: &impl Weights,
    conv: bool,
    src_binary: bool,
    src_range: (i64, i64),
) -> Kernel {
    let len = weights.elements();
    let nonzero = weights.nonzero();
    let few = len >= 4096 && nonzero.saturating_mul(SPARSE) <= len;
    let sparse = match weights.float() && !src_binary {
        // Only one of the two has zeros that meet infinities.
        true => weights.skips_zeros(),
        false => few || len > MOST,
    };
    let (kind, how) = match (conv, sparse) {
        (true, _) => (KernelKind::Conv, "kernel of a convolution".to_string()),
        (false, true) => {
            let how = format!("lists of weights, as {nonzero} of {len} are not zero");
            (KernelKind::SparseColumns, how)
        }
        (false, false) => (KernelKind::Columns, "columns".to_string()),
    };
    if weights.float() {
        let reason = format!("64-bit float {how}, summed in ascending order");
        let (weight, accumulator) = (Elem::F64, Elem::F64);
        return Kernel { kind, weight, shift: 0, accumulator, reason };
    }
    let (mut any, mut low, mut high, mut largest) = (0, 0, 0, 0);
    weights.for_each_row(&mut |row| {
        let mut sum = 0;
        for w in row {
            any |= w;
            low = low.min(*w);
            high = high.max(*w);
            sum += u128::from(w.unsigned_abs());
        }
        largest = largest.max(sum);
    });
    // All are divisible by 2^shift, and so is each sum.
    let shift = if nonzero == 0 { 0 } else { any.trailing_zeros().min(31) as u8 };
    let (weight, bits) = narrowest(low >> shift, high >> shift);
    let payload =
        if src_binary { 1 } else { src_range.0.unsigned_abs().max(src_range.1.unsigned_abs()) };
    let largest = (largest >> shift).saturating_mul(payload.into());
    let (accumulator, sum_bits) = match largest {
        // A convolution adds where its sums are put, which is never narrower.
        0..=0x7fff if !conv => (Elem::I16, 16),
        0..=0x7fff_ffff => (Elem::I32, 32),
        _ => (Elem::I64, 64),
    };
    let shifted =
        if shift > 0 { format!(" after shifting them right by {shift}") } else { String::new() };
    let proof = match sum_bits {
        16 | 32 => {
            format!("every row sums to at most {largest} < {}{shifted}", 1_u64 << (sum_bits - 1))
        }
        _ => format!("rows may sum to {largest}{shifted}"),
    };
    let reason = format!("{bits}-bit {how}, {sum_bits}-bit sums: {proof}");
    Kernel { kind, weight, shift, accumulator, reason }
}

/// The kernel for weights in a buffer: of type `weight`, with results of type `sums` proven to be
/// in `range`.
pub fn live(weight: Elem, sums: Elem, range: (i64, i64)) -> Kernel {
    let (accumulator, sums) = accumulator(sums, range);
    let reason = format!("weights that change, by row, {sums}");
    Kernel { kind: KernelKind::Live, weight, shift: 0, accumulator, reason }
}

/// The kernel for such weights that lie source by source.
pub fn turned(weight: Elem, sums: Elem, range: (i64, i64)) -> Kernel {
    let (accumulator, sums) = accumulator(sums, range);
    let reason = format!("weights that change, by column, {sums}");
    Kernel { kind: KernelKind::Turned, weight, shift: 0, accumulator, reason }
}

/// The kernel for weights of type `weight` that are read when the network runs, or for those of a
/// convolution (`conv`), with results of type `sums` proven to be in `range`.
pub fn unread(weight: Elem, conv: bool, sums: Elem, range: (i64, i64)) -> Kernel {
    let (accumulator, sums) = accumulator(sums, range);
    let (kind, how) = match conv {
        true => (KernelKind::Conv, "kernel of a convolution"),
        false => (KernelKind::Columns, "columns"),
    };
    let reason = format!("{how} from a data file, {sums}");
    Kernel { kind, weight, shift: 0, accumulator, reason }
}

/// What forms sums of type `sums` that are in `range`, and how, in words. Integers may wrap on
/// the way: what comes out is exact.
fn accumulator(sums: Elem, (lo, hi): (i64, i64)) -> (Elem, String) {
    if sums.bounds().is_none() {
        return (sums, "summed in ascending order".into());
    }
    match i32::try_from(lo).is_ok() && i32::try_from(hi).is_ok() {
        true => (Elem::I32, format!("32-bit sums: they are in {lo}..={hi}")),
        false => (Elem::I64, "64-bit sums".into()),
    }
}

fn narrowest(low: i64, high: i64) -> (Elem, u32) {
    let fits = |elem: Elem| elem.bounds().is_some_and(|(l, h)| low >= l && high <= h);
    if fits(Elem::I8) {
        (Elem::I8, 8)
    } else if fits(Elem::I16) {
        (Elem::I16, 16)
    } else if fits(Elem::I32) {
        (Elem::I32, 32)
    } else {
        (Elem::I64, 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Sparse, Tensor};

    fn ints(shape: [usize; 2], values: Vec<i64>) -> Tensor {
        Tensor::int(shape.to_vec(), values)
    }

    #[test]
    fn even_weights_of_nine_bits_are_stored_in_eight() {
        let kernel = choose(&ints([2, 3], vec![-256, 254, 2, 0, 4, 6]), false, true, (0, 1));
        assert_eq!((kernel.weight, kernel.shift, kernel.accumulator), (Elem::I8, 1, Elem::I16));
        assert_eq!(
            kernel.reason,
            "8-bit columns, 16-bit sums: every row sums to at most 256 < 32768 \
             after shifting them right by 1"
        );
    }

    #[test]
    fn accumulators_hold_every_partial_sum() {
        let accumulator = |weight: i64, payload: i64, binary| {
            choose(&ints([1, 2], vec![weight, -weight]), false, binary, (-payload, payload))
                .accumulator
        };
        assert_eq!(accumulator(127, 1, true), Elem::I16);
        assert_eq!(accumulator(16383, 1, true), Elem::I16);
        assert_eq!(accumulator(16385, 1, true), Elem::I32);
        assert_eq!(accumulator(127, 1 << 20, true), Elem::I16);
        assert_eq!(accumulator(127, 1 << 20, false), Elem::I32);
        assert_eq!(accumulator(i64::MAX, i64::MAX, false), Elem::I64);
        assert_eq!(
            choose(&ints([1, 1], vec![i64::MIN]), false, false, (i64::MIN, 0)).weight,
            Elem::I64
        );
    }

    #[test]
    fn mostly_zero_weights_become_lists() {
        let mut values = vec![0; 128 * 64];
        values[77] = 3;
        let kernel = choose(&ints([128, 64], values.clone()), false, true, (0, 1));
        assert_eq!(kernel.kind, KernelKind::SparseColumns);
        assert!(kernel.reason.contains("1 of 8192 are not zero"), "{}", kernel.reason);
        assert_eq!(
            choose(&ints([2, 2], vec![0; 4]), false, true, (0, 1)).kind,
            KernelKind::Columns
        );
        let lists = Sparse::of(&ints([128, 64], values));
        assert_eq!(lists.map(|lists| choose(&lists, false, true, (0, 1))), Some(kernel));
        let floats = Tensor::float(vec![1, 2], vec![0.5, 0.0]);
        assert_eq!(choose(&floats, false, false, (0, 1)).kind, KernelKind::Columns);
        let skips = Sparse::of(&floats).map(|lists| choose(&lists, false, false, (0, 1)).kind);
        assert_eq!(skips, Some(KernelKind::SparseColumns), "0 times infinity is nothing");
        let floats = choose(&Tensor::float(vec![1, 1], vec![0.5]), false, true, (0, 1));
        assert_eq!((floats.weight, floats.accumulator), (Elem::F64, Elem::F64));
    }
}
