//! Integer and float operations whose meaning the language fixes and Rust's operators do not.
//!
//! Every function is total: no argument panics. Those used on every element of a layer are
//! branch-free, so that loops around them vectorise.

/// `x · keep / 4096`, rounded toward zero: a current or voltage after one step of decay.
///
/// `keep` is `4096 − d` for a decay of `d/4096`, in `0..=4096` (12 fractional bits). The
/// product has up to 43 bits; it is formed from the low 12 and the high bits of `x` apart,
/// so that everything stays in 32-bit lanes. Exact for every `x`; never overflows.
///
/// # Source
/// `tz(x·(4096 − d), 12)` of the fixed-point LIF model: Loihi decays round toward zero.
#[inline(always)]
pub fn decay(x: i32, keep: i32) -> i32 {
    debug_assert!((0..=4096).contains(&keep));
    let (high, low) = (x >> 12, x & 4095);
    // Adding 4095 to a negative product before the flooring shift makes it round up.
    let round = ((x >> 31) as u32 >> 20) as i32;
    high.wrapping_mul(keep).wrapping_add(low.wrapping_mul(keep).wrapping_add(round) >> 12)
}

/// `x · (4096 − d) / 4096`, rounded toward zero, for any `d`. The product wraps at 64 bits.
#[inline(always)]
pub fn decay_wide(x: i64, d: i64) -> i64 {
    x.wrapping_mul(4096_i64.wrapping_sub(d)) / 4096
}

/// Quotient rounded down; by zero it is 0. `i64::MIN / -1` wraps.
#[inline(always)]
pub fn floor_div(a: i64, b: i64) -> i64 {
    if b == 0 {
        return 0;
    }
    let quotient = a.wrapping_div(b);
    let inexact = a.wrapping_rem(b) != 0;
    quotient - i64::from(inexact && (a < 0) != (b < 0))
}

/// Remainder with the sign of the divisor; by zero it is 0.
#[inline(always)]
pub fn floor_rem(a: i64, b: i64) -> i64 {
    if b == 0 {
        return 0;
    }
    let remainder = a.wrapping_rem(b);
    if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }
}

/// `a << b`; `b` below 0 or above 63 gives 0. Bits beyond the 64th are lost.
#[inline(always)]
pub fn shl(a: i64, b: i64) -> i64 {
    if (0..64).contains(&b) { a << b } else { 0 }
}

/// `a >> b`, arithmetic; `b` below 0 gives 0, above 63 the sign.
#[inline(always)]
pub fn shr(a: i64, b: i64) -> i64 {
    if b < 0 { 0 } else { a >> b.min(63) }
}

/// The low `bits` (1 to 64) bits of `x`, sign-extended where `signed`. 64 unsigned bits are
/// taken as they are.
#[inline(always)]
pub fn wrap(x: i64, bits: u32, signed: bool) -> i64 {
    let unused = 64_u32.saturating_sub(bits).min(63);
    if signed { (x << unused) >> unused } else { (((x as u64) << unused) >> unused) as i64 }
}

/// The value of `bits` (1 to 64) bits nearest to `x`. 64 unsigned bits hold at most
/// `i64::MAX`.
#[inline(always)]
pub fn saturate(x: i64, bits: u32, signed: bool) -> i64 {
    let (low, high) = match (signed, bits) {
        (true, 64..) => (i64::MIN, i64::MAX),
        (true, _) => (-1_i64 << bits.saturating_sub(1), (1_i64 << bits.saturating_sub(1)) - 1),
        (false, 63..) => (0, i64::MAX),
        (false, _) => (0, (1_i64 << bits) - 1),
    };
    x.clamp(low, high)
}

macro_rules! floats {
    ($t:ident, $min:ident, $max:ident, $rem:ident) => {
        /// The smaller; NaN if either is. Of equal numbers (zeros of either sign) the second.
        #[inline(always)]
        pub fn $min(a: $t, b: $t) -> $t {
            if a < b || a.is_nan() { a } else { b }
        }

        /// The larger; NaN if either is. Of equal numbers (zeros of either sign) the second.
        #[inline(always)]
        pub fn $max(a: $t, b: $t) -> $t {
            if a > b || a.is_nan() { a } else { b }
        }

        /// Remainder with the sign of the divisor, also where it is zero; by zero it is NaN. By
        /// an infinity it is `a` where the signs agree, else that infinity.
        #[inline(always)]
        pub fn $rem(a: $t, b: $t) -> $t {
            let remainder = a % b;
            if remainder == 0.0 {
                (0.0 as $t).copysign(b)
            } else if (remainder < 0.0) != (b < 0.0) {
                remainder + b
            } else {
                remainder
            }
        }
    };
}

floats!(f64, min_f64, max_f64, rem_f64);
floats!(f32, min_f32, max_f32, rem_f32);

macro_rules! functions {
    ($($(#[$doc:meta])* $f32:ident $f64:ident = $of32:path, $of64:path;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $f32(x: f32) -> f32 {
            $of32(x)
        }

        $(#[$doc])*
        #[inline]
        pub fn $f64(x: f64) -> f64 {
            $of64(x)
        }
    )* };
}

// One implementation in Rust: the platform's differ from each other in the last bit, and an
// optimiser that knows them may compute constants with another.
functions! {
    /// e to the power.
    exp_f32 exp_f64 = libm::expf, libm::exp;
    /// Natural logarithm.
    log_f32 log_f64 = libm::logf, libm::log;
    /// Sine.
    sin_f32 sin_f64 = libm::sinf, libm::sin;
    /// Cosine.
    cos_f32 cos_f64 = libm::cosf, libm::cos;
    /// Hyperbolic tangent.
    tanh_f32 tanh_f64 = libm::tanhf, libm::tanh;
}

/// `a` to the power `b`: `a·a` where `b` is 2.
#[inline]
pub fn pow_f32(a: f32, b: f32) -> f32 {
    if b == 2.0 { a * a } else { libm::powf(a, b) }
}

/// `a` to the power `b`: `a·a` where `b` is 2.
#[inline]
pub fn pow_f64(a: f64, b: f64) -> f64 {
    if b == 2.0 { a * a } else { libm::pow(a, b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f32::consts::SQRT_2;

    const INF: f64 = f64::INFINITY;

    /// Numbers that matter and numbers between them, from a fixed generator.
    fn samples() -> impl Iterator<Item = i64> {
        let edges = [0, 1, -1, 4095, 4096, -4095, -4096, 1 << 23, -(1 << 23), i32::MAX.into()];
        let mut state = 1_u64;
        let random = (0..4000).map(move |i| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state as i64) >> (i % 40)
        });
        edges.into_iter().chain([i32::MIN.into(), i64::MIN, i64::MAX]).chain(random)
    }

    #[test]
    fn decay_in_32_bits_equals_the_exact_product() {
        for x in samples().map(|x| x as i32) {
            for d in [0, 1, 2, 409, 410, 2048, 4094, 4095, 4096] {
                let exact = (i64::from(x) * (4096 - d)) / 4096;
                assert_eq!(i64::from(decay(x, (4096 - d) as i32)), exact, "x = {x}, d = {d}");
                assert_eq!(decay_wide(x.into(), d), exact, "x = {x}, d = {d}");
            }
        }
    }

    #[test]
    fn division_rounds_down_and_by_zero_is_zero() {
        assert_eq!((floor_div(7, 2), floor_rem(7, 2)), (3, 1));
        assert_eq!((floor_div(-7, 2), floor_rem(-7, 2)), (-4, 1));
        assert_eq!((floor_div(7, -2), floor_rem(7, -2)), (-4, -1));
        assert_eq!((floor_div(7, 0), floor_rem(7, 0)), (0, 0));
        assert_eq!((floor_div(i64::MIN, -1), floor_rem(i64::MIN, -1)), (i64::MIN, 0));
        for a in samples() {
            for b in [3, -3, 8, 1000] {
                let whole = floor_div(a, b).wrapping_mul(b).wrapping_add(floor_rem(a, b));
                assert_eq!(whole, a);
            }
        }
    }

    #[test]
    fn shifts_accept_any_distance() {
        assert_eq!((shl(3, 2), shl(3, -1), shl(3, 64)), (12, 0, 0));
        assert_eq!((shr(-8, 2), shr(-8, -1), shr(-8, 64), shr(8, 1 << 40)), (-2, 0, -1, 0));
    }

    #[test]
    fn values_are_made_to_fit_by_wrapping_or_saturating() {
        assert_eq!(
            (wrap(1 << 23, 24, true), wrap(-1, 8, false), wrap(-5, 64, true)),
            (-(1 << 23), 255, -5)
        );
        assert_eq!(
            (saturate(300, 8, false), saturate(300, 8, true), saturate(-1, 8, false)),
            (255, 127, 0)
        );
        assert_eq!((saturate(i64::MIN, 64, true), saturate(i64::MIN, 1, true)), (i64::MIN, -1));
    }

    #[test]
    fn float_extremes_and_remainders_follow_the_rules() {
        assert!(min_f64(f64::NAN, 1.0).is_nan() && min_f64(1.0, f64::NAN).is_nan());
        assert!(max_f32(f32::NAN, 1.0).is_nan() && max_f32(1.0, f32::NAN).is_nan());
        assert_eq!((min_f64(1.0, 2.0), max_f64(1.0, 2.0)), (1.0, 2.0));
        assert_eq!((rem_f64(-7.0, 3.0), rem_f64(7.0, -3.0), rem_f32(6.0, 3.0)), (2.0, -2.0, 0.0));
        assert!(rem_f64(1.0, 0.0).is_nan());
        // A zero has the divisor's sign.
        assert_eq!((1.0 / rem_f64(-4.0, 2.0), 1.0 / rem_f64(4.0, -2.0)), (INF, -INF));
        assert_eq!((rem_f64(3.0, INF), rem_f64(-3.0, INF), rem_f64(3.0, -INF)), (3.0, INF, -INF));
        assert!(rem_f64(INF, 3.0).is_nan());
        // Of two zeros the second.
        assert_eq!((1.0 / min_f64(0.0, -0.0), 1.0 / max_f64(0.0, -0.0)), (-INF, -INF));
        assert_eq!((1.0 / min_f64(-0.0, 0.0), 1.0 / max_f64(-0.0, 0.0)), (INF, INF));
    }

    #[test]
    fn functions_have_the_bits_that_every_platform_has() {
        assert_eq!(exp_f64(1.0).to_bits(), 0x4005_bf0a_8b14_576a);
        assert_eq!((exp_f64(-INF), log_f64(0.0), tanh_f64(INF)), (0.0, -INF, 1.0));
        assert_eq!((pow_f64(2.0, -1.0), pow_f64(3.0, 2.0), pow_f32(2.0, 0.5)), (0.5, 9.0, SQRT_2));
        assert!(log_f32(-1.0).is_nan() && sin_f32(f32::INFINITY).is_nan());
    }
}
