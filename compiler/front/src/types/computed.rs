//! How many elements a program lets the compiler compute: each array that is known before the first
//! step is bounded, and so are all of them together.

use super::expr::TExpr;
use super::scope::{Cx, Eval};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::tensor::Constant;
use std::collections::BTreeMap;

/// The most elements of all arrays that are computed before the first step.
const TOGETHER: usize = 1 << 29;
/// Arrays of fewer elements are not counted.
const SMALL: usize = 1 << 16;

/// What was computed so far, by the expression: instances share it.
#[derive(Default)]
pub struct Computed {
    places: BTreeMap<Loc, usize>,
    all: usize,
}

impl Computed {
    /// Counts an array; false where it goes beyond what is possible.
    fn add(&mut self, loc: Loc, elements: usize) -> bool {
        let known = self.places.get(&loc).copied().unwrap_or(0);
        let more = elements.saturating_sub(known);
        if elements < SMALL || more == 0 {
            return true;
        }
        if self.all + more > TOGETHER {
            return false;
        }
        self.all += more;
        self.places.insert(loc, elements);
        true
    }

    /// The largest array.
    fn largest(&self) -> Option<(Loc, usize)> {
        self.places.iter().map(|(loc, n)| (*loc, *n)).max_by_key(|(_, n)| *n)
    }
}

impl Cx<'_> {
    /// Counts what an expression of the program has computed.
    pub(super) fn computed(&mut self, value: &TExpr, loc: Loc) -> Eval<()> {
        let elements = match value.value() {
            Some(Constant::Dense(tensor)) => tensor.len(),
            Some(Constant::Sparse(sparse)) => sparse.stored(),
            None => return Ok(()),
        };
        // What the library makes of its arguments follows from them.
        if self.program.sources.is_library(loc) || self.made.add(loc, elements) {
            return Ok(());
        }
        let message = "what is computed before the first step is too large together";
        let left = TOGETHER - self.made.all;
        let what = format!("these are {elements} elements; of {TOGETHER}, {left} are left");
        let d = Diagnostic::new(Code::E0213, message, loc, what);
        let d = match self.made.largest() {
            Some((other, n)) => d.label(other, format!("the largest before: {n} elements")),
            None => d,
        };
        Err(self.fail(d.help(
            "read large arrays from files, as in `npy(\"w.npy\")`: what only the running network \
             uses is not read before",
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_grammar::ast::Span;

    #[test]
    fn arrays_are_bounded_together_and_each_expression_counts_once() {
        let at = |start| Loc { file: 0, span: Span { start, end: start + 1 } };
        let mut computed = Computed::default();
        // As for many instances of one process.
        assert!((0..100).all(|_| computed.add(at(0), 1 << 28)));
        assert!((1..100).all(|n| computed.add(at(n), SMALL - 1)));
        assert!(computed.add(at(100), 1 << 28));
        assert!(!computed.add(at(101), SMALL));
        assert_eq!(computed.largest(), Some((at(100), 1 << 28)));
        // A small one is still possible, and one that is known.
        assert!(computed.add(at(101), SMALL - 1) && computed.add(at(0), 1 << 28));
    }
}
