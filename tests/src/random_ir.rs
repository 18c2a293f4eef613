//! Random valid step IR, for differential tests.
//!
//! A network is a pure function of a stream of [`Choices`]. Fewer or smaller choices give
//! smaller networks, so that a property test can shrink what it found. The networks make no
//! sense, but they keep every invariant of [`snn_ir::step`]: what executes them may rely on those.

mod expr;
mod ops;
mod remembering;
mod sums;
mod windows;

pub use remembering::remembering;
pub use windows::windowed;

use snn_ir::clock::Clock;
use snn_ir::step::{
    ALWAYS, Buffer, BufferId, BufferKind, ClockId, Elem, Init, Program, Record, RecordWhen, StepIr,
    Tensor, TensorId, TensorValues, Windows,
};
use snn_ir::tensor::Tensor as Known;
use std::sync::Arc;

/// A stream of numbers that decides everything; when it is used up, the simplest is chosen.
pub struct Choices {
    stream: std::vec::IntoIter<u32>,
}

impl Choices {
    /// Choices as `stream` says.
    pub fn new(stream: Vec<u32>) -> Choices {
        Choices { stream: stream.into_iter() }
    }

    /// A number below `n`, which must not be 0; 0 is the simplest.
    pub fn below(&mut self, n: usize) -> usize {
        self.stream.next().unwrap_or(0) as usize % n
    }

    /// Whether something happens that does in one of `n` cases.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// An integer: mostly small, sometimes one at which something overflows.
    fn int(&mut self) -> i64 {
        let magnitude = match self.below(6) {
            0 | 1 => self.below(8) as i64,
            2 => self.below(300) as i64,
            3 => self.below(1 << 17) as i64,
            4 => (1i64 << self.below(63)) - 1,
            _ => (1i64 << self.below(62)) + self.below(3) as i64,
        };
        if self.one_in(2) { -magnitude } else { magnitude }
    }

    /// An integer that an element can hold.
    fn int_of(&mut self, elem: Elem) -> i64 {
        let (lo, hi) = elem.bounds().unwrap_or((-4, 4));
        let value = self.int();
        if (lo..=hi).contains(&value) { value } else { value.rem_euclid(100).clamp(lo, hi) }
    }

    fn float(&mut self) -> f64 {
        let float = match self.below(4) {
            0 => self.below(5) as f64,
            1 => self.below(1000) as f64 / 64.0,
            2 => self.below(1000) as f64 / 977.0,
            _ => self.pick(&[1e-3, 1e9, 1e300, f64::INFINITY, 0.1]),
        };
        if self.one_in(2) { -float } else { float }
    }

    /// A float, or none.
    fn float_or_nan(&mut self) -> f64 {
        if self.one_in(8) { f64::NAN } else { self.float() }
    }
}

/// Shapes that loops iterate and buffers have. The loops of a network share them.
const SHAPES: [&[usize]; 6] = [&[6], &[3, 4], &[], &[17], &[2, 3, 2], &[131]];

const ELEMS: [Elem; 10] = [
    Elem::I32,
    Elem::Bool,
    Elem::F64,
    Elem::I16,
    Elem::I64,
    Elem::U8,
    Elem::F32,
    Elem::I8,
    Elem::U32,
    Elem::U16,
];

/// A network while it is made.
struct Builder<'a> {
    choices: &'a mut Choices,
    ir: StepIr,
    /// Uses of randomness so far.
    sites: u32,
}

/// The network that `choices` mean. It records every buffer after every step. Its ranges are
/// those of the element types until they are analysed.
pub fn network(choices: &mut Choices) -> StepIr {
    let mut builder = Builder { choices, ir: empty(12), sites: 0 };
    builder.clocks();
    for _ in 0..2 + builder.choices.below(4) {
        builder.some_tensor();
    }
    // A few that every expression can fall back on, then whatever comes.
    builder.buffer(Elem::I32, &[]);
    builder.buffer(Elem::Bool, &[6]);
    for _ in 0..2 + builder.choices.below(8) {
        let (elem, shape) = (builder.choices.pick(&ELEMS), builder.choices.pick(&SHAPES));
        builder.buffer(elem, shape);
    }
    for _ in 0..1 + builder.choices.below(16) {
        builder.op();
    }
    builder.record_everything();
    builder.ir
}

/// A network of nothing.
fn empty(steps: u64) -> StepIr {
    StepIr {
        network: "Random".into(),
        run: "random".into(),
        steps,
        open: false,
        buffers: Vec::new(),
        tensors: Vec::new(),
        clocks: vec![Clock::always()],
        program: Program::default(),
        records: Vec::new(),
        windows: Windows::default(),
        tabulated: Vec::new(),
    }
}

impl Builder<'_> {
    fn clocks(&mut self) {
        for _ in 0..self.choices.below(4) {
            let every = 1 + self.choices.below(5) as u64;
            let residue = self.choices.below(5) as i64;
            let clock = match self.choices.below(3) {
                0 => Clock::every(every, residue),
                1 => Clock::every(every, residue).not(),
                _ => {
                    let bits = self.choices.below(1 << 7);
                    let prefix = self.choices.below(4) as u64;
                    Clock::from_fn(prefix, every, |t| bits >> (t % 7) & 1 == 1)
                }
            };
            self.clock(clock);
        }
    }

    fn clock(&mut self, clock: Clock) -> ClockId {
        self.ir.clocks.push(clock);
        ClockId(self.ir.clocks.len() as u32 - 1)
    }

    fn some_clock(&mut self) -> ClockId {
        match self.choices.below(2) {
            0 => ALWAYS,
            _ => ClockId(self.choices.below(self.ir.clocks.len()) as u32),
        }
    }

    fn some_tensor(&mut self) {
        let (elem, shape) = (self.choices.pick(&ELEMS), self.choices.pick(&SHAPES));
        self.tensor(elem, shape);
    }

    /// A constant tensor of random values.
    fn tensor(&mut self, elem: Elem, shape: &[usize]) -> TensorId {
        let n = shape.iter().product();
        let shape = shape.to_vec();
        let choices = &mut *self.choices;
        let known = match elem {
            Elem::Bool => Known::bool(shape, (0..n).map(|_| choices.one_in(2)).collect()),
            Elem::F32 => {
                let values = (0..n).map(|_| f64::from(choices.float_or_nan() as f32));
                Known::float(shape, values.collect())
            }
            Elem::F64 => Known::float(shape, (0..n).map(|_| choices.float_or_nan()).collect()),
            _ => Known::int(shape, (0..n).map(|_| choices.int_of(elem)).collect()),
        };
        self.known(elem, known)
    }

    fn known(&mut self, elem: Elem, values: Known) -> TensorId {
        let id = TensorId(self.ir.tensors.len() as u32);
        self.ir.tensors.push(Tensor {
            name: format!("tensor_{}", id.0),
            elem,
            shape: values.shape.clone(),
            given: None,
            values: TensorValues::Known(Arc::new(values)),
        });
        id
    }

    /// A new buffer of state.
    fn buffer(&mut self, elem: Elem, shape: &[usize]) -> BufferId {
        let dense = |t: &Tensor| !matches!(t.values, TensorValues::Sparse(_));
        let alike = |t: &Tensor| t.elem == elem && t.shape == shape && dense(t);
        let same = self.ir.tensors.iter().position(alike);
        let init = match (same, elem) {
            (Some(tensor), _) if self.choices.one_in(2) => Init::Tensor(TensorId(tensor as u32)),
            (_, Elem::F32) => Init::Float((self.choices.float() as f32).into()),
            (_, Elem::F64) => Init::Float(self.choices.float()),
            (_, Elem::Bool) => Init::Int(self.choices.below(2) as i64),
            _ => Init::Int(self.choices.int_of(elem)),
        };
        self.buffer_with(elem, shape, BufferKind::State, init)
    }

    fn buffer_with(
        &mut self,
        elem: Elem,
        shape: &[usize],
        kind: BufferKind,
        init: Init,
    ) -> BufferId {
        let id = BufferId(self.ir.buffers.len() as u32);
        self.ir.buffers.push(Buffer {
            name: format!("part{}.b{}", id.0 % 3, id.0),
            kind,
            elem,
            shape: shape.to_vec(),
            init,
            range: elem.bounds().unwrap_or((i64::MIN, i64::MAX)),
        });
        id
    }

    /// A buffer of state that fits and is not empty, if there is one.
    fn find(&mut self, fits: impl Fn(&Buffer) -> bool) -> Option<BufferId> {
        let fitting: Vec<BufferId> = (0u32..)
            .zip(&self.ir.buffers)
            .filter(|(_, b)| b.kind == BufferKind::State && !b.is_empty() && fits(b))
            .map(|(n, _)| BufferId(n))
            .collect();
        (!fitting.is_empty()).then(|| self.choices.pick(&fitting))
    }

    fn record_everything(&mut self) {
        for (n, buffer) in (0u32..).zip(&self.ir.buffers) {
            let record = |key: String, when| Record { key, buffer: BufferId(n), when, asked: true };
            let name = buffer.name.clone();
            self.ir.records.push(record(name.clone(), RecordWhen::Clock(ALWAYS)));
            if n == 0 {
                self.ir.records.push(record(format!("{name}.end"), RecordWhen::End));
            }
        }
    }
}
