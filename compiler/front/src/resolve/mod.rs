//! Names: which file declares what, and what a name means where it is written.
//!
//! [`load`] reads a program's file, everything it `use`s and the standard library, and gives a
//! [`Program`]: modules with their names. Nothing is evaluated here.

mod around;
mod load;
pub mod source;

pub use around::Piece;
pub use load::{add_text, load};

use indexmap::IndexMap;
use snn_grammar::ast::{self, ItemKind, Span};
use snn_ir::diagnostics::{Loc, SourceMap};
use std::sync::Arc;

/// All sources of a program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The texts; a module's number is its file's.
    pub sources: SourceMap,
    /// One module a file. The program's own file is the first.
    pub modules: Vec<Module>,
    /// The modules of the standard library, whose names are known everywhere.
    pub prelude: Vec<u32>,
}

/// One file's items and names.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Its syntax tree, shared so that a pass can hold an item while modules are added.
    pub file: Arc<ast::File>,
    /// What its names stand for.
    pub names: IndexMap<String, Symbol>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbol {
    /// An item.
    Item(ItemRef),
    /// Another file, whose names follow after a dot.
    Module(u32),
}

/// An item of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemRef {
    /// The module.
    pub file: u32,
    /// Its position there.
    pub item: u32,
}

impl Program {
    /// The item.
    pub fn item(&self, at: ItemRef) -> &ast::Item {
        &self.modules[at.file as usize].file.items[at.item as usize]
    }

    /// The syntax tree that the item is in.
    pub fn tree(&self, at: ItemRef) -> Arc<ast::File> {
        Arc::clone(&self.modules[at.file as usize].file)
    }

    /// A place in a file.
    pub fn loc(&self, file: u32, span: Span) -> Loc {
        Loc { file, span }
    }

    /// What `name` means in module `file`: its own names first, then the standard library's.
    pub fn lookup(&self, file: u32, name: &str) -> Option<Symbol> {
        let own = self.modules.get(file as usize).and_then(|m| m.names.get(name));
        let std = || self.prelude.iter().find_map(|m| self.modules[*m as usize].names.get(name));
        own.or_else(std).copied()
    }

    /// What a dotted path means in module `file`.
    pub fn lookup_path(&self, file: u32, parts: &[&str]) -> Option<Symbol> {
        let (first, rest) = parts.split_first()?;
        rest.iter().try_fold(self.lookup(file, first)?, |symbol, name| match symbol {
            Symbol::Module(m) => self.modules[m as usize].names.get(*name).copied(),
            Symbol::Item(_) => None,
        })
    }

    /// The models of a process, in order of loading, its own phases not counted.
    pub fn models_of(&self, process: ItemRef) -> Vec<ItemRef> {
        let mut models = Vec::new();
        for (file, module) in self.modules.iter().enumerate() {
            for (i, item) in module.file.items.iter().enumerate() {
                let ItemKind::Model(model) = &item.kind else { continue };
                let parts: Vec<&str> = model.of.parts.iter().map(|p| p.name.as_str()).collect();
                if self.lookup_path(file as u32, &parts) == Some(Symbol::Item(process)) {
                    models.push(ItemRef { file: file as u32, item: i as u32 });
                }
            }
        }
        models
    }

    /// Every name that could be meant in module `file`, for suggestions.
    pub fn names_in(&self, file: u32) -> Vec<&str> {
        let own = self.modules.get(file as usize).into_iter();
        let std = self.prelude.iter().map(|m| &self.modules[*m as usize]);
        own.chain(std).flat_map(|m| m.names.keys().map(String::as_str)).collect()
    }

    /// The paths of as many parts as `wanted` has that could be meant in module `file`.
    pub fn paths_in(&self, file: u32, wanted: &str) -> Vec<String> {
        if !wanted.contains('.') {
            return self.names_in(file).into_iter().map(String::from).collect();
        }
        let own = self.modules.get(file as usize).into_iter().flat_map(|m| &m.names);
        own.filter_map(|(name, symbol)| match symbol {
            Symbol::Module(m) => Some((name, &self.modules[*m as usize])),
            Symbol::Item(_) => None,
        })
        .flat_map(|(name, module)| module.names.keys().map(move |n| format!("{name}.{n}")))
        .collect()
    }

    /// The runs of the program's own file, in order.
    pub fn runs(&self) -> Vec<(ItemRef, &ast::Run)> {
        self.own(|kind| match kind {
            ItemKind::Run(run) => Some(run),
            _ => None,
        })
    }

    /// The train blocks of the program's own file, in order.
    pub fn trains(&self) -> Vec<(ItemRef, &ast::Train)> {
        self.own(|kind| match kind {
            ItemKind::Train(train) => Some(train),
            _ => None,
        })
    }

    /// The items of the program's own file that are of some kind.
    fn own<'p, T>(&'p self, pick: impl Fn(&'p ItemKind) -> Option<T>) -> Vec<(ItemRef, T)> {
        let items = self.modules.first().map_or(&[][..], |m| &m.file.items);
        items
            .iter()
            .enumerate()
            .filter_map(|(i, item)| Some((ItemRef { file: 0, item: i as u32 }, pick(&item.kind)?)))
            .collect()
    }
}

/// The name an item declares, where it declares one. Nothing names a train block but the command
/// line, so that it may be called as what it learns from.
pub fn item_name(kind: &ItemKind) -> Option<&ast::Ident> {
    match kind {
        ItemKind::Use(_) | ItemKind::Model(_) | ItemKind::Train(_) => None,
        ItemKind::Const(b) | ItemKind::Data(b) => Some(&b.name),
        ItemKind::Epoch(e) => Some(&e.name),
        ItemKind::Process(p) => Some(&p.name),
        ItemKind::Network(n) => Some(&n.name),
        ItemKind::Run(r) => Some(&r.name),
    }
}
