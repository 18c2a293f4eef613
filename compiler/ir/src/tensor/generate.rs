//! Generated data: constant arrays that a program describes instead of loading.
//!
//! Random values are pure functions of a seed and the element's position in C order, so they
//! are the same on every platform and whatever computes them first. The generator mixes a
//! counter with SplitMix64's finaliser (G. Steele, D. Lea, C. Flood, "Fast splittable
//! pseudorandom number generators", OOPSLA 2014). Floats are made with the four operations
//! and the square root only, which IEEE 754 defines to the last bit; no platform's logarithm
//! is involved.

use super::sparse::{Places, Sparse, representable};
use super::{Constant, Tensor, Values};
use std::sync::Arc;

/// The most elements of a generated array (2 GiB of them), and the most entries of a sparse one.
pub const MOST: usize = 1 << 28;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Bool(bool),
}

/// From where random values are drawn: the lower bound is included, the upper is not (as in
/// Rust's `lo..hi` and in NumPy).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Integers.
    Int(i64, i64),
    /// Floats. The upper bound itself can come where a sum rounds up to it.
    Float(f64, f64),
}

/// Which entries of a sparse matrix are not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Connectivity {
    /// Each with this probability, independently.
    Probability(f64),
    /// In each row (that is, for each target) this many, all different.
    FanIn(usize),
}

/// Why an array cannot be generated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// Beyond [`MOST`].
    #[error("an array of shape {0:?} has more than {MOST} elements")]
    TooLarge(Vec<usize>),
    /// More entries than [`MOST`].
    #[error("a sparse array of shape {0:?} and this connectivity has more than {MOST} entries")]
    TooMany(Vec<usize>),
    /// The lower bound is not below the upper, or one is not a number.
    #[error("the range {0}..{1} holds no values (the upper bound is not included)")]
    EmptyRange(String, String),
    /// Not in 0..=1.
    #[error("a probability lies between 0 and 1, {0} does not")]
    Probability(f64),
    /// Negative or not a number, or the mean is not.
    #[error(
        "a normal distribution has a finite mean and a deviation of at least 0, not {0} and {1}"
    )]
    Normal(f64, f64),
    /// More than there are columns.
    #[error("a fan-in of {0} needs as many columns, there are {1}")]
    FanIn(usize, usize),
    /// Not two-dimensional.
    #[error("a sparse matrix has the shape [targets, sources], not {0:?}")]
    NotMatrix(Vec<usize>),
}

/// Zeros, as integers.
///
/// # Errors
/// [`GenerateError::TooLarge`].
pub fn zeros(shape: &[usize]) -> Result<Constant, GenerateError> {
    full(shape, Scalar::Int(0))
}

/// The same value everywhere; a matrix beyond [`MOST`] elements is sparse.
///
/// # Errors
/// [`GenerateError::TooLarge`].
pub fn full(shape: &[usize], value: Scalar) -> Result<Constant, GenerateError> {
    let of = |n: usize| match value {
        Scalar::Int(v) => Values::Int(vec![v; n]),
        Scalar::Float(v) => Values::Float(vec![v; n]),
        Scalar::Bool(v) => Values::Bool(vec![v; n]),
    };
    match elements(shape) {
        Ok(n) => Ok(Constant::Dense(Arc::new(Tensor { shape: shape.to_vec(), values: of(n) }))),
        Err(_) if representable(shape) => {
            let value = Tensor { shape: Vec::new(), values: of(1) };
            Ok(Constant::Sparse(Arc::new(Sparse::uniform(shape.to_vec(), &value))))
        }
        Err(too_large) => Err(too_large),
    }
}

/// Ones on the diagonal of `[n, n]`, zeros elsewhere, as integers.
///
/// # Errors
/// [`GenerateError::TooLarge`].
pub fn eye(n: usize) -> Result<Sparse, GenerateError> {
    let shape = matrix(&[n, n])?;
    let places = Places { starts: (0..=n as u32).collect(), columns: (0..n as u32).collect() };
    Ok(Sparse::ints(shape, places, |_, _| 1, (1, 1)))
}

/// `0, 1, …, n - 1`.
///
/// # Errors
/// [`GenerateError::TooLarge`].
pub fn arange(n: usize) -> Result<Tensor, GenerateError> {
    let n = elements(&[n])?;
    Ok(Tensor::int(vec![n], (0..n as i64).collect()))
}

/// Values equally likely over a range: integers where it is one of integers.
///
/// # Errors
/// [`GenerateError::TooLarge`], [`GenerateError::EmptyRange`].
pub fn uniform(range: Range, shape: &[usize], seed: u64) -> Result<Tensor, GenerateError> {
    let n = elements(shape)?;
    range.check()?;
    let draws = (0..n as u64).map(|i| Draws::new(seed, i));
    let values = match range {
        Range::Int(lo, hi) => Values::Int(draws.map(|d| d.int(VALUE, lo, hi)).collect()),
        Range::Float(lo, hi) => Values::Float(draws.map(|d| d.float(VALUE, lo, hi)).collect()),
    };
    Ok(Tensor { shape: shape.to_vec(), values })
}

/// Floats of a normal distribution, by Marsaglia's polar method (SIAM Review 6, 1964).
///
/// # Errors
/// [`GenerateError::TooLarge`], [`GenerateError::Normal`].
pub fn normal(mean: f64, std: f64, shape: &[usize], seed: u64) -> Result<Tensor, GenerateError> {
    let n = elements(shape)?;
    if !(mean.is_finite() && std.is_finite() && std >= 0.0) {
        return Err(GenerateError::Normal(mean, std));
    }
    let values = (0..n as u64).map(|i| mean + std * Draws::new(seed, i).normal()).collect();
    Ok(Tensor::float(shape.to_vec(), values))
}

/// The seed of the array of that number, of several that have one seed: the first has that itself.
pub fn seed_of(seed: u64, number: u64) -> u64 {
    if number == 0 { seed } else { Draws::new(seed, number).bits(0) }
}

/// Booleans that are true with probability `p`.
///
/// # Errors
/// [`GenerateError::TooLarge`], [`GenerateError::Probability`].
pub fn bernoulli(p: f64, shape: &[usize], seed: u64) -> Result<Tensor, GenerateError> {
    let n = elements(shape)?;
    probability(p)?;
    let values = (0..n as u64).map(|i| Draws::new(seed, i).unit(VALUE) < p).collect();
    Ok(Tensor::bool(shape.to_vec(), values))
}

/// A matrix `[targets, sources]` that is zero except at random places, where it has values of
/// `weights` (which are 0 too where the range has 0).
///
/// Its work is proportional to the number of these places.
///
/// # Errors
/// [`GenerateError::NotMatrix`], [`GenerateError::TooMany`] and those of the other functions.
pub fn sparse(
    shape: &[usize],
    connectivity: Connectivity,
    weights: Range,
    seed: u64,
) -> Result<Sparse, GenerateError> {
    let shape = matrix(shape)?;
    weights.check()?;
    let places = match connectivity {
        Connectivity::Probability(p) => by_probability(&shape, p, seed)?,
        Connectivity::FanIn(k) => by_fan_in(&shape, k, seed)?,
    };
    let draws = |position| Draws::new(seed, position as u64);
    Ok(match weights {
        Range::Int(lo, hi) => {
            let value = |_, position| draws(position).int(VALUE, lo, hi);
            Sparse::ints(shape, places, value, (lo, hi - 1))
        }
        Range::Float(lo, hi) => {
            Sparse::floats(shape, places, |_, position| draws(position).float(VALUE, lo, hi))
        }
    })
}

/// Each place of a matrix with probability `p`. The distance to the next place is drawn, whose
/// distribution is geometric (L. Devroye, "Non-Uniform Random Variate Generation", 1986, X.2).
fn by_probability(shape: &[usize], p: f64, seed: u64) -> Result<Places, GenerateError> {
    probability(p)?;
    let too_many = || GenerateError::TooMany(shape.to_vec());
    let (rows, columns) = (shape[0], shape[1]);
    if p * rows as f64 * columns as f64 > MOST as f64 {
        return Err(too_many());
    }
    // ln(1 - p), also where 1 - p would round to 1.
    let miss = if p < 1e-8 { -p - p * p / 2.0 } else { ln(1.0 - p) };
    let mut places = Places::for_rows(rows);
    for row in 0..if p > 0.0 { rows } else { 0 } {
        let draws = Draws::new(seed, row as u64);
        let mut column = 0;
        for draw in NEXT.. {
            // How many places are passed over; none where p is 1.
            let passed = if p < 1.0 { ln(1.0 - draws.unit(draw)) / miss } else { 0.0 };
            if passed >= (columns - column) as f64 {
                break;
            }
            column += passed as usize;
            places.push(row, column as u32);
            column += 1;
        }
        if places.columns.len() > MOST {
            return Err(too_many());
        }
    }
    Ok(places.done())
}

/// `k` places in each row of a matrix.
fn by_fan_in(shape: &[usize], k: usize, seed: u64) -> Result<Places, GenerateError> {
    let (rows, columns) = (shape[0], shape[1]);
    if k > columns {
        return Err(GenerateError::FanIn(k, columns));
    }
    if rows.checked_mul(k).is_none_or(|n| n > MOST) {
        return Err(GenerateError::TooMany(shape.to_vec()));
    }
    let mut places = Places::for_rows(rows);
    let mut taken = vec![0u64; columns / 64 + 1];
    let mut kept: Vec<u32> = Vec::with_capacity(k);
    for row in 0..rows {
        // R. Floyd's sampling without replacement: each column added either is new or stands in
        // for one drawn before.
        for last in columns - k..columns {
            let draws = Draws::new(seed, (row * columns + last) as u64);
            let drawn = draws.int(PLACE, 0, last as i64 + 1) as usize;
            let is_taken = taken[drawn / 64] >> (drawn % 64) & 1 == 1;
            let column = if is_taken { last } else { drawn };
            taken[column / 64] |= 1 << (column % 64);
            kept.push(column as u32);
        }
        kept.sort_unstable();
        for column in kept.drain(..) {
            taken[column as usize / 64] = 0;
            places.push(row, column);
        }
    }
    Ok(places.done())
}

/// The shape of a matrix that can be sparse.
fn matrix(shape: &[usize]) -> Result<Vec<usize>, GenerateError> {
    match shape {
        [_, _] if representable(shape) => Ok(shape.to_vec()),
        [_, _] => Err(GenerateError::TooLarge(shape.to_vec())),
        _ => Err(GenerateError::NotMatrix(shape.to_vec())),
    }
}

impl Range {
    fn check(self) -> Result<(), GenerateError> {
        let (fits, lo, hi) = match self {
            Range::Int(lo, hi) => (lo < hi, lo.to_string(), hi.to_string()),
            Range::Float(lo, hi) => {
                (lo < hi && lo.is_finite() && hi.is_finite(), lo.to_string(), hi.to_string())
            }
        };
        if fits { Ok(()) } else { Err(GenerateError::EmptyRange(lo, hi)) }
    }
}

fn probability(p: f64) -> Result<(), GenerateError> {
    if (0.0..=1.0).contains(&p) { Ok(()) } else { Err(GenerateError::Probability(p)) }
}

fn elements(shape: &[usize]) -> Result<usize, GenerateError> {
    shape
        .iter()
        .try_fold(1usize, |product, &n| product.checked_mul(n))
        .filter(|&n| n <= MOST)
        .ok_or_else(|| GenerateError::TooLarge(shape.to_vec()))
}

/// The draw that decides an element's value, …
const VALUE: u64 = 0;
/// … and the one that decides whether it is there.
const PLACE: u64 = 1;
/// … and, of a row, those from which on its places are found one after the other.
const NEXT: u64 = 2;

/// The random numbers of one element.
#[derive(Clone, Copy)]
struct Draws(u64);

/// 2^64 divided by the golden ratio: SplitMix64's increment.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draws {
    fn new(seed: u64, element: u64) -> Draws {
        Draws(mix(mix(seed).wrapping_add(element.wrapping_mul(INCREMENT))))
    }

    /// 64 bits.
    fn bits(self, draw: u64) -> u64 {
        mix(self.0.wrapping_add((draw + 1).wrapping_mul(INCREMENT)))
    }

    /// In [0, 1), a multiple of 2^-53.
    fn unit(self, draw: u64) -> f64 {
        (self.bits(draw) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// In `lo..hi`, not empty. Values differ in probability by less than 2^-64.
    fn int(self, draw: u64, lo: i64, hi: i64) -> i64 {
        let span = hi.wrapping_sub(lo) as u64;
        let offset = (u128::from(self.bits(draw)) * u128::from(span)) >> 64;
        lo.wrapping_add(offset as i64)
    }

    fn float(self, draw: u64, lo: f64, hi: f64) -> f64 {
        let u = self.unit(draw);
        // Not lo + u * (hi - lo): that difference can overflow.
        lo * (1.0 - u) + hi * u
    }

    /// Mean 0, deviation 1.
    fn normal(self) -> f64 {
        // A point in the unit disk comes within 64 trials, except once in 10^42 times.
        for trial in 0..64 {
            let u = self.float(2 * trial, -1.0, 1.0);
            let v = self.float(2 * trial + 1, -1.0, 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * ln(s) / s).sqrt();
            }
        }
        0.0
    }
}

/// SplitMix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(INCREMENT);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The natural logarithm of a positive normal number, the same on every platform; within a
/// few units in the last place.
fn ln(x: f64) -> f64 {
    // x = m · 2^e with m in [√½, √2), then ln m = 2 artanh((m - 1) / (m + 1)).
    let bits = x.to_bits();
    let mut e = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if m >= std::f64::consts::SQRT_2 {
        m *= 0.5;
        e += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    // |s| < 0.172, so that s^25 is below the last place.
    let series = (0..12).rev().fold(0.0, |sum, k| sum * s * s + 1.0 / f64::from(2 * k + 1));
    e as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(s: Sparse) -> Tensor {
        s.dense().unwrap()
    }

    fn ints(t: Tensor) -> Vec<i64> {
        match t.values {
            Values::Int(v) => v,
            other => panic!("not integers: {other:?}"),
        }
    }

    fn floats(t: Tensor) -> Vec<f64> {
        match t.values {
            Values::Float(v) => v,
            other => panic!("not floats: {other:?}"),
        }
    }

    #[test]
    fn constants_have_their_shape_and_values() {
        let is = |made: Result<Constant, _>, tensor| {
            assert_eq!(made, Ok(Constant::Dense(Arc::new(tensor))));
        };
        is(zeros(&[2, 3]), Tensor::int(vec![2, 3], vec![0; 6]));
        is(full(&[2], Scalar::Float(0.5)), Tensor::float(vec![2], vec![0.5, 0.5]));
        is(full(&[], Scalar::Bool(true)), Tensor::bool(vec![], vec![true]));
        assert_eq!(ints(dense(eye(3).unwrap())), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(dense(eye(0).unwrap()), Tensor::int(vec![0, 0], vec![]));
        assert_eq!(ints(arange(4).unwrap()), [0, 1, 2, 3]);
    }

    /// The published network files depend on these numbers: they never change.
    #[test]
    fn random_values_are_the_same_for_ever() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "the first output of SplitMix64 from seed 0");
        assert_eq!(
            ints(uniform(Range::Int(-8, 8), &[8], 1).unwrap()),
            [7, -1, 7, 7, -2, 2, -6, -3]
        );
        assert_eq!(
            floats(normal(0.0, 1.0, &[3], 1).unwrap()),
            [0.42455721597584817, -0.8366372456845346, 0.2753893018080497]
        );
    }

    #[test]
    fn different_seeds_give_different_values() {
        let of = |seed| ints(uniform(Range::Int(0, 1 << 40), &[4], seed).unwrap());
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn uniform_integers_fill_the_range_and_never_reach_its_end() {
        let v = ints(uniform(Range::Int(-3, 4), &[100, 100], 7).unwrap());
        for wanted in -3..4 {
            let count = v.iter().filter(|&&x| x == wanted).count();
            assert!((1200..1700).contains(&count), "{wanted}: {count} of 10000");
        }
        assert!(v.iter().all(|x| (-3..4).contains(x)));
    }

    #[test]
    fn uniform_integers_span_all_64_bits() {
        let v = ints(uniform(Range::Int(i64::MIN, i64::MAX), &[1000], 3).unwrap());
        assert!(v.iter().any(|&x| x < i64::MIN / 2) && v.iter().any(|&x| x > i64::MAX / 2));
    }

    #[test]
    fn normal_values_have_the_mean_and_deviation_asked_for() {
        let v = floats(normal(5.0, 2.0, &[100_000], 11).unwrap());
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        let variance = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64;
        assert!((mean - 5.0).abs() < 0.03, "mean {mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.03, "deviation {}", variance.sqrt());
        let beyond_2 = v.iter().filter(|x| (**x - 5.0).abs() > 4.0).count();
        assert!((4200..4900).contains(&beyond_2), "4.55 % lie beyond 2 deviations: {beyond_2}");
    }

    #[test]
    fn the_logarithm_is_accurate() {
        for x in [1e-300, 1e-9, 0.3, 0.5, 0.7, 0.999_999, 1.0, 1.5, 2.0, 1e300] {
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1e-6), "{x}");
        }
    }

    #[test]
    fn bernoulli_is_true_as_often_as_asked() {
        let count = |p| match bernoulli(p, &[10_000], 5).unwrap().values {
            Values::Bool(v) => v.iter().filter(|&&b| b).count(),
            other => panic!("not booleans: {other:?}"),
        };
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((1900..2100).contains(&count(0.2)));
    }

    #[test]
    fn sparse_by_probability_has_about_that_many_entries() {
        let of = |p| sparse(&[200, 300], Connectivity::Probability(p), Range::Int(1, 9), 1);
        assert_eq!((of(0.0).unwrap().stored(), of(1.0).unwrap().stored()), (0, 60_000));
        let v = ints(dense(of(0.02).unwrap()));
        let entries = v.iter().filter(|&&w| w != 0).count();
        assert!((1050..1350).contains(&entries), "2 % of 60000: {entries}");
        assert!(v.iter().all(|w| (0..9).contains(w)));
    }

    #[test]
    fn sparse_by_fan_in_has_exactly_that_many_in_each_row() {
        for k in [0, 1, 7, 20] {
            let m = sparse(&[50, 20], Connectivity::FanIn(k), Range::Float(1.0, 2.0), 9).unwrap();
            for row in floats(dense(m)).chunks(20) {
                assert_eq!(row.iter().filter(|w| **w != 0.0).count(), k);
            }
        }
    }

    /// Both ways to draw places give each place of a row the same chance.
    #[test]
    fn sparse_places_are_spread_evenly() {
        for connectivity in [Connectivity::Probability(0.25), Connectivity::FanIn(2)] {
            let m = sparse(&[10_000, 8], connectivity, Range::Int(1, 2), 4).unwrap();
            let v = ints(dense(m));
            for column in 0..8 {
                let count: i64 = v.iter().skip(column).step_by(8).sum();
                assert!((2350..2650).contains(&count), "{connectivity:?}, {column}: {count}");
            }
        }
    }

    #[test]
    fn sparse_matrices_may_have_more_places_than_a_dense_one_can() {
        let million = [1_000_000, 1_000_000];
        let m = sparse(&million, Connectivity::FanIn(3), Range::Int(-4, 5), 1).unwrap();
        assert_eq!((m.stored(), m.len()), (3_000_000, 1_000_000_000_000));
        let m = sparse(&million, Connectivity::Probability(1e-6), Range::Int(1, 2), 1).unwrap();
        assert!((995_000..1_005_000).contains(&m.stored()), "{}", m.stored());
        let none = zeros(&million).unwrap();
        assert!(matches!(&none, Constant::Sparse(s) if s.stored() == 0), "{none:?}");
        let dense = sparse(&million, Connectivity::Probability(0.5), Range::Int(1, 2), 1);
        assert_eq!(dense, Err(GenerateError::TooMany(million.to_vec())));
    }

    #[test]
    fn impossible_arrays_are_refused() {
        let huge = [1 << 40, 1 << 40];
        assert_eq!(zeros(&huge), Err(GenerateError::TooLarge(huge.to_vec())));
        assert_eq!(arange(MOST + 1), Err(GenerateError::TooLarge(vec![MOST + 1])));
        assert!(uniform(Range::Int(3, 3), &[1], 0).is_err());
        assert!(uniform(Range::Float(0.0, f64::NAN), &[1], 0).is_err());
        assert!(uniform(Range::Float(0.0, f64::INFINITY), &[1], 0).is_err());
        assert!(normal(0.0, -1.0, &[1], 0).is_err());
        assert_eq!(bernoulli(1.5, &[1], 0), Err(GenerateError::Probability(1.5)));
        let weights = Range::Int(0, 1);
        let too_many = sparse(&[3, 3], Connectivity::FanIn(4), weights, 0);
        assert_eq!(too_many, Err(GenerateError::FanIn(4, 3)));
        let cube = sparse(&[3, 3, 3], Connectivity::FanIn(1), weights, 0);
        assert_eq!(cube, Err(GenerateError::NotMatrix(vec![3, 3, 3])));
    }
}
