//! Statements.

use super::maker::{Maker, Name, Role, Scope};
use super::tree::{Expr, Kind, Stmt, Ty, form};

/// A variable that may be assigned.
#[derive(Clone)]
struct Target {
    name: Name,
    ty: Ty,
}

impl Maker<'_> {
    /// Some statements; names that they declare stay in scope.
    pub(super) fn block(&mut self, scope: &mut Scope, most: usize, nested: usize) -> Vec<Stmt> {
        let n = 1 + self.below(most);
        (0..n).filter_map(|_| self.stmt(scope, nested)).collect()
    }

    fn stmt(&mut self, scope: &mut Scope, nested: usize) -> Option<Stmt> {
        match self.below(10) {
            0 if nested < 2 => Some(self.if_(scope, nested)),
            1 => Some(self.let_(scope, nested)),
            2 if nested < 2 && self.may.guarded_index => self.guarded(scope),
            _ => self.assign(scope),
        }
    }

    fn if_(&mut self, scope: &Scope, nested: usize) -> Stmt {
        if nested > 0 {
            self.mark("if in if");
        }
        let cond = match self.below(5) {
            0 => {
                self.mark("if on t");
                let n = self.epoch;
                form!(Kind::Bool, []; format!("t % {n} == {}", self.below(n)))
            }
            1 => {
                self.mark("if on t");
                let text = self.pick(&["image.start", "image.end", "t > 3", "not (t < 5)"]);
                form!(Kind::Bool, []; text)
            }
            _ => {
                self.mark("if on data");
                let cond = self.exact(scope, Kind::Bool, &[], 2);
                // What depends on `t` alone would have to repeat.
                let targets = Maker::targets(scope);
                match targets.is_empty() {
                    true => form!(Kind::Bool, []; "image.start"),
                    false => {
                        let data = self.pick(&targets).name.text;
                        let op = self.pick(&[" and ", " or "]);
                        form!(Kind::Bool, []; "(", cond, op, format!("any({data} != 0)"), ")")
                    }
                }
            }
        };
        let then = self.block(&mut scope.clone(), 2, nested + 1);
        let els = match self.one_in(2) {
            true => {
                self.mark("if else");
                self.block(&mut scope.clone(), 2, nested + 1)
            }
            false => Vec::new(),
        };
        Stmt::If { cond, then, els }
    }

    /// `if k < n { … table[k] … }`, or the same under a mask: an index that is invalid elsewhere.
    fn guarded(&mut self, scope: &Scope) -> Option<Stmt> {
        if scope.uniform.is_some() {
            return self.assign(scope);
        }
        let index = |n: &&Name| {
            n.kind == Kind::Int
                && n.shape.is_empty()
                && !matches!(n.role, Role::Known | Role::Counter(_))
        };
        let table = |n: &&Name| !n.shape.is_empty();
        let indices: Vec<String> =
            scope.names.iter().filter(index).map(|n| n.text.clone()).collect();
        let tables: Vec<Name> = scope.names.iter().filter(table).cloned().collect();
        let targets = Maker::targets(scope);
        if indices.is_empty() || tables.is_empty() || targets.is_empty() {
            return self.assign(scope);
        }
        let (k, of) = (self.pick(&indices), self.pick(&tables));
        let (n, rest) = (of.shape[0], of.shape[1..].to_vec());
        let within = match self.below(8) {
            0 => format!("{k} < {n}"),
            1 => format!("{k} >= 0 and not ({k} >= {n})"),
            _ => format!("0 <= {k} and {k} < {n}"),
        };
        let element = format!("{}[{k}]", of.text);
        let to = self.pick(&targets);
        let whole = form!(to.ty.kind, to.name.shape; to.name.text.clone());
        // `x[k] = e where k < n`, `x = table[k] where k < n`.
        if self.one_in(3) {
            self.mark("index under mask");
            if to.name.shape.first() == Some(&n) && self.one_in(2) {
                let shape = to.name.shape[1..].to_vec();
                let target = form!(to.ty.kind, shape; format!("{}[{k}]", to.name.text));
                let value = self.value(scope, to.ty, &shape, 1);
                let mask = Some(form!(Kind::Bool, []; within));
                return Some(Stmt::Assign { target, op: "=", value, mask });
            }
            if of.kind == to.ty.kind && (rest == to.name.shape || rest.is_empty()) {
                let value = form!(of.kind, rest; element);
                let value = self.fitted(value, to.ty);
                let mask = match self.one_in(3) {
                    true => {
                        let more = self.leaf(scope, Kind::Bool, &to.name.shape);
                        form!(Kind::Bool, to.name.shape; "(", within, ") and ", more)
                    }
                    false => form!(Kind::Bool, []; within),
                };
                return Some(Stmt::Assign { target: whole, op: "=", value, mask: Some(mask) });
            }
        }
        self.mark("guarded index");
        let mut inner = scope.clone();
        let (kind, shape) = (of.kind, rest.clone());
        let mut then = Vec::new();
        match self.below(3) {
            // A `let`, then things with it.
            0 => {
                let name = self.name("y");
                let value = form!(kind, shape; element);
                then.push(Stmt::Let { name: name.clone(), ty: None, value });
                inner.names.push(Name { text: name, kind, shape, role: Role::Read });
                then.extend(self.block(&mut inner, 2, 2));
            }
            // In a sum, or in a product.
            1 if to.ty.kind != Kind::Bool && kind == to.ty.kind => {
                let other = self.exact(scope, kind, &rest, 1);
                let sum = match (rest.len(), self.one_in(2)) {
                    (1, true) if kind == Kind::Int => {
                        let w = format!("uniform(-5, 6, shape: [{}], seed: 3)", rest[0]);
                        form!(kind, []; format!("sum({element} * {w})"))
                    }
                    (1, false) if kind != Kind::F32 => {
                        let m = to.name.shape.first().copied().unwrap_or(2);
                        let w = format!("uniform(-5, 6, shape: [{m}, {}], seed: 3)", rest[0]);
                        let product = format!("{w} @ {element}");
                        match to.name.shape.len() {
                            1 => form!(kind, [m]; product),
                            _ => form!(kind, []; format!("max({product})")),
                        }
                    }
                    _ => form!(kind, []; "sum(", format!("{element} * "), other, ")"),
                };
                let value = self.fitted(sum, to.ty);
                then.push(Stmt::Assign { target: whole, op: "=", value, mask: None });
            }
            // As something that is in scope.
            _ => {
                inner.names.push(Name { text: element, kind, shape, role: Role::Read });
                then.extend(self.block(&mut inner, 2, 2));
            }
        }
        let cond = form!(Kind::Bool, []; within);
        Some(Stmt::If { cond, then, els: Vec::new() })
    }

    /// A value as a type takes it.
    fn fitted(&mut self, value: Expr, ty: Ty) -> Expr {
        let exact = ty.policy.is_empty() && ty.bits.0 < 32 && ty.kind == Kind::Int;
        match exact {
            true => form!(value.kind, value.shape.clone(); format!("{}(", ty.name), value, ")"),
            false => value,
        }
    }

    /// An element of an array at an index that may be outside.
    fn element_at_any(&mut self, scope: &Scope) -> Option<Expr> {
        let data = |n: &&Name| matches!(n.role, Role::Var(_) | Role::Read);
        let arrays = scope.names.iter().filter(data).filter(|n| n.shape.len() == 1);
        let arrays: Vec<Name> = arrays.cloned().collect();
        let scalars = scope.names.iter().filter(data);
        let scalars = scalars.filter(|n| n.kind == Kind::Int && n.shape.is_empty());
        let indices: Vec<String> = scalars.map(|n| n.text.clone()).collect();
        if arrays.is_empty() || indices.is_empty() || scope.known {
            return None;
        }
        let array = self.pick(&arrays);
        let index = self.pick(&indices);
        Some(form!(array.kind, []; format!("{}[{index}]", array.text)))
    }

    fn let_(&mut self, scope: &mut Scope, nested: usize) -> Stmt {
        self.mark(if nested > 0 { "let in if" } else { "let" });
        if self.one_in(10)
            && let Some(value) = self.element_at_any(scope)
        {
            // Nothing uses it, but its index may end the run.
            self.mark("let of nothing");
            return Stmt::Let { name: self.name("y"), ty: None, value };
        }
        let kind = self.pick(&[Kind::Int, Kind::Int, Kind::F64, Kind::Bool, Kind::F32]);
        let shape = match self.one_in(3) {
            true => Vec::new(),
            false => self.some_shape(scope),
        };
        let value = self.exact(scope, kind, &shape, 2);
        let name = self.name("y");
        let typed = kind == Kind::Int && self.one_in(4);
        let ty = typed.then(|| {
            self.mark("let typed");
            let elem = self.pick(&["i8", "u16", "int", "i32"]);
            let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
            match (shape.is_empty(), &scope.uniform) {
                (true, _) => elem.to_string(),
                (false, Some(_)) => format!("{elem}[*s]"),
                (false, None) => format!("{elem}[{}]", dims.join(", ")),
            }
        });
        scope.names.push(Name { text: name.clone(), kind, shape, role: Role::Read });
        Stmt::Let { name, ty, value }
    }

    fn targets(scope: &Scope) -> Vec<Target> {
        let var = |n: &Name| match n.role {
            Role::Var(ty) => Some(Target { name: n.clone(), ty }),
            _ => None,
        };
        scope.names.iter().filter_map(var).collect()
    }

    fn assign(&mut self, scope: &Scope) -> Option<Stmt> {
        let targets = Maker::targets(scope);
        if targets.is_empty() {
            return None;
        }
        let to = self.pick(&targets);
        let shape = to.name.shape.clone();
        if !shape.is_empty() && scope.uniform.is_none() && self.one_in(2) {
            return Some(self.store_part(scope, &to));
        }
        if self.one_in(5)
            && let Some(stmt) = self.of_itself(scope, &to)
        {
            self.mark("store reads itself");
            return Some(stmt);
        }
        let target = form!(to.ty.kind, shape; to.name.text.clone());
        if self.one_in(5)
            && self.may.variable_weights
            && let Some(stmt) = self.weighted(scope, &to, target.clone())
        {
            return Some(stmt);
        }
        self.mark("store whole");
        Some(self.store(scope, &to, target))
    }

    /// `x = w @ y` or `x += conv2d(w, y)` with weights that are state.
    fn weighted(&mut self, scope: &Scope, to: &Target, target: Expr) -> Option<Stmt> {
        let (kind, shape) = (to.ty.kind, to.name.shape.clone());
        if scope.uniform.is_some() || kind == Kind::Bool || kind == Kind::F32 || shape.is_empty() {
            return None;
        }
        let input = if self.one_in(2) { Kind::Bool } else { kind };
        let sum = match shape.len() {
            3 => self.live_kernel(scope, (kind, input), &shape, 1)?,
            _ => self.live(scope, (kind, input), &shape, 1)?,
        };
        let value = self.fitted(sum, to.ty);
        let exact = to.ty.policy.is_empty() && to.ty.bits.0 < 32;
        let op = if !exact && self.one_in(3) { "+=" } else { "=" };
        let mask = self.mask(scope, &shape);
        Some(Stmt::Assign { target, op, value, mask })
    }

    /// A value and perhaps a mask for what is picked.
    fn store(&mut self, scope: &Scope, to: &Target, target: Expr) -> Stmt {
        let shape = target.shape.clone();
        let kind = to.ty.kind;
        let exact = to.ty.policy.is_empty() && to.ty.bits.0 < 32 && kind == Kind::Int;
        if kind != Kind::Bool && !exact && self.one_in(4) {
            self.mark("store compound");
            // Floats stay floats of the same precision, integers stay integers.
            let op = match kind {
                Kind::Int => self.pick(&["+=", "-=", "*=", "%=", "&=", "|=", "^=", "<<=", ">>="]),
                _ => self.pick(&["+=", "-=", "*=", "/="]),
            };
            let value = match op {
                "<<=" | ">>=" => form!(Kind::Int, []; self.below(5).to_string()),
                _ => self.spread(scope, kind, &shape, 2),
            };
            let mask = self.mask(scope, &shape);
            return Stmt::Assign { target, op, value, mask };
        }
        let value = self.value(scope, to.ty, &shape, 3);
        let mask = self.mask(scope, &shape);
        Stmt::Assign { target, op: "=", value, mask }
    }

    /// A value that a type may be given.
    pub(super) fn value(&mut self, scope: &Scope, ty: Ty, shape: &[usize], depth: usize) -> Expr {
        let value = self.spread(scope, ty.kind, shape, depth);
        self.fitted(value, ty)
    }

    fn mask(&mut self, scope: &Scope, shape: &[usize]) -> Option<Expr> {
        self.one_in(3).then(|| {
            self.mark("store masked");
            self.spread(scope, Kind::Bool, shape, 2)
        })
    }

    /// `x[…] = e`.
    fn store_part(&mut self, scope: &Scope, to: &Target) -> Stmt {
        let full = to.name.shape.clone();
        let (mut subscripts, mut shape) = (Vec::new(), Vec::new());
        let (mut ranges, mut positions) = (false, false);
        for (axis, n) in full.iter().enumerate() {
            let text: Expr = match self.below(5) {
                0 => {
                    shape.push(*n);
                    form!(Kind::Int, []; "..")
                }
                1 if *n > 1 => {
                    ranges = true;
                    let m = 1 + self.below(*n - 1);
                    let range = self.ranges(&full[axis..=axis], &[m]);
                    shape.push(m);
                    form!(Kind::Int, []; range[0].clone())
                }
                2 => {
                    self.mark("store element");
                    positions = true;
                    form!(Kind::Int, []; self.below(*n).to_string())
                }
                _ => {
                    self.mark("store computed index");
                    positions = true;
                    let plain = Scope {
                        names: scope
                            .names
                            .iter()
                            .filter(|x| self.may.index_of_itself || x.text != to.name.text)
                            .cloned()
                            .collect(),
                        ..scope.clone()
                    };
                    self.position(&plain, *n, 1)
                }
            };
            subscripts.push(text);
        }
        match (ranges, positions) {
            (true, true) => self.mark("store range and index"),
            (true, false) => self.mark("store range"),
            (false, false) => self.mark("store all"),
            (false, true) => {}
        }
        let mut pieces = vec![to.name.text.clone().into(), "[".into()];
        for (i, subscript) in subscripts.into_iter().enumerate() {
            if i > 0 {
                pieces.push(", ".into());
            }
            pieces.push(subscript.into());
        }
        pieces.push("]".into());
        let target = Expr { kind: to.ty.kind, shape, pieces };
        self.store(scope, to, target)
    }

    /// A statement that reads what it stores, element by other element.
    fn of_itself(&mut self, scope: &Scope, to: &Target) -> Option<Stmt> {
        let (x, shape, kind) = (to.name.text.clone(), to.name.shape.clone(), to.ty.kind);
        let assign = |target: Expr, value: Expr, mask: Option<Expr>| {
            Some(Stmt::Assign { target, op: "=", value, mask })
        };
        let whole = form!(kind, shape; x.clone());
        if scope.uniform.is_some() || shape.is_empty() {
            return None;
        }
        let n = shape[0];
        let square = shape.len() == 2 && n == shape[1];
        match if square && self.one_in(2) { 1 } else { self.below(5) } {
            0 if shape.len() == 1 && n > 1 => {
                self.mark("rotate itself");
                let cut = 1 + self.below(n - 1);
                assign(
                    whole,
                    form!(kind, shape; format!("concat({x}[{cut}..], {x}[0..{cut}])")),
                    None,
                )
            }
            1 if square => {
                self.mark("transpose itself");
                let f = self.pick(&["transpose", "transpose", "-transpose"]);
                let f = if kind == Kind::Int && to.ty.policy == "wrap" { f } else { "transpose" };
                assign(whole, form!(kind, shape; format!("{f}({x})")), None)
            }
            2 if self.may.spread_of_itself => {
                let at: Vec<String> =
                    shape.iter().map(|n| self.choices.below(*n).to_string()).collect();
                assign(whole, form!(kind, []; format!("{x}[{}]", at.join(", "))), None)
            }
            3 if self.may.element_of_itself && shape.len() == 1 => {
                let from = self.position(scope, n, 1);
                let target = form!(kind, []; format!("{x}[{}]", self.below(n)));
                assign(target, form!(kind, []; format!("{x}["), from, "]"), None)
            }
            4 if self.may.matrix_of_itself
                && shape.len() == 1
                && kind == Kind::Int
                && !to.ty.policy.is_empty() =>
            {
                let seed = self.below(100);
                let w = format!("uniform(-2, 3, shape: [{n}, {n}], seed: {seed})");
                assign(whole, form!(kind, shape; format!("{w} @ {x}")), None)
            }
            _ => None,
        }
    }
}
