//! Elements in another arrangement: subscripts, slices, transposes, reshapes, joins.

use super::maker::{Maker, Name, Scope};
use super::tree::{Expr, Kind, form};

impl Maker<'_> {
    /// A view of something of another shape, where there is one.
    pub(super) fn view(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        if scope.uniform.is_some() {
            return None;
        }
        match self.below(9) {
            0..=3 => self.element(scope, kind, shape, depth),
            4 => self.sliced(scope, kind, shape),
            5 if shape.len() == 2 => {
                self.mark("transpose");
                let of = self.exact(scope, kind, &[shape[1], shape[0]], depth);
                Some(match self.below(3) {
                    0 => form!(kind, shape; "transpose(", of, ", [1, 0])"),
                    1 => form!(kind, shape; "(", of, ").transpose()"),
                    _ => form!(kind, shape; "transpose(", of, ")"),
                })
            }
            5 if shape.len() == 3 => {
                self.mark("transpose");
                let of = self.exact(scope, kind, &[shape[1], shape[2], shape[0]], depth);
                Some(form!(kind, shape; "transpose(", of, ", [2, 0, 1])"))
            }
            6 if !shape.is_empty() => {
                let count = shape.iter().product::<usize>();
                let fits = |n: &&Name| {
                    n.kind == kind && n.shape != shape && n.shape.iter().product::<usize>() == count
                };
                let names: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
                let of = match names.is_empty() {
                    true => self.exact(scope, kind, &[count], depth),
                    false => {
                        let name = self.pick(&names);
                        form!(kind, name.shape; name.text)
                    }
                };
                if shape.len() == 1 {
                    self.mark("flatten");
                    return Some(form!(kind, shape; "flatten(", of, ")"));
                }
                self.mark("reshape");
                Some(form!(kind, shape; "reshape(", of, format!(", {shape:?})")))
            }
            7 | 8 if !shape.is_empty() => {
                let axis = self.below(shape.len());
                if shape[axis] < 2 {
                    return None;
                }
                self.mark("concat");
                let (mut a, mut b) = (shape.to_vec(), shape.to_vec());
                a[axis] = 1 + self.below(shape[axis] - 1);
                b[axis] = shape[axis] - a[axis];
                let (a, b) =
                    (self.exact(scope, kind, &a, depth), self.exact(scope, kind, &b, depth));
                Some(form!(kind, shape; "concat(", a, ", ", b, format!(", axis: {axis})")))
            }
            _ => None,
        }
    }

    /// `x[…, k, …]` of something with one axis more.
    fn element(
        &mut self,
        scope: &Scope,
        kind: Kind,
        shape: &[usize],
        depth: usize,
    ) -> Option<Expr> {
        let without = |full: &[usize]| {
            (0..full.len()).find(|a| {
                let rest = full.iter().enumerate().filter(|(i, _)| i != a).map(|(_, n)| *n);
                rest.eq(shape.iter().copied())
            })
        };
        let fits = |n: &&Name| n.kind == kind && without(&n.shape).is_some();
        let names: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
        if names.is_empty() {
            return None;
        }
        let name = self.pick(&names);
        let axis = without(&name.shape)?;
        let extent = name.shape[axis];
        let index = match self.one_in(3) {
            true => {
                self.mark("index");
                form!(Kind::Int, []; self.below(extent).to_string())
            }
            false => {
                self.mark("computed index");
                self.position(scope, extent, depth)
            }
        };
        let mut pieces = vec![name.text.clone().into(), "[".into()];
        for _ in 0..axis {
            pieces.push("..".into());
            pieces.push(", ".into());
        }
        pieces.push(index.into());
        for _ in axis + 1..name.shape.len() {
            if self.one_in(3) {
                pieces.push(", ..".into());
                continue;
            }
            break;
        }
        pieces.push("]".into());
        Some(Expr { kind, shape: shape.to_vec(), pieces })
    }

    /// `x[lo..hi, …]` of something larger.
    fn sliced(&mut self, scope: &Scope, kind: Kind, shape: &[usize]) -> Option<Expr> {
        let larger = |full: &[usize]| {
            full.len() == shape.len()
                && full != shape
                && full.iter().zip(shape).all(|(a, b)| a >= b)
        };
        let fits = |n: &&Name| n.kind == kind && larger(&n.shape);
        let names: Vec<Name> = scope.names.iter().filter(fits).cloned().collect();
        if names.is_empty() || shape.is_empty() {
            return None;
        }
        self.mark("slice");
        let name = self.pick(&names);
        let ranges = self.ranges(&name.shape, shape);
        Some(form!(kind, shape; name.text, format!("[{}]", ranges.join(", "))))
    }

    /// Subscripts that pick a part of this shape.
    pub(super) fn ranges(&mut self, full: &[usize], part: &[usize]) -> Vec<String> {
        let each = full.iter().zip(part).map(|(n, m)| {
            let lo = self.choices.below(n - m + 1);
            match (lo, lo + m == *n, self.choices.below(2)) {
                (0, true, _) => "..".to_string(),
                (0, _, 1) => format!("..{m}"),
                (lo, true, 1) => format!("{lo}.."),
                (lo, ..) => format!("{lo}..{}", lo + m),
            }
        });
        each.collect()
    }
}
