//! The MNIST network of the language's second example as hand-written step IR: what the
//! scheduler is expected to produce, for tests and benchmarks of the back end alone.

use snn_ir::clock::Clock;
use snn_ir::data::{DataError, DataSource};
use snn_ir::scalar;
use snn_ir::step::kernels;
use snn_ir::step::*;
use snn_ir::tensor::{Tensor as Constant, Values};
use std::path::Path;
use std::sync::Arc;

/// Steps per image.
pub const STEPS: u64 = 32;

/// The weights of the three layers of a `.net` file, as integers of shape `[post, pre]`.
///
/// # Errors
/// Where the file cannot be read.
pub fn weights(file: &Path) -> Result<[Constant; 3], DataError> {
    let layer = |k: usize| -> Result<Constant, DataError> {
        let source = DataSource::Hdf5(file.into(), format!("/layer/{k}/weight"));
        let tensor = {
            let dataset = snn_data::open(&snn_data::Disk, source)?;
            snn_data::read(&snn_data::Disk, &dataset)?
        };
        let values = match tensor.values {
            Values::Float(values) => values.into_iter().map(|w| w as i64).collect(),
            Values::Int(values) => values,
            Values::Bool(_) => Vec::new(),
        };
        Ok(Constant::int(tensor.shape, values))
    };
    Ok([layer(0)?, layer(1)?, layer(2)?])
}

/// The network for `images` images of `digits` (u8, `[n, 28, 28]`), with their `labels`.
///
/// Encoder (f64, rate-coded), three layers of `Dense` and `LIF` (du, dv 410/4096, threshold
/// 64 << 6), reset at steps 2, 3, 4 of an image, and a classifier that counts output spikes.
pub fn network(
    weights: &[Constant; 3],
    digits: TensorValues,
    labels: TensorValues,
    n: usize,
    images: usize,
) -> StepIr {
    let mut b = Builder::default();
    let start = b.clock(Clock::every(STEPS, 1));
    let end = b.clock(Clock::every(STEPS, 0));
    let digits = b.tensor("digits", Elem::U8, vec![n, 28, 28], digits);
    let labels = b.tensor("labels", Elem::U8, vec![n], labels);

    let pixels = b.buffer("enc.pixels", BufferKind::State, Elem::F64, &[784]);
    let v = b.buffer("enc.v", BufferKind::State, Elem::F64, &[784]);
    let next = b.buffer("enc.next", BufferKind::State, Elem::I64, &[]);
    let spikes = b.buffer("enc.spikes", BufferKind::Port, Elem::Bool, &[784]);
    let label = b.buffer("enc.label", BufferKind::Port, Elem::I32, &[]);
    let zero = || float(0.0);
    let clear = vec![store(at(pixels), zero()), store(at(v), zero())];
    b.spk(start, "enc", looped(&[784], clear));
    let drive = add(mul(float(1.0), load(at(pixels), Kind::F64)), zero());
    let encode = vec![
        store(at(v), add(load(at(v), Kind::F64), drive)),
        store(at(spikes), binary(scalar::Op::Gt, Kind::Bool, load(at(v), Kind::F64), float(1.0))),
        masked(at(v), zero(), load(at(spikes), Kind::Bool)),
    ];
    b.spk(ALWAYS, "enc", looped(&[784], encode));

    let mut source = spikes;
    for (k, weight) in weights.iter().enumerate() {
        source = b.layer(k, weight, source);
    }

    let count = b.buffer("cls.count", BufferKind::State, Elem::I32, &[10]);
    let predicted = b.buffer("cls.predicted", BufferKind::State, Elem::I32, &[images]);
    let truth = b.buffer("cls.truth", BufferKind::State, Elem::I32, &[images]);
    let k = b.buffer("cls.k", BufferKind::State, Elem::I64, &[]);
    let best = b.buffer("cls.best", BufferKind::Local, Elem::I64, &[]);
    let queue = b.buffer("cls.label.queue", BufferKind::Queue, Elem::I32, &[1]);
    let received = b.buffer("cls.label", BufferKind::Port, Elem::I32, &[]);
    let spike = convert(Kind::Int, load(at(source), Kind::Bool));
    let counted = vec![wrapped(at(count), add(load(at(count), Kind::Int), spike))];
    b.spk(ALWAYS, "cls", looped(&[10], counted));

    let next_image =
        |extent, stride| DynamicIndex { index: load(scalar(next), Kind::Int), stride, extent };
    let image =
        Access { source: digits, offset: 0, strides: vec![1], dynamic: vec![next_image(n, 784)] };
    let scaled = convert(Kind::F64, load(image, Kind::Int));
    let scaled = binary(scalar::Op::Div, Kind::F64, scaled, float(255.0));
    let present = vec![store(at(pixels), scaled), store(at(v), zero())];
    b.post(start, "enc", looped(&[784], present));
    let its_label =
        Access { source: labels, offset: 0, strides: vec![], dynamic: vec![next_image(n, 1)] };
    let one = Expr { kind: Kind::Int, node: ExprKind::Int(1) };
    let advance = vec![
        wrapped(scalar(label), load(its_label, Kind::Int)),
        store(scalar(next), add(load(scalar(next), Kind::Int), one.clone())),
    ];
    b.post(start, "enc", looped(&[], advance));
    b.post(start, "enc", OpKind::Push { queue: id(queue), from: id(label) });
    b.post(end, "cls", OpKind::Pop { queue: id(queue), to: id(received) });
    let largest = Reduce::all(ReduceOp::ArgMax, vec![10], load(at(count), Kind::Int), id(best));
    b.post(end, "cls", OpKind::Reduce(largest));
    let row = |array| Access {
        source: array,
        offset: 0,
        strides: vec![],
        dynamic: vec![DynamicIndex {
            index: load(scalar(k), Kind::Int),
            stride: 1,
            extent: images,
        }],
    };
    let classify = vec![
        wrapped(row(predicted), load(scalar(best), Kind::Int)),
        wrapped(row(truth), load(scalar(received), Kind::Int)),
        store(scalar(k), add(load(scalar(k), Kind::Int), one)),
    ];
    b.post(end, "cls", looped(&[], classify));
    b.post(end, "cls", OpKind::Reset { buffer: id(count) });

    let counters = vec![
        Counter { buffer: id(next), add: 1, clock: start, fit: Fit::Exact },
        Counter { buffer: id(k), add: 1, clock: end, fit: Fit::Exact },
    ];
    let collected =
        [predicted, truth].map(|array| Collected { buffer: id(array), counter: 1, unit: 1 });
    let record =
        |key: &str, array, when| Record { key: key.into(), buffer: id(array), when, asked: true };
    let mut ir = StepIr {
        network: "MnistOnLoihi".into(),
        run: "l2sim".into(),
        steps: STEPS * images as u64,
        open: false,
        buffers: b.buffers,
        tensors: b.tensors,
        clocks: b.clocks,
        program: b.program,
        records: vec![
            record("cls.predicted", predicted, RecordWhen::End),
            record("cls.truth", truth, RecordWhen::End),
            record("cls.count", count, RecordWhen::Clock(end)),
        ],
        windows: Windows {
            period: STEPS,
            horizon: Some(STEPS),
            counters,
            collected: collected.into(),
            carried: vec![],
        },
        tabulated: Vec::new(),
    };
    ranges::analyse(&mut ir);
    ir
}

#[derive(Default)]
struct Builder {
    buffers: Vec<Buffer>,
    tensors: Vec<Tensor>,
    clocks: Vec<Clock>,
    program: Program,
}

impl Builder {
    fn clock(&mut self, clock: Clock) -> ClockId {
        if self.clocks.is_empty() {
            self.clocks.push(Clock::always());
        }
        self.clocks.push(clock);
        ClockId(self.clocks.len() as u32 - 1)
    }

    fn tensor(
        &mut self,
        name: &str,
        elem: Elem,
        shape: Vec<usize>,
        values: TensorValues,
    ) -> Source {
        self.tensors.push(Tensor { name: name.into(), elem, shape, given: None, values });
        Source::Tensor(TensorId(self.tensors.len() as u32 - 1))
    }

    fn buffer(&mut self, name: &str, kind: BufferKind, elem: Elem, shape: &[usize]) -> Source {
        let init = if elem == Elem::F64 { Init::Float(0.0) } else { Init::Int(0) };
        let (name, shape) = (name.into(), shape.to_vec());
        self.buffers.push(Buffer { name, kind, elem, shape, init, range: (0, 0) });
        Source::Buffer(BufferId(self.buffers.len() as u32 - 1))
    }

    fn spk(&mut self, clock: ClockId, origin: &str, kind: OpKind) {
        self.program.spk.push(Op { clock, kind, origin: origin.into() });
    }

    fn post(&mut self, clock: ClockId, origin: &str, kind: OpKind) {
        self.program.post_mgmt.push(Op { clock, kind, origin: origin.into() });
    }

    /// A `Dense` and a `LIF`; returns the spikes of the latter.
    fn layer(&mut self, k: usize, weights: &Constant, source: Source) -> Source {
        let m = weights.shape.first().copied().unwrap_or(0);
        let synapse = format!("net.layer{k}.synapse");
        let neuron = format!("net.layer{k}.neuron");
        let known = TensorValues::Known(Arc::new(weights.clone()));
        let tensor = self.tensor(
            &format!("net_layer{k}_synapse_w"),
            Elem::I32,
            weights.shape.clone(),
            known,
        );
        let buffer = self.buffer(&format!("{synapse}.a_buff"), BufferKind::State, Elem::I32, &[m]);
        let a = self.buffer(&format!("{neuron}.a_in"), BufferKind::Port, Elem::I32, &[m]);
        let sum = self.buffer(&format!("{synapse}.acc"), BufferKind::Local, Elem::I32, &[m]);
        let u = self.buffer(&format!("{neuron}.u"), BufferKind::State, Elem::I32, &[m]);
        let v = self.buffer(&format!("{neuron}.v"), BufferKind::State, Elem::I32, &[m]);
        let s = self.buffer(&format!("{neuron}.s_out"), BufferKind::Port, Elem::Bool, &[m]);
        let load_int = |source| load(at(source), Kind::Int);

        self.spk(ALWAYS, &synapse, looped(&[m], vec![store(at(a), load_int(buffer))]));
        let reset = self.clock(Clock::every(STEPS, 2 + k as i64));
        self.spk(reset, &neuron, looped(&[m], vec![store(at(u), int(0)), store(at(v), int(0))]));
        self.spk(ALWAYS, &neuron, lif(m, a, u, v, s));

        self.spk(
            ALWAYS,
            &synapse,
            OpKind::Synapse(Synapse {
                weights: tensor,
                conv: None,
                src: id(source),
                binary: true,
                dst: id(sum),
                kernel: kernels::choose(weights, false, true, (0, 1)),
            }),
        );
        self.spk(ALWAYS, &synapse, looped(&[m], vec![store(at(buffer), load_int(sum))]));
        s
    }
}

/// The fixed-point LIF of the reference: 24-bit current that wraps, voltage that saturates.
fn lif(m: usize, a: Source, u: Source, v: Source, s: Source) -> OpKind {
    let half = 1 << 23;
    let load_int = |source| load(at(source), Kind::Int);
    let decay = |source| Expr {
        kind: Kind::Int,
        node: ExprKind::Apply(scalar::Op::Decay, vec![load_int(source), int(410)]),
    };
    let local = || Expr { kind: Kind::Int, node: ExprKind::Local(0) };
    let scaled = binary(scalar::Op::Shl, Kind::Int, load_int(a), int(6));
    let scaled = Expr {
        kind: Kind::Int,
        node: ExprKind::Apply(scalar::Op::Wrap { bits: 32, signed: true }, vec![scaled]),
    };
    let current = Stmt::Let { local: 0, name: "i".into(), value: add(decay(u), scaled) };
    let select = |cond, yes, no| Expr {
        kind: Kind::Int,
        node: ExprKind::Apply(scalar::Op::Select, vec![cond, yes, no]),
    };
    let compare = |op, limit| binary(op, Kind::Bool, local(), int(limit));
    let up = select(compare(scalar::Op::Le, -half), add(local(), int(2 * half)), local());
    let folded = select(compare(scalar::Op::Gt, half), add(local(), int(-2 * half)), up);
    let sum = add(add(decay(v), load_int(u)), int(0));
    let clipped = binary(scalar::Op::Max, Kind::Int, sum, int(1 - half));
    let clipped = binary(scalar::Op::Min, Kind::Int, clipped, int(half - 1));
    let body = vec![
        current,
        wrapped(at(u), folded),
        wrapped(at(v), clipped),
        store(at(s), binary(scalar::Op::Gt, Kind::Bool, load_int(v), int(64 << 6))),
        masked(at(v), int(0), load(at(s), Kind::Bool)),
    ];
    OpKind::Loop(Loop { domain: vec![m], body, locals: 1 })
}

fn id(source: Source) -> BufferId {
    match source {
        Source::Buffer(id) => id,
        Source::Tensor(TensorId(n)) => BufferId(n),
    }
}

fn at(source: Source) -> Access {
    Access { source, offset: 0, strides: vec![1], dynamic: vec![] }
}

fn scalar(source: Source) -> Access {
    Access { source, offset: 0, strides: vec![], dynamic: vec![] }
}

fn int(value: i64) -> Expr {
    Expr { kind: Kind::Int, node: ExprKind::Int(value) }
}

fn float(value: f64) -> Expr {
    Expr { kind: Kind::F64, node: ExprKind::Float(value) }
}

fn load(access: Access, kind: Kind) -> Expr {
    Expr { kind, node: ExprKind::Load(access) }
}

fn binary(op: scalar::Op, kind: Kind, a: Expr, b: Expr) -> Expr {
    Expr { kind, node: ExprKind::Apply(op, vec![a, b]) }
}

fn add(a: Expr, b: Expr) -> Expr {
    binary(scalar::Op::Add, a.kind, a, b)
}

fn mul(a: Expr, b: Expr) -> Expr {
    binary(scalar::Op::Mul, a.kind, a, b)
}

fn convert(kind: Kind, value: Expr) -> Expr {
    Expr::apply(scalar::Op::Convert(kind), vec![value])
}

fn store(to: Access, value: Expr) -> Stmt {
    Stmt::Store { to, value, fit: Fit::Exact, mask: None }
}

fn masked(to: Access, value: Expr, mask: Expr) -> Stmt {
    Stmt::Store { to, value, fit: Fit::Exact, mask: Some(mask) }
}

/// An assignment to an `i32`, wrapping.
fn wrapped(to: Access, value: Expr) -> Stmt {
    Stmt::Store { to, value, fit: Fit::Wrap { bits: 32, signed: true }, mask: None }
}

fn looped(domain: &[usize], body: Vec<Stmt>) -> OpKind {
    OpKind::Loop(Loop { domain: domain.to_vec(), body, locals: 0 })
}
