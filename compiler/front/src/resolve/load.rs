//! Reads a program's files and collects their names.

use super::source::{read, syntax};
use super::{Module, Program, Symbol, item_name};
use crate::resolve::ItemRef;
use snn_data::Files;
use snn_grammar::ast::{self, Ident, ItemKind, Span};
use snn_grammar::{SyntaxError, parse};
use snn_ir::diagnostics::{Code, Diagnostic, Loc, Sink, SourceFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The standard library: one process (with its models) a file.
const STD: &[(&str, &str)] = &[
    ("LIF", include_str!("../std/LIF.snn")),
    ("LIFReset", include_str!("../std/LIFReset.snn")),
    ("TernaryLIF", include_str!("../std/TernaryLIF.snn")),
    ("LIFRefractory", include_str!("../std/LIFRefractory.snn")),
    ("Dense", include_str!("../std/Dense.snn")),
    ("DelayDense", include_str!("../std/DelayDense.snn")),
    ("Conv", include_str!("../std/Conv.snn")),
    ("Source", include_str!("../std/Source.snn")),
    ("SpikeRate", include_str!("../std/SpikeRate.snn")),
    ("SpikeTime", include_str!("../std/SpikeTime.snn")),
    ("SpikeMax", include_str!("../std/SpikeMax.snn")),
    ("SpikeMoid", include_str!("../std/SpikeMoid.snn")),
    ("SparsityEnforcer", include_str!("../std/SparsityEnforcer.snn")),
    ("MSE", include_str!("../std/MSE.snn")),
    ("Classifier", include_str!("../std/Classifier.snn")),
];

/// Processes of the reference that do what another does: their text is that of the other.
const SAME: &[(&str, &str)] = &[("Sparse", "Dense"), ("DelaySparse", "DelayDense")];

/// The names and texts of the files of the standard library.
fn library() -> Vec<(String, String)> {
    let file = |name: &str| format!("<std/{name}.snn>");
    let mut files: Vec<(String, String)> =
        STD.iter().map(|(name, text)| (file(name), (*text).to_owned())).collect();
    for (name, same) in SAME {
        let text = STD.iter().find(|(known, _)| known == same).map_or("", |(_, text)| text);
        let process = text.replace(&format!("process {same}["), &format!("process {name}["));
        files.push((file(name), process.replace(&format!(" of {same}"), &format!(" of {name}"))));
    }
    files
}

/// Reads `path`, the files it uses and the standard library.
pub fn load(path: &Path, files: &dyn Files, sink: &mut Sink) -> Program {
    let (program, loaded) = (Program::default(), BTreeMap::new());
    let mut loader = Loader { program, files, loaded, sink };
    match read(files, path) {
        Ok(text) => {
            loader.file(path, text);
        }
        Err(diagnostic) => loader.sink.push(diagnostic),
    }
    for (name, text) in library() {
        let module = add_text(&mut loader.program, &name, PathBuf::new(), &text, loader.sink);
        loader.program.prelude.push(module);
    }
    check_models(&loader.program, loader.sink);
    check_trains(&loader.program, loader.sink);
    loader.program
}

/// Adds a module whose text does not come from the user's disk. It can `use` nothing.
pub fn add_text(
    program: &mut Program,
    name: &str,
    folder: PathBuf,
    text: &str,
    sink: &mut Sink,
) -> u32 {
    let id = program.modules.len() as u32;
    let (name, kept) = (name.into(), text.into());
    program.sources.files.push(SourceFile { name, folder, text: kept, imported_by: None });
    let parsed = parse(text);
    report_syntax(id, &parsed.errors, sink);
    program.modules.push(Module { file: Arc::new(parsed.file), ..Module::default() });
    collect_names(program, id, sink);
    id
}

struct Loader<'a> {
    program: Program,
    files: &'a dyn Files,
    /// Files by their real path; `None` while being read, to notice cycles.
    loaded: BTreeMap<PathBuf, Option<u32>>,
    sink: &'a mut Sink,
}

impl Loader<'_> {
    fn file(&mut self, path: &Path, text: String) -> u32 {
        let id = self.program.modules.len() as u32;
        let real = self.files.real(path);
        self.loaded.insert(real.clone(), None);
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let name = path.display().to_string();
        let parsed = parse(&text);
        report_syntax(id, &parsed.errors, self.sink);
        let source = SourceFile { name, folder: folder.clone(), text, imported_by: None };
        self.program.sources.files.push(source);
        self.program.modules.push(Module { file: Arc::new(parsed.file), ..Module::default() });
        collect_names(&mut self.program, id, self.sink);
        for (span, used) in self.uses(id) {
            if let Some(module) = self.used_file(id, &folder, &used) {
                self.bind(id, span, &used, module);
            }
        }
        self.loaded.insert(real, Some(id));
        id
    }

    fn uses(&self, id: u32) -> Vec<(Span, ast::Use)> {
        let items = &self.program.modules[id as usize].file.items;
        items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Use(used) => Some((item.span, used.clone())),
                _ => None,
            })
            .collect()
    }

    fn used_file(&mut self, id: u32, folder: &Path, used: &ast::Use) -> Option<u32> {
        let loc = Loc { file: id, span: used.path_span };
        let path = folder.join(&used.path);
        let real = self.files.real(&path);
        match self.loaded.get(&real) {
            Some(Some(module)) => Some(*module),
            Some(None) => {
                self.sink.push(
                    Diagnostic::new(Code::E0403, "files use each other in a circle", loc, "")
                        .note(format!("`{}` is already being read", path.display()))
                        .help("move what both need into a third file"),
                );
                None
            }
            None => match read(self.files, &path) {
                Ok(text) => Some(self.file(&path, text)),
                Err(mut diagnostic) => {
                    let text = String::from("used here");
                    diagnostic.labels.push(snn_ir::diagnostics::Label { loc, text });
                    self.sink.push(diagnostic);
                    None
                }
            },
        }
    }

    /// Brings the names of `module` into `id` as the `use` says.
    fn bind(&mut self, id: u32, span: Span, used: &ast::Use, module: u32) {
        if used.names.is_empty() {
            let stem = || {
                let stem = Path::new(&used.path).file_stem();
                stem.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
            };
            let name = used.alias.as_ref().map_or_else(stem, |a| a.name.clone());
            let at = used.alias.as_ref().map_or(span, |a| a.span);
            declare(&mut self.program, id, &name, at, Symbol::Module(module), self.sink);
        }
        for name in &used.names {
            let known = self.program.modules[module as usize].names.get(&name.name).copied();
            if let Some(symbol) = known {
                declare(&mut self.program, id, &name.name, name.span, symbol, self.sink);
                continue;
            }
            let there = self.program.modules[module as usize].names.keys();
            let message = format!("`{}` declares no `{}`", used.path, name.name);
            let loc = Loc { file: id, span: name.span };
            let d = Diagnostic::new(Code::E0401, message, loc, "not found");
            self.sink.push(d.meant(&name.name, there.map(String::as_str), loc));
        }
    }
}

fn collect_names(program: &mut Program, id: u32, sink: &mut Sink) {
    let file = Arc::clone(&program.modules[id as usize].file);
    for (i, item) in file.items.iter().enumerate() {
        if let Some(name) = item_name(&item.kind) {
            let symbol = Symbol::Item(ItemRef { file: id, item: i as u32 });
            declare(program, id, &name.name, name.span, symbol, sink);
        }
    }
}

/// Every `model … of P` must name a process.
fn check_models(program: &Program, sink: &mut Sink) {
    for (id, module) in program.modules.iter().enumerate() {
        for item in &module.file.items {
            let ItemKind::Model(model) = &item.kind else { continue };
            let parts: Vec<&str> = model.of.parts.iter().map(|p| p.name.as_str()).collect();
            let symbol = program.lookup_path(id as u32, &parts);
            let process = |at: ItemRef| matches!(program.item(at).kind, ItemKind::Process(_));
            if matches!(symbol, Some(Symbol::Item(at)) if process(at)) {
                continue;
            }
            let name = parts.join(".");
            let loc = Loc { file: id as u32, span: model.of.span };
            let message = format!("there is no process `{name}`");
            let d = Diagnostic::new(Code::E0401, message, loc, "not found");
            let paths = program.paths_in(id as u32, &name);
            sink.push(d.meant(&name, paths.iter().map(String::as_str), loc));
        }
    }
}

/// Of two train blocks with one name, the command line could not pick one.
fn check_trains(program: &Program, sink: &mut Sink) {
    let mut known: Vec<&Ident> = Vec::new();
    for (at, train) in program.trains() {
        let name = &train.run.name;
        match known.iter().find(|first| first.name == name.name) {
            Some(first) => {
                let message = format!("`{}` is declared twice", name.name);
                let place = |span| Loc { file: at.file, span };
                let d =
                    Diagnostic::new(Code::E0402, message, place(name.span), "declared again here");
                let d = d.label(place(first.span), "declared first here");
                sink.push(d.help("give one of them another name"));
            }
            None => known.push(name),
        }
    }
}

/// Adds a name to a module; a second declaration is an error that shows both.
fn declare(
    program: &mut Program,
    id: u32,
    name: &str,
    span: Span,
    symbol: Symbol,
    sink: &mut Sink,
) {
    let module = &mut program.modules[id as usize];
    match module.names.get(name) {
        Some(earlier) if *earlier != symbol => {
            let mut diagnostic = Diagnostic::new(
                Code::E0402,
                format!("`{name}` is declared twice"),
                Loc { file: id, span },
                "declared again here",
            );
            if let Symbol::Item(at) = earlier
                && at.file == id
                && let Some(first) = item_name(&module.file.items[at.item as usize].kind)
            {
                let loc = Loc { file: id, span: first.span };
                diagnostic = diagnostic.label(loc, "declared first here");
            }
            sink.push(diagnostic.help("give one of them another name"));
        }
        _ => {
            module.names.insert(name.into(), symbol);
        }
    }
}

fn report_syntax(file: u32, errors: &[SyntaxError], sink: &mut Sink) {
    for error in errors {
        sink.push(syntax(file, error));
    }
}
