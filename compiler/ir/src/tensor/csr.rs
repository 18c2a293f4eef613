//! Sparse matrices from the three arrays in which they are commonly stored.

use super::generate::MOST;
use super::sparse::{Places, Sparse, representable};
use super::{Tensor, Values};

/// Why three arrays make no matrix.
#[derive(Debug)]
pub struct Inconsistent {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub help: String,
}

const ONCE: &str = "give each place one value; in SciPy, `w.sum_duplicates()` before `save_npz` adds \
                    up those of one place";

/// What the arrays of a sparse matrix go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Rows, as in SciPy's `csr_matrix`.
    Rows,
    /// Columns, as in its `csc_matrix`.
    Columns,
}

/// A compressed sparse matrix, as SciPy has it. In the order of rows, row `i` has the values
/// `data[indptr[i]..indptr[i + 1]]` in the columns `indices[…]` of the same places, in any order;
/// in the order of columns it is the other way round.
///
/// # Errors
/// What is inconsistent.
pub fn compressed(
    order: Order,
    data: &Tensor,
    indices: &Tensor,
    indptr: &Tensor,
    shape: &[usize],
) -> Result<Sparse, Inconsistent> {
    let stored: Vec<usize> = match order {
        Order::Rows => shape.to_vec(),
        Order::Columns => shape.iter().rev().copied().collect(),
    };
    // Of what is compressed there are so many lines, each with so many places.
    let (line, place, name, other) = match order {
        Order::Rows => ("row", "column", "csr", "csc"),
        Order::Columns => ("column", "row", "csc", "csr"),
    };
    let wrong = |why: String| {
        let help = format!(
            "the members `data`, `indices`, `indptr` and `shape` that SciPy's `save_npz` writes for \
             a `{name}_matrix` fit as they are"
        );
        Err(Inconsistent { why, help })
    };
    let &[rows, columns] = stored.as_slice() else {
        return wrong(format!("a sparse matrix has the shape [targets, sources], not {shape:?}"));
    };
    let too_large =
        || format!("a matrix of shape {shape:?} with {} entries is too large", data.len());
    if !representable(&stored) || data.len() > MOST {
        return wrong(too_large());
    }
    let (Values::Int(indices), Values::Int(indptr)) = (&indices.values, &indptr.values) else {
        return wrong("`indices` and `indptr` are whole numbers".into());
    };
    if indices.len() != data.len() {
        return wrong(format!("there are {} data but {} indices", data.len(), indices.len()));
    }
    if indptr.len() != rows + 1 {
        let why = format!("{rows} {line}s need an `indptr` of {}, not {}", rows + 1, indptr.len());
        if indptr.len() == columns + 1 {
            let help = format!("for an `indptr` of {columns} {place}s write `{other}(…)`");
            return Err(Inconsistent { why, help });
        }
        return wrong(why);
    }
    let whole = indptr.first() == Some(&0) && indptr.last() == Some(&(data.len() as i64));
    if !whole || !indptr.is_sorted() {
        return wrong(format!("`indptr` does not ascend from 0 to the {} entries", data.len()));
    }
    let mut places = Places::for_rows(rows);
    let mut sorted: Vec<u32> = Vec::with_capacity(data.len());
    for (row, ends) in indptr.windows(2).enumerate() {
        let begin = sorted.len();
        sorted.extend(ends[0] as u32..ends[1] as u32);
        sorted[begin..].sort_by_key(|at| indices[*at as usize]);
        let mut before = None;
        for at in &sorted[begin..] {
            let column = indices[*at as usize];
            if !usize::try_from(column).is_ok_and(|c| c < columns) {
                return wrong(format!("{line} {row} has an index {column}, outside 0..{columns}"));
            }
            if before.replace(column) == Some(column) {
                let why = format!("{line} {row} has {place} {column} twice");
                return Err(Inconsistent { why, help: ONCE.to_owned() });
            }
            places.push(row, column as u32);
        }
    }
    let places = places.done();
    let lines = match &data.values {
        Values::Float(v) => Sparse::floats(stored, places, |at, _| v[sorted[at] as usize]),
        Values::Int(v) => {
            let bounds = data.int_bounds().unwrap_or((0, 0));
            Sparse::ints(stored, places, |at, _| v[sorted[at] as usize], bounds)
        }
        Values::Bool(v) => {
            Sparse::ints(stored, places, |at, _| v[sorted[at] as usize].into(), (0, 1))
        }
    };
    Ok(match order {
        Order::Rows => lines,
        Order::Columns => match lines.transpose() {
            Some(columns) => columns,
            None => return wrong(too_large()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(data: Tensor, indices: &[i64], indptr: &[i64]) -> Result<Sparse, String> {
        let of = |v: &[i64]| Tensor::int(vec![v.len()], v.to_vec());
        compressed(Order::Rows, &data, &of(indices), &of(indptr), &[2, 3])
            .map_err(|wrong| wrong.why)
    }

    /// As SciPy has the transposed matrix: the same arrays, the other order.
    #[test]
    fn columns_of_a_matrix_are_the_rows_of_its_transpose() {
        let of = |v: &[i64]| Tensor::int(vec![v.len()], v.to_vec());
        let by = |order, shape: [usize; 2]| {
            let (data, indices, indptr) = (of(&[5, -7, 9]), of(&[2, 0, 1]), of(&[0, 2, 3]));
            compressed(order, &data, &indices, &indptr, &shape)
        };
        let rows = by(Order::Rows, [2, 3]).unwrap().dense();
        assert_eq!(rows, Some(Tensor::int(vec![2, 3], vec![-7, 0, 5, 0, 9, 0])));
        let columns = by(Order::Columns, [3, 2]).unwrap().dense();
        assert_eq!(columns, Some(Tensor::int(vec![3, 2], vec![-7, 0, 0, 9, 5, 0])));
        let wrong = by(Order::Columns, [2, 3]).unwrap_err();
        assert_eq!(wrong.why, "3 columns need an `indptr` of 4, not 3");
        assert_eq!(wrong.help, "for an `indptr` of 2 rows write `csr(…)`");
    }

    #[test]
    fn rows_may_be_in_any_order_within() {
        let data = Tensor::int(vec![3], vec![5, -7, 70_000]);
        let dense = made(data, &[2, 0, 1], &[0, 2, 3]).unwrap().dense();
        assert_eq!(dense, Some(Tensor::int(vec![2, 3], vec![-7, 0, 5, 0, 70_000, 0])));
        let data = Tensor::float(vec![1], vec![0.5]);
        let dense = made(data, &[1], &[0, 0, 1]).unwrap().dense();
        assert_eq!(dense, Some(Tensor::float(vec![2, 3], vec![0.0, 0.0, 0.0, 0.0, 0.5, 0.0])));
    }

    #[test]
    fn inconsistent_arrays_are_refused() {
        let data = |n: usize| Tensor::int(vec![n], vec![1; n]);
        let why = |made: Result<Sparse, String>| made.unwrap_err();
        assert!(why(made(data(2), &[0], &[0, 1, 1])).contains("2 data but 1 indices"));
        assert!(why(made(data(1), &[3], &[0, 1, 1])).contains("outside 0..3"));
        assert!(why(made(data(1), &[-1], &[0, 1, 1])).contains("outside 0..3"));
        assert!(why(made(data(2), &[1, 1], &[0, 2, 2])).contains("column 1 twice"));
        assert!(why(made(data(1), &[1], &[0, 1])).contains("`indptr` of 3"));
        assert!(why(made(data(1), &[1], &[0, 2, 1])).contains("does not ascend"));
        assert!(why(made(data(1), &[1], &[0, -5, 1])).contains("does not ascend"));
    }
}
