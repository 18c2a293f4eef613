//! The number types that kernels compute with.

/// A type of weights, accumulators or outputs.
pub trait Number: Copy + Default + PartialEq + Send + Sync + 'static {
    /// Sum; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// Product; integers wrap.
    fn times(self, other: Self) -> Self;
    /// `2^exponent`, of which integers keep the low bits. `exponent` is below 64.
    fn power_of_two(exponent: u32) -> Self;
}

/// A number that converts to `To` as Rust's `as` does: integers keep their low bits.
pub trait Payload<To>: Number {
    /// The converted number.
    fn convert(self) -> To;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn power_of_two(exponent: u32) -> Self {
                (1_u64 << exponent) as $t
            }
        }
    )*};
}

macro_rules! floats {
    ($($t:ty),*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn power_of_two(exponent: u32) -> Self {
                (1_u64 << exponent) as $t
            }
        }
    )*};
}

macro_rules! payloads {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        impl Payload<$to> for $from {
            #[inline(always)]
            fn convert(self) -> $to {
                self as $to
            }
        }
    )*)*};
}

integers!(i8, u8, i16, u16, i32, u32, i64);
floats!(f32, f64);
payloads! {
    i8 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    u8 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    i16 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    u16 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    i32 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    u32 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    i64 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    f32 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
    f64 => i8 u8 i16 u16 i32 u32 i64 f32 f64;
}
