//! How weights become fixed-point weights: the loader's choice of exponent and bits.

/// What is written for a layer's weights: `weights << shift`, with these parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantisation {
    /// Whether weights are clipped to -256 ..= 254 first.
    pub(super) clip: bool,
    /// Weights are shifted left by this, or right where it is negative.
    pub(super) shift: i32,
    /// The bits kept of a weight, sign not counted.
    pub(super) num_weight_bits: i64,
    /// The exponent that undoes the shift.
    pub(super) weight_exp: i64,
    /// Whether all weights are zero.
    pub(super) zero: bool,
    /// How many weights act as another value than the file's, with the first such pair.
    pub(super) changed: Option<Changed>,
    /// Whether the synapse itself keeps another value of some weight than is written.
    pub(super) conditioned: bool,
}

/// Weights that the fixed-point format does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Changed {
    /// How many.
    pub(super) count: usize,
    /// The first such weight in the file.
    pub(super) from: i64,
    /// What it acts as.
    pub(super) to: f64,
}

/// The smallest and largest weight of mixed sign that the loader keeps.
const MIXED: (i64, i64) = (-256, 254);

/// Chooses the exponent and bits for weights (at least one; magnitudes below 2^32).
///
/// The largest left shift that keeps the weights in 8 bits is found, so that small weights
/// use the whole width, and undone by the exponent; trailing zero bits that all weights share
/// are not stored. For weights of both signs from -256 to 254 that are even, and for
/// non-negative ones up to 255, this changes nothing.
///
/// Where the original loader would fail (all weights zero) weights are kept unshifted. Where it
/// would load nothing but zeros, they are taken as they are meant: weights of one sign beyond
/// 8 bits, which it would shift by a negative amount, are shifted right, which keeps their 8
/// highest bits; weights that are all the same negative power of two are shifted one bit
/// less.
///
/// # Source
/// lava-dl `netx/utils.py`, `optimize_weight_bits`.
pub(super) fn quantised(weights: &[i64]) -> Quantisation {
    let (lo, hi) = bounds(weights);
    let clip = (hi > MIXED.1 && lo < 0) || (lo < MIXED.0 && hi > 0);
    let clipped: Vec<i64>;
    let kept = if clip {
        clipped = weights.iter().map(|w| *w.clamp(&MIXED.0, &MIXED.1)).collect();
        &clipped
    } else {
        weights
    };
    let (lo, hi) = bounds(kept);
    // The signs as the loader tells them: zero counts as positive.
    let mixed = hi >= 0 && lo < 0;
    let signed = i32::from(mixed);
    let zero = lo == 0 && hi == 0;
    let shift = if zero {
        0
    } else if mixed {
        floor_log2(127, hi).min(floor_log2(128, -lo)) + signed
    } else if hi < 0 {
        floor_log2(256, -lo)
    } else {
        floor_log2(255, hi)
    };
    let (shift, num_weight_bits) =
        if hi < 0 && hi == lo && hi.unsigned_abs().is_power_of_two() && shift >= 0 {
            (shift - 1, 1)
        } else if shift < 0 {
            (floor_log2(255, hi.max(-lo)), 8)
        } else {
            let zeros = kept.iter().map(|w| w.trailing_zeros()).min().unwrap_or(0).min(8) as i32;
            (shift, if zero { 8 } else { 8 - shift - (zeros - signed) })
        };
    let mut quantisation = Quantisation {
        clip,
        shift,
        num_weight_bits: i64::from(num_weight_bits),
        weight_exp: -i64::from(shift),
        zero,
        changed: None,
        conditioned: false,
    };
    let mut changed: Option<Changed> = None;
    for (&from, to) in weights.iter().zip(quantisation.effects(weights)) {
        if to != from as f64 {
            changed.get_or_insert(Changed { count: 0, from, to }).count += 1;
        }
    }
    let conditioned = quantisation.stored(weights).any(|(written, stored)| written != stored);
    (quantisation.changed, quantisation.conditioned) = (changed, conditioned);
    quantisation
}

impl Quantisation {
    /// The weights as written for the process.
    fn written(&self, weight: i64) -> i64 {
        let weight = if self.clip { weight.clamp(MIXED.0, MIXED.1) } else { weight };
        if self.shift >= 0 { weight << self.shift } else { weight >> -self.shift }
    }

    /// Each weight as written, and as the synapse stores it.
    fn stored<'p>(&'p self, weights: &'p [i64]) -> impl Iterator<Item = (i64, i64)> + 'p {
        let written = weights.iter().map(|&w| self.written(w));
        let (lo, hi) = written.clone().fold((i64::MAX, i64::MIN), |(l, h), w| (l.min(w), h.max(w)));
        written.map(move |w| (w, condition(w, lo, hi, self.num_weight_bits)))
    }

    /// What each weight acts as.
    pub(super) fn effects<'p>(&'p self, weights: &'p [i64]) -> impl Iterator<Item = f64> + 'p {
        let scale = 2f64.powi(self.weight_exp as i32);
        self.stored(weights).map(move |(_, stored)| stored as f64 * scale)
    }
}

/// What a fixed-point synapse makes of one weight: 8 bits by the sign of all weights, low
/// bits cut off.
///
/// # Source
/// Lava `utils/weightutils.py`: `clip_weights`, `truncate_weights`.
fn condition(weight: i64, lo: i64, hi: i64, bits: i64) -> i64 {
    let (min, max, mixed) = if lo >= 0 {
        (0, 255, 0)
    } else if hi <= 0 {
        (-255, 0, 0)
    } else {
        (-256, 255, 1)
    };
    let cut = (8 - bits + mixed).clamp(0, 63);
    let weight = weight.clamp(min, max);
    if max == 0 { -((-weight >> cut) << cut) } else { (weight >> cut) << cut }
}

fn bounds(weights: &[i64]) -> (i64, i64) {
    weights.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &w| (lo.min(w), hi.max(w)))
}

/// ⌊log2(a / b)⌋ for a > 0; 62, more than any other bound, where b is 0.
fn floor_log2(a: i64, b: i64) -> i32 {
    if b == 0 {
        return 62;
    }
    let mut log = 0;
    while b << (log + 1) <= a {
        log += 1;
    }
    while log <= 0 && b > a << -log {
        log -= 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weights: &[i64], shift: i32, bits: i64, exp: i64) -> Option<Changed> {
        let quantisation = quantised(weights);
        assert_eq!(
            (quantisation.shift, quantisation.num_weight_bits, quantisation.weight_exp),
            (shift, bits, exp),
            "{weights:?}"
        );
        quantisation.changed
    }

    #[test]
    fn the_loaders_own_examples_hold() {
        assert_eq!(check(&[2, -4], 6, 2, -6), None);
        assert_eq!(check(&[127, -128], 1, 8, -1), None);
        assert_eq!(check(&[128, -127], 0, 9, 0), None);
    }

    #[test]
    fn even_weights_in_range_act_as_they_are() {
        let weights: Vec<i64> = (-128..128).map(|w| 2 * w).collect();
        assert_eq!(check(&weights, 0, 8, 0), None);
        assert_eq!(check(&[-98, 130, 44], 0, 8, 0), None);
        assert_eq!(check(&(0..256).collect::<Vec<_>>(), 0, 8, 0), None);
    }

    #[test]
    fn zeros_stay_zeros() {
        assert_eq!(check(&[0, 0, 0], 0, 8, 0), None);
    }

    #[test]
    fn weights_beyond_eight_bits_of_both_signs_are_clipped_and_counted() {
        let quantisation = quantised(&[300, -2, 400, 254]);
        assert!(quantisation.clip);
        assert_eq!(quantisation.changed, Some(Changed { count: 2, from: 300, to: 254.0 }));
    }

    #[test]
    fn weights_beyond_eight_bits_of_one_sign_keep_their_high_bits() {
        assert_eq!(check(&[510, 2, 0], -1, 8, 1), None);
        assert_eq!(check(&[-300, -2], -1, 8, 1), None);
        assert_eq!(check(&[-512, -4], -2, 8, 2), None);
        assert_eq!(check(&[1 << 20, 3], -13, 8, 13), Some(Changed { count: 1, from: 3, to: 0.0 }));
    }

    #[test]
    fn a_most_negative_power_of_two_loses_a_bit_as_in_the_reference() {
        // The loader shifts -2 to -256; the synapse clips inhibitory weights to -255.
        assert_eq!(check(&[-2, -1], 7, 1, -7), Some(Changed { count: 1, from: -2, to: -1.0 }));
    }

    #[test]
    fn equal_negative_powers_of_two_are_not_lost() {
        assert_eq!(check(&[-1, -1], 7, 1, -7), None);
        assert_eq!(check(&[-64], 1, 1, -1), None);
        assert_eq!(check(&[-256, -256], -1, 1, 1), None);
        assert_eq!(check(&[-1024], -3, 8, 3), None);
    }

    #[test]
    fn one_sided_weights_with_zeros_are_planned_without_overflow() {
        assert_eq!(check(&[0, -3], 6, 3, -6), None);
        assert_eq!(check(&[0, 1], 7, 1, -7), None);
    }
}
