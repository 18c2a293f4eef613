//! 32 lanes of 16 bits: one cache line of packed weights, in the machine's registers.
//!
//! Whatever the registers, results are the same: all operations act on each lane alone.

/// One cache line of 16-bit lanes in memory, aligned so that loading never crosses lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Line(pub [u16; 32]);

pub use implementation::Lanes;

#[cfg(all(target_arch = "x86_64", target_feature = "avx512bw"))]
mod implementation {
    use super::Line;
    use core::arch::x86_64::*;

    /// 32 lanes in one register.
    #[derive(Clone, Copy)]
    pub struct Lanes(__m512i);

    impl Lanes {
        /// All zero.
        #[inline(always)]
        pub fn zero() -> Lanes {
            // SAFETY: the feature is enabled for the whole program (cfg above).
            Lanes(unsafe { _mm512_setzero_si512() })
        }

        /// The lanes of a line.
        #[inline(always)]
        pub fn load(line: &Line) -> Lanes {
            // SAFETY: feature as above; a line is 64 bytes, aligned to 64.
            Lanes(unsafe { _mm512_load_si512(line.0.as_ptr().cast()) })
        }

        /// Sums; each wraps at 16 bits.
        #[inline(always)]
        pub fn plus(self, other: Lanes) -> Lanes {
            // SAFETY: feature as above.
            Lanes(unsafe { _mm512_add_epi16(self.0, other.0) })
        }

        /// The upper byte of each lane, sign-extended.
        #[inline(always)]
        pub fn upper(self) -> Lanes {
            // SAFETY: feature as above.
            Lanes(unsafe { _mm512_srai_epi16::<8>(self.0) })
        }

        /// The lanes as numbers.
        #[inline(always)]
        pub fn numbers(self) -> [u16; 32] {
            // SAFETY: both are 64 bytes without padding, and every bit pattern is valid.
            unsafe { core::mem::transmute(self.0) }
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "avx2", not(target_feature = "avx512bw")))]
mod implementation {
    use super::Line;
    use core::arch::x86_64::*;

    /// 32 lanes in two registers.
    #[derive(Clone, Copy)]
    pub struct Lanes([__m256i; 2]);

    impl Lanes {
        /// All zero.
        #[inline(always)]
        pub fn zero() -> Lanes {
            // SAFETY: the feature is enabled for the whole program (cfg above).
            Lanes(unsafe { [_mm256_setzero_si256(); 2] })
        }

        /// The lanes of a line.
        #[inline(always)]
        pub fn load(line: &Line) -> Lanes {
            let start = line.0.as_ptr().cast::<__m256i>();
            // SAFETY: feature as above; a line is 64 bytes, aligned to 64.
            Lanes(unsafe { [_mm256_load_si256(start), _mm256_load_si256(start.add(1))] })
        }

        /// Sums; each wraps at 16 bits.
        #[inline(always)]
        pub fn plus(self, other: Lanes) -> Lanes {
            let ([a, b], [c, d]) = (self.0, other.0);
            // SAFETY: feature as above.
            Lanes(unsafe { [_mm256_add_epi16(a, c), _mm256_add_epi16(b, d)] })
        }

        /// The upper byte of each lane, sign-extended.
        #[inline(always)]
        pub fn upper(self) -> Lanes {
            // SAFETY: feature as above.
            Lanes(self.0.map(|half| unsafe { _mm256_srai_epi16::<8>(half) }))
        }

        /// The lanes as numbers.
        #[inline(always)]
        pub fn numbers(self) -> [u16; 32] {
            // SAFETY: both are 64 bytes without padding, and every bit pattern is valid.
            unsafe { core::mem::transmute(self.0) }
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "avx2")))]
mod implementation {
    use super::Line;

    /// 32 lanes that the compiler places in registers.
    #[derive(Clone, Copy)]
    pub struct Lanes([u16; 32]);

    impl Lanes {
        /// All zero.
        #[inline(always)]
        pub fn zero() -> Lanes {
            Lanes([0; 32])
        }

        /// The lanes of a line.
        #[inline(always)]
        pub fn load(line: &Line) -> Lanes {
            Lanes(line.0)
        }

        /// Sums; each wraps at 16 bits.
        #[inline(always)]
        pub fn plus(mut self, other: Lanes) -> Lanes {
            for (a, b) in self.0.iter_mut().zip(other.0) {
                *a = a.wrapping_add(b);
            }
            self
        }

        /// The upper byte of each lane, sign-extended.
        #[inline(always)]
        pub fn upper(self) -> Lanes {
            Lanes(self.0.map(|lane| ((lane as i16) >> 8) as u16))
        }

        /// The lanes as numbers.
        #[inline(always)]
        pub fn numbers(self) -> [u16; 32] {
            self.0
        }
    }
}
