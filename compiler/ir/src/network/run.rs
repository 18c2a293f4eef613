//! What a run asks for.

use super::{ClockId, InstanceId, Target, Value, ValueId};
use crate::diagnostics::Loc;

/// What a run asks for.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub target: Target,
    /// How many steps it has.
    pub steps: u64,
    /// Whether a program steps it, and may write variables and open in ports between steps.
    pub open: bool,
    /// What is kept, for the user and for the reports.
    pub records: Vec<Record>,
    /// Values over records ([`super::Op::Input`]), for reports and expectations.
    pub values: Vec<Value>,
    /// What is shown after the run.
    pub reports: Vec<Report>,
    /// What must hold after the run.
    pub expectations: Vec<Expectation>,
}

/// Something a run keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its key in the results: the dotted path, or one that no path can be where only a report
    /// needs it.
    pub key: String,
    /// Whose.
    pub instance: InstanceId,
    /// What of it.
    pub member: Member,
    /// After which steps; none after the last one only.
    pub when: Option<ClockId>,
    /// Whether a `record` asks for it.
    pub asked: bool,
}

/// A variable or port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// A variable, by position.
    Var(u32),
    /// A port, by position: its last message (zeros before the first).
    Port(u32),
}

/// A `report`.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// As written.
    pub text: String,
    /// What it shows.
    pub kind: ReportKind,
    /// Where it is written.
    pub place: Loc,
}

/// The kinds of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// A number, over records kept at the end.
    Value(ValueId),
    /// Spikes over time of a record.
    Raster(u32),
    /// Values over time of a record.
    Trace(u32),
}

/// An `expect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// A boolean scalar over records kept at the end.
    pub holds: ValueId,
    /// The two sides, where it is a comparison.
    pub sides: Option<(ValueId, ValueId)>,
    /// Where it is written.
    pub place: Loc,
}
