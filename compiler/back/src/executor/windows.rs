//! Windows side by side.
//!
//! A step of a small network has few elements, so that most of its time would go into beginning
//! and ending loops over them. Where windows are independent of each other (see
//! [`Windows::horizon`](snn_ir::step::Windows::horizon)), several of them are executed step by
//! step together: first each replays the steps before it, as a thread does before its part of a
//! run. Buffers hold the elements of one window after those of another, and a loop passes over
//! all of them.
//!
//! # Why this is the same
//!
//! All begin at steps of the same place in a period, after every clock's prefix: so a clock holds
//! for all of them or for none, and only the number of the step, counters and the places of
//! queues' messages differ, which are kept by window. What each records is put together in the
//! order of time. Arrays of results get what each stored after its replay; of two values for
//! one element the later in time stays. The last window's state is that of a run in order. It
//! does not matter what state a replay begins with, so that it is that of windows before.
//!
//! A fault may be one that no run in order has, or another window's may come before it. Then
//! nothing has happened, and the steps are executed one by one, here and for the rest of the run.

use super::Executor;
use super::array::Array;
use super::state::{Program, State, Stepped};
use snn_ir::step::{RecordWhen, StepIr};
use snn_runtime::Column;

/// Windows side by side, at most.
const MOST_WINDOWS: usize = 32;
/// Elements of their state, at most: they should stay in a cache of one core.
const MOST_ELEMENTS: usize = 1 << 17;
/// At least so many windows follow each other for each one that is replayed.
const FEWEST_AFTER_REPLAYED: u64 = 2;
/// At most so many do: more would be no faster, and show late how far the run is.
const MOST_AFTER_REPLAYED: u64 = 32;

/// A part of a run that is executed so.
struct Group {
    /// The first step of the first window.
    first: u64,
    /// Windows that are executed side by side.
    abreast: usize,
    /// Steps of each, after those that it replays.
    steps: u64,
    /// Steps that are replayed.
    replayed: u64,
}

impl Group {
    /// That from step `t` on and before step `last`, if there are enough windows.
    fn at(ir: &StepIr, t: u64, last: u64) -> Option<Group> {
        let (period, replayed) = (ir.windows.period.max(1), ir.windows.horizon?);
        let prefix = ir.clocks.iter().map(|clock| clock.prefix()).max().unwrap_or(0);
        let begins = (t - 1).is_multiple_of(period) && t > replayed.saturating_add(prefix);
        if !begins {
            return None;
        }
        let windows = last.saturating_sub(t) / period;
        let replayed_windows = replayed.div_ceil(period).max(1);
        let abreast = (windows / (FEWEST_AFTER_REPLAYED * replayed_windows)).min(most(ir) as u64);
        if abreast < 2 {
            return None;
        }
        let each = (windows / abreast).min(MOST_AFTER_REPLAYED * replayed_windows);
        Some(Group { first: t, abreast: abreast as usize, steps: each * period, replayed })
    }

    /// The first step after it.
    fn end(&self) -> u64 {
        self.first + self.abreast as u64 * self.steps
    }
}

/// How many windows may be executed side by side.
fn most(ir: &StepIr) -> usize {
    let elements = ir.buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
    let results = ir.windows.collected.iter().map(|c| ir.buffers[c.buffer.0 as usize].len());
    (MOST_ELEMENTS / (elements - results.sum::<usize>()).max(1)).min(MOST_WINDOWS)
}

impl Executor {
    /// See [`leap`](snn_runtime::Network::leap).
    pub(super) fn leap_over_windows(&mut self, t: u64, last: u64, columns: &mut [Column]) -> u64 {
        let group = Group::at(&self.program.ir, t, last).filter(|_| self.side_by_side);
        let Some(group) = group else { return t };
        let program = &self.program;
        let known = self.windows.take().filter(|state| state.messages.len() == group.abreast);
        let mut windows = known.unwrap_or_else(|| self.state.abreast(program, group.abreast));
        let Ok(recorded) = windows.run(program, &group) else {
            self.side_by_side = false;
            return t;
        };
        for of_window in recorded {
            for (column, later) in columns.iter_mut().zip(of_window) {
                column.bytes.extend_from_slice(&later.bytes);
                column.rows += later.rows;
            }
        }
        self.state.take_over_last(program, &mut windows);
        self.windows = Some(windows);
        group.end()
    }
}

impl State {
    /// So many windows side by side, in the initial state.
    fn abreast(&self, program: &Program, windows: usize) -> Box<State> {
        let buffers = program.initial.iter().zip(&program.collected).map(|(initial, collected)| {
            let mut array = Array::zeros(initial.ty(), 0);
            (0..windows).filter(|_| !collected).for_each(|_| array.append(initial));
            array
        });
        Box::new(State {
            buffers: buffers.collect(),
            written: Vec::new(),
            results: Some(Vec::new()),
            times: Vec::new(),
            messages: vec![self.messages[0].clone(); windows],
            ..self.clone()
        })
    }

    /// Executes windows. Gives what each recorded.
    fn run(&mut self, program: &Program, group: &Group) -> Stepped<Vec<Vec<Column>>> {
        let ir = &program.ir;
        let begin = |window| group.first - group.replayed + window as u64 * group.steps;
        self.seek(program, (0..group.abreast).map(begin).collect());
        self.results = Some(Vec::new());
        for _ in 0..group.replayed {
            self.step_all(program, |_| ())?;
        }
        // Those of replayed steps are not wanted.
        self.results = Some(Vec::new());
        let mut recorded = vec![vec![Column::default(); ir.records.len()]; group.abreast];
        for _ in 0..group.steps {
            self.step_all(program, |state| {
                for (n, record) in ir.records.iter().enumerate() {
                    let RecordWhen::Clock(clock) = record.when else { continue };
                    if ir.clocks[clock.0 as usize].holds(state.times[0]) {
                        for (window, columns) in recorded.iter_mut().enumerate() {
                            state.keep(program, n, window, &mut columns[n]);
                        }
                    }
                }
            })?;
        }
        Ok(recorded)
    }

    /// A step, and what happens before the next; `record` is called before that.
    fn step_all(&mut self, program: &Program, record: impl FnOnce(&State)) -> Stepped<()> {
        self.step(program)?;
        record(self);
        self.between(program)?;
        self.times.iter_mut().for_each(|t| *t += 1);
        Ok(())
    }

    /// Takes over the state of the last of windows side by side, and the results of all.
    fn take_over_last(&mut self, program: &Program, windows: &mut State) {
        let last = windows.messages.len() - 1;
        for (buffer, array) in self.buffers.iter_mut().enumerate() {
            if !program.collected[buffer] {
                let n = program.len(buffer);
                array.copy(0..n, &windows.buffers[buffer], last * n);
            }
        }
        self.messages[0].clone_from(&windows.messages[last]);
        for result in windows.results.take().into_iter().flatten() {
            self.result(program, result);
        }
    }
}
