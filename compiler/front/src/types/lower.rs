//! Syntax to typed expressions.

use super::builtins;
use super::expr::{Mismatch, TExpr};
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use crate::resolve::Symbol;
use snn_data::npz_members;
use snn_grammar::ast::{self, BinaryOp, ExprKind, Ident, Subscript, UnaryOp};
use snn_ir::data::DataSource;
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Loc};
use snn_ir::scalar::Op;
use snn_ir::step::Kind;
use snn_ir::tensor::Constant;
use snn_ir::tensor::Tensor;
use snn_ir::tensor::generate::MOST;
use std::path::Path;

/// The parts of a dotted name, where an expression is one.
pub fn dotted(e: &ast::Expr) -> Option<Vec<&str>> {
    match &e.kind {
        ExprKind::Name(name) => Some(vec![name]),
        ExprKind::Field(of, field) => {
            let mut parts = dotted(of)?;
            parts.push(&field.name);
            Some(parts)
        }
        _ => None,
    }
}

impl Cx<'_> {
    /// Evaluates an expression.
    pub fn eval(&mut self, e: &ast::Expr, env: &Env) -> Eval<Val> {
        let value = self.meaning(e, env)?;
        if let (
            Val::Expr(value),
            ExprKind::Call { .. } | ExprKind::Unary(..) | ExprKind::Binary(..),
        ) = (&value, &e.kind)
        {
            self.computed(value, Loc { file: env.file, span: e.span })?;
        }
        Ok(value)
    }

    fn meaning(&mut self, e: &ast::Expr, env: &Env) -> Eval<Val> {
        let loc = Loc { file: env.file, span: e.span };
        Ok(match &e.kind {
            ExprKind::Int(n) => Val::Expr(TExpr::int(*n)),
            ExprKind::Float(x) => Val::Expr(TExpr::constant(Tensor::scalar_float(*x))),
            ExprKind::Bool(b) => Val::Expr(TExpr::constant(Tensor::scalar_bool(*b))),
            ExprKind::Str(s) => Val::Str(s.clone()),
            ExprKind::Name(name) => self.name(name, e.span, env)?,
            ExprKind::Field(of, field) => self.field(e, of, field, env)?,
            ExprKind::Call { callee, args } => self.call(callee, args, loc, env)?,
            ExprKind::Index(of, subscripts) => {
                let of = self.expr(of, env)?;
                Val::Expr(self.index(of, subscripts, loc, env)?)
            }
            ExprKind::Unary(op, a) => {
                let side = Loc { span: a.span, ..loc };
                let a = self.expr(a, env)?;
                let a = self.folded(a, loc)?;
                let op = match op {
                    UnaryOp::Neg => Op::Neg,
                    UnaryOp::Not => Op::Not,
                };
                Val::Expr(TExpr::unary(op, a).map_err(|m| match m {
                    Mismatch::Kind(message) => {
                        let zero = format!("({} == 0)", self.program.sources.line(side));
                        let fix = Fix::proposed(vec![Edit::replace(loc, zero)]);
                        let d = Diagnostic::new(Code::E0204, message, loc, "");
                        self.fail(d.fix("write `x == 0`", fix))
                    }
                    other => self.mismatch(other, loc, None),
                })?)
            }
            ExprKind::Binary(op, a, b) => {
                let sides = (Loc { span: a.span, ..loc }, Loc { span: b.span, ..loc });
                // Both sides are evaluated before either failure ends the work, so that one
                // run shows the errors of both.
                let (a, b) = (self.expr(a, env), self.expr(b, env));
                let (a, b) = (a?, b?);
                let static_pair = a.is_static() && b.is_static();
                let (a, b) = match static_pair {
                    true => (self.loaded(a, sides.0)?, self.loaded(b, sides.1)?),
                    false => (a, b),
                };
                Val::Expr(self.binary(*op, a, b, loc, sides)?)
            }
            ExprKind::List(items) => {
                let values: Vec<Eval<Val>> = items.iter().map(|i| self.eval(i, env)).collect();
                Val::List(values.into_iter().collect::<Eval<_>>()?)
            }
        })
    }

    /// An expression that can be written out in full.
    pub fn dense(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        match e.value() {
            Some(Constant::Sparse(sparse)) if sparse.len() > MOST => {
                let enormous = Mismatch::Enormous(e.shape.clone());
                Err(self.mismatch(enormous, loc, None))
            }
            _ => Ok(e),
        }
    }

    /// An operand read from its file where that lets it be folded.
    pub fn folded(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        if e.is_static() { self.loaded(e, loc) } else { Ok(e) }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        a: TExpr,
        b: TExpr,
        loc: Loc,
        sides: (Loc, Loc),
    ) -> Eval<TExpr> {
        let built = match op {
            BinaryOp::MatMul => {
                let a = self.folded(a, sides.0)?;
                let shapes = (a.shape.clone(), b.shape.clone());
                self.not_single(&a)?;
                return TExpr::matmul(a, b).map_err(|m| match m {
                    Mismatch::Enormous(_) => self.mismatch(m, loc, Some(sides)),
                    _ => self.no_product(shapes, loc, sides),
                });
            }
            BinaryOp::Or => TExpr::binary(Op::Or, a.truth(), b.truth()),
            BinaryOp::And => TExpr::binary(Op::And, a.truth(), b.truth()),
            other => TExpr::binary(operator(other), a, b),
        };
        built.map_err(|m| self.mismatch(m, loc, Some(sides)))
    }

    /// Reports that `@` stands between what it does not multiply.
    fn no_product(
        &mut self,
        (a, b): (Vec<usize>, Vec<usize>),
        loc: Loc,
        (left, right): (Loc, Loc),
    ) -> Stop {
        let message = "`@` is weights `[m, n]` times a vector `[n]`".to_string();
        let d = Diagnostic::new(Code::E0202, message, loc, "")
            .label(left, format!("{a:?}"))
            .label(right, format!("{b:?}"));
        let between =
            Loc { span: ast::Span { start: left.span.end, end: right.span.start }, ..loc };
        let sources = &self.program.sources;
        let (x, w) = (sources.line(left), sources.line(right));
        let elements = b.iter().product::<usize>();
        let d = match a.as_slice() {
            [.., columns] => d.sides(&[*columns], &b),
            [] => d.sides(&a, &[1]),
        };
        let (text, edits) = match (a.as_slice(), b.as_slice()) {
            ([], _) | (_, []) => {
                ("a number is multiplied with `*`", vec![Edit::replace(between, " * ")])
            }
            ([n], [_, columns]) if n == columns => {
                ("weights stand on the left", vec![Edit::replace(loc, format!("{w} @ {x}"))])
            }
            ([n], [rows, _]) if n == rows => {
                let text = format!("transpose({w}) @ {x}");
                ("weights stand on the left", vec![Edit::replace(loc, text)])
            }
            ([rows, _], [n]) if rows == n => {
                ("the other way round they fit", Edit::around(left, "transpose(", ")"))
            }
            ([.., columns], [_, _, ..]) if *columns == elements => {
                ("a vector has one axis", Edit::around(right, "flatten(", ")"))
            }
            _ => {
                let help = "the last axis on the left must be as long as the vector on the right";
                return self.fail(d.help(help));
            }
        };
        self.fail(d.fix(text, Fix::proposed(edits)))
    }

    /// Reports why an expression could not be built.
    pub fn mismatch(&mut self, mismatch: Mismatch, loc: Loc, sides: Option<(Loc, Loc)>) -> Stop {
        let diagnostic = match mismatch {
            Mismatch::Shapes(a, b) => {
                // What is compared are the last axes.
                let axes = a.len().min(b.len());
                let last = [&a, &b].map(|shape| shape[shape.len() - axes..].to_vec());
                unlike([a, b], Some(last), loc, sides)
            }
            Mismatch::Unlike(shapes, compared) => unlike(shapes, compared, loc, sides),
            Mismatch::Kind(message) => Diagnostic::new(Code::E0204, message, loc, ""),
            Mismatch::Floats(message, floats) => {
                let d = Diagnostic::new(Code::E0204, message, loc, "");
                let (left, right) = sides.unwrap_or((loc, loc));
                let edits = [left, right].into_iter().zip(floats).filter(|(_, float)| *float);
                let edits = edits.flat_map(|(side, _)| Edit::around(side, "int(", ")")).collect();
                d.fix_with("convert with `int(x)`", sides.map(|_| Fix::proposed(edits)))
            }
            Mismatch::TooLarge(shape, most) => {
                let message = format!("an array of shape {shape:?} is too large");
                let what = format!("at most {most} elements are possible here");
                Diagnostic::new(Code::E0213, message, loc, what)
            }
            Mismatch::Enormous(shape) => {
                let elements = shape.iter().map(|n| *n as u128).product::<u128>();
                let message = "this sparse array would have to be written out in full";
                let what = format!("{shape:?} are {elements} elements");
                Diagnostic::new(Code::E0213, message, loc, what).help(
                    "sparse arrays stay sparse in operations with scalars and with each other, in \
                     `min`, `max`, `sum`, `any`, `all`, `clip`, `where`, `transpose` and `by_delay`, \
                     and, where most elements are 0, on the left of `@`",
                )
            }
        };
        self.fail(diagnostic)
    }

    fn field(&mut self, e: &ast::Expr, of: &ast::Expr, field: &Ident, env: &Env) -> Eval<Val> {
        // `lib.name` goes through modules before anything is evaluated.
        if let Some(parts) = dotted(e)
            && !env.names.contains_key(parts[0])
            && matches!(self.program.lookup(env.file, parts[0]), Some(Symbol::Module(_)))
        {
            match self.program.lookup_path(env.file, &parts) {
                Some(Symbol::Item(at)) => {
                    return self.item(at, Loc { file: env.file, span: e.span });
                }
                // `lib.beat.start`: the field of something in the file.
                _ if parts.len() > 2 => {}
                _ => return Err(self.unknown_name(&parts.join("."), e.span, env)),
            }
        }
        let loc = Loc { file: env.file, span: field.span };
        match self.eval(of, env)? {
            Val::Archive(path, before) => {
                let name = format!("{before}{}", field.name);
                let inside = format!("{name}.");
                let members =
                    npz_members(self.files, &path).map_err(|e| self.data_error(e, loc))?;
                // What was recorded or learned is called by its path: `params.net.weights`.
                if !members.contains(&name) && members.iter().any(|m| m.starts_with(&inside)) {
                    return Ok(Val::Archive(path, inside));
                }
                self.member(&path, (&name, &members), loc)?;
                let source = DataSource::Npz(path, name);
                Ok(Val::Expr(TExpr::file(self.dataset(source, loc)?)))
            }
            Val::Epoch { every, start } => {
                let t = TExpr::time;
                let modulo = |residue: i64| {
                    let rest = TExpr::binary(Op::Rem, t(), TExpr::int(every))?;
                    TExpr::binary(Op::Eq, rest, TExpr::int(residue.rem_euclid(every)))
                };
                let built = match field.name.as_str() {
                    "start" => modulo(start),
                    "end" => modulo(start - 1),
                    // Steps 1 ..= first start - 1 belong to the epoch before the first.
                    "index" => {
                        let first = if start == 0 { every } else { start };
                        TExpr::binary(Op::Sub, t(), TExpr::int(first))
                            .and_then(|d| TExpr::binary(Op::FloorDiv, d, TExpr::int(every)))
                    }
                    other => {
                        let message = format!("an epoch has no `{other}`");
                        return Err(self.fail(
                            Diagnostic::new(Code::E0401, message, loc, "")
                                .meant(other, ["start", "end", "index"], loc)
                                .help("it has `start`, `end` and `index`"),
                        ));
                    }
                };
                Ok(Val::Expr(built.map_err(|m| self.mismatch(m, loc, None))?))
            }
            _ => {
                let message = format!("this has no `{}`", field.name);
                Err(self.fail(Diagnostic::new(Code::E0401, message, loc, "not found")))
            }
        }
    }

    /// Requires that an archive has a member.
    fn member(&mut self, path: &Path, (name, members): (&String, &[String]), loc: Loc) -> Eval<()> {
        if members.contains(name) {
            return Ok(());
        }
        let message = format!("`{}` has no array `{name}`", path.display());
        let d = Diagnostic::new(Code::E0604, message, loc, "not in the archive")
            .note(format!("it holds {}", members.join(", ")));
        Err(self.fail(d.meant(name, members.iter().map(String::as_str), loc)))
    }

    fn call(&mut self, callee: &ast::Expr, args: &[ast::Arg], loc: Loc, env: &Env) -> Eval<Val> {
        let mut values = Vec::new();
        let mut first = None;
        let name = match &callee.kind {
            ExprKind::Name(name) => name.clone(),
            // `x.flatten()` is `flatten(x)`.
            ExprKind::Field(of, method) => {
                first = Some(of);
                method.name.clone()
            }
            _ => {
                let message = "only functions can be called";
                return Err(self.fail(Diagnostic::new(Code::E0204, message, loc, "")));
            }
        };
        if let Some(of) = first {
            let at = Loc { file: env.file, span: of.span };
            values.push(self.eval(of, env).map(|value| builtins::Arg {
                name: None,
                value,
                loc: at,
                written: Some(of),
            }));
        }
        for arg in args {
            let loc = Loc { file: env.file, span: arg.value.span };
            values.push(self.eval(&arg.value, env).map(|value| builtins::Arg {
                name: arg.name.clone(),
                value,
                loc,
                written: Some(&arg.value),
            }));
        }
        // All are evaluated before the first failure ends the work: one run shows all errors.
        let values = values.into_iter().collect::<Eval<Vec<_>>>()?;
        let at = Loc { file: env.file, span: callee.span };
        if let Some(Symbol::Item(item)) = self.program.lookup(env.file, &name)
            && matches!(
                self.program.item(item).kind,
                ast::ItemKind::Process(_) | ast::ItemKind::Network(_)
            )
        {
            let message = format!("`{name}` is a process, not a function");
            return Err(self.fail(
                Diagnostic::new(Code::E0204, message, at, "")
                    .help("processes stand in networks, as parts or in connections"),
            ));
        }
        builtins::call(self, &name, at, values, loc, env)
    }

    /// `of[subscripts]`.
    pub fn index(
        &mut self,
        of: TExpr,
        subscripts: &[Subscript],
        loc: Loc,
        env: &Env,
    ) -> Eval<TExpr> {
        if subscripts.len() > of.shape.len() {
            let message = format!(
                "{} subscripts for {}",
                subscripts.len(),
                match of.shape.len() {
                    0 => "a scalar".into(),
                    1 => "one axis".into(),
                    n => format!("{n} axes"),
                }
            );
            let what = format!("this is {}", describe(&of));
            let d = Diagnostic::new(Code::E0202, message, loc, what);
            return Err(self.fail(d.sides(&of.shape, &vec![1; subscripts.len()])));
        }
        let picks = self.subscripts(&of.shape, subscripts, env)?;
        let ranges: Vec<(usize, usize)> = picks
            .iter()
            .zip(&of.shape)
            .map(|(pick, size)| match pick {
                Pick::At(i) => (*i, i + 1),
                Pick::Range(lo, hi) => (*lo, *hi),
                Pick::Computed(_) => (0, *size),
            })
            .collect();
        let computed = picks.iter().any(|pick| matches!(pick, Pick::Computed(_)));
        let of = if computed { self.dense(of, loc)? } else { of };
        let mut result = of.slice(ranges);
        // Axes with one fixed position disappear; a computed one is moved to the front first.
        let kept: Vec<usize> = picks
            .iter()
            .zip(&result.shape)
            .filter(|(pick, _)| !matches!(pick, Pick::At(_)))
            .map(|(_, size)| *size)
            .collect();
        result = result.reshape(kept);
        let mut axis = 0;
        for pick in picks {
            match pick {
                Pick::At(_) => {}
                Pick::Range(..) => axis += 1,
                Pick::Computed(index) => {
                    if axis > 0 {
                        let mut axes: Vec<usize> = (0..result.shape.len()).collect();
                        axes.remove(axis);
                        axes.insert(0, axis);
                        result = result.transpose(axes);
                    }
                    result = result.index(index);
                }
            }
        }
        Ok(result)
    }

    /// What subscripts pick of an array of this shape; axes without one are taken whole.
    pub fn subscripts(
        &mut self,
        shape: &[usize],
        subscripts: &[Subscript],
        env: &Env,
    ) -> Eval<Vec<Pick>> {
        let mut picks = Vec::new();
        for (axis, size) in shape.iter().enumerate() {
            picks.push(match subscripts.get(axis) {
                None => Pick::Range(0, *size),
                Some(Subscript::At(e)) => {
                    let loc = Loc { file: env.file, span: e.span };
                    let index = self.expr(e, env)?;
                    let index =
                        if index.is_static() { self.structural(index, loc)? } else { index };
                    if !index.is_scalar() || !matches!(index.kind, Kind::Int | Kind::Bool) {
                        let what = format!("this is {}", describe(&index));
                        let message = "an index is one whole number";
                        let d = Diagnostic::new(Code::E0204, message, loc, what);
                        return Err(self.fail(d));
                    }
                    match index.as_int() {
                        None => Pick::Computed(index),
                        Some(i) => match usize::try_from(i) {
                            Ok(i) if i < *size => Pick::At(i),
                            _ => return Err(self.out_of_range(i, *size, loc)),
                        },
                    }
                }
                Some(Subscript::Range { lo, hi, span }) => {
                    let loc = Loc { file: env.file, span: *span };
                    let lo = lo.as_ref().map_or(Ok(0), |e| self.int(e, env))?;
                    let hi = hi.as_ref().map_or(Ok(*size as i64), |e| self.int(e, env))?;
                    if lo < 0 || hi < lo || hi > *size as i64 {
                        let message = format!("the range {lo}..{hi} is not within 0..{size}");
                        let d = Diagnostic::new(Code::E0208, message, loc, "");
                        return Err(self.fail(d));
                    }
                    Pick::Range(lo as usize, hi as usize)
                }
            });
        }
        Ok(picks)
    }

    fn out_of_range(&mut self, index: i64, size: usize, loc: Loc) -> Stop {
        let message = format!("the index {index} is not within 0..{size}");
        self.fail(Diagnostic::new(Code::E0208, message, loc, ""))
    }
}

/// What a subscript picks of an axis.
#[derive(Clone, Debug)]
pub enum Pick {
    /// One position; the axis disappears.
    At(usize),
    /// `lo..hi`.
    Range(usize, usize),
    /// One position known only when the network runs.
    Computed(TExpr),
}

/// Two shapes that do not go together, and what of them was compared.
fn unlike(
    [a, b]: [Vec<usize>; 2],
    compared: Option<[Vec<usize>; 2]>,
    loc: Loc,
    places: Option<(Loc, Loc)>,
) -> Diagnostic {
    let message = format!("the shapes {a:?} and {b:?} do not fit together");
    let mut d = Diagnostic::new(Code::E0202, message, loc, "");
    if let Some([one, other]) = &compared {
        d = d.sides(one, other);
    }
    if let Some((left, right)) = places {
        d = d.label(left, format!("{a:?}")).label(right, format!("{b:?}"));
    }
    d.help(
        "sizes must be equal from the last axis on, or 1; `flatten`, `reshape` and `transpose` \
         change a shape",
    )
}

/// The operation for one of the syntax (`@` and the logical ones aside).
pub fn operator(op: BinaryOp) -> Op {
    match op {
        BinaryOp::Or | BinaryOp::BitOr => Op::Or,
        BinaryOp::And | BinaryOp::BitAnd => Op::And,
        BinaryOp::Eq => Op::Eq,
        BinaryOp::Ne => Op::Ne,
        BinaryOp::Lt => Op::Lt,
        BinaryOp::Le => Op::Le,
        BinaryOp::Gt => Op::Gt,
        BinaryOp::Ge => Op::Ge,
        BinaryOp::BitXor => Op::Xor,
        BinaryOp::Shl => Op::Shl,
        BinaryOp::Shr => Op::Shr,
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Sub,
        BinaryOp::Mul | BinaryOp::MatMul => Op::Mul,
        BinaryOp::Div => Op::Div,
        BinaryOp::Rem => Op::Rem,
        BinaryOp::Pow => Op::Pow,
    }
}
