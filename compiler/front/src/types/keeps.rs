//! What processes keep of their parameters and messages, compared with what they are given:
//! `keeps NAME as EXPR`.

use super::expr::TExpr;
use super::scope::{Cx, Env, Eval, Val, describe};
use crate::elaborate::{Connection, Instance, InstanceParam};
use crate::resolve::ItemRef;
use snn_grammar::ast::{Direction, ItemKind, Keeps, ProcessMember, Span};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{InstanceId, Network, TensorId};
use snn_ir::scalar::{Interval, Op};
use snn_ir::tensor::{Constant, Values};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What decides whether something is lost: the argument, the declaration, and what the
/// declaration may depend on.
type Case = (Loc, Loc, Vec<TensorId>, Vec<Vec<usize>>);

/// Declarations, each with the file that it is written in.
type Declared = Rc<[(Keeps, u32)]>;

/// What is lost, each place of the text once however many instances share it.
#[derive(Default)]
pub struct Losses {
    /// By argument (or connection) and declaration: the first loss, and how many more there are.
    found: BTreeMap<(Loc, Loc), (Diagnostic, usize)>,
    /// Whether something is lost in the cases that were looked at.
    cases: BTreeMap<Case, bool>,
    /// Bounds of the messages of ports that were asked for.
    messages: BTreeMap<(usize, usize), Option<Interval>>,
    /// What processes and their models keep.
    declared: BTreeMap<(ItemRef, ItemRef), Declared>,
}

impl Losses {
    /// Compares the params of an instance, whose values are `tensors`, with what is kept of them.
    pub fn of_params(
        &mut self,
        cx: &mut Cx<'_>,
        instance: &Instance,
        tensors: &[TensorId],
    ) -> Eval<()> {
        for (keeps, file) in self.declared(cx, instance).iter() {
            let Some(param) = instance.params.iter().find(|p| p.name == keeps.name.name) else {
                known_name(cx, instance, keeps, *file)?;
                continue;
            };
            let shapes = instance.ports.iter().map(|p| p.shape.clone()).collect();
            let place = declaration(keeps, *file);
            let case = (param.loc, place, tensors.to_vec(), shapes);
            let lost = match self.cases.get(&case) {
                Some(false) => None,
                Some(true) => self.found.get(&(param.loc, place)).map(|(first, _)| first.clone()),
                None => lost_param(cx, instance, param, keeps, *file)?,
            };
            self.cases.insert(case, lost.is_some());
            self.add((param.loc, place), lost);
        }
        Ok(())
    }

    /// Compares the messages that arrive at an instance with what is kept of them.
    pub fn of_messages(
        &mut self,
        cx: &mut Cx<'_>,
        instances: &[Instance],
        connection: &Connection,
        network: &Network,
    ) -> Eval<()> {
        let instance = &instances[connection.to.0];
        let name = &instance.ports[connection.to.1].name;
        let declared = self.declared(cx, instance);
        let Some((keeps, file)) = declared.iter().find(|(k, _)| k.name.name == *name) else {
            return Ok(());
        };
        let mut env = Env { file: *file, ..instance.env.clone() };
        for sender in &connection.senders {
            let bounds = *self.messages.entry(*sender).or_insert_with(|| {
                network.message_bounds(InstanceId(sender.0 as u32), sender.1 as u32)
            });
            let Some((lo, hi)) = bounds else { continue };
            let mut lost = None;
            for message in [lo, hi] {
                env.set(name, Val::Expr(TExpr::int(message)));
                let kept = kept(cx, keeps, &env)?;
                let Some(kept) = kept.value().and_then(Constant::as_int) else { continue };
                if kept != message {
                    lost = Some((message, kept));
                    break;
                }
            }
            let place = declaration(keeps, *file);
            let lost = lost.map(|(message, kept)| {
                let from = &instances[sender.0];
                let sends = format!("`{}.{}`", from.path, from.ports[sender.1].name);
                let takes = format!("`{}.{name}`", instance.path);
                let said = format!("{takes} does not keep all that {sends} sends");
                let what = format!("messages are {lo} to {hi}; of {message}, {kept} is kept");
                let d = Diagnostic::new(Code::W0702, said, connection.loc, what);
                advised(d, keeps, place)
            });
            self.add((connection.loc, place), lost);
        }
        Ok(())
    }

    /// What an instance keeps, with the file that says it: the model's word before the process's.
    fn declared(&mut self, cx: &Cx<'_>, instance: &Instance) -> Declared {
        let key = (instance.model, instance.process);
        let known = self.declared.entry(key);
        Rc::clone(known.or_insert_with(|| declared(cx, [key.0, key.1]).into()))
    }

    fn add(&mut self, key: (Loc, Loc), lost: Option<Diagnostic>) {
        if let Some(diagnostic) = lost {
            self.found.entry(key).and_modify(|(_, more)| *more += 1).or_insert((diagnostic, 0));
        }
    }

    /// Reports all.
    pub fn report(self, cx: &mut Cx<'_>) {
        for (first, more) in self.found.into_values() {
            cx.sink.push(match more {
                0 => first,
                1 => first.note("as much is to be said of one more instance"),
                n => first.note(format!("as much is to be said of {n} more instances")),
            });
        }
    }
}

/// What a model and its process keep, with the file that says it.
fn declared(cx: &Cx<'_>, items: [ItemRef; 2]) -> Vec<(Keeps, u32)> {
    let mut found: Vec<(Keeps, u32)> = Vec::new();
    for item in items {
        let members = match &cx.program.item(item).kind {
            ItemKind::Process(p) => &p.members,
            ItemKind::Model(m) => &m.members,
            _ => continue,
        };
        for member in members {
            if let ProcessMember::Keeps(keeps) = member
                && found.iter().all(|(known, _)| known.name.name != keeps.name.name)
            {
                found.push((keeps.clone(), item.file));
            }
        }
    }
    found
}

/// Where a declaration stands, without its advice.
fn declaration(keeps: &Keeps, file: u32) -> Loc {
    Loc { file, span: Span { end: keeps.value.span.end, ..keeps.span } }
}

/// Requires that a declaration is about an in port.
fn known_name(cx: &mut Cx<'_>, instance: &Instance, keeps: &Keeps, file: u32) -> Eval<()> {
    let name = &keeps.name.name;
    let is_port = |p: &crate::elaborate::Port| p.direction == Direction::In && p.name == *name;
    if instance.ports.iter().any(is_port) {
        return Ok(());
    }
    let loc = Loc { file, span: keeps.name.span };
    let message = format!("`{}` has no parameter and no in port `{name}`", instance.process_name);
    let d = Diagnostic::new(Code::E0401, message, loc, "");
    Err(cx.fail(d.help("`keeps NAME as EXPR` is about what the process is given")))
}

/// What is kept, as a value.
fn kept(cx: &mut Cx<'_>, keeps: &Keeps, env: &Env) -> Eval<TExpr> {
    let loc = Loc { file: env.file, span: keeps.value.span };
    let value = cx.expr(&keeps.value, env)?;
    if value.is_static() {
        return cx.loaded(value, loc);
    }
    let message = "what is kept must be known before the first step";
    let what = "depends on what happens when the network runs";
    let d = Diagnostic::new(Code::E0205, message, loc, what);
    Err(cx.fail(d.help("compute it from parameters, constants and the message itself")))
}

/// The warning where a param is not kept as it is given.
fn lost_param(
    cx: &mut Cx<'_>,
    instance: &Instance,
    param: &InstanceParam,
    keeps: &Keeps,
    file: u32,
) -> Eval<Option<Diagnostic>> {
    // Files that are read for this alone are left to the running network all the same.
    let numbers = || instance.params.iter().map(|p| p.number as usize);
    let unread: Vec<TExpr> = numbers().map(|n| cx.params[n].value.clone()).collect();
    let env = Env { file, ..instance.env.clone() };
    let place = declaration(keeps, file);
    let compared = kept(cx, keeps, &env).and_then(|kept| {
        let given = cx.loaded(cx.params[param.number as usize].value.clone(), param.loc)?;
        let differs = TExpr::binary(Op::Ne, given.clone(), kept.clone())
            .map_err(|m| cx.mismatch(m, place, None))?;
        Ok((given, kept, cx.loaded(differs, place)?))
    });
    numbers().zip(unread).for_each(|(n, value)| cx.params[n].value = value);
    let (given, kept, differs) = compared?;
    let Some((count, first)) = differs.value().and_then(trues) else { return Ok(None) };
    let name = format!("`{}.{}`", instance.path, param.name);
    let pair = (element(&given, &first), element(&kept, &first));
    let (message, what) = match differs.value().map_or(1, |c| c.shape().iter().product()) {
        1 => (
            format!("{name} is not kept as it is given"),
            format!("of {}, {} is kept", pair.0, pair.1),
        ),
        all => (
            format!(
                "{count} of {all} elements of {name} {} not kept as {} given",
                if count == 1 { "is" } else { "are" },
                if count == 1 { "it is" } else { "they are" },
            ),
            format!("the first, {first:?}: of {}, {} is kept", pair.0, pair.1),
        ),
    };
    let mut d = Diagnostic::new(Code::W0701, message, param.loc, what);
    let bounds = |e: &TExpr| e.value()?.values().int_bounds().filter(|(lo, hi)| lo < hi);
    if let (Some(given), Some(kept)) = (bounds(&given), bounds(&kept)) {
        d = d.note(format!(
            "given are values from {} to {}, kept from {} to {}",
            given.0, given.1, kept.0, kept.1
        ));
    }
    Ok(Some(advised(d, keeps, place)))
}

/// With the declaration and what can be done.
fn advised(diagnostic: Diagnostic, keeps: &Keeps, place: Loc) -> Diagnostic {
    let d = diagnostic.label(place, "what is kept is declared here");
    keeps.advice.iter().fold(d, |d, advice| d.help(advice.as_str()))
}

/// How many elements are true, and the position of the first; `None` where there are none.
fn trues(differs: &Constant) -> Option<(usize, Vec<usize>)> {
    let (count, first) = match differs {
        Constant::Dense(tensor) => {
            let Values::Bool(all) = &tensor.values else { return None };
            (all.iter().filter(|b| **b).count(), all.iter().position(|b| *b)?)
        }
        Constant::Sparse(sparse) => {
            let lost = sparse.nonzero_codes();
            let mut count = 0;
            let mut first = None;
            for row in 0..sparse.rows() {
                for (column, _) in sparse.row(row).filter(|(_, code)| lost[*code]) {
                    count += 1;
                    first = first.or(Some(row * sparse.columns() + column));
                }
            }
            (count, first?)
        }
    };
    let mut rest = first;
    let mut position: Vec<usize> = differs
        .shape()
        .iter()
        .rev()
        .map(|size| {
            let at = rest % size;
            rest /= size;
            at
        })
        .collect();
    position.reverse();
    Some((count, position))
}

/// An element, as text; that of a scalar at every position.
fn element(e: &TExpr, position: &[usize]) -> String {
    let skipped = position.len() - e.shape.len();
    let at = position[skipped..].iter().zip(&e.shape).map(|(at, size)| {
        let at = if *size == 1 { 0 } else { *at };
        (at, at + 1)
    });
    describe(&e.clone().slice(at.collect()).reshape(Vec::new()))
}
