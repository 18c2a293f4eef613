//! Two documents, entry by entry.

use crate::verify::Finding;
use crate::yaml::Tree;
use snn_ir::diagnostics::Code;

/// Further differences are only counted.
const MOST: usize = 50;

/// Numbers with fractions may differ by this share of the larger.
const TOLERANCE: f64 = 1e-9;

/// Adds an E0813 for every entry of `declared` that is not that of `derived`.
pub fn diff(declared: &Tree, derived: &Tree, findings: &mut Vec<Finding>) {
    let mut diff = Diff { findings: Vec::new(), more: 0 };
    diff.compare(declared, derived, &mut String::new());
    findings.append(&mut diff.findings);
    if diff.more > 0 {
        let message = format!("{} more entries differ", diff.more);
        findings.push(Finding::new(Code::E0813, "", message, "see those above first"));
    }
}

struct Diff {
    findings: Vec<Finding>,
    more: usize,
}

impl Diff {
    fn report(&mut self, path: &str, message: impl FnOnce() -> String) {
        if self.findings.len() == MOST {
            self.more += 1;
            return;
        }
        let help = "correct it, or what it follows from";
        self.findings.push(Finding::new(Code::E0813, path, message(), help));
    }

    fn compare(&mut self, declared: &Tree, derived: &Tree, path: &mut String) {
        let length = path.len();
        match (declared, derived) {
            (Tree::List(a), Tree::List(b)) => {
                if a.len() != b.len() {
                    self.report(path, || format!("{} entries follow, not {}", b.len(), a.len()));
                    // Where an entry is missing, those behind it are not wrong.
                    return;
                }
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    path.push_str(&format!("[{i}]"));
                    self.compare(a, b, path);
                    path.truncate(length);
                }
            }
            (Tree::Map(a), Tree::Map(b)) => {
                for (key, a) in a {
                    path.push_str(if length > 0 { "." } else { "" });
                    path.push_str(key);
                    match b.iter().find(|(k, _)| k == key) {
                        Some((_, b)) => self.compare(a, b, path),
                        None => self.report(path, || format!("`{}` does not follow", brief(a))),
                    }
                    path.truncate(length);
                }
                for (key, b) in b.iter().filter(|(key, _)| !a.iter().any(|(k, _)| k == key)) {
                    let path = format!("{path}.{key}");
                    self.report(&path, || {
                        format!("`{}` follows, but nothing stands there", brief(b))
                    });
                }
            }
            (a, b) if equal(a, b) => {}
            (a, b) => {
                let (mut follows, mut stands) = (brief(b), brief(a));
                if follows == stands {
                    // A number that should be a text, or the other way round.
                    (follows, stands) = (b.to_string(), a.to_string());
                }
                self.report(path, || format!("`{follows}` follows, not `{stands}`"));
            }
        }
    }
}

/// Whether two numbers with fractions are the same.
pub fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_finite() && b.is_finite() && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()))
}

fn equal(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Float(a), Tree::Float(b)) => same(*a, *b),
        // Not every program writes `8.0`.
        (Tree::Int(a), Tree::Float(b)) => same(*a as f64, *b),
        _ => a == b,
    }
}

/// An entry on one line, not too long.
fn brief(tree: &Tree) -> String {
    let line = match tree {
        Tree::Text(text) => text.clone(),
        tree => tree.to_string(),
    };
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
