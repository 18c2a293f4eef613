//! Loops, and the expressions in them.

use super::{Checked, Checker, ensure};
use crate::step::{Access, BufferId, Expr, ExprKind, Fit, Kind, Loop, Reduce, Source, Stmt};
use std::collections::BTreeMap;

/// Where an expression stands.
struct Scope<'a> {
    domain: &'a [usize],
    /// The kinds of the locals defined so far, by number.
    locals: Vec<Option<Kind>>,
    /// What is stored, each by the one access that may touch it.
    stored: BTreeMap<BufferId, Option<&'a Access>>,
}

impl Checker<'_> {
    pub(super) fn elementwise(&self, body: &Loop) -> Checked {
        let mut scope = Scope {
            domain: &body.domain,
            locals: vec![None; body.locals as usize],
            stored: BTreeMap::new(),
        };
        for statement in &body.body {
            let Stmt::Store { to, .. } = statement else { continue };
            let Source::Buffer(buffer) = to.source else {
                return Err("a tensor is stored to".into());
            };
            let known = scope.stored.entry(buffer).or_insert(Some(to));
            let name = || self.buffer(buffer).map(|b| b.name.clone()).unwrap_or_default();
            ensure(*known == Some(to), || format!("`{}` is stored at two places", name()))?;
            ensure(apart(&to.strides, &body.domain), || {
                format!("elements of the domain share one of `{}`", name())
            })?;
        }
        for statement in &body.body {
            match statement {
                Stmt::Let { local, value, .. } => {
                    self.expr(&scope, value)?;
                    let place = scope.locals.get_mut(*local as usize);
                    let place = place.ok_or_else(|| format!("there is no local {local}"))?;
                    let defined = place.replace(value.kind);
                    ensure(defined.is_none(), || format!("local {local} is defined twice"))?;
                }
                Stmt::Store { to, value, fit, mask } => {
                    if let Some(mask) = mask {
                        self.expr(&scope, mask)?;
                        ensure(mask.kind == Kind::Bool, || "a mask is no condition".into())?;
                    }
                    self.expr(&scope, value)?;
                    self.access(&scope, to)?;
                    let (name, elem, _) = self.source(to.source)?;
                    ensure(value.kind == elem.kind(), || {
                        format!("`{name}`, {elem:?}, is given a value of kind {:?}", value.kind)
                    })?;
                    let fits = match fit {
                        Fit::Exact => true,
                        Fit::Wrap { bits, .. } | Fit::Sat { bits, .. } => {
                            (1..=64).contains(bits) && value.kind == Kind::Int
                        }
                    };
                    ensure(fits, || format!("{fit:?} of a {:?} in `{name}`", value.kind))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn reduced_value(&self, r: &Reduce) -> Checked {
        // No access may touch it.
        let stored = BTreeMap::from([(r.dst, None)]);
        let scope = Scope { domain: &r.domain, locals: Vec::new(), stored };
        self.expr(&scope, &r.value)
    }

    fn access(&self, scope: &Scope<'_>, access: &Access) -> Checked {
        let (name, _, len) = self.source(access.source)?;
        ensure(access.strides.len() == scope.domain.len(), || {
            let (strides, domain) = (&access.strides, scope.domain);
            format!("`{name}` is accessed by strides {strides:?} over {domain:?}")
        })?;
        ensure(!self.is_sparse(access.source), || format!("`{name}` is sparse"))?;
        if let Source::Buffer(buffer) = access.source
            && let Some(only) = scope.stored.get(&buffer)
        {
            ensure(*only == Some(access), || {
                format!("`{name}` is read elsewhere than where it is stored")
            })?;
        }
        let (mut low, mut high) = (i128::from(access.offset), i128::from(access.offset));
        let mut walk = |stride: i64, extent: usize| {
            let last = i128::from(stride) * (extent as i128 - 1);
            low += last.min(0);
            high += last.max(0);
        };
        for (stride, extent) in access.strides.iter().zip(scope.domain) {
            walk(*stride, *extent);
        }
        for dynamic in &access.dynamic {
            walk(dynamic.stride, dynamic.extent);
            ensure(dynamic.index.kind == Kind::Int, || {
                format!("an index into `{name}` is no integer")
            })?;
            self.expr(scope, &dynamic.index)?;
            ensure(same_for_all(&dynamic.index), || {
                format!("an index into `{name}` is not the same for all elements")
            })?;
        }
        let reached = !scope.domain.contains(&0) && !access.dynamic.iter().any(|d| d.extent == 0);
        ensure(!reached || (low >= 0 && high < len as i128), || {
            format!("elements {low}..={high} of `{name}`, which has {len}")
        })
    }

    /// That an expression is made as its nodes say, and so are its operands.
    fn expr(&self, scope: &Scope<'_>, e: &Expr) -> Checked {
        for operand in operands(e) {
            self.expr(scope, operand)?;
        }
        let kind = match &e.node {
            ExprKind::Int(_) => matches!(e.kind, Kind::Int | Kind::Bool),
            ExprKind::Float(_) => e.kind.is_float(),
            ExprKind::Local(n) => {
                let defined = scope.locals.get(*n as usize).copied().flatten();
                let kind = defined.ok_or_else(|| format!("local {n} is used before it is set"))?;
                kind == e.kind
            }
            ExprKind::Load(access) => {
                self.access(scope, access)?;
                self.source(access.source)?.1.kind() == e.kind
            }
            ExprKind::Time => e.kind == Kind::Int,
            ExprKind::Random { .. } => e.kind == Kind::F64,
            ExprKind::Apply(op, operands) => {
                let kinds: Vec<Kind> = operands.iter().map(|e| e.kind).collect();
                op.result(&kinds) == Some(e.kind)
            }
        };
        ensure(kind, || format!("kinds do not agree in {e:?}"))
    }
}

/// What an expression is computed from, besides what it loads.
fn operands(e: &Expr) -> Vec<&Expr> {
    match &e.node {
        ExprKind::Apply(_, operands) => operands.iter().collect(),
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Local(_)
        | ExprKind::Load(_)
        | ExprKind::Time
        | ExprKind::Random { .. } => Vec::new(),
    }
}

/// Whether an expression loads only elements that do not depend on the loop.
fn same_for_all(e: &Expr) -> bool {
    let fixed = match &e.node {
        ExprKind::Load(access) => access.strides.iter().all(|stride| *stride == 0),
        _ => true,
    };
    fixed && operands(e).into_iter().all(same_for_all)
}

/// Whether different elements of a domain are found at different places: each stride leads
/// further than all smaller ones together.
fn apart(strides: &[i64], domain: &[usize]) -> bool {
    let axes = strides.iter().zip(domain).filter(|(_, extent)| **extent > 1);
    let mut axes: Vec<(u64, usize)> = axes.map(|(s, extent)| (s.unsigned_abs(), *extent)).collect();
    axes.sort_unstable();
    let mut reach: u128 = 0;
    domain.contains(&0)
        || axes.into_iter().all(|(stride, extent)| {
            let further = u128::from(stride) > reach;
            reach += u128::from(stride) * (extent as u128 - 1);
            further
        })
}
