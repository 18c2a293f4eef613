//! Mistakes in what no run uses.
//!
//! A process, model or network that nothing uses has no arguments and no shapes, so only what is
//! wrong whatever they are is reported: what every use would show (`uses`), and names that stand
//! for nothing (`names`), also where what they stand in is open in every use.

mod agree;
mod names;
mod uses;

use crate::resolve::{ItemRef, Symbol};
use crate::types::Cx;
use snn_grammar::ast::{ItemKind, ProcessMember};
use snn_ir::diagnostics::Loc;

/// Checks the processes, models and networks of the program's own file that no run of this
/// context has instantiated.
pub fn check(cx: &mut Cx<'_>) {
    let Some(tree) = cx.program.modules.first().map(|m| m.file.clone()) else { return };
    for (i, item) in tree.items.iter().enumerate() {
        let at = ItemRef { file: 0, item: i as u32 };
        if cx.met.contains(&at) {
            continue;
        }
        let said = cx.sink.count();
        match &item.kind {
            ItemKind::Process(p) => {
                if p.members.iter().any(|m| matches!(m, ProcessMember::Phase(_))) {
                    uses::check_process(cx, at, at, None);
                }
                names::of_process(cx, p);
            }
            ItemKind::Model(m) => {
                let parts: Vec<&str> = m.of.parts.iter().map(|p| p.name.as_str()).collect();
                let Some(Symbol::Item(of)) = cx.program.lookup_path(0, &parts) else { continue };
                let file = cx.program.tree(of);
                let ItemKind::Process(p) = &file.items[of.item as usize].kind else { continue };
                let tag = (m.tag.name.clone(), Loc { file: 0, span: m.tag.span });
                uses::check_process(cx, of, at, Some(tag));
                names::of_model(cx, m, p);
            }
            ItemKind::Network(n) => {
                uses::check_network(cx, at, n);
                names::of_network(cx, n);
            }
            _ => {}
        }
        cx.sink.without_repeated(said);
    }
}
