//! Pseudo-random numbers, the same on every platform.

/// SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number in `0..end`, 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// Puts a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    /// About exponentially distributed, mean 1.04. Minus the base-2 logarithm of a uniform number,
    /// linear between powers of two: no library's logarithm, so the same everywhere.
    pub fn exponential(&mut self) -> f64 {
        let bits = self.bits();
        let zeros = bits.leading_zeros().min(52);
        let mantissa = (bits << zeros) as f64 / 9_223_372_036_854_775_808.0;
        (f64::from(zeros) + 2.0 - mantissa) * std::f64::consts::LN_2
    }
}
