use super::interval::FULL;
use super::*;
use crate::scalar;
use crate::step::build::*;
use crate::step::*;

fn ranges(mut ir: StepIr) -> Vec<Interval> {
    analyse(&mut ir);
    ir.buffers.iter().map(|b| b.range).collect()
}

const M: i64 = 1 << 23;

/// The neuron of the fixed-point reference with dendrite input of at most `a` either way:
/// buffers a, u, v.
fn lif(a: i64) -> StepIr {
    let clip =
        |e: Expr, lo, hi| binary(scalar::Op::Min, binary(scalar::Op::Max, e, int(lo)), int(hi));
    let i = binary(
        scalar::Op::Add,
        decay(element(1), 410),
        wrap32(binary(scalar::Op::Shl, element(0), int(6))),
    );
    let folded = select(
        binary(scalar::Op::Gt, local(0), int(M)),
        binary(scalar::Op::Sub, local(0), int(2 * M)),
        select(
            binary(scalar::Op::Le, local(0), int(-M)),
            binary(scalar::Op::Add, local(0), int(2 * M)),
            local(0),
        ),
    );
    let y = binary(
        scalar::Op::Add,
        binary(scalar::Op::Add, decay(element(2), 410), element(1)),
        int(-64 * 31),
    );
    let fires = binary(scalar::Op::Gt, element(2), int(64 << 6));
    let neuron = op(
        vec![
            Stmt::Let { local: 0, name: "i".into(), value: i },
            store(1, folded, Fit::Wrap { bits: 32, signed: true }, None),
            store(2, clip(y, 1 - M, M - 1), Fit::Wrap { bits: 32, signed: true }, None),
            store(2, int(0), Fit::Exact, Some(fires)),
        ],
        1,
    );
    let input = op(vec![store(0, clip(local(0), -a, a), Fit::Exact, None)], 1);
    let state = |name| buffer(name, Elem::I32, 0);
    network(vec![state("a"), state("u"), state("v")], vec![input, neuron])
}

#[test]
fn a_decaying_current_is_bounded_by_its_input() {
    let found = ranges(lif(10_422));
    assert_eq!(found[0], (-10_422, 10_422));
    // The fixed point of u = 0.9 u + 64 * 10422 is 6.66 million: well inside 24 bits.
    let (lo, hi) = found[1];
    assert!((6_663_000..6_900_000).contains(&hi), "{hi}");
    assert!((-6_900_000..=-6_663_000).contains(&lo), "{lo}");
    assert_eq!(found[2], (1 - M, M - 1));
}

#[test]
fn every_part_of_the_neuron_fits_32_bits() {
    let mut ir = lif(10_422);
    analyse(&mut ir);
    let OpKind::Loop(neuron) = &ir.program.spk[1].kind else { panic!() };
    let mut locals = vec![(0, 0)];
    let fits = |(lo, hi): Interval| lo >= i32::MIN.into() && hi <= i32::MAX.into();
    for statement in &neuron.body {
        let (Stmt::Let { value, .. } | Stmt::Store { value, .. }) = statement;
        let found = interval(value, &ir, &locals);
        assert!(fits(found), "{found:?} for {value:?}");
        locals[0] = if matches!(statement, Stmt::Let { .. }) { found } else { locals[0] };
    }
}

#[test]
fn a_fold_keeps_its_result_in_24_bits() {
    // Strong enough that the fold happens: u stays in (-M, M].
    let found = ranges(lif(100_000));
    assert_eq!(found[1], (1 - M, M));
}

#[test]
fn a_counter_takes_its_element_type() {
    let add = |n| {
        vec![op(vec![store(0, binary(scalar::Op::Add, element(0), int(n)), Fit::Exact, None)], 0)]
    };
    let of = |elem, n| ranges(network(vec![buffer("k", elem, 0)], add(n)))[0];
    // Beyond its type it would wrap, so that negative values are possible too.
    assert_eq!(of(Elem::I16, 1), (i16::MIN.into(), i16::MAX.into()));
    assert_eq!(of(Elem::I64, -3), (i64::MIN, i64::MAX));
    let sat = Fit::Sat { bits: 24, signed: true };
    let body = vec![store(0, binary(scalar::Op::Add, element(0), int(1)), sat, None)];
    let saturating = network(vec![buffer("k", Elem::I32, 0)], vec![op(body, 0)]);
    assert_eq!(ranges(saturating)[0], (0, M - 1));
}

#[test]
fn a_mask_bounds_what_is_stored_under_it() {
    let below = binary(scalar::Op::Lt, element(0), int(10));
    let body = vec![store(0, binary(scalar::Op::Add, element(0), int(3)), Fit::Exact, Some(below))];
    let found = ranges(network(vec![buffer("k", Elem::I32, 0)], vec![op(body, 0)]));
    assert_eq!(found[0], (0, 12));
}

#[test]
fn what_never_happens_stores_nothing() {
    let never = Op { clock: ClockId(1), ..op(vec![store(0, int(99), Fit::Exact, None)], 0) };
    let mut ir = network(vec![buffer("k", Elem::I32, 3)], vec![never]);
    ir.clocks.push(crate::clock::Clock::never());
    assert_eq!(ranges(ir)[0], (3, 3));
}

#[test]
fn both_sides_of_a_choice_are_refined() {
    let ir = network(vec![buffer("x", Elem::I32, 0)], Vec::new());
    let x = || local(0);
    let abs =
        select(binary(scalar::Op::Lt, x(), int(0)), binary(scalar::Op::Sub, int(0), x()), x());
    assert_eq!(interval(&abs, &ir, &[(-7, 5)]), (0, 7));
    let inside = binary(
        scalar::Op::And,
        binary(scalar::Op::Ge, x(), int(2)),
        binary(scalar::Op::Ne, x(), int(9)),
    );
    let both = select(inside, x(), int(4));
    assert_eq!(interval(&both, &ir, &[(-100, 9)]), (2, 8));
    let impossible = select(binary(scalar::Op::Gt, x(), int(9)), int(1000), x());
    assert_eq!(interval(&impossible, &ir, &[(-100, 9)]), (-100, 9));
}

#[test]
fn synapses_are_bounded_by_their_rows() {
    let weights = tensor("w", Elem::I8, &[2, 4], vec![1, -2, 3, -4, 100, 0, 0, 0]);
    let synapse = |src, binary| {
        let (weight, accumulator) = (Elem::I8, Elem::I32);
        let kernel =
            Kernel { kind: KernelKind::Columns, weight, shift: 0, accumulator, reason: "".into() };
        let weights = Source::Tensor(TensorId(0));
        let (src, dst) = (BufferId(src), BufferId(2));
        plain(OpKind::Synapse(Synapse { weights, conv: None, src, binary, dst, kernel }))
    };
    let found = |elem, src_init, binary| {
        let buffers =
            vec![buffer("g", elem, src_init), buffer("_", elem, 0), buffer("a", Elem::I32, 0)];
        let mut ir = network(buffers, vec![synapse(0, binary)]);
        ir.tensors.push(weights.clone());
        ranges(ir)[2]
    };
    assert_eq!(found(Elem::I32, 50, true), (-6, 100));
    // Graded: exactly 5 on every input.
    assert_eq!(found(Elem::I32, 5, false), (-10, 500));
    assert_eq!(found(Elem::Bool, 0, false), (0, 0));
}

#[test]
fn expressions_never_leave_their_bounds() {
    // Every operator on small operands, against brute force.
    let ir = network(Vec::new(), Vec::new());
    use scalar::Op::*;
    let ops =
        [Add, Sub, Mul, FloorDiv, Rem, Shl, Shr, And, Or, Xor, Min, Max, Eq, Ne, Lt, Le, Gt, Ge];
    let spans = [(-5, -2), (-3, 4), (0, 0), (0, 6), (2, 9), (-1, 70)];
    for op in ops {
        let expr = binary(op, local(0), local(1));
        for x in spans {
            for y in spans {
                let (lo, hi) = interval(&expr, &ir, &[x, y]);
                for a in x.0..=x.1 {
                    for b in y.0..=y.1 {
                        let exact = interval(&expr, &ir, &[(a, a), (b, b)]);
                        assert!(lo <= exact.0 && exact.1 <= hi, "{a} {op:?} {b}: {exact:?}");
                        // A shift may lose bits, and then may be anything.
                        if op != Shl {
                            assert_eq!(exact.0, exact.1, "{a} {op:?} {b}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn arithmetic_that_may_wrap_may_be_anything() {
    let ir = network(Vec::new(), Vec::new());
    let top = [(i64::MAX - 1, i64::MAX)];
    for op in [scalar::Op::Add, scalar::Op::Mul, scalar::Op::Shl] {
        assert_eq!(interval(&binary(op, local(0), int(2)), &ir, &top), FULL);
    }
    let negated = Expr { kind: Kind::Int, node: ExprKind::Apply(scalar::Op::Abs, vec![local(0)]) };
    assert_eq!(interval(&negated, &ir, &[(i64::MIN, 0)]), FULL);
    // The product of a decay may wrap, but is divided then.
    let decayed = interval(&decay(local(0), 0), &ir, &[(i64::MIN, i64::MAX)]);
    assert_eq!(decayed, (-1 << 51, (1 << 51) - 1));
    assert_eq!(interval(&local(7), &ir, &[]), FULL);
}

#[test]
fn long_chains_and_loops_are_bounded() {
    // 3 000 buffers, each fed by the one before and the first by the last: all grow.
    let n = 3_000;
    let buffers = (0..n).map(|k| buffer(&format!("b{k}"), Elem::I64, 1)).collect();
    let ops = (0..n).map(|k| {
        let from = (k + n - 1) % n;
        let sum = binary(scalar::Op::Add, element(k), element(from));
        op(vec![store(k, sum, Fit::Exact, None)], 0)
    });
    let found = ranges(network(buffers, ops.collect()));
    assert!(found.iter().all(|r| *r == (i64::MIN, i64::MAX)));
}

#[test]
fn queues_carry_the_bounds_of_their_messages() {
    let mut queue = buffer("q", Elem::I32, 0);
    queue.kind = BufferKind::Queue;
    let buffers = vec![buffer("from", Elem::I32, 9), queue, buffer("to", Elem::I32, -1)];
    let push = plain(OpKind::Push { queue: BufferId(1), from: BufferId(0) });
    let pop = plain(OpKind::Pop { queue: BufferId(1), to: BufferId(2) });
    // In an order that needs a second look at the first op.
    assert_eq!(ranges(network(buffers, vec![pop, push])), [(9, 9), (0, 9), (-1, 9)]);
}

#[test]
fn the_corners_of_row_sums_bound_what_all_of_them_do() {
    let mut seed = 7_u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        i128::from((seed >> 33) % n)
    };
    for size in [1_u64, 3, 40] {
        let points: Vec<RowSums> = (0..300).map(|_| (next(size), -next(size))).collect();
        let few = corners(points.clone());
        assert!(few.len() <= 60, "{}", few.len());
        for (lo, hi) in [(0, 1), (-3, 5), (2, 9), (-8, -8)] {
            let most = |points: &[RowSums]| points.iter().map(|(u, d)| u * hi + d * lo).max();
            let least = |points: &[RowSums]| points.iter().map(|(u, d)| u * lo + d * hi).min();
            assert_eq!((most(&few), least(&few)), (most(&points), least(&points)));
        }
    }
    let huge = vec![(1 << 100, 0), (0, -(1 << 100)), (5, -5)];
    assert_eq!(corners(huge.clone()).len(), 3);
}

#[test]
fn live_weights_are_bounded_by_what_they_can_become() {
    let sums = |conv: Option<snn_core::kernels::Geometry>, binary| {
        let shape = conv.map_or(vec![4, 4], |g| g.weights().to_vec());
        let weights = Buffer { shape, ..buffer("w", Elem::I8, 3) };
        let buffers = vec![buffer("x", Elem::I16, 5), weights, buffer("a", Elem::I64, 0)];
        let kernel = crate::step::kernels::live(Elem::I8, Elem::I64, (0, 0));
        let (src, dst) = (BufferId(0), BufferId(2));
        let weights = Source::Buffer(BufferId(1));
        let synapse = Synapse { weights, conv, src, binary, dst, kernel };
        ranges(network(buffers, vec![plain(OpKind::Synapse(synapse))]))[2]
    };
    // Beside the 0 that it begins with.
    assert_eq!(sums(None, false), (0, 60));
    assert_eq!(sums(None, true), (0, 12));
    let conv = snn_core::kernels::Geometry {
        input: [1, 4, 1],
        outputs: 1,
        kernel: [1, 3],
        stride: [1, 1],
        padding: [0, 1],
        dilation: [1, 1],
        groups: 1,
    };
    assert_eq!(sums(Some(conv), false), (0, 45));
}

#[test]
fn a_reduction_is_bounded_by_the_axes_it_takes() {
    let found = |op, axes: &[usize]| {
        let domain = vec![4, 4];
        let value =
            Expr { kind: Kind::Int, node: ExprKind::Load(Access { strides: vec![4, 1], ..at(0) }) };
        let axes = axes.to_vec();
        let reduce = Reduce { op, domain, axes, value, dst: BufferId(1) };
        let matrix = Buffer { shape: vec![4, 4], ..buffer("m", Elem::I32, -3) };
        let buffers = vec![matrix, buffer("r", Elem::I64, 0)];
        ranges(network(buffers, vec![plain(OpKind::Reduce(reduce))]))[1]
    };
    assert_eq!(found(ReduceOp::Sum, &[1]), (-12, 0));
    assert_eq!(found(ReduceOp::Sum, &[0, 1]), (-48, 0));
    assert_eq!(found(ReduceOp::Max, &[0]), (-3, 0));
    assert_eq!(found(ReduceOp::ArgMax, &[0]), (0, 3));
}

/// A run may be so long that no random program gets there.
#[test]
fn steps_are_counted_from_one_without_end() {
    let time = Expr { kind: Kind::Int, node: ExprKind::Time };
    assert_eq!(interval(&time, &network(Vec::new(), Vec::new()), &[]), (1, i64::MAX));
}
