//! What following a process asks of its constants, and what came of it when others were asked.
//!
//! Two processes of one body that the same enters differ in their constants alone. As long as
//! these give the same answers, one is followed as the other was: weights that differ, but leave
//! no neuron silent, are one case.

use crate::clocks::grid::{self, Grid};
use indexmap::IndexSet;
use snn_ir::network::evaluate::Once;
use snn_ir::network::{Data, InstanceId, Network, ValueId};
use snn_ir::scalar::Kind;
use snn_ir::tensor::{Constant, Values};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What is asked of a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Its value.
    Value(ValueId),
    /// Which elements are not 0.
    Used(ValueId),
    /// Of the sums over its last axis, those for which some element is not 0.
    Summed(ValueId),
    /// Whether it is of a data file, or computed.
    Read(ValueId),
}

/// What a constant answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A value; none where it depends on a file that is not read.
    Value(Option<Constant>),
    /// Elements that are not 0; none where they are not known, or too many.
    Used(Option<Grid<bool>>),
    /// Sums that are not empty, and the elements that were looked at; none where they are not
    /// known.
    Summed(Option<(Grid<bool>, usize)>),
    /// Whether it is so.
    Read(bool),
}

/// The constants of a process.
pub struct Constants<'n> {
    network: &'n Network,
    instance: InstanceId,
    once: Once<'n>,
    answers: HashMap<Question, Answer>,
    /// What has been asked since it was last forgotten, in order.
    asked: IndexSet<Question>,
}

impl<'n> Constants<'n> {
    /// Those of an instance.
    pub fn of(network: &'n Network, instance: InstanceId) -> Constants<'n> {
        let once = Once::of(network, instance.at());
        Constants { network, instance, once, answers: HashMap::new(), asked: IndexSet::new() }
    }

    /// Answers, and remembers what was asked.
    pub fn ask(&mut self, question: Question) -> Answer {
        self.asked.insert(question);
        self.answer(question)
    }

    fn answer(&mut self, question: Question) -> Answer {
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        let answer = match question {
            Question::Value(at) => Answer::Value(self.once.get(at)),
            Question::Used(at) => Answer::Used(self.used(at)),
            Question::Summed(at) => Answer::Summed(self.summed(at)),
            Question::Read(at) => {
                let file = |data: &Data| matches!(data, Data::File(_));
                let tensor = self.once.tensor(at);
                Answer::Read(tensor.is_none_or(|t| file(&self.network.tensors[t.at()].data)))
            }
        };
        self.answers.insert(question, answer.clone());
        answer
    }

    fn shape(&self, at: ValueId) -> &'n [usize] {
        &self.network.body(self.instance).values[at.at()].shape
    }

    fn used(&mut self, at: ValueId) -> Option<Grid<bool>> {
        let few = self.shape(at).iter().product::<usize>() <= grid::MOST;
        let known = if few { self.once.get(at)? } else { return None };
        let all = known.convert(Kind::Bool).dense()?;
        match &all.values {
            Values::Bool(each) => Some(Grid::of(&all.shape, each.clone())),
            Values::Int(_) | Values::Float(_) => None,
        }
    }

    fn summed(&mut self, at: ValueId) -> Option<(Grid<bool>, usize)> {
        let (sources, sums) = self.shape(at).split_last()?;
        let known = self.once.get(at)?;
        let each: Vec<bool> = match &known {
            Constant::Dense(all) => {
                let rows = |k: usize| k * sources..(k + 1) * sources;
                let rows = (0..sums.iter().product()).map(rows);
                match &all.values {
                    Values::Int(v) => rows.map(|row| v[row].iter().any(|w| *w != 0)).collect(),
                    Values::Bool(v) => rows.map(|row| v[row].contains(&true)).collect(),
                    Values::Float(v) => rows.map(|row| v[row].iter().any(|w| *w != 0.0)).collect(),
                }
            }
            Constant::Sparse(all) => {
                let some = all.nonzero_codes();
                let any = |row| all.row(row).any(|(_, code)| some.get(code) == Some(&true));
                let rows = 0..sums.iter().product();
                rows.map(|row| !all.is_zero_elsewhere() || any(row)).collect()
            }
        };
        let looked_at = match &known {
            Constant::Dense(all) => all.len(),
            Constant::Sparse(all) => all.stored(),
        };
        Some((Grid::of(sums, each), looked_at))
    }
}

/// What came of asking the constants of several processes: a question, and what comes after each
/// answer.
pub enum Asked<T> {
    /// This question comes next.
    Next(Question, HashMap<Answer, Asked<T>>),
    /// Nothing more is asked.
    Came(T),
}

impl<T> Asked<T> {
    /// What came of the answers that these constants give.
    pub fn find(&self, constants: &mut Constants<'_>) -> Option<&T> {
        let mut at = self;
        loop {
            match at {
                Asked::Came(found) => return Some(found),
                Asked::Next(question, after) => at = after.get(&constants.answer(*question))?,
            }
        }
    }

    /// What came of the answers that these constants have given, in the order in which they were
    /// asked.
    pub fn once(constants: &mut Constants<'_>, came: T) -> Asked<T> {
        let asked = std::mem::take(&mut constants.asked);
        asked.into_iter().rev().fold(Asked::Came(came), |after, question| {
            Asked::Next(question, HashMap::from([(constants.answer(question), after)]))
        })
    }

    /// Adds what was asked of other constants. What is asked next follows from the answers, so that
    /// the two are the same up to an answer that was not given before.
    pub fn add(&mut self, other: Asked<T>) {
        let (mut at, mut other) = (self, other);
        while let (Asked::Next(_, known), Asked::Next(_, new)) = (&mut *at, other) {
            let Some((answer, after)) = new.into_iter().next() else { return };
            match known.entry(answer) {
                Entry::Vacant(place) => {
                    place.insert(after);
                    return;
                }
                Entry::Occupied(place) => (at, other) = (place.into_mut(), after),
            }
        }
    }
}
