//! Random networks that remember in every way there is, mostly for some windows only.

use super::windows::{access, binary, int, load, scalar, time};
use super::{Builder, Choices, empty};
use snn_back::schedule::find_windows;
use snn_ir::clock::Clock;
use snn_ir::scalar;
use snn_ir::step::{
    ALWAYS, Access, BufferId, BufferKind, ClockId, DynamicIndex, Elem, Expr, ExprKind, Fit, Init,
    Kind, Loop, Op, OpKind, Record, RecordWhen, Source, StepIr, Stmt,
};

const WIDTH: usize = 4;
const WRAP32: Fit = Fit::Wrap { bits: 32, signed: true };

/// A network of counters that wrap and saturate, state, held messages, queues and arrays of
/// results, with the windows that the compiler finds.
pub fn remembering(choices: &mut Choices) -> StepIr {
    let steps = 150 + choices.below(150) as u64;
    let builder = Builder { choices, ir: empty(steps), sites: 0 };
    let mut of = Remembering { builder, readable: Vec::new() };
    for _ in 0..3 {
        of.clock();
    }
    let parts = 3 + of.below(6);
    of.counter();
    for _ in 0..parts {
        match of.below(8) {
            0 | 1 => of.counter(),
            2 | 3 => of.results(),
            4 => of.state(),
            5 => of.held(),
            6 => of.queue(),
            _ => of.early_or_untouched(),
        }
    }
    of.records();
    let mut ir = of.builder.ir;
    find_windows(&mut ir);
    ir
}

struct Remembering<'c> {
    builder: Builder<'c>,
    /// Scalars of kind Int that may be read.
    readable: Vec<BufferId>,
}

impl Remembering<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.builder.choices.below(n)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.builder.choices.one_in(n)
    }

    fn clock(&mut self) {
        let every = 1 + self.below(4) as u64;
        let regular = Clock::every(every, self.below(4) as i64);
        let late = match self.below(4) {
            0 => Clock::between(1, 2 + self.below(6) as u64).not(),
            _ => Clock::always(),
        };
        let clock = regular.and(&late).expect("small sets");
        self.builder.ir.clocks.push(clock);
    }

    fn some_clock(&mut self) -> ClockId {
        ClockId(self.below(self.builder.ir.clocks.len()) as u32)
    }

    fn add(&mut self, elem: Elem, shape: &[usize], kind: BufferKind, init: i64) -> BufferId {
        self.builder.buffer_with(elem, shape, kind, Init::Int(init))
    }

    /// An op in some phase in which dynamics happen.
    fn push(&mut self, clock: ClockId, kind: OpKind) {
        let op = Op { clock, kind, origin: "remembering".into() };
        let program = &mut self.builder.ir.program;
        match self.builder.choices.below(3) {
            0 => program.spk.push(op),
            1 => program.lrn.push(op),
            _ => program.post_mgmt.push(op),
        }
    }

    fn reset(&mut self, clock: ClockId, buffer: BufferId) {
        let op = Op { clock, kind: OpKind::Reset { buffer }, origin: "remembering".into() };
        let program = &mut self.builder.ir.program;
        match self.builder.choices.below(3) {
            0 => program.start.push(op),
            1 => program.post_mgmt.push(op),
            _ => program.host.push(op),
        }
    }

    /// `to = value` in a loop over a domain.
    fn store(&mut self, clock: ClockId, domain: &[usize], to: Access, value: Expr, fit: Fit) {
        self.masked(clock, domain, to, value, fit, None);
    }

    fn masked(
        &mut self,
        clock: ClockId,
        domain: &[usize],
        to: Access,
        value: Expr,
        fit: Fit,
        mask: Option<Expr>,
    ) {
        let body = vec![Stmt::Store { to, value, fit, mask }];
        self.push(clock, OpKind::Loop(Loop { domain: domain.to_vec(), body, locals: 0 }));
    }

    /// Something that a step knows: the time, and what was counted or received.
    fn value(&mut self, axes: usize) -> Expr {
        let mut value = binary(scalar::Op::Mul, time(), int(1 + self.below(5) as i64));
        for _ in 0..1 + self.below(2) {
            if let Some(n) = (!self.readable.is_empty()).then(|| self.below(self.readable.len())) {
                value = binary(scalar::Op::Add, value, scalar(self.readable[n], axes));
            }
        }
        value
    }

    /// A condition that seldom holds, for each element on its own.
    fn condition(&mut self) -> Expr {
        self.builder.sites += 1;
        let float = |node| Expr { kind: Kind::F64, node };
        let random = float(ExprKind::Random { seed: 1, site: self.builder.sites.into() });
        let rate = self.builder.choices.pick(&[0.01, 0.03, 0.5]);
        binary(scalar::Op::Lt, random, float(ExprKind::Float(rate)))
    }

    /// Only some of the first steps.
    fn early(&mut self) -> ClockId {
        let from = 1 + self.below(3) as u64;
        self.builder.ir.clocks.push(Clock::between(from, from + 2));
        ClockId(self.builder.ir.clocks.len() as u32 - 1)
    }

    /// A scalar that counts, in a type that it mostly outgrows.
    fn counter(&mut self) {
        let wrap = |bits, signed| Fit::Wrap { bits, signed };
        let sat = |bits, signed| Fit::Sat { bits, signed };
        let (elem, fit) = self.builder.choices.pick(&[
            (Elem::U8, wrap(4, false)),
            (Elem::I8, sat(8, true)),
            (Elem::I8, wrap(8, true)),
            (Elem::I8, wrap(3, true)),
            (Elem::U8, sat(5, false)),
            (Elem::I16, sat(7, true)),
            (Elem::I32, WRAP32),
            (Elem::I64, wrap(64, true)),
        ]);
        let add = self.builder.choices.pick(&[1, 2, -1, 3, -5, 100]);
        let init = self.below(4) as i64;
        let counter = self.add(elem, &[], BufferKind::State, init);
        let clock = self.some_clock();
        let count = |n| binary(scalar::Op::Add, load(counter), int(n));
        let mask = if self.one_in(16) { Some(self.condition()) } else { None };
        let at = access(counter, 0);
        self.masked(clock, &[], at.clone(), count(add), fit, mask);
        match self.below(20) {
            18 => self.store(clock, &[], at, count(add), fit),
            19 => {
                let clock = self.some_clock();
                self.reset(clock, counter);
            }
            _ => {}
        }
        self.readable.push(counter);
    }

    /// State that forgets at a reset, or by being overwritten.
    fn state(&mut self) {
        let state = self.add(Elem::I32, &[WIDTH], BufferKind::State, 5);
        let own = Access {
            source: Source::Buffer(state),
            offset: 0,
            strides: vec![1],
            dynamic: Vec::new(),
        };
        let before = Expr { kind: Kind::Int, node: ExprKind::Load(own.clone()) };
        let grown = binary(scalar::Op::Mul, before, int(1 + self.below(3) as i64));
        let value = binary(scalar::Op::Add, grown, self.value(1));
        let mask = if self.one_in(3) { Some(self.condition()) } else { None };
        let clock = self.some_clock();
        self.masked(clock, &[WIDTH], own, value, WRAP32, mask);
        if !self.one_in(16) {
            let clock = self.some_clock();
            self.reset(clock, state);
        }
    }

    /// A message that stands until the next.
    fn held(&mut self) {
        let port = self.add(Elem::I32, &[], BufferKind::Port, 3);
        let clock = self.some_clock();
        let value = self.value(0);
        self.store(clock, &[], access(port, 0), value, WRAP32);
        self.readable.push(port);
    }

    /// Messages that arrive some steps later.
    fn queue(&mut self) {
        let sent = self.some_clock();
        let later = self.below(6) as u64;
        let of = self.builder.ir.clocks[sent.0 as usize].clone();
        let received =
            Clock::from_fn(of.prefix() + later, of.period(), |t| t > later && of.holds(t - later));
        self.builder.ir.clocks.push(received);
        let received = ClockId(self.builder.ir.clocks.len() as u32 - 1);
        let slots = later as usize + 1;
        let queue = self.add(Elem::I32, &[slots], BufferKind::Queue, 0);
        let [from, to] = [2, 4].map(|init| self.add(Elem::I32, &[], BufferKind::Port, init));
        let value = self.value(0);
        let op = |clock, kind| Op { clock, kind, origin: "remembering".into() };
        let store = Stmt::Store { to: access(from, 0), value, fit: WRAP32, mask: None };
        let send = OpKind::Loop(Loop { domain: Vec::new(), body: vec![store], locals: 0 });
        let program = &mut self.builder.ir.program;
        program.spk.extend([op(sent, send), op(sent, OpKind::Push { queue, from })]);
        program.post_mgmt.push(op(received, OpKind::Pop { queue, to }));
        self.readable.push(to);
    }

    /// A scalar that only the first steps write, or none.
    fn early_or_untouched(&mut self) {
        let scalar = self.add(Elem::I32, &[], BufferKind::State, 9);
        if self.one_in(8) {
            let clock = self.early();
            let value = self.value(0);
            self.store(clock, &[], access(scalar, 0), value, WRAP32);
        }
        self.readable.push(scalar);
    }

    /// An array that is written at a counter: whole rows, parts, by one statement or two, under
    /// a mask, at an index that comes round; once in a while it is read, too.
    fn results(&mut self) {
        let bits = self.builder.choices.pick(&[3, 4, 8]);
        let rows = 1 << bits;
        let start = self.below(rows) as i64;
        let index = self.add(Elem::U8, &[], BufferKind::State, start);
        let at = access(index, 0);
        let count = binary(scalar::Op::Add, load(index), int(1));
        let clock = if self.one_in(4) { self.early() } else { self.some_clock() };
        let before = self.one_in(2);
        let round = Fit::Wrap { bits, signed: false };
        if before {
            self.store(clock, &[], at.clone(), count.clone(), round);
        }
        let results = self.add(Elem::I64, &[rows, WIDTH], BufferKind::State, -1);
        let comes_round = binary(scalar::Op::Rem, scalar(index, 1), int(rows as i64 - 1));
        for _ in 0..1 + self.below(2) {
            let (offset, len, stride) = match self.below(10) {
                0..=2 => (0, WIDTH, 1),
                3 | 4 => (0, 2, 1),
                5 | 6 => (2, 2, 1),
                7 => (1, 2, 1),
                8 => (3, 1, 1),
                _ => (0, 2, 2),
            };
            let index = if self.one_in(12) { comes_round.clone() } else { scalar(index, 1) };
            let row = DynamicIndex { index, stride: WIDTH as i64, extent: rows };
            let to = Access {
                source: Source::Buffer(results),
                offset,
                strides: vec![stride],
                dynamic: vec![row],
            };
            let mask = if self.one_in(8) { Some(self.condition()) } else { None };
            let written = match self.below(6) {
                0 | 1 => self.some_clock(),
                2 => self.early(),
                _ => clock,
            };
            let value = self.value(1);
            self.masked(written, &[len], to, value, Fit::Exact, mask);
        }
        if !before {
            self.store(clock, &[], at, count, round);
        }
        if self.one_in(16) {
            let seen = self.add(Elem::I64, &[], BufferKind::State, 0);
            self.store(ALWAYS, &[], access(seen, 0), load(results), Fit::Exact);
            self.readable.push(seen);
        }
    }

    /// Everything at the end, and most of it over time; of arrays of results rarely.
    fn records(&mut self) {
        for n in 0..self.builder.ir.buffers.len() {
            let buffer = &self.builder.ir.buffers[n];
            let (kind, results) = (buffer.kind, buffer.shape.len() == 2);
            if kind == BufferKind::Queue {
                continue;
            }
            let often = self.one_in(if results { 16 } else { 2 });
            let clock = self.some_clock();
            for when in [Some(RecordWhen::End), often.then_some(RecordWhen::Clock(clock))] {
                let Some(when) = when else { continue };
                let (key, buffer) = (format!("kept{n}{when:?}"), BufferId(n as u32));
                let key = key.replace(['(', ')'], "_");
                self.builder.ir.records.push(Record { key, buffer, when, asked: true });
            }
        }
    }
}
