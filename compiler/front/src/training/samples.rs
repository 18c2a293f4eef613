//! From what a network learns: data in the place of the program's, cut into samples.

use super::members::Members;
use crate::resolve::{ItemRef, Symbol};
use crate::types::{Cx, Val};
use snn_grammar::ast::{self, Binding, ItemKind, Path, TrainMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use std::collections::BTreeMap;

/// How many samples there are, and how long each is.
pub struct Samples {
    /// The steps of a sample, and where that is written.
    pub period: Option<(u64, Loc)>,
    /// How many, and where that is written.
    pub count: Option<(u64, Loc)>,
}

/// The values that a train block gives constants and data items of the program, by name. What is
/// given on the command line for a constant counts more.
///
/// What is wrong is in the sink; it fails [`super::settings`] too.
pub fn overrides(cx: &mut Cx<'_>, at: ItemRef) -> BTreeMap<String, ast::Expr> {
    let mut found = BTreeMap::new();
    let tree = cx.program.tree(at);
    if let ItemKind::Train(train) = &tree.items[at.item as usize].kind {
        let mut members = Members::new(cx, train, at.file);
        for (binding, _) in given(&mut members) {
            found.insert(binding.name.name.clone(), binding.value.clone());
        }
    }
    found.extend(cx.overrides.clone());
    found
}

/// The constants and data items that a block gives, and those of the program that they stand for.
fn given<'c>(members: &mut Members<'c, '_>) -> Vec<(&'c Binding, ItemRef)> {
    let mut found: Vec<(&Binding, ItemRef)> = Vec::new();
    let train = members.train;
    for member in &train.members {
        let (binding, is_data) = match &member.kind {
            TrainMemberKind::Data(binding) => (binding, true),
            TrainMemberKind::Const(binding) => (binding, false),
            _ => continue,
        };
        let name = &binding.name;
        let place = members.loc(name.span);
        if let Some((first, _)) = found.iter().find(|(known, _)| known.name.name == name.name) {
            let message = format!("`{}` is given twice", name.name);
            let first = members.loc(first.name.span);
            let d = Diagnostic::new(Code::E1002, message, place, "here again");
            members.fail(d.label(first, "first here").help("keep one of the two lines"));
            continue;
        }
        let item = match members.cx.program.lookup(0, &name.name) {
            Some(Symbol::Item(at)) if at.file == 0 => Some(at),
            _ => None,
        };
        let declared = item.map(|at| members.cx.program.item(at));
        match (item, declared.map(|item| &item.kind), is_data) {
            (Some(at), Some(ItemKind::Data(_)), true)
            | (Some(at), Some(ItemKind::Const(_)), false) => found.push((binding, at)),
            (_, kind, _) => {
                let d = no_item(members.cx, name, is_data, kind.cloned(), place);
                members.fail(d);
            }
        }
    }
    found
}

/// For a name that stands for no constant, or for no data item, of the program.
fn no_item(
    cx: &Cx<'_>,
    name: &ast::Ident,
    is_data: bool,
    kind: Option<ItemKind>,
    place: Loc,
) -> Diagnostic {
    let what = if is_data { "data item" } else { "constant" };
    let message = format!("the program has no {what} `{}`", name.name);
    let d = Diagnostic::new(Code::E0401, message, place, "not found");
    let other = match kind {
        Some(ItemKind::Data(b)) => Some(("a data item", "data", b.name.span)),
        Some(ItemKind::Const(b)) => Some(("a constant", "const", b.name.span)),
        _ => None,
    };
    if let Some((is, keyword, span)) = other {
        let d = d.label(Loc { file: 0, span }, format!("it is {is}"));
        return d.help(format!("write `{keyword} {} = …`", name.name));
    }
    let items = cx.program.modules.first().into_iter().flat_map(|m| &m.file.items);
    let names: Vec<&str> = items
        .filter_map(|item| match &item.kind {
            ItemKind::Data(b) if is_data => Some(b.name.name.as_str()),
            ItemKind::Const(b) if !is_data => Some(b.name.name.as_str()),
            _ => None,
        })
        .collect();
    let d = match names.is_empty() {
        true => d.note(format!("it has no {what}s at all")),
        false => d.note(format!("its {what}s are {}", names.join(", "))),
    };
    d.meant(&name.name, names, place)
}

/// What a block says about its samples.
pub fn samples(members: &mut Members<'_, '_>) -> Samples {
    let period = period(members);
    let first_axes = first_axes(members);
    let written = members.once("samples", |k| match k {
        TrainMemberKind::Samples(e) => Some(e),
        _ => None,
    });
    let count = match written {
        Some((e, at)) => members.at_least("`samples`", e, 1).map(|n| (n, at)),
        None => by_data(members, &first_axes),
    };
    Samples { period, count }
}

/// The first axes of the data that the block gives; what else it gives is only evaluated.
fn first_axes<'c>(members: &mut Members<'c, '_>) -> Vec<(&'c str, u64, Loc)> {
    let mut found = Vec::new();
    for (binding, item) in given(members) {
        let place = members.loc(binding.name.span.to(binding.value.span));
        let value = members.cx.item(item, place);
        let is_data = matches!(members.cx.program.item(item).kind, ItemKind::Data(_));
        if let (Some(Val::Expr(e)), true) = (members.ok(value), is_data)
            && let Some(n) = e.shape.first()
        {
            found.push((binding.name.name.as_str(), *n as u64, place));
        }
    }
    found
}

/// As many samples as all data that is given has.
fn by_data(members: &mut Members<'_, '_>, axes: &[(&str, u64, Loc)]) -> Option<(u64, Loc)> {
    let Some((name, n, at)) = axes.first() else {
        members.need("samples", |_| false, None);
        return None;
    };
    for (other, m, place) in &axes[1..] {
        if m != n {
            let message = format!("there are {n} samples in `{name}`, and {m} in `{other}`");
            let d =
                Diagnostic::new(Code::E1003, message, *place, format!("{m} along its first axis"));
            let d = d.label(*at, format!("{n} along its first axis"));
            let least = m.min(n);
            members
                .fail(d.help(format!("give files that belong together, or say `samples {least}`")));
            return None;
        }
    }
    if *n == 0 {
        let message = format!("there are no samples in `{name}`");
        members.fail(Diagnostic::new(Code::E1003, message, *at, "its first axis is empty"));
        return None;
    }
    Some((*n, *at))
}

/// The steps of a sample: a period of its epoch, which must begin in the first step.
fn period(members: &mut Members<'_, '_>) -> Option<(u64, Loc)> {
    let written = members.once("sample", |k| match k {
        TrainMemberKind::Sample(path) => Some(path),
        _ => None,
    });
    let Some((path, _)) = written else {
        let line = epochs(members.cx, true).into_iter().next();
        let line = line.map(|name| format!("sample {name}"));
        members.need("sample", |_| false, line);
        return None;
    };
    let place = members.loc(path.span);
    let Some((item, name)) = epoch(members, path, place) else {
        members.failed = true;
        return None;
    };
    let value = members.cx.item(item, place);
    let Val::Epoch { every, start } = members.ok(value)? else { return None };
    let every = u64::try_from(every).ok()?;
    if start != 1 % every as i64 {
        let tree = members.cx.program.tree(item);
        let ItemKind::Epoch(epoch) = &tree.items[item.item as usize].kind else { return None };
        let offset = epoch.offset.as_ref().map_or(epoch.name.span, |e| e.span);
        let message = format!("samples begin in the first step, and `{name}` does not");
        let what = format!("a period begins in step {start}");
        let d = Diagnostic::new(Code::E1003, message, place, what);
        let d = d.label(Loc { file: item.file, span: offset }, "by this offset");
        let hint = format!("take an epoch of every {every} steps without an offset");
        members.fail(d.help(hint));
        return None;
    }
    Some((every, place))
}

/// The epoch that a path names.
fn epoch(members: &mut Members<'_, '_>, path: &Path, place: Loc) -> Option<(ItemRef, String)> {
    let parts: Vec<&str> = path.parts.iter().map(|p| p.name.as_str()).collect();
    let name = parts.join(".");
    let found = match members.cx.program.lookup_path(members.file, &parts) {
        Some(Symbol::Item(at)) => at,
        _ => {
            let message = format!("there is no epoch `{name}`");
            let d = Diagnostic::new(Code::E0401, message, place, "not found");
            let names = epochs(members.cx, false);
            let d = match names.is_empty() {
                true => d.help("declare one: `epoch image = every 32 steps`"),
                false => d.meant(&name, names.iter().map(String::as_str), place),
            };
            members.fail(d);
            return None;
        }
    };
    if !matches!(members.cx.program.item(found).kind, ItemKind::Epoch(_)) {
        let message = format!("`{name}` is no epoch");
        let d = Diagnostic::new(Code::E0204, message, place, "an epoch is needed here");
        let names = epochs(members.cx, false);
        members.fail(match names.is_empty() {
            true => d.help("declare one: `epoch image = every 32 steps`"),
            false => d.note(format!("the program's epochs are {}", names.join(", "))),
        });
        return None;
    }
    Some((found, name))
}

/// The epochs of the program's own file; those `without` an offset, or all.
fn epochs(cx: &Cx<'_>, without: bool) -> Vec<String> {
    let items = cx.program.modules.first().into_iter().flat_map(|m| &m.file.items);
    let epochs = items.filter_map(|item| match &item.kind {
        ItemKind::Epoch(epoch) if !without || epoch.offset.is_none() => {
            Some(epoch.name.name.clone())
        }
        _ => None,
    });
    epochs.collect()
}
