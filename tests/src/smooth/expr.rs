//! Smooth expressions of a shape.

use super::{Maker, Name, Scope};

impl Scope {
    /// The same with one more name.
    pub(super) fn with(&self, text: &str, shape: &[usize]) -> Scope {
        let mut scope = self.clone();
        scope.names.push(Name { text: text.into(), shape: shape.to_vec() });
        scope
    }
}

impl Maker {
    /// A condition over `t`.
    pub(super) fn moment(&mut self) -> String {
        let (n, k) = (2 + self.below(3), self.below(2));
        match self.below(5) {
            0 => "round.start".into(),
            1 => format!("t > {}", 2 + self.below(5)),
            2 => format!("not (t % {n} == {k})"),
            _ => format!("t % {n} == {k}"),
        }
    }

    /// An expression whose values are from -1 to 1.
    pub(super) fn small(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> String {
        let of = self.expr(scope, shape, depth);
        let by = self.pick(&["tanh", "tanh", "sin", "cos"]);
        // Weak, so that what goes round does not become chaotic.
        format!("{by}(0.3 * {of})")
    }

    /// An expression of moderate size.
    pub(super) fn expr(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> String {
        if depth == 0 {
            return self.leaf(scope, shape);
        }
        let depth = depth - 1;
        // Half of all go through what changes shapes.
        if self.one_in(2)
            && let Some(found) = match shape {
                [] => Some(self.scalar(scope, depth)),
                [n] => self.vector(scope, *n, depth),
                [m, n] => Some(self.matrix(scope, (*m, *n), depth)),
                _ => None,
            }
        {
            return found;
        }
        self.elementwise(scope, shape, depth)
    }

    /// A name, or constants.
    fn leaf(&mut self, scope: &Scope, shape: &[usize]) -> String {
        let fits: Vec<String> =
            scope.names.iter().filter(|n| n.shape == shape).map(|n| n.text.clone()).collect();
        if !fits.is_empty() && !self.one_in(8) {
            return self.pick(&fits);
        }
        if scope.stepped && self.one_in(3) {
            if shape.is_empty() {
                return format!("sin({} * t)", self.number());
            }
            return format!("random({}, {shape:?})", self.below(100));
        }
        self.constants(shape)
    }

    fn elementwise(&mut self, scope: &Scope, shape: &[usize], depth: usize) -> String {
        let a = self.expr(scope, shape, depth);
        // Scalars and rows are spread.
        let other: &[usize] = match self.below(4) {
            0 => &[],
            1 => &shape[shape.len().min(1)..],
            _ => shape,
        };
        let b = self.expr(scope, other, depth);
        match self.below(17) {
            0 | 1 => format!("({a} + {b})"),
            2 => format!("({a} - {b})"),
            3 | 4 => format!("({a} * {b})"),
            5 => format!("({a} / (1.5 + ({b}) ** 2))"),
            6 => format!("({a} / (2.0 + sin({b})))"),
            7 => format!("tanh({a})"),
            8 => format!("sin({a})"),
            9 => format!("cos({a})"),
            10 => format!("exp(sin({a}))"),
            11 => format!("sqrt(1.0 + ({a}) ** 2)"),
            12 => format!("log(2.0 + cos({a}))"),
            13 => format!("(1.5 + tanh({a})) ** sin({b})"),
            14 => format!("tanh({a}) ** {}", self.pick(&["2", "3", "4"])),
            15 if scope.stepped => format!("where({}, {a}, {b})", self.moment()),
            _ => format!("(-{a})"),
        }
    }

    fn scalar(&mut self, scope: &Scope, depth: usize) -> String {
        let n = 2 + self.below(3);
        match self.below(5) {
            0 => {
                let (m, of) = (2 + self.below(2), self.below(2));
                let shape = if of == 0 { vec![n] } else { vec![m, n] };
                format!("sum({})", self.expr(scope, &shape, depth))
            }
            1 => format!("mean({})", self.expr(scope, &[n], depth)),
            2 => {
                let (a, b) = (self.expr(scope, &[n], depth), self.expr(scope, &[n], depth));
                format!("sum({a} * {b})")
            }
            3 if scope.stepped => format!("({})[t % {n}]", self.expr(scope, &[n], depth)),
            _ => {
                let of = self.expr(scope, &[n], depth);
                format!("({of})[{}]", self.below(n))
            }
        }
    }

    fn vector(&mut self, scope: &Scope, n: usize, depth: usize) -> Option<String> {
        let k = 2 + self.below(3);
        Some(match self.below(11) {
            0..=2 => {
                // By a matrix that has a name, where there is one.
                let all: Vec<Name> = scope.names.clone();
                let fits = all.into_iter().filter(|m| m.shape.len() == 2 && m.shape[0] == n);
                let fits: Vec<Name> = fits.collect();
                let (weights, k) = match fits.is_empty() {
                    true => (self.expr(scope, &[n, k], depth), k),
                    false => {
                        let name = self.pick(&fits);
                        (name.text, name.shape[1])
                    }
                };
                format!("({weights} @ {})", self.expr(scope, &[k], depth))
            }
            3 => {
                let axis = self.below(2);
                let shape = if axis == 0 { [k, n] } else { [n, k] };
                format!("sum({}, axis: {axis})", self.expr(scope, &shape, depth))
            }
            4 if n > 1 => {
                let first = 1 + self.below(n - 1);
                let a = self.expr(scope, &[first], depth);
                format!("concat({a}, {}, axis: 0)", self.expr(scope, &[n - first], depth))
            }
            5 => {
                let lo = self.below(3);
                let hi = lo + n + self.below(2);
                let of = self.expr(scope, &[hi], depth);
                format!("({of})[{lo}..{}]", lo + n)
            }
            6 => {
                let row = match scope.stepped && self.one_in(2) {
                    true => format!("t % {k}"),
                    false => self.below(k).to_string(),
                };
                format!("({})[{row}]", self.expr(scope, &[k, n], depth))
            }
            7 => {
                let column = self.below(k);
                format!("({})[.., {column}]", self.expr(scope, &[n, k], depth))
            }
            8 if n.is_multiple_of(2) => {
                let of = self.expr(scope, &[2, n / 2], depth);
                self.pick(&[format!("flatten({of})"), format!("reshape({of}, [{n}])")])
            }
            9 if n <= 3 => {
                let all: Vec<String> = (0..n).map(|_| self.expr(scope, &[], depth)).collect();
                format!("[{}]", all.join(", "))
            }
            _ => return self.convolution(scope, n, depth),
        })
    }

    fn matrix(&mut self, scope: &Scope, (m, n): (usize, usize), depth: usize) -> String {
        match self.below(5) {
            0 | 1 => {
                let column = self.expr(scope, &[m], depth);
                format!("outer({column}, {})", self.expr(scope, &[n], depth))
            }
            2 => format!("transpose({})", self.expr(scope, &[n, m], depth)),
            3 if m <= 3 => {
                let all: Vec<String> = (0..m).map(|_| self.expr(scope, &[n], depth)).collect();
                format!("[{}]", all.join(", "))
            }
            3 => {
                let of = self.expr(scope, &[m + 1, n + 1], depth);
                format!("({of})[1..{}, 0..{n}]", m + 1)
            }
            _ => format!("reshape({}, [{m}, {n}])", self.expr(scope, &[m * n], depth)),
        }
    }

    /// Part of a convolution, where a name has the shape of its weights.
    fn convolution(&mut self, scope: &Scope, n: usize, depth: usize) -> Option<String> {
        let weights = scope.names.iter().find(|w| w.shape.len() == 4)?.clone();
        let [outputs, width, height, channels] = weights.shape[..] else { return None };
        let groups = if outputs == 2 && self.one_in(2) { 2 } else { 1 };
        let (padding, stride) = (self.below(2), 1 + self.below(2));
        let (w, h) = (width + 1 + self.below(2), height + self.below(2));
        let size = |n: usize, k: usize| (n + 2 * padding - k) / stride + 1;
        if size(w, width) * size(h, height) * outputs < n {
            return None;
        }
        let input = [w, h, channels * groups];
        let of = self.expr(scope, &[input.iter().product()], depth);
        let options = format!("stride: {stride}, padding: {padding}, groups: {groups}");
        let of = format!("conv2d({}, reshape({of}, {input:?}), {options})", weights.text);
        Some(format!("flatten({of})[0..{n}]"))
    }
}
