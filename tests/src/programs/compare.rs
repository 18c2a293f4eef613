//! Where two executions disagree.

use super::engine::{Checked, Compiled, Engine, Outcome, Recorded, check};
use super::tree::Program;
use snn_data::compare::{Element, Form, Nans, Tally};
use snn_runtime::npy::Dtype;

/// What is wrong with a program: a kind, which shrinking keeps, and details.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// The kind.
    pub kind: String,
    /// Where and what.
    pub detail: String,
}

/// What executing a program showed.
pub enum Verdict {
    /// All agree.
    Agree(Box<Compiled>),
    /// The checker refuses it: the code, and the messages.
    Rejected(String, String),
    /// Something is wrong.
    Wrong(Wrong),
}

/// Executes a program on all engines, and compares what they give with what the first gives.
pub fn judge(program: &Program, engines: &[&dyn Engine]) -> Verdict {
    judge_all(&[program], engines).swap_remove(0)
}

/// The same for many programs.
pub fn judge_all(programs: &[&Program], engines: &[&dyn Engine]) -> Vec<Verdict> {
    let mut checked: Vec<Option<Checked>> = programs.iter().map(|p| Some(check(p))).collect();
    let accepted: Vec<usize> =
        (0..programs.len()).filter(|n| matches!(checked[*n], Some(Checked::Accepted(_)))).collect();
    let mut wrong: Vec<Option<Wrong>> = vec![None; programs.len()];
    let runs: Vec<&Compiled> = checked
        .iter()
        .filter_map(|c| match c {
            Some(Checked::Accepted(compiled)) => Some(&**compiled),
            _ => None,
        })
        .collect();
    let mut first: Option<(String, Vec<Outcome>)> = None;
    for engine in engines {
        let outcomes = engine.run(&runs);
        for (k, n) in accepted.iter().enumerate() {
            let known = first.as_ref().map(|(name, all)| (name.as_str(), &all[k]));
            let found = differ(known, &engine.name(), &outcomes[k]);
            wrong[*n] = wrong[*n].take().or(found);
        }
        first.get_or_insert((engine.name(), outcomes));
    }
    (0..programs.len())
        .map(|n| match (wrong[n].take(), checked[n].take()) {
            (Some(wrong), _) => Verdict::Wrong(wrong),
            (_, Some(Checked::Accepted(compiled))) => Verdict::Agree(compiled),
            (_, Some(Checked::Rejected(code, text))) => Verdict::Rejected(code, text),
            (_, Some(Checked::Panicked(detail))) => {
                let kind = format!("the compiler panics: {}", first_words(&detail));
                Verdict::Wrong(Wrong { kind, detail })
            }
            (None, None) => Verdict::Rejected("nothing".into(), String::new()),
        })
        .collect()
}

/// Where engines disagree on a program that was accepted.
pub fn disagreement(compiled: &Compiled, engines: &[&dyn Engine]) -> Option<Wrong> {
    let mut first: Option<(String, Outcome)> = None;
    engines.iter().find_map(|engine| {
        let outcome = engine.run(&[compiled]).swap_remove(0);
        let known = first.as_ref().map(|(name, outcome)| (name.as_str(), outcome));
        let found = differ(known, &engine.name(), &outcome);
        first.get_or_insert((engine.name(), outcome));
        found
    })
}

fn first_words(text: &str) -> String {
    text.split_whitespace()
        .filter(|word| !word.chars().any(|c| c.is_ascii_digit()))
        .take(6)
        .collect::<Vec<_>>()
        .join(" ")
}

/// How an outcome differs from that of the first engine.
pub fn differ(first: Option<(&str, &Outcome)>, name: &str, outcome: &Outcome) -> Option<Wrong> {
    let wrong = |kind: String, detail: String| Some(Wrong { kind, detail });
    if let Outcome::Failed(why) = outcome {
        return wrong(format!("{name} fails"), why.clone());
    }
    let (other, expected) = first?;
    match (expected, outcome) {
        (_, Outcome::Skipped) => None,
        (Outcome::Recorded(a), Outcome::Recorded(b)) => {
            let detail = recordings(a, b)?;
            wrong(
                format!("{name} records other values"),
                format!("{other} against {name}: {detail}"),
            )
        }
        (a, b) if a == b => None,
        // Of several in one step any may be found first: the order of processes has no meaning.
        (Outcome::Fault(s, ..), Outcome::Fault(t, ..)) if s == t => None,
        (Outcome::Failed(_), _) => None,
        (a, b) => wrong(
            format!("{name} stops elsewhere"),
            format!("{other}: {}; {name}: {}", short(a), short(b)),
        ),
    }
}

fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Recorded(all) => format!("{} recordings", all.len()),
        Outcome::Fault(t, index, extent) => format!("index {index} of {extent} at step {t}"),
        Outcome::Failed(why) => why.clone(),
        Outcome::Skipped => "not executed".into(),
    }
}

/// The first difference of two sets of recordings.
fn recordings(a: &[Recorded], b: &[Recorded]) -> Option<String> {
    if a.len() != b.len() {
        return Some(format!("{} and {} arrays", a.len(), b.len()));
    }
    a.iter().zip(b).find_map(|(a, b)| {
        if (&a.key, a.element, &a.shape) != (&b.key, b.element, &b.shape) {
            let text = |r: &Recorded| format!("{} of {:?} {:?}", r.key, r.element, r.shape);
            return Some(format!("{}, {}", text(a), text(b)));
        }
        // One NaN is as good as another, as IEEE 754 leaves payloads open.
        let form = Form { dtype: Dtype::Element(a.element), shape: a.shape.clone() };
        let mut tally = Tally::new(&form, Nans::Alike);
        tally.compare(&a.bytes, &b.bytes);
        let Element { row, element, a: x, b: y } = tally.first?;
        let row = row.map_or(String::new(), |row| format!(", row {row}"));
        Some(format!("{}{row}, element {element:?}: {x} and {y}", a.key))
    })
}
