//! What names stand for while expressions are evaluated, and the evaluation of a module's
//! constants.

use super::computed::Computed;
use super::expr::{Leaf, Node, TExpr};
use super::remedies::DIV;
use crate::resolve::{ItemRef, Program, Symbol};
use indexmap::IndexMap;
use snn_data::Files;
use snn_grammar::ast::{self, ItemKind, Span};
use snn_ir::data::{DataError, DataSource, Dataset};
use snn_ir::diagnostics::{Code, Diagnostic, Help, Loc, Reported, Sink};
use snn_ir::network::evaluate;
use snn_ir::scalar::Kind;
use snn_ir::tensor::{Constant, Tensor, Values};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// What an expression gives.
#[derive(Clone, Debug)]
pub enum Val {
    /// A number or an array, known or not.
    Expr(TExpr),
    /// A text.
    Str(String),
    /// A list that is not (or not yet) an array: a shape, several ports.
    List(Vec<Val>),
    /// An archive of arrays, with what the names of its members begin with: `params` in `params.w0`,
    /// `params.net` in `params.net.weights`.
    Archive(PathBuf, String),
    /// An epoch: period and the residue of its first steps (`t % every == start`).
    Epoch {
        /// Steps per period.
        every: i64,
        /// `start` holds where `t % every` equals it.
        start: i64,
    },
}

/// Why an evaluation gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A diagnostic says why.
    Reported,
    /// A dimension is not known yet.
    Open,
}

impl From<Reported> for Stop {
    fn from(Reported: Reported) -> Stop {
        Stop::Reported
    }
}

/// Result of an evaluation.
pub type Eval<T> = Result<T, Stop>;

/// The names visible at some place, besides those of its module. A copy shares them until one of
/// the two is changed.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// The module whose names are visible.
    pub file: u32,
    /// Parameters, dimensions, constants, variables.
    pub names: Rc<IndexMap<String, Val>>,
    /// Names that will get a value once shapes are known.
    pub open: Rc<BTreeSet<String>>,
}

impl Env {
    /// Only the names of a module.
    pub fn module(file: u32) -> Env {
        Env { file, ..Env::default() }
    }

    /// Makes a name one whose value is not known, because what it stands for is wrong.
    pub fn forget(&mut self, name: &str) {
        if self.names.contains_key(name) {
            Rc::make_mut(&mut self.names).shift_remove(name);
        }
        Rc::make_mut(&mut self.open).insert(name.into());
    }

    /// Gives a name its value.
    pub fn set(&mut self, name: &str, value: Val) {
        if self.open.contains(name) {
            Rc::make_mut(&mut self.open).remove(name);
        }
        Rc::make_mut(&mut self.names).insert(name.into(), value);
    }
}

/// The state that evaluation shares: sources, diagnostics, values already computed.
pub struct Cx<'a> {
    /// All sources; modules are added where a trained network is imported.
    pub program: &'a mut Program,
    /// Where files come from.
    pub files: &'a dyn Files,
    /// Where diagnostics go.
    pub sink: &'a mut Sink,
    /// Constants given on the command line, by name; in a train block also constants and data items
    /// that it gives.
    pub overrides: BTreeMap<String, ast::Expr>,
    /// Arrays that stand for constants and data items of the program's own file, by name.
    pub arrays: BTreeMap<String, Tensor>,
    /// What random numbers began with.
    pub seeds: BTreeSet<u64>,
    items: BTreeMap<ItemRef, Option<Eval<Val>>>,
    /// Bounds of declared ranges that are known.
    bounds: BTreeMap<Loc, f64>,
    datasets: BTreeMap<DataSource, Arc<Dataset>>,
    tensors: BTreeMap<DataSource, Arc<Tensor>>,
    /// Modules of imported networks, by file and options.
    pub imports: BTreeMap<String, (u32, String)>,
    /// The models (processes, for their default models) and networks that some run has
    /// instantiated, and whose mistakes are reported with it.
    pub met: BTreeSet<ItemRef>,
    /// The params of the run's processes.
    pub params: Vec<ParamValue>,
    /// The calls of `random` in the model whose phases are typed, in the order of its text.
    random_calls: Vec<Loc>,
    /// What was computed before the first step.
    pub(super) made: Computed,
}

/// The argument of a param.
pub struct ParamValue {
    /// A constant, or a file.
    pub value: TExpr,
    /// Whether something was decided by it.
    pub structural: bool,
    /// Set where one number is given for an array.
    pub single: Option<Single>,
}

/// One number that is given for a parameter with axes. That is right where each element is used by
/// itself.
#[derive(Clone)]
pub struct Single {
    /// The parameter's name.
    pub name: String,
    /// The argument.
    pub given: Loc,
    /// The parameter's type.
    pub declared: Loc,
}

impl<'a> Cx<'a> {
    /// Nothing evaluated yet.
    pub fn new(
        program: &'a mut Program,
        files: &'a dyn Files,
        sink: &'a mut Sink,
        overrides: BTreeMap<String, ast::Expr>,
    ) -> Cx<'a> {
        Cx {
            program,
            files,
            sink,
            overrides,
            arrays: BTreeMap::new(),
            items: BTreeMap::new(),
            bounds: BTreeMap::new(),
            seeds: BTreeSet::new(),
            datasets: BTreeMap::new(),
            tensors: BTreeMap::new(),
            imports: BTreeMap::new(),
            met: BTreeSet::new(),
            params: Vec::new(),
            random_calls: Vec::new(),
            made: Computed::default(),
        }
    }

    /// Begins another run: it has its own params.
    pub fn begin_run(&mut self) {
        self.params.clear();
    }

    /// Does something while constants and data items of the program's own file have other values:
    /// what was found out with theirs counts before and after, and not meanwhile.
    pub fn with_overrides<T>(
        &mut self,
        mut overrides: BTreeMap<String, ast::Expr>,
        f: impl FnOnce(&mut Cx<'a>) -> T,
    ) -> T {
        std::mem::swap(&mut self.overrides, &mut overrides);
        let items = std::mem::take(&mut self.items);
        let bounds = std::mem::take(&mut self.bounds);
        let result = f(self);
        (self.overrides, self.items, self.bounds) = (overrides, items, bounds);
        result
    }

    /// Begins the phases of a model: its calls of `random` are counted from 0.
    pub fn begin_body(&mut self) {
        self.random_calls.clear();
    }

    /// The number of a call of `random`.
    pub(super) fn random_call(&mut self, at: Loc) -> u32 {
        let known = self.random_calls.iter().position(|loc| *loc == at);
        let number = known.unwrap_or_else(|| {
            self.random_calls.push(at);
            self.random_calls.len() - 1
        });
        number as u32
    }

    /// A param with this argument: a constant or a file. Another expression is no param.
    pub fn param(&mut self, value: TExpr) -> TExpr {
        if !matches!(&*value.node, Node::Const(_) | Node::File(_)) {
            return value;
        }
        let number = self.params.len() as u32;
        let param = TExpr::param(number, &value);
        self.params.push(ParamValue { value, structural: false, single: None });
        param
    }

    /// The one number for an array from which a number follows.
    pub fn single(&self, e: &TExpr) -> Option<&Single> {
        let numbers = if e.is_scalar() { e.params() } else { &[] };
        numbers.iter().find_map(|n| self.params.get(*n as usize)?.single.as_ref())
    }

    /// Requires, of what is used as a matrix, that it is not one number that was given for it.
    pub(super) fn not_single(&mut self, e: &TExpr) -> Eval<()> {
        let Some(Single { name, given, declared }) = self.single(e).cloned() else { return Ok(()) };
        let [number, ty] = [given, declared].map(|loc| self.program.sources.line(loc));
        let message = format!("`{name}` must be an array, not one number");
        let d = Diagnostic::new(Code::E0201, message, given, "this is one number")
            .label(declared, format!("declared as `{ty}`"))
            .help(format!("`full([…], {number})` with the sizes of `{ty}` has it everywhere"));
        Err(self.fail(d))
    }

    /// Reports an error; for `return Err(cx.fail(…))`.
    pub fn fail(&mut self, diagnostic: Diagnostic) -> Stop {
        self.sink.push(diagnostic);
        Stop::Reported
    }

    /// Evaluates to an array or number.
    pub fn expr(&mut self, e: &ast::Expr, env: &Env) -> Eval<TExpr> {
        let value = self.eval(e, env)?;
        let loc = Loc { file: env.file, span: e.span };
        self.as_expr(value, loc)
    }

    /// A value as an array or number; lists of numbers become arrays.
    pub fn as_expr(&mut self, value: Val, loc: Loc) -> Eval<TExpr> {
        let what = match value {
            Val::Expr(e) => return Ok(e),
            Val::List(items) => return self.list(items, loc),
            Val::Str(_) => "a text",
            Val::Archive(..) => "an archive; name a member, as in `params.w0`",
            Val::Epoch { .. } => "an epoch; use its `.start`, `.end` or `.index`",
        };
        Err(self.fail(Diagnostic::new(
            Code::E0204,
            format!("a number or array is needed here, not {what}"),
            loc,
            "",
        )))
    }

    /// A list of numbers (or lists of equal length) as an array.
    fn list(&mut self, items: Vec<Val>, loc: Loc) -> Eval<TExpr> {
        let mut parts = Vec::new();
        for item in items {
            let part = self.as_expr(item, loc)?;
            let mut shape = vec![1];
            shape.extend(&part.shape);
            parts.push(part.reshape(shape));
        }
        if parts.is_empty() {
            return Ok(TExpr::constant(Tensor::int(vec![0], Vec::new())));
        }
        let parts = parts.into_iter().map(|p| self.folded(p, loc)).collect::<Eval<Vec<_>>>()?;
        TExpr::concat(parts, 0).map_err(|m| self.mismatch(m, loc, None))
    }

    /// Evaluates to a number or array that is known now; reads it from its file if need be.
    pub fn constant_expr(&mut self, e: &ast::Expr, env: &Env) -> Eval<TExpr> {
        let value = self.expr(e, env)?;
        self.constant(value, Loc { file: env.file, span: e.span })
    }

    /// Requires that an expression is known now, and gives all its elements: the program's form
    /// follows from its value.
    pub fn constant(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        let e = self.structural(e, loc)?;
        let kind = e.kind;
        match e.value().map(Constant::dense) {
            Some(Some(all)) => Ok(TExpr::literal(kind, Constant::Dense(all))),
            _ => Err(self.mismatch(super::expr::Mismatch::Enormous(e.shape), loc, None)),
        }
    }

    /// Requires that an expression is known now: the program's form follows from its value. The
    /// params that it depends on are structural from now on.
    pub fn structural(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        let e = self.loaded(e, loc)?;
        let kind = e.kind;
        if let (true, Some(value)) = (e.is_static(), e.value()) {
            let value = value.clone();
            self.decide_by(e.params());
            return Ok(TExpr::literal(kind, value));
        }
        Err(self.fail(
            Diagnostic::new(
                Code::E0205,
                "this must be known before the first step",
                loc,
                "depends on what happens when the network runs",
            )
            .help("use constants, parameters and data here"),
        ))
    }

    fn decide_by(&mut self, params: &[u32]) {
        for param in params {
            self.params[*param as usize].structural = true;
        }
    }

    /// A function of `t` with its params decided.
    pub fn timed(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        if e.params().is_empty() {
            return Ok(e);
        }
        for param in e.params().to_vec() {
            self.param_value(param, loc)?;
        }
        self.decide_by(e.params());
        Ok(e.with_params(&|n| Some(self.params[n as usize].value.clone())))
    }

    /// The value of a param, read from its file if need be.
    fn param_value(&mut self, number: u32, loc: Loc) -> Eval<Option<Constant>> {
        let value = self.params[number as usize].value.clone();
        let value = self.loaded(value, loc)?;
        self.params[number as usize].value = value.clone();
        Ok(value.value().cloned())
    }

    /// An expression that is known before the first step, with its value, read from files if
    /// need be.
    pub fn loaded(&mut self, e: TExpr, loc: Loc) -> Eval<TExpr> {
        if e.value().is_some() || !e.is_static() {
            return Ok(e);
        }
        Ok(match self.evaluated(&e, loc, &mut HashMap::new())? {
            Some(value) => e.with_value(value),
            None => e,
        })
    }

    fn evaluated(
        &mut self,
        e: &TExpr,
        loc: Loc,
        done: &mut HashMap<*const Node, Option<Constant>>,
    ) -> Eval<Option<Constant>> {
        if let Some(value) = e.value() {
            return Ok(Some(value.clone()));
        }
        let key = Arc::as_ptr(&e.node);
        if let Some(known) = done.get(&key) {
            return Ok(known.clone());
        }
        let value = match &*e.node {
            Node::Const(value) => Some(value.clone()),
            Node::File(dataset) => {
                let tensor = Constant::Dense(self.read(dataset, loc)?);
                Some(if e.kind == Kind::F32 { tensor.convert(e.kind) } else { tensor })
            }
            Node::Read(Leaf::Param(number)) => self.param_value(*number, loc)?,
            Node::Read(_) => None,
            Node::Apply(op, args) => {
                let mut values = Vec::new();
                for arg in args {
                    values.push(self.evaluated(arg, loc, done)?);
                }
                let values: Option<Vec<&Constant>> = values.iter().map(Option::as_ref).collect();
                let form = (e.kind, e.shape.as_slice());
                values.and_then(|values| evaluate::apply(op, form, &values))
            }
        };
        done.insert(key, value.clone());
        Ok(value)
    }

    /// Evaluates a bound of a declared range. It is made of the names of its module, and so the
    /// same for all instances.
    pub fn bound(&mut self, e: &ast::Expr, file: u32) -> Eval<f64> {
        let loc = Loc { file, span: e.span };
        if let Some(known) = self.bounds.get(&loc) {
            return Ok(*known);
        }
        let value = self.constant_expr(e, &Env::module(file))?.convert(Kind::F64);
        let bound = match value.as_const().map(|c| &c.values) {
            Some(Values::Float(v)) => v.first().copied().unwrap_or(0.0),
            _ => 0.0,
        };
        self.bounds.insert(loc, bound);
        Ok(bound)
    }

    /// Evaluates to a whole number.
    pub fn int(&mut self, e: &ast::Expr, env: &Env) -> Eval<i64> {
        let value = self.constant_expr(e, env)?;
        let loc = Loc { file: env.file, span: e.span };
        match value.as_int().filter(|_| value.is_scalar()) {
            Some(n) => Ok(n),
            None => {
                let message = "a whole number is needed here";
                let what = format!("this is {}", describe(&value));
                let d = Diagnostic::new(Code::E0204, message, loc, what);
                let fix = self.quotients(e, env);
                Err(self.fail(d.fix_with(DIV, fix)))
            }
        }
    }

    /// Evaluates to a size: a whole number that is not negative.
    pub fn size(&mut self, e: &ast::Expr, env: &Env) -> Eval<usize> {
        let n = self.int(e, env)?;
        usize::try_from(n).map_err(|_| {
            let loc = Loc { file: env.file, span: e.span };
            let what = format!("this is {n}");
            self.fail(Diagnostic::new(Code::E0204, "a size cannot be negative", loc, what))
        })
    }

    /// What a name of `env` or its module stands for.
    pub fn name(&mut self, name: &str, span: Span, env: &Env) -> Eval<Val> {
        if let Some(value) = env.names.get(name) {
            return Ok(value.clone());
        }
        if env.open.contains(name) {
            return Err(Stop::Open);
        }
        match self.program.lookup(env.file, name) {
            Some(Symbol::Item(at)) => self.item(at, Loc { file: env.file, span }),
            Some(Symbol::Module(_)) => {
                let loc = Loc { file: env.file, span };
                let message = format!("`{name}` is a file");
                Err(self.fail(
                    Diagnostic::new(Code::E0401, message, loc, "")
                        .help(format!("name something in it, as in `{name}.LIF`")),
                ))
            }
            None => Err(self.unknown_name(name, span, env)),
        }
    }

    /// Reports a name that stands for nothing.
    pub fn unknown_name(&mut self, name: &str, span: Span, env: &Env) -> Stop {
        if name == "t" {
            let loc = Loc { file: env.file, span };
            let message = "`t` is the step counter: it has a value only while the network runs";
            let d = Diagnostic::new(Code::E0205, message, loc, "not in a phase");
            return self.fail(d.help("use it in the statements and guards of phases"));
        }
        let loc = Loc { file: env.file, span };
        let paths = self.program.paths_in(env.file, name);
        let candidates = env.names.keys().chain(&paths).map(String::as_str);
        let d = Diagnostic::new(Code::E0401, format!("there is no `{name}`"), loc, "not found");
        self.fail(d.meant(name, candidates, loc))
    }

    /// The value of a constant, data item or epoch.
    pub fn item(&mut self, at: ItemRef, used: Loc) -> Eval<Val> {
        match self.items.get(&at) {
            Some(Some(known)) => return known.clone(),
            Some(None) => {
                return Err(self.fail(
                    Diagnostic::new(Code::E0404, "a constant depends on itself", used, "")
                        .help("give one of the constants in the circle a value of its own"),
                ));
            }
            None => {}
        }
        self.items.insert(at, None);
        let value = self.item_value(at, used);
        self.items.insert(at, Some(value.clone()));
        value
    }

    fn item_value(&mut self, at: ItemRef, used: Loc) -> Eval<Val> {
        let env = Env::module(at.file);
        let tree = self.program.tree(at);
        match &tree.items[at.item as usize].kind {
            ItemKind::Const(binding) | ItemKind::Data(binding)
                if at.file == 0 && self.arrays.contains_key(&binding.name.name) =>
            {
                let array = self.arrays[&binding.name.name].clone();
                Ok(Val::Expr(TExpr::constant(array)))
            }
            ItemKind::Const(binding) | ItemKind::Data(binding) => {
                let replaced = self.overrides.get(&binding.name.name).cloned();
                match replaced.filter(|_| at.file == 0) {
                    Some(value) => self.eval(&value, &env),
                    None => self.eval(&binding.value, &env),
                }
            }
            ItemKind::Epoch(epoch) => {
                let every = self.int(&epoch.every, &env)?;
                let offset = match &epoch.offset {
                    Some(e) => self.int(e, &env)?,
                    None => 0,
                };
                if every < 1 {
                    let loc = Loc { file: at.file, span: epoch.every.span };
                    let what = format!("this is {every}");
                    let message = "an epoch lasts at least one step";
                    return Err(self.fail(Diagnostic::new(Code::E0204, message, loc, what)));
                }
                Ok(Val::Epoch { every, start: (1 + offset).rem_euclid(every) })
            }
            other => {
                let (what, hint) = match other {
                    ItemKind::Process(_) => ("a process", "make an instance of it in a network"),
                    ItemKind::Network(_) => ("a network", "make an instance of it in a network"),
                    _ => ("a run", "runs are named on the command line: `--run NAME`"),
                };
                let message = format!("{what} is not a value");
                Err(self.fail(Diagnostic::new(Code::E0204, message, used, "").help(hint)))
            }
        }
    }

    /// The header of a data file.
    pub fn dataset(&mut self, source: DataSource, loc: Loc) -> Eval<Arc<Dataset>> {
        if let Some(known) = self.datasets.get(&source) {
            return Ok(Arc::clone(known));
        }
        let opened =
            snn_data::open(self.files, source.clone()).map_err(|e| self.data_error(e, loc))?;
        let dataset = Arc::new(opened);
        self.datasets.insert(source, Arc::clone(&dataset));
        Ok(dataset)
    }

    /// The data files that have been opened, by path.
    pub fn data(&self) -> Vec<PathBuf> {
        let paths: BTreeSet<&Path> = self.datasets.keys().map(DataSource::path).collect();
        paths.into_iter().map(Path::to_path_buf).collect()
    }

    /// All values of a data file.
    pub fn read(&mut self, dataset: &Dataset, loc: Loc) -> Eval<Arc<Tensor>> {
        if let Some(known) = self.tensors.get(&dataset.source) {
            return Ok(Arc::clone(known));
        }
        let tensor =
            Arc::new(snn_data::read(self.files, dataset).map_err(|e| self.data_error(e, loc))?);
        self.tensors.insert(dataset.source.clone(), Arc::clone(&tensor));
        Ok(tensor)
    }

    /// Reports why data cannot be read, at the place that names it.
    pub fn data_error(&mut self, error: DataError, loc: Loc) -> Stop {
        let mut diagnostic = Diagnostic::new(error.code, error.message, loc, "");
        diagnostic.helps.extend(error.help.map(Help::from));
        self.fail(diagnostic)
    }
}

/// A value in a few words: `f64[10, 3]`, `42`.
pub fn describe(e: &TExpr) -> String {
    if let (Some(value), true) = (e.value(), e.is_scalar()) {
        match &value.values().values {
            snn_ir::tensor::Values::Int(v) => {
                return v.first().map_or(String::new(), i64::to_string);
            }
            snn_ir::tensor::Values::Float(v) => {
                return v.first().map_or(String::new(), |x| format!("{x:?}"));
            }
            snn_ir::tensor::Values::Bool(_) => {}
        }
    }
    format!("{}{}", e.kind.name(), shape_text(&e.shape))
}

/// A shape as it is written after a type: `[2, 3]`; nothing for a scalar.
pub fn shape_text(shape: &[usize]) -> String {
    if shape.is_empty() { String::new() } else { format!("{shape:?}") }
}
