//! Statements of a phase.

use super::expr::binary_op;
use super::{Builder, Built};
use crate::ast::{Binding, Expr, ExprKind, Stmt, StmtKind};
use crate::parse::grammar::{Pair, Rule};

impl Builder<'_> {
    /// Builds the statements of a `block`.
    pub(super) fn block(&mut self, pair: Pair) -> Built<Vec<Stmt>> {
        self.members(pair, |b, stmt| b.stmt(stmt))
    }

    /// Builds a `statement`.
    pub fn stmt(&mut self, pair: Pair) -> Built<Stmt> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::let_stmt => StmtKind::Let(self.binding(pair)?),
            Rule::if_stmt => self.if_stmt(pair)?,
            _ => self.assign(pair)?,
        };
        Ok(Stmt { kind, span })
    }

    /// Builds what has the form `KEYWORD NAME [: TYPE] = EXPR`.
    pub(super) fn binding(&mut self, pair: Pair) -> Built<Binding> {
        let mut kids = self.kids(pair);
        Ok(Binding {
            name: self.need_ident(&mut kids)?,
            ty: self.opt_type(&mut kids)?,
            value: self.need_expr(&mut kids)?,
        })
    }

    fn if_stmt(&mut self, pair: Pair) -> Built<StmtKind> {
        let mut kids = self.kids(pair);
        let cond = self.need_expr(&mut kids)?;
        let then = kids.need(Rule::block)?;
        let then = self.block(then)?;
        let els = match kids.opt(Rule::else_part) {
            None => Vec::new(),
            Some(part) => {
                let mut kids = self.kids(part);
                match kids.opt(Rule::if_stmt) {
                    Some(nested) => vec![self.stmt(nested)?],
                    None => self.block(kids.need(Rule::block)?)?,
                }
            }
        };
        Ok(StmtKind::If { cond, then, els })
    }

    fn assign(&mut self, pair: Pair) -> Built<StmtKind> {
        let mut kids = self.kids(pair);
        let target = kids.need(Rule::target)?;
        let target = self.target(target)?;
        let op = kids.need(Rule::assign_op)?;
        let op = op.as_str().strip_suffix('=').filter(|op| !op.is_empty()).map(binary_op);
        let value = self.need_expr(&mut kids)?;
        let mask = self.opt_expr_in(&mut kids, Rule::mask)?;
        Ok(StmtKind::Assign { target, op, value, mask })
    }

    fn target(&mut self, pair: Pair) -> Built<Expr> {
        let mut kids = self.kids(pair);
        let name = self.need_ident(&mut kids)?;
        let mut target = Expr { kind: ExprKind::Name(name.name), span: name.span };
        for index in kids {
            let span = target.span.to(self.span(&index));
            target = Expr { kind: ExprKind::Index(Box::new(target), self.index(index)?), span };
        }
        Ok(target)
    }
}
