//! Sums of many elements: weights that are state, outer products, reductions along axes; lists.

use super::maker::{Maker, Name, Role, Scope};
use super::tree::{Expr, Kind, form};

impl Maker<'_> {
    /// Something of this shape that is made from arrays of other shapes, or turned round.
    pub(super) fn arranged(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Expr {
        let all = [Maker::outer, Maker::reduced, Maker::reduced, Maker::listed_values, Maker::flip];
        let make = self.pick(&all);
        match make(self, scope, kind, shape, depth) {
            Some(made) => made,
            None => self.leaf(scope, kind, shape),
        }
    }

    /// `outer(a, b)`.
    fn outer(&mut self, scope: &Scope, kind: Kind, shape: &[usize], depth: usize) -> Option<Expr> {
        if !self.may.outer || kind == Kind::Bool || scope.uniform.is_some() {
            return None;
        }
        self.mark("outer");
        let cut = self.below(shape.len() + 1);
        let of = |maker: &mut Self| match kind {
            Kind::Int if maker.one_in(3) => Kind::Bool,
            kind => kind,
        };
        let (a, b) = (of(self), of(self));
        let a = self.exact(scope, a, &shape[..cut], depth);
        let b = self.exact(scope, b, &shape[cut..], depth);
        Some(form!(kind, shape; "outer(", a, ", ", b, ")"))
    }

    /// `sum(x, axis: k)` and its like.
    fn reduced(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        if !self.may.axes || scope.uniform.is_some() || shape.len() > 2 {
            return None;
        }
        self.mark("axes");
        let (function, of) = match (kind, self.below(4)) {
            (Kind::Bool, n) => (["any", "all", "min", "max"][n], Kind::Bool),
            (Kind::Int, 0) => ("argmax", self.pick(&[Kind::Int, Kind::F64, Kind::F32, Kind::Bool])),
            (Kind::Int, 1) => ("sum", self.pick(&[Kind::Bool, Kind::Int])),
            (Kind::F64, 0) => ("mean", self.pick(&[Kind::F64, Kind::Int, Kind::Bool])),
            (_, n) => (["sum", "sum", "min", "max"][n], kind),
        };
        // Something in scope that has one axis more, or any number.
        let known: Vec<(usize, usize)> = scope
            .names
            .iter()
            .filter(|n| n.kind == of && n.shape.len() == shape.len() + 1)
            .filter_map(|n| {
                let rest = |axis: usize| {
                    let rest = n.shape.iter().enumerate().filter(move |(i, _)| *i != axis);
                    rest.map(|(_, n)| *n)
                };
                let axis = (0..n.shape.len()).find(|a| rest(*a).eq(shape.iter().copied()))?;
                Some((axis, n.shape[axis]))
            })
            .collect();
        let (axis, n) = match known.is_empty() || self.one_in(4) {
            true => (self.below(shape.len() + 1), 1 + self.below(4)),
            false => self.pick(&known),
        };
        let mut full = shape.to_vec();
        full.insert(axis, n);
        let mut axes = vec![axis];
        if full.len() < 3 && self.one_in(3) {
            self.mark("several axes");
            let other = self.below(full.len() + 1);
            full.insert(other, 1 + self.below(3));
            axes = vec![axis + usize::from(other <= axis), other];
        }
        let rank = full.len() as i64;
        let negative = self.one_in(3);
        if negative {
            self.mark("negative axis");
        }
        let written: Vec<String> = axes
            .iter()
            .map(|a| (*a as i64 - if negative { rank } else { 0 }).to_string())
            .collect();
        let written = match written.len() {
            1 => written[0].clone(),
            _ => format!("[{}]", written.join(", ")),
        };
        let of = self.exact(scope, of, &full, depth);
        Some(form!(kind, shape; format!("{function}("), of, format!(", axis: {written})")))
    }

    /// `[x, y]`.
    fn listed_values(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        let (n, rest) = shape.split_first()?;
        if *n > 4 || scope.uniform.is_some() {
            return None;
        }
        self.mark("list of values");
        let mut pieces = vec!["[".into()];
        for i in 0..*n {
            if i > 0 {
                pieces.push(", ".into());
            }
            pieces.push(self.exact(scope, kind, rest, depth.min(1)).into());
        }
        pieces.push("]".into());
        Some(Expr { kind, shape: shape.to_vec(), pieces })
    }

    /// `flip(x, axes)`.
    fn flip(&mut self, scope: &Scope, kind: Kind, shape: &[usize], depth: usize) -> Option<Expr> {
        if shape.is_empty() {
            return None;
        }
        self.mark("flip");
        let of = self.exact(scope, kind, shape, depth);
        let axes = match (scope.uniform.is_some(), shape.len(), self.below(3)) {
            (true, ..) => "0".to_string(),
            (_, 2, 0) => "[0, 1]".into(),
            (_, _, 1) => "-1".into(),
            (_, n, _) => self.below(n).to_string(),
        };
        Some(form!(kind, shape; "flip(", of, format!(", {axes})")))
    }

    /// `w @ x` with weights that are in scope, or computed.
    pub(super) fn live(
        &mut self,
        scope: &Scope,
        (kind, input): (Kind, Kind),
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        let number = |n: &Name| match kind {
            Kind::Int => n.kind == Kind::Int || n.kind == Kind::Bool,
            _ => n.kind == Kind::F64 || n.kind == Kind::F32,
        };
        let fits = |n: &&Name| {
            number(n)
                && matches!(n.role, Role::Var(_) | Role::Read)
                && n.shape.len() == shape.len() + 1
                && n.shape[..shape.len()] == *shape
        };
        let names: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
        let size: usize = shape.iter().product();
        if names.is_empty() || self.one_in(6) {
            if size > 16 || !self.one_in(3) || scope.known {
                return None;
            }
            self.mark("computed weights");
            let n = 1 + self.below(4);
            let full = [shape, &[n]].concat();
            let weights = self.exact(scope, kind, &full, depth);
            let vector = self.exact(scope, input, &[n], depth);
            return Some(form!(kind, shape; "(", weights, " @ ", vector, ")"));
        }
        self.mark("variable weights");
        let weights = self.pick(&names);
        let n = weights.shape[shape.len()];
        let vector = self.exact(scope, input, &[n], depth);
        Some(form!(kind, shape; "(", weights.text, " @ ", vector, ")"))
    }

    /// A convolution with a kernel that is state.
    pub(super) fn live_kernel(
        &mut self,
        scope: &Scope,
        (kind, input): (Kind, Kind),
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        let fits = |n: &&Name| {
            n.kind == kind
                && matches!(n.role, Role::Var(_))
                && n.shape.len() == 4
                && n.shape[0] == shape[2]
        };
        let names: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
        if names.is_empty() {
            return None;
        }
        self.mark("variable kernel");
        let w = self.pick(&names);
        let x = [shape[0] + w.shape[1] - 1, shape[1] + w.shape[2] - 1, w.shape[3]];
        let x = self.exact(scope, input, &x, depth);
        Some(form!(kind, shape; format!("conv2d({}, ", w.text), x, ")"))
    }
}
