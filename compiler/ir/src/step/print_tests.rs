use super::*;
use crate::scalar;
use crate::step::build::*;
use crate::step::*;

#[test]
fn a_network_reads_like_what_it_does() {
    let mut queue = buffer("queue", Elem::I32, 0);
    (queue.kind, queue.shape) = (BufferKind::Queue, vec![3, 4]);
    let scalar = |name, elem| Buffer { shape: Vec::new(), ..buffer(name, elem, 0) };
    let mut rate = buffer("enc.rate", Elem::F64, 0);
    rate.init = Init::Float(0.5);
    let buffers = vec![
        buffer("net.lif.u", Elem::I32, 0),
        buffer("net.lif.s_out", Elem::Bool, 0),
        queue,
        scalar("out.k", Elem::I64),
        rate,
    ];
    let i = binary(
        scalar::Op::Add,
        decay(element(0), 410),
        wrap32(binary(scalar::Op::Shl, element(0), int(6))),
    );
    let fires = binary(scalar::Op::Gt, local(0), int(64));
    let k = Expr { kind: Kind::Int, node: ExprKind::Load(Access { strides: Vec::new(), ..at(3) }) };
    let row = DynamicIndex { index: k.clone(), stride: 4, extent: 9 };
    let digit = Access { source: Source::Tensor(TensorId(1)), dynamic: vec![row], ..at(0) };
    let digit = Expr { kind: Kind::Int, node: ExprKind::Load(digit) };
    let clipped = binary(scalar::Op::Max, digit, int(-5));
    let lif = op(
        vec![
            Stmt::Let { local: 0, name: "i".into(), value: i },
            store(0, clipped, Fit::Sat { bits: 24, signed: true }, Some(fires.clone())),
            store(1, fires, Fit::Exact, None),
        ],
        1,
    );
    let synapse = Synapse {
        weights: Source::Tensor(TensorId(0)),
        conv: None,
        src: BufferId(1),
        binary: true,
        dst: BufferId(0),
        kernel: Kernel {
            kind: KernelKind::Columns,
            weight: Elem::I8,
            shift: 1,
            accumulator: Elem::I16,
            reason: "every row sums to at most 12".into(),
        },
    };
    let counted = Reduce::all(ReduceOp::ArgMax, vec![4], element(0), BufferId(3));
    let mut ir = network(
        buffers,
        vec![
            Op { origin: "net.lif".into(), ..lif },
            plain(OpKind::Synapse(synapse)),
            plain(OpKind::Push { queue: BufferId(2), from: BufferId(0) }),
            Op { clock: ClockId(1), ..plain(OpKind::Pop { queue: BufferId(2), to: BufferId(0) }) },
            plain(OpKind::Reduce(counted)),
        ],
    );
    ir.program.start =
        vec![Op { clock: ClockId(2), ..plain(OpKind::Reset { buffer: BufferId(0) }) }];
    ir.tensors = vec![
        tensor("w", Elem::I8, &[4, 4], (0..16).collect()),
        tensor("digits", Elem::U8, &[9, 4], vec![7; 36]),
        tensor("bias", Elem::I16, &[2], vec![1, -2]),
    ];
    ir.clocks.push(Clock::every(32, 1));
    ir.clocks.push(Clock::from_fn(3, 8, |t| t == 2 || t % 8 > 5));
    let record = |buffer, when, asked| Record { key: "net.lif.u".into(), buffer, when, asked };
    ir.records = vec![
        record(BufferId(0), RecordWhen::Clock(ALWAYS), true),
        record(BufferId(1), RecordWhen::End, false),
    ];
    ir.windows.counters.push(Counter {
        buffer: BufferId(3),
        add: 1,
        clock: ClockId(1),
        fit: Fit::Exact,
    });
    ir.windows.carried.push((BufferId(0), "read before it is reset".into()));
    ranges::analyse(&mut ir);
    insta::assert_snapshot!(print(&ir));
}
