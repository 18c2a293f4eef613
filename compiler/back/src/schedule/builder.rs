//! Buffers, tensors and clocks of the step IR under construction, and the statements of a flat
//! network as ops, in its order.

use super::views::{Affine, Map};
use snn_ir::clock::Clock;
use snn_ir::data::DataSource;
use snn_ir::diagnostics::Loc;
use snn_ir::network::{self, Action, Body, Flat, Network, Param, Pick, Stmt, ValueId, VarKind};
use snn_ir::scalar;
use snn_ir::step::{
    self, Access, Buffer, BufferId, BufferKind, ClockId, DynamicIndex, Elem, Expr, ExprKind, Fit,
    Init, Kind, Loop, Op, OpKind, Reduce, Source, TensorId,
};
use snn_ir::tensor::{Constant, Tensor, Values, ops};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// An op with the statement it comes from.
#[derive(Clone, Debug)]
pub struct Step {
    /// The op.
    pub op: Op,
    /// The statement.
    pub loc: Loc,
}

/// The step IR under construction.
pub struct Builder<'g> {
    /// What is scheduled: a folded flat network.
    pub network: &'g Network,
    /// Its body.
    pub body: &'g Body,
    /// Buffers so far.
    pub buffers: Vec<Buffer>,
    /// Tensors so far.
    pub tensors: Vec<step::Tensor>,
    /// Clocks so far.
    pub clocks: Vec<Clock>,
    /// Ops so far, of the present phase.
    pub steps: Vec<Step>,
    /// The buffer of each variable.
    pub vars: Vec<BufferId>,
    /// The buffers of values that statements have fixed.
    pub(super) fixed: HashMap<ValueId, BufferId>,
    /// The buffers of values that the present statement has computed whole.
    pub(super) hoisted: HashMap<ValueId, BufferId>,
    /// Whether a value is the same all through a step: it depends on nothing that is stored.
    steady: Vec<bool>,
    /// The buffers of such values that statements of the present phase have computed whole, by when
    /// they did.
    pub(super) shared: HashMap<(ClockId, ValueId), BufferId>,
    /// Whether the present statement happens, where it may not.
    pub(super) shield: Option<Shield>,
    /// How deep in values that are computed whole.
    pub(super) depth: usize,
    pub(super) at: At,
    names: Names,
    pub(super) tensor_names: Names,
    /// The clocks of the network that have a number.
    numbered: BTreeMap<network::ClockId, ClockId>,
    pub(super) files: BTreeMap<(bool, DataSource), TensorId>,
    pub(super) known: HashMap<(bool, Elem, Constant), TensorId>,
    /// The numbers that are given, by slot.
    pub(super) numbers: BTreeMap<u32, TensorId>,
    /// Whether numbers that are given are spelled out at present.
    pub(super) spelled: bool,
}

/// The values that are the same all through a step.
fn steady(body: &Body) -> Vec<bool> {
    let mut steady: Vec<bool> = Vec::with_capacity(body.values.len());
    for value in &body.values {
        let own = match value.op {
            network::Op::Var(var) => body.vars[var as usize].kind == VarKind::Given,
            network::Op::Input(_) | network::Op::Random { .. } => false,
            _ => value.args.iter().all(|arg| steady[arg.at()]),
        };
        steady.push(own);
    }
    steady
}

/// Where the statement being lowered stands.
#[derive(Clone)]
pub(super) struct At {
    /// The dotted path of its process.
    pub origin: String,
    pub clock: ClockId,
    pub loc: Loc,
}

impl<'g> Builder<'g> {
    /// The key under which a value that is computed whole is shared with later statements: it is
    /// computed in every case, and the same for all of them.
    pub(super) fn shareable(&self, id: ValueId) -> Option<(ClockId, ValueId)> {
        (self.steady[id.at()] && self.shield.is_none()).then_some((self.at.clock, id))
    }

    /// Allocates the buffers of all variables.
    pub fn new(flat: &'g Flat) -> Builder<'g> {
        let (network, body) = (&flat.0, flat.body());
        let loc = network.instances[0].place;
        let mut builder = Builder {
            network,
            body,
            buffers: Vec::new(),
            tensors: Vec::new(),
            clocks: vec![Clock::always()],
            steps: Vec::new(),
            vars: Vec::new(),
            fixed: HashMap::new(),
            hoisted: HashMap::new(),
            steady: steady(body),
            shared: HashMap::new(),
            shield: None,
            depth: 0,
            at: At { origin: String::new(), clock: step::ALWAYS, loc },
            names: Names::default(),
            tensor_names: Names::default(),
            numbered: BTreeMap::new(),
            files: BTreeMap::new(),
            known: HashMap::new(),
            numbers: BTreeMap::new(),
            spelled: false,
        };
        let mut once = network::evaluate::Once::of(network, 0);
        for var in &body.vars {
            let elem = var.ty.storage();
            let (kind, shape) = match var.kind {
                VarKind::State | VarKind::Flight => (BufferKind::State, var.shape.clone()),
                VarKind::Given => (BufferKind::Given, var.shape.clone()),
                VarKind::Port => (BufferKind::Port, var.shape.clone()),
                VarKind::Queue { slots } => {
                    (BufferKind::Queue, std::iter::once(slots).chain(var.shape.clone()).collect())
                }
            };
            let init = match var.kind {
                VarKind::Queue { .. } => zero(elem),
                _ => match once.get(var.init).and_then(|c| c.dense()) {
                    Some(c) => {
                        let given = builder.given(var.init).map(|(_, param)| param);
                        builder.init(&c, &var.name, &var.shape, elem, given)
                    }
                    None => zero(elem),
                },
            };
            let buffer = builder.buffer(&var.name, kind, elem, shape, init);
            builder.vars.push(buffer);
        }
        builder
    }

    /// A new buffer; its name is made unique.
    pub fn buffer(
        &mut self,
        name: &str,
        kind: BufferKind,
        elem: Elem,
        shape: Vec<usize>,
        init: Init,
    ) -> BufferId {
        let unique = self.names.unique(name);
        let range = elem.bounds().unwrap_or((0, 0));
        self.buffers.push(Buffer { name: unique, kind, elem, shape, init, range });
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// A buffer for a value of this step.
    pub fn local(&mut self, name: &str, kind: Kind, shape: Vec<usize>) -> BufferId {
        let elem = storage(kind);
        let name = format!("{}.{name}", self.at.origin);
        self.buffer(&name, BufferKind::Local, elem, shape, zero(elem))
    }

    fn init(
        &mut self,
        c: &Tensor,
        name: &str,
        shape: &[usize],
        elem: Elem,
        given: Option<&Param>,
    ) -> Init {
        if c.len() != 1 && !uniform(c) {
            let constant = Constant::Dense(Arc::new(c.broadcast_to(shape)));
            return Init::Tensor(self.stored(&constant, &format!("{name}_init"), elem, given));
        }
        match &c.values {
            Values::Int(v) => Init::Int(v.first().copied().unwrap_or(0)),
            Values::Bool(v) => Init::Int(v.first().map_or(0, |b| i64::from(*b))),
            Values::Float(v) => Init::Float(v.first().copied().unwrap_or(0.0)),
        }
    }

    /// The number of a clock of the network in the step IR.
    pub fn clock(&mut self, id: network::ClockId) -> ClockId {
        if let Some(known) = self.numbered.get(&id) {
            return *known;
        }
        // The network has each clock once.
        let clock = self.network.clock(id);
        let number = match clock.is_always() {
            true => step::ALWAYS,
            false => {
                self.clocks.push(clock.clone());
                ClockId(self.clocks.len() as u32 - 1)
            }
        };
        self.numbered.insert(id, number);
        number
    }

    /// Adds an op of the current statement.
    pub fn push(&mut self, kind: OpKind) {
        let op = Op { clock: self.at.clock, kind, origin: self.at.origin.clone() };
        self.steps.push(Step { op, loc: self.at.loc });
    }

    /// Adds a loop with one store.
    pub fn store(
        &mut self,
        domain: Vec<usize>,
        to: Access,
        value: Expr,
        mask: Option<Expr>,
        fit: Fit,
    ) {
        let body = vec![step::Stmt::Store { to, value, fit, mask }];
        self.push(OpKind::Loop(Loop { domain, body, locals: 0 }));
    }

    /// Lowers the statements of a phase.
    pub fn phase(&mut self, stmts: &[Stmt]) -> Vec<Step> {
        self.shared.clear();
        for stmt in stmts {
            let clock = self.clock(stmt.clock);
            self.at = At { origin: self.origin(&stmt.action), clock, loc: stmt.place };
            self.hoisted.clear();
            self.shield = None;
            self.stmt(stmt);
        }
        std::mem::take(&mut self.steps)
    }

    /// The dotted path of the process that a statement comes from.
    fn origin(&self, action: &Action) -> String {
        let body = self.body;
        let name = match action {
            Action::Store { var, .. } => body.vars[*var as usize].name.as_str(),
            Action::Eval(value) => body.values[value.at()].name.as_deref().unwrap_or_default(),
            // Who sends.
            Action::Push { value, .. } => match body.values[value.at()].op {
                network::Op::Var(var) => body.vars[var as usize].name.as_str(),
                _ => "",
            },
            // Who receives.
            Action::Pop(value) => match body.values[value.at()].op {
                network::Op::Var(var) => {
                    let name = body.vars[var as usize].name.as_str();
                    name.split("_from_").next().unwrap_or(name)
                }
                _ => "",
            },
            Action::Read(_) | Action::Receive(_) | Action::Send { .. } => "",
        };
        name.rsplit_once('.').map_or("", |(path, _)| path).to_string()
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.action {
            Action::Eval(value) => self.eval(*value, stmt.guard),
            Action::Store { var, region, value, mask } => {
                self.assign(*var, region, *value, stmt.guard, *mask);
            }
            Action::Push { var, value } => {
                let shape = self.body.vars[*var as usize].shape.clone();
                let lowered = self.value(*value, &shape);
                let queue = self.vars[*var as usize];
                let elem = self.buffers[queue.0 as usize].elem;
                let from = match self.contiguous(&lowered, &shape) {
                    Some(from) if self.buffers[from.0 as usize].elem == elem => from,
                    _ => {
                        let name = format!("{}.message", self.at.origin);
                        let from =
                            self.buffer(&name, BufferKind::Local, elem, shape.clone(), zero(elem));
                        let access = Affine::identity(&shape).access(Source::Buffer(from));
                        let fit = self.fit(*var, &lowered);
                        self.store(shape, access, lowered, None, fit);
                        from
                    }
                };
                self.push(OpKind::Push { queue, from });
            }
            Action::Pop(value) => {
                let network::Op::Var(var) = self.body.values[value.at()].op else { return };
                let queue = self.vars[var as usize];
                let of = &self.body.vars[var as usize];
                let (elem, shape) = (of.ty.storage(), of.shape.clone());
                let name = of.name.strip_suffix("_queue").unwrap_or(&of.name).to_string();
                let to = self.buffer(&name, BufferKind::Port, elem, shape, zero(elem));
                self.fixed.insert(*value, to);
                self.push(OpKind::Pop { queue, to });
            }
            // What is read is loaded where it is needed.
            Action::Read(_) | Action::Receive(_) | Action::Send { .. } => {}
        }
    }

    /// Computes a value where it stands, and keeps it.
    fn eval(&mut self, value: ValueId, guard: Option<ValueId>) {
        let of = &self.body.values[value.at()];
        let name = of.name.as_deref().unwrap_or("value");
        let name = name.rsplit('.').next().unwrap_or(name).to_string();
        let (kind, shape) = (of.kind, of.shape.clone());
        let Some(guard) = guard else {
            let buffer = self.local(&name, kind, shape);
            self.fill(buffer, value, None);
            self.fixed.insert(value, buffer);
            return;
        };
        // Zeros where the statement does not happen; an index in it is not computed then.
        let holds = self.scalar(guard, 0);
        self.shield = Some(Shield::Expr(holds, Vec::new()));
        let holds = self.scalar(guard, shape.len());
        let computed = self.value(value, &shape);
        let buffer = self.local(&name, kind, shape.clone());
        self.keep(buffer, shape, computed, Some(holds));
        self.fixed.insert(value, buffer);
    }

    /// What a store into a variable does with a value.
    fn fit(&self, var: u32, value: &Expr) -> Fit {
        if value.kind == Kind::Int { self.body.vars[var as usize].ty.fit() } else { Fit::Exact }
    }

    fn assign(
        &mut self,
        var: u32,
        region: &[Pick],
        value: ValueId,
        guard: Option<ValueId>,
        mask: Option<ValueId>,
    ) {
        let target = self.vars[var as usize];
        let full = self.body.vars[var as usize].shape.clone();
        let whole = region.iter().zip(&full).all(|(pick, n)| *pick == Pick::Range(0, *n));
        if whole
            && guard.is_none()
            && mask.is_none()
            && let Some(outer) = self.outer(var, value)
        {
            self.push(OpKind::Outer(outer));
            return;
        }
        let sizes = region.iter().filter_map(|pick| match pick {
            Pick::Range(lo, hi) => Some(hi - lo),
            _ => None,
        });
        let shape: Vec<usize> = sizes.collect();
        let rank = shape.len();
        if let Some(guard) = guard {
            let holds = self.scalar(guard, 0);
            self.shield = Some(Shield::Expr(holds, Vec::new()));
        }
        let guard = guard.map(|g| self.scalar(g, rank));
        let mask = mask.map(|m| {
            let mask = self.value(m, &shape);
            match &guard {
                // An index in the mask is computed only where the statement happens.
                Some(guard) if computes_index(&mask) => {
                    let buffer = self.local("mask", Kind::Bool, shape.clone());
                    self.keep(buffer, shape.clone(), mask, Some(guard.clone()));
                    self.load(buffer, &Map::broadcast(&shape, &shape), rank, Kind::Bool)
                }
                Some(guard) => Expr::apply(scalar::Op::And, vec![guard.clone(), mask]),
                None => mask,
            }
        });
        let mut mask = mask.or(guard);
        if let Some(mask) = &mask {
            self.shield = Some(Shield::Expr(mask.clone(), shape.clone()));
        }
        let mut position = Affine::zero(rank);
        let mut axis = 0;
        for ((pick, stride), extent) in region.iter().zip(ops::strides(&full)).zip(&full) {
            let (stride, extent) = (stride as i64, *extent);
            match pick {
                Pick::At(i) => position.offset += *i as i64 * stride,
                Pick::Range(lo, _) => {
                    position.offset += *lo as i64 * stride;
                    position.strides[axis] += stride;
                    axis += 1;
                }
                Pick::Computed(index) => {
                    let index = self.index(target, *index, rank);
                    position.dynamic.push(DynamicIndex { index, stride, extent });
                }
            }
        }
        let to = position.access(Source::Buffer(target));
        let mut computed = self.value(value, &shape);
        // All that is needed is read before anything is stored.
        if mask.as_ref().is_some_and(|m| hazard(m, &to)) {
            let buffer = self.local("mask", Kind::Bool, shape.clone());
            let access = Affine::identity(&shape).access(Source::Buffer(buffer));
            self.store(
                shape.clone(),
                access,
                mask.take().unwrap_or(nothing(Kind::Bool)),
                None,
                Fit::Exact,
            );
            mask = Some(self.load(buffer, &Map::broadcast(&shape, &shape), rank, Kind::Bool));
        }
        if hazard(&computed, &to) {
            let kind = computed.kind;
            let buffer = self.local("value", kind, shape.clone());
            let holds = mask.clone().filter(|_| computes_index(&computed));
            self.keep(buffer, shape.clone(), computed, holds);
            computed = self.load(buffer, &Map::broadcast(&shape, &shape), rank, kind);
        }
        let fit = self.fit(var, &computed);
        self.store(shape, to, computed, mask, fit);
    }

    /// An index of an assignment to `target`; it is evaluated at every element.
    fn index(&mut self, target: BufferId, index: ValueId, rank: usize) -> Expr {
        let evaluated = self.spelled(true, |b| b.scalar(index, rank));
        let mut reads = false;
        super::walk::loads(&evaluated, &mut |a| reads |= a.source == Source::Buffer(target));
        if !reads {
            return evaluated;
        }
        let once = self.spelled(true, |b| b.scalar(index, 0));
        let holds = match computes_index(&once) {
            true => self.happens().map(|b| self.load(b, &Map::Axes(Vec::new()), 0, Kind::Bool)),
            false => None,
        };
        let buffer = self.local("index", Kind::Int, Vec::new());
        self.keep(buffer, Vec::new(), once, holds);
        self.load(buffer, &Map::Axes(Vec::new()), rank, Kind::Int)
    }

    /// Computes a value into a buffer of its shape; where it computes an index, only if `holds`
    /// does, if that is given, and zeros elsewhere.
    pub(super) fn fill(&mut self, buffer: BufferId, value: ValueId, holds: Option<Expr>) {
        let shape = self.body.values[value.at()].shape.clone();
        let computed = self.value(value, &shape);
        self.keep(buffer, shape, computed, holds);
    }

    /// Stores an expression into a buffer of its shape, zeros where `holds` is given and does
    /// not hold.
    fn keep(&mut self, buffer: BufferId, shape: Vec<usize>, computed: Expr, holds: Option<Expr>) {
        let access = Affine::identity(&shape).access(Source::Buffer(buffer));
        let kind = computed.kind;
        match holds {
            None => self.store(shape, access, computed, None, Fit::Exact),
            Some(holds) if computes_index(&computed) => {
                self.store(shape.clone(), access.clone(), nothing(kind), None, Fit::Exact);
                self.store(shape, access, computed, Some(holds), Fit::Exact);
            }
            Some(holds) => {
                let operands = vec![holds, computed, nothing(kind)];
                let chosen = Expr::apply(scalar::Op::Select, operands);
                self.store(shape, access, chosen, None, Fit::Exact);
            }
        }
    }

    /// Whether the present statement happens, in a scalar buffer; none where it always does.
    pub(super) fn happens(&mut self) -> Option<BufferId> {
        let (holds, domain) = match self.shield.take()? {
            Shield::Buffer(buffer) => {
                self.shield = Some(Shield::Buffer(buffer));
                return Some(buffer);
            }
            Shield::Expr(holds, domain) => (holds, domain),
        };
        let buffer = self.local("happens", Kind::Bool, Vec::new());
        if domain.is_empty() {
            let access = Affine::identity(&[]).access(Source::Buffer(buffer));
            self.store(Vec::new(), access, holds, None, Fit::Exact);
        } else {
            let any = Reduce::all(step::ReduceOp::Max, domain, holds, buffer);
            self.push(OpKind::Reduce(any));
        }
        self.shield = Some(Shield::Buffer(buffer));
        Some(buffer)
    }

    /// A load from a buffer, in a loop over `rank` axes.
    pub fn load(&mut self, buffer: BufferId, map: &Map, rank: usize, kind: Kind) -> Expr {
        let shape = self.buffers[buffer.0 as usize].shape.clone();
        let access = map.position(&shape, rank).access(Source::Buffer(buffer));
        let loaded = self.buffers[buffer.0 as usize].elem.kind();
        let load = Expr { kind: loaded, node: ExprKind::Load(access) };
        super::views::converted(load, kind)
    }
}

/// Names that are taken.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, u64>);

impl Names {
    /// The name, or with the first number after it that makes it new: `v`, `v_2`, `v_3`.
    pub(super) fn unique(&mut self, name: &str) -> String {
        // How often the name was asked for: the numbers before that are taken.
        let mut n = self.0.get(name).copied().unwrap_or(0);
        loop {
            n += 1;
            let unique = if n == 1 { name.to_string() } else { format!("{name}_{n}") };
            if n > 1 && self.0.contains_key(&unique) {
                continue;
            }
            self.0.insert(name.to_string(), n);
            if n > 1 {
                self.0.insert(unique.clone(), 1);
            }
            return unique;
        }
    }
}

/// Whether the present statement happens, where it may not: for parts of it that are computed
/// whole.
#[derive(Clone)]
pub(super) enum Shield {
    /// Where some element of this, over a domain, holds.
    Expr(Expr, Vec<usize>),
    /// As this scalar says.
    Buffer(BufferId),
}

/// Zero of a kind.
fn nothing(kind: Kind) -> Expr {
    let node = if kind.is_float() { ExprKind::Float(0.0) } else { ExprKind::Int(0) };
    Expr { kind, node }
}

/// How values of a kind are kept for the rest of a step.
pub fn storage(kind: Kind) -> Elem {
    match kind {
        Kind::Bool => Elem::Bool,
        Kind::Int => Elem::I64,
        Kind::F32 => Elem::F32,
        Kind::F64 => Elem::F64,
    }
}

fn zero(elem: Elem) -> Init {
    match elem.kind() {
        Kind::F32 | Kind::F64 => Init::Float(0.0),
        _ => Init::Int(0),
    }
}

fn uniform(t: &Tensor) -> bool {
    match &t.values {
        Values::Int(v) => v.windows(2).all(|w| w[0] == w[1]) && !v.is_empty(),
        Values::Bool(v) => v.windows(2).all(|w| w[0] == w[1]) && !v.is_empty(),
        Values::Float(v) => v.windows(2).all(|w| w[0].to_bits() == w[1].to_bits()) && !v.is_empty(),
    }
}

/// Whether an expression reads the stored buffer elsewhere than at the element being stored, whose
/// indices do not read it.
fn hazard(e: &Expr, to: &Access) -> bool {
    let mut found = false;
    super::walk::loads(e, &mut |access| {
        found |= access.source == to.source && access != to;
    });
    found
}

fn computes_index(e: &Expr) -> bool {
    let mut found = false;
    super::walk::loads(e, &mut |access| found |= !access.dynamic.is_empty());
    found
}
