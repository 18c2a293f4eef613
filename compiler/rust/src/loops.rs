//! Loops as functions on arrays.
//!
//! Each becomes a function of its own that takes the arrays it touches as parameters: they are
//! known not to overlap, so the loop vectorises, and their lengths are part of their types, so
//! no index is checked.

use super::expr::{may_fault, saturated};
use super::places::Places;
use super::printer::{Code, Function, mentions};
use super::typed::{Level, Ty, fits_32};
use snn_ir::step::{Access, BufferId, Expr, ExprKind, Fit, Kind, Loop, Source, StepIr, Stmt};
use std::collections::BTreeSet;

/// A function, and what to call it with.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The function.
    pub function: Function,
    /// Its arguments, in order; the step comes first where it is needed.
    pub arguments: Vec<Argument>,
    /// Whether it returns a `Result`.
    pub faults: bool,
}

/// An argument of a [`Lowered`] function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The step.
    Time,
    /// A buffer or tensor.
    Place {
        /// Which.
        source: Source,
        /// Whether it is assigned.
        stored: bool,
        /// Whether it is passed as a value.
        scalar: bool,
    },
}

/// An elementwise loop.
pub fn lower(ir: &StepIr, of: &Loop, name: &str, doc: &str) -> Lowered {
    let mut accesses = Vec::new();
    let mut written = BTreeSet::new();
    for stmt in &of.body {
        match stmt {
            Stmt::Let { value, .. } => collect(value, &mut accesses),
            Stmt::Store { to, value, mask, .. } => {
                access(to, &mut accesses);
                written.extend(buffer(to));
                collect(value, &mut accesses);
                mask.iter().for_each(|mask| collect(mask, &mut accesses));
            }
        }
    }
    let mut places = Places::new(ir, &of.domain, &accesses, written, of.locals);
    let statements: Vec<Statement> =
        of.body.iter().map(|stmt| statement(&mut places, stmt)).collect();
    let body = places.nest(without_unused(statements));
    let mut before = std::mem::take(&mut places.before);
    before.extend(body);
    if places.faults {
        before.push(Code::line("Ok(())"));
    }
    let returns = places.faults.then(|| "Result<(), snn_runtime::Fault>".to_string());
    finish(places, name, doc, returns, before)
}

/// The function with the parameters that it needs.
pub(super) fn finish(
    places: Places<'_>,
    name: &str,
    doc: &str,
    returns: Option<String>,
    body: Vec<Code>,
) -> Lowered {
    // Bounds can make a load, and so a parameter, unnecessary.
    let time = mentions(&body, "t");
    let used: Vec<_> = places.parameters.iter().filter(|(_, p)| mentions(&body, &p.name)).collect();
    let parameters = used.iter().map(|(_, p)| (p.name.clone(), p.ty.clone()));
    let step = time.then(|| ("t".to_string(), "u64".to_string()));
    let places_of = used.iter().map(|(source, p)| Argument::Place {
        source: **source,
        stored: p.stored,
        scalar: p.scalar,
    });
    Lowered {
        arguments: time.then_some(Argument::Time).into_iter().chain(places_of).collect(),
        faults: places.faults,
        function: Function {
            name: name.into(),
            doc: doc.into(),
            arguments: step.into_iter().chain(parameters).collect(),
            returns,
            body,
            ..Function::default()
        },
    }
}

/// The text of a statement, and what it has to do with locals.
struct Statement {
    code: Vec<Code>,
    defines: Option<u32>,
    reads: BTreeSet<u32>,
    /// What to keep of a definition that nobody reads: the checks of its indices.
    unread: Vec<Code>,
}

/// Definitions that nobody reads (bounds can make a value unnecessary) go.
fn without_unused(statements: Vec<Statement>) -> Vec<Code> {
    let mut read = BTreeSet::new();
    let mut kept = Vec::new();
    for statement in statements.into_iter().rev() {
        if statement.defines.is_some_and(|local| !read.contains(&local)) {
            if !statement.unread.is_empty() {
                read.extend(statement.reads);
            }
            kept.push(statement.unread);
            continue;
        }
        read.extend(statement.reads);
        kept.push(statement.code);
    }
    kept.into_iter().rev().flatten().collect()
}

fn statement(places: &mut Places<'_>, stmt: &Stmt) -> Statement {
    places.reads.clear();
    let (code, defines, unread) = match stmt {
        Stmt::Let { local, name, value } => {
            let bounds = places.interval(value);
            let mut text = places.expr(value);
            if value.kind == Kind::Int {
                text = text.into_int(if fits_32(bounds) { Ty::I32 } else { Ty::I64 });
            }
            let (ty, text) = (text.ty, text.at(Level::Open));
            let name = places.define(*local, name, ty, bounds);
            let line = Code::line(format!("let {name}: {} = {text};", ty.name()));
            let unread = may_fault(value).then(|| Code::line(format!("let _ = {text};")));
            (vec![line], Some(*local), unread.into_iter().collect())
        }
        Stmt::Store { to, value, fit, mask } => {
            (store(places, to, value, *fit, mask.as_ref()), None, vec![])
        }
    };
    let here = std::mem::take(&mut places.here);
    let unread = if unread.is_empty() { unread } else { [here.clone(), unread].concat() };
    Statement {
        code: [here, code].concat(),
        defines,
        reads: std::mem::take(&mut places.reads),
        unread,
    }
}

fn store(
    places: &mut Places<'_>,
    to: &Access,
    value: &Expr,
    fit: Fit,
    mask: Option<&Expr>,
) -> Vec<Code> {
    let mask = mask.map(|mask| places.expr(mask).at(Level::Open)).filter(|mask| mask != "true");
    if mask.as_deref() == Some("false") {
        return vec![];
    }
    let guarded = mask.is_some() && (may_fault(value) || !to.dynamic.is_empty());
    // What the mask itself needs stays before the statement, what it guards goes inside.
    let outside = std::mem::take(&mut places.here);
    places.lazy = guarded;
    let elem = places.elem(to.source);
    let bounds = places.interval(value);
    let value = match fit {
        Fit::Exact => places.expr(value),
        Fit::Wrap { bits, signed } => places.wrapped(value, bits, signed),
        Fit::Sat { bits, signed } => saturated(places.expr(value), bounds, bits, signed),
    };
    let value = value.stored_as(elem);
    let place = places.place(to).at(Level::Open);
    places.lazy = false;
    let inside = std::mem::replace(&mut places.here, outside);
    let assign = Code::line(format!("{place} = {value};"));
    match mask {
        None => inside.into_iter().chain([assign]).collect(),
        Some(mask) if guarded || places.is_once() => {
            vec![Code::block(format!("if {mask}"), inside.into_iter().chain([assign]).collect())]
        }
        // A choice of values rather than of whether to store: it vectorises.
        Some(mask) => {
            vec![Code::line(format!("{place} = if {mask} {{ {value} }} else {{ {place} }};"))]
        }
    }
}

/// Whether an index reads a buffer that the loop assigns, or a local.
pub fn depends(index: &Expr, stored: &BTreeSet<BufferId>) -> bool {
    let mut accesses = Vec::new();
    collect(index, &mut accesses);
    accesses.iter().filter_map(|a| buffer(a)).any(|b| stored.contains(&b)) || has_local(index)
}

fn has_local(e: &Expr) -> bool {
    match &e.node {
        ExprKind::Local(_) => true,
        ExprKind::Apply(_, operands) => operands.iter().any(has_local),
        ExprKind::Load(access) => access.dynamic.iter().any(|d| has_local(&d.index)),
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Time | ExprKind::Random { .. } => false,
    }
}

fn buffer(access: &Access) -> Option<BufferId> {
    match access.source {
        Source::Buffer(id) => Some(id),
        Source::Tensor(_) => None,
    }
}

/// Every access in an expression, those inside indices included.
pub fn collect<'e>(e: &'e Expr, out: &mut Vec<&'e Access>) {
    match &e.node {
        ExprKind::Load(found) => access(found, out),
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| collect(e, out)),
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => {}
    }
}

fn access<'e>(found: &'e Access, out: &mut Vec<&'e Access>) {
    out.push(found);
    for index in &found.dynamic {
        collect(&index.index, out);
    }
}
