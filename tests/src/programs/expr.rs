//! Expressions: of each kind and shape, from what is in scope.

use super::maker::{Maker, Name, Role, Scope};
use super::tree::{Expr, Kind, form};

impl Maker<'_> {
    /// An expression that can be stored where this kind and shape are: of that shape, or spread.
    pub(super) fn spread(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Expr {
        match self.below(8) {
            0 | 1 if !shape.is_empty() => self.exact(scope, kind, &[], depth),
            2 if shape.len() > 1 && scope.uniform.is_none() => {
                self.exact(scope, kind, &shape[1..], depth)
            }
            3 if !shape.is_empty() && scope.uniform.is_none() => {
                let mut narrow = shape.to_vec();
                let axis = self.below(narrow.len());
                narrow[axis] = 1;
                self.exact(scope, kind, &narrow, depth)
            }
            _ => self.exact(scope, kind, shape, depth),
        }
    }

    /// An expression of exactly this kind and shape.
    pub(super) fn exact(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Expr {
        if depth == 0 || self.one_in(4) {
            return self.leaf(scope, kind, shape);
        }
        if self.one_in(3)
            && let Some(view) = self.view(scope, kind, shape, depth - 1)
        {
            return view;
        }
        match kind {
            Kind::Bool => self.bool(scope, shape, depth - 1),
            Kind::Int => self.int(scope, shape, depth - 1),
            Kind::F32 => self.single(scope, shape, depth - 1),
            Kind::F64 => self.double(scope, shape, depth - 1),
        }
    }

    /// A name or a constant.
    pub(super) fn leaf(&mut self, scope: &Scope, kind: Kind, shape: &[usize]) -> Expr {
        let fits = |n: &&Name| n.kind == kind && n.shape == shape;
        let names: Vec<String> = scope.names.iter().filter(fits).map(|n| n.text.clone()).collect();
        if !names.is_empty() && !self.one_in(4) {
            return form!(kind, shape; self.pick(&names));
        }
        if !scope.known && shape.is_empty() && self.one_in(3) {
            match kind {
                Kind::Int => {
                    self.mark("time");
                    return form!(kind, shape; "t");
                }
                Kind::Bool => {
                    self.mark("epoch as value");
                    return form!(kind, shape; self.pick(&["image.start", "image.end"]));
                }
                _ => {}
            }
        }
        if !self.one_in(3)
            && let Some(other) = self.converted(scope, kind, shape)
        {
            return other;
        }
        self.constant(scope, kind, shape)
    }

    /// A name of another kind, as this one.
    fn converted(&mut self, scope: &Scope, kind: Kind, shape: &[usize]) -> Option<Expr> {
        let fits = |n: &&Name| n.kind != kind && n.shape == shape;
        let names: Vec<String> = scope.names.iter().filter(fits).map(|n| n.text.clone()).collect();
        if names.is_empty() {
            return None;
        }
        let name = self.pick(&names);
        Some(match kind {
            Kind::Bool => form!(kind, shape; format!("({name} != 0)")),
            Kind::Int => form!(kind, shape; format!("int({name})")),
            Kind::F32 => form!(kind, shape; format!("f32({name})")),
            Kind::F64 => form!(kind, shape; format!("f64({name})")),
        })
    }

    fn two(&mut self, scope: &Scope, kind: Kind, shape: &[usize], depth: usize) -> (Expr, Expr) {
        let (a, b) = (
            self.exact(scope, kind, shape, depth),
            self.spread(scope, kind, shape, depth.saturating_sub(1)),
        );
        if self.one_in(2) { (a, b) } else { (b, a) }
    }

    fn choice(&mut self, scope: &Scope, kind: Kind, shape: &[usize], depth: usize) -> Expr {
        self.mark("choice");
        let (a, b) = self.two(scope, kind, shape, depth);
        let known = scope.known && !self.may.constant_choice;
        // A condition that is known picks one side, which then must have the shape.
        let (a, b) = match known {
            true => (self.exact(scope, kind, shape, depth), self.exact(scope, kind, shape, depth)),
            false => (a, b),
        };
        let cond = match (known, self.below(8)) {
            (true, _) => self.leaf(scope, Kind::Bool, &[]),
            (false, 0) if self.may.constant_choice => form!(Kind::Bool, []; "true"),
            (false, 1 | 2) => self.exact(scope, Kind::Bool, &[], depth),
            _ => self.exact(scope, Kind::Bool, shape, depth),
        };
        form!(kind, shape; "where(", cond, ", ", a, ", ", b, ")")
    }

    /// Operators of several precedences without parentheses.
    fn chain(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        (ops, depth): (&[&'static str], usize),
    ) -> Expr {
        self.mark("no parentheses");
        let mut pieces = vec!["(".into(), self.exact(scope, kind, shape, depth).into()];
        for _ in 0..2 + self.below(2) {
            pieces.push(self.pick(ops).into());
            if self.one_in(4) && kind != Kind::Bool {
                pieces.push("-".into());
            }
            let of = if self.one_in(4) { &[] } else { shape };
            pieces.push(self.leaf(scope, kind, of).into());
        }
        pieces.push(")".into());
        Expr { kind, shape: shape.to_vec(), pieces }
    }

    fn int(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> Expr {
        let kind = Kind::Int;
        match self.below(20) {
            0..=2 => {
                self.mark("arithmetic");
                let (a, b) = self.two(scope, kind, shape, depth);
                let op = self.pick(&[" + ", " - ", " * "]);
                form!(kind, shape; "(", a, op, b, ")")
            }
            3 => {
                let (a, b) = self.two(scope, kind, shape, depth);
                let f = self.pick(&["min(", "max("]);
                form!(kind, shape; f, a, ", ", b, ")")
            }
            4 => {
                self.mark("div");
                let (a, b) = self.two(scope, kind, shape, depth);
                form!(kind, shape; "div(", a, ", ", b, ")")
            }
            5 => {
                self.mark("remainder");
                let (a, b) = self.two(scope, kind, shape, depth);
                form!(kind, shape; "(", a, " % ", b, ")")
            }
            6 => {
                self.mark("shift");
                let (op, n) = (self.pick(&[" << ", " >> "]), self.below(12));
                let a = self.exact(scope, kind, shape, depth);
                match self.one_in(4) {
                    true => {
                        let b = self.spread(scope, kind, shape, depth);
                        form!(kind, shape; "(", a, op, b, ")")
                    }
                    false => form!(kind, shape; "(", a, op, n.to_string(), ")"),
                }
            }
            7 => {
                self.mark("bits");
                let (a, b) = self.two(scope, kind, shape, depth);
                let op = self.pick(&[" & ", " | ", " ^ "]);
                form!(kind, shape; "(", a, op, b, ")")
            }
            8 | 9 => {
                self.mark("wrap function");
                let f = self.pick(&["i8(", "u4(", "i32(", "u24(", "i1(", "u32(", "i24(", "i64("]);
                form!(kind, shape; f, self.exact(scope, kind, shape, depth), ")")
            }
            10 => {
                self.mark("decay");
                let a = self.exact(scope, kind, shape, depth);
                let d = match self.one_in(3) {
                    true => self.spread(scope, kind, shape, depth.saturating_sub(1)),
                    false => form!(kind, []; self.below(4097).to_string()),
                };
                form!(kind, shape; "decay(i32(", a, "), ", d, ")")
            }
            11 => {
                self.mark("clip");
                let hi = self.int_within((0, 1 << 20));
                let lo = self.int_within((-200, 0));
                let a = self.exact(scope, kind, shape, depth);
                form!(kind, shape; "clip(", a, format!(", {lo}, {hi})"))
            }
            12 => {
                let a = self.exact(scope, kind, shape, depth);
                match self.one_in(2) {
                    true => form!(kind, shape; "abs(", a, ")"),
                    false => form!(kind, shape; "(-", a, ")"),
                }
            }
            13 => {
                self.mark("conversion");
                let from = self.pick(&[Kind::F64, Kind::F32, Kind::Bool]);
                form!(kind, shape; "int(", self.exact(scope, from, shape, depth), ")")
            }
            14 => {
                let (a, b) = (
                    self.exact(scope, Kind::Bool, shape, depth),
                    self.spread(scope, kind, shape, depth),
                );
                form!(kind, shape; "(", a, " + ", b, ")")
            }
            15 => self.choice(scope, kind, shape, depth),
            16 => {
                let ops = [" + ", " - ", " * ", " % ", " << ", " >> ", " & ", " | ", " ^ "];
                self.chain(scope, kind, shape, (&ops, depth))
            }
            17 if shape.is_empty() => self.reduced_int(scope, depth),
            17 => self.arranged(scope, kind, shape, depth),
            18 if shape.is_empty() && !scope.known => self.position(scope, 1 << 20, depth),
            _ => self.linear(scope, kind, shape, depth),
        }
    }

    /// A scalar of all elements of something.
    fn reduced_int(&mut self, scope: &Scope, depth: usize) -> Expr {
        let kind = Kind::Int;
        let of = self.some_shape(scope);
        match self.below(6) {
            0 | 1 => {
                self.mark("reduce");
                let f = self.pick(&["sum(", "min(", "max("]);
                form!(kind, []; f, self.exact(scope, kind, &of, depth), ")")
            }
            2 => {
                self.mark("reduce");
                form!(kind, []; "sum(", self.exact(scope, Kind::Bool, &of, depth), ")")
            }
            3 => {
                self.mark("argmax");
                let k = self.pick(&[Kind::Int, Kind::F64, Kind::F32, Kind::Bool]);
                form!(kind, []; "argmax(", self.exact(scope, k, &of, depth), ")")
            }
            4 => {
                self.mark("len");
                form!(kind, []; "len(", self.exact(scope, kind, &of, depth), ")")
            }
            _ => {
                self.mark("method");
                form!(kind, []; "(", self.exact(scope, kind, &of, depth), ").sum()")
            }
        }
    }

    /// The shape of something in scope, mostly one with axes.
    pub(super) fn some_shape(&mut self, scope: &Scope) -> Vec<usize> {
        if let Some(s) = &scope.uniform {
            return s.clone();
        }
        let shapes: Vec<Vec<usize>> =
            scope.names.iter().map(|n| n.shape.clone()).filter(|s| !s.is_empty()).collect();
        if shapes.is_empty() { vec![3] } else { self.pick(&shapes) }
    }

    pub(super) fn bool(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> Expr {
        let kind = Kind::Bool;
        match self.below(12) {
            9 => {
                self.mark("soft or hard");
                let f = self.pick(&["soft(", "hard("]);
                form!(kind, shape; f, self.exact(scope, kind, shape, depth), ")")
            }
            10 if self.one_in(2) => {
                self.mark("no parentheses");
                let ints = [" + ", " * ", " - "];
                let compare = self.pick(&[" < ", " >= ", " == ", " != "]);
                let (a, b) = self.two(scope, Kind::Int, shape, depth);
                let c = self.leaf(scope, Kind::Int, &[]);
                let (d, e) = (self.leaf(scope, kind, shape), self.leaf(scope, kind, &[]));
                let (one, two) = (self.pick(&[" and ", " or "]), self.pick(&[" or not ", " and "]));
                form!(kind, shape; "(", a, compare, b, self.pick(&ints), c, one, d, two, e, ")")
            }
            10 => {
                let ops = [" and ", " or ", " ^ ", " & ", " | ", " and not ", " or not "];
                self.chain(scope, kind, shape, (&ops, depth))
            }
            11 => self.arranged(scope, kind, shape, depth),
            0..=3 => {
                self.mark("comparison");
                let of = self.pick(&[Kind::Int, Kind::Int, Kind::F64, Kind::F32, Kind::Bool]);
                let op = self.pick(&[" < ", " <= ", " > ", " >= ", " == ", " != "]);
                let (a, b) = self.two(scope, of, shape, depth);
                form!(kind, shape; "(", a, op, b, ")")
            }
            4 | 5 => {
                self.mark("logic");
                let op = self.pick(&[" and ", " or ", " && ", " || ", " ^ ", " & ", " | "]);
                let (a, b) = self.two(scope, kind, shape, depth);
                form!(kind, shape; "(", a, op, b, ")")
            }
            6 => {
                self.mark("logic");
                let op = self.pick(&["not ", "!"]);
                form!(kind, shape; "(", op, "(", self.exact(scope, kind, shape, depth), "))")
            }
            7 if shape.is_empty() => {
                self.mark("any or all");
                let of = self.some_shape(scope);
                let f = self.pick(&["any(", "all("]);
                let k = self.pick(&[Kind::Bool, Kind::Int]);
                form!(kind, []; f, self.exact(scope, k, &of, depth), ")")
            }
            7 => self.choice(scope, kind, shape, depth),
            _ if !scope.known => {
                let p = self.pick(&["0.5", "0.1", "0.9"]);
                form!(kind, shape; "(", self.random(scope, shape), format!(" < {p})"))
            }
            _ => form!(kind, shape; "bool(", self.exact(scope, Kind::Int, shape, depth), ")"),
        }
    }

    fn random(&mut self, scope: &Scope, shape: &[usize]) -> Expr {
        let seed = self.below(9);
        if shape.is_empty() {
            self.mark("random");
            return form!(Kind::F64, []; format!("random(seed: {seed})"));
        }
        self.mark("random shaped");
        form!(Kind::F64, shape; format!("random({seed}, {})", scope.shape(shape)))
    }

    fn double(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> Expr {
        let kind = Kind::F64;
        match self.below(18) {
            15 => {
                let ops = [" + ", " - ", " * ", " / "];
                self.chain(scope, kind, shape, (&ops, depth))
            }
            16 | 17 => self.arranged(scope, kind, shape, depth),
            0..=2 => {
                self.mark("float arithmetic");
                let (a, b) = self.two(scope, kind, shape, depth);
                let op = self.pick(&[" + ", " - ", " * ", " / "]);
                form!(kind, shape; "(", a, op, b, ")")
            }
            3 => {
                let of = self.pick(&[Kind::Int, Kind::Bool, Kind::F32]);
                let a = self.exact(scope, kind, shape, depth);
                let b = self.spread(scope, of, shape, depth);
                form!(kind, shape; "f64(", a, " + ", b, ")")
            }
            4 => {
                let (a, b) = self.two(scope, Kind::Int, shape, depth);
                form!(kind, shape; "(", a, " / ", b, ")")
            }
            5 => {
                let (a, b) = self.two(scope, kind, shape, depth);
                let f = self.pick(&["min(", "max("]);
                form!(kind, shape; f, a, ", ", b, ")")
            }
            6 => {
                self.mark("remainder");
                let (a, b) = self.two(scope, kind, shape, depth);
                form!(kind, shape; "(", a, " % ", b, ")")
            }
            7 => {
                self.mark("float function");
                let all = ["exp(", "log(", "sqrt(", "sin(", "cos(", "tanh(", "floor(", "ceil("];
                let f = match self.one_in(6) {
                    true => "round(",
                    false => self.pick(&all),
                };
                form!(kind, shape; f, self.exact(scope, kind, shape, depth), ")")
            }
            8 => {
                self.mark("power");
                let a = self.exact(scope, kind, shape, depth);
                let b = self.pick(&["2.0", "0.5", "3.0", "(-1.0)", "0.0"]);
                form!(kind, shape; "(", a, " ** ", b, ")")
            }
            9 => {
                self.mark("conversion");
                let of = self.pick(&[Kind::Int, Kind::Bool, Kind::F32]);
                form!(kind, shape; "f64(", self.exact(scope, of, shape, depth), ")")
            }
            10 if !scope.known => self.random(scope, shape),
            11 => {
                self.mark("float special");
                let special =
                    self.pick(&["(0.0 / 0.0)", "(1.0 / 0.0)", "(-1.0 / 0.0)", "(0.0 * (-1.0))"]);
                let b = self.exact(scope, kind, shape, depth);
                match self.one_in(2) || !self.may.negative_zero {
                    true => form!(kind, shape; "max(", b, ", ", self.special(special), ")"),
                    false => form!(kind, shape; "(", b, " + ", self.special(special), ")"),
                }
            }
            12 if shape.is_empty() => {
                let of = self.some_shape(scope);
                if self.one_in(3) {
                    self.mark("mean");
                    let k = self.pick(&[Kind::F64, Kind::Int, Kind::Bool]);
                    return form!(kind, []; "mean(", self.exact(scope, k, &of, depth), ")");
                }
                let f = self.pick(&["sum(", "min(", "max("]);
                form!(kind, []; f, self.exact(scope, kind, &of, depth), ")")
            }
            12 | 13 => self.linear(scope, kind, shape, depth),
            _ => self.choice(scope, kind, shape, depth),
        }
    }

    fn special(&mut self, text: &'static str) -> Expr {
        let text = if text.contains('*') && !self.may.negative_zero { "0.0" } else { text };
        form!(Kind::F64, []; text)
    }

    fn single(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> Expr {
        let kind = Kind::F32;
        match self.below(10) {
            9 => self.arranged(scope, kind, shape, depth),
            0..=2 => {
                self.mark("float arithmetic");
                let (a, b) = self.two(scope, kind, shape, depth);
                let op = self.pick(&[" + ", " - ", " * ", " / "]);
                form!(kind, shape; "(", a, op, b, ")")
            }
            3 => {
                let (a, b) = self.two(scope, kind, shape, depth);
                let f = self.pick(&["min(", "max("]);
                form!(kind, shape; f, a, ", ", b, ")")
            }
            4 => {
                self.mark("float function");
                let all = ["abs(", "sqrt(", "floor(", "round(", "exp(", "tanh("];
                let f = self.pick(&all);
                form!(kind, shape; f, self.exact(scope, kind, shape, depth), ")")
            }
            5 => {
                let a = self.exact(scope, kind, shape, depth);
                let b = self.pick(&["0.1", "2", "1.0e20", "3"]);
                form!(kind, shape; "f32(", a, " * ", b, ")")
            }
            6 if shape.is_empty() => {
                let of = self.some_shape(scope);
                let f = self.pick(&["sum(", "min(", "max("]);
                form!(kind, []; f, self.exact(scope, kind, &of, depth), ")")
            }
            6 | 7 => {
                self.mark("conversion");
                let of = self.pick(&[Kind::Int, Kind::Bool, Kind::F64]);
                form!(kind, shape; "f32(", self.exact(scope, of, shape, depth), ")")
            }
            _ => self.choice(scope, kind, shape, depth),
        }
    }

    /// Weights times a vector, or a convolution; where the shape does not allow it, a sum.
    fn linear(&mut self, scope: &Scope, kind: Kind, shape: &[usize], depth: usize) -> Expr {
        let plain = scope.uniform.is_some() || shape.is_empty() || shape.len() > 3;
        if plain {
            let (a, b) = self.two(scope, kind, shape, depth);
            return form!(kind, shape; "(", a, " - ", b, ")");
        }
        let seed = self.below(1000);
        let bounds = if kind == Kind::Int { "-9, 10" } else { "-1.0, 1.0" };
        let input = match (kind, self.one_in(3)) {
            (_, true) => Kind::Bool,
            (kind, _) => kind,
        };
        if shape.len() == 3 && !scope.known {
            if self.may.variable_weights
                && let Some(sum) = self.live_kernel(scope, (kind, input), shape, depth)
            {
                return sum;
            }
            self.mark("conv2d");
            let (kw, kh, c) = (1 + self.below(3), 1 + self.below(2), 1 + self.below(2));
            let pad = self.below(2).min(kw - 1).min(kh - 1);
            let x = [shape[0] + kw - 1 - 2 * pad, shape[1] + kh - 1 - 2 * pad, c];
            let w = [shape[2], kw, kh, c];
            let x = self.exact(scope, input, &x, depth);
            return form!(kind, shape;
                format!("conv2d(uniform({bounds}, shape: {w:?}, seed: {seed}), "), x,
                format!(", padding: {pad})"));
        }
        if self.may.variable_weights
            && let Some(sum) = self.live(scope, (kind, input), shape, depth)
        {
            return sum;
        }
        let vectors: Vec<usize> =
            scope.names.iter().filter(|n| n.shape.len() == 1).map(|n| n.shape[0]).collect();
        let n = if vectors.is_empty() { 4 } else { self.pick(&vectors) };
        let mut full = shape.to_vec();
        full.push(n);
        let vector = self.exact(scope, input, &[n], depth);
        if shape.len() == 1 && self.one_in(2) {
            self.mark("sparse matmul");
            let weights = match (kind, self.one_in(3)) {
                (Kind::Int, true) if shape[0] == n => format!("eye({n})"),
                (Kind::Int, _) => {
                    format!("sparse({full:?}, p: 0.4, lo: -9, hi: 10, seed: {seed})")
                }
                _ => format!("sparse({full:?}, p: 0.4, lo: -1.0, hi: 1.0, seed: {seed})"),
            };
            return form!(kind, shape; "(", weights, " @ ", vector, ")");
        }
        self.mark("matmul");
        let weights = format!("uniform({bounds}, shape: {full:?}, seed: {seed})");
        form!(kind, shape; "(", weights, " @ ", vector, ")")
    }

    /// A scalar from 0 to `extent - 1`.
    pub(super) fn position(&mut self, scope: &Scope, extent: usize, depth: usize) -> Expr {
        let kind = Kind::Int;
        let counters: Vec<String> = scope
            .names
            .iter()
            .filter(|n| matches!(n.role, Role::Counter(most) if most <= extent))
            .map(|n| n.text.clone())
            .collect();
        if !counters.is_empty() && self.may.wrapping_index && self.one_in(2) {
            return form!(kind, []; self.pick(&counters));
        }
        let data = |n: &&Name| {
            matches!(n.role, Role::Var(_) | Role::Read) && n.kind == kind && n.shape.is_empty()
        };
        let scalars: Vec<String> =
            scope.names.iter().filter(data).map(|n| n.text.clone()).collect();
        if extent < 100 && !scalars.is_empty() && self.one_in(12) {
            self.mark("raw index");
            return form!(kind, []; self.pick(&scalars));
        }
        match self.below(6) {
            0 if !scope.known => {
                self.mark("index of t");
                form!(kind, []; format!("(t - 1) % {extent}"))
            }
            1 | 2 => {
                form!(kind, []; "(", self.exact(scope, kind, &[], depth), format!(" % {extent})"))
            }
            3 => {
                let a = self.exact(scope, kind, &[], depth);
                form!(kind, []; "clip(", a, format!(", 0, {})", extent - 1))
            }
            4 if scope.uniform.is_none() => {
                let fits =
                    |n: &&Name| !n.shape.is_empty() && n.shape.iter().product::<usize>() <= extent;
                let names: Vec<String> =
                    scope.names.iter().filter(fits).map(|n| n.text.clone()).collect();
                match names.is_empty() {
                    true => form!(kind, []; self.below(extent).to_string()),
                    false => form!(kind, []; "argmax(", self.pick(&names), ")"),
                }
            }
            5 if extent >= 2 && self.may.boolean_index => {
                self.mark("boolean index");
                self.exact(scope, Kind::Bool, &[], depth)
            }
            _ => form!(kind, []; self.below(extent).to_string()),
        }
    }
}
