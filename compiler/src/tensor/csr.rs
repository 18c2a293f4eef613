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
    pub help: &'static str,
}

const SCIPY: &str = "the members `data`, `indices`, `indptr` and `shape` that SciPy's `save_npz` \
                     writes for a `csr_matrix` fit as they are";
const ONCE: &str = "give each place one value; in SciPy, `w.sum_duplicates()` before `save_npz` adds \
                    up those of one place";

/// A matrix in compressed sparse rows, as SciPy's `csr_matrix` has it: row `i` has the values
/// `data[indptr[i]..indptr[i + 1]]` in the columns `indices[…]` of the same places, in any order.
///
/// # Errors
/// What is inconsistent.
pub fn csr(
    data: &Tensor,
    indices: &Tensor,
    indptr: &Tensor,
    shape: &[usize],
) -> Result<Sparse, Inconsistent> {
    let wrong = |why: String| Err(Inconsistent { why, help: SCIPY });
    let &[rows, columns] = shape else {
        return wrong(format!("a sparse matrix has the shape [targets, sources], not {shape:?}"));
    };
    if !representable(shape) || data.len() > MOST {
        return wrong(format!(
            "a matrix of shape {shape:?} with {} entries is too large",
            data.len()
        ));
    }
    let (Values::Int(indices), Values::Int(indptr)) = (&indices.values, &indptr.values) else {
        return wrong("`indices` and `indptr` are whole numbers".into());
    };
    if indices.len() != data.len() {
        return wrong(format!("there are {} data but {} indices", data.len(), indices.len()));
    }
    if indptr.len() != rows + 1 {
        return wrong(format!(
            "{rows} rows need an `indptr` of {}, not {}",
            rows + 1,
            indptr.len()
        ));
    }
    let whole = indptr.first() == Some(&0) && indptr.last() == Some(&(data.len() as i64));
    if !whole || !indptr.is_sorted() {
        return wrong(format!("`indptr` does not ascend from 0 to the {} entries", data.len()));
    }
    let mut places = Places::for_rows(rows);
    let mut order: Vec<u32> = Vec::with_capacity(data.len());
    for (row, ends) in indptr.windows(2).enumerate() {
        let begin = order.len();
        order.extend(ends[0] as u32..ends[1] as u32);
        order[begin..].sort_by_key(|at| indices[*at as usize]);
        let mut before = None;
        for at in &order[begin..] {
            let column = indices[*at as usize];
            if !usize::try_from(column).is_ok_and(|c| c < columns) {
                return wrong(format!("row {row} has an index {column}, outside 0..{columns}"));
            }
            if before.replace(column) == Some(column) {
                let why = format!("row {row} has column {column} twice");
                return Err(Inconsistent { why, help: ONCE });
            }
            places.push(row, column as u32);
        }
    }
    let (shape, places) = (shape.to_vec(), places.done());
    Ok(match &data.values {
        Values::Float(v) => Sparse::floats(shape, places, |at, _| v[order[at] as usize]),
        Values::Int(v) => {
            let bounds = data.int_bounds().unwrap_or((0, 0));
            Sparse::ints(shape, places, |at, _| v[order[at] as usize], bounds)
        }
        Values::Bool(v) => {
            Sparse::ints(shape, places, |at, _| v[order[at] as usize].into(), (0, 1))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(data: Tensor, indices: &[i64], indptr: &[i64]) -> Result<Sparse, String> {
        let of = |v: &[i64]| Tensor::int(vec![v.len()], v.to_vec());
        csr(&data, &of(indices), &of(indptr), &[2, 3]).map_err(|wrong| wrong.why)
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
