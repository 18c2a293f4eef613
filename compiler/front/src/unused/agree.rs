//! What all ways of using something have in common: see [`uses`](super::uses).
//!
//! A message is about the thing itself where every way gives it, at the same places and in the
//! same words. Where the numbers in it change with the sizes that were chosen, it is so only if
//! two shapes disagree by a difference that no choice changes, as `[n, 3]` and `[n, 4]` do; the
//! numbers are then written as what they are: `n`.

use snn_ir::diagnostics::{Code, Diagnostic, Label};

/// The numbers that a way has chosen, by name.
pub type Chosen = Vec<(String, i64)>;

/// The messages that all ways agree in.
pub fn agree(mut ways: Vec<(Chosen, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let rest = ways.split_off(ways.len().min(1));
    let Some((chosen, first)) = ways.pop() else { return Vec::new() };
    let numbers: Vec<&Chosen> =
        std::iter::once(&chosen).chain(rest.iter().map(|(c, _)| c)).collect();
    let joined = first.iter().filter_map(|d| {
        let places = |d: &Diagnostic| d.labels.iter().map(|l| l.loc).collect::<Vec<_>>();
        let same = |other: &&Diagnostic| other.code == d.code && places(other) == places(d);
        let mut in_all = vec![d];
        for (_, said) in &rest {
            in_all.push(said.iter().find(same)?);
        }
        joint(&in_all, &numbers)
    });
    joined.collect()
}

/// One message for all ways, which have said this.
fn joint(said: &[&Diagnostic], numbers: &[&Chosen]) -> Option<Diagnostic> {
    let text = |of: &dyn Fn(&Diagnostic) -> String| {
        let all: Vec<String> = said.iter().map(|d| of(d)).collect();
        Text::of(&all, numbers)
    };
    let first = said.first()?;
    let message = text(&|d| d.message.clone())?;
    let labels: Vec<Text> = (0..first.labels.len())
        .map(|i| text(&|d| d.labels[i].text.clone()))
        .collect::<Option<_>>()?;
    let open = message.open || labels.iter().any(|l| l.open);
    // What something is does not depend on how much of it there is.
    if open && first.code != Code::E0203 && !differ_always(said) {
        return None;
    }
    let mut d = (*first).clone();
    d.message = message.text;
    d.labels =
        d.labels.iter().zip(labels).map(|(l, t)| Label { loc: l.loc, text: t.text }).collect();
    // Facts and remedies that the ways do not share are about the ways.
    let notes = (0..first.notes.len()).filter_map(|i| {
        let said = said.iter().all(|d| d.notes.len() == first.notes.len());
        said.then(|| text(&|d| d.notes[i].clone()))?
    });
    d.notes = notes.map(|note| note.text).collect();
    d.helps.retain(|help| said.iter().all(|d| d.helps.contains(help)));
    Some(d)
}

/// Whether two shapes disagree in a size whose difference no choice changes, or in their axes.
fn differ_always(said: &[&Diagnostic]) -> bool {
    let sides: Option<Vec<&[Vec<usize>; 2]>> = said.iter().map(|d| d.sides.as_deref()).collect();
    let Some(sides) = sides else { return false };
    let axes = |[a, b]: &[Vec<usize>; 2]| (a.len(), b.len());
    let Some((left, right)) = sides.first().map(|s| axes(s)) else { return false };
    if sides.iter().any(|s| axes(s) != (left, right)) {
        return false;
    }
    if left != right {
        return true;
    }
    (0..left).any(|axis| {
        let mut by = sides.iter().map(|[a, b]| a[axis] as i128 - b[axis] as i128);
        let first = by.next().unwrap_or(0);
        first != 0 && by.all(|other| other == first)
    })
}

/// A text that all ways have said.
struct Text {
    text: String,
    /// Whether there is something in it that the ways do not have in common.
    open: bool,
}

impl Text {
    /// The texts of all ways as one, where they differ in nothing but numbers.
    fn of(all: &[String], numbers: &[&Chosen]) -> Option<Text> {
        let mut parts: Vec<Vec<Part<'_>>> = all.iter().map(|text| parts(text)).collect();
        let differ = |parts: &[Vec<Part<'_>>]| parts.iter().any(|p| p.len() != parts[0].len());
        let mut joint = Text { text: String::new(), open: false };
        if differ(&parts) {
            // `f64` and `f64[3]` are of the same kind.
            parts.iter_mut().for_each(|p| p.retain(|part| part.list().is_none()));
            joint.open = true;
            if differ(&parts) {
                return None;
            }
        }
        let first = parts.first()?;
        for i in 0..first.len() {
            let column: Vec<&Part<'_>> = parts.iter().map(|p| &p[i]).collect();
            match column[0] {
                same if column.iter().all(|part| *part == same) => joint.text += &same.text(),
                Part::Words(_) => return None,
                Part::Number(_) => {
                    let values: Option<Vec<i64>> = column.iter().map(|p| p.number()).collect();
                    joint.text += &named(&values?, numbers);
                    joint.open = true;
                }
                Part::List(one) => {
                    let lists: Option<Vec<&[i64]>> = column.iter().map(|p| p.list()).collect();
                    let lists = lists?;
                    joint.open = true;
                    if lists.iter().any(|list| list.len() != one.len()) {
                        joint.text += "[…]";
                        continue;
                    }
                    let sizes: Vec<String> = (0..one.len())
                        .map(|axis| {
                            let values: Vec<i64> = lists.iter().map(|list| list[axis]).collect();
                            named(&values, numbers)
                        })
                        .collect();
                    joint.text += &format!("[{}]", sizes.join(", "));
                }
            }
        }
        Some(joint)
    }
}

/// A number that depends on the way: what it is in all of them.
fn named(values: &[i64], numbers: &[&Chosen]) -> String {
    let Some(first) = values.first() else { return String::new() };
    if values.iter().all(|value| value == first) {
        return first.to_string();
    }
    let found =
        numbers.first().into_iter().flat_map(|chosen| chosen.iter()).find_map(|(name, _)| {
            let of = |way: &Chosen| way.iter().find(|(known, _)| known == name).map(|(_, n)| *n);
            let mut apart = values.iter().zip(numbers).map(|(value, way)| Some(value - of(way)?));
            let by = apart.next()??;
            apart.all(|other| other == Some(by)).then(|| match by {
                0 => name.clone(),
                by if by < 0 => format!("{name} - {}", -by),
                by => format!("{name} + {by}"),
            })
        });
    found.unwrap_or("…".into())
}

/// A piece of a text.
#[derive(PartialEq)]
enum Part<'t> {
    Words(&'t str),
    Number(i64),
    /// Numbers in brackets: a shape.
    List(Vec<i64>),
}

impl Part<'_> {
    fn text(&self) -> String {
        match self {
            Part::Words(text) => (*text).to_owned(),
            Part::Number(n) => n.to_string(),
            Part::List(list) => format!("{list:?}"),
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Part::Number(n) => Some(*n),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[i64]> {
        match self {
            Part::List(list) => Some(list),
            _ => None,
        }
    }
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut words, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let inside =
            text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let special = match rest.chars().next() {
            Some('[') => list(rest),
            Some(c) if c.is_ascii_digit() && !inside => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                rest[..end].parse().ok().map(|n| (Part::Number(n), end))
            }
            _ => None,
        };
        match special {
            Some((part, length)) => {
                if words < at {
                    found.push(Part::Words(&text[words..at]));
                }
                found.push(part);
                at += length;
                words = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if words < text.len() {
        found.push(Part::Words(&text[words..]));
    }
    found
}

/// The list of numbers that a text begins with, and its length.
fn list(text: &str) -> Option<(Part<'_>, usize)> {
    let end = text.find(']')?;
    let inside = text[1..end].trim();
    let numbers = match inside {
        "" => Vec::new(),
        _ => inside.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?,
    };
    Some((Part::List(numbers), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(all: [&str; 2], n: [i64; 2]) -> Option<(String, bool)> {
        let all = all.map(String::from);
        let chosen = n.map(|n| vec![("n".to_owned(), n)]);
        let numbers: Vec<&Chosen> = chosen.iter().collect();
        Text::of(&all, &numbers).map(|joint| (joint.text, joint.open))
    }

    #[test]
    fn numbers_that_were_chosen_are_named() {
        let same = text(["`x` is i32", "`x` is i32"], [3, 8]);
        assert_eq!(same, Some(("`x` is i32".into(), false)));
        let named = text(["has shape [3, 4], not [4]", "has shape [8, 4], not [9]"], [3, 8]);
        assert_eq!(named, Some(("has shape [n, 4], not [n + 1]".into(), true)));
        assert_eq!(text(["9 of 3", "64 of 8"], [3, 8]), Some(("… of n".into(), true)));
        assert_eq!(text(["f64[3, 3]", "f64[8]"], [3, 8]), Some(("f64[…]".into(), true)));
        assert_eq!(text(["f64", "f64[8]"], [3, 8]), Some(("f64".into(), true)));
        assert_eq!(text(["this is 3", "this is many"], [3, 8]), None);
    }
}
