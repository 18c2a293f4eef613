//! The tree of instances: networks with their parts, down to processes.

use super::connect::{self, Edge};
use super::disagree::Origin;
use super::params::{Declared, ParamState, Sizes};
use super::select::Choices;
use crate::import::{Lost, NetxOptions, netx};
use crate::resolve::{self, ItemRef, Program, Symbol};
use crate::types::{Cx, Env, Eval, TExpr, Val, dotted};
use indexmap::IndexMap;
use snn_grammar::ast::{self, Direction, ExprKind, ItemKind, NetworkMember};
use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Networks may contain networks this deep.
const DEEPEST: usize = 64;

/// The most processes and networks of a run.
const MOST: u64 = 1 << 20;

/// All instances of a run. The first is the run's network.
pub struct Tree {
    /// Networks and processes.
    pub nodes: Vec<Node>,
    /// Connections between their ports.
    pub edges: Vec<Edge>,
    /// Resets, each with the network it stands in.
    pub resets: Vec<(usize, ast::Reset)>,
    /// The names around the first, which its arguments are made of.
    pub around: Env,
    /// Parts that could not be made, by the network they are of. Why is reported; what is said
    /// about them is not looked at.
    pub lost: BTreeSet<(usize, String)>,
    /// Whether something could not be made.
    pub failed: bool,
}

/// An instance of a network or process.
pub struct Node {
    /// Dotted path from the run's network; empty for that network itself.
    pub path: String,
    /// Where the part is declared.
    pub loc: Loc,
    /// The process or network item.
    pub def: ItemRef,
    /// Its name, as declared.
    pub def_name: String,
    /// The model's item (the process itself for its default model); `None` for networks.
    pub model: Option<ItemRef>,
    /// Parameters, dimensions and (in networks) constants.
    pub env: Env,
    /// Its sizes, where they are given and not known yet.
    pub sizes: Option<Sizes>,
    /// What told the shape parameters that are not open any more.
    pub origins: BTreeMap<String, Origin>,
    /// Parameters with their arguments, and initial values given as arguments.
    pub params: Vec<ParamState>,
    /// Ports, in order of declaration.
    pub ports: Vec<PortState>,
    /// Parts, by name.
    pub children: IndexMap<String, usize>,
    /// The network it is a part of.
    pub parent: Option<usize>,
}

/// A port of an instance.
#[derive(Clone)]
pub struct PortState {
    /// Its name.
    pub name: String,
    /// In or out.
    pub direction: Direction,
    /// Its type, as the model or the process declares it.
    pub ty: Rc<ast::Type>,
    /// The file in which the type is written.
    pub file: u32,
    /// Where it is declared.
    pub loc: Loc,
    /// Its shape, once known.
    pub shape: Option<Vec<usize>>,
    /// Whether an error was reported for its shape.
    pub bad: bool,
}

impl Node {
    /// Its ports of one direction, by position.
    pub fn ports_of(&self, direction: Direction) -> Vec<usize> {
        (0..self.ports.len()).filter(|p| self.ports[*p].direction == direction).collect()
    }

    /// The path of something in it.
    pub fn within(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Its path for messages.
    pub fn shown(&self) -> &str {
        if self.path.is_empty() { &self.def_name } else { &self.path }
    }
}

impl Tree {
    /// Instantiates a process or network with these sizes and arguments, and no network around it.
    pub fn alone(
        cx: &mut Cx<'_>,
        def: ItemRef,
        choices: &Choices,
        (shape, args): (Option<&[ast::Subscript]>, &[ast::Arg]),
        loc: Loc,
        around: Env,
    ) -> Eval<Tree> {
        let mut tree = Tree::empty(around.clone());
        let mut builder = Builder::new(cx, &mut tree, choices);
        builder.instance(None, "", def, shape, args, loc, &around)?;
        Ok(tree)
    }

    /// The paths of the parts that could not be made.
    pub fn lost_paths(&self) -> impl Iterator<Item = String> + '_ {
        self.lost.iter().map(|(of, part)| self.nodes[*of].within(part))
    }

    /// How many processes and networks a network is made of.
    pub fn parts(cx: &Cx<'_>, network: ItemRef) -> u64 {
        Census { program: cx.program, counted: BTreeMap::new(), depth: 0 }.of(network)
    }

    fn empty(around: Env) -> Tree {
        let (nodes, edges, resets) = (Vec::new(), Vec::new(), Vec::new());
        Tree { nodes, edges, resets, around, lost: BTreeSet::new(), failed: false }
    }

    /// Instantiates the network of a run.
    pub fn build(cx: &mut Cx<'_>, network: &ast::Expr, env: &Env, choices: &Choices) -> Eval<Tree> {
        let parts = Census { program: cx.program, counted: BTreeMap::new(), depth: 0 }
            .called(network, env.file);
        if parts > MOST {
            let loc = Loc { file: env.file, span: network.span };
            let message = "a network has too many parts";
            let what = match parts {
                u64::MAX => "more than can be counted".to_owned(),
                n => format!("{n} processes and networks, of at most {MOST}"),
            };
            let d = Diagnostic::new(Code::E0506, message, loc, what);
            return Err(cx.fail(d.help("neurons that are alike are one process: `LIF[1000]()`")));
        }
        let mut tree = Tree::empty(env.clone());
        let mut builder = Builder::new(cx, &mut tree, choices);
        let root = builder.part(None, "", network, env)?;
        if tree.nodes[root].model.is_some() {
            let loc = Loc { file: env.file, span: network.span };
            let d = Diagnostic::new(Code::E0505, "a run needs a network", loc, "this is a process");
            return Err(cx.fail(d.help("put the process into a network and run that")));
        }
        Ok(tree)
    }
}

/// Counts the instances that a run will have, without making them.
struct Census<'p> {
    program: &'p Program,
    /// Of each network; 0 while it is being counted: that it contains itself is found elsewhere.
    counted: BTreeMap<ItemRef, u64>,
    depth: usize,
}

impl Census<'_> {
    /// The instances that an expression in `file` makes, where it stands for a part.
    fn called(&mut self, e: &ast::Expr, file: u32) -> u64 {
        let parts = dotted(part_call(e).callee).unwrap_or_default();
        match self.program.lookup_path(file, &parts) {
            Some(Symbol::Item(at)) => self.of(at),
            _ => 1,
        }
    }

    /// Those of a process or network, itself among them.
    fn of(&mut self, at: ItemRef) -> u64 {
        let ItemKind::Network(network) = &self.program.item(at).kind else { return 1 };
        if let Some(known) = self.counted.get(&at) {
            return *known;
        }
        self.counted.insert(at, 0);
        if self.depth == DEEPEST {
            return 0;
        }
        self.depth += 1;
        let members = network.members.iter().map(|member| match member {
            NetworkMember::Part(part) => self.called(&part.value, at.file),
            NetworkMember::Connection(c) => {
                let hops = c.hops.iter().map(|hop| self.hop(hop, at.file));
                hops.fold(0, u64::saturating_add)
            }
            _ => 0,
        });
        let all = members.fold(1, u64::saturating_add);
        self.depth -= 1;
        self.counted.insert(at, all);
        all
    }

    /// Those that a hop of a connection makes.
    fn hop(&mut self, e: &ast::Expr, file: u32) -> u64 {
        match &e.kind {
            ExprKind::Index(of, _) => self.hop(of, file),
            ExprKind::Call { callee, args } => match &callee.kind {
                ExprKind::Name(name) if name == "concat" => {
                    let parts = args.iter().map(|arg| self.hop(&arg.value, file));
                    parts.fold(0, u64::saturating_add)
                }
                ExprKind::Field(of, _)
                    if self
                        .program
                        .lookup_path(file, &dotted(callee).unwrap_or_default())
                        .is_none() =>
                {
                    self.hop(of, file)
                }
                _ => self.called(e, file),
            },
            _ => 0,
        }
    }
}

/// Builds a [`Tree`].
pub struct Builder<'b, 'a> {
    /// Evaluation.
    pub cx: &'b mut Cx<'a>,
    /// What has been built.
    pub tree: &'b mut Tree,
    choices: &'b Choices,
    depth: usize,
    /// By network and process, the number of the last instance made in a connection.
    in_place: BTreeMap<(usize, String), u64>,
    /// What processes, by their models, and networks declare.
    declared: BTreeMap<(ItemRef, ItemRef), Rc<Declared>>,
}

/// A call of a process or network: what is called, and with what.
struct PartCall<'e> {
    callee: &'e ast::Expr,
    shape: Option<&'e [ast::Subscript]>,
    args: &'e [ast::Arg],
}

fn part_call(e: &ast::Expr) -> PartCall<'_> {
    let (callee, args) = match &e.kind {
        ExprKind::Call { callee, args } => (&**callee, args.as_slice()),
        _ => (e, &[][..]),
    };
    match &callee.kind {
        ExprKind::Index(of, shape) => PartCall { callee: of, shape: Some(shape), args },
        _ => PartCall { callee, shape: None, args },
    }
}

impl<'b, 'a> Builder<'b, 'a> {
    fn new(cx: &'b mut Cx<'a>, tree: &'b mut Tree, choices: &'b Choices) -> Builder<'b, 'a> {
        let (in_place, declared) = (BTreeMap::new(), BTreeMap::new());
        Builder { cx, tree, choices, depth: 0, in_place, declared }
    }

    /// Whether an expression makes an instance: a call of a process, a network or an importer.
    pub fn is_part(&self, e: &ast::Expr, file: u32) -> bool {
        if !matches!(e.kind, ExprKind::Call { .. }) {
            return false;
        }
        let call = part_call(e);
        let Some(parts) = dotted(call.callee) else { return false };
        if parts == ["netx"] || parts == ["nir"] {
            return true;
        }
        match self.cx.program.lookup_path(file, &parts) {
            Some(Symbol::Item(at)) => {
                matches!(self.cx.program.item(at).kind, ItemKind::Process(_) | ItemKind::Network(_))
            }
            _ => false,
        }
    }

    /// Instantiates `name = e` in network `parent`.
    pub fn part(
        &mut self,
        parent: Option<usize>,
        name: &str,
        e: &ast::Expr,
        env: &Env,
    ) -> Eval<usize> {
        let loc = Loc { file: env.file, span: e.span };
        let call = part_call(e);
        let callee_loc = Loc { file: env.file, span: call.callee.span };
        let Some(parts) = dotted(call.callee) else {
            let message = "a process or network is needed here";
            return Err(self.cx.fail(Diagnostic::new(Code::E0204, message, callee_loc, "")));
        };
        if parts == ["netx"] || parts == ["nir"] {
            return self.import(parent, name, parts[0], call.args, loc, env);
        }
        match self.cx.program.lookup_path(env.file, &parts) {
            Some(Symbol::Item(def)) => {
                self.instance(parent, name, def, call.shape, call.args, loc, env)
            }
            _ => {
                let wanted = parts.join(".");
                let message = format!("there is no process or network `{wanted}`");
                let d = Diagnostic::new(Code::E0401, message, callee_loc, "not found");
                let paths = self.cx.program.paths_in(env.file, &wanted);
                Err(self.cx.fail(d.meant(&wanted, paths.iter().map(String::as_str), callee_loc)))
            }
        }
    }

    fn import(
        &mut self,
        parent: Option<usize>,
        name: &str,
        format: &str,
        args: &[ast::Arg],
        loc: Loc,
        env: &Env,
    ) -> Eval<usize> {
        if format != "netx" {
            let message = "NIR files cannot be imported yet";
            let d = Diagnostic::new(Code::E0613, message, loc, "");
            return Err(self.cx.fail(d.help("`netx(\"file.net\")` imports lava-dl networks")));
        }
        let folder = self.cx.program.sources.files[env.file as usize].folder.clone();
        let mut options = NetxOptions { folder: folder.clone(), ..NetxOptions::default() };
        let mut path = None;
        for arg in args {
            let at = Loc { file: env.file, span: arg.value.span };
            match (&arg.name, self.cx.eval(&arg.value, env)?) {
                (None, Val::Str(text)) if path.is_none() => path = Some((text, at)),
                (Some(option), value) => {
                    let value = self.cx.as_expr(value, at)?;
                    let value = self.cx.constant(value, at)?;
                    if let Err(why) = set_option(&mut options, &option.name, &value) {
                        let at = Loc { file: env.file, span: option.span };
                        let mut d = Diagnostic::new(Code::E0209, why, at, "");
                        if !OPTIONS.contains(&option.name.as_str()) {
                            d = d.meant(&option.name, OPTIONS, at);
                        }
                        return Err(self.cx.fail(d));
                    }
                }
                _ => {
                    let message = "`netx` takes a file and named options";
                    return Err(self.cx.fail(Diagnostic::new(Code::E0209, message, at, "")));
                }
            }
        }
        let Some((file, at)) = path else {
            let message = "`netx` needs a file, as in `netx(\"trained.net\")`";
            return Err(self.cx.fail(Diagnostic::new(Code::E0209, message, loc, "")));
        };
        let key = format!("{file:?} in {folder:?} with {options:?}");
        let known = self.cx.imports.get(&key).cloned();
        let (module, network) = match known {
            Some(known) => known,
            None => {
                let imported = match netx::import(self.cx.files, &folder.join(&file), &options) {
                    Ok(imported) => imported,
                    Err(errors) => {
                        for error in errors {
                            self.cx.data_error(error, at);
                        }
                        return Err(crate::types::Stop::Reported);
                    }
                };
                for lost in &imported.losses {
                    self.cx.sink.push(not_kept(lost, &file, loc));
                }
                let (program, sink) = (&mut *self.cx.program, &mut *self.cx.sink);
                let title = format!("<netx {file}>");
                let module = resolve::add_text(program, &title, folder, &imported.text, sink);
                program.sources.files[module as usize].imported_by = Some(loc);
                self.cx.imports.insert(key, (module, imported.network.clone()));
                (module, imported.network)
            }
        };
        match self.cx.program.lookup(module, &network) {
            Some(Symbol::Item(def)) => self.instance(parent, name, def, None, &[], loc, env),
            _ => Err(crate::types::Stop::Reported),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn instance(
        &mut self,
        parent: Option<usize>,
        name: &str,
        def: ItemRef,
        shape: Option<&[ast::Subscript]>,
        args: &[ast::Arg],
        loc: Loc,
        env: &Env,
    ) -> Eval<usize> {
        let tree = self.cx.program.tree(def);
        let path = parent.map_or(String::new(), |p| self.tree.nodes[p].within(name));
        let (def_name, shape_params, is_network) = match &tree.items[def.item as usize].kind {
            ItemKind::Process(p) => (&p.name, &p.shape_params, false),
            ItemKind::Network(n) => (&n.name, &n.shape_params, true),
            _ => {
                let message = format!("`{name}` must be an instance of a process or network");
                return Err(self.cx.fail(Diagnostic::new(Code::E0204, message, loc, "")));
            }
        };
        if std::iter::successors(parent, |at| self.tree.nodes[*at].parent)
            .any(|at| self.tree.nodes[at].def == def)
        {
            let message = format!("`{}` contains itself", def_name.name);
            let d = Diagnostic::new(Code::E0504, message, loc, "instantiated again here");
            return Err(self.cx.fail(d.help("a network cannot be a part of itself")));
        }
        if self.depth >= DEEPEST {
            let message = format!("networks contain each other more than {DEEPEST} deep");
            return Err(self.cx.fail(Diagnostic::new(Code::E0504, message, loc, "")));
        }
        let mut node = Node {
            path,
            loc,
            def,
            def_name: def_name.name.clone(),
            model: None,
            env: Env::module(def.file),
            sizes: None,
            origins: BTreeMap::new(),
            params: Vec::new(),
            ports: Vec::new(),
            children: IndexMap::new(),
            parent,
        };
        if !is_network {
            let model = self.choices.model(self.cx, def, &node.path, loc)?;
            node.model = Some(model);
        }
        let key = (def, node.model.unwrap_or(def));
        let declared = self.declared.entry(key);
        let declared =
            Rc::clone(declared.or_insert_with(|| Rc::new(Declared::of(self.cx, key.0, key.1))));
        node.ports.clone_from(&declared.ports);
        // Of an instance that is given something wrong, the ports are there all the same.
        let shape = node.bind_shape(self.cx, shape_params, shape, loc);
        let args = node.bind_args(self.cx, &declared, args, env, loc);
        self.tree.failed |= shape.is_err() || args.is_err();
        let id = self.tree.nodes.len();
        if let Some(parent) = parent {
            self.tree.nodes[parent].children.insert(name.into(), id);
        }
        self.tree.nodes.push(node);
        if let ItemKind::Network(network) = &tree.items[def.item as usize].kind {
            self.depth += 1;
            let whole = self.network(id, network);
            self.depth -= 1;
            // Of a network that was given up in part, not all names have been looked at.
            if whole {
                self.cx.met.insert(def);
            }
        }
        Ok(id)
    }

    /// Instantiates the parts of a network and connects them; whether all of it could be made.
    fn network(&mut self, id: usize, network: &ast::Network) -> bool {
        let file = self.tree.nodes[id].def.file;
        let mut whole = true;
        for member in &network.members {
            let NetworkMember::Part(part) = member else { continue };
            let env = self.tree.nodes[id].env.clone();
            let earlier = self.tree.nodes[id].children.get(&part.name.name);
            if let Some(earlier) = earlier {
                let loc = Loc { file, span: part.name.span };
                let message = format!("`{}` is declared twice", part.name.name);
                let first = self.tree.nodes[*earlier].loc;
                let d = Diagnostic::new(Code::E0402, message, loc, "declared again here");
                self.cx.sink.push(d.label(first, "declared first here"));
                whole = false;
                continue;
            }
            if self.part(Some(id), &part.name.name, &part.value, &env).is_err() {
                self.tree.lost.insert((id, part.name.name.clone()));
                whole = false;
            }
        }
        let explicit = connect::explicit_ports(network);
        for member in &network.members {
            match member {
                NetworkMember::Connection(c) => {
                    whole &= connect::chain(self, id, c, &explicit).is_ok();
                }
                NetworkMember::Reset(reset) => self.tree.resets.push((id, reset.clone())),
                _ => {}
            }
        }
        self.tree.failed |= !whole;
        whole
    }

    /// A name for an instance that is made in a connection: `dense1`, `dense2`, …
    pub fn name_in_place(&mut self, network: usize, e: &ast::Expr) -> String {
        let parts = dotted(part_call(e).callee).unwrap_or_default();
        let stem = parts.last().map_or("part".into(), |s| s.to_lowercase());
        let taken = &self.tree.nodes[network].children;
        let last = self.in_place.entry((network, stem.clone())).or_insert(0);
        loop {
            *last += 1;
            let name = format!("{stem}{last}");
            if !taken.contains_key(&name) {
                return name;
            }
        }
    }
}

/// For values of an imported file that act as others.
fn not_kept(lost: &Lost, file: &str, loc: Loc) -> Diagnostic {
    let Lost { dataset, count, of, from, to } = lost;
    let are = if *count == 1 { "is" } else { "are" };
    let message = format!("{count} of {of} values of `{dataset}` in `{file}` {are} not kept");
    // Files have 32 bits: as few digits as tell them apart.
    let from = match *from as f32 {
        short if f64::from(short) == *from => short.to_string(),
        _ => from.to_string(),
    };
    Diagnostic::new(Code::W0701, message, loc, format!("of the first, {from}, {to} is kept"))
        .help("export values that synapses can hold: whole, weights of 8 bits, delays up to 62")
}

/// The options of the importer.
const OPTIONS: [&str; 8] = [
    "reset_interval",
    "reset_offset",
    "num_layers",
    "skip_layers",
    "input_shape",
    "input_message_bits",
    "spike_exp",
    "sparse_fc_layer",
];

/// Sets an option of the importer by its name in the language.
fn set_option(options: &mut NetxOptions, name: &str, value: &TExpr) -> Result<(), String> {
    let number = value.as_int().filter(|_| value.is_scalar());
    let slot = match name {
        "reset_interval" => &mut options.reset_interval,
        "reset_offset" => &mut options.reset_offset,
        "num_layers" => &mut options.num_layers,
        "skip_layers" => &mut options.skip_layers,
        "input_message_bits" => &mut options.input_message_bits,
        "spike_exp" => &mut options.spike_exp,
        "sparse_fc_layer" => {
            options.sparse_fc_layer = number == Some(1);
            return number.map(|_| ()).ok_or("`sparse_fc_layer` is true or false".into());
        }
        "input_shape" => {
            use snn_ir::tensor::Values;
            return match value.as_const().map(|c| &c.values) {
                Some(Values::Int(sizes)) => {
                    options.input_shape = Some(sizes.clone());
                    Ok(())
                }
                _ => Err("`input_shape` is a list of sizes".into()),
            };
        }
        _ => {
            let known = OPTIONS.join(", ");
            return Err(format!("`netx` has no option `{name}`; its options are {known}"));
        }
    };
    *slot = Some(number.ok_or_else(|| format!("`{name}` is a whole number"))?);
    Ok(())
}
