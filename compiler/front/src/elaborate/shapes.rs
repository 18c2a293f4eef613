//! Shape inference: arguments and connections tell dimensions, until nothing new follows.

use super::connect::Sent;
use super::disagree::{self, Disagreement, Origin};
use super::params::{Role, checked};
use super::tree::{Node, Tree};
use crate::types::expr::{LARGEST, TExpr};
use crate::types::{Cx, ElemTy, Env, Eval, Single, Stop, Val};
use snn_grammar::ast::{Dim, Expr, ExprKind, Param, Type};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Determines every parameter and every port's shape.
pub fn infer(cx: &mut Cx<'_>, tree: &mut Tree) -> Eval<()> {
    let mut failed = false;
    let edges_of = edges_of(tree);
    let mut nodes: BTreeSet<usize> = (0..tree.nodes.len()).collect();
    let mut edges: BTreeSet<usize> = (0..tree.edges.len()).collect();
    let mut open: BTreeSet<usize> = BTreeSet::new();
    let mut disagreements = Vec::new();
    // What changes is looked at again, and who looks at it: a chain costs its length.
    while !nodes.is_empty() || !edges.is_empty() || !open.is_empty() {
        for id in std::mem::take(&mut nodes) {
            let learned = evaluate_params(cx, tree, id, &mut failed);
            if learned {
                nodes.insert(id);
                nodes.extend(tree.nodes[id].children.values());
            }
            if evaluate_ports(cx, &mut tree.nodes[id], &mut failed) || learned {
                edges.extend(&edges_of[id]);
            }
        }
        let mut learned = Vec::new();
        for edge in std::mem::take(&mut edges) {
            match along_edge(cx, tree, edge, &mut failed) {
                Looked::Learned(node) => learned.push(node),
                Looked::Nothing => {}
                Looked::Open => _ = open.insert(edge),
                Looked::Disagrees(found) => disagreements.push(found),
            }
        }
        // Shapes go against a connection only where none comes along it: a shape that is wrong
        // is then seen where it meets the right one, and not somewhere before.
        if nodes.is_empty() && learned.is_empty() {
            while let (true, Some(edge)) = (learned.is_empty(), open.pop_first()) {
                learned.extend(against_edge(cx, tree, edge, &mut failed));
            }
        }
        for node in learned {
            nodes.insert(node);
            nodes.extend(tree.nodes[node].children.values());
            edges.extend(&edges_of[node]);
        }
    }
    if !disagreements.is_empty() {
        disagree::report(cx, tree, &disagreements);
        failed = true;
    }
    if failed || tree.failed {
        return Err(Stop::Reported);
    }
    report_open(cx, tree)
}

/// By node, the edges that look at its ports or parameters.
fn edges_of(tree: &Tree) -> Vec<Vec<usize>> {
    let mut edges_of = vec![Vec::new(); tree.nodes.len()];
    for (at, edge) in tree.edges.iter().enumerate() {
        let mut nodes = BTreeSet::from([edge.to.0]);
        edge.from.nodes(&mut nodes);
        nodes.into_iter().for_each(|node| edges_of[node].push(at));
    }
    edges_of
}

/// Evaluates what can be evaluated of a node's parameters; true where something became known.
fn evaluate_params(cx: &mut Cx<'_>, tree: &mut Tree, id: usize, failed: &mut bool) -> bool {
    let mut progress = false;
    if tree.nodes[id].sizes.is_some() {
        let env = match tree.nodes[id].parent {
            Some(parent) => tree.nodes[parent].env.clone(),
            None => tree.around.clone(),
        };
        match tree.nodes[id].evaluate_sizes(cx, &env) {
            Ok(known) => progress = known,
            // Arguments are compared with them.
            Err(Stop::Open) => return false,
            Err(Stop::Reported) => *failed = true,
        }
    }
    for i in 0..tree.nodes[id].params.len() {
        let state = &tree.nodes[id].params[i];
        if state.known.is_some() {
            continue;
        }
        let env = match (state.outside, tree.nodes[id].parent) {
            (true, Some(parent)) => tree.nodes[parent].env.clone(),
            (true, None) => tree.around.clone(),
            (false, _) => Env { file: state.file, ..tree.nodes[id].env.clone() },
        };
        let value = Rc::clone(&state.value);
        let said = cx.sink.count();
        let evaluated = cx
            .eval(&value, &env)
            .and_then(|v| accept(cx, &mut tree.nodes[id], i, v, (&value, &env)));
        cx.sink.lead_with(said, tree.nodes[id].loc);
        // As long as there is another copy, the names would be copied to be changed.
        drop(env);
        match evaluated {
            Ok(value) => {
                let node = &mut tree.nodes[id];
                if !matches!(node.params[i].role, Role::Init) {
                    let name = node.params[i].name.clone();
                    node.env.set(&name, value.clone());
                }
                node.params[i].known = Some(value);
                progress = true;
            }
            Err(Stop::Open) => {}
            Err(Stop::Reported) => {
                // Known to be bad: not evaluated again, and what needs it stays open.
                tree.nodes[id].params[i].known = Some(Val::List(Vec::new()));
                *failed = true;
            }
        }
    }
    progress
}

/// Checks a value against the parameter's type and learns dimensions from it.
fn accept(
    cx: &mut Cx<'_>,
    node: &mut Node,
    i: usize,
    value: Val,
    (written, env): (&Expr, &Env),
) -> Eval<Val> {
    let loc = Loc { file: env.file, span: written.span };
    let (param, file) = match &node.params[i].role {
        Role::Param(param, file) => (param.clone(), *file),
        Role::Init => return as_param(cx, node, value, loc),
        Role::Const => return Ok(value),
    };
    let (value, range) = checked(cx, &param, file, value, (written, env))?;
    node.params[i].range = range;
    if let (Some(ty), Val::Expr(e)) = (&param.ty, &value)
        && !e.is_scalar()
    {
        if ty.shape.is_empty() {
            let message = format!("`{}` is one number", param.name.name);
            let what = format!("this has shape {:?}", e.shape);
            let declared = Loc { file, span: param.span };
            let d = Diagnostic::new(Code::E0201, message, loc, what).sides(&e.shape, &[]);
            return Err(cx.fail(d.label(declared, "declared here")));
        }
        // One value in brackets serves all, as a scalar does, where no size is named.
        if e.shape.iter().all(|n| *n == 1) && ty.shape.iter().all(|d| matches!(d, Dim::Spread(_))) {
            let one = Val::Expr(e.clone().reshape(Vec::new()));
            return as_param(cx, node, one, loc);
        }
        let declared = Loc { file, span: ty.span };
        let what = format!("`{}`", param.name.name);
        let by = Origin { loc, param: Some(i) };
        learn(cx, node, file, &ty.shape, &e.shape, (declared, by), &what)?;
    }
    let single = matches!(&value, Val::Expr(e) if e.is_scalar());
    let value = as_param(cx, node, value, loc)?;
    if let (true, Some(ty), Val::Expr(e)) = (single, &param.ty, &value)
        && !ty.shape.is_empty()
        && let [number] = e.params()
    {
        let (name, declared) = (param.name.name.clone(), Loc { file, span: ty.span });
        cx.params[*number as usize].single = Some(Single { name, given: loc, declared });
    }
    Ok(value)
}

/// The argument of a process as a param, which keeps its place in what is computed from it. What
/// follows from other params of the process follows from them for good.
fn as_param(cx: &mut Cx<'_>, node: &Node, value: Val, loc: Loc) -> Eval<Val> {
    let e = match value {
        Val::Expr(e) if node.model.is_some() => e,
        other => return Ok(other),
    };
    let e = match (e.params().is_empty(), e.is_unread()) {
        (true, true) => e,
        (true, false) => cx.loaded(e, loc)?,
        (false, _) => cx.structural(e, loc)?,
    };
    Ok(Val::Expr(cx.param(e)))
}

/// Evaluates the declared shapes that can be evaluated; true where one became known.
fn evaluate_ports(cx: &mut Cx<'_>, node: &mut Node, failed: &mut bool) -> bool {
    let mut progress = false;
    for i in 0..node.ports.len() {
        if node.ports[i].shape.is_some() || node.ports[i].bad {
            continue;
        }
        let env = Env { file: node.ports[i].file, ..node.env.clone() };
        let said = cx.sink.count();
        let evaluated = dims(cx, &node.ports[i].ty.shape, &env);
        cx.sink.lead_with(said, node.loc);
        match evaluated {
            Ok(shape) => {
                node.ports[i].shape = Some(shape);
                progress = true;
            }
            Err(Stop::Open) => {}
            Err(Stop::Reported) => {
                node.ports[i].bad = true;
                *failed = true;
            }
        }
    }
    progress
}

/// What comes of looking at a connection.
enum Looked {
    /// This node has learned something.
    Learned(usize),
    /// Nothing.
    Nothing,
    /// What is sent is not known yet.
    Open,
    /// Its ends have different shapes.
    Disagrees(Disagreement),
}

/// Passes the shape of what is sent to what receives it.
fn along_edge(cx: &mut Cx<'_>, tree: &mut Tree, edge: usize, failed: &mut bool) -> Looked {
    if tree.edges[edge].bad {
        return Looked::Nothing;
    }
    let (to, loc) = (tree.edges[edge].to, tree.edges[edge].loc);
    let source = match tree.source(cx, &tree.edges[edge].from.clone()) {
        Ok(source) => source,
        Err(Stop::Reported) => {
            tree.edges[edge].bad = true;
            *failed = true;
            return Looked::Nothing;
        }
        Err(Stop::Open) => return Looked::Open,
    };
    match tree.nodes[to.0].ports[to.1].shape.clone() {
        None if tree.port_shape(cx, to, &source.shape, loc, failed) => Looked::Learned(to.0),
        None => Looked::Nothing,
        Some(taken) if taken == source.shape => Looked::Nothing,
        Some(taken) => {
            tree.edges[edge].bad = true;
            Looked::Disagrees(Disagreement { edge, sent: source.shape, taken })
        }
    }
}

/// Passes the shape of what receives to what sends, where nothing changes it on the way; gives
/// the node that has learned something.
fn against_edge(cx: &mut Cx<'_>, tree: &mut Tree, edge: usize, failed: &mut bool) -> Option<usize> {
    let (to, loc) = (tree.edges[edge].to, tree.edges[edge].loc);
    let Sent::Port(node, port) = tree.edges[edge].from else { return None };
    if tree.nodes[node].ports[port].shape.is_some() {
        return None;
    }
    let shape = tree.nodes[to.0].ports[to.1].shape.clone()?;
    tree.port_shape(cx, (node, port), &shape, loc, failed).then_some(node)
}

impl Tree {
    /// Learns a port's shape from a connection.
    fn port_shape(
        &mut self,
        cx: &mut Cx<'_>,
        (node, port): (usize, usize),
        shape: &[usize],
        loc: Loc,
        failed: &mut bool,
    ) -> bool {
        let node = &mut self.nodes[node];
        if node.ports[port].bad || node.sizes.is_some() {
            return false;
        }
        let (ty, file, name) = {
            let p = &node.ports[port];
            (p.ty.clone(), p.file, p.name.clone())
        };
        let declared = Loc { file, span: ty.span };
        let what = format!("port `{}.{name}`", node.shown());
        let by = Origin { loc, param: None };
        match learn(cx, node, file, &ty.shape, shape, (declared, by), &what) {
            Ok(new) => new,
            Err(_) => {
                node.ports[port].bad = true;
                *failed = true;
                false
            }
        }
    }
}

/// The value of declared dimensions.
pub fn dims(cx: &mut Cx<'_>, dims: &[Dim], env: &Env) -> Eval<Vec<usize>> {
    let mut shape = Vec::new();
    for dim in dims {
        match dim {
            Dim::Size(e) => shape.push(cx.size(e, env)?),
            Dim::Spread(name) => match cx.name(&name.name, name.span, env)? {
                Val::List(sizes) => {
                    for size in sizes {
                        let Val::Expr(e) = size else { continue };
                        shape.extend(e.as_int().and_then(|n| usize::try_from(n).ok()));
                    }
                }
                _ => {
                    let loc = Loc { file: env.file, span: name.span };
                    let message = format!("`{}` is not a whole shape", name.name);
                    return Err(cx.fail(Diagnostic::new(Code::E0204, message, loc, "")));
                }
            },
        }
    }
    // An axis without elements does not make the others small.
    let elements = shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d.max(&1)));
    if elements.is_none_or(|n| n > LARGEST) {
        let span = |dim: &Dim| match dim {
            Dim::Size(e) => e.span,
            Dim::Spread(name) => name.span,
        };
        let (first, last) = (dims.first().map(span), dims.last().map(span));
        let span = first.zip(last).map(|(a, b)| a.to(b)).unwrap_or_default();
        let loc = Loc { file: env.file, span };
        let message = format!("an array of shape {shape:?} is too large");
        let what = format!("at most {LARGEST} elements are possible");
        return Err(cx.fail(Diagnostic::new(Code::E0213, message, loc, what)));
    }
    Ok(shape)
}

/// Matches declared dimensions with an actual shape, giving open names their values. True where
/// a name got one.
fn learn(
    cx: &mut Cx<'_>,
    node: &mut Node,
    file: u32,
    declared: &[Dim],
    actual: &[usize],
    (declared_at, by): (Loc, Origin),
    what: &str,
) -> Eval<bool> {
    let spread = declared.iter().position(|d| matches!(d, Dim::Spread(_)));
    let fits = match spread {
        Some(_) => actual.len() + 1 >= declared.len(),
        None => actual.len() == declared.len(),
    };
    let conflict =
        |cx: &mut Cx<'_>, node: &Node, detail: String, dims: &[Dim], sides: [&[usize]; 2]| {
            let message = format!("the shape of {what} disagrees with its declaration");
            let d = Diagnostic::new(Code::E0201, message, by.loc, format!("has shape {actual:?}"))
                .label(declared_at, detail)
                .sides(sides[0], sides[1]);
            cx.fail(match node.origin(dims) {
                Some((name, origin)) => d.label(origin.loc, format!("`{name}` follows from this")),
                None => d,
            })
        };
    if !fits {
        let detail = match declared.len() {
            1 => "has one axis".to_owned(),
            n => format!("has {n} axes"),
        };
        return Err(conflict(cx, node, detail, &[], [actual, &vec![1; declared.len()]]));
    }
    let extra = (actual.len() + 1).saturating_sub(declared.len());
    let mut progress = false;
    let mut axis = 0;
    for (i, dim) in declared.iter().enumerate() {
        match dim {
            Dim::Spread(name) => {
                let sizes = &actual[axis..axis + extra];
                axis += extra;
                if node.env.open.contains(&name.name) {
                    let list = sizes.iter().map(|n| Val::Expr(TExpr::int(*n as i64))).collect();
                    node.env.set(&name.name, Val::List(list));
                    node.origins.insert(name.name.clone(), by.clone());
                    progress = true;
                } else {
                    let one = &declared[i..=i];
                    let known = dims(cx, one, &Env { file, ..node.env.clone() })?;
                    if known != sizes {
                        let detail = format!("`*{}` is {known:?}", name.name);
                        return Err(conflict(cx, node, detail, one, [sizes, &known]));
                    }
                }
            }
            Dim::Size(e) => {
                let size = actual[axis];
                axis += 1;
                if let ExprKind::Name(name) = &e.kind
                    && node.env.open.contains(name)
                {
                    node.env.set(name, Val::Expr(TExpr::int(size as i64)));
                    node.origins.insert(name.clone(), by.clone());
                    progress = true;
                    continue;
                }
                match cx.size(e, &Env { file, ..node.env.clone() }) {
                    Ok(known) if known == size => {}
                    Ok(known) => {
                        let text = match &e.kind {
                            ExprKind::Name(name) => format!("`{name}` is {known}"),
                            _ => format!("axis {} is {known}", axis - 1),
                        };
                        return Err(conflict(
                            cx,
                            node,
                            text,
                            &declared[i..=i],
                            [&[size], &[known]],
                        ));
                    }
                    Err(Stop::Open) => {}
                    Err(stop) => return Err(stop),
                }
            }
        }
    }
    Ok(progress)
}

/// Reports every instance of which a shape is still open.
fn report_open(cx: &mut Cx<'_>, tree: &Tree) -> Eval<()> {
    let mut open = None;
    for node in &tree.nodes {
        let unknown = node.ports.iter().any(|p| p.shape.is_none());
        let pending = node.params.iter().any(|p| p.known.is_none());
        if (unknown || pending || !node.env.open.is_empty()) && node.model.is_some() {
            let names: Vec<&str> = node.env.open.iter().map(String::as_str).collect();
            let message = format!("the shape of `{}` is not known", node.shown());
            let what = match names.is_empty() {
                true => String::new(),
                false => format!("nothing says what `{}` is", names.join("`, `")),
            };
            let name = &node.def_name;
            // What may have any axes has at least one where it is written.
            let any = |ty: &Type| matches!(ty.shape[..], [Dim::Spread(_)]);
            let single = match node.ports.iter().any(|p| any(&p.ty)) {
                true => format!(" (of a single one `{name}[1](…)`)"),
                false => String::new(),
            };
            let hint = format!(
                "say it: `{name}[…](…)`{single}; or connect it to something whose shape is known"
            );
            let d = Diagnostic::new(Code::E0206, message, node.loc, what);
            let singles = node.params.iter().filter_map(|p| match (&p.role, &p.known) {
                (Role::Param(param, _), Some(Val::Expr(e)))
                    if p.outside && sized(param, &names) =>
                {
                    cx.single(e)
                }
                _ => None,
            });
            let says = "one number does not say it";
            let d = singles.fold(d, |d, single| d.label(single.given, says));
            open = Some(cx.fail(d.help(hint)));
        }
    }
    let rest = tree.nodes.iter().find(|n| n.ports.iter().any(|p| p.shape.is_none()));
    if let (None, Some(node)) = (open, rest) {
        let message = format!("the shape of `{}` is not known", node.shown());
        open = Some(cx.fail(Diagnostic::new(Code::E0206, message, node.loc, "")));
    }
    open.map_or(Ok(()), Err)
}

/// Whether a parameter's type has an axis of one of these sizes.
fn sized(param: &Param, names: &[&str]) -> bool {
    let mut dims = param.ty.iter().flat_map(|ty| &ty.shape);
    dims.any(|dim| match dim {
        Dim::Size(e) => matches!(&e.kind, ExprKind::Name(name) if names.contains(&name.as_str())),
        Dim::Spread(_) => false,
    })
}

/// The element type of a port.
pub fn port_elem(tree: &Tree, (node, port): (usize, usize)) -> ElemTy {
    ElemTy::of(&tree.nodes[node].ports[port].ty)
}
