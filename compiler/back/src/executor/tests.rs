use super::*;
use snn_ir::scalar;
use snn_ir::step::build::*;
use snn_ir::step::*;
use snn_runtime::execute::{Execution, Outcome, RunError, run};
use snn_runtime::{Column, Network};
use std::path::Path;

/// A network, once its ranges are known.
fn loaded(mut ir: StepIr) -> Executor {
    ranges::analyse(&mut ir);
    load(Arc::new(ir), &snn_data::Disk).unwrap()
}

fn executed(ir: &StepIr, threads: usize) -> Result<Outcome, RunError> {
    let network = loaded(ir.clone());
    run(&plan(ir), &|| Ok(network.clone()), &Execution::quiet(threads))
}

fn scalar(name: &str, elem: Elem, init: i64) -> Buffer {
    Buffer { shape: Vec::new(), ..buffer(name, elem, init) }
}

/// A loop of one element.
fn once(body: Vec<Stmt>) -> Op {
    plain(OpKind::Loop(Loop { domain: Vec::new(), body, locals: 0 }))
}

fn one(buffer: u32) -> Access {
    Access { strides: Vec::new(), ..at(buffer) }
}

fn value(buffer: u32) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Load(one(buffer)) }
}

fn set(buffer: u32, value: Expr) -> Stmt {
    Stmt::Store { to: one(buffer), value, fit: Fit::Exact, mask: None }
}

fn time() -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Time }
}

fn ints(executor: &Executor, buffer: u32) -> Vec<i64> {
    match executor.buffer(BufferId(buffer)) {
        Array::Narrow(values) => values.iter().map(|x| i64::from(*x)).collect(),
        Array::Int(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

/// Evaluates an expression of kind Int.
fn evaluate(expr: Expr) -> i64 {
    let ir = network(vec![scalar("x", Elem::I64, 0)], vec![once(vec![set(0, expr)])]);
    let mut executor = loaded(ir);
    executor.step(1).unwrap();
    ints(&executor, 0)[0]
}

#[test]
fn integer_arithmetic_is_as_the_ir_says() {
    let of = |op, a, b| evaluate(binary(op, int(a), int(b)));
    assert_eq!(of(scalar::Op::Add, i64::MAX, 1), i64::MIN);
    assert_eq!(of(scalar::Op::FloorDiv, -7, 2), -4);
    assert_eq!(of(scalar::Op::FloorDiv, i64::MIN, -1), i64::MIN);
    assert_eq!(of(scalar::Op::FloorDiv, 7, 0), 0);
    assert_eq!(
        (of(scalar::Op::Rem, -7, 4), of(scalar::Op::Rem, 7, -4), of(scalar::Op::Rem, 7, 0)),
        (1, -1, 0)
    );
    assert_eq!(
        (of(scalar::Op::Shl, 3, 62), of(scalar::Op::Shl, 3, 64), of(scalar::Op::Shl, 3, -1)),
        (3 << 62, 0, 0)
    );
    assert_eq!(
        (of(scalar::Op::Shr, -3, 1), of(scalar::Op::Shr, -3, 99), of(scalar::Op::Shr, -3, -1)),
        (-2, -1, 0)
    );
    // Decay rounds toward zero, a shift does not.
    assert_eq!((evaluate(decay(int(-1), 1)), evaluate(decay(int(-4096), 4095))), (0, -1));
    assert_eq!(evaluate(wrap32(int(1 << 31))), -(1 << 31));
    let unsigned = scalar::Op::Wrap { bits: 5, signed: false };
    assert_eq!(evaluate(Expr::apply(unsigned, vec![int(-1)])), 31);
    let float = Expr { kind: Kind::F64, node: ExprKind::Float(-2.9) };
    let truncated = scalar::Op::Convert(Kind::Int);
    assert_eq!(evaluate(Expr::apply(truncated, vec![float])), -2);
}

#[test]
fn stores_fit_values_as_they_are_told() {
    let cases = [
        (Fit::Wrap { bits: 24, signed: true }, (1 << 23) + 5, 5 - (1 << 23)),
        (Fit::Wrap { bits: 8, signed: false }, -1, 255),
        (Fit::Wrap { bits: 64, signed: true }, i64::MIN, i64::MIN),
        (Fit::Sat { bits: 24, signed: true }, -(1 << 40), -(1 << 23)),
        (Fit::Sat { bits: 12, signed: false }, -7, 0),
        (Fit::Sat { bits: 64, signed: false }, i64::MAX, i64::MAX),
        (Fit::Exact, -3, -3),
    ];
    for (fit, from, to) in cases {
        let store = Stmt::Store { to: one(0), value: int(from), fit, mask: None };
        let ir = network(vec![scalar("x", Elem::I64, 0)], vec![once(vec![store])]);
        let mut executor = loaded(ir);
        executor.step(1).unwrap();
        assert_eq!(ints(&executor, 0), [to], "{fit:?} of {from}");
    }
}

#[test]
fn a_mask_protects_an_index_and_a_choice_does_not() {
    let digits = tensor("digits", Elem::I32, &[2], vec![7, 8]);
    let index = DynamicIndex { index: time(), stride: 1, extent: 2 };
    let digit = Access { source: Source::Tensor(TensorId(0)), dynamic: vec![index], ..one(0) };
    let digit = Expr { kind: Kind::Int, node: ExprKind::Load(digit) };
    let inside = || binary(scalar::Op::Lt, time(), int(2));
    let with = |statement| {
        let mut ir = network(vec![scalar("x", Elem::I32, 0)], vec![once(vec![statement])]);
        ir.tensors.push(digits.clone());
        executed(&ir, 1)
    };
    let mask = Some(inside());
    let masked = Stmt::Store { to: one(0), value: digit.clone(), fit: Fit::Exact, mask };
    with(masked).unwrap();
    match with(set(0, select(inside(), digit, int(0)))) {
        Err(RunError::Fault(fault)) => {
            assert_eq!(fault.to_string(), "at step 2, `digits` is indexed with 2, outside 0..2");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn reductions_take_the_first_of_equals() {
    let value = binary(scalar::Op::Mul, element(0), int(-1));
    let reduce =
        |op, dst| plain(OpKind::Reduce(Reduce::all(op, vec![4], value.clone(), BufferId(dst))));
    let results = [ReduceOp::Sum, ReduceOp::Min, ReduceOp::Max, ReduceOp::ArgMax];
    let ops = results.iter().zip(1..).map(|(op, dst)| reduce(*op, dst)).collect();
    let mut buffers = vec![buffer("x", Elem::I32, 0)];
    buffers.extend((1..5).map(|n| scalar(&format!("r{n}"), Elem::I64, -9)));
    let mut ir = network(buffers, ops);
    ir.tensors.push(tensor("x0", Elem::I32, &[4], vec![5, 2, 7, 2]));
    ir.buffers[0].init = Init::Tensor(TensorId(0));
    let mut executor = loaded(ir);
    executor.step(1).unwrap();
    let found: Vec<i64> = (1..5).map(|b| ints(&executor, b)[0]).collect();
    assert_eq!(found, [-16, -7, -2, 1]);
}

/// Every 5 steps: `next` counts images, its value goes through a queue of two slots, arrives
/// 7 steps later and is stored at `k`, together with a sum over the last steps.
fn windows() -> StepIr {
    let clocks =
        vec![Clock::always(), Clock::every(5, 1), Clock::from_fn(5, 5, |t| t > 7 && t % 5 == 3)];
    let mut queue = buffer("queue", Elem::I32, 0);
    (queue.kind, queue.shape) = (BufferKind::Queue, vec![2]);
    let names = ["next", "k", "sent", "got", "sum"];
    let mut buffers: Vec<Buffer> = names.iter().map(|n| scalar(n, Elem::I32, 0)).collect();
    buffers.push(queue);
    let rows = 40;
    buffers.push(Buffer { shape: vec![rows, 2], ..buffer("results", Elem::I32, -1) });

    let on = |clock, op| Op { clock: ClockId(clock), ..op };
    let add = |buffer, n| set(buffer, binary(scalar::Op::Add, value(buffer), int(n)));
    let row = DynamicIndex { index: value(1), stride: 2, extent: rows };
    let result = Access { strides: vec![1], dynamic: vec![row], ..at(6) };
    let body = vec![Stmt::Store {
        to: result,
        value: binary(scalar::Op::Add, binary(scalar::Op::Mul, value(3), int(1000)), value(4)),
        fit: Fit::Exact,
        mask: None,
    }];
    let ops = vec![
        once(vec![set(
            4,
            binary(scalar::Op::Add, binary(scalar::Op::Rem, value(4), int(7)), time()),
        )]),
        on(1, once(vec![set(2, binary(scalar::Op::Mul, value(0), int(3))), add(0, 1)])),
        on(1, plain(OpKind::Push { queue: BufferId(5), from: BufferId(2) })),
        on(2, plain(OpKind::Pop { queue: BufferId(5), to: BufferId(3) })),
        on(2, plain(OpKind::Loop(Loop { domain: vec![2], body, locals: 0 }))),
        on(2, once(vec![add(1, 1)])),
        on(1, plain(OpKind::Reset { buffer: BufferId(4) })),
    ];
    let mut ir = network(buffers, ops);
    ir.clocks = clocks;
    ir.steps = 5 * 36 + 2;
    let counter = |buffer, clock| Counter {
        buffer: BufferId(buffer),
        add: 1,
        clock: ClockId(clock),
        fit: Fit::Exact,
    };
    ir.windows = Windows {
        period: 5,
        horizon: Some(12),
        counters: vec![counter(0, 1), counter(1, 2)],
        collected: vec![Collected { buffer: BufferId(6), counter: 1, unit: 1 }],
        carried: Vec::new(),
    };
    let record = |buffer: u32, when| Record {
        key: ir.buffers[buffer as usize].name.clone(),
        buffer: BufferId(buffer),
        when,
        asked: true,
    };
    ir.records = vec![
        record(3, RecordWhen::Clock(ALWAYS)),
        record(4, RecordWhen::Clock(ClockId(1))),
        record(6, RecordWhen::End),
        record(0, RecordWhen::End),
        record(5, RecordWhen::End),
    ];
    ir
}

/// A network whose windows nobody knows to be independent.
fn in_order(ir: &StepIr) -> StepIr {
    let mut ir = ir.clone();
    ir.windows.horizon = None;
    ir
}

#[test]
fn windows_side_by_side_give_what_steps_in_order_give() {
    let ir = windows();
    let last = ir.steps;
    let mut expected = loaded(in_order(&ir));
    let mut executor = loaded(ir);
    let mut kept = vec![Column::default(); 5];
    let mut columns = kept.clone();
    let (mut t, mut leaps) = (1, 0);
    for step in 1..=last {
        expected.step(step).unwrap();
        if step == t {
            let next = executor.leap(t, last, &mut columns);
            leaps += usize::from(next > t);
            // It begins only where a replay has whole periods before it.
            assert!(next == t || t > 12 + 3 && t % 5 == 1 && next <= last);
            t = next.max(t);
        }
        if step == t {
            executor.step(t).unwrap();
        }
        for record in 0..2 {
            if expected.due(record, step) {
                expected.keep(record, &mut kept[record]);
                if step == t {
                    executor.keep(record, &mut columns[record]);
                }
            }
        }
        if step < last {
            expected.between(step);
        }
        if step == t && step < last {
            executor.between(t);
            t += 1;
        }
        if step + 1 == t || step == last {
            for buffer in 0..7 {
                let buffer = BufferId(buffer);
                assert_eq!(executor.buffer(buffer), expected.buffer(buffer), "step {step}");
            }
        }
    }
    assert!(leaps > 0);
    for (a, b) in kept.iter().zip(&columns) {
        assert_eq!((a.rows, &a.bytes), (b.rows, &b.bytes));
    }
}

/// As many windows, of which each takes a row of data: of `rows` rows.
fn reading(rows: usize) -> StepIr {
    let mut ir = windows();
    ir.tensors.push(tensor("data", Elem::I32, &[rows], (1..=rows as i64).collect()));
    let row = DynamicIndex { index: value(0), stride: 1, extent: rows };
    let datum = Access { source: Source::Tensor(TensorId(0)), dynamic: vec![row], ..one(0) };
    let datum = Expr { kind: Kind::Int, node: ExprKind::Load(datum) };
    // Before it counts: sent is read, not the number of the window.
    let OpKind::Loop(send) = &mut ir.program.spk[1].kind else { panic!("no loop") };
    send.body[0] = set(2, datum);
    ir
}

#[test]
fn a_fault_beside_other_windows_is_that_of_steps_in_order() {
    for rows in [1, 20, 36] {
        let ir = reading(rows);
        let (expected, found) = (executed(&in_order(&ir), 1), executed(&ir, 1));
        match (expected, found) {
            (Err(RunError::Fault(expected)), Err(RunError::Fault(found))) => {
                assert_eq!(found, expected);
            }
            other => panic!("{other:?}"),
        }
    }
    let ir = reading(37);
    let (expected, found) = (executed(&in_order(&ir), 1).unwrap(), executed(&ir, 1).unwrap());
    for (a, b) in expected.columns.iter().zip(&found.columns) {
        assert_eq!(a.bytes, b.bytes);
    }
}

#[test]
fn what_a_local_was_stays_when_its_place_is_stored_to() {
    // The local is read where it lies, until something else is stored there.
    let body = vec![
        Stmt::Let { local: 0, name: "before".into(), value: element(0) },
        store(0, binary(scalar::Op::Add, element(0), int(1)), Fit::Exact, None),
        store(1, binary(scalar::Op::Mul, local(0), int(10)), Fit::Exact, None),
        store(1, local(0), Fit::Exact, Some(binary(scalar::Op::Gt, element(1), int(40)))),
    ];
    let mut ir =
        network(vec![buffer("x", Elem::I64, 3), buffer("y", Elem::I64, 0)], vec![op(body, 1)]);
    ir.steps = 3;
    let mut executor = loaded(ir);
    let mut found = Vec::new();
    for t in 1..=3 {
        executor.step(t).unwrap();
        found.push((ints(&executor, 0)[3], ints(&executor, 1)[3]));
    }
    assert_eq!(found, [(4, 30), (5, 40), (6, 5)]);
}

#[test]
fn what_is_stored_and_read_again_is_in_both_places() {
    // What a local is computed as is stored as it is, and read after that.
    let body = vec![
        Stmt::Let {
            local: 0,
            name: "y".into(),
            value: binary(scalar::Op::Add, element(0), time()),
        },
        store(1, wrap32(local(0)), Fit::Exact, None),
        store(0, binary(scalar::Op::Mul, local(0), int(2)), Fit::Exact, None),
    ];
    let buffers = ["x", "y"].map(|name| buffer(name, Elem::I32, 7));
    let mut executor = loaded(network(buffers.to_vec(), vec![op(body, 1)]));
    executor.step(1).unwrap();
    assert_eq!((ints(&executor, 0), ints(&executor, 1)), (vec![16; 4], vec![8; 4]));
}

#[test]
fn integers_that_leave_32_bits_on_the_way_are_exact() {
    // 2³¹ and more between two values that fit.
    let square = binary(scalar::Op::Mul, element(0), element(0));
    let back = binary(scalar::Op::Shr, square, int(20));
    let body = vec![
        store(1, back, Fit::Exact, None),
        store(
            2,
            wrap32(binary(scalar::Op::Add, element(0), int(i32::MAX.into()))),
            Fit::Exact,
            None,
        ),
    ];
    let buffers = ["x", "y", "z"].map(|name| buffer(name, Elem::I32, 100_000));
    let mut executor = loaded(network(buffers.to_vec(), vec![op(body, 0)]));
    executor.step(1).unwrap();
    assert_eq!(ints(&executor, 1), [9536; 4]);
    assert_eq!(ints(&executor, 2), [i64::from(i32::MIN) + 99_999; 4]);
}

#[test]
fn windows_in_parallel_give_what_steps_in_order_give() {
    let ir = windows();
    let sequential = executed(&in_order(&ir), 1).unwrap();
    let results = &sequential.columns[2].bytes;
    // The last row written holds the message of image 34; what follows is untouched.
    let last = i32::from_le_bytes(results[8 * 34..8 * 34 + 4].try_into().unwrap());
    assert_eq!(last / 1000, 34 * 3);
    assert_eq!(results[8 * 36..8 * 36 + 4], (-1i32).to_le_bytes());
    for threads in 1..=4 {
        let parallel = executed(&ir, threads).unwrap();
        assert_eq!(parallel.threads, threads.min(3));
        for (n, (a, b)) in sequential.columns.iter().zip(&parallel.columns).enumerate() {
            assert_eq!(a.bytes, b.bytes, "record {n} with {threads} threads");
        }
    }
}

#[test]
fn resets_between_steps_come_after_recording() {
    let mut ir = network(vec![buffer("v", Elem::I32, 5)], Vec::new());
    ir.program.spk =
        vec![op(vec![store(0, binary(scalar::Op::Add, element(0), time()), Fit::Exact, None)], 0)];
    ir.program.host =
        vec![Op { clock: ClockId(1), ..plain(OpKind::Reset { buffer: BufferId(0) }) }];
    ir.clocks.push(Clock::every(3, 0));
    ir.steps = 4;
    let when = RecordWhen::Clock(ALWAYS);
    ir.records = vec![Record { key: "v".into(), buffer: BufferId(0), when, asked: true }];
    let column = &executed(&ir, 1).unwrap().columns[0];
    let first = column.bytes.chunks(16).map(|row| i32::from_le_bytes(row[..4].try_into().unwrap()));
    assert_eq!(first.collect::<Vec<_>>(), [6, 8, 11, 9]);
}

#[test]
fn the_neuron_of_the_reference_is_reproduced() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/golden/processes.npz");
    let Ok(mut archive) = snn_runtime::npz::Archive::open(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return;
    };
    let mut read = |key: String| -> Option<(Vec<usize>, Vec<i64>)> {
        use snn_runtime::npy::{Values, read_values};
        let (header, mut from) = archive.array(&key).ok()?;
        Some(match read_values(&header, &mut from).unwrap() {
            Values::Int(values) => (header.shape, values),
            Values::Float(values) => (header.shape, values.iter().map(|v| *v as i64).collect()),
            Values::Bool(values) => (header.shape, values.iter().map(|v| (*v).into()).collect()),
        })
    };
    for case in ["lif_du409_dv410", "lif_du1024_dv3000", "lif_du-1_dv0", "lif_wrap_sat"] {
        let (shape, a_in) = read(format!("{case}/a_in")).unwrap();
        let (n, steps) = (shape[0], shape[1]);
        let parameter = |v: Option<(_, Vec<i64>)>| v.unwrap().1[0];
        let du = parameter(read(format!("{case}/du")));
        let dv = parameter(read(format!("{case}/dv")));
        let vth = parameter(read(format!("{case}/vth")));
        let bias = read(format!("{case}/bias_mant")).map_or(vec![0; n], |v| v.1);
        let (u, v) = (read(format!("{case}/u")).unwrap().1, read(format!("{case}/v")).unwrap().1);

        let ir = lif(&a_in, &bias, n, steps, (du, dv, vth));
        let mut executor = loaded(ir);
        for t in 1..=steps {
            executor.step(t as u64).unwrap();
            assert_eq!(ints(&executor, 0), &u[(t - 1) * n..t * n], "{case}: u at {t}");
            assert_eq!(ints(&executor, 1), &v[(t - 1) * n..t * n], "{case}: v at {t}");
        }
    }
}

/// Fixed-point LIF as in the reference; input `a_in[n, steps]`. Buffers u, v.
fn lif(
    a_in: &[i64],
    bias: &[i64],
    n: usize,
    steps: usize,
    (du, dv, vth): (i64, i64, i64),
) -> StepIr {
    const M: i64 = 1 << 23;
    let column =
        DynamicIndex { index: binary(scalar::Op::Sub, time(), int(1)), stride: 1, extent: steps };
    let input = Access {
        source: Source::Tensor(TensorId(0)),
        offset: 0,
        strides: vec![steps as i64],
        dynamic: vec![column],
    };
    let bias_at = Access { source: Source::Tensor(TensorId(1)), ..at(0) };
    let of = |access| Expr { kind: Kind::Int, node: ExprKind::Load(access) };
    let shifted = |e| binary(scalar::Op::Shl, e, int(6));
    let i = binary(scalar::Op::Add, decay(element(0), du + 1), wrap32(shifted(of(input))));
    let fold = select(
        binary(scalar::Op::Gt, local(0), int(M)),
        binary(scalar::Op::Sub, local(0), int(2 * M)),
        select(
            binary(scalar::Op::Le, local(0), int(-M)),
            binary(scalar::Op::Add, local(0), int(2 * M)),
            local(0),
        ),
    );
    let sum = binary(scalar::Op::Add, decay(element(1), dv), element(0));
    let y = binary(scalar::Op::Add, sum, shifted(of(bias_at)));
    let clip = binary(scalar::Op::Min, binary(scalar::Op::Max, y, int(1 - M)), int(M - 1));
    let fires = binary(scalar::Op::Gt, element(1), int(vth << 6));
    let body = vec![
        Stmt::Let { local: 0, name: "i".into(), value: i },
        store(0, fold, Fit::Exact, None),
        store(1, clip, Fit::Exact, None),
        store(1, int(0), Fit::Exact, Some(fires)),
    ];
    let state = |name| Buffer { shape: vec![n], ..buffer(name, Elem::I32, 0) };
    let kind = OpKind::Loop(Loop { domain: vec![n], body, locals: 1 });
    let mut ir = network(vec![state("u"), state("v")], vec![plain(kind)]);
    ir.tensors.push(tensor("a_in", Elem::I64, &[n, steps], a_in.to_vec()));
    ir.tensors.push(tensor("bias", Elem::I64, &[n], bias.to_vec()));
    ir
}
