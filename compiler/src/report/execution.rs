//! How a network will execute, in words: what `snnc explain FILE` prints.

use snn_ir::clock::Clock;
use snn_ir::network::{Network, Param};
use snn_ir::step::{
    Buffer, BufferKind, ClockId, Elem, Op, OpKind, RecordWhen, ReduceOp, Source, StepIr, Tabulated,
    TensorValues,
};
use snn_ir::tensor::Values;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The values that are built in, and those that are data: another one of these is another run of
/// the same program, if as much can be proven of it.
pub fn values(network: &Network, ir: &StepIr) -> String {
    let tensors = ir.tensors.iter().filter_map(|tensor| tensor.given.as_deref());
    let data: BTreeSet<&str> = tensors.flat_map(|paths| paths.split(", ")).collect();
    let mut out = String::from("\nValues built in\n");
    for param in network.params.iter().filter(|param| !data.contains(param.path.as_str())) {
        let tabulated = |t: &Tabulated| {
            let process = t.port.rsplit_once('.').map_or("", |(process, _)| process);
            param.path.rsplit_once('.').is_some_and(|(of, _)| of == process)
        };
        let why = match param.structural {
            true => "a shape, a branch, a clock or an index follows from it",
            false if ir.tabulated.iter().any(tabulated) => {
                "the table of spike trains follows from it"
            }
            false => {
                "what is done follows from it (a choice, a shift, a divisor, a first value), or \
                 nothing"
            }
        };
        let _ = writeln!(out, "  {}{}: {why}", param.path, equals(network, param));
    }
    out.push_str("\nValues that are data\n");
    for path in data {
        let _ = writeln!(out, "  {path}");
    }
    out
}

/// ` = 3`, where a param is a number.
fn equals(network: &Network, param: &Param) -> String {
    let known = network.tensors[param.tensor.at()].constant();
    match known.filter(|c| c.shape().iter().product::<usize>() == 1).and_then(|c| c.dense()) {
        Some(number) => match &number.values {
            Values::Int(of) => of.iter().map(|x| format!(" = {x}")).collect(),
            Values::Float(of) => of.iter().map(|x| format!(" = {x:?}")).collect(),
            Values::Bool(of) => of.iter().map(|x| format!(" = {x}")).collect(),
        },
        None => String::new(),
    }
}

/// The windows, the ops of a step in order, the queues, the records and the memory of a run.
pub fn execution(ir: &StepIr) -> String {
    let mut out = String::new();
    windows(&mut out, ir);
    encoder(&mut out, ir);
    step(&mut out, ir);
    queues(&mut out, ir);
    records(&mut out, ir);
    memory(&mut out, ir);
    out
}

fn windows(out: &mut String, ir: &StepIr) {
    out.push_str("\nWindows\n");
    let windows = &ir.windows;
    match windows.period {
        1 => out.push_str("  Every step is like every other.\n"),
        u64::MAX => out.push_str("  Steps do not repeat within 2^64.\n"),
        n => drop(writeln!(out, "  Steps repeat every {n}.")),
    }
    match windows.horizon {
        Some(horizon) => {
            let _ = writeln!(
                out,
                "  What happened more than {} before a window does not matter to it, so windows \
                 run in parallel.",
                plural(horizon, "step")
            );
        }
        None => {
            out.push_str("  Windows depend on the ones before, so steps run one after another:\n");
            for (buffer, reason) in &windows.carried {
                let _ = writeln!(out, "    {}: {reason}", name(ir, buffer.0));
            }
        }
    }
    for counter in &windows.counters {
        let (buffer, when) = (name(ir, counter.buffer.0), of_clock(ir, counter.clock));
        let _ = writeln!(out, "  Counter {buffer}: {:+} at {when}.", counter.add);
    }
    for collected in &windows.collected {
        let counter = windows.counters.get(collected.counter);
        let index = counter.map_or("", |c| name(ir, c.buffer.0));
        let buffer = name(ir, collected.buffer.0);
        let _ = writeln!(out, "  Results {buffer}: only written, at index {index}.");
    }
}

/// Encoders of bytes that a table has replaced.
fn encoder(out: &mut String, ir: &StepIr) {
    for tabulated in &ir.tabulated {
        let _ = writeln!(
            out,
            "\nEncoder\n  {}: the 256 values of a byte give {}. The weights of inputs with equal \
             trains are\n  added once for each row, and these sums at the steps at which the trains \
             spike; the encoder\n  itself does not run. (Record its state or spikes, and it does.)",
            tabulated.port,
            plural(tabulated.trains as u64, "different spike train"),
        );
    }
}

/// One line an op, once where several in a row say the same; columns are as wide as the widest
/// entry.
fn step(out: &mut String, ir: &StepIr) {
    out.push_str("\nA step\n");
    let lines: Vec<(&str, Vec<[String; 3]>)> = ir
        .program
        .phases()
        .into_iter()
        .filter(|(_, ops)| !ops.is_empty())
        .map(|(phase, ops)| {
            (phase, repeated(&ops.iter().map(|op| line(ir, op)).collect::<Vec<_>>()))
        })
        .collect();
    let width = |column: usize| {
        let entries = lines.iter().flat_map(|(_, ops)| ops);
        entries.map(|op| op[column].chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    for (phase, ops) in &lines {
        let _ = writeln!(out, "  {phase}");
        for [what, when, how] in ops {
            let line = format!("    {what:first$}  {when:second$}  {how}");
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

/// What an op is about, when it takes place, how it is done.
struct Line {
    what: String,
    when: Clock,
    how: String,
}

/// The lines as columns. Of one or two that come again and again, but for their steps, one or two
/// are left, with the stretch of steps of all.
fn repeated(lines: &[Line]) -> Vec<[String; 3]> {
    fn said(line: &Line) -> (&str, &str, bool) {
        (&line.what, &line.how, line.when.is_always())
    }
    let mut out = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let times = |n: usize| {
            let first = |c: &&[Line]| c.iter().zip(rest).all(|(a, b)| said(a) == said(b));
            let again = rest.chunks_exact(n).take_while(first);
            again.count()
        };
        let n = if times(1) == 1 && times(2) > 1 { 2 } else { 1 };
        let (block, after) = rest.split_at(n * times(n));
        rest = after;
        for (at, of) in block[..n].iter().enumerate() {
            let clocks: Vec<&Clock> = block.chunks(n).map(|lines| &lines[at].when).collect();
            let how = match clocks.len() {
                1 => of.how.clone(),
                times if clocks.iter().all(|c| **c == of.when) => {
                    format!("{}, {times} times", of.how)
                }
                times => format!("{}, {times} times, each at some of these steps", of.how),
            };
            out.push([of.what.clone(), stretch(&clocks), how]);
        }
    }
    out
}

/// When any of several clocks holds.
fn stretch(clocks: &[&Clock]) -> String {
    let Some((first, others)) = clocks.split_first() else { return String::new() };
    let any = others.iter().try_fold((*first).clone(), |all, clock| all.or(clock));
    any.map_or_else(|_| "at different steps".to_owned(), |any| when(&any))
}

fn line(ir: &StepIr, op: &Op) -> Line {
    let (what, how) = match &op.kind {
        OpKind::Loop(l) => {
            let elements: usize = l.domain.iter().product();
            let statements = plural(l.body.len() as u64, "statement");
            (op.origin.clone(), format!("{statements} on {}", plural(elements as u64, "element")))
        }
        OpKind::Synapse(s) => {
            let shape = match s.weights {
                Source::Tensor(id) => ir.tensors.get(id.0 as usize).map(|t| t.shape.clone()),
                Source::Buffer(id) => ir.buffers.get(id.0 as usize).map(|b| b.shape.clone()),
            };
            let weights = ty(s.kernel.weight, &shape.unwrap_or_default());
            let how = format!("weights {weights}: {}", s.kernel.reason);
            (op.origin.clone(), how)
        }
        OpKind::Outer(o) => {
            let elements = ir.buffers.get(o.dst.0 as usize).map_or(0, Buffer::len);
            (op.origin.clone(), format!("outer product of {}", plural(elements as u64, "element")))
        }
        OpKind::Reduce(r) => {
            let op_name = match r.op {
                ReduceOp::Sum => "sum",
                ReduceOp::Min => "min",
                ReduceOp::Max => "max",
                ReduceOp::ArgMax => "argmax",
            };
            let elements: usize = r.domain.iter().product();
            (op.origin.clone(), format!("{op_name} of {}", plural(elements as u64, "element")))
        }
        OpKind::Push { queue, .. } => (name(ir, queue.0).to_owned(), "message in".to_owned()),
        OpKind::Pop { queue, .. } => (name(ir, queue.0).to_owned(), "message out".to_owned()),
        OpKind::Reset { buffer } => (name(ir, buffer.0).to_owned(), "reset".to_owned()),
    };
    Line { what, when: clock(ir, op.clock), how }
}

fn queues(out: &mut String, ir: &StepIr) {
    let queues: Vec<&Buffer> = ir.buffers.iter().filter(|b| b.kind == BufferKind::Queue).collect();
    if queues.is_empty() {
        return;
    }
    out.push_str("\nQueues\n");
    for queue in queues {
        let (slots, message) = queue.shape.split_first().unwrap_or((&1, &[]));
        let messages = plural(*slots as u64, "message");
        let _ = writeln!(out, "  {}: {messages} of {}", queue.name, ty(queue.elem, message));
    }
}

fn records(out: &mut String, ir: &StepIr) {
    if ir.records.is_empty() {
        return;
    }
    out.push_str("\nRecords\n");
    for record in &ir.records {
        let when = match record.when {
            RecordWhen::Clock(clock) => of_clock(ir, clock),
            RecordWhen::End => "after the last step".to_owned(),
        };
        let why = if record.asked { "" } else { ", for a report" };
        let _ = writeln!(out, "  {}: {when}{why}", record.key);
    }
}

fn memory(out: &mut String, ir: &StepIr) {
    let of = |shape: &[usize], elem: Elem| {
        shape.iter().fold(bytes(elem), |n, size| n.saturating_mul(*size as u64))
    };
    let state: u64 = ir.buffers.iter().map(|b| of(&b.shape, b.elem)).sum();
    let (mut known, mut files) = (0u64, 0u64);
    for t in &ir.tensors {
        match &t.values {
            TensorValues::Known(_) => known += of(&t.shape, t.elem),
            // A source or target, and a weight.
            TensorValues::Sparse(s) => known += s.stored() as u64 * (4 + bytes(t.elem)),
            TensorValues::File(_) => files = files.saturating_add(of(&t.shape, t.elem)),
        }
    }
    let _ = writeln!(
        out,
        "\nMemory\n  state and messages {}, weights and parameters {}, data files {}",
        size(state),
        size(known),
        size(files)
    );
}

fn name(ir: &StepIr, buffer: u32) -> &str {
    ir.buffers.get(buffer as usize).map_or("", |b| b.name.as_str())
}

fn of_clock(ir: &StepIr, id: ClockId) -> String {
    when(&clock(ir, id))
}

fn clock(ir: &StepIr, id: ClockId) -> Clock {
    ir.clocks.get(id.0 as usize).cloned().unwrap_or_else(Clock::always)
}

/// The steps of a clock: as a condition where it is a simple one, else its first steps.
pub fn when(clock: &Clock) -> String {
    if clock.is_always() {
        return "every step".to_owned();
    }
    if clock.is_never() {
        return "never".to_owned();
    }
    if let Some((every, residue)) = clock.as_every() {
        return format!("t % {every} == {residue}");
    }
    if let (0, [one]) = (clock.prefix(), clock.cycle()) {
        return format!("{} <= t % {} <= {}", one.start, clock.period(), one.end - 1);
    }
    let mut first: Vec<String> = clock.steps().take(5).map(|t| t.to_string()).collect();
    if first.len() == 5 {
        first.pop();
        first.push("…".to_owned());
    }
    format!("t = {}", first.join(", "))
}

fn plural(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// An array's type as the language writes it.
fn ty(of: Elem, shape: &[usize]) -> String {
    match shape {
        [] => elem(of).to_owned(),
        shape => format!("{}{shape:?}", elem(of)),
    }
}

fn elem(elem: Elem) -> &'static str {
    match elem {
        Elem::Bool => "bool",
        Elem::I8 => "i8",
        Elem::U8 => "u8",
        Elem::I16 => "i16",
        Elem::U16 => "u16",
        Elem::I32 => "i32",
        Elem::U32 => "u32",
        Elem::I64 => "i64",
        Elem::F32 => "f32",
        Elem::F64 => "f64",
    }
}

fn bytes(elem: Elem) -> u64 {
    match elem {
        Elem::Bool | Elem::I8 | Elem::U8 => 1,
        Elem::I16 | Elem::U16 => 2,
        Elem::I32 | Elem::U32 | Elem::F32 => 4,
        Elem::I64 | Elem::F64 => 8,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => plural(bytes, "byte"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_ir::step::{
        BufferId, Collected, Counter, Fit, Init, Kernel, KernelKind, Loop, Program, Record,
        Synapse, Tensor, TensorId, Windows,
    };
    use snn_ir::tensor;
    use std::sync::Arc;

    fn buffer(name: &str, kind: BufferKind, elem: Elem, shape: &[usize]) -> Buffer {
        Buffer {
            name: name.to_owned(),
            kind,
            elem,
            shape: shape.to_vec(),
            init: Init::Int(0),
            range: (0, 0),
        }
    }

    fn op(clock: u32, origin: &str, kind: OpKind) -> Op {
        Op { clock: ClockId(clock), kind, origin: origin.to_owned() }
    }

    fn network() -> StepIr {
        let synapse = Synapse {
            weights: Source::Tensor(TensorId(0)),
            conv: None,
            src: BufferId(0),
            binary: true,
            dst: BufferId(1),
            kernel: Kernel {
                kind: KernelKind::Columns,
                weight: Elem::I8,
                shift: 1,
                accumulator: Elem::I16,
                reason: "8-bit columns, 16-bit sums".to_owned(),
            },
        };
        let domain = vec![2];
        StepIr {
            network: "Main".to_owned(),
            run: "sim".to_owned(),
            steps: 320,
            open: false,
            buffers: vec![
                buffer("enc.spikes", BufferKind::Port, Elem::Bool, &[2]),
                buffer("syn.a_buff", BufferKind::State, Elem::I32, &[2]),
                buffer("enc.label -> cls.label", BufferKind::Queue, Elem::I32, &[1]),
                buffer("cls.k", BufferKind::State, Elem::I64, &[]),
                buffer("cls.predicted", BufferKind::State, Elem::I32, &[10]),
            ],
            tensors: vec![Tensor {
                name: "syn_w".to_owned(),
                elem: Elem::I8,
                shape: vec![2, 2],
                given: None,
                values: TensorValues::Known(Arc::new(tensor::Tensor::int(
                    vec![2, 2],
                    vec![2, 4, 0, 8],
                ))),
            }],
            clocks: vec![
                Clock::always(),
                Clock::every(32, 1),
                Clock::from_fn(0, 32, |t| t > 2 && t < 30),
            ],
            program: Program {
                start: vec![op(1, "syn", OpKind::Reset { buffer: BufferId(1) })],
                spk: vec![
                    op(0, "enc", OpKind::Loop(Loop { domain, body: Vec::new(), locals: 0 })),
                    op(2, "syn", OpKind::Synapse(synapse)),
                ],
                post_mgmt: vec![op(1, "cls", OpKind::Pop { queue: BufferId(2), to: BufferId(3) })],
                ..Program::default()
            },
            records: vec![Record {
                key: "cls.predicted".to_owned(),
                buffer: BufferId(4),
                when: RecordWhen::End,
                asked: false,
            }],
            windows: Windows {
                period: 32,
                horizon: Some(3),
                counters: vec![Counter {
                    buffer: BufferId(3),
                    add: 1,
                    clock: ClockId(1),
                    fit: Fit::Exact,
                }],
                collected: vec![Collected { buffer: BufferId(4), counter: 0, unit: 1 }],
                carried: Vec::new(),
            },
            tabulated: Vec::new(),
        }
    }

    #[test]
    fn an_explanation_names_what_happens_when_and_why() {
        insta::assert_snapshot!(execution(&network()));
    }

    #[test]
    fn what_is_done_again_and_again_is_said_once() {
        let mut ir = network();
        let part = |clock, n| {
            op(clock, "syn", OpKind::Loop(Loop { domain: vec![n], body: Vec::new(), locals: 0 }))
        };
        ir.clocks.extend([3, 4, 5].map(|t| Clock::every(32, t)));
        ir.program.spk = vec![part(0, 2), part(3, 2), part(4, 2), part(5, 2)];
        ir.program.post_mgmt = [2, 9, 2, 9, 2, 9].map(|n| part(1, n)).into();
        let text = execution(&ir);
        let step = text.split("\n\n").find(|part| part.starts_with("A step")).unwrap();
        assert_eq!(
            step,
            "A step
  start
    syn.a_buff  t % 32 == 1       reset
  spk
    syn         every step        0 statements on 2 elements
    syn         3 <= t % 32 <= 5  0 statements on 2 elements, 3 times, each at some of these steps
  post_mgmt
    syn         t % 32 == 1       0 statements on 2 elements, 3 times
    syn         t % 32 == 1       0 statements on 9 elements, 3 times"
        );
    }

    #[test]
    fn what_prevents_parallel_windows_is_named() {
        let mut ir = network();
        ir.windows.horizon = None;
        ir.windows.carried = vec![(BufferId(1), "is never reset".to_owned())];
        let text = execution(&ir);
        assert!(text.contains("one after another:\n    syn.a_buff: is never reset\n"), "{text}");
    }
}
