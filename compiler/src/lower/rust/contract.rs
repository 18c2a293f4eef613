//! How the executor moves a network through time and takes its results.

use super::network::{Emitter, has_ends};
use super::printer::Code;
use super::typed::stored;
use crate::ir::{
    BufferId, Collected, Counter, Init, Loop, OpKind, RecordWhen, Source, Stmt, TensorValues,
};
use crate::tensor::Values;

/// What happens to a counter and an array of results in a step, in order.
enum Event {
    /// The clock number, and what the counter gains.
    Count(u32, i64),
    /// The clock number at which a row is written.
    Write(u32),
}

impl Emitter<'_> {
    /// Counters and the ends of queues as they are before step `t`.
    pub fn seek(&self) -> Vec<Code> {
        let mut lines = Vec::new();
        let mut done: Vec<BufferId> = Vec::new();
        for counter in &self.ir.windows.counters {
            if done.contains(&counter.buffer) {
                continue;
            }
            done.push(counter.buffer);
            let Some(buffer) = self.buffer(counter.buffer) else { continue };
            let field = self.field(counter.buffer);
            let target = if buffer.shape.is_empty() { field } else { format!("{field}[0]") };
            let value = self.counter_before(counter.buffer, "t");
            let ty = stored(buffer.elem);
            let cast = if ty == "i64" { String::new() } else { format!(" as {ty}") };
            let value = if cast.is_empty() { value } else { format!("({value})") };
            lines.push(Code::line(format!("{target} = {value}{cast};")));
        }
        let phases = self.ir.program.phases();
        for (number, buffer) in self.ir.buffers.iter().enumerate() {
            if !has_ends(buffer) {
                continue;
            }
            let id = BufferId(number as u32);
            let (field, slots, _) = self.ring(id);
            let counts = |pushes: bool| -> Vec<String> {
                let ops = phases.iter().flat_map(|(_, ops)| ops.iter());
                ops.filter(|op| match op.kind {
                    OpKind::Push { queue, .. } => pushes && queue == id,
                    OpKind::Pop { queue, .. } => !pushes && queue == id,
                    _ => false,
                })
                .map(|op| self.count(op.clock.0, "t"))
                .collect()
            };
            for (end, counts) in [("head", counts(false)), ("tail", counts(true))] {
                if !counts.is_empty() {
                    let sum = counts.join(" + ");
                    let sum = if counts.len() > 1 { format!("({sum})") } else { sum };
                    lines.push(Code::line(format!("{field}_{end} = ({sum} % {slots}) as usize;")));
                }
            }
        }
        lines
    }

    /// How often a clock holds before step `t`: a `u64`.
    fn count(&self, clock: u32, t: &str) -> String {
        let Some(found) = self.ir.clocks.get(clock as usize) else { return "0".into() };
        if found.is_always() {
            return format!("({t} - 1)");
        }
        if found.is_never() {
            return "0".into();
        }
        let (prefix, period) = (found.prefix(), found.period());
        let (_, condition) = self.clock(crate::ir::ClockId(clock));
        format!("snn_runtime::support::count_before({t}, {prefix}, {period}, |t| {condition})")
    }

    /// A counter's value before step `t`: an `i64`.
    fn counter_before(&self, buffer: BufferId, t: &str) -> String {
        let start = match self.buffer(buffer).map(|b| b.init) {
            Some(Init::Int(value)) => value,
            Some(Init::Tensor(id)) => match self.ir.tensors.get(id.0 as usize).map(|t| &t.values) {
                Some(TensorValues::Known(tensor)) => match &tensor.values {
                    Values::Int(values) => values.first().copied().unwrap_or(0),
                    _ => 0,
                },
                _ => 0,
            },
            _ => 0,
        };
        let counters = self.ir.windows.counters.iter().filter(|c| c.buffer == buffer);
        counters.fold(start.to_string(), |sum, Counter { add, clock, .. }| {
            let count = self.count(clock.0, t);
            let sum = if sum == "0" { String::new() } else { format!("{sum} + ") };
            match add {
                1 => format!("{sum}{count} as i64"),
                _ => format!("{sum}{add} * {count} as i64"),
            }
        })
    }

    /// The arms of `due`.
    pub fn due(&self) -> Vec<Code> {
        let mut arms = Vec::new();
        for (number, record) in self.ir.records.iter().enumerate() {
            if let RecordWhen::Clock(clock) = record.when {
                arms.push(Code::line(format!("{number} => {},", self.clock(clock).1)));
            }
        }
        if !arms.is_empty() {
            arms.push(Code::line("_ => false,"));
        }
        arms
    }

    /// Whether `due` depends on the step.
    pub fn due_needs_time(&self) -> bool {
        self.ir.records.iter().any(|record| match record.when {
            RecordWhen::Clock(clock) => !matches!(self.clock(clock).1.as_str(), "true" | "false"),
            RecordWhen::End => false,
        })
    }

    /// The arms of `keep`.
    pub fn keep(&self) -> Vec<Code> {
        let mut arms = Vec::new();
        for (number, record) in self.ir.records.iter().enumerate() {
            let Some(buffer) = self.buffer(record.buffer) else { continue };
            let field = self.field(record.buffer);
            let value = if buffer.shape.is_empty() {
                format!("&[{field}]")
            } else {
                format!("&{field}[..]")
            };
            arms.push(Code::line(format!("{number} => column.push({value}),")));
        }
        if !arms.is_empty() {
            arms.push(Code::line("_ => {}"));
        }
        arms
    }

    /// Rows of results that steps `from..=to` wrote, copied from `later`.
    pub fn collect(&self) -> Vec<Code> {
        self.ir.windows.collected.iter().flat_map(|collected| self.collect_one(collected)).collect()
    }

    fn collect_one(&self, of: &Collected) -> Vec<Code> {
        let Some(counter) = self.ir.windows.counters.get(of.counter) else { return vec![] };
        let Some(buffer) = self.buffer(of.buffer) else { return vec![] };
        let field = self.field(of.buffer);
        let theirs = field.replacen("self.", "later.", 1);
        let len: usize = buffer.shape.iter().skip(1).product();
        let copy =
            format!("snn_runtime::support::copy_row(&mut {field}[..], &{theirs}[..], row, {len});");
        let body = self.events(of.buffer, counter.buffer).into_iter().map(|event| {
            let (clock, line) = match event {
                Event::Write(clock) => (clock, copy.clone()),
                Event::Count(clock, add) => (clock, format!("row += {add};")),
            };
            match self.clock(crate::ir::ClockId(clock)).1.as_str() {
                "true" => Code::line(line),
                condition => Code::block(format!("if {condition}"), vec![Code::line(line)]),
            }
        });
        vec![
            Code::line(format!(
                "let mut row: i64 = {};",
                self.counter_before(counter.buffer, "from")
            )),
            Code::block("for t in from..=to", body.collect()),
        ]
    }

    /// In the order of a step: where `array` is written, and where `counter` counts.
    fn events(&self, array: BufferId, counter: BufferId) -> Vec<Event> {
        let mut counters = self.ir.windows.counters.iter().filter(|c| c.buffer == counter);
        let phases = self.ir.program.phases();
        let mut events = Vec::new();
        for op in phases.iter().flat_map(|(_, ops)| ops.iter()) {
            let OpKind::Loop(Loop { body, .. }) = &op.kind else { continue };
            for stmt in body {
                let Stmt::Store { to, .. } = stmt else { continue };
                if to.source == Source::Buffer(array) {
                    events.push(Event::Write(op.clock.0));
                } else if to.source == Source::Buffer(counter)
                    && let Some(counter) = counters.next()
                {
                    events.push(Event::Count(counter.clock.0, counter.add));
                }
            }
        }
        events
    }
}
