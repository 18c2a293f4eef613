//! Writes the code of loops and reductions.
//!
//! Integers are computed in 32 bits where the ranges of what an operation is applied to and of
//! its result allow it.

use super::array::Type;
use super::code::{Code, Operand, Place, Register, Step};
use super::constants::Constants;
use snn_ir::scalar::{FULL, Interval, Op, Scalar, of_bits};
use snn_ir::step::{
    Access, BufferId, Expr, ExprKind, Fit, Kind, Loop, Reduce, Source, StepIr, Stmt,
};
use std::collections::{BTreeMap, BTreeSet};

mod computed;

use computed::Computed;

impl Code {
    /// That of a loop. `constants` are the tensors that loops load.
    pub fn of_loop(ir: &StepIr, constants: &Constants, body: &Loop) -> Code {
        let mut writer = Writer::new(ir, constants, &body.domain, &accesses(body));
        for (at, stmt) in body.body.iter().enumerate() {
            writer.stmt(stmt, &body.body[at + 1..]);
        }
        writer.code(None)
    }

    /// The values that a reduction is made of, of a kind if one is given.
    pub fn of_reduce(
        ir: &StepIr,
        constants: &Constants,
        reduce: &Reduce,
        kind: Option<Kind>,
    ) -> Code {
        let mut accesses = Vec::new();
        loads(&reduce.value, &mut |access| accesses.push(access.clone()));
        let mut writer = Writer::new(ir, constants, &reduce.domain, &accesses);
        let mut value = writer.value(&reduce.value);
        if let Some(kind) = kind.filter(|kind| *kind != value.operand.ty().kind()) {
            value = writer.apply(Op::Convert(kind), kind, vec![value]);
        }
        let result = writer.spread(value.operand);
        writer.code(Some(result))
    }
}

/// The type that holds the elements of a buffer.
pub fn held(ir: &StepIr, buffer: BufferId) -> Type {
    let buffer = &ir.buffers[buffer.0 as usize];
    Type::of(buffer.elem.kind(), buffer.range)
}

/// Every access of a loop, those in indices included.
pub fn accesses(body: &Loop) -> Vec<Access> {
    let mut all = Vec::new();
    for stmt in &body.body {
        let mut note = |expr: &Expr| loads(expr, &mut |access| all.push(access.clone()));
        match stmt {
            Stmt::Let { value, .. } => note(value),
            Stmt::Store { to, value, mask, .. } => {
                note(value);
                mask.iter().for_each(&mut note);
                to.dynamic.iter().for_each(|d| note(&d.index));
                all.push(to.clone());
            }
        }
    }
    all
}

/// Every access of an expression, those in indices included.
pub fn loads(expr: &Expr, f: &mut dyn FnMut(&Access)) {
    match &expr.node {
        ExprKind::Load(access) => {
            access.dynamic.iter().for_each(|d| loads(&d.index, f));
            f(access);
        }
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| loads(e, f)),
        _ => {}
    }
}

/// The locals that an expression reads.
fn locals(expr: &Expr, found: &mut BTreeSet<u32>) {
    match &expr.node {
        ExprKind::Load(access) => access.dynamic.iter().for_each(|d| locals(&d.index, found)),
        ExprKind::Apply(_, operands) => operands.iter().for_each(|e| locals(e, found)),
        ExprKind::Local(n) => {
            found.insert(*n);
        }
        _ => {}
    }
}

/// What is known of the value of an expression.
#[derive(Clone, Copy)]
struct Value {
    operand: Operand,
    /// Bounds of an integer or boolean.
    range: Interval,
}

struct Writer<'i> {
    ir: &'i StepIr,
    constants: &'i Constants,
    /// The axes of the domain, where those that every access passes over in one are one.
    domain: Vec<usize>,
    /// For each, the axis of the loop's own whose strides it has.
    axes: Vec<usize>,
    locals: BTreeMap<u32, Value>,
    /// What was loaded, and is still the same.
    loaded: Vec<(Access, Value)>,
    /// What was computed, and is still the same.
    computed: Computed,
    /// Where the statement that is written has a mask.
    mask: Option<Operand>,
    registers: usize,
    steps: Vec<Step>,
}

impl<'i> Writer<'i> {
    fn new(
        ir: &'i StepIr,
        constants: &'i Constants,
        domain: &[usize],
        accesses: &[Access],
    ) -> Writer<'i> {
        let (mut sizes, mut axes): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (axis, size) in domain.iter().enumerate().filter(|(_, size)| **size != 1) {
            let follows = axes.last().is_some_and(|before: &usize| {
                accesses.iter().all(|a| stride(a, *before) == stride(a, axis) * *size as i64)
            });
            match (sizes.last_mut(), axes.last_mut()) {
                (Some(all), Some(last)) if follows => (*all, *last) = (*all * size, axis),
                _ => {
                    sizes.push(*size);
                    axes.push(axis);
                }
            }
        }
        Writer {
            ir,
            constants,
            domain: sizes,
            axes,
            locals: BTreeMap::new(),
            loaded: Vec::new(),
            computed: Computed::default(),
            mask: None,
            registers: 0,
            steps: Vec::new(),
        }
    }

    fn code(mut self, result: Option<Operand>) -> Code {
        let inner = self.domain.pop().unwrap_or(1);
        let mut code = Code { outer: self.domain, inner, steps: self.steps, result };
        code.reuse_registers();
        code
    }

    fn register(&mut self, ty: Type, per_row: bool) -> Register {
        self.registers += 1;
        // Rows of one element need no difference.
        let per_row = per_row && !self.domain.is_empty();
        Register { ty, number: self.registers, per_row }
    }

    fn stmt(&mut self, stmt: &Stmt, later: &[Stmt]) {
        match stmt {
            Stmt::Let { local, value, .. } => {
                let value = self.value(value);
                self.locals.insert(*local, value);
            }
            Stmt::Store { to, value, fit, mask } => {
                let Source::Buffer(buffer) = to.source else { panic!("a tensor is stored to") };
                self.hold(buffer, later);
                self.computed.bound();
                let mask = mask.as_ref().map(|mask| {
                    let mask = self.value(mask).operand;
                    let mask = self.spread(mask);
                    self.apart(mask, buffer)
                });
                let (begin, known) = (self.steps.len(), self.loaded.len());
                let computed = self.computed.len();
                self.mask = mask;
                let before = self.registers;
                let mut value = self.value(value);
                if let Kind::Int = value.operand.ty().kind() {
                    for op in self.fits(buffer, *fit) {
                        value = self.apply(op, Kind::Int, vec![value]);
                    }
                }
                let value = self.convert(value.operand, held(self.ir, buffer));
                let value = self.spread(value);
                let value = self.apart(value, buffer);
                let to = self.place(to);
                if !(to.in_order && mask.is_none() && self.put_directly(buffer, value, before)) {
                    self.steps.push(Step::Store { to, value, mask });
                }
                if let Some(mask) = mask {
                    // What was left out is not there for later statements.
                    self.loaded.truncate(known);
                    self.computed.truncate(computed);
                    let steps = self.steps.len() - begin;
                    self.steps.insert(begin, Step::Unless { mask, steps });
                }
                self.mask = None;
                self.computed.stored(buffer);
                self.loaded.retain(|(access, _)| {
                    let mut reads = access.source == Source::Buffer(buffer);
                    let mut note = |a: &Access| reads |= a.source == Source::Buffer(buffer);
                    access.dynamic.iter().for_each(|d| loads(&d.index, &mut note));
                    !reads
                });
            }
        }
    }

    /// Lets the operation that has just computed a value for the elements of a buffer put it
    /// there, if it does not read the buffer. Nothing else reads the value if its register is
    /// none of those `before` the statement.
    fn put_directly(&mut self, buffer: BufferId, value: Operand, before: usize) -> bool {
        let Some(Step::Apply { to, operands, .. }) = self.steps.last_mut() else { return false };
        let (Operand::Register(a), Operand::Register(b)) = (*to, value) else { return false };
        let reads = operands.iter().any(|o| matches!(o, Operand::Elements(id, _) if *id == buffer));
        if a != b || reads || b.number <= before {
            return false;
        }
        *to = Operand::Elements(buffer, b.ty);
        self.computed.moved(b);
        true
    }

    /// Before a buffer is stored to: takes the values of locals that are read where they lie in
    /// it, and will be read later.
    fn hold(&mut self, buffer: BufferId, later: &[Stmt]) {
        let mut used = BTreeSet::new();
        for stmt in later {
            match stmt {
                Stmt::Let { value, .. } => locals(value, &mut used),
                Stmt::Store { to, value, mask, .. } => {
                    locals(value, &mut used);
                    mask.iter().for_each(|mask| locals(mask, &mut used));
                    to.dynamic.iter().for_each(|d| locals(&d.index, &mut used));
                }
            }
        }
        for local in used {
            if let Some(value) = self.locals.get(&local).copied() {
                let operand = self.apart(value.operand, buffer);
                self.locals.insert(local, Value { operand, ..value });
            }
        }
    }

    /// An operand that does not lie in a buffer.
    fn apart(&mut self, operand: Operand, buffer: BufferId) -> Operand {
        match operand {
            Operand::Elements(of, ty) if of == buffer => {
                let to = self.register(ty, false);
                self.steps.push(Step::Spread { to, from: operand });
                Operand::Register(to)
            }
            other => other,
        }
    }

    /// What makes an integer fit that is stored: as the statement says, and as the element does.
    fn fits(&self, buffer: BufferId, fit: Fit) -> impl Iterator<Item = Op> + use<> {
        let own = self.ir.buffers[buffer.0 as usize].elem.fit();
        fit.op().into_iter().chain(own.op())
    }

    fn value(&mut self, expr: &Expr) -> Value {
        // A number that is given is what it is, here where nothing is kept for others.
        let number = expr.number(&self.ir.tensors);
        match number.as_ref().unwrap_or(&expr.node) {
            ExprKind::Int(value) => constant(Scalar::Int(*value).convert(expr.kind)),
            ExprKind::Float(value) => constant(Scalar::F64(*value).convert(expr.kind)),
            ExprKind::Local(n) => self.locals[n],
            ExprKind::Load(access) => self.load(access),
            ExprKind::Time => {
                let to = self.register(Type::Int, true);
                self.steps.push(Step::Time(to));
                Value { operand: Operand::Register(to), range: FULL }
            }
            ExprKind::Apply(op, operands) => {
                let operands = operands.iter().map(|e| self.value(e)).collect();
                self.apply(*op, expr.kind, operands)
            }
            ExprKind::Random { seed, site } => {
                let to = self.register(Type::F64, false);
                self.steps.push(Step::Random { to, seed: *seed, site: *site });
                Value { operand: Operand::Register(to), range: FULL }
            }
        }
    }

    fn load(&mut self, access: &Access) -> Value {
        let (ty, range) = match access.source {
            Source::Buffer(id) => (held(self.ir, id), self.ir.buffers[id.0 as usize].range),
            Source::Tensor(id) => self.constants.held(id.0),
        };
        if let (true, Source::Buffer(id)) = (self.in_order(access), access.source) {
            return Value { operand: Operand::Elements(id, ty), range };
        }
        if let Some((_, value)) = self.loaded.iter().find(|(known, _)| known == access) {
            return *value;
        }
        let from = self.place(access);
        let to = self.register(ty, from.inner == 0);
        self.steps.push(Step::Load { to, from });
        let value = Value { operand: Operand::Register(to), range };
        self.loaded.push((access.clone(), value));
        value
    }

    fn apply(&mut self, op: Op, kind: Kind, operands: Vec<Value>) -> Value {
        if let [only] = operands[..]
            && leaves(op, &only)
        {
            return only;
        }
        let bounds: Vec<Option<Interval>> = operands
            .iter()
            .map(|value| (!value.operand.ty().kind().is_float()).then_some(value.range))
            .collect();
        let range = op.interval(&bounds).unwrap_or(FULL);
        let constants: Option<Vec<Scalar>> = operands
            .iter()
            .map(|value| match value.operand {
                Operand::Constant(_, value) => Some(value),
                _ => None,
            })
            .collect();
        if let Some(value) = constants.and_then(|constants| op.eval(&constants)) {
            return constant(value);
        }
        let mut ty = Type::of(kind, range);
        let mut operands: Vec<Operand> = operands.iter().map(|value| value.operand).collect();
        if !matches!(op, Op::Convert(_)) {
            let narrow = ty != Type::Int && operands.iter().all(|o| o.ty() != Type::Int);
            let int = if narrow { Type::Narrow } else { Type::Int };
            if kind == Kind::Int {
                ty = int;
            }
            for operand in operands.iter_mut().filter(|o| o.ty().kind() == Kind::Int) {
                *operand = self.convert(*operand, int);
            }
        }
        let per_row = operands.iter().all(|operand| match operand {
            Operand::Constant(..) => true,
            Operand::Register(register) => register.per_row,
            Operand::Elements(..) => false,
        });
        if !per_row {
            operands = operands.into_iter().map(|operand| self.spread(operand)).collect();
        }
        if let Some(to) = self.computed.find(op, ty, &operands) {
            return Value { operand: Operand::Register(to), range };
        }
        let to = self.register(ty, per_row);
        self.computed.add(op, ty, &operands, to);
        self.steps.push(Step::Apply { to: Operand::Register(to), op, operands });
        Value { operand: Operand::Register(to), range }
    }

    /// An operand as one of another type of the same kind, which holds it.
    fn convert(&mut self, operand: Operand, ty: Type) -> Operand {
        match operand {
            same if same.ty() == ty => same,
            Operand::Constant(_, value) => Operand::Constant(ty, value),
            other => {
                let per_row = matches!(other, Operand::Register(register) if register.per_row);
                let to = self.register(ty, per_row);
                let (op, operands) = (Op::Convert(ty.kind()), vec![other]);
                self.steps.push(Step::Apply { to: Operand::Register(to), op, operands });
                Operand::Register(to)
            }
        }
    }

    /// An operand that has a value for each element.
    fn spread(&mut self, operand: Operand) -> Operand {
        match operand {
            Operand::Register(register) if register.per_row => {
                let to = self.register(register.ty, false);
                self.steps.push(Step::Spread { to, from: operand });
                Operand::Register(to)
            }
            other => other,
        }
    }

    /// Whether every element is the one that is computed, of a buffer of as many.
    fn in_order(&self, access: &Access) -> bool {
        let Source::Buffer(id) = access.source else { return false };
        let mut after = 1;
        let mut in_order = access.offset == 0 && access.dynamic.is_empty();
        for (axis, size) in self.axes.iter().zip(&self.domain).rev() {
            in_order &= stride(access, *axis) == after as i64;
            after *= size;
        }
        in_order && self.ir.buffers[id.0 as usize].len() == after
    }

    fn place(&mut self, access: &Access) -> Place {
        let mut outer: Vec<i64> = self.axes.iter().map(|axis| stride(access, *axis)).collect();
        let inner = outer.pop().unwrap_or(1);
        let dynamic = access.dynamic.iter().map(|d| {
            let index = self.value(&d.index).operand;
            (index, d.stride, d.extent)
        });
        let dynamic: Vec<_> = dynamic.collect();
        let mask = self.mask.filter(|_| !dynamic.is_empty());
        let (source, offset) = (access.source, access.offset);
        Place { source, in_order: self.in_order(access), offset, outer, inner, dynamic, mask }
    }
}

/// The stride along an axis: an index may have fewer axes, as it depends on none.
fn stride(access: &Access, axis: usize) -> i64 {
    access.strides.get(axis).copied().unwrap_or(0)
}

/// Whether an operation leaves such values as they are.
fn leaves(op: Op, value: &Value) -> bool {
    match op {
        Op::Convert(kind) => kind == value.operand.ty().kind(),
        Op::Wrap { bits, signed } | Op::Sat { bits, signed } => {
            let (lo, hi) = of_bits(bits, signed);
            lo <= value.range.0 && value.range.1 <= hi
        }
        _ => false,
    }
}

fn constant(value: Scalar) -> Value {
    let range = match value {
        Scalar::Bool(value) => (value.into(), value.into()),
        Scalar::Int(value) => (value, value),
        Scalar::F32(_) | Scalar::F64(_) => FULL,
    };
    Value { operand: Operand::Constant(Type::of(value.kind(), range), value), range }
}
