//! Random numbers that depend on nothing but where and when they are drawn.
//!
//! There is no generator state: a number is a hash of its coordinates. So a run gives the same
//! numbers whatever the order of execution, the number of threads, or the step it begins at.

/// A number in [0, 1), a multiple of 2⁻⁵³, uniformly distributed over its coordinates.
///
/// `seed` comes from the source, `site` tells uses of randomness apart ([`stream`]), `t` is the
/// step, and `position` the element (in C order of the shape it is drawn for).
///
/// # Source
/// The finaliser of SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014), applied after each coordinate.
#[inline(always)]
pub fn uniform(seed: u64, site: u64, t: u64, position: u64) -> f64 {
    let stream = mix(mix(seed) ^ site);
    let bits = mix(mix(stream ^ t) ^ position);
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// What tells the uses of randomness of a network apart: the dotted path of the process, and
/// the number of the call of `random` in the text of its model, from 0.
///
/// The bytes of the path (UTF-8) and then the number go one after the other through the same
/// finaliser, from 0.
pub fn stream(path: &str, call: u32) -> u64 {
    let path = path.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
    mix(path ^ u64::from(call))
}

#[inline(always)]
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The values of `spec/semantics.md`.
    #[test]
    fn numbers_are_those_of_the_spec() {
        let upper = |seed, path, call, t, position| {
            uniform(seed, stream(path, call), t, position) * (1_u64 << 53) as f64
        };
        assert_eq!(upper(1, "net.cells", 0, 1, 0), 6_796_016_524_194_150.0);
        assert_eq!(upper(1, "net.cells", 1, 1, 0), 6_254_204_973_244_432.0);
        assert_eq!(upper(7, "noise", 0, 100, 3), 4_042_167_673_050_798.0);
    }

    #[test]
    fn streams_differ_by_path_and_call() {
        let all = [stream("", 0), stream("", 1), stream("a", 0), stream("b", 0), stream("ab", 0)];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn numbers_are_uniform_and_differ_in_every_coordinate() {
        let n = 20_000_u64;
        let draws: Vec<f64> = (0..n).map(|i| uniform(7, 0, 1 + i / 100, i % 100)).collect();
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
        let mean = draws.iter().sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
        for tenth in 0..10 {
            let low = f64::from(tenth) / 10.0;
            let share = draws.iter().filter(|x| (low..low + 0.1).contains(*x)).count();
            assert!((1800..2200).contains(&share), "{share} of 20000 in a tenth");
        }
        let one = uniform(1, 2, 3, 4);
        assert_eq!(one, uniform(1, 2, 3, 4));
        for other in
            [uniform(2, 2, 3, 4), uniform(1, 3, 3, 4), uniform(1, 2, 4, 4), uniform(1, 2, 3, 5)]
        {
            assert_ne!(one, other);
        }
    }
}
