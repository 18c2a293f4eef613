//! Random networks whose windows can be executed in parallel.

use super::{Builder, Choices, empty};
use snn_ir::clock::Clock;
use snn_ir::scalar;
use snn_ir::step::{
    ALWAYS, Access, BufferId, BufferKind, ClockId, Collected, Counter, DynamicIndex, Elem, Expr,
    ExprKind, Fit, Init, Kind, Loop, Op, OpKind, Record, RecordWhen, Source, StepIr, Stmt, Windows,
};

/// A network that reads items and stores results: every `period` steps `next` is sent through
/// a queue and counted; it arrives `later` steps later and is stored in row `k` of an array of
/// results, together with what `sum` has become since its last reset.
pub fn windowed(choices: &mut Choices) -> StepIr {
    let period = 2 + choices.below(6) as u64;
    let later = choices.below(2 * period as usize) as u64;
    let reset = choices.below(period as usize) as i64;
    // Enough that replays leave room for several threads.
    let windows = 40 + choices.below(60) as u64;
    let cut = choices.below(period as usize) as u64;
    let growth = 1 + choices.below(9) as i64;
    let mut builder = Builder { choices, ir: empty(windows * period + cut), sites: 0 };

    let clock = |n: u32| ClockId(n);
    let sent = Clock::every(period, 1);
    let received = Clock::from_fn(later, period, |t| t > later && sent.holds(t - later));
    builder.ir.clocks.extend([sent, received, Clock::every(period, reset)]);
    let (sent, received, reset) = (clock(1), clock(2), clock(3));

    let state = BufferKind::State;
    let [next, k, got, sum] =
        std::array::from_fn(|_| builder.buffer_with(Elem::I32, &[], state, Init::Int(0)));
    let slots = later.div_ceil(period) as usize + 1;
    let queue = builder.buffer_with(Elem::I32, &[slots], BufferKind::Queue, Init::Int(0));
    let rows = windows as usize + 2;
    let results = builder.buffer_with(Elem::I64, &[rows, 2], state, Init::Int(-1));

    let grow = binary(scalar::Op::Add, binary(scalar::Op::Mul, load(sum), int(growth)), time());
    let row = DynamicIndex { index: scalar(k, 1), stride: 2, extent: rows };
    let result =
        Access { source: Source::Buffer(results), offset: 0, strides: vec![1], dynamic: vec![row] };
    let value =
        binary(scalar::Op::Add, binary(scalar::Op::Mul, scalar(got, 1), int(1000)), scalar(sum, 1));
    let stored = Stmt::Store { to: result, value, fit: Fit::Exact, mask: None };
    let op = |clock, kind| Op { clock, kind, origin: "windowed".into() };
    let each =
        |body, domain: &[usize]| OpKind::Loop(Loop { domain: domain.to_vec(), body, locals: 0 });
    let bits = 8;
    let grown = Stmt::Store {
        to: access(sum, 0),
        value: grow,
        fit: Fit::Wrap { bits, signed: true },
        mask: None,
    };
    builder.ir.program.start.push(op(reset, OpKind::Reset { buffer: sum }));
    builder.ir.program.spk = vec![
        op(sent, OpKind::Push { queue, from: next }),
        op(sent, each(vec![count(next)], &[])),
        op(ALWAYS, each(vec![grown], &[])),
        op(received, OpKind::Pop { queue, to: got }),
        op(received, each(vec![stored], &[2])),
    ];
    builder.ir.program.post_mgmt = vec![op(received, each(vec![count(k)], &[]))];

    let fit = Fit::Wrap { bits: 32, signed: true };
    let counter = |buffer, clock| Counter { buffer, add: 1, clock, fit };
    builder.ir.windows = Windows {
        period,
        // All messages in flight are resent, and `sum` is reset, within this many steps.
        horizon: Some(later + 2 * period),
        counters: vec![counter(next, sent), counter(k, received)],
        collected: vec![Collected { buffer: results, counter: 1, unit: 2 }],
        carried: Vec::new(),
    };
    let kept = [(got, Some(ALWAYS)), (sum, Some(sent)), (results, None), (next, None), (sum, None)];
    for (n, (buffer, clock)) in kept.into_iter().enumerate() {
        let when = clock.map_or(RecordWhen::End, RecordWhen::Clock);
        builder.ir.records.push(Record { key: format!("kept{n}"), buffer, when, asked: true });
    }
    builder.ir
}

pub(super) fn int(value: i64) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Int(value) }
}

pub(super) fn time() -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Time }
}

pub(super) fn binary(op: scalar::Op, a: Expr, b: Expr) -> Expr {
    Expr::apply(op, vec![a, b])
}

/// A scalar, in a loop over so many axes.
pub(super) fn access(buffer: BufferId, axes: usize) -> Access {
    let source = Source::Buffer(buffer);
    Access { source, offset: 0, strides: vec![0; axes], dynamic: Vec::new() }
}

pub(super) fn scalar(buffer: BufferId, axes: usize) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Load(access(buffer, axes)) }
}

pub(super) fn load(buffer: BufferId) -> Expr {
    scalar(buffer, 0)
}

/// `counter += 1`
fn count(counter: BufferId) -> Stmt {
    let value = binary(scalar::Op::Add, load(counter), int(1));
    Stmt::Store {
        to: access(counter, 0),
        value,
        fit: Fit::Wrap { bits: 32, signed: true },
        mask: None,
    }
}
