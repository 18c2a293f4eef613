//! The statements of a process, typed: conditions become clocks and masks.

use super::bounds::int_bounds;
use super::check::Var;
use super::expr::{Leaf, TExpr};
use super::remedies::{DIV, Written, conversion};
use super::scope::{Cx, Env, Eval, Stop, Val, describe};
use super::{ElemTy, Pick};
use crate::clocks::{NoClock, clock_of};
use crate::elaborate::{Instance, Port};
use snn_grammar::ast::{self, Direction, StmtKind as Syntax};
use snn_ir::clock::{Clock, Unmanageable};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Help, Loc};
use snn_ir::network::Phase;
use snn_ir::scalar::{Kind, Op};
use snn_ir::tensor::Constant;

/// Types the phases of one process.
pub struct Body<'b, 'a> {
    cx: &'b mut Cx<'a>,
    instance: &'b Instance,
    vars: &'b [Var],
    ports: &'b [Port],
    lets: Vec<(String, TExpr)>,
    stmts: Vec<Stmt>,
    failed: bool,
}

/// A statement with the steps at which it happens.
pub struct Stmt {
    /// Its phase.
    pub phase: Phase,
    /// Its steps.
    pub clock: Clock,
    /// The conditions on data around it, a scalar.
    pub guard: Option<TExpr>,
    /// What happens.
    pub kind: StmtKind,
    /// Where it is written.
    pub loc: Loc,
}

/// What a statement does. There are few lets and many assignments, so the size of the latter
/// costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum StmtKind {
    /// Computes the `let` of this number.
    Let(usize),
    /// Assigns.
    Assign {
        /// What.
        to: Place,
        /// Which part: one pick an axis.
        picks: Vec<Pick>,
        /// The value, of the place's kind; a scalar or of the shape of that part.
        value: TExpr,
        /// The elements that are assigned; a scalar or of that shape.
        mask: Option<TExpr>,
    },
}

/// What an assignment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable, by position.
    Var(usize),
    /// An out port, by position: the assignment sends.
    Port(usize),
}

/// Where a statement stands: its phase, its steps, and the mask of conditions on data.
#[derive(Clone)]
struct Context {
    phase: Phase,
    clock: Clock,
    mask: Option<TExpr>,
    env: Env,
}

/// The message for a phase that a step does not have.
pub fn no_phase(name: &str, loc: Loc) -> Diagnostic {
    let message = format!("there is no phase `{name}`");
    let d = Diagnostic::new(Code::E0305, message, loc, "");
    d.meant(name, Phase::ALL.map(Phase::name), loc).help(match name {
        "host" => "processes do not run in `host`; use `post_mgmt`, or `reset … in host`",
        _ => "the phases of a step are `spk`, `pre_mgmt`, `lrn` and `post_mgmt`",
    })
}

/// What a process consists of once typed: its lets by number, and its statements.
pub type Parts = (Vec<(String, TExpr)>, Vec<Stmt>);

impl<'b, 'a> Body<'b, 'a> {
    /// A process without phases yet.
    pub fn new(
        cx: &'b mut Cx<'a>,
        instance: &'b Instance,
        vars: &'b [Var],
        ports: &'b [Port],
    ) -> Body<'b, 'a> {
        cx.begin_body();
        Body { cx, instance, vars, ports, lets: Vec::new(), stmts: Vec::new(), failed: false }
    }

    /// The result, where there was no error.
    pub fn finish(self) -> Eval<Parts> {
        if self.failed {
            return Err(Stop::Reported);
        }
        Ok((self.lets, self.stmts))
    }

    fn fail(&mut self, diagnostic: Diagnostic) -> Stop {
        self.failed = true;
        self.cx.fail(diagnostic)
    }

    /// Types a phase.
    pub fn phase(&mut self, phase: &ast::Phase, file: u32) {
        let loc = Loc { file, span: phase.name.span };
        let Some(known) = Phase::ALL.into_iter().find(|p| p.name() == phase.name.name) else {
            self.fail(no_phase(&phase.name.name, loc));
            return;
        };
        let mut env = Env { file, ..self.instance.env.clone() };
        if !env.names.contains_key("t") {
            env.set("t", Val::Expr(TExpr::time()));
        }
        for (i, v) in self.vars.iter().enumerate() {
            let read = TExpr::read(Leaf::Var(i), v.ty.kind(), v.shape.clone());
            env.set(&v.name, Val::Expr(read));
        }
        for (i, p) in self.ports.iter().enumerate() {
            let read = TExpr::read(Leaf::Port(i), p.ty.kind(), p.shape.clone());
            env.set(&p.name, Val::Expr(read));
        }
        let mut context = Context { phase: known, clock: Clock::always(), mask: None, env };
        if let Some(guard) = &phase.guard {
            let at = Loc { file, span: guard.span };
            match self.condition(guard, &context, at) {
                Ok(Condition::Steps(clock)) => context.clock = clock,
                Ok(Condition::Data(_)) => {
                    let message = "a guard must depend on `t` alone";
                    let d = Diagnostic::new(Code::E0301, message, at, "this depends on data");
                    let hint = "guard with `t`, constants and epochs; use `if` inside the phase for \
                                conditions on data";
                    self.fail(d.help(hint));
                    return;
                }
                Err(_) => {
                    self.failed = true;
                    return;
                }
            }
        }
        self.block(&phase.body, context);
    }

    fn block(&mut self, stmts: &[ast::Stmt], mut context: Context) {
        // What a parameter switches off is checked like the rest, and then left out.
        let (written, lets) = (self.stmts.len(), self.lets.len());
        for stmt in stmts {
            if self.stmt(stmt, &mut context).is_err() {
                self.failed = true;
            }
        }
        if context.clock.is_never() {
            self.stmts.truncate(written);
            self.lets.truncate(lets);
        }
    }

    fn stmt(&mut self, stmt: &ast::Stmt, context: &mut Context) -> Eval<()> {
        let file = context.env.file;
        let loc = Loc { file, span: stmt.span };
        match &stmt.kind {
            Syntax::Let(binding) => self.let_(binding, context, loc).inspect_err(|_| {
                // The name is there, and what uses it is not wrong because of that.
                context.env.forget(&binding.name.name);
            }),
            Syntax::If { cond, then, els } => {
                let at = Loc { file, span: cond.span };
                match self.condition(cond, context, at)? {
                    Condition::Steps(clock) => {
                        let mut inside = context.clone();
                        inside.clock = self.both_steps(&context.clock, &clock, at)?;
                        self.block(then, inside.clone());
                        inside.clock = self.both_steps(&context.clock, &clock.not(), at)?;
                        self.block(els, inside);
                    }
                    Condition::Data(condition) => {
                        let id = self.new_let("cond", condition, context, at);
                        let holds = TExpr::read(Leaf::Let(id), Kind::Bool, Vec::new());
                        let fails = TExpr::unary(Op::Not, holds.clone())
                            .map_err(|m| self.cx.mismatch(m, at, None))?;
                        for (branch, mask) in [(then, holds), (els, fails)] {
                            let mut inside = context.clone();
                            inside.mask = Some(self.both(context.mask.clone(), mask, at)?);
                            self.block(branch, inside);
                        }
                    }
                }
                Ok(())
            }
            Syntax::Assign { target, op, value, mask } => {
                self.assign(target, *op, value, mask.as_ref(), context, loc)
            }
        }
    }

    /// The steps of a condition within those of what is around it.
    fn both_steps(&mut self, outer: &Clock, inner: &Clock, loc: Loc) -> Eval<Clock> {
        outer.and(inner).map_err(|why| self.does_not_repeat(Some(why), loc))
    }

    fn does_not_repeat(&mut self, within: Option<Unmanageable>, loc: Loc) -> Stop {
        let within = within.map_or_else(String::new, |within| format!(" within {within}"));
        let message = format!("this condition on `t` does not repeat{within}");
        self.fail(Diagnostic::new(Code::E0302, message, loc, "").help(
            "use remainders and comparisons with constants, such as `t % 32 == 1` or \
             `t > 100`",
        ))
    }

    fn both(&mut self, a: Option<TExpr>, b: TExpr, loc: Loc) -> Eval<TExpr> {
        match a {
            None => Ok(b),
            Some(a) => TExpr::binary(Op::And, a, b).map_err(|m| self.cx.mismatch(m, loc, None)),
        }
    }

    fn new_let(&mut self, name: &str, value: TExpr, context: &Context, loc: Loc) -> usize {
        let id = self.lets.len();
        self.lets.push((name.into(), value));
        let (phase, clock, guard) = (context.phase, context.clock.clone(), context.mask.clone());
        self.stmts.push(Stmt { phase, clock, guard, kind: StmtKind::Let(id), loc });
        id
    }

    fn let_(&mut self, binding: &ast::Binding, context: &mut Context, loc: Loc) -> Eval<()> {
        let at = Loc { file: loc.file, span: binding.value.span };
        let mut value = self.cx.eval(&binding.value, &context.env)?;
        if let Val::Expr(e) = value {
            let mut e = self.cx.folded(e, at)?;
            if let Some(ty) = &binding.ty {
                let want = ElemTy::of(ty);
                let written = Written { value: &binding.value, op: None, env: &context.env };
                e = self.converted(e, want, &binding.name.name, written)?;
                let declared = crate::elaborate::dims(self.cx, &ty.shape, &context.env)?;
                if declared != e.shape {
                    let name = &binding.name.name;
                    let message = format!("`{name}` is declared with shape {declared:?}");
                    let what = format!("has shape {:?}", e.shape);
                    let d = Diagnostic::new(Code::E0201, message, at, what);
                    return Err(self.fail(d.sides(&e.shape, &declared)));
                }
                if let Some((bits, signed)) = want.integer().filter(|(bits, _)| *bits < 64) {
                    e = e.wrap(bits, signed).map_err(|m| self.cx.mismatch(m, at, None))?;
                }
            }
            // A constant, or another name for a leaf, needs no statement.
            let value_known = e.is_static();
            if !value_known {
                e = self.cx.dense(e, at)?;
            }
            value = Val::Expr(if value_known {
                e
            } else {
                let (kind, shape) = (e.kind, e.shape.clone());
                let id = self.new_let(&binding.name.name, e, context, loc);
                TExpr::read(Leaf::Let(id), kind, shape)
            });
        }
        context.env.set(&binding.name.name, value);
        Ok(())
    }

    /// A condition: steps where it depends on `t` alone, else a scalar boolean.
    fn condition(&mut self, e: &ast::Expr, context: &Context, loc: Loc) -> Eval<Condition> {
        let cond = self.cx.expr(e, &context.env)?;
        let cond = self.cx.folded(cond, loc)?;
        if !cond.is_scalar() {
            let message = "a condition is one boolean";
            let d =
                Diagnostic::new(Code::E0202, message, loc, format!("this is {}", describe(&cond)));
            let d = d.sides(&cond.shape, &[]);
            return Err(self.fail(d.help(
                "for each element, write `x = value where mask` or `where(mask, a, b)`; \
                 for all, `any(…)` or `all(…)`",
            )));
        }
        let cond = cond.truth();
        // What depends on params and `t` alone decides whether statements are there at all.
        let cond = match cond.is_function_of_time() {
            true => self.cx.timed(cond, loc)?,
            false => cond,
        };
        match clock_of(&cond) {
            Ok(clock) => Ok(Condition::Steps(clock)),
            Err(NoClock::Dynamic) => Ok(Condition::Data(cond)),
            Err(NoClock::NotPeriodic) => Err(self.does_not_repeat(None, loc)),
            Err(NoClock::Unmanageable(why)) => Err(self.does_not_repeat(Some(why), loc)),
        }
    }

    fn assign(
        &mut self,
        target: &ast::Expr,
        op: Option<ast::BinaryOp>,
        value: &ast::Expr,
        mask: Option<&ast::Expr>,
        context: &Context,
        loc: Loc,
    ) -> Eval<()> {
        let file = loc.file;
        let (name, span, subscripts) = match &target.kind {
            ast::ExprKind::Name(name) => (name, target.span, &[][..]),
            ast::ExprKind::Index(of, subscripts) => match &of.kind {
                ast::ExprKind::Name(name) => (name, of.span, subscripts.as_slice()),
                _ => return Err(self.not_assignable(loc)),
            },
            _ => return Err(self.not_assignable(Loc { file, span: target.span })),
        };
        // Both sides are looked at before either failure ends the work.
        let place = self.place(name, Loc { file, span }, &context.env);
        let evaluated = self.cx.expr(value, &context.env);
        let (place, ty, full) = place?;
        let picks = self.cx.subscripts(&full, subscripts, &context.env)?;
        if subscripts.len() > full.len() {
            let message = format!("`{name}` has {} axes", full.len());
            return Err(self.fail(Diagnostic::new(Code::E0202, message, loc, "")));
        }
        let shape: Vec<usize> = picks
            .iter()
            .filter_map(|p| match p {
                Pick::Range(lo, hi) => Some(hi - lo),
                _ => None,
            })
            .collect();
        let at = Loc { file, span: value.span };
        let mut e = evaluated?;
        if let Some(op) = op {
            let current = self.cx.expr(target, &context.env)?;
            let combined = match op {
                ast::BinaryOp::MatMul => TExpr::matmul(current, e),
                ast::BinaryOp::Or | ast::BinaryOp::And => {
                    TExpr::binary(super::operator(op), current.truth(), e.truth())
                }
                op => TExpr::binary(super::operator(op), current, e),
            };
            let sides = Some((Loc { file, span: target.span }, at));
            e = combined.map_err(|m| self.cx.mismatch(m, loc, sides))?;
        }
        let e = self.cx.folded(e, at)?;
        self.fits_shape(&e, &shape, name, at)?;
        let e = self.cx.dense(e, at)?;
        let op = op.map(|op| (op, target));
        let written = Written { value, op, env: &context.env };
        let e = self.converted(e, ty, name, written)?;
        self.narrow(&e, ty, name, at)?;
        let wanted = mask;
        let mask = self.mask(mask, &shape, context)?;
        if let Place::Port(port) = place {
            let masked = mask.is_some() || context.mask.is_some();
            let chosen = match (op, context.mask.is_some() || !subscripts.is_empty()) {
                (None, false) => wanted.map(|mask| self.chosen(name, value, mask, loc)),
                _ => None,
            };
            self.sends(port, (masked, subscripts.is_empty()), chosen, context, loc)?;
        }
        let value = if e.is_scalar() { e } else { e.stretched(&shape) };
        let mask = mask.map(|m| if m.is_scalar() { m } else { m.stretched(&shape) });
        self.stmts.push(Stmt {
            phase: context.phase,
            clock: context.clock.clone(),
            guard: context.mask.clone(),
            kind: StmtKind::Assign { to: place, picks, value, mask },
            loc,
        });
        Ok(())
    }

    fn mask(
        &mut self,
        mask: Option<&ast::Expr>,
        shape: &[usize],
        context: &Context,
    ) -> Eval<Option<TExpr>> {
        let Some(e) = mask else { return Ok(None) };
        let at = Loc { file: context.env.file, span: e.span };
        let own = self.cx.expr(e, &context.env)?.truth();
        let own = self.cx.folded(own, at)?;
        self.fits_shape(&own, shape, "the mask", at)?;
        Ok(Some(self.cx.dense(own, at)?))
    }

    fn not_assignable(&mut self, loc: Loc) -> Stop {
        let message = "only variables and out ports can be assigned";
        self.fail(Diagnostic::new(Code::E0211, message, loc, ""))
    }

    /// What a name stands for on the left of an assignment.
    fn place(&mut self, name: &str, loc: Loc, env: &Env) -> Eval<(Place, ElemTy, Vec<usize>)> {
        if let Some(i) = self.vars.iter().position(|v| v.name == name) {
            let v = &self.vars[i];
            return Ok((Place::Var(i), v.ty, v.shape.clone()));
        }
        if let Some(i) = self.ports.iter().position(|p| p.name == name) {
            let p = &self.ports[i];
            if p.direction == Direction::Out {
                return Ok((Place::Port(i), p.ty, p.shape.clone()));
            }
            let declared = p.loc;
            let message = format!("`{name}` is an in port: it cannot be assigned");
            let d = Diagnostic::new(Code::E0211, message, loc, "");
            return Err(self.fail(d.label(declared, "declared here")));
        }
        if env.names.contains_key(name) {
            let message = format!("`{name}` is a constant: it cannot be assigned");
            let d = Diagnostic::new(Code::E0211, message, loc, "");
            return Err(self.fail(d.help(format!("declare state: `var {name}: int = 0`"))));
        }
        self.failed = true;
        if env.open.contains(name) {
            return Err(Stop::Open);
        }
        Err(self.cx.unknown_name(name, loc.span, env))
    }

    fn fits_shape(&mut self, e: &TExpr, shape: &[usize], name: &str, loc: Loc) -> Eval<()> {
        let fits =
            snn_ir::tensor::ops::broadcast(&e.shape, shape).is_some_and(|joint| joint == shape);
        if fits {
            return Ok(());
        }
        let message = format!("this does not have the shape of `{name}`");
        let what = format!("has shape {:?}, not {shape:?}", e.shape);
        let d = Diagnostic::new(Code::E0201, message, loc, what);
        // What has fewer axes is compared from the last on.
        let last = &shape[shape.len().saturating_sub(e.shape.len())..];
        Err(self.fail(d.sides(&e.shape, last)))
    }

    /// Converts a value to the kind of its place, where that loses nothing unsaid.
    fn converted(&mut self, e: TExpr, ty: ElemTy, name: &str, from: Written<'_>) -> Eval<TExpr> {
        let at = from.at();
        let (kind, to) = (e.kind, ty.kind());
        let weak = e.is_scalar() && e.is_static();
        // Whether a number is whole decides whether it may stand here.
        let decides =
            matches!((kind, to), (Kind::F32 | Kind::F64, Kind::Int) | (Kind::Int, Kind::Bool));
        let whole = match weak && decides {
            true => self.cx.structural(e.clone(), at)?.as_int(),
            false => None,
        };
        match (kind, to) {
            (a, b) if a == b => return Ok(e),
            (Kind::Bool, _) | (Kind::Int, Kind::F64) | (Kind::F32, Kind::F64) => {
                return Ok(e.convert(to));
            }
            (Kind::Int, Kind::F32) | (Kind::F64, Kind::F32) if weak => return Ok(e.convert(to)),
            (Kind::F64, Kind::Int) if whole.is_some() => return Ok(e.convert(to)),
            (Kind::Int, Kind::Bool) if matches!(whole, Some(0 | 1)) => return Ok(e.convert(to)),
            _ => {}
        }
        let message = format!("`{name}` is {}", ty.text());
        let d = Diagnostic::new(Code::E0203, message, at, format!("this is {}", describe(&e)));
        let quotients = (to == Kind::Int).then(|| from.quotients(self.cx)).flatten();
        Err(self.fail(match quotients {
            Some(fix) => d.fix(DIV, fix),
            None => match from.op {
                None => conversion(d, (kind, to), at),
                // Of `x += e`, `e` alone may be right.
                Some(_) => d.help("write `x = …` with a conversion of the whole"),
            },
        }))
    }

    /// A type narrower than the arithmetic needs an overflow policy.
    fn narrow(&mut self, e: &TExpr, ty: ElemTy, name: &str, at: Loc) -> Eval<()> {
        let Some((bits, _)) = ty.integer() else { return Ok(()) };
        if bits >= 32 || ty.overflow.is_some() {
            return Ok(());
        }
        let declared = |leaf: Leaf| match leaf {
            Leaf::Param(_) => None,
            Leaf::Var(i) => self.vars.get(i).and_then(|v| v.ty.bounds()),
            Leaf::Port(i) => self.ports.get(i).and_then(|p| p.ty.bounds()),
            Leaf::Let(i) => self.lets.get(i).map(|_| (i64::MIN, i64::MAX)),
            _ => None,
        };
        let (least, most) = ty.bounds().unwrap_or((i64::MIN, i64::MAX));
        let fits = |(lo, hi): (i64, i64)| least <= lo && hi <= most;
        if fits(int_bounds(e, &declared)) {
            return Ok(());
        }
        // It may fit because of what the params are: then that is what the form rests on.
        let decided = self.cx.timed(e.clone(), at)?;
        let (lo, hi) = match decided.value().map(Constant::values) {
            Some(known) => known.int_bounds().unwrap_or((0, 0)),
            None => int_bounds(&decided, &declared),
        };
        if fits((lo, hi)) {
            return Ok(());
        }
        let message = format!("`{name}` is {} and this may not fit", ty.text());
        let shown = |x: i64| match x {
            i64::MIN => "…".into(),
            i64::MAX => "…".into(),
            x => x.to_string(),
        };
        let what = format!("may be {} to {}", shown(lo), shown(hi));
        let d = Diagnostic::new(Code::E0207, message, at, what);
        let var = self.vars.iter().find(|v| v.name == name).map(|v| v.elem);
        let port = || self.ports.iter().find(|p| p.name == name).map(|p| p.elem);
        let text = ty.text();
        let policy = |policy: &str| {
            let elem = var.or_else(port)?;
            Some(Fix::proposed(vec![Edit::after(elem, format!(" {policy}"))]))
        };
        let sat = format!("say what overflow does: `{text} sat` keeps the nearest value");
        let wrap = format!("or `{text} wrap` the low bits");
        Err(self.fail(d.fix_with(sat, policy("sat")).fix_with(wrap, policy("wrap"))))
    }

    /// `name = where(mask, value, 0)` in the place of `name = value where mask`.
    fn chosen(&self, name: &str, value: &ast::Expr, mask: &ast::Expr, loc: Loc) -> Fix {
        let text = |e: &ast::Expr| self.cx.program.sources.line(Loc { span: e.span, ..loc });
        let sent = format!("{name} = where({}, {}, 0)", text(mask), text(value));
        Fix::proposed(vec![Edit::replace(loc, sent)])
    }

    /// Checks that an out port is assigned as a message: whole, at steps known beforehand, at
    /// most once a step, in one phase.
    fn sends(
        &mut self,
        port: usize,
        (masked, whole): (bool, bool),
        chosen: Option<Fix>,
        context: &Context,
        loc: Loc,
    ) -> Eval<()> {
        let name = self.ports[port].name.clone();
        if masked || !whole {
            let message = format!("`{name}` is sent whole, at steps known beforehand");
            let what = if whole { "assigned only in part, or by data" } else { "assigned in part" };
            let d = Diagnostic::new(Code::E0306, message, loc, what);
            let text = format!("write `{name} = where(condition, value, 0)`");
            return Err(self.fail(d.help(Help { text, fix: chosen })));
        }
        let earlier = self.stmts.iter().find(|s| {
            matches!(&s.kind, StmtKind::Assign { to: Place::Port(p), .. } if *p == port)
                && (s.phase != context.phase || s.clock.and(&context.clock) != Ok(Clock::never()))
        });
        let Some(earlier) = earlier else { return Ok(()) };
        let (first, phase) = (earlier.loc, earlier.phase);
        if phase != context.phase {
            let message = format!("`{name}` belongs to two phases");
            let d = Diagnostic::new(Code::E0303, message, loc, context.phase.name());
            return Err(self.fail(d.label(first, phase.name()).help("send it in one phase")));
        }
        let message = format!("`{name}` is sent twice in one step");
        let d = Diagnostic::new(Code::E0307, message, loc, "sent again here");
        let hint = "collect the value in a `let`, and assign the port once";
        Err(self.fail(d.label(first, "sent first here").help(hint)))
    }
}

/// What decides whether statements happen.
enum Condition {
    /// Only `t`: these steps.
    Steps(Clock),
    /// Data.
    Data(TExpr),
}
