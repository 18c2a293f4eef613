//! What to write where a value is of another kind than what is needed.

use super::scope::{Cx, Env, Val};
use snn_grammar::ast::{Arg, BinaryOp, Expr, ExprKind};
use snn_ir::diagnostics::{Diagnostic, Edit, Fix, Loc};
use snn_ir::scalar::Kind;

/// In words: `/` gives a float, and where an integer is needed `div` was probably meant.
pub const DIV: &str = "`/` gives a float; `div(a, b)` is the quotient rounded down";

impl Cx<'_> {
    /// The change from `/` to `div` that makes an expression one of integers.
    pub fn quotients(&mut self, e: &Expr, env: &Env) -> Option<Fix> {
        let mut edits = Vec::new();
        let whole = with_div(e, env.file, &mut edits);
        if edits.is_empty() {
            return None;
        }
        let said = self.sink.count();
        let value = self.eval(&whole, env).and_then(|value| match value {
            Val::Str(_) | Val::Archive(..) | Val::Epoch { .. } => Ok(None),
            value => self.as_expr(value, Loc { file: env.file, span: e.span }).map(Some),
        });
        self.sink.split_off(said);
        let integer = value.ok()?.is_some_and(|e| e.kind == Kind::Int);
        integer.then(|| Fix::safe(edits))
    }
}

/// An expression with `div(a, b)` for every `a / b` in its operators, and the edits that do it.
fn with_div(e: &Expr, file: u32, edits: &mut Vec<Edit>) -> Expr {
    let at = |span| Loc { file, span };
    let kind = match &e.kind {
        ExprKind::Unary(op, a) => ExprKind::Unary(*op, Box::new(with_div(a, file, edits))),
        ExprKind::Binary(BinaryOp::Div, a, b) => {
            edits.push(Edit::before(at(e.span), "div("));
            let (left, right) = (with_div(a, file, edits), with_div(b, file, edits));
            let mut sign = at(e.span);
            (sign.span.start, sign.span.end) = (a.span.end, b.span.start);
            edits.push(Edit::replace(sign, ", "));
            edits.push(Edit::after(at(e.span), ")"));
            let callee = Expr { kind: ExprKind::Name("div".into()), span: e.span };
            let args = [left, right].map(|value| Arg { name: None, value });
            ExprKind::Call { callee: Box::new(callee), args: args.into() }
        }
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (with_div(a, file, edits), with_div(b, file, edits));
            ExprKind::Binary(*op, Box::new(a), Box::new(b))
        }
        ExprKind::List(items) => {
            ExprKind::List(items.iter().map(|item| with_div(item, file, edits)).collect())
        }
        other => other.clone(),
    };
    Expr { kind, span: e.span }
}

/// The value of an assignment or `let` as it is written.
pub struct Written<'w> {
    /// The value.
    pub value: &'w Expr,
    /// The operator and the target of `x += …`.
    pub op: Option<(BinaryOp, &'w Expr)>,
    /// The names around it.
    pub env: &'w Env,
}

impl Written<'_> {
    /// Where it stands.
    pub fn at(&self) -> Loc {
        Loc { file: self.env.file, span: self.value.span }
    }

    /// The change to `div` that makes it an integer.
    pub fn quotients(&self, cx: &mut Cx<'_>) -> Option<Fix> {
        match self.op {
            None => cx.quotients(self.value, self.env),
            // `x /= e` becomes `x = div(x, e)`.
            Some((BinaryOp::Div, target)) => {
                let place = Loc { span: target.span, ..self.at() };
                let text = cx.program.sources.line(place);
                let mut sign = self.at();
                (sign.span.start, sign.span.end) = (target.span.end, self.value.span.start);
                let integers = cx.expr(self.value, self.env).ok()?.kind == Kind::Int;
                integers.then(|| {
                    Fix::safe(vec![
                        Edit::replace(sign, format!(" = div({text}, ")),
                        Edit::after(self.at(), ")"),
                    ])
                })
            }
            Some(_) => None,
        }
    }
}

/// Adds how a value of the one kind, which stands at a place, becomes one of the other.
pub fn conversion(d: Diagnostic, (from, to): (Kind, Kind), at: Loc) -> Diagnostic {
    match (from, to) {
        (Kind::Int, Kind::Bool) => {
            d.fix("write `x != 0`", Fix::safe(vec![Edit::after(at, " != 0")]))
        }
        // There are two ways: someone must choose.
        (_, Kind::Int) => d
            .fix("`int(x)` truncates toward zero", Fix::proposed(Edit::around(at, "int(", ")")))
            .fix(
                "`int(floor(x))` rounds down",
                Fix::proposed(Edit::around(at, "int(floor(", "))")),
            ),
        (_, Kind::F32) => {
            let wrap = Edit::around(at, "f32(", ")");
            d.fix("`f32(x)` rounds to single precision", Fix::safe(wrap))
        }
        _ => d.help("write a comparison, such as `x > 0`"),
    }
}
