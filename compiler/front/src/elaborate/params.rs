//! Arguments: which parameter gets which value, and whether it may.

use super::disagree::Origin;
use super::tree::{Node, PortState};
use crate::resolve::ItemRef;
use crate::types::expr::TExpr;
use crate::types::{Cx, DIV, ElemTy, Env, Eval, Stop, Val, conversion, describe};
use snn_grammar::ast::{self, ItemKind, NetworkMember, ProcessMember, ShapeParam};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Loc, nearest};
use snn_ir::network::Range;
use snn_ir::step::Kind;
use snn_ir::tensor::{Constant, Values};
use std::rc::Rc;

/// A name of an instance whose value is an expression: a parameter, a constant, or an initial
/// value given as an argument.
pub struct ParamState {
    /// The name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The expression.
    pub value: Rc<ast::Expr>,
    /// Whether the expression stands in the surrounding network (an argument) or in the
    /// declaration (a default, a constant).
    pub outside: bool,
    /// The file that the expression stands in.
    pub file: u32,
    /// The value, once known.
    pub known: Option<Val>,
    /// The values that are allowed, where the declaration says.
    pub range: Option<Range>,
}

/// The sizes that are given with an instance, until they are known.
pub struct Sizes {
    params: Vec<ShapeParam>,
    given: Vec<ast::Expr>,
    /// The instance.
    loc: Loc,
}

/// What a [`ParamState`] is.
pub enum Role {
    /// A declared parameter, with the file of its declaration.
    Param(Rc<ast::Param>, u32),
    /// `const`.
    Const,
    /// An argument that names a state variable.
    Init,
}

impl Node {
    /// Declares the shape parameters and takes those that are given: `LIF[64]`.
    pub fn bind_shape(
        &mut self,
        cx: &mut Cx<'_>,
        params: &[ShapeParam],
        given: Option<&[ast::Subscript]>,
        loc: Loc,
    ) -> Eval<()> {
        for param in params {
            self.env.forget(&param.name.name);
        }
        let Some(given) = given else { return Ok(()) };
        let mut sizes = Vec::new();
        for subscript in given {
            let ast::Subscript::At(e) = subscript else {
                let message = "a shape is made of sizes, not ranges";
                return Err(cx.fail(Diagnostic::new(Code::E0209, message, loc, "")));
            };
            sizes.push(e.clone());
        }
        let spread = params.iter().any(|p| p.spread);
        let fits = match spread {
            true => sizes.len() + 1 >= params.len(),
            false => sizes.len() == params.len(),
        };
        if !fits {
            let names: Vec<String> = params
                .iter()
                .map(|p| if p.spread { format!("*{}", p.name.name) } else { p.name.name.clone() })
                .collect();
            let message =
                format!("`{}` is `{}[{}]`", self.def_name, self.def_name, names.join(", "));
            let what = format!("given {} sizes", sizes.len());
            return Err(cx.fail(Diagnostic::new(Code::E0209, message, loc, what)));
        }
        self.sizes = Some(Sizes { params: params.to_vec(), given: sizes, loc });
        Ok(())
    }

    /// Evaluates the sizes that are given, with the names around the instance; true where they
    /// became known.
    pub fn evaluate_sizes(&mut self, cx: &mut Cx<'_>, env: &Env) -> Eval<bool> {
        let Some(Sizes { params, given, loc }) = self.sizes.take() else { return Ok(false) };
        let mut sizes = Vec::new();
        for e in &given {
            match cx.size(e, env) {
                Ok(size) => sizes.push(size),
                Err(Stop::Open) => {
                    self.sizes = Some(Sizes { params, given, loc });
                    return Err(Stop::Open);
                }
                Err(stop) => return Err(stop),
            }
        }
        let known = params.iter().map(|p| (p.name.name.clone(), Origin { loc, param: None }));
        self.origins.extend(known);
        let extra = (sizes.len() + 1).saturating_sub(params.len());
        let mut sizes = sizes.into_iter().map(|n| Val::Expr(TExpr::int(n as i64)));
        for param in &params {
            let value = match param.spread {
                true => Some(Val::List(sizes.by_ref().take(extra).collect())),
                false => sizes.next(),
            };
            value.into_iter().for_each(|value| self.env.set(&param.name.name, value));
        }
        Ok(true)
    }

    /// Gives every parameter its argument or default, and collects the constants.
    pub fn bind_args(
        &mut self,
        cx: &mut Cx<'_>,
        declared: &Declared,
        args: &[ast::Arg],
        env: &Env,
        loc: Loc,
    ) -> Eval<()> {
        let mut taken: Vec<Option<&ast::Arg>> = vec![None; declared.params.len()];
        let mut failed = None;
        let mut position = 0;
        for arg in args {
            let slot = match &arg.name {
                None => {
                    position += 1;
                    Some(position - 1)
                }
                Some(name) => declared.params.iter().position(|p| p.param.name.name == name.name),
            };
            let variable = arg.name.as_ref().filter(|n| declared.vars.contains(&n.name));
            match (slot.and_then(|s| taken.get_mut(s)), variable) {
                (Some(place @ None), _) => *place = Some(arg),
                (None, Some(name)) => self.params.push(ParamState {
                    name: name.name.clone(),
                    role: Role::Init,
                    value: Rc::new(arg.value.clone()),
                    outside: true,
                    file: env.file,
                    known: None,
                    range: None,
                }),
                _ => failed = Some(self.unknown_argument(cx, arg, declared, env)),
            }
        }
        for (Declaration { param, default, file }, arg) in declared.params.iter().zip(taken) {
            let (name, file) = (param.name.name.clone(), *file);
            let (value, outside, from) = match (arg, default) {
                (Some(arg), _) => (Rc::new(arg.value.clone()), true, env.file),
                (None, Some(default)) => (Rc::clone(default), false, file),
                (None, None) if misspelt(args, declared, &name) => {
                    failed = Some(Stop::Reported);
                    self.env.forget(&name);
                    continue;
                }
                (None, None) => {
                    let message = format!("`{}` needs `{name}`", self.def_name);
                    let declared = Loc { file, span: param.span };
                    let d = Diagnostic::new(Code::E0209, message, loc, "not given here")
                        .label(declared, "declared without a default");
                    let hint = format!("write `{}({name}: …)`", self.def_name);
                    failed = Some(cx.fail(d.help(hint)));
                    self.env.forget(&name);
                    continue;
                }
            };
            self.env.forget(&name);
            let role = Role::Param(Rc::clone(param), file);
            self.params.push(ParamState {
                name,
                role,
                value,
                outside,
                file: from,
                known: None,
                range: None,
            });
        }
        for (name, value, file) in &declared.consts {
            self.env.forget(name);
            self.params.push(ParamState {
                name: name.clone(),
                role: Role::Const,
                value: Rc::clone(value),
                outside: false,
                file: *file,
                known: None,
                range: None,
            });
        }
        failed.map_or(Ok(()), Err)
    }

    fn unknown_argument(
        &self,
        cx: &mut Cx<'_>,
        arg: &ast::Arg,
        declared: &Declared,
        env: &Env,
    ) -> crate::types::Stop {
        let names: Vec<&str> = declared.params.iter().map(|p| p.param.name.name.as_str()).collect();
        let span = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
        let loc = Loc { file: env.file, span };
        let message = match &arg.name {
            Some(name) if names.contains(&name.name.as_str()) => {
                format!("`{}` is given twice", name.name)
            }
            Some(name) => format!("`{}` has no parameter `{}`", self.def_name, name.name),
            None => format!("`{}` takes {} arguments", self.def_name, names.len()),
        };
        let mut d = Diagnostic::new(Code::E0209, message, loc, "");
        if let Some(name) = arg.name.as_ref().filter(|n| !names.contains(&n.name.as_str())) {
            let vars = declared.vars.iter().map(String::as_str);
            d = d.meant(&name.name, names.iter().copied().chain(vars), loc);
        }
        if !names.is_empty() {
            d = d.note(format!("its parameters are {}", names.join(", ")));
        }
        cx.fail(d)
    }
}

/// Whether an argument was probably meant for this parameter, and only its name is wrong.
fn misspelt(args: &[ast::Arg], declared: &Declared, name: &str) -> bool {
    let known = |name: &str| declared.params.iter().any(|p| p.param.name.name == name);
    let unknown = args.iter().filter_map(|arg| arg.name.as_ref()).filter(|n| !known(&n.name));
    let names = || declared.params.iter().map(|p| p.param.name.name.as_str());
    unknown.into_iter().any(|given| nearest(&given.name, names()) == Some(name))
}

/// What a process, with one of its models, or a network declares. Instances share it.
pub struct Declared {
    /// Its parameters, each as the model redeclares it.
    pub params: Vec<Declaration>,
    /// Its ports; the model's declaration replaces the process's type.
    pub ports: Vec<PortState>,
    /// Its constants: names, values, and the files these are written in.
    consts: Vec<(String, Rc<ast::Expr>, u32)>,
    /// Its variables.
    vars: Vec<String>,
}

/// The declaration of a parameter.
pub struct Declaration {
    /// It.
    pub param: Rc<ast::Param>,
    /// Its default.
    default: Option<Rc<ast::Expr>>,
    /// The file it is written in.
    pub file: u32,
}

impl Declared {
    /// Collects what `def` declares, and `model`, which for networks and default models is `def`.
    pub fn of(cx: &mut Cx<'_>, def: ItemRef, model: ItemRef) -> Declared {
        let (own, other) = (cx.program.tree(def), cx.program.tree(model));
        let mut declared = Declared {
            params: Vec::new(),
            ports: Vec::new(),
            consts: Vec::new(),
            vars: Vec::new(),
        };
        let (redeclared, members) = match &other.items[model.item as usize].kind {
            ItemKind::Model(m) => (m.params.as_slice(), m.members.as_slice()),
            _ => (&[][..], &[][..]),
        };
        let params = match &own.items[def.item as usize].kind {
            ItemKind::Process(p) => {
                declared.members(cx, &p.members, def.file, false);
                declared.members(cx, members, model.file, true);
                p.params.as_slice()
            }
            ItemKind::Network(n) => {
                for member in &n.members {
                    match member {
                        NetworkMember::Const(b) => declared.constant(b, def.file),
                        NetworkMember::Port(port) => declared.port(cx, port, def.file, false),
                        _ => {}
                    }
                }
                n.params.as_slice()
            }
            _ => &[],
        };
        for param in params {
            let of_model = redeclared.iter().find(|m| m.name.name == param.name.name);
            let (param, file) = of_model.map_or((param, def.file), |m| (m, model.file));
            let default = param.default.clone().map(Rc::new);
            declared.params.push(Declaration { param: Rc::new(param.clone()), default, file });
        }
        declared
    }

    fn members(&mut self, cx: &mut Cx<'_>, members: &[ProcessMember], file: u32, redeclares: bool) {
        for member in members {
            match member {
                ProcessMember::Const(b) => self.constant(b, file),
                ProcessMember::Var(v) => self.vars.push(v.name.name.clone()),
                ProcessMember::Port(port) => self.port(cx, port, file, redeclares),
                _ => {}
            }
        }
    }

    fn constant(&mut self, constant: &ast::Binding, file: u32) {
        self.consts.push((constant.name.name.clone(), Rc::new(constant.value.clone()), file));
    }

    fn port(&mut self, cx: &mut Cx<'_>, port: &ast::Port, file: u32, redeclares: bool) {
        let state = PortState {
            name: port.name.name.clone(),
            direction: port.direction,
            ty: Rc::new(port.ty.clone()),
            file,
            loc: Loc { file, span: port.span },
            shape: None,
            bad: false,
        };
        match self.ports.iter_mut().find(|p| p.name == port.name.name) {
            Some(known) if redeclares => *known = state,
            Some(known) => {
                let message = format!("port `{}` is declared twice", port.name.name);
                let d = Diagnostic::new(Code::E0402, message, state.loc, "");
                cx.sink.push(d.label(known.loc, "declared first here"));
            }
            None => self.ports.push(state),
        }
    }
}

/// Checks a value against the declared type of its parameter and converts it; gives the declared
/// range too. The shape is checked by the caller, who may learn dimensions from it.
pub fn checked(
    cx: &mut Cx<'_>,
    param: &ast::Param,
    file: u32,
    value: Val,
    (written, env): (&ast::Expr, &Env),
) -> Eval<(Val, Option<Range>)> {
    let loc = Loc { file: env.file, span: written.span };
    let Some(ty) = &param.ty else {
        if param.range.is_none() {
            return Ok((value, None));
        }
        let e = cx.as_expr(value, loc)?;
        let range = in_range(cx, param, file, &e, None, loc)?;
        return Ok((Val::Expr(e), range));
    };
    let declared = Loc { file, span: param.span };
    let want = ElemTy::of(ty);
    let e = cx.as_expr(value, loc)?;
    let whole = e.is_scalar().then(|| e.as_int()).flatten();
    let e = match (e.kind, want.kind()) {
        (a, b) if a == b => e,
        (Kind::Bool, _) | (Kind::Int, Kind::F32 | Kind::F64) | (Kind::F32, Kind::F64) => {
            cx.loaded(e, loc)?.convert(want.kind())
        }
        // A float literal for an f32 parameter, `n / 2` for an integer one.
        (Kind::F64, Kind::F32) if e.is_scalar() => e.convert(Kind::F32),
        (Kind::F64, Kind::Int) if whole.is_some() => e.convert(Kind::Int),
        (Kind::Int, Kind::Bool) if matches!(whole, Some(0 | 1)) => e.convert(Kind::Bool),
        (from, _) => {
            let message = format!("`{}` must be {}", param.name.name, want.text());
            let what = format!("this is {}", describe(&e));
            let d =
                Diagnostic::new(Code::E0203, message, loc, what).label(declared, "declared here");
            let quotients = match want.kind() {
                Kind::Int => cx.quotients(written, env),
                _ => None,
            };
            return Err(cx.fail(match quotients {
                Some(fix) => d.fix(DIV, fix),
                None => conversion(d, (from, want.kind()), loc),
            }));
        }
    };
    let range = in_range(cx, param, file, &e, Some(want), loc)?;
    Ok((Val::Expr(e), range))
}

/// Requires that every element is in the declared range, and in that of the type, if it has one.
fn in_range(
    cx: &mut Cx<'_>,
    param: &ast::Param,
    file: u32,
    e: &TExpr,
    want: Option<ElemTy>,
    loc: Loc,
) -> Eval<Option<Range>> {
    let narrow = want.filter(|want| want.integer().is_some_and(|(bits, _)| bits < 64));
    if param.range.is_none() && narrow.is_none() {
        return Ok(None);
    }
    let loaded = cx.loaded(e.clone(), loc)?;
    let Some(tensor) = loaded.value().map(Constant::values) else { return Ok(None) };
    let outside = |lo: f64, hi: f64, open: bool| match &tensor.values {
        Values::Float(v) => {
            v.iter().find(|x| **x < lo || **x > hi || (open && **x == hi)).map(f64::to_string)
        }
        // Integers are not rounded to floats, neither to be compared nor to be shown.
        Values::Int(_) | Values::Bool(_) => {
            let (least, most) = tensor.int_bounds()?;
            let end = if open { hi.ceil() as i128 - 1 } else { hi.floor() as i128 };
            let bad = |x: &i64| i128::from(*x) < lo.ceil() as i128 || i128::from(*x) > end;
            [least, most].iter().find(|x| bad(x)).map(i64::to_string)
        }
    };
    let declared = Loc { file, span: param.span };
    let name = &param.name.name;
    if let Some(want) = narrow
        && let Some((lo, hi)) = want.bounds()
        && let Some(bad) = outside(lo as f64, hi as f64, false)
    {
        let message = format!("`{name}` = {bad} does not fit {}", want.text());
        let d = Diagnostic::new(Code::E0701, message, loc, format!("allowed: {lo}..={hi}"));
        return Err(cx.fail(d.label(declared, "declared here")));
    }
    let Some(range) = range(cx, param, file)? else { return Ok(None) };
    let Range { lo, hi, inclusive } = range;
    if let Some(bad) = outside(lo, hi, !inclusive) {
        let dots = dots(inclusive);
        let message = format!("`{name}` = {bad} is out of range");
        let d = Diagnostic::new(Code::E0701, message, loc, format!("allowed: {lo}{dots}{hi}"));
        return Err(cx.fail(d.label(declared, "the range is declared here")));
    }
    Ok(Some(range))
}

fn dots(inclusive: bool) -> &'static str {
    if inclusive { "..=" } else { ".." }
}

/// The range that a parameter declares, which has values.
pub fn range(cx: &mut Cx<'_>, param: &ast::Param, file: u32) -> Eval<Option<Range>> {
    let Some(ast::ValueRange { lo: from, hi: to, inclusive }) = &param.range else {
        return Ok(None);
    };
    let inclusive = *inclusive;
    let (lo, hi) = (cx.bound(from, file)?, cx.bound(to, file)?);
    if lo < hi || (lo == hi && inclusive) {
        return Ok(Some(Range { lo, hi, inclusive }));
    }
    let message =
        format!("the range {lo}{}{hi} of `{}` has no values", dots(inclusive), param.name.name);
    let at = |e: &ast::Expr| Loc { file, span: e.span };
    let loc = Loc { file, span: from.span.to(to.span) };
    let (from, to) = (cx.program.sources.line(at(from)), cx.program.sources.line(at(to)));
    let (what, help, text) = match lo == hi {
        true => (
            "the bound after `..` is not allowed itself",
            "with `..=` it is",
            format!("{from}..={to}"),
        ),
        false => (
            "the least value stands first",
            "turn the bounds round",
            format!("{to}{}{from}", dots(inclusive)),
        ),
    };
    let d = Diagnostic::new(Code::E0703, message, loc, what);
    Err(cx.fail(d.fix(help, Fix::proposed(vec![Edit::replace(loc, text)]))))
}
