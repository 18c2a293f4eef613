//! Which model of a process a run uses.

use super::paths;
use super::tree::Tree;
use crate::resolve::ItemRef;
use crate::types::{Cx, Eval};
use snn_grammar::ast::{self, ItemKind, Pattern, ProcessMember, RunMemberKind};
use snn_ir::diagnostics::{Code, Diagnostic, Edit, Fix, Loc};

/// The choices that a run makes.
pub struct Choices {
    /// `models TAG`.
    tag: Option<(String, Loc)>,
    /// `model PROCESS_OR_PATH = TAG`.
    exceptions: Vec<(Pattern, ast::Ident, Loc)>,
    /// A tag that is taken where there is one, as if exceptions said so for the others.
    preferred: Option<String>,
}

impl Choices {
    /// Those of a run.
    pub fn of(run: &ast::Run, file: u32) -> Choices {
        let mut choices = Choices::tagged(None);
        for member in &run.members {
            match &member.kind {
                RunMemberKind::Models(tag) => {
                    choices.tag = Some((tag.name.clone(), Loc { file, span: tag.span }));
                }
                RunMemberKind::Model { of, tag } => {
                    let loc = Loc { file, span: member.span };
                    choices.exceptions.push((of.clone(), tag.clone(), loc));
                }
                _ => {}
            }
        }
        choices
    }

    /// The models of a tag; without one, the default ones.
    pub fn tagged(tag: Option<(String, Loc)>) -> Choices {
        Choices { tag, exceptions: Vec::new(), preferred: None }
    }

    /// The models of a tag, and others where a process has none of it.
    pub fn preferred(tag: String) -> Choices {
        Choices { preferred: Some(tag), ..Choices::tagged(None) }
    }

    /// The model for an instance: by its path, else by its process, else by the run's tag, else
    /// the first declared.
    pub fn model(&self, cx: &mut Cx<'_>, process: ItemRef, path: &str, at: Loc) -> Eval<ItemRef> {
        let tree = cx.program.tree(process);
        let ItemKind::Process(item) = &tree.items[process.item as usize].kind else {
            return Ok(process);
        };
        let default = item.members.iter().any(|m| matches!(m, ProcessMember::Phase(_)));
        let models: Vec<(ItemRef, String)> = cx
            .program
            .models_of(process)
            .into_iter()
            .filter_map(|at| match &cx.program.item(at).kind {
                ItemKind::Model(m) => Some((at, m.tag.name.clone())),
                _ => None,
            })
            .collect();
        let tagged = |tag: &str| models.iter().find(|(_, t)| t == tag).map(|(at, _)| *at);
        let name = &item.name.name;
        let exception = self
            .exceptions
            .iter()
            .find(|(of, ..)| paths::matches_whole(of, path))
            .or_else(|| self.exceptions.iter().find(|(of, ..)| paths::is_name(of, name)));
        if let Some((_, tag, loc)) = exception {
            return tagged(&tag.name).ok_or_else(|| {
                let message = format!("`{name}` has no model `{}`", tag.name);
                let d = with_tags(Diagnostic::new(Code::E0407, message, *loc, ""), &models);
                let tags = models.iter().map(|(_, t)| t.as_str());
                cx.fail(d.meant(&tag.name, tags, Loc { span: tag.span, ..*loc }))
            });
        }
        if let Some(model) = self.preferred.as_deref().and_then(tagged) {
            return Ok(model);
        }
        if let Some((tag, loc)) = &self.tag {
            if let Some(model) = tagged(tag) {
                return Ok(model);
            }
            if !default && !models.is_empty() {
                let message = format!("`{name}` has no model `{tag}`");
                let d = Diagnostic::new(Code::E0407, message, at, "an instance of it")
                    .label(*loc, "asked for here");
                let other = models.first().map_or("TAG", |(_, t)| t);
                let hint = format!("add `model {name} = {other}` to the run");
                let add = Edit::after(*loc, format!("; model {name} = {other}"));
                let d = with_tags(d, &models).meant(tag, models.iter().map(|(_, t)| &**t), *loc);
                return Err(cx.fail(d.fix(hint, Fix::proposed(vec![add]))));
            }
        }
        match (default, models.first()) {
            (true, _) => Ok(process),
            (false, Some((model, _))) => Ok(*model),
            (false, None) => {
                let message = format!("`{name}` has no model: nothing says what it does");
                let loc = Loc { file: process.file, span: item.name.span };
                let d = Diagnostic::new(Code::E0407, message, at, "an instance of it")
                    .label(loc, "declared without phases");
                let hint = format!("give it phases, or write `model fixed_pt of {name} {{ … }}`");
                Err(cx.fail(d.help(hint)))
            }
        }
    }

    /// An exception that concerns no instance is a slip worth a message.
    pub fn report_unused(&self, cx: &mut Cx<'_>, tree: &Tree) {
        for (of, _, loc) in &self.exceptions {
            let lost = tree.lost_paths().any(|part| paths::may_be_within(of, &part));
            let used = lost
                || tree.nodes.iter().any(|n| {
                    n.model.is_some()
                        && (paths::matches_whole(of, &n.path) || paths::is_name(of, &n.def_name))
                });
            if !used {
                let message = "this names no process or instance of the network";
                let d = Diagnostic::new(Code::E0406, message, *loc, "");
                let at = Loc { span: of.span, ..*loc };
                let nodes = || tree.nodes.iter().filter(|n| n.model.is_some());
                let names = nodes().flat_map(|n| [n.def_name.as_str(), n.path.as_str()]);
                cx.sink.push(match paths::plain(of) {
                    Some(path) => d.meant(&path, names, at),
                    None => d,
                });
            }
        }
    }
}

fn with_tags(d: Diagnostic, models: &[(ItemRef, String)]) -> Diagnostic {
    let tags: Vec<&str> = models.iter().map(|(_, t)| t.as_str()).collect();
    match tags.is_empty() {
        true => d.note("it has only its default model, which has no tag"),
        false => d.note(format!("its models are {}", tags.join(", "))),
    }
}
