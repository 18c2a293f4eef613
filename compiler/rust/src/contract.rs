//! How the runner moves a network through time and takes its results.

use super::network::{Emitter, has_ends};
use super::printer::Code;
use super::typed::stored;
use snn_ir::step::{
    BufferId, Collected, Counter, Fit, Init, Loop, OpKind, RecordWhen, Source, Stmt,
};

/// What happens to a counter and an array of results in a step, in order.
enum Event {
    /// The clock number at which the counter counts.
    Count(u32),
    /// The clock number at which a part of a row is written, where in the row, and how much.
    Write(u32, usize, usize),
}

impl Emitter<'_> {
    /// Counters and the ends of queues as they are before step `t`.
    pub fn seek(&self) -> Vec<Code> {
        let mut lines = Vec::new();
        for counter in &self.ir.windows.counters {
            let Some(buffer) = self.buffer(counter.buffer) else { continue };
            let field = self.field(counter.buffer);
            let target = if buffer.shape.is_empty() { field } else { format!("{field}[0]") };
            let value = self.counter_before(counter, "t");
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
        let (_, condition) = self.clock(snn_ir::step::ClockId(clock));
        format!("snn_runtime::support::count_before({t}, {prefix}, {period}, |t| {condition})")
    }

    /// A counter's value before step `t`: an `i64`.
    fn counter_before(&self, counter: &Counter, t: &str) -> String {
        let start = match self.buffer(counter.buffer).map(|b| b.init) {
            Some(Init::Int(value)) => value,
            _ => 0,
        };
        let count = self.count(counter.clock.0, t);
        // What the sums of a run fit in needs no care.
        let bound = i128::from(counter.add) * i128::from(self.ir.steps) + i128::from(start);
        let value = if i64::try_from(bound).is_err() {
            let add = counter.add;
            format!("i64::wrapping_add({start}, i64::wrapping_mul({add}, {count} as i64))")
        } else {
            let sum = if start == 0 { String::new() } else { format!("{start} + ") };
            match counter.add {
                1 => format!("{sum}{count} as i64"),
                add => format!("{sum}{add} * {count} as i64"),
            }
        };
        self.fitted(counter, value)
    }

    /// A value of a counter, made to fit where what stores it does not.
    fn fitted(&self, counter: &Counter, value: String) -> String {
        let stored = self.buffer(counter.buffer).and_then(|b| b.elem.bounds());
        let Some((lo, hi)) = counter.fit.bounds() else { return value };
        match counter.fit {
            // The cast to the stored type wraps alike.
            Fit::Wrap { .. } if stored == Some((lo, hi)) => value,
            Fit::Wrap { bits, signed: true } => {
                let unused = 64 - bits;
                format!("(({value}) << {unused}) >> {unused}")
            }
            Fit::Wrap { .. } => format!("({value}) & {hi}"),
            Fit::Sat { .. } => format!("({value}).clamp({lo}, {hi})"),
            Fit::Exact => value,
        }
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
        let row: usize = buffer.shape.iter().skip(1).product();
        let copy = |offset: usize, len: usize| match (offset, len == row) {
            (0, true) => format!(
                "snn_runtime::support::copy_row(&mut {field}[..], &{theirs}[..], row, {row});"
            ),
            _ => format!(
                "snn_runtime::support::copy_part(&mut {field}[..], &{theirs}[..], row, {row}, \
                 {offset}..{});",
                offset + len
            ),
        };
        let body = self.events(of.buffer, counter).into_iter().map(|event| {
            let (clock, line) = match event {
                Event::Write(clock, offset, len) => (clock, copy(offset, len)),
                Event::Count(clock) => (clock, self.counted(counter)),
            };
            match self.clock(snn_ir::step::ClockId(clock)).1.as_str() {
                "true" => Code::line(line),
                condition => Code::block(format!("if {condition}"), vec![Code::line(line)]),
            }
        });
        vec![
            Code::line(format!("let mut row: i64 = {};", self.row_before(counter))),
            Code::block("for t in from..=to", body.collect()),
        ]
    }

    /// `row` is a counter's value before step `from`.
    fn row_before(&self, counter: &Counter) -> String {
        let value = self.counter_before(counter, "from");
        match self.cast(counter) {
            Some(ty) => format!("({value}) as {ty} as i64"),
            None => value,
        }
    }

    /// `row` counts as its counter does.
    fn counted(&self, counter: &Counter) -> String {
        let add = counter.add;
        match (self.cast(counter), counter.fit) {
            (Some(ty), _) => format!("row = (row + {add}) as {ty} as i64;"),
            (None, Fit::Exact) => format!("row += {add};"),
            (None, fit) if fit.bounds().is_some() => {
                format!("row = {};", self.fitted(counter, format!("row + {add}")))
            }
            (None, _) => format!("row = row.wrapping_add({add});"),
        }
    }

    /// The type whose casts wrap as a counter does, where it does so in a run.
    fn cast(&self, counter: &Counter) -> Option<&'static str> {
        let buffer = self.buffer(counter.buffer)?;
        let Init::Int(init) = buffer.init else { return None };
        let (lo, hi) =
            counter.fit.bounds().filter(|bounds| Some(*bounds) == buffer.elem.bounds())?;
        let last = i128::from(counter.add) * i128::from(self.ir.steps) + i128::from(init);
        let straight = (i128::from(lo)..=i128::from(hi)).contains(&last);
        (matches!(counter.fit, Fit::Wrap { .. }) && !straight).then(|| stored(buffer.elem))
    }

    /// In the order of a step: where `array` is written, and where `counter` counts.
    fn events(&self, array: BufferId, counter: &Counter) -> Vec<Event> {
        let phases = self.ir.program.phases();
        let mut events = Vec::new();
        for op in phases.iter().flat_map(|(_, ops)| ops.iter()) {
            let OpKind::Loop(Loop { domain, body, .. }) = &op.kind else { continue };
            for stmt in body {
                let Stmt::Store { to, .. } = stmt else { continue };
                if to.source == Source::Buffer(array) {
                    let len = domain.iter().product();
                    events.push(Event::Write(op.clock.0, to.offset.max(0) as usize, len));
                } else if to.source == Source::Buffer(counter.buffer) {
                    events.push(Event::Count(op.clock.0));
                }
            }
        }
        events
    }
}
