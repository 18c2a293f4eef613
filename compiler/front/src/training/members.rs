//! The members of a train block, and what they have in common: each at most once, numbers within
//! bounds.

use crate::elaborate::with_line;
use crate::types::{Cx, Env, Eval, describe};
use snn_grammar::ast::{Expr, RunMemberKind, Span, Train, TrainMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Fix, Help, Loc};

/// A train block that is looked at.
pub struct Members<'c, 'a> {
    pub cx: &'c mut Cx<'a>,
    pub train: &'c Train,
    pub file: u32,
    /// Whether something was wrong.
    pub failed: bool,
}

impl<'c, 'a> Members<'c, 'a> {
    pub fn new(cx: &'c mut Cx<'a>, train: &'c Train, file: u32) -> Members<'c, 'a> {
        Members { cx, train, file, failed: false }
    }

    pub fn loc(&self, span: Span) -> Loc {
        Loc { file: self.file, span }
    }

    /// The names that expressions in the block may use.
    pub fn env(&self) -> Env {
        Env::module(self.file)
    }

    /// Reports an error.
    pub fn fail(&mut self, d: Diagnostic) {
        self.cx.sink.push(d);
        self.failed = true;
    }

    /// What came of it; without a value where it failed, which is reported.
    pub fn ok<T>(&mut self, result: Eval<T>) -> Option<T> {
        self.failed |= result.is_err();
        result.ok()
    }

    /// Whether there is such a member.
    pub fn has(&self, is: impl Fn(&TrainMemberKind) -> bool) -> bool {
        self.train.members.iter().any(|m| is(&m.kind))
    }

    /// What a member says that may be there once, and where.
    pub fn once<T>(
        &mut self,
        name: &str,
        pick: impl Fn(&'c TrainMemberKind) -> Option<T>,
    ) -> Option<(T, Loc)> {
        let train = self.train;
        let mut found = train.members.iter().filter_map(|m| Some((pick(&m.kind)?, m.span)));
        let (value, span) = found.next()?;
        let first = self.loc(span);
        for (_, again) in found {
            self.twice(name, first, self.loc(again));
        }
        Some((value, first))
    }

    /// Reports a second `models`: of two, it would not be clear which counts.
    pub fn model_once(&mut self) {
        let train = self.train;
        let models = |k: &RunMemberKind| matches!(k, RunMemberKind::Models(_));
        let mut found = train.run.members.iter().filter(|m| models(&m.kind)).map(|m| m.span);
        let Some(first) = found.next() else { return };
        for again in found {
            self.twice("models", self.loc(first), self.loc(again));
        }
    }

    fn twice(&mut self, name: &str, first: Loc, again: Loc) {
        let message = format!("`{name}` is given twice");
        let d = Diagnostic::new(Code::E1002, message, again, "here again");
        self.fail(d.label(first, "first here").help("keep one of the two lines"));
    }

    /// Reports that there is no such member, with a line to add.
    pub fn need(
        &mut self,
        name: &str,
        is: impl Fn(&TrainMemberKind) -> bool,
        line: Option<String>,
    ) {
        if self.has(is) {
            return;
        }
        let run = &self.train.run;
        let message = format!("train block `{}` has no `{name}`", run.name.name);
        let (what, example) = match name {
            "sample" => ("says how long a sample is", "sample image"),
            "samples" => ("says how many samples there are", "samples 60_000"),
            "learn" => ("says what is learned", "learn net.*.weights in -256..=254 step 2"),
            "loss" => ("says what is to become small", "loss rate.loss at image.end"),
            "optimizer" => ("says how gradients are followed", "optimizer adam(lr: 0.001)"),
            "batch" => ("says how many samples make an update", "batch 32"),
            _ => ("says how often all samples are passed", "epochs 10"),
        };
        let place = self.loc(run.name.span);
        let d = Diagnostic::new(Code::E1001, message, place, format!("nothing {what}"));
        let text = format!("add a line like `{}`", line.as_deref().unwrap_or(example));
        let edit = line.and_then(|line| with_line(self.cx, run, self.file, &line));
        let fix = edit.map(|edit| Fix::proposed(vec![edit]));
        self.fail(d.help(Help { text, fix }));
    }

    /// A member that must be there and says a number of at least 1.
    pub fn needed(&mut self, name: &str, given: Option<&Expr>, line: &str) -> Option<u64> {
        match given {
            Some(e) => self.at_least(&format!("`{name}`"), e, 1),
            None => {
                self.need(name, |_| false, Some(line.into()));
                None
            }
        }
    }

    /// A whole number that is not less than another.
    pub fn at_least(&mut self, what: &str, e: &Expr, least: u64) -> Option<u64> {
        let env = self.env();
        let n = self.cx.int(e, &env);
        let n = self.ok(n)?;
        let found = u64::try_from(n).ok().filter(|n| *n >= least);
        if found.is_none() {
            self.not_within(what, &format!("at least {least}"), e, &n.to_string());
        }
        found
    }

    /// What random numbers begin with; negative numbers are those with the same bits.
    pub fn seed(&mut self, e: &Expr) -> Option<u64> {
        let env = self.env();
        let seed = self.cx.int(e, &env);
        let seed = self.ok(seed)? as u64;
        self.cx.seeds.insert(seed);
        Some(seed)
    }

    /// A number.
    pub fn number(&mut self, e: &Expr) -> Option<f64> {
        let number = self.constant(e);
        self.ok(number)
    }

    fn constant(&mut self, e: &Expr) -> Eval<f64> {
        let env = self.env();
        let value = self.cx.constant_expr(e, &env)?;
        let number = value.value().filter(|_| value.is_scalar()).and_then(|c| c.first_number());
        match number {
            Some(number) => Ok(number),
            None => {
                let what = format!("this is {}", describe(&value));
                let place = Loc { file: self.file, span: e.span };
                let d = Diagnostic::new(Code::E0204, "a number is needed here", place, what);
                Err(self.cx.fail(d))
            }
        }
    }

    /// A number greater than 0.
    pub fn positive(&mut self, what: &str, e: &Expr) -> Option<f64> {
        let number = self.number(e)?;
        self.within(what, "greater than 0", e, number, number > 0.0)
    }

    /// Requires something of a number.
    pub fn within(
        &mut self,
        what: &str,
        required: &str,
        e: &Expr,
        number: f64,
        holds: bool,
    ) -> Option<f64> {
        if holds && number.is_finite() {
            return Some(number);
        }
        self.not_within(what, required, e, &format!("{number}"));
        None
    }

    fn not_within(&mut self, what: &str, required: &str, e: &Expr, is: &str) {
        let message = format!("{what} must be {required}");
        let place = self.loc(e.span);
        self.fail(Diagnostic::new(Code::E1004, message, place, format!("this is {is}")));
    }
}
