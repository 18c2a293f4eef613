//! What generated code needs besides arithmetic and kernels: indices, rows, counting steps.

use crate::network::Fault;

/// How many of the steps `1..t` (without `t`) are in a set of steps that repeats every
/// `period` (at least 1) steps after its first `prefix`.
pub fn count_before(t: u64, prefix: u64, period: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let count = |from: u64, to: u64| (from..=to).filter(|s| holds(*s)).count() as u64;
    let last = t.saturating_sub(1);
    if last <= prefix {
        return count(1, last);
    }
    let (cycles, rest) = ((last - prefix) / period, (last - prefix) % period);
    let whole = if cycles > 0 { cycles * count(prefix + 1, prefix + period) } else { 0 };
    count(1, prefix) + whole + count(prefix + 1, prefix + rest)
}

/// A slice as an array of the length it is known to have.
///
/// Generated code uses it for tables, whose shape was checked when they were opened.
///
/// # Panics
/// If the slice has another length.
#[inline(always)]
pub fn exact<T, const N: usize>(slice: &[T]) -> &[T; N] {
    match slice.try_into() {
        Ok(array) => array,
        Err(_) => panic!("a table of {} elements where {N} were expected", slice.len()),
    }
}

/// `index` as a position in `0..extent`; `what` is indexed, at step `t`.
///
/// # Errors
/// [`Fault::Index`] if it is outside.
#[inline(always)]
pub fn index(index: i64, extent: usize, what: &'static str, t: u64) -> Result<usize, Fault> {
    match usize::try_from(index) {
        Ok(position) if position < extent => Ok(position),
        _ => Err(Fault::Index { what, index, extent, t }),
    }
}

/// Copies row `row` (of `len` elements each) from one array to another of the same size. A row
/// outside the arrays is not copied: the step that would have written it has failed.
pub fn copy_row<T: Copy>(to: &mut [T], from: &[T], row: i64, len: usize) {
    let start = usize::try_from(row).ok().and_then(|row| row.checked_mul(len));
    let range = start.and_then(|start| Some(start..start.checked_add(len)?));
    if let Some(range) = range
        && let (Some(to), Some(from)) = (to.get_mut(range.clone()), from.get(range))
    {
        to.copy_from_slice(from);
    }
}

/// Copies the elements `part` of row `row`, of rows of `len` elements each; nothing where there
/// is no such row.
pub fn copy_part<T: Copy>(
    to: &mut [T],
    from: &[T],
    row: i64,
    len: usize,
    part: core::ops::Range<usize>,
) {
    let start = usize::try_from(row).ok().and_then(|row| row.checked_mul(len));
    let range =
        start.and_then(|start| Some(start.checked_add(part.start)?..start.checked_add(part.end)?));
    if let Some(range) = range
        && let (Some(to), Some(from)) = (to.get_mut(range.clone()), from.get(range))
    {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_outside_are_faults() {
        assert_eq!(index(4, 5, "x", 1), Ok(4));
        for outside in [-1, 5, i64::MIN, i64::MAX] {
            let fault = Fault::Index { what: "x", index: outside, extent: 5, t: 7 };
            assert_eq!(index(outside, 5, "x", 7), Err(fault));
        }
    }

    #[test]
    fn counting_steps_equals_enumerating_them() {
        let holds = |t: u64| t == 2 || (t > 4 && t % 5 == 1);
        for t in 1..60 {
            let enumerated = (1..t).filter(|s| holds(*s)).count() as u64;
            assert_eq!(count_before(t, 4, 5, holds), enumerated);
        }
    }

    #[test]
    fn rows_outside_are_not_copied() {
        let mut to = [0; 6];
        for row in [1, 3, -1, i64::MAX] {
            copy_row(&mut to, &[1, 2, 3, 4, 5, 6], row, 2);
        }
        assert_eq!(to, [0, 0, 3, 4, 0, 0]);
    }

    #[test]
    fn slices_become_arrays() {
        assert_eq!(exact::<i32, 2>(&[1, 2]), &[1, 2]);
    }

    #[test]
    fn parts_of_rows_are_copied() {
        let from = [1, 2, 3, 4, 5, 6];
        let mut to = [0; 6];
        copy_part(&mut to, &from, 1, 3, 1..3);
        assert_eq!(to, [0, 0, 0, 0, 5, 6]);
        for outside in [-1, 2, i64::MAX] {
            copy_part(&mut to, &from, outside, 3, 0..3);
        }
        assert_eq!(to, [0, 0, 0, 0, 5, 6]);
    }
}
