//! Sparse arrays against the dense arrays that they stand for.

use crate::types::TExpr;
use snn_ir::scalar::Op;
use snn_ir::step::{Kind, ReduceOp};
use snn_ir::tensor::generate::{Connectivity, Range, sparse};
use snn_ir::tensor::sparse::Places;
use snn_ir::tensor::{Sparse, Tensor, Values, Weights, ops};

fn drawn(shape: [usize; 2], p: f64, range: (i64, i64), seed: u64) -> Sparse {
    sparse(&shape, Connectivity::Probability(p), Range::Int(range.0, range.1), seed).unwrap()
}

/// As many as are dense and sparse, narrow and wide, empty and full.
fn examples() -> Vec<Sparse> {
    let wide = Range::Int(-1 << 40, 1 << 40);
    let float = Range::Float(-1.0, 1.0);
    let of = |range| sparse(&[9, 7], Connectivity::FanIn(2), range, 3).unwrap();
    vec![
        drawn([9, 7], 0.2, (-4, 5), 1),
        drawn([9, 7], 0.0, (-4, 5), 1),
        drawn([9, 7], 1.0, (1, 5), 1),
        drawn([9, 7], 0.3, (-500, 500), 1),
        of(wide),
        of(float),
        with_palette_plus(&drawn([9, 7], 0.2, (-4, 5), 1), 3),
    ]
}

/// With another fill, too.
fn with_palette_plus(s: &Sparse, n: i64) -> Sparse {
    let sum = ops::apply(Op::Add, Kind::Int, &[s.palette(), &Tensor::scalar_int(n)]);
    s.with_palette(sum.unwrap())
}

fn dense(s: &Sparse) -> Tensor {
    s.dense().unwrap()
}

fn known(t: Tensor) -> TExpr {
    TExpr::constant(t)
}

fn constant(s: &Sparse) -> TExpr {
    TExpr::known(snn_ir::tensor::Constant::Sparse(std::sync::Arc::new(s.clone())))
}

/// The dense value of a constant, whatever its form, and whether it is sparse.
fn value(e: &TExpr) -> (Tensor, bool) {
    let value = e.value().unwrap();
    let form = matches!(value, snn_ir::tensor::Constant::Sparse(_));
    ((*value.dense().unwrap()).clone(), form)
}

#[test]
fn elements_that_are_not_zero_make_the_same_array() {
    for s in examples() {
        let all = dense(&s);
        let again = Sparse::of(&all).unwrap();
        assert_eq!(dense(&again), all);
        assert_eq!(again.stored(), all.nonzero());
    }
    assert_eq!(Sparse::of(&Tensor::scalar_int(3)), None, "a scalar has no rows");
    let bools = Tensor::bool(vec![2, 2], vec![true, false, false, true]);
    assert_eq!(dense(&Sparse::of(&bools).unwrap()), bools);
}

#[test]
fn operations_with_scalars_stay_sparse_and_give_the_dense_result() {
    let ops = [Op::Add, Op::Mul, Op::Lt, Op::Ne, Op::Max, Op::Min];
    for s in examples() {
        for op in ops {
            for scalar in [TExpr::int(-2), TExpr::int(3)] {
                let sparse = TExpr::binary(op, constant(&s), scalar.clone()).unwrap();
                let expected = TExpr::binary(op, known(dense(&s)), scalar.clone()).unwrap();
                assert_eq!(sparse.kind, expected.kind);
                assert_eq!(value(&sparse), (value(&expected).0, true), "{op:?}");
                let swapped = TExpr::binary(op, scalar.clone(), constant(&s)).unwrap();
                let expected = TExpr::binary(op, scalar, known(dense(&s))).unwrap();
                assert_eq!(value(&swapped), (value(&expected).0, true), "{op:?}");
            }
        }
        let truth = constant(&s).truth();
        assert_eq!(value(&truth), (dense(&s).convert(Kind::Bool), true));
        let chosen = TExpr::select(truth, TExpr::int(1), constant(&s)).unwrap();
        let all = known(dense(&s));
        let expected = TExpr::select(all.clone().truth(), TExpr::int(1), all).unwrap();
        assert_eq!(value(&chosen), (value(&expected).0, true));
    }
}

#[test]
fn arrays_with_other_entries_are_aligned() {
    for a in examples() {
        for b in examples().into_iter().chain([drawn([9, 7], 0.4, (1, 90), 8)]) {
            let sum = TExpr::binary(Op::Sub, constant(&a), constant(&b)).unwrap();
            let expected = TExpr::binary(Op::Sub, known(dense(&a)), known(dense(&b))).unwrap();
            assert_eq!(value(&sum), (value(&expected).0, true));
            let less = TExpr::binary(Op::Lt, constant(&a), constant(&b)).unwrap();
            let least = TExpr::select(less.clone(), constant(&a), constant(&b)).unwrap();
            let expected = TExpr::binary(Op::Min, known(dense(&a)), known(dense(&b))).unwrap();
            assert_eq!(value(&least), (value(&expected).0, true));
        }
    }
}

#[test]
fn operations_with_dense_arrays_are_dense() {
    let row = known(Tensor::int(vec![7], (0..7).collect()));
    for s in examples() {
        let sum = TExpr::binary(Op::Add, constant(&s), row.clone()).unwrap();
        let expected = TExpr::binary(Op::Add, known(dense(&s)), row.clone()).unwrap();
        assert_eq!(value(&sum), (value(&expected).0, false));
    }
    let huge = sparse(&[1 << 20, 1 << 20], Connectivity::FanIn(1), Range::Int(1, 2), 1).unwrap();
    let row = known(Tensor::int(vec![1 << 20], vec![1; 1 << 20]));
    let sum = TExpr::binary(Op::Add, constant(&huge), row);
    assert!(matches!(sum, Err(crate::types::expr::Mismatch::Enormous(_))));
}

#[test]
fn reductions_count_what_is_not_stored() {
    for s in examples() {
        for op in [ReduceOp::Min, ReduceOp::Max, ReduceOp::Sum, ReduceOp::ArgMax] {
            let sparse = TExpr::reduce(op, vec![0, 1], constant(&s)).unwrap();
            let expected = TExpr::reduce(op, vec![0, 1], known(dense(&s))).unwrap();
            assert_eq!(value(&sparse), value(&expected), "{op:?} of {s:?}");
        }
        assert_eq!(
            s.nonzero(),
            if s.is_zero_elsewhere() { dense(&s).nonzero() } else { s.nonzero() }
        );
    }
}

#[test]
fn views_pick_the_right_elements() {
    for s in examples() {
        let all = dense(&s);
        assert_eq!(dense(&s.transpose().unwrap()), all.transpose(&[1, 0]));
        for ranges in [[(0, 9), (0, 7)], [(2, 5), (1, 7)], [(3, 3), (0, 7)], [(8, 9), (6, 7)]] {
            let part = s.slice(&ranges);
            assert_eq!(dense(&part), all.slice(&ranges));
            // What is left out does not count.
            let expected = ops::reduce(ReduceOp::Max, Kind::F64, &dense(&part));
            assert_eq!(part.reduce(ReduceOp::Max, Kind::F64), expected);
        }
        for shape in [vec![7, 9], vec![63, 1], vec![1, 63], vec![3, 3, 7], vec![3, 21]] {
            assert_eq!(dense(&s.reshape(shape.clone()).unwrap()), all.reshape(shape));
        }
        let cube = s.reshape(vec![3, 3, 7]).unwrap();
        let part = [(1, 3), (0, 2), (2, 6)];
        assert_eq!(dense(&cube.slice(&part)), dense(&cube).slice(&part));
    }
}

#[test]
fn products_are_those_of_the_dense_array() {
    for s in examples().iter().filter(|s| s.is_zero_elsewhere()) {
        let x = Tensor::int(vec![7], (0..7).map(|i| i - 3).collect()).convert(s.palette().kind());
        assert_eq!(s.matmul(&x), ops::matmul(&dense(s), &x));
    }
}

#[test]
fn delays_spread_weights_over_slots() {
    let weights = drawn([9, 7], 0.4, (-4, 5), 1);
    for delays in [drawn([9, 7], 0.4, (0, 3), 2), drawn([9, 7], 1.0, (0, 6), 2)] {
        let spread = weights.by_delay(&delays, 4).unwrap();
        let (w, d) = (dense(&weights), dense(&delays));
        let (Values::Int(w), Values::Int(d)) = (&w.values, &d.values) else { panic!("integers") };
        let mut expected = vec![0; 9 * 4 * 7];
        for at in 0..63 {
            if d[at] < 4 {
                expected[(at / 7 * 4 + d[at] as usize) * 7 + at % 7] = w[at];
            }
        }
        assert_eq!(dense(&spread), Tensor::int(vec![9, 4, 7], expected));
    }
    assert_eq!(with_palette_plus(&weights, 1).by_delay(&weights, 4), None);
}

#[test]
fn palettes_hold_only_values_that_occur() {
    let mut places = Places::for_rows(2);
    places.push(0, 1);
    places.push(1, 0);
    let s = Sparse::ints(vec![2, 2], places.done(), |at, _| [40_000, -3][at], (-10, 50_000));
    assert_eq!(s.palette(), &Tensor::int(vec![3], vec![-3, 40_000, 0]));
    assert_eq!(s.row(0).collect::<Vec<_>>(), [(1, 1)]);
}
