//! Arithmetic of remainders.

/// Greatest common divisor; that of 0 and 0 is 0.
pub fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Least common multiple of two numbers that are not 0, where it is below 2^64.
pub fn lcm(a: u64, b: u64) -> Option<u64> {
    (a / gcd(a, b)).checked_mul(b)
}

/// The inverse of `a` modulo `m`; they must have no common divisor. Modulo 1 it is 0.
pub fn inverse(a: u64, m: u64) -> u64 {
    let (mut r, mut s) = ((i128::from(m), i128::from(a % m)), (0i128, 1i128));
    while r.1 != 0 {
        let q = r.0 / r.1;
        r = (r.1, r.0 - q * r.1);
        s = (s.1, s.0 - q * s.1);
    }
    s.0.rem_euclid(i128::from(m)) as u64
}

/// The least number that is `x` modulo `p` and `y` modulo `q`, which must be possible, below
/// the least common multiple of `p` and `q`, which must be below 2^64.
pub fn common(x: u64, p: u64, y: u64, q: u64) -> u64 {
    let g = gcd(p, q);
    let (step, rest) = (p / g, q / g);
    let apart = (i128::from(y) - i128::from(x)).div_euclid(i128::from(g));
    let apart = apart.rem_euclid(i128::from(rest)) as u128;
    let turns = apart * u128::from(inverse(step % rest, rest)) % u128::from(rest);
    // Below p + p·(q/g - 1), the least common multiple.
    x + (u128::from(p) * turns) as u64
}

/// The least `n` with `(a·n + b) mod m` in `lo..=hi`, a range of `0..m`.
pub fn first_within(a: i128, b: i128, m: u64, lo: u64, hi: u64) -> Option<u64> {
    let (m, a, b) = {
        let wide = i128::from(m);
        (u128::from(m), a.rem_euclid(wide) as u128, b.rem_euclid(wide) as u128)
    };
    let (lo, hi) = (u128::from(lo), u128::from(hi));
    if (lo..=hi).contains(&b) {
        return Some(0);
    }
    // The range does not contain `b`, so what is left of it once `b` is taken does not go round.
    let (lo, hi) = ((lo + m - b) % m, (hi + m - b) % m);
    multiple_within(a, m, lo, hi).and_then(|n| u64::try_from(n).ok())
}

/// The least `n` with `a·n mod m` in `lo..=hi`, where `0 < lo <= hi < m` and `a < m`.
fn multiple_within(a: u128, m: u128, lo: u128, hi: u128) -> Option<u128> {
    if a == 0 {
        return None;
    }
    let n = lo.div_ceil(a);
    if a * n <= hi {
        return Some(n);
    }
    // No multiple of `a` lies in the range, so neither do those of `m` cancel: as with the
    // algorithm of Euclid, which multiples of `m` leave what is missing?
    let (from, to) = ((a - hi % a) % a, (a - lo % a) % a);
    let turns = multiple_within(m % a, a, from, to)?;
    Some((lo + m * turns).div_ceil(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_two_remainders() {
        for (p, q) in [(3, 5), (4, 6), (12, 18), (1, 7), (7, 1), (8, 8)] {
            let all = lcm(p, q).unwrap();
            for t in 0..all {
                assert_eq!(common(t % p, p, t % q, q), t, "{t} mod {p} and {q}");
            }
        }
        assert_eq!(common(1, 999_983, 1, 1_000_003), 1);
        assert_eq!(lcm(1 << 40, (1 << 40) - 1), None);
    }

    #[test]
    fn first_remainders_within_a_range() {
        for m in 1..14u64 {
            for a in 0..m as i128 {
                for b in 0..m as i128 {
                    for lo in 0..m {
                        for hi in lo..m {
                            let within = |n: &u64| {
                                (lo..=hi).contains(&(((a * i128::from(*n) + b) as u64) % m))
                            };
                            let found = first_within(a, b, m, lo, hi);
                            assert_eq!(found, (0..m).find(within), "{a} {b} {m} {lo} {hi}");
                        }
                    }
                }
            }
        }
    }
}
