//! Expressions.

use super::{Builder, Built, Kids, broken_promise};
use crate::ast::{Arg, BinaryOp, Expr, ExprKind, Span, Subscript, UnaryOp};
use crate::error::SyntaxError;
use crate::parse::grammar::{Pair, Rule, fold};

impl Builder<'_> {
    pub(super) fn need_expr(&mut self, kids: &mut Kids) -> Built<Expr> {
        Ok(self.expr(kids.need(Rule::expr)?))
    }

    pub(super) fn opt_expr(&mut self, kids: &mut Kids) -> Option<Expr> {
        kids.opt(Rule::expr).map(|pair| self.expr(pair))
    }

    /// The expression inside the clause that may come next.
    pub(super) fn opt_expr_in(&mut self, kids: &mut Kids, clause: Rule) -> Built<Option<Expr>> {
        let Some(pair) = kids.opt(clause) else { return Ok(None) };
        let mut kids = self.kids(pair);
        self.need_expr(&mut kids).map(Some)
    }

    /// Builds an `expr`.
    pub fn expr(&mut self, pair: Pair) -> Expr {
        self.refuse_chained_comparison(&pair);
        let base = self.base;
        fold(
            pair.into_inner(),
            |operand| {
                let span = self.span(&operand);
                self.postfix(operand).unwrap_or_else(|error| {
                    self.errors.push(error);
                    Expr { kind: ExprKind::Int(0), span }
                })
            },
            |op, operand| {
                let start = (base + op.as_span().start()) as u32;
                let kind = match op.as_rule() {
                    Rule::op_neg => UnaryOp::Neg,
                    _ => UnaryOp::Not,
                };
                let span = Span { start, end: operand.span.end };
                Expr { kind: ExprKind::Unary(kind, Box::new(operand)), span }
            },
            |left, op, right| {
                let span = left.span.to(right.span);
                let op = binary_op(op.as_str());
                Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span }
            },
        )
    }

    /// `a < b < c` would compare a truth value with `c`.
    fn refuse_chained_comparison(&mut self, pair: &Pair) {
        let mut before: Option<Span> = None;
        for part in pair.clone().into_inner() {
            match part.as_rule() {
                Rule::op_and | Rule::op_or => before = None,
                Rule::op_cmp => {
                    let span = self.span(&part);
                    if let Some(first) = before {
                        self.errors.push(
                            SyntaxError::new(span, "comparisons cannot be chained")
                                .related(first, "after this one")
                                .help("write `a < b and b < c`"),
                        );
                    }
                    before = Some(span);
                }
                _ => {}
            }
        }
    }

    /// The `postfix_expr` that comes next.
    pub(super) fn need_postfix(&mut self, kids: &mut Kids) -> Built<Expr> {
        let pair = kids.need(Rule::postfix_expr)?;
        self.postfix(pair)
    }

    /// Builds a `postfix_expr`: an operand with its fields, calls and subscripts.
    pub(super) fn postfix(&mut self, pair: Pair) -> Built<Expr> {
        let mut kids = self.kids(pair);
        let primary = kids.next().ok_or_else(|| broken_promise(kids.parent))?;
        let mut expr = self.primary(primary)?;
        for part in kids {
            let span = expr.span.to(self.span(&part));
            let inner = Box::new(expr);
            let kind = match part.as_rule() {
                Rule::field => {
                    let mut kids = self.kids(part);
                    ExprKind::Field(inner, self.need_ident(&mut kids)?)
                }
                Rule::args => ExprKind::Call { callee: inner, args: self.args(part)? },
                _ => ExprKind::Index(inner, self.index(part)?),
            };
            expr = Expr { kind, span };
        }
        Ok(expr)
    }

    fn primary(&mut self, pair: Pair) -> Built<Expr> {
        let span = self.span(&pair);
        let text = pair.as_str();
        let kind = match pair.as_rule() {
            Rule::name => ExprKind::Name(text.to_owned()),
            Rule::boolean => ExprKind::Bool(text == "true"),
            Rule::number => self.number(text, span),
            Rule::string => ExprKind::Str(self.string(text, span)),
            Rule::list => ExprKind::List(self.kids(pair).map(|item| self.expr(item)).collect()),
            _ => {
                let mut kids = self.kids(pair);
                // Parentheses leave no trace but the span, so that a message shows them.
                return Ok(Expr { span, ..self.need_expr(&mut kids)? });
            }
        };
        Ok(Expr { kind, span })
    }

    fn number(&mut self, text: &str, span: Span) -> ExprKind {
        let digits = text.replace('_', "");
        let int = match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16),
            None if digits.contains(['.', 'e', 'E']) => {
                let float = digits.parse::<f64>().unwrap_or(f64::INFINITY);
                if !float.is_finite() {
                    let message = format!("`{text}` is larger than any 64-bit number");
                    self.errors.push(SyntaxError::new(span, message));
                }
                return ExprKind::Float(float);
            }
            None => digits.parse(),
        };
        ExprKind::Int(int.unwrap_or_else(|_| {
            let message = format!("`{text}` does not fit into 64 bits");
            let help = "integers go up to 9223372036854775807";
            self.errors.push(SyntaxError::new(span, message).help(help));
            0
        }))
    }

    /// The text between the quotes, escapes resolved.
    pub(super) fn string(&mut self, text: &str, span: Span) -> String {
        let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or_default();
        let mut out = String::with_capacity(inner.len());
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some((_, c @ ('\\' | '"'))) => out.push(c),
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, c)) => {
                    let start = span.start + 1 + at as u32;
                    let span = Span { start, end: start + 1 + c.len_utf8() as u32 };
                    self.errors.push(
                        SyntaxError::new(span, format!("there is no escape `\\{c}`"))
                            .help("the escapes are `\\\\`, `\\\"`, `\\n` and `\\t`"),
                    );
                }
                None => {}
            }
        }
        out
    }

    pub(super) fn args(&mut self, pair: Pair) -> Built<Vec<Arg>> {
        self.kids(pair)
            .map(|arg| {
                let mut kids = self.kids(arg);
                let name = match kids.opt(Rule::arg_name) {
                    Some(name) => Some(self.need_ident(&mut self.kids(name))?),
                    None => None,
                };
                Ok(Arg { name, value: self.need_expr(&mut kids)? })
            })
            .collect()
    }

    pub(super) fn index(&mut self, pair: Pair) -> Built<Vec<Subscript>> {
        self.kids(pair)
            .map(|subscript| {
                let span = self.span(&subscript);
                let mut kids = self.kids(subscript);
                let lo = self.opt_expr(&mut kids);
                let is_range = kids.opt(Rule::range).is_some();
                match lo {
                    Some(at) if !is_range => Ok(Subscript::At(at)),
                    lo => Ok(Subscript::Range { lo, hi: self.opt_expr(&mut kids), span }),
                }
            })
            .collect()
    }
}

/// The operator of a text that matched one of the grammar's `op_` rules or, with `=` after
/// it, `assign_op`.
pub(super) fn binary_op(text: &str) -> BinaryOp {
    match text {
        "or" | "||" => BinaryOp::Or,
        "and" | "&&" => BinaryOp::And,
        "==" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "|" => BinaryOp::BitOr,
        "^" => BinaryOp::BitXor,
        "&" => BinaryOp::BitAnd,
        "<<" => BinaryOp::Shl,
        ">>" => BinaryOp::Shr,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        "@" => BinaryOp::MatMul,
        "**" => BinaryOp::Pow,
        _ => BinaryOp::Add,
    }
}
