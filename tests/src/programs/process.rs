//! Processes and their models.

use super::clocks::{PHASES, Steps, Use};
use super::design::{Argument, Design, I32, Port, SPIKE, TYPES, Variant};
use super::maker::{Maker, Name, Role, Scope};
use super::tree::{Kind, Line, Phase, Process, Shape, Stmt, Ty, form};

/// Shapes of processes.
const SHAPES: [&[usize]; 10] =
    [&[3], &[4], &[2, 3], &[3, 3], &[2, 2], &[6], &[], &[2, 2, 2], &[16], &[33]];

/// A process while it is made.
struct Draft {
    process: Process,
    scope: Scope,
    shape: Shape,
    /// Its shape as it is declared: `*s`, `m, n`, `3, 4`.
    dims: String,
    /// A parameter that decides something of its form.
    structural: Option<&'static str>,
}

impl Draft {
    /// A type as it is declared.
    fn declared(&self, maker: &mut Maker<'_>, ty: Ty, shape: &[usize]) -> String {
        let numbers: Vec<String> = shape.iter().map(usize::to_string).collect();
        let dims = if shape == self.shape { self.dims.clone() } else { numbers.join(", ") };
        let dims = if shape.is_empty() { String::new() } else { format!("[{dims}]") };
        let policy = if ty.policy.is_empty() { String::new() } else { format!(" {}", ty.policy) };
        match !policy.is_empty() && maker.one_in(4) {
            true => format!("{}{dims}{policy}", ty.name),
            false => format!("{}{policy}{dims}", ty.name),
        }
    }
}

impl Maker<'_> {
    /// A type.
    pub(super) fn ty(&mut self) -> Ty {
        let ty = self.pick(&TYPES);
        self.mark(match (ty.name, ty.policy) {
            ("spike", _) => "type spike",
            ("bool", _) => "type bool",
            ("f32", _) => "type f32",
            ("f64", _) => "type f64",
            ("int", _) => "type int",
            ("i64", _) => "type i64",
            ("i32", "") => "type i32",
            ("u32", "") => "type u32",
            (_, "") => "type iN exact",
            (name, "wrap") if name.starts_with('i') => "type iN wrap",
            (name, _) if name.starts_with('i') => "type iN sat",
            (_, "wrap") => "type uN wrap",
            _ => "type uN sat",
        });
        ty
    }

    /// Steps that repeat within an epoch, mostly all.
    pub(super) fn steps(&mut self) -> Steps {
        if !self.one_in(4) {
            return Steps::always();
        }
        let divisors: Vec<u64> =
            (2..=self.epoch as u64).filter(|n| (self.epoch as u64).is_multiple_of(*n)).collect();
        let period = self.pick(&divisors);
        let mut rests = vec![self.below(period as usize) as u64];
        if period > 2 && self.one_in(3) {
            let other = (rests[0] + 1 + self.below(period as usize - 1) as u64) % period;
            rests.push(other);
        }
        let late = self.one_in(4);
        let mut steps = Steps { prefix: 0, period, rests };
        if late {
            self.mark("late start");
            steps = Steps { prefix: 1 + self.below(4) as u64, ..Steps::always() };
        }
        steps
    }

    /// A process with its models.
    pub(super) fn process(&mut self) -> (Vec<Process>, Design) {
        let name = self.name("P");
        let shape = self.pick(&SHAPES).to_vec();
        let uniform = !shape.is_empty() && self.one_in(3);
        let open = uniform || !shape.is_empty() && shape.len() <= 2 && self.one_in(2);
        let dims = match (uniform, open, shape.len()) {
            (true, ..) => "*s".to_string(),
            (_, true, 1) => "n".into(),
            (_, true, _) => "m, n".into(),
            _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        self.mark(match (uniform, open) {
            (true, _) => "shape spread",
            (_, true) => "shape one",
            _ => "shape given",
        });
        let scope = Scope { uniform: uniform.then(|| shape.clone()), ..Scope::default() };
        let elsewhere = self.one_in(6);
        let process = Process {
            head: String::new(),
            name: name.clone(),
            members: Vec::new(),
            phases: Vec::new(),
            elsewhere,
        };
        let mut draft = Draft { process, scope, shape: shape.clone(), dims, structural: None };
        let (params, arguments) = self.parameters(&mut draft);
        let brackets = if open { format!("[{}]", draft.dims) } else { String::new() };
        draft.process.head = format!("process {name}{brackets}{params}");
        if !elsewhere {
            draft
                .scope
                .names
                .extend(self.items.iter().filter(|i| !uniform || i.shape.is_empty()).cloned());
        } else {
            self.mark("elsewhere");
        }
        self.constants(&mut draft);
        let known = draft.scope.clone();
        let mut variant = self.variant(&mut draft, None);
        let mut processes = vec![draft.process.clone()];
        let mut arguments = arguments;
        if self.one_in(4)
            && let Some((var, false)) = variant.vars.first().cloned()
        {
            let of = draft.scope.names.iter().find(|n| n.text == var).map_or(Kind::Int, |n| n.kind);
            arguments.push(Argument::Init(var, of));
        }
        let mut variants = Vec::new();
        if self.one_in(5) {
            // The same process with other types: ports keep their names and shapes.
            self.mark("model of process");
            let tag = self.pick(&["alt", "fixed_pt", "floating_pt"]);
            let mut model = Draft {
                process: Process {
                    head: format!("model {tag} of {name}"),
                    name: name.clone(),
                    members: Vec::new(),
                    phases: Vec::new(),
                    elsewhere,
                },
                scope: known,
                shape: shape.clone(),
                dims: draft.dims.clone(),
                structural: None,
            };
            variants.push(self.model(&mut model, &variant, tag));
            processes.push(model.process);
        }
        variant.tag = None;
        variants.insert(0, variant);
        let used = if elsewhere { format!("lib.{name}") } else { name };
        let design = Design { name: used, variants, uniform, shape, open, arguments, keeps: false };
        (processes, design)
    }

    fn parameters(&mut self, draft: &mut Draft) -> (String, Vec<Argument>) {
        let mut texts = Vec::new();
        let mut arguments = Vec::new();
        if self.one_in(2) {
            let bounds = self.pick(&[(0, 255), (-8, 9), (1, 4)]);
            let default = self.int_within(bounds);
            self.mark("parameter range");
            let range = match self.one_in(2) {
                true => format!(" in {}..={}", bounds.0, bounds.1),
                false => format!(" in {}..{}", bounds.0, bounds.1 + 1),
            };
            let ty = self.pick(&["int", "i32", "i16"]);
            texts.push(format!("k: {ty} = {default}{range}"));
            arguments.push(Argument::Int("k", bounds));
            draft.scope.names.push(known("k", Kind::Int, &[]));
        }
        if self.one_in(4) {
            texts.push("g = 3".into());
            arguments.push(Argument::Int("g", (-100, 100)));
            draft.scope.names.push(known("g", Kind::Int, &[]));
        }
        if self.one_in(4) {
            self.mark("parameter float");
            let default = self.float_text();
            texts.push(format!("f: f64 = {default}"));
            arguments.push(Argument::Float("f"));
            draft.scope.names.push(known("f", Kind::F64, &[]));
        }
        if self.one_in(4)
            && draft.scope.uniform.is_none()
            && !draft.shape.is_empty()
            && !draft.dims.contains('n')
        {
            self.mark("parameter array");
            // What is one number for all elements may also be given as an array.
            texts.push(format!("w: int[{}] = zeros([{}])", draft.dims, draft.dims));
            arguments.push(Argument::Array("w"));
            draft.scope.names.push(known("w", Kind::Int, &draft.shape.clone()));
        }
        if self.one_in(4) {
            self.mark("structural parameter");
            let kind = self.pick(&["size", "period", "mode"]);
            texts.push(format!("{kind}: int = {} in 1..=4", 1 + self.below(4)));
            arguments.push(Argument::Int(kind, (1, 4)));
            if kind == "size" {
                let ty = self.pick(&["i32", "int", "i16 wrap"]);
                draft.process.members.push(Line::of(format!("var z: {ty}[size] = 1")));
            }
            draft.structural = Some(kind);
        }
        let text = if texts.is_empty() { String::new() } else { format!("({})", texts.join(", ")) };
        (text, arguments)
    }

    fn constants(&mut self, draft: &mut Draft) {
        for _ in 0..self.below(3) {
            self.mark("process constant");
            let name = self.name("c");
            let kind = self.pick(&[Kind::Int, Kind::Int, Kind::F64, Kind::Bool]);
            let shape = match self.one_in(2) {
                true => Vec::new(),
                false => draft.shape.clone(),
            };
            let scope = Scope { known: true, ..draft.scope.clone() };
            let value = self.exact(&scope, kind, &shape, 2);
            draft.process.members.push(Line::with(format!("const {name} = "), value));
            draft.scope.names.push(known(&name, kind, &shape));
        }
        if self.one_in(5) && draft.scope.uniform.is_none() {
            let name = self.name("table");
            draft.process.members.push(Line::of(format!("const {name} = arange(16) * 3 - 5")));
            draft.scope.names.push(known(&name, Kind::Int, &[16]));
        }
    }

    /// State.
    fn variables(&mut self, draft: &mut Draft) -> Vec<(String, bool)> {
        let mut vars = Vec::new();
        for i in 0..1 + self.below(4) {
            let ty = self.ty();
            let shape = match self.below(7) {
                0 if i > 0 => Vec::new(),
                3..=6
                    if draft.scope.uniform.is_none()
                        && self.may.variable_weights
                        && draft.shape.len() == 3 =>
                {
                    vec![draft.shape[2], 1 + self.below(2), 1 + self.below(2), 1 + self.below(2)]
                }
                6 if draft.scope.uniform.is_none()
                    && self.may.variable_weights
                    && (1..3).contains(&draft.shape.len()) =>
                {
                    [&draft.shape[..], &[1 + self.below(5)]].concat()
                }
                1 if draft.scope.uniform.is_none() => vec![16],
                2 if draft.scope.uniform.is_none() && draft.shape.len() < 3 => {
                    [&[1 + self.below(4)], &draft.shape[..]].concat()
                }
                _ => draft.shape.clone(),
            };
            vars.push((self.variable(draft, ty, &shape), false));
            if self.one_in(6) {
                self.mark("buffer");
                vars.last_mut().into_iter().for_each(|v| v.1 = true);
                draft.process.members.last_mut().into_iter().for_each(|line| {
                    line.text = line.text.replacen("var ", "buffer ", 1);
                });
            }
        }
        vars
    }

    fn variable(&mut self, draft: &mut Draft, ty: Ty, shape: &[usize]) -> String {
        let name = self.name("v");
        let declared = draft.declared(self, ty, shape);
        let (lo, hi) = ty.bounds();
        let init = match (ty.kind, self.below(5)) {
            (_, 0) => None,
            (Kind::Int, 1) if !shape.is_empty() && lo < 0 && hi > 9 => {
                self.mark("array initial value");
                let s = draft.scope.shape(shape);
                Some(
                    form!(Kind::Int, shape; format!("uniform(-9, 10, shape: {s}, seed: {})", self.below(99))),
                )
            }
            (Kind::Int, 2..) => Some(form!(Kind::Int, []; self.int_within((lo, hi)).to_string())),
            (Kind::F64 | Kind::F32, 1) if !shape.is_empty() => {
                Some(self.constant(&draft.scope.clone(), Kind::F64, shape))
            }
            (Kind::F64 | Kind::F32, _) => Some(form!(Kind::F64, []; self.float_text())),
            (Kind::Bool, _) => Some(self.constant(&draft.scope.clone(), Kind::Bool, shape)),
            _ => None,
        };
        draft.process.members.push(match init {
            Some(init) => Line::with(format!("var {name}: {declared} = "), init),
            None => Line::of(format!("var {name}: {declared}")),
        });
        let (kind, shape) = (ty.kind, shape.to_vec());
        draft.scope.names.push(Name { text: name.clone(), kind, shape, role: Role::Var(ty) });
        name
    }

    /// Ports, state and phases.
    fn variant(&mut self, draft: &mut Draft, tag: Option<&'static str>) -> Variant {
        let mut vars = self.variables(draft);
        if draft.structural == Some("size") {
            vars.push(("z".into(), false));
            let seen = self.pick(&["sum(z)", "z[size - 1]", "argmax(z)", "max(z)"]);
            draft.scope.names.push(Name {
                text: seen.into(),
                kind: Kind::Int,
                shape: Vec::new(),
                role: Role::Read,
            });
        }
        let (counter, count) = (self.one_in(4), self.one_in(4));
        if counter && self.may.narrow_counters {
            let bits = self.pick(&[(2, "u2"), (4, "u4"), (1, "u1")]);
            let name = self.name("k");
            draft.process.members.push(Line::of(format!("var {name}: {} wrap = 0", bits.1)));
            let role = Role::Counter(1 << bits.0);
            draft.scope.names.push(Name {
                text: name.clone(),
                kind: Kind::Int,
                shape: vec![],
                role,
            });
            vars.push((name, false));
        }
        if count {
            let name = self.name("n");
            draft.process.members.push(Line::of(format!("var {name}: int = 0")));
            let role = Role::Count;
            draft.scope.names.push(Name {
                text: name.clone(),
                kind: Kind::Int,
                shape: vec![],
                role,
            });
            vars.push((name, false));
        }
        let phases = self.phases();
        let (mut ins, mut outs) = (Vec::new(), Vec::new());
        for _ in 0..1 + self.below(2) {
            outs.push(self.port(draft, "out", &phases));
        }
        for _ in 0..self.below(3) {
            ins.push(self.port(draft, "in", &phases));
        }
        let delays = self.one_in(2);
        self.bodies(draft, &phases, &ins, &outs, delays);
        Variant { tag, ins, outs, delays, vars, results: Vec::new() }
    }

    /// The phases of a process, each with its steps.
    fn phases(&mut self) -> Vec<Use> {
        let mut phases: Vec<Use> = Vec::new();
        for phase in 0..PHASES.len() {
            let wanted = if phase == 0 { !self.one_in(6) } else { self.one_in(5) };
            if wanted || phase == 3 && phases.is_empty() {
                phases.push(Use { phase, steps: self.steps() });
            }
        }
        phases
    }

    fn port(&mut self, draft: &mut Draft, direction: &str, phases: &[Use]) -> Port {
        let ty = match self.one_in(2) {
            true => self.pick(&[I32, I32, I32, SPIKE]),
            false => self.ty(),
        };
        let name = self.name(if direction == "in" { "x" } else { "o" });
        let shape = match self.one_in(6) {
            true if !draft.shape.is_empty() => Vec::new(),
            _ => draft.shape.clone(),
        };
        let declared = draft.declared(self, ty, &shape);
        draft.process.members.push(Line::of(format!("{direction} {name}: {declared}")));
        let at = self.pick(phases);
        let adds = ty.kind != Kind::Bool || self.may.fan_in_of_bits || self.one_in(2);
        Port { name, ty, shape, at, adds }
    }

    /// The phases' statements.
    fn bodies(
        &mut self,
        draft: &mut Draft,
        phases: &[Use],
        ins: &[Port],
        outs: &[Port],
        delays: bool,
    ) {
        for at in phases {
            self.mark(match at.phase {
                0 => "phase spk",
                1 => "phase pre_mgmt",
                2 => "phase lrn",
                _ => "phase post_mgmt",
            });
            let mut scope = draft.scope.clone();
            let mut body = Vec::new();
            let mine = |p: &&Port| p.at == *at;
            // What was last sent may be read anywhere.
            for port in outs {
                if self.one_in(if self.each { 12 } else { 3 }) {
                    self.mark("own port");
                    let (kind, shape) = (port.ty.kind, port.shape.clone());
                    let (text, role) = (port.name.clone(), Role::Read);
                    scope.names.push(Name { text, kind, shape, role });
                }
            }
            if delays {
                outs.iter().filter(mine).for_each(|p| self.send(&mut scope, p, &mut body));
            }
            for port in ins.iter().filter(mine) {
                self.receive(&mut scope, port, &mut body);
            }
            body.extend(self.block(&mut scope, 3, 0));
            if !delays {
                outs.iter().filter(mine).for_each(|p| self.send(&mut scope, p, &mut body));
                if self.one_in(3) {
                    body.extend(self.block(&mut scope, 2, 0));
                }
            }
            if at.phase == phases[0].phase
                && let Some(kind) = draft.structural
            {
                let stmt = self.decided(&scope, kind);
                let at = if outs.is_empty() { self.below(body.len() + 1) } else { body.len() };
                body.insert(at, stmt);
            }
            if at.phase == phases[0].phase {
                for name in &draft.scope.names {
                    if matches!(name.role, Role::Counter(_) | Role::Count) {
                        let target = form!(Kind::Int, []; name.text.clone());
                        let value = form!(Kind::Int, []; "1");
                        body.push(Stmt::Assign { target, op: "+=", value, mask: None });
                    }
                }
            }
            let guard = at.steps.guard(self.choices);
            if guard.is_some() {
                self.mark("guard");
            }
            draft.process.phases.push(Phase { name: PHASES[at.phase], guard, body });
        }
    }

    /// A statement whose form a parameter decides.
    fn decided(&mut self, scope: &Scope, kind: &str) -> Stmt {
        if kind == "size" {
            let target = form!(Kind::Int, []; "z");
            let value = self.pick(&["arange(size)", "flip(z, 0)", "t % size", "z[0] + 1"]);
            let value = form!(Kind::Int, []; value);
            return Stmt::Assign { target, op: "+=", value, mask: None };
        }
        let cond = match kind {
            "period" => self.pick(&["t % period == 0", "t % (2 * period) == 1"]),
            _ => self.pick(&["mode > 2", "mode == 1", "t % 3 == mode"]),
        };
        let cond = form!(Kind::Bool, []; cond);
        let then = self.block(&mut scope.clone(), 2, 1);
        let els = match self.one_in(2) {
            true => self.block(&mut scope.clone(), 1, 1),
            false => Vec::new(),
        };
        Stmt::If { cond, then, els }
    }

    fn send(&mut self, scope: &mut Scope, port: &Port, body: &mut Vec<Stmt>) {
        let target = form!(port.ty.kind, port.shape; port.name.clone());
        let value = self.value(scope, port.ty, &port.shape, 2);
        let stmt = |value| Stmt::Assign { target: target.clone(), op: "=", value, mask: None };
        if self.one_in(8) {
            self.mark("two sends");
            let other = self.value(scope, port.ty, &port.shape, 1);
            let cond = form!(Kind::Bool, []; "t % 2 == 0");
            body.push(Stmt::If { cond, then: vec![stmt(value)], els: vec![stmt(other)] });
        } else {
            body.push(stmt(value));
        }
        let (kind, shape) = (port.ty.kind, port.shape.clone());
        scope.names.push(Name { text: port.name.clone(), kind, shape, role: Role::Read });
    }

    fn receive(&mut self, scope: &mut Scope, port: &Port, body: &mut Vec<Stmt>) {
        let sum = port.ty.kind == Kind::Bool && self.one_in(4);
        let text = if sum { format!("i32({})", port.name) } else { port.name.clone() };
        let kind = if sum { Kind::Int } else { port.ty.kind };
        let read = Name { text: text.clone(), kind, shape: port.shape.clone(), role: Role::Read };
        scope.names.push(read);
        let fits = |n: &&Name| {
            matches!(n.role, Role::Var(ty) if n.shape == port.shape
            && n.kind == kind && (ty.bits.0 >= 32 || !ty.policy.is_empty()))
        };
        let targets: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
        let value = form!(kind, port.shape; text);
        if targets.is_empty() {
            let name = self.name("y");
            scope.names.push(Name {
                text: name.clone(),
                kind,
                shape: port.shape.clone(),
                role: Role::Read,
            });
            body.push(Stmt::Let {
                name,
                ty: None,
                value: form!(kind, port.shape; "where(t > 0, ", value.clone(), ", ", value, ")"),
            });
            return;
        }
        let to = self.pick(&targets);
        let op = if kind == Kind::Bool || self.one_in(3) { "=" } else { "+=" };
        body.push(Stmt::Assign { target: form!(kind, port.shape; to.text), op, value, mask: None });
    }

    /// A model with other types of ports and state than the process has.
    fn model(&mut self, draft: &mut Draft, of: &Variant, tag: &'static str) -> Variant {
        // Variables of the process that the model does not redeclare stay as they are: it only
        // uses its own.
        let vars = self.variables(draft);
        let phases = self.phases();
        let again = |maker: &mut Self, draft: &mut Draft, direction: &str, port: &Port| {
            let ty = if maker.one_in(2) { port.ty } else { maker.ty() };
            let declared = draft.declared(maker, ty, &port.shape);
            draft.process.members.push(Line::of(format!("{direction} {}: {declared}", port.name)));
            let at = maker.pick(&phases);
            let adds = ty.kind != Kind::Bool || maker.may.fan_in_of_bits;
            Port { name: port.name.clone(), ty, shape: port.shape.clone(), at, adds }
        };
        let outs: Vec<Port> = of.outs.iter().map(|p| again(self, draft, "out", p)).collect();
        let ins: Vec<Port> = of.ins.iter().map(|p| again(self, draft, "in", p)).collect();
        let delays = self.one_in(2);
        self.bodies(draft, &phases, &ins, &outs, delays);
        let vars = of.vars.iter().cloned().chain(vars).collect();
        Variant { tag: Some(tag), ins, outs, delays, vars, results: Vec::new() }
    }
}

fn known(name: &str, kind: Kind, shape: &[usize]) -> Name {
    Name { text: name.into(), kind, shape: shape.to_vec(), role: Role::Known }
}
